"""What filters select, condition by condition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from runlake.query.filter.parser import parse_filter
from tests.query import plain
from tests.query.plain import PlainRun

NAN, INF = math.nan, math.inf
NOW = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() * 1000)
HOUR, DAY = 3_600_000, 86_400_000

RUNS = [
    PlainRun(
        "a",
        {"lr": "0.001", "opt": "adam", "depth": "3", "warm": "True"},
        {"loss": [2, 0.25, NAN, 0.5], "min": [1]},
        {"team": "vision", "trial": "1"},
        attributes={"status": "FINISHED", "start_time": NOW - 10 * DAY, "end_time": NOW - 10 * DAY + 2 * HOUR},
    ),
    PlainRun(
        "b",
        {"lr": "1e-3", "opt": "sgd", "depth": "12", "warm": "False"},
        {"loss": [NAN]},
        {"team": "Vision", "trial": "1.0"},
        attributes={"status": "FAILED", "start_time": NOW - DAY, "end_time": NOW - DAY + 90_000},
    ),
    PlainRun(
        "c",
        {"lr": "0.1", "opt": "Adam", "depth": "auto"},
        {"loss": [0, INF]},
        {"team": "audio", "trial": "true"},
        attributes={"status": "RUNNING", "start_time": NOW - HOUR},
    ),
    PlainRun(
        "d",
        {"lr": "None", "opt": "a_b%c"},
        {"loss": [-0.0]},
        {},
        [{"name": "mnist", "digest": "1", "context": "train"}, {"name": "cifar", "digest": "2"}],
        {"start_time": int(datetime(2026, 1, 31, tzinfo=UTC).timestamp() * 1000)},
    ),
    PlainRun("e", {}, {}, {"team": ""}, [{"name": "mnist", "digest": "3"}]),
]


def selected(text: str, runs: Sequence[PlainRun] = RUNS) -> str:
    return "".join(runs[row].name for row in plain.selected(parse_filter(text, now_ms=NOW), runs))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("params.lr = 0.001", "ab"),
        ("params.lr = '0.001'", "a"),
        ("params.lr BETWEEN 1e-3 AND 1e-2", "ab"),
        ("params.lr NOT BETWEEN 1e-3 AND 1e-2", "c"),
        ("params.lr != 0.001", "c"),
        ("params.lr IN (0.1, 7)", "c"),
        ("params.lr NOT IN (0.1, 7)", "ab"),
        ("params.lr IS NULL", "e"),
        ("params.depth > 2", "ab"),
        ("params.depth > 11.5", "b"),
        ("params.depth = 'auto'", "c"),
        ("params.warm = TRUE", "a"),
        ("params.warm != true", "b"),
        ("params.warm = 1", ""),
        ("params.opt LIKE 'a%'", "ad"),
        ("params.opt ILIKE 'A%'", "acd"),
        ("params.opt LIKE 'a_b\\%c'", ""),
        ("params.opt LIKE '%_b_c'", "d"),
        ("params.opt NOT LIKE 'a%'", "bc"),
        ("params.missing != 'x'", ""),
        ("NOT params.missing = 'x'", ""),
        ("params.missing IS NULL", "abcde"),
        ("metrics.loss != 7", "abcd"),
        ("metrics.loss > 0", "ac"),
        ("NOT metrics.loss > 0", "bd"),
        ("metrics.loss >= 0", "acd"),
        ("metrics.loss = 0", "d"),
        ("metrics.loss IN (0.5, 1)", "a"),
        ("metrics.loss IS NOT NULL", "abcd"),
        ("metrics.loss > 1e400", ""),
        ("metrics.loss < 123456789012345678901234567890", "ad"),
        ("tags.team = ''", "e"),
        ("tags.team IN ('vision', 'audio')", "ac"),
        ("datasets.name = 'mnist'", "de"),
        ("datasets.name != 'mnist'", "d"),
        ("dataset.context = 'train'", "d"),
        ("dataset.digest NOT IN ('1')", "de"),
        ("datasets.name IS NULL", "abc"),
        ("datasets.name IS NOT NULL AND datasets.context IS NULL", "e"),
        ("NOT datasets.context = 'test'", "d"),
        ("datasets.name RLIKE '^c'", "d"),
        ("run_id IN ('a', 'e',)", "ae"),
        ("status NOT IN ('FAILED', 'RUNNING')", "a"),
        ("end_time IS NULL", "cde"),
        ("tags.trial = '1'", "a"),
        ("tags.trial = 1", "ab"),
        ("tags.trial != 1", ""),
        ("tags.trial >= 1e0", "ab"),
        ("tags.trial BETWEEN 0.5 AND 1.5", "ab"),
        ("tags.trial IN (1, 2)", "ab"),
        ("tags.trial = TRUE", "c"),
        ("tags.trial IN (TRUE, FALSE)", "c"),
        ("tags.team < 5", ""),
        ("params.opt RLIKE 'd.m'", "ac"),
        ("params.opt RLIKE '^(adam|sgd)$'", "ab"),
        ("params.opt rlike '(?i)^ADAM$'", "ac"),
        ("params.opt NOT RLIKE 'd'", "d"),
        ("tags.team RLIKE ''", "abce"),
        ("status RLIKE 'ED$'", "ab"),
        ("min(metrics.loss) < 0.3", "acd"),
        ("MAX(metrics.loss) > 1", "ac"),
        ("max(metrics.loss) = 2", "a"),
        ("first(metrics.loss) = 2", "a"),
        ("last(metrics.loss) = 0.5", "a"),
        ("mean(metrics.loss) BETWEEN 0.9 AND 0.92", "a"),
        ("mean(metrics.loss) != 7", "abcd"),
        ("NOT min(metrics.loss) < 100", "b"),
        ("count(metrics.loss) >= 2", "ac"),
        ("count(metrics.loss) = 0", ""),
        ("count(metrics.loss) IS NULL", "e"),
        ("NOT count(metrics.loss) > 1", "bd"),
        ("argmin(metrics.loss) IN (0, 1)", "acd"),
        ("argmax(metrics.loss) = 0", "ad"),
        ("argmax(metrics.loss) IS NULL", "be"),
        ("count ( metrics.`loss` ) > 3", "a"),
        ("metrics.min = 1", "a"),
        ("min(metrics.min) = 1", "a"),
        ("min(metrics.missing) < 1", ""),
        ("start_time > -7d", "bc"),
        ("start_time > -1.5h", "c"),
        ("start_time <= -90m", "abd"),
        ("start_time BETWEEN -2w AND -3600s", "abc"),
        ("end_time < -239h", ""),
        ("end_time < -237h", "a"),
        ("start_time > -1000000000000000000000w", "abcd"),
        ("start_time >= '2026-01-31'", "abcd"),
        ("start_time = '2026-01-31'", "d"),
        ("start_time > '2026-01-31'", "abc"),
        ("created < '2026-03-01 11:00'", "abd"),
        ("start_time = '2026-03-01 11:00:00.000'", "c"),
        ("start_time = '2026-03-01T12:00:00+01:00'", "c"),
        ("start_time IN ('2026-01-31T00:00:00Z', 5)", "d"),
        ("start_time NOT BETWEEN '2026-02-01' AND -1h", "d"),
        ("duration > 1h", "a"),
        ("duration BETWEEN 1m AND 90s", "b"),
        ("duration <= 90000", "b"),
        ("attributes.duration IN (90s, 7200000ms)", "ab"),
        ("duration IS NULL", "cde"),
        ("duration > -1d", "ab"),
        ("metrics.loss > 0 OR tags.team = '' AND params.lr IS NULL", "ace"),
        ("(metrics.loss > 0 OR tags.team = '') AND params.lr IS NULL", "e"),
        ("not (params.opt = 'adam' or params.opt = 'sgd')", "cd"),
        ("", "abcde"),
    ],
)
def test_a_filter_selects_the_runs_that_it_describes(text: str, found: str) -> None:
    assert selected(text) == found


def test_integers_are_compared_exactly() -> None:
    runs = [PlainRun("a", {"seed": "9007199254740993"}), PlainRun("b", {"seed": "9007199254740992"})]
    assert selected("params.seed = 9007199254740993", runs) == "a"
    assert selected("params.seed IN (9007199254740993, 0.5)", runs) == "a"
    assert selected("params.seed > 9007199254740992.0", runs) == "a"


def test_keys_that_look_like_columns_do_not_meet() -> None:
    run = PlainRun("a", {"v": "1", "v (number)": "2", "v (text)": "3"}, {"v": [4], "min(v": [5]})
    everything = "params.v = 1 AND params.v = '1' AND params.`v (number)` = '2' AND params.`v (text)` = 3"
    assert selected(f"{everything} AND metrics.v = 4 AND metrics.`min(v` = 5 AND min(metrics.v) = 4", [run]) == "a"


def test_a_relative_time_counts_from_now_when_nothing_else_is_said() -> None:
    now = int(datetime.now(UTC).timestamp() * 1000)
    runs = [
        PlainRun("a", attributes={"start_time": now - HOUR}),
        PlainRun("b", attributes={"start_time": now - 3 * HOUR}),
    ]
    assert plain.selected(parse_filter("start_time > -2h"), runs) == [0]
