"""The page on models: what it shows runs, and what a script has written it is loaded by."""

from pathlib import Path
from typing import Any

import numpy as np

import runlake
from runlake.models import flavors, saving
from tests.readme.pages import run_all, snippets

SECTIONS = ("Log, register, load", "Models that are Python", "Flavors of your own")
PARTS = [part for part in snippets("models.md") if part.section in SECTIONS and part.language == "python"]


def test_the_page_runs(lake: Path, tmp_path: Path, monkeypatch: Any) -> None:
    found = run_all(PARTS)
    assert np.array_equal(found["served"].predict(found["data"]), found["model"].predict(found["data"]))
    assert runlake.pyfunc.load_model(f"runs:/{found['run'].id}/model").model_id == found["info"].model_id
    monkeypatch.setattr(flavors, "_registered", dict(flavors._registered))
    flavors.register(found["Points"]())
    saving.save(tmp_path / "points", flavors.find("points"), [1.0, 2.5], pip_requirements=[])
    from runlake.models.loading import load_native

    assert load_native(tmp_path / "points", "points") == [1.0, 2.5]
