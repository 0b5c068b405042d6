"""Contents: what the files of a version say of its model; only its manifest and its requirements are opened."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from runlake.errors import InvalidInput, NotFound, RunlakeError
from runlake.model_sources import version_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runlake.artifacts import Contents
    from runlake.models.signature import ModelSignature
    from runlake.store import Store

_MANIFEST: Final = "MLmodel"
_REQUIREMENTS: Final = "requirements.txt"
_MOST_MANIFEST_BYTES: Final = 4 << 20  # YAML is read at a megabyte a second or two
_MOST_REQUIREMENTS_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class ModelContents:
    """What a model is, as its files have it.

    Attributes:
        flavors: Keys of each flavor, by its name.
        requirements: The text of its requirements.txt.
        others: What else the manifest says that a reader may want to know.
        missing: Why there is nothing, as a sentence; None where the manifest was read.
    """

    flavors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    signature: ModelSignature | None = None
    requirements: str | None = None
    others: Mapping[str, Any] = field(default_factory=dict)
    missing: str | None = None


def contents_of(store: Store, name: str, version: int) -> ModelContents:
    """Read what the files of a version say; that they are damaged, or kept elsewhere, is no error.

    Raises:
        NotFound: there is no such version.
    """
    from runlake.models.manifest import Model

    store.catalog.get_version(name, version)
    try:
        files, folder = version_files(store, name, version)
        manifest = Model.load(_small(files.download(_inside(folder, _MANIFEST))))
    except RunlakeError as error:
        return ModelContents(missing=error.message.replace(str(store.root), "<store>"))
    others = {
        "utc_time_created": manifest.utc_time_created,
        "model_size_bytes": manifest.model_size_bytes,
        "metadata": manifest.metadata,
    }
    told = {key: value for key, value in others.items() if value is not None}
    return ModelContents(manifest.flavors, manifest.signature, _requirements(files, folder), told)


def _small(path: str) -> str:
    if os.path.isfile(path) and (size := os.path.getsize(path)) > _MOST_MANIFEST_BYTES:
        raise InvalidInput(
            f"the {_MANIFEST} has {size:,} bytes; what has more than {_MOST_MANIFEST_BYTES:,} is not shown"
        )
    return path


def _requirements(files: Contents, folder: str) -> str | None:
    try:
        with files.open(_inside(folder, _REQUIREMENTS)) as file:
            return file.read(_MOST_REQUIREMENTS_BYTES).decode(errors="replace")
    except (NotFound, InvalidInput):
        return None


def _inside(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
