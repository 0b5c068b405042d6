"""series(): few buckets that keep every extreme. What the buckets hold is tested in tests/engine/test_downsample.py."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from runlake import query
from runlake.errors import Corrupt, InvalidInput, InvalidType, NotFound, StoreError
from runlake.query.reader import ReadStep
from runlake.store import Store
from tests.query.lakes import BareLake, Row

VALUES = {**dict.fromkeys(("min", "max", "mean", "last"), pl.Float64), "count": pl.UInt32, "non_finite": pl.UInt8}


def test_the_columns_of_one_series(lake: BareLake) -> None:
    lake.run("a")
    lake.segment([Row("a", "loss", 3, 10, 0.5)])
    assert query.series(lake, "a", "loss").schema == {"step": pl.Int64, **VALUES}
    assert query.series(lake, "a", "loss", x="timestamp").schema == {"timestamp": pl.Int64, **VALUES}
    assert query.series(lake, "a", "loss", x="relative").schema == {"relative_ms": pl.Int64, **VALUES}


def test_a_spike_of_one_step_in_twenty_thousand_is_seen(lake: BareLake) -> None:
    lake.run("a")
    lake.segment([Row("a", "loss", step, step, 99.0 if step == 7777 else 0.5) for step in range(20_000)])
    made = query.series(lake, "a", "loss", points=50)
    assert made.height == 50
    assert made["count"].sum() == 20_000
    spiked = made.filter(pl.col("max") == 99.0)
    assert spiked["step"].to_list() == [7600]


def test_few_places_are_their_own_buckets(lake: BareLake) -> None:
    lake.run("a")
    lake.segment([Row("a", "loss", step, 0, float(step)) for step in (3, 1, 2**40, 2**40 + 1)])
    assert query.series(lake, "a", "loss", points=4)["step"].to_list() == [1, 3, 2**40, 2**40 + 1]
    assert query.series(lake, "a", "loss", points=3)["step"].to_list() == [1, 2**40]


def test_points_without_steps_make_one_bucket(lake: BareLake) -> None:
    lake.run("a")
    lake.segment([Row("a", "loss", 0, time, float(time)) for time in range(10)])
    assert query.series(lake, "a", "loss").rows() == [(0, 0.0, 9.0, 4.5, 9.0, 10, 0)]


def test_live_and_sealed_points_are_in_one_curve(lake: BareLake) -> None:
    lake.run("a")
    lake.segment([Row("a", "loss", step, 0, 0.0) for step in range(10)])
    writer = lake.writer("a")
    for step in range(10, 20):
        writer.run("a").log_metric("loss", 1.0, step=step, timestamp=0)
    assert query.series(lake, "a", "loss", points=2)["mean"].to_list() == [0.0, 1.0]
    writer.close()


def test_the_last_point_of_a_step_that_two_processes_logged_is_the_later_one(lake: BareLake) -> None:
    lake.run("a")
    lake.segment([Row("a", "loss", step, 50, 1.0) for step in range(3)])
    lake.segment([Row("a", "loss", step, 49 + step, 2.0) for step in range(3)])
    assert query.series(lake, "a", "loss")["last"].to_list() == [1.0, 2.0, 2.0]


# -- axes and ranges


def test_a_range_is_divided_from_its_start_to_its_end_which_is_excluded(lake: BareLake) -> None:
    lake.run("a")
    lake.segment([Row("a", "loss", step, 0, float(step)) for step in range(100)])
    made = query.series(lake, "a", "loss", points=5, start=20, end=70)
    assert made["step"].to_list() == [20, 30, 40, 50, 60]
    assert made["count"].to_list() == [10] * 5
    assert query.series(lake, "a", "loss", points=5, start=90)["count"].to_list() == [2] * 5
    assert query.series(lake, "a", "loss", points=5, end=10)["count"].to_list() == [2] * 5


def test_ranges_that_follow_each_other_hold_every_point_once(lake: BareLake) -> None:
    lake.run("a")
    lake.segment([Row("a", "loss", step * step, step, 1.0) for step in range(100)])
    cuts = [None, 10, 100, 101, 5000, None]
    parts = [
        query.series(lake, "a", "loss", points=7, start=start, end=end)["count"].sum()
        for start, end in itertools.pairwise(cuts)
    ]
    assert sum(parts) == 100
    assert parts == [4, 6, 1, 60, 29]


def test_time_can_be_the_axis(lake: BareLake) -> None:
    lake.run("a")
    # Steps that go back in time, as after a checkpoint was loaded.
    lake.segment([Row("a", "loss", step, 1000 - step, float(step)) for step in range(100)])
    made = query.series(lake, "a", "loss", points=10, x="timestamp")
    assert made["timestamp"].to_list() == list(range(901, 1001, 10))
    assert made["last"].to_list() == [float(step) for step in range(99, 0, -10)]
    zoomed = query.series(lake, "a", "loss", points=2, x="timestamp", start=990, end=1000)
    assert zoomed["timestamp"].to_list() == [990, 995]


def test_relative_time_counts_from_each_runs_start(lake: BareLake) -> None:
    for run, start in (("a", 1000), ("b", 5000)):
        lake.catalog.create_run(run, "0", name=run, user_id="u", start_time=start, owned=False)
    lake.segment(
        [Row(run, "loss", s, start + 10 * s, 0.0) for run, start in (("a", 1000), ("b", 5000)) for s in range(4)]
    )
    made = query.series(lake, ["a", "b"], "loss", x="relative", start=10, end=30)
    assert made.select("run_id", "relative_ms").rows() == [("a", 10), ("a", 20), ("b", 10), ("b", 20)]


def test_a_range_without_points_gives_no_rows(lake: BareLake) -> None:
    lake.run("a")
    lake.segment([Row("a", "loss", step, 0, 0.0) for step in (0, 100)])
    made = query.series(lake, "a", "loss", start=10, end=20)
    assert made.is_empty()
    assert made.schema == {"step": pl.Int64, **VALUES}
    assert query.series(lake, "a", "loss", start=2**63).is_empty()


# -- many series


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "store")
    for run in ("a", "b", "c"):
        opened.create_run(run, "0", name=run, user_id="u", start_time=0, owned=False)
    yield opened
    opened.close()


def log(store: Store, run: str, key: str, steps: range) -> None:
    store.run_logger(run).log_arrays(key, steps, [step / 2 for step in steps], steps)


def test_many_series_come_sorted_by_run_and_key_each_with_its_own_buckets(store: Store) -> None:
    log(store, "b", "train/loss", range(1000))
    log(store, "a", "train/loss", range(10))
    log(store, "a", "val/loss", range(0, 1000, 100))
    store.seal()
    log(store, "a", "train/acc", range(500, 600))
    made = query.series(store, ["b", "a", "c"], ["train/*", "val/loss"], points=10)
    assert made.schema == {"run_id": pl.String, "key": pl.String, "step": pl.Int64, **VALUES}
    counts = made.group_by("run_id", "key", maintain_order=True).agg(pl.len(), pl.col("count").sum())
    assert counts.rows() == [
        ("a", "train/acc", 10, 100),
        ("a", "train/loss", 10, 10),
        ("a", "val/loss", 10, 10),
        ("b", "train/loss", 10, 1000),
    ]


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ("train/*", ["train/acc", "train/loss"]),
        (re.compile("LOSS$", re.IGNORECASE), ["train/loss", "val/loss"]),
        (["val/loss", "train/ac?"], ["train/acc", "val/loss"]),
        (["val/loss"], ["val/loss"]),
        (None, ["train/acc", "train/loss", "val/loss"]),
        ("test/*", []),
        (["absent"], []),
    ],
)
def test_keys_are_chosen_as_points_chooses_them(store: Store, keys: Any, found: list[str]) -> None:
    log(store, "a", "train/loss", range(10))
    log(store, "a", "val/loss", range(10))
    store.seal()
    log(store, "a", "train/acc", range(10))
    made = query.series(store, "a", keys, points=1)
    assert made["key"].to_list() == found


def test_runs_are_chosen_by_ids_or_by_a_frame(store: Store) -> None:
    for run in ("a", "b", "c"):
        log(store, run, "loss", range(10))
    frame = pl.DataFrame({"run_id": ["c", "a", "c"]})
    for runs in (["a", "c"], ("c", "a"), frame, frame.lazy(), frame["run_id"]):
        assert query.series(store, runs, "loss", points=1)["run_id"].to_list() == ["a", "c"]
    assert query.series(store, None, "loss", points=1)["run_id"].to_list() == ["a", "b", "c"]
    assert query.series(store, [], "loss").is_empty()


# -- bad input


def test_an_unknown_run_or_key_is_refused(lake: BareLake) -> None:
    lake.run("a")
    with pytest.raises(NotFound, match="no run 'b'"):
        query.series(lake, "b", "loss")
    with pytest.raises(NotFound, match="no run 'b'"):
        query.series(lake, ["a", "b"], "loss")
    with pytest.raises(NotFound, match="no points of the metric 'loss'"):
        query.series(lake, "a", "loss")
    with pytest.raises(NotFound, match="no points of the metric 'loss'"):
        query.series(lake, "a", "loss", start=5)


@pytest.mark.parametrize(
    ("key", "hint"), [("train/los", "did you mean train/loss?"), ("x", "its metrics are acc, train/loss")]
)
def test_an_unknown_key_is_refused_with_those_that_the_run_has(lake: BareLake, key: str, hint: str) -> None:
    lake.run("a")
    writer = lake.writer("a")
    writer.run("a").log({"train/loss": 1.0, "acc": 0.5}, step=0, timestamp=0)
    with pytest.raises(NotFound) as caught:
        query.series(lake, "a", key)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"points": 0}, InvalidInput),
        ({"points": -1}, InvalidInput),
        ({"points": 1.5}, InvalidType),
        ({"points": True}, InvalidType),
        ({"x": "loss"}, InvalidInput),
        ({"x": None}, InvalidInput),
        ({"start": 5, "end": 5}, InvalidInput),
        ({"start": 6, "end": 5}, InvalidInput),
        ({"start": 0.5}, InvalidType),
        ({"end": "now"}, InvalidType),
        ({"start": -(2**63) - 1}, InvalidInput),
        ({"end": 2**63 + 1}, InvalidInput),
    ],
)
def test_illegal_options_are_refused(lake: BareLake, options: dict[str, Any], error: type[Exception]) -> None:
    lake.run("a")
    lake.segment([Row("a", "loss", 1, 1, 1.0)])
    with pytest.raises(error):
        query.series(lake, "a", "loss", **options)


def test_integers_of_numpy_and_any_size_are_legal(lake: BareLake) -> None:
    lake.run("a")
    lake.segment([Row("a", "loss", step, 1, 1.0) for step in (-(2**63), 0, 2**63 - 1)])
    assert query.series(lake, "a", "loss", points=2**200)["count"].sum() == 3
    made = query.series(lake, "a", "loss", points=np.int32(2), start=-(2**63), end=2**63)
    assert made["step"].to_list() == [-(2**63), 0]


# -- files that are not as they were


def test_a_damaged_segment_is_named(lake: BareLake) -> None:
    lake.run("a")
    path = lake.segment([Row("a", "loss", step, 0, 0.0) for step in range(1000)])
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(Corrupt, match=path.name) as caught:
        query.series(lake, "a", "loss")
    assert "doctor" in str(caught.value.hint)


def test_a_pattern_finds_nothing_in_a_store_without_metrics(lake: BareLake) -> None:
    lake.run("a")
    assert query.series(lake, "a", "lo*").is_empty()


def test_a_segment_that_no_range_touches_is_not_opened(lake: BareLake) -> None:
    lake.run("a")
    lake.segment([Row("a", "loss", step, step, 0.0) for step in range(10)]).write_bytes(b"not looked at")
    lake.segment([Row("a", "loss", step, step, 0.0) for step in range(10, 20)])
    assert query.series(lake, "a", "loss", start=10)["count"].sum() == 10
    assert query.series(lake, "a", "loss", x="timestamp", start=10)["count"].sum() == 10


def test_a_segment_that_is_replaced_while_it_is_read_is_read_again(store: Store) -> None:
    log(store, "a", "loss", range(100))
    store.seal()
    ((path,), aside) = list((store.root / "segments").rglob("*.parquet")), store.root / "aside"
    visits = 0

    def replace(step: ReadStep) -> None:
        nonlocal visits
        if step is ReadStep.PLANNED:
            visits += 1
            (path.rename(aside) if visits == 1 else aside.rename(path))

    assert query.series(store, "a", "loss", hook=replace)["count"].sum() == 100
    assert visits == 2
    path.unlink()
    with pytest.raises(StoreError, match="a segment that the catalog names is missing"):
        query.series(store, "a", "loss")
