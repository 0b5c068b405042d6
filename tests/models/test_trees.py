"""Trees of scikit-learn: forests and boosting are loaded without a word, and a made-up tree is not."""

import subprocess
import sys
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.ensemble as ensemble
import sklearn.tree as trees
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

import runlake
from runlake.errors import Corrupt
from runlake.models.trees import TREE, check

MODELS: dict[str, Callable[[], Any]] = {
    "forest": lambda: ensemble.RandomForestClassifier(5, random_state=0),
    "extra trees": lambda: ensemble.ExtraTreesRegressor(5, random_state=0),
    "boosting": lambda: ensemble.GradientBoostingClassifier(n_estimators=3, random_state=0),
    "boosting of numbers": lambda: ensemble.GradientBoostingRegressor(n_estimators=3, random_state=0),
    "one tree": lambda: trees.DecisionTreeClassifier(random_state=0),
    "one tree, best first": lambda: trees.DecisionTreeRegressor(max_leaf_nodes=4, random_state=0),
    "a stump": lambda: trees.DecisionTreeClassifier(max_depth=1, random_state=0),
    "ada": lambda: ensemble.AdaBoostClassifier(n_estimators=3, random_state=0),
    "bagging of columns": lambda: ensemble.BaggingClassifier(n_estimators=3, max_features=0.5, random_state=0),
    "isolation": lambda: ensemble.IsolationForest(n_estimators=3, random_state=0),
    "isolation of columns": lambda: ensemble.IsolationForest(n_estimators=3, max_features=0.5, random_state=0),
    "pipeline": lambda: make_pipeline(PolynomialFeatures(), ensemble.RandomForestClassifier(3, random_state=0)),
    "votes": lambda: ensemble.VotingClassifier([("a", ensemble.RandomForestClassifier(3, random_state=0))]),
    "search": lambda: GridSearchCV(ensemble.RandomForestClassifier(3, random_state=0), {"max_depth": [1, 2]}, cv=3),
}


@pytest.mark.parametrize("kind", MODELS)
def test_models_of_trees_are_loaded_by_whoever_has_not_saved_them(tmp_path: Path, kind: str, iris: Any) -> None:
    data, target = iris[0].to_numpy(), iris[1].to_numpy()
    model = MODELS[kind]().fit(data, target)
    runlake.sklearn.save_model(model, tmp_path / "model", pip_requirements=[])
    loaded = runlake.sklearn.load_model(str(tmp_path / "model"))
    assert np.array_equal(loaded.predict(data), model.predict(data))


def test_mlflow_loads_a_forest_of_ours(tmp_path: Path, mlflow: Any, iris: Any) -> None:
    model = MODELS["forest"]().fit(*iris)
    runlake.sklearn.save_model(model, tmp_path / "model", input_example=iris[0][:2])
    theirs = mlflow.pyfunc.load_model(str(tmp_path / "model"), suppress_warnings=True)
    assert np.array_equal(theirs.predict(iris[0]), model.predict(iris[0]))


def rewritten(folder: Path, change: Callable[[np.ndarray[Any, Any]], None]) -> None:
    """Change the nodes of one tree of a model."""
    file = folder / "model.skops"
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    arrays = {name: np.load(BytesIO(content)) for name, content in entries.items() if name.endswith(".npy")}
    name = next(name for name, array in arrays.items() if array.dtype.names and "left_child" in array.dtype.names)
    change(arrays[name])
    written = BytesIO()
    np.save(written, arrays[name])
    entries[name] = written.getvalue()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def out(field: str, value: int) -> Callable[[np.ndarray[Any, Any]], None]:
    def change(nodes: np.ndarray[Any, Any]) -> None:
        nodes[field][0] = value

    return change


@pytest.mark.parametrize(
    "change",
    [out("left_child", 10**6), out("right_child", 10**6), out("left_child", 0), out("right_child", -2),
     out("feature", 10**6), out("feature", -5)],
    ids=["left far", "right far", "to itself", "before the first", "no such column", "column before the first"],
)  # fmt: skip
def test_a_tree_that_leads_out_of_itself_is_not_loaded(tmp_path: Path, change: Any, iris: Any) -> None:
    runlake.sklearn.save_model(MODELS["forest"]().fit(*iris), tmp_path / "model", pip_requirements=[])
    rewritten(tmp_path / "model", change)
    for load in (runlake.sklearn.load_model, runlake.pyfunc.load_model):
        with pytest.raises(Corrupt, match=r"model.skops holds a tree whose nodes lead out of it"):
            load(str(tmp_path / "model"))


def test_trees_of_more_columns_than_their_estimator_are_not_loaded(tmp_path: Path, iris: Any) -> None:
    for kind in ("forest", "boosting", "one tree", "isolation"):
        model = MODELS[kind]().fit(*iris)
        model.n_features_in_ = model._max_features = 2
        runlake.sklearn.save_model(model, tmp_path / kind, pip_requirements=[])
        with pytest.raises(Corrupt, match="whose trees are of other columns"):
            runlake.sklearn.load_model(str(tmp_path / kind))


def test_every_tree_that_a_file_has_is_looked_at(tmp_path: Path, iris: Any) -> None:
    model = MODELS["one tree"]().fit(*iris)
    model.hidden = np.array([MODELS["a stump"]().fit(*iris).tree_], dtype=object)
    runlake.sklearn.save_model(model, tmp_path / "model", pip_requirements=[])
    assert runlake.sklearn.load_model(str(tmp_path / "model")).hidden[0].node_count == 3
    del model.hidden
    with pytest.raises(Corrupt, match="holds trees in a place where none belong"):
        check(model, tmp_path / "model" / "model.skops", {TREE: 2})


def test_a_forest_is_loaded_in_another_process(tmp_path: Path, iris: Any) -> None:
    runlake.sklearn.save_model(MODELS["forest"]().fit(*iris), tmp_path / "model", input_example=iris[0][:2])
    program = "import runlake; print(type(runlake.sklearn.load_model('model')).__name__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "RandomForestClassifier", done.stderr
