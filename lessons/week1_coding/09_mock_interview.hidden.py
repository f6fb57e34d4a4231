"""Hidden tests of notebook 9 of week 1, one block for each graded cell."""

# %% [grade] e1.half
import re

PLANTED = {
    "collision": {15, 16, 17, 39},
    "race": {44, 45, 48, 49, 50},
    "recency": {62, 63, 64},
    "durability": {74, 75, 76, 77},
    "tie": {106},
    "notify": {119, 120},
}


def judged(text: str) -> tuple[float, float, float]:
    """Return precision, recall and F1 of a review."""
    named = {
        (int(line), kind)
        for line, kind in re.findall(r"^\s*(\d+)\s+([a-z]+):", text, re.MULTILINE)
    }
    found = {
        kind
        for line, kind in named
        if any(abs(line - one) <= 1 for one in PLANTED.get(kind, ()))
    }
    precision = len(found) / max(1, len(named))
    recall = len(found) / len(PLANTED)
    return precision, recall, 2 * len(found) / (len(named) + len(PLANTED))


text = check.call(review_text)
check.true(isinstance(text, str), shown="review_text()", said="is not text")
precision, recall, f1 = judged(text)
check.true(
    f1 >= 0.5,
    shown="your review",
    said=f"has F1 {f1:.2f} (precision {precision:.2f}, recall {recall:.2f}), "
    "expected at least 0.5",
    hint="low precision: name only what you can show to break; low recall: one "
    "pass for each question of the reading order",
)

# %% [grade] e1.most
import re

PLANTED = {
    "collision": {15, 16, 17, 39},
    "race": {44, 45, 48, 49, 50},
    "recency": {62, 63, 64},
    "durability": {74, 75, 76, 77},
    "tie": {106},
    "notify": {119, 120},
}


def judged(text: str) -> tuple[float, float, float]:
    """Return precision, recall and F1 of a review."""
    named = {
        (int(line), kind)
        for line, kind in re.findall(r"^\s*(\d+)\s+([a-z]+):", text, re.MULTILINE)
    }
    found = {
        kind
        for line, kind in named
        if any(abs(line - one) <= 1 for one in PLANTED.get(kind, ()))
    }
    precision = len(found) / max(1, len(named))
    recall = len(found) / len(PLANTED)
    return precision, recall, 2 * len(found) / (len(named) + len(PLANTED))


text = check.call(review_text)
check.true(isinstance(text, str), shown="review_text()", said="is not text")
precision, recall, f1 = judged(text)
check.true(
    f1 >= 0.8,
    shown="your review",
    said=f"has F1 {f1:.2f} (precision {precision:.2f}, recall {recall:.2f}), "
    "expected at least 0.8",
    hint="low precision: name only what you can show to break; low recall: one "
    "pass for each question of the reading order",
)

# %% [grade] e1.all
import re

PLANTED = {
    "collision": {15, 16, 17, 39},
    "race": {44, 45, 48, 49, 50},
    "recency": {62, 63, 64},
    "durability": {74, 75, 76, 77},
    "tie": {106},
    "notify": {119, 120},
}
text = check.call(review_text)
check.true(isinstance(text, str), shown="review_text()", said="is not text")
named = {
    (int(line), kind)
    for line, kind in re.findall(r"^\s*(\d+)\s+([a-z]+):", text, re.MULTILINE)
}
right = {
    (line, kind)
    for line, kind in named
    if any(abs(line - one) <= 1 for one in PLANTED.get(kind, ()))
}
found = {kind for _, kind in right}
check.true(
    len(found) == len(PLANTED),
    shown="your review",
    said=f"has {len(found)} of {len(PLANTED)} defects",
    hint="two of the eight kinds do not occur, each of the others does once",
)
false = len(named) - len(found)
check.true(
    false == 0,
    shown="your review",
    said=f"names {len(named)} places for {len(PLANTED)} defects",
    hint="name each defect once, and only what you can show to break",
)

# %% [grade] e2.fair
from collections import deque

from course.sim import stage as stages


class OneForAll:
    """One condition, everybody is woken; waits with wait_for; a ring of slots."""

    def __init__(self, capacity, on):
        self.slots, self.put_in, self.taken = [None] * capacity, 0, 0
        self.moved, self.now, self.shut = on.condition(), on.now, False

    def put(self, item, timeout=None):
        with self.moved:
            free = self.moved.wait_for(
                lambda: self.shut or self.put_in - self.taken < len(self.slots), timeout
            )
            if self.shut:
                raise stages.Closed
            if not free:
                raise TimeoutError
            self.slots[self.put_in % len(self.slots)] = item
            self.put_in += 1
            self.moved.notify_all()

    def get(self, timeout=None):
        with self.moved:
            self.moved.wait_for(lambda: self.shut or self.put_in > self.taken, timeout)
            if self.put_in > self.taken:
                item = self.slots[self.taken % len(self.slots)]
                self.taken += 1
                self.moved.notify_all()
                return item
            raise stages.Closed if self.shut else TimeoutError

    def close(self):
        with self.moved:
            self.shut = True
            self.moved.notify_all()

    def __len__(self):
        return self.put_in - self.taken


class LastAsleepFirst:
    """Each sleeper has a condition of its own, and the last one to sleep is woken."""

    def __init__(self, capacity, on):
        self.room, self.on, self.items, self.shut = capacity, on, [], False
        self.lock, self.takers, self.givers = on.lock(), [], []

    def _sleep(self, sleepers, end):
        left = None if end is None else end - self.on.now()
        if left is not None and left <= 0:
            raise TimeoutError
        mine = self.on.condition(self.lock)
        sleepers.append(mine)
        mine.wait(left)
        if mine in sleepers:
            sleepers.remove(mine)

    @staticmethod
    def _wake(sleepers):
        if sleepers:
            sleepers.pop().notify()

    def put(self, item, timeout=None):
        end = None if timeout is None else self.on.now() + timeout
        with self.lock:
            while not self.shut and len(self.items) >= self.room:
                self._sleep(self.givers, end)
            if self.shut:
                raise stages.Closed
            self.items.append(item)
            self._wake(self.takers)

    def get(self, timeout=None):
        end = None if timeout is None else self.on.now() + timeout
        with self.lock:
            while not self.items:
                if self.shut:
                    raise stages.Closed
                self._sleep(self.takers, end)
            self._wake(self.givers)
            return self.items.pop(0)

    def close(self):
        with self.lock:
            self.shut = True
            while self.takers or self.givers:
                self._wake(self.takers)
                self._wake(self.givers)

    def __len__(self):
        with self.lock:
            return len(self.items)


class TwoDoors:
    """Two conditions on one lock; says more than it must."""

    def __init__(self, capacity, on):
        self.room, self.on, self.items = capacity, on, deque()
        lock, self.shut = on.lock(), False
        self.filled, self.emptied = on.condition(lock), on.condition(lock)

    def _wait(self, door, blocked, timeout):
        end = None if timeout is None else self.on.now() + timeout
        while blocked() and not self.shut:
            if end is not None and self.on.now() >= end:
                raise TimeoutError("nothing happened in time")
            door.wait(None if end is None else end - self.on.now())

    def put(self, item, timeout=None):
        with self.emptied:
            self._wait(self.emptied, lambda: len(self.items) >= self.room, timeout)
            if self.shut:
                raise stages.Closed("closed for putting")
            self.items.append(item)
            self.filled.notify(2)

    def get(self, timeout=None):
        with self.filled:
            self._wait(self.filled, lambda: not self.items, timeout)
            if not self.items:
                raise stages.Closed("closed and drained")
            item = self.items.popleft()
            self.emptied.notify(2)
            return item

    def close(self):
        with self.filled:
            self.shut = True
            self.filled.notify_all()
            self.emptied.notify_all()

    def __len__(self):
        return len(self.items)


class Nothing:
    """Takes everything, gives None at once."""

    def __init__(self, capacity, on):
        self.on = on

    def put(self, item, timeout=None):
        return None

    get = put

    def close(self):
        return None

    def __len__(self):
        return 0


Nothing.get = lambda self, timeout=None: None
for kind in (OneForAll, LastAsleepFirst, TwoDoors):
    with stages.Stage() as on:
        check.within(
            test_queue,
            lambda capacity, kind=kind, on=on: kind(capacity, on),
            on,
            none_ok=True,
            shown=f"test_queue(a right queue: {kind.__doc__.rstrip('.')})",
            hint="judge what is promised: not who is served first, not the words",
        )
with stages.Stage() as on:
    check.raises(
        test_queue,
        Exception,
        lambda capacity: Nothing(capacity, on),
        on,
        shown="test_queue(a queue that does nothing)",
        hint="put something, and get it back",
    )

# %% [grade] e2.items
from collections import deque

from course.sim import stage as stages

FLAWS = ("last first", "None is nothing", "one too many", "put before the wait")


class Line:
    """A queue with one flaw, or with none."""

    def __init__(self, flaw, capacity, on):
        self.flaw, self.now, self.items, self.shut = flaw, on.now, deque(), False
        self.room = capacity + (flaw == "one too many")
        self.moved = on.condition()

    def _wait(self, ready, timeout):
        end = None if timeout is None else self.now() + timeout
        while not (self.shut or ready()):
            if end is not None and end <= self.now():
                raise TimeoutError
            self.moved.wait(None if end is None else end - self.now())

    def put(self, item, timeout=None):
        with self.moved:
            if self.flaw == "put before the wait" and not self.shut:
                self.items.append(item)
                self.moved.notify_all()
                self._wait(lambda: len(self.items) <= self.room, timeout)
                return
            self._wait(lambda: len(self.items) < self.room, timeout)
            if self.shut:
                raise stages.Closed
            if not (self.flaw == "None is nothing" and item is None):
                self.items.append(item)
            self.moved.notify_all()

    def get(self, timeout=None):
        with self.moved:
            self._wait(lambda: self.items, timeout)
            if not self.items:
                raise stages.Closed
            self.moved.notify_all()
            return self.items.pop() if "last" in self.flaw else self.items.popleft()

    def close(self):
        with self.moved:
            self.shut = True
            self.moved.notify_all()

    def __len__(self):
        return len(self.items)


with stages.Stage() as on:
    check.within(
        test_queue,
        lambda capacity: Line("", capacity, on),
        on,
        none_ok=True,
        shown="test_queue(a right queue)",
        hint="judge only what is promised",
    )
kills = 0
for flaw in FLAWS:
    with stages.Stage() as on:
        try:
            test_queue(lambda capacity, flaw=flaw, on=on: Line(flaw, capacity, on), on)
        except Exception:
            kills += 1
check.true(
    kills >= 3,
    shown="test_queue(four queues that break promises 1 and 2, one after the other)",
    said=f"rejects {kills}, expected at least 3",
    hint="order, None, a full queue, what a put leaves that did not get in",
)

# %% [grade] e2.wakes
from collections import deque

from course.sim import stage as stages

FLAWS = ("get looks once", "put looks once", "get wakes nobody", "wakes when empty")


class Line:
    """A queue that wakes wrongly in one way, or in none."""

    def __init__(self, flaw, capacity, on):
        self.flaw, self.now, self.items, self.shut = flaw, on.now, deque(), False
        self.room, lock = capacity, on.lock()
        self.filled, self.emptied = on.condition(lock), on.condition(lock)

    def _wait(self, door, ready, timeout, once):
        end = None if timeout is None else self.now() + timeout
        while not (self.shut or ready()):
            if end is not None and end <= self.now():
                raise TimeoutError
            door.wait(None if end is None else end - self.now())
            if once:
                return

    def put(self, item, timeout=None):
        with self.filled:
            once = self.flaw == "put looks once"
            self._wait(self.emptied, lambda: len(self.items) < self.room, timeout, once)
            if self.shut:
                raise stages.Closed
            self.items.append(item)
            if self.flaw != "wakes when empty" or len(self.items) == 1:
                self.filled.notify()

    def get(self, timeout=None):
        with self.filled:
            once = self.flaw == "get looks once"
            self._wait(self.filled, lambda: self.items, timeout, once)
            if not self.items and self.shut:
                raise stages.Closed
            item = self.items.popleft()
            if self.flaw != "get wakes nobody":
                self.emptied.notify()
            return item

    def close(self):
        with self.filled:
            self.shut = True
            self.filled.notify_all()
            self.emptied.notify_all()

    def __len__(self):
        return len(self.items)


with stages.Stage() as on:
    check.within(
        test_queue,
        lambda capacity: Line("", capacity, on),
        on,
        none_ok=True,
        shown="test_queue(a right queue)",
        hint="judge only what is promised",
    )
kills = 0
for flaw in FLAWS:
    with stages.Stage() as on:
        try:
            test_queue(lambda capacity, flaw=flaw, on=on: Line(flaw, capacity, on), on)
        except Exception:
            kills += 1
check.true(
    kills >= 3,
    shown="test_queue(four queues that break promise 3, one after the other)",
    said=f"rejects {kills}, expected at least 3",
    hint="somebody waits on either side: wake him early; let several come in a burst",
)

# %% [grade] e2.ends
from collections import deque

from course.sim import stage as stages

FLAWS = ("starts anew", "None on timeout", "close wakes one", "close drops")


class Line:
    """A queue whose waits end wrongly in one way, or in none."""

    def __init__(self, flaw, capacity, on):
        self.flaw, self.now, self.items, self.shut = flaw, on.now, deque(), False
        self.room, lock = capacity, on.lock()
        self.filled, self.emptied = on.condition(lock), on.condition(lock)

    def _wait(self, door, ready, timeout):
        end = None if timeout is None else self.now() + timeout
        while not (self.shut or ready()):
            left = None if end is None else end - self.now()
            if left is not None and left <= 0:
                raise TimeoutError
            if self.flaw == "starts anew" and timeout:
                woken = door.wait(timeout)
                end = self.now() + timeout * woken
            else:
                door.wait(left)

    def put(self, item, timeout=None):
        with self.filled:
            self._wait(self.emptied, lambda: len(self.items) < self.room, timeout)
            if self.shut:
                raise stages.Closed
            self.items.append(item)
            self.filled.notify()

    def get(self, timeout=None):
        with self.filled:
            try:
                self._wait(self.filled, lambda: self.items, timeout)
            except TimeoutError:
                if self.flaw == "None on timeout":
                    return None
                raise
            if not self.items:
                raise stages.Closed
            self.emptied.notify()
            return self.items.popleft()

    def close(self):
        with self.filled:
            self.shut = True
            if self.flaw == "close drops":
                self.items.clear()
            most = 1 if self.flaw == "close wakes one" else 99
            self.filled.notify(most)
            self.emptied.notify(most)

    def __len__(self):
        return len(self.items)


with stages.Stage() as on:
    check.within(
        test_queue,
        lambda capacity: Line("", capacity, on),
        on,
        none_ok=True,
        shown="test_queue(a right queue)",
        hint="judge only what is promised",
    )
kills = 0
for flaw in FLAWS:
    with stages.Stage() as on:
        try:
            test_queue(lambda capacity, flaw=flaw, on=on: Line(flaw, capacity, on), on)
        except Exception:
            kills += 1
check.true(
    kills >= 3,
    shown="test_queue(four queues that break promises 4 and 5, one after the other)",
    said=f"rejects {kills}, expected at least 3",
    hint="wake a call before its deadline; close with several asleep, and items left",
)


# %% [grade] e2.all
from collections import deque

from course.sim import stage as stages

FLAWS = (
    *("last first", "None is nothing", "one too many", "put before the wait"),
    *("get looks once", "put looks once", "get wakes nobody", "wakes when empty"),
    *("starts anew", "None on timeout", "close wakes one", "close drops"),
    *("put after close", "0 is for ever", "a woken call times out", "close forgets"),
    *("wakes when full", "len counts who waits", "late by a second"),
)


class Line:
    """A queue with one flaw, or with none."""

    def __init__(self, flaw, capacity, on):
        self.flaw, self.now, self.items, self.shut = flaw, on.now, deque(), False
        self.room, lock = capacity + (flaw == "one too many"), on.lock()
        self.filled, self.emptied = on.condition(lock), on.condition(lock)
        self.givers = 0

    def _wait(self, door, ready, timeout, once=False):
        if self.flaw == "0 is for ever":
            timeout = timeout or None
        if self.flaw == "late by a second" and timeout:
            timeout += 1
        end = None if timeout is None else self.now() + timeout
        while not (self.shut or ready()):
            left = None if end is None else end - self.now()
            if left is not None and left <= 0:
                raise TimeoutError
            woken = door.wait(left)
            if woken and end is not None and self.flaw == "starts anew":
                end = self.now() + timeout
            if woken and end is not None and self.flaw == "a woken call times out":
                end = self.now()
            if once:
                return

    def put(self, item, timeout=None):
        with self.filled:
            if self.flaw == "put before the wait" and not self.shut:
                self.items.append(item)
                self.filled.notify()
                self._wait(self.emptied, lambda: len(self.items) <= self.room, timeout)
                return
            once = self.flaw == "put looks once"
            late = self.flaw == "put after close" and self.shut
            self.givers += 1
            try:
                self._wait(
                    self.emptied, lambda: len(self.items) < self.room, timeout, once
                )
            finally:
                self.givers -= 1
            if self.shut and not late:
                raise stages.Closed
            if not (self.flaw == "None is nothing" and item is None):
                self.items.append(item)
            if self.flaw != "wakes when empty" or len(self.items) == 1:
                self.filled.notify()

    def get(self, timeout=None):
        with self.filled:
            once = self.flaw == "get looks once"
            try:
                self._wait(self.filled, lambda: self.items, timeout, once)
            except TimeoutError:
                if self.flaw == "None on timeout":
                    return None
                raise
            if not self.items and self.shut:
                raise stages.Closed
            full = len(self.items) == self.room
            item = self.items.pop() if "last" in self.flaw else self.items.popleft()
            if self.flaw != "get wakes nobody" and (
                full or self.flaw != "wakes when full"
            ):
                self.emptied.notify()
            return item

    def close(self):
        with self.filled:
            self.shut = True
            if self.flaw == "close drops":
                self.items.clear()
            most = 1 if self.flaw == "close wakes one" else 99
            self.filled.notify(most)
            if self.flaw != "close forgets":
                self.emptied.notify(most)

    def __len__(self):
        return len(self.items) + self.givers * (self.flaw == "len counts who waits")


with stages.Stage() as on:
    check.within(
        test_queue,
        lambda capacity: Line("", capacity, on),
        on,
        none_ok=True,
        shown="test_queue(a right queue)",
        hint="judge only what is promised",
    )
kills = 0
for flaw in FLAWS:
    with stages.Stage() as on:
        try:
            test_queue(lambda capacity, flaw=flaw, on=on: Line(flaw, capacity, on), on)
        except Exception:
            kills += 1
check.true(
    kills >= 19,
    shown="test_queue(the twelve and seven rarer wrong queues, one after the other)",
    said=f"rejects {kills}, expected 19",
    hint="closing with calls asleep on either side; timeouts of 0, woken early and "
    "to the second; bursts on both sides; len beside a waiting put",
)


# %% [grade] e3.rule
from course.study.interview import Store


def copies(rng) -> None:
    rule = "equal means every byte, not the size, not the beginning"
    for _ in range(12):
        size = int(rng.choice([1, 5, 511, 512, 513, 4096, 4097, 9000]))
        base = bytearray(rng.bytes(size))
        contents = {}
        for number in range(int(rng.integers(2, 9))):
            data = bytearray(base)
            if rng.random() < 0.5:
                at = int(rng.choice([0, size // 2, size - 1]))
                data[at] ^= int(rng.integers(1, 4))
            if rng.random() < 0.2:
                data = data[:-1]
            contents[f"o{int(rng.integers(10**6))}-{number}"] = bytes(data)
        by = {}
        for name, data in contents.items():
            by.setdefault(data, []).append(name)
        want = sorted(sorted(group) for group in by.values() if len(group) > 1)
        shown = f"solve(a store of {len(contents)} objects of about {size} bytes)"
        got = check.call(Screen.solve, Store(contents), shown=shown)
        check.equal(got, want, shown=shown, hint=rule)


def frames(rng) -> None:
    rule = "a call goes on while all names down to it stay; count the looks in a row"

    def slow(samples, n):
        found = []
        for start, (first, stack) in enumerate(samples):
            for depth in range(1, len(stack) + 1):
                path = tuple(stack[:depth])
                if start and tuple(samples[start - 1][1][:depth]) == path:
                    continue
                stop = start
                while stop < len(samples) and tuple(samples[stop][1][:depth]) == path:
                    stop += 1
                if stop - start >= n:
                    found.append((path, first, samples[stop - 1][0]))
        return found

    for _ in range(60):
        time, samples, stack = 0, [], []
        for _ in range(int(rng.integers(1, 14))):
            time += int(rng.integers(1, 5))
            stack = stack[: int(rng.integers(0, len(stack) + 1))]
            stack += [str(one) for one in rng.choice(list("ab"), rng.integers(3))]
            if rng.random() < 0.5 and samples:
                stack = list(samples[-1][1])
            samples.append((time, list(stack)))
        for n in (1, 2, 3):
            shown = f"solve({samples}, {n})"
            got = check.call(Screen.solve, samples, n, shown=shown[:300])
            check.equal(list(got), slow(samples, n), shown=shown[:300], hint=rule)


def seats(rng) -> None:
    rule = "a hold is alive for its seconds; a sale needs a living hold of one's own"

    def slow(requests):
        done, answers = [], []
        for number, request in enumerate(requests):
            kind, time, key, seat, who = request[:5]
            before = [i for i in range(number) if requests[i][2] == key]
            if before:
                answers.append(answers[before[0]])
                continue
            sold = any(one[0] == "buy" and one[3] == seat for one in done)
            holds = [one for one in done if one[0] == "hold" and one[3] == seat]
            last = holds[-1] if holds else None
            alive = last is not None and time < last[1] + last[5]
            if kind == "hold":
                good = not sold and (not alive or last[4] == who)
            else:
                good = not sold and alive and last[4] == who
            if good:
                done.append(request)
            answers.append("ok" if good else "no")
        return answers

    for _ in range(60):
        time, requests = 0, []
        for number in range(int(rng.integers(1, 30))):
            time += int(rng.integers(0, 4))
            if requests and rng.random() < 0.2:
                old = requests[int(rng.integers(len(requests)))]
                requests.append((old[0], time, *old[2:]))
                continue
            key, seat = f"k{number}", str(rng.choice(["1A", "1B"]))
            who = str(rng.choice(["ann", "bob", "cem"]))
            if rng.random() < 0.65:
                seconds = int(rng.integers(1, 12))
                requests.append(("hold", time, key, seat, who, seconds))
            else:
                requests.append(("buy", time, key, seat, who))
        shown = f"solve({requests})"[:400]
        got = check.call(Screen.solve, requests, shown=shown)
        check.equal(list(got), slow(requests), shown=shown, hint=rule)


tests = {"copies": copies, "frames": frames, "seats": seats}
said = f"is {Screen.problem!r}, none of {list(tests)}"
check.true(Screen.problem in tests, shown="Screen.problem", said=said)
tests[Screen.problem](check.rng())

# %% [grade] e3.edges
from course.study.interview import Store


def judge(given: tuple, want: list, hint: str) -> None:
    shown = f"solve({', '.join(map(repr, given))})"[:300]
    got = check.call(Screen.solve, *given, shown=shown, hint=hint)
    check.equal(list(got), want, shown=shown, hint=hint)


def copies() -> None:
    for names, contents, damaged, want, hint in (
        ("no objects", {}, (), [], "an empty store has no groups"),
        ("one object", {"a": b"x"}, (), [], "a group has two or more"),
        (
            "three empty objects and others",
            {"e2": b"", "x": b"1", "e1": b"", "e0": b"", "y": b"2"},
            (),
            [["e0", "e1", "e2"]],
            "objects of 0 bytes are copies of each other",
        ),
        (
            "two copies and a damaged object of their size",
            {"a": b"12345", "bad": b"12345", "c": b"12345"},
            ("bad",),
            [["a", "c"]],
            "read may raise OSError: leave that object out, go on with the others",
        ),
        (
            "one good object and two damaged ones of its size",
            {"a": b"12345", "b": b"12345", "c": b"12345"},
            ("b", "c"),
            [],
            "read may raise OSError: leave that object out, go on with the others",
        ),
        (
            "groups of several sizes, names not in order",
            {"z": b"1", "m": b"22", "a": b"22", "b": b"1", "k": b"22"},
            (),
            [["a", "k", "m"], ["b", "z"]],
            "names sorted in each group, groups sorted",
        ),
    ):
        shown = f"solve(a store with {names})"
        store = Store(contents, damaged)
        got = check.call(Screen.solve, store, shown=shown, hint=hint)
        check.equal(got, want, shown=shown, hint=hint)
    shown = "solve(a store with two objects that have one CRC-32)"
    one, two = b"plumless", b"buckeroo"
    store = Store({"a": one, "b": two, "c": one})
    got = check.call(Screen.solve, store, shown=shown)
    check.equal(
        got, [["a", "c"]], shown=shown, hint="a checksum of 32 bits is no proof"
    )


def frames() -> None:
    new = "when an outer call changes, the inner ones are new"
    samples = [(0, ["a", "x"]), (1, ["b", "x"]), (2, ["b", "x"])]
    judge((samples, 2), [(("b",), 1, 2), (("b", "x"), 1, 2)], new)
    gap = "one look without it ends a call"
    samples = [(0, ["a"]), (1, []), (2, ["a"]), (3, ["a"])]
    judge((samples, 2), [(("a",), 2, 3)], gap)
    judge((samples, 1), [(("a",), 0, 0), (("a",), 2, 3)], gap)
    samples = [(0, ["f"]), (1, ["f", "f"]), (2, ["f", "f"]), (3, ["f"])]
    want = [(("f",), 0, 3), (("f", "f"), 1, 2)]
    judge((samples, 2), want, "a span may be inside one of its own name")
    samples = [(5, ["a"]), (5, ["a", "b"]), (5, ["a", "b"])]
    want = [(("a",), 5, 5), (("a", "b"), 5, 5)]
    judge((samples, 2), want, "looks of one time are several looks")
    samples = [(5, ["a"]), (5, ["b"]), (5, ["a"])]
    want = [(("a",), 5, 5), (("b",), 5, 5), (("a",), 5, 5)]
    judge((samples, 1), want, "sort by the first look, not by its time or name")
    judge(([], 1), [], "no looks, no calls")
    judge(([(0, []), (1, [])], 1), [], "a stack may be empty")
    judge(([(0, ["a"])], 2), [], "seen once is not twice")
    for n in (0, -1):
        shown = f"solve([(0, ['a'])], {n})"
        check.raises(Screen.solve, ValueError, [(0, ["a"])], n, shown=shown)


def seats() -> None:
    def hold(time, key, who, seconds=10, seat="1A"):
        return "hold", time, key, seat, who, seconds

    def buy(time, key, who, seat="1A"):
        return "buy", time, key, seat, who

    end = "a hold made at t for s seconds is over at t + s"
    judge(([hold(0, "a", "ann"), hold(9, "b", "bob")],), ["ok", "no"], end)
    judge(([hold(0, "a", "ann"), hold(10, "b", "bob")],), ["ok", "ok"], end)
    judge(([hold(0, "a", "ann"), buy(9, "b", "ann")],), ["ok", "ok"], end)
    judge(([hold(0, "a", "ann"), buy(10, "b", "ann")],), ["ok", "no"], end)
    again = "holding again under a new key is ok, and the end counts from then"
    first = [hold(0, "a", "ann"), hold(5, "b", "ann")]
    judge(([*first, hold(14, "c", "bob")],), ["ok", "ok", "no"], again)
    first = [hold(0, "a", "ann", 50), hold(5, "b", "ann", 2)]
    judge(([*first, hold(7, "c", "bob")],), ["ok", "ok", "ok"], again)
    said = "a repeated key gets the first answer and changes nothing"
    first = [hold(0, "a", "ann"), hold(5, "a", "ann")]
    judge(([*first, hold(10, "c", "bob")],), ["ok", "ok", "ok"], said)
    first = [hold(0, "a", "ann"), hold(1, "b", "bob"), hold(20, "b", "bob")]
    judge(([*first, buy(21, "c", "bob")],), ["ok", "no", "no", "no"], said)
    sold = "a sold seat is never free again, for its owner neither"
    first = [hold(0, "a", "ann"), buy(1, "b", "ann"), buy(2, "c", "ann")]
    judge((first,), ["ok", "ok", "no"], sold)
    judge(([*first[:2], hold(2, "c", "ann")],), ["ok", "ok", "no"], sold)
    first = [hold(0, "a", "ann"), buy(1, "b", "ann"), hold(99, "c", "bob")]
    want = ["ok", "ok", "no", "no", "no"]
    judge(([*first, buy(99, "d", "ann"), hold(99, "e", "ann")],), want, sold)
    other = "one key with another request is a conflict, and changes nothing"
    for second in (
        hold(1, "a", "bob"),
        hold(1, "a", "ann", 11),
        hold(1, "a", "ann", 10, "1B"),
        buy(1, "a", "ann"),
    ):
        third = hold(2, "a", "ann")
        judge(([hold(0, "a", "ann"), second, third],), ["ok", "conflict", "ok"], other)
    first = [hold(0, "a", "ann"), hold(1, "a", "ann", 10, "1B")]
    want = ["ok", "conflict", "ok"]
    judge(([*first, hold(2, "c", "bob", 10, "1B")],), want, other)
    first = [hold(0, "a", "ann"), buy(1, "b", "bob"), buy(2, "b", "cem")]
    judge((first,), ["ok", "no", "conflict"], other)
    judge(([],), [], "no requests, no answers")
    judge(([buy(0, "a", "ann")],), ["no"], "a sale needs a hold")


tests = {"copies": copies, "frames": frames, "seats": seats}
said = f"is {Screen.problem!r}, none of {list(tests)}"
check.true(Screen.problem in tests, shown="Screen.problem", said=said)
tests[Screen.problem]()

# %% [grade] e3.cost
from course.study.interview import Store


class Narrow(Store):
    """A store that knows what may be read of each object, and the largest piece."""

    def __init__(self, contents):
        super().__init__(contents)
        self.read_of = dict.fromkeys(contents, 0)

    def read(self, name, start, length):
        piece = super().read(name, start, length)
        self.read_of[name] += len(piece)
        return piece


def copies() -> None:
    rng, piece, size = check.rng(), 4096, 30_000
    contents = {f"u{number}": bytes(40_000 + number) for number in range(40)}
    for number in range(30):
        contents[f"d{number:02}"] = rng.bytes(200) + bytes(size - 200)
    twins = rng.bytes(size)
    contents |= {"t0": twins, "t1": twins, "t2": twins[:-1] + b"?"}
    store = Narrow(contents)
    shown = "solve(40 objects of their own size, 30 that differ early, 3 alike)"
    got = check.call(Screen.solve, store, shown=shown)
    check.equal(got, [["t0", "t1"]], shown=shown)
    for start, most, hint in (
        ("u", 0, "an object of a size of its own has no copy: do not read it"),
        ("d", piece, "one that differs in its first piece is read that far, no more"),
        ("t", size + piece, "read a whole object once"),
    ):
        read = max(n for name, n in store.read_of.items() if name.startswith(start))
        check.at_most(read, most, "bytes read of one object", shown=shown, hint=hint)


def growth(given) -> None:
    hint = "one pass: what happened before must not be walked through again"
    small, large = (
        check.cpu_seconds(lambda size=size: Screen.solve(*given(size)))
        for size in (500, 4000)
    )
    check.at_most(
        large / small,
        24,
        "times the processor time for 8 times the input",
        shown="solve(500) and solve(4,000 looks or requests)",
        hint=hint,
    )


def frames(size: int) -> tuple:
    return [(time, ["a", "b", f"{time % 7}"]) for time in range(size)], 2


def seats(size: int) -> tuple:
    row = [("hold", n, f"k{n}", f"{n % 50}", f"w{n % 3}", 30) for n in range(size // 2)]
    return ([*row, *(("buy", n + size, *old[2:5]) for n, old in enumerate(row))],)


known = ["copies", "frames", "seats"]
said = f"is {Screen.problem!r}, none of {known}"
check.true(Screen.problem in known, shown="Screen.problem", said=said)
if Screen.problem == "copies":
    copies()
else:
    growth(frames if Screen.problem == "frames" else seats)


# %% [grade] e4.order
from course.sim import storage, web


def breadth_first(site) -> list:
    """Return (url, fetched well) in the order of a crawl, by plain lists."""
    found, at = [web.without_fragment(site.seed)], 0
    rows = []
    while at < len(found):
        url = found[at]
        at += 1
        first = site.failures.get(url, (200,))[0]
        good = first == 200 and url in site.links
        rows.append((url, good))
        for link in site.links[url] if good else ():
            link = web.without_fragment(link)
            if web.host(link) == web.host(site.seed) and link not in found:
                found.append(link)
    return rows


def judged(site, portions: list, words: str) -> None:
    want = breadth_first(site)
    shown = f"Crawler(seed, {words}, …)"
    disk = storage.CrashDisk()
    crawler = check.call(
        Crawler, site.seed, site, "box/journal", 3, fs=disk, shown=shown
    )
    asked = site.fetches.total()
    check.equal(asked, 0, shown=f"fetched by {shown}", hint="run fetches")
    fetched, at = 0, 0
    for most in [*portions, None]:
        done = crawler.run() if most is None else crawler.run(most)
        fetched = len(want) if most is None else min(len(want), fetched + most)
        shown = f"run({'' if most is None else most}) after {at} pages of {words}"
        at = fetched
        rows = [(url, name is not None) for url, name in crawler.pages()]
        check.equal(
            rows,
            want[:fetched],
            shown=f"pages() and whether they have a name, after {shown}",
            hint="in the order in which links were found; this host alone; without "
            "fragments; a page that fails is a page, and is not asked for again",
        )
        check.equal(
            site.fetches.total(),
            fetched,
            shown=f"pages fetched until the end of {shown}",
            hint="one fetch for each page, no more than asked for",
        )
        hint = "all pages of this host, each once, without fragments"
        check.equal(done, fetched == len(want), shown=shown, hint=hint)


rng = check.rng()
for pages, depth in ((1, 0.0), (6, 0.5), (14, 0.0), (14, 0.9), (22, 0.4)):
    site = web.Site.seeded(rng, pages, depth=depth, missing=0.2, failing=0.15)
    if pages < 14:
        site.failures.clear()
    site.failures.pop(site.seed, None)
    judged(site, rng.integers(0, 5, 3).tolist(), f"a site of {pages} pages")

root = "http://a.test"
tricky = {
    f"{root}/#top": [],
    f"{root}/": [
        *(f"{root}/x#1", f"{root}/x#2", f"{root}/#again", f"{root}/y"),
        *("http://b.test/", "http://a.test.b.test/", "http://b.test/?http://a.test/"),
        *("http://a.test@b.test/", "http://sub.a.test/", "http://a.test:81/"),
        *("http://xa.test/", "mailto:me@a.test", "http://A.test/z", f"{root}/z/"),
    ],
    f"{root}/x": [f"{root}/y", f"{root}/x", f"{root}/no answer", f"{root}/x?q=1"],
    f"{root}/y": [f"{root}/late"],
    f"{root}/x?q=1": [f"{root}/x"],
    f"{root}/late": [],
    f"{root}/z/": [],
}
texts = {url: f"text {number}" for number, url in enumerate(tricky)}
silent = {f"{root}/no answer": [None], f"{root}/y": [503]}
site = web.Site(tricky, texts=texts, failures=silent)
judged(site, [0, 1, 2], "a site of tricky links, with a seed that has a fragment")
dead = web.Site({f"{root}/": [f"{root}/x"]}, failures={f"{root}/": [None]})
judged(dead, [], "a site that does not answer")

# %% [grade] e4.texts
import hashlib

from course.sim import storage, web


def crawled(site, capacity: int) -> tuple:
    """Return the pages and the texts that are kept, by plain lists."""
    found, kept, rows, seen, at = [site.seed], [], [], [], 0
    while at < len(found):
        url = found[at]
        at += 1
        if url not in site.links:
            rows.append((url, None))
            continue
        text = site.texts.get(url, "")
        if text not in seen:
            for link in map(web.without_fragment, site.links[url]):
                if web.host(link) == web.host(site.seed) and link not in found:
                    found.append(link)
        seen.append(text)
        name = hashlib.sha256(text.encode()).hexdigest()
        rows.append((url, name))
        kept = [pair for pair in kept if pair[0] != name] + [(name, text)]
        kept = kept[max(0, len(kept) - capacity) :]
    return rows, kept


def judged(site, capacity: int, words: str) -> None:
    rows, kept = crawled(site, capacity)
    shown = f"Crawler(seed, {words}, path, {capacity}), crawled to the end"
    disk = check.copied(storage.CrashDisk())
    crawler = check.call(Crawler, site.seed, site, "box/log", capacity, fs=disk)
    crawler.run(len(rows) + 3)
    known = "a text that was seen on an earlier page adds no links"
    check.equal(crawler.pages(), rows, shown=f"pages() of {shown}", hint=known)
    check.equal(
        crawler.texts(),
        kept,
        shown=f"texts() of {shown}",
        hint="each page that has a text uses it; the stalest leaves a full store",
    )


rng = check.rng()
for capacity in (0, 1, 2, 3, 5, 50):
    for copies in (0.3, 0.7):
        site = web.Site.seeded(rng, 18, copies=copies, missing=0.1, depth=0.3)
        judged(site, capacity, f"a site of 18 pages, {copies:.0%} of them copies")

root = "http://t.test"
trap = {f"{root}/": [f"{root}/day?n=0", f"{root}/a", f"{root}/b"]}
trap |= {f"{root}/day?n={n}": [f"{root}/day?n={n + 1}"] for n in range(40)}
trap |= {f"{root}/a": [f"{root}/c"], f"{root}/b": [f"{root}/d"]}
trap |= {f"{root}/{one}": [] for one in "cd"}
texts = {url: "no entries on this day" for url in trap if "day" in url}
texts |= {f"{root}/": "start", f"{root}/a": "", f"{root}/b": ""}
texts |= {f"{root}/c": "\u00fc\n", f"{root}/d": "start"}
for capacity in (1, 3):
    judged(web.Site(trap, texts=texts), capacity, "a trap of equal days, empty texts")

# %% [grade] e4.crash
from course.sim import storage, web

PATH, ROOT_OF = "box/journal", "http://c.test"
PAGES = {
    "/": (["/a", "/b", "/gone"], "home"),
    "/a": (["/c", "/"], "one"),
    "/b": (["/d", "/e"], "two " * 1500),
    "/c": (["/hidden"], "one"),
    "/d": (["/f", "/a", "/"], "three " * 1000),
    "/e": (["/a"], "two " * 1500),
    "/f": ([], "home"),
}


class Watched:
    """The site, which notes how far the disk was at each fetch."""

    def __init__(self, disk=None) -> None:
        self.disk, self.asked, self.moments = disk, [], []

    def fetch(self, url: str):
        self.asked.append(url)
        if self.disk is not None:
            self.moments.append(self.disk.operation_count())
        page = url.removeprefix(ROOT_OF)
        if page not in PAGES:
            return web.Reply(404)
        links, text = PAGES[page]
        return web.Reply(200, tuple(ROOT_OF + link for link in links), text)


def life(disk, site, shown: str, middle: bool = False) -> tuple:
    """Run one crawler to its end: its pages and texts."""
    crawler = check.call(
        Crawler, ROOT_OF + "/", site, PATH, 2, fs=disk, shown=shown, hint=start
    )
    if middle:
        crawler.run(4)
        check.call(crawler.compact, none_ok=True, shown="compact()")
    crawler.run()
    return crawler.pages(), crawler.texts()


start = "read what is whole, and go on; a journal may be missing, empty or torn"
order = "a record is durable before the next page is fetched, and applied after that"
shown = "Crawler(seed, site, path, 2), crawled with a compact() after 4 pages"
first = storage.CrashDisk({PATH + ".tmp": b"left by an earlier crash"})
site = Watched(first)
wanted = life(first, site, shown, middle=True)
urls = [ROOT_OF + one for one in ("/", "/a", "/b", "/gone", "/c", "/d", "/e", "/f")]
check.equal(site.asked, urls, shown=f"pages fetched by {shown}")
moments = [*site.moments, first.operation_count()]


def judge(crash, got: tuple, asked: list, safe: list, words: str) -> None:
    for number, part in enumerate(("pages()", "texts()")):
        check.equal(
            got[number],
            wanted[number],
            shown=f"{part} at the end of a life after a {crash}{words}",
            hint=order,
        )
    again = [url for url in asked if url in safe]
    check.true(
        not again,
        shown=f"a life after a {crash}{words}",
        said=f"fetches {again[:2]} again, whose successor was fetched before",
        hint=order,
    )
    once = len(asked) == len(set(asked))
    check.true(once, shown=f"a life after a {crash}", said="fetches a page twice")


lived, every = {}, list(first.crashes())
for crash in every:
    content = tuple(sorted(crash.files.items()))
    if content not in lived:
        site = Watched()
        disk = check.copied(storage.CrashDisk(crash.files))
        shown = f"Crawler after a {crash}"
        lived[content] = life(disk, site, shown), site.asked
    begun = sum(moment <= crash.done for moment in moments)
    judge(crash, *lived[content], urls[: max(0, begun - 1)], "")

rng, last = check.rng(), len(every) - 1
for number in [last, *rng.choice(last, 5, replace=False).tolist()]:
    begun = sum(moment <= every[number].done for moment in moments)
    known = urls[: max(0, begun - 1)]
    disk = storage.CrashDisk(every[number].files)
    site = Watched(disk)
    life(disk, site, f"Crawler after a {every[number]}")
    then = list(disk.crashes())
    ends = [*site.moments, disk.operation_count()]
    some = 40 if number == last else 14
    for at in rng.choice(len(then), min(some, len(then)), replace=False).tolist():
        later = Watched()
        fresh = check.copied(storage.CrashDisk(then[at].files))
        got = life(fresh, later, f"Crawler after two crashes, the last a {then[at]}")
        begun = sum(moment <= then[at].done for moment in ends)
        safe = known + site.asked[: max(0, begun - 1)]
        judge(then[at], got, later.asked, safe, ", in a life after a crash")

crawler = Crawler(ROOT_OF + "/", Watched(), PATH, 2, fs=first)
check.call(crawler.compact, none_ok=True, shown="compact() of a finished crawl")
check.equal(first.listdir("box"), ["journal"], shown="the folder after compact()")
once = first.read_bytes(PATH)
check.call(crawler.compact, none_ok=True, shown="compact() twice")
check.true(first.read_bytes(PATH) == once, shown="compact() twice", said="differs")
check.call(crawler.close, none_ok=True, shown="close()")
own = storage.CrashDisk()
crawler = Crawler(ROOT_OF + "/", Watched(), PATH, 2, fs=own)
crawler.run(2)
check.call(crawler.compact, none_ok=True, shown="compact()")
check.call(crawler.close, none_ok=True, shown="close()")
hint = "compact() closes the old file, close() the last"
check.equal(own.open_files, 0, shown="files still open after close()", hint=hint)

# %% [grade] e4.torn
from course.sim import storage, web

PATH, SEED = "box/journal", "http://c.test/"
TEXTS = {SEED: "home", SEED + "a": "one", SEED + "b": "home", SEED + "c": "two"}


class Counted:
    """A site of four pages that notes what is fetched."""

    def __init__(self) -> None:
        self.asked = []

    def fetch(self, url: str):
        self.asked.append(url)
        links = [SEED + "a", SEED + "b", SEED + "c"] if url == SEED else []
        return web.Reply(200, tuple(links), TEXTS[url])


def opened(data: bytes, shown: str) -> tuple:
    site = Counted()
    disk = storage.CrashDisk({PATH: data})
    crawler = check.call(
        Crawler,
        *(SEED, site, PATH, 2),
        fs=disk,
        shown=shown,
        hint="stop at the first record that is not whole, whatever is behind it",
    )
    return disk, site, crawler


disk, site = storage.CrashDisk(), Counted()
crawler = check.call(
    Crawler, SEED, site, PATH, 2, fs=disk, shown="Crawler(seed, site, path, 2)"
)
stages = [disk.read_bytes(PATH)]
for _ in TEXTS:
    crawler.run(1)
    stages.append(disk.read_bytes(PATH))
wanted, log = (crawler.pages(), crawler.texts()), stages[-1]
grows = all(log.startswith(one) for one in stages)
rng = check.rng()
for cut in range(len(log) + 1):
    shown = f"Crawler with a journal of {len(log)} bytes, cut at byte {cut}"
    spoilt = check.copied(storage.CrashDisk({PATH: log[:cut]}))
    site = Counted()
    crawler = check.call(Crawler, SEED, site, PATH, 2, fs=spoilt, shown=shown)
    crawler.run()
    whole = sum(len(one) <= cut for one in stages[1:]) if grows else 0
    check.equal(
        sorted(site.asked),
        sorted(list(TEXTS)[len(TEXTS) - len(site.asked) :]),
        shown=f"pages fetched by {shown}",
        hint="the records that are whole are a beginning of the crawl",
    )
    check.at_most(
        len(site.asked),
        len(TEXTS) - whole,
        f"pages fetched, where {whole} records are whole",
        shown=shown,
        hint="replay every record that is whole",
    )
    if cut % 4 == 0 or cut == len(log):
        got = crawler.pages(), crawler.texts()
        check.equal(got, wanted, shown=f"pages() and texts() of {shown}")

for at in rng.choice(len(log), 50, replace=False).tolist():
    changed = bytearray(log)
    changed[at] ^= int(rng.integers(1, 256))
    shown = f"Crawler with a journal whose byte {at} was changed"
    _, site, crawler = opened(bytes(changed), shown)
    crawler.run()
    got = crawler.pages(), crawler.texts()
    check.equal(got, wanted, shown=shown, hint="a checksum tells; stop there")

half = stages[2]
behind = stages[3][len(half) :] if grows else b"\x00\x00\x00\x20"
for tail in (
    b"",
    bytes(1),
    bytes(8),
    bytes(64),
    behind[:-1],
    behind[:9],
    rng.bytes(30),
):
    shown = f"a journal of two pages with the tail {tail[:10]!r}: run(1), opened again"
    disk, site, crawler = opened(half + tail, shown)
    crawler.run(1)
    crawler.close()
    _, later, crawler = opened(disk.read_bytes(PATH), shown)
    check.equal(
        crawler.pages(),
        wanted[0][:3],
        shown=f"pages() of {shown}",
        hint="never append behind a torn tail: rewrite the journal first",
    )
    crawler.run()
    check.equal(crawler.texts(), wanted[1], shown=f"texts() at the end of {shown}")
    check.equal(site.asked + later.asked, list(TEXTS)[2:], shown=f"fetched: {shown}")

# %% [grade] e4.bounds
import tracemalloc

from course.sim import storage, web

ROOT_OF = "http://m.test/p"


class Endless:
    """A chain of pages, each with two links and a text of its own."""

    def __init__(self, pages: int, letters: int) -> None:
        self.pages, self.letters, self.asked = pages, letters, 0

    def text(self, number: int) -> str:
        return f"{number:06}" * (self.letters // 6)

    def fetch(self, url: str):
        number = int(url.removeprefix(ROOT_OF))
        self.asked += 1
        after = [2 * number + 1, 2 * number + 2]
        links = tuple(f"{ROOT_OF}{one}" for one in after if one < self.pages)
        return web.Reply(200, links, self.text(number))


class Plain:
    """Files in memory, without a history: a disk whose bytes are only there once."""

    def __init__(self) -> None:
        self.held = {}

    def open(self, path, mode):
        if mode == "wb" or path not in self.held:
            self.held[path] = bytearray()
        return PlainFile(self.held[path])

    def read_bytes(self, path):
        if path not in self.held:
            raise FileNotFoundError(path)
        return bytes(self.held[path])

    def replace(self, source, target):
        self.held[target] = self.held.pop(source)

    def remove(self, path):
        del self.held[path]

    def fsync_dir(self, folder):
        pass

    def listdir(self, folder):
        return sorted(self.held)


class PlainFile:
    def __init__(self, data):
        self.data = data

    def write(self, data):
        self.data += data
        return len(data)

    def flush(self):
        pass

    fsync = close = flush

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


pages, site, disk = 240, Endless(240, 120), storage.CrashDisk()
shown = f"Crawler(seed, a site of {pages} pages, path, 8)"
crawler = check.call(Crawler, ROOT_OF + "0", site, "box/log", 8, fs=disk, shown=shown)
plain = sum(
    len(framed("page", ROOT_OF + str(n), "x" * 64, site.text(n), [ROOT_OF + "99"] * 2))
    for n in range(pages)
)
while not crawler.run(20):
    before = disk.size("box/log")
    again = check.call(
        Crawler, ROOT_OF + "0", site, "box/log", 8, fs=disk.copy(), shown=shown
    )
    other = storage.CrashDisk(disk.files())
    again = Crawler(ROOT_OF + "0", site, "box/log", 8, fs=other)
    again.compact()
    check.at_most(
        before,
        4 * other.size("box/log") + 16384,
        f"bytes of journal, where a compacted one has {other.size('box/log'):,}",
        shown=f"{shown} after {site.asked} pages",
        hint="compact when the journal is a multiple of the state",
    )
check.equal(site.asked, pages, shown=f"pages fetched by {shown}")
check.at_most(
    disk.bytes_written / plain,
    4,
    "times the bytes of the records",
    shown=shown,
    hint="one record a page; compact only when the journal is a multiple of the state",
)

rounds, site, disk = 40, Endless(4000, 600), storage.CrashDisk()
shown = f"{rounds} lives of two pages each, on one journal"
for _ in range(rounds):
    crawler = check.call(
        Crawler, ROOT_OF + "0", site, "box/log", 1, fs=disk, shown=shown
    )
    crawler.run(2)
    crawler.close()
check.equal(site.asked, 2 * rounds, shown=f"pages fetched in {shown}")
longest = disk.size("box/log")
Crawler(ROOT_OF + "0", site, "box/log", 1, fs=disk).compact()
check.at_most(
    longest,
    4 * disk.size("box/log") + 16384,
    "bytes of journal",
    shown=shown,
    hint="what was replayed counts too: compact at the start",
)

site = Endless(160, 30_000)
shown = "the peak of memory, for 160 texts of 30,000 letters, of which 2 are kept"
tracemalloc.start()
try:
    crawler = check.call(Crawler, ROOT_OF + "0", site, "box/log", 2, fs=Plain())
    crawler.run()
    peak = tracemalloc.get_traced_memory()[1]
finally:
    tracemalloc.stop()
check.equal(site.asked, 160, shown="pages fetched")
check.at_most(
    peak,
    2_000_000,
    "bytes",
    shown=shown,
    hint="keep the texts of the store alone, on the disk as well",
)
