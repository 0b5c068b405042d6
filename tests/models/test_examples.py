"""Input examples: MLflow's files, written by either and read by the other."""

from __future__ import annotations

import datetime as dt
import decimal
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from scipy import sparse

from runlake.errors import Corrupt, InvalidInput, InvalidType, NoSuchFile
from runlake.models import convert_input_example_to_serving_input
from runlake.models.enforcement import enforce_inputs
from runlake.models.examples import MAX_DENSE_VALUES, example_parts, read_example, write_example
from runlake.models.signature import infer_signature, signature_of_call
from runlake.types.inference import infer_schema
from tests.types.test_inference import Tensor, pandas_columns
from tests.types.theirs import quietly, their_signature

FRAME = pd.DataFrame(
    {
        "i": np.array([1, 2], dtype="int32"),
        "f": np.array([0.5, 1.5], dtype="float32"),
        "s": ["x", "y"],
        "t": pd.to_datetime(["2020-01-01T00:00:00", "2020-01-02T03:04:05"]).as_unit("ns"),
        "y": [b"ab", b"c"],
        "l": [[1], [2, 3]],
        "o": [{"k": 1, "at": b"z"}, {"k": 2, "at": b""}],
    }
)

EXAMPLES: dict[str, Any] = {
    "frame": FRAME,
    "frame without names": pd.DataFrame([[1, 2.0], [3, 4.0]]),
    "empty frame": pd.DataFrame({"a": pd.Series([], dtype=float)}),
    "integers": np.array([[1, 2]], dtype="int8"),
    "floats": np.array([[0.5, np.nan]], dtype="float32"),
    "texts": np.array(["a", "bc"]),
    "bytes array": np.array([b"ab", b"c"]),
    "arrays": {"x": np.zeros((2, 2), dtype="float32"), "y": np.array([1, 2])},
    "dictionary": {"q": "text", "ids": [1, 2]},
    "rows": [{"a": 1}, {"a": 2}],
    "list": ["a", "b"],
    "text": "text",
    "integer": 3,
    "float": 1.5,
    "boolean": True,
    "bytes": b"binary",
    "time": dt.datetime(2020, 1, 2, 3),
    "csr": sparse.csr_matrix(np.eye(2, dtype="float32")),
    "csc": sparse.csc_matrix(np.eye(2)),
    "chat": {"messages": [{"role": "user", "content": "x"}]},
    "frame and parameters": (FRAME, {"beams": 3}),
    "arrays and parameters": (np.zeros(2), {"p": [1.5, 2.5]}),
    "chat and parameters": ({"prompt": "x"}, {"t": 0.5}),
}


def same(one: Any, other: Any) -> bool:
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other, check_dtype=not one.empty)
        return True
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if sparse.issparse(one):
        return one.format == other.format and one.dtype == other.dtype and bool((one != other).nnz == 0)
    if isinstance(one, np.ndarray):
        return one.dtype.kind == other.dtype.kind and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return type(one) is type(other) and bool(one == other)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_read_as_what_it_was(name: str, tmp_path: Path) -> None:
    data, params = example_parts(EXAMPLES[name])
    info = write_example(tmp_path, EXAMPLES[name])
    schema = infer_schema(data)
    found = read_example(tmp_path, info, schema)
    assert found[1] == params
    assert same(data, found[0])
    enforce_inputs(schema, found[0])


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_files_are_mlflows_and_each_reads_the_others(name: str, tmp_path: Path) -> None:
    from mlflow.models import Model
    from mlflow.models.utils import _read_example, _save_example

    for folder in ("ours", "theirs"):
        (tmp_path / folder).mkdir()
    example = EXAMPLES[name]
    data, params = example_parts(example)
    signature = their_signature(data, None, params)
    official = Model(signature=signature)
    quietly(lambda: _save_example(official, example, str(tmp_path / "theirs")))
    info = write_example(tmp_path / "ours", example)
    assert info == official.saved_input_example_info
    for file in ("input_example.json", "serving_input_example.json"):
        assert (tmp_path / "ours" / file).read_text() == (tmp_path / "theirs" / file).read_text()

    schema = infer_schema(data)
    theirs_by_us = read_example(tmp_path / "theirs", dict(official.saved_input_example_info), schema)
    assert same(data, theirs_by_us[0])
    mine = Model(signature=signature, saved_input_example_info=info)
    ours_by_them = quietly(lambda: _read_example(mine, str(tmp_path / "ours")))
    by_themselves = quietly(lambda: _read_example(official, str(tmp_path / "theirs")))
    assert type(ours_by_them) is type(by_themselves)
    assert same(by_themselves, ours_by_them)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frame=pandas_columns())
def test_the_example_that_a_signature_is_inferred_from_fits_it_when_it_is_read(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    schema = quietly(lambda: infer_schema(frame))
    info = write_example(tmp_path, frame)
    found, _ = read_example(tmp_path, info, schema)
    enforced = quietly(lambda: enforce_inputs(schema, found))
    assert list(enforced.columns) == list(frame.columns)
    text = (tmp_path / "input_example.json").read_text()
    json.loads(text, parse_constant=pytest.fail)


def test_frames_of_all_libraries_and_tensors_are_examples(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": [1, None], "b": ["x", "y"], "l": [[1], []]})
    schema = infer_schema(frame)
    expected = {"columns": ["a", "b", "l"], "data": [[1, "x", [1]], [None, "y", []]]}
    for data in (frame, frame.lazy(), frame.to_arrow()):
        info = write_example(tmp_path, data)
        assert info["type"] == "dataframe"
        assert json.loads((tmp_path / "input_example.json").read_text()) == expected
        enforce_inputs(schema, read_example(tmp_path, info, schema)[0])
    assert write_example(tmp_path, pa.table({"t": [dt.datetime(2020, 1, 1)]}))["type"] == "dataframe"
    for series in (pd.Series([1.0, 2.0], name="a"), pl.Series("a", [1.0, 2.0])):
        assert read_example(tmp_path, write_example(tmp_path, series))[0]["a"].tolist() == [1.0, 2.0]

    class Torch(Tensor):
        def detach(self) -> Torch:
            return self

        cpu = detach

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return np.ones(self.shape, dtype="float32")

    info = write_example(tmp_path, {"x": Torch("torch.float32", 2, 2)})
    found = read_example(tmp_path, info, infer_schema({"x": Torch("torch.float32", 2, 2)}))[0]
    assert same({"x": np.ones((2, 2), dtype="float32")}, found)


def test_what_is_missing_is_null(tmp_path: Path) -> None:
    frame = pd.DataFrame({"f": [1.5, None], "s": ["x", None], "t": pd.to_datetime(["2020-01-01", None])})
    info = write_example(tmp_path, frame)
    for file in ("input_example.json", "serving_input_example.json"):
        json.loads((tmp_path / file).read_text(), parse_constant=pytest.fail)
    found, _ = read_example(tmp_path, info, infer_schema(frame))
    assert found.isna().to_numpy().tolist() == frame.isna().to_numpy().tolist()
    assert [dtype.kind for dtype in found.dtypes] == ["f", "O", "M"]


def test_without_a_signature_values_have_the_types_of_json(tmp_path: Path) -> None:
    assert (
        read_example(tmp_path, write_example(tmp_path, np.array([0.5, np.nan], dtype="float32")))[0].dtype == "float64"
    )
    assert read_example(tmp_path, write_example(tmp_path, dt.date(2020, 1, 2)))[0] == "2020-01-02"
    assert read_example(tmp_path, write_example(tmp_path, (1, 2)))[0] == [1, 2]
    assert read_example(tmp_path, write_example(tmp_path, (np.float32(1.5), {})))[0] == 1.5


def test_a_large_sparse_matrix_has_no_dense_request(tmp_path: Path) -> None:
    info = write_example(tmp_path, sparse.coo_matrix((1_000, 1 + MAX_DENSE_VALUES // 1_000)))
    assert "serving_input_path" not in info
    assert info["type"] == "sparse_matrix_csr"
    assert not (tmp_path / "serving_input_example.json").exists()


@pytest.mark.parametrize("value", [object(), 1j, {"a": decimal.Decimal(1)}, [{1}], np.array([1j]), lambda: None])
def test_what_json_cannot_hold_is_refused_with_its_type(value: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidType, match="of type"):
        write_example(tmp_path, value)
    assert not list(tmp_path.iterdir())
    with pytest.raises(InvalidInput, match="parameter 'p'"):
        write_example(tmp_path, ([1], {"p": None}))


@pytest.mark.parametrize(
    ("info", "text"),
    [
        ({"type": "dataframe"}, "{"),
        ({"type": "dataframe"}, "[]"),
        ({"type": "dataframe"}, '{"columns": ["a"]}'),
        ({"type": "dataframe"}, '{"columns": ["a"], "data": [[1, 2]]}'),
        ({"type": "ndarray"}, "[[1], [2, 3]]"),
        ({"type": "sparse_matrix_csr"}, '{"data": [1], "indices": [0], "indptr": [0, 9], "shape": [1, 1]}'),
        ({"type": "json_object", "params": "true"}, '{"inputs": 1}'),
        ({"type": "json_object"}, "\udcff"),
    ],
)
def test_a_garbled_example_is_an_error_that_names_the_file(info: dict[str, Any], text: str, tmp_path: Path) -> None:
    (tmp_path / "input_example.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(Corrupt, match=r"input_example\.json cannot be read as"):
        read_example(tmp_path, info)


def test_manifests_that_point_elsewhere_or_come_from_the_future_are_refused(tmp_path: Path) -> None:
    for name in ("../input_example.json", "/etc/passwd", 3):
        with pytest.raises(InvalidInput, match="outside of the model's folder"):
            read_example(tmp_path, {"type": "json_object", "artifact_path": name})
    with pytest.raises(InvalidInput, match="type 'hologram'; this version reads"):
        read_example(tmp_path, {"type": "hologram"})
    with pytest.raises(NoSuchFile):
        read_example(tmp_path, {"type": "json_object"})


def test_a_call_with_columns_that_gives_a_value_a_row_has_a_column_as_output() -> None:
    frame, output = pd.DataFrame({"a": [1.0, 2.0]}), np.array([0, 1], dtype="int32")
    assert signature_of_call(frame, output) == infer_signature(frame, pd.Series(output))
    assert signature_of_call(frame.to_numpy(), output) == infer_signature(frame.to_numpy(), output)
    assert signature_of_call(frame, output.reshape(2, 1)) == infer_signature(frame, output.reshape(2, 1))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_body_of_a_request_is_that_of_mlflow(name: str) -> None:
    from mlflow.models import convert_input_example_to_serving_input as theirs

    assert convert_input_example_to_serving_input(EXAMPLES[name]) == quietly(lambda: theirs(EXAMPLES[name]))
    assert convert_input_example_to_serving_input(None) is None
