"""Take an edit made in JupyterLab to a notebook of `source/` back into its lesson.

Cells that were not touched keep their text in the lesson byte for byte. Nothing is
written unless the new lesson builds the edited notebook again.
"""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

from course import paths, syllabus
from course.errors import CourseError
from course.ops import build as builds
from course.ops import lesson as lessons
from course.ops.cells import Cell, render, unrender
from course.ops.lesson import MARK, Lesson, LessonError, comment


@dataclass(frozen=True, slots=True)
class _Found:
    """One cell of the edited notebook: what a lesson can hold of it."""

    id: str
    kind: str
    source: str
    points: int | None
    nbgrader: dict | None

    @property
    def name(self) -> str:
        first = self.source.strip().partition("\n")[0]
        return f"{self.id} ({first[:40]!r})"


def adopt(path: str | Path) -> Path:
    """Bring the edits in a `source/` notebook into its lesson and rebuild both.

    Returns the lesson's path. Raises CourseError, with nothing changed on disk, when
    the lesson changed too since the build, or when an edit has no place in a lesson
    (a generated part, a graded cell that was copied, an attached picture, a tag).
    """
    root = paths.root()
    file, notebook = _locate(Path(path), root)
    name = file.relative_to(root).as_posix()
    content = _load(file, name)
    found = [_read(cell, name) for cell in content["cells"]]
    lesson = lessons.read(notebook, root)
    if not builds.edited(content) or _says(found, lesson):
        return lesson.path
    if content["metadata"]["course"]["built"]["lesson"] != lesson.digest:
        raise CourseError(
            f"both {lesson.file} and {name} changed since the last build",
            cure=f"keep the lesson's side: rm {name}, then `course build`; keep the "
            f"notebook's: commit or copy the lesson's changes away, restore it "
            f"(git checkout {lesson.file}), then `course adopt {name}`",
        )
    old = render(lesson)
    text, hidden = _rewrite(lesson, old, found, name)
    try:
        new = lessons.parse(notebook, root, text, hidden)
    except LessonError as error:
        raise CourseError(
            f"{name} makes no lesson as it stands; the lesson would have had\n"
            + error.message,
            cure="mend the cell in JupyterLab, save, and adopt again",
        ) from None
    _require_same(found, render(new), new, name)
    made = builds.make([new], root)
    if hidden is not None:
        builds.write(lesson.hidden_path, hidden)
    builds.write(lesson.path, text)
    for made_path, made_text in made.items():
        builds.write(root / made_path, made_text)
    return lesson.path


def _locate(path: Path, root: Path) -> tuple[Path, syllabus.Notebook]:
    file = path if path.is_absolute() or path.exists() else root / path
    file = file.resolve()
    if file.suffix != ".ipynb" or not file.is_relative_to(root / "source"):
        raise CourseError(
            f"{path} is not a notebook of source/",
            cure="course adopt source/week1_coding/01_….ipynb; edits to release/ or "
            "work/ have no way back into a lesson",
        )
    return file, syllabus.resolve(file.relative_to(root / "source"), root)[0]


def _load(file: Path, name: str) -> dict:
    try:
        content = json.loads(file.read_text("utf-8"))
        if content["metadata"]["course"]["built"]["cells"] and content["cells"]:
            return content
    except FileNotFoundError:
        raise CourseError(f"{name} does not exist", cure="course build") from None
    except (ValueError, LookupError, TypeError):
        pass
    raise CourseError(
        f"{name} is not a notebook that `course build` made",
        cure="copy your text into the lesson by hand, then `course build`",
    )


def _read(cell: dict, name: str) -> _Found:
    """Return one cell; raises CourseError for what a lesson cannot hold."""
    metadata = cell["metadata"]
    nbgrader = metadata.get("nbgrader")
    points = (nbgrader or {}).get("points")
    if isinstance(points, float) and points.is_integer():
        points = int(points)
    found = _Found(
        cell.get("id", ""),
        cell["cell_type"],
        "".join(cell["source"]).strip("\n"),
        points,
        nbgrader,
    )
    lost = [
        ("it has an attached picture", bool(cell.get("attachments"))),
        ("it has cell tags", bool(metadata.get("tags"))),
        ("it is a raw cell", cell["cell_type"] == "raw"),
    ]
    for why, holds in lost:
        if holds:
            raise CourseError(
                f"{name}: cell {found.name}: {why}, which a lesson cannot hold",
                cure="take it out in JupyterLab, save, and adopt again",
            )
    return found


def _says(found: list[_Found], lesson: Lesson) -> bool:
    """Whether the lesson as it stands builds these cells."""
    return [(f.kind, f.source, f.points) for f in found if f.source] == [
        (_kind(c), c.source, c.points) for c in render(lesson)
    ]


def _kind(cell: Cell) -> str:
    return "markdown" if cell.markdown else "code"


def _rewrite(
    lesson: Lesson, old: list[Cell], found: list[_Found], name: str
) -> tuple[str, str | None]:
    """Return the new text of the lesson and, where there is one, its hidden file."""
    known = {cell.id: cell for cell in old}
    raws: dict[int, str] = {}  # by the line of a block, and new ones below zero
    hidden: dict[str, str] = {}
    for one in found:
        cell = known.pop(one.id, None)
        if cell is None:
            if one.source:
                raws[-len(raws) - 1] = _new_block(one, name)
            continue
        _require_kept(one, cell, name)
        block = cell.block
        raw = raws.get(block.line, block.raw)
        if one.source != cell.source or one.kind != _kind(cell):
            raw, hidden_text = _edit(lesson, cell, one, raw, name)
            if hidden_text is not None:
                hidden[block.label] = hidden_text
        if one.points != cell.points:
            raw = re.sub(r"\bpoints=\S+", f"points={one.points}", raw, count=1)
        raws[block.line] = raw
    text = lesson.preamble + "".join(_spaced(lesson, raws))
    if not lesson.hidden:
        return text, None
    gone = {block.label for block in lesson.blocks if block.line not in raws}
    parts = [
        _replace_text(block.raw, hidden[label]) if label in hidden else block.raw
        for label, block in lesson.hidden.items()
        if label not in gone
    ]
    return text, lesson.hidden_preamble + "".join(parts)


def _spaced(lesson: Lesson, raws: dict[int, str]) -> list[str]:
    """Return the blocks with an empty line between those that are neighbours now."""
    last = lesson.blocks[-1].line
    parts = []
    for i, (line, raw) in enumerate(raws.items()):
        closing = i == len(raws) - 1
        if closing and line != last:
            raw = raw.rstrip("\n") + "\n"
        elif not closing and line == last:
            raw = raw.rstrip("\n") + "\n\n"
        parts.append(raw)
    return parts


def _replace_text(raw: str, text: str) -> str:
    """Put `text` below the mark, and keep the empty lines around it."""
    mark, _, rest = raw.partition("\n")
    old = rest.strip("\n")
    if not old:
        return f"{mark}\n{text}\n\n"
    before, after = rest.split(old, 1)
    return f"{mark}\n{before}{text}{after}" if text else f"{mark}\n{after}"


def _require_kept(one: _Found, cell: Cell, name: str) -> None:
    """Raise when the grading metadata of a known cell, its points apart, changed."""

    def flags(nbgrader: dict | None) -> dict:
        keys = ("grade", "grade_id", "locked", "solution", "task")
        return {key: (nbgrader or {}).get(key) for key in keys if nbgrader}

    if flags(one.nbgrader) != flags(cell.nbgrader):
        raise CourseError(
            f"{name}: cell {one.name}: its nbgrader type or id was changed",
            cure=f"undo that in JupyterLab, and change its mark ('# %% "
            f"[{cell.block.role}] …') in the lesson instead",
        )
    if not one.source:
        raise CourseError(
            f"{name}: cell {one.id} was emptied",
            cure="delete the cell, or put its text back",
        )
    if isinstance(one.points, float) or (one.points is not None and one.points < 1):
        raise CourseError(
            f"{name}: cell {one.name}: {one.points} is not a whole number above 0",
            cure="give it whole points in the Create Assignment panel",
        )


def _new_block(one: _Found, name: str) -> str:
    """Return the text of a new block for a cell that no build made."""
    if one.nbgrader:
        raise CourseError(
            f"{name}: cell {one.name} is graded or locked, and no build made it",
            cure="delete this cell; write graded cells in the lesson, with a mark "
            "like '# %% [grade] e1.group points=5 mode=split'",
        )
    if one.kind == "markdown":
        return f"{MARK} [md]\n{comment(one.source)}\n\n"
    return f"{MARK}\n{one.source}\n\n"


def _edit(
    lesson: Lesson, cell: Cell, one: _Found, raw: str, name: str
) -> tuple[str, str | None]:
    """Return the new raw text of an edited cell's block, and of its hidden block."""
    block = replace(cell.block, text=raw.partition("\n")[2].strip("\n"))
    if _kind(cell) != one.kind:
        if block.role not in ("md", "code", "hand"):
            raise CourseError(
                f"{name}: cell {one.name}: a [{block.role}] cell became {one.kind}",
                cure="change it back in JupyterLab, and adopt again",
            )
        markdown = one.kind == "markdown"
        if block.role != "hand":
            mark = [MARK, "[md]" if markdown else "", block.label]
            raw = " ".join(filter(None, mark)) + "\n" + raw.partition("\n")[2]
        return _replace_text(raw, comment(one.source) if markdown else one.source), None
    edit = unrender(lesson, replace(cell, block=block), one.source)
    mark, newline, rest = raw.partition("\n")
    for word, value in edit.words.items():
        pattern = r"\b(core|stretch)\b" if word == "core" else rf"\b{word}=\S+"
        new = value if word == "core" else f"{word}={value}"
        mark = re.sub(pattern, new, mark, count=1)
    return _replace_text(mark + newline + rest, edit.text), edit.hidden


def _require_same(found: list[_Found], new: list[Cell], lesson: Lesson, name: str):
    """Raise unless the new lesson builds the edited cells, derived numbers apart."""
    kept = [one for one in found if one.source]
    for one, cell in zip(kept, new, strict=False):
        same = one.kind == _kind(cell) and one.points == cell.points
        if not same or _plain(cell, one.source) != _plain(cell, cell.source):
            raise CourseError(
                f"{name}: cell {one.name} has no place in a lesson as it is; "
                f"built again it would be\n{cell.source}",
                cure=f"write this change in {lesson.file} by hand, around line "
                f"{cell.block.line}",
            )
    if len(kept) != len(new):
        raise CourseError(
            f"{name} has {len(kept)} cells, and would have {len(new)} built again",
            cure="look for a cell with a line that starts '# %%', and for one half "
            "of an essay that is gone",
        )


def _plain(cell: Cell, source: str) -> str:
    """Return a cell's text without what follows from the points of other cells."""
    if cell.role == "map":
        source = "\n".join(line for line in source.split("\n") if line[:1] != "|")
    if cell.role in ("card", "check", "grade"):
        source = re.sub(r"(· )\d+ points?|(\bpoints=)\d+", r"\1\2", source)
    return source
