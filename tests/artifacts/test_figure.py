"""Figures: the suffix chooses the format, and what is no figure is refused."""

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from runlake.artifacts import Artifacts
from runlake.artifacts.figure import log_figure
from runlake.artifacts.image import load_image
from runlake.errors import InvalidInput, InvalidType

mpl.use("Agg")


@pytest.fixture
def figure() -> Figure:
    figure = Figure(figsize=(2, 1), dpi=100)
    figure.subplots().plot([0, 1], [1, 0])
    return figure


@pytest.mark.parametrize(
    ("name", "start"), [("f.png", b"\x89PNG"), ("f.pdf", b"%PDF"), ("d.x/f.svg", b"<?xml"), ("f.JPG", b"\xff\xd8")]
)
def test_the_suffix_chooses_the_format(artifacts: Artifacts, figure: Figure, name: str, start: bytes) -> None:
    log_figure(artifacts, figure, name)
    assert artifacts.read_bytes(name).startswith(start)


def test_without_a_suffix_it_is_matplotlib_s_default(artifacts: Artifacts, figure: Figure) -> None:
    log_figure(artifacts, figure, "dir.x/figure")
    assert artifacts.read_bytes("dir.x/figure").startswith(b"\x89PNG")


def test_arguments_for_saving_are_passed_on_and_left_as_they_are(artifacts: Artifacts, figure: Figure) -> None:
    kwargs = {"dpi": 50}
    log_figure(artifacts, figure, "f.png", save_kwargs=kwargs)
    assert load_image(artifacts, "f.png").size == (100, 50)
    assert kwargs == {"dpi": 50}


def test_a_format_that_matplotlib_lacks_is_refused_and_leaves_nothing(artifacts: Artifacts, figure: Figure) -> None:
    with pytest.raises(InvalidInput, match="docx"):
        log_figure(artifacts, figure, "f.docx")
    assert artifacts.list() == []


def test_what_is_no_figure_is_refused(artifacts: Artifacts) -> None:
    with pytest.raises(InvalidType, match="dict"):
        log_figure(artifacts, {}, "f.png")


def test_a_plotly_figure_is_a_page(artifacts: Artifacts) -> None:
    go = pytest.importorskip("plotly.graph_objects")
    log_figure(artifacts, go.Figure(go.Scatter(x=[0, 1], y=[2, 3])), "f.html")
    assert "plotly" in artifacts.load_text("f.html")
    with pytest.raises(InvalidInput, match="html"):
        log_figure(artifacts, go.Figure(), "f.docx")
