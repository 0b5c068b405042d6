"""Programs in processes of their own, which share the store of the test."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from runlake import config

_running: list["Program"] = []


@dataclass
class Program:
    """A Python program that runs beside the test and talks in lines."""

    process: "subprocess.Popen[str]"

    def say(self, line: str) -> None:
        """Send a line to the program's input."""
        stdin: IO[str] = self.process.stdin  # type: ignore[assignment]
        stdin.write(line + "\n")
        stdin.flush()

    def hear(self) -> str:
        """Wait for the next line of the program's output."""
        stdout: IO[str] = self.process.stdout  # type: ignore[assignment]
        line = stdout.readline()
        assert line, f"the program ended with status {self.process.wait()}"
        return line.strip()

    def finish(self) -> int:
        """Close the program's input, wait for its end, and return its exit status."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.communicate()
        return self.process.returncode


def start(lake: Path | str, code: str, *arguments: str) -> Program:
    """Start a program with the store `lake` in force."""
    environment = config.environment_with(RUNLAKE_TRACKING_URI=str(lake))
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    _running.append(program := Program(process))
    return program


def end_all() -> None:
    """Kill the programs that a test has left behind."""
    while _running:
        program = _running.pop()
        program.process.kill()
        program.process.communicate()


def run(lake: Path | str, code: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end with the store `lake` in force."""
    environment = config.environment_with(RUNLAKE_TRACKING_URI=str(lake))
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=environment, check=False
    )
