"""Place of runs: what only a server knows of them, made known to the spool that they are logged into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runlake.store import Store

if TYPE_CHECKING:
    from runlake.replication.spool import Spool
    from runlake.stores import AnyStore


def as_spool(store: AnyStore) -> Spool | None:
    """Return the store as a spool, None when it is a plain folder."""
    if type(store) is Store:  # the class of spools brings urllib3, which folders do without
        return None
    from runlake.replication.spool import Spool

    return store if isinstance(store, Spool) else None


def bring_run(store: AnyStore, run_id: str) -> None:
    """Have a run that only the server has ready to be logged to; nothing happens in a folder.

    Raises:
        NotFound: there is no such run.
    """
    if (spool := as_spool(store)) is not None:
        from runlake.replication import takeover

        takeover.bring_run(spool, run_id)


def bring_experiment(store: AnyStore, **wanted: str) -> None:
    """Have an experiment of the server, by `experiment_id` or `name`, ready for runs; nothing happens in a folder."""
    if (spool := as_spool(store)) is not None:
        from runlake.replication import takeover

        takeover.bring_experiment(spool, **wanted)
