"""Chart: the tails of the calls, and points a second, as a PNG or an SVG file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runlake.bench.latencies import Latencies
from runlake.bench.report import Report
from runlake.errors import InvalidInput
from runlake.extras import import_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS: Final = (".png", ".svg")
_COLOURS: Final = ("tab:blue", "tab:orange", "tab:green")
_LEAST_NS: Final = 10.0
_MOST_NS: Final = 1e8
_TICKS: Final = ("10 ns", "100 ns", "1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms")


def require(path: Path) -> None:
    """Refuse before anything is measured what could not be drawn.

    Raises:
        InvalidInput: the name says no known format, or there is no such folder.
        MissingExtra: Matplotlib is not installed.
    """
    if path.suffix.lower() not in FORMATS:
        raise InvalidInput(
            f"a chart cannot be written to {str(path)!r}", hint=f"end the name in {' or '.join(FORMATS)}"
        )
    if not path.absolute().parent.is_dir():
        raise InvalidInput(f"there is no folder {path.absolute().parent} for the chart")
    _figure_class()


def draw(report: Report, path: Path) -> None:
    """Write the chart; no window system is touched."""
    figure = _figure_class()(figsize=(13, 5.2), dpi=110, layout="constrained")
    loop, paced, rates = figure.subplots(1, 3, width_ratios=(1, 1, 0.9))
    costs = [(cost.call, cost.single) for cost in report.calls.costs]
    _tails(loop, "calls in a loop", [*costs, ("nothing: the machine", report.calls.nothing)])
    steady = [(f"handle.log at {one.rate:,}/s", one.handle) for one in report.paced]
    beside = [(f"control at {one.rate:,}/s", one.control) for one in report.paced]
    _tails(paced, "calls at a steady rate, syncing and sealing", [*steady, *beside], dashed=len(beside))
    _rates(rates, report)
    figure.suptitle(str(report.machine), fontsize=8)
    figure.savefig(path)


def _figure_class() -> Any:
    return import_extra("matplotlib.figure", "to draw the chart").Figure


def _tails(axes: Axes, title: str, lines: Iterable[tuple[str, Latencies]], dashed: int = 1) -> None:
    """Draw how long the slowest call of n took, over n; the last `dashed` lines are what it is compared with."""
    lines = list(lines)
    solid = len(lines) - dashed
    for number, (name, latencies) in enumerate(lines):
        rarities = [rarity for rarity, _ in latencies.curve] + [latencies.count]
        taken = [max(ns, _LEAST_NS) for _, ns in latencies.curve] + [max(latencies.worst_ns, _LEAST_NS)]
        if number < solid:
            axes.plot(rarities, taken, label=name, color=_COLOURS[number % len(_COLOURS)])
        else:
            colour = "grey" if dashed == 1 else _COLOURS[(number - solid) % len(_COLOURS)]
            axes.plot(rarities, taken, label=name, color=colour, linestyle=":", linewidth=1.2)
    axes.set(xscale="log", yscale="log", title=title, xlabel="one call in … takes longer than")
    axes.set_yticks([10.0 ** (1 + tick) for tick in range(len(_TICKS))], _TICKS)
    axes.set_ylim(_LEAST_NS, _MOST_NS)
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(lambda n, _: f"{n:,.0f}")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="upper left")


def _rates(axes: Axes, report: Report) -> None:
    stages = ("in the journal", "on the disk", "in a segment")
    for number, one in enumerate(report.throughput):
        rates = (one.logged_per_s, one.durable_per_s, one.sealed_per_s)
        places = [stage + 0.38 * number for stage in range(len(stages))]
        bars = axes.bar(places, [rate / 1e6 for rate in rates], 0.36, label=one.way, color=_COLOURS[number])
        axes.bar_label(bars, fmt="%.1f", fontsize=8, padding=2)
    axes.set_xticks([stage + 0.19 for stage in range(len(stages))], stages)
    axes.set(title="million points a second", ylim=(0, axes.get_ylim()[1] * 1.2))
    axes.legend(fontsize=8, loc="upper right")
    kills = report.kills
    said = f"{kills.kills} kills: {kills.lost:,} of {kills.acknowledged:,} acknowledged points lost"
    axes.set_xlabel(said)
