"""A store with users, and the headers with which they call."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

from runlake import access
from runlake.access import EVERYBODY, Kind, Level, Scope
from runlake.store import Store
from tests.server.wire import Answer

PASSWORD = "correct horse battery"
LEVELS = {"stranger": Level.NONE, "reader": Level.READ, "editor": Level.EDIT, "manager": Level.MANAGE}

Headers = dict[str, str]
Called = Callable[..., Answer]
"""Calls an endpoint as somebody: who, by name or headers, the method, the path, and fields."""


def people(folder: Path) -> dict[str, Headers]:
    """Fill `folder/lake` with users who may do nothing, read, edit or manage everything, and an administrator.

    Returns:
        For each the headers with a token for everything.
    """
    store = Store.open(folder / "lake")
    found = {}
    for name, level in LEVELS.items():
        access.add_user(store, name, PASSWORD)
        for kind in Kind:
            access.grant(store, name, level, kind)
        found[name] = bearer(access.create_token(store, name, Scope.ADMIN)[1])
    access.add_user(store, "admin", PASSWORD, admin=True)
    found["admin"] = bearer(access.create_token(store, "admin", Scope.ADMIN)[1])
    for kind in Kind:
        access.grant(store, EVERYBODY, Level.NONE, kind)
    store.close()
    return found


def bearer(token: str) -> Headers:
    return {"Authorization": f"Bearer {token}"}


def basic(name: str, password: str = PASSWORD) -> Headers:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}
