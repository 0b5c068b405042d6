"""The page about compatibility, the table of routes and the server say the same."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from runlake.server.app import create_app
from runlake.server.mlflow_absent import ABSENT, ABSENT_AT_ROOT
from runlake.server.settings import ServerSettings
from tests.server.wire import Server

PAGE = (Path(__file__).parents[2] / "docs" / "compatibility.md").read_text()
SECTION = PAGE.partition("\n## Over HTTP\n")[2].partition("\n## ")[0]


def routed() -> Iterator[tuple[str, str]]:
    """Method and path of every route of MLflow's, each of them at both prefixes."""
    routes = {
        (method, route.path)
        for route in create_app(ServerSettings("lake")).routes
        for method in getattr(route, "methods", ()) - {"HEAD"}
    }
    for method, path in routes:
        if found := re.match(r"/api/([\d.]+)/(.*)", path):
            assert (method, f"/ajax-api/{found[1]}/{found[2]}") in routes
            yield method, found[2]


def test_the_page_lists_every_endpoint_that_there_is() -> None:
    listed = re.findall(r"^\| (GET|POST|PUT|PATCH|DELETE) `(\S+)` \| (?:yes|partly) \|", SECTION, re.MULTILINE)
    assert sorted(listed) == sorted(routed())


def test_the_page_lists_everything_that_is_not_there() -> None:
    listed = re.findall(r"`([^`\s]+)`", SECTION.partition("get 501 with")[2].partition("Errors have")[0])
    assert listed == [*ABSENT, *(f"/{path}" for path in ABSENT_AT_ROOT)]


@pytest.mark.parametrize("path", [*(f"/api/2.0/{path}" for path in ABSENT), *(f"/{path}" for path in ABSENT_AT_ROOT)])
def test_what_is_not_there_says_so_in_a_sentence(server: Server, path: str) -> None:
    for method, full in (("GET", f"{path}/some/thing"), ("POST", path), ("PATCH", path), ("DELETE", f"/{path}")):
        answer = server.send(
            method, full.replace("//", "/").replace("/2.0/", "/3.0/" if method == "PATCH" else "/2.0/")
        )
        assert answer.mistake == (501, "NOT_IMPLEMENTED"), (method, full)
        assert answer.json["message"].endswith(".")


def test_no_such_path_and_no_such_method_are_told_apart(server: Server) -> None:
    for path in ("/nothing", "/api/2.0/mlflow/runs/nothing", "/api/2.0/mlflow/gatewayx", "/api/9.0/x"):
        assert server.send("GET", path).mistake == (404, "ENDPOINT_NOT_FOUND"), path
    answer = server.send("GET", "/api/2.0/mlflow/runs/create")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_what_the_server_can_do_is_said_where_clients_look(server: Server) -> None:
    for api in ("api", "ajax-api"):
        info = server.send("GET", f"/{api}/3.0/mlflow/server-info").json
        assert (info["multipart_uploads_enabled"], info["workspaces_enabled"]) == (False, False)
