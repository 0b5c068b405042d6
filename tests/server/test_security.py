"""The classes of vulnerabilities that MLflow's servers have had, each tried in the ways that were published.

That no route is open to who may not call it is in test_access, Host and Origin in test_guard, floods in test_overload.
"""

from __future__ import annotations

import ast
import base64
import json
import os
import pickle
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import runlake
from runlake.server.mlflow_openapi import FIELDS, read_fields
from runlake.server.mlflow_routes import ENDPOINTS
from tests.server.wire import API, Answer, Server, served

PACKAGE = Path(runlake.__file__).parent
SECRET = b"the secret of this machine"
JSON = {"Content-Type": "application/json"}
PROXY = f"{API}mlflow-artifacts/artifacts"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A server, and the folder with its store, in which there is a secret beside the store."""
    folder = tmp_path_factory.mktemp("security")
    (folder / "secret").write_bytes(SECRET)
    with served(folder) as server:
        yield server, folder


@pytest.fixture
def target(place: tuple[Server, Path]) -> tuple[Server, Path, str]:
    """A server, the folder around its store, and a run with an artifact `a/b`."""
    server, folder = place
    run_id = server.create_run()
    assert server.send("PUT", f"{PROXY}/0/{run_id}/artifacts/a/b", b"harmless").status == 200
    return server, folder, run_id


def everything(folder: Path) -> dict[str, bytes]:
    """All files around the store that no request should touch."""
    return {
        str(path): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and folder / "lake" not in path.parents and path.suffix != ".log"
    }


def is_refused(answer: Answer) -> bool:
    """Whether an answer is a mistake of the client, in which nothing of the machine can be read."""
    return 400 <= answer.status < 500 and SECRET not in answer.body and b"root:" not in answer.body


# -- path traversal and reading of local files; writing of files

UP = "../../../../../secret"
TRAVERSALS = [
    UP,
    f"a/{UP}",
    f"./{UP}",
    f"a/b/../{UP}",
    quote(UP, safe=""),
    UP.replace("..", "%2e%2e"),
    UP.replace("..", "%2E%2e").replace("/", "%2f"),
    UP.replace("..", "%252e%252e").replace("/", "%252f"),
    UP.replace("..", "%25252e%25252e").replace("/", "%25252f"),
    UP.replace("/", "%5c"),
    UP.replace("/", "\\"),
    UP.replace("..", "..;"),
    UP.replace("..", "%c0%ae%c0%ae"),
    UP.replace("..", "%e3%80%82%e3%80%82"),
    f"#/{UP}",
    f"%23/{UP}",
    f"%3f/{UP}",
    "/etc/passwd",
    "//etc/passwd",
    "%2fetc%2fpasswd",
    "%252fetc%252fpasswd",
    "/proc/self/environ",
    "C:/secret",
    "C:%5csecret",
    "%5c%5chost%5cshare",
    "file:///etc/passwd",
    "file:%2f%2f%2fetc%2fpasswd",
    "file://./etc/passwd",
    "http:///etc/passwd",
    "http:%2f%2f%2f?%2f..%2f..%2fetc%2fpasswd",
    "dbfs:/etc/passwd",
    "a/b%00.txt",
    "%00",
    "a%0a/b",
    ".runlake-x",
    "a" * 300,
    "/".join(["a"] * 2000),
]


@pytest.mark.parametrize("path", TRAVERSALS, ids=range(len(TRAVERSALS)))
def test_no_path_leads_out_of_the_artifacts_of_a_run(path: str, target: tuple[Server, Path, str]) -> None:
    server, folder, run_id = target
    before = everything(folder)
    for url in (
        f"{PROXY}/0/{run_id}/artifacts/{path}",
        f"{PROXY}/0/{run_id}/{path}",
        f"{PROXY}/0/{path}",
        f"{PROXY}/{path}",
    ):
        for method in ("GET", "DELETE", "PUT"):
            answer = raw(server, method, url, b"overwritten" if method == "PUT" else b"")
            # What is a legal, literal name may be written, inside the run.
            assert is_refused(answer) or (method != "GET" and answer.status == 200), (method, url, answer)
            assert answer.status != 500
    for endpoint, fields in (
        ("artifacts/list", f"run_id={run_id}&path={path}"),
        ("artifacts/list", f"run_id={path}"),
    ):
        answer = raw(server, "GET", f"{API}mlflow/{endpoint}?{fields}")
        assert SECRET not in answer.body
        assert b"passwd" not in answer.body or answer.status >= 400
        assert is_refused(answer) or answer.json.get("files", []) == [] or "#" in path
    assert everything(folder) == before
    assert not (folder / "lake" / "secret").exists()


def raw(server: Server, method: str, url: str, body: bytes = b"") -> Answer:
    """Send a path as it is: http.client refuses some that attackers send."""
    host, port = server.address.split(":")
    head = (
        f"{method} {url} HTTP/1.1\r\nHost: {server.address}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    answer = b""
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(head.encode() + body)
        while piece := connection.recv(1 << 20):
            answer += piece
    start, _, content = answer.partition(b"\r\n\r\n")
    lines = start.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return Answer(int(lines[0].split()[1]), headers, content)


@pytest.mark.parametrize(
    "location",
    [
        "/etc",
        "file:///etc",
        "file://./etc",
        "//proc/self",
        "../..",
        "C:\\Windows",
        "dbfs:/x",
        "s3://bucket",
        "http:///?/../../etc",
        "http://host#/../../../etc",
        "ftp://host;/../..",
        "mlflow-artifacts:x/../../../etc",
        "\0",
    ],
)
def test_a_client_does_not_say_where_artifacts_are(location: str, place: tuple[Server, Path]) -> None:
    server, folder = place
    name = f"at {location!r}"
    answer = server.post("experiments/create", name=name, artifact_location=location)
    if answer.status == 200:  # what it says is not where they go
        found = server.get("experiments/get", experiment_id=answer.json["experiment_id"]).json["experiment"]
        assert found["artifact_location"] == f"mlflow-artifacts:/{answer.json['experiment_id']}"
        run_id = server.create_run(answer.json["experiment_id"])
        path = f"{PROXY}/{answer.json['experiment_id']}/{run_id}/artifacts/x"
        assert server.send("PUT", path, b"x").status == 200
        assert len(list((folder / "lake" / "artifacts" / answer.json["experiment_id"]).rglob("x"))) == 1
    else:
        assert answer.mistake == (400, "INVALID_PARAMETER_VALUE")


def test_links_in_the_artifacts_lead_nowhere(target: tuple[Server, Path, str]) -> None:
    server, folder, run_id = target
    artifacts = folder / "lake" / "artifacts" / "0" / run_id
    assert (artifacts / "a" / "b").exists()
    (artifacts / "file").symlink_to(folder / "secret")
    (artifacts / "folder").symlink_to(folder)
    (artifacts / "hard" / "deep").mkdir(parents=True)
    (artifacts / "hard" / "deep" / "up").symlink_to("../../../../../..")
    for path in ("file", "folder/secret", "hard/deep/up/secret"):
        assert is_refused(server.send("GET", f"{PROXY}/0/{run_id}/artifacts/{path}")), path
        answer = server.send("PUT", f"{PROXY}/0/{run_id}/artifacts/{path}", b"overwritten")
        assert is_refused(answer) or (path == "file" and not (artifacts / "file").is_symlink())
        server.send("DELETE", f"{PROXY}/0/{run_id}/artifacts/{path}")
        assert (folder / "secret").read_bytes() == SECRET
    listed = server.get("artifacts/list", run_id=run_id, path="folder")
    assert b"secret" not in listed.body or listed.status >= 400
    assert server.send("DELETE", f"{PROXY}/0/{run_id}/artifacts/").status in (200, 400, 404)
    assert (folder / "secret").read_bytes() == SECRET


def test_a_run_of_one_experiment_is_not_reached_through_another(target: tuple[Server, Path, str]) -> None:
    server, _, run_id = target
    other = server.create_experiment(f"not of {run_id}")
    for method in ("GET", "PUT", "DELETE"):
        assert server.send(method, f"{PROXY}/{other}/{run_id}/artifacts/a/b").status == 404


# -- what the server's code does not do


def calls_and_imports(folder: str) -> Iterator[tuple[str, str]]:
    """Every module that is imported and every function that is called, by file, in a part of the package."""
    for path in sorted((PACKAGE / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((path.name, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield path.name, node.module
            elif isinstance(node, ast.Call):
                yield path.name, ast.unparse(node.func)


@pytest.mark.parametrize(
    ("what", "forbidden"),
    [
        ("unpickles", ("pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "torch", "skops", "yaml")),
        ("runs commands", ("subprocess", "pty", "os.system", "os.popen", "os.exec", "os.spawn", "os.posix_spawn")),
        ("runs text", ("eval", "exec", "compile", "code", "runpy", "jinja2", "__import__")),
        ("fetches URLs", ("urllib.request", "http.client", "requests", "urllib3", "httpx", "aiohttp", "ftplib")),
        ("unpacks archives", ("tarfile", "zipfile", "shutil.unpack_archive", "gzip", "bz2", "lzma")),
        ("uses shared temporary folders", ("tempfile",)),
    ],
)
def test_the_server_never(what: str, forbidden: tuple[str, ...]) -> None:
    found = [
        (file, name)
        for folder in ("server", "catalog", "query")
        for file, name in calls_and_imports(folder)
        if any(
            name == one
            or (name.startswith((f"{one}.", f"{one}v", f"{one}l")) and "." in one)
            or name.partition(".")[0] == one
            for one in forbidden
        )
    ]
    assert not found, f"the server {what}"


class Bomb:
    """What writes a file when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return Path.write_text, (self.marker, "loaded")


def test_nothing_that_is_uploaded_is_loaded(target: tuple[Server, Path, str], tmp_path: Path) -> None:
    server, _, run_id = target
    bomb = pickle.dumps(Bomb(tmp_path / "marker"))
    for name in ("model.pkl", "model.joblib", "python_model.pkl", "MLmodel", "data.pt", "table.json", "x.npy"):
        path = f"{PROXY}/0/{run_id}/artifacts/model/{name}"
        assert server.send("PUT", path, bomb).status == 200
        assert server.send("GET", path).body == bomb
    server.get("artifacts/list", run_id=run_id, path="model")
    server.get("runs/get", run_id=run_id)
    server.post("runs/search", experiment_ids=["0"])
    modules = Path(f"/proc/{server.process.pid}/maps").read_text()
    assert not (tmp_path / "marker").exists()
    assert "/torch/" not in modules
    assert "/sklearn/" not in modules


def test_names_are_names_and_neither_commands_nor_queries(place: tuple[Server, Path], tmp_path: Path) -> None:
    server, _ = place
    marker = tmp_path / "marker"
    for evil in [
        f"$(touch {marker})",
        f"`touch {marker}`",
        f"; touch {marker} #",
        f"| touch {marker}",
        "{{''.__class__.__mro__[1].__subclasses__()}}",
        "{0.__class__} %s %(name)s ${name}",
        "'; DROP TABLE run; --",
        "' OR '1'='1",
    ]:
        experiment_id = server.create_experiment(evil)
        run_id = server.create_run(experiment_id, run_name=evil, user_id=evil, tags=[{"key": "evil", "value": evil}])
        assert server.post("runs/log-parameter", run_id=run_id, key="evil", value=evil).status == 200
        assert (
            server.send(
                "PUT", f"{PROXY}/{experiment_id}/{run_id}/artifacts/{quote(evil.replace('/', '_'))}", b"x"
            ).status
            == 200
        )
        found = server.run(run_id)
        assert found["info"]["run_name"] == found["data"]["params"][0]["value"] == evil
        assert server.get("experiments/get-by-name", experiment_name=evil).json["experiment"]["name"] == evil
        for text in (evil, f"tags.evil = '{evil}'", f'params.evil = "{evil}"'):
            assert server.post("runs/search", experiment_ids=[experiment_id], filter=text).status in (200, 400)
    assert not marker.exists()
    assert server.post("runs/search", experiment_ids=["0"]).status == 200


# -- server-side request forgery


def test_no_address_that_a_client_names_is_called(target: tuple[Server, Path, str]) -> None:
    server, _, run_id = target
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/x"
        dataset = {"name": "d", "digest": "1", "source_type": "http", "source": url}
        assert server.post("runs/log-inputs", run_id=run_id, datasets=[{"dataset": dataset}]).status == 200
        server.post("experiments/create", name=url, artifact_location=url)
        for key in ("mlflow.source.name", "mlflow.source.git.repoURL", "mlflow.artifactLocation"):
            assert server.post("runs/set-tag", run_id=run_id, key=key, value=url).status == 200
        server.get("artifacts/list", run_id=run_id, path=url)
        for path in (
            "webhooks/create",
            "webhooks/test",
            "gateway-proxy",
            "model-versions/create",
            "registered-models/create",
        ):
            server.post(path, url=url, target_uri=url, source=url, name="x")
        with pytest.raises(BlockingIOError):
            listening.accept()


# -- browsers


@pytest.mark.parametrize("name", ["page.html", "page.svg", "page.xhtml", "page.js", "page.pdf", "page", "MLmodel"])
def test_an_artifact_is_saved_and_never_shown(name: str, target: tuple[Server, Path, str]) -> None:
    server, _, run_id = target
    page = b"<html><script>alert(1)</script></html>"
    assert server.send("PUT", f"{PROXY}/0/{run_id}/artifacts/{name}", page, {"Content-Type": "text/html"}).status == 200
    answer = server.send("GET", f"{PROXY}/0/{run_id}/artifacts/{name}")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox")


def test_the_name_of_a_download_adds_no_header(target: tuple[Server, Path, str]) -> None:
    server, _, run_id = target
    for name in ('a"; filename="b.html', "a%0d%0aX-Evil: 1", "ä;b", "a'b"):
        path = f"{PROXY}/0/{run_id}/artifacts/{quote(name, safe='%')}"
        assert server.send("PUT", path, b"x").status in (200, 400, 404)
        answer = server.send("GET", path)
        assert "x-evil" not in answer.headers
        assert "b.html" not in answer.headers.get("content-disposition", "").replace("%22", "").split(";")[0]


SCRIPT = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    "path",
    [
        f"/{quote(SCRIPT)}",
        f"{API}mlflow/runs/get?run_id={quote(SCRIPT)}",
        f"{API}mlflow/experiments/get-by-name?experiment_name={quote(SCRIPT)}",
        f"{API}mlflow/experiments/search?filter={quote(SCRIPT)}&max_results=1",
        f"{API}mlflow/artifacts/list?run_id={quote(SCRIPT)}&path={quote(SCRIPT)}",
        f"{PROXY}/{quote(SCRIPT)}",
        f"{API}mlflow/traces/{quote(SCRIPT)}",
    ],
)
def test_what_comes_back_in_an_error_is_no_page_that_repeats_it(path: str, place: tuple[Server, Path]) -> None:
    for headers in ({}, {"Host": SCRIPT}, {"Origin": SCRIPT}, {"Accept": "text/html"}):
        answer = place[0].send("GET", path, headers=headers)
        is_page = answer.headers["content-type"].startswith("text/html")
        assert not is_page or (headers == {"Accept": "text/html"} and b"alert" not in answer.body)
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "endpoint", [one for one in ENDPOINTS if one.method != "GET"], ids=lambda one: f"{one.method} {one.path}"
)
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None]
)
def test_what_a_form_of_another_site_can_send_changes_nothing(
    endpoint: Any, kind: str | None, place: tuple[Server, Path]
) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    body = json.dumps({"name": "forged", "experiment_id": "0"})
    answer = place[0].send(endpoint.method, f"/api/{endpoint.versions[0]}/{endpoint.path}", body, headers)
    assert answer.mistake == (400, "INVALID_PARAMETER_VALUE")


def test_methods_are_not_overridden(target: tuple[Server, Path, str]) -> None:
    server, _, run_id = target
    path = f"{PROXY}/0/{run_id}/artifacts/a/b"
    for headers in ({"X-HTTP-Method-Override": "DELETE"}, {"X-Method-Override": "DELETE"}, {"X-HTTP-Method": "DELETE"}):
        assert server.send("GET", f"{path}?_method=DELETE", headers=headers).body == b"harmless"


# -- denial of service


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("experiments/create", {"name": "x" * 100_000}),
        ("experiments/create", {"name": "many", "tags": [{"key": "k" * 10_000, "value": "v"}]}),
        ("runs/log-metric", {"key": "x" * 100_000, "value": 1, "timestamp": 1}),
        ("runs/log-metric", {"key": "a", "value": 1, "timestamp": 10**30}),
        ("runs/log-metric", {"key": "a", "value": "9" * 100_000, "timestamp": 1}),
        ("runs/log-parameter", {"key": "x" * 100_000, "value": "1"}),
        ("runs/set-tag", {"key": "x" * 100_000, "value": "1"}),
        ("runs/search", {"max_results": 10**9}),
        ("runs/search", {"max_results": -1}),
        ("experiments/search", {"max_results": 10**9}),
        ("runs/search", {"filter": "(" * 100_000}),
        ("runs/search", {"filter": " AND ".join(["metrics.a > 1"] * 20_000)}),
        ("runs/search", {"filter": "NOT " * 100_000 + "metrics.a > 1"}),
        ("runs/search", {"order_by": ["metrics.a"] * 10_000}),
        ("runs/log-batch", {"metrics": [{"key": "a", "value": 1, "timestamp": 1}] * 100_000}),
        ("runs/log-batch", {"params": [{"key": str(n), "value": "1"} for n in range(10_000)]}),
    ],
    ids=range(16),
)
def test_what_is_too_large_is_refused_soon(path: str, fields: dict[str, Any], target: tuple[Server, Path, str]) -> None:
    server, _, run_id = target
    began = time.perf_counter()
    answer = server.post(path, **{"run_id": run_id, "experiment_ids": ["0"], **fields})
    assert answer.status == 400 or "NOT" in fields.get("filter", ""), answer
    assert len(answer.body) < 10_000
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize(
    "body", ["[" * 500_000, '{"a":' * 100_000, "1" * 1_000_000, '{"a":1e999999999}', '{"a":-' + "0" * 10**6]
)
def test_json_that_is_made_to_hurt_is_refused(body: str, place: tuple[Server, Path]) -> None:
    answer = place[0].send("POST", f"{API}mlflow/experiments/create", body, JSON)
    assert answer.status == 400
    assert len(answer.body) < 2000


SEARCHES = {
    "runs/search": {"experiment_ids": ["0"]},
    "experiments/search": {"max_results": 5},
    "logged-models/search": {"experiment_ids": ["0"]},
}


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize(
    "said",
    [b'{"offset":1%s}' % (b"0" * 30), b'{"offset":%s}' % (b"9" * 5000), b"[" * 100_000, b'{"offset":true}', b"[1]"],
    ids=["long", "longer", "deep", "a truth", "a list"],
)
def test_a_token_that_is_made_to_hurt_is_refused(search: str, said: bytes, place: tuple[Server, Path]) -> None:
    token = base64.b64encode(said).decode()
    answer = place[0].post(search, **SEARCHES[search], page_token=token)
    assert answer.status == 400
    assert len(answer.body) < 1000


@pytest.mark.parametrize("value", [{}, [], [[]], True, 1.5, 10**30, "x" * 10_000], ids=range(7))
@pytest.mark.parametrize(
    "endpoint", [one for one in ENDPOINTS if one.method != "GET"], ids=lambda one: f"{one.method} {one.path}"
)
def test_a_value_of_another_kind_is_no_defect(endpoint: Any, value: Any, place: tuple[Server, Path]) -> None:
    fields = dict.fromkeys(read_fields(FIELDS[endpoint.path])["properties"], value)
    answer = place[0].send(endpoint.method, f"/api/{endpoint.versions[0]}/{endpoint.path}", json.dumps(fields), JSON)
    assert answer.status < 500 or answer.status == 501


def test_a_pattern_that_is_made_to_hurt_takes_no_time(target: tuple[Server, Path, str]) -> None:
    server, _, run_id = target
    server.post("runs/set-tag", run_id=run_id, key="long", value="a" * 5000)
    for pattern in ("tags.long RLIKE '(a+)+$b'", "tags.long RLIKE '(a|a)*b'", "tags.long LIKE '" + "%a" * 200 + "b'"):
        began = time.perf_counter()
        assert server.post("runs/search", experiment_ids=["0"], filter=pattern).status in (200, 400)
        assert time.perf_counter() - began < 5


# -- temporary files and what others on the machine can do


def test_nothing_of_the_store_can_be_written_by_others(place: tuple[Server, Path]) -> None:
    server, folder = place
    run_id = server.create_run()
    assert server.send("PUT", f"{PROXY}/0/{run_id}/artifacts/x", b"x").status == 200
    modes = {path: os.lstat(path).st_mode for path in (folder / "lake").rglob("*")}
    assert not [path for path, mode in modes.items() if mode & stat.S_IWOTH and not stat.S_ISLNK(mode)]


def test_errors_say_nothing_of_the_machine(target: tuple[Server, Path, str]) -> None:
    server, folder, run_id = target
    for answer in (
        server.send("GET", f"{PROXY}/0/{run_id}/artifacts/nothing"),
        server.send("PUT", f"{PROXY}/0/{run_id}/artifacts/a/b/c", b"below a file"),
        server.send("GET", f"{PROXY}/0/{run_id}/artifacts/a"),
        server.get("artifacts/list", run_id=run_id, path="a/b/c"),
    ):
        assert str(folder).encode() not in answer.body
        assert b"Traceback" not in answer.body
        assert b".py" not in answer.body
