"""Things to touch: `explore` a model by its controls, `predict` before you measure.

A widget never holds anything that is graded. Without a front end (on GitHub, in
feedback, in a test) each leaves its static default behind.
"""

import itertools
from collections.abc import Callable, Sequence

import ipywidgets
from IPython.display import display
from matplotlib.figure import Figure

from course import viz

Control = Sequence | bool

_numbers = itertools.count(1)
_guesses: dict[str, object] = {}
_listeners: list[Callable[[dict], None]] = []


def listen(listener: Callable[[dict], None]) -> None:
    """Have `listener` told of every guess and comparison, as a dict of plain values."""
    if listener not in _listeners:
        _listeners.append(listener)


def explore(
    model: Callable[..., object],
    view: Callable[[object], Figure],
    *,
    question: str,
    alt: str,
    **controls: Control,
) -> None:
    """Show `view(model(**values))` and controls that draw it anew.

    `model` computes plain data and `view` turns them into a Figure; neither changes
    anything else. A control is `(low, high, step)`, a list of options, or a bool; it
    starts at the middle, at the first option, at that bool. At most four. Raises
    ValueError for any other control.

    >>> explore(lambda n: n, print, question="?", alt="a number", n="abc")
    Traceback (most recent call last):
    ValueError: control 'n' must be (low, high, step), a list or a bool, not 'abc'
    """
    if not 1 <= len(controls) <= 4:
        raise ValueError(f"explore takes one to four controls, got {len(controls)}")
    knobs = {name: _knob(name, control) for name, control in controls.items()}
    if viz.inert():
        return
    values = {name: knob.value for name, knob in knobs.items()}
    picture = f"explore-{next(_numbers)}"
    trouble = ipywidgets.HTML()

    def redraw(_: object = None) -> None:
        now = {name: knob.value for name, knob in knobs.items()}
        try:
            viz.show(view(model(**now)), alt, name=picture, again=True)
            trouble.value = ""
        except Exception as error:
            words = f"{type(error).__name__}: {error}".replace("<", "&lt;")
            shown = ", ".join(f"{name}={value!r}" for name, value in now.items())
            trouble.value = f"<b>no picture for {shown}</b>: {words}"

    for knob in knobs.values():
        knob.observe(redraw, names="value")
    heading = ipywidgets.HTML(f"<b>{question}</b>")
    display(ipywidgets.VBox([heading, *knobs.values(), trouble]))
    viz.show(view(model(**values)), alt, name=picture)


def _knob(name: str, control: Control) -> ipywidgets.Widget:
    """Return the ipywidget for one control."""
    words = {
        "description": name.replace("_", " "),
        "style": {"description_width": "initial"},
        "layout": ipywidgets.Layout(width="32em"),
    }
    if isinstance(control, bool):
        return ipywidgets.Checkbox(value=control, **words)
    if isinstance(control, list) and control:
        labels = [
            (f"{option:,}" if isinstance(option, int) else str(option), option)
            for option in control
        ]
        slide = len(control) > 5 and sorted(control) == control
        kind = ipywidgets.SelectionSlider if slide else ipywidgets.Dropdown
        return kind(options=labels, value=control[0], **words)
    if isinstance(control, tuple) and len(control) == 3:
        low, high, step = control
        middle = low + round((high - low) / 2 / step) * step
        whole = all(isinstance(number, int) for number in control)
        kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
        return kind(value=middle, min=low, max=high, step=step, **words)
    raise ValueError(
        f"control {name!r} must be (low, high, step), a list or a bool, not {control!r}"
    )


def predict(
    name: str, question: str, *, unit: str = "", options: Sequence[str] | None = None
) -> None:
    """Ask for a guess before the measurement: a number, or one of `options`.

    `reveal(name, …)` compares it later. The guess is noted, never graded.
    """
    if viz.inert():
        return
    field = (
        ipywidgets.Dropdown(options=[("choose", None), *((o, o) for o in options)])
        if options
        else ipywidgets.Text(placeholder=f"your guess{f' in {unit}' if unit else ''}")
    )
    button = ipywidgets.Button(description="Lock in")
    said = ipywidgets.HTML()

    def lock(_: object) -> None:
        try:
            guess = field.value if options else float(field.value.replace(",", ""))
        except ValueError:
            said.value = "a number, please, such as 12 or 0.5"
            return
        if guess is None:
            said.value = "choose one first"
            return
        _guesses[name] = guess
        field.disabled = button.disabled = True
        said.value = f"noted: {_words(guess, unit)}. Now run the next cell."
        _tell({"event": "predict", "name": name, "guess": guess})

    button.on_click(lock)
    heading = ipywidgets.HTML(f"<b>{question}</b>")
    display(ipywidgets.VBox([heading, ipywidgets.HBox([field, button, said])]))


def reveal(
    name: str, measured: float | str, *, unit: str = "", explain: str = ""
) -> None:
    """Print the measured value beside the guess of `predict(name, …)`, if there is one.

    >>> reveal("floor", 15.858, unit="MB", explain="The copies.")
    measured: 15.9 MB. You made no guess.
    The copies.
    """
    guess = _guesses.get(name)
    line = f"measured: {_words(measured, unit)}."
    if guess is None:
        line += " You made no guess."
    elif isinstance(measured, str):
        line += f" Your guess: {guess}. " + (
            "It is right." if guess == measured else "It was another."
        )
    else:
        line += f" Your guess: {_words(guess, unit)}."
        if guess and measured and guess * measured > 0:
            times = max(guess / measured, measured / guess)
            line += f" Off by a factor of {times:.2g}." if times > 1.05 else " Close."
    print(line)
    if explain:
        print(explain)
    if guess is not None:
        _tell({"event": "reveal", "name": name, "guess": guess, "measured": measured})


def _words(value: float | str, unit: str) -> str:
    shown = value if isinstance(value, str) else f"{value:,.3g}"
    return f"{shown} {unit}".strip()


def _tell(event: dict) -> None:
    for listener in _listeners:
        listener(event)
