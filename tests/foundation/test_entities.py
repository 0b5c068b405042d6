"""Entities: attributes and dictionaries as MLflow's have them; the official package, when installed, is the judge."""

import warnings
from typing import Any

import pytest

from runlake import entities
from runlake.errors import InvalidInput


@pytest.fixture(scope="module")
def theirs() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("mlflow.entities")


def material(source: Any) -> dict[str, Any]:
    """The same objects of either package."""
    info = source.RunInfo(
        run_id="r",
        experiment_id="0",
        user_id="u",
        status="FINISHED",
        start_time=1,
        end_time=2,
        lifecycle_stage="active",
        artifact_uri="/a",
        run_name="n",
    )
    dataset = source.Dataset("n", "d", "local", "s", "schema", None)
    return {
        "info": info,
        "metric": source.Metric("k", 1.5, 10, 3),
        "param": source.Param("p", "v"),
        "tag": source.RunTag("t", "v"),
        "file": source.FileInfo("a/b", False, 3),
        "input": source.DatasetInput(dataset, [source.InputTag("c", "train")]),
        "experiment": source.Experiment("0", "n", "/a", "active"),
    }


def test_attributes_are_those_of_mlflow(theirs: Any) -> None:
    ours, judged = material(entities), material(theirs)
    for name, entity in ours.items():
        said = dict(judged[name])
        for key, value in dict(entity).items():
            if not isinstance(value, entities.Entity | list):
                assert said[key] == value, (name, key)
    assert ours["input"].to_dictionary() == judged["input"].to_dictionary()


def test_a_run_becomes_the_dictionary_that_mlflow_makes(theirs: Any) -> None:
    ours = entities.Run(
        material(entities)["info"], entities.RunData({"k": 1.5}, {"p": "v"}, {"t": "v"}), entities.RunInputs([])
    )
    data = theirs.RunData([theirs.Metric("k", 1.5, 1, 1)], [theirs.Param("p", "v")], [theirs.RunTag("t", "v")])
    judged = theirs.Run(material(theirs)["info"], data, theirs.RunInputs([]))
    assert ours.to_dictionary() == judged.to_dictionary()


def test_codes_are_those_of_mlflow(theirs: Any) -> None:
    for name in ("RunStatus", "ViewType"):
        ours, judged = getattr(entities, name), getattr(theirs, name)
        for key in (key for key in vars(judged) if key.isupper() and not key.startswith("_")):
            assert getattr(ours, key) == getattr(judged, key)
            assert ours.to_string(getattr(ours, key)) == judged.to_string(getattr(judged, key))
    assert entities.RunStatus.all_status() == theirs.RunStatus.all_status()
    with pytest.raises(InvalidInput, match="'DONE' is not a run status"):
        entities.RunStatus.from_string("DONE")
