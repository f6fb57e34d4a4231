"""The pictures of the notebook on state with time: plain data in, Figure out."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course import viz
from course.sim.state import Garbage

Run = tuple[int, int]
Span = tuple[float, float, str]  # from, until, what it says

_PALE = "#e4e5e9"
_BLUES = ("#5790fc", "#a9c7fd", "#3667b8", "#cfe0fe")


# -- the board ---------------------------------------------------------------------


def touched(n: int, row: int, col: int) -> Figure:
    """Draw one written cell of a board and the cells of all sums that contain it."""
    fig, ax = viz.figure("square", height=3.6)
    every = [(i, j) for i in range(n) for j in range(n)]
    lines = [
        {(i, j) for i, j in every if i == row},
        {(i, j) for i, j in every if j == col},
        {(i, j) for i, j in every if i == j},
        {(i, j) for i, j in every if i + j == n - 1},
    ]
    summed = [line for line in lines if (row, col) in line]
    for i, j in every:
        ax.add_patch(
            _square(i, j, viz.COMPUTE if (i, j) in set().union(*summed) else _PALE)
        )
    ax.add_patch(_square(row, col, viz.LEARNER))
    ax.text(col, row, "write", color="white", ha="center", va="center", size=9)
    ax.set(xlim=(-0.6, n - 0.4), ylim=(n - 0.4, -0.6), aspect="equal")
    ax.set(xticks=range(n), yticks=range(n), xlabel="column", ylabel="row")
    ax.set_title(f"One write changes {len(summed)} sums, by the same amount")
    return fig


def _square(row: int, col: int, shade: str):
    from matplotlib.patches import Rectangle

    return Rectangle((col - 0.48, row - 0.48), 0.96, 0.96, color=shade)


def board(
    n: int, cells: Mapping[tuple[int, int], int]
) -> Callable[[Axes, Mapping[str, int]], None]:
    """Return a drawing of a board's `cells` with the sums of a result in its margins.

    The result maps "row 0", …, "col 0", …, "main" and "anti" to sums.
    """

    def draw(ax: Axes, sums: Mapping[str, int]) -> None:
        for i in range(n):
            for j in range(n):
                ax.add_patch(_square(i, j, _PALE))
                ax.text(j, i, cells.get((i, j), 0), ha="center", va="center")
        strong = {"ha": "center", "va": "center", "weight": "bold"}
        for i in range(n):
            ax.text(n, i, sums[f"row {i}"], **strong)
            ax.text(i, n, sums[f"col {i}"], **strong)
        ax.text(n, n, f"{sums['main']}\nmain", **strong)
        ax.text(-1, n, f"{sums['anti']}\nanti", **strong)
        ax.set(xlim=(-1.6, n + 0.6), ylim=(n + 0.7, -0.6), aspect="equal")
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)

    return draw


# -- intervals ---------------------------------------------------------------------


def intervals(
    steps: Sequence[tuple[str, int, int]],
) -> Callable[[Axes, Sequence[Sequence[Run]]], None]:
    """Return a drawing of the runs after each of `steps`, one line for each step.

    A step is ("add" or "remove", lo, hi). What it names is marked above its line.
    """

    def draw(ax: Axes, states: Sequence[Sequence[Run]]) -> None:
        for y, ((kind, lo, hi), runs) in enumerate(zip(steps, states, strict=True)):
            ax.axhline(y, color=_PALE, lw=1, zorder=0)
            shade = viz.COMPUTE if kind == "add" else viz.LIMIT
            ax.plot([lo, hi], [y - 0.3] * 2, color=shade, lw=2, marker="|", ms=6)
            for first, last in runs:
                ax.plot(
                    *([first, last], [y, y]),
                    color=viz.LEARNER,
                    lw=5,
                    marker="s",
                    ms=6,
                    solid_capstyle="butt",
                )
        names = [f"{kind} {lo}…{hi}" for kind, lo, hi in steps]
        ax.set_yticks(range(len(steps)), names)
        ax.tick_params(axis="y", length=0)
        ends = [end for _, lo, hi in steps for end in (lo, hi)]
        ax.set(xlim=(min(ends) - 0.7, max(ends) + 0.7), ylim=(len(steps) - 0.5, -0.7))
        ax.set_xlabel("integer")
        ax.xaxis.get_major_locator().set_params(integer=True)

    return draw


def merging(
    steps: Sequence[tuple[str, int, int]], states: Sequence[Sequence[Run]]
) -> Figure:
    """Draw the runs after each step: how many there are, and where."""
    fig, ax = viz.figure("wide", height=1.2 + 0.42 * len(steps))
    intervals(steps)(ax, states)
    counts = " → ".join(str(len(runs)) for runs in states)
    ax.set_title(f"Runs after each step: {counts}")
    return fig


# -- lives -------------------------------------------------------------------------


def spans(
    keys: Sequence[str],
    until: float,
    marks: Iterable[tuple[float, str]] = (),
    unit: str = "s",
) -> Callable[[Axes, Mapping[str, Sequence[Span]]], None]:
    """Return a drawing of lanes, one a key, with a bar for each span.

    A span is (from, until, text). `marks` are (time, key) of moments to point out,
    such as a write.
    """

    def draw(ax: Axes, lanes: Mapping[str, Sequence[Span]]) -> None:
        for y, key in enumerate(keys):
            ax.axhline(y, color=_PALE, lw=1, zorder=0)
            for start, end, words in lanes.get(key, ()):
                width = min(end, until) - start
                ax.barh(y, width, left=start, height=0.5, color=viz.COMPUTE, ec="white")
                ax.text(start + width / 2, y, words, ha="center", va="center")
        for time, key in marks:
            ax.plot(time, keys.index(key) - 0.38, "v", color=viz.LIMIT, ms=6)
        ax.set_yticks(range(len(keys)), keys)
        ax.tick_params(axis="y", length=0)
        ax.set(
            xlim=(-0.3, until), ylim=(len(keys) - 0.5, -0.7), xlabel=f"time ({unit})"
        )

    return draw


def lives(
    lanes: Mapping[str, Sequence[Span]], until: float, puts: Iterable[tuple[float, str]]
) -> Figure:
    """Draw when the values of each key live, and the puts that began each life."""
    fig, ax = viz.figure("wide", height=2.6)
    spans(list(lanes), until, puts)(ax, lanes)
    ax.set_title("A second put starts a new life; the old deadline means nothing")
    return fig


def as_of(data: Mapping) -> Figure:
    """Draw the versions of each key along time, and what a reader at one time sees.

    `data` has `lanes` (key to spans), `at`, `until` and `seen` (key to value).
    """
    keys = list(data["lanes"])
    fig, ax = viz.figure("wide", height=1.3 + 0.5 * len(keys))
    spans(keys, data["until"], unit="ms")(ax, data["lanes"])
    ax.axvline(data["at"], color=viz.LIMIT)
    for y, key in enumerate(keys):
        if key in data["seen"]:
            ax.plot(data["at"], y, "o", color=viz.LEARNER, ms=9)
    said = ", ".join(f"{key} = {value}" for key, value in data["seen"].items())
    ax.set_title(f"As of {data['at']:g} ms: {said or 'nothing'}")
    return fig


# -- heaps -------------------------------------------------------------------------


def garbage(runs: Mapping[str, Garbage]) -> Figure:
    """Draw the entries of a heap of deadlines against the writes, one line a policy."""
    fig, ax = viz.figure("wide")
    live = next(iter(runs.values())).live
    writes = len(next(iter(runs.values())).entries)
    for (name, run), shade in zip(
        runs.items(), (viz.LIMIT, viz.COMPUTE, viz.MEMORY), strict=False
    ):
        ax.plot(range(1, writes + 1), run.entries, color=shade, lw=1.5, label=name)
    flat = [live] * 2
    ax.plot([1, writes], flat, color=viz.BASELINE, lw=1.5, ls="--", label="live keys")
    ax.set(xlabel="writes to the same keys", ylabel="entries in the heap")
    ax.set(yscale="log", ylim=(live / 3, None))
    ends = " or ".join(f"{run.most:,}" for run in runs.values())
    ax.set_title(f"{writes:,} writes to {live} keys leave up to {ends} entries")
    viz.label_lines(ax)
    return fig


def cleaning(data: Mapping) -> Figure:
    """Draw the heap under one factor, and what each factor costs in copied entries.

    `data` has the chosen `factor`, its `run`, the `factors` tried, and for each the
    entries `copied` per write.
    """
    fig, (left, right) = viz.figure("wide", cols=2)
    run = data["run"]
    left.plot(run.entries, color=viz.COMPUTE, lw=1.5)
    left.axhline(run.live, color=viz.BASELINE, ls="--", lw=1.5)
    left.set(xlabel="writes", ylabel="entries in the heap", ylim=(0, None))
    left.set_title(f"At most {run.most / run.live:.3g} entries a live key")
    right.plot(data["factors"], data["copied"], color=viz.MEMORY, marker="o")
    at = data["factors"].index(data["factor"])
    right.plot(data["factor"], data["copied"][at], "o", color=viz.LEARNER, ms=9)
    right.set(xlabel="rebuild above (× live keys)", ylabel="entries copied per write")
    right.set_ylim(0, None)
    right.set_title(f"{data['copied'][at]:.2g} copied per write")
    return fig


def comparisons(sizes: Sequence[int], counts: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the versions looked at by one read, against the length of the history."""
    fig, ax = viz.figure("wide", height=2.8)
    for (name, row), shade in zip(
        counts.items(), (viz.LIMIT, viz.COMPUTE), strict=False
    ):
        ax.plot(sizes, row, color=shade, marker="o", label=name)
    ax.set(xscale="log", yscale="log")
    ax.set(xlabel="versions of the key", ylabel="versions looked at")
    last = " against ".join(f"{row[-1]:,.0f}" for row in counts.values())
    ax.set_title(f"One read among {sizes[-1]:,} versions looks at {last}")
    viz.label_lines(ax)
    return fig


# -- money -------------------------------------------------------------------------


def money(names: Sequence[str], rows: Sequence[tuple] | Exception) -> Figure:
    """Draw balances and held money stacked over a run, against what should be there.

    A row is (time, balances in the order of `names`, held, due), where `due` is what
    was deposited less what was paid out. With an exception the axes stay empty.
    """
    fig, ax = viz.figure("wide")
    ax.set(xlabel="time (ms)", ylabel="cents")
    if isinstance(rows, Exception):
        ax.set(xticks=[], yticks=[])
        ax.set_title("No day to draw: the bank raised an error, or is not written yet")
        return fig
    times, due = [row[0] for row in rows], np.array([row[3] for row in rows])
    layers = np.array([[*row[1], row[2]] for row in rows], dtype=float).T
    colours = [_BLUES[i % len(_BLUES)] for i in range(len(names))] + [viz.MEMORY]
    ax.stackplot(times, layers, colors=colours, step="post")
    ax.plot(times, due, color=viz.LEARNER, drawstyle="steps-post")
    tops = np.cumsum(layers[:, -1])
    for name, top, size in zip([*names, "held"], tops, layers[:, -1], strict=True):
        if size > 0.04 * tops[-1]:
            where = times[-1], top - size / 2
            ax.annotate(name, where, (6, 0), textcoords="offset points", va="center")
    wrong = int((layers.sum(axis=0) != due).sum())
    said = "No cent is lost or made" if not wrong else f"Money is wrong {wrong} times"
    ax.set_title(f"{said}: the stack of balances ends at the black line of what is due")
    ax.set(ylim=(0, None), xlim=(times[0], times[-1] * 1.08))
    return fig


# -- stories -----------------------------------------------------------------------


def story(steps: Sequence[str]) -> Callable[[Axes, Sequence[object]], None]:
    """Return a drawing of `steps` as lines of text, each with what it returned."""

    def draw(ax: Axes, answers: Sequence[object]) -> None:
        for y, (step, answer) in enumerate(zip(steps, answers, strict=True)):
            ax.text(0, y, step, va="center")
            ax.text(1, y, repr(answer), va="center", ha="right", weight="bold")
        ax.set(xlim=(0, 1), ylim=(len(steps) - 0.4, -0.6))
        ax.set_axis_off()

    return draw
