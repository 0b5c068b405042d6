"""Standard tags: in every way that a program can be started."""

import getpass
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from runlake.provenance import standard_tags

SHOW = "import json; from runlake.provenance import standard_tags; print(json.dumps(standard_tags()))"


def test_a_script_is_named_with_host_user_and_command(tmp_path: Path, python: Callable[..., Any]) -> None:
    (tmp_path / "my train.py").write_text(SHOW)
    tags = python("my train.py", "--lr", "0.1", "--token=s3cr3t", cwd=tmp_path)
    assert tags == {
        "mlflow.user": getpass.getuser(),
        "mlflow.source.name": str(tmp_path / "my train.py"),
        "mlflow.source.type": "LOCAL",
        "runlake.host": os.uname().nodename,
        "runlake.command": f"{sys.executable} 'my train.py' --lr 0.1 '--token=***'",
        "runlake.python": sys.version.split()[0],
    }


def test_a_module_is_named_by_its_name(tmp_path: Path, python: Callable[..., Any]) -> None:
    for name in ("pkg/__init__.py", "pkg/train.py", "pkg/__main__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(SHOW if name != "pkg/__init__.py" else "")
    assert python("-m", "pkg.train", cwd=tmp_path)["mlflow.source.name"] == "pkg.train"
    assert python("-m", "pkg", cwd=tmp_path)["mlflow.source.name"] == "pkg"


def test_a_program_on_the_command_line_is_named_so(python: Callable[..., Any]) -> None:
    tags = python("-c", SHOW + " # api_key='s3cr3t'")
    assert tags["mlflow.source.name"] == "python -c"
    assert "s3cr3t" not in tags["runlake.command"]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_child_has_the_name_and_the_command_of_its_parent(
    tmp_path: Path, python: Callable[..., Any], method: str
) -> None:
    (tmp_path / "parent.py").write_text(
        "import json, multiprocessing\nfrom runlake.provenance import standard_tags\n"
        "if __name__ == '__main__':\n"
        f"    with multiprocessing.get_context({method!r}).Pool(1) as pool:\n"
        "        print(json.dumps(pool.apply(standard_tags)))\n"
    )
    tags = python("parent.py", "--lr", "0.1", cwd=tmp_path)
    assert tags["mlflow.source.name"] == str(tmp_path / "parent.py")
    assert tags["runlake.command"] == f"{sys.executable} parent.py --lr 0.1"


def test_a_batch_system_s_job_is_a_job(python: Callable[..., Any]) -> None:
    assert python("-c", SHOW, SLURM_JOB_ID="17")["mlflow.source.type"] == "JOB"


def test_a_user_without_a_name_is_a_number(python: Callable[..., Any]) -> None:
    nameless = "import pwd\ndef missing(uid): raise KeyError(uid)\npwd.getpwuid = missing\n" + SHOW
    tags = python("-c", nameless, LOGNAME="", USER="", LNAME="", USERNAME="")
    assert tags["mlflow.user"] == str(os.getuid())


def test_a_very_long_command_is_cut(python: Callable[..., Any]) -> None:
    command = python("-c", SHOW, "x" * 20_000)["runlake.command"]
    assert len(command) < 5000
    assert command.endswith("…")


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a notebook's kernel looks like from inside; the variables of its user."""
    variables: dict[str, Any] = {}
    ipython = ModuleType("IPython")
    shell = SimpleNamespace(kernel=object(), user_ns=variables)
    ipython.get_ipython = lambda: shell  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    return variables


def test_a_notebook_is_named_as_its_front_end_tells(kernel: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert standard_tags()["mlflow.source.type"] == "NOTEBOOK"
    assert standard_tags()["mlflow.source.name"] == "notebook"
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/a.ipynb")
    assert standard_tags()["mlflow.source.name"] == "/home/me/a.ipynb"
    kernel["__vsc_ipynb_file__"] = "/home/me/b.ipynb"
    assert standard_tags()["mlflow.source.name"] == "/home/me/b.ipynb"


def test_ipython_in_a_terminal_is_a_program(kernel: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ipykernel")
    assert standard_tags()["mlflow.source.type"] in ("LOCAL", "JOB")


def test_an_interpreter_without_arguments_is_still_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(sys, "argv")
    assert standard_tags()["mlflow.user"]


def test_tags_are_a_dictionary_of_one_s_own() -> None:
    standard_tags()["mlflow.user"] = "changed"
    assert standard_tags()["mlflow.user"] != "changed"
    assert json.loads(json.dumps(standard_tags())) == standard_tags()


def test_the_tags_take_a_fraction_of_a_millisecond(python: Callable[..., Any]) -> None:
    timed = (
        "import json, time\nfrom runlake.provenance import standard_tags\n"
        "start = time.perf_counter(); standard_tags(); print(json.dumps(time.perf_counter() - start))"
    )
    # The promise is 0.3 ms; machines that run other tests at the same time need room.
    assert statistics.median(python("-c", timed) for _ in range(5)) < 0.0015
    start = time.perf_counter()
    for _ in range(100):
        standard_tags()
    assert (time.perf_counter() - start) / 100 < 0.0003
