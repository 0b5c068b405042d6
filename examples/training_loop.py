"""A training loop that logs every mini-batch: softmax regression on data that it makes up.

python examples/training_loop.py
"""

import numpy as np

import runlake

ROWS, FEATURES, CLASSES, BATCH = 20_000, 20, 3, 32


def made_up_data(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Three clouds of points that overlap a little."""
    labels = rng.integers(CLASSES, size=ROWS)
    centres = rng.normal(0, 1, (CLASSES, FEATURES))
    return centres[labels] + rng.normal(0, 1.5, (ROWS, FEATURES)), labels


def main() -> None:
    rng = np.random.default_rng(7)
    images, labels = made_up_data(rng)
    weights = np.zeros((FEATURES, CLASSES))
    runlake.set_experiment("examples")
    with runlake.start_run(run_name="softmax") as run:
        runlake.log_params({"lr": 0.05, "batch": BATCH})
        loss, norm = run.metric("train/loss"), run.metric("train/grad_norm")
        for step, start in enumerate(range(0, ROWS, BATCH)):
            x, y = images[start : start + BATCH], labels[start : start + BATCH]
            scores = np.exp(x @ weights)
            error = scores / scores.sum(axis=1, keepdims=True)
            loss.log(-np.log(error[np.arange(len(y)), y]).mean(), step)
            error[np.arange(len(y)), y] -= 1
            gradient = x.T @ error / len(y)
            norm.log(np.linalg.norm(gradient), step)
            weights -= 0.05 * gradient
    curve = runlake.series(run.info.run_id, "train/loss", points=5)
    print(curve.select("step", "min", "mean", "max"))


if __name__ == "__main__":
    main()
