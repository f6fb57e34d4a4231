"""Answers to notebook 5 of week 1: wrong ones that must die, unusual ones that pass."""

import heapq
import math
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict

from course.ops.proof import edited, right, wrong
from course.sim import state

# -- e1: DiagonalBoard -------------------------------------------------------------

edited(
    "e1.sums",
    "adds the new value and forgets the old one",
    old="change = value - self._cells.get((row, col), 0)",
    new="change = value",
    because="minus the old",
)
edited(
    "e1.sums",
    "does not remember what it wrote",
    old="        self._cells[row, col] = value\n",
    new="",
    because="minus the old",
)
edited(
    "e1.sums",
    "remembers the first value only",
    old="        self._cells[row, col] = value\n",
    new="        self._cells.setdefault((row, col), value)\n",
    because="minus the old",
)
edited(
    "e1.edges",
    "the centre counts once",
    old="        if row + col == self._n - 1:",
    new="        elif row + col == self._n - 1:",
    because="both diagonals",
)
edited(
    "e1.edges",
    "anti-diagonal off by one",
    old="row + col == self._n - 1",
    new="row + col == self._n",
    because="both diagonals",
)
edited(
    "e1.edges",
    "negative places count from the end",
    old="if not 0 <= place < self._n:",
    new="if not -self._n <= place < self._n:",
    because="IndexError",
)
edited(
    "e1.edges",
    "changes before it checks",
    old="        self._require(row, col)\n        change =",
    new="        if 0 <= row < self._n:\n            self._rows[row] += value\n"
    "        self._require(row, col)\n"
    "        self._rows[row] -= value\n        change =",
    because="all sums after",
)
edited(
    "e1.edges",
    "checks the row alone",
    old="        self._require(row, col)\n",
    new="        self._require(row)\n",
    because="IndexError",
)


@wrong("e1.cost", because="keep every sum")
class DiagonalBoard__adds_up_when_asked:
    def __init__(self, n):
        self.cells = [[0] * n for _ in range(n)]

    def put(self, row, col, value):
        for place in (row, col):
            if not 0 <= place < len(self.cells):
                raise IndexError(place)
        self.cells[row][col] = value

    def main(self):
        return sum(self.cells[i][i] for i in range(len(self.cells)))

    def anti(self):
        return sum(line[-1 - i] for i, line in enumerate(self.cells))

    def row(self, i):
        if i < 0:
            raise IndexError(i)
        return sum(self.cells[i])

    def col(self, j):
        if j < 0:
            raise IndexError(j)
        return sum(line[j] for line in self.cells)


@right("e1")
class DiagonalBoard__dense:
    """A list of lists, and one dictionary of sums by name."""

    def __init__(self, n):
        self.n = n
        self.cells = [[0] * n for _ in range(n)]
        self.sums = defaultdict(int)

    def put(self, row, col, value):
        if row not in range(self.n) or col not in range(self.n):
            raise IndexError((row, col))
        old, self.cells[row][col] = self.cells[row][col], value
        lines = [("row", row), ("col", col)]
        lines += ["main"] * (row == col) + ["anti"] * (row == self.n - 1 - col)
        for line in lines:
            self.sums[line] = self.sums[line] - old + value

    def main(self):
        return self.sums["main"]

    def anti(self):
        return self.sums["anti"]

    def row(self, i):
        if i not in range(self.n):
            raise IndexError(i)
        return self.sums["row", i]

    def col(self, j):
        if j not in range(self.n):
            raise IndexError(j)
        return self.sums["col", j]


@right("e1")
class DiagonalBoard__all_diagonals:
    """Counters for every diagonal, by row - col and by row + col."""

    def __init__(self, n):
        self.n, self.cells = n, {}
        self.rows, self.cols = defaultdict(int), defaultdict(int)
        self.falling, self.rising = defaultdict(int), defaultdict(int)

    def put(self, row, col, value):
        if not (0 <= row < self.n and 0 <= col < self.n):
            raise IndexError
        change = value - self.cells.pop((row, col), 0)
        if value:
            self.cells[row, col] = value
        self.rows[row] += change
        self.cols[col] += change
        self.falling[row - col] += change
        self.rising[row + col] += change

    def main(self):
        return self.falling[0]

    def anti(self):
        return self.rising[self.n - 1]

    def row(self, i):
        if not 0 <= i < self.n:
            raise IndexError
        return self.rows[i]

    def col(self, j):
        if not 0 <= j < self.n:
            raise IndexError
        return self.cols[j]


# -- e2: IntervalSet ---------------------------------------------------------------

edited(
    "e2.add",
    "neighbours stay apart",
    old="        start = bisect_left(self._lasts, lo - 1)\n"
    "        stop = bisect_right(self._firsts, hi + 1)",
    new="        start = bisect_left(self._lasts, lo)\n"
    "        stop = bisect_right(self._firsts, hi)",
    because="3 follows 2",
)
edited(
    "e2.add",
    "a gap of one is bridged",
    old="        start = bisect_left(self._lasts, lo - 1)\n"
    "        stop = bisect_right(self._firsts, hi + 1)",
    new="        start = bisect_left(self._lasts, lo - 2)\n"
    "        stop = bisect_right(self._firsts, hi + 2)",
    because="because 3 is missing",
)
edited(
    "e2.add",
    "forgets that a run may reach further",
    old="            hi = max(hi, self._lasts[stop - 1])\n",
    new="            hi = max(hi, self._lasts[start])\n",
    because="runs\\(\\) after",
)
edited(
    "e2.add",
    "merges with one run only",
    old="            lo = min(lo, self._firsts[start])\n",
    new="            stop = start + 1\n            lo = min(lo, self._firsts[start])\n",
    because="runs\\(\\) after",
)
edited(
    "e2.remove",
    "leaves an empty run",
    old="for first, last in kept if first <= last]",
    new="for first, last in kept if first <= last + 1]",
    because="runs\\(\\) after",
)
edited(
    "e2.remove",
    "keeps the left part only",
    old="                (hi + 1, self._lasts[stop - 1]),\n",
    new="",
    because="two runs",
)
edited(
    "e2.remove",
    "the upper end is left out of the range",
    old="(hi + 1, self._lasts[stop - 1])",
    new="(hi, self._lasts[stop - 1])",
    because="runs\\(\\) after",
)
edited(
    "e2.remove",
    "trims the first run it meets and no other",
    old="        stop = bisect_right(self._firsts, hi)\n        kept",
    new="        stop = bisect_right(self._firsts, hi)\n"
    "        stop = min(stop, start + 1)\n        kept",
    because="runs\\(\\) after",
)
edited(
    "e2.wide",
    "the last integer does not belong to its run",
    old="        at = bisect_left(self._lasts, x)",
    new="        at = bisect_right(self._lasts, x)",
    because="both ends belong",
)
edited(
    "e2.wide",
    "the first integer does not belong to its run",
    old="self._firsts[at] <= x",
    new="self._firsts[at] < x",
    because="both ends belong",
)
edited(
    "e2.wide",
    "swaps an upside-down range",
    old='        raise ValueError(f"the range {lo}…{hi} is upside down")',
    new="        return",
    because="ValueError",
)
edited(
    "e2.remove",
    "length is the difference of the ends",
    old="last - first + 1",
    new="last - first",
    because="longest",
)


@wrong("e2.remove", because="longest")
class IntervalSet__longest_only_grows:
    """The best length is noted while adding and never again."""

    def __init__(self):
        self.points, self.best = set(), 0

    def add(self, lo, hi):
        self.points |= set(range(lo, hi + 1))
        self.best = max([self.best] + [b - a + 1 for a, b in self.runs()])

    def remove(self, lo, hi):
        self.points -= set(range(lo, hi + 1))

    def contains(self, x):
        return x in self.points

    def runs(self):
        return runs_of(self.points)

    def longest(self):
        return self.best


@wrong("e2.remove", because="longest")
class IntervalSet__counts_duplicates_twice:
    """The length of a run is the sum of the lengths that were added to it."""

    def __init__(self):
        self.points, self.added = set(), {}

    def add(self, lo, hi):
        for x in range(lo, hi + 1):
            self.points.add(x)
            self.added[x] = self.added.get(x, 0) + 1

    def remove(self, lo, hi):
        for x in range(lo, hi + 1):
            self.points.discard(x)
            self.added.pop(x, None)

    def contains(self, x):
        return x in self.points

    def runs(self):
        return runs_of(self.points)

    def longest(self):
        sums = [sum(self.added[x] for x in range(a, b + 1)) for a, b in self.runs()]
        return max(sums, default=0)


@wrong("e2.cost", because="binary search")
class IntervalSet__rebuilds:
    """Sorts and merges all runs at each call."""

    def __init__(self):
        self.pieces = []

    def add(self, lo, hi):
        if lo > hi:
            raise ValueError
        merged = []
        for first, last in sorted([*self.pieces, (lo, hi)]):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], last))
            else:
                merged.append((first, last))
        self.pieces = merged

    def remove(self, lo, hi):
        if lo > hi:
            raise ValueError
        left = [(a, min(b, lo - 1)) for a, b in self.pieces]
        behind = [(max(a, hi + 1), b) for a, b in self.pieces]
        self.pieces = sorted({(a, b) for a, b in left + behind if a <= b})

    def contains(self, x):
        return any(a <= x <= b for a, b in self.pieces)

    def runs(self):
        return list(self.pieces)

    def longest(self):
        return max([b - a + 1 for a, b in self.pieces], default=0)


@right("e2")
class IntervalSet__boundaries:
    """One sorted list of boundaries, at which membership changes."""

    def __init__(self):
        self.ends = []

    def add(self, lo, hi):
        self.paint(lo, hi, inside=0)

    def remove(self, lo, hi):
        self.paint(lo, hi, inside=1)

    def paint(self, lo, hi, inside):
        if lo > hi:
            raise ValueError("upside down")
        i, j = bisect_left(self.ends, lo), bisect_right(self.ends, hi + 1)
        new = [lo] * (i % 2 == inside) + [hi + 1] * (j % 2 == inside)
        self.ends[i:j] = new

    def contains(self, x):
        return bisect_right(self.ends, x) % 2 == 1

    def runs(self):
        return [(a, b - 1) for a, b in zip(*[iter(self.ends)] * 2, strict=True)]

    def longest(self):
        return max((b - a + 1 for a, b in self.runs()), default=0)


@right("e2")
class IntervalSet__map_of_ends:
    """A dictionary from first to last integer, and the sorted first ones."""

    def __init__(self):
        self.last, self.order = {}, []

    def cut(self, lo, hi):
        """Take out all runs that meet lo…hi and return them."""
        at = bisect_right(self.order, lo) - 1
        if at < 0 or self.last[self.order[at]] < lo:
            at += 1
        met = []
        while at < len(self.order) and self.order[at] <= hi:
            first = self.order.pop(at)
            met.append((first, self.last.pop(first)))
        return met

    def insert(self, first, last):
        if first <= last:
            self.last[first] = last
            insort(self.order, first)

    def add(self, lo, hi):
        if hi < lo:
            raise ValueError
        met = self.cut(lo - 1, hi + 1)
        self.insert(min([lo] + [a for a, _ in met]), max([hi] + [b for _, b in met]))

    def remove(self, lo, hi):
        if hi < lo:
            raise ValueError
        for first, last in self.cut(lo, hi):
            self.insert(first, min(last, lo - 1))
            self.insert(max(first, hi + 1), last)

    def contains(self, x):
        at = bisect_right(self.order, x)
        return at > 0 and x <= self.last[self.order[at - 1]]

    def runs(self):
        return [(first, self.last[first]) for first in self.order]

    def longest(self):
        return max([last - first for first, last in self.runs()], default=-1) + 1


@right("e2")
class IntervalSet__one_list_of_pairs:
    """Runs as pairs in one sorted list; sentinels instead of cases."""

    def __init__(self):
        self.all = [(-math.inf, -math.inf), (math.inf, math.inf)]

    def slice_of(self, lo, hi):
        start = bisect_left(self.all, (lo,))
        if self.all[start - 1][1] >= lo:
            start -= 1
        return start, bisect_right(self.all, (hi, math.inf))

    def add(self, lo, hi):
        if lo > hi:
            raise ValueError(lo, hi)
        start, stop = self.slice_of(lo - 1, hi + 1)
        for first, last in self.all[start:stop]:
            lo, hi = min(lo, first), max(hi, last)
        self.all[start:stop] = [(lo, hi)]

    def remove(self, lo, hi):
        if lo > hi:
            raise ValueError(lo, hi)
        start, stop = self.slice_of(lo, hi)
        rest = []
        for first, last in self.all[start:stop]:
            if first < lo:
                rest.append((first, lo - 1))
            if last > hi:
                rest.append((hi + 1, last))
        self.all[start:stop] = rest

    def contains(self, x):
        start, stop = self.slice_of(x, x)
        return start < stop

    def runs(self):
        return self.all[1:-1]

    def longest(self):
        return max([0] + [last - first + 1 for first, last in self.runs()])


# -- e3: TTLMap --------------------------------------------------------------------

edited(
    "e3.life",
    "alive at the deadline",
    old="now < entry.deadline",
    new="now <= entry.deadline",
    because="at 110 it is gone",
)
edited(
    "e3.life",
    "the entry of an old put kills the new value",
    old="if entry is not None and entry.number == number:",
    new="if entry is not None:",
    because="what the first one left",
)
edited(
    "e3.sweep",
    "counts stale entries",
    old="                del self._entries[key]\n                dropped += 1",
    new="                del self._entries[key]\n            dropped += 1",
    because="count keys, not entries",
)
edited(
    "e3.memory",
    "never cleans up the heap",
    old="len(self._heap) > 2 * len(self._entries) + 16",
    new="False",
    because="bytes still held",
)
edited(
    "e3.memory",
    "a sweep that only counts",
    old="            _, number, key = heapq.heappop(self._heap)\n",
    new="            _, number, key = heapq.heappop(self._heap)\n"
    "            self._kept = [*getattr(self, '_kept', ()), self._entries.get(key)]\n",
    because="bytes still held",
)
edited(
    "e3.life",
    "a read prolongs the life",
    old="        return default if entry is None else entry.value",
    new="        if entry is not None and entry.deadline < math.inf:\n"
    "            self._entries[key] = entry._replace(deadline=entry.deadline + 1)\n"
    "        return default if entry is None else entry.value",
    because="reading does not",
)
edited(
    "e3.sweep",
    "an expired key still counts as there",
    old="        fresh = self._live(key, now) is None",
    new="        fresh = key not in self._entries",
    because="not there",
)
edited(
    "e3.sweep",
    "delete says True for what has expired",
    old="        alive = self._live(key, self._time()) is not None",
    new="        alive = key in self._entries",
    because="not there",
)
edited(
    "e3.sweep",
    "ignores the budget",
    old="        while dropped < budget and self._heap",
    new="        while self._heap",
    because="at most `budget`",
)
edited(
    "e3.sweep",
    "one more than the budget",
    old="        while dropped < budget and",
    new="        while dropped <= budget and",
    because="at most `budget`",
)
edited(
    "e3.sweep",
    "len counts what has expired",
    old="        self._drop_expired(math.inf)\n",
    new="",
    because="live keys only",
)
edited(
    "e3.clock",
    "believes a clock that is set back",
    old="self._now = max(self._now, self._clock())",
    new="self._now = self._clock()",
    because="revives nothing",
)
edited(
    "e3.clock",
    "the largest reading starts at 0",
    old="        self._now = -math.inf",
    new="        self._now = 0",
    because="negative",
)
edited(
    "e3.life",
    "keys are compared when deadlines tie",
    old="(deadline, entry.number, key))",
    new="(deadline, key, entry.number))",
    because="compare keys|TypeError",
)
edited(
    "e3.life",
    "a missing value and a None are the same",
    old="        return default if entry is None else entry.value",
    new="        return default if not (entry and entry.value) else entry.value",
    because="None, 0 and ''",
)
edited(
    "e3.life",
    "a put without ttl keeps the old deadline",
    old="        deadline = math.inf if ttl is None else now + ttl\n",
    new="        old = self._entries.get(key)\n"
    "        before = old.deadline if old else math.inf\n"
    "        deadline = before if ttl is None else now + ttl\n",
    because="for ever|what the first one left",
)
edited(
    "e3.sweep",
    "takes a ttl of zero",
    old="not ttl > 0",
    new="not ttl >= 0",
    because="not positive",
)
edited(
    "e3.sweep",
    "len drops by sweeping one key",
    old="        self._drop_expired(math.inf)\n        return",
    new="        self._drop_expired(1)\n        return",
    because="live keys only",
)


@wrong("e3.cost", because="no call may look at all keys")
class TTLMap__scans:
    def __init__(self, clock):
        self.clock, self.now, self.data = clock, -math.inf, {}

    def time(self):
        self.now = max(self.now, self.clock())
        return self.now

    def put(self, key, value, ttl=None):
        if ttl is not None and ttl <= 0:
            raise ValueError
        now = self.time()
        fresh = not self.alive(key, now)
        self.data[key] = (value, math.inf if ttl is None else now + ttl)
        return fresh

    def alive(self, key, now):
        return key in self.data and now < self.data[key][1]

    def get(self, key, default=None):
        return self.data[key][0] if self.alive(key, self.time()) else default

    def delete(self, key):
        alive = self.alive(key, self.time())
        self.data.pop(key, None)
        return alive

    def __len__(self):
        now = self.time()
        return sum(now < end for _, end in self.data.values())

    def sweep(self, budget):
        now = self.time()
        due = [key for key, (_, end) in self.data.items() if end <= now][:budget]
        for key in due:
            del self.data[key]
        return len(due)


@right("e3")
class TTLMap__sorted_deadlines:
    """No heap and nothing stale: a sorted list from which old deadlines are taken."""

    def __init__(self, clock):
        self.clock, self.latest = clock, -math.inf
        self.values, self.ends, self.order, self.count = {}, {}, [], 0

    def now(self):
        self.latest = max(self.latest, self.clock())
        return self.latest

    def forget(self, key):
        self.values.pop(key, None)
        if key in self.ends:
            entry = self.ends.pop(key)
            at = bisect_left(self.order, entry[:2], key=lambda one: one[:2])
            del self.order[at]

    def alive(self, key, now):
        ends = self.ends.get(key, (math.inf,))[0]
        return key in self.values and now < ends

    def put(self, key, value, ttl=None):
        if ttl is not None and ttl <= 0:
            raise ValueError("ttl")
        now = self.now()
        fresh = not self.alive(key, now)
        self.forget(key)
        self.values[key] = value
        if ttl is not None:
            self.count += 1
            self.ends[key] = (now + ttl, self.count, key)
            insort(self.order, self.ends[key], key=lambda one: one[:2])
        return fresh

    def get(self, key, default=None):
        return self.values[key] if self.alive(key, self.now()) else default

    def delete(self, key):
        alive = self.alive(key, self.now())
        self.forget(key)
        return alive

    def __len__(self):
        due = bisect_right(self.order, self.now(), key=lambda one: one[0])
        return len(self.values) - due

    def sweep(self, budget):
        due = bisect_right(self.order, self.now(), key=lambda one: one[0])
        gone = self.order[: min(due, budget)]
        for _, _, key in gone:
            self.forget(key)
        return len(gone)


@right("e3")
class TTLMap__buckets:
    """A timing wheel without end: sets of keys by deadline, a heap of deadlines."""

    def __init__(self, clock):
        self.clock, self.high = clock, None
        self.table, self.buckets, self.heap = {}, {}, []

    def now(self):
        read = self.clock()
        self.high = read if self.high is None else max(read, self.high)
        return self.high

    def unlink(self, key):
        if key not in self.table:
            return
        _, end = self.table.pop(key)
        if end is not None:
            keys = self.buckets[end]
            keys.pop(key)
            if not keys:
                del self.buckets[end]
                if len(self.heap) > 2 * len(self.buckets) + 8:
                    self.heap = sorted(self.buckets)

    def drop(self, most):
        now, gone = self.now(), 0
        while gone < most and self.heap and self.heap[0] <= now:
            keys = self.buckets.get(self.heap[0])
            if not keys:
                heapq.heappop(self.heap)
                continue
            self.unlink(next(iter(keys)))
            gone += 1
        return gone

    def peek(self, key):
        now = self.now()
        value, end = self.table.get(key, (None, -math.inf))
        return (value, end is None or now < end)

    def put(self, key, value, ttl=None):
        if ttl is not None and ttl <= 0:
            raise ValueError(ttl)
        _, alive = self.peek(key)
        self.unlink(key)
        end = None if ttl is None else self.high + ttl
        self.table[key] = (value, end)
        if end is not None:
            if end not in self.buckets:
                self.buckets[end] = {}
                heapq.heappush(self.heap, end)
            self.buckets[end][key] = None
        return not alive

    def get(self, key, default=None):
        value, alive = self.peek(key)
        return value if alive else default

    def delete(self, key):
        _, alive = self.peek(key)
        self.unlink(key)
        return alive

    def __len__(self):
        self.drop(math.inf)
        return len(self.table)

    def sweep(self, budget):
        return self.drop(budget)


# -- e4: VersionedKV ---------------------------------------------------------------

edited(
    "e4.asof",
    "visible at its deadline",
    old="return version.value if version and t < version.end else default",
    new="end = version.end if version else 0\n"
    "        gone = version is None or (t > end if end > version.t else t >= end)\n"
    "        return default if gone else version.value",
    because="if that has expired, nothing",
)
edited(
    "e4.asof",
    "snapshot ignores the ttl",
    old="if one and t < one.end}",
    new="if one and one.end > one.t}",
    because="snapshot",
)
edited(
    "e4.newer",
    "delete erases the history",
    old="        return self._append(key, t, t, None)",
    new="        applied = self._append(key, t, t, None)\n"
    "        if applied:\n"
    "            del self._versions[key][:-1]\n"
    "        return applied",
    because="earlier reads still",
)
edited(
    "e4.newer",
    "delete forgets the key",
    old="        return self._append(key, t, t, None)",
    new="        applied = self._append(key, t, t, None)\n"
    "        if applied:\n"
    "            del self._versions[key]\n"
    "        return applied",
    because="above that of the key's newest",
)
edited(
    "e4.asof",
    "as of any time is as of now",
    old="    at = bisect_right(versions, t, key=_written)\n    return",
    new="    at = len(versions)\n    return",
    because="newest version at or before",
)
edited(
    "e4.asof",
    "a write is not visible at its own time",
    old="    at = bisect_right(versions, t, key=_written)\n    return",
    new="    at = bisect_left(versions, t, key=_written)\n    return",
    because="newest version at or before",
)
edited(
    "e4.asof",
    "an expired version lets the older one through",
    old="    at = bisect_right(versions, t, key=_written)\n    return",
    new="    at = bisect_right(versions, t, key=_written)\n"
    "    while at > 1 and versions[at - 1].t < versions[at - 1].end <= t:\n"
    "        at -= 1\n    return",
    because="if that has expired, nothing",
)
edited(
    "e4.asof",
    "None is no value",
    old="return version.value if version and t < version.end else default",
    new="found = version.value if version and t < version.end else None\n"
    "        return default if found is None else found",
    because="values too",
)
edited(
    "e4.asof",
    "takes a ttl of zero",
    old="ttl is not None and ttl <= 0",
    new="ttl is not None and ttl < 0",
    because="not positive",
)
edited(
    "e4.newer",
    "the same time is new enough",
    old="if t <= max(newest, self._horizon):",
    new="if t < max(newest, self._horizon):",
    because="above that of the key's newest",
)
edited(
    "e4.newer",
    "late writes are sorted in",
    old="        newest = versions[-1].t if versions else -math.inf\n"
    "        if t <= max(newest, self._horizon):\n"
    "            return False\n"
    "        self._versions.setdefault(key, []).append(_Version(t, end, value))\n"
    "        return True",
    new="        if t <= self._horizon:\n"
    "            return False\n"
    "        known = self._versions.setdefault(key, [])\n"
    "        at = bisect_right(known, t, key=_written)\n"
    "        known.insert(at, _Version(t, end, value))\n"
    "        return True",
    because="above that of the key's newest",
)
edited(
    "e4.newer",
    "a late write comes through after a delete",
    old="        newest = versions[-1].t if versions else -math.inf\n",
    new="        newest = versions[-1].t if versions else -math.inf\n"
    "        if versions and versions[-1].t == versions[-1].end:\n"
    "            newest = versions[-2].t if len(versions) > 1 else -math.inf\n",
    because="above that of the key's newest",
)
edited(
    "e4.newer",
    "one newest time for all keys",
    old="        newest = versions[-1].t if versions else -math.inf\n",
    new="        every = [all_[-1].t for all_ in self._versions.values()]\n"
    "        newest = max(every, default=-1)\n",
    because="above that of the key's newest",
)
edited(
    "e4.compact",
    "drops the version that is still visible",
    old="                keep -= 1",
    new="                pass",
    because="visible there",
)
edited(
    "e4.compact",
    "keeps what has expired or was deleted",
    old="            if keep and t < versions[keep - 1].end:",
    new="            if keep:",
    because="visible there",
)
edited(
    "e4.compact",
    "counts the keys",
    old="            dropped += keep",
    new="            dropped += keep > 0",
    because="visible there",
)
edited(
    "e4.compact",
    "looks at now, not at the horizon",
    old="            keep = bisect_right(versions, t, key=_written)\n",
    new="            keep = len(versions)\n",
    because="visible there",
)
edited(
    "e4.compact",
    "keeps the version at the horizon and the one before",
    old="            keep = bisect_right(versions, t, key=_written)\n",
    new="            keep = bisect_left(versions, t, key=_written)\n",
    because="visible there",
)
edited(
    "e4.compact",
    "answers from half a history",
    old="        if t < self._horizon:",
    new="        if False:",
    because="not known any more",
)
edited(
    "e4.compact",
    "the horizon itself cannot be read",
    old="        if t < self._horizon:",
    new="        if t <= self._horizon:",
    because="snapshot|get",
)
edited(
    "e4.compact",
    "a late write slips behind the horizon where a key is left",
    old="max(newest, self._horizon)",
    new="(newest if versions else self._horizon)",
    because="are refused",
)
edited(
    "e4.compact",
    "a late write slips behind the horizon",
    old="max(newest, self._horizon)",
    new="newest",
    because="are refused",
)
edited(
    "e4.compact",
    "the horizon moves back",
    old="        if t <= self._horizon:\n            return 0\n",
    new="",
    because="compact|get",
)
edited(
    "e4.cost",
    "walks through the history",
    old="    at = bisect_right(versions, t, key=_written)\n    return",
    new="    at = sum(version.t <= t for version in versions)\n    return",
    because="binary search",
)
edited(
    "e4.cost",
    "copies the times before it searches",
    old="    at = bisect_right(versions, t, key=_written)\n    return",
    new="    at = bisect_right([version.t for version in versions], t)\n    return",
    because="binary search",
)


@right("e4")
class VersionedKV__parallel_lists:
    """Times, ends and values in lists of their own; a missing value for a delete."""

    GONE = object()

    def __init__(self):
        self.keys, self.start = defaultdict(lambda: ([], [], [])), None

    def put(self, key, value, t, ttl=None):
        if ttl is not None and ttl < 1:
            raise ValueError("ttl")
        return self.write(key, t, None if ttl is None else t + ttl, value)

    def delete(self, key, t):
        return self.write(key, t, None, self.GONE)

    def write(self, key, t, end, value):
        times, ends, values = self.keys[key]
        if (times and t <= times[-1]) or (self.start is not None and t <= self.start):
            return False
        times.append(t)
        ends.append(end)
        values.append(value)
        return True

    def look(self, key, t):
        if self.start is not None and t < self.start:
            raise ValueError("before the horizon")
        times, ends, values = self.keys.get(key, ([], [], []))
        at = bisect_right(times, t) - 1
        if at < 0 or values[at] is self.GONE:
            return self.GONE
        return values[at] if ends[at] is None or t < ends[at] else self.GONE

    def get(self, key, t, default=None):
        found = self.look(key, t)
        return default if found is self.GONE else found

    def snapshot(self, t):
        self.look("", t)
        seen = {key: self.look(key, t) for key in list(self.keys)}
        return {key: value for key, value in seen.items() if value is not self.GONE}

    def compact(self, t):
        if self.start is not None and t <= self.start:
            return 0
        count = 0
        for key, (times, ends, values) in self.keys.items():
            before = bisect_right(times, t)
            if self.look(key, t) is not self.GONE:
                before -= 1
            for part in (times, ends, values):
                del part[:before]
            count += before
        self.start = t
        return count


@right("e4")
class VersionedKV__persistent_log:
    """Every key is an append-only log with a start; compaction moves the start."""

    def __init__(self):
        self.logs, self.low = {}, {}
        self.horizon = float("-inf")

    def put(self, key, value, t, ttl=None):
        if ttl is not None and not ttl > 0:
            raise ValueError(ttl)
        return self.add(key, t, (value,), ttl)

    def delete(self, key, t):
        return self.add(key, t, (), None)

    def add(self, key, t, box, ttl):
        log = self.logs.setdefault(key, [])
        last = log[-1][0] if log else float("-inf")
        if t > last and t > self.horizon:
            log.append((t, float("inf") if ttl is None else t + ttl, box))
            return True
        return False

    def box(self, key, t):
        if t < self.horizon:
            raise ValueError(t)
        log = self.logs.get(key, [])
        low, high = self.low.get(key, 0), len(log)
        while low < high:
            middle = (low + high) // 2
            if log[middle][0] <= t:
                low = middle + 1
            else:
                high = middle
        if low == self.low.get(key, 0):
            return low, ()
        _, end, box = log[low - 1]
        return low, box if t < end else ()

    def get(self, key, t, default=None):
        box = self.box(key, t)[1]
        return box[0] if box else default

    def snapshot(self, t):
        self.box("", t)
        return {key: box[0] for key in self.logs if (box := self.box(key, t)[1])}

    def compact(self, t):
        if t <= self.horizon:
            return 0
        count = 0
        for key in self.logs:
            stop, box = self.box(key, t)
            stop -= bool(box)
            count += stop - self.low.get(key, 0)
            self.low[key] = stop
        self.horizon = t
        return count


# -- e5: Bank ----------------------------------------------------------------------

edited(
    "e5.money",
    "a refused transfer keeps the money",
    old="        if source == target or target not in self._balances:\n"
    "            return None\n"
    "        if self._balances.get(source, 0) < amount:\n"
    "            return None\n"
    "        self._change(t, source, -amount)\n",
    new="        if self._balances.get(source, 0) < amount:\n"
    "            return None\n"
    "        self._change(t, source, -amount)\n"
    "        if source == target or target not in self._balances:\n"
    "            return None\n",
    because="exactly one other",
)
edited(
    "e5.held",
    "a transfer to oneself",
    old="if source == target or target not in self._balances:",
    new="if target not in self._balances:",
    because="transfer",
)
edited(
    "e5.money",
    "the balance may fall below zero by one cent",
    old="        if self._balances.get(account, 0) < amount:",
    new="        if self._balances.get(account, -9) < amount - 1:",
    because="the last of these calls",
)
edited(
    "e5.money",
    "the source is charged at acceptance",
    old="        self._change(t, source, -amount)\n        number",
    new="        number",
    because="exactly one other",
)
edited(
    "e5.money",
    "history notes a refund when it is noticed",
    old="self._change(oldest.deadline, oldest.source, oldest.amount)",
    new="self._change(t, oldest.source, oldest.amount)",
    because="deadline",
)
edited(
    "e5.money",
    "time may run backwards",
    old="        if t < self._now:\n"
    '            raise ValueError(f"time runs backwards: {t} after {self._now}")\n',
    new="",
    because="never fall",
)
edited(
    "e5.money",
    "takes negative amounts",
    old="    if amount <= 0:",
    new="    if amount == 0:",
    because="amounts are positive",
)
edited(
    "e5.held",
    "expires a millisecond late",
    old="            if t < oldest.deadline:",
    new="            if t <= oldest.deadline:",
    because="at t \\+ ttl it has expired",
)
edited(
    "e5.held",
    "expires a millisecond early",
    old="            if t < oldest.deadline:",
    new="            if t < oldest.deadline - 1:",
    because="at t \\+ ttl it has expired|accept",
)
edited(
    "e5.held",
    "refunds twice",
    old="            del self._held[number]\n"
    "            self._change(oldest.deadline, oldest.source, oldest.amount)",
    new="            del self._held[number]\n"
    "            self._change(oldest.deadline, oldest.source, oldest.amount)\n"
    "            self._held.update({number + '!': oldest._replace(\n"
    "                deadline=oldest.deadline + 50)} if '!' not in number else {})",
    because="refunded once|held",
)
edited(
    "e5.held",
    "anybody may accept",
    old="if held is None or held.target != account:",
    new="if held is None:",
    because="only the target",
)
edited(
    "e5.held",
    "activity counts at the beginning of a transfer",
    old='        number = f"t{next(self._numbers)}"\n',
    new='        number = f"t{next(self._numbers)}"\n'
    "        self._activity[source] += amount\n",
    because="when it is accepted",
)
edited(
    "e5.held",
    "activity of the receiver",
    old="self._activity[held.source] += held.amount",
    new="self._activity[held.target] += held.amount",
    because="largest activity",
)
edited(
    "e5.held",
    "ties in the order of creation",
    old="key=lambda one: (-one[1], one[0])",
    new="key=lambda one: -one[1]",
    because="equal ones by name",
)
edited(
    "e5.held",
    "refused transfers use up numbers",
    old="        if source == target or target not in self._balances:\n",
    new="        number = next(self._numbers)\n"
    "        if source == target or target not in self._balances:\n",
    because="t2|accept|held",
)
edited(
    "e5.held",
    "expires after the operation",
    old="        self._advance(t)\n        request",
    new="        if t > self._now:\n            self._advance(t - 1)\n        request",
    because="whatever else|expired",
)
edited(
    "e5.keys",
    "remembers success only",
    old="        if key is not None:\n",
    new="        if key is not None and answer:\n",
    because="a refusal is an answer",
)
edited(
    "e5.keys",
    "does it again",
    old="            return answer\n        answer = act(t, *args)",
    new="            act(t, *args)\n            return answer\n"
    "        answer = act(t, *args)",
    because="nothing happens",
)
edited(
    "e5.keys",
    "any request of a known key gets the answer",
    old="            if first != request:",
    new="            if False:",
    because="Conflict",
)
edited(
    "e5.keys",
    "compares the operation alone",
    old="            if first != request:",
    new="            if first[0] != request[0]:",
    because="Conflict",
)
edited(
    "e5.keys",
    "compares the arguments alone",
    old="            if first != request:",
    new="            if first[1:] != request[1:]:",
    because="Conflict",
)
edited(
    "e5.keys",
    "the time belongs to the request",
    old="        request = (act.__name__, *args)",
    new="        request = (act.__name__, t, *args)",
    because="Conflict|raised",
)
edited(
    "e5.keys",
    "without a key is a key",
    old="        if key is not None:\n            self._answers",
    new="        if True:\n            self._answers",
    because="raised|Conflict|key",
)
edited(
    "e5.merge",
    "a merge erases the history",
    old="        self._history[gone].append((t, None))",
    new="        self._history[gone] = [(t, None)]",
    because="balance\\(7, 'b', at=4",
)
edited(
    "e5.merge",
    "history goes on as if the account were there",
    old="        self._history[gone].append((t, None))\n",
    new="",
    because="balance\\(5, 'b'\\)",
)
edited(
    "e5.merge",
    "created again with the old money",
    old="        self._balances[account] = self._activity[account] = 0\n"
    "        self._history.setdefault(account, []).append((t, 0))",
    new="        known = self._history.setdefault(account, [])\n"
    "        past = [amount for _, amount in known if amount is not None]\n"
    "        self._balances[account] = past[-1] if past else 0\n"
    "        self._activity[account] = 0\n"
    "        known.append((t, self._balances[account]))",
    because="starts at 0|created again",
)
edited(
    "e5.merge",
    "activity is lost",
    old="self._activity[into] += self._activity.pop(gone)",
    new="self._activity.pop(gone)",
    because="moves to the heir",
)
edited(
    "e5.merge",
    "top names accounts that are gone",
    old="self._activity[into] += self._activity.pop(gone)",
    new="self._activity[into] += self._activity[gone]",
    because="accounts that exist",
)
edited(
    "e5.merge",
    "transfers keep the name that is gone",
    old="held._replace(source=source, target=target)",
    new="held",
    because="heir|after merge|raised",
)
edited(
    "e5.merge",
    "transfers for the merged account are redirected, those from it not",
    old="held._replace(source=source, target=target)",
    new="held._replace(target=target)",
    because="heir|raised|expired",
)
edited(
    "e5.merge",
    "a transfer between the two goes on",
    old="            if source == target:",
    new="            if False:",
    because="after transfer|cancelled",
)
edited(
    "e5.merge",
    "a transfer between the two vanishes with its money",
    old="                self._change(t, into, held.amount)\n",
    new="",
    because="after transfer|cancelled",
)
edited(
    "e5.merge",
    "held money of the merged account is refunded",
    old="            if source == target:",
    new="            if gone in (held.source, held.target):",
    because="after merge|heir",
)
edited(
    "e5.merge",
    "merges an account with itself",
    old="        if into == gone or not",
    new="        if not",
    because="merge|unknown or equal",
)


@right("e5")
class Bank__event_sourcing:
    """Keeps a log of what happened; every question replays it from the start."""

    def __init__(self, ttl):
        self.ttl, self.log, self.keys, self.clock, self.ids = ttl, [], {}, None, 0

    def replay(self, upto=None):
        money, active, held = {}, {}, {}
        for at, kind, *rest in self.log:
            if upto is not None and at > upto:
                break
            if kind == "open":
                money[rest[0]] = active[rest[0]] = 0
            elif kind == "move":
                money[rest[0]] += rest[1]
            elif kind == "act":
                active[rest[0]] += rest[1]
            elif kind == "hold":
                money[rest[1]] -= rest[3]
                held[rest[0]] = rest[1:]
            elif kind == "drop":
                money[rest[1]] += held.pop(rest[0])[2]
            elif kind == "close":
                into, gone = rest
                money[into] += money.pop(gone)
                active[into] += active.pop(gone)
                held = {
                    number: tuple(into if one == gone else one for one in entry)
                    for number, entry in held.items()
                }
        return money, active, held

    def tick(self, t):
        if self.clock is not None and t < self.clock:
            raise ValueError("backwards")
        self.clock = t
        _, _, held = self.replay()
        for number, (source, _, _, end) in held.items():
            if end <= t:
                self.log.append((end, "drop", number, source))

    def do(self, t, key, kind, *args):
        if kind in ("deposit", "pay", "transfer") and args[-1] <= 0:
            raise ValueError(args[-1])
        self.tick(t)
        if key is not None and key in self.keys:
            old, answer = self.keys[key]
            if old != (kind, args):
                raise state.Conflict(key)
            return answer
        answer = getattr(self, "do_" + kind)(t, *args)
        if key is not None:
            self.keys[key] = (kind, args), answer
        return answer

    def create(self, t, account, *, key=None):
        return self.do(t, key, "create", account)

    def deposit(self, t, account, amount, *, key=None):
        return self.do(t, key, "deposit", account, amount)

    def pay(self, t, account, amount, *, key=None):
        return self.do(t, key, "pay", account, amount)

    def transfer(self, t, source, target, amount, *, key=None):
        return self.do(t, key, "transfer", source, target, amount)

    def accept(self, t, account, number, *, key=None):
        return self.do(t, key, "accept", account, number)

    def merge(self, t, into, gone, *, key=None):
        return self.do(t, key, "merge", into, gone)

    def do_create(self, t, account):
        fresh = account not in self.replay()[0]
        if fresh:
            self.log.append((t, "open", account))
        return fresh

    def do_deposit(self, t, account, amount):
        if account not in self.replay()[0]:
            return None
        self.log.append((t, "move", account, amount))
        return self.replay()[0][account]

    def do_pay(self, t, account, amount):
        if self.replay()[0].get(account, -1) < amount:
            return None
        self.log += [(t, "move", account, -amount), (t, "act", account, amount)]
        return self.replay()[0][account]

    def do_transfer(self, t, source, target, amount):
        money = self.replay()[0]
        if source == target or not {source, target} <= set(money):
            return None
        if money[source] < amount:
            return None
        self.ids += 1
        end = t + self.ttl
        self.log.append((t, "hold", f"t{self.ids}", source, target, amount, end))
        return f"t{self.ids}"

    def do_accept(self, t, account, number):
        held = self.replay()[2]
        if number not in held or held[number][1] != account:
            return False
        self.log.append((t, "act", held[number][0], held[number][2]))
        self.log.append((t, "drop", number, account))
        return True

    def do_merge(self, t, into, gone):
        money, _, held = self.replay()
        if into == gone or into not in money or gone not in money:
            return False
        for number, entry in held.items():
            if {into, gone} == set(entry[:2]):
                self.log.append((t, "drop", number, into))
        self.log.append((t, "close", into, gone))
        return True

    def balance(self, t, account, at=None):
        self.tick(t)
        return self.replay(at)[0].get(account)

    def held(self, t):
        self.tick(t)
        return sum(amount for _, _, amount, _ in self.replay()[2].values())

    def top(self, t, k):
        self.tick(t)
        active = self.replay()[1]
        return sorted(active.items(), key=lambda one: (-one[1], one[0]))[:k]


class Fenwick:
    """Changes at moments; the sum up to any moment takes logarithmic time.

    Node i holds what changed in the i & -i milliseconds that end with the i-th, counted
    from the first change. The tree doubles when a change lies behind its end.
    """

    def __init__(self):
        self.first, self.size, self.nodes = math.inf, 1, defaultdict(int)

    def add(self, t, change):
        if not self.nodes:
            self.first = t
        i = t - self.first + 1
        while self.size < i:
            self.nodes[2 * self.size] = self.nodes[self.size]
            self.size *= 2
        while i <= self.size:
            self.nodes[i] += change
            i += i & -i

    def upto(self, t):
        i, total = min(t - self.first + 1, self.size), 0
        while i > 0:
            total += self.nodes.get(i, 0)
            i -= i & -i
        return total


@right("e5")
class Bank__fenwick:
    """Balances are prefix sums over time, and a refund is a change in the future.

    A transfer writes its own expiry at once: the money leaves at t and is back at
    t + ttl. Nothing is left to do when that moment comes; accepting takes it back.
    """

    def __init__(self, ttl):
        self.ttl, self.clock, self.keys, self.activity = ttl, -math.inf, {}, {}
        self.money, self.opened = defaultdict(Fenwick), defaultdict(Fenwick)
        self.transit, self.pending, self.begun = Fenwick(), {}, 0

    def tick(self, t):
        if t < self.clock:
            raise ValueError("a call from the past")
        self.clock = t

    def once(self, t, key, request, act):
        self.tick(t)
        if key is None:
            return act()
        if key not in self.keys:
            self.keys[key] = request, act()
        before, answer = self.keys[key]
        if before != request:
            raise state.Conflict(key)
        return answer

    def carry(self, t, giver, taker, amount):
        giver.add(t, -amount)
        taker.add(t, amount)

    def settle(self, t, number, account):
        """Pay a held transfer to `account`, and take its refund out of the future."""
        source, _, amount, end = self.pending.pop(number)
        self.carry(end, self.money[source], self.transit, amount)
        self.carry(t, self.transit, self.money[account], amount)

    def create(self, t, account, *, key=None):
        def act():
            if account in self.activity:
                return False
            self.activity[account] = 0
            self.opened[account].add(t, 1)
            self.money[account].add(t, 0)
            return True

        return self.once(t, key, ("create", account), act)

    def deposit(self, t, account, amount, *, key=None):
        def act():
            if account not in self.activity:
                return None
            self.money[account].add(t, amount)
            return self.money[account].upto(t)

        self.positive(amount)
        return self.once(t, key, ("deposit", account, amount), act)

    def pay(self, t, account, amount, *, key=None):
        def act():
            if not self.can_spend(t, account, amount):
                return None
            self.money[account].add(t, -amount)
            self.activity[account] += amount
            return self.money[account].upto(t)

        self.positive(amount)
        return self.once(t, key, ("pay", account, amount), act)

    def transfer(self, t, source, target, amount, *, key=None):
        def act():
            if source == target or target not in self.activity:
                return None
            if not self.can_spend(t, source, amount):
                return None
            end = t + self.ttl
            self.carry(t, self.money[source], self.transit, amount)
            self.carry(end, self.transit, self.money[source], amount)
            self.begun += 1
            self.pending[f"t{self.begun}"] = source, target, amount, end
            return f"t{self.begun}"

        self.positive(amount)
        return self.once(t, key, ("transfer", source, target, amount), act)

    def accept(self, t, account, number, *, key=None):
        def act():
            source, target, amount, end = self.pending.get(number, (None, None, 0, t))
            if end <= t or target != account:
                return False
            self.settle(t, number, account)
            self.activity[source] += amount
            return True

        return self.once(t, key, ("accept", account, number), act)

    def merge(self, t, into, gone, *, key=None):
        def act():
            if into == gone or not {into, gone} <= set(self.activity):
                return False
            old, new = self.money[gone], self.money[into]
            self.carry(t, old, new, old.upto(t))
            self.opened[gone].add(t, -1)
            self.activity[into] += self.activity.pop(gone)
            for number, (source, target, amount, end) in list(self.pending.items()):
                if end <= t:
                    del self.pending[number]
                elif {source, target} == {into, gone}:
                    self.settle(t, number, into)
                elif source == gone:
                    self.carry(end, old, new, amount)
                    self.pending[number] = into, target, amount, end
                elif target == gone:
                    self.pending[number] = source, into, amount, end
            return True

        return self.once(t, key, ("merge", into, gone), act)

    def balance(self, t, account, at=None):
        self.tick(t)
        when = t if at is None else min(at, t)
        if account not in self.opened or not self.opened[account].upto(when):
            return None
        return self.money[account].upto(when)

    def held(self, t):
        self.tick(t)
        return self.transit.upto(t)

    def top(self, t, k):
        self.tick(t)
        return heapq.nsmallest(k, self.activity.items(), key=lambda one: (-one[1], one))

    def can_spend(self, t, account, amount):
        return account in self.activity and self.money[account].upto(t) >= amount

    def positive(self, amount):
        if amount <= 0:
            raise ValueError("not a positive amount")


# -- e6: Store ---------------------------------------------------------------------

edited(
    "e6.isolation",
    "reads what was committed last",
    old="reversed(self._versions.get(key, ())) if at <= commit), None",
    new="reversed(self._versions.get(key, ())) if at >= 0), None",
    because="the moment it began|begun before",
)
edited(
    "e6.isolation",
    "never aborts",
    old="            if key in self._versions and self._versions[key][-1][0] > since:",
    new="            if False:",
    because="abort if",
)
edited(
    "e6.isolation",
    "aborts when anything was committed since",
    old="            if key in self._versions and self._versions[key][-1][0] > since:",
    new="            if self.commits > since:",
    because="nobody else wrote|raised",
)
edited(
    "e6.isolation",
    "publishes key by key until one fails",
    old="        for key in writes:\n            if key in",
    new="        for key in writes:\n"
    "            if key not in self._versions:\n"
    "                self._versions[key] = [(since, writes[key])]\n"
    "            if key in",
    because="all writes or none|empty store|begun before|by another",
)
edited(
    "e6.isolation",
    "a delete is no change",
    old="            if key in self._versions and self._versions[key][-1][0] > since:",
    new="            last = self._versions.get(key, [(0, None)])[-1]\n"
    "            if last[0] > since and last[1] is not None:",
    because="deleted since",
)
edited(
    "e6.isolation",
    "writes are public at once",
    old="        self._writes[key] = value\n",
    new="        self._writes[key] = value\n"
    "        self._store._versions.setdefault(key, []).append((0, value))\n",
    because="before commit|by another",
)
edited(
    "e6.isolation",
    "finished is not finished",
    old='            raise ValueError("this transaction is finished")',
    new="            pass",
    because="ValueError",
)
edited(
    "e6.nested",
    "a nested one does not see its parent's writes",
    old="        if self._parent:\n            return self._parent.get(key)\n",
    new="",
    because="sees its parent",
)
edited(
    "e6.nested",
    "a nested commit is public",
    old="            self._parent._writes |= self._writes\n",
    new="            self._parent._writes |= self._writes\n"
    "            self._store.publish(self._writes, self._since)\n",
    because="by others",
)
edited(
    "e6.nested",
    "a nested rollback undoes the parent's writes",
    old="        self._require_open()\n        self._open = False",
    new="        self._require_open()\n        self._open = False\n"
    "        if self._parent and self._writes:\n"
    "            self._parent._writes.clear()",
    because="get\\(",
)
edited(
    "e6.nested",
    "a nested one begins when it begins",
    old="        self._since = parent._since if parent else store.commits",
    new="        self._since = store.commits\n"
    "        if parent:\n            parent._since = store.commits",
    because="outermost|changed since",
)
edited(
    "e6.nested",
    "a delete inside is lost",
    old="            self._parent._writes |= self._writes",
    new="            self._parent._writes |= {\n"
    "                k: v for k, v in self._writes.items() if v is not None}",
    because="hands over",
)


@right("e6")
class Store__copies:
    """A snapshot is a copy of everything; a change leaves the number of its commit."""

    def __init__(self):
        self.data, self.changed, self.count = {}, {}, 0

    def begin(self):
        return Copy(self, None)


class Copy:
    def __init__(self, store, parent):
        self.store, self.parent = store, parent
        self.base = None if parent else dict(store.data)
        self.count = store.count
        self.view = None if parent else {}
        self.mine = {}
        self.over = False

    def alive(self):
        if self.over:
            raise ValueError("over")
        if self.parent is not None:
            self.parent.alive()

    def get(self, key):
        self.alive()
        here = self
        while here.parent is not None:
            if key in here.mine:
                return here.mine[key]
            here = here.parent
        return here.mine.get(key, here.base.get(key))

    def put(self, key, value):
        self.alive()
        self.mine[key] = value

    def delete(self, key):
        self.alive()
        self.mine[key] = None

    def begin(self):
        self.alive()
        return Copy(self.store, self)

    def rollback(self):
        self.alive()
        self.over = True

    def commit(self):
        self.alive()
        self.over = True
        if self.parent is not None:
            self.parent.mine.update(self.mine)
            return
        if any(self.store.changed.get(key, 0) > self.count for key in self.mine):
            raise state.Abort("changed")
        self.store.count += 1
        for key, value in self.mine.items():
            self.store.changed[key] = self.store.count
            self.store.data[key] = value
