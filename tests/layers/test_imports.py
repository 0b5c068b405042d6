"""Who imports whom: the order of the layers, and the libraries that belong to one layer alone."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import runlake

PACKAGE = Path(runlake.__file__).parent

# A module may import from its own layer and from those before it. What is not named here is in the last but one.
LAYERS = (
    (
        "_engine",
        "errors",
        "config",
        "by_id",
        "entities",
        "names",
        "lookalikes",
        "promotion",
        "missing_names",
        "lazy",
        "pages",
        "extras",
        "plain_yaml",
        "interpreter",
        "filesystem",
        "types",
    ),
    ("catalog", "query", "artifacts", "data", "provenance"),
    ("throttling", "accounts", "losses"),
    ("store", "reads", "sealing", "sending_hooks", "delivery", "recovery", "replicas", "compaction", "garbage"),
    ("tracking",),
    ("cli", "demo", "__main__"),
)
TRACKING = 4

# module -> the only parts of the package that may import it
OWNED = {
    "sqlite3": ("catalog",),
    "polars": ("query",),
    "click": ("cli",),
    "plotille": ("cli",),
    "rich": ("cli", "demo", "replication"),
    "sklearn": ("demo", "sklearn"),
    "mlflow": ("mlflow_plugin",),
    "fastapi": ("server",),
    "starlette": ("server",),
    "uvicorn": ("server",),
    "orjson": ("server",),
    "urllib3": ("remote",),
    "graphql": ("server",),
}


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    """The first name below the package: `catalog` for catalog/connection.py, `store` for store.py."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def module_of(path: Path) -> list[str]:
    parts = ["runlake", *path.relative_to(PACKAGE).with_suffix("").parts]
    return parts[:-1] if parts[-1] == "__init__" else parts


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every node of a source, its module first."""
    return tuple(ast.walk(ast.parse(path.read_text())))


@cache
def imported(path: Path, *, for_types: bool = True) -> tuple[tuple[str, int], ...]:
    """Every module that `path` imports anywhere, in full, with its line; without those under `if TYPE_CHECKING`."""
    return tuple(_imported(path, for_types))


def _imported(path: Path, for_types: bool) -> Iterator[tuple[str, int]]:
    skipped = set() if for_types else {id(node) for block in typing_blocks(path) for node in ast.walk(block)}
    package = module_of(path) if path.name == "__init__.py" else module_of(path)[:-1]
    for node in nodes(path):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((f"{module}.{alias.name}", node.lineno) for alias in node.names)


def typing_blocks(path: Path) -> list[ast.If]:
    return [node for node in nodes(path) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)]


def layer_of(part: str) -> int:
    return next((level for level, parts in enumerate(LAYERS) if part in parts), TRACKING)


def test_no_module_imports_from_a_layer_above_it() -> None:
    wrong = []
    for path in sources():
        own = part_of(path)
        if own == "__init__":
            continue
        for module, line in imported(path, for_types=False):
            if not module.startswith("runlake."):
                continue
            other = module.split(".")[1]
            if (PACKAGE / f"{other}.py").exists() or (PACKAGE / other).is_dir() or other == "_engine":
                if layer_of(other) > layer_of(own):
                    wrong.append(f"{path.relative_to(PACKAGE)}:{line} imports {module}")
            elif layer_of(own) < TRACKING:
                wrong.append(f"{path.relative_to(PACKAGE)}:{line} takes {other} from the package itself")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("library", OWNED)
def test_a_library_is_imported_only_where_it_belongs(library: str) -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in sources()
        if part_of(path) not in OWNED[library]
        for module, line in imported(path, for_types=False)
        if module.split(".")[0] == library
    ]
    assert not wrong, f"{library} is imported by {wrong}"


def test_the_environment_is_read_in_config_alone() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in sources()
        if part_of(path) != "config"
        for node in nodes(path)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
        and node.attr in ("environ", "environb", "getenv", "getenvb", "putenv")
    ]
    wrong += [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in sources()
        if part_of(path) != "config"
        for module, line in imported(path)
        if module in ("os.environ", "os.getenv")
    ]
    assert not wrong, f"the environment is read by {wrong}"


def test_nothing_is_printed_outside_the_command_line() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in sources()
        if layer_of(part_of(path)) < layer_of("cli")
        for node in nodes(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not wrong, f"print is called by {wrong}"


def test_the_wire_of_mlflow_is_known_in_its_own_modules_alone() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in sources()
        if part_of(path) == "server" and not path.name.startswith("mlflow_")
        for node in nodes(path)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and any(sign in node.value for sign in ("mlflow/", "mlflow-artifacts", "run_uuid", "experiment_id"))
    ]
    assert not wrong, f"MLflow's wire names are used by {wrong}"


def test_modules_stay_small_enough_to_read() -> None:
    long = {
        str(path.relative_to(PACKAGE)): lines
        for path in sources()
        if (lines := len(path.read_text().splitlines())) > 600
    }
    assert not long, f"more than 600 lines: {long}"
