"""A small store to look into, and the command line as a function."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import runlake
from runlake.cli.app import status_of
from runlake.fluent import experiments, origin
from runlake.store import get_store
from tests.cli.registered import register_churn


@dataclass(frozen=True)
class Result:
    """What a command left behind; ids, times and paths are replaced, so that they can be compared."""

    status: int
    out: str
    err: str


Cli = Callable[..., Result]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Cli:
    """Run `runlake` with arguments, in this process."""

    def run(*arguments: str) -> Result:
        capsys.readouterr()
        status = status_of(arguments)
        out, err = capsys.readouterr()
        return Result(status, masked(out, tmp_path), masked(err, tmp_path))

    return run


def masked(text: str, folder: Path) -> str:
    """Replace what is different each time."""
    text = text.replace(str(folder), "[FOLDER]")
    text = re.sub(r"\b[0-9a-f]{32}\b", "[ID]", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "[TIME]", text)
    return re.sub(r"(duration_s\t)[\d.]+", r"\1[SECONDS]", text)


def wait_for_next_millisecond() -> None:
    """Let the clock go on, so that runs which start before and after have an order."""
    start_ms = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 <= start_ms:
        pass


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Path]:
    """A store with three runs in two experiments; `broad` and `narrow` have ten points of `loss` each."""
    root = tmp_path / "lake"
    runlake.set_tracking_uri(str(root))
    runlake.set_experiment("sweep")
    for name, lr in (("narrow", 0.001), ("broad", 0.1)):
        wait_for_next_millisecond()
        with runlake.start_run(run_name=name, tags={"team": "vision"}) as run:
            runlake.log_params({"lr": lr, "depth": 6, "optimizer": "sgd"})
            for step in range(10):
                run.log({"loss": lr * 2.0**-step}, step=step)
            runlake.log_metric("val_accuracy", 0.9 + lr, step=10)
            runlake.log_text("cat, dog", "classes.txt")
    runlake.set_experiment("other")
    wait_for_next_millisecond()
    with runlake.start_run(run_name="odd"):
        for step, value in enumerate((1.0, float("nan"), float("-inf"))):
            runlake.log_metric("loss", value, step=step)
    origin.finish(30)  # nothing writes to the store behind the test's back
    yield root
    get_store(root).close()


@pytest.fixture
def churn(tmp_path: Path) -> Iterator[Path]:
    """A store with the registered model `churn`, of three versions."""
    root = tmp_path / "lake"
    experiments.forget_choice()
    runlake.set_tracking_uri(str(root))
    register_churn()
    yield root
    get_store(root).close()
