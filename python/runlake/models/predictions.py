"""Predictions: what a model gives, as JSON, as a table, and as files."""

from __future__ import annotations

import csv
import io
import json
from typing import Any, Final

from runlake.extras import import_extra, is_loaded_instance
from runlake.models.example_values import jsonable
from runlake.models.tables import column_of, is_arrow, is_lazy, is_pandas, is_polars, names_of, only
from runlake.types.tensors import is_sparse, is_tensor

Table = tuple[list[str], list[list[Any]]]

_ONLY: Final = "prediction"


def plain(predictions: Any) -> Any:
    """Return predictions as JSON has them, in MLflow's form: a frame is a list of records, a tensor nested lists.

    Missing values are null, times ISO texts.

    Raises:
        InvalidType: there is no JSON for a value.
    """
    if is_loaded_instance(predictions, "pandas", "Series") or is_loaded_instance(predictions, "polars", "Series"):
        return jsonable(list(predictions))
    if is_pandas(predictions) or is_polars(predictions) or is_lazy(predictions) or is_arrow(predictions):
        names = names_of(predictions)
        frame = only(predictions, names)
        columns = [jsonable(column_of(frame, name).tolist()) for name in names]
        return [dict(zip(map(str, names), row, strict=True)) for row in zip(*columns, strict=True)]
    if is_sparse(predictions):
        return jsonable(predictions.toarray())
    if is_tensor(predictions):
        return jsonable(_array(predictions))
    if isinstance(predictions, dict):
        return {str(name): plain(value) for name, value in predictions.items()}
    return jsonable(predictions)


def table(predictions: Any) -> Table:
    """Return plain predictions as names of columns and rows: a row for each record, list or value.

    What is no table is one cell, and what is nested in a cell is JSON.
    """
    if isinstance(predictions, dict):
        lengths = {len(values) if isinstance(values, list) else -1 for values in predictions.values()}
        if len(lengths) == 1 and lengths != {-1}:
            rows = [list(row) for row in zip(*predictions.values(), strict=True)]
            return list(predictions), _flat(rows)
        predictions = [predictions]
    if not isinstance(predictions, list):
        predictions = [predictions]
    if predictions and all(isinstance(row, dict) for row in predictions):
        names = list(dict.fromkeys(name for row in predictions for name in row))
        return names, _flat([[row.get(name) for name in names] for row in predictions])
    if predictions and all(isinstance(row, list) for row in predictions):
        width = max(map(len, predictions))
        return list(map(str, range(width))), _flat([row + [None] * (width - len(row)) for row in predictions])
    return [_ONLY], _flat([[row] for row in predictions])


def csv_of(predictions: Any) -> bytes:
    """Return plain predictions as CSV with a header."""
    names, rows = table(predictions)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue().encode()


def parquet_of(predictions: Any) -> bytes:
    """Return plain predictions as a Parquet file.

    Raises:
        MissingExtra: pyarrow is not installed.
    """
    arrow = import_extra("pyarrow", "to write Parquet")
    parquet = import_extra("pyarrow.parquet", "to write Parquet")
    names, rows = table(predictions)
    columns = [[row[place] for row in rows] for place in range(len(names))]
    file = io.BytesIO()
    parquet.write_table(arrow.table(columns, names=names), file)
    return file.getvalue()


def _flat(rows: list[list[Any]]) -> list[list[Any]]:
    return [
        [json.dumps(cell, ensure_ascii=False) if isinstance(cell, list | dict) else cell for cell in row]
        for row in rows
    ]


def _array(tensor: Any) -> Any:
    """Return a tensor of any library as NumPy's."""
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu()
    return import_extra("numpy", "for predictions that are tensors").asarray(tensor)
