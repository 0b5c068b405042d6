"""Four processes that log to one run, as the ranks of a distributed training do.

python examples/one_run_many_processes.py
"""

import math
import multiprocessing

import runlake

RANKS, STEPS = 4, 1000


def train(rank: int, run_id: str) -> None:
    """One rank: joins the run, logs under keys of its own, and leaves; the run goes on."""
    with runlake.start_run(run_id=run_id) as run:
        loss = run.metric(f"rank{rank}/loss")
        for step in range(STEPS):
            loss.log(math.exp(-step / 300) + rank * 0.01, step)


def main() -> None:
    runlake.set_experiment("examples")
    with runlake.start_run(run_name="distributed") as run:
        context = multiprocessing.get_context("spawn")
        ranks = [context.Process(target=train, args=(rank, run.info.run_id)) for rank in range(RANKS)]
        for process in ranks:
            process.start()
        for process in ranks:
            process.join()
    points = runlake.points(run.info.run_id).select("key").collect()
    print(points["key"].value_counts(sort=True))
    assert points.height == RANKS * STEPS


if __name__ == "__main__":
    main()
