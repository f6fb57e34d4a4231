"""The code cells of a notebook as graders see them, and which of them need not run."""

import ast
import json
import re
import symtable
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from course.errors import CourseError

_NAME = re.compile(r"-(e\d+)-(answer|check|look|grade-[\w-]+?|\w+)(?:-\d+)?$")
# Whoever calls these may reach any name, and no text tells which.
_REACHES_ALL = {"eval", "exec", "globals", "vars", "get_ipython", "__main__"}


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell as the graders see it; `role` and `mode` are the lesson script's.

    A cell that the learner added has the role `own`.
    """

    id: str
    role: str
    exercise: str
    group: str
    points: float
    source: str
    mode: str = ""

    @property
    def tests(self) -> bool:
        """Whether this cell judges an answer."""
        return self.role in ("check", "grade")


def read_cells(notebook: Path) -> list[Cell]:
    """Return the code cells of a notebook file, in order.

    Raises CourseError when the file is missing or is not a notebook.
    """
    try:
        content = json.loads(notebook.read_text("utf-8"))
        return [as_cell(raw) for raw in content["cells"] if raw["cell_type"] == "code"]
    except FileNotFoundError:
        raise CourseError(
            f"{notebook} is missing",
            cure="course build   makes source/; course start   makes work/",
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CourseError(
            f"{notebook} is not a notebook: {type(error).__name__}: {error}",
            cure="restore it, or delete it and type: course start",
        ) from None


def as_cell(raw: Cell | Mapping) -> Cell:
    """Return a cell of a notebook (a mapping of nbformat 4) as a `Cell`.

    >>> as_cell({"id": "w1-x-e1-grade-edges", "source": "1", "metadata": {}}).group
    'e1.edges'
    """
    if isinstance(raw, Cell):
        return raw
    known, grader = (raw["metadata"].get(key) or {} for key in ("course", "nbgrader"))
    name = grader.get("grade_id") or raw.get("id", "")
    named = _NAME.search(name)
    exercise = known.get("exercise") or (named[1] if named else "")
    role = known.get("role") or (named[2].split("-")[0] if named else "own")
    group = ""
    if role == "check":
        group = f"{exercise}.check"
    elif role == "grade":
        short = known.get("group") or named[2].removeprefix("grade-")
        group = f"{exercise}.{short.rpartition('.')[2]}"
    points = known.get("points") or grader.get("points") or 0
    source = raw["source"]
    text = source if isinstance(source, str) else "".join(source)
    mode = known.get("mode") or ""
    return Cell(name, role, exercise, group, float(points), text, mode)


def left_out(cells: Iterable[Cell]) -> set[str]:
    """Return the ids of the cells that need not run to grade a notebook.

    They only draw, or are experiments of the lesson: plain cells that leave nothing
    which a cell that runs mentions, and that mention no value which such a cell made
    and an experiment could change. What a learner wrote always runs.

    >>> make = lambda role, text: Cell(text, role, "", "", 0, text)
    >>> measured = make("code", "seconds = measure(SIZE)")
    >>> used = make("code", "SIZE = 3")
    >>> left_out([used, measured, make("answer", "def f(): return SIZE")])
    {'seconds = measure(SIZE)'}
    """
    cells = list(cells)
    waiting = [cell for cell in cells if cell.role == "code"]
    running = [cell for cell in cells if cell.role not in ("look", "code")]
    out = {cell.id for cell in cells if cell.role == "look"}
    names = {one.id: _names(one.role, one.source) for one in waiting + running}
    told: set[str] = set()
    made: set[str] = set()
    while running:
        for cell in running:
            if names[cell.id] is None:
                return out
            told |= names[cell.id].told
            made |= names[cell.id].made
        running = [
            cell
            for cell in waiting
            if names[cell.id] is None
            or names[cell.id].bound & told
            or names[cell.id].told & made
        ]
        waiting = [cell for cell in waiting if cell not in running]
    return out | {cell.id for cell in waiting}


@dataclass(frozen=True, slots=True)
class _Names:
    """What a cell mentions of its surroundings and binds in them.

    `made` are those of the latter that are values which another cell may change.
    """

    told: set[str]
    bound: set[str]
    made: set[str]


@lru_cache(maxsize=4096)
def _names(role: str, source: str) -> _Names | None:
    """Return the names of a cell; None where it may mention any."""
    try:
        tree = ast.parse(source)
        tables = list(_tables(symtable.symtable(source, role, "exec")))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # magics, or a learner's text that nobody can parse
    outer = {
        symbol
        for table in tables
        for symbol in table.get_symbols()
        if table.get_type() == "module" or symbol.is_global()
    }
    told = {one.get_name() for one in outer if one.is_referenced()}
    if any(isinstance(node, ast.alias) and node.name == "*" for node in ast.walk(tree)):
        return None
    if role in ("answer", "own"):  # a learner may look names up
        told |= {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        if told & _REACHES_ALL:
            return None
    bound = {one for one in outer if one.is_assigned() or one.is_imported()}
    # By their names, classes and constants are left as they are.
    values = {one for one in bound if not (one.is_imported() or one.is_namespace())}
    made = {one.get_name() for one in values if not one.get_name()[0].isupper()}
    return _Names(told, {one.get_name() for one in bound}, made)


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for inner in table.get_children():
        yield from _tables(inner)
