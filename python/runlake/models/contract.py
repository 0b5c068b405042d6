"""Contract of a model: its signature, example and environment, each made and read in a module of its own.

What a model says of itself is asked for here alone, so that saving and loading know none of those modules.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def signature_from_dict(given: Mapping[str, Any]) -> Any:
    """Read a signature as manifests have it."""
    return _module("signature").ModelSignature.from_dict(given)


def infer_signature(data: Any, output: Any, params: Mapping[str, Any] | None) -> Any:
    """Return the signature that an input and the output for it have."""
    return _module("signature").infer_signature(data, output, params or None)


def enforce(signature: Any, data: Any, params: Mapping[str, Any] | None) -> tuple[Any, dict[str, Any]]:
    """Return input and parameters as the signature has them.

    Raises:
        InvalidInput: they do not fit; the message names column, expected and found type.
    """
    enforcement = _module("enforcement")
    schema = signature.inputs
    return (
        data if schema is None else enforcement.enforce_inputs(schema, data),
        enforcement.enforce_params(signature.params, None if params is None else dict(params)),
    )


def write_example(folder: Path, example: Any) -> dict[str, Any]:
    """Write an example into a model's folder, and return what the manifest says of it."""
    written: dict[str, Any] = _module("examples").write_example(folder, example)
    return written


def read_example(folder: Path, info: Mapping[str, Any]) -> tuple[Any, dict[str, Any] | None]:
    """Read the example from a model's folder: the input, and the parameters if it has some."""
    found: tuple[Any, dict[str, Any] | None] = _module("examples").read_example(folder, info)
    return found


def has_environments() -> bool:
    """Tell whether environments are captured."""
    return importlib.util.find_spec("runlake.models.environment") is not None


def capture_environment(folder: Path, requirements: Sequence[str], extra: Sequence[str]) -> Any:
    """Return what a saved model really imports, in exact versions."""
    return _module("environment").capture(folder, requirements=requirements, extra=extra)


def _module(name: str) -> Any:
    return importlib.import_module(f"runlake.models.{name}")
