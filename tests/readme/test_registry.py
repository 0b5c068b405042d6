"""The page on the registry: a version of it passes through everything that the page shows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import runlake
from runlake import config, registry
from runlake.store import get_store
from tests.cli.registered import MANIFEST
from tests.readme.pages import DOCS, run_all, run_here, snippets

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


def test_the_commands_of_the_page_run_in_their_order(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with runlake.start_run() as run:
        runlake.log_metric("val_auc", 0.91)
        runlake.log_text(MANIFEST, "model/MLmodel")
    (promoting, looking) = [part.code for part in snippets(PAGE) if part.language == "sh"]
    for line in promoting.splitlines():
        with monkeypatch.context() as patch:
            if " approve " in line:
                patch.setattr(config, "os_user", lambda: "ann")
            run_here(line.replace("$RUN", run.info.run_id))
    head = registry.verify().hash
    for line in looking.splitlines():
        run_here(line.replace("$HEAD", head))
    assert registry.search_registered_models() == []
