"""What columns of Parquet files come to is known before they are unpacked, and damaged headers are a mistake."""

from __future__ import annotations

import io
import random

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runlake.query.parquet_pages import Pages

ROWS = 1000
TABLE = pa.table(
    {
        "n": pa.array(range(ROWS), pa.int64()),
        "text": ["x" * 100 for _ in range(ROWS)],
        "list": [[1.5] * 10 for _ in range(ROWS)],
        "struct": [{"a": n, "b": None} for n in range(ROWS)],
    }
)


def written(**options: object) -> io.BytesIO:
    file = io.BytesIO()
    pq.write_table(TABLE, file, compression="zstd", row_group_size=250, **options)
    return file


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_the_pages_of_rows_are_added_up_and_no_others(version: str) -> None:
    pages = Pages(written(use_dictionary=False, data_page_version=version))
    assert [len(stored) for stored in pages.columns] == [1, 1, 1, 2]
    whole = [pages.unpacked_bytes(column, 0, ROWS) for column in range(4)]
    assert 8 * ROWS <= whole[0] < 9 * ROWS
    assert 104 * ROWS <= whole[1] < 106 * ROWS
    assert whole[2] > (8 + 16) * 10 * ROWS, "values of lists count besides"
    assert [4 * pages.unpacked_bytes(column, 250, 250) for column in range(4)] == pytest.approx(whole, rel=0.05)
    assert pages.unpacked_bytes(1, 0, 1) == pages.unpacked_bytes(1, 0, 250), "a page is unpacked as a whole"
    assert pages.unpacked_bytes(1, ROWS, 10) == pages.unpacked_bytes(1, 0, 0) == 0


def test_a_dictionary_counts_for_every_row_of_its_group() -> None:
    pages = Pages(written(use_dictionary=True))
    assert 100 <= pages.unpacked_bytes(1, 999, 1) < 500


def test_of_small_pages_those_with_the_rows_count() -> None:
    file = io.BytesIO()
    pl.DataFrame({"text": [f"{n:0100}" for n in range(50_000)]}).write_parquet(file, data_page_size=10_000)
    pages = Pages(file)
    assert pages.unpacked_bytes(0, 49_990, 10) < pages.unpacked_bytes(0, 0, 50_000) / 50


def test_damaged_headers_are_an_error_and_no_defect() -> None:
    content, refused = written().getvalue(), 0
    chance = random.Random(1)
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(chance.randint(1, 20)):
            damaged[chance.randrange(len(damaged) - 8)] = chance.randrange(256)
        try:
            pages = Pages(io.BytesIO(damaged))
            for column in range(len(pages.columns)):
                pages.unpacked_bytes(column, 0, ROWS)
        except ValueError:
            refused += 1
    assert refused > 100
    for short in (b"", b"PAR1", b"PAR1\xff\xff\xff\xffPAR1", b"PAR1\0\0\0\0PAR1"):
        with pytest.raises(ValueError, match=r"end|bytes"):
            Pages(io.BytesIO(short))
