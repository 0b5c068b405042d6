"""runlake.registry and the client's methods: the same on a store of this machine and on a server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runlake
from runlake import MlflowClient, config, registry
from runlake.entities import ModelVersion, RegisteredModel
from runlake.errors import AlreadyExists, InvalidInput, NotFound


@pytest.fixture
def run_id(where: str) -> str:
    with runlake.start_run(run_name="made it") as run:
        runlake.log_metric("val_auc", 0.9)
        runlake.log_input(runlake.data.from_numpy(np.arange(4.0), name="four"), context="training")
        runlake.set_tag("mlflow.source.git.commit", "c0ffee")
        runlake.log_text("flavors: {}", "model/MLmodel")
    found: str = run.info.run_id
    return found


def timeless(found: Any) -> Any:
    return replace(found, creation_timestamp=0, last_updated_timestamp=0)


def test_a_model_is_what_it_was_made_with(name: str) -> None:
    found = registry.get_registered_model(name)
    assert timeless(found) == RegisteredModel(name, 0, 0, "who leaves", [], {"team": "risk"}, {})
    registry.update_registered_model(name, "new")
    registry.set_registered_model_tag(name, "a", 1)
    registry.delete_registered_model_tag(name, "team")
    (listed,) = registry.search_registered_models(f"name = '{name}'")
    assert (listed.description, listed.tags) == ("new", {"a": "1"})
    with pytest.raises(AlreadyExists):
        registry.create_registered_model(name)
    renamed = registry.rename_registered_model(name, f"{name}!")
    assert registry.get_registered_model(renamed.name).tags == {"a": "1"}
    registry.delete_registered_model(renamed.name)
    with pytest.raises(NotFound):
        registry.get_registered_model(renamed.name)


def test_a_version_is_found_by_number_stage_alias_and_search(name: str, run_id: str) -> None:
    made = registry.create_model_version(name, f"runs:/{run_id}/model", run_id, {"a": "b"}, "https://x/y", "first")
    assert (made.version, made.current_stage, made.run_id, made.status) == (1, "None", run_id, "READY")
    assert (made.tags, made.run_link, made.description) == ({"a": "b"}, "https://x/y", "first")
    second = registry.create_model_version(name, f"runs:/{run_id}/model", run_id)
    assert (second.tags, second.run_link, second.description, second.model_id) == ({}, None, None, None)
    registry.set_registered_model_alias(name, "champion", str(second.version))
    registry.transition_model_version_stage(name, "1", "staging")
    registry.set_model_version_tag(name, stage="Staging", key="c", value=2)
    assert registry.get_model_version_by_alias(name, "champion").version == 2
    assert registry.get_model_version(name, "1").tags == {"a": "b", "c": "2"}
    assert [found.version for found in registry.get_latest_versions(name, ["Staging"])] == [1]
    assert [found.version for found in registry.get_latest_versions(name)] == [1, 2]
    found = registry.search_model_versions(f"name = '{name}' AND tags.a = 'b'")
    assert [(version.version, version.current_stage) for version in found] == [(1, "Staging")]
    assert [v.version for v in registry.search_model_versions(f"name = '{name}'", 1, ["version_number ASC"])] == [1]
    pages = registry.search_model_versions(f"name = '{name}'", 1, ["version_number ASC", "creation_timestamp DESC"])
    rest = registry.search_model_versions(
        f"name = '{name}'", 1, ["version_number ASC", "creation_timestamp DESC"], pages.token
    )
    assert [version.version for version in rest] == [2]
    registry.delete_model_version_tag(name, "1", "c")
    registry.update_model_version(name, "1", "words")
    registry.delete_registered_model_alias(name, "champion")
    registry.delete_model_version(name, "2")
    assert [(v.version, v.tags, v.description) for v in registry.search_model_versions(f"name = '{name}'")] == [
        (1, {"a": "b"}, "words")
    ]
    assert registry.get_model_version_stages(name, "1") == ["None", "Staging", "Production", "Archived"]


def test_a_copy_has_files_run_and_tags_of_the_first(name: str, run_id: str) -> None:
    registry.create_model_version(name, f"runs:/{run_id}/model", run_id, {"a": "b"}, description="first")
    registry.set_registered_model_alias(name, "champion", "1")
    copied = registry.copy_model_version(f"models:/{name}@champion", f"copy {name}")
    assert (copied.source, copied.run_id, copied.tags) == (f"models:/{name}/1", run_id, {"a": "b"})
    assert copied.description == "first"
    assert registry.get_model_version_download_uri(copied.name, "1") == registry.get_model_version_download_uri(
        name, "1"
    )
    with pytest.raises(InvalidInput):
        registry.copy_model_version(f"runs:/{run_id}/model", "other")


MISTAKES: dict[str, tuple[type[Exception], Callable[[str], Any]]] = {
    "no such version": (NotFound, lambda name: registry.get_model_version(name, "9")),
    "no number": (InvalidInput, lambda name: registry.get_model_version(name, "nine")),
    "no such alias": (InvalidInput, lambda name: registry.get_model_version_by_alias(name, "nobody")),
    "foreign source": (InvalidInput, lambda name: registry.create_model_version(name, "/etc/passwd")),
    "traversal": (InvalidInput, lambda name: registry.create_model_version(name, "runs:/x/../y", "x")),
    "move of nothing": (NotFound, lambda name: registry.transition_model_version_stage(name, "9", "Staging")),
    "no such stage": (InvalidInput, lambda name: registry.transition_model_version_stage(name, "9", "Stage")),
    "tag of what": (InvalidInput, lambda name: registry.set_model_version_tag(name, key="a", value=1)),
    "tag of both": (InvalidInput, lambda name: registry.set_model_version_tag(name, "1", "a", 1, "Staging")),
    "empty stage": (NotFound, lambda name: registry.delete_model_version_tag(name, stage="Production", key="a")),
    "reserved alias": (InvalidInput, lambda name: registry.set_registered_model_alias(name, "latest", "1")),
    "filter": (InvalidInput, lambda name: registry.search_model_versions("nme = 'x'")),
    "lineage of nothing": (NotFound, lambda name: registry.lineage(name, 9)),
    "slash": (InvalidInput, lambda name: registry.create_registered_model("a/b")),
    "colon": (InvalidInput, lambda name: registry.create_registered_model("a:b")),
    "long name": (InvalidInput, lambda name: registry.create_registered_model("x" * 1000)),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_the_same_errors_everywhere(name: str, mistake: str) -> None:
    kind, call = MISTAKES[mistake]
    with pytest.raises(kind) as caught:
        call(name)
    assert type(caught.value) is kind


def test_lineage_shows_run_data_and_commit(name: str, run_id: str) -> None:
    registry.create_model_version(name, f"runs:/{run_id}/model", run_id)
    found = registry.lineage(name, "1")
    assert (found.run_id, found.run_name, found.experiment_name) == (run_id, "made it", "Default")
    assert (found.git_commit, found.source) == ("c0ffee", f"runs:/{run_id}/model")
    assert [(data.name, data.source_type, data.context) for data in found.datasets] == [("four", "code", "training")]
    assert found.to_dictionary()["datasets"][0]["digest"]
    registry.create_model_version(name, "s3://bucket/model")
    assert registry.lineage(name, 2).run_id is None


def test_the_log_says_who_did_what_and_its_chain_is_checked(name: str, where: str) -> None:
    registry.create_model_version(name, "s3://bucket/model")
    registry.set_registered_model_alias(name, "champion", "1")
    events = registry.log(name)
    assert [event.action for event in events] == ["create_model", "create_version", "set_alias"]
    assert events[2].payload == {"alias": "champion", "before": None}
    if not where.startswith("http"):  # a server that asks nobody knows nobody
        assert {event.user_id for event in events} == {config.os_user()}
    head = registry.verify()
    assert head.hash == registry.log()[-1].hash
    registry.delete_registered_model(name)
    assert [event.action for event in registry.log(name)][-1] == "delete_model"


def test_a_model_that_is_registered_by_its_uri_is_registered_by_the_user(name: str, run_id: str, where: str) -> None:
    made = runlake.register_model(f"runs:/{run_id}/model", f"{name} new", tags={"a": "b"})
    assert (made.version, made.run_id, made.tags) == (1, run_id, {"a": "b"})
    if not where.startswith("http"):
        assert {event.user_id for event in registry.log(made.name)} == {config.os_user()}


def test_top_level_functions_find_all_pages(name: str) -> None:
    for _ in range(3):
        registry.create_model_version(name, "s3://bucket/model")
    runlake.set_model_version_tag(name, "2", "a", "b")
    mine = f"name = '{name}'"
    assert [model.name for model in runlake.search_registered_models(filter_string=mine)] == [name]
    found = runlake.search_model_versions(2, mine, ["version_number DESC"])
    assert [version.version for version in found] == [3, 2]
    assert found[1].tags == {"a": "b"}
    assert len(runlake.search_model_versions(filter_string=mine)) == 3


def test_the_registry_may_be_elsewhere_than_the_runs(where: str, tmp_path: Path) -> None:
    runlake.set_registry_uri(tmp_path / "models")
    try:
        assert runlake.get_registry_uri() == (tmp_path / "models").as_uri()
        registry.create_registered_model("apart")
        assert [model.name for model in MlflowClient(registry_uri=where).search_registered_models()] != ["apart"]
        assert [model.name for model in MlflowClient().search_registered_models()] == ["apart"]
    finally:
        runlake.set_registry_uri("")
    assert runlake.get_registry_uri() == runlake.get_tracking_uri()


def test_entities_are_plain_values_for_json(name: str) -> None:
    made = registry.create_model_version(name, "s3://bucket/model", tags={"a": "b"})
    assert isinstance(made, ModelVersion)
    assert made.to_dictionary()["tags"] == {"a": "b"}
