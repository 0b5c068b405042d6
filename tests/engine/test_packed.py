"""Packed points: what one store's writer logged, as bytes for another store."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from runlake import _engine
from runlake.errors import Corrupt, InvalidInput, NotFound

STORE = "0" * 32
WRITER = "ab" * 16


def rows(journals: Path) -> pl.DataFrame:
    return pl.DataFrame(_engine.Journals(str(journals)).read({}))


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """The journals of another store."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


def open_replica(journals: Path, writer_id: str, sealed: int = 0) -> _engine.Replica:
    replica = _engine.Replica.open(str(journals), STORE, writer_id, sealed)
    assert replica is not None
    return replica


def test_a_stream_goes_into_another_store_as_it_is(
    journals: Path, elsewhere: Path, writer: _engine.Writer, run: _engine.RunLogger
) -> None:
    for step in range(100):
        run.log({"a": step / 3, "b": float("nan")}, step=step)
    writer.run("other").log_arrays("c", range(50), range(50))
    replica = open_replica(elsewhere, writer.id)
    first = 0
    while first < 250:
        data, upto = _engine.Journals(str(journals), [writer.id]).pack(writer.id, first, 60)
        batch = _engine.unpack_points(data)
        assert (batch.writer, batch.first, batch.upto) == (writer.id, first, upto)
        assert replica.append(batch) == upto
        first = upto
    assert rows(elsewhere).equals(rows(journals))
    assert replica.flush() == replica.stats().durable == 250
    replica.close()


def test_packing_says_where_a_journal_ends_and_what_it_does_not_hold(
    journals: Path, writer: _engine.Writer, run: _engine.RunLogger
) -> None:
    run.log({"a": 1.0})
    snapshot = _engine.Journals(str(journals))
    assert snapshot.pack(writer.id, 0)[1] == 1
    assert snapshot.pack(writer.id, 1)[1] == 1
    for unknown, first in ((writer.id, 2), (WRITER, 0)):
        with pytest.raises(NotFound):
            snapshot.pack(unknown, first)


def test_rows_of_segments_are_packed_by_their_numbers(elsewhere: Path) -> None:
    table = pl.DataFrame(
        {
            "run_id": ["r", "r", "s"],
            "key": ["a", "b", "a"],
            "step": [1, 2, -3],
            "timestamp": [10, 11, 12],
            "value": [0.5, -0.0, float("inf")],
            "seq": [7, 8, 9],
        }
    )
    data, upto = _engine.pack_points(table, WRITER, 7)
    assert upto == 10
    replica = open_replica(elsewhere, WRITER, sealed=7)
    assert replica.append(_engine.unpack_points(data)) == 10
    assert rows(elsewhere).drop("writer").equals(table)
    replica.close()
    for hole in (table[[0, 2]], table[[1, 2]]):
        with pytest.raises(InvalidInput, match="point"):
            _engine.pack_points(hole, WRITER, 7)
    with pytest.raises(InvalidInput, match="no column 'seq'"):
        _engine.pack_points(table.drop("seq"), WRITER, 7)


def test_a_batch_is_an_arrow_stream_that_other_libraries_read_and_write(elsewhere: Path) -> None:
    table = pl.DataFrame(
        {"run_id": "r", "key": ["a", "b"], "step": [1, 2], "timestamp": 5, "value": 1.5, "seq": [0, 1]}
    )
    data, _ = _engine.pack_points(table, WRITER, 0)
    reader = pa.ipc.open_stream(data)
    assert reader.schema.metadata == {b"runlake.writer": WRITER.encode(), b"runlake.first": b"0"}
    read = reader.read_all()
    assert pl.DataFrame(read).cast({"run_id": pl.String, "key": pl.String}).equals(table.drop("seq"))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, read.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as stream:
        stream.write_table(read)
    replica = open_replica(elsewhere, WRITER)
    assert replica.append(_engine.unpack_points(sink.getvalue().to_pybytes())) == 2
    assert rows(elsewhere).drop("writer").equals(table)
    replica.close()


def batch(first: int, **columns: object) -> _engine.PackedPoints:
    given = {"run_id": ["r"], "key": ["a"], "step": [1], "timestamp": [5], "value": [1.5], "seq": [first], **columns}
    return _engine.unpack_points(_engine.pack_points(pl.DataFrame(given), WRITER, first)[0])


def test_a_batch_that_would_leave_a_hole_is_not_stored(elsewhere: Path) -> None:
    replica = open_replica(elsewhere, WRITER)
    assert replica.append(batch(1)) is None
    assert replica.append(batch(0)) == 1
    assert replica.append(batch(0)) == 1
    assert len(rows(elsewhere)) == 1
    assert _engine.Replica.open(str(elsewhere), STORE, WRITER, 0) is None
    replica.close()


def test_what_is_no_batch_of_points_is_refused() -> None:
    good = _engine.pack_points(
        pl.DataFrame({"run_id": "r", "key": "a", "step": [1], "timestamp": 5, "value": 1.5, "seq": 0}), WRITER, 0
    )[0]
    other = pa.BufferOutputStream()
    with pa.ipc.new_stream(other, pa.schema([("key", pa.string())])):
        pass
    for data in (b"", b"{}", good[:-20], good[8:], other.getvalue().to_pybytes()):
        with pytest.raises(InvalidInput, match="not a batch of points"):
            _engine.unpack_points(data)
    for wrong in ({"key": ["../a"]}, {"key": ["a" * 251]}, {"key": ["ä\n"]}, {"timestamp": [-1]}):
        with pytest.raises(InvalidInput):
            batch(0, **wrong)


def test_a_journal_from_elsewhere_is_not_gone_on_with(elsewhere: Path, tmp_path: Path) -> None:
    replica = open_replica(elsewhere, WRITER)
    replica.append(batch(0))
    replica.close()
    copied = tmp_path / "copied"
    copied.mkdir()
    for file in elsewhere.iterdir():
        (copied / file.name).write_bytes(file.read_bytes())
    with pytest.raises(Corrupt, match="cannot be gone on with"):
        _engine.Replica.open(str(copied), STORE, WRITER, 0)


HELD_AND_LEFT = f"""
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import polars as pl
from runlake import _engine

def resident_bytes():  # memory of this process that is not a file's
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

steps = pl.arange(0, 200_000, eager=True)
table = pl.DataFrame({{"step": steps, "seq": steps, "value": steps / 2}}).with_columns(
    run_id=pl.lit("r"), key=pl.lit("a"), timestamp=pl.lit(5, pl.Int64)
)
data, _ = _engine.pack_points(table, {WRITER!r}, 0)
with ThreadPoolExecutor(8) as pool:  # each has a part of the allocator of its own
    batches = list(pool.map(_engine.unpack_points, [data] * 16))
    held = resident_bytes()
    batches.clear()
    _engine.release_memory()
    print(held, resident_bytes())
"""


def test_memory_that_batches_have_taken_is_given_back() -> None:
    # In a process of its own: in this one, batches may take what other tests have left free.
    said = subprocess.run([sys.executable, "-c", HELD_AND_LEFT], capture_output=True, text=True, check=True).stdout
    held, left = map(int, said.split())
    assert left < held - (50 << 20)
