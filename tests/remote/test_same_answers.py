"""Questions to a server are answered as a store on this machine answers them: frames, entities and errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import runlake
from runlake import MlflowClient
from runlake.entities import ViewType
from tests.remote.places import Places, places


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """The store in both places."""
    with places(tmp_path_factory.mktemp("places")) as made:
        yield made


def run_id(name: str = "run-0") -> str:
    found = runlake.search_runs(filter_string=f"run_name = '{name}'", search_all_experiments=True, output_format="list")
    return found[0].info.run_id


def ordered(frame: pl.LazyFrame) -> pl.DataFrame:
    return frame.sort("run_id", "key", "step", "timestamp", "seq").collect()


def rounded(frame: pl.DataFrame) -> pl.DataFrame:
    """Leave out the last digits, which depend on the order in which threads have added."""
    return frame.with_columns(pl.selectors.float().round_sig_figs(12))


def sweep() -> str:
    found = runlake.get_experiment_by_name("sweep")
    assert found is not None
    return found.experiment_id


FRAMES: dict[str, Callable[[], Any]] = {
    "runs": lambda: runlake.runs(),
    "runs of an experiment": lambda: runlake.runs("sweep", where="params.lr BETWEEN 1e-3 AND 1e-1 AND metrics.val > 0"),
    "runs of several": lambda: runlake.runs(["sweep", "empty"]),
    "no runs": lambda: runlake.runs("empty"),
    "deleted runs": lambda: runlake.runs(view=ViewType.DELETED_ONLY),
    "runs with types": lambda: runlake.runs(schema={"params.depth": pl.String, "params.none": pl.Categorical()}),
    "columns of runs": lambda: runlake.runs("sweep").select("run_name", "params.lr", "start_time"),
    "first runs": lambda: runlake.runs("sweep").head(2),
    "runs that pass": lambda: runlake.runs("sweep").filter(pl.col("params.depth") > 2).select("run_name"),
    "first runs that pass": lambda: runlake.runs("sweep").head(4).filter(pl.col("params.flag")),
    "counted runs": lambda: runlake.runs("sweep").group_by("params.flag").len().sort("params.flag"),
    "artifact uri alone": lambda: runlake.runs("sweep").select("artifact_uri").collect().height,
    "points": lambda: ordered(runlake.points()),
    "points of a run": lambda: ordered(runlake.points(run_id(), "odd")),
    "points of runs": lambda: ordered(runlake.points([run_id(), run_id("run-3")], ["train/*", "val"])),
    "points of a frame": lambda: ordered(runlake.points(runlake.runs("sweep", where="params.flag = true"), "val")),
    "points by expression": lambda: ordered(runlake.points(None, re.compile("LOSS|odd", re.IGNORECASE))),
    "points by texts": lambda: ordered(runlake.points(None, ["^tr", "val"])),
    "points that pass": lambda: ordered(
        runlake.points().filter(pl.col("step").is_between(10, 20), pl.col("key") == "train/loss", pl.col("value") > 0)
    ),
    "points of one run that pass": lambda: ordered(runlake.points().filter(pl.col("run_id") == run_id())),
    "points of a key of some": lambda: ordered(runlake.points(keys="train/*").filter(pl.col("key") == "val")),
    "points until": lambda: ordered(runlake.points().filter(pl.col("timestamp") < 999)),
    "columns of points": lambda: runlake.points(run_id(), "train/loss").select("step", "value").sort("step"),
    "number of points": lambda: runlake.points().select(pl.len()),
    "first points": lambda: runlake.points(run_id(), "train/loss").head(7).collect().height,
    "latest points": lambda: ordered(runlake.points(run_id(), latest="step")),
    "points with aggregates": lambda: ordered(runlake.points(run_id(), aggregates=True)),
    "aligned by key": lambda: runlake.points(run_id(), ["odd", "val"], align="step"),
    "aligned by run": lambda: runlake.points(runlake.runs("sweep"), "val", align="step"),
    "aligned": lambda: runlake.points([run_id(), run_id("run-1")], None, align="step").head(5),
    "joined": lambda: (
        runlake.points(keys="val").join(runlake.runs("sweep"), on="run_id").select("run_name", "value").sort("run_name")
    ),
    "series": lambda: runlake.series(run_id(), "train/loss", points=10),
    "series of many": lambda: runlake.series(runlake.runs("sweep"), ["train/*", "odd"], points=5),
    "series by time": lambda: runlake.series(run_id(), "odd", x="timestamp", start=990, end=1001),
    "band": lambda: runlake.band(runlake.runs("sweep"), "val", by="params.flag"),
    "band of ids": lambda: rounded(runlake.band([run_id(), run_id("run-1")], "train/loss", points=3, quantiles=[0.25])),
    "band by tag": lambda: runlake.band(None, "val", by=["tags.even"]),
    "band by a column of mine": lambda: runlake.band(
        runlake.runs("sweep").with_columns(half=pl.col("params.depth") // 3), "val", by="half"
    ),
    "compare": lambda: runlake.compare([run_id(), run_id("run-1")]).filter(pl.col("key") != "run_id"),
    "compare numbers": lambda: runlake.compare(runlake.runs("sweep"), numbers=True, only_different=False),
}

MISTAKES: dict[str, Callable[[], Any]] = {
    "missing points of no run": lambda: runlake.missing_points("nope"),
    "filter": lambda: runlake.runs(where="params.lr ~ 3"),
    "experiment": lambda: runlake.runs("swep"),
    "type": lambda: runlake.runs(schema={"status": pl.String}),
    "view": lambda: runlake.runs(view=9),
    "run": lambda: runlake.points("run-0"),
    "runs": lambda: runlake.points(["nope", "neither"]),
    "kind of runs": lambda: runlake.points(3),  # type: ignore[arg-type]
    "frame of runs": lambda: runlake.points(pl.DataFrame({"id": ["a"]})),
    "key": lambda: runlake.points(None, 3),  # type: ignore[arg-type]
    "expression": lambda: runlake.points(None, "^("),
    "align": lambda: runlake.points(align="steps"),  # type: ignore[arg-type]
    "series of no run": lambda: runlake.series("nope", "val"),
    "series of no key": lambda: runlake.series(run_id(), "vall"),
    "series of no points": lambda: runlake.series(run_id(), "val", points=0),
    "axis": lambda: runlake.series(run_id(), "val", x="day"),  # type: ignore[arg-type]
    "quantile": lambda: runlake.band(None, "val", quantiles=[2.0]),
    "column": lambda: runlake.band(None, "val", by="params.lrr"),
    "band of several": lambda: runlake.band(None, "val/*"),
    "get_run": lambda: runlake.get_run("nope"),
    "aggregates": lambda: runlake.points(align="step", aggregates=True),
    "ledger": lambda: runlake.ledger("nope"),
    "get_experiment": lambda: runlake.get_experiment("77"),
    "search": lambda: runlake.search_runs(filter_string="metrics.val >", output_format="list"),
    "page": lambda: MlflowClient().search_runs(["0"], max_results=50_001),
    "token": lambda: MlflowClient().search_runs([sweep()], page_token="none"),
    "order": lambda: MlflowClient().search_runs([sweep()], order_by=["metrics.val UP"]),
    "artifact": lambda: MlflowClient().download_artifacts(run_id(), "no/such"),
    "artifact path": lambda: MlflowClient().list_artifacts(run_id(), "../x"),
    "table": lambda: runlake.load_table("none.json", [run_id()]),
}

ENTITIES: dict[str, Callable[[], Any]] = {
    "run": lambda: runlake.get_run(run_id()),
    "parent": lambda: runlake.get_parent_run(run_id("child")),
    "no parent": lambda: runlake.get_parent_run(run_id()),
    "experiment": lambda: runlake.get_experiment(sweep()),
    "experiment by name": lambda: runlake.get_experiment_by_name("sweep"),
    "no experiment": lambda: runlake.get_experiment_by_name("none"),
    "experiments": lambda: runlake.search_experiments(view_type=ViewType.ALL, order_by=["name ASC"]),
    "experiments that pass": lambda: runlake.search_experiments(filter_string="name LIKE 's%'"),
    "page of experiments": lambda: MlflowClient().search_experiments(max_results=1),
    "runs": lambda: runlake.search_runs([sweep()], order_by=["metrics.val DESC"], output_format="list"),
    "runs by name": lambda: runlake.search_runs(experiment_names=["sweep"], output_format="list"),
    "pandas": lambda: sorted(runlake.search_runs([sweep()]).drop(columns="artifact_uri").columns),
    "page of runs": lambda: MlflowClient().search_runs([sweep()], "params.lr < 1", max_results=2),
    "next page": lambda: MlflowClient().search_runs(
        [sweep()], max_results=2, page_token=MlflowClient().search_runs([sweep()], max_results=2).token
    ),
    "ledger": lambda: runlake.ledger(run_id()),
    "history": lambda: MlflowClient().get_metric_history(run_id(), "odd"),
    "no history": lambda: MlflowClient().get_metric_history(run_id(), "none"),
    "missing points": lambda: runlake.missing_points(run_id()),
    "history of no run": lambda: MlflowClient().get_metric_history("nope", "odd"),
    "files": lambda: MlflowClient().list_artifacts(run_id()),
    "files in a folder": lambda: MlflowClient().list_artifacts(run_id(), "notes"),
    "files of none": lambda: MlflowClient().list_artifacts(run_id(), "none"),
    "text": lambda: runlake.artifacts.load_text(f"runs:/{run_id()}/notes/classes.txt"),
    "text by uri": lambda: runlake.artifacts.load_dict(
        f"{runlake.get_run(run_id()).info.artifact_uri}/notes/deep/a.json"
    ),
    "table": lambda: runlake.load_table("table.json", [run_id()], extra_columns=["run_id"]).to_dict(),
    "table of all": lambda: MlflowClient().load_table(sweep(), "table.json").to_dict(),
    "uri set": lambda: (runlake.is_tracking_uri_set(), type(runlake.get_tracking_uri())),
}


@pytest.mark.parametrize("name", FRAMES)
def test_frames_are_the_same_with_their_types(both: Places, name: str) -> None:
    here, there = both.both(FRAMES[name])
    assert there == here
    assert len(here) < 3 or isinstance(here, str), f"an error is no frame: {here}"


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_the_same_errors(both: Places, name: str) -> None:
    here, there = both.both(MISTAKES[name])
    assert len(here) == 3, f"no error: {here}"
    if name == "artifact":
        assert there[0] == here[0]
        return
    assert there == here


@pytest.mark.parametrize("name", ENTITIES)
def test_entities_are_the_same(both: Places, name: str) -> None:
    here, there = both.both(ENTITIES[name])
    assert there == here


def test_files_are_downloaded_whole(both: Places, tmp_path: Path) -> None:
    runlake.set_tracking_uri(both.url)
    client = MlflowClient()
    folder = client.download_artifacts(run_id(), "notes", str(tmp_path / "down"))
    assert folder == str(tmp_path / "down" / "notes")
    assert (tmp_path / "down" / "notes" / "classes.txt").read_text() == "cat, dog"
    everything = Path(runlake.artifacts.download_artifacts(run_id=run_id()))
    assert (everything / "notes" / "deep" / "a.json").is_file()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "/somewhere/else")
        uri = f"runs:/{run_id()}/notes/classes.txt"
        copied = runlake.artifacts.download_artifacts(uri, dst_path=str(tmp_path), tracking_uri=both.url)
    assert Path(copied).read_text() == "cat, dog"


def test_a_lazy_frame_is_as_fresh_as_the_moment_of_collecting(tmp_path: Path, both: Places) -> None:
    client = MlflowClient(both.url)
    experiment = client.create_experiment("growing")
    runlake.set_tracking_uri(both.url)
    frame = runlake.runs("growing").select("run_name")
    assert frame.collect().height == 0
    made = client.create_run(experiment, run_name="new")
    client.log_metric(made.info.run_id, "loss", 0.5, step=7)
    assert frame.collect()["run_name"].to_list() == ["new"]
    assert runlake.points(made.info.run_id).collect()["step"].to_list() == [7]
    client.delete_experiment(experiment)
    assert runlake.get_run(made.info.run_id).info.lifecycle_stage == "deleted"
