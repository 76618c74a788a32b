"""Makes a restored tree that of a replica: its own ids, names and addresses in every file that names the original's.

The only restore that changes files: a clone that kept them would mount, answer and sign as the original.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator, List, Tuple

from rescue.chroot import chroot_mounts
from rescue.failures import RestoreFailed
from rescue.plan import Renamed, RestorePlan
from sif.errors import CommandFailed, ToolMissing
from sif.model import SystemInformation
from sif.run import run

_CONFIG = (
    "etc/fstab", "etc/crypttab", "etc/mdadm.conf", "etc/mdadm/mdadm.conf", "etc/default/grub", "etc/default/grub.d/*",
    "etc/kernel/cmdline", "etc/initramfs-tools/conf.d/*", "etc/dracut.conf.d/*", "boot/grub*/grub.cfg",
    "boot/grub*/custom.cfg", "boot/loader/entries/*.conf", "boot/efi/EFI/*/grub.cfg", "boot/efi/loader/entries/*.conf",
    "efi/loader/entries/*.conf", "etc/hostname", "etc/hosts", "etc/mailname", "etc/network/interfaces",
    "etc/network/interfaces.d/*", "etc/netplan/*.yaml", "etc/systemd/network/*", "etc/systemd/system/*.mount",
    "etc/NetworkManager/system-connections/*", "etc/sysconfig/network-scripts/ifcfg-*")
"""Where a system names its own devices, names and addresses."""

_NAMED = ("etc/hostname", "etc/hosts", "etc/mailname")
"""The host name without its domain is looked for here only: elsewhere the word may mean something else."""

_MOST_BYTES = 1 << 20
_INITRAMFS = (("usr/sbin/update-initramfs", ("update-initramfs", "-u", "-k", "all")),
              ("usr/bin/dracut", ("dracut", "--regenerate-all", "--force")),
              ("usr/sbin/dracut", ("dracut", "--regenerate-all", "--force")))
_TIMEOUT = 1800.0


def become_replica(saved: SystemInformation, plan: RestorePlan, target: Path) -> Tuple[str, ...]:
    """Change the tree at ``target`` into the replica's; returns what was done, nothing when none is made.

    Can be repeated. Raises :class:`RestoreFailed`.
    """
    if not plan.renamed:
        return ()
    done = [f"{path}: {count} names of the original changed" for path, count in rename_files(plan.renamed, target)]
    done += _machine_id(saved, target)
    done += _ssh_keys(target)
    done += _initramfs(target)
    return tuple(done)


def rename_files(renamed: Tuple[Renamed, ...], target: Path) -> Iterator[Tuple[str, int]]:
    """Change the original's identities in the configuration files of the tree; path and number of changes of each."""
    for path in sorted({path for pattern in _CONFIG for path in target.glob(pattern)}):
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _MOST_BYTES:
            continue
        name = path.relative_to(target).as_posix()
        before = path.read_bytes().decode("utf-8", "surrogateescape")
        after, count = renamed_text(before, renamed, short=name in _NAMED)
        if count:
            path.write_bytes(after.encode("utf-8", "surrogateescape"))  # in place: owner and mode stay
            yield name, count


def renamed_text(text: str, renamed: Tuple[Renamed, ...], short: bool = False) -> Tuple[str, int]:
    """The text with every identity changed where it stands alone, in whatever case it is written, and how often."""
    count = 0
    for new in (pair for one in renamed for pair in _forms(one, short)):
        def other(found: "re.Match[str]", after: str = new.after) -> str:
            word = found.group()
            return after.lower() if word.islower() else after.upper() if word.isupper() else after

        text, here = re.subn(rf"(?<![\w.-]){re.escape(new.before)}(?![\w-]|\.\w)", other, text, flags=re.IGNORECASE)
        count += here
    return text, count


def _forms(one: Renamed, short: bool) -> List[Renamed]:
    """An identity in the forms in which files name it: an address without its prefix, a host without its domain."""
    found = [one]
    if re.fullmatch(r"[0-9a-fA-F.:]+/\d+", one.before):
        found.append(Renamed(one.before.partition("/")[0], one.after.partition("/")[0]))
    elif short and "." in one.before and "." in one.after and not re.search(r"[:/]", one.before):
        found.append(Renamed(one.before.partition(".")[0], one.after.partition(".")[0]))
    return found


def _machine_id(saved: SystemInformation, target: Path) -> List[str]:
    value, done = saved.system.machine_id_value, []
    for name in ("etc/machine-id", "var/lib/dbus/machine-id"):
        path = target / name
        if value and path.is_file() and not path.is_symlink():
            path.write_text(f"{value}\n", encoding="ascii")
            done.append(f"{name}: the replica's")
    return done


def _ssh_keys(target: Path) -> List[str]:
    """New host keys, of the kinds that OpenSSH makes by default, where the original had any."""
    old = [path for path in (target / "etc/ssh").glob("ssh_host_*_key*") if not path.is_symlink()]
    if not old:
        return []
    for path in old:
        path.unlink()
    try:
        run(["ssh-keygen", "-A", "-f", str(target)], timeout=300)
    except (CommandFailed, ToolMissing) as error:
        raise RestoreFailed("the replica has no SSH host keys", where=str(target / "etc/ssh"), found=str(error),
                            hint="make them by hand before it is started: ssh-keygen -A") from error
    return ["etc/ssh: new host keys"]


def _initramfs(target: Path) -> List[str]:
    """The early system names devices too: it is made again by the restored system's own program."""
    for program, argv in _INITRAMFS:
        if (target / program).exists():
            try:
                with chroot_mounts(target):
                    run(["chroot", str(target), *argv], timeout=_TIMEOUT)
            except (CommandFailed, ToolMissing) as error:
                raise RestoreFailed("the replica's early system (initramfs) could not be made", where=program,
                                    found=error.found, hint="make it by hand in a chroot") from error
            return [f"{program}: the early system was made again"]
    return []
