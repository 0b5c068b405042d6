"""`runlake models` but for `verify`: logged models looked at, registered, copied and asked for predictions."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import runlake
from runlake import config, registry
from runlake.fluent import experiments
from runlake.pyfunc import PythonModel
from runlake.store import get_store
from tests.cli.conftest import Cli
from tests.server.people import people
from tests.server.wire import served

pd = pytest.importorskip("pandas")
linear = pytest.importorskip("sklearn.linear_model")


@dataclass(frozen=True)
class Logged:
    """A store with a model of two columns, logged by the run `fit`."""

    store: Path
    uri: str
    run_id: str


class Scaled(PythonModel):
    """Multiplies, and fails on what it does not know."""

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        return [value * (params or {}).get("factor", 1) for value in model_input["value"]]


def log_churn(store: Path) -> Logged:
    """Log an estimator that finds everybody above 40 to leave."""
    runlake.set_tracking_uri(str(store))
    frame = pd.DataFrame({"age": [31.0, 44.0, 20.0, 60.0], "children": [0, 1, 2, 3]})
    model = linear.LogisticRegression().fit(frame, [0, 1, 0, 1])
    runlake.set_experiment("churn")
    with runlake.start_run(run_name="fit") as run:
        runlake.log_metric("val_auc", 0.91)
        info = runlake.sklearn.log_model(model, name="model", input_example=frame, tags={"team": "risk"})
    return Logged(store, info.model_uri, run.info.run_id)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Logged:
    """A store that no test changes."""
    logged = log_churn(tmp_path_factory.mktemp("models") / "lake")
    experiments.forget_choice()
    get_store(logged.store).close()
    return logged


@pytest.fixture
def logged(kept: Logged, tmp_path: Path) -> Iterator[Logged]:
    """The same, in force."""
    runlake.set_tracking_uri(str(kept.store))
    yield kept
    runlake.set_tracking_uri("")


@pytest.fixture
def csv(tmp_path: Path) -> str:
    file = tmp_path / "customers.csv"
    file.write_text("name,age,children\nada,25,1\nbob,58,2\n")
    return str(file)


def test_logged_models_are_listed_filtered_and_sorted(cli: Cli, logged: Logged) -> None:
    asked = ("models", "list", "-e", "churn", "--where", "metrics.val_auc > 0.9", "--sort", "metrics.val_auc DESC")
    lines = cli(*asked).out.splitlines()
    assert lines[0].split("\t") == ["name", "model_id", "status", "type", "run", "metrics", "tags", "made"]
    assert lines[1:] == ["model\tm-[ID]\tREADY\t\t[ID]\tval_auc=0.91\tteam=risk\t[TIME]"]
    (found,) = json.loads(cli(*asked, "--run", "fit", "--json").out)
    assert (found["name"], found["source_run_id"]) == ("model", "[ID]")
    assert found["model_uri"] == "models:/" + found["model_id"]
    assert json.loads(cli("models", "list", "--where", "metrics.val_auc > 0.95", "--json").out) == []


def test_what_is_asked_for_wrongly_has_a_hint(cli: Cli, logged: Logged, csv: str, tmp_path: Path) -> None:
    (tmp_path / "there.csv").write_text("x")
    (tmp_path / "notes.txt").write_text("x")
    for arguments, said in (
        (("list", "-e", "chrn"), "there is no experiment 'chrn'\nhint: did you mean churn?"),
        (("list", "--run", "fti"), "no run has the id or name 'fti'\nhint: did you mean fit?"),
        (("list", "--where", "metric"), "hint: "),
        (("show", "models:/churn/9"), "not found"),
        (("show", "here"), "there is no artifact 'here'"),
        (("show", str(tmp_path)), "there is no model: the manifest"),
        (("predict", logged.uri), "missing option '-i' / '--input'"),
        (("predict", logged.uri, "-i", "nowhere.csv"), "there is no file 'nowhere.csv'"),
        (("predict", logged.uri, "-i", "notes.txt"), "--format is one of csv, json, parquet"),
        (("predict", logged.uri, "-i", csv, "-o", "out.xls"), "name it .csv, .json or .parquet"),
        (("predict", logged.uri, "-i", csv, "-o", "no/out.csv"), "there is no folder 'no' to write 'no/out.csv' to"),
        (("predict", logged.uri, "-i", csv, "-o", "there.csv"), "hint: --overwrite replaces it"),
        (("predict", logged.uri, "-i", csv, "--params", "[1]"), "--params is no JSON object"),
        (("register", logged.uri, "a/b"), "Names cannot contain '/' or ':'"),
        (("register", logged.uri, "churn", "--tag", "x"), "'x' is no tag\nhint: write KEY=VALUE"),
        (("register", logged.uri, "churn", "--alias", "v1"), "reserved"),
        (("download", logged.uri, str(tmp_path)), "is there already"),
    ):
        result = cli("models", *arguments)
        assert (result.status, result.out) == (2, ""), arguments
        assert result.err.startswith("error: "), arguments
        assert said in result.err, arguments
    assert registry.search_registered_models() == []


def test_a_store_that_is_not_there_is_not_made_for_a_uri(cli: Cli, tmp_path: Path) -> None:
    runlake.set_tracking_uri("")
    result = cli("models", "show", "models:/churn/1", "--store", "nowhere")
    assert (result.status, result.err.startswith("error: there is no store at [FOLDER]/nowhere")) == (2, True)
    assert not (tmp_path / "nowhere").exists()


def test_a_model_is_shown_with_its_contract_environment_and_versions(cli: Cli, logged: Logged, tmp_path: Path) -> None:
    shown = cli("models", "show", logged.uri).out
    for said in (
        "name\tmodel\nstatus\tREADY\n",
        "example\tdataframe\n",
        "# flavors\nflavor\tversion\tloaded by\npython_function\t",
        "# signature\npart\tname\ttype\trequired\tdefault\ninputs\tage\tdouble\tyes\t\ninputs\tchildren\tlong\tyes\t\n",
        "# environment\npython\t3.",
    ):
        assert said in shown
    told = json.loads(cli("models", "show", f"runs:/{logged.run_id}/model", "--json").out)
    assert told["logged_model"]["metrics"][0]["value"] == 0.91
    assert any(line.startswith("scikit-learn==") for line in told["environment"]["requirements"])
    assert told["environment"]["lock_hash"].startswith("sha256:")
    assert told["versions"] == []


def test_a_signature_is_a_table_and_none_is_exit_status_1(cli: Cli, logged: Logged, tmp_path: Path) -> None:
    assert cli("models", "signature", logged.uri).out.splitlines()[1:] == [
        "inputs\tage\tdouble\tyes\t",
        "inputs\tchildren\tlong\tyes\t",
        "outputs\t\tlong\tyes\t",
    ]
    runlake.pyfunc.save_model(str(tmp_path / "plain"), python_model=Scaled())
    none = cli("models", "signature", str(tmp_path / "plain"), "--json")
    assert (none.status, none.out) == (1, "null\n")
    assert none.err == "the model [FOLDER]/plain has no signature\n"


def test_a_model_is_registered_and_an_alias_that_its_gate_refuses_is_left_out(
    cli: Cli, logged: Logged, tmp_path: Path
) -> None:
    store = tmp_path / "copy"
    shutil.copytree(logged.store, store)
    runlake.set_tracking_uri(str(store))
    about = ("--tag", "data=2026-01", "--description", "monthly", "--alias", "@challenger")
    made = cli("models", "register", logged.uri, "churn", *about)
    assert (made.status, made.out) == (0, "1\n")
    version = registry.get_model_version_by_alias("churn", "challenger")
    assert (version.tags, version.description, version.run_id) == ({"data": "2026-01"}, "monthly", logged.run_id)
    assert {event.user_id for event in registry.log("churn")} == {config.os_user()}
    registry.set_gate("churn", "@champion", require="metrics.val_auc > 0.95")
    refused = cli("models", "register", f"runs:/{logged.run_id}/model", "churn", "--alias", "champion")
    assert (refused.status, refused.out) == (1, "2\n")
    assert refused.err.splitlines()[-2:] == [
        "error: it does not become @champion: 1 of 1 rules unmet",
        "  require: metrics.val_auc > 0.95; metrics.val_auc is 0.91",
    ]
    told = json.loads(cli("models", "show", "models:/churn@challenger", "--json").out)
    assert [version["version"] for version in told["versions"]] == [2, 1]
    get_store(store).close()


def test_a_model_is_copied_into_a_new_folder(cli: Cli, logged: Logged, tmp_path: Path, csv: str) -> None:
    done = cli("models", "download", logged.uri, "a/model", "--json")
    told = json.loads(done.out)
    assert (told["folder"], told["files"]) == ("[FOLDER]/a/model", len(list((tmp_path / "a/model").iterdir())))
    assert cli("models", "predict", "a/model", "-i", csv).out == "prediction\n0\n1\n"
    assert cli("models", "download", "a/model", "b", "--json").status == 0
    assert cli("models", "download", str(tmp_path / "a"), "c").status == 2
    assert sorted(file.name for file in tmp_path.iterdir() if file.is_dir() and file.name != "state") == ["a", "b"]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("csv", "age,children\n25,1\n58,2\n"),
        ("json", '{"dataframe_split": {"columns": ["age", "children"], "data": [[25, 1], [58, 2]]}}'),
        ("json", '{"dataframe_records": [{"age": 25, "children": 1}, {"children": 2, "age": 58}]}'),
        ("json", '[{"age": 25, "children": 1}, {"age": 58, "children": 2}]'),
        ("json", '{"columns": ["children", "age"], "data": [[1, 25], [2, 58]]}'),
        ("json", '{"inputs": {"age": [25, 58], "children": [1, 2]}}'),
        ("json", '{"instances": [{"age": 25, "children": 1}, {"age": 58, "children": 2}]}'),
    ],
)
def test_predictions_of_what_comes_in_are_the_same_in_every_form(
    cli: Cli, logged: Logged, monkeypatch: pytest.MonkeyPatch, form: str, text: str
) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))
    found = cli("models", "predict", logged.uri, "--input", "-", "--format", form, "--json")
    assert (found.status, json.loads(found.out)) == (0, {"predictions": [0, 1]})


@pytest.mark.parametrize("suffix", ["csv", "json", "parquet"])
def test_predictions_are_files_that_are_there_whole(
    cli: Cli, logged: Logged, csv: str, tmp_path: Path, suffix: str
) -> None:
    pd.read_csv(csv).astype({"age": "float64"}).to_parquet(tmp_path / "customers.parquet")
    written = tmp_path / f"churn.{suffix}"
    done = cli("models", "predict", logged.uri, "-i", "customers.parquet", "-o", written.name)
    assert (done.status, done.out) == (0, "")
    again = ("models", "predict", logged.uri, "-i", csv, "-o", str(written))
    assert (cli(*again).status, cli(*again, "--overwrite").status) == (2, 0)
    if suffix == "json":
        assert json.loads(written.read_text()) == {"predictions": [0, 1]}
    else:
        read = pd.read_csv if suffix == "csv" else pd.read_parquet
        assert read(written)["prediction"].tolist() == [0, 1]
    assert not list(tmp_path.glob(".tmp-*"))


def test_input_that_does_not_fit_is_refused_by_column(
    cli: Cli, logged: Logged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text, said in (
        ("age,chldren\n1,2\n", "the data has no column 'children', which the signature requires"),
        ("age,children\n1,x\n", "column 'children' is long in the signature, and the input has other values"),
        ("age,children\n1,\n", "column 'children' is long in the signature"),
    ):
        (tmp_path / "in.csv").write_text(text)
        refused = cli("models", "predict", logged.uri, "-i", "in.csv")
        assert (refused.status, refused.out) == (2, "")
        assert said in refused.err
    (tmp_path / "in.json").write_text('{"inputs": 1, "instances": 2}')
    assert (
        "hint: one of dataframe_split, dataframe_records" in cli("models", "predict", logged.uri, "-i", "in.json").err
    )
    (tmp_path / "in.json").write_text("[1")
    assert "the input cannot be read as json" in cli("models", "predict", logged.uri, "-i", "in.json").err


def test_a_pickle_is_loaded_on_request_and_its_own_failure_is_a_sentence(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runlake.models.trust._written", {})
    runlake.pyfunc.save_model("scaled", python_model=Scaled())
    monkeypatch.setattr("runlake.models.trust._written", {})
    (tmp_path / "in.csv").write_text("value\n2\n3\n")
    asked = ("models", "predict", "scaled", "-i", "in.csv")
    refused = cli(*asked)
    assert (refused.status, refused.err.splitlines()[-1]) == (
        2,
        "hint: if you know who wrote it, --trust-pickle loads it",
    )
    assert cli(*asked, "--trust-pickle", "--params", '{"factor": 10}').out == "prediction\n20\n30\n"
    (tmp_path / "in.csv").write_text("other\n2\n")
    failed = cli(*asked, "--trust-pickle")
    assert (failed.status, failed.err.splitlines()[-1]) == (1, "error: the model fails on the input: KeyError: 'value'")


def test_models_of_a_server_are_listed_shown_registered_and_run_with_a_token(
    cli: Cli, kept: Logged, tmp_path: Path, csv: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "served").mkdir()
    shutil.copytree(kept.store, tmp_path / "served" / "lake")
    users = people(tmp_path / "served")
    with served(tmp_path / "served", "--auth") as server:

        def ask(who: str, *arguments: str) -> Any:
            monkeypatch.setenv("RUNLAKE_TRACKING_TOKEN", users[who]["Authorization"].removeprefix("Bearer "))
            return cli("models", *arguments, "--store", server.url)

        (found,) = json.loads(
            ask("reader", "list", "--where", "metrics.val_auc > 0.9", "--sort", "name ASC", "--json").out
        )
        assert found["name"] == "model"
        assert json.loads(ask("stranger", "list", "--json").out) == []
        uri = f"runs:/{kept.run_id}/model"
        assert ask("reader", "signature", uri).status == 0
        assert ask("editor", "register", uri, "churn", "--alias", "challenger").out == "1\n"
        assert ask("reader", "register", uri, "churn").status == 1
        told = json.loads(ask("reader", "show", "models:/churn@challenger", "--json").out)
        assert (told["logged_model"]["name"], told["versions"][0]["user_id"]) == ("model", "editor")
        assert told["environment"]["python"].startswith("3.")
        assert ask("reader", "predict", "models:/churn/1", "-i", csv).out == "prediction\n0\n1\n"
        assert ask("reader", "download", "models:/churn/1", "copy").status == 0
        assert (tmp_path / "copy" / "MLmodel").is_file()
    runlake.set_tracking_uri("")
