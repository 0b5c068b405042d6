"""Sources: what users write is recognised, stored as MLflow stores it, and made again from that."""

import functools
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from runlake import data
from runlake.data import dataset_source_registry, sources
from runlake.data.code_dataset_source import LOCATION_TAG, CodeDatasetSource
from runlake.data.dataset_source import DatasetSource
from runlake.errors import InvalidInput, NotFound


@pytest.mark.parametrize(
    ("written", "kind", "source_type", "stored"),
    [
        ("/a/b.csv", "LocalArtifactDatasetSource", "local", {"uri": "/a/b.csv"}),
        ("a/b", "LocalArtifactDatasetSource", "local", {"uri": "a/b"}),
        ("./x:y/z", "LocalArtifactDatasetSource", "local", {"uri": "./x:y/z"}),
        (Path("a") / "b", "LocalArtifactDatasetSource", "local", {"uri": "a/b"}),
        ("file:///a", "LocalArtifactDatasetSource", "local", {"uri": "file:///a"}),
        ("s3://b/x", "S3ArtifactDatasetSource", "s3", {"uri": "s3://b/x"}),
        ("gs://b/x", "GCSArtifactDatasetSource", "gs", {"uri": "gs://b/x"}),
        ("abfss://c@a/x", "AzureDataLakeArtifactDatasetSource", "abfss", {"uri": "abfss://c@a/x"}),
        ("wasbs://c@a/x", "AzureBlobArtifactDatasetSource", "wasbs", {"uri": "wasbs://c@a/x"}),
        ("hdfs://h/x", "HdfsArtifactDatasetSource", "hdfs", {"uri": "hdfs://h/x"}),
        ("https://h/x", "HTTPDatasetSource", "http", {"url": "https://h/x"}),
        ("HTTP://h/x", "HTTPDatasetSource", "http", {"url": "HTTP://h/x"}),
    ],
)
def test_what_users_write_is_recognised_and_made_again(
    written: str, kind: str, source_type: str, stored: dict[str, str]
) -> None:
    source = data.resolve_dataset_source(written)
    assert type(source) is getattr(sources, kind)
    assert source._get_source_type() == source_type
    assert json.loads(source.to_json()) == stored
    assert data.get_dataset_source_from_json(source.to_json(), source_type) == source


@pytest.mark.parametrize("written", ["foo:bar", "C:\\x", "dbfs:/x", "ftp://h/x", 3, b"x", {}])
def test_what_is_no_source_is_refused(written: object) -> None:
    with pytest.raises(InvalidInput, match="source"):
        data.from_numpy(np.zeros(1), source=written)  # type: ignore[arg-type]


def test_a_stored_source_of_an_unknown_kind_is_not_found() -> None:
    with pytest.raises(NotFound, match="delta"):
        data.get_dataset_source_from_json("{}", "delta")


def test_without_a_source_it_is_the_code_that_calls() -> None:
    dataset = data.from_numpy(np.zeros(1))
    line = test_without_a_source_it_is_the_code_that_calls.__code__.co_firstlineno + 1
    tags = dataset.source.to_dict()["tags"]
    assert dataset._get_source_type() == "code"
    assert tags[LOCATION_TAG] == f"{__file__}:{line}"
    assert tags["mlflow.user"]
    assert tags["mlflow.source.type"] in ("LOCAL", "JOB")
    assert data.get_dataset_source_from_json(dataset.source.to_json(), "code") == dataset.source


def test_local_data_is_loaded_or_copied(tmp_path: Path) -> None:
    file = tmp_path / "a b.csv"
    file.write_text("1,2")
    for written in (str(file), f"file://{tmp_path}/a%20b.csv"):
        source = data.resolve_dataset_source(written)
        assert Path(source.load()) == file
        assert Path(source.load(str(tmp_path / "copy"))).read_text() == "1,2"
    with pytest.raises(NotFound, match="none"):
        data.resolve_dataset_source(str(tmp_path / "none")).load()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "data.csv").write_text("1,2")
    handler = functools.partial(Quiet, directory=str(tmp_path / "web"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_data_of_the_web_is_downloaded(web: str, tmp_path: Path) -> None:
    for folder in (str(tmp_path / "into"), None):
        loaded = Path(data.resolve_dataset_source(f"{web}/data.csv?x=/../y").load(folder))
        assert loaded.read_text() == "1,2"
        assert loaded.name == "data.csv"
    assert Path(data.resolve_dataset_source(f"{web}/").load(str(tmp_path / "into"))).name == "dataset_source"
    with pytest.raises(NotFound, match="/none"):
        data.resolve_dataset_source(f"{web}/none").load(str(tmp_path / "into"))


def test_a_name_from_the_web_does_not_leave_the_folder(web: str, tmp_path: Path) -> None:
    for path in ("/%2e%2e%2fdata.csv", "/..", "/x/..%2f..%2fdata.csv", "/.%2e"):
        try:
            loaded = Path(data.resolve_dataset_source(web + path).load(str(tmp_path / "into")))
        except NotFound:
            continue
        assert loaded.parent == tmp_path / "into"
    assert {path.name for path in tmp_path.iterdir()} <= {"web", "into"}


def test_what_runlake_cannot_fetch_says_so() -> None:
    for source in (data.resolve_dataset_source("s3://b/x"), CodeDatasetSource.here()):
        with pytest.raises(InvalidInput, match="cannot be loaded"):
            source.load()


def test_a_new_kind_of_source_is_asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    class Delta(sources.LocalArtifactDatasetSource):
        @staticmethod
        def _get_source_type() -> str:
            return "delta"

    monkeypatch.setattr(dataset_source_registry, "_SOURCES", data.get_registered_sources())
    data.register_dataset_source(Delta)
    source: DatasetSource = data.resolve_dataset_source("/table")
    assert type(source) is Delta
    assert data.get_dataset_source_from_json(source.to_json(), "delta") == source
