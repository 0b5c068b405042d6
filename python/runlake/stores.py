"""Stores: what a tracking URI names, a folder on this machine or a server."""

from __future__ import annotations

import os
import threading
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from runlake import config
from runlake.location import folder_of, resolved
from runlake.remote.address import is_address
from runlake.remote.store import RemoteStore
from runlake.store import Store, get_store

AnyStore: TypeAlias = Store | RemoteStore
"""A store that is read, and written to by id."""

_lock = threading.RLock()
_servers: dict[object, RemoteStore] = {}


def store_at(uri: str | Path | None = None, *, renew: bool = False) -> AnyStore:
    """Return this process's store at a tracking URI; None means the one in force. See `opened`."""
    return opened(resolved(uri), renew=renew)


def opened(where: str, *, renew: bool = False) -> AnyStore:
    """Return this process's store at a resolved tracking URI, opened by the first call.

    Args:
        renew: Whether a folder that was removed or replaced since is opened anew; see `get_store`.

    Raises:
        InvalidInput: the URI names something else.
        StoreError: the folder cannot be opened. Servers are not asked yet.
    """
    folder = _folder(where)
    return _server(where) if folder is None else get_store(folder, renew=renew)


@lru_cache(maxsize=64)
def _folder(where: str) -> str | None:
    """Return the folder that is meant, None for a server; logging by run id asks at every call."""
    return None if is_address(where) else str(folder_of(where))


def recording_store() -> Store:
    """Return the store that runs of this process are written into while they are under way: a folder on this machine.

    For a server that is its spool. A server that is away costs at most a second, once a process; one that refuses is
    found out here.

    Raises:
        StoreError: the store cannot be opened.
        RunlakeError: the server is none of runlake, or refuses this user.
    """
    store = store_at(renew=True)
    if isinstance(store, Store):
        return store
    assert store.spool is not None  # `_server` has given it one
    return store.spool.store


def _server(where: str) -> RemoteStore:
    """Return the one object of this process for a server, and for whoever it is asked as."""
    asked = where, config.tracking_credentials(), config.tracking_tls()
    with _lock:
        if asked not in _servers:
            from runlake.replication.reads import Spooled  # brings urllib3, which folders do without

            server = _servers[asked] = RemoteStore(where)
            server.spool = Spooled(where)
        return _servers[asked]


def _fresh_lock() -> None:
    global _lock
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_fresh_lock)
