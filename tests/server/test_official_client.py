"""The official client, unmodified, against the server."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.wire import served


@pytest.mark.timeout(180)
def test_the_official_client_reads_back_all_that_it_wrote(tmp_path: Path) -> None:
    pytest.importorskip("mlflow.sklearn")
    with served(tmp_path) as server:
        program = Path(__file__).with_name("workflow.py")
        done = subprocess.run(
            [sys.executable, program, server.url], capture_output=True, text=True, cwd=tmp_path, timeout=150
        )
        assert done.returncode == 0, done.stdout + done.stderr
        server.stop()
        failed = [line for line in server.lines() if line.get("status", 0) >= 500 or line["level"] == "error"]
    assert failed == []
