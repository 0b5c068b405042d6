"""Interpreter: the engine works in the main one of a process, and says so in others before it is loaded there.

What it keeps (threads, journals, at-fork handlers) belongs to the process. Loaded in a sub-interpreter it would outlive
that, and Python aborts the process when such an interpreter ends with threads of its own.
"""

from __future__ import annotations

import importlib
import sys


def require_main() -> None:
    """Refuse to go on in a sub-interpreter, such as those that mod_wsgi makes.

    Raises:
        ImportError: this is one.
    """
    number = _number()
    if number:
        raise ImportError(
            f"runlake works in the main interpreter of a process only, and this is sub-interpreter {number}\n"
            "hint: use threads or processes; for mod_wsgi set WSGIApplicationGroup %{GLOBAL}"
        )


def _number() -> int:
    """Return the number of the running interpreter, 0 being the main one; 0 where Python does not tell."""
    try:
        interpreters = importlib.import_module("_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters")
    except ImportError:
        return 0
    current = interpreters.get_current()
    return int(current[0] if isinstance(current, tuple) else current)
