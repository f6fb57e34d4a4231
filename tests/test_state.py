"""Helpers and pictures of the notebook on state with time."""

import doctest

import numpy as np

from course.sim import state
from course.viz import state as draw


def test_the_examples_in_docstrings_run():
    assert doctest.testmod(state).failed == 0


def test_a_heap_that_is_rebuilt_stays_within_its_factor():
    for factor in (1.1, 2.0, 4.0):
        run = state.heap_garbage(100, 5000, factor)
        assert run.most <= factor * run.live
        assert min(run.entries) >= run.live
    assert state.heap_garbage(100, 5000, 1.1).copied > 5 * run.copied


def test_lanes_join_what_is_seen_without_a_gap():
    seen = state.lanes([0, 1, 2, 3, 4], lambda t: {"k": "AABB"[t] if t < 4 else None})
    assert seen == {"k": [(0, 2, "A"), (2, 4, "B")]}


def test_a_day_at_the_bank_moves_forward_between_different_accounts():
    day = state.bank_day(["a", "b", "c"], 200, np.random.default_rng(1))
    times = [event[0] for event in day]
    assert times == sorted(times)
    assert all(one != other and amount > 0 for _, _, one, other, amount in day)
    assert len({kind for _, kind, *_ in day}) == 4


def test_the_picture_of_money_says_when_some_is_missing():
    rows = [(1, [5, 5], 0, 10), (2, [5, 0], 5, 10), (3, [5, 0], 4, 10)]
    title = draw.money("ab", rows).axes[0].get_title("left")
    assert title.startswith("Money is wrong 1 times")
    assert draw.money("ab", rows[:2]).axes[0].get_title("left").startswith("No cent")


def test_a_write_off_the_diagonals_changes_two_sums():
    for place, count in (((1, 0), 2), ((1, 3), 3), ((2, 2), 4)):
        title = draw.touched(5, *place).axes[0].get_title("left")
        assert f"{count} sums" in title
