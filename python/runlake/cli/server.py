"""`runlake server`: a store for a team, over HTTP, as MLflow's clients speak it."""

from __future__ import annotations

import click

from runlake.cli import output
from runlake.cli.options import folder_option
from runlake.errors import MissingExtra
from runlake.extras import import_extra
from runlake.location import store_root

_MIB = 1 << 20


def _several(_context: click.Context, _parameter: click.Parameter, given: str | None) -> tuple[str, ...]:
    """Split a list at its commas."""
    return tuple(part for text in (given or "").split(",") if (part := text.strip()))


def require_server() -> None:
    """Refuse before anything is made when a package is missing that a server needs.

    Raises:
        MissingExtra: one of the packages of the extra `server` is not installed.
    """
    for module in ("fastapi", "httptools", "orjson", "uvicorn"):
        try:
            import_extra(module, "to serve a store")
        except MissingExtra as error:
            raise MissingExtra(error.message, hint="pip install 'runlake[server]'") from error


@click.command()
@folder_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 is every one.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=5000, show_default=True, help="Port; 0 is any that is free."
)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that answer.")
@click.option(
    "--allowed-hosts",
    metavar="NAMES",
    callback=_several,
    help="Names, with commas, by which clients may call besides localhost and private addresses; * is any.",
)
@click.option(
    "--cors-origins", metavar="ORIGINS", callback=_several, help="Origins, with commas, whose pages may call; * is any."
)
@click.option(
    "--max-body",
    type=click.IntRange(1, 4096),
    default=32,
    show_default=True,
    metavar="MIB",
    help="Longest request; artifacts may be longer.",
)
@click.option(
    "--max-memory",
    type=click.IntRange(64, 1 << 20),
    default=512,
    show_default=True,
    metavar="MIB",
    help="What the requests under way may take of each worker's memory; more of them wait.",
)
@click.option(
    "--rate-limit",
    type=click.FloatRange(0, 1e6),
    default=0.0,
    metavar="N",
    help="Requests a second that one client may send, with twice as many at once. Default: any number.",
)
@click.option(
    "--ui",
    type=click.Choice(["runlake", "mlflow", "none"]),
    default="runlake",
    show_default=True,
    help="Pages for browsers: runlake's own, or mlflow, those of the mlflow package, which has to be installed.",
)
@click.option(
    "--auth", is_flag=True, help="Ask every caller for a password or token; see `runlake users`, `tokens`, `grant`."
)
def server(
    store: str | None,
    host: str,
    port: int,
    workers: int,
    allowed_hosts: tuple[str, ...],
    cors_origins: tuple[str, ...],
    max_body: int,
    max_memory: int,
    rate_limit: float,
    ui: str,
    auth: bool,
) -> None:
    """Serve a store to MLflow's clients over HTTP.

    Set MLFLOW_TRACKING_URI to the address that is printed, or open it in a browser. The store is made when there is
    none. SIGTERM and Ctrl-C stop the server when it has finished its answers. Without --auth there is no login: whoever
    reaches the port may read and change everything.
    """
    require_server()
    if ui == "mlflow":
        import_extra("graphql", "to serve MLflow's pages")
    from runlake.server.launch import serve
    from runlake.server.settings import ServerSettings

    root = str(store_root(store))
    settings = ServerSettings(
        *(root, host, port, workers, allowed_hosts, cors_origins, max_body * _MIB),
        max_memory_bytes=max_memory * _MIB,
        rate_limit=rate_limit,
        ui=None if ui == "none" else ui,
        auth=auth,
    )
    serve(settings, lambda url: output.message(f"serving {root} at {url}"))
