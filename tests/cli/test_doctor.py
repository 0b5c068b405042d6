"""`runlake doctor`: healthy stores pass, and each kind of damage is named."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import runlake
from runlake import _engine
from runlake.catalog.copying import copy_catalog
from runlake.store import Store, get_store
from tests.cli.conftest import Cli
from tests.server.sender import batch


@pytest.fixture
def sealed(lake: Path) -> Path:
    """The store with every point in segments."""
    store = get_store(lake)
    store.seal()
    store.close()
    return lake


def wrong(cli: Cli, *arguments: str) -> list[str]:
    result = cli("doctor", "--json", *arguments)
    report = json.loads(result.out)
    found = [check["says"] for check in report["checks"] if check["state"] in ("wrong", "lost")]
    assert (result.status, report["healthy"]) == ((1, False) if found else (0, True))
    return found


def segments(lake: Path) -> list[Path]:
    return sorted(lake.glob("segments/*/*.parquet"))


def test_a_healthy_store_passes(cli: Cli, sealed: Path) -> None:
    assert wrong(cli) == []
    out = cli("doctor").out
    assert "ok\tstore\t[FOLDER]/lake, format 1, id [ID]\t" in out
    assert "ok\tsegments\t2 files, 25 points, " in out


def test_it_says_nothing_of_its_own_questions_and_copies_the_catalog_once(
    cli: Cli, sealed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies: list[Path] = []

    def counted(root: Path, folder: Path) -> None:
        copies.append(root)
        copy_catalog(root, folder)

    monkeypatch.setattr("runlake.checkup.copy.copy_catalog", counted)
    result = cli("doctor")
    assert (result.status, result.err, copies) == (0, "", [sealed])


def test_a_folder_without_a_store_is_one_fault(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert wrong(cli, "--store", str(tmp_path / "empty")) == ["there is no store in [FOLDER]/empty"]


def test_live_journals_are_no_fault(cli: Cli, lake: Path) -> None:
    with runlake.start_run() as run:
        run.log({"loss": 1.0})
        assert wrong(cli) == []


def test_a_run_that_was_killed_is_said_and_left_to_whoever_opens_the_store(cli: Cli, lake: Path) -> None:
    program = """
import os, signal, runlake
run = runlake.start_run(run_name="killed")
run.log({"loss": 0.25}, step=7)
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program], check=False, stderr=subprocess.DEVNULL)
    out = cli("doctor").out
    assert "1 died without closing\topening the store keeps what they logged and marks their runs FAILED\n" in out
    assert wrong(cli) == []
    assert "1 died without closing" in cli("doctor").out
    Store.open(lake).close()
    again = cli("doctor").out
    assert "ok\tjournals\t2 writers" in again
    assert ": 1 alive, 1 closed, 0 died without closing\t\n" in again
    assert cli("points", "killed", "loss").out.splitlines()[1].split("\t")[::2] == ["7", "0.25"]
    assert "status\tFAILED\n" in cli("show", "killed").out


def test_a_hole_in_what_another_store_sent_is_named_once(cli: Cli, lake: Path) -> None:
    store = Store.open(lake)
    store.create_run("far", "0", name="far", user_id="me", start_time=1, owned=False)
    for first, gap_from in ((0, None), (15, 10), (25, None)):
        points = _engine.unpack_points(batch("ab" * 16, first, first + 10, "far"))
        store.replicas.append(points, gap_from=gap_from)
    store.seal()
    store.close()
    lost = "5 points of writer abababab are lost (the store that it comes from has lost them)"
    assert wrong(cli) == [lost]


def test_a_missing_segment_is_named(cli: Cli, sealed: Path) -> None:
    path = segments(sealed)[0]
    path.unlink()
    (found,) = wrong(cli)
    assert path.parent.name in found
    assert "the file is gone; " in found
    assert "points of it are nowhere else" in found
    assert wrong(cli, "--quick") == [found]


def test_a_cut_segment_is_named(cli: Cli, sealed: Path) -> None:
    path = segments(sealed)[0]
    path.write_bytes(path.read_bytes()[:-1])
    (found,) = wrong(cli)
    assert path.parent.name in found
    assert "it ends before its footer does" in found


def test_a_garbled_segment_is_named_when_it_is_read(cli: Cli, sealed: Path) -> None:
    path = segments(sealed)[0]
    content = bytearray(path.read_bytes())
    content[20] ^= 0xFF
    path.write_bytes(content)
    (found,) = wrong(cli)
    assert path.parent.name in found
    assert wrong(cli, "--quick") == []


def test_a_file_that_the_catalog_does_not_list_is_noted(cli: Cli, sealed: Path) -> None:
    for name in ("left.parquet.abc.tmp", ".left.parquet.abc.tmp"):  # the first as older versions called them
        (segments(sealed)[0].parent / name).write_bytes(b"PAR1")
    assert wrong(cli) == []
    assert "note\tsegments\t2 files that the catalog does not list" in cli("doctor").out


def test_a_garbled_catalog_is_named(cli: Cli, sealed: Path) -> None:
    catalog = sealed / "catalog.db"
    content = bytearray(catalog.read_bytes())
    content[4096 : 4096 + 64] = b"\xff" * 64
    catalog.write_bytes(content)
    assert wrong(cli)


def test_a_newer_format_is_refused_untouched(cli: Cli, sealed: Path) -> None:
    about = json.loads((sealed / "lake.json").read_text())
    (sealed / "lake.json").write_text(json.dumps({**about, "format": 99}))
    before = sorted((path, path.stat().st_mtime_ns) for path in sealed.rglob("*"))
    (found,) = wrong(cli)
    assert "99" in found
    assert sorted((path, path.stat().st_mtime_ns) for path in sealed.rglob("*")) == before


def test_a_mistyped_variable_is_named(cli: Cli, lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLAKE_SYNC_INTERVAL", "5000")
    assert wrong(cli) == ["RUNLAKE_SYNC_INTERVAL is set and means nothing"]
    assert "did you mean RUNLAKE_SYNC_INTERVAL_MS?" in cli("doctor").out


def test_a_repair_says_what_it_did_and_the_run_what_it_lacks(cli: Cli, sealed: Path) -> None:
    assert cli("doctor", "--repair").err == "nothing had to be repaired\n"
    path = segments(sealed)[-1]
    path.unlink()
    assert cli("doctor", "--quick").status == 1
    repaired = cli("doctor", "--repair")
    assert (repaired.status, "points are noted as missing" in repaired.err) == (0, True)
    again = cli("doctor", "--json", "--repair")
    report = json.loads(again.out)
    assert (again.status, report["repaired"]) == (0, ["nothing had to be repaired"])
    assert {check["state"] for check in report["checks"]} >= {"ok", "lost"}
    assert cli("doctor").status == 1, "what is lost stays so, and is said"
    found = [name for name in ("narrow", "broad", "odd") if "# missing\n" in (shown := cli("show", name)).out]
    assert found
    assert " points: the file is gone (" in shown.out or found[-1] != "odd"
    missing = json.loads(cli("show", found[0], "--json").out)["missing"]
    assert [lost["exact"] for lost in missing] == [True]
