"""The gradebook: built when needed, never built over grades."""

import sqlite3
import time
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from course.errors import CourseError
from course.grading import gradebook


@pytest.fixture(scope="module")
def made(_built_once: Path, tmp_path_factory) -> bytes:
    """Return the bytes of a gradebook of the tiny course, built once."""
    file = gradebook.ensure(_built_once)
    try:
        return file.read_bytes()
    finally:
        file.unlink()


def put(root: Path, made: bytes) -> Path:
    (root / "gradebook.db").write_bytes(made)
    return root / "gradebook.db"


def graded(file: Path) -> None:
    """Write one submission, as any grading does."""
    with closing(sqlite3.connect(file)) as db:
        assignment = db.execute("SELECT id FROM assignment").fetchone()[0]
        db.execute("INSERT INTO student (id) VALUES ('me')")
        db.execute(
            "INSERT INTO submitted_assignment (id, assignment_id, student_id) "
            "VALUES ('s', ?, 'me')",
            (assignment,),
        )
        db.commit()


def touch(root: Path) -> None:
    file = root / "source" / "week1_demo" / "01_sums.ipynb"
    file.write_text(file.read_text() + "\n")


def test_it_holds_every_graded_cell(made, tmp_path):
    with closing(sqlite3.connect(put(tmp_path, made))) as db:
        total = db.execute("SELECT sum(max_score) FROM grade_cells").fetchone()[0]
        names = {row[0] for row in db.execute("SELECT name FROM notebook")}
    assert names == {"01_sums", "02_words"}
    assert total == 200


def test_it_stays_while_source_stays(built_minicourse, made):
    file = put(built_minicourse, made)
    graded(file)
    before = file.read_bytes()
    start = time.process_time()
    assert gradebook.ensure(built_minicourse) == file
    assert time.process_time() - start < 0.05
    assert file.read_bytes() == before


def test_an_empty_one_is_built_anew_when_source_changes(built_minicourse, made):
    put(built_minicourse, made)
    touch(built_minicourse)
    said = []
    file = gradebook.ensure(built_minicourse, said.append)
    assert said == []
    assert list(built_minicourse.glob("*.db*")) == [file]
    assert not list((built_minicourse / ".course").glob("gradebook-*"))


def test_grades_are_set_aside_and_never_written_over(built_minicourse, made):
    file = put(built_minicourse, made)
    graded(file)
    with_grades = file.read_bytes()
    kept = built_minicourse / f"gradebook-{date.today()}.db"
    kept.write_text("of an earlier change today")
    touch(built_minicourse)
    said = []
    gradebook.ensure(built_minicourse, said.append)
    second = built_minicourse / f"gradebook-{date.today()}-2.db"
    assert second.read_bytes() == with_grades
    assert kept.read_text() == "of an earlier change today"
    assert len(said) == 1
    assert second.name in said[0]


def test_a_file_that_is_no_database_is_set_aside(built_minicourse):
    put(built_minicourse, b"not a database at all, but perhaps dear to someone")
    said = []
    gradebook.ensure(built_minicourse, said.append)
    assert "could not be read" in said[0]


def test_a_failed_build_leaves_the_old_one(built_minicourse, made):
    file = put(built_minicourse, made)
    graded(file)
    before = file.read_bytes()
    (built_minicourse / "source/week1_demo/01_sums.ipynb").write_text("{}")
    with pytest.raises(CourseError, match="could not read source/week1_demo"):
        gradebook.ensure(built_minicourse)
    assert file.read_bytes() == before
    assert not list((built_minicourse / ".course").glob("gradebook-*"))


def test_without_source_it_says_what_to_type(minicourse):
    with pytest.raises(CourseError) as caught:
        gradebook.ensure(minicourse)
    assert caught.value.cure == "course build"
