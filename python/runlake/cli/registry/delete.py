"""`runlake registry delete`: a model with its versions, or one version."""

from __future__ import annotations

import sys

import click

from runlake import config
from runlake.cli import output
from runlake.cli.options import example, json_option, store_option
from runlake.cli.registry.references import find, opened_for, parsed
from runlake.cli.registry.searching import versions_of
from runlake.errors import InvalidInput
from runlake.registry import operations
from runlake.stores import AnyStore


@click.command(
    short_help="Delete a model, or one of its versions.", epilog=example("runlake registry delete churn/3 --yes")
)
@click.argument("reference", metavar="NAME[/VERSION]")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@store_option
@json_option
@click.pass_context
def delete(context: click.Context, reference: str, yes: bool, store: str | None, as_json: bool) -> None:
    """Delete the model NAME with all of its versions, or one version.

    What a stage or an alias with a gate means cannot be deleted. The number of a version is not used again, runs and
    logged models stay, and so does the log.
    """
    name, version = parsed(reference)
    with opened_for(store, name) as opened_store:
        number = None if version is None else find(opened_store, name, version).version
        what = _described(opened_store, name, number)
        if not yes and not _confirmed(what):
            output.message("nothing was deleted")
            context.exit(1)
        if number is None:
            operations.delete_registered_model(opened_store, name, user_id=config.os_user())
        else:
            operations.delete_model_version(opened_store, name, number, user_id=config.os_user())
    if as_json:
        output.json({"name": name, "version": number, "deleted": True})
    output.message(f"deleted {what}")


def _described(store: AnyStore, name: str, number: int | None) -> str:
    if number is not None:
        return f"version {number} of {name!r}"
    operations.get_registered_model(store, name)
    count = len(versions_of(store, name, 0)[0])
    return f"{name!r} with {count:,} version{'' if count == 1 else 's'}"


def _confirmed(what: str) -> bool:
    """Ask whoever sits there.

    Raises:
        InvalidInput: nobody does.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise InvalidInput(f"nobody is there to be asked about deleting {what}", hint="--yes deletes without asking")
    return click.confirm(f"Delete {what}?", err=True)
