"""Receiving: runs and experiments that another store sends, merged into this catalog.

A store is known by its id, and what it sends of a run by the number of the transaction that changed it there: what is
not newer than what it has sent before is ignored, so that sending again is harmless. Experiments merge by name.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from runlake.catalog.changes import Change, Conflict, find_run, put_late
from runlake.catalog.experiments import put_experiment_tags
from runlake.catalog.inputs import put_inputs
from runlake.catalog.part import Part, clock_ms
from runlake.catalog.replicas import put_replica
from runlake.catalog.writers import WriterInfo
from runlake.entities import DatasetInput
from runlake.errors import NotFound

if TYPE_CHECKING:
    from runlake.catalog.session import Session

_UNDER_WAY: Final = ("RUNNING", "SCHEDULED")
_WORST_FIRST: Final = ("FAILED", "KILLED", "FINISHED")


@dataclass(frozen=True)
class ReceivedExperiment:
    """An experiment under the id that it has in the store it comes from; `tags` are to be set."""

    experiment_id: str
    name: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReceivedRun:
    """What is new of a run since its store sent it last. Times are milliseconds since 1970.

    Attributes:
        change: Name, parameters, tags and, when it has changed, status with end.
        experiment_id: Of its experiment, in the store it comes from.
        version: The transaction that changed it last, there.
        deleted: Whether it was deleted or restored; None when neither.
        writers: Whose points it has.
        after: The version that it was told is here, to which this is the difference; 0 when this is all of the run.
    """

    change: Change
    experiment_id: str
    version: int
    user_id: str = ""
    start_ms: int = 0
    deleted: bool | None = None
    inputs: Sequence[DatasetInput] = ()
    writers: Sequence[WriterInfo] = ()
    after: int = 0


@dataclass(frozen=True)
class Receipt:
    """The ids that experiments have here, the version of each run that is here now, and refused parameters.

    `behind` are runs of which this catalog lacks what the sender was told is here; nothing of them was taken in.
    """

    experiments: Mapping[str, str]
    versions: Mapping[str, int]
    conflicts: Sequence[Conflict]
    behind: Sequence[str] = ()


@dataclass(frozen=True)
class ReceivedFile:
    """An artifact that was checked when it came: its size, time of change and digest."""

    path: str
    size: int
    mtime_ns: int
    sha256: str


class Receiving(Part):
    """What other stores have sent."""

    def receive(self, source: str, experiments: Sequence[ReceivedExperiment], runs: Sequence[ReceivedRun]) -> Receipt:
        """Take in experiments and runs of another store, all or none.

        A parameter that has another value keeps it. A run ends when it has ended in all stores that send it, and fails
        if it failed in one. One that somebody deleted here stays deleted until it is restored there.

        Raises:
            NotFound: a run is of an experiment that has not been sent.
        """
        with self._database.writing() as session:
            numbers = {e.experiment_id: _merge_experiment(session, source, e) for e in experiments}
            versions, conflicts, behind = dict[str, int](), list[Conflict](), list[str]()
            for run in runs:
                number, known = _known(session, source, run)
                if _is_behind(run, number, known):
                    behind.append(run.change.run_id)
                    continue
                if run.version > known:
                    if number is None:
                        number = _create(session, run, _experiment_of(session, source, run, numbers))
                    conflicts += _merge_run(session, source, number, run)
                versions[run.change.run_id] = max(known, run.version)
            ids = {local_id: _experiment_id(session, number) for local_id, number in numbers.items()}
        return Receipt(ids, versions, conflicts, behind)

    def received_files(self, run_id: str) -> dict[str, ReceivedFile]:
        """Return what is known of artifacts of a run that came from other stores, by path."""
        with self._database.reading() as session:
            rows = session.all(
                "SELECT f.path, f.size, f.mtime_ns, f.sha256 FROM received_file f JOIN run r USING (run)"
                " WHERE r.run_id = ?",
                (run_id,),
            )
        return {row[0]: ReceivedFile(*row) for row in rows}

    def note_received_file(self, run_id: str, file: ReceivedFile) -> None:
        """Note that an artifact came from another store, and what it was."""
        with self._database.writing() as session:
            session.run(
                "INSERT OR REPLACE INTO received_file (run, path, size, mtime_ns, sha256) VALUES (?, ?, ?, ?, ?)",
                (find_run(session, run_id)[0], file.path, file.size, file.mtime_ns, file.sha256),
            )

    def received_experiments(self, source: str, local_ids: Collection[str]) -> dict[str, str]:
        """Return the experiments that stand for some of another store, by their ids there."""
        with self._database.reading() as session:
            numbers = {local_id: _received_experiment(session, source, local_id) for local_id in local_ids}
            return {
                local_id: _experiment_id(session, number) for local_id, number in numbers.items() if number is not None
            }


def _merge_experiment(session: Session, source: str, sent: ReceivedExperiment) -> int:
    """Return the number of the experiment that stands for one of another store; it is made when there is none."""
    number = _received_experiment(session, source, sent.experiment_id)
    if number is None:
        row = session.one("SELECT experiment FROM experiment WHERE name = ? AND deleted = 0", (sent.name,))
        number = _create_experiment(session, sent) if row is None else int(row[0])
        session.run(
            "INSERT OR REPLACE INTO received_experiment (source, local_id, experiment) VALUES (?, ?, ?)",
            (source, sent.experiment_id, number),
        )
    if sent.tags:
        put_experiment_tags(session, number, sent.tags)
        session.run("UPDATE experiment SET tx = ? WHERE experiment = ?", (session.tx, number))
    return number


def _received_experiment(session: Session, source: str, local_id: str) -> int | None:
    """Return the number of the experiment that stood for one of another store so far, unless it was deleted."""
    row = session.one(
        "SELECT experiment FROM received_experiment JOIN experiment USING (experiment)"
        " WHERE source = ? AND local_id = ? AND deleted = 0",
        (source, local_id),
    )
    return None if row is None else int(row[0])


def _create_experiment(session: Session, sent: ReceivedExperiment) -> int:
    """Make an experiment. It keeps its id unless that is taken, so that the stores have one name for it."""
    taken = session.one("SELECT 1 FROM experiment WHERE experiment_id = ?", (sent.experiment_id,))
    experiment_id = sent.experiment_id if taken is None else str(10**17 + secrets.randbelow(9 * 10**17))
    now_ms = clock_ms()
    return session.insert(
        "INSERT INTO experiment (experiment_id, name, created_ms, updated_ms, tx) VALUES (?, ?, ?, ?, ?)",
        (experiment_id, sent.name, now_ms, now_ms, session.tx),
    )


def _experiment_id(session: Session, experiment: int) -> str:
    return str(session.all("SELECT experiment_id FROM experiment WHERE experiment = ?", (experiment,))[0][0])


def _experiment_of(session: Session, source: str, run: ReceivedRun, numbers: Mapping[str, int]) -> int:
    number = numbers.get(run.experiment_id)
    if number is None:
        number = _received_experiment(session, source, run.experiment_id)
    if number is None:
        raise NotFound(f"run {run.change.run_id} is of experiment {run.experiment_id!r}, which was not sent")
    return number


def _known(session: Session, source: str, run: ReceivedRun) -> tuple[int | None, int]:
    """Return the number of a run, None when it is new, and the version that its store sent last."""
    row = session.one(
        "SELECT r.run, coalesce(v.version, -1) FROM run r LEFT JOIN received_run v ON v.run = r.run AND v.source = ?"
        " WHERE r.run_id = ?",
        (source, run.change.run_id),
    )
    return (None, -1) if row is None else (int(row[0]), int(row[1]))


def _is_behind(run: ReceivedRun, number: int | None, known: int) -> bool:
    """Tell whether a run is the difference to something that is not here: this is an older catalog, or another one.

    Of a run that is here and never came from that store, it has learnt by asking.
    """
    return run.after > max(known, 0) and (number is None or known >= 0)


def _create(session: Session, run: ReceivedRun, experiment: int) -> int:
    """Make a run that nobody here owns, so that no restart ends it."""
    return session.insert(
        "INSERT INTO run (run_id, experiment, name, user_id, status, start_ms, owned, tx)"
        " VALUES (?, ?, ?, ?, 'RUNNING', ?, 0, ?)",
        (run.change.run_id, experiment, run.change.name or "", run.user_id, run.start_ms, session.tx),
    )


def _merge_run(session: Session, source: str, number: int, run: ReceivedRun) -> list[Conflict]:
    status = run.change.status
    session.run(
        "INSERT INTO received_run (run, source, version, status) VALUES (?, ?, ?, ?) ON CONFLICT (run, source)"
        " DO UPDATE SET version = excluded.version, status = coalesce(excluded.status, status)",
        (number, source, run.version, status),
    )
    change = run.change
    if status is not None:
        common = _common_status(session, source, number, status)
        still_running = common in _UNDER_WAY and status not in _UNDER_WAY
        change = replace(
            change, status=None if still_running else common, end_ms=None if still_running else change.end_ms
        )
    conflicts = put_late(session, number, change)
    if run.deleted is not None:
        was = int(not run.deleted)
        since_ms = clock_ms() if run.deleted else None
        session.run(
            "UPDATE run SET deleted = ?, deleted_ms = ? WHERE run = ? AND deleted = ?", (1 - was, since_ms, number, was)
        )
    put_inputs(session, number, find_run(session, change.run_id)[1], run.inputs)
    for writer in run.writers:
        put_replica(session, writer)  # it belongs to the run once points of it have come
    return conflicts


def _common_status(session: Session, source: str, run: int, status: str) -> str:
    """Return the status of a run that one store has just said has this one.

    Another store where it is still under way keeps it from ending. When it is taken up again and is under way nowhere
    else, how it ended before is forgotten.
    """
    others = {
        other
        for (other,) in session.all(
            "SELECT status FROM received_run WHERE run = ? AND source != ? AND status IS NOT NULL", (run, source)
        )
    }
    if status in _UNDER_WAY:
        if not others & set(_UNDER_WAY):
            session.run("UPDATE received_run SET status = NULL WHERE run = ? AND source != ?", (run, source))
        return status
    if others & set(_UNDER_WAY):
        return "RUNNING"
    return next(end for end in (*_WORST_FIRST, status) if end in others | {status})
