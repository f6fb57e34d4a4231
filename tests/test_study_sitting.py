"""Timed sittings: resumed from the log, kept beside each other, never in the way."""

import doctest
import json

import pytest

from course.study import log, sitting
from course.study.sitting import Sitting, attempts

PLAN = {"level 1": 12, "level 2": 18, "level 3": 30}


class Clock:
    """A clock that stands until somebody moves it by minutes."""

    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now

    def wait(self, minutes):
        self.now += 60 * minutes


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "nbgrader_config.py").touch()
    monkeypatch.setenv("COURSE_ROOT", str(tmp_path))
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)
    return tmp_path / ".course" / "log.jsonl"


def test_the_examples_in_docstrings_run():
    assert doctest.testmod(sitting).failed == 0


def test_times_are_what_each_stage_took(place, clock):
    one = Sitting.begin("build", PLAN, clock=clock)
    clock.wait(10)
    one.stage("level 1")
    clock.wait(25)
    one.stage("level 2")
    one.stage("level 1")  # reached long ago
    clock.wait(1)
    assert one.times() == {"level 1": 10, "level 2": 25}
    assert one.reached() == {"level 1": 10, "level 2": 35}
    assert one.marks() == {"level 1": 12, "level 2": 30, "level 3": 60}
    assert (one.elapsed(), one.left()) == (36, 24)


def test_stages_may_be_reached_in_any_order(place, clock):
    one = Sitting.begin("mock", {"read": 5, "write": 5}, clock=clock)
    clock.wait(3)
    one.stage("write")
    clock.wait(4)
    one.stage("read")
    assert list(one.times().items()) == [("write", 3), ("read", 4)]


def test_an_open_sitting_is_resumed_from_the_log(place, clock):
    first = Sitting.begin("build", PLAN, clock=clock)
    clock.wait(10)
    first.stage("level 1")
    clock.wait(5)
    again = Sitting.begin("build", PLAN, clock=clock)
    assert again is not first
    assert (again.number, again.elapsed(), again.times()) == (1, 15, {"level 1": 10})
    assert Sitting.begin("other", PLAN, clock=clock).elapsed() == 0


def test_a_finished_sitting_stands_still_and_stays_beside_the_next(place, clock):
    first = Sitting.begin("build", PLAN, clock=clock)
    clock.wait(20)
    first.finish()
    clock.wait(20)
    first.finish()
    first.stage("level 1")
    assert (first.elapsed(), first.times(), first.open) == (20, {}, False)
    second = Sitting.begin("build", PLAN, clock=clock)
    assert (second.number, second.elapsed(), second.open) == (2, 0, True)
    clock.wait(1)
    third = Sitting.begin("build", PLAN, again=True, clock=clock)
    assert third.number == 3
    assert [(s.number, s.open) for s in attempts("build", PLAN, clock=clock)] == [
        (1, False),
        (2, True),
        (3, True),
    ]


def test_a_clock_that_goes_back_gives_no_negative_minutes(place, clock):
    one = Sitting.begin("build", PLAN, clock=clock)
    clock.wait(-5)
    one.stage("level 1")
    assert (one.elapsed(), one.times()) == (0, {"level 1": 0})


def test_a_log_that_cannot_be_written_disturbs_nothing(place, clock):
    place.parent.write_text("a file stands where the folder should")
    one = Sitting.begin("build", PLAN, clock=clock)
    clock.wait(2)
    one.stage("level 1")
    one.finish()
    assert one.times() == {"level 1": 2}
    assert attempts("build", PLAN, clock=clock) == []


def test_damaged_lines_are_passed_over(place, clock):
    Sitting.begin("build", PLAN, clock=clock)
    lines = [
        {"step": "stage", "number": "x", "at": 1},
        {"step": "stage", "number": 1, "at": None, "stage": "level 1"},
        {"step": "stage", "number": 1, "at": 1},
        {"step": "stage", "number": 1, "at": 1, "stage": ["level 1"]},
        {"step": "stage", "number": 1, "at": 1, "stage": "level 9"},
        {"step": "stage", "number": 7, "at": 1, "stage": "level 1"},
        {"number": 1, "at": 1},
        {"step": "begin"},
    ]
    with place.open("a") as file:
        for line in lines:
            file.write(json.dumps({"event": "sitting", "name": "build", **line}) + "\n")
    (one,) = attempts("build", PLAN, clock=clock)
    assert (one.number, one.open, one.times()) == (1, True, {})


@pytest.mark.parametrize("switch", ["NBGRADER_EXECUTION", "COURSE_HEADLESS"])
def test_while_grading_the_log_is_left_alone(place, clock, monkeypatch, switch):
    Sitting.begin("build", PLAN, clock=clock)
    before = place.read_text()
    monkeypatch.setenv(switch, "autograde")
    clock.wait(5)
    one = Sitting.begin("build", PLAN, clock=clock)
    one.stage("level 1")
    one.finish()
    assert one.elapsed() == 0
    assert place.read_text() == before


def test_mistakes_of_authors_are_told(place, clock):
    one = Sitting.begin("build", PLAN, clock=clock)
    with pytest.raises(ValueError, match="'level 9' is none of level 1, level 2"):
        one.stage("level 9")
    for plan in ({}, {"level 1": 0}, {"level 1": float("inf")}):
        with pytest.raises(ValueError, match="a plan gives each stage its minutes"):
            Sitting("build", plan)
    assert [event["event"] for event in log.events()] == ["sitting"]
