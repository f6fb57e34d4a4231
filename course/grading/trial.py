"""Grade notebook cells in forked processes, without a Jupyter kernel.

A kernel costs seconds to start; a fork of a process that has already run the cells
before an exercise costs milliseconds. `Trial` keeps such a warm process for every
exercise of one notebook and forks it once for each test cell of each grading, so that
no test can disturb another and an answer may hang, crash, exit, fill the memory or
leave processes behind: it only fails.

This is for proving graders and for checking one's own work. Forked processes are no
sandbox: grading a stranger's submission is the business of `course.grading.autograde`.
"""

import ast
import contextlib
import gc
import inspect
import io
import json
import linecache
import math
import os
import queue
import random
import re
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import types
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from course import paths, syllabus
from course.errors import CourseError
from course.grading.cells import Cell, as_cell, left_out, read_cells

FORKS = hasattr(os, "fork")
MEMORY = 4 << 30  # bytes that one test may allocate beyond what the process holds
FILES = 1 << 30  # bytes of the largest file that one test may write
ANSWER_STOPS = "the answer cell stops with"
ALONE = "run the answer and the check in cells of your own"
_MESSAGE = 8_000  # characters kept of one message
_REPLY = 1 << 20  # bytes accepted from a forked test


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one test cell said: `seconds` is wall time, `cpu` processor seconds.

    `group` is the exercise and the group, `e1.links`; a visible check is `e1.check`.
    """

    cell_id: str
    exercise: str
    group: str
    points: float
    passed: bool
    message: str
    seconds: float
    cpu: float = 0.0


def _outcome(test: Cell, reply: Mapping, seconds: float, cpu: float) -> Outcome:
    return Outcome(
        cell_id=test.id,
        exercise=test.exercise,
        group=test.group,
        points=test.points,
        passed=reply["passed"] is True,
        message=str(reply["message"]),
        seconds=seconds,
        cpu=cpu,
    )


# --- one cell in this process --------------------------------------------------------


class _TooSlow(BaseException):
    """A cell before the exercise ran longer than it may."""


class _NoShell:
    """Stands for IPython in cells with magics: takes every call, does nothing."""

    def __getattr__(self, name: str):
        return lambda *args, **kwargs: None


def _compile(source: str, name: str) -> types.CodeType:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        return compile(source, name, "exec", flags=flags, dont_inherit=True)
    except SyntaxError:
        if not re.search(r"^\s*[%!?]|=\s*[%!]|\?\s*$", source, re.MULTILINE):
            raise
    from IPython.core.inputtransformer2 import TransformerManager

    source = TransformerManager().transform_cell(source)
    return compile(source, name, "exec", flags=flags, dont_inherit=True)


def _run(cell: Cell, namespace: dict) -> None:
    """Execute one cell; its source stays readable for tracebacks and `inspect`."""
    name = f"<{cell.id}>"
    lines = cell.source.splitlines(keepends=True)
    linecache.cache[name] = (len(cell.source), None, lines, name)
    code = _compile(cell.source, name)
    if code.co_flags & inspect.CO_COROUTINE:
        import asyncio

        asyncio.run(eval(code, namespace))
    else:
        exec(code, namespace)


def _describe(error: BaseException) -> str:
    """Return what a failure says, even if it cannot say it properly."""
    from course import check
    from course.grading import split

    try:
        said = str(error)
    except BaseException:
        said = "<its message cannot be shown>"
    if isinstance(error, split.Lost):
        said = f"{said}\n  try: {ALONE}"
    elif not isinstance(error, check.Wrong):
        said = f"{type(error).__name__}: {said}" if said else type(error).__name__
    if len(said) > _MESSAGE:
        said = f"{said[:_MESSAGE]} … ({len(said):,} characters)"
    return said


def _test(
    namespace: dict, before: Sequence[Cell], test: Cell, seed: str, collect: bool
) -> dict:
    """Run the cells before a test, then the test; return what a `_Reply` holds."""
    _sow(seed)
    return _judge(namespace, test, collect, _run_all(namespace, before))


def _test_apart(
    namespace: dict,
    before: Sequence[Cell],
    test: Cell,
    seed: str,
    collect: bool,
    *,
    names: Iterable[str],
) -> dict:
    """Do as `_test`, but let the answer run in a fork of its own, behind a line."""
    from course.grading import split

    _sow(seed)
    wire, far = socket.socketpair()
    learner = os.fork()
    if learner == 0:
        try:
            wire.close()
            note = _run_all(namespace, before)
            split.Line(far, namespace, trusted=False, note=note).serve()
        finally:
            os._exit(0)
    far.close()
    try:
        line = split.Line(wire, namespace, trusted=True)
        stopped = line.bind(names)
        _run_all(namespace, [cell for cell in before if cell.role != "answer"])
        reply = _judge(namespace, test, collect, stopped)
    except BaseException as error:
        reply = {"passed": False, "message": _describe(error)}
    wire.close()
    gone = split.GONE in reply["message"]
    ended = _wait(learner, 1.0 if gone else 0.0)
    if ended is None:
        # It may run on, deaf; killed, it still counts among what was used.
        os.kill(learner, signal.SIGKILL)
        os.waitpid(learner, 0)
    elif gone:
        reply["message"] = _why(ended[1], False, 0, _processor_time())
    return reply


def _processor_time() -> float:
    """Return how many seconds of it this process may use."""
    import resource

    return resource.getrlimit(resource.RLIMIT_CPU)[0]


def _tests_apart(
    namespace: dict,
    steps: Sequence[tuple[Sequence[Cell], Cell]],
    seed: str,
    journal: Path,
    *,
    names: Iterable[str],
    listener: socket.socket,
) -> dict:
    """Judge, by tests on one line, the answer of whoever connects to `listener`.

    Each verdict is noted in `journal` at once. Of several tests, those that met a lost
    line have none: each of them needs a line of its own.
    """
    from course.grading import split

    wire, _ = listener.accept()
    with wire, journal.open("w", encoding="utf-8") as notes:
        line = split.Line(wire, namespace, trusted=True)
        try:
            stopped = line.bind(names)
        except split.Lost as error:
            if len(steps) == 1:
                verdict = {"passed": False, "message": _describe(error)}
                print(json.dumps(verdict), file=notes)
            steps = ()
        ran: set[str] = set()
        for before, test in steps:
            _sow(seed)
            fresh = [c for c in before if c.role != "answer" and c.id not in ran]
            _run_all(namespace, fresh)
            ran.update(cell.id for cell in fresh)
            line.forget_failure()
            verdict = _judge(namespace, test, False, stopped)
            if verdict.pop("lost") and len(steps) > 1:
                break
            print(json.dumps(verdict), file=notes, flush=True)
    return {"passed": True, "message": ""}


def _sow(seed: str) -> None:
    os.environ["COURSE_SEED"] = seed
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(random.getrandbits(32))


def _run_all(namespace: dict, cells: Iterable[Cell]) -> str:
    """Run cells, whatever they do; return why an answer stopped, or ""."""
    stopped = ""
    for cell in cells:
        try:
            _run(cell, namespace)
        except BaseException as error:
            if cell.role == "answer":
                stopped = _describe(error)
    return stopped


def _judge(namespace: dict, test: Cell, collect: bool, stopped: str) -> dict:
    from course import check
    from course.grading import split

    said, lost = [], False
    try:
        if collect:
            with check.collect() as wrongs:
                try:
                    _run(test, namespace)
                finally:
                    said = [_describe(wrong) for wrong in wrongs]
        else:
            _run(test, namespace)
    except BaseException as error:
        lost = isinstance(error, split.Lost)
        if (last := _describe(error)) not in said:
            said.append(last)
    if said and stopped:
        said.append(f"{ANSWER_STOPS} {stopped}")
    return {"passed": not said, "message": "\n\n".join(said), "lost": lost}


def _defined(source: str) -> set[str]:
    """Return the names that an answer cell defines; an import defines none."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return set()
    found = {one.name for one in body if hasattr(one, "name")}
    for one in body:
        targets = getattr(one, "targets", [getattr(one, "target", None)])
        found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


# --- one cell in a forked process ----------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Ending:
    """How a forked process ended: its reply, or why there is none."""

    reply: dict | None
    why: str
    seconds: float
    cpu: float


class _Orphaned(Exception):
    """Whoever asked for this grading is gone."""


class _Deaf(Exception):
    """The learner's code cannot be listened to."""


def _limit(cpu: float) -> None:
    import resource

    def bound(kind: int, soft: int, hard: int) -> None:
        now = resource.getrlimit(kind)[1]
        if now != resource.RLIM_INFINITY:
            soft, hard = min(soft, now), min(hard, now)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (soft, hard))

    held = 0
    with contextlib.suppress(OSError):
        pages = Path("/proc/self/statm").read_text().split()[0]
        held = int(pages) * resource.getpagesize()
    bound(resource.RLIMIT_CORE, 0, 0)
    bound(resource.RLIMIT_CPU, math.ceil(cpu), math.ceil(cpu) + 1)
    bound(resource.RLIMIT_FSIZE, FILES, FILES)
    bound(resource.RLIMIT_AS, held + MEMORY, held + MEMORY)


def _be_the_child(work: Callable[[], dict], writer: int, folder: Path, cpu: float):
    """Do `work` in the forked process, send its reply, and end without clean-up."""
    status = 1
    try:
        me = os.getpid()
        os.setpgid(0, 0)
        # Objects of the parent are left alone: collecting them here could close its
        # sockets or wait for threads that do not exist in a forked process.
        gc.freeze()
        for number in (signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD, signal.SIGXCPU):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        sys.stdin = sys.__stdin__ = os.fdopen(0, closefd=False)
        for name, stream in (("stdout", 1), ("stderr", 2)):
            quiet = os.fdopen(stream, "w", encoding="utf-8", closefd=False)
            setattr(sys, name, quiet)
            setattr(sys, f"__{name}__", quiet)
        os.chdir(folder)
        os.environ["TMPDIR"] = str(folder.parent / "tmp")
        tempfile.tempdir = None
        _limit(cpu)
        text = json.dumps(work()).encode() + b"\n"
        # An answer that forks and returns twice gets one reply: the first process's.
        if os.getpid() == me:
            while text:
                text = text[os.write(writer, text) :]
            status = 0
    finally:
        os._exit(status)


def _fork(
    work: Callable[[], dict],
    folder: Path,
    *,
    deadline: float,
    cpu: float,
    asker: Connection | None = None,
) -> _Ending:
    """Do `work` in a forked process and return its reply; kill whatever it leaves.

    The child, its process group and, where the kernel tells, its other descendants are
    gone when this returns. Raises _Orphaned when `asker` closes its end meanwhile.
    """
    reader, writer = os.pipe()
    start = time.monotonic()
    with warnings.catch_warnings():
        # Python 3.12 warns of forking beside threads: the child only runs the test,
        # and a lock that it would wait for in vain costs it its deadline, not ours.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        if asker is not None:
            os.close(asker.fileno())
        os.close(reader)
        _be_the_child(work, writer, folder, cpu)
    os.close(writer)
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)
    watch = select.poll()
    watch.register(reader, select.POLLIN)
    if asker is not None:
        watch.register(asker.fileno(), select.POLLIN)
    text, late, done, orphaned = b"", False, None, False
    try:
        while not text.endswith(b"\n") and len(text) < _REPLY:
            left = deadline - (time.monotonic() - start)
            if left <= 0:
                late = True
                break
            ready = {fd for fd, _ in watch.poll(min(left, 0.05) * 1000)}
            if asker is not None and asker.fileno() in ready:
                orphaned = True
                break
            if reader in ready:
                block = os.read(reader, 1 << 16)
                if not block:
                    break
                text += block
            elif (ended := os.wait4(pid, os.WNOHANG))[0]:
                done = ended  # something it left behind may hold the pipe open
                text += _rest(reader)  # it may have written since we looked
                break
        seconds = time.monotonic() - start
        if not text and not late and not orphaned and done is None:
            done = _wait(pid, 1.0)
    finally:
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
        os.close(reader)
        if done is None:
            done = os.wait4(pid, 0)
        _end_descendants()
    if orphaned:
        raise _Orphaned
    _, status, used = done
    spent = used.ru_utime + used.ru_stime
    reply = None
    if text.endswith(b"\n"):
        with contextlib.suppress(ValueError):
            reply = json.loads(text)
    why = "" if reply else _why(status, late, deadline, cpu)
    return _Ending(reply, why, seconds, spent)


def _rest(pipe: int) -> bytes:
    """Return what can be read from a pipe without waiting."""
    os.set_blocking(pipe, False)
    found = b""
    with contextlib.suppress(BlockingIOError):
        while len(found) < _REPLY and (block := os.read(pipe, 1 << 16)):
            found += block
    return found


def _wait(pid: int, seconds: float) -> tuple | None:
    """Return how `pid` ended, or None if it still runs after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (ended := os.wait4(pid, os.WNOHANG))[0]:
            return ended
        time.sleep(0.001)
    return None


def _why(status: int, late: bool, deadline: float, cpu: float) -> str:
    """Say in a learner's words why a forked test sent no reply."""
    look = "  try: look for a loop or a wait that never ends"
    if late:
        return f"stopped: still running after {deadline:.3g} s\n{look}"
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGXCPU:
        return f"stopped: used more than {math.ceil(cpu)} s of processor time\n{look}"
    if code < 0:
        what = f"the process crashed ({signal.Signals(-code).name})"
    else:
        what = f"the process ended inside the test (exit status {code})"
    return f"{what}\n  try: {ALONE}"


def _adopt_descendants() -> None:
    """Let what a test leaves behind become our child (Linux), so that we can end it."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def _end_descendants() -> None:
    """End adopted processes. A process that never adopts has none of them here."""
    if not _Stage.adopts:
        return
    mine = Path(f"/proc/self/task/{os.getpid()}/children")
    with contextlib.suppress(OSError):
        while left := mine.read_text().split():
            for child in map(int, left):
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)


@contextlib.contextmanager
def _folders(base: Path | None, filled: Path | None) -> Iterator[Path]:
    """Yield a new working folder with what `filled` holds; remove it afterwards."""
    own = Path(tempfile.mkdtemp(prefix="test-", dir=base))
    try:
        (own / "tmp").mkdir()
        if filled is not None and any(filled.iterdir()):
            shutil.copytree(filled, own / "cwd", symlinks=True)
        else:
            (own / "cwd").mkdir()
        yield own / "cwd"
    finally:
        _remove(own)


def _remove(top: Path) -> None:
    """Remove a folder however deep, whatever it holds and however it is locked.

    Folders inside are first moved to the top, so that no path ever grows long.
    """
    root, count = os.fsencode(top), 0
    with contextlib.suppress(OSError):
        waiting = [root]
        while waiting:
            folder = waiting[-1]
            os.chmod(folder, 0o700)
            inner = []
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        inner.append(entry.path)
                    else:
                        os.unlink(entry.path)
            if not inner:
                os.rmdir(waiting.pop())
                continue
            for path in inner:
                count += 1
                moved = os.path.join(root, b"%d.moved" % count)
                os.chmod(path, 0o700)
                os.rename(path, moved)
                waiting.append(moved)


def run_cells(
    namespace: dict,
    cells: Iterable[Cell | Mapping],
    *,
    deadline: float = 10.0,
    collect: bool = False,
    before: Sequence[Cell] = (),
    seed: str = "0",
    cpu: float | None = None,
    stop: bool = False,
) -> list[Outcome]:
    """Run test cells against a namespace, each in its own forked process.

    Nothing a test does changes `namespace` or this process. `deadline` (wall seconds)
    and `cpu` (processor seconds, by default twice the deadline) hold for each cell;
    the cells of `before` run in each child first. `collect` gathers every failure of
    a cell instead of its first; `stop` ends after the first cell that fails.
    A test that hangs, crashes or exits is an Outcome that did not pass. Safe to call
    in a live kernel. Without fork (Windows) the cells run here, on a shallow copy of
    the namespace, and no limit is enforced.
    """
    return _run_cells(
        namespace,
        [(list(before), as_cell(cell)) for cell in cells],
        deadline=deadline,
        collect=collect,
        seed=seed,
        cpu=cpu,
        stop=stop,
    )


def _run_cells(
    namespace: dict,
    steps: list[tuple[list[Cell], Cell]],
    *,
    deadline: float,
    seed: str,
    collect: bool = False,
    cpu: float | None = None,
    stop: bool = False,
    base: Path | None = None,
    filled: Path | None = None,
    asker: Connection | None = None,
    names: Iterable[str] = (),
) -> list[Outcome]:
    outcomes = []
    for before, test in steps:
        if FORKS:
            run = partial(_test, namespace, before, test, seed, collect)
            if test.mode == "split" and names:
                run = partial(_test_apart, *run.args, names=names)
            with _folders(base, filled) as folder:
                ending = _fork(
                    run,
                    folder,
                    deadline=deadline,
                    cpu=cpu or 2 * deadline,
                    asker=asker,
                )
        else:
            start, used = time.monotonic(), time.process_time()
            with contextlib.redirect_stdout(io.StringIO()):
                reply = _test(dict(namespace), before, test, seed, collect)
            seconds, spent = time.monotonic() - start, time.process_time() - used
            ending = _Ending(reply, "", seconds, spent)
        reply = ending.reply or {"passed": False, "message": ending.why}
        outcomes.append(_outcome(test, reply, ending.seconds, ending.cpu))
        if stop and not outcomes[-1].passed:
            break
    return outcomes


def _judge_apart(
    namespace: dict,
    steps: list[tuple[list[Cell], Cell]],
    *,
    deadline: float,
    seed: str,
    base: Path,
    asker: Connection,
    names: Iterable[str],
    listener: socket.socket,
) -> list[Outcome]:
    """Return the outcomes of tests that share one process and one line.

    The one that hangs or crashes is the last; those behind it are left out.
    """
    with _folders(base, base / "cwd") as folder:
        journal = folder.parent / "judged"
        work = partial(_tests_apart, namespace, steps, seed, journal)
        ending = _fork(
            partial(work, names=names, listener=listener),
            folder,
            deadline=deadline,
            cpu=2 * deadline,
            asker=asker,
        )
        lines = journal.read_text("utf-8").splitlines() if journal.exists() else []
    verdicts = [json.loads(line) for line in lines]
    if ending.why and len(verdicts) < len(steps):
        verdicts.append({"passed": False, "message": ending.why})
    share = ending.cpu / max(1, len(verdicts))
    return [
        _outcome(test, verdict, ending.seconds, share)
        for (_, test), verdict in zip(steps, verdicts, strict=False)
    ]


# --- the warm processes --------------------------------------------------------------


class _Stage:
    """A namespace in which the cells before an exercise have run."""

    adopts = False  # set in a warm process: what tests leave behind comes to it

    def __init__(self, cells: list[Cell], skip: Mapping[str, str], patience: float):
        self.cells, self.skip, self.patience = cells, skip, patience
        self.at = 0
        self.problems: list[list[str]] = []
        # Classes look their module up by name, and a notebook's cells are `__main__`.
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        self.namespace = module.__dict__
        self.namespace["display"] = lambda *things, **options: None
        self.namespace["get_ipython"] = _NoShell

    def run_until(self, exercise: str, note: Path | None = None) -> None:
        """Run every cell before the answer of `exercise`, but tests and looks."""
        while self.cells[self.at].role != "answer" or (
            self.cells[self.at].exercise != exercise
        ):
            cell = self.cells[self.at]
            self.at += 1
            if cell.tests or cell.role == "look":
                continue
            if cell.id in self.skip:
                self.problems.append([cell.id, self.skip[cell.id]])
                continue
            if note is not None:
                note.write_text(cell.id, "utf-8")
            try:
                with _alarm(self.patience):
                    _run(cell, self.namespace)
            except _TooSlow:
                said = f"still running after {self.patience:.3g} s"
                self.problems.append([cell.id, said])
            except BaseException as error:
                self.problems.append([cell.id, _describe(error)])

    def names(self, exercise: str) -> set[str]:
        """Return what the answers define, up to the one of this exercise."""
        found: set[str] = set()
        for cell in self.cells:
            if cell.role == "answer":
                found |= _defined(cell.source)
                if cell.exercise == exercise:
                    break
        return found

    def steps(
        self, exercise: str, answer: str | None, groups: list[str]
    ) -> list[tuple[list[Cell], Cell]]:
        """Return each test cell of the exercise with the cells to run before it."""
        found, before = {}, []
        for cell in self.cells[self.at :]:
            if cell.tests and cell.exercise == exercise:
                found[cell.group] = (list(before), cell)
            elif cell.tests or cell.role == "look":
                continue
            elif cell.role == "answer" and cell.exercise == exercise:
                before.append(cell if answer is None else replace(cell, source=answer))
            else:
                before.append(cell)
        return [found[group] for group in groups]


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise _TooSlow inside after `seconds`; no limit where there is no such signal."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def ring(number, frame):
        raise _TooSlow

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _serve() -> None:
    """Become the notebook's process: run its cells, leave a warm fork per exercise."""
    order = json.loads(sys.stdin.buffer.read())
    base = Path(order["base"])
    import course.check  # every test needs it: import it once
    import course.grading.split  # noqa: F401

    cells = [Cell(**cell) for cell in order["cells"]]
    stage = _Stage(cells, order["skip"], order["patience"])
    every = [fd for links in order["links"].values() for fd in links]
    for exercise, links in order["links"].items():
        stage.run_until(exercise, base / "running")
        gc.collect()
        gc.freeze()  # collections in the forks leave these pages shared
        for fd in links:
            if os.fork() == 0:
                for other in every:
                    if other != fd:
                        os.close(other)
                with contextlib.suppress(EOFError, OSError, _Orphaned):
                    _be_warm(stage, exercise, Connection(fd), base)
                os._exit(0)
            os.close(fd)
            every.remove(fd)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def _be_warm(stage: _Stage, exercise: str, asker: Connection, base: Path) -> None:
    """Answer gradings of one exercise until the asker closes its end."""
    _Stage.adopts = True
    _adopt_descendants()
    asker.send_bytes(json.dumps(stage.problems).encode())
    names = stage.names(exercise)
    while True:
        asked = json.loads(asker.recv_bytes())
        answer, groups = asked.pop("answer", None), asked.pop("groups")
        steps = stage.steps(exercise, answer, groups)
        mark, path = asked.pop("mark", ""), asked.pop("line", "")
        place = {"base": base, "asker": asker, "names": names}
        try:
            with _listening(path) as listener:
                if listener is None:
                    outcomes = _run_cells(
                        stage.namespace, steps, filled=base / "cwd", **place, **asked
                    )
                else:
                    asker.send_bytes(json.dumps([mark, "listening"]).encode())
                    outcomes = _judge_apart(
                        stage.namespace, steps, listener=listener, **place, **asked
                    )
        except _Orphaned:
            continue  # whoever asks next is heard; nobody at all ends this process
        except _Deaf as error:
            asker.send_bytes(json.dumps([mark, "listening"]).encode())
            said = f"no line to your code: {error}\n  try: leave fewer files behind"
            reply = {"passed": False, "message": said}
            outcomes = [_outcome(test, reply, 0.0, 0.0) for _, test in steps]
        told = [asdict(one) for one in outcomes]
        asker.send_bytes(json.dumps([mark, told]).encode())


@contextlib.contextmanager
def _listening(path: str) -> Iterator[socket.socket | None]:
    """Yield a socket that listens at `path`, for any user; without a path, None.

    Raises _Deaf where it cannot: the folder is the learner's, who may have filled it.
    """
    if not path:
        yield None
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        # By mask and not by chmod, which would follow a link put there meanwhile.
        before = os.umask(0)
        try:
            listener.bind(path)
        except OSError as error:
            raise _Deaf(str(error)) from None
        finally:
            os.umask(before)
        listener.listen(1)
        try:
            yield listener
        finally:
            with contextlib.suppress(OSError):
                os.unlink(path)


class Trial:
    """Grades answers to the exercises of one notebook, many a second.

    `copies` warm processes stand ready for each exercise, so that as many threads may
    call `grade` at once. `only` names the exercises wanted; `hashseed` fixes the order
    of sets of strings. A cell before an exercise may take `patience` seconds. Such a
    cell that fails makes `grade` raise CourseError; with `tolerant=True` it is listed
    in `problems` and passed over. `cells` replaces what the file holds.

    Use it as a context manager, or call `close`. Cells run with COURSE_HEADLESS=1,
    drawings to nowhere, one BLAS thread, in a folder of their own that holds copies
    of the files beside the notebook.
    """

    def __init__(
        self,
        notebook: Path,
        *,
        copies: int = 1,
        only: Sequence[str] | None = None,
        hashseed: str = "0",
        patience: float = 120.0,
        tolerant: bool = False,
        cells: list[Cell] | None = None,
    ) -> None:
        self.notebook = Path(notebook)
        self._cells = read_cells(self.notebook) if cells is None else cells
        self._copies, self._hashseed = copies, hashseed
        self._patience, self._tolerant = patience, tolerant
        answered = [c.exercise for c in self._cells if c.role == "answer"]
        self.exercises = [e for e in answered if only is None or e in only]
        self._skip: dict[str, str] = {}
        self._links: dict[str, queue.Queue] = {}
        self._fresh: set[Connection] = set()
        self._problems: dict[str, list[tuple[str, str]]] = {}
        self._starting = threading.Lock()
        self._copy = 0
        self._end: Callable[[], None] | None = None

    def __enter__(self) -> "Trial":
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def cells(self, exercise: str) -> list[Cell]:
        """Return the test cells of an exercise: its check, then its hidden groups."""
        self._known(exercise)
        return [c for c in self._cells if c.tests and c.exercise == exercise]

    def before(self, exercise: str) -> list[Cell]:
        """Return the cells that run before the answer of an exercise."""
        self._known(exercise)
        found = []
        for cell in self._cells:
            if cell.role == "answer" and cell.exercise == exercise:
                break
            if not cell.tests and cell.role != "look":
                found.append(cell)
        return found

    def groups(self, exercise: str) -> list[str]:
        """Return the groups of an exercise, such as `['e1.check', 'e1.links']`."""
        return [cell.group for cell in self.cells(exercise)]

    def reference(self, exercise: str) -> str:
        """Return the notebook's own text of an answer cell (in release/, the stub)."""
        self._known(exercise)
        return next(
            c.source
            for c in self._cells
            if c.role == "answer" and c.exercise == exercise
        )

    def problems(self, exercise: str) -> list[tuple[str, str]]:
        """Return the cells before an exercise that failed, with what they said."""
        if FORKS:
            with self._warm(exercise):
                pass
        return self._problems.get(exercise, [])

    def grade(
        self,
        exercise: str,
        answer: str | None = None,
        seed: str = "0",
        *,
        groups: Sequence[str] | None = None,
        collect: bool = False,
        stop: bool = False,
        deadline: float = 10.0,
        cpu: float | None = None,
    ) -> list[Outcome]:
        """Grade one answer (by default the notebook's own), one Outcome per group.

        `groups` chooses the groups and their order; the other words are those of
        `run_cells`. A cell of mode=split runs in a process without the answer, as it
        does when a class is graded; see `course.grading.split`. Raises CourseError when
        the exercise is unknown or cannot be reached.
        """
        groups = self.groups(exercise) if groups is None else list(groups)
        asked = {
            "answer": answer,
            "groups": groups,
            "seed": seed,
            "collect": collect,
            "stop": stop,
            "deadline": deadline,
            "cpu": cpu,
        }
        if not FORKS:
            return self._grade_here(exercise, asked)
        with self._warm(exercise) as link:
            if self._problems[exercise] and not self._tolerant:
                raise self._unreachable(exercise, *self._problems[exercise][0])
            try:
                link.send_bytes(json.dumps(asked).encode())
                if not link.poll((deadline + 5) * max(1, len(groups)) + 20):
                    raise EOFError
                _, told = json.loads(link.recv_bytes())
                return [Outcome(**one) for one in told]
            except (EOFError, OSError):
                self.close()
                raise CourseError(
                    f"{self.notebook}: the process that grades {exercise} is gone",
                    cure="try again; if it happens twice, run the cells in JupyterLab",
                ) from None

    def start(self) -> None:
        """Start every process, and do not wait for them."""
        with self._starting:
            if self._end is None:
                self._start()

    def open(self) -> None:
        """Wait until every process has run the cells before its exercise."""
        if self._end is not None and not self._fresh:
            return
        for exercise in self.exercises:
            with contextlib.ExitStack() as stack:
                for _ in range(self._copies):
                    stack.enter_context(self._warm(exercise))

    def judge(
        self,
        exercise: str,
        groups: Sequence[str],
        seed: str,
        path: str,
        *,
        deadline: float,
    ) -> "Judging":
        """Start judging, by these groups, the answer of whoever connects to `path`.

        Several groups share one line, one process and the `deadline`; what stops one
        of them leaves those behind it without an outcome. Each process that calls this
        after a fork of an open trial must `choose` its copy before. Raises CourseError
        when nobody listens there in time.
        """
        link = list(self._links[exercise].queue)[self._copy]
        judging = Judging(link, secrets.token_hex(8), deadline)
        asked = {
            "groups": list(groups),
            "seed": seed,
            "deadline": deadline,
            "line": path,
            "mark": judging.mark,
        }
        link.send_bytes(json.dumps(asked).encode())
        if judging.hear(deadline + 30) != "listening":
            raise CourseError(f"nobody judges {exercise}", cure="course doctor")
        return judging

    def choose(self, copy: int) -> None:
        """Use this one of the copies from now on."""
        self._copy = copy

    def close(self) -> None:
        """End the processes and remove their folder; the next `grade` starts anew."""
        if self._end is not None:
            self._end()
        self._end, self._links, self._fresh = None, {}, set()

    def _known(self, exercise: str) -> None:
        if exercise not in self.exercises:
            have = ", ".join(self.exercises) or "none"
            raise CourseError(
                f"{self.notebook} has no exercise {exercise!r} with an answer cell",
                cure=f"its exercises: {have}",
            )

    def _grade_here(self, exercise: str, asked: dict) -> list[Outcome]:
        os.environ["COURSE_HEADLESS"] = "1"
        stage = _Stage(self._cells, self._skip, self._patience)
        stage.run_until(exercise)
        self._problems[exercise] = [(c, said) for c, said in stage.problems]
        steps = stage.steps(exercise, asked.pop("answer"), asked.pop("groups"))
        return _run_cells(stage.namespace, steps, **asked)

    def _unreachable(self, exercise: str, cell: str, said: str) -> CourseError:
        return CourseError(
            f"{self.notebook}: cell {cell}, before {exercise}, fails: {said}",
            cure="mend that cell; the exercise is reached through it",
        )

    @contextlib.contextmanager
    def _warm(self, exercise: str) -> Iterator[Connection]:
        """Lend a free warm process of the exercise, started if need be."""
        self._known(exercise)
        while True:
            with self._starting:
                if self._end is None:
                    self._start()
                links = self._links[exercise]
            link = links.get()
            try:
                if link not in self._fresh or self._is_ready(exercise, link):
                    yield link
                    return
            finally:
                links.put(link)

    def _is_ready(self, exercise: str, link: Connection) -> bool:
        """Wait for a new warm process; False when it must be started once more."""
        waited = link.poll(self._patience * 2 + 30)
        try:
            told = json.loads(link.recv_bytes()) if waited else None
        except (EOFError, OSError):
            told = None
        if told is not None:
            self._fresh.discard(link)
            self._problems[exercise] = [(cell, said) for cell, said in told]
            return True
        cell = (self._base / "running").read_text("utf-8")
        said = "it ends the process" if waited else "it never ends"
        self.close()
        if not self._tolerant or cell in self._skip:
            raise self._unreachable(exercise, cell, said)
        self._skip[cell] = said
        return False

    def _start(self) -> None:
        base = self._base = Path(tempfile.mkdtemp(prefix="trial-"))
        (base / "tmp").mkdir()
        (base / "cwd").mkdir()
        (base / "running").touch()
        for file in self.notebook.parent.iterdir() if self.notebook.exists() else ():
            if file.suffix == ".ipynb" or file.name.startswith("."):
                continue
            copy = shutil.copytree if file.is_dir() else shutil.copy2
            copy(file, base / "cwd" / file.name)
        theirs: dict[str, list[int]] = {}
        ours = []
        for exercise in self.exercises:
            self._links[exercise] = queue.Queue()
            for _ in range(self._copies):
                near, far = socket.socketpair()
                ours.append(Connection(near.detach()))
                self._links[exercise].put(ours[-1])
                theirs.setdefault(exercise, []).append(far.detach())
        self._fresh = set(ours)
        passed = [fd for links in theirs.values() for fd in links]
        package = str(Path(__file__).resolve().parents[2])
        seen = os.environ.get("PYTHONPATH")
        server = self._server = subprocess.Popen(
            [sys.executable, "-c", "from course.grading import trial; trial._serve()"],
            cwd=base / "cwd",
            env={
                **os.environ,
                "COURSE_HEADLESS": "1",
                "MPLBACKEND": "agg",
                "OMP_NUM_THREADS": "1",
                "OPENBLAS_NUM_THREADS": "1",
                "MKL_NUM_THREADS": "1",
                "PYTHONHASHSEED": self._hashseed,
                "PYTHONPATH": package + (os.pathsep + seen if seen else ""),
                "TMPDIR": str(base / "tmp"),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=passed,
            start_new_session=True,
        )
        self._end = weakref.finalize(self, _finish, server, ours, base)
        for fd in passed:
            os.close(fd)
        order = {
            "base": str(base),
            "cells": [asdict(cell) for cell in self._cells],
            "links": theirs,
            "skip": self._skip,
            "patience": self._patience,
        }
        with contextlib.suppress(BrokenPipeError), server.stdin as out:
            out.write(json.dumps(order).encode())


_judges: dict[tuple[Path, int], Trial | None] = {}


def judges(notebook: Path, copies: int = 1) -> Trial | None:
    """Return the processes that judge a notebook of `source/`, made but once.

    They start with `start`. None where there is no such notebook, or nothing in it is
    judged apart.
    """
    there = notebook.is_file() and FORKS
    version = notebook, notebook.stat().st_mtime_ns if there else 0
    if version not in _judges:
        cells = read_cells(notebook) if there else []
        only = sorted({cell.exercise for cell in cells if cell.mode == "split"})
        out = left_out(cells)
        run = [cell for cell in cells if cell.id not in out]
        _judges[version] = (
            Trial(notebook, copies=copies, only=only, tolerant=True, cells=run)
            if only
            else None
        )
    return _judges[version]


class Judging:
    """A test under way in another process; see `Trial.judge`."""

    def __init__(self, link: Connection, mark: str, deadline: float) -> None:
        self.link, self.mark, self.deadline = link, mark, deadline

    def done(self) -> bool:
        """Return whether the outcomes are there."""
        return self.link.poll()

    def outcomes(self) -> list[Outcome]:
        """Wait for the outcomes. Raises CourseError when none come."""
        told = self.hear(self.deadline + 30)
        if not isinstance(told, list):
            raise CourseError("a test sent no outcome", cure="course doctor")
        return [Outcome(**one) for one in told]

    def hear(self, seconds: float) -> object:
        """Return the next message about this test; None if none comes in time."""
        end = time.monotonic() + seconds
        while self.link.poll(max(0, end - time.monotonic())):
            mark, told = json.loads(self.link.recv_bytes())
            if mark == self.mark:  # else it answers someone who is gone
                return told
        return None


def _finish(server: subprocess.Popen, links: list[Connection], base: Path) -> None:
    """Close the links, which ends the warm processes, and remove their folder."""
    for link in links:
        link.close()
    try:
        server.wait(2)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    _remove(base)


# --- `course check` ------------------------------------------------------------------


def check_command(
    target: str, exercise: str | None = None, *, hidden: bool = False
) -> int:
    """Print every failure of one exercise, or of all, of the notebook in work/.

    With `hidden` the hidden groups of source/ run too, where source/ is on this disk.
    One exercise is given 10 s. Returns 1 if anything fails, else 0. Raises CourseError
    when the notebook or the exercise does not exist.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    chosen = syllabus.resolve(target)
    if len(chosen) != 1:
        have = ", ".join(one.name for one in chosen) or "none yet"
        raise CourseError(
            f"{target} is a week; a check is of one notebook: {have}",
            cure=f"course check {target}/01 e1",
        )
    place = Path(chosen[0].week) / f"{chosen[0].name}.ipynb"
    cells = _learners_cells(place, hidden)
    table = Table(box=None, pad_edge=False)
    for heading in ("test", "points", "result"):
        table.add_column(heading, no_wrap=heading != "result")
    asked = None if exercise is None else [exercise]
    failed, notes = False, []
    with Trial(
        paths.root() / "work" / place,
        only=asked,
        patience=2.0,
        tolerant=True,
        cells=cells,
    ) as trial:
        for one in asked or trial.exercises:
            end = time.monotonic() + 10
            for group in [c.group for c in trial.cells(one) if c.source.strip()]:
                left = end - time.monotonic()
                said = "not run: the 10 s of this exercise are used up"
                if left > 0.1:
                    (got,) = trial.grade(
                        one, groups=[group], collect=True, deadline=min(left, 9.5)
                    )
                    said = got.message
                points = next(c.points for c in trial.cells(one) if c.group == group)
                failed |= bool(said)
                result = Text(said, "red") if said else Text("passed", "green")
                table.add_row(group, f"{points:g}", result)
            for problem in trial.problems(one):
                if problem not in notes:
                    notes.append(problem)
    console.print(table)
    for cell, said in notes:
        console.print(f"passed over: cell {cell} fails: {said}", markup=False)
    return int(failed)


def _learners_cells(place: Path, hidden: bool) -> list[Cell]:
    """Return the cells of the notebook in work/, with tests as they were released."""
    root = paths.root()
    work = root / "work" / place
    if not work.exists():
        raise CourseError(f"{work} is missing", cure=f"course start {place.parent}")
    tests: dict[str, Cell] = {}
    if (released := root / "release" / place).exists():
        tests = {c.id: c for c in read_cells(released) if c.role == "check"}
    if hidden:
        source = root / "source" / place
        if not source.exists():
            raise CourseError(
                f"the hidden tests are not on this disk: {source} is missing",
                cure=f"course check {place.with_suffix('')}   runs the visible ones",
            )
        tests |= {c.id: c for c in read_cells(source) if c.tests}
    mine = read_cells(work)
    if not tests:
        return [c for c in mine if c.role != "grade"]
    cells = []
    for cell in mine:
        if not cell.tests:
            cells.append(cell)
        if cell.role == "answer":
            cells += [t for t in tests.values() if t.exercise == cell.exercise]
    return cells
