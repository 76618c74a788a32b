"""Where fuzzing begins: the sound files that the other tests have, and the words of the format."""

from __future__ import annotations

import hashlib
import re
from enum import Enum
from pathlib import Path
from typing import Callable, Dict, Iterable, Iterator, List, Set

from hostile_table import BASE, cases

from fuzz import programs, provider
from fuzz.bundle import packed
from sif.codec import schemas
from sif.docs import PAGE
from sif.media import MANIFEST, manifest_text
from sif.substitution import names

TESTS = Path(__file__).resolve().parents[1]
CORPUS = TESTS / "fuzz" / "corpus"
MAX_SEED_BYTES = 16384
SAMPLES = TESTS / "unit" / "convert" / "samples"


def seeds(target: str) -> List[bytes]:
    """The first inputs of a target: sound ones, and those that once found something."""
    made: Dict[str, Callable[[], Iterable[bytes]]] = {
        "part": _parts, "set": _sets, "catalog": _catalogs, "manifest": _manifests, "asr": _asr, "rear": _rear,
        "signature": _signatures, "secrets": _secrets,
        "provider": provider.seeds}
    kept = sorted((CORPUS / target).glob("*"))
    return [*made[target](), *(path.read_bytes() for path in kept)]


def write_seeds(target: str, directory: Path) -> None:
    """One file per seed, named by its content, as libFuzzer does."""
    directory.mkdir(parents=True, exist_ok=True)
    for seed in seeds(target):
        (directory / hashlib.sha1(seed).hexdigest()).write_bytes(seed)


def _fenced(language: str) -> Iterator[bytes]:
    """The examples of that language in the specification."""
    for found in re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        yield found.encode()


def _catalogs() -> Iterator[bytes]:
    yield from _fenced("catalog")
    yield from (case.files()["catalog/web01.catalog"] for case in cases())


def _signatures() -> Iterator[bytes]:
    yield programs.made().signature


def _secrets() -> Iterator[bytes]:
    yield programs.made().age


def _parts() -> Iterator[bytes]:
    yield from _fenced("sif")
    guide = (PAGE.parent / "vendor-guide.md").read_text(encoding="utf-8")
    yield from (text.encode() for text in re.findall(r"```\n(\[STORE .*?)```", guide, re.DOTALL))
    yield from (path.read_bytes() for path in sorted(TESTS.glob("unit/convert/golden/*.sif")))
    head = ('[VERSION]\nsignature = "$SIF$"\nformat = 2.0\nset_id = 5b7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d11\n'
            'part = 1\nparts = 1\n')
    for schema in schemas().values():
        if schema.kind != "VERSION":
            keys = "".join(f"{key.name} = {key.info.example}\n" for key in schema.keys)
            yield f"{head}\n[{schema.kind}{' 1' if schema.has_id else ''}]\n{keys}".encode()


    for case in cases():
        yield from (data for path, data in case.files().items() if path.endswith(".sif") and len(data) < MAX_SEED_BYTES)
    yield from _recorded()


def _recorded() -> Iterator[bytes]:
    """Machines with every kind of storage, as captured from real kernels."""
    for expected in sorted(TESTS.glob("machines/*/expected.sif")):
        data = expected.read_bytes()
        if b"[VERSION]" in data and len(data) < MAX_SEED_BYTES:
            yield data


def _sets() -> Iterator[bytes]:
    yield packed({path.relative_to(BASE).as_posix(): path.read_bytes() for path in BASE.rglob("*") if path.is_file()})
    for case in cases():
        whole = packed(case.files())
        if len(whole) < MAX_SEED_BYTES:
            yield whole
    for example in _fenced("sif"):
        files = {"dr_state.sif": example}
        yield packed(files)
        yield packed({**files, MANIFEST: manifest_text(files).encode(), "manifest.sig": b"-----BEGIN SSH SIGNATURE"})
    blob = b"-----BEGIN AGE ENCRYPTED FILE-----\n"
    for golden in sorted(TESTS.glob("unit/convert/golden/*.sif")):
        state = golden.read_bytes()
        secrets = b'\n[SECRETS]\npath = "media:secrets/x.age"\nsha256 = "%s"\n' % hashlib.sha256(
            blob).hexdigest().encode()
        yield packed({"dr_state.sif": state + secrets, "secrets/x.age": blob})


def _manifests() -> Iterator[bytes]:
    yield manifest_text({"dr_state.sif": b"x", "lvm/vg.vgcfg": b"", "commands.sif": b"y"}).encode()
    yield "\n".join(names()).encode()


def _asr() -> Iterator[bytes]:
    yield from (path.read_bytes() for path in sorted(SAMPLES.glob("asr-*/asr.sif")))


def _rear() -> Iterator[bytes]:
    for sample in sorted(SAMPLES.glob("rear-*")):
        yield packed({path.relative_to(sample).as_posix(): path.read_bytes()
                      for path in sorted(sample.rglob("*")) if path.is_file()})


def words() -> List[str]:
    """What an input is likely to hold: kinds, keys, values of enums, marks."""
    found: Set[str] = {"%%% ", "[", "]", " = ", "\n[", '"', "media:", "secret:", "\\n", "\u202e", "\u0661", "..", "0x",
                       "18446744073709551616", "-1", *names()}
    for schema in schemas().values():
        found.add(f"\n[{schema.kind} ")
        for key in schema.keys:
            found.add(f"\n{key.name} = ")
            found.add(f"{key.name} = {key.info.example}\n")
            if isinstance(key.base, type) and issubclass(key.base, Enum):
                found.update(str(member.value) for member in key.base)
    return sorted(found)


def dictionary() -> str:
    """The words as libFuzzer's dictionary."""
    lines: Dict[str, str] = {}
    for number, word in enumerate(words()):
        quoted = "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}"
                         for byte in word.encode())
        lines[f"w{number}"] = quoted
    return "".join(f'{name}="{text}"\n' for name, text in lines.items())
