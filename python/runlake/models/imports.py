"""Imports: which modules a piece of code asks for while it runs, and what those have imported in their turn.

A process that trains has most modules loaded long before a model is, so what is new in `sys.modules` tells nothing.
Instead every import that is asked for is noted, whether its module is loaded already or not: statements and
`__import__` go through `builtins.__import__`, and so do pickle (also the one in C) and every extension that asks the
interpreter to import by name; `importlib.import_module` goes through `importlib._bootstrap._gcd_import`. What a module
that was loaded before has imported is read off its globals, where import statements leave their marks: modules, and
classes and functions that say which module they are from. Names under `if TYPE_CHECKING` leave none.

What counts is what the model asked for, and what is reached from there: a finder that somebody else has put into
`sys.meta_path` may import things of its own while the model does.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import importlib.util
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Final

from runlake.models.import_statements import statements_in

OWN_REQUIREMENTS: Final = frozenset({"click", "packaging", "plotille", "polars", "rich", "urllib3", "yaml"})
"""Modules of what runlake itself requires: when runlake's code imports them, that is not for the model."""

_TRACKERS: Final = frozenset({"runlake", "mlflow"})
_BOOTSTRAP: Final[Any] = importlib._bootstrap
_FUNCTIONS: Final = (FunctionType, BuiltinFunctionType)
_NOT_YET_LOADED: Final[Any] = getattr(importlib.util, "_LazyModule", None)
_MODEL: Final = ""  # who asks when no module's code does
_NOTHING: Final = object()
_one_at_a_time = threading.RLock()


class Recording:
    """The imports of the thread that records, and of threads that were started since."""

    def __init__(self) -> None:
        self.is_active = True
        self._asked: dict[str, set[str]] = defaultdict(set)
        self._others = {thread.ident for thread in threading.enumerate()} - {threading.get_ident()}
        self._aside = threading.local()

    @property
    def wanted(self) -> frozenset[str]:
        """Modules that the model itself asked for: in its pickle, in functions that came with it, through runlake."""
        return frozenset(self._asked[_MODEL])

    def wanted_by(self, module: str) -> frozenset[str]:
        """Return what a module asked for meanwhile, which counts if the model needs that module."""
        return frozenset(self._asked.get(module, ()))

    def hook(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Return what stands in for `builtins.__import__`."""

        def importing(
            name: str,
            globals: Mapping[str, Any] | None = None,  # as the interpreter calls it
            locals: Mapping[str, Any] | None = None,
            fromlist: Any = (),
            level: int = 0,
        ) -> Any:
            if self._is_deaf():
                return original(name, globals, locals, fromlist, level)
            # What C code asks for, pickle's among it, comes with a list, and with the globals of whoever called it.
            importer = _MODEL if isinstance(fromlist, list) else _importer(globals)
            full = _absolute(name, globals, level)
            with self._heard(full, importer):
                module = original(name, globals, locals, fromlist, level)
            self._note(importer, full, *(f"{full}.{part}" for part in fromlist or () if isinstance(part, str)))
            return module

        return importing

    def by_name_hook(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Return what stands in for the function behind `importlib.import_module`."""

        def importing(name: str, package: str | None = None, level: int = 0) -> Any:
            if self._is_deaf():
                return original(name, package, level)
            importer = _importer(sys._getframe(2).f_globals)
            full = _absolute(name, {"__package__": package}, level)
            with self._heard(full, importer):
                module = original(name, package, level)
            self._note(importer, full)
            return module

        return importing

    def _is_deaf(self) -> bool:
        return not self.is_active or getattr(self._aside, "depth", 0) > 0 or threading.get_ident() in self._others

    @contextlib.contextmanager
    def _heard(self, name: str, importer: str) -> Iterator[None]:
        """Do not listen while something is imported that is not for the model."""
        if not _is_aside(name, importer):
            yield
            return
        self._aside.depth = getattr(self._aside, "depth", 0) + 1
        try:
            yield
        finally:
            self._aside.depth -= 1

    def _note(self, importer: str, name: str, *parts: str) -> None:
        if is_tracker(importer) and _is_aside(name, importer):
            return
        by_model = importer == _MODEL or _is_boundary(importer)
        self._asked[_MODEL if by_model else importer].update(full for full in (name, *parts) if full in sys.modules)


@contextlib.contextmanager
def recorded(into: Recording | None = None) -> Iterator[Recording]:
    """Note the imports in the block. One thread at a time does; others wait.

    Args:
        into: A recording to go on with; None begins one.
    """
    with _one_at_a_time:
        recording = Recording() if into is None else into
        recording.is_active = True
        before = (builtins.__import__, _BOOTSTRAP._gcd_import)
        here = (recording.hook(before[0]), recording.by_name_hook(before[1]))
        builtins.__import__, _BOOTSTRAP._gcd_import = here
        try:
            yield recording
        finally:
            recording.is_active = False
            if builtins.__import__ is here[0]:  # else somebody has put a hook around ours, which is deaf from now on
                builtins.__import__ = before[0]
            if _BOOTSTRAP._gcd_import is here[1]:
                _BOOTSTRAP._gcd_import = before[1]


def closure(recording: Recording, also: Iterable[str] = ()) -> dict[str, ModuleType]:
    """Return the modules that a model asked for, their packages, and all that those have imported, by name.

    The standard library and trackers (runlake, mlflow) are left out, and what is imported by them alone.

    Args:
        also: Names of modules that it needs whether it was seen to ask for them or not.
    """
    found: dict[str, ModuleType] = {}
    left = [*recording.wanted, *also]
    by_globals_only: list[str] = []
    while left:
        name = left.pop()
        module = sys.modules.get(name)
        if name not in found and module is not None and not _is_boundary(name):
            found[name] = module
            by_globals_only.append(name)
            left += [name.rpartition(".")[0], *recording.wanted_by(name), *_told_by_globals(name, module)]
        if not left:  # reading code takes longer than looking at globals, and most of it is found by now
            left = [other for name in by_globals_only for other in _told_by_code(name, found)]
            by_globals_only.clear()
    return found


def is_tracker(name: str) -> bool:
    """Tell whether a module is runlake's or MLflow's."""
    return name.partition(".")[0] in _TRACKERS


def _is_boundary(name: str) -> bool:
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names or top in _TRACKERS or top in ("__main__", "__mp_main__")


def _is_aside(name: str, importer: str) -> bool:
    """Tell whether what an import brings along is not for the model: a tracker, or what one uses for its own ends."""
    wanted = name.partition(".")[0]
    return wanted in _TRACKERS or (importer.partition(".")[0] == "runlake" and wanted in OWN_REQUIREMENTS)


def _importer(globals_: Mapping[str, Any] | None) -> str:
    """Return the module whose code imports; functions that came with the model have globals of their own."""
    name = str((globals_ or {}).get("__name__") or "")
    return name if getattr(sys.modules.get(name), "__dict__", None) is globals_ else _MODEL


def _absolute(name: str, globals_: Mapping[str, Any] | None, level: int) -> str:
    if level == 0:
        return name
    known = globals_ or {}
    package = str(known.get("__package__") or str(known.get("__name__") or "").rpartition(".")[0])
    base = package.rsplit(".", level - 1)[0] if level > 1 else package
    return f"{base}.{name}" if name else base


def _told_by_globals(name: str, module: ModuleType) -> Iterator[str]:
    """Return the modules that the globals of a loaded one are or are from.

    A submodule is left out: it is a global of its package, whoever has imported it.
    """
    for key, value in list(_globals_of(module).items()):
        home = _home_of(value)
        if home is not None and not (home == f"{name}.{key}" and isinstance(value, ModuleType)):
            yield home


def _told_by_code(name: str, found: Mapping[str, ModuleType]) -> Iterator[str]:
    """Return the modules that the import statements of a loaded one name, and that globals alone do not tell.

    These are submodules of its own, `import a.b`, which binds `a`, and values that do not say where they are from. A
    statement counts if the globals hold what it leaves: under `if TYPE_CHECKING` it leaves nothing.

    Args:
        found: The module and others; those need not be told.
    """
    own = _globals_of(found[name])
    package = name if "__path__" in own else name.rpartition(".")[0]
    for called, parts in statements_in(found[name]):
        for base in _meant(called, package):
            if (other := sys.modules.get(base)) is None:
                continue
            if not parts and base not in found and _binds(own, called, other):
                yield base
            for part, bound in parts.items():
                whole = f"{base}.{part}"
                if base in found and (whole in found or whole not in sys.modules):
                    continue
                if part == "*" or own.get(bound, _NOTHING) is _globals_of(other).get(part):
                    yield from (base, whole)


def _binds(own: Mapping[str, Any], called: str, other: ModuleType) -> bool:
    """Tell whether globals hold what `import a.b` leaves: the first package, or, within it, the submodule."""
    first = called.partition(".")[0]
    value = own.get(first)
    return value is not None and (value is other or value is sys.modules.get(first))


def _meant(called: str, package: str) -> Iterator[str]:
    """Return the modules that a name in an import statement may mean: that one, or one of its package or above it."""
    if called:
        yield called
    while package:
        yield f"{package}.{called}" if called else package
        package = package.rpartition(".")[0]


def _globals_of(module: ModuleType) -> dict[str, Any]:
    """Return a module's globals, without waking one that loads itself when it is looked at."""
    if _NOT_YET_LOADED is not None and type(module) is _NOT_YET_LOADED:
        return {}
    try:
        found: dict[str, Any] = object.__getattribute__(module, "__dict__")
    except AttributeError:  # something else was put into sys.modules
        return {}
    return found


def _home_of(value: Any) -> str | None:
    """Return the name of the module that a global is, or is from."""
    kind = type(value)
    try:
        if issubclass(kind, ModuleType):
            home = object.__getattribute__(value, "__dict__").get("__name__")
        elif issubclass(kind, type):
            home = type.__getattribute__(value, "__module__")
        elif issubclass(kind, _FUNCTIONS):
            home = value.__module__
        else:
            return None
    except AttributeError:
        return None
    return home if isinstance(home, str) else None
