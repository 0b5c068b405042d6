"""Files of one run: written whole or not at all, read back, listed, downloaded.

A file appears under its name only when it is complete: it is written under a reserved name in the same folder and then
renamed. A call that has returned survives a crash of the process; `Artifacts.sync` makes what was written survive a
power cut as well. Paths are those of `paths`, walked as `folder` says.
"""

from __future__ import annotations

import builtins
import contextlib
import os
import shutil
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from runlake.artifacts import paths
from runlake.artifacts.contents import Contents
from runlake.artifacts.folder import copy_content, entry_mode, lock_folder, opened_file, opened_folder, require_regular
from runlake.artifacts.source import Source, walk_source
from runlake.entities import FileInfo
from runlake.errors import InvalidInput, NoSuchFile, NotFound, StoreError
from runlake.filesystem import sync_folder, sync_names


class Artifacts(Contents):
    """The artifact folder of one run.

    Methods may be called from several threads, and several processes may write below one root; of two that write one
    name, the later rename wins.

    Args:
        root: Folder that holds the artifacts; made when the first file is written. It may be reached through symbolic
            links, but nothing below it may be one.
        on_write: Called, and must not wait, when a file was written.
    """

    def __init__(self, root: str | os.PathLike[str], on_write: Callable[[], object] = bool) -> None:
        self.root = Path(os.path.abspath(root))
        self._on_write = on_write
        self._unsynced: set[tuple[str, ...]] = set()
        self._root_unsynced = False
        self._lock = threading.RLock()

    def uri(self, artifact_path: str | None = None) -> str:
        """Give the absolute path of an artifact, whether it exists or not; without a path, of the root."""
        return os.path.join(self.root, *paths.components(artifact_path))

    # Writing

    @contextlib.contextmanager
    def create(self, artifact_file: str) -> Iterator[BinaryIO]:
        """Open a file that takes its name when the block ends; an exception inside leaves nothing behind.

        The file can be read and sought while it is written. An artifact that has the name already is replaced.

        Raises:
            InvalidInput: the path is not legal, names a folder or leads through a symbolic link.
        """
        names = paths.file_components(artifact_file)
        with self._made_folder(names[:-1]) as folder:
            _require_replaceable(folder, names)
            unfinished = f"{paths.RESERVED_PREFIX}{os.urandom(8).hex()}"
            descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666, dir_fd=folder)
            try:
                with open(descriptor, "w+b") as file:
                    yield file
                _rename(folder, unfinished, names)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(unfinished, dir_fd=folder)
                raise
        with self._lock:
            self._unsynced.add(names)
        self._on_write()

    def log_dir(self, local_dir: str | os.PathLike[str], artifact_path: str | None = None) -> None:
        """Copy what is in a local folder, with the folders below it, into the artifact folder `artifact_path`.

        Every name is checked before the first file is copied. What is followed and what is left out: `walk_source`.

        Raises:
            NoSuchFile: there is no such local folder.
            InvalidInput: the target path, or the name of a file, is not legal.
        """
        into = paths.join(artifact_path)
        entries = [
            (entry, paths.join(into, entry.path)) for entry in walk_source(os.path.abspath(local_dir), leave=self.root)
        ]
        for entry, target in entries:
            self._take(entry, target)

    def _take(self, entry: Source, target: str) -> None:
        if entry.is_dir:
            with self._made_folder(paths.components(target)):
                return
        self._copy_in(entry.local_path, target)

    def _copy_in(self, local: str, artifact_file: str) -> None:
        try:
            source = os.open(local, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NoSuchFile(f"there is no file {local!r} to log") from None
        try:
            require_regular(source, f"the file to log, {local!r},")
            with self.create(artifact_file) as file:
                copy_content(source, file.fileno())
        finally:
            os.close(source)

    def sync(self) -> None:
        """Return when every file that was written through this object is on disk, with the folders that name it.

        Raises:
            StoreError: the disk failed; the files count as not synced still.
        """
        with self._lock:
            waiting, self._unsynced = self._unsynced, set()
            above, self._root_unsynced = self._root_unsynced, False
        try:
            self._sync(waiting)
            if above:
                self._sync_above_root()
        except OSError as error:
            with self._lock:
                self._unsynced |= waiting
                self._root_unsynced |= above
            raise StoreError(f"artifacts in {self.root} could not be synced: {error}") from error

    def _sync(self, waiting: set[tuple[str, ...]]) -> None:
        folders: set[tuple[str, ...]] = set()
        for names in waiting:
            with contextlib.suppress(NotFound), opened_file(self.root, names) as file:
                os.fsync(file)
                folders.update(names[:depth] for depth in range(len(names)))
        for names in sorted(folders):
            with contextlib.suppress(NotFound), opened_folder(self.root, names, create=False) as folder:
                sync_names(folder)

    def _sync_above_root(self) -> None:
        """Sync the folders that lead to the root, on its disk: others may have made some of them a moment ago."""
        try:
            disk = self.root.stat().st_dev
        except FileNotFoundError:  # it was removed with all that was in it: a server has that now
            return
        for folder in self.root.parents:
            if folder.stat().st_dev != disk:
                break
            with contextlib.suppress(PermissionError):  # whose it is, nobody here has made anything in it
                sync_folder(folder)

    def _made_folder(self, names: tuple[str, ...]) -> contextlib.AbstractContextManager[int]:
        """Open a folder, which is made with those above it where it is missing."""
        self._root_unsynced = self._root_unsynced or not self.root.exists()
        return opened_folder(self.root, names, create=True)

    @contextlib.contextmanager
    def locked(self, artifact_file: str, *, timeout_s: float = 10.0) -> Iterator[None]:
        """Hold the folder of a file against others who use `locked`, in any process on this host.

        Raises:
            StoreUnavailable: somebody else held it for `timeout_s` seconds.
        """
        names = paths.file_components(artifact_file)
        with self._made_folder(names[:-1]) as folder:
            lock_folder(folder, timeout_s, self.uri("/".join(names[:-1])))
            yield

    def remove(self, artifact_path: str | None = None) -> None:
        """Remove a file, or a folder with all that is in it; without a path, everything below the root.

        Raises:
            NotFound: there is no such artifact.
            InvalidInput: the path is not legal or leads through a symbolic link.
        """
        names = paths.components(artifact_path)
        if not names:
            for info in self.list():
                self.remove(info.path)
            return
        mode = self._mode(names)
        if mode is None:
            raise NotFound(f"there is no artifact {'/'.join(names)!r} below {str(self.root)!r}")
        with opened_folder(self.root, names[:-1], create=False) as folder:
            if stat.S_ISDIR(mode):
                shutil.rmtree(names[-1], dir_fd=folder)
            else:
                os.unlink(names[-1], dir_fd=folder)

    # Reading

    @contextlib.contextmanager
    def open(self, artifact_file: str) -> Iterator[BinaryIO]:
        """Open a file for reading bytes.

        Raises:
            NotFound: there is no such artifact.
            InvalidInput: the path is not legal, names a folder or leads through a symbolic link.
        """
        with (
            opened_file(self.root, paths.file_components(artifact_file)) as descriptor,
            open(descriptor, "rb", closefd=False) as file,
        ):
            yield file

    def kind(self, artifact_path: str) -> Literal["file", "folder"] | None:
        """Tell what an artifact is; None when nothing is there."""
        mode = self._mode(paths.components(artifact_path))
        return None if mode is None else "folder" if stat.S_ISDIR(mode) else "file"

    def download(self, artifact_path: str | None = None, dst_path: str | os.PathLike[str] | None = None) -> str:
        """Give the local path of a file or folder, or copy it into the folder `dst_path` and give the copy's path.

        A copied file or folder keeps its own name below `dst_path`, which is made if need be; the contents of the root
        go directly into it.

        Raises:
            NotFound: there is no such artifact.
        """
        names = paths.components(artifact_path)
        mode = self._mode(names)
        if mode is None:
            raise NotFound(f"there is no artifact {'/'.join(names)!r} below {str(self.root)!r}")
        if dst_path is None:
            return os.path.join(self.root, *names)
        target = Artifacts(dst_path)
        if stat.S_ISDIR(mode):
            self._download_folder("/".join(names), target, "/".join(names[-1:]))
        else:
            self._download_file("/".join(names), target, names[-1])
        return os.path.join(target.root, *names[-1:])

    def _download_folder(self, artifact_path: str, target: Artifacts, into: str) -> None:
        with opened_folder(target.root, paths.components(into), create=True):
            pass
        for info in self.list(artifact_path):
            copy = paths.join(into, os.path.basename(info.path))
            if info.is_dir:
                self._download_folder(info.path, target, copy)
            else:
                self._download_file(info.path, target, copy)

    def _download_file(self, artifact_path: str, target: Artifacts, into: str) -> None:
        with self.open(artifact_path) as file, target.create(into) as copy:
            copy_content(file.fileno(), copy.fileno())

    def _mode(self, names: tuple[str, ...]) -> int | None:
        """Give the mode of a file or folder, None when nothing is there; a symbolic link is refused."""
        try:
            with opened_folder(self.root, names[:-1], create=False) as folder:
                mode = entry_mode(folder, names[-1] if names else ".")
        except NotFound:
            return None
        if mode is not None and stat.S_ISLNK(mode):
            raise InvalidInput(
                f"artifact path {'/'.join(names)!r} is a symbolic link; links below an artifact root are not followed"
            )
        return mode

    def list(self, artifact_path: str | None = None) -> builtins.list[FileInfo]:
        """List the files and folders directly below a folder, sorted by path.

        Paths are relative to the root, sizes in bytes (None for folders). A file, or nothing, has an empty list.
        Symbolic links and files that are still being written are left out.
        """
        names = paths.components(artifact_path)
        mode = self._mode(names)
        if mode is None or not stat.S_ISDIR(mode):
            return []
        with opened_folder(self.root, names, create=False) as folder, os.scandir(folder) as entries:
            found = [_file_info(entry, names) for entry in entries if _is_listed(entry)]
        return sorted(found, key=lambda info: info.path)


def _is_listed(entry: os.DirEntry[str]) -> bool:
    return not entry.is_symlink() and not entry.name.startswith(paths.RESERVED_PREFIX)


def _file_info(entry: os.DirEntry[str], names: tuple[str, ...]) -> FileInfo:
    is_dir = entry.is_dir(follow_symlinks=False)
    size_bytes = None if is_dir else entry.stat(follow_symlinks=False).st_size
    return FileInfo(path="/".join((*names, entry.name)), is_dir=is_dir, file_size=size_bytes)


def _require_replaceable(folder: int, names: tuple[str, ...]) -> None:
    mode = entry_mode(folder, names[-1])
    if mode is not None and not stat.S_ISREG(mode):
        kind = "folder" if stat.S_ISDIR(mode) else "symbolic link" if stat.S_ISLNK(mode) else "special file"
        raise InvalidInput(f"artifact path {'/'.join(names)!r} is a {kind} and cannot be written as a file")


def _rename(folder: int, unfinished: str, names: tuple[str, ...]) -> None:
    try:
        os.replace(unfinished, names[-1], src_dir_fd=folder, dst_dir_fd=folder)
    except IsADirectoryError:
        raise InvalidInput(f"artifact path {'/'.join(names)!r} is a folder and cannot be written as a file") from None
