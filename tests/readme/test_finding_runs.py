"""The page on finding runs: a newcomer who follows it on the demo's store sees something at every step."""

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import runlake
from runlake.demo.settings import grid
from runlake.query.filter.parser import parse_filter
from tests.readme.conftest import RUNS
from tests.readme.pages import DOCS, run_all, snippets

PAGE = "finding-runs.md"
SHOWN = ("", "text")  # how to make the demo, and what it printed
PARTS = [part for part in snippets(PAGE) if part.language not in SHOWN]
FILTERS = re.findall(r"^\| `([^`]+)` \| [^|]*\|$", (DOCS / PAGE).read_text().partition("## Sort")[0], re.MULTILINE)


def test_the_page_has_code_in_python_and_for_the_shell() -> None:
    assert {part.language for part in PARTS} == {"python", "sh"}


def test_the_page_runs_on_the_store_of_the_demo(demo_store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_nothing_is_empty(run_all(PARTS))
    printed = capsys.readouterr().out
    assert "lr0.031623-h64-m0.9" in printed
    assert "^" in printed, "a mistake in a filter is shown where it is"
    assert {path.name for path in Path().iterdir()} == {"lake", "good.csv", "losses.parquet", "good.parquet"}


@pytest.mark.parametrize("text", FILTERS)
def test_every_filter_of_the_table_is_one_and_finds_something(demo_store: Path, text: str) -> None:
    assert len(FILTERS) > 10
    parse_filter(text)
    assert runlake.runs("digits-sweep", where=text).collect().height > 0


def test_the_runs_that_the_page_names_are_of_the_demo() -> None:
    named = set(re.findall(r"\blr0[\w.]*-h\d+-m[\d.]*\d", (DOCS / PAGE).read_text()))
    assert named
    assert named <= {one.name for one in grid()}
    assert {one.name for one in RUNS} <= {one.name for one in grid()}


def assert_nothing_is_empty(names: dict[str, Any]) -> None:
    """Fail when a frame that the page has made has no rows."""
    frames = {name: value for name, value in names.items() if isinstance(value, pl.DataFrame | pl.LazyFrame)}
    assert {"runs", "good", "best", "by_size", "first", "curve"} <= set(frames)
    for name, frame in frames.items():
        assert frame.lazy().collect().height, f"{name} is empty"
