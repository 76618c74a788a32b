"""The server of the storage tests: made with the distribution's own tools, and described from the outside."""

from __future__ import annotations

import re
import subprocess
from typing import Dict, Sequence

D0, D1, D2 = "/dev/ubdb", "/dev/ubdc", "/dev/ubdd"

TABLE_0 = """label: gpt
label-id: 3D1C2B5E-6F0A-4A55-8F0E-0A4C7B9D1E01
first-lba: 34
table-length: 128
start=34,size=2014,type=21686148-6449-6E6F-744E-656564454649,name="BIOS boot"
start=2048,size=131072,type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B,name="EFI System",attrs="RequiredPartition GUID:63"
start=133121,size=400001,type=0FC63DAF-8483-4772-8E79-3D69D8477DE4,name="b\\x22oo\\x24t"
start=540672,size=2400000,type=E6D6D379-F507-44C2-A23C-238F2A3DF928
"""

TABLE_1 = """label: dos
label-id: 0x1a2b3c4d
start=63, size=1900001, type=8e, bootable
start=1900544, size=190000, type=5
start=1902592, size=100001, type=83
start=2004992, size=8192, type=82
"""


def tool(*argv: str, text: str | None = None) -> str:
    """Run a tool and return its output; its failure ends the test."""
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{argv} -> {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def make_server() -> None:
    """Partition and format both disks in a way that the defaults of no tool would give."""
    tool("sfdisk", "-q", "--wipe", "always", D0, text=TABLE_0)
    tool("sfdisk", "-q", "--wipe", "always", D1, text=TABLE_1)
    tool("udevadm", "settle")
    tool("mkfs.vfat", "-F", "32", "-s", "1", "-n", "ESP", "-i", "7A3C91E2", f"{D0}2")
    tool("mkfs.ext4", "-q", "-b", "1024", "-I", "256", "-N", "9000", "-m", "3.7", "-L", "boot fs",
         "-J", "size=5", "-G", "8", "-g", "4096", "-e", "remount-ro",
         "-E", "stride=4,stripe_width=16,resize=3000000",
         "-O", "^metadata_csum,^orphan_file,^huge_file", f"{D0}3")
    tool("tune2fs", "-c", "33", "-i", "77777s", "-u", "7", "-g", "9", "-o", "^acl,nobarrier,journal_data",
         "-E", "mount_opts=data=journal", "-E", "hash_alg=tea", f"{D0}3")
    tool("pvcreate", "-q", "--dataalignment", "2m", f"{D0}4")
    tool("pvcreate", "-q", f"{D1}1")
    tool("vgcreate", "-q", "-s", "4m", "--addtag", "prod", "vg0", f"{D0}4")
    tool("vgcreate", "-q", "-s", "8m", "vg-data_1", f"{D1}1")
    tool("lvcreate", "-q", "-y", "-l", "100", "-n", "root", "vg0")
    tool("lvcreate", "-q", "-y", "-l", "20", "-n", "swap", "vg0")
    tool("lvextend", "-q", "-l", "+60", "vg0/root")
    tool("lvcreate", "-q", "-y", "-l", "90", "-n", "sr-v", "vg-data_1")
    tool("mkfs.ext4", "-q", "-L", "root", "/dev/vg0/root")
    tool("mkfs.ext3", "-q", "-m", "0", f"{D1}5")
    tool("mkswap", "-q", f"{D1}6")
    tool("mkswap", "-q", "-L", "swap0", "/dev/vg0/swap")
    tool("mkfs.xfs", "--unsupported", "-q", "-m", "rmapbt=0,reflink=0,inobtcount=0,bigtime=1",
         "-i", "size=1024,nrext64=0", "-d", "agcount=3", "-l", "size=24m", "-s", "size=4096", "-L", "srv",
         "/dev/vg-data_1/sr-v")
    tool("udevadm", "settle")


def description() -> Dict[str, str]:
    """What the distribution's tools say about the server, without times and states."""
    found = {f"sfdisk {disk}": tool("sfdisk", "-d", disk) for disk in (D0, D1)}
    lvm = ("--devices", f"{D0}4,{D1}1", "--units", "b", "--noheadings", "-o")
    found["pvs"] = tool("pvs", *lvm, "pv_name,pv_uuid,vg_name,pe_start,pv_size,pv_pe_count,pv_pe_alloc_count")
    found["vgs"] = tool("vgs", *lvm, "vg_name,vg_uuid,vg_extent_size,vg_extent_count,vg_free_count,vg_tags")
    found["lvs"] = tool("lvs", *lvm, "vg_name,lv_name,lv_uuid,lv_size,seg_start_pe,seg_pe_ranges,lv_active",
                        "--segments")
    for name, path in places().items():
        found[f"blkid {name}"] = tool("blkid", "-p", "-o", "export", path)
    for name in ("boot", "root", "old"):
        found[f"dumpe2fs {name}"] = _ext(tool("dumpe2fs", "-h", places()[name]))
    found["xfs_info"] = tool("xfs_info", places()["srv"])
    found["fat"] = tool("od", "-A", "d", "-t", "x1", "-N", "90", places()["esp"])
    return found


def places() -> Dict[str, str]:
    return {"esp": f"{D0}2", "boot": f"{D0}3", "pv0": f"{D0}4", "pv1": f"{D1}1", "root": "/dev/mapper/vg0-root",
            "old": f"{D1}5", "swap2": f"{D1}6", "swap": "/dev/mapper/vg0-swap", "srv": "/dev/mapper/vg--data_1-sr--v"}


_EXT_STATE = re.compile(r"^(Filesystem created|Last |Lifetime writes|Free |Mount count|Checksum|"
                        r"Journal (checksum|sequence|start)|Next check|Orphan file inode|Checksum seed)")


def _ext(shown: str) -> str:
    return "\n".join(line for line in shown.splitlines() if not _EXT_STATE.match(line))


def differences(one: Dict[str, str], other: Dict[str, str]) -> Sequence[str]:
    """Where two descriptions differ, line by line."""
    found = []
    for name in sorted(set(one) | set(other)):
        before, after = one.get(name, "").splitlines(), other.get(name, "").splitlines()
        found += [f"{name}: - {line}" for line in before if line not in after]
        found += [f"{name}: + {line}" for line in after if line not in before]
    return found
