"""Kinds of pandas columns, also of the dtypes that pandas adds to NumPy's."""

from __future__ import annotations

from typing import Any

from runlake.errors import InvalidInput
from runlake.types.arrow_columns import arrow_kind
from runlake.types.kinds import AnyType, DataType, Kind
from runlake.types.values import kind_of_all, kind_of_dtype


def series_kind(series: Any) -> Kind:
    """Give the kind of a column; texts if it is empty and its dtype says nothing.

    Raises:
        InvalidInput: its values have nothing in common, or a signature has no type for them.
    """
    dtype = series.dtype
    if dtype.kind == "O" and _is_numpy(dtype):
        series = series.infer_objects()
        dtype = series.dtype
    if hasattr(dtype, "pyarrow_dtype"):
        return arrow_kind(series.array.__arrow_array__())
    if hasattr(dtype, "categories") and hasattr(dtype, "ordered"):
        return series_kind(dtype.categories.to_series())
    if hasattr(dtype, "tz"):
        return DataType.datetime
    plain = getattr(dtype, "numpy_dtype", getattr(dtype, "subtype", dtype))
    if _is_numpy(plain) and plain.kind != "O":
        return kind_of_dtype(plain)
    if len(series) == 0:
        return DataType.string
    if dtype.name in ("string", "str"):
        return DataType.string if series.notna().any() else AnyType()
    return kind_of_all(series.tolist())


def has_missing(series: Any) -> bool:
    """Tell whether a value is missing."""
    return bool(series.isna().any())


def require_single(frame: Any) -> None:
    """Check that each name stands for one column.

    Raises:
        InvalidInput: two columns have the same name.
    """
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()].tolist()
        raise InvalidInput(f"the data frame has columns {twice!r} more than once")


def _is_numpy(dtype: Any) -> bool:
    """Tell one of NumPy's own dtypes."""
    return hasattr(dtype, "newbyteorder")
