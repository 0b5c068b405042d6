"""Sending hooks: moments at which a store that is sent to a server (`runlake.replication`) does more than others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runlake.entities import Run


class SendingHooks:
    """What a store does that stays where it is."""

    def artifact_uri(self, run: Run) -> str | None:
        """Return by which name a script finds the artifacts of a run, now and later."""
        return run.info.artifact_uri

    def note_files(self, run_id: str) -> None:
        """Take note that an artifact of a run was written."""

    def bring_file(self, run: Run, artifact_file: str) -> None:
        """Have an artifact of a run here before something is added to it."""

    def after_end(self, run_id: str) -> None:
        """Do what is to be done when this process has left a run, and may take its time."""
