"""What is said of keys that no run has."""

from __future__ import annotations

import time
from collections.abc import Collection

import pytest

from runlake.query.filter.nearest import nearest
from runlake.query.filter.nodes import Kind
from runlake.query.filter.order import parse_order
from runlake.query.filter.parser import parse_filter
from runlake.query.filter.suggest import MAX_SUGGESTIONS, unknown_keys

KNOWN = {
    Kind.PARAM: {"lr": 0, "optimizer": 0, "batch_size": 0, "shared": 0},
    Kind.METRIC: {"train/loss": 0, "val/loss": 0, "val/AUC": 0},
    Kind.TAG: {"team": 0, "mlflow.user": 0},
}


def known(kind: Kind) -> Collection[str]:
    return KNOWN[kind]


def messages(where: str | None = None, order_by: list[str] | None = None) -> list[str]:
    return unknown_keys(parse_filter(where), parse_order(order_by), known)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("params.lrr > 1", "no run has the parameter 'lrr'\nhint: did you mean params.lr?"),
        ("params.Optimizer = 'a'", "no run has the parameter 'Optimizer'\nhint: did you mean params.optimizer?"),
        ("metrics.`val/los` > 1", "no run has the metric 'val/los'\nhint: did you mean metrics.val/loss?"),
        ("min(metrics.val/auc) > 1", "no run has the metric 'val/auc'\nhint: did you mean metrics.val/AUC?"),
        ("metrics.lr > 1", "no run has the metric 'lr'\nhint: did you mean params.lr?"),
        ("tags.taem = 'a'", "no run has the tag 'taem'\nhint: did you mean tags.team?"),
        ("NOT (params.lr = 1 AND tags.xyz IS NULL)", "no run has the tag 'xyz'\nhint: there are mlflow.user, team"),
        ("status = 'finished'", "no run has the status 'finished'\nhint: did you mean 'FINISHED'?"),
        (
            "status IN ('FAILED', 'done')",
            "no run has the status 'done'\nhint: there are RUNNING, SCHEDULED, FINISHED, FAILED, KILLED",
        ),
        ("lifecycle_stage != 'Active'", "no run has the lifecycle_stage 'Active'\nhint: did you mean 'active'?"),
    ],
)
def test_an_unknown_key_is_named_with_what_may_have_been_meant(where: str, said: str) -> None:
    assert messages(where) == [said]


def test_known_keys_attributes_and_data_sets_are_not_remarked_on() -> None:
    assert messages("status LIKE 'fin%' OR lifecycle_stage = 'deleted'") == []
    assert messages("params.lr > 1 AND status = 'FAILED' AND duration > 1h AND datasets.name = 'mnist'") == []
    assert messages(None, ["metrics.train/loss DESC", "start_time"]) == []
    assert messages() == []


def test_a_key_is_remarked_on_once_wherever_it_stands() -> None:
    found = messages("metrics.lo > 1 OR min(metrics.lo) < 2 OR params.lo = 1", ["max(metrics.lo)", "metrics.other"])
    assert [each.splitlines()[0] for each in found] == [
        "no run has the metric 'lo'",
        "no run has the parameter 'lo'",
        "no run has the metric 'other'",
    ]


def test_only_the_kinds_that_are_named_are_asked_for() -> None:
    asked: list[Kind] = []

    def recorded(kind: Kind) -> Collection[str]:
        asked.append(kind)
        return KNOWN[kind]

    assert unknown_keys(parse_filter("params.lr > 1 AND params.optimizer = 'a'"), [], recorded) == []
    assert asked == [Kind.PARAM]


def test_a_thousand_unknown_names_among_twelve_thousand_keys_are_remarked_on_at_once() -> None:
    many = {f"layer_{number:04}/{name}": 0 for number in range(6000) for name in ("grad_norm", "weight_norm")}
    condition = parse_filter(" OR ".join(f"metrics.`layer_{number}/gradnorm` > 1" for number in range(1000)))
    start = time.perf_counter()
    found = unknown_keys(condition, [], lambda kind: many if kind is Kind.METRIC else ())
    assert time.perf_counter() - start < 1.5
    assert len(found) == MAX_SUGGESTIONS + 1
    assert all("/grad_norm" in each for each in found[:-1])
    assert found[-1] == "no run has 990 more of the keys"


def test_a_key_as_long_as_a_filter_is_shortened() -> None:
    (said,) = messages(f"params.`{'x' * 900_000}` = 1")
    assert len(said) < 150


@pytest.mark.parametrize(
    ("name", "found"),
    [("losss", "loss"), ("LOSS", "loss"), ("los", "loss"), ("lsos", "loss"), ("valloss", "val_loss"), ("acc", "acc1")],
)
def test_the_nearest_name_comes_first(name: str, found: str) -> None:
    assert nearest(name, ["acc1", "loss", "val_loss", "zzz", "optimizer"])[0] == found


@pytest.mark.parametrize("name", ["", "q", "completely different", "x" * 10_000])
def test_nothing_is_proposed_for_a_name_like_no_other(name: str) -> None:
    assert nearest(name, ["acc1", "loss", "val_loss", "optimizer", "x" * 10_000, ""]) in ([], [""])
