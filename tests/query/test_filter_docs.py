"""The page about filters: every filter that it shows is read."""

import re
from pathlib import Path

import pytest

from runlake.query.filter.nodes import Function
from runlake.query.filter.parser import MAX_CONDITIONS, MAX_DEPTH, MAX_FIELDS, parse_filter
from runlake.query.filter.patterns import MAX_PATTERN, MAX_PATTERNS
from runlake.query.filter.tokens import MAX_FILTER_CHARACTERS
from runlake.query.filter.vocabulary import EXPERIMENTS, LOGGED_MODELS, MODEL_VERSIONS, REGISTERED_MODELS, RUNS

PAGE = (Path(__file__).parents[2] / "docs" / "filters.md").read_text()
BLOCKS = [
    line for block in re.findall(r"^```sql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL) for line in block.splitlines()
]
TABLES = re.findall(r"^\| filter \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
CELLS = [re.split(r"(?<!\\)\|", row)[1].replace(r"\|", "|") for table in TABLES for row in table.splitlines()]
SHOWN = list(dict.fromkeys([*BLOCKS, *(code for cell in CELLS for code in re.findall("`([^`]+)`", cell))]))


def test_the_page_shows_filters() -> None:
    assert len(BLOCKS) >= 6
    assert len(CELLS) >= 30


@pytest.mark.parametrize("text", SHOWN)
def test_a_filter_of_the_page_is_read(text: str) -> None:
    assert parse_filter(text) is not None


def test_the_page_names_every_attribute_function_and_limit() -> None:
    models = (*REGISTERED_MODELS.attributes, *MODEL_VERSIONS.attributes, *LOGGED_MODELS.attributes)
    for name in (*RUNS.attributes, *RUNS.prefixes, *EXPERIMENTS.attributes, *models):
        assert re.search(rf"`{name}\b", PAGE), name
    for function in Function:
        assert f"`{function.value}(" in PAGE
    for limit in (MAX_CONDITIONS, MAX_DEPTH, MAX_FIELDS, MAX_PATTERN, MAX_PATTERNS, MAX_FILTER_CHARACTERS):
        assert f"{limit:,}" in PAGE
