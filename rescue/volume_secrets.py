"""The secrets of encrypted volumes, looked at before a disk is touched: do they fit, and what is lost without them."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Optional

from rescue.plan import RestorePlan
from rescue.planner.encrypted import lost_keyslots
from rescue.storage.encrypted_text import passphrase_name, passphrase_of
from sif.model import SystemInformation
from sif.run import run
from sif.secrets.age import SecretUnavailable
from sif.secrets.files import private_file
from sif.secrets.headers import unpacked

Value = Callable[[str], Optional[bytes]]
"""What a ``secret:NAME`` stands for, None if nobody had it."""

_SECONDS = 300.0


def without_missing_headers(saved: SystemInformation, value: Value) -> SystemInformation:
    """The saved machine with only those LUKS headers that are at hand; the other volumes are made anew."""
    return replace(saved, luks=tuple(replace(luks, header=None) if luks.header and value(luks.header) is None else luks
                                     for luks in saved.luks))


def plan_without_headers(plan: RestorePlan, saved: SystemInformation) -> RestorePlan:
    """The plan with what is lost of the volumes that come without their headers, where it did not say so yet."""
    known = {(adjustment.code, adjustment.subject) for adjustment in plan.adjustments}
    more = tuple(lost for lost in lost_keyslots(saved) if (lost.code, lost.subject) not in known
                 and f"luks:{lost.subject}" not in plan.kept)
    target = None if plan.target is None else replace(plan.target, luks=saved.luks)
    return replace(plan, adjustments=plan.adjustments + more, target=target)


def require_fitting(saved: SystemInformation, value: Value) -> None:
    """Raise SecretUnavailable unless every volume has a passphrase, and one that its saved header takes.

    Reads only: the header is tried as a file in memory. After the rebuild it would be too late.
    """
    for luks in saved.luks:
        passphrase = passphrase_of(luks, value)
        header = value(luks.header) if luks.header else None
        if header is None:
            continue
        with private_file("luks-header", unpacked(header)) as path:
            tried = run(("cryptsetup", "open", "--test-passphrase", "--type=luks", "--key-file=-", str(path)),
                        timeout=_SECONDS, input=passphrase, check=False)
        if not tried.ok:
            raise SecretUnavailable(
                "the passphrase does not open the saved header of an encrypted volume; nothing was written",
                where=f"LUKS {luks.id}", found=tried.stderr.strip(), wanted=passphrase_name(luks),
                hint="bring the passphrase that was valid when the header was saved")
