"""Sessions: ONNX Runtime on the file of a model, with frames, arrays and dictionaries in and out."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from runlake.errors import InvalidInput, InvalidType, Untrusted
from runlake.extras import import_extra, is_loaded_instance
from runlake.models.trust import Trust

ONNX_EXECUTION_PROVIDERS: Final = ("CUDAExecutionProvider", "CPUExecutionProvider")

_CPU: Final = "CPUExecutionProvider"
_NUMBERS: Final = ("intra_op_num_threads", "inter_op_num_threads", "graph_optimization_level")
_MODES: Final = {"SEQUENTIAL": "ORT_SEQUENTIAL", "PARALLEL": "ORT_PARALLEL"}
_OF_FILES: Final = re.compile("path|file|folder|dir|lib|backend", re.IGNORECASE)
_FLOATS: Final = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16"}
_INTEGERS: Final = {"tensor(int64)": "int64", "tensor(int32)": "int32"}
_log = logging.getLogger("runlake")


class Predictor:
    """A session of ONNX Runtime that takes frames, arrays, and dictionaries of arrays."""

    def __init__(self, session: Any) -> None:
        self.rt = session
        self._inputs = session.get_inputs()
        self._outputs = [output.name for output in session.get_outputs()]

    def get_raw_model(self) -> Any:
        return self.rt

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Return the outputs by name: a frame for a frame, a dictionary of arrays for anything else.

        Args:
            data: Inputs by name, or the only one; a frame has a column for each of several inputs. Numbers become
                floats of the width that the model takes.

        Returns:
            For a frame of n rows: columns of n values; where an output has more for each row, they are lists.

        Raises:
            InvalidInput: the model has several inputs, and only one was given.
        """
        found = self.rt.run(self._outputs, self._feeds(data))
        if not is_loaded_instance(data, "pandas", "DataFrame"):
            return dict(zip(self._outputs, found, strict=True))
        columns = {name: _column(values) for name, values in zip(self._outputs, found, strict=True)}
        frame = import_extra("pandas", "to predict for a frame").DataFrame(columns)
        return frame.set_index(data.index) if len(frame) == len(data) else frame

    def _feeds(self, data: Any) -> dict[str, Any]:
        numpy = import_extra("numpy", "to predict with an ONNX model")
        names = [taken.name for taken in self._inputs]
        if isinstance(data, Mapping):
            given = {name: numpy.asarray(value) for name, value in data.items()}
        elif is_loaded_instance(data, "pandas", "DataFrame") and len(names) > 1:
            if missing := [name for name in names if name not in data]:
                raise InvalidInput(f"the frame has no column for the inputs {', '.join(missing)} of the ONNX model")
            given = {name: data[name].to_numpy() for name in names}
        elif len(names) == 1:
            given = {names[0]: numpy.asarray(data)}
        else:
            raise InvalidInput(
                f"the ONNX model has {len(names)} inputs, and one {type(data).__name__} was given",
                hint=f"give a dictionary of arrays, or a frame, with {', '.join(names)}",
            )
        known = {taken.name: taken for taken in self._inputs}
        return {name: _fitted(value, known[name]) if name in known else value for name, value in given.items()}


def session(file: Path, settings: Mapping[str, Any], trusted: Trust) -> Any:
    runtime = import_extra("onnxruntime", "to predict with an ONNX model")
    providers = _providers(runtime, file, settings.get("providers"), trusted)
    options = _session_options(runtime, file, settings.get("onnx_session_options") or {}, trusted)
    try:
        opened = runtime.InferenceSession(str(file), providers=providers, sess_options=options)
    except Exception as error:  # the runtime has a tree of its own for what it cannot run
        said = str(error).strip().splitlines()[0][:300]
        raise InvalidInput(f"onnxruntime {runtime.__version__} cannot run {file}: {said}") from error
    wanted = [entry[0] if isinstance(entry, tuple) else entry for entry in providers]
    if dropped := [name for name in wanted if name not in opened.get_providers()]:
        _log.warning("onnxruntime could not start %s; the model runs on %s", dropped, opened.get_providers())
    return opened


def _providers(runtime: Any, file: Path, given: Any, trusted: Trust) -> list[Any]:
    """Return those of the wanted providers that there are here; without any it is the processor."""
    wanted = [given] if isinstance(given, str) else list(given or ONNX_EXECUTION_PROVIDERS)
    entries = [tuple(entry) if isinstance(entry, list | tuple) else entry for entry in wanted]
    for entry in entries:
        if isinstance(entry, tuple) and len(entry) > 1:
            _check_no_files(file, entry[1], trusted)
    there = runtime.get_available_providers()
    usable = [entry for entry in entries if (entry[0] if isinstance(entry, tuple) else entry) in there]
    left = [entry for entry in entries if entry not in usable]
    if left and entries != list(ONNX_EXECUTION_PROVIDERS):
        _log.warning("onnxruntime has no %s here; the model runs on %s", left, usable or [_CPU])
    return usable or [_CPU]


def _session_options(runtime: Any, file: Path, given: Mapping[str, Any], trusted: Trust) -> Any:
    check_session_options(given)
    extra = given.get("extra_session_config") or {}
    _check_no_files(file, extra, trusted)
    options = runtime.SessionOptions()
    for name in _NUMBERS:
        if given.get(name):
            level = runtime.GraphOptimizationLevel if name == "graph_optimization_level" else int
            setattr(options, name, level(given[name]))
    if given.get("execution_mode"):
        options.execution_mode = getattr(runtime.ExecutionMode, _MODES[given["execution_mode"].upper()])
    for key, value in extra.items():
        options.add_session_config_entry(str(key), str(value))
    return options


def check_session_options(given: Mapping[str, Any]) -> None:
    """Refuse settings of sessions that there are not."""
    if not isinstance(given, Mapping):
        raise InvalidType(f"onnx_session_options is a dictionary, not {type(given).__name__}")
    for name, value in given.items():
        if name not in (*_NUMBERS, "execution_mode", "extra_session_config"):
            raise InvalidInput(f"onnx_session_options has {name!r}, which is no setting of a session that is known")
        if name == "execution_mode" and str(value).upper() not in _MODES:
            raise InvalidInput(f"execution_mode is {value!r}; it must be 'sequential' or 'parallel'")
        if name == "extra_session_config" and not isinstance(value, Mapping):
            raise InvalidType(f"extra_session_config is a dictionary, not {type(value).__name__}")
        if name in _NUMBERS and (not isinstance(value, int) or value < 0):
            raise InvalidInput(f"{name} is {value!r}; it must be a whole number from 0")
        if name == "graph_optimization_level" and value not in (0, 1, 2, 99):
            raise InvalidInput(f"graph_optimization_level is {value!r}; it must be 0, 1, 2 or 99")


def _check_no_files(file: Path, settings: Any, trusted: Trust) -> None:
    """Refuse settings that a manifest can have a library loaded with, or a file read or written."""
    named = [str(key) for key in settings if _OF_FILES.search(str(key))] if isinstance(settings, Mapping) else []
    if named and not trusted.pickle:
        raise Untrusted(
            f"the manifest {file.parent / 'MLmodel'} has the setting {named[0][:80]!r} for onnxruntime, which names"
            " files that it loads",
            hint="if you know who wrote it, load it with trust_pickle=True",
        )


# -- values


def _fitted(value: Any, taken: Any) -> Any:
    """Return an array as an input of the model takes it, where no whole number changes by that."""
    if (floating := _FLOATS.get(taken.type)) is not None and value.dtype.kind in "biuf":
        value = value.astype(floating, copy=False)
    elif (integer := _INTEGERS.get(taken.type)) is not None and value.dtype.kind in "biu":
        numpy = import_extra("numpy", "to predict with an ONNX model")
        value = value.astype(integer, copy=False) if numpy.can_cast(value.dtype, integer, "safe") else value
    if value.ndim == 1 and len(taken.shape) == 2 and taken.shape[1] == 1:  # a column of a frame
        return value.reshape(-1, 1)
    return value


def _column(values: Any) -> Any:
    """Return an output as a column: a value for each row, or a list where there are more."""
    array = import_extra("numpy", "to predict with an ONNX model").asarray(values)
    if array.ndim > 1 and array.shape[1:] == (1,) * (array.ndim - 1):
        return array.reshape(-1)
    return array if array.ndim <= 1 else array.tolist()
