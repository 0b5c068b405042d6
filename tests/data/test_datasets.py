"""Data sets: what a run stores of them, judged by MLflow's own reading of schemas and by its own values."""

import datetime as dt
import decimal
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from runlake import data
from runlake.data import MetaDataset, NumpyDataset, PandasDataset, PolarsDataset
from runlake.entities import Dataset as Entity
from runlake.entities import DatasetInput
from runlake.errors import InvalidInput, InvalidType, MissingExtra
from runlake.types.schema import ColSpec, Schema

PANDAS = {
    "i8": np.array([1, 2], dtype="int8"),
    "i64": [1, 2],
    "u16": np.array([1, 2], dtype="uint16"),
    "u32": np.array([1, 2], dtype="uint32"),
    "f32": np.array([1, 2], dtype="float32"),
    "f64": [1.0, 2.0],
    "text": ["a", "b"],
    "bool": [True, False],
    "time": pd.to_datetime(["2020-01-01", "2020-01-02"]),
    "zone": pd.to_datetime(["2020-01-01", "2020-01-02"], utc=True),
    "missing text": ["a", None],
    "missing number": [1.0, None],
    "bytes": [b"a", b"b"],
    "kinds": pd.Categorical(["a", "b"]),
    "Int64": pd.array([1, None], dtype="Int64"),
    "date": [dt.date(2020, 1, 1)] * 2,
    "list": [[1], [2]],
    "object": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
    "array": [np.array([1.0]), np.array([2.0])],
}


def specs(dataset: Any) -> dict[str, Any]:
    return {spec["name"]: spec for spec in json.loads(dataset.to_dict()["schema"])["mlflow_colspec"]}


JUDGE = """
import json, mlflow, numpy as np, pandas as pd, polars as pl, datetime as dt, sys
from mlflow.types import Schema
for line in sys.stdin:  # each is an expression in JSON, and answered when it is evaluated
    print("answer:", eval(json.loads(line)), flush=True)
"""


@pytest.fixture(scope="module")
def judged() -> Iterator[Callable[[str], Any]]:
    """Evaluate an expression where MLflow is imported, in a process of its own, and give the JSON that it is."""
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    command, pipe = [sys.executable, "-c", JUDGE], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        into, out = process.stdin, process.stdout
        assert into is not None
        assert out is not None

        def ask(expression: str) -> Any:
            into.write(json.dumps(expression) + "\n")
            into.flush()
            answer = next((line for line in out if line.startswith("answer:")), None)
            assert answer is not None, f"MLflow failed: {expression}"
            return json.loads(answer.removeprefix("answer:"))

        yield ask
        into.close()
        process.wait(30)


def test_a_pandas_schema_is_the_one_mlflow_infers(judged: Callable[[str], Any], tmp_path: Path) -> None:
    pd.to_pickle(pd.DataFrame(PANDAS), tmp_path / "frame.pickle")
    theirs = judged(
        f"mlflow.data.from_pandas(pd.read_pickle({str(tmp_path / 'frame.pickle')!r}), source='x').to_json()"
    )
    ours = data.from_pandas(pd.DataFrame(PANDAS), source="x").to_dict()
    assert json.loads(ours["schema"] or "") == json.loads(theirs["schema"])
    assert ours["profile"] == theirs["profile"]
    assert (ours["source"], ours["source_type"], ours["name"]) == ('{"uri": "x"}', "local", "dataset")
    assert {theirs["source"], theirs["source_type"], theirs["name"]} == {'{"uri": "x"}', "local", "dataset"}


def test_a_numpy_schema_is_the_one_mlflow_infers(judged: Callable[[str], Any]) -> None:
    program = "np.zeros((3, 4), dtype='float32'), source='s3://b/x', targets=np.zeros(3, dtype='int32')"
    named = "{'a': np.zeros((3, 4, 5)), 'b': np.array(['x', 'yy'])}, source='https://b/x'"
    for call in (program, named):
        theirs = judged(f"mlflow.data.from_numpy({call}).to_json()")
        ours = eval(f"data.from_numpy({call}).to_dict()")
        assert {**ours, "digest": None} == {**theirs, "digest": None}


def test_a_polars_schema_is_the_one_mlflow_infers(judged: Callable[[str], Any]) -> None:
    frame = """pl.DataFrame({"i": [1, 2], "f": [1.0, 2.0], "s": ["a", "b"], "b": [True, False],
        "t": [dt.datetime(2020, 1, 1)] * 2,
        "d": [dt.date(2020, 1, 1)] * 2, "l": [[1], [2]], "o": [{"a": 1}, {"a": 2}], "x": [b"a", b"b"],
        "c": pl.Series(["a", "b"], dtype=pl.Categorical), "i8": pl.Series([1, 2], dtype=pl.Int8),
        "f4": pl.Series([1, 2], dtype=pl.Float32), "u32": pl.Series([1, 2], dtype=pl.UInt32)})"""
    theirs = judged(f"mlflow.data.from_polars({frame}, source='x').to_json()")
    ours = data.from_polars(eval(frame), source="x").to_dict()
    assert json.loads(ours["schema"] or "") == json.loads(theirs["schema"])
    assert ours["profile"] == theirs["profile"]


UNKNOWN_TO_MLFLOW = {
    "u64": np.array([1, 2], dtype="uint64"),
    "decimal": [decimal.Decimal(1)] * 2,
    "span": pd.to_timedelta([1, 2]),
    "mixed": [1, "a"],
    "complex": [1j, 2j],
    "nothing": [None, None],
}


def test_mlflow_can_read_the_schema_of_columns_that_it_has_no_type_for(judged: Callable[[str], Any]) -> None:
    dataset = data.from_pandas(pd.DataFrame({"known": ["a", "b"], **UNKNOWN_TO_MLFLOW}), source="x")
    assert {name: spec["type"] for name, spec in specs(dataset).items()} == {
        "known": "string",
        **dict.fromkeys(UNKNOWN_TO_MLFLOW, "any"),
    }
    text = json.dumps(json.loads(dataset.to_dict()["schema"] or "")["mlflow_colspec"])
    assert judged(f"json.dumps(Schema.from_json({text!r}).input_names())") == list(specs(dataset))


def test_a_column_is_required_when_no_value_is_missing() -> None:
    required = {
        name: spec["required"] for name, spec in specs(data.from_pandas(pd.DataFrame(PANDAS), source="x")).items()
    }
    assert {name for name, value in required.items() if not value} == {"missing text", "missing number", "Int64"}
    polars = specs(data.from_polars(pl.DataFrame({"a": [1, None], "b": [1, 2]}), source="x"))
    assert (polars["a"]["required"], polars["b"]["required"]) == (False, True)


@pytest.mark.parametrize("dtype", [pl.UInt64, pl.Decimal(10, 2), pl.Duration, pl.Time, pl.Null, pl.Int128])
def test_polars_columns_of_any_dtype_have_a_schema_and_a_digest(dtype: Any) -> None:
    dataset = data.from_polars(pl.DataFrame({"x": pl.Series([None, None], dtype=dtype)}), source="x")
    assert specs(dataset)["x"] == {"type": "any", "name": "x", "required": False}
    assert len(dataset.digest) == 16


def test_the_data_is_there_to_be_used() -> None:
    frame = pd.DataFrame({"a": [1], "y": [2], "p": [3]})
    dataset = data.from_pandas(frame, source="x", targets="y", predictions="p", name="n", digest="d")
    assert isinstance(dataset, PandasDataset)
    assert dataset.df is frame
    assert (dataset.targets, dataset.predictions, dataset.name, dataset.digest) == ("y", "p", "n", "d")
    polars = pl.DataFrame({"a": [1], "y": [2]})
    described = data.from_polars(polars, source="x", targets="y")
    assert isinstance(described, PolarsDataset)
    assert described.df is polars
    features, targets = np.zeros((2, 3)), np.zeros(2)
    arrays = data.from_numpy(features, source="x", targets=targets)
    assert isinstance(arrays, NumpyDataset)
    assert arrays.features is features
    assert arrays.targets is targets


def test_a_column_that_is_not_there_is_named() -> None:
    for make, frame in ((data.from_pandas, pd.DataFrame({"a": [1]})), (data.from_polars, pl.DataFrame({"a": [1]}))):
        with pytest.raises(InvalidInput, match=r"'y'.*targets"):
            make(frame, targets="y")
        with pytest.raises(InvalidInput, match=r"'p'.*predictions"):
            make(frame, predictions="p")


def test_other_things_are_no_data_sets_of_that_kind() -> None:
    frame = pl.DataFrame({"a": [1]})
    with pytest.raises(InvalidType, match="DataFrame"):
        data.from_pandas(frame)
    with pytest.raises(InvalidType, match="collect"):
        data.from_polars(frame.lazy())
    for wrong in ([1, 2], {"a": [1]}, frame, "text", 3):
        with pytest.raises(InvalidType):
            data.from_numpy(wrong)


def test_names_and_digests_that_no_store_takes_are_refused() -> None:
    source = data.resolve_dataset_source("x")
    for wrong in ({"name": "n" * 501}, {"name": ""}, {"digest": "d" * 37}, {"digest": ""}):
        with pytest.raises(InvalidInput, match="characters"):
            MetaDataset(source, **wrong)


def test_only_a_source_is_a_data_set_too() -> None:
    schema = Schema([ColSpec("string", "text")])
    source = data.resolve_dataset_source("https://example.org/x.tar")
    dataset = MetaDataset(source, name="reviews", schema=schema)
    assert dataset.to_dict() == {
        "name": "reviews",
        "digest": dataset.digest,
        "source": '{"url": "https://example.org/x.tar"}',
        "source_type": "http",
        "schema": '{"mlflow_colspec": [{"type": "string", "name": "text", "required": true}]}',
        "profile": None,
    }
    others = [MetaDataset(source), MetaDataset(source, name="reviews"), MetaDataset(data.resolve_dataset_source("x"))]
    assert len({dataset.digest, *(other.digest for other in others)}) == 4


def test_what_a_run_stores_is_the_entity() -> None:
    dataset = data.from_pandas(pd.DataFrame({"a": [1]}), source="x", name="n")
    stored = dataset._to_mlflow_entity()
    assert stored == Entity(
        "n", dataset.digest, "local", '{"uri": "x"}', dataset.to_dict()["schema"], dataset.to_dict()["profile"]
    )
    assert json.loads(dataset.to_json()) == dataset.to_dict()
    for known in (dataset, stored, DatasetInput(stored)):
        assert data.get_source(known).to_dict() == {"uri": "x"}
    with pytest.raises(InvalidType):
        data.get_source("x")  # type: ignore[arg-type]


def test_a_schema_that_is_too_long_to_store_is_left_out_with_a_warning() -> None:
    wide = data.from_numpy({f"{'long name ' * 500}{n}": np.zeros(1) for n in range(300)}, source="x")
    with pytest.warns(UserWarning, match="1048575"):
        assert wide._to_mlflow_entity().schema is None
    assert wide.schema is not None


def test_without_pandas_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match="pip install pandas"):
        data.from_pandas(object())


def test_importing_the_module_loads_no_library() -> None:
    program = "import sys, runlake.data; print(sorted({'numpy', 'pandas', 'polars'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
