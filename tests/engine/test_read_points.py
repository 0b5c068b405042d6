"""read_points(): the rows that a filter over the whole file gives, whatever the shape of the file."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlake import _engine
from runlake.errors import Corrupt, InvalidInput
from tests.segments import table_of

COLUMNS = ["run_id", "key", "step", "timestamp", "value", "writer", "seq"]
RUNS = ["run-1", "run-2", "run-3", "run-4"]
KEYS = ["alternating", "dense", "long", "noise", "odd", "rounded", "short/1", "short/7"]


def read(
    paths: Sequence[Path], columns: Sequence[str] = COLUMNS, *, runs: list[str] | None, keys: list[str] | None
) -> pl.DataFrame:
    return pl.DataFrame(_engine.read_points(list(map(str, paths)), columns, runs=runs, keys=keys))


def bits(frame: pl.DataFrame) -> pl.DataFrame:
    """Values as integers, so that NaN equals NaN and -0.0 differs from 0.0."""
    return frame.with_columns(pl.Series("value", frame["value"].to_numpy().view(np.int64)))


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Segments with long and very short series, both layouts of values, and writers that take turns within a series."""
    folder = tmp_path_factory.mktemp("sealed")
    journals, rng, paths = folder / "journals", np.random.default_rng(7), []
    journals.mkdir()
    for _ in range(2):
        writers = [_engine.Writer(str(journals), "5" * 32) for _ in range(2)]
        for run in RUNS[:3]:
            log = writers[0].run(run)
            steps = np.arange(50_000)
            log.log_arrays("noise", steps, rng.random(len(steps)), np.cumsum(rng.integers(0, 50, len(steps))))
            log.log_arrays("rounded", steps[::-1], np.round(rng.random(len(steps)), 2), steps * 20)
            for step, value in enumerate([float("nan"), -0.0, float("inf"), 5e-324]):
                log.metric("odd").log(value, step, 7)
            for number in range(300):
                log.metric(f"short/{number % 100}").log(number, number, number)
            for step in range(400):
                writers[step % 2].run(run).metric("alternating").log(step / 7, step, step)
        writers[1].run("run-4").log_arrays("long", np.arange(300_000), rng.random(300_000), np.arange(300_000))
        ranges = [(writer.id, 0, writer.stats().committed) for writer in writers]
        experiments = dict.fromkeys(_engine.runs_in(str(journals), ranges), "1")
        [segment] = _engine.seal(str(journals), str(folder / "segments"), ranges, experiments)
        paths.append(folder / "segments" / segment.path)
        for writer in writers:
            writer.close()
    return paths


@pytest.fixture(scope="module")
def everything(sealed: list[Path]) -> pl.DataFrame:
    """All rows, as another reader has them."""
    return pl.concat(bits(pl.read_parquet(path, hive_partitioning=False)) for path in sealed)


@settings(max_examples=60, deadline=None, database=None)
@given(
    runs=st.none() | st.lists(st.sampled_from([*RUNS, "run-0", "zzz"]), unique=True),
    keys=st.none() | st.lists(st.sampled_from([*KEYS, "", "nothing"]), unique=True),
    columns=st.lists(st.sampled_from(COLUMNS), unique=True, min_size=1),
)
def test_rows_are_those_of_a_filter_over_the_whole_file_in_its_order(
    sealed: list[Path],
    everything: pl.DataFrame,
    runs: list[str] | None,
    keys: list[str] | None,
    columns: list[str],
) -> None:
    wanted = [pl.col(name).is_in(chosen) for name, chosen in (("run_id", runs), ("key", keys)) if chosen is not None]
    found = read(sealed, columns, runs=runs, keys=keys)
    found = bits(found) if "value" in columns else found
    assert found.equals(everything.filter(*wanted).select(columns))


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "zstd"},
        {"compression": "none"},
        {"compression": "zstd", "use_dictionary": False},
        {"compression": "zstd", "data_page_size": 512},
        {"compression": "none", "dictionary_pagesize_limit": 40},
    ],
)
def test_pages_of_any_size_and_encoding_are_read(tmp_path: Path, options: dict[str, object]) -> None:
    """What our writer does not make today, an earlier or later one may."""
    names = itertools.product(["a", "b"], ["k", "l", "m"], range(1000))
    rows = [(run, key, step, step * 3, step / 7, f"{step % 3:032}", step) for run, key, step in names]
    table = table_of(rows)
    path = tmp_path / "one.parquet"
    pq.write_table(table, path, row_group_size=4500, write_batch_size=100, **options)
    frame = bits(pl.DataFrame(table))
    for keys in (["k"], ["l"], ["k", "m"], None):
        found = bits(read([path], runs=None, keys=keys))
        assert found.equals(frame if keys is None else frame.filter(pl.col("key").is_in(keys)))


def test_row_groups_beyond_the_steps_or_times_are_left_out(tmp_path: Path) -> None:
    rows = [("a", "k", step, step * 3, 0.5, "0" * 32, step) for step in range(1000)]
    path = tmp_path / "one.parquet"
    pq.write_table(table_of(rows), path, row_group_size=100, compression="zstd")

    def rows_read(**bounds: tuple[int | None, int | None]) -> int:
        return pl.DataFrame(_engine.read_points([str(path)], ["step"], **bounds)).height

    assert rows_read(steps=(250, 349)) == 200
    assert rows_read(steps=(None, 99)) == 100
    assert rows_read(steps=(900, None), timestamps=(None, 2699)) == 0
    assert rows_read(timestamps=(2700, 2**70)) == 100
    assert rows_read(steps=(-(2**70), 2**70), timestamps=(None, None)) == 1000


def test_a_column_that_segments_do_not_have_is_refused(sealed: list[Path]) -> None:
    with pytest.raises(InvalidInput, match="rank"):
        read(sealed, ["step", "rank"], runs=None, keys=None)


def test_a_segment_that_is_gone_is_a_file_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read([tmp_path / "gone.parquet"], runs=None, keys=None)


@pytest.mark.parametrize("where", ["column chunks", "footer"])
def test_damage_is_an_error_that_names_the_file_or_goes_unnoticed(
    sealed: list[Path], tmp_path: Path, where: str
) -> None:
    """Checksums are for `verify_segment`; a reader must not crash."""
    whole, metadata = sealed[0].read_bytes(), pq.read_metadata(sealed[0])
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    starts = [chunk["data_page_offset"] for group in groups for chunk in group.to_dict()["columns"]]
    rng, path, complaints = np.random.default_rng(11), tmp_path / "damaged.parquet", []
    for _ in range(150):
        spoilt = bytearray(whole)
        place = rng.choice(starts) + rng.integers(60) if where == "column chunks" else len(whole) - rng.integers(900)
        spoilt[place : place + 3] = rng.bytes(3)
        path.write_bytes(spoilt)
        try:
            read([path], runs=["run-2", "run-4"], keys=["alternating", "long", "noise", "short/7"])
        except Corrupt as error:
            complaints.append(str(error))
    assert len(complaints) > 15
    assert all(path.name in complaint for complaint in complaints)
