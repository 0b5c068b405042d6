"""Which store is meant: from `set_tracking_uri`, else the environment, else `./lake`; absolute from its first use on.

A store is a folder, named by a plain path, a `file:` URI or, as MLflow's plugins are chosen by a scheme of their own, a
`runlake:` URI; or a server, named by an `http:` or `https:` URL. MLflow's other kinds of URI are refused with what to
do.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from runlake import config
from runlake.errors import InvalidInput
from runlake.remote.address import Address, is_address

DEFAULT_STORE = "lake"
SCHEME = "runlake"
_HINTS = {
    "sqlite": "name a folder instead of a database, e.g. set_tracking_uri('./lake')",
    "databricks": "Databricks is not reached from here; log to a folder, e.g. set_tracking_uri('./lake')",
}
_HINTS |= {"databricks-uc": _HINTS["databricks"], "uc": _HINTS["databricks"]}
_HINTS |= dict.fromkeys(("postgresql", "mysql", "mssql"), _HINTS["sqlite"])


class _Location:
    """The tracking URI of this process."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.given: str | None = None  # by set_tracking_uri, absolute
        self.default: tuple[str, str] | None = None  # (what the environment said, absolute)
        self.registry: str | None = None  # by set_registry_uri, absolute


_location = _Location()


def set_tracking_uri(uri: str | Path) -> None:
    """Name the store that later calls use: a folder as a path, a `file:` or a `runlake:` URI, or the URL of a server.

    "" goes back to the default.

    The folder is made when the first run starts. Processes that are started from now on inherit it through the
    environment. Runs that are under way stay in their store.

    Args:
        uri: A folder as a path or a `file:` URI, or `http[s]://[user:password@]host[:port][/prefix]`.

    Raises:
        InvalidInput: a database or another kind of store that is not supported, or no URL.
    """
    if not isinstance(uri, str | Path):
        raise InvalidInput(f"a tracking URI is text or a pathlib.Path, not {type(uri).__name__}")
    absolute = _absolute(uri) if str(uri) else None
    with _location.lock:
        _location.given, _location.default = absolute, None
    config.export_tracking_uri(absolute)


def get_tracking_uri() -> str:
    """Return the store in force: the absolute path (or `file:` or `runlake:` URI) of a folder, or a server's URL."""
    with _location.lock:
        if _location.given is not None:
            return _location.given
        said = config.tracking_uri() or DEFAULT_STORE
        if _location.default is None or _location.default[0] != said:
            _location.default = (said, _absolute(said))
        return _location.default[1]


def is_tracking_uri_set() -> bool:
    """Tell whether the store was named, by `set_tracking_uri` or in the environment."""
    return _location.given is not None or bool(config.tracking_uri())


def set_registry_uri(uri: str | Path) -> None:
    """Name the store whose registry of models later calls of this process use; "" goes back to the tracking URI's.

    Raises:
        InvalidInput: as for `set_tracking_uri`.
    """
    if not isinstance(uri, str | Path):
        raise InvalidInput(f"a registry URI is text or a pathlib.Path, not {type(uri).__name__}")
    _location.registry = _absolute(uri) if str(uri) else None


def get_registry_uri() -> str:
    """Return the store whose registry is in force: that of the tracking URI unless `set_registry_uri` has said else."""
    return _location.registry or get_tracking_uri()


def chosen_registry_uri() -> str | None:
    """Return the store that `set_registry_uri` has named; None when it has not."""
    return _location.registry


def resolved(uri: str | Path | None = None) -> str:
    """Return a tracking URI that means the same wherever the program goes; None means the one in force."""
    return get_tracking_uri() if uri is None or str(uri) == "" else _absolute(uri)


def store_root(uri: str | Path | None = None) -> Path:
    """Return the folder that a tracking URI names; None means the one in force.

    Raises:
        InvalidInput: it names a server.
    """
    return folder_of(resolved(uri))


def folder_of(where: str) -> Path:
    """Return the folder that a resolved tracking URI names.

    Raises:
        InvalidInput: it names a server.
    """
    if is_address(where):
        raise InvalidInput(f"the store is the server {Address.of(where)}, and this is done in its folder alone")
    return Path(_path_of_uri(where) if where.startswith(("file:", f"{SCHEME}:")) else where)


def uri_of_folder(folder: str | Path) -> str:
    """Return the `runlake:` URI of an absolute folder."""
    return f"{SCHEME}://{quote(os.fspath(folder))}"


def folder_of_uri(uri: str) -> Path:
    """Return the folder that a `runlake:` URI names; a relative path is one of the working directory.

    Raises:
        InvalidInput: it names no folder of this machine.
    """
    path = _path_of_uri(uri)
    if not path:
        raise InvalidInput(f"the URI {uri!r} names no folder", hint=f"write {SCHEME}:///absolute/path")
    return Path(path).absolute()


def _absolute(uri: str | Path) -> str:
    """Make a tracking URI independent of the working directory, in the form it was given.

    Raises:
        InvalidInput: it names neither a folder nor a server.
    """
    if isinstance(uri, Path):
        return _checked_folder(uri.expanduser().absolute(), str(uri)).as_uri()
    if is_address(uri):
        Address.of(uri)
        return uri.rstrip("/")
    scheme, colon, _ = uri.partition(":")
    if colon and scheme.lower() == "file":
        return _checked_folder(Path(_path_of_uri(uri)).absolute(), uri).as_uri()
    if colon and scheme.lower() == SCHEME:
        return uri_of_folder(_checked_folder(folder_of_uri(uri), uri))
    kind = scheme.lower().partition("+")[0]
    if (colon and ("://" in uri or kind in _HINTS)) or uri.lower() in ("databricks", "databricks-uc"):
        raise InvalidInput(
            f"tracking URI {uri!r} is neither a folder nor a server",
            hint=_HINTS.get(
                kind, "name a folder on this machine, e.g. set_tracking_uri('./lake'), or http://host:port"
            ),
        )
    return str(_checked_folder(Path(uri).expanduser().absolute(), uri))


def _path_of_uri(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.netloc not in ("", "localhost"):
        raise InvalidInput(
            f"tracking URI {uri!r} names another host, {parts.netloc!r}", hint=f"use {parts.scheme}:///absolute/path"
        )
    if parts.query or parts.fragment:
        raise InvalidInput(f"tracking URI {uri!r} has a query or a fragment; a folder has neither")
    return unquote(parts.path)


def _checked_folder(folder: Path, given: str) -> Path:
    """Refuse a folder that MLflow writes: two programs would mix their files."""
    if folder.name == "mlruns" or (folder / "0" / "meta.yaml").exists():
        raise InvalidInput(
            f"tracking URI {given!r} is a folder of MLflow's own file store",
            hint="name a folder of its own, e.g. set_tracking_uri('./lake')",
        )
    return folder


def _fresh_lock() -> None:
    _location.lock = threading.RLock()


os.register_at_fork(after_in_child=_fresh_lock)
