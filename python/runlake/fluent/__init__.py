"""The fluent API: functions that act on the run of the calling thread. `runlake` itself re-exports them."""
