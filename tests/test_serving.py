"""The simulated servers behave as queueing theory says, and their pictures draw."""

import doctest
from collections import deque

import numpy as np
import pytest

from course import viz
from course.sim import serving
from course.viz import serving as draw


@pytest.mark.parametrize("module", [serving, draw])
def test_the_examples_in_docstrings_run(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("busy", [0.3, 0.6, 0.8])
@pytest.mark.parametrize(("sizes", "spread"), [("random", 2), ("all alike", 1)])
def test_latency_follows_the_formula_of_pollaczek_and_khinchine(busy, sizes, spread):
    want = 1 + busy * spread / (2 * (1 - busy))
    assert serving.latencies(busy, sizes).mean() == pytest.approx(want, rel=0.08)


def test_a_few_very_long_requests_make_everybody_wait():
    means = [serving.latencies(0.7, sizes).mean() for sizes in serving.SIZES]
    assert means == sorted(means)


@pytest.mark.parametrize("busy", [0, 1, 1.5])
def test_a_server_cannot_be_busier_than_always(busy):
    with pytest.raises(ValueError, match="between 0 and 1"):
        serving.latencies(busy)


@pytest.mark.parametrize("per_second", [20, 150, 550])
def test_batches_keep_their_promise(per_second):
    for patience in (0, 40):
        latency, size = serving.batch_latencies(patience, per_second)
        assert latency.min() >= 21  # a batch of one
        assert 1 <= size <= 32
    patient = serving.batch_latencies(100, per_second)[1]
    assert patient >= serving.batch_latencies(0, per_second)[1]


def test_no_place_is_used_twice_and_continuous_batches_end_first():
    lengths = [3, 9, 2, 4, 8, 2, 3, 5]
    ends = []
    for continuous in (False, True):
        spans = serving.slots(lengths, 3, continuous)
        assert [stop - start for _, start, stop in spans] == lengths
        taken = [(p, t) for p, start, stop in spans for t in range(start, stop)]
        assert len(taken) == len(set(taken))
        ends.append(max(stop for *_, stop in spans))
    assert ends[1] < ends[0]


def test_serve_takes_one_request_a_second():
    class Line(deque):
        submit = deque.append

        def pop(self, now):
            return self.popleft() if self else None

    arrivals = serving.rush()
    served = serving.serve(Line(), arrivals)
    starts = np.array([req.arrived + wait for req, wait in served])
    assert [req for req, _ in served] == arrivals[: len(served)]
    assert min(wait for _, wait in served) >= 0
    assert np.diff(starts).min() >= 1 - 1e-9


def test_the_pictures_draw_what_they_are_given():
    held = {"A": ([0, 2], 6), "B": ([0, 1], 5), "C": ([], 0)}
    fig, ax = viz.figure("narrow")
    draw.blocks(4, 4)(ax, held)
    words = [text.get_text() for text in ax.texts]
    assert "A B [0]" in words
    assert words.count("free") == 1
    fig, ax = viz.figure("narrow")
    draw.batch(10)(ax, [[("a", 4), ("b", 6)], []])
    assert "waits" in [text.get_text() for text in ax.texts]
    fig, ax = viz.figure("narrow")
    draw.bucket(ax, [(0, 3, 0), (0.5, 4, 1.0)])
    assert [text.get_text() for text in ax.texts] == ["taken", "wait\n1 s"]
    fig = draw.waits({"none": [(0.0, 1.0, False)], "some": [(0.0, 2.0, True)]})
    assert "up to 0 s" in fig.axes[0].get_title("left")
