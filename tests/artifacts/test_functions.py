"""MLflow's functions of the module: URIs of runs, files and paths."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from runlake import artifacts as module
from runlake.artifacts import Artifacts
from runlake.artifacts.image import log_image
from runlake.errors import InvalidInput, NotFound


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Artifacts]:
    """A run "r1" that is found in the default store, and "r2" in the store "other"."""
    runs = {("r1", None): Artifacts(tmp_path / "r1"), ("r2", "other"): Artifacts(tmp_path / "r2")}
    models = {"m-1": Artifacts(tmp_path / "m-1")}

    def locate(run_id: str, tracking_uri: str | None) -> Artifacts:
        if (run_id, tracking_uri) not in runs:
            raise NotFound(f"there is no run {run_id!r}")
        return runs[run_id, tracking_uri]

    def locate_uri(uri: str, tracking_uri: str | None) -> tuple[Artifacts, str]:
        kind, _, named = uri.partition(":/")
        run_id, _, path = named.partition("/")
        if kind == "models":
            return models[run_id], path
        return locate(run_id, tracking_uri), path

    monkeypatch.setattr(module, "_places", module._places)
    module.connect(locate, locate_uri)
    models["m-1"].write_text("model", "MLmodel")
    runs["r1", None].write_text("one", "dir/a b%20c.txt")
    runs["r1", None].write_text('{"k": 1}', "d.json")
    runs["r2", "other"].write_text("two", "x")
    return runs["r1", None]


def test_every_form_of_a_uri_finds_the_artifact(run: Artifacts) -> None:
    path = run.uri("dir/a b%20c.txt")
    for uri in ("runs:/r1/dir/a b%20c.txt", path, f"file://{path.replace('%', '%25')}"):
        assert module.load_text(uri) == "one"
        assert module.download_artifacts(uri) == path
    assert module.load_dict("runs:/r1/d.json") == {"k": 1}
    assert module.download_artifacts(run_id="r2", artifact_path="x", tracking_uri="other").endswith("/r2/x")


def test_folders_are_listed_and_downloaded(run: Artifacts, tmp_path: Path) -> None:
    for folder in ({"run_id": "r1"}, {"artifact_uri": "runs:/r1"}, {"artifact_uri": "runs:/r1/"}):
        assert [info.path for info in module.list_artifacts(**folder)] == ["d.json", "dir"]
    for folder in ({"run_id": "r1", "artifact_path": "dir"}, {"artifact_uri": "runs:/r1/dir"}):
        assert [info.path for info in module.list_artifacts(**folder)] == ["dir/a b%20c.txt"]
    assert module.list_artifacts(run.uri("dir"))[0].file_size == 3
    copy = module.download_artifacts("runs:/r1/dir", dst_path=str(tmp_path / "new" / "copy"))
    assert Path(copy, "a b%20c.txt").read_text() == "one"


def test_an_image_is_loaded(run: Artifacts) -> None:
    log_image(run, np.zeros((2, 3)), "x.png")
    assert module.load_image("runs:/r1/x.png").size == (3, 2)


@pytest.mark.parametrize(
    "uri",
    [
        "runs:/",
        "runs:/r1/../r2/x",
        "runs:/r1//etc/passwd",
        "runs:/r1/dir/%2e%2e/../../x",
        "file://host/etc/passwd",
        "file:relative",
        "file:///etc/passwd#x",
        "file:///etc/passwd?x",
        "s3://bucket/x",
        "http://127.0.0.1/x",
        "mlflow-artifacts:/x",
        "dbfs:/x",
        "C:/x",
    ],
)
def test_what_is_no_artifact_of_ours_is_refused(run: Artifacts, uri: str) -> None:
    with pytest.raises(InvalidInput):
        module.load_text(uri)


@pytest.mark.parametrize("uri", ["runs:/r1/none", "runs:/r9/x", "/nowhere/x", "runs:/r1/dir/none/x"])
def test_what_is_not_there_is_not_found(run: Artifacts, uri: str) -> None:
    with pytest.raises(NotFound):
        module.download_artifacts(uri)


def test_files_of_a_model_are_found_by_the_uris_that_name_it(run: Artifacts) -> None:
    assert module.load_text("models:/m-1/MLmodel") == "model"
    assert module.load_text("mlflow-artifacts:/0/models/m-1/artifacts/MLmodel") == "model"


def test_arguments_that_contradict_each_other_are_refused(run: Artifacts) -> None:
    for wrong in (
        {},
        {"artifact_uri": "runs:/r1/d.json", "run_id": "r1"},
        {"artifact_uri": "runs:/r1", "artifact_path": "x"},
    ):
        with pytest.raises(InvalidInput):
            module.download_artifacts(**wrong)
        with pytest.raises(InvalidInput):
            module.list_artifacts(**wrong)
