"""Putting a figure into a notebook, with words for those who do not see it."""

from __future__ import annotations

import base64
import html
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PER_INCH = 96  # CSS pixels, so that a 10-point letter shows 10 points tall
_SHARP = 1.75  # dots per CSS pixel, for screens with small ones
_LEAST = 20  # characters of alt text


def inert() -> bool:
    """Return whether nobody looks: while grading, validating, or without a screen."""
    return bool(
        os.environ.get("NBGRADER_EXECUTION") or os.environ.get("COURSE_HEADLESS")
    )


def show(fig: Figure | Callable[[], Figure], alt: str) -> None:
    """Display a figure once, with `alt` for those who do not see it.

    `fig` may be a function that returns the figure: it is not called while grading,
    when nothing is drawn and the feedback shows the alt text instead. Raises
    ValueError when `alt` is shorter than 20 characters.

    >>> show(None, alt="a curve")
    Traceback (most recent call last):
    ValueError: alt must describe the picture in a sentence of 20 characters or more
    """
    require_alt(alt)
    put(fig, alt)


def require_alt(alt: str) -> None:
    """Raise ValueError unless `alt` is long enough to describe a picture."""
    if not isinstance(alt, str) or len(alt.strip()) < _LEAST:
        raise ValueError(
            "alt must describe the picture in a sentence "
            f"of {_LEAST} characters or more"
        )


def put(
    fig: Figure | Callable[[], Figure],
    alt: str,
    *,
    name: str | None = None,
    again: bool = False,
) -> None:
    """Display `fig`; under a `name`, `again` replaces what was shown before."""
    if not in_notebook():
        return
    from IPython.display import publish_display_data

    data, notes = {"text/plain": alt}, {}
    if not inert():
        data, notes = bundle(fig() if callable(fig) else fig, alt)
    transient = {"display_id": name} if name else None
    publish_display_data(data, notes, transient=transient, update=again)


def in_notebook() -> bool:
    """Return whether this process is a notebook's kernel (or an IPython terminal)."""
    core = sys.modules.get("IPython.core.interactiveshell")
    return core is not None and core.InteractiveShell.initialized()


def bundle(fig: Figure, alt: str) -> tuple[dict[str, str], dict[str, dict]]:
    """Return the MIME bundle of `fig` and its metadata; the figure is done with.

    JupyterLab 4 and nbconvert's lab template ignore the alt text of an image/png, so
    an <img> comes with it. nbgrader's feedback and formgrader take it from the
    metadata, PDF and Markdown exports take the image/png.
    """
    from course.viz.drawing import png

    code = base64.b64encode(png(fig, _PER_INCH * _SHARP)).decode()
    width, height = (round(inches * _PER_INCH) for inches in fig.get_size_inches())
    # With both sizes given, the page does not jump while a new picture is decoded.
    image = (
        f'<img alt="{html.escape(alt)}" width="{width}" height="{height}" '
        'style="max-width:100%;height:auto" '
        f'src="data:image/png;base64,{code}">'
    )
    data = {"text/html": image, "image/png": code, "text/plain": alt}
    return data, {"image/png": {"alt": alt, "width": width, "height": height}}
