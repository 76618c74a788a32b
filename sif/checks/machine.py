"""The machine itself: names, boot path, network."""

from __future__ import annotations

import ipaddress
import re
from typing import Callable, Iterator, Tuple

from sif.checks.common import SHA256, bad
from sif.media import path_fault
from sif.model import FileSystem, Firmware, FsType, Loader, Record, SystemInformation
from sif.problems import Problem

HOSTNAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*")
MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
MACHINE_ID = re.compile(r"[0-9a-f]{32}")
LINE = re.compile(r"[ -~]*")

_LOADERS = {Firmware.BIOS: (Loader.GRUB_PC, Loader.NONE),
            Firmware.UEFI: (Loader.GRUB_EFI, Loader.SYSTEMD_BOOT, Loader.NONE)}
"""What each kind of firmware can start."""


def check_system(info: SystemInformation) -> Iterator[Problem]:
    """Host name, machine id, includes."""
    system = info.system
    if not HOSTNAME.fullmatch(system.hostname) or len(system.hostname) > 253:
        yield bad(system, "hostname", "not a host name", found=system.hostname, wanted="letters, digits, - and dots")
    if system.machine_id_value is not None and not MACHINE_ID.fullmatch(system.machine_id_value):
        yield bad(system, "machine_id_value", "not a machine id", found=system.machine_id_value,
                  wanted="32 hexadecimal digits")
    for include in info.includes:
        if not SHA256.fullmatch(include.sha256):
            yield bad(include, "sha256", "not a SHA-256", found=include.sha256, wanted="64 hexadecimal digits")
        if path_fault(include.path):
            yield bad(include, "path", "not a file name", found=include.path)


def check_boot(info: SystemInformation) -> Iterator[Problem]:
    """The loader fits the firmware and has what it starts from."""
    boot = info.boot
    if boot is None:
        return
    wanted = _LOADERS[info.system.firmware]
    if boot.loader not in wanted:
        yield bad(boot, "loader", f"{info.system.firmware.value} firmware does not start this loader",
                  found=boot.loader.value, wanted=" or ".join(loader.value for loader in wanted))
    if boot.loader is Loader.GRUB_PC and not boot.disks:
        yield bad(boot, "disks", "no disk carries boot code", wanted="at least one disk")
    if boot.loader is Loader.GRUB_EFI and not boot.esp:
        yield bad(boot, "esp", "no EFI system partition", wanted="at least one file system")
    for ident in boot.esp:
        fs = info.find("FS", ident)
        if isinstance(fs, FileSystem) and fs.type is not FsType.VFAT:
            yield bad(boot, "esp", f"{ident} is not a FAT file system", found=fs.type.value, wanted="vfat")
    if boot.cmdline is not None and not LINE.fullmatch(boot.cmdline):
        yield bad(boot, "cmdline", "not a kernel command line", found=boot.cmdline, wanted="printable ASCII")
    if boot.grub_prefix is not None and not _plain(boot.grub_prefix, "/"):
        yield bad(boot, "grub_prefix", "not a plain absolute path", found=boot.grub_prefix)
    for entry in info.efi_entries:
        if not _plain(entry.path, "\\") or "/" in entry.path:
            yield bad(entry, "path", "not a path in the firmware's notation", found=entry.path,
                      wanted="\\EFI\\...\\file.efi")


def _plain(path: str, separator: str) -> bool:
    parts = path.split(separator)
    return parts[0] == "" and len(parts) > 1 and not any(part in ("", ".", "..") for part in parts[1:])


def check_network(info: SystemInformation) -> Iterator[Problem]:
    """Addresses are addresses."""
    for nic in info.nics:
        if not MAC.fullmatch(nic.mac):
            yield bad(nic, "mac", "not a hardware address", found=nic.mac, wanted="aa:bb:cc:dd:ee:ff in lower case")
        yield from _addresses(nic, "addresses", nic.addresses, ipaddress.ip_interface, "address/prefix length")
        yield from _addresses(nic, "gateway", (nic.gateway,) if nic.gateway else (), ipaddress.ip_address, "an address")
        yield from _addresses(nic, "dns", nic.dns, ipaddress.ip_address, "addresses")


def _addresses(nic: Record, key: str, values: Tuple[str, ...], parse: Callable[[str], object],
               wanted: str) -> Iterator[Problem]:
    for value in values:
        try:
            parse(value)
        except ValueError:
            yield bad(nic, key, "not an address", found=value, wanted=wanted)
