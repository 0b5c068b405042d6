"""Experiments: names are unique among the active ones, deleting takes the runs along, and all of it can be undone."""

import pytest

from runlake.catalog import Catalog
from runlake.entities import ViewType
from runlake.errors import AlreadyExists, InvalidInput, NotFound
from tests.catalog.material import START_MS, add_run


def test_a_new_catalog_has_the_default_experiment(catalog: Catalog) -> None:
    default = catalog.get_experiment("0")
    assert (default.name, default.lifecycle_stage) == ("Default", "active")
    assert default.artifact_location == str(catalog.root / "artifacts" / "0")


def test_an_experiment_is_kept_with_its_tags(catalog: Catalog) -> None:
    experiment_id = catalog.create_experiment("sweep", artifact_location="/data/a", tags={"team": "x"}, now_ms=START_MS)
    kept = catalog.get_experiment(experiment_id)
    assert (kept.name, kept.artifact_location, kept.tags) == ("sweep", "/data/a", {"team": "x"})
    assert kept.creation_time == kept.last_update_time == START_MS
    assert catalog.find_experiment("sweep") == kept
    assert catalog.find_experiment("swee") is None


def test_ids_are_decimal_fit_64_bits_and_differ(catalog: Catalog) -> None:
    ids = {catalog.create_experiment(f"e{i}", now_ms=START_MS) for i in range(50)}
    assert len(ids) == 50
    assert all(len(i) == 18 and i.isdecimal() and i[0] != "0" and int(i) < 2**63 for i in ids)


def test_a_name_belongs_to_one_active_experiment(catalog: Catalog) -> None:
    first = catalog.create_experiment("sweep", now_ms=START_MS)
    with pytest.raises(AlreadyExists, match=f"{first} already has the name 'sweep'"):
        catalog.create_experiment("sweep", now_ms=START_MS)
    catalog.delete_experiment(first)
    second = catalog.create_experiment("sweep", now_ms=START_MS)
    assert catalog.find_experiment("sweep") == catalog.get_experiment(second)
    with pytest.raises(AlreadyExists):
        catalog.restore_experiment(first)
    catalog.rename_experiment(second, "other")
    catalog.restore_experiment(first)
    assert catalog.get_experiment(first).lifecycle_stage == "active"


def test_renaming_onto_a_taken_name_is_refused(catalog: Catalog) -> None:
    one, two = (catalog.create_experiment(name, now_ms=START_MS) for name in ("one", "two"))
    with pytest.raises(AlreadyExists):
        catalog.rename_experiment(two, "one")
    catalog.rename_experiment(one, "one")
    assert catalog.get_experiment(two).name == "two"


def test_restoring_brings_back_the_runs_that_were_deleted_with_it_and_no_others(catalog: Catalog) -> None:
    experiment_id = catalog.create_experiment("sweep", now_ms=START_MS)
    for run_id in ("kept", "deleted"):
        add_run(catalog, run_id, experiment_id)
    catalog.delete_run("deleted")
    catalog.delete_experiment(experiment_id)
    stages = {run.info.run_id: run.info.lifecycle_stage for run in catalog.get_runs(["kept", "deleted"])}
    assert stages == {"kept": "deleted", "deleted": "deleted"}
    catalog.restore_experiment(experiment_id)
    stages = {run.info.run_id: run.info.lifecycle_stage for run in catalog.get_runs(["kept", "deleted"])}
    assert stages == {"kept": "active", "deleted": "deleted"}


def test_views_list_active_and_deleted_ones_newest_first(catalog: Catalog) -> None:
    old = catalog.create_experiment("old", now_ms=2 * START_MS)
    new = catalog.create_experiment("new", now_ms=3 * START_MS)
    catalog.delete_experiment(old)
    listed = {view: [e.experiment_id for e in catalog.experiments(view)] for view in (1, 2, 3)}
    assert listed == {
        ViewType.ACTIVE_ONLY: [new, "0"],
        ViewType.DELETED_ONLY: [old],
        ViewType.ALL: [new, old, "0"],
    }


def test_tags_are_set_replaced_and_removed(catalog: Catalog) -> None:
    catalog.set_experiment_tags("0", {"a": "1", "b": "2"})
    catalog.set_experiment_tags("0", {"a": "3"}, now_ms=4 * START_MS)
    kept = catalog.get_experiment("0")
    assert (kept.tags, kept.last_update_time) == ({"a": "3", "b": "2"}, 4 * START_MS)
    catalog.delete_experiment_tag("0", "a")
    assert catalog.get_experiment("0").tags == {"b": "2"}
    with pytest.raises(NotFound, match="no tag 'a'"):
        catalog.delete_experiment_tag("0", "a")


def test_a_deleted_experiment_takes_no_change_and_no_run(catalog: Catalog) -> None:
    experiment_id = catalog.create_experiment("sweep", now_ms=START_MS)
    with pytest.raises(InvalidInput, match="is not deleted"):
        catalog.restore_experiment(experiment_id)
    catalog.delete_experiment(experiment_id)
    for change in (
        lambda: catalog.rename_experiment(experiment_id, "x"),
        lambda: catalog.delete_experiment(experiment_id),
        lambda: catalog.set_experiment_tags(experiment_id, {"a": "1"}),
        lambda: add_run(catalog, "run1", experiment_id),
    ):
        with pytest.raises(InvalidInput, match="is deleted"):
            change()


def test_an_unknown_experiment_is_named(catalog: Catalog) -> None:
    for call in (catalog.get_experiment, catalog.delete_experiment, catalog.restore_experiment):
        with pytest.raises(NotFound, match="no experiment '17'"):
            call("17")
