"""The pictures of the cache and persistence notebook: plain data in, Figure out."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from course import viz

_RULES = {
    "best possible": (viz.LIMIT, "--"),
    "LFU": (viz.MEMORY, "-."),
    "LRU": (viz.LEARNER, "-"),
    "FIFO": (viz.BASELINE, ":"),
}
_FOUND = {  # what a crash may leave: column, marker, colour
    "old": (0, "o", viz.BASELINE),
    "new": (1, "o", viz.LEARNER),
    "broken": (2, "X", viz.LIMIT),
}


def hit_curves(data: Mapping) -> Figure:
    """Draw the share of hits of each rule against the capacity.

    `data` holds `curves` (rule: shares), `capacities`, the chosen `capacity` and the
    name of the `workload`.
    """
    fig, ax = viz.figure("wide")
    at = data["capacities"].index(data["capacity"])
    for rule, (colour, style) in _RULES.items():
        shares = 100 * np.array(data["curves"][rule])
        width = 2.4 if rule == "LRU" else 1.6
        label = f"{rule} {shares[at]:.0f} %"
        ax.plot(data["capacities"], shares, style, color=colour, lw=width, label=label)
        ax.plot(data["capacity"], shares[at], "o", color=colour, ms=6)
    ax.axvline(data["capacity"], color=viz.BASELINE, lw=1, zorder=0)
    ax.set(xlabel="capacity (entries)", ylabel="hits (%)", ylim=(-3, 103))
    gap = data["curves"]["best possible"][at] - data["curves"]["LRU"][at]
    ax.set_title(
        f"{data['workload'].capitalize()}, {data['capacity']} entries: LRU misses "
        f"{100 * gap:.0f} % that could be hits"
    )
    viz.label_lines(ax)
    return fig


def ring(keys: Sequence[str], leaving: str) -> Figure:
    """Draw `keys`, stalest first, as a ring with a sentinel; then one taken out."""
    fig, (left, right) = viz.figure("wide", cols=2, height=2.9)
    _ring(left, list(keys))
    left.set_title(f"{len(keys)} entries and a sentinel")
    _ring(right, [key for key in keys if key != leaving], out=leaving)
    right.set_title(f"{leaving} left; its neighbours meet")
    return fig


def _ring(ax: Axes, keys: Sequence[str], out: str = "") -> None:
    names = ["mark", *keys]
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(names)) / len(names)
    places = [(1.5 * np.cos(angle), np.sin(angle)) for angle in angles]
    for number, (name, (x, y)) in enumerate(zip(names, places, strict=True)):
        ends = {"xy": places[(number + 1) % len(names)], "xytext": (x, y)}
        arrow = {"arrowstyle": "<->", "color": viz.BASELINE, "shrinkA": 17}
        arrow |= {"shrinkB": 17, "connectionstyle": "arc3,rad=-0.25"}
        ax.annotate("", arrowprops=arrow, **ends)
        colour = viz.BASELINE if name == "mark" else viz.LEARNER
        box = {"boxstyle": "round,pad=.4", "fc": "white", "ec": colour, "lw": 1.5}
        ax.text(x, y, name, ha="center", va="center", color=colour, bbox=box)
    if keys:
        ax.text(places[1][0] + 0.3, places[1][1], "stalest", va="center")
        x, y = places[-1]
        ax.text(x - 0.3, y, "freshest", va="center", ha="right")
    if out:
        box = {"boxstyle": "round,pad=.4", "fc": "white", "ec": viz.LIMIT, "ls": "--"}
        ax.text(0, 0, out, ha="center", va="center", color=viz.LIMIT, bbox=box)
    ax.set(xlim=(-2.8, 2.8), ylim=(-1.4, 1.4))
    ax.set_axis_off()


def chains(steps: Sequence[str]) -> Callable[[Axes, Sequence[Sequence[str]]], None]:
    """Return a drawing of the linked entries after each of `steps`, stalest first."""

    def draw(ax: Axes, rows: Sequence[Sequence[str]]) -> None:
        for y, (step, keys) in enumerate(zip(steps, rows, strict=True)):
            used = step.split()[-1]
            ax.text(-0.8, y, step, va="center", ha="right")
            for x, key in enumerate(keys):
                if x:
                    arrow = {"arrowstyle": "<->", "color": viz.BASELINE}
                    ends = {"xy": (x - 0.22, y), "xytext": (x - 0.78, y)}
                    ax.annotate("", arrowprops=arrow, **ends)
                mine = key == used and x == len(keys) - 1
                box = {"fc": "black" if mine else "white", "ec": "black", "lw": 1}
                ax.add_patch(
                    FancyBboxPatch(
                        (x - 0.16, y - 0.22),
                        0.32,
                        0.44,
                        boxstyle="round,pad=.05",
                        **box,
                    )
                )
                shade = "white" if mine else "black"
                ax.text(x, y, key, va="center", ha="center", color=shade)
        ax.text(-0.2, -0.85, "stalest", color=viz.BASELINE, ha="left")
        ax.text(2.2, -0.85, "freshest", color=viz.BASELINE, ha="right")
        ax.set(xlim=(-2.1, 2.6), ylim=(len(steps) - 0.4, -1.3))
        ax.set_axis_off()

    return draw


def same_key(labels: Sequence[str]) -> Callable[[Axes, Sequence[int]], None]:
    """Return a drawing of calls, in which equal numbers are joined: one key."""

    def draw(ax: Axes, groups: Sequence[int]) -> None:
        columns = {group: x for x, group in enumerate(dict.fromkeys(groups))}
        for group, x in columns.items():
            rows = [y for y, one in enumerate(groups) if one == group]
            ax.plot([x] * len(rows), rows, "-o", color=viz.LEARNER, ms=8, lw=2)
        for y, label in enumerate(labels):
            ends = [-0.4, len(columns) - 0.6]
            ax.plot(ends, [y, y], color=viz.BASELINE, lw=0.4, zorder=0)
            ax.text(-0.6, y, label, ha="right", va="center", fontsize="small")
        ax.set(ylim=(len(labels) - 0.5, -0.5), xlim=(-7.5, len(labels)), yticks=[])
        ax.set_xticks(range(len(columns)), [f"{x + 1}" for x in range(len(columns))])
        ax.set_xlabel("key number", loc="right")
        ax.spines[:].set_visible(False)

    return draw


def calls(depths: Sequence[int], plain: Sequence[int], memo: object) -> Figure:
    """Draw the calls of a recursive function, without a cache and with yours."""
    fig, ax = viz.figure("wide", height=3)
    ax.plot(depths, plain, color=viz.BASELINE, label="without a cache")
    title = f"fib({depths[-1]}) without a cache: {plain[-1]:,} calls"
    if not isinstance(memo, Exception):
        ax.plot(depths, memo, color=viz.LEARNER, label="with yours")
        title += f"; with yours: {memo[-1]:,}"
    ax.set(xlabel="n", ylabel="calls of fib", yscale="log")
    ax.set_title(title)
    ax.set_xticks(depths[1::2])
    viz.label_lines(ax)
    return fig


def crash_here(data: Mapping) -> Figure:
    """Draw the operations of a save with a crash after one, and what may be found.

    `data` holds `operations`, `after` (how many were done), `states` as (done, bytes)
    and the pair `fine` of acceptable bytes, the old first.
    """
    fig, (left, right) = viz.figure("wide", cols=2, height=3.2)
    operations, after = data["operations"], data["after"]
    for y, words in enumerate(operations):
        done = y < after
        left.text(0.03, y, words, va="center", color="black" if done else viz.BASELINE)
    left.axhline(after - 0.5, color=viz.LIMIT, lw=2)
    left.text(1, after - 0.58, "crash", color=viz.LIMIT, ha="right", va="bottom")
    left.set(xlim=(0, 1), ylim=(len(operations) - 0.3, -1.1))
    left.set_title("done, and not done")
    found = list(
        dict.fromkeys(state for done, state in data["states"] if done == after)
    )
    broken = 0
    for y, state in enumerate(found):
        fine = state in data["fine"]
        broken += not fine
        colour = viz.LIMIT if not fine else viz.LEARNER
        mark = "X" if not fine else "o"
        words = _content(state)
        right.plot(0.05, y, mark, color=colour, ms=9)
        right.text(0.12, y, words, va="center", color=colour)
    right.set(xlim=(0, 1), ylim=(max(len(found), 4) - 0.3, -1.1))
    words = f"{broken} of them broken" if broken else "old or new"
    right.set_title(f"may be found: {words}")
    for ax in (left, right):
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    return fig


def _content(state: bytes) -> str:
    """Return a file's bytes as a reader wants them.

    >>> _content(b""), _content(bytes(3)), _content(b"old")
    ('(empty)', '(3 zero bytes)', "'old'")
    """
    if not state.strip(b"\0"):
        return f"({len(state)} zero bytes)" if state else "(empty)"
    return repr(state)[1:]


def timeline(data: object) -> Figure:
    """Draw what a crash after each operation may leave: old, new, or neither.

    `data` is a pair: the operations, and marks (operations done, what was found). An
    exception in its place gives an empty picture.
    """
    operations, marks = ([], []) if isinstance(data, Exception) else data
    fig, ax = viz.figure("wide", height=1.6 + 0.24 * max(len(operations), 3))
    for done, found in dict.fromkeys(marks):
        x, marker, colour = _FOUND[found]
        ax.plot(x, done, marker, color=colour, ms=9)
    names = ["nothing yet", *(f"{n}  {op}" for n, op in enumerate(operations, 1))]
    ax.set_yticks(range(len(names)), names)
    ax.set_xticks([0, 1, 2], ["old", "new", "neither"])
    ax.xaxis.tick_top()
    ax.set(xlim=(-0.4, 2.4), ylim=(len(names) - 0.5, -0.5))
    ax.set_ylabel("crash after operation")
    ax.set_xlabel("state that a reader may find")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    bad = sum(found == "broken" for _, found in marks)
    title = f"{bad} of {len(marks)} crashes leave neither the old state nor the new"
    ax.set_title(title if marks else "What a crash leaves, once you have written it")
    return fig


def log_strip(lengths: Sequence[int], frame: int, cut: int) -> Figure:
    """Draw records of `lengths` bytes in a row, and a log that ends at byte `cut`."""
    fig, ax = viz.figure("wide", height=1.9)
    start = whole = 0
    for number, length in enumerate(lengths, 1):
        payload = {"left": start + frame, "color": viz.BASELINE, "ec": "white"}
        ax.barh(0, frame, left=start, color=viz.COMPUTE, ec="white", height=0.6)
        ax.barh(0, length - frame, height=0.6, **payload)
        place = {"ha": "center", "va": "center"}
        ax.text(start + frame / 2, 0, "frame", fontsize="small", **place)
        middle = start + frame + (length - frame) / 2
        ax.text(middle, 0, f"payload {number}", color="white", **place)
        start += length
        whole += start <= cut
    ax.axvline(cut, color=viz.LIMIT, lw=2)
    note = {"color": viz.LIMIT, "ha": "right", "va": "bottom"}
    ax.text(cut - 0.4, -0.42, "the log ends here", **note)
    ax.set(yticks=[], ylim=(0.45, -0.75), xlabel="byte of the log", xlim=(0, start))
    ax.spines["left"].set_visible(False)
    ax.set_title(f"Cut at byte {cut}: {whole} records are whole, the rest is ignored")
    return fig


def bytes_per_put(
    sizes: Sequence[int], snapshot: Sequence[float], yours: Sequence[float] | Exception
) -> Figure:
    """Draw the bytes written for one put against the entries held, both logarithmic."""
    fig, ax = viz.figure("wide", height=3)
    ax.plot(sizes, snapshot, "-o", color=viz.BASELINE, ms=4, label="a snapshot each")
    title = f"A snapshot of {sizes[-1]:,} entries writes {snapshot[-1]:,.0f} bytes"
    if not isinstance(yours, Exception):
        ax.plot(sizes, yours, "-o", color=viz.LEARNER, ms=4, label="your journal")
        title += f", your journal {yours[-1]:,.0f}"
    ax.set(xscale="log", yscale="log", ylim=(10, None))
    ax.set(xlabel="entries in the cache", ylabel="bytes written for one put")
    ax.set_title(title)
    viz.label_lines(ax)
    return fig
