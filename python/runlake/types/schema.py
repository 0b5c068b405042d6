"""What signatures are made of, under the name of MLflow's module."""

from __future__ import annotations

from runlake.types.columns import ColSpec, Schema, TensorSpec
from runlake.types.dataclasses import convert_dataclass_to_schema
from runlake.types.kinds import AnyType, Array, DataType, Map, Object, Property, SparkMLVector
from runlake.types.parameters import ParamSchema, ParamSpec

__all__ = [
    "AnyType",
    "Array",
    "ColSpec",
    "DataType",
    "Map",
    "Object",
    "ParamSchema",
    "ParamSpec",
    "Property",
    "Schema",
    "SparkMLVector",
    "TensorSpec",
    "convert_dataclass_to_schema",
]
