"""What makes an operating system this one: names, keys, locale, time zone, access control.

Source: hostname(5), machine-id(5), locale.conf(5), vconsole.conf(5), keyboard(5), sshd(8), RFC 4253 6.6,
selinux_config(5).
"""

from __future__ import annotations

import binascii
import re
from typing import Optional, Tuple

from sif import look
from sif.capture.bootconfig import parse_shell
from sif.capture.trees import offline
from sif.digest import sha256
from sif.model import AccessControl
from sif.problems import printable

_SSH = "/etc/ssh"


def line_of(path: str) -> Optional[str]:
    """A one-line file that firmware or an administrator filled; what is not printable is escaped."""
    return printable(look.text_or(path).strip()) or None


def hostname() -> Optional[str]:
    """The static host name: the first line that is no comment."""
    lines = [line.strip() for line in look.text_or("/etc/hostname").splitlines()]
    return next((printable(line) for line in lines if line and not line.startswith("#")), None)


def machine_id() -> Optional[str]:
    """The machine id; an image that has not been started yet holds a word instead."""
    text = look.text_or("/etc/machine-id").strip()
    return text if re.fullmatch(r"[0-9a-f]{32}", text) else None


def locale() -> Optional[str]:
    for path in ("/etc/locale.conf", "/etc/default/locale"):
        lang = parse_shell(look.text_or(path)).get("LANG")
        if lang:
            return printable(lang)
    return None


def keymap() -> Optional[str]:
    """The console's keymap; Debian's is told as an XKB layout with its variant in brackets."""
    console = parse_shell(look.text_or("/etc/vconsole.conf"))
    if console.get("KEYMAP"):
        return printable(console["KEYMAP"])
    keyboard = parse_shell(look.text_or("/etc/default/keyboard"))
    layout, variant = keyboard.get("XKBLAYOUT") or console.get("XKBLAYOUT"), keyboard.get("XKBVARIANT")
    return printable(f"{layout}({variant})" if variant else layout) if layout else None


def time_zone() -> Optional[str]:
    """The zone that /etc/localtime links to; the name Debian keeps beside it where it is a copy."""
    target = look.link("/etc/localtime") or ""
    _, found, zone = target.partition("/zoneinfo/")
    if not found and target:
        _, found, zone = look.real("/etc/localtime").partition("/zoneinfo/")
    return printable(zone) if found else line_of("/etc/timezone")


def fingerprint(public: str) -> Optional[str]:
    """``type SHA256:...`` of a public key file, as ssh-keygen prints it; None if it is none."""
    words = public.split()
    if len(words) < 2:
        return None
    try:
        blob = binascii.a2b_base64(words[1]) if re.fullmatch("[A-Za-z0-9+/]*={0,2}", words[1]) else b""
    except (binascii.Error, ValueError):
        return None
    length = int.from_bytes(blob[:4], "big")
    if blob[4:4 + length] != words[0].encode("utf-8", "replace"):
        return None
    digest = binascii.b2a_base64(sha256(blob), newline=False).decode("ascii").rstrip("=")
    return f"{words[0]} SHA256:{digest}"


def ssh_host_keys() -> Tuple[str, ...]:
    """The fingerprints of the host keys: the usual files and those that sshd is configured to use."""
    usual = [f"{_SSH}/{name}" for name in look.entries(_SSH) if re.fullmatch(r"ssh_host_\w+_key\.pub", name)]
    parts = [f"{_SSH}/sshd_config.d/{name}" for name in look.entries(f"{_SSH}/sshd_config.d") if name.endswith(".conf")]
    texts = "\n".join(look.text_or(path) for path in (f"{_SSH}/sshd_config", *parts))
    configured = re.findall(r"^\s*HostKey\s+\"?(/[^\s\"]+)", texts, re.MULTILINE | re.IGNORECASE)
    files = dict.fromkeys((*usual, *(f"{path}.pub" for path in configured)))
    found = (fingerprint(look.text_or(path)) for path in files)
    return tuple(sorted({key for key in found if key}))


def selinux_configured() -> Optional[str]:
    """``mode:policy`` of SELinux's configuration; None without one."""
    settings = parse_shell(look.text_or("/etc/selinux/config"))
    mode = settings.get("SELINUX", "").lower()
    return f"{mode}:{settings.get('SELINUXTYPE', 'targeted')}" if mode in ("enforcing", "permissive", "disabled") \
        else None


def selinux_running() -> Optional[str]:
    """The mode that the running kernel is in; None without SELinux, and for another tree."""
    if offline():
        return None
    return {"1": "enforcing", "0": "permissive"}.get(look.text_or("/sys/fs/selinux/enforce").strip())


def access_control(cmdline: str) -> AccessControl:
    """The security module of the running kernel; for another tree, the one it is set up for.

    ``cmdline`` is the kernel command line of the tree, which may switch a module off.
    """
    if not offline():
        if look.exists("/sys/fs/selinux/enforce"):
            return AccessControl.SELINUX
        enabled = look.text_or("/sys/module/apparmor/parameters/enabled").strip() == "Y"
        return AccessControl.APPARMOR if enabled else AccessControl.NONE
    words = cmdline.split()
    configured = selinux_configured()
    policy = f"/etc/selinux/{configured.partition(':')[2]}" if configured else ""
    if configured and not configured.startswith("disabled:") and look.is_dir(policy) and "selinux=0" not in words:
        return AccessControl.SELINUX
    there = any(look.exists(path) for path in ("/usr/sbin/apparmor_parser", "/sbin/apparmor_parser"))
    return AccessControl.APPARMOR if there and "apparmor=0" not in words else AccessControl.NONE
