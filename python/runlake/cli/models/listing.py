"""`runlake models list`: the models that were logged, filtered and sorted."""

from __future__ import annotations

from typing import Any, Final

import click

from runlake import logged_models
from runlake.cli import output
from runlake.cli.described import described, joined, since
from runlake.cli.options import (
    example,
    experiments_option,
    find_run,
    json_option,
    limit_option,
    opened,
    require_text,
    sort_option,
    store_option,
)
from runlake.cli.paging import collected
from runlake.cli.runs import check_experiments
from runlake.entities import LoggedModel
from runlake.query.logged_models import ModelOrder
from runlake.stores import AnyStore

_HEADER: Final = ("name", "model_id", "status", "type", "run", "metrics", "tags", "made")
_SHOWN: Final = 50
_OWN_TAGS: Final = "mlflow."


@click.command(
    name="list",
    short_help="List models that were logged.",
    epilog=example("runlake models list -e churn --where 'metrics.val_auc > 0.9' --sort 'metrics.val_auc DESC'"),
)
@click.option("-w", "--where", metavar="FILTER", help="Like 'metrics.val_auc > 0.9 AND tags.team = \\'risk\\''.")
@experiments_option
@click.option("--run", metavar="RUN", callback=require_text, help="Only those of a run: its id, or its name.")
@sort_option("FIELD", "metrics.val_auc DESC", " Default: the newest first.")
@limit_option("models", _SHOWN)
@store_option
@json_option
def list_models(
    where: str | None,
    experiments: tuple[str, ...],
    run: str | None,
    sorts: tuple[str, ...],
    limit: int,
    store: str | None,
    as_json: bool,
) -> None:
    """List the models that were logged, of all experiments or of some, or of one run."""
    with opened(store) as opened_store:
        check_experiments(opened_store, experiments)
        if run is not None:
            of_run = f"source_run_id = '{find_run(opened_store, run).info.run_id}'"
            where = of_run if where is None else f"{of_run} AND ({where})"
        found, more = _found(opened_store, experiments, where, sorts, limit)
    if as_json:
        output.json([{**described(model), "model_uri": model.model_uri} for model in found])
    else:
        output.table(_HEADER, [_row(model) for model in found])
    if more:
        output.message(f"{len(found):,} models, and there are more; --limit 0 shows all")


def _found(
    store: AnyStore, experiments: tuple[str, ...], where: str | None, sorts: tuple[str, ...], limit: int
) -> tuple[list[LoggedModel], bool]:
    known = store.catalog.experiments()
    ids = [one.experiment_id for one in known if not experiments or one.name in experiments]
    orders = [_order(sort) for sort in sorts]
    search = logged_models.search_logged_models
    return collected(lambda size, token: search(store, ids, where, (), size, orders, token), limit)


def _order(sort: str) -> ModelOrder:
    """Read `FIELD`, `FIELD ASC` or `FIELD DESC`."""
    field, _, direction = sort.strip().rpartition(" ")
    if field and direction.upper() in ("ASC", "DESC"):
        return ModelOrder(field.strip(), direction.upper() == "ASC")
    return ModelOrder(sort.strip())


def _row(model: LoggedModel) -> tuple[Any, ...]:
    latest = {metric.key: metric for metric in sorted(model.metrics, key=lambda one: (one.step, one.timestamp))}
    metrics = {key: output.readable(metric.value) for key, metric in latest.items()}
    tags = {key: value for key, value in model.tags.items() if not key.startswith(_OWN_TAGS)}
    about = model.model_type, model.source_run_id, joined(metrics), joined(tags), since(model.creation_timestamp)
    return model.name, model.model_id, model.status, *about
