"""Artifacts over the wire: up, down, listed, removed, and nothing else of the machine."""

import http.client
import json
import os
from pathlib import Path

import pytest

from tests.server.wire import API, Server
from tests.store.reading import wait_until

PROXY = f"{API}mlflow-artifacts/artifacts"


@pytest.fixture
def place(server: Server) -> str:
    """Where the proxy has the artifacts of a new run."""
    return f"{PROXY}/0/{server.create_run()}/artifacts"


def run_of(place: str) -> str:
    return place.split("/")[-2]


def test_a_file_comes_back_as_it_was(server: Server, place: str) -> None:
    content = os.urandom(3 << 20)
    assert server.send("PUT", f"{place}/models/weights.bin", content).json == {}
    answer = server.send("GET", f"{place}/models/weights.bin")
    assert (answer.status, answer.body == content) == (200, True)
    assert answer.headers["content-length"] == str(len(content))
    again = server.send("PUT", f"{place}/models/weights.bin", b"new")
    assert (again.status, server.send("GET", f"{place}/models/weights.bin").body) == (200, b"new")


def test_an_empty_file_is_a_file(server: Server, place: str) -> None:
    assert server.send("PUT", f"{place}/empty", b"").status == 200
    assert server.send("GET", f"{place}/empty").body == b""


def test_names_are_decoded_once(server: Server, place: str) -> None:
    for path in ("a%20b%252e%C3%A4.txt", "%252e%252e/%252e%252e/x"):
        assert server.send("PUT", f"{place}/{path}", b"x").status == 200
    files = server.get("artifacts/list", run_id=run_of(place)).json["files"]
    assert [file["path"] for file in files] == ["%2e%2e", "a b%2eä.txt"]


@pytest.mark.parametrize(
    ("header", "status", "start", "end"),
    [
        ("bytes=0-0", 206, 0, 1),
        ("bytes=2-4", 206, 2, 5),
        ("bytes=5-", 206, 5, 10),
        ("bytes=-3", 206, 7, 10),
        ("bytes=-30", 200, 0, 10),
        ("bytes=8-100", 206, 8, 10),
        ("bytes=0-", 200, 0, 10),
        ("bytes=4-2", 200, 0, 10),
        ("bytes=0-1,4-5", 200, 0, 10),
        ("lines=1-2", 200, 0, 10),
        (f"bytes={'9' * 5000}-", 200, 0, 10),
    ],
)
def test_a_part_of_a_file_is_sent(server: Server, place: str, header: str, status: int, start: int, end: int) -> None:
    server.send("PUT", f"{place}/digits", b"0123456789")
    answer = server.send("GET", f"{place}/digits", headers={"Range": header})
    assert (answer.status, answer.body) == (status, b"0123456789"[start:end])
    assert answer.headers.get("content-range") == (f"bytes {start}-{end - 1}/10" if status == 206 else None)


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=-0", "bytes=99-100"])
def test_a_part_behind_the_end_is_refused(server: Server, place: str, header: str) -> None:
    server.send("PUT", f"{place}/digits", b"0123456789")
    answer = server.send("GET", f"{place}/digits", headers={"Range": header})
    assert (answer.status, answer.headers["content-range"]) == (416, "bytes */10")


def test_listings_have_files_and_folders(server: Server, place: str) -> None:
    for path in ("b.txt", "sub/c.txt", "sub/deep/d.txt"):
        server.send("PUT", f"{place}/{path}", b"four")
    run_id = run_of(place)
    listed = server.get("artifacts/list", run_id=run_id).json
    assert listed["root_uri"] == f"mlflow-artifacts:/0/{run_id}/artifacts"
    assert listed["files"] == [
        {"path": "b.txt", "is_dir": False, "file_size": 4},
        {"path": "sub", "is_dir": True},
    ]
    within = server.get("artifacts/list", run_id=run_id, path="sub").json["files"]
    assert [file["path"] for file in within] == ["sub/c.txt", "sub/deep"]
    proxied = server.send("GET", f"{PROXY}?path=0/{run_id}/artifacts/sub").json["files"]
    assert [file["path"] for file in proxied] == ["c.txt", "deep"]


def test_files_and_folders_are_removed(server: Server, place: str) -> None:
    for path in ("a", "sub/b", "sub/deep/c"):
        server.send("PUT", f"{place}/{path}", b"x")
    assert server.send("DELETE", f"{place}/a").json == {}
    assert server.send("DELETE", f"{place}/sub").json == {}
    assert server.get("artifacts/list", run_id=run_of(place)).json["files"] == []
    server.send("PUT", f"{place}/again/d", b"x")
    assert server.send("DELETE", place).json == {}
    assert server.get("artifacts/list", run_id=run_of(place)).json["files"] == []
    assert server.send("DELETE", f"{place}/a").mistake == (404, "RESOURCE_DOES_NOT_EXIST")


def test_what_is_not_there_is_not_found(server: Server, place: str) -> None:
    run_id = run_of(place)
    for path in (f"{place}/nothing", f"{PROXY}/0/nobody/artifacts/x", f"{PROXY}/1/{run_id}/artifacts/x", f"{PROXY}/x"):
        assert server.send("GET", path).mistake == (404, "RESOURCE_DOES_NOT_EXIST"), path
        assert server.send("DELETE", path).status == 404, path
    for path in (f"{PROXY}/0/nobody/artifacts/x", f"{PROXY}/1/{run_id}/artifacts/x", f"{PROXY}/x"):
        assert server.send("PUT", path, b"x").status == 404, path


def test_a_browser_saves_what_it_fetches_and_runs_nothing_of_it(server: Server, place: str) -> None:
    server.send("PUT", f"{place}/page.html", b"<script>alert(1)</script>")
    headers = server.send("GET", f"{place}/page.html").headers
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"] == "attachment; filename*=UTF-8''page.html"
    assert headers["content-security-policy"].startswith("sandbox")
    assert headers["x-content-type-options"] == "nosniff"


ESCAPES = [
    "../../../../etc/passwd",
    "%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "..%2f..%2f..%2f..%2fetc%2fpasswd",
    "sub/../../secret",
    "..\\..\\secret",
    "..%5c..%5csecret",
    "C:/secret",
    "secret%00.txt",
    ".runlake-secret",
]


@pytest.mark.parametrize("path", ESCAPES)
def test_a_path_cannot_leave_the_folder_of_its_run(server: Server, place: str, path: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = server.send(method, f"{place}/{path}", b"x" if method == "PUT" else None)
        assert answer.status in (400, 404), (method, answer)
    listed = server.send("GET", f"{PROXY}?path=0/{run_of(place)}/artifacts/{path}")
    assert listed.status in (400, 404) or listed.json["files"] == []
    assert not list(server.store.rglob("secret*"))


def test_absolute_paths_and_other_schemes_name_nothing(server: Server, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    for path in (
        f"/{secret}",
        f"//{secret}",
        f"/file:%2f%2f{secret}",
        "//proc/self/environ",
        "/http:%2f%2fexample.com",
    ):
        answer = server.send("GET", f"{PROXY}{path}")
        assert answer.status in (400, 404)
        assert b"secret" not in answer.body.replace(str(secret).encode(), b"")


def test_links_below_a_run_are_not_followed(server: Server, place: str, tmp_path: Path) -> None:
    server.send("PUT", f"{place}/file", b"x")
    (tmp_path / "secret").write_text("secret")
    folder = next(server.store.rglob("file")).parent
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "folder").symlink_to(tmp_path)
    assert server.send("GET", f"{place}/link").mistake == (400, "INVALID_PARAMETER_VALUE")
    assert server.send("GET", f"{place}/folder/secret").status == 400
    assert server.send("PUT", f"{place}/folder/new", b"x").status == 400
    assert server.send("DELETE", f"{place}/folder/secret").status == 400
    assert (tmp_path / "secret").read_text() == "secret"


def test_an_upload_that_breaks_off_leaves_nothing(server: Server, place: str) -> None:
    connection = http.client.HTTPConnection(server.address)
    connection.putrequest("PUT", f"{place}/half")
    connection.putheader("Content-Length", "1000")
    connection.endheaders(b"only this")
    connection.close()
    while "runlake_http_requests_under_way" in (text := server.send("GET", "/metrics").body.decode()):
        if any(
            line.startswith("runlake_http_requests_under_way{") and line.endswith(" 1") for line in text.split("\n")
        ):
            break
    assert server.send("GET", f"{place}/half").status == 404
    assert not [path for path in server.store.rglob(".runlake-*") if run_of(place) in str(path)]

    def statuses() -> list[int]:
        return [line["status"] for line in server.lines() if line.get("path") == f"{place}/half"]

    wait_until(lambda: len(statuses()) > 1)  # a line is written after its answer was sent
    assert statuses() == [499, 404]
    assert not [line for line in server.lines() if line["level"] == "error"]


def test_files_of_traces_are_not_there_yet(server: Server) -> None:
    for folder in ("traces/t-1",):
        answer = server.send("PUT", f"{PROXY}/0/{folder}/artifacts/x", b"x")
        assert answer.mistake == (501, "NOT_IMPLEMENTED")


def test_a_client_that_would_send_parts_is_told_to_send_the_whole(server: Server) -> None:
    answer = server.send("POST", f"{API}mlflow-artifacts/mpu/create/x", json.dumps({"path": "x"}))
    assert answer.status == 501
    # what the official client looks for before it sends the file in one request
    assert answer.json["message"].startswith("Multipart upload is not supported for the current artifact repository")
