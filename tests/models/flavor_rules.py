"""What holds for every flavor: arguments are MLflow's, and models go both ways between the two packages."""

import importlib
import inspect
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

TRAINED = {"pip_requirements": ["scikit-learn"]}
"""What MLflow is told to require, so that it does not look for long."""


def changed(folder: Path, flavor: str, **keys: Any) -> None:
    """Change what the manifest says of a flavor."""
    manifest = yaml.safe_load((folder / "MLmodel").read_text())
    manifest["flavors"][flavor].update(keys)
    (folder / "MLmodel").write_text(yaml.safe_dump(manifest))


def keys_of(folder: Path, flavor: str) -> dict[str, Any]:
    """What the manifest says of a flavor."""
    found: dict[str, Any] = yaml.safe_load((folder / "MLmodel").read_text())["flavors"][flavor]
    return found


def saved_by_mlflow(mlflow: ModuleType, flavor: str, model: Any, folder: Path, **options: Any) -> Path:
    """Save a model with the official package, which warns of much."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module(f"mlflow.{flavor}").save_model(model, str(folder), **TRAINED, **options)
    return folder


def loaded_by_mlflow(mlflow: ModuleType, flavor: str, folder: Path) -> tuple[Any, Any]:
    """Load a model with the official package: the library's own object, and the python function."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        native = importlib.import_module(f"mlflow.{flavor}").load_model(str(folder))
        return native, mlflow.pyfunc.load_model(str(folder), suppress_warnings=True)


def check_arguments(flavor: str) -> None:
    """Hold our functions against MLflow's: the same arguments in the same order; ours besides are keyword-only."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = importlib.import_module(f"mlflow.{flavor}")
    ours = importlib.import_module(f"runlake.{flavor}")
    for name in ("save_model", "log_model", "load_model"):
        mine, official = (inspect.signature(getattr(module, name)).parameters for module in (ours, theirs))
        assert [(p.name, p.kind, p.default) for p in mine.values() if p.name in official] == [
            (p.name, p.kind, p.default) for p in official.values()
        ], name
        assert all(mine[left].kind is inspect.Parameter.KEYWORD_ONLY for left in set(mine) - set(official)), name
