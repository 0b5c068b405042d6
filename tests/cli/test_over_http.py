"""The commands that read, asked of a server: they print what they print of the same store in a folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.remote.places import Places, places


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """A store in a folder, and a copy that a server has."""
    with places(tmp_path_factory.mktemp("cli")) as made:
        yield made


@pytest.mark.parametrize(
    "arguments",
    [
        ("runs", "--columns", "run_name,params.*,metrics.val", "--sort", "params.lr DESC", "--limit", "3"),
        ("runs", "-e", "sweep", "-w", "params.depth > 2", "--columns", "run_name", "--json"),
        ("runs", "-e", "swep"),
        ("runs", "--sort", "metrics.vall"),
        ("runs", "--deleted", "--columns", "run_name"),
        ("points", "run-1", "odd"),
        ("points", "run-1", "train/loss", "--buckets", "3"),
        ("points", "run-1", "train/loss", "--plot"),
        ("points", "run-1", "vall"),
        ("compare", "run-1", "run-2"),
        ("export", "-", "--what", "points", "-k", "val", "-w", "params.depth = 1"),
        ("export", "-", "-k", "vall", "--what", "points"),
        ("show", "run-9"),
    ],
)
def test_a_server_is_read_like_a_folder(cli: Cli, both: Places, arguments: tuple[str, ...]) -> None:
    here = cli(*arguments, "--store", both.folder)
    there = cli(*arguments, "--store", both.url)
    assert there == here
    assert here.out or here.err


def test_a_run_is_shown_with_its_files(cli: Cli, both: Places) -> None:
    shown = cli("show", "run-0", "--store", both.url)
    assert shown.status == 0
    assert "notes/deep/a.json" in shown.out
    assert "artifact_uri\tmlflow-artifacts:/" in shown.out


def test_runs_of_a_server_become_a_file(cli: Cli, both: Places, tmp_path: Path) -> None:
    assert cli("export", str(tmp_path / "runs.parquet"), "--store", both.url).status == 0
    assert (tmp_path / "runs.parquet").stat().st_size > 1000


def test_what_works_in_a_folder_alone_says_so(cli: Cli, both: Places) -> None:
    for command in ("seal", "doctor", "server"):
        said = cli(command, "--store", both.url)
        assert said.status != 0
        assert f"the store is the server {both.url}, and this is done in its folder alone" in said.err


def test_a_server_that_is_not_there_is_an_error_and_no_traceback(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLAKE_LOCK_TIMEOUT_MS", "100")
    said = cli("runs", "--store", "http://127.0.0.1:1")
    assert said.status != 0
    assert said.err.startswith("error: the server http://127.0.0.1:1 does not answer: Connection refused")
