"""The run table of a process: read once, brought up to date by each query, rebuilt whatever becomes of its files."""

from __future__ import annotations

import math
import shutil
import sqlite3
import subprocess
import sys
import tracemalloc
from pathlib import Path

import polars as pl
import pytest

from runlake import _engine, query
from runlake.catalog import Catalog, ChangedRuns
from runlake.entities import Dataset, DatasetInput, InputTag, ViewType
from runlake.query import run_tables
from runlake.store import Store
from tests.query.lakes import BareLake


@pytest.fixture(autouse=True)
def small_experiments_have_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_tables, "_SMALL", 5)
    monkeypatch.setattr(run_tables, "_MANY_CHANGES", 8)


class Counting:
    """Counts the runs that are read from a catalog."""

    def __init__(self, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
        self.runs = 0
        read = catalog.changed_runs

        def counted(experiments, since, receive, **which):  # type: ignore[no-untyped-def]
            def received(experiment_id: str, changed: ChangedRuns) -> None:
                self.runs += len(changed.runs["run"])
                receive(experiment_id, changed)

            return read(experiments, since, received, **which)

        monkeypatch.setattr(catalog, "changed_runs", counted)


def fill(lake: BareLake, count: int, experiment_id: str = "0") -> list[str]:
    """Make runs with parameters of several types, tags, a data set each, and sealed and live metrics."""
    ids = [lake.run(f"{experiment_id}-{number:03}", experiment_id) for number in range(count)]
    for number, run_id in enumerate(ids):
        params = {"n": str(number), "lr": repr(number / 7), "opt": "adam" if number % 2 else "None"}
        params |= {"rare": f"x{number}"} if number % 5 == 0 else {}
        lake.catalog.log_batch(run_id, params=params, tags={"team": 'a"b\\c\n\u2028é\x01' if number % 3 else "b"})
        dataset = DatasetInput(
            Dataset(f"data{number % 2}", "d1", "local", "{}"), [InputTag("mlflow.data.context", "train")]
        )
        lake.catalog.log_inputs(run_id, [dataset])
    return ids


def fresh(lake: BareLake) -> BareLake:
    """The same store, as a process sees it that has read nothing yet."""
    lake.close()
    return BareLake(lake.catalog.root)


def everything(lake: BareLake, view: int = ViewType.ALL) -> pl.DataFrame:
    return query.runs(lake, view=view).collect()


def snapshots(lake: BareLake) -> list[Path]:
    return sorted((lake.catalog.root / "cache" / "runs").glob("*"))


@pytest.fixture
def many(lake: BareLake) -> BareLake:
    """Twenty runs, of which a snapshot exists."""
    fill(lake, 20)
    everything(lake)
    assert [path.name for path in snapshots(lake)] == ["0.tables"]
    return lake


def test_unchanged_runs_are_read_once(many: BareLake, monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Counting(many.catalog, monkeypatch)
    for _ in range(3):
        assert len(query.search_runs(many, ["0"])) == 20
        assert query.runs(many, "Default").collect().height == 20
    assert counting.runs == 0


def test_only_what_has_changed_is_read(many: BareLake, monkeypatch: pytest.MonkeyPatch) -> None:
    many.catalog.log_batch("0-003", params={"new": "1"})
    many.run("late")
    counting = Counting(many.catalog, monkeypatch)
    for _ in range(2):
        assert query.runs(many, where="params.new = 1").collect()["run_id"].to_list() == ["0-003"]
        assert everything(many).height == 21
    assert counting.runs == 2


def test_another_process_starts_from_the_snapshot(many: BareLake, monkeypatch: pytest.MonkeyPatch) -> None:
    before = everything(many)
    again = fresh(many)
    counting = Counting(again.catalog, monkeypatch)
    assert everything(again).equals(before)
    assert counting.runs == 0
    again.close()


def test_what_another_process_commits_is_seen(lake: BareLake) -> None:
    other = Catalog.open(lake.catalog.root)
    for number in range(12):
        run_id = f"run{number}"
        other.create_run(run_id, "0", name=run_id, user_id="u", start_time=0, owned=False)
        assert query.runs(lake).collect().height == number + 1
        other.log_batch(run_id, params={"a": str(number)})
        assert query.runs(lake, where=f"params.a = {number}").collect()["run_id"].to_list() == [run_id]
    other.close()


def test_every_choice_of_experiments_has_an_answer_of_its_own(lake: BareLake) -> None:
    ids = [lake.catalog.create_experiment(str(number), now_ms=1) for number in range(12)]
    for experiment_id in ids:
        lake.run(f"in-{experiment_id}", experiment_id)
    for _ in range(2):
        for experiment_id in ids:
            assert [run.info.experiment_id for run in query.search_runs(lake, [experiment_id])] == [experiment_id]
    assert everything(lake)["experiment_id"].to_list() == ids


def change_everything(lake: BareLake) -> None:
    """Change some of twenty runs in every way there is."""
    lake.catalog.log_batch("0-000", params={"later": "0.5", "n2": "text"}, tags={"team": "changed"})
    lake.catalog.delete_tag("0-001", "team")
    lake.catalog.delete_run("0-002")
    lake.catalog.update_run("0-003", status="FINISHED", end_time=17, name="renamed")
    lake.catalog.log_inputs("0-004", [DatasetInput(Dataset("other", "d9", "local", "{}"), [])])
    lake.run("z-new")
    lake.catalog.log_batch("z-new", params={"n": "1e30", "lr": "text", "opt": "True"})


def test_changes_over_a_snapshot_look_like_runs_read_anew(many: BareLake) -> None:
    change_everything(many)
    over = everything(many)
    where = [
        "datasets.name = 'other'", "params.n > 18", "tags.team = 'changed'", "params.later < 1",
        "tags.team IS NULL", "params.opt = TRUE", "status = 'FINISHED'",
    ]  # fmt: skip
    found = [query.runs(many, where=text, view=ViewType.ALL).collect() for text in where]
    assert [frame["run_id"].to_list() for frame in found] == [
        ["0-004"], ["0-019", "z-new"], ["0-000"], ["0-000"], ["0-001", "z-new"], ["z-new"], ["0-003"],
    ]  # fmt: skip
    shutil.rmtree(many.catalog.root / "cache")
    anew = fresh(many)
    assert everything(anew).equals(over)
    assert [
        query.runs(anew, where=text, view=ViewType.ALL).collect().equals(frame)
        for text, frame in zip(where, found, strict=True)
    ]
    assert (
        query.search_runs(anew, ["0"], view=ViewType.ALL).to_list()
        == query.search_runs(many, ["0"], view=ViewType.ALL).to_list()
    )
    anew.close()


def test_what_has_not_changed_of_a_changed_run_comes_from_the_snapshot(lake: BareLake) -> None:
    ids = fill(lake, 12)
    writer = lake.writer(*ids)
    for number, run_id in enumerate(ids):
        writer.run(run_id).log({"loss": number / 3, "acc": 1.0 - number}, step=number, timestamp=1)
    sealed = _engine.seal(str(lake.journals_dir), str(lake.segments_dir), writer_range(writer), dict.fromkeys(ids, "0"))
    assert lake.catalog.commit_seal(writer_range(writer), sealed)
    before = everything(lake)
    assert before["metrics.loss"].to_list() == [number / 3 for number in range(12)]
    lake.catalog.log_batch(ids[3], tags={"team": "new"})
    lake.catalog.update_run(ids[4], status="FINISHED")
    writer.run(ids[5]).log({"loss": 9.0}, step=99, timestamp=2)
    lake.catalog.log_batch(ids[6], params={"late": "1"})
    after = everything(lake)
    assert after.select(ids_and("params.n", "params.lr", "metrics.acc")).equals(
        before.select(ids_and("params.n", "params.lr", "metrics.acc"))
    )
    assert after["metrics.loss"].to_list() == [9.0 if number == 5 else number / 3 for number in range(12)]
    assert (after["tags.team"][3], after["status"][4], after["params.late"][6]) == ("new", "FINISHED", 1)
    few = query.runs(lake, where="min(metrics.loss) >= 1 AND count(metrics.loss) = 1 AND tags.team != 'b'").collect()
    assert few["run_id"].to_list() == [ids[number] for number in (3, 4, 7, 8, 10, 11)]
    anew = fresh(lake)
    shutil.rmtree(anew.catalog.root / "cache")
    assert everything(anew).equals(after)
    anew.close()
    writer.close()


def writer_range(writer: _engine.Writer) -> list[tuple[str, int, int]]:
    return [(writer.id, 0, writer.stats().committed)]


def ids_and(*columns: str) -> list[str]:
    return ["run_id", *columns]


@pytest.mark.parametrize("count", [1, 20])
def test_a_tag_that_no_run_has_any_more_is_no_column(lake: BareLake, count: int) -> None:
    fill(lake, count)
    lake.catalog.log_batch("0-000", tags={"gone": "1", "left": "1"})
    assert "tags.gone" in everything(lake)
    lake.catalog.delete_tag("0-000", "gone")
    assert "tags.gone" not in everything(lake)
    assert everything(lake)["tags.left"][0] == "1"


def test_questions_about_keys_that_no_run_has_leave_nothing_behind(many: BareLake) -> None:
    def ask(first: int) -> None:
        for number in range(first, first + 5):
            keys = [f"{'long' * 40}{number}-{other}" for other in range(200)]
            assert not query.search_runs(
                many, ["0"], " OR ".join(f"params.`{key}` = 1 OR tags.`{key}` = 'x'" for key in keys)
            )

    many.catalog.log_batch("0-000", tags={"team": "changed"})
    ask(0)  # the first ones are warned about, and the warnings remembered
    tracemalloc.start()
    ask(5)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 200_000


def test_many_changes_make_a_new_snapshot(many: BareLake, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(10):
        many.catalog.log_batch(f"0-{number:03}", params={"second": str(number)})
    after = everything(many)
    again = fresh(many)
    counting = Counting(again.catalog, monkeypatch)
    assert everything(again).equals(after)
    assert counting.runs == 0
    again.close()


def test_the_type_of_a_parameter_follows_what_is_added_to_it(many: BareLake) -> None:
    assert everything(many).schema["params.n"] == pl.Int64
    many.run("a")
    many.catalog.log_batch("a", params={"n": "0.5"})
    assert everything(many).schema["params.n"] == pl.Float64
    assert everything(many)["params.n"][-1] == 0.5
    many.run("b")
    many.catalog.log_batch("b", params={"n": "many"})
    assert everything(many)["params.n"].to_list() == [str(number) for number in range(20)] + ["0.5", "many"]


def test_texts_of_every_kind_survive_the_way_through_catalog_and_snapshot(lake: BareLake) -> None:
    texts = [
        "",
        " ",
        '"',
        "\\",
        "'",
        "[1,2]",
        "a\x00b",
        "\x1f",
        "\u2028",
        "日本" * 50,
        "\U0001f600",
        "NaN",
        "-0.0",
        "null",
    ]
    for number in range(len(texts)):
        lake.run(f"r{number:02}")
        lake.catalog.log_batch(f"r{number:02}", params={"p": texts[number]}, tags={"t": texts[number]})
    frame = everything(lake)
    assert len(snapshots(lake)) == 1
    assert frame["params.p"].to_list() == texts == frame["tags.t"].to_list()
    again = fresh(lake)
    assert everything(again)["params.p"].to_list() == texts
    again.close()


def test_runs_whose_texts_together_are_longer_than_sqlite_allows_are_read_in_smaller_pieces(lake: BareLake) -> None:
    for number in range(20):
        lake.run(f"r{number}")
        lake.catalog.log_batch(f"r{number}", params={"prompt": f"{number} " * 1000}, tags={"note": "x" * 4000})
    with lake.catalog._database.reading() as session:  # so that a test needs no gigabyte
        session._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 20_000)
    assert everything(lake)["params.prompt"].to_list() == [f"{number} " * 1000 for number in range(20)]


def test_sealed_and_live_points_of_a_metric_are_summed_up_together(many: BareLake) -> None:
    writer = many.writer("0-001", "0-002")
    first, second = writer.run("0-001"), writer.run("0-002")
    first.log({"m": 5.0}, step=1, timestamp=1)
    assert everything(many)["metrics.m"].to_list()[:3] == [None, 5.0, None]
    first.log({"m": math.nan}, step=0, timestamp=1)
    second.log({"m": -1.0, "other": 1.0}, step=3, timestamp=1)
    for _ in range(2):
        frame = everything(many)
        assert frame["metrics.m"].to_list()[:3] == [None, 5.0, -1.0]
        assert frame["metrics.other"].to_list()[:3] == [None, None, 1.0]
    writer.close()


@pytest.mark.parametrize("count", [1, 20])
def test_the_mean_of_infinities_of_both_signs_is_nan_before_and_after_sealing(tmp_path: Path, count: int) -> None:
    store = Store.open(tmp_path / "lake")
    for number in range(count):
        store.create_run(f"r{number}", "0", name="a", user_id="u", start_time=0, owned=False)
    for step, value in enumerate((math.inf, -math.inf, 1.0)):
        store.run_logger("r0").log_metric("m", value, step=step)
    for _ in range(2):
        assert query.runs(store, where="mean(metrics.m) != 0").collect()["run_id"].to_list() == ["r0"]
        store.seal()
    shutil.rmtree(store.root / "cache", ignore_errors=True)
    again = Store.open(store.root)
    assert query.runs(again, where="mean(metrics.m) != 0").collect()["run_id"].to_list() == ["r0"]
    again.close()
    store.close()


@pytest.mark.parametrize("values", [(0.0, -0.0), (-0.0, 0.0)])
@pytest.mark.parametrize("seals", [0, 1, 2])
def test_zeros_of_both_signs_are_ordered_alike_in_journals_and_segments(
    tmp_path: Path, values: tuple[float, float], seals: int
) -> None:
    store = Store.open(tmp_path / "lake")
    store.create_run("r", "0", name="a", user_id="u", start_time=0, owned=False)
    for number, value in enumerate(values):
        store.run_logger("r").log_metric("m", value, step=number, timestamp=0)
        store.run_logger("r").log_metric("latest", value, step=0, timestamp=0)
        assert query.runs(store).collect().height == 1
        if number < seals:
            store.seal()
    low, high = [*map(str, values)].index("-0.0"), [*map(str, values)].index("0.0")
    where = f"argmin(metrics.m) = {low} AND argmax(metrics.m) = {high}"
    assert query.runs(store, where=where).collect()["run_id"].to_list() == ["r"]
    assert str(query.runs(store).collect()["metrics.latest"][0]) == "0.0"
    assert str(query.latest_metrics(store, ["r"])["r"]["latest"].value) == "0.0"
    compared = query.compare(store, ["r"], only_different=False).filter(kind="metric", key="m")
    said = dict(compared.select("field", "a").iter_rows())
    assert (said["min_step"], said["max_step"]) == (str(low), str(high))
    store.close()


def replace(path: Path, content: bytes) -> None:
    """Put another file in the place of one that this process has mapped; truncated in place it would be pulled away."""
    path.unlink()
    path.write_bytes(content)


def test_a_missing_cache_is_made_again(many: BareLake) -> None:
    before = everything(many)
    shutil.rmtree(many.catalog.root / "cache")
    assert everything(many).equals(before)
    again = fresh(many)
    assert everything(again).equals(before)
    assert len(snapshots(again)) == 1
    again.close()


@pytest.mark.parametrize("place", [0.0, 0.01, 0.2, 0.4, 0.6, 0.8, 0.97, 0.999])
def test_a_garbled_snapshot_is_made_again(many: BareLake, place: float) -> None:
    before = everything(many)
    [path] = snapshots(many)
    data = bytearray(path.read_bytes())
    at = int(place * (len(data) - 1))
    data[at : at + 64] = bytes(byte ^ 0xFF for byte in data[at : at + 64])
    replace(path, bytes(data))
    again = fresh(many)
    assert everything(again).equals(before)
    assert query.runs(again, where="params.n BETWEEN 3 AND 5").collect()["run_id"].to_list() == [
        "0-003",
        "0-004",
        "0-005",
    ]
    again.close()


@pytest.mark.parametrize("content", [b"", b"RLTABLE\x01", b"x" * 10_000])
def test_a_snapshot_that_is_something_else_is_made_again(many: BareLake, content: bytes) -> None:
    before = everything(many)
    [path] = snapshots(many)
    replace(path, content)
    again = fresh(many)
    assert everything(again).equals(before)
    assert path.read_bytes() != content
    again.close()


def test_a_snapshot_of_another_store_is_not_believed(many: BareLake, tmp_path: Path) -> None:
    other = BareLake(tmp_path / "other")
    other.run("only")
    (tmp_path / "other" / "cache" / "runs").mkdir(parents=True)
    shutil.copy(snapshots(many)[0], tmp_path / "other" / "cache" / "runs" / "0.tables")
    assert everything(other)["run_id"].to_list() == ["only"]
    other.close()


def test_a_catalog_that_was_put_back_is_believed_and_not_the_later_snapshot(many: BareLake, tmp_path: Path) -> None:
    many.close()
    shutil.copy(many.catalog.root / "catalog.db", tmp_path / "earlier.db")
    later = BareLake(many.catalog.root)
    for number in range(20):
        later.catalog.log_batch(f"0-{number:03}", tags={"team": "later"})
    assert set(everything(later)["tags.team"]) == {"later"}
    assert len(snapshots(later)) == 1
    later.close()
    shutil.copy(tmp_path / "earlier.db", many.catalog.root / "catalog.db")
    again = BareLake(many.catalog.root)
    assert "later" not in set(everything(again)["tags.team"])
    again.close()


def test_a_cache_that_cannot_be_written_costs_no_answer(lake: BareLake) -> None:
    fill(lake, 10)
    (lake.catalog.root / "cache").write_text("a file where the folder should be")
    assert everything(lake).height == 10
    lake.run("more")
    assert everything(lake).height == 11


def test_artifacts_follow_a_store_that_was_moved(many: BareLake, tmp_path: Path) -> None:
    many.close()
    moved = tmp_path / "moved"
    many.catalog.root.rename(moved)
    again = BareLake(moved)
    assert everything(again)["artifact_uri"][0] == str(moved / "artifacts" / "0" / "0-000")
    again.close()


def test_a_run_in_two_experiments_order_comes_oldest_first(lake: BareLake) -> None:
    other = lake.catalog.create_experiment("other", now_ms=1)
    expected = [lake.run(f"r{number}", other if number % 2 else "0") for number in range(14)]
    for number, run_id in enumerate(expected):
        lake.catalog.log_batch(run_id, params={"n": str(number)})
    for _ in range(2):
        frame = everything(lake)
        assert frame["run_id"].to_list() == expected
        assert frame["params.n"].to_list() == list(range(14))
    assert len(snapshots(lake)) == 2


READER = """
import sys
from runlake import query
from runlake.query import run_tables
from runlake.store import Store
from tests.query.lakes import BareLake
from pathlib import Path
run_tables._SMALL, run_tables._MANY_CHANGES = 5, 8
lake = BareLake(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    frame = query.runs(lake).collect()
    assert frame.height >= 20, frame.height
    assert (frame["params.n"] == frame["run_id"].str.slice(2).cast(int)).all()
lake.close()
"""


def test_processes_that_refresh_and_rebuild_at_once_do_not_hurt_each_other(many: BareLake) -> None:
    command = [sys.executable, "-c", READER, str(many.catalog.root), "40"]
    readers = [
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(3)
    ]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    for reader in readers:
        assert reader.stdin is not None
        reader.stdin.write("\n")
        reader.stdin.flush()
    for number in range(20, 80):
        many.run(f"0-{number:03}")
        many.catalog.log_batch(f"0-{number:03}", params={"n": str(number)})
        if number % 7 == 0:
            shutil.rmtree(many.catalog.root / "cache", ignore_errors=True)
    for reader in readers:
        _, errors = reader.communicate(timeout=50)
        assert reader.returncode == 0, errors
    assert everything(many)["params.n"].to_list() == list(range(80))
