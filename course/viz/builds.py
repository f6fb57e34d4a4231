"""The pictures of the notebook on progressive builds: plain data in, Figure out."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course import viz
from course.sim.builds import Step
from course.sim.shape import Shape

_PALE = "#e4e5e9"
_MOST_LINES, _MOST_BRANCHES, _MOST_LIKE = 20, 10, 0.8


# -- levels and minutes ------------------------------------------------------------


def ladder(levels: Sequence[tuple[str, str, str]]) -> Figure:
    """Draw what each level adds to one class; a level is (name, adds, asks)."""
    from matplotlib.patches import Rectangle

    fig, ax = viz.figure("wide", height=3.4)
    for i, (name, adds, asks) in enumerate(levels):
        for below in range(i + 1):
            shade = viz.COMPUTE if below == i else _PALE
            ax.add_patch(Rectangle((i + 0.04, below), 0.92, 0.92, color=shade))
        label = {"ha": "center", "va": "center"}
        ax.text(i + 0.5, i + 0.46, f"{name}\n{adds}", weight="bold", size=9, **label)
        words = "\n".join(textwrap.wrap(asks, 26))
        ax.text(i + 0.5, i + 1.0, words, ha="center", va="bottom", size=8.5)
    ax.set(xlim=(0, len(levels)), ylim=(0, len(levels) + 0.75), xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.set_title("Each level stands on those below and asks them one new question")
    return fig


def pace(
    marks: Mapping[str, float],
    points: Mapping[str, int],
    reached: Mapping[str, float] | None = None,
) -> Figure:
    """Draw points against minutes: the plan's steps, and yours where there are any."""
    reached = reached or {}
    fig, ax = viz.figure("wide", height=3.0)
    _steps(ax, marks, points, viz.BASELINE, "the plan", dashed=True)
    if reached:
        _steps(ax, reached, points, viz.LEARNER, "you", dashed=False)
    end = max([*marks.values(), *reached.values()])
    ax.set(xlabel="minute", ylabel="points", xlim=(0, end * 1.16), ylim=(0, 108))
    ax.set_title(_pace_title(marks, points, reached))
    return fig


def tried(data: Mapping[str, Mapping]) -> Figure:
    """Draw a what-if: `data` with `marks`, `points` and `reached`, as `pace` does."""
    fig = pace(data["marks"], data["points"], data["reached"])
    total = sum(data["points"][stage] for stage in data["reached"])
    end = max(data["marks"].values())
    fig.axes[0].set_title(f"This sitting has {total} points at minute {end:.0f}")
    return fig


def _steps(
    ax: Axes,
    minutes: Mapping[str, float],
    points: Mapping[str, int],
    color: str,
    name: str,
    *,
    dashed: bool,
) -> None:
    total, xs, ys = 0, [0.0], [0]
    for stage, minute in minutes.items():
        xs += [minute, minute]
        ys += [total, total + points[stage]]
        total += points[stage]
        if dashed:
            ax.text(minute - 0.6, total + 1, stage, ha="right", va="bottom", size=8.5)
        else:
            ax.plot(minute, total, "o", color=color, ms=5)
    ax.plot(xs, ys, color=color, lw=2, ls="--" if dashed else "-")
    va = "center" if dashed else "top"  # below its end, beside the other line
    ax.text(xs[-1] + 0.8, ys[-1] - (0 if dashed else 3), name, color=color, va=va)


def _pace_title(
    marks: Mapping[str, float], points: Mapping[str, int], reached: Mapping[str, float]
) -> str:
    if reached:
        last = list(reached)[-1]
        late = reached[last] - marks[last]
        how = f"{abs(late):.0f} {'after' if late > 0 else 'before'} the plan"
        return f"You reached {last} at minute {reached[last]:.0f}, {how}"
    half, total = 0, sum(points.values())
    for stage, minute in marks.items():
        half += points[stage]
        if 2 * half >= total:
            return f"The plan has {half} of {total} points by minute {minute:.0f}"
    return "The plan"


# -- the worked example ------------------------------------------------------------


def two_memories(data: Mapping[str, object]) -> Figure:
    """Draw one value over time, as a log keeps it and as an overwritten cell does.

    `data` has `events` (time, value or None), `at`, `until` and `seen`.
    """
    fig, ax = viz.figure("wide", height=2.7)
    events, at, until = data["events"], data["at"], data["until"]
    ends = [time for time, _ in events[1:]] + [until]
    for (start, value), end in zip(events, ends, strict=True):
        if value is None:
            ax.text((start + end) / 2, 1, "removed", ha="center", va="center", size=9)
            continue
        ax.barh(1, end - start - 0.08, left=start, height=0.6, color=viz.COMPUTE)
        ax.text((start + end) / 2, 1, value, ha="center", va="center", weight="bold")
    start, value = events[-1]
    ax.barh(0, until - start - 0.08, left=start, height=0.6, color=viz.BASELINE)
    ax.text(
        *((start + until) / 2, 0, value),
        ha="center",
        va="center",
        color="white",
        weight="bold",
    )
    ax.text(start - 0.2, 0, "nothing left to read", ha="right", va="center", size=9)
    ax.axvline(at, color=viz.LEARNER, lw=2)
    ax.set_yticks([0, 1], ["overwritten value", "log of events"])
    ax.tick_params(axis="y", length=0)
    ax.set(xlim=(0, until), ylim=(-0.6, 1.7), xlabel="time")
    seen = "nothing" if data["seen"] is None else data["seen"]
    ax.set_title(f"At {at:g} the log reads: {seen}")
    return fig


def stored(changes: Sequence[int], kept: Mapping[str, Sequence[int]]) -> Figure:
    """Draw how many values are stored after so many changes, for each way."""
    fig, ax = viz.figure("wide", height=3.0)
    for (name, values), color in zip(
        kept.items(), (viz.BASELINE, viz.COMPUTE), strict=True
    ):
        ax.plot(changes, values, color=color, lw=2, marker="o", ms=4)
        ax.text(changes[-1] * 1.08, values[-1], name, color=color, va="center")
    first, second = (values[-1] for values in kept.values())
    ax.set(xscale="log", yscale="log", xlabel="changes", ylabel="values stored")
    ax.set_xlim(right=changes[-1] * 12)
    ax.set_title(
        f"After {changes[-1]:,} changes a copy of everything each time stores "
        f"{first / second:,.0f} times as much"
    )
    return fig


# -- your own class ----------------------------------------------------------------


def transcript(steps: Sequence[Step]) -> Callable[[Axes, Sequence[str]], None]:
    """Return a drawing of what each step of an example returned, right or wrong."""

    def draw(ax: Axes, said: Sequence[str]) -> None:
        for y, (step, got) in enumerate(zip(steps, said, strict=True)):
            fine = got == repr(step.want)
            color = viz.LEARNER if fine else viz.LIMIT
            ax.axhline(y + 0.5, color=_PALE, lw=0.8)
            call = textwrap.shorten(str(step), 34, placeholder="…")
            answer = textwrap.shorten(got, 26, placeholder="…")
            ax.text(0.0, y, call, va="center", family="monospace", size=7.5)
            ax.text(
                *(0.98, y, f"{answer} {'✓' if fine else '✗'}"),
                ha="right",
                va="center",
                family="monospace",
                size=7.5,
                color=color,
            )
        if not steps:
            words = "the example appears when this level is open"
            ax.text(0.5, 0, words, ha="center", color=viz.BASELINE)
        ax.set(xlim=(0, 1), ylim=(max(len(steps), 1) - 0.4, -0.6), xticks=[], yticks=[])
        ax.spines[:].set_visible(False)

    return draw


def shape(measured: Shape) -> Figure:
    """Draw the longest functions, those that branch most, and twins, with limits."""
    fig, axes = viz.figure("wide", cols=3, height=3.2)
    longest = {f.name: f.lines for f in measured.functions}
    deepest = {f.name: f.branches for f in measured.functions}
    twins = {t.name: t.likeness for t in measured.twins}
    panels = (
        (longest, _MOST_LINES, "lines"),
        (deepest, _MOST_BRANCHES, "branches"),
        (twins, _MOST_LIKE, "likeness of x and x_at"),
    )
    for ax, (numbers, limit, unit) in zip(axes, panels, strict=True):
        top = sorted(numbers.items(), key=lambda pair: -pair[1])[:6]
        for y, (_, number) in enumerate(top):
            over = number > limit
            ax.barh(y, number, color=viz.LIMIT if over else viz.LEARNER, height=0.6)
            words = f"{number:.2g}" + (" over" if over else "")
            inside = number > 0.3 * limit
            ax.text(
                *(number, y, f"{words} " if inside else f" {words}"),
                ha="right" if inside else "left",
                color="white" if inside else viz.LEARNER,
                va="center",
                size=8,
            )
        ax.axvline(limit, color=viz.BASELINE, ls="--")
        ax.set_yticks(range(len(top)), [name for name, _ in top], size=8)
        ax.tick_params(axis="y", length=0)
        most = max([limit, *(number for _, number in top)])
        ax.set(xlabel=unit, xlim=(0, most * 1.3), ylim=(5.6, -0.6))
        first = f"{top[0][1]:.2g}" if top else "none"
        ax.set_title(f"highest {first}, limit {limit:g}", size=9)
    return fig
