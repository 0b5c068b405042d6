"""Bulk changes of a catalog: the same tags, or the same fate, for many runs in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from runlake.catalog.changes import Change, delete_tag, put_rest
from runlake.catalog.part import Part, clock_ms
from runlake.catalog.runs import REMOVED
from runlake.catalog.session import placeholders

if TYPE_CHECKING:
    from runlake.catalog.session import Session

_MOST_VALUES: Final = 500


@dataclass(frozen=True)
class BulkChange:
    """What becomes of runs: tags that are set and removed, and with `deleted` whether they are marked so from now on.

    A run that is brought back takes its tags, and so does one before it is deleted.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    removed_tags: Sequence[str] = ()
    deleted: bool | None = None


class Bulk(Part):
    """Changes of many runs."""

    def change_runs(self, run_ids: Sequence[str], change: BulkChange) -> dict[str, str]:
        """Change runs, each as a whole or not at all; a tag that is to be removed need not be there.

        Returns:
            Why a run was left as it is, by id.
        """
        refused: dict[str, str] = {}
        with self._database.writing() as session:
            for start in range(0, len(run_ids), _MOST_VALUES):
                part = run_ids[start : start + _MOST_VALUES]
                found = _found(session, part)
                for run_id in part:
                    if (reason := _refusal(run_id, found.get(run_id), change)) is not None:
                        refused[run_id] = reason
                    else:
                        _apply(session, run_id, *found[run_id], change)
            if len(refused) == len(run_ids):
                session.cancel()
        return refused


def _found(session: Session, run_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return numbers and deleted marks of the runs that there are."""
    rows = session.all(
        f"SELECT run_id, run, deleted FROM run WHERE run_id IN ({placeholders(len(run_ids))})", list(run_ids)
    )
    return {run_id: (run, deleted) for run_id, run, deleted in rows}


def _refusal(run_id: str, found: tuple[int, int] | None, change: BulkChange) -> str | None:
    if found is None:
        return f"there is no run {run_id!r}"
    if found[1] == REMOVED:
        return f"run {run_id} is being removed for good"
    if found[1] and change.deleted is None:
        return f"run {run_id} is deleted"
    if found[1] and change.deleted and (change.tags or change.removed_tags):
        return f"run {run_id} is deleted already and takes no tags"
    return None


def _apply(session: Session, run_id: str, run: int, was_deleted: int, change: BulkChange) -> None:
    if change.tags or change.removed_tags:
        for key in change.removed_tags:
            delete_tag(session, run, key)
        put_rest(session, run, Change(run_id, tags=change.tags, deleted_tags=change.removed_tags))
    if change.deleted is not None and change.deleted != bool(was_deleted):
        session.run(
            "UPDATE run SET deleted = ?, deleted_ms = ?, tx = ? WHERE run = ?",
            (change.deleted, clock_ms() if change.deleted else None, session.tx, run),
        )
