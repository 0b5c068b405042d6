"""Errors: one tree, and MLflow's error codes on it.

MlflowException                what code written for MLflow catches
└ RunlakeError
  ├ InvalidInput               ValueError: a mistake in the call
  │ ├ InvalidType              TypeError as well
  │ ├ ParameterChanged         parameters are written once
  │ ├ Untrusted                loading a model would run code that nobody has said to trust
  │ └ RunEnded                 logging through a handle of a run that has ended
  ├ NotFound                   LookupError
  │ └ NoSuchFile               FileNotFoundError as well: a local file or folder that is to be logged is not there
  ├ AlreadyExists
  ├ PromotionRefused           a version does not fulfil what the gate of a stage or an alias demands
  ├ VersionInUse               what such a gate guards cannot be deleted
  ├ Unauthenticated            PermissionError: a server wants to know who asks
  ├ PermissionDenied           PermissionError: a server knows who asks, and may not answer
  ├ MissingExtra               ImportError: an optional package is not installed
  └ StoreError                 OSError: what the environment did
    ├ StoreUnavailable         not a folder, read-only, a file system that cannot hold a store
    │ └ ServerUnavailable      a server that cannot be reached, is too busy, or broke off
    ├ NewerFormat              written by a later version
    ├ Corrupt                  bytes are not what was written
    └ CatalogLocked            others kept the catalog for longer than the limit
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from runlake.promotion import GateReport

_HTTP_STATUS = {
    "BAD_REQUEST": 400,
    "INVALID_PARAMETER_VALUE": 400,
    "INVALID_STATE": 500,
    "RESOURCE_ALREADY_EXISTS": 400,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ENDPOINT_NOT_FOUND": 404,
    "RESOURCE_CONFLICT": 409,
    "REQUEST_LIMIT_EXCEEDED": 429,
    "CANCELLED": 499,
    "INTERNAL_ERROR": 500,
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


class MlflowException(Exception):
    """The error that code written for MLflow catches; everything that runlake raises on purpose is one.

    Args:
        message: One sentence with the fact, the value and the limit or the cure.
        error_code: MLflow's name of the class of errors; None takes the class's own.
        fields: More fields for `serialize_as_json`.
    """

    default_code: ClassVar[str] = "INTERNAL_ERROR"

    def __init__(self, message: object, error_code: str | None = None, **fields: Any) -> None:
        self.message = str(message)
        self.error_code = error_code or self.default_code
        self.json_kwargs = fields
        super().__init__(self.message)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self.message, dict(self.__dict__))

    @classmethod
    def invalid_parameter_value(cls, message: object, **fields: Any) -> MlflowException:
        """Make an error with the code INVALID_PARAMETER_VALUE."""
        return MlflowException(message, "INVALID_PARAMETER_VALUE", **fields)

    def get_http_status_code(self) -> int:
        """Return the HTTP status that stands for `error_code`."""
        return _HTTP_STATUS.get(self.error_code, 500)

    def serialize_as_json(self) -> str:
        """Return code and message as the JSON object that MLflow's servers send."""
        return json.dumps({**self.json_kwargs, "error_code": self.error_code, "message": self.message})


class RunlakeError(MlflowException):
    """What runlake raises; `hint`, when there is one, says how to go on."""

    hint: str | None

    def __init__(self, message: object, *, hint: str | None = None, error_code: str | None = None) -> None:
        super().__init__(message, error_code)
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\nhint: {self.hint}"


class InvalidInput(RunlakeError, ValueError):
    """A value in the call is not legal.

    `span` is where the mistake is in a text such as a filter: its first character and the one after its last.
    """

    default_code = "INVALID_PARAMETER_VALUE"
    span: tuple[int, int] | None = None


class InvalidType(InvalidInput, TypeError):
    """A value in the call has the wrong type."""


class ParameterChanged(InvalidInput):
    """A parameter that has a value was given another one; the message names both."""


class Untrusted(InvalidInput):
    """Loading a model would run code, or make types, that the caller has not said to trust."""


class RunEnded(InvalidInput):
    """A handle was used after its run had ended."""

    default_code = "INVALID_STATE"


class NotFound(RunlakeError, LookupError):
    """There is no run, experiment, tag or file of that name."""

    default_code = "RESOURCE_DOES_NOT_EXIST"


class NoSuchFile(NotFound, FileNotFoundError):
    """A local file or folder that is to be logged is not there."""


class AlreadyExists(RunlakeError):
    """The name or id is taken."""

    default_code = "RESOURCE_ALREADY_EXISTS"


class PromotionRefused(RunlakeError):
    """A version may not become what a stage or an alias means: rules of its gate are not met.

    `report` has every rule with what it found.
    """

    report: GateReport | None = None
    default_code = "RESOURCE_CONFLICT"


class VersionInUse(RunlakeError):
    """What a stage or an alias with a gate means cannot be deleted."""

    default_code = "RESOURCE_CONFLICT"


class Unauthenticated(RunlakeError, PermissionError):
    """The server does not know who asks: no token or password was given, or a wrong one."""

    default_code = "UNAUTHENTICATED"


class PermissionDenied(RunlakeError, PermissionError):
    """The server knows who asks, and that is nobody who may do this."""

    default_code = "PERMISSION_DENIED"


class MissingExtra(RunlakeError, ImportError):
    """The call needs a package that runlake does not require and that is not installed; the hint installs it."""

    default_code = "INVALID_STATE"


class StoreError(RunlakeError, OSError):
    """The disk, the file system or another process stands in the way."""


class StoreUnavailable(StoreError):
    """The folder cannot be used as a store."""

    default_code = "INVALID_STATE"


class ServerUnavailable(StoreUnavailable):
    """The server cannot be reached, is too busy, or broke off in the middle of its answer.

    `retry_after_s` is how long it asked to be left alone; None when it did not say.
    """

    retry_after_s: float | None = None
    default_code = "TEMPORARILY_UNAVAILABLE"


class NewerFormat(StoreError):
    """The store was written by a later version of runlake and was left untouched."""

    default_code = "INVALID_STATE"


class Corrupt(StoreError):
    """A file does not hold what was written to it."""


class CatalogLocked(StoreError):
    """Other processes kept the catalog locked for longer than the limit."""

    default_code = "TEMPORARILY_UNAVAILABLE"


def _restored(kind: type[MlflowException], message: str, state: dict[str, Any]) -> MlflowException:
    """Rebuild an error that came from another process."""
    error = kind(message)
    error.__dict__.update(state)
    return error
