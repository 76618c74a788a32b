"""Providers for tests: one that does everything right, and ways to break it."""

from __future__ import annotations

import sys
from pathlib import Path

GOOD = '''#!{python}
import json, os, shutil, sys, time

def say(message):
    sys.stdout.write(json.dumps(message) + "\\n")
    sys.stdout.flush()

def fail(code, text):
    say({{"type": "error", "code": code, "text": text}})
    sys.exit(1)

try:
    request = json.loads(sys.stdin.read())
    assert request["protocol"] == 1
except (ValueError, AssertionError):
    fail("protocol", "only protocol 1 and JSON")
method, config, params = request["method"], request["config"], request["params"]
place = config.get("location", "/nonexistent")

def describe():
    return {{"name": "good", "title": "a good one", "version": "1", "protocol": [1], "kind": "backup",
            "methods": ["describe", "quiesce", "backup", "thaw", "restore-entry", "check"]}}

def quiesce():
    open(place + "/quiesced", "w").close()
    return {{"token": "t1"}}

def thaw():
    open(place + "/thawed", "a").write(params["token"] + "\\n")
    return {{}}

def backup():
    os.system("rm -rf '%s/s1'; cp -a '%s' '%s/s1'" % (place, params["volumes"][0]["mount"], place))
    return {{"snapshot": "s1", "bytes": 1}}

def there(snapshot):
    if not os.path.isdir(place):
        fail("unreachable", "no directory")
    if not os.path.isdir(place + "/s1") or snapshot not in (None, "s1"):
        fail("no-snapshot", "no such snapshot")

def check():
    there(params["snapshot"])
    return {{"reachable": True, "snapshot": "s1", "newest": "2026-01-01T00:00:00Z"}}

def restore_entry():
    store = params["store"]
    volume = params["volumes"][0]["id"]
    return {{"sections": [
        {{"kind": "STORE", "id": store, "keys": {{"kind": "directory", "location": place, "snapshot": "s1"}}}},
        {{"kind": "COMMAND", "id": "1000", "keys": {{"phase": "1", "vendor": "good", "title": "look",
            "argv": ["test", "-d", "${{store:%s}}/${{snapshot:%s}}" % (store, store)]}}}},
        {{"kind": "COMMAND", "id": "2000", "keys": {{"phase": "2", "vendor": "good", "title": "copy",
            "argv": ["cp", "-a", "${{store:%s}}/${{snapshot:%s}}/." % (store, store), "${{mount:%s}}"  % volume],
            "volumes": [volume]}}}}]}}

METHODS = {{"describe": describe, "quiesce": quiesce, "thaw": thaw, "backup": backup, "check": check,
           "restore-entry": restore_entry}}
{broken}
if method not in METHODS:
    fail("usage", "no such method")
say({{"type": "result", "result": METHODS[method]()}})
'''


def provider(place: Path, broken: str = "") -> Path:
    """The program, with ``broken`` (Python) put before its answer."""
    place.write_text(GOOD.format(python=sys.executable, broken=broken), "utf-8")
    place.chmod(0o755)
    return place
