"""What the parts of the workflow expect of a client, whichever it is."""

from collections.abc import Callable
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException

MLFLOW_3 = not mlflow.__version__.startswith("2.")


def refused(call: Callable[[], Any], code: str | None) -> None:
    """Expect an error with that code; None takes any error."""
    try:
        call()
    except (MlflowException, OSError) as error:
        met = getattr(error, "error_code", None)
    else:
        met = "no error"
    assert met == code or (code is None and met != "no error"), met


def paged(page_of: Callable[[str | None], Any]) -> list[Any]:
    """Return everything of a listing, page by page; at least two are expected."""
    found, token, pages = [], None, 0
    while True:
        page = page_of(token)
        pages += 1
        found += page
        if not (token := page.token):
            assert pages > 1, "one page only"
            return found
