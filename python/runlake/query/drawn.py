"""Drawn runs: the first of an order, with those that are pinned and without those that are hidden."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from runlake.query.filter.nodes import Field, Form, Kind
from runlake.query.ordered import OrderedRuns


def drawn_rows(
    found: OrderedRuns, ordered: pl.Series, top: int, pins: Sequence[str] = (), hides: Sequence[str] = ()
) -> pl.Series:
    """Return the rows of pinned runs, whatever a filter says, and then the first `top` of `ordered`; none is hidden."""
    pinned, hidden = places_of(found, pins), places_of(found, hides)
    rest = ordered.head(top + len(pinned) + len(hidden))
    rest = rest.filter(~rest.is_in(pl.concat([pinned, hidden]).implode())).head(top)
    return pl.concat([pinned.filter(~pinned.is_in(hidden.implode())), rest])


def places_of(found: OrderedRuns, ids: Sequence[str]) -> pl.Series:
    """Return the rows of runs, each once, in the order of their ids; those that are not there are left out."""
    if not ids:
        return pl.Series("row", [], pl.UInt32)
    known = found.table.field(Field(Kind.ATTRIBUTE, "run_id"), Form.TEXT)
    wanted = pl.DataFrame({"run_id": list(dict.fromkeys(ids))}, {"run_id": pl.String})
    places = known.to_frame("run_id").with_row_index("row")
    return wanted.join(places, on="run_id", maintain_order="left")["row"]
