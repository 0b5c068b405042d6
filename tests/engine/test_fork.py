"""Forked children: loggers and handles of the parent go on, in the child's own journal."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from runlake import _engine
from runlake.errors import StoreError

OpenWriter = Callable[..., _engine.Writer]


@pytest.fixture
def moving(open_writer: OpenWriter) -> tuple[_engine.Writer, list[str]]:
    """A writer whose children open writers of their own, and the runs that moved."""
    moved: list[str] = []
    children: list[_engine.Writer] = []

    def after_fork(run_id: str) -> _engine.Writer:
        moved.append(run_id)
        if not children:
            children.append(open_writer(after_fork=after_fork))
        return children[0]

    return open_writer(after_fork=after_fork), moved


def in_child(work: Callable[[], None]) -> None:
    """Run `work` in a forked child, and fail with what it raised."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            os.write(write, traceback.format_exc().encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        failure = answer.read()
    os.waitpid(child, 0)
    assert not failure, failure


def points(journals: Path) -> pl.DataFrame:
    return pl.DataFrame(_engine.Journals(str(journals)).read({})).select(
        pl.col("writer").cast(pl.String), pl.col("run_id").cast(pl.String), pl.col("key").cast(pl.String), "step"
    )


def test_a_child_goes_on_with_the_loggers_of_its_parent(
    journals: Path, moving: tuple[_engine.Writer, list[str]]
) -> None:
    writer, moved = moving
    run, other = writer.run("r"), writer.run("other")
    handle, key = run.metric("handle"), "".join(["flu", "ent"])
    _engine.set_active_logger(run)
    handle.log(1.0, 0)
    _engine.log_metric(key, 1.0)

    def work() -> None:
        generation = _engine.fork_generation()
        handle.log(1.0, 1)
        handle.log(1.0, 2)
        run.log({"row": 1.0, "handle": 1.0}, step=3)
        _engine.log_metric(key, 1.0, step=4)
        run.log_arrays("arrays", [5, 6], [1.0, 1.0])
        run.log_points(pl.DataFrame({"key": ["table"], "step": [7], "value": [1.0]}))
        other.metric("fresh").log(1.0, 8)
        assert moved == ["r", "other"]
        assert generation == before + 1
        with pytest.raises(StoreError, match="belongs to the parent process"):
            writer.flush()

    before = _engine.fork_generation()
    in_child(work)
    _engine.set_active_logger(None)
    handle.log(1.0, 9)
    assert moved == []
    frame = points(journals)
    ours = frame.filter(pl.col("writer") == writer.id)
    theirs = frame.filter(pl.col("writer") != writer.id)
    assert ours.select("key", "step").rows() == [("handle", 0), ("fluent", 0), ("handle", 9)]
    assert theirs.rows() == [
        (theirs["writer"][0], run_id, key, step)
        for run_id, key, step in [
            ("r", "handle", 1),
            ("r", "handle", 2),
            ("r", "row", 3),
            ("r", "handle", 3),
            ("r", "fluent", 4),
            ("r", "arrays", 5),
            ("r", "arrays", 6),
            ("r", "table", 7),
            ("other", "fresh", 8),
        ]
    ]


@pytest.mark.parametrize("first", ["handle", "row", "fluent", "arrays", "table", "log_metric", "metric"])
def test_any_call_may_be_the_first_after_a_fork(
    journals: Path, moving: tuple[_engine.Writer, list[str]], first: str
) -> None:
    writer, moved = moving
    run = writer.run("r")
    handle = run.metric("k")
    handle.log(0.0, 0)
    calls: dict[str, Callable[[], object]] = {
        "handle": lambda: handle.log(1.0, 1),
        "row": lambda: run.log({"k": 1.0}, step=1),
        "fluent": lambda: _engine.log_metric("k", 1.0, step=1),
        "arrays": lambda: run.log_arrays("k", [1], [1.0]),
        "table": lambda: run.log_points(pl.DataFrame({"key": ["k"], "step": [1], "value": [1.0]})),
        "log_metric": lambda: run.log_metric("k", 1.0, 1),
        "metric": lambda: run.metric("new").log(1.0, 1),
    }

    def work() -> None:
        _engine.set_active_logger(run)
        calls[first]()
        assert moved == ["r"]

    in_child(work)
    assert sorted(points(journals)["step"]) == [0, 1]


def test_a_grandchild_moves_on_once_more(journals: Path, moving: tuple[_engine.Writer, list[str]]) -> None:
    writer, _ = moving
    handle = writer.run("r").metric("k")
    handle.log(1.0, 0)

    def work() -> None:
        handle.log(1.0, 1)
        # The hook of the child's writer hands out the child's writer again, which is of no use to the grandchild.
        with pytest.raises(AssertionError, match="belongs to the parent process"):
            in_child(lambda: handle.log(1.0, 2))
        handle.log(1.0, 3)

    in_child(work)
    assert sorted(points(journals)["step"]) == [0, 1, 3]


def test_without_a_hook_a_child_is_told(writer: _engine.Writer, run: _engine.RunLogger) -> None:
    handle = run.metric("k")

    def work() -> None:
        for call in (lambda: handle.log(1.0, 1), lambda: run.log({"k": 1.0}), lambda: run.log_arrays("k", [1], [1.0])):
            with pytest.raises(StoreError, match="belongs to the parent process"):
                call()

    in_child(work)
    handle.log(1.0, 1)


def test_what_the_hook_raises_is_raised(open_writer: OpenWriter) -> None:
    def after_fork(run_id: str) -> _engine.Writer:
        raise LookupError(f"no store for {run_id}")

    writer = open_writer(after_fork=after_fork)
    handle = writer.run("r").metric("k")

    def work() -> None:
        with pytest.raises(LookupError, match="no store for r"):
            handle.log(1.0, 1)

    in_child(work)


def test_a_hook_that_gives_no_writer_is_refused(open_writer: OpenWriter) -> None:
    handle = open_writer(after_fork=lambda run_id: None).run("r").metric("k")

    def work() -> None:
        with pytest.raises(TypeError):
            handle.log(1.0, 1)

    in_child(work)


def test_a_run_that_ended_before_the_fork_stays_ended(moving: tuple[_engine.Writer, list[str]]) -> None:
    from runlake.errors import RunEnded

    writer, moved = moving
    run = writer.run("r")
    handle = run.metric("k")
    run.close()

    def work() -> None:
        with pytest.raises(RunEnded):
            handle.log(1.0, 1)
        assert moved == []

    in_child(work)
