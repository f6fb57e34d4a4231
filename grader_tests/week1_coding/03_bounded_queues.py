"""Answers to notebook 3 of week 1: wrong ones that must die, unusual ones that pass."""

import asyncio
import contextlib
import itertools
import queue
import threading
import time
from collections import Counter, deque
from concurrent.futures import (
    FIRST_COMPLETED,
    ThreadPoolExecutor,
    as_completed,
    wait,
)
from typing import Generic

import numpy as np

from course.ops.proof import edited, right, wrong
from course.sim import images

# -- e1: BoundedQueue --------------------------------------------------------------

edited(
    "e1.wakes",
    "if for while in get",
    old="            while not self._items:",
    new="            if not self._items:",
    because="early wake-up",
)
edited(
    "e1.wakes",
    "if for while in put",
    old="            while not self._closed and len(self._items) >= self._capacity:",
    new="            if not self._closed and len(self._items) >= self._capacity:",
    because="early wake-up",
)
edited(
    "e1.wakes",
    "no notify after get",
    old="            self._not_full.notify()",
    new="            pass",
    because="notify|removal",
)
edited(
    "e1.wakes",
    "no notify after put",
    old="            self._not_empty.notify()",
    new="            pass",
    because="after an append",
)
edited(
    "e1.wakes",
    "one condition and notify",
    old="self._not_full = threading.Condition(self._lock)",
    new="self._not_full = self._not_empty",
    because="two consumers sleep|wrong side",
)
edited(
    "e1.wakes",
    "notifies before it appends, and lets go between",
    old="            self._items.append(item)\n            self._not_empty.notify()",
    new="            self._not_empty.notify()\n        time.sleep(0.001)\n"
    "        with self._lock:\n            self._items.append(item)",
    because="put|get",
)
edited(
    "e1.close",
    "close notifies one",
    old="            self._not_empty.notify_all()\n"
    "            self._not_full.notify_all()",
    new="            self._not_empty.notify()\n            self._not_full.notify()",
    because="four consumers",
)
edited(
    "e1.close",
    "close forgets the producers",
    old="            self._not_empty.notify_all()\n"
    "            self._not_full.notify_all()",
    new="            self._not_empty.notify_all()",
    because="four producers",
)
edited(
    "e1.close",
    "close forgets the consumers",
    old="            self._not_empty.notify_all()\n"
    "            self._not_full.notify_all()",
    new="            self._not_full.notify_all()",
    because="four consumers",
)
edited(
    "e1.close",
    "close throws the items away",
    old="            self._closed = True\n",
    new="            self._closed = True\n            self._items.clear()\n",
    because="after close",
)
edited(
    "e1.close",
    "put after close",
    old='            if self._closed:\n                raise Closed("put on',
    new='            if False:\n                raise Closed("put on',
    because="put",
)
edited(
    "e1.close",
    "get looks at closed first",
    old="            while not self._items:\n                if self._closed:",
    new="            while self._closed or not self._items:\n"
    "                if self._closed:",
    because="after close",
)
edited(
    "e1.close",
    "a full closed queue times out",
    old="            while not self._closed and len(self._items) >= self._capacity:\n"
    "                self._wait(self._not_full, deadline)",
    new="            while len(self._items) >= self._capacity:\n"
    "                self._wait(self._not_full, deadline)\n"
    "                if self._closed:\n                    raise Closed",
    because="closed and full",
)


@wrong("e1.timeouts", because="woken early")
class BoundedQueue__timeout_starts_again(Generic[T]):
    def __init__(self, capacity):
        if capacity < 1:
            raise ValueError
        self._capacity, self._items, self._closed = capacity, deque(), False
        self._lock = threading.Lock()
        self._not_empty = threading.Condition(self._lock)
        self._not_full = threading.Condition(self._lock)

    def put(self, item, timeout=None):
        with self._lock:
            while not self._closed and len(self._items) >= self._capacity:
                if timeout is not None and timeout <= 0:
                    raise TimeoutError
                if not self._not_full.wait(timeout):
                    raise TimeoutError
            if self._closed:
                raise Closed
            self._items.append(item)
            self._not_empty.notify()

    def get(self, timeout=None):
        with self._lock:
            while not self._items:
                if self._closed:
                    raise Closed
                if timeout is not None and timeout <= 0:
                    raise TimeoutError
                if not self._not_empty.wait(timeout):
                    raise TimeoutError
            self._not_full.notify()
            return self._items.popleft()

    def close(self):
        with self._lock:
            self._closed = True
            self._not_empty.notify_all()
            self._not_full.notify_all()

    def __len__(self):
        return len(self._items)


@wrong("e1.timeouts", because="clock is set")
class BoundedQueue__wall_clock(Generic[T]):
    def __init__(self, capacity):
        if capacity < 1:
            raise ValueError
        self._capacity, self._items, self._closed = capacity, deque(), False
        self._changed = threading.Condition()

    def _wait(self, deadline):
        remaining = None if deadline is None else deadline - time.time()
        if remaining is not None and remaining <= 0:
            raise TimeoutError
        self._changed.wait(remaining)

    def put(self, item, timeout=None):
        deadline = None if timeout is None else time.time() + timeout
        with self._changed:
            while not self._closed and len(self._items) >= self._capacity:
                self._wait(deadline)
            if self._closed:
                raise Closed
            self._items.append(item)
            self._changed.notify_all()

    def get(self, timeout=None):
        deadline = None if timeout is None else time.time() + timeout
        with self._changed:
            while not self._items:
                if self._closed:
                    raise Closed
                self._wait(deadline)
            self._changed.notify_all()
            return self._items.popleft()

    def close(self):
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __len__(self):
        return len(self._items)


edited(
    "e1.timeouts",
    "a timeout of 0 waits for ever",
    old="return None if timeout is None else time.monotonic() + timeout",
    new="return time.monotonic() + timeout if timeout else None",
    because="timeout=0",
)
edited(
    "e1.timeouts",
    "None on timeout",
    old="            raise TimeoutError\n        condition.wait(remaining)\n",
    new="            raise TimeoutError\n        condition.wait(remaining)\n\n"
    "    _get = get\n\n    def get(self, timeout=None):\n        try:\n"
    "            return self._get(timeout)\n        except TimeoutError:\n"
    "            return None\n",
    because="returned None",
)
edited(
    "e1.timeouts",
    "gives up at once when it is not ready",
    old="        if remaining <= 0:",
    new="        if remaining <= 0.05:",
    because="gave up",
)


@wrong("e1.idle", because="waiting|processor")
class BoundedQueue__busy_wait(Generic[T]):
    def __init__(self, capacity):
        if capacity < 1:
            raise ValueError
        self._capacity, self._items, self._closed = capacity, deque(), False
        self._lock = threading.Lock()

    def put(self, item, timeout=None):
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._lock:
                if self._closed:
                    raise Closed
                if len(self._items) < self._capacity:
                    self._items.append(item)
                    return
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError

    def get(self, timeout=None):
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._lock:
                if self._items:
                    return self._items.popleft()
                if self._closed:
                    raise Closed
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError

    def close(self):
        self._closed = True

    def __len__(self):
        return len(self._items)


@wrong("e1.idle", because="time.sleep")
class BoundedQueue__sleep_poll(Generic[T]):
    def __init__(self, capacity):
        if capacity < 1:
            raise ValueError
        self._capacity, self._items, self._closed = capacity, deque(), False
        self._lock = threading.Lock()

    def put(self, item, timeout=None):
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._lock:
                if self._closed:
                    raise Closed
                if len(self._items) < self._capacity:
                    self._items.append(item)
                    return
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError
            time.sleep(0.01)

    def get(self, timeout=None):
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._lock:
                if self._items:
                    return self._items.popleft()
                if self._closed:
                    raise Closed
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError
            time.sleep(0.01)

    def close(self):
        self._closed = True

    def __len__(self):
        return len(self._items)


edited(
    "e1.idle",
    "polls with short waits",
    old="            condition.wait()\n            return",
    new="            condition.wait(0.01)\n            return",
    because="waits of one thread",
)
edited(
    "e1.fifo",
    "last in, first out",
    old="            item = self._items.popleft()",
    new="            item = self._items.pop()",
    because="got",
)
edited(
    "e1.fifo",
    "room for one more",
    old="len(self._items) >= self._capacity:",
    new="len(self._items) > self._capacity:",
    because="timeout=0",
)
edited(
    "e1.fifo",
    "room for one less",
    old="self._capacity = capacity",
    new="self._capacity = max(1, capacity - 1)",
    because="timeout=0",
)
edited(
    "e1.fifo",
    "falsy items are lost",
    old="            self._items.append(item)",
    new="            if item:\n                self._items.append(item)",
    because="falsy|truth",
)
edited(
    "e1.fifo",
    "None means closed",
    old="            item = self._items.popleft()",
    new="            item = self._items.popleft()\n            if item is None:\n"
    "                raise Closed",
    because="Closed",
)
edited(
    "e1.fifo",
    "any capacity",
    old="        if capacity < 1:",
    new="        if False:",
    because="ValueError",
)


@wrong("e1.fifo", because="what this exercise builds")
class BoundedQueue__library(Generic[T]):
    def __init__(self, capacity):
        if capacity < 1:
            raise ValueError
        self._queue, self._closed = queue.Queue(capacity), False

    def put(self, item, timeout=None):
        if self._closed:
            raise Closed
        try:
            self._queue.put(item, timeout != 0, timeout or None)
        except queue.Full:
            raise TimeoutError from None

    def get(self, timeout=None):
        try:
            return self._queue.get(timeout != 0, timeout or None)
        except queue.Empty:
            raise (Closed if self._closed else TimeoutError) from None

    def close(self):
        self._closed = True

    def __len__(self):
        return self._queue.qsize()


@wrong("e1.crowd", because="consumers|Index|one lock")
class BoundedQueue__check_outside_the_lock(Generic[T]):
    def __init__(self, capacity):
        if capacity < 1:
            raise ValueError
        self._capacity, self._items, self._closed = capacity, deque(), False
        self._lock = threading.Lock()
        self._not_empty = threading.Condition(self._lock)
        self._not_full = threading.Condition(self._lock)

    def put(self, item, timeout=None):
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._closed and len(self._items) >= self._capacity:
            with self._lock:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError
                self._not_full.wait(left)
        with self._lock:
            if self._closed:
                raise Closed
            self._items.append(item)
            self._not_empty.notify()

    def get(self, timeout=None):
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._items:
            if self._closed:
                raise Closed
            with self._lock:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError
                self._not_empty.wait(left)
        with self._lock:
            item = self._items.popleft()
            self._not_full.notify()
            return item

    def close(self):
        with self._lock:
            self._closed = True
            self._not_empty.notify_all()
            self._not_full.notify_all()

    def __len__(self):
        return len(self._items)


edited(
    "e1.speed",
    "copies the queue at every get",
    old="            item = self._items.popleft()",
    new="            item = self._items.popleft()\n            list(self._items)",
    because="processor time|still running",
)


@right("e1")
class BoundedQueue__one_condition(Generic[T]):
    def __init__(self, capacity):
        if capacity < 1:
            raise ValueError
        self._capacity, self._items, self._closed = capacity, [], False
        self._items = deque()
        self._changed = threading.Condition()

    def put(self, item, timeout=None):
        def ready():
            return self._closed or len(self._items) < self._capacity

        with self._changed:
            if not self._changed.wait_for(ready, timeout):
                raise TimeoutError
            if self._closed:
                raise Closed
            self._items.append(item)
            self._changed.notify_all()

    def get(self, timeout=None):
        with self._changed:
            if not self._changed.wait_for(lambda: self._closed or self._items, timeout):
                raise TimeoutError
            if not self._items:
                raise Closed
            self._changed.notify_all()
            return self._items.popleft()

    def close(self):
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __len__(self):
        with self._changed:
            return len(self._items)


@right("e1")
class BoundedQueue__wait_for(Generic[T]):
    def __init__(self, capacity):
        if capacity < 1:
            raise ValueError
        self._capacity, self._items, self._closed = capacity, deque(), False
        lock = threading.Lock()
        self._not_empty = threading.Condition(lock)
        self._not_full = threading.Condition(lock)

    def put(self, item, timeout=None):
        with self._not_full:
            if not self._not_full.wait_for(
                lambda: self._closed or len(self._items) < self._capacity, timeout
            ):
                raise TimeoutError
            if self._closed:
                raise Closed
            self._items.append(item)
            self._not_empty.notify()

    def get(self, timeout=None):
        with self._not_empty:
            if not self._not_empty.wait_for(
                lambda: self._closed or self._items, timeout
            ):
                raise TimeoutError
            if not self._items:
                raise Closed
            self._not_full.notify()
            return self._items.popleft()

    def close(self):
        with self._not_full:
            self._closed = True
            self._not_empty.notify_all()
            self._not_full.notify_all()

    def __len__(self):
        return len(self._items)


@right("e1")
class BoundedQueue__ring_with_rlock(Generic[T]):
    def __init__(self, capacity):
        if capacity < 1:
            raise ValueError
        self._ring, self._head, self._count = [None] * capacity, 0, 0
        self._lock = threading.RLock()
        self._not_empty = threading.Condition(self._lock)
        self._not_full = threading.Condition(self._lock)
        self._closed = False

    def _wait(self, condition, deadline):
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError
        condition.wait(left)

    def put(self, item, timeout=None):
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._lock:
            while self._count == len(self._ring) and not self._closed:
                self._wait(self._not_full, deadline)
            if self._closed:
                raise Closed
            self._ring[(self._head + self._count) % len(self._ring)] = item
            self._count += 1
            self._not_empty.notify()

    def get(self, timeout=None):
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._lock:
            while self._count == 0:
                if self._closed:
                    raise Closed
                self._wait(self._not_empty, deadline)
            item, self._ring[self._head] = self._ring[self._head], None
            self._head = (self._head + 1) % len(self._ring)
            self._count -= 1
            self._not_full.notify()
            return item

    def close(self):
        with self._lock:
            self._closed = True
            self._not_empty.notify_all()
            self._not_full.notify_all()

    def __len__(self):
        with self._lock:
            return self._count


@right("e1")
class BoundedQueue__two_semaphores(Generic[T]):
    def __init__(self, capacity):
        if capacity < 1:
            raise ValueError
        self._items, self._closed = deque(), False
        self._lock = threading.Lock()
        self._filled = threading.Semaphore(0)
        self._room = threading.Semaphore(capacity)

    @staticmethod
    def _acquire(semaphore, timeout):
        if timeout is not None and timeout <= 0:
            got = semaphore.acquire(blocking=False)
        else:
            got = semaphore.acquire(timeout=timeout)
        if not got:
            raise TimeoutError

    def put(self, item, timeout=None):
        self._acquire(self._room, timeout)
        with self._lock:
            if not self._closed:
                self._items.append(item)
                self._filled.release()
                return
        self._room.release()  # wakes the next one who has to hear of the end
        raise Closed

    def get(self, timeout=None):
        self._acquire(self._filled, timeout)
        with self._lock:
            if self._items:
                item = self._items.popleft()
                self._room.release()
                return item
        self._filled.release()
        raise Closed

    def close(self):
        with self._lock:
            self._closed = True
        self._room.release()
        self._filled.release()

    def __len__(self):
        with self._lock:
            return len(self._items)


# -- e2: StoppableQueue ------------------------------------------------------------

edited(
    "e2.abort",
    "also delivers what it returns",
    old="                self._items.clear()\n",
    new="",
    because="abort",
)
edited(
    "e2.abort",
    "throws away",
    old="                return left",
    new="                return []",
    because="abort",
)
edited(
    "e2.abort",
    "newest first",
    old="left = list(self._items)",
    new="left = list(self._items)[::-1]",
    because="abort",
)
edited(
    "e2.abort",
    "leaves falsy items out",
    old="left = list(self._items)",
    new="left = [item for item in self._items if item]",
    because="None, 0",
)
edited(
    "e2.abort",
    "clears without the lock",
    old='        with self._lock:\n            if mode == "abort":\n'
    "                left = list(self._items)\n",
    new='        if mode == "abort":\n            left = []\n'
    "            for item in list(self._items):\n                left.append(item)\n"
    "                time.sleep(0)\n"
    '        with self._lock:\n            if mode == "abort":\n',
    because="consumed and returned",
)
edited(
    "e2.abort",
    "does not close",
    old="        self.close()\n",
    new="        self._closed = mode == 'drain'\n",
    because="after an abort|still waiting",
)
edited(
    "e2.abort",
    "closes before it looks at the mode",
    old='        if mode not in ("drain", "abort"):',
    new='        if mode not in ("drain", "abort"):\n            self.close()',
    because="later",
)
edited(
    "e2.abort",
    "lets the blocked producers in",
    old="        self.close()\n        with self._lock:\n",
    new="        if mode == 'abort':\n            with self._lock:\n"
    "                first = list(self._items)\n                self._items.clear()\n"
    "                self._not_full.notify_all()\n            time.sleep(0.02)\n"
    "            with self._lock:\n"
    "                self._items.extendleft(first[::-1])\n"
    "        self.close()\n        with self._lock:\n",
    because="sleeps in put",
)
edited(
    "e2.drain",
    "does not wait",
    old="            while self._items:\n"
    "                self._wait(self._not_full, deadline)\n",
    new="",
    because="still in the queue|TimeoutError",
)
edited(
    "e2.drain",
    "waits once",
    old="            while self._items:\n",
    new="            if self._items:\n",
    because="still in the queue",
)
edited(
    "e2.drain",
    "nobody wakes the drain",
    old="            if self._closed and not self._items:\n",
    new="            if False:\n",
    because="drain",
)
edited(
    "e2.drain",
    "one of two drains is woken",
    old="            if self._closed and not self._items:\n"
    "                self._not_full.notify_all()",
    new="            if self._closed and not self._items:\n"
    "                self._not_full.notify()",
    because="drain",
)
edited(
    "e2.drain",
    "an abort leaves the drain asleep",
    old="                self._items.clear()\n"
    "                self._not_full.notify_all()\n",
    new="                self._items.clear()\n",
    because="abort wakes|abort while another",
)
edited(
    "e2.drain",
    "never ends with a blocked producer",
    old="        self.close()\n        with self._lock:\n",
    new="        if mode == 'drain':\n            while len(self):\n"
    "                time.sleep(0.001)\n"
    "        self.close()\n"
    "        with self._lock:\n",
    because="sleeping producer",
)
edited(
    "e2.drain",
    "polls",
    old="                self._wait(self._not_full, deadline)",
    new="                if deadline is not None and time.monotonic() >= deadline:\n"
    "                    raise TimeoutError\n                self._lock.release()\n"
    "                time.sleep(0.001)\n                self._lock.acquire()",
    because="time.sleep",
)
edited(
    "e2.drain",
    "forgets the timeout",
    old="deadline = self._deadline(timeout)",
    new="deadline = None",
    because="nobody takes",
)
edited(
    "e2.drain",
    "takes the items itself",
    old="            while self._items:\n"
    "                self._wait(self._not_full, deadline)\n",
    new="            self._items.clear()\n",
    because="drain",
)


@right("e2")
class StoppableQueue__own_condition(BoundedQueue[T]):
    def __init__(self, capacity):
        super().__init__(capacity)
        self._drained = threading.Condition(self._lock)

    def get(self, timeout=None):
        item = super().get(timeout)
        with self._drained:
            if not self._items:
                self._drained.notify_all()
        return item

    def shutdown(self, mode, timeout=None):
        if mode == "drain":
            self.close()
            with self._drained:
                if not self._drained.wait_for(lambda: not self._items, timeout):
                    raise TimeoutError
            return []
        if mode != "abort":
            raise ValueError(mode)
        self.close()
        with self._drained:
            left = [self._items.popleft() for _ in range(len(self._items))]
            self._drained.notify_all()
            return left


@right("e2")
class StoppableQueue__takes_by_get(BoundedQueue[T]):
    def __init__(self, capacity):
        super().__init__(capacity)
        self._gone = threading.Condition()

    def get(self, timeout=None):
        item = super().get(timeout)
        with self._gone:
            self._gone.notify_all()
        return item

    def shutdown(self, mode, timeout=None):
        if mode not in ("drain", "abort"):
            raise ValueError(mode)
        self.close()
        if mode == "drain":
            with self._gone:
                if not self._gone.wait_for(lambda: len(self) == 0, timeout):
                    raise TimeoutError
            return []
        left = []
        while True:
            try:
                left.append(self.get(0))
            except Closed:
                return left


# -- e3: run_pipeline --------------------------------------------------------------

edited(
    "e3.ahead",
    "unbounded in flight",
    old="StoppableQueue(sum(workers) + maxsize * len(stages) + 1)",
    new="StoppableQueue(10**6)",
    because="drawn ahead|first result",
)
edited(
    "e3.ahead",
    "reads all of the source",
    old="        for index, item in enumerate(source):\n",
    new="        for index, item in enumerate([x for _, x in zip(range(4000), "
    "source)]):\n",
    because="drawn ahead",
)
edited(
    "e3.ahead",
    "one ticket more",
    old="StoppableQueue(sum(workers) + maxsize * len(stages) + 1)",
    new="StoppableQueue(sum(workers) + maxsize * len(stages) + 3)",
    because="drawn",
)
edited(
    "e3.ahead",
    "a ticket comes back when a result waits for an earlier one",
    old="                early[result.index] = result\n"
    "                while (index := due if ordered else result.index) in early:\n"
    "                    yield early.pop(index)\n"
    "                    tickets.get()\n",
    new="                early[result.index] = result\n"
    "                tickets.get()\n"
    "                while (index := due if ordered else result.index) in early:\n"
    "                    yield early.pop(index)\n",
    because="before the first result|drawn ahead",
)
edited(
    "e3.results",
    "one end marker for all workers",
    old="        if last:\n            outbox.close()",
    new="        outbox.close()",
    because="run_pipeline",
)
edited(
    "e3.results",
    "an error kills its worker",
    old="                except Exception as error:\n"
    "                    result = Result(result.index, error=error)",
    new="                except Exception:\n                    return",
    because="still running|run_pipeline",
)
edited(
    "e3.results",
    "an error ends everything",
    old="                except Exception as error:\n"
    "                    result = Result(result.index, error=error)",
    new="                except ZeroDivisionError as error:\n"
    "                    result = Result(result.index, error=error)",
    because="raised|run_pipeline",
)
edited(
    "e3.results",
    "failed items go through the next stages",
    old="            if result.error is None:",
    new="            if True:",
    because="run_pipeline",
)
edited(
    "e3.results",
    "order is lost",
    old="(index := due if ordered else result.index)",
    new="(index := result.index)",
    because="run_pipeline",
)
edited(
    "e3.results",
    "always in order",
    old="(index := due if ordered else result.index)",
    new="(index := due)",
    because="slow",
)
edited(
    "e3.results",
    "any count",
    old="    if len(workers) != len(stages) or any(count < 1 for count in workers):",
    new="    if len(workers) != len(stages):",
    because="ValueError",
)
edited(
    "e3.results",
    "catches Closed around the stage too",
    old="                except Exception as error:\n",
    new="                except Closed:\n                    break\n"
    "                except Exception as error:\n",
    because="run_pipeline",
)
edited(
    "e3.parallel",
    "holds a lock around the stage",
    old="                    result = Result(result.index, function(result.value))",
    new="                    with counting:\n"
    "                        result = Result(result.index, function(result.value))",
    because="no lock|wait for each other",
)
edited(
    "e3.parallel",
    "one worker a stage",
    old="    crew += [(work, stage) for stage, n in enumerate(workers) for _ "
    "in range(n)]",
    new="    active[:] = [1] * len(stages)\n"
    "    crew += [(work, stage) for stage in range(len(stages))]",
    because="wait for each other",
)
edited(
    "e3.parallel",
    "one worker too many",
    old="    active = list(workers)",
    new="    workers = [n + 1 for n in workers]\n    active = list(workers)",
    because="workers in stage",
)


@wrong("e3.parallel", because="wait for each other")
def run_pipeline__one_item_at_a_time(source, stages, *, workers, maxsize, ordered=True):
    if len(workers) != len(stages) or min(workers, default=1) < 1 or maxsize < 1:
        raise ValueError
    for index, value in enumerate(source):
        try:
            for stage in stages:
                value = stage(value)
            yield Result(index, value)
        except Exception as error:
            yield Result(index, error=error)


edited(
    "e3.ends",
    "leaves its threads to themselves",
    old="            abort()\n"
    "            for thread in running:\n"
    "                thread.join()",
    new="            pass",
    because="threads",
)
edited(
    "e3.ends",
    "joins without stopping",
    old="            abort()\n"
    "            for thread in running:\n"
    "                thread.join()",
    new="            for thread in running:\n                thread.join()",
    because="still running|close",
)
edited(
    "e3.ends",
    "the feeder waits for a ticket for ever",
    old="        for line in [tickets, *queues]:",
    new="        for line in queues:",
    because="still running|still waiting|close|threads",
)
edited(
    "e3.ends",
    "a fatal error is swallowed",
    old="        if fatal:\n            raise fatal[0]",
    new="        pass",
    because="BaseException",
)
edited(
    "e3.ends",
    "a fatal error only kills its thread",
    old="            fatal.append(error)\n            abort()",
    new="            fatal.append(error)",
    because="BaseException",
)
edited(
    "e3.ends",
    "turns what is no Exception into a result",
    old="                except Exception as error:\n",
    new="                except BaseException as error:\n",
    because="BaseException",
)


@wrong("e3.ends", because="BaseException|source raises")
@wrong("e3.ahead", because="drawn ahead|still running")
def run_pipeline__library_queues(source, stages, *, workers, maxsize, ordered=True):
    if len(workers) != len(stages) or min(workers, default=1) < 1 or maxsize < 1:
        raise ValueError
    lines = [queue.Queue() for _ in range(len(stages) + 1)]
    for index, value in enumerate(itertools.islice(source, 5000)):
        lines[0].put(Result(index, value))

    def work(stage):
        while (result := lines[stage].get()) is not None:
            if result.error is None:
                try:
                    result = Result(result.index, stages[stage](result.value))
                except Exception as error:
                    result = Result(result.index, error=error)
            lines[stage + 1].put(result)

    for stage, n in enumerate(workers):
        crew = [
            threading.Thread(target=work, args=[stage], daemon=True) for _ in range(n)
        ]
        for thread in crew:
            thread.start()
        for _ in crew:
            lines[stage].put(None)
        for thread in crew:
            thread.join()
    found = [lines[-1].get() for _ in range(lines[-1].qsize())]
    yield from sorted(found, key=lambda one: one.index) if ordered else found


@right("e3")
def run_pipeline__executor_and_window(
    source, stages, *, workers, maxsize, ordered=True
):
    if len(workers) != len(stages) or min(workers, default=1) < 1 or maxsize < 1:
        raise ValueError
    permits = [threading.Semaphore(n) for n in workers]

    def through(index, value):
        try:
            for stage, permit in zip(stages, permits, strict=True):
                with permit:
                    value = stage(value)
        except Exception as error:
            return Result(index, error=error)
        return Result(index, value)

    def results():
        items = enumerate(source)
        window = sum(workers) + maxsize * len(stages)
        pool = ThreadPoolExecutor(sum(workers))
        flying = deque()
        try:
            while True:
                while len(flying) < window and (pair := next(items, None)):
                    flying.append(pool.submit(through, *pair))
                if not flying:
                    return
                if ordered:
                    done = flying.popleft()
                else:
                    done = wait(flying, return_when=FIRST_COMPLETED).done.pop()
                    flying.remove(done)
                yield done.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    return results()


@right("e3")
def run_pipeline__library_queues_and_sentinels(
    source, stages, *, workers, maxsize, ordered=True
):
    if len(workers) != len(stages) or min(workers, default=1) < 1 or maxsize < 1:
        raise ValueError
    stop, end = threading.Event(), object()
    window = threading.Semaphore(sum(workers) + maxsize * len(stages))
    lines = [queue.Queue() for _ in range(len(stages) + 1)]  # bounded by the window
    fatal = []

    def halt(error=None):
        if error is not None:
            fatal.append(error)
        stop.set()
        window.release()
        for line, n in zip(lines, [*workers, 1], strict=True):
            for _ in range(n):
                line.put(end)

    def feed():
        try:
            items = enumerate(source)
            while True:
                window.acquire()
                if stop.is_set():
                    return
                pair = next(items, None)
                if pair is None:
                    break
                lines[0].put(Result(*pair))
            lines[0].put(end)
        except BaseException as error:
            halt(error)

    def work(stage, left):
        try:
            while (result := lines[stage].get()) is not end:
                if stop.is_set():
                    return
                if result.error is None:
                    try:
                        result = Result(result.index, stages[stage](result.value))
                    except Exception as error:
                        result = Result(result.index, error=error)
                lines[stage + 1].put(result)
            lines[stage].put(end)
            with left[1]:
                left[0] -= 1
                if left[0] == 0:
                    lines[stage + 1].put(end)
        except BaseException as error:
            halt(error)

    def results():
        crew = [threading.Thread(target=feed, daemon=True)]
        for stage, n in enumerate(workers):
            left = [n, threading.Lock()]
            crew += [
                threading.Thread(target=work, args=[stage, left], daemon=True)
                for _ in range(n)
            ]
        for thread in crew:
            thread.start()
        kept, due = {}, 0
        try:
            while (result := lines[-1].get()) is not end and not stop.is_set():
                kept[result.index] = result
                ready = [due] if ordered else [result.index]
                while ready and ready[0] in kept:
                    out = kept.pop(ready[0])
                    due += 1
                    ready = [due] if ordered else []
                    window.release()
                    yield out
        finally:
            halt()
            for thread in crew:
                thread.join()
        if fatal:
            raise fatal[0]

    return results()


@right("e3")
def run_pipeline__asyncio_in_a_thread(
    source, stages, *, workers, maxsize, ordered=True
):
    if len(workers) != len(stages) or min(workers, default=1) < 1 or maxsize < 1:
        raise ValueError

    def guarded(call, *args):
        try:
            return call(*args), None
        except BaseException as error:  # a future cannot carry a StopIteration
            return None, error

    def results():
        loop, out, end, failed = asyncio.new_event_loop(), queue.Queue(), object(), []
        window = asyncio.Semaphore(sum(workers) + maxsize * len(stages))
        permits = [asyncio.Semaphore(n) for n in workers]
        pool = ThreadPoolExecutor(sum(workers) + 1)  # one for the source

        async def called(call, *args):
            value, error = await loop.run_in_executor(pool, guarded, call, *args)
            if error is not None and not isinstance(error, Exception):
                failed.append(error)
                everything.cancel()
                raise asyncio.CancelledError
            return value, error

        async def travel(index, value):
            error = None
            for stage, permit in zip(stages, permits, strict=True):
                if error is None:
                    async with permit:
                        value, error = await called(stage, value)
            out.put(Result(index, None if error else value, error))

        async def main():
            items = enumerate(source)
            async with asyncio.TaskGroup() as group:
                while True:
                    await window.acquire()
                    pair, error = await called(next, items, None)
                    failed.extend([error] if isinstance(error, Exception) else [])
                    if pair is None:
                        break
                    group.create_task(travel(*pair))

        def turn():
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(everything)
            pool.shutdown()
            out.put(end)

        everything = loop.create_task(main())
        thread = threading.Thread(target=turn, daemon=True)
        thread.start()
        early, due = {}, 0
        try:
            while (result := out.get()) is not end:
                early[result.index] = result
                while (index := due if ordered else result.index) in early:
                    yield early.pop(index)
                    loop.call_soon_threadsafe(window.release)
                    due += 1
        finally:
            loop.call_soon_threadsafe(everything.cancel)
            thread.join()
            loop.close()
        if failed:
            raise failed[0]

    return results()


# -- e4: Semaphore and Barrier -----------------------------------------------------


@wrong("e4.semaphore", because="release")
class Semaphore__forgets_early_releases:
    def __init__(self, value):
        if value < 0:
            raise ValueError
        self._value, self._changed = value, threading.Condition()

    def acquire(self, timeout=None):
        with self._changed:
            if self._value > 0:
                self._value -= 1
                return True
            return self._changed.wait(timeout)

    def release(self):
        with self._changed:
            self._changed.notify()


edited(
    "e4.semaphore",
    "if for while",
    old="            while self._value == 0:",
    new="            if self._value == 0:",
    because="again|permit|timeout",
)
edited(
    "e4.semaphore",
    "wakes nobody",
    old="            self._value += 1\n            self._released.notify()",
    new="            self._value += 1",
    because="release",
)
edited(
    "e4.semaphore",
    "goes below zero",
    old="            while self._value == 0:",
    new="            while False:",
    because="acquire",
)
edited(
    "e4.semaphore",
    "any value",
    old="        if value < 0:",
    new="        if False:",
    because="ValueError",
)
edited(
    "e4.semaphore",
    "raises on timeout",
    old="                    return False",
    new="                    raise TimeoutError",
    because="returned False",
)
edited(
    "e4.semaphore",
    "the timeout starts again",
    old="                self._released.wait(remaining)",
    new="                self._released.wait(timeout)\n                deadline = (\n"
    "                    None if timeout is None else time.monotonic() + timeout\n"
    "                )",
    because="woken early|still waiting|acquire",
)


@wrong("e4.semaphore", because="what this exercise builds")
class Semaphore__library:
    def __init__(self, value):
        self._own = threading.Semaphore(value)

    def acquire(self, timeout=None):
        return self._own.acquire(timeout=timeout)

    def release(self):
        self._own.release()


@wrong("e4.barrier", because="comes back|still waiting")
class Barrier__no_generation:
    def __init__(self, parties):
        if parties < 1:
            raise ValueError
        self._parties, self._arrived = parties, 0
        self._complete = threading.Condition()

    def wait(self):
        with self._complete:
            place = self._arrived
            self._arrived += 1
            if self._arrived == self._parties:
                self._arrived = 0
                self._complete.notify_all()
            else:
                while self._arrived != 0:
                    self._complete.wait()
            return place


@wrong("e4.barrier", because="Barrier")
class Barrier__once:
    def __init__(self, parties):
        if parties < 1:
            raise ValueError
        self._parties, self._arrived = parties, 0
        self._complete = threading.Condition()

    def wait(self):
        with self._complete:
            place = self._arrived
            self._arrived += 1
            self._complete.notify_all()
            while self._arrived < self._parties:
                self._complete.wait()
            return place


edited(
    "e4.barrier",
    "waits without a loop",
    old="            while generation == self._generation:",
    new="            if generation == self._generation:",
    because="early wake-ups",
)
edited(
    "e4.barrier",
    "wakes one",
    old="                self._complete.notify_all()",
    new="                self._complete.notify()",
    because="all arrive",
)
edited(
    "e4.barrier",
    "place of departure",
    old="            return place",
    new="            return self._parties - 1 - place",
    because="Barrier",
)
edited(
    "e4.barrier",
    "any number of parties",
    old="        if parties < 1:",
    new="        if False:",
    because="ValueError",
)


@wrong("e4.barrier", because="what this exercise builds")
class Barrier__library:
    def __init__(self, parties):
        self._own = threading.Barrier(parties)

    def wait(self):
        return self._own.wait()


@right("e4")
class Semaphore__wait_for:
    def __init__(self, value):
        if value < 0:
            raise ValueError
        self._free, self._changed = value, threading.Condition(threading.Lock())

    def acquire(self, timeout=None):
        with self._changed:
            if not self._changed.wait_for(lambda: self._free, timeout):
                return False
            self._free -= 1
            return True

    def release(self):
        with self._changed:
            self._free += 1
            self._changed.notify_all()


@right("e4")
class Barrier__a_condition_each_round:
    def __init__(self, parties):
        if parties < 1:
            raise ValueError
        self._parties, self._lock = parties, threading.Lock()
        self._round = [0, False, threading.Condition(self._lock)]

    def wait(self):
        with self._lock:
            mine = self._round
            place = mine[0]
            mine[0] += 1
            if mine[0] == self._parties:
                mine[1] = True
                mine[2].notify_all()
                self._round = [0, False, threading.Condition(self._lock)]
            mine[2].wait_for(lambda: mine[1])
            return place


@right("e4")
class Barrier__turnstile:
    def __init__(self, parties):
        if parties < 1:
            raise ValueError
        self._parties, self._inside, self._leaving = parties, 0, False
        self._changed = threading.Condition()

    def wait(self):
        with self._changed:
            self._changed.wait_for(lambda: not self._leaving)
            place = self._inside
            self._inside += 1
            if self._inside == self._parties:
                self._leaving = True
                self._changed.notify_all()
            self._changed.wait_for(lambda: self._leaving)
            self._inside -= 1
            if self._inside == 0:
                self._leaving = False
                self._changed.notify_all()
            return place


# -- e5: process_jobs --------------------------------------------------------------

edited(
    "e5.pixels",
    "wraps in uint8",
    old="    return np.clip(image.astype(np.int64) + amount, 0, 255).astype(np.uint8)",
    new="    return (image.astype(np.int64) + amount).astype(np.uint8)",
    because="brighten",
)
edited(
    "e5.pixels",
    "divides by the whole window",
    old="    return ((2 * total + count) // (2 * count)).astype(np.uint8)",
    new="    count = (2 * radius + 1) ** 2\n"
    "    return ((2 * total + count) // (2 * count)).astype(np.uint8)",
    because="blur",
)
edited(
    "e5.pixels",
    "rounds down",
    old="(2 * total + count) // (2 * count)",
    new="total // count",
    because="blur",
)
edited(
    "e5.pixels",
    "any radius",
    old="    if radius < 0:",
    new="    if radius < -1:",
    because="blur",
)


@wrong("e5.pixels", because="blur")
def blur__sums_in_uint8(image, radius):
    if radius < 0:
        raise images.Invalid("invalid_dimensions")
    made = np.empty_like(image)
    for y, x in np.ndindex(image.shape[:2]):
        rows = slice(max(0, y - radius), y + radius + 1)
        square = image[rows, max(0, x - radius) : x + radius + 1]
        count = square.shape[0] * square.shape[1]
        total = square.sum(axis=(0, 1), dtype=np.uint8)
        made[y, x] = (2 * total.astype(int) + count) // (2 * count)
    return made


@wrong("e5.pixels", because="changed its input")
def brighten__in_place(image, amount):
    image[:] = np.clip(image.astype(int) + amount, 0, 255)
    return image


edited(
    "e5.snapshot",
    "jobs see what was made",
    old="        outcomes = [future.result() for future in pending]",
    new="        seen, outcomes = dict(files), []\n        for job in jobs:\n"
    "            one = pool.submit(_run_steps, seen.get(job.source), "
    "job.steps).result()\n"
    "            outcomes.append(one)\n            if one[0] is not None:\n"
    "                seen[job.target] = one[0]",
    because="original|jobs from and to",
)
edited(
    "e5.snapshot",
    "in the order in which they end",
    old="        outcomes = [future.result() for future in pending]",
    new="        from concurrent.futures import as_completed\n"
    "        outcomes = [future.result() for future in as_completed(pending)]",
    because="first ends last|in the order|random",
)
edited(
    "e5.snapshot",
    "the first job wins",
    old="        for job, (picture, _) in zip(jobs, outcomes, strict=True)",
    new="        for job, (picture, _) in [*zip(jobs, outcomes, strict=True)][::-1]",
    because="files made",
)
edited(
    "e5.snapshot",
    "returns the old files too",
    old="    return reports, made",
    new="    return reports, {**files, **made}",
    because="files made",
)
edited(
    "e5.failures",
    "one bad job kills all",
    old="    except Exception:  # whatever a bad step does, it ends its own job only\n"
    '        return None, "invalid_operation"\n',
    new='    except ZeroDivisionError:\n        return None, "invalid_operation"\n',
    because="process_jobs",
)
edited(
    "e5.failures",
    "only unknown names are caught",
    old="    except Exception:  # whatever",
    new="    except KeyError:  # whatever",
    because="process_jobs",
)
edited(
    "e5.failures",
    "one code for all",
    old="        return None, error.code",
    new='        return None, "invalid_operation"',
    because="invalid_dimensions",
)
edited(
    "e5.failures",
    "a failure removes the file",
    old="        for job, (picture, _) in zip(jobs, outcomes, strict=True)\n"
    "        if picture is not None\n    }",
    new="        for job, (picture, _) in zip(jobs, outcomes, strict=True)\n    }\n"
    "    made = {name: one for name, one in made.items() if one is not None}",
    because="files made",
)
edited(
    "e5.processes",
    "submits a lambda",
    old="            pool.submit(_run_steps, files.get(job.source), job.steps) "
    "for job in jobs\n",
    new="            pool.submit(lambda job=job: "
    "_run_steps(files.get(job.source), job.steps))"
    "\n            for job in jobs\n",
    because="pickle|lambda|top level",
)
edited(
    "e5.processes",
    "leaves the number of workers out",
    old="executor_factory(max_workers=workers)",
    new="executor_factory(max_workers=1)",
    because="max_workers",
)


@wrong("e5.processes", because="max_workers|calls to the pool")
def process_jobs__alone(files, jobs, *, executor_factory, workers):
    outcomes = [_run_steps(files.get(job.source), job.steps) for job in jobs]
    reports = [images.Report(n, error) for n, (_, error) in enumerate(outcomes)]
    pairs = zip(jobs, outcomes, strict=True)
    return reports, {job.target: one for job, (one, _) in pairs if one is not None}


@right("e5")
def process_jobs__map(files, jobs, *, executor_factory, workers):
    with executor_factory(max_workers=workers) as pool:
        sources = [files.get(job.source) for job in jobs]
        outcomes = list(pool.map(_run_steps, sources, [job.steps for job in jobs]))
    made = {}
    for job, (picture, _) in zip(jobs, outcomes, strict=True):
        if picture is not None:
            made[job.target] = picture
    return [images.Report(n, e) for n, (_, e) in enumerate(outcomes)], made


@right("e5")
def process_jobs__as_completed(files, jobs, *, executor_factory, workers):
    outcomes = [None] * len(jobs)
    with executor_factory(max_workers=workers) as pool:
        place = {
            pool.submit(_run_steps, files.get(job.source), job.steps): n
            for n, job in enumerate(jobs)
        }
        for future in as_completed(place):
            outcomes[place[future]] = future.result()
    made = {}
    for job, (picture, _) in zip(jobs, outcomes, strict=True):
        if picture is not None:
            made[job.target] = picture
    return [images.Report(n, e) for n, (_, e) in enumerate(outcomes)], made


@right("e5")
def blur__loops(image, radius):
    if radius < 0:
        raise images.Invalid("invalid_dimensions")
    made = np.empty_like(image)
    for y, x in np.ndindex(image.shape[:2]):
        rows = slice(max(0, y - radius), y + radius + 1)
        square = image[rows, max(0, x - radius) : x + radius + 1].astype(float)
        made[y, x] = np.floor(square.mean(axis=(0, 1)) + 0.5 + 1e-9)
    return made


@right("e5")
def brighten__int16(image, amount):
    amount = max(-255, min(255, amount))
    wide = image.astype(np.int16) + np.int16(amount)
    return np.minimum(np.maximum(wide, 0), 255).astype(np.uint8)


# -- e6: lock_order_cycles ---------------------------------------------------------

edited(
    "e6.cycles",
    "one thread can block itself",
    old="            if thread in used or guards & holding:",
    new="            if guards & holding and thread not in used:",
    because="one thread|T1|random|lock_order",
)
edited(
    "e6.cycles",
    "only pairs",
    old="            elif lock > path[0]:",
    new="            elif lock > path[0] and len(path) < 2:",
    because="philosophers|BA, CB|lock_order",
)
edited(
    "e6.cycles",
    "each cycle once for each start",
    old="            elif lock > path[0]:",
    new="            elif lock not in path:",
    because="lock_order",
)
edited(
    "e6.cycles",
    "only the lock taken last",
    old="                for before in mine:",
    new="                for before in list(mine)[-1:]:",
    because="AXB",
)
edited(
    "e6.cycles",
    "arrows point back",
    old="                    arrow = lock, thread, frozenset(mine)\n"
    "                    arrows.setdefault(before, set()).add(arrow)",
    new="                    arrow = before, thread, frozenset(mine)\n"
    "                    arrows.setdefault(lock, set()).add(arrow)",
    because="lock_order",
)
edited(
    "e6.cycles",
    "unsorted",
    old="    return sorted(cycles)",
    new="    return sorted(cycles, reverse=True)",
    because="two pairs|lock_order",
)
edited(
    "e6.reentry",
    "re-entry is an arrow",
    old="            if lock not in mine:\n                for before",
    new="            if True:\n                for before",
    because="again",
)
edited(
    "e6.reentry",
    "one release is enough",
    old="            mine[lock] -= 1\n            if mine[lock] == 0:",
    new="            if True:",
    because="again|release",
)
edited(
    "e6.reentry",
    "any release",
    old='            raise ValueError(f"{thread} releases {lock} without holding it")',
    new="            continue",
    because="release",
)
edited(
    "e6.reentry",
    "releases the lock taken last",
    old="            mine[lock] -= 1\n",
    new="            lock = list(mine)[-1]\n            mine[lock] -= 1\n",
    because="release|lock_order",
)
edited(
    "e6.gates",
    "no gates",
    old="            if thread in used or guards & holding:",
    new="            if thread in used:",
    because="G around|common lock|lock_order",
)
edited(
    "e6.gates",
    "a gate once is a gate always",
    old="                    arrows.setdefault(before, set()).add(arrow)",
    new="                    known = arrows.setdefault(before, set())\n"
    "                    if not any(one[:2] == arrow[:2] for one in known):\n"
    "                        known.add(arrow)",
    because="once with G",
)
edited(
    "e6.gates",
    "compares neighbours only",
    old="extend((*path, lock), used | {thread}, guards | holding)",
    new="extend((*path, lock), used | {thread}, holding)",
    because="three threads",
)


@wrong("e6.cycles", because="one thread")
@wrong("e6.gates", because="gate|G")
def lock_order_cycles__graph_only(trace):
    held, graph = {}, {}
    for thread, action, lock in trace:
        own = held.setdefault(thread, Counter())
        if action == "rel":
            if not own[lock]:
                raise ValueError
            own[lock] -= 1
            continue
        if not own[lock]:
            for before in +own:
                graph.setdefault(before, set()).add(lock)
        own[lock] += 1
    found = set()

    def walk(path):
        for lock in graph.get(path[-1], ()):
            if lock == path[0]:
                found.add(tuple(path))
            elif lock > path[0] and lock not in path:
                walk([*path, lock])

    for start in graph:
        walk([start])
    return sorted(found)


@right("e6")
def lock_order_cycles__product(trace):
    arrows, held = {}, {}
    for thread, action, lock in trace:
        own = held.setdefault(thread, [])
        if action == "rel":
            own.remove(lock)
            continue
        if lock not in own:
            for before in set(own):
                arrows.setdefault((before, lock), []).append((thread, set(own)))
        own.append(lock)
    locks = sorted({lock for _, _, lock in trace})
    found = []
    for size in range(2, len(locks) + 1):
        for path in itertools.permutations(locks, size):
            steps = list(zip(path, path[1:] + path[:1], strict=True))
            if path[0] != min(path) or not all(step in arrows for step in steps):
                continue
            for chosen in itertools.product(*(arrows[step] for step in steps)):
                guards = [guard for _, guard in chosen]
                if len({thread for thread, _ in chosen}) == size and sum(
                    map(len, guards)
                ) == len(set().union(*guards)):
                    found.append(path)
                    break
    return sorted(found)
