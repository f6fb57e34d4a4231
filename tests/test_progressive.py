"""The progressive build: its scenarios, its room, its measures, its pictures."""

import doctest
import importlib.util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

from course import widgets
from course.sim import builds, shape
from course.study import levels, log
from course.study.levels import Room
from course.viz import builds as draw
from course.viz import page

PROOF = Path(__file__).parent.parent / "grader_tests/week1_coding"
PLAN = {"level 1": 12, "level 2": 18, "level 3": 30, "level 4": 20, "essay": 10}


@pytest.mark.parametrize("module", [builds, shape, levels, draw])
def test_the_examples_in_docstrings_run(module):
    assert doctest.testmod(module).failed == 0


# -- scenarios ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def proof():
    """Return the proof's classes that do what the texts say."""
    file = PROOF / "06_progressive_build.py"
    spec = importlib.util.spec_from_file_location("proof_of_builds", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    cores = {"database": module.Lives, "bank": module.Bank, "files": module.Files}
    return lambda name, seed: module.dressed(cores[name], name, seed)


@pytest.mark.parametrize("name", builds.NAMES)
def test_every_example_of_every_seed_is_right(proof, name):
    for seed in range(40):
        for level in builds.scenario(name, seed).levels:
            said = builds.play(level.example, proof(name, seed))
            assert said == [repr(step.want) for step in level.example], (seed, level)


@pytest.mark.parametrize("name", builds.NAMES)
def test_a_text_names_every_method_and_leaves_nothing_open(name):
    for seed in range(12):
        build = builds.scenario(name, seed)
        texts = "\n".join(level.text for level in build.levels)
        for method in build.methods.values():
            assert f"`{method}(" in texts or f"`{method}`" in texts
        assert "<" not in texts
        assert len(set(build.methods.values())) == len(build.methods)
        assert all(level.example and level.title for level in build.levels)
        assert build == builds.scenario(name, seed)


def test_seeds_rename_and_turn_the_rules_over():
    for name in builds.NAMES:
        told = [builds.scenario(name, seed) for seed in range(30)]
        assert len({tuple(one.methods.values()) for one in told}) > 25
        assert len({one.rules for one in told}) > 8
    assert builds.scenario("database", 4).rules == builds.Rules("=", True, True)


def test_what_is_no_scenario_and_what_no_seed():
    with pytest.raises(ValueError, match="'shop' is none of database, bank, files"):
        builds.scenario("shop", 1)
    for seed in ("1", 1.0, None, True):
        with pytest.raises(ValueError, match="a seed is an integer"):
            builds.scenario("bank", seed)


@pytest.mark.parametrize("name", builds.NAMES)
def test_scripts_keep_to_their_level_and_time_never_falls(proof, name):
    build = builds.scenario(name, 2)
    rng = np.random.default_rng(5)
    below = {
        level: {n for often in builds._OFTEN[name][:level] for n in often}
        for level in (1, 2, 3, 4)
    }
    for level in (1, 2, 3, 4):
        calls = builds.script(build, level, rng, 300)
        assert {n.removesuffix("_at") for n, _ in calls} == below[level]
        timed = [n for n, _ in calls if n.endswith("_at")]
        assert bool(timed) == (level >= 3)
        thing = proof(name, 2)()
        for method, args in calls:
            getattr(thing, build.methods[method])(*args)
    again = [builds.script(build, 4, np.random.default_rng(5), 50) for _ in range(2)]
    assert again[0] == again[1]


# -- shape -------------------------------------------------------------------------


class Copied:
    """Two methods and their copies."""

    end = 3

    def has(self, now):
        """Return whether it is there."""
        return now < self.end and bool(self)

    def has_at(self, at):
        return at < self.end and bool(self)

    @staticmethod
    def many(values):
        for value in values:
            if (value and value > 1) or not values:
                return [one for one in values if one]
        return None


def test_the_shape_of_a_class():
    measured = shape.measure(Copied)
    assert measured.functions == (
        shape.Function("has", 2, 2),
        shape.Function("has_at", 2, 2),
        shape.Function("many", 5, 6),
    )
    assert measured.twins == (shape.Twins("has", "has_at", 1.0),)
    assert shape.comparisons(Copied, "end") == 2


# -- the room ----------------------------------------------------------------------


@pytest.fixture
def said(tmp_path, monkeypatch):
    """Return the Markdown that was shown, in a course of its own."""
    (tmp_path / "nbgrader_config.py").touch()
    monkeypatch.setenv("COURSE_ROOT", str(tmp_path))
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.delenv("COURSE_HEADLESS", raising=False)
    monkeypatch.setattr(page, "in_notebook", lambda: True)
    found = []
    monkeypatch.setattr(
        levels,
        "publish_display_data",
        lambda data, **_: found.append(data["text/markdown"]),
    )
    monkeypatch.setattr(widgets, "display", lambda *_, **__: None)
    return found


def room():
    return Room("build", PLAN, builds.scenario, builds.play)


def test_levels_open_one_after_the_other(said, proof, capsys):
    build, here = proof("bank", 3), room()
    here.open(1, build)
    assert "When you press the button" in said[-1]
    assert here.example(1, build) == ()
    here.begin(build)
    here.open(1, build)
    assert said[-1].startswith("### A bank, level 1: Accounts")
    assert "`top_up(" in said[-1]
    here.open(2, build)
    assert said[-1].startswith("**Level 2 is closed.**")
    assert here.run(2, build) == []
    assert here.run(1, build) == here.expected(1, build) != []
    assert capsys.readouterr().out == "level 1 passed at minute 0\n"
    here.open(2, build)
    assert said[-1].startswith("### A bank, level 2")
    # The kernel starts anew: the log knows.
    again = room()
    again.open(2, build)
    assert said[-1].startswith("### A bank, level 2")
    again.open(3, build)
    assert said[-1].startswith("**Level 3 is closed.**")
    assert list(again.times(build)) == list(again.reached(build)) == ["level 1"]
    # Another seed is another sitting.
    again.open(2, proof("bank", 4))
    assert said[-1].startswith("**Level 2 is closed.**")


def test_an_example_that_is_not_right_opens_nothing(said, proof, capsys):
    build, here = proof("bank", 3), room()
    here.begin(build)
    wrong = SimpleNamespace(scenario="bank", seed=3)
    wrong = type("Wrong", (), vars(wrong))
    assert here.run(1, wrong)[0].startswith("AttributeError")
    assert here.reached(build) == {}
    assert capsys.readouterr().out == ""


def test_a_class_that_stands_on_an_older_one_is_told(said, proof, capsys):
    def made(base, name):
        return type(name, (base,), {})

    here, one = room(), made(proof("bank", 3), "Level1")
    two = made(one, "Level2")
    here.run(1, one)
    here.run(2, two)
    assert capsys.readouterr().out == ""
    here.run(1, made(proof("bank", 3), "Level1"))
    here.run(2, two)
    assert "Level2 stands on an older Level1" in capsys.readouterr().out


def test_what_was_not_chosen_well_is_said(said):
    here = room()
    here.open(1, type("Level1", (), {"scenario": "shop", "seed": 1}))
    assert "'shop' is none of" in said[-1]
    here.open(1, type("Level1", (), {}))
    assert "scenario and seed" in said[-1]
    assert here.example(1, type("Level1", (), {})) == ()


def test_a_second_attempt_is_begun_beside_the_first(said, proof):
    build, here = proof("files", 3), room()
    first = here.begin(build)
    here.run(1, build)
    first.finish()
    assert here.sitting(build) is first
    assert here.begin(build).number == 2
    assert here.reached(build) == {}


def test_while_grading_a_room_is_silent(said, proof, monkeypatch):
    build, here = proof("files", 3), room()
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    here.open(1, build)
    here.stop(build)
    assert (here.run(1, build), here.times(build)) == ([], {})
    assert said == []
    assert log.events() == []


# -- pictures ----------------------------------------------------------------------


def test_each_picture_says_what_it_found():
    points = {"level 1": 20, "level 2": 20, "level 3": 25, "level 4": 25, "essay": 10}
    marks = {"level 1": 12, "level 2": 30, "level 3": 60, "level 4": 80, "essay": 90}
    plan = draw.pace(marks, points)
    assert (
        plan.axes[0].get_title("left") == "The plan has 65 of 100 points by minute 60"
    )
    mine = draw.pace(marks, points, {"level 1": 10.0, "level 2": 41.2})
    assert mine.axes[0].get_title("left") == (
        "You reached level 2 at minute 41, 11 after the plan"
    )
    figures = [
        plan,
        mine,
        draw.ladder([("1", "basics", "what?"), ("2", "lists", "which?")]),
        draw.stored([1, 10], {"copies": [1, 55], "log": [1, 10]}),
        draw.shape(shape.measure(Copied)),
        draw.shape(shape.Shape((), ())),
        draw.two_memories(
            {
                "events": [(1, "a"), (3, None), (4, "b")],
                "at": 2,
                "until": 6,
                "seen": "a",
            }
        ),
    ]
    for figure in figures:
        assert isinstance(figure, Figure)
        figure.draw_without_rendering()


def test_a_transcript_marks_what_is_not_right():
    figure = Figure()
    ax = figure.subplots()
    steps = (builds.Step("get", ("a",), 1), builds.Step("get", ("b",), None))
    draw.transcript(steps)(ax, ["1", "2"])
    assert [t.get_text()[-1] for t in ax.texts[1::2]] == ["✓", "✗"]
    draw.transcript(())(ax, [])
    assert "when this level is open" in ax.texts[-1].get_text()
