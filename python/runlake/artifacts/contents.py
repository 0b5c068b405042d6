"""Contents: what is written to and read from the artifacts of a run as a whole, wherever they are kept.

Texts, documents and bytes come down to `create` and `open`, which a folder and a server do each in its own way.
"""

from __future__ import annotations

import builtins
import hashlib
import os
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, Literal

from runlake.artifacts import paths
from runlake.artifacts.documents import parse_document, render_document
from runlake.entities import FileInfo
from runlake.errors import InvalidInput, InvalidType

_STREAM_BYTES = 1 << 20


class Contents(ABC):
    """The artifacts of one run. Paths in them are those of the module `paths`."""

    @abstractmethod
    def uri(self, artifact_path: str | None = None) -> str:
        """Give the name of an artifact, whether it exists or not, by which MLflow's functions find it."""

    @abstractmethod
    def create(self, artifact_file: str) -> AbstractContextManager[BinaryIO]:
        """Open a file that takes its name when the block ends; an exception inside leaves nothing behind."""

    @abstractmethod
    def open(self, artifact_file: str) -> AbstractContextManager[BinaryIO]:
        """Open a file for reading bytes."""

    @abstractmethod
    def list(self, artifact_path: str | None = None) -> builtins.list[FileInfo]:
        """List the files and folders directly below a folder, sorted by path."""

    @abstractmethod
    def kind(self, artifact_path: str) -> Literal["file", "folder"] | None:
        """Tell what an artifact is; None when nothing is there."""

    @abstractmethod
    def remove(self, artifact_path: str | None = None) -> None:
        """Remove a file, or a folder with all that is in it; without a path, everything."""

    @abstractmethod
    def download(self, artifact_path: str | None = None, dst_path: str | os.PathLike[str] | None = None) -> str:
        """Give a local path of a file or folder, which is a copy in `dst_path` if that is given."""

    @abstractmethod
    def log_dir(self, local_dir: str | os.PathLike[str], artifact_path: str | None = None) -> None:
        """Copy what is in a local folder, with the folders below it, into the artifact folder `artifact_path`."""

    @abstractmethod
    def locked(self, artifact_file: str, *, timeout_s: float = 10.0) -> AbstractContextManager[None]:
        """Hold the folder of a file against others who use `locked`."""

    @abstractmethod
    def sync(self) -> None:
        """Return when every file that was written through this object is on disk."""

    @abstractmethod
    def _copy_in(self, local: str, artifact_file: str) -> None:
        """Copy a local file."""

    def write_bytes(self, data: bytes, artifact_file: str) -> None:
        """Write bytes to a file."""
        with self.create(artifact_file) as file:
            file.write(data)

    def write_text(self, text: str, artifact_file: str) -> None:
        """Write text to a file, as UTF-8.

        Raises:
            InvalidType: it is no text.
            InvalidInput: the text has half a surrogate pair, which UTF-8 cannot hold.
        """
        if not isinstance(text, str):
            raise InvalidType(f"the text for {artifact_file!r} is a {type(text).__name__}, not a string")
        try:
            data = text.encode()
        except UnicodeEncodeError as error:
            raise InvalidInput(f"the text for {artifact_file!r} cannot be written as UTF-8: {error.reason}") from error
        self.write_bytes(data, artifact_file)

    def write_dict(self, dictionary: Any, artifact_file: str) -> None:
        """Write a dictionary (or list) as YAML if the name ends in `.yml` or `.yaml`, else as JSON.

        Objects that JSON does not know are written as their `str()`.

        Raises:
            MissingExtra: the name asks for YAML and PyYAML is not installed.
        """
        self.write_bytes(render_document(dictionary, artifact_file).encode(), artifact_file)

    def write_stream(self, stream: BinaryIO, artifact_file: str) -> None:
        """Write what is left in a binary stream to a file, a megabyte at a time.

        Raises:
            InvalidType: it is no stream, or a stream of text.
        """
        if not callable(getattr(stream, "read", None)):
            raise InvalidType(f"the content of {artifact_file!r} is a {type(stream).__name__}, not a binary stream")
        with self.create(artifact_file) as file:
            while chunk := stream.read(_STREAM_BYTES):
                file.write(chunk)

    def log_file(self, local_path: str | os.PathLike[str], artifact_path: str | None = None) -> None:
        """Copy a file, under its own name, into the artifact folder `artifact_path`.

        A local folder is copied with its name, as `log_dir` would. A symbolic link is copied as the file it leads to.
        The copy has default permissions and the time of the copy.

        Raises:
            NoSuchFile: there is no such local file.
            InvalidInput: the target path is not legal, or the local file is a pipe or a device.
        """
        local = os.path.abspath(local_path)
        target = paths.join(artifact_path, _own_name(local))
        if os.path.isdir(local):
            self.log_dir(local, target)
        else:
            self._copy_in(local, target)

    def read_bytes(self, artifact_file: str) -> bytes:
        """Read a whole file."""
        with self.open(artifact_file) as file:
            return file.read()

    def sha256(self, artifact_file: str) -> str:
        """Return the SHA-256 of a file, in hexadecimal digits."""
        digest = hashlib.sha256()
        with self.open(artifact_file) as file:
            while piece := file.read(_STREAM_BYTES):
                digest.update(piece)
        return digest.hexdigest()

    def load_text(self, artifact_file: str) -> str:
        """Read a file of UTF-8 text.

        Raises:
            InvalidInput: the bytes are not UTF-8.
        """
        try:
            return self.read_bytes(artifact_file).decode()
        except UnicodeDecodeError as error:
            raise InvalidInput(
                f"artifact {artifact_file!r} is not UTF-8 text (byte {error.start})",
                hint="download it and open it with its own encoding",
            ) from error

    def load_dict(self, artifact_file: str) -> Any:
        """Read a YAML file (`.yml`, `.yaml`) or a JSON file (any other name).

        Raises:
            InvalidInput: the file does not parse.
            MissingExtra: it is YAML and PyYAML is not installed.
        """
        return parse_document(self.load_text(artifact_file), artifact_file)

    def exists(self, artifact_path: str) -> bool:
        """Tell whether an artifact file or folder exists."""
        return self.kind(artifact_path) is not None


def _own_name(local: str) -> str:
    name = os.path.basename(local)
    if not name:
        raise InvalidInput(f"{local!r} has no name of its own to be logged under; use log_artifacts and a folder")
    return name
