"""Output: tables for people, tab-separated text for pipes, and JSON."""

from __future__ import annotations

import json as json_format
import math
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from runlake import sizes

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

_GAP = 3  # between two columns
_AROUND_ROWS = 4  # header, rule, what is said below, the prompt
_NOT_IN_JSON = {math.inf: "Infinity", -math.inf: "-Infinity"}


def message(text: str) -> None:
    """Say something that is not data."""
    click.echo(text, err=True)


def line(text: str) -> None:
    """Print a line of data as it is."""
    click.echo(text)


def json(value: Any) -> None:
    """Print a value as JSON; see `json_text`."""
    click.echo(json_text(value))


def json_text(value: Any) -> str:
    """Return a value as JSON: times as ISO 8601 in UTC, durations in seconds, NaN and infinities as text."""
    return json_format.dumps(_legal(value), indent=2, ensure_ascii=False, allow_nan=False)


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows: as a table that fits the terminal, or as tab-separated text with a header when piped.

    Text for pipes keeps every digit; in a terminal numbers are rounded to what can be read, and what is longer than the
    screen goes through the pager.
    """
    if not sys.stdout.isatty():
        for row in (header, *rows):
            click.echo("\t".join(_plain(cell) for cell in row))
        return
    from rich import box
    from rich.table import Table

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    rows = list(rows)
    for index, name in enumerate(header):
        numeric = _is_numeric(rows, index)
        drawn.add_column(
            _escaped(_visible(name)), justify="right" if numeric else "left", overflow="fold", no_wrap=numeric
        )
    for row in rows:
        drawn.add_row(*(_escaped(readable(cell)) for cell in row))
    _show([drawn], len(rows))


def fitting(header: Sequence[str], rows: Sequence[Sequence[Any]], *, folded: int | None = None) -> int:
    """Return how many columns, from the left, a table that fits the terminal has; one at least.

    Args:
        folded: Width from which on cells of text may be folded.
    """
    left = shutil.get_terminal_size().columns + _GAP  # there is no gap behind the last
    for index, name in enumerate(header):
        width = max([len(name), *(len(readable(row[index])) for row in rows)])
        left -= (width if folded is None or _is_numeric(rows, index) else min(width, folded)) + _GAP
        if left < 0:
            return max(1, index)
    return len(header)


def _is_numeric(rows: Sequence[Sequence[Any]], index: int) -> bool:
    return all(isinstance(row[index], int | float | None) for row in rows)


def records(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows to a terminal that is too narrow for their table: names and values below each other."""
    rows = list(rows)
    lines: list[RenderableType] = []
    for row in rows:
        lines += ["", _drawn_pairs(dict(zip(header, row, strict=True)))]
    _show(lines[1:], len(rows) * (len(header) + 1))


def _show(drawn: Sequence[RenderableType], lines: int) -> None:
    """Print to the terminal, through the pager if it is longer than the screen and somebody is there."""
    screen = console()
    if lines + _AROUND_ROWS <= shutil.get_terminal_size().lines or not sys.stdin.isatty():
        screen.print(*drawn, sep="\n")
        return
    with screen.capture() as captured:
        screen.print(*drawn, sep="\n")
    click.echo_via_pager(captured.get(), color=True)


def pairs(values: Mapping[str, Any]) -> None:
    """Print names and values under each other."""
    if not sys.stdout.isatty():
        for name, value in values.items():
            click.echo(f"{name}\t{_plain(value)}")
    else:
        console().print(_drawn_pairs(values))


def _drawn_pairs(values: Mapping[str, Any]) -> Table:
    from rich.table import Table

    drawn = Table.grid(padding=(0, 2))
    drawn.add_column(style="dim")
    drawn.add_column(overflow="fold")
    for name, value in values.items():
        drawn.add_row(_escaped(_visible(name)), _escaped(readable(value)))
    return drawn


def heading(text: str) -> None:
    """Print a line that parts one table from the next."""
    if sys.stdout.isatty():
        console().print(f"\n[bold]{_escaped(text)}[/bold]")
    else:
        click.echo(f"\n# {text}")


def console(*, stderr: bool = False) -> Console:
    """Return rich's view of the terminal, which is as wide as it says; rich takes a simple one for 80 columns."""
    from rich.console import Console

    if not (sys.stderr if stderr else sys.stdout).isatty():
        return Console(stderr=stderr, highlight=False, soft_wrap=False)
    width, height = shutil.get_terminal_size()
    return Console(stderr=stderr, highlight=False, soft_wrap=False, width=width, height=height)


def readable(cell: Any) -> str:
    """Return what a person is shown: six significant digits, local times, nothing for null, no escape sequences."""
    match cell:
        case None:
            return ""
        case float():
            return f"{cell:.6g}"
        case datetime():
            return cell.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        case timedelta():
            return _span(cell.total_seconds())
        case _:
            return _visible(str(cell))


def size(bytes_: float) -> str:
    """Return a size with a unit that suits it: `1.5 MiB`."""
    return sizes.size(bytes_)


def _span(seconds: float) -> str:
    """Return a duration in the two units that suit it: `2 h 05 min`, `1 min 03 s`, `0.25 s`."""
    if abs(seconds) < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(abs(seconds)), 60)
    sign = "-" if seconds < 0 else ""
    if minutes < 60:
        return f"{sign}{minutes} min {rest:02} s"
    return f"{sign}{minutes // 60} h {minutes % 60:02} min"


def _plain(cell: Any) -> str:
    """One cell of tab-separated text: every digit, and no character that would end the cell."""
    match cell:
        case None:
            return ""
        case float():
            return repr(cell)
        case datetime():
            return _iso(cell)
        case timedelta():
            return repr(cell.total_seconds())
        case _:
            return str(cell).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _legal(value: Any) -> Any:
    match value:
        case float() if math.isnan(value):
            return "NaN"
        case float() if math.isinf(value):
            return _NOT_IN_JSON[value]
        case datetime():
            return _iso(value)
        case timedelta():
            return value.total_seconds()
        case Mapping():
            return {str(name): _legal(item) for name, item in value.items()}
        case list() | tuple():
            return [_legal(item) for item in value]
        case _:
            return value


def _iso(moment: datetime) -> str:
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _visible(text: str) -> str:
    """Write out what a terminal would obey: a run can be called anything."""
    if text.isprintable():
        return text
    return "".join(
        repr(character)[1:-1] if unicodedata.category(character) == "Cc" and character != "\n" else character
        for character in text
    )


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
