"""Trackio with its local store; it writes from a thread of its own."""

from __future__ import annotations

import atexit
import contextlib
import io
import itertools
import json
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

from benchmarks.competitors.competitor import Held

# It reads its folder once, when it is imported; a project a round keeps the rounds apart.
FOLDER = Path(tempfile.mkdtemp(prefix="runlake-bench-trackio-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
os.environ["TRACKIO_DIR"] = str(FOLDER)
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import trackio  # noqa: E402

_rounds = itertools.count()


class Trackio:
    name = "Trackio"
    points = 20_000

    def __init__(self, folder: Path) -> None:
        self.kept: Path | None = FOLDER
        self._project = f"bench{next(_rounds)}"

    def start(self) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            trackio.init(project=self._project, name="bench", auto_log_gpu=False, auto_log_cpu=False)

    def loop(self, values: list[float]) -> None:
        for step, value in enumerate(values):
            trackio.log({"loss": value}, step=step)

    def close(self) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            trackio.finish()

    def held(self) -> Held:
        connection = sqlite3.connect(FOLDER / f"{self._project}.db")
        rows = connection.execute("SELECT metrics FROM metrics").fetchall()
        connection.close()
        return Held(len(rows), sum(json.loads(metrics)["loss"] for (metrics,) in rows))
