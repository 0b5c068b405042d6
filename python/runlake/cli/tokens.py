"""`runlake tokens`: what programs show a server that runs with --auth, instead of a password."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Final

import click

from runlake import access
from runlake.access import Scope
from runlake.cli import output
from runlake.cli.options import folder_option, json_option, opened_folder

_UNITS_S: Final = {"h": 3600, "d": 86_400, "w": 7 * 86_400}


class Lifetime(click.ParamType[int]):
    """A number of hours, days or weeks; seconds to the program."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return seconds."""
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"([1-9]\d{0,4})([hdw])", str(value), re.ASCII)
        if found is None:
            self.fail(f"{value!r} is no time such as 12h, 30d or 8w", param, ctx)
        return int(found[1]) * _UNITS_S[found[2]]


@click.group(short_help="Make and revoke what programs sign in with.")
def tokens() -> None:
    """Make, list and revoke API tokens.

    A client shows one as MLFLOW_TRACKING_TOKEN or RUNLAKE_TRACKING_TOKEN. The store keeps a hash; for a token that was
    lost, make another.
    """


@tokens.command()
@click.argument("user")
@click.option(
    "--scope",
    type=click.Choice([scope.name.lower() for scope in Scope]),
    default="write",
    show_default=True,
    help="What it is good for, within what its user may do.",
)
@click.option(
    "--expires", type=Lifetime(), metavar="TIME", help="How long it is good for: 12h, 30d, 8w. Default: for ever."
)
@click.option("--note", default="", help="What it is for; shown in the list.")
@folder_option
def create(user: str, scope: str, expires: int | None, note: str, store: str | None) -> None:
    """Make a token of a user and print it, this once."""
    with opened_folder(store) as opened_store:
        token_id, secret = access.create_token(opened_store, user, Scope[scope.upper()], note=note, lifetime_s=expires)
    click.echo(secret)
    output.message(f"token {token_id} of {user}, scope {scope}; it is shown only now")


@tokens.command(name="list")
@folder_option
@json_option
def list_tokens(store: str | None, as_json: bool) -> None:
    """List tokens, without what they are made of."""
    with opened_folder(store) as opened_store:
        rows = opened_store.catalog.read_access()
    names = {user.number: user.name for user in rows.users}
    listed = [
        {
            "id": token.token_id,
            "user": names[token.user],
            "scope": token.scope.lower(),
            "created": _day(token.created_ms),
            "expires": "never" if token.expires_ms is None else _day(token.expires_ms),
            "expired": token.expires_ms is not None and token.expires_ms <= time.time_ns() // 1_000_000,
            "note": token.note,
        }
        for token in rows.tokens
    ]
    if as_json:
        output.json(listed)
        return
    for token in listed:
        until = f"expired {token['expires']}" if token["expired"] else f"expires {token['expires']}"
        click.echo(
            f"{token['id']}\t{token['user']}\t{token['scope']}\tmade {token['created']}\t{until}\t{token['note']}"
        )


@tokens.command()
@click.argument("token_id", metavar="ID")
@folder_option
def revoke(token_id: str, store: str | None) -> None:
    """Make a token good for nothing. A running server notices within a second or two."""
    with opened_folder(store) as opened_store:
        opened_store.catalog.remove_token(token_id)
    output.message(f"revoked token {token_id}")


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d")
