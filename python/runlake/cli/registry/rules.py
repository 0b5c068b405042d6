"""Rules of gates as values for JSON and as rows for tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from runlake.cli import output
from runlake.promotion import Gate, GateReport, RuleOutcome

RULES: Final = ("state", "rule", "demanded", "actual")


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
