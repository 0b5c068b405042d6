"""Bad input and bad days: what raises into a training, and what is counted and survived."""

import io
import json
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runlake
from runlake.errors import (
    InvalidInput,
    InvalidType,
    NewerFormat,
    NotFound,
    ParameterChanged,
    StoreError,
    StoreUnavailable,
)
from runlake.fluent import origin
from runlake.provenance import Collected
from tests.tracking import programs


def counted() -> int:
    return sum(seen.count for seen in runlake.errors_seen())


def test_a_run_that_is_deleted_before_its_standard_tags_are_known_is_no_reason_to_warn(lake: Path) -> None:
    with runlake.start_run() as run:
        pass
    runlake.delete_run(run.id)
    before = counted()
    origin._add_tags(run, Collected({"runlake.git.branch": "main"}, {}))
    assert counted() == before
    assert "runlake.git.branch" not in runlake.get_run(run.id).data.tags


def remove(lake: Path) -> None:
    """Remove a store whose runs have nothing more to write from the background."""
    origin.finish(30.0)
    shutil.rmtree(lake)


def batch(**what: Any) -> None:
    runlake.MlflowClient().log_batch(runlake.active_run().info.run_id, **what)  # type: ignore[union-attr]


def inputs(datasets: Any) -> None:
    runlake.MlflowClient().log_inputs(runlake.active_run().info.run_id, datasets)  # type: ignore[union-attr]


MISTAKES: dict[str, tuple[Callable[[], Any], type[Exception]]] = {
    "metric of no number": (lambda: runlake.log_metric("a", "x"), InvalidInput),  # type: ignore[arg-type]
    "metric of None": (lambda: runlake.log_metric("a", None), InvalidType),  # type: ignore[arg-type]
    "metric of a list": (lambda: runlake.log_metric("a", [1, 2]), InvalidType),  # type: ignore[arg-type]
    "metrics of no number": (lambda: runlake.log_metrics({"a": 1.0, "b": object()}), InvalidType),  # type: ignore[dict-item]
    "fractional step": (lambda: runlake.log_metric("a", 1.0, step=1.5), InvalidInput),  # type: ignore[arg-type]
    "step outside 64 bits": (lambda: runlake.log_metric("a", 1.0, step=2**63), InvalidInput),
    "negative time": (lambda: runlake.log_metric("a", 1.0, timestamp=-1), InvalidInput),
    "illegal metric key": (lambda: runlake.log_metric("a*b", 1.0), InvalidInput),
    "long metric key": (lambda: runlake.log_metric("k" * 251, 1.0), InvalidInput),
    "illegal parameter key": (lambda: runlake.log_param("../a", 1), InvalidInput),
    "illegal tag key": (lambda: runlake.set_tag("/a", 1), InvalidInput),
    "key of the wrong type": (lambda: runlake.log_params({3: 1}), InvalidType),  # type: ignore[dict-item]
    "parameter that is no text": (lambda: runlake.log_param("a", "/data/\udcff"), InvalidInput),
    "tag that is no text": (lambda: runlake.set_tag("a", "/data/\udcff"), InvalidInput),
    "changed parameter": (lambda: runlake.log_param("taken", "other"), ParameterChanged),
    "unknown tag": (lambda: runlake.delete_tag("none"), NotFound),
    "unknown run": (lambda: runlake.log_metric("a", 1.0, run_id="f" * 32), NotFound),
    "missing file": (lambda: runlake.log_artifact("no/such/file"), NotFound),
    "missing folder": (lambda: runlake.log_artifacts("no/such/folder"), NotFound),
    "artifact path upwards": (lambda: runlake.log_text("x", "../x.txt"), InvalidInput),
    "absolute artifact path": (lambda: runlake.log_text("x", "/x.txt"), InvalidInput),
    "no figure": (lambda: runlake.log_figure(object(), "f.png"), InvalidType),
    "no image": (lambda: runlake.log_image(object(), "f.png"), InvalidType),
    "no table": (lambda: runlake.log_table(3, "t.json"), InvalidType),  # type: ignore[arg-type]
    "no data set": (lambda: runlake.log_input([1, 2]), InvalidType),  # type: ignore[arg-type]
    "text that is none": (lambda: runlake.log_text(b"x", "x.txt"), InvalidType),  # type: ignore[arg-type]
    "no stream": (lambda: runlake.log_stream("x", "x.bin"), InvalidType),  # type: ignore[arg-type]
    "stream of text": (lambda: runlake.log_stream(io.StringIO("x"), "x.bin"), TypeError),  # type: ignore[arg-type]
    "batch of dictionaries": (lambda: batch(params=[{"key": "a", "value": "1"}]), InvalidType),
    "batch of a mapping": (lambda: batch(metrics={"a": 1.0}), InvalidType),
    "batch of pairs": (lambda: batch(tags=[("a", "1")]), InvalidType),
    "inputs of no input": (lambda: inputs([3]), InvalidType),
    "data sets without contexts": (lambda: runlake.log_inputs([None], ["a", "b"]), InvalidInput),
    "no configuration": (lambda: runlake.log_config(3), InvalidType),
    "row of no numbers": (lambda: runlake.active_run().log({"a": "x"}), InvalidInput),  # type: ignore[union-attr, dict-item]
    "arrays of two lengths": (lambda: runlake.log_arrays("a", [1], [1.0, 2.0]), InvalidInput),
}


@pytest.fixture
def run(lake: Path) -> runlake.ActiveRun:
    run = runlake.start_run()
    runlake.log_param("taken", "1")
    runlake.set_error_policy("default")
    return run


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_raises_at_once(run: runlake.ActiveRun, mistake: str) -> None:
    call, error = MISTAKES[mistake]
    before = counted()
    with pytest.raises(error):
        call()
    assert counted() == before


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_counted_when_nothing_may_raise(run: runlake.ActiveRun, mistake: str) -> None:
    runlake.set_error_policy("never")
    before = counted()
    MISTAKES[mistake][0]()
    assert counted() == before + 1


def test_a_handle_raises_nothing_when_nothing_may_raise(run: runlake.ActiveRun) -> None:
    runlake.set_error_policy("never")
    before = counted()
    handle = run.metric("loss")
    handle.log("x", 0)
    handle.log(1.0, 0.5)
    handle.log(1.0, 1)
    run.metric("illegal*").log(1.0, 1)
    assert counted() == before + 3
    assert runlake.get_run(run.id).data.metrics == {"loss": 1.0}


def test_a_command_line_with_bytes_that_are_no_text_starts_runs(lake: Path) -> None:
    done = programs.run(lake, "import runlake; runlake.start_run()", "data-\udcff")
    assert done.returncode == 0, done.stderr
    (run,) = runlake.search_runs(output_format="list")
    assert "data-\\udcff" in run.data.tags["runlake.command"]


def test_a_changed_parameter_is_named_with_both_values(run: runlake.ActiveRun) -> None:
    with pytest.raises(ParameterChanged) as caught:
        runlake.log_param("taken", "2")
    message = str(caught.value)
    assert all(part in message for part in ("'taken'", run.id, "'1'", "'2'"))
    assert isinstance(caught.value, runlake.MlflowException)
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


def test_a_store_that_disappears_does_not_stop_the_training(run: runlake.ActiveRun, lake: Path) -> None:
    remove(lake)
    for step in range(10):
        runlake.log_metric("a", 1.0, step=step)
        run.log({"b": 1.0})
        run.metric("c").log(1.0, step)
    runlake.log_param("p", 1)
    runlake.log_params({"q": 1})
    runlake.set_tag("t", 1)
    runlake.log_text("x", "x.txt")
    runlake.log_dict({"a": 1}, "x.json")
    with pytest.raises(StoreError):
        runlake.flush()
    assert run.stats().last_error is not None
    runlake.end_run()
    assert runlake.active_run() is None


LOCKER = """
import sys
from pathlib import Path
from runlake.catalog.lock import FileLock
lock = FileLock(Path(sys.argv[1]) / "catalog.lock")
lock.acquire(10.0)
print("locked", flush=True)
sys.stdin.readline()
lock.release()
print("free", flush=True)
"""

WORKER = """
import runlake, sys, time
run = runlake.start_run()
print(run.info.run_id, flush=True)
input()
began = time.monotonic()
runlake.log_param("p", 1)
runlake.set_tag("t", "x")
runlake.log_metric("a", 1.0)
print(time.monotonic() - began, flush=True)
input()
runlake.flush()
print("flushed", flush=True)
"""


def test_a_locked_catalog_delays_a_call_for_a_bounded_time_and_loses_nothing(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLAKE_RECORD_TIMEOUT_MS", "100")
    worker = programs.start(lake, WORKER)
    run_id = worker.hear()
    locker = programs.start(lake, LOCKER, str(lake))
    assert locker.hear() == "locked"
    worker.say("log")
    assert float(worker.hear()) < 5.0
    locker.say("release")
    assert locker.hear() == "free"
    worker.say("flush")
    assert worker.hear() == "flushed"
    data = runlake.get_run(run_id).data
    assert (data.params, data.tags["t"], data.metrics) == ({"p": "1"}, "x", {"a": 1.0})
    assert worker.finish() == locker.finish() == 0


CLIENT = """
import runlake, time
client = runlake.MlflowClient()
run_id, other_id = (client.create_run("0").info.run_id for _ in range(2))
client.set_tag(run_id, "old", "1")
print(run_id, other_id, flush=True)
input()
began = time.monotonic()
client.log_metric(run_id, "a", 1.0)
client.set_tag(run_id, "new", "1")
client.delete_tag(run_id, "new")
client.delete_tag(run_id, "old")
client.update_run(run_id, name="renamed")
client.set_terminated(run_id, "FAILED", 5000)
client.log_inputs(run_id, [])
assert not runlake.errors_seen(), runlake.errors_seen()
for wrong in (lambda: client.log_metric("f" * 32, "a", 1.0), lambda: client.update_run(other_id, "done")):
    try:
        wrong()
    except runlake.MlflowException:
        continue
    raise AssertionError("a mistake has to raise, locked or not")
print(time.monotonic() - began, flush=True)
input()
runlake.flush()
print("flushed", flush=True)
"""


def test_what_the_client_records_waits_in_the_journal_while_the_catalog_is_locked(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLAKE_RECORD_TIMEOUT_MS", "100")
    worker = programs.start(lake, CLIENT)
    run_id, _ = worker.hear().split()
    locker = programs.start(lake, LOCKER, str(lake))
    assert locker.hear() == "locked"
    worker.say("log")
    assert float(worker.hear()) < 5.0
    locker.say("release")
    assert locker.hear() == "free"
    worker.say("flush")
    assert worker.hear() == "flushed"
    run = runlake.get_run(run_id)
    assert (run.info.status, run.info.end_time, run.info.run_name) == ("FAILED", 5000, "renamed")
    assert run.data.metrics == {"a": 1.0}
    assert not {"old", "new"} & run.data.tags.keys()
    assert worker.finish() == locker.finish() == 0


def test_data_sets_of_a_locked_catalog_are_counted_within_the_bound_of_training(
    run: runlake.ActiveRun, lake: Path
) -> None:
    dataset = runlake.data.from_numpy(np.zeros(3))
    locker = programs.start(lake, LOCKER, str(lake))
    assert locker.hear() == "locked"
    before, began = counted(), time.monotonic()
    runlake.log_input(dataset)
    assert time.monotonic() - began < 10.0, "not the 20 s of start_run"
    assert counted() == before + 1
    locker.say("release")
    assert locker.finish() == 0


def test_a_catalog_that_stays_locked_raises_at_start_run(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with runlake.start_run():
        pass
    locker = programs.start(lake, LOCKER, str(lake))
    assert locker.hear() == "locked"
    monkeypatch.setenv("RUNLAKE_LOCK_TIMEOUT_MS", "100")
    done = programs.run(lake, "import runlake; runlake.start_run()")
    assert done.returncode == 1
    assert "CatalogLocked" in done.stderr
    locker.finish()


def test_a_full_disk_does_not_stop_the_training(run: runlake.ActiveRun) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    seen = counted()
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, before[1]))  # no file may grow beyond 64 KiB
    try:
        runlake.log_text("x" * (1 << 20), "large.txt")
        runlake.log_text("small", "small.txt")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert counted() == seen + 1
    assert [info.path for info in runlake.artifacts.list_artifacts(run_id=run.id) if not info.is_dir] == ["small.txt"]


def test_a_store_path_that_is_a_file_raises_at_start_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a store")
    runlake.set_tracking_uri(tmp_path / "file")
    with pytest.raises(StoreUnavailable):
        runlake.start_run()
    with pytest.raises(StoreUnavailable):
        runlake.log_metric("a", 1.0)
    assert (tmp_path / "file").read_text() == "not a store"
    runlake.set_tracking_uri("")


def test_a_store_of_a_later_format_is_refused_untouched(lake: Path) -> None:
    programs.run(lake, "import runlake; runlake.start_run()")  # by a process that is gone, so that nothing else writes
    said = json.loads((lake / "lake.json").read_text())
    (lake / "lake.json").write_text(json.dumps({**said, "format": 99}))
    before = {path: path.stat().st_mtime_ns for path in lake.rglob("*")}
    done = programs.run(lake, "import runlake; runlake.start_run()")
    assert "NewerFormat" in done.stderr
    assert {path: path.stat().st_mtime_ns for path in lake.rglob("*")} == before
    assert issubclass(NewerFormat, StoreError)


FULL_DISK = """
import resource, sys, runlake
run = runlake.start_run()
loss = run.metric("loss")
resource.setrlimit(resource.RLIMIT_FSIZE, (16 << 10, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
for step in range(50_000):
    loss.log(float(step), step)
    if step % 100 == 0:
        run.log({"row": 1.0}, step=step)
        runlake.log_metric("fluent", 1.0, step=step)
stats = run.stats()
assert stats.without_room == stats.merged + stats.dropped + stats.in_flight > 0 == stats.throttled, stats
assert stats.accepted == 51_000 == stats.stored + stats.merged + stats.dropped + stats.in_flight, stats
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
seen = [seen for seen in runlake.errors_seen() if "points were merged or dropped" in seen.message]
assert len(seen) == 1 and f"{stats.without_room:,}" in seen[0].message, seen
runlake.end_run()
kept = [metric.step for metric in runlake.MlflowClient().get_metric_history(run.info.run_id, "loss")]
assert len(kept) == len(set(kept)) and set(range(len(kept) // 2)) <= set(kept)
print(run.info.run_id, flush=True)
"""


def test_points_that_a_full_disk_has_no_room_for_are_counted_and_the_training_goes_on(lake: Path) -> None:
    done = programs.run(lake, FULL_DISK)
    assert done.returncode == 0, done.stderr
    assert "points were merged or dropped" in done.stderr
    ledger = runlake.ledger(done.stdout.strip())  # what was on hold for room is stored by now
    assert (ledger.accepted, ledger.in_flight) == (51_000, 0)
    assert ledger.stored + ledger.merged + ledger.dropped == 51_000


def test_a_store_that_was_removed_is_made_anew_by_the_next_run(lake: Path, caplog: pytest.LogCaptureFixture) -> None:
    with runlake.start_run(run_name="first"):
        runlake.log_metric("a", 1.0)
    remove(lake)
    runlake.set_error_policy("all")
    with runlake.start_run(run_name="second") as run:
        runlake.log_metric("a", 2.0)
        runlake.log_param("p", 1)
    assert "was removed while it was in use" in caplog.text
    reader = "import sys, runlake; print([(r.info.run_id, r.data.metrics, r.data.params) for r in runlake.search_runs("
    done = programs.run(lake, reader + "output_format='list')])")
    assert done.stdout.strip() == str([(run.info.run_id, {"a": 2.0}, {"p": "1"})])


def test_a_run_whose_store_was_removed_is_counted_as_lost_when_it_ends(run: runlake.ActiveRun, lake: Path) -> None:
    before = counted()
    remove(lake)
    runlake.log_metric("a", 1.0)
    runlake.end_run()
    assert counted() == before + 1


@pytest.mark.parametrize("begin", ["set_experiment", "create_experiment", "create_run"])
def test_a_removed_store_is_made_anew_by_whatever_begins_something(lake: Path, begin: str) -> None:
    client = runlake.MlflowClient()
    client.create_run("0")
    remove(lake)
    call = {
        "set_experiment": lambda: runlake.set_experiment("e"),
        "create_experiment": lambda: client.create_experiment("e"),
        "create_run": lambda: client.create_run("0"),
    }[begin]
    call()
    assert (lake / "lake.json").exists()
    assert len(client.search_runs(["0"])) == (begin == "create_run")
