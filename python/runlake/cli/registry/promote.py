"""`runlake registry promote`, `alias` and `unalias`: which version a stage or an alias means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from runlake import config
from runlake.cli import output
from runlake.cli.described import described
from runlake.cli.options import example, json_option, require_text, store_option
from runlake.cli.registry.references import Target, find, opened_for
from runlake.cli.registry.rules import print_rules, report_of
from runlake.entities import ModelVersion
from runlake.errors import InvalidInput, PromotionRefused
from runlake.promotion import GateReport
from runlake.registry import gates, operations
from runlake.registry.targets import ACTIVE_STAGES
from runlake.stores import AnyStore


@dataclass(frozen=True)
class _Wish:
    """What a version is to become; `reason` is given when it is forced."""

    target: str
    archive: bool = False
    reason: str | None = None

    def grant(self, store: AnyStore, version: ModelVersion) -> None:
        """Make it so, or raise PromotionRefused."""
        name, number, force, who = version.name, version.version, self.reason is not None, config.os_user()
        if self.target.startswith("@"):
            operations.set_registered_model_alias(
                *(store, name, self.target[1:], number), force=force, reason=self.reason, user_id=who
            )
        else:
            operations.transition_model_version_stage(
                *(store, name, number, self.target, self.archive), force=force, reason=self.reason, user_id=who
            )

    def evaluate(self, store: AnyStore, version: ModelVersion) -> GateReport:
        """Say what the gate would find. Stages that nothing is served from have none."""
        if not self.target.startswith("@") and self.target not in ACTIVE_STAGES:
            return GateReport(version.name, version.version, self.target, True)
        user = config.os_user()
        return gates.evaluate(store, version.name, version.version, self.target, user_id=user)


def _force_options(command: Any) -> Any:
    command = click.option("--reason", metavar="TEXT", help="Why, with --force; it is kept in the log.")(command)
    return click.option("--force", is_flag=True, help="Do it whatever the gate finds.")(command)


@click.command(
    short_help="Let a stage or an alias mean a version, if its gate lets it.",
    epilog=example(
        "runlake registry promote churn 7 Production --archive-existing",
        "runlake registry promote churn @challenger @champion --dry-run",
    ),
)
@click.argument("name")
@click.argument("version")
@click.argument("target", type=Target())
@click.option("--archive-existing", is_flag=True, help="Move the versions that are in the stage to Archived.")
@click.option("--dry-run", is_flag=True, help="Say what the gate finds, and change nothing.")
@_force_options
@store_option
@json_option
@click.pass_context
def promote(
    context: click.Context,
    name: str,
    version: str,
    target: str,
    archive_existing: bool,
    dry_run: bool,
    force: bool,
    reason: str | None,
    store: str | None,
    as_json: bool,
) -> None:
    """Let TARGET, a stage or an @alias, mean VERSION of the model NAME from now on.

    If TARGET has a gate and VERSION does not pass it, nothing is changed: each rule is printed with what it demands
    and what was found, and the exit status is 1.
    """
    if archive_existing and target not in ACTIVE_STAGES:
        raise InvalidInput(f"nothing is archived for {target}", hint="--archive-existing is for Staging and Production")
    wish = _Wish(target, archive_existing, _reason(force, reason))
    if dry_run and force:
        raise InvalidInput("--dry-run changes nothing, and there is nothing to force")
    with opened_for(store, name) as opened_store:
        found = find(opened_store, name, version)
        if dry_run:
            _tell(context, wish.evaluate(opened_store, found), as_json)
        else:
            _promote(context, opened_store, found, wish, as_json)


@click.command(
    short_help="Let an alias mean a version, if its gate lets it.",
    epilog=example("runlake registry alias churn champion 7"),
)
@click.argument("name")
@click.argument("alias")
@click.argument("version")
@_force_options
@store_option
@json_option
@click.pass_context
def alias(
    context: click.Context,
    name: str,
    alias: str,
    version: str,
    force: bool,
    reason: str | None,
    store: str | None,
    as_json: bool,
) -> None:
    """Let ALIAS, with or without @, mean VERSION of the model NAME: what `promote NAME VERSION @ALIAS` does."""
    target = Target().convert(f"@{alias.removeprefix('@')}", None, context)
    with opened_for(store, name) as opened_store:
        found = find(opened_store, name, version)
        _promote(context, opened_store, found, _Wish(target, reason=_reason(force, reason)), as_json)


@click.command(short_help="Remove an alias.", epilog=example("runlake registry unalias churn challenger"))
@click.argument("name")
@click.argument("alias", callback=require_text)
@store_option
@json_option
def unalias(name: str, alias: str, store: str | None, as_json: bool) -> None:
    """Remove ALIAS, with or without @, from the model NAME; it then means no version."""
    alias = alias.removeprefix("@")
    with opened_for(store, name) as opened_store:
        meant = operations.get_registered_model(opened_store, name).aliases.get(alias)
        operations.delete_registered_model_alias(opened_store, name, alias, user_id=config.os_user())
    if as_json:
        output.json({"name": name, "alias": alias, "version": meant, "removed": meant is not None})
    elif meant is None:
        output.message(f"{name!r} had no alias @{alias}")
    else:
        output.message(f"@{alias} of {name!r}, which was version {meant}, is removed")


def _reason(force: bool, reason: str | None) -> str | None:
    """Return the reason for a promotion by force; None when it is none."""
    if not force and reason is not None:
        raise InvalidInput("--reason is for --force")
    if force and not (reason or "").strip():
        raise InvalidInput("--force needs a reason, which is kept in the log", hint="--reason 'version 6 is on fire'")
    return reason


def _promote(context: click.Context, store: AnyStore, version: ModelVersion, wish: _Wish, as_json: bool) -> None:
    try:
        wish.grant(store, version)
    except PromotionRefused as refused:
        if refused.report is None:
            raise
        _tell(context, refused.report, as_json, refused=True)
        return
    if as_json:
        forced = {"forced": wish.reason is not None, "reason": wish.reason}
        changed = described(store.catalog.get_version(version.name, version.version))
        about = {"name": version.name, "version": version.version, "target": wish.target}
        output.json({**about, "promoted": True, **forced, "model_version": changed})
    by_force = "" if wish.reason is None else " by force"
    output.message(f"version {version.version} of {version.name!r} is {wish.target}{by_force}")


def _tell(context: click.Context, report: GateReport, as_json: bool, *, refused: bool = False) -> None:
    """Print what a gate has found, and leave with 1 if it is not passed."""
    if as_json:
        about = {"name": report.name, "version": report.version, "promoted": False, "dry_run": not refused}
        output.json({**about, **report_of(report)})
    elif report.rules:
        print_rules(report.rules)
    output.message(_summary(report, refused))
    context.exit(0 if report.passed else 1)


def _summary(report: GateReport, refused: bool) -> str:
    version, total = f"version {report.version} of {report.name!r}", len(report.rules)
    if not report.rules:
        return f"{version} may become {report.target}, which has no gate"
    if report.passed:
        return f"{version} may become {report.target}: {total} rule{'' if total == 1 else 's'} met"
    said = f"become {report.target}: {len(report.unmet)} of {total} rules unmet"
    return f"error: {version} does not {said}" if refused else f"{version} would not {said}"
