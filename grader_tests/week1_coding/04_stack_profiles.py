"""Answers to notebook 4 of week 1: wrong ones that must die, unusual ones that pass."""

import itertools
import os.path
import re
from collections import Counter, defaultdict

from course.ops.proof import edited, right, wrong

# -- e1: samples_to_events ---------------------------------------------------------


@wrong("e1.prefix", because="common prefix")
@wrong("e1.check", because="got|expected")
def samples_to_events__by_position(samples, *, finalize=None):
    events, running, last = [], (), None
    for ts, stack in [*samples, *([(finalize, ())] if finalize is not None else [])]:
        if last is not None and ts < last:
            raise ValueError("back")
        last = ts
        for depth in reversed(range(len(running))):
            if stack[depth : depth + 1] != running[depth : depth + 1]:
                events.append(("end", ts, running[depth], depth))
        for depth in range(len(stack)):
            if stack[depth : depth + 1] != running[depth : depth + 1]:
                events.append(("start", ts, stack[depth], depth))
        running = stack
    return events


@wrong("e1.prefix", because="common prefix")
def samples_to_events__by_name(samples, *, finalize=None):
    events, running, last = [], (), None
    for ts, stack in [*samples, *([(finalize, ())] if finalize is not None else [])]:
        if last is not None and ts < last:
            raise ValueError("back")
        last = ts
        for depth in reversed(range(len(running))):
            if running[depth] not in stack:
                events.append(("end", ts, running[depth], depth))
        for depth in range(len(stack)):
            if stack[depth] not in running:
                events.append(("start", ts, stack[depth], depth))
        running = stack
    return events


@wrong("e1.prefix", because="common prefix")
def samples_to_events__leaf_only(samples, *, finalize=None):
    events, running, last = [], (), None
    for ts, stack in [*samples, *([(finalize, ())] if finalize is not None else [])]:
        if last is not None and ts < last:
            raise ValueError("back")
        last = ts
        if stack[-1:] != running[-1:] or len(stack) != len(running):
            events += [
                ("end", ts, running[d], d) for d in reversed(range(len(running)))
            ]
            events += [("start", ts, stack[d], d) for d in range(len(stack))]
        running = stack
    return events


@wrong("e1.prefix", because="first difference")
@wrong("e1.check", because="got|expected")
def common_prefix__counts_equal_places(one, other):
    return sum(a == b for a, b in zip(one, other, strict=False))


edited(
    "e1.order",
    "ends come outermost first",
    old="for depth in reversed(range(kept, len(running))):",
    new="for depth in range(kept, len(running)):",
    because="deepest first",
)
edited(
    "e1.order",
    "starts come deepest first",
    old="        for depth in range(kept, len(stack)):",
    new="        for depth in reversed(range(kept, len(stack))):",
    because="outermost first",
)
edited(
    "e1.order",
    "starts come before ends",
    old="    return events",
    new="    return sorted(events, key=lambda e: (e[1], e[0] == 'end'))",
    because="ends come before starts",
)
edited(
    "e1.finish",
    "never finalises",
    old="[*samples, *stopped]",
    new="samples",
    because="end",
)
edited(
    "e1.finish",
    "always finalises",
    old="[] if finalize is None else [(finalize, ())]",
    new="[(samples[-1][0] if finalize is None else finalize, ())] if samples else []",
    because="stay open|unexpected",
)
edited(
    "e1.finish",
    "takes finalize=0 for None",
    old="[] if finalize is None else [(finalize, ())]",
    new="[(finalize, ())] if finalize else []",
    because="is not None",
)
edited(
    "e1.finish",
    "finalises before the last sample",
    old="if last is not None and ts < last:",
    new="if last is not None and ts < last and ts != finalize:",
    because="ValueError",
)
edited(
    "e1.finish",
    "skips empty stacks",
    old="    for ts, stack in [*samples, *stopped]:\n",
    new="    for ts, stack in [*[one for one in samples if one[1]], *stopped]:\n",
    because="empty stack",
)
edited(
    "e1.prefix",
    "ends at the time of the sample before",
    old='events.append(("end", ts, running[depth], depth))',
    new='events.append(("end", last, running[depth], depth))',
    because="samples_to_events",
)
edited(
    "e1.time",
    "refuses equal timestamps",
    old="if last is not None and ts < last:",
    new="if last is not None and ts <= last:",
    because="equal timestamps|raised ValueError",
)
edited(
    "e1.time",
    "sorts what goes back",
    old="    for ts, stack in [*samples, *stopped]:\n",
    new="    for ts, stack in sorted([*samples, *stopped], key=lambda s: s[0]):\n",
    because="ValueError",
)
edited(
    "e1.time",
    "turns times into floats",
    old="    for ts, stack in [*samples, *stopped]:\n",
    new="    for ts, stack in [*samples, *stopped]:\n        ts = float(ts)\n",
    because="float",
)
edited(
    "e1.linear",
    "a new list for each sample",
    old="        running, last = stack, ts",
    new="        running, last, events = stack, ts, [*events]",
    because="times the work",
)


@right("e1")
def samples_to_events__commonprefix(samples, *, finalize=None):
    events = []
    running = ()
    looks = list(samples)
    if finalize is not None:
        looks.append((finalize, ()))
    if any(b[0] < a[0] for a, b in itertools.pairwise(looks)):
        raise ValueError("unsorted")
    for ts, stack in looks:
        kept = len(os.path.commonprefix([running, stack]))  # noqa: RUF071
        ended = enumerate(running[kept:], kept)
        events.extend(("end", ts, name, depth) for depth, name in [*ended][::-1])
        started = enumerate(stack[kept:], kept)
        events.extend(("start", ts, name, depth) for depth, name in started)
        running = stack
    return events


@right("e1")
def samples_to_events__synthetic_root(samples, *, finalize=None):
    """A root that nobody sees lies below every stack, so that no stack is empty."""
    opened, events, last = ["root"], [], None
    for ts, stack in [*samples, (finalize, ())]:
        if ts is None:
            continue
        if last is not None and ts < last:
            raise ValueError("unsorted")
        last, full = ts, ("root", *stack)
        kept = 1
        while kept < min(len(opened), len(full)) and opened[kept] == full[kept]:
            kept += 1
        while len(opened) > kept:
            events.append(("end", ts, opened.pop(), len(opened) - 1))
        while len(opened) < len(full):
            opened.append(full[len(opened)])
            events.append(("start", ts, opened[-1], len(opened) - 2))
    return events


@right("e1")
def common_prefix__loop(one, other):
    n = 0
    while n < len(one) and n < len(other) and one[n] == other[n]:
        n += 1
    return n


# -- e2: profile -------------------------------------------------------------------


@wrong("e2.ticks", because="innermost")
@wrong("e2.check", because="got")
def profile__self_is_total(events):
    stats, opened = {}, []
    for kind, ts, name, _ in events:
        if kind == "start":
            opened.append((name, ts))
            stats.setdefault(name, [0, 0])[1] += 1
        else:
            name, start = opened.pop()
            stats[name][0] += ts - start
    return {name: (total, total, calls) for name, (total, calls) in stats.items()}


edited(
    "e2.recursion",
    "adds the lengths of all calls",
    old="            if not running[name]:  # the outermost of its name\n"
    "                total[name] += ts - start",
    new="            total[name] += ts - start",
    because="total runs once",
)


@wrong("e2.recursion", because="total runs once")
def profile__direct_recursion_only(events):
    own, total, calls, opened, previous = Counter(), Counter(), Counter(), [], None
    for kind, ts, name, _ in events:
        if opened:
            own[opened[-1][0]] += ts - previous
        previous = ts
        if kind == "start":
            opened.append((name, ts))
            calls[name] += 1
        else:
            name, start = opened.pop()
            if not opened or opened[-1][0] != name:
                total[name] += ts - start
    return {name: (own[name], total[name], calls[name]) for name in calls}


@wrong("e2.recursion", because="total runs once")
def profile__name_is_the_frame(events):
    starts, total, calls, own, opened, previous = {}, {}, {}, {}, [], 0
    for kind, ts, name, _ in events:
        if opened:
            own[opened[-1]] = own.get(opened[-1], 0) + ts - previous
        previous = ts
        if kind == "start":
            starts[name] = ts
            opened.append(name)
            calls[name] = calls.get(name, 0) + 1
        else:
            opened.pop()
            total[name] = total.get(name, 0) + ts - starts[name]
    return {name: (own.get(name, 0), total[name], calls[name]) for name in calls}


edited(
    "e2.ticks",
    "the time of the previous event stands still",
    old="        previous = ts\n        if kind",
    new='        if kind == "start" or previous is None:\n            previous = ts\n'
    "        if kind",
    because="innermost",
)
edited(
    "e2.ticks",
    "two passes",
    old="    previous = None\n",
    new="    previous = None\n    names = {event[2] for event in events}\n",
    because="second pass",
)
edited(
    "e2.ticks",
    "counts ends of outermost frames as calls",
    old="            calls[name] += 1\n",
    new="            calls[name] += not opened[:-1]\n",
    because="profile",
)
edited(
    "e2.exact",
    "charges the gap to the call before it",
    old="        if opened:\n            own[opened[-1][0]] += ts - previous",
    new='        if opened or (kind == "start" and previous is not None):\n'
    "            own[opened[-1][0] if opened else gone] += ts - previous\n"
    "        gone = name",
    because="belongs to nobody",
)
edited(
    "e2.exact",
    "leaves out calls of no length",
    old="for name in calls}",
    new="for name in calls if total[name]}",
    because="is a call",
)
edited(
    "e2.exact",
    "computes in seconds",
    old="own[opened[-1][0]] += ts - previous",
    new="own[opened[-1][0]] += round((ts / 1e9 - previous / 1e9) * 1e9)",
    because="whole numbers",
)
edited(
    "e2.exact",
    "floats",
    old="    for kind, ts, name, _ in events:\n",
    new="    for kind, ts, name, _ in events:\n        ts = float(ts)\n",
    because="float",
)


@wrong("e2.exact", because="still running|stopped: used more")
def profile__every_tick(events):
    own, total, calls, opened, now = Counter(), Counter(), Counter(), [], None
    for kind, ts, name, _ in events:
        now = ts if now is None else now
        while now < ts:
            if opened:
                own[opened[-1]] += 1
                for one in set(opened):
                    total[one] += 1
            now += 1
        if kind == "start":
            opened.append(name)
            calls[name] += 1
        elif not opened or opened.pop() != name:
            raise ValueError("nesting")
    return {name: (own[name], total[name], calls[name]) for name in calls}


edited(
    "e2.refuse",
    "accepts any end",
    old="elif not opened or opened[-1][0] != name:",
    new="elif not opened:",
    because="ValueError",
)
edited(
    "e2.refuse",
    "accepts open calls",
    old="    if opened:\n        raise",
    new="    if not calls:\n        raise",
    because="never ends",
)
edited(
    "e2.refuse",
    "accepts time that goes back",
    old="if previous is not None and ts < previous:",
    new="if False:",
    because="goes back",
)


@right("e2")
def profile__children_subtracted(events):
    stats, opened, last = {}, [], float("-inf")
    for kind, ts, name, _ in events:
        if ts < last:
            raise ValueError("time")
        last = ts
        if kind == "start":
            stats.setdefault(name, [0, 0, 0])[2] += 1
            opened.append([name, ts, 0])
            continue
        if not opened or opened[-1][0] != name:
            raise ValueError("nesting")
        _, start, inside = opened.pop()
        length = ts - start
        stats[name][0] += length - inside
        if all(frame[0] != name for frame in opened):
            stats[name][1] += length
        if opened:
            opened[-1][2] += length
    if opened:
        raise ValueError("open")
    return {name: tuple(numbers) for name, numbers in stats.items()}


@right("e2")
def profile__first_seen_last_gone(events):
    events = list(events)
    found = defaultdict(lambda: [0, 0, 0])
    stack = []
    for (kind, ts, name, _), after in zip(
        events, [ts for _, ts, _, _ in events[1:] + events[-1:]], strict=True
    ):
        if kind == "start":
            stack.append(name)
            found[name][2] += 1
        elif not stack or stack.pop() != name:
            raise ValueError("nesting")
        if after < ts:
            raise ValueError("time")
        for one in set(stack):
            found[one][1] += after - ts
        if stack:
            found[stack[-1]][0] += after - ts
    if stack:
        raise ValueError("open")
    return {name: tuple(numbers) for name, numbers in found.items()}


# -- e3: stable_events -------------------------------------------------------------


@wrong("e3.runs", because="in a row")
def stable_events__all_looks_count(samples, n, *, stamp, finalize=None):
    if n < 1 or stamp not in ("first", "nth"):
        raise ValueError("arguments")
    looks = Counter(
        stack[: depth + 1] for _, stack in samples for depth in range(len(stack))
    )
    kept = [
        (ts, stack[: sum(looks[stack[: d + 1]] >= n for d in range(len(stack)))])
        for ts, stack in samples
    ]
    return samples_to_events(kept, finalize=finalize)


@wrong("e3.runs", because="whole path")
def stable_events__same_name_and_depth(samples, n, *, stamp, finalize=None):
    """Counts a run of the name at its depth, whoever called it; keeps orphans."""
    if n < 1 or stamp not in ("first", "nth"):
        raise ValueError("arguments")
    samples = list(samples)
    found = []
    for i, (ts, stack) in enumerate(samples):
        for d, name in enumerate(stack):
            if i and samples[i - 1][1][d : d + 1] == (name,):
                continue
            j = i
            while j < len(samples) and samples[j][1][d : d + 1] == (name,):
                j += 1
            if j - i >= n:
                start = ts if stamp == "first" else samples[i + n - 1][0]
                found.append((start, 1, d, ("start", start, name, d)))
                end = samples[j][0] if j < len(samples) else finalize
                if end is not None:
                    found.append((end, 0, -d, ("end", end, name, d)))
    return [event for *_, event in sorted(found)]


@wrong("e3.runs", because="whole path")
def stable_events__name_anywhere(samples, n, *, stamp, finalize=None):
    if n < 1 or stamp not in ("first", "nth"):
        raise ValueError("arguments")
    samples = list(samples)
    kept = []
    for i, (ts, stack) in enumerate(samples):
        lasting = []
        for name in stack:
            low, high = i, i
            while low > 0 and name in samples[low - 1][1]:
                low -= 1
            while high + 1 < len(samples) and name in samples[high + 1][1]:
                high += 1
            if high - low + 1 >= n:
                lasting.append(name)
        kept.append((ts, tuple(lasting)))
    return samples_to_events(kept, finalize=finalize)


@wrong("e3.runs", because="in a row")
def stable_events__drops_short_stacks(samples, n, *, stamp, finalize=None):
    """Looks at whole stacks: one that is not seen n times is dropped as a whole."""
    if n < 1 or stamp not in ("first", "nth"):
        raise ValueError("arguments")
    kept = []
    for _, group in itertools.groupby(samples, key=lambda sample: sample[1]):
        group = list(group)
        if len(group) >= n:
            kept += group
    return samples_to_events(kept, finalize=finalize)


edited(
    "e3.runs",
    "off by one",
    old="sum(looks >= n for",
    new="sum(looks > n for",
    because="at least n",
)
edited(
    "e3.runs",
    "always at the n-th look",
    old='    if stamp == "first":  #',
    new="    if False:  #",
    because="the first of them",
)
edited(
    "e3.nth",
    "always at the first look",
    old='    if stamp == "first":  #',
    new="    if True:  #",
    because="n-th look",
)
edited(
    "e3.runs",
    "a broken run goes on",
    old="seen.append(going_on + [1] * (len(stack) - shared))",
    new="seen.append((going_on + [n] * len(stack))[: len(stack)])",
    because="in a row",
)
edited(
    "e3.nth",
    "one look late",
    old="seen.append(going_on + [1] * (len(stack) - shared))",
    new='seen.append(going_on + [stamp == "first"] * (len(stack) - shared))',
    because="n-th look",
)
edited(
    "e3.edges",
    "accepts n = 0",
    old="if n < 1:",
    new="if n < 0:",
    because="ValueError",
)
edited(
    "e3.edges",
    "takes any other stamp for nth",
    old='if stamp not in ("first", "nth"):',
    new="if not isinstance(stamp, str):",
    because="ValueError",
)
edited(
    "e3.edges",
    "runs at the end do not count",
    old="    return samples_to_events(lasting, finalize=finalize)",
    new="    if n > 1 and lasting and finalize is None:\n"
    "        lasting[-1] = (lasting[-1][0], ())\n"
    "    return samples_to_events(lasting, finalize=finalize)",
    because="reaches the last sample",
)


@right("e3")
def stable_events__intervals(samples, n, *, stamp, finalize=None):
    if n < 1 or stamp not in {"first", "nth"}:
        raise ValueError("arguments")
    looks = [*samples, *([] if finalize is None else [(finalize, ())])]
    for (a, _), (b, _) in itertools.pairwise(looks):
        if b < a:
            raise ValueError("unsorted")
    opened, found = [], []  # of each open frame: name, indexes of its looks

    def close(down_to, at):
        while len(opened) > down_to:
            name, seen = opened.pop()
            if len(seen) >= n:
                depth = len(opened)
                start = seen[0] if stamp == "first" else seen[n - 1]
                found.append((start, 1, depth, "start", name))
                if at is not None:
                    found.append((at, 0, -depth, "end", name))

    for index, (_, stack) in enumerate(looks):
        same = 0
        while same < min(len(opened), len(stack)) and opened[same][0] == stack[same]:
            same += 1
        close(same, index)
        opened += [(name, []) for name in stack[same:]]
        for _, seen in opened:
            seen.append(index)
    close(0, None)
    found.sort(key=lambda one: one[:3])
    return [(kind, looks[i][0], name, abs(d)) for i, _, d, kind, name in found]


@right("e3")
def stable_events__windows(samples, n, *, stamp, finalize=None):
    """A frame is n looks old where the n samples up to here share its prefix."""
    if n < 1 or stamp not in ("first", "nth"):
        raise ValueError("arguments")
    samples = list(samples)
    depth = [0] * len(samples)
    for last in range(n - 1, len(samples)):
        window = samples[last - n + 1 : last + 1]
        shared = len(os.path.commonprefix([stack for _, stack in window]))  # noqa: RUF071
        marked = [last] if stamp == "nth" else range(last - n + 1, last + 1)
        for at in marked:
            depth[at] = max(depth[at], shared)
    cut = [(ts, stack[:keep]) for (ts, stack), keep in zip(samples, depth, strict=True)]
    return samples_to_events(cut, finalize=finalize)


# -- e4: exclusive_times -----------------------------------------------------------


@wrong("e4.inclusive", because="inclusive")
@wrong("e4.check", because="got")
def exclusive_times__no_last_tick(n, logs, *, end):
    times, stack, previous = [0] * n, [], 0
    for line in logs:
        number, kind, ts = line.split(":")
        if stack:
            times[stack[-1]] += int(ts) - previous
        previous = int(ts)
        if kind == "start":
            stack.append(int(number))
        else:
            stack.pop()
    return times


@wrong("e4.half_open", because="half_open")
def exclusive_times__always_inclusive(n, logs, *, end):
    times, stack, previous = [0] * n, [], 0
    for line in logs:
        number, kind, ts = line.split(":")
        ts = int(ts)
        if kind == "start":
            if stack:
                times[stack[-1]] += ts - previous
            stack.append(int(number))
            previous = ts
        else:
            times[stack.pop()] += ts - previous + 1
            previous = ts + 1
    return times


edited(
    "e4.inclusive",
    "the last moment stands still at an end",
    old="        previous = now\n",
    new='        previous = now if kind == "start" else previous\n',
    because="inclusive",
)
edited(
    "e4.inclusive",
    "charges the gap to the one before",
    old="        if opened:\n            times[opened[-1]] += now - previous",
    new="        if opened or previous:\n"
    "            times[opened[-1] if opened else before] += now - previous\n"
    "        before = int(number)",
    because="inclusive",
)


@wrong("e4.inclusive", because="inclusive")
def exclusive_times__inclusive_of_callees(n, logs, *, end):
    times, stack = [0] * n, []
    for line in logs:
        number, kind, ts = line.split(":")
        if kind == "start":
            stack.append(int(ts))
        else:
            times[int(number)] += int(ts) - stack.pop() + (end == "inclusive")
    return times


@wrong("e4.inclusive", because="inclusive")
def exclusive_times__start_by_number(n, logs, *, end):
    times, started, stack = [0] * n, {}, []
    for line in logs:
        number, kind, ts = line.split(":")
        number, ts = int(number), int(ts)
        if kind == "start":
            started[number] = ts
            stack.append(number)
        else:
            stack.pop()
            length = ts - started[number] + (end == "inclusive")
            times[number] += length
            if stack:
                times[stack[-1]] -= length
    return times


@wrong("e4.scale", because="still running|stopped: used more")
def exclusive_times__every_tick(n, logs, *, end):
    if end not in ("inclusive", "half_open"):
        raise ValueError(end)
    times, stack, tick = [0] * n, [], 0
    for line in logs:
        number, kind, ts = line.split(":")
        until = int(ts) + (kind == "end" and end == "inclusive")
        while tick < until:
            if stack:
                times[stack[-1]] += 1
            tick += 1
        if kind == "start":
            stack.append(int(number))
        else:
            stack.pop()
    return times


edited(
    "e4.scale",
    "numbers of one digit",
    old='        number, kind, ts = line.split(":")',
    new='        number, kind, ts = line.split(":")\n        number = number[-1]',
    because="unused numbers|got",
)
edited(
    "e4.scale",
    "takes any other end for half-open",
    old='if end not in ("inclusive", "half_open"):',
    new="if not isinstance(end, str):",
    because="ValueError",
)


@right("e4")
def exclusive_times__children_subtracted(n, logs, *, end):
    extra = {"inclusive": 1, "half_open": 0}.get(end)
    if extra is None:
        raise ValueError(end)
    times, stack = [0] * n, []
    for number, kind, ts in (line.split(":") for line in logs):
        if kind == "start":
            stack.append([int(ts), 0])
            continue
        start, inside = stack.pop()
        length = int(ts) + extra - start
        times[int(number)] += length - inside
        if stack:
            stack[-1][1] += length
    return times


@right("e4")
def exclusive_times__takes_back(n, logs, *, end):
    if end not in ("inclusive", "half_open"):
        raise ValueError(end)
    spent, callers = Counter(), []
    for number, kind, ts in (line.split(":") for line in logs):
        sign = 1 if kind == "end" else -1
        moment = int(ts) + (kind == "end" and end == "inclusive")
        if kind == "end":
            callers.pop()
        spent[int(number)] += sign * moment
        if callers:
            spent[callers[-1]] -= sign * moment
        if kind == "start":
            callers.append(int(number))
    return [spent[number] for number in range(n)]


# -- e5: fold_perf -----------------------------------------------------------------


@wrong("e5.headers", because="pid is the last number|got|missing")
def fold_perf__splits_on_blanks(lines, *, kernel=False, pid=False, event=None):
    counts, stack, label = Counter(), [], None
    for line in [*lines, ""]:
        words = line.split()
        if not words:
            if label:
                counts[";".join([label, *reversed(stack)])] += 1
            stack, label = [], None
        elif line[0].isspace():
            stack.append(re.sub(r"\+0x[0-9a-f]+$", "", words[1]))
        else:
            number = words[1].split("/")[0]
            label = f"{words[0]}-{number}" if pid else words[0]
    return dict(counts)


edited(
    "e5.headers",
    "the thread id for the process id",
    old=r"(\d+)(?:/\d+)?\s+(?:\[",
    new=r"(?:\d+/)?(\d+)\s+(?:\[",
    because="pid",
)
edited(
    "e5.headers",
    "blanks stay in the command",
    old=r're.sub(r"\s", "_", command)',
    new="command",
    because="missing|expected",
)
edited(
    "e5.headers",
    "drops samples without frames",
    old='            counts[";".join(stack)] += 1',
    new='            if frames:\n                counts[";".join(stack)] += 1',
    because="without frames",
)
edited(
    "e5.check",
    "innermost first",
    old="for line in reversed(frames):",
    new="for line in frames:",
    because="outermost first",
)
edited(
    "e5.frames",
    "keeps offsets",
    old=r"""        symbol = re.sub(r"\+0x[0-9a-f]+$", "", symbol)
""",
    new="",
    because="final \\+0x",
)
edited(
    "e5.frames",
    "drops every offset",
    old=r'r"\+0x[0-9a-f]+$"',
    new=r'r"\+0x[0-9a-f]+"',
    because="final offset only",
)
edited(
    "e5.frames",
    "does not name the module",
    old="calls = [f\"[{file.strip('[]')}]\"]",
    new="calls = [symbol]",
    because="module",
)
edited(
    "e5.frames",
    "the whole path of the module",
    old='file = module.split("/")[-1]',
    new="file = module",
    because="file name",
)
edited(
    "e5.frames",
    "two pairs of brackets",
    old="file.strip('[]')",
    new="file",
    because="\\[unknown\\]|bracket",
)
edited(
    "e5.frames",
    "inlined calls stay one frame",
    old='calls = re.split(r"(?<!operator)->", symbol)',
    new="calls = [symbol]",
    because="two frames",
)
edited(
    "e5.frames",
    "splits operator->",
    old='re.split(r"(?<!operator)->", symbol)',
    new='symbol.split("->")',
    because="operator-> is a name",
)
edited(
    "e5.frames",
    "inlined calls in the order of the frames",
    old="                stack += names(line)",
    new="                stack += names(line)[::-1]",
    because="caller first",
)
edited(
    "e5.frames",
    "semicolons stay",
    old='[call.replace(";", ":") + mark for call in calls]',
    new="[call + mark for call in calls]",
    because="semicolon",
)
edited(
    "e5.frames",
    "symbols end at the first blank",
    old=r'r"\s+[0-9a-f]+ (.+) \((\S+)\)\s*"',
    new=r'r"\s+[0-9a-f]+ (\S+).* \((\S+)\)\s*"',
    because="arguments|last brackets|got|missing",
)
edited(
    "e5.frames",
    "marks the kernel always",
    old='"_[k]" if kernel and module ==',
    new='"_[k]" if module ==',
    because="kernel",
)
edited(
    "e5.frames",
    "everything in brackets is the kernel",
    old='kernel and module == "[kernel.kallsyms]"',
    new='kernel and module.startswith("[kernel")',
    because="kernel",
)
edited(
    "e5.events",
    "mixes events",
    old="        if what == event:",
    new="        if True:",
    because="one event",
)
edited(
    "e5.events",
    "all events unless one is asked for",
    old="        event = event or what\n        if what == event:",
    new="        if what == (event or what):",
    because="one event",
)
edited(
    "e5.events",
    "the last sample needs a blank line",
    old="        if head is not None:\n            yield head, frames\n\n    def names",
    new="        return\n\n    def names",
    because="end of the input|missing",
)
edited(
    "e5.events",
    "skips what it cannot read",
    old='            raise ValueError(f"neither header nor frame: {line!r}")',
    new='            return header.fullmatch("app 1 1.5: cycles:")',
    because="ValueError",
)
edited(
    "e5.events",
    "comments are headers",
    old='            if line.startswith("#"):\n                continue\n',
    new="",
    because="raised ValueError",
)
edited(
    "e5.stream",
    "reads everything first",
    old="        head, frames = None, []\n        for line in lines:",
    new="        head, frames = None, []\n        for line in list(lines):",
    because="bytes of memory",
)
edited(
    "e5.stream",
    "keeps every stack until the end",
    old="    for head, frames in records():",
    new="    for head, frames in list(records()):",
    because="bytes of memory",
)


@right("e5")
def fold_perf__by_hand(lines, *, kernel=False, pid=False, event=None):
    """No pattern for the header: words from the right."""
    counts, stack, label = {}, None, None

    def flush():
        if stack is not None and label is not None:
            line = ";".join([label, *stack])
            counts[line] = counts.get(line, 0) + 1

    for raw in lines:
        line = raw.rstrip()
        if line.startswith("#"):
            continue
        if not line:
            flush()
            stack = label = None
        elif line[0] not in " \t":
            flush()
            head, what, number = parse_header(line)
            event = what if event is None else event
            command = head.replace(" ", "_").replace(";", ":")
            command = f"{command}-{number}" if pid else command
            stack, label = [], command if what == event else None
        else:
            if stack is None or not line.endswith(")") or " (" not in line:
                raise ValueError(raw)
            symbol, _, module = line.rpartition(" (")
            symbol = symbol.strip().split(" ", 1)[1]
            stack[:0] = frame_names(symbol, module[:-1], kernel)
    flush()
    return counts


def parse_header(line):
    if len(line.split()) < 4:
        raise ValueError(line)
    words = re.split(r"(\s+)", line)
    what = words.pop()
    words.pop()
    if words[-1].isdigit():
        words = words[:-2]
    time = words.pop()
    if not what.endswith(":") or not re.fullmatch(r"[\d.]+:", time):
        raise ValueError(line)
    words.pop()
    if re.fullmatch(r"\[\d+\]", words[-1]) and len(words) > 3:
        words = words[:-2]
    number = words.pop().split("/")[0]
    words.pop()
    if not number.isdigit():
        raise ValueError(line)
    return "".join(words), what[:-1], number


def frame_names(symbol, module, kernel):
    base, plus, digits = symbol.rpartition("+0x")
    if plus and digits and set(digits) <= set("0123456789abcdef"):
        symbol = base
    if symbol == "[unknown]":
        names = ["[" + module.split("/")[-1].strip("[]") + "]"]
    else:
        hidden = symbol.replace("operator->", "operator\0")
        names = [name.replace("\0", "->") for name in hidden.split("->")]
    tail = "_[k]" if kernel and module == "[kernel.kallsyms]" else ""
    return [name.replace(";", ":") + tail for name in names]


# -- e6: build_tree ----------------------------------------------------------------

edited(
    "e6.refuse",
    "meets the nearest open column",
    old="        if column != meets:",
    new="        if not opened and column:",
    because="not open",
)
edited(
    "e6.refuse",
    "accepts an indented first line",
    old="meets = column if opened else 0",
    new="meets = column",
    because="first line",
)
edited(
    "e6.refuse",
    "counts a tab for a blank",
    old="        if len(used) > 1:",
    new="        if False:",
    because="tabs and blanks",
)
edited(
    "e6.refuse",
    "tabs and blanks may not share a line only",
    old="        used.update(indent)",
    new="        used = set(indent)",
    because="tabs and blanks",
)
edited(
    "e6.refuse",
    "expands tabs",
    old="        name = line.strip()\n",
    new="        line = line.expandtabs(2)\n        name = line.strip()\n",
    because="tabs and blanks",
)
edited(
    "e6.shape",
    "siblings become children",
    old="while opened and opened[-1][0] >= column:",
    new="while opened and opened[-1][0] > column:",
    because="parent|raised",
)
edited(
    "e6.shape",
    "closes one level at most",
    old="        while opened and opened[-1][0] >= column:",
    new="        if opened and opened[-1][0] >= column:",
    because="parent|raised",
)
edited(
    "e6.shape",
    "one root",
    old="opened.append((column, children))\n    return roots",
    new="opened.append((column, children))\n    return roots[:1]",
    because="item",
)


@wrong("e6.shape", because="parent|raised")
def build_tree__two_blanks_a_level(lines):
    roots, path = [], []
    for line in lines:
        if not line.strip():
            continue
        depth = (len(line) - len(line.lstrip())) // 2
        node = (line.strip(), [])
        del path[depth:]
        (path[-1][1] if path else roots).append(node)
        path.append(node)
    return roots


@right("e6")
def build_tree__recursive(lines):
    rows = []
    for line in lines:
        if line.strip():
            body = line.lstrip(" \t")
            rows.append((line[: len(line) - len(body)], body.strip()))
    if len(set("".join(indent for indent, _ in rows))) > 1:
        raise ValueError("mixed")
    rows = [(len(indent), name) for indent, name in rows]
    if rows and rows[0][0]:
        raise ValueError("first")
    at = 0

    def siblings(column):
        nonlocal at
        nodes = []
        while at < len(rows) and rows[at][0] == column:
            name = rows[at][1]
            at += 1
            deeper = at < len(rows) and rows[at][0] > column
            nodes.append((name, siblings(rows[at][0]) if deeper else []))
            if at < len(rows) and rows[at][0] > column:
                raise ValueError("column")
        return nodes

    return siblings(0)


edited(
    "e6.links",
    "an id that comes twice replaces the first",
    old="        if own in nodes:",
    new="        if False:",
    because="twice",
)
edited(
    "e6.links",
    "an unknown parent makes a root",
    old="        if parent is not None and parent not in nodes:",
    new="        parent = parent if parent in nodes else None\n        if False:",
    because="unknown",
)
edited(
    "e6.links",
    "a parent 0 is none",
    old="roots if parent is None else nodes",
    new="roots if not parent else nodes",
    because="None|item|passes",
)
edited(
    "e6.links",
    "cycles are lost",
    old="    if reached < len(nodes):",
    new="    if False:",
    because="below no root",
)
edited(
    "e6.links",
    "only roots are looked for",
    old="    if reached < len(nodes):",
    new="    if not roots and nodes:",
    because="below no root",
)
edited(
    "e6.links",
    "children in the order of their ids",
    old="    for own, parent, _ in rows:",
    new="    for own, parent, _ in sorted(rows, key=lambda row: str(row[0])):",
    because="two passes|None",
)


@wrong("e6.links", because="two passes|raised")
def link_tree__parents_come_first(rows):
    nodes, roots = {}, []
    for own, parent, name in rows:
        if own in nodes:
            raise ValueError(own)
        nodes[own] = (name, [])
        (roots if parent is None else nodes[parent][1]).append(nodes[own])
    return roots


@right("e6")
def link_tree__by_parent(rows):
    known = {own for own, _, _ in rows}
    if len(known) < len(rows):
        raise ValueError("twice")
    below = {}
    for own, parent, name in rows:
        if parent is not None and parent not in known:
            raise ValueError("unknown")
        below.setdefault(parent, []).append((own, name))
    seen = []

    def nodes(parent):
        found = []
        for own, name in below.get(parent, []):
            seen.append(own)
            found.append((name, nodes(own)))
        return found

    roots = nodes(None)
    if len(seen) < len(rows):
        raise ValueError("cycle")
    return roots


# -- e7: TraceValidator ------------------------------------------------------------

edited(
    "e7.faults",
    "an unknown kind is an end",
    old='        if kind not in ("start", "end"):',
    new="        if not kind:",
    because="unknown kind",
)
edited(
    "e7.faults",
    "equal times go back",
    old="if self._latest is not None and ts < self._latest:",
    new="if self._latest is not None and ts <= self._latest:",
    because="correct trace|recursion",
)
edited(
    "e7.faults",
    "compares with the event before",
    old="        else:\n            self._latest = ts",
    new="        self._latest = ts",
    because="goes back|feed",
)
edited(
    "e7.faults",
    "ignores an end that skips calls",
    old="elif all(name != opened for opened, _ in self._opened):",
    new="elif not self._opened or self._opened[-1][0] != name:",
    because="missing",
)
edited(
    "e7.faults",
    "inner calls stay open",
    old="            while inner != name:\n"
    '                problems.append(("unended", ts, inner))\n'
    "                inner, start = self._opened.pop()",
    new="            skipped = []\n            while inner != name:\n"
    '                problems.append(("unended", ts, inner))\n'
    "                skipped.append((inner, start))\n"
    "                inner, start = self._opened.pop()\n"
    "            self._opened += skipped[::-1]",
    because="missing",
)
edited(
    "e7.faults",
    "no negative duration",
    old="            if ts < start:",
    new="            if False:",
    because="before its start",
)
edited(
    "e7.faults",
    "names end their outermost call",
    old="            while inner != name:",
    new="            while name in [one for one, _ in self._opened] or inner != name:",
    because="recursion|missing",
)
edited(
    "e7.faults",
    "raises",
    old='            problems.append(("unopened", ts, name))',
    new="            raise ValueError(name)",
    because="raised ValueError",
)
edited(
    "e7.recovers",
    "closing does not start afresh",
    old="        self.__init__()\n",
    new="",
    because="asked again|afresh",
)
edited(
    "e7.recovers",
    "closing keeps the time",
    old="        self.__init__()\n",
    new="        self._opened = []\n",
    because="afresh",
)
edited(
    "e7.recovers",
    "outermost first",
    old="self._opened[::-1]]",
    new="self._opened]",
    because="innermost first",
)
edited(
    "e7.memory",
    "keeps the history",
    old="        problems = []\n        if self._latest",
    new="        self.__dict__.setdefault('all', []).append(event)\n"
    "        problems = []\n        if self._latest",
    because="bytes more",
)
edited(
    "e7.memory",
    "a count for every name",
    old="        problems = []\n        if self._latest",
    new="        counts = self.__dict__.setdefault('counts', {})\n"
    "        counts[name] = counts.get(name, 0) + 1\n"
    "        problems = []\n        if self._latest",
    because="bytes more",
)


@right("e7")
class TraceValidator__linked_frames:
    """Open calls as a chain of (name, start, rest), with a count of open names."""

    def __init__(self):
        self.chain, self.count, self.clock = None, Counter(), None

    def feed(self, event):
        kind, ts, name = event
        if kind not in {"start", "end"}:
            return [("kind", ts, name)]
        said = []
        if self.clock is not None and self.clock > ts:
            said.append(("backwards", ts, name))
        self.clock = ts if self.clock is None else max(self.clock, ts)
        if kind == "start":
            self.chain = (name, ts, self.chain)
            self.count[name] += 1
            return said
        if not self.count[name]:
            del self.count[name]
            return [*said, ("unopened", ts, name)]
        while True:
            top, start, self.chain = self.chain
            self.count[top] -= 1
            if not self.count[top]:
                del self.count[top]
            if top == name:
                break
            said.append(("unended", ts, top))
        return [*said, ("negative", ts, name)] if ts < start else said

    def close(self):
        said = []
        while self.chain:
            name, _, self.chain = self.chain
            said.append(("unended", self.clock, name))
        self.count.clear()
        self.clock = None
        return said
