"""The registry with 10,000 versions: an alias resolved here and over MLflow's wire, and a search by name and tag."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.measure import ROUNDS, Target, at_most
from benchmarks.servers import Server, mlflow_server, runlake_server
from benchmarks.workload import scratch
from runlake.model_sources import find_version
from runlake.model_uris import parse_models_uri
from runlake.registry import operations
from runlake.store import Store

VERSIONS = 10_000
_THEIR_VERSIONS = 1_000
_TAGGED = 100
_CALLS = 500
_ALIAS = "mlflow/registered-models/alias?name=churn&alias=champion"


def targets() -> Iterator[Target]:
    """One model has all versions; every hundredth has the tag that is searched for."""
    with scratch() as folder:
        (folder / "ours").mkdir()
        (folder / "theirs").mkdir()
        store = Store.open(folder / "ours" / "lake")
        _fill(store, VERSIONS)
        yield from _here(store)
        store.close()
        yield from _over_http(folder)


def _here(store: Store) -> Iterator[Target]:
    uri = "models:/churn@champion"
    assert find_version(store, parse_models_uri(uri)).version == VERSIONS // 2
    taken = _median_ms(lambda: find_version(store, parse_models_uri(uri)), _CALLS)
    yield at_most(f"resolve {uri} among {VERSIONS:,} versions", taken, 2, " ms")
    asked = f"name = 'churn' AND tags.snapshot = 's{_TAGGED // 2}'"
    assert len(operations.search_model_versions(store, asked)) == VERSIONS // _TAGGED
    taken = _median_ms(lambda: operations.search_model_versions(store, asked), 20)
    found = f" ({VERSIONS // _TAGGED} found)"
    yield at_most(f"search {VERSIONS:,} versions by name and tag", taken, 20, " ms", found)
    every = "name LIKE 'ch%' AND tags.team = 'risk'"
    assert len(operations.search_model_versions(store, every)) == VERSIONS
    taken = _median_ms(lambda: operations.search_model_versions(store, every, max_results=100), 20)
    yield at_most("the same where all have both, the first 100", taken, 20, " ms")


def _over_http(folder: Path) -> Iterator[Target]:
    with runlake_server(folder / "ours") as ours, mlflow_server(folder / "theirs") as theirs:
        with theirs.paused():
            taken = _alias_ms(ours)
        with ours.paused():
            _fill_theirs(theirs)
            beside = _alias_ms(theirs)
    detail = f" (MLflow, {_THEIR_VERSIONS:,} versions: {beside:.2g} ms)"
    yield at_most(f"get by alias over HTTP, keep-alive, {VERSIONS:,} versions, median", taken, 3, " ms", detail)


def _fill(store: Store, versions: int) -> None:
    operations.create_registered_model(store, "churn")
    for number in range(versions):
        tags = {"snapshot": f"s{number % _TAGGED}", "team": "risk"}
        operations.create_model_version(store, "churn", f"s3://bucket/{number}", tags=tags)
    operations.set_registered_model_alias(store, "churn", "champion", versions // 2)


def _fill_theirs(server: Server) -> None:
    with server.client() as client:
        client.post("registered-models/create", {"name": "churn"})
        for number in range(_THEIR_VERSIONS):
            client.post("model-versions/create", {"name": "churn", "source": f"s3://bucket/{number}"})
        client.post("registered-models/alias", {"name": "churn", "alias": "champion", "version": "1"})


def _alias_ms(server: Server) -> float:
    with server.client() as client:
        path = f"/api/2.0/{_ALIAS}"
        assert b"churn" in client.send("GET", path)
        return _median_ms(lambda: client.send("GET", path), _CALLS)


def _median_ms(call: Callable[[], object], calls: int) -> float:
    """Return the median of the medians of some rounds."""
    rounds = []
    for _ in range(ROUNDS):
        taken = []
        for _ in range(calls):
            start = time.perf_counter()
            call()
            taken.append(time.perf_counter() - start)
        rounds.append(statistics.median(taken))
    return 1000 * statistics.median(rounds)
