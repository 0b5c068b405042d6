"""Promotions of a catalog: which version a stage or an alias means. Each change adds an event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from runlake.catalog.events import Stamp, add_event
from runlake.catalog.gates import read_state
from runlake.catalog.in_use import require_unused
from runlake.catalog.model_versions import find_model, find_version, read_version, touch_model, touch_version
from runlake.catalog.part import Part

if TYPE_CHECKING:
    from runlake.catalog.session import Session
    from runlake.entities import ModelVersion
    from runlake.promotion import PromotionState

_NOTHING: Final[Mapping[str, Any]] = {}


class Promotions(Part):
    """What a catalog lets stages and aliases mean.

    A promotion is judged before its transaction, which reads again what it was judged by, `state`; None is that the
    target has no gate. When that is not so any more, nothing is changed, and it has to be judged again.
    """

    def move_version(
        self,
        name: str,
        version: int,
        stage: str,
        *,
        archive: bool,
        stamp: Stamp,
        state: PromotionState | None,
        told: Mapping[str, Any] = _NOTHING,
    ) -> ModelVersion | None:
        """Move a version to a stage; with `archive`, those that are there go to Archived, all at once.

        Args:
            told: More for the event.

        Returns:
            None when it has to be judged again.
        """
        with self._database.writing() as session:
            model = find_version(session, name, version)
            if read_state(session, model, name, version, stage) != state:
                session.cancel()
                return None
            before = read_version(session, model, version).current_stage
            archived = _archive_others(session, model, version, stage, stamp) if archive else []
            touch_version(session, model, version, stamp, "stage = ?", stage)
            touch_model(session, model, stamp)
            moved = {"stage": stage, "before": before, "archived": archived}
            add_event(session, stamp, "move_version", model, name, version, **moved, **told)
            return read_version(session, model, version)

    def set_alias(
        self,
        name: str,
        alias: str,
        version: int,
        *,
        stamp: Stamp,
        state: PromotionState | None,
        told: Mapping[str, Any] = _NOTHING,
    ) -> bool:
        """Let an alias mean a version, and no longer the one that it meant before.

        Returns:
            False when it has to be judged again.

        Raises:
            NotFound: there is no such version.
        """
        with self._database.writing() as session:
            model = find_version(session, name, version)
            if read_state(session, model, name, version, f"@{alias}") != state:
                session.cancel()
                return False
            before = session.one("SELECT version FROM model_alias WHERE model = ? AND alias = ?", (model, alias))
            session.run(
                "INSERT INTO model_alias (model, alias, version) VALUES (?, ?, ?)"
                " ON CONFLICT (model, alias) DO UPDATE SET version = excluded.version",
                (model, alias, version),
            )
            said = {"alias": alias, "before": before[0] if before else None}
            add_event(session, stamp, "set_alias", model, name, version, **said, **told)
        return True

    def delete_alias(self, name: str, alias: str, stamp: Stamp) -> None:
        """Remove an alias; nothing happens when there is none."""
        with self._database.writing() as session:
            model = find_model(session, name)
            row = session.one("SELECT version FROM model_alias WHERE model = ? AND alias = ?", (model, alias))
            if row is not None:
                session.run("DELETE FROM model_alias WHERE model = ? AND alias = ?", (model, alias))
                add_event(session, stamp, "delete_alias", model, name, row[0], alias=alias)

    def delete_version(self, name: str, version: int, stamp: Stamp) -> None:
        """Remove a version with the aliases that mean it; its number is not used again.

        Raises:
            VersionInUse: it is what a target with a gate means.
        """
        with self._database.writing() as session:
            model = find_version(session, name, version)
            require_unused(session, model, version)
            deleted = read_version(session, model, version)
            session.run("DELETE FROM model_version WHERE model = ? AND version = ?", (model, version))
            touch_model(session, model, stamp)
            told = {"source": deleted.source, "run_id": deleted.run_id, "stage": deleted.current_stage}
            add_event(session, stamp, "delete_version", model, name, version, **told, aliases=deleted.aliases)


def _archive_others(session: Session, model: int, version: int, stage: str, stamp: Stamp) -> list[int]:
    """Move every other version of a stage to Archived, and return which these are."""
    rows = session.all(
        "SELECT version FROM model_version WHERE model = ? AND stage = ? AND version != ? ORDER BY version",
        (model, stage, version),
    )
    for (other,) in rows:
        touch_version(session, model, other, stamp, "stage = ?", "Archived")
    return [other for (other,) in rows]
