"""The rungs of the ladder: each either passes in silence or says what is wrong."""

import contextlib
import copy
import inspect
import numbers
import os
import threading
import time
import types
from collections.abc import Callable

import numpy as np

from course.check.cell import ABOVE, raised, rng
from course.check.compare import Near, changed, difference, holds_data
from course.check.paste import call_text, name, text
from course.check.wrong import FAILED, Fatal, Wrong, collecting, fail

_SHRINKS = 64


def call(
    f: Callable,
    *args: object,
    shown: str | None = None,
    hint: str = "",
    none_ok: bool = False,
    changes: bool = False,
    **kw: object,
) -> object:
    """Call `f` and return its result, having climbed the first rungs.

    It must be a function and no stub, raise nothing, return something (unless
    `none_ok`) and leave its arguments as they were (unless `changes`). `shown` is
    the call as the message prints it.

    >>> call(sorted, [3, 1])
    [1, 3]
    >>> call(list.sort, [3, 1], none_ok=True)
    Traceback (most recent call last):
    course.check.wrong.Wrong: list.sort([3, 1])
      changed its input self[0]: was 3, is now 1
      try: work on a copy: list(...), dict(...) or array.copy()
    """
    return _passing(*_climb(f, args, kw, shown, hint, none_ok, changes, _straight))


def within(
    f: Callable,
    *args: object,
    seconds: float = 1.0,
    shown: str | None = None,
    hint: str = "",
    none_ok: bool = False,
    changes: bool = False,
    **kw: object,
) -> object:
    """Do as `call` does in a daemon thread, and give up after `seconds`.

    On a loaded machine it waits up to three times as long.

    >>> import time
    >>> within(time.sleep, 60, seconds=0.01)
    Traceback (most recent call last):
    course.check.wrong.Wrong: sleep(60)
      still running after 0.01 s
      try: look for a loop that never ends, or a wait that nothing wakes
    """

    def timed(f: Callable, args: tuple, kw: dict) -> object:
        return _in_thread(f, args, kw, seconds)

    return _passing(*_climb(f, args, kw, shown, hint, none_ok, changes, timed))


def case(
    f: Callable,
    *args: object,
    want: object,
    near: Near = None,
    shown: str | None = None,
    hint: str = "",
    changes: bool = False,
    **kw: object,
) -> None:
    """Call `f` as `call` does and compare its result with `want`.

    >>> case(sorted, [3, 1], want=[1, 3])
    >>> case(sum, [0.1, 0.2], want=0.3, near=1e-9)
    >>> case(max, [3, 1], want=1, hint="the smallest one")
    Traceback (most recent call last):
    course.check.wrong.Wrong: max([3, 1])
      got 3, expected 1
      try: the smallest one
    """
    shown = shown or call_text(f, args, kw)
    got = call(
        f, *args, shown=shown, hint=hint, none_ok=want is None, changes=changes, **kw
    )
    equal(got, want, shown=shown, near=near, hint=hint)


def equal(
    got: object,
    want: object,
    *,
    shown: str,
    near: Near = None,
    ordered: bool = False,
    hint: str = "",
) -> None:
    """Compare type first, then shape or length or keys, then the first value.

    See `course.check.compare.difference` for what counts as equal.

    >>> equal([{"size": 4}], [{"size": 5}], shown="scan('a')", hint="count bytes")
    Traceback (most recent call last):
    course.check.wrong.Wrong: scan('a')
      [0]['size']: got 4, expected 5
      try: count bytes
    """
    if _already_said(got):
        return
    found = difference(got, want, near, ordered)
    if found:
        fail(Wrong(shown, str(found), hint or found.hint))


def raises(
    f: Callable,
    error: type[BaseException],
    *args: object,
    shown: str | None = None,
    hint: str = "",
    **kw: object,
) -> BaseException | None:
    """Return the `error` that `f(*args, **kw)` raises; fail if it raises none.

    >>> raises(int, ValueError, "x")
    ValueError("invalid literal for int() with base 10: 'x'")
    >>> raises(int, ValueError, "7")
    Traceback (most recent call last):
    course.check.wrong.Wrong: int('7')
      returned 7, expected it to raise ValueError
      try: check the input first and raise ValueError("...")
    """
    shown = shown or call_text(f, args, kw)
    _callable(f, shown)
    cure = hint or f'check the input first and raise {error.__name__}("...")'
    try:
        got = f(*args, **kw)
    except Wrong:
        raise
    except NotImplementedError as caught:
        if error is not NotImplementedError:
            raise _stub(f, shown) from None
        return caught
    except error as caught:
        return caught
    except Exception as caught:
        said = f"{raised(caught)}, expected {error.__name__}"
        fail(Wrong(shown, said, cure))
        return None
    if got is Ellipsis:
        raise _stub(f, shown)
    said = f"returned {text(got, 60)}, expected it to raise {error.__name__}"
    fail(Wrong(shown, said, cure))
    return None


def against(
    reference: Callable,
    f: Callable,
    make: Callable[[np.random.Generator, int], tuple],
    trials: int = 200,
    *,
    near: Near = None,
    largest: int = 24,
    shown: Callable[..., str] | str | None = None,
    hint: str = "",
    changes: bool = False,
) -> None:
    """Compare `f` with `reference` on random arguments and report a small failure.

    `make(rng, size)` draws a tuple of arguments; `size` grows from 0 to `largest`.
    When a draw fails, smaller ones are tried before it is reported. `shown` may be
    a function of the arguments.

    >>> def make(rng, size):
    ...     return (rng.integers(0, 9, size).tolist(),)
    >>> against(sorted, sorted, make)
    >>> against(sorted, list, make, hint="smallest first")
    Traceback (most recent call last):
    course.check.wrong.Wrong: list([4, 3])
      right items, wrong order: got [4, 3], expected [3, 4]
      try: smallest first
    """
    draw = rng()

    def judge(size: int) -> Wrong | None:
        args = make(draw, size)
        if not isinstance(args, tuple):
            raise TypeError("make(rng, size) must return a tuple of arguments")
        words = shown(*args) if callable(shown) else shown or call_text(f, args, {})
        try:
            theirs = copy.deepcopy(args)
        except Exception:
            theirs = args
        want = reference(*theirs)
        got, wrong = _climb(f, args, {}, words, hint, want is None, changes, _straight)
        found = None if wrong else difference(got, want, near)
        return Wrong(words, str(found), hint or found.hint) if found else wrong

    for trial in range(trials):
        size = trial * (largest + 1) // trials
        wrong = judge(size)
        if wrong:
            break
    else:
        return
    for attempt in range(_SHRINKS):
        smaller = judge(size * attempt // _SHRINKS)
        if smaller and len(smaller.call) < len(wrong.call):
            wrong = smaller
            break
    fail(wrong)


def at_most(
    amount: float | Callable[[], float],
    limit: float,
    unit: str,
    *,
    shown: str,
    hint: str = "",
) -> None:
    """Fail when a count, a number of bytes or a ratio of times exceeds its limit.

    A function that measures the amount is called again, three times in all, while it
    exceeds the limit up to threefold: other work on the machine lengthens a time.

    >>> at_most(1200, 1000, "bytes read", shown="find(tree)", hint="skip unique sizes")
    Traceback (most recent call last):
    course.check.wrong.Wrong: find(tree)
      1,200 bytes read, at most 1,000 allowed (1.2 times the limit)
      try: skip unique sizes
    """
    if isinstance(amount, types.FunctionType):
        measure = amount
        for _ in range(3):
            amount = measure()
            known = isinstance(amount, numbers.Real)
            if known and (amount <= limit or amount > 3 * limit):
                break
    if _already_said(amount):
        return
    if amount is not FAILED and not isinstance(amount, numbers.Real):
        # It would compare itself as it likes.
        fail(Wrong(shown, f"got {text(amount, 60)} for a number of {unit}", hint))
    elif not amount <= limit:
        excess = f" ({amount / limit:.3g} times the limit)" if limit > 0 else ""
        said = f"{_figure(amount)} {unit}, at most {_figure(limit)} allowed{excess}"
        fail(Wrong(shown, said, hint))


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the processor seconds of one `work()`, measured over at least 0.02 s.

    Of this thread alone: the clock of the process is coarse where its time is limited.

    >>> 0 < cpu_seconds(lambda: sum(range(1000))) < 0.1
    True
    """
    start, times = time.thread_time(), 0
    while (spent := time.thread_time() - start) < 0.02:
        work()
        times += 1
    return spent / times


def true(ok: bool, *, shown: str, said: str, hint: str = "") -> None:
    """Fail with `said` unless `ok` is true; anything but a bool is refused.

    >>> true(2 + 2 == 4, shown="2 + 2", said="is not 4")
    """
    if not isinstance(ok, (bool, np.bool_)):
        raise TypeError(f"check.true needs a bool, got {text(ok)}")
    if not ok:
        fail(Wrong(shown, said, hint))


def copied(thing: object) -> object:
    """Return `thing`, an object of the course's, marked to be handed over as a copy.

    Where test and answer run in two processes (mode=split), the answer then works on
    a copy of its own: fast, but the test does not see what happens to it. Others are
    reached across the line, at some 50 µs a call, and count what is asked of them.
    Raises TypeError for a class that only the test knows.
    """
    if not type(thing).__module__.startswith("course."):
        raise TypeError(f"only the course's own objects cross, not {text(thing, 40)}")
    thing.__dict__["_copied"] = True
    return thing


def is_copied(thing: object) -> bool:
    """Return whether `copied` marked this object."""
    return "_copied" in getattr(thing, "__dict__", ())


# -- climbing ----------------------------------------------------------------------


class _Hang(Exception):
    """The call is still running."""


def _climb(
    f: Callable,
    args: tuple,
    kw: dict,
    shown: str | None,
    hint: str,
    none_ok: bool,
    changes: bool,
    run: Callable[[Callable, tuple, dict], object],
) -> tuple[object, Wrong | None]:
    """Return the result of one call and what is wrong with it, if anything."""
    shown = shown or call_text(f, args, kw)
    _callable(f, shown)
    before = {} if changes else _copies(args, kw)
    try:
        got = run(f, args, kw)
    except Wrong:
        raise
    except NotImplementedError:
        raise _stub(f, shown) from None
    except _Hang as hang:
        cure = hint or "look for a loop that never ends, or a wait that nothing wakes"
        return FAILED, Wrong(shown, f"still running after {hang.args[0]:g} s", cure)
    except RecursionError as error:
        cure = hint or "give the recursion an end, or use a loop with its own stack"
        return FAILED, Wrong(shown, raised(error), cure)
    except (Exception, SystemExit) as error:
        return FAILED, Wrong(shown, raised(error), hint)
    if got is Ellipsis:
        raise _stub(f, shown)
    if got is None and not none_ok:
        cure = "end every path of the function with return and a value"
        return FAILED, Wrong(shown, "returned None", cure)
    wrong = _mutated(f, args, kw, before, shown)
    return (FAILED, wrong) if wrong else (got, None)


def _already_said(value: object) -> bool:
    """Is `value` what a call returned that failed before, while collecting?"""
    return value is FAILED and bool(collecting())


def _passing(got: object, wrong: Wrong | None) -> object:
    return fail(wrong) if wrong else got


def _straight(f: Callable, args: tuple, kw: dict) -> object:
    return f(*args, **kw)


def _in_thread(f: Callable, args: tuple, kw: dict, seconds: float) -> object:
    came: list[tuple[object, BaseException | None]] = []

    def work() -> None:
        try:
            came.append((f(*args, **kw), None))
        except BaseException as error:
            came.append((None, error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive() and _loaded():
        thread.join(2 * seconds)
    if not came:
        raise _Hang(seconds)
    got, error = came[0]
    if error is not None:
        raise error
    return got


def _loaded() -> bool:
    try:
        return os.getloadavg()[0] > (os.cpu_count() or 1)
    except (AttributeError, OSError):
        return True


def _callable(f: object, shown: str) -> None:
    if not callable(f):
        said = f"{text(f, 40)} stands where a function should"
        raise Fatal(shown, said, ABOVE)


def _stub(f: Callable, shown: str) -> Fatal:
    return Fatal(
        shown,
        f"{name(f)} is not written yet",
        "write it in its answer cell, run that cell, then this one",
    )


def _copies(args: tuple, kw: dict) -> dict[int | str, object]:
    """Return deep copies of the arguments that are plain data."""
    copies: dict[int | str, object] = {}
    for key, value in [*enumerate(args), *kw.items()]:
        if holds_data(value):
            with contextlib.suppress(Exception):
                copies[key] = copy.deepcopy(value)
    return copies


def _mutated(
    f: Callable, args: tuple, kw: dict, before: dict[int | str, object], shown: str
) -> Wrong | None:
    for key, old in before.items():
        found = changed(old, args[key] if isinstance(key, int) else kw[key])
        if found:
            named = key if isinstance(key, str) else _parameter(f, key)
            return Wrong(
                shown,
                f"changed its input {named}{found.where}: {found.said}",
                "work on a copy: list(...), dict(...) or array.copy()",
            )
    return None


def _parameter(f: Callable, position: int) -> str:
    try:
        names = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        names = []
    if position < len(names) and names[position].kind is not names[0].VAR_POSITIONAL:
        return names[position].name
    return f"number {position + 1}"


def _figure(amount: float) -> str:
    whole = isinstance(amount, int) or float(amount).is_integer()
    return f"{int(amount):,}" if whole else f"{amount:,.4g}"
