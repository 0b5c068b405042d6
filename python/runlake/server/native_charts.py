"""Native charts: views of points and of values of many runs; functions whose parameters are fields of a request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from runlake.entities import ViewType
from runlake.errors import InvalidInput
from runlake.provenance.environments import packages_of
from runlake.server.view import View
from runlake.store import Store

if TYPE_CHECKING:
    import polars as pl

    from runlake.query.binning import Axis
    from runlake.query.curves import Chart

_MOST_RUNS: Final = 500
_MOST_COMPARED: Final = 50
_AXIS: Final = {"key": str, "scale": str, "bins": int, "reduce": str}
_AXIS_SAID: Final = {"key": "text", "scale": "text", "bins": "a whole number", "reduce": "text"}
_MOST_LEDGERS: Final = 100  # of which each is a look into the catalog


def series(
    store: Store,
    keys: str | list[str],
    runs: str | list[str] | None = None,
    experiments: str | list[str] | None = None,
    where: str | None = None,
    sort: list[str] | None = None,
    view: int = ViewType.ACTIVE_ONLY,
    top: int = 20,
    pins: list[str] | None = None,
    hides: list[str] | None = None,
    x: str = "step",
    range: list[str | float | None] | None = None,
    points: int = 200,
    group: list[str] | None = None,
    band: str | list[float] | None = None,
    since: dict[str, Any] | list[dict[str, Any] | None] | None = None,
    ledger: bool = False,
    apart: bool = False,
) -> View:
    """Reduce metrics of runs, or of groups of runs, to the buckets of one grid, or of one a metric."""
    from runlake import query

    low, high = _range(range)
    names = (keys,) if isinstance(keys, str) else tuple(keys)
    wanted = query.WantedCurves(names, x, low, high, points, _known(since), apart)
    most = query.MOST_GROUPED if group else _size("top", top)
    chosen = _ids(runs, most) if runs is not None else query.question_of(experiments, where, sort, view)
    found = query.chart(store, chosen, wanted, top=most, pins=_few("pins", pins), hides=_few("hides", hides))
    parts, groups = (_curves(found), {}) if not group else _groups(found, group, band)
    if ledger and not group:
        ids = found.found.table.wide(["run_id"], found.rows.head(_MOST_LEDGERS)).to_series().to_list()
        parts += [[frame] for frame in query.unstored_of_runs(store, ids, found.keys)]
    notes = {"keys": list(found.keys), **_grids(found, apart=apart), "left_out": found.left_out, **groups}
    return View(lambda: parts, {}, found.found.tx, found.total, found.found.version, notes)


def crossfilter(
    store: Store,
    axes: list[dict[str, Any]],
    experiments: str | list[str] | None = None,
    where: str | None = None,
    sort: list[str] | None = None,
    view: int = ViewType.ACTIVE_ONLY,
    brush: list[str | None] | None = None,
    top: int = 0,
    pins: list[str] | None = None,
    hides: list[str] | None = None,
    all: bool = True,
    pairs: list[list[int]] | None = None,
    color: str | None = None,
) -> View:
    """Count the runs of a filter in the bins of axes and of pairs of axes, with brushes and without."""
    from runlake import query

    question = query.question_of(experiments, where, sort, view)
    found = query.crossfilter(
        store,
        question,
        [_axis(axis) for axis in axes],
        brush or (),
        best=query.Best(top, tuple(_few("pins", pins)), tuple(_few("hides", hides))),
        everything=all,
        pairs=None if pairs is None else [_pair(pair) for pair in pairs],
        color=None if color is None else query.Axis.of(color).field,
    )
    notes = {"axes": [axis.said() for axis in found.axes], "total": found.total, "left": found.left}
    if found.ends is not None:
        notes["color"] = {"low": found.ends[0], "high": found.ends[1]}
    counts = found.counts if color is not None else found.counts.drop("mean")
    parts = [[counts], [found.best]]
    return View(lambda: parts, {}, found.found.tx, found.total, found.found.version, notes)


def points(
    store: Store,
    x: dict[str, Any],
    y: dict[str, Any],
    experiments: str | list[str] | None = None,
    where: str | None = None,
    sort: list[str] | None = None,
    view: int = ViewType.ACTIVE_ONLY,
    color: str | None = None,
    most: int = 20_000,
    top: int = 200,
) -> View:
    """Give two values of each run of a filter as points or, of many runs, as counts of bins."""
    from runlake import query

    question = query.question_of(experiments, where, sort, view)
    shade = None if color is None else query.Axis.of(color).field
    found = query.scatter(store, question, _axis(x), _axis(y), shade, most=most, top=top)
    notes = {"x": found.axes[0].said(), "y": found.axes[1].said(), "total": found.total, "left": found.left}
    parts = [[found.points], *([[found.cells]] if found.cells is not None else [])]
    return View(lambda: parts, {}, found.found.tx, found.total, found.found.version, notes)


def diff(store: Store, runs: list[str], same: bool = False, fields: list[str] | None = None) -> View:
    """Say what differs between runs: attributes, parameters, metrics (some or all of their fields), tags, packages."""
    from runlake import query

    ids = list(dict.fromkeys(runs))
    if not 1 <= len(ids) <= _MOST_COMPARED:
        raise InvalidInput(f"runs has {len(ids)} ids; from 1 to {_MOST_COMPARED} are compared")
    frame = query.compare(store, ids, only_different=not same, fields=fields)
    said = ("kind", "key", "field", "differs")
    rows = [{**{name: row.pop(name) for name in said}, "values": list(row.values())} for row in query.to_rows(frame)]
    names = frame.columns[len(said) :]
    return View(value={"runs": ids, "names": names, "rows": [*rows, *_packages(store, ids, same=same)]})


def _packages(store: Store, ids: list[str], *, same: bool) -> list[dict[str, Any]]:
    environments = packages_of(store, ids)
    rows = []
    for name in sorted({name for packages in environments for name in packages}):
        values = [packages.get(name) for packages in environments]
        differs = len(set(values)) > 1
        if differs or same:
            rows.append({"kind": "package", "key": name, "field": "version", "differs": differs, "values": values})
    return rows


def _axis(given: dict[str, Any]) -> Axis:
    from runlake import query

    if unknown := [name for name in given if name not in _AXIS]:
        raise InvalidInput(f"an axis has no field {unknown[0][:40]!r}; its fields are {', '.join(_AXIS)}")
    if "key" not in given:
        raise InvalidInput("an axis has no key")
    for name, value in given.items():
        if not isinstance(value, _AXIS[name]) or isinstance(value, bool):
            raise InvalidInput(f"the {name} of an axis is {value!r:.40}; it must be {_AXIS_SAID[name]}")
    return query.Axis.of(**given)


def _pair(given: list[int]) -> tuple[int, int]:
    if len(given) != 2:
        raise InvalidInput(f"pairs has an entry of {len(given)} numbers; it must be the places of two axes")
    return given[0], given[1]


def _grids(found: Chart, *, apart: bool) -> dict[str, Any]:
    from runlake import query

    if apart:
        return {"grids": [grid.said() for grid in found.grids], "since": list(found.since)}
    grid, since = (found.grids[0], found.since[0]) if found.grids else (query.NO_GRID, 0)
    return {"grid": grid.said(), "since": since}


def _curves(found: Chart) -> list[Iterable[pl.DataFrame]]:
    columns = ["run_id", "run_name", "status", "start_time", "end_time"]
    runs = found.found.table.wide(columns, found.rows).with_row_index("run")
    return [_by_key(found.frame), [runs]]


def _groups(
    found: Chart, group: list[str], band: str | list[float] | None
) -> tuple[list[Iterable[pl.DataFrame]], dict[str, int]]:
    from runlake import query

    curves, groups, total = query.grouped(found, group, query.Band.of(band))
    return [_by_key(curves), [groups]], {"groups": total}


def _by_key(frame: pl.DataFrame) -> list[pl.DataFrame]:
    """A record batch a key, of those that have rows."""
    return frame.partition_by("key", maintain_order=True) or [frame]


def _ids(runs: str | list[str], most: int) -> list[str]:
    ids = [runs] if isinstance(runs, str) else list(dict.fromkeys(runs))
    if len(ids) > max(most, _MOST_RUNS):
        raise InvalidInput(f"runs has {len(ids):,} ids; a chart has at most {_MOST_RUNS}", hint="use where and group")
    return ids


def _few(name: str, ids: list[str] | None) -> list[str]:
    if ids is not None and len(ids) > _MOST_RUNS:
        raise InvalidInput(f"{name} has {len(ids):,} ids; it may have {_MOST_RUNS}")
    return ids or []


def _size(name: str, given: int) -> int:
    if not 1 <= given <= _MOST_RUNS:
        raise InvalidInput(f"{name} is {given}; it must be from 1 to {_MOST_RUNS}")
    return given


def _range(given: list[str | float | None] | None) -> tuple[int | float | None, int | float | None]:
    if given is None:
        return None, None
    if len(given) != 2:
        raise InvalidInput(f"range has {len(given)} bounds; it must have two, of which each may be null")
    return _bound(given[0]), _bound(given[1])


def _bound(given: str | float | None) -> int | float | None:
    """Read a bound; as text it may be a whole number that a browser cannot hold."""
    if not isinstance(given, str):
        return given
    try:
        bound = int(given) if given.lstrip("-").isdecimal() else float(given)
        float(bound)  # what no float comes near is on no axis
    except (ValueError, OverflowError):
        raise InvalidInput(f"range has the bound {given[:40]!r}; it must be a number, of 309 digits at most") from None
    return bound


def _known(given: dict[str, Any] | list[dict[str, Any] | None] | None) -> Any:
    return [_since(one) for one in given] if isinstance(given, list) else _since(given)


def _since(given: dict[str, Any] | None) -> Any:
    from runlake import query

    if given is None:
        return None
    start, width, bucket = (given.get(name) for name in ("start", "width", "bucket"))
    if not isinstance(start, str) or not isinstance(width, str) or not isinstance(bucket, int):
        raise InvalidInput("since must have start and width as the grid says them, and the number of a bucket")
    return query.Since(start, width, bucket)
