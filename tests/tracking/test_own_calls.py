"""What runlake has and MLflow has not: run.log, handles, arrays, Arrow, configurations, flush, counts."""

import argparse
import array
import dataclasses
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import runlake
from runlake import config, recording
from runlake.errors import InvalidInput, ParameterChanged, RunEnded
from runlake.fluent import origin
from runlake.store import get_store


def history(run: Any, key: str) -> list[tuple[int, float]]:
    return [(m.step, m.value) for m in runlake.MlflowClient().get_metric_history(run.info.run_id, key)]


@pytest.mark.parametrize("flush", ["run", "process"])
def test_flush_brings_artifacts_to_the_disk(lake: Path, monkeypatch: pytest.MonkeyPatch, flush: str) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def recorded(descriptor: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        fsync(descriptor)

    run = runlake.start_run()
    runlake.log_text("x", "notes/a.txt")
    monkeypatch.setattr(os, "fsync", recorded)
    run.flush() if flush == "run" else runlake.flush()
    assert {"a.txt", "notes", run.id} <= set(synced)


def test_log_without_a_step_counts_up(lake: Path) -> None:
    with runlake.start_run() as run:
        for value in (1.0, 2.0, 3.0):
            run.log({"a": value, "b": -value})
    assert sorted(history(run, "a")) == [(0, 1.0), (1, 2.0), (2, 3.0)]
    assert sorted(history(run, "b")) == [(0, -1.0), (1, -2.0), (2, -3.0)]


def test_the_counter_goes_on_from_the_largest_step_when_the_run_is_resumed(lake: Path) -> None:
    with runlake.start_run() as run:
        run.log({"a": 1.0}, step=41)
    with runlake.start_run(run_id=run.info.run_id) as again:
        again.log({"a": 2.0})
    assert sorted(history(run, "a")) == [(41, 1.0), (42, 2.0)]


def test_log_keeps_all_or_nothing(lake: Path) -> None:
    with runlake.start_run() as run:
        with pytest.raises(InvalidInput):
            run.log({"good": 1.0, "bad": "x"})  # type: ignore[dict-item]
        with pytest.raises(InvalidInput):
            run.log({"good": 1.0, "../bad": 1.0})
    assert history(run, "good") == []


def test_a_handle_logs_and_is_refused_after_the_end(lake: Path) -> None:
    with runlake.start_run() as run:
        loss = run.metric("loss")
        loss.log(0.5, 3)
        assert (loss.key, loss.run_id) == ("loss", run.info.run_id)
    for call in (lambda: loss.log(0.5, 4), lambda: run.log({"loss": 1.0}), lambda: run.log_arrays("loss", [0], [0.0])):
        with pytest.raises(RunEnded):
            call()
    assert history(run, "loss") == [(3, 0.5)]


def test_values_come_back_bit_for_bit(lake: Path) -> None:
    payload = struct.unpack("<d", struct.pack("<Q", 0x7FF8_0000_DEAD_BEEF))[0]
    values = [payload, float("inf"), float("-inf"), -0.0, 5e-324, 1.7976931348623157e308]
    with runlake.start_run() as run:
        handle = run.metric("v")
        for step, value in enumerate(values):
            handle.log(value, step)
    kept = [value for _, value in sorted(history(run, "v"), key=lambda point: point[0])]
    assert [struct.pack("<d", value) for value in kept] == [struct.pack("<d", value) for value in values]


def test_arrays_of_the_standard_library_and_of_numpy(lake: Path) -> None:
    numpy = pytest.importorskip("numpy")
    with runlake.start_run() as run:
        stored = run.log_arrays("a", array.array("q", [1, 2]), array.array("d", [0.5, 1.5]))
        stored += runlake.log_arrays("b", numpy.arange(100), numpy.linspace(0, 1, 100, dtype=numpy.float32))
        with pytest.raises(InvalidInput, match=r"2.*3|3.*2"):
            run.log_arrays("a", [1, 2], [1.0, 2.0, 3.0])
    assert stored == 102
    assert sorted(history(run, "a")) == [(1, 0.5), (2, 1.5)]
    assert len(history(run, "b")) == 100


def test_arrow_tables(lake: Path) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"key": ["a", "b", "a"], "step": [1, 1, 2], "value": [0.5, 1.5, 2.5]})
    with runlake.start_run() as run:
        assert run.log_points(frame) == 3
        assert runlake.log_points(frame.filter(step=2)) == 1
    assert sorted(history(run, "a")) == [(1, 0.5), (2, 2.5), (2, 2.5)]


@dataclasses.dataclass
class Optimizer:
    lr: float
    betas: tuple[float, float]


def test_log_config_records_typed_dotted_parameters_at_once(lake: Path) -> None:
    config = argparse.Namespace(epochs=3, optimizer=Optimizer(1e-3, (0.9, 0.99)), amp=True, note=None)
    with runlake.start_run() as run:
        run.log_config(config)
        runlake.log_config({"depth": 2}, prefix="model")
        with pytest.raises(ParameterChanged, match=r"'optimizer\.lr'"):
            run.log_config({"new": 1, "optimizer": {"lr": 5}})
    assert runlake.get_run(run.info.run_id).data.params == {
        "epochs": "3",
        "optimizer.lr": "0.001",
        "optimizer.betas": "[0.9, 0.99]",
        "amp": "True",
        "note": "None",
        "model.depth": "2",
    }


def test_flush_makes_everything_durable(lake: Path) -> None:
    with runlake.start_run() as run:
        handle = run.metric("a")
        for step in range(1000):
            handle.log(step, step)
        runlake.flush()
        first = run.stats()
        handle.log(1.0, 1)
        run.flush()
        second = run.stats()
    assert (first.accepted, first.stored, first.dropped) == (1000, 1000, 0)
    assert first.durable == 1000
    assert second.durable == second.stored == 1001


def test_an_active_run_is_what_it_was_at_its_start_and_get_run_is_fresh(lake: Path) -> None:
    with runlake.start_run() as run:
        runlake.log_metric("a", 1.0)
        assert run.data.metrics == {}
        assert runlake.get_run(run.info.run_id).data.metrics == {"a": 1.0}
        assert runlake.active_run() is run
        assert (run == runlake.active_run(), run.id) == (True, run.info.run_id)


def test_standard_tags_say_where_the_run_comes_from(lake: Path) -> None:
    with runlake.start_run() as run:
        pass
    tags = runlake.get_run(run.info.run_id).data.tags
    assert {"mlflow.user", "mlflow.source.name", "mlflow.source.type", "runlake.host", "runlake.command"} <= set(tags)


def test_the_users_tags_come_before_the_standard_ones(lake: Path) -> None:
    with runlake.start_run(tags={"mlflow.user": "someone", "mlflow.source.git.commit": "mine"}) as run:
        origin.finish(30)
    tags = runlake.get_run(run.info.run_id).data.tags
    assert (tags["mlflow.user"], tags["mlflow.source.git.commit"]) == ("someone", "mine")


def test_installed_packages_are_an_artifact_of_every_run(lake: Path) -> None:
    runs = []
    for _ in range(2):
        with runlake.start_run() as run:
            runs.append(run)
    origin.finish(30)
    for run in runs:
        assert "pytest" in runlake.artifacts.load_text(f"runs:/{run.info.run_id}/runlake/requirements.txt")


def test_packages_are_kept_once_and_come_into_the_folder_of_a_run_that_is_looked_at(lake: Path) -> None:
    with runlake.start_run() as first:
        pass
    origin.finish(30)
    with runlake.start_run() as second:
        pass
    assert second.data.tags["runlake.requirements"] == runlake.get_run(first.id).data.tags["runlake.requirements"]
    assert {path.name for path in (lake / "provenance").iterdir()} >= {second.data.tags["runlake.requirements"]}
    folders = [Path(run.info.artifact_uri or "") for run in (first, second)]
    assert not any(folder.exists() for folder in folders)
    listed = runlake.artifacts.list_artifacts(run_id=second.id, artifact_path="runlake")
    assert "runlake/requirements.txt" in [file.path for file in listed]
    assert not folders[0].exists()


def test_artifacts_are_read_though_the_shared_copy_is_gone(lake: Path) -> None:
    with runlake.start_run() as run:
        pass
    origin.finish(30)
    for path in (lake / "provenance").iterdir():
        path.unlink()
    runlake.MlflowClient().log_text(run.id, "hello", "note.txt")
    assert [file.path for file in runlake.artifacts.list_artifacts(run_id=run.id)] == ["note.txt"]


def test_a_store_behind_a_link_that_was_moved_is_another_store(tmp_path: Path) -> None:
    link = tmp_path / "current"
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    link.symlink_to("one")
    one = get_store(link)
    assert get_store(link) is one is get_store(tmp_path / "one")
    link.unlink()
    link.symlink_to("two")
    assert get_store(link) is get_store(tmp_path / "two") is not one
    for store in (one, get_store(link)):
        store.close()


def test_long_values_are_cut_with_one_warning_and_long_keys_refused(
    lake: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "_said", set())
    with runlake.start_run() as run:
        runlake.log_params({"p": "x" * 6001, "q": "y" * 6000})
        runlake.log_param("r", "z" * 7000)
        runlake.set_tag("t", "x" * 8001)
        with pytest.raises(InvalidInput, match="251 characters"):
            runlake.log_param("k" * 251, 1)
    data = runlake.get_run(run.info.run_id).data
    assert [len(data.params[key]) for key in "pqr"] == [6000, 6000, 6000]
    assert len(data.tags["t"]) == 8000
    assert len([record for record in caplog.records if "is cut to" in record.getMessage()]) == 2


def test_log_system_metrics_is_accepted_with_one_warning(
    lake: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "_said", set())
    for _ in range(2):
        with runlake.start_run(log_system_metrics=True):
            pass
    assert len([record for record in caplog.records if "log_system_metrics" in record.getMessage()]) == 1


def test_the_name_of_a_deleted_experiment_can_be_used_again(lake: Path) -> None:
    old = runlake.create_experiment("sweep")
    runlake.delete_experiment(old)
    assert runlake.set_experiment("sweep").experiment_id != old


def test_a_child_process_logs_to_the_chosen_experiment_also_when_that_was_renamed(lake: Path, tmp_path: Path) -> None:
    def of_child(**variables: str) -> str:
        code = "import runlake; print(runlake.get_experiment(runlake.start_run().info.experiment_id).name)"
        environment = config.environment_with(**variables)
        child = [sys.executable, "-c", code]
        return subprocess.run(child, check=True, capture_output=True, text=True, env=environment).stdout.strip()

    chosen = runlake.set_experiment("before")
    runlake.MlflowClient().rename_experiment(chosen.experiment_id, "after")
    assert of_child() == "after"
    assert of_child(RUNLAKE_EXPERIMENT_NAME="other") == "other"
    assert of_child(RUNLAKE_TRACKING_URI=str(tmp_path / "elsewhere")) == "before"


def test_the_chosen_experiment_follows_into_another_store_by_name(lake: Path, tmp_path: Path) -> None:
    runlake.set_experiment("sweep")
    runlake.set_tracking_uri(tmp_path / "second")
    with runlake.start_run() as run:
        pass
    assert runlake.get_experiment(run.info.experiment_id).name == "sweep"


def test_a_run_stays_in_its_store_when_the_tracking_uri_changes(lake: Path, tmp_path: Path) -> None:
    with runlake.start_run() as run:
        runlake.set_tracking_uri(tmp_path / "second")
        runlake.log_metric("a", 1.0)
        runlake.log_param("p", 1)
        runlake.log_text("x", "x.txt")
    runlake.set_tracking_uri(lake)
    data = runlake.get_run(run.info.run_id)
    assert (data.info.status, data.data.metrics, data.data.params) == ("FINISHED", {"a": 1.0}, {"p": "1"})
    assert runlake.artifacts.load_text(f"runs:/{run.info.run_id}/x.txt") == "x"


def test_pandas_is_named_when_it_is_missing(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install"):
        runlake.search_runs()
    assert runlake.search_runs(output_format="list") == []


def test_the_first_program_works_as_written(lake: Path) -> None:
    polars = pytest.importorskip("polars")
    runlake.set_experiment("digits-sweep")
    for n in range(3):
        with runlake.start_run(run_name=f"sgd-{n}", tags={"team": "vision"}) as run:
            runlake.log_params({"lr": 10.0**-n, "depth": 6})
            loss = run.metric("train/loss")
            for step in range(200):
                loss.log(1.0 / (step + 1), step)
                run.log({"lr": 0.1, "grad_norm": float(step)}, step=step)
            run.log_arrays("eval/score", range(5), [0.1 * n] * 5)
            runlake.log_metric("val_auc", 0.9 + n / 100)
    best = runlake.runs("digits-sweep", where="params.lr BETWEEN 0.01 AND 0.1 AND metrics.val_auc > 0.9")
    names = best.select("run_name").collect().to_series().sort().to_list()
    assert names == ["sgd-1", "sgd-2"]
    points = runlake.points(runs=best, keys="train/*").collect()
    assert points.height == 400
    assert points.columns == ["run_id", "key", "step", "timestamp", "value", "writer", "seq", "rank"]
    assert runlake.points().select(polars.len()).collect().item() == 3 * (200 + 400 + 5 + 1)
    curve = runlake.series(run.info.run_id, "train/loss", points=10)
    assert (curve.height, curve["max"].max(), curve["count"].sum()) == (10, 1.0, 200)
    assert runlake.search_runs(filter_string="metrics.val_auc > 0.91").shape[0] == 1
