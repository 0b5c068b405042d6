"""`runlake compact`: many small Parquet files become few large ones."""

from __future__ import annotations

from dataclasses import asdict

import click

from runlake.cli import output
from runlake.cli.bar import bar
from runlake.cli.options import folder_option, json_option, opened_folder
from runlake.sizes import size


@click.command(short_help="Merge small Parquet files into large ones.")
@folder_option
@json_option
def compact(store: str | None, as_json: bool) -> None:
    """Seal what ended processes left in journals, and merge the segments of each experiment into as few as can be.

    Runs may be logging and queries may be under way. Processes merge by themselves while they log, as far as is worth
    it; this goes further. What was merged is removed an hour later (RUNLAKE_REPLACED_GRACE_MS).
    """
    with opened_folder(store) as opened_store:
        opened_store.seal()
        with bar("merging segments") as move:
            done = opened_store.compactor.compact(progress=move)
        waiting = opened_store.catalog.replaced_segments()
    kept = sum(segment.bytes for segment in waiting)
    if as_json:
        output.json({**asdict(done), "kept_for_readers": {"files": len(waiting), "bytes": kept}})
        return
    rest = f"; {len(waiting):,} replaced ones, {size(kept)}, stay for now" if waiting else ""
    output.message(
        f"{done.files_before:,} segments became {done.files_after:,}: {done.points:,} points,"
        f" {size(done.bytes_before)} before, {size(done.bytes_after)} now{rest}"
    )
