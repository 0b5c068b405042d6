"""How stores are kept in tests: RUNLAKE_TEST_JOURNAL=write runs all of them as on network disks and btrfs."""

import os
from typing import Any, Final

import pytest

JOURNAL: Final[Any] = os.environ.get("RUNLAKE_TEST_JOURNAL")

needs_wal = pytest.mark.skipif(JOURNAL == "write", reason="without a WAL there is nothing to sync")
