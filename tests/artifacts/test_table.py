"""Tables: rows are appended, independent readers see them, and several runs become one frame."""

import datetime as dt
import decimal
import io
import json
import math
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pillow

from runlake.artifacts import Artifacts, Image
from runlake.artifacts.image import load_image
from runlake.artifacts.table import load_table, log_table, logged_artifacts_tag
from runlake.errors import InvalidInput, InvalidType, MissingExtra, NotFound


def stored(artifacts: Artifacts, path: str = "t.json") -> tuple[list[str], list[list[Any]]]:
    document = json.loads(artifacts.load_text(path))
    return document["columns"], document["data"]


def test_columns_become_rows(artifacts: Artifacts) -> None:
    log_table(artifacts, {"a": [1, 2], "b": ["x", None], "c": [0.1, math.nan]}, "t.json")
    assert stored(artifacts) == (["a", "b", "c"], [[1, "x", 0.1], [2, None, None]])


def test_single_values_are_a_row_or_are_repeated(artifacts: Artifacts) -> None:
    log_table(artifacts, {"a": 1, "b": "text", "c": {"k": 1}}, "t.json")
    log_table(artifacts, {"a": [1, 2], "b": "text"}, "u.json")
    assert stored(artifacts)[1] == [[1, "text", {"k": 1}]]
    assert stored(artifacts, "u.json")[1] == [[1, "text"], [2, "text"]]


def test_later_rows_are_appended_under_the_columns_of_both(artifacts: Artifacts) -> None:
    log_table(artifacts, {"a": [1], "b": [2]}, "t.json")
    log_table(artifacts, pd.DataFrame({"b": [3], "c": [4]}), "t.json")
    assert stored(artifacts) == (["a", "b", "c"], [[1, 2, None], [None, 3, 4]])


def test_every_digit_of_a_double_is_kept(artifacts: Artifacts) -> None:
    values = [0.1 + 0.2, 1e-300, 5e-324, 1.7976931348623157e308, -0.0, 2**60 + 1]
    log_table(artifacts, {"v": values}, "t.json")
    log_table(artifacts, {"v": [0]}, "t.json")
    assert [row[0] for row in stored(artifacts)[1]] == [*values, 0]


def test_values_of_many_kinds_become_json(artifacts: Artifacts) -> None:
    moment = dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    given = {
        "np": np.float32(0.5),
        "bool": np.bool_(True),
        "array": np.array([[1, 2]]),
        "list": [[1, {"k": np.int8(3)}]],
        "moment": moment,
        "stamp": pd.Timestamp(moment),
        "nat": pd.NaT,
        "na": pd.NA,
        "day": dt.date(2020, 1, 2),
        "span": dt.timedelta(seconds=90),
        "decimal": decimal.Decimal("0.5"),
        "bytes": b"xy",
        "inf": math.inf,
        "path": Path("a/b"),
    }
    log_table(artifacts, {key: [value] for key, value in given.items() if key != "list"}, "t.json")
    columns, (row,) = stored(artifacts)
    assert dict(zip(columns, row, strict=True)) == {
        "np": 0.5,
        "bool": True,
        "array": [[1, 2]],
        "moment": "2020-01-02T03:04:05+00:00",
        "stamp": "2020-01-02T03:04:05+00:00",
        "nat": None,
        "na": None,
        "day": "2020-01-02",
        "span": 90.0,
        "decimal": 0.5,
        "bytes": "xy",
        "inf": None,
        "path": "a/b",
    }
    log_table(artifacts, {"list": given["list"]}, "u.json")
    assert stored(artifacts, "u.json")[1] == [[[1, {"k": 3}]]]


def test_pandas_reads_the_table_and_mlflow_writes_the_same(
    artifacts: Artifacts, mlflow_says: Callable[[str], Any]
) -> None:
    frame = pd.DataFrame({"text": ["a", "b"], "number": [1.5, 2.5], "count": [1, 2]})
    log_table(artifacts, frame, "t.json")
    read = pd.read_json(io.StringIO(artifacts.load_text("t.json")), orient="split")
    pd.testing.assert_frame_equal(read, frame)
    judged = mlflow_says(
        f"client.log_table(run_id, {frame.to_dict('list')!r}, 't.json'); print(open(f'{{root}}/t.json').read())"
    )
    assert stored(artifacts) == (judged["columns"], judged["data"])


def test_a_parquet_table_grows_too(artifacts: Artifacts) -> None:
    log_table(artifacts, {"a": [1, 2], "b": ["x", "y"]}, "t.parquet")
    log_table(artifacts, {"a": [3], "b": ["z"]}, "t.parquet")
    read = pd.read_parquet(io.BytesIO(artifacts.read_bytes("t.parquet")))
    assert read.to_dict("list") == {"a": [1, 2, 3], "b": ["x", "y", "z"]}
    assert load_table("t.parquet", [(artifacts, {})]).to_dict("list") == read.to_dict("list")


def test_images_in_cells_are_files_and_the_cells_say_where(artifacts: Artifacts) -> None:
    red = Pillow.new("RGB", (300, 3), (255, 0, 0))
    log_table(artifacts, {"name": ["a", "b"], "image": [red, Image(red)]}, "dir/t.json")
    _, rows = stored(artifacts, "dir/t.json")
    for _, cell in rows:
        assert cell["type"] == "image"
        assert cell["filepath"].startswith("table_images/dir/t/")
        assert load_image(artifacts, cell["filepath"]).getpixel((0, 0)) == (255, 0, 0)
        assert load_image(artifacts, cell["compressed_filepath"]).size == (256, 2)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"a": [1, 2], "b": [1]}, InvalidInput),
        ({"a": [Pillow.new("L", (1, 1)), "text"]}, InvalidInput),
        ({"a": [object()]}, InvalidType),
        ([1, 2], InvalidType),
        ("text", InvalidType),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), InvalidInput),
    ],
    ids=["lengths", "mixed", "object", "list", "text", "twice"],
)
def test_what_is_no_table_is_refused_and_nothing_changes(
    artifacts: Artifacts, data: Any, error: type[Exception]
) -> None:
    log_table(artifacts, {"a": [1]}, "t.json")
    with pytest.raises(error):
        log_table(artifacts, data, "t.json")
    assert stored(artifacts) == (["a"], [[1]])


def test_the_suffix_has_to_say_which_table_it_is(artifacts: Artifacts) -> None:
    with pytest.raises(InvalidInput, match=r"t\.csv"):
        log_table(artifacts, {"a": [1]}, "t.csv")


def test_a_file_that_is_no_table_is_not_overwritten(artifacts: Artifacts) -> None:
    artifacts.write_text("[1, 2]", "t.json")
    with pytest.raises(InvalidInput, match=r"t\.json"):
        log_table(artifacts, {"a": [1]}, "t.json")
    assert artifacts.load_text("t.json") == "[1, 2]"


def test_threads_that_append_at_once_lose_no_row(artifacts: Artifacts) -> None:
    def append(number: int) -> None:
        for row in range(10):
            log_table(Artifacts(artifacts.root), {"v": [number * 10 + row]}, "t.json")

    threads = [threading.Thread(target=append, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(row[0] for row in stored(artifacts)[1]) == list(range(40))


def test_tables_of_several_runs_become_one_frame(tmp_path: Path) -> None:
    runs = [Artifacts(tmp_path / name) for name in ("one", "two", "none")]
    log_table(runs[0], {"a": [1, 2]}, "t.json")
    log_table(runs[1], {"a": [3], "run_id": ["mine"]}, "t.json")
    extra = [(run, {"run_id": run.root.name, "params": {"lr": 1}}) for run in runs]
    with pytest.warns(UserWarning, match="run_id"):
        frame = load_table("t.json", extra)
    assert frame["a"].tolist() == [1, 2, 3]
    assert frame["run_id"].tolist() == ["one", "one", "mine"]
    assert frame["run_id_"].tolist()[2] == "two"
    with pytest.raises(NotFound, match=r"u\.json"):
        load_table("u.json", extra)


def test_a_table_is_written_without_pandas(artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    log_table(artifacts, {"a": [1]}, "t.json")
    log_table(artifacts, {"a": [2]}, "t.json")
    assert stored(artifacts)[1] == [[1], [2]]
    with pytest.raises(MissingExtra, match="pip install pandas"):
        load_table("t.json", [(artifacts, {})])


def test_the_tag_lists_each_table_once() -> None:
    tag = logged_artifacts_tag(None, "a.json")
    tag = logged_artifacts_tag(tag, "b.json")
    assert logged_artifacts_tag(tag, "a.json") == tag
    assert json.loads(tag) == [{"path": "a.json", "type": "table"}, {"path": "b.json", "type": "table"}]
