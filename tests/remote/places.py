"""A store with a bit of everything, on this machine and as a copy that a server has."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

import runlake
from runlake.entities import Experiment, PagedList, Run
from runlake.errors import RunlakeError
from tests.server.wire import served

PROGRAM = """
import sys, time, runlake, numpy as np
from runlake import data
runlake.set_tracking_uri(sys.argv[1])
sweep = runlake.create_experiment("sweep", tags={"team": "vision"})
runlake.set_experiment("sweep")
for number in range(6):
    with runlake.start_run(run_name=f"run-{number}", tags={"even": number % 2 == 0, "weights/ü": "x y"}) as run:
        runlake.log_params({"lr": 10.0 ** -number, "depth": number, "flag": number > 2, "name": f"n{number}"})
        if number == 0:
            runlake.log_params({"only": "here"})
            runlake.log_input(data.from_numpy(np.arange(4.0), name="four"), context="training", tags={"a": "b"})
            runlake.log_text("cat, dog", "notes/classes.txt")
            runlake.log_dict({"a": [1, 2]}, "notes/deep/a.json")
            runlake.log_table({"x": [1, 2], "y": ["a", "b"]}, "table.json")
        steps = np.arange(2000)
        run.log_arrays("train/loss", steps, np.sin(steps * (number + 1) / 50.0))
        runlake.log_metrics({"val": number / 4.0, "negative zero": -0.0}, step=3)
        for step, value in enumerate((1.0, float("nan"), float("-inf"), 5e-324)):
            runlake.log_metric("odd", value, step=step, timestamp=1000 - step)
        if number == 4:
            with runlake.start_run(run_name="child", nested=True):
                runlake.log_metric("val", 9.0)
    time.sleep(0.003)
    if number == 2:
        from runlake.store import get_store
        get_store(sys.argv[1]).seal()
runlake.delete_run(run.id)
runlake.set_experiment("gone")
with runlake.start_run(run_name="in the deleted experiment"):
    pass
runlake.delete_experiment(runlake.get_experiment_by_name("gone").experiment_id)
runlake.create_experiment("empty")
"""


@dataclass(frozen=True)
class Places:
    """Where the store is: a folder, and the URL of a server that has a copy."""

    folder: str
    url: str

    def both(self, question: Callable[[], Any]) -> tuple[Any, Any]:
        """Ask both, and return the answers, or the errors, without what must be different."""
        return self._asked(self.folder, question), self._asked(self.url, question)

    def _asked(self, uri: str, question: Callable[[], Any]) -> Any:
        runlake.set_tracking_uri(uri)
        try:
            return comparable(question())
        except RunlakeError as error:
            return type(error).__name__, re.sub(r"below '[^']*'", "below here", error.message), error.hint
        finally:
            runlake.set_tracking_uri("")


@contextmanager
def places(folder: Path) -> Iterator[Places]:
    """Make the store and serve the copy."""
    (folder / "served").mkdir()
    command = [sys.executable, "-W", "error", "-c", PROGRAM, str(folder / "lake")]
    subprocess.run(command, check=True, cwd=folder, stderr=subprocess.PIPE)
    shutil.copytree(folder / "lake", folder / "served" / "lake")
    with served(folder / "served") as server:
        yield Places(str(folder / "lake"), server.url)


def comparable(answer: Any) -> Any:
    """Leave out where artifacts are, and make what is NaN equal to itself."""
    if isinstance(answer, pl.LazyFrame):
        answer = answer.collect()
    if isinstance(answer, pl.DataFrame):
        frame = answer.drop("artifact_uri", strict=False)
        return dict(frame.schema), [repr(row) for row in frame.rows()]
    if isinstance(answer, Run):
        return repr(replace(answer, info=replace(answer.info, artifact_uri=None)))
    if isinstance(answer, Experiment):
        return repr(replace(answer, artifact_location=""))
    if isinstance(answer, PagedList):
        return [comparable(item) for item in answer], answer.token
    if isinstance(answer, list | tuple):
        return [comparable(item) for item in answer]
    return repr(answer)
