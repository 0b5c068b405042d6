"""`runlake registry create`, `rename`, `describe`, `tag` and `untag`: names, descriptions and tags."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import click

from runlake import config
from runlake.cli import output
from runlake.cli.described import described, joined
from runlake.cli.options import Tag, example, json_option, opened, store_option
from runlake.cli.registry.references import find, opened_for, parsed
from runlake.registry import operations
from runlake.stores import AnyStore


@click.command(
    short_help="Create a registered model without versions.",
    epilog=example("runlake registry create churn --tag team=risk --description 'who leaves next month'"),
)
@click.argument("name")
@click.option("--tag", "tags", multiple=True, type=Tag(), metavar="KEY=VALUE", help="May be repeated.")
@click.option("--description", metavar="TEXT", help="What it is.")
@store_option
@json_option
def create(
    name: str, tags: tuple[tuple[str, str], ...], description: str | None, store: str | None, as_json: bool
) -> None:
    """Create the registered model NAME, for gates to be set before there is a version."""
    with opened(store) as opened_store:
        who = config.os_user()
        made = operations.create_registered_model(opened_store, name, dict(tags), description, user_id=who)
    if as_json:
        output.json(described(made))
    output.message(f"{made.name!r} is registered")


@click.command(
    short_help="Give a registered model another name.", epilog=example("runlake registry rename churn churn-monthly")
)
@click.argument("name")
@click.argument("new_name")
@store_option
@json_option
def rename(name: str, new_name: str, store: str | None, as_json: bool) -> None:
    """Give the model NAME another name; versions, aliases, gates and the log go with it.

    Services that load it by the old name find nothing any more.
    """
    with opened_for(store, name) as opened_store:
        made = operations.rename_registered_model(opened_store, name, new_name, user_id=config.os_user())
    if as_json:
        output.json(described(made))
    output.message(f"{name!r} is called {made.name!r} now")


@dataclass(frozen=True)
class _Meant:
    """A registered model, or with a number one of its versions."""

    store: AnyStore
    name: str
    number: int | None

    def describe(self, text: str) -> None:
        who = config.os_user()
        if self.number is None:
            operations.update_registered_model(self.store, self.name, text, user_id=who)
        else:
            operations.update_model_version(self.store, self.name, self.number, text, user_id=who)

    def tag(self, key: str, value: str) -> None:
        who = config.os_user()
        if self.number is None:
            operations.set_registered_model_tag(self.store, self.name, key, value, user_id=who)
        else:
            operations.set_model_version_tag(self.store, self.name, self.number, key, value, user_id=who)

    def untag(self, key: str) -> None:
        who = config.os_user()
        if self.number is None:
            operations.delete_registered_model_tag(self.store, self.name, key, user_id=who)
        else:
            operations.delete_model_version_tag(self.store, self.name, self.number, key, user_id=who)

    def tell(self, what: str, as_json: bool) -> None:
        """Say what it is like now."""
        if as_json and self.number is None:
            output.json(described(operations.get_registered_model(self.store, self.name)))
        elif as_json:
            output.json(described(operations.get_model_version(self.store, self.name, self.number)))
        version = "" if self.number is None else f"version {self.number} of "
        output.message(f"{version}{self.name!r} {what}")


@contextlib.contextmanager
def _meant(given: str | None, reference: str) -> Iterator[_Meant]:
    """Open the store that is meant, and find in it what `NAME` or `NAME/VERSION` is."""
    name, version = parsed(reference)
    with opened_for(given, name) as store:
        if version is None:
            operations.get_registered_model(store, name)
        yield _Meant(store, name, None if version is None else find(store, name, version).version)


@click.command(
    short_help="Describe a model, or one of its versions.",
    epilog=example("runlake registry describe churn/7 'trained on January'"),
)
@click.argument("reference", metavar="NAME[/VERSION]")
@click.argument("text")
@store_option
@json_option
def describe(reference: str, text: str, store: str | None, as_json: bool) -> None:
    """Give the model NAME, or one of its versions, another description."""
    with _meant(store, reference) as meant:
        meant.describe(text)
        meant.tell("has another description", as_json)


@click.command(
    short_help="Set tags of a model, or of one of its versions.",
    epilog=example("runlake registry tag churn@challenger data=2026-01 reviewed=yes"),
)
@click.argument("reference", metavar="NAME[/VERSION]")
@click.argument("tags", metavar="KEY=VALUE...", nargs=-1, required=True, type=Tag())
@store_option
@json_option
def tag(reference: str, tags: tuple[tuple[str, str], ...], store: str | None, as_json: bool) -> None:
    """Set tags of the model NAME, or of one of its versions; each that it has is replaced."""
    with _meant(store, reference) as meant:
        for key, value in tags:
            meant.tag(key, value)
        meant.tell(f"has {joined(dict(tags))}", as_json)


@click.command(
    short_help="Remove tags of a model, or of one of its versions.",
    epilog=example("runlake registry untag churn/7 reviewed"),
)
@click.argument("reference", metavar="NAME[/VERSION]")
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@store_option
@json_option
def untag(reference: str, keys: tuple[str, ...], store: str | None, as_json: bool) -> None:
    """Remove tags of the model NAME, or of one of its versions; one that it has not is no mistake."""
    with _meant(store, reference) as meant:
        for key in keys:
            meant.untag(key)
        meant.tell(f"has no tag {', '.join(keys)}", as_json)
