"""Contract of a model: its signature, its example and its environment, each of which has a module of its own.

Saving and loading ask here alone; what is not needed is not loaded: a signature brings NumPy and pandas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runlake.models.environment import Environment
    from runlake.models.imports import Recording
    from runlake.models.manifest import Model
    from runlake.models.signature import ModelSignature


@dataclass(frozen=True)
class Wanted:
    """What is said of the environment of a model.

    Attributes:
        requirements: Distributions that the flavor needs.
        others: What the caller says: arguments of `environment.capture`, by name.
    """

    requirements: tuple[str, ...]
    others: Mapping[str, Any]


# -- signature


def as_signature(given: Any) -> ModelSignature:
    """Return a signature as one of ours; MLflow's own say the same of themselves.

    Raises:
        InvalidType: it is none.
    """
    from runlake.models.signature import as_signature

    return as_signature(given)


def signature_from_dict(given: Mapping[str, Any]) -> ModelSignature:
    """Read a signature as manifests have it.

    Raises:
        InvalidInput: it cannot be read.
    """
    from runlake.models.signature import ModelSignature

    return ModelSignature.from_dict(given)


def infer_signature(data: Any, output: Any, params: Mapping[str, Any] | None) -> ModelSignature:
    """Return the signature that an input and the output for it have."""
    from runlake.models.signature import signature_of_call

    return signature_of_call(data, output, dict(params) if params else None)


def enforce(signature: ModelSignature, data: Any, params: dict[str, Any] | None) -> tuple[Any, dict[str, Any]]:
    """Return input and parameters as the signature has them.

    Raises:
        InvalidInput: they do not fit; the message names column, expected and found type.
    """
    from runlake.models.enforcement import enforce_inputs, enforce_params

    inputs = signature.inputs
    # What type hints say is held against the data by the model itself, which wants it as it was given.
    if inputs is not None and not signature._is_signature_from_type_hint:
        data = enforce_inputs(inputs, data)
    return data, enforce_params(signature.params, params)


# -- example


def example_parts(example: Any) -> tuple[Any, dict[str, Any] | None]:
    """Take an example apart: the input, and the parameters if it is a pair of both."""
    from runlake.models import examples

    return examples.example_parts(example)


def write_example(folder: Path, example: Any) -> dict[str, Any]:
    """Write an example into a model's folder, and return what the manifest says of it.

    Raises:
        InvalidInput: it cannot be JSON.
    """
    from runlake.models import examples

    return examples.write_example(folder, example)


def read_example(folder: Path, info: Mapping[str, Any], signature: Any = None) -> tuple[Any, dict[str, Any] | None]:
    """Read the example from a model's folder: the input in the signature's types, and the parameters if it has some.

    Raises:
        NotFound: it is not there.
        Corrupt: it is cut off or garbled.
    """
    from runlake.models import examples

    return examples.read_example(folder, info, getattr(signature, "inputs", None))


def read_as_served(folder: Path, manifest: Model) -> None:
    """Read a model's example and hold it to the signature: what that imports, whoever runs the model needs as well."""
    if manifest.saved_input_example_info:
        data, params = read_example(folder, manifest.saved_input_example_info, manifest.signature)
        if manifest.signature is not None:
            enforce(manifest.signature, data, params)


# -- environment


def recorded() -> AbstractContextManager[Recording]:
    """Note what is imported in the block, in which a model is loaded and run."""
    from runlake.models import environment

    return environment.recorded()


def environment_of(
    folder: Path, wanted: Wanted, *, seen: Recording | None, run: Callable[[Path], object]
) -> Environment:
    """Return what a saved model needs.

    Args:
        seen: What was imported when the model was loaded and run; None has it loaded by `run`.

    Raises:
        InvalidInput: the caller names requirements in more than one way, or one cannot be read.
    """
    from runlake.models import environment

    return environment.capture(folder, requirements=wanted.requirements, seen=seen, run=run, **wanted.others)


def warn_of_differences(folder: Path) -> None:
    """Say in one sentence how the running interpreter differs from what the model was saved with."""
    from runlake.models import differences

    differences.warn_of_differences(folder)
