"""Sweep: all runs of the grid, in several processes at once that share one store and no server."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing.sharedctypes import RawArray
from typing import Any
from uuid import uuid4

import runlake
from runlake.demo import digits, training
from runlake.demo.settings import EXPERIMENT, Settings
from runlake.demo.training import Outcome

_REFRESH_S = 0.1
_FEWEST_PROCESSES, _MOST_PROCESSES = 4, 16


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a whole sweep did."""

    id: str
    outcomes: list[Outcome]
    processes: int
    seconds: float

    @property
    def points(self) -> int:
        return sum(outcome.points for outcome in self.outcomes)

    @property
    def logging_share(self) -> float:
        """Share of the training time that was spent in logging calls, of all runs together."""
        return sum(run.logging_s for run in self.outcomes) / sum(run.training_s for run in self.outcomes)

    @property
    def background_share(self) -> float:
        """CPU time of the threads that sync and seal, as a share of the training time."""
        return sum(run.background_s for run in self.outcomes) / sum(run.training_s for run in self.outcomes)


def run(store: str, progress: Callable[[int, int], None], runs: list[Settings]) -> Sweep:
    """Train every run and return when the last one has ended.

    Args:
        store: Tracking URI that all processes log to.
        progress: Called a few times a second with the runs that have ended and the mini-batches of all runs so far.
    """
    sweep_id, processes = uuid4().hex[:8], min(len(runs), _process_count())
    runlake.set_tracking_uri(store)
    runlake.set_experiment(EXPERIMENT)
    context = multiprocessing.get_context("spawn")
    batches = RawArray("q", len(runs))
    started = time.perf_counter()
    with ProcessPoolExecutor(processes, context, _begin, (store, digits.load(), batches)) as pool:
        futures = [pool.submit(_train, index, settings, sweep_id) for index, settings in enumerate(runs)]
        with _cancelled_on_error(futures):
            for ended in _until_done(futures):
                progress(ended, sum(batches))
            outcomes = [future.result() for future in futures]
    return Sweep(sweep_id, outcomes, processes, time.perf_counter() - started)


def _process_count() -> int:
    cores = len(os.sched_getaffinity(0))
    return max(_FEWEST_PROCESSES, min(cores, _MOST_PROCESSES))


def _until_done(futures: list[Future[Outcome]]) -> Iterator[int]:
    """Yield the number of finished runs a few times a second, and at the end; a run that failed ends it at once."""
    pending = set(futures)
    while pending:
        done, pending = wait(pending, timeout=_REFRESH_S, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
        yield len(futures) - len(pending)


@contextlib.contextmanager
def _cancelled_on_error(futures: list[Future[Outcome]]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for future in futures:
            future.cancel()
        raise


@dataclass(slots=True)
class _Worker:
    """What a worker process keeps between its runs."""

    data: digits.Digits
    batches: Any


_worker: _Worker | None = None


def _begin(store: str, data: digits.Digits, batches: Any) -> None:
    """Prepare a worker process; each computes on one core, as there are as many processes as cores."""
    from threadpoolctl import threadpool_limits

    global _worker
    threadpool_limits(1)
    runlake.set_tracking_uri(store)
    runlake.set_experiment(EXPERIMENT)
    _worker = _Worker(data, batches)


def _train(index: int, settings: Settings, sweep_id: str) -> Outcome:
    assert _worker is not None, "the pool's initializer has run"
    worker = _worker

    def progress(batches: int) -> None:
        worker.batches[index] = batches

    return training.train(settings, worker.data, {"sweep": sweep_id}, progress)
