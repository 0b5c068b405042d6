"""Where runs come from: the files that their tags name are there for every run, however long the process lives."""

from pathlib import Path
from typing import Any

import pytest

import runlake
from runlake.fluent import origin
from runlake.provenance import REQUIREMENTS_TAG, Collected
from runlake.store import get_store


def begun_and_ended() -> str:
    with runlake.start_run() as run:
        origin.finish(30)
    return runlake.get_run(run.id).data.tags[REQUIREMENTS_TAG]


def test_a_later_run_has_its_packages_although_those_of_the_first_were_removed(tmp_path: Path) -> None:
    runlake.set_tracking_uri(tmp_path / "lake")
    digest = begun_and_ended()
    shared = get_store(tmp_path / "lake").shared_files
    assert shared.remove(digest, -1), "as when the first run was deleted for good"
    assert begun_and_ended() == digest
    assert shared.get(digest) is not None


class FoundOutLater:
    """A collection that ends when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Any] = []
        self.then = self.waiting.append

    def result(self) -> None:
        return None


def test_a_tag_that_the_script_sets_stays_when_its_origin_is_found_out_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = FoundOutLater()
    monkeypatch.setattr(origin, "_collection", lambda: later)
    runlake.set_tracking_uri(tmp_path / "lake")
    with runlake.start_run() as run:
        runlake.set_tag("mlflow.source.git.commit", "of another repository")
        (told,) = later.waiting
        told(Collected({"mlflow.source.git.commit": "c0ffee", "mlflow.source.git.branch": "main"}))
    tags = runlake.get_run(run.id).data.tags
    assert tags["mlflow.source.git.commit"] == "of another repository"
    assert tags["mlflow.source.git.branch"] == "main"
