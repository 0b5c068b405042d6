"""Signatures of models as rows of a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from runlake.models.signature import ModelSignature

SIGNATURE: Final = ("part", "name", "type", "required", "default")


def signature_rows(signature: ModelSignature) -> list[tuple[Any, ...]]:
    """Return a row for each column, tensor and parameter of a signature."""
    rows = [*_fields("inputs", signature.inputs), *_fields("outputs", signature.outputs)]
    for spec in signature.params or ():
        kind = repr(spec.dtype) if spec.shape is None else f"Array({spec.dtype!r})"
        rows.append(("params", spec.name, kind, "no", repr(spec.default)))
    return rows


def signature_of(signature: ModelSignature) -> dict[str, Any]:
    """Return a signature for JSON: lists, where the manifest has texts."""
    parts = {"inputs": signature.inputs, "outputs": signature.outputs, "params": signature.params}
    return {name: None if part is None else part.to_dict() for name, part in parts.items()}


def _fields(part: str, schema: Any) -> Iterator[tuple[Any, ...]]:
    from runlake.types.columns import TensorSpec

    for spec in schema or ():
        tensor = isinstance(spec, TensorSpec)
        kind = f"Tensor({spec.dtype_name}, {spec.shape})" if tensor else repr(spec.type)
        yield part, spec.name, kind, "yes" if spec.required else "no", None
