"""search_experiments and the official MLflow, asked the same questions about the same experiments."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("mlflow")

from mlflow.exceptions import MlflowException

from runlake import query
from runlake.entities import ViewType
from runlake.errors import InvalidInput
from tests.query.judged import Judged

# MLflow's own use of its libraries is not what is tested.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judged]:
    both = Judged(tmp_path_factory.mktemp("experiments"))
    both.experiment("sweep-1", {"team": "vision", "s.x": "1"})
    both.experiment("Sweep-2", {"team": "audio"})
    ours, theirs = both.experiment("gone", {"team": "vision"})
    both.lake.catalog.delete_experiment(ours)
    both.mlflow.delete_experiment(theirs)
    yield both
    both.close()


def ours(
    judged: Judged, text: str | None = None, view: int = ViewType.ACTIVE_ONLY, order: list[str] | None = None
) -> list[str]:
    found = query.search_experiments(judged.lake, view, 1000, text, order)
    return [experiment.name for experiment in found if experiment.name != "Default"]


def theirs(
    judged: Judged, text: str | None = None, view: int = ViewType.ACTIVE_ONLY, order: list[str] | None = None
) -> list[str]:
    found = judged.mlflow.search_experiments(view, filter_string=text, order_by=order)
    return [experiment.name for experiment in found if experiment.name != "Default"]


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "name = 'sweep-1'",
        "name != 'sweep-1'",
        "name LIKE 'sweep%'",
        "name ILIKE 'sweep%'",
        "attribute.name = 'sweep-1'",
        "tags.team = 'vision'",
        "tag.team != 'vision'",
        "tags.`s.x` = '1'",
        "tags.team LIKE 'vis%'",
        "tags.s.x IS NOT NULL",
        "tags.team IS NULL",
        "creation_time > 0",
        "creation_time < 5",
        "last_update_time > 0 AND name LIKE '%1'",
    ],
)
@pytest.mark.parametrize("view", [ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL])
def test_a_filter_selects_the_experiments_that_mlflow_selects(judged: Judged, text: str | None, view: int) -> None:
    assert sorted(ours(judged, text, view)) == sorted(theirs(judged, text, view))


@pytest.mark.parametrize("order", [["name"], ["name DESC"], ["attribute.name ASC", "creation_time"]])
def test_an_order_sorts_as_mlflow_sorts(judged: Judged, order: list[str]) -> None:
    assert ours(judged, order=order) == theirs(judged, order=order)


def test_the_newest_experiment_comes_first(judged: Judged) -> None:
    found = query.search_experiments(judged.lake, ViewType.ALL)
    times = [experiment.creation_time or 0 for experiment in found]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    "text", ["tags.team > 'a'", "name > 'a'", "creation_time = 'x'", "params.a = '1'", "unknown = 'x'", "name = sweep"]
)
def test_what_mlflow_refuses_is_refused(judged: Judged, text: str) -> None:
    with pytest.raises(MlflowException):
        theirs(judged, text)
    with pytest.raises(InvalidInput):
        ours(judged, text)


@pytest.mark.parametrize("order", [["tags.team"], ["unknown"], ["name sideways"]])
def test_an_order_that_mlflow_refuses_is_refused(judged: Judged, order: list[str]) -> None:
    with pytest.raises(MlflowException):
        theirs(judged, order=order)
    with pytest.raises(InvalidInput):
        ours(judged, order=order)


def test_experiments_are_found_by_id(judged: Judged) -> None:
    wanted = judged.first[0]
    assert ours(judged, f"experiment_id = '{wanted}'") == ["first"]
    assert ours(judged, f"experiment_id IN ('{wanted}', '{judged.second[0]}')", order=["name"]) == ["first", "second"]


def test_pages_follow_each_other(judged: Judged) -> None:
    names: list[str] = []
    token = None
    while True:
        page = query.search_experiments(judged.lake, ViewType.ALL, 2, None, ["name"], token)
        names += [experiment.name for experiment in page]
        token = page.token
        if token is None:
            break
    assert names == ["Default", "Sweep-2", "first", "gone", "second", "sweep-1"]


def test_tags_of_experiments_are_compared_as_numbers(judged: Judged) -> None:
    assert ours(judged, "tags.s.x = 1.0") == ["sweep-1"]
    assert ours(judged, "tags.s.x BETWEEN 0.5 AND 1 OR tags.team IN (5)") == ["sweep-1"]
    assert ours(judged, "tags.s.x = TRUE OR tags.missing > 1") == []


def test_experiments_are_found_by_relative_times_and_dates(judged: Judged) -> None:
    assert sorted(ours(judged, "creation_time > -1h")) == ["Sweep-2", "first", "second", "sweep-1"]
    assert ours(judged, "last_update_time < -1h OR creation_time < '2020-01-01'") == []
