"""The desk: `desk.open` and `%check e1`, live in a kernel and inert while grading."""

import json
import time

import pytest

from course import desk
from course.errors import CourseError
from course.study import log

SYLLABUS = """
[week1_coding]
key = "w1"
title = "Coding"
[[week1_coding.notebooks]]
file = "01_doubling"
key = "double"
title = "Twice as much"
minutes = 5
"""

CHECK = """
@check.visible("w1-double-e1-check", points=3)
def e1_check():
    check.case(double, 3, want=6, hint="twice the number")
    check.case(double, 5, want=10)
"""
EDGES = """
from course import check
@check.hidden("w1-double-e1-grade-edges", points=5)
def e1_edges():
    check.case(double, 0, want=0)
"""
ELSE = """
@check.visible("w1-double-e2-check", points=3)
def e2_check():
    check.case(triple, 3, want=9)
"""


def cell(name, source, role, exercise):
    about = {"role": role, "exercise": exercise}
    return {
        "cell_type": "code",
        "id": name,
        "metadata": {"course": about},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of one notebook with two exercises, in a folder of its own."""
    cells = [
        cell("w1-double-e1-check", CHECK, "check", "e1"),
        cell("w1-double-e1-grade-edges", EDGES, "grade", "e1"),
        cell("w1-double-e2-check", ELSE, "check", "e2"),
    ]
    for room, kept in (("source", cells), ("release", [cells[0], cells[2]])):
        file = tmp_path / room / "week1_coding" / "01_doubling.ipynb"
        file.parent.mkdir(parents=True)
        book = {"cells": kept, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        file.write_text(json.dumps(book))
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "course.toml").write_text(SYLLABUS)
    (tmp_path / "nbgrader_config.py").touch()
    monkeypatch.setenv("COURSE_ROOT", str(tmp_path))
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)
    monkeypatch.setattr(log, "_current", [])
    return tmp_path


def namespace(source):
    from course import check

    own = {"check": check}
    exec(source, own)
    return own


def test_all_failures_of_an_exercise_are_found(course):
    own = namespace("def double(n): return n + 2")
    (visible,) = desk.verdicts("w1-double", "e1", own)
    assert (visible.group, visible.passed) == ("e1.check", False)
    assert "got 5, expected 6" in visible.message
    assert "got 7, expected 10" in visible.message
    visible, hidden = desk.verdicts("w1-double", "e1", own, hidden=True)
    assert (hidden.group, hidden.passed) == ("e1.edges", False)
    assert "got 2, expected 0" in hidden.message


def test_right_answers_pass_and_nothing_here_changes(course):
    own = namespace("seen = []\ndef double(n):\n    seen.append(n)\n    return 2 * n")
    outcomes = desk.verdicts("w1-double", "e1", own, hidden=True)
    assert [one.passed for one in outcomes] == [True, True]
    assert own["seen"] == []


def test_an_endless_loop_ends_with_the_deadline(course, monkeypatch):
    monkeypatch.setattr(desk, "_SECONDS", 1.0)
    start = time.monotonic()
    own = namespace("def double(n):\n    while True: pass")
    outcomes = desk.verdicts("w1-double", "e1", own, hidden=True)
    assert [one.passed for one in outcomes] == [False, False]
    assert time.monotonic() - start < 8


def test_what_is_missing_is_said(course):
    with pytest.raises(CourseError, match="one of e1, e2"):
        desk.verdicts("w1-double", "e9", {})
    with pytest.raises(CourseError, match="no notebook has the key 'w9-x'"):
        desk.verdicts("w9-x", "e1", {})
    (course / "source" / "week1_coding" / "01_doubling.ipynb").unlink()
    with pytest.raises(CourseError, match=r"hidden tests of .* are not on this disk"):
        desk.verdicts("w1-double", "e1", {}, hidden=True)


def test_the_table_escapes_and_reads_as_text():
    class Outcome:
        group, passed, message = "e1.check", False, "f(<a>)\n  got 1\n  try: x"

    table = desk._Table([Outcome])
    assert "f(&lt;a&gt;)" in table._repr_html_()
    assert repr(table).splitlines()[0] == "✗ e1.check: f(<a>)"


@pytest.mark.parametrize("switch", ["NBGRADER_EXECUTION", "COURSE_HEADLESS"])
def test_open_is_inert_while_grading_and_outside_a_notebook(
    course, monkeypatch, switch, capsys
):
    desk.open("w1-double")
    monkeypatch.setenv(switch, "autograde")
    desk.open("no such key")
    assert capsys.readouterr() == ("", "")
    assert not (course / ".course").exists()


@pytest.mark.slow
def test_the_magic_in_a_real_kernel(course):
    import nbclient
    import nbformat

    from course import fastimport  # noqa: F401

    cells = [
        "from course import check, desk, viz, widgets\ndesk.open('w1-double')",
        "def double(n):\n    return n + 2",
        "%check e1",
        "%check e1 --hidden",
        "%check e7",
        "%check",
        "def double(n):\n    return 2 * n",
        "%check e1 --hidden",
        "import matplotlib\nprint(matplotlib.rcParams['axes.titlelocation'])",
    ]
    book = nbformat.v4.new_notebook()
    book.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbclient.NotebookClient(book, kernel_name="python3", timeout=60).execute()
    outputs = [one.outputs for one in book.cells]
    assert outputs[0] == []
    (shown,) = outputs[2]
    assert "✗ e1.check: double(3)" in shown.data["text/plain"]
    assert "got 7, expected 10" in shown.data["text/html"]
    assert "e1.edges" in outputs[3][0].data["text/plain"]
    assert "no exercise 'e7' here" in outputs[4][0].text
    assert "%check takes one exercise" in outputs[5][0].text
    assert outputs[7][0].data["text/plain"] == "✓ e1.check: passed\n✓ e1.edges: passed"
    assert outputs[8][0].text == "left\n"
    told = [(e["event"], e.get("test"), e.get("passed")) for e in log.events()]
    assert told == [
        ("open", None, None),
        ("check", "e1.check", False),
        ("check", "e1.check", False),
        ("check", "e1.edges", False),
        ("check", "e1.check", True),
        ("check", "e1.edges", True),
    ]
