"""`runlake registry log` and `verify`: who did what when, and whether the log of that is whole."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from typing import Any, Final

import click

from runlake.cli import output
from runlake.cli.described import described, joined, moment
from runlake.cli.options import Count, example, json_option, require_text, store_option
from runlake.cli.registry.references import opened_for
from runlake.entities import ChainHead, RegistryEvent
from runlake.errors import Corrupt, InvalidInput, NotFound
from runlake.registry import events
from runlake.stores import AnyStore

_HEADER: Final = ("event", "at", "user", "action", "model", "version", "what")
_HASH: Final = re.compile(r"[0-9a-f]{64}")


@click.command(short_help="Show who did what when.", epilog=example("runlake registry log churn --limit 20"))
@click.argument("name", required=False)
@click.option(
    "-n",
    "--limit",
    type=Count(min=0),
    metavar="COUNT",
    default=0,
    help="Only the latest so many. Default: all.",
)
@store_option
@json_option
def log(name: str | None, limit: int, store: str | None, as_json: bool) -> None:
    """Show who did what when to the model NAME, also under the names that it had, or to all models; oldest first.

    On a server with --auth, what was done to models that are gone is for administrators.
    """
    with opened_for(store, name) as opened_store:
        found = events.log(opened_store, name)
        if name is not None and not found:
            raise NotFound(f"no registered model is or was called {name!r}")
    found = found[-limit:]
    if as_json:
        output.json([described(event) for event in found])
        return
    output.table(_HEADER, [_row(event) for event in found])


@click.command(
    short_help="Check that nothing was changed in the log or taken out of it.",
    epilog=example('runlake registry verify --head "$(cat head.txt)"'),
)
@click.option(
    "--head",
    metavar="HASH",
    callback=require_text,
    help="A head that was kept elsewhere: it has to be in the log still.",
)
@store_option
@json_option
@click.pass_context
def verify(context: click.Context, head: str | None, store: str | None, as_json: bool) -> None:
    """Walk the chain of hashes through the log, and print its head: the hash of the last event.

    An event that was changed or taken out is named, and the exit status is 1. That the end was cut off, or that all
    was written anew, shows only to who has kept a head elsewhere and compares it with --head.
    """
    if head is not None and not _HASH.fullmatch(head := head.strip().lower()):
        raise InvalidInput(f"{head[:80]!r} is no head", hint="it has 64 digits from 0 to f; `verify` prints it")
    try:
        with opened_for(store) as opened_store:
            found = opened_store.catalog.verify_registry_events()
            if head is not None:
                _require(opened_store, found, head)
    except Corrupt as broken:
        if not as_json:
            raise
        output.json({"intact": False, "problem": broken.message})
        context.exit(1)
    if as_json:
        output.json({"intact": True, **found.to_dictionary()})
    else:
        output.line(found.hash)
        output.message(f"{found.events:,} events, none changed or taken out")


def _require(store: AnyStore, found: ChainHead, head: str) -> None:
    """Refuse a log that is whole and has not been what it was when `head` was its end."""
    if found.hash == head or any(event.hash == head for event in events.log(store)):
        return
    raise Corrupt(
        f"the log is whole and has no event with the hash {head}",
        hint=f"its end was cut off or it was written anew since; it has {found.events:,} events now",
    )


def _row(event: RegistryEvent) -> tuple[Any, ...]:
    said = _in_words(event.payload) if sys.stdout.isatty() else _as_text(event.payload)
    return event.number, moment(event.at_ms), event.user_id, event.action, event.name, event.version, said


def _in_words(payload: Mapping[str, Any]) -> str:
    """Return what an event says in a line that can be read."""
    return ", ".join(f"{name} {_short(name, value)}" for name, value in payload.items() if value)


def _short(name: str, value: Any) -> str:
    match value:
        case list() if name == "gate":
            unmet = [rule["rule"] for rule in value if not rule["met"]]
            return f"not met: {', '.join(unmet)}" if unmet else "met"
        case list():
            return ", ".join(map(str, value))
        case dict():
            return joined(value) if name == "tags" else _in_words(value)
        case str():
            return value
    return _as_text(value)


def _as_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
