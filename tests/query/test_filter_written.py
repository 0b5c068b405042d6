"""A condition that is written as text is read as the same condition: a report of a gate says what was asked."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings

from runlake.errors import InvalidInput
from runlake.query.filter.nodes import Condition
from runlake.query.filter.parser import parse_filter
from runlake.query.filter.written import written
from tests.endurance.proofs import size
from tests.query import plain
from tests.query.test_filter_property import conditions

CORPUS = (Path(__file__).parent / "filter_corpus.txt").read_text().splitlines()


def tree(condition: Condition | None) -> str:
    """A condition without the columns where it was written."""
    return re.sub(r", column=\d+", "", repr(condition))


def read(text: str) -> Condition:
    found = parse_filter(text, now_ms=1_700_000_000_000)
    assert found is not None
    return found


def is_filter(text: str) -> bool:
    """The corpus has mistakes as well."""
    try:
        return parse_filter(text) is not None
    except InvalidInput:
        return False


@pytest.mark.parametrize("text", [line for line in CORPUS if is_filter(line)])
def test_a_filter_that_is_written_anew_is_the_same(text: str) -> None:
    assert tree(read(written(read(text)))) == tree(read(text))


@given(conditions)
@settings(max_examples=size(80, 200), deadline=None)
def test_any_condition_is_read_as_it_was_written(condition: Condition) -> None:
    first = read(plain.written(condition))
    assert tree(read(written(first))) == tree(first)


def test_parentheses_stand_where_they_are_needed() -> None:
    text = "metrics.a > 1 AND (params.b = 'x' OR tags.`c d` IS NULL) AND NOT (status = 'FAILED')"
    assert written(read(text)) == text
