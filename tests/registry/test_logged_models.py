"""Logged models: parameters, tags, metrics by data set, searches, and the runs that read and wrote them."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from runlake import lifecycle, logged_models
from runlake.entities import LoggedModelInput, LoggedModelOutput, ModelMetric
from runlake.errors import InvalidInput, NotFound
from runlake.query.logged_models import ModelOrder
from runlake.store import Store


def test_a_model_is_pending_until_somebody_says_how_it_ended(store: Store, run_id: str) -> None:
    made = logged_models.create_logged_model(store, "0", "net", run_id, {"a": 1}, {"lr": 0.1}, "classifier")
    assert (made.status, made.tags, made.params, made.model_type) == (
        "PENDING",
        {"a": "1"},
        {"lr": "0.1"},
        "classifier",
    )
    assert (made.source_run_id, made.model_uri) == (run_id, f"models:/{made.model_id}")
    assert made.model_id.startswith("m-")
    assert len(made.model_id) == 34
    assert logged_models.finalize_logged_model(store, made.model_id, "READY").status == "READY"
    with pytest.raises(InvalidInput, match="ends READY or FAILED, not 'PENDING'"):
        logged_models.finalize_logged_model(store, made.model_id, "PENDING")
    assert logged_models.create_logged_model(store, "0").name


def test_parameters_of_a_model_are_written_once(store: Store) -> None:
    model_id = logged_models.create_logged_model(store, "0", params={"lr": "0.1"}).model_id
    logged_models.log_model_params(store, model_id, {"lr": "0.1", "depth": 6})
    with pytest.raises(InvalidInput, match=r"parameter 'lr' of model .* is already '0.1' and cannot become '0.2'"):
        logged_models.log_model_params(store, model_id, {"seed": 1, "lr": "0.2"})
    assert logged_models.get_logged_model(store, model_id).params == {"depth": "6", "lr": "0.1"}


def test_tags_of_a_model_are_set_and_removed(store: Store) -> None:
    model_id = logged_models.create_logged_model(store, "0", tags={"a": "1"}).model_id
    assert logged_models.set_logged_model_tags(store, model_id, {"a": "2", "b": "3"}).tags == {"a": "2", "b": "3"}
    logged_models.delete_logged_model_tag(store, model_id, "a")
    with pytest.raises(NotFound, match="No tag with key 'a' found"):
        logged_models.delete_logged_model_tag(store, model_id, "a")
    assert logged_models.get_logged_model(store, model_id).tags == {"b": "3"}


def test_a_deleted_model_is_found_by_those_who_ask_for_it_alone(store: Store) -> None:
    model_id = logged_models.create_logged_model(store, "0", "net").model_id
    logged_models.delete_logged_model(store, model_id)
    logged_models.delete_logged_model(store, model_id)
    with pytest.raises(NotFound, match=f"Logged model with ID '{model_id}' not found"):
        logged_models.get_logged_model(store, model_id)
    assert logged_models.get_logged_model(store, model_id, allow_deleted=True).name == "net"
    assert logged_models.search_logged_models(store, ["0"]) == []


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "a.b", "a%b", 'a"b', "a'b", "n" * 501])
def test_an_illegal_name_is_refused(store: Store, name: str) -> None:
    with pytest.raises(InvalidInput):
        logged_models.create_logged_model(store, "0", name)


def test_a_deleted_experiment_takes_no_models(store: Store) -> None:
    with pytest.raises(NotFound):
        logged_models.create_logged_model(store, "99")
    experiment = lifecycle.create_experiment(store, "gone", None, {})
    store.catalog.delete_experiment(experiment)
    with pytest.raises(InvalidInput, match="takes no new models"):
        logged_models.create_logged_model(store, experiment)


def metric(model_id: str, value: float, timestamp: int = 1, step: int = 0, dataset: str | None = None) -> ModelMetric:
    digest = None if dataset is None else "d"
    return ModelMetric("acc", value, timestamp, step, model_id=model_id, dataset_name=dataset, dataset_digest=digest)


def test_of_each_metric_and_data_set_the_latest_value_is_kept(store: Store, run_id: str) -> None:
    model_id = logged_models.create_logged_model(store, "0").model_id
    points = [metric(model_id, 0.1, 5), metric(model_id, 0.2, 9), metric(model_id, 0.3, 7)]
    points += [metric(model_id, 0.4, 1, 2, "train"), metric(model_id, math.nan, 1, 3, "test")]
    logged_models.log_model_metrics(store, run_id, points)
    found = logged_models.get_logged_model(store, model_id).metrics
    assert [(m.dataset_name, m.step, m.timestamp, m.run_id) for m in found] == [
        (None, 0, 9, run_id),
        ("test", 3, 1, run_id),
        ("train", 2, 1, run_id),
    ]
    assert (found[0].value, found[2].value, math.isnan(found[1].value)) == (0.2, 0.4, True)


def test_metrics_of_no_model_are_refused_together(store: Store, run_id: str) -> None:
    model_id = logged_models.create_logged_model(store, "0").model_id
    with pytest.raises(NotFound):
        logged_models.log_model_metrics(store, run_id, [metric(model_id, 1), metric("m-nothing", 1)])
    assert logged_models.get_logged_model(store, model_id).metrics == []


def test_runs_know_the_models_that_they_read_and_wrote(store: Store, run_id: str) -> None:
    for _ in range(2):
        logged_models.log_inputs(store, run_id, [LoggedModelInput("m-1"), LoggedModelInput("m-2")])
        logged_models.log_outputs(store, run_id, [LoggedModelOutput("m-3", 7)])
    run = store.get_run(run_id)
    assert run.inputs.model_inputs == [LoggedModelInput("m-1"), LoggedModelInput("m-2")]
    assert run.outputs is not None
    assert run.outputs.model_outputs == [LoggedModelOutput("m-3", 7)]
    store.catalog.delete_run(run_id)
    with pytest.raises(InvalidInput, match="is deleted"):
        logged_models.log_outputs(store, run_id, [LoggedModelOutput("m-4", 0)])


def test_models_of_older_clients_are_listed_in_a_tag_of_the_run(store: Store, run_id: str) -> None:
    model = '{"artifact_path": "net", "run_id": "r", "utc_time_created": "t", "flavors": {"f": {"a": 1, "config": 2}}}'
    logged_models.record_model(store, run_id, model)
    logged_models.record_model(store, run_id, model)
    entry = '{"run_id": "r", "utc_time_created": "t", "artifact_path": "net", "flavors": {"f": {"a": 1}}}'
    assert store.get_run(run_id).data.tags["mlflow.log-model.history"] == f"[{entry}, {entry}]"
    for wrong in ("{", "[]", '{"flavors": {}}'):
        with pytest.raises(InvalidInput):
            logged_models.record_model(store, run_id, wrong)


# -- searching


@pytest.fixture
def many(store: Store, run_id: str) -> Store:
    """Models m0 to m5: `acc` on train is n / 10, on test 1 - n / 10; m0 has no metrics."""
    for number in range(6):
        made = logged_models.create_logged_model(
            store, "0", f"m{number}", run_id, {"even": number % 2 == 0}, {"n": number}
        )
        if number:
            on_train = metric(made.model_id, number / 10, number, dataset="train")
            on_test = metric(made.model_id, 1 - number / 10, number + 1, dataset="test")
            logged_models.log_model_metrics(store, run_id, [on_train, on_test])
    return store


@pytest.mark.parametrize(
    ("filter_string", "datasets", "expected"),
    [
        (None, [], "012345"),
        ("name = 'm3'", [], "3"),
        ("name IN ('m1', 'm2')", [], "12"),
        ("params.n > 3", [], "45"),
        ("params.n = '3'", [], "3"),
        ("tags.even = 'True' AND params.n != 0", [], "24"),
        ("metrics.acc > 0.65", [], "123"),
        ("metrics.acc < 0.25", [], "12"),
        ("metrics.acc < 0.25 AND metrics.acc > 0.85", [], "1"),
        ("metrics.acc > 0.35", [("train", None)], "45"),
        ("metrics.acc > 0.35", [("train", "other")], ""),
        (None, [("test", "d")], "12345"),
        ("metrics.acc IS NULL", [], "0"),
        ("attributes.status = 'PENDING' AND creation_time > 0", [], "012345"),
    ],
)
def test_models_are_found_by_what_they_have(many: Store, filter_string: Any, datasets: Any, expected: str) -> None:
    found = logged_models.search_logged_models(many, ["0"], filter_string, datasets)
    assert sorted(model.name[1:] for model in found) == list(expected)


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ([ModelOrder("name")], "012345"),
        ([ModelOrder("metrics.acc", True, ("train", None))], "123450"),
        ([ModelOrder("metrics.acc", False, ("test", "d"))], "123450"),
        ([ModelOrder("metrics.acc")], "543210"),  # on the data set that was the last
        ([ModelOrder("attributes.name", False)], "543210"),
    ],
)
def test_models_are_sorted_and_those_without_the_metric_come_last(many: Store, orders: Any, expected: str) -> None:
    found = logged_models.search_logged_models(many, ["0"], order_by=orders)
    assert [model.name[1:] for model in found] == list(expected)


def test_a_page_leads_to_the_next_one_of_the_same_search_alone(many: Store) -> None:
    by_name = [ModelOrder("name")]
    first = logged_models.search_logged_models(many, ["0"], "params.n > 0", (), 3, by_name)
    rest = logged_models.search_logged_models(many, ["0"], "params.n > 0", (), 3, by_name, first.token)
    assert ([m.name for m in first], [m.name for m in rest]) == (["m1", "m2", "m3"], ["m4", "m5"])
    assert rest.token is None
    for other in (
        lambda: logged_models.search_logged_models(many, ["0"], "params.n > 1", (), 3, by_name, first.token),
        lambda: logged_models.search_logged_models(many, ["1"], "params.n > 0", (), 3, by_name, first.token),
        lambda: logged_models.search_logged_models(many, ["0"], "params.n > 0", (), 3, (), first.token),
    ):
        with pytest.raises(InvalidInput, match="the page token is of a search with another"):
            other()


MISTAKES: dict[str, Callable[[Store], Any]] = {
    "unknown attribute": lambda store: logged_models.search_logged_models(store, ["0"], "nothing = 'a'"),
    "metric that is text": lambda store: logged_models.search_logged_models(store, ["0"], "metrics.acc = 'a'"),
    "order by a parameter": lambda store: logged_models.search_logged_models(
        store, ["0"], order_by=[ModelOrder("params.n")]
    ),
    "order by nothing": lambda store: logged_models.search_logged_models(
        store, ["0"], order_by=[ModelOrder("nothing")]
    ),
    "empty page": lambda store: logged_models.search_logged_models(store, ["0"], max_results=0),
    "token of nobody": lambda store: logged_models.search_logged_models(store, ["0"], page_token="x"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_search_that_cannot_be_understood_is_refused(store: Store, name: str) -> None:
    with pytest.raises(InvalidInput):
        MISTAKES[name](store)
