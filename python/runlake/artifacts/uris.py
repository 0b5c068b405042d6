"""Artifact URIs: from `runs:/<run id>/<path>`, `models:/<model>`, a `file:` URI or a path to the artifacts it means.

What a server says of its runs, `mlflow-artifacts:/<experiment>/<run>/artifacts/<path>`, is understood as well.

Paths inside a `runs:` URI are literal, like all artifact paths; only `file:` URIs are percent-decoded, once, as their
definition has it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from runlake import names
from runlake.artifacts.contents import Contents
from runlake.artifacts.files import Artifacts
from runlake.errors import InvalidInput, InvalidType

Locate = Callable[[str, str | None], Contents]
"""Gives the artifacts of a run: run id, tracking URI or None for the one in force."""

LocateUri = Callable[[str, str | None], tuple[Contents, str]]
"""Gives what a `runs:/` or a `models:/` URI names, artifacts and the path in them; tracking URI as above."""


@dataclass(frozen=True)
class Places:
    """How artifacts of a store are found: those of a run by its id, and what a URI names."""

    of_run: Locate
    of_uri: LocateUri


_RUNS = "runs:/"
_MODELS = "models:/"
_OF_SERVER = "mlflow-artifacts:/"


def resolve(
    artifact_uri: str | None,
    run_id: str | None,
    artifact_path: str | None,
    tracking_uri: str | None,
    places: Places,
) -> tuple[Contents, str]:
    """Find the artifacts and the path in them that the arguments of an MLflow artifact function mean.

    Raises:
        InvalidInput: not exactly one of `artifact_uri` and `run_id`, a path besides a URI, or a URI of another scheme.
        NotFound: there is no such run.
    """
    if (artifact_uri is None) == (run_id is None):
        raise InvalidInput("exactly one of artifact_uri and run_id has to be given")
    if run_id is not None:
        return places.of_run(run_id, tracking_uri), artifact_path or ""
    if artifact_path is not None:
        raise InvalidInput("artifact_path goes with run_id; an artifact_uri has the path in it")
    assert artifact_uri is not None
    return _resolve_uri(artifact_uri, tracking_uri, places)


def folder(location: str | os.PathLike[str]) -> str:
    """Give the absolute path of the folder that a path or a `file:` URI means, now and wherever the program goes.

    Raises:
        InvalidInput: it is on another machine or in another kind of storage, or is too long.
    """
    if not isinstance(location, str | os.PathLike) or not isinstance(text := os.fspath(location), str) or not text:
        raise InvalidInput(f"the place of artifacts is a folder, as a path or a file: URI, not {location!r}")
    path = _local_path(text, "artifacts are kept in local folders and file:/// URIs")
    return names.check_length(path, names.MAX_ARTIFACT_LOCATION, "the place of artifacts")


def _resolve_uri(artifact_uri: str, tracking_uri: str | None, places: Places) -> tuple[Contents, str]:
    uri = os.fspath(artifact_uri)
    if not isinstance(uri, str):
        raise InvalidType(f"an artifact URI is text, not {type(artifact_uri).__name__}")
    if uri.startswith(_RUNS):
        run_id, _, path = uri[len(_RUNS) :].lstrip("/").partition("/")
        if not run_id:
            raise InvalidInput(f"{uri!r} has no run id; write runs:/<run id>/<path>")
        return places.of_uri(f"{_RUNS}{run_id}/{path.rstrip('/')}", tracking_uri)
    if uri.startswith(_MODELS):
        return places.of_uri(uri, tracking_uri)
    if uri.startswith(_OF_SERVER):
        return _of_server(uri, tracking_uri, places)
    return _local(_local_path(uri, "artifacts are read from runs:/, models:/, file:/// and local paths"))


def _of_server(uri: str, tracking_uri: str | None, places: Places) -> tuple[Contents, str]:
    """Read the URI that a server gives artifacts: <experiment>/<run>/artifacts[/<path>], or models/<id> for <run>."""
    match uri[len(_OF_SERVER) :].lstrip("/").split("/"):
        case [_, "models", model_id, "artifacts", *path]:
            contents, _ = places.of_uri(f"{_MODELS}{model_id}", tracking_uri)
            return contents, "/".join(path).rstrip("/")
        case [_, run_id, "artifacts", *path]:
            return places.of_run(run_id, tracking_uri), "/".join(path).rstrip("/")
    raise InvalidInput(f"{uri!r} names no artifacts of a run; write {_OF_SERVER}<experiment>/<run>/artifacts/<path>")


def _local(path: str) -> tuple[Artifacts, str]:
    """Take a folder as the root itself, anything else as a file of the folder it is in."""
    if os.path.isdir(path):
        return Artifacts(path), ""
    return Artifacts(os.path.dirname(path)), os.path.basename(path)


def _local_path(uri: str, rule: str) -> str:
    scheme, colon, _ = uri.partition(":")
    if scheme == "file" and colon:
        from urllib.parse import unquote, urlsplit

        parts = urlsplit(uri)
        if parts.netloc not in ("", "localhost") or parts.query or parts.fragment or not parts.path.startswith("/"):
            raise InvalidInput(f"{uri!r} is not the URI of a local file; write file:///<absolute path>")
        return os.path.abspath(unquote(parts.path))
    if "://" in uri or (colon and uri.startswith(f"{scheme}:/")):
        raise InvalidInput(
            f"{rule}, and {uri!r} is neither",
            hint="copy files from and to other services with their own clients, and name a local path",
        )
    return os.path.abspath(uri)
