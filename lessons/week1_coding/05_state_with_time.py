"""Week 1, notebook 5: structures whose contents change, expire and are looked up later."""

# %% [md] title
# # State with time: sums, ranges, deadlines, versions, money
#
# By the end of this notebook you have five small structures that stay right while they
# are overwritten, split, forgotten, asked about the past, and asked twice.

# %% [md] able
# ## You will be able to
#
# * **maintain** a summary by what each change adds to it, instead of computing it again
# * **decide** every boundary before you code: the last moment a value lives, the ranges that touch
# * **defend** a design for late, repeated and conflicting requests, with the invariant it keeps

# %% [map]
# ## Map

# %% [md] asked
# ## Where this is asked
#
# In the 45- to 60-minute coding round, as one structure with three follow-ups, and in
# staged assessments that add "now values expire" and "now ask about the past" to a store.
# The interviewer scores whether you ask about boundaries before coding, whether an
# overwrite, a repeat and a late request are handled, and whether you can name the cost of
# every operation.
#
# Not taught here: locks (notebook 3), files that survive a crash (notebook 2), and
# agreement between machines.

# %% [setup]
import math
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import numpy as np

from course import check, desk, viz, widgets
from course.sim import state
from course.viz import state as draw

desk.open("w1-state")

# %% [md] delta
# ## 1 · Keep the sum, add the difference
#
# A dashboard shows the sums of a table while its cells are overwritten, and it asks for
# them far more often than you would like to add them up. So do not. A sum changes only when one
# of its cells does, and then by the **difference**: new value minus old value.
#
# Whoever keeps a sum promises an **invariant**, a sentence that is true after every
# operation: "`rows[2]` is the sum of row 2". Each operation may break it inside, and must
# restore it before it returns.

# %% [md] touched-intro
# On a square board the two **diagonals** are sums as well. The main one holds the cells with
# `row == col`. The other, the anti-diagonal, runs from the top right to the bottom left: where
# `col` falls by one as `row` grows by one, `row + col` stays the same. It is `n - 1`.

# %% touched
viz.show(
    draw.touched(5, row=1, col=3),
    alt="A board of five by five cells. The written cell, row 1 and column 3, is "
    "black; its row, its column and the anti-diagonal through it are blue.",
)

# %% [md] overwrite
# ### Worked example
#
# A 2-by-2 board of zeros; only the main diagonal is shown.
#
# | write | old value | difference | main diagonal |
# |---|---|---|---|
# | (0, 0) ← 5 | 0 | +5 | 5 |
# | (1, 1) ← 2 | 0 | +2 | 7 |
# | (0, 0) ← 1 | 5 | −4 | 3 |
# | (0, 1) ← 9 | 0 | +9 | 3 (not on it) |
#
# The third line is where most answers fail: adding 1 instead of −4 gives 8. To know the old
# value you must keep the cells too, or at least those that were ever written.

# %% [md] guess-reads
# How much does it save? A board of 200 by 200 takes 1,000 writes, and after each one somebody
# asks for both diagonals, the row and the column. Guess how many cells the obvious
# program, which adds them up at each question, reads for each one that yours looks at.

# %% guess-reads-cell
widgets.predict("reads", "How many times as many cells?", unit="times")

# %% [md] reads-answer
# Count it. A list that counts how often it is asked for an item stands for the board, row after row:


# %% reads
class Counting(list):
    """A list that counts how often one of its items is asked for."""

    looks = 0

    def __getitem__(self, at):
        self.looks += 1
        return super().__getitem__(at)


cells, n = Counting([0] * 200 * 200), 200
for write in range(1000):
    row, col = write % n, 7 * write % n
    cells[n * row + col] = write
    sums = [sum(cells[n * i + i] for i in range(n))]
    sums += [sum(cells[n * i + n - 1 - i] for i in range(n))]
    sums += [sum(cells[n * row + j] for j in range(n))]
    sums += [sum(cells[n * i + col] for i in range(n))]
widgets.reveal(
    "reads",
    cells.looks / 1000,
    explain="Four lines of n cells for each write; yours looks at the old value only.",
)

# %% [card] e1 minutes=10 core
# A board that knows its sums
#
# Keep an `n` by `n` board of integers, all 0 at first. `put(row, col, value)` overwrites a
# cell. `main()`, `anti()`, `row(i)` and `col(j)` return sums, each in constant time, and so does
# `put`. Raise `IndexError` for a place that is not on the board, negative numbers included, and change nothing then.

# %% [hand] e1
# **By hand.** `n = 3`. Put 4 at (1, 1): the centre lies on both diagonals, so `main()` and
# `anti()` are 4. Put 7 at (0, 2): `anti()` is 11. Put 1 at (1, 1): the difference is −3, so
# `main()` is 1, `anti()` is 8, `row(1)` is 1.


# %% [answer] e1
class DiagonalBoard:
    """An n by n board of integers that keeps its sums; every cell starts at 0."""

    def __init__(self, n: int) -> None:
        ### BEGIN SOLUTION
        self._n = n
        self._cells: dict[tuple[int, int], int] = {}  # only those ever written
        self._rows = [0] * n
        self._cols = [0] * n
        self._main = self._anti = 0
        ### END SOLUTION

    def put(self, row: int, col: int, value: int) -> None:
        """Overwrite one cell. Raises IndexError off the board."""
        ### BEGIN SOLUTION
        self._require(row, col)
        change = value - self._cells.get((row, col), 0)
        self._cells[row, col] = value
        self._rows[row] += change
        self._cols[col] += change
        if row == col:
            self._main += change
        if row + col == self._n - 1:
            self._anti += change

    def _require(self, *places: int) -> None:
        for place in places:
            if not 0 <= place < self._n:
                raise IndexError(f"{place} is not on a board of {self._n}")
        ### END SOLUTION

    def main(self) -> int:
        """Return the sum of the cells with row == col."""
        ### BEGIN SOLUTION
        return self._main
        ### END SOLUTION

    def anti(self) -> int:
        """Return the sum of the diagonal from the top right to the bottom left."""
        ### BEGIN SOLUTION
        return self._anti
        ### END SOLUTION

    def row(self, i: int) -> int:
        """Return the sum of row i. Raises IndexError off the board."""
        ### BEGIN SOLUTION
        self._require(i)
        return self._rows[i]
        ### END SOLUTION

    def col(self, j: int) -> int:
        """Return the sum of column j. Raises IndexError off the board."""
        ### BEGIN SOLUTION
        self._require(j)
        return self._cols[j]
        ### END SOLUTION


# %% [look] e1
WRITES = [(1, 1, 4), (0, 2, 7), (2, 2, 5), (1, 1, 1), (2, 0, -2)]


def sums_after(writes: list[tuple[int, int, int]], n: int = 3) -> dict[str, int]:
    filled = DiagonalBoard(n)
    for write in writes:
        filled.put(*write)
    found = {"main": filled.main(), "anti": filled.anti()}
    found |= {f"row {i}": filled.row(i) for i in range(n)}
    return found | {f"col {j}": filled.col(j) for j in range(n)}


last = {(row, col): value for row, col, value in WRITES}
expected_sums = {"main": 6, "anti": 6, "row 0": 7, "row 1": 1, "row 2": 3}
expected_sums |= {"col 0": -2, "col 1": 1, "col 2": 12}
viz.beside(
    viz.attempt(sums_after, WRITES),
    expected_sums,
    draw.board(3, last),
    alt="A board of three by three after five writes, with the sums of rows, columns "
    "and diagonals in its margins, yours and the expected ones.",
)

# %% [check] e1 points=1 mode=split
board = check.call(DiagonalBoard, 3, shown="DiagonalBoard(3)")
for row, col, value in [(1, 1, 4), (0, 2, 7), (1, 1, 1)]:
    board.put(row, col, value)
shown = "after putting 4 at (1, 1), 7 at (0, 2), 1 at (1, 1)"
check.equal(board.main(), 1, shown=f"main() {shown}", hint="new value minus old value")
check.equal(board.anti(), 8, shown=f"anti() {shown}", hint="row + col == n - 1")
check.equal(board.row(1), 1, shown=f"row(1) {shown}")

# %% [grade] e1.sums points=4 mode=split
# Random writes and overwrites, negative values, the same value twice, boards of 1 to 6.

# %% [grade] e1.edges points=2 mode=split
# The centre of odd and even boards; places that are not on the board.

# %% [grade] e1.cost points=3 mode=shared
# The time of an operation on a board of 10 and on a board of 1,000.

# %% [hints] e1
# nudge: After `put(0, 0, 5)` and `put(0, 0, 1)`, what did your row sum become, and what should it be?
#
# idea: Keep the cells beside the sums. The one number that every sum needs is the new value minus the old one.
#
# outline: Check the place. Look up the old value (0 if never written), store the new one, and add the difference to the row, to the column, and to each diagonal whose condition the place meets. A centre cell meets both.

# %% [md] runs
# ## 2 · Ranges that merge and split
#
# Which block numbers of a download have arrived? Which seats are taken? You could keep a set
# of integers. Then "0 to 10⁹" costs a thousand million entries, though it is one fact.
#
# Keep **runs** instead: maximal ranges without a gap, each as its first and last integer, both
# included. *Maximal* is the point. `[1, 2]` and `[3, 4]` do not overlap, yet no integer is
# missing between 2 and 3, so they are one run, `[1, 4]`. And `[1, 2]`, `[4, 5]` are two.

# %% [md] naive-runs
# Here is the slow truth, a set of integers and a loop. It is the specification: your
# structure must say the same, without storing every integer.


# %% truth
def runs_of(points: set[int]) -> list[tuple[int, int]]:
    """Return the maximal runs of a set of integers, in order.

    >>> runs_of({1, 2, 3, 7})
    [(1, 3), (7, 7)]
    """
    firsts = sorted(x for x in points if x - 1 not in points)
    lasts = sorted(x for x in points if x + 1 not in points)
    return list(zip(firsts, lasts, strict=True))


print(runs_of({1, 2} | {3, 4}), runs_of({1, 2} | {4, 5}))

# %% [md] merging-intro
# Now a little film. Each line shows the runs (black) after one step; the thin mark above it is
# the range that the step names, blue to add, orange to remove.

# %% merging
STEPS = [("add", 1, 3), ("add", 8, 9), ("add", 4, 5), ("add", 7, 7)]
STEPS += [("add", 2, 12), ("remove", 5, 6), ("remove", 1, 2), ("remove", 14, 15)]


def truth_after(steps: list[tuple[str, int, int]]) -> list[list[tuple[int, int]]]:
    points, states = set(), []
    for kind, lo, hi in steps:
        named = set(range(lo, hi + 1))
        points = points | named if kind == "add" else points - named
        states.append(runs_of(points))
    return states


viz.show(
    draw.merging(STEPS, truth_after(STEPS)),
    alt="Eight lines of runs: 4 to 5 joins 1 to 3 by touching it, a wide add swallows "
    "everything, a removal from the middle leaves two runs, one outside does nothing.",
)

# %% [md] merging-read
# Four things to see: an add that only *touches* a run joins it (third line); a gap of one integer is
# a gap (6 is missing in the fourth line); one wide add can swallow many runs; one removal from the
# middle leaves **two** runs.

# %% [md] find-runs
# ### Which runs does a range meet?
#
# Runs are disjoint, so if you keep them sorted, their first integers rise and so do their last
# ones. That makes each side a question for **binary search**, which halves the
# candidates at each look: `bisect_left(a, x)` counts the items of sorted `a` below `x`,
# `bisect_right(a, x)` those not above `x`.
#
# An `add(lo, hi)` touches a run unless the run ends before `lo - 1` or starts after `hi + 1`. The
# first kind stand in front, the second behind; what is left between is one slice of the list.

# %% bisecting
from bisect import bisect_left, bisect_right

firsts, lasts = [1, 8, 20], [3, 9, 30]  # the runs 1…3, 8…9, 20…30
lo, hi = 4, 7
print("in front:", bisect_left(lasts, lo - 1))
print("in front or touched:", bisect_right(firsts, hi + 1))

# %% [md] bisecting-read
# None stands in front, two are in front or touched: so `add(4, 7)` replaces the runs 0 and 1 by
# one, from the smaller first to the larger last, 1…9. Python does that with a slice assignment,
# `firsts[0:2] = [1]`. It shifts the items behind in memory, which is fast, but it
# is not free: a balanced tree has no shift and is worth naming when you are asked.

# %% [md] removing
# ### Removing
#
# `remove(lo, hi)` asks without the ones, because a neighbour that only touches is not concerned: it
# meets the runs that do not end before `lo` and do not start after `hi`. Of all the integers in that slice, at most two pieces
# survive. From 0…9, 20…29, 40…40:
#
# | step | runs met | left of it | right of it |
# |---|---|---|---|
# | remove 4…5 | 0…9 | 0…3 | 6…9 |
# | remove 5…24 | 0…9, 20…29 | 0…4 | 25…29 |
# | remove 0…9 | 0…9 | 0…−1: empty | 10…9: empty |
# | remove 10…19 | none | – | – |

# %% [card] e2 minutes=20 core
# A set of ranges
#
# Keep a set of integers as runs. `add(lo, hi)` and `remove(lo, hi)` take closed ranges and raise
# `ValueError` if `lo > hi`. `contains(x)` tells membership, `runs()` lists the maximal runs in order as
# tuples, `longest()` is the number of integers in the longest run (0 if there is none). Ranges may be
# wider than memory. Find what a range meets by binary search; never rebuild everything.

# %% [hand] e2
# **By hand.** Add 1…2, add 4…5: two runs, longest 2. Add 3…3: it touches both, so one run 1…5,
# longest 5. Remove 2…2: 1…1 and 3…5. Remove 1…1: the run 1…1 is gone entirely, no empty run stays.


# %% [answer] e2
class IntervalSet:
    """A set of integers kept as sorted, disjoint runs that do not touch."""

    def __init__(self) -> None:
        ### BEGIN SOLUTION
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        ### END SOLUTION

    def add(self, lo: int, hi: int) -> None:
        """Add the integers lo…hi, both included. Raises ValueError if lo > hi."""
        ### BEGIN SOLUTION
        _require_range(lo, hi)
        start = bisect_left(self._lasts, lo - 1)
        stop = bisect_right(self._firsts, hi + 1)
        if start < stop:
            lo = min(lo, self._firsts[start])
            hi = max(hi, self._lasts[stop - 1])
        self._firsts[start:stop] = [lo]
        self._lasts[start:stop] = [hi]
        ### END SOLUTION

    def remove(self, lo: int, hi: int) -> None:
        """Remove the integers lo…hi, both included. Raises ValueError if lo > hi."""
        ### BEGIN SOLUTION
        _require_range(lo, hi)
        start = bisect_left(self._lasts, lo)
        stop = bisect_right(self._firsts, hi)
        kept = []
        if start < stop:
            kept = [
                (self._firsts[start], lo - 1),
                (hi + 1, self._lasts[stop - 1]),
            ]
        kept = [(first, last) for first, last in kept if first <= last]
        self._firsts[start:stop] = [first for first, _ in kept]
        self._lasts[start:stop] = [last for _, last in kept]
        ### END SOLUTION

    def contains(self, x: int) -> bool:
        """Tell whether x is in the set, in logarithmic time."""
        ### BEGIN SOLUTION
        at = bisect_left(self._lasts, x)  # the first run that does not end before x
        return at < len(self._lasts) and self._firsts[at] <= x
        ### END SOLUTION

    def runs(self) -> list[tuple[int, int]]:
        """Return the maximal runs (first, last), in order."""
        ### BEGIN SOLUTION
        return list(zip(self._firsts, self._lasts, strict=True))
        ### END SOLUTION

    def longest(self) -> int:
        """Return how many integers the longest run has; 0 for an empty set."""
        ### BEGIN SOLUTION
        return max((last - first + 1 for first, last in self.runs()), default=0)


def _require_range(lo: int, hi: int) -> None:
    if lo > hi:
        raise ValueError(f"the range {lo}…{hi} is upside down")
    ### END SOLUTION


# %% [look] e2
def runs_after(steps: list[tuple[str, int, int]]) -> list[list[tuple[int, int]]]:
    ranges, states = IntervalSet(), []
    for kind, lo, hi in steps:
        (ranges.add if kind == "add" else ranges.remove)(lo, hi)
        states.append(ranges.runs())
    return states


viz.beside(
    viz.attempt(runs_after, STEPS),
    truth_after(STEPS),
    draw.intervals(STEPS),
    alt="The runs after each of the eight steps, yours beside the expected ones.",
    height=3.6,
)

# %% [check] e2 points=2 mode=split
ranges = check.call(IntervalSet, shown="IntervalSet()")
for lo, hi in [(1, 2), (4, 5), (3, 3)]:
    ranges.add(lo, hi)
shown = "runs() after adding 1…2, 4…5, 3…3"
hint = "3 touches both neighbours: all three become one run"
check.equal(check.call(ranges.runs, shown=shown), [(1, 5)], shown=shown, hint=hint)
ranges.remove(2, 2)
shown = "runs() after removing 2…2 from 1…5"
check.equal(check.call(ranges.runs, shown=shown), [(1, 1), (3, 5)], shown=shown)

# %% [grade] e2.add points=5 mode=split
# Neighbours, gaps of one, duplicates, ranges inside and around each other, negative
# numbers.

# %% [grade] e2.remove points=5 mode=split
# Splits, trims, whole runs, several runs at once, nothing; adds and removes at random.

# %% [grade] e2.wide points=4 mode=split
# Ranges of a million million integers, an upside-down range, membership at every end.

# %% [grade] e2.cost points=4 mode=shared
# The time of an operation among 250 runs and among 4,000.

# %% [hints] e2
# nudge: Your set holds 1…3 and 5…7. Which runs does `add(4, 4)` touch, and which does `remove(4, 4)` touch?
#
# idea: Two sorted lists, first and last integers. One binary search in each finds the slice of runs that a range touches; replace that slice.
#
# outline: For add, the slice starts at the first run whose last is at least lo - 1 and stops before the first run whose first exceeds hi + 1; put one run in its place. For remove, the same without the ones; put up to two remainders in its place, those that are not empty. Membership is one binary search and one comparison.

# %% [md] ttl
# ## 3 · Values that expire
#
# A session, a lock, a cached answer: each has a **time to live** (TTL), after which nobody may see it.
# Decide the boundary first. Here a value put at `t` with `ttl` lives at all times in `[t, t + ttl)`:
# at `t + ttl` sharp it is gone. The moment `t + ttl` is its **deadline**.
#
# Nothing *happens* at the deadline. Removing each value at its exact time would take a timer
# for each, and timers are late too. Promise only what readers see: **from the deadline on, no
# read returns the value.** When its memory is freed is another matter.

# %% [md] clock
# ### Time is an argument
#
# Code that calls `time.time()` cannot be tested without waiting. So the map gets a `clock`, a
# function that returns seconds, and the tests hand over one that they move themselves.
# Real ones have a flaw that is worth a test: a wall clock can be set back. A map that believed it would show expired
# values again. So the map's own time is the **largest reading it has seen**, and never falls.

# %% clock-demo
clock = state.Clock(100.0)
print(clock())
clock.now += 2.5
print(clock())

# %% [md] lives-intro
# ### Worked example
#
# Here are four keys on one time line. An orange mark is a put, a bar is when a read finds the value.

# %% lives
LIVES = {
    "a": [(0, 4, "1")],
    "b": [(1, 3, "1"), (3, 9, "2")],
    "c": [(0, 10, "no ttl")],
    "d": [(2, 5, "1"), (5, 7, "2")],
}
PUTS = [(0, "a"), (1, "b"), (3, "b"), (0, "c"), (2, "d"), (5, "d")]
viz.show(
    draw.lives(LIVES, 10, PUTS),
    alt="Four lanes along ten seconds: a lives from 0 to 4; b is written at 1 and "
    "again at 3 and lives until 9; c lives on; d is written at 2 and again at 5.",
)

# %% [md] lives-read
# Key `b` was put at 1 with a TTL of 4, so its first deadline was 5. Then it was put again at 3 with a
# TTL of 6. At 5 a naive program remembers "`b` expires now" and kills the *new* value. At 9 the real deadline comes.

# %% [md] heap
# ### A heap with notes that may be out of date
#
# A read checks the deadline of its own key: that is **lazy** expiry. But a
# key that nobody reads stays for ever. To find what has expired without looking at every
# key, keep the deadlines in a **heap** (`heapq`): a list that gives its smallest item at once and takes
# or loses one in logarithmic time.
#
# A heap cannot find an old entry in its middle. So a second put leaves the old
# entry there, as a **stale** note. When it comes up, compare it with the map: does the key still
# have *this* entry's put? A counter in each entry, raised at every put, answers it.

# %% heap-demo
import heapq
import itertools

numbers = itertools.count()
notes = []
heapq.heappush(notes, (5, next(numbers), "b"))
heapq.heappush(notes, (4, next(numbers), "a"))
heapq.heappush(notes, (9, next(numbers), "b"))  # the second put of b
while notes:
    print(heapq.heappop(notes))

# %% [md] heap-demo-read
# At 5 the note of put 0 comes up, while the current put of `b` is number 2: stale, so nothing is deleted. The
# counter does a second job. Python compares tuples item by item, and no two numbers are equal, so it never has to ask
# whether the key `"b"` is less than the key `17`.

# %% [md] guess-heap
# Stale notes go when they come up, at their deadline. With a TTL of a day, that is tomorrow. Suppose that
# 100 sessions are refreshed 10,000 times in all today. How many entries has the heap?

# %% guess-heap-cell
widgets.predict("heap", "How many entries?", unit="entries")

# %% [md] heap-answer
# Count, and compare with a heap that is rebuilt from the live keys as soon as it holds twice
# as many entries as there are keys:

# %% heap-measure
never = state.heap_garbage(live=100, writes=10_000, factor=None)
twice = state.heap_garbage(live=100, writes=10_000, factor=2.0)
widgets.reveal("heap", never.most, explain="Every refresh leaves one stale entry.")
viz.show(
    draw.garbage({"never rebuilt": never, "rebuilt at twice": twice}),
    alt="Entries in the heap against writes: without rebuilding a straight line up to "
    "ten thousand; rebuilt at twice the live keys it stays at or below two hundred.",
)

# %% [md] factor-intro
# A rebuild copies every live entry. Is that expensive? Move the slider: at which factor is a
# write charged with more than one copied entry?


# %% factor
def rebuilding(factor: float = 2.0) -> dict:
    tried = [1.1, 1.25, 1.5, 2.0, 3.0, 4.0]
    ran = {one: state.heap_garbage(200, 4000, one) for one in tried}
    copied = [run.copied / 4000 for run in ran.values()]
    return {"factor": factor, "run": ran[factor], "factors": tried, "copied": copied}


widgets.explore(
    rebuilding,
    draw.cleaning,
    question="How much garbage buys you cheap writes?",
    alt="Left, a saw-tooth of heap entries between one and two times the live keys. "
    "Right, entries copied per write, falling from ten to a third with the factor.",
    factor=[1.1, 1.25, 1.5, 2.0, 3.0, 4.0],
)

# %% [md] factor-read
# Rebuilding `n` entries after every `n` writes is one copy a write: constant, on average
# (`heapq.heapify` makes a heap of any list in linear time). Such an **amortised** cost is what "bounded garbage" usually costs you, here and in dynamic arrays and logs.

# %% [card] e3 minutes=18 core
# A map with deadlines
#
# Values live in `[t, t + ttl)`; without ttl, for ever; a put replaces value *and* deadline; a get refreshes
# nothing. Time is the largest reading of `clock` that the map has seen. No operation looks at all keys, except a
# rebuild once in many puts; the heap keeps at most about twice as many entries as there are keys.
# Only `sweep`, `len` and calls for the key itself drop what expired. A ttl that is not positive: `ValueError`.

# %% [hand] e3
# **By hand.** Clock 0: `put("a", 1, ttl=4)` → True, new. Clock 3: `put("a", 2, ttl=4)` → False, it was alive. Clock 4:
# `get("a")` → 2. Clock 7: `get("a")` → None, and `put("a", 3)` → True: what has expired is not there.
# Keys may be of mixed types, so a heap must never have to compare two of them.


# %% [answer] e3
class TTLMap:
    """A map whose values expire; `clock()` returns seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        ### BEGIN SOLUTION
        self._clock = clock
        self._now = -math.inf
        self._entries: dict[Hashable, _Entry] = {}
        self._heap: list[tuple[float, int, Hashable]] = []  # some of them stale
        self._puts = itertools.count()
        ### END SOLUTION

    def put(self, key: Hashable, value: object, ttl: float | None = None) -> bool:
        """Store `value` for `ttl` seconds; return whether `key` had no live value."""
        ### BEGIN SOLUTION
        if ttl is not None and not ttl > 0:
            raise ValueError(f"ttl must be positive, not {ttl}")
        now = self._time()
        fresh = self._live(key, now) is None
        deadline = math.inf if ttl is None else now + ttl
        entry = self._entries[key] = _Entry(value, deadline, next(self._puts))
        if ttl is not None:
            heapq.heappush(self._heap, (deadline, entry.number, key))
        self._bound_garbage()
        return fresh
        ### END SOLUTION

    def get(self, key: Hashable, default: object = None) -> object:
        """Return the live value of `key`, else `default`."""
        ### BEGIN SOLUTION
        entry = self._live(key, self._time())
        return default if entry is None else entry.value
        ### END SOLUTION

    def delete(self, key: Hashable) -> bool:
        """Remove `key`; return whether it had a live value."""
        ### BEGIN SOLUTION
        alive = self._live(key, self._time()) is not None
        self._entries.pop(key, None)
        self._bound_garbage()
        return alive
        ### END SOLUTION

    def __len__(self) -> int:
        """Return how many keys have a live value."""
        ### BEGIN SOLUTION
        self._drop_expired(math.inf)
        return len(self._entries)
        ### END SOLUTION

    def sweep(self, budget: int) -> int:
        """Drop at most `budget` expired keys; return how many were dropped."""
        ### BEGIN SOLUTION
        return self._drop_expired(budget)

    def _time(self) -> float:
        """Return the largest reading so far: a clock set back revives nothing."""
        self._now = max(self._now, self._clock())
        return self._now

    def _live(self, key: Hashable, now: float) -> "_Entry | None":
        entry = self._entries.get(key)
        return entry if entry is not None and now < entry.deadline else None

    def _drop_expired(self, budget: float) -> int:
        now = self._time()
        dropped = 0
        while dropped < budget and self._heap and self._heap[0][0] <= now:
            _, number, key = heapq.heappop(self._heap)
            entry = self._entries.get(key)
            if entry is not None and entry.number == number:
                del self._entries[key]
                dropped += 1
        return dropped

    def _bound_garbage(self) -> None:
        """Rebuild the heap from the live entries where too much of it is stale."""
        if len(self._heap) > 2 * len(self._entries) + 16:
            self._heap = [
                (entry.deadline, entry.number, key)
                for key, entry in self._entries.items()
                if entry.deadline < math.inf
            ]
            heapq.heapify(self._heap)


class _Entry(NamedTuple):
    value: object
    deadline: float
    number: int  # of the put that made it
    ### END SOLUTION


# %% [look] e3
TTLS = {(0, "a"): 4, (1, "b"): 4, (3, "b"): 6, (2, "d"): 9, (5, "d"): 2}


def lives_seen() -> dict[str, list[tuple[float, float, str]]]:
    ticking = state.Clock()
    kept = TTLMap(ticking)

    def read(t: float) -> dict[str, str]:
        ticking.now = t
        for at, key in PUTS:
            if at == t:
                number = sum(k == key and earlier <= at for earlier, k in PUTS)
                value = "no ttl" if key == "c" else str(number)
                kept.put(key, value, TTLS.get((at, key)))
        return {key: kept.get(key) for key in LIVES}

    return state.lanes(np.arange(0, 10, 0.5).tolist(), read)


viz.beside(
    viz.attempt(lives_seen),
    LIVES,
    draw.spans(list(LIVES), 10, PUTS),
    alt="The lanes of the worked example as reads of your map find them, beside the "
    "expected ones.",
)

# %% [check] e3 points=2 mode=split
clock = state.Clock()
kept = check.call(TTLMap, clock, shown="TTLMap(clock)")
shown = "put('a', 1, ttl=4) at 0, then put('a', 2, ttl=4) at 3"
check.equal(check.call(kept.put, "a", 1, ttl=4, shown=shown), True, shown=shown)
clock.now = 3.0
check.equal(check.call(kept.put, "a", 2, ttl=4, shown=shown), False, shown=shown)
for clock.now, want in [(4.0, 2), (6.9, 2), (7.0, None)]:
    asked = f"get('a') at {clock.now} after {shown}"
    got = check.call(kept.get, "a", none_ok=True, shown=asked)
    check.equal(got, want, shown=asked, hint="the second put lives in [3, 7)")

# %% [grade] e3.life points=4 mode=split
# Boundaries, overwritten deadlines, no ttl after a ttl, falsy values, keys of mixed
# types, random runs.

# %% [grade] e3.sweep points=3 mode=split
# Budgets, counts, what len says, what put and delete return, bad arguments.

# %% [grade] e3.clock points=2 mode=split
# A clock that is set back.

# %% [grade] e3.memory points=2 mode=shared
# Memory after 2,500 puts to the same keys, after deletions, after a sweep.

# %% [grade] e3.cost points=2 mode=shared
# The time of an operation among 200 keys and among 10,000.

# %% [hints] e3
# nudge: A heap entry comes up for key "b". Which question must you ask the map before you delete anything?
#
# idea: Give each put a number. The map keeps value, deadline and number for each key; the heap keeps deadline, number and key. An entry whose number is not the key's current one is stale.
#
# outline: A read compares the deadline with the time. A sweep pops entries that are due, drops the key only if the numbers agree, and stops at the budget. A put that finds more than twice as many heap entries as keys builds the heap anew from the map. The time is the largest reading so far.

# %% [md] versions
# ## 4 · What was true then?
#
# "Which price did we show at noon?" A store that overwrites cannot tell. Keep every **version** of
# a key instead: the time it was written and its value. A read **as of** `t` finds the newest
# version written at or before `t`. Nothing is ever changed in place; a write appends.
#
# A delete must not erase: at noon the key was there. So it appends as well, a version that says "nothing
# from here on", which is called a **tombstone**. A TTL fits in too: each version has a
# time from which it is no longer visible.

# %% [md] asof-intro
# Here is the history of three keys. `price` was deleted at 7 and created again at 9. `sale` had a TTL of 3.
# Move the cursor: which value does a reader at 4 see, and at 8?

# %% asof
HISTORY = {
    "price": [(1, 5, "10"), (5, 7, "12"), (9, 12, "15")],
    "sale": [(0, 3, "old"), (3, 6, "yes")],
    "owner": [(2, 12, "Ada")],
}


def read_as_of(t: float = 4.0) -> dict:
    seen = {
        key: value
        for key, versions in HISTORY.items()
        for start, end, value in versions
        if start <= t < end
    }
    return {"lanes": HISTORY, "at": t, "until": 12, "seen": seen}


widgets.explore(
    read_as_of,
    draw.as_of,
    question="What does a reader see at this time?",
    alt="Three lanes of versions along twelve ms and a cursor at 4: price is 10, "
    "sale is yes, owner is Ada.",
    t=(0.0, 11.5, 0.5),
)

# %% [md] asof-read
# At 8 there is no `sale`. The version "yes" has expired, and the one before it must **not** come back: it was
# replaced at 3, and being replaced is final. So a read finds the newest version
# first and asks about its expiry second. Answers that skip expired versions on the way get this wrong.

# %% [md] newer
# ### Late and repeated writes
#
# Writes arrive over a network: late, twice, in the wrong order. If each carries its time, one rule
# makes the order of arrival harmless: **apply a write to a key only if it is newer than the key's newest
# version**, tombstones included; refuse it otherwise and say so.
#
# | arrives | newest before | applied? | a reader sees |
# |---|---|---|---|
# | put 10 at 1 | – | yes | 10 |
# | delete at 7 | 1 | yes | – |
# | put 12 at 5 | 7 | no, late | – |
# | put 10 at 1 | 7 | no, repeated | – |
# | put 15 at 9 | 7 | yes | 15 |
#
# Without the tombstone, the late put would bring a deleted key back to life.

# %% [md] search
# ### Cost
#
# A history is sorted, because every version that is applied is newer. So an as-of read is a binary
# search. Guess how many of 100,000 versions it looks at, where a walk from the start looks at half of them on average.

# %% guess-looks
widgets.predict("looks", "How many versions does one read look at?", unit="versions")

# %% [md] looks-intro
# Count the looks of `bisect_right` with the counting list of section 1:

# %% looks
sizes, halving = [10, 100, 1000, 10_000, 100_000], []
for size in sizes:
    times = Counting(range(size))
    bisect_right(times, size // 3)
    halving.append(times.looks)
widgets.reveal("looks", halving[-1], explain="Each look halves what is left.")
viz.show(
    draw.comparisons(
        sizes, {"walk": [size / 2 for size in sizes], "binary search": halving}
    ),
    alt="Versions looked at against the length of the history, both logarithmic: the "
    "walk rises as a straight line, the binary search stays below twenty.",
)

# %% [md] compaction
# ### Forgetting on purpose
#
# History grows without end, so a store sets a **horizon**: from now on nobody asks about times
# before it. `compact(h)` drops every version that no read at or after `h` can see. Of each key
# that leaves the versions after `h`, and the newest at or before `h`, if it is still visible at `h`.
#
# What is dropped must not be guessed: a read before the horizon raises an error instead of
# answering from half a history. A write at or before it is refused, because the tombstone that would have
# stopped it may be gone.

# %% [md] compaction-by-hand
# In the picture above, `compact(8)` drops five versions and keeps two:
#
# | key | versions | newest at or before 8 | kept |
# |---|---|---|---|
# | `price` | put 1, put 5, delete 7, put 9 | the delete: not visible | put 9 |
# | `sale` | put 0, put 3 (until 6) | put 3: expired at 8 | none |
# | `owner` | put 2 | put 2: visible | put 2 |
#
# The horizon may lie in the past, far behind the newest versions: that is the case that shows whether the rule was understood.

# %% [card] e4 minutes=22 core
# A store that remembers
#
# Times are integers (ms). `put` and `delete` append a version if `t` is newer than the key's newest version and
# than the horizon; they return whether it was applied. A version with `ttl` is visible in `[t, t + ttl)`, and until
# the next one. `compact(h)` moves the horizon forward to `h` and returns how many versions it dropped. Reads before the horizon: `ValueError`; likewise a ttl that is not positive. As-of reads are logarithmic, puts constant.

# %% [hand] e4
# **By hand.** Put k=10 at 1, put k=12 at 5 with ttl 3, then `get("k", 4)` → 10, `get("k", 5)` → 12, `get("k", 8)` → None (not 10).
# `delete("k", 5)` → False, not newer. `delete("k", 9)` → True. `compact(6)` drops one version (10); the 12 is still visible at 6. `get("k", 5)` now raises.


# %% [answer] e4
class VersionedKV:
    """A key-value store that answers as of any time since its horizon (ms)."""

    def __init__(self) -> None:
        ### BEGIN SOLUTION
        self._versions: dict[str, list[_Version]] = {}
        self._horizon = -math.inf
        ### END SOLUTION

    def put(self, key: str, value: object, t: int, ttl: int | None = None) -> bool:
        """Write `value` from `t` on, for `ttl` ms; return whether it was newer."""
        ### BEGIN SOLUTION
        if ttl is not None and ttl <= 0:
            raise ValueError(f"ttl must be positive, not {ttl}")
        return self._append(key, t, math.inf if ttl is None else t + ttl, value)
        ### END SOLUTION

    def delete(self, key: str, t: int) -> bool:
        """Let `key` have no value from `t` on; return whether that was newer."""
        ### BEGIN SOLUTION
        return self._append(key, t, t, None)  # a version that is visible at no time

    def _append(self, key: str, t: int, end: float, value: object) -> bool:
        versions = self._versions.get(key)
        newest = versions[-1].t if versions else -math.inf
        if t <= max(newest, self._horizon):
            return False
        self._versions.setdefault(key, []).append(_Version(t, end, value))
        return True
        ### END SOLUTION

    def get(self, key: str, t: int, default: object = None) -> object:
        """Return the value visible at `t`. Raises ValueError before the horizon."""
        ### BEGIN SOLUTION
        self._require_known(t)
        version = _newest(self._versions.get(key, ()), t)
        return version.value if version and t < version.end else default

    def _require_known(self, t: int) -> None:
        if t < self._horizon:
            raise ValueError(f"history before {self._horizon} was compacted, asked {t}")
        ### END SOLUTION

    def snapshot(self, t: int) -> dict[str, object]:
        """Return all keys visible at `t`. Raises ValueError before the horizon."""
        ### BEGIN SOLUTION
        self._require_known(t)
        newest = {key: _newest(all_, t) for key, all_ in self._versions.items()}
        return {key: one.value for key, one in newest.items() if one and t < one.end}
        ### END SOLUTION

    def compact(self, t: int) -> int:
        """Drop what no read at or after `t` can see; return how many versions."""
        ### BEGIN SOLUTION
        if t <= self._horizon:
            return 0
        self._horizon = t
        dropped = 0
        for key, versions in list(self._versions.items()):
            keep = bisect_right(versions, t, key=_written)
            if keep and t < versions[keep - 1].end:
                keep -= 1
            dropped += keep
            del versions[:keep]
            if not versions:
                del self._versions[key]
        return dropped


class _Version(NamedTuple):
    t: int
    end: float  # visible in [t, end) unless a newer version comes first
    value: object


def _written(version: _Version) -> int:
    return version.t


def _newest(versions: Sequence[_Version], t: int) -> _Version | None:
    """Return the newest version written at or before `t`."""
    at = bisect_right(versions, t, key=_written)
    return versions[at - 1] if at else None
    ### END SOLUTION


# %% [look] e4
CHANGES = [("price", "10", 1, None), ("price", "12", 5, None), ("price", None, 7, None)]
CHANGES += [("price", "15", 9, None), ("price", "late", 8, None)]
CHANGES += [("sale", "old", 0, None), ("sale", "yes", 3, 3), ("owner", "Ada", 2, None)]


def history_seen() -> dict[str, list[tuple[float, float, str]]]:
    filled = VersionedKV()
    for key, value, t, ttl in CHANGES:
        if value is None:
            filled.delete(key, t)
        else:
            filled.put(key, value, t, ttl)
    return state.lanes(
        range(12), lambda t: {key: filled.get(key, t) for key in HISTORY}
    )


viz.beside(
    viz.attempt(history_seen),
    HISTORY,
    draw.spans(list(HISTORY), 12, unit="ms"),
    alt="The lanes of versions as reads of your store find them, beside the expected "
    "ones.",
)

# %% [check] e4 points=2 mode=split
store = check.call(VersionedKV, shown="VersionedKV()")
shown = "k = 10 at 1, k = 12 at 5 with ttl 3"
check.equal(check.call(store.put, "k", 10, 1, shown=shown), True, shown=shown)
check.equal(check.call(store.put, "k", 12, 5, ttl=3, shown=shown), True, shown=shown)
for t, want in [(0, None), (4, 10), (5, 12), (7, 12), (8, None)]:
    asked = f"get('k', {t}) after {shown}"
    got = check.call(store.get, "k", t, none_ok=True, shown=asked)
    check.equal(got, want, shown=asked, hint="newest first, then its expiry")
asked = f"delete('k', 5) after {shown}"
check.equal(check.call(store.delete, "k", 5, shown=asked), False, shown=asked)

# %% [grade] e4.asof points=5 mode=split
# Reads and snapshots at, before and after each write and deadline; falsy values;
# random histories.

# %% [grade] e4.newer points=4 mode=split
# Late, repeated and simultaneous writes; deletes; creation after a delete.

# %% [grade] e4.compact points=5 mode=split
# Horizons in the past, at a deadline, at a delete; counts; reads and writes before
# the horizon.

# %% [grade] e4.cost points=4 mode=shared
# The time of a read and of a write with 1,000 versions and with 20,000.

# %% [hints] e4
# nudge: The newest version at or before `t` has expired. Is there any older version that a reader may see?
#
# idea: One sorted list a key of (time, end, value). A delete is a version that ends when it begins. Every read is one binary search to the right of `t` and one comparison.
#
# outline: Writes compare `t` with the last version, or with the horizon if the key has none, and append. Compaction finds, for each key, how many versions are at or before the horizon; it drops them all, but for the last one where that is still visible at the horizon. Snapshot asks each key the same question as get.

# %% [md] money
# ## 5 · Money that is asked twice
#
# A bank is a map of counters whose sum somebody checks. Its invariant is **conservation**:
# balances, plus money in transit, equal what was deposited less what was paid out. After *every* operation, not at
# the end of the day.
#
# A transfer here has two steps. `transfer` takes the money from the source at once and **holds** it;
# `accept` by the target completes it. Not accepted within `ttl` ms, it expires, and the source
# gets the money back, once. At its deadline sharp it has already expired, and expiries are handled
# before whatever else happens at that moment.

# %% [md] idempotency
# ### The same request twice
#
# A client sends "pay 50", the line breaks, no answer comes. Did it happen? It can only send again. To make
# this safe, each request carries an **idempotency key**, made up by the client:
#
# * a new key: do it, and keep key, request and **answer**
# * a known key, the same request: give the kept answer and do nothing
# * a known key, another request: raise `state.Conflict`
#
# A refusal is an answer too. "Not enough money" must stay that on a retry, even if money has come since.
# The time of the call is not part of the request: a retry comes later by nature. A call that raises leaves no
# answer, so its key stays free.

# %% [md] merging-rules
# ### Merging accounts
#
# `merge(t, into, gone)` moves balance and activity of `gone` to `into`, and `gone` ceases to exist. Money held
# from or for `gone` is then from or for `into`. A transfer *between the two* would go from an account
# to itself: it is cancelled, and its money goes to `into`.
#
# History stays: `balance(t, gone, at=…)` still tells what was there before the merge. Created again, the account starts at
# 0 with no activity; the time in between has no balance (`None`).

# %% [md] interface-intro
# These are the methods. Everything but the last three changes something and takes a `key`. Ids are
# `"t1"`, `"t2"`, …, counted over transfers that began. Times `t` never fall; amounts are positive; else `ValueError`.
# A balance as of `at` is the one after everything that happened at that millisecond.


# %% interface
class BankMethods:
    def create(self, t, account, *, key=None) -> bool:
        """False if it exists."""

    def deposit(self, t, account, amount, *, key=None) -> int | None:
        """The new balance; None without such an account."""

    def pay(self, t, account, amount, *, key=None) -> int | None:
        """The new balance; None if there is no account or not enough money."""

    def transfer(self, t, source, target, amount, *, key=None) -> str | None:
        """An id; None for unknown or equal accounts or not enough money."""

    def accept(self, t, account, number, *, key=None) -> bool:
        """True if transfer `number` was held for `account`, now paid to it."""

    def merge(self, t, into, gone, *, key=None) -> bool:
        """False for unknown or equal accounts."""

    # balance(t, account, at=None) -> int | None: now, or at an earlier time
    # held(t) -> int: the money of all transfers in transit
    # top(t, k) -> list[tuple[str, int]]: the k accounts with the most activity


# %% [md] activity
# The **activity** of an account is what it paid plus what it sent in transfers that were *accepted*. `top` orders by
# activity, largest first, then by name, among accounts that exist. Three moments, for `ttl=10`:
#
# | t | operation | a | b | held |
# |---|---|---|---|---|
# | 0 | a has 100; transfer a→b of 30 | 70 | 0 | 30 |
# | 4 | pay 20 from a | 50 | 0 | 30 |
# | 10 | anything: the transfer has expired | 80 | 0 | 0 |

# %% [card] e5 minutes=35 stretch
# A bank that keeps its promises
#
# Write `Bank(ttl)` with the methods above: transfers that hold, are accepted or expire; idempotency keys;
# balances as of any time up to now; merges. At each call, first refund what has expired up to `t`, each at
# its own deadline. After each call, balances and held money equal deposits less payments.

# %% [hand] e5
# **By hand.** `ttl=10`, account a with 100, b with 0. At 0, `transfer(0, "a", "b", 30, key="x")` → `"t1"`. At 5, the same with
# key "x" → `"t1"` and nothing moves. At 10, `accept(10, "b", "t1")` → False: expired. `balance(10, "a")` → 100, `balance(10, "a", at=9)` → 70.


# %% [answer] e5
class Bank:
    """Accounts in cents, with held transfers, idempotency keys and history.

    A transfer is held in [t, t + ttl) (ms). A known key with another request raises
    state.Conflict. Signatures and rules: see above.
    """

    def __init__(self, ttl: int) -> None:
        ### BEGIN SOLUTION
        self._ttl = ttl
        self._now: float = -math.inf
        self._balances: dict[str, int] = {}
        self._activity: dict[str, int] = {}
        self._history: dict[str, list[tuple[int, int | None]]] = {}
        self._held: dict[str, _Transfer] = {}  # in the order of their deadlines
        self._numbers = itertools.count(1)
        self._answers: dict[str, tuple[tuple, object]] = {}

    def create(self, t: int, account: str, *, key: str | None = None) -> bool:
        """Open an account with nothing in it; return False if it exists."""
        return self._once(t, key, self._create, account)

    def deposit(
        self, t: int, account: str, amount: int, *, key: str | None = None
    ) -> int | None:
        """Put money in and return the balance; None without such an account."""
        _require_positive(amount)
        return self._once(t, key, self._deposit, account, amount)

    def pay(
        self, t: int, account: str, amount: int, *, key: str | None = None
    ) -> int | None:
        """Take money out and return the balance; None if that cannot be."""
        _require_positive(amount)
        return self._once(t, key, self._pay, account, amount)

    def transfer(
        self, t: int, source: str, target: str, amount: int, *, key: str | None = None
    ) -> str | None:
        """Hold money of `source` for `target`; return an id, None if it cannot be."""
        _require_positive(amount)
        return self._once(t, key, self._transfer, source, target, amount)

    def accept(
        self, t: int, account: str, number: str, *, key: str | None = None
    ) -> bool:
        """Pay out a transfer that is held for `account`; return False if none is."""
        return self._once(t, key, self._accept, account, number)

    def merge(self, t: int, into: str, gone: str, *, key: str | None = None) -> bool:
        """Move all that `gone` has to `into` and close it; False if it cannot be."""
        return self._once(t, key, self._merge, into, gone)

    def balance(self, t: int, account: str, at: int | None = None) -> int | None:
        """Return the balance now or at an earlier time; None without an account."""
        self._advance(t)
        history = self._history.get(account, ())
        when = t if at is None else at
        found = bisect_right(history, when, key=lambda entry: entry[0])
        return history[found - 1][1] if found else None

    def held(self, t: int) -> int:
        """Return the money of all transfers in transit."""
        self._advance(t)
        return sum(one.amount for one in self._held.values())

    def top(self, t: int, k: int) -> list[tuple[str, int]]:
        """Return the k accounts with the largest activity, ties by name."""
        self._advance(t)
        ranked = sorted(self._activity.items(), key=lambda one: (-one[1], one[0]))
        return ranked[:k]

    def _advance(self, t: int) -> None:
        """Move time to `t` and give back what expired on the way."""
        if t < self._now:
            raise ValueError(f"time runs backwards: {t} after {self._now}")
        self._now = t
        while self._held:
            number, oldest = next(iter(self._held.items()))
            if t < oldest.deadline:
                break
            del self._held[number]
            self._change(oldest.deadline, oldest.source, oldest.amount)

    def _once(self, t: int, key: str | None, act: Callable, *args: object) -> object:
        """Do `act`, or give the answer that the same request got before."""
        self._advance(t)
        request = (act.__name__, *args)
        if key in self._answers:
            first, answer = self._answers[key]
            if first != request:
                raise state.Conflict(f"key {key!r} belongs to {first}, not {request}")
            return answer
        answer = act(t, *args)
        if key is not None:
            self._answers[key] = request, answer
        return answer

    def _change(self, t: int, account: str, amount: int) -> int:
        self._balances[account] += amount
        self._history[account].append((t, self._balances[account]))
        return self._balances[account]

    def _create(self, t: int, account: str) -> bool:
        if account in self._balances:
            return False
        self._balances[account] = self._activity[account] = 0
        self._history.setdefault(account, []).append((t, 0))
        return True

    def _deposit(self, t: int, account: str, amount: int) -> int | None:
        if account not in self._balances:
            return None
        return self._change(t, account, amount)

    def _pay(self, t: int, account: str, amount: int) -> int | None:
        if self._balances.get(account, 0) < amount:
            return None
        self._activity[account] += amount
        return self._change(t, account, -amount)

    def _transfer(self, t: int, source: str, target: str, amount: int) -> str | None:
        if source == target or target not in self._balances:
            return None
        if self._balances.get(source, 0) < amount:
            return None
        self._change(t, source, -amount)
        number = f"t{next(self._numbers)}"
        self._held[number] = _Transfer(source, target, amount, t + self._ttl)
        return number

    def _accept(self, t: int, account: str, number: str) -> bool:
        held = self._held.get(number)
        if held is None or held.target != account:
            return False
        del self._held[number]
        self._activity[held.source] += held.amount
        self._change(t, account, held.amount)
        return True

    def _merge(self, t: int, into: str, gone: str) -> bool:
        if into == gone or not {into, gone} <= self._balances.keys():
            return False
        self._activity[into] += self._activity.pop(gone)
        self._change(t, into, self._balances.pop(gone))
        self._history[gone].append((t, None))
        for number, held in list(self._held.items()):
            source, target = (
                into if end == gone else end for end in (held.source, held.target)
            )
            if source == target:
                del self._held[number]
                self._change(t, into, held.amount)
            else:
                self._held[number] = held._replace(source=source, target=target)
        return True


class _Transfer(NamedTuple):
    source: str
    target: str
    amount: int
    deadline: int  # ms; from then on it is given back


def _require_positive(amount: int) -> None:
    if amount <= 0:
        raise ValueError(f"amounts are positive, not {amount}")
    ### END SOLUTION


# %% [look] e5
NAMES = ["ann", "bob", "cyn"]


def busy_day() -> list[tuple]:
    bank, due, rows = Bank(ttl=25), 0, []
    for name in NAMES:
        bank.create(0, name)
    rng = np.random.default_rng(5)
    for t, kind, one, other, amount in state.bank_day(NAMES, 160, rng):
        if kind == "deposit":
            due += amount if bank.deposit(t, one, amount) is not None else 0
        elif kind == "pay":
            due -= amount if bank.pay(t, one, amount) is not None else 0
        elif (number := bank.transfer(t, one, other, amount)) and kind == "accepted":
            bank.accept(t, other, number)
        balances = [bank.balance(t, name) for name in NAMES]
        rows.append((t, balances, bank.held(t), due))
    return rows


viz.show(
    draw.money(NAMES, viz.attempt(busy_day)),
    alt="Balances of three accounts and held money stacked along a random day; the "
    "black line of deposits less payments runs along the top of the stack.",
)

# %% [check] e5 points=2 mode=split
bank = check.call(Bank, 10, shown="Bank(ttl=10)")
for name in "ab":
    check.call(bank.create, 0, name, shown=f"create(0, {name!r})")
check.case(bank.deposit, 0, "a", 100, want=100, shown="deposit(0, 'a', 100)")
shown = "transfer(0, 'a', 'b', 30, key='x')"
check.case(bank.transfer, 0, "a", "b", 30, key="x", want="t1", shown=shown)
check.case(bank.balance, 0, "a", want=70, shown="balance(0, 'a')")
check.case(bank.held, 0, want=30, shown="held(0)")
shown = "transfer(5, 'a', 'b', 30, key='x'), the same request again"
check.case(bank.transfer, 5, "a", "b", 30, key="x", want="t1", shown=shown)
check.case(bank.accept, 10, "b", "t1", want=False, shown="accept(10, 'b', 't1')")
check.case(bank.balance, 10, "a", want=100, shown="balance(10, 'a'), after the expiry")

# %% [grade] e5.money points=5 mode=split
# Random days against a second bank: every answer, every balance, conservation after
# every call; bad arguments.

# %% [grade] e5.held points=5 mode=split
# The moment of expiry, one refund, who may accept, activity and its order, balances
# in the past.

# %% [grade] e5.keys points=4 mode=split
# Retries of successes and refusals, later and after changes; one key for two requests.

# %% [grade] e5.merge points=4 mode=split
# Transfers from, to and between merged accounts; history; creation after a merge.

# %% [hints] e5
# nudge: List every place where money leaves a variable. Is there, in the same call, exactly one place where it arrives?
#
# idea: Let one private method change balances and write history, and one wrapper handle time and keys for all operations, so that no rule is written six times.
#
# outline: The wrapper advances time (refunding from the front of the held transfers, which are ordered by deadline because the ttl is constant), looks the key up, compares requests, and else acts and keeps the answer. History is a list of (time, balance) per account, None once closed; a read is a binary search. A merge renames the ends of each held transfer.

# %% [md] snapshots
# ## 6 · Transactions: versions at work
#
# A **transaction** is a group of reads and writes that takes effect as a whole or not at all. With
# versions, one kind is nearly free: under **snapshot isolation** a transaction reads
# as of the moment it began, plus its own writes, and publishes them all at commit.
#
# Two that run at once may both read 10 and both write 11: one increment would be lost. So the
# first to commit wins: a commit **aborts** if another transaction has, since this one began,
# committed a change to a key that this one writes.

# %% [md] nesting
# Inside a transaction another may begin, a **nested** one. It sees its parent's writes. Its commit hands its own
# to the parent and publishes nothing; its rollback forgets them and leaves the parent's alone. When a
# transaction ends, those still open inside it end with it. Conflicts are judged when the outermost one
# commits, since only then anything becomes visible to others.

# %% [card] e6 minutes=15 stretch
# Snapshot transactions
#
# `Store().begin()` returns a transaction with `get(key)`, `put(key, value)`, `delete(key)`, `begin()`
# (nested), `commit()` and `rollback()`. It reads as of its beginning plus its own writes; `get` of a missing key is None. An
# outermost commit whose keys were changed since it began raises `state.Abort` and publishes nothing. A finished
# transaction raises `ValueError` on any use.

# %% [hand] e6
# **By hand.** x is 1. A and B begin. A puts x = 2 and commits. B still reads 1; B puts y = 5: commit is fine, since nobody else
# changed y. Had B put x, its commit would raise `Abort`.


# %% [answer] e6
class Store:
    """A store that is read and written in transactions under snapshot isolation."""

    def __init__(self) -> None:
        ### BEGIN SOLUTION
        self.commits = 0
        self._versions: dict[str, list[tuple[int, object]]] = {}
        ### END SOLUTION

    def begin(self) -> "Transaction":
        """Return a new outermost transaction."""
        ### BEGIN SOLUTION
        return Transaction(self)

    def read(self, key: str, commit: int) -> object:
        """Return the value of `key` right after that commit; None if it had none."""
        return next(
            (v for at, v in reversed(self._versions.get(key, ())) if at <= commit), None
        )

    def publish(self, writes: dict[str, object], since: int) -> None:
        """Apply all writes, or raise state.Abort if one changed after `since`."""
        for key in writes:
            if key in self._versions and self._versions[key][-1][0] > since:
                raise state.Abort(f"{key!r} was changed by another transaction")
        self.commits += 1
        for key, value in writes.items():
            self._versions.setdefault(key, []).append((self.commits, value))


class Transaction:
    """Reads of one moment and writes that wait; None stands for a deleted key."""

    def __init__(self, store: Store, parent: "Transaction | None" = None) -> None:
        self._store, self._parent = store, parent
        self._since = parent._since if parent else store.commits
        self._writes: dict[str, object] = {}
        self._open = True

    def get(self, key: str) -> object:
        """Return the value as this transaction sees it, or None."""
        self._require_open()
        if key in self._writes:
            return self._writes[key]
        if self._parent:
            return self._parent.get(key)
        return self._store.read(key, self._since)

    def put(self, key: str, value: object) -> None:
        """Write `value` for nobody but this transaction, until it commits."""
        self._require_open()
        self._writes[key] = value

    def delete(self, key: str) -> None:
        """Let `key` have no value."""
        self.put(key, None)

    def begin(self) -> "Transaction":
        """Return a nested transaction."""
        self._require_open()
        return Transaction(self._store, parent=self)

    def commit(self) -> None:
        """Publish the writes, or hand them to the parent. Raises state.Abort."""
        self.rollback()
        if self._parent:
            self._parent._writes |= self._writes
        else:
            self._store.publish(self._writes, self._since)

    def rollback(self) -> None:
        """End without effect."""
        self._require_open()
        self._open = False

    def _require_open(self) -> None:
        if self._parent:
            self._parent._require_open()
        if not self._open:
            raise ValueError("this transaction is finished")
        ### END SOLUTION


# %% [look] e6
TALE = ["A reads x", "A writes x = 2", "B reads x", "A commits", "B reads x again"]
TALE += ["B writes x = 3", "B commits", "C reads x"]


def told() -> list[object]:
    store = Store()
    first = store.begin()
    first.put("x", 1)
    first.commit()
    a, b = store.begin(), store.begin()
    answers = [a.get("x"), a.put("x", 2), b.get("x"), a.commit(), b.get("x")]
    answers.append(b.put("x", 3))
    try:
        answers.append(b.commit())
    except state.Abort:
        answers.append("Abort")
    return [*answers, store.begin().get("x")]


viz.beside(
    viz.attempt(told),
    [1, None, 1, None, 1, None, "Abort", 2],
    draw.story(TALE),
    alt="Eight steps of two transactions and what each returned: B keeps reading 1 "
    "after A has committed 2, and B's own commit aborts.",
)

# %% [check] e6 points=1 mode=split
store = check.call(Store, shown="Store()")
a, b = store.begin(), store.begin()
a.put("x", 2)
a.commit()
shown = "B, begun before A committed x = 2"
check.equal(b.get("x"), None, shown=f"get('x') in {shown}", hint="as of its beginning")
b.put("x", 3)
check.raises(b.commit, state.Abort, shown=f"put('x', 3) and commit() in {shown}")

# %% [grade] e6.isolation points=2 mode=split
# What others see, before and after; conflicts and what they leave behind; finished
# transactions.

# %% [grade] e6.nested points=2 mode=split
# Nested commits and rollbacks, deletes, conflicts that began inside.

# %% [hints] e6
# nudge: B began before A committed. Which number, noted at B's beginning, tells you which versions B may see?
#
# idea: Count commits. A transaction keeps the count at its beginning and a dictionary of its writes; each key has versions (commit, value).
#
# outline: A read asks the own writes, then the parent's, then the newest version not after the beginning. An outermost commit first compares the newest version of every key it writes with its beginning, then appends all. A nested one updates its parent's dictionary. A flag marks what is finished.

# %% [essay] e7 points=10 rubric=promises minutes=10 stretch
# What exactly do you promise?
#
# A colleague writes in a design: "Sessions are removed exactly when their TTL ends. Retried
# payments are safe, because clients send an idempotency key." In at most 150 words: what can a map with lazy
# expiry promise about time and what not, and which clock should it read? Where and for how
# long must the key be kept, and what if the server dies between moving the money and storing the
# answer? Many threads now read as of a time while one writes: one lock, striped locks, or versions?

# %% [rubric] promises
# **A strong answer contains**
#
# * lazy expiry promises visibility (no read at or after the deadline returns the value), not the moment of removal or of freeing memory; a reader that already holds the value is not stopped
# * a monotonic clock within one machine; across machines deadlines need a margin for skew, or one authority
# * key, request and answer are written in the same transaction (or log record) as the money; otherwise a crash in between makes a retry pay twice, or blocks a payment that never was; kept at least as long as clients may retry, refusals included
# * one lock is right until measured; stripes help independent keys but not snapshots over several; immutable versions let readers run without locks, at the price of compaction that must respect the oldest reader
#
# **Red flags**: "exactly once" without saying who stores what; `time.time()` for deadlines; keys in memory only; a thread per TTL; "use Redis" as the whole answer.
#
# **Levels**
#
# * 0–2: repeats the claims, or names tools without mechanisms
# * 3–5: corrects one of the two claims with a mechanism
# * 6–8: corrects both, names the atomic write and the clock, takes a side on concurrency
# * 9–10: all of it, brief, and says what each choice gives up

# %% [md] aloud
# ## Say it out loud
#
# Rehearse in 90 seconds, standing up: "Before I code I fix the boundaries: closed ranges, a value lives until just before its
# deadline, a write at the same time is not newer. Each structure has one invariant that every operation
# restores. Time comes in as an argument. Sums take the difference. Runs are two sorted lists and two binary searches.
# Expiry is lazy, with a heap whose stale entries I recognise by a number and bound by rebuilding. Versions are
# appended, a delete is a version, a read is a binary search. Retries are answered from what was stored
# with the first answer." Then say which one you would test hardest, and how.

# %% [md] follow
# ## Follow-ups
#
# 1. Make `longest()` logarithmic under `remove`. Which trick of section 3 helps?
# 2. How do you choose the budget of `sweep`?
# 3. Make `TTLMap` safe for threads. What do you lock, and can a read avoid it?
# 4. Add `scan(prefix, t)` to `VersionedKV`. What must be sorted now?
# 5. Survive a crash: what goes to a log, and when?
# 6. Two servers write with clocks one second apart. Which writes get lost under "apply if newer"?
# 7. Source and target of a transfer live on different shards. Which steps can fail, and what undoes them?
# 8. Two transactions read x and y, and each writes one of them. Snapshot isolation lets both commit. Find an invariant that breaks.

# %% [md] deeper
# ## Go deeper
#
# * G. Varghese, T. Lauck, *Hashed and Hierarchical Timing Wheels*, SOSP 1987: deadlines in constant time
# * H. Berenson and others, *A Critique of ANSI SQL Isolation Levels*, SIGMOD 1995: snapshot isolation and what it allows
# * P. Helland, *Life beyond Distributed Transactions*, CIDR 2007: what to do when nobody locks both accounts

# %% [review]
# ## Review cards
#
# Q: A cell of a summed table is overwritten. What do you add to the sums?
# A: The new value minus the old one. Keep the cells so that you know the old one.
#
# Q: Which cells lie on the anti-diagonal of an n by n board counted from 0?
# A: Those with row + col == n - 1. On odd boards the centre lies on both diagonals.
#
# Q: When do two closed integer ranges become one run?
# A: When they overlap or touch: the second starts at most one after the first ends.
#
# Q: A value is put at t with a TTL. When is it visible?
# A: In [t, t + ttl), as long as nothing replaces it; at the deadline sharp it is gone.
#
# Q: A due entry comes out of the deadline heap. Why not just delete its key?
# A: The key may have been written again since; the entry is then stale. Compare the number of the put.
#
# Q: How do you bound stale entries in a heap at constant cost per write?
# A: Rebuild it from the live keys once it is twice as large: n copies after at least n writes.
#
# Q: Why does a delete append a tombstone instead of erasing?
# A: Earlier reads still need the past, and a late write must find something newer that stops it.
#
# Q: The newest version as of t has expired. What does a read return?
# A: Nothing. An older version was replaced and does not come back.
#
# Q: What does a server store for an idempotency key?
# A: The request and its answer, refusals too, in the same atomic step as the effect.
#
# Q: When does a commit abort under snapshot isolation?
# A: When a key that it writes was changed by a commit after it began.
