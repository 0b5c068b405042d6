"""Network: a perceptron with one hidden layer, trained by stochastic gradient descent with momentum."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runlake.demo.digits import CLASSES, PIXELS

Floats = NDArray[np.float32]

_SMALLEST_PROBABILITY = np.float32(1e-12)


@dataclass(frozen=True, slots=True)
class Step:
    """What one mini-batch showed, before the weights were changed."""

    loss: float
    accuracy: float
    gradient_norm: float


class Network:
    """Weights, gradient and velocity lie in three flat arrays, so that an update is three operations."""

    def __init__(self, hidden: int, momentum: float, rng: np.random.Generator) -> None:
        size = PIXELS * hidden + hidden + hidden * CLASSES + CLASSES
        self._momentum = momentum
        self._weights, self._gradient, self._velocity = (np.zeros(size, np.float32) for _ in range(3))
        self._w1, self._b1, self._w2, self._b2 = _layers(self._weights, hidden)
        self._d1, self._db1, self._d2, self._db2 = _layers(self._gradient, hidden)
        self._w1[:] = rng.normal(0, np.sqrt(2 / PIXELS), self._w1.shape)
        self._w2[:] = rng.normal(0, np.sqrt(2 / hidden), self._w2.shape)

    def train(self, images: Floats, targets: Floats, lr: float) -> Step:
        """Take one step down the cross-entropy of a mini-batch; `targets` are one-hot rows."""
        hidden = np.maximum(images @ self._w1 + self._b1, 0)
        error = _softmax(hidden @ self._w2 + self._b2)
        loss = -np.log(np.maximum((error * targets).sum(axis=1), _SMALLEST_PROBABILITY)).mean()
        accuracy = (error.argmax(axis=1) == targets.argmax(axis=1)).mean()
        error -= targets
        error /= len(images)
        np.matmul(hidden.T, error, out=self._d2)
        error.sum(axis=0, out=self._db2)
        back = (error @ self._w2.T) * (hidden > 0)
        np.matmul(images.T, back, out=self._d1)
        back.sum(axis=0, out=self._db1)
        norm = np.sqrt(self._gradient @ self._gradient)
        self._velocity *= self._momentum
        self._velocity -= lr * self._gradient
        self._weights += self._velocity
        return Step(float(loss), float(accuracy), float(norm))

    def predict(self, images: Floats) -> Floats:
        """Return the probability of each digit, one row an image."""
        return _softmax(np.maximum(images @ self._w1 + self._b1, 0) @ self._w2 + self._b2)

    def save(self, path: Path) -> Path:
        """Write the weights, which `predict_with` and the model from code read."""
        np.savez(path, w1=self._w1, b1=self._b1, w2=self._w2, b2=self._b2)
        return path


def predict_with(path: Path, images: Floats) -> Floats:
    """Return the probability of each digit, one row an image, by weights that were saved."""
    with np.load(path) as saved:
        return _softmax(np.maximum(images @ saved["w1"] + saved["b1"], 0) @ saved["w2"] + saved["b2"])


def cross_entropy(probabilities: Floats, labels: NDArray[np.int64]) -> float:
    """Return the mean of -log p of the right digit."""
    right = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(right, _SMALLEST_PROBABILITY)).mean())


def _layers(flat: Floats, hidden: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Views of a flat array: weights and biases of the hidden layer, weights and biases of the output."""
    w1, b1, w2, b2 = np.split(flat, np.cumsum([PIXELS * hidden, hidden, hidden * CLASSES]))
    return w1.reshape(PIXELS, hidden), b1, w2.reshape(hidden, CLASSES), b2


def _softmax(scores: Floats) -> Floats:
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    return scores
