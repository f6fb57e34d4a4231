"""Threads under a microscope: count their waits, wake them early, move the clock.

A test of code with threads is worth something only if it does not depend on luck.
`Watch` starts threads and controls what happens to them: a wait may return although
nobody notified (the documentation allows it), the wall clock may jump, each wait and
each sleep is counted, and `settle` returns when every thread has ended or waits.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from unittest import mock

import numpy as np

_WAIT = threading.Condition.wait
_SLEEP = time.sleep
_CLOCK = time.time


class Impatient(Exception):
    """Raised inside a watched wait that has been asked for far too often."""


class Task:
    """One call in a thread of its own."""

    def __init__(
        self, call: Callable[[], object], pace: Callable[[], float] | None = None
    ) -> None:
        self._pace = pace
        self.value: object = None
        self.error: BaseException | None = None
        self.waiting = False
        self.waits = 0
        self.thread = threading.Thread(target=self._run, args=[call], daemon=True)

    def _run(self, call: Callable[[], object]) -> None:
        if self._pace is not None:
            sys.settrace(self._trace)
        try:
            self.value = call()
        except BaseException as error:
            self.error = error
        finally:
            sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, _: object) -> Callable | None:
        """Sleep before each line of the notebook's code, as `pace` says."""
        if frame.f_globals.get("__name__") != "__main__":
            return None
        if event == "line":
            _SLEEP(self._pace())
        return self._trace

    @property
    def running(self) -> bool:
        """Whether the call has not ended."""
        return self.thread.is_alive()

    def said(self, seconds: float = 1.0) -> str:
        """Return how the call ends within `seconds`, in words to compare.

        On a loaded machine it waits up to three times as long.

        >>> with Watch() as watch:
        ...     watch.start(lambda: 3).said(), watch.start(int, "x").said()
        ('returned 3', 'raised ValueError')
        """
        return said([self], seconds)[0]

    def _said(self) -> str:
        if self.running:
            return "still waiting"
        if self.error is not None:
            return f"raised {type(self.error).__name__}"
        return f"returned {self.value!r}"


def said(tasks: Sequence[Task], seconds: float = 1.0) -> list[str]:
    """Return how each task ends, all within the same `seconds` (thrice under load)."""
    until(lambda: not any(task.running for task in tasks), seconds)
    return [task._said() for task in tasks]


class Watch:
    """A context in which `start` runs calls in daemon threads that are observed.

    The first `early` waits of each thread return at once, as if notified. With `nap`
    (seconds), every wait ends after at most that long, as if notified, and the
    `patience`-th raises Impatient. Each look at `time.time()` moves it on by `jump`
    seconds. Before each line of the notebook's code a thread sleeps `pace()` seconds,
    which opens every gap that a race needs. Other threads notice none of this.

    >>> ready = threading.Condition()
    >>> def wait_once():
    ...     with ready:
    ...         return ready.wait(60)
    >>> with Watch(early=1) as watch:
    ...     watch.start(wait_once).said()
    'returned True'
    """

    def __init__(
        self,
        *,
        early: int = 0,
        nap: float | None = None,
        patience: int = 50,
        jump: float = 0.0,
        pace: Callable[[], float] | None = None,
    ) -> None:
        self.tasks: list[Task] = []
        self.sleeps = 0
        self._early, self._nap, self._patience = early, nap, patience
        self._jump, self._jumped, self._pace = jump, 0.0, pace
        self._patches = [
            mock.patch.object(threading.Condition, "wait", self._patched_wait()),
            mock.patch.object(time, "sleep", self._patched_sleep),
            mock.patch.object(time, "time", self._patched_time),
        ]

    def __enter__(self) -> "Watch":
        for patch in self._patches:
            patch.start()
        return self

    def __exit__(self, *error: object) -> None:
        for patch in self._patches:
            patch.stop()

    def start(self, call: Callable, *args: object, **options: object) -> Task:
        """Run `call(*args, **options)` in a thread and return its Task."""
        task = Task(lambda: call(*args, **options), self._pace)
        self.tasks.append(task)
        task.thread.start()
        return task

    def settle(self, seconds: float = 1.0) -> bool:
        """Return whether each task has ended or waits; look for at most `seconds`."""
        end = time.monotonic() + seconds * (3 if _loaded() else 1)
        while any(task.running and not task.waiting for task in self.tasks):
            if time.monotonic() > end:
                return False
            _SLEEP(0.001)
        return True

    @property
    def waits(self) -> int:
        """The largest number of waits that any one task has made."""
        return max((task.waits for task in self.tasks), default=0)

    def _own(self) -> Task | None:
        me = threading.current_thread()
        return next((task for task in self.tasks if task.thread is me), None)

    def _patched_wait(self) -> Callable:
        watch = self

        def wait(self: threading.Condition, timeout: float | None = None) -> bool:
            task = watch._own()
            if task is None:
                return _WAIT(self, timeout)
            task.waits += 1
            if task.waits <= watch._early:
                _WAIT(self, 0)
                return True
            if watch._nap is not None:
                if task.waits > watch._patience:
                    raise Impatient(f"waited {task.waits} times")
                _WAIT(self, min(watch._nap, watch._nap if timeout is None else timeout))
                return True
            task.waiting = True
            try:
                return _WAIT(self, timeout)
            finally:
                task.waiting = False

        return wait

    def _patched_sleep(self, seconds: float) -> None:
        if self._own() is not None:
            self.sleeps += 1
        _SLEEP(seconds)

    def _patched_time(self) -> float:
        if self._own() is not None:
            self._jumped += self._jump
            return _CLOCK() + self._jumped
        return _CLOCK()


def uneven(rng: np.random.Generator) -> Callable[[], float]:
    """Return a pace that is mostly nothing and now and then a fraction of a ms."""
    return lambda: 2e-4 if rng.random() < 0.15 else 0.0


@contextmanager
def switching(seconds: float) -> Iterator[None]:
    """Let the interpreter change threads every `seconds` at the latest.

    A tiny value provokes races; a large one lets a thread run on until it waits.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def without(*classes: type) -> Iterator[None]:
    """Refuse to make objects of these classes, for exercises that build them.

    >>> with without(threading.Barrier):
    ...     threading.Barrier(2)
    Traceback (most recent call last):
    RuntimeError: Barrier is what this exercise builds
    """

    def refusal(kind: type) -> Callable:
        def refuse(self: object, *args: object, **options: object) -> None:
            raise RuntimeError(f"{kind.__name__} is what this exercise builds")

        return refuse

    patches = [mock.patch.object(kind, "__init__", refusal(kind)) for kind in classes]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


def bounded(call: Callable, *args: object, seconds: float = 2.0) -> object:
    """Return `call(*args)`, or raise TimeoutError when it has not ended in time.

    >>> bounded(max, 3, 4)
    4
    """
    task = Task(lambda: call(*args))
    task.thread.start()
    if task.said(seconds) == "still waiting":
        raise TimeoutError(f"still waiting after {seconds:g} s")
    if task.error is not None:
        raise task.error
    return task.value


def until(condition: Callable[[], bool], seconds: float = 1.0) -> bool:
    """Return whether `condition()` comes true within `seconds` (thrice under load)."""
    end = time.monotonic() + seconds
    if _loaded():
        end += 2 * seconds
    while not condition():
        if time.monotonic() > end:
            return False
        _SLEEP(0.001)
    return True


def _loaded() -> bool:
    try:
        return os.getloadavg()[0] > (os.cpu_count() or 1)
    except (AttributeError, OSError):
        return True
