"""Attributes of a module that are imported when they are first used, and what to say of those that it has not."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Container, Mapping
from typing import Any


def attributes(
    module: str, homes: Mapping[str, str] | None = None, modules: Container[str] = ()
) -> Callable[[str], Any]:
    """Return the `__getattr__` of a module.

    Args:
        module: Its name.
        homes: Modules that define its attributes, by the names of these.
        modules: Which of its submodules are attributes.
    """

    def find(name: str) -> Any:
        if name in modules:
            return importlib.import_module(f"{module}.{name}")
        if homes is None or name not in homes:
            from runlake.missing_names import missing_name

            raise missing_name(module, name)
        value = getattr(importlib.import_module(homes[name]), name)
        setattr(sys.modules[module], name, value)  # so that this is not asked again
        return value

    return find
