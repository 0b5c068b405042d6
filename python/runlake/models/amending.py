"""Amending: what is said of a model after it was saved."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from runlake import model_files
from runlake.errors import InvalidInput
from runlake.model_uris import parse_models_uri
from runlake.models import locating
from runlake.models.manifest import MANIFEST_FILE, Model
from runlake.models.signature import ModelSignature, as_signature


def set_signature(model_uri: str | os.PathLike[str], signature: ModelSignature) -> None:
    """Give a saved or logged model a signature, in place of the one that it has.

    Args:
        model_uri: The folder of a saved model, `runs:/<run id>/<name>` or `models:/<model id>`.
        signature: What `infer_signature` gives, ours or MLflow's.

    Raises:
        InvalidInput: the URI names a registered version, whose contract stays as it was registered.
        InvalidType: it is no signature.
        NotFound: there is no such model.
    """
    given, uri = as_signature(signature), os.fspath(model_uri)
    if uri.startswith("models:/") and parse_models_uri(uri).model_id is None:
        raise InvalidInput(
            f"{uri!r} is a registered version, whose signature stays as it was registered",
            hint="set the signature of the model that was logged, and register that as the next version",
        )
    with tempfile.TemporaryDirectory() as place:
        manifest = locating.describe(uri, Path(place)) / MANIFEST_FILE
        model = Model.load(manifest)
        model.signature = given
        model.save(manifest)
        if manifest.parent == Path(place):  # what was amended is a copy of the server's
            files, folder = model_files.in_force(uri)
            files.log_file(manifest, folder or None)
