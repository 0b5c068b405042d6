"""Pages: as many results of a search as are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from runlake import pages
from runlake.entities import PagedList

T = TypeVar("T")

_A_PAGE: Final = 1000


def collected(page: Callable[[int, str | None], PagedList[T]], limit: int) -> tuple[list[T], bool]:
    """Return what is on the pages of a search, up to `limit`, and whether there is more; 0 is no limit.

    Args:
        page: Gives a page of a size, from a token on; None is the beginning.
    """
    found = pages.collected(page, limit or None, _A_PAGE)
    return found, found.token is not None
