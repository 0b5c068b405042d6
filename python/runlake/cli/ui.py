"""`runlake ui`: a store in the browser of whoever sits at this machine."""

from __future__ import annotations

import contextlib
import threading
import webbrowser
from pathlib import Path

import click

from runlake.cli import output
from runlake.cli.options import example, find_run, folder_of, opened, require_text, store_option
from runlake.cli.server import require_server
from runlake.location import resolved
from runlake.remote.address import Address, is_address

_HOST = "127.0.0.1"
_PORT = 5000
_OTHER_PORTS = 50
_STOP_TIMEOUT_S = 3
_IN_TERMINAL = ("elinks", "links", "lynx", "w3m", "www-browser")


@click.command(short_help="Look into a store in the browser.", epilog=example("runlake ui --store /data/lake"))
@store_option
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=f"Port; 0 is any that is free. Default: the first free one from {_PORT} on.",
)
@click.option("--run", metavar="RUN", callback=require_text, help="Open the page of a run, by its id or name.")
@click.option("--no-browser", is_flag=True, help="Print the address, and open nothing.")
def ui(store: str | None, port: int | None, run: str | None, no_browser: bool) -> None:
    """Serve a store on this machine, and open it in the browser; of a store on a server, open the server's pages.

    Ctrl-C ends it. Only this machine can reach the address, and everybody who works on it: where others do, and for a
    team, `runlake server --auth` asks who calls.
    """
    where = resolved(store)
    if is_address(where):
        url = f"{Address.of(where)}{_page_of(where, run)}"
        output.message(url)
        if not no_browser:
            _open(url)
        return
    _serve(folder_of(where), port, _page_of(where, run), no_browser=no_browser)


def _page_of(where: str, run: str | None) -> str:
    """Return the path of the page that is wanted."""
    if run is None:
        return "/"
    with opened(where) as store:
        return f"/runs/{find_run(store, run).info.run_id}"


def _serve(root: Path, port: int | None, page: str, *, no_browser: bool) -> None:
    require_server()
    from runlake.server.launch import serve
    from runlake.server.settings import ServerSettings

    def announce(url: str) -> None:
        output.message(f"{root} is at {url}{page}  (Ctrl-C ends it)")
        if not no_browser:
            threading.Thread(target=_open, args=(url + page,), daemon=True).start()

    settings = ServerSettings(
        *(str(root), _HOST, _PORT if port is None else port), log_requests=False, stop_timeout_s=_STOP_TIMEOUT_S
    )
    with contextlib.suppress(KeyboardInterrupt):  # that is how it ends
        serve(settings, announce, other_ports=_OTHER_PORTS if port is None else 0)


def _open(url: str) -> None:
    """Open an address, unless that would take the terminal; some programs return only when they are closed."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return
    if browser.name not in _IN_TERMINAL:
        browser.open(url)
