"""One host at a time: the owner of a store that several hosts can reach; objects of this process play the hosts."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runlake.catalog.owner import Owner, Said
from runlake.errors import StoreUnavailable

LEASE_S = 0.6
LONG_S = 20.0


def host(name: str) -> Callable[[], Said]:
    return lambda: Said(name, f"boot of {name}", os.urandom(8).hex())


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Callable[[str], Owner]]:
    """Make owners for hosts by name; each is let go of at the end."""
    made: list[Owner] = []

    def make(name: str) -> Owner:
        made.append(Owner(tmp_path, "NFS", me=host(name), lease_s=LEASE_S))
        return made[-1]

    yield make
    for one in made:
        one.release()


def test_another_host_is_refused_while_the_owner_lives(owner: Callable[[str], Owner]) -> None:
    owner("alpha").ensure(LONG_S)
    with pytest.raises(
        StoreUnavailable, match=r"in use by host 'alpha'; on NFS one host at a time.*\nhint: run `runlake server`"
    ):
        owner("beta").ensure(LONG_S)


def test_processes_of_one_host_share_a_store(owner: Callable[[str], Owner]) -> None:
    first, second = owner("alpha"), owner("alpha")
    first.ensure(LONG_S)
    second.ensure(LONG_S)
    first.release()
    with pytest.raises(StoreUnavailable, match="alpha"):
        owner("beta").ensure(LONG_S)


def test_the_next_host_has_a_store_at_once_that_was_let_go_of(owner: Callable[[str], Owner]) -> None:
    for name in ("alpha", "beta", "alpha"):
        current = owner(name)
        start = time.monotonic()
        current.ensure(0.0)
        assert time.monotonic() - start < LEASE_S
        current.release()


def test_a_host_that_is_gone_without_a_word_is_outlived(
    owner: Callable[[str], Owner], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gone = owner("alpha")
    gone.ensure(LONG_S)
    gone._leave()  # as a kill does: nothing is written, the kernel frees the lock
    start = time.monotonic()
    with pytest.raises(StoreUnavailable, match="alpha"):
        owner("beta").ensure(LEASE_S / 10)
    owner("beta").ensure(LONG_S)
    assert time.monotonic() - start >= LEASE_S
    assert "host alpha has left the store" in caplog.text
    with pytest.raises(StoreUnavailable, match="beta"):
        owner("alpha").ensure(LONG_S)


def test_who_was_stopped_for_too_long_finds_out_that_the_store_is_lost(
    owner: Callable[[str], Owner], caplog: pytest.LogCaptureFixture
) -> None:
    stopped = owner("alpha")
    stopped.ensure(LONG_S)
    with stopped._beating:  # as SIGSTOP does
        owner("beta").ensure(LONG_S)
    with caplog.at_level(logging.ERROR), pytest.raises(StoreUnavailable, match="in use by host 'beta'"):
        while True:
            stopped.ensure(LONG_S)
            threading.Event().wait(0.01)


def test_of_hosts_that_come_at_once_one_has_the_store(owner: Callable[[str], Owner]) -> None:
    for _ in range(2):
        owners = [owner(f"host{number}") for number in range(4)]
        winners: list[Owner] = []

        def come(one: Owner, winners: list[Owner] = winners) -> None:
            try:
                one.ensure(LONG_S)
                winners.append(one)
            except StoreUnavailable:
                pass

        threads = [threading.Thread(target=come, args=(one,)) for one in owners]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(winners) == 1
        winners[0].release()


@pytest.mark.parametrize("content", [b"", b'{"host": 1, "other": 2}'])
def test_a_file_that_says_nothing_is_waited_for_and_replaced(
    owner: Callable[[str], Owner], tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "owner.json").write_bytes(content)
    owner("alpha").ensure(LONG_S)
    assert (tmp_path / "owner.json").stat().st_size == 512
    with pytest.raises(StoreUnavailable, match="alpha"):
        owner("beta").ensure(LONG_S)
