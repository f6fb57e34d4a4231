"""Grading with real kernels: right, partly wrong, broken and hostile notebooks."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from rich.console import Console

from course.errors import CourseError
from course.grading import autograde, gradebook, sandbox, submit
from course.ops.build import build

pytestmark = pytest.mark.slow

WEEK = "week1_demo"
LESSON = '''"""Two small exercises."""

# %% [setup]
from course import check

# %% [card] e1 minutes=5 core
# Double
#
# Return twice `n`.

# %% [answer] e1
def double(n: int) -> int:
    """Return twice `n`."""
    ### BEGIN SOLUTION
    return 2 * n
    ### END SOLUTION

# %% [check] e1 points=10
check.case(double, 2, want=4)

# %% [grade] e1.big points=40 mode=shared
# Large and negative numbers.
check.case(double, 10**9, want=2 * 10**9)
check.case(double, -3, want=-6)

# %% [hints] e1
# nudge: What is twice?
#
# idea: Multiply.
#
# outline: Multiply by two.

# %% [card] e2 minutes=5 core
# Half
#
# Return half of `n`.

# %% [answer] e2
def half(n: int) -> float:
    """Return half of `n`."""
    ### BEGIN SOLUTION
    return n / 2
    ### END SOLUTION

# %% [check] e2 points=10
check.case(half, 4, want=2.0)

# %% [grade] e2.odd points=40 mode=shared
# Odd and random numbers.
check.case(half, 3, want=1.5)
for n in check.rng().integers(100, size=5).tolist():
    check.case(half, n, want=n / 2)

# %% [hints] e2
# nudge: What is half?
#
# idea: Divide.
#
# outline: Divide by two.
'''
DOUBLE = "def double(n):\n    return 2 * n"
HALF = "def half(n):\n    return n / 2"
RIGHT, E1, E2, NOTHING = [10, 40, 10, 40], [10, 40, 0, 0], [0, 0, 10, 40], [0] * 4

# name -> (the answer of e1, the answer of e2, points of the four graded cells)
ANSWERS = {
    "right": (DOUBLE, HALF, RIGHT),
    "partly": (DOUBLE.replace("2 * n", "abs(2 * n)"), HALF, [10, 0, 10, 40]),
    "noisy": (
        "import sys, warnings\ndef double(n):\n    warnings.warn('careful')\n"
        "    print('debug', file=sys.stderr)\n    return 2 * n",
        "import os, threading\ndef half(n):\n"
        "    threading.Thread(target=lambda: os.write(2, b'noise')).start()\n"
        "    return n / 2",
        RIGHT,
    ),
    "loop": (
        "def double(n):\n    while n != 2:\n        pass\n    return 4",
        HALF,
        None,
    ),
    "stubborn": (
        "def double(n):\n    while True:\n        try:\n            while True:\n"
        "                pass\n        except BaseException:\n            pass",
        HALF,
        NOTHING,
    ),
    "exit": (DOUBLE, "import os\ndef half(n):\n    os._exit(0)", E1),
    "crash": (DOUBLE, "import ctypes\ndef half(n):\n    ctypes.string_at(0)", E1),
    "flood": (
        "def double(n):\n    print('x' * 3_000_000)\n    return 2 * n",
        "def half(n):\n    while True:\n        print('y' * 1_000_000)",
        E1,
    ),
    "giant": (
        DOUBLE,
        "def half(n):\n    print('z' * 150_000_000)\n    return n / 2",
        E1,
    ),
    "closed": (DOUBLE, "import sys\nsys.stdout = None\n" + HALF, None),
}
BROKEN = {
    "missing": None,
    "empty": b"",
    "cut": b'{"cells": [{"cell_type": "code"',
    "latin": "{'é'}".encode("latin-1"),
    "old": b'{"nbformat": 3, "nbformat_minor": 0, "worksheets": []}',
}
BENT = ("renamed", "swapped", "deleted", "stripped", "forged")


def make_course(folder: Path, names, config: str = "", lesson: str = LESSON) -> Path:
    """Build a course of one week with one copy of `lesson` for each name."""
    lessons = folder / "lessons" / WEEK
    lessons.mkdir(parents=True)
    toml = [f'[{WEEK}]\nkey = "m1"\ntitle = "Demo"\n']
    for name in names:
        (lessons / f"{name}.py").write_text(lesson)
        toml.append(
            f'[[{WEEK}.notebooks]]\nfile = "{name}"\nkey = "{name}"\n'
            f'title = "The notebook {name}"\nminutes = 10\n'
        )
    (folder / "lessons" / "course.toml").write_text("\n".join(toml))
    ours = Path(__file__).parent.parent / "nbgrader_config.py"
    (folder / "nbgrader_config.py").write_text(ours.read_text() + config)
    before = os.environ.get("COURSE_ROOT")
    os.environ["COURSE_ROOT"] = str(folder)
    try:
        build()
    finally:
        os.environ.pop("COURSE_ROOT")
        if before:
            os.environ["COURSE_ROOT"] = before
    submit.start(root=folder)
    return folder


def edit(file: Path, change) -> None:
    nb = nbformat.read(file, 4)
    change(nb, {cell.id.split("-", 2)[2]: cell for cell in nb.cells})
    file.write_text(json.dumps(nb))


def answer(file: Path, double: str, half: str) -> None:
    def change(nb, cells):
        cells["e1-answer"].source, cells["e2-answer"].source = double, half

    edit(file, change)


def run(target: str, root: Path, **options):
    """Grade, and return the result by notebook and what was printed."""
    text = io.StringIO()
    console = Console(file=text, width=100)
    result = autograde.grade(target, root=root, console=console, **options)
    return {one.notebook.name: one for one in result.notebooks}, text.getvalue()


def points(graded) -> list:
    return [group.points for group in graded.groups]


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture(scope="module")
def week(tmp_path_factory):
    """Grade once a week in which nearly everything went wrong."""
    root = make_course(
        tmp_path_factory.mktemp("grading") / "course",
        [*ANSWERS, *BROKEN, *BENT],
        # Short, so that the loops and floods do not make the test long.
        "c.Execute.timeout = 3\nc.Execute.repeat_timeout = 1\n",
    )
    work = root / "work" / WEEK
    for name, (double, half, _) in ANSWERS.items():
        answer(work / f"{name}.ipynb", double, half)
    for name in BENT:
        answer(work / f"{name}.ipynb", DOUBLE, HALF)
    for name, raw in BROKEN.items():
        (work / f"{name}.ipynb").unlink()
        if raw is not None:
            (work / f"{name}.ipynb").write_bytes(raw)
    (work / "renamed.ipynb").rename(work / "my copy (1).ipynb")
    shutil.copy(work / "right.ipynb", work / "swapped.ipynb")

    def delete(nb, cells):
        nb.cells.remove(cells["e1-check"])
        nb.cells.remove(cells["e2-grade-odd"])

    def strip(nb, cells):
        nb.metadata = {}
        for number, cell in enumerate(nb.cells):
            cell.metadata, cell.id = {}, f"x{number}"
        nb.cells.append(nb.cells.pop(1))

    def forge(nb, cells):
        cells["e1-grade-big"].source = "5"
        for cell in nb.cells:
            cell.metadata.tags = ["skip-execution"]
            if "nbgrader" in cell.metadata:
                cell.metadata.nbgrader.update(schema_version=99, grade_id="same")

    edit(work / "deleted.ipynb", delete)
    edit(work / "stripped.ipynb", strip)
    edit(work / "forged.ipynb", forge)
    before = tree(root / "work")
    graded, text = run(WEEK, root)
    assert tree(root / "work") == before
    return root, graded, text


@pytest.mark.parametrize("name", [n for n, (*_, want) in ANSWERS.items() if want])
def test_points_cell_by_cell(week, name):
    _, graded, _ = week
    assert points(graded[name]) == ANSWERS[name][2]
    assert graded[name].trouble == ""


@pytest.mark.parametrize("name", ["renamed", "deleted", "stripped", "forged"])
def test_a_bent_notebook_keeps_its_points(week, name):
    _, graded, _ = week
    assert points(graded[name]) == RIGHT
    assert graded[name].trouble == ""


def test_repairs_are_told(week):
    _, graded, text = week
    assert graded["renamed"].repairs == (
        "taken from my copy (1).ipynb, which holds this notebook",
    )
    assert graded["deleted"].repairs == (
        "e1 check: was missing; put back",
        "e2 grade odd: was missing; put back",
    )
    assert "repaired: e1 check: was missing; put back" in text
    assert graded["right"].repairs == ()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing", f"work/{WEEK}/missing.ipynb is missing"),
        ("empty", "the file is empty"),
        ("cut", "not valid JSON"),
        ("latin", "not UTF-8"),
        ("old", "format 3"),
        ("swapped", "holds another notebook (m1-right)"),
    ],
)
def test_what_cannot_be_read_gets_nothing_and_a_reason(week, name, said):
    root, graded, text = week
    assert points(graded[name]) == NOTHING
    assert said in graded[name].trouble
    assert graded[name].cure
    assert said.split("/")[-1] in text
    assert not (root / f"feedback/me/{WEEK}/{name}.html").exists()


def test_a_loop_costs_its_own_cells_only(week):
    _, graded, _ = week
    check, big, *half = graded["loop"].groups
    assert check.points == 10 or "stopped" in check.message
    assert big.points == 0
    assert "still running after" in big.message
    assert [group.points for group in half] == [10, 40]


def test_a_dead_or_deaf_kernel_says_so(week):
    _, graded, _ = week
    assert "the kernel died in cell m1-exit-e2-check" in message(graded["exit"], 2)
    assert "not run: the kernel died" in message(graded["exit"], 3)
    assert "the kernel died" in message(graded["crash"], 2)
    assert "the kernel gave no sign" in message(graded["stubborn"], 0)
    assert "not run" in message(graded["stubborn"], 2)


def message(graded, number: int) -> str:
    return list(graded.groups)[number].message


def test_output_is_cut_and_a_flood_stopped(week):
    root, graded, _ = week
    # Whichever comes first: the cap, or the time while its messages are refused.
    said = message(graded["flood"], 2)
    assert "printed without end" in said or "the kernel gave no sign" in said
    assert "not run" in message(graded["flood"], 3)
    file = root / f"autograded/me/{WEEK}/flood.ipynb"
    assert file.stat().st_size < 10_000_000
    assert "output cut here" in file.read_text()
    assert "more at once than can be held" in message(graded["giant"], 2)
    assert (root / f"autograded/me/{WEEK}/giant.ipynb").stat().st_size < 3_000_000


def test_feedback_is_written_and_loads_nothing(week):
    root, graded, text = week
    page = graded["partly"].feedback
    assert page == root / f"feedback/me/{WEEK}/partly.html"
    html = page.read_text("utf-8")
    assert "double(-3)" in html
    assert "<script src" not in html
    assert 'rel="stylesheet"' not in html
    assert f"feedback/me/{WEEK}/partly.html" in text


def test_messages_stand_in_the_table(week):
    _, graded, text = week
    assert message(graded["partly"], 1).splitlines()[:2] == [
        "double(-3)",
        "  got 6, expected -6",
    ]
    assert "got 6, expected -6" in text
    assert "BEGIN HIDDEN" not in text


def test_the_seed_is_recorded_and_a_regrade_is_the_same(week):
    root, graded, _ = week
    again, _ = run(f"{WEEK}/partly", root)
    assert again["partly"].seed == graded["partly"].seed
    assert list(again["partly"].groups) == list(graded["partly"].groups)
    assert graded["partly"].seed != graded["right"].seed
    ran = (root / f"autograded/me/{WEEK}/right.ipynb").read_text()
    assert f"hidden inputs: seed {graded['right'].seed}" in ran


def test_a_given_seed_is_replayed(week, monkeypatch):
    root, _, _ = week
    monkeypatch.setenv("COURSE_SEED", "cafe0001")
    graded, _ = run(f"{WEEK}/right", root)
    assert graded["right"].seed == "cafe0001"
    assert points(graded["right"]) == RIGHT


def test_scores_are_saved_for_the_home_page(week):
    root, _, _ = week
    saved = json.loads((root / ".course" / "results.json").read_text())[WEEK]
    assert saved["right"]["score"] == saved["right"]["max"] == 100
    assert saved["right"]["feedback"] == f"feedback/me/{WEEK}/right.html"
    assert "cut" not in saved


def test_nothing_is_left_behind(week):
    root, _, _ = week
    assert not list(root.rglob("*.tmp"))
    assert {one.name for one in (root / "autograded/me" / WEEK).iterdir()} == {
        f"{name}.ipynb" for name in [*ANSWERS, *BENT] if name != "swapped"
    }


def test_plain_nbgrader_agrees_cell_by_cell(week, tmp_path):
    """Stock nbgrader without our settings, and plain nbgrader with them."""
    root, graded, _ = week
    names = ("right", "partly")
    confined = ["--Execute.trust=True"] if sandbox.obstacle() else []
    for folder, config, options in (
        ("stock", "c = get_config()\n", []),
        ("ours", None, confined),
    ):
        place = tmp_path / folder
        for name in names:
            for room in ("source", "submitted/me"):
                (place / room / WEEK).mkdir(parents=True, exist_ok=True)
                start = root / room.replace("submitted/me", "work") / WEEK
                shutil.copy(start / f"{name}.ipynb", place / room / WEEK)
        shutil.copytree(root / "release", place / "release")
        shutil.copy(root / "gradebook.db", place)
        (place / "nbgrader_config.py").write_text(
            config or (root / "nbgrader_config.py").read_text()
        )
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", "autograde", WEEK, "--student", "me",
             "--force", "--course", "frontier_lab", *options],
            cwd=place, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        if folder == "ours":
            assert "checksum" not in done.stderr
        from nbgrader.api import Gradebook

        with Gradebook(f"sqlite:///{place / 'gradebook.db'}") as book:
            for name in names:
                found = book.find_submission_notebook(name, WEEK, "me")
                scores = {one.name: one.score for one in found.grades}
                assert scores == {
                    group.cell_id: group.points for group in graded[name].groups
                }, (folder, name)


def test_an_interrupted_grading_leaves_all_as_it_was(week, monkeypatch):
    root, graded, _ = week
    from course.grading.execute import Execute

    real = Execute.preprocess_cell

    def interrupted(self, cell, resources, index):
        if index == 6:
            raise KeyboardInterrupt
        return real(self, cell, resources, index)

    before = tree(root / "work")
    with monkeypatch.context() as patch:
        patch.setattr(Execute, "preprocess_cell", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(f"{WEEK}/partly", root)
    assert tree(root / "work") == before
    again, _ = run(f"{WEEK}/partly", root)
    assert list(again["partly"].groups) == list(graded["partly"].groups)


def test_a_sound_file_that_breaks_later_keeps_the_score_on_the_board(week):
    root, _, _ = week
    file = root / "work" / WEEK / "right.ipynb"
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    try:
        graded, _ = run(f"{WEEK}/right", root)
    finally:
        file.write_bytes(whole)
    assert points(graded["right"]) == NOTHING
    saved = json.loads((root / ".course" / "results.json").read_text())[WEEK]
    assert saved["right"]["score"] == 100
    again, _ = run(f"{WEEK}/right", root)
    assert points(again["right"]) == RIGHT


def test_two_gradings_at_once_are_refused(week):
    root, _, _ = week
    code = (
        "import sys, pathlib\nfrom course.grading import gradebook\n"
        f"with gradebook.locked(pathlib.Path({str(root)!r})):\n"
        "    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(CourseError, match="another `course grade` is running"):
            run(f"{WEEK}/right", root)
    finally:
        other.communicate("")
    with gradebook.locked(root):
        pass


@pytest.mark.parametrize("student", ["", "../me", ".hidden", "a/b", "a b"])
def test_a_student_name_is_a_plain_folder_name(week, student):
    root, _, _ = week
    with pytest.raises(CourseError, match="cannot be a student's name"):
        run(WEEK, root, student=student)


def test_essays_wait_for_a_reader(built_minicourse):
    submit.start(root=built_minicourse)
    file = built_minicourse / f"work/{WEEK}/01_sums.ipynb"

    def change(nb, cells):
        cells["e3-essay"].source = "Rounding."

    edit(file, change)
    graded, text = run(f"{WEEK}/01", built_minicourse)
    sums = graded["01_sums"]
    assert sums.waiting == 20
    assert "manual: waits for a reader" in text
    titles = [exercise.title for exercise in sums.exercises]
    assert titles[0] == "Add a list"
    assert sums.score == 0
