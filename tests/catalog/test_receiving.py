"""What other stores send to a catalog: merged, once, and by the rules that a server keeps."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from runlake.catalog import Catalog, Change, ReceivedExperiment, ReceivedFile, ReceivedRun, WriterInfo
from runlake.errors import InvalidInput, NotFound
from tests.catalog.material import add_run, writer
from tests.modes import needs_wal

A, B = "a" * 32, "b" * 32
SHARED = ReceivedExperiment("7", "shared")


def receive(catalog: Catalog, source: str, version: int, change: Change | None = None, **more: object) -> None:
    run = ReceivedRun(change or Change("run1"), "7", version, **more)  # type: ignore[arg-type]
    catalog.receive(source, [SHARED], [run])


def test_sending_again_changes_nothing_and_does_not_count_as_a_change(catalog: Catalog) -> None:
    receive(catalog, A, 3, Change("run1", {"lr": "0.1"}, {"a": "b"}), writers=[writer()])
    before = catalog.get_run("run1")
    state = catalog.writer_states([writer().id])
    receive(catalog, A, 3, Change("run1", {"lr": "0.2"}, {"a": "c"}), writers=[writer()])
    assert (catalog.get_run("run1"), catalog.writer_states([writer().id])) == (before, state)
    assert catalog.conflicts("run1") == []


def test_nothing_of_a_request_is_kept_when_a_part_is_refused(catalog: Catalog) -> None:
    good = ReceivedRun(Change("run1"), "7", 1)
    lost = ReceivedRun(Change("run2"), "8", 1)
    with pytest.raises(NotFound, match="'8', which was not sent"):
        catalog.receive(A, [SHARED], [good, lost])
    assert catalog.get_runs(["run1"]) == []
    assert catalog.find_experiment("shared") is None


def test_an_experiment_keeps_its_id_where_that_is_free(catalog: Catalog) -> None:
    receipt = catalog.receive(A, [SHARED, ReceivedExperiment("0", "Default")], [])
    assert receipt.experiments == {"7": "7", "0": "0"}
    other = catalog.receive(B, [ReceivedExperiment("7", "another"), ReceivedExperiment("9", "shared")], [])
    assert other.experiments["7"] not in ("7", "9", "0")
    assert other.experiments["9"] == "7"
    assert catalog.get_experiment(other.experiments["7"]).name == "another"


def test_a_run_that_was_made_here_takes_what_another_store_adds(catalog: Catalog) -> None:
    add_run(catalog, tags={"team": "vision"})
    receive(catalog, A, 1, Change("run1", {"lr": "0.1"}, {"a": "b"}))
    run = catalog.get_run("run1")
    assert (run.info.experiment_id, run.data.params, run.data.tags["team"]) == ("0", {"lr": "0.1"}, "vision")


def test_no_restart_ends_a_run_of_another_store(catalog: Catalog) -> None:
    receive(catalog, A, 1, Change("run1", status="RUNNING"), writers=[writer()])
    catalog.open_replica(writer())
    catalog.close_writer(writer().id)
    assert catalog.fail_orphans() == []
    assert catalog.get_run("run1").info.status == "RUNNING"


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        (["FINISHED", "FINISHED"], "FINISHED"),
        (["FINISHED", "KILLED"], "KILLED"),
        (["FAILED", "KILLED"], "FAILED"),
        (["KILLED", "FINISHED"], "KILLED"),
    ],
)
def test_a_run_ends_as_the_worst_of_its_stores(catalog: Catalog, ends: Collection[str], status: str) -> None:
    for source in (A, B):
        receive(catalog, source, 1, Change("run1", status="RUNNING"))
    for end_ms, (source, end) in enumerate(zip((A, B), ends, strict=True), start=10):
        assert catalog.get_run("run1").info.status == "RUNNING"
        receive(catalog, source, 2, Change("run1", status=end, end_ms=end_ms))
    info = catalog.get_run("run1").info
    assert (info.status, info.end_time) == (status, 11)


def test_a_store_that_says_nothing_of_the_status_changes_none(catalog: Catalog) -> None:
    receive(catalog, A, 1, Change("run1", status="FINISHED", end_ms=5))
    receive(catalog, A, 2, Change("run1", tags={"a": "b"}))
    receive(catalog, B, 1, Change("run1", tags={"c": "d"}))
    info = catalog.get_run("run1").info
    assert (info.status, info.end_time) == ("FINISHED", 5)


def test_streams_come_with_the_rank_of_their_process_and_with_no_points(catalog: Catalog) -> None:
    ranked = WriterInfo("f" * 32, "far", "boot", 1, 5, rank=3)
    receive(catalog, A, 1, writers=[ranked])
    assert catalog.writer_ranks() == {ranked.id: 3}
    assert catalog.writers_of(["run1"]) == []
    assert (catalog.replica_sealed(ranked.id), catalog.replicas([ranked.id])) == (0, {ranked.id})
    catalog.open_replica(ranked)
    assert (catalog.writers_of(["run1"]), catalog.replica_experiments(ranked.id)) == ([], [])
    catalog.attach_replica(ranked.id, ["run1"])
    assert (catalog.writers_of(["run1"]), catalog.replica_experiments(ranked.id)) == ([ranked.id], ["7"])


@needs_wal
def test_a_stream_that_is_new_is_known_after_a_power_cut(catalog: Catalog) -> None:
    commits: list[str] = []
    catalog.sync()
    catalog.on_commit(lambda: commits.append("to be synced"))
    catalog.open_replica(writer())
    assert commits == []
    catalog.close_writer(writer().id)
    assert commits == ["to be synced"]


def test_a_writer_of_this_store_is_no_replica(catalog: Catalog) -> None:
    add_run(catalog, by=writer())
    receive(catalog, A, 1, writers=[writer()])
    with pytest.raises(InvalidInput, match="logs to this store itself"):
        catalog.replica_sealed(writer().id)
    assert not catalog.skip_in_replica(writer().id, 0, 5, "lost")
    assert catalog.gaps() == []


def test_a_hole_is_a_gap_and_is_noted_where_the_sealed_points_end(catalog: Catalog) -> None:
    receive(catalog, A, 1, writers=[writer()])
    catalog.attach_replica(writer().id, ["run1"])
    assert not catalog.skip_in_replica(writer().id, 3, 5, "lost")
    assert catalog.skip_in_replica(writer().id, 0, 5, "lost")
    assert catalog.replica_sealed(writer().id) == 5
    (found,) = catalog.gaps("run1")
    assert (found.gap.first, found.gap.upto, found.gap.reason) == (0, 5, "lost")


def test_runs_are_attached_together_or_not_at_all(catalog: Catalog) -> None:
    receive(catalog, A, 1)
    catalog.open_replica(writer())
    assert catalog.attach_replica(writer().id, ["run1", "nobody"]) == ["nobody"]
    assert catalog.writers_of(["run1"]) == []
    assert catalog.attach_replica(writer().id, ["run1"]) == []
    assert catalog.writers_of(["run1"]) == [writer().id]


def test_a_journal_that_is_opened_again_is_not_forgotten(catalog: Catalog) -> None:
    catalog.open_replica(writer())
    (seen,) = catalog.unsealed_writers()
    catalog.open_replica(WriterInfo(writer().id, "node1", "boot1", 4242, seen.info.created_ms + 1))
    catalog.forget_journal(seen)
    (again,) = catalog.unsealed_writers()
    catalog.forget_journal(again)
    assert catalog.unsealed_writers() == []


def test_files_are_known_by_what_they_were_when_they_came(catalog: Catalog) -> None:
    receive(catalog, A, 1)
    for size in (3, 4):
        catalog.note_received_file("run1", ReceivedFile("a/b.txt", size, 5, "0" * 64))
    assert catalog.received_files("run1") == {"a/b.txt": ReceivedFile("a/b.txt", 4, 5, "0" * 64)}
    with pytest.raises(NotFound):
        catalog.note_received_file("nobody", ReceivedFile("a", 1, 5, "0" * 64))


def test_what_was_sent_is_known_after_the_catalog_is_opened_again(root: Path) -> None:
    catalog = Catalog.open(root)
    receive(catalog, A, 5, Change("run1", tags={"a": "2"}))
    catalog.close()
    catalog = Catalog.open(root)
    receive(catalog, A, 4, Change("run1", tags={"a": "1"}))
    assert catalog.get_run("run1").data.tags["a"] == "2"
    catalog.close()
