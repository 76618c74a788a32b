"""Where btrfs subvolumes belong in the tree: the ``subvol=`` and ``subvolid=`` of fstab, and what is mounted now."""

from __future__ import annotations

from typing import Callable, Dict, Mapping, Optional, Sequence, Tuple

from sif.model import Btrfs, Ref, Subvolume
from sif.plain import replace

TOP_LEVEL = 5


def named_subvolume(btrfs: Btrfs, subvolumes: Sequence[Subvolume], options: str) -> Optional[str]:
    """The id of what these mount options mount: a subvolume's, or the file system's own for its top level.

    None for a subvolume that is not there. Without a name it is the default one.
    """
    words = dict(word.partition("=")[::2] for word in options.split(","))
    own = [subvolume for subvolume in subvolumes if subvolume.btrfs == btrfs.id]
    if "subvol" in words:
        path = words["subvol"].strip('"').strip("/")
        return btrfs.id if not path else next((sub.id for sub in own if sub.path == path), None)
    if "subvolid" in words:
        number = int(words["subvolid"]) if words["subvolid"].isdigit() else -1
        # 0 is another name of the top level
        return btrfs.id if number in (0, TOP_LEVEL) else next((sub.id for sub in own if sub.number == number), None)
    return str(btrfs.default) if btrfs.default is not None else btrfs.id


Places = Mapping[str, Tuple[str, Optional[str]]]
"""Id → (mount point, options as in fstab or None)."""


def placed(all_btrfs: Sequence[Btrfs], subvolumes: Sequence[Subvolume], places: Places,
           name_for: Callable[[str, str], str]) -> Tuple[Tuple[Btrfs, ...], Tuple[Subvolume, ...]]:
    """The records with mount points, options, telling ids, and whether anything is restored into them.

    ``name_for`` gives the section id of what belongs at a mount point; its second argument is the id so far.
    """
    names: Dict[str, str] = {sub.id: name_for(places[sub.id][0], sub.id) for sub in subvolumes if sub.id in places}
    made = []
    for sub in subvolumes:
        mount, options = places.get(sub.id, (None, None))
        seen = mount is not None or sub.btrfs in places or any(
            other.btrfs == sub.btrfs and other.id in places and sub.path.startswith(other.path + "/")
            for other in subvolumes)
        made.append(replace(sub, id=names.get(sub.id, sub.id), mount=mount, options=options,
                            content="restore" if seen else "none"))
    tops = []
    for btrfs in all_btrfs:
        mount, options = places.get(btrfs.id, (None, None))
        default = Ref(names.get(btrfs.default, btrfs.default)) if btrfs.default is not None else None
        tops.append(replace(btrfs, mount=mount, options=options, default=default))
    return tuple(tops), tuple(made)
