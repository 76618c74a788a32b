"""LUKS volumes as they were, with a passphrase that the operator or the set's secrets file gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Sequence, Tuple

from blivet.devices.storage import StorageDevice
from blivet.formats import DeviceFormat
from blivet.size import Size

from rescue.storage.check import require, require_superblock
from rescue.storage.encrypted_text import differences, format_command, open_command, passphrase_of
from rescue.storage.errors import RebuildFailed
from rescue.storage.isolation import require_ours
from rescue.storage.lvm_areas import HIDDEN_BYTES, Area, hide
from rescue.storage.signatures import clean_volume
from rescue.storage.site import Site, mapper_name
from sif.model import Luks
from sif.run import run
from sif.secrets.headers import unpacked

_TIMEOUT = 600.0


class ExactLuks(DeviceFormat):  # type: ignore[misc]
    """The header: the saved one itself where the secrets hold it, else one with the same properties."""

    _type = "exact luks"
    _name = "LUKS"
    _formattable = True
    _supported = True
    _unsynchronized_methods = ["_differences"]
    claims = frozenset({"memory"})
    """Its key derivation may take a gigabyte: one at a time."""

    def __init__(self, site: Site, luks: Luks) -> None:
        super().__init__()
        self.site, self.luks = site, luks

    def __deepcopy__(self, memo: Dict[int, Any]) -> Any:
        return self

    def _create(self, **_kwargs: Any) -> None:
        luks, site = self.luks, self.site
        if site.kept(f"luks:{luks.id}"):
            with site.unlocked():
                run(open_command(luks, self.device), timeout=_TIMEOUT, input=passphrase_of(luks, site.secret))
            return
        with site.step(f"luks:{luks.id}"):
            require_ours(site, self.device)
            clean_volume(self.device)
            # The saved header has the old key: it would show the old content again.
            hide(Area(self.device, luks.offset_bytes, HIDDEN_BYTES))
            header = site.secret(luks.header) if luks.header else None
            passphrase = passphrase_of(luks, site.secret)
            if header is not None:
                _restore_header(site, self.device, unpacked(header))
            else:
                run(format_command(luks, self.device), timeout=_TIMEOUT, input=passphrase)
            require_superblock(self.device, {"TYPE": "crypto_LUKS", "UUID": luks.uuid, "LABEL": luks.label or ""})
            require(f"encrypted volume {luks.id}", self.device, self._differences())
            run(open_command(luks, self.device, persistent=header is None), timeout=_TIMEOUT, input=passphrase)

    def _differences(self) -> Tuple[str, ...]:
        if self.luks.version != 2:
            return ()
        shown = run(("cryptsetup", "luksDump", "--dump-json-metadata", self.device), timeout=_TIMEOUT).stdout
        return differences(self.luks, json.loads(shown))


def _restore_header(site: Site, device: str, header: bytes) -> None:
    """Write the saved header. The tool reads it from a file only: one in memory that is gone at once."""
    path = site.work_dir / f"header-{Path(device).name}"
    try:
        path.touch(mode=0o600)
        path.write_bytes(header)
        run(("cryptsetup", "luksHeaderRestore", "--batch-mode", f"--header-backup-file={path}", device),
            timeout=_TIMEOUT)
    finally:
        path.write_bytes(bytes(len(header)))
        path.unlink()


class ExactOpened(StorageDevice):  # type: ignore[misc]
    """The opened volume, under its mapper name: it came when the header was made."""

    _type = "exact luks volume"
    _dev_dir = "/dev/mapper"

    def __init__(self, site: Site, luks: Luks, parents: Sequence[Any], fmt: Any) -> None:
        self.site, self.luks = site, luks
        super().__init__(mapper_name(luks), parents=list(parents), fmt=fmt, size=Size(luks.size_bytes or 0))

    def _create(self) -> None:
        if not Path(self.path).exists():
            raise RebuildFailed("the encrypted volume did not open", where=self.path,
                                hint="see the log; the disk is incomplete")

    def _post_create(self) -> None:
        self.exists = True
