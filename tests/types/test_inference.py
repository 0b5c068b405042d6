"""Schemas that are told from data: MLflow's where it has one, and the same whatever library holds the data."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import json
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from runlake.errors import InvalidInput, InvalidType
from runlake.models.signature import ModelSignature, as_signature, infer_signature
from runlake.types import schema as types
from runlake.types.inference import infer_schema
from tests.endurance.proofs import size
from tests.types.theirs import quietly, their_signature

DAY = dt.datetime(2020, 1, 1)
TEXTS = st.text(max_size=4)
LONGS = st.integers(-(2**40), 2**40)
FLOATS = st.floats(allow_infinity=False, allow_nan=False)
SCALARS = (st.booleans(), LONGS, FLOATS, TEXTS, st.binary(max_size=3), st.datetimes(min_value=dt.datetime(1900, 1, 1)))
DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "float32", "float64")
EXTENSIONS = ("Int8", "Int32", "Int64", "UInt32", "Float32", "Float64", "boolean")


@st.composite
def pandas_columns(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(1, 4))
    names = draw(st.lists(st.text(min_size=1, max_size=5), unique=True, min_size=1, max_size=4))
    return pd.DataFrame({name: draw(pandas_column(rows)) for name in names})


@st.composite
def pandas_column(draw: st.DrawFn, rows: int) -> Any:
    match draw(st.sampled_from(["numpy", "extension", "objects", "category", "nested"])):
        case "numpy":
            return np.arange(rows).astype(draw(st.sampled_from(DTYPES)))
        case "extension":
            values = draw(st.lists(st.none() | st.sampled_from([0, 1]), min_size=rows, max_size=rows))
            return pd.array(values, dtype=draw(st.sampled_from(EXTENSIONS)))
        case "category":
            return pd.Categorical(draw(st.lists(TEXTS, min_size=rows, max_size=rows)))
        case "nested":
            inner = st.lists(TEXTS, max_size=2) | st.dictionaries(st.sampled_from("abc"), LONGS, min_size=1)
            kind = draw(st.sampled_from([st.lists(st.none() | TEXTS), st.dictionaries(st.sampled_from("ab"), inner)]))
            return pd.Series(draw(st.lists(kind, min_size=rows, max_size=rows)), dtype=object)
    kind = draw(st.sampled_from(SCALARS))
    return pd.Series(draw(st.lists(st.none() | kind, min_size=rows, max_size=rows)), dtype=object)


def official(*data: Any) -> Any:
    """The schema that MLflow infers; None where it gives up, and calls the data as a whole something."""
    text = their_signature(*data).inputs.to_json()
    return None if text == '[{"type": "any", "required": true}]' else json.loads(text)


@settings(max_examples=size(80, 200), deadline=None)
@given(pandas_columns())
def test_a_pandas_frame_has_the_schema_that_mlflow_infers(frame: pd.DataFrame) -> None:
    mine = quietly(lambda: infer_schema(frame))
    expected = official(frame)
    assert expected is None or mine.to_dict() == expected
    assert mine.input_names() == list(frame.columns)


NESTED = st.recursive(
    st.none() | TEXTS | LONGS | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=size(80, 200), deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from("xyz"), NESTED, min_size=1), min_size=1, max_size=4))
def test_rows_that_are_dictionaries_have_the_schema_that_mlflow_infers(rows: list[dict[str, Any]]) -> None:
    expected = official(rows)
    assert expected is None or quietly(lambda: infer_schema(rows)).to_dict() == expected


@settings(max_examples=size(80, 200), deadline=None)
@given(st.dictionaries(st.sampled_from("xyz"), NESTED, min_size=1) | st.lists(NESTED, max_size=4) | st.one_of(SCALARS))
def test_dictionaries_lists_and_scalars_have_the_schema_that_mlflow_infers(value: Any) -> None:
    expected = official(value)
    assert expected is None or quietly(lambda: infer_schema(value)).to_dict() == expected


@pytest.mark.parametrize(
    "data",
    [
        np.zeros((3, 4, 5), dtype="float32"),
        np.array(["a", "bcd"]),
        np.array([b"a"]),
        np.array([[1, 2]], dtype="uint8"),
        {"a": np.zeros(3), "b": np.zeros((3, 2), dtype="int16")},
        sparse.csr_matrix(np.eye(3, dtype="float32")),
        sparse.csc_matrix(np.eye(3)),
        pd.Series([1.0, 2.0], name="a"),
        pd.Series([1, 2]),
        pd.DataFrame(np.zeros((2, 3))),
        pd.DataFrame({"a": pd.Series([], dtype=object), "b": pd.Series([], dtype=float)}),
        pd.DataFrame({"a": [np.array([1.0, 2.0])], "b": [np.array([[1, 2]], dtype="int32")]}),
        pd.DataFrame({"a": pd.to_datetime(["2020"], utc=True), "b": pd.to_datetime(["2020"])}),
        [np.float32(1), np.float32(2)],
        [np.int32(1), None],
        np.int64(3),
        dt.date(2020, 1, 1),
        np.datetime64("2020-01-01"),
        [],
        bytearray(b"x"),
    ],
)
def test_data_has_the_schema_that_mlflow_infers(data: Any) -> None:
    expected = official(data)
    assert expected is not None
    assert infer_schema(data).to_dict() == expected


PLAIN = {
    "b": [True, False],
    "i": [1, 2],
    "f": [1.0, None],
    "s": ["x", None],
    "y": [b"a", b"b"],
    "t": [DAY, DAY],
    "l": [["x"], ["y", None]],
    "o": [{"a": 1, "b": "x"}, {"a": 2, "b": None}],
    "n": [{"a": [{"q": 1.0}]}, {"a": [{"q": 2.0}, {"q": 3.0}]}],
    "m": [None, {"z": 1}],
}


def test_a_schema_does_not_depend_on_the_library_that_holds_the_data() -> None:
    frame = pl.DataFrame(PLAIN)
    expected = infer_schema(pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in PLAIN.items()}))
    table = frame.to_arrow()
    for data in (frame, frame.lazy(), table, pa.concat_tables([table, table.slice(1)]), table.to_batches()[0]):
        assert infer_schema(data) == expected
    backed = frame.to_pandas(use_pyarrow_extension_array=True)
    assert infer_schema(backed) == expected
    assert infer_schema(frame["f"]) == infer_schema(pd.Series([1.0, None], name="f"))
    assert (
        infer_schema(pa.array([1, 2])) == infer_schema(pa.chunked_array([[1], [2]])) == infer_schema(pd.Series([1, 2]))
    )


def test_narrow_types_of_polars_and_arrow_keep_their_width() -> None:
    numbers = {"Int8": "integer", "UInt16": "integer", "UInt32": "long", "Float32": "float", "Int64": "long"}
    for dtype, kind in numbers.items():
        series = pl.Series("a", [1], dtype=getattr(pl, dtype))
        for data in (series, series.to_frame(), series.to_arrow(), series.to_pandas()):
            assert infer_schema(data).input_types() == [types.DataType[kind]]
    for data in (pl.Series(["a"], dtype=pl.Categorical), pl.Series(["a"], dtype=pl.Enum(["a"]))):
        assert infer_schema(data.to_frame("c")) == types.Schema([types.ColSpec(types.DataType.string, "c")])
    maps = pa.table({"m": pa.array([[("a", 1)], []], type=pa.map_(pa.string(), pa.int64()))})
    assert infer_schema(maps).input_types() == [types.Map(types.DataType.long)]
    fixed = pl.Series("v", [[1.0, 2.0], [3.0, 4.0]], dtype=pl.Array(pl.Float32, 2))
    assert infer_schema(fixed).input_types() == [types.Array(types.DataType.float)]


class Tensor:
    """A tensor as PyTorch has them."""

    def __init__(self, dtype: str, *shape: int) -> None:
        self.dtype, self.shape, self.ndim = dtype, shape, len(shape)


def test_tensors_of_other_libraries_are_told_by_dtype_and_shape() -> None:
    schema = infer_schema({"image": Tensor("torch.float32", 8, 3, 32, 32), "length": Tensor("torch.int64", 8)})
    assert schema == infer_schema(
        {"image": np.zeros((8, 3, 32, 32), dtype="float32"), "length": np.zeros(8, dtype="int64")}
    )
    with pytest.raises(InvalidType, match="bfloat16") as caught:
        infer_schema(Tensor("torch.bfloat16", 8))
    assert caught.value.hint == "convert the tensor to float32"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("u64", np.array([1], dtype="uint64")),
        ("decimal", [decimal.Decimal(1)]),
        ("span", pd.to_timedelta([1])),
        ("mixed", [1, "a"]),
        ("complex", [1j]),
    ],
)
def test_a_column_that_no_type_fits_costs_no_other_column_its_type(name: str, values: Any) -> None:
    frame = pd.DataFrame({"known": ["a"] * len(values), name: values})
    with pytest.warns(UserWarning, match=f"column '{name}' is of any type"):
        schema = infer_schema(frame)
    assert schema.input_types() == [types.DataType.string, types.AnyType()]


def test_numbers_of_several_widths_have_the_widest_type() -> None:
    assert infer_schema([{"a": 1}, {"a": 2.5}]).input_types() == [types.DataType.double]
    assert infer_schema([1, None, float("nan")]).input_types() == [types.DataType.long]


def test_what_holds_no_data_is_named() -> None:
    signature = None
    with pytest.warns(UserWarning, match="no schema can be told from object"):
        signature = infer_signature(object())
    assert signature.inputs == types.Schema([types.ColSpec(types.AnyType())])
    for wrong in ({}, pd.DataFrame(), pd.DataFrame([[1, 2]], columns=["a", "a"]), {1: 2}, np.array(3)):
        with pytest.raises(InvalidInput):
            infer_schema(wrong)
    with pytest.raises(InvalidInput, match="none is given"):
        infer_signature()


VALUES = {
    "beams": 5, "ratio": 0.5, "on": True, "text": "x", "day": dt.date(2020, 1, 2), "time": dt.datetime(2020, 1, 2, 3),
    "many": [1, 2], "mix": [1, 2.5], "words": ["a", "bc"], "array": np.array([1.0, 2.0], dtype="float32"),
    "small": np.int32(3), "object": {"a": 1, "b": {"c": "x"}}, "times": [dt.datetime(2020, 1, 2)],
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_a_parameter_has_the_type_and_default_that_mlflow_infers(name: str) -> None:
    params = {name: VALUES[name]}
    theirs = their_signature(None, None, params)
    assert infer_signature(params=params).to_dict() == theirs.to_dict()


@pytest.mark.parametrize("value", [None, [[1]], [1, "a"], [True, 1], b"x", 1j, [None], 2**63, object()])
def test_a_parameter_without_a_type_is_refused_by_name(value: Any) -> None:
    with pytest.raises(InvalidInput, match="'p'"):
        infer_signature(params={"p": value})


# MLflow does not read annotations that are texts, as those of classes in this file would be.
Message = dataclasses.make_dataclass("Message", [("role", str), ("score", float | None, None)])
Request = dataclasses.make_dataclass(
    "Request", [("messages", list[Message]), ("first", Message), ("tags", list[str]), ("top", int | None, None)]
)


def test_a_dataclass_declares_the_schema_that_mlflow_makes_of_it() -> None:
    for declared in (Request, Message("user")):
        assert infer_signature(declared).to_dict() == their_signature(declared).to_dict()
        assert ModelSignature(inputs=declared).inputs == infer_signature(declared).inputs
    with pytest.raises(InvalidType, match=r"Wrong\.a"):
        infer_signature(dataclasses.make_dataclass("Wrong", [("a", complex)]))


def test_a_signature_of_the_official_package_is_read() -> None:
    theirs = their_signature(pd.DataFrame({"a": [1.0]}), np.zeros(3), {"p": 1})
    mine = as_signature(theirs)
    assert mine.to_dict() == theirs.to_dict()
    assert as_signature(mine) is mine
    assert (
        mine
        == ModelSignature.from_dict(mine.to_dict())
        == infer_signature(pd.DataFrame({"a": [1.0]}), np.zeros(3), {"p": 1})
    )
    assert repr(mine) == repr(theirs)
    with pytest.raises(InvalidType, match="not str"):
        as_signature("signature")
