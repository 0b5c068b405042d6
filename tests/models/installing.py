"""Distributions made for a test: small packages as pip would leave them in a folder of sys.path, and as wheels."""

import base64
import hashlib
import json
import zipfile
from collections.abc import Mapping
from importlib import metadata as metadata_of_installed
from pathlib import Path
from typing import Any


def put(
    site: Path,
    name: str,
    version: str,
    files: Mapping[str, str],
    *,
    direct_url: Any = None,
    installer: str = "pip",
) -> Path:
    """Leave a distribution in a folder as pip does when it installs a wheel, and return what describes it."""
    described = f"{name.replace('-', '_')}-{version}.dist-info"
    contents = {**files, f"{described}/METADATA": metadata(name, version), f"{described}/INSTALLER": f"{installer}\n"}
    if direct_url is not None:
        contents[f"{described}/direct_url.json"] = json.dumps(direct_url)
    contents[f"{described}/RECORD"] = "".join(f"{path},,\n" for path in [*contents, f"{described}/RECORD"])
    for path, text in contents.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)
    return site / described


def wheel(folder: Path, name: str, version: str, files: Mapping[str, str], *, requires: tuple[str, ...] = ()) -> Path:
    """Write a wheel of pure Python into a folder."""
    base = f"{name.replace('-', '_')}-{version}"
    contents = {
        **files,
        f"{base}.dist-info/METADATA": metadata(name, version, requires),
        f"{base}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = [f"{path},sha256={_digest(text)},{len(text.encode())}" for path, text in contents.items()]
    contents[f"{base}.dist-info/RECORD"] = "\n".join([*lines, f"{base}.dist-info/RECORD,,", ""])
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{base}-py3-none-any.whl", "w") as archive:
        for path, text in contents.items():
            archive.writestr(path, text)
    return folder / f"{base}-py3-none-any.whl"


def metadata(name: str, version: str, requires: tuple[str, ...] = ()) -> str:
    return "".join(
        ["Metadata-Version: 2.1\n", f"Name: {name}\n", f"Version: {version}\n"]
        + [f"Requires-Dist: {line}\n" for line in requires]
    )


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def repacked(folder: Path, name: str) -> Path:
    """Make a wheel of an installed distribution, as it is."""
    found = metadata_of_installed.distribution(name)
    assert found.files is not None
    files = [file for file in found.files if "__pycache__" not in file.parts and ".." not in file.parts]
    described = next(file.parts[0] for file in files if file.parts[0].endswith(".dist-info"))
    tag = next(line for line in (found.read_text("WHEEL") or "").splitlines() if line.startswith("Tag:")).split()[1]
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{described.removesuffix('.dist-info')}-{tag}.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for file in files:
            if file.name not in ("INSTALLER", "REQUESTED", "direct_url.json"):
                archive.write(str(file.locate()), str(file))
    return target
