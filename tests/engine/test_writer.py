"""The writer: counters, flush, outbox, trim and close."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from runlake import _engine
from runlake.errors import InvalidInput, NotFound, RunEnded, StoreError

OpenWriter = Callable[..., _engine.Writer]


def test_the_counters_add_up(writer: _engine.Writer, run: _engine.RunLogger) -> None:
    run.log({"a": 1, "b": 2})
    run.log_arrays("a", np.arange(10_000), np.zeros(10_000))
    stats = writer.stats()
    assert (stats.accepted, stats.stored, stats.dropped, stats.committed) == (10_002, 10_002, 0, 10_002)
    assert stats.unsealed_bytes >= 10_002 * 28
    assert (stats.sealed, stats.poisoned_chunks, stats.last_error) == (0, 0, None)


def test_flush_returns_when_everything_is_on_disk(writer: _engine.Writer, run: _engine.RunLogger) -> None:
    run.log({"a": 1})
    writer.flush()
    assert writer.stats().durable == 1
    run.log({"a": 1})
    writer.flush(timeout_ms=30_000)
    assert writer.stats().durable == 2


def test_a_flush_that_cannot_end_in_time_says_so(open_writer: OpenWriter) -> None:
    writer = open_writer(sync_interval_ms=3_600_000)
    writer.run("r").log({"a": 1})
    with pytest.raises(StoreError, match="not on the disk yet"):
        writer.flush(timeout_ms=0)
    writer.flush()


def test_waiting_for_unsealed_bytes_ends_when_they_are_there_or_time_is_up(
    writer: _engine.Writer, run: _engine.RunLogger
) -> None:
    assert not writer.wait_unsealed(1_000_000, timeout_ms=1)
    answer: list[bool] = []
    waiter = threading.Thread(target=lambda: answer.append(writer.wait_unsealed(1_000_000, timeout_ms=30_000)))
    waiter.start()
    run.log_arrays("a", np.arange(100_000), np.zeros(100_000))
    waiter.join()
    assert answer == [True]


def test_undelivered_payloads_wait_for_the_adopter(journals: Path, writer: _engine.Writer) -> None:
    first, second, third = (writer.push_outbox(payload) for payload in (b"one", b"two", b""))
    assert first < second < third
    writer.finish_outbox(first)
    writer.close()
    adopted = _engine.adopt(str(journals), writer.id)
    assert adopted is not None
    assert adopted.outbox == [(second, b"two"), (third, b"")]
    adopted.finish(sealed_all=False)


def test_a_closed_writer_takes_no_more_points(writer: _engine.Writer, run: _engine.RunLogger) -> None:
    handle = run.metric("k")
    handle.log(1.0, 1)
    writer.close()
    writer.close()
    for call in (lambda: handle.log(2.0, 2), lambda: run.log({"k": 2.0}), lambda: run.log_arrays("k", [2], [2.0])):
        with pytest.raises(RunEnded):
            call()
    assert writer.stats().committed == 1


@pytest.mark.parametrize("limit", [0, 2**64 - 1])
def test_any_size_of_journal_files_will_do(open_writer: OpenWriter, limit: int) -> None:
    writer = open_writer(max_chunk_bytes=limit)
    writer.run("r").log_arrays("a", np.arange(1000), np.zeros(1000))
    writer.close()
    assert writer.stats().committed == 1000


def test_trim_deletes_the_files_of_what_is_sealed(journals: Path, open_writer: OpenWriter) -> None:
    writer = open_writer(max_chunk_bytes=64 << 10)
    run = writer.run("r")
    for start in range(0, 20_000, 1000):
        run.log_arrays("a", np.arange(start, start + 1000), np.zeros(1000))
    assert _engine.runs_in(str(journals), [(writer.id, 0, 10)]) == ["r"]
    writer.trim(19_999)
    assert writer.stats().sealed == 19_999
    assert not (journals / f"{writer.id}.0.journal").exists()
    assert _engine.runs_in(str(journals), [(writer.id, 19_999, 20_000)]) == ["r"]
    with pytest.raises(NotFound, match="not in the journals folder"):
        _engine.seal(str(journals), str(journals), [(writer.id, 0, 10)], {})


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nowhere"):
        _engine.Writer(str(tmp_path / "nowhere"), "0" * 32)


@pytest.mark.parametrize("store_id", ["", "0", "0" * 31 + "G", "A" * 32, "+" + "0" * 31])
def test_a_store_id_is_32_hexadecimal_digits(journals: Path, store_id: str) -> None:
    with pytest.raises(InvalidInput, match="is not a store id"):
        _engine.Writer(str(journals), store_id)


def test_a_run_id_that_is_too_long(writer: _engine.Writer) -> None:
    with pytest.raises(InvalidInput, match="257 bytes; the limit is 256"):
        writer.run("r" * 257).log({"k": 1})


def test_a_call_that_waits_for_room_lets_the_sealer_run(open_writer: OpenWriter) -> None:
    writer = open_writer(max_chunk_bytes=256 << 10, max_unsealed_bytes=1 << 20, max_block_ms=30_000)
    run = writer.run("r")
    done = threading.Event()

    def seal() -> None:
        while not done.is_set():
            if writer.wait_unsealed(512 << 10, timeout_ms=50):
                writer.trim(writer.stats().committed)

    sealer = threading.Thread(target=seal)
    sealer.start()
    metric = run.metric("k")
    for step in range(100_000):
        metric.log(1.0, step)
    for step in range(10_000):
        run.log({"a": 1.0, "b": 2.0, "c": 3.0}, step=step)
    run.log_arrays("k", np.arange(100_000), np.zeros(100_000))
    done.set()
    sealer.join()
    stats = writer.stats()
    assert (stats.stored, stats.dropped) == (230_000, 0)


def test_points_for_which_there_is_no_room_are_counted_and_raise_nothing(open_writer: OpenWriter) -> None:
    writer = open_writer(max_chunk_bytes=64 << 10, max_unsealed_bytes=256 << 10, merge_without_room=False)
    run = writer.run("r")
    metric = run.metric("k")
    for step in range(50_000):
        metric.log(1.0, step)
    run.log({"a": 1.0, "b": 2.0})
    assert run.log_arrays("k", np.arange(1000), np.zeros(1000)) == 0
    stats = writer.stats()
    assert stats.accepted == stats.stored + stats.dropped == 51_002
    assert 0 < stats.stored < 20_000
