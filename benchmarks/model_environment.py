"""Model environment: four ways to learn what a saved model imports, each held against a fresh interpreter's answer.

    python -m benchmarks.model_environment

The process has trained: pandas, Matplotlib, Polars and MLflow are loaded, which is what makes it a question.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.measure import conditions, interleaved, seconds
from runlake.models.distributions import Owners
from runlake.models.imports import closure, recorded

_CHILD = """
import json, pickle, sys
model, data = pickle.load(open(sys.argv[1], "rb"))
model.predict(data)
loaded = {name: module for name, module in sys.modules.items() if getattr(module, "__file__", None)}
sys.path[:0] = json.loads(sys.argv[2])
from benchmarks.model_environment import owners
print(json.dumps(owners(loaded)))
"""


def owners(modules: dict[str, ModuleType]) -> list[str]:
    """Return the names of the distributions that modules are from."""
    found = Owners()
    known = (found.of(str(module.__file__)) for module in modules.values() if getattr(module, "__file__", None))
    return sorted({one.name for one in known if one is not None and one.name not in ("runlake", "setuptools")})


def main() -> None:
    """Print the table."""
    logging.disable()
    with tempfile.TemporaryDirectory() as folder:
        files = _Files(Path(folder))
        expected = files.in_a_child()
        ways = {
            "in the process: imports noted, loaded modules followed": files.in_process,
            "a forked child that does the same": files.in_a_fork,
            "a child interpreter": files.in_a_child,
            "MLflow: infer_pip_requirements": files.as_mlflow,
        }
        answers = {way: run() for way, run in ways.items()}
        taken = interleaved({way: partial(seconds, run) for way, run in ways.items()})
    print(f"{conditions()}\n\nA fresh interpreter imports {len(expected)} distributions: {', '.join(expected)}\n")
    print("| way | time | missed | besides |\n|---|---:|---|---|")
    for way, answer in answers.items():
        missed, besides = sorted(set(expected) - set(answer)), sorted(set(answer) - set(expected))
        print(f"| {way} | {taken[way] * 1000:,.0f} ms | {_names(missed)} | {_names(besides)} |")


class _Files:
    """A model on disk, and the ways to ask what it needs."""

    def __init__(self, folder: Path) -> None:
        import matplotlib.pyplot  # noqa: F401
        import mlflow.sklearn
        import numpy as np
        import pandas as pd
        import polars  # noqa: F401
        from sklearn.linear_model import LogisticRegression

        data = pd.DataFrame(np.random.default_rng(0).random((100, 4)), columns=list("abcd"))
        model: Any = LogisticRegression().fit(data, data["a"] > 0.5)
        self._pickle = folder / "model.pkl"
        self._pickle.write_bytes(pickle.dumps((model, data[:5])))
        self._saved = folder / "mlflow"
        mlflow.sklearn.save_model(model, self._saved, input_example=data[:5], pip_requirements=["mlflow"])

    def in_process(self) -> list[str]:
        """Note what is imported here, and follow it."""
        with recorded() as seen:
            model, data = pickle.loads(self._pickle.read_bytes())
            model.predict(data)
        return owners(closure(seen))

    def in_a_fork(self) -> list[str]:
        """Do the same in a copy of this process."""
        reading, writing = os.pipe()
        if (child := os.fork()) == 0:
            os.write(writing, json.dumps(self.in_process()).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            found: list[str] = json.load(pipe)
        os.waitpid(child, 0)
        return found

    def in_a_child(self) -> list[str]:
        """Load and run it in an interpreter of its own, and see what is there then."""
        command = [sys.executable, "-c", _CHILD, str(self._pickle), json.dumps(sys.path)]
        found: list[str] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return found

    def as_mlflow(self) -> list[str]:
        """Ask MLflow."""
        import mlflow.models

        infer: Any = mlflow.models.infer_pip_requirements
        return sorted(line.partition("==")[0] for line in infer(str(self._saved), "sklearn"))


def _names(names: Iterable[str]) -> str:
    return ", ".join(names) or "nothing"


if __name__ == "__main__":
    main()
