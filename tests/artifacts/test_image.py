"""Images: pixels come back as they were given, and what is no image is refused."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from runlake.artifacts import Artifacts, Image
from runlake.artifacts.image import load_image, log_image, prepare_image, to_pil
from runlake.errors import InvalidInput, InvalidType, MissingExtra, NotFound


def pixels(artifacts: Artifacts, path: str) -> np.ndarray:
    return np.asarray(load_image(artifacts, path))


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 1), (3, 5, 3), (3, 5, 4)])
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32", "float64"])
def test_an_array_comes_back_pixel_by_pixel(artifacts: Artifacts, shape: tuple[int, ...], dtype: str) -> None:
    levels = np.random.default_rng(0).integers(0, 256, shape)
    given = (levels / 255).astype(dtype) if dtype.startswith("float") else levels.astype(dtype)
    log_image(artifacts, given, "x.png")
    np.testing.assert_array_equal(pixels(artifacts, "x.png"), levels[:, :, 0] if shape[2:] == (1,) else levels)


def test_a_mask_is_black_and_white(artifacts: Artifacts) -> None:
    log_image(artifacts, np.array([[True, False]]), "mask.png")
    assert pixels(artifacts, "mask.png").tolist() == [[255, 0]]


def test_floats_out_of_range_are_scaled_with_a_warning(artifacts: Artifacts) -> None:
    with pytest.warns(UserWarning, match="-1 to 3"):
        log_image(artifacts, np.array([[-1.0, 1.0, 3.0]]), "x.png")
    assert pixels(artifacts, "x.png").tolist() == [[0, 128, 255]]


def test_pixels_that_are_not_finite_are_black_with_a_warning(artifacts: Artifacts) -> None:
    with pytest.warns(UserWarning, match="not finite"):
        log_image(artifacts, np.array([[np.nan, np.inf, 1.0]]), "x.png")
    assert pixels(artifacts, "x.png").tolist() == [[0, 0, 255]]


def test_an_image_of_one_level_out_of_range_is_drawn(artifacts: Artifacts) -> None:
    with pytest.warns(UserWarning, match="7 to 7"):
        log_image(artifacts, np.full((2, 2), 7.0), "x.png")
    assert pixels(artifacts, "x.png").tolist() == [[255, 255], [255, 255]]


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros(3),
        np.zeros((2, 2, 2)),
        np.zeros((2, 2, 3, 1)),
        np.zeros((0, 3)),
        np.full((2, 2), 256),
        np.full((2, 2), -1),
        np.zeros((2, 2), dtype="complex64"),
        np.array([["a"]]),
        "picture.png",
        None,
        3,
    ],
    ids=str,
)
def test_what_is_no_image_is_refused(artifacts: Artifacts, wrong: object) -> None:
    with pytest.raises(InvalidInput):
        log_image(artifacts, wrong, "x.png")
    assert not artifacts.exists("x.png")


def test_pillow_images_and_ours_are_taken(artifacts: Artifacts, tmp_path: Path) -> None:
    picture = Pillow.new("RGB", (4, 2), (1, 2, 3))
    picture.save(tmp_path / "on_disk.png")
    for number, image in enumerate([picture, Image(picture), Image(str(tmp_path / "on_disk.png"))]):
        log_image(artifacts, image, f"{number}.png")
        assert pixels(artifacts, f"{number}.png").tolist() == np.asarray(picture).tolist()
    log_image(artifacts, picture, "x.jpeg")
    assert load_image(artifacts, "x.jpeg").format == "JPEG"


def test_our_image_gives_its_pixels_in_every_form(tmp_path: Path) -> None:
    image = Image([[1, 2, 3]])
    assert image.size == (3, 1)
    assert image.to_list() == [1, 2, 3]
    assert image.to_array().tolist() == [[1, 2, 3]]
    assert image.resize((6, 2)).size == (6, 2)
    assert Image(np.array([[[1, 2, 3]]])).to_list() == [(1, 2, 3)]
    image.save(tmp_path / "x.png")
    assert Image(tmp_path / "x.png").to_list() == [1, 2, 3]


def test_an_image_with_a_key_is_stored_where_mlflow_stores_it(artifacts: Artifacts) -> None:
    log_image(artifacts, np.zeros((1024, 512, 3)), key="val/dogs 1", step=7, timestamp=1_700_000_000_000)
    full, preview = sorted((info.path for info in artifacts.list("images")), key=len)
    stem = r"images/val~dogs 1\+step\+7\+timestamp\+1700000000000\+[0-9a-f-]{36}"
    assert re.fullmatch(stem + r"\.png", full)
    assert re.fullmatch(stem + r"\+compressed\.webp", preview)
    assert preview.startswith(full.removesuffix(".png"))
    assert load_image(artifacts, full).size == (512, 1024)
    assert load_image(artifacts, preview).size == (128, 256)


def test_the_official_client_names_keyed_images_the_same_way(
    artifacts: Artifacts, mlflow_says: Callable[[str], Any]
) -> None:
    log_image(artifacts, np.zeros((4, 4, 3)), key="a/b", step=3, timestamp=5)
    judged = mlflow_says(
        "import numpy as np, os\n"
        "client.log_image(run_id, np.zeros((4, 4, 3)), key='a/b', step=3, timestamp=5, synchronous=True)\n"
        "print(json.dumps(os.listdir(f'{root}/images')))"
    )
    ours = [info.path.removeprefix("images/") for info in artifacts.list("images")]
    without_uuid = [sorted(re.sub(r"[0-9a-f-]{36}", "<uuid>", name) for name in names) for names in (ours, judged)]
    assert without_uuid[0] == without_uuid[1]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_that_png_has_gets_a_preview(artifacts: Artifacts, mode: str) -> None:
    log_image(artifacts, Pillow.new(mode, (1000, 1)), key="x")
    assert sorted(load_image(artifacts, info.path).size for info in artifacts.list("images")) == [(256, 1), (1000, 1)]


@pytest.mark.parametrize("mode", ["CMYK", "F"])
def test_a_mode_that_the_format_lacks_is_named(artifacts: Artifacts, mode: str) -> None:
    with pytest.raises(InvalidInput, match=mode):
        log_image(artifacts, Pillow.new(mode, (2, 2)), "x.png")


def test_a_name_without_an_image_s_suffix_is_refused(artifacts: Artifacts) -> None:
    for name in ("picture", "picture.txt"):
        with pytest.raises(InvalidInput, match="picture"):
            log_image(artifacts, np.zeros((2, 2)), name)


@pytest.mark.parametrize("key", ["a%b", "a\\b", "", "é", "a\nb", "k" * 250])
def test_an_illegal_key_is_refused(artifacts: Artifacts, key: str) -> None:
    with pytest.raises(InvalidInput):
        log_image(artifacts, np.zeros((2, 2)), key=key)


def test_a_file_and_a_key_exclude_each_other() -> None:
    image = np.zeros((2, 2))
    for wrong in ({}, {"artifact_file": "x.png", "key": "x"}, {"artifact_file": "x.png", "step": 1}, {"step": 1}):
        with pytest.raises(InvalidType) as refused:
            prepare_image(image, **wrong)  # type: ignore[arg-type]
        assert isinstance(refused.value, TypeError)


def test_an_image_is_what_it_was_when_it_was_logged(artifacts: Artifacts) -> None:
    image = np.zeros((2, 2), dtype="uint8")
    picture = Pillow.new("L", (2, 2), 0)
    writers = [prepare_image(image, "array.png"), prepare_image(picture, "picture.png")]
    image[:] = 255
    picture.paste(255, (0, 0, 2, 2))
    for write in writers:
        write(artifacts)
    assert pixels(artifacts, "array.png").max() == pixels(artifacts, "picture.png").max() == 0


def test_loading_what_is_no_image_says_so(artifacts: Artifacts) -> None:
    artifacts.write_text("text", "x.png")
    with pytest.raises(InvalidInput, match=r"x\.png"):
        load_image(artifacts, "x.png")
    with pytest.raises(NotFound):
        load_image(artifacts, "y.png")


def test_without_pillow_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingExtra, match="pip install pillow"):
        to_pil(np.zeros((2, 2)))
