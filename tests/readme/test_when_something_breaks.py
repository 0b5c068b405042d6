"""The page on damage: its commands run, and its table is what doctor says."""

from pathlib import Path

from runlake.checkup import State
from tests.readme.pages import run_all, snippets

PAGE = "when-something-breaks.md"


def test_the_page_runs(demo_store: Path) -> None:
    parts = list(snippets(PAGE))
    assert {part.language for part in parts} == {"python", "sh"}
    run_all(parts)


def test_the_page_lists_every_state_of_a_finding() -> None:
    page = (Path(__file__).parents[2] / "docs" / PAGE).read_text()
    assert all(f"| `{state}` |" in page for state in State)
