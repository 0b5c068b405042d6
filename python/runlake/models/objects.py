"""Python objects as files of a model: skops by default, which runs no code of its writer, or pickles.

A skops file says what its objects are made of; types that are not known to be harmless are named and refused.
"""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from runlake.errors import Corrupt, InvalidInput, Untrusted
from runlake.extras import import_extra
from runlake.models import trust
from runlake.models.flavors import reading
from runlake.models.trust import Trust

SERIALIZATION_FORMAT_SKOPS: Final = "skops"
SERIALIZATION_FORMAT_PICKLE: Final = "pickle"
SERIALIZATION_FORMAT_CLOUDPICKLE: Final = "cloudpickle"
SUPPORTED_SERIALIZATION_FORMATS: Final = ("skops", "pickle", "cloudpickle")

Check: TypeAlias = Callable[[Any, Path, Mapping[str, int]], None]
"""Looks at an object, the file that it is from, and how many objects of each type that says it has."""

_PICKLE_MARK: Final = b"\x80"


def write(model: Any, folder: Path, form: str, trusted: Iterable[str] = (), harmless: Iterable[str] = ()) -> Path:
    """Write an object into a folder in one of the formats, and return the file.

    Args:
        trusted: Types in the model that are not known to be harmless, and are.
        harmless: Types that the flavor knows besides those that skops does.

    Raises:
        InvalidInput: there is no such format, or it cannot hold the object.
        Untrusted: skops meets types that are not known to be harmless; the message names them.
    """
    if form not in SUPPORTED_SERIALIZATION_FORMATS:
        raise InvalidInput(
            f"serialization_format is {form!r}; it must be one of {', '.join(SUPPORTED_SERIALIZATION_FORMATS)}"
        )
    if form == SERIALIZATION_FORMAT_SKOPS:
        file = folder / "model.skops"
        write_skops(model, file, tuple(trusted), tuple(harmless))
    else:
        file = folder / "model.pkl"
        _write_pickle(model, file, form)
    return file


def read(
    file: Path,
    form: object,
    trusted: Trust,
    *,
    what: str,
    key: str,
    harmless: Iterable[str] = (),
    check: Check | None = None,
) -> Any:
    """Read an object from a file.

    Args:
        form: The format that the manifest names.
        what: What the file should hold, for messages.
        key: Where the manifest names the format.
        harmless: Types that the flavor knows besides those that skops does.
        check: Looks at what a skops file held before anybody uses it.

    Raises:
        Corrupt: the file is cut off or garbled, or in no format that is known.
        Untrusted: it is a pickle, or has types, that the caller does not trust.
    """
    if form == SERIALIZATION_FORMAT_SKOPS:
        return _read_skops(file, trusted, what, tuple(harmless), check)
    if form not in SUPPORTED_SERIALIZATION_FORMATS:
        raise Corrupt(
            f"the manifest {file.parent / 'MLmodel'} has {str(form)[:40]!r} under {key!r}; it must be one of"
            f" {', '.join(SUPPORTED_SERIALIZATION_FORMATS)}"
        )
    trusted.require_pickle(file)
    with reading(file, what), open(file, "rb") as stream:
        return pickle.load(stream)  # what cloudpickle writes is read the same way


def write_skops(model: Any, file: Path, trusted: tuple[str, ...], harmless: tuple[str, ...]) -> list[str]:
    """Write a skops file, and return the types in it that skops does not know to be harmless."""
    skops = import_extra("skops.io", "to save a model without pickle")
    try:
        skops.dump(model, file)
        unknown = skops.get_untrusted_types(file=file)
    except Exception as error:  # whatever the objects in the model raise
        raise _unfit(model, str(error)) from error
    if nameless := [name for name in unknown if "<" in name]:
        raise _unfit(model, f"{nameless[0]} cannot be imported")
    if left := sorted(set(unknown) - {*trusted, *harmless}):
        raise Untrusted(
            f"the model has types that are not known to be harmless: {', '.join(left)}",
            hint=f"if they are, save it with skops_trusted_types={left}",
        )
    if trusted:
        trust.remember(file, trusted)
    return sorted(unknown)


def _unfit(model: Any, why: str) -> InvalidInput:
    return InvalidInput(
        f"skops cannot save this {type(model).__name__}: {why}",
        hint="functions and classes have to be importable; serialization_format='cloudpickle' saves the others",
    )


def _read_skops(file: Path, trusted: Trust, what: str, harmless: tuple[str, ...], check: Check | None) -> Any:
    skops = import_extra("skops.io", "to load a model that was saved with it")
    refusal = import_extra("skops.io.exceptions", "to load a model that was saved with it").UntrustedTypesFoundException
    with open(file, "rb") as stream:
        if stream.read(1) == _PICKLE_MARK:
            raise Corrupt(f"{file} is a pickle and no skops file, though the manifest says so; it is not loaded")
    with reading(file, what):
        named = _named(file)
        try:
            found = skops.load(file, trusted=[*trusted.types, *(name for name in harmless if name in named)])
        except refusal:
            found = skops.load(file, trusted=_trusted_types(file, trusted, harmless))
        if check is not None and not trusted.pickle:
            check(found, file, named)
        return found


def _named(file: Path) -> dict[str, int]:
    """Count the objects of each type that a skops file says it has; a long list of what is trusted slows skops down."""
    found: dict[str, set[Any]] = {}

    def look(node: dict[str, Any]) -> None:
        if (name := node.get("__class__")) is not None:
            found.setdefault(f"{node.get('__module__')}.{name}", set()).add(node.get("__id__"))

    with zipfile.ZipFile(file) as archive:
        json.loads(archive.read("schema.json"), object_hook=look)
    return {name: len(objects) for name, objects in found.items()}


def _trusted_types(file: Path, trusted: Trust, harmless: tuple[str, ...]) -> list[str]:
    """Return all types in a skops file that skops does not know, if they are trusted.

    Raises:
        Untrusted: some are not; the message names them.
    """
    skops = import_extra("skops.io", "to load a model that was saved with it")
    unknown: list[str] = skops.get_untrusted_types(file=file)
    if left := [] if trusted.pickle else sorted(set(unknown) - {*trusted.types_in(file), *harmless}):
        raise Untrusted(
            f"{file} has types that are not known to be harmless: {', '.join(left)}",
            hint=f"if you know them, load the model with skops_trusted_types={left}",
        )
    return unknown


def _write_pickle(model: Any, file: Path, form: str) -> None:
    library = pickle if form == SERIALIZATION_FORMAT_PICKLE else import_extra("cloudpickle", "to save a model that way")
    try:
        with open(file, "wb") as stream:
            library.dump(model, stream, protocol=pickle.DEFAULT_PROTOCOL)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise InvalidInput(f"{form} cannot save this {type(model).__name__}: {error}") from error
