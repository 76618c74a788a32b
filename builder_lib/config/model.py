"""Every key of the configuration file. docs/builder.md is generated from here.

A section is a dataclass, a key a field of it; what a key means, and which values it takes, stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional, Tuple

from builder_lib.architecture import ARCHITECTURES
from builder_lib.compression import COMPRESSIONS
from builder_lib.config.kinds import FLAG, PACKAGE, TARGET, choice, key, many, new_path, path, text, whole

ADDRESS = r"auto|(LABEL|UUID)=[^:\s\"]+(:/[^\s\"]*)?"
CONSOLE = r"tty[A-Za-z0-9]+(,[0-9]+[a-z0-9]*)?"
ARGUMENTS = text("kernel arguments", r'[^"\\$\n]*', 'GRUB would not pass on ", \\ or $ as they are')
NET_ADDRESS = text("ADDRESS/PREFIX", r"([0-9.]+|[0-9A-Fa-f:]+)/[0-9]{1,3}", "such as 192.0.2.10/24")
IP = text("IP address", r"[0-9.]+|[0-9A-Fa-f:]+")


@dataclass(frozen=True)
class Image:
    """What the rescue system is made of."""

    release: str = key("trixie", text("Debian code name", r"[a-z]+"), "Debian release of the image")
    architecture: str = key("amd64", choice(*ARCHITECTURES), "machines the image is for")
    compression: str = key("zstd", choice(*COMPRESSIONS), "of the squashfs, from quick and large to slow and small")
    firmware: Tuple[str, ...] = key(("network", "storage"), many(choice("network", "storage")),
                                    "Debian's firmware packages for these devices (from non-free-firmware)")
    packages: Tuple[str, ...] = key((), many(PACKAGE), "more Debian packages")
    elements: Tuple[Path, ...] = key((), many(path("directory of a diskimage-builder element", directory=True)),
                                     "more elements, run after ours; each has a name of its own")
    mirror: Optional[str] = key(None, text("address", r"(https?|file|copy):/\S+"),
                                "take Debian from this mirror alone instead of those of the build host's apt")
    lock: Optional[Path] = key(None, path("path of a lock file"),
                               "install exactly the packages of this list (`lock` writes one), by version and digest")
    epoch: int = key(1754697600, whole(0, 1 << 32, "seconds since 1970"),
                     "no time stamp in the image is later; SOURCE_DATE_EPOCH of the environment goes before")


@dataclass(frozen=True)
class File:
    """A file of yours that is laid over the image before its init starts."""

    source: Path = key(Path(), path(), "the file on the build host")
    target: str = key("", TARGET, "where it is in the rescue system")
    mode: str = key("0644", text("octal mode", r"0?[0-7]{3}"), "its permissions; it belongs to root")


@dataclass(frozen=True)
class Driver:
    """A kernel module for hardware that Debian's kernel does not know; built for the image's kernel."""

    source: Path = key(Path(), path("path of a .ko, .ko.xz or .ko.zst file"), "the module on the build host")
    early: bool = key(False, FLAG, "load it in the initramfs too: it leads to the medium")


@dataclass(frozen=True)
class Boot:
    """What the boot menu starts."""

    append: str = key("", ARGUMENTS, "added to the kernel arguments of the recovery entries")
    timeout: Optional[int] = key(None, whole(0, 3600, "seconds"), "the menu waits so long (default: 5; 1 with `auto`)")
    consoles: Tuple[str, ...] = key((), many(text("tty0, ttyS0,115200, ...", CONSOLE)), "kernel consoles; the last "
                                    "one is the main one (default: tty0 and ttyS0,115200; on arm64 tty0 and ttyAMA0)")
    memtest: bool = key(True, FLAG, "a menu entry for memtest86+ (unsigned: not under Secure Boot)")


@dataclass(frozen=True)
class Recovery:
    """What the agent does if nobody says otherwise on the kernel command line."""

    sif: str = key("auto", text("auto, LABEL=name[:/path] or UUID=id[:/path]", ADDRESS), "where the SIF set is")
    auto: bool = key(False, FLAG, "unattended: `rescue.auto` is among the kernel arguments")
    answers: Optional[Path] = key(None, path(), "answers to the agent's questions, `id = answer` a line")
    sets: Tuple[Path, ...] = key((), many(path("directory of a SIF set", directory=True)),
                                 "SIF sets on the medium itself, so that one stick recovers those machines")


@dataclass(frozen=True)
class Trust:
    """Whom the rescue system believes."""

    allowed_signers: Optional[Path] = key(None, path(), "who may sign a set: ALLOWED SIGNERS of ssh-keygen(1)")
    revoked: Optional[Path] = key(None, path(), "revoked keys: a KRL, or public keys one a line")
    ca_certificates: Tuple[Path, ...] = key((), many(path("path of a PEM file")),
                                            "certificate authorities beside those of the Internet")


@dataclass(frozen=True)
class Network:
    """The rescue system's network; off unless a restore needs it."""

    mode: str = key("off", choice("off", "dhcp", "static"), "how wired interfaces are configured")
    interface: str = key("en* eth*", text("names, with * and ?", r"[A-Za-z0-9*?. -]+"), "which interfaces")
    address: Optional[str] = key(None, NET_ADDRESS, "static: the address")
    gateway: Optional[str] = key(None, IP, "static: the default route")
    dns: Tuple[str, ...] = key((), many(IP), "name servers")


@dataclass(frozen=True)
class Ssh:
    """The SSH server; there is none unless there is a key that may log in."""

    authorized_keys: Optional[Path] = key(None, path(), "public keys that may log in as root; starts the server")


@dataclass(frozen=True)
class Usb:
    """The image for sticks."""

    size: int = key(256, whole(34, 1 << 20, "MiB"), "size of the writable partition for SIF sets")
    label: str = key("SIF", text("up to 11 characters", r"[A-Z0-9_-]{1,11}"), "label of that partition")


@dataclass(frozen=True)
class Pxe:
    """The directory for network boot."""

    url: str = key("", text("http address", r"(http://\S+[^/\s])?"),
                   "where clients find the directory (default: /lifeboat on the server they started from)")


@dataclass(frozen=True)
class Release:
    """Names and proof of what is built."""

    name: str = key("lifeboat", text("name", r"[a-z0-9][a-z0-9._-]*"), "outputs are NAME.iso, NAME-usb.img, NAME-pxe")
    output: Path = key(Path("build"), new_path("path of a directory"), "where outputs go")
    signing_key: Optional[Path] = key(None, path(), "SSH key that signs SHA256SUMS; a public key if an agent holds it")


@dataclass(frozen=True)
class Config:
    """The whole file. Sections of which there can be several are tuples."""

    image: Image = field(default_factory=Image)
    file: Tuple[File, ...] = ()
    driver: Tuple[Driver, ...] = ()
    boot: Boot = field(default_factory=Boot)
    recovery: Recovery = field(default_factory=Recovery)
    trust: Trust = field(default_factory=Trust)
    network: Network = field(default_factory=Network)
    ssh: Ssh = field(default_factory=Ssh)
    usb: Usb = field(default_factory=Usb)
    pxe: Pxe = field(default_factory=Pxe)
    release: Release = field(default_factory=Release)


SECTIONS = {"image": Image, "file": File, "driver": Driver, "boot": Boot, "recovery": Recovery, "trust": Trust,
            "network": Network, "ssh": Ssh, "usb": Usb, "pxe": Pxe, "release": Release}
REPEATED = frozenset({"file", "driver"})
"""Sections written [[so]], any number of times."""
REQUIRED = frozenset({("file", "source"), ("file", "target"), ("driver", "source")})
"""Keys that have no default."""
