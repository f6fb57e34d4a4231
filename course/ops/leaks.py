"""Look through what was built for what must not be there.

nbgrader copies everything in `source/<week>/` into `release/`, and a learner gets
all of `release/`: no answer, hidden test, rubric or stray file may stand there.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from course import fastimport, syllabus  # noqa: F401 - before nbformat
from course.ops import lesson as lessons
from course.ops.build import strangers
from course.ops.lesson import Finding, Lesson, prose

SECRET = 25  # a longer line of an answer is no coincidence elsewhere
_MARKERS = re.compile(r"(BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)")


def built(lesson: Lesson, root: Path) -> list[Finding]:
    """Return what is wrong with a lesson's files in `source/` and `release/`.

    Whether they are stale is not judged here: `course build --check` says that.
    """
    found: list[Finding] = []
    secrets = _secrets(lesson)
    for tree in ("source", "release"):
        path = f"{tree}/{lesson.notebook.week}/{lesson.notebook.name}.ipynb"
        try:
            text = (root / path).read_text("utf-8")
        except FileNotFoundError:
            continue  # `course build --check` reports it
        try:
            notebook = json.loads(text)
            found += _metadata(path, text)
            for cell in notebook["cells"]:
                found += _outputs(path, cell)
                if tree == "release":
                    found += _leaks(path, cell, secrets)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            message = f"it is not a notebook: {type(error).__name__}: {error}"
            cure = f"rm {path}, then `course build`"
            found.append(Finding(path, 0, "", "metadata", message, cure))
    return found


def _metadata(path: str, text: str) -> Iterator[Finding]:
    """Judge nbgrader's metadata as nbgrader does, and its checksums."""
    import nbformat
    from jsonschema import ValidationError
    from nbgrader.nbgraderformat import (
        MetadataValidator,
        SchemaTooNewError,
        SchemaTooOldError,
    )
    from nbgrader.utils import compute_checksum

    cure = "course build"
    notebook = nbformat.reads(text, as_version=4)
    try:
        nbformat.validate(notebook)
        MetadataValidator().validate_nb(notebook)
    except (ValidationError, SchemaTooOldError, SchemaTooNewError) as error:
        message = str(error).partition("\n")[0]
        yield Finding(path, 0, "", "metadata", f"nbgrader: {message}", cure)
        return
    for cell in notebook.cells:
        data = cell.metadata.get("nbgrader", {})
        name = cell.get("id", "")
        if data and data.grade_id != name:
            message = f"the cell's id is not its grade_id {data.grade_id!r}"
            yield Finding(path, 0, name, "metadata", message, cure)
        if "checksum" in data and data.checksum != compute_checksum(cell):
            message = "the cell does not match its checksum"
            yield Finding(path, 0, name, "metadata", message, cure)


def _outputs(path: str, cell: dict) -> Iterator[Finding]:
    if cell.get("outputs") or cell.get("execution_count"):
        message, cure = "it carries outputs of a run", "course build clears them"
        yield Finding(path, 0, cell["id"], "outputs", message, cure)


def _leaks(path: str, cell: dict, secrets: dict[str, str]) -> Iterator[Finding]:
    """Yield what a learner must not receive: markers, references, tests, rubrics."""
    source = "".join(cell["source"])
    cure = "course build; if it stays, the lesson shows it outside the hidden region"
    marker = _MARKERS.search(source)
    if marker:
        message = f"{marker[0]!r} was not taken out"
        yield Finding(path, 0, cell["id"], "leak", message, cure)
    for line, what in secrets.items():
        if line in source:
            message = f"a line of {what} is in the release: {line[:60]!r}"
            yield Finding(path, 0, cell["id"], "leak", message, cure)
            return


def _secrets(lesson: Lesson) -> dict[str, str]:
    """Return each line that no learner may read, and what it is a line of."""
    open_text = _open_text(lesson)
    return {
        line: what
        for line, what in _hidden_lines(lesson)
        if len(line) > SECRET and line not in open_text
    }


def _hidden_lines(lesson: Lesson) -> Iterator[tuple[str, str]]:
    for block in lesson.blocks:
        if block.role in ("answer", "essay"):
            for line in lessons.reference_lines(block):
                yield line, f"the reference of {block.exercise}"
        elif block.role == "grade":
            for line in lessons.hidden_body(lesson, block).split("\n"):
                yield line.strip(), f"the hidden tests of {block.label}"
        elif block.role == "rubric":
            for line in prose(block.text).split("\n"):
                yield line.strip(), f"the rubric {block.label!r}"


def _open_text(lesson: Lesson) -> str:
    """Return all that a learner may read."""
    parts = []
    for block in lesson.blocks:
        if block.role == "answer":
            parts.append(lessons.visible_answer(block))
        elif block.role == "essay":
            parts.append(lessons.essay_parts(block.text)[0])
        elif block.role == "grade":
            parts.append(lessons.visible_and_body(block.text)[0])
        elif block.role != "rubric":
            parts.append(prose(block.text) if block.is_markdown else block.text)
    return "\n".join(parts)


def forbidden(root: Path, chosen: list[syllabus.Notebook] | None) -> list[Finding]:
    """Return a finding for each file beside the notebooks, where all is released."""
    return [
        Finding(
            path,
            0,
            "",
            "forbidden-file",
            "nbgrader would copy this file to every learner",
            f"mv {path} elsewhere; only listed notebooks and README.md stay here",
        )
        for path in strangers(root, chosen)
    ]
