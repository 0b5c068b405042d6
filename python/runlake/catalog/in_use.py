"""In use, and not to be deleted: versions that targets with a gate mean, and the logged models they are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runlake.errors import VersionInUse

if TYPE_CHECKING:
    from runlake.catalog.session import Session

_IN_USE: Final = """
    SELECT g.target, v.version, m.name
    FROM model_version v JOIN model_gate g USING (model) JOIN registered_model m USING (model)
    WHERE {which} AND (v.stage = g.target OR EXISTS (
        SELECT 1 FROM model_alias a WHERE a.model = v.model AND a.version = v.version AND '@' || a.alias = g.target))
    ORDER BY m.name, v.version LIMIT 1"""


def require_unused(session: Session, model: int, version: int | None = None) -> None:
    """Refuse to delete a version, or all of a model, that a target with a gate means.

    Raises:
        VersionInUse: there is such a target.
    """
    which = "v.model = ?1 AND (?2 IS NULL OR v.version = ?2)"
    row = session.one(_IN_USE.format(which=which), (model, version))
    if row is not None:
        target, used, name = row
        raise VersionInUse(
            f"version {used} of {name!r} is what {target} means, which has a gate; it cannot be deleted",
            hint=_hint(target),
        )


def require_unused_logged_model(session: Session, model_id: str) -> None:
    """Refuse to delete a logged model that is what a target with a gate leads to.

    Raises:
        VersionInUse: there is such a target.
    """
    which = "v.model IN (SELECT model FROM model_gate) AND v.model_id = ?"  # the few models that have gates
    row = session.one(_IN_USE.format(which=which), (model_id,))
    if row is not None:
        target, used, name = row
        raise VersionInUse(
            f"logged model {model_id!r} is version {used} of {name!r}, which is what {target} means, which has a gate;"
            " it cannot be deleted",
            hint=_hint(target),
        )


def _hint(target: str) -> str:
    return f"promote another version to {target}, or delete its gate"
