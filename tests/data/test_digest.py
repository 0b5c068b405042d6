"""Digests: equal for equal content, in every process; different for any change of what is small enough to be read."""

import datetime as dt
import decimal
import enum
import itertools
import subprocess
import sys
import tracemalloc
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake import data
from runlake.data.digest import BLOCKS, MAX_BYTES, OBJECT_BYTES, Digest, sampled_rows
from runlake.data.numpy_dataset import add_sampled


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "i": [1, 2, 3],
            "f": [0.1, -0.0, np.nan],
            "s": ["a", "bc", ""],
            "n": ["x", None, "z"],
            "b": [True, False, True],
            "t": pd.to_datetime(["2020-01-01", "1969-12-31T23:59:59.999999999", None], format="ISO8601"),
            "z": pd.to_datetime(["2020-01-01", "2021-01-01", "2022-01-01"], utc=True).tz_convert("Europe/Paris"),
            "c": pd.Categorical(["u", "v", "u"]),
            "I": pd.array([1, None, 3], dtype="Int64"),
            "o": [[1, 2.5], {"k": None}, decimal.Decimal("1.10")],
        }
    )


# The digests are part of the format: runs of different versions name one data set by one digest.
GOLDEN = {
    "pandas": lambda: data.from_pandas(frame(), source="x").digest,
    "numpy": lambda: data.from_numpy(np.arange(6.0).reshape(2, 3), source="x", targets=np.arange(2)).digest,
    "names": lambda: data.from_numpy({"a": np.array(["x", "yy"]), "b": np.array([[True]])}, source="x").digest,
    "polars": lambda: data.from_polars(polars_frame(), source="x").digest,
    "meta": lambda: data.MetaDataset(data.resolve_dataset_source("s3://b/x"), name="n").digest,
}
EXPECTED = {
    "pandas": "aad1671baf83dd46",
    "numpy": "1602d7177c7f6e74",
    "names": "7692ebd8c8277b47",
    "polars": "4e76802caf51ff6b",
    "meta": "5da3c4400ce7854a",
}


def digests_now() -> dict[str, str]:
    return {name: make() for name, make in GOLDEN.items()}


def polars_frame() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "i": [1, None, 3],
            "f": [0.5, float("nan"), -0.0],
            "s": ["a", None, "é"],
            "d": [dt.date(2020, 1, 1), None, dt.date(1960, 1, 1)],
            "t": [dt.datetime(2020, 1, 1), None, dt.datetime(1960, 1, 1)],
            "l": [[1], [], None],
            "b": [True, None, False],
        },
        schema_overrides={"i": pl.Int16},
    )


@pytest.mark.parametrize("name", GOLDEN)
def test_digests_stay_what_they_are(name: str) -> None:
    assert GOLDEN[name]() == EXPECTED[name]


def test_another_process_finds_the_same_digests() -> None:
    """With another seed for hashes, which orders sets and dictionaries of its own differently."""
    program = "import sys; sys.path.insert(0, sys.argv[1])\nimport test_digest as t; print(t.digests_now())"
    out = subprocess.run(
        [sys.executable, "-c", program, str(Path(__file__).parent)], check=True, capture_output=True, text=True
    )
    assert out.stdout.strip() == str(digests_now())


def test_a_digest_fits_where_mlflow_stores_it() -> None:
    assert all(len(make()) == 16 for make in GOLDEN.values())


def changes() -> dict[str, pd.DataFrame]:
    """The frame of `frame` with one thing different in each."""
    made = {}
    for column, row, value in (
        ("i", 2, 4),
        ("f", 1, 0.0),
        ("f", 2, 7.0),
        ("s", 0, "b"),
        ("s", 2, "c"),
        ("n", 1, ""),
        ("b", 2, False),
        ("t", 1, pd.Timestamp("1969-12-31T23:59:59.999999998")),
        ("z", 0, pd.Timestamp("2020-01-01T00:00:01", tz="Europe/Paris")),
        ("c", 0, "v"),
        ("I", 1, 0),
        ("o", 2, decimal.Decimal("1.1")),
    ):
        changed = frame()
        changed.at[row, column] = value
        made[f"{column}{row}"] = changed
    deep = frame()
    deep.at[0, "o"] = [1, 2.25]
    made["deep"] = deep
    made["renamed"] = frame().rename(columns={"i": "j"})
    made["reordered"] = frame()[["f", *(name for name in frame() if name != "f")]]
    made["rows"] = frame().iloc[[1, 0, 2]].reset_index(drop=True)
    made["fewer"] = frame().iloc[:2]
    made["index"] = frame().set_index(pd.Index(["x", "y", "z"]))
    made["dtype"] = frame().astype({"i": "int32"})
    made["zone"] = frame().assign(z=frame()["z"].dt.tz_convert("UTC"))
    made["text"] = frame().assign(s=["ab", "c", ""])
    return made


def test_every_change_of_a_frame_changes_the_digest() -> None:
    digests = {name: data.from_pandas(changed, source="x").digest for name, changed in changes().items()}
    digests["unchanged"] = data.from_pandas(frame(), source="x").digest
    assert len(set(digests.values())) == len(digests), digests


def test_a_copy_in_another_layout_has_the_same_digest() -> None:
    assert data.from_pandas(frame().copy(deep=True), source="x").digest == GOLDEN["pandas"]()
    array = np.arange(24.0).reshape(4, 6)
    digests = {
        data.from_numpy(same, source="x").digest
        for same in (array, np.asfortranarray(array), array.astype(">f8"), np.repeat(array, 2, axis=0)[::2])
    }
    assert len(digests) == 1


def test_times_of_another_resolution_have_the_same_digest() -> None:
    """Pandas 2 reads dates as nanoseconds, pandas 3 as microseconds."""
    moments = pd.Series(["2020-01-01", "1960-05-05T01:02:03.000004", None], dtype="datetime64[ns]")
    digests = {
        data.from_pandas(pd.DataFrame({"t": moments.astype(dtype)}), source="x").digest
        for dtype in ("datetime64[ns]", "datetime64[us]")
    }
    assert len(digests) == 1


def test_text_of_another_storage_has_the_same_digest() -> None:
    """Pandas 2 keeps text as objects with None, pandas 3 in a type of its own with NaN."""
    digests = {
        data.from_pandas(pd.DataFrame({"s": pd.Series(values, dtype=dtype)}), source="x").digest
        for values, dtype in (
            (["a", None], "object"),
            (["a", float("nan")], "object"),
            (["a", pd.NA], "string"),
            (["a", None], "category"),
        )
    }
    assert len(digests) == 1


class Colour(enum.Enum):
    RED = 1


class Plain:
    pass


@pytest.mark.parametrize(
    "values",
    [
        [dt.date(2020, 1, 1), dt.time(1), dt.timedelta(1), dt.datetime(2020, 1, 1)],
        [b"x", "x", 1, 1.0, True, None, 10**30, 1j],
        [uuid.UUID(int=1), Path("x"), Colour.RED, decimal.Decimal(1)],
        [(1, 2), {"a": 1}, {1, 2, 3}, np.arange(3), np.float32(1), [[1], 2], [[1, 2]]],
        [Plain(), Plain()],
    ],
    ids=["times", "scalars", "text", "compound", "plain"],
)
def test_objects_of_many_kinds_have_a_lasting_digest(values: list[Any]) -> None:
    def made(values: list[Any]) -> str:
        digest = Digest("test")
        digest.add_values(values)
        return digest.text()

    assert made(values) == made(list(values))
    singles = [made([value]) for value in values]
    assert len(set(singles)) == len({repr(value).partition(" at 0x")[0] for value in values})


@given(st.lists(st.text(max_size=3) | st.none()), st.lists(st.text(max_size=3) | st.none()))
def test_only_equal_texts_have_equal_digests(first: list[str | None], second: list[str | None]) -> None:
    def made(values: list[str | None]) -> str:
        digest = Digest("test")
        digest.add_values(list(values))
        return digest.text()

    assert (made(first) == made(second)) == (first == second)


@given(rows=st.integers(0, 10**9), row_bytes=st.integers(1, 10**9))
def test_sampled_rows_are_in_order_within_bounds_and_have_both_ends(rows: int, row_bytes: int) -> None:
    ranges = sampled_rows(rows, row_bytes)
    assert ranges[0][0] == 0
    assert ranges[-1][1] == rows
    assert all(first <= end for first, end in ranges)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(ranges))
    hashed = sum(end - first for first, end in ranges)
    assert hashed == rows or hashed * row_bytes <= max(MAX_BYTES, BLOCKS * row_bytes)
    if rows * row_bytes <= MAX_BYTES:
        assert ranges == [(0, rows)]


class Counted(Digest):
    """A digest that knows how much was put in."""

    def __init__(self) -> None:
        super().__init__("test")
        self.size = 0

    def add(self, data: bytes) -> None:
        self.size += len(data)
        super().add(data)


@pytest.mark.parametrize("shape", [(1000, 1000), (10, 100_000), (1, 1_000_000), (1_000_000,), (3, 2, 200_000)])
def test_of_a_large_array_about_the_limit_is_hashed(shape: tuple[int, ...]) -> None:
    array = np.zeros(shape, dtype="uint8")
    counted = Counted()
    add_sampled(counted, array, 100_000)
    assert 50_000 <= counted.size <= 200_000
    changed = np.zeros(shape, dtype="uint8")
    changed.flat[-1] = 1
    other = Counted()
    add_sampled(other, changed, 100_000)
    assert counted.text() != other.text()


def test_a_large_frame_is_hashed_in_bounded_memory() -> None:
    rows = 2 * MAX_BYTES // OBJECT_BYTES
    large = pd.DataFrame({"s": pd.Categorical.from_codes(np.zeros(rows, dtype="int8"), ["text"])})
    tracemalloc.start()
    try:
        first = data.from_pandas(large, source="x").digest
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()
    assert first != data.from_pandas(large.iloc[:-1], source="x").digest


def test_polars_digests_do_not_need_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = data.from_polars(polars_frame(), source="x").digest
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert data.from_polars(polars_frame(), source="x").digest == expected


def test_every_change_of_a_polars_frame_changes_the_digest() -> None:
    digests = {data.from_polars(polars_frame(), source="x").digest}
    edits = {
        "i": [1, 0, 3],
        "f": [0.5, float("nan"), 0.0],
        "s": ["a", "", "é"],
        "d": [dt.date(2020, 1, 1), None, dt.date(1960, 1, 2)],
        "t": [dt.datetime(2020, 1, 1), None, dt.datetime(1960, 1, 1, 1)],
        "l": [[1], None, None],
        "b": [True, False, False],
    }
    for name, values in edits.items():
        dtype = polars_frame().schema[name]
        digests.add(
            data.from_polars(polars_frame().with_columns(pl.Series(name, values, dtype=dtype)), source="x").digest
        )
    digests.add(data.from_polars(polars_frame().rename({"i": "j"}), source="x").digest)
    digests.add(data.from_polars(polars_frame().head(2), source="x").digest)
    digests.add(data.from_polars(polars_frame().cast({"i": pl.Int32}), source="x").digest)
    assert len(digests) == 4 + len(edits)
