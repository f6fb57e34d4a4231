"""Grade a learner's own work: one call from `work/` to points and feedback.

The notebook is rebuilt from the release (`course.grading.repair`), run within
budgets (`course.grading.execute`), and scored by nbgrader's own converters into
`gradebook.db`, one notebook at a time, so that one that fails takes no other down.

The feedback shows the source of the hidden tests, as nbgrader's does. That is
meant: a learner alone has no one to ask what a test did, and finds the tests in
`source/` anyway. The table on the screen shows messages only, so whoever wants to
think first can.

This runs the learner's own code with the learner's own rights. It is not meant
for the work of strangers.
"""

import logging
import re
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

from course import fastimport, paths, syllabus  # noqa: F401 - fastimport first
from course.errors import CourseError
from course.grading import gradebook, result
from course.grading.result import Exercise, Graded, Group, Result
from course.grading.submit import write
from course.syllabus import Notebook

LEARNER = "me"
STOPS = ("KernelDied", "KernelHung", "KernelStopped", "NotRun")  # see execute.py


def grade(
    target: str,
    student: str = LEARNER,
    *,
    work: Path | None = None,
    root: Path | None = None,
    console: Any = None,
    verbose: bool = False,
) -> Result:
    """Grade the notebooks that `target` names, print a table, return the result.

    Notebooks are read from `work/<week>/` (or from `work`, a folder with the same
    layout) and never written. A notebook that cannot be graded gets 0 points and
    a reason, and the others are graded. nbgrader's own log goes to
    `.course/grade.log`, and with `verbose` to the screen as well. Raises
    CourseError for an unknown target, an impossible student name, or while
    another grading runs here.
    """
    from rich.console import Console

    root = root or paths.root()
    work = work or root / "work"
    console = console or Console(highlight=False)
    notebooks = syllabus.resolve(target, root)
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", student):
        raise CourseError(
            f"{student!r} cannot be a student's name: it names a folder",
            cure="letters, digits, - and _, for example: course grade week1 --as me",
        )
    if not notebooks:
        raise CourseError(f"{target} has no notebooks yet", cure="course plan")
    graded = []
    with gradebook.locked(root), _Progress(console, notebooks) as progress:
        gradebook.ensure(root, say=progress.say)
        with _log(root, verbose) as log:
            for notebook in notebooks:
                start = progress.next(notebook)
                one = _grade(notebook, student, work, root, log, progress.cell, start)
                graded.append(one)
                progress.done()
                result.show(one, root, console)
    found = Result(student, tuple(graded))
    if student == LEARNER:
        result.save(found, root)
    return found


def _grade(
    notebook: Notebook,
    student: str,
    work: Path,
    root: Path,
    log: logging.Logger,
    tick: Callable[[Any], None],
    start: float,
) -> Graded:
    """Grade one notebook; whatever goes wrong with it ends up in `trouble`."""
    import nbformat

    from course.grading import repair

    folder = work / notebook.week
    inside = Path(student) / notebook.week / f"{notebook.name}.ipynb"
    page = root / "feedback" / inside.with_suffix(".html")
    release = root / "release" / notebook.week / f"{notebook.name}.ipynb"
    if not release.is_file():
        raise CourseError(f"{release} is missing", cure="course build")
    template = nbformat.read(release, 4)
    notes: list[str] = []
    try:
        sent, file = find(notebook, folder)
        if file.stem != notebook.name:
            notes.append(f"taken from {file.name}, which holds this notebook")
        rebuilt, repairs = repair.rebuild(template, sent)
        notes += repairs
        write(root / "submitted" / inside, nbformat.writes(rebuilt) + "\n")
    except repair.Unreadable as error:
        for stale in (root / "submitted" / inside, root / "autograded" / inside, page):
            stale.unlink(missing_ok=True)
        exercises = _zero(notebook, student, root, template)
        return Graded(notebook, exercises, (), error.message, error.cure)

    try:
        _nbgrader(notebook, student, root, log, tick)
    except Exception as error:
        log.exception("%s could not be graded", notebook.name)
        return Graded(
            notebook,
            repairs=tuple(notes),
            trouble=f"the grader failed: {type(error).__name__}: {error}",
            cure="course doctor; .course/grade.log has the details",
        )
    ran = nbformat.read(root / "autograded" / inside, 4)
    return Graded(
        notebook,
        _exercises(notebook, student, root, template, ran),
        tuple(notes),
        feedback=page if page.is_file() else None,
        seed=ran.metadata.get("course", {}).get("seed", ""),
        seconds=monotonic() - start,
    )


def find(notebook: Notebook, folder: Path) -> tuple[dict[str, Any], Path]:
    """Return the learner's notebook and the file it was found in.

    Where the file of that name is missing, one other file that carries the
    notebook's key counts. Raises Unreadable otherwise.
    """
    from course.grading import repair

    file = folder / f"{notebook.name}.ipynb"
    shown = f"{folder.parent.name}/{folder.name}/{file.name}"
    if file.is_file():
        try:
            sent = repair.read(file)
        except repair.Unreadable as error:
            saved = folder / ".ipynb_checkpoints" / f"{notebook.name}-checkpoint.ipynb"
            cure = f"move it away and type: course start {notebook.week}"
            if saved.is_file():
                cure = f"JupyterLab kept an older copy: {saved}; or {cure}"
            raise repair.Unreadable(f"{shown}: {error.message}", cure) from None
        except OSError as error:
            raise repair.Unreadable(f"{shown}: {error.strerror}") from None
        if repair.key(sent) in ("", notebook.key):
            return sent, file
        raise repair.Unreadable(
            f"{shown} holds another notebook ({repair.key(sent)})",
            "give each notebook in that folder its own name again",
        )
    found = []
    for other in sorted(folder.glob("*.ipynb")):
        with suppress(repair.Unreadable, OSError):
            sent = repair.read(other)
            if repair.key(sent) == notebook.key:
                found.append((sent, other))
    if len(found) == 1:
        return found[0]
    if found:
        names = " and ".join(other.name for _, other in found)
        raise repair.Unreadable(
            f"{shown} is missing, and several files hold this notebook: {names}",
            f"name the one that counts {file.name}",
        )
    raise repair.Unreadable(
        f"{shown} is missing", f"course start {notebook.week}   copies a fresh one"
    )


def _nbgrader(
    notebook: Notebook,
    student: str,
    root: Path,
    log: logging.Logger,
    tick: Callable[[Any], None],
) -> None:
    """Run nbgrader's autograde and feedback steps on one submitted notebook."""
    from nbgrader.converters import Autograde, GenerateFeedback
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config.loader import PyFileConfigLoader

    config = PyFileConfigLoader(paths.MARKER, path=[str(root)]).load_config()
    # One's own work needs no sandbox: it ran in JupyterLab with the same rights.
    config.Execute.trust = True
    # A plain function: the configuration is copied, and a method's object with it.
    config.Execute.on_cell_execute = lambda cell, **_: tick(cell)
    place = CourseDirectory(
        config=config,
        root=str(root),
        student_id=student,
        assignment_id=notebook.week,
        notebook_id=notebook.name,
        log=log,
    )
    for step in (Autograde, GenerateFeedback):
        converter = step(coursedir=place, config=config, log=log, force=True)
        # nbgrader logs what went wrong and then raises something that says less.
        with _raising_what_is_logged(log):
            converter.start()


def _zero(
    notebook: Notebook, student: str, root: Path, template: Any
) -> tuple[Exercise, ...]:
    """Give every graded cell 0 points, as nbgrader does for a missing notebook."""
    with _open(root) as book:
        book.update_or_create_student(student)
        book.update_or_create_submission(notebook.week, student)
        zero(book, notebook, student)
        book.db.commit()
    return _exercises(notebook, student, root, template, None)


def zero(book: Any, notebook: Notebook, student: str) -> None:
    """Give every graded cell of a notebook 0 points in a gradebook, uncommitted."""
    known = book.find_submission_notebook(notebook.name, notebook.week, student)
    for one in known.grades:
        one.auto_score = 0
        one.needs_manual_grade = False


def _exercises(
    notebook: Notebook, student: str, root: Path, template: Any, ran: Any
) -> tuple[Exercise, ...]:
    """Return the scores in the gradebook, with the messages of the run notebook."""
    outputs = {cell.id: cell.get("outputs", []) for cell in ran.cells} if ran else {}
    titles = {}
    groups: dict[str, list[Group]] = {}
    with _open(root) as book:
        known = book.find_submission_notebook(notebook.name, notebook.week, student)
        scores = {
            one.name: (None if one.needs_manual_grade else one.score, one.max_score)
            for one in known.grades
        }
    for cell in template.cells:
        course = cell.metadata.get("course", {})
        if course.get("role") == "card":
            heading = cell.source.partition("\n")[0]
            titles[course["exercise"]] = heading.rpartition("·")[2].strip()
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in scores:
            points, most = scores[name]
            message = _message(outputs.get(cell.id, ()))
            if course.get("role") == "essay" and points == 0:
                message = result.NOT_WRITTEN
            groups.setdefault(course.get("exercise") or cell.id, []).append(
                Group(
                    cell.id,
                    course.get("group") or course.get("role") or "",
                    points,
                    most,
                    "" if points in (most, None) else message,
                )
            )
    return tuple(
        Exercise(name, titles.get(name, ""), tuple(found))
        for name, found in groups.items()
    )


def _message(outputs: Any) -> str:
    """Return what a test cell says went wrong, without its source."""
    errors = [out for out in outputs if out.output_type == "error"]
    if not errors:
        return ""
    last = errors[-1]
    plain = ("Wrong", "Fatal", "CellTimeoutError", *STOPS)
    return last.evalue if last.ename in plain else f"{last.ename}: {last.evalue}"


def _open(root: Path) -> Any:
    from nbgrader.api import Gradebook

    return Gradebook(f"sqlite:///{root / 'gradebook.db'}", "frontier_lab")


@contextmanager
def _log(root: Path, verbose: bool):
    """Send what nbgrader, nbclient and Python warn about to `.course/grade.log`."""
    log = logging.Logger("course.grade", logging.INFO)
    handlers: list[logging.Handler] = [
        logging.FileHandler(root / ".course" / "grade.log", "w", "utf-8")
    ]
    if verbose:
        handlers.append(logging.StreamHandler())
    others = [
        logging.getLogger(name) for name in ("traitlets", "py.warnings", "asyncio")
    ]
    logging.captureWarnings(True)
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        for one in (log, *others):
            one.addHandler(handler)
    propagated = [one.propagate for one in others]
    for one in others:
        one.propagate = False
    try:
        yield log
    finally:
        logging.captureWarnings(False)
        for one, before in zip(others, propagated, strict=True):
            one.propagate = before
            for handler in handlers:
                one.removeHandler(handler)
        for handler in handlers:
            handler.close()


@contextmanager
def _raising_what_is_logged(log: logging.Logger):
    """Raise RuntimeError with the last line of a traceback that was logged."""
    seen: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: seen.append(record.getMessage())
    log.addHandler(handler)
    try:
        yield
    except Exception as error:
        told = [text for text in seen if text.startswith("Traceback")]
        if told:
            raise RuntimeError(told[-1].strip().splitlines()[-1]) from error
        raise
    finally:
        log.removeHandler(handler)


class _Progress:
    """A line that says which notebook and which cell is running."""

    def __init__(self, console: Any, notebooks: list[Notebook]) -> None:
        self.console, self.total, self.count = console, len(notebooks), 0
        self.status = console.status("opening the gradebook")

    def __enter__(self) -> "_Progress":
        self.status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.status.stop()

    def say(self, text: str) -> None:
        self.console.print(text, style="yellow", soft_wrap=True, markup=False)

    def next(self, notebook: Notebook) -> float:
        self.count += 1
        self.where = f"{self.count} of {self.total}  {notebook.name}"
        if self.console.is_terminal:
            self.status.update(self.where)
            self.status.start()
        else:
            self.console.print(f"grading {self.where}", soft_wrap=True)
        return monotonic()

    def cell(self, cell: Any) -> None:
        self.status.update(f"{self.where}  cell {cell.get('id', '')}")

    def done(self) -> None:
        self.status.stop()
