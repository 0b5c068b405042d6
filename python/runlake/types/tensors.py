"""Tensors: NumPy's, sparse matrices, and those of other libraries, which are told by their dtype and shape."""

from __future__ import annotations

from typing import Any

from runlake.errors import InvalidInput, InvalidType
from runlake.extras import is_loaded_instance
from runlake.types.columns import TensorSpec, dtype_name

_NO_TENSORS = ("pandas", "polars", "pyarrow")


def is_tensor(value: Any) -> bool:
    """Tell a tensor: an array of NumPy, a sparse matrix of SciPy, a tensor of PyTorch or of a library like it."""
    if is_loaded_instance(value, "numpy", "generic") or isinstance(value, type):
        return False
    if type(value).__module__.partition(".")[0] in _NO_TENSORS:
        return False
    return hasattr(value, "dtype") and hasattr(value, "shape") and hasattr(value, "ndim")


def is_sparse(value: Any) -> bool:
    """Tell a sparse matrix or array of SciPy."""
    return type(value).__module__.startswith("scipy.sparse") and is_tensor(value)


def tensor_spec(value: Any, name: str | None = None) -> TensorSpec:
    """Describe a tensor; its first dimension, of samples, may have any size.

    Raises:
        InvalidInput: it has no dimension.
        InvalidType: NumPy has no such dtype.
    """
    shape = tuple(value.shape)
    if not shape:
        raise InvalidInput(f"a tensor without dimensions has no samples: {value!r}", hint="give it a first dimension")
    return TensorSpec(tensor_dtype(value), (-1, *(int(size) for size in shape[1:])), name)


def tensor_dtype(value: Any) -> str:
    """Name the dtype of a tensor as NumPy does.

    Raises:
        InvalidType: NumPy has no such dtype.
    """
    dtype = value.dtype
    if type(dtype).__module__.partition(".")[0] == "numpy" or is_loaded_instance(dtype, "numpy", "dtype"):
        return dtype_name(dtype)
    name = str(getattr(dtype, "name", dtype)).rpartition(".")[2]
    if name == "bfloat16":
        raise InvalidType("a signature has no dtype for bfloat16", hint="convert the tensor to float32")
    return dtype_name(name)
