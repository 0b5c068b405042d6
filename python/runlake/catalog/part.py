"""Part: what the modules that make up the catalog share, the database and the place of the artifacts."""

from __future__ import annotations

import time
from pathlib import Path

from runlake.catalog.database import Database


class Part:
    """Base of the catalog's parts; each adds the methods for one group of tables."""

    def __init__(self, root: Path, database: Database) -> None:
        self.root = root
        self.artifacts_root = root / "artifacts"
        self._database = database


def clock_ms() -> int:
    """Return the time, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000
