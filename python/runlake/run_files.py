"""The artifacts of runs and logged models of a store, and what is logged as one: figures, images and tables."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from runlake import operations
from runlake.artifacts import Artifacts, Contents
from runlake.entities import LoggedModel, Run, ViewType
from runlake.errors import InvalidInput, StoreError
from runlake.provenance import FILE_TAGS
from runlake.remote.store import RemoteStore

if TYPE_CHECKING:
    import pandas as pd

    from runlake.store import Store
    from runlake.stores import AnyStore

_lock = threading.RLock()
_opened: dict[str, Artifacts] = {}
_brought: set[tuple[str, str]] = set()  # URI of a run's artifacts, digest of a shared file that is there


def artifacts(store: AnyStore, run_id: str) -> Contents:
    """Return the artifacts of a run.

    Raises:
        NotFound: there is no such run.
    """
    return of_run(store, store.catalog.get_run(run_id))


def of_run(store: AnyStore, run: Run) -> Contents:
    """Return the artifacts of a run that was read before; one object a folder, which knows what is not synced yet.

    The first time, what the store keeps once for many runs comes into the run's folder.
    """
    if isinstance(store, RemoteStore):
        return store.artifacts(run)
    uri = run.info.artifact_uri
    if uri is None:
        raise InvalidInput(f"run {run.info.run_id} has no place for artifacts")
    opened = _at(uri, partial(store.note_files, run.info.run_id))
    for path, tag in FILE_TAGS.items():
        digest = run.data.tags.get(tag)
        if digest is not None and (uri, digest) not in _brought:
            _bring(store, opened, path, digest)
            _brought.add((uri, digest))
    return opened


def uri(store: AnyStore, run_id: str, artifact_path: str | None) -> str:
    """Return by which name a script finds an artifact of a run, whether it is there or not; None is the root."""
    if isinstance(store, RemoteStore):
        return artifacts(store, run_id).uri(artifact_path)
    run = store.catalog.get_run(run_id)
    local, named = run.info.artifact_uri, store.artifact_uri(run)
    found = of_run(store, run).uri(artifact_path)
    return found if local == named else f"{named}{found.removeprefix(str(local))}"


def model_artifacts(store: AnyStore, model: LoggedModel) -> Contents:
    """Return the artifacts of a logged model, wherever the store is."""
    return store.model_artifacts(model) if isinstance(store, RemoteStore) else of_model(model)


def of_model(model: LoggedModel) -> Artifacts:
    """Return the artifacts of a logged model of a store on this machine."""
    return _at(model.artifact_location)


def _at(uri: str, on_write: Callable[[], object] = bool) -> Artifacts:
    with _lock:
        return _opened.setdefault(uri, Artifacts(uri, on_write))


def _bring(store: Store, into: Artifacts, path: str, digest: str) -> None:
    """Copy a shared file into a run's folder. A reader who may not write, or a full disk, is no reason to fail."""
    if os.path.lexists(into.uri(path)):
        return
    content = store.shared_files.get(digest)
    if content is not None:
        with contextlib.suppress(OSError, StoreError):
            into.write_bytes(content, path)


def sync() -> None:
    """Return when every artifact that this process has written is on disk."""
    for opened in list(_opened.values()):
        opened.sync()


def log_image(
    store: AnyStore,
    run_id: str,
    image: Any,
    artifact_file: str | None,
    key: str | None,
    step: int | None,
    timestamp: int | None,
    *,
    later: bool = False,
) -> None:
    """Write an image; with `later` its pixels are copied now and written in the background."""
    from runlake.artifacts.image import LOGGED_IMAGES_TAG, prepare_image

    write = prepare_image(image, artifact_file, key=key, step=step, timestamp=timestamp)
    target = artifacts(store, run_id)
    if later:
        operations.submit(lambda: write(target), "log_image")
    else:
        write(target)
    if key is not None:
        store.record(run_id, params={}, tags={LOGGED_IMAGES_TAG: "True"})


def log_figure(
    store: AnyStore, run_id: str, figure: Any, artifact_file: str, save_kwargs: dict[str, Any] | None
) -> None:
    """Write a figure of matplotlib or plotly."""
    from runlake.artifacts import figure as figures

    figures.log_figure(artifacts(store, run_id), figure, artifact_file, save_kwargs=save_kwargs)


def log_table(store: AnyStore, run_id: str, data: Any, artifact_file: str) -> None:
    """Append rows to a table, and name it in the run's list of tables."""
    from runlake.artifacts import table

    run = store.catalog.get_run(run_id)
    folder = of_run(store, run)
    if not isinstance(store, RemoteStore):
        store.bring_file(run, artifact_file)
    table.log_table(folder, data, artifact_file)
    if _names_table(run, artifact_file):
        return
    with folder.locked(table.LOGGED_ARTIFACTS_TAG):  # the root: two that add a table at once must not undo each other
        current = store.catalog.get_run(run_id).data.tags.get(table.LOGGED_ARTIFACTS_TAG)
        named = table.logged_artifacts_tag(current, artifact_file)
        if named != current:
            store.record(run_id, params={}, tags={table.LOGGED_ARTIFACTS_TAG: named})


def _names_table(run: Run, artifact_file: str) -> bool:
    from runlake.artifacts import table

    current = run.data.tags.get(table.LOGGED_ARTIFACTS_TAG)
    return current is not None and table.logged_artifacts_tag(current, artifact_file) == current


def load_table(
    store: AnyStore,
    experiment_id: str,
    artifact_file: str,
    run_ids: Sequence[str] | None,
    extra_columns: Sequence[str] | None,
) -> pd.DataFrame:
    """Read a table of several runs, of all active ones of the experiment when `run_ids` is None, into one data frame.

    Raises:
        InvalidInput: an extra column is not an attribute of a run.
        NotFound: no run has the table.
    """
    from runlake.artifacts import table

    if run_ids is None:
        found = list(store.reads.search_runs([experiment_id], "", ViewType.ACTIVE_ONLY, 50_000, None, None))
    else:
        found = [store.catalog.get_run(run_id) for run_id in run_ids]
    frame: pd.DataFrame = table.load_table(
        artifact_file,
        [(of_run(store, run), {name: _attribute(run, name) for name in extra_columns or ()}) for run in found],
    )
    return frame


def _attribute(run: Run, name: str) -> Any:
    attributes = dict(run.info)
    if name not in attributes:
        raise InvalidInput(f"{name!r} is not an attribute of a run; there are {', '.join(attributes)}")
    return attributes[name]
