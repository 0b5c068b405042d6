"""Changed part: runs that have changed since the snapshot, or all of a small experiment.

They are few, so they are kept as plain Python objects: a query of Polars costs a tenth of a millisecond before it does
anything, and after each change every column of a hundred runs is made anew.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import polars as pl

from runlake.catalog import read_typed
from runlake.query.parameters import BOOL, FLAGS, FLOAT, INT, mask_of
from runlake.query.run_frames import DATASETS, KEYED, PARAMS, RUNS, SUMMARY, TAGS, VALUES
from runlake.query.run_part import KeyNames, RunPart

if TYPE_CHECKING:
    from runlake.catalog import ChangedRuns

_COLUMNS: Final = {"params": tuple(PARAMS), "metrics": tuple(SUMMARY), "summaries": tuple(SUMMARY), "tags": tuple(TAGS)}


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run with what it has, by the number of the key; the values are those of `run_frames.KEYED`, in order.

    Parameters, metrics or tags that are None are as in the snapshot.
    """

    attributes: tuple[Any, ...]
    params: dict[int, tuple[Any, ...]] | None
    metrics: dict[int, tuple[Any, ...]] | None
    tags: dict[int, tuple[Any, ...]] | None
    datasets: list[tuple[Any, ...]]

    def of_kind(self, kind: str) -> dict[int, tuple[Any, ...]] | None:
        """What the run has of one of the kinds in `run_frames.KEYED`."""
        if kind == "params":
            return self.params
        return self.tags if kind == "tags" else self.metrics

    def after(self, earlier: RunRecord | None) -> RunRecord:
        """This record, with what has not changed from an earlier one of the same run."""
        if earlier is None:
            return self
        params = earlier.params if self.params is None else self.params
        metrics = earlier.metrics if self.metrics is None else self.metrics
        tags = earlier.tags if self.tags is None else self.tags
        return RunRecord(self.attributes, params, metrics, tags, self.datasets)


def records_of(changed: ChangedRuns) -> dict[int, RunRecord]:
    """Take over what the catalog has read, by the number of the run."""
    records = {}
    for *attributes, param_tx, tag_tx, summary_tx in _rows(changed.runs, (*RUNS, "param_tx", "tag_tx", "summary_tx")):
        records[attributes[0]] = RunRecord(
            tuple(attributes),
            params={} if param_tx > changed.since else None,
            metrics={} if summary_tx > changed.since else None,
            tags={} if tag_tx > changed.since else None,
            datasets=[],
        )
    for run, key, *values in _decoded(changed.params, ("run", "key", *PARAMS)):
        _of(records[run].params)[key] = tuple(values)
    for run, key, *values in _decoded(changed.tags, ("run", "key", *TAGS)):
        _of(records[run].tags)[key] = tuple(values)
    columns = [_with_nan(changed.metrics[name]) if nan else changed.metrics[name] for name, nan in _METRIC_COLUMNS]
    for run, key, *summary in zip(changed.metrics["run"], changed.metrics["key"], *columns, strict=True):
        _of(records[run].metrics)[key] = tuple(summary)
    for run, *dataset in _rows(changed.inputs, ("run", *DATASETS)):
        records[run].datasets.append(tuple(dataset))
    return records


def _of(values: dict[int, tuple[Any, ...]] | None) -> dict[int, tuple[Any, ...]]:
    """What was read belongs to a run of which it has changed."""
    assert values is not None
    return values


class ChangedPart(RunPart):
    """Runs that are kept as records."""

    def __init__(self, records: Mapping[int, RunRecord], names: KeyNames) -> None:
        super().__init__()
        self.records = dict(sorted(records.items()))
        self._names = names
        self._own: dict[str, pl.Series] = {}
        self._kinds: dict[str, dict[int, list[tuple[Any, ...] | None]]] = {}

    @cached_property
    def runs(self) -> pl.DataFrame:
        rows = [record.attributes for record in self.records.values()]
        return pl.DataFrame(rows, schema=RUNS, orient="row")

    @property
    def height(self) -> int:
        return len(self.records)

    def has_own(self, kind: str) -> pl.Series:
        """Whether the parameters, metrics or tags of each run are here, and not as in the snapshot."""
        if kind not in self._own:
            own = [record.of_kind(kind) is not None for record in self.records.values()]
            self._own[kind] = pl.Series(own, dtype=pl.Boolean)
        return self._own[kind]

    @cached_property
    def datasets(self) -> pl.DataFrame:
        rows = [(row, *of) for row, record in enumerate(self.records.values()) for of in record.datasets]
        return pl.DataFrame(rows, schema={"row": pl.UInt32(), **DATASETS}, orient="row")

    @cached_property
    def keys(self) -> dict[str, frozenset[str]]:
        texts = self._names.texts
        return {kind: frozenset(texts[key] for key in self._by_key(kind)) for kind in KEYED}

    @cached_property
    def param_kinds(self) -> dict[str, int]:
        return {
            self._names.texts[key]: mask_of(values[1] for values in of_runs if values)
            for key, of_runs in self._by_key("params").items()
        }

    def of_key(self, kind: str, key: str) -> pl.DataFrame | None:
        found = self._of_runs(kind, key)
        if found is None:
            return None
        rows = [(row, *values) for row, values in enumerate(found) if values]
        dtypes = SUMMARY if kind in ("metrics", "summaries") else KEYED[kind]
        frame = pl.DataFrame(rows, schema={"row": pl.UInt32(), **dtypes}, orient="row")
        return frame.select(*(() if frame.height == self.height else ("row",)), *KEYED[kind])

    def numbers(self, kind: str, key: str, at: pl.Series | None = None) -> pl.Series | None:
        return self._kept_at((kind, key, "(number)"), lambda: self._typed(kind, key, _numbers), at)

    def flags(self, kind: str, key: str, at: pl.Series | None = None) -> pl.Series | None:
        return self._kept_at((kind, key, "(flag)"), lambda: self._typed(kind, key, _flags), at)

    def _typed(self, kind: str, key: str, read: Callable[[list[_Text | None]], pl.Series]) -> pl.Series | None:
        found = self._of_runs(kind, key)
        if found is None:
            return None
        if kind == "params":
            return read([values and (values[0], values[1]) for values in found])
        return read([values and (values[0], read_typed(values[0])[0]) for values in found])

    def _spread(self, kind: str, key: str, name: str) -> pl.Series | None:
        found, place = self._of_runs(kind, key), _COLUMNS[kind].index(name)
        return None if found is None else pl.Series([v and v[place] for v in found], dtype=KEYED[kind][name])

    def _of_runs(self, kind: str, key: str) -> list[tuple[Any, ...] | None] | None:
        """What each run has under a key; None when none has it."""
        return self._by_key(kind).get(self._names.numbers.get(key, 0))

    def _by_key(self, kind: str) -> dict[int, list[tuple[Any, ...] | None]]:
        kind = "metrics" if kind == "summaries" else kind
        if kind not in self._kinds:
            by_key: dict[int, list[tuple[Any, ...] | None]] = {}
            for row, record in enumerate(self.records.values()):
                for key, values in (record.of_kind(kind) or {}).items():
                    if key not in by_key:
                        by_key[key] = [None] * self.height
                    by_key[key][row] = values
            self._kinds[kind] = by_key
        return self._kinds[kind]


_Text: TypeAlias = tuple[str, int]
"""A text and what it reads as."""


def _numbers(texts: list[_Text | None]) -> pl.Series:
    whole = all(text is None or text[1] != FLOAT for text in texts)
    read: Callable[[str], float] = int if whole else float
    wanted = (INT,) if whole else (INT, FLOAT)
    numbers = [read(text[0]) if text and text[1] in wanted else None for text in texts]
    return pl.Series(numbers, dtype=pl.Int64 if whole else pl.Float64)


def _flags(texts: list[_Text | None]) -> pl.Series:
    return pl.Series([FLAGS[text[0]] if text and text[1] == BOOL else None for text in texts], dtype=pl.Boolean)


_METRIC_COLUMNS: Final = [(name, name in VALUES) for name in SUMMARY]


def _with_nan(values: Sequence[Any]) -> list[Any]:
    return [math.nan if value is None else value for value in values]


def _decoded(columns: Mapping[str, Sequence[str]], names: Iterable[str]) -> Iterable[tuple[Any, ...]]:
    """Rows of columns that are one array as JSON each."""
    return zip(*(json.loads(columns[name][0]) for name in names), strict=True)


def _rows(columns: Mapping[str, Sequence[Any]], names: Iterable[str]) -> Iterable[tuple[Any, ...]]:
    return zip(*(columns[name] for name in names), strict=True)
