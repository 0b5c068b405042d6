"""Bar: how far work is, for people at a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def bar(doing: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on a terminal, and nothing elsewhere; the block calls what it is given with done and all."""
    if sys.stderr is None or sys.stderr.closed or not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    from runlake.cli import output

    columns = TextColumn(doing), BarColumn(), TextColumn("{task.percentage:>3.0f} %")
    console = output.console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console, transient=True) as shown:
        task = shown.add_task("", total=None)

        def move(done: int, total: int) -> None:
            shown.update(task, completed=done, total=total)

        yield move
