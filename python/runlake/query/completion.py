"""Completion: what is wrong with a filter that is being written, what may come next, and how many runs it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from runlake.entities import LifecycleStage, RunStatus
from runlake.errors import InvalidInput
from runlake.query.binning import LONGEST_SHOWN
from runlake.query.column_search import names_with
from runlake.query.filter.expected import Expected, Slot, expected_at
from runlake.query.filter.nodes import Field, Form, Function, Kind, Literal, Operator
from runlake.query.filter.vocabulary import RUNS
from runlake.query.filter.written import field_text, literal_text
from runlake.query.ordered import OrderedRuns, Question, ordered_runs
from runlake.query.reader import Lake
from runlake.query.run_window import has_field, values_of

MOST_SHOWN: Final = 50
_MOST_VALUES: Final = 50
_KINDS: Final = (Kind.ATTRIBUTE, Kind.PARAM, Kind.METRIC, Kind.TAG)
_STATES: Final = {
    "status": tuple(map(RunStatus.to_string, RunStatus.all_status())),
    "lifecycle_stage": (LifecycleStage.ACTIVE, LifecycleStage.DELETED),
}
_SYMBOLS: Final = ("=", "!=", "<", "<=", ">", ">=")
_TEXT_WORDS: Final = (
    *(o.value for o in (Operator.LIKE, Operator.ILIKE, Operator.RLIKE)),
    "IN",
    "IS NULL",
    "IS NOT NULL",
)


@dataclass(frozen=True)
class Choice:
    """Something that may be written; `kind` is "name", "function", "operator", "value" or "word"."""

    text: str
    kind: str
    detail: str = ""


@dataclass(frozen=True)
class Completion:
    """What is known of a filter at a place.

    Args:
        error: The mistake in the whole filter; None when it can be read.
        count: How many runs it leaves; None when it cannot be read.
        start: Where what is chosen begins; it ends at the place that was asked about.
    """

    error: InvalidInput | None
    count: int | None
    start: int
    choices: tuple[Choice, ...]
    tx: int


def complete(lake: Lake, question: Question, at: int | None = None) -> Completion:
    """Judge the filter of a question, and say what may stand at a place of it, in characters from 0; None is its end.

    Names are ranked as `search_columns` does; values are offered of columns that have at most 50 of them.

    Raises:
        NotFound: an experiment does not exist.
    """
    text = question.where
    every = ordered_runs(lake, replace(question, where="", sort=()))
    error, count = None, None
    try:
        count = len(ordered_runs(lake, question).rows)
    except InvalidInput as mistake:
        error = mistake
    wanted = expected_at(text, len(text) if at is None else at)
    choices = tuple(_choices(every, wanted))[:MOST_SHOWN]
    return Completion(error, count, wanted.start, choices, every.tx)


def _choices(runs: OrderedRuns, wanted: Expected) -> Iterator[Choice]:
    match wanted.slot:
        case Slot.FIELD:
            yield from _names(runs, _KINDS, wanted.word)
            yield from _words([f"{function.value}(" for function in Function], wanted.word, "function")
            yield from _words(["NOT"], wanted.word, "word")
        case Slot.METRIC:
            yield from _names(runs, (Kind.METRIC,), wanted.word.lstrip("("))
        case Slot.OPERATOR:
            yield from _words(_operators(wanted.field), wanted.word, "operator")
        case Slot.NULL:
            yield from _words(["NULL", "NOT NULL"], wanted.word, "word")
        case Slot.VALUE | Slot.LIST:
            yield from _values(runs, wanted)
        case Slot.AND:
            yield from _words(["AND"], wanted.word, "word")
        case Slot.CONNECTIVE:
            yield from _words(["AND", "OR"], wanted.word, "word")


def _names(runs: OrderedRuns, kinds: tuple[Kind, ...], word: str) -> Iterator[Choice]:
    written = word.translate(str.maketrans("", "", "`\"'"))
    for field in names_with(runs.table, kinds, written, MOST_SHOWN):
        yield Choice(field_text(field), "name", field.kind.value)


def _words(words: list[str], word: str, kind: str) -> Iterator[Choice]:
    return (Choice(found, kind) for found in words if found.lower().startswith(word.lower()))


def _operators(field: Field | None) -> list[str]:
    forms = frozenset(Form) if field is None else RUNS.compared_as(field)
    numbers = ["BETWEEN"] if Form.NUMBER in forms else []
    symbols = _SYMBOLS if Form.NUMBER in forms else _SYMBOLS[:2]
    patterns = _TEXT_WORDS if Form.TEXT in forms else _TEXT_WORDS[3:]
    return [*symbols, *numbers, *patterns, *(f"NOT {found}" for found in (*numbers, *patterns) if "NULL" not in found)]


def _values(runs: OrderedRuns, wanted: Expected) -> Iterator[Choice]:
    if wanted.slot is Slot.LIST and not wanted.word and wanted.field is None:
        return
    field = wanted.field
    if field is None or not has_field(runs.table, field) or field.kind is Kind.METRIC:
        return
    part = wanted.word.strip("(\"' ").lower()
    for value, count in _counted(runs, field):
        if part in str(value).lower():
            runs_with = f"{count:,} run{'s' if count != 1 else ''}" if count else ""
            yield Choice(literal_text(Literal(value, 0)), "value", runs_with)


def _counted(runs: OrderedRuns, field: Field) -> list[tuple[str | int | float | bool, int]]:
    """The values of a field with how many runs have each, the most frequent first; none where there are too many."""
    place = ("values", field)
    if place not in runs.made:
        runs.made[place] = _count(runs, field)
    found: list[tuple[str | int | float | bool, int]] = runs.made[place]
    return found


def _count(runs: OrderedRuns, field: Field) -> list[tuple[str | int | float | bool, int]]:
    states = [(state, 0) for state in _STATES.get(field.key, ())] if field.kind is Kind.ATTRIBUTE else []
    if field.kind is Kind.ATTRIBUTE and Form.TEXT not in RUNS.compared_as(field):
        return []
    if field == Field(Kind.ATTRIBUTE, "artifact_uri"):
        return []
    values = values_of(runs.table, field, runs.rows)
    if values.dtype == pl.List(pl.String):
        values = values.explode()
    counted = values.drop_nulls().value_counts(sort=True, name="runs")
    if counted.height > _MOST_VALUES:
        return []
    if values.dtype == pl.String:
        counted = counted.filter(pl.col(values.name).str.len_bytes() <= LONGEST_SHOWN)
    seen = sorted(counted.rows(), key=lambda row: (-row[1], str(row[0])))
    return [*seen, *(state for state in states if state[0] not in dict(seen))]
