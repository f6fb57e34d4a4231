"""What grading found: as data, as a table on the screen, and as JSON."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from course.grading.submit import write
from course.syllabus import Notebook

NOT_WRITTEN = "not written yet"  # how course.check and an empty essay say it


@dataclass(frozen=True, slots=True)
class Group:
    """One graded cell: `points` of `max`, or None while it waits for a reader.

    `message` says what failed, "" when nothing did.
    """

    cell_id: str
    name: str
    points: float | None
    max: float
    message: str = ""

    @property
    def passed(self) -> bool:
        """Whether it has all its points."""
        return self.points == self.max


@dataclass(frozen=True, slots=True)
class Exercise:
    """One exercise and its graded cells, in their order."""

    id: str
    title: str
    groups: tuple[Group, ...]

    @property
    def points(self) -> float:
        """Points so far; what waits for a reader counts nothing yet."""
        return sum(group.points or 0 for group in self.groups)

    @property
    def max(self) -> float:
        """Points it can give."""
        return sum(group.max for group in self.groups)


@dataclass(frozen=True, slots=True)
class Graded:
    """One notebook after grading.

    `repairs` were made to the submission before it ran. `trouble` says why the
    notebook could not be graded ("" when it was), `cure` what to do about it.
    """

    notebook: Notebook
    exercises: tuple[Exercise, ...] = ()
    repairs: tuple[str, ...] = ()
    trouble: str = ""
    cure: str = ""
    feedback: Path | None = None
    seed: str = ""
    seconds: float = 0.0

    @property
    def groups(self) -> Iterator[Group]:
        """Every graded cell, in order."""
        return (group for one in self.exercises for group in one.groups)

    @property
    def score(self) -> float:
        """Points so far."""
        return sum(one.points for one in self.exercises)

    @property
    def max(self) -> float:
        """Points the notebook can give."""
        return sum(one.max for one in self.exercises)

    @property
    def waiting(self) -> float:
        """Points that wait for a reader of essays."""
        return sum(group.max for group in self.groups if group.points is None)


@dataclass(frozen=True, slots=True)
class Result:
    """What one `course grade` found."""

    student: str
    notebooks: tuple[Graded, ...]

    @property
    def graded(self) -> bool:
        """Whether every notebook could be graded, with whatever score."""
        return not any(one.trouble for one in self.notebooks)


def save(result: Result, root: Path) -> None:
    """Write the learner's scores to `.course/results.json`, beside those of before.

    The file maps week to notebook to score, max, manual (points that wait for a
    reader), when (local time, ISO) and feedback (a path inside the course, or "").
    A notebook that could not be graded keeps the score it had.
    """
    file = root / ".course" / "results.json"
    try:
        known = json.loads(file.read_text("utf-8"))
        assert isinstance(known, dict)
    except (OSError, ValueError, AssertionError):
        known = {}
    for one in result.notebooks:
        if one.trouble:
            continue
        page = one.feedback
        known.setdefault(one.notebook.week, {})[one.notebook.name] = {
            "score": one.score,
            "max": one.max,
            "manual": one.waiting,
            "when": datetime.now().isoformat(timespec="seconds"),
            "feedback": page.relative_to(root).as_posix() if page else "",
        }
    write(file, json.dumps(known, indent=1, sort_keys=True) + "\n")


def show(graded: Graded, root: Path, console: Any) -> None:
    """Print what was repaired, a table per exercise, what failed and where to look."""
    from rich.markup import escape
    from rich.table import Table

    def say(text: str) -> None:
        console.print(text, soft_wrap=True)

    notebook = graded.notebook
    say(f"\n[bold]{escape(notebook.title)}[/]  [dim]{notebook.name}[/]")
    if graded.trouble:
        say(f"  [red]not graded:[/] {escape(graded.trouble)}")
        if graded.cure:
            say(f"    try: {escape(graded.cure)}")
    for repair in graded.repairs:
        say(f"  [yellow]repaired:[/] {escape(repair)}")
    if graded.trouble:
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=34)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    for exercise in graded.exercises:
        title = f"{exercise.id}  {escape(exercise.title)}"
        if _untouched(exercise):
            table.add_row(title, "", f"0 / {exercise.max:g}", "[dim]not written yet[/]")
            continue
        for group in exercise.groups:
            have = "–" if group.points is None else f"{group.points:g}"
            points = f"{have} / {group.max:g}"
            table.add_row(title, group.name, points, escape(_verdict(group)))
            title = ""
    console.print(table)
    for exercise in graded.exercises:
        if not _untouched(exercise):
            for group in exercise.groups:
                _explain(exercise, group, say)
    waiting = f", {graded.waiting:g} wait for a reader" if graded.waiting else ""
    say(
        f"\n[bold]{graded.score:g} of {graded.max:g} points{waiting}[/]"
        f"   [dim]{graded.seconds:.1f} s, seed {graded.seed}; "
        "run with your own rights, as your own work[/]"
    )
    if graded.feedback:
        say(
            f"every cell and its output: {graded.feedback.relative_to(root).as_posix()}"
        )


def _untouched(exercise: Exercise) -> bool:
    """Whether nothing was written for it, so that one line says it all."""
    return all(NOT_WRITTEN in group.message for group in exercise.groups)


def _verdict(group: Group) -> str:
    if group.points is None:
        return "manual: waits for a reader"
    return "passed" if group.passed else "failed"


def _explain(exercise: Exercise, group: Group, say: Callable[[str], None]) -> None:
    """Print why a graded cell failed: the three lines of its check."""
    from rich.markup import escape

    if group.passed or group.points is None:
        return
    first, *rest = group.message.splitlines()[:3] or ["no reason was given"]
    say(f"\n[red]{exercise.id} {escape(group.name)}[/]  {escape(first)}")
    for line in rest:
        say(f"    {escape(line.strip())}")
    say(f"    [dim]in cell {group.cell_id}[/]")
