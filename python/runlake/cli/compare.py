"""`runlake compare A B C`: what differs between runs."""

from __future__ import annotations

import sys
from typing import Any

import click

from runlake import query
from runlake.cli import output
from runlake.cli.options import find_run, json_option, opened, short, store_option

_NAMES = ("kind", "key", "field")
_NUMBERS = ("latest", "min", "max")


@click.command()
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
        frame = query.compare(opened_store, ids, only_different=not everything)
    labels = frame.columns[len(_NAMES) + 1 :]
    if as_json:
        output.json([_described(row, labels) for row in frame.iter_rows(named=True)])
    else:
        rows = [[_cell(row, name) for name in (*_NAMES, *labels)] for row in frame.iter_rows(named=True)]
        output.table((*_NAMES, *labels), rows)
    if frame.is_empty():
        output.message("nothing differs; --all shows what is alike")


def _described(row: dict[str, Any], labels: list[str]) -> dict[str, Any]:
    thing = {name: row[name] for name in (*_NAMES, "differs")}
    return {**thing, "runs": {label: _value(row, label) for label in labels}}


def _cell(row: dict[str, Any], column: str) -> Any:
    """Piped, every digit as it is; in a terminal numbers are cut to what can be read, and ids are short."""
    if not sys.stdout.isatty() or column in _NAMES:
        return row[column]
    return short(row[column]) if row["key"] == "run_id" and row["kind"] == "attribute" else _value(row, column)


def _value(row: dict[str, Any], label: str) -> Any:
    """What a run has: metrics as numbers, all else as text."""
    text = row[label]
    if text is None or row["kind"] != "metric":
        return text
    return float(text) if row["field"] in _NUMBERS else int(text)
