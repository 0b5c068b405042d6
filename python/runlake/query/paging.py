"""Pages of a listing, with MLflow's tokens: where the next page begins, as JSON in base64."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

from runlake.errors import InvalidInput, InvalidType
from runlake.names import shortened

MOST_RESULTS: Final = 50_000
_LARGEST_OFFSET: Final = (1 << 62) - 1  # the end of the page behind it is still a number of 64 bits


def check_size(max_results: object) -> int:
    """Return how many results a page has.

    Raises:
        InvalidInput: it is not an integer from 1 to 50,000.
    """
    if not isinstance(max_results, int) or isinstance(max_results, bool):
        raise InvalidType(f"max_results has type {type(max_results).__name__}: {max_results!r}; it must be an integer")
    if not 1 <= max_results <= MOST_RESULTS:
        raise InvalidInput(f"max_results is {max_results}; it must be from 1 to {MOST_RESULTS:,}")
    return max_results


def page_start(token: str | bytes | None) -> int:
    """Return where the page that a token leads to begins; without a token that is 0.

    Raises:
        InvalidInput: no such token was ever handed out.
    """
    return said_offset(token, said_by(token)) if token else 0


def said_by(token: str | bytes) -> dict[str, Any]:
    """Return what is in a token.

    Raises:
        InvalidInput: nothing that can be read.
    """
    try:
        said = json.loads(base64.b64decode(token, validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _strange(token) from error
    if not isinstance(said, dict):
        raise _strange(token)
    return said


def said_offset(token: str | bytes, said: Mapping[str, Any]) -> int:
    """Return where the page that a token leads to begins.

    Raises:
        InvalidInput: nowhere.
    """
    offset = said.get("offset")
    if type(offset) is not int or not 0 < offset <= _LARGEST_OFFSET:
        raise _strange(token)
    return offset


def _strange(token: str | bytes) -> InvalidInput:
    return InvalidInput(f"page token {shortened(token)!r} is not one that a search has returned")


def page_token(offset: int) -> str:
    """Return the token of the page that begins at `offset`."""
    return base64.b64encode(json.dumps({"offset": offset}).encode()).decode()
