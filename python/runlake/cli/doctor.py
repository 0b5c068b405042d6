"""`runlake doctor`: is the store whole, and is it the one that was meant?"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import click

from runlake.checkup import Finding, State, examine, repair
from runlake.checkup.findings import Progress
from runlake.checkup.folder import check_environment
from runlake.checkup.repairing import Report
from runlake.cli import output
from runlake.cli.options import folder_of, folder_option, json_option
from runlake.cli.other_stores import check_other_stores


@click.command(short_help="Check the store to every byte, and repair it.")
@click.option("--quick", is_flag=True, help="Compare footers and sizes instead of reading every segment.")
@click.option("--repair", "repairs", is_flag=True, help="Put in order what can be; see below.")
@folder_option
@json_option
@click.pass_context
def doctor(context: click.Context, quick: bool, repairs: bool, store: str | None, as_json: bool) -> None:
    """Check the store: folder, journals, catalog, segments, artifacts; and note scripts that log elsewhere as well.

    Nothing is changed, and others may use the store meanwhile. Each finding says what, where, what it means and what to
    do about it.

    With --repair, the catalog's lists and summaries are made anew from the segments wherever they disagree, lake.json
    and a catalog.db that is broken or gone are brought back as far as they are known, and what is missing is noted, run
    by run. Nothing that holds a point is removed. No process may be logging to the store. If it is interrupted, run it
    again.

    The exit status is 1 when something is wrong, or was lost; after --repair, when something is wrong still.
    """
    root = folder_of(store)
    report = _repaired(root, as_json) if repairs else None
    findings = list(_examined(root, read=not quick, quiet=as_json))
    unhealthy = [one for one in findings if not one.is_healthy]
    failed = [one for one in unhealthy if one.state is State.WRONG] if repairs else unhealthy
    if as_json:
        found = [_as_json(one) for one in findings]
        did = {} if report is None else {"repaired": report.did}
        output.json({"store": str(root), "healthy": not unhealthy, **did, "checks": found})
    else:
        for says in report.did if report is not None else ():
            output.message(says)
        rows = [(one.state, one.check, one.says, one.hint or "") for one in findings]
        output.table(("state", "check", "finding", "hint"), rows)
    context.exit(1 if failed else 0)


def _as_json(finding: Finding) -> dict[str, object]:
    return {"check": finding.check, "state": finding.state, "says": finding.says, "hint": finding.hint} | {
        "details": finding.details
    }


def _repaired(root: Path, quiet: bool) -> Report:
    with _progress("reading segments", quiet) as progress:
        report = repair(root, progress=progress)
    if not report.did:
        report.did.append("nothing had to be repaired")
    return report


def _examined(root: Path, *, read: bool, quiet: bool) -> Iterator[Finding]:
    yield from check_environment()
    with _progress("checking segments", quiet) as progress:
        findings = list(examine(root, read=read, progress=progress, also=check_other_stores))
    yield from findings


@contextlib.contextmanager
def _progress(label: str, quiet: bool) -> Iterator[Progress]:
    """Show how far it is, to people who watch."""
    console = output.console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _done, _total: None
        return
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn(label), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
