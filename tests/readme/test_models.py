"""The commands of the page on models: they run in their order, on a model that a run has logged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import runlake
from runlake.fluent import experiments
from runlake.store import get_store
from tests.readme.pages import run_here, snippets

pd = pytest.importorskip("pandas")
linear = pytest.importorskip("sklearn.linear_model")


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "lake"
    runlake.set_tracking_uri(root)
    yield root
    experiments.forget_choice()
    get_store(root).close()
    runlake.set_tracking_uri("")


def test_the_commands_of_the_page_run_in_their_order(lake: Path) -> None:
    frame = pd.DataFrame({"age": [31.0, 44.0], "children": [0, 1]})
    runlake.set_experiment("churn")
    with runlake.start_run() as run:
        runlake.log_metric("val_auc", 0.91)
        model = linear.LogisticRegression().fit(frame, [0, 1])
        info = runlake.sklearn.log_model(model, name="model", input_example=frame)
    frame.to_csv("customers.csv", index=False)
    (code,) = [part.code for part in snippets("models.md") if part.section == "From the command line"]
    runlake.register_model(info.model_uri, "churn")
    runlake.registry.set_registered_model_alias("churn", "champion", 1)
    for line in code.splitlines():
        if " verify " not in line:  # which takes an index of packages
            run_here(line.replace("RUN", run.info.run_id).replace("models:/ID", info.model_uri))
    assert Path("churn.parquet").is_file()
    assert Path("model", "MLmodel").is_file()
