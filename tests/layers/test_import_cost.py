"""What `import runlake` costs: nothing heavy is loaded, and it takes a few hundredths of a second."""

import json
import statistics
import subprocess
import sys
import time

HEAVY = (
    "polars",
    "numpy",
    "pandas",
    "pyarrow",
    "fastapi",
    "uvicorn",
    "orjson",
    "graphql",
    "matplotlib",
    "sklearn",
    "xgboost",
    "lightgbm",
    "onnx",
    "torch",
    "rich",
    "click",
    "mlflow",
    "yaml",
    "urllib3",
)

# The promise is 80 ms; a machine that runs other tests at the same time needs room.
LIMIT_MS = 80
SLACK = 2.0


def seconds(program: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - start


def test_importing_runlake_loads_nothing_heavy() -> None:
    program = "import json, sys, runlake; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    out = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert not set(HEAVY) & set(json.loads(out))


def test_importing_runlake_takes_at_most_80_ms_more_than_bare_python() -> None:
    seconds("import runlake")
    differences = [seconds("import runlake") - seconds("pass") for _ in range(7)]
    assert statistics.median(differences) * 1000 <= LIMIT_MS * SLACK


def test_importing_runlake_makes_no_file_and_starts_no_thread() -> None:
    program = "import os, threading, runlake; print(os.listdir('.'), threading.active_count())"
    out = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert out.split() == ["[]", "1"]
