"""The page on other programs: what it shows runs, and they see what runlake sees."""

from pathlib import Path

import duckdb
import pytest

import runlake
from tests.readme.pages import Snippet, run_all, snippets

PARTS = list(snippets("reading-elsewhere.md"))


def test_every_snippet_but_those_for_spark_is_run() -> None:
    assert {part.section for part in PARTS} - {part.section for part in runnable()} == {"Spark"}
    assert {part.language for part in PARTS} == {"python", "sh"}


def test_the_page_runs_and_every_program_finds_the_runs(demo_store: Path) -> None:
    names = run_all(runnable())
    assert len(names["lowest"]) == 5
    with_points = runlake.runs(where="metrics.val_accuracy IS NOT NULL").collect()
    assert set(names["curves"]["run_name"]) <= set(with_points["run_name"])
    assert len(set(names["curves"]["run_name"])) > 5
    losses = runlake.points(keys="loss").collect()
    assert names["losses"].num_rows == losses["value"].is_finite().sum()
    assert names["best"].collect().height > 0


def test_the_columns_are_those_that_the_page_lists(demo_store: Path) -> None:
    described = duckdb.sql("DESCRIBE SELECT * FROM read_parquet('lake/segments/*/*.parquet', hive_partitioning=false)")
    types = {name: kind for name, kind, *_ in described.fetchall()}
    text, whole = "VARCHAR", "BIGINT"
    assert types == {
        "run_id": text,
        "key": text,
        "step": whole,
        "timestamp": whole,
        "value": "DOUBLE",
        "writer": text,
        "seq": whole,
    }


def test_duckdb_orders_nan_above_all_numbers_as_the_page_says() -> None:
    largest = duckdb.sql("SELECT max(x), max(x) FILTER (isfinite(x)) FROM (VALUES (1.0), ('nan'::DOUBLE)) AS t (x)")
    assert repr(largest.fetchall()) == "[(nan, 1.0)]"


def test_pandas_tells_null_and_empty_text_of_an_exported_csv_as_the_page_says(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    import polars as pl

    runlake.export(pl.DataFrame({"a": ["", None, "x"], "b": [1, 2, 3]}), tmp_path / "f.csv")
    assert pandas.read_csv(tmp_path / "f.csv")["a"].isna().tolist() == [True, True, False]
    assert pandas.read_csv(tmp_path / "f.csv", keep_default_na=False)["a"].tolist() == ["", "", "x"]


def runnable() -> list[Snippet]:
    return [part for part in PARTS if part.section != "Spark"]
