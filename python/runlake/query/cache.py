"""Cache of what was read from a catalog, as long as nothing has been committed to it since."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from runlake.catalog import Catalog

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True)
class _Kept(Generic[K, V]):
    key: K
    tx: int
    table: V


class CatalogCache(Generic[K, V]):
    """The last few tables of each catalog, each as of a transaction; any commit, by any process, makes them stale.

    It has no lock, which a fork could leave locked: what is kept is replaced as a whole, and the worst that two threads
    do to each other is to read a table twice.

    Args:
        most: How many tables are kept for each catalog.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: weakref.WeakKeyDictionary[Catalog, tuple[_Kept[K, V], ...]] = weakref.WeakKeyDictionary()

    def get(self, catalog: Catalog, key: K, read: Callable[[Catalog, K], tuple[int, V]]) -> V:
        """Return the table for `key`: the kept one when it is as of the last transaction, else one that `read` makes.

        `read` returns the number of the transaction that it saw, and the table.
        """
        tx = catalog.tx()
        for kept in self._kept.get(catalog, ()):
            if kept.key == key and kept.tx == tx:
                return kept.table
        tx, table = read(catalog, key)
        others = [kept for kept in self._kept.get(catalog, ()) if kept.key != key]
        self._kept[catalog] = (_Kept(key, tx, table), *others)[: self._most]
        return table
