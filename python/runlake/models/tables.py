"""Tables: pandas, Polars and Arrow frames as they are, and everything else that can be columns as a pandas frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runlake.errors import InvalidInput, InvalidType
from runlake.extras import import_extra, is_loaded_instance
from runlake.types.columns import Schema
from runlake.types.kinds import AnyType, DataType
from runlake.types.polars_columns import is_nested
from runlake.types.tensors import is_tensor
from runlake.types.values import is_array, is_ndarray

_PURPOSE = "to hand columns to a model"


def table_of(data: Any, schema: Schema) -> Any:
    """Give data as a pandas, Polars or Arrow frame.

    A dictionary is columns if there is a list where the schema has scalars, else it is one row. A list or an array is
    rows; if the schema has one column only, it is the values of that.

    Raises:
        InvalidInput: columns have different lengths, or an array has no names for several named columns.
        InvalidType: data that has no columns.
    """
    if is_pandas(data) or is_polars(data) or is_lazy(data) or is_arrow(data):
        return data
    if is_loaded_instance(data, "pandas", "Series"):
        return data.to_frame(_single_name(schema) if data.name is None else data.name)
    if is_loaded_instance(data, "polars", "Series"):
        return data.to_frame() if data.name or (name := _single_name(schema)) is None else data.to_frame(name)
    if isinstance(data, Mapping):
        return _frame_of_dictionary(data, schema)
    if is_tensor(data) and not is_ndarray(data):
        raise InvalidType(f"the signature has columns, and the data is a tensor: {type(data).__name__}")
    if is_array(data):
        return _frame_of_rows(data, schema)
    if isinstance(data, str | bytes | bytearray | int | float) or not hasattr(data, "__len__"):
        return _frame_of_rows([data], schema)
    raise InvalidType(
        f"the signature has columns, and {type(data).__name__} has none", hint="pass a data frame or a dictionary"
    )


def names_of(table: Any) -> list[Any]:
    """Give the names of a table's columns; those of a lazy frame are in its plan."""
    if is_lazy(table):
        return list(table.collect_schema().names())
    return list(table.schema.names if is_arrow(table) else table.columns)


def only(table: Any, names: list[Any]) -> Any:
    """Run a lazy frame for some columns; other tables as they are."""
    return table.select(names).collect() if is_lazy(table) else table


def column_of(table: Any, name: Any) -> Any:
    """Give a column of a table as pandas has it, nested values as Python's.

    Raises:
        InvalidInput: several columns have the name.
        MissingExtra: a column of Polars or Arrow, and pandas or pyarrow is not installed.
    """
    if is_pandas(table):
        column = table[name]
        if column.ndim != 1:
            raise InvalidInput(f"the data has column {name!r} more than once", hint="rename or drop the others")
        return column
    for needed in ("pandas", "pyarrow"):
        import_extra(needed, _PURPOSE)
    if is_polars(table):
        column = table.get_column(name)
        return _objects(column.to_list()) if is_nested(column.dtype) else column.to_pandas()
    try:
        column = table.column(name)
    except KeyError as error:
        raise InvalidInput(f"the data has column {name!r} more than once", hint="rename or drop the others") from error
    if column.type.num_fields:
        return _objects(_arrow_values(column))
    return column.to_pandas(date_as_object=False)


def frame_of_columns(columns: Mapping[Any, Any], table: Any) -> Any:
    """Make a pandas frame of columns, with the index of the table that they come from, and without a copy."""
    rows = table.index if is_pandas(table) else range(table.height if is_polars(table) else table.num_rows)
    return import_extra("pandas", _PURPOSE).DataFrame(dict(columns), index=rows, copy=False)


def is_pandas(data: Any) -> bool:
    """Tell a pandas frame."""
    return is_loaded_instance(data, "pandas", "DataFrame")


def is_polars(data: Any) -> bool:
    """Tell a Polars frame that is not lazy."""
    return is_loaded_instance(data, "polars", "DataFrame")


def is_lazy(data: Any) -> bool:
    """Tell a lazy Polars frame."""
    return is_loaded_instance(data, "polars", "LazyFrame")


def is_arrow(data: Any) -> bool:
    """Tell an Arrow table or record batch."""
    return is_loaded_instance(data, "pyarrow", "Table") or is_loaded_instance(data, "pyarrow", "RecordBatch")


def _frame_of_dictionary(values: Mapping[Any, Any], schema: Schema) -> Any:
    pandas = import_extra("pandas", _PURPOSE)
    nested = {spec.name for spec in schema.inputs if _is_nested(spec.type)}
    if not any(_has_rows(value) for name, value in values.items() if name not in nested):
        return pandas.DataFrame({name: _objects([_unboxed(value)]).infer_objects() for name, value in values.items()})
    try:
        return pandas.DataFrame({name: _rows(value) for name, value in values.items()})
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"the values of the dictionary are no columns of a table: {error}") from error


def _frame_of_rows(rows: Any, schema: Schema) -> Any:
    pandas = import_extra("pandas", _PURPOSE)
    if schema.has_input_names() and not is_ndarray(rows) and all(isinstance(row, Mapping) for row in rows):
        return pandas.DataFrame(list(rows))
    single = _single_name(schema)
    flat = rows.ndim == 1 if is_ndarray(rows) else not any(map(is_array, rows))
    if len(schema) == 1 and (flat or _is_nested(schema.inputs[0].type)):
        # One column of one value a row, whatever the values are.
        values = rows if is_ndarray(rows) and flat else _objects(list(rows)).infer_objects()
        return pandas.DataFrame({0 if single is None else single: values})
    try:
        frame = pandas.DataFrame(rows if is_ndarray(rows) else list(rows))
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"the data is no list of rows of a table: {error}") from error
    if schema.has_input_names() and len(schema) > 1:
        raise InvalidInput(
            f"the signature has the columns {schema.input_names()!r}, and the data has {frame.shape[1]} without names",
            hint="pass a data frame or a dictionary with these names",
        )
    return frame if single is None else frame.set_axis([single, *range(1, frame.shape[1])], axis=1)


def _single_name(schema: Schema) -> Any:
    """Give the name of the only column; None if there are several, or it has none."""
    return schema.inputs[0].name if len(schema) == 1 else None


def _is_nested(kind: Any) -> bool:
    return not isinstance(kind, DataType | AnyType)


def _has_rows(value: Any) -> bool:
    return isinstance(value, list | tuple) or getattr(value, "ndim", 0) > 0 or hasattr(value, "to_list")


def _unboxed(value: Any) -> Any:
    return value.item() if is_ndarray(value) and value.ndim == 0 else value


def _rows(value: Any) -> Any:
    return list(value) if is_ndarray(value) and value.ndim > 1 else value


def _objects(values: list[Any]) -> Any:
    return import_extra("pandas", _PURPOSE).Series(values, dtype=object)


def _arrow_values(column: Any) -> list[Any]:
    """Give the values of a nested column as Python's, maps as dictionaries."""
    try:
        values: list[Any] = column.to_pylist(maps_as_pydicts="strict")
    except TypeError:  # an older pyarrow, which gives maps as lists of pairs
        values = column.to_pylist()
    return values
