"""A writer in an empty folder, one run in it, and what an independent reader finds in the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from runlake import _engine

OpenWriter = Callable[..., _engine.Writer]


@pytest.fixture
def journals(tmp_path: Path) -> Path:
    folder = tmp_path / "journals"
    folder.mkdir()
    return folder


@pytest.fixture
def open_writer(journals: Path) -> Iterator[OpenWriter]:
    """Open a writer with settings of the test's own; it is closed in the end."""
    writers: list[_engine.Writer] = []

    def open_one(**settings: Any) -> _engine.Writer:
        writers.append(_engine.Writer(str(journals), "0" * 32, **settings))
        return writers[-1]

    yield open_one
    for writer in writers:
        writer.close()


@pytest.fixture
def writer(open_writer: OpenWriter) -> _engine.Writer:
    return open_writer()


@pytest.fixture
def run(writer: _engine.Writer) -> _engine.RunLogger:
    return writer.run("run-1")


@pytest.fixture
def rows(journals: Path) -> Callable[..., list[dict[str, Any]]]:
    """Return all points in the journals as dicts, in the order of arrival."""

    def read(**selection: list[str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = pa.table(_engine.Journals(str(journals)).read({}, **selection)).to_pylist()
        return found

    return read


@pytest.fixture
def points(rows: Callable[..., list[dict[str, Any]]]) -> Callable[[], list[tuple[str, int, float]]]:
    """Return key, step and value of all points in the journals, in the order of arrival."""
    return lambda: [(row["key"], row["step"], row["value"]) for row in rows()]
