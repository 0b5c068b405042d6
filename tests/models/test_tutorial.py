"""What beginners write for MLflow runs here with another import, and prints what it prints there."""

from __future__ import annotations

import contextlib
import io
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from tests.tracking.judge import Judge

PROGRAMS = sorted((Path(__file__).parent / "tutorial").glob("*.py"))
OF_MLFLOW = re.compile(r"^(import|from) mlflow\b(.*)$", re.MULTILINE)

each_program = pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)


def with_our_import(program: str) -> str:
    """Replace the package in lines that import it; `import mlflow.sklearn` makes no other name than `mlflow` either."""
    return OF_MLFLOW.sub(
        lambda line: "import runlake as mlflow" if line[1] == "import" else f"from runlake{line[2]}", program
    )


def expected(program: Path) -> str:
    """Return what a program says that it prints, in comments."""
    lines = re.findall(r"^ *# -> (.*)$", program.read_text(), re.MULTILINE)
    assert lines
    return "".join(f"{line}\n" for line in lines)


def run(program: Path, *, ours: bool) -> str:
    """Run a program in the working directory and return what it has printed."""
    code = program.read_text()
    for other in (program.parent / "code").glob("*.py"):
        Path("code").mkdir(exist_ok=True)
        Path("code", other.name).write_text(with_our_import(other.read_text()) if ours else other.read_text())
    names: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(with_our_import(code) if ours else code, program, "exec"), names)
    return printed.getvalue()


def test_nothing_but_lines_that_import_is_changed() -> None:
    program = "import mlflow\nimport mlflow.sklearn\nfrom mlflow.models import set_model\nmlflow.log_param('mlflow', 1)"
    assert with_our_import(program).splitlines() == [
        "import runlake as mlflow",
        "import runlake as mlflow",
        "from runlake.models import set_model",
        "mlflow.log_param('mlflow', 1)",
    ]


@each_program
def test_a_program_of_mlflows_prints_what_it_says(program: Path, lake: Path) -> None:
    assert run(program, ours=True) == expected(program)


@each_program
def test_it_prints_the_same_under_mlflow(
    program: Path, tmp_path: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT", "1")  # it would start a process for each model
    logging.disable(logging.WARNING)
    try:
        printed = judge.answer(lambda _: run(program, ours=False), tmp_path / "official")
    finally:
        logging.disable(logging.NOTSET)
    assert printed == expected(program)
