"""GraphQL for MLflow's pages: a query is answered with what the endpoints of REST say, cut to the fields asked for.

graphql-core reads, checks and executes. What a query may cost is bounded before it is executed: its length, its depth,
how many fields it asks of the root, and how often it asks for the same under another name.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    build_schema,
    execute_sync,
    parse,
    specified_rules,
    validate,
)
from graphql.validation import NoSchemaIntrospectionCustomRule

from runlake.errors import InvalidInput, MlflowException
from runlake.server.access import Admission, Need
from runlake.server.mlflow_access import need_of
from runlake.server.mlflow_errors import invalid, without_root
from runlake.server.mlflow_fields import Fields
from runlake.server.mlflow_graphql_schema import SCHEMA
from runlake.server.mlflow_routes import ENDPOINTS

if TYPE_CHECKING:
    from runlake.access import Caller
    from runlake.server.endpoint import Endpoint
    from runlake.store import Store

Resolver = Callable[..., Any]

MAX_CHARACTERS: Final = 20_000
MAX_TOKENS: Final = 2000
MAX_ROOT_FIELDS: Final = 10
MAX_ALIASES: Final = 10
MAX_DEPTH: Final = 10
MAX_FOUND: Final = 1000
"""Runs or versions in one answer; who asks for more gets the token of the next page."""

MAX_ANSWER_BYTES: Final = 32 << 20
"""Of the answers to one query, together; nothing more is asked for when there are so many."""

_ENDPOINTS: Final = {
    "mlflowGetExperiment": ("GET", "mlflow/experiments/get"),
    "mlflowGetRun": ("GET", "mlflow/runs/get"),
    "mlflowSearchRuns": ("POST", "mlflow/runs/search"),
    "mlflowGetMetricHistoryBulkInterval": ("GET", "mlflow/metrics/get-history-bulk-interval"),
    "mlflowSearchModelVersions": ("GET", "mlflow/model-versions/search"),
    "mlflowListArtifacts": ("GET", "mlflow/artifacts/list"),
}
"""What answers each field of the root."""

_UNLISTED: Final = Need(admin=True)
_RULES: Final = (*specified_rules, NoSchemaIntrospectionCustomRule)
_LARGEST: Final = sys.float_info.max
_AS_NUMBER: Final = {"Infinity": _LARGEST, "-Infinity": -_LARGEST, "NaN": None}
"""Doubles that JSON has not, as MLflow's server gives them to its pages, which draw and name them accordingly."""


def answer(store: Store, fields: Fields) -> bytes:
    """Answer a query. Mistakes in it are in the answer, as GraphQL has them, under `errors`."""
    variables, name = fields.values.get("variables") or {}, fields.text_or("operationName")
    if not isinstance(variables, dict):
        raise invalid("variables", variables)
    try:
        document = _read(fields.text("query"))
    except GraphQLError as error:
        return orjson.dumps({"errors": [error.formatted]})
    if mistakes := validate(_schema(), document, _RULES, max_errors=5):
        return orjson.dumps({"errors": [mistake.formatted for mistake in mistakes]})
    done = execute_sync(_schema(), document, None, _Question(store, fields.caller), variables, name)
    for mistake in done.errors or ():
        if mistake.original_error is not None and not isinstance(mistake.original_error, GraphQLError):
            raise mistake.original_error  # not a mistake in the query: it is answered and logged as everywhere
    return orjson.dumps(done.formatted)


class _Question:
    """Whom a query is put to, and what has been looked up for it: once, however many runs it is about."""

    def __init__(self, store: Store, caller: Caller) -> None:
        self.store = store
        self._caller = caller
        self._experiments: dict[str, Any] = {}
        self._run_ids: list[str] = []
        self._versions: dict[str, list[Any]] = {}
        self._left_bytes = MAX_ANSWER_BYTES

    def ask(self, method: str, path: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what an endpoint answers to who sends the query, who is let in as by a request of its own."""
        admission = Admission(need_of(method, f"/api/2.0/{path}") or _UNLISTED, self._caller, lambda caller: caller)
        if self._left_bytes <= 0:
            raise InvalidInput("the answer to the query is too long; ask for less at a time")
        found = _endpoint(method, path).handle(self.store, admission.admit(self.store, Fields(fields)))
        if not isinstance(found, bytes):
            return found
        self._left_bytes -= len(found)
        read: Mapping[str, Any] = orjson.loads(found)
        return read

    def note(self, runs: Iterable[Mapping[str, Any]]) -> None:
        """Take note of runs that are answered with."""
        self._run_ids += (run["info"]["run_id"] for run in runs)

    def experiment(self, experiment_id: str) -> Any:
        """Return an experiment."""
        if experiment_id not in self._experiments:
            found = self.ask(*_ENDPOINTS["mlflowGetExperiment"], {"experiment_id": experiment_id})
            self._experiments[experiment_id] = found["experiment"]
        return self._experiments[experiment_id]

    def versions(self, run_id: str) -> list[Any]:
        """Return the versions of registered models that a run made."""
        if self._run_ids:
            listed = ", ".join(f"'{noted}'" for noted in self._run_ids)
            self._run_ids.clear()
            found = self.ask(*_ENDPOINTS["mlflowSearchModelVersions"], {"filter": f"run_id IN ({listed})"})
            for version in found["model_versions"]:
                self._versions.setdefault(version["run_id"], []).append(version)
        return self._versions.get(run_id, [])


@cache
def _endpoint(method: str, path: str) -> Endpoint:
    return next(found for found in ENDPOINTS if (found.method, found.path) == (method, path))


def _read(query: str) -> DocumentNode:
    """Read a query that is not too much to answer.

    Raises:
        GraphQLError: it is, or it is no GraphQL.
    """
    document = parse(query, max_lexical_tokens=MAX_TOKENS, max_source_length=MAX_CHARACTERS)
    try:
        sizes = _sizes(document)
    except RecursionError:
        raise GraphQLError("a query may not have a fragment that contains itself") from None
    for size in sizes:
        for found, limit, what in (
            (size.depth, MAX_DEPTH, "fields below each other"),
            (size.fields, MAX_ROOT_FIELDS, "fields of the root"),
            (size.aliases, MAX_ALIASES, "aliases"),
        ):
            if found > limit:
                raise GraphQLError(f"a query may have {limit} {what}; this one has {found}")
    return document


class _Size(NamedTuple):
    """What a part of a query asks for when its fragments are put in."""

    depth: int = 0
    fields: int = 0
    """Those of the outermost level."""
    aliases: int = 0

    def beside(self, other: _Size) -> _Size:
        return _Size(max(self.depth, other.depth), self.fields + other.fields, self.aliases + other.aliases)


def _sizes(document: DocumentNode) -> list[_Size]:
    """Measure each operation of a document, each fragment once.

    Raises:
        RecursionError: a fragment contains itself.
    """
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}

    def of_set(selected: SelectionSetNode | None) -> _Size:
        total = _Size()
        for node in selected.selections if selected else ():
            total = total.beside(of_selection(node))
        return total

    def of_selection(node: object) -> _Size:
        if isinstance(node, FieldNode):
            inner = of_set(node.selection_set)
            return _Size(inner.depth + 1, 1, inner.aliases + (node.alias is not None))
        if isinstance(node, FragmentSpreadNode):
            return of_fragment(node.name.value)
        assert isinstance(node, InlineFragmentNode)
        return of_set(node.selection_set)

    @cache
    def of_fragment(name: str) -> _Size:
        return of_set(fragments[name].selection_set) if name in fragments else _Size()

    return [of_set(node.selection_set) for node in document.definitions if isinstance(node, OperationDefinitionNode)]


@cache
def _schema() -> GraphQLSchema:
    schema = build_schema(SCHEMA)
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for name, field in kind.fields.items():
                field.resolve = _resolver(kind.name, name)
    long = schema.type_map["LongString"]
    assert isinstance(long, GraphQLScalarType)
    long.serialize = str  # type: ignore[method-assign, assignment]
    return schema


def _resolver(kind: str, name: str) -> Resolver:
    """Return how a field of a type is found: in the object that REST has, unless GraphQL has more."""
    if kind == "Query":
        return _asking(*_ENDPOINTS[name])
    if (kind, name) == ("MlflowRun", "experiment"):
        return lambda run, info: info.context.experiment(run["info"]["experiment_id"])
    if (kind, name) == ("MlflowRun", "modelVersions"):
        return lambda run, info: info.context.versions(run["info"]["run_id"])
    key = _snake(name)
    if name == "value" and kind in ("MlflowMetric", "MlflowMetricWithRunId"):
        return lambda source, _info: _AS_NUMBER.get(value := source[key], value)
    return lambda source, _info: source.get(key)


def _asking(method: str, path: str) -> Resolver:
    def ask(_root: None, info: GraphQLResolveInfo, input: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        fields = {_snake(name): value for name, value in (input or {}).items()}
        question: _Question = info.context
        try:
            if path.endswith("/search"):
                fields["max_results"] = min(Fields(fields).whole("max_results") or MAX_FOUND, MAX_FOUND)
            found = question.ask(method, path, fields)
        except MlflowException as error:
            if error.get_http_status_code() >= 500:
                raise
            return {"api_error": {"code": error.error_code, "message": without_root(str(error), question.store)}}
        question.note([found["run"]] if "run" in found else found.get("runs", ()))
        return found

    return ask


@cache
def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
