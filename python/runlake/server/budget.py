"""Budget: memory that requests under way may take, together; who finds no room waits, and is refused in the end."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

_BIG: Final = 16
_SHARE: Final = 0.75


class Budget:
    """Room for a number of bytes. What needs more than a sixteenth of it never takes the last quarter.

    So small requests go on however many big ones there are. Big ones are let in in the order in which they came. Only
    the event loop's thread touches it.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.taken = 0
        self._taken_by_big = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait for room."""
        return len(self._waiting)

    def limited(self, size: int) -> int:
        """Return what is counted for `size` bytes: what needs more than there is gets all that a big one can have."""
        return min(size, int(self.capacity * _SHARE))

    async def reserve(self, size: int, wait_s: float) -> None:
        """Take room for `size` bytes, which has been `limited`, when there is some.

        Raises:
            TimeoutError: there was none within `wait_s` seconds.
        """
        if self._fits(size) and not (self._is_big(size) and any(self._is_big(other) for other, _ in self._waiting)):
            self.force(size)
            return
        entry = size, asyncio.get_running_loop().create_future()
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(wait_s):
                await entry[1]
        except BaseException:
            if entry in self._waiting:
                self._waiting.remove(entry)
                self._let_in()  # smaller ones may have waited behind it
            else:  # it got in, and is no longer there
                self.release(size)
            raise

    def force(self, size: int) -> None:
        """Take room for bytes that are there already."""
        self.taken += size
        if self._is_big(size):
            self._taken_by_big += size

    def release(self, size: int) -> None:
        """Give room back, and let in who waits and fits."""
        self.taken -= size
        if self._is_big(size):
            self._taken_by_big -= size
        self._let_in()

    def _let_in(self) -> None:
        left: deque[tuple[int, asyncio.Future[None]]] = deque()
        big_waits = False
        for entry in self._waiting:
            size, future = entry
            if self._fits(size) and not (big_waits and self._is_big(size)):
                self.force(size)
                future.set_result(None)
            else:
                left.append(entry)
                big_waits = big_waits or self._is_big(size)
        self._waiting = left

    def _is_big(self, size: int) -> bool:
        return size * _BIG > self.capacity

    def _fits(self, size: int) -> bool:
        if self.taken + size > self.capacity:
            return False
        return not self._is_big(size) or self._taken_by_big + size <= self.capacity * _SHARE
