"""Pictures of VLIW programs, and the trace that Perfetto opens."""

import doctest
import json

import numpy as np
import pytest

from course.sim.vliw import LIMITS, SCRATCH, live_words, run
from course.viz import drawing
from course.viz import vliw as views

PROGRAM = [
    {"alu": [("+", 1, 0, 0)] * 12, "load": [("const", 4, 4)]},
    {"alu": [("+", 1, 0, 0)] * 6, "debug": [("compare", 1, "key")]},
    {"debug": [("compare", 1, "key")]},
    {"flow": [("add_imm", 2, 2, 1)], "valu": []},
]


def test_the_examples_in_docstrings_run():
    assert doctest.testmod(views).failed == 0


def record(program):
    return run(program, [], record=True)


def test_occupancy_shows_each_engine_and_names_the_busiest():
    fig = views.occupancy(record(PROGRAM))
    ax = fig.axes[0]
    (mesh,) = ax.collections
    assert mesh.get_array().shape == (5, 3)
    np.testing.assert_allclose(mesh.get_array()[0], [1, 0.5, 0])
    np.testing.assert_allclose(mesh.get_array()[2], [0.5, 0, 0])
    title = "alu is the busiest: 50 % of its slots, full in 33 % of 3 cycles"
    assert ax.get_title("left") == title
    assert [text.get_text() for text in ax.texts][:2] == ["50 %", "0 %"]


def test_a_long_run_is_binned_and_no_slot_is_lost():
    run_of_many = record([{"alu": [("+", 1, 0, 0)]}] * 1001)
    ax = views.occupancy(run_of_many).axes[0]
    (mesh,) = ax.collections
    assert mesh.get_array().shape[1] == -(-1001 // 3)
    np.testing.assert_allclose(mesh.get_array()[0], 1 / 12)
    assert "3 to a column" in ax.get_xlabel()


def test_utilisation_states_each_share():
    ax = views.utilisation(record(PROGRAM)).axes[0]
    assert [text.get_text() for text in ax.texts] == [
        *("50 %", "0 %", "17 %", "0 %", "33 %")
    ]


@pytest.mark.parametrize("view", [views.occupancy, views.utilisation])
def test_a_run_without_a_record_is_refused(view):
    with pytest.raises(ValueError, match="record=True"):
        view(run(PROGRAM, []))


def test_live_words_count_what_is_still_read():
    program = [
        {"load": [("const", 0, 7), ("const", 9, 1)]},  # word 9 is never read
        {"valu": [("vbroadcast", 16, 0)]},
        {"valu": [("+", 24, 16, 16)], "alu": [("+", 0, 0, 0)]},
        {"store": [("store", 0, 24)]},
    ]
    words = live_words(program)
    assert words == [0, 1, 9, 2]
    ax = views.live(words).axes[0]
    assert ax.get_title("left") == "At most 9 words are live, 1 % of all"
    assert f"scratch: {SCRATCH:,} words" in ax.texts[0].get_text()
    with pytest.raises(ValueError, match="pc 0 is a jump"):
        live_words([{"flow": [("jump", 0)]}])


def test_the_ladder_states_the_gain_and_the_distance_to_the_bound():
    fig = views.ladder([("scalar", 1000, None), ("packed", 110, 100)])
    ax = fig.axes[0]
    title = "1,000 to 110 cycles: 9.1 times as fast, 10.0 % above the bound"
    assert ax.get_title("left") == title
    assert drawing.png(fig, 96)[:4] == b"\x89PNG"
    alone = views.ladder([("scalar", 1000, None)]).axes[0].get_title("left")
    assert alone == "1,000 to 1,000 cycles: 1.0 times as fast"
    with pytest.raises(ValueError, match="needs a rung"):
        views.ladder([])


def check_trace(text: str) -> list[dict]:
    """Assert the rules of the format for what we write; return the slices."""
    document = json.loads(text)
    assert set(document) == {"traceEvents"}
    named, ends, slices = set(), {}, []
    for event in document["traceEvents"]:
        assert isinstance(event["name"], str)
        assert isinstance(event["pid"], int)
        if event["ph"] == "M":
            kinds = {"process_name": str, "thread_name": str, "thread_sort_index": int}
            (value,) = event["args"].values()
            assert type(value) is kinds[event["name"]]
            if event["name"] == "thread_name":
                named.add(event["tid"])
            continue
        assert event["ph"] == "X"
        assert event["tid"] in named
        assert event["ts"] >= ends.get(event["tid"], 0)  # slices do not overlap
        ends[event["tid"]] = event["ts"] + event["dur"]
        slices.append(event)
    return slices


def test_a_trace_keeps_the_rules_of_the_format():
    slices = check_trace(views.trace(PROGRAM))
    assert len(slices) == 12 + 1 + 6 + 1
    assert [each["ts"] for each in slices] == [0] * 13 + [1] * 6 + [2]
    assert slices[0]["name"] == "+ 1 0 0"


def test_a_trace_follows_the_path_of_a_loop():
    program = [
        {"load": [("const", 0, 2), ("const", 1, 1)]},
        {"alu": [("-", 0, 0, 1)]},
        {"flow": [("cond_jump", 0, 1)]},
    ]
    done = record(program)
    slices = check_trace(views.trace(program, done.path))
    assert [each["ts"] for each in slices] == [0, 0, 1, 2, 3, 4]
    assert done.cycles == 5


def test_a_trace_of_a_thousand_full_cycles_is_below_two_megabytes():
    slots = {
        "alu": [("+", 1111, 1222, 1333)] * LIMITS["alu"],
        "valu": [("multiply_add", 1111, 1222, 1333, 1444)] * LIMITS["valu"],
        "load": [("load_offset", 1111, 1222, 7)] * LIMITS["load"],
        "store": [("vstore", 1111, 1222)] * LIMITS["store"],
        "flow": [("vselect", 1111, 1222, 1333, 1444)],
    }
    assert len(views.trace([slots] * 1000)) < 2_000_000
