"""Parameters that a model takes with its input: their types, defaults and JSON, which is MLflow's."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from runlake.errors import InvalidInput, InvalidType
from runlake.types.columns import parsed_json
from runlake.types.kinds import DataType, Object, kind_from_dict, kind_of_name
from runlake.types.nested import conforming
from runlake.types.values import is_array, kind_of, plain, scalar_kind

_WIDENED = {
    DataType.long: (DataType.integer,),
    DataType.float: (DataType.integer, DataType.long),
    DataType.double: (DataType.integer, DataType.long, DataType.float),
}
_RANGES = {DataType.integer: range(-(2**31), 2**31), DataType.long: range(-(2**63), 2**63)}


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """A parameter: its type, what it is when nobody gives it, and whether it is a list.

    Args:
        name: Name.
        dtype: A scalar, not binary, or the name of one, or an object.
        default: Value when none is given; None is one.
        shape: `(-1,)` for a list of scalars, None for a scalar or an object.

    Raises:
        InvalidInput: the default is not of the type.
    """

    name: str
    dtype: DataType | Object
    default: Any
    shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        kind = kind_of_name(self.dtype)
        if kind is DataType.binary or not isinstance(kind, DataType | Object):
            raise InvalidInput(f"parameter {self.name!r} is a scalar other than binary or an object, not {kind!r}")
        shape = None if self.shape is None else tuple(self.shape)
        if shape not in (None, (-1,)) or (shape and isinstance(kind, Object)):
            raise InvalidInput(
                f"the shape of parameter {self.name!r} is (-1,) for a list of scalars or None, not {shape}"
            )
        for field, value in (("name", str(self.name)), ("dtype", kind), ("shape", shape)):
            object.__setattr__(self, field, value)
        object.__setattr__(self, "default", self.checked(self.default))

    def __repr__(self) -> str:
        shape = "" if self.shape is None else f" (shape: {self.shape})"
        return f"{self.name!r}: {self.dtype!r} (default: {self.default!r}){shape}"

    def checked(self, value: Any) -> Any:
        """Give a value as Python's own type, widened if that loses nothing.

        Raises:
            InvalidInput: it is not of this parameter's type.
        """
        if self.shape is not None:
            if not is_array(value) or any(is_array(item) for item in value):
                raise self._refused(value)
            return [None if item is None else self._converted(item) for item in value]
        return None if value is None and isinstance(self.dtype, DataType) else self._converted(value)

    def to_dict(self) -> dict[str, Any]:
        """Give the form that is JSON."""
        default = self.default
        if self.dtype is DataType.datetime:
            default = [_iso(item) for item in default] if self.shape else _iso(default)
        shape = None if self.shape is None else list(self.shape)
        return {"name": self.name, "default": default, "shape": shape, **self.dtype.to_dict()}

    @classmethod
    def from_dict(cls, fields: Any) -> ParamSpec:
        """Read the form that `to_dict` gives, or the older one with `dtype` for `type`.

        Raises:
            InvalidInput: a part is missing, or a later version of the format has written it.
        """
        if not isinstance(fields, Mapping) or not {"name", "default"} <= fields.keys():
            raise InvalidInput(f"a parameter of a signature is a JSON object with name and default, not {fields!r}")
        kind = kind_from_dict({**fields, "type": fields.get("type") or fields.get("dtype")})
        return cls(fields["name"], kind, fields["default"], fields.get("shape"))  # type: ignore[arg-type]

    def _converted(self, value: Any) -> Any:
        if isinstance(self.dtype, Object):
            try:
                conforming(value, self.dtype)
            except InvalidInput as error:
                raise self._refused(value, str(error)) from error
            return value
        if self.dtype is DataType.datetime:
            return self._time(value)
        if isinstance(value, int) and self.dtype in _RANGES and value not in _RANGES[self.dtype]:
            raise self._refused(value)
        try:
            kind = scalar_kind(type(value))
        except InvalidType:
            raise self._refused(value) from None
        # Python's own numbers have no width: an int is any integer, a float any float.
        same = type(value) in (int, float, str, bool) and self.dtype.to_python() is type(value)
        if not same and kind is not self.dtype and kind not in _WIDENED.get(self.dtype, ()):
            raise self._refused(value)
        return self.dtype.to_python()(value)

    def _time(self, value: Any) -> dt.date:
        found = plain(value)
        if isinstance(found, str):
            try:
                return dt.date.fromisoformat(found) if len(found) <= 10 else dt.datetime.fromisoformat(found)
            except ValueError as error:
                raise self._refused(value, str(error)) from error
        if not isinstance(found, dt.date):
            raise self._refused(value)
        return found.to_pydatetime() if hasattr(found, "to_pydatetime") else found

    def _refused(self, value: Any, reason: str | None = None) -> InvalidInput:
        expected = f"a list of {self.dtype!r}" if self.shape else repr(self.dtype)
        because = "" if reason is None else f": {reason}"
        return InvalidInput(
            f"parameter {self.name!r} is {expected}, and {value!r} of type {type(value).__name__} is not{because}"
        )


@dataclass(frozen=True, slots=True, repr=False)
class ParamSchema:
    """The parameters of a model.

    Args:
        params: Each name once.
    """

    params: list[ParamSpec]

    def __post_init__(self) -> None:
        if not isinstance(self.params, list) or not all(isinstance(each, ParamSpec) for each in self.params):
            raise InvalidType(f"the parameters of a model are a list of ParamSpec, not {self.params!r}")
        counts = Counter(each.name for each in self.params)
        if twice := [name for name, count in counts.items() if count > 1]:
            raise InvalidInput(f"parameters are there twice: {', '.join(map(repr, twice))}")

    def __len__(self) -> int:
        return len(self.params)

    def __iter__(self) -> Iterator[ParamSpec]:
        return iter(self.params)

    def __repr__(self) -> str:
        return repr(self.params)

    def to_dict(self) -> list[dict[str, Any]]:
        """Give the form that is JSON."""
        return [each.to_dict() for each in self.params]

    def to_json(self) -> str:
        """Give the JSON that MLflow gives."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, json_str: str) -> ParamSchema:
        """Read JSON, MLflow's or ours.

        Raises:
            InvalidInput: it is not JSON, not parameters, or has something in it that only later versions know.
        """
        specs = parsed_json(json_str, "the parameters of a signature")
        if not isinstance(specs, list):
            raise InvalidInput(f"the parameters of a signature are a JSON list, not {specs!r}")
        return cls([ParamSpec.from_dict(spec) for spec in specs])


def infer_params(values: Any) -> ParamSchema:
    """Give the types of parameters, with the values as defaults.

    An empty list is one of texts.

    Raises:
        InvalidInput: a value is missing, has no type that a parameter can have, or is a list of several types.
    """
    if not isinstance(values, Mapping):
        raise InvalidType(f"parameters are a dictionary of names and values, not {type(values).__name__}")
    return ParamSchema([_spec(str(name), value) for name, value in values.items()])


def _spec(name: str, value: Any) -> ParamSpec:
    value = deepcopy(value)
    kind: Any
    if is_array(value):
        kind, shape = _kind_of_items(name, list(value)), (-1,)
    else:
        kind, shape = _kind(name, value), None
    return ParamSpec(name, kind, value, shape)


def _kind_of_items(name: str, items: list[Any]) -> DataType:
    if not items:
        return DataType.string
    kinds: set[DataType] = {_kind(name, item) for item in items}
    # What is a list of several numbers in NumPy is one of the widest here, as long as no booleans are among them.
    if len(kinds) > 1 and kinds <= {DataType.integer, DataType.long, DataType.float, DataType.double}:
        return DataType.long if kinds == {DataType.integer, DataType.long} else DataType.double
    if len(kinds) > 1:
        raise InvalidInput(f"parameter {name!r} is a list of several types: {items!r}")
    return kinds.pop()


def _kind(name: str, value: Any) -> Any:
    try:
        kind = kind_of(value)
    except InvalidInput as error:
        raise InvalidInput(f"parameter {name!r} has a value of no type that is known: {value!r}") from error
    if isinstance(kind, DataType | Object) and kind is not DataType.binary:
        return kind
    if isinstance(value, float):  # NaN
        return DataType.double
    raise InvalidInput(
        f"parameter {name!r} is {value!r}, from which no type can be told",
        hint="parameters are scalars, lists of scalars, or dictionaries; give a default that is not missing or empty",
    )


def _iso(value: dt.date | None) -> str | None:
    return None if value is None else value.isoformat()
