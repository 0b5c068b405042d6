"""Models: a store of the test's own, a fitted estimator, and the official package as judge."""

import importlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import runlake
from runlake.fluent import experiments
from runlake.models import trust
from tests.tracking import leftovers
from tests.tracking.conftest import judge

__all__ = ["judge"]


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Path]:
    """The folder of a new store that is in force; runs that the test leaves active are ended."""
    root = tmp_path / "lake"
    runlake.set_tracking_uri(root)
    runlake.set_error_policy("all")
    experiments.forget_choice()
    yield root
    leftovers.end_all()


@pytest.fixture(autouse=True)
def strangers_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what this process has written before, so that no test trusts what another one wrote."""
    monkeypatch.setattr(trust, "_written", {})


@pytest.fixture(scope="session")
def mlflow() -> ModuleType:
    """The official package, when it is installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        official = pytest.importorskip("mlflow")
        for name in ("pyfunc", "sklearn", "models"):
            importlib.import_module(f"mlflow.{name}")  # an attribute would be a promise to import it, with warnings
    assert isinstance(official, ModuleType)
    return official


@pytest.fixture(scope="session")
def iris() -> tuple[Any, Any]:
    """Columns and classes of 150 flowers."""
    from sklearn.datasets import load_iris

    data, target = load_iris(return_X_y=True, as_frame=True)
    return data, target


@pytest.fixture(scope="session")
def classifier(iris: tuple[Any, Any]) -> Any:
    """A fitted estimator."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=500).fit(*iris)
