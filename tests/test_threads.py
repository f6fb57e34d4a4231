"""The instruments of the notebook on queues measure what they say."""

import threading
import time

import numpy as np

from course import viz
from course.sim import backlog, images, interleave, threads, workers
from course.viz import drawing
from course.viz import queues as draw


def test_early_waits_return_before_anybody_notified():
    ready = threading.Condition()

    def wait_three_times():
        with ready:
            return [ready.wait(60), ready.wait(60), ready.wait(0.001)]

    with threads.Watch(early=2) as watch:
        task = watch.start(wait_three_times)
        assert task.said() == "returned [True, True, False]"
    assert watch.waits == 3


def test_settle_sees_who_sleeps_and_who_does_not():
    ready, go = threading.Condition(), []

    def sleep():
        with ready:
            ready.wait()

    def spin():
        while not go:
            pass

    with threads.Watch() as watch:
        sleeper = watch.start(sleep)
        assert watch.settle()
        spinner = watch.start(spin)
        assert not watch.settle(0.05)
        go.append(1)
        with ready:
            ready.notify_all()
        assert threads.said([sleeper, spinner]) == ["returned None"] * 2


def test_only_watched_threads_see_another_clock_and_are_counted():
    with threads.Watch(jump=3600) as watch:
        ahead = watch.start(lambda: time.time() - before)
        before = time.time()
        ahead.thread.join()
        time.sleep(0)
        watch.start(time.sleep, 0).thread.join()
    assert watch.sleeps == 1
    assert abs(time.time() - before) < 60


def test_patience_ends_a_wait_that_is_always_asked_again():
    ready = threading.Condition()

    def insist():
        with ready:
            while True:
                ready.wait(60)

    with threads.Watch(nap=0.0001, patience=5) as watch:
        assert watch.start(insist).said() == "raised Impatient"
    assert threading.Condition.wait is threads._WAIT


def test_every_story_can_be_drawn_at_every_step():
    for story in interleave.STORIES.values():
        frames = interleave.play(story)
        assert len(frames) == len(story.schedule) + 1
        for now in (frames[0], frames[-1]):
            figure = draw.frame(story.programs, now, len(frames) - 1)
            assert drawing.png(figure, 40)


def test_a_lock_has_one_holder_and_a_sleeper_has_none():
    for story in interleave.STORIES.values():
        for now in interleave.play(story):
            assert now.holder in ("", *story.programs)
            assert not now.holder or now.state[now.holder] == "ready"


def test_the_backlog_delivers_everything_and_keeps_to_its_capacity():
    for use in (1, 4, 9):
        free, held = backlog.backlog(use), backlog.backlog(use, 7)
        assert len(free.age) == len(held.age) == backlog.BURST * backlog.BURSTS
        assert max(held.depth) <= 7
        assert free.held == 0


def test_more_threads_never_help_a_job_that_keeps_the_lock():
    assert workers.speedup(16, 1.0, 8) == 1
    assert workers.speedup(16, 0.0, 8) == 8


def test_given_operations_keep_type_and_leave_their_input():
    picture = images.sunset()
    before = picture.copy()
    for name, *args in (("grayscale",), ("flip", "vertical"), ("rotate90", 3)):
        assert images.OPERATIONS[name](picture, *args).dtype == np.uint8
    assert images.scale(picture, 3, 5).shape == (3, 5, 3)
    assert (picture == before).all()


def test_pictures_of_results_can_be_drawn():
    fig, axes = viz.figure("wide", cols=4)
    draw.depth(2, ["put", "get"])(axes[0], [(1, ""), (1, "full")])
    draw.fates(["kept", "lost"])(axes[1], {"kept": 3})
    draw.rounds(2)(axes[2], [[0, 0], [1, 0]])
    draw.lock_order("AB", [("A", "B", "T1")])(axes[3], [])
    assert drawing.png(fig, 40)
    assert drawing.png(draw.backlogs({"free": backlog.backlog()}), 40)
