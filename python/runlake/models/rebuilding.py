"""Rebuilding: a virtual environment with what a model requires, made by the standard library's venv and pip.

pip is that of the running interpreter where there is one that can install into another (22.3 and later), else one that
venv brings. It is configured as the user has it: index, credentials, proxies, PIP_CONSTRAINT, wheels in a folder.

runlake itself, in the version that runs, is not fetched: the very package that runs is linked in, and pip is told what
it requires. So what is verified is what is used, editable installs included, and no index needs to have it. Another
version is a requirement like any other.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Final

import runlake
from runlake import config
from runlake.errors import NoSuchFile, RunlakeError
from runlake.models.distributions import Distribution, installed
from runlake.models.environment import Environment
from runlake.models.environment_files import REQUIREMENTS_FILE
from runlake.models.requirements import CONSTRAINTS_FILE, CONSTRAINTS_LINE, name_of, requirement_of

_OLDEST_PIP: Final = (22, 3)
_OLDEST_PYTHON: Final = (3, 11)
_LINES_SAID: Final = 6
_TELLING: Final = re.compile(r"^ERROR(?!.*for help visit)|The user requested|\bdepends on\b")
_MINOR: Final = re.compile(r"3\.[0-9]{1,3}")


class RebuildFailed(RunlakeError):
    """An environment could not be made; the message ends with what the tool that failed said."""

    default_code = "INVALID_STATE"


@dataclass(frozen=True)
class Rebuilt:
    """A virtual environment.

    Attributes:
        folder: Where it is.
        python: Its interpreter.
        version: The version of Python in it, in full.
    """

    folder: Path
    python: Path
    version: str

    def installed(self) -> dict[str, Distribution]:
        """Return what is installed in it."""
        return installed(map(str, self.folder.glob("lib/python*/site-packages")))


def interpreter(name: str) -> str:
    """Return the path of a Python interpreter that a user names.

    Raises:
        NoSuchFile: it is not there.
    """
    if (found := shutil.which(name)) is None:
        raise NoSuchFile(f"there is no Python interpreter {name!r}")
    return found


def python_for(recorded: str) -> str:
    """Return an interpreter of the minor version that a model was saved with.

    That is the running one, or `python3.x` of the PATH; where there is none, the running one after all.
    """
    minor = ".".join(recorded.split(".")[:2])
    if minor == f"{sys.version_info.major}.{sys.version_info.minor}" or not _MINOR.fullmatch(minor):
        return sys.executable
    found = shutil.which(f"python{minor}")
    return found if found is not None and version_of(found).startswith(f"{minor}.") else sys.executable


def version_of(python: str) -> str:
    """Return the version of an interpreter; empty when it does not start, as pyenv's stand-ins do."""
    said = subprocess.run(
        [python, "-I", "-c", "import platform; print(platform.python_version())"],
        capture_output=True,
        text=True,
        check=False,
    )
    return said.stdout.strip() if said.returncode == 0 else ""


def make_venv(folder: Path, python: str) -> Rebuilt:
    """Make an empty virtual environment.

    Raises:
        RebuildFailed: the interpreter has no venv, or is older than runlake can do with.
    """
    version = version_of(python)
    if not version or tuple(map(int, version.split(".")[:2])) < _OLDEST_PYTHON:
        said = f"Python {version}" if version else "no Python that starts"
        raise RebuildFailed(f"{python} is {said}, and runlake needs 3.11 or later", hint="--python names another")
    without = ["--without-pip"] if _has_pip() else []
    called([python, "-I", "-m", "venv", *without, str(folder)], "the environment was not made")
    return Rebuilt(folder, folder / "bin" / "python", version)


def install(built: Rebuilt, environment: Environment, model: Path) -> None:
    """Install what a model requires, with pip, and runlake.

    Args:
        model: The model's folder; paths in requirements are relative to it.

    Raises:
        RebuildFailed: pip cannot install it.
    """
    lines, links = _for_pip(environment)
    files = ["-r", _written(built.folder / REQUIREMENTS_FILE, lines)]
    if environment.constraints:
        files += ["-c", _written(built.folder / CONSTRAINTS_FILE, environment.constraints)]
    # -P: the model's folder is no place to import from
    pip = [sys.executable, "-P", "-m", "pip", "--python", str(built.python)]
    pip = pip if _has_pip() else [str(built.python), "-P", "-m", "pip"]
    command = [*pip, "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off", *files]
    called(command, "pip cannot install what the model requires", folder=model)
    if links:
        _link_runlake(built)


def _written(file: Path, lines: Iterable[str]) -> str:
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(file)


def _for_pip(environment: Environment) -> tuple[list[str], bool]:
    """Return the lines to install, and whether the running runlake is to be linked in."""
    lines, own = [], None
    for line in environment.requirements:
        if line == CONSTRAINTS_LINE:
            continue
        if name_of(line) == "runlake":
            own = line
        else:
            lines.append(line)
    required = None if own is None else requirement_of(own)
    if own is not None and (required is None or not required.specifier.contains(runlake.__version__, prereleases=True)):
        return [*lines, own], False
    return [*lines, *_required_by_runlake(required.extras if required is not None else ())], True


def _required_by_runlake(extras: Iterable[str]) -> Iterator[str]:
    for line in metadata.requires("runlake") or ():
        found = requirement_of(line)
        if found is None:
            continue
        marker, found.marker = found.marker, None
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield str(found)


def _link_runlake(built: Rebuilt) -> None:
    package = Path(runlake.__file__).resolve().parent
    for folder in built.folder.glob("lib/python*/site-packages"):
        if not (folder / package.name).exists():
            (folder / package.name).symlink_to(package)
        described = installed().get("runlake")
        if described is not None and not (folder / described.folder.name).exists():
            shutil.copytree(described.folder, folder / described.folder.name)


def _has_pip() -> bool:
    found = installed().get("pip")
    if found is None or util.find_spec("pip") is None:
        return False
    numbers = [int(part) for part in found.version.split(".")[:2] if part.isdigit()]
    return tuple(numbers) >= _OLDEST_PIP


def called(command: Sequence[str], failure: str, *, folder: Path | None = None) -> None:
    """Run a program to its end; the last of what it says is shown when it fails.

    Raises:
        RebuildFailed: it did.
    """
    # Modules on PYTHONPATH would be taken for installed ones; and why it fails, a quiet pip does not say.
    environment = config.environment_without("PYTHONPATH", "PYTHONHOME", "PIP_QUIET")
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    if done.returncode != 0:
        said = _reasons(done.stdout, done.stderr) or f"exit status {done.returncode}"
        raise RebuildFailed(f"{failure}: {said}")


def _reasons(out: str, err: str) -> str:
    """Return the lines that say why: pip's errors, and which requirements are in each other's way; else the last."""
    lines = [line.strip() for line in (*out.splitlines(), *err.splitlines()) if line.strip()]
    telling = [line for line in lines if _TELLING.search(line) and "Ignored the following" not in line]
    return " / ".join((telling or lines)[-_LINES_SAID:])
