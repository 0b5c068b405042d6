"""Import statements: those in a loaded module's own code, read from its cached bytecode.

Of the code only the instructions that import are looked at: a thousand modules take 25 ms of a processor, beside 60 ms
to load their bytecode, where `dis.get_instructions` takes 250 ms.
"""

from __future__ import annotations

import dis
import re
from functools import cache, lru_cache
from types import ModuleType
from typing import Final, NamedTuple

_IMPORT_NAME: Final = bytes([dis.opmap["IMPORT_NAME"]])
_IMPORTING: Final = re.compile(b"[" + re.escape(_IMPORT_NAME) + re.escape(bytes([dis.opmap["IMPORT_FROM"]])) + b"]")
_EXTENDED: Final = dis.opmap["EXTENDED_ARG"]
_LOAD_CONST: Final = dis.opmap["LOAD_CONST"]
_STORE_NAME: Final = dis.opmap["STORE_NAME"]


class Statement(NamedTuple):
    """An import statement: the module as it is called there, and what is taken from it, with its name here."""

    called: str
    parts: dict[str, str]


@lru_cache(maxsize=4096)
def statements_in(module: ModuleType) -> tuple[Statement, ...]:
    """Return the import statements in a module's own code.

    None are known of extensions, and of modules that were made while running.
    """
    try:
        code = module.__spec__.loader.get_code(module.__name__)  # type: ignore[union-attr]
        operations, arguments = code.co_code[::2], code.co_code[1::2]
    except (AttributeError, ImportError, OSError, SyntaxError):
        return ()
    found: list[Statement] = []
    for match in _IMPORTING.finditer(operations):
        name, before = _argument(operations, arguments, match.start())
        if match[0] == _IMPORT_NAME:
            name >>= _flag_bits()
        else:
            bound = _stored(operations, arguments, match.end())
            found[-1].parts[code.co_names[name]] = code.co_names[name if bound is None else bound]
            continue
        taken, _ = _argument(operations, arguments, before)  # the instruction before loads the names that are taken
        everything = operations[before] == _LOAD_CONST and code.co_consts[taken] == ("*",)
        found.append(Statement(code.co_names[name], {"*": "*"} if everything else {}))
    return tuple(found)


@cache
def _flag_bits() -> int:
    """Return how many bits below the number of the name are flags, as lazy imports need them in later Pythons."""
    code = compile("import a\nimport b", "", "exec")
    second = code.co_code[::2].rindex(_IMPORT_NAME)
    return (code.co_code[1::2][second] // code.co_names.index("b")).bit_length() - 1


def _argument(operations: bytes, arguments: bytes, place: int) -> tuple[int, int]:
    """Return the argument of an instruction, and the place of the instruction before it."""
    value, shift = arguments[place], 8
    while operations[place := place - 1] == _EXTENDED:
        value |= arguments[place] << shift
        shift += 8
    return value, place


def _stored(operations: bytes, arguments: bytes, place: int) -> int | None:
    """Return the number of the name that the instruction at a place binds; None if it binds none."""
    while operations[place] == _EXTENDED:
        place += 1
    return _argument(operations, arguments, place)[0] if operations[place] == _STORE_NAME else None
