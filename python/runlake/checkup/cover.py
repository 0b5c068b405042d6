"""Cover: sets chosen so that each element is in one of them, and in no other, as far as that can be.

What only one open set holds forces that set, and a set that is taken closes those that share an element with it. Where
nothing is forced, an order decides. Where everything was held once before a crash, such a choice exists, and the sets
that do not belong to it are few: this finds one, and does not search on, as the problem at large is NP-complete.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Any


def disjoint_cover(sets: Mapping[str, Collection[Hashable]], order: Callable[[str], Any]) -> list[str]:
    """Choose sets of which no two have an element in common; of those left, none could be taken as well.

    Args:
        sets: By id; a set holds an element once.
        order: Decides between sets none of which has to be taken: the smallest first.
    """
    holders: dict[Hashable, dict[str, None]] = {}  # as sets whose order is the same in every process
    for id_, elements in sets.items():
        for element in elements:
            holders.setdefault(element, {})[id_] = None
    chosen: list[str] = []
    still_open = {*sets}
    waiting = deque(sorted(sets, key=order))
    forced = [id_ for only in holders.values() if len(only) == 1 for id_ in only]
    while still_open:
        id_ = forced.pop() if forced else waiting.popleft()
        if id_ not in still_open:
            continue
        chosen.append(id_)
        still_open.discard(id_)
        sharing = (other for element in sets[id_] for other in holders[element] if other in still_open)
        for other in dict.fromkeys(sharing):  # once each, however much they share
            still_open.discard(other)
            for element in sets[other]:
                holders[element].pop(other, None)
                if len(holders[element]) == 1:
                    forced += holders[element]
    return chosen
