"""`runlake models`: what can be done with a saved, logged or registered model without writing a program."""

from __future__ import annotations

import click

from runlake.cli.models.download import download
from runlake.cli.models.listing import list_models
from runlake.cli.models.predict import predict
from runlake.cli.models.register import register
from runlake.cli.models.show import show, signature
from runlake.cli.models.verify import verify


@click.group(short_help="List, show, check, run and register models.")
def models() -> None:
    """List, show, check, run and register models that were saved or logged.

    A model is a folder, or a URI: runs:/RUN/NAME, models:/ID, models:/NAME/VERSION, models:/NAME@ALIAS.

    The exit status is 0 when it was done, 1 when it was refused or has failed, 2 when the command is wrong.
    """


for command in (list_models, show, signature, register, download, predict, verify):
    models.add_command(command)
