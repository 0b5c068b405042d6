"""`runlake demo`: a real sweep, and what it shows."""

from __future__ import annotations

import importlib

import click

from runlake.cli import output
from runlake.cli.options import folder_option, json_option
from runlake.errors import MissingExtra
from runlake.location import store_root

_PACKAGES = ("numpy", "sklearn", "matplotlib")


@click.command(short_help="Fill a store with a real sweep, to look into.")
@folder_option
@json_option
def demo(store: str | None, as_json: bool) -> None:
    """Run a sweep of 96 small networks over scikit-learn's digits, logging every mini-batch.

    It takes less than a minute and asks for the extra `demo`: pip install 'runlake[demo]'.
    """
    _require_extra()
    from runlake.demo import program

    report = program.run(store_root(store))
    if as_json:
        output.json(report.to_dictionary())
    else:
        program.show(report, given_store=store)


def _require_extra() -> None:
    """Refuse before anything is made when a package is missing that the sweep will need.

    Raises:
        MissingExtra: one of the packages of the extra `demo` is not installed.
    """
    for module in _PACKAGES:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            hint = "pip install 'runlake[demo]'"
            raise MissingExtra(f"the demo needs {module}, which is not installed", hint=hint) from error
