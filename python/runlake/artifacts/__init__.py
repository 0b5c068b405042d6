"""Artifacts of runs: files, figures, images and tables, and MLflow's functions to read them back."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from runlake.artifacts.contents import Contents
from runlake.artifacts.files import Artifacts
from runlake.artifacts.image import Image
from runlake.artifacts.uris import Locate, LocateUri, Places, resolve

if TYPE_CHECKING:
    from runlake.entities import FileInfo

__all__ = [
    "Artifacts",
    "Contents",
    "Image",
    "download_artifacts",
    "list_artifacts",
    "load_dict",
    "load_image",
    "load_text",
]


def _run_by_the_tracking_api(run_id: str, tracking_uri: str | None) -> Contents:
    """Load the tracking API, which connects itself here, and ask it.

    NOTE: this module is below that one, and only a program that has imported nothing else of runlake comes by here.
    """
    importlib.import_module("runlake.fluent.files")
    return _places.of_run(run_id, tracking_uri)


def _uri_by_the_tracking_api(uri: str, tracking_uri: str | None) -> tuple[Contents, str]:
    """Do the same for what a URI names."""
    importlib.import_module("runlake.fluent.files")
    return _places.of_uri(uri, tracking_uri)


_places = Places(_run_by_the_tracking_api, _uri_by_the_tracking_api)


def connect(of_run: Locate, of_uri: LocateUri) -> None:
    """Say how the functions of this module find artifacts of runs and models; the tracking API does so on import.

    Args:
        of_run: Gives the artifacts of a run.
        of_uri: Gives what a `runs:/` or a `models:/` URI names: artifacts, and the path in them.
    """
    global _places
    _places = Places(of_run, of_uri)


def download_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    dst_path: str | None = None,
    tracking_uri: str | None = None,
    registry_uri: str | None = None,
) -> str:
    """Give a local path to an artifact file or folder.

    Args:
        artifact_uri: `runs:/<run id>/<path>`, `models:/<model>`, a `file:` URI or a local path. Either this or
            `run_id`.
        run_id: The run that has the artifact.
        artifact_path: Path in the run; without it, all its artifacts.
        dst_path: Folder to copy into, made if need be. Without it nothing is copied: the path is that of the
            artifact itself.
        tracking_uri: Store of the run, if not the one in force.
        registry_uri: Not used; MLflow has it.

    Raises:
        NotFound: there is no such run or artifact.
        InvalidInput: the arguments contradict each other, or the path is not legal.
    """
    del registry_uri
    artifacts, path = resolve(artifact_uri, run_id, artifact_path, tracking_uri, _places)
    return artifacts.download(path, dst_path)


def list_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    tracking_uri: str | None = None,
) -> list[FileInfo]:
    """List what is directly below a folder of artifacts, sorted by path; arguments as for `download_artifacts`."""
    artifacts, path = resolve(artifact_uri, run_id, artifact_path, tracking_uri, _places)
    return artifacts.list(path)


def load_text(artifact_uri: str) -> str:
    """Read an artifact of UTF-8 text."""
    artifacts, path = resolve(artifact_uri, None, None, None, _places)
    return artifacts.load_text(path)


def load_dict(artifact_uri: str) -> dict[str, Any]:
    """Read a JSON artifact (or YAML, if it is named so)."""
    artifacts, path = resolve(artifact_uri, None, None, None, _places)
    loaded: dict[str, Any] = artifacts.load_dict(path)
    return loaded


def load_image(artifact_uri: str) -> Any:
    """Read an image artifact, as a Pillow image."""
    from runlake.artifacts import image

    artifacts, path = resolve(artifact_uri, None, None, None, _places)
    return image.load_image(artifacts, path)
