"""Files of ONNX models: written whole, and checked before anything reads tensors from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from runlake.errors import Corrupt, InvalidInput, NewerFormat
from runlake.models.flavors import reading, warn_if_newer
from runlake.models.manifest import inside

MODEL_FILE: Final = "model.onnx"
WHAT: Final = "ONNX model"

_DATA: Final = "model.onnx.data"


def write(onnx: Any, model: Any, file: Path, external: bool, options: Mapping[str, Any]) -> None:
    """Write and check a model, which is as it was afterwards: ONNX takes the tensors out that it writes elsewhere."""
    was_whole = not any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in _tensors(model))
    settings = {"save_as_external_data": external, **({"location": _DATA} if external else {}), **options}
    try:
        onnx.save_model(model, str(file), **settings)
        onnx.checker.check_model(str(file))
    except (onnx.checker.ValidationError, ValueError) as error:
        said = str(error).strip().splitlines()[0][:300]
        raise InvalidInput(
            f"the ONNX model is not valid: {said}", hint="onnx.checker.check_model(model) says more"
        ) from error
    finally:
        if external and was_whole:
            complete(onnx, model, file.parent)


def complete(onnx: Any, model: Any, folder: Path) -> None:
    """Put the tensors into a model that are in other files of its folder, as if they had always been there."""
    onnx.load_external_data_for_model(model, str(folder))
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.DEFAULT:
            tensor.ClearField("data_location")


def checked(onnx: Any, folder: Path, file: Path, keys: Mapping[str, Any]) -> Any:
    """Return a model without its external tensors, when all of it is there and makes sense.

    Raises:
        Corrupt: a file is cut off or garbled, or a tensor is outside of the folder; the message names it.
        NewerFormat: a later version of the format than is installed.
    """
    warn_if_newer(folder, "onnx", keys.get("onnx_version"), onnx.__version__)
    with reading(file, WHAT):
        model = onnx.load(str(file), load_external_data=False)
    if model.ir_version > onnx.IR_VERSION:
        raise NewerFormat(
            f"{file} has version {model.ir_version} of the ONNX format; the onnx {onnx.__version__} that is installed"
            f" reads up to {onnx.IR_VERSION}",
            hint="pip install --upgrade onnx onnxruntime",
        )
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            _check_external(file, tensor)
    with reading(file, WHAT):
        onnx.checker.check_model(str(file))
    return model


def _check_external(file: Path, tensor: Any) -> None:
    """Hold what a tensor says of the file that it is in against that file."""
    said = {entry.key: entry.value for entry in tensor.external_data}
    data = inside(file.parent, said.get("location"), f"tensor {tensor.name} of {file.name}")
    try:
        begin, length = int(said.get("offset", 0)), int(said.get("length", 0))
    except ValueError as error:
        raise Corrupt(f"{file} is garbled: the place of tensor {tensor.name!r} is no number") from error
    size = data.stat().st_size
    if begin < 0 or length < 0 or begin + length > size:
        raise Corrupt(
            f"{data} is cut off: it has {size} bytes, and tensor {tensor.name!r} of {file.name}"
            f" ends at {begin + length}"
        )


def _tensors(model: Any) -> Iterator[Any]:
    """Give every tensor of a model that may be in another file."""
    yield from _of_graph(model.graph)
    for function in model.functions:
        yield from _of_nodes(function.node)


def _of_graph(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _of_nodes(graph.node)


def _of_nodes(nodes: Any) -> Iterator[Any]:
    for attribute in (attribute for node in nodes for attribute in node.attribute):
        yield from attribute.tensors
        if attribute.HasField("t"):
            yield attribute.t
        for graph in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
            yield from _of_graph(graph)
