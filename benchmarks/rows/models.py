"""A scikit-learn model with signature and example, its environment captured: logged beside MLflow, and loaded again."""

from __future__ import annotations

import logging
import statistics
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measure import ROUNDS, Target, at_least, at_most, interleaved, seconds
from benchmarks.workload import scratch

_LOADS = 30
_EXAMPLE_ROWS = 5
_TRUSTED = ["sklearn.tree._tree.Tree"]  # without it MLflow saves no forest


def targets() -> Iterator[Target]:
    """A logistic regression and a forest of 100 trees, fitted on a table of flowers; each is checked to predict."""
    logging.disable(logging.WARNING)
    with scratch() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield from _logged(folder)
        yield from _loaded(folder)
    logging.disable(logging.NOTSET)


def _logged(folder: Path) -> Iterator[Target]:
    import mlflow
    import mlflow.sklearn

    import runlake

    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("bench", artifact_location=str(folder / "theirs")))
    runlake.set_tracking_uri(folder / "lake")
    runlake.set_experiment("bench")  # MLflow has exported its own
    for name, model in _models().items():
        turns: dict[str, Callable[[], None]] = {
            "ours": partial(_log, runlake, model),
            "theirs": partial(_log, mlflow, model),
        }
        for turn in turns.values():  # what is imported and made once is not counted
            turn()
        taken = interleaved({who: partial(seconds, turn) for who, turn in turns.items()})
        ours, theirs = taken["ours"], taken["theirs"]
        detail = f" ({ours * 1e3:.3g} ms against {theirs * 1e3:,.0f} ms)"
        yield at_least(f"log a {name} with signature and example: MLflow ÷ runlake", theirs / ours, 5, " ×", detail)


def _log(tracker: Any, model: Any) -> None:
    """Log a model as scripts do, and check that it is there with everything."""
    data = _data()[0]
    signature = tracker.models.infer_signature(data, model.predict(data))
    with tracker.start_run():
        example = data[:_EXAMPLE_ROWS]
        info = tracker.sklearn.log_model(
            model, name="model", signature=signature, input_example=example, skops_trusted_types=_TRUSTED
        )
    kept = Path(tracker.artifacts.download_artifacts(info.model_uri))
    assert "scikit-learn==" in (kept / "requirements.txt").read_text()
    assert {"model.skops", "input_example.json", "conda.yaml"} <= {file.name for file in kept.iterdir()}
    assert info.signature is not None


def _loaded(folder: Path) -> Iterator[Target]:
    import skops.io

    import runlake

    data = _data()[0]
    for name, model in _models().items():
        place = folder / name.replace(" ", "-")
        runlake.sklearn.save_model(model, place, input_example=data[:_EXAMPLE_ROWS])
        assert (runlake.pyfunc.load_model(str(place)).predict(data) == model.predict(data)).all()
        loads: dict[str, Callable[[], object]] = {
            "skops.io.load": partial(skops.io.load, place / "model.skops", trusted=_TRUSTED),
            "sklearn.load_model": partial(runlake.sklearn.load_model, str(place)),
            "pyfunc.load_model": partial(runlake.pyfunc.load_model, str(place)),
        }
        taken = interleaved({what: partial(_median, load) for what, load in loads.items()})
        bare = taken.pop("skops.io.load")
        for what, each in taken.items():
            detail = f" ({each * 1e3:.3g} ms, of which skops.io.load {bare * 1e3:.3g} ms)"
            yield at_most(f"{what} of a {name}, above the flavor's own load", (each - bare) * 1e3, 30, " ms", detail)


def _median(load: Callable[[], object]) -> float:
    return statistics.median(seconds(load) for _ in range(_LOADS // ROUNDS))


def _data() -> tuple[Any, Any]:
    from sklearn.datasets import load_iris

    data, target = load_iris(return_X_y=True, as_frame=True)
    return data, target


def _models() -> dict[str, Any]:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    data, target = _data()
    return {
        "logistic regression": LogisticRegression(max_iter=500).fit(data, target),
        "forest of 100 trees": RandomForestClassifier(random_state=0).fit(data, target),
    }
