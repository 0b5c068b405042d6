"""compare(): what is told apart, what counts as alike, and what the columns are called."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from runlake import query
from runlake.catalog import Change
from runlake.errors import InvalidInput, InvalidType, NotFound
from runlake.query.reader import ReadStep
from runlake.query.summaries import SUMMARY, merged
from runlake.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Two finished runs, narrow and wide, whose metrics are sealed but for the last points."""
    store = Store.open(tmp_path / "lake")
    for run_id, name, lr, points in (("a", "narrow", "0.001", (3.0, 1.0)), ("b", "wide", "0.1", (5.0, 2.0))):
        store.create_run(run_id, "0", name=name, user_id="ada", start_time=1_700_000_000_000, owned=False)
        store.record(run_id, params={"lr": lr, "depth": "6"}, tags={"team": "vision", "mlflow.runName": name})
        for step, value in enumerate(points):
            store.run_logger(run_id).log_metric("loss", value, step, 1000 + step)
        store.record(run_id, status="FINISHED", end_time=1_700_000_001_500)
    store.seal()
    for run_id in "ab":
        store.run_logger(run_id).log_metric("loss", 2.0, 2, 1002)
    yield store
    store.close()


def rows(frame: pl.DataFrame, *kinds: str) -> list[tuple[Any, ...]]:
    return frame.filter(pl.col("kind").is_in(list(kinds))).rows()


def test_what_differs_is_shown_as_it_was_recorded(store: Store) -> None:
    frame = query.compare(store, ["a", "b"])
    assert frame.columns == ["kind", "key", "field", "differs", "narrow", "wide"]
    assert rows(frame, "attribute", "param", "tag") == [
        ("attribute", "run_id", "value", True, "a", "b"),
        ("attribute", "run_name", "value", True, "narrow", "wide"),
        ("param", "lr", "value", True, "0.001", "0.1"),
    ]


def test_metrics_have_extremes_and_counts_over_sealed_and_live_points(store: Store) -> None:
    assert rows(query.compare(store, ["a", "b"], only_different=False), "metric") == [
        ("metric", "loss", "latest", False, "2.0", "2.0"),
        ("metric", "loss", "latest_step", False, "2", "2"),
        ("metric", "loss", "min", True, "1.0", "2.0"),
        ("metric", "loss", "min_step", False, "1", "1"),
        ("metric", "loss", "max", True, "3.0", "5.0"),
        ("metric", "loss", "max_step", False, "0", "0"),
        ("metric", "loss", "count", False, "3", "3"),
    ]


def test_all_of_it_is_shown_when_asked(store: Store) -> None:
    frame = query.compare(store, ["a", "b"], only_different=False)
    assert rows(frame.filter(~pl.col("differs")), "attribute", "param", "tag") == [
        ("attribute", "experiment", "value", False, "Default", "Default"),
        ("attribute", "status", "value", False, "FINISHED", "FINISHED"),
        ("attribute", "user_id", "value", False, "ada", "ada"),
        ("attribute", "start_time", "value", False, "2023-11-14T22:13:20.000Z", "2023-11-14T22:13:20.000Z"),
        ("attribute", "end_time", "value", False, "2023-11-14T22:13:21.500Z", "2023-11-14T22:13:21.500Z"),
        ("attribute", "duration_s", "value", False, "1.5", "1.5"),
        ("param", "depth", "value", False, "6", "6"),
        ("tag", "team", "value", False, "vision", "vision"),
    ]


def test_numbers_are_columns_to_compute_with(store: Store) -> None:
    frame = query.compare(store, ["b", "a"], numbers=True)
    assert frame.schema["wide"] == pl.Float64
    assert frame.filter(key="lr").select(pl.col("wide") / pl.col("narrow")).item() == pytest.approx(100)
    assert frame.columns[4:] == ["wide", "narrow"]
    assert set(frame["kind"]) == {"param", "metric"}
    assert frame.filter(key="loss", field="min").select("narrow", "wide").row(0) == (1.0, 2.0)


def test_a_run_that_lacks_a_thing_differs_and_has_null(store: Store) -> None:
    store.record("a", params={"momentum": "0.9"})
    assert rows(query.compare(store, ["a", "b"]).filter(key="momentum"), "param") == [
        ("param", "momentum", "value", True, "0.9", None)
    ]


@pytest.mark.parametrize(
    ("one", "other", "differs"),
    [("1", "1.0", False), ("1e-3", "0.001", False), ("1", "01", True), ("True", "true", True), ("x", "x", False)],
)
def test_parameters_are_alike_when_they_are_the_same_text_or_number(
    store: Store, one: str, other: str, differs: bool
) -> None:
    store.record("a", params={"p": one})
    store.record("b", params={"p": other})
    row = query.compare(store, ["a", "b"], only_different=False).filter(key="p").row(0)
    assert row == ("param", "p", "value", differs, one, other)


def test_nan_is_like_nan_and_has_no_extremes(store: Store) -> None:
    for run_id in "ab":
        store.run_logger(run_id).log_metric("odd", math.nan, 0, 0)
    frame = query.compare(store, ["a", "b"], only_different=False).filter(key="odd")
    assert frame.select("field", "differs", "narrow").rows() == [
        ("latest", False, "nan"),
        ("latest_step", False, "0"),
        ("count", False, "1"),
    ]


def test_runs_of_one_name_are_called_by_their_ids(store: Store) -> None:
    store.create_run("c", "0", name="wide", user_id="ada", start_time=0, owned=False)
    assert query.compare(store, ["a", "b", "c"]).columns[4:] == ["narrow", "b", "c"]
    store.create_run("d", "0", name="differs", user_id="ada", start_time=0, owned=False)
    assert query.compare(store, ["d", "a"]).columns[4:] == ["d", "narrow"]


def test_runs_are_given_as_a_frame_too(store: Store) -> None:
    frame = query.compare(store, query.runs(store, where="params.lr > 0.01"), only_different=False)
    assert frame.columns[4:] == ["wide"]
    assert not frame["differs"].any()
    assert query.compare(store, "b").is_empty()


def test_what_cannot_be_compared_is_refused(store: Store) -> None:
    with pytest.raises(NotFound, match="there is no run 'nope'"):
        query.compare(store, ["a", "nope"])
    with pytest.raises(NotFound, match="there is no run 'nope'"):
        query.compare(store, pl.DataFrame({"run_id": ["a", "nope"]}))
    with pytest.raises(InvalidInput, match="0 runs are to be compared; it must be from 1 to 500"):
        query.compare(store, [])
    with pytest.raises(InvalidInput, match="501 runs"):
        query.compare(store, pl.Series([str(number) for number in range(501)]))
    with pytest.raises(InvalidType, match="runs is None"):
        query.compare(store, None)
    with pytest.raises(InvalidType, match="runs has type int"):
        query.compare(store, 5)  # type: ignore[arg-type]


@pytest.mark.parametrize("at", [ReadStep.WRITERS, ReadStep.JOURNALS, ReadStep.PLANNED, ReadStep.SEGMENTS])
def test_points_that_are_sealed_meanwhile_count_once(store: Store, at: ReadStep) -> None:
    sealed: list[ReadStep] = []

    def seal_once(step: ReadStep) -> None:
        if step is at and not sealed:
            sealed.append(step)
            store.seal()

    frame = query.compare(store, ["a", "b"], only_different=False, hook=seal_once)
    assert sealed
    assert frame.filter(key="loss", field="count").row(0)[4:] == ("3", "3")


def test_a_change_of_another_run_does_not_matter(store: Store) -> None:
    def change(_step: ReadStep) -> None:
        store.catalog.apply(Change("b", tags={"seen": "yes"}))

    assert query.compare(store, ["a"], only_different=False, hook=change).filter(field="count").row(0)[4] == "3"


def test_of_equal_extremes_the_first_step_is_named_and_the_latest_is_mlflows() -> None:
    frame = pl.DataFrame(
        [("r", "k", 2, 1, math.nan, 5, 9, 1.0, 4, 7.0, 3, 1.0), ("r", "k", 3, 0, 2.0, 5, 9, 1.0, 2, 7.0, 5, 10.0)],
        schema=SUMMARY,
        orient="row",
    )
    assert merged(frame).rows() == [("r", "k", 5, 1, 2.0, 5, 9, 1.0, 2, 7.0, 3, 11.0)]
