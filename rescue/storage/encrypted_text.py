"""The commands that make and open a LUKS volume as it was. Pure but for asking for the passphrase.

Source: cryptsetup-luksFormat(8). A passphrase is handed over through a pipe, never as an argument.
"""

from __future__ import annotations

import re
from typing import Any, List, Mapping, Tuple

from rescue.storage.site import Secrets, mapper_name
from sif.model import Luks
from sif.secrets.age import SecretUnavailable
from sif.secrets.names import SCHEME

_SECTOR = 512
_TAG_KEY_BITS = {"hmac(sha1)": 160, "hmac(sha256)": 256, "hmac(sha512)": 512}
"""Of the volume key, the part for the integrity tags; other modes have none. Source: cryptsetup, utils_integrity."""


def format_command(luks: Luks, node: str) -> Tuple[str, ...]:
    """The ``cryptsetup luksFormat`` that makes the volume; the passphrase comes on its standard input."""
    argv: List[str] = [
        "cryptsetup", "luksFormat", "--batch-mode", f"--type=luks{luks.version}", f"--uuid={luks.uuid}",
        f"--cipher={luks.cipher}", f"--key-size={cipher_key_bits(luks)}", "--key-file=-"]
    if luks.hash:
        argv.append(f"--hash={luks.hash}")
    if luks.version == 2:
        argv += [f"--sector-size={luks.sector_bytes}", f"--offset={luks.offset_bytes // _SECTOR}"]
        argv += [f"--label={luks.label}"] if luks.label else []
        argv += [f"--subsystem={luks.subsystem}"] if luks.subsystem else []
        argv += [f"--integrity={integrity_option(luks.integrity)}"] if luks.integrity else []
    else:
        argv.append(f"--align-payload={luks.offset_bytes // _SECTOR}")
    return (*argv, *slot_options(luks), node)


def cipher_key_bits(luks: Luks) -> int:
    """What ``--key-size`` means: the volume key without the key of the integrity tags, which cryptsetup adds itself."""
    return luks.key_bits - _TAG_KEY_BITS.get(luks.integrity or "", 0)


def integrity_option(mode: str) -> str:
    """The word of ``--integrity`` for what luksDump shows (``hmac(sha256)`` → ``hmac-sha256``)."""
    found = re.fullmatch(r"hmac\((.+)\)", mode)
    return f"hmac-{found.group(1)}" if found else mode


def slot_options(luks: Luks) -> Tuple[str, ...]:
    """Number and key derivation of the first saved keyslot; none if the SIF does not say."""
    if not luks.keyslots:
        return ()
    return (f"--key-slot={luks.keyslots[0].partition(':')[0]}", *slot_costs(luks, 0))


def slot_costs(luks: Luks, index: int) -> Tuple[str, ...]:
    """The key derivation of one of the saved keyslots, by its place in the list; none if there is no such."""
    if index >= len(luks.keyslots):
        return ()
    _, kind, *costs = luks.keyslots[index].split(":")
    options = [f"--pbkdf={kind}"] if luks.version == 2 else []
    if costs:
        options.append(f"--pbkdf-force-iterations={costs[0]}")
    if len(costs) == 3:
        options += [f"--pbkdf-memory={costs[1]}", f"--pbkdf-parallel={costs[2]}"]
    return tuple(options)


def open_command(luks: Luks, node: str, *, persistent: bool = False) -> Tuple[str, ...]:
    """The command that opens the volume under its mapper name; the passphrase comes on its standard input."""
    flags = [f"--{flag}" for flag in luks.flags if re.fullmatch(r"[a-z-]+", flag)] if persistent else []
    return ("cryptsetup", "open", "--type=luks", "--key-file=-", *(["--persistent", *flags] if flags else []), node,
            mapper_name(luks))


def differences(luks: Luks, metadata: Mapping[str, Any]) -> Tuple[str, ...]:
    """How a LUKS2 header (its JSON) differs from the saved volume; empty when it does not."""
    segment = next(iter(metadata["segments"].values()))
    slot = next(iter(metadata["keyslots"].values()))
    wanted = {"cipher": (segment.get("encryption"), luks.cipher),
              "key size": (slot.get("key_size", 0) * 8, luks.key_bits),
              "sector size": (segment.get("sector_size"), luks.sector_bytes),
              "offset": (int(segment["offset"]), luks.offset_bytes)}
    return tuple(f"{name} is {found}, not {value}" for name, (found, value) in wanted.items() if found != value)


def passphrase_name(luks: Luks) -> str:
    """The name of the secret that opens the volume; one that the set does not name is asked for under its id."""
    return luks.passphrase[len(SCHEME):] if luks.passphrase is not None else f"luks-{luks.id}"


def passphrase_of(luks: Luks, secrets: Secrets) -> str:
    """What opens the volume, as text for a pipe. Raises :class:`SecretUnavailable` where nobody can say."""
    name = SCHEME + passphrase_name(luks)
    found = secrets(name)
    if found is None:
        raise SecretUnavailable("nothing opens the encrypted volume", where=f"LUKS {luks.id}",
                            found="no passphrase in the secrets file, and nobody was asked", wanted=name,
                            hint="run attended, or put the passphrase into the set: sif secrets set")
    return found.decode("utf-8", "surrogateescape")
