"""`runlake models verify`: does a model work in the environment that it says it needs?"""

from __future__ import annotations

import click

from runlake.cli import output
from runlake.cli.models.places import in_force
from runlake.cli.options import example, json_option, store_option
from runlake.models import verification
from runlake.models.verification import State, Verification


@click.command(
    short_help="Rebuild the environment of a model and run its example there.",
    epilog=example("runlake models verify models:/churn@champion --json"),
)
@click.argument("model_uri", metavar="MODEL")
@click.option("--python", metavar="PYTHON", help="Interpreter to build with. Default: one of the recorded version.")
@click.option("--keep", is_flag=True, help="Leave the environment where it is, to look into.")
@click.option("--trust-pickle", is_flag=True, help="Load pickles in the model, which run whatever code is in them.")
@store_option
@json_option
@click.pass_context
def verify(
    context: click.Context,
    model_uri: str,
    python: str | None,
    keep: bool,
    trust_pickle: bool,
    store: str | None,
    as_json: bool,
) -> None:
    """Rebuild the environment of a model and run the model's example in it.

    The environment is a virtual one, made with the standard library's venv and pip, which takes its index and other
    settings from where it always does (pip.conf, PIP_INDEX_URL, PIP_CONSTRAINT, ...). It is removed in the end. What
    the model requires is installed and its code is run, as when it is loaded: do this to models of people you trust.

    The exit status is 1 when a check failed.
    """
    in_force(store, model_uri)
    found = verification.verify(
        model_uri,
        python=python,
        keep=keep,
        trust_pickle=trust_pickle,
        progress=(lambda _: None) if as_json else lambda says: output.message(f"{says} ..."),
    )
    if as_json:
        output.json(_as_json(model_uri, found))
    else:
        output.table(("state", "check", "finding"), [(one.state, one.name, one.says) for one in found.checks])
        _conclude(found)
    context.exit(0 if found.passed else 1)


def _conclude(found: Verification) -> None:
    if found.venv is not None:
        output.message(f"the environment is {found.venv}")
    failed = [one.name for one in found.checks if one.state is State.FAILED]
    output.message(f"the model does not work as recorded: {', '.join(failed)}" if failed else "the model works")


def _as_json(model_uri: str, found: Verification) -> dict[str, object]:
    return {
        "model": model_uri,
        "passed": found.passed,
        "environment": None if found.venv is None else str(found.venv),
        "checks": [{"check": one.name, "state": one.state, "says": one.says} for one in found.checks],
    }
