"""Connection: what is sent, what is tried again, and which errors refusals become."""

from __future__ import annotations

import base64
import io
import json
import os
import socket
import time
from email.utils import formatdate
from typing import Any

import pytest

from runlake import config
from runlake.config import Credentials
from runlake.errors import (
    InvalidInput,
    NewerFormat,
    NotFound,
    ParameterChanged,
    PermissionDenied,
    RunlakeError,
    ServerUnavailable,
    StoreError,
    Unauthenticated,
)
from runlake.remote.backoff import Backoff
from runlake.remote.connection import Connection
from runlake.remote.failures import retry_after_s
from tests.remote.scripted import SILENCE, Reply, answering

HELLO = {"product": "runlake", "version": "0.1.0", "protocol": 1, "store_id": "s", "time_ms": 5}


def as_json(content: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, json.dumps(content).encode(), {name.replace("_", "-"): text for name, text in headers.items()})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_hello_says_which_store_it_is() -> None:
    with answering(as_json(HELLO)) as server:
        hello = Connection(server.url + "/team/").hello()
    assert (hello.store_id, hello.protocol, hello.time_ms) == ("s", 1, 5)
    assert server.asked[0].path == "/team/api/runlake/v1/hello"


@pytest.mark.parametrize(
    "reply",
    [Reply(404, b"no"), Reply(200, b"<html>"), as_json([1]), as_json({**HELLO, "product": "other"}), as_json({})],
)
def test_what_is_no_server_of_runlake_is_a_mistake_with_a_hint(reply: Reply) -> None:
    with answering(reply) as server, pytest.raises(InvalidInput, match="is no server of runlake\nhint: check host"):
        Connection(server.url).hello()


def test_another_protocol_is_refused_by_both_versions() -> None:
    with answering(as_json({**HELLO, "protocol": 2})) as server, pytest.raises(NewerFormat, match="speaks protocol 2"):
        Connection(server.url).hello()


def test_a_server_that_is_not_there_is_told_at_once_and_one_that_is_silent_in_time() -> None:
    with pytest.raises(ServerUnavailable, match="does not answer: Connection refused"):
        Connection(f"http://127.0.0.1:{free_port()}").hello()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(ServerUnavailable, match="it is silent"):
            Connection(f"http://127.0.0.1:{silent.getsockname()[1]}").hello(within_s=0.2)
        assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("reply", "kind", "message", "code"),
    [
        (as_json({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}, 404), NotFound, "no", None),
        (
            as_json({"error_code": "INVALID_PARAMETER_VALUE", "message": "m", "error_class": "ParameterChanged"}, 400),
            ParameterChanged,
            "m",
            None,
        ),
        (as_json({"error_code": "X", "message": "m", "error_class": "MlflowException"}, 500), StoreError, "m", "X"),
        (Reply(401, b""), Unauthenticated, "status 401\nhint: set RUNLAKE_TRACKING_TOKEN", None),
        (Reply(403, b"Invalid Host header"), PermissionDenied, "status 403\nhint: ask", None),
        (Reply(500, b"oops"), StoreError, "status 500", None),
        (Reply(418, b"oops"), InvalidInput, "status 418", None),
        (
            Reply(302, b"", {"Location": "http://elsewhere/"}),
            InvalidInput,
            "sends callers on to 'http://elsewhere/'",
            None,
        ),
    ],
)
def test_a_refusal_is_the_error_that_it_says(
    reply: Reply, kind: type[RunlakeError], message: str, code: str | None
) -> None:
    with answering(reply) as server, pytest.raises(kind, match=message) as caught:
        Connection(server.url).call("call/x", {})
    assert type(caught.value) is kind
    assert caught.value.error_code == (code or kind.default_code)
    assert len(server.asked) == 1


def test_a_hint_comes_along_once() -> None:
    said = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no run\nhint: look", "hint": "look"}
    with answering(as_json(said, 404)) as server, pytest.raises(NotFound) as caught:
        Connection(server.url).call("call/x", {})
    assert (caught.value.message, str(caught.value)) == ("no run", "no run\nhint: look")


def test_a_busy_server_is_asked_again_after_as_long_as_it_says() -> None:
    busy = as_json({"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "later"}, 429, Retry_After="0.3")
    with answering(busy, SILENCE, as_json({"a": 1})) as server:
        began = time.monotonic()
        assert Connection(server.url).call("call/x", {}) == {"a": 1}
        assert time.monotonic() - began >= 0.3
    assert [asked.body for asked in server.asked] == [b"{}"] * 3


def test_no_longer_is_waited_than_the_caller_allows() -> None:
    busy = as_json({"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "later"}, 503, Retry_After="60")
    with answering(busy) as server:
        began = time.monotonic()
        with pytest.raises(ServerUnavailable, match="later"):
            Connection(server.url).call("call/x", {}, within_s=5)
        assert time.monotonic() - began < 5
    assert len(server.asked) == 1


def test_what_may_have_been_done_is_not_sent_again_unless_that_is_harmless() -> None:
    with answering(SILENCE, as_json({})) as server, pytest.raises(ServerUnavailable):
        Connection(server.url).call("call/x", {}, repeatable=False)
    assert len(server.asked) == 1
    with answering(as_json({}, 503), as_json({})) as server:
        Connection(server.url).call("call/x", {}, repeatable=False)  # 503 says that nothing was done
    assert len(server.asked) == 2


def test_a_file_is_sent_again_from_where_it_stood() -> None:
    content = io.BytesIO(b"skipped" + b"x" * 3_000_000)
    content.seek(7)
    with answering(as_json({}, 503), as_json({})) as server:
        headers = {"Content-Length": "3000000"}
        Connection(server.url).send("PUT", "files/a", content, headers=headers)
    assert [len(asked.body) for asked in server.asked] == [3_000_000] * 2


def test_an_answer_that_breaks_off_is_an_error_and_not_a_short_answer() -> None:
    with (
        answering(Reply(200, b"x" * 100, cut=True)) as server,
        Connection(server.url).open("GET", "files/a") as answer,
        pytest.raises(ServerUnavailable, match="broke off"),
    ):
        list(answer.pieces())


def test_requests_share_one_connection_and_one_that_was_closed_is_made_anew() -> None:
    with answering(as_json({}), as_json({}), as_json({}, 200, Connection="close"), as_json({})) as server:
        connection = Connection(server.url)
        for _ in range(4):
            connection.call("call/x", {})
    ports = [asked.port for asked in server.asked]
    assert len(set(ports[:3])) == 1
    assert ports[3] != ports[0]


def test_an_answer_that_nobody_reads_to_its_end_is_hung_up_on() -> None:
    with answering(Reply(200, b"x" * 5_000_000), as_json({})) as server:
        connection = Connection(server.url)
        with connection.open("GET", "files/a") as answer:
            assert answer.read(10) == b"x" * 10
        assert connection.call("call/x", {}) == {}
    assert len({asked.port for asked in server.asked}) == 2


def test_a_forked_child_asks_over_a_connection_of_its_own() -> None:
    with answering(as_json({})) as server:
        connection = Connection(server.url)
        connection.call("call/x", {})
        child = os.fork()
        if child == 0:
            try:
                connection.call("call/x", {})
            finally:
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        connection.call("call/x", {})
    first, of_child, last = (asked.port for asked in server.asked)
    assert first == last != of_child


def test_credentials_come_from_the_call_the_url_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")
    with answering(as_json({})) as server:
        Connection(server.url).call("call/x", {})
        Connection(server.url.replace("://", "://ann:p%40ss@")).call("call/x", {})
        Connection(server.url, credentials=Credentials(username="bob")).call("call/x", {})
    said = [asked.headers["Authorization"] for asked in server.asked]
    assert said[0] == "Bearer t0ken"
    assert [base64.b64decode(text.removeprefix("Basic ")) for text in said[1:]] == [b"ann:p@ss", b"bob:"]


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLAKE_TRACKING_TOKEN", "t0ken")
    monkeypatch.setenv("RUNLAKE_TRACKING_URI", "https://ann:s3cret@host/x")
    shown = config.in_force()
    assert shown["RUNLAKE_TRACKING_URI"] == "https://ann:…@host/x"
    connection = Connection("https://ann:s3cret@host/x")
    for text in (repr(shown), repr(connection), str(connection.address), repr(config.tracking_credentials())):
        assert "t0ken" not in text
        assert "s3cret" not in text


@pytest.mark.parametrize("uri", ["http://", "http://host:port", "http://host/?a=b", "http://host/#a", "ftp://host"])
def test_what_is_no_address_is_refused(uri: str) -> None:
    with pytest.raises(InvalidInput):
        Connection(uri)


def test_certificates_that_cannot_be_read_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", "/nowhere.pem")
    with pytest.raises(InvalidInput, match=r"'/nowhere\.pem' cannot be used"):
        Connection("https://localhost")
    monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
    with pytest.raises(InvalidInput, match="set one of them"):
        Connection("https://localhost")
    monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "maybe")
    with pytest.raises(InvalidInput, match="must be true or false"):
        Connection("https://localhost")


def test_waits_double_and_keep_to_what_the_server_told() -> None:
    backoff = Backoff(1.0, 4.0, draw=lambda: 1.0)
    assert [backoff.next_s() for _ in range(4)] == [1.0, 2.0, 4.0, 4.0]
    assert backoff.next_s(7.0) == 9.0
    backoff.reset()
    assert backoff.next_s() == 1.0
    assert Backoff(1.0, draw=lambda: 0.0).next_s() == 0.5


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("", None), ("3", 3.0), ("-1", 0.0), ("1e9", 300.0), ("nan", None), ("soon", None)],
)
def test_retry_after_is_seconds(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header) == seconds


def test_retry_after_may_be_a_date() -> None:
    told = retry_after_s(formatdate(time.time() + 60, usegmt=True))
    assert told is not None
    assert 55 < told <= 60
