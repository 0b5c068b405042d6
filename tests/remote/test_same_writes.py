"""What is written by id comes to the same on a server as in a store on this machine; and what happens without one."""

from __future__ import annotations

import io
import math
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import runlake
from runlake import MlflowClient
from runlake.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType
from runlake.errors import (
    AlreadyExists,
    InvalidInput,
    InvalidType,
    NoSuchFile,
    NotFound,
    ParameterChanged,
    RunlakeError,
    ServerUnavailable,
)
from runlake.remote.store import RemoteStore
from runlake.store import Store, get_store
from runlake.stores import store_at
from tests.server.wire import Server, served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with an empty store."""
    with served(tmp_path_factory.mktemp("writes")) as running:
        yield running


@pytest.fixture(params=["folder", "server"])
def client(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> Iterator[MlflowClient]:
    """A client of a store in either place."""
    uri = str(tmp_path / "lake") if request.param == "folder" else server.url
    runlake.set_tracking_uri(uri)
    yield MlflowClient(uri)
    runlake.set_tracking_uri("")


@pytest.fixture
def experiment(client: MlflowClient, request: pytest.FixtureRequest) -> str:
    """An experiment of the test's own."""
    return client.create_experiment(request.node.name, tags={"a": 1})


def refused(kind: type[RunlakeError], call: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(kind) as caught:
        call(*arguments, **named)
    assert type(caught.value) is kind
    return re.sub(r"[0-9a-f]{32}", "[ID]", str(caught.value))


def test_an_experiment_lives(client: MlflowClient, experiment: str) -> None:
    assert "already" in refused(AlreadyExists, client.create_experiment, client.get_experiment(experiment).name)
    client.set_experiment_tag(experiment, "b", 2.5)
    client.delete_experiment_tag(experiment, "a")
    refused(NotFound, client.delete_experiment_tag, experiment, "a")
    name = f"renamed {experiment} {client.tracking_uri}"
    client.rename_experiment(experiment, name)
    found = client.get_experiment_by_name(name)
    assert found is not None
    assert (found.experiment_id, found.tags, found.lifecycle_stage) == (experiment, {"b": "2.5"}, "active")
    client.delete_experiment(experiment)
    assert client.get_experiment(experiment).lifecycle_stage == "deleted"
    refused(InvalidInput, client.create_run, experiment)
    client.restore_experiment(experiment)
    assert experiment in [entry.experiment_id for entry in client.search_experiments(ViewType.ACTIVE_ONLY)]
    refused(InvalidInput, client.create_experiment, "x" * 600)
    refused(NotFound, client.delete_experiment, "999999")


def test_a_run_lives(client: MlflowClient, experiment: str) -> None:
    run = client.create_run(experiment, 1000, {"team": "vision", "mlflow.user": "ann"}, "first").info
    assert (run.run_name, run.user_id, run.start_time, run.status) == ("first", "ann", 1000, "RUNNING")
    client.log_param(run.run_id, "lr", 0.1)
    client.log_param(run.run_id, "lr", 0.1)
    said = refused(ParameterChanged, client.log_param, run.run_id, "lr", 0.2)
    assert said.startswith("parameter 'lr' of run [ID] is already '0.1' and cannot become '0.2'") or "0.2" in said
    client.set_tag(run.run_id, "note", "x" * 20)
    client.delete_tag(run.run_id, "team")
    refused(NotFound, client.delete_tag, run.run_id, "team")
    client.update_run(run.run_id, name="second")
    client.set_terminated(run.run_id, "FAILED", 2000)
    read = client.get_run(run.run_id)
    assert (read.info.run_name, read.info.status, read.info.end_time) == ("second", "FAILED", 2000)
    assert read.data.params == {"lr": "0.1"}
    assert read.data.tags == {"mlflow.user": "ann", "mlflow.runName": "second", "note": "x" * 20}
    client.delete_run(run.run_id)
    client.delete_run(run.run_id)
    refused(InvalidInput, client.log_metric, run.run_id, "a", 1.0)
    refused(InvalidInput, client.log_param, run.run_id, "new", 1)
    client.restore_run(run.run_id)
    client.restore_run(run.run_id)
    client.log_metric(run.run_id, "a", 1.0)
    refused(InvalidInput, client.update_run, run.run_id, "DONE")
    child = client.create_run(experiment, tags={"mlflow.parentRunId": run.run_id}).info
    parent = client.get_parent_run(child.run_id)
    assert parent is not None
    assert parent.info.run_id == run.run_id


def test_points_are_kept_as_given(client: MlflowClient, experiment: str) -> None:
    run_id = client.create_run(experiment).info.run_id
    values = [1.0, math.nan, math.inf, -math.inf, -0.0, 5e-324, 0.1, 2.0**-1074]
    for step, value in enumerate(values):
        client.log_metric(run_id, "odd", value, timestamp=10 + step, step=step)
    client.log_metric(run_id, "odd", 0.1, timestamp=16, step=6)  # a repeat is kept
    client.log_metric(run_id, "plain", np.float32(0.5))  # type: ignore[arg-type]
    client.log_metric(run_id, "text", "0.25")  # type: ignore[arg-type]
    client.log_metric(run_id, "far", 1.0, timestamp=0, step=-(2**63))
    history = client.get_metric_history(run_id, "odd")
    assert [repr(metric.value) for metric in history] == [repr(value) for value in sorted_as_logged(values)]
    metrics = client.get_run(run_id).data.metrics
    assert (metrics["plain"], metrics["text"], metrics["far"]) == (0.5, 0.25, 1.0)
    before = time.time_ns() // 1_000_000 - 60_000
    assert client.get_metric_history(run_id, "plain")[0].timestamp > before
    assert client.get_metric_history(run_id, "far")[0].step == -(2**63)
    bad: list[Any] = [None, "much", [1.0, 2.0], 1j]
    for thing in bad:
        with pytest.raises((InvalidInput, TypeError)):
            client.log_metric(run_id, "bad", thing)
    refused(InvalidInput, client.log_metric, run_id, "a\nb", 1.0)
    refused(InvalidInput, client.log_metric, run_id, "a", 1.0, timestamp=-1)
    refused(InvalidInput, client.log_metric, run_id, "a", 1.0, step=2**63)
    refused(NotFound, client.log_metric, "nope", "a", 1.0)
    assert runlake.points(run_id).collect().height == len(values) + 4


def sorted_as_logged(values: list[float]) -> list[float]:
    return [*values[:7], 0.1, *values[7:]]


def test_a_batch_is_all_or_nothing(client: MlflowClient, experiment: str) -> None:
    run_id = client.create_run(experiment).info.run_id
    metrics = [Metric("loss", float(step), 5, step) for step in range(2000)]
    client.log_batch(run_id, metrics, [Param("a", "1")], [RunTag("t", "v")])
    refused(ParameterChanged, client.log_batch, run_id, [Metric("late", 1.0, 1, 1)], [Param("a", "2")])
    refused(InvalidInput, client.log_batch, run_id, [Metric("late", 1.0, -1, 1)], [Param("b", "2")])
    refused(InvalidType, client.log_batch, run_id, ["late"])
    read = client.get_run(run_id).data
    assert (read.params, read.tags["t"], read.metrics) == ({"a": "1"}, "v", {"loss": 1999.0})
    assert runlake.points(run_id, "loss").select(pl.col("value").sum()).collect().item() == sum(range(2000))


def test_work_in_the_background_is_done_and_raises_when_waited_for(client: MlflowClient, experiment: str) -> None:
    run_id = client.create_run(experiment).info.run_id
    client.log_batch(run_id, [Metric("a", 1.0, 1, 1)], [Param("p", "1")], synchronous=False).wait()  # type: ignore[union-attr]
    work = client.log_param(run_id, "p", "2", synchronous=False)
    refused(ParameterChanged, work.wait)
    assert client.get_run(run_id).data.params == {"p": "1"}


def test_inputs_are_recorded(client: MlflowClient, experiment: str) -> None:
    run_id = client.create_run(experiment).info.run_id
    entry = DatasetInput(Dataset("d", "123", "local", "/x", '{"a": 1}', None), [InputTag("context", "train")])
    client.log_inputs(run_id, [entry])
    assert client.get_run(run_id).inputs.dataset_inputs == [entry]
    too_long = DatasetInput(Dataset("d" * 501, "123", "local", "/x"))
    refused(InvalidInput, client.log_inputs, run_id, [too_long])


def test_files_go_up_and_come_down(client: MlflowClient, experiment: str, tmp_path: Path) -> None:
    run_id = client.create_run(experiment).info.run_id
    (tmp_path / "up" / "deep").mkdir(parents=True)
    (tmp_path / "up" / "deep" / "ü #1?.bin").write_bytes(bytes(range(256)) * 20_000)
    (tmp_path / "up" / "a.txt").write_text("a")
    client.log_artifacts(run_id, str(tmp_path / "up"), "folder")
    client.log_artifact(run_id, str(tmp_path / "up" / "a.txt"))
    client.log_text(run_id, "text", "b.txt")
    client.log_dict(run_id, {"a": 1}, "c.json")
    client.log_stream(run_id, io.BytesIO(b"stream"), "d.bin")
    client.log_image(run_id, np.zeros((4, 4, 3), np.uint8), "e.png")
    client.log_table(run_id, {"x": [1]}, "t.json")
    client.log_table(run_id, {"x": [2]}, "t.json")
    assert [info.path for info in client.list_artifacts(run_id)] == sorted(
        ["folder", "a.txt", "b.txt", "c.json", "d.bin", "e.png", "t.json"]
    )
    down = Path(client.download_artifacts(run_id, "folder", str(tmp_path / "down")))
    assert (down / "deep" / "ü #1?.bin").read_bytes() == bytes(range(256)) * 20_000
    assert client.load_table(experiment, "t.json")["x"].tolist() == [1, 2]
    assert "t.json" in client.get_run(run_id).data.tags["mlflow.loggedArtifacts"]
    refused(NoSuchFile, client.log_artifact, run_id, str(tmp_path / "none"))
    refused(InvalidInput, client.log_text, run_id, "x", "../up.txt")
    refused(InvalidInput, client.log_text, run_id, "x", "folder")
    refused(NotFound, client.download_artifacts, run_id, "none")
    refused(NotFound, client.log_text, "nope", "x", "a.txt")


def test_the_fluent_functions_that_take_a_run_id_write_there(client: MlflowClient, experiment: str) -> None:
    run_id = client.create_run(experiment).info.run_id
    runlake.log_metric("a", 1.0, step=3, run_id=run_id)
    runlake.log_metrics({"b": 2.0, "c": 3.0}, step=4, run_id=run_id)
    runlake.log_params({"p": 1}, run_id=run_id)
    runlake.log_text("t", "t.txt", run_id=run_id)
    read = runlake.get_run(run_id)
    assert (read.data.metrics, read.data.params) == ({"a": 1.0, "b": 2.0, "c": 3.0}, {"p": "1"})
    runlake.delete_run(run_id)
    assert runlake.get_run(run_id).info.lifecycle_stage == "deleted"


def test_a_chosen_experiment_is_made_on_the_server(server: Server) -> None:
    runlake.set_tracking_uri(server.url)
    try:
        chosen = runlake.set_experiment("chosen")
        assert runlake.set_experiment("chosen").experiment_id == chosen.experiment_id
        runlake.set_experiment_tag("k", "v")
        assert runlake.get_experiment(chosen.experiment_id).tags == {"k": "v"}
        assert runlake.search_runs(output_format="list") == []
    finally:
        runlake.fluent.experiments.forget_choice()
        runlake.set_tracking_uri("")


def test_a_folder_of_this_machine_is_no_place_for_artifacts_of_a_server(server: Server, tmp_path: Path) -> None:
    said = refused(InvalidInput, MlflowClient(server.url).create_experiment, "placed", str(tmp_path))
    assert "the server keeps artifacts in its store" in said


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a server that is not there, and little patience."""
    monkeypatch.setenv("RUNLAKE_LOCK_TIMEOUT_MS", "300")
    monkeypatch.setenv("RUNLAKE_RECORD_TIMEOUT_MS", "100")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_without_a_server_reads_raise_and_logging_is_counted(gone: str, caplog: pytest.LogCaptureFixture) -> None:
    client = MlflowClient(gone)
    for call in (lambda: client.get_run("x"), lambda: client.create_experiment("x"), lambda: client.create_run("0")):
        assert "does not answer: Connection refused" in refused(ServerUnavailable, call)
    before = sum(seen.count for seen in runlake.errors_seen())
    client.log_metric("x", "loss", 0.5)
    client.log_param("x", "lr", 1)
    client.log_text("x", "text", "a.txt")
    assert sum(seen.count for seen in runlake.errors_seen()) == before + 3
    assert "training goes on" in caplog.text


def test_what_is_no_server_of_runlake_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    from tests.remote.scripted import Reply, answering

    with answering(Reply(404, b"")) as other:
        said = refused(InvalidInput, MlflowClient(other.url).get_run, "x")
    assert "is no server of runlake" in said


def test_a_password_in_the_url_is_in_no_message(gone: str) -> None:
    said = refused(ServerUnavailable, MlflowClient(gone.replace("://", "://ann:s3cret@")).get_run, "x")
    assert "s3cret" not in said


class FakeSpool:
    """A spool that notes what it is asked: the seam for runs that this process writes."""

    def __init__(self, store: Store, run_id: str) -> None:
        self.store = store
        self.run_id = run_id
        self.waited: list[str] = []

    def store_of(self, run_id: str) -> Store | None:
        return self.store if run_id == self.run_id else None

    def wait_for(self, run_id: str) -> None:
        self.waited.append(run_id)


def test_runs_in_the_spool_are_written_there_and_waited_for_before_they_are_read(
    server: Server, tmp_path: Path
) -> None:
    local = MlflowClient(str(tmp_path / "spool"))
    remote = MlflowClient(server.url)
    spooled = local.create_run("0").info.run_id
    other = remote.create_run("0").info.run_id
    store = store_at(server.url)
    assert isinstance(store, RemoteStore)
    spool = store.spool = FakeSpool(get_store(tmp_path / "spool"), spooled)
    try:
        remote.log_metric(spooled, "loss", 0.5)
        remote.log_batch(spooled, [Metric("b", 1.0, 1, 1)], [Param("p", "1")])
        remote.set_terminated(spooled)
        assert spool.waited == []
        read = local.get_run(spooled)
        assert (read.data.metrics, read.data.params) == ({"loss": 0.5, "b": 1.0}, {"p": "1"})
        refused(NotFound, remote.get_run, spooled)
        assert remote.get_run(other).info.run_id == other
        remote.get_metric_history(spooled, "loss")
        assert spool.waited == [spooled, other, spooled]
    finally:
        store.spool = None
