"""Submissions that attack the machine, in the cold kernels of plain nbgrader."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import test_grading_hostile as hostile
from test_grading_autograde import DOUBLE, HALF, RIGHT, WEEK, answer
from test_grading_autograde import make_course as make

from course.errors import CourseError
from course.grading import gradebook, sandbox

pytestmark = pytest.mark.slow
needs_sandbox = pytest.mark.skipif(
    bool(sandbox.obstacle()) and not os.environ.get("COURSE_REQUIRE_SANDBOX"),
    reason=f"no sandbox: {sandbox.obstacle()}",
)

# Rows of the hostile suite that depend on how a kernel is started and watched. There
# they meet the warm kernels of `course autograde`, here the cold ones of nbgrader.
COLD = (
    *("reads-source", "reads-another", "reads-tests-in-folder", "gradebook", "deletes"),
    *("secrets", "network", "namespaces", "kills", "memory", "forks", "disk", "leaves"),
    *("exits", "litters", "input-transformer", "ast-transformer", "hook", "run-cell"),
    *("patched-checks", "patched-runner", "displayhook", "displayhook-much"),
    "honest-right",
)
ROWS = {row.name: row for row in hostile.ROWS if row.name in COLD}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Return a course with one notebook and its gradebook, and nobody's work yet."""
    root = make(
        tmp_path_factory.mktemp("sandbox") / "course",
        ["one"],
        hostile.CONFIG,
        hostile.SPLIT,
    )
    gradebook.ensure(root)
    return root


def submit(root: Path, student: str, double: str) -> None:
    folder = root / "submitted" / student / WEEK
    folder.mkdir(parents=True)
    shutil.copy(root / "release" / WEEK / "one.ipynb", folder)
    (folder / "notes.txt").write_text("mine")
    answer(folder / "one.ipynb", double, HALF)


def autograde(root: Path, *options: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "nbgrader", "autograde", WEEK, "--force", *options],
        cwd=root,
        env=os.environ | {"GRADER_TOKEN": hostile.SECRET},
        capture_output=True,
        text=True,
        timeout=180,
    )


@pytest.fixture(scope="module")
def attacked(course):
    """Grade every attack in one run; return the scores and what was said."""
    with socket.create_server(("0.0.0.0", 0)) as port:
        hit = hostile.Class(course, hostile.facts(course, port))
        for name, row in ROWS.items():
            submit(course, name, DOUBLE)
            row.make(course / "submitted" / name / WEEK, hit)
        before = hostile.state(course)
        done = autograde(course)
        port.setblocking(False)
        with pytest.raises(BlockingIOError):
            port.accept()  # nobody called
    assert hostile.state(course) == before
    return hostile.points(course), done.stdout + done.stderr


@needs_sandbox
def test_every_name_is_a_row():
    assert set(ROWS) == set(COLD)


@needs_sandbox
@pytest.mark.parametrize("name", COLD)
def test_in_a_cold_kernel_it_has_the_same_points(attacked, name):
    points, said = attacked
    assert points[name] == ROWS[name].points, said[-1000:]


@needs_sandbox
def test_plain_nbgrader_logs_each_tampering(attacked):
    _, said = attacked
    flagged = [name for name in COLD if "a copy of it" in ROWS[name].says]
    assert said.count("TAMPERING: cell m1-one-e1-check passed, and so did") == len(
        flagged
    )


@needs_sandbox
def test_everybody_is_graded_and_nothing_left(attacked):
    points, _ = attacked
    assert set(points) == set(COLD)
    folders = [one.name.split("-") for one in Path("/tmp").glob("c[kn]-*-*")]
    assert all(Path("/proc", words[1]).exists() for words in folders)
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert f"sleep {hostile.MARK}" not in left


def test_without_a_sandbox_nothing_runs(course, tmp_path, monkeypatch):
    submit(course, "nina", f"open({str(tmp_path / 'ran')!r}, 'w')\n{DOUBLE}")
    monkeypatch.setenv("PATH", str(tmp_path))
    done = autograde(course, "--student", "nina")
    assert done.returncode != 0
    assert "bubblewrap is not installed" in done.stderr or sys.platform != "linux"
    assert "--Execute.trust=True" in done.stderr
    assert not (tmp_path / "ran").exists()
    assert not (course / "autograded" / "nina" / WEEK / "one.ipynb").exists()
    done = autograde(course, "--student", "nina", "--Execute.trust=True")
    assert done.returncode == 0
    assert hostile.points(course)["nina"] == RIGHT
    assert (tmp_path / "ran").exists()


def test_what_is_missing_is_named_with_its_cure(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox._unfit.cache_clear()
    try:
        with pytest.raises(CourseError) as caught:
            sandbox.require()
    finally:
        sandbox._unfit.cache_clear()
    assert "nothing was run" in caught.value.message
    assert "install bubblewrap" in caught.value.cure


@needs_sandbox
@pytest.mark.parametrize("prefix", ["prefix", "base_prefix"])
@pytest.mark.parametrize("held", ["course", "course/submitted", "checkout", "home"])
def test_python_in_a_folder_with_more_in_it_is_refused(
    monkeypatch, tmp_path, prefix, held
):
    """Such as `python -m venv .` in the course: a kernel would see the answers."""
    course, checkout, home = (tmp_path / name for name in ("course", "git", "home"))
    held = {"course": course, "checkout": checkout, "home": home}.get(held)
    for folder in (course, checkout, home):
        folder.mkdir()
        (folder / "nbgrader_config.py").touch()
    if held is None:  # handed in on another disk, by a link
        held = tmp_path / "disk"
        held.mkdir()
        (course / "submitted").symlink_to(held)
    monkeypatch.setenv("COURSE_ROOT", str(course))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(sandbox, "PACKAGE", checkout / "course")
    assert sandbox._exposed() == ""
    env = tmp_path / "env"
    env.symlink_to(held)
    monkeypatch.setattr(sys, prefix, str(env))
    with pytest.raises(CourseError) as caught:
        sandbox.require()
    assert f"a kernel sees {env}, and " in caught.value.message
    assert "make lab" in caught.value.cure


@needs_sandbox
def test_a_course_below_usr_is_refused(monkeypatch):
    monkeypatch.setattr(sandbox.paths, "root", lambda: Path("/usr/share/course"))
    assert "this course (/usr/share/course) is in there" in sandbox.obstacle()


def test_an_environment_inside_the_course_is_no_obstacle(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    monkeypatch.setattr(sandbox.paths, "root", lambda: tmp_path)
    assert sandbox._exposed() == ""
