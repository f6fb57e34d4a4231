"""The pictures of the crawler notebook: plain data in, Figure out."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from course import viz
from course.sim.web import Span, host

_PALE = "#e4e5e9"
_TINT = "#c3d7fd"
_SLOW = "#fbd0b4"
_STATES = {
    "waiting": ("#ffffff", "w"),
    "leased": ("#fbd0b4", "L"),
    "done": ("#c3d7fd", "✓"),
    "failed": ("#d5d8dd", "×"),
}


def _short(url: str) -> str:
    """Return what tells a URL of a small site from the others."""
    return url.rpartition("/")[2] or "/"


def site(
    links: Mapping[str, Sequence[str]], places: Mapping[str, tuple[float, float]]
) -> Callable[[Axes, Sequence[str]], None]:
    """Return a drawing of pages and links; its data are URLs in order of fetching.

    `places` gives each page a place (x, y), other pages stand where it says too. A
    page of another host is grey; a page that was fetched carries its number.
    """
    home = host(next(iter(links)))

    def draw(ax: Axes, order: Sequence[str]) -> None:
        numbers: dict[str, list[str]] = {}
        for number, url in enumerate(order, 1):
            numbers.setdefault(url, []).append(str(number))
        for url, found in links.items():
            for link in found:
                if link in places and link != url:
                    ax.add_patch(
                        FancyArrowPatch(
                            *(places[url], places[link]),
                            arrowstyle="-|>",
                            connectionstyle="arc3,rad=0.12",
                            color=viz.BASELINE,
                            mutation_scale=10,
                            shrinkA=14,
                            shrinkB=15,
                        )
                    )
        for url, (x, y) in places.items():
            own = host(url) == home
            fetched = numbers.get(url, [])
            fault = bool(fetched) and (not own or len(fetched) > 1)
            edge = viz.LIMIT if fault else viz.LEARNER if own else viz.BASELINE
            style = {"fc": _TINT if fetched else "white", "ec": edge, "pad": 0.45}
            box = {"boxstyle": f"round,pad={style.pop('pad')}", **style}
            words = _short(url) if own else host(url)
            size = 10 if own else 8
            ax.text(x, y, words, ha="center", va="center", bbox=box, size=size)
            if fetched:
                told = " and ".join(fetched)
                where = {"xytext": (-9, 9), "textcoords": "offset points"}
                style = {"ha": "right", "color": edge, "weight": "bold"}
                ax.annotate(told, (x, y), **where, **style)
        xs, ys = zip(*places.values(), strict=True)
        ax.set(xlim=(min(xs) - 0.7, max(xs) + 0.7), ylim=(min(ys) - 0.5, max(ys) + 0.6))
        ax.set_axis_off()

    return draw


def lanes(runs: Mapping[str, Sequence[Span]]) -> Figure:
    """Draw which worker fetches a page when, one panel above the other."""
    fig, axes = viz.figure("wide", rows=len(runs), height=4.2, sharex=True)
    for ax, (name, spans) in zip(axes, runs.items(), strict=True):
        workers(ax, spans)
        end, count = _end(spans), 1 + max(span.lane for span in spans)
        busy = sum(span.stop - span.start for span in spans) / end / count
        ax.set_title(f"{name}: done after {end:.3g} s, workers busy {busy:.0%}")
    for ax in axes[:-1]:
        ax.set_xlabel("")
    return fig


def _end(spans: Sequence[Span]) -> float:
    return max((span.stop for span in spans), default=0.0)


def workers(ax: Axes, spans: Sequence[Span]) -> None:
    """Draw which worker fetches a page when; slow pages stand out."""
    usual = float(np.median([span.stop - span.start for span in spans] or [1.0]))
    for span in spans:
        long = span.stop - span.start
        slow = long > 3 * usual
        style = {"fc": _SLOW if slow else _TINT, "ec": viz.BASELINE, "lw": 0.6}
        ax.barh(span.lane, long, left=span.start, height=0.8, **style)
        if slow:
            middle = span.start + long / 2
            ax.text(middle, span.lane, "slow", ha="center", va="center", size=9)
    count = 1 + max((span.lane for span in spans), default=0)
    ax.set_yticks(range(count), [str(lane + 1) for lane in range(count)])
    ax.set(xlabel="simulated seconds", ylabel="worker", ylim=(count - 0.4, -0.6))


def storms(runs: Mapping[str, tuple[Sequence[int], Sequence[int]]]) -> Figure:
    """Draw the requests of each second, and the served ones, by way of retrying."""
    fig, axes = viz.figure("wide", cols=len(runs), sharey=True)
    panels = np.atleast_1d(axes)
    for ax, (name, (asked, served)) in zip(panels, runs.items(), strict=True):
        seconds = range(len(asked))
        ax.bar(seconds, asked, color=viz.LIMIT, width=0.9, label="asked")
        ax.bar(seconds, served, color=viz.COMPUTE, width=0.9, label="served")
        last = max((s for s in seconds if served[s]), default=0)
        refused = sum(asked) - sum(served)
        ax.set(xlabel="seconds after the failure")
        ax.set_title(f"{name}: {refused} refused, {sum(served)} served by {last} s")
        ax.legend(frameon=False, loc="upper right")
    panels[0].set_ylabel("requests in a second")
    return fig


def waits(labels: Sequence[str]) -> Callable[[Axes, Sequence[float | None]], None]:
    """Return a drawing of how long each answer makes a crawler wait, or give up."""

    def draw(ax: Axes, seconds: Sequence[float | None]) -> None:
        for row, (_, wait) in enumerate(zip(labels, seconds, strict=True)):
            if wait is None:
                ax.text(0.1, row, "gives up", va="center", color=viz.LIMIT)
            else:
                ax.barh(row, wait, color=viz.LEARNER, height=0.6)
                ax.text(wait + 0.15, row, f"{wait:.3g}", va="center")
        ax.set_yticks(range(len(labels)), labels)
        ax.set(xlabel="seconds to wait", ylim=(len(labels) - 0.4, -0.6), xlim=(0, 14))

    return draw


def states(ax: Axes, rows: Sequence[tuple[str, Mapping[str, str]]]) -> None:
    """Draw the state of each URL (a column) after each event (a row)."""
    urls = list(dict.fromkeys(url for _, row in rows for url in row))
    for y, (event, row) in enumerate(rows):
        ax.text(-0.2, y, event, ha="right", va="center", size=9)
        for x, url in enumerate(urls):
            if url not in row:
                continue
            fill, mark = _STATES.get(row[url], ("#ffffff", "?"))
            style = {"fc": fill, "ec": viz.BASELINE, "lw": 0.6}
            ax.add_patch(Rectangle((x, y - 0.42), 0.92, 0.84, **style))
            ax.text(x + 0.46, y, mark, ha="center", va="center")
    for x, url in enumerate(urls):
        ax.text(x + 0.46, -0.75, _short(url), ha="center", weight="bold")
    words = "w waiting   L leased   ✓ done   × failed"
    ax.text(-3.4, len(rows) + 0.15, words, va="center", size=9, color=viz.BASELINE)
    ax.set(xlim=(-3.6, max(len(urls), 4) + 0.1), ylim=(len(rows) + 0.4, -1.2))
    ax.set_axis_off()


def spill(ax: Axes, rows: Sequence[tuple[int, int]]) -> None:
    """Draw how many URLs are in memory and on disk after each operation."""
    memory, disk = np.array(rows, int).reshape(-1, 2).T
    ax.stackplot(
        range(len(memory)),
        *(memory, disk),
        colors=[viz.MEMORY, _PALE],
        labels=["in memory", "on disk"],
    )
    ax.set(xlabel="operations", ylabel="URLs in the queue")
    ax.legend(frameon=False, loc="upper right")


def bloom(result: Mapping) -> Figure:
    """Draw the rate of false alarms against the number of hashes, and the chosen one.

    `result` has bits (for each URL), chosen (hashes), hashes, predicted, measured.
    """
    fig, ax = viz.figure("wide")
    ax.plot(result["hashes"], 100 * np.asarray(result["predicted"]), color=viz.BASELINE)
    dots = 100 * np.asarray(result["measured"])
    ax.plot(result["hashes"], dots, "o", color=viz.COMPUTE, ms=5)
    at = list(result["hashes"]).index(result["chosen"])
    ax.plot(result["chosen"], dots[at], "o", color=viz.LEARNER, ms=9)
    ax.set(xlabel="hashes for each URL", ylabel="false alarms, % of new URLs")
    ax.set_yscale("log")
    ax.set_ylim(0.003, 130)
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.text(0.99, 0.95, "line: predicted, dots: measured", transform=ax.transAxes,
            ha="right", va="top", color=viz.BASELINE)  # fmt: skip
    ax.set_title(
        f"{result['bits']} bits a URL, {result['chosen']} hashes: "
        f"{dots[at]:.2g}% of new URLs are taken for old"
    )
    return fig


def crashes(result: Mapping) -> Figure:
    """Draw how many pages are fetched again after a crash, by when it comes."""
    fig, ax = viz.figure("wide", height=2.8)
    again = result["again"]
    ax.bar(range(1, len(again) + 1), again, color=viz.COMPUTE, width=0.8)
    limit = result["every"] - 1 + result["workers"]
    ax.axhline(limit, color=viz.LIMIT, lw=1)
    words = f"pages since a checkpoint + pages in flight: {limit}"
    ax.yaxis.get_major_locator().set_params(integer=True)
    ax.text(1, limit, words, color=viz.LIMIT, va="bottom")
    ax.set(xlabel="pages fetched when it crashes", ylabel="pages fetched again")
    ax.set_ylim(0, 1.3 * limit)
    ax.set_title(
        f"A checkpoint every {result['every']} pages: at most {max(again)} are fetched "
        "again, and none is lost"
    )
    return fig
