"""points(): which points a query gets, what it opens for them, and that nothing is bent on the way."""

from __future__ import annotations

import math
import re
import struct
from pathlib import Path

import polars as pl
import pytest

from runlake import query
from runlake.catalog import Change
from runlake.errors import Corrupt, InvalidInput, InvalidType, NotFound, StoreError
from runlake.query import scan
from runlake.query.keys import KeyChoice, Keys
from runlake.query.reader import ReadStep
from tests.query.lakes import BareLake, Row


def bits(value: float) -> int:
    return int.from_bytes(struct.pack("<d", value), "little")


def found(frame: pl.LazyFrame) -> list[tuple[str, str, int]]:
    return sorted(frame.select("run_id", "key", "step").collect().iter_rows())


@pytest.fixture
def filled(lake: BareLake) -> BareLake:
    """Three runs; a and b in one segment, b and c in another, and live points of c."""
    for run in "abc":
        lake.run(run)
    lake.segment(
        [Row(run, key, step, step, step / 2) for run in "ab" for key in ("acc", "train/loss") for step in (0, 1)]
    )
    lake.segment([Row(run, key, step, step, step / 2) for run in "bc" for key in ("train/acc",) for step in (5, 6)])
    writer = lake.writer("c")
    writer.run("c").log_metric("train/loss", 0.5, step=7, timestamp=7)
    writer.close()
    return lake


ALL = sorted(
    [(run, key, step) for run in "ab" for key in ("acc", "train/loss") for step in (0, 1)]
    + [(run, "train/acc", step) for run in "bc" for step in (5, 6)]
    + [("c", "train/loss", 7)]
)


def test_without_a_choice_every_point_is_there_once(filled: BareLake) -> None:
    assert found(query.points(filled)) == ALL


@pytest.mark.parametrize(
    "runs",
    [
        "b",
        ["b"],
        ("b", "b"),
        pl.Series(["b", None]),
        pl.DataFrame({"run_id": ["b"], "other": [1]}),
        pl.LazyFrame({"run_id": ["a", "b"]}).filter(pl.col("run_id") == "b"),
    ],
)
def test_runs_are_chosen_by_ids_or_by_a_frame(filled: BareLake, runs: object) -> None:
    assert found(query.points(filled, runs)) == [point for point in ALL if point[0] == "b"]  # type: ignore[arg-type]


def test_runs_are_chosen_by_a_frame_of_runs(filled: BareLake) -> None:
    some = query.runs(filled, where="run_name = 'c'")
    assert found(query.points(filled, some)) == [point for point in ALL if point[0] == "c"]


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        ("acc", {"acc"}),
        (["acc", "train/acc"], {"acc", "train/acc"}),
        ("train/*", {"train/acc", "train/loss"}),
        (["acc", "*/loss"], {"acc", "train/loss"}),
        ("t*/?cc", {"train/acc"}),
        ("*", {"acc", "train/acc", "train/loss"}),
        ("a.c", set()),
        ("ac", set()),
        ([], set()),
        ("[a]cc", set()),
        ("^train/(acc|loss)$", {"train/acc", "train/loss"}),
        ("^.*acc", {"acc", "train/acc"}),
        (re.compile("acc$"), {"acc", "train/acc"}),
        (re.compile("^TRAIN/L", re.IGNORECASE), {"train/loss"}),
        (re.compile("loss # the last part", re.VERBOSE), {"train/loss"}),
        (["acc", "^train/l", "*/a*"], {"acc", "train/acc", "train/loss"}),
    ],
)
def test_keys_are_chosen_by_name_by_pattern_or_by_expression(filled: BareLake, keys: Keys, chosen: set[str]) -> None:
    assert found(query.points(filled, keys=keys)) == [point for point in ALL if point[1] in chosen]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("^(a", "unclosed group"),
        ("^a(?=b)", "look-around"),
        (re.compile(r"(a)\1"), "backreferences are not supported"),
        ("^" + "a" * 1_000_000, "exceeds size limit"),
        ("^(a{1000}){1000}", "exceeds size limit"),
        (["ok", "^[b-a]"], "invalid character class range"),
    ],
)
def test_an_expression_that_cannot_be_used_is_refused_at_once(filled: BareLake, expression: Keys, reason: str) -> None:
    with pytest.raises(InvalidInput, match=f"cannot be used: .*{reason}") as caught:
        query.points(filled, keys=expression)
    assert len(str(caught.value)) < 400


def test_an_expression_that_explodes_elsewhere_takes_linear_time(lake: BareLake) -> None:
    lake.run("a")
    lake.segment([Row("a", "x" * 250, 0, 0, 1.0)])
    assert query.points(lake, keys="^(x+x+)+y").collect().is_empty()


def test_an_empty_choice_of_runs_has_no_points(filled: BareLake) -> None:
    assert query.points(filled, []).collect().schema == query.points(filled).collect_schema()
    assert found(query.points(filled, pl.DataFrame({"run_id": []}, schema={"run_id": pl.String}))) == []


def test_columns_and_types_are_those_of_a_segment_and_the_rank(filled: BareLake) -> None:
    frame = query.points(filled).collect()
    assert frame.schema == {
        "run_id": pl.String,
        "key": pl.String,
        "step": pl.Int64,
        "timestamp": pl.Int64,
        "value": pl.Float64,
        "writer": pl.String,
        "seq": pl.Int64,
        "rank": pl.Int32,
    }


def test_points_have_the_rank_of_the_process_that_logged_them(lake: BareLake) -> None:
    lake.run("a")
    writers = [lake.writer("a", rank=rank) for rank in (0, 3, None)]
    for step, writer in enumerate(writers):
        writer.run("a").log_metric("live", 1.0, step=step, timestamp=0)
    lake.segment([Row("a", "sealed", step, 0, 0.5, writer.id) for step, writer in enumerate(writers)])
    for key in ("live", "sealed"):
        frame = query.points(lake, "a", key)
        assert frame.sort("step").collect()["rank"].to_list() == [0, 3, None]
        assert frame.filter(pl.col("rank") > 0).select("step").collect().item() == 1
        assert frame.filter(pl.col("rank").is_null()).select("step", "rank").collect().rows() == [(2, None)]
        assert query.points(lake, "a", key, latest="step").filter(pl.col("rank") == 0).collect().height == 1
        assert query.points(lake, "a", key, latest="step").select("rank").collect()["rank"].sum() == 3
        assert frame.head(2).select("rank").collect().height == 2
    for writer in writers:
        writer.close()


def test_points_join_the_run_table_by_run(filled: BareLake) -> None:
    filled.catalog.apply(Change("c", params={"lr": "0.1"}))
    some = query.runs(filled, where="params.lr < 1")
    joined = query.points(filled, some, "train/*").join(some.select("run_id", "params.lr"), on="run_id")
    assert sorted(joined.select("step", "params.lr").collect().rows()) == [(5, 0.1), (6, 0.1), (7, 0.1)]
    for path in filled.segments_dir.iterdir():  # no more is opened for it
        if "c" not in pl.read_parquet(path)["run_id"]:
            path.unlink()
    assert joined.filter(pl.col("step") > 5).collect().height == 2


def test_an_unknown_run_is_refused(filled: BareLake) -> None:
    with pytest.raises(NotFound, match="no run 'nope' and 1 more"):
        query.points(filled, ["a", "nope", "never"])


def test_a_name_where_an_id_is_wanted_is_answered_with_the_id(filled: BareLake) -> None:
    filled.catalog.create_experiment("sweep", now_ms=0)
    filled.catalog.create_run("0123456789", "0", name="first", user_id="ada", start_time=0, owned=False)
    for name, hint in (
        ("first", "runs are given by their ids; that means the run 0123456789"),
        ("01234", "runs are given by their ids; that means the run 0123456789"),
        ("sweep", "that is an experiment; its runs are runlake.runs('sweep')"),
        ("nope", "runs are given by their ids, as in the column run_id of runs()"),
    ):
        with pytest.raises(NotFound) as caught:
            query.points(filled, name)
        assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("runs", "keys"),
    [(5, None), ([5], None), ({"run_id": "a"}, None), (None, 5), (None, [5]), (None, re.compile(b"a"))],
)
def test_a_choice_of_the_wrong_type_is_refused(filled: BareLake, runs: object, keys: object) -> None:
    with pytest.raises(InvalidType):
        query.points(filled, runs, keys)  # type: ignore[arg-type]


def test_a_frame_of_runs_without_ids_is_refused(filled: BareLake) -> None:
    with pytest.raises(InvalidInput, match="no column run_id; its columns are lr, depth"):
        query.points(filled, pl.DataFrame({"lr": [0.1], "depth": [1]}))
    with pytest.raises(InvalidInput, match="no column run_id; its columns are lr"):
        query.points(filled, pl.LazyFrame({"lr": [0.1]})).collect()


def test_only_segments_with_the_runs_that_are_asked_for_are_opened(filled: BareLake) -> None:
    for path in filled.segments_dir.iterdir():
        if pl.read_parquet(path)["run_id"].is_in(["a"]).any():
            path.unlink()
    assert found(query.points(filled, "c")) == [point for point in ALL if point[0] == "c"]


def test_only_row_groups_with_the_series_that_is_asked_for_are_read(lake: BareLake) -> None:
    lake.run("a")
    rows = [Row("a", f"key{series:02}", step, step, 0.5) for series in range(20) for step in range(100)]
    path = lake.segment(rows, row_group_size=100)
    size = path.stat().st_size
    with path.open("r+b") as file:  # spoil the first half: the row groups of the keys below 10
        file.seek(4)
        file.write(b"\xff" * (size // 3))
    assert query.points(lake, "a", "key15").collect().height == 100
    with pytest.raises(Corrupt, match=path.name):
        query.points(lake, "a", "key02").collect()


def test_a_filter_that_cannot_be_answered_is_not_blamed_on_a_segment(filled: BareLake) -> None:
    with pytest.raises(pl.exceptions.PolarsError):
        query.points(filled).filter(pl.col("value").cast(pl.String).str.to_datetime("%Y") == pl.lit("x")).collect()


@pytest.mark.parametrize("left", [0, 3, 100])
def test_a_segment_that_was_cut_off_is_named(filled: BareLake, left: int) -> None:
    for path in filled.segments_dir.iterdir():
        path.write_bytes(path.read_bytes()[:left])
        with pytest.raises(Corrupt, match=r"segment .* is not what was written"):
            query.points(filled).collect()


def test_a_filter_and_a_choice_of_columns_around_the_frame_hold(filled: BareLake) -> None:
    frame = (
        query.points(filled).filter(pl.col("value") >= 0.5, pl.col("key") == "acc").select("step", "value").collect()
    )
    assert sorted(frame.iter_rows()) == [(1, 0.5), (1, 0.5)]
    assert query.points(filled).select(pl.len()).collect().item() == len(ALL)


def test_a_limit_counts_before_or_after_a_filter_as_it_is_written(filled: BareLake) -> None:
    late = pl.col("step") >= 5
    assert query.points(filled).filter(late).head(3).collect().height == 3
    first = query.points(filled).head(7).collect()
    assert first.height == 7
    assert query.points(filled).head(7).filter(late).collect().height == first.filter(late).height
    assert query.points(filled, "b").head(1).select("value").collect().height == 1
    assert query.points(filled).head(0).collect().height == 0
    assert query.points(filled).head(1000).collect().height == len(ALL)


def test_a_frame_shows_what_was_logged_after_it_was_made(filled: BareLake) -> None:
    frame = query.points(filled, "a", "late")
    assert frame.collect().is_empty()
    filled.segment([Row("a", "late", 0, 0, 1.0)])
    assert found(frame) == [("a", "late", 0)]
    writer = filled.writer("a")
    writer.run("a").log_metric("late", 1.0, step=1, timestamp=0)
    assert found(frame) == [("a", "late", 0), ("a", "late", 1)]
    writer.close()


def test_values_keep_every_bit(lake: BareLake) -> None:
    values = [
        struct.unpack("<d", struct.pack("<Q", 0x7FF8000000000123))[0],
        -0.0,
        5e-324,
        math.inf,
        -math.inf,
        -math.nan,
    ]
    lake.run("a")
    lake.segment([Row("a", "sealed", step, 0, value) for step, value in enumerate(values)])
    writer = lake.writer("a")
    for step, value in enumerate(values):
        writer.run("a").log_metric("live", value, step=step, timestamp=0)
    for key in ("sealed", "live"):
        read = query.points(lake, "a", key).sort("step").collect()["value"]
        assert [bits(value) for value in read] == [bits(value) for value in values]
    writer.close()


def test_steps_and_times_of_64_bits_and_repeats_are_kept(lake: BareLake) -> None:
    steps = [2**63 - 1, -(2**63), 0, 0, 0]
    lake.run("a")
    lake.segment([Row("a", "k", step, 2**62, 1.0, seq=seq) for seq, step in enumerate(steps)])
    assert query.points(lake, "a").collect()["step"].sort().to_list() == sorted(steps)


def test_long_keys_that_differ_at_their_ends_are_told_apart(lake: BareLake) -> None:
    keys = ["k" * 240 + str(number) for number in range(10)]
    lake.run("a")
    lake.segment([Row("a", key, step, 0, 0.5) for key in keys for step in range(20)], row_group_size=20)
    for key in keys:
        assert query.points(lake, "a", key).collect().height == 20


def test_a_query_begins_again_when_a_segment_was_replaced(filled: BareLake) -> None:
    path = next(filled.segments_dir.iterdir())
    moved = path.with_suffix(".moved")
    seen: list[ReadStep] = []

    def replace_segment(step: ReadStep) -> None:
        seen.append(step)
        if step is ReadStep.PLANNED:
            path.rename(moved) if path.exists() else moved.rename(path)

    assert found(query.points(filled, hook=replace_segment)) == ALL
    assert seen.count(ReadStep.PLANNED) == 2


def test_a_segment_that_stays_away_is_named(filled: BareLake) -> None:
    path = next(filled.segments_dir.iterdir())
    path.unlink()
    with pytest.raises(StoreError, match=path.name):
        query.points(filled).collect()


@pytest.fixture
def big(filled: BareLake, monkeypatch: pytest.MonkeyPatch) -> BareLake:
    """The same store, as if it had more rows than may be in memory at once."""
    monkeypatch.setattr(scan, "_BATCH_ROWS", 3)
    monkeypatch.setattr(scan, "_PIECE_ROWS", 2)
    return filled


def test_a_choice_of_many_rows_is_handed_over_in_pieces(big: BareLake, tmp_path: Path) -> None:
    for chosen in (query.points(big, keys="*a*"), query.points(big).filter(pl.col("step") >= 0)):
        assert found(chosen) == ALL
        query.export(chosen, tmp_path / "all.parquet", overwrite=True)
        assert found(pl.scan_parquet(tmp_path / "all.parquet")) == ALL
    segments = big.catalog.plan().segments
    pieces = scan.read_pieces(big.segments_dir, segments, KeyChoice.of("*a*"), lambda frame: frame, together=True)
    heights = [piece.height for piece in pieces]
    assert (sum(heights), max(heights)) == (12, 2)
    assert query.points(big, keys="nope").collect().is_empty()
    assert query.points(big, keys="*a*").head(3).collect().height == 3
    assert query.points(big, keys="*a*", latest="step").collect().height == len(ALL)


def test_a_query_in_pieces_begins_again_when_a_segment_was_replaced(big: BareLake) -> None:
    path = next(big.segments_dir.iterdir())
    moved = path.with_suffix(".moved")

    def replace_segment(step: ReadStep) -> None:
        if step is ReadStep.PLANNED:
            path.rename(moved) if path.exists() else moved.rename(path)

    assert found(query.points(big, keys="*a*", hook=replace_segment)) == ALL


def test_in_pieces_too_a_segment_that_stays_away_or_was_cut_off_is_named(big: BareLake) -> None:
    path = next(big.segments_dir.iterdir())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Corrupt, match=path.name):
        query.points(big, keys="*a*").collect()
    path.unlink()
    with pytest.raises(StoreError, match=path.name):
        query.points(big, keys="*a*").collect()


def test_the_history_of_an_unknown_run_or_key_is_empty(filled: BareLake) -> None:
    assert query.metric_history(filled, "a", "nope") == []
    assert query.metric_history(filled, "nope", "acc") == []
