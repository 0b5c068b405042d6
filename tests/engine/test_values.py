"""What is a value, a step, a timestamp and a key: the same rules through every way of logging."""

from __future__ import annotations

import decimal
import fractions
import math
import struct
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runlake import _engine
from runlake.errors import InvalidInput, InvalidType

Points = Callable[[], list[tuple[str, int, float]]]
Log = Callable[..., object]


@pytest.fixture(params=["metric", "log_metric", "log", "log_arrays"])
def log(request: pytest.FixtureRequest, run: _engine.RunLogger) -> Log:
    """Log one value of 'k' at a step, in each of the four ways."""
    ways: dict[str, Log] = {
        "metric": lambda value, step=0: run.metric("k").log(value, step),
        "log_metric": lambda value, step=0: run.log_metric("k", value, step),
        "log": lambda value, step=0: run.log({"k": value}, step),
        "log_arrays": lambda value, step=0: run.log_arrays("k", [step], [value]),
    }
    return ways[request.param]


class Lossy(float):
    """A float that converts to another one."""

    def __float__(self) -> float:
        return 7.0


class OnlyFloat:
    def __float__(self) -> float:
        return 3.25


class OnlyIndex:
    def __index__(self) -> int:
        return 12

    def __repr__(self) -> str:  # part of a test's name, which must be the same in every process
        return "OnlyIndex(12)"


VALUES = [
    (1.5, 1.5),
    (3, 3.0),
    (2**80, 2.0**80),
    (True, 1.0),
    ("0.5", 0.5),
    (" nan ", math.nan),
    (np.float64(0.1), 0.1),
    (np.float32(0.1), float(np.float32(0.1))),
    (np.float16(0.1), float(np.float16(0.1))),
    (np.int64(-7), -7.0),
    (np.bool_(True), 1.0),
    (np.array(2.5), 2.5),
    (np.array([2.5], dtype=np.float32), 2.5),
    (np.array([[4]]), 4.0),
    (decimal.Decimal("0.25"), 0.25),
    (fractions.Fraction(1, 4), 0.25),
    (OnlyFloat(), 3.25),
    (OnlyIndex(), 12.0),
    (Lossy(1.0), 7.0),
]


@pytest.mark.parametrize(("given_value", "stored"), VALUES)
def test_a_value_is_whatever_float_takes(log: Log, points: Points, given_value: Any, stored: float) -> None:
    log(given_value)
    [(key, step, value)] = points()
    assert (key, step, repr(value)) == ("k", 0, repr(stored))


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (None, InvalidType, "None"),
        (1j, InvalidType, "complex"),
        (np.complex64(1j), InvalidType, "complex"),
        (np.complex128(2j), InvalidType, "complex"),
        (np.array([1j]), InvalidType, "complex"),
        ([1.0], InvalidType, r"not a number: \[1.0\]"),
        (object, InvalidType, "not a number"),
        ("high", InvalidInput, "not a number: 'high'"),
        (np.array([1.0, 2.0]), InvalidInput, r"shape \(2,\)"),
        (np.array([]), InvalidInput, r"shape \(0,\)"),
        (10**400, InvalidInput, "not a number: 1000"),
    ],
)
def test_what_is_no_value_is_refused_and_named(
    log: Log, points: Points, value: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message) as caught:
        log(value)
    assert "'k'" in str(caught.value)
    assert points() == []


def test_a_shape_whose_product_has_more_than_64_bits_is_refused(log: Log, points: Points) -> None:
    class Huge:
        shape = (2**63, 4)

        def item(self) -> float:
            return 3.0

    with pytest.raises(InvalidInput, match=r"shape \(9223372036854775808, 4\); it must be one number"):
        log(Huge())
    assert points() == []


def test_an_error_in_the_users_own_conversion_reaches_the_user(log: Log, points: Points) -> None:
    class Broken:
        def __float__(self) -> float:
            raise RuntimeError("device lost")

    with pytest.raises(RuntimeError, match="device lost"):
        log(Broken())
    assert points() == []


@pytest.mark.parametrize(
    ("given_step", "stored"),
    [
        (0, 0),
        (-(2**63), -(2**63)),
        (2**63 - 1, 2**63 - 1),
        (2.0, 2),
        (-3.0, -3),
        (True, 1),
        (np.int64(5), 5),
        (np.uint8(5), 5),
        (np.float32(5.0), 5),
        (np.array(5), 5),
        (np.array([5]), 5),
        (OnlyIndex(), 12),
        (decimal.Decimal(4), 4),
    ],
)
def test_a_step_is_an_integer_or_an_integral_float(log: Log, points: Points, given_step: Any, stored: int) -> None:
    log(1.0, given_step)
    assert points() == [("k", stored, 1.0)]


@pytest.mark.parametrize(
    ("step", "kind", "message"),
    [
        (1.5, InvalidInput, "step 1.5 has a fraction"),
        (np.float32(1.5), InvalidInput, "step 1.5 has a fraction"),
        (2**63, InvalidInput, "9223372036854775808 is outside"),
        (-(2**63) - 1, InvalidInput, "-9223372036854775809 is outside"),
        (2.0**63, InvalidInput, "outside"),
        (math.nan, InvalidInput, "step NaN"),
        (math.inf, InvalidInput, "step inf"),
        ("3", InvalidType, "str"),
        ([], InvalidType, "list"),
        (np.array([1, 2]), InvalidInput, r"shape \(2,\)"),
    ],
)
def test_what_is_no_step_is_refused_and_named(
    log: Log, points: Points, step: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        log(1.0, step)
    assert points() == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(bits=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=20))
def test_every_double_is_kept_bit_for_bit(journals: Any, writer: _engine.Writer, bits: list[int]) -> None:
    doubles = struct.unpack(f"<{len(bits)}d", struct.pack(f"<{len(bits)}Q", *bits))
    run = writer.run(f"run-{time.monotonic_ns()}")
    handle = run.metric("handle")
    for step, double in enumerate(doubles):
        handle.log(double, step)
    run.log_arrays("arrays", np.arange(len(bits)), np.array(bits, dtype=np.uint64).view(np.float64))
    batches = _read(journals, run.run_id)
    assert batches["handle"] == bits
    assert batches["arrays"] == bits


def _read(journals: Any, run_id: str) -> dict[str, list[int]]:
    import polars as pl

    frame = pl.DataFrame(_engine.Journals(str(journals)).read({}, runs=[run_id]))
    return {
        key: frame.filter(pl.col("key") == key)["value"].to_numpy().view(np.uint64).tolist()
        for key in ("handle", "arrays")
    }


def test_extreme_and_repeated_points_are_legal(run: _engine.RunLogger, points: Points) -> None:
    metric = run.metric("k")
    for step, value in [(5, 1.0), (2, math.inf), (2, math.inf), (-9, -0.0), (5, 5e-324)]:
        metric.log(value, step)
    assert [(step, str(value)) for _, step, value in points()] == [
        (5, "1.0"), (2, "inf"), (2, "inf"), (-9, "-0.0"), (5, "5e-324"),
    ]  # fmt: skip


def test_the_time_of_a_point_is_now_or_what_is_given(
    run: _engine.RunLogger, rows: Callable[[], list[dict[str, Any]]]
) -> None:
    before = time.time_ns() // 1_000_000
    run.metric("k").log(1.0, 0)
    run.log({"k": 1.0}, 0)
    run.log_metric("k", 1.0)
    run.log_arrays("k", [0], [1.0])
    after = time.time_ns() // 1_000_000
    run.metric("k").log(1.0, 0, 17)
    run.metric("k").log(1.0, 0, timestamp=17.9)
    run.log({"k": 1.0}, 0, timestamp=17)
    run.log_metric("k", 1.0, timestamp=np.int64(17))
    run.log_arrays("k", [0], [1.0], timestamps=17)
    times = [row["timestamp"] for row in rows()]
    assert all(before - 1 <= stamp <= after for stamp in times[:4])
    assert times[4:] == [17] * 5


@pytest.mark.parametrize(("timestamp", "message"), [(-1, "-1 is negative"), (2**63, "outside"), ("now", "str")])
def test_what_is_no_timestamp_is_refused(run: _engine.RunLogger, points: Points, timestamp: Any, message: str) -> None:
    for call in (
        lambda: run.metric("k").log(1.0, 0, timestamp),
        lambda: run.log({"k": 1.0}, 0, timestamp),
        lambda: run.log_metric("k", 1.0, 0, timestamp),
        lambda: run.log_arrays("k", [0], [1.0], timestamp if isinstance(timestamp, int) else [timestamp]),
    ):
        with pytest.raises(InvalidInput, match=message):
            call()
    assert points() == []


@pytest.mark.parametrize("key", ["loss", "train/loss", "a-b_c.d: e", "0", "Verlust/größe", "k" * 250, "..x"])
def test_legal_keys(run: _engine.RunLogger, points: Points, key: str) -> None:
    run.metric(key).log(1.0, 0)
    run.log({key: 2.0}, 0)
    assert [name for name, _, _ in points()] == [key, key]


@pytest.mark.parametrize(
    ("key", "kind", "message"),
    [
        ("", InvalidInput, "normal relative path"),
        ("/abs", InvalidInput, "normal relative path"),
        ("a//b", InvalidInput, "normal relative path"),
        ("a/../b", InvalidInput, "normal relative path"),
        ("./a", InvalidInput, "normal relative path"),
        ("a\nb", InvalidInput, "illegal character"),
        ("a?b", InvalidInput, "illegal character '\\?'"),
        ("k" * 251, InvalidInput, "251 characters; the limit is 250"),
        ("\ud800", InvalidInput, "surrogate|illegal character"),
        (3, InvalidType, "int"),
        (b"loss", InvalidType, "bytes"),
    ],
)
def test_illegal_keys_are_refused_and_nothing_is_stored(
    run: _engine.RunLogger, points: Points, key: Any, kind: type[Exception], message: str
) -> None:
    for call in (
        lambda: run.metric(key),
        lambda: run.log_metric(key, 1.0),
        lambda: run.log({"fine": 1.0, key: 1.0}),
        lambda: run.log_arrays(key, [0], [1.0]),
    ):
        with pytest.raises(kind, match=message):
            call()
    assert points() == []
