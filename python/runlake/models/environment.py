"""Environment: what a saved model needs to be loaded and run, in exact versions, as the files of its folder say it.

It is captured in the process that saves the model, while the model is loaded from its folder and run on its example.
docs/design.md, "Environments of models", says what that was weighed against.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import sys
import sysconfig
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import runlake
from runlake.errors import InvalidInput
from runlake.models import environment_files, imports
from runlake.models.distributions import Distribution, Owners, installed
from runlake.models.imports import Recording
from runlake.models.requirements import (
    CONSTRAINTS_LINE,
    Given,
    canonical,
    is_pinned,
    listed,
    merged,
    name_of,
    ordered,
    pin_bare,
)

_log = logging.getLogger("runlake")

_SAID_OF_FAILURE: Final = 300


@dataclass(frozen=True)
class Environment:
    """What a model needs.

    Attributes:
        python: The version of Python, in full.
        requirements: Lines of requirements.txt, sorted by name.
        constraints: Lines of constraints.txt; none in most models.
        build: What installs the rest: pip and its like.
        conda: The conda environment as the user gave it; None is the usual one around the requirements.
    """

    python: str
    requirements: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    build: tuple[str, ...] = ()
    conda: Mapping[str, Any] | None = field(default=None, hash=False)

    @cached_property
    def lock_hash(self) -> str:
        """`sha256:` and the hash of the version of Python and the canonical requirements and constraints.

        Two environments have the same hash if and only if pip is told the same in both. The text that is hashed is in
        docs/design.md, "Environments of models".
        """
        lines = [f"python {self.python}", *sorted({canonical(line) for line in self.requirements})]
        lines += [f"constraint {line}" for line in sorted({canonical(line) for line in self.constraints})]
        return "sha256:" + hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()

    @property
    def unpinned(self) -> tuple[str, ...]:
        """The requirements that leave pip a choice; a pinned environment has none."""
        return tuple(line for line in self.requirements if not is_pinned(line))

    def write(self, folder: str | os.PathLike[str]) -> None:
        """Write requirements.txt, python_env.yaml, conda.yaml, and constraints.txt if there are any, as MLflow does."""
        environment_files.write(self, Path(folder))

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> Environment:
        """Read what a model's folder says.

        Raises:
            NotFound: it says nothing.
            Corrupt: a file is garbled; the message names it.
        """
        return cls(**environment_files.read(Path(folder)))


def recorded(into: Recording | None = None) -> AbstractContextManager[Recording]:
    """Note the imports in the block, for `capture(seen=...)`, when a model is loaded and run there anyway."""
    return imports.recorded(into)


def capture(
    folder: str | os.PathLike[str],
    *,
    requirements: Iterable[str] = (),
    pip_requirements: Given | None = None,
    extra: Given | None = None,
    conda_env: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    code_paths: Iterable[str | os.PathLike[str]] | None = None,
    seen: Recording | None = None,
    run: Callable[[Path], object] | None = None,
) -> Environment:
    """Return what a saved model needs, in the versions that are installed here.

    Args:
        folder: The model's, whole but for the files of the environment.
        requirements: Distributions that the model's flavor needs; what is fallen back on if the model cannot be run.
        pip_requirements: A list, or the path of a requirements file, instead of what is captured.
        extra: The same, besides what is captured; `extra_pip_requirements` of those who save.
        conda_env: A conda environment, as a dictionary or the path of a file, instead of what is captured.
        code_paths: Code that is saved with the model and hence required of nobody.
        seen: What was imported when the model was loaded and run, if that was recorded.
        run: Loads the model in a folder and runs it on its example, if `seen` is None; by default as `load_model` does.

    Raises:
        InvalidInput: more than one of the ways to give requirements was used, or one cannot be read.
    """
    _require_one_way(pip_requirements=pip_requirements, extra_pip_requirements=extra, conda_env=conda_env)
    here = installed()
    if conda_env is not None:
        return _of_conda(environment_files.conda_of(conda_env), here)
    given = listed(pip_requirements, "pip_requirements")
    if pip_requirements is not None:
        lines = pin_bare(given.lines, lambda name: _version(here, name))
    else:
        given = listed(extra, "extra_pip_requirements")
        captured = _captured(
            Path(folder), tuple(requirements), tuple(os.fspath(path) for path in code_paths or ()), seen, run, here
        )
        lines = merged(captured, given.lines, lambda name: _version(here, name))
    if given.masked:
        _log.warning(
            "passwords in the URLs of %d requirements were not saved with the model; pip reads them from the "
            "environment if they are given as ${NAME}",
            given.masked,
        )
    whole = ordered([*lines, *_runlake(lines), *([CONSTRAINTS_LINE] if given.constraints else ())])
    return Environment(platform.python_version(), whole, given.constraints, _build(here))


def _of_conda(conda: Mapping[str, Any], here: Mapping[str, Distribution]) -> Environment:
    """Return the environment that a user has described whole."""
    given = listed(environment_files.pip_section(conda), "the pip section of conda_env")
    lines = (*given.lines, *_runlake(given.lines), *([CONSTRAINTS_LINE] if given.constraints else ()))
    python = environment_files.python_of(conda) or platform.python_version()
    return Environment(python, lines, given.constraints, _build(here), environment_files.with_pip_section(conda, lines))


def _runlake(lines: Iterable[str]) -> list[str]:
    """Return the line that pins what loads the model, if there is none yet."""
    return [] if any(name_of(line) == "runlake" for line in lines) else [f"runlake=={runlake.__version__}"]


def _require_one_way(**ways: object) -> None:
    used = [name for name, given in ways.items() if given is not None]
    if len(used) > 1:
        raise InvalidInput(f"{' and '.join(used)} were both given; only one of {', '.join(ways)} can be")


def _captured(
    folder: Path,
    requirements: tuple[str, ...],
    code_paths: tuple[str, ...],
    seen: Recording | None,
    run: Callable[[Path], object] | None,
    here: Mapping[str, Distribution],
) -> dict[str, str]:
    """Return the pinned line of each distribution that the model imports, by name."""
    if seen is None:
        try:
            with recorded() as seen:
                (run or _run)(folder)
        except Exception as error:  # whatever the model's own code, or a library, thinks of
            return _fallen_back(requirements, error, here)
    own = tuple(os.path.abspath(path) for path in (str(folder), *code_paths))
    modules = imports.closure(seen, [*environment_files.loaders(folder), *_modules_in(own[0])])
    found, strays = _owners(modules, own)
    _warn_of_strays(strays, in_main="__main__" in seen.wanted)
    _warn_of_local(found.values())
    # A model of MLflow's own classes needs MLflow; what that requires in its turn is no business of the model.
    for tracker in {name.partition(".")[0] for name in seen.wanted if imports.is_tracker(name)} - {"runlake"}:
        if tracker in here:
            found[tracker] = here[tracker]
    return {name: one.requirement for name, one in found.items()}


def _run(folder: Path) -> None:
    """Load the model in a folder as a python function, and run it on its example if it has one."""
    from runlake.models import running

    running.run(folder)


def _modules_in(folder: str) -> list[str]:
    """Return the loaded modules whose code is in the model's folder: a script is run, and nobody imports it."""
    files = ((name, getattr(module, "__file__", None)) for name, module in list(sys.modules.items()))
    return [name for name, file in files if isinstance(file, str) and _is_in(file, (folder,))]


def _is_in(file: str, places: Iterable[str]) -> bool:
    return any(file == place or file.startswith(place + os.sep) for place in places)


def _owners(modules: Mapping[str, ModuleType], own: tuple[str, ...]) -> tuple[dict[str, Distribution], dict[str, str]]:
    """Return the distributions of modules by name, and the files of modules that belong to none by module."""
    owners, found, strays = Owners(), {}, {}
    of_python = os.path.abspath(sysconfig.get_path("stdlib")) + os.sep  # site-packages may be in there as well
    for name, module in modules.items():
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or _is_in(file, own):
            continue
        if (owner := owners.of(file)) is not None:
            found[owner.name] = owner
        elif os.path.exists(file) and not file.startswith(of_python):
            strays[name] = file
    return found, strays


def _fallen_back(requirements: tuple[str, ...], error: Exception, here: Mapping[str, Distribution]) -> dict[str, str]:
    lines = {name: here[name].requirement if name in here else name for name in requirements}
    said = f"{type(error).__name__}: {error}".splitlines()[0][:_SAID_OF_FAILURE]
    _log.warning(
        "what the model imports was not captured, for it could not be run (%s); its requirements are only what its "
        "flavor names (%s); pip_requirements names them all",
        said,
        ", ".join(lines) or "nothing",
    )
    return lines


def _warn_of_strays(strays: Mapping[str, str], *, in_main: bool) -> None:
    tops = {name.partition(".")[0]: file for name, file in sorted(strays.items(), reverse=True)}
    if tops:
        listed_here = ", ".join(f"{name} ({file})" for name, file in sorted(tops.items()))
        _log.warning(
            "the model imports code that no installed distribution has: %s; give it in code_paths, or the model cannot "
            "be loaded elsewhere",
            listed_here,
        )
    if in_main:
        _log.warning(
            "the model refers to code of the script that saved it, which nobody else can import; put that code into a "
            "module and give it in code_paths"
        )


def _warn_of_local(found: Iterable[Distribution]) -> None:
    local = [f"{one.name} {one.version} ({one.source_folder})" for one in found if one.source_folder is not None]
    if local:
        _log.warning(
            "the model requires what was installed from this machine's disk: %s; it is pinned by its version, which an "
            "index has to have; code_paths saves the code with the model instead",
            ", ".join(sorted(local)),
        )


def _version(here: Mapping[str, Distribution], name: str) -> str | None:
    found = here.get(name)
    return None if found is None else found.version


def _build(here: Mapping[str, Distribution]) -> tuple[str, ...]:
    names = ("pip", "setuptools", "wheel")
    return tuple(f"{name}=={here[name].version}" if name in here else name for name in names)
