"""Parquet pages: what a column of a file comes to once it is unpacked, told by headers alone.

A page of kilobytes may unpack to gigabytes, and whoever reads it finds out when they are there. The headers of pages
say how long they become, and readers make just so much room.

Source: https://github.com/apache/parquet-format, Thrift's compact protocol.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

_MAGIC: Final = b"PAR1"
_TAIL_BYTES: Final = 8
_MOST_FOOTER_BYTES: Final = 8 << 20  # read at 7 MB a second
_MOST_PAGES: Final = 50_000
_HEADER_BYTES: Final = 1 << 16  # of a page; statistics in it are two values
_DEEPEST: Final = 32
_VALUE_BYTES: Final = 16  # of one in a list, whose page may say once what all of them are
_REPEATED: Final = 2
_DICTIONARY: Final = 2

_STRANGE: Final = "its headers make no sense"
_ODD: Final = (KeyError, IndexError, TypeError, AttributeError, OverflowError)
"""What becomes of a header in which a field is missing, or of another kind, or out of this world."""

Struct = dict[int, Any]
"""Fields of a structure by their numbers."""


@dataclass(frozen=True)
class _Leaf:
    """A column as it is stored; a list or a structure has one for each of its parts."""

    place: int
    repeated: bool


class Pages:
    """The pages of a file.

    Attributes:
        columns: How each column is stored.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Read what the file says of its columns.

        Raises:
            ValueError: it is no Parquet file, or its headers cannot be read.
        """
        self._file = file
        self._left = _MOST_PAGES
        try:
            footer = _footer(file)
            self._groups: list[Struct] = footer.get(4, [])
            self.columns = tuple(_leaves(footer.get(2, [])))
        except _ODD as error:
            raise ValueError(_STRANGE) from error

    def unpacked_bytes(self, column: int, offset: int, limit: int) -> int:
        """Return about how many bytes it takes to read some rows of a column.

        Raises:
            ValueError: headers cannot be read, or are too many.
        """
        try:
            return self._unpacked(column, offset, limit)
        except _ODD as error:
            raise ValueError(_STRANGE) from error

    def _unpacked(self, column: int, offset: int, limit: int) -> int:
        total, start = 0, 0
        for group in self._groups:
            rows = group.get(3, 0)
            first, end = max(offset - start, 0), min(offset + limit - start, rows)
            if first < end:
                total += sum(self._of_chunk(group[1][leaf.place], leaf, first, end) for leaf in self.columns[column])
            start += rows
        return total

    def _of_chunk(self, chunk: Struct, leaf: _Leaf, first: int, end: int) -> int:
        """Add up the pages that have rows from `first` to before `end`: of a list all, which say of no rows."""
        total = row = 0
        for kind, size, values in self._pages(chunk[3]):
            if leaf.repeated:
                total += size + _VALUE_BYTES * values
            elif kind == _DICTIONARY or (row < end and first < row + values):
                total += size
            row += 0 if kind == _DICTIONARY else values
        return total

    def _pages(self, said: Struct) -> Iterator[tuple[int, int, int]]:
        """Give kind, unpacked bytes and number of values of each page of a chunk."""
        place = said.get(11) or said[9]
        end = place + said[7]
        while place < end:
            if (left := self._left) <= 0:
                raise ValueError(f"it has more than {_MOST_PAGES:,} pages")
            self._left = left - 1
            self._file.seek(place)
            reader = _Compact(self._file.read(_HEADER_BYTES))
            header = reader.struct()
            if header[2] < 0 or header[3] < 0:
                raise ValueError("a page has a length below 0")
            values = next((header[part].get(1, 0) for part in (5, 7, 8) if part in header), 0)
            yield header[1], header[2], max(values, 0)
            place += reader.place + header[3]


def _footer(file: BinaryIO) -> Struct:
    end = file.seek(0, 2)
    file.seek(max(end - _TAIL_BYTES, 0))
    tail = file.read(_TAIL_BYTES)
    if tail[4:] != _MAGIC:
        raise ValueError("it does not end as a Parquet file does")
    size = int.from_bytes(tail[:4], "little")
    if size > _MOST_FOOTER_BYTES:
        raise ValueError(f"what it says of its columns has {size:,} bytes; the limit is {_MOST_FOOTER_BYTES:,}")
    file.seek(max(end - _TAIL_BYTES - size, 0))
    return _Compact(file.read(size)).struct()


def _leaves(schema: list[Struct]) -> Iterator[tuple[_Leaf, ...]]:
    """Give the stored columns of each column; a schema is a tree, written down from its root."""
    elements, places = iter(schema), iter(range(len(schema)))

    def below(repeated: bool, depth: int) -> Iterator[_Leaf]:
        if depth > _DEEPEST:
            raise ValueError(f"a column is nested more than {_DEEPEST} levels deep")
        element = next(elements, None)
        if element is None:
            raise ValueError("its schema ends too early")
        repeated = repeated or element.get(3) == _REPEATED
        if not (children := element.get(5, 0)):
            yield _Leaf(next(places), repeated)
        for _ in range(children):
            yield from below(repeated, depth + 1)

    root = next(elements, {})
    for _ in range(root.get(5, 0)):
        yield tuple(below(False, 0))


class _Compact:
    """Reads structures; what is there is taken for what it says, and a mistake ends in an error of Python's."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self.place = 0

    def struct(self, depth: int = 0) -> Struct:
        """Read the fields of a structure up to its end.

        Raises:
            ValueError: this is none.
        """
        if depth > _DEEPEST:
            raise ValueError(f"a header is nested more than {_DEEPEST} levels deep")
        found: Struct = {}
        number = 0
        while kind := self._byte():
            number = number + (kind >> 4) if kind >> 4 else self._integer()
            found[number] = self._value(kind & 15, depth)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        match kind:
            case 1 | 2:
                return kind == 1
            case 3:
                return self._byte()
            case 4 | 5 | 6:
                return self._integer()
            case 7:
                return self._bytes(8)
            case 8:
                return self._bytes(self._varint())
            case 9 | 10:
                return self._list(depth)
            case 12:
                return self.struct(depth + 1)
        raise ValueError(f"a header has a value of the kind {kind}, which Parquet's have not")

    def _list(self, depth: int) -> list[Any]:
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._varint()
        if count > len(self._text):
            raise ValueError("a list in a header is longer than the header")
        if head & 15 in (1, 2):
            return [self._byte() for _ in range(count)]
        return [self._value(head & 15, depth + 1) for _ in range(count)]

    def _byte(self) -> int:
        place = self.place
        if place >= len(self._text):
            raise ValueError("a header ends too early")
        self.place = place + 1
        return self._text[place]

    def _bytes(self, size: int) -> bytes:
        self.place += size
        if self.place > len(self._text):
            raise ValueError("a header ends too early")
        return self._text[self.place - size : self.place]

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 128:
            value |= (byte & 127) << shift
            shift += 7
            if shift > 63:
                raise ValueError("a header has a number of more than 64 bits")
        return value | byte << shift

    def _integer(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)
