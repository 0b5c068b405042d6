"""Types of data: what goes into a model and comes out of it, under MLflow's names and with its JSON."""

from __future__ import annotations

from runlake.types import schema
from runlake.types.schema import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec

__all__ = ["ColSpec", "DataType", "ParamSchema", "ParamSpec", "Schema", "TensorSpec", "schema"]
