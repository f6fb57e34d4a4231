"""The pictures of the request scheduler notebook: plain data in, Figure out."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course import viz

_TINTS = ("#c3d7fd", "#e3c9f3", "#fbd0b4", "#d5d8dd", "#8fb4fd", "#c79ae6")


def tint(names: Sequence[str]) -> dict[str, str]:
    """Return a colour for each name, the same for the same place in sorted order.

    >>> tint(["b", "a"])["a"] == tint(["a"])["a"]
    True
    """
    order = enumerate(sorted(set(names)))
    return {name: _TINTS[i % len(_TINTS)] for i, name in order}


def knee(result: Mapping) -> Figure:
    """Draw mean and p95 latency against how busy the server is; mark one setting."""
    fig, ax = viz.figure("wide")
    busy = 100 * np.asarray(result["busy"])
    ax.plot(busy, result["p95"], color=viz.LIMIT, label="95 in 100 are faster")
    ax.plot(busy, result["mean"], color=viz.COMPUTE, label="mean")
    at = int(np.argmin(abs(busy - 100 * result["at"])))
    for name in ("p95", "mean"):
        value = result[name][at]
        ax.plot(busy[at], value, "o", color=viz.LEARNER)
        words = f"{value:.1f}"
        ax.annotate(words, (busy[at], value), (-6, 6), ha="right", **_OFFSET)
    ax.set(xlabel="server busy, %", ylabel="latency, service times", xlim=(0, 100))
    ax.set_ylim(0, max(30, 1.15 * result["p95"][at]))
    mean = result["mean"][at]
    ax.set_title(f"At {busy[at]:.0f}% busy, a request takes {mean:.1f} service times")
    viz.label_lines(ax)
    return fig


_OFFSET = {"textcoords": "offset points"}


def batch_wait(result: Mapping) -> Figure:
    """Draw p95 latency against the longest wait for company, and the batch size."""
    fig, (left, right) = viz.figure("wide", cols=2)
    waits = result["waits"]
    at = waits.index(result["patience"])
    for ax, name, unit in (
        (left, "p95", "p95 latency, ms"),
        (right, "size", "requests in a batch, mean"),
    ):
        ax.plot(waits, result[name], "-o", color=viz.COMPUTE, ms=3)
        ax.plot(waits[at], result[name][at], "o", color=viz.LEARNER, ms=8)
        ax.set(xlabel="longest wait for company, ms", ylabel=unit)
        ax.set_ylim(0, 1.2 * max(result[name]))
    now, none = result["p95"][at], result["p95"][0]
    left.set_title(f"p95: {now:.0f} ms, without waiting {none:.0f} ms")
    now, none = result["size"][at], result["size"][0]
    right.set_title(f"Batches of {now:.1f}, without waiting {none:.1f}")
    return fig


def places(rows: Mapping[str, Sequence[tuple[int, int, int]]]) -> Figure:
    """Draw which request holds which place of the batch when, one panel a scheme."""
    fig, axes = viz.figure("wide", cols=len(rows), height=2.8, sharex=True)
    for ax, (name, spans) in zip(axes, rows.items(), strict=True):
        colours = tint([str(n) for n in range(len(spans))])
        for number, (place, start, stop) in enumerate(spans):
            style = {"fc": colours[str(number)], "ec": "white", "height": 0.8}
            ax.barh(place, stop - start, left=start, **style)
            ax.text((start + stop) / 2, place, str(number), ha="center", va="center")
        last = max(stop for _, _, stop in spans)
        count = 1 + max(place for place, _, _ in spans)
        used = sum(stop - start for _, start, stop in spans)
        ax.set(xlabel="step", ylabel="place in the batch")
        ax.set_yticks(range(count))
        ax.set_ylim(count - 0.4, -0.6)
        ax.set_title(f"{name}: {last} steps, {100 * used / last / count:.0f}% filled")
    return fig


def order(ax: Axes, rows: Sequence[Sequence[str]]) -> None:
    """Draw who is popped first, second, … in each row: ("tau,now", names …)."""
    for row, (label, *names) in enumerate(rows):
        tau, now = label.split(",")
        words = f"tau {tau}, at {now}"
        ax.text(-0.2, row, words, ha="right", va="center")
        for place, name in enumerate(names):
            box = {"fc": tint("abcd").get(name, "#ffffff"), "ec": "white"}
            ax.add_patch(Rectangle((place, row - 0.4), 0.94, 0.8, **box))
            ax.text(place + 0.47, row, name, ha="center", va="center")
    width = max(len(names) for _, *names in rows)
    ax.set(xlim=(-2.6, width + 0.2), ylim=(len(rows) - 0.3, -0.7))
    ax.set_axis_off()


def waits(served: Mapping[str, Sequence[tuple[float, float, bool]]]) -> Figure:
    """Draw (arrived, waited, patient) of each request served, one panel a setting."""
    fig, axes = viz.figure("wide", cols=len(served), sharey=True)
    for ax, (name, rows) in zip(axes, served.items(), strict=True):
        for patient, colour, mark in (
            (False, viz.COMPUTE, "."),
            (True, viz.LIMIT, "D"),
        ):
            some = [(a, w) for a, w, p in rows if p == patient]
            words = f"{'patient' if patient else 'urgent'}: {len(some)} served"
            xs, ys = zip(*some, strict=True) if some else ((), ())
            ax.plot(xs, ys, mark, color=colour, label=words, ms=4 + patient)
        ax.set(xlabel="arrived, s", xlim=(-5, 205))
        most = max((w for _, w, patient in rows if patient), default=0)
        ax.set_title(f"{name}: patient ones wait up to {most:.0f} s")
        ax.legend(loc="upper left")
    axes[0].set(ylabel="waited, s", ylim=(-5, 1.4 * axes[0].get_ylim()[1]))
    return fig


def batch(budget: int) -> Callable[[Axes, Sequence[tuple[str, int]]], None]:
    """Return a function that draws batches as bars of tokens beside the budget."""

    def draw(ax: Axes, batches: Sequence[Sequence[tuple[str, int]]]) -> None:
        for row, members in enumerate(batches):
            left = 0
            for name, tokens in members:
                style = {"fc": tint("abcdef").get(name, _TINTS[0]), "ec": "white"}
                ax.barh(row, tokens, left=left, height=0.7, **style)
                ax.text(left + tokens / 2, row, name, ha="center", va="center")
                left += tokens
            if not members:
                ax.text(0.1, row, "waits", va="center", color=viz.BASELINE)
        ax.axvline(budget, color=viz.LIMIT, ls="--")
        ax.text(budget, -0.75, "budget ", ha="right", color=viz.LIMIT)
        ax.set(xlabel="tokens", ylabel="time, s", xlim=(0, 1.25 * budget))
        ax.set_yticks(range(len(batches)))
        ax.set_ylim(len(batches) - 0.4, -1)

    return draw


def bucket(ax: Axes, rows: Sequence[tuple[float, int, float]]) -> None:
    """Draw the requests of a token bucket: (second, size, wait in seconds)."""
    for place, (_, size, wait) in enumerate(rows):
        granted = wait == 0
        colour = viz.COMPUTE if granted else viz.LIMIT
        style = {"fc": colour if granted else "white", "ec": colour, "width": 0.6}
        ax.bar(place, size, hatch="" if granted else "///", **style)
        words = "taken" if granted else f"wait\n{wait:.3g} s"
        ax.text(place, size + 0.12, words, ha="center", fontsize=9)
    ax.set_xticks(range(len(rows)), [f"{at:g}" for at, *_ in rows])
    ax.set(xlabel="asked at, s", ylabel="tokens asked for", ylim=(0, 5.9))


def contiguous(rows: Sequence[tuple[str, Sequence[str]]]) -> Figure:
    """Draw one strip of memory per scheme, a cell for each token slot: its owner."""
    fig, ax = viz.figure("wide", height=2.3)
    colours = tint([name for _, cells in rows for name in cells if name.strip("· ")])
    for row, (label, cells) in enumerate(rows):
        ax.text(-0.6, row, label, ha="right", va="center")
        for at, name in enumerate(cells):
            fill = colours.get(name, "#ffffff")
            edge = viz.BASELINE if name == "·" else "white"
            hatch = "///" if name == "·" else ""
            style = {"fc": fill, "ec": edge, "hatch": hatch, "lw": 0.6}
            ax.add_patch(Rectangle((at, row - 0.38), 0.94, 0.76, **style))
            if name.strip("·"):
                ax.text(at + 0.47, row, name, ha="center", va="center", fontsize=9)
    width = max(len(cells) for _, cells in rows)
    ax.set(xlim=(-6, width + 0.2), ylim=(len(rows) - 0.4, -0.6))
    ax.set_axis_off()
    ax.set_title("Reserved but never written (hatched) is what paging wins back")
    return fig


def block_sizes(result: Mapping) -> Figure:
    """Draw (wasted slots, used blocks) of each block size, the chosen one marked."""
    fig, (left, right) = viz.figure("wide", cols=2)
    sizes, tokens = result["sizes"], result["tokens"]
    at = sizes.index(result["block"])
    wasted = [100 * lost / (lost + tokens) for lost, _ in result["counts"]]
    used = [entries for _, entries in result["counts"]]
    for ax, values, unit in (
        (left, wasted, "wasted slots, % of those used"),
        (right, used, "table entries"),
    ):
        ax.plot(range(len(sizes)), values, "-o", color=viz.MEMORY, ms=3)
        ax.plot(at, values[at], "o", color=viz.LEARNER, ms=8)
        ax.set_xticks(range(len(sizes)), sizes)
        ax.set(xlabel="slots in a block", ylabel=unit)
    left.set_title(f"Blocks of {sizes[at]} waste {wasted[at]:.1f}%")
    right.set_title(f"{tokens:,} tokens take {used[at]:,} entries")
    return fig


def blocks(size: int, count: int) -> Callable[[Axes, Mapping], None]:
    """Return a function that draws `count` blocks of `size` slots and their owners.

    Its data are {sequence: (table, tokens)}; `A [2]` is the third block of A, and a
    block of several owners names them all.
    """

    def draw(ax: Axes, held: Mapping[str, tuple[Sequence[int], int]]) -> None:
        owners: dict[int, list[tuple[str, int, int]]] = {}
        for name, (table, tokens) in held.items():
            for nth, number in enumerate(table):
                filled = max(0, min(size, tokens - nth * size))
                owners.setdefault(number, []).append((name, nth, filled))
        colours = tint(list(held))
        for number in range(count):
            x, y = number % 4 * (size + 1), number // 4
            here = owners.get(number, [])
            for slot in range(size):
                used = [name for name, _, filled in here if slot < filled]
                fill = colours[used[slot % len(used)]] if used else "#ffffff"
                style = {"fc": fill, "ec": viz.BASELINE, "lw": 0.5}
                ax.add_patch(Rectangle((x + slot, y), 1, 0.55, **style))
            names = " ".join(name for name, _, _ in here)
            words = f"{names} [{here[0][1]}]" if here else "free"
            colour = viz.LEARNER if here else viz.BASELINE
            ax.text(x + size / 2, y + 0.28, words, ha="center", va="center", fontsize=9)
            ax.text(x, y - 0.06, f"block {number}", color=colour, fontsize=8)
        ax.set(xlim=(-0.3, 4 * (size + 1)), ylim=(-(-count // 4) - 0.2, -0.5))
        ax.set_axis_off()

    return draw


def shares(ax: Axes, names: Sequence[tuple[str, int]]) -> None:
    """Draw the tokens that each tenant has got after each request served."""
    tenants = sorted({tenant for tenant, _ in names})
    colours = (viz.COMPUTE, viz.LIMIT, viz.MEMORY)
    for tenant, colour in zip(tenants, colours, strict=False):
        got = np.cumsum([tokens * (tenant == who) for who, tokens in names])
        ax.step(
            range(len(got) + 1), [0, *got], where="post", color=colour, label=tenant
        )
    ax.set(xlabel="requests served", ylabel="tokens")
    viz.label_lines(ax)


Bar = tuple[str, int, float, float]  # name, lane, start, stop


def bars(ax: Axes, calls: Sequence[Bar]) -> None:
    """Draw which worker calls which task when; calls that fail ("×") are hatched."""
    end = max((stop for *_, stop in calls), default=1.0)
    for name, lane, start, stop in calls:
        failed = name.endswith("×")
        style = {"fc": _TINTS[2] if failed else _TINTS[0], "ec": viz.BASELINE}
        hatch = "///" if failed else ""
        ax.barh(lane, stop - start, left=start, height=0.8, hatch=hatch, **style)
        box = {"fc": _TINTS[2], "ec": "none", "pad": 0.5} if failed else None
        middle = (start + stop) / 2
        style = {"ha": "center", "va": "center", "size": 9, "bbox": box}
        style["rotation"] = 90 if stop - start < 0.08 * end else 0
        ax.text(middle, lane, name.replace(" ", "\n"), **style)
    count = 1 + max((lane for _, lane, *_ in calls), default=0)
    ax.set_yticks(range(count), [str(lane + 1) for lane in range(count)])
    ax.set(xlabel="simulated seconds", ylabel="worker", xlim=(0, 1.02 * end))
    ax.set_ylim(count - 0.4, -0.6)


def plan(result: Mapping) -> Figure:
    """Draw a graph of tasks, and beside it how its runs go, one above the other.

    `result` has `needs` and `seconds` of each task by name, and `runs`: the calls (as
    `bars` takes them) by the name of the way.
    """
    needs, seconds, runs = result["needs"], result["seconds"], result["runs"]
    ratios = {"width_ratios": [1, 1.3]}
    fig, axes = viz.figure(
        "wide", len(runs), 2, height=4.0, gridspec_kw=ratios, sharex="col"
    )
    for ax in axes[1:, 0]:
        ax.remove()
    left = axes[0, 0]
    left.set_subplotspec(left.get_subplotspec().get_gridspec()[:, 0])
    _graph(left, needs, seconds)
    left.set_title("An arrow leads to what needs it")
    ends = [max(stop for *_, stop in calls) for calls in runs.values()]
    for ax, (name, calls), end in zip(axes[:, 1], runs.items(), ends, strict=True):
        bars(ax, calls)
        ax.set(xlim=(0, 1.02 * max(ends)), title="")
        ax.set_title(f"{name}: done after {end:g} s")
    for ax in axes[:-1, 1]:
        ax.set_xlabel("")
    return fig


def _graph(
    ax: Axes, needs: Mapping[str, Sequence[str]], seconds: Mapping[str, float]
) -> None:
    """Draw tasks in columns by how many lie before them, and arrows to what needs them.

    `needs` names a task after those that it needs.
    """
    column: dict[str, int] = {}
    for name, needed in needs.items():
        column[name] = 1 + max((column[one] for one in needed), default=-1)
    rows = Counter(column.values())
    place, used = {}, Counter()
    for name, x in column.items():
        place[name] = x, used[x] - (rows[x] - 1) / 2
        used[x] += 1
    for name, needed in needs.items():
        for one in needed:
            style = {"arrowstyle": "-|>", "color": viz.BASELINE}
            style |= {"shrinkA": 19, "shrinkB": 19}
            ax.annotate("", place[name], place[one], arrowprops=style)
    for name, (x, y) in place.items():
        box = {"boxstyle": "round", "fc": _TINTS[0], "ec": viz.BASELINE}
        words = f"{name}\n{seconds[name]:g} s"
        ax.text(x, y, words, ha="center", va="center", size=9, bbox=box)
    tall = max(rows.values(), default=1) / 2
    ax.set(xlim=(-0.5, max(column.values(), default=0) + 0.5), ylim=(tall, -tall))
    ax.set_axis_off()
