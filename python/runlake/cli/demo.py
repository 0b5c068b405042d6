"""`runlake demo`: a real sweep, and what it shows."""

from __future__ import annotations

import click

from runlake.cli import output
from runlake.cli.options import json_option, store_option
from runlake.errors import MissingExtra
from runlake.location import store_root


@click.command()
@store_option
@json_option
def demo(store: str | None, as_json: bool) -> None:
    """Run a sweep of 96 small networks over scikit-learn's digits, logging every mini-batch.

    It takes less than a minute and asks for the extra `demo`: pip install 'runlake[demo]'.
    """
    try:
        from runlake.demo import program
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"the demo needs {error.name}, which is not installed", hint="pip install 'runlake[demo]'"
        ) from error
    report = program.run(store_root(store))
    if as_json:
        output.json(report.to_dictionary())
    else:
        program.show(report, given_store=store)
