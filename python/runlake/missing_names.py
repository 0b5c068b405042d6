"""Names that MLflow has and runlake has not: what to use instead, for the error that the name gives.

docs/compatibility.md lists them; a test compares the two, and both with the official package.
"""

from __future__ import annotations

_BY_HAND = "log parameters and metrics in the training loop: log_params, log_metric, run.log"
_FILES = "save the model to a file and keep it with log_artifact(path)"
_ACTIVE_MODEL = "name the model where it is meant: get_logged_model(id), log_model(model_id=id)"
_TRACES = "there is no tracing yet; log what you measure with log_metric, and texts with log_text or log_table"
_PROMPTS = "there is no prompt registry yet; keep prompts with log_text(text, 'prompt.txt')"
_SYSTEM = "there are no system metrics yet; log them with run.log, e.g. from psutil"
_WORKSPACES = "there are no workspaces; use one store, a folder, for each"
_WEIGHTS = "torch.save(state_dict, file) and log_artifact(file); torch.load(file, weights_only=True) runs no code"
_EVALUATION = "compute the metrics and log them with log_metrics"
_SERVERS = "name a server by its URL with set_tracking_uri; RUNLAKE_TRACKING_TOKEN says who asks"

_GROUPS: dict[str, tuple[str, ...]] = {
    _BY_HAND: ("autolog", "autologging_utils"),
    _FILES: (
        "catboost", "diffusers", "h2o", "johnsnowlabs", "keras", "paddle", "pmdarima",
        "prophet", "pyspark", "rfunc", "sentence_transformers", "setfit", "shap",
        "spacy", "spark", "statsmodels", "tensorflow", "transformers",
    ),
    _ACTIVE_MODEL: ("ActiveModel", "clear_active_model", "get_active_model_id", "set_active_model"),
    "initialize_logged_model makes a model without files, and finalize_logged_model says that it is READY": (
        "create_external_model", "import_checkpoints",
    ),
    _TRACES: (
        "add_trace", "context", "delete_assessment", "delete_trace_tag", "flush_trace_async_logging",
        "get_active_trace_id", "get_assessment", "get_current_active_span", "get_last_active_trace_id", "get_trace",
        "log_assessment", "log_expectation", "log_feedback", "log_issue", "log_trace", "override_feedback",
        "search_sessions", "search_traces", "set_trace_tag", "start_span", "start_span_no_context", "test", "trace",
        "tracing", "update_assessment", "update_current_trace",
        "ag2", "agno", "anthropic", "autogen", "bedrock", "crewai", "dspy", "gemini", "groq", "haystack", "langchain",
        "litellm", "llama_index", "mistral", "openai", "otel", "pydantic_ai", "semantic_kernel", "smolagents",
        "strands", "txtai", "typesafe",
    ),
    _PROMPTS: (
        "delete_prompt_alias", "genai", "load_prompt", "prompt", "register_prompt", "search_prompts",
        "set_prompt_alias",
    ),
    _SYSTEM: (
        "disable_system_metrics_logging", "enable_system_metrics_logging", "set_system_metrics_node_id",
        "set_system_metrics_samples_before_logging", "set_system_metrics_sampling_interval", "system_metrics",
    ),
    _WORKSPACES: (
        "create_workspace", "delete_workspace", "get_workspace", "list_workspaces", "set_workspace",
        "update_workspace",
    ),
    _SERVERS: ("deployments", "gateway", "login"),
    _EVALUATION: ("evaluate", "metrics", "validate_evaluation_results"),
    "there are no projects yet; run the script itself": ("projects", "run"),
    "`python -m runlake doctor` describes the installation": ("doctor",),
    "settings are environment variables that begin with RUNLAKE_, described in docs/compatibility.md": (
        "environment_variables",
    ),
}  # fmt: skip

INSTEAD: dict[str, str] = {name: hint for hint, missing in _GROUPS.items() for name in missing}
"""For each missing name of MLflow's module: what to use instead."""

_RESOURCES = "there are no agents; set_tag of the run or the model says what a model needs"
_REQUIREMENTS = "log the model with extra_pip_requirements=, or with pip_requirements= for all of them"

IN_MODULES: dict[str, dict[str, str]] = {
    "config": {
        "enable_async_logging": "no call waits for metrics; give log_param, log_params, set_tag and set_tags"
        " synchronous=False",
    },
    "lightgbm": {
        "autolog": _BY_HAND,
    },
    "models": {
        "EvaluationArtifact": _EVALUATION,
        "EvaluationMetric": _EVALUATION,
        "EvaluationResult": _EVALUATION,
        "FlavorBackend": "a flavor is a runlake.models.Flavor, found by the entry point group runlake.flavors",
        "MetricThreshold": _EVALUATION,
        "ModelInputExample": "an example is a frame, an array, a dictionary, a list or a scalar",
        "Resource": _RESOURCES,
        "ResourceType": _RESOURCES,
        "add_libraries_to_model": "requirements.txt pins what a model imports; code_paths saves code of your own",
        "build_docker": "models are not packed into images; requirements.txt says what one needs",
        "evaluate": _EVALUATION,
        "infer_pip_requirements": _REQUIREMENTS,
        "list_evaluators": _EVALUATION,
        "make_metric": _EVALUATION,
        "predict": "load the model with pyfunc.load_model and call predict",
        "set_retriever_schema": _RESOURCES,
        "update_model_requirements": _REQUIREMENTS,
        "validate_serving_input": "an example is tried when the model is saved, and again by `runlake models verify`",
    },
    "pyfunc": {
        "spark_udf": "load the model with pyfunc.load_model in a function of your own that Spark maps",
    },
    "pytorch": {
        "autolog": _BY_HAND,
        "load_state_dict": _WEIGHTS,
        "log_state_dict": _WEIGHTS,
        "save_state_dict": _WEIGHTS,
    },
    "sklearn": {
        "autolog": _BY_HAND,
    },
    "tracking": {
        "fluent": "its functions are those of the package itself: start_run, active_run, log_metric",
        "artifact_utils": "runlake.artifacts finds, lists and loads artifacts",
    },
    "xgboost": {
        "autolog": _BY_HAND,
    },
}
"""For each module of ours that MLflow has with more names in it: what to use instead of these."""

_CLIENT_WORDS: tuple[tuple[str, str], ...] = (
    ("prompt", _PROMPTS),
    ("trace", _TRACES),
    ("span", _TRACES),
    ("webhook", "there are no webhooks yet; poll with search_runs"),
    ("dataset", "there are no evaluation data sets; record inputs with log_inputs"),
    ("workspace", _WORKSPACES),
    ("mcp_", "there is no registry of MCP servers"),
    ("assessment", _TRACES),
)


def missing_name(module: str, name: str) -> AttributeError:
    """Return the error for an attribute that `module` does not have, with what to use instead if MLflow has it."""
    within = module.partition(".")[2]
    hint = IN_MODULES.get(within, {}).get(name) if within else INSTEAD.get(name)
    if hint is None:
        return AttributeError(f"module {module!r} has no attribute {name!r}")
    return AttributeError(f"module {module!r} has no attribute {name!r}, which MLflow has\nhint: {hint}")


def missing_client_method(name: str) -> AttributeError:
    """Return the error for a method that MlflowClient does not have, with what to use instead if MLflow's has it."""
    fact = f"'MlflowClient' object has no attribute {name!r}"
    hint = next((hint for word, hint in _CLIENT_WORDS if word in name and not name.startswith("_")), None)
    return AttributeError(f"{fact}\nhint: {hint}" if hint else fact)
