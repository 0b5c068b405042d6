"""Frames as files: export, which MLflow does not have."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO, Literal

if TYPE_CHECKING:
    import polars as pl


def export(
    frame: pl.LazyFrame | pl.DataFrame,
    path: str | os.PathLike[str] | BinaryIO,
    *,
    format: Literal["parquet", "arrow", "csv"] | None = None,
    overwrite: bool = False,
) -> None:
    """Write runs, points or any other Polars frame to a Parquet, Arrow or CSV file, which is there whole or not at all.

        runlake.export(runlake.runs("sweep", where="metrics.val_auc > 0.9"), "best.parquet")
        runlake.export(runlake.points(keys="train/*"), "points.csv")

    A lazy frame is read in pieces as it is written. For pandas collect instead: `runs(...).collect().to_pandas()`.

    Args:
        path: A file in a folder that is there, or an open binary file.
        format: None goes by the suffix: `.parquet` or `.pq`, `.arrow`, `.ipc` or `.feather`, `.csv`.
        overwrite: Whether a file that is there is replaced.

    Raises:
        AlreadyExists: the file is there and is not to be replaced.
        NotFound: the folder is not there.
        InvalidInput: suffix or format is unknown, or CSV cannot hold a column.
        StoreError: the disk is full or the folder cannot be written to.
    """
    from runlake import query

    query.export(frame, path, format=format, overwrite=overwrite)
