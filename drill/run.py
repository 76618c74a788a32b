"""One drill from the healthy server to the verdict: the list of its steps."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional, Tuple

from drill.accel import choose
from drill.cache import cache_root
from drill.disaster import destroy
from drill.errors import DrillFailed
from drill.evidence import leave_evidence, verdict_line
from drill.key import require_key
from drill.original import live_and_back_up, read_stick
from drill.plan import Bench, Check, Order, Verdict
from drill.progress import Progress
from drill.proof import prove
from drill.recover import recover
from drill.server.base import server_base
from drill.server.tree import server_tree
from drill.spec import OVMF_CODE, OVMF_VARS, Accel
from sif.errors import LifeboatError, ToolMissing
from sif.model import Firmware
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
            tree = server_tree()
        with progress.step("choose the accelerator"):
            bench = Bench(order, disks, bench.logs, accel or choose(tree.kernel), progress)
            progress.say(f"QEMU runs with {bench.accel.value}")
        with progress.step("install the server"):
            base = server_base(tree, order.firmware, bench.accel, bench.logs, progress)
        with progress.step("run the server, back it up, capture it"):
            original = live_and_back_up(bench, base)
            read_stick(bench)
        with progress.step("destroy it"):
            wreck = destroy(bench)
        with progress.step("recover it from the rescue medium"):
            recover(bench, wreck)
        with progress.step("prove that it is back"):
            checks = prove(bench, original, wreck)
    except (LifeboatError, OSError) as failure:
        error = str(failure)
        progress.say(error)
    verdict = Verdict(order.firmware, checks, time.monotonic() - began, error)
    page = leave_evidence(bench, verdict)
    progress.say(f"evidence: {page}")
    if order.keep:
        progress.say(f"disks: {disks}")
    progress.say(verdict_line(verdict))
    return verdict


def prepare_folder(folder: Path) -> None:
    """An empty evidence folder; one of an earlier drill is replaced. Raises :class:`DrillFailed` for any other."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / "report.json").exists() and not (folder / "logs").is_dir():
            raise DrillFailed("the evidence folder holds something else", where=str(folder),
                              wanted="an empty folder, or one of an earlier drill", hint="choose another --evidence")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "logs").mkdir()


@contextmanager
def working_folder(order: Order) -> Iterator[Path]:
    """A new folder for some GB of disk images, beside the cache because /tmp may be small; gone unless kept."""
    root = cache_root() / "drill"
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"run-{order.firmware.value}-", dir=root))
    try:
        yield folder
    finally:
        if not order.keep:
            shutil.rmtree(folder, ignore_errors=True)


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
