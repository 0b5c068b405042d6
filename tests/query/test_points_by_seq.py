"""Points by seq: what segments hold, in the order in which each writer stored it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from runlake import _engine, query
from runlake.config import Config
from runlake.query import by_seq
from runlake.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "lake", config=Config(seal_bytes=28 * 40))
    yield store
    store.close()


def log(store: Store, count: int) -> None:
    """Log points of two runs in two experiments in turn, so that a seal writes two segments."""
    loggers = []
    for name in ("a", "b"):
        experiment = store.catalog.create_experiment(name, now_ms=0)
        run = store.create_run(uuid.uuid4().hex, experiment, name=name, user_id="u", start_time=0, owned=True)
        loggers.append(store.run_logger(run.info.run_id))
    for number in range(count):
        loggers[number % 2].log_metric("zyx"[number % 3], float(number), -number)
    store.seal()


def have(_writers: Sequence[str], first: int = 0) -> Mapping[str, int]:
    return dict.fromkeys(_writers, first)


def test_points_come_in_the_order_in_which_they_were_stored(store: Store) -> None:
    log(store, 100)
    values: list[float] = []
    for stretch in query.points_by_seq(store, have):
        assert stretch.first == len(values)
        values += stretch.rows(stretch.first, 1000)["value"].to_list()
        assert stretch.upto == len(values)
    assert values == [float(number) for number in range(100)]
    assert len(store.catalog.plan().segments) > 2


def test_compacted_segments_give_the_points_of_each_writer_in_the_same_order(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    log(store, 200)
    store.compactor.compact()
    assert len(store.catalog.plan().segments) == 2
    for portion in (1, 100, 1 << 20):
        monkeypatch.setattr(by_seq, "_PORTION_POINTS", portion)
        stretches = list(query.points_by_seq(store, have))
        values = [value for one in stretches for value in one.rows(one.first, 1000)["value"].to_list()]
        assert values == [float(number) for number in range(200)]
        assert len(stretches) == (5 if portion == 1 else 3 if portion == 100 else 1)


def test_only_what_is_lacking_is_read(store: Store) -> None:
    log(store, 100)
    stretches = list(query.points_by_seq(store, lambda writers: have(writers, 93)))
    assert [(stretch.first, stretch.upto) for stretch in stretches] == [(93, 100)]
    assert list(query.points_by_seq(store, lambda writers: have(writers, 100))) == []


def test_they_can_be_packed_piece_by_piece(store: Store) -> None:
    log(store, 30)
    (stretch,) = query.points_by_seq(store, have)
    packed = _engine.unpack_points(_engine.pack_points(stretch.rows(10, 5), stretch.writer, 10)[0])
    assert (packed.writer, packed.first, packed.upto) == (stretch.writer, 10, 15)
