"""Models: saved with signature, example and environment, in MLflow's format; under the names of `mlflow.models`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runlake import lazy

if TYPE_CHECKING:
    from runlake.models.amending import set_signature
    from runlake.models.code import ModelConfig, set_model
    from runlake.models.enforcement import validate_schema
    from runlake.models.examples import convert_input_example_to_serving_input
    from runlake.models.flavors import Flavor
    from runlake.models.info import ModelInfo, get_model_info
    from runlake.models.manifest import Model
    from runlake.models.signature import ModelSignature, infer_signature

__all__ = [
    "Flavor",
    "Model",
    "ModelConfig",
    "ModelInfo",
    "ModelSignature",
    "convert_input_example_to_serving_input",
    "get_model_info",
    "infer_signature",
    "set_model",
    "set_signature",
    "validate_schema",
]

_HOMES = {
    "runlake.models.amending": ("set_signature",),
    "runlake.models.code": ("ModelConfig", "set_model"),
    "runlake.models.enforcement": ("validate_schema",),
    "runlake.models.examples": ("convert_input_example_to_serving_input",),
    "runlake.models.flavors": ("Flavor",),
    "runlake.models.info": ("ModelInfo", "get_model_info"),
    "runlake.models.manifest": ("Model",),
    "runlake.models.signature": ("ModelSignature", "infer_signature"),
}
"""Where each public name is defined; its module is imported when the name is first used."""

_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__getattr__ = lazy.attributes(__name__, _HOME_OF)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
