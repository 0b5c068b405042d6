"""Writers: whose journals there are, and which runs end with them."""

from dataclasses import replace

import pytest

from runlake.catalog import Catalog, GapInfo
from runlake.errors import InvalidInput, NotFound
from tests.catalog.material import START_MS, Segment, Series, add_run, writer

W1, W2 = writer(1), writer(2)


def status(catalog: Catalog, run_id: str = "run1") -> tuple[str, int | None]:
    info = catalog.get_run(run_id).info
    return info.status, info.end_time


def test_a_writer_is_known_with_the_first_run_that_logs_to_it(catalog: Catalog) -> None:
    add_run(catalog)
    assert catalog.writers_of(["run1"]) == []
    catalog.attach(W1, "run1")
    catalog.attach(W1, "run1")
    catalog.register_writer(W2)
    assert catalog.writers_of(["run1"]) == [W1.id]
    assert [(state.info, state.state, state.sealed) for state in catalog.unsealed_writers()] == [
        (W1, "open", 0),
        (W2, "open", 0),
    ]
    assert [state.info for state in catalog.writer_states([W2.id, "0" * 32])] == [W2]


def test_the_writers_of_a_run_are_known_with_their_states(catalog: Catalog) -> None:
    add_run(catalog)
    assert catalog.writer_states_of("run1") == {}
    catalog.attach(W1, "run1")
    catalog.attach(W2, "run1")
    catalog.close_writer(W1.id)
    assert catalog.writer_states_of("run1") == {W1.id: "closed", W2.id: "open"}
    catalog.close_writer(W2.id, sealed_all=True)
    assert catalog.writer_states_of("run1") == {W1.id: "closed", W2.id: "sealed"}


def test_a_process_that_closes_late_does_not_take_back_that_others_have_sealed_its_journal(catalog: Catalog) -> None:
    catalog.register_writer(W1)
    catalog.close_writer(W1.id, sealed_all=True)
    catalog.close_writer(W1.id)
    assert catalog.unsealed_writers() == []


def test_a_writer_keeps_its_rank(catalog: Catalog) -> None:
    ranked = replace(W1, rank=3)
    catalog.register_writer(ranked)
    catalog.register_writer(W2)
    assert catalog.writer_ranks() == {W1.id: 3}
    assert [state.info for state in catalog.writer_states([W1.id, W2.id])] == [ranked, W2]


def test_a_deleted_or_unknown_run_gets_no_writer(catalog: Catalog) -> None:
    add_run(catalog)
    catalog.delete_run("run1")
    with pytest.raises(InvalidInput, match="run1 is deleted"):
        catalog.attach(W1, "run1")
    with pytest.raises(NotFound, match="no run 'run2'"):
        catalog.attach(W1, "run2")
    assert catalog.unsealed_writers() == []


def test_a_run_fails_with_the_last_of_its_writers_at_the_time_of_its_last_point(catalog: Catalog) -> None:
    add_run(catalog, by=W1)
    catalog.attach(W2, "run1")
    catalog.mend_writer(W1, [("run1", START_MS + 10)], [], None)
    assert catalog.fail_orphans() == []
    assert status(catalog) == ("RUNNING", None)
    catalog.mend_writer(W2, [("run1", START_MS + 30)], [], None)
    assert catalog.fail_orphans() == ["run1"]
    assert status(catalog) == ("FAILED", START_MS + 30)
    assert catalog.fail_orphans() == []


def test_sealed_points_count_for_the_end_of_a_failed_run(catalog: Catalog) -> None:
    add_run(catalog, by=W1)
    segment = Segment("s1", [(W1.id, 0, 1)], [Series("run1", "k", [(0, START_MS + 50, 1.0)])])
    catalog.commit_seal(segment.ranges, [segment])
    catalog.mend_writer(W1, [], [], None)
    catalog.fail_orphans()
    assert status(catalog) == ("FAILED", START_MS + 50)


def test_a_run_that_logged_nothing_fails_at_its_start(catalog: Catalog) -> None:
    add_run(catalog, by=W1)
    catalog.mend_writer(W1, [], [], None)
    assert catalog.fail_orphans() == ["run1"]
    assert status(catalog) == ("FAILED", START_MS)


def test_runs_that_nobody_owns_or_that_have_ended_or_never_had_a_writer_are_left_alone(catalog: Catalog) -> None:
    add_run(catalog, "client", owned=False, by=W1)
    add_run(catalog, "ended", by=W1)
    add_run(catalog, "fresh")
    catalog.update_run("ended", status="FINISHED", end_time=9)
    catalog.mend_writer(W1, [("client", 5), ("ended", 5)], [], None)
    assert catalog.fail_orphans() == []
    assert [status(catalog, run_id)[0] for run_id in ("client", "ended", "fresh")] == ["RUNNING", "FINISHED", "RUNNING"]


def test_a_journal_whose_writer_was_never_registered_is_attached_to_its_runs(catalog: Catalog) -> None:
    add_run(catalog)
    catalog.mend_writer(W1, [("run1", 5), ("nobody", 5)], [], None)
    assert catalog.writers_of(["run1"]) == [W1.id]


def test_gaps_are_kept_with_their_writer_and_named_for_its_runs(catalog: Catalog) -> None:
    add_run(catalog, by=W1)
    add_run(catalog, "other", by=W2)
    gap = GapInfo(10, 20, "bad checksum", "a.0.journal.damaged")
    for _ in range(2):
        catalog.mend_writer(W1, [("run1", 5)], [gap], 77)
    assert [(found.writer_id, found.gap, found.last_verified_ms) for found in catalog.gaps()] == [(W1.id, gap, 77)]
    assert catalog.gaps("run1") == catalog.gaps()
    assert catalog.gaps("other") == []
