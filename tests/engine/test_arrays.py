"""`log_arrays`: any numeric buffer, contiguous or strided, and what is refused."""

from __future__ import annotations

import array
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from runlake import _engine
from runlake.errors import InvalidInput, InvalidType

Points = Callable[[], list[tuple[str, int, float]]]

NUMERIC = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?"]


@pytest.mark.parametrize("dtype", NUMERIC)
def test_values_of_every_numeric_dtype(run: _engine.RunLogger, points: Points, dtype: str) -> None:
    values = np.array([0, 1, 2, 3]).astype(dtype)
    assert run.log_arrays("k", np.arange(4), values) == 4
    assert points() == [("k", step, float(value)) for step, value in enumerate(values)]


@pytest.mark.parametrize("dtype", NUMERIC[:-1])
def test_steps_of_every_whole_dtype(run: _engine.RunLogger, points: Points, dtype: str) -> None:
    run.log_arrays("k", np.array([3, 1, 2], dtype=dtype), np.array([0.5, 1.5, 2.5]))
    assert points() == [("k", 3, 0.5), ("k", 1, 1.5), ("k", 2, 2.5)]


@pytest.mark.parametrize(
    "sequence",
    [
        [1, 2.5, np.float32(3)],
        (1, 2.5, 3),
        range(1, 4),
        array.array("d", [1, 2.5, 3]),
        memoryview(array.array("f", [1, 2.5, 3])),
        bytearray([1, 2, 3]),
        pd.Series([1.0, 2.5, 3.0]),
        pl.Series([1.0, 2.5, 3.0]),
        pd.Index([1, 2, 3]),
    ],
    ids=lambda sequence: f"{type(sequence).__module__}.{type(sequence).__name__}",
)
def test_other_sequences(run: _engine.RunLogger, points: Points, sequence: Any) -> None:
    run.log_arrays("k", [7, 8, 9], sequence)
    assert points() == [("k", 7 + at, float(value)) for at, value in enumerate(sequence)]


def test_generators_and_lists_of_steps(run: _engine.RunLogger, points: Points) -> None:
    assert run.log_arrays("k", (step for step in (5, 6.0)), (value for value in (True, "0.5"))) == 2
    assert points() == [("k", 5, 1.0), ("k", 6, 0.5)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    grid=hnp.arrays(
        st.sampled_from(NUMERIC[:-1]), st.tuples(st.integers(1, 30), st.integers(1, 6)), elements=st.integers(0, 99)
    ),
    column=st.integers(0, 5),
    stride=st.sampled_from([1, 2, 3, -1, -2]),
)
def test_strided_views(writer: _engine.Writer, journals: Any, grid: Any, column: int, stride: int) -> None:
    view = grid[::stride, column % grid.shape[1]]
    run = writer.run(f"run-{writer.stats().committed}")
    run.log_arrays("k", view, view, timestamps=view)
    frame = pl.DataFrame(_engine.Journals(str(journals)).read({}, runs=[run.run_id]))
    expected = view.astype(np.int64).tolist()
    assert frame["value"].to_list() == expected
    assert frame["step"].to_list() == expected
    assert frame["timestamp"].to_list() == expected


def test_arrays_that_fill_many_journal_files(run: _engine.RunLogger, journals: Any) -> None:
    n = 300_001
    values = np.random.default_rng(1).standard_normal(n)
    steps = np.arange(n)[::-1]
    times = np.arange(n) + 5
    assert run.log_arrays("k", steps, values, times) == n
    frame = pl.DataFrame(_engine.Journals(str(journals)).read({}))
    assert np.array_equal(frame["value"].to_numpy(), values)
    assert np.array_equal(frame["step"].to_numpy(), steps)
    assert np.array_equal(frame["timestamp"].to_numpy(), times)
    assert frame["seq"].to_list() == list(range(n))


def test_empty_arrays_store_nothing(run: _engine.RunLogger, points: Points) -> None:
    assert run.log_arrays("k", [], np.array([])) == 0
    assert points() == []


@pytest.mark.parametrize(
    ("steps", "values", "kind", "message"),
    [
        (np.arange(3), np.zeros(4), InvalidInput, r"steps have shape \(3,\) and values of 'k' have shape \(4,\)"),
        (
            np.arange(4),
            np.zeros((2, 2)),
            InvalidInput,
            r"values of 'k' have shape \(2, 2\); log_arrays takes shape \(n,\)",
        ),
        (np.zeros((4, 1), int), np.zeros(4), InvalidInput, r"steps have shape \(4, 1\); log_arrays takes shape \(n,\)"),
        (np.arange(1), np.array(1.0), InvalidInput, r"values of 'k' have shape \(\); log_arrays takes shape \(n,\)"),
        (np.arange(2), np.array([1j, 2]), InvalidType, "dtype complex128; log_arrays takes float64, float32"),
        (np.arange(2), np.array(["a", "b"]), InvalidType, "dtype <U1"),
        (np.arange(2), np.array([1.0, None]), InvalidType, "dtype object"),
        (np.arange(2), np.zeros(2, "M8[ns]"), InvalidType, "dtype datetime64"),
        (np.arange(2), np.zeros(2, ">f8"), InvalidType, "dtype >f8, which is not in this machine's byte order"),
        (np.arange(2).astype(">i8"), np.zeros(2), InvalidType, "steps have dtype >i8"),
        (np.arange(2), np.zeros(2, [("a", "f8")]), InvalidType, "dtype"),
        (np.array([1.0, 1.5]), np.zeros(2), InvalidInput, "step 1.5 has a fraction"),
        (np.array([1.0, math.nan]), np.zeros(2), InvalidInput, "step NaN"),
        (np.array([2**63], np.uint64), np.zeros(1), InvalidInput, "outside the range of 64-bit integers"),
        (np.arange(2), [1.0, None], InvalidType, "None"),
        (np.arange(2), [1.0, "x"], InvalidInput, "not a number: 'x'"),
        (np.arange(1), 1.0, InvalidType, "values of 'k' have type float"),
        (None, np.zeros(1), InvalidType, "steps have type NoneType"),
        (np.arange(3), "123", InvalidType, "type str"),
        (np.arange(1), {1.0: 2}, InvalidType, "type dict"),
    ],
)
def test_what_is_no_column_is_refused_and_nothing_is_stored(
    run: _engine.RunLogger, points: Points, steps: Any, values: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        run.log_arrays("k", steps, values)
    assert points() == []


def test_a_fault_behind_the_first_slice_keeps_everything_out(run: _engine.RunLogger, points: Points) -> None:
    steps = np.arange(200_000, dtype=np.float64)
    steps[-1] = 0.5
    with pytest.raises(InvalidInput, match="fraction"):
        run.log_arrays("k", steps, np.zeros(200_000))
    with pytest.raises(InvalidInput, match="-3 is negative"):
        run.log_arrays("k", np.arange(200_000), np.zeros(200_000), np.arange(199_996, -4, -1))
    assert points() == []


@pytest.mark.parametrize(
    ("timestamps", "message"),
    [
        (np.arange(3), r"timestamps have shape \(3,\) and values of 'k' have shape \(2,\)"),
        (np.zeros(2, "M8[ms]"), "timestamps have dtype datetime64"),
        (np.array([1j, 1j]), "timestamps have dtype complex128; log_arrays takes integers"),
    ],
)
def test_wrong_timestamps_are_refused(run: _engine.RunLogger, timestamps: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        run.log_arrays("k", [1, 2], [1.0, 2.0], timestamps)


def test_fractions_of_milliseconds_are_cut_off(
    run: _engine.RunLogger, rows: Callable[[], list[dict[str, Any]]]
) -> None:
    run.log_arrays("k", [1, 2], [1.0, 2.0], np.array([10.9, 11.0]))
    run.log_arrays("k", [1], [1.0], np.float64(12.5))
    assert [row["timestamp"] for row in rows()] == [10, 11, 12]
