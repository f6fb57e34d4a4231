"""Threads that move one at a time, in an order and at a time that the test chooses.

A test of blocking code that sleeps is slow, and one that hopes is unsure. On a `Stage`
each call runs in a thread of its own until it ends or waits, and only then does the
next one run. Time stands still until `advance`. So a call that waits for ever is a
fact that can be read at once, and each run is like the last.

>>> with Stage() as stage:
...     ready, box = stage.condition(), []
...     def take():
...         with ready:
...             while not box:
...                 ready.wait()
...             return box.pop()
...     def give(thing):
...         with ready:
...             box.append(thing)
...             ready.notify()
...     taker = stage.start(take)
...     before = taker.said()
...     _ = stage.start(give, "tea")
...     before, taker.said()
('waiting', "returned 'tea'")
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_MOST = 20_000  # looks at the clock or a lock by one call before it counts as spinning


class Closed(Exception):
    """A queue takes no more items, or has none left and will get none."""


class Stuck(AssertionError):
    """The code would wait where nothing can wake it, or spins."""


class _Abandoned(BaseException):
    """Ends a call that still waits when its stage is closed."""


class Actor:
    """One call on a stage: `said()` tells how it stands."""

    def __init__(self, stage: "Stage", name: str, call: Callable[[], object]) -> None:
        self.name = name
        self._stage = stage
        self._go = threading.Lock()
        self._go.acquire()
        self._value: object = None
        self._error: BaseException | None = None
        self._ended = False
        self._asleep_in: Condition | None = None
        self._deadline: float | None = None
        self._notified = False
        self._looks = 0
        self._thread = threading.Thread(target=self._run, args=[call], daemon=True)

    def _run(self, call: Callable[[], object]) -> None:
        self._go.acquire()
        try:
            self._value = call()
        except BaseException as error:
            self._error = error
        self._ended = True
        self._stage._back.release()

    @property
    def waiting(self) -> bool:
        """Whether the call has not ended."""
        self._stage._settle()
        return not self._ended

    def said(self) -> str:
        """Return "waiting", "returned …" or "raised …", in words to compare."""
        self._stage._settle()
        return self._words()

    def _words(self) -> str:
        if not self._ended:
            return "waiting"
        if self._error is not None:
            return f"raised {type(self._error).__name__}"
        return f"returned {self._value!r}"


class Stage:
    """Where calls move one at a time. Use it in a `with`: what still waits then ends.

    `now()` is its clock, in seconds; `history` lists (time, actor, what it said) at
    each step. Code under test takes its locks from `lock()` and `condition()`.
    """

    def __init__(self) -> None:
        self.history: list[tuple[float, str, str]] = []
        self._now = 0.0
        self._actors: list[Actor] = []
        self._ready: deque[Actor] = deque()
        self._back = threading.Lock()
        self._back.acquire()
        self._running: Actor | None = None
        self._bursting = False
        self._closed = False

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *error: object) -> None:
        self._closed = True
        for actor in self._actors:
            if not actor._ended:
                actor._go.release()
                self._back.acquire()
                actor._thread.join(1)

    def now(self) -> float:
        """Return the time of this stage, in seconds."""
        self._look()
        return self._now

    def lock(self) -> "Lock":
        """Return a lock whose waiting this stage sees."""
        return Lock(self)

    def condition(self, lock: "Lock | None" = None) -> "Condition":
        """Return a condition on `lock`, or on a lock of its own."""
        return Condition(self, lock or Lock(self))

    def start(self, call: Callable, *args: object, **options: object) -> Actor:
        """Run `call(*args, **options)` until it ends or waits; then who was woken."""
        words = ", ".join([*map(repr, args), *(f"{k}={v}" for k, v in options.items())])
        name = f"{getattr(call, '__name__', 'call')}({words})"
        actor = Actor(self, name, lambda: call(*args, **options))
        self._actors.append(actor)
        actor._thread.start()
        self._resume(actor)
        self._settle()
        return actor

    def advance(self, seconds: float) -> None:
        """Let time pass; waits that time out on the way end at their own time."""
        end = self._now + seconds
        self._settle()
        while True:
            due = [
                one
                for one in self._actors
                if one._asleep_in is not None
                and one._deadline is not None
                and one._deadline <= end
            ]
            if not due:
                break
            first = min(due, key=lambda one: one._deadline)
            self._now = max(self._now, first._deadline)
            first._asleep_in._drop(first, notified=False)
            self._settle()
        self._now = end

    def wake(self, actor: Actor) -> None:
        """End a wait as if somebody had notified, as the documentation allows."""
        self._settle()
        if actor._asleep_in is not None:
            actor._asleep_in._drop(actor, notified=True)
        self._settle()

    @contextmanager
    def burst(self) -> Iterator[None]:
        """Let calls started inside come before anybody whom they wake."""
        self._settle()
        self._bursting = True
        try:
            yield
        finally:
            self._bursting = False
            self._settle()

    # -- whose turn it is ------------------------------------------------------------

    def _settle(self) -> None:
        if self._running is not None:
            raise Stuck("a call on the stage must not direct the stage")
        while self._ready and not self._bursting:
            self._resume(self._ready.popleft())

    def _resume(self, actor: Actor) -> None:
        self._running = actor
        actor._go.release()
        self._back.acquire()
        self._running = None
        self.history.append((self._now, actor.name, actor._words()))

    def _me(self) -> Actor | None:
        me = threading.current_thread()
        running = self._running
        return running if running is not None and running._thread is me else None

    def _look(self) -> None:
        actor = self._me()
        if actor is not None:
            actor._looks += 1
            if actor._looks > _MOST:
                raise Stuck(f"{actor.name} looks again and again instead of waiting")

    def _yield(self) -> None:
        """Give the turn back, and return when it is this call's again."""
        actor = self._me()
        if actor is None:
            raise Stuck("this would wait, and nobody else moves: use stage.start")
        self._back.release()
        actor._go.acquire()
        if self._closed:
            raise _Abandoned


class Lock:
    """A lock on a stage, for one call at a time."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._held = False
        self._queue: list[Actor] = []

    def acquire(self) -> bool:
        """Take the lock, waiting for it."""
        self._stage._look()
        while self._held and not self._stage._closed:
            actor = self._stage._me()
            if actor is not None:
                self._queue.append(actor)
            self._stage._yield()
        self._held = True
        return True

    def release(self) -> None:
        """Give the lock back."""
        self._held = False
        self._stage._ready.extend(self._queue)
        self._queue.clear()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *error: object) -> None:
        self.release()


class Condition:
    """A condition on a stage, with the words of `threading.Condition`."""

    def __init__(self, stage: Stage, lock: Lock) -> None:
        self._stage, self._lock = stage, lock
        self._sleepers: list[Actor] = []

    def __enter__(self) -> bool:
        return self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Sleep until notified or `timeout`; return whether it was notified."""
        stage, actor = self._stage, self._stage._me()
        if not self._lock._held:
            raise RuntimeError("cannot wait on a lock that is not held")
        if actor is None:
            self._lock.release()
            stage._yield()
        stage._look()
        if timeout is not None and timeout <= 0:
            return False
        actor._deadline = None if timeout is None else stage._now + timeout
        actor._asleep_in = self
        self._sleepers.append(actor)
        self._lock.release()
        stage._yield()
        self._lock.acquire()
        return actor._notified

    def wait_for(
        self, predicate: Callable[[], bool], timeout: float | None = None
    ) -> bool:
        """Wait until `predicate()` is true; return what it says last."""
        end = None if timeout is None else self._stage._now + timeout
        while not predicate():
            left = None if end is None else end - self._stage._now
            if left is not None and left <= 0:
                break
            self.wait(left)
        return predicate()

    def notify(self, n: int = 1) -> None:
        """Wake the `n` who have slept longest."""
        if not self._lock._held:
            raise RuntimeError("cannot notify on a lock that is not held")
        for actor in self._sleepers[:n]:
            self._drop(actor, notified=True)

    def notify_all(self) -> None:
        """Wake everybody."""
        self.notify(len(self._sleepers))

    def _drop(self, actor: Actor, *, notified: bool) -> None:
        self._sleepers.remove(actor)
        actor._asleep_in, actor._deadline, actor._notified = None, None, notified
        self._stage._ready.append(actor)
