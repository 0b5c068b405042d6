"""Pages: all results of a search that gives them a page at a time, or as many as are wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from runlake.entities import PagedList

T = TypeVar("T")


def collected(page: Callable[[int, str | None], PagedList[T]], wanted: int | None, largest: int) -> PagedList[T]:
    """Return what is on the pages of a search, with the token of the page that would come next.

    Args:
        page: Gives a page of a size, from a token on; None is the beginning.
        wanted: At most so many results; None is all.
        largest: Size of the largest page.
    """
    found = PagedList[T]()
    while wanted is None or len(found) < wanted:
        read = page(largest if wanted is None else min(largest, wanted - len(found)), found.token)
        found += read
        found.token = read.token
        if not found.token:
            break
    return found
