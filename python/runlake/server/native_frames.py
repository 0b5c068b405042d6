"""Native frames: runs, points and what is computed of them, as an Arrow stream or, where JSON is asked for, as rows.

A frame is sent as it is made: the next piece is worked on when the client has taken the one before, and nothing more is
done for a client that has gone.
"""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import orjson
from starlette.responses import StreamingResponse

from runlake.entities import ViewType
from runlake.errors import InvalidInput
from runlake.server.calls import Worker
from runlake.server.mlflow_entities import artifacts_of_run
from runlake.store import Store

if TYPE_CHECKING:
    import polars as pl

    from runlake.query.points import OneAStep
    from runlake.query.series import Axis

ARROW: Final = "application/vnd.apache.arrow.stream"
JSON: Final = "application/json"
_JSON_ROWS: Final = 10_000
_MOST_QUANTILES: Final = 1000  # each is a column, and a pass over what was measured
NOTES: Final = "x-runlake-notes"
"""Header with what there is to say of a frame besides its rows, as JSON."""


@dataclass(frozen=True)
class Shipment:
    """Frames of one schema, one at least, and what there is to say of them."""

    frames: Iterator[pl.DataFrame]
    notes: Mapping[str, Any] = field(default_factory=dict)


def runs(
    store: Store,
    experiments: str | list[str] | None = None,
    where: str | None = None,
    view: int = ViewType.ACTIVE_ONLY,
    schema: dict[str, str] | None = None,
    columns: list[str] | None = None,
    limit: int | None = None,
) -> Shipment:
    """Give one row a run; arguments as those of `runlake.runs`."""
    from runlake import query

    places = artifacts_of_run("{}", "{}")
    found = query.served_rows(
        *(store, experiments, where, view), schema=schema, columns=columns, limit=_size(limit), places=places
    )
    return Shipment(iter([found]))


def points(
    store: Store,
    runs: str | list[str] | dict[str, Any] | None = None,
    keys: str | list[str] | None = None,
    latest: str | None = None,
    align: str | None = None,
    aggregates: bool = False,
    columns: list[str] | None = None,
    limit: int | None = None,
    step: list[int | None] | None = None,
    timestamp: list[int | None] | None = None,
) -> Shipment:
    """Give points; arguments as those of `runlake.points`, and what their steps and timestamps are between."""
    from runlake import query

    return Shipment(
        query.point_pieces(
            *(store, _chosen(runs), keys),
            latest=cast("OneAStep", latest),
            align=cast("OneAStep", align),
            aggregates=aggregates,
            columns=columns,
            limit=_size(limit),
            step=_bounds("step", step),
            timestamp=_bounds("timestamp", timestamp),
        )
    )


def series(
    store: Store,
    runs: str | list[str] | dict[str, Any] | None,
    keys: str | list[str] | None,
    points: int = 1000,
    x: str = "step",
    start: int | None = None,
    end: int | None = None,
) -> Shipment:
    """Reduce metrics of runs to few buckets; arguments as those of `runlake.series`."""
    found = store.reads.series(_chosen(runs), keys, points=points, x=cast("Axis", x), start=start, end=end)
    return Shipment(iter([found]))


def band(
    store: Store,
    runs: str | list[str] | dict[str, Any] | None,
    key: str,
    by: str | list[str] | None = None,
    quantiles: list[float] | None = None,
    points: int | None = None,
) -> Shipment:
    """Give the distribution of a metric over runs; arguments as those of `runlake.band`."""
    levels = (0.1, 0.5, 0.9) if quantiles is None else quantiles
    if len(levels) > _MOST_QUANTILES:
        raise InvalidInput(f"quantiles has {len(levels)} entries; a server takes at most {_MOST_QUANTILES}")
    return Shipment(iter([store.reads.band(_chosen(runs), key, by=by, quantiles=levels, points=points)]))


def compare(
    store: Store,
    runs: str | list[str] | dict[str, Any] | None,
    only_different: bool = True,
    numbers: bool = False,
) -> Shipment:
    """Give what differs between runs; arguments as those of `runlake.compare`."""
    return Shipment(iter([store.reads.compare(_chosen(runs), only_different=only_different, numbers=numbers)]))


def listing(
    store: Store,
    experiments: str | list[str] | None = None,
    where: str | None = None,
    view: int = ViewType.ACTIVE_ONLY,
    order_by: list[str] | None = None,
    limit: int | None = None,
) -> Shipment:
    """List runs, sorted; notes are how many there are, and the columns that filter and order name."""
    from runlake import query

    found = store.reads.list_runs(experiments, where, view, order_by=order_by or (), limit=_size(limit))
    frame = query.with_places(found.frame, artifacts_of_run("{}", "{}"))
    return Shipment(iter([frame]), {"total": found.total, "named": list(found.named)})


def history(store: Store, run_id: str, key: str) -> Shipment:
    """Give every point of a metric by (timestamp, step, value)."""
    from runlake import query

    return Shipment(iter([query.history_frame(store, run_id, key)]))


FRAMES: Final[Mapping[str, Callable[..., Shipment]]] = {
    frame.__name__: frame for frame in (runs, points, series, band, compare, listing, history)
}
"""Every frame, by the name under which it is asked for."""


class Sending:
    """The pieces of an answer, made one after the other by threads of the pool, until `stop`."""

    def __init__(self, worker: Worker, pieces: Iterator[bytes]) -> None:
        self._worker = worker
        self._pieces = pieces
        self._lock = threading.Lock()
        self._stopped = False

    async def next(self) -> bytes:
        """Make the next piece; b"" at the end."""
        return await self._worker.run(self._next)

    def stop(self) -> None:
        """Make no more; what is being made in another thread is the last."""
        self._stopped = True
        self._worker.begin(self._close)

    def _next(self) -> bytes:
        with self._lock:
            return b"" if self._stopped else next(self._pieces, b"")

    def _close(self) -> None:
        with self._lock:
            close = getattr(self._pieces, "close", None)
            if close is not None:
                close()


async def send(worker: Worker, shipment: Shipment, kind: str) -> StreamingResponse:
    """Answer with frames. What goes wrong before there is a first piece is raised, so that it can be the answer."""
    from runlake import query

    to_bytes = query.to_stream if kind == ARROW else _to_json
    sending = Sending(worker, to_bytes(shipment.frames))
    try:
        first = await sending.next()
    except BaseException:
        sending.stop()
        raise
    headers = {NOTES: _ascii(shipment.notes)} if shipment.notes else None
    return StreamingResponse(_sent(sending, first), 200, headers, media_type=kind)


def _ascii(notes: Mapping[str, Any]) -> str:
    """Write JSON as a header can hold it: keys of metrics may have any letter."""
    return json.dumps(notes)


async def _sent(sending: Sending, piece: bytes) -> AsyncIterator[bytes]:
    try:
        while piece:
            yield piece
            piece = await sending.next()
    finally:
        sending.stop()


def _to_json(frames: Iterator[pl.DataFrame]) -> Iterator[bytes]:
    """Write frames as one object: the types of the columns, and the rows. Nothing is written before there are rows."""
    from runlake import query

    types: dict[str, str] = {}
    begun = False
    for frame in frames:
        types = types or query.types_of(frame)
        for piece in frame.iter_slices(_JSON_ROWS) if frame.height else ():
            yield (b"," if begun else _opening(types)) + orjson.dumps(query.to_rows(piece))[1:-1]
            begun = True
    yield b"]}" if begun else _opening(types) + b"]}"


def _opening(types: Mapping[str, str]) -> bytes:
    return b'{"types":' + orjson.dumps(types) + b',"rows":['


def _chosen(runs: str | list[str] | dict[str, Any] | None) -> Any:
    """Return a choice of runs; a table of ids, with what groups them, becomes a frame."""
    if not isinstance(runs, dict):
        return runs
    from runlake import query

    types, columns = runs.get("types"), runs.get("columns")
    if not isinstance(types, dict) or not isinstance(columns, dict) or "run_id" not in columns:
        raise InvalidInput("a table of runs has types and columns, run_id among them")
    return query.table_of(types, columns)


def _bounds(name: str, given: list[int | None] | None) -> tuple[int | None, int | None]:
    if given is None:
        return None, None
    if len(given) != 2:
        raise InvalidInput(f"{name} has {len(given)} bounds; it must have two, of which each may be null")
    return given[0], given[1]


def _size(limit: int | None) -> int | None:
    if limit is not None and limit < 0:
        raise InvalidInput(f"limit is {limit}; it must be at least 0")
    return limit
