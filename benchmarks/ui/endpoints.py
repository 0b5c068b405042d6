"""Endpoints: what pages ask of a server with 100,000 runs, over one connection and without a browser."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from benchmarks.measure import ROUNDS, Target, at_most
from benchmarks.servers import Client
from benchmarks.ui.stores import Stores, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_API: Final = "/api/runlake/v1/"
_COLUMNS: Final = ("run_id", "run_name", "status", "start_time", "params.lr", "params.optimizer", "metrics.val_auc")
_WHERE: Final = "params.lr BETWEEN 1e-4 AND 1e-2 AND metrics.val_accuracy > 0.{}"
_AXES: Final = (
    *("params.lr", "params.weight_decay", "params.dropout", "params.optimizer"),
    *("params.depth", "metrics.loss", "metrics.val_auc", "metrics.val_accuracy"),
)


def targets(_browser: Browser, stores: Stores) -> Iterator[Target]:
    """Every request of a round is another one, so that no answer is a kept one; budgets are of the pages as a whole."""
    with served(stores.sweep()) as (server, experiment), server.client() as client:
        of_experiment = {"experiments": [experiment]}
        first = {**of_experiment, "columns": _COLUMNS}
        yield at_most("the first window of runs after a start", _get(client, "runs", first), 150, " ms")
        for name, limit, asked in _requests(of_experiment):
            taken = statistics.median(_ask(client, *asked(number)) for number in range(ROUNDS))
            yield at_most(name, taken, limit, " ms")


def _requests(of: Mapping[str, Any]) -> Iterator[tuple[str, float, Any]]:
    axes = [{"key": key} for key in _AXES]
    yield (
        "a window of a new filter, sorted",
        50,
        lambda n: (
            "runs",
            {**of, "columns": _COLUMNS, "where": _WHERE.format(600 + n), "sort": "metrics.val_auc DESC"},
        ),
    )
    yield "a window anywhere of it", 20, lambda n: ("runs", {**of, "columns": _COLUMNS, "offset": 7919 * (n + 1)})
    yield "columns found by a part of their names", 50, lambda n: ("columns", {**of, "q": "alred"[n]})
    yield "completion of a filter", 50, lambda n: ("filter", {**of, "text": "params.opt"[: 6 + n], "at": 6 + n})
    yield (
        "a brush of 8 axes",
        50,
        lambda n: ("crossfilter", None, {**of, "axes": axes, "brush": _brush(n), "all": False, "top": 200}),
    )
    yield (
        "20 curves of 3 metrics of a new filter",
        100,
        lambda n: (
            "series",
            None,
            {**of, "keys": ["loss", "val_auc", "val_accuracy"], "where": _WHERE.format(610 + n)},
        ),
    )
    yield (
        "a scatter plot of all runs",
        100,
        lambda n: ("points", None, {**of, "x": {"key": _AXES[n]}, "y": {"key": "metrics.val_auc"}}),
    )


def _brush(number: int) -> list[str | None]:
    return [f"params.lr BETWEEN 1e-4 AND {1e-2 * (1 + number / 10)}", *[None] * (len(_AXES) - 1)]


def _ask(client: Client, path: str, fields: Mapping[str, Any] | None, body: Any = None) -> float:
    if body is None:
        return _get(client, path, fields or {})
    began = time.perf_counter()
    headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip"}
    client.send("POST", _API + path, json.dumps(body), headers)
    return (time.perf_counter() - began) * 1e3


def _get(client: Client, path: str, fields: Mapping[str, Any]) -> float:
    began = time.perf_counter()
    client.send("GET", f"{_API}{path}?{urlencode(fields, doseq=True)}", headers={"Accept-Encoding": "gzip"})
    return (time.perf_counter() - began) * 1e3
