"""Artifacts through MLflow's package: below one folder, whole or not there, and not copied to be read."""

from pathlib import Path
from typing import Any

import pytest

import runlake
from tests.mlflow_plugin.test_tracking_store import refused


def test_what_mlflow_logs_is_an_artifact_of_the_run(client: Any, run_id: str, lake: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "ä b%20.txt").write_text("text")
    client.log_artifacts(run_id, str(source), "all")
    client.log_artifact(run_id, str(source / "sub" / "ä b%20.txt"))
    client.log_dict(run_id, {"a": [1]}, "d.json")
    assert [(info.path, info.is_dir) for info in client.list_artifacts(run_id)] == [
        ("all", True),
        ("d.json", False),
        ("ä b%20.txt", False),
    ]
    assert client.list_artifacts(run_id, "all/sub")[0].file_size == 4
    runlake.set_tracking_uri(lake)
    assert runlake.artifacts.load_text(f"runs:/{run_id}/all/sub/ä b%20.txt") == "text"


def test_reading_copies_nothing_unless_a_folder_is_given(client: Any, run_id: str, lake: Path, tmp_path: Path) -> None:
    from mlflow.artifacts import download_artifacts

    client.log_text(run_id, "hello", "texts/a.txt")
    there = Path(download_artifacts(f"{client.get_run(run_id).info.artifact_uri}/texts/a.txt"))
    assert (lake in there.parents, there.read_text()) == (True, "hello")
    (tmp_path / "to").mkdir()
    copy = Path(client.download_artifacts(run_id, "texts", str(tmp_path / "to")))
    assert (copy, (copy / "a.txt").read_text()) == (tmp_path / "to" / "texts", "hello")
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.download_artifacts(run_id, "nothing")


def test_an_artifact_uri_leads_to_the_artifact(client: Any, run_id: str) -> None:
    from mlflow.artifacts import load_text

    client.log_text(run_id, "hello", "texts/a.txt")
    assert load_text(f"{client.get_run(run_id).info.artifact_uri}/texts/a.txt") == "hello"


@pytest.mark.parametrize("path", ["../out", "/etc", "a/../../out", ".runlake-x"])
def test_nothing_is_written_outside_of_the_folder_of_the_run(
    client: Any, run_id: str, tmp_path: Path, path: str
) -> None:
    (tmp_path / "file.txt").write_text("x")
    with refused("INVALID_PARAMETER_VALUE"):
        client.log_artifact(run_id, str(tmp_path / "file.txt"), path)
    assert not [found for found in tmp_path.rglob("file.txt") if found.parent != tmp_path]


def test_links_that_lead_out_are_not_followed(client: Any, run_id: str, tmp_path: Path) -> None:
    client.log_text(run_id, "hello", "a.txt")
    files = repository(client, run_id)
    (tmp_path / "secret.txt").write_text("secret")
    (Path(files.get_local_path("a.txt")).parent / "link.txt").symlink_to(tmp_path / "secret.txt")
    assert [info.path for info in client.list_artifacts(run_id)] == ["a.txt"]
    for where in (None, str(tmp_path)):
        with refused("INVALID_PARAMETER_VALUE", "symbolic link"):
            files.download_artifacts("link.txt", where)


def test_a_repository_removes_what_it_is_told_to(client: Any, run_id: str) -> None:
    client.log_text(run_id, "1", "a/1.txt")
    client.log_text(run_id, "2", "2.txt")
    repository(client, run_id).delete_artifacts("a")
    assert [info.path for info in client.list_artifacts(run_id)] == ["2.txt"]
    repository(client, run_id).delete_artifacts()
    assert client.list_artifacts(run_id) == []


def repository(client: Any, run_id: str) -> Any:
    """What MLflow takes for the artifacts of a run."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(client.get_run(run_id).info.artifact_uri)
