"""Verification: the environment of a model is made anew from what it says, and the model has to work in it."""

import importlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import runlake
from runlake.cli.app import status_of
from runlake.models.rebuilding import python_for
from runlake.models.verification import State, verify
from tests.models import installing

DEPENDENCY = "def double(value):\n    return 2 * value\n"
# What runlake requires and a small model does not use: wheels with nothing in them do.
UNUSED = ("click", "plotille", "polars", "rich", "urllib3")
USED = ("cloudpickle", "packaging", "pyyaml")


class Doubling(runlake.pyfunc.PythonModel):
    """A model that needs the distribution v-dependency."""

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        dependency = importlib.import_module("v_dependency")
        return [dependency.double(value) for value in model_input["values"]]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which pip finds everything."""
    folder = tmp_path_factory.mktemp("wheels")
    installing.wheel(folder, "v-dependency", "1.2", {"v_dependency.py": DEPENDENCY})
    installing.wheel(folder, "v-broken", "1.0", {"v_dependency.py": "import v_absent\n"})
    for name in UNUSED:
        installing.wheel(folder, name, metadata.version(name), {})
    for name in USED:
        installing.repacked(folder, name)
    return folder


@pytest.fixture(autouse=True)
def pip_is_offline(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure pip as a user would: no index, and a folder of wheels."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a saved model."""
    site = tmp_path / "site-packages"
    installing.put(site, "v-dependency", "1.2", {"v_dependency.py": DEPENDENCY})
    monkeypatch.syspath_prepend(site)
    folder = tmp_path / "model"
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        runlake.pyfunc.save_model(folder, python_model=Doubling(), input_example={"values": [1, 2]}, signature=False)
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    yield folder
    sys.modules.pop("v_dependency", None)


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    status = status_of(["models", "verify", *arguments])
    return status, *capsys.readouterr()


def test_a_model_that_works_as_recorded_is_verified_and_its_environment_kept_if_asked(
    model: Path, capsys: pytest.CaptureFixture[str], lake: Path
) -> None:
    with runlake.start_run() as run:
        runlake.log_artifacts(model, "model")
    runlake.set_tracking_uri("")
    uri = f"runs:/{run.info.run_id}/model"
    status, out, _ = command(capsys, uri, "--store", str(lake), "--trust-pickle", "--keep", "--json")
    said = json.loads(out)
    assert (status, said["passed"]) == (0, True), out
    assert [(check["check"], check["state"]) for check in said["checks"]] == [
        ("files", "ok"),
        ("python", "ok"),
        ("install", "ok"),
        ("versions", "ok"),
        ("load", "ok"),
        ("example", "ok"),
    ]
    site = next(Path(said["environment"]).glob("lib/python*/site-packages"))
    try:
        assert (site / "v_dependency.py").read_text() == DEPENDENCY
        assert not (site / "numpy").exists()
    finally:
        shutil.rmtree(Path(said["environment"]).parent)


def test_a_model_that_fails_in_what_it_says_it_needs_does_not_pass_and_nothing_is_left(
    model: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    file = model / "requirements.txt"
    file.write_text(file.read_text().replace("v-dependency==1.2", "v-broken==1.0"))
    (model / "python_env.yaml").write_text("python: 3.99.1\n")
    status, out, err = command(capsys, str(model), "--trust-pickle")
    assert status == 1
    rows = [line.split("\t") for line in out.splitlines()[1:]]
    assert {check: state for state, check, _ in rows} == {
        "files": "failed",
        "python": "failed",
        "install": "ok",
        "versions": "ok",
        "load": "ok",
        "example": "failed",
    }
    says = {check: text for _, check, text in rows}
    assert "were changed after the model was saved" in says["files"]
    assert "saved with Python 3.99.1, and only" in says["python"]
    assert "v_absent" in says["example"]
    assert "does not work as recorded: files, python, example" in err
    assert list(tmp_path.glob("runlake-verify-*")) == []


def test_what_pip_does_not_find_is_named_and_the_rest_skipped(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_QUIET", "1")
    file = model / "requirements.txt"
    file.write_text(file.read_text() + "v-nowhere==1.0\n-c limits.txt\n")
    (model / "limits.txt").write_text("v-nowhere<1\n")
    found = verify(model, trust_pickle=True)
    assert not found.passed
    states = {check.name: check.state for check in found.checks}
    assert states["install"] is State.FAILED
    assert states["load"] is states["example"] is State.SKIPPED
    says = next(check.says for check in found.checks if check.name == "install")
    assert "v-nowhere==1.0" in says
    assert "v-nowhere<1" in says


def test_a_model_that_does_not_say_what_it_needs_cannot_be_verified(model: Path) -> None:
    for name in ("requirements.txt", "conda.yaml"):
        (model / name).unlink()
    first, *rest = verify(model).checks
    assert (first.name, first.state) == ("files", State.FAILED)
    assert "does not say what it requires" in first.says
    assert {check.state for check in rest} == {State.SKIPPED}


def test_a_model_or_an_interpreter_that_is_not_there_is_a_mistake(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(capsys, str(model), "--python", "python9.9")[::2] == (
        2,
        "error: there is no Python interpreter 'python9.9'\n",
    )
    assert command(capsys, str(model / "nothing"))[0] == 2


def test_pickles_run_only_if_they_are_trusted(model: Path, tmp_path: Path) -> None:
    program = "import sys; from runlake.models.running import main; main(sys.argv[1:])"
    result = tmp_path / "result.json"
    for options, done, says in (((), [], "is a pickle"), (("--trust-pickle",), ["load"], "No module named")):
        subprocess.run([sys.executable, "-c", program, model, result, *options], check=True, cwd=tmp_path)
        said = json.loads(result.read_text())
        assert said["done"] == done
        assert says in said["failed"]


def test_the_recorded_minor_version_of_python_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert python_for(f"{here}.99") == sys.executable
    other = tmp_path / "python3.99"
    other.write_text("#!/bin/sh\necho 3.99.1\n")
    other.chmod(0o755)
    assert python_for("3.99.0") == sys.executable
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert python_for("3.99.0") == str(other)
    (tmp_path / "python").mkdir()
    other.rename(tmp_path / "python" / "3")
    assert python_for("/3") == python_for("nonsense") == sys.executable
