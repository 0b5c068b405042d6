"""Payloads and predictions: CSV, JSON and Parquet become what a model takes, and what it gives JSON and tables."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from runlake.errors import InvalidInput
from runlake.models import payloads, predictions
from runlake.models.enforcement import enforce_inputs
from runlake.models.signature import ModelSignature
from runlake.types.schema import ColSpec, Schema, TensorSpec

COLUMNS = ModelSignature(
    Schema(
        [
            ColSpec("string", "code"),
            ColSpec("long", "count", required=False),
            ColSpec("integer", "small"),
            ColSpec("double", "price"),
            ColSpec("boolean", "active"),
            ColSpec("datetime", "since"),
            ColSpec("binary", "raw"),
        ]
    )
)
RAW = base64.b64encode(b"\x00\x01").decode()


def enforced(content: str | bytes, form: str, signature: ModelSignature) -> Any:
    """Read an input and hold it to the signature, as a call of the model does."""
    data, _ = payloads.read(content if isinstance(content, bytes) else content.encode(), form, signature)
    return enforce_inputs(signature.inputs, data) if signature.inputs is not None else data


@pytest.mark.parametrize(
    ("form", "content"),
    [
        (
            "csv",
            f"code,count,small,price,active,since,raw\n001,3,4,5,true,2026-01-31,{RAW}\nNA,,4,1.5,False,2026-01-31,{RAW}\n",
        ),
        (
            "json",
            json.dumps(
                [
                    {
                        "code": "001",
                        "count": 3,
                        "small": 4,
                        "price": 5,
                        "active": True,
                        "since": "2026-01-31",
                        "raw": RAW,
                    },
                    {"code": "NA", "small": 4, "price": 1.5, "active": False, "since": "2026-01-31", "raw": RAW},
                ]
            ),
        ),
    ],
)
def test_values_have_the_types_of_the_signature(form: str, content: str) -> None:
    frame = enforced(content, form, COLUMNS)
    assert frame["code"].tolist() == ["001", "NA"]
    assert frame["count"].tolist()[0] == 3
    assert np.isnan(frame["count"].tolist()[1])
    assert frame["small"].dtype == np.int32
    assert frame["price"].tolist() == [5.0, 1.5]
    assert frame["active"].tolist() == [True, False]
    assert frame["since"].tolist() == [pd.Timestamp("2026-01-31")] * 2
    assert frame["raw"].tolist() == [b"\x00\x01"] * 2


def test_whole_numbers_keep_every_digit() -> None:
    signature = ModelSignature(Schema([ColSpec("long", "id", required=False)]))
    large = 2**63 - 1
    for form, content in (("csv", f"id\n{large}\n"), ("json", f'{{"inputs": {{"id": [{large}]}}}}')):
        assert enforced(content, form, signature)["id"].tolist() == [large]


def test_parquet_is_read_with_its_own_types() -> None:
    frame = pd.DataFrame({"a": [1.5, 2.5]})
    file = io.BytesIO()
    frame.to_parquet(file)
    pd.testing.assert_frame_equal(payloads.read(file.getvalue(), "parquet")[0], frame)


def test_tensors_are_read_by_row_and_by_name() -> None:
    one = ModelSignature(Schema([TensorSpec(np.dtype("float32"), (-1, 2))]))
    for content in ('{"inputs": [[1, 2], [3, 4]]}', '{"instances": [[1, 2], [3, 4]]}', "[[1, 2], [3, 4]]"):
        found = enforced(content, "json", one)
        assert (found.dtype, found.tolist()) == (np.float32, [[1.0, 2.0], [3.0, 4.0]])
    two = ModelSignature(
        Schema([TensorSpec(np.dtype("int64"), (-1,), "x"), TensorSpec(np.dtype("float64"), (-1, 1), "y")])
    )
    for content in (
        '{"inputs": {"x": [1, 2], "y": [[3], [4]]}}',
        '{"instances": [{"x": 1, "y": [3]}, {"x": 2, "y": [4]}]}',
    ):
        found = enforced(content, "json", two)
        assert (found["x"].tolist(), found["y"].tolist()) == ([1, 2], [[3.0], [4.0]])


def test_parameters_come_with_json_and_other_objects_as_they_are() -> None:
    data, params = payloads.read(b'{"dataframe_records": [{"a": 1}], "params": {"k": 2}}', "json")
    assert (data["a"].tolist(), params) == ([1], {"k": 2})
    chat = {"messages": [{"role": "user", "content": "hello"}], "temperature": 0}
    assert payloads.read(json.dumps(chat).encode(), "json") == (chat, None)


@pytest.mark.parametrize(
    ("form", "content", "said"),
    [
        ("json", "{", "cannot be read as json"),
        ("json", '{"inputs": 1, "instances": 2}', "the input has the keys 'inputs', 'instances'"),
        ("json", '{"inputs": 1, "other": 2}', "the input has the keys 'inputs', 'other'"),
        ("json", '{"inputs": [1], "params": 3}', "the params of the input are no JSON object"),
        ("json", '{"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}', "are no lists of 1 values each"),
        ("json", '{"dataframe_split": {"columns": ["a"]}}', "cannot be read as json"),
        ("json", '{"dataframe_split": 7}', "cannot be read as json"),
        ("json", '{"columns": [["a"], {}], "data": [[1, 2]]}', "the columns of the input are no list of names"),
        ("json", '{"inputs": [{"price": 1}, [2, 3], true]}', "the data is no list of rows of a table"),
        ("json", '{"dataframe_records": {"a": 1}}', "the records of the input are no list"),
        ("json", '{"inputs": {"price": [1, 2], "small": [1]}}', "the columns of the input have 2, 1 values"),
        ("csv", "", "cannot be read as csv"),
        ("csv", "small\n1\nx\n", "column 'small' is integer in the signature"),
        ("csv", "small\n99999999999\n", "column 'small' is integer in the signature"),
        ("parquet", "PAR1", "cannot be read as parquet"),
    ],
)
def test_what_is_garbled_is_refused_in_a_sentence(form: str, content: str, said: str) -> None:
    signature = ModelSignature(Schema([ColSpec("double", "price"), ColSpec("integer", "small")]))
    with pytest.raises(InvalidInput) as refused:
        enforced(content, form, signature)
    assert said in refused.value.message
    assert "\n" not in refused.value.message


@pytest.mark.parametrize(
    ("given", "plain", "header", "rows"),
    [
        (np.array([0, 1]), [0, 1], ["prediction"], [[0], [1]]),
        (np.array([[0.5, np.nan]]), [[0.5, None]], ["0", "1"], [[0.5, None]]),
        (pd.Series(["a", None]), ["a", None], ["prediction"], [["a"], [None]]),
        (
            pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
            [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
            ["a", "b"],
            [[1, "x"], [2, "y"]],
        ),
        (pl.DataFrame({"a": [[1, 2]]}), [{"a": [1, 2]}], ["a"], [["[1, 2]"]]),
        ({"p": np.array([0.5]), "q": [1]}, {"p": [0.5], "q": [1]}, ["p", "q"], [[0.5, 1]]),
        ({"p": 1, "q": [1]}, {"p": 1, "q": [1]}, ["p", "q"], [[1, "[1]"]]),
        ("text", "text", ["prediction"], [["text"]]),
        ([pd.Timestamp("2026-01-31")], ["2026-01-31T00:00:00"], ["prediction"], [["2026-01-31T00:00:00"]]),
        ([], [], ["prediction"], []),
    ],
)
def test_predictions_are_json_and_a_table(given: Any, plain: Any, header: list[str], rows: list[list[Any]]) -> None:
    found = predictions.plain(given)
    assert found == plain
    json.dumps(found)
    assert predictions.table(found) == (header, rows)


def test_files_of_predictions_are_read_by_others() -> None:
    found = predictions.plain(pd.DataFrame({"a": [1, 2], "b": ["x, y", None]}))
    assert predictions.csv_of(found) == b'a,b\n1,"x, y"\n2,\n'
    assert pl.read_parquet(io.BytesIO(predictions.parquet_of(found))).rows() == [(1, "x, y"), (2, None)]
