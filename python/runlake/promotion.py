"""Promotion: what a gate demands of a version, what was found of it, and what people and pipelines have said of it.

A target is what services load from: a stage, `Staging` or `Production`, or an alias, `@champion`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from runlake.entities import Entity, ModelVersion


@dataclass(frozen=True)
class Gate(Entity):
    """What a version has to fulfil before a target of its model may mean it.

    Attributes:
        name: The registered model.
        target: `Staging`, `Production` or `@alias`.
        require: A filter on the run of the version, in the language of docs/filters.md.
        signature: Whether its MLmodel has to have a signature.
        pinned_environment: Whether its requirements.txt has to name one version of each package.
        tags: Keys of tags that it, or its run, has to have.
        better_than: What it has to be better than, and by which metric: `@champion by max(metrics.val_auc)`.
        approvals: How many users have to approve it, the one who promotes it not counted.
        checks: Names of checks whose latest result has to be good.
        user_id: Who set the gate, at `set_ms`.
    """

    name: str
    target: str
    require: str | None = None
    signature: bool = False
    pinned_environment: bool = False
    tags: list[str] = field(default_factory=list)
    better_than: str | None = None
    approvals: int = 0
    checks: list[str] = field(default_factory=list)
    user_id: str | None = None
    set_ms: int = 0


@dataclass(frozen=True)
class RuleOutcome(Entity):
    """One rule of a gate: what it demands, and what it found."""

    rule: str
    demanded: str
    actual: str
    met: bool

    def __str__(self) -> str:
        return f"{self.rule}: {self.demanded}; {self.actual}"


@dataclass(frozen=True)
class GateReport(Entity):
    """A version before a target: every rule of its gate. Without a gate there are no rules, and it passes."""

    name: str
    version: int
    target: str
    passed: bool
    rules: list[RuleOutcome] = field(default_factory=list)

    @property
    def unmet(self) -> list[RuleOutcome]:
        """The rules that are not met."""
        return [rule for rule in self.rules if not rule.met]


@dataclass(frozen=True)
class Approval(Entity):
    """A user's word that a version may be what a target means."""

    name: str
    version: int
    target: str
    user_id: str
    at_ms: int
    comment: str | None = None


@dataclass(frozen=True)
class CheckResult(Entity):
    """The latest result of a named check of a version, which somebody has posted."""

    name: str
    version: int
    check: str
    passed: bool
    details: str | None
    user_id: str | None
    at_ms: int


@dataclass(frozen=True)
class PromotionState(Entity):
    """What a catalog says that a promotion is judged by. A promotion goes through only while it is still the same.

    Attributes:
        already: Whether the target means the version, so that nothing is promoted.
        rivals: The other versions that `better_than` names: those that its target means, or the last that it meant.
        held: Whether it means them still.
    """

    gate: Gate
    version: ModelVersion
    already: bool
    rivals: list[ModelVersion]
    held: bool
    approvals: list[Approval]
    checks: list[CheckResult]
