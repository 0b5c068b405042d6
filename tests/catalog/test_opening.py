"""Opening: a store is made once, and a folder that cannot be one, or belongs to a later version, stays as it is."""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from runlake.catalog import Catalog
from runlake.errors import Corrupt, NewerFormat, NotFound, StoreUnavailable
from tests.catalog.material import add_run
from tests.modes import needs_wal


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("emptied", [True, False])
@pytest.mark.parametrize("left", ["segments/experiment_id=0/x.parquet", "journals/x.0.journal"])
def test_a_lost_catalog_is_not_replaced_by_an_empty_one(tmp_path: Path, left: str, emptied: bool) -> None:
    Catalog.open(tmp_path).close()
    (tmp_path / left).parent.mkdir(parents=True)
    (tmp_path / left).touch()
    (tmp_path / "catalog.db").write_bytes(b"") if emptied else (tmp_path / "catalog.db").unlink()
    with pytest.raises(Corrupt, match=r"restore catalog\.db"):
        Catalog.open(tmp_path)
    assert (tmp_path / "catalog.db").exists() == emptied


def test_what_was_written_is_there_after_opening_again(root: Path) -> None:
    first = Catalog.open(root)
    add_run(first)
    first.close()
    second = Catalog.open(root)
    assert second.store_id == first.store_id
    assert second.get_run("run1").info.run_name == "quick-fox-1"
    second.close()


def test_a_closed_catalog_opens_again_when_it_is_used(catalog: Catalog) -> None:
    catalog.close()
    add_run(catalog)
    assert catalog.get_run("run1")


def test_lake_json_says_what_the_folder_is(catalog: Catalog, root: Path) -> None:
    said = json.loads((root / "lake.json").read_text())
    assert said["format"] == 1
    assert said["store_id"] == catalog.store_id
    assert len(bytes.fromhex(catalog.store_id)) == 16
    assert said["created_ms"] > 1_700_000_000_000


def test_a_missing_store_is_not_made_unless_asked(root: Path) -> None:
    with pytest.raises(NotFound, match="no store in"):
        Catalog.open(root, create=False)
    assert not root.exists()


def test_a_file_is_not_a_store(root: Path) -> None:
    root.write_text("mine")
    for path in (root, root / "below"):
        with pytest.raises(StoreUnavailable, match="is a file, not a folder\nhint: "):
            Catalog.open(path)
    assert root.read_text() == "mine"


def test_a_store_of_a_later_format_stays_untouched(root: Path) -> None:
    Catalog.open(root).close()
    said = json.loads((root / "lake.json").read_text())
    (root / "lake.json").write_text(json.dumps({**said, "format": 2}))
    (root / "catalog.lock").unlink()
    before = contents(root)
    with pytest.raises(NewerFormat, match=r"has format 2.*up to 1\nhint: upgrade"):
        Catalog.open(root)
    assert contents(root) == before


@needs_wal
@pytest.mark.parametrize("wal", [False, True], ids=["checkpointed", "version in the WAL"])
def test_a_catalog_of_a_later_version_stays_untouched(root: Path, tmp_path: Path, wal: bool) -> None:
    Catalog.open(root).close()
    connection = sqlite3.connect(root / "catalog.db")
    connection.execute("PRAGMA user_version = 999")
    connection.commit()
    if wal:  # a copy of the store as a crash would leave it
        shutil.copytree(root, tmp_path / "copy")
        root = tmp_path / "copy"
        assert (root / "catalog.db-wal").stat().st_size > 0
        (root / "catalog.db-shm").unlink()
    connection.close()
    before = contents(root)
    with pytest.raises(NewerFormat, match="version 999"):
        Catalog.open(root)
    after = contents(root)
    after.pop("catalog.db-shm", None)  # an index over the WAL that every reader makes for itself
    assert after == before


def test_a_garbled_lake_json_is_named(root: Path) -> None:
    Catalog.open(root).close()
    (root / "lake.json").write_text("{")
    with pytest.raises(Corrupt, match=r"lake\.json is not what was written"):
        Catalog.open(root)


def test_a_store_that_lost_its_lake_json_does_not_get_a_new_identity(root: Path) -> None:
    Catalog.open(root).close()
    (root / "lake.json").unlink()
    with pytest.raises(Corrupt, match=r"has a catalog and no lake\.json"):
        Catalog.open(root)
    assert not (root / "lake.json").exists()


def test_a_garbled_catalog_is_named_and_kept(root: Path) -> None:
    Catalog.open(root).close()
    (root / "catalog.db").write_bytes(b"not a database, that is for sure" * 100)
    before = contents(root)
    with pytest.raises(Corrupt, match=r"catalog\.db is damaged"):
        Catalog.open(root)
    assert contents(root) == before


def test_another_sqlite_file_is_not_taken_for_a_catalog(root: Path) -> None:
    Catalog.open(root).close()
    (root / "catalog.db").unlink()
    connection = sqlite3.connect(root / "catalog.db")
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    with pytest.raises(Corrupt, match="not a catalog"):
        Catalog.open(root)


READ_ONLY = """
import os, sys
from pathlib import Path
from runlake.catalog import Catalog
from runlake.errors import StoreUnavailable
if os.getuid() == 0:  # root writes anywhere
    os.setgid(65534)
    os.setuid(65534)
for path in sys.argv[1:]:
    try:
        Catalog.open(Path(path))
    except StoreUnavailable as error:
        print(str(error).replace(path, "FOLDER").replace("\\n", " | "))
"""


def test_a_folder_that_is_read_only_is_refused_with_a_way_out() -> None:
    # pytest's own folders keep other users out altogether
    base = Path(subprocess.run(["mktemp", "-d"], check=True, capture_output=True, text=True).stdout.strip())
    try:
        (base / "empty").mkdir()
        Catalog.open(base / "store").close()
        for path in (base, base / "empty", base / "store"):
            path.chmod(0o555)
        (base / "store" / "catalog.lock").chmod(0o444)
        tried = [str(base / name) for name in ("empty", "store", "missing")]
        program = subprocess.run(
            [sys.executable, "-c", READ_ONLY, *tried], capture_output=True, text=True, check=True, cwd="/"
        )
    finally:
        for path in (base, base / "empty", base / "store"):
            path.chmod(0o755)
        shutil.rmtree(base)
    hint = "hint: choose another folder with runlake.set_tracking_uri() or RUNLAKE_TRACKING_URI"
    assert program.stdout.splitlines() == [
        f"the store FOLDER cannot be written to: Permission denied | {hint}",
        f"the store FOLDER cannot be written to: Permission denied | {hint}",
        f"the folder FOLDER cannot be made: Permission denied | {hint}",
    ]


MAKE = """
import sys
from pathlib import Path
from runlake.catalog import Catalog
sys.stdin.readline()
catalog = Catalog.open(Path(sys.argv[1]))
print(catalog.store_id, len(catalog.experiments()))
catalog.close()
"""


def test_processes_that_make_a_store_at_the_same_moment_make_one(root: Path) -> None:
    makers = [
        subprocess.Popen(
            [sys.executable, "-c", MAKE, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(8)
    ]
    for maker in makers:
        assert maker.stdin is not None
        maker.stdin.write("go\n")
        maker.stdin.flush()
    said = {maker.communicate()[0].strip() for maker in makers}
    assert said == {f"{json.loads((root / 'lake.json').read_text())['store_id']} 1"}
    assert not [name for name in os.listdir(root) if name.endswith(".tmp")]
