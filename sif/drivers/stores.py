"""The modules by which a store is reached: the disk it lies on, or the network file system of its address."""

from __future__ import annotations

import posixpath
import re
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from sif import look
from sif.drivers.hardware import disk_modules, usb_hosts
from sif.drivers.layers import charsets, layer_modules
from sif.drivers.wanted import Wanted
from sif.model import Need, Store, StoreKind

_SCHEMES: Mapping[str, Tuple[str, ...]] = {
    "nfs": ("fs-nfs", "fs-nfs4", "nfsv3", "nfsv4"), "nfs4": ("fs-nfs", "fs-nfs4", "nfsv4"),
    "cifs": ("fs-cifs",), "smb": ("fs-cifs",), "smb3": ("fs-cifs", "fs-smb3"), "iscsi": ("iscsi_tcp", "sd_mod"),
    "fuse": ("fuse",), "sshfs": ("fuse",),
}
_USB = ("usb-storage", "uas", "sd_mod")
_PLUGGED = ("fs-ext4", "fs-vfat", "fs-exfat", "fs-ntfs3", "fs-xfs", "fs-iso9660", "fs-udf")
_MOUNTING = frozenset({StoreKind.DIRECTORY, StoreKind.TAR})
"""What lies in directories: ``host:/path`` is then an NFS export (rsync, borg and restic mean SSH by it)."""

_TAGS = (("UUID", "by-uuid"), ("LABEL", "by-label"))


def transport(location: str, kind: StoreKind) -> Optional[str]:
    """The network file system in a store's address, or None: a path, or something that programs speak themselves."""
    scheme = re.match(r"([a-z][a-z0-9+.-]*)://", location, re.IGNORECASE)
    if scheme:
        name = scheme.group(1).lower()
        return name if name in _SCHEMES else None
    if location.startswith("//"):
        return "cifs"
    if kind in _MOUNTING and re.match(r"[^/\s:]+:/", location):
        return "nfs"
    return None


def store_modules(stores: Sequence[Store]) -> Tuple[Wanted, ...]:
    """What the stores need on the way to them."""
    found: List[Wanted] = []
    for store in stores:
        found.extend(_of_device(store.device) if store.device else _of_location(store))
    return tuple(dict.fromkeys(found))


def _of_location(store: Store) -> Tuple[Wanted, ...]:
    name = transport(store.location, store.kind)
    if name is None and store.location.startswith("/"):
        mount = _mount_of(store.location)
        if mount is None:
            return ()
        source, kind = mount
        known = next((scheme for scheme in _SCHEMES if kind == scheme or kind.startswith(scheme + ".")), None)
        if known is None:
            return _of_block(source, kind) if source.startswith("/dev/") else ()
        name = known
    return tuple(Wanted(alias, Need.STORE) for alias in _SCHEMES.get(name or "", ()))


def _mount_of(path: str) -> Optional[Tuple[str, str]]:
    """(source, type) of what is mounted at or above a path, if that is not the root file system."""
    mounts: Dict[str, Tuple[str, str]] = {}
    for line in look.text_or("/proc/self/mounts").splitlines():
        words = line.split()
        if len(words) > 2:
            mounts[words[1]] = (words[0], words[2])
    here = posixpath.normpath(path)
    while here not in ("/", ""):
        if here in mounts:
            return mounts[here]
        here = posixpath.dirname(here)
    return None


def _of_device(spec: str) -> Tuple[Wanted, ...]:
    """A store on a disk; one that is not plugged in now will come by USB."""
    tag, _, value = spec.partition("=")
    for name, directory in _TAGS:
        path = f"/dev/disk/{directory}/{value}"
        if tag == name and look.exists(path):
            kind = look.run(["lsblk", "--noheadings", "--nodeps", "--output", "FSTYPE", look.real(path)], timeout=60,
                            check=False).stdout.strip()
            return _of_block(look.real(path), kind)
    return (*(Wanted(alias, Need.STORE) for alias in (*_USB, *_PLUGGED, *charsets("", fat=True))),
            *usb_hosts(Need.STORE))


def _of_block(path: str, kind: str) -> Tuple[Wanted, ...]:
    name = posixpath.basename(look.real(path))
    more = charsets(look.text_or("/proc/self/mounts"), fat=True) if kind == "vfat" else ()
    system = (f"fs-{kind}", *more) if kind else ()
    return (*disk_modules(name, Need.STORE), *layer_modules((name,), Need.STORE),
            *(Wanted(alias, Need.STORE) for alias in system))
