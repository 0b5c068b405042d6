"""Origin of a run: what its tags say of the program, the commit and the environment that it ran from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from runlake.provenance.background import DIFF_FILE, FILE_TAGS
from runlake.provenance.tags import COMMAND, HOST, PYTHON, SOURCE_NAME, SOURCE_TYPE, USER

_GIT: Final = "mlflow.source.git."


@dataclass(frozen=True)
class Origin:
    """What was recorded; the rest is None.

    Attributes:
        source_name: The program: a path, or the name of a module.
        git_dirty: Whether files differed from the commit.
        patch: Artifact with the differences.
    """

    command: str | None = None
    source_name: str | None = None
    source_type: str | None = None
    user: str | None = None
    host: str | None = None
    python: str | None = None
    git_commit: str | None = None
    git_branch: str | None = None
    git_repository: str | None = None
    git_dirty: bool | None = None
    patch: str | None = None


def origin_of(tags: Mapping[str, str]) -> Origin:
    """Read the origin of a run from its tags."""
    dirty = tags.get(f"{_GIT}dirty")
    return Origin(
        command=tags.get(COMMAND),
        source_name=tags.get(SOURCE_NAME),
        source_type=tags.get(SOURCE_TYPE),
        user=tags.get(USER),
        host=tags.get(HOST),
        python=tags.get(PYTHON),
        git_commit=tags.get(f"{_GIT}commit"),
        git_branch=tags.get(f"{_GIT}branch"),
        git_repository=tags.get(f"{_GIT}repoURL"),
        git_dirty=None if dirty is None else dirty.lower() == "true",
        patch=DIFF_FILE if FILE_TAGS[DIFF_FILE] in tags else None,
    )
