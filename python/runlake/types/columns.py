"""Columns and tensors, and the schemas that they make, with the JSON that MLflow stores of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import index
from typing import Any

from runlake.errors import InvalidInput, InvalidType
from runlake.extras import import_extra
from runlake.types.kinds import DataType, Kind, is_required, kind_from_dict, kind_of_name

_PLAIN_NAME = re.compile(r"(bool|str|bytes|object|u?int\d+|float\d+|complex\d+|(datetime|timedelta)64(\[\w+\])?)\Z")


@dataclass(frozen=True, slots=True)
class ColSpec:
    """A column: what its values are, its name, and whether it has to be there without missing values.

    Args:
        type: The kind of its values, or the name of a scalar.
        name: Name; a number where a frame's columns have numbers, None where columns go by their place.
        required: Whether it is always there and no value is missing.
    """

    type: Kind
    name: str | int | None = None
    required: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "type", kind_of_name(self.type))

    def __repr__(self) -> str:
        name = "" if self.name is None else f"{self.name!r}: "
        return f"{name}{self.type!r} ({'required' if self.required else 'optional'})"

    def to_dict(self) -> dict[str, Any]:
        """Give the form that is JSON."""
        name = {} if self.name is None else {"name": self.name}
        return {**self.type.to_dict(), **name, "required": self.required}


class TensorSpec:
    """A tensor: dtype, shape, and its name if there are several.

    Args:
        type: A dtype of NumPy or its name; the length of texts and bytes is left out.
        shape: Sizes of the dimensions; -1 is any size.
        name: Name.
    """

    __slots__ = ("dtype_name", "name", "shape")

    def __init__(self, type: Any, shape: Sequence[int], name: str | None = None) -> None:
        self.dtype_name = dtype_name(type)
        self.shape = _sizes(shape)
        self.name = name

    @property
    def type(self) -> Any:
        """NumPy's dtype."""
        return import_extra("numpy", "for the dtype of a tensor").dtype(self.dtype_name)

    @property
    def required(self) -> bool:
        """Whether it has to be there, as all tensors have."""
        return True

    def to_dict(self) -> dict[str, Any]:
        """Give the form that is JSON."""
        name = {} if self.name is None else {"name": self.name}
        return {**name, "type": "tensor", "tensor-spec": {"dtype": self.dtype_name, "shape": list(self.shape)}}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorSpec) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash(self._parts())

    def __repr__(self) -> str:
        name = "" if self.name is None else f"{self.name!r}: "
        return f"{name}Tensor({self.dtype_name!r}, {self.shape!r})"

    def _parts(self) -> tuple[Any, ...]:
        return self.dtype_name, self.shape, self.name


@dataclass(frozen=True, slots=True, repr=False)
class Schema:
    """What a data set or the input of a model consists of: columns, or tensors, all with a name or none.

    Args:
        inputs: At least one, all of one class; several tensors have names, and what is optional has one.
    """

    inputs: list[ColSpec] | list[TensorSpec]

    def __post_init__(self) -> None:
        inputs: Any = self.inputs
        columns = isinstance(inputs, list) and all(isinstance(each, ColSpec) for each in inputs)
        tensors = isinstance(inputs, list) and all(isinstance(each, TensorSpec) for each in inputs)
        if not columns and not tensors:
            raise InvalidType(f"a schema is a list of ColSpec, or one of TensorSpec, not {inputs!r}")
        if not inputs:
            raise InvalidInput("a schema has at least one column or tensor")
        unnamed = [each for each in inputs if each.name is None]
        if unnamed and len(unnamed) < len(inputs):
            raise InvalidInput(f"the inputs of a schema have names or they have none, not both: {inputs!r}")
        if tensors and len(unnamed) > 1:
            raise InvalidInput(f"several tensors have names, and these {len(inputs)} have none")
        if not all(each.required for each in unnamed):
            raise InvalidInput("a column without a name cannot be optional", hint="name all columns")

    def __len__(self) -> int:
        return len(self.inputs)

    def __iter__(self) -> Iterator[ColSpec | TensorSpec]:
        return iter(self.inputs)

    def __repr__(self) -> str:
        return repr(self.inputs)

    def is_tensor_spec(self) -> bool:
        """Tell whether it consists of tensors."""
        return isinstance(self.inputs[0], TensorSpec)

    def has_input_names(self) -> bool:
        """Tell whether columns or tensors have names."""
        return self.inputs[0].name is not None

    def input_names(self) -> list[Any]:
        """Give the names, or the places of what has none."""
        return [name for name, _ in self._places()]

    def required_input_names(self) -> list[Any]:
        """Give the names, or places, of what has to be there."""
        return [name for name, each in self._places() if each.required]

    def optional_input_names(self) -> list[Any]:
        """Give the names of what may be missing."""
        return [name for name, each in self._places() if not each.required]

    def input_types(self) -> list[Any]:
        """Give the kind of each column, or the dtype of each tensor."""
        return [each.type for each in self.inputs]

    def input_types_dict(self) -> dict[Any, Any]:
        """Give the kinds or dtypes by name.

        Raises:
            InvalidInput: there are no names.
        """
        return {name: each.type for name, each in self.input_dict().items()}

    def input_dict(self) -> dict[Any, ColSpec | TensorSpec]:
        """Give columns or tensors by name.

        Raises:
            InvalidInput: they have no names.
        """
        if not self.has_input_names():
            raise InvalidInput("the inputs of this schema have no names; input_types() has their types in order")
        return dict(self._places())

    def numpy_types(self) -> list[Any]:
        """Give NumPy's dtypes.

        Raises:
            InvalidInput: a column is nested or of any kind.
        """
        return [each.type if isinstance(each, TensorSpec) else _scalar(each).to_numpy() for each in self.inputs]

    def pandas_types(self) -> list[Any]:
        """Give the dtypes of pandas columns.

        Raises:
            InvalidInput: it consists of tensors, or a column is nested or of any kind.
        """
        if self.is_tensor_spec():
            raise InvalidInput("tensors have dtypes of NumPy only: numpy_types()")
        return [_scalar(each).to_pandas() for each in self.inputs]

    def to_dict(self) -> list[dict[str, Any]]:
        """Give the form that is JSON."""
        return [each.to_dict() for each in self.inputs]

    def to_json(self) -> str:
        """Give the JSON that MLflow gives."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_dict(cls, specs: Any) -> Schema:
        """Read the form that `to_dict` gives.

        Raises:
            InvalidInput: it is not a schema, or has something in it that only later versions know.
        """
        if not isinstance(specs, list):
            raise InvalidInput(f"a schema is a JSON list of columns or tensors, not {specs!r}")
        return cls([_input_from_dict(spec) for spec in specs])

    @classmethod
    def from_json(cls, json_str: str) -> Schema:
        """Read JSON, MLflow's or ours.

        Raises:
            InvalidInput: it is not JSON, not a schema, or has something in it that only later versions know.
        """
        return cls.from_dict(parsed_json(json_str, "a schema"))

    def _places(self) -> list[tuple[Any, ColSpec | TensorSpec]]:
        inputs: Sequence[ColSpec | TensorSpec] = self.inputs
        return [(place if each.name is None else each.name, each) for place, each in enumerate(inputs)]


def _sizes(shape: Any) -> tuple[int, ...]:
    try:
        sizes = tuple(index(size) for size in shape)
    except TypeError:
        sizes = (-2,)
    if min(sizes, default=0) < -1:
        raise InvalidType(f"the shape of a tensor is a tuple of sizes, -1 for any size, not {shape!r}")
    return sizes


def dtype_name(dtype: Any) -> str:
    """Give the name of a dtype, which says nothing of the length of texts and bytes."""
    if isinstance(dtype, str) and _PLAIN_NAME.match(dtype):
        return dtype
    numpy = import_extra("numpy", "for the dtype of a tensor")
    try:
        found = numpy.dtype(dtype)
    except TypeError as error:
        raise InvalidType(f"there is no dtype {dtype!r} in NumPy") from error
    return {"U": "str", "T": "str", "S": "bytes"}.get(found.kind, str(found.name))


def parsed_json(text: str, what: str) -> Any:
    """Parse JSON of a signature.

    Raises:
        InvalidInput: it is not JSON, or nested deeper than a parser goes.
    """
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidInput(f"{what} is not JSON ({error}): {str(text)[:80]!r}") from error


def _scalar(spec: ColSpec | TensorSpec) -> DataType:
    if isinstance(spec.type, DataType):
        return spec.type
    raise InvalidInput(f"column {spec.name!r} is {spec.type!r}, for which NumPy and pandas have no dtype")


def _input_from_dict(fields: Any) -> Any:
    if not isinstance(fields, Mapping):
        raise InvalidInput(f"a column of a schema is a JSON object, not {fields!r}")
    name = fields.get("name")
    if fields.get("type") != "tensor":
        return ColSpec(kind_from_dict(fields), name, is_required(fields))
    tensor = fields.get("tensor-spec")
    if not isinstance(tensor, Mapping) or not {"dtype", "shape"} <= tensor.keys():
        raise InvalidInput(f"a tensor of a schema has no 'tensor-spec' with dtype and shape: {dict(fields)!r}")
    return TensorSpec(tensor["dtype"], tensor["shape"], name)
