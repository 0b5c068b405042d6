"""downsample(): what it gives is what a plain evaluation of all points gives, wherever the points are."""

from __future__ import annotations

import itertools
import math
import signal
import threading
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlake import _engine
from runlake.errors import Corrupt, InvalidInput
from tests.endurance.proofs import size
from tests.segments import table_of

STORE_ID = "5" * 32


class Point(NamedTuple):
    """A point, in the order of its columns in a segment."""

    run_id: str
    key: str
    step: int
    timestamp: int
    value: float


class Bucket(NamedTuple):
    """A row of the result; bits of values, so that NaN equals NaN and -0.0 differs from 0.0."""

    run_id: str
    key: str
    x: int
    low: str | None
    high: str | None
    last: str
    count: int
    non_finite: int


def bits(value: float | None) -> str | None:
    return None if value is None else "nan" if math.isnan(value) else value.hex()


def write_segment(path: Path, points: Sequence[Point], row_group_size: int = 1 << 17) -> str:
    rows = [(*point, "0" * 32, 0) for point in sorted(points, key=lambda p: p[:4])]
    table = table_of(rows)
    pq.write_table(table, path, row_group_size=row_group_size, compression="zstd")
    return str(path)


def expected(
    points: Sequence[Point], most: int, *, x: str = "step", start: int | None = None, end: int | None = None
) -> tuple[list[Bucket], list[Fraction | None]]:
    """Evaluate one series at a time, one point at a time. Returns buckets and the means of their finite values."""
    buckets: list[Bucket] = []
    means: list[Fraction | None] = []
    for name, group in itertools.groupby(sorted(points, key=lambda p: p[:2]), key=lambda p: p[:2]):
        inside = [
            (getattr(point, x), point)
            for point in group
            if (start is None or getattr(point, x) >= start) and (end is None or getattr(point, x) < end)
        ]
        if not inside:
            continue
        places = sorted({place for place, _ in inside})
        low = places[0] if start is None else start
        high = places[-1] + 1 if end is None else end
        width = max(1, -(-(high - low) // most))
        slot = (lambda p: p) if len(places) <= most else (lambda p, low=low, width=width: (p - low) // width)
        for _, together in itertools.groupby(sorted(inside, key=lambda row: row[0]), key=lambda row: slot(row[0])):
            bucket, mean = reduced(name, list(together))
            buckets.append(bucket)
            means.append(mean)
    return buckets, means


def reduced(name: tuple[str, ...], rows: list[tuple[int, Point]]) -> tuple[Bucket, Fraction | None]:
    values = [point.value for _, point in rows]
    finite = [value for value in values if math.isfinite(value)]
    latest = max((p for _, p in rows), key=lambda p: (p.step, p.timestamp, not math.isnan(p.value), signed(p.value)))
    present = (any(map(math.isnan, values)), math.inf in values, -math.inf in values)
    bucket = Bucket(
        *(name[0], name[1], rows[0][0]),
        low=bits(min(finite, key=signed, default=None)),
        high=bits(max(finite, key=signed, default=None)),
        last=str(bits(latest.value)),
        count=len(rows),
        non_finite=sum(there << bit for bit, there in enumerate(present)),
    )
    return bucket, sum(map(Fraction, finite), Fraction()) / len(finite) if finite else None


def signed(value: float) -> tuple[float, float]:
    """Order in which -0.0 is below 0.0."""
    return value, math.copysign(1, value)


def check(made: pl.DataFrame, buckets: list[Bucket], means: list[Fraction | None]) -> None:
    got = [
        Bucket(run, key, x, bits(low), bits(high), str(bits(last)), count, non_finite)
        for run, key, x, low, high, _, last, count, non_finite in made.iter_rows()
    ]
    assert got == buckets
    for mean, exact, low, high in zip(made["mean"], means, made["min"], made["max"], strict=True):
        assert (mean is None) == (exact is None)
        if exact is not None:
            assert low <= mean <= high
            scale = max(abs(low), abs(high))
            assert abs(Fraction(mean) - exact) <= Fraction(scale) * Fraction(1, 10**12) + Fraction(1, 10**300)


# -- anything

I64 = st.integers(-(2**63), 2**63 - 1)
STEPS = st.integers(-20, 20) | I64
TIMES = st.integers(0, 3) | st.integers(0, 2**63 - 1)
VALUES = st.floats(-100, 100) | st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 1.7e308, -1.7e308, 5e-324])
POINTS = st.builds(Point, st.sampled_from(["a", "b"]), st.sampled_from(["k", "l"]), STEPS, TIMES, VALUES)
PLACES = st.none() | st.integers(-25, 25) | st.integers(-(2**63), 2**63)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downsample")


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return itertools.count()


@given(
    segments=st.lists(st.lists(POINTS, min_size=1, max_size=30), max_size=3),
    journals=st.lists(st.lists(POINTS, max_size=20), max_size=2),
    most=st.integers(1, 20) | st.just(10**9),
    x=st.sampled_from(["step", "timestamp"]),
    bounds=st.tuples(PLACES, PLACES),
    row_group_size=st.integers(1, 30),
)
@settings(max_examples=size(100, 300), deadline=None)
def test_buckets_are_those_of_a_plain_evaluation(
    folder: Path,
    numbers: Iterator[int],
    segments: list[list[Point]],
    journals: list[list[Point]],
    most: int,
    x: str,
    bounds: tuple[int | None, int | None],
    row_group_size: int,
) -> None:
    root = folder / str(next(numbers))
    (root / "journals").mkdir(parents=True)
    paths = [write_segment(root / f"{n}.parquet", points, row_group_size) for n, points in enumerate(segments)]
    for points in journals:
        log(root / "journals", points)
    start, end = bounds
    stream = _engine.downsample(paths, _engine.Journals(str(root / "journals")), {}, most, axis=x, start=start, end=end)
    points = [point for part in (*segments, *journals) for point in part]
    check(pl.DataFrame(stream), *expected(points, most, x=x, start=start, end=end))


def log(journals: Path, points: Sequence[Point]) -> None:
    writer = _engine.Writer(str(journals), STORE_ID)
    for run in {point.run_id for point in points}:
        logger = writer.run(run)
        for point in points:
            if point.run_id == run:
                logger.log_metric(point.key, point.value, step=point.step, timestamp=point.timestamp)
    writer.close()


# -- what the sealer writes

LONG = 700_000


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], pl.DataFrame]:
    """Two seals, with row groups of one series and of several, as dictionaries and as byte streams; their points."""
    root = tmp_path_factory.mktemp("sealed")
    frames = []
    paths: list[str] = []
    for part in range(2):
        (root / f"journals{part}").mkdir()
        writer = _engine.Writer(str(root / f"journals{part}"), STORE_ID)
        logger = writer.run("a")
        for key, rows in (("noise", LONG), ("rounded", LONG), ("short", 1000), ("tiny", 3)):
            steps = pl.int_range(part * rows, (part + 1) * rows, eager=True)
            noise = (steps.cast(pl.Float64) * 0.7).sin() + (steps % 997).cast(pl.Float64) / 7
            values = noise.round(2) if key == "rounded" else noise
            times = 1_700_000_000_000 + steps * 20 + (steps * 7919) % 20
            logger.log_arrays(key, steps.to_numpy(), values.to_numpy(), times.to_numpy())
            frames.append(pl.DataFrame({"key": [key] * rows, "step": steps, "timestamp": times, "value": values}))
        ranges = [(writer.id, 0, writer.stats().committed)]
        made = _engine.seal(str(root / f"journals{part}"), str(root / "segments"), ranges, {"a": "0"})
        paths += [str(root / "segments" / segment.path) for segment in made]
        writer.close()
    return paths, pl.concat(frames)


@pytest.mark.parametrize("key", ["noise", "rounded", "short", "tiny"])
@pytest.mark.parametrize(
    ("x", "start", "end"), [("step", None, None), ("step", 1234, 99_999), ("timestamp", None, None)]
)
def test_long_sealed_series_are_reduced_exactly(
    sealed: tuple[list[str], pl.DataFrame], key: str, x: str, start: int | None, end: int | None, tmp_path: Path
) -> None:
    paths, points = sealed
    journals = _engine.Journals(str(tmp_path))
    made = pl.DataFrame(
        _engine.downsample(paths, journals, {}, 1000, runs=["a"], keys=[key], axis=x, start=start, end=end)
    )
    chosen = points.filter(pl.col("key") == key, pl.col(x) >= (start or 0), pl.col(x) < (end or 2**62)).with_columns(
        place=pl.col(x)
    )
    if chosen["place"].n_unique() > 1000:
        low, high = (chosen["place"].min(), chosen["place"].max() + 1) if start is None else (start, end)  # type: ignore[operator]
        chosen = chosen.with_columns(place=(pl.col(x) - low) // -(-(high - low) // 1000))  # type: ignore[operator]
    wanted = (
        chosen.sort("step")
        .group_by("place", maintain_order=True)
        .agg(
            x=pl.col(x).min(),
            min=pl.col("value").min(),
            max=pl.col("value").max(),
            mean=pl.col("value").mean(),
            last=pl.col("value").last(),
            count=pl.len(),
        )
        .sort("x")
        .drop("place")
    )
    for column in ("x", "min", "max", "last", "count"):
        assert made[column].to_list() == wanted[column].to_list(), column
    assert made["mean"].to_list() == pytest.approx(wanted["mean"].to_list(), rel=1e-12)
    assert (made["non_finite"] == 0).all()


def test_the_same_call_gives_the_same_bits(sealed: tuple[list[str], pl.DataFrame], tmp_path: Path) -> None:
    journals = _engine.Journals(str(tmp_path))
    first, *others = (pl.DataFrame(_engine.downsample(sealed[0], journals, {}, 77)) for _ in range(4))
    assert all(first.equals(other) for other in others)


# -- what is read


@pytest.mark.parametrize(
    ("key", "start", "end"), [("tiny", None, None), ("short", None, None), ("noise", 200_000, 200_010)]
)
def test_row_groups_that_hold_nothing_wanted_are_not_read(
    sealed: tuple[list[str], pl.DataFrame], key: str, start: int | None, end: int | None, tmp_path: Path
) -> None:
    journals = _engine.Journals(str(tmp_path))
    read = 0
    path = tmp_path / "holed.parquet"
    holed = bytearray(Path(sealed[0][0]).read_bytes())
    metadata = pq.ParquetFile(sealed[0][0]).metadata
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        keys, steps = (group.column(column).statistics for column in (1, 2))
        if keys.min <= key <= keys.max and steps.max >= (start or 0) and steps.min < (end or LONG):
            read += 1
        else:
            columns = [group.column(column) for column in range(7)]
            begin = columns[0].dictionary_page_offset
            size = sum(column.total_compressed_size for column in columns)
            holed[begin : begin + size] = bytes(size)
    path.write_bytes(holed)
    assert 0 < read < metadata.num_row_groups
    options: dict[str, Any] = {"keys": [key], "start": start, "end": end}
    whole = pl.DataFrame(_engine.downsample(sealed[0][:1], journals, {}, 50, **options))
    assert whole.equals(pl.DataFrame(_engine.downsample([str(path)], journals, {}, 50, **options)))
    with pytest.raises(Corrupt):
        _engine.downsample([str(path)], journals, {}, 50)


# -- what can go wrong


def test_points_below_sealed_are_left_to_the_segments(tmp_path: Path) -> None:
    log(tmp_path, [Point("a", "k", step, 0, float(step)) for step in range(10)])
    journals = _engine.Journals(str(tmp_path))
    ((writer, _, _),) = journals.writers()
    made = pl.DataFrame(_engine.downsample([], journals, {writer: 7}, 10))
    assert made["x"].to_list() == [7, 8, 9]


def test_live_points_in_many_files_and_any_order_are_reduced_exactly(tmp_path: Path) -> None:
    shuffled = [(step * 7919) % 20_000 for step in range(20_000)]
    writer = _engine.Writer(str(tmp_path), STORE_ID, max_chunk_bytes=1 << 17)
    for key in ("k", "l"):
        for start in range(0, len(shuffled), 1000):
            steps = shuffled[start : start + 1000]
            writer.run("a").log_arrays(key, steps, [step / 7 for step in steps], steps)
    points = [Point("a", key, step, step, step / 7) for key in ("k", "l") for step in shuffled]
    assert len(list(tmp_path.glob("*.journal"))) > 2
    for x in ("step", "timestamp"):
        made = pl.DataFrame(_engine.downsample([], _engine.Journals(str(tmp_path)), {}, 300, axis=x))
        check(made, *expected(points, 300, x=x))
    writer.close()


@pytest.mark.parametrize("damage", ["cut", "zeros", "noise", "text"])
def test_a_damaged_segment_is_named(sealed: tuple[list[str], pl.DataFrame], damage: str, tmp_path: Path) -> None:
    whole = Path(sealed[0][0]).read_bytes()
    middle = len(whole) // 2
    damaged = {
        "cut": whole[:middle],
        "zeros": whole[:100] + bytes(middle) + whole[100 + middle :],
        "noise": whole[:100] + bytes(range(1, 256)) * (middle // 255) + whole[100 + middle // 255 * 255 :],
        "text": b"no Parquet",
    }[damage]
    path = tmp_path / "broken.parquet"
    path.write_bytes(damaged)
    with pytest.raises(Corrupt, match=r"broken\.parquet"):
        _engine.downsample([str(path)], _engine.Journals(str(tmp_path)), {}, 10)


def test_another_parquet_file_is_no_segment(tmp_path: Path) -> None:
    pq.write_table(pa.table({"step": [1]}), tmp_path / "other.parquet")
    with pytest.raises(Corrupt, match=r"other\.parquet.*its columns are not those of a segment"):
        _engine.downsample([str(tmp_path / "other.parquet")], _engine.Journals(str(tmp_path)), {}, 10)


def test_a_segment_that_is_gone_is_a_file_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.parquet"):
        _engine.downsample([str(tmp_path / "gone.parquet")], _engine.Journals(str(tmp_path)), {}, 10)


def test_no_buckets_and_an_unknown_axis_are_refused(tmp_path: Path) -> None:
    journals = _engine.Journals(str(tmp_path))
    with pytest.raises(InvalidInput, match="buckets is 0"):
        _engine.downsample([], journals, {}, 0)
    with pytest.raises(InvalidInput, match="axis is 'loss'"):
        _engine.downsample([], journals, {}, 1, axis="loss")


def test_other_threads_run_meanwhile(sealed: tuple[list[str], pl.DataFrame], tmp_path: Path) -> None:
    journals = _engine.Journals(str(tmp_path))
    done, ticks = threading.Event(), 0

    def reduce() -> None:
        try:
            for _ in range(5):
                _engine.downsample(sealed[0], journals, {}, 1000)
        finally:
            done.set()

    thread = threading.Thread(target=reduce)
    thread.start()
    while not done.is_set():
        ticks += 1
    thread.join()
    assert ticks > 100


def test_ctrl_c_ends_a_long_computation(sealed: tuple[list[str], pl.DataFrame], tmp_path: Path) -> None:
    def interrupt(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(KeyboardInterrupt):
            _engine.downsample(sealed[0] * 5000, _engine.Journals(str(tmp_path)), {}, 1000)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
