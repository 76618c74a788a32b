"""Restore programs really run: order, retries, error commands, the journal, and restic from a real repository."""

import json
import re
import shutil
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, List, Tuple

import pytest

from rescue.commands import CommandResult, CommandRunner, Outcome, in_order
from rescue.console import Unattended
from rescue.events import Event, Events, State
from rescue.failures import RestoreFailed
from rescue.journal import Journal
from rescue.progress import Reading, read_progress
from rescue.stores import ReadyStore
from rescue.values import NoValue, inside, values_of
from sif.model import (
    Btrfs,
    Command,
    FileSystem,
    Firmware,
    FsType,
    Phase,
    Progress,
    Ref,
    Store,
    StoreKind,
    Subvolume,
    System,
    SystemInformation,
    Then,
    Version,
)
from sif.run import run


@dataclass
class Kept:
    events: List[Event] = field(default_factory=list)

    def show(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> None:
        return


def command(ident: str, *argv: str, **keys: Any) -> Command:
    base: "dict[str, Any]" = {"phase": Phase.RESTORE, "vendor": "test", "title": f"Step {ident}"}
    return Command(ident, argv=argv, **{**base, **keys})


def saved_with(*commands: Command, store: "Store | None" = None) -> SystemInformation:
    return SystemInformation(
        version=Version("$SIF$", "2.0", "5b7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d11", 1, 1),
        system=System("w", hostname="web01", firmware=Firmware.BIOS, arch="x86_64", boot_fs=Ref("root"),
                      root_fs=Ref("root")),
        filesystems=(FileSystem("root", Ref("d0p1"), FsType.EXT4, "u", mount="/"),
                     FileSystem("srv", Ref("d0p2"), FsType.XFS, "v", mount="/srv", used_bytes=102400)),
        stores=(store,) if store else (), commands=commands)


def runner(tmp_path: Path, saved: SystemInformation, location: str = "") -> Tuple[CommandRunner, Kept]:
    kept = Kept()
    target = tmp_path / "target"
    target.mkdir(exist_ok=True)
    ready = [ReadyStore(store.id, location) for store in saved.stores]
    values = values_of(saved, ready, target, tmp_path / "set", "6.12")
    return CommandRunner(saved, values, target, tmp_path / "set/dr_state.sif", tmp_path / "log",
                         Journal(tmp_path / "journal.jsonl"), Events(2, [kept]), Unattended(), True), kept


def test_commands_run_by_number_with_the_promised_environment(tmp_path: Path) -> None:
    out = tmp_path / "out"
    script = f'echo "$RESCUE_SEQUENCE $RESCUE_PHASE $RESCUE_TARGET $WHO $1" >> {out}'
    saved = saved_with(command("10000", "sh", "-c", script, "sh", "${mount:srv}"),
                       command("2000", "sh", "-c", script, "sh", "$HOME ${hostname}", env=("WHO=${set}",)))
    assert [c.id for c in in_order(saved, Phase.RESTORE)] == ["2000", "10000"]
    runner(tmp_path, saved)[0].run_phase(Phase.RESTORE)
    target = tmp_path / "target"
    assert out.read_text().splitlines() == [
        f"2000 2 {target} {tmp_path}/set $HOME web01", f"10000 2 {target}  {target}/srv"]


def test_a_value_is_never_scanned_again(tmp_path: Path) -> None:
    store = Store("s", StoreKind.RESTIC, "x", snapshot="${target}")
    made = runner(tmp_path, saved_with(store=store))[0].values
    assert made.fill("${snapshot:s}") == "${target}"
    with pytest.raises(NoValue, match="list of substitutions"):
        made.fill("${shell}")
    with pytest.raises(NoValue, match="no value"):
        made.fill("${mount:gone}")


def test_the_vendor_guide_has_every_variable_and_every_kind_of_progress(tmp_path: Path) -> None:
    guide = (Path(__file__).resolve().parents[3] / "docs/vendor-guide.md").read_text("utf-8")
    saved = saved_with(command("2000", "false", on_error=Ref("9000")),
                       command("9000", "sh", "-c", f"env > {tmp_path}/seen", phase=Phase.ERROR, then=Then.CONTINUE))
    runner(tmp_path, saved)[0].run_phase(Phase.RESTORE)
    seen = {line.partition("=")[0] for line in (tmp_path / "seen").read_text().splitlines()}
    given = {name for name in seen if name.startswith("RESCUE_")}
    assert given == set(re.findall(r"`(RESCUE_[A-Z_]+)`", guide))
    assert {kind.value for kind in Progress} <= set(re.findall(r"^\| `([a-z-]+)` \|", guide, re.MULTILINE))


def test_subvolumes_have_a_place_like_file_systems(tmp_path: Path) -> None:
    saved = replace(saved_with(), btrfs=(Btrfs("tank", (Ref("d0p3"),), "w", mount="/tank"),),
                    subvolumes=(Subvolume("home", Ref("tank"), "@home", mount="/home"),
                                Subvolume("deep", Ref("tank"), "@home/deep")))
    made = runner(tmp_path, saved)[0]
    assert made.values.fill("${mount:tank} ${mount:home}") == f"{made.target}/tank {made.target}/home"
    assert inside(made.values, made.target).fill("${mount:home}") == "/home"
    with pytest.raises(NoValue):
        made.values.fill("${mount:deep}")


def test_inside_the_restored_system_paths_begin_at_its_root(tmp_path: Path) -> None:
    store = Store("s", StoreKind.RESTIC, "/restic")
    made = runner(tmp_path, saved_with(store=store), location="/run/lifeboat/store/s/restic")[0]
    seen = inside(made.values, made.target)
    assert (seen.fill("${target}"), seen.fill("${mount:srv}")) == ("/", "/srv")
    with pytest.raises(NoValue):
        seen.fill("${store:s}")


def test_a_finished_command_is_not_run_again_after_a_restart(tmp_path: Path) -> None:
    out = tmp_path / "out"
    saved = saved_with(command("2000", "sh", "-c", f"echo once >> {out}"),
                       command("3000", "sh", "-c", f"test -e {tmp_path}/repaired"))
    with pytest.raises(RestoreFailed, match="Step 3000"):
        runner(tmp_path, saved)[0].run_phase(Phase.RESTORE)
    (tmp_path / "repaired").touch()
    results = runner(tmp_path, saved)[0].run_phase(Phase.RESTORE)
    assert out.read_text() == "once\n"
    assert [(r.id, r.outcome) for r in results] == [("2000", Outcome.DONE), ("3000", Outcome.DONE)]


def test_a_command_is_tried_as_often_as_it_says(tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    script = f"echo x >> {tries}; test $(wc -l < {tries}) -ge 3"
    made, kept = runner(tmp_path, saved_with(command("2000", "sh", "-c", script, retries=2)))
    (result,) = made.run_phase(Phase.RESTORE)
    assert (result.attempts, result.outcome) == (3, Outcome.DONE)
    assert [e.state for e in kept.events if e.state is not State.STARTED] == [
        State.FAILED, State.FAILED, State.FINISHED]


@pytest.mark.parametrize(("status", "success"), [(3, (0, 3)), (0, (0,))])
def test_exit_codes_that_mean_success(tmp_path: Path, status: int, success: Tuple[int, ...]) -> None:
    made, _ = runner(tmp_path, saved_with(command("2000", "sh", "-c", f"exit {status}", success=success)))
    assert made.run_phase(Phase.RESTORE)[0].outcome is Outcome.DONE


def handled(tmp_path: Path, then: Then, **keys: Any) -> Tuple[CommandResult, ...]:
    handler = command("9000", "sh", "-c", f'echo "$RESCUE_FAILED_SEQUENCE $RESCUE_EXIT_STATUS" > {tmp_path}/handled; '
                      f"touch {tmp_path}/repaired", phase=Phase.ERROR, then=then)
    failing = command("2000", "sh", "-c", f"test -e {tmp_path}/repaired || exit 7", on_error=Ref("9000"), **keys)
    return runner(tmp_path, saved_with(failing, handler))[0].run_phase(Phase.RESTORE)


def test_an_error_command_hears_what_failed_and_can_let_the_restore_go_on(tmp_path: Path) -> None:
    (result,) = handled(tmp_path, Then.CONTINUE)
    assert (result.outcome, result.status) == (Outcome.FAILED, 7)
    assert (tmp_path / "handled").read_text() == "2000 7\n"


def test_an_error_command_can_have_the_command_run_again(tmp_path: Path) -> None:
    assert handled(tmp_path, Then.RETRY)[0].outcome is Outcome.DONE


@pytest.mark.parametrize("then", [Then.STOP, Then.SHELL])
def test_an_error_command_can_stop_and_a_shell_needs_an_operator(tmp_path: Path, then: Then) -> None:
    with pytest.raises(RestoreFailed, match="exit status 7"):
        handled(tmp_path, then)


def test_without_an_error_command_only_a_critical_failure_stops(tmp_path: Path) -> None:
    made, _ = runner(tmp_path, saved_with(command("2000", "false", critical=False), command("3000", "true")))
    assert [r.outcome for r in made.run_phase(Phase.RESTORE)] == [Outcome.FAILED, Outcome.DONE]
    made, _ = runner(tmp_path, saved_with(command("4000", "no-such-program-at-all")))
    with pytest.raises(RestoreFailed, match="exit status 127"):
        made.run_phase(Phase.RESTORE)


def test_a_failure_shows_what_the_program_complained_of_and_not_how_far_it_was(tmp_path: Path) -> None:
    """restic goes on after an error, with hundreds of status lines."""
    said = tmp_path / "said"
    said.write_text('{"message_type":"error","item":"/srv"}\n'
                    + '{"message_type":"status","percent_done":0.5}\n' * 60)
    made, _ = runner(tmp_path, saved_with(command("2000", "sh", "-c", f"cat {said}; exit 1",
                                                  progress=Progress.JSON_LINES)))
    with pytest.raises(RestoreFailed) as caught:
        made.run_phase(Phase.RESTORE)
    assert '"item":"/srv"' in str(caught.value) and "percent_done" not in str(caught.value)


def test_a_command_that_hangs_is_ended(tmp_path: Path) -> None:
    made, _ = runner(tmp_path, saved_with(command("2000", "sleep", "600", timeout_s=1)))
    with pytest.raises(RestoreFailed, match="exit status 124"):
        made.run_phase(Phase.RESTORE)


@pytest.mark.parametrize(("line", "kind", "reading"), [
    ('{"message_type":"status","percent_done":0.5,"total_bytes":2097152,"bytes_restored":1048576}',
     Progress.JSON_LINES, Reading(0.5, "1 of 2 MiB")),
    ('{"message_type":"summary"}', Progress.JSON_LINES, None),
    ("tar: Read checkpoint 5", Progress.LINES, Reading(0.5, "0 MiB read")),
    ("  42.5% done", Progress.LINES, Reading(0.425, "")),
    ("42%", Progress.NONE, None),
    ("12345% of nothing", Progress.LINES, None),
])
def test_progress_is_read_from_what_programs_print(line: str, kind: Progress, reading: "Reading | None") -> None:
    assert read_progress(line, kind, 102400) == reading


@pytest.mark.skipif(shutil.which("restic") is None, reason="needs restic")
def test_restic_brings_files_back_from_a_read_only_repository(tmp_path: Path) -> None:
    source, repository = tmp_path / "source", tmp_path / "repository"
    (source / "etc").mkdir(parents=True)
    (source / "etc/größe").write_text("x" * 100_000)
    (source / "etc/shadow").write_text("secret")
    (source / "etc/shadow").chmod(0o640)
    (source / "link").symlink_to("etc/shadow")
    secret = {"RESTIC_PASSWORD": "x", "RESTIC_CACHE_DIR": str(tmp_path / "cache")}
    restic = ["restic", "-r", str(repository)]
    run([*restic, "init"], timeout=60, env=secret)
    run([*restic, "backup", "--json", "."], timeout=60, env=secret, cwd=str(source))
    snapshot = json.loads(run([*restic, "snapshots", "--json"], timeout=60, env=secret).stdout)[0]["id"]
    for path in repository.rglob("*"):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222)

    saved = saved_with(
        command("2000", "restic", "-r", "${store:s}", "--no-lock", "--no-cache", "restore", "${snapshot:s}",
                "--target", "${target}", env=("RESTIC_PASSWORD=x",), progress=Progress.JSON_LINES),
        store=Store("s", StoreKind.RESTIC, "/repository", snapshot=snapshot))
    made, kept = runner(tmp_path, saved, location=str(repository))
    (result,) = made.run_phase(Phase.RESTORE)
    assert result.outcome is Outcome.DONE
    target = tmp_path / "target"
    assert (target / "etc/größe").read_text() == "x" * 100_000
    assert stat.S_IMODE((target / "etc/shadow").stat().st_mode) == 0o640
    assert (target / "link").readlink() == Path("etc/shadow")
    assert (target / "etc/größe").stat().st_mtime_ns == (source / "etc/größe").stat().st_mtime_ns
    assert "restic -r" in (tmp_path / "log/command-2000.log").read_text()
    assert kept.events[-1].state is State.FINISHED
