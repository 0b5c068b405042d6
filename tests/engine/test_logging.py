"""Rows, handles and the end of a run."""

from __future__ import annotations

import collections
import threading
import types
from collections.abc import Callable, ItemsView, Iterator, Mapping
from typing import Any

import pytest

from runlake import _engine
from runlake.errors import InvalidInput, InvalidType, RunEnded

Points = Callable[[], list[tuple[str, int, float]]]


class Custom(Mapping[str, float]):
    """A mapping that is no dict."""

    def __getitem__(self, key: str) -> float:
        return {"a": 1.0, "b": 2.0}[key]

    def __iter__(self) -> Iterator[str]:
        return iter("ab")

    def __len__(self) -> int:
        return 2


class Shouting(dict[str, float]):
    """A dict whose items are not what it holds."""

    def items(self) -> ItemsView[str, float]:  # type: ignore[override]
        return {key: value * 10 for key, value in super().items()}.items()


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ({"a": 1, "b": 2.0}, [1.0, 2.0]),
        ({"a": True, "b": "2"}, [1.0, 2.0]),
        (Custom(), [1.0, 2.0]),
        (types.MappingProxyType({"a": 1, "b": 2}), [1.0, 2.0]),
        (collections.OrderedDict(a=1, b=2), [1.0, 2.0]),
        (collections.ChainMap({"b": 2.0}, {"a": 1.0}), [1.0, 2.0]),
        (Shouting(a=1, b=2), [10.0, 20.0]),
    ],
    ids=["plain", "unusual values", "mapping", "proxy", "ordered", "chain", "own items"],
)
def test_any_mapping_is_a_row(run: _engine.RunLogger, points: Points, metrics: Any, expected: list[float]) -> None:
    run.log(metrics, step=3)
    assert sorted(points()) == [("a", 3, expected[0]), ("b", 3, expected[1])]


@pytest.mark.parametrize("metrics", [[("a", 1.0)], "a", 1.0, None])
def test_what_is_no_mapping_is_refused(run: _engine.RunLogger, metrics: Any) -> None:
    with pytest.raises(InvalidType, match=f"metrics have type {type(metrics).__name__}"):
        run.log(metrics)


def test_a_row_with_one_wrong_value_stores_nothing(run: _engine.RunLogger, points: Points) -> None:
    for wrong in (None, "x", object()):
        with pytest.raises(InvalidInput, match="'c'"):
            run.log({"a": 1.0, "b": 2, "c": wrong})  # type: ignore[dict-item]
    assert points() == []
    assert run.next_step == 0


def test_all_points_of_a_row_have_one_time(run: _engine.RunLogger, rows: Callable[[], list[dict[str, Any]]]) -> None:
    run.log({f"k{number}": number for number in range(200)}, step=1)
    assert len({row["timestamp"] for row in rows()}) == 1


def test_rows_without_a_step_count_on_from_the_largest_step_of_a_row(run: _engine.RunLogger, points: Points) -> None:
    run.log({"a": 1})
    run.log({"a": 2})
    run.log({"a": 3}, step=10)
    run.log({"a": 4})
    run.log({"a": 5}, step=4)
    run.log({"a": 6})
    run.log({})
    assert [step for _, step, _ in points()] == [0, 1, 10, 11, 4, 12]
    assert run.next_step == 13


def test_a_resumed_run_counts_on_from_where_it_was(writer: _engine.Writer, points: Points) -> None:
    writer.run("run-1", next_step=70).log({"a": 1})
    assert points() == [("a", 70, 1.0)]


def test_the_counter_ends_at_the_largest_step(run: _engine.RunLogger) -> None:
    run.log({"a": 1}, step=2**63 - 1)
    assert run.next_step == 2**63 - 1


def test_a_conversion_that_changes_the_dict_does_no_harm(run: _engine.RunLogger, points: Points) -> None:
    metrics: dict[str, Any] = {}

    class Meddler:
        def __float__(self) -> float:
            metrics.clear()
            return 5.0

    metrics.update(a=1.0, b=Meddler(), c=2.0)
    run.log(metrics, step=1)
    assert points() == [("a", 1, 1.0), ("b", 1, 5.0), ("c", 1, 2.0)]


def test_a_handle_is_the_same_for_the_same_key(run: _engine.RunLogger, points: Points) -> None:
    handle = run.metric("train/loss")
    assert run.metric("train/" + "loss") is handle
    assert (handle.key, handle.run_id) == ("train/loss", "run-1")
    handle.log(1.0, 1)
    handle.log(value=2.0, step=2)
    handle.log(3.0, step=3, timestamp=None)
    handle.log(step=4, value=4.0)
    assert points() == [("train/loss", step, float(step)) for step in (1, 2, 3, 4)]


def test_keys_that_are_equal_but_not_the_same_object(run: _engine.RunLogger, points: Points) -> None:
    class Key(str):
        """A string that may change its mind."""

    for number in range(600):
        run.log_metric("".join(["k", str(number % 3)]), number, number)
    run.log({Key("k0"): 1.0}, step=600)
    assert points() == [*((f"k{n % 3}", n, float(n)) for n in range(600)), ("k0", 600, 1.0)]


def test_thousands_of_keys(run: _engine.RunLogger, points: Points) -> None:
    keys = [f"layer{number}/norm" for number in range(3000)]
    for step in range(3):
        run.log(dict.fromkeys(keys, step), step=step)
    assert points() == [(key, step, float(step)) for step in range(3) for key in keys]


@pytest.mark.parametrize("arguments", [(), (1.0,), (1.0, 2, 3, 4)])
def test_a_handle_called_with_the_wrong_number_of_arguments(run: _engine.RunLogger, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match=r"log\(\)"):
        run.metric("k").log(*arguments)


def test_a_handle_called_with_unknown_or_doubled_keywords(run: _engine.RunLogger) -> None:
    handle: Any = run.metric("k")
    with pytest.raises(TypeError, match="epoch"):
        handle.log(1.0, 1, epoch=3)
    with pytest.raises(TypeError, match="value"):
        handle.log(1.0, 1, value=3.0)


def test_a_step_of_none_is_no_step_for_a_handle(run: _engine.RunLogger) -> None:
    with pytest.raises(InvalidType, match="NoneType"):
        run.metric("k").log(1.0, None)  # type: ignore[arg-type]


def test_logging_after_the_end_is_refused_everywhere(run: _engine.RunLogger, points: Points) -> None:
    handle = run.metric("k")
    handle.log(1.0, 1)
    assert not run.closed
    run.close()
    run.close()
    assert run.closed
    for call in (
        lambda: handle.log(2.0, 2),
        lambda: run.log({"k": 2.0}),
        lambda: run.log_metric("k", 2.0),
        lambda: run.log_arrays("k", [2], [2.0]),
        lambda: run.log_arrays("k", [], []),
        lambda: run.log_points(__import__("polars").DataFrame({"key": ["k"], "step": [1], "value": [1.0]})),
        lambda: run.metric("k"),
    ):
        with pytest.raises(RunEnded, match="run run-1 has ended"):
            call()
    assert points() == [("k", 1, 1.0)]


def test_a_handle_made_while_the_run_ends_logs_nothing(
    writer: _engine.Writer, run: _engine.RunLogger, points: Points, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.run(run.run_id).log_metric("verlust/größe", 0.0)
    # An unusual key is looked at in Python, where another thread may have its turn.
    monkeypatch.setattr("runlake.names.check_key", lambda key: run.close())

    loss = run.metric("verlust/größe")

    with pytest.raises(RunEnded):
        loss.log(1.0, 0)
    assert [value for _, _, value in points()] == [0.0]


def test_the_end_of_a_run_ends_no_other(writer: _engine.Writer, run: _engine.RunLogger, points: Points) -> None:
    other = writer.run("run-2")
    handle = other.metric("k")
    run.close()
    handle.log(1.0, 1)
    writer.run("run-1").log({"k": 2.0}, step=2)
    assert points() == [("k", 1, 1.0), ("k", 2, 2.0)]


def test_handles_outlive_their_logger(writer: _engine.Writer, points: Points) -> None:
    handle = writer.run("run-1").metric("k")
    handle.log(1.0, 1)
    assert points() == [("k", 1, 1.0)]


def test_threads_share_a_run_without_losing_a_point(run: _engine.RunLogger, points: Points) -> None:
    def work(name: str) -> None:
        handle = run.metric(name)
        for step in range(5000):
            handle.log(step, step)
            run.log({name: step, "shared": step}, step=step)

    threads = [threading.Thread(target=work, args=(f"t{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = collections.Counter(key for key, _, _ in points())
    assert counts == {"t0": 10_000, "t1": 10_000, "t2": 10_000, "t3": 10_000, "shared": 20_000}
