"""Sources of versions: what may be named, and what is refused, in every form that was used against MLflow."""

import contextlib
import os
from pathlib import Path

import pytest

from runlake import lifecycle, logged_models, model_sources, run_files
from runlake.entities import LoggedModelOutput
from runlake.errors import InvalidInput, NotFound
from runlake.model_uris import ModelUri, parse_models_uri
from runlake.registry import operations as registry
from runlake.store import Store

TRAVERSALS = [
    "/etc/passwd",
    "//proc/self/root",
    "etc/passwd",
    "../secret",
    "file:///etc/passwd",
    "file://./etc/passwd",
    "FILE:///etc/passwd",
    "file:/etc/passwd#/run",
    "C:\\Windows\\system32",
    "C:/Windows/system32",
    "\\\\host\\share",
    "local-file:///etc",
    "ftp://host/x",
    "http://169.254.169.254/latest",
    "http:///?/../../etc",
    "https://host/api/2.0/mlflow-artifacts/artifacts/0/RUN/artifacts/x",
    "runs:/RUN/../../x",
    "runs:/RUN/%2e%2e/x",
    "runs:/RUN/%252e%252e/x",
    "runs:/RUN/%2525252525252525252e%2525252525252525252e/x",
    "runs:/RUN/%" + "25" * 900,
    "models:/m/" + "9" * 5000,
    "runs:/RUN/..%2fx",
    "runs:/RUN/.%2e;/x",
    "runs:/RUN/a%00b",
    "runs:/RUN/model#/../x",
    "runs:/RUN/model?x",
    "runs://host/RUN/model",
    "runs:/OTHER/model",
    "mlflow-artifacts:/0/RUN/artifacts/../../OTHER/artifacts/x",
    "mlflow-artifacts:/0/RUN/artifacts/%2e%2e/x",
    "mlflow-artifacts:/0/RUN/artifacts#/x",
    "mlflow-artifacts:/0/OTHER/artifacts/x",
    "mlflow-artifacts:/0/RUN%2fartifacts/x",
    "mlflow-artifacts:/1/RUN/artifacts/x",
    "mlflow-artifacts://host:1/0/RUN/artifacts/x",
    "mlflow-artifacts:/",
    "models:/m-00000000000000000000000000000000",
    "models:/m/1/x",
    "models://host/m/1",
    "models:",
    "s3://bucket/a/../b",
    "s3://bucket/a%2f..%2fb",
    "dbfs:/../etc",
    "prompt-template",
    "x" * 3000,
    "",
    " ",
]


@pytest.fixture
def model(store: Store) -> str:
    return registry.create_registered_model(store, "m").name


@pytest.mark.parametrize("source", TRAVERSALS)
@pytest.mark.parametrize("local", [True, False])
def test_a_source_that_is_not_of_its_run_is_refused(
    store: Store, model: str, run_id: str, source: str, local: bool
) -> None:
    source = source.replace("RUN", run_id).replace("OTHER", "0" * 32)
    for owner in (run_id, None):
        with pytest.raises((InvalidInput, NotFound)):
            registry.create_model_version(store, model, source, owner, local_sources=local)
    assert registry.get_registered_model(store, model).latest_versions == []


def test_a_source_of_a_model_has_to_be_that_of_the_model(store: Store, model: str, run_id: str) -> None:
    one, other = (logged_models.create_logged_model(store, "0", "net", run_id) for _ in range(2))
    for source in (
        f"models:/{other.model_id}",
        f"runs:/{run_id}/model",
        f"mlflow-artifacts:/0/models/{other.model_id}/artifacts",
        f"mlflow-artifacts:/0/{run_id}/artifacts/model",
    ):
        with pytest.raises(InvalidInput, match="The model_id request parameter must identify"):
            registry.create_model_version(store, model, source, run_id, model_id=one.model_id)
    for source in (f"models:/{one.model_id}", f"mlflow-artifacts:/0/models/{one.model_id}/artifacts"):
        made = registry.create_model_version(store, model, source, model_id=one.model_id)
        assert (made.run_id, made.model_id) == (run_id, one.model_id)
    tags = logged_models.get_logged_model(store, one.model_id).tags
    assert tags == {"mlflow.modelVersions": '[{"name": "m", "version": 1}, {"name": "m", "version": 2}]'}


def test_a_model_is_not_registered_as_that_of_a_run_that_did_not_make_it(store: Store, model: str, run_id: str) -> None:
    other = lifecycle.create_run(store, "0", None, {}, "another", owned=False).info.run_id
    made = logged_models.create_logged_model(store, "0", "net", run_id).model_id
    of_none = logged_models.create_logged_model(store, "0", "net", None).model_id
    for model_id in (made, of_none):
        for source in (f"models:/{model_id}", f"mlflow-artifacts:/0/models/{model_id}/artifacts"):
            for run in (other, "0" * 32):
                with pytest.raises(InvalidInput, match="The run_id request parameter must identify"):
                    registry.create_model_version(store, model, source, run, model_id=model_id)
    logged_models.log_outputs(store, other, [LoggedModelOutput(made, 0)])
    found = registry.create_model_version(store, model, f"models:/{made}", other, model_id=made)
    assert (found.run_id, found.model_id) == (other, made)


def test_a_version_of_a_version_keeps_lineage_and_files(store: Store, model: str, run_id: str) -> None:
    first = registry.create_model_version(store, model, f"runs:/{run_id}/net", run_id)
    registry.set_registered_model_alias(store, model, "champion", first.version)
    registry.create_registered_model(store, "copy")
    copied = registry.create_model_version(store, "copy", "models:/m@champion")
    assert (copied.source, copied.run_id) == ("models:/m/1", run_id)
    registry.delete_registered_model(store, model)
    assert store.catalog.version_storage("copy", 1) == f"runs:/{run_id}/net"
    with pytest.raises(InvalidInput, match="must match the referenced model version"):
        registry.create_model_version(store, "copy", "models:/copy/1", "0" * 32)
    with pytest.raises(NotFound):
        registry.create_model_version(store, "copy", "models:/copy/Production")


def test_object_stores_are_named_and_never_opened(store: Store, model: str) -> None:
    made = registry.create_model_version(store, model, "s3://bucket/models/net")
    assert made.source == "s3://bucket/models/net"
    with pytest.raises(NotFound, match="not kept here but at"):
        model_sources.version_files(store, model, made.version)


def test_a_path_may_be_a_source_on_the_machine_of_the_store(store: Store, model: str, run_id: str) -> None:
    files = run_files.artifacts(store, run_id)
    files.write_bytes(b"net", "net/weights")
    for number, source in enumerate((files.uri("net"), Path(files.uri("net")).as_uri()), start=1):
        made = registry.create_model_version(store, model, source, run_id)
        assert made.source == f"mlflow-artifacts:/0/{run_id}/artifacts/net", "as other machines find it"
        found, path = model_sources.version_files(store, model, number)
        with found.open(f"{path}/weights") as file:
            assert file.read() == b"net"
        with pytest.raises(InvalidInput, match="To use a local path as a model version source"):
            registry.create_model_version(store, model, source, run_id, local_sources=False)


def test_a_link_does_not_lead_a_path_out_of_the_run(store: Store, model: str, run_id: str, tmp_path: Path) -> None:
    files = run_files.artifacts(store, run_id)
    files.write_bytes(b"", "a")
    os.symlink(tmp_path, files.uri("out"))
    with pytest.raises(InvalidInput):
        registry.create_model_version(store, model, files.uri("out"), run_id)


def test_a_path_of_a_run_stays_the_model_that_it_meant_when_it_was_registered(
    store: Store, model: str, run_id: str
) -> None:
    def log(name: str, text: bytes, by: str = run_id, experiment_id: str = "0") -> str:
        made = logged_models.create_logged_model(store, experiment_id, name, by)
        run_files.of_model(made).write_bytes(text, "data/weights")
        logged_models.log_outputs(store, run_id, [LoggedModelOutput(made.model_id, 0)])
        return made.model_id

    first = log("net", b"first")
    made = registry.create_model_version(store, model, f"runs:/{run_id}/net", run_id)
    below = registry.create_model_version(store, model, f"runs:/{run_id}/net/data", run_id)
    log("net", b"second")
    assert (made.source, made.model_id, below.model_id) == (f"runs:/{run_id}/net", first, first)
    for version, path in ((made, "data/weights"), (below, "data/weights")):
        files, folder = model_sources.version_files(store, model, version.version)
        assert folder == ("" if version is made else "data")
        assert files.read_bytes(path) == b"first"
    log("foreign", b"x", by="0" * 32)
    log("apart", b"x", experiment_id=lifecycle.create_experiment(store, "other", None, {}))
    for name in ("foreign", "apart", "nothing", "net/../net"):
        with contextlib.suppress(InvalidInput):
            found = registry.create_model_version(store, model, f"runs:/{run_id}/{name}", run_id)
            assert found.model_id is None


def test_a_prompt_is_no_model(store: Store) -> None:
    prompt = {"mlflow.prompt.is_prompt": "true"}
    registry.create_registered_model(store, "p", prompt)
    registry.create_model_version(store, "p", "prompt-template", tags=prompt)
    with pytest.raises(InvalidInput, match="Invalid prompt source"):
        registry.create_model_version(store, "p", "/etc/passwd", tags=prompt)
    registry.create_registered_model(store, "m")
    with pytest.raises(InvalidInput, match="Prompt versions cannot be used"):
        registry.create_model_version(store, "m", "models:/p/1")


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("models:/net/3", ModelUri(name="net", version=3)),
        ("models:/net/Latest", ModelUri(name="net")),
        ("models:/net/Production", ModelUri(name="net", stage="Production")),
        ("models:/net@champion", ModelUri(name="net", alias="champion")),
        ("models:/a@b@champion", ModelUri(name="a@b", alias="champion")),
        ("models:/m-12", ModelUri(model_id="m-12")),
        ("models:/a b/1", ModelUri(name="a b", version=1)),
    ],
)
def test_uris_of_models_name_one_thing(uri: str, expected: ModelUri) -> None:
    assert parse_models_uri(uri) == expected


@pytest.mark.parametrize(
    "uri", ["runs:/a/b", "models:", "models:/", "models:/a/", "models:/a/1/b", "models:/@a", "models:/a@"]
)
def test_what_is_no_uri_of_a_model_is_refused(uri: str) -> None:
    with pytest.raises(InvalidInput, match="Not a proper models:/ URI"):
        parse_models_uri(uri)


@pytest.mark.parametrize("uri", ["models:/m/" + "9" * 5000, "models:/m/%" + "25" * 20_000], ids=["digits", "encoded"])
def test_a_uri_that_would_take_long_to_read_is_refused_before(uri: str) -> None:
    with pytest.raises(InvalidInput, match="the limit is 2048"):
        parse_models_uri(uri)
