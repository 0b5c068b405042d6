"""Program: runs the sweep under a progress bar, reads everything back, and says what it took."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import runlake
from runlake import lifecycle
from runlake.cli import output
from runlake.cli.runs import show_frame
from runlake.demo import checks, digits, registering, sweep
from runlake.demo.registering import Candidate
from runlake.demo.settings import EXPERIMENT, Settings, grid
from runlake.demo.training import METRICS_PER_BATCH
from runlake.errors import StoreError
from runlake.store import get_store

if TYPE_CHECKING:
    import polars as pl
    from rich.progress import Progress

QUESTION = "params.lr BETWEEN 1e-3 AND 1e-1 AND metrics.val_accuracy > 0.9"

_COLUMNS = ("run_name", "params.lr", "params.hidden", "params.momentum", "metrics.val_accuracy", "metrics.val_loss")
_BEST = 8
_MEASURES = ("metrics.val_accuracy", "metrics.val_loss")
_POINTS_FOLDERS = ("segments", "journals")
_ABOUT = """How fast should a small network learn? 96 of them, over learning rate, size and momentum.

Sort by `val_accuracy`, or brush it in the parallel coordinates: what the best have in common is seen at once.
"""


@dataclass(frozen=True, slots=True)
class Report:
    """What the demo prints."""

    store: str
    runs: int
    processes: int
    seconds: float
    points: int
    points_per_second: float
    logging_share: float
    background_share: float
    bytes_per_point: float
    where: str
    answer: pl.DataFrame
    challenger: str
    """Version of the model that the best network became."""

    def to_dictionary(self) -> dict[str, Any]:
        """Return plain values; the answer as one mapping a run."""
        values = {name: getattr(self, name) for name in self.__slots__ if name != "answer"}
        return {**values, "answer": self.answer.select(_COLUMNS).to_dicts()}


def run(root: Path, runs: list[Settings] | None = None) -> Report:
    """Run the sweep in the store at `root` and read back what it logged.

    Raises:
        StoreError: the store does not hold every point that was logged.
    """
    runs = grid() if runs is None else runs
    done = _with_progress(str(root), runs)
    challenger = _look_closer(done, runs)
    store = get_store(root)
    store.seal()
    store.close()  # and with it this process's journal, which has room for more
    held = runlake.points([outcome.run_id for outcome in done.outcomes]).select("step").collect().height
    if held != done.points:
        raise StoreError(f"the sweep logged {done.points:,} points and {root} holds {held:,} of them")
    everything = runlake.points().select("step").collect().height
    answer = runlake.runs(EXPERIMENT, where=f"{QUESTION} AND tags.sweep = '{done.id}'").collect()
    return Report(
        store=str(root),
        runs=len(runs),
        processes=done.processes,
        seconds=done.seconds,
        points=done.points,
        points_per_second=done.points / done.seconds,
        logging_share=done.logging_share,
        background_share=done.background_share,
        bytes_per_point=_disk_bytes(root) / everything,
        where=QUESTION,
        answer=answer.sort("metrics.val_accuracy", "metrics.val_loss", descending=[True, False]),
        challenger=challenger,
    )


def _look_closer(done: sweep.Sweep, runs: list[Settings]) -> str:
    """Check what the sweep has found, and register some of it; return the version of the best network."""
    images = digits.load()
    frame = runlake.runs(EXPERIMENT, where=f"tags.sweep = '{done.id}'").collect().select("run_id", *_MEASURES)
    measured = {run_id: measures for run_id, *measures in frame.iter_rows()}
    pairs = zip(done.outcomes, runs, strict=True)
    candidates = [Candidate(outcome.run_id, settings, *measured[outcome.run_id]) for outcome, settings in pairs]
    candidates.sort(key=lambda one: (-one.accuracy, one.loss))
    runlake.set_experiment_tag(lifecycle.NOTE_TAG, _ABOUT)
    version = registering.register(candidates, images)
    checks.run(candidates[0].settings, images, done.id)
    return version


def show(report: Report, *, given_store: str | None = None) -> None:
    """Print the report for a person.

    Args:
        given_store: The store as it was named on the command line, for the commands to try next.
    """
    output.heading("the sweep")
    output.pairs(
        {
            "store": report.store,
            "runs": f"{report.runs} in {report.processes} processes, {report.seconds:.1f} s",
            "points logged": f"{report.points:,}, every mini-batch; all of them read back",
            "points a second": f"{report.points_per_second:,.0f}, training included",
            "logging took": f"{report.logging_share:.2%} of the training time",
            "background": f"{report.background_share:.2%} more, of another core, to sync and to seal",
            "on disk": f"{report.bytes_per_point:.2f} bytes a point",
        }
    )
    output.heading(f"runlake.runs({EXPERIMENT!r}, where={report.where!r})")
    show_frame(report.answer.head(_BEST), list(_COLUMNS))
    if len(report.answer) > _BEST:
        output.message(f"the best {_BEST} of {len(report.answer)} runs")
    output.heading("the model")
    output.pairs(
        {
            registering.MODEL: f"version {report.challenger}, the best network, may become {registering.CHAMPION}",
            "to promote it": "look at it in the browser, or "
            f"{_program()} registry promote{_store_option(given_store)} {registering.MODEL} @challenger "
            f"{registering.CHAMPION}",
        }
    )
    output.heading("try next")
    for command in _next_commands(report, given_store):
        output.line(command)


def _with_progress(root: str, runs: list[Settings]) -> sweep.Sweep:
    """Run the sweep; on a terminal a bar shows how far it is."""
    with _bar() as bar:
        task = bar.add_task("training", total=sum(one.batches for one in runs), runs=f"0/{len(runs)}", points=0)

        def progress(ended: int, batches: int) -> None:
            points = f"{batches * METRICS_PER_BATCH:,}"
            bar.update(task, completed=batches, runs=f"{ended}/{len(runs)}", points=points)

        return sweep.run(root, progress, runs)


def _bar() -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[runs]} runs"),
        TextColumn("{task.fields[points]} points"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=output.console(stderr=True),
    )


def _disk_bytes(root: Path) -> int:
    files = (path for folder in _POINTS_FOLDERS for path in (root / folder).rglob("*"))
    return sum(path.stat().st_blocks * 512 for path in files if path.is_file())


def _next_commands(report: Report, given_store: str | None) -> list[str]:
    program = _program()
    store = _store_option(given_store)
    best = report.answer["run_id"][0][:8] if len(report.answer) else "RUN"
    return [
        f"{program} ui{store}",
        f"{program} runs{store} --where '{report.where}' --sort 'metrics.val_accuracy DESC'",
        f"{program} show{store} {best}",
        f"{program} points{store} {best} loss --buckets 20",
    ]


def _store_option(given_store: str | None) -> str:
    return f" --store {shlex.quote(given_store)}" if given_store else ""


def _program() -> str:
    """Return how this program was called, as short as it can be typed here."""
    called = sys.argv[0]
    if Path(called).name != "runlake":
        return f"{shlex.quote(_relative(sys.executable))} -m runlake"
    return "runlake" if shutil.which("runlake") == os.path.abspath(called) else shlex.quote(_relative(called))


def _relative(path: str) -> str:
    short = os.path.relpath(path)
    return path if short.startswith("..") else short
