"""runlake, through a bound handle and through MLflow's function."""

from __future__ import annotations

from pathlib import Path

import runlake
from benchmarks.competitors.competitor import Held
from runlake.store import get_store


class Handle:
    name = "runlake, handle"
    points = 1_000_000

    def __init__(self, folder: Path) -> None:
        self.kept: Path | None = folder
        self._folder = folder / "lake"

    def start(self) -> None:
        runlake.set_tracking_uri(str(self._folder))
        runlake.set_experiment("bench")
        self._run = runlake.start_run(run_name="bench")

    def loop(self, values: list[float]) -> None:
        loss = self._run.metric("loss")
        for step, value in enumerate(values):
            loss.log(value, step)

    def close(self) -> None:
        """Until every point is in a synced Parquet file that the catalog lists, and the journal is gone."""
        runlake.end_run()
        store = get_store(self._folder)
        store.seal()
        store.close()

    def held(self) -> Held:
        values = runlake.points(self._run.info.run_id).collect()["value"]
        return Held(len(values), float(values.sum()))


class Fluent(Handle):
    name = "runlake.log_metric"

    def loop(self, values: list[float]) -> None:
        for step, value in enumerate(values):
            runlake.log_metric("loss", value, step=step)
