"""The engine: journals, live readers, sealing and recovery of metric points, as one compiled module.

Times are milliseconds since 1970 in UTC. Ids of writers, segments and the store are 32 lower-case hexadecimal digits. A
range `(writer, from, to)` holds the points `from <= seq < to` of that writer's own stream.

A metric value is whatever `float()` takes except None and complex numbers, so True, "0.5", NumPy scalars and arrays or
tensors of one element are values. A step is an int, or a float without a fraction, that fits 64 bits. A timestamp is
such a number from 0 on; its fraction is cut off. A key is legal when `runlake.names.check_key` says so.

Raises, where nothing else is said: `runlake.errors.InvalidType` for an argument of the wrong type, `InvalidInput` for a
wrong value, `StoreError` or one of its children for what the disk did. Whatever may wait releases the GIL.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Protocol, SupportsFloat, SupportsIndex, TypeAlias, final

from typing_extensions import Buffer, CapsuleType

__all__ = [
    "Adopted",
    "ArrowStream",
    "FileSystem",
    "Gap",
    "JournalCache",
    "Journals",
    "LedgerEntry",
    "Metric",
    "PackedPoints",
    "Replica",
    "RunLogger",
    "Sealed",
    "SegmentInfo",
    "Summary",
    "TableFile",
    "Throttle",
    "Writer",
    "WriterFiles",
    "WriterStats",
    "__debug_build__",
    "adopt",
    "adopt_all",
    "check_filesystem",
    "compact",
    "dead",
    "downsample",
    "fork_generation",
    "inspect",
    "inspect_all",
    "log_metric",
    "pack_points",
    "probe_locks",
    "read_points",
    "release_memory",
    "remove_leftovers",
    "runs_in",
    "seal",
    "segment_info",
    "set_active_logger",
    "set_slow_path",
    "summarise_segment",
    "survey",
    "unpack_points",
    "verify_segment",
    "write_table_file",
]

_Value: TypeAlias = SupportsFloat | SupportsIndex | str
_Integer: TypeAlias = SupportsIndex | SupportsFloat
_Range: TypeAlias = tuple[str, int, int]
_Bounds: TypeAlias = tuple[int | None, int | None]

class _ArrowStreamExporter(Protocol):
    def __arrow_c_stream__(self, requested_schema: object = None, /) -> object: ...

class _ArrowArrayExporter(Protocol):
    def __arrow_c_array__(self, requested_schema: object = None, /) -> tuple[object, object]: ...

class _ArrayConvertible(Protocol):
    def __array__(self) -> Any: ...

_Numbers: TypeAlias = Buffer | _ArrayConvertible | Iterable[_Value]

__debug_build__: bool
"""True when the module was built without optimisation and says nothing about speed."""

def fork_generation() -> int:
    """Return how many forks lie between this process and the one that loaded the engine."""

def release_memory() -> bool:
    """Give memory that nobody uses back to the system, and return whether there was some."""

def check_filesystem(path: str) -> FileSystem:
    """Return what the file system of `path`, which must exist, can be trusted with.

    Raises:
        StoreError: the path cannot be examined.
    """

def probe_locks(folder: str) -> str | None:
    """Try the locks that a store needs on a file in `folder`; return None where they work, or else what is wrong.

    Raises:
        StoreError: no file can be made there.
    """

@final
class FileSystem:
    """A file system as a store meets it."""

    @property
    def name(self) -> str:
        """As people call it; `a file system of type 0x…` for one that is not known."""
    @property
    def written(self) -> bool:
        """Whether each point has to be written: mappings or reserved space cannot be relied on."""
    @property
    def shared(self) -> bool:
        """Whether other hosts may have it mounted as well."""
    @property
    def reason(self) -> str:
        """Why points are written, as part of a sentence; empty where they are not."""

@final
class Writer:
    """The journal of this process: every point that it logs, from the moment the logging call returns.

    After a fork the child's calls raise `StoreError`; the runs of the parent move on to the writer that `after_fork`
    gives.
    """

    def __new__(
        cls,
        journals: str,
        store_id: str,
        *,
        sync_interval_ms: int = 1000,
        max_block_ms: int = 0,
        max_chunk_bytes: int | None = None,
        max_unsealed_bytes: int | None = None,
        min_free_bytes: int = 0,
        merge_without_room: bool = False,
        written: bool = False,
        after_fork: Callable[[str], Writer] | None = None,
    ) -> Writer:
        """Make a journal in the folder `journals`, lock it, and start the thread that syncs it.

        Args:
            store_id: The id in `lake.json`; a journal carried into another store is recognised by it.
            sync_interval_ms: Time between two syncs, start to start.
            max_block_ms: Longest time that a logging call waits at a limit, the disk's or `max_unsealed_bytes`; then
                points are merged or dropped, and counted. For a file that is only late, it waits 1 s or that time.
            max_chunk_bytes: Size to which journal files grow; None for the engine's own.
            max_unsealed_bytes: Largest backlog; None for the engine's own.
            min_free_bytes: What the journal leaves free in the file system.
            merge_without_room: Whether points without room are merged with those that follow them, as a window without
                end, the latest of a key pending until there is room. Otherwise, and for keys without a slot, they are
                dropped.
            written: Whether each point is written to the file, for file systems that say so (see `FileSystem`).
            after_fork: Called with a run id when that run is logged to in a child of this process; returns the child's
                writer, with the run attached to it. It is called once a run, in the thread that logs.
        """

    @property
    def id(self) -> str: ...
    def run(self, run_id: str, *, next_step: int = 0) -> RunLogger:
        """Return a logger of run `run_id` whose own step counter starts at `next_step`. Each call makes a new one."""

    def flush(self, timeout_ms: int | None = None) -> None:
        """Return once every point logged before the call is on disk. Ctrl-C ends the wait.

        Raises:
            StoreError: it took longer than `timeout_ms`, or the disk failed.
        """

    def set_throttle(self, rules: Sequence[tuple[str, Throttle | None]]) -> None:
        """Throttle keys of all runs: of each key, the last rule that matches it decides; None is no throttling.

        In a pattern `*` stands for any characters and `?` for one. What was pending under another policy is stored.

        Raises:
            StoreError: the file for pending points cannot be made; nothing has changed.
        """

    def finish_run(self, run_id: str) -> None:
        """Store the pending points of a run, which ends here; what finds no room, as soon as there is some."""

    def ledger(self) -> list[LedgerEntry]:
        """Return the ledger of every key that has not stored all of its points, sorted by run and key."""

    def stats(self) -> WriterStats:
        """Return the counters of this moment."""

    def wait_unsealed(self, bytes: int, timeout_ms: int) -> bool:
        """Wait until at least `bytes` of journal can be let go of by a seal: points that are not sealed, and records
        since the last `trim`. False when time is up or the writer was closed.
        """

    def push_outbox(self, payload: bytes) -> int:
        """Keep `payload` in the journal for whoever adopts it, and return its id; ids rise."""

    def finish_outbox(self, upto: int) -> None:
        """Mark the payloads with ids up to and including `upto` as delivered."""

    def trim(self, sealed: int) -> None:
        """Delete the journal files that hold nothing from `sealed` on, after the catalog has committed `sealed`."""

    def close(self) -> None:
        """Sync, cut and unlock the journal, whose unsealed points stay for the next opener; later calls do nothing."""

@final
class WriterStats:
    """Counters of a writer, in points if not said otherwise."""

    @property
    def accepted(self) -> int:
        """Points of all calls that returned: `stored + merged + throttled + dropped + pending`."""
    @property
    def stored(self) -> int: ...
    @property
    def merged(self) -> int:
        """Points for which the last one of a window stands."""
    @property
    def throttled(self) -> int:
        """Points dropped because a policy says so."""
    @property
    def pending(self) -> int:
        """Points that are kept until the next one of their key, or the end of the run, decides; at most one a key."""
    @property
    def dropped(self) -> int:
        """Points that were lost, but for their count and summary, because there was no room."""
    @property
    def met_no_room(self) -> int:
        """Points for which there was no room: dropped, or kept pending, and then merged or stored, for want of it."""
    @property
    def committed(self) -> int:
        """Points that survive a crash of the process."""
    @property
    def durable(self) -> int:
        """Points that survive a power cut."""
    @property
    def sealed(self) -> int:
        """Points known to be in segments, as `trim` was told."""
    @property
    def unsealed_bytes(self) -> int: ...
    @property
    def poisoned_chunks(self) -> int:
        """Journal files given up because the disk failed under them."""
    @property
    def last_error(self) -> str | None:
        """The last thing that went wrong in the background."""

@final
class Replica:
    """The stream of another store's writer, kept here under the same numbers; any thread may use it.

    It drops nothing: points that find no room are still the sender's.
    """

    @classmethod
    def open(
        cls,
        journals: str,
        store_id: str,
        writer_id: str,
        sealed: int,
        *,
        sync_interval_ms: int = 1000,
        max_block_ms: int = 1000,
        max_unsealed_bytes: int | None = None,
        written: bool = False,
    ) -> Replica | None:
        """Go on with a stream where its journal ends, or at `sealed` where it has none.

        Args:
            sealed: First seq that no segment holds.

        Returns:
            None while another process, or another object of this one, has the stream.

        Raises:
            Corrupt: recovery has to adopt the journal first; nothing was changed.
        """

    @property
    def id(self) -> str: ...
    def append(self, points: PackedPoints) -> int | None:
        """Store the points that are not here yet, as far as there is room within `max_block_ms`.

        Returns:
            The number of the next point; what was stored survives a crash of the process. None, and nothing stored,
            when the batch begins behind that point.
        """

    def flush(self, timeout_ms: int | None = None) -> int:
        """Wait until what is stored survives a power cut, and return the number of the next point.

        Raises:
            StoreError: the disk failed, or the time was over.
        """

    def stats(self) -> WriterStats:
        """Return the counters."""

    def trim(self, sealed: int) -> None:
        """Remove files whose points are all below `sealed`, which the catalog has committed."""

    def close(self) -> None:
        """Sync and let go of the stream, once what is being stored is. Twice is harmless."""

@final
class PackedPoints:
    """A batch of points from the network, checked in whole: sizes, types, legal keys."""

    @property
    def writer(self) -> str: ...
    @property
    def first(self) -> int:
        """Number of the first point."""
    @property
    def upto(self) -> int:
        """Number after the last point."""
    @property
    def runs(self) -> list[str]:
        """Ids of the runs, sorted; their form is not checked."""

def unpack_points(data: bytes) -> PackedPoints:
    """Check a packed batch.

    Raises:
        InvalidInput: it is none, has more than 262,144 points or 64 MiB, or a key that is not legal.
    """

def pack_points(table: _ArrowStreamExporter | _ArrowArrayExporter, writer: str, first: int) -> tuple[bytes, int]:
    """Pack rows of segments for the network, in the order of their `seq`, which goes up by one from `first`.

    Args:
        table: Has at least the columns `run_id`, `key`, `step`, `timestamp`, `value` and `seq`.

    Returns:
        The batch and the number after its last point; it may have fewer points than the table.

    Raises:
        InvalidInput: a column is missing, or the numbers have a hole.
    """

@final
class RunLogger:
    """One run in one writer. Its metrics hold what they need of it: it may be dropped before them."""

    @property
    def run_id(self) -> str: ...
    @property
    def closed(self) -> bool: ...
    @property
    def next_step(self) -> int:
        """The step that the next `log` without a step takes."""

    def metric(self, key: str) -> Metric:
        """Return the handle of `key`, the same one for the same key."""

    def log(
        self, metrics: Mapping[str, _Value], step: _Integer | None = None, timestamp: _Integer | None = None
    ) -> None:
        """Log one value a key at one step and time, all of them or none.

        Args:
            step: None takes `next_step`, which then rises by one; a given step from `next_step` on lifts it above
                itself.
            timestamp: None is now.

        Raises:
            RunEnded: the logger was closed.
        """

    def log_metric(
        self, key: str, value: _Value, step: _Integer | None = None, timestamp: _Integer | None = None
    ) -> None:
        """Log one value. A step of None is 0, as in MLflow.

        Raises:
            RunEnded: the logger was closed.
        """

    def log_arrays(
        self, key: str, steps: _Numbers, values: _Numbers, timestamps: _Numbers | _Integer | None = None
    ) -> int:
        """Log many values of one key and return how many were stored: all, unless the journal had no room.

        Arrays come through the buffer protocol, else through `__array__`, else as an iterable of numbers. Everything is
        checked before the first point is stored. While a call runs, other threads' points may come between its own.

        Args:
            steps: Integers, or floats without fractions, of any width; shape (n,).
            values: float64, float32, float16, bool or integers, in the machine's byte order, contiguous or strided;
                shape (n,).
            timestamps: Like `steps`, one for all, or None for now.

        Raises:
            RunEnded: the logger was closed.
        """

    def set_throttle(self, rules: Sequence[tuple[str, Throttle | None]]) -> None:
        """Throttle keys of this run: its rules come before those of the writer."""

    def log_points(self, table: _ArrowStreamExporter | _ArrowArrayExporter) -> int:
        """Log an Arrow table or record batch and return how many points were stored, as `log_arrays` does.

        The columns are `key` (utf8, large_utf8, utf8_view, or a dictionary of them), `step` (integers), `value`
        (float64, float32, float16, bool or integers) and optionally `timestamp` (integer milliseconds, or a timestamp
        of any unit, read as UTC), in any order and without nulls. A stream is read batch by batch, and each batch is
        checked before its first point is stored.

        Raises:
            RunEnded: the logger was closed.
        """

    def close(self) -> None:
        """End the logger: whatever is logged through it or its metrics from now on raises `RunEnded`."""

@final
class Metric:
    """A bound key of a run: the fastest way to log."""

    @property
    def key(self) -> str: ...
    @property
    def run_id(self) -> str: ...
    def log(self, value: _Value, step: _Integer, timestamp: _Integer | None = None) -> None:
        """Log one value; a timestamp of None is now.

        Raises:
            RunEnded: the logger was closed.
        """

def log_metric(
    key: str,
    value: float,
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
    run_id: str | None = None,
    model_id: str | None = None,
    dataset: object = None,
) -> Any:
    """Log one value to the run that is active in this thread.

    With an active logger, and nothing given beyond `key`, `value`, `step` and `timestamp`, the point goes straight into
    the journal. Any other call, and any that would fail, is passed on to the slow path with the same arguments.
    """

def set_active_logger(logger: RunLogger | None) -> None:
    """Make `logger` the one that `log_metric` uses in the calling thread."""

def set_slow_path(function: Callable[..., object]) -> None:
    """Set what `log_metric` calls when it cannot log by itself."""

@final
class Throttle:
    """A policy: which points of a key are stored. The first and the last one always are."""

    @staticmethod
    def every(steps: int) -> Throttle:
        """Store a point that is at least so many steps beyond the last stored one, or below it; drop the others."""

    @staticmethod
    def rate(per_second: float, burst: float = 1.0) -> Throttle:
        """Store at most so many points a second, and `burst` at once after a pause; drop the others."""

    @staticmethod
    def window_ms(milliseconds: int, keep: Sequence[str]) -> Throttle:
        """Store the last point of every window, which opens with the first point after a stored one.

        Args:
            keep: Which aggregates are kept with it: `min`, `max`, `mean`, `count`, and `last`, which always is.
        """

    @staticmethod
    def window_steps(steps: int, keep: Sequence[str]) -> Throttle:
        """As `window_ms`, with windows of so many steps."""

    def __eq__(self, value: object, /) -> bool: ...

@final
class LedgerEntry:
    """What a writer accepted and did not store of one key of one run, since it was opened. It only ever grows."""

    @property
    def run_id(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def accepted_unstored(self) -> int:
        """Points that were merged or dropped. Of two entries of a writer and key, the one with more is the newer."""
    @property
    def merged(self) -> int:
        """Points for which the stored, or pending, last point of a window stands."""
    @property
    def dropped(self) -> dict[str, int]:
        """Number of points by reason: `no space` (on the disk), `backlog` (of unsealed points), `late`, `throttled`."""
    @property
    def stretches(self) -> list[tuple[str, int, int, int]]:
        """Dropped points that followed each other: reason, number, first and last step."""
    @property
    def summary(self) -> Summary | None:
        """Of the points that were merged or dropped; None when there are none."""
    @property
    def pending(self) -> tuple[int, int, float] | None:
        """Step, time and value of the latest point, while it is neither stored nor counted above."""
    @property
    def pending_count(self) -> int:
        """Points that the pending one stands for, itself included."""

@final
class ArrowStream:
    """Record batches that any Arrow library reads, as often as it likes: `polars.DataFrame(stream)`."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> CapsuleType:
        """Export a new stream. `requested_schema` is ignored, as the protocol allows."""

@final
class JournalCache:
    """What one process has read of journals: opening them, or asking for summaries of some runs, costs what is new.

    A forked child needs one of its own: another thread of the parent may have been in the middle of using it.
    """

    def __new__(cls) -> JournalCache: ...

@final
class Journals:
    """What journals hold at one moment. The files stay open, so later sealing takes nothing away.

    Make it before the catalog's read transaction begins, or points that are sealed in between are missed.
    """

    def __new__(
        cls, journals: str, writers: Sequence[str] | None = None, known: JournalCache | None = None
    ) -> Journals:
        """Open the journals of `writers`, or all of the folder; a writer without files has no points.

        Args:
            known: What this process has read of them earlier, and takes up what it reads now.
        """

    def writers(self) -> list[_Range]:
        """Return the range of points that each writer's files hold."""

    def keys(self) -> set[str]:
        """Return the keys that the journals define, whether they have points that no segment holds or not."""

    def ledger(self) -> dict[str, list[LedgerEntry]]:
        """Return by writer what is in its ledger, as `Writer.ledger` does; writers without entries are left out.

        A pending point is in none of the points that these journals hold.
        """

    def read(
        self,
        sealed: Mapping[str, int],
        runs: Sequence[str] | None = None,
        keys: Sequence[str] | None = None,
        *,
        windows: bool = False,
    ) -> ArrowStream:
        """Return the points that segments do not hold yet, in the order of arrival.

        Args:
            sealed: For each writer the first seq that no segment holds; 0 where it is missing.
            runs: Only these runs.
            keys: Only these keys.
            windows: Whether to say what points stand for.

        Returns:
            The seven columns of a segment: `run_id`, `key`: utf8_view; `step`, `timestamp`: i64; `value`: f64;
            `writer`: utf8_view; `seq`: i64. With `windows` also `count`: i64; `min`, `max`, `mean`: f64, null where a
            point stands for itself alone or the aggregate was not kept.
        """

    def pack(self, writer: str, first: int, max_points: int = 262_144) -> tuple[bytes, int]:
        """Pack points of a writer for the network, from number `first` on, and return the number after the last.

        A batch has at most 262,144 points; one without any where `first` is the end of the journal.

        Raises:
            NotFound: no file holds `first`: it is sealed and gone, or was never there.
            Corrupt: a point among them cannot be believed.
        """

    def summaries(self, sealed: Mapping[str, int], runs: Sequence[str] | None = None) -> ArrowStream:
        """Return a row for each run and key with points that no segment holds yet, in the columns of `Summary`.

        Of chosen `runs`, points that came after the journals were opened may be in it.
        """

def downsample(
    segments: Sequence[str],
    journals: Journals,
    sealed: Mapping[str, int],
    buckets: int,
    *,
    runs: Sequence[str] | None = None,
    keys: Sequence[str] | None = None,
    axis: str = "step",
    origins: Mapping[str, int] | None = None,
    start: int | None = None,
    end: int | None = None,
) -> ArrowStream:
    """Reduce each series to buckets of equal width, or to one for each place on the axis where these are few enough.

    Row groups are read on all cores, each once and a thread one at a time; Ctrl-C ends it.

    Args:
        segments: Paths of the files that may hold points of the runs.
        journals: Opened before the list of segments was read.
        sealed: For each writer the first seq that no segment holds; 0 where it is missing.
        buckets: Most buckets of a series, at least 1.
        runs: Only these runs.
        keys: Only these keys.
        axis: `step` or `timestamp`.
        origins: For each run what is subtracted from its timestamps.
        start: First place on the axis; the series' own when None.
        end: End of the range on the axis, excluded; the series' own when None.

    Returns:
        A row a bucket, sorted by run, key and place: `run_id`, `key`: utf8_view; `x: i64` (the bucket's first place);
        `min`, `max`, `mean`: f64, null where no value is finite; `last: f64`, of the largest point by (step, timestamp,
        value), NaN being below every number; `count: u32`, at most 2**32 - 1; `non_finite: u8` (bit 0 NaN, bit 1 +inf,
        bit 2 -inf). Points of windows bring the extremes, the mean and the number of all that they stand for.

    Raises:
        FileNotFoundError: a segment is gone.
        Corrupt: a segment is not what was written.
    """

def read_points(
    segments: Sequence[str],
    columns: Sequence[str],
    *,
    runs: Sequence[str] | None = None,
    keys: Sequence[str] | None = None,
    steps: _Bounds = ...,
    timestamps: _Bounds = ...,
) -> ArrowStream:
    """Read the rows of chosen series, of which little else is decoded, on all cores; Ctrl-C ends it.

    Args:
        segments: Paths of files.
        columns: What is read, in this order; names of columns of a segment, those of windows included, which are null
            where a segment has none.
        runs: Only these runs.
        keys: Only these keys.
        steps: Smallest and largest step wanted, None being no bound. Row groups without such steps are left out; of the
            others all rows of the series come.
        timestamps: The same of timestamps, ms since 1970-01-01 UTC.

    Returns:
        The columns as `Journals.read` has them; a batch for each row group with such rows, in the order of segments and
        rows.

    Raises:
        FileNotFoundError: a segment is gone.
        Corrupt: a segment is not what was written.
        InvalidInput: a segment has no such column.
    """

@final
class Summary:
    """What is known of one key of one run without reading its points."""

    @property
    def run_id(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def nan_count(self) -> int: ...
    @property
    def first_step(self) -> int:
        """Step of the smallest point by (step, timestamp, value)."""
    @property
    def first_timestamp(self) -> int: ...
    @property
    def first_value(self) -> float: ...
    @property
    def last_step(self) -> int:
        """Step of the largest point by (step, timestamp, value); NaN is below every number."""
    @property
    def last_timestamp(self) -> int: ...
    @property
    def last_value(self) -> float: ...
    @property
    def min(self) -> float:
        """Smallest value that is not NaN, or NaN when there is none."""
    @property
    def min_step(self) -> int: ...
    @property
    def max(self) -> float:
        """Largest value that is not NaN, or NaN when there is none."""
    @property
    def max_step(self) -> int: ...
    @property
    def sum(self) -> float:
        """Sum of the values that are not NaN."""
    @property
    def max_timestamp(self) -> int: ...

@final
class WriterFiles:
    """The journal files of one writer, seen from outside."""

    @property
    def id(self) -> str: ...
    @property
    def alive(self) -> bool:
        """True when a process on this host holds the writer's lock."""
    @property
    def closed_cleanly(self) -> bool: ...
    @property
    def bytes(self) -> int:
        """Disk space in use."""
    @property
    def committed(self) -> int:
        """First seq after the last point."""
    @property
    def damaged(self) -> list[str]:
        """Files that cannot be read, or that an earlier recovery kept aside."""

@final
class Gap:
    """Points that a journal held and no longer gives back."""

    @property
    def first(self) -> int: ...
    @property
    def upto(self) -> int: ...
    @property
    def reason(self) -> str: ...
    @property
    def file(self) -> str: ...

@final
class Adopted:
    """A dead writer's journal, locked until `finish`: verified and ready to be sealed."""

    @property
    def writer(self) -> str: ...
    @property
    def first(self) -> int:
        """First seq that the files hold; 0 when the header of a file before the first readable one is damaged."""
    @property
    def upto(self) -> int:
        """First seq after the last point that the files count."""
    @property
    def whole(self) -> list[_Range]:
        """The ranges that can be believed: what to seal."""
    @property
    def gaps(self) -> list[Gap]:
        """The others. What the catalog has as sealed is not lost, even if it is in one of them."""
    @property
    def missing(self) -> int:
        """Points in the gaps: proven to be lost."""
    @property
    def outbox(self) -> list[tuple[int, bytes]]:
        """Payloads that were not marked as delivered, by id."""
    @property
    def runs(self) -> list[tuple[str, int, int]]:
        """Run id, number of points, and largest timestamp of each run."""
    @property
    def ledger(self) -> list[LedgerEntry]:
        """What the writer accepted and did not store, by run and key.

        What was pending is stored by now, as its last points; on a full disk it is still pending, and `finish` leaves
        everything to the next adopter.
        """
    @property
    def unrecorded(self) -> int:
        """Points dropped for lack of room that are in no entry: the writer was killed before it could write one."""
    @property
    def last_verified_ms(self) -> int | None:
        """Time of the last sync that is proven; None when there was none."""
    @property
    def closed_cleanly(self) -> bool: ...
    @property
    def faults(self) -> list[tuple[str, str]]:
        """Files and what does not hold in each, also where no point is concerned."""
    @property
    def unreadable(self) -> list[str]:
        """Files of which nothing can be read; how many points were in one is known only where a gap names it."""
    @property
    def store_id(self) -> str | None:
        """The store that it was made in; None when no header says so."""
    def finish(self, sealed_all: bool) -> None:
        """Unlock the journal; with `sealed_all`, delete its files first. Damaged ones are renamed aside instead."""

def survey(journals: str) -> list[WriterFiles]:
    """Return what lies in the folder `journals`, by writer."""

def remove_leftovers(journals: str) -> int:
    """Remove the locks of writers that died before they had begun (`new-*.lock.tmp`); return how many there were."""

def adopt(journals: str, writer: str) -> Adopted | None:
    """Take over a dead writer's journal; None when it is alive or somebody else is at it."""

def adopt_all(journals: str, writers: Sequence[str]) -> list[Adopted]:
    """Take over the journals of those of some writers that are dead, as `adopt` does; the folder is listed once.

    Raises:
        OSError: the journal of one cannot be read; none is taken over then.
    """

def dead(journals: str, writers: Sequence[str]) -> list[str]:
    """Return those of some writers whose lock no process on this host holds; costs 10 µs a writer."""

def inspect(journals: str, writer: str) -> Adopted:
    """Check a journal as `adopt` does, without a lock or a change, also while its writer lives; nothing is to finish.

    What a living writer adds meanwhile may be in it or not.
    """

def inspect_all(journals: str, writers: Sequence[str]) -> list[Adopted]:
    """Check some journals as `inspect` does; the folder is listed once: not for those of living writers."""

def runs_in(journals: str, ranges: Sequence[_Range]) -> list[str]:
    """Return the ids of the runs that the journals of `ranges` name, sorted; some may have no points there."""

@final
class Sealed:
    """A segment that was written and synced, and that no catalog knows yet."""

    @property
    def segment_id(self) -> str: ...
    @property
    def experiment_id(self) -> str: ...
    @property
    def seal_id(self) -> str:
        """The same for all segments of one call."""
    @property
    def path(self) -> str:
        """Relative to the folder of segments."""
    @property
    def rows(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def ranges(self) -> list[_Range]:
        """The ranges of the call; each point of them is in one of its segments."""
    @property
    def runs(self) -> list[tuple[str, int]]:
        """Run id and number of rows of each run."""
    @property
    def summaries(self) -> list[Summary]: ...
    @property
    def min_step(self) -> int: ...
    @property
    def max_step(self) -> int: ...
    @property
    def min_timestamp(self) -> int: ...
    @property
    def max_timestamp(self) -> int: ...

def seal(
    journals: str,
    segments: str,
    ranges: Sequence[_Range],
    experiment_of: Mapping[str, str],
    *,
    ledger: Mapping[str, Sequence[LedgerEntry]] | None = None,
    threads: int = 1,
    hook: Callable[[str], object] | None = None,
) -> list[Sealed]:
    """Write the points of `ranges` into sorted segments, one for each experiment.

    Args:
        experiment_of: Experiment id of each run; a run that is not in it goes to the experiment `lost`.
        ledger: What writers have not stored by now, by their ids; kept in the segments of the runs' experiments.
        threads: Threads that encode.
        hook: Called after each step with its name: `read`, `sorted`, `written`, `synced`, `renamed`. What it raises is
            raised in the end, and then no catalog will know the segments.
    """

@final
class SegmentInfo:
    """What a segment says of itself."""

    @property
    def segment_id(self) -> str: ...
    @property
    def experiment_id(self) -> str: ...
    @property
    def seal_id(self) -> str: ...
    @property
    def siblings(self) -> list[tuple[str, str, int]]:
        """Segment id, experiment id and rows of each segment of that seal, itself included."""
    @property
    def rows(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def ranges(self) -> list[_Range]:
        """The journal ranges of that seal; each point of them is here or in a sibling."""
    @property
    def replaces(self) -> list[str]:
        """Ids of the segments whose rows this one took over, and of those that these had taken over."""
    @property
    def seals(self) -> list[tuple[str, list[tuple[str, str, int]], list[_Range]]]:
        """Of a compacted segment, id, siblings and ranges of each seal that its rows come from; else empty."""
    @property
    def ledger(self) -> list[tuple[str, LedgerEntry]]:
        """What writers had not stored of runs of the experiment when it was made, each with the writer's id."""

def compact(
    segments: str,
    inputs: Sequence[str],
    *,
    drop_runs: AbstractSet[str] = ...,
    threads: int = 1,
    progress: Callable[[int], bool | None] | None = None,
    hook: Callable[[str], object] | None = None,
) -> Sealed | None:
    """Write the rows of segments of one experiment into a new one, which has no summaries: they are what they were.

    Args:
        segments: The folder of segments, to which `inputs` are relative.
        drop_runs: Runs whose rows are left out.
        threads: Threads that encode.
        progress: Called now and then with the number of rows that are written; False stops the work.
        hook: Called after each step with its name: `compact.checked`, `compact.written`, `compact.synced`,
            `compact.renamed`.

    Returns:
        None when it was stopped; nothing is left then.

    Raises:
        FileNotFoundError: an input is gone.
        Corrupt: an input is not what was written.
        InvalidInput: the inputs are of two experiments, or two of them hold the same points.
    """

def verify_segment(path: str) -> SegmentInfo:
    """Read a whole segment and check it against what it says of itself.

    Raises:
        Corrupt: it is not what was written.
    """

def segment_info(path: str) -> SegmentInfo:
    """Read what a segment says of itself, but not whether it is whole.

    Raises:
        Corrupt: it is no segment, or its footer is not what was written.
    """

def summarise_segment(path: str) -> Sealed:
    """Read a whole segment once, check it as `verify_segment` does, and report it as the seal that made it did.

    Memory goes with the number of its series, not of its points.

    Raises:
        Corrupt: it is not what was written.
    """

@final
class TableFile:
    """Many small Arrow tables in one mapped file, of which only what is asked for is read; see `write_table_file`."""

    def __new__(cls, path: str) -> TableFile:
        """Map a file. What it hands out stays as it is when the file is replaced or removed.

        Raises:
            Corrupt: the file is not whole.
            StoreError: there is none, or it cannot be mapped.
        """

    @property
    def metadata(self) -> str:
        """What `write_table_file` was given."""

    def tables(self, section: str) -> list[tuple[str, int]]:
        """Return key and number of rows of each table of a section, in the order in which they were written."""

    def table(self, section: str, key: str) -> ArrowStream | None:
        """Return a table, without copying it; None when there is none of that name.

        Raises:
            Corrupt: its bytes are not those that were written.
        """

def write_table_file(path: str, metadata: str, tables: Iterable[tuple[str, str, _ArrowStreamExporter]]) -> None:
    """Write tables into a file that appears under its name when it is whole, in place of one that has the name.

    The file is not synced: it is for what can be made anew.

    Args:
        tables: Section, key and content of each; section and key together name a table once.
    """
