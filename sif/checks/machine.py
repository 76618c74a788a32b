"""The machine itself: names, identity, boot path, mounts from elsewhere, hardware."""

from __future__ import annotations

from typing import Iterator

from sif.checks.common import SHA256, bad
from sif.checks.filesystems import OPTIONS
from sif.later import regex
from sif.media import path_fault
from sif.model import FileSystem, Firmware, FsType, Loader, SystemInformation
from sif.problems import Problem

HOSTNAME = regex(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*")
MACHINE_ID = regex(r"[0-9a-f]{32}")
LINE = regex(r"[ -~]*")
HEX_BYTES = regex(r"(?:[0-9a-f]{2})+")
SSH_KEY = regex(r"[a-z0-9@.-]+ SHA256:[A-Za-z0-9+/]{43}")
SELINUX = regex(r"(?:enforcing|permissive|disabled):[A-Za-z0-9_-]+")
FIRMWARE_FILE = regex(r"(?!/)(?!.*(?:^|/)\.\.(?:/|$))[!-~]+")

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
    for fingerprint in system.ssh_host_keys:
        if not SSH_KEY.fullmatch(fingerprint):
            yield bad(system, "ssh_host_keys", "not a key's fingerprint", found=fingerprint, wanted="type SHA256:...")
    if system.selinux is not None and not SELINUX.fullmatch(system.selinux):
        yield bad(system, "selinux", "not a mode and a policy", found=system.selinux,
                  wanted="enforcing, permissive or disabled, a colon, the policy")
    if system.selinux_mode not in (None, "enforcing", "permissive"):
        yield bad(system, "selinux_mode", "not a mode", found=system.selinux_mode, wanted="enforcing or permissive")
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
    if boot.default_entry is not None and not boot.default_entry.isprintable():
        yield bad(boot, "default_entry", "not an entry's name", found=boot.default_entry, wanted="printable text")
    if info.efi_entries and info.system.firmware is Firmware.BIOS:
        yield bad(info.efi_entries[0], "", "BIOS firmware has no EFI entries")
    for entry in info.efi_entries:
        if entry.data is not None and not HEX_BYTES.fullmatch(entry.data):
            yield bad(entry, "data", "not bytes in hexadecimal", found=entry.data, wanted="pairs of digits 0-9a-f")
        if not _plain(entry.path, "\\") or "/" in entry.path:
            yield bad(entry, "path", "not a path in the firmware's notation", found=entry.path,
                      wanted="\\EFI\\...\\file.efi")


def check_elsewhere(info: SystemInformation) -> Iterator[Problem]:
    """Mounts that are not on the set's disks have a place, and options as in fstab."""
    for mount in info.mounts:
        if not mount.where.startswith("/"):
            yield bad(mount, "where", "not an absolute path", found=mount.where, wanted="/home, /srv/share, ...")
        if not mount.what:
            yield bad(mount, "what", "no source", wanted="server:/path, tmpfs, a path, ...")
        if mount.options is not None and not OPTIONS.fullmatch(mount.options):
            yield bad(mount, "options", "not mount options as in fstab", found=mount.options, wanted="no spaces")


def check_hardware(info: SystemInformation) -> Iterator[Problem]:
    """Firmware files lie below the firmware directory."""
    for record in info.devices:
        for name in record.firmware:
            if not FIRMWARE_FILE.fullmatch(name):
                yield bad(record, "firmware", "not a file below /lib/firmware", found=name, wanted="directory/file")


def _plain(path: str, separator: str) -> bool:
    parts = path.split(separator)
    return parts[0] == "" and len(parts) > 1 and not any(part in ("", ".", "..") for part in parts[1:])
