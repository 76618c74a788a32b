"""Runs inside the installer guest: fills the server with everything a backup can lose (standard library only).

    python3 content.py TARGET PAGE ROWS

Every kind of thing lies twice: below /home (file-level backup program) and below /srv (archive).
"""

from __future__ import annotations

import os
import random
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

ODD_TIMES = (0, 1, 946684799_999999999, 1234567890_123456789, 1709210096_000000001)
"""mtimes in nanoseconds: the epoch, the instant after it, and values that seconds cannot hold."""
WORDS = ("lorem", "ipsum", "dolor", "sit", "amet", "consetetur", "sadipscing", "elitr")


def fill(target: Path, page: str, rows: int) -> None:
    """Page, database, bulk data and the odd things, in an order that leaves directory times as set."""
    www = target / "srv/www"
    www.mkdir(parents=True)
    (www / "index.html").write_text(page, encoding="utf-8")
    database(target / "srv/db", rows)
    bulk(target / "srv/data", random.Random(1), files=1500, big=6, big_bytes=20 << 20)
    bulk(target / "home/alice/work", random.Random(2), files=1500, big=2, big_bytes=16 << 20)
    oddities(target / "srv/odd")
    oddities(target / "home/bob/odd")
    for place in ("home/alice", "home/bob"):
        owner = (target / place).stat()
        for path in (target / place).rglob("*"):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
    capabilities(target)
    times(target / "srv/odd")
    times(target / "home/bob/odd")


def database(folder: Path, rows: int) -> None:
    """A database of orders; ``cents`` can be computed from ``id``, so that a wrong row is seen."""
    folder.mkdir()
    db = sqlite3.connect(str(folder / "shop.sqlite"))
    db.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT NOT NULL, cents INTEGER NOT NULL)")
    db.execute("CREATE INDEX by_customer ON orders (customer)")
    db.executemany("INSERT INTO orders VALUES (?, ?, ?)",
                   ((n, f"customer {n % 997}", n * n % 9973) for n in range(1, rows + 1)))
    db.commit()
    db.close()
    (folder / "shop.sqlite").chmod(0o640)
    os.chown(folder / "shop.sqlite", 33, 33)


def bulk(folder: Path, source: random.Random, *, files: int, big: int, big_bytes: int) -> None:
    """Many small files and a few big ones, one half compressible and one half random."""
    folder.mkdir(parents=True)
    for number in range(files):
        place = folder / f"{number % 40:02d}"
        place.mkdir(exist_ok=True)
        size = source.randrange(0, 16 << 10)
        if number % 2:
            content = source.randbytes(size)
        else:
            content = ((" ".join(source.choices(WORDS, k=40)) + "\n") * (size // 200 + 1)).encode()[:size]
        (place / f"file-{number:05d}").write_bytes(content)
    for number in range(big):
        with (folder / f"big-{number}.bin").open("wb") as file:
            for _ in range(big_bytes >> 20):
                file.write(source.randbytes(1 << 20) if number % 2 else f"{number:08d}".encode() * (1 << 17))


def oddities(folder: Path) -> None:
    """One of everything that is easily lost."""
    folder.mkdir(parents=True)
    plain = folder / "plain"
    plain.write_text("plain\n")
    for name in ("linked-1", "linked-2"):
        os.link(plain, folder / name)
    (folder / "Größe-日本-\u0301.txt").write_text("a name that is not ASCII\n", encoding="utf-8")
    (folder / os.fsdecode(b"latin1-\xe9")).write_text("a name that is not UTF-8\n")
    (folder / "name with\nnewline and 'quotes\"").write_text("x")
    (folder / "empty").write_bytes(b"")
    for place in ("empty-dir", "dir/in/dir"):
        (folder / place).mkdir(parents=True)
    (folder / "symlink").symlink_to("plain")
    (folder / "dangling").symlink_to("/nowhere/at/all")
    os.mkfifo(folder / "fifo", 0o620)
    os.mknod(folder / "null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    with (folder / "sparse").open("wb") as file:
        for offset in (8 << 20, 48 << 20):
            file.seek(offset)
            file.write(b"island" * 1000)
        file.truncate(96 << 20)
    with (folder / "all-hole").open("wb") as file:
        file.truncate(16 << 20)
    for name, mode in (("setuid", 0o4755), ("setgid", 0o2755), ("sticky", 0o1644), ("none", 0o000)):
        (folder / name).write_text(f"#!/bin/sh\n# {name}\n")
        (folder / name).chmod(mode)
    os.setxattr(folder / "plain", "user.comment", "Größe".encode())
    os.setxattr(folder / "plain", "user.binary", bytes(range(256)))
    os.setxattr(folder / "empty-dir", "user.empty", b"")
    os.setxattr(folder / "plain", "trusted.secret", b"only root sees this")
    call("setfacl", "-m", "u:2600:r--,g:2500:rw-", str(folder / "empty"))
    call("setfacl", "-m", "g:2500:rwx", str(folder / "dir"))
    call("setfacl", "-d", "-m", "g:2500:rwx,o::---", str(folder / "dir"))


def capabilities(target: Path) -> None:
    """Programs with file capabilities, after every chown (which drops them)."""
    for place in ("home/bob/odd", "srv/odd", "usr/local/bin"):
        program = target / place / "listen"
        program.write_bytes((target / "usr/bin/true").read_bytes())
        program.chmod(0o755)
        call("setcap", "cap_net_bind_service,cap_net_raw+ep", str(program))
    (target / "home/bob/odd/setuid").chmod(0o4755)
    (target / "home/bob/odd/setgid").chmod(0o2755)


def times(folder: Path) -> None:
    """Odd modification times, children before their directories."""
    names = sorted(folder.rglob("*"), key=lambda path: (-len(path.parts), os.fsencode(path)))
    for index, path in enumerate((*names, folder)):
        when = ODD_TIMES[index % len(ODD_TIMES)]
        os.utime(path, ns=(when, when), follow_symlinks=False)


def call(*argv: str) -> None:
    """Run a program; its failure ends the installation."""
    subprocess.run(argv, check=True)


if __name__ == "__main__":
    fill(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
