"""From a machine to sections and files of a set, and back through writer and reader."""

from __future__ import annotations

import dataclasses
import posixpath
import re
from pathlib import Path
from typing import Any, List, Sequence, Tuple

import pytest
from driver_machines import BASE, PCI, RELEASE, Machine, module, packed

from sif import look
from sif.check import check
from sif.drivers import collect
from sif.drivers.collect import Collect, Drivers, collect_drivers, with_drivers
from sif.drivers.errors import DriverMissing, DriversTooLarge
from sif.features import features_of
from sif.media import sha256_hex
from sif.model import (
    Bond,
    Device,
    Disk,
    DiskRole,
    FileSystem,
    Firmware,
    FsType,
    Need,
    Nic,
    Partition,
    Ref,
    Store,
    StoreKind,
    System,
    SystemInformation,
    TableType,
    Version,
)
from sif.problems import SifRejected
from sif.reader import load_set
from sif.run import Result
from sif.writer import write_set

FIRMWARE = b"tigon firmware"
SET_ID = "5b7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d11"
INSTALLED = f"/lib/modules/{RELEASE}"


def saved() -> SystemInformation:
    """What the capture knows before it looks for drivers."""
    return SystemInformation(
        version=Version(signature="$SIF$", format="2.0", set_id=SET_ID, part=1, parts=2),
        system=System("web01", hostname="web01.example.org", firmware=Firmware.BIOS, arch="x86_64",
                      boot_fs=Ref("root"), root_fs=Ref("root"), kernel=RELEASE),
        disks=(Disk("d0", DiskRole.CRITICAL, 1 << 30, 512, 512, TableType.GPT, table_id=SET_ID, device="sda"),
               Disk("d1", DiskRole.DATA, 1 << 30, 512, 512, TableType.NONE, device="sdb")),
        partitions=(Partition("d0p1", Ref("d0"), 1, 2048, 1048576, "0fc63daf-8483-4772-8e79-3d69d8477de4",
                              uuid="0f0e0d0c-0b0a-4908-8706-050403020201"),),
        filesystems=(FileSystem("root", Ref("d0p1"), FsType.XFS, "d2b1f0a4-53a0-4b83-8a4f-3d9ab3a0f002", mount="/"),),
        nics=(Nic("eth0", mac="52:54:00:12:34:56"),), bonds=(Bond("bond0", members=(Ref("eth0"),)),),
        devices=(Device("pci-0000-04-00.0", modalias="pci:v1000d10e2"), Device("pci-0000-02-00.0", modalias="pci:x")),
        stores=(Store("s", StoreKind.DIRECTORY, "nas:/backup"),))


def server() -> Machine:
    """A RAID controller by DKMS, a network card with firmware, xfs, a bond, NFS."""
    raid, nic = f"{PCI}/0000:04:00.0", f"{PCI}/0000:02:00.0"
    machine = Machine().device(raid, "vendor-raid", "vendor_raid")
    machine.device(f"{raid}/host0/0:2:0:0", "sd", "sd_mod", "scsi")
    machine.link("/sys/class/block/sda", f"{raid}/host0/0:2:0:0/block/sda").device(nic, "tg3", "tg3")
    machine.link("/sys/class/net/eth0", f"{nic}/net/eth0").link(f"{nic}/net/eth0/device", nic)
    machine.install(
        ("updates/dkms/vendor-raid.ko.xz", packed(module("vendor_raid", depends=("scsi_mod",), in_tree=False,
                                                         version="7.1"))),
        ("kernel/scsi/scsi_mod.ko", module("scsi_mod")),
        ("kernel/scsi/sd_mod.ko", module("sd_mod", depends=("scsi_mod",))),
        ("kernel/net/tg3.ko", module("tg3", depends=("libphy",), firmware=("tigon/tg3.bin", "tigon/absent.bin"))),
        ("kernel/net/libphy.ko", module("libphy")), ("kernel/net/bonding.ko", module("bonding")),
        ("kernel/fs/nfs.ko", module("nfs", depends=("sunrpc",))), ("kernel/net/sunrpc.ko", module("sunrpc")),
        ("kernel/sound/snd.ko", module("snd", firmware=("snd/a.bin",))), builtin=("xfs",), aliases=("fs-nfs4 nfs",))
    return machine.add({
        f"{BASE}/modules.builtin.modinfo": "xfs.alias=fs-xfs\0xfs.version=9\0",
        "/usr/lib/firmware/tigon/tg3.bin": FIRMWARE,
        "/usr/lib/firmware/snd/a.bin": "a",
        "/etc/modprobe.d/local.conf": 'options vendor_raid msix=1 name="a b"\nblacklist tg3\n',
        "/proc/modules": "snd 4096 0 - Live 0x0\ntg3 4096 0 - Live 0x0\n"})


def collected(machine: Machine, which: Collect = Collect.NEEDED) -> Tuple[SystemInformation, Drivers]:
    with machine.looked_at():
        found = collect_drivers(saved(), which)
    return with_drivers(saved(), found), found


def test_everything_that_disk_network_and_store_need_is_collected() -> None:
    info, found = collected(server())
    drivers = {driver.module: driver for driver in info.drivers}
    assert set(drivers) == {"vendor_raid", "scsi_mod", "sd_mod", "tg3", "libphy", "bonding", "nfs", "sunrpc", "xfs"}
    raid = drivers["vendor_raid"]
    assert (raid.out_of_tree, raid.version, raid.needs) == (True, "7.1", (Need.DISK,))
    assert (raid.depends, raid.devices, raid.parameters) == (
        ("scsi_mod",), ("pci-0000-04-00.0",), 'msix=1 name="a b"')
    assert raid.path == f"media:drivers/{RELEASE}/vendor_raid.ko.xz"
    assert raid.sha256 == sha256_hex(found.content[raid.path[6:]])
    assert (drivers["xfs"].path, drivers["xfs"].version) == (None, "9"), "built in: known, and no file"
    assert drivers["sunrpc"].needs == (Need.STORE,)
    assert not drivers["sd_mod"].out_of_tree
    assert [(file.id, file.target, file.needs) for file in info.files] == [
        ("fw_tigon-tg3.bin", "/lib/firmware/tigon/tg3.bin", (Need.NETWORK,))]
    assert drivers["tg3"].firmware == ("fw_tigon-tg3.bin",)
    notes = "\n".join(found.notes)
    assert "blacklisted in modprobe.d, but used: tg3" in notes
    assert "do not come with the kernel: vendor_raid" in notes
    assert "9 drivers and 1 firmware files" in notes
    assert [problem for problem in check(info) if problem.subject and problem.subject[0] in ("DRIVER", "FILE")] == []
    assert "drivers" in features_of(info)


def test_all_adds_what_is_loaded_and_none_takes_nothing() -> None:
    info, _ = collected(server(), Collect.ALL)
    sound = next(driver for driver in info.drivers if driver.module == "snd")
    assert (sound.needs, sound.firmware) == ((Need.OTHER,), ("fw_snd-a.bin",))
    assert collected(server(), Collect.NONE)[1] == Drivers()


def test_a_kernel_without_modules_is_said_and_is_no_error() -> None:
    _, found = collected(Machine())
    assert found.drivers == () and "no modules of the kernel" in found.notes[0]


def test_a_loaded_module_without_a_file_is_refused() -> None:
    machine = server()
    machine.files[f"{BASE}/modules.dep"] = b"".join(
        line for line in machine.files[f"{BASE}/modules.dep"].splitlines(True) if not line.startswith(b"updates"))
    with pytest.raises(DriverMissing, match="cannot be collected") as caught:
        collected(machine)
    assert "vendor_raid" in str(caught.value)
    assert "--drivers none" in str(caught.value)


def test_a_module_that_is_listed_and_gone_is_refused() -> None:
    machine = server()
    del machine.files[f"{BASE}/updates/dkms/vendor-raid.ko.xz"]
    with pytest.raises(DriverMissing, match="module vendor_raid cannot be read"):
        collected(machine)


def test_a_damaged_module_is_refused() -> None:
    machine = server().add({f"{BASE}/kernel/scsi/sd_mod.ko": b"\x7fELF"})
    with pytest.raises(DriverMissing, match="cannot be read") as caught:
        collected(machine)
    assert caught.value.where == f"{INSTALLED}/kernel/scsi/sd_mod.ko"


def test_more_than_a_set_can_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "MAX_BYTES", 2000)
    with pytest.raises(DriversTooLarge, match="too large for a set"):
        collected(server())
    monkeypatch.setattr(collect, "MAX_SET_FILE_BYTES", 300)
    with pytest.raises(DriversTooLarge, match="the module") as caught:
        collected(server())
    assert caught.value.wanted == "at most 300 bytes"


def test_a_zstd_module_is_read_by_modinfo() -> None:
    machine = server()
    dep = machine.files[f"{BASE}/modules.dep"].replace(b"libphy.ko", b"libphy.ko.zst")
    machine.add({f"{BASE}/modules.dep": dep, f"{BASE}/kernel/net/libphy.ko.zst": b"\x28\xb5\x2f\xfd"})
    machine.modinfo = {f"{INSTALLED}/kernel/net/libphy.ko.zst": f"vermagic={RELEASE} SMP\0intree=Y\0version=5\0"}
    info, _ = collected(machine)
    phy = next(driver for driver in info.drivers if driver.module == "libphy")
    assert (phy.version, phy.out_of_tree, phy.path) == ("5", False, f"media:drivers/{RELEASE}/libphy.ko.zst")


def test_packed_modules_are_all_unpacked_by_one_modinfo(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = server()
    dep = machine.files[f"{BASE}/modules.dep"]
    dep = dep.replace(b"libphy.ko", b"libphy.ko.zst").replace(b"tg3.ko", b"tg3.ko.xz")
    machine.add({f"{BASE}/modules.dep": dep})
    squeezed = [f"{BASE}/{path.decode()}" for path in re.findall(rb"^(.*(?:zst|xz)):", dep, re.MULTILINE)]
    machine.add({path: b"no module" for path in squeezed})
    asked: List[Tuple[str, ...]] = []

    def run(argv: Sequence[str], **_: object) -> Result:
        asked.append(tuple(argv))
        said = "".join(f"filename={place}\0vermagic={RELEASE} SMP\0intree=Y\0version={posixpath.basename(place)}\0"
                       for place in argv[2:])
        return Result(tuple(argv), 0, said, "", 0.0)

    monkeypatch.setattr(look, "have", lambda tool: tool == "modinfo")
    monkeypatch.setattr(look, "run", run)
    info, _ = collected(machine)
    versions = {driver.module: driver.version for driver in info.drivers}
    assert (versions["tg3"], versions["libphy"]) == ("tg3.ko.xz", "libphy.ko.zst")
    assert len(asked) == 1 and {*squeezed} <= {place.replace(INSTALLED, BASE) for place in asked[0][2:]}


def test_the_set_is_written_and_read_with_its_drivers(tmp_path: Path) -> None:
    info, found = collected(server())
    write_set(info, tmp_path, found.content)
    loaded = load_set(tmp_path)
    assert {d.module for d in loaded.info.drivers} == {d.module for d in info.drivers}
    assert loaded.file(f"drivers/{RELEASE}/tg3.ko") == found.content[f"drivers/{RELEASE}/tg3.ko"]


@pytest.mark.parametrize("path", [f"drivers/{RELEASE}/tg3.ko", "files/firmware/tigon/tg3.bin"])
def test_an_altered_or_missing_file_is_refused_at_reading(tmp_path: Path, path: str) -> None:
    info, found = collected(server())
    write_set(info, tmp_path, found.content)
    (tmp_path / "manifest").unlink()
    (tmp_path / path).write_bytes(b"other")
    with pytest.raises(SifRejected, match="was altered"):
        load_set(tmp_path)
    (tmp_path / path).unlink()
    with pytest.raises(SifRejected, match="missing"):
        load_set(tmp_path)


def _without(info: SystemInformation, name: str) -> SystemInformation:
    """The set of somebody who forgot a dependency, and everywhere."""
    drivers = tuple(dataclasses.replace(d, depends=tuple(r for r in d.depends if r != name))
                    for d in info.drivers if d.id != name)
    return dataclasses.replace(info, drivers=drivers)


def test_the_writer_refuses_an_incomplete_closure_and_names_the_missing_piece(tmp_path: Path) -> None:
    info, found = collected(server())
    with pytest.raises(SifRejected, match="vendor_raid does not work without scsi_mod, which the set lacks"):
        write_set(_without(info, "scsi_mod"), tmp_path, found.content)
    unordered = tuple(dataclasses.replace(d, depends=()) if d.id == "tg3" else d for d in info.drivers)
    with pytest.raises(SifRejected, match="tg3 is to be loaded after libphy"):
        write_set(dataclasses.replace(info, drivers=unordered), tmp_path, found.content)
    lacking = {path: data for path, data in found.content.items() if "tg3.bin" not in path}
    with pytest.raises(SifRejected, match="not in the set") as caught:
        write_set(info, tmp_path, lacking)
    assert "[FILE fw_tigon-tg3.bin] path" in str(caught.value)
    with pytest.raises(SifRejected, match="the file is another one"):
        write_set(info, tmp_path, {**found.content, f"drivers/{RELEASE}/tg3.ko": b"other"})
    assert list(tmp_path.iterdir()) == []


def test_the_writer_refuses_what_is_no_module_of_that_kernel(tmp_path: Path) -> None:
    info, found = collected(server())

    def with_module(data: bytes) -> "tuple[SystemInformation, dict[str, bytes]]":
        digest = sha256_hex(data)
        drivers = tuple(dataclasses.replace(d, sha256=digest) if d.id == "sunrpc" else d for d in info.drivers)
        return dataclasses.replace(info, drivers=drivers), {**found.content, f"drivers/{RELEASE}/sunrpc.ko": data}
    for data, words in ((b"no module at all", "not a kernel module: no ELF file"),
                        (module("sunrpc", kernel="5.10.0"), "was built for another kernel")):
        changed, content = with_module(data)
        with pytest.raises(SifRejected, match=words):
            write_set(changed, tmp_path, content)


@pytest.mark.parametrize(("field", "ident", "changes", "key", "what"), [
    ("drivers", "tg3", {"path": "store:s/tg3.ko"}, "path", "needed to reach the network, so it must lie on the medium"),
    ("drivers", "tg3", {"path": "/tmp/tg3.ko"}, "path", "not a file of the set: it is neither"),
    ("drivers", "tg3", {"path": "media:../tg3.ko"}, "path", "not a file of the set: it has an empty"),
    ("drivers", "tg3", {"sha256": None}, "sha256", "the file's digest is missing"),
    ("drivers", "tg3", {"sha256": "x"}, "sha256", "not a SHA-256"),
    ("drivers", "xfs", {"sha256": "0" * 64}, "sha256", "a digest of no file"),
    ("drivers", "libphy", {"kernel": "5.0"}, "depends", "libphy is a module of another kernel"),
    ("drivers", "libphy", {"needs": (Need.DISK,)}, "depends", "libphy must be there for the same needs"),
    ("drivers", "libphy", {"module": "tg3"}, "module", "the same module of the same kernel as"),
    ("files", "fw_tigon-tg3.bin", {"needs": ()}, "firmware", "fw_tigon-tg3.bin must be there for the same needs"),
    ("files", "fw_tigon-tg3.bin", {"target": "/usr/local/x"}, "firmware", "does not go where the kernel looks"),
    ("files", "fw_tigon-tg3.bin", {"path": "store:s/fw"}, "path", "needed to reach the network, so it must lie"),
    ("files", "fw_tigon-tg3.bin", {"needs": (), "path": "store:nope/fw"}, "path", "there is no store nope"),
    ("files", "fw_tigon-tg3.bin", {"target": "/etc/shadow"}, "target", "no place where a set may put a file"),
    ("files", "fw_tigon-tg3.bin", {"target": "/lib/firmware/../../etc/shadow"}, "target", "no place where a set may"),
    ("files", "fw_tigon-tg3.bin", {"target": "/usr/local"}, "target", "no place where a set may put a file"),
    ("files", "fw_tigon-tg3.bin", {"mode": "4755"}, "mode", "not permissions that a file may get"),
])
def test_the_placement_rule_and_what_belongs_to_it(field: str, ident: str, changes: "dict[str, object]", key: str,
                                                   what: str) -> None:
    info, _ = collected(server())
    records: Any = tuple(dataclasses.replace(r, **changes) if r.id == ident else r for r in getattr(info, field))
    found = [problem for problem in check(dataclasses.replace(info, **{field: records}))
             if problem.subject and problem.subject[0] in ("DRIVER", "FILE")]
    assert any(what in problem.what and problem.subject[2] == key for problem in found if problem.subject), found


def test_two_files_may_not_have_one_target_even_by_two_names() -> None:
    info, _ = collected(server())
    twin = dataclasses.replace(info.files[0], id="twin", target="/usr" + info.files[0].target)
    found = check(dataclasses.replace(info, files=(*info.files, twin)))
    assert [problem.subject for problem in found if "the same target" in problem.what] == [("FILE", "twin", "target")]


def test_what_nothing_waits_for_may_lie_on_a_store() -> None:
    info, _ = collected(server())
    tool = dataclasses.replace(info.files[0], id="tool", target="/usr/local/bin/tool", needs=(),
                               path="store:s/bin/tool")
    found = check(dataclasses.replace(info, files=(*info.files, tool)))
    assert [problem for problem in found if problem.subject and problem.subject[1] == "tool"] == []
