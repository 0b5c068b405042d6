"""Nothing of a store that a proof opened here stays open, or in force, behind it."""

from tests.crash.conftest import no_store_left

__all__ = ["no_store_left"]
