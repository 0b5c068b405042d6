"""Reads a store's segments with DuckDB alone: they are plain, sorted Parquet.

python examples/parquet_without_runlake.py
"""

from pathlib import Path

import duckdb

import runlake
from runlake.store import get_store


def main() -> None:
    runlake.set_experiment("examples")
    with runlake.start_run(run_name="to-be-sealed") as run:
        run.log_arrays("score", range(100_000), [step / 7 for step in range(100_000)])
    lake = Path(runlake.get_tracking_uri())
    get_store(lake).seal()  # done in the background once 64 MiB have come together; here we do not want to wait

    query = """
        SELECT key, count(*) AS points, max(value) AS largest, arg_max(step, value) AS at_step
        FROM read_parquet($files) WHERE run_id = $run_id GROUP BY key
    """
    files = [str(path) for path in lake.glob("segments/*/*.parquet")]
    print(duckdb.execute(query, {"files": files, "run_id": run.info.run_id}).fetchall())


if __name__ == "__main__":
    main()
