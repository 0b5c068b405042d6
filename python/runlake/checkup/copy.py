"""Copy of a store: its catalog as of one moment, elsewhere, with the files beside it where they are."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from runlake import _engine
from runlake.catalog import Catalog
from runlake.catalog.copying import copy_catalog
from runlake.catalog.lake import FORMAT, NAME, read_lake
from runlake.errors import Corrupt


class StoreCopy:
    """What queries read; nothing of the store is written through it.

    Attributes:
        root: The folder of the store itself.
        catalog: The copy.
        segments_dir: The store's own.
    """

    def __init__(self, root: Path, catalog: Catalog) -> None:
        self.root = root
        self.catalog = catalog
        self.segments_dir = root / "segments"

    def journals(self, writers: Sequence[str] | None = None) -> _engine.Journals:
        """Open the journals of some writers, or of all."""
        return _engine.Journals(str(self.root / "journals"), writers)


@contextlib.contextmanager
def opened_copy(root: Path) -> Iterator[StoreCopy]:
    """Give a copy of a store, which is gone after the block.

    Raises:
        Corrupt: its catalog is gone, or is none.
        NewerFormat: a later version wrote it.
    """
    with tempfile.TemporaryDirectory(prefix="runlake-") as name:
        folder = Path(name)
        copy_catalog(root, folder)
        about = {"format": FORMAT, "store_id": _store_id(root), "created_ms": 0}
        (folder / NAME).write_text(json.dumps(about), encoding="utf-8")
        with contextlib.closing(Catalog.open(folder)) as catalog:
            yield StoreCopy(root, catalog)


def _store_id(root: Path) -> str:
    """Return the store's id; one that has lost it is looked at all the same."""
    with contextlib.suppress(Corrupt):
        if (lake := read_lake(root)) is not None:
            return lake.store_id
    return "0" * 32
