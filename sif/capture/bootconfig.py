"""What boot loaders are told to start: default entries and kernel command lines, from their own files.

Source: GRUB's manual (default/grub, grub.cfg), the Boot Loader Specification, loader.conf(5).
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
import shlex
from typing import Mapping, Optional, Sequence, Tuple

from sif import look
from sif.capture.blocks import natural_key
from sif.capture.efi import chosen_by_firmware


def clean_cmdline(text: str) -> str:
    """The kernel command line without what the boot loader adds."""
    return " ".join(w for w in text.split() if not w.startswith(("BOOT_IMAGE=", "initrd=")))


def parse_shell(text: str) -> Mapping[str, str]:
    """The plain assignments of a shell fragment; a line that a shell alone could understand is skipped."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name.strip()):
            try:
                words = shlex.split(value, comments=True)
            except ValueError:
                continue
            found[name.strip()] = words[0] if words else ""
    return found


def grub_default() -> Optional[str]:
    """GRUB_DEFAULT; ``0``, GRUB's own, where the file does not set it; None without the file."""
    parts = [f"/etc/default/grub.d/{name}" for name in look.entries("/etc/default/grub.d") if name.endswith(".cfg")]
    texts = [look.text_or(path) for path in ("/etc/default/grub", *parts)]
    return parse_shell("\n".join(texts)).get("GRUB_DEFAULT", "0") or "0" if any(texts) else None


def grub_cmdline(menu: str, release: str) -> Optional[str]:
    """The command line of the first entry of a grub.cfg that starts this kernel release (else of the first one)."""
    lines = re.findall(r"^\s*linux(?:16|efi)?\s+(\S+)[ \t]*(.*)$", menu, re.MULTILINE)
    mine = [words for image, words in lines if release and release in image] or [words for _, words in lines]
    return clean_cmdline(mine[0]) if mine else None


def parse_entry(text: str) -> Mapping[str, str]:
    """A Boot Loader Specification entry: key → value; several ``options`` lines are joined."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.strip().partition(" ")
        if key and not key.startswith("#"):
            found[key] = f"{found[key]} {value.strip()}" if key == "options" and key in found else value.strip()
    return found


def entry_files(folders: Sequence[str]) -> Tuple[str, ...]:
    """The entries below each mount point of an ESP or $BOOT: ``loader/entries/*.conf`` and ``EFI/Linux/*.efi``."""
    return tuple(dict.fromkeys(
        f"{folder}/{place}/{name}" for folder in folders
        for place, suffix in (("loader/entries", ".conf"), ("EFI/Linux", ".efi"))
        for name in look.entries(f"{folder}/{place}") if name.lower().endswith(suffix)))


def systemd_boot_default(folders: Sequence[str]) -> Optional[str]:
    """The file name of the entry that systemd-boot starts: its EFI variable, then loader.conf, then the newest."""
    names = [posixpath.basename(path) for path in entry_files(folders)]
    wanted = chosen_by_firmware()
    for folder in folders if wanted is None else ():
        wanted = parse_entry(look.text_or(f"{folder}/loader/loader.conf")).get("default") or wanted
    if wanted:
        return _newest([name for name in names if _matches(name, wanted)]) or wanted
    return _newest(names)


def _matches(name: str, pattern: str) -> bool:
    """Patterns name entries with or without their suffix."""
    return any(fnmatch.fnmatchcase(text.lower(), pattern.lower()) for text in (name, posixpath.splitext(name)[0]))


def _newest(names: Sequence[str]) -> Optional[str]:
    return max(names, key=lambda name: natural_key(posixpath.splitext(name)[0])) if names else None


def configured_cmdline(prefix: Optional[str], folders: Sequence[str], release: str) -> Optional[str]:
    """The command line that this system's loader is configured to give to its kernel; None if no file says."""
    if prefix is not None:
        found = grub_cmdline(look.text_or(f"{prefix}/grub.cfg"), release)
        if found is not None:
            return found
    entries = [path for path in entry_files((*folders, "/boot")) if path.endswith(".conf")]
    texts = {path: look.text_or(path) for path in entries}
    mine = [path for path in entries if release and release in texts[path]] or entries
    default = systemd_boot_default(folders)
    chosen = next((path for path in mine if posixpath.basename(path) == default), mine[0] if mine else None)
    if chosen is None:
        return clean_cmdline(look.text_or("/etc/kernel/cmdline")) or None
    environment = look.text_or(f"{prefix}/grubenv").splitlines() if prefix else []
    variables = dict(line.partition("=")[::2] for line in environment)
    options = parse_entry(texts[chosen]).get("options", "")
    known = re.sub(r"\$(\w+)", lambda match: variables.get(match.group(1), ""), options)
    return clean_cmdline(known) or None
