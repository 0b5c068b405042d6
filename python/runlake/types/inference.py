"""The schema of data: frames, columns, tensors, dictionaries, lists and scalars of any library that has them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from runlake.errors import InvalidInput, InvalidType
from runlake.extras import is_loaded_instance
from runlake.types.arrow_columns import arrow_kind
from runlake.types.columns import ColSpec, Schema
from runlake.types.kinds import AnyType, Array, DataType, Kind
from runlake.types.pandas_columns import has_missing, require_single, series_kind
from runlake.types.polars_columns import is_nested, polars_kind
from runlake.types.tensors import is_sparse, is_tensor, tensor_spec
from runlake.types.values import is_missing, kind_of, kind_of_all

_ARROW_TABLES = ("Table", "RecordBatch")
_ARROW_COLUMNS = ("Array", "ChunkedArray")


def infer_schema(data: Any) -> Schema:
    """Give the schema of data.

    A column is optional if a value is missing in it; the first dimension of a tensor, of samples, is free. A column
    that no type fits is of any kind, with a warning. A Polars lazy frame is run: for its missing values, and for the
    nested columns.

    Args:
        data: A pandas or Polars frame or column; an Arrow table, record batch or array; a tensor of NumPy, SciPy or
            PyTorch and the like, or a dictionary of them; a dictionary of values; a list of values, or of rows that are
            dictionaries; a scalar.

    Raises:
        InvalidInput: it is empty, or has a column more than once.
        InvalidType: it is none of these.
    """
    for applies, schema in _READERS:
        if applies(data):
            found: Schema = schema(data)
            return found
    try:
        return Schema([ColSpec(kind_of(data))])
    except InvalidType as error:
        raise InvalidType(
            f"no schema can be told from {type(data).__name__}",
            hint="pass a data frame, a tensor, a dictionary, a list or a scalar",
        ) from error


def frame_columns(frame: Any, fallback: Callable[[str, InvalidInput], Kind]) -> list[ColSpec]:
    """Give the columns of a pandas, Polars or Arrow frame.

    Args:
        frame: The frame.
        fallback: Gives the kind of a column, by name, that no type fits for the reason given.
    """
    columns: list[tuple[Any, Any, Callable[[Any], Kind], Callable[[Any], bool]]]
    if is_loaded_instance(frame, "pandas", "DataFrame"):
        columns = [(name, frame.iloc[:, place], series_kind, has_missing) for place, name in enumerate(frame.columns)]
    elif is_loaded_instance(frame, "polars", "DataFrame"):
        columns = [(each.name, each, polars_kind, _has_nulls) for each in frame.get_columns()]
    else:
        columns = [(name, frame.column(place), arrow_kind, _has_nulls) for place, name in enumerate(frame.schema.names)]
    return [
        ColSpec(_kind_or(fallback, str(name), kind, values), _label(name), required=not missing(values))
        for name, values, kind, missing in columns
    ]


def any_kind_with_warning(name: str, reason: InvalidInput) -> Kind:
    """Give the kind for a column that no type fits, and say why."""
    warnings.warn(f"column {name!r} is of any type in the signature and not checked: {reason.message}", stacklevel=2)
    return AnyType()


def _kind_or(
    fallback: Callable[[str, InvalidInput], Kind], name: str, kind: Callable[[Any], Kind], values: Any
) -> Kind:
    try:
        return kind(values)
    except InvalidInput as error:
        return fallback(name, error)


def _pandas_frame(frame: Any) -> Schema:
    require_single(frame)
    return _frame(frame)


def _frame(frame: Any) -> Schema:
    return Schema(frame_columns(frame, any_kind_with_warning))


def _lazy_frame(frame: Any) -> Schema:
    """Read a lazy frame's types from its plan, and of its values as little as tells what is missing."""
    dtypes = frame.collect_schema()
    nested = [name for name, dtype in dtypes.items() if is_nested(dtype)]
    columns = {spec.name: spec for spec in frame_columns(frame.select(nested).collect(), any_kind_with_warning)}
    empty = frame.head(0).collect()
    nulls = frame.null_count().collect().row(0, named=True)
    for spec in frame_columns(empty.drop(nested), any_kind_with_warning):
        columns[spec.name] = ColSpec(spec.type, spec.name, required=nulls[spec.name] == 0)
    return Schema([columns[name] for name in dtypes])


def _pandas_series(series: Any) -> Schema:
    return _column(series.name, series, series_kind, has_missing)


def _polars_series(series: Any) -> Schema:
    return _column(series.name or None, series, polars_kind, _has_nulls)


def _arrow_column(values: Any) -> Schema:
    return _column(None, values, arrow_kind, _has_nulls)


def _column(name: Any, values: Any, kind: Callable[[Any], Kind], missing: Callable[[Any], bool]) -> Schema:
    found = _kind_or(any_kind_with_warning, str(name), kind, values)
    return Schema([ColSpec(found, _label(name), required=name is None or not missing(values))])


def _tensor(value: Any) -> Schema:
    return Schema([tensor_spec(value)])


def _tensors(values: Mapping[str, Any]) -> Schema:
    return Schema([tensor_spec(value, str(name)) for name, value in values.items()])


def _rows(rows: list[Mapping[str, Any]]) -> Schema:
    values: dict[str, list[Any]] = {}
    for row in rows:
        for name, value in row.items():
            values.setdefault(name, []).append(value)
    _require_texts(values)
    return Schema(
        [
            ColSpec(
                _kind_or(any_kind_with_warning, name, kind_of_all, column),
                name,
                required=len(column) == len(rows) and not any(map(is_missing, column)),
            )
            for name, column in values.items()
        ]
    )


def _dictionary(values: Mapping[str, Any]) -> Schema:
    _require_texts(values)
    return Schema(
        [
            ColSpec(_kind_or(any_kind_with_warning, name, _kind_of_part, value), name, required=not _misses(value))
            for name, value in values.items()
        ]
    )


def _kind_of_part(value: Any) -> Kind:
    """Give the kind of what stands under a key, which may be a column of some library."""
    if is_loaded_instance(value, "pandas", "Series"):
        return Array(series_kind(value))
    if is_loaded_instance(value, "polars", "Series"):
        return Array(polars_kind(value))
    if _is_arrow(value, _ARROW_COLUMNS):
        return Array(arrow_kind(value))
    return kind_of(value)


def _misses(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(is_missing, value))
    return is_missing(value)


def _list(values: list[Any] | tuple[Any, ...]) -> Schema:
    if not values:
        return Schema([ColSpec(DataType.string)])
    return Schema([ColSpec(_kind_or(any_kind_with_warning, "of the list", kind_of_all, values))])


def _require_texts(names: Iterable[Any]) -> None:
    if other := [name for name in names if not isinstance(name, str)]:
        raise InvalidType(f"the keys of a dictionary are the names of its columns, and {other[0]!r} is no text")


def _label(name: Any) -> str | int | None:
    """Give the name of a column as JSON can hold it."""
    return name if name is None or (isinstance(name, str | int) and not isinstance(name, bool)) else str(name)


def _has_nulls(values: Any) -> bool:
    count: int = values.null_count() if callable(values.null_count) else values.null_count
    return count > 0


def _is_arrow(value: Any, names: tuple[str, ...]) -> bool:
    return any(is_loaded_instance(value, "pyarrow", name) for name in names)


def _is_rows(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _is_tensors(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(map(is_tensor, value.values()))


_READERS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Schema]], ...] = (
    (lambda data: is_loaded_instance(data, "pandas", "DataFrame"), _pandas_frame),
    (lambda data: is_loaded_instance(data, "pandas", "Series"), _pandas_series),
    (lambda data: is_loaded_instance(data, "polars", "DataFrame"), _frame),
    (lambda data: is_loaded_instance(data, "polars", "LazyFrame"), _lazy_frame),
    (lambda data: is_loaded_instance(data, "polars", "Series"), _polars_series),
    (lambda data: _is_arrow(data, _ARROW_TABLES), _frame),
    (lambda data: _is_arrow(data, _ARROW_COLUMNS), _arrow_column),
    (is_sparse, _tensor),
    (is_tensor, _tensor),
    (_is_tensors, _tensors),
    (_is_rows, _rows),
    (lambda data: isinstance(data, Mapping), _dictionary),
    (lambda data: isinstance(data, list | tuple), _list),
)
"""How each form of data is told, and its schema; the first that applies."""
