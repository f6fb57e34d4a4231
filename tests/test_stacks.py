"""The made-up server and the pictures of the stack profiles notebook."""

import itertools

import numpy as np
import pytest

from course import viz
from course.sim import stacks
from course.viz import stacks as draw

FINE = [
    *[("start", 0, "f", 0), ("start", 2, "g", 1), ("end", 5, "g", 1)],
    *[("start", 5, "g", 1), ("end", 6, "g", 1), ("end", 9, "f", 0)],
]


def test_the_service_is_the_same_each_time_and_has_no_gaps():
    run = stacks.web_service(20)
    again = stacks.web_service(20)
    assert np.array_equal(run.edges, again.edges)
    assert run.stacks == again.stacks
    assert len(run.edges) == len(run.stacks) + 1
    assert (np.diff(run.edges) > 0).all()
    assert sum(run.on_top().values()) == run.duration
    assert all(len(a) and a[0] == "main" for a in run.stacks)


def test_samples_show_what_ran():
    run = stacks.web_service(2)
    for time, stack in stacks.sample(run, every=333_333):
        here = int(np.flatnonzero(run.edges <= time)[-1])
        assert stack == run.stacks[here]
    assert len(stacks.sample(run, most=7)) == 7
    assert run.at(np.array([run.edges[0] - 1, run.edges[-1]])) == [(), ()]


def test_perf_script_has_a_header_the_frames_and_a_blank_line_each():
    looks = stacks.sample(stacks.web_service(1), most=5)
    lines = list(stacks.perf_script(looks, comm="app", pid=3))
    groups = [list(g) for blank, g in itertools.groupby(lines, bool) if blank]
    assert [len(group) - 1 for group in groups] == [len(stack) for _, stack in looks]
    assert all(group[0].startswith("app 3/4 [") for group in groups)
    assert [line.split()[1].split("+")[0] for line in groups[0][:0:-1]] == [
        *looks[0][1]
    ]


def test_boxes_of_events_that_nest():
    found = {(box.name, box.left, box.right, box.fault) for box in draw.boxes(FINE)}
    assert found == {("f", 0, 9, ""), ("g", 2, 5, ""), ("g", 5, 6, "")}


@pytest.mark.parametrize(
    "events",
    [
        [],
        [("end", 3, "f", 0)],
        [("start", 3, "f", 0)],
        [("end", 3, "g", 1), ("start", 3, "f", 0), ("start", 4, "g", 2)],
    ],
)
def test_wrong_events_can_still_be_drawn(events):
    assert {box.fault for box in draw.boxes(events)} <= {"never started", "never ended"}
    for fig in (draw.chart(events, "t"), draw.flame_graph(events, marked="f")):
        fig.draw_without_rendering()


def test_a_flame_graph_stacks_children_within_their_parent():
    weights = draw._totals(FINE)
    assert weights == {("f", "g"): 4, ("f",): 9}
    folded = {"f;g": 4, "f;a;b": 2, "f": 3, "z": 1}
    boxes = {
        (box.depth, box.name): (box.left, box.right)
        for box in draw._merged(draw._prefixes(folded))
    }
    assert boxes == {
        **{(0, "f"): (0, 9), (0, "z"): (9, 10)},
        **{(1, "a"): (0, 2), (1, "g"): (2, 6), (2, "b"): (0, 2)},
    }
    fig = draw.folded_graph(folded, marked="g")
    assert fig.axes[0].get_title("left") == "g: 40.0% of the width, in one place"


def test_labels_are_shortened_or_left_out():
    _, ax = viz.figure()
    draw.flame_chart(
        ax,
        [
            *[("start", 0, "a_very_long_name_" * 9, 0), ("end", 99, "", 0)],
            *[("start", 99, "short", 0), ("end", 100, "", 0)],
        ],
    )
    (only,) = [text.get_text() for text in ax.texts]
    assert only.startswith("a_very")
    assert only.endswith("…")
