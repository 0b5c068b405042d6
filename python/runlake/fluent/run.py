"""ActiveRun: the run that `start_run` gives, and everything that can be logged through it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from types import EllipsisType, TracebackType
from typing import Any, Protocol, Self, SupportsFloat

from runlake import _engine, guard, operations, recording, run_files
from runlake.entities import Run, RunLedger, RunStatus
from runlake.errors import StoreUnavailable
from runlake.fluent import active, losses, other_store, sent
from runlake.fluent.throttle import chosen_policy
from runlake.store import Store
from runlake.throttling import Aggregate, Policy, patterns_of

_DRAIN_S = 5.0  # how long the end of a run waits for calls that were made with synchronous=False


@dataclass(frozen=True, slots=True)
class LoggingStats:
    """What this process has logged into one store, in points, and the errors it met.

    `accepted` were taken by a call. Of these, `stored` are in the journal, `merged` in the aggregates of a stored one,
    `throttled` were dropped by a policy, `dropped` for lack of room, and `in_flight` will be stored or counted with the
    next ones; `ledger` has them by run and key. `without_room` of them met no room, and were merged, dropped or put
    on hold for it. `durable` survive a power cut. `last_error` is what last went wrong behind the calls; `errors` are
    of all runs of the process.
    """

    accepted: int
    stored: int
    merged: int
    throttled: int
    dropped: int
    in_flight: int
    without_room: int
    durable: int
    last_error: str | None
    errors: list[guard.SeenError]


class MetricHandle(Protocol):
    """One metric of one run."""

    @property
    def key(self) -> str: ...
    @property
    def run_id(self) -> str: ...
    def log(self, value: Any, step: Any, timestamp: Any = None) -> None: ...


@dataclass(frozen=True, slots=True)
class _GuardedMetric:
    """A handle under the error policy "never": even an illegal key waits until it is logged to, and is counted then."""

    logger: _engine.RunLogger
    key: str

    @property
    def run_id(self) -> str:
        return self.logger.run_id

    def log(self, value: Any, step: Any, timestamp: Any = None) -> None:
        try:
            self.logger.log_metric(self.key, value, step, timestamp)
        except Exception as error:
            guard.absorb(error, "metric.log")


class ActiveRun(Run):
    """A run under way; `with` ends it: FINISHED, FAILED on an exception, KILLED on Ctrl-C.

    `info` and `data` are as they were when the run started, `get_run` gives them fresh. Another process that gets the
    object, as workers do, logs through it into the same run and does not end it.
    """

    _store: Store
    _logger: _engine.RunLogger
    _pid: int
    _ended: bool

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __init__(self, run: Run, store: Store, logger: _engine.RunLogger, *, pid: int | None = None) -> None:
        """Prepare.

        Args:
            pid: The process that ends the run; None is this one.
        """
        info = replace(run.info, artifact_uri=store.artifact_uri(run))
        super().__init__(info, run.data, run.inputs, run.outputs)
        state = {"_store": store, "_logger": logger, "_pid": os.getpid() if pid is None else pid, "_ended": False}
        for name, value in state.items():
            object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return sent.reduce_run(self)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _known: object) -> Self:
        return self

    # -- logging

    def log(self, metrics: Mapping[str, SupportsFloat], step: int | None = None, timestamp: int | None = None) -> None:
        """Log one value for each key, at one step; all of them or, on a mistake, none.

        Args:
            step: None counts up from the largest step of the run, one a call.
            timestamp: Milliseconds since 1970; None is now.

        Raises:
            InvalidInput: a key, a value or the step is not legal.
            RunEnded: the run was ended.
        """
        try:
            self._logger.log(metrics, step, timestamp)
        except Exception as error:
            guard.absorb(error, "log")

    def metric(self, key: str) -> MetricHandle:
        """Return a handle on one metric, the fastest way to log it: `loss = run.metric("loss"); loss.log(0.5, step)`.

        A handle obeys the error policy that was set when it was made.

        Raises:
            InvalidInput: the key is not legal.
        """
        if guard.never_raises():
            return _GuardedMetric(self._logger, key)
        return self._logger.metric(key)

    def log_arrays(self, key: str, steps: Any, values: Any, timestamps: Any = None) -> int:
        """Log many values of one metric; return how many were stored.

        Args:
            steps: Integers, one dimension, anything with the buffer protocol (NumPy, array.array, torch on the CPU).
            values: float64, float32 or integers, as many as `steps`.
            timestamps: Milliseconds since 1970, as many as `steps`; None is now for all.

        Raises:
            InvalidInput: shape or dtype does not fit; the message names both.
        """
        try:
            return self._logger.log_arrays(key, steps, values, timestamps)
        except Exception as error:
            guard.absorb(error, "log_arrays")
            return 0

    def log_points(self, table: Any) -> int:
        """Log a table with columns `key`, `step`, `value` and optionally `timestamp`; return how many were stored.

        Args:
            table: Anything that exports Arrow (`__arrow_c_stream__`): Polars, pyarrow, DuckDB, pandas.
        """
        try:
            return self._logger.log_points(table)
        except Exception as error:
            guard.absorb(error, "log_points")
            return 0

    def log_config(self, config: object, *, prefix: str = "") -> None:
        """Log a nested configuration as parameters with dotted keys, in one transaction.

        Args:
            config: A mapping, a dataclass instance, an `argparse.Namespace` or an OmegaConf container.
            prefix: Put in front of every key, with a dot between.
        """
        from runlake.nested_params import flatten

        with guard.shielded("log_config"):
            recording.log_params(self._store, self.id, flatten(config, prefix=prefix))

    def throttle(
        self,
        keys: str | Iterable[str],
        policy: Policy | EllipsisType | None = ...,
        *,
        every: int | None = None,
        max_per_second: float | None = None,
        burst: float | None = None,
        window: str | int | timedelta | None = None,
        keep: Iterable[Aggregate] | None = None,
    ) -> None:
        """Store only some points of this run's metrics whose keys match; arguments as those of `runlake.throttle`.

        It holds for what this process logs to the run, before the rules of the process.

        Raises:
            InvalidInput: the policy is none, or no key can match.
        """
        patterns = patterns_of(keys)
        chosen = chosen_policy(policy, every, max_per_second, burst, window, keep)
        self._store.throttle_run(self.id, patterns, chosen)

    # -- state

    @property
    def id(self) -> str:
        """The run's id, 32 hexadecimal digits."""
        return self.info.run_id

    @property
    def store(self) -> Store:
        """The store that the run is in."""
        return self._store

    @property
    def logger(self) -> _engine.RunLogger:
        """The engine's end of the run."""
        return self._logger

    @property
    def ended(self) -> bool:
        """Whether this object logs no more; the run itself may go on in other processes."""
        return self._ended

    @property
    def inherited(self) -> bool:
        """Whether a parent process started the run, so that this one does not end it."""
        return self._pid != os.getpid()

    def same_run(self, other: ActiveRun) -> bool:
        """Tell whether two objects stand for one run of one store."""
        return self.id == other.id and self._store is other._store

    def ledger(self) -> RunLedger:
        """Return how many points of the run were accepted, stored, merged and dropped, by key; see `runlake.ledger`."""
        return self._store.ledger(self.id)

    def flush(self) -> None:
        """Return when everything that was logged so far is on disk, safe from a power cut."""
        operations.flush()
        run_files.sync()
        self._store.flush()

    def stats(self) -> LoggingStats:
        """Return the counts of this process for the run's store."""
        counts = self._store.writer().stats()
        return LoggingStats(
            accepted=counts.accepted,
            stored=counts.stored,
            merged=counts.merged,
            throttled=counts.throttled,
            dropped=counts.dropped,
            in_flight=counts.pending,
            without_room=counts.met_no_room,
            durable=counts.durable,
            last_error=counts.last_error,
            errors=losses.errors_seen(),
        )

    # -- the end

    def end(self, status: str = "FINISHED") -> None:
        """End the run, and with it whatever this thread has started inside it; a second call does nothing.

        While another process that joined the run is still in it, the run stays RUNNING and the last one ends it.
        """
        RunStatus.from_string(status)
        for run in active.inner_first(self):
            run._end_one(status)

    def _end_one(self, status: str) -> None:
        if self._ended:
            return
        object.__setattr__(self, "_ended", True)
        last_here = active.remove(self)
        if self.inherited or not last_here:
            return
        operations.flush(_DRAIN_S)
        other_store.notice(self)
        self._logger.close()
        with guard.shielded("end_run"):
            self._store.leave_run(self.id, status)
        losses.report(self._store)
        with guard.shielded("end_run"):
            self._require_store()
            self._store.after_end(self.id)

    def _require_store(self) -> None:
        if not self._store.catalog.is_there():
            raise StoreUnavailable(f"run {self.id} is lost: the store {self._store.root} was removed while it ran")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(_status_after(error))


def _status_after(error: BaseException | None) -> str:
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return "FINISHED"
    return "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
