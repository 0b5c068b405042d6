"""Streams: frames on their way over a wire, as one Arrow IPC stream or as rows of JSON, a piece at a time.

Polars writes and reads whole streams. Several frames become one stream by leaving out the schema of all but the first,
and the end of all but the last; reading puts each piece between the two again. Nobody holds more than a piece.
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Literal, TypeAlias

import polars as pl

from runlake.errors import Corrupt, StoreError

PIECE_ROWS: Final = 1 << 17
"""Most rows of a piece: 1.6 MB of points when compressed, 16 MB before."""

_CONTINUES: Final = 0xFFFFFFFF
_END: Final = struct.pack("<II", _CONTINUES, 0)
_RECORDS: Final = 3  # of the message's header types; 1 is a schema and 2 a dictionary
_MOST_METADATA_BYTES: Final = 256 << 20
_MOST_BODY_BYTES: Final = 4 << 30

Read = Callable[[int], bytes]
"""Gives the next bytes, at most so many and at least one; none at the end."""
Compression: TypeAlias = Literal["zstd", "uncompressed"]
"""How buffers are stored: browsers have no zstd of their own for them, and take the whole body compressed."""


def to_stream(frames: Iterable[pl.DataFrame], *, compression: Compression = "zstd") -> Iterator[bytes]:
    """Write frames, which have one schema, as an Arrow IPC stream. Without a frame there is no stream at all.

    Nothing is written before there are rows, or none at all: until then what goes wrong can be said in another way.
    """
    empty: pl.DataFrame | None = None
    begun = False
    for frame in frames:
        empty = frame.clear() if empty is None else empty
        for piece in frame.iter_slices(PIECE_ROWS) if frame.height else ():
            yield _written(piece, compression, with_schema=not begun)
            begun = True
    if empty is not None:
        yield _END if begun else _written(empty, compression, with_schema=True) + _END


def from_stream(read: Read) -> Iterator[pl.DataFrame]:
    """Read an Arrow IPC stream that `to_stream` has written; one frame at least.

    Dictionaries must come before each piece, as Polars writes them.

    Raises:
        StoreError: the stream breaks off.
        Corrupt: it is no such stream.
    """
    messages = _messages(read)
    _, schema = next(messages)
    waiting = [schema]
    for kind, message in messages:
        waiting.append(message)
        if kind == _RECORDS:
            yield _read(waiting)
            waiting = [schema]


def to_rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Return a frame's rows as JSON can hold them: NaN and infinities as text, durations in milliseconds."""
    durations = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Duration)]
    frame = frame.with_columns(pl.col(durations).dt.total_milliseconds()) if durations else frame
    columns = [_plain(frame[name]) for name in frame.columns]
    return [dict(zip(frame.columns, row, strict=True)) for row in zip(*columns, strict=True)]


def types_of(frame: pl.DataFrame) -> dict[str, str]:
    """Return the names of a frame's types, by column."""
    return {name: str(dtype) for name, dtype in frame.schema.items()}


def _plain(column: pl.Series) -> list[Any]:
    values = column.to_list()
    if not column.dtype.is_float() or column.is_finite().all():
        return values
    return [value if value is None or math.isfinite(value) else _text(value) for value in values]


def _text(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _written(frame: pl.DataFrame, compression: Compression, *, with_schema: bool) -> bytes:
    buffer = io.BytesIO()
    frame.rechunk().write_ipc_stream(buffer, compression=compression, compat_level=pl.CompatLevel.oldest())
    stream = buffer.getbuffer()
    _, metadata_bytes = struct.unpack_from("<II", stream, 0)
    return bytes(stream[0 if with_schema else 8 + metadata_bytes : -len(_END)])


def _read(messages: list[bytes]) -> pl.DataFrame:
    try:
        return pl.read_ipc_stream(io.BytesIO(b"".join([*messages, _END])))
    except pl.exceptions.PolarsError as error:
        raise Corrupt(f"what was received is no Arrow stream: {error}") from error


def _messages(read: Read) -> Iterator[tuple[int, bytes]]:
    """Divide a stream into its messages, each with its kind: a prefix of 8 bytes, metadata, a body.

    Source: https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format
    """
    while True:
        prefix = _exactly(read, 8)
        mark, metadata_bytes = struct.unpack("<II", prefix)
        if mark != _CONTINUES or metadata_bytes > _MOST_METADATA_BYTES:
            raise Corrupt(f"what was received is no Arrow stream: a message begins with {prefix.hex()}")
        if metadata_bytes == 0:
            return
        metadata = _exactly(read, metadata_bytes)
        kind, body_bytes = _kind_and_body(metadata)
        yield kind, prefix + metadata + _exactly(read, body_bytes)


def _kind_and_body(metadata: bytes) -> tuple[int, int]:
    """Read the header's type and the length of the body, fields 1 and 3 of the flatbuffer `Message`."""
    try:
        (table,) = struct.unpack_from("<I", metadata, 0)
        (back,) = struct.unpack_from("<i", metadata, table)
        places = table - back
        (size,) = struct.unpack_from("<H", metadata, places)

        def place(field: int) -> int:
            return int(struct.unpack_from("<H", metadata, places + 4 + 2 * field)[0]) if 4 + 2 * field < size else 0

        body = struct.unpack_from("<q", metadata, table + place(3))[0] if place(3) else 0
        kind = metadata[table + place(1)]
    except (struct.error, IndexError) as error:
        raise Corrupt(f"what was received is no Arrow stream: {error}") from error
    if not 0 <= body <= _MOST_BODY_BYTES:
        raise Corrupt(f"what was received is no Arrow stream: a message has a body of {body:,} bytes")
    return kind, body


def _exactly(read: Read, size: int) -> bytes:
    parts, left = [], size
    while left > 0:
        part = read(left)
        if not part:
            raise StoreError("a stream of rows broke off before its end", error_code="TEMPORARILY_UNAVAILABLE")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
