"""Where runs come from: the files that their tags name are there for every run, however long the process lives."""

from pathlib import Path

import runlake
from runlake.fluent import origin
from runlake.provenance import REQUIREMENTS_TAG
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
