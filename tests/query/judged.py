"""The same runs in a store of ours and in one of MLflow's, so that both can be asked the same question."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runlake import _engine
from runlake.catalog import WriterInfo
from runlake.entities import Dataset, DatasetInput, InputTag
from tests.query.lakes import BareLake


@dataclass(frozen=True)
class Written:
    """A run as both stores get it; metrics are values, or lists of (value, step, timestamp) in the order of logging."""

    name: str
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float | Sequence[tuple[float, int, int]]] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: Sequence[tuple[str, str, str | None]] = ()
    user_id: str = "ann"
    start_time: int = 1000
    end_time: int | None = None
    status: str = "FINISHED"
    deleted: bool = False

    def points(self) -> list[tuple[str, float, int, int]]:
        """Key, value, step, timestamp of every point."""
        return [
            (key, *point)
            for key, logged in self.metrics.items()
            for point in ([(logged, 0, 1)] if isinstance(logged, float | int) else logged)
        ]


class Judged:
    """Two stores with the same experiments and runs, under the same names.

    `first` and `second` are experiments: their ids in our store and in MLflow's.
    """

    def __init__(self, folder: Path) -> None:
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        self.lake = BareLake(folder / "lake")
        self.mlflow = SqlAlchemyStore(f"sqlite:///{folder}/mlflow.db", str(folder / "mlruns"))
        self._writer = _engine.Writer(str(self.lake.journals_dir), self.lake.catalog.store_id)
        self.ids: dict[str, str] = {}
        self.first = self.experiment("first")
        self.second = self.experiment("second")

    def close(self) -> None:
        self._writer.close()
        self.lake.catalog.close()
        self.mlflow.engine.dispose()

    def experiment(self, name: str, tags: Mapping[str, str] | None = None) -> tuple[str, str]:
        """Make an experiment in both stores; return its id in ours and in MLflow's."""
        from mlflow.entities import ExperimentTag

        theirs = self.mlflow.create_experiment(name, tags=[ExperimentTag(*tag) for tag in (tags or {}).items()])
        made = self.mlflow.get_experiment(theirs).creation_time
        ours = self.lake.catalog.create_experiment(name, tags=tags or {}, now_ms=made)
        return ours, str(theirs)

    def write(self, experiment: tuple[str, str], run: Written) -> None:
        self._write_theirs(experiment[1], run)
        self._write_ours(experiment[0], run, self.ids[run.name])

    def _write_theirs(self, experiment_id: str, run: Written) -> None:
        from mlflow import entities as theirs
        from mlflow.entities import RunStatus

        info = self.mlflow.create_run(experiment_id, run.user_id, run.start_time, [], run.name).info
        self.ids[run.name] = info.run_id
        metrics = [theirs.Metric(key, value, timestamp, step) for key, value, step, timestamp in run.points()]
        params = [theirs.Param(*param) for param in run.params.items()]
        self.mlflow.log_batch(info.run_id, metrics, params, [theirs.RunTag(*tag) for tag in run.tags.items()])
        inputs = [
            theirs.DatasetInput(
                theirs.Dataset(name, digest, "local", "{}", None, None),
                [theirs.InputTag("mlflow.data.context", context)] if context is not None else [],
            )
            for name, digest, context in run.datasets
        ]
        self.mlflow.log_inputs(info.run_id, inputs)
        self.mlflow.update_run_info(info.run_id, RunStatus.from_string(run.status), run.end_time, None)
        if run.deleted:
            self.mlflow.delete_run(info.run_id)

    def _write_ours(self, experiment_id: str, run: Written, run_id: str) -> None:
        catalog = self.lake.catalog
        catalog.create_run(
            run_id, experiment_id, name=run.name, user_id=run.user_id, start_time=run.start_time, owned=False
        )
        catalog.log_batch(run_id, params=run.params, tags=run.tags)
        inputs = [
            DatasetInput(
                Dataset(name, digest, "local", "{}"), [InputTag("mlflow.data.context", context)] if context else []
            )
            for name, digest, context in run.datasets
        ]
        if inputs:
            catalog.log_inputs(run_id, inputs)
        if run.metrics:
            catalog.attach(WriterInfo(self._writer.id, socket.gethostname(), "0" * 32, os.getpid(), 0), run_id)
        logger = self._writer.run(run_id)
        for key, value, step, timestamp in run.points():
            logger.log_metric(key, value, step=step, timestamp=timestamp)
        catalog.update_run(run_id, status=run.status, end_time=run.end_time)
        if run.deleted:
            catalog.delete_run(run_id)

    def names(self, found: Sequence[Any]) -> list[str]:
        """Names of runs of either store."""
        return [run.info.run_name for run in found]
