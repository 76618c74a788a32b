"""One drill from the healthy server to the verdict: the list of its steps."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional, Tuple

from drill.accel import choose
from drill.again import refused_first
from drill.beside import beside
from drill.cache import cache_root
from drill.disaster import destroy, sealed
from drill.errors import DrillFailed
from drill.evidence import leave_evidence, verdict_line
from drill.key import require_key
from drill.layer import Layer, original_layer, take
from drill.medium import decide, put_set, with_arguments
from drill.original import read_stick
from drill.plan import Bench, Check, Order, Verdict, Wreck
from drill.progress import Progress
from drill.proof import checked, prove, told
from drill.recover import recover
from drill.server.base import Base, server_base
from drill.server.tree import Tree, server_tree
from drill.spec import OVMF_CODE, OVMF_VARS, Accel
from sif.errors import LifeboatError, ToolMissing
from sif.model import Firmware
from sif.removal import remove_tree
from sif.run import have

TOOLS = (("qemu-system-x86_64", "qemu-system-x86"), ("qemu-img", "qemu-utils"), ("mmdebstrap", "mmdebstrap"),
         ("mkfs.ext4", "e2fsprogs"), ("mkfs.vfat", "dosfstools"), ("mcopy", "mtools"), ("age-keygen", "age"),
         ("dpkg-deb", "dpkg"), ("tar", "tar"))


def run_drill(order: Order, progress: Progress, accel: Optional[Accel] = None) -> Verdict:
    """Do the whole drill and leave the evidence. Never raises for a drill that failed: the verdict says so."""
    began = time.monotonic()
    prepare_folder(order.evidence)
    with working_folder(order) as disks:
        return _run(order, disks, progress, accel, began)


def _run(order: Order, disks: Path, progress: Progress, accel: Optional[Accel], began: float) -> Verdict:
    bench = Bench(order, disks, order.evidence / "logs", accel or Accel.TCG, progress)
    checks: Tuple[Check, ...] = ()
    error: Optional[str] = None
    try:
        with progress.step("check what the drill needs"):
            check_needs(order)
        with progress.step("make the server's files"):
            tree = server_tree(order.server)
        with progress.step("choose the accelerator"):
            bench = Bench(order, disks, bench.logs, accel or choose(tree.kernel), progress)
            progress.say(f"QEMU runs with {bench.accel.value}")
        with progress.step("install the server"):
            base = server_base(tree, order.server, order.firmware, bench.accel, bench.logs, progress)
        with progress.step("run the server, back it up, capture it"):
            layer = original_layer(bench, base)
            original = take(layer, bench)
            read_stick(bench)
        iso = with_arguments(order.iso, disks / "rescue.iso", order.recovery.arguments)
        for round, machine in enumerate(order.recovery.machines, 1):
            with progress.step("destroy it"):
                wreck = destroy(bench, layer, machine, iso, lambda: _other(bench, tree), round)
            checks = (*checks, *_refusal(bench, wreck))
            decide(bench, order.recovery.policy, order.recovery.edits)
            wreck = sealed(bench, wreck)
            with progress.step("recover it from the rescue medium"):
                recover(bench, wreck)
            with progress.step("prove that it is back"):
                checks = (*checks, *prove(bench, original, wreck))
                if order.recovery.replica and all(check.ok for check in checks):
                    checks = (*checks, _beside(bench, layer, wreck))
            if not all(check.ok for check in checks):
                break
            if round < len(order.recovery.machines):
                _hand_on(bench)
    except (LifeboatError, OSError) as failure:
        error = str(failure)
        progress.say(error)
    verdict = Verdict(order.firmware, checks, time.monotonic() - began, error,
                      order.scenario.name if order.scenario else None)
    page = leave_evidence(bench, verdict)
    progress.say(f"evidence: {page}")
    if order.keep:
        progress.say(f"disks: {disks}")
    progress.say(verdict_line(verdict))
    return verdict


def _refusal(bench: Bench, wreck: Wreck) -> Tuple[Check, ...]:
    """What the rescue system must refuse before somebody agrees."""
    refusal = bench.order.recovery.refusal
    if refusal is None:
        return ()
    with bench.progress.step("try it without consent"):
        decide(bench, refusal.policy, ())
        return (told(bench, checked("without consent nothing is written",
                                    lambda: refused_first(bench, wreck, refusal))),)


def _beside(bench: Bench, layer: Layer, wreck: Wreck) -> Check:
    return told(bench, checked("it runs beside its original", lambda: beside(bench, layer, wreck)))


def _hand_on(bench: Bench) -> None:
    """The set that was captured of this machine is the one that the next is restored from."""
    with bench.progress.step("the next machine is restored from the new capture"):
        folder = bench.disks / "handed-on"
        shutil.copytree(bench.restored_set, folder)
        put_set(bench, folder)
        remove_tree(bench.original_set)
        bench.restored_set.rename(bench.original_set)
        read_stick(bench)


def _other(bench: Bench, tree: Tree) -> Base:
    """Another server: that of the other firmware, which was installed apart and has other ids."""
    other = Firmware.BIOS if bench.order.firmware is Firmware.UEFI else Firmware.UEFI
    return server_base(tree, bench.order.server, other, bench.accel, bench.logs, bench.progress)


def prepare_folder(folder: Path) -> None:
    """An empty evidence folder; one of an earlier drill is replaced. Raises :class:`DrillFailed` for any other."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / "report.json").exists() and not (folder / "logs").is_dir():
            raise DrillFailed("the evidence folder holds something else", where=str(folder),
                              wanted="an empty folder, or one of an earlier drill", hint="choose another --evidence")
        remove_tree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "logs").mkdir()


@contextmanager
def working_folder(order: Order) -> Iterator[Path]:
    """A new folder for some GB of disk images, beside the cache because /tmp may be small; gone unless kept."""
    root = cache_root() / "drill"
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"run-{order.recovery.name}-", dir=root))
    try:
        yield folder
    finally:
        if not order.keep:
            remove_tree(folder)


def check_needs(order: Order) -> None:
    """Everything the drill needs is here. Raises with all that is missing."""
    missing = [f"{tool} (package {package})" for tool, package in TOOLS if not have(tool)]
    if order.firmware is Firmware.UEFI:
        missing += [f"{path} (package ovmf)" for path in (OVMF_CODE, OVMF_VARS) if not path.is_file()]
    if missing:
        raise ToolMissing("the drill needs programs that are not here", found=", ".join(missing),
                          hint="apt-get install the packages")
    if not order.iso.is_file():
        raise DrillFailed("there is no rescue ISO", where=str(order.iso),
                          hint="build it: make drill-iso")
    require_key(order.iso)
