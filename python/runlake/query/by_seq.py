"""By seq: the points of segments in the order in which their writers stored them, to be sent to another store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from runlake.query.forks import require_threads
from runlake.query.scan import STORED

if TYPE_CHECKING:
    from runlake.catalog import Range
    from runlake.query.reader import Lake

_BY_SEQ: Final = ("writer", "seq")


@dataclass(frozen=True)
class Stretch:
    """Points of one writer without a hole: those from `first` to before `upto`."""

    writer: str
    first: int
    upto: int
    _rows: pl.DataFrame

    def rows(self, first: int, most: int) -> pl.DataFrame:
        """Return at most `most` points from `first` on, in the columns of a segment, sorted by seq."""
        return self._rows.slice(first - self.first, most)


def points_by_seq(lake: Lake, have: Callable[[Sequence[str]], Mapping[str, int]]) -> Iterator[Stretch]:
    """Give the points of all segments that somebody lacks, those of each writer in rising order of seq.

    As many points are in memory at once as one seal has written.

    Args:
        have: Returns, for some writers, the first seq that is lacking. It is asked before a segment is read, and
            segments without such points are not.

    Raises:
        FileNotFoundError: a segment is gone; ask again.
    """
    require_threads()
    for ranges, paths in _seals(lake):
        known = have([writer for writer, _, _ in ranges])
        wanted = [(writer, max(first, known[writer]), upto) for writer, first, upto in ranges if upto > known[writer]]
        if wanted:
            yield from _stretches(_read(paths, wanted))


def _seals(lake: Lake) -> Iterator[tuple[list[Range], list[Path]]]:
    """Give, for each seal in the order of commits, its ranges and the files that it wrote."""
    ranges_of = lake.catalog.segment_ranges()
    files: dict[tuple[Range, ...], list[Path]] = {}
    for segment in lake.catalog.plan().segments:
        files.setdefault(tuple(ranges_of.get(segment.segment_id, ())), []).append(lake.segments_dir / segment.path)
    for ranges, paths in files.items():
        yield list(ranges), paths


def _read(paths: Sequence[Path], wanted: Sequence[Range]) -> pl.DataFrame:
    bounds = pl.LazyFrame(wanted, schema={"writer": pl.String, "_first": pl.Int64, "_upto": pl.Int64}, orient="row")
    return (
        pl.scan_parquet(list(paths), schema=STORED, extra_columns="ignore")
        .join(bounds, on="writer")
        .filter(pl.col("seq") >= pl.col("_first"), pl.col("seq") < pl.col("_upto"))
        .select(STORED.names())
        .sort(_BY_SEQ)
        .collect()
    )


def _stretches(rows: pl.DataFrame) -> Iterator[Stretch]:
    """Cut sorted rows where the writer changes and where there is a hole."""
    follows = (pl.col("writer") == pl.col("writer").shift()) & (pl.col("seq") == pl.col("seq").shift() + 1)
    starts = rows.select(pl.arg_where(~follows.fill_null(value=False))).to_series().to_list()
    for start, end in zip(starts, [*starts[1:], rows.height], strict=True):
        first = int(rows.item(start, "seq"))
        yield Stretch(rows.item(start, "writer"), first, first + end - start, rows.slice(start, end - start))
