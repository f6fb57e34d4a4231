"""The pictures of the notebook on mock interviews say what they show."""

import pytest

from course.viz import mock


def title(fig):
    return fig.axes[0].get_title(loc="left") or fig.axes[0].get_title()


def texts(fig):
    return [text.get_text() for text in fig.axes[0].texts]


def test_a_review_is_best_where_f1_peaks():
    data = {"named": 1, "precision": [1, 1, 0.5], "recall": [0.5, 1, 1]}
    fig = mock.review_curves({**data, "f1": [0.67, 1.0, 0.67]})
    assert title(fig) == "1 named: F1 0.67; the best is 1.00, at 2"


@pytest.mark.parametrize(
    ("named", "words"), [([], "0 places"), ([(2, "race")], "1 place")]
)
def test_findings_stand_at_their_lines(named, words):
    fig = mock.findings(["class A:", "    x = 1", "", "def f():"], named)
    assert title(fig) == f"Your review names {words} in 4 lines"
    assert texts(fig) == ["A", "f", *(kind for _, kind in named)]


def test_lanes_count_who_still_waits():
    history = [(0.0, "get()", "waiting"), (0.0, "put()", "returned None")]
    assert title(mock.lanes(history)).endswith("1 still waits")
    history.append((0.0, "get()", "raised Closed"))
    fig = mock.lanes(history)
    assert title(fig).endswith("nobody is left waiting")
    assert texts(fig) == ["waits", "raised Closed", "returned None"]


@pytest.mark.parametrize(
    ("marks", "words"),
    [
        ([], "Nothing to draw yet"),
        ([(0, 2, True), (1, 1, True)], "Of 2 crashes all end well"),
        ([(0, 2, True), (1, 1, False)], "Of 2 crashes 1 do not end well (crosses)"),
    ],
)
def test_crashes_tell_how_many_end_ill(marks, words):
    assert title(mock.crashes(marks, 2)) == words


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ((3, 3), "On average your marks stay as they were"),
        ((2, 3), "Before the rubric you are kinder, by 0.5 of a step"),
        ((5, 3), "Before the rubric you are harder, by 1 of a step"),
    ],
)
def test_the_gap_has_a_direction(after, words):
    assert title(mock.calibration(("a", "b"), (3, 3), after)) == words
