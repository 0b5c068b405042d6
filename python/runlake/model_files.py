"""Files of models: from the URI of a logged or registered model to its artifacts, and the folder in them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from runlake import run_files
from runlake.entities import LoggedModel, LoggedModelStatus
from runlake.errors import NotFound
from runlake.location import get_registry_uri
from runlake.model_sources import find_version, version_files
from runlake.model_uris import parse_models_uri
from runlake.names import check_run_id
from runlake.stores import store_at

if TYPE_CHECKING:
    from runlake.artifacts import Contents
    from runlake.stores import AnyStore


def in_force(uri: str, tracking_uri: str | None = None) -> tuple[Contents, str]:
    """Find what a `runs:/` or a `models:/` URI names in the store of a tracking URI, by default in those in force.

    Names of registered models are then those of the registry in force.
    """
    of_registry = tracking_uri is None and uri.startswith("models:/") and parse_models_uri(uri).model_id is None
    return find(store_at(get_registry_uri() if of_registry else tracking_uri), uri)


def find(store: AnyStore, uri: str) -> tuple[Contents, str]:
    """Find what a `runs:/` or a `models:/` URI names: artifacts, and the path in them."""
    scheme, _, named = uri.partition(":/")
    if scheme != "runs":
        return of_uri(store, uri)
    run_id, _, path = named.strip("/").partition("/")
    return of_run(store, run_id, path)


def of_uri(store: AnyStore, uri: str) -> tuple[Contents, str]:
    """Find the files that a `models:/` URI names: artifacts, and the folder in them.

    Raises:
        NotFound: there is no such model or version.
        InvalidInput: the URI is none, or leaves its place.
    """
    named = parse_models_uri(uri)
    if named.model_id is not None:
        return run_files.model_artifacts(store, store.catalog.get_logged_model(named.model_id)), ""
    version = find_version(store, named)
    return version_files(store, version.name, version.version)


def of_run(store: AnyStore, run_id: str, path: str) -> tuple[Contents, str]:
    """Find an artifact of a run: among its own, else in the model of that name that it has logged last.

    A path that leads to neither is given back as one of the run's own.
    """
    own = run_files.artifacts(store, run_id)
    if not path or own.kind(path) is not None:
        return own, path
    name, _, rest = path.partition("/")
    logged = logged_by(store, run_id, name)
    return (own, path) if logged is None else (run_files.model_artifacts(store, logged), rest)


def logged_by(store: AnyStore, run_id: str, name: str) -> LoggedModel | None:
    """Return the model of a name that a run has logged last, a READY one before others; None when there is none.

    One that is still PENDING may be written to, or be what a killed process has left; a FAILED one has no files.
    """
    written = store.catalog.get_run(check_run_id(run_id)).outputs
    found = []
    for output in [] if written is None else written.model_outputs:
        with contextlib.suppress(NotFound):  # deleted since
            found.append(store.catalog.get_logged_model(output.model_id))
    usable = [model for model in found if model.name == name and model.status != LoggedModelStatus.FAILED]
    ready = LoggedModelStatus.READY
    return max(usable, key=lambda model: (model.status == ready, model.creation_timestamp), default=None)
