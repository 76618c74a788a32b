"""The section that names a set's catalog."""

from __future__ import annotations

from typing import ClassVar

from sif.enums import CatalogPolicy
from sif.keys import Form, key
from sif.plain import dataclass


@dataclass(frozen=True)
class Catalog:
    """Names the file that lists what packages put on the machine; see "Catalog" below for its text."""

    KIND: ClassVar[str] = "CATALOG"

    id: str
    path: str = key("the list", form=Form.QUOTED, identity=False, example='"media:catalog/web01.catalog"')
    sha256: str = key("SHA-256 of that file's bytes", form=Form.QUOTED, identity=False,
                      example='"5b25544c66c4068efbe5ee47b76b951e3435282c880aa242c83c2e8443121a39"')
    entries: int = key("how many files it lists", identity=False, example="100412")
    policy: CatalogPolicy = key("what a file means that is not as listed after the restore",
                                default=CatalogPolicy.REPORT, identity=False, example="report")
