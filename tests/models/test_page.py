"""The page on models: what it shows runs, and what a script has written it is loaded by."""

from pathlib import Path

import numpy as np

import runlake
from tests.readme.pages import run_all, snippets

SECTIONS = ("Log, register, load", "Find them again", "Models that are Python")
PARTS = [part for part in snippets("models.md") if part.section in SECTIONS and part.language == "python"]


def test_the_page_runs(lake: Path) -> None:
    found = run_all(PARTS)
    assert np.array_equal(found["served"].predict(found["data"]), found["model"].predict(found["data"]))
    assert runlake.pyfunc.load_model(f"runs:/{found['run'].id}/model").model_id == found["info"].model_id
    found_again = runlake.get_logged_model(str(found["info"].model_id))
    assert (found["best"].model_id, found_again.tags["reviewed"]) == (found_again.model_id, "yes")
    assert {metric.key for metric in found_again.metrics} == {"accuracy", "accuracy_of_20"}
