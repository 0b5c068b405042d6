"""Programs in processes of their own that use the store of the test."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

BEGIN = """
import os, signal, sys
from pathlib import Path
from runlake.config import Config
from runlake.store import Store
def say(*words): print(*words, flush=True)
def hear(): return sys.stdin.readline().strip()
def new_run(store, run_id, owned=True):
    store.create_run(run_id, "0", name=run_id, user_id="u", start_time=1000, owned=owned)
    return store.run_logger(run_id)
root, arguments = Path(sys.argv[1]), sys.argv[2:]
"""


@dataclass
class Program:
    """A program that runs beside the test and talks in lines."""

    process: "subprocess.Popen[str]"

    def say(self, line: str = "go") -> None:
        """Send a line to the program."""
        stdin: IO[str] = self.process.stdin  # type: ignore[assignment]
        stdin.write(line + "\n")
        stdin.flush()

    def hear(self) -> str:
        """Wait for the next line of the program."""
        stdout: IO[str] = self.process.stdout  # type: ignore[assignment]
        line = stdout.readline()
        assert line, f"the program ended with status {self.process.wait()}"
        return line.strip()

    def kill(self) -> None:
        """Send SIGKILL and wait for the end."""
        self.process.kill()
        self.process.communicate()

    def finish(self) -> tuple[int, str]:
        """Wait for the end; return exit status and what was said since."""
        said, _ = self.process.communicate()
        return self.process.returncode, said.strip()


@dataclass
class Programs:
    """Starts programs and kills what is left of them."""

    root: Path
    started: list[Program] = field(default_factory=list)

    def start(self, code: str, *arguments: object) -> Program:
        """Start a program; `root`, `arguments`, `say`, `hear` and `new_run` are there for it."""
        command = [sys.executable, "-c", BEGIN + code, str(self.root), *map(str, arguments)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.started.append(Program(process))
        return self.started[-1]

    def run(self, code: str, *arguments: object) -> tuple[int, str]:
        """Run a program to its end; return exit status and what it said."""
        return self.start(code, *arguments).finish()

    def kill_all(self) -> None:
        for program in self.started:
            if program.process.poll() is None:
                program.kill()

    def hold_lock(self) -> Program:
        """Keep the catalog's lock in another process, until it hears a line or is killed."""
        code = (
            "import fcntl\nfile = os.open(root / 'catalog.lock', os.O_RDWR)\n"
            "fcntl.flock(file, fcntl.LOCK_EX)\nsay('locked')\nhear()\n"
        )
        holder = self.start(code)
        assert holder.hear() == "locked"
        return holder
