"""The server as a process: ready, watched, stopped, started again."""

import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import runlake
from runlake.store import Store
from tests.server.wire import Server, served


def test_it_is_ready_soon(tmp_path: Path) -> None:
    began = time.perf_counter()
    with served(tmp_path):
        assert time.perf_counter() - began < 5  # 0.6 s on a machine that does nothing else


def test_health_and_version_answer(server: Server) -> None:
    assert server.send("GET", "/health").body == b"OK"
    assert server.send("GET", "/version").body == b"3.18.0"


def test_metrics_count_answers_by_route_and_status(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        run_id = server.create_run()
        for _ in range(3):
            server.post("runs/log-metric", run_id=run_id, key="loss", value=0.5, timestamp=1)
        server.get("runs/get", run_id="nobody")
        server.send("GET", "/no/such/path")
        text = server.send("GET", "/metrics").body.decode()
    assert 'method="POST",route="mlflow/runs/log-metric",status="200"} 3\n' in text
    assert 'method="GET",route="mlflow/runs/get",status="404"} 1\n' in text
    assert 'method="GET",route="other",status="404"} 1\n' in text
    assert "runlake_points_stored_total{" in text
    assert 'le="+Inf"} 7\n' in text  # the health check and six requests


def test_the_access_log_is_a_json_line_a_request(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        run_id = server.create_run()
        server.get("runs/get", run_id=run_id)
        server.stop()
        lines = [line for line in server.lines() if line["logger"] == "runlake.access"]
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("POST", "/api/2.0/mlflow/runs/create", 200),
        ("GET", "/api/2.0/mlflow/runs/get", 200),
    ]
    assert all(line["ms"] > 0 and line["bytes"] > 0 and line["client"] == "127.0.0.1" for line in lines)


def test_a_stopped_server_has_sealed_or_kept_every_point_and_ended_no_run(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        run_id = server.create_run()
        for step in range(5):
            server.post("runs/log-metric", run_id=run_id, key="loss", value=step, timestamp=step, step=step)
        assert server.stop() == 0
    store = Store.open(tmp_path / "lake")
    run = store.get_run(run_id)
    store.close()
    assert (run.info.status, run.data.metrics) == ("RUNNING", {"loss": 4.0})


def test_a_killed_server_has_lost_no_point_that_it_answered_and_ends_no_run(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        run_id = server.create_run()
        points = [{"key": "loss", "value": step, "timestamp": step, "step": step} for step in range(100)]
        assert server.post("runs/log-batch", run_id=run_id, metrics=points).status == 200
        server.process.kill()
        server.process.wait()
    with served(tmp_path) as server:
        history = server.get("metrics/get-history", run_id=run_id, metric_key="loss").json["metrics"]
        assert [point["step"] for point in history] == list(range(100))
        assert server.run(run_id)["info"]["status"] == "RUNNING"
        assert server.post("runs/log-metric", run_id=run_id, key="loss", value=1, timestamp=1, step=100).status == 200
        assert server.post("runs/update", run_id=run_id, status="FINISHED", end_time=5).status == 200


def test_a_request_that_is_under_way_is_answered_before_the_server_stops(tmp_path: Path) -> None:
    body = json.dumps({"experiment_id": "0", "run_name": "last"}).encode()
    with served(tmp_path) as server, socket.create_connection(server.address.split(":")) as connection:
        head = f"POST /api/2.0/mlflow/runs/create HTTP/1.1\r\nHost: {server.address}\r\nConnection: close\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body[:5])
        while "runlake_http_requests_under_way" not in (text := server.send("GET", "/metrics").body.decode()):
            pass
        while not any(
            line.startswith("runlake_http_requests_under_way") and line.endswith(" 2") for line in _now(text)
        ):
            text = server.send("GET", "/metrics").body.decode()
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        connection.sendall(body[5:])
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        stopping.join()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"run_name":"last"' in answer
    assert server.process.returncode == 0


def _now(text: str) -> list[str]:
    return text.splitlines()


def test_several_workers_answer_from_one_store(tmp_path: Path) -> None:
    with served(tmp_path, "--workers", "2") as server:
        run_id = server.create_run()
        workers = set()
        step = 0
        while len(workers) < 2:  # connections go to whichever worker is first
            metrics = server.send("GET", "/metrics").body.decode()
            workers.add(metrics[metrics.index('worker="') :].split('"')[1])
            answer = server.post("runs/log-metric", run_id=run_id, key="loss", value=step, timestamp=step, step=step)
            assert answer.status == 200
            step += 1
        for _ in range(10):
            history = server.get("metrics/get-history", run_id=run_id, metric_key="loss").json["metrics"]
            assert [point["step"] for point in history] == list(range(step))
        assert server.stop() == 0


def test_what_a_script_logs_into_the_folder_is_served_at_once(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        runlake.set_tracking_uri(server.store)
        with runlake.start_run(run_name="local") as run:
            runlake.log_metric("loss", 0.25, step=3)
            found = server.run(run.info.run_id)
            assert found["data"]["metrics"][0]["value"] == 0.25
            assert found["info"]["artifact_uri"] == f"mlflow-artifacts:/0/{run.info.run_id}/artifacts"
        for store in runlake.store.opened_stores():
            store.close()
        runlake.set_tracking_uri("")


@pytest.mark.parametrize("option", ["--workers=0", "--port=70000", "--max-body=0"])
def test_an_option_out_of_range_is_refused(option: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "runlake", "server", option], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: invalid value for ")
    assert not (tmp_path / "lake").exists()


def test_a_port_that_is_taken_is_named(server: Server, tmp_path: Path) -> None:
    port = server.address.split(":")[1]
    command = [sys.executable, "-m", "runlake", "server", "--store", str(tmp_path / "other"), "--port", port]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == (
        f"error: the server cannot listen on 127.0.0.1:{port}: Address already in use\n"
        "hint: choose another with --port\n"
    )
