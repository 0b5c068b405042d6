"""Schemas: the JSON that MLflow has, in both directions, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlake.errors import InvalidInput, InvalidType
from runlake.types import schema as ours
from runlake.types.kinds import merged
from tests.endurance.proofs import size
from tests.types.theirs import their_types

Build = Callable[[Any], Any]
"""Makes the same thing of the classes of a module, ours or MLflow's."""

NAMES = st.text(min_size=1, max_size=6)
SCALARS = st.sampled_from([kind.name for kind in ours.DataType])
DTYPES = st.sampled_from(["float32", "float64", "int8", "uint64", "bool", "str", "bytes", "object", "datetime64[ns]"])


def scalar(name: str) -> Build:
    return lambda types: types.DataType[name]


def array(inner: Build) -> Build:
    return lambda types: types.Array(inner(types))


def mapping(inner: Build) -> Build:
    return lambda types: types.Map(inner(types))


def an_object(properties: dict[str, tuple[Build, bool]]) -> Build:
    return lambda types: types.Object(
        [types.Property(name, kind(types), required) for name, (kind, required) in properties.items()]
    )


KINDS: st.SearchStrategy[Build] = st.recursive(
    st.one_of(SCALARS.map(scalar), st.just(lambda types: types.AnyType())),
    lambda inner: st.one_of(
        inner.map(array),
        inner.map(mapping),
        st.dictionaries(NAMES, st.tuples(inner, st.booleans()), min_size=1, max_size=3).map(an_object),
    ),
    max_leaves=8,
)


def columns(named: dict[str, tuple[Build, bool]]) -> Build:
    return lambda types: types.Schema(
        [types.ColSpec(kind(types), name, required) for name, (kind, required) in named.items()]
    )


def tensors(named: dict[str, tuple[str, list[int]]]) -> Build:
    return lambda types: types.Schema(
        [types.TensorSpec(np.dtype(dtype), tuple(shape), name) for name, (dtype, shape) in named.items()]
    )


SCHEMAS: st.SearchStrategy[Build] = st.one_of(
    st.dictionaries(NAMES, st.tuples(KINDS, st.booleans()), min_size=1, max_size=4).map(columns),
    KINDS.map(lambda kind: lambda types: types.Schema([types.ColSpec(kind(types))])),
    # MLflow itself reads these only here, not in objects and maps.
    st.just(lambda types: types.Schema([types.ColSpec(types.Array(types.SparkMLVector()))])),
    st.just(columns({"v": (lambda types: types.SparkMLVector(), False)})),
    st.dictionaries(NAMES, st.tuples(DTYPES, st.lists(st.integers(-1, 9), max_size=4)), min_size=1, max_size=3).map(
        tensors
    ),
)


@settings(max_examples=size(80, 200), deadline=None)
@given(SCHEMAS)
def test_a_schema_is_the_same_json_as_mlflows_and_each_reads_the_others(build: Build) -> None:
    theirs = their_types()
    mine, official = build(ours), build(theirs)
    assert mine.to_json() == official.to_json()
    assert ours.Schema.from_json(official.to_json()) == mine
    assert theirs.Schema.from_json(mine.to_json()).to_json() == mine.to_json()
    assert mine.input_names() == official.input_names()
    assert mine.required_input_names() == official.required_input_names()
    assert mine.optional_input_names() == official.optional_input_names()
    assert (mine.is_tensor_spec(), mine.has_input_names()) == (official.is_tensor_spec(), official.has_input_names())


PARAMETERS = {
    "boolean": st.booleans(),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32, allow_nan=False, allow_infinity=False),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "string": st.text(max_size=8),
    "datetime": st.datetimes(),
}


@st.composite
def parameters(draw: st.DrawFn) -> Build:
    specs = []
    for name in draw(st.lists(NAMES, unique=True, min_size=1, max_size=4)):
        kind = draw(st.sampled_from(sorted(PARAMETERS)))
        many = draw(st.booleans())
        default = draw(st.lists(PARAMETERS[kind], max_size=3) if many else st.none() | PARAMETERS[kind])
        if default is None and kind == "datetime":
            default = draw(PARAMETERS[kind])  # MLflow cannot write a time that is missing
        specs.append((name, kind, default, (-1,) if many else None))
    return lambda types: types.ParamSchema([types.ParamSpec(*spec) for spec in specs])


@settings(max_examples=100, deadline=None)
@given(parameters())
def test_parameters_are_the_same_json_as_mlflows_and_each_reads_the_others(build: Build) -> None:
    theirs = their_types()
    mine, official = build(ours), build(theirs)
    assert mine.to_json() == official.to_json()
    assert ours.ParamSchema.from_json(official.to_json()) == mine
    assert theirs.ParamSchema.from_json(mine.to_json()).to_json() == mine.to_json()


def test_older_files_say_optional_and_dtype() -> None:
    text = json.dumps(
        [{"type": "long", "name": "a", "optional": True}, {"type": "array", "items": {"type": "long"}, "name": "b"}]
    )
    assert [each.required for each in ours.Schema.from_json(text)] == [False, True]
    (spec,) = ours.ParamSchema.from_json('[{"name": "p", "dtype": "long", "default": 1}]')
    assert (spec.dtype, spec.default, spec.shape) == (ours.DataType.long, 1, None)


NESTED = '{"type": "array", "items": '


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        (f"[{NESTED * 200}1{'}' * 200}]", "more than 100 levels"),
        ("{}", "a JSON list"),
        ("[]", "at least one"),
        ("[1]", "a JSON object"),
        ('[{"name": "a"}]', "no 'type'"),
        ('[{"type": "quaternion"}]', "there is no type 'quaternion'"),
        ('[{"type": "array"}]', "no 'items'"),
        ('[{"type": "array", "items": "long"}]', "a JSON object"),
        ('[{"type": "object", "properties": {}}]', "at least one property"),
        ('[{"type": "object", "properties": []}]', "a JSON object"),
        ('[{"type": "tensor"}]', "no 'tensor-spec'"),
        ('[{"type": "tensor", "tensor-spec": {"dtype": "nothing", "shape": [1]}}]', "no dtype 'nothing'"),
        ('[{"type": "tensor", "tensor-spec": {"dtype": "int8", "shape": ["a"]}}]', "a tuple of sizes"),
        ('[{"type": "long", "name": "a"}, {"type": "long"}]', "not both"),
        ('[{"type": "long", "required": false}]', "cannot be optional"),
    ],
)
def test_what_is_no_schema_is_refused_with_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        ours.Schema.from_json(text)


def test_schemas_that_cannot_be_meant_are_refused() -> None:
    long, tensor = ours.ColSpec("long", "a"), ours.TensorSpec(np.dtype("int8"), (-1,))
    for wrong in ([], [long, tensor], [tensor, tensor], [long, ours.ColSpec("long")], (long,)):
        with pytest.raises(InvalidInput):
            ours.Schema(wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="twice: 'a'"):
        ours.Object([ours.Property("a", "long"), ours.Property("a", "string")])  # type: ignore[arg-type]
    with pytest.raises(InvalidType, match="not 3"):
        ours.Array(3)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="twice: 'p'"):
        ours.ParamSchema([ours.ParamSpec("p", "long", 1), ours.ParamSpec("p", "long", 1)])  # type: ignore[arg-type]


def test_a_length_of_texts_is_no_part_of_a_tensors_dtype() -> None:
    assert ours.TensorSpec(np.array(["abc"]).dtype, (-1,)) == ours.TensorSpec("str", [-1])
    assert ours.TensorSpec(np.float32, (-1, np.int64(3))).to_dict()["tensor-spec"] == {
        "dtype": "float32",
        "shape": [-1, 3],
    }
    for wrong in ((-2,), "ab", 3, (None, 3)):
        with pytest.raises(InvalidType, match="a tuple of sizes"):
            ours.TensorSpec(np.float32, wrong)  # type: ignore[arg-type]
    assert ours.TensorSpec(np.array([b"abc"]).dtype, (-1,)).type == np.dtype("bytes")


def test_scalars_have_the_numbers_and_dtypes_of_mlflow() -> None:
    for mine, official in zip(ours.DataType, their_types().DataType, strict=True):
        assert (mine.name, mine.value) == (official.name, official.value)
        assert mine.to_numpy() == official.to_numpy()
        assert mine.to_pandas() == official.to_pandas()
        assert mine.to_python() == official.to_python()
        assert ours.DataType.from_numpy_type(mine.to_numpy()) is mine
    schema = ours.Schema([ours.ColSpec("double", "a"), ours.ColSpec("string", "b")])  # type: ignore[arg-type]
    assert schema.pandas_types() == [np.dtype("float64"), object]
    assert schema.input_types_dict() == {"a": ours.DataType.double, "b": ours.DataType.string}


def test_signatures_are_read_and_written_without_numpy_and_pandas() -> None:
    program = """if True:
        import sys
        from runlake.models.signature import ModelSignature, infer_signature
        text = '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}}]'
        assert ModelSignature.from_dict({"inputs": text}).to_dict()["inputs"] == text
        infer_signature([{"a": 1, "b": ["x"]}], "text", {"p": [0.5]})
        print(*{"numpy", "pandas", "polars", "pyarrow", "scipy"} & set(sys.modules))"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "\n"


@settings(max_examples=100, deadline=None)
@given(st.lists(KINDS, min_size=2, max_size=3))
def test_merging_kinds_does_not_depend_on_their_order(builds: list[Build]) -> None:
    first, second = (build(ours) for build in builds[:2])

    def outcome(one: Any, other: Any) -> Any:
        try:
            return merged(one, other)
        except InvalidInput:
            return None

    assert outcome(first, second) == outcome(second, first)
    assert outcome(first, first) == first
    assert outcome(first, ours.AnyType()) == outcome(ours.AnyType(), first)
