"""`runlake points RUN KEY`: one metric of one run, as a curve or point by point."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import click

from runlake.cli import output
from runlake.cli.options import Count, find_run, json_option, opened, store_option
from runlake.cli.plot import buckets_across, can_be_drawn, draw
from runlake.entities import Run
from runlake.errors import NotFound
from runlake.stores import AnyStore


@click.command(short_help="Draw or print one metric of a run.")
@click.argument("run")
@click.argument("key")
@click.option(
    "-b", "--buckets", type=Count(min=1), metavar="COUNT", help="Reduce to so many buckets that keep every spike."
)
@click.option("-n", "--limit", type=Count(min=1), metavar="COUNT", help="Print the first so many only.")
@click.option(
    "--plot/--no-plot", "plotted", default=None, help="Draw the curve. Default: in a terminal, without -b, -n."
)
@store_option
@json_option
def points(
    run: str, key: str, buckets: int | None, limit: int | None, plotted: bool | None, store: str | None, as_json: bool
) -> None:
    """Draw metric KEY of RUN, or print its points in the order of their steps.

    RUN is an id, the beginning of one, or a name.
    """
    if plotted and (as_json or limit):
        other = "--json" if as_json else "--limit"
        raise click.UsageError(f"--plot and {other} exclude each other")
    if plotted is None:
        plotted = sys.stdout.isatty() and can_be_drawn() and not (as_json or limit or buckets)
    with opened(store) as opened_store:
        found = find_run(opened_store, run)
        check_key(found, key)
        if plotted:
            curve = opened_store.reads.series(found.info.run_id, key, points=buckets or buckets_across())
            output.line(draw(curve, key))
            return
        columns, rows = _reduced(opened_store, found, key, buckets) if buckets else _all(opened_store, found, key)
    rows = rows[:limit]
    if as_json:
        output.json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        output.table(columns, rows)


def check_key(run: Run, key: str) -> None:
    """Refuse a metric that the run never logged, and say which it has.

    Raises:
        NotFound: the run has no such metric.
    """
    if key not in run.data.metrics:
        known = ", ".join(sorted(run.data.metrics)) or "none"
        raise NotFound(f"run {run.info.run_name} never logged {key!r}", hint=f"its metrics are {known}")


def _all(store: AnyStore, run: Run, key: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    frame = store.reads.points([run.info.run_id], [key]).select("step", "timestamp", "value").collect()
    frame = frame.sort("step", "timestamp", maintain_order=True)
    rows = [(step, datetime.fromtimestamp(ms / 1000, UTC), value) for step, ms, value in frame.iter_rows()]
    return frame.columns, rows


def _reduced(store: AnyStore, run: Run, key: str, buckets: int) -> tuple[list[str], list[tuple[Any, ...]]]:
    frame = store.reads.series(run.info.run_id, key, points=buckets)
    return frame.columns, frame.rows()
