"""Lakes: small real stores, made in this process through the public API, for servers to show."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import runlake
from runlake.entities import Metric, Param, RunTag
from runlake.store import get_store

BEGAN_MS = 1_760_000_000_000
_RUN_MS = 60_000


class Lake:
    """A store that is being filled; runs begin a minute after one another and take a second a step."""

    def __init__(self, root: Path) -> None:
        self.client = runlake.MlflowClient(str(root))
        self._began_ms = BEGAN_MS

    def experiment(self, name: str) -> str:
        """Return the id of an experiment, which is made when there is none of that name."""
        found = self.client.get_experiment_by_name(name)
        return found.experiment_id if found is not None else self.client.create_experiment(name)

    def run(
        self,
        name: str,
        *,
        experiment: str = "sweep",
        params: Mapping[str, object] | None = None,
        metrics: Mapping[str, float | Sequence[float]] | None = None,
        tags: Mapping[str, str] | None = None,
        files: Mapping[str, str | bytes] | None = None,
        parent: str | None = None,
        status: str | None = "FINISHED",
        first_step: int = 0,
    ) -> str:
        """Log a run and return its id.

        Args:
            metrics: Values by key, those of several in the order of their steps.
            files: Contents of artifacts by path.
            parent: Id of the run that it is nested in.
            status: How it ends; None leaves it running.
            first_step: The step of the first value.
        """
        self._began_ms += _RUN_MS
        run_id: str = self.client.create_run(
            self.experiment(experiment), start_time=self._began_ms, run_name=name
        ).info.run_id
        given = {**(tags or {}), **({} if parent is None else {"mlflow.parentRunId": parent})}
        self.client.log_batch(
            run_id,
            metrics=[
                Metric(key, float(value), self._began_ms + 1000 * index, first_step + index)
                for key, values in (metrics or {}).items()
                for index, value in enumerate(values if isinstance(values, Sequence) else (values,))
            ],
            params=[Param(key, str(value)) for key, value in (params or {}).items()],
            tags=[RunTag(key, value) for key, value in given.items()],
        )
        for path, content in (files or {}).items():
            data = content if isinstance(content, bytes) else content.encode()
            self.client.log_stream(run_id, io.BytesIO(data), path)
        if status is not None:
            self.client.set_terminated(run_id, status, self._began_ms + _RUN_MS // 2)
        return run_id


@contextlib.contextmanager
def lake(root: Path) -> Iterator[Lake]:
    """Fill the store at `root`, and close it in the end, so that everything is on disk."""
    try:
        yield Lake(root)
    finally:
        get_store(str(root)).close()
