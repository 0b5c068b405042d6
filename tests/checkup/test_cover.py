"""Choices of sets that have nothing in common."""

from collections.abc import Sequence

from runlake.checkup.cover import disjoint_cover


def chosen(*sets: Sequence[int]) -> list[str]:
    """Choose among sets that are named by letters; of those that need not be taken the largest comes first."""
    named = dict(zip("abcdefgh", sets, strict=False))
    return sorted(disjoint_cover(named, lambda name: (-len(named[name]), name)))


def test_what_comes_first_in_order_is_taken() -> None:
    assert chosen([0], [1], [0, 1]) == ["c"]


def test_a_set_that_alone_holds_something_comes_before_larger_ones() -> None:
    assert chosen([0], [1], [2], [0, 1, 2], [2, 3]) == ["a", "b", "e"]


def test_nothing_is_taken_twice_even_if_something_is_left_over() -> None:
    assert chosen([0, 1], [1, 2], []) == ["b", "c"]


def test_sets_that_share_everything_are_looked_at_once_each() -> None:
    sets = {str(number): range(1500) for number in range(400)}  # 9e8 steps if it were once an element
    assert disjoint_cover(sets, int) == ["0"]
