"""`runlake runs`: the table of runs, filtered, sorted and cut to what can be read."""

from __future__ import annotations

import difflib
import fnmatch
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from runlake.cli import output
from runlake.cli.options import (
    experiments_option,
    json_option,
    limit_option,
    opened,
    require_text,
    short,
    sort_option,
    store_option,
)
from runlake.entities import ViewType
from runlake.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    import polars as pl

    from runlake.stores import AnyStore

_FIRST = ("run_name", "run_id", "status", "start_time")
_FOLDED = 32  # a name that is longer leaves room for other columns
_SHOWN = 50


@click.command()
@click.option("-w", "--where", metavar="FILTER", help="Like 'params.lr < 0.1 AND metrics.val_accuracy > 0.9'.")
@experiments_option
@sort_option("COLUMN", "metrics.loss DESC")
@click.option(
    "-c",
    "--columns",
    metavar="LIST",
    callback=require_text,
    help="Like 'run_name,params.*,metrics.val_*'; '*' is all.",
)
@limit_option("runs", _SHOWN)
@click.option("--deleted", is_flag=True, help="List the deleted runs instead.")
@store_option
@json_option
def runs(
    where: str | None,
    experiments: tuple[str, ...],
    sorts: tuple[str, ...],
    columns: str | None,
    limit: int,
    deleted: bool,
    store: str | None,
    as_json: bool,
) -> None:
    """List runs, the ones started last first.

    In a terminal as many columns are shown as fit, those of --where and --sort first; --columns chooses others. Piped
    or with --json there are all.
    """
    with opened(store) as opened_store:
        check_experiments(opened_store, experiments)
        view = ViewType.DELETED_ONLY if deleted else ViewType.ACTIVE_ONLY
        listing = opened_store.reads.list_runs(
            list(experiments) or None, where, view, order_by=sorts, limit=limit or None
        )
    shown = listing.frame
    wanted = _matching(shown.columns, columns) if columns is not None else None
    if as_json:
        output.json(shown.select(wanted or _ordered(shown.columns)).to_dicts())
    else:
        show_frame(shown, wanted, listing.named)
    if len(shown) < listing.total:
        output.message(f"{len(shown):,} of {listing.total:,} runs; --limit 0 shows all")


def check_experiments(store: AnyStore, names: tuple[str, ...]) -> None:
    """Refuse a name that no experiment has: a mistyped one would look like one without runs.

    Raises:
        NotFound: there is no such experiment; those with names near it are shown.
    """
    known = [experiment.name for experiment in store.catalog.experiments(ViewType.ALL)]
    for name in names:
        if name not in known:
            hint = near(name, known) or f"known are {', '.join(known)}"
            raise NotFound(f"there is no experiment {name!r}", hint=hint)


def near(name: str, known: list[str]) -> str | None:
    """Return a question that names what may have been meant."""
    close = difflib.get_close_matches(name, known, n=3)
    return f"did you mean {' or '.join(close)}?" if close else None


def show_frame(frame: pl.DataFrame, wanted: list[str] | None = None, named: Sequence[str] = ()) -> None:
    """Print a table of runs.

    Without `wanted`, a terminal gets the columns that are `named` or differ between runs, as far as they fit. Columns
    that are wanted and do not fit are printed below each other.
    """
    if not sys.stdout.isatty():
        chosen = wanted or _ordered(frame.columns)
        output.table(chosen, frame.select(chosen).iter_rows())
        return
    chosen = wanted or _telling(frame, _ordered(frame.columns), named)
    header = [_heading(name, frame.columns) for name in chosen]
    rows = [[_cell(*pair) for pair in zip(chosen, row, strict=True)] for row in frame.select(chosen).iter_rows()]
    fitting = output.fitting(header, rows, folded=_FOLDED)
    if wanted and fitting < len(chosen):
        output.records(header, rows)
    else:
        output.table(header[:fitting], [row[:fitting] for row in rows])
    if frame.is_empty():
        output.message("no run found")
    elif wanted is None and fitting < len(frame.columns):
        output.message(f"{len(frame.columns) - fitting} more columns; --columns '*' shows all")


def _matching(columns: list[str], patterns: str) -> list[str]:
    """Return the columns that a list of names and patterns with `*` means, in its order.

    Raises:
        InvalidInput: a name or pattern means no column.
    """
    chosen: dict[str, None] = {}
    parts = [part.strip() for part in patterns.split(",")]
    for pattern in [part for part in parts if part] or parts:  # a comma too many is none
        found = fnmatch.filter(columns, pattern)
        if not found:
            raise InvalidInput(f"no column is called {pattern!r}", hint=near(pattern, columns) or "'*' is all")
        chosen.update(dict.fromkeys(sorted(found, key=_rank)))
    return list(chosen)


def _ordered(columns: list[str]) -> list[str]:
    return sorted(columns, key=_rank)


def _rank(name: str) -> tuple[int, int, str]:
    """What tells runs apart first: name, id and state, then parameters, metrics, other attributes, tags."""
    if name in _FIRST:
        return 0, _FIRST.index(name), name
    group = name.partition(".")[0] if "." in name else "attributes"
    order = ("params", "metrics", "attributes", "tags")
    return 1 + (order.index(group) if group in order else len(order)), 0, name


def _telling(frame: pl.DataFrame, columns: list[str], named: Sequence[str]) -> list[str]:
    """Put what is named behind name and id; leave out other tags and attributes, and parameters that all share."""

    def tells(name: str) -> bool:
        if name.startswith("params."):
            return len(frame) < 2 or frame[name].n_unique() > 1
        return name in _FIRST or name.startswith("metrics.")

    first = list(dict.fromkeys([*_FIRST[:2], *named]))
    return first + [name for name in columns if name not in first and tells(name)]


def _heading(column: str, columns: list[str]) -> str:
    """Drop what every reader knows, that `depth` is a parameter and `loss` a metric, unless it is both."""
    group, dot, key = column.partition(".")
    other = {"params": "metrics", "metrics": "params"}.get(group)
    return key if dot and other and f"{other}.{key}" not in columns else column


def _cell(column: str, value: Any) -> Any:
    return short(value) if column == "run_id" else value
