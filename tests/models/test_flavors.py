"""Flavors: ours and those of third parties, which packages bring with them."""

import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import runlake
from runlake.errors import InvalidInput, NotFound
from runlake.models import flavors, saving
from runlake.models.flavors import Flavor, Loading, payload, reading

PAGE = Path(__file__).parents[2] / "docs" / "models.md"


def written(language: str) -> str:
    """What the page says that a package has which brings a flavor, in one language."""
    section = PAGE.read_text().partition("## A flavor of your own")[2]
    return section.partition(f"```{language}\n")[2].partition("```")[0]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder that is on the path of child processes, with a package of a third party installed in it."""
    folder = tmp_path / "site"
    (folder / "nearest_shop-1.0.dist-info").mkdir(parents=True)
    (folder / "nearest_shop.py").write_text(written("python"))
    (folder / "nearest_shop-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: nearest-shop\nVersion: 1.0\n"
    )
    (points,) = tomllib.loads(written("toml"))["project"]["entry-points"].items()
    lines = [f"[{points[0]}]", *(f"{name} = {place}" for name, place in points[1].items())]
    (folder / "nearest_shop-1.0.dist-info" / "entry_points.txt").write_text("\n".join(lines))
    return folder


def run(shop: Path, program: str) -> str:
    begin = f"import sys; sys.path.insert(0, {str(shop)!r})\n"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", begin + program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_package_brings_a_flavor_that_is_found_by_name_and_by_loader(shop: Path, tmp_path: Path) -> None:
    save = """
import nearest_shop, runlake
from runlake.models import flavors
nearest_shop.save_model(nearest_shop.Nearest([1, 10]), "model")
print(flavors.names())
runlake.set_tracking_uri("lake")
with runlake.start_run():
    info = nearest_shop.log_model(nearest_shop.Nearest([1, 10]), "points", metadata={"shop": 7})
print(runlake.pyfunc.load_model(info.model_uri).predict([8]), info.metadata)
"""
    said = run(shop, save)
    assert "'nearest'" in said
    assert said.endswith("[10] {'shop': 7}")
    load = """
import runlake
from runlake.models import loading
print(runlake.pyfunc.load_model("model").predict([2, 9]), loading.load_native("model", "nearest").points)
"""
    assert run(shop, load) == "[1, 10] [1, 10]"
    assert run(shop, "import mlflow\nprint(mlflow.pyfunc.load_model('model').predict([2, 9]))") == "[1, 10]"
    (tmp_path / "model" / "points.json").write_text("[1, 1")
    broken = "import runlake\ntry: runlake.pyfunc.load_model('model')\nexcept Exception as error: print(error)"
    assert "points.json is cut off or garbled, or holds no list of points" in run(shop, broken)


def test_an_entry_point_that_is_no_flavor_is_named(shop: Path) -> None:
    (shop / "nearest_shop.py").write_text("NearestFlavor = 17\n")
    program = (
        "from runlake.models import flavors\ntry: flavors.find('nearest')\nexcept Exception as error: print(error)"
    )
    assert "the entry point 'nearest' of runlake.flavors is 17" in run(shop, program)


def test_a_flavor_that_nobody_has_is_said_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no flavor 'nothing'") as caught:
        flavors.find("nothing")
    assert "sklearn" in str(caught.value.hint)


class Table(Flavor):
    """Models that are a dictionary in a file."""

    name = "table"
    loader_module = "table_of_the_tests"

    def save(self, model: Any, folder: Path, **options: Any) -> dict[str, Any]:
        if not isinstance(model, dict):
            raise InvalidInput("a table is a dictionary")
        (folder / "table.txt").write_text("\n".join(f"{key}={value}" for key, value in model.items()))
        return {"data": "table.txt"}

    def load(self, folder: Path, keys: Mapping[str, Any], how: Loading) -> Any:
        file = payload(folder, keys, "data", flavor=self.name)
        with reading(file, "table"):
            return dict(line.split("=") for line in file.read_text().splitlines())

    def python_function(self, model: Any, keys: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        return {}

    def predictor(self, model: Any, keys: Mapping[str, Any]) -> Any:
        return _Lookup(model)


class _Lookup:
    def __init__(self, table: dict[str, str]) -> None:
        self.table = table

    def predict(self, data: list[str]) -> list[str]:
        return [self.table[key] for key in data]


def test_a_flavor_of_the_process_needs_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flavors, "_registered", dict(flavors._registered))
    flavors.register(Table())
    saving.save(tmp_path / "model", flavors.find("table"), {"a": "b"}, metadata={"k": 1})
    loaded = runlake.pyfunc.load_model(str(tmp_path / "model"))
    assert (loaded.predict(["a"]), loaded.metadata.metadata) == (["b"], {"k": 1})
    with pytest.raises(InvalidInput, match="a table is a dictionary"):
        saving.save(tmp_path / "other", flavors.find("table"), [1])
    assert not (tmp_path / "other").exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]
