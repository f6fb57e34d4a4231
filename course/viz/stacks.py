"""The pictures of the stack profiles notebook: plain data in, Figure out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course import viz

Stack = tuple[str, ...]

_PALE = ("#dfe9fe", "#c3d7fd")  # two tints of compute blue, so that levels stand apart
_LETTER = 0.085  # inches that a letter of a label takes
_MS = 1_000_000  # nanoseconds


@dataclass(frozen=True, slots=True)
class Box:
    """One call in a chart: from `left` to `right` on level `depth`.

    `fault` says what is wrong with it: "" , "never ended" or "never started".
    """

    left: float
    right: float
    depth: int
    name: str
    fault: str = ""


def boxes(events: Iterable[tuple]) -> list[Box]:
    """Pair the starts and ends of each level, whatever order they came in.

    A start without an end lasts until the last event; an end without a start has no
    length. So events that are wrong can still be drawn.

    >>> [box.right for box in boxes([("start", 2, "f", 0), ("end", 5, "f", 0)])]
    [5]
    >>> [box.fault for box in boxes([("start", 2, "f", 0), ("end", 5, "g", 1)])]
    ['never started', 'never ended']
    """
    opened: dict[int, list[tuple]] = {}
    found = []
    last = 0.0
    for kind, time, name, depth in events:
        last = max(last, time)
        if kind == "start":
            opened.setdefault(depth, []).append((time, name))
        elif opened.get(depth):
            start, began = opened[depth].pop()
            found.append(Box(start, time, depth, began))
        else:
            found.append(Box(time, time, depth, name, "never started"))
    for depth, calls in opened.items():
        found += [Box(start, last, depth, name, "never ended") for start, name in calls]
    return found


def _blocks(ax: Axes, found: Sequence[Box], marked: str = "") -> None:
    """Draw boxes, the outermost call at the bottom, each with its name if it fits."""
    if not found:
        ax.text(0.5, 0.5, "no calls", ha="center", color=viz.BASELINE)
        return
    left, right = min(b.left for b in found), max(b.right for b in found)
    width = (right - left) or 1
    ax.set_xlim(left - 0.01 * width, right + 0.02 * width)
    ax.set_ylim(-0.05, max(b.depth for b in found) + 1.05)
    for box in found:
        colour = _PALE[box.depth % 2]
        if marked and box.name == marked:
            colour = "#f2c29b"  # a tint of the fault's colour
        length = max(box.right - box.left, 0.004 * width)
        edge = viz.LIMIT if box.fault else "white"
        ax.add_patch(
            Rectangle(
                (box.left, box.depth + 0.03),
                length,
                0.94,
                fc=colour,
                ec=edge,
                lw=1.6 if box.fault else 0.7,
                ls="--" if box.fault else "-",
            )
        )
        _label(ax, box.name, box.left, length, box.depth, width)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)


def _label(
    ax: Axes, name: str, left: float, length: float, depth: int, width: float
) -> None:
    """Write a name into its box, shortened, or not at all."""
    fig = ax.get_figure(root=True)
    columns = ax.get_subplotspec().get_gridspec().ncols if ax.get_subplotspec() else 1
    inches = 0.9 * fig.get_figwidth() / columns
    room = int(length / width * inches / _LETTER)
    words = name if len(name) <= room else name[: room - 1] + "…"
    if words == name or room >= 4:
        place = (left + length / 2, depth + 0.5)
        ax.text(*place, words, ha="center", va="center", fontsize=9, clip_on=True)


def _unit(times: Iterable[float]) -> tuple[int, str]:
    """Return what to divide times in nanoseconds by, and the unit they are then in."""
    return (_MS, "ms") if max(times, default=0) >= _MS / 10 else (1, "ns")


def _in_time(ax: Axes, events: Iterable[tuple], marked: str = "") -> None:
    found = boxes(events)
    scale, unit = _unit(box.right for box in found)
    scaled = [
        Box(box.left / scale, box.right / scale, box.depth, box.name, box.fault)
        for box in found
    ]
    _blocks(ax, scaled, marked)
    ax.set(xlabel=f"time ({unit})", ylabel="call depth")


def flame_chart(ax: Axes, events: Iterable[tuple]) -> None:
    """Draw calls against time, the outermost at the bottom, faults in orange."""
    _in_time(ax, events)


def chart(events: Iterable[tuple], title: str, *, marked: str = "") -> Figure:
    """Return a wide flame chart; calls of `marked` stand out."""
    fig, ax = viz.figure("wide", height=2.9)
    _in_time(ax, events, marked)
    ax.set_title(title)
    return fig


def looks(samples: Sequence[tuple], title: str) -> Figure:
    """Draw each sample as a column of its frames, at its time."""
    fig, ax = viz.figure("wide", height=2.5)
    found = [
        Box(number + 0.04, number + 0.96, depth, name)
        for number, (_, stack) in enumerate(samples)
        for depth, name in enumerate(stack)
    ]
    _blocks(ax, found)
    scale, unit = _unit(time for time, _ in samples)
    ticks = [f"{time / scale:g}" for time, _ in samples]
    ax.set_xticks([number + 0.5 for number in range(len(samples))], ticks)
    ax.set(
        xlabel=f"time of the look ({unit})", ylabel="call depth", xlim=(0, len(samples))
    )
    ax.set_title(title)
    return fig


def _totals(events: Iterable[tuple]) -> dict[Stack, float]:
    """Return for each path of names the time between its starts and their ends.

    >>> _totals([("start", 0, "f", 0), ("start", 1, "g", 1),
    ...          ("end", 4, "g", 1), ("end", 5, "f", 0)])
    {('f', 'g'): 3, ('f',): 5}
    """
    found: dict[Stack, float] = {}
    path: list[tuple[str, float]] = []
    for kind, time, name, _ in events:
        if kind == "start":
            path.append((name, time))
        elif path:
            names = tuple(name for name, _ in path)
            found[names] = found.get(names, 0) + time - path.pop()[1]
    return found


def _prefixes(folded: Mapping[str, int]) -> dict[Stack, float]:
    """Return for each path of names how many looks it was seen in.

    >>> _prefixes({"f;g": 2, "f": 1})
    {('f',): 3, ('f', 'g'): 2}
    """
    found: dict[Stack, float] = {}
    for line, count in folded.items():
        names = tuple(line.split(";"))
        for depth in range(1, len(names) + 1):
            found[names[:depth]] = found.get(names[:depth], 0) + count
    return found


def _merged(weights: Mapping[Stack, float]) -> list[Box]:
    """Lay paths out as a flame graph: on its parent, from left to right by name.

    >>> for box in _merged({("f",): 5, ("f", "h"): 1, ("f", "g"): 3}):
    ...     print(box.name, box.left, box.right)
    f 0 5
    g 0 3
    h 3 4
    """
    filled: dict[Stack, float] = {(): 0}
    found = []
    for path, weight in sorted(weights.items()):
        left = filled[path[:-1]]
        found.append(Box(left, left + weight, len(path) - 1, path[-1]))
        filled[path[:-1]] = left + weight
        filled[path] = left
    return found


def flame_graph(events: Iterable[tuple], *, marked: str) -> Figure:
    """Merge equal stacks of a run; each is as wide as its time, whenever it was."""
    totals = _totals(events)
    scale, unit = _unit(totals.values())
    widths = {path: time / scale for path, time in totals.items()}
    return _graph(widths, f"time ({unit}), in no order", marked)


def folded_graph(folded: Mapping[str, int], *, marked: str) -> Figure:
    """Draw folded stacks, `root;...;leaf` and a count; widths are samples."""
    return _graph(_prefixes(folded), "samples", marked)


def _graph(widths: Mapping[Stack, float], unit: str, marked: str) -> Figure:
    fig, ax = viz.figure("wide", height=3.2)
    found = _merged(widths)
    _blocks(ax, found, marked)
    ax.set(xlabel=unit, ylabel="call depth")
    whole = sum(box.right - box.left for box in found if box.depth == 0) or 1
    part = sum(box.right - box.left for box in found if box.name == marked)
    places = sum(box.name == marked for box in found)
    where = "in one place" if places == 1 else f"spread over {places} places"
    ax.set_title(f"{marked}: {part / whole:.1%} of the width, {where}")
    return fig


def accounts(ax: Axes, stats: Mapping[str, Sequence[float]]) -> None:
    """Draw self time (black) within total time (outlined), with calls."""
    rows = sorted(stats, key=lambda name: (-stats[name][1], name))
    scale, unit = _unit(total for _, total, _ in stats.values())
    for row, name in enumerate(rows):
        own, total, calls = stats[name]
        ax.barh(row, total / scale, height=0.62, fc="white", ec=viz.BASELINE, lw=1.2)
        ax.barh(row, own / scale, height=0.62, color=viz.LEARNER)
        words = f" {own / scale:g} of {total / scale:g}, {calls} ×"
        ax.text(total / scale, row, words, va="center", fontsize=9)
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(axis="y", length=0)
    longest = max((stats[name][1] for name in rows), default=0) / scale or 1
    ax.set(xlim=(0, 1.6 * longest), ylim=(len(rows) - 0.4, -0.6))
    ax.set_xlabel(f"{unit}: self (black) of total (outlined), calls")


def ranking(shares: Mapping[str, Mapping[str, float]], title: str) -> Figure:
    """Draw shares in percent, a row for each name and a mark for each source."""
    fig, ax = viz.figure("wide", height=3.4)
    (first, true), (second, seen) = shares.items()
    rows = sorted(true, key=lambda name: -true[name])
    for row, name in enumerate(rows):
        ends = [true[name], seen.get(name, 0.0)]
        ax.plot(ends, [row, row], color=viz.BASELINE, lw=1)
        ax.plot(ends[0], row, "|", ms=14, mew=3, color=viz.BASELINE)
        ax.plot(ends[1], row, "o", ms=6, color=viz.LEARNER)
    ax.plot([], [], "|", ms=12, mew=3, color=viz.BASELINE, label=first)
    ax.plot([], [], "o", ms=6, color=viz.LEARNER, label=second)
    ax.legend(loc="lower right")
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(axis="y", length=0)
    ax.set(xlabel="self time (%)", ylim=(len(rows) - 0.5, -0.5), xlim=(0, None))
    ax.set_title(title)
    return fig


def errors(counts: Sequence[int], curves: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the error of a share, in points, against the number of samples."""
    fig, ax = viz.figure("wide")
    colours = (viz.COMPUTE, viz.LIMIT, viz.MEMORY, viz.BASELINE)
    for (name, curve), colour in zip(curves.items(), colours, strict=False):
        style = {"ls": "--", "lw": 1.2} if "√" in name else {"marker": "o"}
        ax.plot(counts, curve, color=colour, label=name, **style)
    ax.set(xscale="log", yscale="log", ylim=(0.2, 100))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:,.0f}")
    ax.set(xlabel="samples taken", ylabel="typical error (points)")
    ax.set_title("A hundred times the samples, a tenth of the error: unless in step")
    viz.label_lines(ax)
    return fig


def resonance(result: Mapping) -> Figure:
    """Draw the largest error at each period, and mark the periods that stand out."""
    fig, ax = viz.figure("wide", height=2.9)
    periods, points = result["ms"], result["points"]
    ax.plot(periods, points, color=viz.COMPUTE, lw=1.4)
    for loop in (5, 10, 15, 20):
        ax.axvline(loop, color=viz.LIMIT, lw=0.8, ls=":", zorder=0)
        ax.text(loop + 0.1, 76, f"{loop} ms", color=viz.LIMIT, va="top", fontsize=9)
    ax.set(
        xlabel="a look every … ms (the loop takes 10)", ylabel="worst error (points)"
    )
    ax.set(ylim=(0, 78), xlim=(periods[0], periods[-1]))
    safe = 100 * (points < 5).mean()
    ax.set_title(
        f"{result['n']} looks: {safe:.0f}% of the periods err by under 5 points"
    )
    return fig


def denoised(result: Mapping) -> Figure:
    """Draw the calls that are left with a minimum of `n` looks, and their number."""
    calls = sum(kind == "start" for kind, *_ in result["events"])
    n = result["n"]
    looks = "One look is enough" if n == 1 else f"{n} looks in a row"
    title = f"{looks}: {calls} calls are left, {result['seen']} of them gc"
    return chart(result["events"], title, marked="gc")


def conventions(
    spans: Mapping[str, Sequence[tuple[int, int, int]]],
) -> Figure:
    """Draw who owns each tick: (from, to, function number) in a row per convention."""
    fig, ax = viz.figure("wide", height=2.0)
    for row, parts in enumerate(spans.values()):
        for left, right, number in parts:
            style = {"fc": _PALE[number % 2], "ec": "white", "height": 0.7}
            ax.barh(row, right - left, left=left, **style)
            middle = (left + right) / 2
            ax.text(middle, row, f"function {number}", ha="center", va="center")
    last = max(right for parts in spans.values() for _, right, _ in parts)
    for tick in range(last + 1):
        ax.axvline(tick, color="white", lw=0.8)
    ax.set_xticks(range(last + 1))
    ax.set_yticks(range(len(spans)), spans)
    ax.set(xlabel="begin of tick", ylim=(len(spans) - 0.4, -0.6), xlim=(-0.1, last + 1))
    ax.set_title("One tick more or less for every end")
    return fig


def exclusive(ax: Axes, times: Sequence[int]) -> None:
    """Draw the exclusive time of each function number."""
    names = [f"function {number}" for number in range(len(times))]
    viz.bars(ax, names, list(times), "ticks", highlight=names)


def listing(ax: Axes, folded: Mapping[str, int]) -> None:
    """Write folded stacks with their counts, most frequent on top."""
    rows = sorted(folded.items(), key=lambda row: (-row[1], row[0]))
    for row, (line, count) in enumerate(rows):
        ax.text(0.0, row, f"{count:3}", family="monospace", weight="bold")
        words = line if len(line) <= 46 else f"{line[:22]}…{line[-23:]}"
        ax.text(0.1, row, words, family="monospace", fontsize=9)
    ax.set(xlim=(0, 1), ylim=(max(len(rows), 3), -1))
    ax.set_axis_off()


def forest(ax: Axes, trees: Sequence[tuple]) -> None:
    """Draw trees of (name, children): each node below and right of its parent."""
    rows: list[tuple[int, str, int]] = []  # depth, name, row of the parent

    def place(nodes: Sequence[tuple], depth: int, parent: int) -> None:
        for name, children in nodes:
            rows.append((depth, name, parent))
            place(children, depth + 1, len(rows) - 1)

    place(trees, 0, -1)
    for row, (depth, name, parent) in enumerate(rows):
        if parent >= 0:
            corner = [depth - 0.85, depth - 0.85, depth - 0.1]
            ax.plot(corner, [parent + 0.3, row, row], color=viz.BASELINE, lw=1)
        ax.text(depth, row, name, va="center", weight="bold" if not depth else None)
    ax.set(xlim=(-0.2, 5), ylim=(len(rows) - 0.3, -0.7))
    ax.set_axis_off()


def reports(ax: Axes, rows: Sequence[tuple[str, Sequence[tuple]]]) -> None:
    """Write events, each with the problems that were reported when it came."""
    row = 0
    for words, problems in rows:
        ax.text(0.0, row, words, family="monospace", fontsize=9, va="center")
        said = [f"{code} {name}" for code, _, name in problems] or ["·"]
        for line in said:
            colour = viz.LIMIT if problems else viz.BASELINE
            ax.text(0.45, row, line, color=colour, fontsize=9, va="center")
            row += 1
    ax.set(xlim=(0, 1), ylim=(max(row, 4) - 0.3, -0.7))
    ax.set_axis_off()
