"""Tables as artifacts: JSON `{"columns": [...], "data": [[row], ...]}`, which grows with every call, or Parquet.

The JSON form is the "split" orientation of pandas, and needs no pandas to be written. Numbers keep every digit; NaN and
infinities become null, as in JSON there are none; dates and times are ISO 8601, durations seconds. Images in cells are
written as files of their own, and the cell says where.
"""

from __future__ import annotations

import datetime as dt
import decimal
import io
import json
import math
import os
import uuid
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from runlake.artifacts.contents import Contents
from runlake.artifacts.image import save_with_preview, to_pil
from runlake.artifacts.rows import Rows, rows_of
from runlake.errors import InvalidInput, InvalidType, NotFound
from runlake.extras import import_extra

LOGGED_ARTIFACTS_TAG = "mlflow.loggedArtifacts"
"""Tag with a JSON list of the tables of a run: `[{"path": ..., "type": "table"}]`."""

_SUFFIXES = (".json", ".parquet")


def log_table(artifacts: Contents, data: Any, artifact_file: str) -> None:
    """Append rows to a table, which is made if it is not there.

    Columns that only one side has are null on the other. Processes that append at once take turns.

    Args:
        data: A dictionary of columns (lists of one length; single values are repeated, and alone are one row), or a
            pandas data frame. Its index is not stored.
        artifact_file: Path that ends in `.json` or `.parquet` (this one needs pandas and pyarrow).

    Raises:
        InvalidType: `data` is neither.
        InvalidInput: another suffix, columns of unequal length, a column with images and other things, or a value that
            a table cannot hold.
    """
    _check_suffix(artifact_file)
    rows = _with_stored_images(artifacts, rows_of(data), artifact_file)
    rows = Rows(rows.columns, [[_cell(value, rows.columns[at]) for at, value in enumerate(row)] for row in rows.data])
    with artifacts.locked(artifact_file):
        if artifacts.exists(artifact_file):
            rows = _read(artifacts, artifact_file).extended(rows)
        _write(artifacts, rows, artifact_file)


def load_table(artifact_file: str, runs: Iterable[tuple[Contents, Mapping[str, Any]]]) -> Any:
    """Read a table of several runs into one pandas data frame, run after run.

    Args:
        runs: The artifacts of each run, with the extra columns that its rows get; a name that the table has already
            gets a "_" behind it. Runs that do not have the table are skipped.

    Raises:
        NotFound: no run has the table.
        MissingExtra: pandas is not installed.
    """
    _check_suffix(artifact_file)
    pandas = import_extra("pandas", "to load a table")
    frames = [
        _with_columns(_read_frame(artifacts, artifact_file, pandas), extra)
        for artifacts, extra in runs
        if artifacts.exists(artifact_file)
    ]
    if not frames:
        raise NotFound(f"no run has a table {artifact_file!r}")
    return pandas.concat(frames, ignore_index=True)


def logged_artifacts_tag(current: str | None, artifact_file: str) -> str:
    """Give the value of `LOGGED_ARTIFACTS_TAG` with a table added to what the tag has now."""
    entry = {"path": artifact_file, "type": "table"}
    entries = json.loads(current) if current else []
    return json.dumps(entries if entry in entries else [*entries, entry])


def _check_suffix(artifact_file: str) -> None:
    if not artifact_file.endswith(_SUFFIXES):
        raise InvalidInput(f"a table is stored as .json or .parquet, not as {artifact_file!r}")


def _write(artifacts: Contents, rows: Rows, artifact_file: str) -> None:
    if artifact_file.endswith(".json"):
        document = {"columns": rows.columns, "data": rows.data}
        artifacts.write_text(json.dumps(document, allow_nan=False), artifact_file)
        return
    pandas = import_extra("pandas", "to write a Parquet table")
    import_extra("pyarrow", "to write a Parquet table")
    buffer = io.BytesIO()
    pandas.DataFrame(rows.data, columns=rows.columns).to_parquet(buffer, index=False)
    artifacts.write_bytes(buffer.getvalue(), artifact_file)


def _read(artifacts: Contents, artifact_file: str) -> Rows:
    if artifact_file.endswith(".parquet"):
        pandas = import_extra("pandas", "to read a Parquet table")
        rows = rows_of(_read_frame(artifacts, artifact_file, pandas))
        return Rows(rows.columns, [[_cell(value, "") for value in row] for row in rows.data])
    document = artifacts.load_dict(artifact_file)
    try:
        return Rows([str(name) for name in document["columns"]], [list(row) for row in document["data"]])
    except (TypeError, KeyError) as error:
        raise InvalidInput(f"artifact {artifact_file!r} is not a table of columns and data") from error


def _read_frame(artifacts: Contents, artifact_file: str, pandas: Any) -> Any:
    if artifact_file.endswith(".json"):
        rows = _read(artifacts, artifact_file)
        return pandas.DataFrame(rows.data, columns=rows.columns)
    import_extra("pyarrow", "to read a Parquet table")
    return pandas.read_parquet(io.BytesIO(artifacts.read_bytes(artifact_file)))


def _with_columns(frame: Any, extra: Mapping[str, Any]) -> Any:
    for name, value in extra.items():
        free = name
        if name in frame.columns:
            free = f"{name}_"
            warnings.warn(f"the table has a column {name!r} already; the run's is {free!r}", stacklevel=4)
        frame[free] = [value] * len(frame)
    return frame


def _with_stored_images(artifacts: Contents, rows: Rows, artifact_file: str) -> Rows:
    stem = f"table_images/{os.path.splitext(artifact_file)[0]}"
    data = [list(row) for row in rows.data]
    for at, name in enumerate(rows.columns):
        images = [_is_image(row[at]) for row in data]
        if any(images) and not all(images):
            raise InvalidInput(f"table column {name!r} has images and other values; it has to be one or the other")
        if any(images):
            for row in data:
                row[at] = _store_image(artifacts, row[at], f"{stem}/{uuid.uuid4()}")
    return Rows(rows.columns, data)


def _is_image(value: Any) -> bool:
    return all(callable(getattr(value, method, None)) for method in ("save", "resize")) and hasattr(value, "size")


def _store_image(artifacts: Contents, image: Any, stem: str) -> dict[str, str]:
    save_with_preview(artifacts, to_pil(image), f"{stem}.png", f"{stem}.webp")
    return {"type": "image", "filepath": f"{stem}.png", "compressed_filepath": f"{stem}.webp"}


def _cell(value: Any, column: str) -> Any:
    """Turn a value into what JSON holds."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _cell(item, column) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_cell(item, column) for item in value]
    return _foreign_cell(value, column)


def _foreign_cell(value: Any, column: str) -> Any:
    kind = type(value)
    if kind.__name__ in ("NaTType", "NAType"):
        return None
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, decimal.Decimal):
        return _cell(float(value), column)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if hasattr(value, "tolist"):
        return _cell(value.tolist(), column)
    if isinstance(value, os.PathLike | uuid.UUID):
        return str(value)
    raise InvalidType(f"a table cannot hold a {kind.__module__}.{kind.__qualname__}, as in column {column!r}")
