"""What survived and is nobody's business is mounted so that not a byte of it changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Tuple

import pytest
from planner_machines import machine, present, server

from rescue.hardware import Whole
from rescue.left_alone import left_alone
from rescue.plan import RestorePlan
from rescue.planner import RestorePolicy, plan_restore
from rescue.storage.mounts import Place, options_of
from sif.enums import Intact
from sif.model import Command, Phase, Ref, SystemInformation


def command(ident: str, *volumes: str) -> Command:
    return Command(ident, Phase.RESTORE, "v", f"restore {ident}", ("restore",), volumes=tuple(map(Ref, volumes)))


def survived(commands: Tuple[Command, ...]) -> Tuple[SystemInformation, RestorePlan]:
    """The data disk of the server is whole; what is planned keeps it."""
    saved = replace(server(), commands=commands)
    disks = (present("vda", serial="SERd0"), present("vdb", 4 << 30, serial="SERd1", signatures=("vdb: LVM",)))
    whole = (Whole("table:d1", ("vdb",)), Whole("vg:vg1", ("vdb",)), Whole("fs:srv", ("vdb",)))
    plan = plan_restore(saved, replace(machine(*disks), whole=whole), RestorePolicy(intact=Intact.KEEP))
    assert plan.kept_volumes() == ("srv",)
    return plan.target_of(saved), plan


SYSTEM, SRV = command("2000", "root", "boot", "esp"), command("2100", "srv")


@pytest.mark.parametrize(("commands", "listed", "alone"), [
    ((SYSTEM, SRV), (), {"srv"}),
    ((SYSTEM, SRV), ("/usr/bin/true", "/srv2/x"), {"srv"}),
    ((SYSTEM, SRV), ("/srv/www/of-a-package",), set()),
    ((SYSTEM, command("2100", "srv", "root")), (), set()),
    ((command("2000"), SRV), (), set()),
    ((), (), {"srv"})])
def test_a_kept_data_volume_is_left_alone_unless_something_may_write_to_it(
        commands: Tuple[Command, ...], listed: Tuple[str, ...], alone: "set[str]") -> None:
    assert left_alone(*survived(commands), listed) == alone


def test_what_is_rebuilt_is_not_left_alone() -> None:
    saved = server()
    plan = plan_restore(saved, machine(present("vda", serial="SERd0"), present("vdb", 4 << 30, serial="SERd1")),
                        RestorePolicy())
    assert left_alone(plan.target_of(saved), plan) == frozenset()


@pytest.mark.parametrize(("type", "alone", "options"), [
    ("xfs", False, "rw,nodev,nouuid"), ("xfs", True, "ro,nodev,nouuid,norecovery"),
    ("ext4", False, "rw,nodev"), ("ext4", True, "ro,nodev,noload"), ("vfat", True, "ro,nodev")])
def test_a_volume_that_is_left_alone_is_mounted_without_its_journal(type: str, alone: bool, options: str) -> None:
    assert options_of(Place("/srv", "/dev/x", type, "nodev,rw", alone=alone), False) == options
