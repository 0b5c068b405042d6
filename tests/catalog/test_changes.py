"""Changes of runs: parameters are written once, a batch is all or nothing, and what comes late is not lost silently."""

import json

import pytest

from runlake.catalog import Catalog, Change, Conflict
from runlake.errors import InvalidInput, NotFound, ParameterChanged
from tests.catalog.material import add_run


def test_parameters_and_tags_are_kept_exactly(catalog: Catalog) -> None:
    add_run(catalog)
    params = {"lr": "1e-3", "a/b.c": " 0.10 ", "ünïcode": "日本", "empty": ""}
    catalog.log_batch("run1", params=params, tags={"x": "1"})
    catalog.log_batch("run1", tags={"x": "2", "y": "\x00'\""})
    data = catalog.get_run("run1").data
    assert data.params == params
    assert data.tags == {"x": "2", "y": "\x00'\"", "mlflow.runName": "quick-fox-1"}


def test_the_same_value_again_is_accepted(catalog: Catalog) -> None:
    add_run(catalog)
    catalog.log_batch("run1", params={"lr": "0.1"})
    catalog.log_batch("run1", params={"lr": "0.1", "depth": "3"})
    assert catalog.get_run("run1").data.params == {"depth": "3", "lr": "0.1"}


def test_another_value_is_refused_naming_both_and_nothing_of_the_batch_is_kept(catalog: Catalog) -> None:
    add_run(catalog)
    catalog.log_batch("run1", params={"lr": "0.001"})
    with pytest.raises(
        ParameterChanged, match=r"'lr' of run run1 is already '0\.001' and cannot become '0\.01'"
    ) as caught:
        catalog.log_batch("run1", params={"depth": "3", "lr": "0.01"}, tags={"x": "1"})
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
    assert "hint: parameters are written once" in str(caught.value)
    data = catalog.get_run("run1").data
    assert (data.params, "x" in data.tags) == ({"lr": "0.001"}, False)
    catalog.log_batch("run1", params={"depth": "5"})  # the name of the refused batch is not remembered wrongly
    assert catalog.get_run("run1").data.params == {"depth": "5", "lr": "0.001"}


def test_thousands_of_parameters_fit_in_one_batch(catalog: Catalog) -> None:
    add_run(catalog)
    params = {f"p{i}": str(i) for i in range(5000)}
    catalog.log_batch("run1", params=params)
    catalog.log_batch("run1", params=params)
    assert catalog.get_run("run1").data.params == params


def test_name_and_name_tag_are_one(catalog: Catalog) -> None:
    add_run(catalog)
    catalog.update_run("run1", name="new")
    assert catalog.get_run("run1").data.tags["mlflow.runName"] == "new"
    catalog.log_batch("run1", tags={"mlflow.runName": "newer"})
    assert catalog.get_run("run1").info.run_name == "newer"


def test_a_run_ends_and_goes_on(catalog: Catalog) -> None:
    add_run(catalog)
    catalog.update_run("run1", status="FINISHED", end_time=99)
    info = catalog.get_run("run1").info
    assert (info.status, info.end_time) == ("FINISHED", 99)
    catalog.update_run("run1", status="RUNNING")
    info = catalog.get_run("run1").info
    assert (info.status, info.end_time) == ("RUNNING", None)
    with pytest.raises(InvalidInput, match="'DONE' is not a run status"):
        catalog.update_run("run1", status="DONE")


def test_a_tag_that_is_not_there_cannot_be_removed(catalog: Catalog) -> None:
    add_run(catalog, tags={"a": "1"})
    catalog.delete_tag("run1", "a")
    with pytest.raises(NotFound, match="run run1 has no tag 'a'"):
        catalog.delete_tag("run1", "a")
    with pytest.raises(NotFound, match="no run 'run2'"):
        catalog.delete_tag("run2", "a")


def test_a_change_survives_the_way_through_an_outbox() -> None:
    change = Change("r", {"lr": "0.1"}, {"t": "ä"}, ["old"], "FINISHED", 5, "name", "writer")
    assert Change.from_bytes(change.to_bytes()) == change
    assert Change.from_bytes(Change("r").to_bytes()) == Change("r")
    later_version = json.dumps({**json.loads(change.to_bytes()), "field of a later version": 1}).encode()
    assert Change.from_bytes(later_version) == change
    for other in (b"", b"[]", b'{"run": 1}'):
        with pytest.raises(ValueError, match=r"."):
            Change.from_bytes(other)


def test_a_parameter_that_comes_late_does_not_replace_another_value_and_is_not_lost(catalog: Catalog) -> None:
    add_run(catalog)
    catalog.log_batch("run1", params={"lr": "0.1"})
    change = Change("run1", {"lr": "0.2", "depth": "3"}, {"a": "1"}, ["gone"], "KILLED", 50)
    conflict = Conflict("run1", "lr", "0.2", "0.1")
    assert catalog.apply_late(change) == [conflict]
    assert catalog.apply_late(change) == [conflict]  # a second delivery changes nothing
    run = catalog.get_run("run1")
    assert run.data.params == {"depth": "3", "lr": "0.1"}
    assert (run.data.tags["a"], run.data.tags["runlake.conflict.lr"]) == ("1", "0.2")
    assert (run.info.status, run.info.end_time) == ("KILLED", 50)
    assert catalog.conflicts("run1") == [conflict]


def test_a_change_that_comes_late_is_kept_though_the_run_was_deleted(catalog: Catalog) -> None:
    add_run(catalog)
    catalog.delete_run("run1")
    assert catalog.apply_late(Change("run1", {"lr": "0.2"})) == []
    assert catalog.get_run("run1").data.params == {"lr": "0.2"}
    with pytest.raises(NotFound, match="no run 'nobody'"):
        catalog.apply_late(Change("nobody"))


def test_only_an_active_run_may_be_logged_to(catalog: Catalog) -> None:
    add_run(catalog)
    catalog.require_active("run1")
    catalog.delete_run("run1")
    with pytest.raises(InvalidInput):
        catalog.require_active("run1")
    with pytest.raises(NotFound):
        catalog.require_active("nobody")
