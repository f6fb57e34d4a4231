"""The stage: calls that move one at a time, and time that stands still."""

import threading

import pytest

from course.sim import stage
from course.sim.stage import Closed, Stage, Stuck


class Line:
    """A queue of one item, for the stage."""

    def __init__(self, on):
        self.items, self.changed = [], on.condition()

    def put(self, item):
        with self.changed:
            while self.items:
                self.changed.wait()
            self.items.append(item)
            self.changed.notify()

    def get(self, timeout=None):
        with self.changed:
            if not self.changed.wait_for(lambda: self.items, timeout):
                raise TimeoutError
            self.changed.notify()
            return self.items.pop()


def test_a_call_runs_until_it_ends_or_waits():
    with Stage() as on:
        line = Line(on)
        taker = on.start(line.get)
        assert taker.waiting
        assert on.start(line.put, "a").said() == "returned None"
        assert taker.said() == "returned 'a'"
        assert not taker.waiting
        names = [name for _, name, _ in on.history]
    assert names == ["get()", "put('a')", "get()"]


def test_time_moves_only_when_it_is_told_to():
    with Stage() as on:
        line = Line(on)
        late = on.start(line.get, timeout=3)
        on.advance(2.5)
        on.wake(late)
        assert late.said() == "waiting"
        on.advance(1)
        assert late.said() == "raised TimeoutError"
        assert on.history[-1][0] == 3.0
        assert on.now() == 3.5


def test_two_timeouts_end_in_the_order_of_their_times():
    with Stage() as on:
        line = Line(on)
        calls = [on.start(line.get, timeout=n) for n in (3, 1, 2)]
        on.advance(5)
        assert [moment for moment, *_ in on.history[3:]] == [1.0, 2.0, 3.0]
        assert {call.said() for call in calls} == {"raised TimeoutError"}


def test_in_a_burst_those_who_are_woken_come_last():
    with Stage() as on:
        line = Line(on)
        sleeper = on.start(line.get)
        with on.burst():
            on.start(line.put, "a")
            assert on.start(line.get).said() == "returned 'a'"
        assert sleeper.said() == "waiting"


def test_waiting_outside_of_a_call_is_refused():
    with Stage() as on:
        line = Line(on)
        line.put("a")
        with pytest.raises(Stuck, match="nobody else moves"):
            line.put("b")


def test_a_call_that_spins_is_stopped():
    with Stage() as on:
        spinning = on.start(lambda: [on.now() for _ in range(10**6)])
        assert spinning.said() == "raised Stuck"


def test_a_call_must_not_direct_the_stage():
    with Stage() as on:
        assert on.start(on.advance, 1).said() == "raised Stuck"


def test_locks_keep_others_out_and_are_handed_on():
    with Stage() as on:
        lock = on.lock()
        other = on.condition()

        def holder():
            with lock, other:
                other.wait()

        def visitor():
            with lock:
                return "in"

        first = on.start(holder)
        second = on.start(visitor)
        assert second.said() == "waiting"
        on.wake(first)
        assert (first.said(), second.said()) == ("returned None", "returned 'in'")


def test_conditions_want_their_lock():
    with Stage() as on:
        ready = on.condition()
        for call in (ready.wait, ready.notify, ready.notify_all):
            with pytest.raises(RuntimeError, match="not held"):
                call()


def test_nothing_is_left_behind():
    before = threading.active_count()
    with Stage() as on:
        line = Line(on)
        calls = [on.start(line.get) for _ in range(5)]
        with pytest.raises(ZeroDivisionError):
            raise ZeroDivisionError
    assert all(not call._thread.is_alive() for call in calls)
    assert threading.active_count() == before


def test_closed_is_the_error_of_the_course():
    assert issubclass(Closed, Exception)
    assert stage.__doc__
