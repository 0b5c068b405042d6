"""Backlog: how long points have waited on their way, and who wants to hear when it becomes too long.

A thread that looks now and then, and only while somebody has asked, notes how many points there were when; so a point's
age is known to a look's length without anything being done for a point.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from runlake import guard
from runlake.entities import Waits
from runlake.errors import InvalidInput, InvalidType
from runlake.store import Store, opened_stores

_LEAST_LOOK_S: Final = 0.05
_MOST_LOOK_S: Final = 1.0
_LOOKS: Final = 8
_MOST_NOTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Backlog:
    """Points of this process that have waited too long.

    Attributes:
        place: The store, or the server.
        waits_for: "sync": a power cut could take them; "seal": more of them than make a segment are in the journal;
            "server": it has not acknowledged them.
        points: How many wait.
        age_s: How long the oldest has, to a look's length.
    """

    place: str
    waits_for: Waits
    points: int
    age_s: float


Callback: TypeAlias = Callable[[Backlog], Any]


class Ages:
    """How old the oldest point is that has not arrived, from looks at how many were there and how many had arrived."""

    def __init__(self) -> None:
        self._notes: deque[tuple[float, int]] = deque()

    def look(self, now_s: float, there: int, arrived: int) -> float:
        """Note what there is, and return the age of the oldest that has not arrived; 0 when all have."""
        if arrived >= there:
            self._notes.clear()
            return 0.0
        if not self._notes or self._notes[-1][1] < there:
            if len(self._notes) >= _MOST_NOTES:  # an age is then that of a point that was seen a look earlier
                notes = list(self._notes)
                self._notes = deque(
                    (then_s, upto) for (then_s, _), (_, upto) in zip(notes[::2], notes[1::2], strict=True)
                )
            self._notes.append((now_s, there))
        while len(self._notes) > 1 and self._notes[0][1] <= arrived:
            self._notes.popleft()
        return now_s - self._notes[0][0]


@dataclass
class _Watch:
    """One callback, and what it was told of: once for each time that a backlog grows old."""

    callback: Callback
    older_than_s: float
    told: set[tuple[str, Waits]] = field(default_factory=set)


class _Watcher:
    """The thread of this process that looks."""

    def __init__(self) -> None:
        self.lock = threading.RLock()  # for signal handlers
        self.watches: list[_Watch] = []
        self.ages: dict[tuple[str, str, Waits], Ages] = {}
        self.changed = threading.Event()
        self.thread: threading.Thread | None = None

    def add(self, watch: _Watch) -> None:
        with self.lock:
            self.watches = [*self.watches, watch]
            if self.thread is None:
                self.thread = threading.Thread(target=self.run, name="runlake-backlog", daemon=True)
                self.thread.start()
        self.changed.set()

    def remove(self, watch: _Watch) -> None:
        with self.lock:
            self.watches = [kept for kept in self.watches if kept is not watch]

    def run(self) -> None:
        while self.watches:
            self.changed.clear()
            least_s = min((watch.older_than_s for watch in self.watches), default=_MOST_LOOK_S)
            self.look(time.monotonic())
            self.changed.wait(min(_MOST_LOOK_S, max(_LEAST_LOOK_S, least_s / _LOOKS)))
            with self.lock:
                if not self.watches:
                    self.thread = None
                    return

    def look(self, now_s: float) -> None:
        """Look at all stores once, and tell whoever wants to hear."""
        try:
            old = [backlog for store in opened_stores() for backlog in self.backlogs(store, now_s)]
        except Exception as error:  # what fails here is said where the store is used
            guard.note(error, "on_backlog")
            return
        for watch in self.watches:
            over = {(one.place, one.waits_for): one for one in old if one.age_s > watch.older_than_s}
            for place in over.keys() - watch.told:
                with guard.shielded("on_backlog", always=True):
                    watch.callback(over[place])
            watch.told = set(over)

    def backlogs(self, store: Store, now_s: float) -> list[Backlog]:
        found: list[Backlog] = []
        for waits_for, there, arrived in store.waiting():
            ages = self.ages.setdefault((str(store.root), store.writer_id or "", waits_for), Ages())
            age_s = ages.look(now_s, there, arrived)
            if age_s > 0:
                found.append(Backlog(store.place, waits_for, there - arrived, age_s))
        return found


_watcher = _Watcher()


def on_backlog(callback: Callback, *, older_than_s: float = 60.0) -> Callable[[], None]:
    """Call `callback` when points of this process have waited longer than `older_than_s` seconds on their way.

    They may wait for the disk, for the sealer or for the server; see `Backlog`. It is called from a thread of its own,
    once for each time that a backlog grows that old. What it raises is counted, in `errors_seen()`, and reaches nobody.

        runlake.on_backlog(lambda backlog: print("runlake is behind:", backlog), older_than_s=30)

    Returns:
        A function that takes it back.

    Raises:
        InvalidInput: `older_than_s` is not above 0.
    """
    if not callable(callback):
        raise InvalidType(f"callback is {callback!r}; it must be a function of one argument")
    if not isinstance(older_than_s, int | float) or not older_than_s > 0:
        raise InvalidInput(f"older_than_s is {older_than_s!r}; it must be a number of seconds above 0")
    watch = _Watch(callback, float(older_than_s))
    _watcher.add(watch)
    return lambda: _watcher.remove(watch)


def _begin_in_child() -> None:
    """Go on in a forked child with what was asked for, in a thread of its own."""
    global _watcher
    watches = [_Watch(watch.callback, watch.older_than_s) for watch in _watcher.watches]
    _watcher = _Watcher()
    for watch in watches:
        _watcher.add(watch)


os.register_at_fork(after_in_child=_begin_in_child)
