"""Whatever processes do through the Python API, one of them that only reads sees what a dictionary says."""

from __future__ import annotations

import math
import shutil
import struct
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import runlake
from runlake.entities import ViewType
from runlake.store import Store, get_store
from tests.endurance import processes, proofs
from tests.endurance.obeying import Point, obey

PROCESSES = 2
KEYS = st.sampled_from(["loss", "acc", "a/b", "x y"])
VALUES = st.one_of(st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324]), st.floats(width=64))
STEPS = st.one_of(st.integers(-3, 3), st.sampled_from([-(2**63), 2**63 - 1]))
POINTS = st.tuples(STEPS, st.integers(0, 3), VALUES)
TEXTS = st.sampled_from(["1", "2", "", "None", "0.1", "é"])
NAMES = st.sampled_from(["p1", "p2", "p/3"])
WHO = st.integers(0, PROCESSES - 1)
WHICH = st.integers(0, 1_000)


@dataclass
class PlainRun:
    """A run as a dictionary has it."""

    status: str = "RUNNING"
    deleted: bool = False
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    points: dict[str, list[Point]] = field(default_factory=dict)
    members: set[int] = field(default_factory=set)
    """Journals of processes that began or joined the run and have not left it."""
    journals: set[int] = field(default_factory=set)
    """Open journals that the run has logged to, members or not."""
    left_with: list[str] = field(default_factory=list)
    parent: str | None = None

    def log(self, key: str, *points: Point) -> None:
        self.points.setdefault(key, []).extend(points)

    def leave(self, journal: int, status: str) -> None:
        self.members.discard(journal)
        self.left_with.append(status)
        if not self.members:
            self.status = next(s for s in ("FAILED", "KILLED", "FINISHED") if s in self.left_with)


class Writer:
    """A process that does what it is told, and the runs that it has started, outermost first."""

    def __init__(self, store: Path, journal: int) -> None:
        context = processes.fresh_processes()
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=obey, args=(store, theirs), daemon=True)
        self.process.start()
        theirs.close()
        assert self.pipe.recv() is None
        self.journal = journal
        self.stack: list[str] = []

    def tell(self, name: str, *arguments: Any) -> Any:
        self.pipe.send((name, arguments))
        answer = self.pipe.recv()
        assert not isinstance(answer, Exception), answer
        return answer

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def bits(value: float) -> bytes:
    return b"nan" if math.isnan(value) else struct.pack("<d", value)


def latest(points: list[Point]) -> Point:
    """The largest by step, timestamp and value; NaN is below every number."""
    return max(points, key=lambda p: (p[0], p[1], not math.isnan(p[2]), p[2], math.copysign(1.0, p[2])))


class Api(RuleBasedStateMachine):
    """Processes that log into one store, killed and started anew, against plain runs."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store = self.folder / "lake"
        self.runs: dict[str, PlainRun] = {}
        self.journals = 0
        self.writers: list[Writer] = []

    @initialize()
    def begin(self) -> None:
        self.writers = [self._new_writer() for _ in range(PROCESSES)]
        runlake.set_tracking_uri(self.store)

    def teardown(self) -> None:
        for writer in self.writers:
            writer.kill()
        get_store(self.store).close()
        shutil.rmtree(self.folder)

    def _new_writer(self) -> Writer:
        self.journals += 1
        return Writer(self.store, self.journals)

    def _attach(self, writer: Writer, run_id: str) -> PlainRun:
        run = self.runs[run_id]
        run.journals.add(writer.journal)
        return run

    def _inner(self, who: int) -> PlainRun:
        return self.runs[self.writers[who].stack[-1]]

    def _pick(self, which: int, *, deleted: bool = False) -> str | None:
        found = [run_id for run_id, run in self.runs.items() if run.deleted == deleted]
        return found[which % len(found)] if found else None

    # -- runs

    @precondition(lambda self: any(len(w.stack) < 3 for w in self.writers))
    @rule(who=WHO, name=TEXTS)
    def start(self, who: int, name: str) -> None:
        writer = self.writers[who]
        run_id = writer.tell("start", name or "unnamed", None)
        self.runs[run_id] = PlainRun(members={writer.journal}, parent=writer.stack[-1] if writer.stack else None)
        self._attach(writer, run_id)
        writer.stack.append(run_id)

    @rule(who=WHO, which=WHICH)
    def join(self, who: int, which: int) -> None:
        writer, run_id = self.writers[who], self._pick(which)
        if run_id is None or run_id in writer.stack:
            return
        run = self._attach(writer, run_id)
        if not run.members:
            run.left_with = []
        assert writer.tell("start", "", run_id) == run_id
        run.status = "RUNNING"
        run.members.add(writer.journal)
        writer.stack.append(run_id)

    @rule(who=WHO, status=st.sampled_from(["FINISHED", "FAILED", "KILLED"]))
    def end(self, who: int, status: str) -> None:
        writer = self.writers[who]
        if writer.stack:
            writer.tell("end", status)
            self.runs[writer.stack.pop()].leave(writer.journal, status)

    @rule(which=WHICH, who=WHO)
    def delete(self, which: int, who: int) -> None:
        run_id = self._pick(which)
        if run_id is not None and not any(run_id in writer.stack for writer in self.writers):
            self.writers[who].tell("delete_run", run_id)
            self.runs[run_id].deleted = True

    @rule(which=WHICH, who=WHO)
    def restore(self, which: int, who: int) -> None:
        run_id = self._pick(which, deleted=True)
        if run_id is not None:
            self.writers[who].tell("restore_run", run_id)
            self.runs[run_id].deleted = False

    # -- what is logged

    @rule(who=WHO, key=KEYS, point=POINTS)
    def log_metric(self, who: int, key: str, point: Point) -> None:
        if self.writers[who].stack:
            self.writers[who].tell("metric", key, point)
            self._inner(who).log(key, point)

    @rule(who=WHO, key=KEYS, points=st.lists(POINTS, min_size=1, max_size=60))
    def log_through_handle(self, who: int, key: str, points: list[Point]) -> None:
        if self.writers[who].stack:
            self.writers[who].tell("handle", key, points)
            self._inner(who).log(key, *points)

    @rule(who=WHO, values=st.dictionaries(KEYS, VALUES, min_size=1), step=STEPS, timestamp=st.integers(0, 3))
    def log_row(self, who: int, values: dict[str, float], step: int, timestamp: int) -> None:
        if self.writers[who].stack:
            self.writers[who].tell("row", values, step, timestamp)
            for key, value in values.items():
                self._inner(who).log(key, (step, timestamp, value))

    @rule(who=WHO, key=KEYS, points=st.lists(POINTS, min_size=1, max_size=60))
    def log_arrays(self, who: int, key: str, points: list[Point]) -> None:
        if self.writers[who].stack:
            self.writers[who].tell("arrays", key, points)
            self._inner(who).log(key, *points)

    @rule(who=WHO, which=WHICH, key=KEYS, point=POINTS)
    def log_by_id(self, who: int, which: int, key: str, point: Point) -> None:
        run_id = self._pick(which)
        if run_id is not None:
            self.writers[who].tell("client_metric", run_id, key, point)
            self._attach(self.writers[who], run_id).log(key, point)

    @rule(who=WHO, key=NAMES, value=TEXTS)
    def log_param(self, who: int, key: str, value: str) -> None:
        if self.writers[who].stack:
            params = self._inner(who).params
            changed = params.get(key, value) != value
            assert self.writers[who].tell("param", key, value) == ("ParameterChanged" if changed else None)
            params.setdefault(key, value)

    @rule(who=WHO, key=NAMES, value=TEXTS)
    def set_tag(self, who: int, key: str, value: str) -> None:
        if self.writers[who].stack:
            self.writers[who].tell("tag", key, value)
            self._inner(who).tags[key] = value

    @rule(who=WHO, key=NAMES)
    def delete_tag(self, who: int, key: str) -> None:
        if self.writers[who].stack:
            tags = self._inner(who).tags
            assert self.writers[who].tell("delete_tag", key) == (None if key in tags else "NotFound")
            tags.pop(key, None)

    # -- what happens to the store and to processes

    @rule(who=WHO)
    def flush(self, who: int) -> None:
        self.writers[who].tell("flush")

    @rule(who=WHO)
    def seal(self, who: int) -> None:
        self.writers[who].tell("seal")

    @rule(who=WHO)
    def compact(self, who: int) -> None:
        self.writers[who].tell("compact")

    @rule()
    def seal_here(self) -> None:
        get_store(self.store).seal()

    @rule()
    def reopen_here(self) -> None:
        get_store(self.store).close()

    @rule(who=WHO)
    def close(self, who: int) -> None:
        writer = self.writers[who]
        if not writer.stack:
            writer.tell("close")
            Store.open(self.store).close()  # mends what the process was the last one in
            self._journal_is_gone(writer.journal)
            self.journals += 1
            writer.journal = self.journals

    @rule(who=WHO)
    def kill(self, who: int) -> None:
        writer = self.writers[who]
        writer.kill()
        for run in self.runs.values():
            if writer.journal in run.members:
                run.leave(writer.journal, "FAILED")
                if not run.members and run.journals - {writer.journal}:
                    run.status = "RUNNING"  # until those that log to it by its id are gone as well
        self._journal_is_gone(writer.journal)
        self.writers[who] = self._new_writer()  # opening the store mends it

    def _journal_is_gone(self, journal: int) -> None:
        for run in self.runs.values():
            run.journals.discard(journal)
            if run.status == "RUNNING" and not run.journals:
                run.status = "FAILED"

    # -- what everybody sees

    @invariant()
    def everything_reads_as_the_dictionary_says(self) -> None:
        if not self.runs:
            return
        found = runlake.search_runs(run_view_type=ViewType.ALL, search_all_experiments=True, output_format="list")
        assert {run.info.run_id for run in found} == self.runs.keys()
        for run in found:
            self._compare(run, self.runs[run.info.run_id])
        assert self._points_found() == {
            (run_id, key): sorted((p[0], p[1], bits(p[2])) for p in points)
            for run_id, run in self.runs.items()
            for key, points in run.points.items()
        }

    @invariant()
    def a_run_by_its_id_is_the_same(self) -> None:
        if self.runs:
            run_id = list(self.runs)[-1]
            self._compare(runlake.get_run(run_id), self.runs[run_id])

    def _compare(self, run: runlake.entities.Run, plain: PlainRun) -> None:
        assert (run.info.status, run.info.lifecycle_stage == "deleted") == (plain.status, plain.deleted)
        assert (run.info.end_time is None) == (plain.status == "RUNNING")
        assert run.data.params == plain.params
        tags = {key: value for key, value in run.data.tags.items() if key.startswith("p")}
        assert tags == plain.tags
        assert run.data.tags.get("mlflow.parentRunId") == plain.parent
        metrics = {key: bits(value) for key, value in run.data.metrics.items()}
        assert metrics == {key: bits(latest(points)[2]) for key, points in plain.points.items()}

    def _points_found(self) -> dict[tuple[str, str], list[tuple[int, int, bytes]]]:
        found: dict[tuple[str, str], list[tuple[int, int, bytes]]] = {}
        points = runlake.points(list(self.runs)).select("run_id", "key", "step", "timestamp", "value").collect()
        for run_id, key, step, timestamp, value in points.iter_rows():
            found.setdefault((run_id, key), []).append((step, timestamp, bits(value)))
        return {series: sorted(rows) for series, rows in found.items()}


@pytest.mark.timeout(900)
def test_the_api_is_a_dictionary_whatever_processes_do_and_whoever_is_killed() -> None:
    examples, steps = proofs.size(5, 120), proofs.size(25, 50)
    run_state_machine_as_test(
        Api,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
    proofs.say("api_model", examples=examples, steps_each=steps, differences=0)
