"""Files: artifacts of runs, and what runs share, on their way to a server.

An artifact is known by path, size and time of change; only what is new by these is read, once for its digest and once
to be sent, and what the server has already under that digest is not sent.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from runlake.artifacts import Artifacts
from runlake.errors import InvalidInput, NotFound
from runlake.provenance import FILE_TAGS

if TYPE_CHECKING:
    from runlake.entities import Run
    from runlake.replication.peer import Peer
    from runlake.replication.progress import Progress
    from runlake.store import Store

Facts = tuple[int, int]
"""Size in bytes, and time of the last change in nanoseconds."""

_MOST_FILES: Final = 200
_ASK_AGAIN_S: Final = 3600.0  # a server keeps what no run names, and nobody asks for, for a day


class FileShipper:
    """The artifacts of one store and one server."""

    def __init__(self, store: Store, peer: Peer, number: int, progress: Progress) -> None:
        self._store = store
        self._peer = peer
        self._number = number
        self._progress = progress
        self._shared: dict[str, float] = {}  # when the server said last that it has a shared file, by digest

    def send(self, run: Run) -> None:
        """Send what is new of a run's artifacts, as far as they are in the store, and of what it shares."""
        self.send_shared([run.data.tags[tag] for tag in FILE_TAGS.values() if tag in run.data.tags])
        artifacts = stored_artifacts(self._store, run)
        if artifacts is None:
            return
        run_id = run.info.run_id
        known = self._store.catalog.sent_files(self._number, run_id)
        fresh = {path: facts for path, facts in own_files(artifacts, run).items() if known.get(path) != facts}
        self._progress.files_left += len(fresh)
        self._progress.file_bytes_left += sum(size for size, _ in fresh.values())
        paths = sorted(fresh)
        for start in range(0, len(paths), _MOST_FILES):
            self._send_part(run_id, artifacts, {path: fresh[path] for path in paths[start : start + _MOST_FILES]})

    def _send_part(self, run_id: str, artifacts: Artifacts, files: Mapping[str, Facts]) -> None:
        digests: dict[str, str] = {}
        for path in files:
            with contextlib.suppress(NotFound):  # it was removed meanwhile
                digests[path] = artifacts.sha256(path)
        told = [{"path": path, "size": files[path][0], "sha256": digest} for path, digest in digests.items()]
        missing = set(self._peer.missing_files(run_id, told)) if told else set()
        for path, facts in files.items():
            if path not in missing or self._put(run_id, artifacts, path, facts, digests[path]):
                self._store.catalog.mark_files_sent(self._number, run_id, {path: facts})
                self._progress.files += 1
                self._progress.file_bytes += facts[0]
            self._progress.files_left -= 1
            self._progress.file_bytes_left -= facts[0]

    def _put(self, run_id: str, artifacts: Artifacts, path: str, facts: Facts, sha256: str) -> bool:
        """Send an artifact; return False when it is no more what it was, and is to be sent the next time."""
        with contextlib.ExitStack() as opened:
            try:
                content = opened.enter_context(artifacts.open(path))
            except NotFound:
                return False
            if _facts(content) != facts:
                return False
            try:
                self._peer.put_file(run_id, path, content, facts[0], sha256)
            except InvalidInput:
                if _facts(content) == facts:
                    raise
                return False  # somebody has written into it meanwhile
        return True

    def send_shared(self, digests: Sequence[str]) -> None:
        """Send files that runs share, as far as they are in the store and the server lacks them."""
        until_s = time.monotonic() - _ASK_AGAIN_S
        asked = [digest for digest in digests if self._shared.get(digest, until_s) <= until_s]
        present = {digest: self._store.shared_files.get(digest) for digest in asked}
        kept = {digest: content for digest, content in present.items() if content is not None}
        if kept:
            for digest in self._peer.missing_shared(list(kept)):
                self._peer.put_shared(digest, kept[digest])
            self._shared.update(dict.fromkeys(kept, time.monotonic()))


def stored_artifacts(store: Store, run: Run) -> Artifacts | None:
    """Return the artifacts of a run; None when they are kept outside the store, where they stay."""
    uri = run.info.artifact_uri
    if uri is None or not Path(uri).is_relative_to(store.catalog.artifacts_root):
        return None
    return Artifacts(uri)


def own_files(artifacts: Artifacts, run: Run) -> dict[str, Facts]:
    """Return size and time of change of every artifact of a run, by path.

    Left out is what has been brought there from the files that runs share: the server has these and does the same.
    """
    shared = {path for path, tag in FILE_TAGS.items() if tag in run.data.tags}
    return {path: facts for path, facts in _walk(artifacts, "") if path not in shared}


def _walk(artifacts: Artifacts, folder: str) -> Iterator[tuple[str, Facts]]:
    for info in artifacts.list(folder):
        if info.is_dir:
            yield from _walk(artifacts, info.path)
            continue
        with contextlib.suppress(FileNotFoundError):
            status = os.stat(artifacts.uri(info.path), follow_symlinks=False)
            yield info.path, (status.st_size, status.st_mtime_ns)


def _facts(content: BinaryIO) -> Facts:
    status = os.fstat(content.fileno())
    return status.st_size, status.st_mtime_ns
