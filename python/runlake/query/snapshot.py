"""Snapshot: the runs of one experiment as of a transaction, in a mapped file of the store's cache.

It is a table file (see `_engine.TableFile`) with a table for each key: a query that names three parameters out of
thousands reads the pages of three. Snapshots are derived data. One that is missing, damaged, of another store or of
another version is made anew from the catalog; a new one is renamed into place, so that two processes that make it at
once do not hurt each other, and whoever has mapped the old one keeps it.

    section    key       columns
    runs                 those of `run_frames.RUNS`
    params     its text  row u32, value, kind
    metrics    its text  row u32, last_value, last_step, last_timestamp
    summaries  its text  row u32, the other columns of `run_frames.SUMMARY`
    tags       its text  row u32, value
    datasets             row u32, name, digest, context

`row` is the place of a run in the section `runs`; it is left out where every run has the key.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Mapping
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Final

import polars as pl

from runlake import _engine
from runlake.errors import Corrupt, RunlakeError, StoreError
from runlake.query.run_frames import KEYED
from runlake.query.run_part import RunPart, tables_of

FORMAT: Final = 1
_ABANDONED_S: Final = 3600.0
_log = logging.getLogger("runlake")


class SnapshotDamaged(Exception):
    """A snapshot is not what was written; its argument is the experiment. Whoever meets it makes the snapshot anew."""


class Snapshot(RunPart):
    """The runs of an open snapshot.

    Args:
        said: What the file says of itself: `experiment_id`, `tx`, `runs`, `param_kinds`.
    """

    def __init__(self, file: _engine.TableFile, said: Mapping[str, Any]) -> None:
        super().__init__()
        self._file = file
        self.experiment_id = str(said["experiment_id"])
        self.tx = int(said["tx"])
        self._param_kinds = {str(key): int(mask) for key, mask in said["param_kinds"].items()}
        if self.height != said["runs"]:
            raise SnapshotDamaged(self.experiment_id)

    @cached_property
    def runs(self) -> pl.DataFrame:
        return self._whole("runs")

    @cached_property
    def datasets(self) -> pl.DataFrame:
        return self._whole("datasets")

    @cached_property
    def keys(self) -> dict[str, frozenset[str]]:
        return {kind: frozenset(counts) for kind, counts in self._counts.items()}

    @cached_property
    def _counts(self) -> dict[str, dict[str, int]]:
        return {kind: dict(self._file.tables(kind)) for kind in KEYED}

    def count(self, kind: str, key: str) -> int:
        return self._counts[kind].get(key, 0)

    @property
    def param_kinds(self) -> dict[str, int]:
        return self._param_kinds

    def of_key(self, kind: str, key: str) -> pl.DataFrame | None:
        """What runs have under one key.

        Raises:
            SnapshotDamaged: the file is not what was written there.
        """
        try:
            stream = self._file.table(kind, key)
        except Corrupt as error:
            raise SnapshotDamaged(self.experiment_id) from error
        return None if stream is None else pl.DataFrame(stream)

    def _whole(self, section: str) -> pl.DataFrame:
        table = self.of_key(section, "")
        if table is None:
            raise SnapshotDamaged(self.experiment_id)
        return table


class Snapshots:
    """The snapshots of one store, in `cache/runs/`."""

    def __init__(self, folder: Path, store_id: str) -> None:
        self.folder = folder
        self.store_id = store_id

    def open(self, experiment_id: str) -> Snapshot | None:
        """Open the snapshot of an experiment; None when there is none that can be used."""
        path = self._path(experiment_id)
        if not path.exists():
            return None
        try:
            file = _engine.TableFile(str(path))
            said = json.loads(file.metadata)
            whose = [said[name] for name in ("format", "store_id", "experiment_id")]
            return Snapshot(file, said) if whose == [FORMAT, self.store_id, experiment_id] else None
        except (RunlakeError, SnapshotDamaged, ValueError, KeyError, TypeError, AttributeError) as error:
            _log.debug("the snapshot %s is made anew: %s", path, error)
            return None

    def write(self, experiment_id: str, tx: int, part: RunPart) -> None:
        """Write the snapshot of an experiment in place of the one that there is. A full disk is no reason to fail."""
        said = {
            "format": FORMAT,
            "store_id": self.store_id,
            "experiment_id": experiment_id,
            "tx": tx,
            "runs": part.height,
            "param_kinds": part.param_kinds,
        }
        path = self._path(experiment_id)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._tidy()
            tables = chain([("runs", "", part.runs)], tables_of(part))
            whole = ((section, key, table.rechunk()) for section, key, table in tables)
            _engine.write_table_file(str(path), json.dumps(said), whole)
        except (OSError, StoreError) as error:
            _log.debug("the snapshot %s was not written: %s", path, error)

    def forget(self, experiment_id: str) -> None:
        """Remove the snapshot of an experiment, which was found to be damaged."""
        self._path(experiment_id).unlink(missing_ok=True)

    def _tidy(self) -> None:
        """Remove what processes that were killed while writing have left."""
        for path in self.folder.glob("*.tmp"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _ABANDONED_S:
                    path.unlink()

    def _path(self, experiment_id: str) -> Path:
        return self.folder / f"{experiment_id}.tables"
