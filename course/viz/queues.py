"""The pictures of the notebook on queues and threads: plain data in, Figure out."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from course import viz
from course.sim.backlog import Backlog
from course.sim.interleave import Frame, Line

_PALE = "#e4e5e9"
_PLACES = ("first to pass", "second", "third", "fourth")
_FAULTS = ("crashed", "IndexError", "nobody is left", "nobody is waiting")


def frame(programs: Mapping[str, Sequence[Line]], now: Frame, steps: int) -> Figure:
    """Draw one frame: each thread's lines, the next one marked, and what they share."""
    fig, axes = viz.figure("wide", cols=len(programs), height=3.0)
    for ax, (name, program) in zip(np.atleast_1d(axes), programs.items(), strict=True):
        chosen = name == now.moved
        for row, (text, _) in enumerate(program):
            if row == now.next_line[name]:
                ax.axhspan(row - 0.45, row + 0.45, color=_PALE)
                ax.text(-0.02, row, "▸", ha="right", va="center")
            size = 9 if len(program) > 3 else 10
            ax.text(0.02, row, text, family="monospace", size=size, va="center")
        state = now.state[name]
        holds = ", holds the lock" if now.holder == name else ""
        colour = {"crashed": viz.LIMIT, "asleep": viz.MEMORY}.get(state, "black")
        ax.text(0, 5.4, state + holds, color=colour, weight="bold", va="center")
        ax.set(xlim=(-0.12, 1), ylim=(5.9, -0.7))
        ax.set_axis_off()
        title = f"thread {name}" + (" – moved" if chosen else "")
        ax.set_title(title, weight="bold" if chosen else "normal")
    fault = any(word in now.note for word in _FAULTS)
    words = f"step {now.step} of {steps}: {now.note}"
    fig.suptitle(words, color=viz.LIMIT if fault else "black", x=0.01, ha="left")
    fig.supxlabel(f"shared: {now.shared}", family="monospace", size=11)
    return fig


def backlogs(runs: Mapping[str, Backlog]) -> Figure:
    """Draw the depth of the queue over time, and how long items waited, by run."""
    fig, (left, right) = viz.figure("wide", cols=2)
    colours = (viz.BASELINE, viz.COMPUTE)
    for (name, run), colour in zip(runs.items(), colours, strict=False):
        left.plot(np.arange(len(run.depth)) / 1e3, run.depth, color=colour, label=name)
    left.set(xlabel="seconds", ylabel="items in the queue", ylim=(0, None))
    deepest = {name: max(run.depth) for name, run in runs.items()}
    told = ", ".join(f"{depth} {name}" for name, depth in deepest.items())
    left.set_title(f"At most {told}")
    left.legend(frameon=False, loc="upper left")
    oldest = [max(run.age) for run in runs.values()]
    viz.bars(right, list(runs), oldest, "ms that the oldest item waited")
    right.set_title("A deep queue is a long wait")
    return fig


def modes(seconds: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw how many times faster threads and processes are than one by one."""
    fig, axes = viz.figure("wide", cols=len(seconds), height=2.8, sharex=True)
    for ax, (kind, by) in zip(axes, seconds.items(), strict=True):
        base = by["one by one"]
        viz.bars(ax, list(by), [base / one for one in by.values()], "times as fast")
        gain = {how: base / by[how] for how in ("threads", "processes")}
        told = ", ".join(f"{how} ×{times:.1f}" for how, times in gain.items())
        ax.set_title(f"{kind}: {told}")
    for ax in axes[1:]:
        ax.set_yticklabels([])
    return fig


def speedups(curve: Mapping) -> Figure:
    """Draw the speed-up against the number of threads, and the limit it nears."""
    fig, ax = viz.figure("wide", height=2.8)
    ax.plot(curve["threads"], curve["threads"], color=viz.BASELINE, label="ideal")
    ax.plot(curve["threads"], curve["speedup"], color=viz.COMPUTE, label="modelled")
    ax.set(xlabel="threads", ylabel="times as fast", ylim=(0, max(curve["threads"])))
    ax.yaxis.get_major_locator().set_params(integer=True)
    best = max(curve["speedup"])
    ax.set_title(
        f"{curve['locked']:.0%} of the time with the lock, {curve['cores']} "
        f"processors: at most {best:.2g} times as fast"
    )
    viz.label_lines(ax)
    return fig


def depth(capacity: int, words: Sequence[str]) -> Callable[[Axes, Sequence], None]:
    """Return a drawing of the depth after each call, with what the call said."""

    def draw(ax: Axes, calls: Sequence[tuple[int, str]]) -> None:
        for x, (deep, said) in enumerate(calls):
            fault = said in ("full", "empty", "closed")
            ax.bar(x, deep, color=viz.LEARNER if not fault else viz.BASELINE, width=0.7)
            colour = viz.LIMIT if fault else "black"
            ax.text(x, deep + 0.1, said, ha="center", color=colour)
        ax.axhline(capacity, color=viz.LIMIT, lw=1)
        ax.set_xticks(range(len(words)), words, rotation=90)
        ax.set(ylabel="items", ylim=(0, capacity + 1), yticks=range(capacity + 2))

    return draw


def fates(kinds: Sequence[str]) -> Callable[[Axes, Mapping[str, int]], None]:
    """Return a drawing of how many items ended in each way."""

    def draw(ax: Axes, counts: Mapping[str, int]) -> None:
        viz.bars(ax, list(kinds), [counts.get(kind, 0) for kind in kinds], "items")
        ax.set_xlim(0, 8)

    return draw


def ahead(limit: int) -> Callable[[Axes, Sequence[int]], None]:
    """Return a drawing of how many items were drawn ahead after each result."""

    def draw(ax: Axes, lead: Sequence[int]) -> None:
        ax.plot(range(1, len(lead) + 1), lead, color=viz.LEARNER, marker="o", ms=4)
        ax.axhline(limit, color=viz.LIMIT, lw=1)
        ax.text(1, limit * 1.04, "limit", color=viz.LIMIT)
        ax.set(xlabel="results received", ylabel="items drawn ahead")
        ax.set(ylim=(0, 1.6 * limit))

    return draw


def rounds(parties: int) -> Callable[[Axes, Sequence[Sequence[int]]], None]:
    """Return a drawing of which rounds were open when each thread passed a barrier."""

    def draw(ax: Axes, passed: Sequence[Sequence[int]]) -> None:
        for row, order in enumerate(passed):
            for x, number in enumerate(order):
                colour = viz.COMPUTE if number == row else viz.LIMIT
                ax.text(x, row, f"round {number}", ha="center", color=colour)
        ax.set(xlim=(-0.6, parties - 0.4), ylim=(len(passed) - 0.5, -0.5))
        ax.set_xticks(range(parties), _PLACES[:parties])
        ax.set_yticks([])

    return draw


def picture(ax: Axes, image: np.ndarray) -> None:
    """Draw one picture, in colour or in grey."""
    ax.imshow(image, cmap="gray", vmin=0, vmax=255)
    ax.set_axis_off()


def lock_order(
    locks: Sequence[str], edges: Sequence[tuple[str, str, str]]
) -> Callable[[Axes, Sequence[Sequence[str]]], None]:
    """Return a drawing of who takes which lock after which; cycles stand out.

    An edge is (held, wanted, thread).
    """
    angle = np.linspace(0.5 * np.pi, 2.5 * np.pi, len(locks), endpoint=False)
    place = dict(
        zip(locks, zip(np.cos(angle), np.sin(angle), strict=True), strict=True)
    )

    def draw(ax: Axes, cycles: Sequence[Sequence[str]]) -> None:
        bad = {
            (a, b)
            for cycle in cycles
            for a, b in zip(cycle, [*cycle[1:], cycle[0]], strict=True)
        }
        for held, wanted, thread in edges:
            fault = (held, wanted) in bad
            colour = viz.LIMIT if fault else viz.BASELINE
            start, end = place[held], place[wanted]
            ax.add_patch(
                FancyArrowPatch(
                    *(start, end),
                    arrowstyle="-|>",
                    connectionstyle="arc3,rad=0.15",
                    color=colour,
                    lw=2.5 if fault else 1.2,
                    mutation_scale=16,
                    shrinkA=16,
                    shrinkB=16,
                )
            )
            x, y = (np.add(start, end)) / 2
            dx, dy = np.subtract(end, start)
            ax.text(x + 0.17 * dy, y - 0.17 * dx, thread, color=colour, ha="center")
        for name, (x, y) in place.items():
            ax.text(x, y, name, ha="center", va="center", weight="bold", size=12)
        ax.set(xlim=(-1.4, 1.4), ylim=(-1.3, 1.35), aspect="equal")
        ax.set_axis_off()

    return draw
