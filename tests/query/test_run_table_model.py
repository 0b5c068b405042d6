"""After any sequence of changes the run table says what plain Python makes of the catalog's rows and of all points."""

from __future__ import annotations

import contextlib
import math
import os
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from runlake import query
from runlake.entities import Dataset, DatasetInput, InputTag, ViewType
from runlake.errors import InvalidInput, RunlakeError
from runlake.query import run_tables
from runlake.query.filter.nodes import Field, Form, Function, Kind, forms
from runlake.query.filter.order import parse_order
from runlake.query.filter.parser import parse_filter
from runlake.store import Store
from tests.query.plain import evaluate

# More of both make the same test a search, as in `make torture`, or with other seeds:
# RUNLAKE_TEST_MODEL_STEPS=200 RUNLAKE_TEST_MODEL_SEEDS=100:150
STEPS = int(os.environ.get("RUNLAKE_TEST_MODEL_STEPS", "40"))
SEEDS = range(*map(int, os.environ.get("RUNLAKE_TEST_MODEL_SEEDS", "0:4").split(":")))

PARAMS = {
    "ints": ["0", "-1", "+7", "-0", "9007199254740993", str(2**63 - 1), str(-(2**63)), "None", ""],
    "mixed": ["1", "+2", "3.5", ".5", "5.", "-0.0", "1e-3", "+.5E+3", "nan", "-inf", "Infinity", "null"],
    "flags": ["True", "false", "None"],
    "any.`key": ["True", "1", "it's", 'a"b\\', "a\x00b", "日本\U0001f600", "\u2028", "007", "1_000", " 1"],
    "huge": ["1" * 400, "1e999", "-1e999", "1e-999", str(2**63), "0.1" + "0" * 300, "4.9e-324", "0.30000000000000004"],
}
TAGS = {"team": ["a", "b", "it's", "\x00"], "mlflow.runName": ["x", "y"], "n": ["1", "2.5", "text", "nan"]}
METRICS = {
    "loss": [0.0, -0.0, 1.5, -2.25, math.nan, math.nan, math.inf, -math.inf, 5e-324, 1e300, 3.0],
    "val loss/é": [math.nan, 1.0, 2.0],
    "a.b-c:d": [0.0, -0.0, math.nan],
}
PLACES = [-(2**63), 2**63 - 2, 0, 0, 1, 2, 3, -1]
FUNCTIONS = ["", *(function.value for function in Function if function is not Function.LAST)]

Row: TypeAlias = dict[str, Any]
Point: TypeAlias = tuple[int, int, float]


def in_backticks(kind: str, key: str) -> str:
    return f'{kind}."{key}"' if "`" in key else f"{kind}.`{key}`"


# -- what the store should say


def order_of(value: float) -> tuple[bool, float, float]:
    """NaN is below every number, -0.0 below 0.0."""
    return (False, 0.0, 0.0) if math.isnan(value) else (True, value, math.copysign(1.0, value))


def summary(points: Sequence[Point], function: Function | None) -> float | None:
    """What a function makes of all points of a series."""
    in_order = sorted(points, key=lambda point: (point[0], point[1], order_of(point[2])))
    numbers = [(order_of(value), step, value) for step, _, value in points if not math.isnan(value)]
    match function:
        case None | Function.LAST:
            return in_order[-1][2]
        case Function.FIRST:
            return in_order[0][2]
        case Function.COUNT:
            return len(points)
        case Function.MEAN:
            values = [value for _, _, value in numbers]
            infinite = {value for value in values if math.isinf(value)}
            if infinite:
                return sum(infinite)
            return math.fsum(values) / len(values) if values else math.nan
    if not numbers:
        return None if function in (Function.ARGMIN, Function.ARGMAX) else math.nan
    lowest = function in (Function.MIN, Function.ARGMIN)
    place, _, value = min(numbers) if lowest else max(numbers)
    if function in (Function.MIN, Function.MAX):
        return value
    return min(step for other, step, _ in numbers if other == place)


class Expected:
    """Everything that is in a store, read without the run table."""

    def __init__(self, store: Store) -> None:
        rows = store.catalog.run_rows()
        self.rows: list[Row] = [
            {**dict(zip(rows.runs, values, strict=True)), "params": {}, "tags": {}, "datasets": [], "points": {}}
            for values in zip(*rows.runs.values(), strict=True)
        ]
        by_number = {row["run"]: row for row in self.rows}
        for run, key, value, kind, typed in zip(*rows.params.values(), strict=True):
            by_number[run]["params"][rows.names[key]] = (value, kind, typed)
        for run, key, value in zip(*rows.tags.values(), strict=True):
            by_number[run]["tags"][rows.names[key]] = value
        for run, *dataset in zip(*rows.inputs.values(), strict=True):
            by_number[run]["datasets"].append(dict(zip(("name", "digest", "context"), dataset, strict=True)))
        by_id = {row["run_id"]: row for row in self.rows}
        points = query.points(store).select("run_id", "key", "step", "timestamp", "value").collect()
        for run_id, key, *point in points.iter_rows():
            by_id[run_id]["points"].setdefault(key, []).append(tuple(point))

    def of(self, experiments: Sequence[str], view: int) -> Answers:
        """What is asked of some experiments."""
        return Answers([row for row in self.rows if row["experiment_id"] in experiments], view)


class Answers:
    """What queries should answer."""

    def __init__(self, rows: list[Row], view: int) -> None:
        self.all = rows
        stages = {ViewType.ACTIVE_ONLY: ["active"], ViewType.DELETED_ONLY: ["deleted"]}.get(view, ["active", "deleted"])
        self.rows = [row for row in rows if row["lifecycle_stage"] in stages]

    def kinds(self, key: str) -> set[int]:
        return {row["params"][key][1] for row in self.all if key in row["params"]} - {4}

    def value(self, row: Row, field: Field, form: Form) -> Any:
        """One field as filters and sorting see it."""
        match field.kind:
            case Kind.ATTRIBUTE if field.key == "duration":
                return None if row["end_time"] is None else row["end_time"] - row["start_time"]
            case Kind.ATTRIBUTE:
                return row[field.key]
            case Kind.METRIC:
                points = row["points"].get(field.key)
                return None if points is None else summary(points, field.function)
            case Kind.DATASET:
                found = [each[field.key] for each in row["datasets"] if each[field.key] is not None]
                return found if row["datasets"] else None
            case Kind.PARAM:
                return self._read(row["params"].get(field.key), form, self.kinds(field.key))
        text = row["tags"].get(field.key)
        if form is Form.TEXT or text is None:
            return text
        return {"1": 1.0, "2.5": 2.5, "nan": math.nan}.get(text) if form is Form.NUMBER else None

    @staticmethod
    def _read(param: tuple[str, int, Any] | None, form: Form, kinds: set[int]) -> Any:
        if param is None:
            return None
        text, kind, typed = param
        if form is Form.TEXT:
            return text
        if form is Form.FLAG:
            return bool(typed) if kind == 3 else None
        if kind not in (1, 2):
            return None
        number = math.nan if typed is None else typed
        return float(number) if 2 in kinds else number

    def typed(self, row: Row, key: str) -> Any:
        """A parameter in the type of its column."""
        kinds = self.kinds(key)
        form = Form.FLAG if kinds == {3} else Form.NUMBER if kinds and kinds <= {1, 2} else Form.TEXT
        return self._read(row["params"].get(key), form, kinds)

    def wide(self) -> list[Row]:
        params = {key for row in self.all for key in row["params"]}
        metrics = {key for row in self.all for key in row["points"]}
        tags = {key for row in self.all for key in row["tags"]}
        return [
            {
                **{name: row[name] for name in ("run_id", "run_name", "experiment_id", "status", "user_id")},
                **{name: row[name] for name in ("start_time", "end_time", "lifecycle_stage", "artifact_uri")},
                **{f"params.{key}": self.typed(row, key) for key in params},
                **{f"metrics.{key}": self.value(row, Field(Kind.METRIC, key), Form.NUMBER) for key in metrics},
                **{f"tags.{key}": row["tags"].get(key) for key in tags},
            }
            for row in self.rows
        ]

    def selected(self, where: str) -> list[Row]:
        condition = parse_filter(where)
        if condition is None:
            return self.rows
        wanted = forms(condition)
        values = [{each: self.value(row, *each) for each in wanted} for row in self.rows]
        return [row for row, known in zip(self.rows, values, strict=True) if evaluate(condition, known) is True]

    def sorted(self, rows: Sequence[Row], clauses: Sequence[str], *, typed: bool) -> list[str]:
        rows = sorted(rows, key=lambda row: (-row["start_time"], row["run_id"]))
        for order in reversed(parse_order(clauses)):
            form = Form.NUMBER if order.field.kind is Kind.METRIC else Form.TEXT
            is_typed = typed and order.field.kind is Kind.PARAM
            known = [
                (self.typed(row, order.field.key) if is_typed else self.value(row, order.field, form), row)
                for row in rows
            ]
            missing = [row for value, row in known if value is None]
            nan = [row for value, row in known if value != value]
            there = [each for each in known if each[0] is not None and each[0] == each[0]]
            there.sort(key=lambda each: each[0], reverse=order.descending)
            rows = [row for _, row in there] + nan + missing
        return [row["run_id"] for row in rows]


def same(mine: Any, other: Any) -> bool:
    """Whether two values are the same, to the bit where no mean is taken."""
    if isinstance(mine, float) and isinstance(other, float):
        return repr(mine) == repr(other)
    return type(mine) is type(other) and bool(mine == other)


# -- what is done to it


class World:
    """A store that two handles, as of two processes, log to."""

    def __init__(self, root: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.root = root
        self.stores = [Store.open(root), Store.open(root)]
        self.experiments = ["0"]
        self.runs: list[str] = []

    def step(self) -> None:
        chosen, number = self.random.choice(self.OPERATIONS), self.random.randint(1, 4)
        for _ in range(number):
            with contextlib.suppress(RunlakeError):  # a run that is deleted, a parameter that has a value
                chosen(self)

    def close(self) -> None:
        for store in self.stores:
            store.close()

    @property
    def store(self) -> Store:
        return self.random.choice(self.stores)

    @property
    def run(self) -> str:
        return self.random.choice(self.runs) if self.runs else self.new_run()

    def new_run(self) -> str:
        run_id = f"r{self.random.randrange(10**6):06}"
        if run_id in self.runs:
            return run_id
        self.store.create_run(
            *(run_id, self.random.choice(self.experiments)),
            name=self.random.choice("abc"),
            user_id="u",
            start_time=self.random.randint(0, 3),
            artifact_uri=self.random.choice([None, None, "/elsewhere"]),
            owned=False,
        )
        self.runs.append(run_id)
        return run_id

    def new_runs(self) -> None:
        for _ in range(self.random.choice([1, 2, 12])):
            self.new_run()

    def new_experiment(self) -> None:
        if len(self.experiments) < 4:
            self.experiments.append(self.store.catalog.create_experiment(f"e{len(self.experiments)}", now_ms=1))

    def delete_experiment(self) -> None:
        self.store.catalog.delete_experiment(self.random.choice(self.experiments[1:] or ["no"]))

    def restore_experiment(self) -> None:
        self.store.catalog.restore_experiment(self.random.choice(self.experiments[1:] or ["no"]))

    def delete_run(self) -> None:
        self.store.catalog.delete_run(self.run)

    def restore_run(self) -> None:
        self.store.catalog.restore_run(self.run)

    def log_params(self) -> None:
        keys = self.random.sample(sorted(PARAMS), 2)
        extra = {f"p{self.random.randrange(30)}": self.random.choice(["1", "x", "0.5"])}
        values = {key: self.random.choice(PARAMS[key]) for key in keys}
        self.store.record(self.run, params={**values, **(extra if self.random.random() < 0.2 else {})})

    def set_tag(self) -> None:
        key = self.random.choice(sorted(TAGS))
        self.store.record(self.run, tags={key: self.random.choice(TAGS[key])})

    def delete_tag(self) -> None:
        self.store.record(self.run, deleted_tags=[self.random.choice(["team", "n"])])

    def update(self) -> None:
        status = self.random.choice(["RUNNING", "FINISHED", "FAILED", "KILLED"])
        self.store.record(self.run, status=status, end_time=self.random.choice([0, 5, 2**62]), name="renamed")

    def log_inputs(self) -> None:
        dataset = Dataset(self.random.choice("dD"), self.random.choice("12"), "local", "{}")
        tags = [InputTag("mlflow.data.context", self.random.choice(["train", "test"]))]
        self.store.catalog.log_inputs(self.run, [DatasetInput(dataset, tags[: self.random.randint(0, 1)])])

    def log_points(self) -> None:
        logger, key = self.store.run_logger(self.run), self.random.choice(list(METRICS))
        for _ in range(self.random.choice([1, 3])):
            place, value = self.random.choice(PLACES), self.random.choice(METRICS[key])
            logger.log_metric(key, value, step=place, timestamp=self.random.choice([0, 1, 2**60]))

    def seal(self) -> None:
        self.store.seal()

    def end_a_process(self) -> None:
        self.stores[1].close()
        self.stores[1] = Store.open(self.root)

    def remove_cache(self) -> None:
        shutil.rmtree(self.root / "cache", ignore_errors=True)

    def query_from_elsewhere(self) -> None:
        other = Store.open(self.root)
        query.runs(other, view=ViewType.ALL).collect()
        other.close()

    OPERATIONS: tuple[Callable[[World], object], ...] = (
        *(new_runs, new_experiment, delete_experiment, restore_experiment, delete_run, restore_run),
        *(log_params, log_params, log_params, set_tag, delete_tag, update, log_inputs),
        *(log_points, log_points, log_points, log_points, seal, end_a_process, remove_cache, query_from_elsewhere),
    )

    # -- questions

    def field(self) -> str:
        function, metric = self.random.choice(FUNCTIONS), in_backticks("metrics", self.random.choice(list(METRICS)))
        return self.random.choice(
            [
                f"{function}({metric})" if function else metric,
                in_backticks("params", self.random.choice(sorted(PARAMS))),
                in_backticks("tags", self.random.choice(["team", "n"])),
                self.random.choice(["start_time", "end_time", "duration", "status", "run_name"]),
            ]
        )

    def condition(self) -> str:
        number = self.random.choice(["0", "1", "-1", "0.5", "2.5", "1e300", "9007199254740993", str(2**63 - 1)])
        text = self.random.choice(["'a'", "'1'", "'007'", "'FINISHED'", "'x'", "''", "'5.'", "'nan'"])
        sign = self.random.choice(["=", "!=", "<", ">", "<=", ">="])
        kind = self.random.choice(["number", "number", "text", "null", "dataset"])
        if kind == "dataset":
            name = self.random.choice(["name = 'd'", "context = 'train'", "digest != '1'", "context IS NULL"])
            return f"datasets.{name}"
        field = self.field()
        if kind == "null":
            return f"{field} IS {self.random.choice(['', 'NOT '])}NULL"
        if field in ("status", "run_name") or (kind == "text" and field.startswith(("params", "tags"))):
            return f"{field} {self.random.choice(['=', '!='])} {text}"
        if field.endswith(("_time", "duration")):
            number = self.random.choice(["0", "1", "2", "5"])
        return f"{field} {sign} {number}"

    def where(self) -> str:
        first, second = self.condition(), self.condition()
        return self.random.choice([first, first, f"{first} OR {second}", f"{first} AND NOT ({second})"])

    def check(self) -> None:
        """Ask everything in one state of the store."""
        expected = Expected(self.stores[0])
        for store in self.stores:
            chosen = self.random.sample(self.experiments, self.random.randint(1, len(self.experiments)))
            view = self.random.choice([ViewType.ACTIVE_ONLY, ViewType.ALL, ViewType.DELETED_ONLY])
            answers = expected.of(chosen, view)
            questions = [self._frame, self._filters, self._search, self._listing]
            self.random.shuffle(questions)
            for question in questions:
                question(store, chosen, view, answers)

    def _frame(self, store: Store, chosen: list[str], view: int, answers: Answers) -> None:
        frame = query.runs(store, chosen, view=view).collect()
        wanted = answers.wide()
        assert frame["run_id"].to_list() == [row["run_id"] for row in wanted]
        if answers.all:
            everywhere = Answers(answers.all, ViewType.ALL).wide()[0]
            assert {*frame.columns} == {*everywhere, "duration"}
        for name in wanted[0] if wanted else ():
            column = frame[name].to_physical().to_list()
            off = [
                (row["run_id"], value, row[name])
                for row, value in zip(wanted, column, strict=True)
                if not same(value, row[name])
            ]
            assert not off, (name, off)

    def _filters(self, store: Store, chosen: list[str], view: int, answers: Answers) -> None:
        for _ in range(6):
            where = self.where()
            found = query.runs(store, chosen, where, view).select("run_id").collect()["run_id"].to_list()
            assert found == [row["run_id"] for row in answers.selected(where)], where

    def _search(self, store: Store, chosen: list[str], view: int, answers: Answers) -> None:
        where = self.random.choice(["", self.where()])
        orders = list(dict.fromkeys(self.field() for _ in range(self.random.randint(0, 2))))
        clauses = [field + self.random.choice([" DESC", " ASC", ""]) for field in orders]
        page = query.search_runs(store, chosen, where, view, 1000, clauses)
        ids = answers.sorted(answers.selected(where), clauses, typed=False)
        assert [run.info.run_id for run in page] == ids, (where, clauses)
        rows = {row["run_id"]: row for row in answers.rows}
        for run in page:
            row = rows[run.info.run_id]
            assert run.data.params == {key: value for key, (value, _, _) in row["params"].items()}
            assert run.data.tags == row["tags"]
            latest = {key: summary(points, None) for key, points in row["points"].items()}
            assert {key: repr(value) for key, value in run.data.metrics.items()} == {
                key: repr(value) for key, value in latest.items()
            }
            assert sorted(each.dataset.name for each in run.inputs.dataset_inputs) == sorted(
                each["name"] for each in row["datasets"]
            )

    def _listing(self, store: Store, chosen: list[str], view: int, answers: Answers) -> None:
        where = self.random.choice(["", self.where()])
        clauses = [self.field() + self.random.choice([" DESC", ""])]
        limit = self.random.choice([None, 1, 3])
        with contextlib.suppress(InvalidInput):  # no run has what is sorted by
            listing = query.list_runs(store, chosen, where, view, order_by=clauses, limit=limit)
            ids = answers.sorted(answers.selected(where), clauses, typed=True)
            assert listing.total == len(ids)
            assert listing.frame["run_id"].to_list() == ids[:limit], (where, clauses)


@pytest.fixture(autouse=True)
def small_experiments_have_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_tables, "_SMALL", 5)
    monkeypatch.setattr(run_tables, "_MANY_CHANGES", 8)


@pytest.fixture
def world(tmp_path: Path, seed: int) -> Iterator[World]:
    made = World(tmp_path / "lake", seed)
    yield made
    made.close()


@pytest.mark.timeout(60 + 2 * STEPS)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_run_table_says_what_plain_python_says(world: World) -> None:
    for _ in range(STEPS):
        world.step()
        world.check()
