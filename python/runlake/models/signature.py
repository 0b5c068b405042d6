"""Signatures: the contract of a model, of what it takes, what it gives, and which parameters it knows."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

from runlake.errors import InvalidInput, InvalidType
from runlake.types.columns import ColSpec, Schema
from runlake.types.dataclasses import convert_dataclass_to_schema
from runlake.types.inference import infer_schema
from runlake.types.kinds import AnyType, Array
from runlake.types.parameters import ParamSchema, infer_params
from runlake.types.values import is_ndarray, kind_of


class ModelSignature:
    """What a model takes, what it gives, and which parameters it knows.

    Args:
        inputs: Columns or tensors of the input, or a dataclass that declares them.
        outputs: The same of the output.
        params: Parameters and their defaults.

    Raises:
        InvalidInput: nothing of this is given.
        InvalidType: something else is.
    """

    def __init__(
        self,
        inputs: Schema | Any | None = None,
        outputs: Schema | Any | None = None,
        params: ParamSchema | None = None,
    ) -> None:
        self.inputs = _schema(inputs, "inputs")
        self.outputs = _schema(outputs, "outputs")
        if params is not None and not isinstance(params, ParamSchema):
            raise InvalidType(f"the params of a signature are a ParamSchema, not {type(params).__name__}")
        self.params = params
        if inputs is None and outputs is None and params is None:
            raise InvalidInput("a signature has inputs, outputs or params; none is given")
        self._is_signature_from_type_hint = False
        self._is_type_hint_from_example = False

    def to_dict(self) -> dict[str, str | None]:
        """Give the form that a manifest has: each part as JSON, None if it is not there or empty."""
        parts = {"inputs": self.inputs, "outputs": self.outputs, "params": self.params}
        return {name: part.to_json() if part else None for name, part in parts.items()}

    @classmethod
    def from_dict(cls, signature_dict: Mapping[str, Any]) -> ModelSignature:
        """Read the form that a manifest has.

        Raises:
            InvalidInput: a part is not JSON of a schema, or has something in it that only later versions know.
        """
        inputs, outputs, params = (signature_dict.get(name) for name in ("inputs", "outputs", "params"))
        return cls(
            Schema.from_json(inputs) if inputs else None,
            Schema.from_json(outputs) if outputs else None,
            ParamSchema.from_json(params) if params else None,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ModelSignature):
            return NotImplemented
        return (self.inputs, self.outputs, self.params) == (other.inputs, other.outputs, other.params)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"inputs: \n  {self.inputs!r}\noutputs: \n  {self.outputs!r}\nparams: \n  {self.params!r}\n"


def infer_signature(
    model_input: Any = None,
    model_output: Any = None,
    params: dict[str, Any] | None = None,
) -> ModelSignature:
    """Give the signature that data has; docs/models.md, "Signatures", says how each form is read.

    Args:
        model_input: What the model takes, best a part of the data that it was trained on: a column with missing values
            is optional. A frame, a tensor, a dictionary, a list, a scalar, or a dataclass that declares it.
        model_output: What it gives for that.
        params: Parameters of prediction and their defaults.

    Raises:
        InvalidInput: nothing is given, or a parameter has a value that none can have.
    """
    return ModelSignature(
        None if model_input is None else _inferred(model_input, "input"),
        None if model_output is None else _inferred(model_output, "output"),
        infer_params(params) if params else None,
    )


def signature_of_call(data: Any, output: Any, params: dict[str, Any] | None = None) -> ModelSignature:
    """Give the signature that one call of a model has.

    It is that of `infer_signature`, but that an array of one value a row, which a model gives for columns, is a column.
    """
    signature = infer_signature(data, output, params)
    columns = signature.inputs is not None and not signature.inputs.is_tensor_spec()
    if columns and is_ndarray(output) and output.ndim == 1 and isinstance(kind := kind_of(output), Array):
        signature.outputs = Schema([ColSpec(kind.dtype)])
    return signature


def as_signature(signature: Any) -> ModelSignature:
    """Give a signature as ours, also one that was made with the official package.

    Raises:
        InvalidType: it is none.
    """
    if isinstance(signature, ModelSignature):
        return signature
    if type(signature).__name__ == "ModelSignature" and callable(getattr(signature, "to_dict", None)):
        return ModelSignature.from_dict(signature.to_dict())
    raise InvalidType(
        f"a signature is a ModelSignature, not {type(signature).__name__}",
        hint="infer_signature(input, output) makes one",
    )


def _schema(schema: Any, role: str) -> Schema | None:
    if schema is None or isinstance(schema, Schema):
        return schema
    if is_dataclass(schema):
        return convert_dataclass_to_schema(schema)
    raise InvalidType(f"the {role} of a signature are a Schema or a dataclass, not {type(schema).__name__}")


def _inferred(data: Any, role: str) -> Schema:
    if is_dataclass(data):
        return convert_dataclass_to_schema(data)
    try:
        return infer_schema(data)
    except InvalidInput as error:
        warnings.warn(f"the {role} of the signature is of any type and not checked: {error.message}", stacklevel=3)
        return Schema([ColSpec(AnyType())])
