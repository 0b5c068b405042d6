"""Filters that are too much: each is refused in so many words, or answered at a bounded cost, and nothing crashes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlake.errors import InvalidInput
from runlake.query.filter.compile import compile_filter
from runlake.query.filter.order import parse_order
from runlake.query.filter.parser import MAX_CONDITIONS, MAX_DEPTH, MAX_FIELDS, parse_filter
from runlake.query.filter.patterns import MAX_PATTERN, MAX_PATTERNS, regex_size
from runlake.query.filter.tokens import MAX_FILTER_CHARACTERS
from tests.endurance.proofs import size
from tests.query.plain import PlainRun, selected

RUNS = [
    PlainRun("a", {"a": "1", "text": "a" * 6000}, {"loss": [0.5]}),
    PlainRun("b", {"a": "2", "text": "x"}, {"loss": [-1.0]}),
]
MEGABYTE = 1_000_000


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Fail when the block takes longer than that on a quiet machine, with room for busy ones."""
    start = time.perf_counter()
    yield
    assert time.perf_counter() - start < 4 * seconds


def refusal(text: str) -> str:
    with at_most(1), pytest.raises(InvalidInput) as caught:
        parse_filter(text)
    assert len(str(caught.value)) < 500
    str(caught.value).encode()
    return str(caught.value)


def filled(start: str, repeated: str, end: str = "") -> str:
    """A filter of nearly a megabyte."""
    return start + repeated * ((MEGABYTE - len(start) - len(end)) // len(repeated)) + end


# -- size


def test_a_filter_of_more_than_a_megabyte_is_refused() -> None:
    assert "the limit is 1,000,000" in refusal("metrics.a > 1 AND ".ljust(MAX_FILTER_CHARACTERS + 1))


def test_a_megabyte_of_conditions_is_refused_with_the_cure() -> None:
    text = filled("params.a = 1", " OR params.a = 2")
    assert f"more than {MAX_CONDITIONS:,} conditions" in (said := refusal(text))
    assert "a list counts as one: params.seed IN (1, 2, 3)" in said


def test_a_filter_that_names_more_fields_than_a_table_should_make_is_refused() -> None:
    text = " OR ".join(f"params.a{number} = 1" for number in range(MAX_FIELDS + 1))
    assert f"more than {MAX_FIELDS:,} fields" in refusal(text)


@pytest.mark.parametrize("word", ["AND", "OR"])
def test_as_many_conditions_as_allowed_are_answered(word: str) -> None:
    text = f" {word} ".join(f"params.a != {number}.5" for number in range(MAX_CONDITIONS))
    with at_most(5):
        assert selected(parse_filter(text), RUNS) == [0, 1]


def test_conditions_in_groups_are_answered_as_fast() -> None:
    text = " OR ".join(f"(params.a = {n}.5 AND NOT metrics.loss > {n})" for n in range(MAX_CONDITIONS // 2))
    with at_most(5):
        assert selected(parse_filter(text), RUNS) == []


def test_as_many_fields_as_allowed_are_answered() -> None:
    text = " OR ".join(f"params.a{number or ''} > 1" for number in range(MAX_FIELDS))
    with at_most(5):
        assert selected(parse_filter(text), RUNS) == [1]


@pytest.mark.parametrize(
    ("start", "repeated", "end", "found"),
    [
        ("params.a IN (2", ",7", ")", [1]),
        ("params.a IN (2", ", 0.5", ")", [1]),
        ("params.a IN ('2'", ",'7'", ")", [1]),
        ("metrics.loss NOT IN (0.5", ",1e3", ")", [1]),
        ("params.a IN (2", f", {2**63}", ")", [1]),
    ],
)
def test_a_list_of_a_megabyte_is_answered(start: str, repeated: str, end: str, found: list[int]) -> None:
    with at_most(5):
        assert selected(parse_filter(filled(start, repeated, end)), RUNS) == found


def test_a_list_of_many_different_numbers_is_answered() -> None:
    numbers = ", ".join(str(number) for number in range(2, 120_000))
    with at_most(5):
        assert selected(parse_filter(f"params.a IN ({numbers})"), RUNS) == [1]


def test_a_list_of_many_integers_that_no_double_holds_is_answered() -> None:
    numbers = ", ".join(str(2**53 + number) for number in range(10_000))
    with at_most(5):
        assert selected(parse_filter(f"params.a IN ({numbers}, 1)"), RUNS) == [0]


# -- nesting


@pytest.mark.parametrize("opening", ["(", "NOT (", "NOT NOT (", "( NOT (", "params.a = 1 AND ("])
def test_a_filter_nested_ten_thousand_deep_is_refused(opening: str) -> None:
    text = opening * 10_000 + "metrics.a > 1" + ")" * (10_000 * opening.count("("))
    assert f"nested deeper than {MAX_DEPTH} parentheses" in refusal(text)


def test_a_filter_nested_as_deep_as_allowed_is_read_as_if_it_were_flat() -> None:
    nested = "(" * MAX_DEPTH + "metrics.a > 1" + ")" * MAX_DEPTH
    assert parse_filter(nested) == parse_filter(" " * MAX_DEPTH + "metrics.a > 1")


def test_a_filter_nested_as_deep_as_allowed_is_answered() -> None:
    text = "params.a = 1"
    for depth in range(MAX_DEPTH):
        text = f"NOT (params.a = {depth}.5 {('AND', 'OR')[depth % 2]} {text})"
    with at_most(2):
        assert len(selected(parse_filter(text), RUNS)) + len(selected(parse_filter(f"NOT {text}"), RUNS)) <= 2
        compile_filter(parse_filter("NOT " + text))  # type: ignore[arg-type]


def test_a_filter_is_read_from_a_deep_stack() -> None:
    def deeper(depth: int) -> object:
        return deeper(depth - 1) if depth else parse_filter("(" * 20 + "params.a = 1" + ")" * 20)

    assert deeper(500) is not None


def test_a_megabyte_of_negations_is_read_without_recursion() -> None:
    with at_most(2):
        assert selected(parse_filter(filled("", "NOT NOT ", "params.a = 1")), RUNS) == [0]


# -- quotes, names and characters


@pytest.mark.parametrize("mark", ["'", '"', "`"])
def test_a_quotation_mark_that_is_never_closed_is_pointed_at(mark: str) -> None:
    assert "not closed" in refusal(filled(f"params.a = {mark}", "x"))


@pytest.mark.parametrize("piece", ["'", '"', "''", "\\'", "'\"", "`", ".'", 'a."', "a.`", "('", "\\", "a.", "1.", "<"])
def test_a_megabyte_of_anything_is_refused_or_read_in_bounded_time(piece: str) -> None:
    for start in ("", "params.a = ", "params.a = '"):
        text = filled(start, piece)
        with at_most(1):
            said = mistake(text)
        assert len(said or "") < 500


def mistake(text: str) -> str | None:
    try:
        parse_filter(text)
    except InvalidInput as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    "text",
    [
        "params.a = 'x' OR 1 = 1",
        "params.a = 'x'; DELETE FROM run",
        "params.a = 'x' -- ",
        "params.a = 'x' UNION SELECT * FROM run",
        "params.a = read_parquet('/etc/passwd')",
        "1 = 1",
        "params.* = 1",
        "^params.*$ = 1",
    ],
)
def test_sql_and_calls_are_mistakes(text: str) -> None:
    assert "^" in refusal(text)


@pytest.mark.parametrize(
    "key", ["x'; DROP TABLE run; --", "../../etc/passwd", "^.*$", "*", "a) (number)", 'x" OR "1', "\\", "$1", "{a}"]
)
def test_a_key_is_never_more_than_a_name(key: str) -> None:
    run = PlainRun("a", {key: "1"})
    assert selected(parse_filter(f"params.`{key}` = 1 AND params.`{key}` = '1'"), [run, *RUNS]) == [0]


@pytest.mark.parametrize("value", ["x' OR '1'='1", "^.*$", "%", "a)", "1); DROP TABLE run", "\\d", "{}", "$(ls)"])
def test_a_value_is_never_more_than_text(value: str) -> None:
    run = PlainRun("a", {"a": value})
    assert selected(parse_filter(f'params.a = "{value}"'), [run, *RUNS]) == [0]


def test_text_may_hold_any_character_that_unicode_has() -> None:
    run = PlainRun("a", {"a": "nul \0, bell \a, 日本, 🦆"}, {"ключ\0": [1.0]})
    assert selected(parse_filter("params.a = 'nul \0, bell \a, 日本, 🦆' AND metrics.`ключ\0` = 1"), [run]) == [0]


@pytest.mark.parametrize("text", ["params.a = '\ud800'", "params.`\udfff` = 1", "\udc80", "params.a \ud800 1"])
def test_half_a_character_is_refused_in_words_that_can_be_printed(text: str) -> None:
    said = refusal(text)
    assert "half a character" in said
    assert "\ud800" not in said


def test_half_a_character_in_an_order_is_refused() -> None:
    with pytest.raises(InvalidInput, match="order_by has half a character"):
        parse_order(["metrics.`\ud800`"])


def test_what_cannot_be_printed_is_not_repeated() -> None:
    assert "\0" not in refusal("params.a = \0")
    assert "\x1b" not in refusal("params.\x1b[31m = 1")


@pytest.mark.parametrize("name", ["x", "metrics", "é"])
def test_a_name_of_a_megabyte_is_refused_in_a_short_message(name: str) -> None:
    refusal(filled("", name, " = 1"))
    refusal(filled("", name, ".a = 1"))
    refusal(filled("", name, "(metrics.a) = 1"))
    refusal(filled("params.a ", name))


# -- numbers


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("params.a < " + "9" * 900_000, [0, 1]),
        ("params.a > -" + "9" * 900_000, [0, 1]),
        ("params.a < 1e" + "9" * 1000, [0, 1]),
        ("params.a > 1e-" + "9" * 1000, [0, 1]),
        ("params.a = 0." + "0" * 900_000 + "1", []),
        ("params.a BETWEEN -1e999 AND 1e999", [0, 1]),
        (f"params.a < {2**127}.0", [0, 1]),
        (f"params.a IN ({2**63}, {-(2**63)}, 1e300, 1)", [0]),
    ],
)
def test_numbers_beyond_every_type_are_compared_as_numbers(text: str, found: list[int]) -> None:
    with at_most(2):
        assert selected(parse_filter(text), RUNS) == found


@pytest.mark.parametrize("length", ["9" * 400_000 + "w", "0." + "1" * 400_000 + "ms"])
def test_lengths_of_time_beyond_every_calendar_are_lengths_of_time(length: str) -> None:
    with at_most(2):
        assert selected(parse_filter(f"start_time > -{length} OR duration < {length}"), RUNS) == []


# -- patterns


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "(a*)*b", "(a|a)*b", "a?" * 30 + "a" * 30, "(.*)*x", "(x+x+)+y"]
)
def test_a_pattern_that_explodes_elsewhere_is_answered_at_once(pattern: str) -> None:
    with at_most(1):
        selected(parse_filter(f"params.text RLIKE '{pattern}'"), RUNS)


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:a{1000}){1000}",
        r"\w{1000}{1000}",
        r"\w{1000}",
        "((((a{100}){100}){100}){100}){100}",
        "a{1000000000}",
        "(?x) a{ 5000 }",
        "[ab]*a[ab]{600}c",
        "a" * (MAX_PATTERN + 1),
        "x{0,9999}",
        "(?:a?){20000}",
    ],
)
def test_a_pattern_whose_repetitions_make_it_too_large_is_refused(pattern: str) -> None:
    assert f"the limit is {MAX_PATTERN:,}" in refusal(f"params.text RLIKE '{pattern}'")


def test_a_pattern_that_is_larger_than_it_looks_meets_the_bound_of_the_library() -> None:
    assert "it is too large" in refusal(r"params.text RLIKE '[\w[a]]{1000}'")


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        r"^\w{8}-\w{4}-\w{4}-\w{4}-\w{12}$",
        r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}",
        ".{1,200}",
        r"\\{3}",
        r"[{(]\(\{",
    ],
)
def test_patterns_in_use_are_within_the_limits(pattern: str) -> None:
    assert parse_filter(f"params.text RLIKE '{pattern}'") is not None


@pytest.mark.parametrize(
    ("pattern", "size"),
    [
        ("abc", 3),
        ("a{3}", 3),
        ("(ab){3}c", 7),
        ("(a(b{2}c){3}){2}", 20),
        ("a{2,5}", 5),
        ("a{2,}", 2),
        ("a{0}b", 2),
        ("a{10}{10}", 100),
        ("(?:a|b)*", 2),
        ("(?P<name>a){2}(?<other>b){2}(?i:c){2}(?i)d", 7),
        (r"\(a\){3}", 5),
        ("[()]{2}", 8),
        ("[]a]{2}", 8),
        (r"\w\.", 17),
        (r"\p{Greek}{2}\pL", 48),
        ("a)))", 1),
        ("(((a", 1),
    ],
)
def test_the_size_of_a_pattern_counts_its_repetitions(pattern: str, size: int) -> None:
    assert regex_size(pattern) == size


def test_many_large_patterns_are_refused_together() -> None:
    text = " OR ".join([rf"params.text RLIKE '\w{{{MAX_PATTERN // 16}}}'"] * 11)
    assert f"may have a size of {MAX_PATTERNS:,} together" in refusal(text)


def test_a_like_pattern_that_is_too_long_is_refused_where_it_stands() -> None:
    assert f"the limit is {MAX_PATTERN:,}" in refusal(f"params.text LIKE '{'%a' * 1500}'")


@pytest.mark.parametrize("pattern", ["%a" * 900 + "%b", "%" * 1999 + "b", "_" * 2000, "a_" * 999 + "b"])
def test_a_pattern_of_many_wildcards_is_answered_at_once(pattern: str) -> None:
    with at_most(2):
        assert selected(parse_filter(f"params.text LIKE '{pattern}'"), RUNS) == []


# -- anything

PIECES = "metrics . a ( ) ' \" ` AND OR NOT IN BETWEEN LIKE RLIKE IS , = > -7d 5 NULL TRUE min start_time 'a'"
gibberish = st.lists(st.sampled_from(PIECES.split())).map(" ".join)


@given(st.text(max_size=60) | gibberish)
@settings(max_examples=size(150, 500), deadline=None)
def test_any_text_is_a_filter_or_a_mistake(text: str) -> None:
    try:
        condition = parse_filter(text)
    except InvalidInput as error:
        str(error).encode()
    else:
        selected(condition, RUNS)


def test_runs_are_sorted_by_so_many_columns_and_no_more() -> None:
    clauses = [f"metrics.m{n}" for n in range(101)]
    assert len(parse_order(clauses[:100])) == 100
    with pytest.raises(InvalidInput, match="more than 100 clauses"):
        parse_order(clauses)
