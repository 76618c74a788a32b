"""Which modules a machine needs: from sysfs, from what lies on its disks, from its stores."""

from __future__ import annotations

import pytest
from driver_machines import PCI, Machine

from sif.drivers.closure import close
from sif.drivers.hardware import disk_modules, network_modules
from sif.drivers.layers import charsets, crypto_aliases, dm_aliases, layer_modules, parse_dm_table, parse_proc_crypto
from sif.drivers.stores import store_modules, transport
from sif.drivers.tree import ModuleTree
from sif.drivers.wanted import Wanted
from sif.model import Need, Store, StoreKind


def names(wanted: "tuple[Wanted, ...]") -> "set[str]":
    return {found.name for found in wanted}


def sas_disk() -> Machine:
    """sda behind a RAID controller in a PCI slot."""
    disk = f"{PCI}/0000:00:01.0/0000:04:00.0/host0/target0:2:0/0:2:0:0"
    machine = Machine().link("/sys/class/block/sda", f"{disk}/block/sda").add({f"{disk}/block/sda/size": "1"})
    machine.device(f"{PCI}/0000:00:01.0", "pcieport").device(f"{PCI}/0000:00:01.0/0000:04:00.0", "megaraid_sas",
                                                            "megaraid_sas")
    return machine.device(disk, "sd", "sd_mod", bus="scsi").add({
        "/sys/class/scsi_host/host0/proc_name": "megaraid_sas\n"})


def test_a_disks_drivers_are_all_those_on_its_path() -> None:
    machine = sas_disk()
    with machine.looked_at():
        found = disk_modules("sda")
    assert names(found) == {"sd_mod", "megaraid_sas", "pcieport"}
    controller = next(one for one in found if one.device == "pci-0000-04-00.0")
    assert (controller.name, controller.need, controller.certain) == ("megaraid_sas", Need.DISK, True)
    assert not next(one for one in found if one.name == "pcieport").certain


def test_nvme_with_several_paths_is_followed_to_its_controllers() -> None:
    subsystem = "/sys/devices/virtual/nvme-subsystem/nvme-subsys0"
    controller = f"{PCI}/0000:65:00.0"
    machine = Machine().link("/sys/class/block/nvme0n1", f"{subsystem}/nvme0n1").add({
        f"{subsystem}/nvme0n1/size": "1", f"{controller}/nvme/nvme0/transport": "pcie\n",
        "/sys/devices/virtual/nvme-fabrics/ctl/nvme1/transport": "tcp\n"})
    machine.link(f"{subsystem}/nvme0", f"{controller}/nvme/nvme0").link(f"{subsystem}/nvme1", "x")
    machine.link("/sys/class/nvme/nvme0", f"{controller}/nvme/nvme0")
    machine.link(f"{controller}/nvme/nvme0/device", controller)
    machine.link("/sys/class/nvme/nvme1", "/sys/devices/virtual/nvme-fabrics/ctl/nvme1")
    machine.device(controller, "nvme", "nvme")
    with machine.looked_at():
        assert names(disk_modules("nvme0n1")) == {"nvme", "nvme-tcp"}


def test_a_stack_leads_down_to_every_disk_under_it() -> None:
    machine = sas_disk()
    machine.add({"/sys/devices/virtual/block/dm-0/dm/name": "mpatha"})
    machine.link("/sys/class/block/dm-0", "/sys/devices/virtual/block/dm-0")
    machine.link("/sys/devices/virtual/block/dm-0/slaves/sda", "/sys/class/block/sda")
    with machine.looked_at():
        assert "megaraid_sas" in names(disk_modules("dm-0"))


def test_interfaces_need_their_hardware_their_transceiver_and_what_they_are_joined_by() -> None:
    nic = f"{PCI}/0000:02:00.0"
    machine = Machine().device(nic, "r8169", "r8169").device("/sys/devices/mdio/phy0", "Realtek", "realtek", bus="mdio")
    machine.link("/sys/class/net/eth0", f"{nic}/net/eth0").link(f"{nic}/net/eth0/device", nic)
    machine.link(f"{nic}/net/eth0/phydev", "/sys/devices/mdio/phy0").add({f"{nic}/net/eth0/uevent": "INTERFACE=eth0\n"})
    for name, kind in (("bond0", "bond"), ("bond0.42", "vlan"), ("br0", "bridge"), ("wg0", "wireguard")):
        machine.link(f"/sys/class/net/{name}", f"/sys/devices/virtual/net/{name}")
        machine.add({f"/sys/devices/virtual/net/{name}/uevent": f"DEVTYPE={kind}\nINTERFACE={name}\n"})
    with machine.looked_at():
        found = network_modules()
    assert names(found) == {"r8169", "realtek", "bonding", "8021q", "bridge"}
    assert {one.need for one in found} == {Need.NETWORK}


@pytest.mark.parametrize(("line", "wanted"), [
    (("linear", "8:1", "0"), {"dm-linear"}),
    (("thin-pool", "253:0", "253:1", "128", "0"), {"dm-thin-pool"}),
    (("crypt", "aes-xts-plain64", "0", "0", "8:3", "0"),
     {"dm-crypt", "crypto-aes", "crypto-xts", "crypto-ecb", "af_alg", "algif_skcipher", "algif_hash"}),
    (("cache", "1", "2", "3", "128", "1", "writethrough", "smq", "0"), {"dm-cache", "dm-cache-smq"}),
    (("multipath", "0", "1", "alua", "2", "1", "service-time", "0", "1", "2", "8:0", "1", "1"),
     {"dm-multipath", "dm-service-time"})])
def test_a_line_of_device_mapper_says_which_targets_it_needs(line: "tuple[str, ...]", wanted: "set[str]") -> None:
    assert set(dm_aliases(line)) == wanted


@pytest.mark.parametrize(("cipher", "wanted"), [
    ("aes-xts-plain64", ("crypto-aes", "crypto-xts")),
    ("aes-cbc-essiv:sha256", ("crypto-aes", "crypto-cbc", "crypto-essiv", "crypto-sha256")),
    ("capi:xts(aes)-plain64", ("crypto-xts", "crypto-aes")), ("cipher_null-ecb", ("crypto-cipher_null", "crypto-ecb"))])
def test_a_cipher_is_taken_apart(cipher: str, wanted: "tuple[str, ...]") -> None:
    assert crypto_aliases(cipher) == wanted


def test_the_tables_of_device_mapper_are_read() -> None:
    assert parse_dm_table("vg-root: 0 8 linear 8:3 2048\nvg-root: 8 8 striped 2 128\nNo devices found\n") == {
        "vg-root": (("linear", "8:3", "2048"), ("striped", "2", "128"))}


def test_what_lies_on_the_disks_is_asked_for_as_the_kernel_does() -> None:
    machine = sas_disk().add({
        "/sys/class/block/sda/sda1/dev": "8:1", "/sys/class/block/sda1/partition": "1",
        "/sys/class/block/sda1/holders/md0": "",
        "/sys/class/block/md0/md/level": "raid1\n", "/sys/class/block/md0/holders/dm-0": "",
        "/sys/class/block/dm-0/dm/name": "cr_root\n", "/proc/crypto":
        "name : xts(aes)\nmodule : aesni_intel\nrefcnt : 3\n\nname : md5\nmodule : md5\nrefcnt : 1\n"})
    disk = machine.links.pop("/sys/class/block/sda")
    machine.add({"/sys/class/block/sda/dev": "8:0"}).link("/sys/class/block/sda/device", disk)
    machine.programs[("dmsetup", "table")] = "cr_root: 0 99 crypt aes-xts-plain64 :32:logon:x 0 9:0 32768\n"
    with machine.looked_at():
        found = names(layer_modules(("sda",)))
    assert {"md-raid1", "dm_mod", "dm-crypt", "crypto-xts", "crypto-aes", "aesni_intel"} <= found
    assert "md5" not in found
    assert parse_proc_crypto("") == ()


def test_character_sets_are_those_of_what_is_mounted_and_the_usual_ones_else() -> None:
    mounted = "/dev/sda1 /boot/efi vfat rw,codepage=437,iocharset=ascii,utf8 0 0\n" \
        "/dev/sdb1 /mnt ntfs3 rw,iocharset=utf8 0 0\n"
    assert charsets(mounted, fat=True) == ("nls_cp437", "nls_ascii", "nls_utf8")
    assert charsets("", fat=True) == ("nls_cp437", "nls_iso8859_1", "nls_ascii", "nls_utf8")
    assert charsets("", fat=False) == ()


@pytest.mark.parametrize(("location", "kind", "wanted"), [
    ("nfs://nas/backup", StoreKind.RESTIC, "nfs"), ("nas:/backup", StoreKind.DIRECTORY, "nfs"),
    ("nas:/backup", StoreKind.RSYNC, None), ("sftp:nas:/backup", StoreKind.RESTIC, None),
    ("//nas/backup", StoreKind.TAR, "cifs"), ("SMB://nas/backup", StoreKind.TAR, "smb"),
    ("https://nas/x", StoreKind.RESTIC, None), ("iscsi://nas/iqn", StoreKind.OTHER, "iscsi"),
    ("/srv/backup", StoreKind.RESTIC, None)])
def test_a_stores_address_says_how_it_is_reached(location: str, kind: StoreKind, wanted: "str | None") -> None:
    assert transport(location, kind) == wanted


def test_a_store_needs_its_transport() -> None:
    machine = sas_disk().add({
        "/proc/self/mounts": "nas:/b /srv/backup nfs4 rw 0 0\n/dev/sda /data xfs rw 0 0\n", "/dev/sda": ""})
    machine.link("/dev/disk/by-label/store", "/dev/sda")
    machine.programs[("lsblk", "--noheadings", "--nodeps", "--output", "FSTYPE", "/dev/sda")] = "vfat\n"
    usb = f"{PCI}/0000:00:14.0"
    machine.device(usb, "xhci_hcd", "xhci_pci").link("/sys/bus/usb/devices/usb1", f"{usb}/usb1")

    def found(location: str, device: "str | None" = None) -> "set[str]":
        with machine.looked_at():
            wanted = store_modules((Store("s", StoreKind.DIRECTORY, location, device=device),))
        assert {one.need for one in wanted} <= {Need.STORE}
        return names(wanted)
    assert found("/srv/backup/x") == {"fs-nfs", "fs-nfs4", "nfsv4"}
    assert found("/data/x") >= {"fs-xfs", "megaraid_sas", "sd_mod"}
    assert found("/elsewhere") == set()
    assert found("/", "LABEL=store") >= {"fs-vfat", "nls_cp437", "sd_mod"}
    assert found("/", "LABEL=stick") >= {"usb-storage", "uas", "fs-vfat", "fs-exfat", "xhci_pci"}


def tree(**depends: "tuple[str, ...]") -> ModuleTree:
    return ModuleTree("6.1", "/x", {name: f"{name}.ko" for name in depends}, depends)


def test_every_module_comes_after_what_it_needs() -> None:
    wanted = (Wanted("a", Need.DISK, "pci-1"), Wanted("b", Need.NETWORK))
    closure = close(wanted, tree(a=("b", "c"), b=("c",), c=()), {})
    assert closure.order == ("c", "b", "a")
    assert closure.needs == {"a": {Need.DISK}, "b": {Need.DISK, Need.NETWORK}, "c": {Need.DISK, Need.NETWORK}}
    assert closure.before == {"a": ("c", "b"), "b": ("c",), "c": ()}
    assert closure.devices == {"a": ("pci-1",)}


@pytest.mark.parametrize("soft", [
    {"a": ("b",), "b": ("a",)}, {"a": ("b",), "b": ("c",), "c": ("a",)}, {"c": ("a",)}, {"a": ("a",)}])
def test_wishes_never_make_a_circle(soft: "dict[str, tuple[str, ...]]") -> None:
    closure = close((Wanted("a", Need.DISK),), tree(a=("c",), b=(), c=()), soft)
    for name, before in closure.before.items():
        assert all(closure.order.index(other) < closure.order.index(name) for other in before)
    assert "c" in closure.before["a"], "what a module cannot do without is never dropped"


def test_what_the_kernel_named_and_nobody_has_is_missing_and_an_alias_is_not() -> None:
    closure = close((Wanted("gone", Need.DISK, certain=True), Wanted("fs-ext4", Need.DISK)), tree(a=()), {})
    assert (closure.missing, closure.order) == (("gone",), ())
