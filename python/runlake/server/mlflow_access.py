"""The authorization table: what each route needs. A route that is not in it is open to nobody."""

from __future__ import annotations

import re
from typing import Final

from runlake.access import Level, Scope
from runlake.server import mlflow_targets as about
from runlake.server.access import Need
from runlake.server.mlflow_absent import EMPTY_FOR_PAGES
from runlake.server.pages import PAGES, STATIC

_PREFIX: Final = re.compile(r"/(?:ajax-)?api/(?:\d\.\d/(?=mlflow)|2\.0mlflow/)")
_NATIVE: Final = "/api/runlake/v1"

_OPEN: Final = Need(open_to_all=True)
_SIGNED_IN: Final = Need()
_READ_RUN: Final = Need(find=about.run)
_READ_RUNS: Final = Need(find=about.listed_runs)
_EDIT_RUN: Final = Need(Scope.WRITE, Level.EDIT, about.run)
_EDIT_RUN_AND_MODELS: Final = Need(Scope.WRITE, Level.EDIT, about.run_and_models)
_MANAGE_RUN: Final = Need(Scope.WRITE, Level.MANAGE, about.run)
_READ_EXPERIMENT: Final = Need(find=about.experiment)
_EDIT_EXPERIMENT: Final = Need(Scope.WRITE, Level.EDIT, about.experiment)
_MANAGE_EXPERIMENT: Final = Need(Scope.WRITE, Level.MANAGE, about.experiment)
_READABLE_EXPERIMENTS: Final = Need(narrow=about.readable_experiments)
_READ_MODEL: Final = Need(find=about.model)
_EDIT_MODEL: Final = Need(Scope.WRITE, Level.EDIT, about.model)
_READ_LOGGED: Final = Need(find=about.logged_model)
_EDIT_LOGGED: Final = Need(Scope.WRITE, Level.EDIT, about.logged_model)
_MANAGE_LOGGED: Final = Need(Scope.WRITE, Level.MANAGE, about.logged_model)
_ADMIN: Final = Need(Scope.ADMIN, admin=True)
_SELF: Final = Need(Scope.ADMIN)  # the endpoint lets administrators alone ask about others than themselves
_PERMIT: Final = Need(Scope.ADMIN, Level.MANAGE, about.permitted)
_PERMIT_EXPERIMENT: Final = Need(Scope.ADMIN, Level.MANAGE, about.experiment)
_PERMIT_MODEL: Final = Need(Scope.ADMIN, Level.MANAGE, about.model)

_TRACKING: Final = {
    ("POST", "mlflow/runs/log-metric"): _EDIT_RUN_AND_MODELS,
    ("POST", "mlflow/runs/log-batch"): _EDIT_RUN_AND_MODELS,
    ("GET", "mlflow/runs/get"): _READ_RUN,
    ("POST", "mlflow/runs/log-parameter"): _EDIT_RUN,
    ("POST", "mlflow/runs/set-tag"): _EDIT_RUN,
    ("POST", "mlflow/runs/search"): _READABLE_EXPERIMENTS,
    ("GET", "mlflow/metrics/get-history"): _READ_RUN,
    ("GET", "mlflow/metrics/get-history-bulk"): _READ_RUNS,
    ("GET", "mlflow/metrics/get-history-bulk-interval"): _READ_RUNS,
    ("POST", "mlflow/runs/create"): _EDIT_EXPERIMENT,
    ("POST", "mlflow/runs/update"): _EDIT_RUN,
    ("POST", "mlflow/runs/delete"): _MANAGE_RUN,
    ("POST", "mlflow/runs/restore"): _MANAGE_RUN,
    ("POST", "mlflow/runs/delete-tag"): _EDIT_RUN,
    ("POST", "mlflow/runs/log-inputs"): _EDIT_RUN,
    ("POST", "mlflow/runs/log-model"): _EDIT_RUN,
    ("POST", "mlflow/runs/outputs"): _EDIT_RUN,
    ("POST", "mlflow/experiments/create"): Need(Scope.WRITE, then=about.give_experiment),
    ("GET", "mlflow/experiments/get"): _READ_EXPERIMENT,
    ("GET", "mlflow/experiments/get-by-name"): Need(find=about.experiment_by_name),
    ("GET", "mlflow/experiments/search"): _SIGNED_IN,  # finds what the caller may read
    ("POST", "mlflow/experiments/search"): _SIGNED_IN,
    ("POST", "mlflow/experiments/search-datasets"): _READABLE_EXPERIMENTS,
    ("POST", "experiments/search-datasets"): _READABLE_EXPERIMENTS,
    ("POST", "mlflow/experiments/delete"): _MANAGE_EXPERIMENT,
    ("POST", "mlflow/experiments/restore"): _MANAGE_EXPERIMENT,
    ("POST", "mlflow/experiments/update"): _EDIT_EXPERIMENT,
    ("POST", "mlflow/experiments/set-experiment-tag"): _EDIT_EXPERIMENT,
    ("POST", "mlflow/experiments/delete-experiment-tag"): _EDIT_EXPERIMENT,
    ("GET", "mlflow/artifacts/list"): _READ_RUN,
    ("GET", "/get-artifact"): _READ_RUN,
    ("GET", "mlflow-artifacts/artifacts"): Need(find=about.proxied),
    ("GET", "mlflow-artifacts/artifacts/{path:path}"): Need(find=about.proxied),
    ("PUT", "mlflow-artifacts/artifacts/{path:path}"): Need(Scope.WRITE, Level.EDIT, about.proxied),
    ("DELETE", "mlflow-artifacts/artifacts/{path:path}"): Need(Scope.WRITE, Level.MANAGE, about.proxied),
    ("GET", "mlflow/server-info"): _SIGNED_IN,
}

_MODELS: Final = {
    ("GET", "mlflow/registered-models/get"): _READ_MODEL,
    ("GET", "mlflow/registered-models/get-latest-versions"): _READ_MODEL,
    ("POST", "mlflow/registered-models/get-latest-versions"): _READ_MODEL,
    ("GET", "mlflow/registered-models/alias"): _READ_MODEL,
    ("GET", "mlflow/registered-models/search"): _SIGNED_IN,  # finds what the caller may read
    ("POST", "mlflow/registered-models/create"): Need(Scope.WRITE, then=about.give_model),
    ("POST", "mlflow/registered-models/rename"): Need(  # another model under that name would have no gates
        Scope.WRITE, Level.MANAGE, about.model, then=about.count_at_once
    ),
    ("PATCH", "mlflow/registered-models/update"): _EDIT_MODEL,
    ("DELETE", "mlflow/registered-models/delete"): Need(
        Scope.WRITE, Level.MANAGE, about.model, then=about.count_at_once
    ),
    ("POST", "mlflow/registered-models/set-tag"): _EDIT_MODEL,
    ("DELETE", "mlflow/registered-models/delete-tag"): _EDIT_MODEL,
    ("POST", "mlflow/registered-models/alias"): _EDIT_MODEL,
    ("DELETE", "mlflow/registered-models/alias"): _EDIT_MODEL,
    ("POST", "mlflow/model-versions/create"): Need(Scope.WRITE, Level.EDIT, about.model, reads=about.source),
    ("GET", "mlflow/model-versions/get"): _READ_MODEL,
    ("GET", "mlflow/model-versions/get-download-uri"): _READ_MODEL,
    ("GET", "/model-versions/get-artifact"): _READ_MODEL,
    ("GET", "mlflow/model-versions/search"): _SIGNED_IN,
    ("PATCH", "mlflow/model-versions/update"): _EDIT_MODEL,
    ("POST", "mlflow/model-versions/transition-stage"): _EDIT_MODEL,
    ("DELETE", "mlflow/model-versions/delete"): Need(Scope.WRITE, Level.MANAGE, about.model),
    ("POST", "mlflow/model-versions/set-tag"): _EDIT_MODEL,
    ("DELETE", "mlflow/model-versions/delete-tag"): _EDIT_MODEL,
    ("POST", "mlflow/logged-models"): Need(Scope.WRITE, Level.EDIT, about.experiment_and_source_run),
    ("POST", "mlflow/logged-models/search"): _READABLE_EXPERIMENTS,
    ("GET", "mlflow/logged-models/{model_id}"): _READ_LOGGED,
    ("PATCH", "mlflow/logged-models/{model_id}"): _EDIT_LOGGED,
    ("DELETE", "mlflow/logged-models/{model_id}"): _MANAGE_LOGGED,
    ("POST", "mlflow/logged-models/{model_id}/params"): _EDIT_LOGGED,
    ("PATCH", "mlflow/logged-models/{model_id}/tags"): _EDIT_LOGGED,
    ("DELETE", "mlflow/logged-models/{model_id}/tags/{tag_key:path}"): _EDIT_LOGGED,
    ("GET", "mlflow/logged-models/{model_id}/artifacts/directories"): _READ_LOGGED,
    ("GET", "mlflow/logged-models/{model_id}/artifacts/files"): _READ_LOGGED,
}

_USERS: Final = {
    ("POST", "mlflow/users/create"): _ADMIN,
    ("GET", "mlflow/users/get"): _SELF,
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
}

_READ_ALL: Final = Need(find=about.every_experiment, has_body=True)
_PROMOTE: Final = Need(Scope.WRITE, Level.EDIT, about.model, narrow=about.as_caller, has_body=True)
_GOVERN: Final = Need(Scope.WRITE, Level.MANAGE, about.model, narrow=about.as_caller, has_body=True)
_PROMOTE_OR_FORCE: Final = Need(
    Scope.WRITE, Level.EDIT, about.model, manages=about.forced_model, narrow=about.as_caller, has_body=True
)
_CALLS: Final = {
    "approve_version": _PROMOTE,
    "artifact_kind": Need(find=about.run, has_body=True),
    "create_experiment": Need(Scope.WRITE, then=about.give_experiment, has_body=True),
    "create_run": Need(Scope.WRITE, Level.EDIT, about.experiment, narrow=about.as_caller, has_body=True),
    "delete_experiment": Need(Scope.WRITE, Level.MANAGE, about.experiment, has_body=True),
    "delete_experiment_tag": Need(Scope.WRITE, Level.EDIT, about.experiment, has_body=True),
    "delete_gate": _GOVERN,
    "delete_run": Need(Scope.WRITE, Level.MANAGE, about.run, has_body=True),
    "evaluate_gate": Need(find=about.model, narrow=about.as_caller, has_body=True),
    "experiments": _SIGNED_IN,  # what the caller may not read is left out of the answer
    "find_experiment": Need(find=about.named_experiment, has_body=True),
    "force_alias": _GOVERN,
    "force_stage": _GOVERN,
    "get_approvals": Need(find=about.model, has_body=True),
    "get_checks": Need(find=about.model, has_body=True),
    "get_experiment": Need(find=about.experiment, has_body=True),
    "get_gates": Need(find=about.model, has_body=True),
    "get_run": Need(find=about.run, has_body=True),
    "ledger": Need(find=about.run, has_body=True),
    "list_artifacts": Need(find=about.run, has_body=True),
    "log_batch": Need(Scope.WRITE, Level.EDIT, about.run, has_body=True),
    "log_inputs": Need(Scope.WRITE, Level.EDIT, about.run, has_body=True),
    "metric_keys": _READ_ALL,
    "model_events": Need(find=about.model, has_body=True),
    "missing_points": Need(find=about.run, has_body=True),
    "post_check": _PROMOTE,
    "record": Need(Scope.WRITE, Level.EDIT, about.run, has_body=True),
    "recorded_run": Need(find=about.run, has_body=True),
    "registry_events": Need(admin=True, has_body=True),  # of models that are gone as well
    "remove_artifacts": Need(Scope.WRITE, Level.MANAGE, about.run, has_body=True),
    "rename_experiment": Need(Scope.WRITE, Level.EDIT, about.experiment, has_body=True),
    "restore_experiment": Need(Scope.WRITE, Level.MANAGE, about.experiment, has_body=True),
    "restore_run": Need(Scope.WRITE, Level.MANAGE, about.run, has_body=True),
    "run_ids": _READ_ALL,
    "run_names": _READ_ALL,
    "search_experiments": _SIGNED_IN,
    "search_runs": Need(narrow=about.readable_experiments, has_body=True),
    "set_alias": _PROMOTE,
    "set_experiment_tags": Need(Scope.WRITE, Level.EDIT, about.experiment, has_body=True),
    "set_gate": _GOVERN,
    "set_stage": _PROMOTE,
    "verify_registry_events": _SIGNED_IN,  # tells how many there are, and a hash
    "version_lineage": Need(find=about.model, reads=about.run_of_version, has_body=True),
}
_FRAMES: Final = {
    "runs": Need(find=about.named_experiments, narrow=about.all_readable_experiments),
    "listing": Need(find=about.named_experiments, narrow=about.all_readable_experiments),
    "points": Need(find=about.chosen_runs),
    "series": Need(find=about.chosen_runs),
    "band": Need(find=about.chosen_runs),
    "compare": Need(find=about.chosen_runs),
    "history": Need(find=about.run),
}
_SHOWN: Final = Need(find=about.shown_experiments, narrow=about.all_readable_experiments)
_SHOWN_RUNS: Final = Need(find=about.shown_runs, narrow=about.all_readable_unless_chosen)
_VIEWS: Final = {
    ("GET", "experiments"): _SHOWN,
    ("GET", "runs"): _SHOWN,
    ("GET", "columns"): _SHOWN,
    ("GET", "filter"): _SHOWN,
    ("POST", "runs"): _SHOWN,
    ("POST", "columns"): _SHOWN,
    ("POST", "filter"): _SHOWN,
    ("POST", "series"): _SHOWN_RUNS,
    ("POST", "crossfilter"): _SHOWN,
    ("POST", "points"): _SHOWN,
    ("POST", "diff"): Need(find=about.chosen_runs),
    ("GET", "runs/{run_id}"): _READ_RUN,
    ("PATCH", "runs/{run_id}"): _EDIT_RUN,
    ("POST", "runs/change"): Need(  # the endpoint refuses each run that the caller may not change
        Scope.WRITE, find=about.shown_runs, narrow=about.all_readable_unless_chosen
    ),
    ("GET", "runs/{run_id}/points"): _READ_RUN,
    ("GET", "runs/{run_id}/artifacts"): _READ_RUN,
    ("GET", "runs/{run_id}/artifacts/table"): _READ_RUN,
    ("GET", "runs/{run_id}/artifacts/model"): _READ_RUN,
    ("GET", "runs/{run_id}/artifacts/raw"): _READ_RUN,
    ("GET", "views"): _SIGNED_IN,
    ("GET", "views/{name:path}"): _SIGNED_IN,
    ("PUT", "views/{name:path}"): Need(Scope.WRITE),  # the endpoint lets owners and administrators alone replace one
    ("DELETE", "views/{name:path}"): Need(Scope.WRITE),
    ("GET", "events"): Need(find=about.shown_experiments),  # of what the caller may not read it does not tell
}
_REGISTRY_VIEWS: Final = {
    ("GET", "models"): _SIGNED_IN,  # finds what the caller may read
    ("GET", "models/{name}"): _READ_MODEL,
    ("PATCH", "models/{name}"): _PROMOTE,
    ("GET", "models/{name}/versions"): _READ_MODEL,  # with what the caller may read of runs
    ("GET", "models/{name}/versions/{version}"): _READ_MODEL,
    ("PATCH", "models/{name}/versions/{version}"): _PROMOTE,
    ("GET", "models/{name}/curve"): _READ_MODEL,
    ("GET", "models/{name}/columns"): _READ_MODEL,
    ("GET", "models/{name}/events"): _READ_MODEL,
    ("PUT", "models/{name}/aliases/{alias}"): _PROMOTE_OR_FORCE,
    ("DELETE", "models/{name}/aliases/{alias}"): _PROMOTE,
    ("POST", "models/{name}/versions/{version}/stage"): _PROMOTE_OR_FORCE,
    ("GET", "models/{name}/gates"): Need(find=about.model, narrow=about.as_caller),
    ("PUT", "models/{name}/gates/{target}"): _GOVERN,
    ("DELETE", "models/{name}/gates/{target}"): _GOVERN,
    ("POST", "models/{name}/versions/{version}/approvals"): _PROMOTE,
    ("POST", "models/{name}/versions/{version}/checks"): _PROMOTE,
}
_REPLICATION: Final = {
    ("POST", "have"): _SIGNED_IN,
    ("POST", "ledger"): Need(Scope.WRITE),  # the endpoint checks the runs that it is of
    ("POST", "points"): Need(Scope.WRITE),  # the endpoint checks the runs of a batch, which only it can read
    ("POST", "runs"): Need(Scope.WRITE),  # and the experiments that are sent
    ("GET", "runs/{run_id}"): _READ_RUN,
    ("POST", "runs/{run_id}/artifacts/state"): _EDIT_RUN,
    ("PUT", "runs/{run_id}/artifacts/{path:path}"): _EDIT_RUN,
    ("POST", "provenance/state"): _SIGNED_IN,
    ("PUT", "provenance/{sha256}"): Need(Scope.WRITE),  # its name is its digest, so that nothing is replaced
    ("GET", "experiments"): Need(find=about.named_or_experiment),
}

TABLE: Final[dict[tuple[str, str], Need]] = {
    ("GET", "/health"): _OPEN,
    ("GET", "/version"): _OPEN,
    ("GET", "/metrics"): _SIGNED_IN,
    ("GET", f"{_NATIVE}/openapi.json"): _SIGNED_IN,
    ("GET", f"{_NATIVE}/hello"): _SIGNED_IN,
    **{("POST", f"{_NATIVE}/call/{name}"): need for name, need in _CALLS.items()},
    **{("POST", f"{_NATIVE}/frames/{name}"): need for name, need in _FRAMES.items()},
    **{(method, f"{_NATIVE}/{path}"): need for (method, path), need in {**_VIEWS, **_REGISTRY_VIEWS}.items()},
    **{(method, f"{_NATIVE}/replication/{path}"): need for (method, path), need in _REPLICATION.items()},
    **{("GET", path): _SIGNED_IN for path in (*PAGES, STATIC)},
    ("GET", "/static-files/{path:path}"): _SIGNED_IN,
    ("POST", "/graphql"): _SIGNED_IN,  # each root field is held against the entry of its endpoint
    **{(method, path.partition("/")[2]): _SIGNED_IN for method, path in EMPTY_FOR_PAGES},
    **_TRACKING,
    **_MODELS,
    **_USERS,
    **{(method, "/{path:path}"): _SIGNED_IN for method in ("GET", "POST", "PUT", "PATCH", "DELETE")},
}
"""By method and path; of a path that is at `/api` and `/ajax-api`, what is behind the version."""


def need_of(method: str, path: str) -> Need | None:
    """Return what a route needs, by its template; None when the table does not have it."""
    return TABLE.get(("GET" if method == "HEAD" else method, _PREFIX.sub("", path)))
