"""MLflow's client on a store of this process: what it writes is there for runlake, and comes back as MLflow has it."""

import importlib.metadata
import inspect
import math
import struct
from pathlib import Path
from typing import Any

import pytest

import runlake
from runlake import guard
from runlake.mlflow_plugin.tracking_store import TrackingStore
from runlake.store import get_store
from tests.mlflow_plugin.conftest import uri

VALUES = [0.1, -0.0, 5e-324, math.nan, math.inf, -math.inf, 1e308]


@pytest.mark.parametrize("group", ["mlflow.tracking_store", "mlflow.artifact_repository"])
def test_mlflow_finds_the_plugin_by_its_scheme(group: str) -> None:
    (entry,) = importlib.metadata.entry_points(group=group, name="runlake")
    for module in ("tracking_store", "artifact_repository"):
        importlib.import_module(f"runlake.mlflow_plugin.{module}")
    assert inspect.isfunction(entry.load())


def test_runs_are_in_the_store_that_runlake_reads(client: Any, run_id: str, lake: Path) -> None:
    client.log_param(run_id, "lr", 0.1)
    for step in range(5):
        client.log_metric(run_id, "loss", 1 / (step + 1), step=step)
    client.set_terminated(run_id)
    frame = get_frame(lake)
    assert frame.select("run_name", "status", "params.lr", "metrics.loss").rows() == [("plugged", "FINISHED", 0.1, 0.2)]
    runlake.set_tracking_uri(lake)
    assert runlake.points(run_id, "loss").collect()["step"].to_list() == [0, 1, 2, 3, 4]


def test_runs_that_runlake_made_are_there_for_mlflow(client: Any, lake: Path) -> None:
    runlake.set_tracking_uri(lake)
    with runlake.start_run(run_name="ours", tags={"k": "v"}) as run:
        run.log({"loss": 0.5}, step=3)
        runlake.log_param("depth", 6)
        found = client.get_run(run.info.run_id)
    assert (found.info.run_name, found.info.status, found.data.tags["k"]) == ("ours", "RUNNING", "v")
    assert (found.data.metrics, found.data.params) == ({"loss": 0.5}, {"depth": "6"})
    (point,) = found.data._metric_objs
    assert (point.key, point.step, point.timestamp > 0) == ("loss", 3, True)


def test_values_come_back_bit_for_bit(client: Any, run_id: str) -> None:
    for step, value in enumerate(VALUES):
        client.log_metric(run_id, "m", value, timestamp=1000 + step, step=step)
    history = client.get_metric_history(run_id, "m")
    bits = [struct.pack("=d", value) for value in VALUES]
    assert [struct.pack("=d", point.value) for point in history] == bits


def test_exact_repeats_are_kept(client: Any, run_id: str) -> None:
    for _ in range(3):
        client.log_metric(run_id, "m", 1.0, timestamp=5, step=7)
    assert [(point.timestamp, point.step) for point in client.get_metric_history(run_id, "m")] == [(5, 7)] * 3


def test_a_history_comes_in_pages(client: Any, run_id: str, lake: Path) -> None:
    from mlflow.entities import Metric

    client.log_batch(run_id, [Metric("m", float(step), step, step) for step in range(10)])
    store = TrackingStore(uri(lake))
    pages, token = [], None
    while True:
        page = store.get_metric_history(run_id, "m", max_results=4, page_token=token)
        pages.append([point.step for point in page])
        if (token := page.token) is None:
            break
    assert pages == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert store.get_metric_history(run_id, "m").token is None
    assert store.get_metric_history("0" * 32, "m") == []


def test_histories_of_several_runs_come_together(client: Any, run_id: str, lake: Path) -> None:
    from mlflow.entities import Metric

    other = client.create_run("0").info.run_id
    for one in (run_id, other):
        client.log_batch(one, [Metric("m", float(step), step, step) for step in range(100)])
    store = TrackingStore(uri(lake))
    found = store.get_metric_history_bulk([run_id, other], "m", 150)
    first, second = sorted((run_id, other))
    assert [point.run_id for point in found] == [first] * 100 + [second] * 50
    sampled = store.get_metric_history_bulk_interval([run_id], "m", 10, 0, 99)
    assert {0, 99} <= {point.step for point in sampled}
    assert len(sampled) <= 12


def test_a_mistake_in_a_batch_leaves_nothing_of_it(client: Any, run_id: str) -> None:
    from mlflow.entities import Metric, Param

    client.log_param(run_id, "lr", "0.1")
    with refused("INVALID_PARAMETER_VALUE", "0.1"):
        client.log_batch(run_id, [Metric("m", 1.0, 1, 1)], [Param("new", "1"), Param("lr", "0.2")])
    assert client.get_run(run_id).data.params == {"lr": "0.1"}
    assert client.get_metric_history(run_id, "m") == []


def test_mistakes_are_errors_of_mlflow_with_its_codes(client: Any, run_id: str) -> None:
    with refused("RESOURCE_DOES_NOT_EXIST", "0000"):
        client.get_run("0" * 32)
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.get_experiment("12")
    with refused("RESOURCE_ALREADY_EXISTS"):
        client.create_experiment("Default")
    with refused("INVALID_PARAMETER_VALUE"):
        client.log_metric(run_id, "../m", 1.0)
    with refused("INVALID_PARAMETER_VALUE", "metrics.loss"):
        client.search_runs(["0"], "metrics.loss >")
    with refused("INVALID_PARAMETER_VALUE"):
        client.create_experiment("elsewhere", artifact_location="s3://bucket/x")


def test_a_deleted_run_takes_nothing_until_it_is_restored(client: Any, run_id: str) -> None:
    client.log_metric(run_id, "m", 1.0)
    client.delete_run(run_id)
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    for write in (lambda: client.log_metric(run_id, "m", 2.0), lambda: client.log_param(run_id, "p", 1)):
        with refused("INVALID_PARAMETER_VALUE", "deleted"):
            write()
    client.restore_run(run_id)
    client.log_metric(run_id, "m", 2.0, step=1)
    assert client.get_run(run_id).data.metrics == {"m": 2.0}


def test_asynchronous_calls_have_logged_when_they_return(client: Any, run_id: str) -> None:
    from mlflow.entities import Metric, Param

    client.log_metric(run_id, "a", 1.0, synchronous=False)
    client.log_param(run_id, "p", 1, synchronous=False)
    client.set_tag(run_id, "t", 2, synchronous=False)
    client.log_batch(run_id, [Metric("b", 2.0, 1, 0)], [Param("q", "3")], synchronous=False)
    found = client.get_run(run_id).data
    assert (found.metrics, found.params, found.tags["t"]) == ({"a": 1.0, "b": 2.0}, {"p": "1", "q": "3"}, "2")
    late = client.log_param(run_id, "p", "other", synchronous=False)
    with refused("INTERNAL_ERROR", "already '1'"):  # MLflow's own, around ours
        late.wait()


def test_what_the_environment_does_to_a_logging_call_is_counted_and_does_not_raise(
    client: Any, run_id: str, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.log_metric(run_id, "m", 1.0)
    store = get_store(lake)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "record", full)
    client.log_param(run_id, "p", 1)
    client.set_terminated(run_id)
    assert {"log_param: OSError", "update_run: OSError"} <= {seen.cause for seen in guard.seen()}


def test_an_experiment_may_keep_its_artifacts_in_another_folder(client: Any, tmp_path: Path) -> None:
    experiment_id = client.create_experiment("apart", artifact_location=uri(tmp_path / "apart"))
    found = client.get_experiment(experiment_id)
    assert found.artifact_location == uri(tmp_path / "apart")
    run = client.create_run(experiment_id)
    client.log_text(run.info.run_id, "hello", "a.txt")
    assert [path.read_text() for path in (tmp_path / "apart").rglob("a.txt")] == ["hello"]


def test_a_uri_that_names_no_folder_is_refused_when_the_client_is_made() -> None:
    from mlflow.tracking import MlflowClient

    for wrong in ("runlake://host/lake", "runlake:", "runlake:///lake?x=1"):
        with refused("INVALID_PARAMETER_VALUE"):
            MlflowClient(wrong)


def get_frame(lake: Path) -> Any:
    runlake.set_tracking_uri(lake)
    return runlake.runs().collect()


class refused:  # noqa: N801
    """Expect an error of MLflow's package with that code, whose message has `words`."""

    def __init__(self, code: str, words: str = "") -> None:
        self.code, self.words = code, words

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: object) -> bool:
        from mlflow.exceptions import MlflowException

        assert isinstance(error, MlflowException), error
        assert error.error_code == self.code
        assert self.words in error.message
        return True
