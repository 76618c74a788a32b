"""Phase 1 runs the set's checks of its stores when these are mounted, and before anything is written."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict, List

import pytest

from rescue import phase1
from rescue.failures import RestoreFailed


@pytest.mark.parametrize("fails", [False, True])
def test_stores_are_checked_before_the_first_write(fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    called: List[str] = []

    def step(name: str, answer: Any) -> Any:
        def run(*_: Any, **__: Any) -> Any:
            called.append(name)
            if name == "run_phase" and fails:
                raise RestoreFailed("no store")
            return answer
        return run

    saved = SimpleNamespace(policy=None, commands=(), stores=(), filesystems=())
    answers: Dict[str, Any] = {
        name: None for name, value in vars(phase1).items()
        if callable(value) and getattr(value, "__module__", "") == "rescue.phase1" and name[0].islower()
        and name not in ("phase1", "prepare")}
    answers.update(continues_pending=False, mount_stores=(), find_images={}, with_kept=None, reboot=None,
                   unlock=SimpleNamespace(wipe=lambda: None), find_medium=SimpleNamespace(sif=Path("/s/x.sif")),
                   read_sif=(SimpleNamespace(info=saved), Path("/s/x.sif")))
    for name, answer in answers.items():
        monkeypatch.setattr(phase1, name, step(name, answer))
    for name in ("values_of", "Journal", "kernel_release"):
        monkeypatch.setattr(phase1, name, lambda *_: None)
    monkeypatch.setattr(phase1, "CommandRunner", lambda *_: SimpleNamespace(run_phase=step("run_phase", ())))
    space = SimpleNamespace(target="t", set="s", root=Path("/r"), logs="l")
    agent: Any = SimpleNamespace(workspace=space, events=None, console=None, settings=SimpleNamespace(auto=True))
    if fails:
        with pytest.raises(RestoreFailed):
            phase1.phase1(agent)
        assert called[-1] == "run_phase"
    else:
        phase1.phase1(agent)
        assert called.index("mount_stores") < called.index("run_phase") < called.index("rebuild_disks")
    assert not {"rebuild_disks", "verify_disks", "stage_phase2", "reboot"} & set(called[:called.index("run_phase")])
