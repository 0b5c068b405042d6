"""`runlake grant`: what a user of a server that runs with --auth may do."""

from __future__ import annotations

from typing import Final

import click

from runlake import access
from runlake.access import Kind, Level
from runlake.cli import output
from runlake.cli.options import folder_option, opened_folder, require_text
from runlake.errors import NotFound
from runlake.store import Store

_LEVELS: Final[dict[str, Level | None]] = {**{level.name.lower(): level for level in Level}, "unset": None}


@click.command(short_help="Say what a user may do with experiments and models.")
@click.argument("user")
@click.argument("level", type=click.Choice(list(_LEVELS)))
@click.option(
    "-e", "--experiment", "experiments", multiple=True, metavar="NAME", callback=require_text, help="May be repeated."
)
@click.option("-m", "--model", "models", multiple=True, metavar="NAME", callback=require_text, help="May be repeated.")
@folder_option
def grant(user: str, level: str, experiments: tuple[str, ...], models: tuple[str, ...], store: str | None) -> None:
    """Say what USER may do with experiments and registered models.

    USER is the name of a user, or `everybody`. Without --experiment and --model it is said about all that nothing
    else is said about. `read` sees, `edit` also logs and changes, `manage` also deletes and grants, `none` sees
    nothing; `unset` takes back what was said. At first, everybody may read everything.
    """
    with opened_folder(store) as opened_store:
        targets = [(Kind.EXPERIMENT, _experiment_id(opened_store, name)) for name in experiments]
        targets += [(Kind.MODEL, name) for name in models]
        every: list[tuple[Kind, str | None]] = [(kind, None) for kind in Kind]
        for kind, resource in targets or every:
            access.grant(opened_store, user, _LEVELS[level], kind, resource)
    about = [*experiments, *(f"model {name}" for name in models)] or ["all experiments and models"]
    output.message(f"{user}: {level} on {', '.join(about)}")


def _experiment_id(store: Store, name: str) -> str:
    found = store.catalog.find_experiment(name)
    if found is None:
        raise NotFound(f"there is no experiment {name!r}")
    return found.experiment_id
