"""The project keeps its own rules: rooms, doors, exit codes, file sizes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from sif.errors import Exit

ROOT = Path(__file__).resolve().parents[2]
INSIDE_GUESTS = {"drill/server/content.py", "drill/server/install.py"}
"""Scripts that are copied into a guest and run there alone, without our packages."""

SOURCES = sorted(
    path for room in ("sif", "rescue", "drill", "builder_lib") for path in (ROOT / room).rglob("*.py")
) + [ROOT / "builder.py"]


def imported(path: Path) -> set[str]:
    """Top-level names of the modules a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize(("module", "door"), [
    ("subprocess", "sif/run"),
    ("dbus", "rescue/udisks.py"),
    ("blivet", "rescue/storage/"),
    ("ctypes", "rescue/storage/signatures.py"),
    ("qemu", "drill/"),
])
def test_each_side_effect_has_one_door(module: str, door: str) -> None:
    users = [name for path in SOURCES
             if (name := str(path.relative_to(ROOT))) not in INSIDE_GUESTS and module in imported(path)]
    assert users, f"nothing imports {module}: the rule guards nothing"
    assert [user for user in users if not user.startswith(door)] == []


def test_the_rebuild_never_asks_blivet_to_look_for_itself() -> None:
    """The tree comes from the plan: ``reset`` and ``populate`` would scan disks that are none of ours, and the
    partition table is not libparted's to write. The storage tests watch the same while a rebuild runs."""
    scans = {"reset", "populate", "handle_device", "process", "do_it", "commit", "commit_to_device"}
    called = {node.func.attr: str(path.relative_to(ROOT)) for path in (ROOT / "rescue/storage").rglob("*.py")
              for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
              if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)}
    assert "execute" in called, "nothing runs an action of blivet: the rule guards nothing"
    assert {name: called[name] for name in scans & called.keys()} == {}


def test_no_page_holds_a_merge_that_was_not_finished() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    assert [str(page.relative_to(ROOT)) for page in pages
            if re.search(r"^(<{7} |>{7} )", page.read_text(encoding="utf-8"), re.MULTILINE)] == []


def test_exit_codes_are_documented() -> None:
    text = (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\d+) \| `([A-Z0-9_]+)` \|", text, re.MULTILINE))
    assert rows == {str(int(code)): code.name for code in Exit}


def test_no_file_is_long_enough_to_dread() -> None:
    long = {str(p.relative_to(ROOT)): n for p in SOURCES if (n := len(p.read_text("utf-8").splitlines())) > 420}
    assert long == {}


def test_sif_needs_only_the_standard_library() -> None:
    import sys

    allowed = set(sys.stdlib_module_names) | {"sif", "_sha2"}  # the last one is there from Python 3.12 on
    foreign = {
        str(path.relative_to(ROOT)): extra
        for path in (ROOT / "sif").rglob("*.py")
        if (extra := imported(path) - allowed)
    }
    assert foreign == {}


def test_no_helper_of_the_tests_hides_a_package() -> None:
    """pytest puts the folders of the tests on the path: a helper `qemu.py` there hid the package of that name."""
    used = {name for path in SOURCES for name in imported(path)}
    assert "qemu" in used
    helpers = {path.stem for path in (ROOT / "tests").rglob("*.py") if "/guest/" not in str(path)}
    assert helpers & used == set()
