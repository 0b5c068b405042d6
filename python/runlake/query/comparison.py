"""Compare: what differs between runs, one row a thing and one column a run."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import polars as pl

from runlake.entities import ViewType
from runlake.errors import InvalidInput, InvalidType, NotFound
from runlake.query.chosen import Runs, check_runs, ids_of
from runlake.query.labels import labels_of
from runlake.query.parameters import FLOAT, INT
from runlake.query.reader import Hook, Lake, no_hook
from runlake.query.summaries import rows_and_summaries

if TYPE_CHECKING:
    from runlake.catalog import RunRows

MOST_RUNS: Final = 500

_FIRST: Final = ("kind", "key", "field", "differs")
_KINDS: Final = ("attribute", "param", "metric", "tag")
_ATTRIBUTES: Final = (
    *("run_id", "run_name", "experiment", "status", "user_id"),
    *("start_time", "end_time", "duration_s"),
)
_FIELDS: Final = ("value", "latest", "latest_step", "min", "min_step", "max", "max_step", "count")
_NAME_TAG: Final = "mlflow.runName"  # says what the attribute says


class Thing(NamedTuple):
    """What runs may have in common: a row of the frame."""

    kind: str
    key: str
    field: str

    @property
    def place(self) -> tuple[int, int, str, int]:
        """Where it stands: attributes, parameters, metrics, tags; each by key, metrics' fields in a fixed order."""
        fixed = _ATTRIBUTES.index(self.key) if self.kind == "attribute" else 0
        return _KINDS.index(self.kind), fixed, self.key, _FIELDS.index(self.field)


@dataclass(frozen=True)
class Has:
    """What one run has there: its text, and the number that the text reads as."""

    text: str
    number: float | int | None = None

    @property
    def compared(self) -> object:
        """What is equal when two runs have the same: 1 and 1.0 are, and so are NaN and NaN."""
        if self.number is None or math.isnan(self.number):
            return self.text if self.number is None else "NaN"
        return (self.number,)


def compare(
    lake: Lake,
    runs: Runs,
    *,
    only_different: bool = True,
    numbers: bool = False,
    fields: Collection[str] | None = None,
    hook: Hook = no_hook,
) -> pl.DataFrame:
    """Return what runs have and how it differs: attributes, parameters, summaries of metrics, tags.

    Args:
        runs: At most 500: ids, or a frame with a column `run_id`.
        only_different: Leave out what all the runs have alike.
        numbers: Give columns of numbers, to compute with, and leave out what is a number in no run.
        fields: Those of metrics that are wanted, such as "latest"; None is all.
        hook: Called after each step of reading, for tests.

    Returns:
        `kind` ("attribute", "param", "metric", "tag"), `key`, `field`: String; `differs`: Boolean; then a column a run
        in the order given, called by the run's name, or by its id where names repeat. Of a metric there are the fields
        `latest`, `latest_step`, `min`, `min_step`, `max`, `max_step`, `count`, of all else there is `value`. Texts are
        as recorded, numbers with every digit, times in UTC; with `numbers`, columns are Float64. A run that lacks a
        thing has null, and differs from those that have it. Parameters that read as equal numbers do not differ.

    Raises:
        NotFound: there is no such run.
        InvalidInput: there are more than 500 runs, or none is given, or metrics have no such field.
        InvalidType: `runs` is no choice of runs.
    """
    if runs is None:
        raise InvalidType("runs is None; give the ids of runs to compare, or a frame with a column run_id")
    check_runs(lake, runs)
    ids = ids_of(runs) or []
    if not 1 <= len(ids) <= MOST_RUNS:
        raise InvalidInput(f"{len(ids)} runs are to be compared; it must be from 1 to {MOST_RUNS}")
    if unknown := [field for field in fields or () if field not in _FIELDS[1:]]:
        raise InvalidInput(f"metrics have no field {unknown[0][:40]!r}; they have {', '.join(_FIELDS[1:])}")
    rows, metrics = rows_and_summaries(lake, ids, hook=hook)
    names = dict(zip(rows.runs["run_id"], rows.runs["run_name"], strict=True))
    if missing := [run_id for run_id in ids if run_id not in names]:
        raise NotFound(f"there is no run {missing[0]!r}")
    experiments = {one.experiment_id: one.name for one in lake.catalog.experiments(ViewType.ALL)}
    table: dict[Thing, dict[str, Has]] = {}
    for run_id, thing, has in chain(_recorded(rows, experiments), _measured(metrics, fields)):
        table.setdefault(thing, {})[run_id] = has
    labels = labels_of({run_id: names[run_id] for run_id in ids}, _FIRST)
    return _frame(table, labels, only_different=only_different, numbers=numbers)


def _frame(
    table: Mapping[Thing, Mapping[str, Has]], labels: Mapping[str, str], *, only_different: bool, numbers: bool
) -> pl.DataFrame:
    rows: list[tuple[Any, ...]] = []
    for thing in sorted(table, key=lambda thing: thing.place):
        have = [table[thing].get(run_id) for run_id in labels]
        differs = len({has and has.compared for has in have}) > 1
        cells = [has and (has.number if numbers else has.text) for has in have]
        if (differs or not only_different) and any(cell is not None for cell in cells):
            rows.append((*thing, differs, *cells))
    columns = dict.fromkeys(labels.values(), pl.Float64() if numbers else pl.String())
    schema = {**dict.fromkeys(_FIRST, pl.String()), "differs": pl.Boolean(), **columns}
    return pl.DataFrame(rows, schema=schema, orient="row", strict=False)


def _recorded(rows: RunRows, experiments: Mapping[str, str]) -> Iterator[tuple[str, Thing, Has]]:
    """Attributes, parameters and tags, by run."""
    columns = rows.runs
    ids = dict(zip(columns["run"], columns["run_id"], strict=True))
    for place, run_id in enumerate(columns["run_id"]):
        run = {name: column[place] for name, column in columns.items()}
        for key, has in _attributes(run, experiments):
            yield run_id, Thing("attribute", key, "value"), has
    params = rows.params
    for number, key, text, kind, typed in zip(*(params[name] for name in _PARAM), strict=True):
        yield ids[number], Thing("param", rows.names[key], "value"), Has(text, typed if kind in (INT, FLOAT) else None)
    for number, key, text in zip(*(rows.tags[name] for name in _PARAM[:3]), strict=True):
        if rows.names[key] != _NAME_TAG:
            yield ids[number], Thing("tag", rows.names[key], "value"), Has(text)


_PARAM: Final = ("run", "key", "value", "kind", "typed")


def _attributes(run: Mapping[str, Any], experiments: Mapping[str, str]) -> Iterator[tuple[str, Has]]:
    start, end = run["start_time"], run["end_time"]
    yield from ((name, Has(run[name])) for name in ("run_id", "run_name", "status", "user_id"))
    yield "experiment", Has(experiments.get(run["experiment_id"], run["experiment_id"]))
    yield "start_time", Has(_moment(start))
    if end is not None:
        yield "end_time", Has(_moment(end))
        yield "duration_s", _number((end - start) / 1000)


def _measured(metrics: pl.DataFrame, wanted: Collection[str] | None) -> Iterator[tuple[str, Thing, Has]]:
    """Summaries of metrics, by run."""
    for row in metrics.iter_rows(named=True):
        fields = {"latest": row["last_value"], "latest_step": row["last_step"], "count": row["count"]}
        for extreme in ("min", "max"):
            if row[extreme] is not None:
                fields |= {extreme: row[extreme], f"{extreme}_step": row[f"{extreme}_step"]}
        for field, value in fields.items():
            if wanted is not None and field not in wanted:
                continue
            yield row["run_id"], Thing("metric", row["key"], field), _number(value)


def _number(value: float | int) -> Has:
    return Has(repr(value), value)


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
