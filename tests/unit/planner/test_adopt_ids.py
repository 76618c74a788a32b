"""What was found gets the ids of what was saved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict

from planner_machines import guid, lvm_id, server

from sif.capture.adopt import renamed_all, with_saved_ids
from sif.capture.storage import Storage
from sif.model import Luks, MdArray, MdLevel, MdMetadata, Ref, SystemInformation


def layered() -> SystemInformation:
    """The server, whose group lies in a LUKS volume on an array."""
    plain = server()
    array = MdArray("md_crypt", "1:2:3:4", MdLevel.RAID1, MdMetadata.V1_2, 2, (Ref("d0p3"), Ref("d1p1")), 1 << 30)
    luks = Luks("luks_md_crypt", Ref("md_crypt"), 2, guid(7), "aes-xts-plain64", 512, 1 << 24)
    return replace(plain, arrays=(array,), luks=(luks,),
                   pvs=(replace(plain.pvs[0], device=Ref("luks_md_crypt")), *plain.pvs[1:]))


def found_as(info: SystemInformation) -> Storage:
    return Storage(info.disks, info.partitions, info.pvs, info.vgs, info.lvs, info.filesystems, info.swaps,
                   {"md_crypt": "/dev/md1"}, arrays=info.arrays, luks=info.luks)


def test_ids_that_a_clash_changed_are_the_saved_ones_again_everywhere() -> None:
    saved = layered()
    names = {"md_crypt": "md_crypt_1", "luks_md_crypt": "luks_md_crypt_1", saved.pvs[0].id: "other",
             saved.vgs[0].id: "group", saved.lvs[0].id: "volume"}
    changed: Dict[str, Any] = {group: renamed_all(getattr(saved, group), names) for group in (
        "arrays", "luks", "pvs", "vgs", "lvs", "filesystems", "swaps")}
    seen = replace(saved, **changed)
    assert seen != saved and any(text.startswith("other:") for lv in seen.lvs for text in lv.segments)
    assert with_saved_ids(found_as(seen), saved) == found_as(saved)


def test_what_has_another_uuid_keeps_its_own_id() -> None:
    saved = layered()
    other = replace(saved, vgs=(replace(saved.vgs[0], id="strange", uuid=lvm_id("zz")), *saved.vgs[1:]))
    assert with_saved_ids(found_as(other), saved) == found_as(other)


def test_every_stripe_of_a_segment_is_renamed() -> None:
    lv = replace(server().lvs[0], segments=("pv0:0:512+pv1:0:512", "pv00:7:1"))
    (changed,) = renamed_all((lv,), {"pv0": "a", "pv1": "b"})
    assert changed.segments == ("a:0:512+b:0:512", "pv00:7:1")
