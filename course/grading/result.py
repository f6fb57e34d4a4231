"""What grading found: as data, as a table on the screen, and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from course.grading.submit import write
from course.syllabus import Notebook


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
    """Print what was repaired, a table per exercise, and where to read more."""
    from rich.markup import escape
    from rich.table import Table

    notebook = graded.notebook
    console.print(
        f"\n[bold]{escape(notebook.title)}[/]  {notebook.name}", soft_wrap=True
    )
    if graded.trouble:
        console.print(f"  [red]not graded:[/] {escape(graded.trouble)}", soft_wrap=True)
        if graded.cure:
            console.print(f"    try: {escape(graded.cure)}", soft_wrap=True)
    for repair in graded.repairs:
        console.print(f"  [yellow]repaired[/]  {escape(repair)}", soft_wrap=True)
    if graded.trouble:
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("exercise", no_wrap=True)
    table.add_column("part", no_wrap=True)
    table.add_column("points", justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for exercise in graded.exercises:
        title = f"{exercise.id} {exercise.title}"
        if len(title) > 26:
            title = title[:25] + "…"
        told: set[str] = set()
        for group in exercise.groups:
            have = "–" if group.points is None else f"{group.points:g}"
            table.add_row(
                escape(title),
                group.name,
                f"{have} / {group.max:g}",
                _verdict(group, told),
            )
            title = ""
    console.print(table)
    waiting = f"   {graded.waiting:g} wait for a reader" if graded.waiting else ""
    console.print(
        f"[bold]{graded.score:g} of {graded.max:g} points[/]{waiting}"
        f"   [dim]{graded.seconds:.1f} s · seed {graded.seed}[/]"
    )
    if graded.feedback:
        page = graded.feedback.relative_to(root).as_posix()
        console.print(f"every cell and its output: {page}", soft_wrap=True)
        failed = [one.cell_id for one in graded.groups if one.points != one.max]
        if failed:
            console.print(f"  the first to look at: {page}#{failed[0]}", soft_wrap=True)


def _verdict(group: Group, told: set[str]) -> Any:
    """Return the cell of the table; a reason in `told` is not explained again."""
    from rich.text import Text

    if group.points is None:
        return Text("manual: waits for a reader", style="yellow")
    if group.passed:
        return Text("passed", style="green")
    lines = [line[:160] for line in group.message.splitlines()[:3]] or ["failed"]
    reason = lines[min(1, len(lines) - 1)].strip()
    if reason in told:
        return Text(reason, style="red")
    told.add(reason)
    return Text("\n").join(
        Text(line, style="" if number else "red") for number, line in enumerate(lines)
    )
