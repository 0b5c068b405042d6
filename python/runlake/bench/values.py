"""Values that are logged: noisy losses of single precision, as networks give them."""

from __future__ import annotations

import math
import random
from array import array
from functools import cache
from typing import Final

DISTINCT: Final = 1 << 18
"""So many that no encoding gains by their coming again."""
_SEED: Final = 20


@cache
def losses() -> list[float]:
    """Return `DISTINCT` losses that fall, the same ones in every process."""
    chance = random.Random(_SEED)
    falling = (2.5 * math.exp(-5 * at / DISTINCT) + 0.1 + chance.gauss(0, 0.02) for at in range(DISTINCT))
    return list(array("f", falling))
