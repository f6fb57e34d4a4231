"""Figures in the course's style: sizes, bars, direct labels, yours beside expected."""

import io
import sys
import textwrap
import traceback
from collections.abc import Callable, Collection, Sequence
from importlib import resources

import matplotlib as mpl
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from course.viz import BASELINE, LEARNER
from course.viz.page import inert, require_alt, show

_WIDTHS = {"wide": 8.4, "square": 4.6, "narrow": 4.6}  # inches
_HEIGHTS = {"wide": 3.4, "square": 4.6, "narrow": 3.0}
_STYLE = str(resources.files("course.viz") / "course.mplstyle")
_READABLE = 4.5  # contrast of text with white (WCAG 2.2, level AA)


def use_style() -> None:
    """Make the course's style the default of every figure in this process."""
    mpl.style.use(_STYLE)


def figure(
    width: str = "wide",
    rows: int = 1,
    cols: int = 1,
    *,
    height: float | None = None,
    **options: object,
) -> tuple[Figure, Axes]:
    """Return a figure in the course's style and its axes (an array if several).

    `width` is "wide", "square" or "narrow", `height` is in inches; other options go
    to `Figure.subplots`. The figure belongs to nobody: no window, nothing to close.

    >>> fig, axes = figure("wide", cols=2)
    >>> len(axes), fig.get_facecolor()
    (2, (1.0, 1.0, 1.0, 1.0))
    """
    if width not in _WIDTHS:
        raise ValueError(f"width must be one of {', '.join(_WIDTHS)}, not {width!r}")
    use_style()
    tall = height or _HEIGHTS[width] * (1 + 0.75 * (rows - 1))
    fig = Figure(figsize=(_WIDTHS[width], tall), layout="constrained")
    return fig, fig.subplots(rows, cols, **options)


def png(fig: Figure, dpi: float) -> bytes:
    """Return `fig` as PNG, byte for byte the same for the same drawing."""
    for ax in fig.axes:
        _wrap_titles(fig, ax)
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    if "matplotlib.pyplot" in sys.modules:  # so that it is not displayed once more
        sys.modules["matplotlib.pyplot"].close(fig)
    return buffer.getvalue()


def _wrap_titles(fig: Figure, ax: Axes) -> None:
    """Break titles that are wider than their panel."""
    for place in ("left", "center", "right"):
        words = ax.get_title(place)
        if not words or "\n" in words or "$" in words:
            continue
        fig.draw_without_rendering()
        label = {"left": ax._left_title, "center": ax.title, "right": ax._right_title}
        box, room = label[place].get_window_extent(), ax.get_window_extent().width
        if box.width > room:
            letters = max(12, int(len(words) * room / box.width))
            label[place].set_text("\n".join(textwrap.wrap(words, letters)))


def attempt(f: Callable, *args: object, **options: object) -> object:
    """Return `f(*args, **options)`, or the exception that it raised.

    For pictures that come before the answer is written; says so in one line.

    >>> def later():
    ...     raise NotImplementedError("not yet")
    >>> attempt(later)
    not drawn: later is not written yet
    NotImplementedError('not yet')
    """
    try:
        return f(*args, **options)
    except Exception as error:
        print(f"not drawn: {_why(error)}")
        return error


def beside(
    yours: object,
    expected: object,
    draw: Callable[[Axes, object], None],
    *,
    alt: str,
    titles: Sequence[str] = ("yours", "expected"),
    height: float | None = None,
) -> None:
    """Show the learner's result beside the expected one, both drawn by `draw(ax, …)`.

    Where `yours` is None or an exception, or cannot be drawn, its panel says so.
    Both panels get the same limits where `draw` leaves them to Matplotlib.
    """
    require_alt(alt)
    if inert():
        return
    fig, (left, right) = figure("wide", cols=2, height=height)
    draw(right, expected)
    words = _nothing(yours)
    if not words:
        try:
            draw(left, yours)
        except Exception as error:
            left.clear()
            words = f"this result cannot be drawn:\n{_why(error)}"
    if words:
        left.set(xticks=[], yticks=[])
        left.spines[:].set_visible(False)
        lines = [part for line in words.split("\n") for part in textwrap.wrap(line, 44)]
        left.text(
            *(0.5, 0.5, "\n".join(lines)),
            ha="center",
            va="center",
            color=BASELINE,
            transform=left.transAxes,
        )
    else:
        _same_limits(left, right)
    for ax, title in zip((left, right), titles, strict=True):
        ax.set_title(title)
    show(fig, alt)


def _same_limits(left: Axes, right: Axes) -> None:
    for axis in "xy":
        free = [getattr(ax, f"get_autoscale{axis}_on")() for ax in (left, right)]
        if all(free) and not getattr(left, f"{axis}axis").have_units():
            ends = [getattr(ax, f"get_{axis}lim")() for ax in (left, right)]
            low, high = min(map(min, ends)), max(map(max, ends))
            for ax, (first, last) in zip((left, right), ends, strict=True):
                turned = first > last
                limits = (high, low) if turned else (low, high)
                getattr(ax, f"set_{axis}lim")(*limits)


def _nothing(data: object) -> str:
    if isinstance(data, BaseException):
        return _why(data)
    return "nothing came back (None)" if data is None else ""


def _why(error: BaseException) -> str:
    if isinstance(error, NotImplementedError):
        named = "the answer"
        for frame, _ in traceback.walk_tb(error.__traceback__):  # the last one counts
            named = frame.f_code.co_qualname.rpartition("<locals>.")[2]
        return f"{named.removesuffix('.__init__')} is not written yet"
    words = " ".join(str(error).split())
    return f"raised {type(error).__name__}" + (f": {words[:120]}" if words else "")


def bars(
    ax: Axes,
    labels: Sequence[str],
    values: Sequence[float],
    unit: str,
    *,
    highlight: str | Collection[str] = (),
) -> None:
    """Draw horizontal bars, first on top, each with its value; `unit` names the axis.

    Bars named in `highlight` are black with a bold name, the learner's own; the
    others are grey.

    >>> fig, ax = figure("narrow")
    >>> bars(ax, ["all", "yours"], [111, 19.5], "MB read", highlight="yours")
    >>> [text.get_text() for text in ax.texts]
    ['111', '19.5']
    """
    chosen = {highlight} if isinstance(highlight, str) else set(highlight)
    colours = [LEARNER if label in chosen else BASELINE for label in labels]
    drawn = ax.barh(range(len(labels)), values, color=colours, height=0.68)
    ax.bar_label(drawn, [_figure(value) for value in values], padding=4)
    ax.set_yticks(range(len(labels)), labels)
    for tick, label in zip(ax.get_yticklabels(), labels, strict=True):
        tick.set_fontweight("bold" if label in chosen else "normal")
    ax.set_ylim(max(len(labels), 1) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.margins(x=0.16)
    ax.set_xlabel(unit)
    if max(values, default=0) >= 1e4:
        ax.xaxis.set_major_formatter(lambda value, _: _figure(value))
        ax.locator_params(axis="x", nbins=5)


def _figure(value: float) -> str:
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.3g}"


def label_lines(ax: Axes) -> None:
    """Write each line's label at its right end, in its colour, instead of a legend.

    Call it last: labels that would overlap are moved apart on the page, and stay
    within the height of the axes.
    """
    lines = [
        line
        for line in ax.get_lines()
        if not line.get_label().startswith("_") and len(line.get_xdata())
    ]
    if not lines:
        return
    ends = [
        (float(line.get_xdata()[-1]), float(line.get_ydata()[-1])) for line in lines
    ]
    fig = ax.get_figure(root=True)
    tall = ax.get_position().height * fig.get_figheight() * 72  # points
    size = mpl.rcParams["font.size"]
    ax.autoscale_view()  # settles the limits, which the transform below needs
    to_axes = ax.transData + ax.transAxes.inverted()
    ideal = [float(to_axes.transform(end)[1]) * tall for end in ends]
    placed = _apart(ideal, 1.25 * size, tall)
    for line, end, at, wish in zip(lines, ends, placed, ideal, strict=True):
        ax.annotate(
            line.get_label(),
            end,
            (7, at - wish),
            textcoords="offset points",
            va="center",
            color=_readable(line.get_color()),
            annotation_clip=False,
        )


def _apart(wished: Sequence[float], gap: float, tall: float) -> list[float]:
    """Return places near the wished ones, at least `gap` apart, within 0..`tall`.

    >>> _apart([5.0, 5.0, 40.0], 10, 50)
    [0.0, 10.0, 40.0]
    """
    order = sorted(range(len(wished)), key=lambda i: wished[i])
    groups: list[list[int]] = []
    centres: list[float] = []
    for i in order:
        groups.append([i])
        centres.append(wished[i])
        while len(groups) > 1:
            below, above = groups[-2], groups[-1]
            top = centres[-2] + gap * (len(below) - 1) / 2
            foot = centres[-1] - gap * (len(above) - 1) / 2
            if foot - top >= gap:
                break
            both = below + above
            groups[-2:] = [both]
            centres[-2:] = [sum(wished[j] for j in both) / len(both)]
    placed = [0.0] * len(wished)
    for group, centre in zip(groups, centres, strict=True):
        reach = gap * (len(group) - 1) / 2
        centre = min(max(centre, reach), max(tall - reach, reach))
        for k, i in enumerate(group):
            placed[i] = centre - reach + gap * k
    return placed


def _readable(colour: object) -> tuple[float, float, float]:
    """Return `colour`, darkened as far as text on white needs.

    >>> [round(part, 2) for part in _readable("#5790fc")]
    [0.27, 0.44, 0.77]
    """
    shade = to_rgb(colour)
    while 1.05 / (_luminance(shade) + 0.05) < _READABLE:
        shade = tuple(0.96 * part for part in shade)
    return shade


def _luminance(shade: tuple[float, float, float]) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in shade
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
