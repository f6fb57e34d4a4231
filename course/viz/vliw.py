"""Pictures of VLIW programs: runs and counts in, Figure out; a trace for Perfetto.

What a run used is `Run.use`, recorded where `record=True` was asked for.
"""

import json
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from course import viz
from course.sim.vliw import LIMITS, SCRATCH, Run

_ENGINES = [engine for engine in LIMITS if engine != "debug"]
_COLUMNS = 360  # the most that a chart of this width can show apart
_SLOT_TID = 100  # a thread of the trace is 100 * engine + slot


def occupancy(run: Run) -> Figure:
    """Draw how full each engine is, cycle by cycle; long runs in steps of cycles.

    Raises ValueError for a run without a record of its slots.
    """
    share = _shares(run)
    cycles = share.shape[1]
    step = max(1, -(-cycles // _COLUMNS))
    edges = np.arange(0, cycles, step)
    widths = np.diff([*edges, cycles])
    binned = np.add.reduceat(share, edges, axis=1) / widths
    fig, ax = viz.figure("wide", height=2.9)
    mesh = ax.pcolormesh(
        *(np.append(edges, cycles), np.arange(len(_ENGINES) + 1), binned),
        **{"cmap": "Greys", "vmin": 0, "vmax": 1},
    )
    ax.set_yticks(np.arange(len(_ENGINES)) + 0.5, _ENGINES)
    ax.tick_params(axis="y", length=0)
    ax.invert_yaxis()
    for row, used in enumerate(share.mean(axis=1)):
        place = (1.01, (len(_ENGINES) - row - 0.5) / len(_ENGINES))
        words = {"va": "center", "transform": ax.transAxes}
        ax.text(*place, f"{100 * used:.0f} %", **words)
        ax.axhline(row, color="white", lw=3)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("cycle" if step == 1 else f"cycle, {step} to a column")
    ax.set_ylabel("engine")
    bar = fig.colorbar(mesh, ax=ax, pad=0.09, ticks=(0, 0.5, 1))
    bar.ax.set_yticklabels(("0", "50", "100"))
    bar.set_label("slots used, %")
    ax.set_title(_finding(share))
    return fig


def utilisation(run: Run) -> Figure:
    """Draw the share of its slots that each engine uses over the whole run.

    Raises ValueError for a run without a record of its slots.
    """
    share = _shares(run)
    used = 100 * share.mean(axis=1)
    fig, ax = viz.figure("narrow")
    for row, value in enumerate(used):
        colour = viz.LEARNER if value == used.max() else viz.BASELINE
        ax.barh(row, value, color=colour, height=0.68)
        ax.text(103, row, f"{value:.0f} %", va="center")
    labels = [f"{engine}, {LIMITS[engine]} a cycle" for engine in _ENGINES]
    ax.set_yticks(range(len(labels)), labels)
    ax.tick_params(axis="y", length=0)
    ax.axvline(100, color=viz.LIMIT, ls="--")
    ax.set(xlabel="slots used, %", ylabel="engine", xlim=(0, 116))
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.set_title(_finding(share))
    return fig


def _shares(run: Run) -> np.ndarray:
    """Return the share of slots used, an engine a row, a cycle a column."""
    if not run.use:
        raise ValueError("this run has no record of its slots: run with record=True")
    limits = np.array([LIMITS[engine] for engine in _ENGINES])
    return np.array(run.use, float).T / limits[:, None]


def _finding(share: np.ndarray) -> str:
    means = share.mean(axis=1)
    name = _ENGINES[int(means.argmax())]
    full = 100 * (share[int(means.argmax())] == 1).mean()
    return (
        f"{name} is the busiest: {100 * means.max():.0f} % of its slots, "
        f"full in {full:.0f} % of {share.shape[1]:,} cycles"
    )


def live(words: Sequence[int], size: int = SCRATCH) -> Figure:
    """Draw how many scratch words hold something still to be read, bundle by bundle.

    `words` is what `live_words` returns.
    """
    fig, ax = viz.figure("wide", height=2.9)
    most = max(words, default=0)
    ax.fill_between(range(len(words)), words, color=viz.MEMORY, alpha=0.25, lw=0)
    ax.plot(words, color=viz.MEMORY, lw=1.2)
    ax.axhline(size, color=viz.LIMIT, ls="--")
    ax.text(0, 1.01 * size, f" scratch: {size:,} words", va="bottom", color=viz.LIMIT)
    ax.set(xlabel="bundle", ylabel="live words", ylim=(0, 1.14 * size))
    ax.margins(x=0)
    ax.set_title(f"At most {most:,} words are live, {100 * most / size:.0f} % of all")
    return fig


def ladder(rungs: Sequence[tuple[str, int, int | None]]) -> Figure:
    """Draw the cycles after each pass, on a logarithmic axis, beside the bound.

    A rung is (name, cycles, slot-count bound of its method or None); the last one is
    yours. The dashed line is the last bound.
    """
    if not rungs:
        raise ValueError("a ladder needs a rung")
    names = [name for name, *_ in rungs]
    cycles = [count for _, count, _ in rungs]
    fig, ax = viz.figure("wide", height=1.2 + 0.34 * len(rungs))
    viz.bars(ax, names, cycles, "cycles, logarithmic", highlight=names[-1])
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    lowest = min(cycles + [limit for *_, limit in rungs if limit])
    ax.set_xlim(lowest / 2, 2.6 * max(cycles))
    for row, (*_, limit) in enumerate(rungs):
        if limit:
            style = {"color": viz.LIMIT, "lw": 2.5, "zorder": 3}
            ax.plot([limit, limit], [row - 0.34, row + 0.34], **style)
    ends = f"{cycles[0]:,} to {cycles[-1]:,} cycles: {cycles[0] / cycles[-1]:.1f} times"
    title = f"{ends} as fast"
    if rungs[-1][2]:
        ax.axvline(rungs[-1][2], color=viz.LIMIT, ls="--", lw=1)
        over = 100 * (cycles[-1] / rungs[-1][2] - 1)
        title += f", {over:.1f} % above the bound"
        note = "bar: the bound of each method; dashed: the last one"
        place = {"ha": "right", "va": "bottom", "transform": ax.transAxes}
        ax.text(1, 0.02, note, color=viz.LIMIT, fontsize=9, **place)
    ax.set_title(title)
    return fig


def trace(
    program: Sequence[Mapping[str, Sequence[tuple]]], path: Sequence[int] | None = None
) -> str:
    """Return a run as JSON that ui.perfetto.dev and chrome://tracing open.

    A cycle shows as a microsecond, each slot of an engine as a thread, debug slots not
    at all. `path` is `Run.path`; without it the program is run straight through.

    Source: Google, "Trace Event Format", 2016.

    >>> events = json.loads(trace([{"alu": [("+", 2, 0, 1)]}]))["traceEvents"]
    >>> events[-1]["name"], events[-1]["ts"], events[-1]["dur"]
    ('+ 2 0 1', 0, 1)
    """
    if path is None:
        path = [pc for pc, bundle in enumerate(program) if set(bundle) - {"debug"}]
    slices, threads = [], set()
    for cycle, pc in enumerate(path):
        for row, engine in enumerate(_ENGINES):
            for number, slot in enumerate(program[pc].get(engine, ())):
                threads.add((row, number))
                event = {"name": " ".join(map(str, slot)), "ph": "X", "ts": cycle}
                event |= {"dur": 1, "pid": 0, "tid": _SLOT_TID * row + number}
                slices.append(event)
    names = [{"name": "process_name", "ph": "M", "pid": 0, "args": {"name": "VLIW"}}]
    for row, number in sorted(threads):
        thread = {"ph": "M", "pid": 0, "tid": _SLOT_TID * row + number}
        label = {"name": f"{_ENGINES[row]} {number}"}
        names.append({"name": "thread_name", **thread, "args": label})
        order = {"sort_index": _SLOT_TID * row + number}
        names.append({"name": "thread_sort_index", **thread, "args": order})
    return json.dumps({"traceEvents": names + slices}, separators=(",", ":"))
