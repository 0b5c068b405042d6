"""Typed parameters: what a text reads as."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlake.catalog import Kind, read_typed


@pytest.mark.parametrize(
    ("text", "kind", "typed"),
    [
        ("1", Kind.INT, 1),
        ("-17", Kind.INT, -17),
        ("+0", Kind.INT, 0),
        (str(2**63 - 1), Kind.INT, 2**63 - 1),
        (str(2**63), Kind.FLOAT, 2.0**63),
        ("9" * 5000, Kind.FLOAT, math.inf),
        ("0.001", Kind.FLOAT, 0.001),
        ("1e-3", Kind.FLOAT, 0.001),
        ("1.", Kind.FLOAT, 1.0),
        (".5", Kind.FLOAT, 0.5),
        ("-inf", Kind.FLOAT, -math.inf),
        ("Infinity", Kind.FLOAT, math.inf),
        ("nan", Kind.FLOAT, None),
        ("NaN", Kind.FLOAT, None),
        ("True", Kind.BOOL, 1),
        ("false", Kind.BOOL, 0),
        ("None", Kind.NULL, None),
        ("null", Kind.NULL, None),
        ("", Kind.NULL, None),
        *(
            (text, Kind.TEXT, None)
            for text in ("007", "00.5", "1_000", " 1", "1\n", "0x10", "TRUE", "1e", "\u0661", "adam")
        ),
    ],
)
def test_a_text_reads_as(text: str, kind: Kind, typed: float | None) -> None:
    assert read_typed(text) == (kind, typed)
    assert type(read_typed(text)[1]) is type(typed)


@settings(deadline=None)
@given(st.floats(allow_nan=False) | st.integers(-(2**63), 2**63 - 1))
def test_what_python_writes_for_a_number_reads_as_that_number(number: float) -> None:
    kind, typed = read_typed(str(number))
    assert (kind, typed) == (Kind.INT if isinstance(number, int) else Kind.FLOAT, number)


@settings(deadline=None)
@given(st.text())
def test_any_text_reads_as_something(text: str) -> None:
    kind, typed = read_typed(text)
    assert (typed is None) or kind in (Kind.INT, Kind.FLOAT, Kind.BOOL)
