"""`log_points`: Arrow tables of many keys, from any library that speaks the PyCapsule protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from runlake import _engine
from runlake.errors import InvalidInput, InvalidType

Points = Callable[[], list[tuple[str, int, float]]]

KEYS = ["a", "b", "a", "c"]
EXPECTED = [("a", 0, 0.5), ("b", 1, 1.5), ("a", 2, 2.5), ("c", 3, 3.5)]


def table(**changes: Any) -> pa.Table:
    columns = {"key": KEYS, "step": [0, 1, 2, 3], "value": [0.5, 1.5, 2.5, 3.5]}
    return pa.table(columns | changes)


@pytest.mark.parametrize(
    "keys",
    [
        pa.array(KEYS, pa.string()),
        pa.array(KEYS, pa.large_string()),
        pa.array(KEYS, pa.string_view()),
        pa.array(KEYS).dictionary_encode(),
        pa.DictionaryArray.from_arrays(
            pa.array([1, 2, 1, 3], pa.int8()), pa.array([None, "a", "b", "c", "not/../legal"])
        ),
        pa.DictionaryArray.from_arrays(
            pa.array([0, 1, 0, 2], pa.uint32()), pa.array(["a", "b", "c"], pa.large_string())
        ),
    ],
    ids=lambda keys: str(keys.type),
)
def test_keys_of_every_string_type(run: _engine.RunLogger, points: Points, keys: pa.Array) -> None:
    assert run.log_points(table(key=keys)) == 4
    assert points() == EXPECTED


@pytest.mark.parametrize(
    "kind",
    ["float64", "float32", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8"],
)
def test_values_of_every_numeric_type(run: _engine.RunLogger, points: Points, kind: str) -> None:
    run.log_points(table(value=pa.array([4, 5, 6, 7], kind)))
    assert [value for _, _, value in points()] == [4.0, 5.0, 6.0, 7.0]


def test_half_floats_and_bools(run: _engine.RunLogger, points: Points) -> None:
    run.log_points(table(value=pa.array([0.5, 1, 2, 3]).cast(pa.float16())))
    run.log_points(table(value=pa.array([True, False, True, True])))
    assert [value for _, _, value in points()] == [0.5, 1, 2, 3, 1, 0, 1, 1]


@pytest.mark.parametrize(
    "exporter",
    [
        pl.DataFrame({"key": KEYS, "step": [0, 1, 2, 3], "value": [0.5, 1.5, 2.5, 3.5]}),
        pl.DataFrame({"key": KEYS, "step": [0, 1, 2, 3], "value": [0.5, 1.5, 2.5, 3.5]}).cast({"key": pl.Categorical}),
        pd.DataFrame({"key": KEYS, "step": [0, 1, 2, 3], "value": [0.5, 1.5, 2.5, 3.5]}),
        table().to_batches()[0],
        table().slice(0, 4).to_reader(max_chunksize=1),
        pa.concat_tables([table().slice(0, 1), table().slice(1)]),
    ],
    ids=["polars", "polars categorical", "pandas", "record batch", "reader", "two chunks"],
)
def test_tables_of_other_libraries(run: _engine.RunLogger, points: Points, exporter: Any) -> None:
    assert run.log_points(exporter) == 4
    assert points() == EXPECTED


def test_a_duckdb_relation(run: _engine.RunLogger, points: Points) -> None:
    relation = duckdb.sql("select 'k' as key, range as step, range / 2.0 as value from range(3)")
    assert relation is not None
    run.log_points(relation.to_arrow_table())
    assert points() == [("k", 0, 0.0), ("k", 1, 0.5), ("k", 2, 1.0)]


def test_a_bare_array_export(run: _engine.RunLogger, points: Points) -> None:
    class OnlyArray:
        def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
            capsules: tuple[object, object] = table().to_batches()[0].__arrow_c_array__()
            return capsules

    assert run.log_points(OnlyArray()) == 4
    assert points() == EXPECTED


@pytest.mark.parametrize(
    ("timestamps", "stored"),
    [
        (pa.array([1000, 2000, 3000, 4000]), [1000, 2000, 3000, 4000]),
        (pa.array([1, 2, 3, 4], pa.timestamp("s")), [1000, 2000, 3000, 4000]),
        (pa.array([1, 2, 3, 4], pa.timestamp("ms", "Europe/Berlin")), [1, 2, 3, 4]),
        (pa.array([1999, 2000, 3000, 4000], pa.timestamp("us")), [1, 2, 3, 4]),
        (pa.array([1999999, 2000000, 3000000, 4000000], pa.timestamp("ns")), [1, 2, 3, 4]),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_timestamps_of_every_unit(
    run: _engine.RunLogger, rows: Callable[[], list[dict[str, Any]]], timestamps: pa.Array, stored: list[int]
) -> None:
    run.log_points(table(timestamp=timestamps))
    assert [row["timestamp"] for row in rows()] == stored


def test_without_timestamps_all_points_have_the_time_of_the_call(
    run: _engine.RunLogger, rows: Callable[[], list[dict[str, Any]]]
) -> None:
    run.log_points(pa.concat_tables([table(), table()]))
    assert len({row["timestamp"] for row in rows()}) == 1


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"value": [1.0, None, 2.0, None]}, InvalidInput, "column 'value' has 2 nulls"),
        ({"step": pa.array([1, 2, None, 4])}, InvalidInput, "column 'step' has 1 nulls"),
        ({"key": ["a", None, "b", "c"]}, InvalidInput, "column 'key' has 1 nulls"),
        ({"key": pa.array(["a", None, "b", "c"]).dictionary_encode()}, InvalidInput, "column 'key' has 1 nulls"),
        (
            {"key": pa.DictionaryArray.from_arrays(pa.array([0, 1, 1, 1]), pa.array([None, "a"]))},
            InvalidInput,
            "column 'key' has 1 nulls",
        ),
        ({"key": [1, 2, 3, 4]}, InvalidType, "column 'key' has type Int64; log_points takes utf8"),
        ({"step": [0.5, 1.0, 2.0, 3.0]}, InvalidType, "column 'step' has type Float64; log_points takes integers"),
        ({"value": ["1", "2", "3", "4"]}, InvalidType, "column 'value' has type Utf8; log_points takes float64"),
        ({"timestamp": ["1", "2", "3", "4"]}, InvalidType, "column 'timestamp' has type Utf8"),
        ({"timestamp": [1, 2, -3, 4]}, InvalidInput, "timestamp -3 is negative"),
        ({"step": pa.array([2**63] * 4, pa.uint64())}, InvalidInput, "step 9223372036854775808 is outside"),
        ({"time": [1, 2, 3, 4]}, InvalidInput, "a column 'time'"),
        ({"key": ["a", "b", "a/../b", "c"]}, InvalidInput, "normal relative path"),
    ],
)
def test_a_bad_column_is_named_and_nothing_is_stored(
    run: _engine.RunLogger, points: Points, changes: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        run.log_points(table(**changes))
    assert points() == []


def test_a_row_that_is_null_as_a_whole_is_refused(run: _engine.RunLogger, points: Points) -> None:
    rows = pa.array([{"key": "a", "step": 0, "value": 0.5}, None])

    with pytest.raises(InvalidInput, match="has 1 nulls"):
        run.log_points(rows)

    assert points() == []


def test_points_that_a_null_row_masks_are_refused(run: _engine.RunLogger, points: Points) -> None:
    batch = table().to_batches()[0]
    masked = pa.StructArray.from_arrays(batch.columns, batch.schema.names, mask=pa.array([False, True, False, True]))

    class OnlyArray:
        def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
            capsules: tuple[object, object] = masked.__arrow_c_array__()
            return capsules

    for exporter in (pa.chunked_array([masked]), OnlyArray()):
        with pytest.raises(InvalidInput, match="has 2 nulls among its 4 rows"):
            run.log_points(exporter)

    assert points() == []


def test_arrow_data_without_columns_is_refused(run: _engine.RunLogger) -> None:
    with pytest.raises(InvalidType, match="the Arrow array has type Int64"):
        run.log_points(pa.chunked_array([[1, 2]]))


def test_a_missing_column_is_named(run: _engine.RunLogger) -> None:
    with pytest.raises(InvalidInput, match="no column 'value'"):
        run.log_points(table().drop_columns(["value"]))


def test_what_is_no_arrow_data_is_refused_with_a_way_out(run: _engine.RunLogger) -> None:
    with pytest.raises(InvalidType, match=r"a dict is no Arrow data(.|\n)*hint: .*polars\.DataFrame"):
        run.log_points({"key": ["a"], "step": [1], "value": [1.0]})  # type: ignore[arg-type]
    with pytest.raises(InvalidType, match="has type Int64"):
        run.log_points(pa.array([1]))


def test_an_error_of_the_producer_is_passed_on(run: _engine.RunLogger, points: Points) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield table().to_batches()[0]
        raise RuntimeError("producer failed")

    reader = pa.RecordBatchReader.from_batches(table().schema, batches())
    with pytest.raises(InvalidInput, match="producer failed"):
        run.log_points(reader)
    assert points() == EXPECTED


def test_many_rows_of_many_keys(run: _engine.RunLogger, journals: Any) -> None:
    n = 100_000
    frame = pl.DataFrame({"step": range(n)}).with_columns(
        key=pl.format("k{}", pl.col("step") % 50), value=pl.col("step") / 8, timestamp=pl.col("step") + 3
    )
    assert run.log_points(frame) == n
    back = pl.DataFrame(_engine.Journals(str(journals)).read({}))
    assert back.select("step", pl.col("key").cast(pl.String), "value", "timestamp").equals(frame)


def test_an_exported_stream_is_read_by_every_library_and_again(run: _engine.RunLogger, journals: Any) -> None:
    run.log_points(table())
    stream = _engine.Journals(str(journals)).read({})
    assert pa.table(stream)["value"].to_pylist() == [0.5, 1.5, 2.5, 3.5]
    assert pl.DataFrame(stream)["value"].to_list() == [0.5, 1.5, 2.5, 3.5]
    relation = pa.table(stream)
    assert duckdb.from_arrow(relation).sum("value").fetchall() == [(8.0,)]
    assert relation.schema.names == ["run_id", "key", "step", "timestamp", "value", "writer", "seq"]
    assert not any(field.nullable for field in relation.schema)
