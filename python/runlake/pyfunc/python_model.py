"""PythonModel: a class with `predict` that a user writes, and the context it is loaded with."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from runlake.pyfunc import hints

if TYPE_CHECKING:
    from runlake.models.signature import ModelSignature


class TypeHints(NamedTuple):
    """What `predict` says that it takes and gives; None is nothing."""

    input: Any = None
    output: Any = None


@dataclass(frozen=True)
class PythonModelContext:
    """What a model is loaded with.

    Attributes:
        artifacts: Local paths of the files and folders that were saved with the model, by name.
        model_config: Settings that were saved with the model, or given when it was loaded.
    """

    artifacts: dict[str, str] = field(default_factory=dict)
    model_config: dict[str, Any] | None = None


class PythonModel:
    """A model in Python; subclasses have a `predict` with or without context and parameters.

    Type hints of `predict`, such as `list[str]`, are the model's signature when no other is given.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Read what the model needs from its files; called once, when it is loaded."""

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """Return the predictions for an input."""
        raise NotImplementedError(f"{type(self).__name__} has no predict")

    @property
    def predict_type_hints(self) -> TypeHints:
        """What `predict` says that it takes and gives."""
        return type_hints(self.predict)


class FunctionModel(PythonModel):
    """A function in the place of a class: it takes the input, and parameters if it has an argument of that name."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:  # type: ignore[override]
        """Call the function."""
        return (
            self.function(model_input, params=params) if takes(self.function, "params") else self.function(model_input)
        )

    @property
    def predict_type_hints(self) -> TypeHints:
        """What the function says that it takes and gives."""
        return type_hints(self.function)


class PythonPredictor:
    """A loaded PythonModel with its context, as a python function has it.

    Args:
        python_model: Whatever has `predict`: one of ours, one of MLflow's, or a function.
    """

    def __init__(self, python_model: Any, context: PythonModelContext) -> None:
        if not hasattr(python_model, "predict") and callable(python_model):
            python_model = FunctionModel(python_model)
        self.python_model = python_model
        self.context = context
        # Classes of MLflow's own hold their input against its hints themselves.
        self._hints = python_model.predict_type_hints if isinstance(python_model, PythonModel) else TypeHints()
        if (load_context := getattr(python_model, "load_context", None)) is not None:
            load_context(context)

    def declared_signature(self) -> ModelSignature | None:
        """Return the signature that type hints declare; None when they declare none."""
        return hints.signature_of(*self._hints)

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Return the predictions for an input."""
        return self._called(self.python_model.predict, data, params)

    def predict_stream(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Return an iterator over the pieces of the answer for one input."""
        return self._called(self.python_model.predict_stream, data, params)

    def _called(self, function: Callable[..., Any], data: Any, params: dict[str, Any] | None) -> Any:
        settings = {"params": params} if takes(function, "params") else {}
        data = hints.as_hinted(data, self._hints.input)
        given = (self.context, data) if takes_context(function) else (data,)
        return function(*given, **settings)


def takes(function: Callable[..., Any], name: str) -> bool:
    """Tell whether a function has an argument of a name."""
    return name in inspect.signature(function).parameters


def takes_context(function: Callable[..., Any]) -> bool:
    """Tell whether a model's method wants the context before the input: it says so, or has two arguments for them."""
    names = [name for name in inspect.signature(function).parameters if name != "params"]
    return names[:1] == ["context"] or len(names) > 1


def type_hints(function: Callable[..., Any]) -> TypeHints:
    """Return what a function or method says of its input and output; what cannot be read says nothing."""
    try:
        said = typing.get_type_hints(function)
        names = list(inspect.signature(function).parameters)
    except (NameError, TypeError, ValueError):
        return TypeHints()
    name = next((name for name in names[1 if takes_context(function) else 0 :]), None)
    return TypeHints(said.get(name) if name else None, said.get("return"))
