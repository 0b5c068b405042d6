"""Schemas of data sets, in MLflow's JSON: those of signatures, and features and targets that are tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runlake.errors import InvalidInput
from runlake.types.inference import frame_columns
from runlake.types.kinds import AnyType, Kind
from runlake.types.schema import Schema


@dataclass(frozen=True, slots=True)
class TensorDatasetSchema:
    """The tensors of features and, if there are any, of targets."""

    features: Schema
    targets: Schema | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give the form that MLflow stores."""
        targets = None if self.targets is None else self.targets.to_json()
        return {"mlflow_tensorspec": {"features": self.features.to_json(), "targets": targets}}


def schema_of_frame(frame: Any) -> Schema | None:
    """Give the columns of a frame, those that no type fits as of any kind; None if it has no columns."""
    columns = frame_columns(frame, _any_kind)
    return Schema(columns) if columns else None


def _any_kind(_name: str, _reason: InvalidInput) -> Kind:
    return AnyType()
