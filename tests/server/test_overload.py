"""Too much, too slow, too many: memory stays bounded, and the others are answered."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.server.wire import API, Server, served

JSON = {"Content-Type": "application/json"}


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline


def peak_mib(server: Server) -> float:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def connected(server: Server) -> socket.socket:
    host, port = server.address.split(":")
    return socket.create_connection((host, int(port)), timeout=30)


def head(server: Server, path: str, length: int, *more: str) -> bytes:
    lines = [f"POST {API}mlflow/{path} HTTP/1.1", f"Host: {server.address}", "Content-Type: application/json"]
    return "\r\n".join([*lines, f"Content-Length: {length}", *more, "", ""]).encode()


def gauge(server: Server, name: str) -> float:
    text = server.send("GET", "/metrics").body.decode()
    return float(next(line for line in text.splitlines() if line.startswith(f"{name}{{")).split()[-1])


def is_closed(connection: socket.socket) -> bool:
    """Wait until the other side has closed a connection; False when it answers instead."""
    with contextlib.suppress(ConnectionError):
        return connection.recv(65536) == b""
    return True


def test_a_flood_of_long_bodies_takes_bounded_memory_and_small_requests_are_answered(tmp_path: Path) -> None:
    metric = {"key": "loss", "value": 0.5, "timestamp": 1, "step": 1}
    body = json.dumps({"run_id": "nobody", "metrics": [metric] * ((8 << 20) // (len(json.dumps(metric)) + 2))})
    assert len(body) > 7 << 20
    with served(tmp_path, "--max-memory", "160") as server, ThreadPoolExecutor(24) as pool:
        run_id = server.create_run()
        server.post("runs/log-metric", run_id=run_id, key="loss", value=1, timestamp=1)
        server.post("runs/search", experiment_ids=["0"])
        before = peak_mib(server)
        flood = [pool.submit(server.send, "POST", f"{API}mlflow/runs/log-batch", body, JSON) for _ in range(24)]
        answered = 0
        while not all(one.done() for one in flood):
            assert server.post("runs/log-metric", run_id=run_id, key="loss", value=1, timestamp=answered).status == 200
            answered += 1
        statuses = {one.result().status for one in flood}
        assert statuses <= {400, 429}  # more than 1,000 metrics, but for those that were refused before
        assert 400 in statuses
        assert answered > 5
        assert peak_mib(server) - before < 220  # 24 of them at once would be 2 GiB
        assert gauge(server, "runlake_request_memory_bytes") < 1 << 16, "all of it is given back"


@pytest.mark.parametrize("value", [b"{}", b"[]", b'{"":0}', b"[0]"])
def test_a_body_of_nothing_but_small_values_takes_no_more_than_others(value: bytes, server: Server) -> None:
    run_id = server.create_run()
    server.post("runs/log-batch", run_id=run_id, metrics=[])
    before = peak_mib(server)
    values = b",".join([value] * ((30 << 20) // (len(value) + 1)))
    body = b'{"run_id":"%s","metrics":[%s]}' % (run_id.encode(), values)
    answer = server.send("POST", f"{API}mlflow/runs/log-batch", body, JSON)
    assert answer.status == 413
    assert "too many values" in answer.json["message"]
    assert peak_mib(server) - before < 150  # the body, twice; read, it would be up to a gigabyte


def test_a_request_waits_for_room_and_is_refused_only_after_that(tmp_path: Path) -> None:
    length = 12 << 20
    settings = {"max_memory_bytes": 64 << 20, "room_timeout_s": 0.5}
    with served(tmp_path, settings=settings) as server, connected(server) as first, connected(server) as second:
        first.sendall(head(server, "experiments/create", length))  # takes all that bodies can have
        until(lambda: gauge(server, "runlake_request_memory_bytes") > 8 << 20)
        second.sendall(head(server, "experiments/create", length, "Connection: close"))
        answer = b""
        while not is_whole(answer):
            answer += second.recv(65536)
        assert answer.startswith(b"HTTP/1.1 429")
        assert b"retry-after: 2" in answer.lower()
        assert b"REQUEST_LIMIT_EXCEEDED" in answer
        assert gauge(server, "runlake_requests_refused_total") == 1
        assert server.post("experiments/create", name="small").status == 200


def is_whole(answer: bytes) -> bool:
    start, blank, body = answer.partition(b"\r\n\r\n")
    length = start.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
    return bool(blank) and len(body) >= int(length or 0)


def test_the_official_client_survives_a_refusal_for_want_of_memory(tmp_path: Path) -> None:
    import mlflow

    settings = {"max_memory_bytes": 64 << 20, "room_timeout_s": 0.1}
    with served(tmp_path, settings=settings) as server, connected(server) as hog:
        client = mlflow.MlflowClient(server.url)
        run_id = server.create_run()
        hog.sendall(head(server, "experiments/create", 20 << 20))
        until(lambda: gauge(server, "runlake_request_memory_bytes") > 8 << 20)
        with ThreadPoolExecutor(1) as pool:
            long = [mlflow.entities.Param(f"p{n}", "x" * 6000) for n in range(100)]
            logged = pool.submit(client.log_batch, run_id, params=long, synchronous=True)
            until(lambda: gauge(server, "runlake_requests_refused_total") > 0 or logged.done())
            hog.close()
            logged.result(60)
        assert len(server.run(run_id)["data"]["params"]) == 100


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that waits half a second for whatever a client owes it."""
    settings = {"header_timeout_s": 0.5, "body_timeout_s": 0.5, "answer_timeout_s": 0.5}
    with served(tmp_path_factory.mktemp("impatient"), settings=settings) as server:
        yield server


def test_clients_that_never_finish_their_headers_stop_nobody_and_are_cut_off(impatient: Server) -> None:
    run_id = impatient.create_run()
    points = [{"key": "loss", "value": step, "timestamp": step, "step": step} for step in range(100)]
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(connected(impatient)) for _ in range(200)]
        for connection in slow:
            connection.sendall(b"POST /api/2.0/mlflow/runs/log-batch HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        began = time.perf_counter()
        for step in range(10):
            assert impatient.post("runs/log-batch", run_id=run_id, metrics=points).status == 200, step
        assert time.perf_counter() - began < 10
        assert all(is_closed(connection) for connection in slow)


def test_a_client_that_says_nothing_is_cut_off(impatient: Server) -> None:
    with connected(impatient) as silent:
        assert is_closed(silent)


def test_a_body_that_stops_coming_is_given_up(impatient: Server) -> None:
    with connected(impatient) as slow:
        slow.sendall(head(impatient, "experiments/create", 1000) + b'{"name":')
        assert slow.recv(65536).startswith(b"HTTP/1.1 408")
    with connected(impatient) as slow:
        path = f"{API}mlflow-artifacts/artifacts/0/{impatient.create_run()}/artifacts/file"
        slow.sendall(f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nbegin".encode())
        assert slow.recv(65536).startswith(b"HTTP/1.1 408")
    until(lambda: gauge(impatient, "runlake_request_memory_bytes") < 1 << 16)


def test_an_upload_that_comes_byte_by_byte_is_given_up(impatient: Server) -> None:
    path = f"{API}mlflow-artifacts/artifacts/0/{impatient.create_run()}/artifacts/slow"
    with connected(impatient) as slow:
        slow.sendall(f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n".encode())
        slow.settimeout(0.1)
        for _ in range(100):
            slow.sendall(b"x")
            with contextlib.suppress(TimeoutError):
                assert slow.recv(65536).startswith(b"HTTP/1.1 408")
                return
    raise AssertionError("it was waited for")


@pytest.mark.parametrize(
    "place", ["2.0/mlflow-artifacts/artifacts/0/{}/artifacts", "runlake/v1/replication/runs/{}/artifacts"]
)
def test_uploads_of_every_kind_wait_for_each_other(place: str, tmp_path: Path) -> None:
    with served(tmp_path, settings={"max_memory_bytes": 8 << 20, "room_timeout_s": 0.2}) as server:
        path = f"/api/{place.format(server.create_run())}"
        with connected(server) as first:  # it takes all that uploads can have
            request = f"PUT {path}/a HTTP/1.1\r\nHost: {server.address}\r\nContent-Length: 10\r\n\r\nx"
            first.sendall(request.encode())
            until(lambda: gauge(server, "runlake_request_memory_bytes") > 1 << 20)
            assert server.send("PUT", f"{path}/b", b"x").mistake == (429, "REQUEST_LIMIT_EXCEEDED")
        until(lambda: gauge(server, "runlake_request_memory_bytes") < 1 << 20)
        assert server.send("PUT", f"{path}/b", b"x").status == 200


def test_a_client_that_does_not_take_its_answer_is_cut_off(impatient: Server) -> None:
    run_id = impatient.create_run()
    path = f"{API}mlflow-artifacts/artifacts/0/{run_id}/artifacts/long"
    assert impatient.send("PUT", path, b"x" * (32 << 20)).status == 200
    with connected(impatient) as slow:
        slow.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        until(lambda: gauge(impatient, "runlake_request_memory_bytes") > 0)
        until(lambda: gauge(impatient, "runlake_request_memory_bytes") < 1 << 16)
        received = 0
        with contextlib.suppress(ConnectionError):
            while piece := slow.recv(1 << 20):
                received += len(piece)
        assert received < 32 << 20


@pytest.mark.parametrize("where", ["head", "trailer"])
def test_headers_without_end_are_refused(where: str, impatient: Server) -> None:
    before = peak_mib(impatient)
    start = b"POST /api/2.0/mlflow/experiments/create HTTP/1.1\r\nHost: localhost\r\n"
    if where == "trailer":
        start += b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    with connected(impatient) as endless, contextlib.suppress(ConnectionError):
        endless.sendall(start)
        for number in range(100_000):
            endless.sendall(b"X-%d: " % number + b"x" * 1000 + b"\r\n")
        raise AssertionError("100 MB of headers were taken")
    assert peak_mib(impatient) - before < 20


def test_headers_without_number_are_refused(server: Server) -> None:
    server.send("GET", "/health")
    before = peak_mib(server)
    begun = b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"a:\r\n" * 15_000  # 60 kB, less than a head may have
    with contextlib.ExitStack() as opened:
        clients = [opened.enter_context(connected(server)) for _ in range(50)]
        for client in clients:
            client.sendall(begun)
        assert all(is_closed(client) for client in clients)
    assert peak_mib(server) - before < 20  # they would be 120 MB


def test_silent_connections_make_room_for_others(tmp_path: Path) -> None:
    with served(tmp_path, settings={"max_connections": 20}) as server, contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connected(server)) for _ in range(60)]
        for number in range(30):
            assert server.post("experiments/create", name=f"e{number}").status == 200
        assert is_closed(idle[0])


def test_one_client_may_send_so_many_requests_a_second_and_no_more(tmp_path: Path) -> None:
    with served(tmp_path, "--rate-limit", "2") as server:
        answers = [server.send("GET", "/api/3.0/mlflow/server-info") for _ in range(8)]
        refused = [answer for answer in answers if answer.status == 429]
        assert refused
        assert answers[0].status == 200
        assert refused[0].mistake == (429, "REQUEST_LIMIT_EXCEEDED")
        assert int(refused[0].headers["retry-after"]) >= 1
        until(lambda: server.send("GET", "/health").status == 200)


def test_a_page_is_as_long_as_asked_for_however_many_parts_it_is_read_in(tmp_path: Path) -> None:
    from runlake.store import Store

    store = Store.open(tmp_path / "lake")
    for number in range(2100):
        store.create_run(f"{number:032x}", "0", name=f"n{number}", user_id="u", start_time=number, owned=False)
    store.close()
    with served(tmp_path) as server:
        page = server.post("runs/search", experiment_ids=["0"], max_results=2050, order_by=["start_time ASC"]).json
        assert [run["info"]["start_time"] for run in page["runs"]] == list(range(2050))
        fields = {"experiment_ids": ["0"], "max_results": 5000, "order_by": ["start_time ASC"]}
        rest = server.post("runs/search", **fields, page_token=page["next_page_token"]).json
        assert [run["info"]["start_time"] for run in rest["runs"]] == list(range(2050, 2100))
        assert "next_page_token" not in rest


def test_an_answer_of_long_runs_ends_early_however_it_is_asked_for(tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    params = [{"key": f"p{number}", "value": "x" * 6000} for number in range(80)]
    with served(tmp_path, "--ui", "mlflow") as server, ThreadPoolExecutor(4) as pool:
        run_ids = list(pool.map(lambda _: server.create_run(), range(130)))
        list(pool.map(lambda run_id: server.post("runs/log-batch", run_id=run_id, params=params), run_ids))
        found = server.post("runs/search", experiment_ids=["0"]).json
        assert len(found["runs"]) == 100, "50 MB, and then no more"
        rest = server.post("runs/search", experiment_ids=["0"], page_token=found["next_page_token"]).json
        assert len(rest["runs"]) == 30
        before = peak_mib(server)
        fields = "apiError { message } runs { data { params { value } } }"
        fields = f'mlflowSearchRuns(input: {{experimentIds: ["0"]}}) {{ {fields} }}'
        query = {"query": f"{{ {' '.join(f'a{number}: {fields}' for number in range(9))} }}"}
        answers = server.send("POST", "/graphql", json.dumps(query), JSON).json["data"]
        assert len(answers["a0"]["runs"]) == 100
        assert all("too long" in answers[f"a{number}"]["apiError"]["message"] for number in range(1, 9))
        assert peak_mib(server) - before < 200


def test_two_hundred_clients_at_once_are_all_answered(server: Server) -> None:
    run_id = server.create_run()
    points = [{"key": "loss", "value": step, "timestamp": step, "step": step} for step in range(100)]
    statuses: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: statuses.append(server.post("runs/log-batch", run_id=run_id, metrics=points).status)
        )
        for _ in range(200)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 200
