"""`runlake status`: what is still on its way to servers."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runlake.cli import output
from runlake.cli.options import folder_of, json_option
from runlake.errors import NotFound
from runlake.location import resolved
from runlake.remote.address import Address, is_address

if TYPE_CHECKING:
    from runlake.replication.outlook import Outlook


@click.command(short_help="Show what is still on its way to servers.")
@click.argument("place", required=False, metavar="[LAKE|URL]")
@json_option
def status(place: str | None, as_json: bool) -> None:
    """Show what of the store LAKE, or of what was logged to the server at URL from here, has not arrived yet.

    Without either, of everything that was logged to servers from here.
    """
    from runlake.replication.outlook import outlook

    shown = [(root, each) for root in _roots(place) for each in outlook(root)]
    if as_json:
        output.json([{"folder": str(root), **asdict(each)} for root, each in shown])
        return
    if not shown:
        output.message("nothing is on its way to a server")
    for root, each in shown:
        output.line(_line(root, each))
        for conflict in each.conflicts:
            output.line(f"  conflict: {conflict}")


def _roots(place: str | None) -> list[Path]:
    if place is not None:
        uri = resolved(place)
        return [_spool_of(uri) if is_address(uri) else folder_of(place)]
    from runlake.replication.folder import is_spool, spools_folder

    spools = spools_folder()
    return sorted(folder for folder in spools.iterdir() if is_spool(folder)) if spools.is_dir() else []


def _spool_of(uri: str) -> Path:
    from runlake.replication.folder import folder_for

    root = folder_for(Address.of(uri))
    if not root.exists():
        raise NotFound(
            f"nothing was logged to {Address.of(uri)} from here", hint=f"what is logged there waits in {root}"
        )
    return root


def _line(root: Path, each: Outlook) -> str:
    parts = [
        f"{each.runs:,} runs with changes" if each.runs else "",
        f"{each.points:,} points" if each.points else "",
        f"{each.files:,} artifacts ({output.size(each.file_bytes)})" if each.files else "",
    ]
    left = ", ".join(filter(None, parts))
    if not left:
        return f"{each.url}: has everything of {root}"
    away = "" if each.answers else ", and does not answer"
    return f"{each.url}: lacks {left}{away}; runlake sync {shlex.quote(str(root))} {each.url}"
