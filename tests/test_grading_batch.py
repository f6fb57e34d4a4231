"""A class graded in parallel: same scores as stock nbgrader, and nothing lost."""

import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console
from test_grading_autograde import ANSWERS, NOTHING, RIGHT, WEEK, answer, tree
from test_grading_autograde import make_course as make

from course.errors import CourseError
from course.grading import batch, gradebook, sandbox

pytestmark = pytest.mark.slow

TRUST = bool(sandbox.obstacle())
NAMES = ("one", "two")
# student -> what they wrote in notebook one, and in two
HONEST = {
    "ann": ("right", "right"),
    "bob": ("partly", "right"),
    "cem": ("right", "partly"),
    "dora": ("", ""),
}
ODD = ("broken", "exits", "missing", "renamed", "linked", "zoe")


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """Return a course of two notebooks that a class has handed in."""
    root = make(tmp_path_factory.mktemp("class") / "course", NAMES)
    for student in (*HONEST, *ODD):
        folder = root / "submitted" / student / WEEK
        folder.mkdir(parents=True)
        for name, kind in zip(NAMES, HONEST.get(student, HONEST["ann"]), strict=True):
            file = folder / f"{name}.ipynb"
            shutil.copy(root / "release" / WEEK / file.name, file)
            if kind:
                answer(file, *ANSWERS[kind][:2])
    stamp = root / "submitted" / "ann" / WEEK / "timestamp.txt"
    stamp.write_text("2026-03-01 12:00:00 UTC")

    def place(student: str) -> Path:
        return root / "submitted" / student / WEEK

    (place("broken") / "one.ipynb").write_text('{"cells": [')
    answer(place("exits") / "one.ipynb", *ANSWERS["exit"][:2])
    (place("missing") / "two.ipynb").unlink()
    (place("renamed") / "two.ipynb").rename(place("renamed") / "two (1).ipynb")
    (place("linked") / "two.ipynb").unlink()
    (place("linked") / "two.ipynb").symlink_to(root / "source" / WEEK / "two.ipynb")
    (place("linked") / "notes.txt").symlink_to("/etc/passwd")
    return root


def run(root: Path, *students: str, **options):
    """Grade, and return the outcomes by student and what was printed."""
    text = io.StringIO()
    console = Console(file=text, width=100)
    outcomes = batch.autograde(
        WEEK, students, root=root, trust=TRUST, console=console, **options
    )
    batch.show(outcomes, console)
    return {one.student: one for one in outcomes}, text.getvalue()


def scores(book: Path) -> dict[str, dict[str, list[float]]]:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{book}") as db:
        return {
            one.student.id: {
                nb.name: [grade.score for grade in nb.grades] for nb in one.notebooks
            }
            for one in db.assignment_submissions(WEEK)
        }


@pytest.fixture(scope="module")
def graded(course):
    before = tree(course / "submitted")
    outcomes, text = run(course)
    assert tree(course / "submitted") == before
    return outcomes, text, scores(course / "gradebook.db")


def test_scores_equal_stock_nbgrader_cell_by_cell(course, graded, tmp_path):
    for room in ("source", "release"):
        shutil.copytree(course / room, tmp_path / room)
    for student in HONEST:
        shutil.copytree(
            course / "submitted" / student, tmp_path / "submitted" / student
        )
    shutil.copytree(course / "lessons", tmp_path / "lessons")
    shutil.copy(course / "nbgrader_config.py", tmp_path)
    gradebook.ensure(tmp_path, say=print)
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "autograde", WEEK],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    stock = scores(tmp_path / "gradebook.db")
    assert set(stock) == set(HONEST)
    assert stock == {name: graded[2][name] for name in HONEST}


def test_an_odd_submission_costs_nobody_else(graded):
    _, _, points = graded
    assert points["broken"] == {"one": NOTHING, "two": RIGHT}
    assert points["exits"] == {"one": ANSWERS["exit"][2], "two": RIGHT}
    assert points["missing"] == {"one": RIGHT, "two": NOTHING}
    assert points["renamed"] == {"one": RIGHT, "two": RIGHT}
    assert points["linked"] == {"one": RIGHT, "two": NOTHING}
    assert points["zoe"] == {"one": RIGHT, "two": RIGHT}


def test_what_happened_is_told(graded):
    outcomes, text, _ = graded
    assert "not valid JSON" in outcomes["broken"].trouble["one"]
    assert "is missing" in outcomes["missing"].trouble["two"]
    assert outcomes["renamed"].repairs == {"two": ["taken from two (1).ipynb"]}
    assert len(outcomes["linked"].flags) == 2
    assert "REVIEW: notes.txt" in text
    assert f"{len(HONEST) + len(ODD)} of 10 graded, 3 with trouble, 1 flagged" in text
    assert (outcomes["ann"].score, outcomes["ann"].max) == (200, 200)


def test_the_folder_is_what_nbgrader_leaves(course, graded):
    room = course / "autograded"
    assert {one.name for one in (room / "linked" / WEEK).iterdir()} == {"one.ipynb"}
    assert (room / "ann" / WEEK / "timestamp.txt").is_file()
    with closing(sqlite3.connect(course / "gradebook.db")) as db:
        stamps = dict(
            db.execute("SELECT student_id, timestamp FROM submitted_assignment")
        )
    assert stamps["ann"].startswith("2026-03-01 12:00")
    assert not list((course / ".course").glob("grading-*"))


def test_who_did_not_change_is_left_alone(course, graded):
    file = course / "autograded" / "bob" / WEEK / "one.ipynb"
    before = file.stat().st_mtime_ns
    outcomes, _ = run(course)
    assert all(one.unchanged for one in outcomes.values())
    assert file.stat().st_mtime_ns == before
    assert outcomes["bob"].score == graded[0]["bob"].score
    sent = course / "submitted" / "bob" / WEEK / "one.ipynb"
    os.utime(sent)
    outcomes, _ = run(course)
    assert [name for name, one in outcomes.items() if not one.unchanged] == ["bob"]
    assert file.stat().st_mtime_ns != before


def test_what_changes_while_it_is_graded_is_graded_again(course, graded, monkeypatch):
    real, sent = batch._keep, course / "submitted" / "bob" / WEEK / "one.ipynb"

    def late(*args):
        os.utime(sent)
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(batch, "_keep", late)
        run(course, "bob", force=True)
    assert not run(course, "bob")[0]["bob"].unchanged
    assert run(course, "bob")[0]["bob"].unchanged


def test_a_manual_grade_survives(course, graded):
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as db:
        grade = db.find_grade("m1-one-e1-check", "one", WEEK, "bob")
        grade.manual_score = 7
        db.db.commit()
    outcomes, _ = run(course, "bob", force=True)
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as db:
        grade = db.find_grade("m1-one-e1-check", "one", WEEK, "bob")
        assert (grade.manual_score, grade.auto_score, grade.score) == (7, 10, 7)
        grade.manual_score = None
        db.db.commit()
    assert not outcomes["bob"].unchanged


def test_the_gradebook_before_is_kept(course, graded):
    before = scores(course / "gradebook.db")
    run(course, "ann", force=True)
    kept = sorted((course / ".course" / "backups").glob("gradebook-*.db"))
    assert scores(kept[-1]) == before
    assert len(kept) <= batch.BACKUPS


class Killed(BaseException):
    """Stands for a kill -9 between two steps."""


@pytest.mark.parametrize("step", ["_save", "rename", "write", "rmtree"])
@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_killed_at_any_step_a_rerun_mends_it(course, graded, monkeypatch, step, late):
    where, name = {
        "_save": (batch, "_save"),
        "rename": (batch.os, "rename"),
        "write": (batch, "write"),
        "rmtree": (batch.shutil, "rmtree"),
    }[step]
    real, mine = getattr(where, name), os.getpid()

    def killed(*args, **options):
        if os.getpid() != mine or (
            step == "rmtree" and "/grading-" not in str(args[0])
        ):
            return real(*args, **options)
        if late:
            real(*args, **options)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(where, name, killed)
        with pytest.raises(Killed):
            run(course, "cem", force=True)
    run(course)
    assert scores(course / "gradebook.db")["cem"] == graded[2]["cem"]
    assert (course / "autograded" / "cem" / WEEK / "two.ipynb").is_file()
    outcomes, _ = run(course)
    assert outcomes["cem"].unchanged


def test_really_killed_a_rerun_gives_the_same(course, graded):
    command = [sys.executable, "-m", "course", "autograde", WEEK, "--force"]
    command += ["--students", "ann,bob,cem,zoe", *(["--trust"] if TRUST else [])]
    environment = os.environ | {"COURSE_ROOT": str(course)}
    for seconds in (1.5, 3, 4.5):
        started = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(seconds)
        started.kill()
        started.wait()
    time.sleep(0.5)
    run(course)
    assert scores(course / "gradebook.db") == graded[2]
    for student in ("ann", "bob", "cem", "zoe"):
        room = course / "autograded" / student / WEEK
        assert {one.stem for one in room.glob("*.ipynb")} == set(NAMES)
    assert not list((course / ".course").glob("grading-*"))


def test_a_process_that_dies_loses_only_its_submission(course, graded, monkeypatch):
    real = batch._run_notebooks

    def dies(outcome, *rest):
        if outcome.student == "bob":
            os._exit(9)
        return real(outcome, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(batch, "_run_notebooks", dies)
        outcomes, text = run(course, "bob", "zoe", force=True)
    assert outcomes["bob"].lost == "the process that graded it died"
    assert "bob  not graded: the process that graded it died" in text
    assert outcomes["zoe"].score == 200
    outcomes, _ = run(course, "bob")
    assert outcomes["bob"].score == graded[0]["bob"].score


def test_strangers_are_refused_without_a_sandbox(course, monkeypatch):
    monkeypatch.setattr(sandbox, "obstacle", lambda: "it is not there")
    with pytest.raises(CourseError) as caught:
        batch.autograde(WEEK, root=course)
    assert "nothing was run" in caught.value.message
    assert "--trust" in caught.value.cure


def test_a_student_with_a_harmful_name_is_not_graded(course, graded):
    before = scores(course / "gradebook.db")
    names = ["[b]<i>two\nlines", "-rf", "\x1b[2J"]
    for name in names:
        shutil.copytree(course / "submitted" / "ann", course / "submitted" / name)
    outcomes, text = run(course, "zoe", *names, force=True)
    for name in names:
        assert "a student may not have such a name" in outcomes[name].lost
        shutil.rmtree(course / "submitted" / name)
    assert outcomes["zoe"].lost == ""
    assert "[b]<i>two\\nlines  not graded: [b]<i>two\\nlines: a student may" in text
    assert "\x1b" not in text
    assert scores(course / "gradebook.db") == before
    assert not list((course / "autograded").glob("*two*"))


def test_a_file_that_hides_a_module_is_flagged_and_not_run(course, graded):
    for room in ("source", "release"):  # what the course ships may come back
        (course / room / WEEK / "statistics.py").write_text("MINE = True")
    place = course / "submitted" / "hal" / WEEK
    shutil.copytree(course / "submitted" / "ann" / WEEK, place)
    (place / "course").mkdir()
    for name in ("numpy.py", "ipykernel_launcher.py", "course/__init__.py"):
        (place / name).write_text("raise SystemExit('hidden')")
    (place / "statistics.py").write_text("MINE = False")
    (place / "helper.py").write_text("TWO = 2")
    own = "def double(n):\n    import helper, statistics\n    assert statistics.MINE\n"
    answer(place / "one.ipynb", own + "    return helper.TWO * n", ANSWERS["right"][1])
    outcomes, text = run(course, "hal")
    shutil.rmtree(course / "submitted" / "hal")
    for room in ("source", "release"):
        (course / room / WEEK / "statistics.py").unlink()
    assert outcomes["hal"].trouble == {}
    assert [flag.partition(":")[0] for flag in outcomes["hal"].flags] == [
        "course/__init__.py",
        "ipykernel_launcher.py",
        "numpy.py",
    ]
    assert "REVIEW: numpy.py: the notebook would import it in place of numpy" in text
    assert (outcomes["hal"].score, outcomes["hal"].max) == (200, 200)


def test_what_is_not_there_is_named(course):
    with pytest.raises(CourseError, match="no submission of week1_demo by nobody"):
        run(course, "ann", "nobody")
    shutil.rmtree(course / "submitted")
    with pytest.raises(CourseError, match="nobody has submitted"):
        run(course)


def test_the_note_of_a_grading_is_plain_data(course, graded):
    notes = sorted((course / ".course" / "class" / WEEK).glob("*.json"))
    assert {one.stem for one in notes} >= set(HONEST)
    assert json.loads(notes[0].read_text())["student"] == notes[0].stem
