"""Python functions: classes, functions, scripts and loader modules, both ways to and from MLflow."""

import json
import pickle
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

import runlake
from runlake.errors import Corrupt, InvalidInput, MissingExtra, NotFound, Untrusted
from runlake.models.manifest import MANIFEST_FILE
from runlake.pyfunc import PythonModel, PythonModelContext

SCRIPT = """
from pathlib import Path

import runlake as mlflow
from runlake.models import ModelConfig, set_model

config = ModelConfig(development_config={"factor": 2})


class Scaled(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.offset = int(Path(context.artifacts["offset"]).read_text())

    def predict(self, context, model_input, params=None):
        return [config.get("factor") * value + self.offset for value in model_input]


set_model(Scaled())
"""
LOADER = """
import json

class Loaded:
    def __init__(self, path, config):
        self.path, self.config = path, config

    def predict(self, data, params=None):
        with open(self.path) as file:
            return [json.load(file)["answer"], self.config, params]

def _load_pyfunc(path, model_config=None):
    return Loaded(path, model_config)
"""


class Adder(PythonModel):
    """Adds what is in its file, and a setting."""

    def load_context(self, context: PythonModelContext) -> None:
        self.offset = int(Path(context.artifacts["offset"]).read_text())

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        return [value + self.offset + context.model_config["more"] for value in model_input]


class Plain(PythonModel):
    """Takes no context."""

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:  # type: ignore[override]
        return [model_input, params]


class Streaming(PythonModel):
    """Answers in pieces as well."""

    def predict(self, context: Any, model_input: Any) -> Any:
        return list(model_input)

    def predict_stream(self, context: Any, model_input: Any, params: Any = None) -> Any:
        yield from model_input


@pytest.fixture
def offset(tmp_path: Path) -> Path:
    """A file that models read."""
    file = tmp_path / "offset.txt"
    file.write_text("10")
    return file


def in_mlflow(mlflow: ModuleType, path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mlflow.pyfunc.load_model(str(path), suppress_warnings=True)


def test_a_class_finds_its_files_and_settings_here_and_in_mlflow(
    tmp_path: Path, offset: Path, mlflow: ModuleType
) -> None:
    runlake.pyfunc.save_model(
        tmp_path / "model", python_model=Adder(), artifacts={"offset": str(offset)}, model_config={"more": 100}
    )
    offset.unlink()
    loaded = runlake.pyfunc.load_model(str(tmp_path / "model"))
    assert loaded.predict([1, 2]) == [111, 112]
    assert (type(loaded.unwrap_python_model()), loaded.model_config) == (Adder, {"more": 100})
    again = runlake.pyfunc.load_model(str(tmp_path / "model"), model_config={"more": 0})
    assert again.predict([1]) == [11]
    theirs = in_mlflow(mlflow, tmp_path / "model")
    assert theirs.predict([1, 2]) == [111, 112]
    assert type(theirs.unwrap_python_model()) is Adder


def test_a_class_that_mlflow_saved_is_loaded(tmp_path: Path, offset: Path, mlflow: ModuleType) -> None:
    class Theirs(mlflow.pyfunc.PythonModel):  # type: ignore[name-defined,misc]
        def load_context(self, context: Any) -> None:
            self.offset = int(Path(context.artifacts["offset"]).read_text())

        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            return [value + self.offset + context.model_config["more"] for value in model_input]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.pyfunc.save_model(
            str(tmp_path / "model"),
            python_model=Theirs(),
            artifacts={"offset": str(offset)},
            model_config={"more": 1},
            pip_requirements=["cloudpickle"],
        )
    with pytest.raises(Untrusted, match=r"python_model.pkl is a pickle") as caught:
        runlake.pyfunc.load_model(str(tmp_path / "model"))
    assert "trust_pickle=True" in str(caught.value.hint)
    loaded = runlake.pyfunc.load_model(str(tmp_path / "model"), trust_pickle=True)
    assert loaded.predict([1]) == [12]
    assert isinstance(loaded.unwrap_python_model(), mlflow.pyfunc.PythonModel)


def test_an_object_that_needs_what_is_not_installed_says_how_to_install_it(tmp_path: Path) -> None:
    (tmp_path / "shop_of_objects.py").write_text(
        "class Shop:\n    def predict(self, data, params=None):\n        return data\n"
    )
    program = "import runlake, shop_of_objects; runlake.pyfunc.save_model('model', python_model=shop_of_objects.Shop())"
    subprocess.run([sys.executable, "-c", program], check=True)
    (tmp_path / "shop_of_objects.py").unlink()
    with pytest.raises(MissingExtra, match="needs the module 'shop_of_objects', which is not installed") as caught:
        runlake.pyfunc.load_model(str(tmp_path / "model"), trust_pickle=True)
    assert caught.value.hint == f"pip install -r {tmp_path / 'model' / 'requirements.txt'}"


def test_an_object_is_loaded_by_the_process_that_saved_it_and_by_others_if_they_trust_it(tmp_path: Path) -> None:
    runlake.pyfunc.save_model(tmp_path / "model", python_model=Plain())
    assert runlake.pyfunc.load_model(str(tmp_path / "model")).predict(3, {"a": 1}) == [3, {"a": 1}]
    program = "import runlake; runlake.pyfunc.load_model('model')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode != 0
    assert "python_model.pkl is a pickle" in done.stderr
    assert "trust_pickle=True" in done.stderr


def test_a_file_that_was_changed_since_it_was_saved_is_not_trusted(tmp_path: Path) -> None:
    runlake.pyfunc.save_model(tmp_path / "model", python_model=Plain())
    with open(tmp_path / "model" / "python_model.pkl", "ab") as file:
        file.write(b"\0")
    with pytest.raises(Untrusted):
        runlake.pyfunc.load_model(str(tmp_path / "model"))


def test_a_function_is_a_model(tmp_path: Path, mlflow: ModuleType) -> None:
    def double(model_input: Any) -> Any:
        return [2 * value for value in model_input]

    runlake.pyfunc.save_model(tmp_path / "model", python_model=double)
    assert runlake.pyfunc.load_model(str(tmp_path / "model")).predict([1, 2]) == [2, 4]
    assert in_mlflow(mlflow, tmp_path / "model").predict([1, 2]) == [2, 4]


def test_parameters_reach_those_who_take_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    runlake.pyfunc.save_model(tmp_path / "takes", python_model=lambda model_input, params: params)
    assert runlake.pyfunc.load_model(str(tmp_path / "takes")).predict(1, params={"top": 3}) == {"top": 3}
    runlake.pyfunc.save_model(tmp_path / "plain", python_model=lambda model_input: model_input)
    assert runlake.pyfunc.load_model(str(tmp_path / "plain")).predict(1, params={"top": 3}) == 1


def test_a_model_may_answer_in_pieces(tmp_path: Path) -> None:
    runlake.pyfunc.save_model(tmp_path / "model", python_model=Streaming())
    loaded = runlake.pyfunc.load_model(str(tmp_path / "model"))
    assert list(loaded.predict_stream("abc")) == ["a", "b", "c"]
    runlake.pyfunc.save_model(tmp_path / "plain", python_model=Plain())
    with pytest.raises(InvalidInput, match="has no predict_stream"):
        runlake.pyfunc.load_model(str(tmp_path / "plain")).predict_stream("abc")


# -- scripts


def test_a_script_is_a_model_that_anybody_loads_without_pickle(
    tmp_path: Path, offset: Path, mlflow: ModuleType
) -> None:
    (tmp_path / "scaled.py").write_text(SCRIPT)
    runlake.pyfunc.save_model(
        tmp_path / "model",
        python_model=str(tmp_path / "scaled.py"),
        artifacts={"offset": str(offset)},
        model_config={"factor": 5},
    )
    (tmp_path / "scaled.py").unlink()
    assert not (tmp_path / "model" / "python_model.pkl").exists()
    program = (
        "import runlake; model = runlake.pyfunc.load_model('model');"
        "print(model.predict([1]), runlake.pyfunc.load_model('model', model_config={'factor': 7}).predict([1]))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[15] [17]"
    assert in_mlflow(mlflow, tmp_path / "model").predict([1]) == [15]


def test_a_script_that_mlflow_saved_is_loaded(tmp_path: Path, offset: Path, mlflow: ModuleType) -> None:
    (tmp_path / "scaled.py").write_text(SCRIPT.replace("runlake", "mlflow"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.pyfunc.save_model(
            str(tmp_path / "model"),
            python_model=str(tmp_path / "scaled.py"),
            artifacts={"offset": str(offset)},
            model_config={"factor": 5},
            pip_requirements=["cloudpickle"],
        )
        assert runlake.pyfunc.load_model(str(tmp_path / "model")).predict([1]) == [15]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("x = 1\n", "sets no model"),
        ("raise RuntimeError('not today')\n", "RuntimeError: not today"),
        ("def broken(:\n", "SyntaxError"),
        ("from runlake.models import set_model\nset_model('a.pkl')\n", "set_model takes"),
    ],
)
def test_a_script_that_gives_no_model_is_refused_and_nothing_is_left(tmp_path: Path, script: str, said: str) -> None:
    (tmp_path / "model.py").write_text(script)
    with pytest.raises((Corrupt, InvalidInput), match=said):
        runlake.pyfunc.save_model(tmp_path / "model", python_model=tmp_path / "model.py")
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.py"]


def test_a_script_that_needs_what_is_not_installed_says_so(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("import a_package_that_nobody_has\n")
    with pytest.raises(MissingExtra, match="'a_package_that_nobody_has', which is not installed"):
        runlake.pyfunc.save_model(tmp_path / "model", python_model=tmp_path / "model.py")


def test_settings_of_a_script_come_from_itself_when_it_is_run_by_itself(tmp_path: Path) -> None:
    assert runlake.models.ModelConfig(development_config={"a": 1}).get("a") == 1
    (tmp_path / "settings.yaml").write_text("a: {b: 2}\n")
    config = runlake.models.ModelConfig(development_config=str(tmp_path / "settings.yaml"))
    assert config.to_dict() == {"a": {"b": 2}}
    with pytest.raises(KeyError, match="no 'c'"):
        config.get("c")
    with pytest.raises(FileNotFoundError):
        runlake.models.ModelConfig()


# -- loader modules


def test_a_module_loads_what_it_knows_here_and_in_mlflow(tmp_path: Path, mlflow: ModuleType) -> None:
    name = "loader_of_the_shop"
    (tmp_path / f"{name}.py").write_text(LOADER)
    (tmp_path / "data.json").write_text(json.dumps({"answer": 42}))
    runlake.pyfunc.save_model(
        tmp_path / "model",
        loader_module=name,
        data_path=str(tmp_path / "data.json"),
        code_paths=[str(tmp_path / f"{name}.py")],
        model_config={"a": 1},
    )
    (tmp_path / f"{name}.py").unlink()
    assert runlake.pyfunc.load_model(str(tmp_path / "model")).predict([1]) == [42, {"a": 1}, None]
    assert in_mlflow(mlflow, tmp_path / "model").predict([1]) == [42, {"a": 1}, None]


def test_a_model_with_a_module_of_its_own_that_mlflow_saved_is_loaded(tmp_path: Path, mlflow: ModuleType) -> None:
    name = "loader_of_theirs"
    (tmp_path / f"{name}.py").write_text(LOADER)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "data.json").write_text(json.dumps({"answer": 43}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.pyfunc.save_model(
            str(tmp_path / "model"),
            loader_module=name,
            data_path=str(tmp_path / "folder" / "data.json"),
            code_paths=[str(tmp_path / f"{name}.py")],
            pip_requirements=["cloudpickle"],
        )
    shutil.rmtree(tmp_path / "folder")
    assert runlake.pyfunc.load_model(str(tmp_path / "model")).predict([1], {"k": 1}) == [43, None, {"k": 1}]


def test_other_code_of_a_module_that_is_imported_already_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, before = "loader_of_two_models", list(sys.path)
    for answer in ("first", "second"):
        (tmp_path / f"{name}.py").write_text(f"{LOADER}\nANSWER = {answer!r}\n")
        runlake.pyfunc.save_model(
            tmp_path / answer, loader_module=name, code_paths=[str(tmp_path / f"{name}.py")], pip_requirements=[]
        )
        assert name not in sys.modules
        assert sys.path == before
    monkeypatch.setattr(sys, "path", list(sys.path))
    for _ in range(2):
        runlake.pyfunc.load_model(str(tmp_path / "first"))
    assert "other code" not in caplog.text
    runlake.pyfunc.load_model(str(tmp_path / "second"))
    assert f"comes with other code for {name} than this process" in caplog.text
    assert sys.modules.pop(name).ANSWER == "first"


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


def test_a_loader_of_mlflow_that_unpickles_has_to_be_trusted(tmp_path: Path, mlflow: ModuleType) -> None:
    ran = tmp_path / "ran"
    (tmp_path / "data.pkl").write_bytes(pickle.dumps(Touch(ran)))
    folder = tmp_path / "model"
    runlake.pyfunc.save_model(folder, loader_module="json", data_path=str(tmp_path / "data.pkl"))
    manifest = folder / MANIFEST_FILE
    for module in ("mlflow.statsmodels", "mlflow.pyfunc.loaders.chat_model"):
        manifest.write_text(re.sub("loader_module: .*", f"loader_module: {module}", manifest.read_text()))
        with pytest.raises(Untrusted, match="trust_pickle=True"):
            runlake.pyfunc.load_model(str(folder))
    assert not ran.exists()


def test_a_loader_that_is_not_there_says_what_to_install(tmp_path: Path) -> None:
    runlake.pyfunc.save_model(tmp_path / "model", loader_module="module_of_nobody")
    with pytest.raises(MissingExtra, match="'module_of_nobody' is not installed"):
        runlake.pyfunc.load_model(str(tmp_path / "model"))
    runlake.pyfunc.save_model(tmp_path / "other", loader_module="json")
    with pytest.raises(Corrupt, match="'json', which has no _load_pyfunc"):
        runlake.pyfunc.load_model(str(tmp_path / "other"))
    manifest = tmp_path / "other" / MANIFEST_FILE
    manifest.write_text(manifest.read_text().replace("loader_module: json", "loader_module: .json"))
    with pytest.raises(Corrupt, match=r"names no module under 'flavors\.python_function\.loader_module'"):
        runlake.pyfunc.load_model(str(tmp_path / "other"))


# -- what is wrong


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "neither python_model nor loader_module"),
        ({"python_model": Plain(), "loader_module": "a"}, "do not go together"),
        ({"python_model": Plain(), "data_path": "a"}, "do not go together"),
        ({"python_model": Plain}, "must be an object with predict"),
        ({"python_model": 17}, "must be an object with predict"),
        ({"python_model": "nowhere.py"}, "no Python script 'nowhere.py'"),
        ({"python_model": Plain(), "artifacts": {"a": "/nowhere/at/all"}}, "no artifact"),
        ({"python_model": Plain(), "model_config": {1: 2}}, "model_config is a dictionary"),
        ({"python_model": Plain(), "model_config": "nowhere.yaml"}, "no file 'nowhere.yaml'"),
        ({"python_model": Plain(), "code_paths": "model.py"}, "lists of paths"),
    ],
)
def test_a_mistake_in_the_call_is_refused_and_nothing_is_left(
    tmp_path: Path, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises((InvalidInput, NotFound), match=said):
        runlake.pyfunc.save_model(tmp_path / "model", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_files_that_a_manifest_names_outside_of_the_model_are_not_shown_to_it(tmp_path: Path, offset: Path) -> None:
    runlake.pyfunc.save_model(
        tmp_path / "model", python_model=Adder(), artifacts={"offset": str(offset)}, model_config={"more": 0}
    )
    manifest = yaml.safe_load((tmp_path / "model" / "MLmodel").read_text())
    for path in ("../offset.txt", "/etc/passwd", "artifacts/../../offset.txt"):
        manifest["flavors"]["python_function"]["artifacts"]["offset"]["path"] = path
        (tmp_path / "model" / "MLmodel").write_text(yaml.safe_dump(manifest))
        with pytest.raises(Corrupt, match=r"'flavors.python_function.artifacts.offset.path'"):
            runlake.pyfunc.load_model(str(tmp_path / "model"))
    manifest["flavors"]["python_function"]["code"] = "../.."
    (tmp_path / "model" / "MLmodel").write_text(yaml.safe_dump(manifest))
    with pytest.raises(Corrupt, match=r"'flavors.python_function.code'"):
        runlake.pyfunc.load_model(str(tmp_path / "model"))


def test_a_python_model_that_is_cut_off_is_named(tmp_path: Path) -> None:
    runlake.pyfunc.save_model(tmp_path / "model", python_model=Plain())
    file = tmp_path / "model" / "python_model.pkl"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(Corrupt, match=r"python_model.pkl is cut off or garbled"):
        runlake.pyfunc.load_model(str(tmp_path / "model"), trust_pickle=True)


def test_two_files_of_one_name_are_both_there(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "words.txt").write_text(name)

    class Reads(PythonModel):
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            return [Path(context.artifacts[name]).read_text() for name in ("first", "second")]

    files = {"first": str(tmp_path / "a" / "words.txt"), "second": str(tmp_path / "b" / "words.txt")}
    runlake.pyfunc.save_model(tmp_path / "model", python_model=Reads(), artifacts=files)
    assert runlake.pyfunc.load_model(str(tmp_path / "model")).predict(None) == ["a", "b"]


def test_a_manifest_of_a_third_partys_flavor_is_made_with_add_to_model() -> None:
    model = runlake.models.Model()
    runlake.pyfunc.add_to_model(
        model, loader_module="shop", data="data", conda_env="conda.yaml", python_env="python_env.yaml", extra=1
    )
    keys = model.flavors["python_function"]
    assert keys["env"] == {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}
    assert (keys["loader_module"], keys["data"], keys["extra"]) == ("shop", "data", 1)
