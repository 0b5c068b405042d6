"""`runlake registry show`: a registered model with its versions and gates, or everything about one version."""

from __future__ import annotations

import contextlib
from typing import Any, Final

import click

from runlake import config
from runlake.cli import output
from runlake.cli.described import described, joined, moment, since
from runlake.cli.options import Count, example, json_option, store_option
from runlake.cli.registry.references import find, opened_for, parsed
from runlake.cli.registry.rules import demands, print_rules, report_of
from runlake.cli.registry.searching import versions_of
from runlake.cli.signatures import SIGNATURE, signature_of, signature_rows
from runlake.entities import ModelVersion, RegisteredModel, VersionLineage
from runlake.errors import NotFound, PermissionDenied, RunlakeError
from runlake.model_sources import version_files
from runlake.models.manifest import MANIFEST_FILE, Model
from runlake.promotion import Gate, GateReport
from runlake.registry import gates, operations, origins
from runlake.stores import AnyStore

_VERSIONS: Final = ("version", "stage", "aliases", "run", "tags", "by", "made")
_SHOWN: Final = 20


@click.command(
    short_help="Show a model with its versions and gates, or one version.",
    epilog=example("runlake registry show churn", "runlake registry show churn@champion --json"),
)
@click.argument("reference", metavar="NAME[/VERSION]")
@click.option(
    "-n",
    "--limit",
    type=Count(min=0),
    metavar="COUNT",
    default=_SHOWN,
    show_default=True,
    help="Most versions of a model, the latest first; 0 is no limit.",
)
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
            _show_version(opened_store, find(opened_store, name, version), as_json)


# -- a model


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
    output.pairs({**_given(about), **{f"tags.{key}": value for key, value in sorted(model.tags.items())}})
    output.heading("versions")
    output.table(_VERSIONS, [_row(version) for version in versions])
    if guards:
        output.heading("gates")
        output.table(
            ("target", "rule", "demanded"), [(gate.target, *rule) for gate in guards for rule in demands(gate)]
        )


def _row(version: ModelVersion) -> tuple[Any, ...]:
    aliases = ", ".join(f"@{alias}" for alias in sorted(version.aliases))
    about = version.run_id, joined(version.tags), version.user_id, since(version.creation_timestamp)
    return version.version, version.current_stage, aliases, *about


# -- a version


def _show_version(store: AnyStore, version: ModelVersion, as_json: bool) -> None:
    origin = _origin(store, version)
    manifest = _manifest(store, version)
    guards = gates.get_gates(store, version.name)
    who = config.os_user()
    reports = [gates.evaluate(store, version.name, version.version, gate.target, user_id=who) for gate in guards]
    if as_json:
        signature = None if manifest is None or manifest.signature is None else signature_of(manifest.signature)
        lineage = None if origin is None else origin.to_dictionary()
        known = {"lineage": lineage, "signature": signature, "gates": [report_of(report) for report in reports]}
        output.json({**described(version), **known})
        return
    _print_version(version, origin)
    _print_signature(manifest)
    _print_reports(reports)


def _origin(store: AnyStore, version: ModelVersion) -> VersionLineage | None:
    """Return where a version comes from; None for who may not read its run."""
    with contextlib.suppress(PermissionDenied):
        return origins.lineage(store, version.name, version.version)
    return None


def _manifest(store: AnyStore, version: ModelVersion) -> Model | None:
    """Read the manifest of a version; None when it is not here to be read, and that there is one gone wrong is said."""
    try:
        files, folder = version_files(store, version.name, version.version)
        return Model.load(files.download(f"{folder}/{MANIFEST_FILE}" if folder else MANIFEST_FILE))
    except NotFound:
        return None
    except RunlakeError as error:
        output.message(f"warning: {error.message}")
        return None


def _print_version(version: ModelVersion, origin: VersionLineage | None) -> None:
    about = {
        "name": version.name,
        "version": version.version,
        "stage": version.current_stage,
        "aliases": ", ".join(f"@{alias}" for alias in sorted(version.aliases)),
        "description": version.description,
        "source": version.source,
        "model_id": version.model_id,
        "by": version.user_id,
        "made": moment(version.creation_timestamp),
        "changed": moment(version.last_updated_timestamp),
    }
    output.pairs({**_given(about), **{f"tags.{key}": value for key, value in sorted(version.tags.items())}})
    if origin is None or origin.run_id is None:
        return
    output.heading("lineage")
    output.pairs(_given(_lineage(origin)))


def _lineage(origin: VersionLineage) -> dict[str, Any]:
    fields = ("run_id", "run_name", "experiment_name", "source_name", "git_commit", "git_branch", "git_repository")
    found = {name: getattr(origin, name) for name in fields}
    if origin.git_dirty is not None:
        found["git_dirty"] = "yes" if origin.git_dirty else "no"
    for number, used in enumerate(origin.datasets, 1):
        found[f"dataset {number}"] = f"{used.name} ({used.digest}){f', {used.context}' if used.context else ''}"
    return found


def _print_signature(manifest: Model | None) -> None:
    if manifest is None:
        return
    output.heading("signature")
    if manifest.signature is None:
        output.line("the model has none")
    else:
        output.table(SIGNATURE, signature_rows(manifest.signature))


def _print_reports(reports: list[GateReport]) -> None:
    for report in reports:
        output.heading(f"gate of {report.target}: {'passed' if report.passed else 'not passed'}")
        print_rules(report.rules)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "")}
