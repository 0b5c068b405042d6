"""Enforcement of signatures: a model is called with what its signature says, or the call says what is not.

Values are converted where nothing is lost, by MLflow's rules; docs/models.md, "What is converted", has them as a table.
"""

from __future__ import annotations

import copy
import difflib
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from runlake.errors import InvalidInput, InvalidType
from runlake.models.enforced_columns import enforced_column
from runlake.models.enforced_tensors import enforced_tensors
from runlake.models.tables import column_of, frame_of_columns, is_pandas, names_of, only, table_of
from runlake.types.columns import ColSpec, Schema
from runlake.types.kinds import AnyType
from runlake.types.parameters import ParamSchema


def enforce_inputs(schema: Schema, data: Any) -> Any:
    """Give data as a schema has it.

    A schema of columns gives a pandas frame with these columns in this order; others are dropped, optional ones may be
    absent, and what fits is not copied. A schema of tensors gives a tensor, or a dictionary of them by name: tensors
    are taken as they are, lists and columns of frames are converted. A single column of any type and without a name is
    no contract, and the data is given back.

    Args:
        schema: Inputs of a signature.
        data: A pandas or Polars frame or column, an Arrow table, a tensor, a dictionary, a list or a scalar.

    Raises:
        InvalidInput: a column or tensor is missing or has another type or shape; the message names it, what is expected
            and what was found.
    """
    if schema.is_tensor_spec():
        return enforced_tensors(schema, data)
    if len(schema) == 1 and not schema.has_input_names() and isinstance(schema.inputs[0].type, AnyType):
        return data
    table = table_of(data, schema)
    names = names_of(table)
    wanted = _by_name(schema, names) if schema.has_input_names() else _by_place(schema, names)
    table = only(table, [name for name, _ in wanted])
    columns = {name: column_of(table, name) for name, _ in wanted}
    enforced = {name: enforced_column(columns[name], spec, name) for name, spec in wanted}
    if is_pandas(table) and list(columns) == names and all(enforced[name] is columns[name] for name in names):
        return table.copy(deep=False)
    return frame_of_columns(enforced, table)


def validate_schema(data: Any, expected_schema: Schema) -> None:
    """Check that data fits a schema.

    Raises:
        InvalidInput: it does not; the message is that of `enforce_inputs`.
    """
    enforce_inputs(expected_schema, data)


def enforce_params(schema: ParamSchema | None, params: Mapping[str, Any] | None) -> dict[str, Any]:
    """Give the parameters of a signature: those given, widened where nothing is lost, and the defaults of the others.

    Parameters that the signature has not are left out with a warning.

    Raises:
        InvalidInput: a value is not of its parameter's type; the message names all such parameters.
    """
    if params is not None and not isinstance(params, Mapping):
        raise InvalidType(f"params are a dictionary of names and values, not {type(params).__name__}")
    given = {str(name): value for name, value in (params or {}).items()}
    known = {} if schema is None else {spec.name: spec for spec in schema}
    if unknown := [name for name in given if name not in known]:
        has = f"it has {_listed(known)}" if known else "it has none"
        warnings.warn(f"params {_listed(unknown)} are not in the signature and are left out; {has}", stacklevel=2)
    found, wrong = {}, []
    for name in given.keys() & known.keys():
        try:
            found[name] = known[name].checked(given[name])
        except InvalidInput as error:
            wrong.append(error.message)
    if wrong:
        raise InvalidInput("; ".join(sorted(wrong)))
    # A model may change a list that it is given, and must not change the next caller's default by that.
    return {name: found[name] if name in found else copy.deepcopy(spec.default) for name, spec in known.items()}


def _by_name(schema: Schema, names: list[Any]) -> list[tuple[Any, ColSpec]]:
    """Find the columns of a schema among names, in the schema's order."""
    specs: list[Any] = list(schema.inputs)
    there, known = set(names), {spec.name for spec in specs}
    missing = [spec.name for spec in specs if spec.name not in there]
    extra = [name for name in names if name not in known] if missing else []
    if required := [spec.name for spec in specs if spec.required and spec.name in missing]:
        fact = f"the data has no column {_listed(required)}, which the signature requires"
        raise InvalidInput(f"{fact}; it has {_listed(names)}", hint=_meant(required, extra))
    if missing and (meant := _meant(missing, extra)):
        warnings.warn(f"optional columns {_listed(missing)} are not in the data: {meant}", stacklevel=3)
    return [(spec.name, spec) for spec in specs if spec.name in there]


def _by_place(schema: Schema, names: list[Any]) -> list[tuple[Any, ColSpec]]:
    """Take as many columns as a schema without names has, from the first."""
    specs: list[Any] = list(schema.inputs)
    if len(names) < len(specs):
        raise InvalidInput(f"the data has {len(names)} columns, and the signature has {len(specs)} without names")
    return list(zip(names, specs, strict=False))


def _meant(missing: Iterable[Any], extra: Iterable[Any]) -> str | None:
    """Ask whether names that nobody wants are meant for those that are missing."""
    others = [str(name) for name in extra]
    for name in missing:
        if near := difflib.get_close_matches(str(name), others, n=1):
            return f"is {near[0]!r} meant for {name!r}?"
    return None


def _listed(names: Iterable[Any]) -> str:
    listed = [repr(name) for name in names]
    return ", ".join(listed if len(listed) <= 20 else [*listed[:20], f"and {len(listed) - 20} more"])
