"""What the table of `make torture` says comes from what its proofs have printed, and nothing else."""

import re
from pathlib import Path

import pytest

from tests.torture.plan import PROOFS
from tests.torture.proof import Proof, Row, figures_of

SAID = """
some test
proof: sigkill kills=500 lost=0 seconds=3.5
.proof: sigkill kills=40 lost=1
proof: soak points=12
| p99.99 of a call | ≤ 200 µs | 90 µs (control 80 µs) | yes |
| worst of a call | ≤ 5 ms | 9 ms | **no** |
"""


def test_figures_are_those_of_the_lines_of_that_name() -> None:
    assert figures_of(SAID, "sigkill") == [
        {"kills": "500", "lost": "0", "seconds": "3.5"},
        {"kills": "40", "lost": "1"},
    ]
    assert figures_of(SAID, "sig") == []


@pytest.mark.parametrize(
    ("name", "must", "ended_well", "holds"),
    [
        ("soak", "points>=12", True, True),
        ("soak", "points>=13", True, False),
        ("soak", "points<=12 points=12", True, True),
        ("soak", "points>=12", False, False),
        ("soak", "lost=0", True, False),
        ("sigkill", "kills>=40", True, True),
        ("sigkill", "lost=0", True, False),
        ("sigkill", "seconds<=4", True, False),
        ("nothing", "", True, False),
        ("", "", True, True),
        ("", "", False, False),
    ],
)
def test_a_row_holds_when_each_line_reaches_all_it_must(name: str, must: str, ended_well: bool, holds: bool) -> None:
    verdict = Row("what", name, must).verdict(figures_of(SAID, name), ended_well)
    assert (verdict.what, verdict.holds) == ("what", holds)


def test_rows_of_benchmarks_are_taken_over_as_they_are() -> None:
    found = Proof("speed", (), ()).verdicts(SAID, ended_well=True)
    assert [(one.what, one.must, one.reached, one.holds) for one in found] == [
        ("p99.99 of a call", "≤ 200 µs", "90 µs (control 80 µs)", True),
        ("worst of a call", "≤ 5 ms", "9 ms", False),
    ]


def test_every_condition_of_the_plan_is_one_and_every_test_it_names_exists() -> None:
    for proof in PROOFS:
        for row in proof.rows:
            assert re.fullmatch(r"([\w-]+(=|>=|<=)[\d.]+ ?)*", row.must), row.must
        for argument in proof.command:
            assert not argument.startswith("tests/") or Path(__file__).parents[2].joinpath(argument).exists(), argument
    assert len({proof.name for proof in PROOFS}) == len(PROOFS)
