"""Sources of model versions: what the catalog keeps is true for every client, what MLflow is given it can open here.

The catalog has `mlflow-artifacts:/<experiment>/<run>/artifacts/<path>`, which the server's clients resolve as well;
MLflow in this process gets the `runlake:` URI of the folder. Sources of other kinds are left as they are.
"""

from __future__ import annotations

import contextlib
from typing import Final

from runlake.errors import NotFound
from runlake.location import SCHEME, folder_of_uri, uri_of_folder
from runlake.store import Store

_PROXIED: Final = "mlflow-artifacts:/"


def to_keep(store: Store, source: str, run_id: str | None, model_id: str | None) -> str:
    """Return what the catalog keeps for a source of the run or the logged model that is named with it.

    A folder that is not below their artifacts comes back as a path, which the registry refuses.
    """
    if not source.startswith(f"{SCHEME}:"):
        return source
    path = str(folder_of_uri(source))
    with contextlib.suppress(NotFound):
        if model_id:
            model = store.catalog.get_logged_model(model_id)
            return _below(path, model.artifact_location, f"{model.experiment_id}/models/{model_id}")
        if run_id:
            run = store.catalog.get_run(run_id).info
            return _below(path, str(run.artifact_uri), f"{run.experiment_id}/{run_id}")
    return path


def to_open(store: Store, source: str | None, locations: dict[str, str]) -> str | None:
    """Return the URI that MLflow opens for what the catalog keeps.

    Args:
        locations: Where experiments keep their artifacts, by id; what is not in it yet is added.
    """
    if source is None or not source.startswith(_PROXIED):
        return source
    match source.removeprefix(_PROXIED).split("/"):
        case [experiment, "models", model_id, "artifacts", *path]:
            owner = f"models/{model_id}"
        case [experiment, owner, "artifacts", *path]:
            pass
        case _:
            return source
    if experiment not in locations:
        try:
            locations[experiment] = store.catalog.get_experiment(experiment).artifact_location
        except NotFound:
            return source
    # NOTE: MLflow takes the last parts of a URI for a path, and does not decode it.
    return "/".join([uri_of_folder(f"{locations[experiment]}/{owner}"), *path])


def _below(path: str, root: str, kept: str) -> str:
    if path == root:
        return f"{_PROXIED}{kept}/artifacts"
    if not path.startswith(f"{root}/"):
        return path
    return f"{_PROXIED}{kept}/artifacts/{path.removeprefix(f'{root}/')}"
