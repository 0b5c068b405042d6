"""Options that every command takes, and the store and the run that they mean."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from runlake import names
from runlake.entities import Run
from runlake.errors import InvalidInput, NotFound, StoreUnavailable
from runlake.location import resolved, store_root
from runlake.query.filter.nearest import nearest
from runlake.remote.address import is_address
from runlake.remote.store import RemoteStore
from runlake.store import Store
from runlake.stores import AnyStore

Given = TypeVar("Given", str, tuple[str, ...], None)

_SHORT_ID = 8
_MOST_LISTED = 10
_MOST_NAMED = 3


def folder_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--store` to a command that works in the folder of a store."""
    return _store_option("FOLDER", "Folder of the store.")(command)


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--store` to a command that reads a store wherever it is."""
    return _store_option("STORE", "Folder of the store, or URL of a server.")(command)


def _store_option(metavar: str, meaning: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(
        "--store",
        metavar=metavar,
        callback=require_text,
        help=f"{meaning} Default: RUNLAKE_TRACKING_URI, else ./lake.",
    )


def require_text(context: click.Context, parameter: click.Parameter, value: Given) -> Given:
    """Refuse an empty value: `--store "$LAKE"` with no LAKE would mean another store."""
    given: tuple[str | None, ...] = value if isinstance(value, tuple) else (value,)
    if any(text is not None and not text.strip() for text in given):
        raise click.BadParameter("it is empty", context, parameter)
    return value


class Count(click.IntRange):
    """A whole number from `min` on."""

    name = "whole number"


class Tag(click.ParamType[tuple[str, str]]):
    """A tag as `KEY=VALUE`."""

    name = "tag"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return key and value."""
        if isinstance(value, tuple):
            return value
        key, equals, text = str(value).partition("=")
        if not equals:
            raise InvalidInput(f"{names.shortened(key)!r} is no tag", hint="write KEY=VALUE")
        return names.check_key(key, "tag"), text


def experiments_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--experiment`, which may be repeated."""
    option = click.option(
        "-e",
        "--experiment",
        "experiments",
        multiple=True,
        metavar="NAME",
        callback=require_text,
        help="Experiment to look into. May be repeated. Default: all.",
    )
    return option(command)


def sort_option(what: str, example: str, note: str = "") -> Callable[[Any], Any]:
    """Add `--sort`, which may be repeated, by `what`; `note` is said behind the rest of its help."""
    return click.option(
        "-s",
        "--sort",
        "sorts",
        multiple=True,
        metavar=what,
        callback=require_text,
        help=f"Like '{example}'. May be repeated.{note}",
    )


def limit_option(what: str, shown: int) -> Callable[[Any], Any]:
    """Add `--limit`, of `what`, which is `shown` when nothing is said."""
    return click.option(
        "-n",
        "--limit",
        type=Count(min=0),
        metavar="COUNT",
        default=shown,
        show_default=True,
        help=f"Most {what}; 0 is no limit.",
    )


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")(command)


def example(*lines: str) -> str:
    """Return the end of a help text: what somebody would type."""
    return "\n".join(["\b", "Example:", *(f"  {line}" for line in lines)])


def folder_of(given: str | None) -> Path:
    """Return the folder of the store that is meant.

    Raises:
        StoreUnavailable: there is none.
    """
    root = store_root(given)
    if not root.exists():
        hint = "`runlake demo` fills one; --store FOLDER or RUNLAKE_TRACKING_URI names another"
        raise StoreUnavailable(f"there is no store at {root}", hint=hint)
    return root


@contextlib.contextmanager
def opened(given: str | None) -> Iterator[AnyStore]:
    """Open the store that is meant, in a folder or on a server, and close it in the end."""
    where = resolved(given)
    if not is_address(where):
        with opened_folder(where) as folder:
            yield folder
        return
    server = RemoteStore(where)
    try:
        yield server
    finally:
        server.close()


@contextlib.contextmanager
def opened_folder(given: str | None) -> Iterator[Store]:
    """Open the store that is meant, which must be in a folder of this machine, and close it in the end."""
    store = Store.open(folder_of(given), create=False)
    try:
        yield store
    finally:
        store.close()


def find_run(store: AnyStore, name: str) -> Run:
    """Return the run that `name` means: its id, the beginning of its id, or its name.

    Raises:
        NotFound: no run is called that.
        InvalidInput: more than one is; they are listed.
    """
    ids = store.catalog.run_ids(name)
    if not ids:
        near = _near(name, store.catalog.active_names())
        raise NotFound(f"no run has the id or name {name!r}", hint=near or "`runlake runs` lists what there is")
    if len(ids) > 1:
        runs = [store.get_run(run_id) for run_id in ids[:_MOST_LISTED]]
        listed = "".join(f"\n  {run.info.run_id}  {run.info.run_name}" for run in runs)
        more = f"\n  ... and {len(ids) - len(runs)} more" if len(ids) > len(runs) else ""
        raise InvalidInput(f"{len(ids)} runs are called {name!r}:{listed}{more}", hint="give more of the id")
    return store.get_run(ids[0])


def _near(name: str, known: list[str]) -> str | None:
    """Return a question that names runs whose names begin so, or look like it."""
    begun = sorted(other for other in known if name and other.startswith(name))
    close = begun or nearest(name, known)
    more = f" or {len(begun) - _MOST_NAMED} others" if len(begun) > _MOST_NAMED else ""
    return f"did you mean {' or '.join(close[:_MOST_NAMED])}{more}?" if close else None


def short(run_id: str) -> str:
    """Return enough of a run's id to tell it from others."""
    return run_id[:_SHORT_ID]
