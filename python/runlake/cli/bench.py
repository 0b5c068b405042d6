"""`runlake bench`: what logging costs on this machine and on this storage."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from runlake.cli import output
from runlake.cli.options import Count, json_option, require_text
from runlake.location import store_root

if TYPE_CHECKING:
    from runlake.bench.latencies import Latencies
    from runlake.bench.report import Report

_MOST_KILLS: Final = 10_000
_HEADER: Final = ("p50", "p99", "p99.9", "p99.99")


@click.command(short_help="Measure what logging costs here.")
@click.option(
    "--store",
    metavar="FOLDER",
    callback=require_text,
    help="Folder on the storage to measure: a store, or any other. Default: RUNLAKE_TRACKING_URI, else ./lake, or what "
    "is there of its path.",
)
@click.option("--kills", type=Count(min=0, max=_MOST_KILLS), metavar="N", help="Processes to kill. Default: 10.")
@click.option("--quick", is_flag=True, help="A few seconds instead of about twenty; the rare calls stay unseen.")
@click.option(
    "--plot", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Draw a .png or .svg, too."
)
@json_option
@click.pass_context
def bench(
    context: click.Context, store: str | None, kills: int | None, quick: bool, plot: Path | None, as_json: bool
) -> None:
    """Measure the cost of a call, points a second until they are on the disk and in segments, their size there, and how
    many are lost when processes are killed.

    It works in a temporary folder below FOLDER that is removed in the end. The exit status is 1 when a point was lost.
    """
    from runlake.bench import chart, report

    folder = _nearest(store_root()) if store is None else store_root(store)
    if plot is not None:
        chart.require(plot)
    plan = report.QUICK if quick else report.WHOLE
    if kills is not None:
        plan = dataclasses.replace(plan, kills=kills)
    with _progress() as tell:
        measured = report.measure(folder.absolute(), plan, tell)
    if plot is not None:
        chart.draw(measured, plot)
    if as_json:
        output.json(measured.to_dictionary())
    else:
        _show(measured)
    context.exit(1 if measured.kills.lost or measured.kills.wrong else 0)


def _nearest(root: Path) -> Path:
    """Return the folder of a store, or the one that it would be made in."""
    return next(folder for folder in (root, *root.parents) if folder.is_dir())


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str, float], None]]:
    """Show on a terminal what is being measured.

    NOTE: it moves between the parts only. A thread that draws would take the interpreter from what is measured.
    """
    if sys.stderr is None or sys.stderr.closed or not sys.stderr.isatty():
        yield lambda _part, _done: None
        return
    from rich.progress import BarColumn, Progress, TextColumn

    columns = BarColumn(), TextColumn("{task.description}")
    console = output.console(stderr=True)
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as shown:
        task = shown.add_task("", total=1.0)

        def tell(part: str, done: float) -> None:
            shown.update(task, description=part, completed=done, refresh=True)

        yield tell


def _show(report: Report) -> None:
    output.line(str(report.machine))
    if report.machine.busy:
        output.message(
            f"note: others kept {report.machine.load:.1f} processes busy on {report.machine.cores} cores; the slowest "
            "calls are theirs as well, as the controls show"
        )
    _show_calls(report)
    _show_paced(report)
    output.heading("points a second")
    output.table(
        ("logged with", "points", "in the journal", "on the disk", "in a segment", "bytes a point"),
        [
            (
                *(one.way, f"{one.points:,}"),
                *(_rate(rate) for rate in (one.logged_per_s, one.durable_per_s, one.sealed_per_s)),
                f"{one.bytes_per_point:.2f}",
            )
            for one in report.throughput
        ],
    )
    flush, kills = report.flush, report.kills
    output.line(f"\na point and a flush: {flush.median_ms:.3g} ms, {flush.worst_ms:.3g} ms at most")
    output.line(
        f"{kills.kills:,} processes killed: {kills.lost:,} of {kills.acknowledged:,} acknowledged points lost, "
        f"{kills.wrong:,} doubled or changed"
    )


def _show_calls(report: Report) -> None:
    calls = report.calls
    output.heading("cost of a call")
    output.table(
        ("call", "in a loop", *_HEADER, "worst"),
        [
            *((cost.call, _time(cost.loop_ns), *_times(cost.single)) for cost in calls.costs),
            ("nothing", "", *_times(calls.nothing)),
        ],
    )
    output.line(
        f"two readings of the clock take {_time(calls.timer_ns)}, which is subtracted; in a loop there are none"
    )


def _show_paced(report: Report) -> None:
    output.heading("calls at a steady rate, while points are synced and sealed")
    rows = []
    for one in report.paced:
        alone = _time(one.alone.worst_ns)
        rows.append((f"handle.log, {one.rate:,} a second", *_times(one.handle), alone, f"{one.sealed:,}"))
        rows.append(("  control: deque.append", *_times(one.control), "", ""))
    output.table(("call", *_HEADER, "worst", "uninterrupted", "sealed"), rows)
    interrupted = sum(one.interrupted for one in report.paced)
    output.line(f"uninterrupted: the worst but for {interrupted:,} calls in which another program got the processor")


def _times(latencies: Latencies) -> list[str]:
    """Return quantiles, empty where there were too few calls, and the worst."""
    quantiles = latencies.quantiles_ns
    return [*(_time(quantiles[name]) if name in quantiles else "" for name in _HEADER), _time(latencies.worst_ns)]


def _time(nanoseconds: float) -> str:
    """Return a time with three digits and a unit that suits it."""
    for unit, size in (("ns", 1.0), ("µs", 1e3)):
        if nanoseconds < 999.5 * size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds / 1e6:.3g} ms"


def _rate(per_s: float) -> str:
    return f"{per_s / 1e6:.3g} M/s" if per_s >= 1e6 else f"{per_s:,.0f}/s"
