"""Tables in files: some rows and columns of Parquet, CSV, TSV, JSON lines and logged JSON tables, as texts to look at.

Nothing is guessed: cells of text files are what is written there, all others as Polars writes them. Of a Parquet file
the pages of the rows that are looked at are read, unless they come to too much; of the others the first 8 MiB.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import polars as pl

from runlake.errors import InvalidInput
from runlake.query.parquet_pages import Pages

MOST_ROWS: Final = 500
MOST_COLUMNS: Final = 100
MOST_CHARACTERS: Final = 10_000
MOST_BYTES: Final = 8 << 20
"""Most that is read of a file that has no index."""

_MOST_FIELDS: Final = 20_000  # of a line of CSV
_MOST_NESTED: Final = 16 << 20  # bytes of lists and structs that become Python's objects, of a column or else a cell
_MOST_UNPACKED: Final = 96 << 20  # bytes of the pages of one column, read at up to six times as many
_OBJECT_BYTES: Final = 32
_NAMED: Final = (pl.Categorical, pl.Enum)
_ANSWER_CHARACTERS: Final = 8 << 20  # at most four bytes each
_TEXT: Final = "String"


@dataclass(frozen=True)
class Part:
    """Which part of a table is looked at, and behind how many characters its cells are cut."""

    offset: int = 0
    limit: int = 100
    column: int = 0
    columns: int = 50
    characters: int = 200

    def __post_init__(self) -> None:
        for name, lowest, most in (
            ("offset", 0, 2**62),
            ("limit", 1, MOST_ROWS),
            ("column", 0, 2**31),
            ("columns", 1, MOST_COLUMNS),
            ("characters", 1, MOST_CHARACTERS),
        ):
            if not lowest <= (given := getattr(self, name)) <= most:
                raise InvalidInput(f"{name} is {given}; it must be from {lowest} to {most:,}")


@dataclass(frozen=True)
class Table:
    """What is seen of a table.

    Attributes:
        frame: Its columns, all texts, are called by their place, from "0" on: names in files may repeat, and be long.
        columns: Name and type of each.
        rows: How many the table has, or what was read of it.
        width: How many columns it has.
        whole: Whether all of the file was read; the last line of what was read of a longer one is left out.
    """

    frame: pl.DataFrame
    columns: tuple[tuple[str, str], ...]
    rows: int
    width: int
    whole: bool = True


def read_part(file: BinaryIO, name: str, part: Part) -> Table:
    """Read a part of the table that a file has.

    Args:
        file: Where it begins, at its first byte.
        name: By whose ending it is read: `.parquet`, `.csv`, `.tsv`, `.jsonl`, `.ndjson` or `.json`.

    Raises:
        InvalidInput: the file is no such table, or cannot be looked at.
    """
    suffix = name.rpartition(".")[2].lower()
    if suffix not in _READERS:
        raise InvalidInput(f"{name[-80:]!r} is no table; {', '.join(f'.{known}' for known in _READERS)} are")
    try:
        found = _READERS[suffix](file, part)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError, RecursionError) as error:
        if isinstance(error, InvalidInput):
            raise
        said = str(error).partition("\n")[0][:200]
        raise InvalidInput(f"{name[-80:]!r} cannot be read as {suffix.upper()}: {said}") from error
    cells = max(1, found.frame.height * found.frame.width)
    most = min(part.characters, max(1, _ANSWER_CHARACTERS // cells))
    cut = (_cut(cell, most) for cell in _columns(found))
    columns = tuple((text[:MOST_CHARACTERS], dtype[:MOST_CHARACTERS]) for text, dtype in found.columns)
    return Table(found.frame.select(cut), columns, found.rows, found.width, found.whole)


def _cut(text: pl.Expr, most: int) -> pl.Expr:
    beginning = text.str.head(most)  # looks at no more of a text, which may have a gigabyte
    return pl.when(beginning.str.len_bytes() < text.str.len_bytes()).then(beginning + "…").otherwise(text)


def _columns(found: Table) -> Iterable[pl.Expr]:
    return (pl.col(name) for name in found.frame.columns)


def _parquet(file: BinaryIO, part: Part) -> Table:
    lazy = pl.scan_parquet(file)
    schema = lazy.collect_schema()
    rows = lazy.select(pl.len()).collect().item()
    names = schema.names()[part.column : part.column + part.columns]
    pages = Pages(file)
    if len(pages.columns) != len(schema):
        raise ValueError(f"it has {len(pages.columns)} columns, and is read as {len(schema)}")
    shown = range(part.column, part.column + len(names))
    sizes = [pages.unpacked_bytes(place, part.offset, part.limit) for place in shown]
    left = max(0, min(part.limit, rows - part.offset))
    texts = pl.DataFrame(
        [
            _seen(lazy, place, part).alias(str(at))
            if size <= _MOST_UNPACKED
            else pl.repeat(f"[{schema[name]} of {size:,} bytes]", left, eager=True).alias(str(at))
            for at, (place, name, size) in enumerate(zip(shown, names, sizes, strict=True))
        ]
    )
    return Table(texts, tuple((name, str(schema[name])) for name in names), rows, len(schema))


def _seen(file: pl.LazyFrame, place: int, part: Part) -> pl.Series:
    """Read one column, and keep what is shown of it: a file of kilobytes may have gigabytes in each."""
    column = file.select(pl.nth(place)).slice(part.offset, part.limit).collect().to_series()
    return _texts(column).to_frame().select(_cut(pl.first(), part.characters + 1)).to_series()


def _texts(column: pl.Series) -> pl.Series:
    if column.dtype in _NAMED:
        return _names_of(column)
    if column.dtype == pl.Binary:
        column = column.to_frame().select(pl.first().bin.slice(0, MOST_CHARACTERS)).to_series()
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Duration, pl.Object):
        values = (None if value is None else _text(value) for value in _values(column))
        return pl.Series(list(values), dtype=pl.String)
    return column.cast(pl.String)


def _names_of(column: pl.Series) -> pl.Series:
    """Return the beginnings of categories as texts: a file has each of them once, and so have these."""
    known = column.alias("code").unique().to_frame()
    known = known.with_columns(pl.col("code").cast(pl.String).str.head(MOST_CHARACTERS + 1).alias("text"))
    codes = column.to_frame("code")
    return codes.join(known, on="code", how="left", nulls_equal=True, maintain_order="left")["text"]


def _values(column: pl.Series) -> Iterable[Any]:
    """Give what is in a column. A file may say once what all its cells have: as objects it is there many times."""
    if not column.dtype.is_nested() or _weight(column) <= _MOST_NESTED:
        yield from column.to_list()
        return
    for row in range(len(column)):
        cell = column.slice(row, 1)
        if (weight := _weight(cell)) <= _MOST_NESTED // MOST_ROWS:
            yield from cell.to_list()
        else:
            yield f"[{cell.dtype} of {weight:,} bytes]"[:MOST_CHARACTERS]


def _weight(column: pl.Series) -> int:
    """Return how many bytes a column comes to, about, once each of its values is an object."""
    size = _OBJECT_BYTES * len(column)
    if isinstance(column.dtype, pl.List | pl.Array):
        return size + _weight(column.explode())
    if isinstance(column.dtype, pl.Struct):
        return size + sum(map(_weight, column.struct.unnest().get_columns()))
    if column.dtype in _NAMED:
        longest = column.unique().cast(pl.String).str.len_bytes().max()
        return size + len(column) * int(longest or 0)  # type: ignore[arg-type]
    if column.dtype in (pl.String, pl.Binary):
        lengths = column.str.len_bytes() if column.dtype == pl.String else column.bin.size()
        return size + int(lengths.cast(pl.UInt64).sum())
    return size


def _separated(separator: str) -> Callable[[BinaryIO, Part], Table]:
    def read(file: BinaryIO, part: Part) -> Table:
        text, whole = _beginning(file)
        if (fields := text.partition(b"\n")[0].count(separator.encode()) + 1) > _MOST_FIELDS:
            raise InvalidInput(
                f"the first line has {fields:,} fields; a table with more than {_MOST_FIELDS:,} is not shown"
            )
        if not text.strip():
            return Table(pl.DataFrame(), (), 0, 0)
        try:
            return _of_fields(text, part, separator, '"', whole=whole)
        except pl.exceptions.PolarsError:  # a quote that is none
            return _of_fields(text, part, separator, None, whole=whole)

    return read


def _of_fields(text: bytes, part: Part, separator: str, quote: str | None, *, whole: bool) -> Table:
    """Read the columns that are looked at, of no more lines than there can be where each has all its fields.

    Fields that a line lacks take as much memory as others: lines of a byte or two would come to terabytes.
    """
    names = _read_csv(text, separator, quote, n_rows=0).columns
    seen = names[part.column : part.column + part.columns]
    if text.count(b"\n") > (most := MOST_BYTES // len(names) + 1):
        text, whole = b"\n".join(text.split(b"\n", most)[:most]), False
    places = list(range(part.column, part.column + len(seen)))  # names may look like patterns
    frame = _read_csv(text, separator, quote, columns=places or [0])
    shown = (frame if seen else pl.DataFrame()).slice(part.offset, part.limit)
    shown.columns = list(map(str, range(len(seen))))
    return Table(shown, tuple((name, _TEXT) for name in seen), frame.height, len(names), whole)


def _read_csv(text: bytes, separator: str, quote: str | None, **which: Any) -> pl.DataFrame:
    return pl.read_csv(
        io.BytesIO(text),
        separator=separator,
        quote_char=quote,
        infer_schema=False,
        truncate_ragged_lines=True,
        encoding="utf8-lossy",
        **which,
    )


def _lines(file: BinaryIO, part: Part) -> Table:
    text, whole = _beginning(file)
    lines = [line for line in text.split(b"\n") if line.strip()]
    records = [json.loads(line) for line in lines[part.offset : part.offset + part.limit]]
    rows = [record if isinstance(record, dict) else {"value": record} for record in records]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return _of_cells(names, lambda at: [row.get(names[at]) for row in rows], len(lines), part, whole=whole)


def _document(file: BinaryIO, part: Part) -> Table:
    """Read a table as `log_table` writes it: {"columns": […], "data": [[…], …]}."""
    text, whole = _beginning(file)
    if not whole:
        raise InvalidInput(f"the file has more than {MOST_BYTES:,} bytes", hint="download it")
    said = json.loads(text)
    columns, data = (said.get("columns"), said.get("data")) if isinstance(said, dict) else (None, None)
    if not isinstance(columns, list) or not isinstance(data, list) or not all(isinstance(row, list) for row in data):
        raise InvalidInput("the JSON is no table: it needs columns and data, a list of rows")
    rows = data[part.offset : part.offset + part.limit]
    return _of_cells(
        columns, lambda at: [row[at] if at < len(row) else None for row in rows], len(data), part, whole=True
    )


def _of_cells(names: list[Any], column: Callable[[int], list[Any]], total: int, part: Part, *, whole: bool) -> Table:
    """Put together the columns that are looked at, and no others: a short text may name a million."""
    seen = range(part.column, min(len(names), part.column + part.columns))
    cells = {
        str(place): pl.Series([None if value is None else _text(value) for value in column(at)], dtype=pl.String)
        for place, at in enumerate(seen)
    }
    return Table(pl.DataFrame(cells), tuple((_text(names[at]), _TEXT) for at in seen), total, len(names), whole)


def _beginning(file: BinaryIO) -> tuple[bytes, bool]:
    """Return the first lines of a file, and whether these are all."""
    text = file.read(MOST_BYTES + 1)
    if len(text) <= MOST_BYTES:
        return text, True
    end = text.rfind(b"\n", 0, MOST_BYTES)
    if end < 0:
        raise InvalidInput(f"the first line has more than {MOST_BYTES:,} bytes", hint="download the file")
    return text[:end], False


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, bytes):
        return f"0x{value[:MOST_CHARACTERS].hex()}"
    if not isinstance(value, dict | list | int | float):
        return str(value)
    try:
        return json.dumps(value, ensure_ascii=False, default=str).encode(errors="replace").decode()
    except (TypeError, ValueError):  # a key that is no text
        return str(value)


_READERS: Final[Mapping[str, Callable[[BinaryIO, Part], Table]]] = {
    "parquet": _parquet,
    "csv": _separated(","),
    "tsv": _separated("\t"),
    "jsonl": _lines,
    "ndjson": _lines,
    "json": _document,
}
