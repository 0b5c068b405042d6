"""MLflow with its SQLite store."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

import mlflow

from benchmarks.competitors.competitor import Held


class MLflow:
    name = "MLflow, SQLite"
    points = 1_000

    def __init__(self, folder: Path) -> None:
        self.kept: Path | None = folder
        self._database = folder / "mlflow.db"

    def start(self) -> None:
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        logging.getLogger("alembic").setLevel(logging.ERROR)
        mlflow.set_tracking_uri(f"sqlite:///{self._database}")
        mlflow.set_experiment("bench")
        mlflow.start_run(run_name="bench")

    def loop(self, values: list[float]) -> None:
        for step, value in enumerate(values):
            mlflow.log_metric("loss", value, step=step)

    def close(self) -> None:
        mlflow.end_run()

    def held(self) -> Held:
        connection = sqlite3.connect(self._database)
        count, total = connection.execute("SELECT count(*), sum(value) FROM metrics").fetchone()
        connection.close()
        return Held(count, total)
