"""Trouble on the way: answers that break off, many threads, forked children, and readers that want no more."""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import runlake
from runlake import MlflowClient, registry
from runlake.entities import Metric
from runlake.errors import ServerUnavailable
from runlake.query import from_stream, to_stream
from runlake.remote.store import RemoteStore
from runlake.stores import store_at
from tests.remote.scripted import SILENCE, Reply, answering
from tests.server.wire import Server, served

HELLO = json.dumps({"product": "runlake", "version": "0", "protocol": 1, "store_id": "s", "time_ms": 0}).encode()
POINTS = 2_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with one long series."""
    folder = tmp_path_factory.mktemp("trouble")
    runlake.set_tracking_uri(folder / "lake")
    with runlake.start_run(run_name="long") as run:
        run.log_arrays("loss", np.arange(POINTS), np.random.default_rng(0).random(POINTS))
    runlake.flush()  # of a copy of the folder, only what has been synced is believed
    runlake.set_tracking_uri("")
    with served(folder) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_store_in_force() -> Iterator[None]:
    yield
    runlake.set_tracking_uri("")


def test_a_frame_that_breaks_off_is_an_error_and_no_shorter_frame() -> None:
    points = pl.DataFrame(schema=dict(runlake_schema())).clear()
    whole = b"".join(to_stream([points]))
    with answering(Reply(200, HELLO), Reply(200, whole[:-8], cut=True)) as server:
        runlake.set_tracking_uri(server.url)
        with pytest.raises(ServerUnavailable, match="broke off"):
            runlake.points().collect()


SAID_OF_GATES: dict[str, Callable[[], object]] = {
    "set_gate": lambda: registry.set_gate("churn", "@champion", approvals=1),
    "approve": lambda: registry.approve("churn", 1, "@champion"),
    "post_check": lambda: registry.post_check("churn", 1, "shadow", True),
}


@pytest.mark.parametrize("what", SAID_OF_GATES)
def test_what_is_said_of_a_gate_is_not_said_again_when_the_answer_is_lost(what: str) -> None:
    with answering(Reply(200, HELLO), SILENCE, Reply(200, b"{}")) as server:
        runlake.set_tracking_uri(server.url)
        with pytest.raises(ServerUnavailable):
            SAID_OF_GATES[what]()
    assert len(server.asked) == 2


def runlake_schema() -> dict[str, pl.DataType]:
    from runlake.query.points import SCHEMA

    return dict(SCHEMA)


def test_a_reader_that_stops_in_the_middle_can_ask_again(server: Server) -> None:
    frames = frames_of(server)
    assert 0 < next(frames).height < POINTS
    frames.close()
    assert runlake_points(server) == POINTS


def test_a_server_that_is_killed_in_the_middle_of_a_frame_is_said(server: Server, tmp_path: Path) -> None:
    shutil.copytree(server.store, tmp_path / "lake")
    with served(tmp_path) as doomed:
        frames = frames_of(doomed)
        assert 0 < next(frames).height < POINTS
        doomed.process.kill()
        with pytest.raises(ServerUnavailable, match="broke off in its answer"):
            list(frames)


def frames_of(server: Server) -> Generator[pl.DataFrame]:
    """The points of a server as they come in."""
    store = store_at(server.url)
    assert isinstance(store, RemoteStore)
    with store.ask("points", {"keys": "loss"}) as answer:
        yield from from_stream(answer.read)


def runlake_points(server: Server) -> int:
    runlake.set_tracking_uri(server.url)
    counted: int = runlake.points(keys="loss").select(pl.len()).collect().item()
    return counted


def test_a_query_that_has_enough_hangs_up(server: Server) -> None:
    runlake.set_tracking_uri(server.url)
    assert runlake.points(keys="loss").head(10).collect().height == 10
    until = time.monotonic() + 20
    while under_way(server) > 1:
        assert time.monotonic() < until


def under_way(server: Server) -> int:
    lines = server.send("GET", "/metrics").body.decode().splitlines()
    (found,) = (line for line in lines if line.startswith("runlake_http_requests_under_way{"))
    return int(found.rpartition(" ")[2])


def test_many_threads_share_one_store_without_a_word(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    client = MlflowClient(server.url)
    run_ids = [client.create_run("0").info.run_id for _ in range(8)]

    def work(run_id: str) -> None:
        for step in range(20):
            client.log_batch(run_id, [Metric("loss", step / 3, 5, step)])
            assert client.get_run(run_id).info.run_id == run_id

    threads = [threading.Thread(target=work, args=(run_id,)) for run_id in run_ids]
    with caplog.at_level(logging.WARNING):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [len(client.get_metric_history(run_id, "loss")) for run_id in run_ids] == [20] * 8
    assert caplog.messages == []


def test_a_forked_child_logs_to_a_run_of_the_server(server: Server) -> None:
    client = MlflowClient(server.url)
    run_id = client.create_run("0").info.run_id
    client.log_metric(run_id, "loss", 0.0, step=0)
    child = os.fork()
    if child == 0:
        try:
            client.log_metric(run_id, "loss", 1.0, step=1)
        finally:
            os._exit(0)
    client.log_metric(run_id, "loss", 2.0, step=2)
    assert os.waitpid(child, 0)[1] == 0
    assert client.get_run(run_id).data.metrics == {"loss": 2.0}
    history = MlflowClient(str(server.store)).get_metric_history(run_id, "loss")
    assert sorted(metric.step for metric in history) == [0, 1, 2]


def test_what_a_query_warns_of_is_said_to_whoever_asked(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    runlake.set_tracking_uri(server.url)
    with caplog.at_level(logging.WARNING, "runlake"):
        assert runlake.runs(where="metrics.losss > 1").collect().is_empty()
        assert runlake.search_runs(filter_string="metrics.lossy > 1", output_format="list") == []
        assert runlake.band(None, "lossss").is_empty()
    hints = [message.partition("\n")[2] for message in caplog.messages]
    assert hints == [*["hint: did you mean metrics.loss?"] * 2, "hint: did you mean loss?"]
    assert "losss" not in server.log.read_text()
