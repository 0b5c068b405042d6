"""Programs of torch.export, looked through before PyTorch reads them: their reader runs what their writer wants.

`torch.export.load` unpickles sample inputs, constants and some weights, evaluates sizes with `sympify`, compiles guards
with `exec`, writes names of values into source code, imports what a structure of inputs names, and calls any function
below `torch` that a node names. What it is given here has none of that but what PyTorch itself writes for a model:
raw tensors, operators of known libraries, names that are names, and expressions over numbers.

The archive is read with PyTorch's own reader, so that what was looked at is what will be loaded.
"""

from __future__ import annotations

import ast
import io
import json
import pickletools
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from runlake.errors import Untrusted
from runlake.extras import import_extra

_NAME: Final = re.compile(r"[\w.-]*", re.ASCII)
_LITERAL: Final = re.compile(r"[\w .,>+-]*", re.ASCII)
_VERSION: Final = re.compile(r"[\w.+<=-]*", re.ASCII)

_RAW: Final = re.compile(r"data/(weights/weight|constants/tensor)_\d+")
_CONFIG: Final = re.compile(r"data/(weights|constants)/\w+_config\.json")
_PROGRAM: Final = re.compile(r"models/\w+\.json")
_INPUTS: Final = re.compile(r"data/sample_inputs/\w+\.pt")
_PLAIN: Final = re.compile(
    r"archive_format|archive_version|byteorder|version|\.data/(version|serialization_id)|\.format_version"
    r"|\.storage_alignment|extra/.*"
)
_OLD: Final = frozenset({"version", "serialized_exported_program.json"})

_OPERATOR: Final = re.compile(
    r"torch\.ops\.(aten|prims|quantized_decomposed|torchvision|torchaudio)\.\w+(\.\w+)?"
    r"|torch\.ops\.higher_order\.(cond|while_loop|map_impl|scan|associative_scan)"
    r"|torch\.ops\.higher_order\.wrap_with_(set_grad_enabled|autocast)"
    r"|_operator\.(getitem|eq|ne|le|ge|lt|gt|neg|pos|abs|mul|add|sub|floordiv|mod|pow|truediv|and_|or_|not_|lshift|rshift)"
    r"|math\.\w+|torch\.(sym_\w+|_sym_\w+)"
)
_OF_FILES: Final = re.compile(r"torch\.ops\.aten\.(from_file|save)(\.\w+)?")

_FUNCTIONS: Final = frozenset(
    {
        "Symbol", "Dummy", "Integer", "Float", "Rational", "Add", "Mul", "Pow", "Max", "Min", "Mod", "Abs", "floor",
        "ceiling", "sqrt", "log", "exp", "And", "Or", "Not", "Eq", "Ne", "Lt", "Le", "Gt", "Ge", "Equality",
        "Unequality", "StrictGreaterThan", "StrictLessThan", "GreaterThan", "LessThan", "ITE", "Piecewise",
        "ExprCondPair", "FloorDiv", "ModularIndexing", "Where", "PythonMod", "CleanDiv", "CeilToInt", "FloorToInt",
        "CeilDiv", "LShift", "RShift", "PowByNatural", "FloatPow", "FloatTrueDiv", "IntTrueDiv",
        "IsNonOverlappingAndDenseIndicator", "TruncToFloat", "TruncToInt", "RoundToInt", "RoundDecimal", "ToFloat",
        "Identity", "BitwiseFn_bitwise_and", "BitwiseFn_bitwise_or", "TensorAccessor",
    }
)  # fmt: skip
_OF_TENSORS: Final = frozenset({"size", "stride", "storage_offset", "dim"})
_ARITHMETIC: Final = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.operator, ast.unaryop, ast.boolop, ast.cmpop,
    ast.Name, ast.Load, ast.keyword, ast.Tuple,
)  # fmt: skip

_STRUCTURES: Final = (None, "builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict")

_GLOBAL: Final = re.compile(
    r"torch._utils (_rebuild_tensor_v2|_rebuild_parameter)|torch \w+Storage|collections OrderedDict"
)
_UNKNOWN_CODES: Final = frozenset(
    {"INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4", "PERSID"}
)
_TENSOR_RECORD: Final = re.compile(
    r"data\.pkl|data/\d+|version|byteorder|\.format_version|\.storage_alignment|\.data/\w+"
)


def check(file: Path) -> None:
    """Return if loading a program runs nothing but PyTorch.

    Raises:
        Untrusted: it has something that PyTorch does not write for a model of tensors; the message names it.
        RuntimeError, ValueError: it is no archive, or cut off.
    """
    torch = import_extra("torch", "to load a model of PyTorch")
    archive = torch._C.PyTorchFileReader(str(file))
    names = archive.get_all_records()
    with zipfile.ZipFile(file) as plain:  # as which PyTorch takes an archive that it cannot read as one of its own
        if _OLD & set(plain.namelist()):
            raise _refusal(file, "the form of a PyTorch before 2.8")
    raw: set[str] = set()
    for name in names:
        if _CONFIG.fullmatch(name):
            raw |= _raw(file, name, json.loads(archive.get_record(name)))
    for name in names:
        if _PROGRAM.fullmatch(name):
            _check_value(file, json.loads(archive.get_record(name)), "")
        elif _INPUTS.fullmatch(name):
            _check_tensors(file, name, archive.get_record(name))
        elif not (_PLAIN.fullmatch(name) or _CONFIG.fullmatch(name) or (_RAW.fullmatch(name) and name in raw)):
            raise _refusal(file, f"the record {name[:80]!r}")


def _raw(file: Path, name: str, config: Any) -> set[str]:
    """Return the records that are read as bare numbers."""
    folder = name.rpartition("/")[0]
    found = set()
    for entry in config["config"].values():
        if entry["use_pickle"] is not False or not _RAW.fullmatch(f"{folder}/{entry['path_name']}"):
            raise _refusal(file, f"the pickle {str(entry['path_name'])[:80]!r}")
        found.add(f"{folder}/{entry['path_name']}")
    return found


def _refusal(file: Path, what: str) -> Untrusted:
    return Untrusted(
        f"{file} has {what}, with which a program may run whatever code its writer wants when it is loaded or used",
        hint="if you know who wrote it, load it with trust_pickle=True",
    )


# -- the program


def _check_value(file: Path, value: Any, key: str) -> None:
    """Look through a part of the program; `key` is what it is in its object."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            if not _NAME.fullmatch(name):
                raise _refusal(file, f"the name {name[:80]!r}")
            if name in ("as_custom_obj", "custom_obj_values") and part:
                raise _refusal(file, "an object that is no tensor")
            if not _is_for_people(value, name, part):
                _check_value(file, part, name)
    elif isinstance(value, list):
        for part in value:
            _check_value(file, part, key)
    elif isinstance(value, str):
        _check_text(file, value, key)


def _is_for_people(parent: Mapping[str, Any], name: str, part: Any) -> bool:
    """Tell whether a part is the texts that say where a node is from; a value may be called `metadata` as well."""
    of_node = "target" in parent or "module_call_graph" in parent
    return (
        name == "metadata" and of_node and isinstance(part, Mapping) and all(isinstance(x, str) for x in part.values())
    )


def _check_text(file: Path, text: str, key: str) -> None:
    if key == "expr_str" or key == "guards_code":
        _check_expression(file, text, of_tensors=key == "guards_code")
    elif key in ("in_spec", "out_spec"):
        for part in _specs(json.loads(text)):
            _check_structure(file, part)
    elif key in ("target", "as_operator"):
        if not _OPERATOR.fullmatch(text) or _OF_FILES.fullmatch(text):
            raise _refusal(file, f"the operator {text[:80]!r}")
    else:
        allowed = {"as_string": _LITERAL, "as_strings": _LITERAL, "torch_version": _VERSION}.get(key, _NAME)
        if not allowed.fullmatch(text):
            raise _refusal(file, f"the text {text[:80]!r} under {key!r}")


def _check_expression(file: Path, text: str, *, of_tensors: bool) -> None:
    """Take arithmetic over names and numbers; in guards also sizes of inputs, as `L['x'].size()[0]`."""
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError):
        raise _refusal(file, f"the expression {text[:80]!r}") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            fits = not isinstance(node.value, str) or bool(_NAME.fullmatch(node.value))
        elif isinstance(node, ast.Call):
            fits = _is_known_call(node, of_tensors)
        elif isinstance(node, ast.Attribute):
            fits = of_tensors and _is_known_attribute(node)
        elif isinstance(node, ast.Subscript):
            fits = of_tensors and isinstance(node.slice, ast.Constant)
        else:
            fits = isinstance(node, _ARITHMETIC)
        if not fits or (isinstance(node, ast.Name) and node.id.startswith("_")):
            raise _refusal(file, f"the expression {text[:80]!r}")


def _is_known_attribute(node: ast.Attribute) -> bool:
    module = node.value.id if isinstance(node.value, ast.Name) else ""
    return (
        node.attr in _OF_TENSORS
        or (module == "math" and not node.attr.startswith("_"))
        or (module == "torch" and node.attr.lstrip("_").startswith("sym_"))
    )


def _is_known_call(node: ast.Call, of_tensors: bool) -> bool:
    called = node.func
    return (
        isinstance(called, ast.Attribute)
        if of_tensors and not isinstance(called, ast.Name)
        else (isinstance(called, ast.Name) and called.id in _FUNCTIONS)
    )


def _specs(value: Any) -> Iterator[Mapping[str, Any]]:
    """Give the parts of the structure of inputs or outputs."""
    if isinstance(value, Mapping):
        yield value
        value = value.get("children_spec", [])
    for part in value if isinstance(value, list) else []:
        yield from _specs(part)


def _check_structure(file: Path, part: Mapping[str, Any]) -> None:
    context = part.get("context")
    keys = json.loads(context) if isinstance(context, str) else context
    plain = keys is None or (
        isinstance(keys, list)
        and all(isinstance(key, int) or (isinstance(key, str) and _NAME.fullmatch(key)) for key in keys)
    )
    if part.get("type") not in _STRUCTURES or not plain:
        raise _refusal(file, f"the structure {str(part.get('type'))[:80]!r} of inputs or outputs")


# -- sample inputs


def _check_tensors(file: Path, name: str, content: bytes) -> None:
    """Look through what `torch.save` has written: a pickle that makes nothing but tensors."""
    if not content:
        return
    torch = import_extra("torch", "to load a model of PyTorch")
    archive = torch._C.PyTorchFileReader(io.BytesIO(content))
    for record in archive.get_all_records():
        if not _TENSOR_RECORD.fullmatch(record):
            raise _refusal(file, f"the record {record[:80]!r} in {name}")
    for code, argument, _ in pickletools.genops(archive.get_record("data.pkl")):
        if code.name in _UNKNOWN_CODES or (code.name == "GLOBAL" and not _GLOBAL.fullmatch(str(argument))):
            raise _refusal(file, f"a pickle of {str(argument or code.name)[:80]!r} in {name}")
