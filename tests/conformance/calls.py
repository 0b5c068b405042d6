"""The calls of MLflow's clients, by method and path below `/api/2.0/`: each has to be in the workflow."""

BOTH = {
    *(
        f"POST mlflow/experiments/{name}"
        for name in ("create", "search", "delete", "restore", "update", "set-experiment-tag")
    ),
    *(f"GET mlflow/experiments/{name}" for name in ("get", "get-by-name")),
    *(
        f"POST mlflow/runs/{name}"
        for name in ("create", "update", "delete", "restore", "search", "set-tag", "delete-tag", "log-metric")
    ),
    *(f"POST mlflow/runs/{name}" for name in ("log-parameter", "log-batch", "log-inputs")),
    *("GET mlflow/runs/get", "GET mlflow/metrics/get-history"),
    *(
        f"{method} mlflow/registered-models/{name}"
        for method, name in (
            *(("POST", "create"), ("GET", "get"), ("PATCH", "update"), ("DELETE", "delete"), ("GET", "search")),
            *(("POST", "rename"), ("POST", "get-latest-versions"), ("POST", "set-tag"), ("DELETE", "delete-tag")),
            *(("GET", "alias"), ("POST", "alias"), ("DELETE", "alias")),
        )
    ),
    *(
        f"{method} mlflow/model-versions/{name}"
        for method, name in (
            *(("POST", "create"), ("GET", "get"), ("PATCH", "update"), ("DELETE", "delete"), ("GET", "search")),
            *(("GET", "get-download-uri"), ("POST", "transition-stage"), ("POST", "set-tag"), ("DELETE", "delete-tag")),
        )
    ),
    "GET mlflow-artifacts/artifacts",
    "GET mlflow-artifacts/artifacts/{path:path}",
    "PUT mlflow-artifacts/artifacts/{path:path}",
}
"""What 2.22 and 3 call alike."""

MLFLOW_2 = {"POST mlflow/runs/log-model"}

MLFLOW_3 = {
    "POST mlflow/experiments/delete-experiment-tag",
    "POST mlflow/runs/outputs",
    "POST mlflow/logged-models",
    "POST mlflow/logged-models/search",
    "GET mlflow/logged-models/{model_id}",
    "PATCH mlflow/logged-models/{model_id}",
    "DELETE mlflow/logged-models/{model_id}",
    "POST mlflow/logged-models/{model_id}/params",
    "PATCH mlflow/logged-models/{model_id}/tags",
    "DELETE mlflow/logged-models/{model_id}/tags/{tag_key:path}",
}
