"""Grade a class: one process a submission, in scratch, then into the gradebook.

Each submission is admitted by the guard, filled into the release, and run by nbgrader's
own steps in a scratch folder, by a process of its own. Only the process that started
them writes to the course: the grades of one submission in one transaction, then
its folder by a rename, then a note that it is done. Killed anywhere, the next run
finds no note and grades that submission again, to the same result.
"""

import copy
import ctypes
import hashlib
import json
import logging
import multiprocessing
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import warnings
from collections.abc import Collection, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from multiprocessing.connection import Connection, wait
from pathlib import Path
from time import monotonic
from typing import Any

from course import fastimport, paths, syllabus  # noqa: F401 - fastimport first
from course.errors import CourseError
from course.grading import gradebook, guard, sandbox, trial
from course.grading.autograde import find, zero
from course.grading.cells import as_cell, left_out
from course.grading.submit import write
from course.syllabus import Notebook

PR_SET_PDEATHSIG = 1  # see prctl(2)
LOG = "autograde.log"  # in .course/, of the last run
MAX_LOG = 100_000  # characters for one submission
# Steps of nbgrader's that this module does in its own way: a submission is filled into
# a template that was checked once, and grades are written by `_save`.
OURS = {
    "sanitize_preprocessors": ("Rebuild",),
    "autograde_preprocessors": (
        *("SaveAutoGrades", "AssignLatePenalties", "CheckCellMetadata"),
    ),
}
BACKUPS = 10
SPARE = 60  # seconds beyond its notebooks' budgets that a submission may take
SHOWN = 5  # notes of one kind printed for a submission
NAMES = 200  # notebooks looked at in one folder


@dataclass
class Outcome:
    """What became of one submission.

    `trouble` maps a notebook to why it got nothing, `repairs` to what was mended,
    `flags` are for the instructor's eyes. `score` is of `max` points, without what
    waits for a reader; `beside` of them come from tests that ran beside the learner's
    code, where nothing but canaries watched over them. `lost` says why the whole
    submission could not be graded.
    """

    student: str
    score: float = 0.0
    max: float = 0.0
    beside: float = 0.0
    trouble: dict[str, str] = field(default_factory=dict)
    repairs: dict[str, list[str]] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    seconds: float = 0.0
    lost: str = ""
    unchanged: bool = False


@dataclass
class _Running:
    process: multiprocessing.Process
    place: int  # which copy of the judges is its own
    since: float


def autograde(
    week: str,
    students: Collection[str] = (),
    *,
    workers: int | None = None,
    trust: bool = False,
    force: bool = False,
    root: Path | None = None,
    console: Any = None,
) -> list[Outcome]:
    """Grade `submitted/<student>/<week>/` of these students, or of all of them.

    By default twice as many `workers` grade as there are processors. A submission that
    has not changed since it was graded is left alone unless `force`. A copy of the
    gradebook is kept in `.course/backups/`. Raises CourseError for an unknown week or
    student, where strangers' code cannot be confined unless `trust`, and while another
    grading runs.
    """
    from rich.console import Console

    root = root or paths.root()
    console = console or Console(highlight=False)
    notebooks = syllabus.resolve(week, root)
    folder = notebooks[0].week if notebooks else week
    # Tests of threads and of time wait more than they compute.
    workers = max(1, workers or 2 * (os.cpu_count() or 1))
    if not trust:
        _require_sandbox()
    chosen = _chosen(root, folder, students)
    with gradebook.locked(root):
        book = gradebook.ensure(root, say=console.print)
        _back_up(book, root)
        with _workshop(root) as shop:
            misnamed = {one: why for one in chosen if (why := guard.misnamed(one))}
            # Taken before it is read: what is handed in meanwhile is then a change.
            digests = {
                one: _digest(root, folder, one) for one in chosen if one not in misnamed
            }
            todo, done = [], [Outcome(one, lost=why) for one, why in misnamed.items()]
            for student, digest in digests.items():
                known = None if force else _known(root, folder, student, digest)
                (done if known else todo).append(known or student)
            (root / ".course" / LOG).write_text("", "utf-8")
            with ExitStack() as stack:
                ready, judges = (lambda: None), []
                if todo and not trust:
                    judges = _judges(notebooks, root, workers)
                    for one in judges:
                        stack.callback(one.close)
                    ready = stack.enter_context(sandbox.nursery())
                progress = stack.enter_context(_Progress(console, len(todo)))
                templates = _templates(notebooks, root, trust) if todo else []
                for one in judges:
                    one.open()
                ready()
                for outcome in _run(todo, templates, root, shop, workers, judges):
                    digest = digests[outcome.student]
                    try:
                        _keep(outcome, digest, notebooks, root, shop, book)
                    except Exception as error:
                        said = f"{type(error).__name__}: {error}"
                        outcome.lost = f"its grades could not be written: {said}"
                    done.append(outcome)
                    progress.add(outcome)
    return sorted(done, key=lambda one: one.student)


def _require_sandbox() -> None:
    try:
        sandbox.require()
    except CourseError as error:
        raise CourseError(
            error.message,
            cure=f"{sandbox.cure()}; or, only for people you trust: --trust",
        ) from None


def _chosen(root: Path, week: str, students: Collection[str]) -> list[str]:
    rooms = root / "submitted"
    there = {
        entry.name
        for entry in (os.scandir(rooms) if rooms.is_dir() else ())
        if entry.is_dir(follow_symlinks=False) and os.path.lexists(rooms / entry / week)
    }
    if missing := sorted(set(students) - there):
        raise CourseError(
            f"no submission of {week} by {', '.join(missing)}",
            cure=f"put it into submitted/{missing[0]}/{week}/",
        )
    if not there:
        raise CourseError(
            f"nobody has submitted {week} yet",
            cure=f"put submissions into submitted/<student>/{week}/",
        )
    return sorted(students or there)


# --- one submission, in a process of its own ----------------------------------------


def _run(
    students: list[str],
    templates: list["_Template"],
    root: Path,
    shop: Path,
    workers: int,
    judges: list[trial.Trial],
) -> Iterator[Outcome]:
    """Yield the outcome of each submission as it comes; at most `workers` at once."""
    context = multiprocessing.get_context("fork")
    waiting, running = list(reversed(students)), {}
    places = list(range(workers))
    limit = SPARE + sum(one.seconds for one in templates)
    try:
        while waiting or running:
            while waiting and places:
                student, place = waiting.pop(), places.pop()
                reader, writer = context.Pipe(duplex=False)
                process = context.Process(
                    target=_work,
                    args=(
                        writer,
                        student,
                        templates,
                        root,
                        shop / student,
                        judges,
                        place,
                    ),
                )
                process.start()
                writer.close()
                running[reader] = student, _Running(process, place, monotonic())
            ready = wait(list(running), timeout=1)
            for reader, (student, one) in list(running.items()):
                late = monotonic() - one.since > limit
                if reader not in ready and not late:
                    continue
                outcome = _received(reader, student, late, limit)
                outcome.seconds = monotonic() - one.since
                del running[reader]
                _end(one.process)
                places.append(one.place)
                yield outcome
    finally:
        for _, one in running.values():
            _end(one.process)


def _received(reader: Connection, student: str, late: bool, limit: int) -> Outcome:
    with closing(reader):
        if late:
            return Outcome(student, lost=f"took longer than {limit} s")
        try:
            return Outcome(**json.loads(reader.recv_bytes()))
        except (EOFError, OSError):
            return Outcome(student, lost="the process that graded it died")


def _end(process: multiprocessing.Process) -> None:
    process.join(2)
    if process.is_alive():
        process.kill()
        process.join()


def _work(
    writer: Connection,
    student: str,
    templates: list["_Template"],
    root: Path,
    scratch: Path,
    judges: list[trial.Trial],
    place: int,
) -> None:
    """Grade one submission into `scratch` and send its outcome."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent()
    for one in judges:
        one.choose(place)
    outcome = Outcome(student)
    log = logging.Logger("course.batch", logging.WARNING)
    scratch.mkdir()
    log.addHandler(logging.FileHandler(scratch / "grade.log", encoding="utf-8"))
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").propagate = False
    try:
        filled = _admit(outcome, templates, root, scratch)
        _run_notebooks(outcome, templates, filled, root, scratch, log)
    except Exception as error:
        log.exception("%s", student)
        outcome.lost = f"the grader failed: {type(error).__name__}: {error}"
    writer.send_bytes(json.dumps(asdict(outcome)).encode())


def _die_with_parent() -> None:
    """End this process, and so its kernels, when the one that keeps grades ends.

    Else it would go on after a kill -9, and hold the lock of the next run.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


@dataclass(frozen=True)
class _Template:
    """A notebook as it was released, and as it is graded: with its hidden tests."""

    notebook: Notebook
    released: Any
    complete: Any
    config: Any
    steps: tuple[type, ...]  # nbgrader's, that run it
    seconds: int  # for its tests, and for copies of them

    def fill(self, sent: dict[str, Any]) -> tuple[Any, list[str]]:
        """Return the notebook to run, with the answers of `sent`, and the repairs."""
        from nbgrader import utils

        from course.grading import repair

        filled, notes = repair.rebuild(self.released, sent)
        filled.metadata = copy.deepcopy(self.complete.metadata)
        complete = {cell.id: cell for cell in self.complete.cells}
        for number, cell in enumerate(filled.cells):
            if cell.id in complete:
                filled.cells[number] = copy.deepcopy(complete[cell.id])
                if utils.is_solution(cell):
                    filled.cells[number].source = cell.source
        return filled, notes


def _templates(notebooks: list[Notebook], root: Path, trust: bool) -> list["_Template"]:
    """Prepare what all submissions share; what is imported here is imported once."""
    import ipykernel.kernelspec  # noqa: F401 - Jupyter needs both to find the kernel
    import IPython.paths  # noqa: F401

    log = logging.Logger("course.batch", logging.WARNING)
    log.addHandler(logging.FileHandler(root / ".course" / LOG, encoding="utf-8"))
    return [_template(one, root, trust, log) for one in notebooks]


def _judges(notebooks: list[Notebook], root: Path, workers: int) -> list[trial.Trial]:
    """Start the processes in which tests of mode=split run, one for each worker."""
    found = []
    for one in notebooks:
        source = root / "source" / one.week / f"{one.name}.ipynb"
        if judges := trial.judges(source, workers):
            judges.start()
            found.append(judges)
    return found


def _template(
    notebook: Notebook, root: Path, trust: bool, log: logging.Logger
) -> _Template:
    """Let nbgrader's own steps put the hidden tests back, once for the whole class."""
    import nbformat
    from traitlets.config.loader import PyFileConfigLoader

    from course.grading.execute import Execute

    config = PyFileConfigLoader(paths.MARKER, path=[str(root)]).load_config()
    config.Execute.trust = trust
    config.Execute.source = str(root / "source")
    release = root / "release" / notebook.week / f"{notebook.name}.ipynb"
    released = nbformat.read(release, 4)
    complete = copy.deepcopy(released)
    about = {"student": "", "assignment": notebook.week, "notebook": notebook.name}
    about["db_url"] = f"sqlite:///{root / 'gradebook.db'}"
    for step in _steps(config, "sanitize_preprocessors"):
        made = step(config=config, log=log)
        complete, _ = made.preprocess(complete, {"nbgrader": about})
    # It remembers what each cell mentions: looked up here, once for the class.
    left_out(as_cell(one) for one in complete.cells if one.cell_type == "code")
    steps = _steps(config, "autograde_preprocessors")
    seconds = 2 * Execute(config=config).notebook_timeout
    return _Template(notebook, released, complete, config, steps, seconds)


def _steps(config: Any, chain: str) -> tuple[type, ...]:
    """Return the steps of one of nbgrader's chains, but for `OURS`."""
    from nbgrader.converters import Autograde
    from traitlets import import_item

    known = getattr(Autograde(config=config), chain)
    kinds = [import_item(one) if isinstance(one, str) else one for one in known]
    return tuple(kind for kind in kinds if kind.__name__ not in OURS[chain])


def _admit(
    outcome: Outcome, templates: list["_Template"], root: Path, scratch: Path
) -> dict[str, Any]:
    """Return the notebooks to run, each filled from what the guard lets through.

    The harmless supporting files are then in `scratch`.
    """
    from course.grading import repair

    week = templates[0].notebook.week
    sent = root / "submitted" / outcome.student / week
    admitted = scratch / "submitted" / outcome.student / week
    admitted.mkdir(parents=True)
    names = {one.notebook.name for one in templates}
    if not sent.is_symlink() and sent.is_dir():
        others = [name for name in os.listdir(sent) if name.endswith(".ipynb")]
        names.update(name.removesuffix(".ipynb") for name in others[:NAMES])
    seen = guard.admit(sent, admitted, names)
    outcome.flags += seen.flags
    filled = {}
    for template in templates:
        name = template.notebook.name
        there = sent.is_symlink() or os.path.lexists(sent / f"{name}.ipynb")
        if there and name in seen.refused:
            outcome.trouble[name] = seen.refused[name]
            continue
        try:
            nb, file = find(template.notebook, admitted)
            filled[name], notes = template.fill(nb)
        except repair.Unreadable as error:
            outcome.trouble[name] = error.message
            continue
        if file.stem != name:
            notes.insert(0, f"taken from {guard.shown(file.name)}")
        if notes:
            outcome.repairs[name] = notes
    return filled


def _run_notebooks(
    outcome: Outcome,
    templates: list["_Template"],
    filled: dict[str, Any],
    root: Path,
    scratch: Path,
    log: logging.Logger,
) -> None:
    """Run the notebooks with nbgrader's steps, and leave what nbgrader would leave.

    That is a folder in `autograded/` with supporting files, the instructor's last.
    """
    import nbformat
    from nbgrader import utils
    from nbgrader.converters import Autograde
    from nbgrader.converters.base import BaseConverter
    from nbgrader.coursedir import CourseDirectory

    week, config = templates[0].notebook.week, templates[0].config
    place = CourseDirectory(config=config, root=str(scratch), log=log)
    converter = Autograde(coursedir=place, config=config, log=log)
    BaseConverter.init_assignment(converter, week, outcome.student)
    graded = scratch / "autograded" / outcome.student / week
    graded.mkdir(parents=True, exist_ok=True)
    kept = converter.exclude_overwriting.get(week, [])
    source = root / "source" / week
    for file in utils.find_all_files(str(source), [*place.ignore, "*.ipynb"]):
        inside = os.path.relpath(file, source)
        if inside not in kept:
            (graded / inside).parent.mkdir(parents=True, exist_ok=True)
            (graded / inside).unlink(missing_ok=True)
            shutil.copy(file, graded / inside)
    for template in templates:
        name = template.notebook.name
        if name not in filled:
            continue
        about = {"student": outcome.student, "assignment": week, "notebook": name}
        resources = {"nbgrader": about, "metadata": {"path": str(graded)}}
        nb = filled[name]
        try:
            with utils.setenv(NBGRADER_EXECUTION="autograde"):
                for step in template.steps:
                    made = step(config=template.config, log=log)
                    nb, resources = made.preprocess(nb, resources)
        except Exception as error:
            log.exception("%s", name)
            outcome.trouble[name] = f"the grader failed: {type(error).__name__}"
        else:
            write(graded / f"{name}.ipynb", nbformat.v4.writes(nb) + "\n")
    converter.set_permissions(week, outcome.student)


# --- into the course ----------------------------------------------------------------


def _keep(
    outcome: Outcome,
    digest: str,
    notebooks: list[Notebook],
    root: Path,
    shop: Path,
    book: Path,
) -> None:
    """Write one outcome into the course: grades, then the folder, then the note."""
    week = notebooks[0].week
    note = _note(root, week, outcome.student)
    note.unlink(missing_ok=True)
    scratch = shop / outcome.student
    _keep_log(outcome, scratch / "grade.log", root / ".course" / LOG)
    if outcome.lost:
        return
    graded = scratch / "autograded" / outcome.student / week
    _save(outcome, notebooks, graded, book)
    target = root / "autograded" / outcome.student / week
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        os.rename(target, scratch / "old")
    if graded.exists():
        os.rename(graded, target)
    write(note, json.dumps(asdict(outcome) | {"digest": digest}, indent=1))
    shutil.rmtree(scratch, ignore_errors=True)


def _keep_log(outcome: Outcome, said: Path, log: Path) -> None:
    """Add what nbgrader said about one submission to the log of this run."""
    with log.open("a", encoding="utf-8") as file, suppress(OSError):
        file.write(f"== {outcome.student} {outcome.lost}\n")
        file.write(said.read_text("utf-8", "replace")[-MAX_LOG:])


def _save(
    outcome: Outcome, notebooks: list[Notebook], graded: Path, book: Path
) -> None:
    """Write the grades of one submission as nbgrader does, in one transaction."""
    import nbformat
    from nbgrader.api import Gradebook
    from nbgrader.preprocessors import AssignLatePenalties, SaveAutoGrades
    from nbgrader.utils import parse_utc

    from course.grading.execute import BESIDE

    student, week, url = outcome.student, notebooks[0].week, f"sqlite:///{book}"
    details = {}
    stamp = graded / "timestamp.txt"
    if stamp.is_file() and (text := stamp.read_text("utf-8").strip()):
        details["timestamp"] = parse_utc(text)
    ran = {}
    for notebook in notebooks:
        file = graded / f"{notebook.name}.ipynb"
        if file.is_file() and notebook.name not in outcome.trouble:
            # Written a moment ago by our own process: no need to validate it.
            nb = ran[notebook.name] = nbformat.v4.reads(file.read_text("utf-8"))
            about = nb.metadata.get("course", {})
            for flag in about.get("flags", ()):
                outcome.flags.append(f"{notebook.name}: {flag}; its tests count 0")
            outcome.flags += [
                f"{notebook.name}: {one}" for one in about.get("notes", ())
            ]

    with warnings.catch_warnings(), Gradebook(url, "frontier_lab") as db:
        warnings.simplefilter("ignore")  # SQLAlchemy's, about how nbgrader uses it
        # nbgrader commits at every step: here only the last one counts.
        commit, db.db.commit = db.db.commit, db.db.flush
        db.update_or_create_student(student)
        db.update_or_create_submission(week, student, **details)
        for notebook in notebooks:
            if notebook.name in ran:
                rows = _Rows(db, notebook, student)
                saver = SaveAutoGrades()
                saver.gradebook, saver.db_url = rows, url
                saver.notebook_id, saver.assignment_id = notebook.name, week
                saver.student_id = student
                for number, cell in enumerate(ran[notebook.name].cells):
                    saver.preprocess_cell(cell, {}, number)
                    if cell.metadata.get("course", {}).get("judged") == BESIDE:
                        outcome.beside += rows.grades[
                            cell.metadata.nbgrader.grade_id
                        ].auto_score
            else:
                zero(db, notebook, student)
        commit()
        db.db.commit = commit
        submission = db.find_submission(week, student)
        outcome.score, outcome.max = submission.score, submission.max_score
        late = submission.total_seconds_late > 0 or any(
            one.late_submission_penalty for one in submission.notebooks
        )
    for name, nb in ran.items() if late else ():
        about = {"student": student, "assignment": week, "notebook": name}
        AssignLatePenalties().preprocess(nb, {"nbgrader": about | {"db_url": url}})


class _Rows:
    """What a gradebook holds of one submitted notebook, read once and not by cell.

    It takes the place of the gradebook that nbgrader's `SaveAutoGrades` asks.
    """

    def __init__(self, db: Any, notebook: Notebook, student: str) -> None:
        known = db.find_submission_notebook(notebook.name, notebook.week, student)
        self.db = db.db
        self.grades = {one.name: one for one in known.grades}
        self.comments = {one.name: one for one in known.comments}

    def find_grade(self, cell: str, *_: str) -> Any:
        return self.grades[cell]

    def find_comment(self, cell: str, *_: str) -> Any:
        return self.comments[cell]


def _note(root: Path, week: str, student: str) -> Path:
    return root / ".course" / "class" / week / f"{student}.json"


def _known(root: Path, week: str, student: str, digest: str) -> Outcome | None:
    """Return the outcome of an unchanged submission that was graded before."""
    try:
        kept = json.loads(_note(root, week, student).read_text("utf-8"))
        same = kept.pop("digest") == digest
        known = Outcome(**kept)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    known.unchanged = True
    return known if same else None


def _digest(root: Path, week: str, student: str) -> str:
    """Return a number that changes with the submission, the tests or the settings."""
    digest = hashlib.sha256(str(gradebook.fingerprint(root)).encode())
    digest.update((root / paths.MARKER).read_bytes())
    top = root / "submitted" / student / week
    for folder, below, names in os.walk(top):
        below.sort()
        for name in sorted([*names, *below]):
            told: tuple = (folder, name)
            with suppress(OSError):  # a path may be too long to look at
                info = os.lstat(os.path.join(folder, name))
                told += info.st_mode, info.st_size, info.st_mtime_ns
            digest.update(repr(told).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _back_up(book: Path, root: Path) -> None:
    """Keep a copy of the gradebook as it was before this run."""
    folder = root / ".course" / "backups"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"gradebook-{datetime.now():%Y%m%dT%H%M%S}.db"
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".tmp") as file:
        _copy(book, Path(file.name))
        shutil.copyfile(file.name, folder / f".{name}")
    os.replace(folder / f".{name}", folder / name)
    for old in sorted(folder.glob("gradebook-*.db"))[:-BACKUPS]:
        old.unlink()


def _copy(book: Path, copy: Path) -> None:
    with closing(sqlite3.connect(book)) as old, closing(sqlite3.connect(copy)) as new:
        old.backup(new)


@contextmanager
def _workshop(root: Path) -> Iterator[Path]:
    """Give a scratch folder on the course's disk; remove it and older ones."""
    state = root / ".course"
    for left in state.glob("grading-*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(
        prefix="grading-", dir=state, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


# --- the terminal -------------------------------------------------------------------


class _Progress:
    """A line on a terminal, or a line a submission in a log."""

    def __init__(self, console: Any, total: int) -> None:
        self.console, self.total = console, total
        self.done = self.failing = self.flagged = 0
        self.start = monotonic()

    def __enter__(self) -> "_Progress":
        if self.console.is_terminal and self.total:
            self._show()
        return self

    def __exit__(self, *_: object) -> None:
        if self.console.is_terminal and self.total:
            self.console.print()

    def add(self, outcome: Outcome) -> None:
        self.done += 1
        self.failing += bool(outcome.lost or outcome.trouble)
        self.flagged += bool(outcome.flags)
        self._show()

    def _show(self) -> None:
        spent = monotonic() - self.start
        left = spent / self.done * (self.total - self.done) if self.done else 0
        text = (
            f"{self.done} of {self.total} graded, {self.failing} with trouble, "
            f"{self.flagged} flagged" + (f", {left:.0f} s left" if left >= 1 else "")
        )
        if self.console.is_terminal:
            # No thread draws it: the processes are forked from this one.
            self.console.print(f"\r{text:<78}", end="", soft_wrap=True)
        else:
            self.console.print(text, soft_wrap=True)


def show(outcomes: list[Outcome], console: Any) -> None:
    """Print a line for each submission, and below it what an instructor must see."""
    from rich.markup import escape

    for one in outcomes:
        if one.lost:
            name = escape(guard.shown(one.student))
            console.print(
                f"[red]{name}[/]  not graded: {escape(one.lost)}", soft_wrap=True
            )
            continue
        same = "   [dim]unchanged since it was graded[/]" if one.unchanged else ""
        beside = ""
        if one.beside:
            beside = f"   [dim]lower assurance: {one.beside:g} (canaries alone)[/]"
        console.print(
            f"[bold]{escape(one.student)}[/]  {one.score:g} of {one.max:g}"
            f"{beside}{same}",
            soft_wrap=True,
        )
        for name, why in one.trouble.items():
            console.print(f"  [red]{name}:[/] {escape(why)}", soft_wrap=True)
        for name, notes in one.repairs.items():
            for note in _first(notes):
                console.print(f"  [dim]{name}: {escape(note)}[/]", soft_wrap=True)
        for flag in _first(one.flags):
            console.print(f"  [yellow]REVIEW:[/] {escape(flag)}", soft_wrap=True)


def _first(notes: list[str]) -> list[str]:
    if len(notes) <= SHOWN:
        return notes
    return [*notes[:SHOWN], f"… and {len(notes) - SHOWN} more of this kind"]
