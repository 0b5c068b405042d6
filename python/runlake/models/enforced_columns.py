"""Columns that are to be of a type: taken as they are, widened, or refused with what was found.

Each rule gives the column itself if it fits, so that what needs no conversion costs a look at its dtype.
"""

from __future__ import annotations

from typing import Any

from runlake.errors import InvalidInput
from runlake.extras import import_extra
from runlake.types.columns import ColSpec
from runlake.types.kinds import AnyType, DataType
from runlake.types.nested import conforming
from runlake.types.values import is_missing

_WHOLE = (DataType.integer, DataType.long)
_FLOATING = (DataType.float, DataType.double)
_INFERRED = {DataType.string: ("string", "empty"), DataType.binary: ("bytes", "empty"), DataType.boolean: ("boolean",)}
"""What pandas calls columns of objects that are values of these types and missing ones."""


def enforced_column(column: Any, spec: ColSpec, name: Any) -> Any:
    """Give a pandas column as a signature has it.

    Args:
        column: The column; the same is given back if it fits.
        spec: What it is to be.
        name: Its name, for messages.

    Raises:
        InvalidInput: it is of another type, and converting it would change values; or integers are missing that are
            required.
    """
    if isinstance(spec.type, AnyType):
        return column
    if not isinstance(spec.type, DataType):
        return _nested(column, spec, name)
    if _has_categories(column.dtype):
        return _category(column, spec, name)
    if spec.type is DataType.string or spec.type is DataType.binary:
        return _text_or_bytes(column, spec, name)
    if spec.type is DataType.datetime:
        return _datetime(column, spec, name)
    return _number(column, spec, name)


def _number(column: Any, spec: ColSpec, name: Any) -> Any:
    """Give a column of numbers or booleans."""
    kind: Any = spec.type
    expected = kind.to_numpy()
    if column.dtype.kind == "O":
        column = _of_objects(column, spec, name)
    if column.dtype == expected or column.dtype.kind == "O" or getattr(column.dtype, "subtype", "none") == expected:
        return column
    dtype = getattr(column.dtype, "numpy_dtype", getattr(column.dtype, "subtype", column.dtype))
    if dtype is not column.dtype and kind not in _FLOATING and bool(column.isna().any()):
        if spec.required or not _widens(dtype, expected):
            raise _refused(column, spec, name)
        return column  # pandas's own dtypes hold integers and booleans beside what is missing
    if _widens(dtype, expected) or (dtype.name == "int64" and kind in _FLOATING and _is_zeros_and_ones(column)):
        return column.astype(expected)
    if kind in _WHOLE and not spec.required and dtype.kind == "f" and _is_whole_with_missing(column):
        return column  # how NumPy's dtypes hold integers of which some are missing
    raise _refused(column, spec, name)


def _of_objects(column: Any, spec: ColSpec, name: Any) -> Any:
    """Give a column of Python's objects as one of numbers if it can be one."""
    found = column.infer_objects()
    if found.dtype.kind != "O":
        return found
    pandas = import_extra("pandas", "to check columns")
    inferred = pandas.api.types.infer_dtype(column, skipna=True)
    if column.isna().all() and (not spec.required or spec.type in _FLOATING):
        return column.astype("float64") if spec.type in _FLOATING else column
    if inferred == "boolean" and spec.type is DataType.boolean:
        return column
    if inferred == "integer" and spec.type in _WHOLE and not spec.required:
        return column
    if inferred == "decimal" and spec.type is DataType.double:
        return column.astype("float64")
    if inferred in ("integer", "floating", "mixed-integer-float") and spec.type in _FLOATING:
        return pandas.to_numeric(column)
    raise _refused(column, spec, name)


def _text_or_bytes(column: Any, spec: ColSpec, name: Any) -> Any:
    kind: Any = spec.type
    dtype = column.dtype
    if kind is DataType.string and dtype.name in ("string", "str"):
        return column
    if hasattr(dtype, "pyarrow_dtype"):
        if str(dtype.pyarrow_dtype).removeprefix("large_").removesuffix("_view") == kind.name:
            return column
    elif dtype.kind == "O":
        inferred = import_extra("pandas", "to check columns").api.types.infer_dtype(column, skipna=True)
        # bytearray is bytes to a signature, and mixed to pandas
        if inferred in _INFERRED[kind] or (inferred == "mixed" and _all(column, kind.to_python(), bytearray)):
            return column
    raise _refused(column, spec, name)


def _datetime(column: Any, spec: ColSpec, name: Any) -> Any:
    """Give a column of times without a zone, read from texts and Python's dates as well."""
    pandas = import_extra("pandas", "to check columns")
    if column.dtype.kind == "O":
        try:
            column = pandas.to_datetime(column, format="ISO8601")
        except (ValueError, TypeError) as error:
            raise _refused(column, spec, name, str(error)) from error
    dtype = getattr(column.dtype, "numpy_dtype", column.dtype)
    if dtype.kind != "M" or _zone(column.dtype) is not None:
        raise _refused(column, spec, name)
    return in_nanoseconds(column)


def in_nanoseconds(column: Any) -> Any:
    """Give a column of times in nanoseconds, as MLflow has them; as it is if a time is too far away for that."""
    try:
        return column if column.dtype == "datetime64[ns]" else column.astype("datetime64[ns]")
    except import_extra("pandas", "to check columns").errors.OutOfBoundsDatetime:
        return column


def _category(column: Any, spec: ColSpec, name: Any) -> Any:
    """Give a category whose categories fit as it is: the model was trained on categories."""
    categories = column.dtype.categories.to_series()
    try:
        found = enforced_column(categories, ColSpec(spec.type, spec.name), name)
    except InvalidInput:
        raise _refused(column, spec, name) from None
    return column if found is categories or found.dtype == categories.dtype else column.astype(found.dtype)


def _nested(column: Any, spec: ColSpec, name: Any) -> Any:
    values = column.tolist()
    found = []
    for place, value in enumerate(values):
        try:
            found.append(conforming(value, spec.type, required=spec.required))
        except InvalidInput as error:
            raise InvalidInput(
                f"column {name!r} is {spec.type!r} in the signature; row {place}: {error.message}"
            ) from None
    if all(one is other for one, other in zip(found, values, strict=True)):
        return column
    series = import_extra("pandas", "to check columns").Series
    return series(found, index=column.index, name=column.name, dtype=object)


def _widens(found: Any, expected: Any) -> bool:
    """Tell whether a dtype's values are all values of another of its sort, or integers up to 32 bits as doubles."""
    if found.kind == expected.kind:
        return bool(found.itemsize <= expected.itemsize)
    if found.kind == "u" and expected.kind == "i":
        return bool(found.itemsize < expected.itemsize)
    return bool(found.kind in "iu" and expected.name == "float64" and found.itemsize <= 4)


def _is_zeros_and_ones(column: Any) -> bool:
    return bool(column.isin((0, 1)).all())


def _is_whole_with_missing(column: Any) -> bool:
    present = column[column.notna()]
    return len(present) < len(column) and bool((present % 1 == 0).all())


def _all(column: Any, *types: type) -> bool:
    return all(isinstance(value, types) or is_missing(value) for value in column)


def _zone(dtype: Any) -> Any:
    return getattr(getattr(dtype, "pyarrow_dtype", dtype), "tz", None)


def _has_categories(dtype: Any) -> bool:
    return hasattr(dtype, "categories") and hasattr(dtype, "ordered")


def _refused(column: Any, spec: ColSpec, name: Any, reason: str | None = None) -> InvalidInput:
    found = _described(column)
    because = "" if reason is None else f" ({reason})"
    fact = f"column {name!r} is {spec.type!r} in the signature, and the data has {found}{because}"
    return InvalidInput(fact, hint=_hint(column, spec))


def _described(column: Any) -> str:
    """Say what a column has: its dtype, the types of Python's objects in it, and whether values are missing."""
    missing = ["missing values"] if bool(column.isna().any()) else []
    if column.dtype == object:
        types = sorted({type(value).__name__ for value in column if not is_missing(value)})
        return f"object of {', '.join([*types[:5], *missing]) or 'nothing'}"
    return " with ".join([str(column.dtype), *missing])


def _hint(column: Any, spec: ColSpec) -> str:
    kind: Any = spec.type
    dtype = column.dtype
    if kind in _WHOLE and bool(column.isna().any()):
        return (
            "integers cannot be missing where they are required; fill them, or infer the signature from data in which"
            " some are missing or the column is float64"
        )
    if _zone(dtype) is not None:
        return "a signature has times without a zone: column.dt.tz_convert('UTC').dt.tz_localize(None)"
    if kind is DataType.string:
        return "convert it: column.astype(str)"
    if kind in (DataType.binary, DataType.datetime):
        return "pass bytes" if kind is DataType.binary else "pass times, or texts like 2026-01-31T12:00:00"
    if dtype.kind in "iufb":
        return f"if nothing is lost that matters, convert it: column.astype({kind.to_numpy().name!r})"
    return f"pass numbers: pandas.to_numeric(column).astype({kind.to_numpy().name!r})"
