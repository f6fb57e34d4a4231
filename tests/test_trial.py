"""Forked grading: right verdicts, nothing left behind, many gradings a second."""

import os
import shutil
import tempfile
import threading
import time
from pathlib import Path

import pytest

from course.errors import CourseError
from course.grading import trial
from course.grading.cells import Cell, as_cell, read_cells
from course.grading.trial import Outcome, Trial, run_cells

pytestmark = pytest.mark.skipif(not trial.FORKS, reason="this system cannot fork")


def cell(name: str, source: str) -> Cell:
    """Return a code cell by the name it would have in a notebook `t-x`."""
    return as_cell({"id": f"t-x-{name}", "source": source, "metadata": {}})


def test_cell(name: str, body: str) -> Cell:
    """Return a visible or hidden test of `f` with the given body."""
    kind = "visible" if name.endswith("check") else "hidden"
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    head = f'from course import check\n@check.{kind}("t-x-{name}")\ndef test():\n'
    return cell(name, head + lines)


test_cell.__test__ = False

CELLS = [
    cell("setup", "import os\nfrom course import check\nscale = 10"),
    cell("e1-answer", "def f(x):\n    return x * scale"),
    cell("e1-look", "raise RuntimeError('looks are not run')"),
    test_cell("e1-check", "check.case(f, 1, want=10)"),
    test_cell("e1-grade-many", "for n in range(5):\n    check.case(f, n, want=10*n)"),
    cell("c004", "g = f(2)"),
    cell("e2-answer", "def h(x):\n    return x + g"),
    test_cell("e2-check", "check.case(h, 1, want=21)"),
]


@pytest.fixture(scope="module")
def mini():
    with Trial(Path("t.ipynb"), cells=CELLS) as one:
        yield one


def grade(mini: Trial, answer: str, **options) -> Outcome:
    (outcome,) = mini.grade("e1", answer, groups=["e1.check"], **options)
    return outcome


def folders(mini: Trial) -> list[str]:
    return [name for name in os.listdir(mini._base) if name.startswith("test-")]


def test_the_reference_passes_and_each_cell_is_an_outcome(mini):
    assert mini.exercises == ["e1", "e2"]
    assert mini.groups("e1") == ["e1.check", "e1.many"]
    got = mini.grade("e1") + mini.grade("e2")
    assert [(o.group, o.passed, o.message) for o in got] == [
        ("e1.check", True, ""),
        ("e1.many", True, ""),
        ("e2.check", True, ""),
    ]


def test_a_wrong_answer_fails_with_the_message_of_its_check(mini):
    first, second = mini.grade("e1", "def f(x):\n    return 10")
    assert first.passed
    assert not second.passed
    assert second.message.startswith("f(0)\n  got 10, expected 0\n  try: ")
    assert mini.grade("e1")[1].passed, "one grading disturbed the next"


def test_stop_ends_after_the_first_failure_and_groups_are_chosen(mini):
    got = mini.grade("e1", "f = 3", groups=["e1.many", "e1.check"], stop=True)
    assert [o.group for o in got] == ["e1.many"]


def test_collect_gathers_every_failure(mini):
    (got,) = mini.grade(
        "e1", "def f(x):\n    return 1", groups=["e1.many"], collect=True
    )
    assert got.message.count("expected") == 5


def test_the_seed_reaches_hidden_tests():
    shows = test_cell("e1-grade-s", "raise check.Wrong('f', check.seed())")
    with Trial(Path("t.ipynb"), cells=[cell("e1-answer", ""), shows]) as one:
        said = [one.grade("e1", seed=s)[0].message for s in ("11", "22")]
    assert "11" in said[0]
    assert "22" in said[1]


HOSTILE = {
    "while True: pass": "used more than 1 s of processor time",
    "import time; time.sleep(60)": "still running after 3 s",
    "import signal; signal.pthread_sigmask(0, range(1, 64)); time.sleep(9)": "",
    "os._exit(0)": "the process ended inside the test",
    "raise SystemExit(3)": "",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "os.kill(os.getpid(), 11)": "SIGSEGV",
    "return bytearray(64 << 30)": "MemoryError",
    "os.closerange(0, 200)": "",
    "import sys; sys.stdout.close(); sys.stderr.close(); print(1)": "",
    "os.kill(0, 9)": "SIGKILL",
    "os.kill(os.getppid(), 0); return None": "",
    "while f(x): pass": "recursion",
    "os.fork(); return 10 if os.getpid() < 0 else 11": "got 11",
    "class E(Exception):\n     __str__ = None\n    raise E": "",
}


@pytest.mark.parametrize("body", HOSTILE)
def test_an_answer_that_misbehaves_only_fails(mini, body):
    start = time.monotonic()
    got = grade(mini, f"def f(x):\n    {body}", deadline=3, cpu=1)
    assert not got.passed
    assert HOSTILE[body] in got.message
    assert got.message
    assert time.monotonic() - start < 30
    assert folders(mini) == []
    assert grade(mini, None).passed


def test_noise_and_leftovers_cost_nothing(mini):
    answer = """
import subprocess, sys, threading, time, warnings
def f(x):
    print("x" * 5_000_000)
    sys.stderr.write("y" * 5_000_000)
    warnings.warn("deprecated")
    threading.Thread(target=time.sleep, args=(600,)).start()
    f.left = subprocess.Popen(["sleep", "654.25"], start_new_session=True)
    if os.fork() == 0:
        time.sleep(654.25)
    return 10
"""
    start = time.monotonic()
    assert grade(mini, answer).passed
    assert time.monotonic() - start < 30
    assert folders(mini) == []
    if Path("/proc/self/task").exists():
        running = [
            Path("/proc", pid, "cmdline").read_bytes()
            for pid in os.listdir("/proc")
            if pid.isdigit() and Path("/proc", pid, "cmdline").exists()
        ]
        assert not [line for line in running if b"654.25" in line]


def test_files_of_a_killed_test_are_removed(mini):
    answer = r"""
import tempfile
def f(x):
    open("plain", "w").close()
    os.mkfifo("fifo")
    os.symlink("/", "root")
    open(b"odd \xff\n name", "w").close()
    held = tempfile.mkdtemp()
    for _ in range(1200):
        os.mkdir("deep")
        os.chdir("deep")
    os.chmod(held, 0)
    while True:
        pass
"""
    assert "processor time" in grade(mini, answer, deadline=20, cpu=1).message
    assert folders(mini) == []
    assert not list(Path(tempfile.gettempdir()).glob("test-*/cwd/deep"))


def test_an_answer_cell_that_stops_is_named(mini):
    got = grade(mini, "f = missing_name")
    assert "f is not defined" in got.message
    assert f"{trial.ANSWER_STOPS} NameError" in got.message
    assert trial.ANSWER_STOPS in grade(mini, "def f(x:\n  pass").message
    assert grade(mini, "def f(x): return 10\nboom").passed


def test_magics_top_level_await_and_sources_work(mini):
    answer = """
%timeit 1 + 1
!ls
import asyncio, inspect
await asyncio.sleep(0)
def f(x):
    return 10 if "unlikely words" in inspect.getsource(f) else 0
"""
    assert grade(mini, answer).passed


def test_a_broken_cell_before_an_exercise_is_an_error_or_is_passed_over():
    broken = [cell("c000", "boom()"), *CELLS]
    with (
        Trial(Path("t.ipynb"), cells=broken) as one,
        pytest.raises(CourseError, match="t-x-c000, before e1, fails: NameError"),
    ):
        one.grade("e1")
    for source, said in {
        "boom()": "boom",
        "import os; os._exit(1)": "ends the process",
        "while True: pass": "still running",
        "exit()": "SystemExit",
    }.items():
        broken[0] = cell("c000", source)
        with Trial(
            Path("t.ipynb"), cells=broken, tolerant=True, patience=0.5, only=["e2"]
        ) as one:
            assert one.grade("e2")[0].passed, source
            ((name, words),) = one.problems("e2")
            assert name == "t-x-c000"
            assert said in words


def test_unknown_exercise_and_notebook_are_named(mini, tmp_path):
    with pytest.raises(CourseError, match="no exercise 'e9'"):
        mini.grade("e9")
    with pytest.raises(CourseError, match="missing"):
        read_cells(tmp_path / "none.ipynb")
    (tmp_path / "bad.ipynb").write_text("{")
    with pytest.raises(CourseError, match="not a notebook"):
        read_cells(tmp_path / "bad.ipynb")


def test_two_threads_grade_at_once():
    with Trial(Path("t.ipynb"), cells=CELLS, copies=2) as one:
        got = []
        threads = [
            threading.Thread(target=lambda: got.append(one.grade("e1", seed="5")))
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert len(got) == 6
    assert all(o.passed for outcomes in got for o in outcomes)


def test_closing_leaves_no_process_and_no_folder():
    one = Trial(Path("t.ipynb"), cells=CELLS)
    one.grade("e1")
    base, server = one._base, one._server
    one.close()
    assert not base.exists()
    assert server.poll() is not None


def test_run_cells_in_this_process_changes_nothing_here():
    threading.Thread(target=time.sleep, args=(0.2,), daemon=True).start()
    namespace = {"f": lambda x: namespace.update(seen=1) or 10}
    here = os.getcwd()
    got = run_cells(namespace, [CELLS[3], CELLS[4]], deadline=10)
    assert [o.passed for o in got] == [True, False]
    assert "seen" not in namespace
    assert os.getcwd() == here


def test_twenty_gradings_a_second_on_one_core(mini):
    """Processor time of the whole warm process, so that a busy machine is no excuse."""
    psutil = pytest.importorskip("psutil")

    def used() -> float:
        (server,) = [psutil.Process(mini._server.pid)]
        return sum(sum(p.cpu_times()[:4]) for p in server.children(recursive=True))

    mini.grade("e1")
    before = used()
    for _ in range(40):
        mini.grade("e1")
    rate = 40 / (used() - before)
    print(f"{rate:.0f} gradings per second of one core")
    assert rate >= 20


def test_check_command_shows_all_failures_and_passes_over_others(
    built_minicourse, capsys
):
    root = built_minicourse
    work = root / "work" / "week1_demo"
    shutil.copytree(root / "release" / "week1_demo", work)
    notebook = work / "01_sums.ipynb"
    assert trial.check_command("week1_demo/01", "e2") == 1
    assert "clip is not written yet" in capsys.readouterr().out
    source = trial.json.loads(notebook.read_text())
    for one in source["cells"]:
        if one["id"] == "m1-sums-e1-answer":
            one["source"] = "1 / 0"
        if one["id"] == "m1-sums-e2-answer":
            one["source"] = "def clip(x, low, high):\n    return min(high, x)"
    notebook.write_text(trial.json.dumps(source))
    assert trial.check_command("week1_demo/01", "e2") == 0
    said = capsys.readouterr().out
    assert "passed" in said
    assert "passed over: cell m1-sums-e1-answer fails: ZeroDivisionError" in said
    assert trial.check_command("week1_demo/01", "e2", hidden=True) == 1
    said = capsys.readouterr().out
    assert "clip(-1, 0, 5)" in said
    assert "ValueError" in said
    with pytest.raises(CourseError, match="no exercise 'e3'"):
        trial.check_command("week1_demo/01", "e3")
    with pytest.raises(CourseError, match="is a week"):
        trial.check_command("week1_demo")


@pytest.mark.slow
def test_run_cells_inside_a_live_kernel():
    """Forking beside a kernel's threads and sockets neither hangs nor breaks it."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel()
    said = []

    def run(code: str) -> str:
        said.clear()
        client.execute_interactive(code, timeout=60, output_hook=said.append)
        return "".join(m["content"].get("text", "") for m in said)

    try:
        run("import numpy as np; big = np.ones((500, 500)) @ np.ones((500, 500))")
        run("def f(x):\n    print('noise', (big @ big).sum())\n    return 10 * x")
        run(
            "from course.grading.trial import as_cell, run_cells\n"
            f"cells = [{CELLS[3].source!r}, {CELLS[4].source!r}]\n"
            "cells = [as_cell({'id': f't-x-e1-grade-g{i}', 'source': s,"
            " 'metadata': {}}) for i, s in enumerate(cells)]"
        )
        for _ in range(5):
            text = run("print([o.passed for o in run_cells(vars(), cells)])")
            assert text == "[True, True]\n"
        run("def f(x):\n    while True: pass")
        text = run("print(run_cells(vars(), cells[:1], deadline=1)[0].message)")
        assert text.startswith("stopped: still running after 1 s")
        assert run("print(6 * 7)") == "42\n"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
