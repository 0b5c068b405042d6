"""Where the runs of this process come from: tags at their start, and what takes longer when it is found out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from runlake import run_files
from runlake.guard import shielded
from runlake.provenance import Background, Collected, standard_tags

if TYPE_CHECKING:
    from runlake.fluent.run import ActiveRun

_started: list[Background] = []


def tags_so_far() -> dict[str, str]:
    """Return the standard tags, with those of the repository when an earlier run has had them found out."""
    with shielded("standard tags", always=True):
        collected = _collection().result()
        return {**standard_tags(), **(collected.tags if collected else {})}
    return {}


def describe(run: ActiveRun) -> None:
    """Set the tags and write the files that are not known yet, now or when they are."""
    with shielded("standard tags", always=True):
        had_tags = _collection().result() is not None
        _collection().then(lambda collected: _write(run, collected, with_tags=not had_tags))


def finish(timeout_s: float) -> None:
    """Wait until what is still being found out is written, but no longer than `timeout_s` seconds."""
    deadline = time.monotonic() + timeout_s
    for background in _started:
        background.result(max(0.0, deadline - time.monotonic()))


def _collection() -> Background:
    background = Background.start()
    if background not in _started:
        _started.append(background)
    return background


def _write(run: ActiveRun, collected: Collected, *, with_tags: bool) -> None:
    with shielded("standard tags", always=True):
        tags = {key: value for key, value in collected.tags.items() if key not in run.data.tags} if with_tags else {}
        if tags:
            run.store.record(run.id, params={}, tags=tags)
        folder = run_files.of_run(run)
        for path, content in collected.files.items():
            folder.write_bytes(content, path)
