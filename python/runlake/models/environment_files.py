"""Environment files: requirements.txt, python_env.yaml and conda.yaml of a model's folder, in MLflow's form.

Source: the files that mlflow 3.17 writes and reads, `mlflow.utils.environment`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runlake.errors import Corrupt, InvalidInput, InvalidType, NoSuchFile, NotFound
from runlake.extras import import_extra
from runlake.models.requirements import CONSTRAINTS_FILE, CONSTRAINTS_LINE, Listed, listed
from runlake.plain_yaml import NotPlain, read_yaml

if TYPE_CHECKING:
    from runlake.models.environment import Environment

REQUIREMENTS_FILE: Final = "requirements.txt"
PYTHON_FILE: Final = "python_env.yaml"
CONDA_FILE: Final = "conda.yaml"
MANIFEST_FILE: Final = "MLmodel"

_PYTHON: Final = re.compile(r"python\s*[=<>~!]*=\s*(?P<version>[0-9][0-9.]*)")


def write(environment: Environment, folder: Path) -> None:
    """Write an environment's files into a model's folder."""
    _write(folder / REQUIREMENTS_FILE, "".join(f"{line}\n" for line in environment.requirements))
    if environment.constraints:
        _write(folder / CONSTRAINTS_FILE, "".join(f"{line}\n" for line in environment.constraints))
    python = {
        "python": environment.python,
        "build_dependencies": list(environment.build),
        "dependencies": [f"-r {REQUIREMENTS_FILE}"],
    }
    _write_yaml(folder / PYTHON_FILE, python, sort_keys=False)
    _write_yaml(folder / CONDA_FILE, environment.conda or _conda(environment), sort_keys=True)


def read(folder: Path) -> dict[str, Any]:
    """Return the fields of an environment as a model's folder has them.

    Raises:
        NotFound: no file says what the model requires.
        Corrupt: one is garbled.
    """
    python = _yaml(folder / PYTHON_FILE)
    conda = _yaml(folder / CONDA_FILE)
    given = _required(folder, conda)
    version = (python or {}).get("python") or python_of(conda or {})
    if version is None:
        raise NotFound(f"the model in {folder} does not say which Python it requires: it has no {PYTHON_FILE}")
    lines = (*given.lines, CONSTRAINTS_LINE) if given.constraints else given.lines
    build = (python or {}).get("build_dependencies") or ()
    return {
        "python": str(version),
        "requirements": lines,
        "constraints": given.constraints,
        "build": tuple(str(one) for one in build if isinstance(one, str)),
    }


def _required(folder: Path, conda: Mapping[str, Any] | None) -> Listed:
    """Read what pip has to install; what it includes has to be in the folder, for anybody may have written it."""
    file = folder / REQUIREMENTS_FILE
    if not file.is_file() and conda is None:
        raise NotFound(f"the model in {folder} does not say what it requires: it has no {REQUIREMENTS_FILE}")
    file = file if file.is_file() else folder / CONDA_FILE
    try:
        return listed(file if file.name == REQUIREMENTS_FILE else pip_section(conda or {}), file.name, within=folder)
    except (InvalidInput, NoSuchFile) as error:
        raise Corrupt(f"{file} cannot be read: {error}") from error


def conda_of(given: Mapping[str, Any] | str | os.PathLike[str]) -> Mapping[str, Any]:
    """Return a conda environment that is given as a dictionary or as the path of a file.

    Raises:
        NoSuchFile: there is no such file.
        InvalidInput: it holds no conda environment.
    """
    found = given if isinstance(given, Mapping) else _conda_file(given)
    if not isinstance(found.get("dependencies"), list):
        raise InvalidInput("a conda environment has a list of dependencies, and conda_env has none")
    return found


def _conda_file(given: object) -> Mapping[str, Any]:
    if not isinstance(given, str | os.PathLike):
        raise InvalidType(f"conda_env is a dictionary or the path of a file, not {type(given).__name__}")
    try:
        found = _yaml(Path(given))
    except Corrupt as error:
        raise InvalidInput(error.message) from error
    if found is None:
        raise NoSuchFile(f"there is no conda environment file {os.fspath(given)!r}")
    return found


def pip_section(conda: Mapping[str, Any]) -> Sequence[str]:
    """Return what pip installs of a conda environment."""
    for one in conda.get("dependencies") or ():
        if isinstance(one, Mapping) and isinstance(one.get("pip"), list):
            return [str(line) for line in one["pip"]]
    return ()


def with_pip_section(conda: Mapping[str, Any], lines: Sequence[str]) -> dict[str, Any]:
    """Return a conda environment with other lines for pip."""
    others = [one for one in conda["dependencies"] if not (isinstance(one, Mapping) and "pip" in one)]
    if not any(isinstance(one, str) and re.match(r"pip\b", one) for one in others):
        others.append("pip")
    return {**conda, "dependencies": [*others, {"pip": list(lines)}]}


def python_of(conda: Mapping[str, Any]) -> str | None:
    """Return the version of Python in a conda environment."""
    for one in conda.get("dependencies") or ():
        if isinstance(one, str) and (found := _PYTHON.fullmatch(one.strip())):
            return found["version"]
    return None


def loaders(folder: Path) -> list[str]:
    """Return the modules that a model's manifest has it loaded by; none if there is no manifest."""
    flavors = _manifest(folder).get("flavors")
    keys = flavors.values() if isinstance(flavors, dict) else ()
    names = [one.get("loader_module") for one in keys if isinstance(one, dict)]
    return [name for name in names if isinstance(name, str)]


def lock_hash(folder: Path) -> str | None:
    """Return the lock hash that a model's manifest has; None if it has none, as MLflow's do not."""
    own = _manifest(folder).get("runlake")
    found = own.get("lock_hash") if isinstance(own, dict) else None
    return found if isinstance(found, str) else None


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        return _yaml(folder / MANIFEST_FILE) or {}
    except Corrupt:  # whoever loads the model says so
        return {}


def _conda(environment: Environment) -> dict[str, Any]:
    pip = next((line for line in environment.build if line.startswith("pip==")), "pip")
    return {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        # conda-forge has a new pip later than PyPI, hence an older one does.
        "dependencies": [
            f"python={environment.python}",
            pip.replace("==", "<="),
            {"pip": list(environment.requirements)},
        ],
    }


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")


def _write_yaml(file: Path, value: Mapping[str, Any], *, sort_keys: bool) -> None:
    yaml = import_extra("yaml", "to write the environment of a model")
    _write(file, yaml.safe_dump(dict(value), sort_keys=sort_keys, default_flow_style=False, allow_unicode=True))


def _yaml(file: Path) -> dict[str, Any] | None:
    """Return the mapping in a YAML file; None when there is no file.

    Raises:
        Corrupt: it holds none.
    """
    try:
        found = read_yaml(file.read_bytes(), "to read the environment of a model")
    except (FileNotFoundError, IsADirectoryError):
        return None
    except NotPlain as error:
        raise Corrupt(f"{file} is no YAML: {error}") from error
    if not isinstance(found, dict):
        raise Corrupt(f"{file} is no mapping of names to values")
    return found
