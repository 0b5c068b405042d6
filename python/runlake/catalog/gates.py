"""Gates of a catalog: rules of targets, approvals, results of checks, and what a promotion is judged by.

Rules are JSON; `reference` is the target that `better_than` names, so that its holders are found without reading the
rule. Everything hangs on the numbers of models and versions and goes with them.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Final

from runlake.catalog.events import Stamp, add_event
from runlake.catalog.model_versions import find_model, find_version, read_version, read_versions
from runlake.catalog.part import Part
from runlake.errors import NotFound
from runlake.promotion import Approval, CheckResult, Gate, PromotionState

if TYPE_CHECKING:
    from runlake.catalog.session import Row, Session
    from runlake.entities import ModelVersion

_GATE: Final = "target, rules, user_id, set_ms"
_OWN: Final = ("name", "target", "user_id", "set_ms")
_RULES: Final = tuple(entry.name for entry in fields(Gate) if entry.name not in _OWN)


class Gates(Part):
    """What a catalog knows of gates."""

    def put_gate(self, gate: Gate, reference: str | None, stamp: Stamp) -> Gate:
        """Set the gate of a target, in place of the one that it had.

        Args:
            reference: The target that `better_than` compares with.

        Raises:
            NotFound: there is no such model.
        """
        rules = {name: getattr(gate, name) for name in _RULES}
        text = json.dumps(rules, sort_keys=True, ensure_ascii=False)
        with self._database.writing() as session:
            model = find_model(session, gate.name)
            session.run(
                "INSERT INTO model_gate (model, target, rules, reference, user_id, set_ms) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (model, target) DO UPDATE SET rules = excluded.rules, reference = excluded.reference,"
                " user_id = excluded.user_id, set_ms = excluded.set_ms",
                (model, gate.target, text, reference, stamp.user_id, stamp.at_ms),
            )
            add_event(session, stamp, "set_gate", model, gate.name, target=gate.target, rules=rules)
        return Gate(gate.name, gate.target, **rules, user_id=stamp.user_id, set_ms=stamp.at_ms)

    def gates(self, name: str) -> list[Gate]:
        """Return the gates of a model, by target.

        Raises:
            NotFound: there is no such model.
        """
        with self._database.reading() as session:
            model = find_model(session, name)
            rows = session.all(f"SELECT {_GATE} FROM model_gate WHERE model = ? ORDER BY target", (model,))
        return [_gate(name, row) for row in rows]

    def delete_gate(self, name: str, target: str, stamp: Stamp) -> None:
        """Remove the gate of a target.

        Raises:
            NotFound: it has none.
        """
        with self._database.writing() as session:
            model = find_model(session, name)
            if not session.run("DELETE FROM model_gate WHERE model = ? AND target = ?", (model, target)):
                raise NotFound(f"{target} of {name!r} has no gate")
            add_event(session, stamp, "delete_gate", model, name, target=target)

    def approve(self, approval: Approval) -> Approval:
        """Keep an approval; a second one of the same user takes the place of the first.

        Raises:
            NotFound: there is no such version.
        """
        stamp = Stamp(approval.user_id, approval.at_ms)
        with self._database.writing() as session:
            model = find_version(session, approval.name, approval.version)
            session.run(
                "INSERT OR REPLACE INTO model_approval (model, version, target, user_id, at_ms, comment)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    *(model, approval.version, approval.target, approval.user_id),
                    *(approval.at_ms, approval.comment),
                ),
            )
            said = {"target": approval.target, "comment": approval.comment}
            add_event(session, stamp, "approve_version", model, approval.name, approval.version, **said)
        return approval

    def post_check(self, result: CheckResult) -> CheckResult:
        """Keep the result of a check in place of the one before; events have them all.

        Raises:
            NotFound: there is no such version.
        """
        stamp = Stamp(result.user_id, result.at_ms)
        with self._database.writing() as session:
            model = find_version(session, result.name, result.version)
            session.run(
                "INSERT OR REPLACE INTO model_check (model, version, name, passed, details, user_id, at_ms)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    *(model, result.version, result.check, result.passed),
                    *(result.details, result.user_id, result.at_ms),
                ),
            )
            said = {"check": result.check, "passed": result.passed, "details": result.details}
            add_event(session, stamp, "post_check", model, result.name, result.version, **said)
        return result

    def approvals(self, name: str, version: int) -> list[Approval]:
        """Return the approvals of a version, by target and time."""
        with self._database.reading() as session:
            return _approvals(session, find_version(session, name, version), name, version)

    def checks(self, name: str, version: int) -> list[CheckResult]:
        """Return the latest result of each check of a version, by name."""
        with self._database.reading() as session:
            return _checks(session, find_version(session, name, version), name, version)

    def promotion_state(self, name: str, version: int, target: str) -> PromotionState | None:
        """Return what a promotion is judged by; None when the target has no gate.

        Raises:
            NotFound: there is no such version.
        """
        with self._database.reading() as session:
            return read_state(session, find_version(session, name, version), name, version, target)


def read_state(session: Session, model: int, name: str, version: int, target: str) -> PromotionState | None:
    """Return what the promotion of a version that is there is judged by; None when the target has no gate."""
    row = session.one(f"SELECT {_GATE}, reference FROM model_gate WHERE model = ? AND target = ?", (model, target))
    if row is None:
        return None
    *of_gate, reference = row
    found = read_version(session, model, version)
    rivals, held = ([], False) if reference is None else _rivals(session, model, version, reference)
    return PromotionState(
        gate=_gate(name, tuple(of_gate)),
        version=found,
        already=target in (found.current_stage, *(f"@{alias}" for alias in found.aliases)),
        rivals=rivals,
        held=held,
        approvals=[approval for approval in _approvals(session, model, name, version) if approval.target == target],
        checks=_checks(session, model, name, version),
    )


def _approvals(session: Session, model: int, name: str, version: int) -> list[Approval]:
    rows = session.all(
        "SELECT target, user_id, at_ms, comment FROM model_approval WHERE model = ? AND version = ?"
        " ORDER BY target, at_ms, user_id",
        (model, version),
    )
    return [Approval(name, version, *fields) for fields in rows]


def _checks(session: Session, model: int, name: str, version: int) -> list[CheckResult]:
    rows = session.all(
        "SELECT name, passed, details, user_id, at_ms FROM model_check WHERE model = ? AND version = ? ORDER BY name",
        (model, version),
    )
    return [CheckResult(name, version, check, bool(passed), *fields) for check, passed, *fields in rows]


def _rivals(session: Session, model: int, version: int, target: str) -> tuple[list[ModelVersion], bool]:
    """Return the other versions that a target means, or the last other one that it meant, and whether it still does.

    To take a version out of a target does not make the way in easier for the next one, nor for itself: it may have
    been let in by force.
    """
    if target.startswith("@"):
        holding = "SELECT version FROM model_alias WHERE model = ? AND alias = ?"
        event, field = "set_alias", "$.alias"
    else:
        holding = "SELECT version FROM model_version WHERE model = ? AND stage = ? ORDER BY version"
        event, field = "move_version", "$.stage"
    named = (model, target.removeprefix("@"))
    holders = [holder for (holder,) in session.all(holding, named)]
    if holders:
        return read_versions(session, [(model, holder) for holder in holders if holder != version]), True
    last = session.one(
        "SELECT e.version FROM registry_event e JOIN model_version v USING (model, version)"
        f" WHERE e.model = ? AND json_extract(e.payload, '{field}') = ? AND e.action = '{event}'"
        " AND e.version != ? ORDER BY e.event DESC LIMIT 1",
        (*named, version),
    )
    return ([] if last is None else [read_version(session, model, last[0])]), False


def _gate(name: str, row: Row) -> Gate:
    target, rules, user_id, set_ms = row
    known = {key: value for key, value in json.loads(rules).items() if key in _RULES}
    return Gate(name, target, **known, user_id=user_id, set_ms=set_ms)
