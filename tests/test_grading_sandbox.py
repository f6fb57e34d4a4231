"""Submissions that attack the machine, in cold and in warm confined kernels."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from test_grading_autograde import DOUBLE, HALF, NOTHING, RIGHT, WEEK, answer
from test_grading_autograde import make_course as make

from course.errors import CourseError
from course.grading import gradebook, sandbox

pytestmark = pytest.mark.slow
needs_sandbox = pytest.mark.skipif(
    bool(sandbox.obstacle()) and not os.environ.get("COURSE_REQUIRE_SANDBOX"),
    reason=f"no sandbox: {sandbox.obstacle()}",
)

SECRET = "a-token-of-the-grader"
MARK = "86399.25"  # seconds, and a name for the process left behind

# Each tries something and answers wrongly if it works. ROOT, PORT and PREFIX are
# filled in; `denied` is there for all of them.
HEAD = """
import os, socket, subprocess, sys

def denied(act, *args):
    try:
        got = act(*args)
    except (OSError, MemoryError):
        return True
    raise AssertionError(f"it worked: {act.__name__}{args} gave {got!r:.80}")
"""
HARMLESS = {
    "reads": """
def double(n):
    for path in ("ROOT", "ROOT/source", "ROOT/gradebook.db", "ROOT/submitted",
                 "ROOT/nbgrader_config.py", "HOME/.ssh", "HOME/.bashrc", "CHECKOUT"):
        denied(os.listdir, path)
        denied(open, path)
    denied(open, "/etc/shadow")
    here = os.listdir(".")
    assert sorted(here) == ["notes.txt", "tmp"], here
    return 2 * n
""",
    "secrets": """
def double(n):
    told = dict(os.environ)
    for pid in os.listdir("/proc"):
        if pid.isdigit():
            try:
                told[pid] = open(f"/proc/{pid}/environ").read()
                told[pid] += open(f"/proc/{pid}/cmdline").read()
            except OSError:
                pass
    assert "SECRET" not in str(told)
    assert len([pid for pid in os.listdir("/proc") if pid.isdigit()]) < 8
    return 2 * n
""",
    "writes": """
def double(n):
    for path in ("PREFIX/x", "/usr/x", "/etc/x", "/package/course/x", "/x", "/dev/x",
                 "ROOT/gradebook.db", "/in/notes.txt"):
        denied(open, path, "w")
    open("notes.txt", "w").write("mine now")
    return 2 * n
""",
    "calls": """
def double(n):
    denied(socket.create_connection, ("127.0.0.1", PORT), 1)
    denied(socket.create_connection, ("HOST", PORT), 1)
    denied(socket.getaddrinfo, "example.org", 80)
    denied(socket.socket, 40, socket.SOCK_STREAM)
    mine = socket.create_server(("127.0.0.1", 0))
    socket.create_connection(mine.getsockname(), 1)
    return 2 * n
""",
    "kills": """
def double(n):
    for pid in (1, os.getppid(), PID):
        try:
            os.kill(pid, 9)
        except OSError:
            pass
    return 2 * n
""",
    "forks": """
def double(n):
    children = []
    try:
        for _ in range(200):
            child = os.fork()
            if child == 0:
                import time
                time.sleep(60)
                os._exit(0)
            children.append(child)
    except OSError:
        return 2 * n
    finally:
        for child in children:
            os.kill(child, 9)
            os.waitpid(child, 0)
    raise AssertionError("200 processes at once")
""",
    "memory": """
def double(n):
    denied(bytearray, 6 << 30)
    return 2 * n
""",
    "disk": """
def fill(path):
    block = bytes(1 << 20)
    with open(path, "wb", buffering=0) as file:
        for _ in range(400):
            file.write(block)

def double(n):
    for path in ("big", "/tmp/big", "/dev/shm/big"):
        denied(fill, path)
        os.remove(path)
    return 2 * n
""",
    "namespaces": """
import ctypes

def double(n):
    libc = ctypes.CDLL(None, use_errno=True)
    for flag in (0x10000000, 0x20000, 0x40000000):
        assert libc.unshare(flag) == -1
    assert libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == -1
    assert libc.ptrace(16, 1, None, None) == -1
    denied(os.setuid, 0)
    return 2 * n
""",
    "leaves": """
subprocess.Popen(["sleep", "MARK"], start_new_session=True)

def double(n):
    return 2 * n
""",
}
# name -> (the answer of e1, the points of the four graded cells)
HARMFUL = {
    "exits": ("def double(n):\n    import os\n    os._exit(0)", NOTHING),
    "litters": (
        "import glob, time\ndef double(n):\n"
        "    file = glob.glob('/tmp/c*-*/**/kernel.json', recursive=True)[0]\n"
        "    for i in range(50):\n        open(f'{file}{i}', 'w').close()\n"
        "    time.sleep(2.5)\n    return 2 * n",
        NOTHING,
    ),
}
# name -> what switches the tests off; without canaries each has full marks
TAMPERING = {
    "transformer": """
def deaf(lines):
    return ["pass\\n"] if any("@check" in line for line in lines) else lines
get_ipython().input_transformers_post.append(deaf)
""",
    "ast-transformer": """
import ast
class Empty(ast.NodeTransformer):
    def visit_FunctionDef(self, node):
        if node.decorator_list:
            node.body = [ast.Pass()]
        return node
get_ipython().ast_transformers.append(Empty())
""",
    "patched-checks": """
import course.check.rungs
course.check.rungs.difference = lambda *a, **k: None
""",
    "patched-runner": """
import course.check
course.check.hidden = course.check.visible = lambda *a, **k: lambda test: None
""",
    "replaced-run-cell": """
from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult
def run_cell(source, *a, **k):
    k = {key: False for key in ("store_history", "silent", "shell_futures")}
    result = ExecutionResult(ExecutionInfo(source, cell_id=None, **k))
    result.execution_count = 1
    return result
shell = get_ipython()
async def run_cell_async(source, *a, **k):
    return run_cell(source)
shell.run_cell, shell.run_cell_async = run_cell, run_cell_async
""",
    "hook": """
def deaf(info):
    import course.check.cell
    course.check.cell._run = lambda test: None
get_ipython().events.register("pre_run_cell", deaf)
""",
}
WRONG = "def double(n):\n    return 4"
STUDENTS = [*TAMPERING, *HARMLESS, *HARMFUL, "zoe"]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Return a course with one notebook and its gradebook, and nobody's work yet."""
    root = make(
        tmp_path_factory.mktemp("sandbox") / "course",
        ["one"],
        "c.Execute.timeout = 6\nc.Execute.repeat_timeout = 2\n",
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
        env=os.environ | {"GRADER_TOKEN": SECRET},
        capture_output=True,
        text=True,
        timeout=180,
    )


def course_autograde(root: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "course", "autograde", WEEK, "--force"],
        env=os.environ | {"GRADER_TOKEN": SECRET, "COURSE_ROOT": str(root)},
        capture_output=True,
        text=True,
        timeout=180,
    )


def scores(root: Path) -> dict[str, list[float]]:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        return {
            one.student.id: [grade.score for grade in one.notebooks[0].grades]
            for one in book.assignment_submissions(WEEK)
        }


@pytest.fixture(scope="module", params=["nbgrader", "course"])
def attacked(request, course):
    """Grade every attack in one run; return the scores and what was said.

    Plain nbgrader starts its kernels cold, `course autograde` forks them warm.
    """
    shutil.rmtree(course / "submitted", ignore_errors=True)
    shutil.rmtree(course / "autograded", ignore_errors=True)
    (course / "gradebook.db").unlink()
    gradebook.ensure(course)
    port = socket.create_server(("0.0.0.0", 0))
    filled = {
        "ROOT": str(course),
        "CHECKOUT": str(sandbox.PACKAGE.parent / "lessons"),
        "SECRET": SECRET,
        "PORT": str(port.getsockname()[1]),
        "HOST": socket.gethostname(),
        "HOME": os.path.expanduser("~"),
        "PREFIX": sys.prefix,
        "PID": str(os.getpid()),
        "MARK": MARK,
    }
    for name, text in HARMLESS.items():
        for word, value in filled.items():
            text = text.replace(word, value)
        submit(course, name, HEAD + text)
    for name, (text, _) in HARMFUL.items():
        submit(course, name, text)
    for name, text in TAMPERING.items():
        submit(course, name, text + WRONG)
    submit(course, "zoe", DOUBLE)
    before = (course / "release" / WEEK / "one.ipynb").read_bytes()
    run = autograde if request.param == "nbgrader" else course_autograde
    with port:
        done = run(course)
        port.setblocking(False)
        with pytest.raises(BlockingIOError):
            port.accept()  # nobody called
    assert (course / "release" / WEEK / "one.ipynb").read_bytes() == before
    return scores(course), done.stdout + done.stderr


@needs_sandbox
@pytest.mark.parametrize("name", HARMLESS)
def test_an_attack_fails_and_costs_nothing(attacked, name):
    points, said = attacked
    assert points[name] == RIGHT, said[-1000:]


@needs_sandbox
@pytest.mark.parametrize("name", HARMFUL)
def test_an_attack_on_its_own_kernel_costs_its_points(attacked, name):
    points, _ = attacked
    assert points[name] == HARMFUL[name][1]


@needs_sandbox
@pytest.mark.parametrize("name", TAMPERING)
def test_tests_that_were_switched_off_count_nothing(attacked, name):
    points, said = attacked
    assert points[name] == NOTHING
    assert "passed, and so did a copy of it that must fail" in said


@needs_sandbox
def test_everybody_is_graded_and_nothing_left(attacked, course):
    points, _ = attacked
    assert set(points) == set(STUDENTS)
    assert points["zoe"] == RIGHT
    folders = [one.name.split("-") for one in Path("/tmp").glob("c[kn]-*-*")]
    assert all(Path("/proc", words[1]).exists() for words in folders)
    notes = course / "submitted" / "writes" / WEEK / "notes.txt"
    assert notes.read_text() == "mine"
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert f"sleep {MARK}" not in left


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
    assert scores(course)["nina"] == RIGHT
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
