"""`runlake registry list` and `search`: registered models and versions that a filter selects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import click

from runlake.cli import output
from runlake.cli.described import aliases_of, described, joined, moment, since
from runlake.cli.options import example, json_option, limit_option, opened, require_text, sort_option, store_option
from runlake.cli.registry import searching
from runlake.entities import ModelVersion, RegisteredModel

_MODELS: Final = ("name", "latest", "stages", "aliases", "tags", "description", "changed")
_VERSIONS: Final = ("name", "version", "stage", "aliases", "run", "tags", "by", "made")
_SHOWN: Final = 50
_UNSTAGED: Final = "None"


def _page_options(what: str) -> Callable[[Any], Any]:
    """Add `--sort` and `--limit`."""
    sort = sort_option("FIELD", "last_updated_timestamp DESC")
    return lambda command: sort(limit_option(what, _SHOWN)(command))


@click.command(
    name="list",
    short_help="List registered models.",
    epilog=example("runlake registry list --where \"name LIKE 'churn%' AND tags.team = 'risk'\""),
)
@click.option("-w", "--where", metavar="FILTER", callback=require_text, help="Like \"tags.team = 'risk'\".")
@_page_options("models")
@store_option
@json_option
def list_models(where: str | None, sorts: tuple[str, ...], limit: int, store: str | None, as_json: bool) -> None:
    """List registered models, by name, with what their stages and aliases mean."""
    with opened(store) as opened_store:
        found, more = searching.models(opened_store, where, limit, sorts)
    if as_json:
        output.json([_described(model) for model in found])
    else:
        output.table(_MODELS, [_model(model) for model in found])
    if more:
        output.message(f"{len(found):,} models, and there are more; --limit 0 shows all")


@click.command(
    short_help="Search the versions of all models.",
    epilog=example("runlake registry search \"name = 'churn' AND tags.data = '2026-01'\" --sort 'version_number DESC'"),
)
@click.argument("where", metavar="[FILTER]", required=False, callback=require_text)
@_page_options("versions")
@store_option
@json_option
def search(where: str | None, sorts: tuple[str, ...], limit: int, store: str | None, as_json: bool) -> None:
    """List the versions of registered models that FILTER selects, or all; what changed last comes first.

    A filter is on name, version_number, current_stage, run_id, model_id, source_path, description, user_id,
    creation_timestamp, last_updated_timestamp and tags.
    """
    with opened(store) as opened_store:
        found, more = searching.versions(opened_store, where, limit, sorts)
    if as_json:
        output.json([described(version) for version in found])
    else:
        output.table(_VERSIONS, [_version(version) for version in found])
    if more:
        output.message(f"{len(found):,} versions, and there are more; --limit 0 shows all")


def _described(model: RegisteredModel) -> dict[str, Any]:
    stages = {version.current_stage: version.version for version in model.latest_versions}
    return {**described(model), "latest_versions": stages}


def _model(model: RegisteredModel) -> tuple[Any, ...]:
    latest = max((version.version for version in model.latest_versions), default=None)
    staged = [version for version in model.latest_versions if version.current_stage != _UNSTAGED]
    stages = ", ".join(f"{version.current_stage} {version.version}" for version in staged)
    aliases = ", ".join(f"@{alias} {version}" for alias, version in sorted(model.aliases.items()))
    changed = moment(model.last_updated_timestamp)
    return model.name, latest, stages, aliases, joined(model.tags), model.description, changed


def _version(version: ModelVersion) -> tuple[Any, ...]:
    about = version.run_id, joined(version.tags), version.user_id, since(version.creation_timestamp)
    return version.name, version.version, version.current_stage, aliases_of(version), *about
