"""Who may call: Host and Origin, how long a request may be, and how answers are marked."""

import json

import pytest

from runlake.server.guard import Guard
from tests.server.wire import API, Server, served


async def nothing(scope: object, receive: object, send: object) -> None:
    raise AssertionError("not called")


def guard(*, hosts: tuple[str, ...] = (), origins: tuple[str, ...] = ()) -> Guard:
    return Guard(nothing, allowed_hosts=hosts, cors_origins=origins)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:5000",
        "127.0.0.1:5000",
        "[::1]:5000",
        "10.1.2.3",
        "192.168.0.7:80",
        "172.31.0.1",
        "[fd00::1]",
    ],
)
def test_this_machine_and_private_addresses_are_served(host: str) -> None:
    assert guard().allows_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "192.168.evil.example",
        "10.0.0.1.evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example:5000",
        "172.32.0.1",
        "8.8.8.8",
        "localhost@evil.example",
        "evil.example/localhost",
        "localhost:port",
        "0x7f000001",
        "[::ffff:8.8.8.8]",
    ],
)
def test_other_hosts_are_not_served(host: str) -> None:
    assert not guard().allows_host(host)


def test_allowed_hosts_are_served_by_name_and_by_pattern() -> None:
    assert guard(hosts=("runs.example",)).allows_host("runs.example:5000")
    assert guard(hosts=("*.example",)).allows_host("runs.example")
    assert guard(hosts=("*",)).allows_host("anything.at.all")
    assert not guard(hosts=("runs.example",)).allows_host("evil.example")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost:3000", True),
        ("http://127.0.0.1:5000", True),
        ("http://runs.example:5000", True),  # the server's own pages
        ("https://evil.example", False),
        ("http://runs.example.evil.example:5000", False),
        ("http://192.168.0.9", False),  # another machine of the network is not this one
        ("null", False),
    ],
)
def test_pages_of_other_origins_may_not_change_anything(origin: str, allowed: bool) -> None:
    assert guard().allows_origin(origin, "runs.example:5000") is allowed


def test_the_address_that_is_listened_on_is_served(tmp_path_factory: pytest.TempPathFactory) -> None:
    with served(tmp_path_factory.mktemp("everywhere"), "--host", "0.0.0.0") as server:
        assert server.address.startswith("0.0.0.0:")
        assert server.get("experiments/get", experiment_id="0").status == 200


def test_a_request_by_a_foreign_name_gets_403(server: Server) -> None:
    answer = server.send("GET", f"{API}mlflow/experiments/get?experiment_id=0", headers={"Host": "evil.example"})
    assert answer.status == 403
    assert answer.body.startswith(b"Invalid Host header")
    assert server.send("GET", "/health", headers={"Host": "evil.example"}).status == 200


def test_a_name_that_is_too_long_to_be_one_is_not_served(tmp_path_factory: pytest.TempPathFactory) -> None:
    with served(tmp_path_factory.mktemp("any"), "--allowed-hosts", "*") as server:
        path = f"{API}mlflow/experiments/get?experiment_id=0"
        assert server.send("GET", path, headers={"Host": "a" * 250}).status == 200
        assert server.send("GET", path, headers={"Host": "a" * 5000}).status == 403


def test_a_page_of_another_origin_gets_403_and_changes_nothing(server: Server) -> None:
    headers = {"Origin": "https://evil.example", "Content-Type": "application/json"}
    answer = server.send("POST", f"{API}mlflow/experiments/create", json.dumps({"name": "evil"}), headers)
    assert answer.status == 403
    assert server.get("experiments/get-by-name", experiment_name="evil").status == 404


def test_a_request_that_needs_no_preflight_changes_nothing(server: Server) -> None:
    body = json.dumps({"name": "simple"})
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        answer = server.send("POST", f"{API}mlflow/experiments/create", body, {"Content-Type": kind})
        assert answer.mistake == (400, "INVALID_PARAMETER_VALUE")
    assert server.send("POST", f"{API}mlflow/experiments/create", body).status == 400
    assert server.get("experiments/get-by-name", experiment_name="simple").status == 404


def test_every_answer_says_that_its_type_is_not_to_be_guessed(server: Server) -> None:
    for path in ("/health", f"{API}mlflow/experiments/get?experiment_id=0", "/nothing", f"{API}mlflow/traces"):
        assert server.send("GET", path).headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("allowed", ["https://notebook.example", "https://a.example,https://*book.example"])
def test_allowed_origins_may_read_and_write(allowed: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    origin = "https://notebook.example"
    with served(tmp_path_factory.mktemp("cors"), "--cors-origins", allowed) as server:
        headers = {"Origin": origin, "Content-Type": "application/json"}
        answer = server.send("POST", f"{API}mlflow/experiments/create", json.dumps({"name": "page"}), headers)
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, origin)
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        assert server.send("OPTIONS", f"{API}mlflow/experiments/create", None, asked).status == 200
        other = server.send("GET", "/health", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers


def test_a_request_that_is_too_long_gets_413(tmp_path_factory: pytest.TempPathFactory) -> None:
    with served(tmp_path_factory.mktemp("short"), "--max-body", "1") as server:
        answer = server.post("experiments/create", name="x" * (2 << 20))
        assert answer.mistake == (413, "INVALID_PARAMETER_VALUE")
        headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
        chunks = (b"10000\r\n" + b" " * 0x10000 + b"\r\n" for _ in range(32))
        body = b"".join(chunks) + b"0\r\n\r\n"
        assert server.send("POST", f"{API}mlflow/experiments/create", body, headers).status == 413
        assert server.post("experiments/create", name="short").status == 200
