"""Shared files: what many runs have alike, kept once in the store under the digest of its content.

Thousands of runs of one sweep have the same packages and the same uncommitted changes. A run names such a file by a
tag; the file comes into the run's own folder when somebody looks there.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path


class SharedFiles:
    """Files by the SHA-256 of their content, in one folder. They are never changed, so no lock is needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes) -> str:
        """Keep a content and return its digest, 64 hexadecimal digits; it survives a power cut when this returns.

        Raises:
            OSError: it cannot be written; nothing is left behind.
        """
        digest = hashlib.sha256(content).hexdigest()
        path = self.folder / digest
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write(path, content)
        return digest

    def get(self, digest: str) -> bytes | None:
        """Return the content with that digest; None when there is none, or when it is not what was written."""
        if len(digest) != 64 or not digest.isalnum():  # a tag is what anybody has set
            return None
        try:
            content = (self.folder / digest).read_bytes()
        except OSError:
            return None
        return content if hashlib.sha256(content).hexdigest() == digest else None

    def _write(self, path: Path, content: bytes) -> None:
        unfinished = path.with_name(f"{path.name}.{os.urandom(4).hex()}.tmp")
        try:
            with unfinished.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                unfinished.unlink()
            raise
