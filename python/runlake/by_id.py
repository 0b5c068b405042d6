"""By id: an experiment that is meant by its id alone, where a text would be taken for a name first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runlake.errors import NotFound

if TYPE_CHECKING:
    from runlake.catalog import Catalog


class ById(str):
    """The id of an experiment. It equals no text: another experiment may have the same one as its name."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        """Tell whether the same experiment is meant."""
        return isinstance(other, ById) and str(self) == str(other)

    def __ne__(self, other: object) -> bool:
        """Tell whether another experiment, or a name, is meant."""
        return not self == other

    def __hash__(self) -> int:
        """Return a number that a name's differs from."""
        return hash((ById, str(self)))

    def __str__(self) -> str:
        """Return the id as plain text."""
        return self[:]


def id_first(catalog: Catalog, text: str) -> str | None:
    """Return the id that a page means by a text, its own or that of a name; None where there is neither.

    Pages and their addresses have ids. An experiment that is called like the id of another does not take its place.
    """
    try:
        return catalog.get_experiment(text).experiment_id
    except NotFound:
        found = catalog.find_experiment(text)
        return None if found is None else found.experiment_id
