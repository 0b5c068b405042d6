"""Spans: sets of whole numbers, as disjoint ranges in order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

Span = tuple[int, int]
"""First number, and the one after the last."""


class Spans:
    """The numbers of some ranges together."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._firsts: list[int] = []
        self._uptos: list[int] = []
        for first, upto in spans:
            self.add(first, upto)

    @property
    def end(self) -> int:
        """The number after the largest; 0 when there is none."""
        return self._uptos[-1] if self._uptos else 0

    def add(self, first: int, upto: int) -> None:
        """Add the numbers from `first` up to `upto`, excluded."""
        if first >= upto:
            return
        left = bisect_left(self._uptos, first)
        right = left
        while right < len(self._firsts) and self._firsts[right] <= upto:
            first, upto = min(first, self._firsts[right]), max(upto, self._uptos[right])
            right += 1
        self._firsts[left:right] = [first]
        self._uptos[left:right] = [upto]

    def within(self, first: int, upto: int) -> list[Span]:
        """Return the parts of a range that are in the set."""
        found = []
        for index in range(bisect_left(self._uptos, first + 1), len(self._firsts)):
            if self._firsts[index] >= upto:
                break
            found.append((max(first, self._firsts[index]), min(upto, self._uptos[index])))
        return found

    def holes(self, first: int, upto: int) -> list[Span]:
        """Return the parts of a range that are not in the set."""
        found = []
        for start, end in self.within(first, upto):
            if first < start:
                found.append((first, start))
            first = end
        return [*found, (first, upto)] if first < upto else found
