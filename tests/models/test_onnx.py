"""Models of ONNX: checked files, tensors beside them, sessions of ONNX Runtime, both ways to and from MLflow."""

import logging
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

import runlake
from runlake.errors import Corrupt, InvalidInput, InvalidType, NewerFormat, NotFound, Untrusted
from tests.models.flavor_rules import changed, check_arguments, keys_of, loaded_by_mlflow, saved_by_mlflow

onnx = pytest.importorskip("onnx", reason="ONNX is not installed: pip install 'runlake[onnx]'")
pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed: pip install 'runlake[onnx]'")

WIDE = 32


def product(ir_version: int = 8) -> Any:
    """A model y = x · w, whose weights are large enough for a file of their own."""
    weights = np.random.default_rng(7).random((WIDE, WIDE)).astype("float32")
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])],
        "product",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None, WIDE])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [None, WIDE])],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    return onnx.helper.make_model(graph, opset_imports=opset, ir_version=ir_version)


def total() -> Any:
    """A model of two inputs, columns of a frame: total = price · count."""
    columns = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, 1]) for name in ("price", "count")
    ]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Mul", ["price", "count"], ["total"])],
        "total",
        columns,
        [onnx.helper.make_tensor_value_info("total", onnx.TensorProto.FLOAT, [None, 1])],
    )
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def x() -> Any:
    """Three rows."""
    return np.random.default_rng(1).random((3, WIDE)).astype("float32")


def expected(x: Any) -> Any:
    return x @ onnx.numpy_helper.to_array(product().graph.initializer[0])


@pytest.mark.parametrize("external", [True, False])
def test_a_saved_model_predicts_as_before_here_and_in_mlflow(
    tmp_path: Path, external: bool, x: Any, mlflow: ModuleType
) -> None:
    model = product()
    runlake.onnx.save_model(model, tmp_path / "model", save_as_external_data=external, input_example=x)
    assert model == product()  # ONNX itself takes the tensors out that it writes elsewhere
    files = {file.name for file in (tmp_path / "model").iterdir()}
    assert ("model.onnx.data" in files) is external
    native, function = loaded_by_mlflow(mlflow, "onnx", tmp_path / "model")
    assert runlake.onnx.load_model(str(tmp_path / "model")) == product()
    onnx.checker.check_model(native)
    mine = runlake.pyfunc.load_model(str(tmp_path / "model"))
    for loaded in (function, mine):
        np.testing.assert_allclose(loaded.predict(x)["y"], expected(x), rtol=1e-5)
    assert mine.get_raw_model().get_providers() == ["CPUExecutionProvider"]
    required = (tmp_path / "model" / "requirements.txt").read_text()
    assert "onnx==" in required
    assert "onnxruntime==" in required


def test_a_model_that_mlflow_saved_is_loaded(tmp_path: Path, x: Any, mlflow: ModuleType) -> None:
    folder = saved_by_mlflow(mlflow, "onnx", product(), tmp_path / "theirs")
    assert runlake.onnx.load_model(str(folder)) == product()
    np.testing.assert_allclose(runlake.pyfunc.load_model(str(folder)).predict(x)["y"], expected(x), rtol=1e-5)
    runlake.onnx.save_model(product(), tmp_path / "ours")
    for flavor in ("onnx", "python_function"):
        assert keys_of(folder, flavor).items() <= keys_of(tmp_path / "ours", flavor).items()


def test_arguments_are_mlflows(mlflow: ModuleType) -> None:
    check_arguments("onnx")


def test_an_estimator_that_was_converted_predicts_for_frames(
    lake: Path, classifier: Any, iris: tuple[Any, Any], mlflow: ModuleType
) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    model = skl2onnx.to_onnx(classifier, iris[0].head(1).to_numpy(np.float32), options={"zipmap": False})
    with runlake.start_run():
        info = runlake.onnx.log_model(model, name="flowers", input_example=iris[0].head(2))
    assert info.signature.inputs.input_names() == list(iris[0].columns)
    found = runlake.pyfunc.load_model(info.model_uri).predict(iris[0])
    assert found["label"].tolist() == classifier.predict(iris[0]).tolist()
    np.testing.assert_allclose(np.array(found["probabilities"].tolist()), classifier.predict_proba(iris[0]), atol=1e-5)


def test_columns_of_a_frame_are_the_inputs_of_a_model_with_several(tmp_path: Path) -> None:
    frame = pd.DataFrame({"count": [2, 3], "price": [1.5, 2.0]}, index=[7, 8])
    runlake.onnx.save_model(total(), tmp_path / "model", input_example=frame)
    loaded = runlake.pyfunc.load_model(str(tmp_path / "model"))
    assert loaded.predict(frame)["total"].to_dict() == {7: 3.0, 8: 6.0}
    bare = loaded._model_impl
    assert bare.predict({"count": [[2.0]], "price": [[4.0]]})["total"].tolist() == [[8.0]]
    with pytest.raises(InvalidInput, match="has 2 inputs, and one ndarray was given"):
        bare.predict(np.zeros((1, 2)))
    with pytest.raises(InvalidInput, match="no column for the inputs price"):
        bare.predict(frame[["count"]])


def test_providers_and_options_of_the_session_are_those_that_were_saved(
    tmp_path: Path, x: Any, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"intra_op_num_threads": 1, "execution_mode": "sequential", "graph_optimization_level": 99}
    runlake.onnx.save_model(
        product(),
        tmp_path / "model",
        onnx_execution_providers=["TensorrtExecutionProvider", ("CPUExecutionProvider", {})],
        onnx_session_options={**options, "extra_session_config": {"session.use_env_allocators": "0"}},
    )
    with caplog.at_level(logging.WARNING, "runlake"):
        loaded = runlake.pyfunc.load_model(str(tmp_path / "model"))
    assert "has no ['TensorrtExecutionProvider'] here" in caplog.text
    session = loaded.get_raw_model()
    assert session.get_providers() == ["CPUExecutionProvider"]
    assert session.get_session_options().intra_op_num_threads == 1
    other = runlake.pyfunc.load_model(
        str(tmp_path / "model"), model_config={"onnx_session_options": {"intra_op_num_threads": 2}}
    )
    assert other.get_raw_model().get_session_options().intra_op_num_threads == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimized_model_filepath": "/tmp/x"}, "no setting of a session that is known"),
        ({"execution_mode": "fast"}, "must be 'sequential' or 'parallel'"),
        ({"graph_optimization_level": 3}, "must be 0, 1, 2 or 99"),
        ({"intra_op_num_threads": -1}, "a whole number from 0"),
        ({"extra_session_config": ["a"]}, "extra_session_config is a dictionary"),
    ],
)
def test_settings_of_sessions_that_there_are_not_are_refused(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        runlake.onnx.save_model(product(), tmp_path / "model", onnx_session_options=options)
    runlake.onnx.save_model(product(), tmp_path / "model")
    changed(tmp_path / "model", "onnx", onnx_session_options=options)
    with pytest.raises(InvalidInput, match=message):
        runlake.pyfunc.load_model(str(tmp_path / "model"))


def test_a_manifest_does_not_name_libraries_for_the_runtime(tmp_path: Path) -> None:
    runlake.onnx.save_model(product(), tmp_path / "model")
    changed(
        tmp_path / "model", "onnx", providers=[["TensorrtExecutionProvider", {"trt_extra_plugin_lib_paths": "x.so"}]]
    )
    with pytest.raises(Untrusted, match="trt_extra_plugin_lib_paths") as caught:
        runlake.pyfunc.load_model(str(tmp_path / "model"))
    assert "trust_pickle=True" in str(caught.value.hint)


# -- what is wrong


@pytest.mark.parametrize("keep", [0, 5, 50, -5])
def test_a_file_that_is_cut_off_is_named(tmp_path: Path, keep: int) -> None:
    runlake.onnx.save_model(product(), tmp_path / "model")
    file = tmp_path / "model" / "model.onnx"
    file.write_bytes(file.read_bytes()[:keep])
    for load in (runlake.onnx.load_model, runlake.pyfunc.load_model):
        with pytest.raises(Corrupt, match="is cut off or garbled, or holds no ONNX model") as caught:
            load(str(tmp_path / "model"))
        assert str(file) in str(caught.value)


def test_a_file_of_tensors_that_is_cut_off_or_missing_is_named(tmp_path: Path) -> None:
    runlake.onnx.save_model(product(), tmp_path / "model")
    data = tmp_path / "model" / "model.onnx.data"
    data.write_bytes(data.read_bytes()[:-1])
    for load in (runlake.onnx.load_model, runlake.pyfunc.load_model):
        with pytest.raises(Corrupt, match=r"model.onnx.data is cut off: it has 4095 bytes, and tensor 'w'"):
            load(str(tmp_path / "model"))
    data.unlink()
    with pytest.raises(NotFound, match=r"model.onnx.data is missing"):
        runlake.onnx.load_model(str(tmp_path / "model"))


@pytest.mark.parametrize("place", ["../secret", "/etc/hostname", "a/../../secret", "link"])
def test_tensors_outside_of_the_model_are_not_read(tmp_path: Path, place: str) -> None:
    runlake.onnx.save_model(product(), tmp_path / "model")
    (tmp_path / "secret").write_bytes(bytes(WIDE * WIDE * 4))
    (tmp_path / "model" / "link").symlink_to(tmp_path / "secret")
    file = tmp_path / "model" / "model.onnx"
    model = onnx.load(str(file), load_external_data=False)
    model.graph.initializer[0].external_data[0].value = place
    file.write_bytes(model.SerializeToString())
    for load in (runlake.onnx.load_model, runlake.pyfunc.load_model):
        with pytest.raises(Corrupt, match="model's folder"):
            load(str(tmp_path / "model"))


def test_a_later_format_is_said_to_be_later(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    runlake.onnx.save_model(product(), tmp_path / "model", save_as_external_data=False)
    changed(tmp_path / "model", "onnx", onnx_version="99.1")
    (tmp_path / "model" / "model.onnx").write_bytes(product(ir_version=onnx.IR_VERSION + 1).SerializeToString())
    with caplog.at_level(logging.WARNING, "runlake"), pytest.raises(NewerFormat, match="reads up to"):
        runlake.onnx.load_model(str(tmp_path / "model"))
    assert f"saved with onnx 99.1, which is newer than the {onnx.__version__} that is installed" in caplog.text


def test_what_is_no_model_leaves_nothing(tmp_path: Path, classifier: Any) -> None:
    with pytest.raises(InvalidType, match=r"is an onnx.ModelProto, not LogisticRegression"):
        runlake.onnx.save_model(classifier, tmp_path / "model")
    with pytest.raises(InvalidInput, match=r"the ONNX model is not valid: .*ir_version"):
        runlake.onnx.save_model(onnx.ModelProto(), tmp_path / "model")
    with pytest.raises(InvalidInput, match="the model rejects its input example"):
        runlake.onnx.save_model(product(), tmp_path / "model", input_example=np.zeros((2, 3), np.float32))
    assert list(tmp_path.iterdir()) == []
