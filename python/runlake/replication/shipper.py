"""Shipper: sends what one store has to one server, in the calling thread.

Runs go before their points, and the end of a run after its points and artifacts, so that whoever sees at the server
that a run has ended sees all of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from runlake import _engine, accounts
from runlake.catalog import ExperimentState, RunState, UnstoredPoints, unstored_points
from runlake.catalog.changes import Conflict
from runlake.errors import NotFound
from runlake.replication import wire
from runlake.replication.files import FileShipper
from runlake.replication.peer import Behind, Have

if TYPE_CHECKING:
    from runlake.replication.peer import Peer
    from runlake.replication.progress import Progress
    from runlake.store import Store

_log = logging.getLogger("runlake")

BATCH_POINTS: Final = 1 << 18
"""Points of a request: 7 MiB before they are compressed."""

_BATCH_RUNS: Final = 200
_BATCH_CHARACTERS: Final = 2 << 20
_MOST_IDS: Final = 500
_TRIES: Final = 5
_ASK_S: Final = 10.0

Pack = Callable[[int], tuple[bytes, int]]
"""Gives points from a seq on, packed, and the first seq that is not among them."""


class Shipper:
    """One store and one server.

    Attributes:
        number: The server's number in the catalog of the store.
        files: What sends artifacts.
    """

    def __init__(self, store: Store, peer: Peer, server_id: str, progress: Progress, *, lifecycle: bool = True) -> None:
        """Prepare; nothing is sent.

        Args:
            server_id: Id of the server's store.
            lifecycle: Whether deleting and restoring a run here is done there as well.
        """
        self.peer = peer
        self.number = store.catalog.server(server_id, str(peer))
        self.files = FileShipper(store, peer, self.number, progress)
        self._store = store
        self._progress = progress
        self._lifecycle = lifecycle
        self._have: dict[str, Have] = {}
        self._told: dict[tuple[str, str, str], int] = {}

    # -- runs

    def send_runs(self, run_ids: Collection[str] | None = None, *, hold_ends: bool = False) -> None:
        """Send what is new of runs and of their experiments.

        Args:
            run_ids: Only these; None means all, and experiments without runs.
            hold_ends: Leave out that a run has ended.
        """
        if run_ids is None:
            self._put([], self._store.catalog.unsent_experiments(self.number))
        for states in self._unsent(run_ids):
            sent = [state.without_end() if hold_ends else state for state in states]
            for batch in _batches([state for state in sent if state is not None]):
                wanted = {state.experiment_id for state in batch}
                again = self._put(batch, self._store.catalog.unsent_experiments(self.number, wanted))
                if again:
                    self.send_runs(again, hold_ends=hold_ends)
            self._progress.runs += sum(now is then for now, then in zip(states, sent, strict=True))

    def _unsent(self, run_ids: Collection[str] | None) -> Iterator[list[RunState]]:
        wanted = None if run_ids is None else list(run_ids)
        parts = [None] if wanted is None else [wanted[i : i + _MOST_IDS] for i in range(0, len(wanted), _MOST_IDS)]
        for part in parts:
            after = 0
            while True:
                states, after = self._store.catalog.unsent_runs(self.number, part, limit=_BATCH_RUNS, after=after)
                if not states:
                    break
                yield states

    def _put(self, runs: Sequence[RunState], experiments: Sequence[ExperimentState]) -> list[str]:
        """Send runs, and return those that have to be sent again because one of the two stores was set back."""
        if not runs and not experiments:
            return []
        accepted = self.peer.put_runs(
            self._store.catalog.store_id,
            [wire.experiment_to_json(self._named(state)) for state in experiments],
            [wire.run_to_json(state, lifecycle=self._lifecycle) for state in runs],
        )
        conflicts = [
            Conflict(said["run_id"], said["key"], said["refused"], said["kept"]) for said in accepted.conflicts
        ]
        ahead = {s.run_id: v for s in runs if (v := accepted.versions.get(s.run_id, 0)) > s.version}
        overtaken = self._store.catalog.catch_up(ahead) if ahead else []
        news = self._store.catalog.mark_sent(
            self.number,
            [state for state in runs if state.run_id in accepted.versions and state.run_id not in overtaken],
            [(state, accepted.experiments.get(state.experiment_id, state.experiment_id)) for state in experiments],
            conflicts,
        )
        for conflict in news:
            _log.warning("%s at %s", conflict, self.peer)
        if accepted.behind:
            self._store.catalog.forget_sent(self.number, accepted.behind)
        return [*overtaken, *accepted.behind]

    def _named(self, state: ExperimentState) -> ExperimentState:
        """Return an experiment with the name that the server has it under, if it is known here by its id alone."""
        if state.name != wire.unknown_name(state.experiment_id):
            return state
        said = self.peer.experiment(experiment_id=state.experiment_id, within_s=_ASK_S)
        return state if said is None else replace(state, name=str(said["name"]))

    # -- points

    def have(self, writers: Collection[str]) -> dict[str, Have]:
        """Return up to where the server has the points of writers; it is asked about those that it was not yet."""
        unknown = [writer for writer in writers if writer not in self._have]
        if unknown:
            self._have |= self.peer.have(unknown)
        return {writer: self._have[writer] for writer in writers}

    def ask(self, writers: Collection[str], *, durability: str | None = None) -> dict[str, Have]:
        """Ask the server up to where it has the points of writers, whatever it said before."""
        found = self.peer.have(writers, durability=durability)
        self._have |= found
        return found

    def forget(self) -> None:
        """Forget what the server was known to have: after it was away, it may be less."""
        self._have.clear()
        self._told.clear()

    def send_journals(self, wanted: Mapping[str, int], journals: _engine.Journals | None = None) -> None:
        """Send the points of writers that are in their journals, of each those before a seq.

        Args:
            journals: None opens them now.
        """
        known = self.have(wanted)
        lacking = {writer: upto for writer, upto in wanted.items() if known[writer].have < upto}
        if not lacking:
            return
        self._progress.points_left = sum(upto - known[writer].have for writer, upto in lacking.items())
        journals = self._store.journals(list(lacking)) if journals is None else journals
        for writer, first, end in journals.writers():
            if writer in lacking:
                self._send(writer, first, min(end, lacking[writer]), _packer(journals, writer))
        self._progress.points_left = 0

    def send_segments(self) -> None:
        """Send the points that are in segments, of all writers."""
        from runlake import query  # brings Polars, which a process that only logs does without

        for stretch in query.points_by_seq(self._store, self._lacking):

            def pack(first: int, stretch: query.Stretch = stretch) -> tuple[bytes, int]:
                return _engine.pack_points(stretch.rows(first, BATCH_POINTS), stretch.writer, first)

            self._progress.points_left = stretch.upto - stretch.first
            self._send(stretch.writer, stretch.first, stretch.upto, pack)
        self._progress.points_left = 0

    def send_ledger(self, entries: Mapping[str, Sequence[UnstoredPoints]]) -> None:
        """Send what writers have not stored, by their ids, as far as the server was not told by this object."""
        new = [
            (writer, entry)
            for writer, of_writer in entries.items()
            for entry in of_writer
            if unstored_points(entry) > self._told.get((writer, entry.run_id, entry.key), 0)
        ]
        for start in range(0, len(new), accounts.MOST):
            part = new[start : start + accounts.MOST]
            self.peer.put_ledger([accounts.account_to_json(writer, entry) for writer, entry in part])
            self._told |= {(writer, entry.run_id, entry.key): unstored_points(entry) for writer, entry in part}

    def note_points(self, writers: Collection[str]) -> None:
        """Write down up to where the server has the points of writers, for those who ask while it is away."""
        self._store.catalog.mark_points_sent(
            self.number, {writer: self._have[writer].have for writer in writers if writer in self._have}
        )

    def _lacking(self, writers: Sequence[str]) -> dict[str, int]:
        return {writer: known.have for writer, known in self.have(writers).items()}

    def _send(self, writer: str, begin: int, upto: int, pack: Pack) -> None:
        """Send the points from `begin` to `upto`; what the server has is not sent again, what is before is a gap."""
        tries, has_sent_runs = 0, False
        while (have := self.have([writer])[writer].have) < upto:
            first = max(have, begin)
            batch, end = pack(first)
            try:
                self._have[writer] = self.peer.put_points(writer, first, batch, gap_from=have if first > have else None)
            except Behind:
                tries += 1
                if tries >= _TRIES:
                    raise
                self.ask([writer])
                continue
            except NotFound:
                if has_sent_runs:
                    raise
                has_sent_runs = True
                self._send_runs_again(writer)
                continue
            self._progress.points += end - first
            self._progress.points_left = max(0, self._progress.points_left - (end - first))

    def _send_runs_again(self, writer: str) -> None:
        """Send the runs of a writer as if the server had never had them: it lacks one that it has acknowledged."""
        runs = self._store.catalog.runs_of(writer)
        self._store.catalog.forget_sent(self.number, runs)
        self.send_runs(runs, hold_ends=True)


def _packer(journals: _engine.Journals, writer: str) -> Pack:
    return lambda first: journals.pack(writer, first, BATCH_POINTS)


def _batches(states: Sequence[RunState]) -> Iterator[list[RunState]]:
    """Divide runs so that no request is much longer than it need be."""
    batch: list[RunState] = []
    room = _BATCH_CHARACTERS
    for state in states:
        size = _characters(state)
        if batch and size > room:
            yield batch
            batch, room = [], _BATCH_CHARACTERS
        batch.append(state)
        room -= size
    if batch:
        yield batch


def _characters(state: RunState) -> int:
    texts = [*state.params.items(), *state.tags.items()]
    datasets = [entry.dataset for entry in state.inputs]
    return (
        sum(len(key) + len(value) for key, value in texts)
        + sum(len(d.source) + len(d.schema or "") + len(d.profile or "") for d in datasets)
        + 200 * (1 + len(state.writers))
    )
