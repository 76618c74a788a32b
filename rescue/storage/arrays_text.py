"""The commands that make and assemble a software RAID as it was. Pure. Source: mdadm(8), md(4)."""

from __future__ import annotations

import re
from typing import Dict, List, Tuple

from rescue.planner.layout import array_devices, is_zeroed
from sif.model import Bitmap, MdArray, MdLevel, MdMetadata

_UNSIZED = (MdLevel.LINEAR, MdLevel.RAID0)


def create_command(array: MdArray, node: str, device_of: Dict[str, str]) -> Tuple[str, ...]:
    """The ``mdadm`` command that makes the array at ``node``; ``device_of`` maps SIF ids to device nodes.

    No array is called clean that is not: the kernel synchronises it later, while the restore goes on. What was never
    written has to agree too, or a parity that is brought up to date from its old value stays wrong, and the first check
    of a mirror reports thousands of mismatches. ``--force`` keeps mdadm from making the last disk of a RAID 5 a spare.
    Which members are read last or fail fast is set afterwards (:func:`flagged`): on the command line a flag holds for
    all devices behind it, and nothing takes it back.
    """
    argv: List[str] = ["mdadm", "--create", node, "--run", "--force", f"--level={array.level.value}",
                       f"--raid-devices={array.devices}", f"--metadata={array.metadata.value}", f"--uuid={array.uuid}",
                       f"--bitmap={array.bitmap.value}"]
    if array.level not in _UNSIZED and array.component_bytes is not None:
        argv.append(f"--size={array.component_bytes // 1024}")
    if array.chunk_bytes is not None:
        argv.append(f"--chunk={array.chunk_bytes // 1024}")
    if array.layout is not None:
        argv.append(f"--layout={layout_option(array)}")
    if array.bitmap is Bitmap.INTERNAL and array.bitmap_chunk_bytes is not None:
        argv.append(f"--bitmap-chunk={array.bitmap_chunk_bytes // 1024}K")
    if array.metadata is not MdMetadata.V0_90:
        argv += [f"--name={array.name or ''}", f"--homehost={array.homehost or '<none>'}"]
    offsets = dict(zip(array_devices(array), array.data_offsets))
    if offsets:
        argv.append("--data-offset=variable")
    if is_zeroed(array):
        argv.append("--write-zeroes")
    if array.spares:
        argv.append(f"--spare-devices={len(array.spares)}")
    if array.journal is not None:
        argv.append(f"--write-journal={_with_offset(array.journal, offsets, device_of)}")
    members = iter(array.members)
    slots = ["missing" if slot in array.missing else _with_offset(next(members), offsets, device_of)
             for slot in range(array.devices)]
    return (*argv, *slots, *(_with_offset(spare, offsets, device_of) for spare in array.spares))


def flagged(array: MdArray) -> Tuple[Tuple[str, str], ...]:
    """Which members (SIF ids) get which flag, by the kernel's names for them. Source: md.rst, ``dev-XXX/state``."""
    return (*((str(ident), "writemostly") for ident in array.write_mostly),
            *((str(ident), "failfast") for ident in array.failfast))


def _with_offset(ident: str, offsets: Dict[str, int], device_of: Dict[str, str]) -> str:
    """The device, with its data offset in KiB where one is recorded."""
    return f"{device_of[ident]}:{offsets[ident] // 1024}" if ident in offsets else device_of[ident]


def layout_option(array: MdArray) -> str:
    """The saved layout as ``--layout`` takes it: of RAID 10 ``near=2`` is written ``n2``."""
    layout = array.layout or ""
    if array.level is not MdLevel.RAID10:
        return layout
    kind, _, copies = layout.partition("=")
    return f"{kind[:1]}{copies}"


def assemble_command(array: MdArray, node: str, device_of: Dict[str, str]) -> Tuple[str, ...]:
    """The ``mdadm`` command that assembles the array from its own devices and no others."""
    return ("mdadm", "--assemble", node, f"--uuid={array.uuid}", "--run",
            *(device_of[ident] for ident in array_devices(array)))


def differences(array: MdArray, shown: str) -> Tuple[str, ...]:
    """How what ``mdadm --detail --export`` shows differs from the saved array; empty when it does not."""
    facts = dict(re.findall(r"^(MD_[A-Z]+)=(.*)$", shown, re.MULTILINE))
    wanted = {"MD_UUID": array.uuid, "MD_LEVEL": array.level.value, "MD_METADATA": array.metadata.value,
              "MD_DEVICES": str(array.devices)}
    if array.metadata is not MdMetadata.V0_90 and array.name:
        wanted["MD_NAME"] = f"{array.homehost}:{array.name}" if array.homehost else array.name
    return tuple(f"{name} is {facts.get(name)}, not {value}" for name, value in wanted.items()
                 if facts.get(name) != value)
