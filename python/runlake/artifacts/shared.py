"""Shared files: what many runs have alike, kept once in the store under the digest of its content.

Thousands of runs of one sweep have the same packages and the same uncommitted changes. A run names such a file by a
tag; the file comes into the run's own folder when somebody looks there.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
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
        if not self.renew(digest):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write(self.folder / digest, content)
        return digest

    def renew(self, digest: str) -> bool:
        """Keep a content from being removed for as long as if it had just been put; False when there is none.

        Whoever is about to name one that is there has to: nobody may name it any more.
        """
        try:
            os.utime(self.folder / digest)
        except OSError:
            return False
        return True

    def names(self) -> list[str]:
        """Return the names of the files: digests, and what writing was cut short of, `<digest>.<8 digits>.tmp`."""
        return sorted(path.name for path in self.folder.glob("?" * 64 + "*")) if self.folder.is_dir() else []

    def remove(self, name: str, older_than_s: float) -> bool:
        """Remove a file, unless it was put or renewed less than `older_than_s` ago; tell whether it is gone.

        It is moved aside first: who renews it from then on finds none, and puts it again.
        """
        path = self.folder / name
        aside = path.with_name(f"{name[:64]}.{os.urandom(4).hex()}.tmp")
        try:
            if time.time() - path.stat().st_mtime <= older_than_s:
                return False
            path.rename(aside)
            if time.time() - aside.stat().st_mtime > older_than_s:
                aside.unlink()
                return True
            aside.replace(path)
        except OSError:  # somebody else has removed it, or it cannot be
            pass
        return not path.exists()

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
