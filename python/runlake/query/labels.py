"""Labels: what a run's column is called in a frame that has one column a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runlake.query.reader import Lake


def run_labels(lake: Lake, run_ids: Sequence[str], taken: Collection[str] = ()) -> dict[str, str]:
    """Return the label of each run: its name, or its id where the name is empty, taken, or that of several runs."""
    return labels_of(dict.fromkeys(run_ids, "") | lake.catalog.run_names(run_ids), taken)


def labels_of(names: Mapping[str, str], taken: Collection[str] = ()) -> dict[str, str]:
    """Return the label of each run, given its name; see `run_labels`."""
    count = Counter(names.values())
    alone = {name for name in names.values() if name and count[name] == 1}
    usable = alone - set(taken) - names.keys()
    return {run_id: name if name in usable else run_id for run_id, name in names.items()}
