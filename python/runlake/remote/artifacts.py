"""Artifacts of runs and models on a server: files go and come as streams, through a file on this machine if need be."""

from __future__ import annotations

import builtins
import contextlib
import os
import tempfile
import threading
from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, cast

from runlake.artifacts import Artifacts, Contents, paths
from runlake.artifacts.folder import require_regular
from runlake.artifacts.source import walk_source
from runlake.entities import FileInfo, LoggedModel, Run
from runlake.errors import InvalidInput, NoSuchFile, NotFound

if TYPE_CHECKING:
    from runlake.remote.store import RemoteStore

_PROXY: Final = "/api/2.0/mlflow-artifacts/artifacts"
_locks: dict[tuple[str, str], threading.RLock] = {}


class RemoteArtifacts(Contents):
    """The artifacts of one run or one logged model of one server.

    Names are checked before anything is sent, and those that a server sends before anything is written.

    Args:
        owner: Whose they are, for messages.
        place: Where they are at the server's proxy.
    """

    def __init__(self, store: RemoteStore, owner: str, place: str, uri: str) -> None:
        self._store = store
        self._owner = owner
        self._folder = f"{_PROXY}/{place}/artifacts"
        self._uri = uri

    @abstractmethod
    def _settle(self) -> None:
        """Wait until the server has what it must have before artifacts of the owner are asked for."""

    def uri(self, artifact_path: str | None = None) -> str:
        """Give the URI of an artifact, which MLflow's functions understand while this server is the one in force."""
        return "/".join([self._uri, *paths.components(artifact_path)])

    # -- writing

    @contextlib.contextmanager
    def create(self, artifact_file: str) -> Iterator[BinaryIO]:
        """Open a file that is sent when the block ends."""
        target = self._target(artifact_file)
        with tempfile.TemporaryFile() as file:
            content = cast("BinaryIO", file)
            yield content
            self._send(content, target)

    def log_dir(self, local_dir: str | os.PathLike[str], artifact_path: str | None = None) -> None:
        """Send what is in a local folder, with the folders below it; empty folders are not made."""
        into = paths.join(artifact_path)
        entries = [
            (entry, paths.join(into, entry.path)) for entry in walk_source(os.path.abspath(local_dir), leave=None)
        ]
        for entry, target in entries:
            if not entry.is_dir:
                self._copy_in(entry.local_path, target)

    @contextlib.contextmanager
    def locked(self, artifact_file: str, *, timeout_s: float = 10.0) -> Iterator[None]:
        """Hold a file against other threads of this process; other clients of the server are not kept out."""
        lock = _locks.setdefault((self._folder, artifact_file), threading.RLock())
        if not lock.acquire(timeout=timeout_s):
            raise InvalidInput(f"another thread has been writing {artifact_file!r} for {timeout_s:g} s")
        try:
            yield
        finally:
            lock.release()

    def sync(self) -> None:
        """Return at once: the server syncs what it has answered for."""

    def _copy_in(self, local: str, artifact_file: str) -> None:
        target = self._target(artifact_file)
        try:
            source = os.open(local, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NoSuchFile(f"there is no file {local!r} to log") from None
        with os.fdopen(source, "rb") as file:
            require_regular(source, f"the file to log, {local!r},")
            self._send(file, target)

    def _send(self, file: BinaryIO, target: str) -> None:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        self._settle()
        self._store.connection.send(
            "PUT", target, file, kind="application/octet-stream", headers={"Content-Length": str(size)}
        )

    # -- reading

    @contextlib.contextmanager
    def open(self, artifact_file: str) -> Iterator[BinaryIO]:
        """Fetch a file and open the copy, which is gone when the block ends."""
        with tempfile.TemporaryFile() as file:
            self._fetch(artifact_file, cast("BinaryIO", file))
            file.seek(0)
            yield cast("BinaryIO", file)

    def download(self, artifact_path: str | None = None, dst_path: str | os.PathLike[str] | None = None) -> str:
        """Fetch a file or folder into the folder `dst_path`, or a new temporary one, and give the copy's path."""
        names = paths.components(artifact_path)
        path = "/".join(names)
        kind = self.kind(path) if names else "folder"
        if kind is None:
            raise NotFound(f"there is no artifact {path!r} of {self._owner}")
        target = Artifacts(tempfile.mkdtemp(prefix="runlake-") if dst_path is None else dst_path)
        if kind == "file":
            self._download_file(path, target, names[-1])
        else:
            self._download_folder(path, target, "/".join(names[-1:]))
        return os.path.join(target.root, *names[-1:])

    def _download_folder(self, path: str, target: Artifacts, into: str) -> None:
        os.makedirs(target.uri(into), exist_ok=True)
        for info in self.list(path):
            copy = paths.join(into, os.path.basename(info.path))
            if info.is_dir:
                self._download_folder(info.path, target, copy)
            else:
                self._download_file(info.path, target, copy)

    def _download_file(self, path: str, target: Artifacts, into: str) -> None:
        with target.create(into) as file:
            self._fetch(path, file)

    def _fetch(self, artifact_file: str, into: BinaryIO) -> None:
        self._settle()
        with self._store.connection.open("GET", self._target(artifact_file)) as answer:
            for piece in answer.pieces():
                into.write(piece)

    # -- within

    def _target(self, artifact_file: str) -> str:
        return "/".join([self._folder, *paths.file_components(artifact_file)])


class RunArtifacts(RemoteArtifacts):
    """The artifacts of a run."""

    def __init__(self, store: RemoteStore, run: Run) -> None:
        self._run_id = run.info.run_id
        place = f"{run.info.experiment_id}/{self._run_id}"
        super().__init__(store, f"run {self._run_id}", place, str(run.info.artifact_uri))

    def remove(self, artifact_path: str | None = None) -> None:
        """Remove a file, or a folder with all that is in it; without a path, everything."""
        self._call("remove_artifacts", artifact_path, repeatable=False)

    def list(self, artifact_path: str | None = None) -> builtins.list[FileInfo]:
        """List the files and folders directly below a folder, sorted by path."""
        found: builtins.list[FileInfo] = self._call("list_artifacts", artifact_path)
        return found

    def kind(self, artifact_path: str) -> Literal["file", "folder"] | None:
        """Tell what an artifact is; None when nothing is there."""
        found: Literal["file", "folder"] | None = self._call("artifact_kind", artifact_path)
        return found

    def _settle(self) -> None:
        self._store.settle(self._run_id)

    def _call(self, name: str, artifact_path: str | None, *, repeatable: bool = True) -> Any:
        path = "/".join(paths.components(artifact_path))
        self._settle()
        return self._store.call(name, {"run_id": self._run_id, "path": path}, repeatable=repeatable)


class ModelArtifacts(RemoteArtifacts):
    """The artifacts of a logged model, which has all of them when it is READY."""

    def __init__(self, store: RemoteStore, model: LoggedModel) -> None:
        self._model_id = model.model_id
        place = f"{model.experiment_id}/models/{model.model_id}"
        super().__init__(store, f"model {model.model_id}", place, model.artifact_location)

    def remove(self, artifact_path: str | None = None) -> None:
        """Remove a file, or a folder with all that is in it; without a path, everything."""
        names = paths.components(artifact_path)
        if not names:
            for info in self.list():
                self.remove(info.path)
            return
        self._store.connection.send("DELETE", "/".join([self._folder, *names]), repeatable=False)

    def list(self, artifact_path: str | None = None) -> builtins.list[FileInfo]:
        """List the files and folders directly below a folder, sorted by path."""
        query = {"artifact_directory_path": "/".join(paths.components(artifact_path))}
        said = self._store.send_mlflow("GET", f"logged-models/{self._model_id}/artifacts/directories", query=query)
        found = [
            FileInfo(file["path"], bool(file.get("is_dir")), None if file.get("is_dir") else int(file["file_size"]))
            for file in said.get("files", ())
        ]
        return sorted(found, key=lambda info: info.path)

    def kind(self, artifact_path: str) -> Literal["file", "folder"] | None:
        """Tell what an artifact is; None when nothing is there."""
        names = paths.components(artifact_path)
        path = "/".join(names)
        found = next((info for info in self.list("/".join(names[:-1])) if info.path == path), None)
        return None if found is None else "folder" if found.is_dir else "file"

    def _settle(self) -> None:
        """Return at once: a model's files are sent to the server as they are logged."""
