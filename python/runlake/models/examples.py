"""Input examples of models: written beside a model in MLflow's files, and read back as what they were.

`input_example.json` is the example, `serving_input_example.json` the body of a request that a server of models takes.
What is missing is null in both, times are ISO texts and bytes base64: it takes the signature to read the same types.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from runlake.errors import Corrupt, InvalidInput, InvalidType, NoSuchFile
from runlake.extras import import_extra, is_loaded_instance
from runlake.models.example_values import jsonable, revived_array, revived_frame, revived_value
from runlake.models.tables import column_of, is_arrow, is_lazy, is_pandas, is_polars, names_of, only
from runlake.types.columns import Schema, TensorSpec
from runlake.types.parameters import infer_params
from runlake.types.tensors import is_sparse, is_tensor
from runlake.types.values import is_ndarray

EXAMPLE_FILE: Final = "input_example.json"
SERVING_FILE: Final = "serving_input_example.json"
MAX_DENSE_VALUES: Final = 1_000_000
"""Values of a sparse matrix up to which a request with all of them is written."""

_CHAT_KEYS = ("messages", "prompt", "input")
"""Dictionaries with one of these are requests to language models, which go to a server as they are."""


def write_example(folder: Path, example: Any) -> dict[str, Any]:
    """Write an example into a model's folder.

    Args:
        folder: The folder, which is there.
        example: A frame or column of pandas, Polars or Arrow, a tensor, a sparse matrix, a dictionary of tensors or of
            values, a list, a scalar; or a pair of one of these and a dictionary of parameters.

    Returns:
        What the manifest says of it: `saved_input_example_info`.

    Raises:
        InvalidInput: a parameter has no type.
        InvalidType: the example, or a value in it, cannot be JSON.
    """
    kind, content, serving = _with_parameters(example)
    info: dict[str, Any] = {"artifact_path": EXAMPLE_FILE, **kind}
    (folder / EXAMPLE_FILE).write_text(json.dumps(content), encoding="utf-8")
    if serving is not None:
        (folder / SERVING_FILE).write_text(json.dumps(serving, indent=2), encoding="utf-8")
        info["serving_input_path"] = SERVING_FILE
    return info


def read_example(
    folder: Path, info: Mapping[str, Any], schema: Schema | None = None
) -> tuple[Any, dict[str, Any] | None]:
    """Read the example from a model's folder, ours or MLflow's.

    Args:
        folder: The folder.
        info: What the manifest says of it: `saved_input_example_info`.
        schema: Inputs of the signature: without one, types that JSON has not are those that it has for them.

    Returns:
        The input, and the parameters, None if there are none. Frames and columns of all libraries are pandas frames,
        tensors arrays of NumPy.

    Raises:
        Corrupt: the file is not what the manifest says; the message names it.
        InvalidInput: a later version has written it, or it is outside of the folder.
        NoSuchFile: it is not there.
    """
    file = _inside(folder, info.get("artifact_path", EXAMPLE_FILE))
    kind = info.get("type")
    read = _READERS.get(str(kind))
    if read is None:
        raise InvalidInput(f"the example {file} is of type {kind!r}; this version reads {', '.join(_READERS)}")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        params = None
        if info.get("params"):
            content, params = content["inputs"], dict(content["params"])
        return read(content, schema), params
    except FileNotFoundError as error:
        raise NoSuchFile(f"the example {file}, which the manifest names, is not there") from error
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        raise Corrupt(f"the example {file} cannot be read as {kind}: {type(error).__name__}: {error}") from error


def convert_input_example_to_serving_input(input_example: Any) -> str | None:
    """Give the body of a request to a server of models that has an example; None if there is no example.

    A sparse matrix that is too large to be dense has none either.

    Raises:
        InvalidType: the example, or a value in it, cannot be JSON.
    """
    serving = None if input_example is None else _with_parameters(input_example)[2]
    return None if serving is None else json.dumps(serving, indent=2)


def example_parts(example: Any) -> tuple[Any, dict[str, Any] | None]:
    """Take a pair of an input and parameters apart; None for the parameters of what is no pair or has an empty one."""
    if isinstance(example, tuple) and len(example) == 2 and isinstance(example[1], dict):
        return example[0], example[1] or None
    return example, None


def _with_parameters(example: Any) -> tuple[dict[str, Any], Any, Any]:
    """Give what the manifest says of an example, its JSON, and a request with it, which may be None."""
    data, params = example_parts(example)
    kind, content, serving = _form(data)
    if not params:
        return kind, content, serving
    infer_params(params)
    values = jsonable(params)
    return {"params": "true", **kind}, {"inputs": content, "params": values}, _with_params(serving, values)


def _form(data: Any) -> tuple[dict[str, Any], Any, Any]:
    """Give the same of an example without parameters."""
    if is_loaded_instance(data, "pandas", "Series") or is_loaded_instance(data, "polars", "Series"):
        data = data.to_frame()
    if is_pandas(data) or is_polars(data) or is_lazy(data) or is_arrow(data):
        return _frame(data)
    if is_sparse(data):
        return _sparse(data)
    if is_tensor(data) or (isinstance(data, Mapping) and data and all(map(is_tensor, data.values()))):
        content = jsonable(_arrays(data))
        return {"type": "ndarray"}, content, {"inputs": content}
    if not isinstance(data, Mapping | list | tuple) and hasattr(data, "__dict__") and not hasattr(data, "isoformat"):
        raise InvalidType(
            f"an input example cannot be of type {type(data).__name__}",
            hint="give a data frame, a tensor, a dictionary, a list or a scalar",
        )
    content = jsonable(data)
    chat = isinstance(content, dict) and any(key in content for key in _CHAT_KEYS)
    return {"type": "json_object"}, content, content if chat else {"inputs": content}


def _frame(data: Any) -> tuple[dict[str, Any], Any, Any]:
    names = names_of(data)
    table = only(data, names)
    columns = [jsonable(column_of(table, name).tolist()) for name in names]
    content: dict[str, Any] = {"data": [list(row) for row in zip(*columns, strict=True)]}
    orient = "values"
    if names != list(range(len(names))):
        content, orient = {"columns": jsonable(names), **content}, "split"
    return {"type": "dataframe", "pandas_orient": orient}, content, {"dataframe_split": content}


def _sparse(matrix: Any) -> tuple[dict[str, Any], Any, Any]:
    layout = "csc" if matrix.format == "csc" else "csr"
    matrix = matrix.asformat(layout)
    parts = {name: jsonable(getattr(matrix, name)) for name in ("data", "indices", "indptr")}
    content = {**parts, "shape": [int(size) for size in matrix.shape]}
    dense = {"inputs": jsonable(matrix.toarray())} if matrix.shape[0] * matrix.shape[1] <= MAX_DENSE_VALUES else None
    return {"type": f"sparse_matrix_{layout}"}, content, dense


def _with_params(serving: Any, params: dict[str, Any]) -> Any:
    if serving is None:
        return None
    wrapped = "inputs" in serving or "dataframe_split" in serving
    return {**serving, "params": params} if wrapped else {**serving, **params}


def _arrays(data: Any) -> Any:
    """Give NumPy's arrays for tensors of any library."""
    if isinstance(data, Mapping):
        return {str(name): _arrays(value) for name, value in data.items()}
    if is_ndarray(data):
        return data
    if hasattr(data, "detach"):
        data = data.detach().cpu()
    return import_extra("numpy", "for a tensor as an example").asarray(data)


def _read_frame(content: Any, schema: Schema | None) -> Any:
    return revived_frame(content["data"], content.get("columns"), schema)


def _read_arrays(content: Any, schema: Schema | None) -> Any:
    specs = _tensors(schema)
    if isinstance(content, dict):
        return {name: revived_array(values, specs.get(name)) for name, values in content.items()}
    return revived_array(content, next(iter(specs.values())) if len(specs) == 1 else None)


def _tensors(schema: Schema | None) -> dict[Any, TensorSpec]:
    specs = [] if schema is None else schema.inputs
    return {spec.name: spec for spec in specs if isinstance(spec, TensorSpec)}


def _read_sparse(layout: str) -> Callable[[Any, Schema | None], Any]:
    def read(content: Any, schema: Schema | None) -> Any:
        sparse = import_extra("scipy.sparse", "to read a sparse matrix")
        values = revived_array(content["data"], _tensors(schema).get(None))
        matrix = getattr(sparse, f"{layout}_matrix")
        return matrix((values, content["indices"], content["indptr"]), shape=tuple(content["shape"]))

    return read


_READERS: Final[dict[str, Callable[[Any, Schema | None], Any]]] = {
    "dataframe": _read_frame,
    "ndarray": _read_arrays,
    "json_object": revived_value,
    "sparse_matrix_csr": _read_sparse("csr"),
    "sparse_matrix_csc": _read_sparse("csc"),
}
"""How each type of example is read."""


def _inside(folder: Path, name: Any) -> Path:
    file = folder / str(name)
    if not isinstance(name, str) or not file.resolve().is_relative_to(folder.resolve()):
        raise InvalidInput(f"the example {name!r}, which the manifest names, is outside of the model's folder")
    return file
