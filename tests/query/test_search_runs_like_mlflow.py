"""search_runs and the official MLflow, asked the same questions about the same runs."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

pytest.importorskip("mlflow")

from mlflow.exceptions import MlflowException

from runlake import query
from runlake.entities import ViewType
from runlake.errors import InvalidInput
from runlake.query.filter.parser import parse_filter
from tests.query.judged import Judged, Written

# MLflow's own use of its libraries is not what is tested.
pytestmark = pytest.mark.filterwarnings("ignore")

NAN, INF = math.nan, math.inf

RUNS = [
    Written(
        "adam-1",
        {"lr": "0.001", "opt": "adam", "val loss": "x", "path": "a/b"},
        {"loss": 0.5, "train/loss": 2, "acc": [(0.1, 0, 5), (0.9, 3, 1), (0.5, 2, 9)]},
        {"team": "vision", "s.release": "1.1.0-RC", "text": "it's"},
        [("mnist", "d1", "train"), ("cifar", "d2", None)],
        start_time=3000,
        end_time=4000,
    ),
    Written("adam-2", {"lr": "1e-3", "opt": "Adam"}, {"loss": NAN, "acc": -0.0}, {"team": "Vision", "text": "it''s"}),
    Written(
        "sgd-1",
        {"lr": "0.01", "opt": "sgd"},
        {"loss": INF},
        {"team": "audio", "text": "a\nb"},
        [("mnist", "d3", "test")],
    ),
    Written(
        "sgd-2",
        {"lr": "None", "opt": "a_b%c"},
        {"loss": -INF, "acc": 0.5},
        {"text": "\\'"},
        user_id="bob",
        status="FAILED",
    ),
    Written("plain", start_time=2000, end_time=9000, status="KILLED"),
    Written("Plain", {"empty": ""}, {"loss": 0.25, "acc": [(1, 5, 5), (2, 5, 5)]}, start_time=2000, status="RUNNING"),
    Written("gone", {"lr": "0.001"}, {"loss": 0.1}, {"team": "vision"}, deleted=True),
]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judged]:
    both = Judged(tmp_path_factory.mktemp("judged"))
    for run in RUNS:
        both.write(both.first, run)
    both.write(both.second, Written("elsewhere", metrics={"loss": 0.5}))
    yield both
    both.close()


FILTERS = [
    "",
    "metrics.loss > 0",
    "metrics.loss >= 0.25",
    "metrics.loss < 0.5",
    "metrics.loss <= 0.5",
    "metrics.loss = 0.5",
    "metrics.loss != 0.5",
    "metrics.loss != 7",
    "metric.loss > -1e-3",
    "metrics.loss>-1",
    "metrics.loss > .25",
    "metrics.loss < 5.",
    "metrics.acc = 0.9",
    "metrics.acc = 2",
    "metrics.acc = 0",
    "metrics.`train/loss` > 1",
    'metrics."train/loss" > 1',
    "metrics.'train/loss' > 1",
    "metrics.missing != 1",
    "metrics.missing = 1",
    "metrics.loss > 0 AND metrics.loss < 1",
    "metrics.loss > 0 and metrics.acc > 0 And params.opt = 'adam'",
    "params.lr = '0.001'",
    'params.lr = "0.001"',
    "param.lr != '0.001'",
    "parameters.lr LIKE '0.%'",
    "parameter.opt ILIKE 'ADAM'",
    "params.opt LIKE 'adam'",
    "params.opt LIKE 'a_b%c'",
    "params.opt LIKE '%\\%'",
    "params.opt like '_d%'",
    "params.`val loss` = 'x'",
    "params.\"val loss\" = 'x'",
    "params.path = 'a/b'",
    "params.missing != 'x'",
    "params.missing IS NULL",
    "params.lr IS NOT NULL",
    "params.lr is null",
    "params.empty = ''",
    "params.empty IS NULL",
    "params.lr = '0.001'AND params.opt = 'adam'",
    "tags.team = 'vision'",
    "tag.team != 'vision'",
    "tags.team ILIKE '%VIS%'",
    "tags.s.release ILIKE '%rc%'",
    "tags.`s.release` = '1.1.0-RC'",
    "tags.missing IS NULL",
    "tags.team IS NOT NULL",
    "tags.text = 'it''s'",
    'tags.text = "it\'s"',
    "tags.text = '\\''",
    "tags.text LIKE 'a%b'",
    "tags.text LIKE 'a_b'",
    "tags.mlflow.runName = 'plain'",
    "run_name = 'plain'",
    "run_name LIKE 'adam%'",
    "run_name ILIKE 'PLAIN'",
    "`run name` = 'plain'",
    "\"run name\" = 'plain'",
    "attributes.`Run Name` != 'plain'",
    "attributes.run_name != 'plain'",
    "attr.status = 'FINISHED'",
    "run.status != 'FINISHED'",
    "attribute.status LIKE 'F%'",
    "status = 'finished'",
    "user_id = 'bob'",
    "user_id ILIKE 'B%'",
    "start_time > 1500",
    "start_time > 1999.5",
    "created <= 2000",
    "attributes.Created = 3000",
    "end_time > 5000",
    "end_time != 9000",
    "dataset.name = 'mnist'",
    "datasets.name != 'mnist'",
    "dataset.digest LIKE 'd%'",
    "dataset.context = 'train'",
    "dataset.context IN ('train', 'test')",
    "dataset.name NOT IN ('mnist')",
    "dataset.name = 'mnist' AND dataset.digest = 'd2'",
    "run_id != 'x'",
    "run_id NOT IN ('x', 'y')",
    "run_id LIKE '%'",
    "artifact_uri != ''",
]


@pytest.mark.parametrize("text", FILTERS)
@pytest.mark.parametrize("view", [ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL])
def test_a_filter_selects_the_runs_that_mlflow_selects(judged: Judged, text: str, view: int) -> None:
    ours = query.search_runs(judged.lake, [judged.first[0]], text, view)
    theirs = judged.mlflow.search_runs([judged.first[1]], text, view)
    assert judged.names(ours) == judged.names(theirs)


@pytest.mark.parametrize("comparison", ["=", "!=", "IN", "NOT IN"])
def test_runs_are_found_by_their_ids_as_in_mlflow(judged: Judged, comparison: str) -> None:
    wanted = f"'{judged.ids['plain']}'"
    text = f"run_id {comparison} " + (f"({wanted}, 'x')" if "IN" in comparison else wanted)
    ours = query.search_runs(judged.lake, [judged.first[0]], text)
    assert judged.names(ours) == judged.names(judged.mlflow.search_runs([judged.first[1]], text, 1))


@pytest.mark.parametrize(
    "text",
    [
        "metrics.loss = '0.5'",
        "metrics.loss LIKE 'a'",
        "params.lr > '0.001'",
        "params.lr = lr",
        "params.lr == '0.001'",
        "metrics.loss <> 1",
        "metrics.loss",
        "metrics.loss > 0x10",
        "metrics.loss > 1;",
        "metrics.loss != 1 -- c",
        "unknown = 'x'",
        "METRICS.loss > 0",
        "metricz.loss > 0",
        "start_time > '5'",
        "start_time LIKE '5'",
        "metrics.loss RLIKE 'a'",
        "min(loss) > 1",
        "params.opt RLIKE '('",
        "status BETWEEN 'A' AND 'Z'",
        "metrics.loss > 5m",
        "status > 'A'",
        "dataset.source = 'x'",
        "dataset.name > 'x'",
        "run_id IN ()",
        "run_id IN ('a', 5)",
        "params.val loss = 'x'",
        "tags.team = 'vision",
    ],
)
def test_what_mlflow_refuses_and_the_language_does_not_add_is_refused(judged: Judged, text: str) -> None:
    with pytest.raises(MlflowException) as theirs:
        judged.mlflow.search_runs([judged.first[1]], text, 1)
    with pytest.raises(InvalidInput) as ours:
        query.search_runs(judged.lake, [judged.first[0]], text)
    assert ours.value.error_code == theirs.value.error_code


# -- every operator on every kind of identifier

IDENTIFIERS = {
    "metric": "metrics.loss",
    "parameter": "params.opt",
    "tag": "tags.team",
    "run_id": "run_id",
    "text attribute": "attributes.run_name",
    "time": "start_time",
    "data set": "datasets.name",
}
TEXT_VALUES = {"metric": "0.5", "parameter": "adam", "tag": "vision", "data set": "mnist", "time": "2020-01-01"}
NUMBER_VALUES = {"metric": 0.5, "time": 2000}
OPERATORS = [">", ">=", "=", "!=", "<", "<=", "LIKE", "ILIKE", "IN", "NOT IN", "IS NULL", "IS NOT NULL"]

ADDED = {
    *((kind, operator, "a number") for kind in ("metric", "time") for operator in ("IN", "NOT IN")),
    *((kind, operator, "a number") for kind in ("parameter", "tag") for operator in OPERATORS[:6]),
    *((kind, operator, "a number") for kind in ("parameter", "tag") for operator in ("IN", "NOT IN")),
    *((kind, operator, "text") for kind in ("parameter", "tag", "text attribute") for operator in ("IN", "NOT IN")),
    *(("time", operator, "text") for operator in (*OPERATORS[:6], "IN", "NOT IN")),
    *(
        (kind, operator, "nothing")
        for kind in IDENTIFIERS
        for operator in ("IS NULL", "IS NOT NULL")
        if kind not in ("parameter", "tag")
    ),
}
"""What MLflow refuses and the language adds, of all operators on all kinds of identifiers with all kinds of values."""


def asked(kind: str, operator: str, value: str) -> str:
    if value == "nothing":
        return f"{IDENTIFIERS[kind]} {operator}"
    spelled = f"'{TEXT_VALUES.get(kind, 'adam-1')}'" if value == "text" else str(NUMBER_VALUES.get(kind, 1))
    return f"{IDENTIFIERS[kind]} {operator} " + (f"({spelled})" if operator.endswith("IN") else spelled)


COMBINATIONS = [
    (kind, operator, value)
    for kind in IDENTIFIERS
    for operator in OPERATORS
    for value in (("nothing",) if operator.startswith("IS") else ("text", "a number"))
]


@pytest.mark.parametrize(("kind", "operator", "value"), COMBINATIONS)
def test_every_operator_on_every_kind_of_identifier(judged: Judged, kind: str, operator: str, value: str) -> None:
    text = asked(kind, operator, value)
    try:
        theirs = judged.mlflow.search_runs([judged.first[1]], text, 1)
    except MlflowException:
        if (kind, operator, value) in ADDED:
            parse_filter(text)
        else:
            with pytest.raises(InvalidInput):
                parse_filter(text)
    else:
        assert (kind, operator, value) not in ADDED
        assert judged.names(query.search_runs(judged.lake, [judged.first[0]], text)) == judged.names(theirs)


@pytest.mark.parametrize(
    "text",
    [
        "metrics.loss > 0 OR metrics.acc > 0",
        "NOT metrics.loss > 0",
        "(metrics.loss > 0)",
        "metrics.loss > 0 AND (metrics.acc > 0 OR params.opt = 'adam')",
        "metrics.loss BETWEEN 0 AND 1",
        "metrics.loss NOT BETWEEN 0 AND 1",
        "params.lr BETWEEN 1e-4 AND 1e-2",
        "params.opt NOT LIKE 'a%'",
        "params.opt RLIKE '^a'",
        "params.opt NOT RLIKE '^a'",
        "params.warm = TRUE",
        "metrics.loss IN (0.5, 1)",
        "min(metrics.loss) < 0.1",
        "last(metrics.loss) < 0.1",
        "start_time > -7d",
        "start_time > '2026-01-31 12:00'",
        "duration > 2h",
        "experiment_id = '0'",
        "lifecycle_stage = 'active'",
        "params.a/b:c = 'x'",
    ],
)
def test_what_the_language_adds_is_refused_by_mlflow(judged: Judged, text: str) -> None:
    with pytest.raises(MlflowException):
        judged.mlflow.search_runs([judged.first[1]], text, 1)
    parse_filter(text)


ORDERS = [
    None,
    [],
    ["metrics.loss"],
    ["metrics.loss ASC"],
    ["metrics.loss DESC"],
    ["metric.acc desc"],
    ["metrics.`train/loss` asc"],
    ["metrics.acc", "metrics.loss DESC"],
    ["metrics.missing"],
    ["params.lr"],
    ["params.lr DESC"],
    ["params.opt Desc", "start_time"],
    ["params.`val loss`"],
    ["tags.team"],
    ["tags.'team' DESC"],
    ["start_time"],
    ["start_time DESC", "run_name"],
    ["Created DESC"],
    ["end_time"],
    ["end_time DESC"],
    ["status", "attributes.run_name DESC"],
    ["user_id DESC"],
    ["run_id"],
    ["run_name"],
]


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_sorts_as_mlflow_sorts(judged: Judged, order: list[str] | None) -> None:
    ours = query.search_runs(judged.lake, [judged.first[0]], order_by=order)
    theirs = judged.mlflow.search_runs([judged.first[1]], "", 1, order_by=order)
    assert judged.names(ours) == judged.names(theirs)


@pytest.mark.parametrize(
    "order",
    [
        ["metrics.loss", "metric.loss DESC"],
        ["start_time", "created"],
        ["unknown"],
        ["metrics.a sideways"],
        ["dataset.name"],
        [""],
    ],
)
def test_an_order_that_mlflow_refuses_is_refused(judged: Judged, order: list[str]) -> None:
    with pytest.raises(MlflowException):
        judged.mlflow.search_runs([judged.first[1]], "", 1, order_by=order)
    with pytest.raises(InvalidInput):
        query.search_runs(judged.lake, [judged.first[0]], order_by=order)


def test_pages_and_tokens_are_those_of_mlflow(judged: Judged) -> None:
    ours_token = theirs_token = None
    for _ in range(4):
        ours = query.search_runs(judged.lake, [judged.first[0]], max_results=2, page_token=ours_token)
        theirs = judged.mlflow.search_runs([judged.first[1]], "", 1, max_results=2, page_token=theirs_token)
        assert judged.names(ours) == judged.names(theirs)
        ours_token, theirs_token = ours.token, theirs.token
        assert ours_token == (theirs_token.decode() if isinstance(theirs_token, bytes) else theirs_token)
        if not ours_token:
            return
    pytest.fail("there is no last page")


@pytest.mark.parametrize("size", [0, -1, 50_001])
def test_a_page_of_an_illegal_size_is_refused_as_by_mlflow(judged: Judged, size: int) -> None:
    with pytest.raises(MlflowException):
        judged.mlflow.search_runs([judged.first[1]], "", 1, max_results=size)
    with pytest.raises(InvalidInput, match="from 1 to 50,000"):
        query.search_runs(judged.lake, [judged.first[0]], max_results=size)


@pytest.mark.parametrize("token", ["x", "????", "eyJvZmZzZXQiOiAiYSJ9", "e30=", "W10=", "eyJvZmZzZXQiOiAtMX0="])
def test_a_page_token_that_was_never_given_out_is_refused(judged: Judged, token: str) -> None:
    with pytest.raises(InvalidInput, match="page token"):
        query.search_runs(judged.lake, [judged.first[0]], page_token=token)


def test_runs_carry_what_mlflows_carry(judged: Judged) -> None:
    ids = [judged.first, judged.second]
    ours = query.search_runs(judged.lake, [ours for ours, _ in ids])
    theirs = judged.mlflow.search_runs([theirs for _, theirs in ids], "", 1)
    assert judged.names(ours) == judged.names(theirs)
    for run, judge in zip(ours, theirs, strict=True):
        assert run.data.params == judge.data.params
        assert run.data.tags == judge.data.tags
        assert run.data.metrics.keys() == judge.data.metrics.keys()
        for name in ("run_id", "run_name", "user_id", "status", "start_time", "end_time", "lifecycle_stage"):
            assert getattr(run.info, name) == getattr(judge.info, name)
        assert [each.dataset.name for each in run.inputs.dataset_inputs] == [
            each.dataset.name for each in judge.inputs.dataset_inputs
        ]


def test_metrics_keep_what_mlflow_bends(judged: Judged) -> None:
    found = {run.info.run_name: run.data.metrics for run in query.search_runs(judged.lake, [judged.first[0]])}
    assert math.isnan(found["adam-2"]["loss"])
    assert (found["sgd-1"]["loss"], found["sgd-2"]["loss"]) == (INF, -INF)
    assert math.copysign(1, found["adam-2"]["acc"]) == -1


def test_search_without_experiments_finds_nothing(judged: Judged) -> None:
    assert query.search_runs(judged.lake, []) == []


@pytest.mark.parametrize("key", ["acc", "loss", "missing"])
def test_the_history_of_a_metric_comes_in_mlflows_order(judged: Judged, key: str) -> None:
    for run_id in judged.ids.values():
        ours = query.metric_history(judged.lake, run_id, key)
        theirs = judged.mlflow.get_metric_history(run_id, key)
        assert [(each.timestamp, each.step) for each in ours] == [(each.timestamp, each.step) for each in theirs]
