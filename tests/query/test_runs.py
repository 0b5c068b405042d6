"""runs(): one typed row a run, as fresh as the store."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime

import polars as pl
import pytest

from runlake import query
from runlake.entities import ViewType
from runlake.errors import InvalidInput, InvalidType, NotFound
from tests.query.lakes import BareLake
from tests.query.tables import PlainRun, table_of

TIME = pl.Datetime("ms", "UTC")


@pytest.fixture
def sweep(lake: BareLake) -> Iterator[BareLake]:
    """Two runs of a sweep, and one elsewhere; the second has live metrics."""
    sweep = lake.catalog.create_experiment("sweep", now_ms=1)
    for number, run_id in enumerate(("one", "two")):
        lake.run(run_id, sweep)
        lake.catalog.log_batch(run_id, params={"lr": f"0.{number}1", "depth": str(number), "seed": "007"})
    lake.catalog.log_batch("one", params={"opt": "None", "warm": "True"}, tags={"team": "a"})
    lake.catalog.log_batch("two", params={"opt": "adam", "warm": "None", "depth2": "None"})
    lake.run("elsewhere")
    lake.catalog.log_batch("elsewhere", params={"depth": "deep"})
    writer = lake.writer("two")
    writer.run("two").log({"loss": 0.5, "val acc": math.nan}, step=3, timestamp=1)
    yield lake
    writer.close()


def column(kind: str, *texts: str) -> pl.Series:
    """A parameter column of runs with these values."""
    return table_of([PlainRun("r", {"p": text}) for text in texts]).wide()["params.p"].alias(kind)


@pytest.mark.parametrize(
    ("texts", "dtype", "values"),
    [
        (["1", "-2", "None"], pl.Int64, [1, -2, None]),
        (["1", "2.5", "1e-3", "null"], pl.Float64, [1.0, 2.5, 1e-3, None]),
        (["nan", "-inf"], pl.Float64, [math.nan, -math.inf]),
        (["True", "false", ""], pl.Boolean, [True, False, None]),
        (["9223372036854775807"], pl.Int64, [2**63 - 1]),
        (["9007199254740993", "1"], pl.Int64, [2**53 + 1, 1]),
        (["007"], pl.String, ["007"]),
        (["1_000"], pl.String, ["1_000"]),
        (["1", "True"], pl.String, ["1", "True"]),
        (["1", "x", "None"], pl.String, ["1", "x", "None"]),
        (["None", ""], pl.String, ["None", ""]),
        ([" 1"], pl.String, [" 1"]),
    ],
)
def test_a_parameter_has_the_type_that_fits_all_its_values(
    texts: list[str], dtype: pl.DataType, values: list[object]
) -> None:
    made = column("made", *texts)
    assert made.dtype == dtype
    assert made.equals(pl.Series("made", values, dtype=dtype))


def test_columns_are_the_name_what_a_run_was_given_and_last_what_came_of_it(sweep: BareLake) -> None:
    schema = query.runs(sweep, "sweep").collect().schema
    assert list(schema.items()) == [
        ("run_name", pl.String),
        ("params.depth", pl.Int64),
        ("params.depth2", pl.String),
        ("params.lr", pl.Float64),
        ("params.opt", pl.String),
        ("params.seed", pl.String),
        ("params.warm", pl.Boolean),
        *((name, pl.String) for name in ("run_id", "experiment_id", "status")),
        ("start_time", TIME),
        ("end_time", TIME),
        ("duration", pl.Duration("ms")),
        *((name, pl.String) for name in ("user_id", "lifecycle_stage", "artifact_uri")),
        ("tags.mlflow.runName", pl.String),
        ("tags.team", pl.String),
        ("metrics.loss", pl.Float64),
        ("metrics.val acc", pl.Float64),
    ]


def test_the_type_of_a_column_is_that_of_the_experiments_not_of_the_result(sweep: BareLake) -> None:
    assert query.runs(sweep, where="run_id = 'one'").collect().schema["params.depth"] == pl.String
    assert query.runs(sweep, "sweep", where="run_id = 'one'").collect().schema["params.depth"] == pl.Int64


def test_where_selects_by_parameters_as_numbers_and_by_live_metrics(sweep: BareLake) -> None:
    found = query.runs(sweep, "sweep", "params.lr BETWEEN 1e-1 AND 0.2 AND metrics.loss > 0.4").collect()
    assert found["run_id"].to_list() == ["two"]
    assert found.select("metrics.loss", "params.lr", "start_time").row(0) == (
        0.5,
        0.11,
        datetime(1970, 1, 1, tzinfo=UTC),
    )


def test_experiments_are_named_by_name_or_id(sweep: BareLake) -> None:
    by_name = query.runs(sweep, "sweep").collect()
    assert query.runs(sweep, [by_name["experiment_id"][0]]).collect().equals(by_name)
    assert query.runs(sweep, ["sweep", "Default"]).collect().height == 3
    assert query.runs(sweep, []).collect().height == 0
    assert query.runs(sweep).collect().height == 3


def test_an_unknown_experiment_is_refused_with_the_nearest_names(sweep: BareLake) -> None:
    with pytest.raises(NotFound, match=r"'sweeep'\nhint: did you mean sweep\?"):
        query.runs(sweep, "sweeep")
    with pytest.raises(InvalidType, match="type int"):
        query.runs(sweep, [5])  # type: ignore[list-item]
    with pytest.raises(InvalidType, match="experiments has type int: 7; it must be a name or an id, or several"):
        query.runs(sweep, 7)  # type: ignore[arg-type]


def test_a_filter_or_a_view_that_is_none_is_refused_at_once(sweep: BareLake) -> None:
    with pytest.raises(InvalidType, match="a filter has type int: 5; it must be a string"):
        query.runs(sweep, where=5)  # type: ignore[arg-type]
    with pytest.raises(
        InvalidInput, match=r"'all' is not a view type; there are 1 \(active_only\), 2 \(deleted_only\)"
    ):
        query.runs(sweep, view="all")  # type: ignore[arg-type]


def test_a_mistake_in_where_is_shown_before_anything_is_read(sweep: BareLake) -> None:
    with pytest.raises(InvalidInput, match="did you mean start_time"):
        query.runs(sweep, where="strat_time > 5")


def test_a_frame_shows_what_happened_after_it_was_made(sweep: BareLake) -> None:
    frame = query.runs(sweep, "Default")
    assert "metrics.loss" not in frame.collect().columns
    writer = sweep.writer("elsewhere")
    writer.run("elsewhere").log({"loss": 1.0}, step=1, timestamp=1)
    sweep.run("late")
    sweep.catalog.log_batch("late", params={"lr": "0.5"})
    late = frame.collect()
    assert late.select("run_id", "params.lr", "metrics.loss").rows() == [("elsewhere", None, 1.0), ("late", 0.5, None)]
    writer.close()


def test_columns_filters_and_limits_around_the_frame_hold(sweep: BareLake) -> None:
    frame = query.runs(sweep)
    assert frame.select("params.lr").collect().columns == ["params.lr"]
    assert frame.select(pl.len()).collect().item() == 3
    assert frame.filter(pl.col("metrics.loss").is_not_null()).select("run_name").collect().item() == "two"
    assert frame.head(2).filter(pl.col("run_id") == "elsewhere").collect().is_empty()
    assert frame.filter(pl.col("run_id") == "elsewhere").head(2).collect().height == 1
    assert frame.join(frame, on="run_id").collect().height == 3


def test_deleted_runs_are_seen_when_they_are_asked_for(sweep: BareLake) -> None:
    sweep.catalog.delete_run("one")

    def ids(view: int) -> list[str]:
        return query.runs(sweep, "sweep", view=view).collect()["run_id"].to_list()

    assert ids(ViewType.ACTIVE_ONLY) == ["two"]
    assert ids(ViewType.DELETED_ONLY) == ["one"]
    assert ids(ViewType.ALL) == ["one", "two"]


def test_an_empty_store_gives_an_empty_frame(lake: BareLake) -> None:
    frame = query.runs(
        lake, where="metrics.loss > 1 AND params.lr < 1 AND tags.a = 'x' AND datasets.name = 'y'"
    ).collect()
    assert frame.is_empty()
    assert frame.columns[:2] == ["run_name", "run_id"]


@pytest.mark.parametrize("view", [ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL])
def test_an_empty_store_has_no_runs_of_any_kind(lake: BareLake, view: int) -> None:
    assert query.runs(lake, view=view).collect().is_empty()
    assert query.search_runs(lake, ["0"], "start_time > 0", view) == []
    assert query.list_runs(lake, view=view).total == 0


def test_the_latest_value_is_the_largest_by_step_time_and_value_in_journals_and_segments(lake: BareLake) -> None:
    logged = [(5, 1, 0.1), (5, 2, 0.3), (5, 2, 0.2), (5, 2, math.nan), (4, 9, 9.0)]
    lake.run("a")
    writer = lake.writer("a")
    for step, timestamp, value in logged:
        writer.run("a").log_metric("m", value, step=step, timestamp=timestamp)
    latest = query.latest_metrics(lake, ["a"])["a"]["m"]
    assert (latest.step, latest.timestamp, latest.value) == (5, 2, 0.3)
    assert query.latest_metrics(lake, ["nobody"]) == {}
    writer.close()


def test_twelve_thousand_metric_columns_do_not_weigh_on_a_filter_on_one(lake: BareLake) -> None:
    runs = [PlainRun(f"r{run}", metrics={f"m{key}": float(run) for key in range(12_000)}) for run in range(5)]
    table = table_of(runs)
    assert table.wide(["metrics.m7", "run_id"]).shape == (5, 2)
    assert table.wide().width > 12_000


def test_a_schema_overrides_what_the_values_suggest(sweep: BareLake) -> None:
    types = {
        "params.seed": pl.Int64, "params.depth": str, "params.opt": pl.Categorical(), "params.lr": pl.Float32,
        "params.warm": pl.String, "tags.team": pl.Boolean, "metrics.loss": pl.Float32, "params.never": int,
    }  # fmt: skip
    frame = query.runs(sweep, "sweep", schema=types)
    assert frame.collect_schema()["params.depth"] == pl.String
    found = frame.select(*types).collect()
    assert found.schema == pl.Schema(types)
    assert found.rows() == [
        (7, "0", "None", pytest.approx(0.01), "True", None, None, None),
        (7, "1", "adam", pytest.approx(0.11), "None", None, 0.5, None),
    ]
    assert frame.filter(pl.col("params.seed") == 7).collect().height == 2
    assert list(frame.collect_schema())[-1] == "params.never"


def test_a_schema_of_something_else_is_refused(sweep: BareLake) -> None:
    with pytest.raises(InvalidInput, match="names the column 'status'\nhint: it can name params"):
        query.runs(sweep, schema={"status": pl.Int64})
    with pytest.raises(InvalidType, match=r"'params\.lr' the type List"):
        query.runs(sweep, schema={"params.lr": pl.List(pl.Int64)})
    with pytest.raises(InvalidType, match="does not know"):
        query.runs(sweep, schema={"params.lr": "float"})  # type: ignore[dict-item]
