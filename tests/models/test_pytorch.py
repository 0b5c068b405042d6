"""Models of PyTorch: programs, weights and pickles, both ways to and from MLflow, and no code that runs unasked.

They run where `torch` can be imported; docs/models.md says how to have that.
"""

import json
import logging
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

import runlake
from runlake.errors import Corrupt, InvalidInput, InvalidType, Untrusted
from tests.models.flavor_rules import changed, check_arguments, keys_of, loaded_by_mlflow, saved_by_mlflow

torch = pytest.importorskip(
    "torch", reason="PyTorch is not installed: pip install 'runlake[pytorch]'", exc_type=ImportError
)
pytest.importorskip("safetensors", reason="safetensors is not installed: pip install 'runlake[pytorch]'")

pytestmark = [
    pytest.mark.timeout(180),  # the first export imports PyTorch's compilers
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),  # of PyTorch's own modules
]


class Net(torch.nn.Module):  # type: ignore[misc, name-defined]
    """A small network whose training differs from its predictions."""

    def __init__(self, hidden: int = 4) -> None:
        super().__init__()
        self.first = torch.nn.Linear(3, hidden)
        self.dropout = torch.nn.Dropout(0.5)
        self.norm = torch.nn.BatchNorm1d(hidden)
        self.last = torch.nn.Linear(hidden, 2)

    def forward(self, x: Any) -> Any:
        return self.last(torch.relu(self.norm(self.dropout(self.first(x)))))


class Sum(torch.nn.Module):  # type: ignore[misc, name-defined]
    """A module of two inputs."""

    def forward(self, left: Any, right: Any) -> Any:
        return left + right


class Root(torch.nn.Module):  # type: ignore[misc, name-defined]
    """A module whose guards have functions in them."""

    def forward(self, x: Any) -> Any:
        return x[:, : max(1, int(x.shape[1] ** 0.5))]


@torch.library.custom_op("runlake_shop::double", mutates_args=())
def double(x: torch.Tensor) -> torch.Tensor:
    """An operator that PyTorch does not have."""
    return x * 2


@double.register_fake
def _(x: Any) -> Any:
    return torch.empty_like(x)


class Custom(torch.nn.Module):  # type: ignore[misc, name-defined]
    """A module with that operator."""

    def forward(self, x: Any) -> Any:
        return double(x)


class Talkative(torch.nn.Module):  # type: ignore[misc, name-defined]
    """A module whose answer depends on values, which cannot be exported."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, x: Any) -> Any:
        return x * self.weight if x.sum().item() > 0 else x


@pytest.fixture(scope="module")
def net() -> Any:
    """A network in the mode for training, as it is after the last epoch."""
    torch.manual_seed(3)
    return Net()


@pytest.fixture
def x() -> Any:
    """Five rows."""
    return np.random.default_rng(1).random((5, 3)).astype("float32")


def expected(model: Any, x: Any) -> Any:
    was = model.training
    model.eval()
    with torch.no_grad():
        found = model(torch.from_numpy(x)).numpy()
    model.train(was)
    return found


@pytest.fixture(scope="module")
def exported(net: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an exported model, to be copied."""
    folder = tmp_path_factory.mktemp("exported") / "model"
    runlake.pytorch.save_model(net, folder, input_example=np.ones((1, 3), np.float32))
    return folder


@pytest.fixture
def model(exported: Path, tmp_path: Path) -> Path:
    """The folder of an exported model."""
    return Path(shutil.copytree(exported, tmp_path / "model"))


# -- programs


def test_an_exported_model_predicts_as_before_here_and_in_mlflow(
    model: Path, net: Any, x: Any, mlflow: ModuleType
) -> None:
    assert keys_of(model, "pytorch")["serialization_format"] == "pt2"
    assert net.training  # it is traced in the other mode, and is as it was
    native, function = loaded_by_mlflow(mlflow, "pytorch", model)
    mine = runlake.pyfunc.load_model(str(model))
    for loaded in (native, runlake.pytorch.load_model(str(model)), mine.get_raw_model()):
        np.testing.assert_allclose(loaded(torch.from_numpy(x)).detach().numpy(), expected(net, x), rtol=1e-5)
    for rows in (x, x[:1]):  # of any number, though the example had one
        for loaded in (function, mine):
            np.testing.assert_allclose(loaded.predict(rows), expected(net, rows), rtol=1e-5)
    assert mine.metadata.signature.inputs.to_dict()[0]["tensor-spec"] == {"dtype": "float32", "shape": [-1, 3]}
    assert "torch==" in (model / "requirements.txt").read_text()


def test_a_frame_is_an_example_as_well(lake: Path, net: Any, x: Any, mlflow: ModuleType) -> None:
    frame = pd.DataFrame(x.astype(float), columns=["a", "b", "c"], index=list("vwxyz"))
    with runlake.start_run():
        info = runlake.pytorch.log_model(net, name="net", input_example=frame)
    assert info.flavors["pytorch"]["serialization_format"] == "pt2"
    found = runlake.pyfunc.load_model(info.model_uri).predict(frame)
    assert list(found.index) == list("vwxyz")
    np.testing.assert_allclose(found.to_numpy(), expected(net, x), rtol=1e-5)


def test_inputs_by_name_and_lists_of_tensors_are_exported(tmp_path: Path, x: Any) -> None:
    runlake.pytorch.save_model(Sum(), tmp_path / "named", input_example={"left": x, "right": x})
    found = runlake.pyfunc.load_model(str(tmp_path / "named")).predict({"left": x[:2], "right": x[:2]})
    np.testing.assert_allclose(found, x[:2] * 2)
    runlake.pytorch.save_model(Sum(), tmp_path / "listed", input_example=[torch.from_numpy(x), torch.from_numpy(x)])
    assert set(runlake.models.Model.load(tmp_path / "listed").flavors) == {"pytorch"}
    rows = torch.from_numpy(x[:3])
    assert runlake.pytorch.load_model(str(tmp_path / "listed"))(rows, rows).shape == (3, 3)


def test_a_program_whose_sizes_are_computed_needs_no_trust(tmp_path: Path) -> None:
    square = np.ones((3, 16), np.float32)
    signature = runlake.types.schema.Schema([runlake.types.schema.TensorSpec(np.dtype("float32"), (-1, -1))])
    runlake.pytorch.save_model(
        Root(), tmp_path / "model", input_example=square, signature=runlake.models.ModelSignature(inputs=signature)
    )
    assert keys_of(tmp_path / "model", "pytorch")["serialization_format"] == "pt2"
    assert runlake.pyfunc.load_model(str(tmp_path / "model")).predict(square[:2]).shape == (2, 4)


def test_a_program_is_moved_to_another_device(model: Path) -> None:
    for where in ({"device": "meta"}, {"map_location": "meta"}):
        loaded = runlake.pytorch.load_model(str(model), **where)
        assert {tensor.device.type for tensor in loaded.parameters()} == {"meta"}
    function = runlake.pyfunc.load_model(str(model), model_config={"device": "meta"})
    assert {tensor.device.type for tensor in function.get_raw_model().parameters()} == {"meta"}


@pytest.mark.parametrize("form", ["pt2", "pickle"])
def test_a_model_that_mlflow_saved_is_loaded(
    tmp_path: Path, form: str, net: Any, x: Any, mlflow: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = saved_by_mlflow(
        mlflow, "pytorch", net.eval(), tmp_path / "theirs", serialization_format=form, input_example=x
    )
    net.train()
    load = {"trust_pickle": form == "pickle"}
    native = runlake.pytorch.load_model(str(folder), **load)
    np.testing.assert_allclose(native(torch.from_numpy(x)).detach().numpy(), expected(net, x), rtol=1e-5)
    np.testing.assert_allclose(runlake.pyfunc.load_model(str(folder), **load).predict(x), expected(net, x), rtol=1e-5)
    runlake.pytorch.save_model(net, tmp_path / "ours", serialization_format=form, input_example=x)
    assert keys_of(folder, "pytorch").items() <= keys_of(tmp_path / "ours", "pytorch").items()
    assert set(keys_of(folder, "python_function")) <= set(keys_of(tmp_path / "ours", "python_function"))


def test_arguments_are_mlflows(mlflow: ModuleType) -> None:
    check_arguments("pytorch")


# -- pickles


def test_a_pickle_is_refused_until_it_is_trusted(
    tmp_path: Path, net: Any, x: Any, mlflow: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    runlake.pytorch.save_model(net, tmp_path / "model", serialization_format="pickle", input_example=x)
    monkeypatch.setattr("runlake.models.trust._written", {})
    for load in (runlake.pytorch.load_model, runlake.pyfunc.load_model):
        with pytest.raises(Untrusted, match=r"model.pth is a pickle") as caught:
            load(str(tmp_path / "model"))
        assert "trust_pickle=True" in str(caught.value.hint)
    assert type(runlake.pytorch.load_model(str(tmp_path / "model"), trust_pickle=True)).__name__ == "Net"
    for loaded in (
        runlake.pyfunc.load_model(str(tmp_path / "model"), trust_pickle=True),
        mlflow.pyfunc.load_model(str(tmp_path / "model"), suppress_warnings=True),
    ):
        np.testing.assert_allclose(loaded.predict(x), expected(net, x), rtol=1e-5)


def test_a_pickle_beside_a_program_is_still_a_pickle(model: Path) -> None:
    torch.save({"a": 1}, model / "data" / "model.pth")
    with pytest.raises(Untrusted, match=r"model.pth is a pickle"):
        runlake.pytorch.load_model(str(model))


def test_a_scripted_module_is_kept_as_what_it_is(tmp_path: Path, x: Any) -> None:
    net = torch.nn.Linear(3, 2)
    scripted = torch.jit.script(net)
    with pytest.raises(InvalidInput, match="is scripted and cannot be exported"):
        runlake.pytorch.save_model(scripted, tmp_path / "model", input_example=x)
    runlake.pytorch.save_model(scripted, tmp_path / "model", serialization_format="pickle", input_example=x)
    found = runlake.pyfunc.load_model(str(tmp_path / "model"), trust_pickle=True).predict(x)
    np.testing.assert_allclose(found, expected(net, x), rtol=1e-5)


# -- weights


def test_weights_are_loaded_into_a_module_that_is_given(
    tmp_path: Path, net: Any, x: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    runlake.pytorch.save_model(net, tmp_path / "model", serialization_format="safetensors")
    monkeypatch.setattr("runlake.models.trust._written", {})
    for given in (Net, Net(), lambda: Net(4)):
        loaded = runlake.pytorch.load_model(str(tmp_path / "model"), model_class=given)
        assert not loaded.training
        np.testing.assert_allclose(expected(loaded, x), expected(net, x))
    with pytest.raises(Untrusted, match="did not come with the model") as caught:
        runlake.pytorch.load_model(str(tmp_path / "model"))
    assert "model_class=" in str(caught.value.hint)
    named = f"{Net.__module__}.Net"
    assert type(runlake.pytorch.load_model(str(tmp_path / "model"), trusted_types=[named])) is Net
    with pytest.raises(InvalidInput, match="do not fit Talkative: it misses"):
        runlake.pytorch.load_model(str(tmp_path / "model"), model_class=Talkative)
    with pytest.raises(InvalidInput, match="do not fit Net"):
        runlake.pytorch.load_model(str(tmp_path / "model"), model_class=Net(5))


def test_a_class_with_arguments_is_made_with_those_that_were_saved(tmp_path: Path) -> None:
    runlake.pytorch.save_model(
        Net(6), tmp_path / "model", serialization_format="safetensors", model_kwargs={"hidden": 6}
    )
    assert runlake.pytorch.load_model(str(tmp_path / "model"), model_class=Net).first.out_features == 6
    with pytest.raises(InvalidInput, match="values"):
        runlake.pytorch.save_model(
            Net(), tmp_path / "no", serialization_format="safetensors", model_kwargs={"hidden": {1, 2}}
        )


def test_a_layer_of_pytorchs_own_needs_no_trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = torch.nn.Linear(2, 1)
    size = {"in_features": 2, "out_features": 1}
    runlake.pytorch.save_model(layer, tmp_path / "model", serialization_format="safetensors", model_kwargs=size)
    monkeypatch.setattr("runlake.models.trust._written", {})
    loaded = runlake.pytorch.load_model(str(tmp_path / "model"))
    assert torch.equal(loaded.weight, layer.weight)
    changed(tmp_path / "model", "pytorch", model_class="torch.nn.functional.relu")
    with pytest.raises((Corrupt, InvalidInput), match=r"no torch.nn.Module|cannot be made"):
        runlake.pytorch.load_model(str(tmp_path / "model"))


def test_what_cannot_be_exported_is_kept_as_weights_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "runlake"):
        runlake.pytorch.save_model(Talkative(), tmp_path / "model", input_example=np.ones((2, 1), np.float32))
    assert "kept as weights alone, which need its class to be loaded: this Talkative cannot be exported" in caplog.text
    assert keys_of(tmp_path / "model", "pytorch")["serialization_format"] == "safetensors"
    with pytest.raises(InvalidInput, match="this Talkative cannot be exported") as caught:
        runlake.pytorch.save_model(
            Talkative(), tmp_path / "no", serialization_format="pt2", input_example=np.ones((2, 1), np.float32)
        )
    assert "serialization_format='safetensors'" in str(caught.value.hint)
    with pytest.raises(InvalidInput, match="cannot be exported without an example"):
        runlake.pytorch.save_model(Net(), tmp_path / "no", export_model=True)


def test_a_class_that_came_with_the_model_is_loaded_here_and_in_mlflow(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "shop_net.py").write_text(
        "import torch\nclass Shop(torch.nn.Linear):\n    def __init__(self):\n        super().__init__(2, 1)\n"
    )
    program = (
        "import sys; sys.path.insert(0, 'theirs')\n"
        "import numpy, runlake, shop_net\n"
        "runlake.pytorch.save_model(shop_net.Shop(), 'model', code_paths=['theirs/shop_net.py'],"
        " serialization_format='safetensors', input_example=numpy.ones((1, 2), 'float32'))\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True)
    shutil.rmtree(tmp_path / "theirs")
    use = "import numpy; print(loaded.predict(numpy.ones((3, 2), 'float32')).shape)"
    for load in (
        "import runlake; loaded = runlake.pyfunc.load_model('model')",
        "import mlflow; loaded = mlflow.pyfunc.load_model('model')",
    ):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", f"{load}; {use}"], check=True, capture_output=True, text=True
        )
        assert done.stdout.strip() == "(3, 1)"


# -- what a program may not have


def rewritten(model: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """Change records of a program's archive."""
    file = model / "data" / "model.pt2"
    with zipfile.ZipFile(file) as archive:
        records = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    change(records)
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in records.items():
            archive.writestr(f"model/{name}", content)


def in_program(change: Callable[[Any], None]) -> Callable[[dict[str, bytes]], None]:
    """Change the program itself."""

    def apply(records: dict[str, bytes]) -> None:
        found = json.loads(records["models/model.json"])
        change(found)
        records["models/model.json"] = json.dumps(found).encode()

    return apply


RUN = "__import__('os').mkdir('exploded')"


def _size(program: Any) -> None:
    sizes = next(
        value["sizes"]
        for value in program["graph_module"]["graph"]["tensor_values"].values()
        if value["sizes"] and "as_expr" in value["sizes"][0]
    )
    sizes[0]["as_expr"]["expr_str"] = RUN


def _hidden(program: Any) -> None:
    values = program["graph_module"]["graph"]["tensor_values"]
    values["metadata"] = json.loads(json.dumps(next(iter(values.values()))))
    values["metadata"]["sizes"][0] = {"as_expr": {"expr_str": RUN, "hint": None}}


def _object(program: Any) -> None:
    program["graph_module"]["graph"]["custom_obj_values"] = {"metadata": {"name": "a", "class_fqn": f"x={RUN}"}}


def _guard(program: Any) -> None:
    program["guards_code"] = [f"{RUN} is None"]


def _operator(program: Any) -> None:
    program["graph_module"]["graph"]["nodes"][0]["target"] = "torch.os.mkdir"


def _writing(program: Any) -> None:
    program["graph_module"]["graph"]["nodes"][0]["target"] = "torch.ops.aten.save"


def _name(program: Any) -> None:
    program["graph_module"]["graph"]["inputs"][-1]["as_tensor"]["name"] = f"x={RUN}"


def _structure(program: Any) -> None:
    entry = program["graph_module"]["module_call_graph"][0]["signature"]
    entry["in_spec"] = entry["in_spec"].replace(
        '"context": "[]"', '"context": "{\\"__enum__\\": true, \\"fqn\\": \\"a:b\\"}"'
    )


def _inputs(records: dict[str, bytes]) -> None:
    import io

    class Bomb:
        def __reduce__(self) -> Any:
            return __import__("os").mkdir, ("exploded",)

    stream = io.BytesIO()
    torch.save((Bomb(), {}), stream)
    records["data/sample_inputs/model.pt"] = stream.getvalue()


def _constants(records: dict[str, bytes]) -> None:
    entry = {"path_name": "opaque_obj_0", "is_param": False, "use_pickle": True, "tensor_meta": None}
    records["data/constants/model_constants_config.json"] = json.dumps({"config": {"c": entry}}).encode()
    records["data/constants/opaque_obj_0"] = b"\x80\x04N."


def _library(records: dict[str, bytes]) -> None:
    records["data/aotinductor/model/a.so"] = b"\x7fELF"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (in_program(_size), "expression"),
        (in_program(_hidden), "expression"),
        (in_program(_object), "object"),
        (in_program(_guard), "expression"),
        (in_program(_operator), "operator 'torch.os.mkdir'"),
        (in_program(_writing), "operator 'torch.ops.aten.save'"),
        (in_program(_name), "the text"),
        (in_program(_structure), "structure"),
        (_inputs, "a pickle of"),
        (_constants, "the pickle 'opaque_obj_0'"),
        (_library, "the record 'data/aotinductor/model/a.so'"),
    ],
    ids=[
        "size",
        "hidden",
        "object",
        "guard",
        "operator",
        "writing",
        "name",
        "structure",
        "inputs",
        "constants",
        "library",
    ],
)
def test_a_program_that_would_run_code_is_refused(
    model: Path, change: Callable[[dict[str, bytes]], None], named: str
) -> None:
    rewritten(model, lambda records: None)
    assert runlake.pytorch.load_model(str(model)) is not None  # what was only written anew is loaded
    rewritten(model, change)
    for load in (runlake.pytorch.load_model, runlake.pyfunc.load_model):
        with pytest.raises(Untrusted, match=r"may run whatever code its writer wants") as caught:
            load(str(model))
        assert named in str(caught.value)
        assert "trust_pickle=True" in str(caught.value.hint)
    assert not Path("exploded").exists()


def test_a_program_that_would_be_refused_is_written_only_when_asked_for(
    tmp_path: Path, x: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with caplog.at_level(logging.WARNING, "runlake"):
        runlake.pytorch.save_model(Custom(), tmp_path / "weights", input_example=x)
        assert "its program would need trust_pickle=True" in caplog.text
        runlake.pytorch.save_model(Custom(), tmp_path / "model", input_example=x, serialization_format="pt2")
    assert keys_of(tmp_path / "weights", "pytorch")["serialization_format"] == "safetensors"
    assert "the operator 'torch.ops.runlake_shop.double.default'" in caplog.text
    np.testing.assert_allclose(runlake.pyfunc.load_model(str(tmp_path / "model")).predict(x), x * 2)
    monkeypatch.setattr("runlake.models.trust._written", {})
    with pytest.raises(Untrusted, match="runlake_shop"):
        runlake.pyfunc.load_model(str(tmp_path / "model"))
    found = runlake.pyfunc.load_model(str(tmp_path / "model"), trust_pickle=True).predict(x)
    np.testing.assert_allclose(found, x * 2)


# -- what is wrong


@pytest.mark.parametrize("keep", [0, 10, 100, -30])
@pytest.mark.parametrize("form", ["pt2", "safetensors", "pickle"])
def test_a_file_that_is_cut_off_is_named(model: Path, net: Any, tmp_path: Path, form: str, keep: int) -> None:
    if form != "pt2":
        model = tmp_path / form
        runlake.pytorch.save_model(net, model, serialization_format=form)
    (file,) = (file for file in (model / "data").iterdir() if file.name.startswith("model."))
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(Corrupt, match="is cut off or garbled, or holds no") as caught:
        runlake.pytorch.load_model(str(model), trust_pickle=form == "pickle", model_class=Net)
    assert str(file) in str(caught.value)


def test_what_is_no_model_leaves_nothing(tmp_path: Path, net: Any, classifier: Any, x: Any) -> None:
    with pytest.raises(InvalidType, match=r"is a torch.nn.Module, not LogisticRegression"):
        runlake.pytorch.save_model(classifier, tmp_path / "model")
    with pytest.raises(InvalidInput, match="serialization_format is 'onnx'; it must be one of pt2"):
        runlake.pytorch.save_model(net, tmp_path / "model", serialization_format="onnx")
    with pytest.raises(InvalidInput, match=r"the model rejects its input example|cannot be exported"):
        runlake.pytorch.save_model(net, tmp_path / "model", serialization_format="pt2", input_example=x[:, :2])
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_a_newer_version_is_loaded_with_a_warning(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    changed(model, "pytorch", pytorch_version="99.1")
    with caplog.at_level(logging.WARNING, "runlake"):
        runlake.pytorch.load_model(str(model))
    assert f"saved with torch 99.1, which is newer than the {torch.__version__} that is installed" in caplog.text
