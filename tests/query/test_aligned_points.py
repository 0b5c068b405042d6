"""points(align="step"): series side by side, and what their columns are called."""

from __future__ import annotations

import polars as pl
import pytest

from runlake import query
from runlake.errors import InvalidInput
from runlake.query import align
from tests.query.lakes import BareLake, Row


@pytest.fixture
def named(lake: BareLake) -> BareLake:
    """Runs a and b, called first and second, with points of two keys at different steps."""
    lake.catalog.create_run("a", "0", name="first", user_id="u", start_time=0, owned=False)
    lake.catalog.create_run("b", "0", name="second", user_id="u", start_time=0, owned=False)
    lake.segment([Row("a", "loss", 0, 0, 1.0), Row("a", "loss", 2, 0, 3.0), Row("a", "acc", 0, 0, 0.5)])
    lake.segment([Row("b", "loss", 1, 0, 2.0), Row("b", "loss", 2, 0, 4.0), Row("a", "loss", 2, 9, 3.5)])
    return lake


def test_several_runs_of_one_key_have_a_column_a_run(named: BareLake) -> None:
    assert query.points(named, ["b", "a"], "loss", align="step").collect().to_dict(as_series=False) == {
        "step": [0, 1, 2],
        "first": [1.0, None, 3.5],
        "second": [None, 2.0, 4.0],
    }


def test_one_run_has_a_column_a_key(named: BareLake) -> None:
    assert query.points(named, "a", align="step").collect().to_dict(as_series=False) == {
        "step": [0, 2],
        "acc": [0.5, None],
        "loss": [1.0, 3.5],
    }


@pytest.mark.parametrize("keys", [None, "*", ["acc", "loss"], "^acc|loss"])
def test_runs_and_keys_have_a_column_each(named: BareLake, keys: str | list[str] | None) -> None:
    frame = query.points(named, ["a", "b"], keys, align="step").collect()
    assert frame.columns == ["step", "first/acc", "first/loss", "second/loss"]


def test_what_is_given_in_a_list_is_named_as_if_there_were_more(named: BareLake) -> None:
    assert query.points(named, ["a"], ["acc"], align="step").collect().columns == ["step", "first/acc"]
    assert query.points(named, "a", "acc", align="step").collect().columns == ["step", "acc"]


def test_runs_of_the_same_name_are_called_by_their_ids(named: BareLake) -> None:
    named.catalog.create_run("c", "0", name="first", user_id="u", start_time=0, owned=False)
    named.segment([Row("c", "loss", 0, 0, 9.0)])
    assert query.points(named, keys="loss", align="step").collect().columns == ["step", "a", "c", "second"]
    assert query.points(named, ["b", "c"], "loss", align="step").collect().columns == ["step", "first", "second"]


@pytest.mark.parametrize("name", ["step", "a"])
def test_a_name_that_is_taken_gives_way_to_the_id(named: BareLake, name: str) -> None:
    named.catalog.create_run("z", "0", name=name, user_id="u", start_time=0, owned=False)
    named.segment([Row("z", "loss", 0, 0, 9.0)])
    assert query.points(named, keys="loss", align="step").collect().columns == ["step", "first", "second", "z"]


def test_names_that_become_one_with_their_keys_give_way_to_ids(lake: BareLake) -> None:
    lake.catalog.create_run("a", "0", name="x", user_id="u", start_time=0, owned=False)
    lake.catalog.create_run("b", "0", name="x/y", user_id="u", start_time=0, owned=False)
    lake.segment([Row("a", "y/z", 0, 0, 1.0), Row("b", "z", 0, 0, 2.0)])
    assert query.points(lake, align="step").collect().columns == ["step", "a/y/z", "b/z"]


def test_a_metric_called_step_does_not_hide_the_steps(lake: BareLake) -> None:
    lake.run("a")
    lake.segment([Row("a", "step", 3, 0, 9.0)])
    frame = query.points(lake, "a", align="step").collect()
    assert frame.to_dict(as_series=False) == {"step": [3], "step (metric)": [9.0]}


def test_without_points_there_are_no_columns_but_steps(named: BareLake) -> None:
    frame = query.points(named, "a", "nope", align="step").collect()
    assert (frame.schema, frame.height) == ({"step": pl.Int64}, 0)


def test_the_frame_is_lazy_and_fresh(named: BareLake) -> None:
    frame = query.points(named, "b", align="step")
    assert frame.collect_schema().names() == ["step", "loss"]
    named.segment([Row("b", "acc", 5, 0, 0.1)])
    assert frame.collect().columns == ["step", "acc", "loss"]
    assert frame.filter(pl.col("step") >= 2).select("loss", "step").collect().rows() == [(4.0, 2), (None, 5)]
    assert frame.head(1).collect().height == 1
    assert frame.select(pl.len()).collect().item() == 3


def test_more_columns_than_a_frame_can_bear_are_refused(named: BareLake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(align, "MOST_COLUMNS", 2)
    # An error that is found while Polars asks for the schema is Polars' own, with our text.
    with pytest.raises(pl.exceptions.ComputeError, match="aligning takes 3 columns, one a series; the limit is 2"):
        query.points(named, align="step").collect()


def test_another_word_is_refused(named: BareLake) -> None:
    with pytest.raises(InvalidInput, match="align is 'time'; it must be 'step' or None"):
        query.points(named, align="time")  # type: ignore[arg-type]
