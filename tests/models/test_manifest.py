"""The manifest of a model: what is kept, what MLflow makes of it, and what is refused, with file and key named."""

import stat
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

import runlake
from runlake.errors import Corrupt, NewerFormat, NotFound
from runlake.models.manifest import MANIFEST_FILE, WRITTEN_AS, Model, inside

WHOLE: dict[str, Any] = {
    "flavors": {"python_function": {"loader_module": "loader", "python_version": "3.11.7"}},
    "mlflow_version": "3.17.2",
    "model_uuid": "70812bc5040c4ab78c9e627db9e0d301",
    "utc_time_created": "2026-11-26 05:45:41.640192",
}


def written(folder: Path, **changes: Any) -> Path:
    """A manifest with some keys changed, and those that are None left out."""
    content = {key: value for key, value in {**WHOLE, **changes}.items() if value is not None}
    (folder / MANIFEST_FILE).write_text(yaml.safe_dump(content))
    return folder


def test_what_is_written_is_read_back_and_by_mlflow_too(tmp_path: Path, mlflow: ModuleType) -> None:
    model = Model(artifact_path="model", run_id="abc", metadata={"team": "vision"}, model_size_bytes=17)
    model.add_flavor("sklearn", pickled_model="model.skops", serialization_format="skops")
    model.save(tmp_path / MANIFEST_FILE)
    assert Model.load(tmp_path) == Model.load(tmp_path / MANIFEST_FILE) == model
    theirs = mlflow.models.Model.load(str(tmp_path))
    assert (theirs.run_id, theirs.metadata, theirs.flavors) == ("abc", {"team": "vision"}, model.flavors)
    assert (theirs.model_uuid, theirs.mlflow_version) == (model.model_uuid, WRITTEN_AS)
    assert theirs.utc_time_created == model.utc_time_created


def test_keys_that_nobody_here_knows_are_kept(tmp_path: Path) -> None:
    written(tmp_path, databricks_runtime="17.1", later={"deep": [1, {"a": None}]})
    model = Model.load(tmp_path)
    model.metadata = {"read": True}
    model.save(tmp_path / MANIFEST_FILE)
    kept = yaml.safe_load((tmp_path / MANIFEST_FILE).read_text())
    assert (kept["databricks_runtime"], kept["later"]) == ("17.1", {"deep": [1, {"a": None}]})


def test_a_manifest_without_versions_as_people_write_it_is_read(tmp_path: Path) -> None:
    (tmp_path / MANIFEST_FILE).write_text("flavors:\n  python_function:\n    loader_module: mine\n")
    model = Model.load(tmp_path)
    assert (model.flavors["python_function"]["loader_module"], model.model_uuid) == ("mine", None)


def test_a_manifest_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    model = Model()
    model.save(tmp_path / MANIFEST_FILE)
    before = (tmp_path / MANIFEST_FILE).read_bytes()
    model.metadata = {"impossible": object()}
    with pytest.raises(yaml.YAMLError):
        model.save(tmp_path / MANIFEST_FILE)
    assert [file.name for file in tmp_path.iterdir()] == [MANIFEST_FILE]
    assert (tmp_path / MANIFEST_FILE).read_bytes() == before
    assert stat.S_IMODE((tmp_path / MANIFEST_FILE).stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"mlflow_version": "4.0.0"}, "mlflow_version"),
        ({"mlflow_version": "99.1.0.dev0"}, "mlflow_version"),
        ({"runlake": {"format": 2}}, "runlake.format"),
        ({"runlake": {"format": "two"}}, "runlake.format"),
    ],
)
def test_a_manifest_from_the_future_is_refused(tmp_path: Path, changes: dict[str, Any], key: str) -> None:
    with pytest.raises(NewerFormat) as caught:
        Model.load(written(tmp_path, **changes))
    assert str(tmp_path / MANIFEST_FILE) in str(caught.value)
    assert f"'{key}'" in str(caught.value)
    assert caught.value.hint == "pip install --upgrade runlake"


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"flavors": None}, "flavors"),
        ({"flavors": ["sklearn"]}, "flavors"),
        ({"flavors": {"sklearn": "model.pkl"}}, "flavors.sklearn"),
        ({"signature": "a long"}, "signature"),
        ({"metadata": [1]}, "metadata"),
        ({"saved_input_example_info": "input_example.json"}, "saved_input_example_info"),
        ({"run_id": 17}, "run_id"),
        ({"model_uuid": {"a": 1}}, "model_uuid"),
        ({"utc_time_created": None}, "utc_time_created"),
        ({"runlake": 3}, "runlake"),
    ],
)
def test_a_key_that_nobody_can_have_written_is_named(tmp_path: Path, changes: dict[str, Any], key: str) -> None:
    with pytest.raises(Corrupt) as caught:
        Model.load(written(tmp_path, **changes))
    assert str(tmp_path / MANIFEST_FILE) in str(caught.value)
    assert f"'{key}'" in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"flavors: {", b"\xff\xfe\x00garbled", b"- a\n- b\n", b"a: [1\nb: 2\n", b"1: 2\n", b"!!python/none"],
)
def test_a_garbled_manifest_is_refused_by_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MANIFEST_FILE).write_bytes(content)
    with pytest.raises(Corrupt, match="cut off or garbled") as caught:
        Model.load(tmp_path)
    assert str(tmp_path / MANIFEST_FILE) in str(caught.value)


def test_no_part_of_a_manifest_that_was_cut_off_is_taken_for_a_whole_one(tmp_path: Path) -> None:
    model = Model(run_id="abc", metadata={"team": "vision"})
    model.add_flavor("python_function", loader_module="loader")
    model.save(tmp_path / MANIFEST_FILE)
    whole = (tmp_path / MANIFEST_FILE).read_bytes()
    after_version = whole.index(b"\n", whole.index(b"mlflow_version")) + 1
    for length in range(after_version, whole.index(b"utc_time_created")):
        (tmp_path / MANIFEST_FILE).write_bytes(whole[:length])
        with pytest.raises(Corrupt):
            Model.load(tmp_path)


def test_a_manifest_that_is_missing_or_far_too_large_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no model"):
        Model.load(tmp_path)
    (tmp_path / MANIFEST_FILE).write_bytes(b"a: " + b"x" * (16 << 20))
    with pytest.raises(Corrupt, match="larger than 16 MiB"):
        Model.load(tmp_path)


@pytest.mark.parametrize(
    "relative",
    [
        "../secret",
        "a/../../secret",
        "/etc/passwd",
        "..",
        "a\\..\\b",
        "",
        None,
        17,
        "a\0b",
        ["a"],
        "link",
        "link/passwd",
    ],
)
def test_files_that_a_manifest_names_outside_of_its_folder_are_refused(tmp_path: Path, relative: object) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_text("secret")
    (folder / "link").symlink_to("/etc")
    with pytest.raises(Corrupt) as caught:
        inside(folder, relative, "flavors.sklearn.pickled_model")
    assert str(folder / MANIFEST_FILE) in str(caught.value)
    assert "'flavors.sklearn.pickled_model'" in str(caught.value)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"model.skops is missing; the manifest names it as 'flavors"):
        inside(tmp_path, "model.skops", "flavors.sklearn.pickled_model")


def test_manifests_are_found_by_uri(lake: Path, classifier: Any) -> None:
    info = runlake.sklearn.log_model(classifier, name="model")
    assert Model.load(info.model_uri).model_id == Model.load(f"{info.model_uri}/MLmodel").model_id == info.model_id
    assert runlake.models.get_model_info(info.model_uri) == info


def test_what_mlflow_has_written_is_written_again_as_it_was(
    tmp_path: Path, mlflow: ModuleType, classifier: Any
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.sklearn.save_model(
            classifier, str(tmp_path / "theirs"), pip_requirements=["scikit-learn"], metadata={"a": 1}
        )
    before = (tmp_path / "theirs" / MANIFEST_FILE).read_text()
    Model.load(tmp_path / "theirs").save(tmp_path / "again")
    assert yaml.safe_load((tmp_path / "again").read_text()) == yaml.safe_load(before)


def test_a_key_called_self_is_one_that_nobody_here_knows(tmp_path: Path) -> None:
    (tmp_path / MANIFEST_FILE).write_text("flavors: {}\nself: 1\n")
    assert Model.load(tmp_path).others == {"self": 1}
