"""Throttling: policies as they are written down, and what is said of those that cannot be meant."""

from datetime import timedelta
from typing import Any

import pytest

from runlake import config, throttling
from runlake.errors import InvalidInput, InvalidType
from runlake.throttling import KEEP, Policy, Rules, parse, patterns_of, policy_of


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"every": 10}, Policy(every=10)),
        ({"max_per_second": 50}, Policy(max_per_second=50.0)),
        ({"max_per_second": 0.5, "burst": 20}, Policy(max_per_second=0.5, burst=20.0)),
        ({"window": 100}, Policy(window_steps=100, keep=KEEP)),
        ({"window": "1s"}, Policy(window_s=1.0)),
        ({"window": "500ms", "keep": ("max", "min")}, Policy(window_s=0.5, keep=("min", "max"))),
        ({"window": "1.5m", "keep": "count"}, Policy(window_s=90.0, keep=("count",))),
        ({"window": timedelta(hours=1), "keep": ()}, Policy(window_s=3600.0, keep=())),
    ],
)
def test_a_policy_says_one_thing(given: dict[str, Any], meant: Policy) -> None:
    assert policy_of(**given) == meant


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "one of every, max_per_second and window; none is given"),
        ({"every": 2, "window": 3}, "every and window is given"),
        ({"every": 0}, "every is 0; it must be a number of steps from 1 on"),
        ({"every": True}, "every is True"),
        ({"every": 1.5}, "every is 1.5"),
        ({"every": 2, "burst": 3}, "burst goes with max_per_second, not with every"),
        ({"every": 2, "keep": ("min",)}, "keep goes with window, not with every"),
        ({"max_per_second": 0}, "max_per_second is 0; it must be a number above 0"),
        ({"max_per_second": float("nan")}, "max_per_second is nan"),
        ({"max_per_second": 5, "burst": 0.5}, "burst is 0.5; it must be a number 1 or more"),
        ({"window": "1 day"}, "window is '1 day'; it must be a number of steps or a time"),
        ({"window": "0s"}, "window is '0s'"),
        ({"window": 0}, "window is 0"),
        ({"window": 5, "keep": ("median",)}, "keep has 'median'; a window has min, max, mean, last, count"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        policy_of(**given)
    assert said in caught.value.message


def test_patterns_are_those_that_keys_can_match() -> None:
    assert patterns_of("grad/*") == ["grad/*"]
    assert patterns_of(["loss", "l? b:c"]) == ["loss", "l? b:c"]
    for nothing in ("", "a=b", "x" * 251, []):
        with pytest.raises(InvalidInput):
            patterns_of(nothing)
    with pytest.raises(InvalidType):
        patterns_of([3])  # type: ignore[list-item]


def test_rules_are_read_from_a_line_of_text() -> None:
    text = (
        " grad/* every=10; loss of mine max_per_second=50 burst=5;act/* window=1s keep=min,max ;w window=20;val/* off;"
    )
    assert parse(text) == [
        ("grad/*", Policy(every=10)),
        ("loss of mine", Policy(max_per_second=50.0, burst=5.0)),
        ("act/*", Policy(window_s=1.0, keep=("min", "max"))),
        ("w", Policy(window_steps=20)),
        ("val/*", None),
    ]
    assert parse("") == parse(" ; ") == []
    assert parse("off every=2") == [("off", Policy(every=2))]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("grad/*", "it does not say how often"),
        ("grad/* every=ten", "every is 'ten'"),
        ("grad/* evry=10", "there is no option 'evry'; there are every, max_per_second, burst, window, keep and off"),
        ("grad/* every=1 every=2", "every is given twice"),
        ("every=10", "no key matches the pattern 'every=10'"),
        ("a every=2; b window=1d", "the rule 'b window=1d' cannot be read: window is '1d'"),
    ],
)
def test_a_rule_that_cannot_be_read_is_shown_with_an_example(text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(text)
    assert said in caught.value.message
    assert "RUNLAKE_THROTTLE is rules such as" in str(caught.value)


def test_a_later_rule_of_a_pattern_takes_the_place_of_the_earlier() -> None:
    rules = Rules()
    rules.add(["a*", "b"], Policy(every=2))
    rules.add(["a*"], None)
    assert list(rules) == [("b", Policy(every=2)), ("a*", None)]


def test_rules_of_the_environment_come_before_those_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "_of_process", Rules())
    monkeypatch.setenv("RUNLAKE_THROTTLE", "a every=2")
    throttling.add_to_process(["b"], Policy(every=3))
    assert throttling.rules_of_process() == [("a", Policy(every=2)), ("b", Policy(every=3))]
    assert "RUNLAKE_THROTTLE" in config.names()
