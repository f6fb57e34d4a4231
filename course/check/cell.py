"""Running one test cell: quietly, with its own numbers, and with a clear verdict."""

import builtins
import contextlib
import hashlib
import io
import linecache
import os
import re
import sys
import sysconfig
import tempfile
import threading
import traceback
import types
import warnings
import weakref
from collections.abc import Callable, Iterator

import numpy as np

from course.check import compare
from course.check.paste import one_line
from course.check.wrong import Fatal, Wrong, collecting

_NOISE = 4000  # characters of captured output that are kept
ABOVE = "run the cells above, top to bottom, then this one again"
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_LIBRARIES = tuple(
    {sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
)
_running: list["_Test"] = []


class _Test:
    def __init__(self, body: Callable[[], object], grade_id: str, hidden: bool) -> None:
        self.body = body
        self.grade_id = grade_id
        self.hidden = hidden
        self.draws = 0
        self.others = 0
        self.codes = set(_codes(body.__code__))


def seed() -> str:
    """Return the seed of this submission: `COURSE_SEED`, or "0"."""
    return os.environ.get("COURSE_SEED") or "0"


def rng() -> np.random.Generator:
    """Return a generator whose numbers depend on the running test alone.

    In a hidden test they follow from `COURSE_SEED` and the grade_id, in a visible
    one from the grade_id; the second call in a test starts a second stream.

    >>> rng().integers(100, size=3).tolist()
    [2, 54, 55]
    """
    if not _running:
        return np.random.default_rng(_number("0", "", 0))
    test = _running[-1]
    test.draws += 1
    own = seed() if test.hidden else "0"
    return np.random.default_rng(_number(own, test.grade_id, test.draws))


def _number(own: str, grade_id: str, draw: int) -> int:
    digest = hashlib.sha256(f"{own}\n{grade_id}\n{draw}".encode()).digest()
    return int.from_bytes(digest[:16], "big")


def visible(grade_id: str, points: float | None = None) -> Callable:
    """Return a decorator that runs a visible test at once and says "passed".

    >>> @visible("w1-dedup-e1-check", points=3)
    ... def e1_check():
    ...     assert 1 + 1 == 2
    e1 check: passed
    """
    return lambda body: _run(_Test(body, grade_id, hidden=False))


def hidden(grade_id: str, points: float | None = None) -> Callable:
    """Return a decorator that runs a hidden test at once, seeded per submission.

    >>> @hidden("w1-dedup-e1-grade-links", points=5)
    ... def e1_links():
    ...     assert rng().integers(100) >= 0
    e1 links: passed (hidden inputs: seed 0)
    """
    return lambda body: _run(_Test(body, grade_id, hidden=True))


def title(grade_id: str) -> str:
    """Return what a learner calls the test.

    >>> title("w1-dedup-e1-grade-links"), title("w1-dedup-e2-check")
    ('e1 links', 'e2 check')
    """
    found = re.search(r"-(e\d+)-(?:grade-)?(.+)$", grade_id)
    return f"{found[1]} {found[2]}" if found else grade_id


def _run(test: _Test) -> None:
    wrongs = collecting()
    known = len(wrongs) if wrongs is not None else 0
    _running.append(test)
    wrong = None
    with _quiet(test.hidden) as noise:
        try:
            test.body()
        except Wrong as caught:
            wrong = type(caught)(*caught.args)
        except BaseException as error:
            if _is_ours(error):
                raise
            cascade = wrongs is not None and len(wrongs) > known
            wrong = None if cascade else _explain(error, test)
        finally:
            _running.pop()
    if wrong is not None and wrongs is not None:
        wrongs.append(wrong)
        wrong = None
    failed = wrong is not None or (wrongs is not None and len(wrongs) > known)
    if failed and noise.getvalue().strip():
        print("on stderr while this ran (costs no points):")
        print(noise.getvalue().rstrip())
    if wrong is not None:
        # Raised here, past every handler, so that no other error hangs on to it.
        raise wrong
    if not failed:
        replay = f" (hidden inputs: seed {seed()})" if test.hidden else ""
        print(f"{title(test.grade_id)}: passed{replay}")


def _is_ours(error: BaseException) -> bool:
    """Is it an interrupt or a deadline of the machinery, which must get through?"""
    if isinstance(error, (Exception, SystemExit)):
        return False
    own = type(error).__module__.startswith("course.")
    return own or isinstance(error, KeyboardInterrupt)


def other(value: object) -> object:
    """Return something unlike `value`: `course.check.compare.other`, and note it."""
    if _running:
        _running[-1].others += 1
    return compare.other(value)


def met() -> None:
    """Fail unless `other` was asked for something in this test.

    So ends a copy of a test with a wrong value. It may stand in a loop over what the
    learner's code returned, and a loop over nothing never comes to it.
    """
    if _running and not _running[-1].others:
        raise Wrong("this copy", "never came to its wrong value")


# -- what went wrong -------------------------------------------------------------


def raised(error: BaseException) -> str:
    """Return the error and the line of the learner's code that it came from.

    The frames of the running test, of this package and of the libraries are
    skipped, so that no hidden source shows.

    >>> raised(KeyError("a"))
    "raised KeyError: 'a'"
    """
    words = one_line(error, 120)
    said = f"raised {type(error).__name__}" + (f": {words}" if words else "")
    frame = learner_frame(error)
    if frame is None:
        return said
    return f"{said}  (line {frame.lineno}: {one_line(frame.line, 72)})"


def _explain(error: BaseException, test: _Test) -> Wrong:
    frame = learner_frame(error)
    if frame is not None:
        return Wrong(f"{frame.name}(...)", raised(error), "mend the line named above")
    named = title(test.grade_id)
    if isinstance(error, NameError) and not isinstance(error, UnboundLocalError):
        missing = getattr(error, "name", None) or "a name"
        return Fatal(missing, f"{missing} is not defined", ABOVE)
    if isinstance(error, SystemExit):
        return Wrong(named, "the code called exit()", "return instead of exiting")
    rebound = _rebound(test)
    if rebound:
        return Wrong(
            rebound,
            f"your notebook gave the builtin {rebound} another value "
            f"({type(error).__name__}: {one_line(error, 80)})",
            f"rename yours and run: del {rebound}",
        )
    words = one_line(error, 120)
    return Wrong(
        named,
        f"{type(error).__name__}: {words}" if words else type(error).__name__,
        "compare what your code returns with what the task asks for",
    )


def learner_frame(error: BaseException) -> traceback.FrameSummary | None:
    """Return the innermost frame of code that stands in a cell, or None.

    An error from another process brings its frame along as `learner_frame`.
    """
    if told := getattr(error, "learner_frame", None):
        return told
    codes = _running[-1].codes if _running else set()
    found = None
    for frame, lineno in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        if code in codes or code.co_filename.startswith((_PACKAGE, *_LIBRARIES)):
            continue
        line = linecache.getline(code.co_filename, lineno).strip()
        if line:
            found = traceback.FrameSummary(
                code.co_filename, lineno, code.co_name, line=line
            )
    return found


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from _codes(const)


def _rebound(test: _Test) -> str | None:
    """Return a builtin that the test uses and the notebook has overwritten."""
    own = test.body.__globals__
    used = {word for code in test.codes for word in code.co_names}
    # IPython itself rebinds the ones left out here.
    used &= vars(builtins).keys() - {"open", "exit", "quit", "get_ipython", "display"}
    return next((w for w in sorted(used) if own.get(w, w) is not w), None)


# -- quiet -------------------------------------------------------------------------


class _Noise(io.TextIOBase):
    """A stream that keeps the first characters and lets the rest go."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.room = _NOISE

    def writable(self) -> bool:
        return True

    def write(self, words: str) -> int:
        if self.room > 0:
            self.kept.append(words[: self.room])
            self.room -= len(words)
        return len(words)

    def getvalue(self) -> str:
        return "".join(self.kept)


@contextlib.contextmanager
def _quiet(hidden: bool) -> Iterator[_Noise]:
    """Let nothing reach the real stderr: warnings, logging, dying threads, C code.

    Prints go through in a visible test, where they help, and stop in a hidden one.
    """
    noise = _Noise()
    before = weakref.WeakSet(threading.enumerate())
    hook = threading.excepthook

    def died(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            noise.write(f"a thread died: {raised(args.exc_value)}\n")

    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(np.errstate(all="ignore"))
        stack.enter_context(_silenced_file(noise))
        # A logging handler or progress bar made earlier still holds the old stream.
        for stream in {id(s): s for s in (sys.stderr, sys.__stderr__)}.values():
            stack.enter_context(_silenced_stream(stream, noise))
        stack.enter_context(contextlib.redirect_stderr(noise))
        if hidden:
            stack.enter_context(contextlib.redirect_stdout(_Noise()))
        threading.excepthook = died
        try:
            yield noise
        finally:
            left = [t for t in threading.enumerate() if t not in before]
            threading.excepthook = _deaf_to(left, hook) if left else hook


def _deaf_to(threads: list[threading.Thread], hook: Callable) -> Callable:
    """Return an excepthook that ignores threads which a test has left behind."""
    ignored = weakref.WeakSet(threads)

    def later(args: threading.ExceptHookArgs) -> None:
        if args.thread not in ignored:
            hook(args)

    return later


@contextlib.contextmanager
def _silenced_stream(stream: object, noise: _Noise) -> Iterator[None]:
    try:
        stream.write = noise.write
    except (AttributeError, TypeError):
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(AttributeError):
            del stream.write


@contextlib.contextmanager
def _silenced_file(noise: _Noise) -> Iterator[None]:
    """Send file descriptor 2, which C code and child processes use, elsewhere."""
    try:
        kept = os.dup(2)
    except OSError:
        yield
        return
    with tempfile.TemporaryFile() as elsewhere:
        os.dup2(elsewhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            elsewhere.seek(0)
            noise.write(elsewhere.read(_NOISE).decode(errors="replace"))
