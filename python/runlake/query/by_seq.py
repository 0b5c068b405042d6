"""By seq: the points of segments in the order in which their writers stored them, to be sent to another store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from runlake.query.forks import require_threads
from runlake.query.scan import AGGREGATES, STORED

if TYPE_CHECKING:
    from runlake.catalog import Range
    from runlake.query.reader import Lake

_BY_SEQ: Final = ("writer", "seq")
_PORTION_POINTS: Final = 1 << 21
_COLUMNS: Final = pl.Schema({**STORED, **AGGREGATES})


@dataclass(frozen=True)
class Stretch:
    """Points of one writer without a hole: those from `first` to before `upto`."""

    writer: str
    first: int
    upto: int
    _rows: pl.DataFrame

    def rows(self, first: int, most: int) -> pl.DataFrame:
        """Return at most `most` points from `first` on, in the columns of a segment with windows, sorted by seq."""
        return self._rows.slice(first - self.first, most)


def points_by_seq(lake: Lake, have: Callable[[Sequence[str]], Mapping[str, int]]) -> Iterator[Stretch]:
    """Give the points of all segments that somebody lacks, those of each writer in rising order of seq.

    About two million points are in memory at once, or what one seal has written of one writer.

    Args:
        have: Returns, for some writers, the first seq that is lacking. It is asked before segments are read, and
            those without such points are not.

    Raises:
        FileNotFoundError: a segment is gone; ask again.
    """
    require_threads()
    for ranges, paths in _portions(lake):
        known = have([writer for writer, _, _ in ranges])
        wanted = [(writer, max(first, known[writer]), upto) for writer, first, upto in ranges if upto > known[writer]]
        if wanted:
            yield from _stretches(_read(paths, wanted))


def _portions(lake: Lake) -> Iterator[tuple[list[Range], list[Path]]]:
    """Give ranges, of each writer in rising order, and the files that hold their points.

    A range may have points of several experiments, and so be in several files; a compacted file has many ranges.
    """
    ranges_of = lake.catalog.segment_ranges()
    holders: dict[Range, list[Path]] = {}
    turns: dict[str, int] = {}
    for segment in lake.catalog.plan().segments:
        for one in ranges_of.get(segment.segment_id, ()):
            holders.setdefault(one, []).append(lake.segments_dir / segment.path)
            turns.setdefault(one[0], len(turns))  # writers that share files come one after the other
    ordered = sorted(holders, key=lambda one: (turns[one[0]], one[1]))
    start = points = 0
    for end, (_, first, upto) in enumerate(ordered):
        if points and points + upto - first > _PORTION_POINTS:
            yield _portion(ordered[start:end], holders)
            start, points = end, 0
        points += upto - first
    if start < len(ordered):
        yield _portion(ordered[start:], holders)


def _portion(ranges: list[Range], holders: Mapping[Range, list[Path]]) -> tuple[list[Range], list[Path]]:
    return ranges, list(dict.fromkeys(path for one in ranges for path in holders[one]))


def _read(paths: Sequence[Path], wanted: Sequence[Range]) -> pl.DataFrame:
    bounds = pl.LazyFrame(wanted, schema={"writer": pl.String, "_first": pl.Int64, "_upto": pl.Int64}, orient="row")
    return (
        pl.scan_parquet(list(paths), schema=_COLUMNS, extra_columns="ignore", missing_columns="insert")
        .join(bounds, on="writer")
        .filter(pl.col("seq") >= pl.col("_first"), pl.col("seq") < pl.col("_upto"))
        .select(_COLUMNS.names())
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
