"""The registry in force: methods of a client as functions on whichever store is in force when they are called."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from runlake.location import get_registry_uri
from runlake.registry.methods import RegistryMethods
from runlake.stores import AnyStore, opened

P = ParamSpec("P")
R = TypeVar("R")


class _InForce(RegistryMethods):
    """The methods on the store in force."""

    @property
    def _registry(self) -> AnyStore:
        return store()


def store() -> AnyStore:
    """Return the store whose registry is in force: the one that is tracked to, unless `set_registry_uri` says else."""
    return opened(get_registry_uri(), renew=True)


def in_force(method: Callable[Concatenate[_InForce, P], R]) -> Callable[P, R]:
    """Make a function of a method, with its signature and manual."""

    @functools.wraps(method)
    def function(*arguments: P.args, **named: P.kwargs) -> R:
        return method(_instance, *arguments, **named)

    signature = inspect.signature(method)
    rest = list(signature.parameters.values())[1:]
    function.__signature__ = signature.replace(parameters=rest)  # type: ignore[attr-defined]
    function.__module__ = "runlake.registry"
    function.__qualname__ = method.__name__
    return function


_instance = _InForce()
