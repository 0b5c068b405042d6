"""What filters select: any filter gives the runs that a plain evaluation of it in Python gives."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlake.catalog.typed import read_typed
from runlake.errors import InvalidInput
from runlake.query.filter import nodes
from runlake.query.filter.nodes import (
    AllOf,
    Among,
    AnyOf,
    Between,
    Comparison,
    Condition,
    Field,
    Form,
    Kind,
    Missing,
    Not,
)
from runlake.query.filter.parser import parse_filter
from tests.query.tables import PlainRun, table_of

RUNS = [
    PlainRun("a", {"lr": "0.001", "opt": "adam", "depth": "3", "warm": "True"}, {"loss": 0.5}, {"team": "vision"}),
    PlainRun("b", {"lr": "1e-3", "opt": "sgd", "depth": "12", "warm": "False"}, {"loss": math.nan}, {"team": "Vision"}),
    PlainRun("c", {"lr": "0.1", "opt": "Adam", "depth": "auto"}, {"loss": math.inf}, {"team": "audio"}),
    PlainRun("d", {"lr": "None", "opt": "a_b%c"}, {"loss": -0.0}, {}, [("mnist", "1", "train"), ("cifar", "2", None)]),
    PlainRun("e", {}, {}, {"team": ""}, [("mnist", "3", "test")], start_time=5, end_time=9),
]


def selected(text: str, runs: Sequence[PlainRun] = RUNS) -> str:
    rows = table_of(runs).rows_matching(parse_filter(text))
    return (
        "".join(runs[row].name for row in range(len(runs))) if rows is None else "".join(runs[row].name for row in rows)
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("params.lr = 0.001", "ab"),
        ("params.lr = '0.001'", "a"),
        ("params.lr BETWEEN 1e-3 AND 1e-2", "ab"),
        ("params.lr NOT BETWEEN 1e-3 AND 1e-2", "c"),
        ("params.lr != 0.001", "c"),
        ("params.lr IN (0.1, 7)", "c"),
        ("params.lr NOT IN (0.1, 7)", "ab"),
        ("params.lr IS NULL", "e"),
        ("params.depth > 2", "ab"),
        ("params.depth > 11.5", "b"),
        ("params.depth = 'auto'", "c"),
        ("params.warm = TRUE", "a"),
        ("params.warm != true", "b"),
        ("params.warm = 1", ""),
        ("params.opt LIKE 'a%'", "ad"),
        ("params.opt ILIKE 'A%'", "acd"),
        ("params.opt LIKE 'a_b\\%c'", ""),
        ("params.opt LIKE '%_b_c'", "d"),
        ("params.opt NOT LIKE 'a%'", "bc"),
        ("params.missing != 'x'", ""),
        ("NOT params.missing = 'x'", ""),
        ("params.missing IS NULL", "abcde"),
        ("metrics.loss != 7", "abcd"),
        ("metrics.loss > 0", "ac"),
        ("NOT metrics.loss > 0", "bd"),
        ("metrics.loss >= 0", "acd"),
        ("metrics.loss = 0", "d"),
        ("metrics.loss IN (0.5, 1)", "a"),
        ("metrics.loss IS NOT NULL", "abcd"),
        ("metrics.loss > 1e400", ""),
        ("metrics.loss < 123456789012345678901234567890", "ad"),
        ("tags.team = ''", "e"),
        ("tags.team IN ('vision', 'audio')", "ac"),
        ("datasets.name = 'mnist'", "de"),
        ("datasets.name != 'mnist'", "d"),
        ("dataset.context = 'train'", "d"),
        ("dataset.digest NOT IN ('1')", "de"),
        ("datasets.name IS NULL", "abc"),
        ("start_time > 1", "e"),
        ("end_time IS NULL", "abcd"),
        ("run_id IN ('a', 'e',)", "ae"),
        ("metrics.loss > 0 OR tags.team = '' AND params.lr IS NULL", "ace"),
        ("(metrics.loss > 0 OR tags.team = '') AND params.lr IS NULL", "e"),
        ("not (params.opt = 'adam' or params.opt = 'sgd')", "cd"),
        ("", "abcde"),
    ],
)
def test_a_filter_selects_the_runs_that_it_describes(text: str, found: str) -> None:
    assert selected(text) == found


def test_a_hundred_thousand_conditions_are_answered() -> None:
    assert selected(" OR ".join(["metrics.loss > 0"] * 30_000)) == "ac"


def test_integers_are_compared_exactly() -> None:
    runs = [PlainRun("a", {"seed": "9007199254740993"}), PlainRun("b", {"seed": "9007199254740992"})]
    assert selected("params.seed = 9007199254740993", runs) == "a"
    assert selected("params.seed IN (9007199254740993, 0.5)", runs) == "a"


def test_a_pattern_that_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidInput, match="the limit is 2,000"):
        selected(f"params.opt LIKE '{'%a' * 1500}'")


def test_a_pattern_of_many_wildcards_is_answered_at_once() -> None:
    run = PlainRun("a", {"text": "a" * 6000})
    assert selected(f"params.text LIKE '{'%a' * 900}%b'", [run]) == ""


# -- any filter against a plain evaluation in Python

KEYS = {Kind.PARAM: ["lr", "opt", "no"], Kind.METRIC: ["loss", "val loss"], Kind.TAG: ["team", "a/b"]}
TEXTS = ["adam", "Adam", "a%", "_dam", "%", "0.1", "1", "True", "None", "", "1e999", "é"]
NUMBERS = [0, 1, -1, 0.1, 1e-3, 2**53 + 1, -(2**63), 2**63, 1e308]

fields = st.sampled_from([Field(kind, key) for kind, keys in KEYS.items() for key in keys])


def literal(value: str | float | bool) -> nodes.Literal:
    return nodes.Literal(value, 0)


@st.composite
def leaves(draw: st.DrawFn) -> Condition:
    field = draw(fields)
    negated = draw(st.booleans())
    if draw(st.integers(0, 5)) == 0:
        return Missing(field, negated)
    if field.kind is Kind.TAG or (field.kind is Kind.PARAM and draw(st.booleans())):
        some_text = st.sampled_from(TEXTS).map(literal)
        if draw(st.booleans()):
            return Among(field, tuple(draw(st.lists(some_text, min_size=1, max_size=3))), negated)
        sign = draw(st.sampled_from([nodes.Operator.EQ, nodes.Operator.NE, nodes.Operator.LIKE, nodes.Operator.ILIKE]))
        pattern = sign in (nodes.Operator.LIKE, nodes.Operator.ILIKE)
        return Comparison(field, sign, draw(some_text), negated and pattern)
    some_number = st.sampled_from(NUMBERS).map(literal)
    match draw(st.integers(0, 2)):
        case 0:
            return Between(field, draw(some_number), draw(some_number), negated)
        case 1:
            return Among(field, tuple(draw(st.lists(some_number, min_size=1, max_size=3))), negated)
        case _:
            signs = [nodes.Operator(sign) for sign in ("=", "!=", "<", "<=", ">", ">=")]
            return Comparison(field, draw(st.sampled_from(signs)), draw(some_number))


conditions = st.recursive(
    leaves(),
    lambda part: st.one_of(
        part.map(Not),
        st.lists(part, min_size=2, max_size=3).map(lambda parts: AllOf(tuple(parts))),
        st.lists(part, min_size=2, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
    ),
    max_leaves=8,
)

plain_runs = st.builds(
    PlainRun,
    st.just("r"),
    st.dictionaries(
        st.sampled_from(KEYS[Kind.PARAM]), st.sampled_from([*TEXTS, "9007199254740993", "nan", "-inf", "5."])
    ),
    st.dictionaries(st.sampled_from(KEYS[Kind.METRIC]), st.floats(width=16) | st.sampled_from([0.1, 1e-3, 1e308])),
    st.dictionaries(st.sampled_from(KEYS[Kind.TAG]), st.sampled_from(TEXTS)),
)


@given(conditions, st.lists(plain_runs, max_size=6))
@settings(max_examples=400, deadline=None)
def test_any_filter_selects_what_a_plain_evaluation_selects(condition: Condition, runs: list[PlainRun]) -> None:
    rows = table_of(runs).rows_matching(parse_filter(written(condition)))
    assert rows is not None
    assert rows.to_list() == [row for row, run in enumerate(runs) if evaluate(condition, run)]


def written(condition: Condition) -> str:
    match condition:
        case Not(part):
            return f"NOT ({written(part)})"
        case AllOf(parts):
            return " AND ".join(f"({written(part)})" for part in parts)
        case AnyOf(parts):
            return "(" + " OR ".join(written(part) for part in parts) + ")"
    name = f"{condition.field.kind.value}.`{condition.field.key}`"
    no = "NOT " if condition.negated else ""
    match condition:
        case Missing():
            return f"{name} IS {no}NULL"
        case Between(low=low, high=high):
            return f"{name} {no}BETWEEN {spelled(low)} AND {spelled(high)}"
        case Among(literals=literals):
            return f"{name} {no}IN ({', '.join(map(spelled, literals))})"
        case Comparison(operator=sign, literal=value):
            return f"{name} {no}{sign.value} {spelled(value)}"


def spelled(value: nodes.Literal) -> str:
    return f"'{value.value}'" if isinstance(value.value, str) else repr(value.value)


def evaluate(condition: Condition, run: PlainRun) -> bool | None:
    """True, False or None, which is unknown."""
    match condition:
        case Not(part):
            inner = evaluate(part, run)
            return None if inner is None else not inner
        case AllOf(parts):
            answers = [evaluate(part, run) for part in parts]
            return False if False in answers else None if None in answers else True
        case AnyOf(parts):
            answers = [evaluate(part, run) for part in parts]
            return True if True in answers else None if None in answers else False
        case Missing(field, negated):
            return (raw_value(field, run) is None) != negated
    value = read_as(raw_value(condition.field, run), nodes.form_of(condition))
    if value is None:
        return None
    return holds(condition, value) != condition.negated


def raw_value(field: Field, run: PlainRun) -> str | float | None:
    return {Kind.PARAM: run.params, Kind.METRIC: run.metrics, Kind.TAG: run.tags}[field.kind].get(field.key)


def read_as(value: str | float | None, form: Form) -> str | int | float | None:
    if form is Form.TEXT or not isinstance(value, str):
        return value
    kind, number = read_typed(value)
    return (math.nan if number is None else number) if kind in (1, 2) else None


def holds(condition: Comparison | Between | Among, value: str | float) -> bool:
    match condition:
        case Between(low=low, high=high):
            return low.value <= value <= high.value  # type: ignore[operator]
        case Among(literals=literals):
            return value in [each.value for each in literals]
        case Comparison(operator=sign, literal=right):
            return COMPARE[sign](value, right.value)


def like(text: str, pattern: str, flags: re.RegexFlag) -> bool:
    wild = {"%": ".*", "_": "."}
    return re.fullmatch("".join(wild.get(letter) or re.escape(letter) for letter in pattern), text, flags) is not None


COMPARE: dict[nodes.Operator, Callable[..., bool]] = {
    nodes.Operator.EQ: operator.eq,
    nodes.Operator.NE: operator.ne,
    nodes.Operator.LT: operator.lt,
    nodes.Operator.LE: operator.le,
    nodes.Operator.GT: operator.gt,
    nodes.Operator.GE: operator.ge,
    nodes.Operator.LIKE: lambda text, pattern: like(text, pattern, re.DOTALL),
    nodes.Operator.ILIKE: lambda text, pattern: like(text, pattern, re.DOTALL | re.IGNORECASE),
}
