"""Figures of matplotlib and plotly as artifacts; the suffix of the name chooses the format."""

from __future__ import annotations

import io
from typing import Any, BinaryIO

from runlake.artifacts.contents import Contents
from runlake.errors import InvalidInput, InvalidType
from runlake.extras import is_loaded_instance

_PLOTLY_PICTURES = ("png", "jpg", "jpeg", "webp", "svg", "pdf")


def log_figure(
    artifacts: Contents, figure: Any, artifact_file: str, *, save_kwargs: dict[str, Any] | None = None
) -> None:
    """Write a figure to a file.

    Args:
        figure: A matplotlib figure (png, pdf, svg and what else its backend writes; without a suffix, its default
            format) or a plotly figure (html, or a picture if kaleido is installed). It is left open.
        save_kwargs: Passed on to `savefig`, `write_html` or `write_image`.

    Raises:
        InvalidType: the object is no figure.
        InvalidInput: the format is not known.
    """
    kwargs = dict(save_kwargs or {})
    suffix = artifact_file.rpartition("/")[2].rpartition(".")[2].lower() if "." in artifact_file else ""
    if is_loaded_instance(figure, "matplotlib.figure", "FigureBase"):
        with artifacts.create(artifact_file) as file:
            _save_matplotlib(figure, file, suffix, kwargs)
    elif is_loaded_instance(figure, "plotly.basedatatypes", "BaseFigure"):
        with artifacts.create(artifact_file) as file:
            _save_plotly(figure, file, suffix, kwargs)
    else:
        raise InvalidType(f"a figure of matplotlib or plotly is needed, not {type(figure).__name__}")


def _save_matplotlib(figure: Any, file: BinaryIO, suffix: str, kwargs: dict[str, Any]) -> None:
    if suffix:
        kwargs.setdefault("format", suffix)
    try:
        figure.savefig(file, **kwargs)
    except ValueError as error:
        raise InvalidInput(f"matplotlib cannot save the figure: {error}") from error


def _save_plotly(figure: Any, file: BinaryIO, suffix: str, kwargs: dict[str, Any]) -> None:
    if suffix == "html":
        page = io.StringIO()
        figure.write_html(page, **{"include_plotlyjs": "cdn", "auto_open": False, **kwargs})
        file.write(page.getvalue().encode())
    elif suffix in _PLOTLY_PICTURES:
        file.write(figure.to_image(format=suffix, **kwargs))
    else:
        raise InvalidInput(f"a plotly figure is saved as html or {', '.join(_PLOTLY_PICTURES)}, not as {suffix!r}")
