"""Sent: runs and handles that are pickled for another process, as workers get them; there they log into the same run.

What is pickled names the store and the run. The process that gets it opens the store if need be, has a journal of its
own, and ends nothing: just as a forked child that inherits the object.
"""

from __future__ import annotations

import copyreg
from typing import TYPE_CHECKING, Any, Final

from runlake import _engine
from runlake.errors import RunEnded
from runlake.location import resolved
from runlake.remote.address import Address, is_address
from runlake.store import Store, opened_stores
from runlake.stores import opened

if TYPE_CHECKING:
    from runlake.fluent.run import ActiveRun

_NO_PROCESS: Final = 0
_Reduced = tuple[Any, tuple[Any, ...]]


def reduce_run(run: ActiveRun) -> _Reduced:
    """Return how a run is made anew elsewhere.

    Raises:
        RunEnded: it was ended here.
    """
    if run.ended:
        raise _ended(run.id)
    return _run, (run.store.place, run.id)


def _reduce_logger(logger: _engine.RunLogger) -> _Reduced:
    return _logger, (_place_of(logger.run_id), logger.run_id)


def _reduce_metric(metric: _engine.Metric) -> _Reduced:
    return _metric, (_place_of(metric.run_id), metric.run_id, metric.key)


def _place_of(run_id: str) -> str:
    store = next((store for store in opened_stores() if store.logs_to(run_id)), None)
    if store is None:
        raise _ended(run_id)
    return store.place


def _ended(run_id: str) -> RunEnded:
    return RunEnded(
        f"run {run_id} has ended in this process and cannot be sent to another one",
        hint="send the run's id, and continue the run there with start_run(run_id=...)",
    )


def _run(place: str, run_id: str) -> ActiveRun:
    from runlake.fluent.run import ActiveRun

    store = _store_at(place)
    return ActiveRun(store.catalog.get_run(run_id), store, store.run_logger(run_id), pid=_NO_PROCESS)


def _logger(place: str, run_id: str) -> _engine.RunLogger:
    return _store_at(place).run_logger(run_id)


def _metric(place: str, run_id: str, key: str) -> _engine.Metric:
    return _logger(place, run_id).metric(key)


def _store_at(place: str) -> Store:
    """Return the folder that runs of a place are logged into; passwords come from the environment, never by pickle."""
    if is_address(place) and is_address(here := resolved(None)) and str(Address.of(here)) == place:
        place = here
    store = opened(place)
    if isinstance(store, Store):
        return store
    assert store.spool is not None
    return store.spool.store


copyreg.pickle(_engine.RunLogger, _reduce_logger)
copyreg.pickle(_engine.Metric, _reduce_metric)
