"""Trees of scikit-learn: whether what a file says of them stays inside their own arrays.

The nodes of a tree name each other and their columns by number, and compiled code follows the numbers without looking:
a made-up tree reads whatever is beside it in memory. So skops does not take trees for harmless, and with them no forest
and no gradient boosting. Here each number is looked at, in less time than the trees take to load.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from runlake.errors import Corrupt
from runlake.extras import is_loaded_instance

TREE: Final = "sklearn.tree._tree.Tree"
"""The type that `check` makes harmless."""

_MODULE, _, _CLASS = TREE.rpartition(".")
_LEAF: Final = -1
_PLAIN: Final = frozenset({str, bytes, int, float, bool, type(None)})
_FORESTS: Final = "sklearn.ensemble._forest"
_BOOSTING: Final = "sklearn.ensemble._gb"
_ISOLATION: Final = "sklearn.ensemble._iforest"


def check(model: Any, file: Path, named: Mapping[str, int]) -> None:
    """Return if every tree in a model that came from a skops file can be followed.

    Args:
        named: How many objects of each type the file says it has.

    Raises:
        Corrupt: one leads out of itself, or is where nobody looks.
    """
    trees: dict[int, Any] = {}
    for part in _parts(model):
        if is_loaded_instance(part, _MODULE, _CLASS):
            trees[id(part)] = part
        elif not _fits(part):
            raise Corrupt(f"{file} holds a {type(part).__name__} whose trees are of other columns than it is")
    if len(trees) != named.get(TREE, 0):
        raise Corrupt(f"{file} holds trees in a place where none belong")
    if not all(map(_is_whole, trees.values())):
        raise Corrupt(f"{file} holds a tree whose nodes lead out of it")


def _is_whole(tree: Any) -> bool:
    """Tell whether each node of a tree leads on to later ones, by a column that there is, or ends."""
    count = tree.node_count
    if not 1 <= count <= tree.capacity:  # before its arrays are looked at, which are as long as it says
        return False
    left, right, column = tree.children_left, tree.children_right, tree.feature
    inner = (left != _LEAF).nonzero()[0]
    if not len(inner):
        return True
    children = [side[inner] for side in (left, right)]
    onward = all((side > inner).all() and (side < count).all() for side in children)
    return bool(onward and (column[inner] >= 0).all() and (column[inner] < tree.n_features).all())


def _fits(part: Any) -> bool:
    """Tell whether an estimator gives its trees rows as wide as they are; other objects have none."""
    known = getattr(part, "__dict__", {})
    width, members = known.get("n_features_in_"), known.get("estimators_")
    if "tree_" in known:
        return bool(known["tree_"].n_features == width)
    home = type(part).__module__
    if home == _FORESTS and members is not None:
        return all(member.tree_.n_features == width for member in members)
    if home == _BOOSTING and members is not None:
        return members.shape[1:] == (known.get("n_trees_per_iteration_"),) and all(
            member.tree_.n_features == width for member in members.flat
        )
    if home == _ISOLATION and members is not None:
        widths = [len(chosen) for chosen in known["estimators_features_"]]
        whole = known.get("_max_features") == width
        return len(widths) == len(members) and all(
            member.tree_.n_features == each and (each == width or not whole)
            for member, each in zip(members, widths, strict=True)
        )
    return True


def _parts(model: Any) -> Iterator[Any]:
    """Give a model and all that it is made of, each once."""
    waiting, seen = [model], set()
    while waiting:
        part = waiting.pop()
        if type(part) in _PLAIN or id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        waiting += _within(part)


def _within(part: Any) -> Iterable[Any]:
    if isinstance(part, dict):
        return [*part.keys(), *part.values()]
    if isinstance(part, list | tuple | set | frozenset):
        return part
    if is_loaded_instance(part, "numpy", "ndarray"):
        return part.ravel().tolist() if part.dtype.hasobject and part.dtype.names is None else ()
    return getattr(part, "__dict__", {}).values() if not isinstance(part, type) else ()
