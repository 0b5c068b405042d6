"""Payloads: CSV, JSON and Parquet as what a model takes, in the types of its signature.

JSON has the forms that MLflow's servers take: one of `dataframe_split`, `dataframe_records`, `instances` and `inputs`,
with `params` or without. A list of records, and a frame with `columns` and `data`, need no key around them.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from runlake.errors import InvalidInput
from runlake.extras import import_extra
from runlake.models.example_values import revived_array, revived_frame, revived_value
from runlake.types.columns import Schema, TensorSpec
from runlake.types.kinds import DataType

if TYPE_CHECKING:
    from runlake.models.signature import ModelSignature

Read = tuple[Any, dict[str, Any] | None]

_PARAMS: Final = "params"
_MISSING: Final = ("", "NA", "N/A", "NaN", "nan", "null", "None")
"""What stands for a missing value in CSV; in a column of texts only nothing does."""

_CSV_DTYPES: Final = {
    DataType.boolean: "boolean",
    DataType.integer: "Int32",
    DataType.long: "Int64",
    DataType.float: "float32",
    DataType.double: "float64",
    DataType.string: "str",
    DataType.datetime: "str",
    DataType.binary: "str",
}


def read(content: bytes, form: str, signature: ModelSignature | None = None) -> Read:
    """Read an input, and parameters if it has some.

    Args:
        form: "csv", "json" or "parquet".
        signature: That of the model: it tells types that CSV and JSON have not.

    Raises:
        InvalidInput: it is not of that form.
        MissingExtra: pandas, or pyarrow for Parquet, is not installed.
    """
    inputs = None if signature is None else signature.inputs
    try:
        return _READERS[form](content, inputs)
    except InvalidInput:
        raise
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidInput(f"the input cannot be read as {form}: {_in_a_line(error)}") from error


# -- tables


def _csv(content: bytes, schema: Schema | None) -> Read:
    pandas = import_extra("pandas", "to read CSV")
    kinds = _kinds(schema)
    if not kinds:
        return pandas.read_csv(io.BytesIO(content)), None
    names = list(pandas.read_csv(io.BytesIO(content), nrows=0).columns)
    dtypes = {name: _CSV_DTYPES[kinds[name]] for name in names if name in kinds}
    missing = {name: [""] if dtypes.get(name) == "str" else list(_MISSING) for name in names}
    how = {"na_values": missing, "keep_default_na": False}
    try:
        frame = pandas.read_csv(io.BytesIO(content), dtype=dtypes, **how)
    except (ValueError, TypeError):
        for name in dtypes:
            _require(pandas, content, name, kinds[name], how)
        raise
    return frame.assign(**{name: _plain(frame[name], kinds[name]) for name in dtypes}), None


def _require(pandas: Any, content: bytes, name: str, kind: DataType, how: dict[str, Any]) -> None:
    """Refuse a column of CSV that is not of its type."""
    try:
        pandas.read_csv(io.BytesIO(content), usecols=[name], dtype=_CSV_DTYPES[kind], **how)
    except (ValueError, TypeError) as error:
        raise InvalidInput(
            f"column {name!r} is {kind!r} in the signature, and the input has other values: {_in_a_line(error)}"
        ) from error


def _kinds(schema: Schema | None) -> dict[Any, DataType]:
    """Return the types of named columns of scalars."""
    specs: list[Any] = [] if schema is None or schema.is_tensor_spec() else list(schema.inputs)
    return {str(spec.name): spec.type for spec in specs if spec.name is not None and isinstance(spec.type, DataType)}


def _plain(column: Any, kind: DataType) -> Any:
    """Give a column that pandas reads with missing values as NumPy has it."""
    if kind is DataType.boolean:
        return column.astype(object).where(column.notna(), None) if column.isna().any() else column.astype(bool)
    if kind in (DataType.integer, DataType.long):
        return column.astype("float64" if column.isna().any() else kind.to_numpy())
    if kind is DataType.binary:
        return column.map(base64.b64decode, na_action="ignore")
    return column


def _parquet(content: bytes, _schema: Schema | None) -> Read:
    pandas = import_extra("pandas", "to read Parquet")
    import_extra("pyarrow", "to read Parquet")
    return pandas.read_parquet(io.BytesIO(content), engine="pyarrow"), None


# -- JSON


def _json(content: bytes, schema: Schema | None) -> Read:
    parsed = json.loads(content)
    if isinstance(parsed, list):
        records = bool(parsed) and all(isinstance(row, dict) for row in parsed)
        return (_records if records else _inputs)(parsed, schema), None
    if not isinstance(parsed, dict):
        return _inputs(parsed, schema) if schema else parsed, None
    keys = [key for key in _WRAPPERS if key in parsed]
    if len(keys) > 1 or (keys and set(parsed) - {*keys, _PARAMS}):
        raise InvalidInput(
            f"the input has the keys {', '.join(map(repr, parsed))}", hint=f"one of {', '.join(_WRAPPERS)}, and params"
        )
    if not keys:
        split = set(parsed) <= {"columns", "data", "index"} and isinstance(parsed.get("data"), list)
        return (_split if split else _values)(parsed, schema), None
    params = parsed.get(_PARAMS)
    if params is not None and not isinstance(params, dict):
        raise InvalidInput("the params of the input are no JSON object")
    return _WRAPPERS[keys[0]](parsed[keys[0]], schema), params


def _split(content: Any, schema: Schema | None) -> Any:
    rows, names = content["data"], content.get("columns")
    if names is not None and not all(isinstance(name, str | int) for name in names):
        raise InvalidInput("the columns of the input are no list of names")
    width = len(names) if names is not None else len(rows[0]) if rows else 0
    if not isinstance(rows, list) or any(not isinstance(row, list) or len(row) != width for row in rows):
        raise InvalidInput(f"the rows of the input are no lists of {width} values each")
    return revived_frame(rows, names, schema)


def _records(content: Any, schema: Schema | None) -> Any:
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise InvalidInput("the records of the input are no list of JSON objects")
    names = list(dict.fromkeys(name for row in content for name in row))
    return revived_frame([[row.get(name) for name in names] for row in content], names, schema)


def _instances(content: Any, schema: Schema | None) -> Any:
    """Read tensors row by row: a list of rows, or of dictionaries with a row of each tensor."""
    if isinstance(content, list) and content and all(isinstance(row, dict) for row in content):
        if schema is not None and not schema.is_tensor_spec():
            return _values(content, schema)
        content = {name: [row[name] for row in content] for name in content[0]}
    return _inputs(content, schema)


def _inputs(content: Any, schema: Schema | None) -> Any:
    """Read tensors one by one; what is for columns is read as values."""
    if schema is not None and not schema.is_tensor_spec():
        return _values(content, schema)
    specs = {spec.name: spec for spec in schema or () if isinstance(spec, TensorSpec)}
    if isinstance(content, dict):
        return {name: revived_array(values, specs.get(name)) for name, values in content.items()}
    return revived_array(content, next(iter(specs.values())) if len(specs) == 1 else None)


def _values(content: Any, schema: Schema | None) -> Any:
    """Read what is for columns: lists of their values, one row, or rows; what is nested stays as it is."""
    kinds = _kinds(schema)
    if not kinds or schema is None or len(kinds) < len(schema):
        return revived_value(content, schema)
    if isinstance(content, list) and content and all(isinstance(row, dict) for row in content):
        return _records(content, schema)
    if not isinstance(content, dict) or not content:
        return revived_value(content, schema)
    columns = [values if isinstance(values, list) else [values] for values in content.values()]
    if len({len(values) for values in columns}) > 1:
        raise InvalidInput(f"the columns of the input have {', '.join(str(len(values)) for values in columns)} values")
    return revived_frame([list(row) for row in zip(*columns, strict=True)], list(content), schema)


_WRAPPERS: Final[dict[str, Callable[[Any, Schema | None], Any]]] = {
    "dataframe_split": _split,
    "dataframe_records": _records,
    "instances": _instances,
    "inputs": _inputs,
}

_READERS: Final[dict[str, Callable[[bytes, Schema | None], Read]]] = {"csv": _csv, "json": _json, "parquet": _parquet}


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
