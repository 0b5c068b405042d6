"""`runlake doctor`: is the store whole, and is it the one that was meant?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from runlake.cli import checks, output
from runlake.cli.checks import Finding, State
from runlake.cli.options import folder_of, folder_option, json_option, opened_folder
from runlake.cli.other_stores import check_other_stores
from runlake.errors import RunlakeError


@click.command(short_help="Check the store, to every byte of its segments.")
@click.option("--quick", is_flag=True, help="Compare sizes instead of reading every segment.")
@folder_option
@json_option
@click.pass_context
def doctor(context: click.Context, quick: bool, store: str | None, as_json: bool) -> None:
    """Check the store: folder, journals, catalog and every segment; and note scripts that log elsewhere as well.

    The exit status is 1 when something is wrong.
    """
    root = folder_of(store)
    findings = list(_examined(root, read=not quick))
    wrong = sum(finding.state is State.WRONG for finding in findings)
    if as_json:
        output.json({"store": str(root), "healthy": not wrong, "checks": [vars(finding) for finding in findings]})
    else:
        rows = [(finding.state, finding.check, finding.says, finding.hint or "") for finding in findings]
        output.table(("state", "check", "finding", "hint"), rows)
    context.exit(1 if wrong else 0)


def _examined(root: Path, *, read: bool) -> Iterator[Finding]:
    """Run the checks; the first one that cannot go on is the last."""
    yield from checks.check_environment()
    try:
        about_store, *about_folder = checks.check_folder(root)
        yield from (about_store, *about_folder)
        if about_store.state is State.WRONG:
            return
        yield from checks.check_journals(root)
        with opened_folder(str(root)) as store:
            yield Finding("open", State.OK, "the store opens")
            yield from checks.check_catalog(store)
            yield from checks.check_segments(store, read=read)
            yield from check_other_stores(store)
    except RunlakeError as error:
        yield Finding("open", State.WRONG, error.message, error.hint)
