"""The home page says what is next; JupyterLab shows a learner only their rooms."""

import json
import os
from fnmatch import fnmatch

import pytest

from course.grading import submit
from course.ops import lab


def results(course, *names, **changes):
    result = {
        "score": 62.0,
        "max": 80.0,
        "manual": 20.0,
        "when": "2026-01-01T10:00:00",
        "feedback": "feedback/me/week1_demo/01_sums.html",
    } | changes
    (course / ".course").mkdir(exist_ok=True)
    text = json.dumps({"week1_demo": dict.fromkeys(names or ["01_sums"], result)})
    (course / ".course" / "results.json").write_text(text)


def test_fresh_home_leads_to_the_first_notebook(built_minicourse):
    submit.start()
    page = lab.write_home().read_text("utf-8")
    assert "Next: [Add numbers without losing any](work/week1_demo/01_sums" in page
    assert page.count("not graded yet") == 2
    assert "course grade week1_demo/01`" in page
    assert "%check e1" in page


def test_home_before_start_says_what_to_type(built_minicourse):
    assert "`course start`" in lab.home(built_minicourse)
    assert "](work/" not in lab.home(built_minicourse)


def test_graded_notebook_shows_points_and_feedback(built_minicourse):
    submit.start()
    results(built_minicourse)
    page = lab.home(built_minicourse)
    assert "Next: [Count words" in page
    assert "■■■■■■■□□□ 62 of 80, 20 wait for a reader" in page
    assert ">open</a>" not in page  # the feedback was deleted
    feedback = built_minicourse / "feedback/me/week1_demo/01_sums.html"
    feedback.parent.mkdir(parents=True)
    feedback.write_text("")
    link = '<a href="feedback/me/week1_demo/01_sums.html">open</a>'
    assert link in lab.home(built_minicourse)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"week1_demo": 3}', '{"w": {"n": {}}}']
)
def test_broken_results_count_as_none(built_minicourse, text):
    (built_minicourse / ".course").mkdir(exist_ok=True)
    (built_minicourse / ".course" / "results.json").write_text(text)
    assert "not graded yet" in lab.home(built_minicourse)


def test_home_is_written_only_when_it_changes(built_minicourse):
    page = lab.write_home()
    os.utime(page, (0, 0))
    lab.write_home()
    assert page.stat().st_mtime == 0


def hidden(course, instructor):
    told = lab.options(course, instructor)
    globs = [word for word in told if word.startswith("--ContentsManager.hide_globs")]
    return json.loads(globs[0].partition("=")[2].replace("'", '"')) if globs else []


def test_a_learner_sees_work_and_an_instructor_everything(tmp_path):
    rooms = ("source", "release", "submitted", "autograded", "tests", "lessons")
    globs = hidden(tmp_path, instructor=False)
    assert all(any(fnmatch(room, glob) for glob in globs) for room in rooms)
    for seen in ("work", "feedback", "docs", "home.md", "01_file_deduplication.ipynb"):
        assert not any(fnmatch(seen, glob) for glob in globs)
    assert hidden(tmp_path, instructor=True) == []


@pytest.mark.parametrize("instructor", [False, True])
def test_lab_gets_its_settings_and_the_users_options_last(
    built_minicourse, instructor, monkeypatch
):
    seen = {}

    def execve(program, command, environment):
        seen.update(command=command, **environment)

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.chdir(built_minicourse)
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/elsewhere")
    lab.open_lab(["--port", "9000"], instructor=instructor)
    assert seen["command"][-2:] == ["--port", "9000"]
    first, second = seen["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert second == "/elsewhere"
    with open(f"{first}/labconfig/page_config.json") as file:
        off = json.load(file)["disabledExtensions"]
    assert "@jupyter/nbgrader:assignment-list" in off
    assert "@jupyter/nbgrader:validate-assignment" not in off
    assert ("@jupyter/nbgrader:formgrader" in off) is not instructor
    assert (built_minicourse / "home.md").is_file()
