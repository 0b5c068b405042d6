"""Running: load the model in a folder as whoever serves it would, and have it predict on its example.

    python -m runlake.models.running FOLDER RESULT [--trust-pickle]

does so in an interpreter of its own and writes what came of it to the file RESULT, for the model may print.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from runlake.errors import RunlakeError

if TYPE_CHECKING:
    from runlake.models.trust import Trust

Stage: TypeAlias = Literal["load", "predict"]

TRUST_PICKLE: Final = "--trust-pickle"
NO_EXAMPLE: Final = "the model has no input example to run"


def run(folder: Path) -> None:
    """Load a model that was saved here and predict on its example, if it has one."""
    from runlake.models import trust

    _run(folder, trust.EVERYTHING, [])


def main(arguments: Sequence[str]) -> None:
    """Run a model and write a JSON object: `done`, the stages that succeeded, and `failed`, what the next one said."""
    from runlake.models import trust

    folder, result = Path(arguments[0]), Path(arguments[1])
    done: list[Stage] = []
    failed: str | None = None
    has_example = False
    try:
        has_example = _run(folder, trust.given(True if TRUST_PICKLE in arguments[2:] else None), done)
    except Exception as error:  # it is the model's own code that fails here, in any way
        failed = str(error) if isinstance(error, RunlakeError) else f"{type(error).__name__}: {error}"
    result.write_text(json.dumps({"done": done, "failed": failed, "has_example": has_example}), encoding="utf-8")


def _run(folder: Path, trusted: Trust, done: list[Stage]) -> bool:
    from runlake.models import contract, loading
    from runlake.models.flavors import PYTHON_FUNCTION
    from runlake.models.manifest import Model

    manifest = Model.load(folder)
    if PYTHON_FUNCTION not in manifest.flavors:  # nothing predicts; it is loaded as the library's own object
        for flavor in manifest.flavors:
            loading.load_native(folder, flavor, trust=trusted)
        done.append("load")
        return False
    loaded = loading.load(folder, trust=trusted, manifest=manifest)
    done.append("load")
    if not manifest.saved_input_example_info:
        return False
    data, params = contract.read_example(folder, manifest.saved_input_example_info, manifest.signature)
    loaded.predict(data, params)
    done.append("predict")
    return True


if __name__ == "__main__":
    main(sys.argv[1:])
