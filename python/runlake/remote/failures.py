"""Failures: what a server's refusal is as an error here, and which are worth another try."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

from runlake import errors
from runlake.errors import (
    AlreadyExists,
    InvalidInput,
    NotFound,
    PermissionDenied,
    PromotionRefused,
    RunlakeError,
    ServerUnavailable,
    StoreError,
    Unauthenticated,
    VersionInUse,
)
from runlake.exchange import from_json

BUSY: Final = (429, 502, 503, 504)
"""Statuses that say: not now."""
REFUSED_BEFORE: Final = (429, 503)
"""Those of them that say that nothing was done."""

_OF_CODE: Final[Mapping[str, type[RunlakeError]]] = {
    "BAD_REQUEST": InvalidInput,
    "INVALID_PARAMETER_VALUE": InvalidInput,
    "RESOURCE_ALREADY_EXISTS": AlreadyExists,
    "RESOURCE_CONFLICT": VersionInUse,  # of MLflow's endpoints; promotions go by calls of our own
    "RESOURCE_DOES_NOT_EXIST": NotFound,
    "UNAUTHENTICATED": Unauthenticated,
    "PERMISSION_DENIED": PermissionDenied,
    "TEMPORARILY_UNAVAILABLE": ServerUnavailable,
    "REQUEST_LIMIT_EXCEEDED": ServerUnavailable,
    "DEADLINE_EXCEEDED": ServerUnavailable,
    "INTERNAL_ERROR": StoreError,
    "NOT_IMPLEMENTED": RunlakeError,
}
_HINTS: Final = {
    Unauthenticated: "set RUNLAKE_TRACKING_TOKEN, or RUNLAKE_TRACKING_USERNAME and RUNLAKE_TRACKING_PASSWORD",
    PermissionDenied: "ask whoever runs the server for the permission",
}
_LONGEST_S: Final = 300.0


def failure(status: int, body: bytes, server: str) -> RunlakeError:
    """Return the error that an answer stands for: of the class that the server raised, where it says so.

    Args:
        server: URL of the server, for messages.
    """
    said = _object(body)
    kind = _kind(status, said)
    message = str(said.get("message") or f"the server {server} answered with status {status}")
    message, _, in_message = message.partition("\nhint: ")
    error = kind(message, hint=said.get("hint") or in_message or _HINTS.get(kind))
    error.error_code = str(said.get("error_code") or _code_of(status, error))
    if isinstance(error, PromotionRefused) and "report" in said:
        error.report = from_json(said["report"])
    return error


def _kind(status: int, said: Mapping[str, Any]) -> type[RunlakeError]:
    named = getattr(errors, str(said.get("error_class", "")), None)
    if isinstance(named, type) and issubclass(named, RunlakeError):
        return named
    if (known := _OF_CODE.get(str(said.get("error_code", "")))) is not None:
        return known
    if status in BUSY:
        return ServerUnavailable
    by_status = {401: Unauthenticated, 403: PermissionDenied, 404: NotFound, 409: AlreadyExists}
    return by_status.get(status) or (StoreError if status >= 500 else InvalidInput)


def _code_of(status: int, error: RunlakeError) -> str:
    return "REQUEST_LIMIT_EXCEEDED" if status == 429 else error.error_code


def _object(body: bytes) -> dict[str, Any]:
    try:
        read = json.loads(body)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def retry_after_s(header: str | None) -> float | None:
    """Return how many seconds a server asks to be left alone: a number, or until a date; at most five minutes."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time.time()
        except (TypeError, ValueError):
            return None
    return min(max(seconds, 0.0), _LONGEST_S) if seconds == seconds else None
