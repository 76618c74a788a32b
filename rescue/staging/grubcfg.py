"""The GRUB configurations that lead to phase 2. Pure text; only commands that every signed GRUB has built in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterable, Optional, Tuple

SQUASHFS = "filesystem.squashfs"
_DROPPED = re.compile(r"^(BOOT_IMAGE|root|initrd|rd\.live\.[a-z._]*|rescue\.[a-z._]*)(=|$)")
_PLAIN = re.compile(r"[A-Za-z0-9_./:,=@%+-]+")
_SERIAL = re.compile(r"ttyS(\d+)(?:,(\d+))?")


def phase2_arguments(command_line: str, stage_uuid: str, auto: bool, layers: Iterable[str] = ()) -> Tuple[str, ...]:
    """The kernel arguments of phase 2: what the running kernel got (consoles and the like), pointed at the stage.

    ``layers`` is what the stage lies on (:mod:`rescue.staging.layers`).
    """
    kept = [word for word in re.findall(r'(?:"[^"]*"|[^\s"])+', command_line) if not _DROPPED.match(word)]
    ours = [f"root=live:UUID={stage_uuid}", "rd.live.dir=lifeboat", f"rd.live.squashimg={SQUASHFS}", "rd.live.ram=1",
            "rd.live.overlay.overlayfs=1", "rescue.phase=2", f"rescue.stage=UUID={stage_uuid}"]
    ours += [f"rescue.stage.up={word}" for word in layers]
    return tuple(ours + (["rescue.auto"] if auto else []) + kept)


@dataclass(frozen=True)
class GrubPlace:
    """Where GRUB finds kernel, initrd and the menu of phase 2: the file system's UUID, and what is above /lifeboat."""

    uuid: str
    below: str = ""

    @property
    def directory(self) -> str:
        return f"{self.below}/lifeboat"


def phase2_cfg(place: GrubPlace, hostname: str, arguments: Iterable[str], consoles: Iterable[str]) -> str:
    """The menu of phase 2: it finds its own file system, so it works from any GRUB that loads it."""
    title = re.sub(r"[^A-Za-z0-9.-]", "?", hostname)
    folder = quoted(place.directory)
    lines = [
        "# Lifeboat: while this file is here, a restore of this machine is pending.",
        *_serial(consoles),
        f"search --no-floppy --fs-uuid --set=root {place.uuid}",
        "set default=0",
        "set timeout=3",
        f'menuentry "Lifeboat: continue the recovery of {title}" {{',
        f"    search --no-floppy --fs-uuid --set=root {place.uuid}",
        f"    linux {folder}/vmlinuz " + " ".join(map(quoted, arguments)),
        f"    initrd {folder}/initrd.img",
        "}",
    ]
    return "\n".join(lines) + "\n"


def entry_cfg(place: GrubPlace) -> str:
    """The grub.cfg of our boot path: hands over to phase 2, and to the next boot option when there is none."""
    menu = f"{quoted(place.directory)}/phase2.cfg"
    return "\n".join([
        f"search --no-floppy --fs-uuid --set=root {place.uuid}",
        f"if [ -e {menu} ]; then",
        f"    configfile {menu}",
        "fi",
        'echo "Lifeboat: no recovery is pending on this disk."',
        "exit",
    ]) + "\n"


def quoted(word: str) -> str:
    """A word as GRUB's script language reads it back."""
    if _PLAIN.fullmatch(word):
        return word
    return "'" + word.replace("'", "'\\''") + "'"


def _serial(consoles: Iterable[str]) -> Tuple[str, ...]:
    """Commands that show the menu on the first serial console too; none without one."""
    match: Optional["re.Match[str]"] = next((m for c in consoles if (m := _SERIAL.match(c))), None)
    if match is None:
        return ()
    unit, speed = match.group(1), match.group(2) or "115200"
    return (f"if serial --unit={unit} --speed={speed}; then",
            "    terminal_input --append serial",
            "    terminal_output --append serial",
            "fi")
