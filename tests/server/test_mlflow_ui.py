"""MLflow's pages as files: what is served, how browsers may keep it, and that nothing else of the machine is."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runlake.server.app import create_app
from runlake.server.mlflow_ui import find_bundle
from runlake.server.settings import ServerSettings
from tests.server.wire import Server, served

PAGE = (Path(__file__).parents[2] / "docs" / "compatibility.md").read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("pages"), "--ui", "mlflow") as running:
        yield running


def test_the_first_page_and_all_that_it_names_are_served_with_their_types(server: Server) -> None:
    first = server.send("GET", "/")
    assert first.headers["content-type"] == "text/html; charset=utf-8"
    names = re.findall(r'(?:src|href)="\.?/?(static-files/[^"]+)"', first.body.decode())
    types = {name.rpartition(".")[2]: server.send("GET", f"/{name}").headers["content-type"] for name in names}
    assert types["js"] == "text/javascript; charset=utf-8"
    assert types["css"] == "text/css; charset=utf-8"
    assert types["ico"] == "image/x-icon"


def test_every_file_of_the_bundle_has_a_known_type(server: Server) -> None:
    seen: dict[str, str] = {}
    for path in sorted(find_bundle().rglob("*.*")):
        if path.is_file() and path.suffix not in seen:
            answer = server.send("HEAD", f"/static-files/{path.relative_to(find_bundle())}")
            assert answer.status == 200, path
            seen[path.suffix] = answer.headers["content-type"]
    assert {suffix for suffix, kind in seen.items() if kind == "application/octet-stream"} <= {".eot", ".map"}


def test_browsers_keep_what_has_a_hash_in_its_name_and_ask_again_for_the_rest(server: Server) -> None:
    script = next(find_bundle().glob("static/js/main.*.js")).name
    kept = server.send("GET", f"/static-files/static/js/{script}")
    assert kept.headers["cache-control"] == "max-age=31536000, immutable"
    assert server.send("GET", "/").headers["cache-control"] == "no-cache"
    assert server.send("GET", "/static-files/manifest.json").headers["cache-control"] == "no-cache"
    again = server.send("GET", "/", headers={"If-None-Match": server.send("GET", "/").headers["etag"]})
    assert (again.status, again.body) == (304, b"")


def test_pages_may_load_nothing_from_elsewhere(server: Server) -> None:
    for path in ("/", "/static-files/manifest.json", "/static-files/lib/notebook-trace-renderer/index.html"):
        headers = server.send("GET", path).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'self'"
        assert policy["script-src"] == "'self' 'unsafe-eval'"
        assert not re.search(r"https?:|\*", headers["content-security-policy"])
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "SAMEORIGIN")


@pytest.mark.parametrize(
    "path",
    [
        "../../../version.py",
        "..%2f..%2f..%2fversion.py",
        "%2e%2e/%2e%2e/%2e%2e/version.py",
        "..%252f..%252fversion.py",
        "..\\..\\..\\version.py",
        "/etc/passwd",
        "//etc/passwd",
        "%2fetc%2fpasswd",
        "static/js/../../../../../version.py",
        "index.html%00.js",
        "C:/windows/win.ini",
        "static",
        "",
        "nothing.js",
        "x" * 5000,
    ],
)
def test_no_other_file_is_served(server: Server, path: str) -> None:
    assert server.send("GET", f"/static-files/{path}").mistake == (404, "ENDPOINT_NOT_FOUND")


def test_pages_are_served_to_nobody_who_calls_by_another_name(server: Server) -> None:
    for path in ("/", "/static-files/manifest.json", "/get-artifact?path=a&run_id=b"):
        assert server.send("GET", path, headers={"Host": "evil.example"}).status == 403


def test_an_artifact_is_a_download_that_runs_nothing_and_pictures_are_pictures(server: Server) -> None:
    experiment_id = server.create_experiment("files")
    run_id = server.create_run(experiment_id)
    proxied = f"/api/2.0/mlflow-artifacts/artifacts/{experiment_id}/{run_id}/artifacts"
    types = {}
    for name in ("page.html", "plot.svg", "plot.PNG", "sub/notes.txt"):
        assert server.send("PUT", f"{proxied}/{name}", b"0123456789").status == 200
        answer = server.send("GET", f"/get-artifact?path={name}&run_uuid={run_id}")
        assert (answer.status, answer.body) == (200, b"0123456789")
        assert answer.headers["content-disposition"].startswith("attachment;")
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
        types[name] = answer.headers["content-type"]
    assert list(types.values()) == [
        "application/octet-stream",
        "image/svg+xml",
        "image/png",
        "application/octet-stream",
    ]
    part = server.send("GET", f"/get-artifact?path=sub/notes.txt&run_id={run_id}", headers={"Range": "bytes=2-4"})
    assert (part.status, part.body) == (206, b"234")


@pytest.mark.parametrize("path", ["../../lake.json", "/etc/passwd", "..%2f..%2flake.json", "nothing", ""])
def test_nothing_but_artifacts_of_the_run_can_be_fetched(server: Server, path: str) -> None:
    run_id = server.create_run()
    assert server.send("GET", f"/get-artifact?path={path}&run_id={run_id}").status in (400, 404)


def test_what_is_not_there_is_empty_for_pages_and_said_to_clients(server: Server) -> None:
    body, headers = json.dumps({"locations": []}), {"Content-Type": "application/json"}
    assert server.send("POST", "/ajax-api/3.0/mlflow/traces/search", body, headers).json == {"traces": []}
    assert server.send("POST", "/api/3.0/mlflow/traces/search", body, headers).mistake == (501, "NOT_IMPLEMENTED")
    assert server.send("GET", "/ajax-api/3.0/mlflow/ui-telemetry").json["disable_ui_telemetry"] is True


def test_a_server_without_pages_serves_none_of_it(tmp_path: Path) -> None:
    with served(tmp_path, "--ui", "none") as server:
        for path in ("/", "/runs", "/static-files/manifest.json"):
            assert server.send("GET", path).mistake == (404, "ENDPOINT_NOT_FOUND")
        assert server.send("POST", "/graphql").mistake == (501, "NOT_IMPLEMENTED")


def test_mlflow_is_found_without_being_imported(tmp_path: Path) -> None:
    program = (
        "import sys; from runlake.server.app import create_app; from runlake.server.settings import ServerSettings;"
        f"create_app(ServerSettings({str(tmp_path)!r}, ui='mlflow')); print('mlflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_pages_that_are_not_installed_are_named_before_anything_is_served(tmp_path: Path) -> None:
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow" / "__init__.py").touch()  # as mlflow-skinny has it: no pages
    command = [sys.executable, "-m", "runlake", "server", "--ui", "mlflow", "--port", "0"]
    program = f"import sys, runpy; sys.path.insert(0, {str(tmp_path)!r}); sys.argv = {command[2:]!r};"
    done = subprocess.run(
        [sys.executable, "-c", program + "runpy.run_module('runlake', run_name='__main__')"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=30,
    )
    assert done.returncode == 2
    assert "mlflow is needed for its pages" in done.stderr
    assert "pip install mlflow" in done.stderr
    assert not (tmp_path / "lake").exists()


def test_the_page_about_compatibility_lists_what_pages_add() -> None:
    def routes(ui: str | None) -> set[tuple[str, str]]:
        return {
            (method, route.path)
            for route in create_app(ServerSettings("lake", ui=ui)).routes
            for method in getattr(route, "methods", ()) - {"HEAD"}
        }

    section = PAGE.partition("\n### For MLflow's pages\n")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| (GET|POST) `(\S+)` \|", section, re.MULTILINE)
    empty = re.findall(r"`(GET|POST) (\S+)`", section)
    listed += [(method, f"/ajax-api/{path}") for method, path in empty]
    assert len(listed) == len(set(listed))
    assert set(listed) - routes(None) == routes("mlflow") - routes(None)
