"""What proves a release: a manifest of every file and package, an SBOM, checksums, and a signature over these."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict, List, Tuple

from builder_lib.cache import digest, sha256_of
from builder_lib.epoch import epoch
from builder_lib.manifest import product_files, write_whole
from builder_lib.options import BuildOptions
from builder_lib.sbom import spdx
from builder_lib.squash import RescueSystem, code_files
from sif.signature.sshsig import sign

NAMESPACE = "release@lifeboat"
"""What a signature of a release is for (ssh-keygen -Y verify -n)."""
SUMS = "SHA256SUMS"


def release_files(options: BuildOptions) -> Tuple[Path, ...]:
    """Where manifest, SBOM, checksums and signature of a release are, or will be."""
    name = options.config.release.name
    names = (f"{name}-manifest.json", f"{name}.spdx.json", SUMS, f"{SUMS}.sig")
    return tuple(options.directory / file for file in names)


def write_release(options: BuildOptions, system: RescueSystem, products: Tuple[Path, ...]) -> Tuple[Path, ...]:
    """Write manifest, SBOM, checksums and, with a key, their signature, beside the products; returns their paths."""
    directory, name = options.directory, options.config.release.name
    # Not the products' own manifests: they say how long steps took, and a second builder is to get the same checksums.
    files = [path for product in products for path in product_files(product)]
    hashes = {str(path.relative_to(directory)): sha256_of(path) for path in sorted(files)}
    manifest, sbom, sums, signature = release_files(options)
    write_whole(manifest, json.dumps(release_manifest(options, system, hashes), indent=1) + "\n")
    write_whole(sbom, json.dumps(spdx(name, system.key, epoch(options), system.tree.packages()), indent=1) + "\n")
    for path in (manifest, sbom):
        hashes[path.name] = sha256_of(path)
    write_whole(sums, checksums(hashes))
    made: Tuple[Path, ...] = (manifest, sbom, sums)
    key = options.config.release.signing_key
    if key is not None:
        write_whole(signature, sign(sums.read_bytes(), key, NAMESPACE).decode("ascii"))
        made += (signature,)
    else:
        # One that an earlier build left would be over other checksums.
        signature.unlink(missing_ok=True)
    return made


def checksums(hashes: Dict[str, str]) -> str:
    """The text that sha256sum --check reads."""
    return "".join(f"{value}  {name}\n" for name, value in sorted(hashes.items()))


def release_manifest(options: BuildOptions, system: RescueSystem, hashes: Dict[str, str]) -> Dict[str, object]:
    """Every file of the release and of the image's own code with its hash, every package with its version."""
    packages: List[Dict[str, str]] = [{"name": name, "version": version, "architecture": architecture}
                                      for name, version, architecture in system.tree.packages()]
    image = options.config.image
    return {
        "format": 1, "name": options.config.release.name, "release": image.release, "architecture": image.architecture,
        "kernel": system.tree.kernel_release, "epoch": epoch(options), "arguments": list(options.arguments),
        "code": digest([f"{path.name} {sha256_of(path)}" for path in code_files()]),
        "files": hashes,
        "image": {"kernel": sha256_of(system.kernel), "initrd": sha256_of(system.initrd),
                  "squashfs": sha256_of(system.squashfs)},
        "packages": packages,
    }
