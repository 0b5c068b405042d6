"""`runlake seal`: points out of the journals and into Parquet, where other programs read them."""

from __future__ import annotations

import click

from runlake.cli import output
from runlake.cli.options import folder_option, json_option, opened_folder
from runlake.store import Store


@click.command(short_help="Move points into Parquet files, for other programs.")
@folder_option
@json_option
def seal(store: str | None, as_json: bool) -> None:
    """Write the points that ended processes left in journals into segments, which are Parquet.

    runlake reads both and needs no seal; DuckDB, Spark and others read segments only. Processes that are logging seal
    what they have themselves, 64 MiB at a time and when they end.
    """
    with opened_folder(store) as opened_store:
        before = _sealed(opened_store)
        opened_store.seal()
        sealed, left = _sealed(opened_store) - before, _unsealed(opened_store)
    if as_json:
        output.json({"sealed": sealed, "in_journals": left})
        return
    rest = f"; {left:,} of processes that are logging stay in their journals" if left else ""
    output.message(f"{sealed:,} points sealed{rest}")


def _sealed(store: Store) -> int:
    """Points in all segments."""
    return sum(segment.rows for segment in store.catalog.plan().segments)


def _unsealed(store: Store) -> int:
    """Points that no segment holds yet."""
    ranges = store.journals().writers()  # before the catalog is asked, as a seal in between takes nothing away then
    sealed = store.catalog.plan([], writers=[writer for writer, _, _ in ranges]).sealed
    return sum(upto - max(first, sealed.get(writer, 0)) for writer, first, upto in ranges)
