"""Streams of frames: what others read of them, and what is read of others'."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Iterator
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.ipc
import pytest

from runlake.errors import Corrupt, StoreError
from runlake.query import streams

FRAME = pl.DataFrame(
    {
        "run_id": ["a", None, "c"],
        "value": [math.nan, -0.0, math.inf],
        "kind": pl.Series(["p", "q", "p"], dtype=pl.Categorical),
        "start": pl.Series([0, None, 5], dtype=pl.Datetime("ms", "UTC")),
        "took": pl.Series([1, 2, None], dtype=pl.Duration("ms")),
        "rank": pl.Series([None, None, None], dtype=pl.Int32),
        "flag": [True, None, False],
    }
)


def reader(data: bytes, at_once: int = 7) -> Any:
    file = io.BytesIO(data)
    return lambda most: file.read(min(most, at_once))


def bits(frame: pl.DataFrame) -> list[str]:
    return [struct.pack("=d", value).hex() for value in frame["value"]]


def test_frames_come_back_as_they_were_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PIECE_ROWS", 2)
    data = b"".join(streams.to_stream([FRAME, FRAME.clear(), FRAME]))
    frames = list(streams.from_stream(reader(data)))
    assert [frame.height for frame in frames] == [2, 1, 2, 1]
    whole = pl.concat(frames)
    assert whole.schema == FRAME.schema
    assert whole.equals(pl.concat([FRAME, FRAME]))
    assert bits(whole) == bits(FRAME) * 2


def test_pyarrow_reads_it_as_one_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PIECE_ROWS", 2)
    data = b"".join(streams.to_stream([FRAME, FRAME]))
    with pyarrow.ipc.open_stream(data) as opened:
        table = opened.read_all()
    assert table.num_rows == 6
    assert table["run_id"].to_pylist() == ["a", None, "c"] * 2
    assert table["kind"].to_pylist() == ["p", "q", "p"] * 2


def test_what_pyarrow_writes_is_read() -> None:
    table = pa.table({"a": pa.array([1, 2, 3], pa.int32()), "b": ["x", "y", "z"]})
    sink = io.BytesIO()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    frames = list(streams.from_stream(reader(sink.getvalue())))
    assert pl.concat(frames).to_dict(as_series=False) == {"a": [1, 2, 3], "b": ["x", "y", "z"]}


def test_nothing_is_written_before_there_are_rows() -> None:
    def frames() -> Iterator[pl.DataFrame]:
        yield FRAME.clear()
        raise ValueError("the first rows cannot be read")

    with pytest.raises(ValueError, match="the first rows cannot be read"):
        next(streams.to_stream(frames()))
    assert list(streams.to_stream([])) == []


def test_a_frame_without_rows_keeps_its_schema() -> None:
    (frame,) = streams.from_stream(reader(b"".join(streams.to_stream([FRAME.clear()]))))
    assert (frame.height, frame.schema) == (0, FRAME.schema)


def test_a_stream_that_breaks_off_is_never_taken_for_a_shorter_one() -> None:
    data = b"".join(streams.to_stream([FRAME]))
    for end in range(0, len(data), 5):
        with pytest.raises(StoreError, match="broke off"):
            list(streams.from_stream(reader(data[:end])))


@pytest.mark.parametrize(
    "data", [b"<html>no</html>", b"\xff\xff\xff\xff\xff\xff\xff\xff", b"\xff\xff\xff\xff\x08\0\0\0" + b"\xff" * 8]
)
def test_what_is_no_stream_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(Corrupt, match="is no Arrow stream"):
        list(streams.from_stream(reader(data)))


def test_rows_of_json_say_what_json_has_no_numbers_for() -> None:
    rows = streams.to_rows(FRAME.drop("start"))
    assert [row["value"] for row in rows] == ["NaN", -0.0, "Infinity"]
    assert [row["took"] for row in rows] == [1, 2, None]
    assert rows[0]["kind"] == "p"
    assert streams.types_of(FRAME)["took"] == "Duration(time_unit='ms')"
