"""A catalog where files cannot be mapped: without a WAL every commit waits for the disk and for those who read."""

import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from runlake.catalog import Catalog
from runlake.errors import CatalogLocked
from runlake.filesystem import Keeping
from tests.catalog.material import add_run

WRITTEN = Keeping("NFS", written=True, wal=False, shared=False, reason="it is not one's own")
FORCED = Keeping("ext4", written=True, wal=False, shared=False, reason="")


def journal_mode(root: Path) -> str:
    connection = sqlite3.connect(root / "catalog.db")
    try:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])
    finally:
        connection.close()


def test_nothing_is_left_to_sync_and_no_file_to_map(root: Path) -> None:
    catalog = Catalog.open(root, keeping=WRITTEN)
    called: list[None] = []
    catalog.on_commit(lambda: called.append(None))
    add_run(catalog)
    assert (called, catalog.unsynced) == ([], False)
    catalog.sync()
    assert {path.name for path in root.iterdir()} >= {"catalog.db", "catalog.db-journal"}
    assert not list(root.glob("catalog.db-[ws]*"))
    catalog.close()


def test_a_commit_waits_for_a_reader_of_another_process_within_its_bound(root: Path) -> None:
    catalog = Catalog.open(root, keeping=WRITTEN)
    add_run(catalog)
    code = (
        "import sqlite3, sys\nreader = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "reader.execute('BEGIN'); reader.execute('SELECT * FROM run').fetchall()\n"
        "print('reading', flush=True); sys.stdin.readline(); reader.execute('COMMIT')\n"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", code, str(root / "catalog.db")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout is not None
    assert reader.stdout.readline() == "reading\n"
    start = time.monotonic()
    with pytest.raises(CatalogLocked):
        catalog.log_batch("run1", params={"p": "1"}, wait_s=0.2)
    assert 0.1 < time.monotonic() - start < 5
    assert catalog.get_run("run1").data.params == {}
    done = threading.Thread(target=lambda: catalog.log_batch("run1", params={"p": "2"}))
    done.start()
    reader.communicate("go\n")
    done.join()
    assert catalog.get_run("run1").data.params == {"p": "2"}
    catalog.close()


def test_a_store_that_comes_from_elsewhere_loses_its_wal_and_gets_it_back(root: Path) -> None:
    for keeping, mode in ((None, "wal"), (WRITTEN, "delete"), (None, "wal")):
        catalog = Catalog.open(root, keeping=keeping)
        add_run(catalog, f"run-{mode}-{time.monotonic_ns()}")
        catalog.close()
        assert journal_mode(root) == mode
    assert len(Catalog.open(root).run_rows().runs["run_id"]) == 3


def test_a_wal_that_others_use_stays_unless_the_file_system_cannot_keep_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Catalog.open(root)
    add_run(other)
    forced = Catalog.open(root, keeping=FORCED)
    forced.log_batch("run1", params={"p": "1"})
    assert (journal_mode(root), forced.unsynced) == ("wal", True)
    forced.close()
    monkeypatch.setattr("runlake.catalog.database._BUSY_TIMEOUT_S", 0.1)
    with pytest.raises(CatalogLocked, match=r"open in another process with a WAL, which NFS cannot keep\nhint: "):
        Catalog.open(root, keeping=WRITTEN)
    assert other.get_run("run1").data.params == {"p": "1"}
    other.close()


def test_a_handler_that_writes_in_the_middle_of_a_read_is_refused_at_once(root: Path) -> None:
    catalog = Catalog.open(root, keeping=WRITTEN)
    add_run(catalog)
    start = time.monotonic()
    with catalog._database.reading() as session:
        session.all("SELECT * FROM run")
        with pytest.raises(CatalogLocked, match="signal handler has interrupted"):
            catalog.log_batch("run1", params={"p": "1"})
    assert time.monotonic() - start < 10
    catalog.log_batch("run1", params={"p": "2"})
    assert catalog.get_run("run1").data.params == {"p": "2"}
    catalog.close()
