"""Takeover: runs and experiments that only the server has, entered into the spool so that they can be logged to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from runlake import lifecycle
from runlake.catalog import ExperimentState
from runlake.entities import LifecycleStage
from runlake.errors import NotFound, RunlakeError, ServerUnavailable
from runlake.replication import wire
from runlake.replication.replicator import is_misuse

if TYPE_CHECKING:
    from runlake.replication.spool import Spool

_ASK_S: Final = 5.0
_MOST_DIGITS: Final = 18
"""Of an experiment's id, as every store makes them."""


def bring_run(spool: Spool, run_id: str) -> None:
    """Make a run known to the spool, with its parameters, tags and largest step, so that it can be taken up again.

    Raises:
        NotFound: neither this machine nor the server has such a run.
        ServerUnavailable: only the server may have it, and it does not answer.
    """
    if spool.is_member(run_id):
        return
    is_here = spool.has_run(run_id)
    try:
        said = spool.peer.run(run_id, within_s=_ASK_S) if spool.replicator.has_met() else None
    except RunlakeError as error:
        if is_here and not is_misuse(error):
            return
        raise
    if said is None:
        if is_here:
            return
        if not spool.replicator.has_met():
            raise ServerUnavailable(
                f"run {run_id!r} is not on this machine, and the server {spool.url} does not answer"
            )
        raise NotFound(f"there is no run {run_id!r}")
    if (step := said.get("largest_step")) is not None:
        spool.next_steps[run_id] = int(step) + 1
    if not is_here:
        state = wire.run_of(said["run"])
        known = _enter_experiment(spool, wire.experiment_of(said["experiment"]))
        spool.catalog.take_over_run(spool.server_number(), replace(state, experiment_id=known))


def bring_experiment(spool: Spool, **wanted: str) -> None:
    """Make an experiment known to the spool under the server's id, by `experiment_id` or `name`, if that answers.

    One of a new name is made there first. With a server that is away it is made here, and becomes one with the server's
    of that name later; of one that is known by its id the server tells the name then.
    """
    if spool.has_experiment(**wanted):
        return
    if not spool.replicator.has_met():
        _enter_unnamed(spool, wanted.get("experiment_id", ""))
        return
    try:
        said = spool.peer.experiment(within_s=_ASK_S, **wanted)
        if said is not None and said.get("lifecycle_stage") != LifecycleStage.DELETED:
            _enter_experiment(spool, wire.experiment_of(said))
        elif (name := wanted.get("name")) is not None:
            made = lifecycle.find_or_create_experiment(spool.server(), name)
            _enter_experiment(spool, ExperimentState(made.experiment_id, name, made.tags))
    except ServerUnavailable:
        return


def _enter_unnamed(spool: Spool, experiment_id: str) -> None:
    if experiment_id.isascii() and experiment_id.isdigit() and len(experiment_id) <= _MOST_DIGITS:
        _enter_experiment(spool, ExperimentState(experiment_id, wire.unknown_name(experiment_id), {}))


def _enter_experiment(spool: Spool, state: ExperimentState) -> str:
    """Enter an experiment and return the id that it has here: one that was made here under its name keeps its own."""
    spool.catalog.take_over_experiment(state)
    found = spool.catalog.find_experiment(state.name)
    return state.experiment_id if found is None else found.experiment_id
