"""Plain YAML: values that a file of others holds, read in a way that no file can do harm by.

Tags make no objects. What is nested deeply crashes libyaml's composer, and aliases within aliases grow to more than any
memory holds, so both are counted first, on the stream of events, which takes no stack.
"""

from __future__ import annotations

from typing import Any, Final

from runlake.extras import import_extra

MOST_DEPTH: Final = 64
MOST_ALIASES: Final = 32
"""Sixteen times two aliases to what is before them come to 65,536 of the first, which is bearable."""


class NotPlain(ValueError):
    """A text that is no YAML, or none that is read.

    `line` is where, from 1; None where that is not known.
    """

    def __init__(self, fault: str, line: int | None = None) -> None:
        super().__init__(fault if line is None else f"line {line}: {fault}")
        self.line = line


def read_yaml(content: bytes | str, purpose: str) -> Any:
    """Read a YAML document; None when it is empty.

    Args:
        purpose: What it is needed for, for the message when PyYAML is not installed.

    Raises:
        NotPlain: it is no YAML, nested too deeply, or has too many aliases.
    """
    yaml = import_extra("yaml", purpose)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _require_bounded(yaml, loader, content)
        return yaml.load(content, loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        said = getattr(error, "problem", None) or " ".join(str(error).split())
        raise NotPlain(said, None if mark is None else mark.line + 1) from error
    except NotPlain:
        raise
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError; a date with a month 13
        raise NotPlain(" ".join(str(error).split()) or type(error).__name__) from error


def _require_bounded(yaml: Any, loader: Any, content: bytes | str) -> None:
    begins, ends = (yaml.MappingStartEvent, yaml.SequenceStartEvent), (yaml.MappingEndEvent, yaml.SequenceEndEvent)
    depth = aliases = 0
    for event in yaml.parse(content, loader):
        depth += isinstance(event, begins) - isinstance(event, ends)
        aliases += isinstance(event, yaml.AliasEvent)
        if depth > MOST_DEPTH:
            raise NotPlain(f"it is nested deeper than {MOST_DEPTH} levels", event.start_mark.line + 1)
        if aliases > MOST_ALIASES:
            raise NotPlain(f"it has more than {MOST_ALIASES} aliases", event.start_mark.line + 1)
