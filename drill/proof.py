"""Step 6: the recovered machine runs alone, and everything about it is compared with the original."""

from __future__ import annotations

import io
import socket
import tarfile
import urllib.request
from pathlib import Path
from typing import Callable, List, Tuple

from drill import images, replica
from drill.adjusted import require_announced, require_explained
from drill.again import refused
from drill.compare import compare, parse_manifest
from drill.errors import GuestError
from drill.guest import Guest
from drill.original import BOOT_SECONDS, capture, settle, take_manifest
from drill.package import require_put_back
from drill.plan import Bench, Check, KeptPart, Original, Wreck
from drill.ports import free_port
from drill.secret import require_unseen
from drill.server import facts
from drill.spec import Forward, MachineSpec
from drill.typist import unlocking
from drill.vm import Machine
from drill.volatile import VOLATILE
from sif.errors import LifeboatError
from sif.reader import read_set
from sif.removal import remove_tree

ANSWER_SECONDS = 300.0
SHOWN = 12
AGENT_LOGS = "/var/log/lifeboat"


def prove(bench: Bench, original: Original, wreck: Wreck) -> Tuple[Check, ...]:
    """Start the machine from its own disks, with ISO, stick, store and bystanders gone, and check everything."""
    http, ssh = free_port(), free_port()
    spec = MachineSpec(
        name=wreck.log("3-recovered"), firmware=wreck.machine.firmware, folder=bench.logs, sockets=bench.logs,
        accel=bench.accel, vars_file=wreck.vars_file, memory=1024,
        operator=bench.order.server is facts.Server.LAYERS, forwards=(Forward(http, 80), Forward(ssh, 22)),
        disks=tuple(placed.attached for placed in wreck.used))
    checks: List[Check] = [untouched(thing.name, thing.sha256, images.sha256(thing.path)) for thing in wreck.untouched]
    checks += [untouched(part.name, part.sha256, present_bytes(part)) for part in wreck.kept]

    def note(name: str, look: Callable[[], str]) -> None:
        checks.append(told(bench, checked(name, look)))

    for early in checks:
        told(bench, early)
    with Machine(spec) as machine, unlocking(machine):
        guest = Guest(machine.spec.agent_socket, on_life=machine.alive, check=lambda: machine.check_life(BOOT_SECONDS))
        note("starts from its own disks", lambda: f"its agent answered after {guest.wait(BOOT_SECONDS):.0f} s")
        if not checks[-1].ok:
            return tuple(checks)
        settle(guest)
        note("systemd has no failed unit", lambda: units(guest))
        note("every file as in the manifest", lambda: files(bench, original, guest))
        note("nginx serves its page", lambda: page(http))
        note("SSH answers", lambda: banner(ssh))
        note("the database has its rows", lambda: database(guest))
        note("the plan adapted what it had to, and nothing else", lambda: adapted(bench, guest))
        note("captured again, the machine is the same", lambda: identity(bench, guest))
        note("the recovery left its report and nothing else", lambda: leftovers(bench, original, guest))
        note("shuts down cleanly", lambda: shutdown(machine, guest))
    if bench.order.recovery.replica:
        note("it shares no identity with its original", lambda: apart(bench, original))
    if bench.order.recovery.again:
        note("with the medium left in, nothing is restored again", lambda: refused(bench, wreck))
    return tuple(checks)


def apart(bench: Bench, original: Original) -> str:
    """The replica has nothing that only one machine may have of the original's."""
    text = (bench.order.evidence / "manifest-after.jsonl").read_text("utf-8")
    return replica.shares_nothing(read_set(bench.original_set), read_set(bench.restored_set), original.manifest,
                                  parse_manifest(text))


def present_bytes(part: KeptPart) -> str:
    """The present SHA-256 of what the recovery left alone."""
    return images.content_sha256(part.placed.path, part.start, part.length)


def checked(name: str, look: Callable[[], str]) -> Check:
    """Run one check: what it returns is the detail, what it raises is why it failed."""
    try:
        return Check(name, True, look())
    except (LifeboatError, OSError) as error:
        return Check(name, False, str(error))


def told(bench: Bench, check: Check) -> Check:
    """The check, with a line about it for whoever watches."""
    bench.progress.say(f"{'ok    ' if check.ok else 'FAILED'} {check.name}: {check.detail.splitlines()[0]}")
    return check


def untouched(name: str, before: str, after: str) -> Check:
    """What the recovery had no business with has the same bytes as before."""
    same = before == after
    return Check(f"{name} untouched", same, f"sha256 {after[:16]}…" if same else f"was {before}, is {after}")


def units(guest: Guest) -> str:
    """systemd finished starting and nothing failed."""
    state = guest.run(("systemctl", "is-system-running"), timeout=ANSWER_SECONDS, check=False).text.strip()
    failed = guest.run(("systemctl", "--failed", "--no-legend", "--plain"), timeout=ANSWER_SECONDS).text.strip()
    if state != "running" or failed:
        raise GuestError("the system is not up", found=f"{state}; {failed}", wanted="running, no failed unit")
    return state


def files(bench: Bench, original: Original, guest: Guest) -> str:
    """A new manifest equals the old one."""
    text = take_manifest(guest, facts.mount_points(bench.order.server, bench.order.firmware))
    (bench.order.evidence / "manifest-after.jsonl").write_text(text)
    rules = (*bench.order.recovery.changes, *VOLATILE)
    if bench.order.recovery.replica:
        rules = (*replica.changes(original.manifest), *rules)
    found = compare(original.manifest, parse_manifest(text), rules)
    (bench.order.evidence / "differences.txt").write_text("".join(f"{difference}\n" for difference in found))
    if found:
        raise GuestError(f"{len(found)} differences from the manifest", where="differences.txt",
                         found="; ".join(str(difference) for difference in found[:SHOWN]))
    return f"{len(original.manifest)} entries are equal"


def page(port: int) -> str:
    """nginx returns exactly the page that was there."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=ANSWER_SECONDS) as answer:
        body = answer.read()
    if body != facts.PAGE.encode():
        raise GuestError("nginx serves another page", found=repr(body[:200]), wanted=repr(facts.PAGE[:200]))
    return f"{len(body)} bytes, the same as before"


def banner(port: int) -> str:
    """The SSH server introduces itself."""
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS) as connection:
        line = connection.makefile("rb").readline(200)
    if not line.startswith(b"SSH-2.0-OpenSSH"):
        raise GuestError("no SSH server", found=repr(line), wanted="SSH-2.0-OpenSSH...")
    return line.decode("ascii", "replace").strip()


def database(guest: Guest) -> str:
    """SQLite finds its file intact, and every row has the value that its id gives."""
    query = ("PRAGMA integrity_check; SELECT count(*) FROM orders;"
             " SELECT count(*) FROM orders WHERE cents = id * id % 9973 AND customer = 'customer ' || (id % 997);")
    said = guest.run(("sqlite3", f"file:{facts.DATABASE}?mode=ro&immutable=1", query), timeout=ANSWER_SECONDS)
    wanted = ["ok", str(facts.DATABASE_ROWS), str(facts.DATABASE_ROWS)]
    if said.text.split() != wanted:
        raise GuestError("the database is not what it was", found=said.text.strip(), wanted=" ".join(wanted))
    return f"integrity ok, {facts.DATABASE_ROWS} rows"


def adapted(bench: Bench, guest: Guest) -> str:
    """The report that the recovery left says that it made the scenario's adjustments."""
    logs = bench.order.evidence / "lifeboat-logs"
    remove_tree(logs)
    fetch(guest, AGENT_LOGS, logs)
    return require_announced(bench)


def identity(bench: Bench, guest: Guest) -> str:
    """`sif capture` again and `sif diff --identity`: nothing differs but what the plan announced."""
    remove_tree(bench.restored_set)
    capture(guest, bench, "/run/drill/again")
    fetch(guest, "/run/drill/again", bench.restored_set)
    return require_explained(bench)


def leftovers(bench: Bench, original: Original, guest: Guest) -> str:
    """The rescue system's staging is gone, its report is there, and the backup's password is in no evidence."""
    stage = guest.run(("ls", "-d", "/boot/lifeboat", "/lifeboat", "/boot/efi/lifeboat"), timeout=ANSWER_SECONDS,
                      check=False).text.split()
    if stage:
        raise GuestError("the staged rescue system is still there", found=", ".join(stage))
    logs = bench.order.evidence / "lifeboat-logs"
    names = sorted(str(path.relative_to(logs)) for path in logs.rglob("*") if path.is_file())
    if not {"events.jsonl", "report.json", "plan.json"} <= {Path(name).name for name in names}:
        raise GuestError("the recovery left no report", where=AGENT_LOGS, found=", ".join(names), wanted="events.jsonl")
    require_put_back(logs)
    searched = require_unseen(bench.order.evidence, original.password)
    require_unseen(bench.order.evidence, facts.PASSPHRASE.encode())
    return f"{', '.join(names)}; no password in {searched} files"


def shutdown(machine: Machine, guest: Guest) -> str:
    """The recovered machine also ends well."""
    guest.power_off()
    machine.wait_end(BOOT_SECONDS)
    return "powered off"


def fetch(guest: Guest, source: str, target: Path) -> None:
    """Copy a directory of the guest to the host."""
    packed = "/run/drill/fetch.tar.gz"
    guest.run(("tar", "--create", "--gzip", "--file", packed, "-C", source, "."), timeout=ANSWER_SECONDS)
    target.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(guest.read(packed))) as archive:
        archive.extractall(target, filter="data")
