"""Models and the registry, judged: the official server gets the same calls, and has to answer the same.

What each server makes up by itself, ids and times, is given the same names in both answers.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.server.wire import Answer, Server

MADE_UP = {
    *("creation_timestamp", "last_updated_timestamp", "creation_timestamp_ms", "last_updated_timestamp_ms"),
    *("user_id", "error_class", "sqlstate"),
}
UNKNOWN_THERE = {"model_id", "aliases"}
"""What MLflow's versions do not tell in some answers, or in any."""

OWN_WORDS = True
"""Where the code of a mistake is the same, and what is said about it is not."""


@dataclass
class Told:
    """A server, and the ids that it gave out: `RUN` for a run, `THE-NET` for a logged model."""

    server: Server
    ids: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, fields: Any) -> Answer:
        path, fields = json.loads(self._known(json.dumps([path, fields])))
        return getattr(self.server, method.lower())(path, **fields)

    def answer(self, step: tuple[str, str, Any]) -> tuple[int, Any]:
        sent = self.ask(*step)
        text = json.dumps(plain(sent.json))
        for name, known in self.ids.items():
            text = text.replace(known, name)
        return sent.status, json.loads(re.sub("m-[0-9a-f]{32}", "m-new", text))

    def _known(self, text: str) -> str:
        for name, known in self.ids.items():
            text = text.replace(name, known)
        return text


def plain(value: Any, parent: str = "") -> Any:
    """An answer without what is made up and without empty lists, and with lists in one order."""
    if isinstance(value, dict):
        left_out = MADE_UP | (
            UNKNOWN_THERE if parent in ("model_version", "model_versions", "latest_versions") else set()
        )
        found = {name: plain(item, name) for name, item in value.items() if name not in left_out}
        return {name: item for name, item in sorted(found.items()) if item not in ([], {}, None)}
    if isinstance(value, list):
        listed = [plain(item, parent) for item in value]
        ordered = parent in ("model_versions", "registered_models", "models")
        return listed if ordered else sorted(listed, key=json.dumps)
    return value


@pytest.fixture(scope="module")
def both(server: Server, judge: Server) -> tuple[Told, Told]:
    found = []
    for each in (server, judge):
        run = each.create_run(start_time=1)
        made = each.post("logged-models", experiment_id="0", name="net", source_run_id=run).json["model"]["info"]
        found.append(Told(each, {"RUN": run, "THE-NET": made["model_id"]}))
    return found[0], found[1]


def version(number: int, **more: Any) -> dict[str, Any]:
    return {"name": "m", "version": str(number), **more}


SOURCE = {"name": "m", "source": "runs:/RUN/model", "run_id": "RUN"}
REGISTRY: list[tuple[Any, ...]] = [
    ("POST", "registered-models/create", {"name": "m", "description": "d", "tags": [{"key": "a", "value": "1"}]}),
    ("POST", "registered-models/create", {"name": "plain"}),
    ("GET", "registered-models/get", {"name": "m"}),
    ("PATCH", "registered-models/update", {"name": "m", "description": "e"}),
    ("PATCH", "registered-models/update", {"name": "plain"}),
    ("POST", "model-versions/create", {**SOURCE, "description": "v", "tags": [{"key": "t", "value": "1"}]}),
    ("POST", "model-versions/create", {**SOURCE, "run_link": "http://link"}),
    ("POST", "model-versions/create", {"name": "m", "source": "mlflow-artifacts:/0/RUN/artifacts/x", "run_id": "RUN"}),
    ("POST", "model-versions/create", {"name": "m", "source": "s3://bucket/x"}),
    ("GET", "model-versions/get", version(1)),
    ("GET", "model-versions/get-download-uri", version(1)),
    ("GET", "model-versions/get-download-uri", version(4)),
    ("PATCH", "model-versions/update", version(1, description="w")),
    ("PATCH", "model-versions/update", version(1)),
    ("POST", "model-versions/set-tag", version(1, key="u", value="2")),
    ("DELETE", "model-versions/delete-tag", version(1, key="t")),
    ("DELETE", "model-versions/delete-tag", version(1, key="t")),
    ("POST", "registered-models/set-tag", {"name": "m", "key": "b", "value": "2"}),
    ("POST", "registered-models/set-tag", {"name": "m", "key": "c"}),
    ("DELETE", "registered-models/delete-tag", {"name": "m", "key": "a"}),
    ("DELETE", "registered-models/delete-tag", {"name": "m", "key": "nothing"}),
    ("POST", "model-versions/transition-stage", version(1, stage="production")),
    ("POST", "model-versions/transition-stage", version(2, stage="Staging")),
    ("POST", "model-versions/transition-stage", version(3, stage="PRODUCTION", archive_existing_versions=True)),
    ("GET", "registered-models/get-latest-versions", {"name": "m"}),
    ("POST", "registered-models/get-latest-versions", {"name": "m", "stages": ["staging", "None"]}),
    ("GET", "registered-models/get", {"name": "m"}),
    ("POST", "registered-models/alias", {"name": "m", "alias": "best", "version": "1"}),
    ("POST", "registered-models/alias", {"name": "m", "alias": "best", "version": "2"}),
    ("POST", "registered-models/alias", {"name": "m", "alias": "other", "version": "2"}),
    ("GET", "registered-models/alias", {"name": "m", "alias": "best"}),
    ("GET", "registered-models/alias", {"name": "m", "alias": "latest"}),
    ("DELETE", "registered-models/alias", {"name": "m", "alias": "other"}),
    ("DELETE", "registered-models/alias", {"name": "m", "alias": "other"}),
    ("GET", "registered-models/get", {"name": "m"}),
    ("GET", "model-versions/search", {"filter": "name = 'm'", "order_by": ["version_number ASC"]}),
    ("GET", "model-versions/search", {"filter": "run_id = 'RUN'", "order_by": ["name ASC"]}),
    ("GET", "model-versions/search", {"filter": "name = 'm'", "order_by": ["version_number DESC"], "max_results": 2}),
    ("GET", "model-versions/search", {"filter": "tags.u = '2'"}),
    ("GET", "model-versions/search", {"filter": "source_path LIKE 's3%'"}),
    ("GET", "registered-models/search", {"filter": "name ILIKE 'M%'"}),
    ("GET", "registered-models/search", {"order_by": ["name DESC"], "max_results": 1}),
    ("POST", "registered-models/rename", {"name": "m", "new_name": "n"}),
    ("GET", "registered-models/alias", {"name": "n", "alias": "best"}),
    ("POST", "registered-models/rename", {"name": "n", "new_name": "m"}),
    ("DELETE", "model-versions/delete", version(4)),
    ("POST", "model-versions/create", SOURCE),
    ("DELETE", "model-versions/delete", version(2)),
    ("GET", "registered-models/get", {"name": "m"}),
    ("POST", "model-versions/create", {"name": "plain", "source": "models:/m/1"}),
    ("POST", "model-versions/create", {"name": "plain", "source": "models:/m/Production"}),
    ("GET", "model-versions/get-download-uri", {"name": "plain", "version": "1"}),
    ("POST", "model-versions/create", {"name": "plain", "source": "models:/THE-NET", "model_id": "THE-NET"}),
    ("GET", "model-versions/get-download-uri", {"name": "plain", "version": "3"}),
    ("GET", "logged-models/THE-NET", {}),
    # mistakes
    ("POST", "registered-models/create", {}),
    ("POST", "registered-models/create", {"name": "m"}),
    ("POST", "registered-models/create", {"name": "a/b"}),
    ("POST", "registered-models/create", {"name": "a:b"}),
    ("POST", "registered-models/create", {"name": 3}),
    ("POST", "registered-models/create", {"name": "k", "tags": [{"key": "../a", "value": "1"}]}, OWN_WORDS),
    ("GET", "registered-models/get", {"name": "nothing"}),
    ("GET", "registered-models/get", {}),
    ("DELETE", "registered-models/delete", {"name": "nothing"}),
    ("PATCH", "registered-models/update", {"name": "nothing", "description": "x"}),
    ("POST", "registered-models/rename", {"name": "m"}),
    ("POST", "registered-models/rename", {"name": "nothing", "new_name": "x"}),
    ("POST", "registered-models/rename", {"name": "m", "new_name": "a/b"}),
    ("POST", "registered-models/rename", {"name": "m", "new_name": "plain"}, OWN_WORDS),
    ("GET", "registered-models/search", {"max_results": 1001}),
    ("GET", "registered-models/search", {"filter": "name ="}, OWN_WORDS),
    ("GET", "registered-models/search", {"filter": "run_id = 'x'"}, OWN_WORDS),
    ("GET", "registered-models/search", {"order_by": ["nothing"]}, OWN_WORDS),
    ("GET", "registered-models/search", {"page_token": "x"}, OWN_WORDS),
    ("GET", "registered-models/get-latest-versions", {"name": "nothing"}),
    ("GET", "registered-models/get-latest-versions", {"name": "m", "stages": ["Nowhere"]}),
    ("POST", "model-versions/create", {"name": "m"}),
    ("POST", "model-versions/create", {**SOURCE, "name": "nothing"}),
    ("POST", "model-versions/create", {"name": "m", "source": "runs:/RUN/model"}),
    ("POST", "model-versions/create", {"name": "m", "source": "/etc/passwd", "run_id": "RUN"}),
    ("POST", "model-versions/create", {"name": "m", "source": "file:///etc", "run_id": "RUN"}, OWN_WORDS),
    ("POST", "model-versions/create", {"name": "m", "source": "runs:/RUN/../x", "run_id": "RUN"}),
    ("POST", "model-versions/create", {"name": "m", "source": "../x", "run_id": "RUN"}, OWN_WORDS),
    ("POST", "model-versions/create", {"name": "m", "source": "s3://a/%2e%2e/x", "run_id": "RUN"}),
    ("POST", "model-versions/create", {"name": "m", "source": "mlflow-artifacts:/0/other/artifacts", "run_id": "RUN"}),
    ("POST", "model-versions/create", {"name": "m", "source": "mlflow-artifacts://h:1/0/RUN/artifacts"}, OWN_WORDS),
    ("POST", "model-versions/create", {"name": "m", "source": "http://host/x", "run_id": "RUN"}, OWN_WORDS),
    ("POST", "model-versions/create", {"name": "m", "source": "models:/THE-NET"}),
    ("POST", "model-versions/create", {"name": "m", "source": "models:/m/99"}),
    ("POST", "model-versions/create", {"name": "m", "source": "models:/nothing/1"}),
    ("GET", "model-versions/get", version(99)),
    ("GET", "model-versions/get", {"name": "m", "version": "one"}),
    ("GET", "model-versions/get", {"name": "m"}),
    ("GET", "model-versions/get-download-uri", version(99)),
    ("PATCH", "model-versions/update", version(99, description="x")),
    ("DELETE", "model-versions/delete", version(99)),
    ("POST", "model-versions/transition-stage", version(1, stage="Nowhere")),
    ("POST", "model-versions/transition-stage", version(1)),
    ("POST", "model-versions/transition-stage", version(99, stage="Staging")),
    ("POST", "model-versions/set-tag", version(1)),
    ("POST", "model-versions/set-tag", version(99, key="k", value="v")),
    ("GET", "model-versions/search", {"max_results": 200_001}),
    ("GET", "model-versions/search", {"filter": "nothing = 'x'"}, OWN_WORDS),
    ("GET", "model-versions/search", {"filter": "version_number = 'x'"}, OWN_WORDS),
    ("GET", "model-versions/search", {"order_by": ["nothing"]}, OWN_WORDS),
    ("POST", "registered-models/alias", {"name": "m", "alias": "latest", "version": "1"}),
    ("POST", "registered-models/alias", {"name": "m", "alias": "v1", "version": "1"}),
    ("POST", "registered-models/alias", {"name": "m", "alias": "a b", "version": "1"}),
    ("POST", "registered-models/alias", {"name": "m", "alias": "best", "version": "99"}),
    ("POST", "registered-models/alias", {"name": "m", "alias": "best"}),
    ("GET", "registered-models/alias", {"name": "m", "alias": "nobody"}),
    ("GET", "registered-models/alias", {"name": "nothing", "alias": "best"}),
    ("DELETE", "registered-models/alias", {"name": "nothing", "alias": "best"}),
    ("DELETE", "registered-models/delete", {"name": "m"}),
    ("GET", "model-versions/search", {"filter": "name = 'm'"}),
    ("GET", "model-versions/get", version(1)),
]

POINT = {"key": "acc", "value": 0.5, "timestamp": 7, "step": 3}
NET = {"experiment_ids": ["0"], "filter": "name = 'net'"}
MODELS: list[tuple[Any, ...]] = [
    ("GET", "logged-models/THE-NET", {}),
    ("POST", "logged-models/THE-NET/params", {"model_id": "THE-NET", "params": [{"key": "lr", "value": "0.1"}]}),
    ("PATCH", "logged-models/THE-NET/tags", {"tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]}),
    ("DELETE", "logged-models/THE-NET/tags/a", {}),
    ("POST", "runs/log-metric", {"run_id": "RUN", **POINT, "model_id": "THE-NET"}),
    ("POST", "runs/log-batch", {"run_id": "RUN", "metrics": [{**POINT, "key": "loss", "model_id": "THE-NET"}]}),
    ("PATCH", "logged-models/THE-NET", {"model_id": "THE-NET", "status": "LOGGED_MODEL_READY"}),
    ("GET", "logged-models/THE-NET", {}),
    ("POST", "logged-models/search", NET),
    ("POST", "logged-models/search", {**NET, "filter": "name = 'net' AND metrics.acc > 0.4"}),
    ("POST", "logged-models/search", {**NET, "filter": "params.lr = '0.1' AND tags.b = '2' AND metrics.acc < 0.4"}),
    ("POST", "logged-models/search", {**NET, "datasets": [{"dataset_name": "train"}]}),
    ("POST", "logged-models/search", {**NET, "order_by": [{"field_name": "metrics.acc", "ascending": False}]}),
    ("POST", "logged-models", {"experiment_id": "0", "name": "of-no-run", "tags": [{"key": "a", "value": "1"}]}),
    ("POST", "runs/outputs", {"run_id": "RUN", "models": [{"model_id": "THE-NET", "step": 4}]}),
    ("POST", "runs/log-inputs", {"run_id": "RUN", "models": [{"model_id": "THE-NET"}]}),
    ("GET", "logged-models/THE-NET/artifacts/directories", {}),
    # mistakes
    ("GET", "logged-models/m-nothing", {}),
    ("POST", "logged-models", {}),
    ("POST", "logged-models", {"experiment_id": "99"}, OWN_WORDS),
    ("POST", "logged-models", {"experiment_id": "0", "name": "a/b"}),
    ("PATCH", "logged-models/THE-NET", {"model_id": "THE-NET"}),
    ("PATCH", "logged-models/m-nothing", {"model_id": "m-nothing", "status": "LOGGED_MODEL_READY"}),
    ("PATCH", "logged-models/m-nothing/tags", {"tags": [{"key": "a", "value": "1"}]}),
    ("POST", "logged-models/m-nothing/params", {"model_id": "m-nothing", "params": [{"key": "a", "value": "1"}]}),
    ("DELETE", "logged-models/THE-NET/tags/nothing", {}),
    ("DELETE", "logged-models/m-nothing", {}),
    ("POST", "logged-models/search", {**NET, "filter": "params.lr > 1 OR"}, OWN_WORDS),
    ("POST", "logged-models/search", {**NET, "filter": "name > 'x'"}, OWN_WORDS),
    ("POST", "logged-models/search", {**NET, "datasets": [{"dataset_digest": "x"}]}),
    ("POST", "logged-models/search", {**NET, "order_by": [{"field_name": "params.lr"}]}),
    ("GET", "logged-models/m-nothing/artifacts/directories", {}),
    ("POST", "runs/outputs", {"run_id": "RUN"}),
    ("POST", "runs/outputs", {"run_id": "0" * 32, "models": [{"model_id": "THE-NET", "step": 4}]}, OWN_WORDS),
    ("POST", "runs/log-model", {"run_id": "RUN", "model_json": "{"}),
    ("POST", "runs/log-model", {"run_id": "RUN", "model_json": "{}"}, OWN_WORDS),
    ("POST", "runs/log-model", {"run_id": "RUN"}),
    ("DELETE", "logged-models/THE-NET", {}),
    ("GET", "logged-models/THE-NET", {}),
    ("GET", "logged-models/THE-NET", {"allow_deleted": "true"}),
    ("POST", "logged-models/search", NET),
]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("steps", [REGISTRY, MODELS], ids=["registry", "logged models"])
def test_every_answer_is_that_of_the_official_server(both: tuple[Told, Told], steps: list[Any]) -> None:
    differing = []
    for method, path, fields, *own_words in steps:
        (status, mine), (their_status, theirs) = (told.answer((method, path, fields)) for told in both)
        if own_words:
            mine.pop("message"), theirs.pop("message")
        if (status, mine) != (their_status, theirs):
            differing.append(f"{method} {path} {fields}\n  {status} {mine}\n  {their_status} {theirs}")
    assert not differing, "\n".join(differing)
