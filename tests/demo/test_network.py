"""The demo's network: its gradient is right, and it learns."""

import numpy as np
import pytest

from runlake.demo import digits
from runlake.demo.network import Network, cross_entropy
from runlake.demo.settings import Settings, grid


def test_a_step_goes_down_the_gradient_that_finite_differences_give() -> None:
    rng = np.random.default_rng(3)
    network = Network(hidden=5, momentum=0.0, rng=rng)
    images = rng.random((6, digits.PIXELS), dtype=np.float32)
    labels = np.array([0, 1, 2, 3, 4, 5])
    targets = np.eye(digits.CLASSES, dtype=np.float32)[labels]
    network.train(images, targets, lr=0.0)
    gradient = network._gradient.copy()
    for place in rng.choice(len(gradient), 25, replace=False):
        losses = []
        for shift in (1e-2, -1e-2):
            network._weights[place] += shift
            losses.append(cross_entropy(network.predict(images), labels))
            network._weights[place] -= shift
        assert gradient[place] == pytest.approx((losses[0] - losses[1]) / 2e-2, abs=2e-3)


def test_the_network_learns_the_digits() -> None:
    data = digits.load()
    network = Network(hidden=32, momentum=0.9, rng=np.random.default_rng(0))
    targets = np.eye(digits.CLASSES, dtype=np.float32)[data.train_labels]
    for _ in range(3):
        for start in range(0, len(targets) - 8, 8):
            network.train(data.train_images[start : start + 8], targets[start : start + 8], lr=0.02)
    assert (network.predict(data.val_images).argmax(axis=1) == data.val_labels).mean() > 0.9


def test_training_and_validation_share_no_image() -> None:
    data = digits.load()
    assert (len(data.train_images), len(data.val_images)) == (digits.TRAINING_ROWS, 360)
    train = {image.tobytes() for image in data.train_images}
    assert not train & {image.tobytes() for image in data.val_images}


def test_the_grid_is_a_sweep_of_at_least_a_million_points() -> None:
    runs = grid()
    assert len(runs) == len({run.name for run in runs}) >= 64
    assert sum(run.batches for run in runs) * 4 >= 1_000_000
    assert Settings(0.1, 16, 0.0, seed=0, batch_size=10, epochs=2).batches == 286
