"""The page on the registry: a version of it passes through everything that the page shows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import runlake
from runlake import registry
from runlake.store import get_store
from tests.readme.pages import DOCS, run_all, snippets

PAGE = "registry.md"


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "lake"
    runlake.set_tracking_uri(root)
    yield root
    get_store(root).close()
    runlake.set_tracking_uri("")


def test_the_page_runs(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with runlake.start_run(run_name="the best") as run:
        runlake.log_metric("val_auc", 0.91)
    parts = [part for part in snippets(PAGE) if part.language == "python"]
    names = run_all(parts, run_id=run.info.run_id)
    printed = capsys.readouterr().out
    assert "does not become @champion: " in printed
    assert "metrics.calibration_error is not logged" in printed
    assert registry.get_model_version_by_alias("churn", "champion").version == names["version"] == 1
    actions = [event.action for event in registry.log("churn")]
    assert actions[-2:] == ["set_alias", "delete_gate"]
    assert names["head"].events == len(actions)


def test_the_page_names_every_rule_of_a_gate() -> None:
    table = (DOCS / PAGE).read_text().partition("| rule |")[2].partition("\n\n")[0]
    rules = {line.split("`")[1] for line in table.splitlines() if line.startswith("| `")}
    assert rules == {"require", "signature", "pinned_environment", "tags", "better_than", "approvals", "check"}
