"""Pages of a listing, with MLflow's tokens: where the next page begins, as JSON in base64."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Final

from runlake.errors import InvalidInput, InvalidType

MOST_RESULTS: Final = 50_000


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
    if not token:
        return 0
    try:
        offset = json.loads(base64.b64decode(token, validate=True))["offset"]
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"page token {token!r} is not one that a search has returned") from error
    if not isinstance(offset, int) or offset <= 0:
        raise InvalidInput(f"page token {token!r} is not one that a search has returned")
    return offset


def page_token(offset: int) -> str:
    """Return the token of the page that begins at `offset`."""
    return base64.b64encode(json.dumps({"offset": offset}).encode()).decode()
