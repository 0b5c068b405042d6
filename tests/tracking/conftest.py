"""A store of the test's own, and nothing left active behind it."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import runlake
from runlake.fluent import experiments
from tests.tracking import leftovers
from tests.tracking.judge import Judge


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Path]:
    """The folder of a new store that is in force; runs that the test leaves active are ended."""
    root = tmp_path / "lake"
    runlake.set_tracking_uri(root)
    runlake.set_error_policy("all")
    experiments.forget_choice()
    yield root
    leftovers.end_all()


@pytest.fixture(scope="session")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """The official package, when it is installed."""
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        mlflow = pytest.importorskip("mlflow")
        template = tmp_path_factory.mktemp("judge") / "mlflow.db"
        patch.chdir(template.parent)  # where it puts the artifacts of the experiment "Default"
        mlflow.MlflowClient(f"sqlite:///{template}").search_experiments()
    return Judge(mlflow, template)
