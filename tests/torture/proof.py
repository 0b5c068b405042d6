"""Proof: a command that prints what it found, and what that has to be."""

from __future__ import annotations

import operator
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

_COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "=": operator.eq,
    ">=": operator.ge,
    "<=": operator.le,
}
_CONDITION = re.compile(r"([\w-]+)(>=|<=|=)([\d.]+)")
_FIGURE = re.compile(r"([\w.-]+)=(\S+)")
_TARGET = re.compile(r"^\| (.+?) \| (.+?) \| (.+?) \| (yes|\*\*no\*\*) \|$")


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: For people.
        name: Of the lines `proof: name key=value …` that say the figures; all there are have to reach what they must.
            Empty for a row that is as the exit status is.
        must: Conditions such as `kills>=500 lost=0`.
    """

    what: str
    name: str = ""
    must: str = ""

    def verdict(self, found: Sequence[Mapping[str, str]], ended_well: bool) -> Verdict:
        """Compare what was found with what has to be."""
        conditions = _CONDITION.findall(self.must)
        shown = " · ".join(" ".join(f"{key}={figure}" for key, figure in figures.items()) for figures in found)
        met = all(
            key in figures and _COMPARISONS[comparison](float(figures[key]), float(limit))
            for figures in found
            for key, comparison, limit in conditions
        )
        holds = ended_well and met and (bool(found) or not self.name)
        return Verdict(self.what, self.must or "every test passes", shown or ("yes" if ended_well else "no"), holds)


@dataclass(frozen=True)
class Verdict:
    """A row of the table as it came out."""

    what: str
    must: str
    reached: str
    holds: bool


@dataclass(frozen=True)
class Proof:
    """A command and the rows that it is for.

    Attributes:
        times: How often it is run, each time with other random numbers.
        limit_s: Longest time that it may take each time.
        alone: Whether nothing else may run beside it, for it measures times.
    """

    name: str
    command: tuple[str, ...]
    rows: tuple[Row, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    limit_s: float = 600.0
    alone: bool = False

    def verdicts(self, said: str, ended_well: bool) -> list[Verdict]:
        """Read what the command said: lines of proofs, and rows of tables that benchmarks print."""
        judged = [row.verdict(figures_of(said, row.name), ended_well) for row in self.rows]
        return judged + targets_of(said)


def figures_of(said: str, name: str) -> list[dict[str, str]]:
    """Return the figures of each line of a proof."""
    lines = [line[line.index("proof: ") :].split(None, 2) for line in said.splitlines() if "proof: " in line]
    return [dict(_FIGURE.findall(line[2])) for line in lines if len(line) == 3 and name and line[1] == name]


def targets_of(said: str) -> list[Verdict]:
    """Return the rows of what `python -m benchmarks.targets` has printed."""
    found = [match.groups() for line in said.splitlines() if (match := _TARGET.match(line))]
    return [Verdict(what, must, reached, verdict == "yes") for what, must, reached, verdict in found]


def pytest_command(*arguments: str, jobs: int = 0) -> tuple[str, ...]:
    """Return how some tests are run; with `jobs` at once, what they print is not seen."""
    how = ("-n", str(jobs)) if jobs else ("-s",)
    return sys.executable, "-m", "pytest", "-q", "-p", "no:benchmark", *how, *arguments


def engine_command(*tests: str, feature: str = "failpoints") -> tuple[str, ...]:
    """Return how tests of the engine are run, built with one of its features."""
    wanted = tuple(argument for test in tests for argument in ("--test", test))
    cargo = ("cargo", "test", "--quiet", "--locked", "--profile", "quick", "--package", "runlake-engine")
    return *cargo, "--features", feature, *wanted, "--", "--nocapture"
