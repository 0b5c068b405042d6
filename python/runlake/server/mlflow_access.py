"""The authorization table: what each route needs. A route that is not in it is open to nobody."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from runlake import access
from runlake.access import Kind, Level, Scope
from runlake.artifacts import paths
from runlake.errors import InvalidInput
from runlake.server.access import Need, Target

if TYPE_CHECKING:
    from runlake.server.mlflow_fields import Fields
    from runlake.store import Store

_PREFIX: Final = re.compile(r"/(?:ajax-)?api/\d\.\d/(?=mlflow)")


# -- what a request is about


def _experiments(ids: Iterable[str]) -> Iterator[Target]:
    return ((Kind.EXPERIMENT, experiment_id) for experiment_id in ids)


def _experiment(_store: Store, fields: Fields) -> Iterator[Target]:
    return _experiments([fields.text("experiment_id")])


def _experiment_by_name(store: Store, fields: Fields) -> Iterator[Target]:
    found = store.catalog.find_experiment(fields.text("experiment_name"))
    return _experiments([] if found is None else [found.experiment_id])


def _experiments_of(store: Store, run_ids: list[str]) -> Iterator[Target]:
    """Runs that do not exist are about nothing; the endpoint says that they do not."""
    return _experiments(sorted(set(store.catalog.run_experiment(run_ids).values())))


def _run(store: Store, fields: Fields) -> Iterator[Target]:
    return _experiments_of(store, [fields.run_id()])


def _listed_runs(store: Store, fields: Fields) -> Iterator[Target]:
    return _experiments_of(store, [*fields.texts("run_id"), *fields.texts("run_ids")])


def _proxied(_store: Store, fields: Fields) -> Iterator[Target]:
    """A path of the artifact proxy begins with the experiment, and the endpoint refuses one that does not."""
    return _experiments(paths.components(fields.text_or("path"))[:1])


def _readable_experiments(_store: Store, fields: Fields) -> Fields:
    """Leave out the experiments that the caller may not see, as if they did not exist."""
    ids = [found for found in fields.ids("experiment_ids") if fields.caller.may_read(Kind.EXPERIMENT, found)]
    return fields.replaced(experiment_ids=ids)


# -- what follows


def _give_experiment(store: Store, fields: Fields, answer: Any) -> None:
    """Let who makes an experiment manage it."""
    if fields.caller.name is not None:
        access.grant(store, fields.caller.name, Level.MANAGE, Kind.EXPERIMENT, answer["experiment_id"])


# -- users


def _permission_target(_store: Store, fields: Fields) -> Iterator[Target]:
    """What a permission is for: who manages it may say who else may do what."""
    kind = {"experiment": Kind.EXPERIMENT, "registered_model": Kind.MODEL}.get(fields.text("resource_type"))
    if kind is None:
        raise InvalidInput(
            f"resource_type is {fields.text('resource_type')[:40]!r}; it is experiment or registered_model"
        )
    return iter([(kind, fields.text("resource_id"))])


def _model(_store: Store, fields: Fields) -> Iterator[Target]:
    return iter([(Kind.MODEL, fields.text("name"))])


_OPEN: Final = Need(open_to_all=True)
_SIGNED_IN: Final = Need()
_READ_RUN: Final = Need(find=_run)
_READ_RUNS: Final = Need(find=_listed_runs)
_EDIT_RUN: Final = Need(Scope.WRITE, Level.EDIT, _run)
_MANAGE_RUN: Final = Need(Scope.WRITE, Level.MANAGE, _run)
_READ_EXPERIMENT: Final = Need(find=_experiment)
_EDIT_EXPERIMENT: Final = Need(Scope.WRITE, Level.EDIT, _experiment)
_MANAGE_EXPERIMENT: Final = Need(Scope.WRITE, Level.MANAGE, _experiment)
_ADMIN: Final = Need(Scope.ADMIN, admin=True)
_SELF: Final = Need(Scope.ADMIN)
_PERMIT: Final = Need(Scope.ADMIN, Level.MANAGE, _permission_target)
_PERMIT_EXPERIMENT: Final = Need(Scope.ADMIN, Level.MANAGE, _experiment)
_PERMIT_MODEL: Final = Need(Scope.ADMIN, Level.MANAGE, _model)

TABLE: Final[dict[tuple[str, str], Need]] = {
    ("GET", "/health"): _OPEN,
    ("GET", "/version"): _OPEN,
    ("GET", "/metrics"): _SIGNED_IN,
    ("GET", "/api/runlake/v1/openapi.json"): _SIGNED_IN,
    ("POST", "mlflow/runs/log-metric"): _EDIT_RUN,
    ("POST", "mlflow/runs/log-batch"): _EDIT_RUN,
    ("GET", "mlflow/runs/get"): _READ_RUN,
    ("POST", "mlflow/runs/log-parameter"): _EDIT_RUN,
    ("POST", "mlflow/runs/set-tag"): _EDIT_RUN,
    ("POST", "mlflow/runs/search"): Need(narrow=_readable_experiments),
    ("GET", "mlflow/metrics/get-history"): _READ_RUN,
    ("GET", "mlflow/metrics/get-history-bulk"): _READ_RUNS,
    ("GET", "mlflow/metrics/get-history-bulk-interval"): _READ_RUNS,
    ("POST", "mlflow/runs/create"): _EDIT_EXPERIMENT,
    ("POST", "mlflow/runs/update"): _EDIT_RUN,
    ("POST", "mlflow/runs/delete"): _MANAGE_RUN,
    ("POST", "mlflow/runs/restore"): _MANAGE_RUN,
    ("POST", "mlflow/runs/delete-tag"): _EDIT_RUN,
    ("POST", "mlflow/runs/log-inputs"): _EDIT_RUN,
    ("POST", "mlflow/experiments/create"): Need(Scope.WRITE, then=_give_experiment),
    ("GET", "mlflow/experiments/get"): _READ_EXPERIMENT,
    ("GET", "mlflow/experiments/get-by-name"): Need(find=_experiment_by_name),
    ("GET", "mlflow/experiments/search"): _SIGNED_IN,  # finds what the caller may read
    ("POST", "mlflow/experiments/search"): _SIGNED_IN,
    ("POST", "mlflow/experiments/delete"): _MANAGE_EXPERIMENT,
    ("POST", "mlflow/experiments/restore"): _MANAGE_EXPERIMENT,
    ("POST", "mlflow/experiments/update"): _EDIT_EXPERIMENT,
    ("POST", "mlflow/experiments/set-experiment-tag"): _EDIT_EXPERIMENT,
    ("POST", "mlflow/experiments/delete-experiment-tag"): _EDIT_EXPERIMENT,
    ("GET", "mlflow/artifacts/list"): _READ_RUN,
    ("GET", "mlflow-artifacts/artifacts"): Need(find=_proxied),
    ("GET", "mlflow-artifacts/artifacts/{path:path}"): Need(find=_proxied),
    ("PUT", "mlflow-artifacts/artifacts/{path:path}"): Need(Scope.WRITE, Level.EDIT, _proxied),
    ("DELETE", "mlflow-artifacts/artifacts/{path:path}"): Need(Scope.WRITE, Level.MANAGE, _proxied),
    ("POST", "mlflow/logged-models/search"): Need(narrow=_readable_experiments),
    ("GET", "mlflow/server-info"): _SIGNED_IN,
    ("POST", "mlflow/users/create"): _ADMIN,
    ("GET", "mlflow/users/get"): _SELF,  # the endpoint lets others than oneself be asked about by administrators alone
    ("GET", "mlflow/users/list"): _ADMIN,
    ("GET", "mlflow/users/current"): _SIGNED_IN,
    ("PATCH", "mlflow/users/update-password"): _SELF,
    ("PATCH", "mlflow/users/update-admin"): _ADMIN,
    ("DELETE", "mlflow/users/delete"): _ADMIN,
    ("GET", "mlflow/users/current/permissions"): _SIGNED_IN,
    ("GET", "mlflow/users/permissions/list"): _SELF,
    ("GET", "mlflow/users/permissions/get"): _SELF,
    ("POST", "mlflow/users/permissions/grant"): _PERMIT,
    ("POST", "mlflow/users/permissions/revoke"): _PERMIT,
    ("POST", "mlflow/experiments/permissions/create"): _PERMIT_EXPERIMENT,
    ("GET", "mlflow/experiments/permissions/get"): _PERMIT_EXPERIMENT,
    ("PATCH", "mlflow/experiments/permissions/update"): _PERMIT_EXPERIMENT,
    ("DELETE", "mlflow/experiments/permissions/delete"): _PERMIT_EXPERIMENT,
    ("POST", "mlflow/registered-models/permissions/create"): _PERMIT_MODEL,
    ("GET", "mlflow/registered-models/permissions/get"): _PERMIT_MODEL,
    ("PATCH", "mlflow/registered-models/permissions/update"): _PERMIT_MODEL,
    ("DELETE", "mlflow/registered-models/permissions/delete"): _PERMIT_MODEL,
    **{(method, "/{path:path}"): _SIGNED_IN for method in ("GET", "POST", "PUT", "PATCH", "DELETE")},
}
"""By method and path; of a path that is at `/api` and `/ajax-api`, what is behind the version."""


def need_of(method: str, path: str) -> Need | None:
    """Return what a route needs, by its template; None when the table does not have it."""
    return TABLE.get(("GET" if method == "HEAD" else method, _PREFIX.sub("", path)))
