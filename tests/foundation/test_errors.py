"""Errors: what is caught by whom, what is shown, and what survives the way to another process."""

import json
import pickle

import pytest

from runlake import errors


@pytest.mark.parametrize(
    ("kind", "parents", "code", "status"),
    [
        (errors.InvalidInput, (ValueError,), "INVALID_PARAMETER_VALUE", 400),
        (errors.InvalidType, (errors.InvalidInput, TypeError), "INVALID_PARAMETER_VALUE", 400),
        (errors.ParameterChanged, (errors.InvalidInput,), "INVALID_PARAMETER_VALUE", 400),
        (errors.RunEnded, (errors.InvalidInput,), "INVALID_STATE", 500),
        (errors.Untrusted, (errors.InvalidInput,), "INVALID_PARAMETER_VALUE", 400),
        (errors.NotFound, (LookupError,), "RESOURCE_DOES_NOT_EXIST", 404),
        (errors.NoSuchFile, (LookupError, FileNotFoundError), "RESOURCE_DOES_NOT_EXIST", 404),
        (errors.AlreadyExists, (), "RESOURCE_ALREADY_EXISTS", 400),
        (errors.Unauthenticated, (PermissionError,), "UNAUTHENTICATED", 401),
        (errors.PermissionDenied, (PermissionError,), "PERMISSION_DENIED", 403),
        (errors.ServerUnavailable, (errors.StoreUnavailable,), "TEMPORARILY_UNAVAILABLE", 503),
        (errors.StoreUnavailable, (errors.StoreError, OSError), "INVALID_STATE", 500),
        (errors.NewerFormat, (errors.StoreError,), "INVALID_STATE", 500),
        (errors.Corrupt, (errors.StoreError,), "INTERNAL_ERROR", 500),
        (errors.CatalogLocked, (errors.StoreError,), "TEMPORARILY_UNAVAILABLE", 503),
    ],
)
def test_an_error_is_what_mlflow_and_python_call_it(
    kind: type[errors.RunlakeError], parents: tuple[type, ...], code: str, status: int
) -> None:
    error = kind("the fact", hint="the cure")
    assert isinstance(error, (errors.RunlakeError, errors.MlflowException))
    assert all(isinstance(error, parent) for parent in parents)
    assert (error.error_code, error.get_http_status_code()) == (code, status)
    assert (str(error), error.message) == ("the fact\nhint: the cure", "the fact")
    assert json.loads(error.serialize_as_json()) == {"error_code": code, "message": "the fact"}
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.error_code) == (kind, str(error), code)


def test_a_plain_exception_takes_codes_and_fields() -> None:
    error = errors.MlflowException("x", "RESOURCE_CONFLICT", extra=1)
    assert (str(error), error.get_http_status_code()) == ("x", 409)
    assert json.loads(error.serialize_as_json())["extra"] == 1
    assert errors.MlflowException("x").error_code == "INTERNAL_ERROR"
    assert errors.MlflowException.invalid_parameter_value("y").error_code == "INVALID_PARAMETER_VALUE"
