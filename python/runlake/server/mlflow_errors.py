"""Errors as MLflow's clients read them: `{"error_code", "message"}`, and the HTTP status that belongs to the code."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.exceptions import HTTPException
from starlette.responses import Response

from runlake.errors import InvalidInput, MlflowException, ParameterChanged
from runlake.server.calls import worker_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from runlake.store import Store

_log = logging.getLogger("runlake")

_SEE_DOCS: Final = "See the API docs for more information about request parameters."
_CODE_OF_STATUS: Final = {
    404: "ENDPOINT_NOT_FOUND",
    408: "REQUEST_TIMEOUT",
    413: "INVALID_PARAMETER_VALUE",
    429: "REQUEST_LIMIT_EXCEEDED",
}
_ASK: Final = {"WWW-Authenticate": 'Basic realm="runlake", charset="UTF-8"'}
_CHANGED: Final = "Changing param values is not allowed. "


def missing(name: str) -> InvalidInput:
    """Make the error for a field that a request has to have."""
    return InvalidInput(f"Missing value for required parameter '{name}'. {_SEE_DOCS}")


def invalid(name: str, value: Any, rule: str | None = None) -> InvalidInput:
    """Make the error for a field with a value that it cannot have; without a rule its type is what is wrong."""
    try:
        shown = orjson.dumps(value, default=str, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:  # a whole number of more than 64 bits
        shown = str(value)
    said = rule or f" Hint: Value was of type '{type(value).__name__}'."
    if len(shown) > 200:
        shown = shown[:200] + "…"
    return InvalidInput(f"Invalid value {shown} for parameter '{name}' supplied: {said} {_SEE_DOCS}")


def not_implemented(sentence: str) -> MlflowException:
    """Make the error for what MLflow has and this server has not."""
    return MlflowException(sentence, "NOT_IMPLEMENTED")


def error_response(code: str, message: str, status: int, headers: dict[str, str] | None = None) -> Response:
    """Answer with an error."""
    content = orjson.dumps({"error_code": code, "message": message})
    return Response(content, status, headers, media_type="application/json")


async def answer_error(request: Request, error: Exception) -> Response:
    """Answer with what a call into the store has raised, but not with where on the machine the store is."""
    assert isinstance(error, MlflowException)
    status = error.get_http_status_code()
    if status >= 500 and status != 501:
        _log.error("a request failed: %s", error, exc_info=error)
    message = _CHANGED + str(error) if isinstance(error, ParameterChanged) else str(error)
    message = without_root(message, worker_of(request).store)
    return error_response(error.error_code, message, status, _ASK if status == 401 else None)


def without_root(message: str, store: Store) -> str:
    """Leave out of a message where on the machine the store is."""
    return message.replace(str(store.root), "<store>")


async def answer_http_error(_request: Request, error: Exception) -> Response:
    """Answer with what the framework has raised: no such path, another method, a body that is too long."""
    assert isinstance(error, HTTPException)
    code = _CODE_OF_STATUS.get(error.status_code, "BAD_REQUEST")
    headers = dict(error.headers) if error.headers else None
    return error_response(code, str(error.detail), error.status_code, headers)


async def answer_nobody(_request: Request, _error: Exception) -> Response:
    """Note that a client went away before it had sent everything."""
    return error_response("CANCELLED", "the client went away", 499)


async def answer_defect(_request: Request, error: Exception) -> Response:
    """Answer with an error that nobody foresaw, without what it says: that may be about the machine."""
    return error_response("INTERNAL_ERROR", f"the server failed with {type(error).__name__}; its log has more", 500)
