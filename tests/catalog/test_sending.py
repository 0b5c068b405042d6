"""Sending: what of a run is new to a server, and what it has acknowledged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runlake.catalog import Catalog, Change, RunState
from runlake.catalog.changes import Conflict
from runlake.entities import Dataset, DatasetInput, InputTag
from tests.catalog.material import START_MS, add_run, writer

SERVER, OTHER = "5" * 32, "6" * 32


@pytest.fixture
def server(catalog: Catalog) -> int:
    return catalog.server(SERVER, "http://host:5000")


def unsent(catalog: Catalog, server: int) -> list[RunState]:
    return catalog.unsent_runs(server)[0]


def acknowledge(catalog: Catalog, server: int) -> None:
    experiments = catalog.unsent_experiments(server)
    catalog.mark_sent(server, unsent(catalog, server), [(state, state.experiment_id) for state in experiments])


def test_a_new_run_is_sent_with_all_that_it_has(catalog: Catalog, server: int) -> None:
    add_run(catalog, tags={"team": "vision"}, by=writer())
    catalog.log_batch("run1", params={"lr": "0.1"})
    catalog.log_inputs("run1", [DatasetInput(Dataset("d", "1", "local", "{}"), [InputTag("mlflow.data.context", "t")])])
    (state,) = unsent(catalog, server)
    assert (state.run_id, state.experiment_id, state.name, state.user_id) == ("run1", "0", "quick-fox-1", "ada")
    assert (state.start_time, state.status, state.end_time, state.deleted) == (START_MS, "RUNNING", None, None)
    assert state.tags == {"team": "vision", "mlflow.runName": "quick-fox-1"}
    assert state.params == {"lr": "0.1"}
    assert [entry.dataset.name for entry in state.inputs] == ["d"]
    assert state.writers == [writer()]


def test_after_it_was_acknowledged_only_what_changed_is_sent(catalog: Catalog, server: int) -> None:
    add_run(catalog, tags={"kept": "1", "changed": "1", "gone": "1"})
    catalog.log_batch("run1", params={"lr": "0.1"})
    acknowledge(catalog, server)
    assert unsent(catalog, server) == []
    catalog.log_batch("run1", tags={"changed": "2", "added": "é"})
    catalog.delete_tag("run1", "gone")
    (state,) = unsent(catalog, server)
    assert state.tags == {"changed": "2", "added": "é"}
    assert state.deleted_tags == ["gone"]
    assert (state.params, state.status, state.inputs, state.writers) == ({}, None, [], [])


def test_what_changes_while_it_is_sent_is_sent_the_next_time(catalog: Catalog, server: int) -> None:
    add_run(catalog)
    sent = unsent(catalog, server)
    catalog.log_batch("run1", tags={"late": "1"})
    catalog.mark_sent(server, sent, [])
    (state,) = unsent(catalog, server)
    assert state.tags == {"late": "1"}


def test_an_older_acknowledgement_takes_nothing_back(catalog: Catalog, server: int) -> None:
    add_run(catalog)
    before = unsent(catalog, server)
    catalog.log_batch("run1", tags={"late": "1"})
    acknowledge(catalog, server)
    catalog.mark_sent(server, before, [])
    assert unsent(catalog, server) == []


def test_a_server_with_another_store_at_the_same_address_is_sent_everything(catalog: Catalog, server: int) -> None:
    add_run(catalog)
    acknowledge(catalog, server)
    assert len(unsent(catalog, catalog.server(OTHER, "http://host:5000"))) == 1
    assert catalog.server(SERVER, "http://elsewhere:1") == server


def test_the_end_of_a_run_can_be_held_back_until_its_points_are_sent(catalog: Catalog, server: int) -> None:
    add_run(catalog)
    catalog.log_batch("run1", tags={"a": "1"})
    catalog.update_run("run1", status="FINISHED", end_time=START_MS + 1)
    (state,) = unsent(catalog, server)
    held = state.without_end()
    assert held is not None
    assert (held.status, held.end_time, held.tags) == ("RUNNING", None, state.tags)
    catalog.mark_sent(server, [held], [])
    (state,) = unsent(catalog, server)
    assert (state.status, state.end_time, state.tags) == ("FINISHED", START_MS + 1, {})
    assert held.version < state.version


def test_an_end_right_after_what_the_server_has_is_held_back_with_all_that_came_with_it(
    catalog: Catalog, server: int
) -> None:
    add_run(catalog)
    catalog.apply(Change("run1", tags={"with": "end"}, status="FINISHED"))
    (state,) = unsent(catalog, server)
    assert replace(state, known_version=state.version - 1).without_end() is None


def test_deleting_and_restoring_is_sent(catalog: Catalog, server: int) -> None:
    add_run(catalog)
    acknowledge(catalog, server)
    catalog.delete_run("run1")
    assert [state.deleted for state in unsent(catalog, server)] == [True]
    acknowledge(catalog, server)
    catalog.restore_run("run1")
    assert [state.deleted for state in unsent(catalog, server)] == [False]


def test_many_runs_are_given_in_pieces(catalog: Catalog, server: int) -> None:
    for number in range(5):
        add_run(catalog, f"run{number}")
    first, after = catalog.unsent_runs(server, limit=3)
    rest, after = catalog.unsent_runs(server, limit=3, after=after)
    assert [state.run_id for state in first + rest] == [f"run{number}" for number in range(5)]
    assert catalog.unsent_runs(server, limit=3, after=after) == ([], after)
    assert [state.run_id for state in catalog.unsent_runs(server, ["run4", "run2"])[0]] == ["run2", "run4"]


def test_a_conflict_is_new_once(catalog: Catalog, server: int) -> None:
    add_run(catalog)
    conflict = Conflict("run1", "lr", "0.1", "0.2")
    assert catalog.mark_sent(server, [], [], [conflict]) == [conflict]
    assert catalog.mark_sent(server, [], [], [conflict]) == []
    assert catalog.conflicts("run1") == catalog.all_conflicts() == [conflict]


def test_runs_are_idle_when_nobody_else_may_log_to_them(catalog: Catalog, server: int) -> None:
    add_run(catalog, "mine", by=writer(1))
    add_run(catalog, "theirs", by=writer(2))
    add_run(catalog, "nobodys")
    assert catalog.unsent_idle_runs(server, writer(1).id) == ["mine", "nobodys"]
    assert catalog.idle_runs(["theirs", "nobodys"], None) == ["nobodys"]
    catalog.close_writer(writer(2).id)
    assert catalog.idle_runs(["theirs"], None) == ["theirs"]


def test_points_that_are_released_count_as_sealed(catalog: Catalog) -> None:
    catalog.register_writer(writer())
    catalog.release(writer().id, 10)
    catalog.release(writer().id, 5)
    assert catalog.plan([]).sealed == {writer().id: 10}


def test_a_run_that_the_server_has_is_entered_and_has_nothing_to_send(catalog: Catalog, server: int) -> None:
    add_run(catalog, tags={"a": "1"})
    catalog.log_batch("run1", params={"lr": "0.1"})
    (state,) = unsent(catalog, server)
    (experiment,) = catalog.unsent_experiments(server)
    catalog.take_over_experiment(experiment)
    catalog.take_over_run(server, state)
    assert len(unsent(catalog, server)) == 1, "a run that is here stays as it is"
    taken = replace(state, run_id="other", status="FINISHED", end_time=START_MS + 5)
    catalog.take_over_run(server, taken)
    assert [left.run_id for left in unsent(catalog, server)] == ["run1"]
    run = catalog.get_run("other")
    assert (run.info.status, run.data.params, run.data.tags["a"]) == ("FINISHED", {"lr": "0.1"}, "1")


def test_what_a_server_lacks_is_counted(catalog: Catalog, server: int) -> None:
    add_run(catalog)
    catalog.register_writer(writer())
    catalog.mark_points_sent(server, {writer().id: 7})
    (counts,) = catalog.unsent_counts()
    assert (counts.url, counts.runs, counts.sent, counts.acknowledged_ms) == (
        "http://host:5000",
        1,
        {writer().id: 7},
        None,
    )
    acknowledge(catalog, server)
    (counts,) = catalog.unsent_counts()
    assert counts.runs == 0
    assert counts.acknowledged_ms is not None
    catalog.mark_files_sent(server, "run1", {"a/b": (3, 4)})
    assert catalog.sent_files(server, "run1") == {"a/b": (3, 4)}


class TakingUp(list[str]):
    """Runs in use, among which none is; while it is looked for, another process takes it up."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def __contains__(self, run_id: object) -> bool:
        self.catalog.update_run(str(run_id), status="RUNNING")
        return False


def test_a_run_that_is_taken_up_while_runs_are_forgotten_stays(catalog: Catalog, server: int) -> None:
    add_run(catalog, "run1", by=writer(1))
    catalog.update_run("run1", status="FINISHED", end_time=START_MS + 1)
    catalog.close_writer(writer(1).id, sealed_all=True)
    acknowledge(catalog, server)
    assert catalog.forget_ended_runs(server, START_MS + 50, keep=TakingUp(catalog)) == 0
    assert catalog.get_run("run1").info.status == "RUNNING"


def test_a_version_that_no_store_comes_to_changes_nothing(catalog: Catalog, server: int) -> None:
    add_run(catalog, "run1")
    before = unsent(catalog, server)[0].version
    assert catalog.catch_up({"run1": 2**62}) == []
    assert unsent(catalog, server)[0].version == before
    assert catalog.catch_up({"run1": before + 5}) == ["run1"]
    assert unsent(catalog, server)[0].version > before + 6


def test_runs_that_the_server_has_are_forgotten_and_nothing_else(catalog: Catalog, server: int) -> None:
    data = DatasetInput(Dataset("d", "1", "local", "{}"), [InputTag("mlflow.data.context", "t")])
    for number, run_id in enumerate(("old", "kept", "open", "unsent", "late", "conflict"), start=1):
        add_run(catalog, run_id, tags={"a": "1"}, by=writer(number))
        catalog.log_batch(run_id, params={"lr": "1"})
        catalog.log_inputs(run_id, [data])
        catalog.update_run(run_id, status="FINISHED", end_time=START_MS + (100 if run_id == "late" else 1))
        if run_id != "open":
            catalog.close_writer(writer(number).id, sealed_all=True)
    acknowledge(catalog, server)
    catalog.mark_points_sent(server, {writer(1).id: 5})
    catalog.log_batch("unsent", tags={"new": "1"})
    catalog.mark_sent(server, [], [], [Conflict("conflict", "lr", "2", "1")])
    assert catalog.forget_ended_runs(server, START_MS + 50, keep=["kept"]) == 1
    assert catalog.forget_ended_runs(server, START_MS + 50, keep=["kept"]) == 0
    left = [run.info.run_id for run in catalog.get_runs(["old", "kept", "open", "unsent", "late", "conflict"])]
    assert left == ["kept", "open", "unsent", "late", "conflict"]
    assert catalog.writer_states([writer(1).id]) == []
    assert catalog.problems() == []
