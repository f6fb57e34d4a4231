"""Hidden tests of notebook 4 of week 1, one block for each graded cell."""

# %% [grade] e1.prefix
rng = check.rng()


def shared(one, other) -> int:
    return sum(one[: d + 1] == other[: d + 1] for d in range(min(len(one), len(other))))


for _ in range(150):
    one, other = (
        tuple(rng.choice(list("ab"), rng.integers(0, 6)).tolist()) for _ in range(2)
    )
    check.case(
        common_prefix,
        one,
        other,
        want=shared(one, other),
        hint="count equal frames from the outermost, and stop at the first difference",
    )


def expected(samples) -> list:
    """Every call by its whole path: it lasts while that very path is a prefix."""
    found = []
    for i, (ts, stack) in enumerate(samples):
        before = samples[i - 1][1] if i else ()
        for d in range(len(before)):
            if stack[: d + 1] != before[: d + 1]:
                found.append(("end", ts, before[d], d))
        for d in range(len(stack)):
            if stack[: d + 1] != before[: d + 1]:
                found.append(("start", ts, stack[d], d))
    return sorted(found)


same = "frames beyond the common prefix end and start, whatever their names and places"
for trial in range(300):
    letters = list("ab" if trial % 2 else "abc")
    samples, ts = [], 0
    for _ in range(int(rng.integers(1, 1 + trial // 10 + 2))):
        ts += int(rng.integers(1, 9))
        stack = tuple(rng.choice(letters, rng.integers(0, 5)).tolist())
        if samples and rng.random() < 0.4:  # often the same stack, or part of it
            old = samples[-1][1]
            stack = old[: rng.integers(0, len(old) + 1)] + stack[:1]
            stack = old if rng.random() < 0.4 else stack
        samples.append((ts, stack))
    samples.append((ts + 1, ()))
    shown = f"samples_to_events({samples}), events sorted"
    shown = shown if len(shown) < 240 else f"samples_to_events({len(samples)} samples)"
    got = check.call(samples_to_events, samples, shown=shown, hint=same)
    check.equal(sorted(got), expected(samples), shown=shown, hint=same)

# %% [grade] e1.order
import numpy as np

cases = {
    "ends come deepest first": (
        [(0, ("a", "b", "c")), (1, ())],
        [("end", 1, "c", 2), ("end", 1, "b", 1), ("end", 1, "a", 0)],
    ),
    "starts come outermost first": (
        [(0, ("a",)), (1, ("a", "b", "c", "d"))],
        [("start", 1, "b", 1), ("start", 1, "c", 2), ("start", 1, "d", 3)],
    ),
    "at one time, ends come before starts": (
        [(0, ("a", "b")), (1, ("a", "c"))],
        [("end", 1, "b", 1), ("start", 1, "c", 1)],
    ),
}
for hint, (samples, want) in cases.items():
    shown = f"samples_to_events({samples}), its events at 1"
    got = check.call(samples_to_events, samples, shown=shown, hint=hint)
    check.equal(
        [tuple(one) for one in got if one[1] == 1], want, shown=shown, hint=hint
    )

rng = check.rng()
nest = "an end must belong to the innermost open call, a start stands on the open ones"
for _ in range(100):
    samples = [
        (int(at), tuple(rng.choice(list("ab"), rng.integers(0, 5)).tolist()))
        for at in np.cumsum(rng.integers(0, 3, 12))
    ]
    shown = f"samples_to_events({len(samples)} samples, finalize={samples[-1][0]})"
    got = check.call(
        samples_to_events, samples, finalize=samples[-1][0], shown=shown, hint=nest
    )
    opened = []
    for number, (kind, ts, name, depth) in enumerate(got):
        if kind == "start":
            opened.append(name)
        check.true(
            len(opened) == depth + 1 and opened[-1] == name,
            shown=shown,
            said=f"event {number} {(kind, ts, name, depth)} meets open calls {opened}",
            hint=nest,
        )
        if kind == "end":
            opened.pop()
    check.equal(opened, [], shown=shown + ": still open", hint=nest)

# %% [grade] e1.finish
stay = "with finalize=None, calls of the last sample stay open: no end for them"
close = "a number for finalize ends the open calls at that time, deepest first"
empty = "an empty stack ends what runs; it is a sample like any other"
rows = [
    ([], None, [], "no samples, no events"),
    ([], 5, [], "no samples, no events"),
    ([(3, ())], None, [], empty),
    ([(3, ()), (4, ())], 9, [], empty),
    ([(1, ("a",))], None, [("start", 1, "a", 0)], stay),
    ([(1, ("a",)), (2, ("a",))], None, [("start", 1, "a", 0)], stay),
    ([(1, ("a",))], 7, [("start", 1, "a", 0), ("end", 7, "a", 0)], close),
    ([(1, ("a",))], 1, [("start", 1, "a", 0), ("end", 1, "a", 0)], close),
    (
        [(-5, ("a", "b"))],
        0,
        [
            *[("start", -5, "a", 0), ("start", -5, "b", 1)],
            *[("end", 0, "b", 1), ("end", 0, "a", 0)],
        ],
        "0 is a time, too: test finalize with `is not None`",
    ),
    (
        [(0, ("a",)), (4, ()), (9, ("a",))],
        None,
        [("start", 0, "a", 0), ("end", 4, "a", 0), ("start", 9, "a", 0)],
        empty,
    ),
    ([(1, ("a",)), (2, ())], 5, [("start", 1, "a", 0), ("end", 2, "a", 0)], empty),
]
for samples, finalize, want, hint in rows:
    check.case(samples_to_events, samples, finalize=finalize, want=want, hint=hint)
back = "finalize may not lie before the last sample: raise ValueError"
for samples in ([(1, ("a",)), (5, ("a",))], [(5, ())]):
    check.raises(samples_to_events, ValueError, samples, finalize=4, hint=back)

# %% [grade] e1.time
coarse = "equal timestamps are fine: compare with <, not with <="
check.case(
    samples_to_events,
    [(1, ("a",)), (1, ("b",)), (1, ())],
    want=[
        *[("start", 1, "a", 0), ("end", 1, "a", 0)],
        *[("start", 1, "b", 0), ("end", 1, "b", 0)],
    ],
    hint=coarse,
)
check.case(
    samples_to_events,
    [(0.25, ("a",)), (0.5, ())],
    want=[("start", 0.25, "a", 0), ("end", 0.5, "a", 0)],
    hint="hand the timestamps on as they are",
)
now = 1_760_000_000_123_456_789
check.case(
    samples_to_events,
    [(now, ("a",)), (now + 1, ())],
    want=[("start", now, "a", 0), ("end", now + 1, "a", 0)],
    hint="hand the timestamps on as they are, without float",
)
back = "time that goes back is broken input: raise ValueError"
for times in ((1, 0), (0, 5, 4), (0, 5, 1), (-1, -2)):
    for deep in ((), ("a",)):
        check.raises(
            samples_to_events, ValueError, [(ts, deep) for ts in times], hint=back
        )

# %% [grade] e1.linear
import gc
import time

import numpy as np

rng = check.rng()
letters = np.array(list("abcdef"))


def walk(n: int) -> list:
    """A random walk: each stack keeps a random part of the one before."""
    samples, stack = [], ()
    keep, add = rng.random(n), letters[rng.integers(0, 6, n)].tolist()
    for ts in range(n):
        stack = (*stack[: int(keep[ts] * 12)], add[ts])
        samples.append((ts, stack))
    return samples


def cost(samples: list) -> float:
    gc.collect()
    gc.disable()
    try:
        before = time.thread_time()
        got = check.call(samples_to_events, samples, shown=f"{len(samples):,} samples")
        spent = time.thread_time() - before
    finally:
        gc.enable()
    check.true(len(got) > len(samples), shown="the events", said="too few events")
    return spent


few, many = walk(2000), walk(16_000)
check.at_most(
    lambda: cost(many) / cost(few),
    24,
    "times the work for 8 times the samples",
    shown="samples_to_events(16,000 samples)",
    hint="append to one list; building a new list for each sample costs its length",
)


# %% [grade] e2.ticks
def story(rng, size: int, names) -> list:
    """A random run: calls start and end, time passes or does not; all end."""
    events, opened, ts = [], [], int(rng.integers(0, 4))
    while len(events) < size or opened:
        ts += int(rng.integers(0, 4))
        if len(events) < size and len(opened) < 5 and rng.random() < 0.55:
            opened.append(names(rng, len(opened)))
            events.append(("start", ts, opened[-1], len(opened) - 1))
        elif opened:
            events.append(("end", ts, opened.pop(), len(opened)))
    return events


def by_ticks(events) -> dict:
    """Replay the events; look at the stack in every single tick."""
    own, total, calls, stack = {}, {}, {}, []
    nexts = [ts for _, ts, _, _ in events[1:] + events[-1:]]
    for (kind, ts, name, _), after in zip(events, nexts, strict=True):
        if kind == "start":
            stack.append(name)
            calls[name] = calls.get(name, 0) + 1
        else:
            stack.pop()
        for _ in range(ts, after):
            for one in stack[-1:]:
                own[one] = own.get(one, 0) + 1
            for one in set(stack):
                total[one] = total.get(one, 0) + 1
    return {name: (own.get(name, 0), total.get(name, 0), calls[name]) for name in calls}


rng = check.rng()
law = "between two events, the time is self time of the innermost open call"
for trial in range(150):
    run = story(rng, trial // 6, lambda rng, depth: f"{'fgh'[rng.integers(3)]}{depth}")
    shown = f"profile({run})" if len(run) < 5 else f"profile({len(run)} events)"
    check.case(profile, run, want=by_ticks(run), shown=shown, hint=law)
run = story(rng, 30, lambda rng, depth: f"f{depth}")
check.case(
    profile,
    iter(run),
    want=by_ticks(run),
    shown="profile(an iterator of events)",
    hint="go through the events once: an iterator has no second pass",
)
check.case(profile, [], want={})


# %% [grade] e2.recursion
def spelled(text: str) -> list:
    """'f f) f)' as events, one tick apart; a name starts, a name with ) ends."""
    events, depth = [], 0
    for ts, word in enumerate(text.split()):
        depth -= word.endswith(")")
        kind = "end" if word.endswith(")") else "start"
        events.append((kind, ts, word.rstrip(")"), depth))
        depth += not word.endswith(")")
    return events


once = "while a name is on the stack twice, its total runs once: outermost frame only"
for text, want in {
    "f f f) f)": {"f": (3, 3, 2)},
    "f f f f) f) f)": {"f": (5, 5, 3)},
    "f g f f) g) f)": {"f": (3, 5, 2), "g": (2, 3, 1)},
    "f f) f f)": {"f": (2, 2, 2)},
    "m f f f) f) f f) m)": {"m": (3, 7, 1), "f": (4, 4, 3)},
}.items():
    check.case(
        profile, spelled(text), want=want, shown=f"profile of '{text}'", hint=once
    )


def story(rng, size: int) -> list:
    events, opened, ts = [], [], 0
    while len(events) < size or opened:
        ts += int(rng.integers(0, 4))
        if len(events) < size and len(opened) < 6 and rng.random() < 0.6:
            opened.append("fg"[rng.integers(2)])
            events.append(("start", ts, opened[-1], len(opened) - 1))
        elif opened:
            events.append(("end", ts, opened.pop(), len(opened)))
    return events


def by_ticks(events) -> dict:
    found = {name: [0, 0, 0] for kind, _, name, _ in events if kind == "start"}
    for tick in range(events[-1][1] if events else 0):
        stack = []
        for kind, ts, name, _ in events:
            if ts <= tick:
                stack.append(name) if kind == "start" else stack.pop()
        for name in set(stack):
            found[name][0] += stack[-1] == name
            found[name][1] += 1
    for kind, _, name, _ in events:
        found[name][2] += kind == "start"
    return {name: tuple(numbers) for name, numbers in found.items()}


rng = check.rng()
for trial in range(100):
    run = story(rng, trial // 5)
    shown = f"profile({run})" if len(run) < 5 else f"profile({len(run)} events)"
    check.case(profile, run, want=by_ticks(run), shown=shown, hint=once)

# %% [grade] e2.exact
gap = "between two outermost calls nothing runs: that time belongs to nobody"
check.case(
    profile,
    [
        *[("start", 10, "f", 0), ("end", 12, "f", 0)],
        *[("start", 50, "g", 0), ("end", 51, "g", 0)],
        *[("start", 90, "f", 0), ("end", 93, "f", 0)],
    ],
    want={"f": (5, 5, 2), "g": (1, 1, 1)},
    hint=gap,
)
check.case(
    profile,
    [
        *[("start", 4, "f", 0), ("start", 4, "g", 1)],
        *[("end", 4, "g", 1), ("end", 4, "f", 0)],
    ],
    want={"f": (0, 0, 1), "g": (0, 0, 1)},
    hint="a call of no length is a call: it is listed, with zeros",
)
check.case(
    profile,
    [
        ("start", -3, "f", 0),
        ("end", 0, "f", 0),
        ("start", 0, "f", 0),
        ("end", 2, "f", 0),
    ],
    want={"f": (5, 5, 2)},
    hint="0 is a time like any other",
)
rng = check.rng()
for _ in range(20):
    start = 1_760_000_000_000_000_000 + int(rng.integers(1, 10**9))
    a, b, c = (int(n) for n in rng.integers(1, 300, 3))
    long = int(rng.integers(10**14, 10**15))
    check.equal(
        check.within(
            profile,
            [
                *[("start", start, "f", 0), ("start", start + a, "g", 1)],
                *[("end", start + a + b, "g", 1), ("end", start + a + b + c, "f", 0)],
                *[("start", start + 10**4, "h", 0), ("end", start + long, "h", 0)],
            ],
            seconds=1,
            shown="profile(times since 1970, spans of days)",
            hint="subtract times, never count up to them",
        ),
        {
            "f": (a + c, a + b + c, 1),
            "g": (b, b, 1),
            "h": (long - 10**4, long - 10**4, 1),
        },
        shown="profile(times since 1970, spans of days)",
        hint="whole numbers only: no float, no division",
    )

# %% [grade] e2.refuse
cases = {
    "an end that nothing is open for": [("end", 1, "f", 0)],
    "a second end": [("start", 0, "f", 0), ("end", 1, "f", 0), ("end", 2, "f", 0)],
    "an end of a call that is not innermost": [
        *[("start", 0, "f", 0), ("start", 1, "g", 1)],
        *[("end", 2, "f", 0), ("end", 3, "g", 1)],
    ],
    "a call that never ends": [("start", 0, "f", 0)],
    "a caller that never ends": [
        *[("start", 0, "f", 0), ("start", 1, "g", 1), ("end", 2, "g", 1)]
    ],
    "time that goes back at an end": [("start", 5, "f", 0), ("end", 4, "f", 0)],
    "time that goes back between calls": [
        *[("start", 5, "f", 0), ("end", 6, "f", 0)],
        *[("start", 2, "g", 0), ("end", 9, "g", 0)],
    ],
}
for what, events in cases.items():
    check.raises(
        profile,
        ValueError,
        events,
        shown=f"profile({what}: {events})",
        hint="raise ValueError: a wrong profile is worse than none",
    )


# %% [grade] e3.runs
def expected(samples, n: int, finalize) -> list:
    """Find each call by its path; look ahead for its end; sort by what nests."""
    found = []
    for i, (ts, stack) in enumerate(samples):
        for d in range(len(stack)):
            path = stack[: d + 1]
            if i and samples[i - 1][1][: d + 1] == path:
                continue
            j = i
            while j < len(samples) and samples[j][1][: d + 1] == path:
                j += 1
            if j - i < n:
                continue
            found.append((i, 1, d, ("start", ts, stack[d], d)))
            end = samples[j][0] if j < len(samples) else finalize
            if end is not None:
                found.append((j, 0, -d, ("end", end, stack[d], d)))
    return [event for *_, event in sorted(found)]


rng = check.rng()
hint = (
    "a call is its whole path: at least n samples in a row must share that prefix, and "
    "its start carries the time of the first of them"
)
for trial in range(320):
    letters, samples, stack, ts = list("ab" if trial % 2 else "abc"), [], (), 0
    for _ in range(int(rng.integers(0, 2 + trial // 12))):
        ts += int(rng.integers(1, 4))
        if rng.random() < 0.5:  # keep a part, and put others on it
            added = tuple(rng.choice(letters, rng.integers(0, 4)).tolist())
            stack = (stack[: rng.integers(0, len(stack) + 1)] + added)[:5]
        elif stack and rng.random() < 0.3:  # another caller below the same names
            at = int(rng.integers(0, len(stack)))
            stack = (*stack[:at], str(rng.choice(letters)), *stack[at + 1 :])
        samples.append((ts, stack))
    n, finalize = int(rng.integers(1, 5)), None if rng.random() < 0.5 else ts + 5
    shown = f"stable_events({samples}, {n}, stamp='first', {finalize=})"
    if len(shown) > 240:
        shown = f"stable_events({len(samples)} samples, {n}, stamp='first')"
    check.case(
        stable_events,
        samples,
        n,
        stamp="first",
        finalize=finalize,
        want=expected(samples, n, finalize),
        shown=shown,
        hint=hint,
    )


# %% [grade] e3.nth
def expected(samples, n: int, finalize) -> list:
    """Walk through the samples as a live view would: which paths are n looks old?"""
    events, before = [], []
    for i, (ts, stack) in [*enumerate(samples), (len(samples), (finalize, ()))]:
        if ts is None:
            break
        old = samples[i - n + 1 : i + 1] if i + 1 >= n and i < len(samples) else []
        now = [
            stack[: d + 1]
            for d in range(len(stack))
            if old and all(one[: d + 1] == stack[: d + 1] for _, one in old)
        ]
        # A path that was shown and is still there was never broken in between.
        for path in reversed(before):
            if path not in now:
                events.append(("end", ts, path[-1], len(path) - 1))
        for path in now:
            if path not in before:
                events.append(("start", ts, path[-1], len(path) - 1))
        before = now
    return events


rng = check.rng()
hint = (
    "with stamp='nth', a start carries the time of the n-th look, its end is the same"
)
for trial in range(240):
    letters, samples, stack, ts = list("ab" if trial % 2 else "abc"), [], (), 0
    for _ in range(int(rng.integers(0, 2 + trial // 9))):
        ts += int(rng.integers(1, 4))
        if rng.random() < 0.5:
            added = tuple(rng.choice(letters, rng.integers(0, 4)).tolist())
            stack = (stack[: rng.integers(0, len(stack) + 1)] + added)[:5]
        samples.append((ts, stack))
    n, finalize = int(rng.integers(1, 5)), None if rng.random() < 0.5 else ts + 5
    shown = f"stable_events({samples}, {n}, stamp='nth', {finalize=})"
    if len(shown) > 240:
        shown = f"stable_events({len(samples)} samples, {n}, stamp='nth')"
    check.case(
        stable_events,
        samples,
        n,
        stamp="nth",
        finalize=finalize,
        want=expected(samples, n, finalize),
        shown=shown,
        hint=hint,
    )

# %% [grade] e3.edges
two = [(0, ("a", "b")), (5, ("a",))]
for stamp in ("first", "nth"):
    check.case(
        stable_events,
        two,
        1,
        stamp=stamp,
        want=[("start", 0, "a", 0), ("start", 0, "b", 1), ("end", 5, "b", 1)],
        hint="n = 1 keeps every call, as exercise 1 does",
    )
    check.case(stable_events, [], 3, stamp=stamp, finalize=4, want=[])
    check.case(stable_events, two, 3, stamp=stamp, finalize=9, want=[])
    check.case(
        stable_events,
        [(0, ()), (5, ("a",)), (5, ("a",))],
        2,
        stamp=stamp,
        want=[("start", 5, "a", 0)],
        hint="a run that reaches the last sample counts its looks like any other",
    )
    check.case(
        stable_events,
        [(0, ("a",)), (0, ("a", "b")), (1, ("a", "b"))],
        2,
        stamp=stamp,
        finalize=1,
        want=[
            ("start", 0, "a", 0),
            ("start", 0 if stamp == "first" else 1, "b", 1),
            *[("end", 1, "b", 1), ("end", 1, "a", 0)],
        ],
        hint="samples count, not timestamps",
    )
    refuse = "raise ValueError"
    for n in (0, -1):
        check.raises(stable_events, ValueError, two, n, stamp=stamp, hint=refuse)
    check.raises(
        stable_events, ValueError, [(1, ()), (0, ())], 2, stamp=stamp, hint=refuse
    )
    check.raises(
        stable_events, ValueError, two, 2, stamp=stamp, finalize=4, hint=refuse
    )
for stamp in ("last", "", "First"):
    check.raises(stable_events, ValueError, two, 1, stamp=stamp, hint=refuse)


# %% [grade] e4.inclusive
def story(rng, n: int, size: int) -> list:
    """Random calls as (number, first tick, last tick, depth): no tick is shared."""
    lines, opened, tick = [], [], int(rng.integers(0, 3))
    while len(lines) < size or opened:
        if len(lines) < size and len(opened) < 5 and rng.random() < 0.55:
            opened.append(int(rng.integers(n)))
            lines.append(f"{opened[-1]}:start:{tick}")
            tick += int(rng.integers(0, 3))
        else:
            if opened:  # it ends with a tick of its own
                lines.append(f"{opened.pop()}:end:{tick}")
                tick += 1
            tick += int(rng.integers(0, 3))
    return lines


def by_ticks(n: int, lines) -> list:
    """In every tick, find the innermost call that covers it."""
    times, spans, stack = [0] * n, [], []
    for line in lines:
        number, kind, ts = line.split(":")
        if kind == "start":
            stack.append((int(number), int(ts), len(stack)))
        else:
            spans.append((*stack.pop(), int(ts)))
    for tick in range(max((end for *_, end in spans), default=-1) + 1):
        over = [(d, f) for f, start, d, end in spans if start <= tick <= end]
        if over:
            times[max(over)[1]] += 1
    return times


rng = check.rng()
more = "an inclusive end uses its tick: it happens when the next tick begins"
for trial in range(120):
    n = int(rng.integers(1, 4))
    lines = story(rng, n, trial // 6)
    shown = f"exclusive_times({n}, {lines}, end='inclusive')"
    shown = shown if len(shown) < 240 else f"exclusive_times({n}, {len(lines)} lines)"
    check.case(
        exclusive_times,
        n,
        lines,
        end="inclusive",
        want=by_ticks(n, lines),
        shown=shown,
        hint=more,
    )
check.case(
    exclusive_times,
    1,
    ["0:start:3", "0:end:3"],
    end="inclusive",
    want=[1],
    hint=more,
)


# %% [grade] e4.half_open
def story(rng, n: int, size: int) -> list:
    lines, opened, ts = [], [], int(rng.integers(0, 3))
    while len(lines) < size or opened:
        ts += int(rng.integers(0, 4))
        if len(lines) < size and len(opened) < 5 and rng.random() < 0.55:
            opened.append(int(rng.integers(n)))
            lines.append(f"{opened[-1]}:start:{ts}")
        elif opened:
            lines.append(f"{opened.pop()}:end:{ts}")
    return lines


def by_children(n: int, lines) -> list:
    """Each call's length less the lengths of the calls directly inside it."""
    times, stack = [0] * n, []
    for line in lines:
        number, kind, ts = line.split(":")
        if kind == "start":
            stack.append([int(ts), 0])
        else:
            start, inside = stack.pop()
            times[int(number)] += int(ts) - start - inside
            if stack:
                stack[-1][1] += int(ts) - start
    return times


rng = check.rng()
for trial in range(150):
    n = int(rng.integers(1, 4))
    lines = story(rng, n, trial // 6)
    shown = f"exclusive_times({n}, {lines}, end='half_open')"
    shown = shown if len(shown) < 240 else f"exclusive_times({n}, {len(lines)} lines)"
    check.case(
        exclusive_times,
        n,
        lines,
        end="half_open",
        want=by_children(n, lines),
        shown=shown,
        hint="length is end - start; the innermost open call owns the time",
    )

# %% [grade] e4.scale
rng = check.rng()
for end, more in (("inclusive", 1), ("half_open", 0)):
    a, b, c = sorted(int(n) for n in rng.integers(10**14, 10**15, 3))
    lines = [f"11:start:{a}", f"2:start:{b}", f"2:end:{c}", f"11:end:{c + 10}"]
    want = [0] * 12
    want[2] = c - b + more
    want[11] = c + 10 - a + more - want[2]
    shown = f"exclusive_times(12, {lines}, end={end!r})"
    hint = "subtract times, never count up to them; unused numbers stay 0"
    got = check.within(
        exclusive_times, 12, lines, end=end, seconds=1, shown=shown, hint=hint
    )
    check.equal(got, want, shown=shown, hint=hint)
    check.case(exclusive_times, 2, [], end=end, want=[0, 0])
for end in ("exclusive", "half-open", ""):
    for lines in ([], ["0:start:0", "0:end:1"]):
        check.raises(exclusive_times, ValueError, 1, lines, end=end)


# %% [grade] e5.headers
def sample(header: str, *frames: str) -> list[str]:
    return [header, *(f"\t    7f1{frame}" for frame in frames), ""]


read = " read+0x1f (/bin/app)"
rows = {
    "java 12688 [002] 6544038.708352: 235 cpu-clock: ": ("java", "12688"),
    "java 12688/12690 [002] 6544038.708352: 235 cpu-clock:": ("java", "12688"),
    "java 12688/12690  0.5: cycles:": ("java", "12688"),
    "java     7 [000]     1.000001:          1 cycles:ppp:": ("java", "7"),
    "Web Content 310 [001] 12.5: 1 cycles:u:": ("Web_Content", "310"),
    "pool 2 worker 4711/4712 [001] 12.5: 1 cycles:": ("pool_2_worker", "4711"),
    "a  b 9/10 [001] 12.5: 1 cycles:": ("a__b", "9"),
    "kworker/u8:3-ev 88 [003] 12.5: 1 cycles:": ("kworker/u8:3-ev", "88"),
    "x;y 5 1.5: 100 cycles:": ("x:y", "5"),
    "[celery] 15/16 [011] 12.5: 1 cycles:": ("[celery]", "15"),
    ":1234 1234 [011] 12.5: 1 cycles:": (":1234", "1234"),
}
for header, (command, pid) in rows.items():
    for with_pid in (False, True):
        name = f"{command}-{pid}" if with_pid else command
        check.case(
            fold_perf,
            sample(header, read),
            pid=with_pid,
            want={f"{name};read": 1},
            shown=f"fold_perf({header!r} and a frame, pid={with_pid})",
            hint="the pid is the last number before the optional [cpu] and the time",
        )
check.case(
    fold_perf,
    sample("idle 0 [000] 1.5: 1 cycles:") + sample("idle 0 [000] 1.6: 1 cycles:", read),
    want={"idle": 1, "idle;read": 1},
    hint="a sample without frames counts as its command",
)

# %% [grade] e5.frames
rows = {
    "read (/bin/app)": (["read"], "no offset, no change"),
    "read+0x1f (/bin/app)": (["read"], "drop the final +0x1f"),
    "a+0x1f+0xab (/bin/app)": (["a+0x1f"], "drop the final offset only"),
    "op+0xzz (/bin/app)": (["op+0xzz"], "an offset has hexadecimal digits only"),
    "f(int, char const*)+0x9 (/x/y.so)": (["f(int, char const*)"], "keep arguments"),
    "(anonymous namespace)::f()+0x9 (/x/y.so)": (
        ["(anonymous namespace)::f()"],
        "the module is in the last brackets, the symbol is all before",
    ),
    "[unknown] (/usr/lib/libc-2.31.so)": (
        ["[libc-2.31.so]"],
        "file name of the module",
    ),
    "[unknown] (libc.so)": (["[libc.so]"], "file name of the module"),
    "[unknown] ([unknown])": (["[unknown]"], "an unknown module: [unknown]"),
    "[unknown] ([vdso])": (["[vdso]"], "one pair of brackets is enough"),
    "a->b+0x3 (/bin/app)": (["a", "b"], "a->b is two frames, the caller first"),
    "a->b->c (/bin/app)": (["a", "b", "c"], "each -> adds a frame"),
    "P::operator->() const+0x1 (/bin/app)": (
        ["P::operator->() const"],
        "operator-> is a name: do not split it",
    ),
    "f->P::operator->()->g+0x1 (/bin/app)": (
        ["f", "P::operator->()", "g"],
        "operator-> is a name: split at the other arrows",
    ),
    "Lfoo;::bar+0x2 (/bin/app)": (["Lfoo:::bar"], "a semicolon would cut the line"),
    "[x;y] (/bin/app)": (["[x:y]"], "a semicolon would cut the line"),
}
for frame, (names, hint) in rows.items():
    lines = ["app 1 [000] 1.5: 1 cycles:", f"\tffff00a1 {frame}", " 1 main (/m)"]
    check.case(
        fold_perf,
        [*lines, ""],
        want={";".join(["app", "main", *names]): 1},
        shown=f"fold_perf(main called {frame!r})",
        hint=hint,
    )
lines = [
    "app 1 [000] 1.5: 1 cycles:",
    "    ffffffff do_idle+0xe ([kernel.kallsyms])",
    "    ffffffff a->b+0xe ([kernel.kallsyms])",
    "    ffffffff [unknown] ([kernel.kallsyms])",
    "        7f01 read+0xe (/lib/libc.so)",
    "        7f01 main+0xe ([kernel.fake])",
]
for kernel in (False, True):
    k = "_[k]" if kernel else ""
    stack = f"app;main;read;[kernel.kallsyms]{k};a{k};b{k};do_idle{k}"
    check.case(
        fold_perf,
        lines,
        kernel=kernel,
        want={stack: 1},
        shown=f"fold_perf(a stack that ends in the kernel, kernel={kernel})",
        hint="kernel=True puts _[k] behind each name of the module [kernel.kallsyms]",
    )

# %% [grade] e5.events
rng = check.rng()


def sample(event: str, name: str) -> list[str]:
    header = f"app 1/2 [000] 1.5: {rng.integers(1, 999)} {event}:"
    return [header, f"   a1 {name}+0x4 (/bin/app)", "   a2 main+0x9 (/bin/app)"]


two = "count one event only: the one asked for, or the first one met"
for _ in range(40):
    story = [
        (str(rng.choice(["cycles:u", "cache-misses"])), str(rng.choice(list("fg"))))
        for _ in range(int(rng.integers(1, 9)))
    ]
    lines = [line for event, name in story for line in [*sample(event, name), ""]]
    for wanted in (None, "cycles:u", "cache-misses", "faults"):
        chosen = wanted or story[0][0]
        want = {}
        for event, name in story:
            if event == chosen:
                want[f"app;main;{name}"] = want.get(f"app;main;{name}", 0) + 1
        check.case(
            fold_perf,
            lines,
            event=wanted,
            want=want,
            shown=f"fold_perf(samples of {story}, event={wanted!r})",
            hint=two,
        )

one, other = sample("cycles", "f"), sample("cycles", "g")
want = {"app;main;f": 1, "app;main;g": 1}
for what, lines in {
    "no blank line at the end": [*one, "", *other],
    "a header right after a frame": [*one, *other, ""],
    "many blank lines": ["", "", *one, "", "  ", "", *other, "", ""],
    "comments": ["# ====", *one, "", "# cmdline: perf", "#", *other],
    "line ends": [line + "\n" for line in [*one, "", *other, ""]],
    "line ends of Windows": [line + "\r\n" for line in [*one, "", *other, ""]],
}.items():
    check.case(
        fold_perf,
        lines,
        want=want,
        shown=f"fold_perf(two samples; {what})",
        hint="a blank line, a header or the end of the input ends a sample",
    )
    check.case(
        fold_perf, iter(lines), want=want, shown=f"fold_perf(an iterator; {what})"
    )
check.case(fold_perf, [], want={})
check.case(fold_perf, ["# nothing recorded"], want={})
for what, lines in {
    "a frame without a header": one[1:],
    "a frame after the sample has ended": [*one, "", one[1]],
    "a header without a time": ["app 1 [000] cycles:", *one[1:]],
    "a header without an event": ["app 1 [000] 1.5:", *one[1:]],
    "a line of something else": ["hello", *one],
    "a frame without a module": [one[0], "   a1 f+0x4"],
}.items():
    check.raises(
        fold_perf,
        ValueError,
        lines,
        shown=f"fold_perf({what})",
        hint="what is neither header nor frame is an error, not a stack",
    )

# %% [grade] e5.stream
import tracemalloc


def many(n: int):
    for number in range(n):
        yield f"app 1/2 [000] {number}.5: 1 cycles:"
        for depth in range(8):
            yield f"   a{depth} function_number_{depth}_{number % 3}+0x4 (/bin/app)"
        yield ""


shown = "fold_perf(a generator of 600 samples)"
tracemalloc.start()
try:
    got = check.call(fold_perf, many(600), shown=shown)
    peak = tracemalloc.get_traced_memory()[1]
finally:
    tracemalloc.stop()
check.equal(sum(got.values()), 600, shown=shown + ": sum of the counts")
check.at_most(
    peak,
    120_000,
    "bytes of memory at the peak",
    shown=shown,
    hint="count each sample when it ends, and let its lines go",
)

# %% [grade] e6.shape
rng = check.rng()


def grow(rng, depth: int, size: int) -> list:
    """A random forest of `size` nodes."""
    nodes = []
    while size > 0:
        below = int(rng.integers(0, size)) if depth < 5 else 0
        nodes.append((f"n{rng.integers(4)}", grow(rng, depth + 1, below)))
        size -= 1 + below
    return nodes


def write(rng, nodes, column: int, letter: str, step: int) -> list:
    """The forest as lines; with step 0, each group of siblings has its own width."""
    deeper = column + (step or int(rng.integers(1, 6)))
    lines = []
    for name, children in nodes:
        lines += [letter * column + name, *write(rng, children, deeper, letter, step)]
        deeper = deeper if step else column + int(rng.integers(1, 6))
    return lines


for trial in range(200):
    forest = grow(rng, 0, trial // 10)
    letter, step = ("\t", 1) if trial % 3 == 0 else (" ", (0, 2, 4)[trial % 3])
    lines = write(rng, forest, 0, letter, step)
    shown = f"build_tree({lines})" if len(lines) < 8 else f"{len(lines)} lines"
    check.case(
        build_tree,
        lines,
        want=forest,
        shown=shown,
        hint="the parent is the last line above that is indented less",
    )
plain = [("main", [("read file", []), ("stop", [])]), ("end", [])]
for what, lines in {
    "blank lines": ["", "main", "  ", "  read file", "", "  stop", "end", "   ", ""],
    "line ends": ["main\n", "  read file\n", "  stop\n", "\n", "end\n"],
    "blanks after names": ["main ", "  read file  ", "  stop\t", "end"],
    "tabs in blank lines only": ["main", "\t", "  read file", "  stop", "end"],
}.items():
    shown = f"build_tree({lines}) with {what}"
    check.case(build_tree, lines, want=plain, shown=shown, hint="skip, strip")
chain = check.call(build_tree, [" " * depth + "f" for depth in range(30)])
depth = 0
while chain:
    check.equal([len(chain), chain[0][0]], [1, "f"], shown=f"the chain at {depth}")
    chain, depth = chain[0][1], depth + 1
check.equal(depth, 30, shown="the depth of 30 lines, each one column further")

# %% [grade] e6.refuse
cases = {
    "go back to a column that is not open": [
        ["a", "    b", "  c"],
        ["a", "  b", "      c", "    d"],
        ["a", "  b", "    c", " d"],
        ["a", "    b", "a", "  b", " c"],
        ["a", "  b", "   c", "b", "  x", "     y", "   z"],
    ],
    "indent the first line": [["  a"], ["  a", "b"], ["", " a", " b"], ["\ta"]],
    "use tabs and blanks": [
        ["a", " \tb"],
        ["a", "\t b"],
        ["a", "\tb", " c"],
        ["a", "  b", "\tc"],
        ["a", "  b", "c", "\td"],
        ["a", "\tb", "\t    c"],
    ],
}
for what, texts in cases.items():
    for lines in texts:
        check.raises(
            build_tree,
            ValueError,
            lines,
            shown=f"build_tree({lines})",
            hint=f"these lines {what}: raise ValueError",
        )

# %% [grade] e6.links
rng = check.rng()
twice = "two passes: all nodes first, then the links, by a dict"
for trial in range(60):
    size = trial // 2
    names = [f"n{number}" for number in rng.integers(0, 4, size)]
    own = rng.permutation(3 * size)[:size].tolist()
    if trial % 3 == 1:
        own = [f"id {number}" for number in own]
    # Each node hangs on one that was made before it, whatever the order of the rows.
    above = [int(rng.integers(-1, number)) if number else -1 for number in range(size)]
    nodes = [(name, []) for name in names]
    order = rng.permutation(size).tolist()
    want = []
    for number in order:
        siblings = want if above[number] < 0 else nodes[above[number]][1]
        siblings.append(nodes[number])
    rows = [(own[n], None if above[n] < 0 else own[above[n]], names[n]) for n in order]
    shown = f"link_tree({rows})" if size < 6 else f"link_tree({size} rows)"
    check.case(link_tree, rows, want=want, shown=shown, hint=twice)
check.case(
    link_tree,
    [("", 0, "c"), (0, None, "a"), (5, "", "d"), (1, 0, "b")],
    want=[("a", [("c", [("d", [])]), ("b", [])])],
    hint="an id may be 0 or empty: compare with None",
)
cases = {
    "an id comes twice": [
        [(1, None, "a"), (1, None, "b")],
        [(1, None, "a"), (2, 1, "b"), (2, 1, "b")],
    ],
    "a parent is unknown": [[(1, 2, "a")], [(1, None, "a"), (2, 3, "b")]],
    "rows are below no root": [
        [(1, 1, "a")],
        [(1, None, "a"), (2, 2, "b")],
        [(1, 2, "a"), (2, 1, "b")],
        [(1, None, "a"), (2, 3, "b"), (3, 2, "c"), (4, 3, "d"), (5, 1, "e")],
    ],
}
for what, texts in cases.items():
    for rows in texts:
        check.raises(
            link_tree,
            ValueError,
            rows,
            shown=f"link_tree({rows})",
            hint=f"{what}: raise ValueError",
        )

# %% [grade] e7.faults
streams = {
    "a correct trace": [
        *[("start", 1, "f", []), ("start", 1, "g", []), ("end", 1, "g", [])],
        *[("start", 4, "g", []), ("end", 9, "g", []), ("end", 9, "f", [])],
        (None, 0, "", []),
    ],
    "recursion": [
        *[("start", 1, "f", []), ("start", 2, "f", []), ("start", 2, "g", [])],
        *[("end", 3, "g", []), ("end", 3, "f", []), ("end", 5, "f", [])],
        (None, 0, "", []),
    ],
    "an unknown kind": [
        *[("stop", 3, "f", [("kind", 3, "f")]), ("Start", 9, "f", [("kind", 9, "f")])],
        *[("start", 5, "f", []), ("begin", 1, "g", [("kind", 1, "g")])],
        *[("end", 6, "f", []), (None, 0, "", [])],
    ],
    "time that goes back": [
        *[("start", 5, "f", []), ("start", 3, "g", [("backwards", 3, "g")])],
        *[("end", 4, "g", [("backwards", 4, "g")]), ("end", 5, "f", [])],
    ],
    "an end that nothing is open for": [
        *[("end", 1, "f", [("unopened", 1, "f")]), ("start", 1, "g", [])],
        *[("end", 2, "f", [("unopened", 2, "f")]), ("end", 2, "g", [])],
        ("end", 3, "g", [("unopened", 3, "g")]),
    ],
    "ends that are missing": [
        *[("start", 1, "f", []), ("start", 2, "g", []), ("start", 3, "h", [])],
        ("end", 4, "f", [("unended", 4, "h"), ("unended", 4, "g")]),
        *[("start", 5, "f", []), ("start", 6, "g", []), ("start", 6, "f", [])],
        *[("start", 7, "h", []), ("end", 8, "f", [("unended", 8, "h")])],
        (None, 0, "", [("unended", 8, "g"), ("unended", 8, "f")]),
    ],
    "an end before its start": [
        *[("start", 5, "f", []), ("start", 7, "g", [])],
        ("end", 6, "g", [("backwards", 6, "g"), ("negative", 6, "g")]),
        ("end", 6, "f", [("backwards", 6, "f")]),
        *[("start", 9, "f", []), ("start", 8, "g", [("backwards", 8, "g")])],
        ("end", 8, "g", [("backwards", 8, "g")]),
        ("end", 2, "f", [("backwards", 2, "f"), ("negative", 2, "f")]),
    ],
}
for what, stream in streams.items():
    validator = check.call(TraceValidator, shown="TraceValidator()")
    fed = []
    for kind, ts, name, want in stream:
        if kind is None:
            check.case(
                validator.close, want=want, shown=f"close() after {fed}", hint=what
            )
            continue
        event = (kind, ts, name)
        after = f" after {fed[-5:]}" if fed else ""
        check.case(
            validator.feed, event, want=want, shown=f"feed({event}){after}", hint=what
        )
        fed.append(event)


# %% [grade] e7.recovers
def by_rules(events) -> list:
    """Keep the whole history, and work out anew what is open before each event."""
    answers = []
    for at, (kind, ts, name) in enumerate(events):
        stack, times = [], []
        for old_kind, old_ts, old in events[:at]:
            if old_kind not in ("start", "end"):
                continue
            times.append(old_ts)
            if old_kind == "start":
                stack.append((old, old_ts))
            elif old in [one for one, _ in stack]:
                while stack[-1][0] != old:
                    stack.pop()
                stack.pop()
        if kind not in ("start", "end"):
            answers.append([("kind", ts, name)])
            continue
        found = [("backwards", ts, name)] if ts < max(times, default=ts) else []
        if kind == "end":
            places = [i for i, (one, _) in enumerate(stack) if one == name]
            if not places:
                found.append(("unopened", ts, name))
            else:
                inner = stack[places[-1] + 1 :]
                found += [("unended", ts, one) for one, _ in reversed(inner)]
                if ts < stack[places[-1]][1]:
                    found.append(("negative", ts, name))
        answers.append(found)
    return answers


rng = check.rng()
for trial in range(120):
    events, ts = [], int(rng.integers(-5, 6))
    for _ in range(1 + trial // 5):
        ts += (
            int(rng.integers(0, 3)) if rng.random() < 0.8 else -int(rng.integers(1, 5))
        )
        kind = str(rng.choice(["start", "end", "pause"], p=[0.5, 0.45, 0.05]))
        events.append((kind, ts, str(rng.choice(list("fgh")))))
    validator = check.call(TraceValidator, shown="TraceValidator()")
    for at, (event, want) in enumerate(zip(events, by_rules(events), strict=True)):
        check.case(
            validator.feed,
            event,
            want=want,
            shown=f"feed({event}) after {events[max(0, at - 4) : at]}",
            hint="go through the rows of the table in their order",
        )

for rest in ([], ["f"], ["f", "g", "g", "h"]):
    validator = check.call(TraceValidator, shown="TraceValidator()")
    for ts, name in enumerate(rest):
        check.case(validator.feed, ("start", 10 + ts, name), want=[])
    if rest:
        check.case(
            validator.feed,
            ("end", 9, "x"),
            want=[("backwards", 9, "x"), ("unopened", 9, "x")],
        )
    last = 9 + len(rest)
    shown = f"close() with {rest} open, the largest ts {last}"
    check.case(
        validator.close,
        want=[("unended", last, name) for name in reversed(rest)],
        shown=shown,
        hint="innermost first, with the largest ts so far",
    )
    fresh = "close() starts afresh: no open calls, no time"
    check.case(validator.close, want=[], shown="close(), asked again", hint=fresh)
    check.case(
        validator.feed,
        ("start", 1, "f"),
        want=[],
        shown="feed(('start', 1, 'f')) after close()",
        hint=fresh,
    )
    check.case(validator.feed, ("end", 1, "f"), want=[], hint=fresh)
one, other = TraceValidator(), TraceValidator()
check.case(one.feed, ("start", 5, "f"), want=[])
check.case(
    other.feed,
    ("end", 4, "f"),
    want=[("unopened", 4, "f")],
    shown="feed(('end', 4, 'f')) to another validator",
    hint="state belongs to the object, not to the class",
)

# %% [grade] e7.memory
import gc
import tracemalloc

validator = check.call(TraceValidator, shown="TraceValidator()")
shown = "2,500 calls of different names, and as many stray ends"
tracemalloc.start()
try:
    for number in range(200):
        validator.feed(("start", number, f"warm {number}"))
        validator.feed(("end", number, f"warm {number}"))
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(1000, 3500):
        validator.feed(("start", number, f"call {number}"))
        validator.feed(("end", number, f"stray {number}"))
        validator.feed(("end", number, f"call {number}"))
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
finally:
    tracemalloc.stop()
check.at_most(
    grown,
    80_000,
    "bytes more than before",
    shown=shown,
    hint="forget a call when it ends; keep no history, no count of names gone by",
)
check.case(validator.feed, ("start", 3000, "f"), want=[("backwards", 3000, "f")])
