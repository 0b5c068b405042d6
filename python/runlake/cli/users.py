"""`runlake users`: who may call a server that runs with --auth. Only on the machine that has the store."""

from __future__ import annotations

import sys

import click

from runlake import access
from runlake.access import Kind, Level, Policy
from runlake.cli import output
from runlake.cli.options import folder_option, json_option, opened_folder
from runlake.errors import InvalidInput
from runlake.location import store_root
from runlake.store import Store


@click.group(short_help="Say who may call a server that runs with --auth.")
def users() -> None:
    """Add, list and remove the users of a server that runs with --auth.

    This works on the store itself, on the machine that has it; a running server notices within a second or two.
    """


@users.command()
@click.argument("name")
@click.option("--admin", is_flag=True, help="May do everything, and manage users.")
@folder_option
def add(name: str, admin: bool, store: str | None) -> None:
    """Add a user. The password is asked for; from a pipe, it is the first line."""
    password = _ask_password(name)
    opened_store = Store.open(store_root(store))  # the first user may come before the first run
    try:
        access.add_user(opened_store, name, password, admin=admin)
    finally:
        opened_store.close()
    output.message(f"added {'administrator' if admin else 'user'} {name}")


@users.command()
@click.argument("name")
@folder_option
def passwd(name: str, store: str | None) -> None:
    """Give a user another password. It is asked for; from a pipe, it is the first line."""
    with opened_folder(store) as opened_store:
        access.set_password(opened_store, name, _ask_password(name))
    output.message(f"changed the password of {name}")


@users.command()
@click.argument("name")
@folder_option
def remove(name: str, store: str | None) -> None:
    """Remove a user with all tokens and permissions. What they logged stays."""
    with opened_folder(store) as opened_store:
        opened_store.catalog.remove_user(name)
    output.message(f"removed user {name}")


@users.command(name="list")
@folder_option
@json_option
def list_users(store: str | None, as_json: bool) -> None:
    """List users and what each may do."""
    with opened_folder(store) as opened_store:
        rows, policy = opened_store.catalog.read_access(), Policy.read(opened_store)
        names = {found.experiment_id: found.name for found in opened_store.catalog.experiments()}
    counts = {user.name: sum(token.user == user.number for token in rows.tokens) for user in rows.users}
    listed = [
        {
            "name": user.name,
            "admin": user.admin,
            "tokens": counts[user.name],
            "may": "everything" if user.admin else _shown(policy, user.number, names),
        }
        for user in rows.users
    ]
    others = _shown(policy, 0, names) or "read"
    if as_json:
        output.json({"users": listed, access.EVERYBODY: others})
        return
    for user in [*listed, {"name": access.EVERYBODY, "admin": False, "tokens": 0, "may": others}]:
        click.echo(f"{user['name']}\t{user['may'] or 'what everybody may'}\t{user['tokens']} tokens")


def _shown(policy: Policy, number: int, names: dict[str, str]) -> str:
    """Say in a line what has been granted."""
    parts = []
    for (user, kind, resource), level in sorted(policy.permissions.items()):
        if user != number:
            continue
        if not resource:
            what = "all experiments" if kind == Kind.EXPERIMENT.value else "all models"
        elif kind == Kind.EXPERIMENT.value:
            what = names.get(resource, resource)
        else:
            what = f"model {resource}"
        parts.append(f"{'nothing in' if level is Level.NONE else level.name.lower()} {what}")
    return ", ".join(parts)


def _ask_password(name: str) -> str:
    """Ask for a password twice, or read it from a pipe. A command line has none: others could read it."""
    if sys.stdin is not None and not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise InvalidInput("stdin has no password", hint=f"it is the first line: runlake users … {name} < file")
        return access.check_password(password, name)
    password = str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return access.check_password(password, name)
