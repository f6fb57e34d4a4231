"""Each word of the command line makes its one call, and errors are readable."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from course import cli
from course.errors import CourseError
from course.grading import autograde, gradebook, submit, trial
from course.ops import adopt, audit, build, doctor, lab, lint

GRADED = SimpleNamespace(graded=True)
FRESH = SimpleNamespace(ok=True)
CALLS = [
    ("start week1", submit, "start", [], ("week1",), {"new": False}),
    ("start --new", submit, "start", [], (None,), {"new": True}),
    (
        "grade week1/01 --as sample",
        autograde,
        "grade",
        GRADED,
        ("week1/01", "sample"),
        {"work": None, "verbose": False},
    ),
    ("check week1/01 e3", trial, "check_command", 0, ("week1/01", "e3"), None),
    ("check week1/01 --hidden", trial, "check_command", 0, None, {"hidden": True}),
    ("doctor", doctor, "report", 0, (), {}),
    ("build --check", build, "build", FRESH, (None,), {"check": True}),
    ("build week1", build, "build", FRESH, ("week1",), {"check": False}),
    ("lint", lint, "lint", [], (None,), {}),
    ("adopt a.ipynb", adopt, "adopt", Path("a.py"), (Path("a.ipynb"),), {}),
    ("audit --all", audit, "audit", 0, (None,), {"everything": True, "load": 0}),
    ("gradebook", gradebook, "ensure", Path("gradebook.db"), (), {}),
    ("home", lab, "write_home", Path("home.md"), (), {}),
]


@pytest.fixture
def run(monkeypatch):
    """Return a function that runs one command line in this process."""
    monkeypatch.setattr(lab, "write_home", lambda: Path("home.md"))
    monkeypatch.delenv("COURSE_DEBUG", raising=False)
    return lambda line: CliRunner().invoke(cli.app, line.split())


@pytest.mark.parametrize(
    ("line", "module", "name", "answer", "args", "words"),
    CALLS,
    ids=[call[0] for call in CALLS],
)
def test_word_makes_its_call(line, module, name, answer, args, words, run, monkeypatch):
    called = []

    def function(*args, **words):
        called.append((args, words))
        return answer

    monkeypatch.setattr(module, name, function)
    result = run(line)
    assert result.exit_code == 0, result.output
    ((got_args, got_words),) = called
    assert args is None or got_args == args
    assert words is None or got_words == words


@pytest.mark.parametrize(
    ("line", "module", "name", "answer"),
    [
        ("grade week1", autograde, "grade", SimpleNamespace(graded=False)),
        ("build --check", build, "build", SimpleNamespace(ok=False)),
        ("lint", lint, "lint", ["a finding"]),
        ("check week1/01", trial, "check_command", 1),
        ("audit", audit, "audit", 1),
        ("doctor", doctor, "report", 1),
    ],
)
def test_bad_outcome_is_the_exit_status(line, module, name, answer, run, monkeypatch):
    monkeypatch.setattr(module, name, lambda *args, **words: answer)
    assert run(line).exit_code == 1


def test_lab_prepares_everything_before_it_opens(run, monkeypatch):
    done = []
    monkeypatch.setattr(submit, "start", lambda: done.append("work"))
    monkeypatch.setattr(gradebook, "ensure", lambda **_: done.append("gradebook"))
    monkeypatch.setattr(
        lab, "open_lab", lambda extra, instructor: done.append((extra, instructor))
    )
    assert run("lab --instructor --port 9000 --no-browser").exit_code == 0
    assert done == ["work", "gradebook", (["--port", "9000", "--no-browser"], True)]


def raising(error):
    def function(*args, **words):
        raise error

    return function


def test_course_error_is_told_with_its_cure(run, monkeypatch):
    error = CourseError("no week 'x'", cure="course grade week1_coding")
    monkeypatch.setattr(autograde, "grade", raising(error))
    result = run("grade x")
    assert result.exit_code == 1
    assert result.stderr == "no week 'x'\n  try: course grade week1_coding\n"
    assert result.stdout == ""


def test_a_fault_of_the_course_names_the_debug_switch(run, monkeypatch):
    monkeypatch.setattr(build, "build", raising(ValueError("odd")))
    result = run("build")
    assert result.exit_code == 1
    assert "ValueError: odd" in result.stderr
    assert "COURSE_DEBUG=1 course" in result.stderr
    assert "Traceback" not in result.stderr
    monkeypatch.setenv("COURSE_DEBUG", "1")
    assert isinstance(run("build").exception, ValueError)


@pytest.mark.parametrize(
    ("line", "module", "name", "said"),
    [
        ("start", submit, "start", "Each notebook already in work/ is whole"),
        ("grade x", autograde, "grade", "Your work is as it was"),
        ("build", build, "build", "course build"),
        ("audit", audit, "audit", "What was proved before stays"),
    ],
)
def test_ctrl_c_says_what_state_things_are_in(
    line, module, name, said, run, monkeypatch
):
    monkeypatch.setattr(module, name, raising(KeyboardInterrupt()))
    result = run(line)
    assert result.exit_code == 130
    assert "Stopped." in result.stderr
    assert said in result.stderr


def test_help_starts_without_the_slow_libraries():
    slow = {"numpy", "nbgrader", "nbformat", "matplotlib", "IPython"}
    program = (
        "import sys, course.cli\n"
        "try: course.cli.app(['--help'])\n"
        f"except SystemExit: print('slow:', {slow} & set(sys.modules))"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "grade" in out.stdout
    assert out.stdout.endswith("slow: set()\n")


def test_module_is_the_command():
    out = subprocess.run(
        [sys.executable, "-m", "course", "grade", "nowhere"],
        capture_output=True,
        text=True,
    )
    assert out.returncode == 1
    assert "'nowhere' names no week" in out.stderr
    assert "  try: week1_coding" in out.stderr
