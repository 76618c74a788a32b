"""Guest job: make the server with direct tools and write down what it is, as SIF records and in the tools' words."""

from __future__ import annotations

import json
import time
from pathlib import Path

import server_layout
from records import dump_saved, saved_of

OUT = Path("/bench/out")


def main() -> None:
    began = time.monotonic()
    server_layout.make_server()
    print(f"direct tools: {time.monotonic() - began:.1f} s")
    saved, files = saved_of({"d0": "ubdb", "d1": "ubdc"})
    (OUT / "saved.json").write_text(dump_saved(saved), "utf-8")
    for name, content in files:
        path = OUT / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (OUT / "before.json").write_text(json.dumps(server_layout.description(), indent=1), "utf-8")


main()
