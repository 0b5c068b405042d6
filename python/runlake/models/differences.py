"""Differences: what is installed here in another version than a model was saved with, or not at all."""

from __future__ import annotations

import logging
import os
import platform
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runlake.errors import Corrupt, NotFound
from runlake.models.distributions import Distribution, installed
from runlake.models.environment import Environment
from runlake.models.environment_files import REQUIREMENTS_FILE
from runlake.models.requirements import name_of, pin_of, requirement_of

_log = logging.getLogger("runlake")

_MOST_NAMED: Final = 4
_TRACKERS: Final = frozenset({"runlake", "mlflow", "mlflow-skinny", "mlflow-tracing"})
"""What a model is loaded with; every version reads what earlier ones wrote, and ours does without MLflow."""


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was.

    Attributes:
        name: Of the distribution in its normal form, or `Python`.
        recorded: What the model was saved with: a version, or a range where the user gave one.
        found: The version that is here; None when there is none.
    """

    name: str
    recorded: str
    found: str | None

    def __str__(self) -> str:
        here = f"here {self.found}" if self.found is not None else "not installed here"
        return f"{self.name} {self.recorded} ({here})"


def differences(environment: Environment) -> list[Difference]:
    """Return what differs in the running interpreter, Python first, then by name.

    A release of the same minor version of Python is no difference: it reads the same bytecode and takes the same
    wheels. Requirements of other platforms, and those without a version, are left out, and so is runlake itself.
    """
    return [*_python(environment.python), *against(environment, installed())]


def against(environment: Environment, found: Mapping[str, Distribution]) -> list[Difference]:
    """Return which of the installed distributions differ, by name."""
    return list(_distributions(environment.requirements, found))


def warn_of_differences(folder: str | os.PathLike[str]) -> None:
    """Say in one warning how this interpreter differs from what the model in a folder was saved with, and the cure.

    A folder that does not say what it was saved with, or not legibly, is warned of when it is verified.
    """
    try:
        there = differences(Environment.read(folder))
    except (NotFound, Corrupt) as error:
        _log.debug("%s", error)
        return
    if there:
        _log.warning("%s", described(there, Path(folder)))


def described(there: Sequence[Difference], folder: Path) -> str:
    """Return two sentences: what differs, and what to do."""
    more = len(there) - _MOST_NAMED
    named = ", ".join(map(str, there[:_MOST_NAMED])) + (f" and {more} more" if more > 0 else "")
    file = shlex.quote(str(folder / REQUIREMENTS_FILE))
    cure = f"`pip install -r {file}` installs what it was saved with"
    if any(one.name == "Python" for one in there):
        cure = f"{cure}, in an environment of that Python"
    return f"the model was saved in another environment than this: {named}. {cure}"


def _python(recorded: str) -> Iterator[Difference]:
    here = platform.python_version()
    if _minor(recorded) != _minor(here):
        yield Difference("Python", recorded, here)


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]


def _distributions(lines: Sequence[str], found: Mapping[str, Distribution]) -> Iterator[Difference]:
    for line in lines:
        name = None if line.startswith("-") else name_of(line)
        if name is None or name in _TRACKERS:
            continue
        here = found.get(name)
        pinned = pin_of(line)
        if pinned is None:
            yield from _by_specifier(line, name, here)
        elif here is None or not _is_version(pinned[1], here.version):
            yield Difference(name, pinned[1], None if here is None else here.version)


def _by_specifier(line: str, name: str, here: Distribution | None) -> Iterator[Difference]:
    requirement = requirement_of(line)
    if requirement is None or (requirement.marker is not None and not requirement.marker.evaluate()):
        return
    if here is None:
        yield Difference(name, str(requirement.specifier) or "of any version", None)
    elif requirement.url is None and not requirement.specifier.contains(here.version, prereleases=True):
        yield Difference(name, str(requirement.specifier).removeprefix("=="), here.version)


def _is_version(recorded: str, here: str) -> bool:
    """Tell whether a version is the recorded one, as pip sees it: 1.0 is 1.0.0, and 2.1+cpu is 2.1."""
    if recorded == here or recorded == here.partition("+")[0]:
        return True
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(f"=={recorded}").contains(here, prereleases=True)
    except InvalidSpecifier:
        return False
