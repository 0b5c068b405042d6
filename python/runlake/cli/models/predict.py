"""`runlake models predict`: predictions for a file."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from runlake.cli import output
from runlake.cli.models.places import in_force
from runlake.cli.options import example, json_option, require_text, store_option
from runlake.errors import AlreadyExists, InvalidInput, NoSuchFile, RunlakeError, Untrusted

if TYPE_CHECKING:
    from runlake.models.predicting import PyFuncModel

_STDIO: Final = "-"
_FORMATS: Final = ("csv", "json", "parquet")


@click.command(
    short_help="Predict for a CSV, JSON or Parquet file.",
    epilog=example(
        "runlake models predict models:/churn@champion --input customers.csv --output churn.csv",
        'echo \'{"dataframe_records": [{"age": 31}]}\' | runlake models predict ./model --input - --format json',
    ),
)
@click.argument("model_uri", metavar="MODEL")
@click.option("-i", "--input", "source", required=True, metavar="FILE", callback=require_text, help="'-' is stdin.")
@click.option(
    "-o", "--output", "target", metavar="FILE", callback=require_text, help="Like out.csv, .json or .parquet."
)
@click.option("-f", "--format", "form", type=click.Choice(_FORMATS), help="Of the input. Default: as the suffix says.")
@click.option("--params", metavar="JSON", callback=require_text, help="Parameters, like '{\"threshold\": 0.7}'.")
@click.option("--overwrite", is_flag=True, help="Replace an output file that is there.")
@click.option("--trust-pickle", is_flag=True, help="Load pickles in the model, which run whatever code is in them.")
@store_option
@json_option
def predict(
    model_uri: str,
    source: str,
    target: str | None,
    form: str | None,
    params: str | None,
    overwrite: bool,
    trust_pickle: bool,
    store: str | None,
    as_json: bool,
) -> None:
    """Load MODEL as a python function and print, or write to a file, what it predicts for the input.

    The input has to fit the signature; columns are read as the types that are in it. JSON is what servers of models
    take, {"dataframe_split": ...}, {"dataframe_records": ...}, {"instances": ...} or {"inputs": ...}, with "params"
    or without, or a list of records. With --json it is {"predictions": ...}.
    """
    from runlake.models import payloads, predictions  # bring what data of every kind is read with

    given = None if params is None else _params(params)
    file = None if target is None else _target(target, overwrite)
    in_force(store, model_uri)
    content, form = _content(source, form)
    model = _loaded(model_uri, trust_pickle)
    data, own = payloads.read(content, form, model.metadata.signature)
    found = predictions.plain(_predicted(model, data, own if given is None else given))
    if file is not None:
        _write(file, found)
        output.message(f"{file}: {output.size(file.stat().st_size)}")
    elif as_json:
        output.json({"predictions": found})
    else:
        output.table(*predictions.table(found))


def _params(text: str) -> dict[str, Any]:
    try:
        params = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"--params is no JSON: {error}") from error
    if not isinstance(params, dict):
        raise InvalidInput("--params is no JSON object", hint="like '{\"threshold\": 0.7}'")
    return params


def _loaded(model_uri: str, trust_pickle: bool) -> PyFuncModel:
    from runlake import pyfunc

    try:
        return pyfunc.load_model(model_uri, trust_pickle=trust_pickle or None)
    except Untrusted as refused:
        refused.hint = "if you know who wrote it, --trust-pickle loads it"
        raise


def _predicted(model: PyFuncModel, data: Any, params: dict[str, Any] | None) -> Any:
    try:
        return model.predict(data, params)
    except RunlakeError:
        raise
    except Exception as error:  # it is the model's own code that fails here, in any way
        raise click.ClickException(f"the model fails on the input: {type(error).__name__}: {error}") from error


def _content(source: str, form: str | None) -> tuple[bytes, str]:
    """Read the input, and return it with its format."""
    form = form or Path(source).suffix.removeprefix(".").lower()
    if form not in _FORMATS:
        raise InvalidInput(
            f"the format of the input {source!r} is not known", hint=f"--format is one of {', '.join(_FORMATS)}"
        )
    if source == _STDIO:
        if sys.stdin is None:
            raise InvalidInput("stdin is closed")
        return sys.stdin.buffer.read(), form
    try:
        return Path(source).expanduser().read_bytes(), form
    except FileNotFoundError:
        raise NoSuchFile(f"there is no file {source!r}") from None


def _target(path: str, overwrite: bool) -> Path:
    """Return the file to write, before anything is loaded."""
    file = Path(path).expanduser()
    if file.suffix.lower().removeprefix(".") not in _FORMATS:
        raise InvalidInput(f"{path!r} does not say which format", hint="name it .csv, .json or .parquet")
    if not file.parent.is_dir():
        raise InvalidInput(f"there is no folder {str(file.parent)!r} to write {path!r} to")
    if file.exists() and not overwrite:
        raise AlreadyExists(f"{path!r} is there already", hint="--overwrite replaces it")
    return file


def _write(file: Path, found: Any) -> None:
    """Write predictions to a file, which is there whole or not at all."""
    from runlake.models import predictions

    written, name = tempfile.mkstemp(dir=file.parent, prefix=".tmp-", suffix=file.suffix)
    try:
        with os.fdopen(written, "wb") as stream:
            os.fchmod(stream.fileno(), 0o644)
            match file.suffix.lower():
                case ".json":
                    stream.write(f"{output.json_text({'predictions': found})}\n".encode())
                case ".csv":
                    stream.write(predictions.csv_of(found))
                case _:
                    stream.write(predictions.parquet_of(found))
        os.replace(name, file)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
