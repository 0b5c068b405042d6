"""Points of one metric as JSON: no bit of a double is lost, and what JSON has no number for is a text."""

import json
import math
import random
import struct

import polars as pl
import pytest

from runlake.query.places import Places

SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def places(values: list[float]) -> Places:
    steps = range(len(values))
    return Places(pl.DataFrame({"value": values, "timestamp": list(steps), "step": list(steps)}))


def objects(places: Places, **same: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(b"[" + places.to_json(**same) + b"]")
    return found


def bits(value: object) -> bytes:
    assert isinstance(value, float | str)
    return struct.pack("<d", SPECIAL[value] if isinstance(value, str) else value)


@pytest.mark.parametrize("special", [[], [math.nan, math.inf, -math.inf]])
def test_every_double_comes_back_to_the_bit(special: list[float]) -> None:
    draw = random.Random(7)
    patterns = (struct.unpack("<d", draw.randbytes(8))[0] for _ in range(20_000))
    edges = [0.0, -0.0, 5e-324, -2.2250738585072014e-308, 1.7976931348623157e308, 0.1, 1e22, 1e23, 123456789012345680.0]
    values = [*edges, *(value for value in patterns if math.isfinite(value)), *special]
    assert [bits(found["value"]) for found in objects(places(values))] == [bits(value) for value in values]


def test_texts_are_quoted_and_whole_numbers_keep_64_bits() -> None:
    frame = pl.DataFrame({"value": [1.0], "timestamp": [2**63 - 1], "step": [-(2**63)]})
    key = 'a "quoted" \\ key\n\u2028 é'
    found = objects(Places(frame), key=key, run_id="r")
    assert found == [{"value": 1.0, "key": key, "run_id": "r", "timestamp": 2**63 - 1, "step": -(2**63)}]


def test_no_points_are_no_objects() -> None:
    assert places([]).to_json(key="loss") == b""


def test_parts_stay_within_what_there_is() -> None:
    steps = [
        [place[2] for place in places([0.0] * 5).part(start, size).rows()]
        for start, size in ((1, 2), (4, 9), (10**30, 10**30))
    ]
    assert steps == [[1, 2], [4], []]


@pytest.mark.parametrize(
    ("size", "steps"), [(1, [9]), (2, [0, 9]), (4, [0, 3, 6, 9]), (10, list(range(10))), (99, list(range(10)))]
)
def test_a_spread_has_both_ends(size: int, steps: list[int]) -> None:
    assert [place[2] for place in places([0.0] * 10).spread(size).rows()] == steps
