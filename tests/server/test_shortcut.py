"""Routes that are found at once are those that a router would have found, and no others."""

from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Route

from runlake.server.app import create_app
from runlake.server.settings import ServerSettings
from runlake.server.shortcut import Shortcut


async def answer(_request: Request) -> Response:
    return PlainTextResponse("")


async def another(_request: Request) -> Response:
    return PlainTextResponse("")


def scope(method: str, path: str) -> dict[str, Any]:
    return {"type": "http", "method": method, "path": path}


ROUTES = [
    Route("/runs/search", answer, methods=["POST"]),
    Route("/runs/{run_id}", answer),
    Route("/runs/get", answer),
    Route("/runs/get", another),
]


@pytest.mark.parametrize(
    ("method", "path", "match"),
    [
        ("POST", "/runs/search", Match.FULL),
        ("GET", "/runs/get", Match.FULL),
        ("HEAD", "/runs/get", Match.FULL),
        ("GET", "/runs/search", Match.NONE),
        ("GET", "/runs/abc", Match.NONE),
        ("GET", "/runs/{run_id}", Match.NONE),
        ("GET", "/runs/get/", Match.NONE),
    ],
)
def test_only_paths_without_parameters_are_found_and_by_their_method(method: str, path: str, match: Match) -> None:
    assert Shortcut(ROUTES).matches(scope(method, path))[0] is match


def test_of_two_routes_the_first_is_found() -> None:
    assert Shortcut(ROUTES).matches(scope("GET", "/runs/get"))[1]["endpoint"] is answer


@pytest.mark.parametrize("auth", [False, True])
def test_a_server_finds_what_it_would_find_without(auth: bool) -> None:
    shortcut, *routes = create_app(ServerSettings("lake", auth=auth)).routes
    assert isinstance(shortcut, Shortcut)
    for route in routes:
        assert isinstance(route, Route)
        for method in route.methods or ():
            asked = scope(method, route.path)
            match, found = shortcut.matches(asked)
            if match is Match.FULL:
                first = next(other for other in routes if other.matches(asked)[0] is Match.FULL)
                assert found == first.matches(asked)[1]
