"""The tracking URI: where it comes from, what it may be, and that it means one folder for good."""

import os
from pathlib import Path

import pytest

import runlake
from runlake.errors import InvalidInput
from runlake.location import store_root


@pytest.fixture(autouse=True)
def _nothing_set() -> None:
    runlake.set_tracking_uri("")


def test_default_is_a_folder_lake_where_the_program_first_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert runlake.get_tracking_uri() == str(tmp_path / "lake")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert runlake.get_tracking_uri() == str(tmp_path / "lake")
    assert not runlake.is_tracking_uri_set()


def test_own_variable_comes_before_mlflows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", str(tmp_path / "theirs"))
    assert runlake.get_tracking_uri() == str(tmp_path / "theirs")
    monkeypatch.setenv("RUNLAKE_TRACKING_URI", str(tmp_path / "ours"))
    assert runlake.get_tracking_uri() == str(tmp_path / "ours")
    assert runlake.is_tracking_uri_set()


def test_a_relative_path_is_made_absolute_when_it_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runlake.set_tracking_uri("data/store")
    monkeypatch.chdir("/")
    assert runlake.get_tracking_uri() == str(tmp_path / "data" / "store")
    assert store_root() == tmp_path / "data" / "store"


def test_children_inherit_the_store_through_the_environment(tmp_path: Path) -> None:
    runlake.set_tracking_uri(tmp_path / "s")
    assert os.environ["RUNLAKE_TRACKING_URI"] == (tmp_path / "s").as_uri()
    runlake.set_tracking_uri("")
    assert "RUNLAKE_TRACKING_URI" not in os.environ


@pytest.mark.parametrize("form", ["path", "pathlib", "file:", "file://", "file://localhost", "runlake:", "runlake://"])
def test_every_form_of_a_folder_names_the_same_one(form: str, tmp_path: Path) -> None:
    folder = tmp_path / "a b%20c"
    given = {
        "path": str(folder),
        "pathlib": folder,
        "file:": "file:" + folder.as_uri().removeprefix("file://"),
        "file://": folder.as_uri(),
        "file://localhost": "file://localhost" + folder.as_uri().removeprefix("file://"),
        "runlake:": "runlake:" + folder.as_uri().removeprefix("file://"),
        "runlake://": "runlake" + folder.as_uri().removeprefix("file"),
    }[form]
    runlake.set_tracking_uri(given)
    assert isinstance(runlake.get_tracking_uri(), str)
    assert store_root() == folder


@pytest.mark.parametrize(
    "uri",
    [
        "sqlite:///mlflow.db",
        "sqlite:////tmp/mlflow.db",
        "postgresql+psycopg2://user@host/db",
        "mysql://host/db",
        "databricks",
        "databricks://profile",
        "databricks-uc",
        "s3://bucket/path",
        "file://host/path",
        "file:///path#fragment",
        "file:///path?query",
        "runlake://host/path",
        "runlake:///path#fragment",
        "runlake:///tmp/mlruns",
        "mlruns",
        "./mlruns",
        "/tmp/mlruns",
        "file:///tmp/mlruns",
    ],
)
def test_what_is_no_folder_of_ours_is_refused_and_changes_nothing(uri: str, tmp_path: Path) -> None:
    runlake.set_tracking_uri(tmp_path / "before")
    with pytest.raises(InvalidInput, match=r"tracking URI") as caught:
        runlake.set_tracking_uri(uri)
    if "#" not in uri and "?" not in uri:
        assert "hint:" in str(caught.value)
    assert store_root() == tmp_path / "before"


@pytest.mark.parametrize("uri", ["runlake:", "runlake://"])
def test_a_uri_without_a_folder_is_refused(uri: str) -> None:
    with pytest.raises(InvalidInput, match="names no folder"):
        runlake.set_tracking_uri(uri)


def test_a_uri_of_our_own_scheme_may_be_relative_and_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runlake.set_tracking_uri("runlake:some/store")
    monkeypatch.chdir("/")
    assert store_root() == tmp_path / "some" / "store"
    assert runlake.get_tracking_uri() == f"runlake://{tmp_path}/some/store"


def test_a_folder_that_mlflow_writes_is_refused_under_any_name(tmp_path: Path) -> None:
    (tmp_path / "runs" / "0").mkdir(parents=True)
    (tmp_path / "runs" / "0" / "meta.yaml").write_text("artifact_location: x\n")
    with pytest.raises(InvalidInput, match="MLflow's own file store"):
        runlake.set_tracking_uri(tmp_path / "runs")


def test_a_refused_variable_raises_when_the_store_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    with pytest.raises(InvalidInput, match="neither a folder nor a server"):
        runlake.get_tracking_uri()


def test_a_server_is_named_by_its_url(monkeypatch: pytest.MonkeyPatch) -> None:
    runlake.set_tracking_uri("https://host:5000/team/")
    assert runlake.get_tracking_uri() == os.environ["RUNLAKE_TRACKING_URI"] == "https://host:5000/team"
    with pytest.raises(InvalidInput, match="the store is the server https://host:5000/team, and this is done in its"):
        store_root()
    for uri in ("http://", "http://host:port", "http://host/?a=b"):
        with pytest.raises(InvalidInput, match=r"the server|address of a server"):
            runlake.set_tracking_uri(uri)
    runlake.set_tracking_uri("")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "HTTP://host")
    assert runlake.get_tracking_uri() == "HTTP://host"
