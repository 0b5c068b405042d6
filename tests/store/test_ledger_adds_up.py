"""The ledger adds up: accepted = stored + merged + dropped + in flight, whatever is logged, throttled and killed."""

from __future__ import annotations

import itertools
import math
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlake.catalog.rows import METRIC_COLUMNS
from runlake.config import Config
from runlake.entities import RunLedger
from runlake.query.summaries import rows_and_summaries
from runlake.store import Store
from runlake.throttling import KEEP, Policy
from tests.catalog.material import Series

RUN = "run1"
KEYS = ("a", "b", "grad/x", "grad/y")
CONFIG = Config(seal_bytes=28 * 200, close_seal_bytes=28 * 50, adopt_journals=1)


def policies() -> st.SearchStrategy[Policy | None]:
    windows = st.builds(Policy, window_steps=st.integers(1, 20), keep=st.just(KEEP))
    return st.one_of(
        st.none(),
        st.builds(Policy, every=st.integers(1, 9)),
        st.builds(Policy, max_per_second=st.sampled_from([0.001, 5.0, 1e6]), burst=st.integers(1, 5).map(float)),
        windows,
        st.builds(Policy, window_s=st.sampled_from([0.001, 3600.0]), keep=st.just(KEEP)),
    )


values = st.sampled_from([math.nan, math.inf, -1.5, -0.0, 0.0, 2.0, 1e300, 0.5])
steps = st.integers(-5, 60)
rows = st.tuples(st.just("row"), st.lists(st.tuples(st.sampled_from(KEYS), values), min_size=1), steps)
arrays = st.tuples(st.just("array"), st.sampled_from(KEYS), st.lists(st.tuples(steps, values), min_size=1, max_size=30))
rules = st.tuples(st.just("rule"), st.sampled_from(["*", "grad/*", "a", "?"]), policies())
seals = st.just(("seal",))
acts = st.lists(st.one_of(rows, rows, arrays, arrays, rules, seals), min_size=1, max_size=25)


numbers = itertools.count()


@dataclass
class Model:
    """What was accepted, as plain lists."""

    points: dict[str, list[tuple[int, int, float]]] = field(default_factory=dict)
    clock: int = 0

    def take(self, key: str, step: int, value: float) -> int:
        """Note a point and return its timestamp."""
        self.clock += 1
        self.points.setdefault(key, []).append((step, self.clock, value))
        return self.clock


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("adds-up")


def do(store: Store, model: Model, act: tuple[Any, ...]) -> None:
    logger = store.run_logger(RUN)
    match act:
        case "row", pairs, step:
            for key, value in dict(pairs).items():
                logger.log_metric(key, value, step, model.take(key, step, value))
        case "array", key, points:
            times = [model.take(key, step, value) for step, value in points]
            logger.log_arrays(key, [step for step, _ in points], [value for _, value in points], times)
        case "rule", pattern, policy:
            store.throttle_run(RUN, [pattern], policy)
        case ("seal",):
            store.seal()


@settings(max_examples=40, deadline=None)
@given(acts=acts, ends=st.booleans())
def test_whatever_is_logged_and_however_it_is_throttled(folder: Path, acts: list[tuple[Any, ...]], ends: bool) -> None:
    root = folder / str(next(numbers))
    store = Store.open(root, config=CONFIG)
    store.create_run(RUN, "0", name="r", user_id="u", start_time=0, owned=True)
    model = Model()
    for act in acts:
        do(store, model, act)
        check_equation(store.ledger(RUN), model)
    if ends:
        store.leave_run(RUN, "FINISHED")
        assert store.ledger(RUN).in_flight == 0
    check_summaries(store, model)
    store.close()
    again = Store.open(root, config=CONFIG)
    again.seal()
    check_all(again, model)
    again.close()


def check_equation(ledger: RunLedger, model: Model) -> None:
    assert {of_key.key: of_key.accepted for of_key in ledger.keys} == {k: len(v) for k, v in model.points.items()}
    for of_key in ledger.keys:
        dropped = sum(of_key.dropped.values())
        assert of_key.accepted == of_key.stored + of_key.merged + dropped + of_key.in_flight
        assert of_key.in_flight in (0, 1)
        assert sum(stretch.points for stretch in of_key.stretches) == dropped


def check_summaries(store: Store, model: Model) -> None:
    """Summaries, live or not, are over all that was accepted."""
    _, summaries = rows_and_summaries(store, [RUN])
    assert set(summaries["key"]) == set(model.points)
    for row in summaries.iter_rows(named=True):
        whole = Series(RUN, row["key"], model.points[row["key"]])
        for name in ("count", "last_value", "last_step", "last_timestamp"):
            assert repr(row[name]) == repr(getattr(whole, name)), (row["key"], name)
        for name in ("min", "max"):
            assert repr(math.nan if row[name] is None else row[name]) == repr(getattr(whole, name)), (row["key"], name)


def check_all(store: Store, model: Model) -> None:
    """Nothing is in flight, the first and the last point are there, and windows stand for what was merged."""
    ledger = store.ledger(RUN)
    check_equation(ledger, model)
    assert ledger.in_flight == 0
    check_summaries(store, model)
    check_catalog(store, model)
    stored = store.reads.points(RUN, aggregates=True).collect().sort("timestamp")
    for of_key in ledger.keys:
        mine, accepted = stored.filter(pl.col("key") == of_key.key), model.points[of_key.key]
        assert mine.height == of_key.stored
        found = [tuple(map(repr, point)) for point in mine.select("step", "timestamp", "value").rows()]
        wanted = [tuple(map(repr, point)) for point in accepted]
        assert (found[0], found[-1]) == (wanted[0], wanted[-1])
        assert set(found) <= set(wanted)
        assert mine["count"].fill_null(1).sum() == of_key.stored + of_key.merged


def check_catalog(store: Store, model: Model) -> None:
    found = store.catalog.run_rows(run_ids=[RUN])
    for place, key in enumerate(found.names[number] for number in found.metrics["key"]):
        whole = Series(RUN, key, model.points[key])
        for name in METRIC_COLUMNS[2:]:
            value = found.metrics[name][place]
            kept = math.nan if value is None else value
            if name == "sum":
                assert kept == pytest.approx(whole.sum, nan_ok=True)
            else:
                assert repr(kept) == repr(getattr(whole, name)), (key, name)


CHILD = """
import random, sys
from pathlib import Path
from runlake.store import Store
from runlake.throttling import KEEP, Policy
from tests.store.test_ledger_adds_up import CONFIG, RUN, told

root, seed = Path(sys.argv[1]), int(sys.argv[2])
store = Store.open(root, config=CONFIG)
store.create_run(RUN, "0", name="r", user_id="u", start_time=0, owned=True)
store.throttle_run(RUN, ["a"], Policy(every=3))
store.throttle_run(RUN, ["b"], Policy(window_steps=7, keep=KEEP))
store.throttle_run(RUN, ["grad/x"], Policy(window_s=0.002, keep=KEEP))
logger = store.run_logger(RUN)
for number, key, step, value in told(seed):
    logger.log_metric(key, value, step, number)
    if number % 7 == 0:
        sys.stdout.write(f"{number}\\n")
        sys.stdout.flush()
"""


def told(seed: int) -> Iterator[tuple[int, str, int, float]]:
    """What the child logs: number, key, step and value of each point; the number is its timestamp as well."""
    rng = random.Random(seed)
    number = 0
    while True:
        number += 1
        yield number, rng.choice(KEYS), number // 4, float(rng.randrange(1000))


@pytest.mark.parametrize("seed", range(6))
def test_a_writer_that_is_killed_leaves_an_account_of_every_point(tmp_path: Path, seed: int) -> None:
    root = tmp_path / "lake"
    command = [sys.executable, "-c", CHILD, str(root), str(seed)]
    enough, acknowledged = random.Random(seed).randrange(1, 2500), 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as child:
        assert child.stdout is not None
        for line in child.stdout:
            acknowledged = int(line)
            if acknowledged >= enough:
                break
        child.send_signal(signal.SIGKILL)
        acknowledged = max([acknowledged, *map(int, child.stdout.read().split())])
    store = Store.open(root, config=CONFIG)
    store.seal()
    accepted = store.ledger(RUN).accepted
    assert accepted >= acknowledged
    model = Model()
    for number, key, step, value in told(seed):
        if number > accepted:
            break
        model.points.setdefault(key, []).append((step, number, value))
    check_all(store, model)
    store.close()
