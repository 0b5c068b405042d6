"""Training of one run: every mini-batch is logged, and what the logging costs is measured beside it.

A run leaves its picture, its weights, and what a terminal would have shown.
"""

from __future__ import annotations

import contextlib
import io
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import runlake
from runlake.demo.digits import CLASSES, Digits
from runlake.demo.network import Floats, Network, cross_entropy
from runlake.demo.picture import confusion_matrix
from runlake.demo.settings import Settings

METRICS_PER_BATCH = 4
METRICS_PER_EPOCH = 2
WEIGHTS = "weights.npz"

# One logging call in 61 is timed: a prime, so that the calls after an epoch are neither always nor never among them.
_SAMPLE_EVERY = 61
_WARM_UP_STEPS = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run did; times in seconds."""

    run_id: str
    points: int
    training_s: float
    logging_s: float
    """Time of the logging calls, estimated from those that were timed; the timer's own cost is in it."""
    background_s: float
    """CPU time that other threads of the process took meanwhile: syncing and sealing."""


class LoggingClock:
    """Adds up what logging calls cost, timing one in `_SAMPLE_EVERY`."""

    def __init__(self) -> None:
        self._calls = 0
        self._sampled = 0
        self._sampled_ns = 0

    def log(self, run: runlake.ActiveRun, metrics: dict[str, float], step: int) -> None:
        self._calls += 1
        if self._calls % _SAMPLE_EVERY:
            run.log(metrics, step=step)
            return
        start = time.perf_counter_ns()
        run.log(metrics, step=step)
        self._sampled_ns += time.perf_counter_ns() - start
        self._sampled += 1

    def seconds(self) -> float:
        return self._sampled_ns / max(self._sampled, 1) * self._calls / 1e9


class Diverged(ArithmeticError):
    """The loss is no number any more."""


def train(
    settings: Settings, digits: Digits, tags: dict[str, str], progress: Callable[[int], None], *, nested: bool = False
) -> Outcome:
    """Train one network in a run of its own.

    Args:
        tags: Of the run; a sweep puts its id there, so that it can be told from the next.
        progress: Called after each epoch with the number of mini-batches so far.
        nested: Whether the run is a child of the active one; its name says its seed, too.

    Raises:
        Diverged: the steps are too large; the run has FAILED, with all points until then.
    """
    with contextlib.redirect_stderr(io.StringIO()):  # which run in which store: the sweep says it once for all
        name = f"{settings.name}-s{settings.seed}" if nested else settings.name
        run = runlake.start_run(run_name=name, nested=nested, tags={"model": "perceptron", **tags})
    with run:
        runlake.log_params(asdict(settings))
        console = [f"{settings.name}: {settings.batches:,} mini-batches of {settings.batch_size} images"]
        started, cpu_s, own_cpu_s = time.perf_counter(), time.process_time(), time.thread_time()
        try:
            network, clock, points = _fit(run, settings, digits, progress, console.append)
        except Diverged as diverged:
            console.append(f"{type(diverged).__name__}: {diverged}")
            raise
        finally:
            training_s = time.perf_counter() - started
            background_s = (time.process_time() - cpu_s) - (time.thread_time() - own_cpu_s)
            runlake.log_text("\n".join([*console, ""]), "console.log")
        predicted = network.predict(digits.val_images).argmax(axis=1)
        runlake.log_figure(confusion_matrix(digits.val_labels, predicted, settings.name), "confusion.png")
        with tempfile.TemporaryDirectory() as folder:
            runlake.log_artifact(str(network.save(Path(folder, WEIGHTS))))
    return Outcome(run.info.run_id, points, training_s, clock.seconds(), background_s)


def _fit(
    run: runlake.ActiveRun,
    settings: Settings,
    digits: Digits,
    progress: Callable[[int], None],
    say: Callable[[str], None],
) -> tuple[Network, LoggingClock, int]:
    rng = np.random.default_rng(settings.seed)
    network = Network(settings.hidden, settings.momentum, rng)
    clock = LoggingClock()
    targets = np.eye(CLASSES, dtype=np.float32)[digits.train_labels]
    step = 0
    for epoch in range(settings.epochs):
        for images, wanted in _batches(digits.train_images, targets, settings.batch_size, rng):
            lr = _scheduled(settings.lr, step, settings.batches)
            seen = network.train(images, wanted, lr)
            clock.log(
                run, {"loss": seen.loss, "accuracy": seen.accuracy, "grad_norm": seen.gradient_norm, "lr": lr}, step
            )
            step += 1
            if math.isnan(seen.loss):
                raise Diverged(f"the loss is NaN at step {step - 1}; lr is {lr:.4g}, momentum {settings.momentum:g}")
        probabilities = network.predict(digits.val_images)
        right = probabilities.argmax(axis=1) == digits.val_labels
        loss = cross_entropy(probabilities, digits.val_labels)
        clock.log(run, {"val_accuracy": float(right.mean()), "val_loss": loss}, step)
        say(f"epoch {epoch + 1:2}/{settings.epochs}  val_accuracy {right.mean():.4f}  val_loss {loss:.4f}")
        progress(step)
    return network, clock, step * METRICS_PER_BATCH + settings.epochs * METRICS_PER_EPOCH


def _batches(images: Floats, targets: Floats, size: int, rng: np.random.Generator) -> Iterator[tuple[Floats, Floats]]:
    """Yield the training set in a new order, in mini-batches of `size`; what does not fill one is left out."""
    order = rng.permutation(len(images))
    images, targets = images[order], targets[order]
    for start in range(0, len(images) - size + 1, size):
        yield images[start : start + size], targets[start : start + size]


def _scheduled(highest: float, step: int, last_step: int) -> float:
    """Learning rate at `step`: a linear warm-up, then half a cosine down to nothing."""
    warm_up = min(1.0, (step + 1) / _WARM_UP_STEPS)
    return highest * warm_up * 0.5 * (1 + math.cos(math.pi * step / last_step))
