"""Migrations: a catalog that an earlier version made is brought to this one, and keeps what it holds."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from runlake.catalog import Catalog, Stamp, WriterInfo
from runlake.catalog.schema import VERSIONS
from runlake.errors import VersionInUse
from runlake.promotion import Gate
from tests.catalog.material import writer

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(params=[folder.name for folder in sorted(GOLDEN.iterdir())])
def old(request: pytest.FixtureRequest, root: Path) -> Path:
    """A copy of a store's catalog as an earlier version left it: two runs, two writers, one segment."""
    shutil.copytree(GOLDEN / request.param, root)
    return root


def test_a_catalog_of_an_earlier_version_keeps_its_rows(old: Path) -> None:
    catalog = Catalog.open(old)
    run = catalog.get_run("run1")
    assert (run.info.run_name, run.data.params, run.data.tags["team"]) == (
        "quick-fox-1",
        {"lr": "0.001", "optimizer": "sgd"},
        "vision",
    )
    assert catalog.get_run("run2").info.run_name == "slow-owl-2"
    assert [
        (state.info, state.state, state.sealed) for state in catalog.writer_states([writer(1).id, writer(2).id])
    ] == [
        (writer(1), "open", 3),
        (writer(2), "closed", 0),
    ]
    assert [(segment.rows, segment.runs) for segment in catalog.plan(["run1"]).segments] == [(3, ("run1",))]
    catalog.close()


def test_an_old_catalog_takes_what_is_new(old: Path) -> None:
    catalog = Catalog.open(old)
    assert catalog.writer_ranks() == {}
    catalog.attach(WriterInfo("f" * 32, "node2", "boot2", 1, 0, rank=7), "run1")
    assert catalog.writer_ranks() == {"f" * 32: 7}
    catalog.close()
    assert sqlite3.connect(old / "catalog.db").execute("PRAGMA user_version").fetchone() == (len(VERSIONS),)


def test_an_old_catalog_ends_with_the_schema_of_a_new_one(old: Path, tmp_path: Path) -> None:
    Catalog.open(old).close()
    Catalog.open(tmp_path / "new").close()
    assert columns(old) == columns(tmp_path / "new")


def columns(root: Path) -> dict[str, list[tuple[str, str]]]:
    """Names and types of the columns of each table and index."""
    connection = sqlite3.connect(root / "catalog.db")
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master ORDER BY name")]
    found = {name: [row[1:3] for row in connection.execute(f"PRAGMA table_info('{name}')")] for name in names}
    connection.close()
    return found


def test_a_registry_of_an_earlier_version_is_kept_and_takes_gates(root: Path) -> None:
    shutil.copytree(GOLDEN / "version4", root)
    catalog = Catalog.open(root)
    assert catalog.get_version_by_alias("churn", "champion").current_stage == "Production"
    stamp = Stamp("bob", 1)
    catalog.put_gate(Gate("churn", "Production", approvals=1), None, stamp)
    with pytest.raises(VersionInUse):
        catalog.delete_version("churn", 1, stamp)
    assert catalog.promotion_state("churn", 2, "Production") is not None
    assert catalog.verify_registry_events().events == 6
    catalog.close()


def test_a_catalog_of_an_earlier_version_takes_saved_views(old: Path) -> None:
    catalog = Catalog.open(old)
    assert catalog.saved_views() == []
    catalog.put_view("best", "runs", "?sort=loss", user_id="ada", as_admin=False)
    assert [view.name for view in catalog.saved_views()] == ["best"]
    catalog.close()
