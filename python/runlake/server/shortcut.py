"""Shortcut: routes whose paths have no parameters, found at once.

A router tries its routes one after another, at 1 to 2 us each, and the busiest would come behind dozens of others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute, Match, Route

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


class Shortcut(BaseRoute):
    """Stands before the routes that it leads to; what it does not know is for those to answer."""

    path = ""
    methods: frozenset[str] = frozenset()
    """None of its own: who lists routes finds them behind it."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._found: dict[tuple[str, str], Route] = {}
        for route in routes:
            if isinstance(route, Route) and not route.param_convertors:
                for method in route.methods or ():
                    self._found.setdefault((method, route.path), route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell whether a request is for one of the routes."""
        route = self._find(scope)
        return (Match.NONE, {}) if route is None else (Match.FULL, {"endpoint": route.endpoint, "path_params": {}})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the route answer."""
        route = self._find(scope)
        assert route is not None
        await route.handle(scope, receive, send)

    def _find(self, scope: Scope) -> Route | None:
        return self._found.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
