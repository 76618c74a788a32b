"""Trees are removed without what is mounted in them."""

from __future__ import annotations

from pathlib import Path

from sif.removal import mounts_below, remove_tree

MOUNTINFO = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:5 / /dev rw,relatime shared:2 - devtmpfs devtmpfs rw
24 23 0:21 / /dev/pts rw,relatime shared:3 - devpts devpts rw
30 22 0:5 / /cache/tmp-dib-1/built/dev rw,relatime shared:2 - devtmpfs devtmpfs rw
31 30 0:21 / /cache/tmp-dib-1/built/dev/pts rw,relatime shared:3 - devpts devpts rw
32 22 0:30 / /cache/tmp-dib-10/proc rw - proc proc rw
33 22 0:31 / /cache/tmp-dib-1/a\\040b rw - tmpfs tmpfs rw
"""


def test_only_mounts_in_the_folder_are_found_the_innermost_first() -> None:
    assert mounts_below(Path("/cache/tmp-dib-1"), MOUNTINFO) == (
        "/cache/tmp-dib-1/a b", "/cache/tmp-dib-1/built/dev/pts", "/cache/tmp-dib-1/built/dev")


def test_the_folder_itself_can_be_a_mount_point() -> None:
    assert mounts_below(Path("/dev"), MOUNTINFO) == ("/dev/pts", "/dev")


def test_a_folder_is_removed_and_one_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "tree/sub").mkdir(parents=True)
    (tmp_path / "tree/sub/file").write_text("x")
    remove_tree(tmp_path / "tree")
    assert list(tmp_path.iterdir()) == []
    remove_tree(tmp_path / "tree")


def test_of_a_link_the_link_alone_is_removed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    remove_tree(tmp_path / "link")
    assert [p.name for p in tmp_path.iterdir()] == ["precious"]
    assert (tmp_path / "precious/file").read_text() == "x"
