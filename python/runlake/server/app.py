"""The application: layers, routes, and what is opened and closed with it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fnmatch import translate
from functools import partial
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from runlake import __version__
from runlake.entities import ViewType
from runlake.errors import MlflowException
from runlake.server import mlflow_errors, mlflow_openapi, mlflow_routes, native_replication, native_routes, pages
from runlake.server.access import guarded
from runlake.server.calls import Worker, worker_of
from runlake.server.events import Events
from runlake.server.guard import Guard
from runlake.server.limits import raise_file_limit
from runlake.server.load import Bounded, Load
from runlake.server.mlflow_access import need_of
from runlake.server.page_files import PageFiles
from runlake.server.shortcut import Shortcut
from runlake.server.sign_in import SignIn
from runlake.server.watch import ROUTE, Counters, Watch
from runlake.store import Store

if TYPE_CHECKING:
    from starlette.requests import Request

    from runlake.server.settings import ServerSettings

_PROMETHEUS: Final = "text/plain; version=0.0.4"


def create_app(settings: ServerSettings) -> FastAPI:
    """Put a server together. The store is opened when it starts, in the process that it runs in."""
    counters, load = Counters(), Load(settings)
    sign_in = SignIn() if settings.auth else None

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        raise_file_limit()
        worker = app.state.worker = Worker(Store.open(settings.store), settings.threads, counters, load)
        if sign_in is not None:
            sign_in.begin(worker)
        events = app.state.events = Events(worker)
        worker.begin(partial(_get_ready, worker.store))
        try:
            yield
        finally:
            await events.close()
            worker.close()

    return FastAPI(
        title="runlake",
        version=__version__,
        openapi_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        lifespan=lifespan,
        middleware=_layers(settings, counters, load),
        exception_handlers={
            MlflowException: mlflow_errors.answer_error,
            HTTPException: mlflow_errors.answer_http_error,
            ClientDisconnect: mlflow_errors.answer_nobody,
            Exception: mlflow_errors.answer_defect,
        },
        routes=_routes(settings, sign_in),
        redirect_slashes=False,
    )


def _get_ready(store: Store) -> None:
    """Do once what the first visitor would wait for: load what answers, and map what is known of the runs."""
    from runlake import query

    query.window(store, query.question_of(None, None, None, ViewType.ACTIVE_ONLY), limit=1)


def _pages(settings: ServerSettings, files: PageFiles) -> list[Route]:
    if settings.ui == "runlake":
        return pages.routes(files)
    if settings.ui == "mlflow":
        from runlake.server import mlflow_ui  # graphql-core is loaded for those who want MLflow's pages

        return mlflow_ui.routes(settings.max_body_bytes, auth=settings.auth)
    return []


def _routes(settings: ServerSettings, sign_in: SignIn | None) -> list[BaseRoute]:
    files = PageFiles()
    nowhere = pages.nowhere(files) if settings.ui == "runlake" else None
    routes: list[BaseRoute] = [
        Route("/health", _health),
        Route("/version", _version),
        Route("/metrics", _metrics),
        Route(mlflow_openapi.PATH, mlflow_openapi.answer(auth=settings.auth)),
        *native_routes.routes(settings.max_body_bytes),
        *native_replication.routes(settings.max_body_bytes),
        *_pages(settings, files),
        *mlflow_routes.routes(settings.max_body_bytes, nowhere),
    ]
    if sign_in is not None:
        routes = guarded(routes, need_of, sign_in, settings.max_body_bytes)
    return [Shortcut(routes), *routes]


def _layers(settings: ServerSettings, counters: Counters, load: Load) -> list[Middleware]:
    layers = [
        Middleware(Watch, counters=counters),
        Middleware(Guard, allowed_hosts=(*settings.allowed_hosts, settings.host), cors_origins=settings.cors_origins),
        Middleware(Bounded, load=load, settings=settings),
    ]
    if settings.cors_origins:
        layers.append(
            Middleware(
                CORSMiddleware,
                allow_origins=[origin for origin in settings.cors_origins if origin == "*" or "*" not in origin],
                allow_origin_regex="|".join(translate(origin) for origin in settings.cors_origins),
                allow_methods=["*"],
                allow_headers=["*"],
            )
        )
    return layers


async def _health(request: Request) -> Response:
    request.scope[ROUTE] = "health"
    return PlainTextResponse("OK")


async def _version(request: Request) -> Response:
    """Say which version of MLflow's protocol this is: what its clients ask for."""
    request.scope[ROUTE] = "version"
    return PlainTextResponse(mlflow_routes.MLFLOW_VERSION)


async def _metrics(request: Request) -> Response:
    request.scope[ROUTE] = "metrics"
    worker = worker_of(request)
    text = "\n".join([*worker.counters.lines(worker.store), *worker.load.lines(f'worker="{os.getpid()}"')])
    return PlainTextResponse(f"{text}\n", media_type=_PROMETHEUS)
