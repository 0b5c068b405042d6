"""A version of a registered model, shown: its origin, its signature, what was said of it, and what gates find."""

from __future__ import annotations

import contextlib
import tempfile
from typing import Any, Final

from runlake import config
from runlake.cli import output
from runlake.cli.described import aliases_of, described, given, moment
from runlake.cli.registry.rules import print_rules, report_of
from runlake.entities import ModelVersion, VersionLineage
from runlake.errors import NotFound, PermissionDenied, RunlakeError
from runlake.model_sources import version_files
from runlake.models.manifest import MANIFEST_FILE, Model
from runlake.models.signature_rows import SIGNATURE, signature_of, signature_rows
from runlake.promotion import Approval, CheckResult, GateReport
from runlake.registry import gates, origins
from runlake.store import Store
from runlake.stores import AnyStore

_APPROVALS: Final = ("target", "by", "at", "comment")
_CHECKS: Final = ("check", "result", "by", "at", "details")


def show_version(store: AnyStore, version: ModelVersion, as_json: bool) -> None:
    """Print a version with where it comes from, its signature, what was said of it, and what gates find."""
    origin = _origin(store, version)
    manifest = _manifest(store, version)
    guards = gates.get_gates(store, version.name)
    who = config.os_user()
    reports = [gates.evaluate(store, version.name, version.version, gate.target, user_id=who) for gate in guards]
    approvals = gates.get_approvals(store, version.name, version.version)
    checks = gates.get_checks(store, version.name, version.version)
    if as_json:
        signature = None if manifest is None or manifest.signature is None else signature_of(manifest.signature)
        lineage = None if origin is None else origin.to_dictionary()
        output.json(
            {
                **described(version),
                "lineage": lineage,
                "signature": signature,
                "approvals": [described(approval) for approval in approvals],
                "checks": [described(result) for result in checks],
                "gates": [report_of(report) for report in reports],
            }
        )
        return
    _print_version(version, origin)
    _print_signature(manifest)
    _print_sayings(approvals, checks)
    _print_reports(reports)


def _origin(store: AnyStore, version: ModelVersion) -> VersionLineage | None:
    """Return where a version comes from; None for who may not read its run."""
    with contextlib.suppress(PermissionDenied):
        return origins.lineage(store, version.name, version.version)
    return None


def _manifest(store: AnyStore, version: ModelVersion) -> Model | None:
    """Read the manifest of a version; None when it is not here to be read, and that there is one gone wrong is said."""
    try:
        files, folder = version_files(store, version.name, version.version)
        path = f"{folder}/{MANIFEST_FILE}" if folder else MANIFEST_FILE
        if isinstance(store, Store):
            return Model.load(files.download(path))
        with tempfile.TemporaryDirectory(prefix="runlake-show-") as place:
            return Model.load(files.download(path, place))
    except NotFound:
        return None
    except RunlakeError as error:
        output.message(f"warning: {error.message}")
        return None


def _print_version(version: ModelVersion, origin: VersionLineage | None) -> None:
    about = {
        "name": version.name,
        "version": version.version,
        "stage": version.current_stage,
        "aliases": aliases_of(version),
        "description": version.description,
        "source": version.source,
        "model_id": version.model_id,
        "by": version.user_id,
        "made": moment(version.creation_timestamp),
        "changed": moment(version.last_updated_timestamp),
    }
    output.pairs({**given(about), **{f"tags.{key}": value for key, value in sorted(version.tags.items())}})
    if origin is None or origin.run_id is None:
        return
    output.heading("lineage")
    output.pairs(given(_lineage(origin)))


def _lineage(origin: VersionLineage) -> dict[str, Any]:
    fields = ("run_id", "run_name", "experiment_name", "source_name", "git_commit", "git_branch", "git_repository")
    found = {name: getattr(origin, name) for name in fields}
    if origin.git_dirty is not None:
        found["git_dirty"] = "yes" if origin.git_dirty else "no"
    for number, used in enumerate(origin.datasets, 1):
        found[f"dataset {number}"] = f"{used.name} ({used.digest}){f', {used.context}' if used.context else ''}"
    return found


def _print_signature(manifest: Model | None) -> None:
    if manifest is None:
        return
    output.heading("signature")
    if manifest.signature is None:
        output.line("the model has none")
    else:
        output.table(SIGNATURE, signature_rows(manifest.signature))


def _print_sayings(approvals: list[Approval], checks: list[CheckResult]) -> None:
    if approvals:
        output.heading("approvals")
        output.table(_APPROVALS, [(one.target, one.user_id, moment(one.at_ms), one.comment) for one in approvals])
    if checks:
        output.heading("checks")
        results = [(one, "passed" if one.passed else "failed") for one in checks]
        output.table(_CHECKS, [(one.check, said, one.user_id, moment(one.at_ms), one.details) for one, said in results])


def _print_reports(reports: list[GateReport]) -> None:
    for report in reports:
        output.heading(f"gate of {report.target}: {'passed' if report.passed else 'not passed'}")
        print_rules(report.rules)
