"""Rebuild a submitted notebook from its release template.

Layout, locked cells, metadata and ids come from the template; only the learner's
answers and the cells they added come from the submission. So nothing that an
editor or a slip can do to the notebook's machinery reaches the grader.
"""

import bisect
import copy
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat.notebooknode import NotebookNode
from nbgrader import preprocessors, utils
from nbgrader.converters.base import NbGraderException

from course.grading import guard
from course.grading.guard import MAX_BYTES as MAX_BYTES
from course.grading.guard import Unreadable
from course.grading.guard import read as read

MAX_EXTRA = 300
_VALID_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DEFINED = re.compile(r"^(?:async +def|def|class) +(\w+)|^(\w+)\s*[:=]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Sent:
    """One cell as it was submitted: only what can be taken from it."""

    type: str
    source: str
    id: str
    grade_id: str


def key(nb: dict[str, Any]) -> str:
    """Return the notebook's key (`metadata.course.key`), or "" where it has none."""
    course = _dict(_dict(nb.get("metadata")).get("course"))
    return course["key"] if isinstance(course.get("key"), str) else ""


def rebuild(
    template: NotebookNode, submitted: dict[str, Any]
) -> tuple[NotebookNode, list[str]]:
    """Return the notebook to grade, and each repair in plain words.

    `submitted` is what `read` returned. Answers are found by grade_id, then by
    cell id, then by the names they define, where only one cell fits. Of several
    copies the one that was written in counts; the others stay where they are, as
    ordinary cells. A rebuilt notebook rebuilds to itself.
    """
    sent = [_sent(cell) for cell in submitted["cells"]]
    cells = [cell for cell in sent if cell is not None]
    notes = []
    if len(cells) < len(sent):
        notes.append(f"{len(sent) - len(cells)} malformed cells were left out")
    place = _match(template.cells, cells)
    for here in _moved(place):
        notes.append(f"{_name(template.cells[here])}: had moved; put back in its place")

    extras: dict[int, list[Sent]] = {}  # position in the template -> what follows it
    of_cell = {there: here for here, there in place.items()}
    anchor, copies = -1, Counter()
    for there, cell in enumerate(cells):
        if there in of_cell:
            anchor = of_cell[there]
            original = template.cells[anchor]
            if utils.is_solution(original) or not _edited(original, cell):
                continue
            if utils.is_locked(original):
                notes.append(
                    f"{_name(original)}: differs from the release, which was used"
                )
            else:
                notes.append(f"{_name(original)}: runs as released, then as yours")
                extras.setdefault(anchor, []).append(cell)
        elif original := _owner(template.cells, cell):
            copies[_name(original)] += 1
        elif cell.type != "raw":
            extras.setdefault(anchor, []).append(cell)
    notes += [f"{name}: stood here twice; the copy was left out" for name in copies]

    rebuilt = copy.deepcopy(template)
    taken = {cell.id for cell in template.cells}
    rebuilt.cells = [_extra(cell, taken) for cell in extras.get(-1, ())]
    for here, original in enumerate(template.cells):
        cell = copy.deepcopy(original)
        answer = cells[place[here]] if here in place else None
        if answer is None:
            if utils.is_solution(cell):
                notes.append(f"{_name(cell)}: not found, so it counts as not written")
            elif cell.cell_type == "code":
                notes.append(f"{_name(cell)}: was missing; put back")
        elif utils.is_solution(cell):
            if answer.type != cell.cell_type:
                notes.append(
                    f"{_name(cell)}: was a {answer.type} cell; "
                    f"taken as {cell.cell_type} again"
                )
            cell.source = answer.source
        rebuilt.cells.append(cell)
        rebuilt.cells += [_extra(one, taken) for one in extras.get(here, ())]
    if len(rebuilt.cells) > len(template.cells) + MAX_EXTRA:
        raise Unreadable(f"the notebook has more than {MAX_EXTRA} cells of your own")
    return rebuilt, notes


class Rebuild(preprocessors.base.NbGraderPreprocessor):
    """Rebuild the notebook from `release/` before nbgrader looks at it.

    With it, plain `nbgrader autograde` repairs what `course grade` repairs. A
    notebook that this course did not release passes unchanged.
    """

    def preprocess(self, nb, resources):
        """Return the rebuilt notebook; log each repair."""
        details = resources["nbgrader"]
        place = self.parent.parent.coursedir
        name = f"{details['notebook']}.ipynb"
        release = Path(place.root, place.release_directory)
        template = release / details["assignment"] / name
        if not template.is_file():
            self.log.warning("No %s, so %s is graded as it is", template, name)
            return nb, resources
        rebuilt, notes = rebuild(nbformat.read(template, 4), nb)
        for note in notes:
            self.log.warning("%s: %s", name, note)
        return rebuilt, resources


class GuardedExporter(NotebookExporter):
    """nbgrader's own, but each submission passes `guard.check` before nbgrader
    opens it, so that one refused is an error of that student alone.

    nbgrader has a hook for this, `pre_convert_hook`, but logs what it raises and
    goes on, and has opened `timestamp.txt` before. An exporter is the one object
    of our choice that nbgrader makes before it turns to the first student.
    """

    def __init__(self, **kwargs):
        """Put the check before the converter's first step for each student."""
        super().__init__(**kwargs)
        converter, place = self.parent, self.parent.coursedir
        first_step, every_step = converter.init_destination, converter.convert_notebooks
        # Out of its sight: nbgrader prints names as they are, and a line break in one
        # stops it for all.
        odd = {}
        for path in list(converter.assignments):
            if why := guard.misnamed(Path(path).parent.name):
                odd[path] = f"a submission was refused: {why}"
                del converter.assignments[path]

        def checked(assignment_id: str, student_id: str) -> bool:
            if student_id not in place.student_id_exclude.split(","):
                folder = Path(converter._format_source(assignment_id, student_id))
                release = Path(place.root, place.release_directory, assignment_id)
                found = {Path(file).stem for file in converter.notebooks}
                known = {file.stem for file in release.glob("*.ipynb")} or found
                guard.check(folder, known & found, release=release)
            return first_step(assignment_id, student_id)

        def converted() -> None:
            for why in odd.values():
                converter.log.error("%s", why)
            every_step()
            if odd:
                raise NbGraderException("; ".join(odd.values()))

        converter.init_destination = checked
        converter.convert_notebooks = converted


class OverwriteCells(preprocessors.OverwriteCells):
    """nbgrader's own, silent about checksums.

    A released test cell lacks its hidden tests, so its checksum never matches:
    the warning came with every submission and meant nothing.
    """

    def report_change(self, name, attr, old, new):
        """Log a change of anything but the checksum."""
        if attr != "checksum":
            super().report_change(name, attr, old, new)


class NoValues(preprocessors.base.NbGraderPreprocessor):
    """Take the values of test cells out of the grading: only errors decide.

    nbgrader counts the first value that a test cell evaluates to as its points, before
    any error, and stops altogether at one above the maximum. Learner's code that a test
    calls can send such a value (`sys.displayhook(40)`).
    """

    def preprocess_cell(self, cell, resources, index):
        """Keep each value as a plain output."""
        if utils.is_grade(cell) and cell.cell_type == "code":
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.output_type = "display_data"
                    output.pop("execution_count", None)
        return cell, resources


def _match(template: list[NotebookNode], cells: list[Sent]) -> dict[int, int]:
    """Return template position -> submitted position, for every certain match."""
    place: dict[int, int] = {}
    free = set(range(len(cells)))

    def take(here: int, choices: list[int]) -> None:
        """Take, of several copies, the answer written in; else the one with its id."""
        if utils.is_solution(template[here]):
            stub = template[here].source
            choices = [i for i in choices if cells[i].source != stub] or choices
        own_id = [i for i in choices if cells[i].id == template[here].id]
        place[here] = (own_id or choices)[-1]
        free.discard(place[here])

    for attribute in ("grade_id", "id"):
        for here, cell in enumerate(template):
            name = _grade_id(cell) if attribute == "grade_id" else cell.id
            choices = [i for i in sorted(free) if getattr(cells[i], attribute) == name]
            if here not in place and name and choices:
                take(here, choices)
    # Without ids, the same text counts, then for answers the names they define.
    texts = Counter(cell.source for cell in template)
    for here, cell in enumerate(template):
        same = [i for i in sorted(free) if cells[i].source == cell.source]
        if here not in place and cell.source and texts[cell.source] == 1 and same:
            take(here, same[:1])
    answers = [cell for cell in template if utils.is_solution(cell)]
    names = Counter(name for cell in answers for name in _defined(cell.source))
    for here, cell in enumerate(template):
        if here in place or not utils.is_solution(cell):
            continue
        if cell.cell_type == "code":
            own = {name for name in _defined(cell.source) if names[name] == 1}
            fits = [i for i in free if own and own <= _defined(cells[i].source)]
        else:
            # The one Markdown cell that stands between the same two neighbours.
            before, after = place.get(here - 1), place.get(here + 1, len(cells))
            between = range(before + 1, after) if before is not None else ()
            fits = [i for i in between if i in free and cells[i].type == "markdown"]
        if len(fits) == 1:
            take(here, fits)
    return place


def _moved(place: dict[int, int]) -> list[int]:
    """Return the template positions outside the longest run that kept its order."""
    tails: list[int] = []  # the smallest end of a rising run of each length
    best: dict[int, list[int]] = {}
    for here, there in sorted(place.items()):
        length = bisect.bisect_left(tails, there)
        before = best[tails[length - 1]] if length else []
        tails[length : length + 1] = [there]
        best[there] = [*before, here]
    kept = set(best[tails[-1]]) if tails else set()
    return [here for here in sorted(place) if here not in kept]


def _owner(template: list[NotebookNode], cell: Sent) -> NotebookNode | None:
    """Return the template cell of which a left-over cell is a mere copy.

    That is a locked cell, by its id, text or test name, or an untouched answer.
    """
    for original in template:
        if utils.is_solution(original):
            if cell.source == original.source:
                return original
        elif utils.is_locked(original):
            name = _grade_id(original)
            if cell.grade_id == name or cell.source == original.source:
                return original
            if original.cell_type == "code" and f'("{name}"' in cell.source:
                return original
    return None


def _edited(original: NotebookNode, cell: Sent) -> bool:
    return (
        original.cell_type == "code"
        and cell.source.strip() != ""
        and (cell.source.rstrip() != original.source.rstrip() or cell.type != "code")
    )


def _sent(cell: Any) -> Sent | None:
    cell = _dict(cell)
    source = cell.get("source", "")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str) or cell.get("cell_type") not in (
        "code",
        "markdown",
        "raw",
    ):
        return None
    nbgrader = _dict(_dict(cell.get("metadata")).get("nbgrader"))
    return Sent(
        type=cell["cell_type"],
        source=source.encode("utf-8", "replace").decode(),  # no lone surrogates
        id=cell["id"] if isinstance(cell.get("id"), str) else "",
        grade_id=str(nbgrader.get("grade_id") or ""),
    )


def _extra(cell: Sent, taken: set[str]) -> NotebookNode:
    """Return an ordinary cell that keeps its id where it may."""
    name, number = cell.id, 0
    while name in taken or not _VALID_ID.fullmatch(name):
        number += 1
        name = f"extra-{number}"
    taken.add(name)
    new = nbformat.v4.new_code_cell
    if cell.type == "markdown":
        new = nbformat.v4.new_markdown_cell
    return new(cell.source, id=name)


def _name(cell: NotebookNode) -> str:
    """Return how a repair calls a cell: `e2 answer`, or its id."""
    course = cell.metadata.get("course", {})
    words = [course.get("exercise"), course.get("role"), course.get("group")]
    return " ".join(filter(None, words)) if course.get("exercise") else cell.id


def _grade_id(cell: NotebookNode) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def _defined(source: str) -> set[str]:
    return {a or b for a, b in _DEFINED.findall(source)}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
