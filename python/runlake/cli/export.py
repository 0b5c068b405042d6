"""`runlake export PATH`: runs or points as a file for other programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runlake import query
from runlake.cli import output
from runlake.cli.options import experiments_option, json_option, opened, require_text, store_option
from runlake.cli.runs import check_experiments
from runlake.errors import InvalidInput, NotFound
from runlake.query.filter.nearest import did_you_mean
from runlake.query.keys import KeyChoice

if TYPE_CHECKING:
    import polars as pl

    from runlake.stores import AnyStore

_STDOUT = "-"


@click.command(short_help="Write runs or their points to a Parquet, Arrow or CSV file.")
@click.argument("path")
@click.option("--what", type=click.Choice(["runs", "points"]), default="runs", show_default=True, help="One row each.")
@click.option("-w", "--where", metavar="FILTER", help="Runs to take, like 'params.lr < 0.1'. Default: all.")
@experiments_option
@click.option(
    "-k",
    "--keys",
    multiple=True,
    metavar="KEY",
    callback=require_text,
    help="Metrics, like 'val/*'. May be repeated. Default: all.",
)
@click.option(
    "-f", "--format", "format_", type=click.Choice(["parquet", "arrow", "csv"]), help="Default: as the suffix says."
)
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
@store_option
@json_option
def export(
    path: str,
    what: str,
    where: str | None,
    experiments: tuple[str, ...],
    keys: tuple[str, ...],
    format_: str | None,
    overwrite: bool,
    store: str | None,
    as_json: bool,
) -> None:
    """Write runs, or the points of runs, to PATH: .parquet, .arrow or .csv; '-' is CSV on stdout.

    The file is there whole or not at all. In CSV null is nothing, an empty text is "", and numbers have every digit.
    """
    if keys and what == "runs":
        raise InvalidInput("--keys chooses among points", hint="add --what points")
    if path == _STDOUT:
        _require_pipe(format_, as_json)
    with opened(store) as opened_store:
        check_experiments(opened_store, experiments)
        _check_keys(opened_store, keys)
        frame = _frame(opened_store, what, where, list(experiments) or None, list(keys) or None)
        if path == _STDOUT:
            sys.stdout.flush()
            query.export(frame, sys.stdout.buffer, format=format_ or "csv")
            return
        query.export(frame, path, format=format_, overwrite=overwrite)
    _report(Path(path).expanduser(), as_json)


def _check_keys(store: AnyStore, keys: tuple[str, ...]) -> None:
    """Refuse a key that the store does not know: a mistyped one would be a file without rows.

    Raises:
        NotFound: there is no such key; those near it are shown.
    """
    if named := KeyChoice.of(keys).exact:
        known = store.reads.metric_keys()
        if unknown := [key for key in named if key not in known]:
            raise NotFound(f"no run has the metric {unknown[0]!r}", hint=did_you_mean(unknown[0], known))


def _frame(
    store: AnyStore, what: str, where: str | None, experiments: list[str] | None, keys: list[str] | None
) -> pl.LazyFrame:
    every = where is None and experiments is None
    runs = store.reads.runs(experiments, where)
    if what == "runs":
        return runs
    return store.reads.points(None if every else runs.select("run_id"), keys)


def _require_pipe(format_: str | None, as_json: bool) -> None:
    """Refuse what does not go to stdout: two kinds of data at once, or bytes that a terminal would take for commands.

    Raises:
        InvalidInput: that is asked for.
    """
    if as_json:
        raise InvalidInput("stdout takes the export or the JSON that describes it", hint="leave out --json")
    if format_ not in (None, "csv") and sys.stdout.isatty():
        raise InvalidInput(f"a terminal does not show {format_}", hint="redirect stdout, or name a file")


def _report(path: Path, as_json: bool) -> None:
    written = path.stat().st_size
    if as_json:
        output.json({"path": str(path.absolute()), "bytes": written})
    else:
        output.message(f"{path}: {output.size(written)}")
