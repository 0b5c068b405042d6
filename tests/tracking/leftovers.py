"""What a test that logs has left active or open in this process."""

import contextlib

import runlake
from runlake import operations
from runlake.errors import StoreError
from runlake.fluent import experiments
from runlake.store import opened_stores
from tests.tracking import programs


def end_all() -> None:
    """End programs and runs, close the stores, and forget which was in force."""
    programs.end_all()
    runlake.set_error_policy("default")
    while runlake.active_run() is not None:
        runlake.end_run()
    experiments.forget_choice()
    operations.flush(10.0)
    for store in opened_stores():
        with contextlib.suppress(StoreError):  # of a test that took the store away
            store.close()
    runlake.set_tracking_uri("")
