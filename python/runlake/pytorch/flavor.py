"""The flavor `pytorch`: a program of torch.export, weights in a safetensors file, or a pickle when asked for."""

from __future__ import annotations

import importlib
import importlib.util
import json
import logging
import os
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from runlake.errors import Corrupt, InvalidInput, InvalidType, NotFound, Untrusted
from runlake.extras import import_extra
from runlake.models import trust
from runlake.models.flavors import Flavor, Loading, payload, reading, warn_if_newer
from runlake.models.trust import Trust
from runlake.pytorch import exporting, program
from runlake.pytorch.predicting import Predictor

FLAVOR_NAME: Final = "pytorch"
SERIALIZATION_FORMAT_PT2: Final = "pt2"
SERIALIZATION_FORMAT_SAFETENSORS: Final = "safetensors"
SERIALIZATION_FORMAT_PICKLE: Final = "pickle"
FORMATS: Final = (SERIALIZATION_FORMAT_PT2, SERIALIZATION_FORMAT_SAFETENSORS, SERIALIZATION_FORMAT_PICKLE)

_DATA: Final = "data"
_PROGRAM: Final = "model.pt2"
_WEIGHTS: Final = "model.safetensors"
_PICKLE: Final = "model.pth"
_PICKLE_MODULE: Final = "pickle_module_info.txt"
_PLAIN_PICKLES: Final = ("pickle", "cloudpickle", "mlflow.pytorch.pickle_module")
_WHY: Final = "to save a model of PyTorch"
_WHAT: Final = "PyTorch model"
_log = logging.getLogger("runlake")


class _PyTorch(Flavor):
    """Modules of PyTorch."""

    name = FLAVOR_NAME
    loader_module = "mlflow.pytorch"
    requirements = ("torch",)

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        serialization_format: str | None = None,
        pickle_module: Any = None,
        model_kwargs: Mapping[str, Any] | None = None,
        example: Any = None,
        example_signature: Any = None,
        save_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Write the module in the format asked for, else in the first that takes it: a program, or weights."""
        del options
        torch = import_extra("torch", _WHY)
        if not isinstance(model, torch.nn.Module):
            raise InvalidType(f"pytorch_model is a torch.nn.Module, not {type(model).__name__}")
        if serialization_format not in (None, *FORMATS):
            raise InvalidInput(
                f"serialization_format is {serialization_format!r}; it must be one of {', '.join(FORMATS)}"
            )
        data = folder / _DATA
        data.mkdir()
        keys: dict[str, Any] = {"model_data": _DATA, "pytorch_version": str(torch.__version__)}
        form = serialization_format
        if form in (None, SERIALIZATION_FORMAT_PT2):
            try:
                _write_program(model, data / _PROGRAM, example, example_signature, asked_for=form is not None)
                form = SERIALIZATION_FORMAT_PT2
            except InvalidInput as error:
                if form is not None or isinstance(model, torch.jit.ScriptModule):
                    raise
                form = SERIALIZATION_FORMAT_SAFETENSORS
                _log.warning("the model is kept as weights alone, which need its class to be loaded: %s", error.message)
        if form == SERIALIZATION_FORMAT_SAFETENSORS:
            keys |= _write_weights(model, data / _WEIGHTS, model_kwargs)
        elif form == SERIALIZATION_FORMAT_PICKLE:
            _write_pickle(torch, model, data, pickle_module, save_options or {})
        return {**keys, "serialization_format": form}

    def load(self, folder: Path, keys: Mapping[str, Any], how: Loading) -> Any:
        """Load the module, in the mode in which it predicts; which format it has, its files say."""
        torch = import_extra("torch", "to load a model of PyTorch")
        warn_if_newer(folder, "torch", keys.get("pytorch_version"), torch.__version__)
        data = payload(folder, keys, "model_data", flavor=FLAVOR_NAME)
        files = [data] if data.is_file() else [data / name for name in (_PICKLE, _PROGRAM, _WEIGHTS)]
        file = next((file for file in files if file.is_file()), None)
        if file is None:
            raise NotFound(f"the model's folder {data} has none of {_PROGRAM}, {_WEIGHTS} and {_PICKLE}")
        if file.name == _PROGRAM:
            return _read_program(torch, file, how)
        model = _read_weights(file, keys, how) if file.name == _WEIGHTS else _read_pickle(torch, file, how)
        device = how.options.get("device")
        return (model if device is None else model.to(device)).eval()

    def load_function(self, folder: Path, own: Mapping[str, Any], keys: Mapping[str, Any], how: Loading) -> Any:
        """Load the module on the device that the settings name: by default the GPU, if there is one."""
        torch = import_extra("torch", "to load a model of PyTorch")
        config = {**(keys.get("config") or {}), **(how.model_config or {})}
        device = config.get("device") or ("cuda" if torch.cuda.is_available() else "cpu")
        loaded = self.load(folder, own, replace(how, options={**how.options, "device": device, "map_location": device}))
        return Predictor(loaded, device)

    def python_function(self, model: Any, keys: Mapping[str, Any], **options: Any) -> dict[str, Any] | None:
        """Return where the module is; None for one with several inputs that have no names, or of an unknown class."""
        if exporting.has_several_inputs(options.get("example")):
            return None
        found = {"data": _DATA, "pickle_module_name": "pickle", "config": {"device": None}}
        if keys["serialization_format"] != SERIALIZATION_FORMAT_SAFETENSORS:
            return found
        kind = keys["model_class"]
        return None if "<" in kind or kind.startswith("__main__.") else {**found, "loader_module": "runlake.pytorch"}

    def requires(self, keys: Mapping[str, Any]) -> tuple[str, ...]:
        """Return PyTorch, and what the file is read with."""
        form = keys.get("serialization_format")
        more = {SERIALIZATION_FORMAT_SAFETENSORS: ("safetensors",), SERIALIZATION_FORMAT_PICKLE: ("cloudpickle",)}
        return (*self.requirements, *more.get(str(form), ()))


FLAVOR: Final = _PyTorch()


# -- program


def _write_program(model: Any, file: Path, example: Any, signature: Any, *, asked_for: bool) -> None:
    """Export a module; one whose program would be refused is exported only when that is asked for."""
    exporting.write(model, file, example, signature)
    try:
        program.check(file)
    except Untrusted as error:
        if not asked_for:
            file.unlink()
            raise InvalidInput(f"its program would need trust_pickle=True: {error.message}") from error
        _log.warning("the program needs trust_pickle=True to be loaded: %s", error.message)
        trust.remember(file)


def _check_program(file: Path, trusted: Trust) -> None:
    if trusted.pickle:
        return
    try:
        program.check(file)
    except Untrusted:
        if not trusted.wrote(file):
            raise


def _read_program(torch: Any, file: Path, how: Loading) -> Any:
    with reading(file, "program of torch.export"):
        _check_program(file, how.trust)
        exported = torch.export.load(str(file))
        place = how.options.get("map_location") or how.options.get("device")
        if place is not None and any(tensor.device != torch.device(place) for tensor in exported.state_dict.values()):
            exported = importlib.import_module("torch.export.passes").move_to_device_pass(exported, place)
        return exported.module()


# -- weights


def _write_weights(model: Any, file: Path, arguments: Mapping[str, Any] | None) -> dict[str, Any]:
    safetensors = import_extra("safetensors.torch", _WHY + " without pickle")
    try:
        json.dumps(dict(arguments or {}))
        safetensors.save_model(model, str(file))
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidInput(
            f"the weights of this {type(model).__name__} cannot be saved: {str(error).splitlines()[0][:300]}",
            hint="tensors can be, and model_kwargs of JSON's values; serialization_format='pickle' saves the others",
        ) from error
    kind = f"{type(model).__module__}.{type(model).__qualname__}"
    trust.remember(file, [kind])
    return {"model_class": kind, "model_kwargs": dict(arguments or {})}


def _read_weights(file: Path, keys: Mapping[str, Any], how: Loading) -> Any:
    safetensors = import_extra("safetensors.torch", "to load the weights of a model of PyTorch")
    model = _made(file, keys, how)
    with reading(file, "weights"):
        found = safetensors.load_file(str(file))
    wanted = model.state_dict()
    try:
        safetensors.load_model(model, str(file))
    except RuntimeError as error:
        missing, more = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
        raise InvalidInput(
            f"the weights in {file} do not fit {type(model).__name__}: it misses {missing[:3]}, has no {more[:3]};"
            f" {str(error).splitlines()[-1].strip()[:200]}",
            hint="model_class= takes a module that was made as the one that was saved",
        ) from error
    return model


def _made(file: Path, keys: Mapping[str, Any], how: Loading) -> Any:
    """Return a module for weights: the caller's, or one of the class that the manifest names."""
    torch = import_extra("torch", "to load a model of PyTorch")
    given = how.options.get("model_class")
    if isinstance(given, torch.nn.Module):
        return given
    kind = _class(file, keys, how) if given is None else given
    arguments = keys.get("model_kwargs") or {}
    try:
        made = kind(**arguments)
    except TypeError as error:
        raise InvalidInput(
            f"{getattr(kind, '__name__', kind)} cannot be made with {arguments}: {error}",
            hint="give a module that is made in model_class=, or save it with model_kwargs={...}",
        ) from error
    if not isinstance(made, torch.nn.Module):
        raise InvalidType(f"model_class makes {type(made).__name__}, which is no torch.nn.Module")
    return made


def _class(file: Path, keys: Mapping[str, Any], how: Loading) -> Any:
    """Return the class that the manifest names, if it is PyTorch's, came with the model, or is trusted."""
    kind = str(keys.get("model_class"))
    module, _, name = kind.rpartition(".")
    known = module.startswith("torch.nn.") or how.trust.pickle or kind in how.trust.types_in(file)
    if not known and not _came_with(file.parent.parent, keys, module):
        raise Untrusted(
            f"the weights in {file} are of the class {kind[:80]}, which did not come with the model",
            hint=f"give the class, or a module of it, in model_class=; or trusted_types=[{kind[:80]!r}]",
        )
    torch = import_extra("torch", "to load a model of PyTorch")
    with reading(file, _WHAT):
        found = getattr(importlib.import_module(module), name)
    if not (isinstance(found, type) and issubclass(found, torch.nn.Module)):
        raise Corrupt(f"the manifest names the class {kind[:80]!r}, which is no torch.nn.Module")
    return found


def _came_with(folder: Path, keys: Mapping[str, Any], module: str) -> bool:
    code = keys.get("code")
    top = module.partition(".")[0]
    if not isinstance(code, str) or not top:
        return False
    spec = importlib.util.find_spec(top)
    places = [spec.origin, *(spec.submodule_search_locations or ())] if spec is not None else []
    within = os.path.realpath(folder / code) + os.sep
    return any(place is not None and os.path.realpath(place).startswith(within) for place in places)


# -- pickle


def _write_pickle(torch: Any, model: Any, data: Path, module: Any, options: Mapping[str, Any]) -> None:
    file = data / _PICKLE
    try:
        if isinstance(model, torch.jit.ScriptModule):
            torch.jit.save(model, str(file))
        else:
            torch.save(model, file, pickle_module=module or import_extra("cloudpickle", _WHY), **options)
    except (TypeError, AttributeError, RuntimeError, ValueError) as error:
        raise InvalidInput(f"this {type(model).__name__} cannot be pickled: {error}") from error
    named = getattr(module, "__name__", "pickle")
    (data / _PICKLE_MODULE).write_text("pickle" if named in _PLAIN_PICKLES else named)
    trust.remember(file)


def _read_pickle(torch: Any, file: Path, how: Loading) -> Any:
    how.trust.require_pickle(file)
    place = how.options.get("map_location") or how.options.get("device")
    with reading(file, _WHAT):
        if zipfile.is_zipfile(file) and "constants.pkl" in {
            name.partition("/")[2] for name in zipfile.ZipFile(file).namelist()
        }:
            return torch.jit.load(str(file), map_location=place)
        options = {"weights_only": False, **how.options.get("load_options", {})}
        if (named := _pickle_module(file.parent / _PICKLE_MODULE)) is not None:
            options.setdefault("pickle_module", named)
        loaded = torch.load(file, map_location=place, **options)
    if not isinstance(loaded, torch.nn.Module):
        raise Corrupt(f"{file} holds {type(loaded).__name__} and no {_WHAT}")
    return loaded


def _pickle_module(info: Path) -> Any:
    """Return the module that the pickle was made with, if it is another than those that the standard one reads."""
    named = info.read_text().strip() if info.is_file() else "pickle"
    return None if named in _PLAIN_PICKLES else importlib.import_module(named)
