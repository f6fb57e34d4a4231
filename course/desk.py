"""A notebook's first line: style, study log and `%check`; silent while grading."""

import html
import os
from pathlib import Path

from course import paths, syllabus, viz
from course.errors import CourseError
from course.study import log

_SECONDS = 10.0
_open: dict[str, str] = {}


def open(key: str) -> None:  # noqa: A001 - reads as desk.open in a notebook
    """Prepare the notebook `key`, such as "w1-dedup", for a learner.

    Sets the figure style, notes guesses in the study log and adds `%check e1`, which
    shows every failure of an exercise. Does nothing while grading or without IPython.
    """
    if os.environ.get("NBGRADER_EXECUTION") or os.environ.get("COURSE_HEADLESS"):
        return
    try:
        from IPython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    if shell is None:
        return
    from course import widgets

    viz.use_style()
    if not _open:
        widgets.listen(lambda event: log.note({"notebook": _open["key"], **event}))
    _open["key"] = key
    shell.register_magic_function(_check, magic_name="check")
    log.note({"event": "open", "notebook": key})


def _check(line: str) -> None:
    """Show all failures of an exercise: `%check e1`, or `%check e1 --hidden`.

    Runs the visible checks (and with `--hidden` the hidden tests, where they are on
    this disk) on what is defined in this notebook now, in a process of its own:
    nothing here changes, and an endless loop ends after ten seconds.
    """
    from IPython import get_ipython
    from IPython.display import display

    words = line.split()
    hidden = "--hidden" in words
    asked = [word for word in words if word != "--hidden"]
    try:
        if len(asked) != 1:
            raise CourseError("%check needs one exercise", cure="%check e1")
        rows = _outcomes(asked[0], hidden, get_ipython().user_ns)
    except CourseError as error:
        print(error)
        return
    for group, message in rows:
        log.note(
            {
                "event": "check",
                "notebook": _open["key"],
                "test": group,
                "passed": not message,
            }
        )
    table = "".join(
        f"<tr><td style='text-align:left;vertical-align:top'><b>{group}</b></td>"
        f"<td style='text-align:left'><pre style='margin:0'>"
        f"{html.escape(message or 'passed')}</pre></td></tr>"
        for group, message in rows
    )
    text = "\n".join(f"{group}: {message or 'passed'}" for group, message in rows)
    display({"text/html": f"<table>{table}</table>", "text/plain": text}, raw=True)


def _outcomes(exercise: str, hidden: bool, namespace: dict) -> list[tuple[str, str]]:
    """Return (test, message) for each test of `exercise`; "" means passed."""
    from course.grading import trial

    place = _place(_open["key"])
    rooms = ["source", "release"] if hidden else ["release", "source"]
    built = [paths.root() / room / place for room in rooms]
    found = next((file for file in built if file.is_file()), None)
    if found is None or (hidden and found != built[0]):
        raise CourseError(
            f"the tests of {place} are not on this disk: {built[0]} is missing",
            cure="%check e1   runs the visible ones" if hidden else "course build",
        )
    cells = [cell for cell in trial.read_cells(found) if cell.tests]
    mine = [
        cell
        for cell in cells
        if cell.exercise == exercise and (hidden or cell.role == "check")
    ]
    if not mine:
        have = ", ".join(dict.fromkeys(cell.exercise for cell in cells))
        raise CourseError(f"no exercise {exercise!r} here", cure=f"one of {have}")
    outcomes = trial.run_cells(
        namespace, mine, deadline=_SECONDS / len(mine), collect=True
    )
    return [(one.group, "" if one.passed else one.message) for one in outcomes]


def _place(key: str) -> Path:
    """Return week/name.ipynb of the notebook with this key."""
    for week in syllabus.weeks():
        for notebook in week.notebooks:
            if notebook.key == key:
                return Path(week.name, f"{notebook.name}.ipynb")
    raise CourseError(
        f"no notebook has the key {key!r}", cure="see lessons/course.toml"
    )
