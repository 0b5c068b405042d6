"""MLflow's package with a store of its own for each test, reached as a script reaches it: by a URI."""

import importlib.util
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import runlake
from runlake.store import opened_stores

collect_ignore_glob = [] if importlib.util.find_spec("mlflow") else ["test_*.py"]


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Close the stores of the test and forget the tracking URI."""
    yield
    for store in opened_stores():
        store.close()
    runlake.set_tracking_uri("")


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """The folder of the store, which is not there yet; its name has characters that URIs have to escape."""
    return tmp_path / "a lake%20#1"


@pytest.fixture
def client(lake: Path) -> Any:
    """MLflow's client of that store."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.tracking import MlflowClient

    return MlflowClient(uri(lake))


@pytest.fixture
def run_id(client: Any) -> str:
    """A run of the experiment "Default"."""
    made: str = client.create_run("0", run_name="plugged").info.run_id
    return made


def uri(folder: Path) -> str:
    """What a script would set as MLFLOW_TRACKING_URI."""
    return "runlake" + folder.as_uri().removeprefix("file")
