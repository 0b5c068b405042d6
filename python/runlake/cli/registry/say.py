"""`runlake registry approve` and `check`: what people and pipelines say of a version, for gates to count."""

from __future__ import annotations

import click

from runlake import config
from runlake.cli import output
from runlake.cli.described import described
from runlake.cli.options import example, json_option, require_text, store_option
from runlake.cli.registry.references import Target, find, opened_for
from runlake.registry import gates


@click.command(
    short_help="Say that a version may become what a stage or an alias means.",
    epilog=example("runlake registry approve churn 7 @champion --comment 'looked at the slices'"),
)
@click.argument("name")
@click.argument("version")
@click.argument("target", type=Target())
@click.option("--comment", metavar="TEXT", help="Why, or what was looked at.")
@store_option
@json_option
def approve(name: str, version: str, target: str, comment: str | None, store: str | None, as_json: bool) -> None:
    """Approve of VERSION of the model NAME for TARGET, a stage or an @alias.

    It is said as the user of this machine or, on a server with --auth, as who is signed in. Whoever approves cannot
    count as an approval of their own promotion.
    """
    with opened_for(store, name) as opened_store:
        found = find(opened_store, name, version)
        kept = gates.approve(opened_store, found.name, found.version, target, comment, user_id=config.os_user())
    if as_json:
        output.json(described(kept))
    output.message(f"{kept.user_id} approves of version {kept.version} of {kept.name!r} for {kept.target}")


@click.command(
    short_help="Post the result of a check that was made elsewhere.",
    epilog=example("runlake registry check churn 7 shadow-7d --passed --details '{\"differ\": 0.001}'"),
)
@click.argument("name")
@click.argument("version")
@click.argument("check")
@click.option("--passed/--failed", "passed", required=True, help="What came of it.")
@click.option("--details", metavar="TEXT", callback=require_text, help="Text or JSON that is kept with the result.")
@store_option
@json_option
def check(
    name: str, version: str, check: str, passed: bool, details: str | None, store: str | None, as_json: bool
) -> None:
    """Post the result of CHECK, which a pipeline has made of VERSION of the model NAME.

    The latest result of each name counts for gates, and the log has all of them. The exit status is 0 when it was
    posted, whatever the result.
    """
    with opened_for(store, name) as opened_store:
        found = find(opened_store, name, version)
        user = config.os_user()
        kept = gates.post_check(opened_store, found.name, found.version, check, passed, details, user_id=user)
    if as_json:
        output.json(described(kept))
    output.message(f"{kept.check} of version {kept.version} of {kept.name!r} {'passed' if kept.passed else 'failed'}")
