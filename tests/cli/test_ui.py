"""`runlake ui`: the store in a browser."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from tests.cli.conftest import Cli
from tests.server.wire import served

T = TypeVar("T")


def noting_browser(folder: Path) -> dict[str, str]:
    """An environment with a browser that writes what it is told to open into `folder/opened`."""
    note, browser = folder / "opened", folder / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {note}.part && mv {note}.part {note}\n')
    browser.chmod(0o755)
    return {**os.environ, "BROWSER": f"{browser} %s"}


class Shown:
    """The command in a process of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._opened = folder / "opened"
        self._log = folder / "log"
        command = [sys.executable, "-m", "runlake", "ui", "--store", str(folder / "lake"), *options]
        with self._log.open("wb") as stderr:
            self._process = subprocess.Popen(command, stderr=stderr, env=noting_browser(folder))

    def __enter__(self) -> Shown:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def url(self) -> str:
        return self._wait_for(lambda: re.search(r" is at (http://\S+)", self.said))[1]

    @property
    def said(self) -> str:
        return self._log.read_text()

    @property
    def opened(self) -> str:
        self._wait_for(self._opened.exists)
        return self._opened.read_text().strip()

    def end(self) -> int:
        """Press Ctrl-C."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(20)

    def _wait_for(self, condition: Callable[[], T]) -> T:
        while not (found := condition()):
            assert self._process.poll() is None, self.said
            time.sleep(0.01)
        return found


def status_of(url: str) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    connection.request("GET", parts.path)
    status = connection.getresponse().status
    connection.close()
    return status


def test_the_browser_is_opened_at_the_store_and_at_a_run(lake: Path, tmp_path: Path) -> None:
    with Shown(tmp_path, "--port", "0", "--run", "broad") as shown:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/runs/[0-9a-f]{32}", shown.url)
        assert shown.opened == shown.url
        assert status_of(shown.url) == 200
        assert shown.end() == 0
        assert shown.said.count("\n") == 1, "a request is no line of the log"


def test_a_port_that_is_taken_is_passed_over_unless_it_was_asked_for(lake: Path, tmp_path: Path, cli: Cli) -> None:
    with socket.socket() as taken:
        with contextlib.suppress(OSError):  # another program may have it, which is as good
            taken.bind(("127.0.0.1", 5000))
            taken.listen()
        refused = cli("ui", "--port", "5000", "--no-browser")
        assert (refused.status, "cannot listen on 127.0.0.1:5000: Address already in use" in refused.err) == (2, True)
        with Shown(tmp_path, "--no-browser") as shown:
            assert 5000 < (urlsplit(shown.url).port or 0) <= 5050


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path, cli: Cli) -> None:
    refused = cli("ui", "--store", str(tmp_path / "none"), "--no-browser")
    assert (refused.status, "there is no store at [FOLDER]/none" in refused.err) == (2, True)
    assert "`runlake demo` fills one" in refused.err
    assert not (tmp_path / "none").exists()


def test_a_run_that_is_not_there_is_said_to_be_missing(lake: Path, cli: Cli) -> None:
    refused = cli("ui", "--run", "nobody", "--no-browser")
    assert (refused.status, "no run has the id or name 'nobody'" in refused.err) == (2, True)


def test_of_a_store_on_a_server_the_pages_of_the_server_are_opened(lake: Path, tmp_path: Path) -> None:
    with served(tmp_path) as server:
        command = [sys.executable, "-m", "runlake", "ui", "--store", server.url, "--run", "odd"]
        done = subprocess.run(command, env=noting_browser(tmp_path), capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stdout) == (0, "")
        assert re.fullmatch(rf"{server.url}/runs/[0-9a-f]{{32}}", done.stderr.strip())
        assert (tmp_path / "opened").read_text() == done.stderr
