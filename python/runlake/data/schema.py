"""Schemas of data sets, in MLflow's JSON: columns with types, or tensors with dtypes and shapes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Schema:
    """Columns (`{"type", "name", "required"}`, nested types too) or tensors (`{"type": "tensor", "tensor-spec"}`).

    Types of columns: boolean, integer (up to 32 bits), long, float, double, string, binary, datetime, array (`items`),
    object (`properties`), and any for what MLflow has no type for.
    """

    inputs: tuple[dict[str, Any], ...]

    def to_dict(self) -> list[dict[str, Any]]:
        """Give the specifications, ready for JSON."""
        return list(self.inputs)

    def to_json(self) -> str:
        """Give the specifications as JSON."""
        return json.dumps(self.to_dict())

    def input_names(self) -> list[Any]:
        """Give the names of the columns, or of the tensors that have one."""
        return [spec["name"] for spec in self.inputs if "name" in spec]


@dataclass(frozen=True, slots=True)
class TensorDatasetSchema:
    """The tensors of features and, if there are any, of targets."""

    features: Schema
    targets: Schema | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give the form that MLflow stores."""
        targets = None if self.targets is None else self.targets.to_json()
        return {"mlflow_tensorspec": {"features": self.features.to_json(), "targets": targets}}


def column(name: object, kind: Mapping[str, Any], *, required: bool) -> dict[str, Any]:
    """Make the specification of a column; `required` says that no value is missing."""
    return {**kind, "name": str(name), "required": required}


def tensor(values: Any, name: str | None = None) -> dict[str, Any]:
    """Make the specification of a NumPy array; the first dimension, of samples, may have any size."""
    kind = values.dtype.kind
    dtype = {"U": "str", "T": "str", "S": "bytes"}.get(kind, values.dtype.name)
    spec: dict[str, Any] = {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": [-1, *values.shape[1:]]}}
    return spec if name is None else {"name": name, **spec}
