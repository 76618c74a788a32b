"""Everything that depends on the machines an image is for, in one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Optional, Tuple


@dataclass(frozen=True)
class Architecture:
    """Names of one Debian architecture. ``machine`` is the kernel's (``uname -m``), ``efi`` the suffix of EFI programs,
    ``bcj`` xz's filter for its code, ``serial`` the kernel's name of the first serial console.

    ``bios`` tells whether machines of that kind may start from a BIOS; ``pxe`` and ``http`` are the numbers by which
    their firmware names itself to a boot server (RFC 4578, as IANA keeps them).
    """

    debian: str
    machine: str
    efi: str
    grub: str
    bios: bool
    bcj: Optional[str]
    serial: str
    pxe: Tuple[int, ...]
    http: int

    @property
    def shim(self) -> str:
        return f"usr/lib/shim/shim{self.efi}.efi.signed"

    @property
    def mok_manager(self) -> str:
        return f"usr/lib/shim/mm{self.efi}.efi.signed"

    def signed_grub(self, flavour: str) -> str:
        """Debian's signed GRUB in the tree: ``gcd`` for removable media, ``grubnet`` for the network."""
        return f"usr/lib/grub/{self.grub}-signed/{flavour}{self.efi}.efi.signed"

    @property
    def only_for_media(self) -> Tuple[str, ...]:
        """GRUB's modules, and the signed GRUBs that staging does not take (it takes ``gcd``)."""
        return (f"usr/lib/grub/{self.grub}", self.signed_grub("grub"), self.signed_grub("grubnet"),
                self.signed_grub("grubnet").replace(".efi", "-installer.efi"))

    def squash_options(self, options: Tuple[str, ...]) -> Tuple[str, ...]:
        """mksquashfs options, for xz with the filter for this machine's code."""
        return (*options, "-Xbcj", self.bcj) if "xz" in options and self.bcj else options


ARCHITECTURES: Mapping[str, Architecture] = {
    "amd64": Architecture("amd64", "x86_64", "x64", "x86_64-efi", True, "x86", "ttyS0,115200", (7, 9), 16),
    # squashfs has no branch filter for 64-bit ARM code.
    "arm64": Architecture("arm64", "aarch64", "aa64", "arm64-efi", False, None, "ttyAMA0", (11,), 19),
}
