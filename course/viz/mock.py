"""The pictures of the notebook on mock interviews: plain data in, Figure out."""

from collections.abc import Callable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course import viz

_PALE = "#e4e5e9"


def review_curves(data: Mapping) -> Figure:
    """Draw precision, recall and F1 against the number of places named.

    `data` holds `named` (the number chosen), and lists `precision`, `recall`, `f1`
    for 1, 2, … places.
    """
    fig, ax = viz.figure("wide", height=3.2)
    counts = range(1, len(data["f1"]) + 1)
    chosen = data["named"]
    ax.axvline(chosen, color=_PALE, lw=6, zorder=0)
    ax.plot(counts, data["precision"], color=viz.COMPUTE, label="precision")
    ax.plot(counts, data["recall"], color=viz.MEMORY, label="recall", ls="--")
    ax.plot(counts, data["f1"], color=viz.LEARNER, label="F1", lw=2.4)
    ax.plot([chosen], [data["f1"][chosen - 1]], "o", color=viz.LEARNER)
    best = 1 + max(range(len(data["f1"])), key=data["f1"].__getitem__)
    ax.set_title(
        f"{chosen} named: F1 {data['f1'][chosen - 1]:.2f}; the best is "
        f"{data['f1'][best - 1]:.2f}, at {best}"
    )
    ax.set(xlabel="places named, the most suspicious first", ylabel="share")
    ax.set(ylim=(0, 1.08), xlim=(0.5, len(counts) + 0.5))
    ax.xaxis.get_major_locator().set_params(integer=True)
    viz.label_lines(ax)
    return fig


def findings(lines: Sequence[str], named: Sequence[tuple[int, str]]) -> Figure:
    """Draw the places that a review names along the lines of the text."""
    fig, ax = viz.figure("wide", height=3.6)
    for number, line in enumerate(lines, 1):
        bare = line.lstrip()
        if not bare:
            continue
        start = len(line) - len(bare)
        ax.plot([number, number], [-start, -len(line)], color=_PALE, lw=3, zorder=0)
        if bare.startswith(("class ", "def ")) and not start:
            name = bare.split("(")[0].split(":")[0].split()[1]
            ax.text(number, 4, name, rotation=30, fontsize=8, color=viz.BASELINE)
    for row, (number, kind) in enumerate(sorted(named)):
        low = -100 - 12 * (row % 3)
        ax.plot([number, number], [0, low + 5], color=viz.LEARNER, lw=1)
        ax.text(number, low, kind, ha="center", va="center", weight="bold", fontsize=9)
    ax.set(xlabel="line", ylim=(-135, 45), xlim=(0, len(lines) + 1), yticks=[])
    ax.spines["left"].set_visible(False)
    places = "1 place" if len(named) == 1 else f"{len(named)} places"
    ax.set_title(f"Your review names {places} in {len(lines)} lines")
    return fig


def lanes(history: Sequence[tuple[float, str, str]]) -> Figure:
    """Draw the calls of a stage, one row each: when they ran, waited and ended."""
    names = list(dict.fromkeys(name for _, name, _ in history))
    fig, ax = viz.figure("wide", height=0.9 + 0.45 * len(names))
    for row, name in enumerate(names):
        steps = [(x, said) for x, (_, who, said) in enumerate(history) if who == name]
        first, last = steps[0][0], steps[-1][0]
        end = last if steps[-1][1] != "waiting" else len(history) - 0.2
        ax.plot([first, end], [row, row], color=viz.BASELINE, ls=":", zorder=0)
        for x, said in steps:
            fault = said.startswith("raised")
            colour = viz.LIMIT if fault else viz.COMPUTE
            ax.plot(x, row, "s", color=colour, ms=11)
            words = "waits" if said == "waiting" else said
            ax.text(x + 0.13, row - 0.24, words, fontsize=9, va="center")
    last_words = {name: said for _, name, said in history}
    waiting = sum(said == "waiting" for said in last_words.values())
    told = f"{waiting} still waits" if waiting else "nobody is left waiting"
    ax.set_title(f"One call moves at a time; at the end {told}")
    ax.set_yticks(range(len(names)), names, family="monospace")
    ax.set_xticks(range(len(history)), [f"{when:g} s" for when, *_ in history])
    ax.set(xlabel="steps, with the time on the stage's clock")
    ax.set(ylim=(len(names) - 0.5, -0.6), xlim=(-0.3, len(history)))
    return fig


def verdicts(names: Sequence[str]) -> Callable[[Axes, Sequence[str]], None]:
    """Return a drawing of what a test says about each version."""

    def draw(ax: Axes, said: Sequence[str]) -> None:
        for row, word in enumerate(said):
            colour = viz.COMPUTE if word == "accepted" else viz.LIMIT
            ax.barh(row, 1, color=colour, height=0.7)
            ax.text(0.5, row, word, ha="center", va="center", color="white")
        ax.set_yticks(range(len(names)), names)
        ax.set(xlim=(0, 1), ylim=(len(names) - 0.5, -0.5), xticks=[])
        ax.spines[:].set_visible(False)
        ax.tick_params(axis="y", length=0)

    return draw


def written(ax: Axes, rows: Sequence[object]) -> None:
    """Write a result, one line for each of its items."""
    for row, item in enumerate(rows):
        ax.text(0, row, repr(item), family="monospace", va="center", fontsize=9)
    ax.set(xlim=(0, 1), ylim=(max(len(rows), 4) - 0.5, -0.5))
    ax.set_axis_off()


def crashes(
    marks: Sequence[tuple[int, int, bool]], most: int, what: str = "pages fetched"
) -> Figure:
    """Draw for each crash how much the next life does, and whether all ends well.

    `marks` holds (operation, how much after the crash, well), `most` is all of it and
    `what` says what it is.
    """
    fig, ax = viz.figure("wide", height=3.2)
    well = {(x, y) for x, y, good in marks if good}
    ill = {(x, y) for x, y, good in marks if not good}
    for points, colour, shape, size in (
        (well, viz.LEARNER, "o", 4),
        (ill, viz.LIMIT, "X", 9),
    ):
        if points:
            ax.plot(*zip(*points, strict=True), shape, color=colour, ms=size)
    bad = sum(not good for *_, good in marks)
    told = f"{bad} do not end well (crosses)" if bad else "all end well"
    ax.set_title(f"Of {len(marks)} crashes {told}" if marks else "Nothing to draw yet")
    ax.set(xlabel="file operations before the crash", ylabel=f"{what} after it")
    ax.set(ylim=(-0.6, most + 0.6))
    for axis in (ax.xaxis, ax.yaxis):
        axis.get_major_locator().set_params(integer=True)
    return fig


def calibration(
    traits: Sequence[str], before: Sequence[int], after: Sequence[int]
) -> Figure:
    """Draw your marks for each trait before and after reading the rubric."""
    fig, ax = viz.figure("wide", height=2.8)
    steps = ("", "No Hire", "Lean No Hire", "Lean Hire", "Hire", "Strong Hire")
    for row, (a, b) in enumerate(zip(before, after, strict=True)):
        ax.plot([a, b], [row, row], color=viz.LIMIT if a != b else _PALE, lw=3)
        ax.plot(a, row, "o", color=viz.LEARNER, ms=11)
        ax.plot(b, row, "D", color=viz.MEMORY, ms=7)
    bias = sum(a - b for a, b in zip(before, after, strict=True)) / len(traits)
    words = "On average your marks stay as they were"
    if bias:
        told = "kinder" if bias > 0 else "harder"
        words = f"Before the rubric you are {told}, by {abs(bias):.2g} of a step"
    ax.set_title(words)
    ax.set_yticks(range(len(traits)), traits)
    ax.set_xticks(range(1, 6), steps[1:])
    ax.set(xlim=(0.6, 5.4), ylim=(len(traits) - 0.5, -0.5))
    ax.set_xlabel("circle: your mark before; diamond: after reading the rubric")
    return fig
