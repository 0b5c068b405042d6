"""`runlake sync`: a store, or what waits for a server, sent to it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from runlake.cli import output
from runlake.cli.options import folder_of, json_option, require_text
from runlake.errors import InvalidInput
from runlake.location import resolved
from runlake.remote.address import Address, is_address

if TYPE_CHECKING:
    from runlake.replication.progress import Progress

_STEP_S = 0.2


@click.command(short_help="Send a store to a server.")
@click.argument("lake", callback=require_text)
@click.argument("url", callback=require_text)
@json_option
def sync(lake: str, url: str, as_json: bool) -> None:
    """Send the runs of the store LAKE, a folder, to the server at URL: what that does not have yet, and nothing twice.

    Experiments are merged by name. Where a parameter differs, the value that the server has stays and both are shown.
    LAKE may be in use, and may be the spool of a process that has logged to a server.
    """
    uri = resolved(url)
    if not is_address(uri):
        raise InvalidInput(f"{url!r} is not the address of a server", hint="write http://host:port")
    root = folder_of(lake)
    from runlake.replication.progress import Progress
    from runlake.replication.sync import sync as send

    progress = Progress()
    with _shown(uri, progress):
        synced = send(root, uri, progress)
    sent = {"runs": progress.runs, "points": progress.points, "artifacts": progress.files}
    if as_json:
        output.json({**sent, "conflicts": [asdict(conflict) for conflict in synced.conflicts]})
        return
    for conflict in synced.conflicts:
        output.message(f"conflict: {conflict}")
    output.message(f"{progress.runs:,} runs, {progress.points:,} points and {progress.files:,} artifacts sent")


@contextlib.contextmanager
def _shown(uri: str, progress: Progress) -> Iterator[None]:
    """Show on a terminal how far it is."""
    from runlake.replication.bar import bar

    done = threading.Event()
    with bar(str(Address.of(uri)), progress) as move:

        def watch() -> None:
            while not done.wait(_STEP_S):
                move()

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
