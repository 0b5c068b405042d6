"""Choice of runs: one id, ids, or a frame that has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from runlake.errors import InvalidInput, InvalidType, NotFound
from runlake.query.forks import require_threads

if TYPE_CHECKING:
    from runlake.query.reader import Lake

Runs: TypeAlias = "str | Sequence[str] | pl.Series | pl.DataFrame | pl.LazyFrame | None"
"""What a caller may give for a choice of runs."""


def check_runs(lake: Lake, runs: Any) -> None:
    """Refuse what is no choice of runs. A lazy frame is looked at no sooner than it is collected.

    Raises:
        NotFound: a run id that was given by name does not exist.
        InvalidInput: a frame has no column `run_id`.
        InvalidType: it is none of these.
        StoreError: this process cannot query; see the module forks.
    """
    require_threads()
    check_kind(runs)
    if isinstance(runs, str):
        _require_known(lake, [runs])
    elif isinstance(runs, list | tuple):
        _require_known(lake, runs)


def check_kind(runs: Any) -> None:
    """Refuse what is no choice of runs, whatever runs there are.

    Raises:
        InvalidInput: a frame has no column `run_id`.
        InvalidType: it is no choice.
    """
    if isinstance(runs, pl.DataFrame) and "run_id" not in runs.columns:
        raise _no_ids(runs.columns)
    if not isinstance(runs, None | pl.Series | pl.LazyFrame | pl.DataFrame | str | list | tuple):
        raise InvalidType(f"runs has type {type(runs).__name__}; give ids, or a frame with a column run_id")
    if isinstance(runs, list | tuple):
        for run in runs:
            _text(run)


def ids_of(runs: Any) -> list[str] | None:
    """Return the ids of the chosen runs, each once, in the order given; None for all."""
    if isinstance(runs, str):
        return [runs]
    if isinstance(runs, pl.LazyFrame):
        runs = _ids_in(runs)
    if isinstance(runs, pl.DataFrame):
        runs = runs["run_id"]
    if isinstance(runs, pl.Series):
        return runs.drop_nulls().unique(maintain_order=True).cast(pl.String).to_list()
    return None if runs is None else list(dict.fromkeys(runs))


def _ids_in(frame: pl.LazyFrame) -> pl.DataFrame:
    try:
        return frame.select("run_id").collect()
    except pl.exceptions.ColumnNotFoundError:
        columns = frame.collect_schema().names()
        if "run_id" in columns:
            raise
        raise _no_ids(columns) from None


def _no_ids(columns: Sequence[str]) -> InvalidInput:
    return InvalidInput(f"the frame of runs has no column run_id; its columns are {_listed(columns)}")


def _require_known(lake: Lake, runs: Sequence[object]) -> None:
    ids = [_text(run) for run in runs]
    known = lake.catalog.run_experiment(ids)
    if unknown := [run for run in ids if run not in known]:
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        raise NotFound(f"there is no run {unknown[0]!r}{more}", hint=_meant(lake, unknown[0]))


def _meant(lake: Lake, name: str) -> str:
    """What to write instead of a text that is no run's id: most often it is a name."""
    if lake.catalog.find_experiment(name) is not None:
        return f"that is an experiment; its runs are runlake.runs({name!r})"
    if ids := lake.catalog.run_ids(name):
        others = f", and of {len(ids) - 1} more" if len(ids) > 1 else ""
        return f"runs are given by their ids; that means the run {ids[0]}{others}"
    return "runs are given by their ids, as in the column run_id of runs()"


def _text(run: object) -> str:
    if not isinstance(run, str):
        raise InvalidType(f"a run id has type {type(run).__name__}: {run!r}; it must be a string")
    return run


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "") or "none"
