"""Runs: what was given comes back, and what changes a run in any way gives it the number of the transaction."""

from collections.abc import Callable

import pytest

from runlake.catalog import Catalog, Change, ChangedRuns
from runlake.entities import Dataset, DatasetInput, InputTag
from runlake.errors import AlreadyExists, InvalidInput, NotFound
from tests.catalog.material import START_MS, Segment, Series, add_run, writer


def test_a_run_comes_back_as_it_was_created(catalog: Catalog) -> None:
    add_run(catalog, tags={"team": "vision"})
    run = catalog.get_run("run1")
    info = run.info
    assert (info.run_id, info.experiment_id, info.user_id, info.run_name) == ("run1", "0", "ada", "quick-fox-1")
    assert (info.status, info.start_time, info.end_time, info.lifecycle_stage) == ("RUNNING", START_MS, None, "active")
    assert info.artifact_uri == str(catalog.root / "artifacts" / "0" / "run1")
    assert run.data.tags == {"team": "vision", "mlflow.runName": "quick-fox-1"}
    assert (run.data.params, run.data.metrics) == ({}, {})


def test_artifacts_follow_the_experiment_or_the_run_when_they_have_a_place_of_their_own(catalog: Catalog) -> None:
    elsewhere = catalog.create_experiment("e", artifact_location="/data/e", now_ms=START_MS)
    add_run(catalog, "a", elsewhere)
    catalog.create_run("b", "0", name="b", user_id="u", start_time=1, artifact_uri="/data/b", owned=False)
    assert [run.info.artifact_uri for run in catalog.get_runs(["a", "b"])] == ["/data/e/a", "/data/b"]


@pytest.mark.parametrize("place", [None, "/data/e"])
def test_creating_a_run_returns_what_reading_it_returns(catalog: Catalog, place: str | None) -> None:
    experiment = catalog.create_experiment("e", artifact_location=place, now_ms=START_MS)
    for number, uri in enumerate((None, "/data/own")):
        created = catalog.create_run(
            f"run{number}",
            experiment,
            name="x",
            user_id="u",
            start_time=5,
            artifact_uri=uri,
            tags={"z": "1", "a": "2"},
            owned=False,
        )
        assert created == catalog.get_run(f"run{number}")
        assert list(created.data.tags) == ["a", "mlflow.runName", "z"]


def test_a_run_id_is_taken_once(catalog: Catalog) -> None:
    add_run(catalog)
    with pytest.raises(AlreadyExists, match="'run1'"):
        add_run(catalog)


def test_a_run_needs_an_experiment(catalog: Catalog) -> None:
    with pytest.raises(NotFound, match="experiment '17'"):
        add_run(catalog, experiment_id="17")
    with pytest.raises(NotFound, match="run 'run1'"):
        catalog.get_run("run1")


def test_a_run_is_found_by_id_prefix_or_name(catalog: Catalog) -> None:
    for run_id, name in (("abcd1111", "fox"), ("abcd2222", "owl"), ("ffff0000", "abcd1111x"), ("0123_%", "owl")):
        add_run(catalog, run_id, name=name)
    assert catalog.run_ids("abcd1111") == ["abcd1111"]
    assert sorted(catalog.run_ids("abcd")) == ["abcd1111", "abcd2222"]
    assert sorted(catalog.run_ids("owl")) == ["0123_%", "abcd2222"]
    assert catalog.run_ids("abc") == catalog.run_ids("____%") == catalog.run_ids("") == []


def test_names_of_runs_are_told_by_id(catalog: Catalog) -> None:
    add_run(catalog)
    add_run(catalog, "run2", name="slow-owl-2")
    assert catalog.run_names(["run2", "run1", "run3"]) == {"run1": "quick-fox-1", "run2": "slow-owl-2"}


def test_deleting_is_marking(catalog: Catalog) -> None:
    add_run(catalog)
    catalog.delete_run("run1")
    assert catalog.get_run("run1").info.lifecycle_stage == "deleted"
    before = catalog.tx()
    catalog.delete_run("run1")
    assert catalog.tx() == before, "to delete it again changes nothing"
    with pytest.raises(InvalidInput, match="run run1 is deleted"):
        catalog.log_batch("run1", tags={"a": "1"})
    catalog.restore_run("run1")
    assert catalog.get_run("run1").info.lifecycle_stage == "active"
    before = catalog.tx()
    catalog.restore_run("run1")
    assert catalog.tx() == before


def test_data_sets_are_kept_once_an_experiment(catalog: Catalog) -> None:
    digits = Dataset("digits", "d1", "local", "/data/digits", schema="{}")
    for run_id in ("a", "b"):
        add_run(catalog, run_id)
        catalog.log_inputs(run_id, [DatasetInput(digits, [InputTag("mlflow.data.context", "train")])])
    catalog.log_inputs("a", [DatasetInput(digits, [InputTag("x", "y")])])
    one, two = (run.inputs.dataset_inputs for run in catalog.get_runs(["a", "b"]))
    assert [entry.dataset for entry in one] == [entry.dataset for entry in two] == [digits]
    assert one[0].tags == [InputTag("mlflow.data.context", "train"), InputTag("x", "y")]
    assert catalog.run_rows(run_ids=["b"]).inputs["context"] == ("train",)


def test_every_change_of_a_run_shows_in_its_transaction_number(catalog: Catalog) -> None:
    add_run(catalog, "other")
    add_run(catalog, by=writer())
    segment = Segment("s1", [(writer().id, 0, 1)], [Series("run1", "loss", [(0, 5, 1.0)])])
    for change in (
        lambda: catalog.log_batch("run1", params={"lr": "0.1"}),
        lambda: catalog.log_batch("run1", tags={"a": "1"}),
        lambda: catalog.delete_tag("run1", "a"),
        lambda: catalog.update_run("run1", status="FINISHED", end_time=7),
        lambda: catalog.log_inputs("run1", [DatasetInput(Dataset("n", "d", "t", "s"))]),
        lambda: catalog.commit_seal(segment.ranges, [segment]),
        lambda: catalog.delete_run("run1"),
        lambda: catalog.restore_run("run1"),
        lambda: catalog.delete_experiment("0"),
        lambda: catalog.restore_experiment("0"),
    ):
        before = catalog.tx()
        change()
        changed = catalog.run_rows(since_tx=before)
        assert "run1" in changed.runs["run_id"]
        assert changed.tx == catalog.tx() == before + 1
        assert catalog.run_rows(since_tx=changed.tx).runs["run_id"] == ()


def test_of_a_run_that_has_changed_only_what_has_changed_is_handed_over(catalog: Catalog) -> None:
    add_run(catalog, by=writer(), tags={"b": "2"})
    segment = Segment("s1", [(writer().id, 0, 1)], [Series("run1", "loss", [(0, 5, 1.0)])])

    def had_to_be_read(change: Callable[[], object]) -> set[str]:
        before, parts = catalog.tx(), {"params", "tags", "metrics"}
        change()
        pieces: list[ChangedRuns] = []
        catalog.changed_runs(None, lambda *_: before, lambda _, piece: pieces.append(piece), writers=[])
        [piece] = pieces
        assert piece.runs["run_id"] == ("run1",)
        read = {part for part in parts if getattr(piece, part)["run"] not in ((), ("[]",))}
        names = {"params": "param_tx", "tags": "tag_tx", "metrics": "summary_tx"}
        told = {part for part, column in names.items() if piece.runs[column][0] > before}
        assert read <= told
        return told

    assert had_to_be_read(lambda: catalog.log_batch("run1", params={"lr": "0.1"})) == {"params"}
    assert had_to_be_read(lambda: catalog.log_batch("run1", tags={"a": "1"})) == {"tags"}
    assert had_to_be_read(lambda: catalog.delete_tag("run1", "a")) == {"tags"}
    assert had_to_be_read(lambda: catalog.update_run("run1", status="FINISHED", end_time=7)) == set()
    assert had_to_be_read(lambda: catalog.update_run("run1", name="other")) == {"tags"}
    assert had_to_be_read(lambda: catalog.apply_late(Change("run1", params={"lr": "0.2"}))) == {"params", "tags"}
    assert had_to_be_read(lambda: catalog.commit_seal(segment.ranges, [segment])) == {"metrics"}
    assert had_to_be_read(lambda: catalog.delete_run("run1")) == set()


def test_rows_hold_everything_of_the_runs_that_are_asked_for(catalog: Catalog) -> None:
    elsewhere = catalog.create_experiment("e", now_ms=START_MS)
    for run_id, experiment_id in (("a", "0"), ("b", elsewhere), ("c", elsewhere)):
        add_run(catalog, run_id, experiment_id, by=writer())
        catalog.log_batch(run_id, params={"lr": "0.1", "who": run_id})
    catalog.delete_run("c")
    segment = Segment("s1", [(writer().id, 0, 2)], [Series("b", "loss", [(0, 5, 1.0), (1, 6, float("nan"))])])
    catalog.commit_seal(segment.ranges, [segment])

    def ids(**arguments: object) -> list[str]:
        return list(catalog.run_rows(**arguments).runs["run_id"])  # type: ignore[arg-type]

    assert ids() == ["a", "b", "c"]
    assert ids(view=1) == ["a", "b"]
    assert ids(view=2) == ["c"]
    assert ids(experiment_ids=[elsewhere]) == ["b", "c"]
    assert ids(experiment_ids=[elsewhere], view=1) == ids(run_ids=["b"]) == ["b"]
    assert ids(experiment_ids=[]) == ids(run_ids=["nobody"]) == []
    rows = catalog.run_rows([elsewhere], view=1)
    params = {rows.names[key]: value for key, value in zip(rows.params["key"], rows.params["value"], strict=True)}
    assert params == {"lr": "0.1", "who": "b"}
    assert rows.params["typed"] == (0.1, None)
    assert set(rows.params["run"]) == set(rows.tags["run"]) == set(rows.metrics["run"]) == set(rows.runs["run"])
    assert [rows.names[key] for key in rows.metrics["key"]] == ["loss"]
    assert (rows.metrics["count"], rows.metrics["nan_count"], rows.metrics["last_value"]) == ((2,), (1,), (None,))
    assert rows.runs["lifecycle_stage"] == ("active",)
