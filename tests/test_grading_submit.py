"""Copies for the learner: made once, never written over."""

import json
from pathlib import Path

import pytest

from course.errors import CourseError
from course.grading import submit

NAME = "week1_demo/01_sums.ipynb"


def states(root: Path, **options) -> list[str]:
    return [one.state for one in submit.start(root=root, **options)]


def test_each_notebook_is_copied_once(built_minicourse):
    assert states(built_minicourse) == ["new", "new"]
    copy = built_minicourse / "work" / NAME
    assert copy.read_bytes() == (built_minicourse / "release" / NAME).read_bytes()
    copy.write_text("mine")
    assert states(built_minicourse) == ["kept", "kept"]
    assert copy.read_text() == "mine"


def test_one_notebook_alone(built_minicourse):
    started = submit.start("week1_demo/02", root=built_minicourse)
    assert [one.notebook.name for one in started] == ["02_words"]
    assert not (built_minicourse / "work" / NAME).exists()


def test_a_newer_release_is_told_and_put_beside_on_demand(built_minicourse):
    submit.start(root=built_minicourse)
    copy = built_minicourse / "work" / NAME
    copy.write_text("mine")
    release = built_minicourse / "release" / NAME
    release.write_text(release.read_text() + "\n")
    started = submit.start(root=built_minicourse)
    assert [one.state for one in started] == ["older", "kept"]
    assert "try: course start week1_demo --new" in str(started[0])
    assert not list(copy.parent.glob("*.new.ipynb"))

    started = submit.start(root=built_minicourse, new=True)
    beside = copy.with_name("01_sums.new.ipynb")
    assert started[0].beside == beside
    assert beside.name in str(started[0])
    assert beside.read_bytes() == release.read_bytes()
    beside.write_text("worked on already")
    submit.start(root=built_minicourse, new=True)
    assert beside.read_text() == "worked on already"
    assert copy.read_text() == "mine"


def test_supporting_files_come_along(built_minicourse):
    data = built_minicourse / "release/week1_demo/data/numbers.csv"
    data.parent.mkdir()
    data.write_text("1,2")
    submit.start(root=built_minicourse)
    copy = built_minicourse / "work/week1_demo/data/numbers.csv"
    assert copy.read_text() == "1,2"


@pytest.mark.parametrize("record", ["", "[]", "{", '{"week1_demo/01_sums": 3}'])
def test_a_damaged_record_does_no_harm(built_minicourse, record):
    submit.start(root=built_minicourse)
    copy = built_minicourse / "work" / NAME
    copy.write_text("mine")
    (built_minicourse / ".course" / submit.RECORD).write_text(record)
    submit.start(root=built_minicourse)
    assert copy.read_text() == "mine"
    assert json.loads((built_minicourse / ".course" / submit.RECORD).read_text())


def test_a_notebook_that_was_not_released_says_so(minicourse):
    with pytest.raises(CourseError) as caught:
        submit.start(root=minicourse)
    assert "release/week1_demo/01_sums.ipynb is missing" in caught.value.message
    assert caught.value.cure == "course build"
