"""What has changed is told to who listens: by a real server, of a store that other processes write to."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from runlake import access
from runlake.access import Kind, Level
from runlake.catalog import Mark
from runlake.query import Lookout, Tidings
from runlake.server.calls import Worker
from runlake.server.events import Events, Subscription
from runlake.server.load import Load
from runlake.server.settings import ServerSettings
from runlake.server.watch import Counters
from runlake.store import Store
from tests.server.listener import PATH, listening
from tests.server.people import people
from tests.server.wire import Server, served
from tests.writer import Writer, writing


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Writer]]:
    """A server with two workers, and somebody who writes beside it."""
    folder = tmp_path_factory.mktemp("events")
    with served(folder, "--workers", "2") as server, writing(folder / "lake") as writer:
        yield server, writer


def experiment_of(server: Server, name: str) -> str:
    return str(server.get("experiments/get-by-name", experiment_name=name).json["experiment"]["experiment_id"])


def test_a_run_and_its_points_are_told_while_another_process_logs_them(lake: tuple[Server, Writer]) -> None:
    server, writer = lake
    writer.do("runlake.set_experiment('told')")
    experiment_id = experiment_of(server, "told")
    with listening(server, experiments="told") as listener:
        assert listener.headers["content-type"] == "text/event-stream; charset=utf-8"
        run_id = writer.do("print(runlake.start_run().info.run_id)")
        began = listener.changed()
        assert (began["runs"], began["experiments"]) == ([run_id], [experiment_id])
        assert not began["registry"]
        writer.do("runlake.log_metrics({'loss': 0.5, 'acc': 0.1}, step=1)")
        logged = listener.until(lambda event: event.name == "changed" and bool(event.data["points"]))[-1].data
        assert logged["points"] == {run_id: ["acc", "loss"]}
        assert logged["live"] == [experiment_id]
        writer.do("runlake.log_metric('loss', 0.25, step=2)")
        assert listener.changed()["points"] == {run_id: ["loss"]}
        writer.do("runlake.end_run()")
        ended = listener.changed()
        assert ended["runs"] == [run_id]
        assert ended["tx"] > began["tx"]


def test_points_that_a_server_takes_and_points_that_are_not_stored_are_told(lake: tuple[Server, Writer]) -> None:
    server, writer = lake
    writer.do("runlake.set_experiment('taken')")
    run_id = server.create_run(experiment_of(server, "taken"))
    with listening(server, experiments="taken") as listener:
        server.post("runs/log-metric", run_id=run_id, key="loss", value=1, timestamp=1, step=1)
        points = listener.until(lambda event: event.name == "changed" and bool(event.data["points"]))[-1].data
        assert points["points"][run_id] == ["loss"]
        mine = writer.do("run = runlake.start_run(); runlake.throttle('loss', every=1000); print(run.info.run_id)")
        writer.do("runlake.log_metric('loss', 1.0, step=0)")
        listener.until(lambda event: mine in event.data.get("points", {}))
        writer.do("runlake.log_metric('loss', 2.0, step=1)")  # which is held back, and yet its latest value
        listener.until(lambda event: mine in event.data.get("points", {}))
        writer.do("runlake.end_run()")


def test_what_is_logged_all_the_time_is_told_four_times_a_second_at_most(lake: tuple[Server, Writer]) -> None:
    server, writer = lake
    writer.do("runlake.set_experiment('busy')")
    with listening(server, experiments="busy") as listener:
        writer.do("runlake.start_run()")
        log = "[(runlake.log_metric('m', 0.1, step=n), time.sleep(0.002)) for n in range(700)]"
        writer.do(f"import time; {log}; runlake.end_run()")
        told = listener.until(lambda event: event.name == "changed" and bool(event.data["runs"]))
        told += listener.until(lambda event: event.name == "changed" and bool(event.data["runs"]))
        pauses = [later.at - earlier.at for earlier, later in pairwise(told)]
        assert len(told) >= 4
        assert sorted(pauses)[len(pauses) // 2] >= 0.24, pauses


def test_who_comes_back_hears_what_was_missed(lake: tuple[Server, Writer]) -> None:
    server, writer = lake
    writer.do("runlake.set_experiment('missed')")
    with listening(server, experiments="missed") as listener:
        first = writer.do("print(runlake.start_run().info.run_id)")
        listener.changed()
    writer.do("runlake.log_metric('loss', 1.0)")
    second = writer.do("print(runlake.start_run(nested=True).info.run_id)")
    writer.do("runlake.end_run()")
    server.post("registered-models/create", name="missed")
    with listening(server, last_id=listener.last_id, experiments="missed") as again:
        missed = again.next()
        assert missed.name == "changed"
        assert second in missed.data["runs"]
        assert missed.data["points"][first] is None, "which of its metrics have grown, nobody knows"
        assert missed.data["registry"]
    with listening(server, last_id=missed.id, experiments="missed", points=False) as again:
        assert again.next().name == "alive"
    with listening(server, since=1, experiments="missed", points=False) as again:
        assert set(again.next().data["runs"]) == {first, second}
    writer.do("runlake.end_run()")


def test_who_comes_back_from_another_store_or_from_its_future_is_told_to_begin_anew(
    lake: tuple[Server, Writer],
) -> None:
    server, _ = lake
    with listening(server) as listener:
        tx, event, life = listener.last_id.split("-")
        assert int(tx) > 0
    for last_id in (f"{10**9}-{event}-{life}", f"{tx}-{event}-{'0' * 8}", "what?"):
        with listening(server, last_id=last_id) as again:
            told = again.next()
            assert told.name == "reset"
            assert told.id.endswith(f"-{life}")


def test_more_runs_than_can_be_named_are_many(lake: tuple[Server, Writer]) -> None:
    server, writer = lake
    writer.do("runlake.set_experiment('many')")
    with listening(server, experiments="many") as listener:
        pass
    writer.do("[(runlake.start_run(run_id=None), runlake.end_run()) for n in range(201)]")
    with listening(server, last_id=listener.last_id, experiments="many", points=False) as again:
        told = again.next().data
        assert (told["runs"], told["experiments"]) == (None, [experiment_of(server, "many")])


def test_what_is_kept_for_a_reader_who_does_not_read_has_a_bound() -> None:
    subscription = Subscription()
    for tx in range(40):
        ids = [f"{tx}-{n}" for n in range(500)]
        subscription.offer(Tidings(Mark(tx, 0), dict.fromkeys(ids, "1"), frozenset({"1"}), {}, {}, frozenset()))
    is_reset, kept = subscription.take()
    assert kept is not None
    assert not is_reset
    assert kept.runs is None, "they are many"
    assert kept.experiments == {"1"}
    for tx in range(40):
        ids = [f"{tx}-{n}" for n in range(500)]
        grown = Tidings(Mark(tx, 0), {}, frozenset(), dict.fromkeys(ids, "1"), dict.fromkeys(ids), frozenset())
        subscription.offer(grown)
    is_reset, kept = subscription.take()
    assert is_reset
    assert kept is None or len(kept.points) < 10_500


def test_a_defect_ends_the_streams_and_who_comes_back_is_told_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store, settings = Store.open(tmp_path / "lake"), ServerSettings(str(tmp_path / "lake"))
    worker = Worker(store, 1, Counters(), Load(settings))

    async def listen() -> None:
        events, first, second, third = Events(worker), Subscription(), Subscription(), Subscription()
        await events.subscribe(first)
        with monkeypatch.context() as patched:
            patched.setattr(Lookout, "look", lambda _lookout: 1 // 0)
            await first.wait(30)
            assert first.ended
            await events.subscribe(second)
            assert second.ended, "it does not wait for what never comes"
            events.drop(second)
        events.drop(first)
        await events.subscribe(third)
        assert not third.ended
        store.catalog.create_experiment("new", now_ms=0)
        await third.wait(30)
        assert third.take()[1] is not None
        await events.close()

    asyncio.run(listen())
    worker.close()
    assert "ZeroDivisionError" in caplog.text, "it is in the log"


def test_only_the_experiments_that_were_asked_for_are_told(lake: tuple[Server, Writer]) -> None:
    server, _ = lake
    mine, other = (server.create_experiment(name) for name in ("mine", "other"))
    with listening(server, experiments="mine") as listener:
        server.create_run(other)
        run_id = server.create_run(mine)
        told = listener.until(lambda event: bool(event.data.get("runs")))
        assert [one for event in told for one in (event.data.get("runs") or ())] == [run_id]
    assert server.send("GET", f"{PATH}?experiments=nowhere").status == 404
    assert server.send("GET", f"{PATH}?points=perhaps").status == 400
    head = server.send("HEAD", PATH)
    assert (head.status, head.body) == (200, b"")


def test_only_what_may_be_read_is_told_and_withdrawn_rights_end_that(tmp_path: Path) -> None:
    headers = people(tmp_path)
    store = Store.open(tmp_path / "lake")
    with served(tmp_path, "--auth") as server:
        admin = {**headers["admin"], "Content-Type": "application/json"}
        ids = [
            server.send("POST", "/api/2.0/mlflow/experiments/create", f'{{"name": "{name}"}}', admin).json
            for name in ("shown", "hidden")
        ]
        shown, hidden = (one["experiment_id"] for one in ids)
        access.grant(store, "stranger", Level.READ, Kind.EXPERIMENT, shown)
        assert server.send("GET", PATH).status == 401
        assert server.send("GET", f"{PATH}?experiments=hidden", headers=headers["stranger"]).status == 403

        def make(experiment_id: str) -> str:
            body = f'{{"experiment_id": "{experiment_id}"}}'
            made = server.send("POST", "/api/2.0/mlflow/runs/create", body, admin)
            return str(made.json["run"]["info"]["run_id"])

        with listening(server, headers["stranger"]) as listener, listening(server, headers["reader"]) as reader:
            server.send("POST", "/api/2.0/mlflow/registered-models/create", '{"name": "m"}', admin)
            assert reader.changed()["registry"]
            make(hidden)
            assert reader.changed()["experiments"] == [hidden]
            make(shown)
            assert listener.next().data["experiments"] == [shown]
            access.grant(store, "stranger", Level.NONE, Kind.EXPERIMENT, shown)
            store.catalog.remove_user("reader")
            while not reader.ended:  # which takes some three seconds; what is read of rights is read of all
                make(shown)
            with listening(server, headers["admin"]) as everything:
                unseen = make(shown)
                everything.until(lambda event: unseen in (event.data.get("runs") or ()))
            told = [run_id for event in listener.rest() for run_id in event.data.get("runs") or ()]
            assert unseen not in told
    store.close()


def test_one_user_does_not_take_the_streams_of_all(tmp_path: Path) -> None:
    headers = people(tmp_path)
    with served(tmp_path, "--auth") as server, contextlib.ExitStack() as stack:
        taken = [_asking(server, headers["reader"], stack) for _ in range(100)]
        assert {status for _, status in taken} == {b"HTTP/1.1 200"}
        refused = server.send("GET", PATH, headers=headers["reader"])
        assert (refused.status, refused.headers["retry-after"]) == (429, "5")
        assert "user 'reader' has 100 streams" in refused.json["message"]
        with listening(server, headers["editor"]) as another:
            assert another.status == 200
        taken.pop()[0].close()
        while _asking(server, headers["reader"], stack)[1] != b"HTTP/1.1 200":
            pass  # who has gone is noticed


def _asking(server: Server, headers: dict[str, str], stack: contextlib.ExitStack) -> tuple[socket.socket, bytes]:
    """Ask for events, and return the connection and what the answer begins with."""
    host, port = server.address.split(":")
    connection = stack.enter_context(socket.create_connection((host, int(port)), timeout=30))
    lines = [f"GET {PATH} HTTP/1.1", f"Host: {server.address}", *(f"{name}: {said}" for name, said in headers.items())]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection, connection.recv(100)[:12]


def test_open_streams_do_not_hold_up_the_end_of_the_server(tmp_path: Path) -> None:
    with served(tmp_path, "--workers", "2") as server, listening(server) as one, listening(server) as other:
        began = time.perf_counter()
        assert server.stop() == 0
        assert time.perf_counter() - began < 15  # 0.6 s on a machine that does nothing else; others may take 30 s
        assert one.has_ended()
        assert other.has_ended()


def test_streams_take_no_memory_budget_and_their_length_is_no_response_time(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        with listening(server), listening(server):
            text = server.send("GET", "/metrics").body.decode()
            assert _number(text, "runlake_request_memory_bytes{") == 0
            assert _number(text, "runlake_http_requests_under_way{") == 3
        while _number(server.send("GET", "/metrics").body.decode(), "runlake_http_requests_under_way{") > 1:
            pass  # who has gone is noticed
        text = server.send("GET", "/metrics").body.decode()
        assert 'method="GET",route="runlake/events",status="200"} 2\n' in text
        assert _number(text, "runlake_http_request_seconds_sum{") < 1


def _number(text: str, name: str) -> Any:
    return float(next(line for line in text.splitlines() if line.startswith(name)).split()[-1])
