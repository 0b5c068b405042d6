"""Places: the store that the URI of a model is of."""

from __future__ import annotations

from runlake import location
from runlake.cli.options import folder_of
from runlake.models.locating import is_of_store
from runlake.remote.address import is_address


def in_force(given: str | None, model_uri: str) -> None:
    """Let URIs be of the store that is meant.

    Raises:
        StoreUnavailable: the model is one of a store, and there is none.
    """
    if given is not None:
        location.set_tracking_uri(given)
    if is_of_store(model_uri) and not is_address(location.resolved()):
        folder_of(None)
