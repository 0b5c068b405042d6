"""Plain YAML: values that a file of others holds, read in a way that no file can do harm by.

Tags make no objects. What is nested deeply crashes libyaml's composer, and aliases within aliases grow to more than any
memory holds, when they are merged (`<<`) or written out. So depth and what aliases repeat are counted first, on the
stream of events, which takes no stack.
"""

from __future__ import annotations

from typing import Any, Final

from runlake.extras import import_extra

MOST_DEPTH: Final = 64
MOST_ALIASES: Final = 32
MOST_REPEATED: Final = 1 << 20
"""Characters and values that all aliases together may stand for, those within what they stand for included."""

_OPEN: Final = 0
"""Size of a value that has not ended."""


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
    count = _Count()
    for event in yaml.parse(content, loader):
        if isinstance(event, begins):
            count.begin(event.anchor)
        elif isinstance(event, ends):
            count.end()
        elif isinstance(event, yaml.ScalarEvent):
            count.scalar(event.anchor, event.value)
        elif isinstance(event, yaml.AliasEvent):
            count.alias(event.anchor)
        if (fault := count.fault) is not None:
            raise NotPlain(fault, event.start_mark.line + 1)


class _Count:
    """What a document comes to once each alias is replaced by what it stands for, in characters and values.

    Attributes:
        fault: What is too much; None when nothing is.
    """

    def __init__(self) -> None:
        self.fault: str | None = None
        self._total = self._aliases = self._repeated = 0
        self._open: list[tuple[str | None, int]] = []  # anchor of a value, and the total before it
        self._sizes: dict[str, int] = {}

    def begin(self, anchor: str | None) -> None:
        self._open.append((anchor, self._total))
        self._note(anchor, _OPEN)
        self._total += 1
        if len(self._open) > MOST_DEPTH:
            self.fault = f"it is nested deeper than {MOST_DEPTH} levels"

    def end(self) -> None:
        anchor, before = self._open.pop()
        self._note(anchor, self._total - before)

    def scalar(self, anchor: str | None, text: str) -> None:
        self._total += len(text) + 1
        self._note(anchor, len(text) + 1)

    def alias(self, anchor: str) -> None:
        size = self._sizes.get(anchor, 1)  # the reader itself refuses one that nothing is behind
        self._aliases += 1
        self._total += size
        self._repeated += size
        if size == _OPEN:
            self.fault = "it has an alias of what the alias is in"
        elif self._aliases > MOST_ALIASES:
            self.fault = f"it has more than {MOST_ALIASES} aliases"
        elif self._repeated > MOST_REPEATED:
            self.fault = f"its aliases stand for more than {MOST_REPEATED:,} characters and values"

    def _note(self, anchor: str | None, size: int) -> None:
        if anchor is not None:
            self._sizes[anchor] = size
