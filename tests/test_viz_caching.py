"""Pictures of the cache notebook: what their titles and marks say."""

import doctest

import pytest

from course import viz
from course.sim import eviction
from course.viz import caching


def test_the_examples_in_docstrings_run():
    assert doctest.testmod(caching).failed == 0


@pytest.mark.parametrize("name", eviction.WORKLOADS)
def test_hit_curves_name_the_gap_at_the_chosen_capacity(name):
    capacities = (10, 50, 200)
    curves = eviction.curves(name, capacities)
    data = {"workload": name, "capacity": 50, "capacities": capacities}
    fig = caching.hit_curves(data | {"curves": curves})
    gap = 100 * (curves["best possible"][1] - curves["LRU"][1])
    assert f"{gap:.0f} %" in fig.axes[0].get_title("left") + fig.axes[0].get_title()


def test_a_crash_shows_each_state_once_and_counts_the_broken():
    data = {"operations": ["open", "write"], "after": 2, "fine": (b"old", b"new")}
    data["states"] = [(1, b"old"), (2, b"old"), (2, b""), (2, b"old"), (2, b"\0\0")]
    fig = caching.crash_here(data)
    words = [text.get_text() for text in fig.axes[1].texts]
    assert words == ["'old'", "(empty)", "(2 zero bytes)"]
    titles = [ax.get_title("left") + ax.get_title() for ax in fig.axes]
    assert any("2 of them broken" in title for title in titles)


@pytest.mark.parametrize("data", [NotImplementedError(), ([], [])])
def test_an_empty_timeline_is_drawn(data):
    assert caching.timeline(data).axes


def test_yours_is_left_out_where_it_is_not_written():
    later = NotImplementedError()
    assert len(caching.calls(range(1, 5), [1, 2, 3, 4], later).axes[0].lines) == 1
    assert len(caching.bytes_per_put([1, 2], [3.0, 4.0], later).axes[0].lines) == 1


def test_records_before_the_cut_are_counted():
    fig = caching.log_strip([10, 10, 10], 4, cut=20)
    ax = fig.axes[0]
    assert "2 records are whole" in ax.get_title("left") + ax.get_title()


def test_chains_mark_the_entry_that_was_used():
    fig, ax = viz.figure("narrow")
    caching.chains(["put a", "get z"])(ax, ["a", "a"])
    filled = [patch.get_facecolor()[:3] for patch in ax.patches]
    assert filled == [(0, 0, 0), (1, 1, 1)]
    caching.same_key(["f(1)", "f(2)"])(viz.figure("narrow")[1], [0, 0])
    assert fig
