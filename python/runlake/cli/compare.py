"""`runlake compare A B C`: what differs between runs."""

from __future__ import annotations

import re
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from runlake.cli import output
from runlake.cli.options import find_run, json_option, opened, short, store_option
from runlake.errors import InvalidInput

if TYPE_CHECKING:
    import polars as pl

_NAMES = ("kind", "key", "field")
_NUMBERS = ("latest", "min", "max")
_FOLDED = 12  # a number of six digits
_LONG_NUMBER = re.compile(r"-?[0-9]*\.[0-9]{6,}([eE][+-]?[0-9]+)?")


@click.command(short_help="Show what differs between runs.")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("-a", "--all", "everything", is_flag=True, help="Show what is alike as well.")
@store_option
@json_option
def compare(runs: tuple[str, ...], everything: bool, store: str | None, as_json: bool) -> None:
    """Show what differs between RUNs: attributes, parameters, metrics, tags.

    Each RUN is an id, the beginning of one, or a name. Of metrics the latest value, the extremes and the count are
    compared.
    """
    if len(runs) < 2:
        raise click.UsageError("one run has nothing to be compared with; name another")
    with opened(store) as opened_store:
        ids = [find_run(opened_store, run).info.run_id for run in runs]
        if len(set(ids)) < 2:
            raise InvalidInput(f"{' and '.join(runs)} are one run, {ids[0]}", hint="name another to compare it with")
        frame = opened_store.reads.compare(ids, only_different=not everything)
    labels = frame.columns[len(_NAMES) + 1 :]
    if as_json:
        output.json([_described(row, labels) for row in frame.iter_rows(named=True)])
    else:
        _show(frame, labels)


def _show(frame: pl.DataFrame, labels: list[str]) -> None:
    """Print a column for each run, in a terminal for those that fit, two at least."""
    header = (*_NAMES, *labels)
    rows = [[_cell(row, name) for name in header] for row in frame.iter_rows(named=True)]
    shown = max(len(_NAMES) + 2, output.fitting(header, rows, folded=_FOLDED)) if sys.stdout.isatty() else len(header)
    output.table(header[:shown], [row[:shown] for row in rows])
    if left_out := len(header) - shown:
        output.message(f"{left_out} more runs do not fit; a pipe and --json have all")


def _described(row: dict[str, Any], labels: list[str]) -> dict[str, Any]:
    thing = {name: row[name] for name in (*_NAMES, "differs")}
    return {**thing, "runs": {label: _value(row, label) for label in labels}}


def _cell(row: dict[str, Any], column: str) -> Any:
    """Piped, every digit as it is; in a terminal numbers are cut to what can be read, times local, and ids short."""
    text = row[column]
    if not sys.stdout.isatty() or column in _NAMES or text is None:
        return text
    match row["kind"], row["key"]:
        case "attribute", "run_id":
            return short(text)
        case "attribute", "start_time" | "end_time":
            return datetime.fromisoformat(text)
        case "param", _ if _LONG_NUMBER.fullmatch(text):
            return float(text)
        case _:
            return _value(row, column)


def _value(row: dict[str, Any], label: str) -> Any:
    """What a run has: metrics as numbers, all else as text."""
    text = row[label]
    if text is None or row["kind"] != "metric":
        return text
    return float(text) if row["field"] in _NUMBERS else int(text)
