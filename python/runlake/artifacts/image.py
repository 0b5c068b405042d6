"""Images as artifacts: from Pillow, from arrays, from files; single files, or one a step under a key.

An image with a key is stored as MLflow stores it, so that its user interface and ours find it:
`images/<key, "/" as "~">+step+<step>+timestamp+<ms>+<uuid>.png` and a preview of at most 256 x 256 pixels beside it.
"""

from __future__ import annotations

import os
import re
import time
import warnings
from collections.abc import Callable
from typing import Any

from runlake.artifacts.contents import Contents
from runlake.artifacts.paths import file_components
from runlake.errors import InvalidInput, InvalidType
from runlake.extras import import_extra

LOGGED_IMAGES_TAG = "mlflow.loggedImages"
"""Tag, with the value "True", of runs that have images with keys."""

PREVIEW_PIXELS = 256
"""Longer side of a preview."""

_KEY = re.compile(r"[a-zA-Z0-9_\-./ ]+")
_CHANNELS = (1, 3, 4)


class Image:
    """An image held as a Pillow image, for `log_image` and for the cells of `log_table`.

    Args:
        image: A Pillow image, the path of an image file, or an array as `to_pil` takes it; also nested lists of one.
    """

    def __init__(self, image: Any) -> None:
        if isinstance(image, str | os.PathLike):
            self.image = import_extra("PIL.Image", "to open an image").open(image)
        elif isinstance(image, list):
            self.image = to_pil(import_extra("numpy", "to make an image from lists").array(image))
        else:
            self.image = to_pil(image)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        width, height = self.image.size
        return width, height

    def to_pil(self) -> Any:
        """Give the Pillow image itself."""
        return self.image

    def to_array(self) -> Any:
        """Give the pixels as a NumPy array, (height, width) or (height, width, channels)."""
        return import_extra("numpy", "to make an array of an image").array(self.image)

    def to_list(self) -> list[Any]:
        """Give the pixels row by row, as numbers or tuples of channels."""
        bands = [band.tobytes() for band in self.image.split()]
        return list(bands[0]) if len(bands) == 1 else list(zip(*bands, strict=True))

    def save(self, path: Any) -> None:
        """Save the image to a path; the suffix chooses the format."""
        self.image.save(path)

    def resize(self, size: tuple[int, int]) -> Image:
        """Make a copy of (width, height) pixels."""
        return Image(self.image.resize(size))


def to_pil(image: Any) -> Any:
    """Turn an image of any kind that can be logged into a Pillow image.

    Args:
        image: A Pillow image or an `Image` (given back as they are), or an array, or something `numpy.asarray` takes
            (a tensor on the CPU): (height, width) or (height, width, 1, 3 or 4 channels: grey, RGB, RGBA); booleans,
            integers in 0..255, or floats in 0..1. Floats outside are scaled so that their range is 0..1, with a
            warning; pixels that are not finite become 0, with a warning.

    Raises:
        InvalidInput: a shape, a type or an integer that no image has.
        InvalidType: not an image.
        MissingExtra: Pillow (or NumPy, for an array) is not installed.
    """
    pil = import_extra("PIL.Image", "to log an image")
    if isinstance(image, Image):
        return image.to_pil()
    if isinstance(image, pil.Image):
        return image
    if not hasattr(image, "__array__"):
        raise InvalidType(f"an image is an array, a Pillow image or runlake.Image, not {type(image).__name__}")
    pixels = import_extra("numpy", "to log an array as an image").asarray(image)
    _check_shape(pixels.shape)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    return pil.fromarray(_to_bytes(pixels))


def prepare_image(
    image: Any,
    artifact_file: str | None = None,
    *,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
) -> Callable[[Contents], None]:
    """Check an image and where it goes, copy its pixels, and give the function that writes it.

    The function may be called later and in another thread; what is done to the image in the meantime does not matter.

    Args:
        artifact_file: Path of the file; its suffix chooses the format. Either this or `key`.
        key: Name of a series of images: letters, digits, `_ - . /` and space.
        step: Step of an image with a key; default 0.
        timestamp: Time of an image with a key, in ms since 1970; default now.

    Raises:
        InvalidType: neither or both of `artifact_file` and `key`, or not an image.
        InvalidInput: an illegal key or path, or an image that `to_pil` refuses.
    """
    if artifact_file is not None and any(argument is not None for argument in (key, step, timestamp)):
        raise InvalidType("log_image takes either artifact_file or key (with step and timestamp), not both")
    if artifact_file is not None:
        file_components(artifact_file)
        picture = to_pil(image).copy()
        return lambda artifacts: _save(artifacts, picture, artifact_file)
    if key is None:
        raise InvalidType("log_image needs artifact_file, for a single file, or key, for one image a step")
    stem = _keyed_stem(key, step or 0, int(time.time() * 1000) if timestamp is None else timestamp)
    picture = to_pil(image).copy()
    return lambda artifacts: save_with_preview(artifacts, picture, f"{stem}.png", f"{stem}+compressed.webp")


def log_image(artifacts: Contents, image: Any, artifact_file: str | None = None, **where: Any) -> None:
    """Write an image; arguments and errors are those of `prepare_image`."""
    prepare_image(image, artifact_file, **where)(artifacts)


def load_image(artifacts: Contents, artifact_file: str) -> Any:
    """Read an image file whole, as a Pillow image.

    Raises:
        NotFound: there is no such artifact.
        InvalidInput: it is not an image that Pillow knows.
    """
    pil = import_extra("PIL.Image", "to load an image")
    with artifacts.open(artifact_file) as file:
        try:
            picture = pil.open(file)
            picture.load()
        except OSError as error:
            raise InvalidInput(f"artifact {artifact_file!r} is not an image that Pillow can read: {error}") from error
    return picture


def save_with_preview(artifacts: Contents, picture: Any, artifact_file: str, preview_file: str) -> None:
    """Write a Pillow image, and a small copy of it if this Pillow can write the preview's format."""
    _save(artifacts, picture, artifact_file)
    if import_extra("PIL.features", "to log an image").check("webp"):
        _save(artifacts, _preview(picture), preview_file)


def _save(artifacts: Contents, picture: Any, artifact_file: str) -> None:
    pil = import_extra("PIL.Image", "to log an image")
    suffix = os.path.splitext(artifact_file)[1].lower()
    picture_format = pil.registered_extensions().get(suffix)
    if picture_format is None:
        raise InvalidInput(f"an image cannot be saved as {artifact_file!r}; end the name with .png, .jpg or .webp")
    with artifacts.create(artifact_file) as file:
        try:
            picture.save(file, format=picture_format)
        except (OSError, ValueError, KeyError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise InvalidInput(f"an image of mode {picture.mode!r} cannot be saved as {suffix}: {error}") from error


def _preview(picture: Any) -> Any:
    width, height = picture.size
    scale = PREVIEW_PIXELS / max(width, height)
    small = picture if picture.mode in ("RGB", "RGBA") else picture.convert("RGBA" if "A" in picture.mode else "RGB")
    return small.resize((max(1, int(width * scale)), max(1, int(height * scale))))


def _keyed_stem(key: str, step: int, timestamp_ms: int) -> str:
    if not _KEY.fullmatch(key):
        raise InvalidInput(f"image key {key!r} may have letters, digits, '_', '-', '.', '/' and spaces only")
    from uuid import uuid4

    stem = f"images/{key.replace('/', '~')}+step+{step}+timestamp+{timestamp_ms}+{uuid4()}"
    file_components(f"{stem}+compressed.webp")
    return stem


def _check_shape(shape: tuple[int, ...]) -> None:
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in _CHANNELS):
        raise InvalidInput(f"an image has the shape (height, width) or (height, width, 1, 3 or 4), not {shape}")
    if 0 in shape:
        raise InvalidInput(f"an image has at least one pixel, not the shape {shape}")


def _to_bytes(pixels: Any) -> Any:
    kind = pixels.dtype.kind
    if kind == "b":
        return pixels.astype("uint8") * 255
    if kind in "iu":
        low, high = pixels.min(), pixels.max()
        if low < 0 or high > 255:
            raise InvalidInput(f"integer pixels are 0 to 255, not {low} to {high}")
        return pixels.astype("uint8")
    if kind == "f":
        return (_unit_range(pixels) * 255 + 0.5).astype("uint8")
    raise InvalidInput(f"pixels are booleans, integers or floats, not {pixels.dtype}")


def _unit_range(pixels: Any) -> Any:
    np = import_extra("numpy", "to log an array as an image")
    pixels = pixels.astype("float64")
    finite = np.isfinite(pixels)
    if not finite.all():
        warnings.warn("pixels that are not finite are drawn as 0", stacklevel=5)
        pixels = np.where(finite, pixels, 0.0)
    low, high = pixels.min(), pixels.max()
    if low >= 0 and high <= 1:
        return pixels
    warnings.warn(f"float pixels are 0 to 1, not {low:g} to {high:g}; they are scaled", stacklevel=5)
    return (pixels - low) / (high - low) if high > low else np.clip(pixels, 0, 1)
