"""The modules of what is built on disks: device mapper, arrays, encryption, file systems and their character sets.

The kernel asks for these by alias when they are first used (``dm-thin-pool``, ``md-raid1``, ``fs-xfs``,
``crypto-xts``), so that is how they are named here. Source: request_module() calls in drivers/md, fs, crypto.
"""

from __future__ import annotations

import re
from typing import Dict, Iterator, List, Mapping, Sequence, Tuple

from sif import look
from sif.drivers.hardware import BLOCK, holders
from sif.drivers.wanted import Wanted
from sif.errors import LifeboatError
from sif.model import Need, SystemInformation

_SECONDS = 60.0
_ANY_LUKS = ("dm-crypt", "af_alg", "algif_skcipher", "algif_hash", "crypto-ecb")
"""cryptsetup reaches the kernel's ciphers by AF_ALG to open LUKS headers; XTS is built upon ECB."""


def parse_dm_table(text: str) -> Mapping[str, Tuple[Tuple[str, ...], ...]]:
    """``dmsetup table``: mapping → its lines as words, from the target's type on."""
    found: Dict[str, List[Tuple[str, ...]]] = {}
    for line in text.splitlines():
        name, colon, rest = line.partition(": ")
        words = rest.split()
        if colon and len(words) > 2 and words[0].isdigit():
            found.setdefault(name, []).append(tuple(words[2:]))
    return {name: tuple(lines) for name, lines in found.items()}


def dm_aliases(line: Sequence[str]) -> Tuple[str, ...]:
    """What one line of a device mapper table needs."""
    kind = line[0]
    found = [f"dm-{kind}"]
    if kind == "crypt" and len(line) > 1:
        found.extend((*_ANY_LUKS, *crypto_aliases(line[1])))
    elif kind == "multipath":
        found.extend(f"dm-{word}" for word in line if re.fullmatch(r"[a-z]+(?:-[a-z]+)+", word))
    elif kind == "cache":
        found.extend(f"dm-cache-{word}" for word in line if word in ("smq", "mq", "cleaner", "default"))
    return tuple(found)


def crypto_aliases(cipher: str) -> Tuple[str, ...]:
    """The algorithms in a cipher as dm-crypt has it: ``aes-xts-plain64``, ``aes-cbc-essiv:sha256``, ``capi:...``."""
    words = dict.fromkeys(re.findall(r"[a-z0-9_]+", cipher.lower()))
    return tuple(f"crypto-{word}" for word in words if not word.startswith("plain") and word not in ("null", "capi"))


def parse_proc_crypto(text: str) -> Tuple[Tuple[str, str, int], ...]:
    """``/proc/crypto`` as (algorithm, module, references)."""
    found = []
    for block in text.split("\n\n"):
        fields = dict((name.strip(), value.strip()) for name, _, value in
                      (line.partition(":") for line in block.splitlines()))
        if fields.get("module") and fields.get("refcnt", "").isdigit():
            found.append((fields.get("name", ""), fields["module"], int(fields["refcnt"])))
    return tuple(found)


def layer_modules(disks: Sequence[str], need: Need = Need.DISK) -> Tuple[Wanted, ...]:
    """What the devices on these disks (kernel names) are made with."""
    found: List[str] = []
    tables = _dm_tables()
    for name in holders(disks):
        if name.startswith("md"):
            level = look.text_or(f"{BLOCK}/{name}/md/level").strip()
            if level:
                found.append(f"md-{level}")
        elif name.startswith("dm-"):
            mapping = look.text_or(f"{BLOCK}/{name}/dm/name").strip()
            found.extend(("dm_mod", *(alias for line in tables.get(mapping, ()) for alias in dm_aliases(line))))
        elif name.startswith("bcache"):
            found.append("bcache")
    return tuple(Wanted(name, need) for name in dict.fromkeys((*found, *_crypto_in_use(found))))


def _dm_tables() -> Mapping[str, Tuple[Tuple[str, ...], ...]]:
    if not look.have("dmsetup"):
        return {}
    try:
        return parse_dm_table(look.run(["dmsetup", "table"], timeout=_SECONDS).stdout)
    except LifeboatError:  # no device mapper in this kernel
        return {}


def _crypto_in_use(found: Sequence[str]) -> Iterator[str]:
    """The modules whose algorithms encryption uses just now: the fast ones, which no alias prefers."""
    if not any(name.startswith("crypto-") for name in found):
        return
    for _, module, references in parse_proc_crypto(look.text_or("/proc/crypto")):
        if references > 1 and module != "kernel":
            yield module


def recorded_modules(info: SystemInformation) -> Tuple[Wanted, ...]:
    """What the records say will be made or mounted again, active at the moment or not."""
    found: List[str] = [f"fs-{fs.type.value}" for fs in info.filesystems]
    found.extend("fs-btrfs" for _ in info.btrfs)
    found.extend(f"md-{array.level.value}" for array in info.arrays)
    found.extend("bcache" for _ in (*info.cachesets, *info.bcaches))
    found.extend("dm_mod" for _ in info.vgs)
    found.extend(f"dm-{kind}" for volume in info.lvs for kind in _LV_TARGETS.get(volume.type.value, ("raid",)))
    for volume in info.luks:
        found.extend((*_ANY_LUKS, *crypto_aliases(volume.cipher)))
    found.extend("dm-multipath" for disk in info.disks if disk.multipath)
    found.extend(charsets(look.text_or("/proc/self/mounts"), any(fs.type.value == "vfat" for fs in info.filesystems)))
    network = ["bonding"] * bool(info.bonds) + ["8021q"] * bool(info.vlans) + ["bridge"] * bool(info.bridges)
    return (*(Wanted(name, Need.DISK) for name in dict.fromkeys(found)),
            *(Wanted(name, Need.NETWORK) for name in network))


_LV_TARGETS: Mapping[str, Tuple[str, ...]] = {
    "linear": (), "striped": (), "mirror": ("mirror",), "thin-pool": ("thin-pool",), "thin": ("thin-pool",),
    "cache-pool": ("cache", "cache-smq"), "cache": ("cache", "cache-smq"), "writecache": ("writecache",),
    "snapshot": ("snapshot",),
}


def charsets(mounts: str, fat: bool) -> Tuple[str, ...]:
    """The character sets of mounted FAT, NTFS and CIFS file systems; the usual ones if ``fat`` is only recorded."""
    found: List[str] = []
    for line in mounts.splitlines():
        words = line.split()
        if len(words) < 4:
            continue
        for option in words[3].split(","):
            name, _, value = option.partition("=")
            if name == "codepage":
                found.append(f"nls_{value if value.startswith('cp') else 'cp' + value}")
            elif name in ("iocharset", "nls"):
                found.append(f"nls_{value}")
    if fat and not found:
        found = ["nls_cp437", "nls_iso8859_1", "nls_ascii", "nls_utf8"]
    return tuple(dict.fromkeys(found))
