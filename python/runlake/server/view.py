"""View: an answer for somebody who looks at a screen, as a few Arrow streams behind each other or as JSON.

Notes, which may be longer than a header can be, are JSON behind the last stream. Buffers are plain, which browsers read
without a codec; whoever says that it takes gzip gets the body as that.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.responses import Response

from runlake.errors import InvalidInput
from runlake.server.codings import takes_gzip
from runlake.server.native_frames import ARROW, JSON

if TYPE_CHECKING:
    import polars as pl

PARTS: Final = "x-runlake-parts"
"""Header with the lengths of the streams that a body begins with, in bytes; what follows them are the notes."""
TX: Final = "x-runlake-tx"
TOTAL: Final = "x-runlake-total"
_WORTH_PACKING: Final = 1024
_MOST_JSON_CELLS: Final = 1_000_000  # each is an object of Python's
_GZIP: Final = 31  # zlib's number for its largest window with gzip's header and checksum
_LEVEL: Final = 1  # 30 MB/s more than level 6 for 5 % more bytes


@dataclass(frozen=True)
class View:
    """What is shown.

    Attributes:
        parts: Makes the tables, each of frames of one schema; None where the answer is `value`.
        value: An answer as an object of JSON.
        tx: The transaction of the catalog that it is as of.
        total: How many rows there are beyond those that are shown.
        version: Changes when something changes that the answer depends on, besides the request; None always does.
        notes: What there is to say besides.
    """

    parts: Callable[[], Sequence[Iterable[pl.DataFrame]]] | None = None
    value: Mapping[str, Any] = field(default_factory=dict)
    tx: int | None = None
    total: int | None = None
    version: str | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Accepted:
    """What a client takes."""

    json: bool
    gzip: bool
    known: str

    @classmethod
    def of(cls, headers: Mapping[str, str], *, wants_json: bool) -> Accepted:
        """Read the headers of a request."""
        return cls(wants_json, takes_gzip(headers.get("accept-encoding", "")), headers.get("if-none-match", ""))


def respond(view: View, warnings: Sequence[str], accepted: Accepted) -> Response:
    """Answer with a view; with 304 and no body where the client has it already.

    Raises:
        InvalidInput: it is too long to be JSON.
    """
    headers = {"cache-control": "private, no-cache", "vary": "accept, accept-encoding, authorization"}
    if view.tx is not None:
        headers[TX] = str(view.tx)
    if view.total is not None:
        headers[TOTAL] = str(view.total)
    notes = {**view.notes, "warnings": list(warnings)} if warnings else view.notes
    if view.version is not None:
        headers["etag"] = f'W/"{view.version}"'
        if f'"{view.version}"' in accepted.known:
            return Response(None, 304, headers)
    if view.parts is None or accepted.json:
        body, kind = _as_json(view, notes), JSON
    else:
        streams = [_stream(part) for part in view.parts()]
        headers[PARTS] = ",".join(str(sum(map(len, stream))) for stream in streams)
        body, kind = b"".join([*chain.from_iterable(streams), orjson.dumps(notes)]), ARROW
    if accepted.gzip and len(body) >= _WORTH_PACKING:
        packer = zlib.compressobj(_LEVEL, wbits=_GZIP)
        body = packer.compress(body) + packer.flush()
        headers["content-encoding"] = "gzip"
    return Response(body, 200, headers, media_type=kind)


def _stream(frames: Iterable[pl.DataFrame]) -> list[bytes]:
    """Return a stream in pieces, to be joined once."""
    from runlake import query

    return list(query.to_stream(frames, compression="uncompressed"))


def _as_json(view: View, notes: Mapping[str, Any]) -> bytes:
    from runlake import query

    if view.parts is None:
        return orjson.dumps({**view.value, **notes})
    tables = [list(part) for part in view.parts()]
    if (cells := sum(frame.height * frame.width for frames in tables for frame in frames)) > _MOST_JSON_CELLS:
        raise InvalidInput(
            f"the answer has {cells:,} values; as JSON it may have {_MOST_JSON_CELLS:,}",
            hint=f"ask for less at a time, or for {ARROW}",
        )
    said = [
        {"types": query.types_of(frames[0]), "rows": [row for frame in frames for row in query.to_rows(frame)]}
        for frames in tables
    ]
    return orjson.dumps({"parts": said, "notes": notes, "tx": view.tx, "total": view.total})
