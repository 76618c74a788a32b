"""Guest job: the header that a set keeps opens the volume again after its own was destroyed."""

from __future__ import annotations

import subprocess
import sys

from sif.capture.luks_header import BINARY_HEADER_BYTES, describe_luks1, describe_luks2
from sif.secrets.files import private_file
from sif.secrets.headers import read_header, unpacked

DEVICES = {"/dev/ubdb": "luks1", "/dev/ubdc": "luks2"}
CHEAP = {"luks1": ["--pbkdf-force-iterations", "1000"],
         "luks2": ["--pbkdf-memory", "32", "--pbkdf-parallel", "1", "--pbkdf-force-iterations", "4"]}


def tool(*argv: str, text: str = "") -> str:
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{argv} -> {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def main() -> int:
    for device, kind in DEVICES.items():
        tool("cryptsetup", "luksFormat", "-q", "--type", kind, *CHEAP[kind], device, "-", text="pass")
        tool("udevadm", "trigger", "--settle", device)
        if kind == "luks1":
            luks = describe_luks1(tool("cryptsetup", "luksDump", device), "d0")
        else:
            with open(device, "rb") as stream:  # noqa: PTH123 - a block device
                luks = describe_luks2(stream.read(BINARY_HEADER_BYTES), tool(
                    "cryptsetup", "luksDump", "--dump-json-metadata", device), "d1")
        secret = read_header(luks)
        print(f"{kind}: a header of {len(unpacked(secret))} bytes, packed {len(secret)}", flush=True)
        tool("dd", "if=/dev/zero", f"of={device}", "bs=1M", f"count={luks.offset_bytes >> 20}", "conv=fsync")
        with private_file("header", unpacked(secret)) as path:
            tool("cryptsetup", "luksHeaderRestore", "-q", "--header-backup-file", str(path), device)
        tool("cryptsetup", "open", "--test-passphrase", "--key-file", "-", device, text="pass")
    return 0


if __name__ == "__main__":
    sys.exit(main())
