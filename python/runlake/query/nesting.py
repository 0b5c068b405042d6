"""Nesting: runs that were started inside others, below those, where both are among the runs that are asked for."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from runlake.query.filter.nodes import Field, Form, Kind
from runlake.query.ordered import OrderedRuns

_RUN_ID = Field(Kind.ATTRIBUTE, "run_id")


@dataclass(frozen=True)
class Nested:
    """Rows of one level in the order of the question, and how many runs are right below each."""

    rows: pl.Series
    children: pl.Series


def nested(found: OrderedRuns, tag: str, parent: str | None = None) -> Nested:
    """Return the runs that are below none of the others, or those right below one.

    A run whose parent is not among the runs, for a filter leaves it out or it was deleted, is below none. Runs that are
    each other's parents are in no level.

    Args:
        tag: Key of the tag that has the id of the parent.
    """
    field = Field(Kind.TAG, tag)
    if tag not in found.table.keys(Kind.TAG):
        rows = found.rows if parent is None else found.rows.clear()
        return Nested(rows, pl.zeros(len(rows), pl.UInt32, eager=True))
    frame = found.kept(("nested", tag), lambda: _levels(found, field))
    level = frame.filter(pl.col("parent").is_null() if parent is None else pl.col("parent") == parent)
    return Nested(level["row"], level["children"])


def _levels(found: OrderedRuns, field: Field) -> pl.DataFrame:
    ids, parents = (found.table.field(one, Form.TEXT, found.rows) for one in (_RUN_ID, field))
    known = parents.alias("parent").set(
        ~parents.is_in(ids.implode()), None
    )  # one that is not there has nothing below it
    counts = known.drop_nulls().value_counts(name="children").rename({known.name: "id"})
    frame = pl.DataFrame({"row": found.rows, "id": ids, "parent": known})
    joined = frame.join(counts, on="id", how="left", maintain_order="left")
    return joined.select("row", "parent", pl.col("children").fill_null(0).cast(pl.UInt32))
