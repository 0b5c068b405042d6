"""Changes: a hundred runs get new metrics and tags, and the next question knows them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

import runlake
from benchmarks.lakes import EXPERIMENT
from benchmarks.measure import ROUNDS, Target, at_most, seconds
from benchmarks.rows.find_question import LIMIT, matching, top
from benchmarks.sweep import Sweep, end_ms, name_of
from runlake.entities import Metric, Param, RunTag
from runlake.store import get_store

CHANGED = 100
_LAST_STEP = 1000


def changes(lake: Path, drawn: Sweep) -> Iterator[Target]:
    """The time of a question after a change, less that of the same question asked again."""
    runlake.set_tracking_uri(str(lake))
    client, store = runlake.MlflowClient(str(lake)), get_store(lake)
    chosen = matching(drawn)[:CHANGED].tolist()
    ids = dict(runlake.runs().select("run_name", "run_id").collect().iter_rows())
    top().collect()

    def live(turn: int) -> None:
        for place, run in enumerate(chosen):
            point = Metric("val_auc", 2.0 + turn + place / CHANGED, end_ms(run), _LAST_STEP + turn)
            client.log_batch(ids[name_of(run)], [point], [], [RunTag("turn", str(turn))])

    def sealed(turn: int) -> None:
        live(turn)
        store.seal()

    best = [name_of(run) for run in reversed(chosen)][:LIMIT]
    for what, change, first in (("changed", live, 0), ("changed, and sealed", sealed, ROUNDS)):
        more_ms, again_ms = _measured(change, first, best)
        detail = f" (on {again_ms:.3g} ms)"
        yield at_most(f"refresh: more time for a question after {CHANGED} runs {what}", more_ms, 5, " ms", detail)
    _check_new_run(client)
    store.close()


def _measured(change: Callable[[int], None], first: int, best: list[str]) -> tuple[float, float]:
    """Return the milliseconds that a change adds to the next question, and those of the question itself."""
    after, again = [], []
    for turn in range(first, first + ROUNDS):
        change(turn)
        found: list[str] = []
        after.append(seconds(lambda found=found: found.extend(top().collect()["run_name"])))  # type: ignore[misc]
        assert found == best, "the question does not see what has just been logged"
        again.append(seconds(lambda: top().collect()["run_name"]))
    base = statistics.median(again)
    return (statistics.median(after) - base) * 1e3, base * 1e3


def _check_new_run(client: runlake.MlflowClient) -> None:
    """Fail unless a run that has just been made is in the next answer."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    run_id = client.create_run(experiment.experiment_id, run_name="new").info.run_id
    metrics = [Metric("val_auc", 99.0, 0, 0), Metric("val_accuracy", 0.9, 0, 0)]
    client.log_batch(run_id, metrics, [Param("lr", "0.001"), Param("dropout", "0.1")])
    assert top().collect()["run_name"][0] == "new", "the new run is not in the answer"
