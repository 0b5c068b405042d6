"""Where the runs of this process come from: tags at their start, and what takes longer when it is found out."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from runlake.errors import InvalidInput, NotFound
from runlake.guard import shielded
from runlake.provenance import FILE_TAGS, REQUIREMENTS_TAG, Background, Collected, standard_tags

if TYPE_CHECKING:
    from runlake.fluent.run import ActiveRun
    from runlake.store import Store

_started: list[Background] = []
_tags_in: WeakKeyDictionary[Store, dict[int, dict[str, str]]] = WeakKeyDictionary()
"""For each store whose files are there, the tags of a collection, by its `id`: collections are never let go."""


def tags_so_far(store: Store) -> dict[str, str]:
    """Return the standard tags, with what an earlier run has had found out: repository, changes and packages."""
    with shielded("standard tags", always=True):
        collected = _collection().result()
        return {**standard_tags(), **(_kept(store, collected) if collected else {})}
    return {}


def describe(run: ActiveRun) -> None:
    """Have the tags set that are not known yet, when they are: the start of a run waits for nothing."""
    with shielded("standard tags", always=True):
        if REQUIREMENTS_TAG not in run.data.tags:
            _collection().then(lambda collected: _add_tags(run, collected))


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


def _add_tags(run: ActiveRun, collected: Collected) -> None:
    # A run that somebody has deleted meanwhile goes without; it is nobody's mistake.
    with shielded("standard tags", always=True), contextlib.suppress(InvalidInput, NotFound):
        own = run.store.catalog.get_run(run.id).data.tags  # not `run.data`: what the script has set meanwhile stays
        tags = {key: value for key, value in _kept(run.store, collected).items() if key not in own}
        if tags:
            run.store.record(run.id, params={}, tags=tags)


def _kept(store: Store, collected: Collected) -> dict[str, str]:
    """Put the files into the store, the first time, and return the tags of the repository and those that name files."""
    known = _tags_in.setdefault(store, {})
    tags = known.get(id(collected))
    if tags is None or not all(store.shared_files.renew(tags[FILE_TAGS[path]]) for path in collected.files):
        files = {FILE_TAGS[path]: store.shared_files.put(content) for path, content in collected.files.items()}
        tags = known[id(collected)] = {**collected.tags, **files}
    return tags
