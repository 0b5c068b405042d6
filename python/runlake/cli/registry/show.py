"""`runlake registry show`: a registered model with its versions and gates, or everything about one version."""

from __future__ import annotations

from typing import Any, Final

import click

from runlake.cli import output
from runlake.cli.described import aliases_of, described, given, joined, moment, since
from runlake.cli.options import example, json_option, limit_option, store_option
from runlake.cli.registry.references import find, opened_for, parsed
from runlake.cli.registry.rules import demands
from runlake.cli.registry.searching import versions_of
from runlake.cli.registry.version import show_version
from runlake.entities import ModelVersion, RegisteredModel
from runlake.promotion import Gate
from runlake.registry import gates, operations
from runlake.stores import AnyStore

_VERSIONS: Final = ("version", "stage", "aliases", "run", "tags", "by", "made")
_SHOWN: Final = 20


@click.command(
    short_help="Show a model with its versions and gates, or one version.",
    epilog=example("runlake registry show churn", "runlake registry show churn@champion --json"),
)
@click.argument("reference", metavar="NAME[/VERSION]")
@limit_option("versions of a model, the latest first", _SHOWN)
@store_option
@json_option
def show(reference: str, limit: int, store: str | None, as_json: bool) -> None:
    """Show the model NAME with its versions and gates, or one of its versions.

    A version is NAME/3, NAME@champion, NAME/Production or NAME/latest. It is shown with where it comes from, the
    signature of its model, and what each gate of the model finds of it.
    """
    name, version = parsed(reference)
    with opened_for(store, name) as opened_store:
        if version is None:
            _show_model(opened_store, name, limit, as_json)
        else:
            show_version(opened_store, find(opened_store, name, version), as_json)


def _show_model(store: AnyStore, name: str, limit: int, as_json: bool) -> None:
    model = operations.get_registered_model(store, name)
    versions, more = versions_of(store, name, limit)
    guards = gates.get_gates(store, name)
    if as_json:
        known = {"versions": [described(one) for one in versions], "gates": [described(gate) for gate in guards]}
        latest = [version.version for version in model.latest_versions]
        output.json({**described(model), "latest_versions": latest, **known})
    else:
        _print_model(model, versions, guards)
    if more:
        output.message(f"the latest {len(versions):,} versions; --limit 0 shows all")


def _print_model(model: RegisteredModel, versions: list[ModelVersion], guards: list[Gate]) -> None:
    about: dict[str, Any] = {"name": model.name, "description": model.description}
    about |= {"made": moment(model.creation_timestamp), "changed": moment(model.last_updated_timestamp)}
    output.pairs({**given(about), **{f"tags.{key}": value for key, value in sorted(model.tags.items())}})
    output.heading("versions")
    output.table(_VERSIONS, [_row(version) for version in versions])
    if guards:
        output.heading("gates")
        output.table(
            ("target", "rule", "demanded"), [(gate.target, *rule) for gate in guards for rule in demands(gate)]
        )


def _row(version: ModelVersion) -> tuple[Any, ...]:
    about = version.run_id, joined(version.tags), version.user_id, since(version.creation_timestamp)
    return version.version, version.current_stage, aliases_of(version), *about
