"""Fields of a request, read by hand: a mistake is refused in MLflow's words, what nobody asked for is ignored."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import orjson

from runlake.access import ANYBODY
from runlake.entities import ViewType
from runlake.errors import InvalidInput, MlflowException
from runlake.server.mlflow_errors import invalid, missing

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

_SPECIAL: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_VIEWS: Final = {"ACTIVE_ONLY": ViewType.ACTIVE_ONLY, "DELETED_ONLY": ViewType.DELETED_ONLY, "ALL": ViewType.ALL}
_INT64: Final = 1 << 63


class Fields:
    """What a request says, by name. Absent, null and, where something has to be said, empty are the same.

    Attributes:
        caller: Who says it.
    """

    def __init__(self, values: Mapping[str, Any], *, as_text: bool = False) -> None:
        """Take values as JSON has them; `as_text` are those of a query, each a list of texts."""
        self._values = values
        self._as_text = as_text
        self.caller = ANYBODY

    @classmethod
    def of_body(cls, body: bytes) -> Fields:
        """Read a JSON object; an empty body has no fields."""
        return cls(read_object(body))

    @classmethod
    def of_query(cls, query: QueryParams) -> Fields:
        """Read what stands behind the `?` of a URL."""
        return cls({name: query.getlist(name) for name in query}, as_text=True)

    @property
    def values(self) -> Mapping[str, Any]:
        """Everything as it came, for loops that have no time for more."""
        return self._values

    @property
    def user_id(self) -> str | None:
        """Who says it; None where the server does not ask."""
        return self.caller.name

    def with_path(self, values: Mapping[str, str]) -> Fields:
        """Return the same with what stands in the path of the URL, which comes before anything else."""
        if not values:
            return self
        read = {name: [value] for name, value in values.items()} if self._as_text else values
        return self.replaced(**read)

    def replaced(self, **values: Any) -> Fields:
        """Return the same with other values for some names."""
        fields = Fields({**self._values, **values}, as_text=self._as_text)
        fields.caller = self.caller
        return fields

    def _given(self, name: str) -> Any:
        value = self._values.get(name)
        return value[0] if self._as_text and value is not None else value

    def text(self, name: str) -> str:
        """Return a text that has to be there."""
        value = self._given(name)
        if value is None or value == "":
            raise missing(name)
        if not isinstance(value, str):
            raise invalid(name, value)
        return value

    def text_or(self, name: str, default: str | None = None) -> str | None:
        """Return a text, or `default` when there is none."""
        value = self._given(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise invalid(name, value)
        return value

    def run_id(self) -> str:
        """Return the id of the run that is meant, by its new or its old name."""
        return self.text("run_uuid" if not self._values.get("run_id") and self._values.get("run_uuid") else "run_id")

    def whole(self, name: str) -> int | None:
        """Return a whole number of 64 bits, or None."""
        value = self._given(name)
        return None if value is None else read_whole(value, name)

    def flag(self, name: str) -> bool:
        """Return a truth value, which is false when it is not there."""
        value = self._given(name)
        if self._as_text and isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if value is None or isinstance(value, bool):
            return bool(value)
        raise invalid(name, value)

    def texts(self, name: str) -> list[str]:
        """Return a list of texts; it is empty when there is none."""
        value = self._values.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise invalid(name, value)
        return value

    def ids(self, name: str) -> list[str]:
        """Return a list of ids, which may have been written as numbers."""
        value = self._values.get(name)
        if isinstance(value, list):
            value = [str(item) if type(item) is int else item for item in value]
        return Fields({name: value}).texts(name)

    def objects(self, name: str) -> list[Mapping[str, Any]]:
        """Return a list of JSON objects; it is empty when there is none."""
        value = self._values.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise invalid(name, value)
        return value

    def pairs(self, name: str) -> list[tuple[str, str]]:
        """Return keys and values of a list of tags or parameters."""
        return [read_pair(item, f"{name}[{index}]") for index, item in enumerate(self.objects(name))]

    def view(self, name: str) -> int:
        """Return which of the active and the deleted are meant, by name or number."""
        value = self._given(name)
        if value is None:
            return ViewType.ACTIVE_ONLY
        if isinstance(value, str) and value in _VIEWS:
            return _VIEWS[value]
        number = read_whole(value, name)
        if number not in _VIEWS.values():
            raise invalid(name, value)
        return number


def read_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object, NaN and infinities as Python writes them included."""
    if not body:
        return {}
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = _read_lenient(body)
    if not isinstance(value, dict):
        raise MlflowException("the body of the request is not a JSON object", "BAD_REQUEST")
    return value


def _read_lenient(body: bytes) -> Any:
    """Read what Python's own encoder writes. Half a surrogate pair is no text that anything here could keep."""
    try:
        value = json.loads(body)
        orjson.dumps(value)
        return value
    except (ValueError, TypeError, RecursionError) as error:
        raise MlflowException(f"the body of the request is not JSON: {error}", "BAD_REQUEST") from error


def read_pair(item: Mapping[str, Any], path: str) -> tuple[str, str]:
    """Return `key` and `value` of a tag or parameter; the value may be missing."""
    key, value = item.get("key"), item.get("value")
    if key is None or key == "":
        raise missing(f"{path}.key")
    if not isinstance(key, str):
        raise invalid(f"{path}.key", key)
    if value is None:
        return key, ""
    if not isinstance(value, str):
        raise invalid(f"{path}.value", value)
    return key, value


def read_whole(value: Any, name: str) -> int:
    """Return a whole number of 64 bits, which JSON may hold as a text or with a fraction of zero."""
    if type(value) is str:
        try:
            value = int(value)
        except ValueError:
            raise invalid(name, value) from None
    elif type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not -_INT64 <= value < _INT64:
        raise invalid(name, value)
    return value


def read_number(value: Any, name: str) -> float:
    """Return a double, which JSON may hold as a text: "NaN", "Infinity", "-Infinity" or digits."""
    if type(value) is float or type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise invalid(name, value, "it is not a 64-bit floating point number.") from None
    if type(value) is str:
        if value in _SPECIAL:
            return _SPECIAL[value]
        try:
            if math.isfinite(number := float(value)):
                return number
        except ValueError:
            pass
    raise invalid(name, value, " Please specify value as a valid double (64-bit floating point)")


def require_at_most(items: Sequence[object], limit: int, what: str) -> None:
    """Refuse a batch with more than `limit` of something."""
    if len(items) > limit:
        raise InvalidInput(
            f"A batch logging request can contain at most {limit} {what}. Got {len(items)} {what}."
            f" Please split up {what} across multiple requests and try again."
        )
