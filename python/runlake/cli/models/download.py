"""`runlake models download`: the files of a model as a folder of this machine."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

from runlake.cli import output
from runlake.cli.models.places import in_force
from runlake.cli.options import example, json_option, require_text, store_option
from runlake.errors import AlreadyExists
from runlake.models import locating
from runlake.models.manifest import Model


@click.command(
    short_help="Copy the files of a model into a new folder.",
    epilog=example("runlake models download models:/churn@champion ./model"),
)
@click.argument("model_uri", metavar="MODEL")
@click.argument("folder", callback=require_text)
@store_option
@json_option
def download(model_uri: str, folder: str, store: str | None, as_json: bool) -> None:
    """Copy the files of MODEL into FOLDER, which is made and must not be there yet, or be empty.

    The folder is there whole or not at all. What is in it is loaded as any model: `runlake models predict ./model`.
    """
    in_force(store, model_uri)
    target = Path(folder).expanduser().absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise AlreadyExists(f"{target} is there already", hint="name a folder that is not")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".runlake-model-", dir=target.parent) as place:
        found = locating.locate(model_uri, Path(place) / "model")
        Model.load(found)
        os.rename(found, target)
    files = [file for file in target.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    if as_json:
        output.json({"model": model_uri, "folder": str(target), "files": len(files), "bytes": size})
    else:
        output.message(f"{target}: {len(files)} files, {output.size(size)}")
