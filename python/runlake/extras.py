"""Packages that runlake can use and does not require: imported where they are needed, named when they are missing."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from runlake.errors import MissingExtra

_DISTRIBUTIONS = {"PIL": "pillow", "graphql": "graphql-core", "sklearn": "scikit-learn", "yaml": "pyyaml"}
"""Names to install, where they are not the names to import."""


def import_extra(module: str, purpose: str) -> Any:
    """Import a module of an optional package.

    Args:
        module: Name to import; with dots it is a submodule.
        purpose: What it is needed for, for the message: "to write a YAML artifact".

    Raises:
        MissingExtra: the package is not installed; the hint is the command that installs it.
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:
            raise
        distribution = _DISTRIBUTIONS.get(package, package)
        raise MissingExtra(
            f"{distribution} is needed {purpose} and is not installed", hint=f"pip install {distribution}"
        ) from error


def is_loaded_instance(value: object, module: str, name: str) -> bool:
    """Tell whether a value is of a class, without importing its module: who has such a value has imported it."""
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(value, kind)
