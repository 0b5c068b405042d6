"""Judging: each rule of a gate, held against a version as the catalog, its run and its files have it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from runlake.entities import ModelVersion
from runlake.errors import NotFound
from runlake.promotion import GateReport, PromotionState, RuleOutcome
from runlake.registry.facts import Fact, Files
from runlake.registry.targets import check_target

if TYPE_CHECKING:
    from runlake.query import BetterThan
    from runlake.store import Store


def judge(store: Store, state: PromotionState, user_id: str | None) -> GateReport:
    """Hold a version against the gate of a target.

    Args:
        user_id: Who is to promote it, whose own approval does not count.
    """
    rules = [outcome for rule in _RULES for outcome in rule(store, state, user_id)]
    met = all(outcome.met for outcome in rules)
    return GateReport(state.version.name, state.version.version, state.gate.target, met, rules)


def _require(store: Store, state: PromotionState, _user_id: str | None) -> Iterator[RuleOutcome]:
    from runlake import query

    if state.gate.require is None:
        return
    run_id = state.version.run_id
    judged = None if run_id is None else query.judge_run(store, run_id, state.gate.require)
    if judged is not None:
        yield from (RuleOutcome("require", part.demanded, part.actual, part.met) for part in judged)
        return
    actual = "the version is of no run" if run_id is None else f"its run {run_id} is not in this store"
    yield from (RuleOutcome("require", part, actual, False) for part in query.parts_of(state.gate.require))


def _signature(store: Store, state: PromotionState, _user_id: str | None) -> Iterator[RuleOutcome]:
    if state.gate.signature:
        yield _of_fact("signature", "the model has a signature", Files(store, state.version).signature())


def _pinned(store: Store, state: PromotionState, _user_id: str | None) -> Iterator[RuleOutcome]:
    if state.gate.pinned_environment:
        demanded = "each requirement has one version"
        yield _of_fact("pinned_environment", demanded, Files(store, state.version).pinned_environment())


def _tags(store: Store, state: PromotionState, _user_id: str | None) -> Iterator[RuleOutcome]:
    if not state.gate.tags:
        return
    of_run = _tags_of_run(store, state.version)
    for key in state.gate.tags:
        if value := state.version.tags.get(key):
            yield RuleOutcome("tags", f"tag {key} is set", f"it is {value!r}", True)
        elif value := of_run.get(key):
            yield RuleOutcome("tags", f"tag {key} is set", f"that of its run is {value!r}", True)
        else:
            yield RuleOutcome("tags", f"tag {key} is set", "neither the version nor its run has it", False)


def _better(store: Store, state: PromotionState, _user_id: str | None) -> Iterator[RuleOutcome]:
    from runlake import query

    if state.gate.better_than is None:
        return
    better = query.parse_better_than(state.gate.better_than)
    target, metric = check_target(better.target), better.metric.name
    demanded = f"{metric} is {better.comparison} than that of {target}"
    if not state.rivals:
        nobody = f"it is {target} itself" if state.held else f"nothing else has been {target} yet"
        yield RuleOutcome("better_than", demanded, nobody, True)
        return
    own = _metric(store, state.version, better)
    was = "" if state.held else f", the last that was {target},"
    for rival in state.rivals:
        theirs = _metric(store, rival, better)
        told = f"version {rival.version}{was} has {_shown(theirs)}"
        met = _is_better(own, theirs, largest=better.largest)
        yield RuleOutcome("better_than", demanded, f"{metric} is {_shown(own)}; {told}", met)


def _approvals(_store: Store, state: PromotionState, user_id: str | None) -> Iterator[RuleOutcome]:
    if not state.gate.approvals:
        return
    users = [approval.user_id for approval in state.approvals]
    counted = [user for user in users if user != user_id]
    actual = f"{len(counted)} by {', '.join(counted)}" if counted else "none"
    if user_id in users:
        actual += f"; that of {user_id}, who promotes, does not count"
    demanded = f"approved by {state.gate.approvals} user{'' if state.gate.approvals == 1 else 's'}"
    yield RuleOutcome("approvals", demanded, actual, len(counted) >= state.gate.approvals)


def _checks(_store: Store, state: PromotionState, _user_id: str | None) -> Iterator[RuleOutcome]:
    posted = {result.check: result for result in state.checks}
    for name in state.gate.checks:
        found = posted.get(name)
        if found is None:
            actual = "no result was posted"
        else:
            details = f": {found.details}" if found.details else ""
            actual = f"it {'passed' if found.passed else 'failed'}{details}"
        yield RuleOutcome("check", f"{name} passed", actual, found is not None and found.passed)


_RULES: Final[tuple[Callable[[Store, PromotionState, str | None], Iterator[RuleOutcome]], ...]] = (
    _require,
    _signature,
    _pinned,
    _tags,
    _better,
    _approvals,
    _checks,
)


def _of_fact(rule: str, demanded: str, fact: Fact) -> RuleOutcome:
    return RuleOutcome(rule, demanded, fact.actual, fact.met)


def _tags_of_run(store: Store, version: ModelVersion) -> dict[str, str]:
    try:
        return {} if version.run_id is None else store.catalog.get_run(version.run_id).data.tags
    except NotFound:
        return {}


def _metric(store: Store, version: ModelVersion, better: BetterThan) -> float | None:
    from runlake import query

    return None if version.run_id is None else query.metric_of_run(store, version.run_id, better)


def _is_better(own: float | None, theirs: float | None, *, largest: bool) -> bool:
    """Whether a value beats another; no number is better than none, and NaN is none."""
    if own is None or math.isnan(own):
        return False
    if theirs is None or math.isnan(theirs):
        return True
    return own > theirs if largest else own < theirs


def _shown(value: float | None) -> str:
    return "not logged" if value is None else repr(value)
