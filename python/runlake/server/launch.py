"""Launch: a server in this process, or in several that share one socket."""

from __future__ import annotations

import errno
import signal
import socket
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn

import uvicorn
from uvicorn.supervisors import Multiprocess

from runlake.errors import StoreUnavailable
from runlake.server.app import create_app
from runlake.server.connections import protocol_of
from runlake.server.logs import config_of
from runlake.store import Store

if TYPE_CHECKING:
    from runlake.server.settings import ServerSettings

_LAST_PORT: Final = 65535


def serve(settings: ServerSettings, announce: Callable[[str], None], *, other_ports: int = 0) -> None:
    """Serve until SIGTERM or Ctrl-C; then finish what is being answered, and close the store with all on disk.

    Args:
        announce: Called with the server's URL once connections are taken.
        other_ports: How many ports above the one that is wished for are tried when it is taken.

    Raises:
        MissingExtra: pages are wanted that are not installed.
        StoreUnavailable: the store cannot be opened or has no administrator to sign in, or the address is taken or not
            one of this machine.
    """
    create_app(settings)  # pages that are missing and a store that is not right are said here, and not by every worker
    _check_store(settings)
    listening = _listen(settings.host, settings.port, other_ports)
    announce(_url(settings.host, listening.getsockname()[1]))
    config = uvicorn.Config(
        partial(create_app, settings),
        factory=True,
        workers=settings.workers,
        access_log=False,
        log_config=config_of(settings),
        http=protocol_of(settings),
        timeout_keep_alive=settings.keep_alive_s,
        lifespan="on",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=settings.stop_timeout_s,
    )
    # uvicorn raises the signal that stopped it once more, when all is done: it must end the program as it should be
    signal.signal(signal.SIGTERM, _leave)
    if settings.workers == 1:
        uvicorn.Server(config).run([listening])
    else:
        Multiprocess(config, [listening]).run()


def _check_store(settings: ServerSettings) -> None:
    """Say here, and not in every worker, that a store is not right, or that nobody could sign in."""
    store = Store.open(settings.store)
    try:
        if settings.auth and not any(user.admin for user in store.catalog.read_access().users):
            raise StoreUnavailable(
                f"the store {settings.store} has no administrator, so that nobody could say who may do what",
                hint="add one on this machine first: runlake users add NAME --admin --store " + settings.store,
            )
    finally:
        store.close()


def _leave(_signal: int, _frame: object) -> NoReturn:
    raise SystemExit(0)


def _listen(host: str, port: int, other_ports: int) -> socket.socket:
    for tried in range(port, port + other_ports + 1):
        try:
            return _listening(host, tried)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or tried in (port + other_ports, _LAST_PORT):
                raise StoreUnavailable(
                    f"the server cannot listen on {host}:{tried}: {error.strerror or error}",
                    hint="choose another with --port",
                ) from error
    raise AssertionError("unreachable: the last port either listens or raises")


def _listening(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
    except OSError:
        listening.close()
        raise
    listening.set_inheritable(True)
    return listening


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
