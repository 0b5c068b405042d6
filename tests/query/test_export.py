"""export: what other readers find in the file, and that it is there whole or not at all."""

import csv
import io
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.io.plugins import register_io_source
from polars.testing import assert_frame_equal

import runlake
from runlake.errors import AlreadyExists, Corrupt, InvalidInput, InvalidType, NotFound, StoreError

FRAME = pl.DataFrame(
    {
        "text": ["", None, 'a "quoted", one', "two\nlines", "grün"],
        "number": [0.1 + 0.2, math.nan, math.inf, -0.0, 5e-324],
        "whole": [2**63 - 1, None, -(2**63), 0, 1],
        "flag": [True, False, None, True, True],
        "moment": [datetime(2026, 1, 31, 12, 0, 0, 7000, tzinfo=UTC), None, *[datetime(1970, 1, 1, tzinfo=UTC)] * 3],
    },
    schema_overrides={"moment": pl.Datetime("ms", "UTC")},
)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", ["f.parquet", "f.pq", "f.arrow", "f.ipc", "f.feather", "f.CSV"])
def test_the_suffix_says_the_format(tmp_path: Path, name: str) -> None:
    runlake.export(FRAME, tmp_path / name)
    start = (tmp_path / name).read_bytes()[:4]
    assert start == {"p": b"PAR1", "C": b"text"}.get(name[2], b"ARRO")
    assert left_in(tmp_path) == [name]


def test_the_format_that_is_given_comes_before_the_suffix(tmp_path: Path) -> None:
    runlake.export(FRAME, str(tmp_path / "f.csv"), format="parquet")
    assert (tmp_path / "f.csv").read_bytes().startswith(b"PAR1")


def test_parquet_and_arrow_hold_the_frame_and_pyarrow_reads_them(tmp_path: Path) -> None:
    runlake.export(FRAME.lazy(), tmp_path / "f.parquet")
    runlake.export(FRAME, tmp_path / "f.arrow")
    for table in (pyarrow.parquet.read_table(tmp_path / "f.parquet"), pyarrow.feather.read_table(tmp_path / "f.arrow")):
        assert_frame_equal(pl.DataFrame(table), FRAME)
        assert str(table.schema.field("moment").type) == "timestamp[ms, tz=UTC]"


def test_csv_says_null_and_empty_text_apart_and_times_as_iso(tmp_path: Path) -> None:
    runlake.export(FRAME, tmp_path / "f.csv")
    assert (tmp_path / "f.csv").read_text() == (
        "text,number,whole,flag,moment\n"
        '"",0.30000000000000004,9223372036854775807,true,2026-01-31T12:00:00.007Z\n'
        ",NaN,,false,\n"
        '"a ""quoted"", one",inf,-9223372036854775808,,1970-01-01T00:00:00.000Z\n'
        '"two\nlines",-0.0,0,true,1970-01-01T00:00:00.000Z\n'
        "grün,5e-324,1,true,1970-01-01T00:00:00.000Z\n"
    )


def test_csv_read_back_by_polars_and_duckdb_is_what_was_written(tmp_path: Path) -> None:
    runlake.export(FRAME, tmp_path / "f.csv")
    assert_frame_equal(pl.read_csv(tmp_path / "f.csv", schema=FRAME.schema), FRAME, check_exact=True)
    rows = duckdb.sql(f"SELECT number, epoch_ms(moment) FROM read_csv('{tmp_path}/f.csv')").fetchall()
    assert rows[0] == (0.1 + 0.2, 1_769_860_800_007)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(allow_nan=False), min_size=1), st.text(st.characters(exclude_categories=["Cs"])))
def test_every_float_and_every_text_comes_back_from_csv(tmp_path: Path, numbers: list[float], text: str) -> None:
    frame = pl.DataFrame({"number": numbers, "text": [text] * len(numbers)})
    runlake.export(frame, tmp_path / "f.csv", overwrite=True)
    back = pl.read_csv(tmp_path / "f.csv", schema=frame.schema, null_values=None)
    assert [value.hex() for value in back["number"]] == [value.hex() for value in numbers]
    assert back["text"].to_list() == frame["text"].to_list()


def test_points_of_a_live_run_are_exported(tmp_path: Path) -> None:
    runlake.set_tracking_uri(tmp_path / "lake")
    with runlake.start_run() as run:
        run.log_arrays("loss", range(1000), [1 / (step + 1) for step in range(1000)])
        runlake.export(runlake.points(run.info.run_id, "loss").sort("step"), tmp_path / "points.parquet")
    back = pl.read_parquet(tmp_path / "points.parquet")
    assert (back.height, back["value"][999]) == (1000, 1 / 1000)


def test_runs_with_columns_of_every_type_go_to_every_format(tmp_path: Path) -> None:
    runlake.set_tracking_uri(tmp_path / "lake")
    client = runlake.MlflowClient()
    run_id = client.create_run("0").info.run_id
    for key, value in {"lr": 0.1, "depth": 6, "flip": True, "optimizer": "sgd"}.items():
        client.log_param(run_id, key, value)
    client.log_metric(run_id, "loss", math.nan)
    start_ms = client.get_run(run_id).info.start_time
    client.set_terminated(run_id, end_time=start_ms + 1500)
    runs = runlake.runs().collect()
    for name in ("runs.parquet", "runs.arrow", "runs.csv"):
        runlake.export(runlake.runs(), tmp_path / name)
    assert_frame_equal(pl.read_parquet(tmp_path / "runs.parquet"), runs)
    assert_frame_equal(pl.read_ipc(tmp_path / "runs.arrow"), runs)
    (row,) = csv.DictReader((tmp_path / "runs.csv").read_text().splitlines())
    assert [row[f"params.{key}"] for key in ("lr", "depth", "flip")] == ["0.1", "6", "true"]
    assert (row["metrics.loss"], row["start_time"][-1], row["duration"]) == ("NaN", "Z", "1.5")


def test_a_frame_without_rows_or_columns_is_a_file_all_the_same(tmp_path: Path) -> None:
    runlake.export(FRAME.clear(), tmp_path / "empty.csv")
    runlake.export(FRAME.clear(), tmp_path / "empty.parquet")
    assert (tmp_path / "empty.csv").read_text() == "text,number,whole,flag,moment\n"
    assert pl.read_parquet(tmp_path / "empty.parquet").schema == FRAME.schema


def test_a_file_that_is_there_is_replaced_only_when_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("precious")
    with pytest.raises(AlreadyExists, match=r"f\.csv is there already\nhint: overwrite"):
        runlake.export(FRAME, path)
    assert path.read_text() == "precious"
    runlake.export(FRAME, path, overwrite=True)
    assert path.read_text().startswith("text,")
    assert left_in(tmp_path) == ["f.csv"]


def test_a_file_that_appears_while_rows_are_read_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"

    def rows(*_pushed_down: Any) -> Iterator[pl.DataFrame]:
        yield pl.DataFrame({"a": [1]})
        path.write_text("precious")

    with pytest.raises(AlreadyExists):
        runlake.export(register_io_source(rows, schema={"a": pl.Int64}), path)
    assert path.read_text() == "precious"
    assert left_in(tmp_path) == ["f.csv"]


def test_a_link_leads_to_the_file_that_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    runlake.export(FRAME, tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text().startswith("text,")


def test_an_error_while_rows_are_read_leaves_nothing_behind_and_keeps_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "f.parquet").write_text("precious")

    def rows(*_pushed_down: Any) -> Iterator[pl.DataFrame]:
        yield pl.DataFrame({"a": [1]})
        raise Corrupt("a segment is not what was written")

    source = register_io_source(rows, schema={"a": pl.Int64})
    with pytest.raises(Corrupt, match="a segment is not what was written"):
        runlake.export(source, tmp_path / "f.parquet", overwrite=True)
    assert left_in(tmp_path) == ["f.parquet"]
    assert (tmp_path / "f.parquet").read_text() == "precious"


@pytest.mark.parametrize("name", ["f.parquet", "f.arrow", "f.csv"])
def test_a_full_disk_is_named_and_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    program = f"""
import resource, signal
import polars as pl, runlake
from runlake.errors import StoreError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
frame = pl.select(a=pl.int_range(300_000).hash())
try:
    runlake.export(frame, {name!r})
except StoreError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert done.stdout == f"{tmp_path / name} cannot be written: File too large\n"
    assert left_in(tmp_path) == []


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"/proc/f\.csv cannot be written"):
        runlake.export(FRAME, "/proc/f.csv")


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"there is no folder .*/nowhere\nhint: make it first"):
        runlake.export(FRAME, tmp_path / "nowhere" / "f.csv")


def test_folders_and_devices_are_refused(tmp_path: Path) -> None:
    (tmp_path / "f.csv").mkdir()
    with pytest.raises(InvalidInput, match="is a folder"):
        runlake.export(FRAME, tmp_path / "f.csv")
    with pytest.raises(InvalidInput, match="is not an ordinary file"):
        runlake.export(FRAME, "/dev/null", format="csv", overwrite=True)


@pytest.mark.parametrize(
    ("name", "said"),
    [("runs.xlsx", "'runs.xlsx' has the suffix '.xlsx'"), ("runs", "'runs' has no suffix")],
)
def test_an_unknown_suffix_is_refused_with_those_that_are_known(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        runlake.export(FRAME, tmp_path / name)
    assert ".parquet, .pq, .arrow, .ipc, .feather, .csv" in str(caught.value)


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no format 'xlsx'\nhint: known are parquet, arrow, csv"):
        runlake.export(FRAME, tmp_path / "f.csv", format="xlsx")  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [pl.List(pl.Int64), pl.Struct({"a": pl.Int64}), pl.Binary])
def test_a_column_that_csv_cannot_hold_is_named(tmp_path: Path, dtype: pl.DataType) -> None:
    frame = pl.DataFrame({"fine": [1], "odd": pl.Series([None], dtype=dtype)})
    with pytest.raises(InvalidInput, match=r"column 'odd' has the type .*, which CSV cannot hold\nhint: select other"):
        runlake.export(frame, tmp_path / "f.csv")
    assert left_in(tmp_path) == []
    runlake.export(frame, tmp_path / "f.parquet")
    assert pl.read_parquet(tmp_path / "f.parquet").columns == ["fine", "odd"]


@pytest.mark.parametrize("value", [None, {"a": 1}, [FRAME], pyarrow.table({"a": [1]})])
def test_what_is_no_frame_is_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(InvalidType, match="export takes a Polars frame, not "):
        runlake.export(value, tmp_path / "f.csv")


def test_an_open_binary_file_takes_an_export_in_the_format_that_is_given(tmp_path: Path) -> None:
    file = io.BytesIO()
    runlake.export(FRAME, file, format="csv")
    assert file.getvalue().startswith(b"text,number")
    with pytest.raises(InvalidInput, match="has no suffix"):
        runlake.export(FRAME, io.BytesIO())
    with pytest.raises(InvalidType, match="a binary file, not to StringIO"):
        runlake.export(FRAME, io.StringIO(), format="csv")  # type: ignore[arg-type]


def test_a_reader_that_has_seen_enough_is_a_broken_pipe() -> None:
    read, write = os.pipe()
    os.close(read)
    with open(write, "wb") as pipe, pytest.raises(BrokenPipeError):
        runlake.export(FRAME, pipe, format="csv")


def test_a_lazy_frame_is_not_collected_to_be_written(tmp_path: Path) -> None:
    program = """
import re, sys
import polars as pl, runlake
from polars.io.plugins import register_io_source

def rows(*_pushed_down):
    for start in range(0, 40_000_000, 500_000):
        yield pl.select(a=pl.int_range(start, start + 500_000), b=pl.lit("x" * 40))

runlake.export(register_io_source(rows, schema={"a": pl.Int64, "b": pl.String}), sys.argv[1])
# not ru_maxrss, which begins with that of the process that started this one
print(int(re.search("VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) // 1024)
"""
    path = tmp_path / "f.parquet"
    done = subprocess.run([sys.executable, "-c", program, path], check=True, capture_output=True, text=True)
    assert pl.scan_parquet(path).select(pl.len()).collect().item() == 40_000_000
    whole_mb = 40_000_000 * (8 + 16) >> 20
    assert int(done.stdout) < whole_mb // 2, f"{done.stdout} MB"
