"""The parameters of a saved ext file system as options of mke2fs and tune2fs. Pure: records in, options out.

The names are those of :mod:`sif.capture.ext`; a set may hold any part of them. Sources: mke2fs(8), tune2fs(8).
"""

from __future__ import annotations

from typing import Dict, List, Mapping, Tuple

from sif.model import FileSystem

_MIB = 1 << 20
_MOST_BLOCKS = (1 << 32) - 1
"""Beyond 32 bits there is no resize inode."""

_FROM_DEFAULTS = ("acl", "user_xattr")
"""Mount options that an mke2fs.conf of the rescue system may set, and that a saved file system may lack."""


def parameters(fs: FileSystem) -> Mapping[str, str]:
    """Name → value of what the set says beyond the keys of an FS."""
    return dict(parameter.partition("=")[::2] for parameter in fs.parameters)


def mke2fs_arguments(fs: FileSystem) -> Dict[str, object]:
    """Options for making it, None for those that the set leaves open."""
    known = parameters(fs)
    return {"-J": _journal(fs, known) or None, "-g": known.get("blocks_per_group"), "-C": known.get("cluster_bytes"),
            "-i": known.get("inode_ratio") if fs.inodes is None else None,
            "-G": known.get("flex_bg"), "-e": known.get("errors"), "-o": known.get("os"),
            "-E": _extended(fs, known) or None}


def _journal(fs: FileSystem, known: Mapping[str, str]) -> str:
    words = []
    if "has_journal" in fs.features and "journal_blocks" in known:
        # mke2fs takes whole MiB; its own journals are never anything else
        words.append(f"size={int(known['journal_blocks']) * (fs.block_size or 4096) // _MIB}")
    if "fast_commit" in fs.features and "fast_commit_blocks" in known:
        words.append(f"fast_commit_size={int(known['fast_commit_blocks']) * (fs.block_size or 4096) // 1024}")
    return ",".join(words)


def _extended(fs: FileSystem, known: Mapping[str, str]) -> str:
    words: List[str] = []
    for name, option in (("stride", "stride"), ("stripe_width", "stripe_width"), ("hash_seed", "hash_seed"),
                         ("mmp_seconds", "mmp_update_interval"), ("encoding", "encoding"),
                         ("encoding_flags", "encoding_flags"), ("revision", "revision")):
        if name in known:
            words.append(f"{option}={known[name]}")
    if "backup_groups" in known:
        words.append(f"num_backup_sb={len(known['backup_groups'].split(','))}")
    room = resize_blocks(fs, known)
    if room:
        words.append(f"resize={room}")
    return ",".join(words)


def resize_blocks(fs: FileSystem, known: Mapping[str, str]) -> int:
    """The size, in blocks, for which mke2fs reserves as many blocks of group descriptors as were there; 0: none."""
    reserved, block = int(known.get("reserved_gdt_blocks", 0)), fs.block_size or 4096
    if not reserved or fs.blocks is None or "resize_inode" not in fs.features:
        return 0
    group = int(known.get("blocks_per_group", 8 * block))  # mke2fs reckons so, also where clusters make groups larger
    per_block = block // int(known.get("desc_bytes", 32))
    groups = -(-(fs.blocks - (1 if block == 1024 else 0)) // group)
    descriptors = -(-groups // per_block)
    return min((descriptors + reserved) * per_block * group, _MOST_BLOCKS)


def tune2fs_arguments(fs: FileSystem) -> Tuple[str, ...]:
    """Options for tune2fs after it was made: what mke2fs does not take, or takes from its configuration."""
    known = parameters(fs)
    found: List[str] = []
    if fs.reserved_blocks is not None:
        found += ["-r", str(fs.reserved_blocks)]  # mke2fs takes only a percentage
    if not set(known) - {"inode_ratio"}:
        return tuple(found)
    wanted = [word for word in known.get("mount_options", "").split(",") if word]
    unwanted = [f"^{word}" for word in _FROM_DEFAULTS if word not in wanted]
    if wanted or unwanted:
        found += ["-o", ",".join([*unwanted, *wanted])]
    extended = [f"{option}={known[name]}" for name, option in (
        ("extended_mount_options", "mount_opts"), ("hash", "hash_alg")) if name in known]
    # mke2fs takes them from what the device says of itself, and has no word for none
    extended += [f"{name}=0" for name in ("stride", "stripe_width") if name not in known]
    if extended:  # of several -E tune2fs takes the last
        found += ["-E", ",".join(extended)]
    found += ["-c", known.get("max_mounts", "-1"), "-i", f"{known.get('check_seconds', '0')}s"]
    for name, option in (("reserved_uid", "-u"), ("reserved_gid", "-g")):
        if name in known:
            found += [option, known[name]]
    return tuple(found)
