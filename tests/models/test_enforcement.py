"""What a model is called with: converted as MLflow does it, or refused with column, expected and found type."""

from __future__ import annotations

import datetime as dt
import decimal
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from runlake.errors import InvalidInput, InvalidType, MissingExtra
from runlake.models.enforcement import enforce_inputs, enforce_params
from runlake.models.signature import infer_signature
from runlake.types import schema as types
from runlake.types.inference import infer_schema
from tests.endurance.proofs import size
from tests.types.test_inference import PLAIN, Tensor, pandas_columns
from tests.types.theirs import quietly, their_types

Expected = types.DataType

VALUES: dict[str, Any] = {
    **{name: np.array([0, 2], dtype=name) for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")},
    **{name: np.array([0.5, 2], dtype=name) for name in ("float16", "float32", "float64")},
    "uint64": np.array([0, 2], dtype="uint64"),
    "zeros and ones": np.array([0, 1]),
    "missing integers": [1.0, None],
    "whole floats": [1.0, 2.0],
    "bool": [True, False],
    "text": ["a", "b"],
    "object text": pd.Series(["a", None], dtype=object),
    "object bytes": pd.Series([b"a", b"b"], dtype=object),
    "object integers": pd.Series([1, 2], dtype=object),
    "object booleans": pd.Series([True, None], dtype=object),
    "seconds": np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[s]"),
    "nanoseconds": np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[ns]"),
    "zone": pd.to_datetime(["2020-01-01", "2020-01-02"], utc=True),
    "dates": pd.Series([dt.date(2020, 1, 1)] * 2, dtype=object),
    "decimals": pd.Series([decimal.Decimal("1.5")] * 2, dtype=object),
    "Int64": pd.array([1, 2], dtype="Int64"),
    "Int32": pd.array([1, 2], dtype="Int32"),
    "Float32": pd.array([1, 2], dtype="Float32"),
    "boolean": pd.array([True, False], dtype="boolean"),
    "span": pd.to_timedelta([1, 2]),
}

OBJECTS = ("object text", "object bytes", "object integers", "object booleans", "decimals", "dates")
RIGHT = {("object text", "string"), ("object bytes", "binary"), ("object booleans", "boolean")}
REFUSED = {(name, kind) for name in OBJECTS for kind in ("string", "binary", "boolean")} - RIGHT
REFUSED |= {("text", "binary"), ("object booleans", "double")}
"""What MLflow takes without a look at the objects in a column, or at its dtype, and we refuse."""


@pytest.mark.parametrize("kind", [each.name for each in Expected])
@pytest.mark.parametrize("name", VALUES)
def test_columns_are_converted_where_mlflow_converts_and_refused_where_it_refuses(name: str, kind: str) -> None:
    from mlflow.models.utils import _enforce_schema

    frame = pd.DataFrame({"a": VALUES[name]})
    theirs = their_types()
    schema = types.Schema([types.ColSpec(Expected[kind], "a")])

    def outcome(enforce: Any, *arguments: Any) -> Any:
        try:
            return quietly(lambda: enforce(*arguments))
        except Exception:
            return None

    official = outcome(_enforce_schema, frame, theirs.Schema.from_json(schema.to_json()))
    mine = outcome(enforce_inputs, schema, frame)
    if official is None or (name, kind) in REFUSED:
        assert mine is None
    else:
        pd.testing.assert_frame_equal(mine, official)


@settings(max_examples=size(80, 200), deadline=None)
@given(pandas_columns())
def test_data_fits_the_signature_that_was_inferred_from_it(frame: pd.DataFrame) -> None:
    schema = quietly(lambda: infer_schema(frame))
    given_back = quietly(lambda: enforce_inputs(schema, frame))
    assert list(given_back.columns) == list(frame.columns)
    assert quietly(lambda: infer_schema(given_back)) == schema
    for name in frame.columns:
        assert given_back[name].isna().tolist() == frame[name].isna().tolist()


def test_data_of_all_libraries_fits_the_signature_of_any() -> None:
    frame = pl.DataFrame(PLAIN)
    schema = infer_schema(frame)
    rows = frame.to_dicts()
    expected = enforce_inputs(schema, pd.DataFrame({name: pd.Series(v, dtype=object) for name, v in PLAIN.items()}))
    table = frame.to_arrow()
    for data in (frame, frame.lazy(), table, table.combine_chunks().to_batches()[0], rows):
        found = enforce_inputs(schema, data)
        assert list(found.columns) == list(PLAIN)
        for name in PLAIN:
            assert _plain(found[name]) == _plain(expected[name]) == _plain(pd.Series(PLAIN[name], dtype=object)), name
    assert quietly(lambda: enforce_inputs(schema, PLAIN)).shape == (
        2,
        len(PLAIN),
    )


def _plain(column: pd.Series) -> list[Any]:
    return [None if value is None or value is pd.NaT or value != value else value for value in column.tolist()]


FRAME = pd.DataFrame({"age": [31, 44], "income": [2400.0, 1.5], "city": ["Bern", "Basel"]}, index=[7, 9])
SCHEMA = types.Schema(
    [
        types.ColSpec(Expected.long, "age"),
        types.ColSpec(Expected.double, "income", required=False),
        types.ColSpec(Expected.string, "city"),
    ]
)


def test_columns_come_in_the_signatures_order_without_others_and_with_their_index() -> None:
    mixed = FRAME.assign(extra=1)[["city", "extra", "income", "age"]]
    pd.testing.assert_frame_equal(enforce_inputs(SCHEMA, mixed), FRAME)
    pd.testing.assert_frame_equal(enforce_inputs(SCHEMA, FRAME.drop(columns="income")), FRAME[["age", "city"]])
    polars = pl.from_pandas(mixed)
    pd.testing.assert_frame_equal(enforce_inputs(SCHEMA, polars), FRAME.reset_index(drop=True))
    pd.testing.assert_frame_equal(enforce_inputs(SCHEMA, polars.to_arrow()), FRAME.reset_index(drop=True))


def test_a_frame_that_fits_is_not_copied_and_the_callers_own_stays_as_it_is() -> None:
    found = enforce_inputs(SCHEMA, FRAME)
    assert np.shares_memory(found["income"].to_numpy(), FRAME["income"].to_numpy())
    found["new"] = 1
    found.loc[7, "income"] = 0.0
    assert FRAME.columns.tolist() == ["age", "income", "city"]
    assert FRAME.loc[7, "income"] == 2400.0


def test_a_large_frame_that_fits_costs_a_fraction_of_its_copy() -> None:
    frame = pd.DataFrame({f"column {place}": np.zeros(1_000_000) for place in range(20)})
    schema = infer_schema(frame)

    def seconds(call: Callable[[], object]) -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    enforcing = min(seconds(lambda: enforce_inputs(schema, frame)) for _ in range(5))
    assert enforcing < min(seconds(lambda: frame.copy(deep=True)) for _ in range(3)) / 5


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        (FRAME.drop(columns="age"), "no column 'age', which the signature requires; it has 'income', 'city'", None),
        (FRAME.rename(columns={"age": "agee"}), "no column 'age'", "is 'agee' meant for 'age'?"),
        (FRAME.assign(age=["a", "b"]), "column 'age' is long in the signature, and the data has str", "pass numbers"),
        (
            FRAME.assign(age=[1.5, 2]),
            "column 'age' is long in the signature, and the data has float64",
            "astype('int64')",
        ),
        (FRAME.assign(age=[1, None]), "the data has float64 with missing values", "integers cannot be missing"),
        (FRAME.assign(age=pd.array([1, None], dtype="Int64")), "Int64 with missing values", "cannot be missing"),
        (FRAME.assign(city=[1, 2]), "column 'city' is string in the signature, and the data has int64", "astype(str)"),
        (FRAME.assign(city=pd.Series([b"a", 1], [7, 9], object)), "object of bytes, int", "astype(str)"),
        (
            FRAME.assign(income=[2**60, 1]),
            "column 'income' is double in the signature, and the data has int64",
            "astype",
        ),
        (pd.concat([FRAME, FRAME[["age"]]], axis=1), "column 'age' more than once", "rename"),
        (FRAME.to_numpy(), "the data has 3 without names", "pass a data frame"),
        ([1, 2], "without names", "pass a data frame"),
        ({"age": [1, 2], "city": ["a"]}, "no columns of a table", None),
        (pl.DataFrame({"age": [1, None], "city": ["a", "b"]}), "'age' is long in the signature", "cannot be missing"),
        (Tensor("float32", 3), "the data is a tensor", None),
        (object, "no column 'age'|has columns|without names", None),
    ],
)
def test_a_refusal_names_column_expected_and_found_type_and_the_cure(data: Any, message: str, hint: str | None) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        enforce_inputs(SCHEMA, data)
    assert hint is None or hint in (caught.value.hint or "")


def test_an_optional_column_that_is_misspelled_is_asked_about() -> None:
    with pytest.warns(UserWarning, match="is 'incom' meant for 'income'"):
        enforce_inputs(SCHEMA, FRAME.rename(columns={"income": "incom"}))


def test_optional_integers_may_be_missing() -> None:
    schema = types.Schema([types.ColSpec(Expected.long, "a", required=False)])
    for values in ([1.0, None], pd.array([1, None], dtype="Int64"), [None, None]):
        frame = pd.DataFrame({"a": values})
        pd.testing.assert_frame_equal(enforce_inputs(schema, frame), frame)
    for data in (pl.DataFrame({"a": [1, None]}), [{"a": 1}, {}], pd.DataFrame({"a": [1, None]}, dtype=object)):
        assert enforce_inputs(schema, data)["a"].tolist()[0] == 1
    with pytest.raises(InvalidInput, match="float64"):
        enforce_inputs(schema, pd.DataFrame({"a": [1.5, None]}))


def test_times_are_read_from_texts_and_have_no_zone() -> None:
    schema = types.Schema([types.ColSpec(Expected.datetime, "t")])
    for values in (
        ["2020-01-02T03:04:05"],
        [dt.datetime(2020, 1, 2, 3, 4, 5)],
        np.array(["2020-01-02T03:04:05"], "M8[ms]"),
    ):
        found = enforce_inputs(schema, pd.DataFrame({"t": values}))
        assert found["t"].dtype == "datetime64[ns]"
        assert found["t"][0] == pd.Timestamp("2020-01-02T03:04:05")
    far = pd.DataFrame({"t": np.array(["9999-01-01"], "M8[s]")})
    pd.testing.assert_frame_equal(enforce_inputs(schema, far), far)
    with pytest.raises(InvalidInput, match=r"datetime64\[.*UTC\]") as caught:
        enforce_inputs(schema, pd.DataFrame({"t": pd.to_datetime(["2020"], utc=True)}))
    assert "tz_localize(None)" in (caught.value.hint or "")
    for wrong in (["yesterday"], ["2020-01-01T00:00Z"], [1]):
        with pytest.raises(InvalidInput, match="column 't' is datetime"):
            enforce_inputs(schema, pd.DataFrame({"t": wrong}))


def test_categories_stay_categories() -> None:
    frame = pd.DataFrame({"c": pd.Categorical(["a", "b"]), "n": pd.Categorical([1, 2])})
    schema = infer_schema(frame)
    pd.testing.assert_frame_equal(enforce_inputs(schema, frame), frame)
    with pytest.raises(InvalidInput, match="column 'c' is string in the signature, and the data has category"):
        enforce_inputs(schema, frame.assign(c=frame.n))


ROWS = [{"q": "x", "ids": [1, 2], "who": {"name": "a", "age": 3}}, {"q": "y", "ids": [], "who": {"name": "b"}}]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": ["a"]}, r"column 'ids' is Array\(long\) in the signature; row 0: \[0\] is 'a' of type str, not long"),
        ({"ids": 3}, r"row 0: is 3 of type int, not Array\(long\)"),
        ({"ids": None}, r"is missing, and Array\(long\) is expected"),
        ({"who": {"age": 3}}, "has no key 'name', which is required"),
        ({"who": {"name": "a", "sex": "f"}}, "has the key 'sex', which the signature has not"),
        ({"who": {"name": 1}}, r"\['name'\] is 1 of type int, not string"),
        ({"who": {"name": "a", "age": 1.5}}, r"\['age'\] is 1.5 of type float, not long"),
        ({"who": {"name": "a", "age": True}}, r"\['age'\] is True of type bool, not long"),
    ],
)
def test_a_refusal_of_a_nested_value_leads_to_it(change: dict[str, Any], message: str) -> None:
    schema = infer_schema(ROWS)
    assert enforce_inputs(schema, ROWS)["who"].tolist() == [row["who"] for row in ROWS]
    assert enforce_inputs(schema, ROWS[0])["ids"].tolist() == [[1, 2]]
    with pytest.raises(InvalidInput, match=message):
        enforce_inputs(schema, [ROWS[0] | change])


def test_nested_numbers_widen_and_texts_become_times_without_changing_the_callers_values() -> None:
    kind = types.Object([types.Property("t", Expected.datetime), types.Property("x", types.Array(Expected.double))])
    schema = types.Schema([types.ColSpec(kind, "o"), types.ColSpec(types.Map(Expected.long), "m")])
    row = {"o": {"t": "2020-01-02", "x": [1, 2.5, None]}, "m": {"a": 1}}
    found = enforce_inputs(schema, [row])
    assert found["o"][0] == {"t": dt.datetime(2020, 1, 2), "x": [1.0, 2.5, None]}
    assert row["o"]["t"] == "2020-01-02"  # type: ignore[index]
    for wrong in (
        {"m": {"a": "x"}},
        {"m": {1: 1}},
        {"m": [1]},
        {"o": {"t": "soon", "x": []}},
        {"o": {"t": None, "x": []}},
    ):
        with pytest.raises(InvalidInput):
            enforce_inputs(schema, [row | wrong])


def test_columns_without_names_go_by_their_place() -> None:
    schema = types.Schema([types.ColSpec(Expected.double), types.ColSpec(Expected.double)])
    for data in (
        np.ones((3, 2)),
        [[1.0, 2.0]],
        pd.DataFrame({"x": [1.0], "y": [2.0], "z": [3.0]}),
        pl.DataFrame({"x": [1.0], "y": [1.0]}),
    ):
        assert enforce_inputs(schema, data).shape[1] == 2
    with pytest.raises(InvalidInput, match="has 1 columns, and the signature has 2"):
        enforce_inputs(schema, [[1.0]])


@pytest.mark.parametrize("data", [["a", "b"], "a", 1.5, True, [1, 2], b"x", [[1, 2], [3]], [["a"]], np.array([1.0])[0]])
def test_lists_and_scalars_fit_the_signature_that_was_inferred_from_them(data: Any) -> None:
    found = enforce_inputs(infer_schema(data), data)
    assert found.shape == (len(data) if isinstance(data, list) else 1, 1)
    assert found[0].tolist() == (data if isinstance(data, list) else [data])


def test_a_single_column_takes_values_without_its_name() -> None:
    schema = types.Schema([types.ColSpec(Expected.string, "text")])
    for data in (["a", "b"], pd.Series(["a", "b"]), pl.Series(["a", "b"]), {"text": ["a", "b"]}, [["a"], ["b"]]):
        assert enforce_inputs(schema, data).to_dict("list") == {"text": ["a", "b"]}


@pytest.mark.parametrize("package", ["pandas", "pyarrow"])
def test_without_a_package_that_is_needed_the_error_names_it(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pl.DataFrame({"a": [1.0]})
    schema = infer_schema(frame)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=package) as caught:
        enforce_inputs(schema, frame)
    assert caught.value.hint == f"pip install {package}"


def test_any_type_without_a_name_is_no_contract() -> None:
    schema = types.Schema([types.ColSpec(types.AnyType())])
    for data in (FRAME, [1], np.zeros(3), object()):
        assert enforce_inputs(schema, data) is data


MATRIX = np.arange(6, dtype="float32").reshape(3, 2)
TENSOR = infer_schema(MATRIX)
NAMED = infer_schema({"x": MATRIX, "n": np.array([1, 2, 3])})


def test_tensors_that_fit_are_given_back() -> None:
    for data in (MATRIX, sparse.csr_matrix(MATRIX), Tensor("torch.float32", 5, 2)):
        assert enforce_inputs(TENSOR, data) is data
    found = enforce_inputs(NAMED, {"n": np.array([1]), "x": MATRIX, "other": 3})
    assert list(found) == ["x", "n"]
    assert enforce_inputs(infer_schema({"x": MATRIX}), MATRIX)["x"] is MATRIX
    ragged = np.empty(2, dtype=object)
    assert enforce_inputs(types.Schema([types.TensorSpec(np.dtype("float64"), (-1, -1, 3))]), ragged) is ragged
    assert enforce_inputs(types.Schema([types.TensorSpec(np.dtype("O"), (-1,))]), MATRIX) is MATRIX


def test_lists_and_columns_become_tensors() -> None:
    frame = pd.DataFrame(MATRIX, columns=["a", "b"])
    for data in (
        MATRIX.tolist(),
        frame,
        pl.from_pandas(frame),
        pl.from_pandas(frame).lazy(),
        pa.Table.from_pandas(frame),
    ):
        found = enforce_inputs(TENSOR, data)
        assert found.dtype == "float32"
        assert (found == MATRIX).all()
    rows = pd.DataFrame({"x": [[0, 1], [2, 3]], "n": [1, 2]})
    found = enforce_inputs(NAMED, rows)
    assert (found["x"] == MATRIX[:2]).all()
    assert found["n"].tolist() == [1, 2]
    assert (enforce_inputs(TENSOR, rows[["x"]]) == MATRIX[:2]).all()
    assert enforce_inputs(infer_schema(np.zeros((1, 1))), pd.Series([1.0, 2.0])).shape == (2, 1)
    assert (enforce_inputs(TENSOR, pd.DataFrame({"x": list(MATRIX)})) == MATRIX).all()


@pytest.mark.parametrize(
    ("schema", "data", "message"),
    [
        (TENSOR, MATRIX.astype("float64"), "the input has dtype float32 in the signature, and the data has float64"),
        (
            TENSOR,
            MATRIX[:, :1],
            r"the input has the shape \(-1, 2\) in the signature \(-1 is any\), and the data has \(3, 1\)",
        ),
        (TENSOR, MATRIX[0], r"the data has \(2,\)"),
        (TENSOR, [["a", "b"]], "the data has <U1"),
        (TENSOR, [[1.0, 2.0], [3.0]], "different shapes"),
        (TENSOR, {"x": MATRIX}, "the input is a tensor, and the data is dict"),
        (TENSOR, pd.DataFrame({"a": [1.5]}), r"the data has \(1,\)"),
        (TENSOR, pd.DataFrame({"a": [1.5], "b": [1.5]}), "the data has float64"),
        (TENSOR, pd.DataFrame({"a": [[1.5], [2.5]]}), r"the data has \(2, 1\)"),
        (NAMED, {"x": MATRIX}, "the data has no tensor 'n'; it has"),
        (NAMED, {"x": MATRIX, "n": np.array([1.0])}, "tensor 'n' has dtype int64"),
        (NAMED, MATRIX, "the data is ndarray"),
        (
            types.Schema([types.TensorSpec(np.dtype("int64"), (3, -1))]),
            pd.DataFrame({"a": [1]}),
            "the first dimension alone",
        ),
        (infer_schema(np.array([1])), [1.5], "the data has float64"),
    ],
)
def test_a_refusal_of_a_tensor_names_it_and_both_shapes_or_dtypes(
    schema: types.Schema, data: Any, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        enforce_inputs(schema, data)


PARAMS: Any = infer_signature(
    params={"beams": 5, "ratio": 0.5, "stop": ["a"], "day": dt.date(2020, 1, 2), "o": {"a": 1}}
).params


def test_parameters_have_their_defaults_and_widen() -> None:
    defaults = {"beams": 5, "ratio": 0.5, "stop": ["a"], "day": dt.date(2020, 1, 2), "o": {"a": 1}}
    assert enforce_params(PARAMS, None) == enforce_params(PARAMS, {}) == defaults
    found = enforce_params(
        PARAMS, {"ratio": 1, "beams": np.int32(3), "stop": np.array(["b", "c"]), "day": "2020-05-06"}
    )
    assert found == defaults | {"ratio": 1.0, "beams": 3, "stop": ["b", "c"], "day": dt.date(2020, 5, 6)}
    assert (type(found["ratio"]), type(found["beams"])) == (float, int)
    assert enforce_params(None, None) == {}


def test_a_model_that_changes_a_default_changes_it_for_itself() -> None:
    schema = types.ParamSchema([types.ParamSpec("stops", types.DataType.string, ["."], (-1,))])
    enforce_params(schema, None)["stops"].append("!")
    assert enforce_params(schema, None) == {"stops": ["."]}


def test_parameters_that_the_signature_has_not_are_left_out_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="params 'beans' are not in the signature.*it has 'beams'"):
        assert enforce_params(PARAMS, {"beans": 3})["beams"] == 5
    with pytest.warns(UserWarning, match="it has none"):
        assert enforce_params(None, {"beams": 3}) == {}


def test_parameters_of_another_type_are_refused_together() -> None:
    with pytest.raises(
        InvalidInput, match=r"parameter 'beams' is long, and 1\.5 of type float is not; parameter 'ratio'"
    ):
        enforce_params(PARAMS, {"beams": 1.5, "ratio": "a"})
    for wrong in (
        {"beams": True},
        {"beams": [1]},
        {"stop": "a"},
        {"stop": [1]},
        {"day": "soon"},
        {"day": 3},
        {"o": {"a": "x"}},
    ):
        with pytest.raises(InvalidInput, match="parameter"):
            enforce_params(PARAMS, wrong)
    with pytest.raises(InvalidType, match="not list"):
        enforce_params(PARAMS, [1])  # type: ignore[arg-type]


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["beams", "ratio", "stop"]),
    st.integers() | st.floats() | st.text() | st.booleans() | st.lists(st.text()),
)
def test_parameters_are_refused_where_mlflow_refuses_them(name: str, value: Any) -> None:
    from mlflow.models.utils import _enforce_params_schema

    official = their_types().ParamSchema.from_json(PARAMS.to_json())
    try:
        expected: Any = quietly(lambda: _enforce_params_schema({name: value}, official))[name]
    except Exception:
        expected = InvalidInput
    try:
        found: Any = enforce_params(PARAMS, {name: value})[name]
    except InvalidInput:
        found = InvalidInput
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        assert found is InvalidInput or isinstance(found, float)
    else:
        assert repr(found) == repr(expected)
