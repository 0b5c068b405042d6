"""Sets of numbers as ranges, against sets of numbers."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from runlake.checkup.spans import Spans

RANGES = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda pair: (min(pair), max(pair))), max_size=8
)


def numbers(ranges: list[tuple[int, int]]) -> set[int]:
    return {number for first, upto in ranges for number in range(first, upto)}


@given(RANGES, st.integers(0, 40), st.integers(0, 40))
def test_parts_and_holes_are_those_of_the_numbers(ranges: list[tuple[int, int]], first: int, upto: int) -> None:
    spans, wanted = Spans(ranges), set(range(first, upto))
    assert numbers(spans.within(first, upto)) == numbers(ranges) & wanted
    assert numbers(spans.holes(first, upto)) == wanted - numbers(ranges)
    assert spans.end == max(numbers(ranges), default=-1) + 1
    whole = spans.within(0, 50)
    assert all(before[1] < after[0] for before, after in pairwise(whole)), "neighbours are one range"
