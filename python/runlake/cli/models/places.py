"""Places: the store that the URI of a model is of, and the few files that describe a model, wherever it is."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from runlake import location, model_files
from runlake.cli.options import folder_of
from runlake.errors import NotFound
from runlake.models import environment_files, locating
from runlake.models.manifest import MANIFEST_FILE
from runlake.models.requirements import CONSTRAINTS_FILE
from runlake.remote.address import is_address
from runlake.stores import store_at

_OF_A_STORE: Final = ("runs:/", "models:/")
_DESCRIBING: Final = (
    MANIFEST_FILE,
    environment_files.REQUIREMENTS_FILE,
    environment_files.PYTHON_FILE,
    environment_files.CONDA_FILE,
    CONSTRAINTS_FILE,
)


def in_force(given: str | None, model_uri: str) -> None:
    """Let URIs be of the store that is meant.

    Raises:
        StoreUnavailable: the model is one of a store, and there is none.
    """
    if given is not None:
        location.set_tracking_uri(given)
    if model_uri.startswith(_OF_A_STORE) and not is_address(location.resolved()):
        folder_of(None)


def description_of(model_uri: str, into: Path) -> Path:
    """Return a folder with what describes a model: its manifest and the files of its environment.

    Args:
        into: Where to put them when the model is on a server; weights and examples stay there.

    Raises:
        NotFound: there is no such model.
    """
    if not model_uri.startswith(_OF_A_STORE) or not is_address(location.resolved()):
        return locating.locate(model_uri)
    files, folder = model_files.find(store_at(), model_uri)
    known = {file.path.rpartition("/")[2] for file in files.list(folder or None) if not file.is_dir}
    if MANIFEST_FILE not in known:
        raise NotFound(f"there is no model at {model_uri!r}: it has no {MANIFEST_FILE}")
    for name in _DESCRIBING:
        if name in known:
            files.download(f"{folder}/{name}" if folder else name, into)
    return into
