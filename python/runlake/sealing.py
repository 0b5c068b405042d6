"""Sealing: moves points from journals into segments, so that no reader ever misses one or sees it twice.

Write the segments, commit them together with the writers' `sealed` in one transaction, and only then let go of journal
files. Until the commit the points are in the journal alone, from then on in the segment alone: `sealed` decides.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from runlake import _engine
from runlake.catalog import Catalog, GapInfo, Range
from runlake.config import Config
from runlake.errors import Corrupt, StoreError
from runlake.losses import note_gaps, without_gaps

_log = logging.getLogger("runlake")

Hook = Callable[[str], object]
"""Called after each step with its name: read, sorted, written, synced, renamed, committed, trimmed; of a compaction
compact.checked, compact.written, compact.synced, compact.renamed, compact.committed, from the thread that does it."""

BYTES_PER_POINT: Final = 28
"""What a point takes up in a journal."""

Accounts = Mapping[str, Sequence[_engine.LedgerEntry]]
"""What writers have not stored, by writer id."""

_RETRY_S = 5.0
_LOOK_MS = 500


class Segments:
    """Where sealed points go: the folder of segments, and the catalog that says which of its files count."""

    def __init__(self, journals: Path, segments: Path, catalog: Catalog, hook: Hook | None) -> None:
        self.journals = journals
        self.folder = segments
        self.catalog = catalog
        self.hook = hook
        self.after_seal: Callable[[], object] = bool

    def seal(self, held: Sequence[Range], claimed: Sequence[Range], ledger: Accounts | None = None) -> bool:
        """Make segments of the points in `held` and the catalog's `claimed` ranges sealed; False if others were faster.

        Args:
            held: What the journals give; `claimed` without what they lost.
            claimed: One range a writer, from its first point that no segment holds.
            ledger: What writers have not stored by now, by their ids.
        """
        written: list[_engine.Sealed] = []
        if held:
            runs = _engine.runs_in(str(self.journals), held)
            experiments = self.catalog.run_experiment(runs)
            written = _engine.seal(
                str(self.journals), str(self.folder), held, experiments, ledger=ledger, hook=self.hook
            )
        try:
            won = self.catalog.commit_seal(claimed, written, ledger)
        except BaseException:
            self._delete_unlisted(written)  # the commit may have succeeded all the same
            raise
        if not won:
            self._delete_unlisted(written)
            return False
        if self.hook is not None:
            self.hook("committed")
        self.after_seal()
        return True

    def replace(self, inputs: Sequence[str], new: _engine.Sealed, dropped: Collection[str]) -> bool:
        """List a compacted segment in the place of others, given by id; False, and it is removed, if these are gone."""
        try:
            won = self.catalog.replace_segments(inputs, new, dropped=dropped)
        except BaseException:
            self._delete_unlisted([new])
            raise
        if not won:
            self._delete_unlisted([new])
        elif self.hook is not None:
            self.hook("compact.committed")
        return won

    def _delete_unlisted(self, written: Sequence[_engine.Sealed]) -> None:
        """Delete files of our own that the catalog does not list; when it cannot be asked, leave them."""
        with contextlib.suppress(StoreError, OSError):
            for segment in written:
                if not self.catalog.has_segment(segment.segment_id):
                    (self.folder / segment.path).unlink(missing_ok=True)


def pieces_of(ranges: Iterable[Range], seal_bytes: int) -> Iterator[list[Range]]:
    """Divide ranges, one a writer, into lists of ranges that each make a segment's worth and have a writer once."""
    room = most = max(1, seal_bytes // BYTES_PER_POINT)
    piece: list[Range] = []
    for writer_id, first, end in ranges:
        while first < end:
            upto = min(end, first + room)
            piece.append((writer_id, first, upto))
            room -= upto - first
            first = upto
            if room == 0:
                yield piece
                piece, room = [], most
    if piece:
        yield piece


class Sealer:
    """Seals the journal of this process: a thread while it grows, and whoever calls `seal`."""

    def __init__(self, writer: _engine.Writer, segments: Segments, config: Config) -> None:
        self._writer = writer
        self._segments = segments
        self._config = config
        self._mutex = threading.Lock()
        self._stopped = threading.Event()
        self._sealed = 0
        self._thread = threading.Thread(target=self._run, name="runlake-sealer", daemon=True)
        self._thread.start()

    def seal(self, *, min_bytes: int = 0, timeout_s: float = 3600.0) -> bool:
        """Seal what is in the journal now, in pieces, unless it is less than `min_bytes`.

        Only what is on the disk is sealed, so that the journal never forgets what segments and ledger say: after a
        power cut it could take a point for pending that is sealed, and store it once more.

        Returns:
            Whether no point that was there at the call is left; False when `timeout_s` passed between two pieces.
        """
        deadline = time.monotonic() + timeout_s
        if not self._mutex.acquire(timeout=timeout_s):
            return False
        try:
            stats = self._writer.stats()
            if min_bytes and not self._writer.wait_unsealed(min_bytes, 0):
                return self._sealed >= stats.committed
            if self._sealed >= stats.committed and self._is_due():
                self._seal_ledger(deadline)
            ledger = self._writer.ledger()
            if not self._sync(deadline):
                ledger = [entry for entry in ledger if _is_independent(entry)]
            end = min(stats.committed, self._writer.stats().durable)
            while self._sealed < end:
                if time.monotonic() >= deadline:
                    return False
                self._seal_piece(end, ledger)
            return self._sealed >= stats.committed
        finally:
            self._mutex.release()

    @property
    def sealed(self) -> int:
        """First seq that no segment holds."""
        return self._sealed

    def stop(self, timeout_s: float) -> None:
        """Wait for the thread to end, at most `timeout_s`; it does so once the writer is closed."""
        self._stopped.set()
        self._thread.join(timeout_s)

    def _is_due(self) -> bool:
        return self._writer.wait_unsealed(self._config.seal_bytes, 0)

    def _sync(self, deadline: float) -> bool:
        """Sync the journal where something is to be sealed; tell whether all of it is on the disk, ledger included."""
        if self._sealed < self._writer.stats().committed:
            try:
                self._writer.flush(_left_ms(deadline))
            except StoreError:  # what a full or failing disk has taken can be sealed all the same
                return False
        return True

    def _seal_ledger(self, deadline: float) -> None:
        """Commit the ledger alone, so that the journal may forget it: each sync writes it, where points are throttled.

        Raises:
            StoreError: it could not be synced before; see `seal`.
        """
        ledger = self._writer.ledger()
        self._writer.flush(_left_ms(deadline))
        self._segments.seal([], [], {self._writer.id: ledger})
        self._writer.trim(self._sealed)

    def _seal_piece(self, end: int, ledger: Sequence[_engine.LedgerEntry]) -> None:
        piece = max(1, self._config.seal_bytes // BYTES_PER_POINT)
        upto = min(end, self._sealed + piece)
        points = (self._writer.id, self._sealed, upto)
        told = {self._writer.id: ledger}
        try:
            won = self._segments.seal([points], [points], told)
        except Corrupt as error:
            held, points = self._without_losses(points, error)
            won = self._segments.seal(held, [points], told)
        self._sealed = points[2] if won else self._known_to_be_sealed()
        self._writer.trim(self._sealed)
        if self._segments.hook is not None:
            self._segments.hook("trimmed")

    def _without_losses(self, points: Range, error: Corrupt) -> tuple[list[Range], Range]:
        """Note what the journal has lost of some points; return those that it holds, and all that are accounted for.

        A loss is noted as a whole, so that whoever finds it later, after a crash, finds the same one.

        Raises:
            Corrupt: `error`, where the journal has lost nothing of them.
        """
        writer_id, first, upto = points
        journal = _engine.inspect(str(self._segments.journals), writer_id)
        gaps = [gap for gap in journal.gaps if gap.first < upto and gap.upto > first]
        if not gaps:
            raise error
        points = writer_id, first, max(upto, *(gap.upto for gap in gaps))
        lost = [GapInfo(max(gap.first, first), gap.upto, gap.reason, gap.file) for gap in gaps]
        note_gaps(self._segments.catalog, journal, lost)
        return list(without_gaps(points, gaps)), points

    def _known_to_be_sealed(self) -> int:
        known = self._segments.catalog.plan([], writers=[self._writer.id]).sealed
        if self._writer.id not in known:  # a forked child that has met a locked catalog
            raise StoreError(f"the catalog does not know the journal {self._writer.id} yet")
        return known[self._writer.id]

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                if self._writer.wait_unsealed(self._config.seal_bytes, _LOOK_MS):
                    before = self._sealed
                    self.seal(min_bytes=self._config.seal_bytes)
                    if self._sealed == before and self._is_due():
                        raise StoreError(self._writer.stats().last_error or "they are not on the disk yet")
            except Exception as error:  # NOTE: without this thread journals grow to their cap, and points are dropped
                _log.warning("points stay in the journal for now: %s: %s", type(error).__name__, error)
                self._stopped.wait(_RETRY_S)


def _is_independent(entry: _engine.LedgerEntry) -> bool:
    """Tell whether an entry counts no point that the journal on the disk may still have for the pending one."""
    return entry.pending is None and not entry.merged and "throttled" not in entry.dropped


def _left_ms(deadline: float) -> int:
    return max(0, round((deadline - time.monotonic()) * 1000))
