"""Loaded part: all runs of a large experiment as they come from the catalog, on their way into a snapshot."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final

import polars as pl

from runlake.query.parameters import mask_of
from runlake.query.run_frames import KEYED, RunFrames
from runlake.query.run_part import KeyNames, RunPart

_FEW_KEYS: Final = 64


class LoadedPart(RunPart):
    """Runs that are kept as long frames."""

    def __init__(self, frames: RunFrames, names: KeyNames) -> None:
        super().__init__()
        self._frames = frames
        self._names = names
        self._parted: tuple[str, dict[Any, pl.DataFrame]] | None = None

    @property
    def runs(self) -> pl.DataFrame:
        return self._frames.runs

    @cached_property
    def datasets(self) -> pl.DataFrame:
        return self._frames.datasets.select(self._rows(self._frames.datasets), pl.exclude("run"))

    @cached_property
    def keys(self) -> dict[str, frozenset[str]]:
        texts = self._names.texts
        return {kind: frozenset(texts[key] for key in self._frames.of_kind(kind)["key"].unique()) for kind in KEYED}

    @cached_property
    def param_kinds(self) -> dict[str, int]:
        kinds = self._frames.params.group_by("key").agg(pl.col("kind").unique())
        return {self._names.texts[key]: mask_of(of_key) for key, of_key in kinds.iter_rows()}

    def of_key(self, kind: str, key: str) -> pl.DataFrame | None:
        if key not in self.keys[kind]:
            return None
        part = self._part(kind, self._names.numbers[key])
        return part.drop("run") if part.height == self.height else part.select(self._rows(part), pl.exclude("run"))

    def _rows(self, of_runs: pl.DataFrame) -> pl.Series:
        return self.runs["run"].search_sorted(of_runs["run"]).cast(pl.UInt32).alias("row")

    def _part(self, kind: str, key: int) -> pl.DataFrame:
        """What runs have under a key, with `run`: cut out one at a time, or all at once where that takes too long."""
        if len(self.keys[kind]) <= _FEW_KEYS:
            return self._frames.of_kind(kind).filter(pl.col("key") == key).drop("key")
        parted = self._parted  # which another thread may replace
        if parted is None or parted[0] != kind:
            self._parted = None  # of the last kind, first: they are as large as all that was read
            parts = self._frames.of_kind(kind).partition_by("key", as_dict=True, include_key=False, maintain_order=True)
            self._parted = parted = kind, parts
        return parted[1][(key,)]
