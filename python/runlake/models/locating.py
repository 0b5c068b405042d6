"""Locating: from the URI of a model to a folder on this machine, or to what a registered version says of its origin."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runlake import artifacts, model_files
from runlake.artifacts.files import Artifacts
from runlake.errors import InvalidInput, InvalidType, NotFound
from runlake.model_uris import parse_models_uri
from runlake.models import environment_files
from runlake.models.manifest import MANIFEST_FILE
from runlake.models.requirements import CONSTRAINTS_FILE

if TYPE_CHECKING:
    from runlake.stores import AnyStore

_DESCRIBING: Final = (
    MANIFEST_FILE,
    environment_files.REQUIREMENTS_FILE,
    environment_files.PYTHON_FILE,
    environment_files.CONDA_FILE,
    CONSTRAINTS_FILE,
)


def locate(model_uri: str | os.PathLike[str], dst_path: str | os.PathLike[str] | None = None) -> Path:
    """Return the local folder of a model; what is on a server is fetched.

    Args:
        model_uri: A local path or `file:` URI, or one of the URIs of runs, logged models and registered versions.
        dst_path: Folder to copy into.

    Raises:
        NotFound: there is no such model.
        InvalidInput: the URI is none, or leaves its place.
    """
    text = os.fspath(model_uri)
    if not isinstance(text, str) or not text:
        raise InvalidType(f"the URI of a model is text, not {model_uri!r}")
    found = Path(artifacts.download_artifacts(text, dst_path=None if dst_path is None else os.fspath(dst_path)))
    if not found.is_dir():
        raise NotFound(f"{text!r} is a file and no folder with a model")
    return found


def is_of_store(model_uri: str) -> bool:
    """Tell whether a URI means a model of the store in force, and no file."""
    return model_uri.startswith(("runs:/", "models:/"))


def describe(model_uri: str | os.PathLike[str], into: Path) -> Path:
    """Return a local folder with what describes a model: its manifest and the files of its environment.

    Args:
        into: Where to put them when the model is on a server; weights and examples stay there.

    Raises:
        NotFound: there is no such model.
        InvalidInput: the URI is none, or leaves its place.
    """
    text = os.fspath(model_uri)
    files, folder = model_files.in_force(text) if is_of_store(text) else (None, "")
    if files is None or isinstance(files, Artifacts):
        return locate(text)
    known = {file.path.rpartition("/")[2] for file in files.list(folder or None) if not file.is_dir}
    if MANIFEST_FILE not in known:
        raise NotFound(f"there is no model at {text!r}: it has no {MANIFEST_FILE}")
    for name in known.intersection(_DESCRIBING):
        files.download(f"{folder}/{name}" if folder else name, into)
    return into


def source_of(store: AnyStore, model_uri: str) -> tuple[str, str | None, str | None]:
    """Return what the registry is told of a model: its source, the run and the logged model that it is of.

    Raises:
        NotFound: there is no such model.
    """
    scheme, _, named = model_uri.partition(":/")
    if scheme == "models":
        model_id = parse_models_uri(model_uri).model_id
        if model_id is None:
            return model_uri, None, None
        logged = store.catalog.get_logged_model(model_id)
        return model_uri, logged.source_run_id, model_id
    if scheme != "runs":
        return model_uri, None, None
    run_id, _, path = named.strip("/").partition("/")
    if not path:
        raise InvalidInput(f"{model_uri!r} names a run and none of its models", hint="write runs:/<run id>/<name>")
    own, within = model_files.of_run(store, run_id, path)
    if within == path:
        if own.kind(path) is None:
            raise NotFound(f"run {run_id} has no model and no artifact {path!r}")
        return f"runs:/{run_id}/{path}", run_id, None
    found = model_files.logged_by(store, run_id, path.partition("/")[0])
    assert found is not None
    return found.model_uri, run_id, found.model_id
