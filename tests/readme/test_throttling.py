"""The page on throttling: its code runs, from the first snippet to the last, and nothing of it stays."""

import json
import re
from pathlib import Path

import pytest

import runlake
from runlake import backlog, throttling
from runlake.config import Config
from tests.readme.pages import DOCS, run_all, snippets

PAGE = "throttling.md"


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(throttling, "_of_process", throttling.Rules())
    monkeypatch.setattr(backlog, "_watcher", backlog._Watcher())
    runlake.set_tracking_uri(tmp_path / "lake")
    names = run_all([part for part in snippets(PAGE) if part.language == "python"])
    assert names["curve"].height > 1
    assert "debug/norm 10000" in capsys.readouterr().out
    backlog._watcher.watches = []


def test_the_rules_of_the_environment_on_the_page_can_be_read() -> None:
    [line] = re.findall(r"^RUNLAKE_THROTTLE=(.*)$", (DOCS / PAGE).read_text(), re.MULTILINE)
    assert [pattern for pattern, _ in throttling.parse(json.loads(line))] == ["grad/*", "act/*", "loss"]


def test_the_limits_on_the_page_are_those_of_the_configuration() -> None:
    rows = re.findall(r"^\| `RUNLAKE_(\w+)` \| ([^|]*) \|", (DOCS / PAGE).read_text(), re.MULTILINE)
    limits = {name.lower(): said for name, said in rows}
    config = Config()
    assert limits["max_block_ms"] == str(config.max_block_ms)
    assert limits["spool_max_bytes"] == f"{config.spool_max_bytes >> 30} GiB"
    assert limits["min_free_bytes"] == str(config.min_free_bytes)
    assert config.max_unsealed_bytes is None
    assert "engine's own" in limits["max_unsealed_bytes"]
