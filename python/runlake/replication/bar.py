"""Bar: how far sending is, for people at a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runlake.replication.progress import Progress


@contextlib.contextmanager
def bar(url: str, progress: Progress, trouble: Callable[[], str | None] = lambda: None) -> Iterator[Callable[[], None]]:
    """Show a progress bar on a terminal, and nothing elsewhere; the block calls what it is given to move it.

    Args:
        trouble: Says what stands in the way, None when nothing does.
    """
    if sys.stderr is None or sys.stderr.closed or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn(f"runlake: sending to {url}"), BarColumn(), TextColumn("{task.fields[left]}")
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", left="", total=None)

        def move() -> None:
            done, left = progress.points, progress.points_left
            if progress.file_bytes_left:
                done, left = progress.file_bytes, progress.file_bytes_left
            shown.update(task, left=trouble() or _left(progress), completed=done, total=done + left if left else None)

        yield move


def _left(progress: Progress) -> str:
    """Say what is still to be sent in this round."""
    parts = []
    if progress.points_left:
        parts.append(f"{progress.points_left:,} points")
    if progress.files_left:
        parts.append(f"{progress.files_left:,} artifacts, {progress.file_bytes_left / 1e6:,.1f} MB")
    return ", ".join(parts)
