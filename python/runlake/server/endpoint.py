"""Endpoint: what a client can ask for, as the tables of routes list it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.requests import Request

    from runlake.server.mlflow_fields import Fields
    from runlake.store import Store

Handler = Callable[["Store", "Fields"], Mapping[str, Any] | bytes]
Answer = Callable[["Request"], Awaitable[Response]]


@dataclass(frozen=True)
class Endpoint:
    """One thing that a client can ask for: fields in, an object out."""

    method: str
    path: str
    handle: Handler
    versions: tuple[str, ...] = ("2.0",)
    answer_bytes: int = 0
    """What a long answer takes in the making, about; it is begun when there is that much room."""


@dataclass(frozen=True)
class Transfer:
    """A file that goes in or out; its length is not limited. `at_root`: its path stands without a prefix."""

    method: str
    path: str
    answer: Answer
    at_root: bool = False
