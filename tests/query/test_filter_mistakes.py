"""What the filter language says to a mistake: the fact, the place, and the nearest thing that it knows."""

import pytest

from runlake.errors import InvalidInput, InvalidType
from runlake.query.filter.nodes import Field, Function, Kind
from runlake.query.filter.order import Order, parse_order
from runlake.query.filter.parser import parse_filter
from runlake.query.filter.vocabulary import EXPERIMENTS


def message(text: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_filter(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "pointed_at", "said"),
    [
        ("strat_time > 5", "strat_time", "did you mean start_time?"),
        ("metricz.loss > 1", "metricz.loss", "did you mean metric or metrics?"),
        ("datasets.nam = 'a'", "datasets.nam", "known are name, digest, context"),
        ("params.a = 'x", "'x", "not closed"),
        ("params.a = 1.2.3", "1.2.3", "text is written in quotes"),
        ("params.a = x", "x", "text is written in quotes"),
        ("params.a == 'b'", "==", "equality is written ="),
        ("params.a <> 'b'", "<>", "inequality is written !="),
        ("params.a > 'b'", ">", "write the number without quotes"),
        ("params.a LIKE 5", "5", "LIKE needs quoted text"),
        ("metrics.a = 'b'", "'b'", "compared with a number"),
        ("start_time = '5'", "'5'", "'2026-01-31 12:00'"),
        ("start_time > '2026-02-30'", "'2026-02-30'", "day is out of range for month"),
        ("start_time > '31.01.2026'", "'31.01.2026'", "written year-month-day"),
        ("start_time > 7d", "7d", "hint: -7d is the time that long ago"),
        ("start_time > TRUE", "TRUE", "compared with a number, not TRUE"),
        ("start_time LIKE '2026%'", "LIKE", "LIKE compares text"),
        ("start_time > -7D", "-7D", "units of time are ms, s, m, h, d and w"),
        ("start_time > -7 d", "d", "AND or OR"),
        ("duration > '2h'", "'2h'", "90s, 1.5h, 2d"),
        ("metrics.a > 2h", "2h", "compared with a number, not 2h"),
        ("params.a = 2h", "2h", "text is written in quotes: '2h'"),
        ("min(params.a) > 1", "params.a", "hint: min(metrics.a)"),
        ("min(loss) > 1", "loss", "a metric is written metrics.loss"),
        (
            "lr < 0.1",
            "lr",
            "hint: a parameter is written params.lr, a metric is written metrics.lr, a tag is written tags.lr",
        ),
        ("`val loss` < 0.1", "`val loss`", "a metric is written metrics.`val loss`"),
        ("params.a = 0,1", ",", "hint: a number is written with a point"),
        ("params.a = 1 && params.b = 2", "&", "hint: conditions are joined by AND and OR"),
        ("params.a = 1 || params.b = 2", "|", "hint: conditions are joined by AND and OR"),
        ("min() > 1", ")", "hint: min(metrics.loss)"),
        ("min(metrics.a, metrics.b) > 1", ",", "needs ')'"),
        ("min(max(metrics.a)) > 1", "max", "unknown attribute 'max'"),
        ("mni(metrics.a) > 1", "mni", "did you mean min?"),
        ("avg(metrics.a) > 1", "avg", "hint: it is called mean"),
        ("std(metrics.a) > 1", "std", "functions are min, max, first"),
        ("min(metrics.a) = 'x'", "'x'", "min(metrics.a) is compared with a number"),
        ("count(metrics.a) RLIKE '5'", "RLIKE", "count(metrics.a) is a number"),
        ("status ('A')", "(", "needs an operator after status"),
        ("params.a RLIKE '(a'", "'(a'", "unclosed group"),
        (
            "params.a RLIKE '(?<!a)b'",
            "'(?<!a)b'",
            "look-around, including look-ahead and look-behind, is not supported",
        ),
        ("params.a NOT RLIKE '*'", "'*'", "repetition operator missing expression"),
        ("params.a RLIKE 5", "5", "RLIKE needs quoted text"),
        ("params.a = NULL", "NULL", "IS NULL"),
        ("metrics.a > 1 ADN metrics.b > 2", "ADN", "did you mean AND"),
        ("params.a LIEK 'b'", "LIEK", "did you mean LIKE"),
        ("params.a BETWEN 1 AND 2", "BETWEN", "did you mean BETWEEN?"),
        ("metrics.a => 1", "=>", "written >="),
        ("METRICS.a > 1", "METRICS.a", "did you mean metrics"),
        ("tags.a > 'b'", ">", "write the number without quotes"),
        ("tags.a IN (1, 'b')", "'b'", "all text or all numbers"),
        ("tags.a BETWEEN 'a' AND 'b'", "'a'", "BETWEEN needs numbers"),
        ("datasets.name = 5", "5", "compared with quoted text"),
        ("experiment_id > '5'", ">", "compares numbers"),
        ("status > 'A'", ">", "compares numbers"),
        ("metrics.a > 1 metrics.b > 2", "metrics.b", "AND or OR"),
        ("metrics.a > 1; DROP TABLE run", ";", "cannot contain ';'"),
        ("metrics.a BETWEEN 1, 2", ",", "AND between them"),
        ("params.a IN ('x', 5)", "5", "all text or all numbers"),
        ("params.a IN 'x'", "'x'", "a list of values after IN"),
        ("params.a IN ()", ")", "needs a value"),
        ("metrics.a IS 5", "5", "NULL or NOT NULL"),
        ("metrics.a NOT > 5", ">", "IN, BETWEEN, LIKE, ILIKE or RLIKE"),
        ("(metrics.a > 1 OR metrics.b > 1", "", "needs ')'"),
        ("metrics.a > 1)", ")", "nothing opened"),
        ("metrics.a >", "", "not the end"),
        ("AND metrics.a > 1", "AND", "needs a name"),
        ("IN (1, 2)", "IN", "needs a name"),
    ],
)
def test_a_mistake_is_shown_with_a_caret_under_it(text: str, pointed_at: str, said: str) -> None:
    _, line, caret, *_ = (shown := message(text)).splitlines()
    assert said in shown
    assert line == f"  {text}"
    start = caret.index("^") - 2
    assert text[start : start + caret.count("^")].startswith(pointed_at)


def test_a_mistake_far_into_a_filter_is_shown_with_what_stands_around_it() -> None:
    text = "metrics.a > 1 AND " * 500 + "metrics.b >> 1" + " AND metrics.a > 1" * 500
    _, line, caret, *_ = message(text).splitlines()
    assert len(line) < 100
    assert line[caret.index("^") : caret.index("^") + 2] == ">>"


def test_a_line_break_in_a_filter_leaves_the_caret_in_its_place() -> None:
    _, line, caret, *_ = message("metrics.a > 1\nAND\tmetrics.b >> 1").splitlines()
    assert line[caret.index("^") : caret.index("^") + 2] == ">>"


@pytest.mark.parametrize("text", [None, "", "   ", "\n"])
def test_an_empty_filter_asks_for_everything(text: str | None) -> None:
    assert parse_filter(text) is None


@pytest.mark.parametrize(
    ("clauses", "said"),
    [
        (["metrics.a", "metric.a DESC"], "names metrics.a twice"),
        (["start_time", "created"], "names attributes.start_time twice"),
        (["metrics.a sideways"], "only ASC or DESC"),
        (["metrics.a DESC DESC"], "only ASC or DESC"),
        (["metrics.val loss"], "backticks"),
        (["min(metrics.a)", "MIN(metric.a) DESC"], r"names min\(metrics.a\) twice"),
        (["last(metrics.a)", "metrics.a"], "names metrics.a twice"),
        (["min(params.a)"], "function of metrics"),
        (["min metrics.a"], "unknown attribute 'min'"),
        (["strat_time"], "did you mean start_time?"),
        (["datasets.name"], "cannot be sorted"),
        ([""], "needs a name"),
        (["'a'"], "needs a name"),
    ],
)
def test_an_order_that_cannot_be_followed_is_refused(clauses: list[str], said: str) -> None:
    with pytest.raises(InvalidInput, match=said.replace("?", r"\?")):
        parse_order(clauses)


def test_an_order_that_is_one_string_is_refused() -> None:
    with pytest.raises(InvalidType, match=r"order_by is the string '.*'; it must be a list of them"):
        parse_order("metrics.a DESC")


def test_an_order_may_be_by_a_function_or_a_duration() -> None:
    orders = parse_order(["min(metrics.`val loss`) DESC", "ARGMAX(metrics.acc)", "duration", "last(metrics.a)"])
    assert orders == [
        Order(Field(Kind.METRIC, "val loss", Function.MIN), descending=True),
        Order(Field(Kind.METRIC, "acc", Function.ARGMAX), descending=False),
        Order(Field(Kind.ATTRIBUTE, "duration"), descending=False),
        Order(Field(Kind.METRIC, "a"), descending=False),
    ]


def test_experiments_have_no_functions() -> None:
    with pytest.raises(InvalidInput, match="unknown function 'min'"):
        parse_filter("min(metrics.a) > 1", EXPERIMENTS)
