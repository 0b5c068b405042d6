"""Hostile: a store whose every text wants to be a script, to turn the page around, or to be too much for it.

Whatever a page does with such a text, `window.ran` must stay undefined, and the page must stay one that can be read.
"""

from __future__ import annotations

import io
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from runlake import registry
from runlake.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from tests.ui.lakes import BEGAN_MS, Lake

SCRIPTS: Final = (
    "<script>window.ran = 1</script>",
    "<img src=x onerror='window.ran = 1'>",
    '"><svg onload="window.ran = 1">',
    "javascript:window.ran = 1",
    "</textarea></title></style><iframe srcdoc='<script>parent.ran = 1</script>'>",
    "${window.ran = 1}{{constructor.constructor('window.ran = 1')()}}",
)
TURNED: Final = (
    "\u202egnp.tidua\u202c",  # right to left from here
    "\u2067مرحبا\u2069 abc \u2066",  # an isolate that is not closed
    "שלום עולם — שלום 123",
    "a\u200bb\ufeffc\u00ad",  # letters that do not show
)
STRANGE: Final = (
    "",
    " ",
    "%",
    "%00%2e%2e",
    "..",
    "__proto__",
    "constructor",
    "toString",
    "null",
    "NaN",
    "a\tb\nc\r\nd\x07\x1b[31m",
    "👩‍👩‍👧‍👦🏴‍☠️",
    "Z" + "\u0335\u0322\u0489\u034f\u0345" * 60,
    "W" * 4000,
    "'\"`\\&amp;&lt;/?#[]@!$()*+,;=",
    "\ud7ff\uffff\U0010ffff",
)
TEXTS: Final = (*SCRIPTS, *TURNED, *STRANGE)
"""Texts for whatever takes any text."""

KEYS: Final = (
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "then",
    "1",
    "NaN",
    "a b",
    "a.b.c",
    "a/b/c",
    "وزن",
    "שלום",
    "ﬃ",
    "K" * 250,
)
"""Keys of parameters, metrics and tags: letters, digits, spaces and _ - . : / are all that they may have."""

MODEL: Final = "<img src=x onerror='window.ran = 1'> %2e \"quoted\" שלום"
MANY: Final = 12_000
FAR: Final = 2**53


@dataclass
class Hostile:
    """What there is to look at."""

    experiment: str
    other: str
    runs: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    wide: str = ""
    far: str = ""
    nan: str = ""
    versions: list[str] = field(default_factory=list)


def fill(lake: Lake) -> Hostile:
    """Put into a store what nobody should, and everybody can."""
    found = Hostile(
        lake.client.create_experiment("".join(SCRIPTS)[:400] + TURNED[0]), lake.experiment(STRANGE[13][:500])
    )
    for name in (*TURNED, "__proto__", "constructor", "%", "..", "👩‍👩‍👧‍👦", SCRIPTS[0]):
        lake.experiment(name)
    lake.client.set_experiment_tag(found.experiment, "mlflow.note.content", "\n\n".join(TEXTS) + "x" * 10_000)
    for place, text in enumerate(TEXTS):
        found.runs.append(_run(lake, found.experiment, place, text))
    found.wide, found.far, found.nan = _wide(lake, found), _far(lake, found), _nan(lake, found)
    found.files = _files(lake, found.runs[0])
    found.versions = _versions(lake, found)
    return found


def _run(lake: Lake, experiment: str, place: int, text: str) -> str:
    client = lake.client
    run_id = client.create_run(experiment, start_time=BEGAN_MS + place, run_name=text or "x").info.run_id
    params = [Param(key, TEXTS[(place + n) % len(TEXTS)]) for n, key in enumerate(KEYS)]
    tags = [RunTag(key, TEXTS[(place + n) % len(TEXTS)]) for n, key in enumerate(KEYS)]
    tags += [
        RunTag("mlflow.note.content", f"# {text}\n\n[{text}]({text})\n\n![{text}]({text})\n\n{text}"),
        RunTag("mlflow.user", text),
    ]
    tags += [
        RunTag("mlflow.source.name", text),
        RunTag("mlflow.source.git.commit", text),
        RunTag("mlflow.runName", text or "x"),
    ]
    metrics = [Metric(key, place + step / 10, BEGAN_MS + step, step) for key in KEYS for step in range(3)]
    client.log_batch(run_id, metrics, params, tags)
    data = Dataset(
        text[:400] or "x", "d" * 36, "<b>local</b>", json.dumps({"uri": text}), json.dumps({"__proto__": text}), text
    )
    client.log_inputs(run_id, [DatasetInput(data, [InputTag("mlflow.data.context", text[:400])])])
    client.set_terminated(run_id, ("FINISHED", "FAILED", "KILLED")[place % 3], BEGAN_MS + 60_000)
    return str(run_id)


def _wide(lake: Lake, found: Hostile) -> str:
    metrics = {f"block {n // 12:04}/{KEYS[n % 7]} {n}": float("nan") if n % 2 else float(n) for n in range(MANY)}
    return lake.run("wide", experiment=_name(lake, found.other), metrics=metrics)


def _far(lake: Lake, found: Hostile) -> str:
    values = [1.0, 5e-324, 1.7976931348623157e308, -1.7976931348623157e308, -0.0, 3.0]
    return lake.run("far", experiment=_name(lake, found.other), metrics={"loss": values}, first_step=FAR + 1)


def _nan(lake: Lake, found: Hostile) -> str:
    nothing = {
        "loss": [math.nan] * 50,
        "inf": [math.inf] * 5,
        "-inf": [-math.inf],
        "mixed": [1.0, math.nan, math.inf, -math.inf, 2.0],
    }
    params = dict(zip(KEYS, (math.nan, math.inf, -math.inf, "1e999", "0x10", "True"), strict=False))
    return lake.run("nan", experiment=_name(lake, found.other), metrics=nothing, params=params)


def _name(lake: Lake, experiment: str) -> str:
    return str(lake.client.get_experiment(experiment).name)


def _files(lake: Lake, run_id: str) -> list[str]:
    """Files of every kind that is previewed, with what that kind may have in it."""
    script = "<!doctype html><body><script>window.ran = 1; parent.ran = 1; top.ran = 1; alert(1)</script><h1>x</h1>"
    svg = "<svg xmlns='http://www.w3.org/2000/svg' onload='parent.ran = 1'><script>parent.ran = 1</script></svg>"
    table = pl.DataFrame({text[:200] or f"empty {n}": [text, None] for n, text in enumerate(TEXTS)})
    numbers = pl.DataFrame({f"column {n}": np.arange(3) * (FAR + 1.0) for n in range(2000)})
    files: dict[str, bytes] = {
        "page.html": script.encode(),
        "picture.svg": svg.encode(),
        "broken.png": b"\x89PNG\r\n\x1a\nno picture",
        "broken.parquet": b"PAR1 no table PAR1",
        "broken.json": b'{"a": [1, 2',
        "deep.json": b"[" * 5000 + b"]" * 5000,
        "proto.json": json.dumps({"__proto__": {"ran": 1}, "constructor": SCRIPTS[0], "far": 2**63}).encode(),
        "note.md": "\n\n".join(
            (*TEXTS, "[x](javascript:window.ran=1)", "<a href='javascript:window.ran=1'>x</a>")
        ).encode(),
        "console.log": ("\x1b[31mred\x1b[0m\r\n" + "\n".join(TEXTS)).encode(),
        "line.txt": b"<" * (1 << 20),
        "nul.txt": b"\x00\xff\xfe" * 1000,
        "table.csv": table.write_csv().encode(),
        "odd.csv": b'a,b\n"never closed\n1,2,3,4\n',
        "empty.txt": b"",
        "folder/MLmodel": b"flavors:\n  <script>: {a: !!python/object/apply:os.system [x]}\n",
        "a%2e%2e/<img src=x onerror='window.ran = 1'>.txt": b"x",
        "a%2e%2e/\u202egnp.exe": b"x",
        "a%2e%2e/#?&=.json": b"{}",
    }
    for path, content in files.items():
        lake.client.log_stream(run_id, io.BytesIO(content), path)
    for name, frame in (("table.parquet", table), ("numbers.parquet", numbers)):
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        lake.client.log_stream(run_id, io.BytesIO(buffer.getvalue()), name)
    return [*files, "table.parquet", "numbers.parquet"]


def _versions(lake: Lake, found: Hostile) -> list[str]:
    client = lake.client
    client.create_registered_model(
        MODEL, tags={key: TEXTS[n] for n, key in enumerate(KEYS)}, description="\n\n".join(TEXTS)
    )
    for name in ("__proto__", "constructor", "100%", "שלום", "a?b#c&d=e"):
        client.create_registered_model(name, description=SCRIPTS[0])
    versions = []
    for run_id in found.runs[:8]:
        made = client.create_model_version(
            MODEL, f"runs:/{run_id}/folder", run_id, description=SCRIPTS[1], tags={"note": SCRIPTS[2]}
        )
        versions.append(str(made.version))
    for alias in ("__proto__", "constructor", "وزن", "a" * 200):
        client.set_registered_model_alias(MODEL, alias, versions[0])
    return versions


def guard(root: Path) -> None:
    """Set a gate with hostile words on the model of a store that is filled."""
    import runlake

    runlake.set_tracking_uri(str(root))
    registry.set_gate(MODEL, "@champion", require="metrics.`a b` > 1e308", tags=["__proto__"], check=["constructor"])
    registry.post_check(MODEL, 1, "constructor", False, {"__proto__": SCRIPTS})
    registry.approve(MODEL, 1, "@champion", comment=SCRIPTS[1])
