"""What the filter language says to a mistake: the fact, the place, and the nearest thing that it knows."""

import pytest

from runlake.errors import InvalidInput
from runlake.query.filter.order import parse_order
from runlake.query.filter.parser import MAX_DEPTH, parse_filter
from runlake.query.filter.tokens import MAX_FILTER_CHARACTERS


def message(text: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_filter(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "pointed_at", "said"),
    [
        ("strat_time > 5", "strat_time", "did you mean start_time?"),
        ("metricz.loss > 1", "metricz.loss", "did you mean metric or metrics?"),
        ("datasets.nam = 'a'", "datasets.nam", "known are name, digest, context"),
        ("params.a = 'x", "'x", "not closed"),
        ("params.a = 1.2.3", "1.2.3", "text is written in quotes"),
        ("params.a = x", "x", "text is written in quotes"),
        ("params.a == 'b'", "==", "equality is written ="),
        ("params.a <> 'b'", "<>", "inequality is written !="),
        ("params.a > 'b'", ">", "write the number without quotes"),
        ("params.a LIKE 5", "5", "LIKE needs quoted text"),
        ("metrics.a = 'b'", "'b'", "compared with a number"),
        ("start_time = '5'", "'5'", "compared with a number"),
        ("status > 'A'", ">", "compares numbers"),
        ("tags.a = 5", "5", "compared with quoted text"),
        ("metrics.a > 1 metrics.b > 2", "metrics.b", "AND or OR"),
        ("metrics.a > 1; DROP TABLE run", ";", "cannot contain ';'"),
        ("metrics.a BETWEEN 1, 2", ",", "AND between them"),
        ("params.a IN ('x', 5)", "5", "all text or all numbers"),
        ("params.a IN 'x'", "'x'", "a list of values after IN"),
        ("params.a IN ()", ")", "needs a value"),
        ("metrics.a IS 5", "5", "NULL or NOT NULL"),
        ("metrics.a NOT > 5", ">", "IN, BETWEEN, LIKE or ILIKE"),
        ("(metrics.a > 1 OR metrics.b > 1", "", "needs ')'"),
        ("metrics.a > 1)", ")", "nothing opened"),
        ("metrics.a >", "", "not the end"),
        ("AND metrics.a > 1", "AND", "needs a name"),
    ],
)
def test_a_mistake_is_shown_with_a_caret_under_it(text: str, pointed_at: str, said: str) -> None:
    _, line, caret, *_ = (shown := message(text)).splitlines()
    assert said in shown
    assert line == f"  {text}"
    start = caret.index("^") - 2
    assert text[start : start + caret.count("^")].startswith(pointed_at)


def test_a_mistake_far_into_a_filter_is_shown_with_what_stands_around_it() -> None:
    text = "metrics.a > 1 AND " * 500 + "metrics.b >> 1" + " AND metrics.a > 1" * 500
    _, line, caret, *_ = message(text).splitlines()
    assert len(line) < 100
    assert line[caret.index("^") : caret.index("^") + 2] == ">>"


def test_a_line_break_in_a_filter_leaves_the_caret_in_its_place() -> None:
    _, line, caret, *_ = message("metrics.a > 1\nAND\tmetrics.b >> 1").splitlines()
    assert line[caret.index("^") : caret.index("^") + 2] == ">>"


@pytest.mark.parametrize("opening", ["(", "NOT (", "NOT NOT ("])
def test_a_filter_nested_too_deep_is_refused(opening: str) -> None:
    assert "nested deeper" in message(opening * 10_000 + "metrics.a > 1" + ")" * 10_000)


def test_a_filter_nested_as_deep_as_allowed_is_read() -> None:
    assert parse_filter("(" * MAX_DEPTH + "metrics.a > 1" + ")" * MAX_DEPTH) == parse_filter(
        " " * MAX_DEPTH + "metrics.a > 1"
    )


def test_a_thousand_negations_are_read_without_recursion() -> None:
    assert parse_filter("NOT " * 1000 + "metrics.a > 1") == parse_filter("    " * 1000 + "metrics.a > 1")


def test_a_filter_that_is_too_long_is_refused() -> None:
    assert "the limit is 1,000,000" in message("metrics.a > 1 AND ".ljust(MAX_FILTER_CHARACTERS + 1))


@pytest.mark.parametrize("text", [None, "", "   ", "\n"])
def test_an_empty_filter_asks_for_everything(text: str | None) -> None:
    assert parse_filter(text) is None


@pytest.mark.parametrize(
    ("clauses", "said"),
    [
        (["metrics.a", "metric.a DESC"], "names metrics.a twice"),
        (["start_time", "created"], "names attributes.start_time twice"),
        (["metrics.a sideways"], "only ASC or DESC"),
        (["metrics.a DESC DESC"], "only ASC or DESC"),
        (["metrics.val loss"], "backticks"),
        (["strat_time"], "did you mean start_time?"),
        (["datasets.name"], "cannot be sorted"),
        ([""], "needs a name"),
        (["'a'"], "needs a name"),
    ],
)
def test_an_order_that_cannot_be_followed_is_refused(clauses: list[str], said: str) -> None:
    with pytest.raises(InvalidInput, match=said.replace("?", r"\?")):
        parse_order(clauses)
