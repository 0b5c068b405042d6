"""Random packages, judged by Python: what a model needs is what a fresh interpreter has loaded after running it."""

import importlib
import json
import pickle
import random
import subprocess
import sys
from pathlib import Path

import pytest

from runlake.models.imports import closure, recorded

FRESH = """
import json, pickle, sys
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
pickle.loads(bytes.fromhex(sys.argv[2])).predict(1)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


class Packages:
    """Six packages of four modules each, in an order: modules import only from those before them, so that it ends."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.prefix = f"r{seed}_"
        self.names = [f"{self.prefix}p{i}{part}" for i in range(6) for part in ("", f".a{i}", f".b{i}", f".c{i}")]

    def write(self, folder: Path) -> None:
        for place, name in enumerate(self.names):
            file = folder / name.replace(".", "/")
            file = file / "__init__.py" if "." not in name else file.with_suffix(".py")
            file.parent.mkdir(exist_ok=True)
            # A package comes before its modules and may import them, which then must not import others of it.
            before = [other for other in self.names[:place] if other.partition(".")[0] != name.partition(".")[0]]
            lines = ["__all__ = ['VALUE', 'Model']", f"VALUE = 'value of {name}'", "from typing import TYPE_CHECKING"]
            lines += [line for number in range(3) for line in self.statement(name, before, number)]
            file.write_text("\n".join([*lines, self.model(before), ""]))

    def statement(self, name: str, before: list[str], number: int) -> list[str]:
        own = [f".{part}{name[-1]}" for part in "abc"] if "." not in name else []
        if own and self.random.random() < 0.4:
            part = self.random.choice(own)
            return [
                self.random.choice(
                    [f"from . import {part[1:]}", f"from {part} import VALUE as OWN{number}", f"import {name}{part}"]
                )
            ]
        if not before or self.random.random() < 0.3:
            return ["try:\n    import not_there_at_all\nexcept ImportError:\n    pass"]
        other = self.random.choice(before)
        package, _, part = other.rpartition(".")
        kinds = [
            f"import {other}",
            f"import {other} as other{number}",
            f"from {other} import function as function{number}",
            f"from {other} import VALUE as OTHER{number}, Model as Model{number}",
            f"from {other} import *",
            f"if TYPE_CHECKING:\n    import {other} as typed\n    from {other} import Model as Other",
        ]
        kinds += [f"from {package} import {part}"] if package else []
        return [self.random.choice(kinds)]

    def model(self, before: list[str]) -> str:
        late = f"import {self.random.choice(before)}" if before and self.random.random() < 0.5 else "pass"
        never = f"import {self.random.choice(before)}" if before else "pass"
        return (
            f"def function():\n    {never}\n"
            f"class Model:\n    def predict(self, data):\n        {late}\n        return data\n"
        )


@pytest.mark.parametrize("seed", range(25))
def test_a_model_needs_what_a_fresh_interpreter_loads(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = Packages(seed)
    packages.write(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    try:
        for name in packages.names:  # the process that trains has loaded everything
            importlib.import_module(name)
        model = packages.random.choice(packages.names)
        data = pickle.dumps(sys.modules[model].Model())
        with recorded() as seen:
            pickle.loads(data).predict(1)
        found = set(closure(seen))
    finally:
        for name in packages.names:
            sys.modules.pop(name, None)
    fresh = [sys.executable, "-I", "-S", "-c", FRESH, str(tmp_path), data.hex()]
    loaded = json.loads(subprocess.run(fresh, check=True, capture_output=True, text=True).stdout)
    assert found == {name for name in loaded if name.startswith(packages.prefix)}
