"""The pictures of the file deduplication notebook: plain data in, Figure out."""

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course import viz
from course.sim.files import Stage

_PALE = "#b5b7bf"  # the second grey, where neighbours must be told apart


def funnel(stages: Sequence[Stage]) -> Figure:
    """Draw how many files each stage leaves, and how many megabytes it reads."""
    fig, (left, right) = viz.figure("wide", cols=2)
    names = [stage.name for stage in stages]
    viz.bars(left, names, [stage.files for stage in stages], "files")
    left.set_title(f"{stages[0].files} files shrink to {stages[-1].files}")
    viz.bars(right, names, [stage.read / 1e6 for stage in stages], "MB read")
    right.set_title("One stage does the reading")
    return fig


def listing(names: Collection[str]) -> Callable[[Axes, Collection[str]], None]:
    """Return a drawing of `names` in which a filled dot marks those that were found."""

    def draw(ax: Axes, found: Collection[str]) -> None:
        rows = sorted(names)
        for y, name in enumerate(rows):
            fill, weight = ("black", "bold") if name in found else ("white", "normal")
            ax.plot(0, y, "o", ms=11, mec="black", mfc=fill)
            ax.text(0.06, y, name, va="center", weight=weight)
        ax.set(xlim=(-0.1, 1), ylim=(len(rows) - 0.5, -0.5))
        ax.set_axis_off()

    return draw


def requests(size: int, delivered: int) -> Callable[[Axes, Sequence], None]:
    """Return a drawing of requests (offset, n), of which `delivered` bytes arrive."""

    def draw(ax: Axes, asked: Sequence[tuple[int, int]]) -> None:
        for row, (offset, n) in enumerate(asked):
            ax.barh(row, n, left=offset, color=viz.COMPUTE, height=0.7)
            ax.barh(row, min(n, delivered), left=offset, color=viz.LEARNER, height=0.7)
        rows = size // delivered + 2
        ax.set(ylim=(rows + 0.5, -0.5), xlim=(0, 1.05 * size))
        ax.set(xlabel="byte", ylabel="request")

    return draw


def bill(others: Mapping[str, float], yours: Mapping[str, object]) -> Figure:
    """Draw megabytes read, most on top; of `yours`, exceptions are left out."""
    written = {k: v for k, v in yours.items() if not isinstance(v, Exception)}
    rows = sorted({**others, **written}.items(), key=lambda row: -row[1])
    names, values = zip(*rows, strict=True)
    fig, ax = viz.figure("wide")
    viz.bars(ax, names, values, "MB", highlight=written)
    ax.set_title("Bytes read to find the duplicates of the shared drive")
    return fig


def staged(chosen: int, sizes: Sequence[int], curves: Mapping[str, list]) -> Figure:
    """Draw megabytes read against the bytes compared at each end, for each folder."""
    fig, ax = viz.figure("wide")
    at = sizes.index(chosen)
    colours = (viz.COMPUTE, viz.MEMORY, viz.BASELINE)
    for (name, curve), colour in zip(curves.items(), colours, strict=True):
        ax.plot(sizes, curve, marker="o", ms=3, color=colour, label=name)
        ax.plot(chosen, curve[at], "o", ms=9, color=colour)
        place = {"textcoords": "offset points", "ha": "center"}
        ax.annotate(f"{curve[at]:.1f}", (chosen, curve[at]), (0, 9), **place)
    ax.axvline(chosen, color=viz.LIMIT, lw=1, zorder=0)
    ax.set_xscale("log", base=2)
    ax.set(xlabel="bytes compared at each end", ylabel="MB read", ylim=(0, None))
    best = {name: sizes[int(np.argmin(curve))] for name, curve in curves.items()}
    cheapest = ", ".join(f"{name} {size:,}" for name, size in best.items())
    ax.set_title(f"Cheapest look, in bytes: {cheapest}")
    viz.label_lines(ax)
    return fig


def growth(plans: Mapping[str, Sequence[int]], difference: int) -> Figure:
    """Draw the blocks of each plan, in KiB, and where two files first differ."""
    fig, ax = viz.figure("wide", height=2.3)
    found = {}
    for row, (name, blocks) in enumerate(plans.items()):
        start = 0
        for number, block in enumerate(blocks):
            shade = viz.COMPUTE if number % 2 else viz.BASELINE
            ax.barh(row, block, left=start, color=shade, ec="white", height=0.6)
            start += block
            if start > difference:
                found.setdefault(name, start)
    ax.axvline(difference, color=viz.LIMIT)
    ax.text(difference + 2, -0.55, "first difference", color=viz.LIMIT, va="center")
    ax.set_yticks(range(len(plans)), plans)
    ax.set(xlabel="KiB from the start", ylim=(len(plans) - 0.5, -0.8), xlim=(0, 256))
    reads = ", ".join(f"{end} KiB when {name}" for name, end in found.items())
    ax.set_title(f"Read until the difference at {difference} KiB shows: {reads}")
    return fig


def reuse(rows: Mapping[str, tuple[Sequence[bytes], Sequence[bytes]]]) -> Figure:
    """Draw, for each way of cutting, the (old, new) chunks: those known, those new."""
    fig, ax = viz.figure("wide", height=1.4 + 0.5 * len(rows))
    labels = []
    for row, (name, (old, new)) in enumerate(rows.items()):
        known = set(old)
        start = 0
        for number, chunk in enumerate(new):
            shade = (viz.BASELINE, _PALE)[number % 2] if chunk in known else viz.LIMIT
            ax.barh(row, len(chunk), left=start, height=0.6, color=shade, ec="white")
            start += len(chunk)
        share = sum(chunk in known for chunk in new) / max(len(new), 1)
        labels.append(f"{name}\n{share:.0%} reused")
    ax.set_yticks(range(len(rows)), labels)
    ax.set(ylim=(len(rows) - 0.4, -0.6), xlabel="byte")
    ax.set_title("After inserting one byte: grey chunks are known, orange ones are new")
    return fig


def upkeep(rescan: Sequence[int], index: Sequence[int] | Exception) -> Figure:
    """Draw the bytes read up to each event by a full rescan and by an index."""
    fig, ax = viz.figure("wide", height=2.8)
    ax.plot(rescan, color=viz.BASELINE, label="rescan everything")
    if not isinstance(index, Exception):
        ax.plot(index, color=viz.LEARNER, label="your index")
    ax.set(xlabel="events so far", ylabel="bytes read", ylim=(0, None))
    ax.set_title("An index pays for what is new, a rescan for everything again")
    viz.label_lines(ax)
    return fig


def collision(chance: Mapping) -> Figure:
    """Draw the chance of a collision against the number of files, one line a digest.

    `chance` holds the chosen `files` and `bits`, their `odds`, and the axis `x` with
    one curve per number of bits in `curves`.
    """
    fig, ax = viz.figure("wide")
    for bits, curve in chance["curves"].items():
        chosen = bits == chance["bits"]
        colour = viz.COMPUTE if chosen else viz.BASELINE
        ax.plot(chance["x"], curve, color=colour, lw=2.5 if chosen else 1)
        at = np.searchsorted(curve, min(1e-6, curve.max() / 100))
        where = chance["x"][at], 3 * curve[at]
        ax.annotate(f"{bits} bits", where, ha="right", color=colour)
    ax.axhline(1e-9, color=viz.LIMIT, lw=1)
    ax.text(1e12, 2e-9, "one in a billion", color=viz.LIMIT)
    ax.plot(chance["files"], chance["odds"], "o", color=viz.LEARNER, ms=9)
    ax.set(xscale="log", yscale="log", ylim=(1e-20, 10))
    ax.set(xlabel="number of files", ylabel="chance of a collision")
    now = f"{chance['files']:.2g} files, {chance['bits']} bits"
    ax.set_title(f"{now}: chance {chance['odds']:.2g}")
    return fig
