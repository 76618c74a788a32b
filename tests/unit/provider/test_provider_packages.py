"""Providers that Python packages bring: installed, configured by name, tested, and asked by a capture."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sif import pack
from sif.cli import main
from sif.errors import Exit
from sif.problems import SifRejected
from sif.provider.config import read_config
from sif.provider.discover import entry_points
from sif.provider.entry import entries

DOCS = Path(__file__).resolve().parents[3] / "docs"
VOLUMES = ({"id": "root", "mount": "/", "type": "ext4"},)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for packages with one in it: the example of the page on the provider API."""
    (code,) = re.findall(r"```python provider\n(.*?)```", (DOCS / "provider-api.md").read_text("utf-8"), re.DOTALL)
    place = tmp_path / "site"
    about = place / "acme_lifeboat-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-lifeboat\nVersion: 1\n")
    (about / "entry_points.txt").write_text(
        "[console_scripts]\nacme-other = acme_lifeboat:nothing\n"
        "[lifeboat.providers]\nacme = acme_lifeboat:main\nacme-nested = acme_lifeboat:Inner.main [extra]\n"
        "acme-module = acme_lifeboat\n")
    (place / "acme_lifeboat.py").write_text(code + "\nclass Inner:\n    main = staticmethod(main)\n")
    monkeypatch.syspath_prepend(place)
    return place


def configured(tmp_path: Path, text: str) -> Path:
    folder = tmp_path / "providers"
    folder.mkdir()
    (folder / "acme.conf").write_text(text)
    return folder


def test_only_functions_of_our_group_are_providers(site: Path) -> None:
    assert {"acme", "acme-nested"} <= set(entry_points()) and not {"acme-other", "acme-module"} & set(entry_points())


@pytest.mark.parametrize("program", ["", "program = acme-nested\n", "program = acme\n"])
def test_a_capture_asks_a_configured_one(site: Path, tmp_path: Path, program: str) -> None:
    folder = configured(tmp_path, f'[PROVIDER acme]\n{program}server = "vault.example.org"\n')
    (entry,) = entries(read_config(folder), VOLUMES, backup=False)
    assert entry.files == {"files/acme/server": b"vault.example.org"}
    assert [getattr(record, "target", "") for record in entry.records] == ["/opt/acme/server"]


def test_one_that_is_not_installed_is_refused_with_those_that_are(site: Path, tmp_path: Path) -> None:
    with pytest.raises(SifRejected) as caught:
        read_config(configured(tmp_path, '[PROVIDER acme2]\nserver = "x"\n'))
    (problem,) = caught.value.problems
    assert problem.found == "acme2" and "restic" in str(problem.wanted) and "acme-nested" in str(problem.wanted)


def test_it_holds_every_check_of_the_kit(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["provider", "test", "acme", "--config", "server=x", "--config-dir", str(tmp_path)]) == Exit.OK
    assert "FAIL" not in capsys.readouterr().out


def test_the_one_file_runs_them_too(site: Path, tmp_path: Path) -> None:
    made = tmp_path / "sif.pyz"
    assert pack.main([str(made)]) == 0
    outside = getattr(sys, "_base_executable", sys.executable)  # a virtual environment may have `sif` itself
    done = subprocess.run([outside, str(made), "provider", "test", "acme", "--config", "server=x",
                           "--config-dir", str(tmp_path)], env={"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin"},
                          cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == Exit.OK, done.stdout + done.stderr
