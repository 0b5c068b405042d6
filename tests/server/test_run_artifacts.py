"""Artifacts as the page of a run has them: listed, sent to be shown without running, and tables read in parts."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import polars as pl
import pytest

from tests.server.wire import Answer, Server, served

API = "/api/runlake/v1/"
SECRET_NAME = "<img src=x onerror=alert(1)> ü.html"


@pytest.fixture(scope="module")
def run_id(server: Server) -> str:
    """A run with an artifact of every kind."""
    run = server.create_run()
    wide = pl.DataFrame({f"c{n}": [n] for n in range(300)})
    files = {
        "plots/a.png": b"\x89PNG",
        "plots/b.SVG": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "data.parquet": parquet(pl.DataFrame({"n": range(5000), "text": [f"row {n}" for n in range(5000)]})),
        "wide.parquet": parquet(wide),
        "nested.parquet": parquet(
            pl.DataFrame(
                {
                    "list": [[1, None], None],
                    "struct": [{"a": "x"}, {"a": None}],
                    "bytes": [b"\x00\xff", None],
                    "number": [float("nan"), float("-inf")],
                    "big": [2**62, -1],
                    "time": pl.Series([0, 1], dtype=pl.Datetime("ms", "UTC")),
                    "took": pl.Series([0, 1500], dtype=pl.Duration("ms")),
                    "<b>": [True, None],
                }
            )
        ),
        "rows.csv": 'a,b,b\n1,"x, y",\n002,é\n3,z,1,2\n'.encode(),
        "quoted.tsv": b'a\tb\n"open\t1\n',
        "empty.csv": b"",
        "lines.jsonl": b'{"a": 1, "b": [1, 2]}\n\n{"b": null, "c": "x"}\n7\n',
        "logged.json": json.dumps({"columns": ["q", 2], "data": [["a", None], [{"x": 1}]]}).encode(),
        "plain.json": b'{"columns": 1}',
        "broken.jsonl": b"{",
        "broken.parquet": b"PAR1 not at all",
        SECRET_NAME: b"<script>alert(1)</script>",
        "note.md": b"# x",
        "doc.pdf": b"%PDF-1.4",
        "sound.mp3": b"ID3",
        "film.webm": b"\x1a\x45",
        "model/MLmodel": b"flavors:\n  sklearn: {version: 1.9}\nutc_time_created: 2026-11-26 09:40:15\n",
        "broken/MLmodel": b"a: !!python/object/apply:os.system [id]\n",
        "list/MLmodel": b"- 1",
        "model/weights": b"12345",
        "train.py": b"print(1)",
    }
    for path, content in files.items():
        put = server.send("PUT", f"/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/{quote(path)}", content)
        assert put.status == 200, (path, put)
    return run


def parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def get(server: Server, run_id: str, what: str = "", headers: dict[str, str] | None = None, /, **fields: Any) -> Answer:
    return server.send("GET", f"{API}runs/{run_id}/artifacts{what}?{urlencode(fields)}", headers=headers)


def table(server: Server, run_id: str, path: str, **fields: Any) -> tuple[pl.DataFrame, dict[str, Any], int]:
    answer = get(server, run_id, "/table", path=path, **fields)
    assert answer.status == 200, answer.body
    (size,) = map(int, answer.headers["x-runlake-parts"].split(","))
    rows = int(answer.headers["x-runlake-total"])
    return pl.read_ipc_stream(answer.body[:size]), json.loads(answer.body[size:]), rows


# -- listed


def test_a_folder_is_listed_with_as_what_each_file_can_be_shown(server: Server, run_id: str) -> None:
    listed = get(server, run_id).json
    kinds = {file["name"]: file["kind"] for file in listed["files"]}
    assert list(kinds)[:4] == ["broken", "list", "model", "plots"], "folders come first"
    assert kinds | {"model": "model", "plots": "folder", SECRET_NAME: "html", "doc.pdf": "pdf"} == kinds
    assert kinds | {"sound.mp3": "audio", "film.webm": "video", "note.md": "markdown", "train.py": "text"} == kinds
    assert kinds | {"data.parquet": "table", "rows.csv": "table", "plain.json": "json"} == kinds
    assert listed["total"] == len(listed["files"])
    inside = get(server, run_id, path="model").json["files"]
    assert [(file["path"], file["kind"], file["size"], file["is_dir"]) for file in inside] == [
        ("model/MLmodel", "model", 73, False),
        ("model/weights", "binary", 5, False),
    ]
    assert [file["kind"] for file in get(server, run_id, path="plots").json["files"]] == ["image", "image"]


def test_a_listing_is_given_in_pages(server: Server, run_id: str) -> None:
    whole = get(server, run_id).json
    pages = [get(server, run_id, offset=start, limit=7).json["files"] for start in range(0, whole["total"], 7)]
    assert [file for page in pages for file in page] == whole["files"]
    assert get(server, run_id, name="train.py").json == {
        "files": [file for file in whole["files"] if file["name"] == "train.py"],
        "total": 1,
    }
    assert get(server, run_id, name="nothing").json == {"files": [], "total": 0}


def test_a_table_of_json_that_was_logged_as_one_is_a_table(server: Server) -> None:
    run = server.create_run()
    place = f"/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts"
    for name in ("eval.json", "other.json"):
        server.send("PUT", f"{place}/{name}", b'{"columns": ["a"], "data": [[1]]}')
    tag = json.dumps([{"path": "eval.json", "type": "table"}])
    server.post("runs/set-tag", run_id=run, key="mlflow.loggedArtifacts", value=tag)
    kinds = {file["name"]: file["kind"] for file in get(server, run).json["files"]}
    assert kinds == {"eval.json": "table", "other.json": "json"}
    server.post("runs/set-tag", run_id=run, key="mlflow.loggedArtifacts", value='[{"type": "table"}, 1]')
    assert {file["kind"] for file in get(server, run).json["files"]} == {"json"}


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"path": "../x"}, 400, "may not leave"),
        ({"path": "/etc"}, 400, "is absolute"),
        ({"path": "nothing"}, 404, "no artifact folder 'nothing'"),
        ({"path": "train.py"}, 404, "no artifact folder 'train.py'"),
        ({"limit": 0}, 400, "limit 0"),
        ({"limit": 1001}, 400, "limit 1001"),
        ({"offset": -1}, 400, "offset is -1"),
    ],
)
def test_what_cannot_be_listed_is_refused(
    server: Server, run_id: str, fields: dict[str, Any], status: int, said: str
) -> None:
    answer = get(server, run_id, **fields)
    assert answer.status == status
    assert said in answer.json["message"]


# -- sent


@pytest.mark.parametrize("path", [SECRET_NAME, "plots/b.SVG", "train.py", "note.md", "plain.json"])
def test_what_a_browser_shows_of_a_run_never_runs_here(server: Server, run_id: str, path: str) -> None:
    answer = get(server, run_id, "/raw", path=path)
    policy = [part.strip() for part in answer.headers["content-security-policy"].split(";")]
    assert answer.status == 200
    assert {"sandbox", "default-src 'none'", "form-action 'none'", "frame-ancestors 'self'"} <= set(policy)
    assert not any("allow" in part or part.startswith("script-src") for part in policy)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith("inline")


def test_files_are_what_they_say_and_what_is_not_known_is_only_saved(server: Server, run_id: str) -> None:
    types = {
        SECRET_NAME: "text/html; charset=utf-8",
        "plots/a.png": "image/png",
        "doc.pdf": "application/pdf",
        "sound.mp3": "audio/mpeg",
        "film.webm": "video/webm",
        "rows.csv": "text/plain; charset=utf-8",
        "model/MLmodel": "text/plain; charset=utf-8",
        "model/weights": "application/octet-stream",
        "data.parquet": "application/octet-stream",
    }
    answers = {path: get(server, run_id, "/raw", path=path) for path in types}
    assert {path: answer.headers["content-type"] for path, answer in answers.items()} == types
    for path in ("model/weights", "data.parquet"):
        assert answers[path].headers["content-disposition"].startswith("attachment")
    saved = get(server, run_id, "/raw", path=SECRET_NAME, download=1)
    assert saved.headers["content-disposition"] == f"attachment; filename*=UTF-8''{quote(SECRET_NAME, safe='')}"
    assert saved.body == b"<script>alert(1)</script>"


def test_a_part_of_a_file_is_sent_and_what_the_client_has_is_not(server: Server, run_id: str) -> None:
    def raw(**headers: str) -> Answer:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return get(server, run_id, "/raw", given, path="model/weights")

    tag = raw().headers["etag"]
    part = raw(Range="bytes=1-2")
    assert (part.status, part.body, part.headers["content-range"]) == (206, b"23", "bytes 1-2/5")
    assert raw(Range="bytes=-2").body == b"45"
    beyond = raw(Range="bytes=9-")
    assert (beyond.status, beyond.headers["content-range"]) == (416, "bytes */5")
    assert (raw(If_None_Match=tag).status, raw(If_None_Match=tag).body) == (304, b"")
    assert raw(Range="bytes=1-2", If_Range=tag).status == 206
    assert (raw(Range="bytes=1-2", If_Range='"old"').status, raw().body) == (200, b"12345")


@pytest.mark.parametrize(
    ("path", "status"), [("", 400), ("nothing", 404), ("model", 400), ("../../x", 400), ("a\\b", 400)]
)
@pytest.mark.parametrize("what", ["/raw", "/table", "/model"])
def test_what_is_no_file_is_not_sent(server: Server, run_id: str, path: str, status: int, what: str) -> None:
    answer = get(server, run_id, what, path=path)
    assert answer.status == status
    assert str(server.store) not in answer.json["message"]
    assert get(server, "nobody", what, path="train.py").status == 404


def test_what_a_model_says_of_itself_is_read_and_does_nothing(server: Server, run_id: str) -> None:
    found = get(server, run_id, "/model", path="model/MLmodel").json
    assert found["model"] == {"flavors": {"sklearn": {"version": 1.9}}, "utc_time_created": "2026-11-26 09:40:15"}
    assert found["error"] is None
    broken = get(server, run_id, "/model", path="broken/MLmodel").json
    assert broken["model"] is None
    assert "python/object" in broken["error"]
    assert "keys and values" in get(server, run_id, "/model", path="list/MLmodel").json["error"]


def test_an_empty_file_is_sent_whole_whatever_part_is_asked_for(server: Server, run_id: str) -> None:
    for part in ("bytes=0-9", "bytes=-9"):
        answer = get(server, run_id, "/raw", {"Range": part}, path="empty.csv")
        assert (answer.status, answer.body) == (200, b"")


# -- tables


def test_rows_of_a_parquet_file_are_read_where_they_are(server: Server, run_id: str) -> None:
    frame, notes, total = table(server, run_id, "data.parquet", offset=4998, limit=10)
    assert frame.rows() == [("4998", "row 4998"), ("4999", "row 4999")]
    assert notes["columns"] == [{"name": "n", "type": "Int64"}, {"name": "text", "type": "String"}]
    assert (total, notes["width"], notes["whole"]) == (5000, 2, True)
    assert table(server, run_id, "data.parquet", offset=2**62)[0].height == 0


def test_columns_of_a_wide_table_are_looked_at_in_parts(server: Server, run_id: str) -> None:
    frame, notes, _ = table(server, run_id, "wide.parquet", column=298, columns=50)
    assert ([column["name"] for column in notes["columns"]], notes["width"]) == (["c298", "c299"], 300)
    assert frame.rows() == [("298", "299")]


def test_whatever_a_cell_holds_is_shown_as_text(server: Server, run_id: str) -> None:
    frame, notes, _ = table(server, run_id, "nested.parquet")
    assert frame.rows() == [
        ("[1, null]", '{"a": "x"}', "0x00ff", "NaN", str(2**62), "1970-01-01 00:00:00.000+00:00", "0:00:00", "true"),
        (None, '{"a": null}', None, "-inf", "-1", "1970-01-01 00:00:00.001+00:00", "0:00:01.500000", None),
    ]
    assert notes["columns"][-1] == {"name": "<b>", "type": "Boolean"}
    cut, _, _ = table(server, run_id, "nested.parquet", characters=3)
    assert cut["0"].to_list() == ["[1,…", None]


def test_cells_of_text_files_are_as_they_are_written(server: Server, run_id: str) -> None:
    frame, notes, total = table(server, run_id, "rows.csv")
    assert frame.rows() == [("1", "x, y", None), ("002", "é", None), ("3", "z", "1")]
    assert (len({column["name"] for column in notes["columns"]}), total) == (3, 3)
    assert table(server, run_id, "quoted.tsv")[0].rows() == [('"open', "1")]
    assert table(server, run_id, "empty.csv")[2] == 0


def test_lines_and_documents_of_json_are_tables(server: Server, run_id: str) -> None:
    frame, notes, total = table(server, run_id, "lines.jsonl")
    assert [column["name"] for column in notes["columns"]] == ["a", "b", "c", "value"]
    assert frame.rows() == [("1", "[1, 2]", None, None), (None, None, "x", None), (None, None, None, "7")]
    assert total == 3
    frame, notes, _ = table(server, run_id, "logged.json")
    assert [column["name"] for column in notes["columns"]] == ["q", "2"]
    assert frame.rows() == [("a", None), ('{"x": 1}', None)]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"path": "train.py"}, "'train.py' is no table"),
        ({"path": "model/weights"}, "'weights' is no table"),
        ({"path": "broken.parquet"}, "cannot be read as PARQUET"),
        ({"path": "broken.jsonl"}, "cannot be read as JSONL"),
        ({"path": "plain.json"}, "the JSON is no table"),
        ({"path": "rows.csv", "limit": 501}, "limit is 501"),
        ({"path": "rows.csv", "offset": -1}, "offset is -1"),
        ({"path": "rows.csv", "columns": 0}, "columns is 0"),
        ({"path": "rows.csv", "characters": 10_001}, "characters is 10001"),
        ({"path": "rows.csv", "limit": "x"}, "it must be a whole number"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(
    server: Server, run_id: str, fields: dict[str, Any], said: str
) -> None:
    answer = get(server, run_id, "/table", **fields)
    assert answer.mistake == (400, "INVALID_PARAMETER_VALUE")
    assert said in answer.json["message"]


def test_of_a_long_text_file_whole_lines_of_the_beginning_are_shown(server: Server) -> None:
    run = server.create_run()
    place = f"/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts"
    server.send("PUT", f"{place}/long.csv", b"a,b\n" + b"1,0123456789abcde\n" * 600_000)
    server.send("PUT", f"{place}/line.csv", b"x" * (9 << 20))
    server.send("PUT", f"{place}/many.csv", b"," * 30_000)
    frame, notes, total = table(server, run, "long.csv", offset=400_000)
    assert (frame.row(99), notes["whole"]) == (("1", "0123456789abcde"), False)
    assert (8 << 20) // 18 - 2 <= total <= (8 << 20) // 18
    assert "first line has more than" in get(server, run, "/table", path="line.csv").json["message"]
    assert "30,001 fields" in get(server, run, "/table", path="many.csv").json["message"]


def test_short_files_that_come_to_terabytes_are_looked_at_like_others(server: Server) -> None:
    run = server.create_run()
    place = f"/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts"
    keys = [{f"k{row}_{n}": 1 for n in range(500)} for row in range(500)]
    heavy = pl.DataFrame({"bytes": [b"\0" * 2**20] * 200, "text": ["x" * 2**20] * 200})
    nested = pl.DataFrame({"list": [["y"], ["y" * 2**20] * 32]})
    files = {
        "ragged.csv": ",".join(["c"] * 20_000).encode() + b"\n" + b"x\n" * 200_000,
        "keys.jsonl": "\n".join(map(json.dumps, keys)).encode(),
        "wide.json": json.dumps({"columns": [0] * 1_000_000, "data": [[]] * 500}).encode(),
        "heavy.parquet": parquet(heavy),
        "nested.parquet": parquet(nested),
        "named.parquet": parquet(pl.DataFrame({"name": pl.Series(["z" * 2**22, None] * 250, dtype=pl.Categorical)})),
        "packed.parquet": parquet(pl.select(pl.zeros(2**23, pl.Int64).implode(), n=1)),
    }
    for path, content in files.items():
        assert server.send("PUT", f"{place}/{path}", content).status == 200
    frame, notes, total = table(server, run, "ragged.csv", limit=500, columns=100)
    assert (frame.shape, total, notes["width"], notes["whole"]) == ((419, 100), 419, 20_000, False)
    frame, notes, _ = table(server, run, "keys.jsonl", limit=500, column=249_998)
    assert (frame.shape, notes["width"], frame.row(499)) == ((500, 2), 250_000, ("1", "1"))
    frame, notes, _ = table(server, run, "wide.json", limit=500, column=999_999)
    assert (frame.shape, notes["width"]) == ((500, 1), 1_000_000)
    frame, _, _ = table(server, run, "heavy.parquet", limit=500)
    assert frame.row(199) == ("0x" + "0" * 198 + "…", "x" * 200 + "…")
    frame, _, _ = table(server, run, "nested.parquet", limit=500)
    assert frame["0"].to_list() == ['["y"]', "[List(String) of 33,555,488 bytes]"]
    frame, _, _ = table(server, run, "named.parquet", limit=500)
    assert frame["0"].to_list() == ["z" * 200 + "…", None] * 250
    frame, _, _ = table(server, run, "packed.parquet")
    assert frame.rows() == [("[List(Int64) of 201,326,612 bytes]", "1")], "its page says once what all of them are"
    assert _peak_bytes(server) < 1 << 30


def test_one_column_is_unpacked_at_a_time(tmp_path: Path) -> None:
    packed = io.BytesIO()
    pl.DataFrame({f"c{n}": ["x" * 2**26] for n in range(6)}).write_parquet(packed)
    with served(tmp_path) as server:
        run = server.create_run()
        place = f"/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts"
        assert server.send("PUT", f"{place}/packed.parquet", packed.getvalue()).status == 200
        frame, _, _ = table(server, run, "packed.parquet")
        assert frame.row(0) == ("x" * 200 + "…",) * 6
        assert _peak_bytes(server) < 1 << 30, "all of them at once took more"


def test_names_of_columns_are_no_patterns(server: Server) -> None:
    run = server.create_run()
    place = f"/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts"
    server.send("PUT", f"{place}/a.csv", b"a,^.*$,*\n1,2,3\n")
    server.send("PUT", f"{place}/a.parquet", parquet(pl.DataFrame({"a": [1], "^.*$": [2], "*": [3]})))
    for path in ("a.csv", "a.parquet"):
        frame, notes, _ = table(server, run, path, column=1)
        assert [column["name"] for column in notes["columns"]] == ["^.*$", "*"]
        assert frame.rows() == [("2", "3")]


def test_a_link_in_a_folder_does_not_hide_the_others(server: Server) -> None:
    run = server.create_run()
    place = f"/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts"
    server.send("PUT", f"{place}/model/weights", b"1")
    (server.store / "artifacts" / "0" / run / "model" / "MLmodel").symlink_to("/etc/passwd")
    assert [(file["path"], file["kind"]) for file in get(server, run).json["files"]] == [("model", "folder")]
    assert get(server, run, "/model", path="model/MLmodel").status == 400


def _peak_bytes(server: Server) -> int:
    """Return the most memory that the server has had so far."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10
