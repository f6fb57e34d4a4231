"""Lessons become notebooks: the same bytes each time, and nbgrader's own release."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.nbgraderformat import MetadataValidator

from course.errors import CourseError
from course.ops.build import build
from course.ops.lesson import LessonError

WEEK = "week1_demo"
NAMES = ("01_sums", "02_words")


def files(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for tree in ("source", "release")
        for path in sorted((root / tree).rglob("*"))
        if path.is_file()
    }


def cells(root: Path, tree: str, name: str = "01_sums") -> dict[str, dict]:
    notebook = json.loads((root / tree / WEEK / f"{name}.ipynb").read_text("utf-8"))
    return {cell["id"]: cell for cell in notebook["cells"]}


def source(cell: dict) -> str:
    return "".join(cell["source"])


def lesson(root: Path, name: str = "01_sums.py") -> Path:
    return root / "lessons" / WEEK / name


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_builds_the_same_bytes_in_two_places(
    minicourse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "a clone"
    shutil.copytree(minicourse, other)
    assert str(build()).endswith("built 2 notebooks")
    first = files(minicourse)
    assert len(first) == 4
    assert str(build()) == "2 notebooks up to date"
    assert files(minicourse) == first
    monkeypatch.setenv("COURSE_ROOT", str(other))
    for name in NAMES:  # one by one, in another order than the week
        build(f"{WEEK}/{name}")
    assert files(other) == first
    assert not list(minicourse.glob("*.db"))


def test_other_hash_seeds_and_locales_change_nothing(built_minicourse: Path) -> None:
    code = "from course.ops.build import build; print(build(check=True))"
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "7", "LC_ALL": "C", "TZ": "Asia/Tokyo"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "2 notebooks up to date\n", found.stderr


def test_the_shape_of_a_notebook_file(built_minicourse: Path) -> None:
    for path, raw in files(built_minicourse).items():
        text = raw.decode()
        notebook = json.loads(text)
        assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
        sorted_text = json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False)
        assert text == sorted_text + "\n", path
        assert notebook["metadata"]["course"]["lesson"].startswith("lessons/")
        read = nbformat.reads(text, as_version=4)
        nbformat.validate(read)
        MetadataValidator().validate_nb(read)
        for cell in read.cells:
            assert cell.metadata.course.role
            if "nbgrader" in cell.metadata:
                assert cell.metadata.nbgrader.grade_id == cell.id
            if cell.cell_type == "code":
                assert not cell.outputs
                assert cell.execution_count is None


def test_ids_points_and_roles(built_minicourse: Path) -> None:
    found = cells(built_minicourse, "source")
    assert list(found)[:8] == [
        *[f"m1-sums-{end}" for end in ("title", "able", "map", "asked", "setup")],
        *[f"m1-sums-{end}" for end in ("idea", "running", "e1-card")],
    ]
    grade = found["m1-sums-e1-grade-edges"]["metadata"]
    assert grade["course"] == {
        "role": "grade",
        "exercise": "e1",
        "group": "edges",
        "mode": "split",
        "points": 15,
    }
    assert grade["nbgrader"]["points"] == 15
    assert "m1-words-c001" in cells(built_minicourse, "source", "02_words")
    table = source(found["m1-sums-map"])
    assert "| 2 · Clip to a range | 20 | 30 | core |" in table
    assert "| 4 · Add exactly | 10 | 20 | stretch |" in table


def test_test_cells(built_minicourse: Path) -> None:
    found = cells(built_minicourse, "source")
    assert source(found["m1-sums-e1-check"]) == (
        '@check.visible("m1-sums-e1-check", points=5)\n'
        "def e1_check():\n"
        "    check.case(total, [2, 3, 4], want=9, "
        'hint="start from 0 and add each number")'
    )
    hidden = source(found["m1-sums-e1-grade-random"])
    assert '"""a string\nover two lines"""\n    rng = check.rng()' in hidden
    compile(hidden, "cell", "exec")
    inlined = source(found["m1-sums-e2-grade-edges"])
    assert inlined.startswith("# Hidden tests · e2 edges · 15 points\n# Both ends")
    assert "    check.raises(clip, ValueError, 1, 5, 0)\n### END HIDDEN" in inlined


def test_release_holds_no_secrets(built_minicourse: Path) -> None:
    found = cells(built_minicourse, "release")
    text = "\n".join(source(cell) for cell in found.values())
    for secret in (
        "running_total_of_all",
        "check.raises",
        "not associative",
        "Red flag",
        "SOLUTION",
        "HIDDEN TESTS",
        "MARK SCHEME",
    ):
        assert secret not in text
    stub = source(found["m1-sums-e1-answer"])
    assert 'raise NotImplementedError("write this part' in stub
    assert "    >>> total([2, 3, 4])" in stub
    assert source(found["m1-sums-e3-essay"]) == "*Your answer here.*"
    assert source(found["m1-sums-e1-grade-edges"]) == (
        "# Hidden tests · e1 edges · 15 points\n"
        "# An empty list, negative numbers, one number."
    )
    shown = "**How exercise 3 is judged.** The rubric appears here with your feedback."
    assert source(found["m1-sums-e3-rubric"]).strip() == shown
    assert found["m1-sums-e1-check"]["metadata"]["course"]["role"] == "check"


def nbgrader(root: Path, *words: str) -> None:
    beside = str(Path(sys.executable).parent)  # nbgrader calls alembic by name
    subprocess.run(
        [sys.executable, "-m", "nbgrader", *words],
        cwd=root,
        env={**os.environ, "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}"},
        check=True,
        capture_output=True,
    )


def test_plain_nbgrader_makes_the_same_release(built_minicourse: Path) -> None:
    before = files(built_minicourse)
    nbgrader(built_minicourse, "generate_assignment", WEEK, "--force")
    assert (built_minicourse / "gradebook.db").is_file()
    assert files(built_minicourse) == before


def test_stock_nbgrader_shows_the_rubric_after_grading(built_minicourse: Path) -> None:
    """Autograding restores the rubric, so grader and learner see it then."""
    from nbgrader.preprocessors import OverwriteCells

    nbgrader(built_minicourse, "generate_assignment", WEEK, "--force")
    release = built_minicourse / "release" / WEEK / "01_sums.ipynb"
    submitted = nbformat.read(release, as_version=4)
    db_url = f"sqlite:///{built_minicourse / 'gradebook.db'}"
    resources = {"nbgrader": {"notebook": "01_sums", "assignment": WEEK}}
    resources["nbgrader"]["db_url"] = db_url
    graded, _ = OverwriteCells().preprocess(submitted, resources)
    rubric = next(c for c in graded.cells if c.id == "m1-sums-e3-rubric")
    assert "Red flag: blames a race condition" in rubric.source


def test_check_names_what_is_stale_and_writes_nothing(built_minicourse: Path) -> None:
    rewrite(lesson(built_minicourse), "Two small", "Three small")
    (built_minicourse / "release" / WEEK / "02_words.ipynb").unlink()
    before = files(built_minicourse)
    report = build(check=True)
    assert not report.ok
    assert report.changed == (
        f"release/{WEEK}/01_sums.ipynb",
        f"release/{WEEK}/02_words.ipynb",
        f"source/{WEEK}/01_sums.ipynb",
    )
    assert str(report).endswith("try: course build")
    assert files(built_minicourse) == before
    assert build().ok
    assert build(check=True).ok


def test_a_failing_build_leaves_everything(built_minicourse: Path) -> None:
    before = files(built_minicourse)
    rewrite(lesson(built_minicourse), "Two small", "Three small")
    rewrite(lesson(built_minicourse, "02_words.py"), "[check] e1 points=10", "[chek]")
    with pytest.raises(LessonError, match=r"02_words.py:\d+ lesson: \[chek\] is no"):
        build()
    assert files(built_minicourse) == before
    rewrite(lesson(built_minicourse, "02_words.py"), "[chek]", "[check] e1 points=10")
    rewrite(
        lesson(built_minicourse, "02_words.py"), "### BEGIN SOL", "## AUTOTEST f(1)"
    )
    with pytest.raises(CourseError):
        build()
    assert files(built_minicourse) == before


def test_nbgrader_errors_name_the_week(built_minicourse: Path) -> None:
    rewrite(lesson(built_minicourse), "# nudge: What is", "# nudge: BEGIN SOLUTION is")
    with pytest.raises(CourseError, match=f"could not make the release of {WEEK}"):
        build()


def test_files_without_a_lesson(built_minicourse: Path) -> None:
    week = built_minicourse / "source" / WEEK
    shutil.copy(week / "01_sums.ipynb", week / "00_gone.ipynb")
    shutil.copy(week / "01_sums.ipynb", week / "00_kept.ipynb")
    rewrite(week / "00_kept.ipynb", "Two small", "Three small")
    (week / "answers.txt").write_text("42")
    (week / "README.md").write_text("Read me.\n")
    shutil.copytree(
        built_minicourse / "release" / WEEK, built_minicourse / "release/w0"
    )
    report = build()
    assert report.removed == (
        f"source/{WEEK}/00_gone.ipynb",
        "release/w0/01_sums.ipynb",
        "release/w0/02_words.ipynb",
    )
    assert report.unknown == (
        f"source/{WEEK}/00_kept.ipynb",
        f"source/{WEEK}/answers.txt",
    )
    assert not report.ok
    left = {path.rpartition("/")[2] for path in files(built_minicourse)}
    assert left == {
        "01_sums.ipynb",
        "02_words.ipynb",
        "00_kept.ipynb",
        "answers.txt",
        "README.md",
    }
    released = built_minicourse / "release" / WEEK / "README.md"
    assert released.read_text() == "Read me.\n"


def test_an_answer_in_release_is_not_overwritten(built_minicourse: Path) -> None:
    release = built_minicourse / "release" / WEEK / "01_sums.ipynb"
    rewrite(release, "# Your code here.", "return sum(numbers)")
    with pytest.raises(CourseError, match="was edited; a build would undo"):
        build()
    assert build(check=True).edited == (f"release/{WEEK}/01_sums.ipynb",)
    release.unlink()
    assert build().ok


def test_outputs_left_by_running_are_cleared(built_minicourse: Path) -> None:
    file = built_minicourse / "source" / WEEK / "01_sums.ipynb"
    before = file.read_bytes()
    rewrite(file, '"execution_count": null', '"execution_count": 1')
    assert build().changed == (f"source/{WEEK}/01_sums.ipynb",)
    assert file.read_bytes() == before


def test_a_listed_notebook_without_a_lesson(minicourse: Path) -> None:
    lesson(minicourse).unlink()
    with pytest.raises(CourseError, match=r"01_sums\.py is missing") as caught:
        build()
    assert "lessons/course.toml" in caught.value.cure


# The lesson's text, what replaces it, what the error says.
WRONG = [
    ("[check] e1 points=5", "[check] e1", r"does not say points.*\n.*points=5"),
    ("points=15 mode=split", "points=15", r"does not say mode.*\n.*mode=split"),
    ("mode=split", "mode=fast", "mode=fast is unknown"),
    ("[check] e1 points=5", "[check] e1 points=0", "not a whole number above 0"),
    ("[check] e1 points=5", "[check] one points=5", "needs an exercise, like e1"),
    ("[grade] e1.edges", "[grade] e1", "needs exercise.group"),
    ("[check] e1 points=5", "[check] e1 points=5 points=6", "or not twice"),
    ("[setup]", "[setup] mine", "takes no name"),
    ("minutes=20 core\n# Add", "minutes=20\n# Add", "neither core nor stretch"),
    ("[card] e1", "[kard] e1", r"\[kard\] is no role"),
    ("# %% [md] able", "# %% [md] title", "stands twice; the first is on line 3"),
    ("# %% [md] able", "# %% [md] c001", "needs a name of its own"),
    ("[check] e2", "[check] e1", "stands twice"),
    ("[card] e4", "[card] e5", "exercise e4 has no card"),
    ("# Two small functions", "Two = small", "is not a line of prose"),
    ("# Two small functions", "#Two small functions", "is not a line of prose"),
    ("range(4)]", "range(4)", "not valid Python"),
    ("# %% [md] title", "x = 1\n\n# %% [md] title", "code stands above the first"),
    ("    ### END SOLUTION\n", "", "does not stand between its two marks"),
    ("# idea: Keep one", "# Keep one", "hints are three paragraphs"),
    ("# A: 0, the", "# 0, the", "pairs of a question and an answer"),
    ("minutes=20 core\n# Does", "\n# Does", "minutes and core or stretch itself"),
    ("[rubric] order", "[rubric] other", "its rubric 'order' does not follow it"),
    ("# ### END SOLUTION\n", "", "does not close the cell"),
    ("# Both ends, and", "x = 1\n# Both ends, and", "has a body here and in"),
    ("[grade] e2.edges", "[grade] e2.ends", r"has no \[grade\] in|no hidden test"),
]


@pytest.mark.parametrize(("old", "new", "says"), WRONG)
def test_errors_name_file_line_cell_and_cure(
    minicourse: Path, old: str, new: str, says: str
) -> None:
    rewrite(lesson(minicourse), old, new)
    with pytest.raises(LessonError, match=says) as caught:
        build()
    for finding in caught.value.findings:
        assert finding.file.startswith(f"lessons/{WEEK}/01_sums")
        assert finding.line > 0
        assert finding.cure


@pytest.mark.parametrize(
    ("mark", "says"),
    [
        ("# %% [grade] e2.edges points=5 mode=split", "no mark of a hidden file"),
        ("# %% [md]", "no mark of a hidden file"),
        ("# %% [grade] e9.edges", r"has no \[grade\] in lessons"),
        ("import os\n# %% [grade] e2.edges", "code stands above"),
        ("# %% [grade] e2.edges\nx = 1\n# %% [grade] e2.edges", "stands twice"),
    ],
)
def test_errors_of_the_hidden_file(minicourse: Path, mark: str, says: str) -> None:
    rewrite(lesson(minicourse, "01_sums.hidden.py"), "# %% [grade] e2.edges", mark)
    with pytest.raises(LessonError, match=says):
        build()


def test_all_problems_are_named_at_once(minicourse: Path) -> None:
    rewrite(lesson(minicourse), "[check] e1 points=5", "[check] e1")
    rewrite(lesson(minicourse), "[setup]", "[setp]")
    rewrite(lesson(minicourse, "02_words.py"), "[setup]", "[setp]")
    with pytest.raises(LessonError) as caught:
        build()
    assert len(caught.value.findings) == 3
    assert len(re.findall("try:", str(caught.value))) == 3


def test_an_essay_below_a_card_of_its_own(minicourse: Path) -> None:
    rewrite(
        lesson(minicourse),
        "# %% [essay] e3 points=20 rubric=order minutes=20 core\n",
        "# %% [card] e3 minutes=20 core\n",
    )
    rewrite(
        lesson(minicourse),
        "# ### BEGIN SOLUTION\n",
        "\n# %% [essay] e3 points=20 rubric=order\n# ### BEGIN SOLUTION\n",
    )
    build()
    found = cells(minicourse, "source")
    assert "*20 minutes · 20 points · core*" in source(found["m1-sums-e3-card"])
    assert source(found["m1-sums-e3-essay"]).startswith("Rounding")
    assert "m1-sums-e3-prompt" not in found


def test_the_fast_import_leaves_nbformat_whole() -> None:
    code = (
        "import time, course.fastimport, nbformat; "
        "n = nbformat.v4.new_notebook(); nbformat.validate(n); "
        "import sys; print(sys.modules['rfc3987_syntax'])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout == "None\n"
