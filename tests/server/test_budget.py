"""The budget of memory: who gets in, who waits, who is refused."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from runlake.server.budget import Budget
from tests import loops


def run(work: Coroutine[Any, Any, None]) -> None:
    loops.run(asyncio.wait_for(work, 10))


async def turn() -> None:
    """Let everything that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_who_fits_does_not_wait_and_who_does_not_fit_waits_until_there_is_room() -> None:
    async def work() -> None:
        budget = Budget(1600)
        await budget.reserve(1200, 0)
        waiting = asyncio.create_task(budget.reserve(800, 10))
        await turn()
        assert (budget.waiting, waiting.done(), budget.taken) == (1, False, 1200)
        budget.release(1200)
        await waiting
        assert (budget.waiting, budget.taken) == (0, 800)

    run(work())


def test_small_ones_go_on_while_big_ones_wait() -> None:
    async def work() -> None:
        budget = Budget(1600)
        await budget.reserve(1200, 0)
        big = asyncio.create_task(budget.reserve(200, 10))
        await turn()
        assert not big.done(), "big ones leave a quarter to the small"
        for _ in range(4):
            await budget.reserve(100, 0)
        assert budget.taken == 1600
        budget.release(1200)
        await big

    run(work())


def test_big_ones_get_in_by_turns_however_big() -> None:
    async def work() -> None:
        budget = Budget(1600)
        await budget.reserve(800, 0)
        order: list[int] = []

        async def enter(size: int) -> None:
            await budget.reserve(size, 10)
            order.append(size)

        tasks = []
        for size in (1200, 400):  # the second would fit now
            tasks.append(asyncio.create_task(enter(size)))
            await turn()
        assert order == []
        budget.release(800)
        await turn()
        assert order == [1200]
        budget.release(1200)
        await asyncio.gather(*tasks)
        assert order == [1200, 400]

    run(work())


def test_who_waits_too_long_is_refused_and_leaves_nothing_behind() -> None:
    async def work() -> None:
        budget = Budget(1600)
        await budget.reserve(1200, 0)
        with pytest.raises(TimeoutError):
            await budget.reserve(1000, 0.01)
        assert (budget.waiting, budget.taken) == (0, 1200)

    run(work())


def test_who_goes_away_while_waiting_takes_nothing() -> None:
    async def work() -> None:
        budget = Budget(1600)
        await budget.reserve(1200, 0)
        waiting = asyncio.create_task(budget.reserve(1000, 10))
        await turn()
        budget.release(1200)  # granted, and at the same time
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert (budget.waiting, budget.taken) == (0, 0)

    run(work())


def test_what_is_larger_than_the_budget_gets_in_alone() -> None:
    async def work() -> None:
        budget = Budget(1600)
        size = budget.limited(10**12)
        await budget.reserve(size, 0)
        assert size == 1200

    run(work())
