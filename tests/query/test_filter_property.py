"""Any filter selects the runs that a plain evaluation of it in Python selects."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlake.query.filter.nodes import (
    AllOf,
    Among,
    AnyOf,
    Between,
    Comparison,
    Condition,
    Field,
    Function,
    Kind,
    Literal,
    Missing,
    Not,
    Operator,
)
from runlake.query.filter.parser import parse_filter
from tests.endurance.proofs import size
from tests.query.plain import PlainRun, evaluated, selected, written

KEYS = {
    Kind.PARAM: ["lr", "opt", "lr (number)", "no"],
    Kind.METRIC: ["loss", "val loss", "min", "ü/é.x"],
    Kind.TAG: ["team", "a/b-c:d"],
}
TEXT_ATTRIBUTES = ["run_name", "status", "experiment_id", "lifecycle_stage"]
NUMBER_ATTRIBUTES = ["start_time", "end_time", "duration"]

WORDS = ["adam", "Adam", "ADAM1", "_dam", "%", "it's", 'a "b"', "é", "É", "", "a\0b", "\n", "$", "\\x", "日本"]
NUMBERS_AS_TEXT = ["0", "-1", "1", "1.0", "0.1", "1e-3", "9007199254740993", "9223372036854775807", "nan", "-inf"]
TEXTS = [*WORDS, *NUMBERS_AS_TEXT, "-0.0", "5.", "007", "1e999", "9223372036854775808", "True", "false", "None"]
PATTERNS = [*WORDS, "a%", "%a%", "_d%", "%%", "___"]
REGULAR_EXPRESSIONS = ["^a", "m$", "[0-9]+", "a.a|x", "(?i)ADAM", "^$", "é", "(a+)+m", r"\d\.\d", "b{2,}", "^[^a]"]
NUMBERS = [
    *(0, 1, -1, 3, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 10**19),
    *(0.1, 1e-3, -0.0, 1.5, 2.0**53, 2.0**63, -(2.0**63), 1e18, 1e19, 1e308, 1e40),
]

VALUES = [0.1, 1e-3, -0.0, 1e308, 2.0**53, 2.0**63, -(2.0**63), math.nan, math.inf, -math.inf]


def some_of(values: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=values)


runs = st.builds(
    PlainRun,
    st.just("r"),
    some_of({key: st.sampled_from(TEXTS) for key in KEYS[Kind.PARAM]}),
    some_of({key: st.lists(st.floats(width=16) | st.sampled_from(VALUES), min_size=1) for key in KEYS[Kind.METRIC]}),
    some_of({key: st.sampled_from(NUMBERS_AS_TEXT) for key in KEYS[Kind.TAG]}),
    st.lists(st.dictionaries(st.sampled_from(["name", "digest", "context"]), st.sampled_from(WORDS)), max_size=2),
    st.fixed_dictionaries(
        {},
        optional={
            "status": st.sampled_from(["RUNNING", "FAILED"]),
            "start_time": st.sampled_from([0, 1, 1000, 2**62]),
            "end_time": st.sampled_from([0, 1000, 2**62]),
        },
    ),
)


def literals(values: Sequence[str | float | bool]) -> st.SearchStrategy[Literal]:
    return st.sampled_from(values).map(lambda value: Literal(value, 0))


def keyed(kind: Kind) -> st.SearchStrategy[Field]:
    return st.sampled_from([Field(kind, key) for key in KEYS[kind]])


def among(field: Field, some: st.SearchStrategy[Literal]) -> st.SearchStrategy[Condition]:
    lists = st.lists(some, min_size=1, max_size=4).map(tuple)
    return st.builds(Among, st.just(field), lists, st.booleans())


def as_text(field: Field) -> st.SearchStrategy[Condition]:
    this, either = st.just(field), st.booleans()
    equal = st.sampled_from([Operator.EQ, Operator.NE])
    pattern = st.sampled_from([Operator.LIKE, Operator.ILIKE])
    return st.one_of(
        st.builds(Comparison, this, equal, literals(TEXTS)),
        st.builds(Comparison, this, pattern, literals(PATTERNS), either),
        st.builds(Comparison, this, st.just(Operator.RLIKE), literals(REGULAR_EXPRESSIONS), either),
        among(field, literals(TEXTS)),
    )


def as_number(field: Field) -> st.SearchStrategy[Condition]:
    this, number = st.just(field), literals(NUMBERS)
    signs = st.sampled_from([Operator.EQ, Operator.NE, Operator.LT, Operator.LE, Operator.GT, Operator.GE])
    return st.one_of(
        st.builds(Comparison, this, signs, number),
        st.builds(Between, this, number, number, st.booleans()),
        among(field, number),
    )


def as_flag(field: Field) -> st.SearchStrategy[Condition]:
    equal = st.sampled_from([Operator.EQ, Operator.NE])
    return st.builds(Comparison, st.just(field), equal, literals([True, False])) | among(field, literals([True, False]))


summaries = [function for function in Function if function is not Function.LAST]
metrics = keyed(Kind.METRIC) | st.builds(
    lambda field, function: Field(field.kind, field.key, function), keyed(Kind.METRIC), st.sampled_from(summaries)
)
typed = keyed(Kind.PARAM) | keyed(Kind.TAG)
texts = st.sampled_from([Field(Kind.ATTRIBUTE, key) for key in TEXT_ATTRIBUTES]) | st.sampled_from(
    [Field(Kind.DATASET, key) for key in ("name", "digest", "context")]
)
numbers = st.sampled_from([Field(Kind.ATTRIBUTE, key) for key in NUMBER_ATTRIBUTES]) | metrics
leaves = st.one_of(
    typed.flatmap(as_text),
    typed.flatmap(as_number),
    typed.flatmap(as_flag),
    texts.flatmap(as_text),
    numbers.flatmap(as_number),
    st.builds(Missing, typed | texts | numbers, st.booleans()),
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    leaves,
    lambda part: st.one_of(
        part.map(Not),
        st.lists(part, min_size=2, max_size=3).map(lambda parts: AllOf(tuple(parts))),
        st.lists(part, min_size=2, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
    ),
    max_leaves=8,
)


@given(conditions, st.lists(runs, min_size=1, max_size=8))
@settings(max_examples=size(80, 250), deadline=None)
def test_any_filter_selects_what_a_plain_evaluation_selects(condition: Condition, some: list[PlainRun]) -> None:
    assert selected(parse_filter(written(condition)), some) == evaluated(condition, some)


WHOLE = ["0", "-0", "1", "9007199254740992", "9007199254740993", "9223372036854775807", "-9223372036854775808"]
EDGES = {
    "params.whole": [PlainRun("r", {"whole": text}) for text in WHOLE],
    "params.mixed": [PlainRun("r", {"mixed": text}) for text in [*NUMBERS_AS_TEXT, *WHOLE, "9223372036854775808"]],
    "metrics.a": [PlainRun("r", metrics={"a": [value]}) for value in [*VALUES, 0.0, 2.0**53 + 2]],
    "start_time": [PlainRun("r", attributes={"start_time": int(text)}) for text in WHOLE],
}
SIGNS = [Operator.EQ, Operator.NE, Operator.LT, Operator.LE, Operator.GT, Operator.GE]


@pytest.mark.parametrize("name", EDGES)
def test_numbers_at_the_edges_of_their_types_are_compared_as_python_compares_them(name: str) -> None:
    some = [*EDGES[name], PlainRun("without")]
    kind, _, key = name.rpartition(".")
    field = Field(Kind(kind or "attributes"), key)
    numbers = [Literal(number, 0) for number in NUMBERS]
    tested: list[Condition] = [Comparison(field, sign, number) for sign in SIGNS for number in numbers]
    tested += [Among(field, (first, second)) for first, second in itertools.combinations(numbers, 2)]
    tested += [Between(field, low, high) for low, high in itertools.permutations(numbers[::2], 2)]
    for condition in tested:
        for each in (condition, Not(condition)):
            assert selected(parse_filter(written(each)), some) == evaluated(each, some), written(each)


@pytest.mark.parametrize("field", [Field(Kind.PARAM, "a"), Field(Kind.DATASET, "name")])
def test_texts_of_all_sorts_are_compared_as_python_compares_them(field: Field) -> None:
    some = [*(PlainRun("r", {"a": text}, datasets=[{"name": text}]) for text in TEXTS), PlainRun("r", datasets=[{}])]
    either, like = (False, True), (Operator.LIKE, Operator.ILIKE)
    tested: list[Condition] = [Missing(field), Missing(field, negated=True)]
    tested += [Comparison(field, sign, Literal(text, 0)) for sign in (Operator.EQ, Operator.NE) for text in TEXTS]
    tested += [Comparison(field, sign, Literal(text, 0), no) for sign in like for text in PATTERNS for no in either]
    tested += [Comparison(field, Operator.RLIKE, Literal(pattern, 0)) for pattern in REGULAR_EXPRESSIONS]
    for condition in tested:
        for each in (condition, Not(condition)):
            assert selected(parse_filter(written(each)), some) == evaluated(each, some), written(each)
