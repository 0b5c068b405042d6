"""What the store of a server, or any other, holds, read from its folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runlake.entities import Run
from runlake.store import Store
from tests.store.reading import numbered, points


@contextlib.contextmanager
def opened(root: Path) -> Iterator[Store]:
    """Open a store beside the server that has it."""
    store = Store.open(root, create=False)
    try:
        yield store
    finally:
        store.close()


def run_at(root: Path, run_id: str) -> Run:
    with opened(root) as store:
        return store.get_run(run_id)


def experiment_at(root: Path, run_id: str) -> str:
    """Name of a run's experiment."""
    with opened(root) as store:
        return store.catalog.get_experiment(store.get_run(run_id).info.experiment_id).name


def points_at(root: Path, run_id: str) -> list[tuple[str, int, float]]:
    """Key, step and value of every point of a run, sorted; no point is there twice."""
    with opened(root) as store:
        every = numbered(store)
        assert len(every) == len(set(every))
        return [row[1:] for row in points(store) if row[0] == run_id]


def files_at(root: Path, run_id: str) -> dict[str, bytes]:
    """Content of every artifact of a run, by path."""
    with opened(root) as store:
        folder = Path(store.get_run(run_id).info.artifact_uri or "")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.parts[-2] != "runlake"
    }


def told(run: Run) -> dict[str, Any]:
    """What a run says of itself, without what differs from store to store."""
    info = dict(run.info)
    for name in ("artifact_uri", "experiment_id"):
        info.pop(name)
    return {**info, **run.data.to_dictionary(), "inputs": [vars(entry.dataset) for entry in run.inputs.dataset_inputs]}
