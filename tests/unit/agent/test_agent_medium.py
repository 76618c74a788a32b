"""The SIF is found in any case of letters, the conventional name first, and never off the medium."""

from pathlib import Path
from typing import Any, Dict, Mapping

import pytest

from rescue.medium import VisibleFileSystem, distinct, find_sif_files, first_parts, several, wanted
from rescue.settings import parse_address
from rescue.udisks import Objects, _visible

STICK = VisibleFileSystem("/dev/sdb1", "sdb", "vfat", "STICK", "7A3C-91E2", True)
INNER = VisibleFileSystem("/dev/vda1", "vda", "ext4", "data", "d2b1", False)
HEAD = '[VERSION]\nsignature = "$SIF$"\nformat = 2.0\nset_id = {set_id}\npart = {part}\n'
A, B = "5b7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d11", "5b7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d12"


def put(path: Path, set_id: str = A, part: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD.format(set_id=set_id, part=part))
    return path


def test_auto_means_removable_media_and_a_name_means_any() -> None:
    assert wanted(parse_address("auto"), [STICK, INNER]) == (STICK,)
    assert wanted(parse_address("LABEL=data"), [STICK, INNER]) == (INNER,)
    assert wanted(parse_address("UUID=7a3c-91e2"), [STICK, INNER]) == (STICK,)


def test_root_and_one_level_of_directories_are_searched_the_conventional_name_first(tmp_path: Path) -> None:
    other = put(tmp_path / "web01/OTHER.SIF")
    conventional = put(tmp_path / "web01/DR_STATE.SIF")
    put(tmp_path / "a/b/deep.sif")
    assert find_sif_files(tmp_path, None) == (conventional, other)


def test_a_path_is_followed_without_regard_to_case(tmp_path: Path) -> None:
    sif = put(tmp_path / "Web01/DR_STATE.SIF")
    assert find_sif_files(tmp_path, "/web01/dr_state.sif") == (sif,)
    assert find_sif_files(tmp_path, "/web01") == (sif,)
    assert find_sif_files(tmp_path, "/web02") == ()


def test_symbolic_links_are_not_followed(tmp_path: Path) -> None:
    outside = put(tmp_path / "outside/dr_state.sif")
    medium = tmp_path / "medium"
    medium.mkdir()
    (medium / "dr_state.sif").symlink_to(outside)
    (medium / "dir").symlink_to(outside.parent)
    assert find_sif_files(medium, None) == ()
    assert find_sif_files(medium, "/dir/dr_state.sif") == ()


def test_only_first_parts_count_and_copies_of_a_set_are_one(tmp_path: Path) -> None:
    files = [put(tmp_path / "dr_state.sif"), put(tmp_path / "commands.sif", part=2), put(tmp_path / "x/dr_state.sif"),
             put(tmp_path / "y/dr_state.sif", B)]
    (tmp_path / "noise.sif").write_text("rubbish")
    found = distinct(first_parts(STICK, tmp_path, [*files, tmp_path / "noise.sif"]))
    assert [c.set_id for c in found] == [A, B]
    assert "rescue.sif=UUID=7A3C-91E2:/y/dr_state.sif" in str(several(found))


def path(text: str) -> bytes:
    return text.encode() + b"\0"


@pytest.mark.parametrize(("drive", "removable"), [
    ({"Removable": True, "ConnectionBus": "usb"}, True),
    ({"Removable": False, "ConnectionBus": "usb"}, True),
    ({"Optical": True, "ConnectionBus": ""}, True),
    ({"Removable": False, "ConnectionBus": ""}, False),
])
def test_udisks_objects_become_file_systems(drive: "dict[str, object]", removable: bool) -> None:
    prefix = "org.freedesktop.UDisks2."
    whole: Dict[str, Mapping[str, Any]] = {prefix + "Block": {
        "Device": path("/dev/sdb"), "Drive": "/drive", "IdType": "", "IdLabel": "", "IdUUID": "", "Size": 9}}
    part: Dict[str, Mapping[str, Any]] = {
        prefix + "Block": {"Device": path("/dev/sdb1"), "Drive": "/drive", "IdType": "vfat", "IdLabel": "STICK",
                           "IdUUID": "7A3C-91E2", "Size": 8},
        prefix + "Partition": {"Table": "/b/sdb"}, prefix + "Filesystem": {"MountPoints": []}}
    objects: Objects = {"/b/sdb": whole, "/b/sdb1": part, "/drive": {prefix + "Drive": drive}}
    ((found, where),) = _visible(objects)
    assert (found.device, found.disk, found.removable, where) == ("/dev/sdb1", "sdb", removable, "/b/sdb1")
