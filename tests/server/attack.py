"""Random requests, right and wrong, at a server with users: `python -m tests.server.attack SECONDS`.

schemathesis reads the server's own OpenAPI document and looks for answers that it does not allow, and for any 5xx.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from runlake.server.mlflow_openapi import document
from tests.server.people import people
from tests.server.wire import API, Server, served

CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")


def main(seconds: str = "60") -> int:
    """Attack for so many seconds; return how it went, as an exit status."""
    with tempfile.TemporaryDirectory() as folder:
        admin = people(Path(folder))["admin"]
        with served(Path(folder), "--auth") as server:
            described = Path(folder) / "openapi.json"
            described.write_text(json.dumps(with_known_names(document(auth=True), names_of(server, admin))))
            command = [str(Path(sys.executable).with_name("schemathesis")), "run", str(described), "--url", server.url]
            command += ["--header", f"Authorization: {admin['Authorization']}", "--request-timeout", "30"]
            command += ["--checks", ",".join(CHECKS), "--max-time", seconds, "--continue-on-failure"]
            # The administrator who asks cannot be removed, but experiments can: the coverage of others would end.
            # And schemathesis writes no Arrow.
            command += ["--exclude-path-regex", "(experiments/delete|call/delete_experiment|replication/points)$"]
            status = subprocess.run(command, check=False, cwd=folder).returncode
            server.stop()
            wrong = [line for line in server.lines() if line["level"] == "error"]
    for line in wrong:
        print(line)
    return status or bool(wrong)


def names_of(server: Server, admin: dict[str, str]) -> dict[str, str]:
    """Make something that requests can be about; return the values of fields that name it."""
    headers = {**admin, "Content-Type": "application/json"}
    made = server.send("POST", f"{API}mlflow/runs/create", json.dumps({"experiment_id": "0"}), headers)
    run_id = made.json["run"]["info"]["run_id"]
    path = f"0/{run_id}/artifacts/file"
    assert server.send("PUT", f"{API}mlflow-artifacts/artifacts/{path}", b"x", admin).status == 200
    return {"run_id": run_id, "experiment_id": "0", "metric_key": "loss", "username": "reader", "path": path}


def with_known_names(described: Any, names: dict[str, str]) -> Any:
    """Offer what exists, besides any text, for the fields that name it."""
    if isinstance(described, list):
        return [with_known_names(item, names) for item in described]
    if not isinstance(described, dict):
        return described
    found = {key: with_known_names(item, names) for key, item in described.items()}
    for key, name in names.items():
        if isinstance(schema := found.get(key), dict) and schema.get("type") == "string":
            found[key] = {"anyOf": [{"const": name}, schema]}
    if (name := names.get(str(found.get("name")))) is not None and "in" in found:
        found["schema"] = {"anyOf": [{"const": name}, found["schema"]]}
    return found


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
