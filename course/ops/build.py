"""Build lessons into `source/`, and those with nbgrader's own step into `release/`.

Everything is made in a scratch folder first and moved into place when all of it
worked, so a build that fails leaves both folders as they were. The same lessons
give the same bytes.
"""

import hashlib
import io
import json
import logging
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from course import fastimport, paths, syllabus  # noqa: F401 - before nbformat
from course.errors import CourseError
from course.ops import lesson as lessons
from course.ops.cells import Cell, render
from course.ops.lesson import Lesson, LessonError

KERNEL = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}
BY_HAND = ("README.md",)  # what may stand beside the notebooks


@dataclass(frozen=True, slots=True)
class Report:
    """What a build did, or with `check` would do; paths are relative to the course.

    `changed` were written (stale or missing before), `removed` had no lesson any
    more, `edited` hold work done by hand that a build would undo, `unknown` are
    files that no build made and that were left alone.
    """

    check: bool
    notebooks: int
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is left to do by hand or, after a check, to build."""
        stale = self.check and (self.changed or self.removed)
        return not (self.unknown or self.edited or stale)

    def __str__(self) -> str:
        count = f"{self.notebooks} notebook{'s' * (self.notebooks != 1)}"
        done = ("stale or missing", "no lesson") if self.check else ("wrote", "removed")
        lines = [f"{done[0]}: {path}" for path in self.changed]
        lines += [f"{done[1]}: {path}" for path in self.removed]
        if self.check and (self.changed or self.removed):
            lines.append("  try: course build")
        for path in self.edited:
            lines += [f"edited by hand: {path}", f"  try: {_rescue(path)}"]
        lines += [f"not built, does not belong here: {path}" for path in self.unknown]
        if self.unknown:
            lines.append("  try: move these files out of source/ and release/")
        if self.ok:
            wrote = self.changed or self.removed
            lines.append(f"built {count}" if wrote else f"{count} up to date")
        return "\n".join(lines)


def build(week: str | None = None, check: bool = False) -> Report:
    """Build one week, one notebook (`week1_coding/01`) or everything.

    With `check` nothing is written: the report names what a build would change.
    Raises LessonError with every problem of every lesson, and CourseError when a
    build would undo an edit in `source/` that is not adopted, or an answer that
    somebody wrote into `release/`.
    """
    root = paths.root()
    known = [n for w in syllabus.weeks(root) for n in w.notebooks]
    chosen = syllabus.resolve(week, root) if week else known
    made = make(read_all(chosen, root), root)
    stale = {path: text for path, text in made.items() if _text(root / path) != text}
    edited = [path for path in stale if _holds_work(root, path, made[path])]
    others = strangers(root, chosen if week else None)
    removed = [p for p in others if p[-6:] == ".ipynb" and not _holds_work(root, p)]
    unknown = [path for path in others if path not in removed]
    if edited and not check:
        raise CourseError(
            "\n".join(f"{path} was edited; a build would undo that" for path in edited),
            cure=_rescue(edited[0]),
        )
    if not check:
        for path, text in stale.items():
            write(root / path, text)
        for path in removed:
            (root / path).unlink()
            if not any((root / path).parent.iterdir()):
                (root / path).parent.rmdir()
    return Report(
        check,
        len(chosen),
        changed=tuple(sorted(set(stale) - set(edited))),
        removed=tuple(removed),
        edited=tuple(edited),
        unknown=tuple(unknown),
    )


def read_all(chosen: Iterable[syllabus.Notebook], root: Path) -> list[Lesson]:
    """Parse lessons; raises one LessonError with the problems of all of them."""
    found, problems = [], []
    for notebook in chosen:
        try:
            found.append(lessons.read(notebook, root))
        except LessonError as error:
            problems += error.findings
    if problems:
        raise LessonError(problems)
    return found


def make(parsed: list[Lesson], root: Path) -> dict[str, str]:
    """Return the text of every built file of these lessons by its relative path."""
    made = {}
    with tempfile.TemporaryDirectory(prefix="course-build-") as folder:
        scratch = Path(folder).resolve()
        for one in parsed:
            path = f"source/{one.notebook.week}/{one.notebook.name}.ipynb"
            made[path] = notebook_text(one)
            write(scratch / path, made[path])
        for name in sorted({one.notebook.week for one in parsed}):
            for extra in BY_HAND:
                if (root / "source" / name / extra).is_file():
                    text = (root / "source" / name / extra).read_text("utf-8")
                    write(scratch / "source" / name / extra, text)
            _generate(name, scratch, root)
            for file in sorted((scratch / "release" / name).iterdir()):
                made[f"release/{name}/{file.name}"] = file.read_text("utf-8")
    return made


def notebook_text(lesson: Lesson) -> str:
    """Return the source notebook of a lesson as the text of its .ipynb file."""
    cells = render(lesson)
    metadata = {
        "course": {
            "key": lesson.notebook.key,
            "title": lesson.notebook.title,
            "lesson": lesson.file,
            "review": lessons.review(lesson),
            "built": {
                "lesson": lesson.digest,
                "cells": digest((c.id, c.markdown, c.source, c.points) for c in cells),
            },
        },
        **KERNEL,
    }
    notebook = {
        "cells": [_cell(cell, _mode(cell, cells)) for cell in cells],
        "metadata": metadata,
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def digest(cells: Iterable[tuple[str, bool, str, int | None]]) -> str:
    """Return a sha256 of what an author can edit: id, kind, text, points of cells."""
    return hashlib.sha256(json.dumps(list(cells)).encode()).hexdigest()


def edited(notebook: dict) -> bool:
    """Whether a source notebook (its JSON) was changed by hand since it was built."""
    built = notebook["metadata"]["course"]["built"]["cells"]
    return built != digest(
        (
            cell.get("id", ""),
            cell["cell_type"] == "markdown",
            "".join(cell["source"]),
            cell["metadata"].get("nbgrader", {}).get("points"),
        )
        for cell in notebook["cells"]
    )


def _mode(cell: Cell, cells: list[Cell]) -> str | None:
    """Return where a test runs; a check that does not say runs where its groups do.

    A single group that needs the learner's process takes the check there too.
    """
    told = cell.block.words.get("mode")
    if told or cell.role != "check":
        return told
    groups = {
        one.block.words["mode"]
        for one in cells
        if one.role == "grade" and one.block.exercise == cell.block.exercise
    }
    return "split" if groups == {"split"} else "shared"


def _cell(cell: Cell, mode: str | None) -> dict:
    course = {
        "role": cell.role,
        "exercise": cell.block.exercise,
        "group": cell.block.group,
        "mode": mode,
    }
    if cell.points:
        course["points"] = cell.points
    metadata = {"course": course}
    if cell.nbgrader:
        metadata["nbgrader"] = cell.nbgrader
    found = {
        "cell_type": "markdown" if cell.markdown else "code",
        "id": cell.id,
        "metadata": metadata,
        "source": cell.source.splitlines(keepends=True),
    }
    if not cell.markdown:
        found |= {"execution_count": None, "outputs": []}
    return found


def _generate(week: str, scratch: Path, root: Path) -> None:
    """Run nbgrader's generate_assignment on the scratch folder, without a database.

    The settings are those of the course's own `nbgrader_config.py`, so that
    `nbgrader generate_assignment` typed by hand gives the same files.
    """
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config.loader import PyFileConfigLoader

    config = PyFileConfigLoader(paths.MARKER, path=[str(root)]).load_config()
    config.SaveCells.enabled = False  # what `nbgrader generate_assignment --no-db` does
    config.GenerateAssignment.no_database = True
    heard = io.StringIO()
    log = logging.Logger("course.build", logging.WARNING)
    log.addHandler(logging.StreamHandler(heard))
    folder = CourseDirectory(config=config, root=str(scratch), assignment_id=week)
    step = GenerateAssignment(coursedir=folder, config=config)
    folder.log = step.log = log
    try:
        step.start()
    except Exception as error:
        raise CourseError(
            f"nbgrader could not make the release of {week}: {error}\n"
            + heard.getvalue().strip(),
            cure="the lines above name the cell; `course lint` may say more",
        ) from error


def strangers(root: Path, chosen: list[syllabus.Notebook] | None) -> list[str]:
    """Return the files of `source/` and `release/` that no lesson makes.

    Only weeks whose notebooks are all chosen are looked through; None: everything.
    """
    weeks = [w for w in syllabus.weeks(root) if w.notebooks]
    whole = {w.name for w in weeks if set(w.notebooks) <= set(chosen or ())}
    names = {f"{n.week}/{n.name}.ipynb" for w in weeks for n in w.notebooks}
    found = []
    for tree in ("source", "release"):
        for file in sorted((root / tree).rglob("*")):
            parts = file.relative_to(root / tree).parts
            inside = "/".join(parts)
            by_hand = parts[-1] in BY_HAND and len(parts) <= 2
            if file.is_dir() or inside in names or by_hand:
                continue
            if ".ipynb_checkpoints" in parts:  # nbgrader leaves these out itself
                continue
            if chosen is None or parts[0] in whole:
                found.append(f"{tree}/{inside}")
    return found


def _holds_work(root: Path, path: str, new: str | None = None) -> bool:
    """Whether a file on disk holds what a build would lose when it writes `new`."""
    now = _text(root / path)
    if now is None or not path.endswith(".ipynb"):
        return False
    try:
        notebook = json.loads(now)
        if path.startswith("release/"):
            return _answered(notebook)
        if new is not None and _shown(notebook) == _shown(json.loads(new)):
            return False
        return edited(notebook)
    except (ValueError, LookupError, TypeError, AttributeError):
        return True  # not a notebook that a build made


def _shown(notebook: dict) -> list[tuple[str, str]]:
    return [(c["cell_type"], "".join(c["source"])) for c in notebook["cells"]]


def _answered(notebook: dict) -> bool:
    """Whether an answer cell of a release notebook no longer holds its stub."""
    from nbformat import from_dict
    from nbgrader.utils import compute_checksum, is_solution

    notebook["metadata"]["course"]["built"]
    cells = [
        from_dict({**c, "source": "".join(c["source"])}) for c in notebook["cells"]
    ]
    return any(
        cell.metadata.nbgrader.get("checksum") != compute_checksum(cell)
        for cell in cells
        if is_solution(cell)
    )


def _rescue(path: str) -> str:
    if path.startswith("source/"):
        keep = f"`course adopt {path}` keeps the edit in the lesson"
    else:
        keep = f"copy it to work/ to keep its answers (mv {path} work/)"
    return f"{keep}; `rm {path}` drops it; then `course build`"


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return None


def write(path: Path, text: str) -> None:
    """Write a whole file at once, so that a reader sees the old or the new text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    scratch.write_text(text, "utf-8")
    os.replace(scratch, path)
