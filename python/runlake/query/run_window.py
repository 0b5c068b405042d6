"""Window: some rows of the ordered runs with the columns that are looked at, or of their groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from runlake.errors import InvalidInput
from runlake.query.filter.cursor import Cursor
from runlake.query.filter.fields import read_field
from runlake.query.filter.nodes import Field, Form, Function, Kind
from runlake.query.filter.tokens import Source, TokenKind
from runlake.query.filter.vocabulary import RUNS
from runlake.query.filter.written import field_text
from runlake.query.nesting import nested
from runlake.query.ordered import OrderedRuns, Question, ordered_runs
from runlake.query.reader import Lake
from runlake.query.table import ATTRIBUTES, RunTable

MOST_ROWS: Final = 50_000
MOST_COLUMNS: Final = 50_000
MOST_CELLS: Final = 10_000_000  # 80 MB of numbers
MOST_TEXT_BYTES: Final = 256 << 20
MOST_GROUPED_BY: Final = 20
_DEFAULT: Final = tuple(name for name in ATTRIBUTES if name != "artifact_uri")
_PLACE: Final = Field(Kind.ATTRIBUTE, "artifact_uri")
STEPS: Final = (Function.COUNT, Function.ARGMIN, Function.ARGMAX)
"""Functions of a metric that give whole numbers."""


@dataclass(frozen=True)
class Window:
    """Rows of `total`; `version` stands for all that they depend on, and `columns` are those that are left."""

    found: OrderedRuns
    total: int
    columns: tuple[str, ...]
    unknown: tuple[str, ...]
    frame: pl.DataFrame


def window(
    lake: Lake,
    question: Question,
    *,
    columns: Sequence[str] | None = None,
    group: Sequence[str] = (),
    differs: bool = False,
    offset: int = 0,
    limit: int = 200,
    tx: int | None = None,
    places: str = "{}/{}",
    characters: int | None = None,
    nested_by: str | None = None,
    parent: str | None = None,
) -> Window:
    """Return a window of the runs of a question.

    Args:
        columns: As filters name them, such as `params.lr` or `min(metrics.loss)`; None is the attributes. One that no
            run has is without values.
        group: Give one row for all runs that have these fields in common, in the order of their first run.
        differs: Leave out columns that all runs of the question have alike.
        tx: The order that was shown at this transaction, while it is kept.
        places: What artifact URIs are, with `{}` for experiment and run.
        characters: Texts of runs that are longer are cut behind so many and end with "…"; None cuts nothing.
        nested_by: Key of the tag that has the id of a run's parent. Give the runs that are below none of the others, or
            those right below `parent`, with a column `children: u32` more; None is all runs. Groups are of all runs.

    Returns:
        Of runs the columns, each under the name that was asked for. Of groups the fields of `group`, `runs: u32`, and
        of each column of numbers `mean(…)`, `std(…)` (of a sample) and `count(…)`, over the values that are finite.

    Raises:
        InvalidInput: a name cannot be read, or a bound is out of range.
    """
    _check("offset", offset, 1 << 62)
    _check("limit", limit, MOST_ROWS)
    _check("characters", characters or 0, 1 << 31)
    _check("the number of columns", len(columns or ()), MOST_COLUMNS)
    found = ordered_runs(lake, question, tx)
    fields = {name: field_of(name) for name in dict.fromkeys(_DEFAULT if columns is None else columns)}
    unknown = tuple(name for name, field in fields.items() if not has_field(found.table, field))
    if differs:
        fields = {name: field for name, field in fields.items() if name not in unknown and _differs(found, field)}
    if group:
        _check_cells(len(fields), len(found.rows), "filter for fewer runs, or ask for fewer columns")
        groups = _groups(found, grouping(group), fields)
        return Window(found, groups.height, tuple(fields), unknown, groups.slice(offset, limit))
    level = None if nested_by is None else nested(found, nested_by, parent)
    shown = found.rows if level is None else level.rows
    rows = shown.slice(offset, limit)
    _check_cells(len(fields), len(rows), "ask for fewer runs at a time")
    made = [_column(found.table, field, rows, places).alias(name) for name, field in fields.items()]
    if level is not None:
        made.append(level.children.slice(offset, limit).alias("children"))
    frame = pl.DataFrame(made) if made else pl.DataFrame(height=len(rows))
    if characters is not None:
        frame = frame.with_columns(_cut(pl.col(pl.String), characters))
    if characters is None or 4 * (characters + 1) * frame.height * frame.width > MOST_TEXT_BYTES:
        _check_texts(frame)
    return Window(found, len(shown), tuple(fields), unknown, frame)


def field_of(name: str) -> Field:
    """Return the field that a name means.

    Raises:
        InvalidInput: it means none; shown with a caret under it.
    """
    cursor = Cursor(Source(name, "column"))
    field = read_field(cursor, RUNS)
    if cursor.peek().kind is not TokenKind.END:
        raise cursor.mistake("only one name may stand here", hint="a key with spaces is written metrics.`val loss`")
    return field


def grouping(names: Sequence[str]) -> list[Field]:
    """Return the fields that runs are grouped by, each once however it is written.

    Raises:
        InvalidInput: they are many, one means none, or one is artifact_uri, of which each run has its own.
    """
    if len(names) > MOST_GROUPED_BY:
        raise InvalidInput(f"runs are grouped by {len(names):,} fields; the limit is {MOST_GROUPED_BY}")
    fields = list(dict.fromkeys(map(field_of, names)))
    if _PLACE in fields:
        raise InvalidInput("runs cannot be grouped by artifact_uri; each has its own")
    return fields


def has_field(table: RunTable, field: Field) -> bool:
    """Tell whether a run may have a value there."""
    return field.kind in (Kind.ATTRIBUTE, Kind.DATASET) or field.key in table.keys(field.kind)


def values_of(table: RunTable, field: Field, rows: pl.Series | None) -> pl.Series:
    """Return a field of some rows in the type in which it is shown."""
    if field.function is None and field.kind in (Kind.ATTRIBUTE, Kind.PARAM):
        name = field.key if field.kind is Kind.ATTRIBUTE else f"params.{field.key}"
        return table.wide([name], rows).to_series()
    values = table.field(field, Form.NUMBER if field.kind is Kind.METRIC else Form.TEXT, rows)
    return values.cast(pl.Int64) if field.function in STEPS else values


def _column(table: RunTable, field: Field, rows: pl.Series, places: str) -> pl.Series:
    if field == _PLACE:  # where it is on this machine is nobody's business
        ids = table.wide(["experiment_id", "run_id"], rows)
        return ids.select(pl.format(places, "experiment_id", "run_id")).to_series()
    return values_of(table, field, rows)


def _differs(found: OrderedRuns, field: Field) -> bool:
    place = ("differs", field)
    if place not in found.made:
        values = values_of(found.table, field, found.rows)
        # NOTE: most columns differ within a few rows, and counting all distinct values of thousands of columns is slow.
        found.made[place] = _various(values.head(64)) or _various(values)
    return bool(found.made[place])


def _various(values: pl.Series) -> bool:
    if values.dtype == pl.List(pl.String):
        return values.n_unique() > 1
    return len(values) > 1 and not values.eq_missing(values.new_from_index(0, len(values))).all()


def _groups(found: OrderedRuns, by: Sequence[Field], fields: dict[str, Field]) -> pl.DataFrame:
    place = ("groups", tuple(by), tuple(fields.items()))
    return found.kept(place, lambda: _grouped(found, by, fields))


def _grouped(found: OrderedRuns, by: Sequence[Field], fields: dict[str, Field]) -> pl.DataFrame:
    keys = [values_of(found.table, field, found.rows).alias(f"{n}") for n, field in enumerate(by)]
    numbers: list[pl.Series] = []
    wanted: list[pl.Expr] = [pl.len().cast(pl.UInt32).alias("runs")]
    for place, (name, field) in enumerate(fields.items()):
        values = values_of(found.table, field, found.rows)
        if field in by or not (values.dtype.is_numeric() or values.dtype == pl.Duration("ms")):
            continue
        values = values.dt.total_milliseconds() if values.dtype == pl.Duration("ms") else values
        numbers.append(values.cast(pl.Float64).alias(f"v{place}"))
        finite = pl.col(f"v{place}").filter(pl.col(f"v{place}").is_finite())
        wanted += [finite.mean().alias(f"mean({name})"), finite.std().alias(f"std({name})")]
        wanted.append(finite.len().cast(pl.UInt32).alias(f"count({name})"))
    frame = pl.DataFrame([*keys, *numbers]).group_by([key.name for key in keys], maintain_order=True).agg(wanted)
    return frame.rename({key.name: field_text(field) for key, field in zip(keys, by, strict=True)})


def _cut(text: pl.Expr, characters: int) -> pl.Expr:
    whole = text.str.len_chars() <= characters
    return pl.when(whole | text.is_null()).then(text).otherwise(text.str.slice(0, characters) + "…").name.keep()


def _check_cells(columns: int, rows: int, hint: str) -> None:
    if (cells := columns * rows) > MOST_CELLS:
        raise InvalidInput(
            f"{columns:,} columns of {rows:,} runs are {cells:,} values; the limit is {MOST_CELLS:,}", hint=hint
        )


def _check_texts(frame: pl.DataFrame) -> None:
    """Refuse an answer that is long because its texts are: a note may have a megabyte."""
    lengths = frame.select(pl.col(pl.String).str.len_bytes().cast(pl.UInt64).sum())
    if lengths.width and (size := int(lengths.sum_horizontal().item())) > MOST_TEXT_BYTES:
        raise InvalidInput(
            f"the texts of {frame.height:,} runs have {size:,} bytes; the limit is {MOST_TEXT_BYTES:,}",
            hint="cut them with characters, or ask for fewer runs at a time",
        )


def _check(name: str, given: int, most: int) -> None:
    if not 0 <= given <= most:
        raise InvalidInput(f"{name} is {given}; it must be from 0 to {most:,}")
