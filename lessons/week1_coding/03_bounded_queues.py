"""Week 1, notebook 3: bounded queues, pipelines and their shutdown."""

# %% [md] title
# # Queues that wait, push back and stop
#
# By the end of this notebook you have a queue for threads that never spins, never
# grows without bound and never leaves a thread hanging, and a pipeline built on it.

# %% [md] able
# ## You will be able to
#
# * **write** a blocking queue from a lock and two conditions, with timeouts and a close
# * **build** a pipeline of threads that pushes back, keeps its order and shuts down without a leak
# * **find** a lost wake-up, a race or a deadlock by stepping through it, without luck

# %% [map]
# ## Map

# %% [md] asked
# ## Where this is asked
#
# It is the concurrency question of the 45- to 60-minute coding round: "write a bounded
# blocking queue", then "now with a timeout", "now with shutdown", "now use it". The
# interviewer scores whether you wait in a loop and can say why, whether a timeout
# survives an early wake-up, what blocked threads do when the queue closes, and what
# you keep *out* of the lock.
#
# Not taught here: lock-free structures, `asyncio`, and queues between machines.

# %% [setup]
import threading
import time
from collections import Counter, deque

import numpy as np

from course import check, desk, viz, widgets
from course.sim import backlog, images, interleave, threads, workers
from course.viz import queues as draw

desk.open("w1-queues")

# %% [md] interleaving
# ## 1 · Any order can happen
#
# A **thread** runs your code line by line; the system may stop it after any line (in
# truth, inside a line) and let another go on. An order in which the lines of several
# threads happen is an **interleaving**. Correct means: right in *every* interleaving,
# not in the ones that you saw.
#
# Below, threads A and B each add one to `count`: A reads it and adds, then B runs from
# its first line to its last, then A writes. Predict the end before you step.

# %% guess-count
widgets.predict(
    "count", "Both have run as below. Where does count end?", options=["2", "1"]
)


# %% [md] step-intro
# Move `step` from 0 to the end. The grey line is what a thread does *next*. Then choose
# the other stories; section 2 explains them.


# %% step
def one_step(story: str = "two threads count", step: int = 5) -> tuple:
    chosen = interleave.STORIES[story]
    frames = interleave.play(chosen)
    return chosen.programs, frames[min(step, len(frames) - 1)], len(frames) - 1


widgets.explore(
    one_step,
    lambda result: draw.frame(*result),
    question="Which step makes the result wrong, and what should have prevented it?",
    alt="Two columns of three lines of code, one for each thread; the next line of "
    "each is marked, and below them stands what they share: count is 1.",
    story=list(interleave.STORIES),
    step=(0, 14, 1),
)

# %% [md] reveal-count-intro
# Here is where that schedule ends:

# %% reveal-count
widgets.reveal(
    "count",
    interleave.play(interleave.STORIES["two threads count"])[-1].shared[-1],
    explain="Both read 0 before either wrote: one update is lost. 2 is possible too.",
)

# %% [md] lock
# ### A lock makes lines belong together
#
# `with lock:` lets one thread in at a time; the others wait at the door. Whatever must
# be seen together (read, add, write) goes inside. Two rules follow you through this notebook:
#
# * **Check and act under the same lock.** Between a check outside and an act inside, anything can happen.
# * **Nothing slow inside.** No input or output, no callback, no image transform: everybody else waits meanwhile, and a callback that needs the same lock waits for ever.

# %% [md] condition
# ## 2 · Wait without spinning
#
# A consumer that finds the queue empty could look again and again. That burns a
# processor, or, with a `sleep`, wastes time. A **condition** does better. It belongs to a lock:
#
# * `condition.wait()` gives the lock back, sleeps until notified, and takes the lock again before it returns
# * `condition.notify()` wakes one sleeper, `notify_all()` all of them
#
# A notification is not stored: if nobody sleeps, it is gone. And a woken thread must first get the lock, so
# others may come before it.

# %% first-condition
ready = threading.Condition()
letters: list[str] = []


def reader() -> str:
    with ready:
        while not letters:
            ready.wait()
        return letters.pop(0)


reading = threads.Task(reader)
reading.thread.start()
with ready:
    letters.append("hello")
    ready.notify()
print(reading.said())

# %% [md] guess-while
# Why `while`, and not `if`? The thread was notified, after all. In the stepper above,
# play the story `if` to its end: A is notified of an item, B arrives first and takes
# it, A wakes up and finds nothing. Then play `while`. Before you run the next cell:
#
# Python's documentation allows a `wait` to return although *nobody* notified. What does
# a reader with `if` do then?

# %% guess-early
widgets.predict(
    "early",
    "The wait of an `if` reader returns early. What happens?",
    options=["it sleeps again", "IndexError", "it waits for ever"],
)

# %% [md] early-intro
# You need not wait for luck. `threads.Watch(early=1)` makes the first `wait` of each
# thread return at once, as the documentation allows; the hidden tests do the same.


# %% early-wake
def hasty_reader() -> str:
    with ready:
        if not letters:
            ready.wait()
        return letters.pop(0)


with threads.Watch(early=1) as watch:
    outcome = watch.start(hasty_reader).said()
widgets.reveal(
    "early",
    outcome.removeprefix("raised "),
    explain="After a wait nothing is certain: look again. That is what while does.",
)

# %% [md] deadline
# ### A timeout is a deadline
#
# "Wait at most 0.5 s" with a loop has a trap: if each round waits 0.5 s again, early
# wake-ups extend it for ever. Compute the **deadline** once, and in each round wait for
# what remains:
#
# | | says | use it for |
# |---|---|---|
# | `time.time()` | the date; may jump when the clock is set | logs |
# | `time.monotonic()` | seconds since some start; never jumps | deadlines |
#
# A timeout of 0 means: try, and do not wait.

# %% [md] bounded
# ## 3 · A full queue is information
#
# Why bound a queue at all? Because a producer that is faster than its consumer fills
# any memory, and long before that, every item is old when its turn comes. A **bounded**
# queue makes the producer wait when it is full. This is **backpressure**: the slow end
# sets the pace of the fast one.
#
# In the simulation, bursts of 100 items arrive with a pause between them. Which `use`
# (milliseconds per item) is the last at which the backlog drains between bursts?


# %% backlog
def two_queues(use: int = 4, capacity: int = 10) -> dict:
    return {
        "unbounded": backlog.backlog(use),
        "bounded": backlog.backlog(use, capacity),
    }


widgets.explore(
    two_queues,
    draw.backlogs,
    question="Where does the unbounded queue begin to grow from burst to burst?",
    alt="Left, the depth of two queues over time: the unbounded one climbs with every "
    "burst, the bounded one stays at ten. Right, bars of the longest wait.",
    use=(1, 10, 1),
    capacity=(1, 100, 1),
)

# %% [md] backlog-read
# Above 3 ms the work of a burst no longer fits between two bursts. The unbounded queue
# hides this for a while and then serves ever older items. The bounded one shows it at
# once: the producer is held, and whoever calls it learns that the system is busy.
#
# The bounded run ends a little later, because a producer that is held also begins its
# next burst later. That is the choice: the delay is seen at the door, or hidden inside.
# A bigger queue absorbs bursts; it never adds speed.

# %% [md] closing
# ### How it ends
#
# Sooner or later there are no more items, and consumers asleep in `get` would sleep
# for ever. So the queue can be **closed**: nobody may put any more; what is in it is still
# delivered; and then `get` says `Closed` instead of waiting. Everybody who sleeps must hear
# of it, which is what `notify_all` is for.
#
# The flag `closed` lives under the same lock as the items. Otherwise a thread could
# check it, be stopped, and fall asleep just after the last notification.

# %% closed
from typing import Generic, TypeVar

T = TypeVar("T")


class Closed(Exception):
    """The queue takes no more items, or has none left and will get none."""


# %% [md] queue-by-hand
# Here is a queue of capacity 2, one call after the other:
#
# | call | result | items after it |
# |---|---|---|
# | `put("a")`, `put("b")` | | a b |
# | `put("c", timeout=0)` | `TimeoutError` | a b |
# | `get()` | `"a"` | b |
# | `close()` | | b |
# | `put("d")` | `Closed` | b |
# | `get()` | `"b"` | |
# | `get()` | `Closed` | |
#
# Two conditions on one lock keep the groups apart: consumers sleep on `not_empty`, producers on
# `not_full`. `threading.Condition(lock)` makes a condition of a lock that you have.

# %% [card] e1 minutes=25 core
# A bounded blocking queue
#
# `put` waits while the queue is full, `get` while it is empty; first in, first out; any item,
# `None` too. After `timeout` seconds without success: `TimeoutError`. `close()` may come
# twice; after it `put` raises `Closed`, waiting or not, and `get` does once the queue is
# drained. `ValueError` for a capacity below 1. Waiting costs no processor time. Build it
# from locks and conditions (or semaphores) of `threading`.

# %% [hand] e1
# **By hand.** Capacity 1, holding `a`. Producer P sleeps in `put("b")`. A consumer calls
# `get()`: it takes `a` and must notify P, since there is room now. P wakes, *looks again*,
# appends `b`, and notifies a consumer, since there is an item now. If `close()` comes while
# P sleeps, P wakes and raises `Closed`; `a` can still be taken.


# %% [answer] e1
class BoundedQueue(Generic[T]):
    """A first-in-first-out queue between threads, of at most `capacity` items."""

    def __init__(self, capacity: int) -> None:
        """Make an empty, open queue; ValueError for a capacity below 1."""
        ### BEGIN SOLUTION
        if capacity < 1:
            raise ValueError(f"capacity must be at least 1, not {capacity}")
        self._capacity = capacity
        self._items: deque[T] = deque()
        self._closed = False
        self._lock = threading.Lock()
        self._not_empty = threading.Condition(self._lock)
        self._not_full = threading.Condition(self._lock)
        ### END SOLUTION

    def put(self, item: T, timeout: float | None = None) -> None:
        """Append an item, waiting for room. Raises Closed, or TimeoutError."""
        ### BEGIN SOLUTION
        deadline = self._deadline(timeout)
        with self._lock:
            while not self._closed and len(self._items) >= self._capacity:
                self._wait(self._not_full, deadline)
            if self._closed:
                raise Closed("put on a closed queue")
            self._items.append(item)
            self._not_empty.notify()
        ### END SOLUTION

    def get(self, timeout: float | None = None) -> T:
        """Remove and return the oldest item, waiting for one.

        Raises Closed when none will come, TimeoutError after `timeout` seconds.
        """
        ### BEGIN SOLUTION
        deadline = self._deadline(timeout)
        with self._lock:
            while not self._items:
                if self._closed:
                    raise Closed("the queue is closed and drained")
                self._wait(self._not_empty, deadline)
            item = self._items.popleft()
            self._not_full.notify()
            return item
        ### END SOLUTION

    def close(self) -> None:
        """Take no more items and wake everybody who waits."""
        ### BEGIN SOLUTION
        with self._lock:
            self._closed = True
            self._not_empty.notify_all()
            self._not_full.notify_all()
        ### END SOLUTION

    def __len__(self) -> int:
        """Return how many items are in the queue now."""
        ### BEGIN SOLUTION
        with self._lock:
            return len(self._items)

    @staticmethod
    def _deadline(timeout: float | None) -> float | None:
        return None if timeout is None else time.monotonic() + timeout

    @staticmethod
    def _wait(condition: threading.Condition, deadline: float | None) -> None:
        """Wait once, for what remains; the caller looks again. May be woken early."""
        if deadline is None:
            condition.wait()
            return
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        condition.wait(remaining)
        ### END SOLUTION


# %% [look] e1
CALLS = ["put a", "put b", "put c", "put d", "get", "get", "close", "put e"]
CALLS += ["get", "get"]
WORDS = {TimeoutError: "full", Closed: "closed"}


def replayed(calls: list[str]) -> list[tuple[int, str]]:
    line, found = BoundedQueue(3), []
    for words in calls:
        name, *args = words.split()
        try:
            got = getattr(line, name)(*args, *([] if name == "close" else [0]))
        except (TimeoutError, Closed) as error:
            got = WORDS[type(error)]
        found.append((len(line), got or ""))
    return found


said = ["", "", "", "full", "a", "b", "", "closed", "c", "closed"]
viz.beside(
    viz.attempt(threads.bounded, replayed, CALLS),
    list(zip([1, 2, 3, 3, 2, 1, 1, 1, 0, 0], said, strict=True)),
    draw.depth(3, CALLS),
    alt="Two bar charts of the number of items after each of ten calls, yours and the "
    "expected one; refused calls are marked full or closed.",
)

# %% [check] e1 points=2
line = check.call(BoundedQueue, 2, shown="BoundedQueue(2)")
shown = "put 'a', put 'b', then put 'c' with timeout=0, on capacity 2"
check.within(line.put, "a", shown=shown, none_ok=True)
check.within(line.put, "b", shown=shown, none_ok=True)
check.raises(line.put, TimeoutError, "c", timeout=0, shown=shown)
check.equal(len(line), 2, shown="len(queue) after that")
check.equal(check.within(line.get, shown="get()"), "a", shown="get()")
check.within(line.close, shown="close()", none_ok=True)
check.raises(line.put, Closed, "d", shown="put('d') after close()")
check.equal(check.within(line.get, shown="get()"), "b", shown="get() after close()")
check.raises(line.get, Closed, shown="get() when closed and drained")

# %% [grade] e1.fifo points=3 mode=shared
# Order, capacity, falsy items, length, a capacity below 1.

# %% [grade] e1.wakes points=5 mode=shared
# Sleepers are woken; early wake-ups and threads that come first do no harm.

# %% [grade] e1.timeouts points=4 mode=shared
# Timeouts of zero and more, many early wake-ups, a clock that is set.

# %% [grade] e1.close points=5 mode=shared
# Everybody hears of it; what is in the queue is still delivered.

# %% [grade] e1.idle points=2 mode=shared
# Eight threads wait: processor time, sleeps and waits are counted.

# %% [grade] e1.crowd points=2 mode=shared
# Many producers and consumers, changing as often as the interpreter can.

# %% [grade] e1.speed points=2 mode=shared
# Processor time against `queue.Queue`: at most 2.5 times as much.

# %% [hints] e1
# nudge: When `wait` returns, what do you know about the queue? And who has to be told when an item leaves it?
#
# idea: One lock, two conditions on it. Every method holds the lock for its whole body. Each waiting loop has three ways out: success, closed, too late.
#
# outline: put: compute the deadline; with the lock, while open and full wait for the remaining time (raise if none remains); if closed raise; append; notify one consumer. get mirrors it, but looks at items before it looks at closed. close sets the flag and notifies all on both conditions.

# %% [md] wait-for
# ### Could it be shorter?
#
# `condition.wait_for(predicate, timeout)` contains this loop, deadline and all. In real code use it;
# in an interview write the loop once, then say that you know it. A queue with *one* condition for
# both sides is right too if it says `notify_all`: with `notify` the one who wakes may be of
# the wrong kind, goes back to sleep, and the message is lost.

# %% [md] stopping
# ## 4 · Two ways to stop
#
# A service is told to stop. There are two honest answers, and callers must know which one they get:
#
# * **drain**: take nothing new, finish what was accepted, then go
# * **abort**: stop now, and hand back what was accepted and not delivered, so that somebody can store or retry it
#
# Systems combine them: drain for 30 seconds, then abort. In both, an item belongs to exactly one owner.
# The producer whose `put` raised `Closed` still owns its item; whatever `put` accepted goes to a consumer or
# into the list that abort returns, never to both and never to nobody.

# %% [card] e2 minutes=10 core
# Shutdown: drain or abort
#
# Both modes close the queue. `"abort"` removes all items and returns them, oldest first, at
# once. `"drain"` waits until consumers have taken everything and returns `[]`; after `timeout`
# seconds it raises `TimeoutError` and the items stay. An abort ends a waiting drain; several
# drains may wait. Another mode: `ValueError`, and the queue stays open. Extend your own
# queue; you may use its private names and override its methods.

# %% [hand] e2
# **By hand.** Capacity 2 holds `a`, `b`; P sleeps in `put("c")`. `shutdown("drain")`: P raises
# `Closed` and keeps `c`; a consumer gets `a`, then `b`; with the second the drain returns `[]`.
# With `shutdown("abort")` instead: P raises `Closed`, the result is `["a", "b"]`.


# %% [answer] e2
from typing import Literal


class StoppableQueue(BoundedQueue[T]):
    """A BoundedQueue that can be shut down in two ways."""

    def shutdown(
        self, mode: Literal["drain", "abort"], timeout: float | None = None
    ) -> list[T]:
        """Close the queue and return the items that no consumer will get.

        "drain" waits up to `timeout` seconds (else TimeoutError) for consumers to take
        them all; "abort" takes them out at once. ValueError for another mode.
        """
        ### BEGIN SOLUTION
        if mode not in ("drain", "abort"):
            raise ValueError(f"mode must be 'drain' or 'abort', not {mode!r}")
        deadline = self._deadline(timeout)
        self.close()
        with self._lock:
            if mode == "abort":
                left = list(self._items)
                self._items.clear()
                self._not_full.notify_all()
                return left
            while self._items:
                self._wait(self._not_full, deadline)
            return []

    def get(self, timeout: float | None = None) -> T:
        """Do as BoundedQueue.get, and tell those who drain when it was the last."""
        item = super().get(timeout)
        with self._lock:
            # On a closed queue only drains wait for room: producers have left.
            if self._closed and not self._items:
                self._not_full.notify_all()
        return item
        ### END SOLUTION


# %% [look] e2
def owners() -> dict[str, int]:
    line = StoppableQueue(4)
    for number in range(4):
        line.put(number)
    late = threads.Task(lambda: line.put(4))
    late.thread.start()
    taken = [line.get(), line.get()]
    late.thread.join(1)
    returned = line.shutdown("abort")
    try:
        taken.append(line.get())
    except Closed:
        pass
    return {"accepted": 5, "consumed": len(taken), "returned": len(returned)}


viz.beside(
    viz.attempt(threads.bounded, owners),
    {"accepted": 5, "consumed": 2, "returned": 3},
    draw.fates(["accepted", "consumed", "returned"]),
    alt="Bars: five items accepted, two consumed, three returned by an abort, yours "
    "beside the expected ones. Consumed and returned add up to accepted.",
)

# %% [check] e2 points=1
line = check.call(StoppableQueue, 3, shown="StoppableQueue(3)")
check.within(line.put, "a", shown="put('a')", none_ok=True)
check.within(line.put, "b", shown="put('b')", none_ok=True)
shown = "shutdown('abort') of a queue that holds 'a', 'b'"
check.equal(
    check.within(line.shutdown, "abort", shown=shown),
    ["a", "b"],
    shown=shown,
    hint="take all items out under the lock and return them",
)
check.raises(line.put, Closed, "c", shown="put('c') after the shutdown")

# %% [grade] e2.abort points=4 mode=shared
# Each accepted item ends up in one place, whoever sleeps and whoever competes.

# %% [grade] e2.drain points=5 mode=shared
# Waits until the last item is taken; blocked producers, timeouts, several at once.

# %% [hints] e2
# nudge: A drain sleeps until the queue is empty. Who makes it empty, and does that thread tell anybody?
#
# idea: Close first: from then on the number of items only falls. Abort is one step under the lock. Drain is a waiting loop like the others, woken by the consumer who takes the last item, or by an abort.
#
# outline: Check the mode, close. With the lock: for abort copy, clear, wake the drains, return the copy. For drain loop while items are left, waiting for the remaining time. Override get: after taking an item, if the queue is closed and empty, notify all who drain.

# %% [md] pipeline
# ## 5 · A pipeline that pushes back
#
# Decode, resize, upload: a **pipeline** is a row of stages with a queue before each, and
# some threads (workers) per stage. Bounded queues chain the backpressure: a slow upload fills
# its queue, so the resizers wait, so their queue fills, so the source is not read.
#
# Whoever wants results in order needs one more bound. While item 0 is slow, items 1, 2, 3, …
# finish and must be kept until it is done. Without a limit that buffer grows for as long as
# item 0 takes. So limit what is **in flight**: drawn from the source, not yet received.

# %% [md] pipeline-end
# ### Errors, the end, and giving up
#
# * An exception in a stage belongs to *its item*: record it, go on. A worker that dies of it leaves the pipeline one worker short, silently.
# * An exception that is no `Exception` (`KeyboardInterrupt`, `SystemExit`) means stop: end all threads and raise it in the caller.
# * The end of the source must reach *every* worker. A single end marker ends one of N; closing the queue reaches all. The last worker of a stage closes the queue behind it.
# * A consumer may stop early. A generator's `finally` runs when it is closed: the place to abort the queues and join the threads.


# %% generator-close
def counting():
    try:
        yield from range(1_000_000)
    finally:
        print("closed: here a pipeline ends its threads")


numbers = counting()
print(next(numbers), next(numbers))
numbers.close()

# %% [md] result-type
# One result for each item, with its place in the source, and either a value or an error:

# %% result
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the item at `index`: its value, or the error of its stage."""

    index: int
    value: object = None
    error: Exception | None = None


# %% [card] e3 minutes=25 core
# Run a pipeline
#
# Yield a `Result` per item of `source` (it may be endless), each item passed through all
# `stages`; stage `i` runs in `workers[i]` threads, all of them at once when there is work.
# An `Exception` ends its item only. Results come in order of the source, or as they finish
# (`ordered=False`). Never hold more than `sum(workers) + maxsize * len(stages) + 1` items in
# flight. Whatever ends the iteration, no thread stays. `ValueError` for counts that make no sense.

# %% [hand] e3
# **By hand.** Source 3, 0, 5; stages `invert` (1/x) and `round`; `workers=[2, 1]`. Item 1 raises in
# `invert`: its result is `Result(1, None, ZeroDivisionError(…))`, and `round` never sees it.
# Ordered, the caller gets indexes 0, 1, 2; with `maxsize=1` at most 3 + 1·2 + 1 = 6 items are in
# flight.


# %% [answer] e3
def run_pipeline(
    source: Iterable,
    stages: Sequence[Callable],
    *,
    workers: Sequence[int],
    maxsize: int,
    ordered: bool = True,
) -> Iterator[Result]:
    """Yield one Result for each item of `source`, worked on by threads.

    `workers[i]` threads run `stages[i]`; `maxsize` is in items, for each queue. An
    error of the source, or one in a stage that is no Exception, is raised here.
    Raises ValueError unless there is one positive count for each stage.
    """
    ### BEGIN SOLUTION
    if len(workers) != len(stages) or any(count < 1 for count in workers):
        raise ValueError(f"{len(stages)} stages need as many positive worker counts")
    queues: list[StoppableQueue] = [
        StoppableQueue(maxsize) for _ in range(len(stages) + 1)
    ]
    # A bounded queue of tickets, one for each item in flight.
    tickets: StoppableQueue = StoppableQueue(sum(workers) + maxsize * len(stages) + 1)
    active = list(workers)
    counting = threading.Lock()
    fatal: list[BaseException] = []

    def abort() -> None:
        for line in [tickets, *queues]:
            line.shutdown("abort")

    def feed() -> None:
        tickets.put(None)
        for index, item in enumerate(source):
            queues[0].put(Result(index, item))
            tickets.put(None)
        queues[0].close()

    def work(stage: int) -> None:
        function, inbox, outbox = stages[stage], queues[stage], queues[stage + 1]
        for result in _taken(inbox):
            if result.error is None:
                try:
                    result = Result(result.index, function(result.value))
                except Exception as error:
                    result = Result(result.index, error=error)
            outbox.put(result)
        with counting:
            active[stage] -= 1
            last = active[stage] == 0
        if last:
            outbox.close()

    def guarded(body: Callable, *args: object) -> None:
        try:
            body(*args)
        except Closed:
            pass  # the pipeline was aborted
        except BaseException as error:
            fatal.append(error)
            abort()

    crew = [(feed,)]
    crew += [(work, stage) for stage, n in enumerate(workers) for _ in range(n)]

    def results() -> Iterator[Result]:
        running = [threading.Thread(target=guarded, args=a, daemon=True) for a in crew]
        early: dict[int, Result] = {}
        due = 0
        try:
            for thread in running:
                thread.start()
            for result in _taken(queues[-1]):
                early[result.index] = result
                while (index := due if ordered else result.index) in early:
                    yield early.pop(index)
                    tickets.get()
                    due += 1
        finally:
            abort()
            for thread in running:
                thread.join()
        if fatal:
            raise fatal[0]

    return results()


def _taken(line: BoundedQueue[T]) -> Iterator[T]:
    """Yield what comes out of a queue until it is closed and drained."""
    while True:
        try:
            item = line.get()
        except Closed:
            return
        yield item
    ### END SOLUTION


# %% [look] e3
def leads() -> list[int]:
    drawn: list[int] = []
    stream = run_pipeline(
        (drawn.append(n) or n for n in range(10_000)),
        [lambda n: n + 1, lambda n: n * n],
        workers=[2, 1],
        maxsize=2,
    )
    found = []
    for received in range(1, 25):
        next(stream)
        time.sleep(0.005)  # a slow consumer: everything runs ahead as far as it may
        found.append(len(drawn) - received)
    stream.close()
    return found


viz.beside(
    viz.attempt(threads.bounded, leads),
    [7] * 24,
    draw.ahead(limit=2 + 1 + 2 * 2 + 1),
    alt="The number of items drawn ahead of a slow consumer after each of 24 results: "
    "a level line below the limit of eight, yours beside an expected one.",
)

# %% [check] e3 points=2
shown = "run_pipeline([3, 0, 5], [1/x, round], workers=[2, 1], maxsize=1)"

stages = [lambda x: 1 / x, round]
stream = check.call(
    run_pipeline, [3, 0, 5], stages, workers=[2, 1], maxsize=1, shown=shown
)
got = check.within(lambda: list(stream), shown=shown)
check.equal(
    [(one.index, one.value, type(one.error).__name__) for one in got],
    [(0, 0, "NoneType"), (1, None, "ZeroDivisionError"), (2, 0, "NoneType")],
    shown=shown,
    hint="catch Exception around the call of the stage, and put it into the Result",
)

# %% [grade] e3.results points=5 mode=shared
# Values, order, as they finish, errors of all kinds, empty sources, bad counts.

# %% [grade] e3.ahead points=5 mode=shared
# A slow consumer; a slow first item; an endless source.

# %% [grade] e3.parallel points=3 mode=shared
# All workers of a stage at once, no more than allowed, no lock held in a stage.

# %% [grade] e3.ends points=5 mode=shared
# Closed early, run to the end, stopped by an error: no thread stays.

# %% [hints] e3
# nudge: Draw the queues and write beside each who puts, who gets, and who closes it. Which one is missing a closer?
#
# idea: Stages connected by your queues, one thread that feeds the first, the generator that reads the last. Something that counts items in flight stops the feeder: a semaphore, or one more bounded queue used as a box of tickets.
#
# outline: Feeder: take a ticket, draw an item, put it, and close the first queue at the end. Worker: until the inbox is closed, take a result, call the stage unless it has an error, put the result; the last worker of a stage closes the outbox. Generator: keep early results in a dictionary, yield the one that is due, give a ticket back; in finally abort all queues and join. Anything fatal is recorded, and aborts as well.

# %% [md] look-pushback
# ### Ask what is in flight
#
# In the picture the lead is one less than the limit: the generator holds the ticket of the
# result that you just received until you ask for the next one. Both are fine. What matters: the
# line is level. Its height does not depend on how slow the consumer is.

# %% [md] semaphores
# ## 6 · Counting and meeting
#
# Two more tools are made of a lock and a condition, and interviewers ask you to make them:
#
# * A **semaphore** holds a number of permits. `acquire` takes one, waiting while there are none; `release` gives one back. Unlike a notification, a permit is *stored*: released first and acquired later is fine.
# * A **barrier** lets nobody pass until `parties` threads have arrived, and then all of them. Training loops use one after every step.
#
# A barrier that is used again has a trap, which you can step through by hand.

# %% [md] barrier-trap
# ### The second round
#
# Take a barrier for 2 that waits `while arrived < 2`. A arrives and sleeps. B arrives: `arrived`
# is 2, B notifies and runs on. B is fast: it is back for round two before A has woken. Now what is
# `arrived`? If B set it to 0, A wakes, sees 0 or 1, and sleeps on: it missed its round. If not,
# B passes at once, alone.
#
# A count cannot tell the rounds apart, so number them: each thread remembers the **generation**
# in which it arrived and sleeps while that is still the current one. The last to arrive begins the next.

# %% [card] e4 minutes=12 core
# Semaphore and barrier
#
# `Semaphore(value)`: `acquire(timeout)` returns `True`, or `False` when no permit came in time;
# `release()` adds one permit and wakes a sleeper. `ValueError` below 0. `Barrier(parties)`: `wait()`
# returns the place of arrival in this round, from 0 to `parties - 1`, when all have come, round after
# round. `ValueError` below 1. No `Semaphore` or `Barrier` of `threading`.

# %% [hand] e4
# **By hand.** `Semaphore(0)`: `release()`, then `acquire()` returns `True` at once, then
# `acquire(timeout=0)` returns `False`. `Barrier(2)`: A waits; B waits and gets 1, A gets 0. B
# waits again, and sleeps, though A may still be on its way out of round one.


# %% [answer] e4
class Semaphore:
    """A number of permits, at least `value` of which exist."""

    def __init__(self, value: int) -> None:
        """Begin with `value` permits; ValueError if negative."""
        ### BEGIN SOLUTION
        if value < 0:
            raise ValueError(f"value must not be negative, got {value}")
        self._value = value
        self._released = threading.Condition()
        ### END SOLUTION

    def acquire(self, timeout: float | None = None) -> bool:
        """Take a permit; return False if none came within `timeout` seconds."""
        ### BEGIN SOLUTION
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._released:
            while self._value == 0:
                remaining = None if deadline is None else deadline - time.monotonic()
                if remaining is not None and remaining <= 0:
                    return False
                self._released.wait(remaining)
            self._value -= 1
            return True
        ### END SOLUTION

    def release(self) -> None:
        """Give one permit back."""
        ### BEGIN SOLUTION
        with self._released:
            self._value += 1
            self._released.notify()
        ### END SOLUTION


class Barrier:
    """A meeting point for `parties` threads, round after round."""

    def __init__(self, parties: int) -> None:
        """Begin the first round; ValueError below 1."""
        ### BEGIN SOLUTION
        if parties < 1:
            raise ValueError(f"parties must be at least 1, got {parties}")
        self._parties = parties
        self._arrived = 0
        self._generation = 0
        self._complete = threading.Condition()
        ### END SOLUTION

    def wait(self) -> int:
        """Wait for all parties; return the place of arrival in this round, from 0."""
        ### BEGIN SOLUTION
        with self._complete:
            place, generation = self._arrived, self._generation
            self._arrived += 1
            if self._arrived == self._parties:
                self._arrived = 0
                self._generation += 1
                self._complete.notify_all()
            while generation == self._generation:
                self._complete.wait()
            return place
        ### END SOLUTION


# %% [look] e4
def meetings(parties: int = 3, rounds: int = 3) -> list[list[int]]:
    meeting, passed = Barrier(parties), []

    def come() -> None:
        for number in range(rounds):
            meeting.wait()
            passed.append(number)

    tasks = [threads.Task(come) for _ in range(parties)]
    for task in tasks:
        task.thread.start()
    for task in tasks:
        task.thread.join()
        if task.error:
            raise task.error
    return [passed[at : at + parties] for at in range(0, len(passed), parties)]


viz.beside(
    viz.attempt(threads.bounded, meetings),
    [[number] * 3 for number in range(3)],
    draw.rounds(3),
    alt="Three rows of three words, yours and the expected ones: three threads pass "
    "the barrier in round 0, then all in round 1, then all in round 2.",
    height=2.2,
)

# %% [check] e4 points=1
permits = check.call(Semaphore, 1, shown="Semaphore(1)")
shown = "Semaphore(1): acquire(), acquire(timeout=0), release(), acquire()"
got = [check.within(permits.acquire, shown=shown)]
got.append(check.within(permits.acquire, timeout=0, shown=shown))
check.within(permits.release, shown=shown, none_ok=True)
got.append(check.within(permits.acquire, shown=shown))
check.equal(got, [True, False, True], shown=shown)
alone = check.call(Barrier, 1, shown="Barrier(1)")
check.equal(check.within(alone.wait, shown="wait()"), 0, shown="Barrier(1).wait()")

# %% [grade] e4.semaphore points=4 mode=shared
# Stored permits, early wake-ups, timeouts, everybody served.

# %% [grade] e4.barrier points=5 mode=shared
# Many rounds, early wake-ups, a fast thread that comes back before a slow one leaves.

# %% [hints] e4
# nudge: For the barrier: what can a thread that wakes up look at which a fast thread cannot have changed back?
#
# idea: The semaphore is the queue's get with a number in place of the items. The barrier needs the count of this round and the number of the round.
#
# outline: Barrier: with the lock, note place and round, count yourself. If you complete the round: count back to 0, next round, notify all. Sleep while the round is still the one you noted. Return the place.

# %% [md] gil
# ## 7 · Threads or processes?
#
# CPython runs one thread of Python code at a time: the **global interpreter lock** (GIL) is held by the
# thread that interprets. Your queue is still needed, since the interpreter may change threads between any two
# steps. A thread gives the GIL up while it waits for input or output, and while much C code
# (NumPy, hashlib, zlib, image codecs) computes.
#
# Four jobs of three kinds: which gain from four threads, and which need four processes? Guess for Python code.

# %% guess-gil
widgets.predict(
    "gil", "Four threads count in Python: how many times as fast as one by one?"
)

# %% [md] measure-intro
# This cell measures on your machine. It takes some seconds, since processes must start.


# %% measure-modes
def measured() -> object:
    seconds = workers.measure()
    counted = seconds["count in Python"]
    widgets.reveal("gil", counted["one by one"] / counted["threads"])
    return draw.modes(seconds)


viz.show(
    measured,
    alt="Three groups of bars: how many times faster threads and processes are than "
    "one by one, for waiting, for Python code and for hashing in C.",
)

# %% [md] gil-read
# Waiting gains from threads as much as from processes: nobody computes. Counting in Python gains
# nothing from threads; processes gain as far as you have free processors. Hashing in C gains from both,
# because it works without the GIL. So: threads for input and output, and for C code that lets go; processes for Python code.
#
# Processes have a price. Arguments and results are **pickled** (turned into bytes and back), and a
# function is pickled *by name*: a lambda or a nested function has none that another process can import.

# %% [md] amdahl
# ### How far can it go?
#
# If a job holds the GIL for a share of its time, that share never runs side by side. Four threads, a share of
# one half: guess the speed-up, then set the sliders.


# %% amdahl-explore
def by_threads(locked: float = 0.5, processors: int = 8) -> dict:
    counts = list(range(1, 17))
    times = [workers.speedup(n, locked, processors) for n in counts]
    facts = {"threads": counts, "speedup": times}
    return facts | {"locked": locked, "cores": processors}


widgets.explore(
    by_threads,
    draw.speedups,
    question="Which share still lets 8 processors be worth 4?",
    alt="Speed-up against the number of threads: the ideal is a straight line, the "
    "modelled curve bends and stays below two when half of the time holds the lock.",
    locked=(0.0, 1.0, 0.05),
    processors=(1, 16, 1),
)

# %% [md] jobs
# ### Jobs that do not see each other
#
# A batch of image jobs is a classic of the coding round. Its real question is what a job may see. If jobs
# run side by side, "job 2 reads what job 1 wrote" depends on luck. So every job reads
# the **original snapshot**, never another job's output; reports come in the order of the jobs; a failure
# stays with its job.
#
# Arithmetic has its own trap: a picture is `uint8`, and 200 + 100 in `uint8` is 44. Compute in a wider type, then limit to 0–255.

# %% jobs-example
from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor

photo = images.sunset()
wraps = photo[:2, 0, 0] + photo[:2, 0, 0]
print("uint8:", photo[:2, 0, 0], "doubled:", wraps)
small = images.OPERATIONS["scale"](images.grayscale(photo), 3, 4)
print(small.shape, small.dtype, list(images.OPERATIONS))
print(images.Job("a.png", "b.png", (("grayscale",), ("scale", 3, 4))))

# %% [card] e5 minutes=25 stretch
# Process a batch of images
#
# Add `brighten` (limited to 0–255) and `blur` (mean over a square, at edges over the pixels inside,
# halves up) to `images.OPERATIONS`, and run each job on its original in
# `executor_factory(max_workers=workers)`, also a pool of processes. Return an `images.Report` per job, in
# order, and the files made; the later job wins a name. Errors: `"missing_input"`; the code of an
# `images.Invalid`; `"invalid_operation"` for all else. Blur's radius below 0: `"invalid_dimensions"`.

# %% [hand] e5
# **By hand.** Grey row 0, 100, 255: `brighten(…, 100)` gives 100, 200, 255. `blur(…, 1)`: the left
# pixel sees 0 and 100, mean 50; the middle one sees all, 118.33, so 118; the right one 177.5, so 178.
# Jobs `a→b` and `b→c` with files `{"a"}`: the second reports `missing_input`, though the first made `b`.


# %% [answer] e5
def brighten(image: np.ndarray, amount: int) -> np.ndarray:
    """Return the uint8 picture with `amount` (may be negative) added to each value."""
    ### BEGIN SOLUTION
    return np.clip(image.astype(np.int64) + amount, 0, 255).astype(np.uint8)
    ### END SOLUTION


def blur(image: np.ndarray, radius: int) -> np.ndarray:
    """Return the uint8 picture, each value the mean of the square around it.

    The square has 2 * radius + 1 pixels a side; pixels outside the picture do not
    count. Halves round up. Raises images.Invalid for a radius below 0.
    """
    ### BEGIN SOLUTION
    if radius < 0:
        raise images.Invalid("invalid_dimensions")
    total, count = image.astype(np.int64), np.ones_like(image, np.int64)
    for axis in (0, 1):
        total, count = (_window_sums(part, radius, axis) for part in (total, count))
    return ((2 * total + count) // (2 * count)).astype(np.uint8)


def _window_sums(values: np.ndarray, radius: int, axis: int) -> np.ndarray:
    """Return sums over the 2 * radius + 1 neighbours along one axis."""
    size = values.shape[axis]
    sums = np.concatenate([np.zeros_like(values.take([0], axis)), values], axis)
    sums = sums.cumsum(axis)
    at = np.arange(size)
    above = sums.take(np.minimum(at + radius + 1, size), axis)
    return above - sums.take(np.maximum(at - radius, 0), axis)


def _run_steps(
    image: np.ndarray | None, steps: Sequence[tuple]
) -> tuple[np.ndarray | None, str | None]:
    """Return the picture after all steps, or why there is none.

    It stands at the top level, so that another process can find it by name.
    """
    if image is None:
        return None, "missing_input"
    operations = {**images.OPERATIONS, "brighten": brighten, "blur": blur}
    try:
        made = image.copy()
        for name, *args in steps:
            made = operations[name](made, *args)
    except images.Invalid as error:
        return None, error.code
    except Exception:  # whatever a bad step does, it ends its own job only
        return None, "invalid_operation"
    return made, None
    ### END SOLUTION


def process_jobs(
    files: Mapping[str, np.ndarray],
    jobs: Sequence[images.Job],
    *,
    executor_factory: Callable[..., Executor],
    workers: int,
) -> tuple[list[images.Report], dict[str, np.ndarray]]:
    """Run every job on the pictures of `files`; return reports and new pictures.

    The executor is a context manager with submit and map, as in concurrent.futures.
    """
    ### BEGIN SOLUTION
    with executor_factory(max_workers=workers) as pool:
        pending = [
            pool.submit(_run_steps, files.get(job.source), job.steps) for job in jobs
        ]
        outcomes = [future.result() for future in pending]
    reports = [images.Report(n, error) for n, (_, error) in enumerate(outcomes)]
    made = {
        job.target: picture
        for job, (picture, _) in zip(jobs, outcomes, strict=True)
        if picture is not None
    }
    return reports, made
    ### END SOLUTION


# %% [look] e5
def soft_and_bright() -> np.ndarray:
    job = images.Job("in", "out", (("blur", 4), ("brighten", 60)))
    _, made = process_jobs(
        {"in": photo}, [job], executor_factory=ThreadPoolExecutor, workers=2
    )
    return made["out"]


def roughly() -> np.ndarray:
    wide = np.pad(photo, ((4, 4), (4, 4), (0, 0)), mode="edge")
    near = [wide[y : y + 60, x : x + 90] for y in (0, 4, 8) for x in (0, 4, 8)]
    return np.clip(np.mean(near, axis=0) + 60, 0, 255).astype(np.uint8)


viz.beside(
    viz.attempt(threads.bounded, soft_and_bright),
    roughly(),
    draw.picture,
    titles=("yours", "roughly what to expect"),
    alt="A sunset over water, blurred and brightened: yours beside a rough version.",
)

# %% [check] e5 points=2
row = np.array([[0, 100, 255]], np.uint8)
want = np.array([[100, 200, 255]], np.uint8)
check.case(brighten, row, 100, want=want, shown="brighten([[0, 100, 255]], 100)")
want = np.array([[50, 118, 178]], np.uint8)
check.case(blur, row, 1, want=want, shown="blur([[0, 100, 255]], 1)")
two = [images.Job("a", "b", (("brighten", 1),)), images.Job("b", "c", ())]
shown = "process_jobs({'a': …}, [a to b, b to c], …)"
how = {"executor_factory": ThreadPoolExecutor, "workers": 2}
reports, made = check.call(process_jobs, {"a": row}, two, **how, shown=shown)
want = [images.Report(0), images.Report(1, "missing_input")]
check.equal(reports, want, shown=shown)
check.equal(sorted(made), ["b"], shown=shown + ": names of the files made")

# %% [grade] e5.pixels points=3 mode=split
# Saturation, edges, large radii, colour, types; inputs stay as they are.

# %% [grade] e5.snapshot points=4 mode=shared
# Jobs see originals; order of reports; the later job wins; any number of workers.

# %% [grade] e5.failures points=3 mode=shared
# Each kind of error, beside jobs that succeed.

# %% [grade] e5.processes points=3 mode=shared
# Everything that a pool is given can be pickled; work is really handed to the pool.

# %% [hints] e5
# nudge: What does a worker need to know, and can all of it be pickled?
#
# idea: One function at the top level takes a picture and steps, and returns a pair: the new picture or None, and the error code or None. It never raises. For the blur, sum in a wide type, and count the pixels of each square the same way.
#
# outline: Submit one call per job with the picture from the original files. Collect the results in the order of submission. Build the reports; then fill a dictionary in order, so that the later job wins. For the blur: running sums along one axis, differences of two of them give the sums of windows cut at the edges; then the other axis; divide by the same for ones.

# %% [md] deadlocks
# ## 8 · Deadlocks before they happen
#
# A thread holds lock A and wants B; another holds B and wants A: both sleep for ever. This is
# a **deadlock**. In tests it almost never shows up, since both must be stopped at just the wrong moment.
#
# But the *habit* shows in any run: one thread took B while holding A, another A while
# holding B. Draw an arrow from each held lock to the lock that was taken next; a **cycle** of arrows is a
# deadlock waiting for its day. The cure is an order of locks that everybody keeps.

# %% [md] false-alarms
# ### When a cycle is harmless
#
# * **One thread alone** cannot block itself: the arrows of a cycle must come from different threads.
# * **Taking a lock again** that the thread holds already (a re-entrant lock, `RLock`) is no arrow, and it is free only after as many releases.
# * **A gate.** If both threads hold a third lock G while they do it, only one of them can be in there. So the sets of locks held at the arrows of a cycle must have nothing in common.
#
# K. Havelund called this analysis *Goodlock* (2000).

# %% trace
TRACE = [
    *[("T1", "acq", "A"), ("T1", "acq", "B"), ("T1", "rel", "B"), ("T1", "rel", "A")],
    *[("T2", "acq", "B"), ("T2", "acq", "C"), ("T2", "rel", "C"), ("T2", "rel", "B")],
    *[("T3", "acq", "C"), ("T3", "acq", "A"), ("T3", "rel", "A"), ("T3", "rel", "C")],
]
ARROWS = [("A", "B", "T1"), ("B", "C", "T2"), ("C", "A", "T3")]

# %% [card] e6 minutes=20 stretch
# Find possible deadlocks
#
# From a trace of `(thread, "acq" | "rel", lock)` in order of time, return every cycle of locks in which
# each lock is wanted by a thread that holds the one before it: different threads, and no lock
# held by two of them at those moments. A cycle is a tuple that begins with its smallest lock; cycles are sorted, each
# once. `ValueError` for a release of a lock that the thread does not hold.

# %% [hand] e6
# **By hand.** In `TRACE` nobody ever waits. T1 takes B while holding A, T2 takes C while holding B, T3 takes A
# while holding C. Three threads, nothing held in common: `[("A", "B", "C")]`. If each of them held
# G first, the result would be `[]`.


# %% [answer] e6
def lock_order_cycles(trace: Sequence[tuple[str, str, str]]) -> list[tuple[str, ...]]:
    """Return the cycles of locks on which the threads of `trace` could deadlock.

    An entry is (thread, "acq" or "rel", lock). Each cycle starts with its smallest
    lock and goes from a held lock to the wanted one. Raises ValueError for a release
    without an acquisition. Source: K. Havelund, Using Runtime Analysis to Guide Model
    Checking of Java Programs, 2000.
    """
    ### BEGIN SOLUTION
    held: dict[str, Counter[str]] = {}
    arrows: dict[str, set[tuple[str, str, frozenset[str]]]] = {}
    for thread, action, lock in trace:
        mine = held.setdefault(thread, Counter())
        if action == "acq":
            if lock not in mine:
                for before in mine:
                    arrow = lock, thread, frozenset(mine)
                    arrows.setdefault(before, set()).add(arrow)
            mine[lock] += 1
        elif lock not in mine:
            raise ValueError(f"{thread} releases {lock} without holding it")
        else:
            mine[lock] -= 1
            if mine[lock] == 0:
                del mine[lock]

    cycles: set[tuple[str, ...]] = set()

    def extend(
        path: tuple[str, ...], used: frozenset[str], guards: frozenset[str]
    ) -> None:
        for lock, thread, holding in arrows.get(path[-1], ()):
            if thread in used or guards & holding:
                continue
            if lock == path[0]:
                cycles.add(path)
            elif lock > path[0]:
                extend((*path, lock), used | {thread}, guards | holding)

    for start in arrows:
        extend((start,), frozenset(), frozenset())
    return sorted(cycles)
    ### END SOLUTION


# %% [look] e6
viz.beside(
    viz.attempt(threads.bounded, lock_order_cycles, TRACE),
    [("A", "B", "C")],
    draw.lock_order("ABC", ARROWS),
    alt="Three locks in a circle with an arrow from each to the next, labelled with a "
    "thread; the arrows of a cycle are orange, yours beside the expected ones.",
)

# %% [check] e6 points=1 mode=split
check.case(
    lock_order_cycles, TRACE, want=[("A", "B", "C")], shown="lock_order_cycles(TRACE)"
)
guarded = []
for at in range(0, len(TRACE), 4):
    thread = TRACE[at][0]
    guarded += [(thread, "acq", "G"), *TRACE[at : at + 4], (thread, "rel", "G")]
check.case(lock_order_cycles, guarded, want=[], shown="the same, each holding G first")

# %% [grade] e6.cycles points=4 mode=split
# Two, three and more locks, several cycles, one thread alone, random traces.

# %% [grade] e6.reentry points=2 mode=split
# Locks taken twice, released in any order, released without being held.

# %% [grade] e6.gates points=3 mode=split
# A gate around both, around one, released too early.

# %% [hints] e6
# nudge: At the moment a thread takes a lock, what do you have to write down to decide later about cycles, threads and gates?
#
# idea: An arrow is more than two locks: it also has the thread and the set of locks held. Walk along arrows, collecting threads and held locks; refuse an arrow that repeats one.
#
# outline: First pass: count for each thread how often it holds each lock; a lock taken for the first time gives one arrow per lock held. Second pass, from each lock: extend paths by arrows whose thread is new and whose held set is disjoint from all collected so far; go only to locks above the start; arriving at the start is a cycle.

# %% [essay] e7 points=10 rubric=service minutes=10 stretch
# Design the image service
#
# In at most 150 words, for a reviewer: a service downloads pictures, decodes and blurs them, and uploads the
# results. Say where the queues stand and how you choose their sizes; where you use threads and
# where processes, and why; two invariants that your queue keeps; what happens between "stop" and the end of the
# process, in which order; and what a crash in the middle can lose or repeat, and how the caller can tell.

# %% [rubric] service
# **A strong answer contains**
#
# * a bounded queue before each stage and a limit on what is in flight; sizes from rate × tolerated delay (Little's law) and from memory per item, not "large enough"
# * threads for download and upload; decoding and blurring in processes, or in threads if the library lets the GIL go; names the cost of pickling pictures
# * invariants, such as: an accepted item has exactly one owner; at most `capacity` items; nobody sleeps while its condition holds; no callback or input/output under the lock
# * stop: refuse new work, drain with a deadline, abort and hand the rest back, join the threads, then exit
# * a crash loses what is in memory; acknowledging after the upload makes it at least once; repeats need an idempotent upload (a name derived from the content or an id)
#
# **Red flags**: unbounded queues "since memory is cheap"; "threads are useless because of the GIL"; killing threads; claims exactly-once; sleep-polling.
#
# **Levels**
#
# * 0–2: lists components without saying why
# * 3–5: bounded queues or a right choice of threads and processes, shutdown vague
# * 6–8: sizes with a reason, ordered shutdown with a deadline, one honest failure case
# * 9–10: all of it with invariants, brief, and says what was given up

# %% [md] aloud
# ## Say it out loud
#
# Rehearse in 90 seconds, standing up: "One lock guards items and the closed flag. Two conditions on it, so that I can
# notify exactly one of the right kind. Every wait stands in a loop, because a woken thread may come second and may be woken
# for nothing. A timeout becomes a monotonic deadline once. `close` notifies all on both sides; `get` drains before it
# raises. Nothing slow happens under the lock." Then say how you would test it without luck.

# %% [md] follow
# ## Follow-ups
#
# 1. Hand out the most urgent item first. What changes, and who starves?
# 2. Two kinds of producers share the queue, one of them greedy. How do you make it fair?
# 3. Give `get` a cancellation token that another thread can set. What must setting it do?
# 4. Port the queue to `asyncio`. Which locks disappear, and which of your tests still mean something?
# 5. The consumer is another process on this machine. Where do `put` and `close` live now?
# 6. A consumer takes an item and crashes. Add `ack` and a lease, so that it is delivered again. Why can you not have exactly once?

# %% [md] deeper
# ## Go deeper
#
# * C. A. R. Hoare, *Monitors: An Operating System Structuring Concept*, Communications of the ACM, 1974: where conditions come from
# * A. Downey, *The Little Book of Semaphores*, 2016: puzzles, from barriers to dining philosophers
# * The Python library reference, module `threading`, and `queue.py` of the standard library, which you can now read

# %% [review]
# ## Review cards
#
# Q: Why does a wait stand in a `while`, not an `if`?
# A: Between the notification and the moment the thread has the lock again another one may have come first, and a wait may return without any notification. Only looking again is certain.
#
# Q: When is `notify()` instead of `notify_all()` right?
# A: When all who sleep on the condition wait for the same thing, and one of them is enough. Otherwise the one who wakes may be of the wrong kind.
#
# Q: Why `time.monotonic()` for timeouts, and why a deadline?
# A: The wall clock can be set. And an early wake-up must not start the timeout anew: wait for what remains.
#
# Q: What must `close()` do besides setting a flag?
# A: Set it under the same lock as the items, and notify all consumers and all producers.
#
# Q: Drain or abort: who owns an item whose `put` raised `Closed`?
# A: The producer. Accepted items go to a consumer or into abort's list, each exactly once.
#
# Q: An ordered pipeline has bounded queues. What may still grow without bound?
# A: The buffer of results that wait for a slow earlier item. Limit the items in flight.
#
# Q: Why does a reusable barrier need a generation number?
# A: A fast thread may enter the next round before a slow one has left the last; a count alone cannot tell the rounds apart.
#
# Q: Threads or processes in CPython?
# A: Threads for waiting and for C code that releases the GIL; processes for Python code, at the price of pickling.
