"""References: how a command line names registered models, their versions, and what versions are promoted to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final

import click

from runlake import names
from runlake.cli.options import opened
from runlake.entities import ModelVersion
from runlake.errors import InvalidInput, NotFound, RunlakeError
from runlake.model_sources import find_version
from runlake.model_uris import STAGES, ModelUri, canonical_stage
from runlake.query.filter.nearest import did_you_mean
from runlake.registry import operations
from runlake.stores import AnyStore

_SCHEME: Final = "models:/"
_LATEST: Final = "latest"
_NAMES_COMPARED: Final = 1000


class Target(click.ParamType[str]):
    """A stage, in any case, or an `@alias`."""

    name = "target"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the stage as it is kept, or `@alias`."""
        text = str(value)
        if text.startswith("@"):
            return f"@{names.check_new_alias(text[1:])}"
        with contextlib.suppress(InvalidInput):
            return canonical_stage(text)
        begun = [stage for stage in STAGES if text and stage.lower().startswith(text.lower())]
        near = f"did you mean {begun[0]}?" if begun else did_you_mean(text, STAGES)
        raise InvalidInput(
            f"{names.shortened(text)!r} is neither a stage nor an alias",
            hint=near or f"stages are {', '.join(STAGES)}; an alias is written @{text or 'champion'}",
        )


@contextlib.contextmanager
def opened_for(given: str | None, name: str | None = None) -> Iterator[AnyStore]:
    """Open the store that is meant for a command on one model; that there is none says which there are."""
    with opened(given) as store:
        try:
            yield store
        except NotFound as error:
            if error.hint is None and name is not None:
                error.hint = _what_there_is(store, name)
            raise


def parsed(reference: str) -> tuple[str, str | None]:
    """Take `NAME`, `NAME/3`, `NAME/Production` or `NAME@alias` apart, also behind `models:/`.

    Returns:
        The name, and what names a version: `3`, `Production`, `@alias`; None when there is nothing.
    """
    text = reference.removeprefix(_SCHEME)
    if "/" in text:
        name, _, version = text.partition("/")
    elif "@" in text:
        name, _, alias = text.rpartition("@")
        version = f"@{alias}"
    else:
        return text, None
    if not name or not version:
        raise InvalidInput(f"{names.shortened(reference)!r} names no version", hint="write NAME/3 or NAME@alias")
    return name, version


def find(store: AnyStore, name: str, version: str) -> ModelVersion:
    """Return the version of a model that a number, `latest`, a stage or an `@alias` means.

    Raises:
        NotFound: there is none.
        InvalidInput: it is nothing of that kind.
    """
    return find_version(store, _uri(names.check_model_name(name), version))


def _uri(name: str, version: str) -> ModelUri:
    if version.isascii() and version.isdigit():
        return ModelUri(name=name, version=int(version))
    if version.startswith("@"):
        return ModelUri(name=name, alias=version[1:])
    if version.lower() == _LATEST:
        return ModelUri(name=name)
    with contextlib.suppress(InvalidInput):
        return ModelUri(name=name, stage=canonical_stage(version))
    raise InvalidInput(
        f"{names.shortened(version)!r} names no version of {name!r}",
        hint=f"write a number, {_LATEST}, a stage, or @{version} if it is an alias",
    )


def _what_there_is(store: AnyStore, name: str) -> str | None:
    known: list[str] = []
    with contextlib.suppress(RunlakeError):  # what was not found is the error to tell
        known = [model.name for model in operations.search_registered_models(store, None, _NAMES_COMPARED)]
    if name in known:
        return f"`runlake registry show {name}` lists what there is"
    return did_you_mean(name, known) or "`runlake registry list` lists what there is"
