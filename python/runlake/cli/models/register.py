"""`runlake models register`: a model that was logged becomes the next version of a registered one."""

from __future__ import annotations

import click

from runlake import config, names
from runlake.cli import output
from runlake.cli.described import described
from runlake.cli.models.places import in_force
from runlake.cli.options import Tag, example, json_option, opened, require_text, store_option
from runlake.cli.registry.rules import report_of
from runlake.entities import ModelVersion
from runlake.errors import PromotionRefused
from runlake.models import registering
from runlake.promotion import GateReport
from runlake.registry import operations
from runlake.stores import AnyStore


@click.command(
    short_help="Register a model as the next version of a name.",
    epilog=example("runlake models register runs:/RUN/model churn --tag data=2026-01 --alias challenger"),
)
@click.argument("model_uri", metavar="MODEL")
@click.argument("name")
@click.option("--tag", "tags", multiple=True, type=Tag(), metavar="KEY=VALUE", help="Of the version. May be repeated.")
@click.option(
    "--alias", metavar="ALIAS", callback=require_text, help="Let it mean the version, if the gate of the alias lets it."
)
@click.option("--description", metavar="TEXT", help="Of the version.")
@store_option
@json_option
@click.pass_context
def register(
    context: click.Context,
    model_uri: str,
    name: str,
    tags: tuple[tuple[str, str], ...],
    alias: str | None,
    description: str | None,
    store: str | None,
    as_json: bool,
) -> None:
    """Register MODEL as the next version of NAME, which is made if it is not there, and print the number.

    If the gate of --alias refuses the version, it is registered without it, and the exit status is 1.
    """
    alias = None if alias is None else names.check_new_alias(alias.removeprefix("@"))
    in_force(store, model_uri)
    with opened(store) as opened_store:
        made = registering.register(opened_store, model_uri, name, tags=dict(tags), description=description)
        refused = None if alias is None else _refusal(opened_store, made, alias)
        made = operations.get_model_version(opened_store, made.name, made.version)
    if as_json:
        output.json({**described(made), "refused": None if refused is None else report_of(refused)})
    else:
        output.line(str(made.version))
        output.message(f"{model_uri} is version {made.version} of {made.name!r}")
    if refused is not None:
        unmet = "".join(f"\n  {rule}" for rule in refused.unmet)
        counted = f"{len(refused.unmet)} of {len(refused.rules)} rules unmet"
        output.message(f"error: it does not become {refused.target}: {counted}{unmet}")
        context.exit(1)


def _refusal(store: AnyStore, version: ModelVersion, alias: str) -> GateReport | None:
    """Let an alias mean a version; return what its gate has found when it does not let it."""
    try:
        who = config.os_user()
        operations.set_registered_model_alias(store, version.name, alias, version.version, user_id=who)
    except PromotionRefused as refused:
        if refused.report is None:
            raise
        return refused.report
    return None
