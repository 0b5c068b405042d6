"""Throttled runs at a server: what points stand for and what was not stored arrive with the points, once."""

from __future__ import annotations

from pathlib import Path

import pytest

import runlake
from runlake import throttling
from runlake.catalog import KnownSummary, Unstored
from runlake.entities import RunLedger
from runlake.errors import InvalidInput, NotFound
from runlake.remote.connection import Connection
from runlake.replication.peer import Peer
from runlake.replication.progress import Progress
from runlake.replication.sync import sync
from runlake.store import Store, get_store
from tests.catalog.material import Series
from tests.server.wire import Server


@pytest.fixture(autouse=True)
def no_rules_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "_of_process", throttling.Rules())


def log_some(steps: int = 500) -> str:
    """Log a run with a key of each kind, and return its id."""
    with runlake.start_run() as run:
        run.throttle("w", window=100)
        run.throttle("e", every=100)
        for step in range(steps):
            run.log({"w": 1e6 if step == 333 else float(step), "e": float(step), "free": 0.0}, step=step)
    return run.id


def counts(ledger: RunLedger) -> dict[str, tuple[int, int, int, int]]:
    return {k.key: (k.accepted, k.stored, k.merged, sum(k.dropped.values())) for k in ledger.keys}


def at_server(server: Server) -> Store:
    return get_store(server.store)


def check(server: Server, run_id: str) -> None:
    """What was logged by `log_some` is there, in every way that it can be asked for."""
    expected = {"e": (500, 6, 0, 494), "free": (500, 500, 0, 0)}
    for ledger in (runlake.ledger(run_id), at_server(server).reads.ledger(run_id)):
        found = counts(ledger)
        accepted, stored, merged, dropped = found.pop("w")
        assert (accepted, stored + merged, dropped) == (500, 500, 0)
        assert found == expected
    windows = runlake.points(run_id, "w", aggregates=True).collect()
    assert windows["count"].fill_null(1).sum() == 500
    assert windows["max"].max() == 1e6
    assert runlake.series(run_id, "w", points=2)["max"].max() == 1e6
    chosen = runlake.runs(where="max(metrics.w) = 1e6 AND count(metrics.e) = 500 AND mean(metrics.e) = 249.5")
    assert run_id in chosen.collect()["run_id"]


def test_a_throttled_run_is_at_the_server_with_all_that_is_known_of_it(remote: Server) -> None:
    run_id = log_some()
    check(remote, run_id)
    again = log_some()
    check(remote, again)
    check(remote, run_id)


def test_a_live_run_adds_up_while_it_is_sent(remote: Server) -> None:
    with runlake.start_run() as run:
        run.throttle("e", every=10)
        for step in range(25):
            run.log({"e": float(step)}, step=step)
        found = run.ledger()
        assert (found.accepted, found.stored, found.dropped, found.in_flight) == (25, 3, 21, 1)


def test_a_store_that_was_written_offline_is_sent_with_its_ledger_however_often(
    server: Server, spools: Path, tmp_path: Path
) -> None:
    runlake.set_tracking_uri(tmp_path / "offline")
    run_id = log_some()
    offline = get_store(tmp_path / "offline")
    for sealed in (False, True):
        if sealed:
            offline.close()
            offline.seal()
        sync(tmp_path / "offline", server.url, Progress())
        runlake.set_tracking_uri(server.url)
        check(server, run_id)


def test_accounts_that_cannot_be_are_refused(server: Server, spools: Path) -> None:
    runlake.set_tracking_uri(server.url)
    run_id = log_some(1)
    own = at_server(server).catalog.unsealed_writers()[0].info.id
    peer = Peer(Connection(server.url))
    account = {"writer": own, "run_id": run_id, "key": "k", "merged": 1, "dropped": {}, "stretches": []}
    whole = {**account, "summary": None}
    for wrong in (
        account | {"merged": -1, "summary": None},
        whole | {"dropped": {"boredom": 1}},
        whole | {"key": ""},
        whole | {"summary": {"count": 2}},
        whole | {"writer": "f" * 32},
    ):
        with pytest.raises(InvalidInput):
            peer.put_ledger([wrong])
    with pytest.raises(NotFound):
        peer.put_ledger([whole | {"run_id": "nobody"}])
    peer.put_ledger([whole])
    peer.close()


def test_an_account_says_the_same_on_the_other_side() -> None:
    from runlake.accounts import account_of, account_to_json

    values = [(-5, 1, float("nan")), (0, 2, -0.0), (3, 3, float("inf")), (3, 4, 0.1)]
    known = KnownSummary.of(Series("r", "k", values))
    entry = Unstored("r", "k", 3, {"late": 1}, [("late", 1, -5, -5)], known)
    assert repr(account_of(account_to_json("0" * 32, entry))) == repr(entry)
