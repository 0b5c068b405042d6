"""`runlake gc`: deleted runs and leftover files, removed for good."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

import click

from runlake import garbage
from runlake.cli import output
from runlake.cli.bar import bar
from runlake.cli.options import folder_option, json_option, opened_folder
from runlake.garbage import Found, Item

_AGE: Final = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_UNITS_MS: Final = (86_400_000, 3_600_000, 60_000, 1000)
_DEFAULT_MS: Final = 30 * 86_400_000


class Age(click.ParamType[int]):
    """A span of time such as `30d`, `12h` or `1d2h3m4s`, in milliseconds."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = _AGE.fullmatch(str(value))
        if match is None or not any(match.groups()):
            self.fail(f"{value!r} is no span of time; write 30d, 12h or 1d2h3m4s", param, ctx)
        return sum(int(number or 0) * unit for number, unit in zip(match.groups(), _UNITS_MS, strict=True))


@click.command(short_help="Remove deleted runs and leftover files for good.")
@click.option(
    "--older-than",
    type=Age(),
    metavar="AGE",
    help="Only runs and experiments deleted that long ago: 30d, 12h, 1d2h3m4s. Default: 30d, or with --run any time.",
)
@click.option("--run", "runs", multiple=True, metavar="RUN_ID", help="Only this deleted run; may be given repeatedly.")
@click.option("--delete", is_flag=True, help="Remove it. Without this only a list of what would go is printed.")
@click.option("--damaged", is_flag=True, help="Files that cannot be read go as well. Copy them first if in doubt.")
@folder_option
@json_option
def gc(
    older_than: int | None, runs: tuple[str, ...], delete: bool, damaged: bool, store: str | None, as_json: bool
) -> None:
    """List what nobody needs any more, and with --delete remove it for good.

    That is: deleted runs with their points, parameters and artifacts; deleted experiments when none of their runs
    stays; files that a process which died has left among the segments; and files that were merged into others an hour
    ago; and packages and changes in provenance/ that no run names any more and that are older than a day. Runs that
    registered model versions are of stay, and so does whatever a living process may be using.
    """
    age_ms = (0 if runs else _DEFAULT_MS) if older_than is None else older_than
    run_ids = runs or None
    with opened_folder(store) as opened_store:
        if delete:
            with bar("removing points of deleted runs") as move:
                found = garbage.remove(opened_store, age_ms, damaged=damaged, run_ids=run_ids, progress=move)
        else:
            found = garbage.find(opened_store, age_ms, damaged=damaged, run_ids=run_ids)
    if as_json:
        output.json({"deleted": delete, "going": [*map(asdict, found.going)], "kept": [*map(asdict, found.kept)]})
        return
    if found.going or found.kept:
        rows = [(*_row(item), "removed" if delete else "would go") for item in found.going]
        rows += [(*_row(item), "stays") for item in found.kept]
        output.table(("kind", "name", "points", "bytes", "since", "why", "what"), rows)
    output.message(_summary(found, delete))


def _row(item: Item) -> tuple[Any, ...]:
    since = None if item.since_ms is None else datetime.fromtimestamp(item.since_ms / 1000, UTC)
    return item.kind, item.name, item.points, item.bytes, since, item.why


def _summary(found: Found, deleted: bool) -> str:
    runs = len(found.names("run"))
    files = sum(item.kind not in ("run", "experiment") for item in found.going)
    what = f"{runs:,} runs, {len(found.names('experiment')):,} experiments and {files:,} files"
    size = output.size(sum(item.bytes for item in found.going))
    if deleted:
        return f"{what} removed, {size}" if found.going else "there was nothing to remove"
    return f"{what} would go, {size}; --delete removes them" if found.going else "there is nothing to remove"
