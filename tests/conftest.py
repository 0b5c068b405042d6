"""What every test gets: an empty folder to work in, and an environment that nobody has set anything in."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Forget the machine's settings and work in a folder of the test's own, so that no `./lake` is left behind."""
    for name in os.environ:
        if name.startswith(("RUNLAKE_", "MLFLOW_")) or name == "RANK":
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))  # where what is on its way to servers is kept
    monkeypatch.chdir(tmp_path)
    yield
    for name in list(os.environ):
        if name.startswith(("RUNLAKE_", "MLFLOW_")):  # what `set_experiment` and others leave to child processes
            del os.environ[name]
