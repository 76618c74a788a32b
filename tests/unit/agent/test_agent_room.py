"""How many writers a disk gets, and who is asked for secrets when."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import List, Optional

from rescue.plan import DiskMatch, Fingerprint
from rescue.storage.room import one_by_one, room_of, workers_for


def match(name: str) -> DiskMatch:
    return DiskMatch(name, name, f"/dev/{name}", "", Fingerprint(f"/dev/{name}", 1, None, None, ""))


def test_a_rotating_disk_and_one_that_does_not_say_have_one_writer(tmp_path: Path) -> None:
    for name, rotational in (("sda", "1\n"), ("nvme0n1", "0\n")):
        (tmp_path / name / "queue").mkdir(parents=True)
        (tmp_path / name / "queue/rotational").write_text(rotational)
    assert room_of([match(name) for name in ("sda", "nvme0n1", "vda")], tmp_path) == {"sda": 1, "nvme0n1": 4, "vda": 1}


def test_there_is_always_a_worker_and_no_more_than_the_disks_have_room_for() -> None:
    assert workers_for([]) == 1
    assert 1 <= workers_for([match("sda")]) <= 4 <= workers_for([match(f"sd{n}") for n in range(99)])


def test_a_person_is_asked_one_thing_at_a_time() -> None:
    asking, most = 0, 0
    begin = threading.Barrier(4)

    def secrets(name: str) -> Optional[bytes]:
        nonlocal asking, most
        asking += 1
        most = max(most, asking)
        threading.Event().wait(0)
        asking -= 1
        return name.encode()

    ask, answers = one_by_one(secrets), list[Optional[bytes]]()

    def one(name: str) -> None:
        begin.wait(30)
        answers.append(ask(name))

    threads: List[threading.Thread] = [threading.Thread(target=one, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert sorted(filter(None, answers)) == [b"0", b"1", b"2", b"3"]
