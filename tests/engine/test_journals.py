"""What readers and recoverers see of journals: of live writers, of closed ones and of killed ones."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from runlake import _engine
from runlake.errors import Corrupt, InvalidInput, StoreError

OpenWriter = Callable[..., _engine.Writer]

KILLED = """
import os, signal, sys
from runlake import _engine
writer = _engine.Writer(sys.argv[1], "0" * 32)
metric = writer.run("killed").metric("loss")
for step in range(1000):
    metric.log(step / 2, step, 5)
print(writer.id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def killed(journals: Path) -> str:
    """The id of a writer that logged a thousand points and was killed."""
    program = subprocess.run([sys.executable, "-c", KILLED, str(journals)], capture_output=True, text=True, check=False)
    assert program.returncode == -signal.SIGKILL, program.stderr
    return program.stdout.strip()


def frame(stream: _engine.ArrowStream) -> pl.DataFrame:
    return pl.DataFrame(stream)


def test_a_reader_skips_what_is_sealed_and_what_is_not_asked_for(
    journals: Path, writer: _engine.Writer, run: _engine.RunLogger
) -> None:
    for step in range(3):
        run.log({"a": step, "b": step}, step=step)
    writer.run("other").log({"a": 9.0})
    snapshot = _engine.Journals(str(journals))
    assert snapshot.writers() == [(writer.id, 0, 7)]
    assert frame(snapshot.read({}))["seq"].to_list() == list(range(7))
    assert frame(snapshot.read({writer.id: 4}))["seq"].to_list() == [4, 5, 6]
    assert frame(snapshot.read({}, runs=["other"]))["seq"].to_list() == [6]
    assert frame(snapshot.read({}, keys=["b"]))["seq"].to_list() == [1, 3, 5]
    assert frame(snapshot.read({writer.id: 2}, runs=["run-1"], keys=["a"]))["seq"].to_list() == [2, 4]
    assert frame(snapshot.read({writer.id: 7})).shape == (0, 7)
    assert frame(snapshot.read({}, runs=[])).shape == (0, 7)


def test_a_reader_sees_the_moment_at_which_it_was_made(journals: Path, run: _engine.RunLogger) -> None:
    run.log({"a": 1.0})
    snapshot = _engine.Journals(str(journals))
    run.log({"a": 2.0})
    assert frame(snapshot.read({}))["value"].to_list() == [1.0]
    assert frame(_engine.Journals(str(journals)).read({}))["value"].to_list() == [1.0, 2.0]


def test_a_reader_of_chosen_writers(journals: Path, open_writer: OpenWriter) -> None:
    first, second = open_writer(), open_writer()
    first.run("r").log({"a": 1.0})
    second.run("r").log({"a": 2.0})
    assert frame(_engine.Journals(str(journals), [second.id]).read({}))["value"].to_list() == [2.0]
    assert _engine.Journals(str(journals), ["f" * 32]).writers() in ([], [("f" * 32, 0, 0)])
    with pytest.raises(InvalidInput, match="'me' is not a writer id"):
        _engine.Journals(str(journals), ["me"])


def test_summaries_of_live_points(journals: Path, run: _engine.RunLogger) -> None:
    run.log_arrays("a", [3, 1, 2], [5.0, math.nan, -1.0], [30, 10, 20])
    run.log_arrays("b", [0], [math.nan], [7])
    table = frame(_engine.Journals(str(journals)).summaries({}))
    assert set(table.columns) == {name for name in dir(_engine.Summary) if not name.startswith("_")}
    rows = {row["key"]: row for row in table.iter_rows(named=True)}
    assert {name: rows["a"][name] for name in rows["a"] if name != "first_value"} == {
        "run_id": "run-1", "key": "a", "count": 3, "nan_count": 1,
        "first_step": 1, "first_timestamp": 10, "last_step": 3, "last_timestamp": 30, "last_value": 5.0,
        "min": -1.0, "min_step": 2, "max": 5.0, "max_step": 3, "sum": 4.0, "max_timestamp": 30,
    }  # fmt: skip
    assert math.isnan(rows["a"]["first_value"])
    assert math.isnan(rows["b"]["min"])
    assert frame(_engine.Journals(str(journals)).summaries({}, runs=["none"])).height == 0


def test_a_folder_without_journals(journals: Path) -> None:
    snapshot = _engine.Journals(str(journals))
    assert snapshot.writers() == []
    assert frame(snapshot.read({})).shape == (0, 7)
    assert frame(snapshot.summaries({})).shape == (0, 16)
    assert _engine.survey(str(journals)) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nowhere"):
        _engine.survey(str(tmp_path / "nowhere"))


def test_live_closed_and_killed_writers_are_told_apart(journals: Path, open_writer: OpenWriter, killed: str) -> None:
    live, closed = open_writer(), open_writer()
    live.run("r").log({"a": 1.0})
    closed.run("r").log({"a": 1.0, "b": 2.0})
    closed.close()
    found = {files.id: files for files in _engine.survey(str(journals))}
    assert set(found) == {live.id, closed.id, killed}
    seen = {writer: (found[writer].alive, found[writer].closed_cleanly, found[writer].committed) for writer in found}
    assert seen == {live.id: (True, False, 1), closed.id: (False, True, 2), killed: (False, False, 1000)}
    assert all(files.bytes > 0 and files.damaged == [] for files in found.values())


def test_the_points_of_a_killed_writer_are_adopted_once(journals: Path, killed: str) -> None:
    adopted = _engine.adopt(str(journals), killed)
    assert adopted is not None
    assert (adopted.writer, adopted.first, adopted.upto, adopted.missing) == (killed, 0, 1000, 0)
    assert adopted.whole == [(killed, 0, 1000)]
    assert (adopted.gaps, adopted.ledger, adopted.outbox, adopted.closed_cleanly) == ([], [], [], False)
    assert adopted.runs == [("killed", 1000, 5)]
    assert _engine.adopt(str(journals), killed) is None
    adopted.finish(sealed_all=False)
    with pytest.raises(InvalidInput, match="finished before"):
        adopted.finish(sealed_all=True)
    again = _engine.adopt(str(journals), killed)
    assert again is not None
    again.finish(sealed_all=True)
    assert list(journals.iterdir()) == []


def test_a_live_writer_is_not_adopted(journals: Path, writer: _engine.Writer) -> None:
    assert _engine.adopt(str(journals), writer.id) is None


def test_many_journals_are_adopted_at_once_but_for_those_that_somebody_has(
    journals: Path, open_writer: OpenWriter, killed: str
) -> None:
    closed = [open_writer() for _ in range(5)]
    for count, writer in enumerate(closed, 1):
        writer.run(f"run{count}").log_arrays("a", range(count), [1.0] * count)
        writer.close()
    live, absent, ids = open_writer(), "0" * 32, [killed, *(writer.id for writer in closed)]
    taken = _engine.adopt(str(journals), closed[0].id)
    assert taken is not None
    adopted = {one.writer: one for one in _engine.adopt_all(str(journals), [*ids, live.id])}
    assert adopted.keys() == {*ids} - {closed[0].id}
    inspected = {one.writer: one for one in _engine.inspect_all(str(journals), [*ids, live.id, absent])}
    assert inspected.keys() == {*ids, live.id, absent}
    for writer_id in adopted:
        for one in (adopted[writer_id], inspected[writer_id]):
            alone = _engine.inspect(str(journals), writer_id)
            assert (one.whole, one.runs, one.faults) == (alone.whole, alone.runs, [])
    taken.finish(sealed_all=True)
    for one in adopted.values():
        one.finish(sealed_all=True)
    assert {path.name[:32] for path in journals.iterdir()} == {live.id}


def test_an_adopted_journal_that_is_forgotten_is_free_again(journals: Path, killed: str) -> None:
    assert _engine.adopt(str(journals), killed) is not None
    assert _engine.adopt(str(journals), killed) is not None


def test_a_damaged_journal_is_kept_and_named(journals: Path, writer: _engine.Writer, run: _engine.RunLogger) -> None:
    run.log_arrays("a", range(1000), [1.0] * 1000)
    writer.close()
    (file,) = journals.glob("*.journal")
    content = bytearray(file.read_bytes())
    content[5000] ^= 1
    file.write_bytes(content)
    adopted = _engine.adopt(str(journals), writer.id)
    assert adopted is not None
    (gap,) = adopted.gaps
    assert adopted.missing == gap.upto - gap.first > 0
    assert gap.file == str(file)
    assert gap.reason
    adopted.finish(sealed_all=True)
    assert [left.suffix for left in journals.iterdir() if left.suffix != ".lock"] == [".damaged"]


def test_points_without_room_are_in_the_ledger(journals: Path, open_writer: OpenWriter) -> None:
    writer = open_writer(max_chunk_bytes=64 << 10, max_unsealed_bytes=256 << 10, merge_without_room=False)
    metric = writer.run("r").metric("k")
    for step in range(20_000):
        metric.log(1.0, step)
    dropped = writer.stats().dropped
    writer.close()
    adopted = _engine.adopt(str(journals), writer.id)
    assert adopted is not None
    (entry,) = adopted.ledger
    assert (entry.run_id, entry.key, entry.dropped) == ("r", "k", {"backlog": dropped})
    assert entry.accepted_unstored == dropped > 0
    assert entry.stretches == [("backlog", dropped, 20_000 - dropped, 19_999)]


def test_points_without_room_are_merged_and_the_last_one_is_kept(journals: Path, open_writer: OpenWriter) -> None:
    writer = open_writer(max_chunk_bytes=64 << 10, max_unsealed_bytes=256 << 10, merge_without_room=True)
    metric = writer.run("r").metric("k")
    step = 0
    while step < 20_000 or not writer.stats().pending:  # the file for pending points is made by another thread
        metric.log(float(step), step)
        step += 1
    stats = writer.stats()
    assert stats.accepted == stats.stored + stats.merged + stats.dropped + stats.pending == step
    assert stats.merged + stats.dropped + stats.pending == stats.met_no_room > 0
    assert stats.pending == 1
    (live,) = writer.ledger()
    assert live.pending is not None
    assert live.pending[::2] == (step - 1, step - 1)
    writer.close()
    adopted = _engine.adopt(str(journals), writer.id)
    assert adopted is not None
    (entry,) = adopted.ledger
    assert (entry.merged, sum(entry.dropped.values())) == (stats.merged, stats.dropped)
    assert adopted.upto == stats.stored + 1


def test_sealing_writes_a_segment_an_experiment(tmp_path: Path, journals: Path, writer: _engine.Writer) -> None:
    for run_id in ("r1", "r2", "stray"):
        writer.run(run_id).log_arrays("loss", range(10), [float(step) for step in range(10)], 100)
    ranges = [(writer.id, 0, 30)]
    assert _engine.runs_in(str(journals), ranges) == ["r1", "r2", "stray"]
    segments = tmp_path / "segments"
    segments.mkdir()
    steps: list[str] = []
    sealed = _engine.seal(str(journals), str(segments), ranges, {"r1": "7", "r2": "7"}, hook=steps.append)
    assert steps == ["read", "sorted", "written", "synced", "renamed"]
    found = {segment.experiment_id: segment for segment in sealed}
    assert set(found) == {"7", "lost"}
    seven = found["7"]
    assert (seven.rows, seven.runs, seven.ranges) == (20, [("r1", 10), ("r2", 10)], ranges)
    assert (seven.min_step, seven.max_step, seven.min_timestamp, seven.max_timestamp) == (0, 9, 100, 100)
    assert seven.path == f"experiment_id=7/{seven.segment_id}.parquet"
    assert seven.seal_id == found["lost"].seal_id
    summary = seven.summaries[0]
    assert (summary.run_id, summary.key, summary.count) == ("r1", "loss", 10)
    assert (summary.sum, summary.last_value) == (45.0, 9.0)
    file = segments / seven.path
    assert seven.bytes == file.stat().st_size
    assert pl.read_parquet(file)["run_id"].to_list() == ["r1"] * 10 + ["r2"] * 10
    info = _engine.verify_segment(str(file))
    assert (info.segment_id, info.experiment_id, info.rows, info.bytes) == (seven.segment_id, "7", 20, seven.bytes)
    assert (info.ranges, info.replaces, info.seal_id) == (ranges, [], seven.seal_id)
    assert sorted(info.siblings) == sorted((s.segment_id, s.experiment_id, s.rows) for s in sealed)


def test_what_the_seal_hook_raises_is_raised(tmp_path: Path, journals: Path, writer: _engine.Writer) -> None:
    writer.run("r").log({"a": 1.0})
    calls: list[str] = []

    def hook(step: str) -> None:
        calls.append(step)
        raise LookupError(step)

    with pytest.raises(LookupError, match="read"):
        _engine.seal(str(journals), str(tmp_path), [(writer.id, 0, 1)], {"r": "1"}, hook=hook)
    assert calls == ["read"]


def test_a_seal_lets_other_threads_log(
    tmp_path: Path, journals: Path, writer: _engine.Writer, run: _engine.RunLogger
) -> None:
    run.log_arrays("a", range(1000), [1.0] * 1000)
    metric = run.metric("b")
    _engine.seal(str(journals), str(tmp_path), [(writer.id, 0, 1000)], {}, hook=lambda step: metric.log(1.0, 0))
    assert writer.stats().committed == 1005


def test_a_garbled_segment_is_corrupt(tmp_path: Path, journals: Path, writer: _engine.Writer) -> None:
    writer.run("r").log_arrays("a", range(1000), [float(step) for step in range(1000)])
    (sealed,) = _engine.seal(str(journals), str(tmp_path), [(writer.id, 0, 1000)], {"r": "1"})
    file = tmp_path / sealed.path
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1
    file.write_bytes(content)
    with pytest.raises(Corrupt, match=r"damaged|arquet"):
        _engine.verify_segment(str(file))


@pytest.mark.parametrize("ranges", [[("x", 0, 1)], [("f" * 32, 0, -1)], [("f" * 32, 0)], ["ranges"], 3])
def test_what_is_no_range_is_refused(journals: Path, ranges: Any) -> None:
    with pytest.raises((ValueError, TypeError, OverflowError)):
        _engine.runs_in(str(journals), ranges)


def test_a_file_system_says_how_points_are_kept_on_it(journals: Path) -> None:
    proc = _engine.check_filesystem("/proc")
    assert (proc.name, proc.written, proc.shared) == ("a file system of type 0x9fa0", True, True)
    assert "not known" in proc.reason
    here = _engine.check_filesystem(str(journals))
    assert bool(here.reason) == here.written
    with pytest.raises(StoreError, match="missing"):
        _engine.check_filesystem(str(journals / "missing"))


def test_locks_of_a_folder_are_tried_without_a_trace(journals: Path) -> None:
    assert _engine.probe_locks(str(journals)) is None
    assert list(journals.iterdir()) == []


def test_the_build_says_what_it_is() -> None:
    assert _engine.__debug_build__ is False
    assert _engine.fork_generation() >= 0
