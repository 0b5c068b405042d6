"""Vocabulary: which names a filter may use for runs and for experiments, and what each may be compared with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from runlake.query.filter.nearest import did_you_mean
from runlake.query.filter.nodes import Field, Form, Kind
from runlake.query.filter.tokens import Source, Token, shown

_TEXT, _NUMBER = frozenset({Form.TEXT}), frozenset({Form.NUMBER})
_ANY_FORM = frozenset(Form)
_QUOTES = "`'\""
_PLAIN = re.compile(r"[\w/:\-]+")
_SHORT = 30
_NOUNS = {Kind.PARAM: "parameter", Kind.METRIC: "metric", Kind.TAG: "tag"}


@dataclass(frozen=True)
class Vocabulary:
    """The names of one kind of thing that can be searched.

    Args:
        prefixes: What may stand before the first dot.
        attributes: Names that need no prefix, with the form they are compared in.
        aliases: Other spellings of attributes.
        datasets: Keys of the data sets that a run has read.
        times: Attributes that are milliseconds since 1970.
        durations: Attributes that are milliseconds.
        quoted_numbers: Attributes that are whole numbers and may be compared with one in quotes.
    """

    prefixes: Mapping[str, Kind]
    attributes: Mapping[str, Form]
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    datasets: tuple[str, ...] = ()
    times: frozenset[Field] = frozenset()
    durations: frozenset[Field] = frozenset()
    quoted_numbers: frozenset[Field] = frozenset()

    def resolve(self, token: Token, source: Source) -> Field:
        """The field that a name means.

        Raises:
            InvalidInput: an unknown prefix or attribute; the nearest known names are shown.
        """
        prefix, dot, key = _split(token.text)
        if not dot:
            return Field(Kind.ATTRIBUTE, self._attribute(_unquoted(prefix), token, source))
        kind = self.prefixes.get(_unquoted(prefix, "`"))
        if kind is None:
            raise source.mistake(
                f"unknown kind of field {shown(prefix)!r} in {source.title}",
                token,
                hint=did_you_mean(prefix, self.prefixes) or f"one of {', '.join(self.prefixes)} comes before the dot",
            )
        key = _unquoted(key)
        if kind is Kind.ATTRIBUTE:
            key = self._attribute(key, token, source)
        if kind is Kind.DATASET and key not in self.datasets:
            known = f"known are {', '.join(self.datasets)}"
            raise source.mistake(f"unknown data set field {shown(key)!r}", token, hint=known)
        return Field(kind, key)

    def has_attribute(self, token: Token) -> bool:
        """Whether a name without a prefix means something."""
        return token.text in self.attributes or token.text in self.aliases

    def compared_as(self, wanted: Field) -> frozenset[Form]:
        """The forms of literals that a field can be compared with."""
        match wanted.kind:
            case Kind.METRIC:
                return _NUMBER
            case Kind.PARAM | Kind.TAG:
                return _ANY_FORM
            case Kind.DATASET:
                return _TEXT
            case Kind.ATTRIBUTE:
                return frozenset({self.attributes[wanted.key]})

    def _attribute(self, name: str, token: Token, source: Source) -> str:
        known = self.aliases.get(name, name)
        if known not in self.attributes:
            names = [*self.attributes, *(prefix + "." for prefix in self.prefixes)]
            hint = did_you_mean(name, names) or self._written_as(name)
            raise source.mistake(f"unknown attribute {shown(name)!r} in {source.title}", token, hint=hint)
        return known

    def _written_as(self, name: str) -> str:
        """How the name would be written if it is a key, which is what most who leave out the prefix mean."""
        quoted = name if _PLAIN.fullmatch(name) else f"`{name}`"
        key = shown(quoted) if len(quoted) <= _SHORT else "key"
        kinds = [kind for kind in _NOUNS if kind in self.prefixes.values()]
        keys = ", ".join(f"a {_NOUNS[kind]} is written {kind.value}.{key}" for kind in kinds)
        return f"{keys}; attributes are {', '.join(self.attributes)}"


def _split(name: str) -> tuple[str, str, str]:
    """The prefix, the dot and the key; a dot within backticks parts nothing."""
    if name.startswith("`"):
        end = name.index("`", 1) + 1
        return name[:end], name[end : end + 1], name[end + 1 :]
    return name.partition(".")


def _unquoted(name: str, quotes: str = _QUOTES) -> str:
    if len(name) >= 2 and name[0] in quotes and name[-1] == name[0]:
        return name[1:-1]
    return name


def _attributes(*names: str) -> frozenset[Field]:
    return frozenset(Field(Kind.ATTRIBUTE, name) for name in names)


_RUN_PREFIXES = {
    **dict.fromkeys(("metrics", "metric"), Kind.METRIC),
    **dict.fromkeys(("params", "param", "parameters", "parameter"), Kind.PARAM),
    **dict.fromkeys(("tags", "tag"), Kind.TAG),
    **dict.fromkeys(("attributes", "attribute", "attr", "run"), Kind.ATTRIBUTE),
    **dict.fromkeys(("datasets", "dataset"), Kind.DATASET),
}

RUNS = Vocabulary(
    prefixes=MappingProxyType(_RUN_PREFIXES),
    attributes=MappingProxyType(
        {
            "run_id": Form.TEXT,
            "run_name": Form.TEXT,
            "status": Form.TEXT,
            "start_time": Form.NUMBER,
            "end_time": Form.NUMBER,
            "duration": Form.NUMBER,
            "user_id": Form.TEXT,
            "artifact_uri": Form.TEXT,
            "experiment_id": Form.TEXT,
            "lifecycle_stage": Form.TEXT,
        }
    ),
    aliases=MappingProxyType(
        {
            **dict.fromkeys(("created", "Created"), "start_time"),
            **dict.fromkeys(("run name", "Run name", "Run Name"), "run_name"),
        }
    ),
    datasets=("name", "digest", "context"),
    times=_attributes("start_time", "end_time"),
    durations=_attributes("duration"),
)

EXPERIMENTS = Vocabulary(
    prefixes=MappingProxyType({"attribute": Kind.ATTRIBUTE, "tags": Kind.TAG, "tag": Kind.TAG}),
    attributes=MappingProxyType(
        {
            "name": Form.TEXT,
            "experiment_id": Form.TEXT,
            "creation_time": Form.NUMBER,
            "last_update_time": Form.NUMBER,
        }
    ),
    times=_attributes("creation_time", "last_update_time"),
)

_REGISTRY_PREFIXES = {
    **dict.fromkeys(("attributes", "attribute"), Kind.ATTRIBUTE),
    **dict.fromkeys(("tags", "tag"), Kind.TAG),
}
_CHANGE_TIMES = {"creation_timestamp": Form.NUMBER, "last_updated_timestamp": Form.NUMBER}

REGISTERED_MODELS = Vocabulary(
    prefixes=MappingProxyType(_REGISTRY_PREFIXES),
    attributes=MappingProxyType({"name": Form.TEXT, "description": Form.TEXT, "user_id": Form.TEXT, **_CHANGE_TIMES}),
    aliases=MappingProxyType({"timestamp": "last_updated_timestamp"}),
    times=_attributes(*_CHANGE_TIMES),
)

MODEL_VERSIONS = Vocabulary(
    prefixes=MappingProxyType(_REGISTRY_PREFIXES),
    attributes=MappingProxyType(
        {
            "name": Form.TEXT,
            "version_number": Form.NUMBER,
            "run_id": Form.TEXT,
            "source_path": Form.TEXT,
            "model_id": Form.TEXT,
            "current_stage": Form.TEXT,
            "status": Form.TEXT,
            "description": Form.TEXT,
            "user_id": Form.TEXT,
            **_CHANGE_TIMES,
        }
    ),
    aliases=MappingProxyType({"timestamp": "last_updated_timestamp"}),
    times=_attributes(*_CHANGE_TIMES),
    quoted_numbers=_attributes("version_number"),
)

LOGGED_MODELS = Vocabulary(
    prefixes=MappingProxyType(
        {
            **_REGISTRY_PREFIXES,
            **dict.fromkeys(("metrics", "metric"), Kind.METRIC),
            **dict.fromkeys(("params", "param"), Kind.PARAM),
        }
    ),
    attributes=MappingProxyType(
        {
            "model_id": Form.TEXT,
            "name": Form.TEXT,
            "model_type": Form.TEXT,
            "source_run_id": Form.TEXT,
            "status": Form.TEXT,
            "status_message": Form.TEXT,
            "experiment_id": Form.TEXT,
            **_CHANGE_TIMES,
        }
    ),
    aliases=MappingProxyType(
        {
            **dict.fromkeys(("creation_time", "creation_timestamp_ms"), "creation_timestamp"),
            "last_updated_timestamp_ms": "last_updated_timestamp",
        }
    ),
    times=_attributes(*_CHANGE_TIMES),
)
