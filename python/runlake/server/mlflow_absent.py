"""What MLflow's server has and this one has not: the paths, and the sentence that such a call gets with 501."""

from __future__ import annotations

from typing import Final

_TRACES = "Tracing is not there yet."
_PROMPTS = "Evaluation, scorers and review queues are not there yet."
_GATEWAY = "The AI gateway is not there."
_MULTIPART_UP = "Multipart upload is not supported for the current artifact repository; send the file in one request."
_MULTIPART_DOWN = "Multipart download is not supported for the current artifact repository; use Range requests."
_NOTHING_REPORTED: Final = {
    "disable_ui_telemetry": True,
    "disable_ui_events": [],
    "ui_rollout_percentage": 0,
    "status": "disabled",
}

ABSENT: Final = {
    "mlflow/traces": _TRACES,
    "mlflow/assessments": _TRACES,
    "mlflow/get-trace-artifact": _TRACES,
    "mlflow/datasets": _PROMPTS,
    "mlflow/scorers": _PROMPTS,
    "mlflow/scorer": _PROMPTS,
    "mlflow/genai": _PROMPTS,
    "mlflow/review-queues": _PROMPTS,
    "mlflow/label-schemas": _PROMPTS,
    "mlflow/issues": _PROMPTS,
    "mlflow/labeling-sessions": _PROMPTS,
    "mlflow/prompts": "Prompts have no calls of their own; MLflow's clients keep them in the model registry.",
    "mlflow/webhooks": "Webhooks are not there yet.",
    "mlflow/workspaces": "There are no workspaces; start a server for each store.",
    "mlflow/roles": "There are no roles; give each user permissions.",
    "mlflow/users/roles": "There are no roles; give each user permissions.",
    "mlflow/gateway": _GATEWAY,
    "mlflow/gateway-proxy": _GATEWAY,
    "mlflow/endpoints": _GATEWAY,
    "mlflow/assistant": "The assistant is not there.",
    "mlflow/demo": "The demo of MLflow is not there; `runlake demo` is.",
    "mlflow/mcp-servers": "The registry of MCP servers is not there.",
    "mlflow/jobs": "Jobs are not there.",
    "mlflow/ui-telemetry": "Nobody's use of the pages is reported.",
    "mlflow/artifacts/presigned-upload-url": _MULTIPART_UP,
    "mlflow/artifacts/presigned-download-url": _MULTIPART_DOWN,
    "mlflow/runs/create-promptlab-run": _GATEWAY,
    "mlflow/upload-artifact": "Files are uploaded with PUT mlflow-artifacts/artifacts/<path>.",
    "mlflow-artifacts/mpu": _MULTIPART_UP,
    "mlflow-artifacts/presigned": _MULTIPART_DOWN,
}
"""Sentences by the beginning of the path below `/api/<version>/` or `/ajax-api/<version>/`."""

ABSENT_AT_ROOT: Final = {
    "v1/traces": _TRACES,
    "graphql": "GraphQL is for MLflow's pages alone: POST, and a server that was started with --ui mlflow.",
    "gateway": _GATEWAY,
}
"""Sentences by the beginning of a path without a prefix."""

EMPTY_FOR_PAGES: Final[dict[tuple[str, str], dict[str, object]]] = {
    ("GET", "2.0/mlflow/users/current"): {},
    ("GET", "3.0/mlflow/ui-telemetry"): _NOTHING_REPORTED,
    ("POST", "3.0/mlflow/ui-telemetry"): _NOTHING_REPORTED,
    ("GET", "3.0/mlflow/assistant/config"): {"providers": {}, "projects": {}, "remote_access_allowed": False},
    ("GET", "3.0/mlflow/assistant/providers"): {"providers": [], "resolved": None},
    ("POST", "3.0/mlflow/traces/search"): {"traces": []},
    ("POST", "3.0/mlflow/traces/metrics"): {"data_points": []},
    ("POST", "3.0/mlflow/datasets/search"): {"datasets": []},
    ("POST", "3.0/mlflow/issues/search"): {"issues": []},
    ("GET", "3.0/mlflow/scorers/list"): {"scorers": []},
    ("GET", "3.0/mlflow/review-queues/list"): {"review_queues": []},
    ("GET", "3.0/mlflow/label-schemas/list"): {"label_schemas": []},
    ("GET", "3.0/mlflow/mcp-servers"): {"mcp_servers": []},
    ("GET", "2.0/mlflow/webhooks"): {"webhooks": []},
    ("GET", "2.0/mlflow/gateway-proxy"): {"endpoints": []},
    ("GET", "3.0/mlflow/gateway/secrets/list"): {"secrets": []},
    ("GET", "3.0/mlflow/gateway/endpoints/list"): {"endpoints": []},
    ("GET", "3.0/mlflow/gateway/endpoints/bindings/list"): {"bindings": []},
    ("GET", "3.0/mlflow/gateway/model-definitions/list"): {"model_definitions": []},
    ("GET", "3.0/mlflow/gateway/budgets/list"): {"budget_policies": []},
}
"""What MLflow's pages are told below `/ajax-api/` when they ask, unasked, for what is not there: that it is empty."""

_PREFIXES: Final = tuple(f"{api}/{version}" for api in ("api", "ajax-api") for version in ("2.0", "3.0"))


def absence(path: str) -> str | None:
    """Return why a path of MLflow's has nothing here; None when MLflow has no such path either."""
    path = path.strip("/")
    for prefix in _PREFIXES:
        if path.startswith(prefix):  # MLflow has one path with no slash behind the version
            return _beginning(ABSENT, path[len(prefix) :].strip("/"))
    return _beginning(ABSENT_AT_ROOT, path)


def _beginning(sentences: dict[str, str], path: str) -> str | None:
    return next((said for start, said in sentences.items() if path == start or path.startswith(f"{start}/")), None)
