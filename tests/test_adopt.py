"""An edit made in JupyterLab comes back into the lesson, or nothing changes."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from course import syllabus
from course.errors import CourseError
from course.ops.adopt import adopt
from course.ops.build import build, read_all
from course.ops.cells import render, unrender

WEEK = "week1_demo"


def test_every_cell_of_every_lesson_comes_back_as_it_was() -> None:
    root = Path(__file__).parent.parent
    known = [n for week in syllabus.weeks(root) for n in week.notebooks]
    for lesson in read_all(known, root):
        for cell in render(lesson):
            edit = unrender(lesson, cell, cell.source)
            same = replace(cell.block, text=edit.text)
            blocks = tuple(same if b is cell.block else b for b in lesson.blocks)
            again = {c.id: c.source for c in render(replace(lesson, blocks=blocks))}
            assert again[cell.id] == cell.source, cell.id
            assert not edit.words
            if edit.hidden is not None:
                assert edit.hidden == lesson.hidden[cell.block.label].text


class Desk:
    """The source notebook of a tiny course, edited the way JupyterLab saves it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.file = root / "source" / WEEK / "01_sums.ipynb"
        self.lesson = root / "lessons" / WEEK / "01_sums.py"
        self.hidden = root / "lessons" / WEEK / "01_sums.hidden.py"
        self.content = json.loads(self.file.read_text("utf-8"))

    @property
    def cells(self) -> list[dict]:
        return self.content["cells"]

    def cell(self, end: str) -> dict:
        return next(c for c in self.cells if c["id"] == f"m1-sums-{end}")

    def index(self, end: str) -> int:
        return self.cells.index(self.cell(end))

    def edit(self, end: str, old: str, new: str) -> None:
        cell = self.cell(end)
        source = "".join(cell["source"])
        assert old in source
        cell["source"] = source.replace(old, new, 1).splitlines(keepends=True)

    def save(self) -> None:
        for cell in self.cells:  # what running a notebook leaves behind
            if cell["cell_type"] == "code":
                cell["execution_count"] = 3
                cell["outputs"] = [
                    {"name": "stdout", "output_type": "stream", "text": "hello"}
                ]
        self.content["metadata"]["language_info"]["version"] = "3.12.1"
        self.file.write_text(json.dumps(self.content, indent=1), "utf-8")

    def adopt(self) -> None:
        self.save()
        assert adopt(self.file) == self.lesson

    def sources(self) -> list[str]:
        built = json.loads(self.file.read_text("utf-8"))
        return ["".join(cell["source"]) for cell in built["cells"]]

    def texts(self) -> tuple[str, str]:
        return self.lesson.read_text("utf-8"), self.hidden.read_text("utf-8")


@pytest.fixture
def desk(built_minicourse: Path) -> Desk:
    return Desk(built_minicourse)


def new_cell(kind: str, source: str, **metadata: object) -> dict:
    cell = {"cell_type": kind, "id": "8f3a1c", "metadata": metadata, "source": source}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def test_running_without_editing_changes_nothing(desk: Desk) -> None:
    before = desk.texts()
    desk.adopt()
    assert desk.texts() == before


# Cell, what stands in it, what replaces it: one of every role.
EDITS = [
    ("title", "Two small", "Three small"),
    ("map", "## Map", "## The map\n\nWith a sentence."),
    ("setup", "import math", "import math as math"),
    ("idea", "neutral element", "neutral\nelement\n\n* with `code`\n* and 3 ≤ 4"),
    ("running", "range(4)", "range(5)"),
    ("e1-card", "Add a list", "Add up a list"),
    ("e1-card", "*20 minutes", "*15 minutes"),
    ("e1-card", "· core*", "· stretch*"),
    ("e1-card", "stays as it was.", "stays.\n\nA second paragraph."),
    ("e1-hand", "goes 0", "grows 0"),
    ("e1-answer", "running_total_of_all = 0", "running_total_of_all = 0.0"),
    ("e1-look", "expected: 9", "wanted: 9"),
    ("e1-check", "want=9", "want=10"),
    ("e1-check", "\n    check", "\n    extra = '''a\nb'''\n\n    check"),
    ("e1-grade-edges", "negative numbers", "numbers below 0"),
    ("e1-grade-edges", "[-5], want=-5", "[-6], want=-6"),
    ("e1-grade-edges", "# An empty list, negative numbers, one number.\n", ""),
    ("e1-grade-random", "over two lines", "over\n  three lines"),
    ("e1-hints", "no numbers?", "none?\n\nThink of <b>that</b>."),
    ("e2-hand", "min(7, 5)", "min(8, 5)"),
    ("e2-grade-edges", "check.case(clip, 9", "# any\n    check.case(clip, 8"),
    ("e2-grade-edges", "Both ends", "The two ends"),
    ("e3-card", "A colleague", "Someone"),
    ("e3-card", "*20 minutes", "*25 minutes"),
    ("e3-essay", "Rounding", "Rounding, mostly,"),
    ("e3-rubric", "Red flag", "A red flag"),
    ("review", "No: each", "No, as each"),
    ("review", "<code>sum([])</code>", "<code>sum([]) &lt; 1</code>"),
    ("review", "## Review", "## Review cards"),
]


@pytest.mark.parametrize(("end", "old", "new"), EDITS)
def test_any_edit_builds_the_edited_notebook_again(
    desk: Desk, end: str, old: str, new: str
) -> None:
    before = desk.lesson.read_text("utf-8").split("# %%")
    desk.edit(end, old, new)
    wanted = ["".join(cell["source"]) for cell in desk.cells]
    desk.adopt()
    changed = {i for i, s in enumerate(desk.sources()) if s != wanted[i]}
    maps = {desk.index("map")} if end.endswith("card") else set()
    assert changed <= maps
    after = desk.lesson.read_text("utf-8").split("# %%")
    assert len(after) == len(before)
    assert sum(a != b for a, b in zip(before, after, strict=True)) <= 1
    assert build(check=True).ok


def test_every_cell_in_turn_survives_a_new_last_line(desk: Desk) -> None:
    for end in ["title", "idea", "running", "e1-answer", "e1-look", "aloud"]:
        desk.cell(end)["source"] += ["\n", "# one more line"]
    wanted = ["".join(cell["source"]) for cell in desk.cells]
    desk.adopt()
    assert desk.sources() == wanted


def test_new_cells_stand_after_their_predecessors(desk: Desk) -> None:
    at = desk.index("idea")
    desk.cells.insert(at + 1, new_cell("markdown", "A new thought.\n\nAnd one more."))
    desk.cells.insert(at + 2, new_cell("code", "fresh = 1"))
    desk.cells.append(new_cell("code", "last_of_all = 2"))
    desk.cells.append(new_cell("code", ""))
    desk.adopt()
    text = desk.lesson.read_text("utf-8")
    assert "Watch it grow:\n\n# %% [md]\n# A new thought.\n#\n# And one more.\n" in text
    assert "\n\n# %%\nfresh = 1\n\n# %% running\n" in text
    assert text.endswith("each addition rounds.\n\n# %%\nlast_of_all = 2\n")
    assert "fresh = 1" in desk.sources()


def test_deleted_and_moved_cells(desk: Desk) -> None:
    del desk.cells[desk.index("running")]
    follow = desk.cells.pop(desk.index("follow"))
    desk.cells.append(follow)
    before = desk.lesson.read_text("utf-8")
    desk.adopt()
    after = desk.lesson.read_text("utf-8")
    assert "# %% running" not in after
    assert after.endswith("# 1. Sum in parallel.\n# 2. Sum a stream.\n")
    blocks = [set(re.split(r"\n+(?=# %%)", text.strip())) for text in (before, after)]
    assert len(blocks[0] - blocks[1]) == 1


def test_a_deleted_group_leaves_the_hidden_file_too(desk: Desk) -> None:
    del desk.cells[desk.index("e2-grade-edges")]
    desk.adopt()
    lesson, hidden = desk.texts()
    assert "e2.edges" not in lesson + hidden
    assert "*20 minutes · 15 points · core*" in "".join(desk.sources())


def test_hidden_tests_go_back_to_the_hidden_file(desk: Desk) -> None:
    lesson, _ = desk.texts()
    desk.edit("e2-grade-edges", "9, 0, 5", "99, 0, 5")
    desk.adopt()
    after, hidden = desk.texts()
    assert after == lesson
    assert "check.case(clip, 99, 0, 5, want=5)\ncheck.raises" in hidden


def test_points_and_kinds_changed_in_jupyterlab(desk: Desk) -> None:
    desk.cell("e1-grade-edges")["metadata"]["nbgrader"]["points"] = 7
    desk.cell("idea").update(cell_type="code", source="neutral = 0")
    desk.cell("running").update(cell_type="markdown", source="Only words.")
    desk.adopt()
    text = desk.lesson.read_text("utf-8")
    assert "# %% [grade] e1.edges points=7 mode=split" in text
    assert "# %% idea\nneutral = 0\n\n# %% [md] running\n# Only words.\n" in text
    assert "points=7)" in "".join(desk.sources())


def test_adopting_twice_without_a_build_between(desk: Desk) -> None:
    for word in ("one", "two"):
        desk = Desk(desk.root)
        desk.edit("title", "Two small functions", f"Two small functions, {word}")
        desk.adopt()
    assert "functions, two, one" in desk.lesson.read_text("utf-8")


def refused(desk: Desk, match: str | None = None) -> None:
    before = [desk.lesson.read_text("utf-8"), desk.hidden.read_text("utf-8")]
    desk.save()
    saved = desk.file.read_text("utf-8")
    with pytest.raises(CourseError, match=match) as caught:
        adopt(desk.file)
    assert caught.value.cure or "try:" in str(caught.value)
    assert [*desk.texts()] == before
    assert desk.file.read_text("utf-8") == saved
    assert not list(desk.root.rglob("*.tmp"))


def test_refuses_when_both_sides_changed(desk: Desk) -> None:
    desk.edit("title", "Two small", "Three small")
    with desk.lesson.open("a") as file:
        file.write("\n# %%\nmore = 1\n")
    refused(desk, "both lessons/.*01_sums.py and source/.*01_sums.ipynb changed")


def test_a_build_does_not_undo_an_edit(desk: Desk) -> None:
    desk.edit("title", "Two small", "Three small")
    desk.save()
    with pytest.raises(CourseError, match="was edited; a build would undo"):
        build()
    assert "Three small" in desk.file.read_text("utf-8")
    adopt(desk.file)
    assert build().ok


@pytest.mark.parametrize(
    ("end", "old", "new"),
    [
        ("map", "| 20 | 30 |", "| 20 | 31 |"),
        ("e1-card", "30 points", "31 points"),
        ("e1-card", "Exercise 1", "Exercise 5"),
        ("e1-check", "points=5", "points=6"),
        ("e1-check", "    check", "check"),
        ("e1-grade-edges", "15 points", "16 points"),
        ("e1-grade-edges", "### END HIDDEN TESTS", ""),
        ("e1-grade-edges", "    check.case(total, [], ", "    # no\n    check.case("),
        ("e1-hints", "Hint 2", "Hint 4"),
        ("e3-rubric", "<!-- BEGIN MARK SCHEME -->", ""),
        ("title", "Two small", "Two\n%% small"),
        ("running", "steps = ", "# %% x\nsteps = "),
        ("running", "steps = ", "steps = = "),
        ("e1-answer", "### END SOLUTION", ""),
    ],
)
def test_generated_parts_stay(desk: Desk, end: str, old: str, new: str) -> None:
    desk.edit(end, old, new)
    refused(desk)


def test_refuses_what_a_lesson_cannot_hold(desk: Desk) -> None:
    desk.cell("title")["attachments"] = {"a.png": {"image/png": "AAAA"}}
    desk.edit("title", "Two", "Three")
    refused(desk, "attached picture")


def test_refuses_a_copied_test(desk: Desk) -> None:
    copied = json.loads(json.dumps(desk.cell("e1-check")))
    desk.cells.insert(desk.index("e1-check"), copied | {"id": "abc"})
    refused(desk, "no build made it")


def test_refuses_a_changed_grade_id(desk: Desk) -> None:
    desk.cell("e1-check")["metadata"]["nbgrader"]["grade_id"] = "other"
    desk.edit("e1-check", "want=9", "want=10")
    refused(desk, "nbgrader type or id")


def test_refuses_files_elsewhere(desk: Desk) -> None:
    with pytest.raises(CourseError, match="not a notebook of source/"):
        adopt(desk.root / "release" / WEEK / "01_sums.ipynb")
    desk.file.unlink()
    with pytest.raises(CourseError, match="does not exist"):
        adopt(desk.file)
