"""`log_metric`: the point goes into the journal, or the call goes to the slow path as it was made."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from runlake import _engine
from runlake.fluent.values import log_metric_slowly

Points = Callable[[], list[tuple[str, int, float]]]
Call = tuple[tuple[Any, ...], dict[str, Any]]


@pytest.fixture
def handed_over() -> Iterator[list[Call]]:
    """The calls that reached the slow path."""
    calls: list[Call] = []

    def slow(*args: Any, **kwargs: Any) -> str:
        calls.append((args, kwargs))
        return "slow"

    _engine.set_slow_path(slow)
    yield calls
    _engine.set_active_logger(None)
    _engine.set_slow_path(log_metric_slowly)  # the package's own, for the tests that come after in this process


@pytest.fixture
def active(run: _engine.RunLogger, handed_over: list[Call]) -> _engine.RunLogger:
    _engine.set_active_logger(run)
    return run


@pytest.mark.parametrize(
    ("args", "kwargs", "step"),
    [
        (("k", 1.5), {}, 0),
        (("k", 1.5, 7), {}, 7),
        (("k", 1.5), {"step": 7}, 7),
        (("k",), {"value": 1.5, "step": 7}, 7),
        ((), {"step": 7, "value": 1.5, "key": "k"}, 7),
        (("k", 1.5, None), {}, 0),
        (("k", 1.5), {"step": None, "timestamp": None}, 0),
        (("k", 1.5, 7, True), {}, 7),
        (("k", 1.5, 7), {"synchronous": True, "run_id": None, "model_id": None, "dataset": None}, 7),
        (("k", np.float32(1.5)), {"step": np.int64(7)}, 7),
        (("k", "1.5", 7.0), {}, 7),
    ],
)
def test_usual_calls_are_stored_at_once(
    active: _engine.RunLogger, handed_over: list[Call], points: Points, args: Any, kwargs: Any, step: int
) -> None:
    for _ in range(3):
        assert _engine.log_metric(*args, **kwargs) is None
    assert points() == [("k", step, 1.5)] * 3
    assert handed_over == []


def test_a_given_time_is_stored(active: _engine.RunLogger, rows: Callable[[], list[dict[str, Any]]]) -> None:
    _engine.log_metric("k", 1.0, timestamp=99)
    _engine.log_metric("k", 1.0, 1, None, 98)
    assert [row["timestamp"] for row in rows()] == [99, 98]


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        (("k", 1.0), {"synchronous": False}),
        (("k", 1.0), {"run_id": "other"}),
        (("k", 1.0), {"model_id": "m"}),
        (("k", 1.0), {"dataset": "digits"}),
        (("k", None), {}),
        (("k", "high"), {}),
        (("k", 1.0, 1.5), {}),
        (("k", 1.0), {"timestamp": -1}),
        (("a//b", 1.0), {}),
        ((3, 1.0), {}),
        (("k",), {}),
        ((), {}),
        (("k", 1.0), {"epoch": 2}),
        (("k", 1.0), {"value": 2.0}),
        (tuple(range(9)), {}),
    ],
    ids=repr,
)
def test_every_other_call_and_every_error_is_handed_over(
    active: _engine.RunLogger, handed_over: list[Call], points: Points, args: Any, kwargs: Any
) -> None:
    assert _engine.log_metric(*args, **kwargs) == "slow"
    assert handed_over == [(args, kwargs)]
    assert points() == []


def test_without_an_active_logger_calls_are_handed_over(handed_over: list[Call]) -> None:
    assert _engine.log_metric("k", 1.0, step=3) == "slow"
    assert handed_over == [(("k", 1.0), {"step": 3})]


def test_calls_after_the_end_of_the_run_are_handed_over(active: _engine.RunLogger, handed_over: list[Call]) -> None:
    _engine.log_metric("k", 1.0)
    active.close()
    _engine.log_metric("k", 2.0)
    assert handed_over == [(("k", 2.0), {})]


def test_what_the_slow_path_raises_is_raised(active: _engine.RunLogger) -> None:
    def slow(*args: Any, **kwargs: Any) -> None:
        raise LookupError("policy")

    _engine.set_slow_path(slow)
    with pytest.raises(LookupError, match="policy"):
        _engine.log_metric("k", None)  # type: ignore[arg-type]


def test_an_interrupt_in_a_conversion_is_no_error_to_hand_over(
    active: _engine.RunLogger, handed_over: list[Call]
) -> None:
    class Interrupted:
        def __float__(self) -> float:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _engine.log_metric("k", Interrupted())  # type: ignore[arg-type]
    assert handed_over == []


def test_a_conversion_that_ends_the_run_stores_nothing(
    active: _engine.RunLogger, handed_over: list[Call], points: Points
) -> None:
    class Last:
        def __float__(self) -> float:
            active.close()
            _engine.set_active_logger(None)
            return 1.0

    _engine.log_metric("k", Last())  # type: ignore[arg-type]
    assert points() == []
    assert len(handed_over) == 1


def test_each_thread_has_its_own_active_logger(
    writer: _engine.Writer, active: _engine.RunLogger, handed_over: list[Call], points: Points
) -> None:
    def work() -> None:
        _engine.log_metric("nobody", 1.0)
        _engine.set_active_logger(writer.run("run-2"))
        _engine.log_metric("theirs", 1.0)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    _engine.log_metric("ours", 1.0)
    assert points() == [("theirs", 0, 1.0), ("ours", 0, 1.0)]
    assert handed_over == [(("nobody", 1.0), {})]


def test_keys_and_values_are_not_leaked(active: _engine.RunLogger) -> None:
    import sys

    key, value, step = "".join(["a", "key"]), 1234.5, 10**12
    _engine.log_metric(key, value, step=step)
    before = [sys.getrefcount(thing) for thing in (key, value, step, None)]
    for _ in range(1000):
        _engine.log_metric(key, value, step=step)
        active.metric("m").log(value, step)
    after = [sys.getrefcount(thing) for thing in (key, value, step, None)]
    assert after[:3] == before[:3]
    assert abs(after[3] - before[3]) < 50


def test_the_signatures_are_those_of_mlflow() -> None:
    import mlflow

    ours = inspect.signature(_engine.log_metric).parameters.values()
    theirs = inspect.signature(mlflow.log_metric).parameters.values()
    assert [(p.name, p.default, p.kind) for p in ours] == [(p.name, p.default, p.kind) for p in theirs]
    assert str(inspect.signature(_engine.Metric.log)) == "(self, /, value, step, timestamp=None)"
