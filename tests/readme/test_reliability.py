"""The page on reliability names tests that exist, and rows that `make torture` has."""

import ast
import re
from pathlib import Path

import pytest

from tests.torture.plan import PROOFS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
NAMED = sorted(set(re.findall(r"`([\w./]+\.(?:py|rs))::(\w+)`", PAGE.read_text())))


@pytest.mark.parametrize(("path", "name"), NAMED, ids=[name for _, name in NAMED])
def test_every_test_that_the_page_names_exists(path: str, name: str) -> None:
    source = (ROOT / path).read_text()
    if path.endswith(".py"):
        defined = {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)}
    else:
        defined = set(re.findall(r"\bfn (\w+)\(", source))
    assert name in defined


def test_every_promise_is_stated_with_a_test() -> None:
    rows = re.findall(r"^\| (P\d+) \|(.*)\|$", PAGE.read_text(), re.MULTILINE)
    assert [number for number, _ in rows] == [f"P{number}" for number in range(1, 11)]
    assert all("::" in row for _, row in rows)


def test_every_proof_that_the_page_says_can_be_run_is_one() -> None:
    named = re.findall(r"python -m tests\.torture ([a-z]+)", PAGE.read_text())
    assert set(named) <= {proof.name for proof in PROOFS}
    assert named
