"""The public names: what is there, with whose signatures; what is not, and what the error says instead."""

import dataclasses
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import runlake
from runlake.config import Config
from runlake.missing_names import IN_MODULES, INSTEAD
from runlake.registry.methods import RegistryMethods
from tests.tracking.judge import Judge

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"
OURS = {
    "band", "compare", "errors_seen", "export", "flush", "ledger", "log_arrays", "log_config", "log_points",
    "missing_points", "on_backlog", "points", "registry", "runs", "series", "set_error_policy", "throttle",
}  # fmt: skip
THEIR_MODULES = {
    "artifacts",
    "client",
    "data",
    "entities",
    "exceptions",
    "lightgbm",
    "models",
    "onnx",
    "pyfunc",
    "pytorch",
    "sklearn",
    "tracking",
    "types",
    "xgboost",
}
# Parts of MLflow that are no interface: imports of its __init__, and what it calls internal.
NO_INTERFACE = {
    "IS_TRACING_SDK_ONLY", "LazyLoader", "MLFLOW_CONFIGURE_LOGGING", "RunOperations", "TYPE_CHECKING", "VERSION",
    "agent", "ai_commands", "assistant", "azure", "config", "contextlib", "environment_variables",
    "error_classification", "legacy_databricks_cli", "maybe_hint_tracing_skill", "mismatch", "ml_package_versions",
    "mlflow", "protos", "pytest", "server", "set_telemetry_client", "store", "telemetry", "utils", "version",
    "webhooks",
}  # fmt: skip


def section(title: str) -> str:
    """The text of one section of the page."""
    return re.split(r"^## ", PAGE.read_text(), flags=re.M)[
        [part.splitlines()[0] for part in re.split(r"^## ", PAGE.read_text(), flags=re.M)].index(title)
    ]


def names_in(text: str) -> set[str]:
    """What a table or list names in code, without arguments."""
    return set(re.findall(r"`([A-Za-z_]\w*)`", text))


@pytest.mark.parametrize("name", runlake.__all__)
def test_every_public_name_is_there_and_says_what_it_does(name: str) -> None:
    value = getattr(runlake, name)
    assert value.__doc__ or value is runlake.log_metric  # that one is compiled; its manual is the stub
    assert name in dir(runlake)


def test_the_package_and_its_table_of_names_agree() -> None:
    assert sorted({*runlake._HOME_OF, *runlake._MODULES}) == sorted(runlake.__all__)


def test_type_checkers_see_the_same_names() -> None:
    source = Path(runlake.__file__).read_text()
    block = source[source.index("if TYPE_CHECKING:") : source.index("__version__")]
    seen = set(re.findall(r"\b\w+\b", " ".join(re.findall(r"import \(?([^)]*?)\)?(?=\n    from|\s*\Z)", block, re.S))))
    assert set(runlake.__all__) <= seen


@pytest.mark.parametrize("name", sorted(set(runlake.__all__) - OURS - THEIR_MODULES - {"ActiveRun", "Image"}))
def test_signatures_are_those_of_the_official_package(name: str, judge: Judge) -> None:
    official = getattr(judge.mlflow, name)
    if inspect.isclass(official) and name != "MlflowClient":
        return
    assert _parameters(getattr(runlake, name)) == _parameters(official)


def test_client_methods_have_the_signatures_of_the_official_client(judge: Judge) -> None:
    mine = dict(inspect.getmembers(runlake.MlflowClient, inspect.isfunction))
    public = [name for name in mine if not name.startswith("_")]
    assert len(public) > 30
    for name in public:
        assert _parameters(mine[name]) == _parameters(getattr(judge.mlflow.MlflowClient, name)), name


def test_functions_of_the_registry_are_methods_of_the_official_client(judge: Judge) -> None:
    methods = {name for name in vars(RegistryMethods) if not name.startswith("_")}
    assert methods <= set(runlake.registry.__all__)
    for name in methods:
        theirs, ours = (
            _parameters(getattr(judge.mlflow.MlflowClient, name)),
            _parameters(getattr(runlake.registry, name)),
        )
        assert ours[: len(theirs)] == theirs
        assert {parameter for parameter, _, _ in ours[len(theirs) :]} <= {"force", "reason"}


def _parameters(function: Any) -> list[tuple[str, Any, Any]]:
    signature = inspect.signature(function)
    return [(p.name, p.kind, p.default) for p in signature.parameters.values() if p.name != "self"]


def test_what_the_official_package_has_and_we_have_not_is_named(judge: Judge) -> None:
    official = {name for name in dir(judge.mlflow) if not name.startswith("_") and "." not in name} - NO_INTERFACE
    assert official - set(runlake.__all__) - set(INSTEAD) == set()
    assert not set(INSTEAD) & set(runlake.__all__)


def test_client_methods_that_are_missing_say_what_to_use_instead(judge: Judge) -> None:
    client = runlake.MlflowClient()
    official = {name for name in dir(judge.mlflow.MlflowClient) if not name.startswith("_")}
    for name in sorted(official - set(dir(client))):
        with pytest.raises(AttributeError, match="hint: "):
            getattr(client, name)


@pytest.mark.parametrize("name", sorted(INSTEAD))
def test_a_missing_name_says_what_to_use_instead(name: str) -> None:
    with pytest.raises(AttributeError, match="which MLflow has") as caught:
        getattr(runlake, name)
    assert f"hint: {INSTEAD[name]}" in str(caught.value)


def test_a_name_that_nobody_has_is_an_ordinary_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'runlake' has no attribute 'nonsense'$"):
        runlake.nonsense  # noqa: B018
    assert not hasattr(runlake, "keras")


@pytest.mark.parametrize("name", sorted(set(runlake.__all__) - OURS))
def test_the_page_lists_what_is_there(name: str) -> None:
    assert name in names_in(section("What is there"))


def test_the_page_lists_nothing_that_is_not_there() -> None:
    there = names_in(section("What is there").partition("### MlflowClient")[0])
    assert there <= set(runlake.__all__)
    assert names_in(section("Ours")) >= OURS


def test_the_page_lists_every_method_of_the_client() -> None:
    listed = names_in(section("What is there").partition("### MlflowClient")[2]) - {"runlake.registry"}
    methods = {name for name in dir(runlake.MlflowClient) if not name.startswith("_")}
    assert listed == methods


def test_the_page_lists_what_is_missing_with_the_hint_that_the_error_gives() -> None:
    listed = {}
    for row in section("What is not there").splitlines():
        if row.startswith("| `"):
            names, hint = (cell.strip() for cell in row.strip("|").split(" | ", 1))
            listed.update(dict.fromkeys(re.findall(r"`([\w.]+)`", names), hint))
    within = {f"{module}.{name}": hint for module, names in IN_MODULES.items() for name, hint in names.items()}
    assert listed == {**INSTEAD, **within}


@pytest.mark.filterwarnings("ignore:.*Any type hint")  # of an import within MLflow
@pytest.mark.parametrize(("module", "name"), [(module, name) for module in IN_MODULES for name in IN_MODULES[module]])
def test_a_name_that_a_module_of_ours_lacks_says_what_to_use_instead(module: str, name: str, judge: Judge) -> None:
    importlib.import_module(f"mlflow.{module}")
    assert hasattr(getattr(judge.mlflow, module), name)
    ours = importlib.import_module(f"runlake.{module}")
    with pytest.raises(AttributeError, match="which MLflow has") as caught:
        getattr(ours, name)
    assert f"hint: {IN_MODULES[module][name]}" in str(caught.value)
    assert not hasattr(ours, "nonsense")


@pytest.mark.parametrize("name", ["from_huggingface", "from_spark", "from_tensorflow", "load_delta"])
def test_a_missing_kind_of_data_set_says_what_to_use_instead(name: str) -> None:
    with pytest.raises(AttributeError, match=r"which MLflow has\nhint: .*from_pandas"):
        getattr(runlake.data, name)
    assert not hasattr(runlake.data, "nonsense")


def test_the_page_lists_every_setting_with_its_default() -> None:
    rows = [row.strip("|").split("|") for row in section("Settings").splitlines() if row.startswith("| `")]
    listed = {variable.strip().strip("`"): default.strip() for variable, default, _ in rows}
    assert listed == {
        "RUNLAKE_" + field.name.upper(): "the engine's own" if field.default is None else str(field.default)
        for field in dataclasses.fields(Config)
    }


@pytest.mark.parametrize(
    "program",
    [
        "import runlake as mlflow; mlflow.MlflowClient; mlflow.client.MlflowClient; mlflow.tracking.MlflowClient",
        "import runlake; assert issubclass(runlake.MlflowException, Exception); runlake.exceptions.MlflowException",
        "import runlake; runlake.entities.ViewType.ALL; runlake.data.from_pandas; runlake.artifacts.load_text",
        "from runlake.entities import Metric, RunStatus; from runlake.tracking import MlflowClient",
        "from runlake import log_metric, start_run, data",
        "import runlake; runlake.data.sources.LocalArtifactDatasetSource",
        "import runlake as mlflow\ntry: mlflow.get_run\nexcept mlflow.exceptions.RestException: pass\n"
        "assert issubclass(mlflow.exceptions.RestException, mlflow.MlflowException)",
        "from runlake.exceptions import MlflowException as E; import runlake; assert runlake.MlflowException is E",
        "import runlake; assert runlake.log_metric is runlake.log_metric; import runlake.fluent.values as v; "
        "assert v.log_metric is runlake.log_metric",
    ],
)
def test_modules_are_reached_as_scripts_for_mlflow_reach_them(program: str) -> None:
    subprocess.run([sys.executable, "-c", program], check=True)


def test_artifact_functions_find_runs_without_another_import(lake: Path) -> None:
    with runlake.start_run() as run:
        runlake.log_text("text", "a.txt")
    program = "import sys; from runlake.artifacts import load_text; print(load_text(f'runs:/{sys.argv[1]}/a.txt'))"
    done = subprocess.run([sys.executable, "-c", program, run.info.run_id], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "text"


def test_nothing_but_the_package_itself_is_loaded_by_import() -> None:
    program = "import sys; before = set(sys.modules); import runlake; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert set(done.stdout.split()) & {"sqlite3", "polars", "numpy", "subprocess", "concurrent.futures"} == set()
