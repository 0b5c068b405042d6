"""`runlake registry gate`: what a version has to fulfil before a stage or an alias may mean it."""

from __future__ import annotations

import click

from runlake import config
from runlake.cli import output
from runlake.cli.described import described
from runlake.cli.options import Count, example, json_option, require_text, store_option
from runlake.cli.registry.references import Target, opened_for
from runlake.cli.registry.rules import demands
from runlake.registry import gates, operations


@click.group(short_help="Say what a version has to fulfil before a stage or an alias may mean it.")
def gate() -> None:
    """Set, list and delete gates: what a version has to fulfil before a stage or an alias may mean it.

    On a server with --auth, setting and deleting them takes the right to manage the model.
    """


@gate.command(
    name="set",
    short_help="Set the gate of a target, in place of the one that it has.",
    epilog=example(
        "runlake registry gate set churn @champion --signature --approvals 2 --require 'metrics.val_auc > 0.89'",
        "runlake registry gate set churn Production --better-than 'Production by max(metrics.val_auc)'",
    ),
)
@click.argument("name")
@click.argument("target", type=Target())
@click.option(
    "--require",
    metavar="FILTER",
    callback=require_text,
    help="On the version's run: 'metrics.val_auc > 0.89 AND params.seed IS NOT NULL'.",
)
@click.option("--signature", is_flag=True, help="The model has a signature with inputs.")
@click.option("--pinned-environment", is_flag=True, help="Its requirements.txt has one version of each package.")
@click.option(
    "--tag", "tags", multiple=True, metavar="KEY", callback=require_text, help="It, or its run, has this tag. Repeat."
)
@click.option(
    "--better-than",
    metavar="RULE",
    callback=require_text,
    help="Than what a target means: '@champion by max(metrics.val_auc)'.",
)
@click.option(
    "--approvals",
    type=Count(min=0),
    default=0,
    metavar="COUNT",
    help="So many users approve, who promotes not counted.",
)
@click.option(
    "--check",
    "checks",
    multiple=True,
    metavar="NAME",
    callback=require_text,
    help="The latest result of this check is good. Repeat.",
)
@store_option
@json_option
def set_gate(
    name: str,
    target: str,
    require: str | None,
    signature: bool,
    pinned_environment: bool,
    tags: tuple[str, ...],
    better_than: str | None,
    approvals: int,
    checks: tuple[str, ...],
    store: str | None,
    as_json: bool,
) -> None:
    """Demand of every version of NAME that is to become TARGET what the options say.

    The gate that TARGET had is replaced. What TARGET means already stays.
    """
    with opened_for(store, name) as opened_store:
        made = gates.set_gate(
            *(opened_store, name, target),
            require=require,
            signature=signature,
            pinned_environment=pinned_environment,
            tags=tags,
            better_than=better_than,
            approvals=approvals,
            check=checks,
            user_id=config.os_user(),
        )
    if as_json:
        output.json(described(made))
    count = len(list(demands(made)))
    output.message(f"{made.target} of {made.name!r} has a gate of {count} rule{'' if count == 1 else 's'}")


@gate.command(name="list", short_help="List the gates of a model.", epilog=example("runlake registry gate list churn"))
@click.argument("name")
@store_option
@json_option
def list_gates(name: str, store: str | None, as_json: bool) -> None:
    """List the gates of the model NAME with their rules, by the names of the options that set them."""
    with opened_for(store, name) as opened_store:
        operations.get_registered_model(opened_store, name)
        found = gates.get_gates(opened_store, name)
    if as_json:
        output.json([described(one) for one in found])
        return
    rows = [(one.target, rule, demanded, one.user_id) for one in found for rule, demanded in demands(one)]
    if rows:
        output.table(("target", "rule", "demanded", "set by"), rows)
    else:
        output.message(f"{name!r} has no gates")


@gate.command(
    name="delete",
    short_help="Remove the gate of a target.",
    epilog=example("runlake registry gate delete churn @champion"),
)
@click.argument("name")
@click.argument("target", type=Target())
@store_option
@json_option
def delete_gate(name: str, target: str, store: str | None, as_json: bool) -> None:
    """Remove the gate of TARGET, a stage or an @alias of the model NAME. The log keeps that it was there."""
    with opened_for(store, name) as opened_store:
        gates.delete_gate(opened_store, name, target, user_id=config.os_user())
    if as_json:
        output.json({"name": name, "target": target, "deleted": True})
    output.message(f"{target} of {name!r} has no gate any more")
