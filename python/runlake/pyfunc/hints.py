"""Type hints as contract: what `predict(self, model_input: list[str]) -> list[int]` says is the model's signature.

The rules are MLflow's: the input is a list with an item a prediction, of scalars, lists, dictionaries with texts as
keys, Pydantic models, or `Any`. A hint of another kind, a data frame say, declares nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Final, Union, get_args, get_origin

from runlake.errors import InvalidInput
from runlake.extras import is_loaded_instance
from runlake.names import shortened

if TYPE_CHECKING:
    from runlake.models.signature import ModelSignature
    from runlake.types.kinds import Kind

_SCALARS: Final = {
    bool: "boolean",
    int: "long",
    float: "double",
    str: "string",
    bytes: "binary",
    dt.datetime: "datetime",
}
"""Types of Python, and what signatures call them."""


class _Undeclared(Exception):
    """A hint has no type in signatures."""


def signature_of(given: Any, returned: Any) -> ModelSignature | None:
    """Return the signature that the hints of input and output declare; None when that of the input declares nothing.

    An output without a hint, or with one that declares nothing, is of any type.
    """
    if (item := _item(given)) is None:
        return None
    from runlake.models.signature import ModelSignature
    from runlake.types.columns import ColSpec, Schema
    from runlake.types.kinds import AnyType

    try:
        inputs = Schema([ColSpec(_kind(item))])
    except _Undeclared:
        return None
    try:
        outputs = Schema([ColSpec(_kind(_item(returned)))])
    except _Undeclared:
        outputs = Schema([ColSpec(AnyType())])
    signature = ModelSignature(inputs, outputs)
    signature._is_signature_from_type_hint = True
    return signature


def as_hinted(data: Any, hint: Any) -> Any:
    """Return an input as a hint has it: columns of frames become lists, dictionaries Pydantic models.

    Raises:
        InvalidInput: an item is of another type; the message names it, what is expected and what was found.
    """
    if (item := _item(hint)) is None:
        return data
    if is_loaded_instance(data, "pandas", "DataFrame"):
        data = _rows(data, item)
    elif hasattr(data, "tolist"):  # arrays and columns
        data = data.tolist()
    if not isinstance(data, list):
        raise InvalidInput(f"the input is of type {type(data).__name__}; the model takes {_named(hint)}")
    return [_checked(value, item, f"[{place}]") for place, value in enumerate(data)]


def _item(hint: Any) -> Any:
    """Return the type of the items of a list; None when the hint is of something else."""
    arguments = get_args(hint) if get_origin(hint) is list else ()
    item = arguments[0] if arguments else None
    return None if item is None or NoneType in get_args(item) or item in (list, dict) else item


def _kind(hint: Any) -> Kind:
    from runlake.types.kinds import AnyType, Array, DataType, Map, Object, Property

    if hint in _SCALARS:
        return DataType[_SCALARS[hint]]
    if hint is Any or get_origin(hint) in (Union, UnionType):
        return AnyType()
    if get_origin(hint) is list:
        return Array(_kind(get_args(hint)[0]))
    if get_origin(hint) is dict and get_args(hint)[0] is str:
        return Map(_kind(get_args(hint)[1]))
    if (fields := _fields(hint)) is not None:
        return Object(
            [Property(name, _kind(_required(kind)), kind is _required(kind)) for name, kind in fields.items()]
        )
    raise _Undeclared


def _required(hint: Any) -> Any:
    """Return a hint without `| None`."""
    given = [each for each in get_args(hint) if each is not NoneType] if NoneType in get_args(hint) else [hint]
    return given[0] if len(given) == 1 else Any


def _fields(hint: Any) -> Mapping[str, Any] | None:
    """Return the hints of the fields of a Pydantic model; None when it is none."""
    fields = getattr(hint, "model_fields", None)
    if not isinstance(hint, type) or not isinstance(fields, Mapping) or not hasattr(hint, "model_validate"):
        return None
    return {name: field.annotation for name, field in fields.items()}


def _rows(frame: Any, item: Any) -> list[Any]:
    if _fields(item) is not None or get_origin(item) is dict:
        rows: list[Any] = frame.to_dict(orient="records")
        return rows
    if len(frame.columns) != 1:
        raise InvalidInput(f"the input has {len(frame.columns)} columns; the model takes one, as {_named(list[item])}")
    values: list[Any] = frame.iloc[:, 0].tolist()
    return values


def _checked(value: Any, hint: Any, place: str) -> Any:
    if hint in _SCALARS:
        if isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
            return value
        if hint is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
    elif get_origin(hint) is list and isinstance(value, list):
        return [_checked(one, get_args(hint)[0], f"{place}[{at}]") for at, one in enumerate(value)]
    elif get_origin(hint) is dict and isinstance(value, dict):
        return {key: _checked(one, get_args(hint)[1], f"{place}[{key!r}]") for key, one in value.items()}
    elif _fields(hint) is not None:
        return _validated(value, hint, place)
    elif hint is Any or (isinstance(hint, UnionType) or get_origin(hint) is Union):
        return value
    else:
        return value  # it declares nothing
    raise InvalidInput(
        f"the input at {place} is {shortened(repr(value))} of type {type(value).__name__};"
        f" the model takes {_named(hint)}"
    )


def _validated(value: Any, model: Any, place: str) -> Any:
    if isinstance(value, model):
        return value
    try:
        return model.model_validate(value)
    except ValueError as error:
        raise InvalidInput(f"the input at {place} is no {model.__name__}: {_said(error)}") from error


def _said(error: Any) -> str:
    """Return in one sentence what Pydantic says in a paragraph."""
    faults = error.errors() if hasattr(error, "errors") else ()
    return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults) or str(error)


def _named(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and get_origin(hint) is None else str(hint)
