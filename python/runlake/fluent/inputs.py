"""Data sets that a run read, in the fluent API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runlake import recording
from runlake.errors import InvalidInput
from runlake.fluent.values import target
from runlake.guard import shielded

if TYPE_CHECKING:
    from runlake.data import Dataset


def log_input(
    dataset: Dataset | None = None,
    context: str | None = None,
    tags: dict[str, str] | None = None,
    model: object = None,
) -> None:
    """Record that the active run read a data set.

    Args:
        dataset: From `runlake.data`, e.g. `data.from_pandas(frame)`.
        context: What it was used for, e.g. "training"; kept in the tag `mlflow.data.context`.
        tags: Of this use of the data set.
        model: Accepted; inputs are not tied to logged models.
    """
    log_inputs([dataset], [context], [tags], [model])


def log_inputs(
    datasets: list[Dataset | None] | None = None,
    contexts: list[str | None] | None = None,
    tags_list: list[dict[str, str] | None] | None = None,
    models: list[Any] | None = None,
) -> None:
    """Record that the active run read several data sets, in one transaction.

    Args:
        datasets: From `runlake.data`.
        contexts: One for each data set, or None.
        tags_list: One dictionary for each data set, or None.
        models: Accepted; inputs are not tied to logged models.

    Raises:
        InvalidInput: the lists have different lengths.
    """
    recording.note_unkept(model=any(models or []))
    store, run = target(None)
    with shielded("log_inputs"):
        inputs = [
            recording.dataset_input(dataset, context, tags or {})
            for dataset, context, tags in _rows(datasets or [], contexts, tags_list)
            if dataset is not None
        ]
        recording.log_inputs(store, run, inputs)


def _rows(
    datasets: list[Dataset | None], contexts: list[str | None] | None, tags_list: list[dict[str, str] | None] | None
) -> list[tuple[Any, ...]]:
    columns: list[list[Any]] = [datasets, contexts or [None] * len(datasets), tags_list or [None] * len(datasets)]
    if len({len(column) for column in columns}) > 1:
        raise InvalidInput(
            f"log_inputs got {len(datasets)} data sets, {len(columns[1])} contexts and {len(columns[2])} dictionaries "
            "of tags; they have to be as many"
        )
    return list(zip(*columns, strict=True))
