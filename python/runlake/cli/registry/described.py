"""Descriptions: what the registry has, as values for JSON and as cells for tables."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from runlake.cli import output
from runlake.entities import Entity
from runlake.promotion import Gate, GateReport, RuleOutcome

RULES: Final = ("state", "rule", "demanded", "actual")

_TIMES: Final = {"at_ms": "at", "set_ms": "set_at"}
_UNITS_S: Final = (("days", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def described(entity: Entity) -> dict[str, Any]:
    """Return an entity for JSON: times are times."""
    return {_TIMES.get(name, name): _value(name, value) for name, value in entity.to_dictionary().items()}


def moment(time_ms: int) -> datetime:
    """Return milliseconds since 1970 as a time."""
    return datetime.fromtimestamp(time_ms / 1000, UTC)


def since(time_ms: int) -> str | datetime:
    """Return how long ago something was, for people; for pipes, which are read later, when."""
    if not sys.stdout.isatty():
        return moment(time_ms)
    passed_s = max(0, int(time.time() - time_ms / 1000))
    unit, seconds = next((pair for pair in _UNITS_S if passed_s >= 2 * pair[1]), _UNITS_S[-1])
    return f"{passed_s // seconds} {unit}"


def joined(tags: Mapping[str, str]) -> str:
    """Return tags in a cell."""
    return ", ".join(f"{key}={value}" for key, value in sorted(tags.items()))


def print_rules(rules: Sequence[RuleOutcome]) -> None:
    """Print the rules of a gate with what was found, the unmet ones first."""
    ordered = sorted(rules, key=lambda rule: rule.met)
    output.table(RULES, [(state_of(rule), rule.rule, rule.demanded, rule.actual) for rule in ordered])


def state_of(rule: RuleOutcome) -> str:
    """Return in a word whether a rule is met."""
    return "met" if rule.met else "unmet"


def report_of(report: GateReport) -> dict[str, Any]:
    """Return what a gate has found, for JSON."""
    return {"target": report.target, "passed": report.passed, "rules": [rule.to_dictionary() for rule in report.rules]}


def demands(gate: Gate) -> Iterator[tuple[str, str]]:
    """Give each rule of a gate with what it demands, by the names of the options that set it."""
    if gate.require is not None:
        yield "require", gate.require
    if gate.signature:
        yield "signature", "a signature with inputs"
    if gate.pinned_environment:
        yield "pinned-environment", "one version of each package"
    for key in gate.tags:
        yield "tag", key
    if gate.better_than is not None:
        yield "better-than", gate.better_than
    if gate.approvals:
        yield "approvals", str(gate.approvals)
    for check in gate.checks:
        yield "check", check


def _value(name: str, value: Any) -> Any:
    if (name in _TIMES or name.endswith("_timestamp")) and isinstance(value, int):
        return moment(value)
    return value
