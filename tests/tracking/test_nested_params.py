"""log_config's flattening: which leaves a configuration has, and under which keys."""

import argparse
import dataclasses
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest

from runlake.errors import InvalidInput, InvalidType
from runlake.nested_params import flatten


@dataclasses.dataclass
class Optimizer:
    lr: float = 0.1
    betas: tuple[float, float] = (0.9, 0.99)


@dataclasses.dataclass
class Setup:
    name: str = "sgd"
    optimizer: Optimizer = dataclasses.field(default_factory=Optimizer)


def test_nested_mappings_get_dotted_keys_in_their_order() -> None:
    config = OrderedDict(b={"y": 1, "x": {"deep": None}}, a=True)
    assert list(flatten(config).items()) == [("b.y", 1), ("b.x.deep", None), ("a", True)]


def test_dataclasses_and_namespaces_nest() -> None:
    namespace = argparse.Namespace(setup=Setup(), epochs=3)
    assert flatten(namespace) == {
        "setup.name": "sgd",
        "setup.optimizer.lr": 0.1,
        "setup.optimizer.betas": [0.9, 0.99],
        "epochs": 3,
    }


def test_omegaconf_is_resolved() -> None:
    omegaconf = pytest.importorskip("omegaconf")
    config = omegaconf.OmegaConf.create({"lr": 0.1, "opt": {"lr": "${lr}", "layers": [64, 32]}, "stages": [{"n": 1}]})
    assert flatten(config) == {"lr": 0.1, "opt.lr": 0.1, "opt.layers": [64, 32], "stages.0.n": 1}
    assert flatten({"model": config})["model.opt.lr"] == 0.1


def test_a_list_of_values_is_one_value_and_a_list_of_configurations_nests() -> None:
    assert flatten({"layers": [1, 2], "stages": [{"n": 1}, {"n": 2}]}) == {
        "layers": [1, 2],
        "stages.0.n": 1,
        "stages.1.n": 2,
    }


def test_empty_containers_are_kept_as_values() -> None:
    assert flatten({"extra": {}, "layers": []}) == {"extra": {}, "layers": []}


def test_paths_and_numpy_scalars_become_plain() -> None:
    numpy = pytest.importorskip("numpy")
    flat = flatten({"path": Path("a/b"), "lr": numpy.float32(0.5), "n": numpy.int64(3)})
    assert flat == {"path": "a/b", "lr": 0.5, "n": 3}
    assert [type(value) for value in flat.values()] == [str, float, int]


def test_prefix_goes_in_front() -> None:
    assert flatten({"lr": 1}, prefix="model") == {"model.lr": 1}


@pytest.mark.parametrize("config", [3, "text", None, [1, 2], Setup])
def test_what_has_no_named_fields_is_refused(config: Any) -> None:
    with pytest.raises(InvalidType, match="configuration"):
        flatten(config)


def test_two_leaves_with_one_key_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"'a\.b'"):
        flatten({"a": {"b": 1}, "a.b": 2})


def test_a_configuration_that_holds_itself_is_refused() -> None:
    config: dict[str, Any] = {}
    config["self"] = config
    with pytest.raises(InvalidInput, match="deeper"):
        flatten(config)


def test_an_empty_key_is_refused() -> None:
    with pytest.raises(InvalidInput, match="empty key"):
        flatten({"a": {"": 1}})
