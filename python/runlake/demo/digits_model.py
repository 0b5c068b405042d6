"""The model as it is registered: a script that reads its weights and tells digits, without a pickle."""

from __future__ import annotations

from typing import Any

import numpy as np

from runlake.models import set_model
from runlake.pyfunc import PythonModel, PythonModelContext


class DigitsModel(PythonModel):
    """Rows of 64 brightnesses in [0, 1] become digits."""

    def load_context(self, context: PythonModelContext) -> None:
        with np.load(context.artifacts["weights"]) as saved:
            self._w1, self._b1, self._w2, self._b2 = (saved[name] for name in ("w1", "b1", "w2", "b2"))

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        hidden = np.maximum(np.asarray(model_input, np.float32) @ self._w1 + self._b1, 0)
        return (hidden @ self._w2 + self._b2).argmax(axis=1)


set_model(DigitsModel())
