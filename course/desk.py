"""A notebook's first line: style, study log and `%check`; silent while grading."""

import html
import time
from pathlib import Path

from course import paths, syllabus, viz
from course.errors import CourseError
from course.study import log
from course.viz import page

_SECONDS = 10.0
_key: list[str] = []


def open(key: str) -> None:  # noqa: A001 - a notebook says desk.open(key)
    """Prepare the notebook with this key, such as "w1-dedup", for a learner.

    Sets the figure style, notes guesses in the study log and adds `%check e1`, which
    shows every failure of an exercise. Does nothing while grading or without IPython.
    """
    if viz.inert() or not page.in_notebook():
        return
    from IPython import get_ipython

    from course import widgets

    _key[:] = [key]
    viz.use_style()
    widgets.listen(log.record)
    get_ipython().register_magic_function(_check, magic_name="check")
    log.begin(key)


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
        if len(asked) != 1 or asked[0].startswith("-"):
            raise CourseError(
                "%check takes one exercise", cure="%check e1   or   %check e1 --hidden"
            )
        outcomes = verdicts(_key[0], asked[0], get_ipython().user_ns, hidden=hidden)
    except CourseError as error:
        print(error)
        return
    for one in outcomes:
        log.record("check", test=one.group, passed=one.passed)
    display(_Table(outcomes))


def verdicts(key: str, exercise: str, namespace: dict, *, hidden: bool = False) -> list:
    """Return an Outcome for each test of an exercise, run on `namespace` in a fork.

    All together get ten seconds. Raises CourseError when there is no such notebook
    or exercise, or when the tests are not on this disk.
    """
    from course.grading import trial
    from course.grading.cells import read_cells

    cells = [cell for cell in read_cells(_built(key, hidden)) if cell.tests]
    mine = [
        cell
        for cell in cells
        if cell.exercise == exercise and (hidden or cell.role == "check")
    ]
    if not mine:
        have = ", ".join(dict.fromkeys(cell.exercise for cell in cells))
        raise CourseError(f"no exercise {exercise!r} here", cure=f"one of {have}")
    end = time.monotonic() + _SECONDS
    outcomes = []
    for cell in mine:
        left = max(end - time.monotonic(), 0.1)
        outcomes += trial.run_cells(namespace, [cell], deadline=left, collect=True)
    return outcomes


def _built(key: str, hidden: bool) -> Path:
    """Return the notebook whose tests to run: source/ holds the hidden ones."""
    known = {one.key: one for week in syllabus.weeks() for one in week.notebooks}
    if key not in known:
        raise CourseError(
            f"no notebook has the key {key!r}", cure=f"one of {', '.join(known)}"
        )
    place = Path(known[key].week, f"{known[key].name}.ipynb")
    rooms = ["source"] if hidden else ["release", "source"]
    for room in rooms:
        if (file := paths.root() / room / place).is_file():
            return file
    raise CourseError(
        f"the {'hidden ' if hidden else ''}tests of {place} are not on this disk",
        cure="%check without --hidden runs the visible ones" if hidden else "make lab",
    )


class _Table:
    """The outcomes as Jupyter shows them."""

    def __init__(self, outcomes: list) -> None:
        self.rows = [
            (one.group, one.passed, "passed" if one.passed else one.message)
            for one in outcomes
        ]

    def __repr__(self) -> str:
        return "\n".join(
            f"{'✓' if passed else '✗'} {group}: "
            + said.replace("\n", "\n" + " " * (len(group) + 4))
            for group, passed, said in self.rows
        )

    def _repr_html_(self) -> str:
        rows = "".join(
            "<tr style='background:none;vertical-align:top'>"
            f"<td style='color:{viz.LEARNER if passed else viz.LIMIT}'>"
            f"{'✓' if passed else '✗'}</td>"
            f"<td style='text-align:left'><b>{html.escape(group)}</b></td>"
            "<td style='text-align:left'><pre style='margin:0;white-space:pre-wrap'>"
            f"{html.escape(said)}</pre></td></tr>"
            for group, passed, said in self.rows
        )
        return f"<table>{rows}</table>"
