"""Things to touch: `explore` a model, `predict` before you measure, a `clock`.

A widget never holds anything that is graded. Without a front end (on GitHub, in a
test, in an export) each leaves its static default behind; while grading all are inert.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import inspect
import itertools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import ipywidgets
from IPython.display import display

from course import viz
from course.viz import page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Control = tuple | list | bool

_MOST = 4
_numbers = itertools.count(1)
_units: dict[str, str] = {}
_guesses: dict[str, float | str] = {}
_listeners: list[Callable[..., object]] = []
_ticking: list[asyncio.Task] = []
_TICK = 10.0  # seconds between two looks at the clock


def listen(listener: Callable[..., object]) -> None:
    """Have `listener(event, **facts)` called at every guess and comparison."""
    if listener not in _listeners:
        _listeners.append(listener)


# -- explore -----------------------------------------------------------------------


def explore(
    model: Callable[..., object],
    view: Callable[[object], Figure],
    *,
    question: str,
    alt: str,
    **controls: Control,
) -> None:
    """Show `view(model(**values))` and controls that draw it anew, in place.

    `model` computes plain data and `view` turns them into a Figure; neither changes
    anything else. A control is `(low, high, step)`, a list of options, or a bool. It
    starts at the model's default for that parameter, else in the middle, at the first
    option, at that bool. At most four. `alt` describes the picture at the start.
    Raises ValueError for any other control.

    >>> explore(lambda n: n, print, question="?", alt="A number, drawn large", n="abc")
    Traceback (most recent call last):
    ValueError: control 'n' must be (low, high, step), a list or a bool, not 'abc'
    """
    page.require_alt(alt)
    if not 1 <= len(controls) <= _MOST:
        raise ValueError(f"explore takes 1 to {_MOST} controls, got {len(controls)}")
    starts = _defaults(model)
    knobs = {n: _knob(n, control, starts.get(n)) for n, control in controls.items()}
    if viz.inert() or not page.in_notebook():
        viz.show(lambda: None, alt)
        return
    name = f"explore-{next(_numbers)}"
    display({"text/markdown": f"**{question}**", "text/plain": question}, raw=True)
    try:
        data = model(**_values(knobs))
    except NotImplementedError:
        named = getattr(model, "__name__", "the model")
        print(f"not drawn: {named} needs an answer that is not written yet")
        return
    page.put(view(data), alt, name=name)
    _display(_panel(model, view, alt, knobs, name), _setting(_values(knobs)))


def _panel(
    model: Callable[..., object],
    view: Callable[[object], Figure],
    alt: str,
    knobs: dict[str, ipywidgets.Widget],
    name: str,
) -> ipywidgets.Widget:
    """Return the controls, wired to redraw the picture shown under `name`."""
    trouble = ipywidgets.HTML()
    start = _values(knobs)

    def redraw(_: object = None) -> None:
        now = _values(knobs)
        try:
            figure = view(model(**now))
            page.put(
                figure,
                alt if now == start else f"{_setting(now)}. At the start: {alt}",
                name=name,
                again=True,
            )
            trouble.value = ""
        except Exception as error:
            words = f"{type(error).__name__}: {error}"
            trouble.value = (
                f'<span role="alert"><b style="color:{viz.LIMIT}">No picture</b> for '
                f"{html.escape(_setting(now))}: {html.escape(words)}</span>"
            )

    for knob in knobs.values():
        knob.observe(redraw, names="value")
    return ipywidgets.VBox([*knobs.values(), trouble])


def _values(knobs: dict[str, ipywidgets.Widget]) -> dict[str, object]:
    return {name: knob.value for name, knob in knobs.items()}


def _setting(values: dict[str, object]) -> str:
    return ", ".join(f"{name} = {_words(value)}" for name, value in values.items())


def _defaults(model: Callable[..., object]) -> dict[str, object]:
    parameters = inspect.signature(model).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def _knob(name: str, control: Control, start: object = None) -> ipywidgets.Widget:
    """Return the ipywidget for one control, at `start` if that is one of its values."""
    words = {
        "description": name.replace("_", " "),
        "style": {"description_width": "9em"},
        "layout": ipywidgets.Layout(width="36em", max_width="100%"),
    }
    if isinstance(control, bool):
        value = start if isinstance(start, bool) else control
        return ipywidgets.Checkbox(value=value, indent=True, **words)
    if isinstance(control, list) and control:
        value = start if start in control else control[0]
        numeric = all(isinstance(one, (int, float)) for one in control)
        options = sorted(control) if numeric else control
        kind = ipywidgets.SelectionSlider if numeric else ipywidgets.Dropdown
        pairs = [(_words(one), one) for one in options]
        return kind(options=pairs, value=value, **words)
    if isinstance(control, tuple) and len(control) == 3 and control[2] > 0:
        low, high, step = control
        whole = all(isinstance(number, int) for number in control)
        middle = low + round((high - low) / 2 / step) * step
        value = start if start is not None and low <= start <= high else middle
        kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
        more = {} if whole else {"readout_format": f".{_decimals(step)}f"}
        return kind(value=value, min=low, max=high, step=step, **more, **words)
    raise ValueError(
        f"control {name!r} must be (low, high, step), a list or a bool, not {control!r}"
    )


def _decimals(step: float) -> int:
    """Return how many decimals tell the steps apart.

    >>> _decimals(0.5), _decimals(0.25), _decimals(1.0)
    (1, 2, 0)
    """
    return next((n for n in range(9) if math.isclose(step, round(step, n))), 9)


# -- predict and reveal --------------------------------------------------------------


def predict(
    name: str, question: str, *, unit: str = "", options: Sequence[str] | None = None
) -> None:
    """Ask for a guess before the measurement: a number, or one of `options`.

    `reveal(name, …)` compares it later. The guess is noted, never graded; running the
    cell again asks again.
    """
    _units[name] = unit
    _guesses.pop(name, None)
    if viz.inert() or not page.in_notebook():
        return
    _display(_form(name, question, unit, options), f"Your guess? {question}")


def _form(
    name: str, question: str, unit: str, options: Sequence[str] | None
) -> ipywidgets.Widget:
    if options:
        field = ipywidgets.RadioButtons(options=list(options), value=None)
    else:
        field = ipywidgets.Text(
            placeholder=f"your guess, in {unit}" if unit else "your guess",
            layout=ipywidgets.Layout(width="14em"),
        )
    button = ipywidgets.Button(
        description="Lock in", layout=ipywidgets.Layout(width="7em")
    )
    said = ipywidgets.HTML()

    def lock(_: object) -> None:
        guess = field.value if options else _number(field.value)
        if guess is None:
            said.value = (
                "choose one first" if options else "a number, such as 12 or 0.5"
            )
            return
        _guesses[name] = guess
        field.disabled = button.disabled = True
        said.value = f"Noted: {html.escape(_words(guess, unit))}. Run the next cell."
        _tell("guess", name=name, guess=guess)

    button.on_click(lock)
    heading = ipywidgets.HTML(f"<b>{html.escape(question)}</b>")
    below = ipywidgets.HBox([button, said] if options else [field, button, said])
    return ipywidgets.VBox([heading, *([field] if options else []), below])


def _number(words: str) -> float | None:
    """Return the number that somebody typed, or None.

    >>> _number("1,500"), _number(" 12 % "), _number("many")
    (1500.0, 12.0, None)
    """
    try:
        number = float(words.replace(",", "").strip().rstrip("%"))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def reveal(name: str, measured: float | str, *, explain: str = "") -> None:
    """Print the measured value beside the guess of `predict(name, …)`, if there is one.

    >>> predict("floor", "How much must be read?", unit="MB")
    >>> reveal("floor", 15.858, explain="The copies.")
    measured: 15.9 MB
    The copies.
    """
    unit = _units.get(name, "")
    guess = _guesses.get(name)
    line = f"measured: {_words(measured, unit)}"
    if guess is not None:
        line += f"; your guess: {_words(guess, unit)}{_verdict(guess, measured)}"
        _tell("reveal", name=name, guess=guess, measured=measured)
    print(line)
    if explain:
        print(explain)


def _verdict(guess: float | str, measured: float | str) -> str:
    """Return how far a guess is off, as the end of a sentence.

    >>> _verdict(40, 16), _verdict(15.9, 16), _verdict("disk", "disk")
    (' (2.5 times too much)', ' (close)', ' (right)')
    """
    if isinstance(measured, str) or isinstance(guess, str):
        return " (right)" if guess == measured else ""
    if math.isclose(guess, measured, rel_tol=0.1):
        return " (close)"
    if guess * measured <= 0:
        return ""
    times = guess / measured
    if times > 1:
        return f" ({times:.2g} times too much)"
    return f" ({1 / times:.2g} times too little)"


def _words(value: object, unit: str = "") -> str:
    """Return a value as a reader wants it.

    >>> _words(104_203.7), _words(15.858, "MB"), _words(1 << 12), _words("photos")
    ('104,204', '15.9 MB', '4,096', 'photos')
    """
    words = str(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        whole = isinstance(value, int) or 100 <= abs(value) < 1e15
        words = f"{value:,.0f}" if whole else f"{value:.3g}"
    space = "" if unit == "%" or not unit else " "
    return f"{words}{space}{unit}"


# -- clock ---------------------------------------------------------------------------


class Timed(Protocol):
    """What a clock shows: see `course.study.sitting.Sitting`."""

    open: bool

    def elapsed(self) -> float:
        """Return minutes since the beginning."""

    def marks(self) -> dict[str, float]:
        """Return for each stage the minute by which it should be reached."""

    def reached(self) -> dict[str, float]:
        """Return for each stage reached the minute at which it was."""


def clock(sitting: Timed) -> None:
    """Show the time left of a sitting, with the marks of its plan.

    In a notebook it goes on while no cell runs, until the sitting ends or another
    clock is shown; elsewhere it prints one line, and while grading nothing.
    """
    if viz.inert():
        return
    if not page.in_notebook():
        print(_clock_words(sitting))
        return
    face = ipywidgets.HTML(_clock_face(sitting))
    _display(face, _clock_words(sitting))
    while _ticking:
        _ticking.pop().cancel()
    with contextlib.suppress(RuntimeError):  # no event loop: the face stands still
        _ticking.append(asyncio.get_running_loop().create_task(_tick(face, sitting)))


async def _tick(face: ipywidgets.HTML, sitting: Timed) -> None:
    """Renew the face until the sitting ends, or is over for as long as it lasted."""
    end = 2 * max(sitting.marks().values())
    with contextlib.suppress(Exception):  # a clock never disturbs a notebook
        while sitting.open and sitting.elapsed() < end:
            await asyncio.sleep(_TICK)
            face.value = _clock_face(sitting)


def _clock_words(sitting: Timed) -> str:
    """Return what the clock says, in one line."""
    marks, reached, now = sitting.marks(), sitting.reached(), sitting.elapsed()
    total = max(marks.values())
    if not sitting.open:
        return f"Finished after {now:.0f} of {total:.0f} minutes."
    left = math.ceil(total - now)
    words = "1 minute left" if left == 1 else f"{left} minutes left"
    if left <= 0:
        words = f"{now - total:.0f} minutes over"
    ahead = [(minute, name) for name, minute in marks.items() if name not in reached]
    if ahead:
        minute, name = min(ahead)
        late = " (behind the plan)" if now > minute else ""
        words += f"; next: {name}, by minute {minute:.0f}{late}"
    return words + "."


def _clock_face(sitting: Timed) -> str:
    """Return the clock as HTML: a bar with the plan's marks, and words that say it."""
    marks, reached, now = sitting.marks(), sitting.reached(), sitting.elapsed()
    total = max(marks.values())
    colour = viz.LIMIT if now > total else viz.LEARNER
    ticks = "".join(
        f'<span style="position:absolute;left:{100 * minute / total:.1f}%;'
        "transform:translateX(-100%);border-right:2px solid "
        f'{viz.BASELINE};padding-right:3px;white-space:nowrap">'
        f"{'✓ ' if name in reached else ''}{html.escape(name)} · {minute:.0f}</span>"
        for name, minute in marks.items()
    )
    return (
        '<div role="timer" style="max-width:44em;line-height:1.4">'
        f"<b>{html.escape(_clock_words(sitting))}</b>"
        '<div aria-hidden="true"><div style="height:8px;border:1px solid '
        f'{viz.BASELINE}"><div style="height:100%;background:{colour};'
        f'width:{min(100.0, 100 * now / total):.1f}%"></div></div>'
        f'<div style="position:relative;height:1.5em;font-size:85%">{ticks}</div>'
        "</div></div>"
    )


def _display(widget: ipywidgets.Widget, words: str) -> None:
    """Display a widget, with `words` for a page that has no widgets."""
    data = widget._repr_mimebundle_()
    if isinstance(data, tuple):
        data = data[0]
    display({**data, "text/plain": words}, raw=True)


def _tell(event: str, **facts: object) -> None:
    for listener in _listeners:
        listener(event, **facts)
