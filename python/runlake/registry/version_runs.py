"""Runs of versions: columns of the runs that the versions of a model were made by, and the versions in their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from runlake.by_id import ById
from runlake.catalog import Narrowed
from runlake.entities import ViewType
from runlake.errors import InvalidInput

if TYPE_CHECKING:
    from runlake.entities import ModelVersion
    from runlake.query import Question
    from runlake.store import Store

MayRead = Callable[[str], bool]
"""Tells by its id whether an experiment may be read."""

_ABOUT: Final = ("run_id", "run_name", "experiment_id", "status", "lifecycle_stage")
_MOST_COLUMNS: Final = 50
_MOST_ROWS: Final = 50_000
_MOST_RUNS: Final = 20_000  # of ids of usual length, which a filter has room for
_CHARACTERS: Final = 1000


@dataclass(frozen=True)
class MadeBy:
    """The run that made a version; `values` are what was asked for besides, by name."""

    run_id: str
    run_name: str
    experiment_id: str
    status: str
    lifecycle_stage: str
    values: Mapping[str, Any]


class VersionRuns:
    """The versions of one model, and what is in the runs that made them, as far as the caller may read them.

    Attributes:
        versions: Numbers of all versions, the highest first.
    """

    def __init__(self, store: Store, name: str, may_read: MayRead, stage: str | None = None) -> None:
        """Look up the versions.

        Args:
            stage: Only those that are in it; None is all.

        Raises:
            NotFound: no registered model has that name.
        """
        store.catalog.get_registered_model(name)
        found = store.catalog.version_columns(["run_id", "current_stage"], [], Narrowed({"name": [name]}))
        rows = zip(found["version"], found["run_id"], found["current_stage"], strict=True)
        self._store = store
        self._model = next(iter(found["model"]), 0)
        self._run_of = {version: run for version, run, its in sorted(rows, reverse=True) if stage in (None, its)}
        self._may_read = may_read
        self.versions: list[int] = list(self._run_of)

    def in_order(self, sort: str | None) -> list[int]:
        """Return the versions in an order: the highest first, or by a column of their runs; those without come last.

        Args:
            sort: `version`, or a column of runs such as `metrics.loss`, perhaps with " DESC" behind it.
        """
        if sort is None or sort.upper() in ("VERSION", "VERSION ASC", "VERSION DESC"):
            return self.versions if sort is None or sort.upper().endswith("DESC") else self.versions[::-1]
        ranks = {row["run_id"]: rank for rank, row in enumerate(self._rows(self.versions, (), [sort]))}
        last = len(ranks)
        return sorted(self.versions, key=lambda version: ranks.get(self._run_of[version], last))

    def entities(self, versions: Sequence[int]) -> list[ModelVersion]:
        """Return those of some versions that there are still, in that order."""
        return self._store.catalog.get_versions([(self._model, version) for version in versions])

    def made_by(self, versions: Sequence[int], names: Sequence[str] = ()) -> dict[int, MadeBy]:
        """Return the runs of some versions with the columns that are named.

        Args:
            names: As `runlake.runs` and its filters have them: `metrics.val_auc`, `params.lr`, `min(metrics.loss)`.

        Returns:
            By version; those whose run is not here, or may not be read, are left out. NaN and infinities are texts.

        Raises:
            InvalidInput: a name cannot be read, or there are too many.
        """
        if len(names) > _MOST_COLUMNS:
            raise InvalidInput(f"columns has {len(names)} entries; the limit is {_MOST_COLUMNS}")
        runs = {
            row["run_id"]: MadeBy(**{key: row[key] for key in _ABOUT}, values={name: row[name] for name in names})
            for row in self._rows(versions, names, None)
        }
        return {version: runs[run] for version in versions if (run := self._run_of.get(version)) in runs}

    def question(self, versions: Sequence[int], sort: Sequence[str] | None = None) -> Question | None:
        """Return the question that finds the runs of some versions; None where there is nothing to be found.

        Of many runs those of the versions that come first are asked for.
        """
        from runlake import query

        runs = list(dict.fromkeys(run for version in versions if (run := self._run_of.get(version))))
        places = self._store.catalog.run_experiment(runs)
        readable = {place for place in set(places.values()) if self._may_read(place)}
        wanted = [run for run in runs if places.get(run) in readable][:_MOST_RUNS]
        if not wanted:
            return None
        listed = ", ".join(f"'{run}'" for run in wanted)
        return query.question_of(
            [ById(place) for place in sorted(readable)], f"run_id IN ({listed})", sort, ViewType.ALL
        )

    def _rows(self, versions: Sequence[int], names: Sequence[str], sort: Sequence[str] | None) -> list[dict[str, Any]]:
        from runlake import query

        question = self.question(versions, sort)
        if question is None:
            return []
        wanted = list(dict.fromkeys([*_ABOUT, *names]))
        found = query.window(self._store, question, columns=wanted, limit=_MOST_ROWS, characters=_CHARACTERS)
        return list(query.to_rows(found.frame))
