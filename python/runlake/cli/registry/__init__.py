"""`runlake registry`: registered models, their versions, what guards them, and who did what."""

from __future__ import annotations

import click

from runlake.cli.registry.change import create, describe, rename, tag, untag
from runlake.cli.registry.delete import delete
from runlake.cli.registry.gate import gate
from runlake.cli.registry.history import log, verify
from runlake.cli.registry.listing import list_models, search
from runlake.cli.registry.promote import alias, promote, unalias
from runlake.cli.registry.say import approve, check
from runlake.cli.registry.show import show


@click.group(short_help="Promote versions of models, guard them with gates, see who did what.")
def registry() -> None:
    """Promote versions of registered models, guard stages and aliases with gates, and see who did what.

    A version is named by its number, or by what means it: @champion, Production, latest. On a server with --auth,
    RUNLAKE_TRACKING_TOKEN says who asks.

    The exit status is 0 when it was done, 1 when it was refused or has failed, 2 when the command is wrong.
    """


_PROMOTING = (promote, alias, unalias, gate, approve, check)
_LOOKING = (list_models, show, search, log, verify)
_CHANGING = (create, rename, describe, tag, untag, delete)

for command in (*_PROMOTING, *_LOOKING, *_CHANGING):
    registry.add_command(command)
