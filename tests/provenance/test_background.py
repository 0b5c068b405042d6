"""The background part: collected once, never in the way, and never an error."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runlake.provenance import DIFF_FILE, REQUIREMENTS_FILE, Background, Collected
from runlake.provenance import background as module
from tests.provenance.conftest import git

SHOW = """
import json
from runlake.provenance import Background
found = Background.start().result(20)
print(json.dumps([found.tags, {path: data.decode() for path, data in found.files.items()}]))
"""


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_begun", {})


def test_a_script_s_repository_is_found_from_anywhere(repository: Path, python: Callable[..., Any]) -> None:
    (repository / "train.py").write_text(SHOW)
    tags, files = python(str(repository / "train.py"), cwd=Path("/"))
    assert tags["mlflow.source.git.commit"] == git(repository, "rev-parse", "HEAD")
    assert tags["mlflow.source.git.dirty"] == "true"
    assert sorted(files) == [REQUIREMENTS_FILE, DIFF_FILE]
    assert "+from runlake.provenance import Background" in files[DIFF_FILE]
    assert "pytest==" in files[REQUIREMENTS_FILE]


def test_the_working_folder_counts_when_the_script_is_elsewhere(
    repository: Path, tmp_path: Path, python: Callable[..., Any]
) -> None:
    (tmp_path / "script.py").write_text(SHOW)
    ceiling = {"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    tags, files = python(str(tmp_path / "script.py"), cwd=repository, **ceiling)
    assert tags["mlflow.source.git.branch"] == "trunk"
    assert list(files) == [REQUIREMENTS_FILE]


def test_outside_of_a_repository_there_are_packages_alone(tmp_path: Path, python: Callable[..., Any]) -> None:
    for environment in ({"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}, {"PATH": "/nowhere"}):
        tags, files = python("-c", SHOW, **environment)
        assert tags == {}
        assert list(files) == [REQUIREMENTS_FILE]


def test_a_folder_that_was_removed_is_no_error(python: Callable[..., Any], tmp_path: Path) -> None:
    _, files = python("-c", "import os; os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')" + SHOW)
    assert REQUIREMENTS_FILE in files


def test_it_is_collected_once_for_a_folder(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    first = Background.start()
    assert Background.start() is first
    monkeypatch.chdir(tmp_path)
    assert Background.start() is not first
    assert first.result(20) is first.result(0) is not None


def hold(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Let collections wait for an event."""
    go = threading.Event()

    def collect(folders: list[str], deadline: float) -> Collected:
        go.wait(30)
        return Collected(tags={"a": "b"})

    monkeypatch.setattr(module, "_collect", collect)
    return go


def test_nobody_waits_for_what_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    go = hold(monkeypatch)
    start = time.perf_counter()
    job = Background.start()
    assert job.result() is None
    assert job.result(0.001) is None
    assert time.perf_counter() - start < 1
    go.set()
    assert job.result(20) == Collected(tags={"a": "b"})


def test_functions_are_called_once_before_or_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    go = hold(monkeypatch)
    job = Background.start()
    called: list[tuple[str, Collected]] = []
    job.then(lambda found: called.append(("before", found)))
    assert called == []
    go.set()
    found = job.result(20)
    job.then(lambda found: called.append(("after", found)))
    assert called == [("before", found), ("after", found)]


def test_whoever_waits_hears_of_a_collection_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(folders: list[str], deadline: float) -> Collected:
        raise MemoryError

    reported: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", reported.append)
    monkeypatch.setattr(module, "_collect", broken)
    assert Background.start().result(20) == Collected()


def test_a_machine_without_threads_left_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert Background.start().result(0) == Collected()


FORK = """
import json, os, threading
from runlake.provenance import Background, background
go = threading.Event()
original = background._collect
background._collect = lambda folders, deadline: (go.wait(30), original(folders, deadline))[1]
job = Background.start()
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    background._collect = original
    waited = job.result(30) is None       # the parent's thread is not here: this must not wait
    own = Background.start()
    found = own.result(20)
    os.write(writer, json.dumps([waited, own is not job, sorted(found.files)]).encode())
    os._exit(0)
os.waitpid(child, 0)
go.set()
print(json.dumps([json.loads(os.read(reader, 10_000)), sorted(job.result(20).files)]))
"""


def test_a_forked_child_collects_for_itself(python: Callable[..., Any], tmp_path: Path) -> None:
    child, parent = python("-c", FORK, GIT_CEILING_DIRECTORIES=str(tmp_path.parent))
    assert child == [True, True, [REQUIREMENTS_FILE]]
    assert parent == [REQUIREMENTS_FILE]


def test_a_program_that_ends_does_not_wait(repository: Path, tmp_path: Path) -> None:
    """Git hangs, and the interpreter leaves all the same."""
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec /bin/sleep 15\n")
    slow.chmod(0o755)
    start = time.monotonic()
    subprocess.run(
        [sys.executable, "-c", "from runlake.provenance import Background; Background.start()"],
        cwd=repository,
        env={**os.environ, "PATH": str(slow.parent)},
        check=True,
    )
    assert time.monotonic() - start < 10


def test_training_goes_on_beside_it(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that holds the interpreter loses only a few milliseconds to a collection."""
    monkeypatch.chdir(repository)

    def worst_pause(job: Background | None) -> float:
        worst = 0.0
        last = time.perf_counter()
        end = last + 0.3
        while last < end or (job is not None and job.result() is None):
            now = time.perf_counter()
            worst, last = max(worst, now - last), now
        return worst

    worst_pause(None)
    assert worst_pause(Background.start()) < 0.2
