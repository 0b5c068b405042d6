"""What a model imports: all of it, in a process that has everything loaded already, and nothing that others import."""

import builtins
import importlib
import json
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from runlake.extras import import_extra
from runlake.models.imports import OWN_REQUIREMENTS, closure, recorded

Site = Callable[..., None]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Write modules that can be imported in this test, and forget them after it."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)

    def write(**modules: str) -> None:
        for name, text in modules.items():
            file = tmp_path / (name.replace(".", "/") + ".py")
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        importlib.invalidate_caches()

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


def needed(run: Callable[[], object]) -> set[str]:
    """Return what `run` needs beside the standard library, by the names of modules, tests and tools left out."""
    with recorded() as recording:
        run()
    return set(closure(recording))


def model_of(module: str) -> Callable[[], object]:
    """Return a call that loads a model of the class Model in a module and predicts with it."""
    data = pickle.dumps(importlib.import_module(module).Model())
    return lambda: pickle.loads(data).predict(1)


PLAIN = "class Model:\n    def predict(self, data):\n        return data\n"


def test_what_training_imported_and_the_model_does_not_need_is_left_out(site: Site) -> None:
    site(m_model=f"import m_needed\n{PLAIN}", m_needed="import m_deeper", m_deeper="", m_training="")
    importlib.import_module("m_training")
    assert needed(model_of("m_model")) == {"m_model", "m_needed", "m_deeper"}


def test_modules_that_are_loaded_only_now_are_found_as_well(site: Site) -> None:
    site(m_model=f"import m_needed\n{PLAIN}", m_needed="from m_deeper import VALUE", m_deeper="VALUE = 1")
    run = model_of("m_model")
    for name in ("m_model", "m_needed", "m_deeper"):
        del sys.modules[name]
    assert needed(run) == {"m_model", "m_needed", "m_deeper"}


@pytest.mark.parametrize(
    "statement",
    [
        "import m_late",
        "from m_late import VALUE",
        "import importlib; importlib.import_module('m_late')",
        "from importlib import import_module; import_module('m_late')",
        "__import__('m_late')",
    ],
)
def test_imports_in_functions_count_when_they_run(site: Site, statement: str) -> None:
    site(
        m_model=f"class Model:\n    def predict(self, data):\n        {statement}\n"
        "    def other(self):\n        import m_never\n",
        m_late="VALUE = 1",
        m_never="",
    )
    importlib.import_module("m_late")
    importlib.import_module("m_never")
    assert needed(model_of("m_model")) == {"m_model", "m_late"}


def test_names_for_type_checkers_are_not_needed(site: Site) -> None:
    site(
        m_model="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import m_types\n    from m_types import T\n"
        + PLAIN,
        m_types="class T: ...",
    )
    importlib.import_module("m_types")
    assert needed(model_of("m_model")) == {"m_model"}


@pytest.mark.parametrize(
    "statement", ["from m_flags import FLAG", "from .flags import FLAG", "from m_pack.flags import *"]
)
def test_a_module_counts_of_which_only_a_number_is_imported(site: Site, statement: str) -> None:
    site(m_tool="", m_flags="import m_tool\nFLAG = 1234567")
    site(
        **{
            "m_pack.__init__": "",
            "m_pack.model": f"{statement}\n{PLAIN}",
            "m_pack.flags": "import m_tool\nFLAG = 1234567",
        }
    )
    flags = "m_flags" if "m_flags" in statement else "m_pack.flags"
    assert needed(model_of("m_pack.model")) == {"m_pack", "m_pack.model", flags, "m_tool"}


def test_a_submodule_that_somebody_else_has_imported_does_not_count(site: Site) -> None:
    site(**{"m_pack.__init__": PLAIN, "m_pack.testing": "import m_tool", "m_tool": ""})
    importlib.import_module("m_pack.testing")
    assert needed(model_of("m_pack")) == {"m_pack"}


@pytest.mark.parametrize(
    "statement",
    ["from . import testing", "from .testing import VALUE", "import m_pack.testing", "from m_pack import testing"],
)
def test_a_submodule_that_its_package_imports_counts(site: Site, statement: str) -> None:
    site(**{"m_pack.__init__": f"{PLAIN}{statement}", "m_pack.testing": "import m_tool\nVALUE = 1", "m_tool": ""})
    assert needed(model_of("m_pack")) == {"m_pack", "m_pack.testing", "m_tool"}


def test_a_submodule_counts_that_is_imported_by_its_whole_name(site: Site) -> None:
    site(m_model=f"import m_pack.part\n{PLAIN}", m_tool="", m_else="")
    site(**{"m_pack.__init__": "", "m_pack.part": "import m_tool", "m_pack.other": "import m_else"})
    importlib.import_module("m_pack.other")
    assert needed(model_of("m_model")) == {"m_model", "m_pack", "m_pack.part", "m_tool"}


def test_a_model_of_this_script_brings_its_functions_and_needs_what_they_import(site: Site) -> None:
    site(m_used="VALUE = 1", m_late="")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec("import m_used\ndef predict(data):\n    import m_late\n    return m_used.VALUE", namespace)
    importlib.import_module("m_late")
    data = cloudpickle.dumps(namespace["predict"])
    found = needed(lambda: pickle.loads(data)(1))
    assert {"m_used", "m_late", "cloudpickle"} <= found
    assert not any(name.startswith(("pytest", "_pytest", "tests")) for name in found)


def test_what_other_threads_import_meanwhile_does_not_count(site: Site) -> None:
    site(m_other="", m_own="", m_model=PLAIN)
    go, gone = threading.Event(), threading.Event()

    def other() -> None:
        go.wait()
        importlib.import_module("m_other")
        gone.set()

    def started_here() -> None:
        thread = threading.Thread(target=lambda: importlib.import_module("m_own"))
        go.set()
        gone.wait()
        thread.start()
        thread.join()

    thread = threading.Thread(target=other)
    thread.start()
    try:
        assert "m_other" not in needed(started_here)
    finally:
        go.set()
        thread.join()


def test_what_runlake_uses_for_itself_does_not_count_unless_the_model_uses_it() -> None:
    yaml = importlib.import_module("yaml")
    assert "yaml" not in needed(lambda: import_extra("yaml", "to test"))
    data = pickle.dumps(yaml.YAMLError("x"))
    assert "yaml" in needed(lambda: pickle.loads(data))


def test_a_finder_that_imports_something_of_its_own_does_not_count(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site(
        m_finder="class Finder:\n    @staticmethod\n    def find_spec(name, path=None, target=None):\n"
        "        if name == 'm_model':\n            import m_index\n",
        m_index="",
        m_model=PLAIN,
    )
    run = model_of("m_model")
    del sys.modules["m_model"]
    monkeypatch.setattr(sys, "meta_path", [importlib.import_module("m_finder").Finder, *sys.meta_path])
    assert needed(run) == {"m_model"}


def test_everything_is_as_before_when_the_block_ends() -> None:
    before = (builtins.__import__, importlib._bootstrap._gcd_import)  # type: ignore[attr-defined]
    with pytest.raises(ZeroDivisionError), recorded(), recorded():
        _ = 1 / 0
    assert (builtins.__import__, importlib._bootstrap._gcd_import) == before  # type: ignore[attr-defined]


def test_a_hook_that_is_put_around_ours_stays_and_ours_goes_deaf(monkeypatch: pytest.MonkeyPatch, site: Site) -> None:
    site(m_after="")
    monkeypatch.setattr(builtins, "__import__", builtins.__import__)
    with recorded() as recording:
        ours = builtins.__import__

        def around(*given: Any, **named: Any) -> Any:
            return ours(*given, **named)

        builtins.__import__ = around
    assert builtins.__import__ is around
    import_module_by_statement = "import m_after"
    exec(import_module_by_statement, {})
    assert "m_after" not in recording.wanted


def test_runlakes_own_requirements_are_those_it_declares() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    listed = next(line for line in text.splitlines() if line.startswith("dependencies = ["))
    names = {part.split(">=")[0].strip(' "') for part in listed.partition("[")[2].rstrip("]").split(",")}
    assert {"yaml" if name == "pyyaml" else name for name in names} == OWN_REQUIREMENTS


FRESH = """
import json, pickle, sys
before = set(sys.modules)
model, data = pickle.load(open(sys.argv[1], "rb"))
model.predict(data)
names = [name for name in set(sys.modules) - before if getattr(sys.modules[name], "__file__", None)]
print(json.dumps(names))
"""


def test_a_scikit_learn_model_needs_what_a_fresh_interpreter_imports(tmp_path: Path) -> None:
    numpy = importlib.import_module("numpy")
    for name in ("polars", "sklearn.datasets", "sklearn.utils._testing", "numpy.testing"):
        importlib.import_module(name)
    data = numpy.random.default_rng(0).random((50, 3))
    model = importlib.import_module("sklearn.linear_model").LogisticRegression().fit(data, data[:, 0] > 0.5)
    file = tmp_path / "model.pkl"
    file.write_bytes(pickle.dumps((model, data[:2])))
    fresh = subprocess.run([sys.executable, "-c", FRESH, file], check=True, capture_output=True, text=True).stdout

    def run() -> None:
        loaded, rows = pickle.loads(file.read_bytes())
        loaded.predict(rows)

    def packages(names: Iterable[str]) -> set[str]:
        tops = {name.partition(".")[0] for name in names}
        return {name for name in tops - sys.stdlib_module_names if not name.startswith("_")}

    assert packages(needed(run)) == packages(json.loads(fresh))


def test_following_what_a_large_library_has_imported_is_quick() -> None:
    importlib.import_module("sklearn.linear_model")
    data = pickle.dumps(sys.modules["sklearn.linear_model"].LogisticRegression())
    with recorded() as recording:
        pickle.loads(data)
    closure(recording)
    start = time.perf_counter()
    assert len(closure(recording)) > 500
    assert time.perf_counter() - start < 1
