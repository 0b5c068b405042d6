"""Session: one transaction of the catalog, as the modules that hold its SQL see it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

Row = tuple[Any, ...]


class Session:
    """Runs statements. `tx` is the number of the transaction; rows that it changes carry it."""

    def __init__(self, connection: sqlite3.Connection, names: dict[str, int]) -> None:
        self._connection = connection
        self._names = names
        self.new_names: dict[str, int] = {}
        self.tx = 0
        self.cancelled = False

    def begin_change(self) -> None:
        """Give a write transaction its number."""
        self.run("UPDATE counter SET tx = tx + 1")
        self.tx = self.last_tx()

    def cancel(self) -> None:
        """Let the transaction end without a trace."""
        self.cancelled = True

    def last_tx(self) -> int:
        """Return the number of the last transaction that this one sees."""
        return int(self.all("SELECT tx FROM counter")[0][0])

    def run(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run a statement that returns no rows; return how many rows it changed."""
        return self._connection.execute(statement, values).rowcount

    def insert(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run an INSERT of one row and return the row's number."""
        return int(self._connection.execute(statement, values).lastrowid or 0)

    def run_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> int:
        """Run a statement for each row of values; return how many rows it changed in all."""
        return self._connection.executemany(statement, rows).rowcount

    def one(self, statement: str, values: Sequence[Any] = ()) -> Row | None:
        """Return the first row, or None. The cursor is used up: an open one would pin the WAL."""
        rows = self.all(statement, values)
        return rows[0] if rows else None

    def all(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """Return all rows."""
        return self._connection.execute(statement, values).fetchall()

    def name(self, text: str) -> int:
        """Return the number of a key name; a write transaction makes it when it is new."""
        number = self._names.get(text) or self.new_names.get(text)
        if number is None:
            row = self.one("SELECT name FROM name WHERE text = ?", (text,))
            number = self.insert("INSERT INTO name (text) VALUES (?)", (text,)) if row is None else int(row[0])
            self.new_names[text] = number
        return number


def placeholders(count: int) -> str:
    """Return `?, ?, …` for a list of that many values."""
    return ", ".join("?" * count)
