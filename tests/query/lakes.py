"""A store as the query layer sees it: a catalog and the folders beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runlake import _engine
from runlake.catalog import Catalog


class BareLake:
    """A store without the machinery that fills it."""

    def __init__(self, root: Path) -> None:
        self.catalog = Catalog.open(root)
        self.journals_dir = root / "journals"
        self.segments_dir = root / "segments"
        self.journals_dir.mkdir(exist_ok=True)

    def journals(self, writers: Sequence[str] | None = None) -> _engine.Journals:
        return _engine.Journals(str(self.journals_dir), writers)
