"""Torture: runs every proof at its full size and prints a table of what must be reached and what was.

    python -m tests.torture [NAME ...]

Two proofs run at once, those that measure times alone. What each said is in target/torture. The exit status is 1 when a
row is missed. `RUNLAKE_SEED` repeats what was drawn at random.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Final, TextIO

from tests.torture.plan import PROOFS
from tests.torture.proof import Proof, Verdict, engine_command

AT_ONCE: Final = 2
FOLDER: Final = Path("target/torture")
_SHOWN_LINES: Final = 40


def main(names: Sequence[str]) -> int:
    """Run the proofs of these names, or all; return the exit status."""
    unknown = set(names) - {proof.name for proof in PROOFS}
    if unknown:
        print(f"there is no proof {', '.join(sorted(unknown))}; there are {', '.join(p.name for p in PROOFS)}")
        return 2
    chosen = [proof for proof in PROOFS if not names or proof.name in names]
    FOLDER.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    if any(proof.command[0] == "cargo" for proof in chosen):
        subprocess.run([*engine_command()[:-2], "--no-run"], check=True)  # else two would wait for each other
    with ThreadPoolExecutor(AT_ONCE) as pool:
        at_once = list(pool.map(run, [proof for proof in chosen if not proof.alone]))
    verdicts = [verdict for group in (*at_once, *map(run, (p for p in chosen if p.alone))) for verdict in group]
    print("\n" + table(verdicts))
    missed = [verdict for verdict in verdicts if not verdict.holds]
    print(f"{len(verdicts) - len(missed)} of {len(verdicts)} rows reached in {(time.monotonic() - began) / 60:.0f} min")
    (FOLDER / "table.json").write_text(json.dumps([asdict(verdict) for verdict in verdicts], indent=1))
    return 1 if missed else 0


def run(proof: Proof) -> list[Verdict]:
    """Run one proof and say how it went; the end of what it said is shown when it failed."""
    began = time.monotonic()
    log = FOLDER / f"{proof.name.replace(' ', '_')}.log"
    with log.open("w") as file:
        status = next((status for status in (_status(proof, file) for _ in range(proof.times)) if status != 0), 0)
    said = log.read_text(errors="replace")
    verdicts = proof.verdicts(said, status == 0)
    holds = status == 0 and all(verdict.holds for verdict in verdicts)
    end = "" if holds else "\n" + "\n".join(said.splitlines()[-_SHOWN_LINES:]) + f"\nstatus: {status}; {log}"
    print(f"{'ok    ' if holds else 'FAILED'} {proof.name:14} {time.monotonic() - began:5.0f} s{end}", flush=True)
    if status != 0 and all(verdict.holds for verdict in verdicts):
        verdicts.append(Verdict(proof.name, "ends well", f"status {status}", False))
    return verdicts


def _status(proof: Proof, file: TextIO) -> int | str:
    environment = {**os.environ, **proof.environment}
    try:
        return subprocess.run(
            proof.command, stdout=file, stderr=subprocess.STDOUT, env=environment, timeout=proof.limit_s, check=False
        ).returncode
    except subprocess.TimeoutExpired:
        return f"not done after {proof.limit_s:.0f} s"


def table(verdicts: Iterable[Verdict]) -> str:
    """Return the rows as Markdown."""
    rows = [f"| {v.what} | {v.must} | {v.reached} | {'yes' if v.holds else '**no**'} |" for v in verdicts]
    return "\n".join(["| what | must reach | reached | |", "|---|---|---|---|", *rows])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
