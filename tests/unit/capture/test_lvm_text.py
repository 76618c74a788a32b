"""LVM's metadata text without the snapshots that are left out."""

from __future__ import annotations

from sif.capture.lvm_text import without_snapshots

VOLUME = """\t\t{name} {{
\t\t\tid = "{name}"

\t\t\tsegment1 {{
{more}\t\t\t}}
\t\t}}
"""


def text(*volumes: str) -> str:
    return ('vg0 {\n\tid = "g"\n\n\tphysical_volumes {\n\n\t\tbackup {\n\t\t\tid = "a PV of that name"\n\t\t}\n\t}\n'
            "\n\tlogical_volumes {\n\n" + "\n".join(volumes) + "\t}\n\n}\n")


def volume(name: str, more: str = "") -> str:
    return VOLUME.format(name=name, more=more)


def snapshot(name: str, origin: str, store: str) -> str:
    return volume(name, f'\t\t\t\ttype = "snapshot"\n\t\t\t\torigin = "{origin}"\n\t\t\t\t{store}\n')


def test_snapshots_go_with_their_stores_and_nothing_else_does() -> None:
    before = text(volume("root"), volume("backup"), snapshot("snapshot0", "root", 'cow_store = "backup"'),
                  volume("data"), volume("old"), snapshot("snapshot1", "data", 'merging_store = "old"'))
    after = without_snapshots(before)
    assert [name for name in ("root", "data", "backup", "old", "snapshot0", "snapshot1")
            if f'id = "{name}"' in after] == ["root", "data"]
    assert "a PV of that name" in after
    assert after.count("{") == after.count("}")


def test_a_text_without_snapshots_stays_as_it_is() -> None:
    assert without_snapshots(text(volume("root"), volume("data"))) == text(volume("root"), volume("data"))
