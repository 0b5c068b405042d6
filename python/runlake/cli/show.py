"""`runlake show RUN`: everything about one run but its points."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from runlake.cli import output
from runlake.cli.options import find_run, json_option, opened, store_option
from runlake.entities import MissingPoints, Run
from runlake.stores import AnyStore


@click.command(short_help="Show everything about one run but its points.")
@click.argument("run")
@click.option("--ledger", "with_ledger", is_flag=True, help="Account for the points of every metric.")
@store_option
@json_option
def show(run: str, with_ledger: bool, store: str | None, as_json: bool) -> None:
    """Show state, parameters, latest metrics, tags and files of RUN.

    RUN is an id, the beginning of one, or a name. Points that were merged or dropped are accounted for.
    """
    with opened(store) as opened_store:
        found = find_run(opened_store, run)
        described = _described(opened_store, found)
    if as_json:
        output.json(described)
        return
    output.pairs(described["run"])
    for part in ("params", "metrics", "tags"):
        if described[part]:
            output.heading(part)
            output.pairs(described[part])
    ledger = [entry for entry in described["ledger"] if with_ledger or entry["merged"] or entry["dropped"]]
    if ledger:
        output.heading("ledger")
        output.table(_LEDGER, [[entry[name] for name in _LEDGER[:4]] + [_dropped(entry)] for entry in ledger])
    if described["missing"]:
        output.heading("missing")
        for lost in described["missing"]:
            click.echo(_in_words(lost))
    if described["artifacts"]:
        output.heading("artifacts")
        output.pairs({file["path"]: output.size(file["bytes"]) for file in described["artifacts"]})


_LEDGER = ["key", "accepted", "stored", "merged", "dropped"]


def _dropped(entry: dict[str, Any]) -> str:
    """Say how many points of a key were dropped, why and where."""
    counts = ", ".join(f"{count:,} {reason}" for reason, count in entry["dropped"].items())
    steps = [step for stretch in entry["stretches"] for step in (stretch["first_step"], stretch["last_step"])]
    return f"{counts} (steps {min(steps)} to {max(steps)})" if steps else counts or "0"


def _described(store: AnyStore, run: Run) -> dict[str, Any]:
    info = run.info
    started, ended = _moment(info.start_time), _moment(info.end_time)
    attributes = {
        "run_id": info.run_id,
        "run_name": info.run_name,
        "experiment": store.catalog.get_experiment(info.experiment_id).name,
        "status": info.status,
        "user": info.user_id,
        "start_time": started,
        "end_time": ended,
        "duration_s": (ended - started).total_seconds() if started and ended else None,
        "artifact_uri": info.artifact_uri,
    }
    return {
        "run": attributes,
        "params": dict(sorted(run.data.params.items())),
        "metrics": dict(sorted(run.data.metrics.items())),
        "tags": dict(sorted(run.data.tags.items())),
        "ledger": store.reads.ledger(info.run_id).to_dictionary()["keys"],
        "missing": [_missing(lost) for lost in store.reads.missing_points(info.run_id)],
        "artifacts": _artifacts(store, run),
    }


def _missing(lost: MissingPoints) -> dict[str, Any]:
    return {
        **{name: getattr(lost, name) for name in ("points", "exact", "reason", "file")},
        "last_verified": _moment(lost.last_verified_ms),
        "found": _moment(lost.found_ms),
    }


def _in_words(lost: dict[str, Any]) -> str:
    number = f"{lost['points']:,} points" if lost["points"] else "an unknown number of points"
    points = number if lost["exact"] or not lost["points"] else f"up to {number}, shared with other runs"
    verified = f"; proven up to {lost['last_verified']:%Y-%m-%d %H:%M:%S} UTC" if lost["last_verified"] else ""
    return f"{points}: {lost['reason']} ({lost['file']}){verified}"


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


def _artifacts(store: AnyStore, run: Run) -> list[dict[str, Any]]:
    """List all files of a run, folders opened, with their sizes in bytes."""
    from runlake import run_files

    if run.info.artifact_uri is None:
        return []
    artifacts = run_files.of_run(store, run)
    waiting, files = [""], []
    while waiting:
        for item in artifacts.list(waiting.pop() or None):
            if item.is_dir:
                waiting.append(item.path)
            else:
                files.append({"path": item.path, "bytes": item.file_size})
    return sorted(files, key=lambda file: file["path"])
