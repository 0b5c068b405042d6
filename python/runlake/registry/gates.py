"""Gates: setting them, what people and pipelines say of a version, and promotions, which pass them or are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from runlake import names
from runlake.catalog import Stamp
from runlake.errors import CatalogLocked, InvalidInput, InvalidType, PromotionRefused
from runlake.lifecycle import now_ms
from runlake.promotion import Approval, CheckResult, Gate, GateReport, PromotionState
from runlake.registry.judging import judge
from runlake.registry.targets import check_target
from runlake.remote.store import RemoteStore

if TYPE_CHECKING:
    from runlake.store import Store
    from runlake.stores import AnyStore

T = TypeVar("T")

MOST_APPROVALS: Final = 100
_MOST_LISTED: Final = 100
_MOST_TEXT: Final = 10_000
_TRIES: Final = 100
"""How often a promotion is judged again because others have promoted meanwhile: one of them gets through each time."""


def set_gate(
    store: AnyStore,
    name: str,
    target: str,
    *,
    require: str | None = None,
    signature: bool = False,
    pinned_environment: bool = False,
    tags: str | Iterable[str] = (),
    better_than: str | None = None,
    approvals: int = 0,
    check: str | Iterable[str] | None = None,
    user_id: str | None = None,
) -> Gate:
    """Set the gate of a target, in place of the one that it had; see `runlake.registry.set_gate`."""
    from runlake import query

    if require is not None and query.parse_filter(_text(require, "require")) is None:
        require = None  # nothing but spaces demands nothing
    reference = None if better_than is None else check_target(query.parse_better_than(better_than).target)
    gate = Gate(
        names.check_model_name(name),
        check_target(target),
        require=require,
        signature=_flag(signature, "signature"),
        pinned_environment=_flag(pinned_environment, "pinned_environment"),
        tags=[names.check_key(key, "tag") for key in _listed(tags, "tags")],
        better_than=better_than,
        approvals=_count(approvals),
        checks=[names.check_key(one, "check") for one in _listed(check or (), "check")],
    )
    if gate == Gate(gate.name, gate.target):
        raise InvalidInput("a gate needs a rule", hint="give require, signature, tags, better_than, approvals or check")
    return store.catalog.put_gate(gate, reference, Stamp(user_id, now_ms()))


def get_gates(store: AnyStore, name: str) -> list[Gate]:
    """Return the gates of a model, by target."""
    return store.catalog.gates(names.check_model_name(name))


def delete_gate(store: AnyStore, name: str, target: str, *, user_id: str | None = None) -> None:
    """Remove the gate of a target."""
    store.catalog.delete_gate(names.check_model_name(name), check_target(target), Stamp(user_id, now_ms()))


def approve(
    store: AnyStore, name: str, version: int, target: str, comment: str | None = None, *, user_id: str | None
) -> Approval:
    """Keep that a user approves of a version for a target.

    Raises:
        InvalidInput: nobody knows who that is.
    """
    if not user_id:
        raise InvalidInput("an approval is somebody's, and nobody has said whose", hint="serve with --auth")
    target = check_target(target)
    text = None if comment is None else _text(comment, "comment")
    return store.catalog.approve(Approval(names.check_model_name(name), version, target, user_id, now_ms(), text))


def post_check(
    store: AnyStore,
    name: str,
    version: int,
    check: str,
    passed: bool,
    details: str | None = None,
    *,
    user_id: str | None = None,
) -> CheckResult:
    """Keep the result of a check of a version; the latest one counts."""
    text = None if details is None else _text(details, "details")
    name, check, passed = names.check_model_name(name), names.check_key(check, "check"), _flag(passed, "passed")
    return store.catalog.post_check(CheckResult(name, version, check, passed, text, user_id, now_ms()))


def get_approvals(store: AnyStore, name: str, version: int) -> list[Approval]:
    """Return the approvals of a version, by target and time."""
    return store.catalog.approvals(names.check_model_name(name), version)


def get_checks(store: AnyStore, name: str, version: int) -> list[CheckResult]:
    """Return the latest result of each check of a version, by name."""
    return store.catalog.checks(names.check_model_name(name), version)


def evaluate(store: AnyStore, name: str, version: int, target: str, *, user_id: str | None = None) -> GateReport:
    """Say what the gate of a target finds of a version, as if `user_id` were to promote it; nothing is changed."""
    name, target = names.check_model_name(name), check_target(target)
    if isinstance(store, RemoteStore):
        fields = {"name": name, "version": version, "target": target, "user_id": user_id}
        report: GateReport = store.call("evaluate_gate", fields)
        return report
    state = store.catalog.promotion_state(name, version, target)
    return GateReport(name, version, target, True) if state is None else judge(store, state, user_id)


def promote(
    store: Store,
    name: str,
    version: int,
    target: str,
    change: Callable[[PromotionState | None, Mapping[str, Any]], T | None],
    *,
    user_id: str | None,
    force: bool = False,
    reason: str | None = None,
) -> T:
    """Let a target mean a version when its gate lets it, or by force.

    What the catalog says is read, the version is judged with no lock held, and `change`, in its transaction, finds
    the same or does nothing: then it is judged again. So of two promotions at once the second meets the first.

    Args:
        change: Makes the change with what it was judged by and more for its event; gives nothing when that has changed.

    Raises:
        PromotionRefused: rules are not met.
        InvalidInput: `force` without a reason, or a reason without it.
        CatalogLocked: others kept promoting this model.
    """
    forced = check_force(force, reason)
    for _ in range(_TRIES):
        state = store.catalog.promotion_state(name, version, target)
        told: dict[str, Any] = {}
        if state is not None and not state.already:
            report = judge(store, state, user_id)
            if not report.passed and not force:
                raise _refused(report)
            told["gate"] = [rule.to_dictionary() for rule in report.rules]
        if forced is not None:
            told["forced"] = forced
        if done := change(state, told):
            return done
    raise CatalogLocked(f"others have kept changing {name!r} while version {version} was judged {_TRIES} times")


def _refused(report: GateReport) -> PromotionRefused:
    unmet, all_of_them = report.unmet, len(report.rules)
    lines = "".join(f"\n  {rule}" for rule in unmet)
    error = PromotionRefused(
        f"version {report.version} of {report.name!r} does not become {report.target}:"
        f" {len(unmet)} of {all_of_them} rules {'is' if len(unmet) == 1 else 'are'} not met{lines}"
    )
    error.report = report
    return error


def check_force(force: bool, reason: str | None) -> str | None:
    """Return the reason for a promotion by force; None when it is none.

    Raises:
        InvalidInput: there is one of the two without the other.
        InvalidType: `force` is neither True nor False: "no" is not taken for a yes.
    """
    force = _flag(force, "force")
    if not force and reason is not None:
        raise InvalidInput("a reason is for force=True")
    if not force:
        return None
    if not isinstance(reason, str) or not reason.strip():
        raise InvalidInput("force needs a reason, which is kept in the log", hint="reason='…'")
    return _text(reason, "reason")


def _text(text: object, what: str) -> str:
    return names.check_utf8(names.check_text(text, _MOST_TEXT, what), what)


def _flag(value: object, what: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidType(f"{what} is {names.shortened(repr(value))}; it must be True or False")
    return value


def _count(approvals: object) -> int:
    if not isinstance(approvals, int) or isinstance(approvals, bool) or not 0 <= approvals <= MOST_APPROVALS:
        raise InvalidInput(f"approvals is {names.shortened(repr(approvals))}; it must be from 0 to {MOST_APPROVALS}")
    return approvals


def _listed(given: str | Iterable[str], what: str) -> list[str]:
    """Return one or several as a list, each once."""
    found = list(dict.fromkeys([given] if isinstance(given, str) else given))
    if len(found) > _MOST_LISTED:
        raise InvalidInput(f"{what} has {len(found)} entries; the limit is {_MOST_LISTED}")
    return found
