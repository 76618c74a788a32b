"""blivet's tree and action queue, with actions that run at the same time where the device graph allows.

What differs from blivet's own queue, and why (docs/rationale.md):

- Its ``process`` runs one action after the other under one lock. Here the same actions, with the same requirements
  (:meth:`requires`) and those of the plan, run in a few threads: one at a time on a rotating disk.
- Its actions wait for all of udev and look every device up in it, before and after each step. Here a step waits for
  what the next one needs; the records say what the devices are.
- It compares each action with each other one, four times. Here only those are compared that have to do with the same
  device or one that it lies on; what lies further below comes before those.
"""

from __future__ import annotations

import copy
from contextlib import contextmanager
from typing import Any, Dict, FrozenSet, Iterator, List, Mapping, Sequence

from blivet.actionlist import ActionList
from blivet.callbacks import callbacks as blivet_callbacks
from blivet.deviceaction import ActionCreateDevice, ActionCreateFormat, DeviceAction
from blivet.devicetree import DeviceTree
from blivet.threads import blivet_lock

from rescue.storage.parallel import Job, longest_chain_first, run_jobs


@contextmanager
def unlocked() -> Iterator[None]:
    """Let go of blivet's lock, as often as this thread holds it, for the time of a step's work."""
    depth = 0
    try:
        while True:
            blivet_lock.release()
            depth += 1
    except RuntimeError:
        pass  # it is not ours any more
    try:
        yield
    finally:
        for _ in range(depth):
            blivet_lock.acquire()


class CreateDevice(ActionCreateDevice):  # type: ignore[misc]
    """Makes an exact device."""


class CreateFormat(ActionCreateFormat):  # type: ignore[misc]
    """Makes an exact format. blivet's own waits for udev and reads the uuid back from it; the records have the uuid."""

    def execute(self, callbacks: Any = None) -> None:
        DeviceAction.execute(self, callbacks=callbacks)
        self.device.format.create(device=self.device.path, options=self.device.format_args)
        self.device.original_format = copy.deepcopy(self.device.format)


class ExactTree(DeviceTree):  # type: ignore[misc]
    """blivet's device tree with a queue that runs in parallel. Nothing is scanned."""

    def __init__(self) -> None:
        super().__init__()
        self._actions = ExactActions(addfunc=self._register_action, removefunc=self._cancel_action)

    def create(self, device: Any, action_id: str) -> None:
        """Schedule a device, which the plan's action ``action_id`` makes, and its format."""
        self.actions.named[device.id] = action_id
        self.actions.add(CreateDevice(device))
        if device.format.type:
            self.actions.add(CreateFormat(device))

    def format(self, device: Any, fmt: Any) -> None:
        """Schedule a format for something that is there already.

        Not by blivet's ``format_device``: that schedules a destroy action too, which would wipe the disk before the
        last look at it.
        """
        self.actions.add(CreateFormat(device, fmt))


class ExactActions(ActionList):  # type: ignore[misc]
    """blivet's list of actions, carried out as a graph. ``named`` maps ids of devices to ids of the plan's actions."""

    _unsynchronized_methods = ["process", "carry_out", "_execute"]

    def __init__(self, addfunc: Any = None, removefunc: Any = None) -> None:
        super().__init__(addfunc=addfunc, removefunc=removefunc)
        self.named: Dict[int, str] = {}

    def carry_out(self, needs: Mapping[str, Sequence[str]], workers: int, room: Mapping[str, int]) -> None:
        """Execute every action. ``needs`` are the plan's: action id to the ids of those that come first.

        ``room`` says for the name of each disk how many actions may write to it at once. Raises the first error; then
        no further action has been started, and none is under way.
        """
        self.processing = True
        try:
            run_jobs(self.jobs(needs), workers, room)
        finally:
            self.processing = False

    def jobs(self, needs: Mapping[str, Sequence[str]]) -> List[Job]:
        """The actions in their order, each with what it needs and the disks that it claims."""
        makers = {self.named[action.device.id]: action for action in self._actions
                  if action.is_device and action.device.id in self.named}
        of_device: Dict[int, List[Any]] = {}
        for action in self._actions:
            of_device.setdefault(action.device.id, []).append(action)
        jobs = []
        for action in self._actions:
            near = [other for device in (action.device, *action.device.parents)
                    for other in of_device.get(device.id, ()) if other is not action]
            first = {_name(other) for other in near if action.requires(other)}
            if action.is_device:
                first |= {_name(makers[need]) for need in needs.get(self.named.get(action.device.id, ""), ())
                          if need in makers}
            jobs.append(Job(_name(action), lambda action=action: self._execute(action),  # type: ignore[misc]
                            frozenset(first), _claims(action)))
        return longest_chain_first(jobs)

    def _execute(self, action: Any) -> None:
        action.execute(None)
        with blivet_lock:
            self._actions.remove(action)
            self._completed_actions.append(action)
            blivet_callbacks.action_executed(action=action)


def _name(action: Any) -> str:
    return str(action.id)


def _claims(action: Any) -> FrozenSet[str]:
    """The disks that the action writes to, and what its format claims besides."""
    also: FrozenSet[str] = getattr(action.device.format, "claims", frozenset()) if action.is_format else frozenset()
    return also | {disk.name for disk in action.device.disks}
