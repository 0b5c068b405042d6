"""Suggestions: what to say of keys and states that no run has. They are legal, so a filter with them is answered."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from runlake.entities import LifecycleStage, RunStatus
from runlake.query.filter.nearest import nearest
from runlake.query.filter.nodes import Among, Comparison, Condition, Field, Kind, Operator, leaves
from runlake.query.filter.order import Order
from runlake.query.filter.tokens import shown

# Each further one would cost a comparison with every known key, and nobody reads a hundred warnings.
MAX_SUGGESTIONS = 10

# So many keys are listed when none of them looks like the one that was written.
_FEW = 8

_STATES = {
    Field(Kind.ATTRIBUTE, "status"): tuple(map(RunStatus.to_string, RunStatus.all_status())),
    Field(Kind.ATTRIBUTE, "lifecycle_stage"): (LifecycleStage.ACTIVE, LifecycleStage.DELETED),
}
_NOUNS = {Kind.METRIC: "metric", Kind.PARAM: "parameter", Kind.TAG: "tag"}


def unknown_keys(
    condition: Condition | None, orders: Sequence[Order], known: Callable[[Kind], Collection[str]]
) -> list[str]:
    """Return a message for each metric, parameter, tag and state that a filter or an order names and no run has.

    A message has a second line, "hint: …", if a key looks like it or is of another kind, or if there are few keys. At
    most ten are described; a last message counts the rest.

    Args:
        known: The keys of one kind that some run has; looking one up should be fast. It is called at most once for
            metrics, for parameters and for tags, and only for kinds that are needed.
    """
    fields = [leaf.field for leaf in leaves(condition)] if condition is not None else []
    keys = _Known(known)
    unknown = keys.lacking([*fields, *(order.field for order in orders)])
    messages = [_message(field, keys) for field in unknown[:MAX_SUGGESTIONS]]
    if len(unknown) > MAX_SUGGESTIONS:
        messages.append(f"no run has {len(unknown) - MAX_SUGGESTIONS:,} more of the keys")
    return messages + _unknown_states(condition)


def _unknown_states(condition: Condition | None) -> list[str]:
    """Say what can be no run's state: capitals count, so `status = 'finished'` finds nothing."""
    values: dict[tuple[str, str], None] = {}
    for leaf in leaves(condition) if condition is not None else ():
        if leaf.field in _STATES and isinstance(leaf, Comparison | Among):
            literals = leaf.literals if isinstance(leaf, Among) else (leaf.literal,)
            if isinstance(leaf, Among) or leaf.operator in (Operator.EQ, Operator.NE):
                values |= dict.fromkeys((leaf.field.key, str(literal.value)) for literal in literals)
    unknown = [(name, value) for name, value in values if value not in _STATES[Field(Kind.ATTRIBUTE, name)]]
    return [_state_message(name, value) for name, value in unknown[:MAX_SUGGESTIONS]]


def _state_message(name: str, value: str) -> str:
    known = _STATES[Field(Kind.ATTRIBUTE, name)]
    near = [state for state in known if state.lower() == value.lower()]
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
    return f"no run has the {name} {shown(value)!r}\nhint: {hint}"


class _Known:
    def __init__(self, known: Callable[[Kind], Collection[str]]) -> None:
        self._known = known
        self._keys: dict[Kind, Collection[str]] = {}

    def of(self, kind: Kind) -> Collection[str]:
        if kind not in self._keys:
            self._keys[kind] = self._known(kind)
        return self._keys[kind]

    def lacking(self, fields: Iterable[Field]) -> list[Field]:
        """The fields that no run has, each once, without functions."""
        asked = dict.fromkeys(Field(field.kind, field.key) for field in fields if field.kind in _NOUNS)
        return [field for field in asked if field.key not in self.of(field.kind)]


def _message(unknown: Field, keys: _Known) -> str:
    message = f"no run has the {_NOUNS[unknown.kind]} {shown(unknown.key)!r}"
    near = [Field(kind, unknown.key) for kind in _NOUNS if kind is not unknown.kind and unknown.key in keys.of(kind)]
    near += [Field(unknown.kind, key) for key in nearest(unknown.key, keys.of(unknown.kind))]
    if near:
        return f"{message}\nhint: did you mean {' or '.join(field.name for field in near)}?"
    every = keys.of(unknown.kind)
    few = 0 < len(every) <= _FEW
    return f"{message}\nhint: there are {', '.join(shown(key) for key in sorted(every))}" if few else message
