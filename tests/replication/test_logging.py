"""Logging to a server: what the fluent API logs is there when the run has ended."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runlake
from runlake.errors import InvalidInput, NotFound, ParameterChanged
from runlake.store import opened_stores
from tests.replication.seen import experiment_at, files_at, points_at, run_at
from tests.server.wire import Server
from tests.tracking import programs

ODD = [math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308]


def test_all_that_a_run_logs_is_at_the_server_when_it_has_ended(remote: Server, tmp_path: Path) -> None:
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "deep" / "x.bin").write_bytes(bytes(range(256)) * 1000)
    runlake.set_experiment("all of it")
    with runlake.start_run(run_name="whole", tags={"team": "vision", "gone": "1"}) as run:
        runlake.log_params({"lr": 1e-3, "depth": 6})
        loss = run.metric("loss")
        for step in range(1000):
            loss.log(step / 8, step)
        for step, value in enumerate(ODD):
            runlake.log_metric("odd", value, step=step)
        run.log({"a": 1.0, "b": 2.0})
        run.log_arrays("array", np.arange(5000), np.arange(5000) * 0.5)
        runlake.set_tag("late", "é")
        runlake.delete_tag("gone")
        runlake.log_text("hello", "notes/a.txt")
        runlake.log_artifacts(str(tmp_path / "folder"), "folder")
        runlake.log_input(runlake.data.from_numpy(np.arange(4), name="numbers"), context="training")
        with runlake.start_run(run_name="inner", nested=True) as inner:
            inner.log({"c": 3.0})
    there = run_at(remote.store, run.id)
    assert (there.info.run_name, there.info.status) == ("whole", "FINISHED")
    assert there.info.start_time == run.info.start_time
    assert there.info.end_time is not None
    assert there.data.params == {"lr": "0.001", "depth": "6"}
    assert there.data.tags["team"] == "vision"
    assert there.data.tags["late"] == "é"
    assert "gone" not in there.data.tags
    assert [entry.dataset.name for entry in there.inputs.dataset_inputs] == ["numbers"]
    assert experiment_at(remote.store, run.id) == "all of it"
    expected = [("loss", step, step / 8) for step in range(1000)] + [("odd", *pair) for pair in enumerate(ODD)]
    expected += [("a", 0, 1.0), ("b", 0, 2.0)] + [("array", step, step * 0.5) for step in range(5000)]
    assert points_at(remote.store, run.id) == sorted(expected)
    assert math.copysign(1.0, there.data.metrics["a"]) == 1.0
    assert files_at(remote.store, run.id) == {
        "notes/a.txt": b"hello",
        "folder/deep/x.bin": bytes(range(256)) * 1000,
    }
    nested = run_at(remote.store, inner.id)
    assert nested.data.tags["mlflow.parentRunId"] == run.id
    assert points_at(remote.store, inner.id) == [("c", 0, 3.0)]


def test_a_flush_bears_that_artifacts_of_an_ended_run_are_at_the_server_alone(remote: Server) -> None:
    with runlake.start_run() as run:
        runlake.log_text("hello", "deep/a.txt")
    runlake.flush()
    assert files_at(remote.store, run.id) == {"deep/a.txt": b"hello"}


def test_nan_stays_nan(remote: Server) -> None:
    with runlake.start_run() as run:
        runlake.log_metric("x", math.nan)
    ((key, step, value),) = points_at(remote.store, run.id)
    assert (key, step) == ("x", 0)
    assert math.isnan(value)


def test_a_running_run_is_at_the_server_before_it_ends(remote: Server) -> None:
    with runlake.start_run() as run:
        run.log({"x": 1.0})
        from runlake.replication.reads import wait_for

        assert wait_for(remote.url, run.id)
        there = run_at(remote.store, run.id)
        assert there.info.status == "RUNNING"
        assert there.data.metrics == {"x": 1.0}


def test_nothing_is_left_in_the_spool_when_the_process_has_ended(remote: Server, spools: Path) -> None:
    program = """
import runlake
with runlake.start_run() as run:
    run.log_arrays("x", list(range(10_000)), [0.5] * 10_000)
    runlake.log_text("hello", "a.txt")
    print(run.id)
"""
    done = programs.run(remote.url, program)
    assert done.returncode == 0, done.stderr
    assert "runlake sync" not in done.stderr
    assert len(points_at(remote.store, done.stdout.strip())) == 10_000
    (spool,) = spools.iterdir()
    assert list((spool / "journals").iterdir()) == []
    assert [path for path in (spool / "artifacts").rglob("*") if path.is_file()] == []


def test_a_run_that_only_the_server_has_is_taken_up_again(remote: Server, spools: Path, monkeypatch: Any) -> None:
    with runlake.start_run(run_name="before") as run:
        runlake.log_param("lr", 1)
        run.log({"x": 1.0}, step=41)
    monkeypatch.setenv("RUNLAKE_SPOOL", str(spools.parent / "another machine"))
    program = """
import sys, runlake
with runlake.start_run(run_id=sys.argv[1]) as run:
    assert run.info.run_name == "before", run.info
    run.log({"x": 2.0})
    runlake.set_tag("again", "yes")
    try:
        runlake.log_param("lr", 2)
    except runlake.MlflowException as error:
        print(error)
"""
    done = programs.run(remote.url, program, run.id)
    assert done.returncode == 0, done.stderr
    assert "'lr'" in done.stdout
    assert points_at(remote.store, run.id) == [("x", 41, 1.0), ("x", 42, 2.0)]
    there = run_at(remote.store, run.id)
    assert (there.info.status, there.data.tags["again"], there.data.params) == ("FINISHED", "yes", {"lr": "1"})


def test_a_table_of_a_run_that_is_taken_up_again_grows(remote: Server, spools: Path, monkeypatch: Any) -> None:
    with runlake.start_run() as run:
        runlake.log_table({"x": [1]}, "table.json")
    with runlake.start_run(run_id=run.id):
        runlake.log_table({"x": [2]}, "table.json")
    monkeypatch.setenv("RUNLAKE_SPOOL", str(spools.parent / "another machine"))
    with runlake.start_run(run_id=run.id):
        runlake.log_table({"x": [3]}, "table.json")
    assert json.loads(files_at(remote.store, run.id)["table.json"])["data"] == [[1], [2], [3]]


def test_a_run_that_nobody_has_cannot_be_taken_up(remote: Server) -> None:
    with pytest.raises(NotFound, match="no run"):
        runlake.start_run(run_id="0" * 32)


def test_a_changed_parameter_is_refused_at_once(remote: Server) -> None:
    with runlake.start_run():
        runlake.log_param("lr", 1)
        with pytest.raises(ParameterChanged):
            runlake.log_param("lr", 2)


def test_an_experiment_of_the_server_keeps_its_id(remote: Server) -> None:
    experiment = remote.create_experiment("made by others")
    assert runlake.set_experiment("made by others").experiment_id == experiment
    with runlake.start_run() as run:
        assert run.info.experiment_id == experiment
    assert run_at(remote.store, run.id).info.experiment_id == experiment
    other = remote.create_experiment("known by its id")
    with runlake.start_run(experiment_id=other) as run:
        pass
    assert run_at(remote.store, run.id).info.experiment_id == other


def test_a_tag_that_was_changed_at_the_server_stays_changed(remote: Server) -> None:
    from runlake.replication.reads import wait_for

    with runlake.start_run(tags={"note": "first"}) as run:
        assert wait_for(remote.url, run.id)
        remote.post("runs/set-tag", run_id=run.id, key="note", value="edited there")
    assert run_at(remote.store, run.id).data.tags["note"] == "edited there"


def test_a_run_that_was_renamed_at_the_server_keeps_its_new_name_until_it_is_renamed_here(remote: Server) -> None:
    from runlake.replication.reads import wait_for

    with runlake.start_run(run_name="first") as run:
        assert wait_for(remote.url, run.id)
        assert remote.post("runs/update", run_id=run.id, run_name="renamed there").status == 200
        runlake.set_tag("note", "changed")
    assert run_at(remote.store, run.id).info.run_name == "renamed there"
    with runlake.start_run(run_id=run.id, run_name="renamed here"):
        pass
    assert run_at(remote.store, run.id).info.run_name == "renamed here"


def test_reads_and_writes_by_id_know_what_is_on_its_way(remote: Server) -> None:
    client = runlake.MlflowClient()
    with runlake.start_run() as run:
        for step in range(1000):
            run.log({"x": step / 2}, step=step)
        client.set_tag(run.id, "by", "id")
        client.log_metric(run.id, "y", 1.0, step=7)
        runlake.log_text("hello", "a.txt")
        there = client.get_run(run.id)
        assert (there.data.metrics, there.data.tags["by"]) == ({"x": 499.5, "y": 1.0}, "id")
        assert len(client.get_metric_history(run.id, "x")) == 1000
        assert "a.txt" in {info.path for info in client.list_artifacts(run.id)}
        assert runlake.points(run.id, "x").select("step").collect().height == 1000
    assert runlake.last_active_run() == runlake.get_run(run.id)
    assert runlake.get_run(run.id).info.status == "FINISHED"


def test_forked_children_log_to_the_run_of_their_parent(remote: Server) -> None:
    program = """
import os, runlake
with runlake.start_run() as run:
    metric = run.metric("x")
    metric.log(0.0, 0)
    children = []
    for child in range(1, 4):
        pid = os.fork()
        if pid == 0:
            for step in range(100):
                metric.log(float(child), 100 * child + step)
            os._exit(0)
        children.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0, 0]
    print(run.id)
"""
    done = programs.run(remote.url, program)
    assert done.returncode == 0, done.stderr
    expected = [("x", 0, 0.0)] + [("x", 100 * c + s, float(c)) for c in range(1, 4) for s in range(100)]
    assert points_at(remote.store, done.stdout.strip()) == expected


def test_several_processes_log_to_one_run(remote: Server) -> None:
    program = """
import os, subprocess, sys, runlake
with runlake.start_run() as run:
    if len(sys.argv) == 1:
        ranks = [{**os.environ, "RUNLAKE_RUN_ID": run.id, "RANK": str(rank)} for rank in range(3)]
        code = open(f"/proc/self/cmdline").read().split(chr(0))[2]
        started = [subprocess.Popen([sys.executable, "-c", code, "rank"], env=each) for each in ranks]
        assert [process.wait() for process in started] == [0, 0, 0]
        print(run.id)
    else:
        for step in range(100):
            runlake.log_metric("x", float(os.environ["RANK"]), step=step)
"""
    done = programs.run(remote.url, program)
    assert done.returncode == 0, done.stderr
    run_id = done.stdout.strip()
    assert points_at(remote.store, run_id) == sorted(("x", s, float(r)) for r in range(3) for s in range(100))
    assert run_at(remote.store, run_id).info.status == "FINISHED"


def test_a_folder_needs_no_server(tmp_path: Path, spools: Path) -> None:
    runlake.set_tracking_uri(tmp_path / "lake")
    with runlake.start_run() as run:
        run.log({"x": 1.0})
    assert points_at(tmp_path / "lake", run.id) == [("x", 0, 1.0)]
    assert not spools.exists()


def test_a_spool_is_no_store_for_other_uses(remote: Server, spools: Path) -> None:
    with runlake.start_run():
        pass
    (spool,) = (store for store in opened_stores() if store.root.is_relative_to(spools))
    assert spool.place == remote.url
    assert os.listdir(spools) == [spool.root.name]


def test_a_parent_that_is_deleted_is_refused(remote: Server) -> None:
    run_id = remote.create_run()
    remote.post("runs/delete", run_id=run_id)
    with pytest.raises(InvalidInput, match="deleted"):
        runlake.start_run(parent_run_id=run_id)


def test_the_uri_of_an_artifact_leads_to_the_server(remote: Server) -> None:
    with runlake.start_run() as run:
        runlake.log_text("hello", "texts/a.txt")
        named = runlake.get_artifact_uri("texts/a.txt")
    assert named == f"{run.info.artifact_uri}/texts/a.txt"
    assert named.startswith("mlflow-artifacts:/")
    assert runlake.artifacts.load_text(named) == "hello"
    assert runlake.get_run(run.info.run_id).info.artifact_uri == run.info.artifact_uri
