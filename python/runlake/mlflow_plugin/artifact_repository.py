"""Artifacts below a `runlake:` URI, as MLflow's package writes, lists and fetches them.

Files take their names when they are whole, paths cannot leave the folder, and what is only read is not copied.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from mlflow.entities import FileInfo
from mlflow.store.artifact.artifact_repo import ArtifactRepository

from runlake.artifacts import Artifacts
from runlake.location import folder_of_uri
from runlake.mlflow_plugin.errors import answered, recorded


class RunlakeArtifactRepository(ArtifactRepository):
    """The files of one folder: those of a run, of an experiment or of a store."""

    def __init__(self, artifact_uri: str) -> None:
        super().__init__(artifact_uri)
        with answered():
            self._files = Artifacts(folder_of_uri(artifact_uri))

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Copy a file into the folder `artifact_path`."""
        with recorded("log_artifact"):
            self._files.log_file(local_file, artifact_path)

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        """Copy what is in a folder into the folder `artifact_path`."""
        with recorded("log_artifacts"):
            self._files.log_dir(local_dir, artifact_path)

    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        """List what is directly in a folder, sorted by path; a file has nothing in it."""
        with answered():
            return [FileInfo(info.path, info.is_dir, info.file_size) for info in self._files.list(path)]

    def get_local_path(self, artifact_path: str) -> str:
        """Return where a file or folder is."""
        with answered():
            return self._files.download(artifact_path)

    def download_artifacts(self, artifact_path: str, dst_path: str | None = None) -> str:
        """Return where a file or folder is, or copy it to the same path below `dst_path` and return where the copy is.

        Raises:
            MlflowException: there is no such artifact.
        """
        found = self.get_local_path(artifact_path)
        if dst_path is None:
            return found
        copy: str = super().download_artifacts(artifact_path, dst_path)
        return copy

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        with answered(), self._files.open(remote_file_path) as file, Path(local_path).open("wb") as copy:
            shutil.copyfileobj(file, copy)

    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        """Remove a file, or a folder with all that is in it; without a path, everything in the folder."""
        with answered():
            self._files.remove(artifact_path)
