"""Export: a frame as a Parquet, Arrow or CSV file that is there whole or not at all.

Rows pass from the frame's source to the file in pieces; a frame of a billion points is never in memory as a whole.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

import polars as pl

from runlake.errors import AlreadyExists, InvalidInput, InvalidType, NotFound, RunlakeError, StoreError
from runlake.filesystem import sync_folder

Target: TypeAlias = "str | os.PathLike[str] | BinaryIO"


class Format(StrEnum):
    """What a file can be written as."""

    PARQUET = "parquet"
    ARROW = "arrow"
    """Arrow's file format, known as IPC and as Feather 2; uncompressed, so that it can be mapped into memory."""
    CSV = "csv"


_SUFFIXES: Final = {
    ".parquet": Format.PARQUET,
    ".pq": Format.PARQUET,
    ".arrow": Format.ARROW,
    ".ipc": Format.ARROW,
    ".feather": Format.ARROW,
    ".csv": Format.CSV,
}
_FRACTION: Final = {"ms": "%.3f", "us": "%.6f", "ns": "%.9f"}
_OS_ERROR = re.compile(r"\(os error (\d+)\)")


def export(
    frame: pl.LazyFrame | pl.DataFrame, target: Target, *, format: str | None = None, overwrite: bool = False
) -> None:
    """Write a frame to a file, or to a binary file that is open.

    A path appears with its whole content, synced to the disk, or not at all. Floats in CSV read back bit for bit (NaN
    and infinities are `NaN`, `inf`, `-inf`), null is nothing, an empty text is `""`, times are ISO 8601 in UTC,
    durations seconds.

    Args:
        target: A path, whose folder has to be there; or an open binary file, for which `format` has to be given.
        format: "parquet", "arrow" or "csv"; None goes by the suffix.
        overwrite: Whether a file that is there is replaced.

    Raises:
        AlreadyExists: the file is there and is not to be replaced.
        NotFound: the folder is not there.
        InvalidInput: no format is known by that name or suffix, a column is of a type that the format cannot hold, or
            the path is that of a folder or a device.
        InvalidType: `frame` is no Polars frame, or `target` neither a path nor a binary file.
        StoreError: the disk is full or the folder cannot be written to.
        OSError: an open file cannot be written to.
    """
    if not isinstance(frame, pl.LazyFrame | pl.DataFrame):
        raise InvalidType(
            f"export takes a Polars frame, not {type(frame).__name__}",
            hint="runs(), points() and series() give one; pl.from_pandas(frame) makes one of a pandas frame",
        )
    if isinstance(target, str | os.PathLike):
        _to_path(frame.lazy(), Path(target).expanduser(), _format(format, Path(target)), overwrite=overwrite)
    elif isinstance(target, io.TextIOBase) or not hasattr(target, "write"):
        kind = type(target).__name__
        raise InvalidType(f"export writes to a path or a binary file, not to {kind}", hint="sys.stdout has a .buffer")
    else:
        _to_file(frame.lazy(), target, _format(format, None))


def _format(given: str | None, path: Path | None) -> Format:
    known = ", ".join(Format)
    if given is not None:
        if given not in list(Format):
            raise InvalidInput(f"there is no format {given!r}", hint=f"known are {known}")
        return Format(given)
    if path is None:
        raise InvalidInput("an open file has no suffix that would tell its format", hint=f"give format=, of {known}")
    if path.suffix.lower() not in _SUFFIXES:
        suffixes = ", ".join(_SUFFIXES)
        said = f"the suffix {path.suffix!r}" if path.suffix else "no suffix"
        raise InvalidInput(
            f"{path.name or str(path)!r} has {said}", hint=f"known are {suffixes}; or give the format, of {known}"
        )
    return _SUFFIXES[path.suffix.lower()]


def _to_path(frame: pl.LazyFrame, path: Path, format: Format, *, overwrite: bool) -> None:
    path = Path(os.path.realpath(path))  # of a symbolic link the file that it leads to is replaced, not the link
    _require_place(path, overwrite=overwrite)
    try:
        with _whole_file(path, overwrite=overwrite) as unfinished:
            _sink(frame, unfinished, format, sync_on_close="all")
    except RunlakeError:
        raise
    except (OSError, pl.exceptions.ComputeError) as error:
        if (number := _errno(error)) is None:
            raise
        raise StoreError(f"{path} cannot be written: {os.strerror(number)}") from error


def _to_file(frame: pl.LazyFrame, file: BinaryIO, format: Format) -> None:
    try:
        _sink(frame, file, format)
    except RunlakeError:
        raise
    except (OSError, pl.exceptions.ComputeError) as error:
        if (number := _errno(error)) is None:
            raise
        raise OSError(number, os.strerror(number)) from error


def _sink(frame: pl.LazyFrame, target: Path | BinaryIO, format: Format, **options: Any) -> None:
    match format:
        case Format.PARQUET:
            frame.sink_parquet(target, **options)
        case Format.ARROW:
            # NOTE: the newest layout has views of strings, which many readers do not know yet.
            frame.sink_ipc(target, compat_level=pl.CompatLevel.oldest(), **options)
        case Format.CSV:
            _as_text(frame).sink_csv(target, check_extension=False, **options)


def _as_text(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Write times out as every reader knows them, and durations as seconds.

    Raises:
        InvalidInput: a column is of a type that has no text.
    """
    schema = frame.collect_schema()
    times = []
    for name, dtype in schema.items():
        if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
            raise InvalidInput(
                f"column {name!r} has the type {dtype}, which CSV cannot hold",
                hint="select other columns, cast it, or write Parquet",
            )
        if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
            text = f"%Y-%m-%dT%H:%M:%S{_FRACTION[dtype.time_unit]}Z"
            times.append(pl.col(name).dt.convert_time_zone("UTC").dt.strftime(text))
        elif isinstance(dtype, pl.Duration):
            times.append(pl.col(name).dt.total_microseconds() / 1e6)
    return frame.with_columns(times) if times else frame


def _require_place(path: Path, *, overwrite: bool) -> None:
    """Refuse, before anything is read, what could not be written in the end."""
    if not path.parent.is_dir():
        raise NotFound(f"there is no folder {path.parent}", hint="make it first")
    if path.is_dir():
        raise InvalidInput(f"{path} is a folder", hint="name a file in it")
    if path.exists() and not path.is_file():
        raise InvalidInput(f"{path} is not an ordinary file", hint="open it and give the open file, with its format")
    if path.exists() and not overwrite:
        raise _taken(path)


def _taken(path: Path) -> AlreadyExists:
    return AlreadyExists(f"{path} is there already", hint="overwrite replaces it")


@contextlib.contextmanager
def _whole_file(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a path to write to; the file takes its name when the block ends, and an exception leaves nothing behind."""
    unfinished = path.with_name(f".runlake-{os.urandom(8).hex()}.tmp")
    try:
        unfinished.touch(exist_ok=False)
        yield unfinished
        if overwrite:
            unfinished.replace(path)
        else:
            _link(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    sync_folder(path.parent)


def _link(unfinished: Path, path: Path) -> None:
    """Give a file its name unless somebody has taken it meanwhile."""
    try:
        path.hardlink_to(unfinished)
    except FileExistsError as error:
        raise _taken(path) from error
    except OSError:  # a file system without links: between question and answer somebody may be faster
        if path.exists():
            raise _taken(path) from None
        unfinished.replace(path)


def _errno(error: Exception) -> int | None:
    """The number of the system's error; Polars has it in the text alone."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = _OS_ERROR.search(str(error))
    return int(found[1]) if found else None
