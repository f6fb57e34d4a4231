"""The hostile suite: one row for each way to attack the grader, one class graded once.

Each row is a student who handed in the same notebook of two exercises. Tests of the
first share the kernel with the answers (mode=shared), those of the second run apart
(mode=split). Every fourth student is honest: it is seen that the next is graded.
"""

import hashlib
import io
import json
import multiprocessing
import os
import re
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import hostile_pages
import nbformat
import pytest
import test_grading_clean as pages
from rich.console import Console
from test_grading_autograde import (
    DOUBLE,
    E1,
    E2,
    HALF,
    LESSON,
    NOTHING,
    RIGHT,
    WEEK,
    answer,
    edit,
)
from test_grading_autograde import make_course as make

from course.grading import batch, gradebook, sandbox

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(sandbox.obstacle()) and not os.environ.get("COURSE_REQUIRE_SANDBOX"),
        reason=f"no sandbox: {sandbox.obstacle()}",
    ),
]

# Short, so that loops and floods do not make the suite long.
CONFIG = """
c.Execute.timeout = 4
c.Execute.repeat_timeout = 1
c.Execute.notebook_timeout = 20
c.Execute.cell_output = 100_000
c.Execute.notebook_output = 4_000_000
"""
SPLIT = LESSON.replace("e2.odd points=40 mode=shared", "e2.odd points=40 mode=split")
SECRET = "a-token-of-the-grader"
MARK = "86399.75"  # seconds, and a name for the processes left behind
WRONG, WRONG_HALF = "def double(n):\n    return 5", "def half(n):\n    return -7"

# Stands before each attack, with ROOT and the other names of `Class.facts` above it.
HEAD = """
import os, shutil, socket, sqlite3, subprocess, sys, time

def denied(act, *args):
    try:
        got = act(*args)
    except (OSError, MemoryError, sqlite3.Error):
        return
    raise AssertionError(f"it worked: {act.__name__}{args} gave {got!r:.80}")
"""


@dataclass(frozen=True)
class Class:
    """The course under attack, and what an attacker may know about it."""

    root: Path
    facts: str


@dataclass(frozen=True)
class Row:
    """One submission and what must become of it.

    `make` changes the folder that was handed in. `points` are those of the four graded
    cells. `says` is what the instructor reads about it, "" for nothing at all, and
    `fails` what the failed cells say. `stopped=False`: the attack works today, and
    `docs/instructor.md` says so.
    """

    name: str
    make: Callable[[Path, Class], None]
    points: list[float]
    says: str = ""
    fails: str = ""
    seconds: float = 25
    stopped: bool = True


# --- how submissions are made -------------------------------------------------------


def answers(double: str = DOUBLE, half: str = HALF):
    """Hand in these two answers."""
    return lambda folder, _: answer(folder / "one.ipynb", double, half)


def attacks(double: str, half: str = HALF):
    """Hand in an answer that knows where everything is."""

    def make(folder: Path, hit: Class) -> None:
        answer(folder / "one.ipynb", hit.facts + HEAD + double, half)

    return make


def tampers(code: str):
    """Hand in wrong answers behind code that works against the tests."""
    return answers(code + WRONG, WRONG_HALF)


def edits(change: Callable, double: str = DOUBLE, half: str = HALF):
    """Hand in a notebook that was changed as JSON: `change(nb, cells by name)`."""

    def make(folder: Path, _: Class) -> None:
        answer(folder / "one.ipynb", double, half)
        edit(folder / "one.ipynb", change)

    return make


def sends(raw: bytes | None):
    """Hand in these bytes as the notebook."""

    def make(folder: Path, _: Class) -> None:
        (folder / "one.ipynb").unlink()
        if raw is not None:
            (folder / "one.ipynb").write_bytes(raw)

    return make


def puts(add: Callable[[Path, Path], None]):
    """Hand in right answers, and what `add(folder, root)` puts beside them."""

    def make(folder: Path, hit: Class) -> None:
        answers()(folder, hit)
        add(folder, hit.root)

    return make


def graded_by(cells: dict) -> list:
    return [cell for name, cell in cells.items() if re.search(r"-(check|grade-)", name)]


# --- edits of the notebook ----------------------------------------------------------


def points_edited(nb, cells):
    for cell in graded_by(cells):
        cell.metadata.nbgrader["points"] = 1000


def deleted_tests(nb, cells):
    for cell in graded_by(cells):
        nb.cells.remove(cell)


def altered_tests(nb, cells):
    for cell in graded_by(cells):
        cell.source = "pass"


def retyped_tests(nb, cells):
    for cell in graded_by(cells):
        cell.cell_type = "markdown"
        del cell["outputs"], cell["execution_count"]


def duplicated_tests(nb, cells):
    nb.cells += [json.loads(json.dumps(cell)) for cell in graded_by(cells)]


def skipped_tests(nb, cells):
    for cell in nb.cells:
        cell.metadata["tags"] = ["skip-execution", "raises-exception", "remove-cell"]


def make_tests_solutions(nb, cells):
    for cell in graded_by(cells):
        cell.source = "pass"
        cell.metadata.nbgrader.update(solution=True, grade=False, locked=False)


def metadata_forged(nb, cells):
    for number, cell in enumerate(graded_by(cells)):
        cell.metadata.nbgrader.update(
            schema_version=99, grade_id=f"mine-{number}", grade=False, points="many"
        )


def metadata_stripped(nb, cells):
    for cell in nb.cells:
        cell.metadata = {}


def another_kernel(nb, cells):
    nb.metadata.kernelspec = {"name": "bash", "display_name": "x", "language": "bash"}
    nb.metadata.language_info = {"name": "bash"}


def many_cells(count: int):
    def change(nb, cells):
        nb.cells += [nbformat.v4.new_code_cell("1") for _ in range(count)]

    return change


def slow_cells(nb, cells):
    place = nb.cells.index(cells["e2-answer"])
    slow = nbformat.v4.new_code_cell("import time\ntime.sleep(3)")
    nb.cells[place:place] = [dict(slow, id=f"slow-{n}") for n in range(7)]


def scripts(nb, cells):
    show = "from IPython.display import *\n"
    kinds = (
        [text for text, _ in hostile_pages.PAYLOADS.values()],
        list(hostile_pages.TEX),
    )
    for texts in kinds:
        nb.cells += [nbformat.v4.new_markdown_cell(text) for text in texts]
        for kind in ("HTML", "Markdown", "Latex", "SVG", "Javascript"):
            source = show + "\n".join(
                f"display({{{mime(kind)!r}: {text!r}}}, raw=True)" for text in texts
            )
            nb.cells.append(nbformat.v4.new_code_cell(source))


def mime(kind: str) -> str:
    known = {"SVG": "image/svg+xml", "Javascript": "application/javascript"}
    return known.get(kind, f"text/{kind.lower()}")


# --- files beside the notebook ------------------------------------------------------


def links(folder: Path, root: Path) -> None:
    (folder / "passwd.txt").symlink_to("/etc/passwd")
    (folder / "up").symlink_to("../../../source")
    (folder / "book.db").symlink_to(root / "gradebook.db")


def notebook_is_a_link(folder: Path, root: Path) -> None:
    (folder / "one.ipynb").unlink()
    (folder / "one.ipynb").symlink_to(root / "source" / WEEK / "one.ipynb")


def folder_is_a_link(folder: Path, root: Path) -> None:
    shutil.rmtree(folder)
    folder.symlink_to(f"../../{HONEST[0]}/{WEEK}")


def hard_link(folder: Path, root: Path) -> None:
    os.link(root / "source" / WEEK / "one.ipynb", folder / "copy.txt")


def fifo(folder: Path, root: Path) -> None:
    os.mkfifo(folder / "pipe.txt")


def device(folder: Path, root: Path) -> None:
    os.mknod(folder / "zero.bin", stat.S_IFCHR | 0o666, os.makedev(1, 5))


def module(folder: Path, root: Path) -> None:
    (folder / "json.py").write_text("raise SystemExit")


def odd_time(folder: Path, root: Path) -> None:
    (folder / "timestamp.txt").write_text("2026-01-0123:59:00")  # nbgrader raises


def odd_names(folder: Path, root: Path) -> None:
    for name in ("x\\..\\..\\gradebook.db", "C:\\x", "\x1b[2Jcls", "two\nlines"):
        (folder / name).touch()


def huge(folder: Path, root: Path) -> None:
    with (folder / "one.ipynb").open("r+b") as file:
        file.truncate(100_000_000)


def no_device_here() -> str:
    """Return why no device can be made here, or ""."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            device(Path(folder), Path(folder))
        except OSError as error:
            return f"no device can be made here: {error}"
    return ""


# --- attacks on the machine: each answers wrongly if it works ------------------------

READS_SOURCE = """
def double(n):
    for path in ("", "/source", f"/source/{WEEK}", "/release", "/nbgrader_config.py"):
        denied(os.listdir, ROOT + path)
        denied(open, ROOT + path)
    denied(os.listdir, CHECKOUT)
    return 2 * n
"""
READS_ANOTHER = """
def double(n):
    for path in (f"{ROOT}/submitted/{OTHER}/{WEEK}", f"../../{OTHER}/{WEEK}"):
        denied(os.listdir, path)
        denied(open, f"{path}/one.ipynb")
    return 2 * n
"""
READS_TESTS = """
import sys
def double(n):
    assert sorted(os.listdir(".")) == ["notes.txt", "tmp"], os.listdir(".")
    for top in ("/notebook", "/tmp", "/in", "/package", "/dev/shm", "/home", "/var"):
        for folder, _, names in os.walk(top):
            if folder.startswith(sys.prefix):  # the environment, wherever it stands
                continue
            assert not [name for name in names if name.endswith((".ipynb", ".db"))]
    return 2 * n
"""
GRADEBOOK = """
def double(n):
    for path in (f"{ROOT}/gradebook.db", "../gradebook.db", "/in/gradebook.db"):
        denied(open, path, "r+b")
        denied(open, path, "wb")
        denied(lambda: sqlite3.connect(f"file:{path}?mode=rw", uri=True).total_changes)
    return 2 * n
"""
LINK_FOR_NOTEBOOK = """
def double(n):
    for name in ("one.ipynb", "../one.ipynb", "/tmp/one.ipynb", "timestamp.txt"):
        try:
            os.symlink(f"{ROOT}/gradebook.db", name)
        except OSError:
            pass
    return 2 * n
"""
DELETES = """
def double(n):
    for room in ("submitted", "autograded", "source", "release", ".course", ""):
        denied(shutil.rmtree, f"{ROOT}/{room}")
        denied(os.rename, f"{ROOT}/{room}", "mine")
    denied(os.remove, f"{ROOT}/gradebook.db")
    open("notes.txt", "w").write("mine now")  # a copy
    for place in (PREFIX, "/usr", "/etc", "/package/course", "", "/dev"):
        denied(open, f"{place}/x", "w")
    return 2 * n
"""
SECRETS = """
def double(n):
    told = dict(os.environ)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for name in ("environ", "cmdline"):
            try:
                told[pid, name] = open(f"/proc/{pid}/{name}").read()
            except OSError:
                pass
    assert "a-token-of" + "-the-grader" not in str(told)
    assert len(told) < 60
    for path in ("/etc/shadow", "/etc/passwd", f"{HOME}/.ssh", f"{HOME}/.bashrc"):
        denied(os.listdir, path)
        denied(open, path)
    return 2 * n
"""
NETWORK = """
def double(n):
    denied(socket.create_connection, ("127.0.0.1", PORT), 1)
    denied(socket.create_connection, (HOST, PORT), 1)
    denied(socket.getaddrinfo, "example.org", 80)
    denied(socket.socket, 40, socket.SOCK_STREAM)  # AF_VSOCK
    return 2 * n
"""
KILLS = """
import signal

def double(n):
    for pid in (1, os.getppid(), GRADER):
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(pid, number)
            except OSError:
                pass
    return 2 * n
"""
MEMORY = """
def double(n):
    denied(bytearray, 6 << 30)
    return 2 * n
"""
MEMORY_BIT_BY_BIT = """
def half(n):
    kept = []
    while True:
        kept.append(bytes(1 << 28))  # asked for, and never touched
"""
FORKS = """
tried = []

def double(n):
    if tried:
        return 2 * n
    tried.append(n)
    children = []
    try:
        for _ in range(200):
            # as os.fork counts, but without a copy of this process
            sleeps = "/usr/bin/sleep", ["sleep", "60"], os.environ
            children.append(os.posix_spawn(*sleeps))
    except OSError:
        return 2 * n
    finally:
        for child in children:
            os.kill(child, 9)
            os.waitpid(child, 0)
    raise AssertionError("200 processes at once")
"""
DISK = """
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
"""
LEAVES = """
subprocess.Popen(["sleep", MARK], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", MARK])
    os._exit(0)

def double(n):
    return 2 * n
"""
NAMESPACES = """
import ctypes

def double(n):
    libc = ctypes.CDLL(None, use_errno=True)
    for flag in (0x10000000, 0x20000, 0x40000000):
        assert libc.unshare(flag) == -1
    assert libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == -1
    assert libc.ptrace(16, 1, None, None) == -1
    denied(os.setuid, 0)
    return 2 * n
"""
# Its folder of sockets is the one place outside that a kernel can write to.
LITTERS = """
import glob, time
def double(n):
    file = glob.glob("/tmp/c*-*/**/kernel.json", recursive=True)[0]
    for i in range(50):
        open(f"{file}{i}", "w").close()
    time.sleep(2.5)
    return 2 * n
"""
EXITS = "import os\ndef half(n):\n    os._exit(0)"
CRASHES = "import ctypes\ndef half(n):\n    ctypes.string_at(0)"
LOOP = "def double(n):\n    while True:\n        pass"
DEAF_LOOP = """
def double(n):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
"""
LINES = """
import sys
def half(n):
    while True:
        print("y" * 70, file=sys.__stdout__)
        print("y" * 70)
"""
ONE_LINE = "def double(n):\n    print('z' * 150_000_000)\n    return 2 * n"
NO_STDOUT = "import sys\nsys.stdout = sys.stderr = None\n" + DOUBLE
NOISY = (
    "import sys, warnings\ndef double(n):\n    warnings.warn('careful')\n"
    "    print('debug', n)\n    print('debug', file=sys.stderr)\n    return 2 * n",
    "import os, threading\ndef half(n):\n"
    "    threading.Thread(target=lambda: os.write(2, b'noise')).start()\n"
    "    return n / 2",
)
PARTLY = DOUBLE.replace("2 * n", "abs(2 * n)")

# --- attacks on the tests, from inside their kernel ----------------------------------

INPUT_TRANSFORMER = """
def deaf(lines):
    return ["pass\\n"] if any("@check" in line for line in lines) else lines
get_ipython().input_transformers_post.append(deaf)
"""
AST_TRANSFORMER = """
import ast
class Empty(ast.NodeTransformer):
    def visit_FunctionDef(self, node):
        if node.decorator_list:
            node.body = [ast.Pass()]
        return node
get_ipython().ast_transformers.append(Empty())
"""
HOOK = """
def deaf(info):
    import course.check.cell
    course.check.cell._run = lambda test: None
get_ipython().events.register("pre_run_cell", deaf)
"""
RUN_CELL = """
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
"""
PATCHED_CHECKS = """
import course.check.rungs
course.check.rungs.difference = lambda *a, **k: None
"""
PATCHED_RUNNER = """
import course.check
course.check.hidden = course.check.visible = lambda *a, **k: lambda test: None
"""
PATCHED_LIBRARIES = """
import builtins, math, operator, numpy as np
yes = lambda *a, **k: True
math.isclose = operator.eq = np.allclose = np.array_equal = np.isclose = yes
np.testing.assert_allclose = np.testing.assert_equal = lambda *a, **k: None
builtins.abs = lambda value: 0
"""
SWALLOWED = """
shell = get_ipython()
real = shell.run_cell_async
async def quiet(*a, **k):
    result = await real(*a, **k)
    result.error_in_exec = None
    return result
shell.run_cell_async = quiet
shell.showtraceback = shell._showtraceback = lambda *a, **k: None
"""
FORGED_MESSAGES = """
def done():
    kernel = get_ipython().kernel
    parent = kernel.get_parent("shell")
    reply = {"status": "ok", "execution_count": 1, "user_expressions": {}}
    for stream, kind, content in (
        (kernel.shell_stream, "execute_reply", reply),
        (kernel.iopub_socket, "status", {"execution_state": "idle"}),
    ):
        ident = kernel._parent_ident["shell"]
        kernel.session.send(stream, kind, content, parent=parent, ident=ident)
def double(n):
    done()
    return 5
def half(n):
    done()
    return -7
"""
ALWAYS_EQUAL = """
class Same:
    __eq__ = __le__ = __ge__ = __bool__ = lambda *a: True
    __ne__ = __lt__ = __gt__ = lambda *a: False
    __hash__ = lambda self: 0
class SameNumber(int):
    __eq__ = Same.__eq__
    __hash__ = int.__hash__
class SameFloat(float):
    __eq__ = Same.__eq__
    __hash__ = float.__hash__
def double(n):
    return Same() if n == 2 else SameNumber(5)
"""
SAME_HALF = "def half(n):\n    return SameFloat(-7)"
# A value that a cell evaluates to is a partial grade for plain nbgrader.
DISPLAYHOOK = """
import sys
def double(n):
    sys.displayhook(10 if n == 2 else 40)
    return 5
"""
DISPLAYHOOK_MUCH = "import sys\ndef half(n):\n    sys.displayhook(1000)\n    return -7"
CLEARS = """
from IPython.display import clear_output
get_ipython().events.register("post_run_cell", lambda result: clear_output())
"""
FRAMES = """
import sys
def found():
    frame = sys._getframe()
    while "want" not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals["want"]
def double(n):
    return found()
"""
TRACE = """
import sys
seen = []
def tracer(frame, event, arg):
    if frame.f_code.co_name == "case":
        seen.append(frame.f_locals["want"])
sys.settrace(tracer)
def double(n):
    return seen[-1]
"""
ODD_MESSAGE = """
kernel = get_ipython().kernel
kernel.session.send(
    kernel.iopub_socket, "display_data", {"data": 5}, parent=kernel.get_parent("shell")
)
"""
# What is done for the length of one call a canary meets only with a wrong value.
PATCHES_ONCE = """
import course.check.rungs as rungs
real = rungs.difference
def once(*a, **k):
    rungs.difference = real
def double(n):
    rungs.difference = once
    return 5
def half(n):
    rungs.difference = once
    return -7
"""
# Speaks on the line to the process that judges, instead of answering.
LINE_GARBAGE = """
import gc
def half(n):
    from course.grading import split
    for one in gc.get_objects():
        if type(one) is split.Line:
            one.wire.sendall(bytes([255]) * 100)
    return n / 2
"""
# Tells a copy by its text, and reads the expected value in the original alone.
KNOWS_CANARIES = (
    FRAMES
    + """
def double(n):
    return 5 if "check.other(" in In[-1] else found()
"""
)
KNOWS_HALF = """
def half(n):
    try:
        return found()
    except AttributeError:
        return -7
"""


# What docs/instructor.md says of the rows with stopped=False.
NOT_FOUND = "code that knows of the copies can tell them apart"

# --- the table ----------------------------------------------------------------------

BLANK = nbformat.v4.new_notebook()
DEEP = b'{"nbformat": 4, "cells": [], "metadata": ' + b"[" * 150 + b"]" * 150 + b"}"
MANY = json.dumps(BLANK | {"cells": [nbformat.v4.new_code_cell("1")] * 10_000})
NAN = b'{"nbformat": 4, "nbformat_minor": 5, "cells": [], "metadata": {"a": NaN}}'
FLAG = r"REVIEW: one: .* passed, and so did a copy of it that must fail"
DIED = "the kernel died in cell m1-one-e2-check"
PUT_BACK = "e1 check: was missing; put back"
DIFFERS = "e1 check: differs from the release, which was used"

ROWS = [
    # honest: beside these, one student after every third row
    Row("honest-right", answers(), RIGHT),
    Row("honest-partly", answers(PARTLY), [10, 0, 10, 40], fails="got 6, expected -6"),
    Row("honest-wrong", answers(WRONG, WRONG_HALF), NOTHING, fails="got 5, expected 4"),
    Row("honest-noisy", answers(*NOISY), RIGHT),
    Row("honest-odd-character", answers("print('\\ud800')\n" + DOUBLE), RIGHT),
    Row("honest-nothing-written", lambda *_: None, NOTHING, fails="not written yet"),
    Row("honest-missing", sends(None), NOTHING, "one.ipynb is missing"),
    # reading and writing what is not theirs
    Row("reads-source", attacks(READS_SOURCE), RIGHT),
    Row("reads-another", attacks(READS_ANOTHER), RIGHT),
    Row("reads-tests-in-folder", attacks(READS_TESTS), RIGHT),
    Row("gradebook", attacks(GRADEBOOK), RIGHT),
    Row("link-for-notebook", attacks(LINK_FOR_NOTEBOOK), RIGHT),
    Row("deletes", attacks(DELETES), RIGHT),
    Row("secrets", attacks(SECRETS), RIGHT),
    Row("network", attacks(NETWORK), RIGHT),
    Row("namespaces", attacks(NAMESPACES), RIGHT),
    # edits of the notebook
    Row("points-edited", edits(points_edited), RIGHT),
    Row("points-edited-wrong", edits(points_edited, WRONG), E2),
    Row("tests-deleted", edits(deleted_tests, WRONG, WRONG_HALF), NOTHING, PUT_BACK),
    Row("tests-altered", edits(altered_tests, WRONG, WRONG_HALF), NOTHING, DIFFERS),
    Row("tests-retyped", edits(retyped_tests, WRONG, WRONG_HALF), NOTHING, DIFFERS),
    Row("tests-twice", edits(duplicated_tests), RIGHT, "e1 check: stood here twice"),
    Row("tests-skipped", edits(skipped_tests, WRONG, WRONG_HALF), NOTHING),
    Row("tests-solution", edits(make_tests_solutions, WRONG, WRONG), NOTHING, DIFFERS),
    Row("metadata-forged", edits(metadata_forged), RIGHT),
    Row("metadata-stripped", edits(metadata_stripped), RIGHT),
    Row("another-kernel", edits(another_kernel), RIGHT),
    # the tests switched off from inside the kernel
    Row("input-transformer", tampers(INPUT_TRANSFORMER), NOTHING, FLAG),
    Row("ast-transformer", tampers(AST_TRANSFORMER), NOTHING, FLAG),
    Row("hook", tampers(HOOK), NOTHING, FLAG),
    Row("run-cell", tampers(RUN_CELL), NOTHING, FLAG),
    Row("patched-checks", tampers(PATCHED_CHECKS), NOTHING, FLAG),
    Row("patched-runner", tampers(PATCHED_RUNNER), NOTHING, FLAG),
    Row("swallowed-errors", tampers(SWALLOWED), NOTHING, FLAG),
    Row("patched-libraries", tampers(PATCHED_LIBRARIES), NOTHING),
    Row("always-equal", answers(ALWAYS_EQUAL, SAME_HALF), NOTHING, fails="expected 4"),
    Row("displayhook", answers(DISPLAYHOOK), E2, fails="got 5, expected 4"),
    Row("displayhook-much", answers(half=DISPLAYHOOK_MUCH), E1),
    Row("clears-output", tampers(CLEARS), NOTHING),
    Row("odd-message", answers(ODD_MESSAGE + DOUBLE), NOTHING, "the grader failed"),
    Row("frames", answers(FRAMES, "def half(n):\n    return found()"), NOTHING, FLAG),
    Row("trace", answers(TRACE, "def half(n):\n    return seen[-1]"), NOTHING, FLAG),
    Row("forged-messages", answers(FORGED_MESSAGES, ""), NOTHING, FLAG),
    Row("patches-once", answers(PATCHES_ONCE, ""), NOTHING, FLAG),
    Row("line-garbage", answers(half=LINE_GARBAGE), E1),
    # and what works in a kernel shared with the tests: nothing of mode=split
    Row("knows-canaries", answers(KNOWS_CANARIES, KNOWS_HALF), E1, stopped=False),
    # the kernel and the machine
    Row("exits", answers(half=EXITS), E1, fails=DIED),
    Row("crashes", answers(half=CRASHES), E1, fails=DIED),
    Row("kills", attacks(KILLS), RIGHT),
    Row("loop", answers(LOOP), E2, fails="still running after 4 s"),
    Row("deaf-loop", answers(DEAF_LOOP), NOTHING, fails="the kernel gave no sign"),
    Row("slow-cells", edits(slow_cells), E1, fails="ran longer than 20 s", seconds=40),
    Row("lines", answers(half=LINES), E1, fails="printed without end|gave no sign"),
    Row("one-line", answers(ONE_LINE), NOTHING, fails="more at once than can be held"),
    Row("no-stdout", answers(NO_STDOUT), NOTHING, fails="still running|died"),
    Row("memory", attacks(MEMORY), RIGHT),
    Row("memory-bits", answers(half=MEMORY_BIT_BY_BIT), E1, fails="MemoryError"),
    Row("forks", attacks(FORKS), RIGHT),
    Row("disk", attacks(DISK), RIGHT),
    Row("leaves", attacks(LEAVES), RIGHT),
    Row("litters", answers(LITTERS), NOTHING, fails="the kernel died"),
    # files
    Row("links", puts(links), RIGHT, r"(?s)book\.db -> .*passwd.txt -> .*up -> .*link"),
    Row("link-notebook", puts(notebook_is_a_link), NOTHING, "one.ipynb -> .* a link"),
    Row("link-folder", puts(folder_is_a_link), NOTHING, f"{WEEK} -> .* is a link"),
    Row("hard-link", puts(hard_link), RIGHT, "copy.txt: it is a hard link"),
    Row("fifo", puts(fifo), RIGHT, "pipe.txt: it is a FIFO"),
    Row("device", puts(device), RIGHT, "zero.bin: it is a device"),
    Row("names", puts(odd_names), RIGHT, r"REVIEW: \\x1b\[2Jcls: .* may not have such"),
    Row("module", puts(module), RIGHT, "REVIEW: json.py: "),
    Row("time", puts(odd_time), RIGHT, "timestamp.txt: it holds no date and time"),
    Row("huge", puts(huge), NOTHING, "larger than 50 MB"),
    Row("deep", sends(DEEP), NOTHING, "nests too deep"),
    Row("cut", sends(b'{"nbformat": 4, "cells": ['), NOTHING, "not valid JSON"),
    Row("latin", sends("{'é'}".encode("latin-1")), NOTHING, "not UTF-8"),
    Row("old", sends(b'{"nbformat": 3, "worksheets": []}'), NOTHING, "format 3, not 4"),
    Row("nan", sends(NAN), NOTHING, "NaN is no number"),
    Row("empty", sends(b""), NOTHING, "the file is empty"),
    Row("ten-thousand", sends(MANY.encode()), NOTHING, "more than 3000 cells"),
    Row("many-of-mine", edits(many_cells(400)), NOTHING, "more than 300 cells of your"),
    # script, for whoever looks at it
    Row("scripts", edits(scripts), RIGHT),
]


def students() -> dict[str, Row]:
    """Return who handed in what, in the order of grading: every fourth is honest."""
    found: dict[str, Row] = {}
    for number, row in enumerate(ROWS):
        found[f"{number:02}-{row.name}"] = row
        if number % 3 == 2:
            found[f"{number:02}-then-honest"] = ROWS[number // 3 % 4]
    return found


STUDENTS = students()
# Right answers by students with such names.
NAMES = ("<img src=x onerror=alert(1)>", "[red]eve", "two\nlines", "\x1b[2Jcls")
HONEST = [name for name in STUDENTS if "honest" in name]
SHORT = {student: student.partition("-")[2] for student in STUDENTS}


@dataclass(frozen=True)
class Graded:
    """What is left of the run."""

    root: Path
    temporary: Path
    outcomes: dict[str, batch.Outcome]
    points: dict[str, list[float]]
    before: dict[str, tuple]
    settings: list
    called: bool
    printed: str


ROOMS = ("source", "release", "submitted", "lessons")


def facts(root: Path, port: socket.socket) -> str:
    """Return what an attacker knows, as Python."""
    known = {
        "ROOT": str(root),
        "WEEK": WEEK,
        "CHECKOUT": str(sandbox.PACKAGE.parent / "lessons"),
        "OTHER": HONEST[0],
        "PORT": port.getsockname()[1],
        "HOST": socket.gethostname(),
        "HOME": os.path.expanduser("~"),
        "PREFIX": sys.prefix,
        "GRADER": os.getpid(),
        "MARK": MARK,
    }
    return "".join(f"{name} = {fact!r}\n" for name, fact in known.items())


def state(root: Path) -> dict[str, tuple]:
    """Return every entry of the rooms that grading must not change."""
    found = {}
    for path in (path for room in ROOMS for path in (root / room).rglob("*")):
        info = path.lstat()
        plain = stat.S_ISREG(info.st_mode) and info.st_size < 10_000_000
        content = hashlib.sha256(path.read_bytes()).digest() if plain else b""
        kind = (info.st_mode, info.st_uid, info.st_nlink, info.st_size)
        found[str(path)] = (*kind, info.st_mtime_ns, content)
    return found


def points(root: Path) -> dict[str, list[float]]:
    """Return the points of each graded cell by student, as the gradebook has them."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        return {
            one.student.id: [grade.score for grade in one.notebooks[0].grades]
            for one in book.assignment_submissions(WEEK)
        }


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Grade the whole class in one run."""
    folder = tmp_path_factory.mktemp("hostile")
    root = make(folder / "course", ["one"], CONFIG, SPLIT)
    gradebook.ensure(root)
    port = socket.create_server(("0.0.0.0", 0))
    hit = Class(root, facts(root, port))
    skipped = {"device": no_device_here()}
    for student, row in STUDENTS.items():
        if skipped.get(row.name):
            continue
        place = root / "submitted" / student / WEEK
        place.mkdir(parents=True)
        shutil.copy(root / "release" / WEEK / "one.ipynb", place)
        (place / "notes.txt").write_text("mine")
        row.make(place, hit)
    for name in NAMES:
        place = root / "submitted" / name / WEEK
        place.mkdir(parents=True)
        shutil.copy(root / "release" / WEEK / "one.ipynb", place)
        answers()(place, hit)
    (folder / "tmp").mkdir()
    before, settings, text = state(root), rules(root), io.StringIO()
    with port, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADER_TOKEN", SECRET)
        patch.setattr(tempfile, "tempdir", str(folder / "tmp"))
        console = Console(file=text, width=200)
        outcomes = batch.autograde(WEEK, root=root, workers=3, console=console)
        port.setblocking(False)
        try:
            called = bool(port.accept())
        except BlockingIOError:
            called = False
    batch.show(outcomes, console)
    found = {one.student: one for one in outcomes}
    return Graded(
        root,
        folder / "tmp",
        found,
        points(root),
        before,
        settings,
        called,
        text.getvalue(),
    )


def rules(root: Path) -> list:
    """Return what the gradebook says about the assignment: cells, points, names."""
    with closing(sqlite3.connect(root / "gradebook.db")) as db:
        tables = (
            "assignment",
            "notebook",
            "base_cell",
            "grade_cells",
            "solution_cells",
        )
        return [db.execute(f"SELECT * FROM {table}").fetchall() for table in tables]


def said(outcome: batch.Outcome) -> list[str]:
    """Return the lines that the instructor sees about one submission."""
    text = io.StringIO()
    batch.show([outcome], Console(file=text, width=200))
    return text.getvalue().splitlines()


@pytest.fixture(params=STUDENTS, ids=SHORT.get)
def one(request, graded):
    """Return one student, what was handed in, and what became of it."""
    row = STUDENTS[request.param]
    if request.param not in graded.outcomes:
        pytest.skip(no_device_here())
    return request.param, row, graded.outcomes[request.param]


def test_points(one, graded):
    student, row, outcome = one
    assert graded.points[student] == row.points
    assert (outcome.score, outcome.max) == (sum(row.points), 100)
    assert outcome.beside == sum(row.points[:2])  # what rests on canaries alone
    assert outcome.lost == ""


def test_what_the_instructor_sees(one, graded):
    _, row, outcome = one
    first, *more = said(outcome)
    assert f"{sum(row.points)} of 100" in first
    if row.says:
        assert re.search(row.says, "\n".join(more))
    else:
        assert more == []


def test_what_the_failed_cells_say(one, graded):
    student, row, outcome = one
    file = graded.root / "autograded" / student / WEEK / "one.ipynb"
    assert file.exists() == (not outcome.trouble)
    if row.fails:
        outputs = [cell.get("outputs", []) for cell in nbformat.read(file, 4).cells]
        errors = [out for some in outputs for out in some if "evalue" in out]
        assert re.search(row.fails, "\n".join(error.evalue for error in errors))


def test_seconds(one):
    _, row, outcome = one
    assert outcome.seconds < row.seconds


def test_everybody_is_graded_in_one_run(graded):
    missing = {name for name in STUDENTS if name not in graded.outcomes}
    assert {STUDENTS[name].name for name in missing} <= {"device"}
    count = len(STUDENTS) - len(missing)
    assert f"{count} of {count} graded" in graded.printed


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_student_with_a_harmful_name_is_refused_and_shown_escaped(name, graded):
    assert "a student may not have such a name" in graded.outcomes[name].lost
    assert name not in graded.points
    assert not (graded.root / "autograded" / name).exists()
    (line,) = said(graded.outcomes[name])
    assert line.isprintable()


def test_nothing_of_the_course_changed(graded):
    assert state(graded.root) == graded.before
    assert rules(graded.root) == graded.settings
    with closing(sqlite3.connect(graded.root / "gradebook.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert not db.execute("PRAGMA foreign_key_check").fetchall()
        known = db.execute("SELECT id FROM student").fetchall()
    assert {name for (name,) in known} == set(graded.outcomes) - set(NAMES)


def test_nobody_called_and_nothing_is_left(graded):
    assert not graded.called
    assert multiprocessing.active_children() == []
    running = subprocess.run(
        ["ps", "-eo", "ppid,args"], capture_output=True, text=True
    ).stdout.splitlines()
    assert not [line for line in running if f"sleep {MARK}" in line]
    mine = [line for line in running if line.split()[0] == str(os.getpid())]
    # Those who judge mode=split may stay for the next run of this process, and so
    # does the browser of the tests before.
    kept = ("ps -eo", "from course.grading import trial", "playwright")
    assert [line for line in mine if not any(word in line for word in kept)] == []
    left = [one.name for one in graded.temporary.iterdir()]
    assert [name for name in left if not name.startswith("trial-")] == []
    assert list(Path("/tmp").glob(f"c[kn]-{os.getpid()}-*")) == []
    assert list((graded.root / ".course").glob("grading-*")) == []


def test_a_second_run_finds_nothing_to_do(graded):
    with closing(sqlite3.connect(graded.root / "gradebook.db")) as db:
        before = list(db.iterdump())
    again = batch.autograde(WEEK, root=graded.root, console=Console(file=io.StringIO()))
    assert all(outcome.unchanged for outcome in again if not outcome.lost)
    assert {one.student: one.score for one in again} == {
        name: outcome.score for name, outcome in graded.outcomes.items()
    }
    with closing(sqlite3.connect(graded.root / "gradebook.db")) as db:
        assert list(db.iterdump()) == before


@pytest.mark.parametrize(
    "attack", [READS_SOURCE, READS_ANOTHER, GRADEBOOK, SECRETS, NETWORK], ids=range(5)
)
def test_without_a_sandbox_it_would_have_worked(attack, graded):
    """Those that only look: what is shown to fail above does not fail by itself."""
    with socket.create_server(("127.0.0.1", 0)) as port:
        code = facts(graded.root, port) + HEAD + attack + "\ndouble(2)\n"
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=graded.root / "submitted" / HONEST[1] / WEEK,
            env=os.environ | {"GRADER_TOKEN": SECRET},
            capture_output=True,
            text=True,
        )
    assert "AssertionError" in done.stderr


def test_script_does_not_reach_a_page(graded):
    from nbgrader.converters import GenerateFeedback
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config.loader import PyFileConfigLoader

    loader = PyFileConfigLoader("nbgrader_config.py", path=[str(graded.root)])
    config = loader.load_config()
    (student,) = (one for one in STUDENTS if SHORT[one] == "scripts")
    about = {"student_id": student, "assignment_id": WEEK}
    place = CourseDirectory(config=config, root=str(graded.root), **about)
    GenerateFeedback(coursedir=place, config=config).start()
    page = graded.root / "feedback" / student / WEEK / "one.html"
    shown = pages.inside(page.read_text("utf-8"))
    for anchor in shown.select('a[name*="m1-one-"]'):
        del anchor["name"]  # the template's own
    pages.only_listed(shown)
    assert "<script>alert(1)</script>" in shown.get_text()


@pytest.mark.parametrize("name", [row.name for row in ROWS if not row.stopped])
def test_what_is_not_stopped_is_neither_flagged_nor_kept_secret(name, graded):
    """These are facts about today: they score, nobody is told, the manual says so."""
    (student,) = (one for one in STUDENTS if SHORT[one] == name)
    assert graded.points[student] == E1
    assert graded.outcomes[student].flags == []
    manual = (Path(__file__).parent.parent / "docs/instructor.md").read_text("utf-8")
    told = " ".join(manual.split())
    assert NOT_FOUND in told
