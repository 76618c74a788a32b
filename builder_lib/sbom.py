"""The software bill of materials of an image, as SPDX 2.3 JSON (https://spdx.github.io/spdx-spec/v2.3/). Pure."""

from __future__ import annotations

import re
import uuid
from datetime import datetime, timezone
from typing import Dict, List, Tuple
from urllib.parse import quote

ROOT = "SPDXRef-image"


def spdx(name: str, key: str, seconds: int, packages: Tuple[Tuple[str, str, str], ...]) -> Dict[str, object]:
    """The document: the image, and the Debian packages (name, version, architecture) it contains."""
    created = datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    listed: List[Dict[str, object]] = [{
        "SPDXID": ROOT, "name": name, "versionInfo": key, "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
        "primaryPackagePurpose": "OPERATING-SYSTEM"}]
    relations = [_relation("SPDXRef-DOCUMENT", "DESCRIBES", ROOT)]
    for package, version, architecture in packages:
        ident = "SPDXRef-deb-" + re.sub(r"[^A-Za-z0-9.-]", "-", f"{package}-{architecture}")
        purl = f"pkg:deb/debian/{quote(package, safe='')}@{quote(version, safe='')}?arch={architecture}"
        listed.append({"SPDXID": ident, "name": package, "versionInfo": version, "downloadLocation": "NOASSERTION",
                       "filesAnalyzed": False, "supplier": "Organization: Debian",
                       "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                                         "referenceLocator": purl}]})
        relations.append(_relation(ROOT, "CONTAINS", ident))
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": name,
        "documentNamespace": f"https://spdx.org/spdxdocs/{name}-{uuid.uuid5(uuid.NAMESPACE_URL, key)}",
        "creationInfo": {"created": created, "creators": ["Tool: lifeboat-builder"]},
        "packages": listed, "relationships": relations,
    }


def _relation(one: str, kind: str, other: str) -> Dict[str, object]:
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
