"""Artifacts of the fluent API: files, texts, figures, images and tables of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from runlake import artifacts, operations, run_files
from runlake.artifacts import Contents
from runlake.fluent.experiments import active_experiment_id
from runlake.fluent.values import target
from runlake.guard import shielded
from runlake.stores import store_at

if TYPE_CHECKING:
    import pandas as pd


def log_artifact(local_path: str, artifact_path: str | None = None, run_id: str | None = None) -> None:
    """Copy a file, or a folder with its name, into the artifact folder `artifact_path` of a run.

    Raises:
        NoSuchFile: there is no such file.
        InvalidInput: the artifact path is not legal.
    """
    store, run = target(run_id)
    with shielded("log_artifact"):
        run_files.artifacts(store, run).log_file(local_path, artifact_path)


def log_artifacts(local_dir: str, artifact_path: str | None = None, run_id: str | None = None) -> None:
    """Copy what is in a folder, and in the folders below it, into the artifact folder `artifact_path` of a run.

    Raises:
        NoSuchFile: there is no such folder.
    """
    store, run = target(run_id)
    with shielded("log_artifacts"):
        run_files.artifacts(store, run).log_dir(local_dir, artifact_path)


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Write a text as an artifact, in UTF-8."""
    store, run = target(run_id)
    with shielded("log_text"):
        run_files.artifacts(store, run).write_text(text, artifact_file)


def log_dict(dictionary: dict[str, Any], artifact_file: str, run_id: str | None = None) -> None:
    """Write a dictionary as an artifact: YAML if the name ends in `.yml` or `.yaml`, else JSON."""
    store, run = target(run_id)
    with shielded("log_dict"):
        run_files.artifacts(store, run).write_dict(dictionary, artifact_file)


def log_stream(stream: BinaryIO, artifact_file: str, run_id: str | None = None) -> None:
    """Write what is left in a binary stream as an artifact."""
    store, run = target(run_id)
    with shielded("log_stream"):
        run_files.artifacts(store, run).write_stream(stream, artifact_file)


def log_figure(figure: Any, artifact_file: str, *, save_kwargs: dict[str, Any] | None = None) -> None:
    """Write a figure of matplotlib or plotly as an artifact; the suffix chooses the format.

    Args:
        save_kwargs: Passed on to `savefig`, `write_html` or `write_image`.
    """
    store, run = target(None)
    with shielded("log_figure"):
        run_files.log_figure(store, run, figure, artifact_file, save_kwargs)


def log_image(
    image: Any,
    artifact_file: str | None = None,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
    synchronous: bool | None = False,
) -> None:
    """Write an image as an artifact: one file, or, with a key, one image a step.

    Args:
        image: An array (height, width[, 1, 3 or 4 channels]), a Pillow image or a `runlake.Image`.
        artifact_file: Path of a single image. Either this or `key`.
        key: Name of a series of images.
        step: Step of an image with a key; default 0.
        timestamp: Time of an image with a key, in milliseconds since 1970; default now.
        synchronous: False writes an image with a key in the background; its pixels are copied first.
    """
    store, run = target(None)
    later = synchronous is False and key is not None
    with shielded("log_image"):
        run_files.log_image(store, run, image, artifact_file, key, step, timestamp, later=later)


def log_table(data: dict[str, Any] | pd.DataFrame, artifact_file: str, run_id: str | None = None) -> None:
    """Append rows to a table artifact (`.json` or `.parquet`), which is made if it is not there.

    Args:
        data: A dictionary of columns, or a pandas data frame.
    """
    store, run = target(run_id)
    with shielded("log_table"):
        run_files.log_table(store, run, data, artifact_file)


def load_table(
    artifact_file: str, run_ids: list[str] | None = None, extra_columns: list[str] | None = None
) -> pd.DataFrame:
    """Read a table artifact of several runs into one pandas data frame.

    Args:
        run_ids: None is all runs of the active experiment that have the table.
        extra_columns: Attributes of the run to put beside its rows, e.g. `["run_id"]`.

    Raises:
        NotFound: no run has the table.
    """
    store = store_at()
    return run_files.load_table(store, active_experiment_id(store), artifact_file, run_ids, extra_columns)


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """Return where an artifact of the active run is or would be; None is the root.

    An absolute path, or with a server the name by which it is found there.
    """
    store, run_id = target(None)
    return run_files.uri(store, run_id, artifact_path)


def flush_artifact_async_logging() -> None:
    """Return when every image that was logged in the background is written."""
    operations.flush()


def _of_run(run_id: str, tracking_uri: str | None) -> Contents:
    """Find a run's artifacts for the functions of `runlake.artifacts`."""
    return run_files.artifacts(store_at(tracking_uri), run_id)


def _of_uri(uri: str, tracking_uri: str | None) -> tuple[Contents, str]:
    """Find what a `runs:/` or a `models:/` URI names, likewise."""
    from runlake import model_files  # brings what is known of the registry

    return model_files.in_force(uri, tracking_uri)


artifacts.connect(_of_run, _of_uri)
