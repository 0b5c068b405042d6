"""Changes: what is recorded about a run after it was created, each in one transaction or, when it came late, mended in.

A change can wait in a journal's outbox while the catalog is locked. Whoever delivers it later must not fail: a
parameter that has got another value meanwhile keeps that one, and the refused value is kept as a conflict and as a tag.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Final

from runlake.catalog.part import Part, clock_ms
from runlake.catalog.typed import read_typed
from runlake.entities import RunStatus
from runlake.errors import InvalidInput, NotFound, ParameterChanged

if TYPE_CHECKING:
    from runlake.catalog.session import Session

RUN_NAME_TAG: Final = "mlflow.runName"
CONFLICT_TAG: Final = "runlake.conflict."


@dataclass(frozen=True)
class Change:
    """What is to be recorded about one run; `status` is a name of `RunStatus`, times are milliseconds since 1970.

    With a `leaver`, the writer of a process, it says that this process leaves the run with that status at that time.
    """

    run_id: str
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    deleted_tags: Sequence[str] = ()
    status: str | None = None
    end_ms: int | None = None
    name: str | None = None
    leaver: str | None = None

    def to_bytes(self) -> bytes:
        """Return the change as JSON, for an outbox."""
        return json.dumps({name: value for name, value in asdict(self).items() if value}).encode()

    @staticmethod
    def from_bytes(data: bytes) -> Change:
        """Read what `to_bytes` wrote; fields that a later version added are ignored.

        Raises:
            ValueError: it is something else.
        """
        said = json.loads(data)
        if not isinstance(said, dict) or not isinstance(said.get("run_id"), str):
            raise ValueError("an outbox item is not a change")
        return Change(**{name: said[name] for name in Change.__dataclass_fields__ if name in said})


@dataclass(frozen=True)
class Conflict:
    """A parameter that had a value when another one came late."""

    run_id: str
    key: str
    value: str
    kept: str

    def __str__(self) -> str:
        return f"parameter {self.key!r} of run {self.run_id} is already {self.kept!r} and did not become {self.value!r}"


class Changes(Part):
    """Parameters, tags and states of runs."""

    def apply(self, change: Change, *, wait_s: float | None = None) -> None:
        """Record a change, all of it or nothing.

        Args:
            wait_s: Longest wait for a locked catalog; None is the catalog's own.

        Raises:
            NotFound: there is no such run, or a tag that is to be deleted is not there.
            InvalidInput: the run is deleted.
            ParameterChanged: a parameter has another value.
            CatalogLocked: others kept the catalog for that long.
        """
        if change.status is not None:
            RunStatus.from_string(change.status)
        with self._database.writing(wait_s) as session:
            run = find_active_run(session, change.run_id)
            if changed := _put_params(session, run, change.params):
                key, kept = next(iter(changed.items()))
                raise ParameterChanged(
                    f"parameter {key!r} of run {change.run_id} is already {kept!r}"
                    f" and cannot become {change.params[key]!r}",
                    hint="parameters are written once; use a metric for a value that changes",
                )
            for key in change.deleted_tags:
                if not delete_tag(session, run, key):
                    raise NotFound(f"run {change.run_id} has no tag {key!r}")
            put_rest(session, run, change)

    def apply_late(self, change: Change, *, wait_s: float | None = None) -> list[Conflict]:
        """Record a change that was accepted some time ago, whatever became of the run since.

        Returns:
            The parameters that have got another value, which they keep.

        Raises:
            NotFound: there is no such run.
            CatalogLocked: others kept the catalog for that long.
        """
        with self._database.writing(wait_s) as session:
            return put_late(session, find_run(session, change.run_id)[0], change)

    def require_active(self, run_id: str) -> None:
        """Check that points may be logged to a run.

        Raises:
            NotFound: there is no such run.
            InvalidInput: the run is deleted.
        """
        with self._database.reading() as session:
            find_active_run(session, run_id)

    def conflicts(self, run_id: str) -> list[Conflict]:
        """Return the values that came too late for parameters of a run."""
        with self._database.reading() as session:
            run = find_run(session, run_id)[0]
            rows = session.all("SELECT key, value, kept FROM conflict WHERE run = ? ORDER BY found_ms, key", (run,))
        return [Conflict(run_id, *row) for row in rows]

    def log_batch(
        self,
        run_id: str,
        *,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        wait_s: float | None = None,
    ) -> None:
        """Set parameters and tags together; see `apply`."""
        self.apply(Change(run_id, params or {}, tags or {}), wait_s=wait_s)

    def delete_tag(self, run_id: str, key: str, *, wait_s: float | None = None) -> None:
        """Remove a tag; see `apply`."""
        self.apply(Change(run_id, deleted_tags=(key,)), wait_s=wait_s)

    def update_run(
        self,
        run_id: str,
        *,
        status: str | None = None,
        end_time: int | None = None,
        name: str | None = None,
        wait_s: float | None = None,
    ) -> None:
        """Change the attributes that are given; a run that is RUNNING again loses its end time. See `apply`."""
        self.apply(Change(run_id, status=status, end_ms=end_time, name=name), wait_s=wait_s)


def find_run(session: Session, run_id: str) -> tuple[int, int, int]:
    """Return number, experiment and deleted mark of a run.

    Raises:
        NotFound: there is none with that id.
    """
    row = session.one("SELECT run, experiment, deleted FROM run WHERE run_id = ?", (run_id,))
    if row is None:
        raise NotFound(f"there is no run {run_id!r}")
    return row


def put_tags(session: Session, run: int, tags: Mapping[str, str]) -> None:
    """Set tags of a run."""
    if tags:
        session.run_many(
            "INSERT INTO tag (run, key, value) VALUES (?, ?, ?)"
            " ON CONFLICT (run, key) DO UPDATE SET value = excluded.value",
            [(run, session.name(key), value) for key, value in tags.items()],
        )


def delete_tag(session: Session, run: int, key: str) -> bool:
    """Remove a tag of a run; return whether there was one."""
    return session.run("DELETE FROM tag WHERE run = ? AND key = ?", (run, session.name(key))) > 0


def find_active_run(session: Session, run_id: str) -> int:
    """Return the number of a run.

    Raises:
        NotFound: there is none with that id.
        InvalidInput: it is deleted.
    """
    run, _, deleted = find_run(session, run_id)
    if deleted:
        raise InvalidInput(f"run {run_id} is deleted", hint="bring it back with restore_run()")
    return run


def _put_params(session: Session, run: int, params: Mapping[str, str]) -> dict[str, str]:
    """Set parameters that have no value yet; return what those have that would change."""
    if not params:
        return {}
    keys = {session.name(key): key for key in params}
    added = session.run_many(
        "INSERT INTO param (run, key, value, kind, typed) VALUES (?, ?, ?, ?, ?) ON CONFLICT (run, key) DO NOTHING",
        [(run, number, params[key], *read_typed(params[key])) for number, key in keys.items()],
    )
    if added == len(keys):
        return {}
    kept = session.all("SELECT key, value FROM param WHERE run = ?", (run,))
    return {keys[number]: value for number, value in kept if number in keys and value != params[keys[number]]}


def put_late(session: Session, run: int, change: Change) -> list[Conflict]:
    """Record a change whatever became of the run, and return what could not be; see `Changes.apply_late`."""
    changed = _put_params(session, run, change.params)
    conflicts = [Conflict(change.run_id, key, change.params[key], kept) for key, kept in changed.items()]
    session.run_many(
        "INSERT OR IGNORE INTO conflict (run, key, value, kept, found_ms) VALUES (?, ?, ?, ?, ?)",
        [(run, c.key, c.value, c.kept, clock_ms()) for c in conflicts],
    )
    for key in change.deleted_tags:
        delete_tag(session, run, key)
    told = {CONFLICT_TAG + c.key: c.value for c in conflicts}
    put_rest(session, run, replace(change, tags={**told, **change.tags}))
    return conflicts


def put_rest(session: Session, run: int, change: Change) -> None:
    """Set tags, name, status and end of a run, and note that it changed."""
    tags = dict(change.tags) if change.name is None else {**change.tags, RUN_NAME_TAG: change.name}
    put_tags(session, run, tags)
    columns: dict[str, object] = {"tx": session.tx}
    if change.params:
        columns["param_tx"] = session.tx
    if tags or change.deleted_tags:
        columns["tag_tx"] = session.tx
    if RUN_NAME_TAG in tags:
        columns["name"] = tags[RUN_NAME_TAG]
    if change.status is not None:
        columns["status"] = change.status
    if change.end_ms is not None or change.status in ("RUNNING", "SCHEDULED"):
        columns["end_ms"] = change.end_ms
    assignments = ", ".join(f"{column} = ?" for column in columns)
    session.run(f"UPDATE run SET {assignments} WHERE run = ?", (*columns.values(), run))
