"""Verification: does a model still work in the environment that it says it needs, made anew?"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from runlake.errors import RunlakeError
from runlake.location import resolved
from runlake.models import environment_files, rebuilding, running
from runlake.models.differences import against
from runlake.models.environment import Environment
from runlake.models.rebuilding import Rebuilt
from runlake.remote.address import is_address

Progress = Callable[[str], None]

_RESULT_FILE: Final = "runlake-result.json"


class State(StrEnum):
    """What came of a check."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What.
        state: What came of it.
        says: In words.
    """

    name: str
    state: State
    says: str


@dataclass(frozen=True)
class Verification:
    """What came of it all.

    Attributes:
        folder: The model's, on this machine.
        checks: In the order they were made; one that fails may leave the later ones skipped.
        venv: The environment, if it was kept.
    """

    folder: Path
    checks: tuple[Check, ...]
    venv: Path | None = None

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not any(check.state is State.FAILED for check in self.checks)


def verify(
    model_uri: str | os.PathLike[str],
    *,
    python: str | None = None,
    keep: bool = False,
    trust_pickle: bool = False,
    progress: Progress | None = None,
) -> Verification:
    """Rebuild the environment of a model in a virtual environment and run the model's example there.

    This installs and runs what the model says, as loading it would: do it to models of people you trust.

    Args:
        model_uri: A folder, or a URI of a run, a logged model or a registered version.
        python: The interpreter to build with; default is one of the minor version that the model was saved with.
        keep: Whether the environment stays.
        trust_pickle: Whether pickles in the model may be loaded.
        progress: Told in a sentence what is done next.

    Raises:
        NotFound: there is no such model.
        NoSuchFile: there is no such interpreter.
    """
    named = None if python is None else rebuilding.interpreter(python)
    place = Path(tempfile.mkdtemp(prefix="runlake-verify-"))
    try:
        folder = _located(model_uri, place)
        examination = _Examination(folder, place, progress or (lambda _: None))
        examination.run(named, trust_pickle)
    finally:
        if not keep:
            shutil.rmtree(place, ignore_errors=True)
    kept = place / "venv" if keep and (place / "venv").exists() else None
    return Verification(folder, tuple(examination.checks), kept)


def _located(model_uri: str | os.PathLike[str], place: Path) -> Path:
    """Return the folder of a model; what a server sends goes where it is removed in the end."""
    from runlake.models.locating import locate

    return locate(model_uri, place if is_address(resolved()) else None).absolute()


class _Examination:
    def __init__(self, folder: Path, place: Path, progress: Progress) -> None:
        self.checks: list[Check] = []
        self._folder = folder
        self._place = place
        self._progress = progress

    def run(self, python: str | None, trust_pickle: bool) -> None:
        """Check one thing after the other; where one fails that the others need, they are skipped."""
        steps = self._steps(python, trust_pickle)
        try:
            for check in steps:
                self.checks.append(check)
        except RunlakeError as error:
            self.checks.append(Check(_NAMES[len(self.checks)], State.FAILED, _in_one_line(str(error))))
        self.checks += [Check(name, State.SKIPPED, "it takes what failed") for name in _NAMES[len(self.checks) :]]

    def _steps(self, python: str | None, trust_pickle: bool) -> Iterator[Check]:
        environment = Environment.read(self._folder)
        yield self._files(environment)
        self._progress("making the environment")
        built = rebuilding.make_venv(self._place / "venv", python or rebuilding.python_for(environment.python))
        yield _python(environment, built, is_given=python is not None)
        self._progress(f"installing {len(environment.requirements)} requirements")
        rebuilding.install(built, environment, self._folder)
        yield Check("install", State.OK, f"pip installed {len(built.installed())} distributions")
        yield _versions(environment, built)
        self._progress("running the model")
        yield from _run(self._result(built, trust_pickle))

    def _files(self, environment: Environment) -> Check:
        recorded = environment_files.lock_hash(self._folder)
        if recorded is not None and recorded != environment.lock_hash:
            said = f"requirements.txt comes to {environment.lock_hash}, the manifest has {recorded}"
            return Check("files", State.FAILED, f"the requirements were changed after the model was saved: {said}")
        free = ", ".join(environment.unpinned)
        pinned = f"not pinned: {free}" if free else "every one of them to a version"
        return Check("files", State.OK, f"{len(environment.requirements)} requirements, {pinned}")

    def _result(self, built: Rebuilt, trust_pickle: bool) -> dict[str, Any]:
        result = self._place / _RESULT_FILE
        options = [running.TRUST_PICKLE] if trust_pickle else []
        command = [str(built.python), "-I", "-B", "-m", running.__name__, str(self._folder), str(result), *options]
        rebuilding.called(command, "the interpreter that ran the model broke off", folder=self._place)
        found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        return found


_NAMES: Final = ("files", "python", "install", "versions", "load", "example")


def _python(environment: Environment, built: Rebuilt, *, is_given: bool) -> Check:
    same = environment.python.split(".")[:2] == built.version.split(".")[:2]
    if same or is_given:
        return Check("python", State.OK, f"Python {built.version}; the model was saved with {environment.python}")
    return Check(
        "python",
        State.FAILED,
        f"the model was saved with Python {environment.python}, and only {built.version} was found; --python names one",
    )


def _versions(environment: Environment, built: Rebuilt) -> Check:
    there = against(environment, built.installed())
    if there:
        said = ", ".join(f"{one.name} {one.recorded} (it has {one.found or 'none'})" for one in there)
        return Check("versions", State.FAILED, f"other versions were installed than are pinned: {said}")
    return Check("versions", State.OK, "what is installed is what is pinned")


def _run(result: dict[str, Any]) -> Iterator[Check]:
    done, failed = result["done"], _in_one_line(result["failed"] or "")
    if "load" not in done:
        yield Check("load", State.FAILED, f"the model cannot be loaded: {failed}")
        return
    yield Check("load", State.OK, "the recorded loader loaded the model")
    if failed:
        yield Check("example", State.FAILED, f"the model fails on its example: {failed}")
    elif result["has_example"]:
        yield Check("example", State.OK, "the model predicted on its example")
    else:
        yield Check("example", State.SKIPPED, running.NO_EXAMPLE)


def _in_one_line(text: str) -> str:
    return "; ".join(line.strip() for line in text.splitlines() if line.strip())
