"""Week 1, notebook 4: turn stack samples into events, profiles and flame graphs."""

# %% [md] title
# # Turn stack samples into a profile you can trust
#
# By the end of this notebook you have the core of a profiler: it turns snapshots of a
# call stack into calls, calls into self and total times, and you know how far its
# numbers can be trusted.

# %% [md] able
# ## You will be able to
#
# * **convert** a series of stack samples into start and end events that always nest
# * **compute** self and total time, with recursion, gaps and equal timestamps right
# * **judge** a profile: how many samples it takes, what sampling cannot see

# %% [map]
# ## Map

# %% [md] asked
# ## Where this is asked
#
# It is a coding round of 45 to 60 minutes: "here are timestamped stack samples; print
# when each function starts and ends". Then come variants: ignore short calls, read a
# start/end log, report exclusive times. The interviewer scores whether you compare
# *prefixes* rather than positions, what you do with recursion and with equal
# timestamps, and whether you run your own example before you say "done".
#
# Not taught here: attaching to a process, unwinding a native stack, or symbol tables.

# %% [setup]
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from course import check, desk, viz, widgets
from course.sim import stacks
from course.viz import stacks as draw

desk.open("w1-stacks")

# %% [md] looking
# ## 1 · What a sampling profiler sees
#
# A **call stack** is the list of calls that are in progress: the program's entry
# first, the function that runs right now last. Each of them is a **frame**; its
# place in the list is its **depth**, from 0. Pictures stack a call on its caller, so deeper frames are
# drawn higher.
#
# A **sampling profiler** looks at the stack now and then, and writes down the time
# and what it saw. Between two looks it sees nothing. In this notebook a sample is a
# pair `(ts, stack)`: `ts` a time, mostly in whole nanoseconds, `stack` a tuple of names, outermost first.

# %% samples
Stack = tuple[str, ...]
Sample = tuple[float, Stack]
SIX = [
    (0, ("main",)),
    (10, ("main", "load", "read")),
    (20, ("main", "load", "read")),
    (30, ("main", "save", "read")),
    (40, ("main",)),
    (50, ("main", "load")),
]
viz.show(
    lambda: draw.looks(SIX, "Six looks at one program"),
    alt="Six columns of stacked boxes at 0 to 50 ns: main alone; main, load, read "
    "twice; main, save, read; main alone; main, load.",
)

# %% [md] columns
# Read the picture column by column: each is one look. Your first task is to read it
# **row by row** instead: which boxes beside each other are *the same call*, still
# running, and which are a new one?
#
# In the bottom row it is easy: one call of `main`, all the time. The row at the top shows
# `read` three times in a row.

# %% guess-reads
widgets.predict("reads", "How many calls of `read` are these three boxes?")

# %% [md] positions
# A tempting program compares each depth with the same depth before. Here it is, with its
# answer:


# %% by-position
def starts_by_position(samples: Sequence[Sample]) -> list[tuple]:
    """Return (ts, name, depth) wherever a depth shows another name. It is wrong."""
    found, before = [], ()
    for ts, stack in samples:
        for depth, name in enumerate(stack):
            if depth >= len(before) or before[depth] != name:
                found.append((ts, name, depth))
        before = stack
    return found


print([start for start in starts_by_position(SIX) if start[1] == "read"])

# %% [md] find-mistake
# It reports **one** start of `read`, at 10. Stop and find the mistake before you go on: who called the
# `read` that was seen at 20, and who called the one seen at 30?
#
# A call cannot change its caller. `load` had to return before `save` could be called from `main`,
# and `load` can only return after the `read` that it called. So the `read` under `save` is a
# new call, and there are two.

# %% reads
callers = [stack[:-1] for _, stack in SIX if stack[-1] == "read"]
widgets.reveal(
    "reads",
    len(set(callers)),
    explain="One under main;load, seen twice, and one under main;save.",
)

# %% [md] prefix
# ## 2 · The rule of the common prefix
#
# A frame is *the same call* as in the sample before if it has the same name at the same depth **and its
# callers are the same calls too**. So two neighbouring samples share exactly
# their **longest common prefix**: the frames from depth 0 up to the first difference. (A function that returned and was
# called again between two looks counts as one call: samples cannot tell.)
#
# From one sample to the next, then:
#
# 1. every frame of the old stack beyond the prefix **ends**, deepest first,
# 2. every frame of the new stack beyond the prefix **starts**, outermost first.

# %% [md] prefix-table
# For the six samples, with `prefix` the number of shared frames:
#
# | at | stack | prefix | ends | starts |
# |---:|---|---:|---|---|
# | 0 | main | 0 | | main |
# | 10 | main load read | 1 | | load, read |
# | 20 | main load read | 3 | | |
# | 30 | main save read | 1 | read, load | save, read |
# | 40 | main | 1 | read, save | |
# | 50 | main load | 1 | | load |
#
# After the last sample, `main` and `load` are still running. Either you leave them
# open, or you are told when the program stopped and end them then, deepest first.

# %% [md] events-words
# ### Events
#
# An **event** is a tuple `(kind, ts, name, depth)` with kind `"start"` or `"end"`. A list
# of events **nests** when each end belongs to the innermost call that is open, like
# brackets. That is why ends come before starts at one time, and deepest first:
# otherwise `save` would seem to run inside `load`.
#
# Two samples may carry **equal timestamps** when the clock is coarse. Treat them like any others: a call
# may last no time at all. Timestamps that go *back*, however, mean broken input, and guessing would hide it.

# %% [card] e1 minutes=20 core
# Samples to events
#
# First write `common_prefix`. Then return the events of all samples in order, each
# with its sample's `ts`. A stack may be empty. With `finalize=None`, calls of
# the last sample stay open; with a number, they end at that time. Raise `ValueError`
# when a timestamp is below the one before, or `finalize` below the last. The input stays
# as it was; the work grows linearly.

# %% [hand] e1
# **By hand.** Samples `(0, a b c)` and `(10, a x c)`, `finalize=None`: the prefix is
# 1. Start a, b, c at 0; end c, b at 10; start x, c at 10. Nothing ends after that.
# With `finalize=15`, three more ends follow at 15: c, x, a.

# %% [answer] e1
Event = tuple[str, float, str, int]


def common_prefix(one: Stack, other: Stack) -> int:
    """Return how many frames two stacks share, counted from the outermost.

    >>> common_prefix(("a", "b", "c"), ("a", "x", "c"))
    1
    """
    ### BEGIN SOLUTION
    pairs = zip(one, other, strict=False)
    differ = (depth for depth, (a, b) in enumerate(pairs) if a != b)
    return next(differ, min(len(one), len(other)))
    ### END SOLUTION


def samples_to_events(
    samples: Sequence[Sample], *, finalize: float | None = None
) -> list[Event]:
    """Return the (kind, ts, name, depth) events that the samples show.

    `finalize` is the time at which calls of the last sample end; None leaves them
    open. Raises ValueError when time goes back.
    """
    ### BEGIN SOLUTION
    stopped = [] if finalize is None else [(finalize, ())]
    events: list[Event] = []
    running: Stack = ()
    last = None
    for ts, stack in [*samples, *stopped]:
        if last is not None and ts < last:
            raise ValueError(f"time goes back from {last} to {ts}")
        kept = common_prefix(running, stack)
        for depth in reversed(range(kept, len(running))):
            events.append(("end", ts, running[depth], depth))
        for depth in range(kept, len(stack)):
            events.append(("start", ts, stack[depth], depth))
        running, last = stack, ts
    return events
    ### END SOLUTION


# %% [look] e1
SIX_EVENTS = [
    *[("start", 0, "main", 0), ("start", 10, "load", 1), ("start", 10, "read", 2)],
    *[("end", 30, "read", 2), ("end", 30, "load", 1)],
    *[("start", 30, "save", 1), ("start", 30, "read", 2)],
    *[("end", 40, "read", 2), ("end", 40, "save", 1), ("start", 50, "load", 1)],
    *[("end", 60, "load", 1), ("end", 60, "main", 0)],
]
viz.beside(
    viz.attempt(samples_to_events, SIX, finalize=60),
    SIX_EVENTS,
    draw.flame_chart,
    titles=("your events", "expected"),
    alt="Two flame charts of the six samples, yours and the expected one: main from 0 "
    "to 60, on it load, save, load, and two separate calls of read on the third level.",
)

# %% [check] e1 points=2
check.case(common_prefix, ("a", "b", "c"), ("a", "x", "c"), want=1)
check.case(
    samples_to_events,
    [(0, ("a", "b", "c")), (10, ("a", "x", "c"))],
    want=[
        *[("start", 0, "a", 0), ("start", 0, "b", 1), ("start", 0, "c", 2)],
        *[("end", 10, "c", 2), ("end", 10, "b", 1)],
        *[("start", 10, "x", 1), ("start", 10, "c", 2)],
    ],
    hint="see 'By hand': the prefix is a, so b and c end and x and c start",
)

# %% [grade] e1.prefix points=7 mode=split
# Random traces over few names: which calls start and end when, in whatever order.

# %% [grade] e1.order points=4 mode=split
# Ends before starts, deepest first, outermost first: the events nest.

# %% [grade] e1.finish points=3 mode=split
# Empty stacks and traces, calls left open, calls closed at a given time.

# %% [grade] e1.time points=2 mode=split
# Equal timestamps, floats, large numbers, time that goes back.

# %% [grade] e1.linear points=2 mode=shared
# Eight times the samples may not cost much more than eight times the work.

# %% [hints] e1
# nudge: If the names at depth 1 differ, what do you know about everything above depth 1, whatever it is called?
#
# idea: Keep the stack of the sample before. One number, the length of the common prefix, splits the old stack into what goes on and what ends, and the new one into what goes on and what starts.
#
# outline: Start from an empty stack. For each sample: refuse a time that goes back; find the prefix; walk the old stack backwards down to the prefix and write ends; walk the new stack forwards from the prefix and write starts; remember the new stack. To finalize, do the same once more with an empty stack.

# %% [md] own-chart
# ### Your events of a real run
#
# This is a made-up web service, sampled once each millisecond. The picture is a
# **flame chart**: time runs to the right, callees stand on their callers.

# %% chart
service = stacks.web_service()
looks = stacks.sample(service)
START, STOP = looks[0][0], int(service.edges[-1])
BUSY = looks[6670:6750]  # where the garbage collector comes often


def busy_stretch() -> list[Event]:
    return samples_to_events(BUSY, finalize=BUSY[-1][0] + stacks.MS)


drawn = viz.attempt(busy_stretch)
if isinstance(drawn, list):
    viz.show(
        lambda: draw.chart(drawn, "80 samples, read row by row", marked="gc"),
        alt="A flame chart of 80 milliseconds: main below, serve on it, then read, "
        "parse_json, query and render with its nested nodes; gc in orange blips.",
    )

# %% [md] chart-read
# Find `node` on top of `node`: `render` is recursive, and each level is a call of its
# own. Find the orange blips: the garbage collector (`gc`) shows up under whatever happened to run.

# %% [md] accounts-title
# ## 3 · Self time and total time
#
# Two questions about a function, two numbers:
#
# * **total** (inclusive) time: how long was it on the stack? "What would I save if it vanished with all it calls?"
# * **self** (exclusive) time: how long was it the *innermost* frame? "Whose own code is slow?"
#
# The second has a simple law: between two events that follow each other, the time
# belongs to the innermost open call, and to nobody if none is open. So self times add up to the time during which anything ran.

# %% [md] accounts-hand
# For the six samples and `finalize=60`:
#
# | from | to | innermost | from | to | innermost |
# |---:|---:|---|---:|---:|---|
# | 0 | 10 | main | 40 | 50 | main |
# | 10 | 30 | read | 50 | 60 | load |
# | 30 | 40 | read | | | |
#
# `read` has self 30 = total 30, in two calls. `load` has self 10 but total 30: 20 in its first
# call, 10 in its second. `save` has self 0, total 10. `main` has self 20, total 60. The self times add up to
# 30 + 10 + 0 + 20 = 60.

# %% [md] recursion
# ### Recursion breaks the naive sum
#
# Let `f` run from 0 to 10 and call *itself* from 2 to 7, and that inner `f` call `g` from 3
# to 5. Adding the lengths of all calls of `f` gives 10 + 5 = 15: more time than
# there was. While `f` is on the stack twice, the time counts once. So the total of `f` is 10, its self
# is 10 − 2 = 8, in 2 calls.
#
# A way to see it: each name has a clock. It starts when a first frame of that name opens, and stops when no
# frame of that name is left.

# %% [md] integers
# ### Why whole nanoseconds
#
# Clocks count nanoseconds since 1970, and such a number does not fit into a
# float: between neighbouring floats of that size lie more than a hundred nanoseconds. Try
# it:

# %% drift
now = 1_760_000_000_123_456_789
print(float(now) == float(now + 100), "- the float cannot tell 100 ns apart")
print(sum([0.1] * 10) == 1.0, "- sums of floats drift, too")
print((now + 100) - now, "ns - whole numbers stay exact")

# %% [card] e2 minutes=15 core
# From events to a profile
#
# Return `{name: (self, total, calls)}` for every function that starts. Self is the time as innermost
# frame. Total counts the time that the name is on the stack, once under recursion. Gaps
# between outermost calls belong to nobody. `events` may be an iterator. Times are whole
# numbers, results exact. Raise `ValueError` when an end does not belong to the innermost
# open call, a call stays open, or time goes back.

# %% [hand] e2
# **By hand.** The recursion above: `f` is innermost from 0 to 2, 2 to 3, 5 to 7 and 7 to 10:
# self 8. `g` from 3 to 5: self 2. Result: `{"f": (8, 10, 2), "g": (2, 2, 1)}`.


# %% [answer] e2
def profile(events: Iterable[Event]) -> dict[str, tuple[int, int, int]]:
    """Return (self, total, calls) of each function, times in nanoseconds.

    `events` are (kind, ts, name, depth) in order. Raises ValueError when they do
    not nest, a call never ends, or time goes back.

    >>> profile([("start", 3, "f", 0), ("end", 5, "f", 0)])
    {'f': (2, 2, 1)}
    """
    ### BEGIN SOLUTION
    own: Counter[str] = Counter()
    total: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    running: Counter[str] = Counter()  # frames of each name that are open now
    opened: list[tuple[str, int]] = []
    previous = None
    for kind, ts, name, _ in events:
        if previous is not None and ts < previous:
            raise ValueError(f"time goes back from {previous} to {ts}")
        if opened:
            own[opened[-1][0]] += ts - previous
        previous = ts
        if kind == "start":
            opened.append((name, ts))
            calls[name] += 1
            running[name] += 1
        elif not opened or opened[-1][0] != name:
            raise ValueError(f"{name} ends at {ts} but is not the innermost call")
        else:
            _, start = opened.pop()
            running[name] -= 1
            if not running[name]:  # the outermost of its name
                total[name] += ts - start
    if opened:
        raise ValueError(f"{opened[-1][0]} never ends")
    return {name: (own[name], total[name], calls[name]) for name in calls}
    ### END SOLUTION


# %% [look] e2
SIX_STATS = {
    "main": (20, 60, 1),
    "load": (10, 30, 2),
    "read": (30, 30, 2),
    "save": (0, 10, 1),
}
viz.beside(
    viz.attempt(profile, SIX_EVENTS),
    SIX_STATS,
    draw.accounts,
    titles=("your profile", "expected"),
    alt="Bars for main, load, read and save, yours and the expected ones: an outline "
    "for the total time, a black bar within it for the self time.",
)

# %% [check] e2 points=2
check.case(
    profile,
    [
        *[("start", 0, "f", 0), ("start", 2, "f", 1), ("start", 3, "g", 2)],
        *[("end", 5, "g", 2), ("end", 7, "f", 1), ("end", 10, "f", 0)],
    ],
    want={"f": (8, 10, 2), "g": (2, 2, 1)},
    shown="profile(f calls f calls g)",
    hint="see 'By hand': (self, total, calls), and recursion counts once in the total",
)

# %% [grade] e2.ticks points=4 mode=split
# Random traces without recursion, against a count tick by tick; an iterator.

# %% [grade] e2.recursion points=4 mode=split
# Direct and indirect recursion, random traces over two names.

# %% [grade] e2.exact points=2 mode=split
# Gaps, calls of no length, times since 1970, long spans.

# %% [grade] e2.refuse points=2 mode=split
# Events that do not nest, calls left open, time that goes back.

# %% [hints] e2
# nudge: When an event arrives, which call owns the time since the event before it?
#
# idea: Keep a list of open calls with their starts, and the time of the previous event. Self time is handed out at every event. Total time is handed out at some ends: which?
#
# outline: For each event: check the time; if a call is open, give the innermost one the time since the previous event; remember this time. A start opens a call and counts it. An end must match the innermost; close it, and if no other frame of that name is open, add its length to the name's total. At the end nothing may be open.

# %% [md] graph-title
# ### The flame graph: the same data, without time
#
# A chart of ten seconds is a picket fence. A **flame graph** merges calls that
# have the same callers and sorts them by name; only the *width* means something, the
# share of time. It is drawn here from your events of the whole run:


# %% graph
def whole_run() -> list[Event]:
    return samples_to_events(looks, finalize=STOP)


run_events = viz.attempt(whole_run)
if isinstance(run_events, list):
    viz.show(
        lambda: draw.flame_graph(run_events, marked="gc"),
        alt="A flame graph: main as wide as the whole, poll and serve on it, on serve "
        "the wide query and render; small orange boxes of gc on most of them.",
    )

# %% [md] graph-read
# Wide and flat on top is where the time goes: `wait_rows`. Now look for `gc`: it is under so many
# callers that no single box is wide. A flame graph hides a cost that is spread over many callers; a table by
# name gathers it. Which is why profilers offer both.

# %% [md] trust
# ## 4 · How far can you trust it?
#
# The made-up service has something no real one has: the truth. Here is your profile from only 200
# samples, spread over the run, beside it:


# %% few
def share_of_self(samples: Sequence[Sample]) -> dict[str, float]:
    stats = profile(samples_to_events(samples, finalize=STOP))
    return {name: 100 * own / (STOP - START) for name, (own, _, _) in stats.items()}


TRUTH = {name: 100 * ns / service.duration for name, ns in service.on_top().items()}
seen = viz.attempt(share_of_self, looks[:: len(looks) // 200])
if isinstance(seen, dict):
    viz.show(
        lambda: draw.ranking(
            {"truth": TRUTH, "200 samples": seen},
            "200 samples get the order about right",
        ),
        alt="A row for each function with a bar at its true share of self time and a "
        "dot at the share from 200 samples; the dots lie within a few points.",
    )

# %% [md] binomial
# Each sample is a coin that lands on `wait_rows` with probability *p*, its share of the time. The
# share you see in *N* such samples misses *p* by about
#
# `sqrt(p · (1 − p) / N)`
#
# the **standard error** of a proportion. Nothing in it depends on how long the program
# runs. Before you run the next cells: you take 100 times as many samples.

# %% guess-error
widgets.predict("error", "By what factor does the error shrink?")

# %% [md] experiment
# The experiment: a loop of exactly 10 ms spends its first 3 ms in `render`, so the truth is 30 %. Three
# profilers look at it *N* times, 300 times over: at random instants, every 10 ms **in step** with the loop, and
# every 10 ms plus a random delay.


# %% errors
def typical_error(n: int, looks_at: str, trials: int = 300) -> float:
    """Return the root mean square error, in points, of the share of render."""
    rng = np.random.default_rng(n)
    if looks_at == "random instants":
        ms = rng.uniform(0, 1e6, (trials, n))
    else:
        ms = 10.0 * np.arange(n) + rng.uniform(0, 10, (trials, 1))
        if looks_at == "random delay":
            ms += rng.uniform(0, 10, (trials, n))
    percent = 100 * np.mean(ms % 10 < 3, axis=1)
    return float(np.sqrt(np.mean((percent - 30) ** 2)))


COUNTS = [10, 30, 100, 300, 1000, 3000, 10_000]
ERRORS = {
    how: [typical_error(n, how) for n in COUNTS]
    for how in ("random instants", "in step", "random delay")
}

# %% [md] errors-shown
# Both axes of the next picture are logarithmic, so `1/√N` is a straight line:

# %% errors-figure
theory = {"∝ 1/√N": [100 * (0.3 * 0.7 / n) ** 0.5 for n in COUNTS]}
viz.show(
    lambda: draw.errors(COUNTS, ERRORS | theory),
    alt="Error against number of samples, both logarithmic: random instants and random "
    "delay fall along the line of one over root N, in step stays flat near 46 points.",
)
widgets.reveal(
    "error",
    ERRORS["random instants"][COUNTS.index(100)]
    / ERRORS["random instants"][COUNTS.index(10_000)],
    explain="A hundredfold for one more digit: the error falls with the root of N.",
)

# %% [md] errors-read
# The flat line is the dangerous one. A profiler in step with the program looks at
# the same phase of the loop each time: it sees `render` always or never, and *more samples do not help*. That is
# **bias**, not noise. Hence the odd rates that you meet: 99 samples a second, not 100 (Gregg, 2016).
#
# Another bias has the same shape: a runtime that can be sampled only at certain points of the
# code (**safepoints**) charges everything to the functions that contain them. See Mytkowicz and others, 2010, below.

# %% [md] resonance-title
# ### Which rates are in step?
#
# Ten milliseconds is the obvious one. Are there others? The next picture tries every period from 4 to 21 ms
# on the same loop, each from many starting points, and shows the largest error. Before you look: is 5 ms
# safe? Is 15?


# %% resonance
def worst_errors(n: int = 100) -> dict:
    """Return the largest error, in points, of n looks at each period in ms."""
    periods = np.arange(400, 2101, 5) / 100
    phases = np.arange(0, 10, 0.25)[:, None, None]
    ms = phases + periods[:, None] * np.arange(n)
    percent = 100 * np.mean(ms % 10 < 3, axis=2)
    return {"n": n, "ms": periods, "points": np.abs(percent - 30).max(axis=0)}


# %% [md] resonance-intro
# Take more looks with the slider, and watch which peaks stay.

# %% resonance-explore
widgets.explore(
    worst_errors,
    draw.resonance,
    question="Which periods can you trust, and does taking more looks help?",
    alt="The largest error against the period of the looks: low nearly everywhere, "
    "sharp peaks at 5, 10, 15 and 20 ms, lower ones at other fractions of the loop.",
    n=[30, 100, 300, 1000],
)

# %% [md] resonance-read
# A peak stands wherever a few periods fit a few loops exactly: at 5 ms two looks a loop see two phases only, at 15 ms
# as well. The peaks get *thinner* with more looks, but not lower. A period that shares no small multiple with
# the program's, or a random delay, is the cure.

# %% [md] denoise-title
# ## 5 · Ignore what was barely seen
#
# A single look may be a blip: a signal handler, a page fault. Suppose somebody wants calls that were
# seen in at least `n` samples **in a row**. Count for each frame how many looks its
# call has had *so far*:
#
# | at | stack | prefix | looks so far |
# |---:|---|---:|---|
# | 0 | a b | 0 | 1 1 |
# | 10 | a b | 2 | 2 2 |
# | 20 | a c | 1 | 3 1 |
# | 30 | a b | 1 | 4 1 |
#
# The prefix carries on, the rest starts again at 1. The `b` at 30 is not the `b` at
# 10: its run was broken.

# %% [md] two-stamps
# ### Two honest timestamps
#
# With `n = 2`, the first `b` counts: two looks. When did it start?
#
# * `"first"`: at its first look, 0. You can say so only after the second look, in hindsight.
# * `"nth"`: at its n-th look, 10. That is what a *live* view has to report, which never takes back what it said.
#
# Its end is 20 either way. A call in a call: could a callee be seen more often in a row than
# its caller? Look at the table again: no row ever grows to the right.

# %% [card] e3 minutes=18 core
# Only what lasts
#
# Like `samples_to_events`, but keep only calls seen in at least `n` samples in a
# row: same depth, same name, **same callers**. A start carries the time of the
# first look or of the n-th, as `stamp` says. Ends and `finalize` as before. Events come in
# order of time, and nest. Raise `ValueError` for `n < 1`, another `stamp`, or
# time that goes back.

# %% [hand] e3
# **By hand.** The four samples of the table, `n=2`, `stamp="nth"`, `finalize=40`: `a`
# has its second look at 10, and so has the first `b`. `c` and the last `b` have one look each and do
# not count. Result: start a at 10, start b at 10, end b at 20, end a at 40.


# %% [answer] e3
def stable_events(
    samples: Sequence[Sample], n: int, *, stamp: str, finalize: float | None = None
) -> list[Event]:
    """Return the events of calls that at least `n` samples in a row have seen.

    `stamp` is "first" (start at the first look) or "nth" (at the n-th look);
    `finalize` as in samples_to_events. Raises ValueError for n below 1, another
    stamp, or time that goes back.
    """
    ### BEGIN SOLUTION
    if n < 1:
        raise ValueError(f"n must be at least 1, not {n}")
    if stamp not in ("first", "nth"):
        raise ValueError(f"stamp must be 'first' or 'nth', not {stamp!r}")
    plain = [stack for _, stack in samples]
    kept = [common_prefix(*pair) for pair in zip([(), *plain], plain, strict=False)]
    seen: list[list[int]] = []  # for each sample and depth, the looks so far
    for stack, shared in zip(plain, kept, strict=True):
        going_on = [looks + 1 for looks in seen[-1][:shared]] if seen else []
        seen.append(going_on + [1] * (len(stack) - shared))
    if stamp == "first":  # in hindsight: the looks that each call gets in the end
        for at in reversed(range(1, len(seen))):
            seen[at - 1][: kept[at]] = seen[at][: kept[at]]
    # A caller has at least as many looks as its callee, so what lasts is a prefix.
    lasting = [
        (ts, stack[: sum(looks >= n for looks in frames)])
        for (ts, stack), frames in zip(samples, seen, strict=True)
    ]
    return samples_to_events(lasting, finalize=finalize)
    ### END SOLUTION


# %% [look] e3
TREMOR = [
    *[(0, ("a", "b")), (10, ("a", "b")), (20, ("a", "c")), (30, ("a", "b"))],
    *[(40, ("x", "b")), (50, ("a", "b")), (60, ("a", "b", "d")), (70, ("a", "b", "d"))],
]
viz.beside(
    viz.attempt(stable_events, TREMOR, 2, stamp="first", finalize=80),
    [
        *[("start", 0, "a", 0), ("start", 0, "b", 1), ("end", 20, "b", 1)],
        *[("end", 40, "a", 0), ("start", 50, "a", 0), ("start", 50, "b", 1)],
        *[("start", 60, "d", 2), ("end", 80, "d", 2)],
        *[("end", 80, "b", 1), ("end", 80, "a", 0)],
    ],
    draw.flame_chart,
    titles=("yours, n = 2", "expected"),
    alt="Two flame charts, yours and the expected one: a from 0 to 40 with b until 20, "
    "nothing from 40 to 50, then a, b and d until 80.",
)

# %% [check] e3 points=2
four = [(0, ("a", "b")), (10, ("a", "b")), (20, ("a", "c")), (30, ("a", "b"))]
ends = [("end", 20, "b", 1), ("end", 40, "a", 0)]
for which, when in (("nth", 10), ("first", 0)):
    check.case(
        stable_events,
        four,
        2,
        stamp=which,
        finalize=40,
        want=[("start", when, "a", 0), ("start", when, "b", 1), *ends],
        hint="see 'By hand': c and the last b have one look each",
    )

# %% [grade] e3.runs points=6 mode=split
# Random traces, stamp="first", for n from 1 to 4: broken runs, other callers.

# %% [grade] e3.nth points=4 mode=split
# The same with stamp="nth".

# %% [grade] e3.edges points=3 mode=split
# n = 1, n beyond the trace, runs at the very end, equal timestamps, wrong arguments.

# %% [hints] e3
# nudge: In one sample, can a frame count if its caller does not?
#
# idea: So what counts in a sample is a prefix of its stack. Cut every stack down to that prefix first. What could you do with a list of shorter samples?
#
# outline: Compute the looks so far for each sample from those of the sample before and the common prefix. For "nth", cut each stack where the looks so far fall below n, and convert the cut samples as in exercise 1. For "first", replace the looks so far by the looks the call gets in the end, walking backwards through the samples, and do the same.

# %% [md] slider-title
# ### What denoising costs
#
# Move the slider. At which `n` have the blips of `gc` gone? And what happened to the *time* they took?


# %% slider-model
def stable_chart(n: int = 1) -> dict:
    end = BUSY[-1][0] + stacks.MS
    kept_events = stable_events(BUSY, n, stamp="first", finalize=end)
    blips = sum(kind == "start" and name == "gc" for kind, _, name, _ in kept_events)
    return {"n": n, "events": kept_events, "seen": blips}


# %% [md] slider-intro
# Watch the title, which counts the calls that are left.

# %% slider
widgets.explore(
    stable_chart,
    draw.denoised,
    question="How many looks in a row make a call worth showing?",
    alt="A flame chart of 80 ms with all calls that were seen once or more; "
    "small orange boxes of gc stand on several of them.",
    n=(1, 8, 1),
)

# %% [md] slider-read
# With two looks in a row almost every blip is gone: the collector runs a quarter of a millisecond, and the
# looks are a millisecond apart. One box survives, because two visits fell on neighbouring looks under the same caller; samples
# cannot tell them from one long call.
#
# The time of the others did not go away. It went to the callers that were interrupted. So denoise what you
# *look at*, and compute shares from everything.

# %% [md] denoise-cost
# The same in numbers, from your own functions on the whole run:


# %% denoise-cost-measured
def gc_percent(n: int) -> float:
    stats = profile(stable_events(looks, n, stamp="first", finalize=STOP))
    return 100 * stats.get("gc", (0, 0, 0))[0] / (STOP - START)


shares = viz.attempt(lambda: [gc_percent(n) for n in (1, 2)])
if isinstance(shares, list):
    print(f"gc: {TRUTH['gc']:.1f} % of the time in truth, {shares[0]:.1f} % in all")
    print(f"samples, {shares[1]:.1f} % in calls that were seen twice in a row")

# %% [md] own-title
# ### On a real program
#
# Enough of made-up servers. This sampler is real: a thread that looks at the stack of another one, through
# `sys._current_frames()`. What it returns are samples for your functions.


# %% own-sampler
import sys
import threading
import time


def watch(work, every: float = 0.002) -> list[Sample]:
    """Run `work` and return what a second thread saw of its stack meanwhile."""
    mine, seen_here, done = threading.get_ident(), [], threading.Event()

    def look() -> None:
        while not done.wait(every):
            frame, names = sys._current_frames()[mine], []
            while frame is not None and frame.f_code is not watch.__code__:
                names.append(frame.f_code.co_name)
                frame = frame.f_back
            if not done.is_set():
                seen_here.append((time.monotonic_ns(), tuple(reversed(names))))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join(1.0)
    return seen_here


# %% [md] own-work
# The program to watch writes numbers as text, reads them back and sorts them. Put one of your own in
# place of `report` and run the cell again; every run gives other numbers.


# %% own-profile
def write(count: int) -> str:
    return ",".join(str(number * 7919 % 100_003) for number in range(count))


def read(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


ROUNDS = 30


def report() -> None:
    for _ in range(ROUNDS):
        sorted(read(write(40_000)))


def own_profile() -> None:
    samples = watch(report)
    stats = profile(samples_to_events(samples, finalize=time.monotonic_ns()))
    print(f"{ROUNDS} rounds, {len(samples)} samples; self and total in ms, calls seen")
    for name, (own, total, calls) in sorted(stats.items(), key=lambda row: -row[1][0]):
        print(f"{own / 1e6:8.1f} {total / 1e6:8.1f} {calls:6}  {name}")


trouble = None if viz.inert() else viz.attempt(own_profile)

# %% [md] own-read
# Names in angle brackets are Python's own, such as generator expressions. Compare the calls with the rounds: short calls
# fall between two looks. So calls that were *seen* are a lower bound, never a count.
#
# And here is a bias at work. The watching thread gets its turn only when Python's interpreter hands it
# over, between two bytecodes; it waits while one long call such as `sorted` runs. Tools that look from *outside* the
# process need not wait.

# %% [md] logs-title
# ## 6 · Logs, and the off-by-one of time
#
# The classic sister of this problem has no stacks, only a log of one thread: lines
# `number:start:ts` and `number:end:ts`, with functions numbered from 0. You want the exclusive
# time of each. The trap is what `end:5` means:
#
# * **half-open**: the call ends *when* tick 5 begins. Length = end − start. Clocks work like that.
# * **inclusive**: the call still uses tick 5 to the end. Length = end − start + 1. Puzzles like that.
#
# Four lines, `0:start:0`, `1:start:2`, `1:end:5`, `0:end:6`, under both:

# %% conventions
SPANS = {
    "half_open": [(0, 2, 0), (2, 5, 1), (5, 6, 0)],
    "inclusive": [(0, 2, 0), (2, 6, 1), (6, 7, 0)],
}
viz.show(
    lambda: draw.conventions(SPANS),
    alt="Two rows of ticks for the same four log lines: half-open gives function 1 "
    "three ticks and function 0 three; inclusive gives function 1 four.",
)

# %% [md] conventions-read
# Same lines, different answers: `[3, 3]` and `[3, 4]`. So the convention is the first thing to *ask*, and
# belongs into the docstring. A trick makes one program do both: read an inclusive `end:5` as "ends when tick 6
# begins", and everything is half-open from there on.

# %% [card] e4 minutes=12 core
# Exclusive times from a log
#
# Return a list of `n` exclusive times, one for each function number. The log is well formed, in order of time, and may hold
# recursion: a call of the same number inside itself counts for that number too. Time between outermost
# calls belongs to nobody. Times may be huge, so never count tick by tick. Raise
# `ValueError` for an `end` other than `"inclusive"` and `"half_open"`.

# %% [hand] e4
# **By hand.** Inclusive, `0:start:0 0:start:2 0:end:5 1:start:6 1:end:6 0:end:7`: outer 0 has
# ticks 0, 1; inner 0 has ticks 2 to 5; 1 has tick 6; outer 0 has tick 7. Result: `[7, 1]`.


# %% [answer] e4
def exclusive_times(n: int, logs: Sequence[str], *, end: str) -> list[int]:
    """Return the exclusive time of each of `n` functions, in ticks.

    `logs` holds "number:start:ts" and "number:end:ts". `end` is "inclusive" (the
    call uses its last tick) or "half_open" (it ends when that tick begins).
    Raises ValueError for another `end`.
    """
    ### BEGIN SOLUTION
    if end not in ("inclusive", "half_open"):
        raise ValueError(f"end must be 'inclusive' or 'half_open', not {end!r}")
    last_tick = 1 if end == "inclusive" else 0
    times = [0] * n
    opened: list[int] = []
    previous = 0
    for line in logs:
        number, kind, ts = line.split(":")
        now = int(ts) + (last_tick if kind == "end" else 0)
        if opened:
            times[opened[-1]] += now - previous
        previous = now
        if kind == "start":
            opened.append(int(number))
        else:
            opened.pop()
    return times
    ### END SOLUTION


# %% [look] e4
LOG = ["0:start:0", "0:start:2", "0:end:5", "1:start:6", "1:end:6", "0:end:7"]
viz.beside(
    viz.attempt(exclusive_times, 2, LOG, end="inclusive"),
    [7, 1],
    draw.exclusive,
    titles=("yours, inclusive", "expected"),
    alt="Bars of the exclusive time of functions 0 and 1, yours and expected: 7 ticks "
    "and 1 tick.",
    height=2.0,
)

# %% [check] e4 points=2
lines = ["0:start:0", "1:start:2", "1:end:5", "0:end:6"]
check.case(exclusive_times, 2, lines, end="inclusive", want=[3, 4])
check.case(exclusive_times, 2, lines, end="half_open", want=[3, 3])

# %% [grade] e4.inclusive points=3 mode=split
# Random logs with recursion and gaps, against a count tick by tick.

# %% [grade] e4.half_open points=2 mode=split
# The same with half-open ends, calls of no length among them.

# %% [grade] e4.scale points=1 mode=split
# Spans of 10¹⁵ ticks, functions that never run, another `end`.

# %% [hints] e4
# nudge: At which moment does the time of the caller begin to run again?
#
# idea: Turn every line into a moment at which the innermost function changes. Then it is exercise 2 with numbers for names.
#
# outline: Read number, kind and time; an inclusive end happens one tick later. If something is open, the innermost gets the time since the previous moment. Remember the moment; push on a start, pop on an end.

# %% [md] perf-title
# ## 7 · Stretch: read what a real profiler writes
#
# The Linux profiler `perf` writes samples as text (`perf script`). A header, then the frames from
# the **innermost** outwards, then a blank line:
#
# ```text
# web worker 4711/4712 [001]  12.345678:  250000 cpu-clock:
#         55a1c061 parse(char const*)+0x21 (/srv/bin/web)
#         55a1c0b4 accept->serve+0xa8 (/srv/bin/web)
#         7f33aa02 [unknown] (/lib/libc.so.6)
# ```
#
# Flame graph tools want it **folded**: one line a stack, outermost first, with how often it was seen:
#
# ```text
# web_worker;[libc.so.6];accept;serve;parse(char const*) 1
# ```

# %% [md] perf-rules
# ### The rules
#
# | part | rule |
# |---|---|
# | header | starts in column 0: name of the command (blanks allowed), `pid` or `pid/tid`, perhaps a processor in brackets, the time and a colon, perhaps a period, the event and a colon |
# | command | blanks become `_`; with `pid=True`, `-` and the pid follow |
# | frame | indented: address, symbol (blanks and brackets allowed), and in the last pair of brackets the module, without blanks |
# | symbol | drop a final `+0x…`; `a->b` is an inlined call: two frames, `a` the caller; but `operator->` is a name, not a call |
# | `[unknown]` | becomes the module's file name in brackets; an `[unknown]` module gives `[unknown]` |
# | module `[kernel.kallsyms]` | with `kernel=True`, `_[k]` follows the name |
# | `;` in a name | becomes `:` |
# | event | count one event only: the one asked for, else the first in the input |

# %% [card] e5 minutes=20 stretch
# Fold perf's text
#
# Return `{"command;outermost;…;innermost": count}` by the rules above. A blank line, the next header or
# the end of the input ends a sample; a sample without frames counts as its command. Skip lines that start with
# `#`. Raise `ValueError` for a line that is neither header nor frame. `lines` may be a generator over a
# huge file, with or without line ends: hold one sample at a time.

# %% [hand] e5
# **By hand.** The sample above, twice, with `pid=True`:
# `{"web_worker-4711;[libc.so.6];accept;serve;parse(char const*)": 2}`. The frames are read from the last
# line to the first, and `accept->serve` gives two of them in the order written.


# %% [answer] e5
def fold_perf(
    lines: Iterable[str],
    *,
    kernel: bool = False,
    pid: bool = False,
    event: str | None = None,
) -> dict[str, int]:
    """Return how often each stack was seen, as `command;outermost;…;innermost`.

    `lines` are those of `perf script`. `kernel` marks kernel frames with `_[k]`,
    `pid` adds the process id, `event` is the one to count (None: the first met).
    Raises ValueError for a line that is neither header nor frame.
    """
    ### BEGIN SOLUTION
    header = re.compile(
        r"(\S.*?)\s+(\d+)(?:/\d+)?\s+(?:\[\d+\]\s+)?[\d.]+:\s+(?:\d+\s+)?(\S+):\s*"
    )
    frame = re.compile(r"\s+[0-9a-f]+ (.+) \((\S+)\)\s*")

    def parsed(pattern: re.Pattern, line: str) -> re.Match:
        found = pattern.fullmatch(line)
        if found is None:
            raise ValueError(f"neither header nor frame: {line!r}")
        return found

    def records() -> Iterator[tuple[re.Match, list[str]]]:
        """Yield the header and the frame lines of one sample after the other."""
        head, frames = None, []
        for line in lines:
            if line.startswith("#"):
                continue
            indented = line[:1].isspace() and line.strip()
            if indented and head is not None:
                frames.append(line)
                continue
            if head is not None:
                yield head, frames
            head, frames = None, []
            if line.strip():
                head = parsed(header, line)
        if head is not None:
            yield head, frames

    def names(line: str) -> list[str]:
        """Return the names that a frame line stands for, callers first."""
        symbol, module = parsed(frame, line).groups()
        symbol = re.sub(r"\+0x[0-9a-f]+$", "", symbol)
        if symbol == "[unknown]":
            file = module.split("/")[-1]
            calls = [f"[{file.strip('[]')}]"]
        else:
            calls = re.split(r"(?<!operator)->", symbol)
        mark = "_[k]" if kernel and module == "[kernel.kallsyms]" else ""
        return [call.replace(";", ":") + mark for call in calls]

    counts: Counter[str] = Counter()
    for head, frames in records():
        command, number, what = head.groups()
        event = event or what
        if what == event:
            command = re.sub(r"\s", "_", command).replace(";", ":")
            stack = [f"{command}-{number}" if pid else command]
            for line in reversed(frames):
                stack += names(line)
            counts[";".join(stack)] += 1
    return dict(counts)
    ### END SOLUTION


# %% [look] e5
TEXT = """\
web worker 4711/4712 [001]  12.345678:  250000 cpu-clock:
        55a1c061 parse(char const*)+0x21 (/srv/bin/web)
        55a1c0b4 accept->serve+0xa8 (/srv/bin/web)
        7f33aa02 [unknown] (/lib/libc.so.6)

swapper     0 [000]  12.345690:  250000 cpu-clock:
        ffffffff native_safe_halt+0xe ([kernel.kallsyms])
"""
viz.beside(
    viz.attempt(fold_perf, TEXT.splitlines(), kernel=True),
    {
        "web_worker;[libc.so.6];accept;serve;parse(char const*)": 1,
        "swapper;native_safe_halt_[k]": 1,
    },
    draw.listing,
    titles=("your folded stacks", "expected"),
    alt="The folded lines of two samples with their counts, yours and expected.",
    height=1.8,
)

# %% [check] e5 points=2
sample_lines = [
    "web worker 4711/4712 [001]  12.345678:  250000 cpu-clock:",
    "        55a1c061 parse(char const*)+0x21 (/srv/bin/web)",
    "        55a1c0b4 accept->serve+0xa8 (/srv/bin/web)",
    "        7f33aa02 [unknown] (/lib/libc.so.6)",
]
check.case(
    fold_perf,
    [*sample_lines, "", *sample_lines],
    pid=True,
    want={"web_worker-4711;[libc.so.6];accept;serve;parse(char const*)": 2},
    shown="fold_perf(the sample above, twice, pid=True)",
    hint="outermost first; the last sample has no blank line after it",
)

# %% [grade] e5.headers points=4 mode=split
# Commands with blanks and digits, pid and tid, optional parts, samples without frames.

# %% [grade] e5.frames points=4 mode=split
# Offsets, unknown symbols, inlined calls, C++ names, the kernel, semicolons.

# %% [grade] e5.events points=3 mode=split
# Several events, the end of a sample, comments, line ends, lines that are neither.

# %% [grade] e5.stream points=2 mode=shared
# A generator of 600 samples, with the peak of memory measured.

# %% [hints] e5
# nudge: Which of the three kinds of line can you tell apart by its first character alone?
#
# idea: Split the work: one generator groups lines into samples, one function turns a frame line into names, and the rest is counting. Let a pattern for the header be anchored at both ends, so that the blanks in the command sort themselves out.
#
# outline: Collect frame lines after a header until a blank line, a header or the end. If the event is the one to count, start the stack with the command and go through the frame lines backwards; for each, strip the offset, handle unknown symbols, split inlined calls, mark the kernel, replace semicolons. Count the joined stack.

# %% [md] perf-run
# The service again, this time from `perf`'s text, through your function:

# %% perf-graph
folded = viz.attempt(lambda: fold_perf(stacks.perf_script(looks[:3000])))
if isinstance(folded, dict):
    viz.show(
        lambda: draw.folded_graph(folded, marked="wait_rows"),
        alt="A flame graph of 3,000 samples from perf's text: web_worker below, main "
        "on it, then poll and serve with its callees; wait_rows stands out in orange.",
    )

# %% [md] tree-title
# ### From indentation to a tree
#
# Many tools print call trees by indentation. A **stack of what is open** turns them back into a tree in one
# pass, just as it did for events: a line that is indented less closes what was deeper.
#
# A level may have any number of blanks, as in Python: a line belongs to the last one above it that is
# indented less, and lines that go back must meet an open column. Depth numbers are the same problem.
#
# Tracers of services write the **id** of each call and of its parent, often in the order in which calls *end*.
# Then make all nodes, link them, and see that each is below a root.

# %% [card] e6 minutes=20 stretch
# Build the tree
#
# Return the list of roots, each node a tuple `(name, children)`, in the order of lines or rows. `build_tree`: skip blank
# lines, strip names; `ValueError` for an indented first line, a line that goes back to a column that is not open, or
# indentation by tabs and blanks. `link_tree`: rows `(id, parent, name)` in any order, parent `None` for a root;
# `ValueError` for an id that comes twice, an unknown parent, a row below no root.

# %% [hand] e6
# **By hand.** Lines `main`, `··load`, `·····read`, `··save` (a dot is a blank): `[("main", [("load", [("read",
# [])]), ("save", [])])]`. With `···save` instead, column 3 is not open: `ValueError`.
#
# Rows `(7, 0, "load")`, `(0, None, "main")`, `(3, 0, "save")`: `[("main", [("load", []), ("save", [])])]`.


# %% [answer] e6
def build_tree(lines: Sequence[str]) -> list[tuple[str, list]]:
    """Return the roots of the tree that the indentation of `lines` describes.

    A node is (name, list of nodes). Raises ValueError for an indented first line,
    a column that is not open, or tabs together with blanks.

    >>> build_tree(["main", "  load", "  save"])
    [('main', [('load', []), ('save', [])])]
    """
    ### BEGIN SOLUTION
    roots: list[tuple[str, list]] = []
    opened: list[tuple[int, list]] = []  # column and children of each open node
    used: set[str] = set()
    for number, line in enumerate(lines, 1):
        name = line.strip()
        if not name:
            continue
        indent = line[: len(line) - len(line.lstrip())]
        used.update(indent)
        if len(used) > 1:
            raise ValueError(f"line {number}: tabs and blanks are mixed")
        column = len(indent)
        meets = column if opened else 0  # a deeper line meets any column, the first 0
        while opened and opened[-1][0] >= column:
            meets, _ = opened.pop()
        if column != meets:
            raise ValueError(f"line {number}: column {column} is not open")
        siblings = opened[-1][1] if opened else roots
        children: list[tuple[str, list]] = []
        siblings.append((name, children))
        opened.append((column, children))
    return roots
    ### END SOLUTION


def link_tree(
    rows: Sequence[tuple[int | str, int | str | None, str]],
) -> list[tuple[str, list]]:
    """Return the roots of the tree of `rows`: (id, id of the parent or None, name).

    Raises ValueError for an id that comes twice, an unknown parent, or a row that is
    below no root.

    >>> link_tree([(7, 0, "load"), (0, None, "main"), (3, 0, "save")])
    [('main', [('load', []), ('save', [])])]
    """
    ### BEGIN SOLUTION
    nodes: dict[int | str, tuple[str, list]] = {}
    for own, _, name in rows:
        if own in nodes:
            raise ValueError(f"{own!r} comes twice")
        nodes[own] = (name, [])
    roots = []
    for own, parent, _ in rows:
        if parent is not None and parent not in nodes:
            raise ValueError(f"{own!r} has an unknown parent, {parent!r}")
        siblings = roots if parent is None else nodes[parent][1]
        siblings.append(nodes[own])
    reached, waiting = 0, list(roots)
    while waiting:
        reached += 1
        waiting += waiting.pop()[1]
    if reached < len(nodes):  # what is left are cycles, and what hangs on them
        raise ValueError(f"{len(nodes) - reached} rows are below no root")
    return roots
    ### END SOLUTION


# %% [look] e6
LINES = ["main", "  load", "     read", "  save", "poll"]
viz.beside(
    viz.attempt(build_tree, LINES),
    [("main", [("load", [("read", [])]), ("save", [])]), ("poll", [])],
    draw.forest,
    titles=("your tree", "expected"),
    alt="Two trees, yours and expected: main with load and save, read below load, and "
    "poll as a second root.",
    height=2.0,
)

# %% [check] e6 points=1
check.case(
    build_tree,
    ["main", "  load", "     read", "  save"],
    want=[("main", [("load", [("read", [])]), ("save", [])])],
)
check.case(
    link_tree,
    [(7, 0, "load"), (0, None, "main"), (3, 0, "save")],
    want=[("main", [("load", []), ("save", [])])],
)

# %% [grade] e6.shape points=3 mode=split
# Random trees, any width of a level, tabs, blank lines, several roots.

# %% [grade] e6.refuse points=2 mode=split
# Columns that are not open, an indented first line, tabs together with blanks.

# %% [grade] e6.links points=2 mode=split
# Rows in any order, ids of any kind, ids twice, unknown parents, cycles.

# %% [hints] e6
# nudge: When a line comes, which of the nodes above can still get children?
#
# idea: Keep the open nodes as a list of column and children. The new line's parent is the last one that stays open. For rows: a dict from id to node, and a second pass.
#
# outline: Close nodes whose column is larger. If any were closed, or the column is equal, the column must be that of an open node: close that one too, it is a sibling. The parent is what is open now, or the list of roots.

# %% [md] validator-title
# ### A stream that may be broken
#
# Events from production arrive one by one, and some are wrong: a worker died before it wrote an end, two clocks
# disagree. A checker that stops at the first fault is useless, and one that remembers everything grows for
# ever. Yours reports, **recovers** and goes on, and holds only the calls that are open.

# %% [md] validator-rules
# | code | what is wrong | what happens next |
# |---|---|---|
# | `"kind"` | the kind is neither start nor end | nothing else is looked at |
# | `"backwards"` | `ts` is below the largest `ts` so far | the event still counts |
# | `"unopened"` | an end, and no call of that name is open | it is ignored |
# | `"unended"` | an end closes an outer call while inner ones are open: one report for each inner call, innermost first | they close, too |
# | `"negative"` | an end has a lower `ts` than its start | the call closes |
#
# One event may have several problems: they come in the order of this table. An end belongs to the
# innermost open call of its name. A problem is a tuple `(code, ts, name)`.

# %% [card] e7 minutes=20 stretch
# Validate a stream
#
# `feed((kind, ts, name))` returns the problems that this event reveals, with its `ts`; the name is the event's,
# for `"unended"` the inner call's. `close()` returns `"unended"` for each open call, innermost first, with the
# largest `ts` so far, and starts afresh. Equal timestamps and recursion are fine. Memory
# may grow with the number of open calls, not with the number of events.

# %% [hand] e7
# **By hand.** start a at 5, start b at 6, end a at 4: `[("backwards", 4, "a"), ("unended", 4, "b"),
# ("negative", 4, "a")]`. Then end b at 7: `[("unopened", 7, "b")]`. `close()`: `[]`.


# %% [answer] e7
class TraceValidator:
    """Checks a stream of (kind, ts, name) events and recovers from what is wrong."""

    def __init__(self) -> None:
        ### BEGIN SOLUTION
        self._latest: int | None = None
        self._opened: list[tuple[str, int]] = []  # name and start, outermost first
        ### END SOLUTION

    def feed(self, event: tuple[str, int, str]) -> list[tuple[str, int, str]]:
        """Return the problems, as (code, ts, name), that this event reveals."""
        ### BEGIN SOLUTION
        kind, ts, name = event
        if kind not in ("start", "end"):
            return [("kind", ts, name)]
        problems = []
        if self._latest is not None and ts < self._latest:
            problems.append(("backwards", ts, name))
        else:
            self._latest = ts
        if kind == "start":
            self._opened.append((name, ts))
        elif all(name != opened for opened, _ in self._opened):
            problems.append(("unopened", ts, name))
        else:
            inner, start = self._opened.pop()
            while inner != name:
                problems.append(("unended", ts, inner))
                inner, start = self._opened.pop()
            if ts < start:
                problems.append(("negative", ts, name))
        return problems
        ### END SOLUTION

    def close(self) -> list[tuple[str, int, str]]:
        """Return a problem for each call that never ended, and start afresh."""
        ### BEGIN SOLUTION
        problems = [("unended", self._latest, name) for name, _ in self._opened[::-1]]
        self.__init__()
        return problems
        ### END SOLUTION


# %% [look] e7
BROKEN = [
    *[("start", 5, "a"), ("start", 6, "b"), ("end", 4, "a"), ("end", 7, "b")],
    *[("stop", 8, "c"), ("start", 8, "c"), ("start", 8, "c")],
]


def reported(events: Sequence[tuple]) -> list[tuple[str, list]]:
    validator = TraceValidator()
    rows = [(" ".join(map(str, event)), validator.feed(event)) for event in events]
    return [*rows, ("close", validator.close())]


viz.beside(
    viz.attempt(reported, BROKEN),
    [
        *[("start 5 a", []), ("start 6 b", [])],
        (
            "end 4 a",
            [("backwards", 4, "a"), ("unended", 4, "b"), ("negative", 4, "a")],
        ),
        *[("end 7 b", [("unopened", 7, "b")]), ("stop 8 c", [("kind", 8, "c")])],
        *[("start 8 c", []), ("start 8 c", [])],
        ("close", [("unended", 8, "c"), ("unended", 8, "c")]),
    ],
    draw.reports,
    titles=("your reports", "expected"),
    alt="Seven events and the closing, each with the problems reported, yours and "
    "expected: three at end a, one at end b, one at stop c, two when closing.",
)

# %% [check] e7 points=1
validator = check.call(TraceValidator)
for opening in (("start", 5, "a"), ("start", 6, "b")):
    check.case(validator.feed, opening, want=[])
check.case(
    validator.feed,
    ("end", 4, "a"),
    want=[("backwards", 4, "a"), ("unended", 4, "b"), ("negative", 4, "a")],
    hint="see 'By hand'",
)
check.case(validator.close, want=[])

# %% [grade] e7.faults points=4 mode=split
# Each code alone; correct streams with equal timestamps and recursion.

# %% [grade] e7.recovers points=3 mode=split
# Random streams with several faults, event by event; closing and starting afresh.

# %% [grade] e7.memory points=2 mode=shared
# 2,500 calls, each of another name: memory stays flat.

# %% [hints] e7
# nudge: Which two things must you remember between events, and nothing else?
#
# idea: The largest time so far and the list of open calls with their starts. Each row of the table is one condition on these two and the event.
#
# outline: Refuse unknown kinds first. Compare the time, then remember the larger one. A start opens. An end with no open call of its name is unopened. Otherwise close calls from the innermost on, reporting each that has another name, until yours is closed; compare its start with the end.

# %% [essay] e8 points=10 rubric=profiling minutes=10 stretch
# Would you bet on this profile?
#
# In at most 150 words, to a colleague: a service's CPU profile, 500 samples at 100 a second, shows `encode` at
# 4 % and after a change at 3 %. They want to announce "a quarter faster". Say with a number whether the data
# support it and how many samples would; name two ways in which this profile can be wrong that more samples
# do not cure; say what it cannot tell about a request that *waits*; and how you would profile a program
# of many threads without mixing their stacks.

# %% [rubric] profiling
# **A strong answer contains**
#
# * the standard error: sqrt(0.04·0.96/500) ≈ 0.9 points for each run, about 1.2 for the difference, so 1 point is within the noise; to get the difference to two standard errors of about 0.5 needs roughly 2,700 samples a run, ten thousand to be comfortable
# * two of: sampling in step with periodic work, safepoint bias, missing or inlined frames, short calls under the resolution, overhead of the profiler itself, load that differs between the runs
# * a CPU profile counts only time on a processor; waiting needs wall-clock or off-CPU samples, and a tail latency needs the slow requests apart, not an average
# * one stack per thread id, events kept per thread, merged only as folded counts
#
# **Red flags**: "500 samples are plenty" without a number; confuses self with total; more samples as the cure for bias; one stack for all threads.
#
# **Levels**
#
# * 0–2: takes 4 % and 3 % at face value
# * 3–5: says that it is noisy, without a number, and names one bias
# * 6–8: a right standard error, two biases, wall against CPU
# * 9–10: all of it, brief, with the number of samples needed and how to compare like with like

# %% [md] aloud
# ## Say it out loud
#
# Rehearse in 90 seconds, standing up: "Two neighbouring samples share the longest common prefix, because a call
# cannot change its caller. What lies beyond it in the old stack ends, deepest first; what lies beyond it in the
# new one starts, outermost first. That is linear in the frames, and holds one stack. Equal timestamps are
# fine, time that goes back is an error. Self time goes to the innermost open call; total counts
# the outermost frame of a name, so recursion counts once. The error of a share falls with the root of the number of
# samples, unless the sampler is in step with the program." Then say what you would test first.

# %% [md] follow
# ## Follow-ups
#
# 1. Self against total: which function do you optimise first?
# 2. The profiler samples wall-clock time, then CPU time. Which functions change places?
# 3. Samples of many threads arrive in one stream. What is the key of your state, and what ends a thread's calls?
# 4. Samples may arrive up to 50 ms late. What do you hold back, for how long, and what about a later one?
# 5. Compare two profiles of different length: what do you normalise and colour?
# 6. One request in a thousand is slow. Why does the average profile not show it, and what would?
# 7. The runtime can be sampled at safepoints only. How would you find out from the profile alone?

# %% [md] deeper
# ## Go deeper
#
# * B. Gregg, *The Flame Graph*, Communications of the ACM, 2016: the picture and the folded format
# * T. Mytkowicz, A. Diwan, M. Hauswirth, P. Sweeney, *Evaluating the Accuracy of Java Profilers*, PLDI 2010: four profilers that disagree, and why
# * S. Graham, P. Kessler, M. McKusick, *gprof: a Call Graph Execution Profiler*, SIGPLAN 1982: self, total and cycles

# %% [review]
# ## Review cards
#
# Q: Two samples: `a;b;c`, then `a;x;c`. Which calls end and start?
# A: c and b end, x and c start. Only the common prefix `a` goes on: a call cannot change its caller.
#
# Q: In which order do ends and starts come at one time?
# A: Ends first, deepest first; then starts, outermost first. Otherwise the events do not nest.
#
# Q: What is the total time of a recursive function?
# A: The time during which at least one of its frames is open; the outermost frame's length. Adding all frames counts time twice.
#
# Q: Who gets the time between two events?
# A: The innermost open call, as self time; nobody if none is open.
#
# Q: How does the error of a function's share depend on the number of samples?
# A: It is about sqrt(p(1 − p)/N): a hundred times the samples for a tenth of the error.
#
# Q: Which error of a profile do more samples not cure?
# A: Bias: a sampler in step with periodic work, safepoints, frames that are missing.
#
# Q: `1:start:2`, `1:end:5`: how long did it run?
# A: Three ticks if ends are half-open, four if they are inclusive. Ask, and write it into the docstring.
