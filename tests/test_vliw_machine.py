"""What the machine does, case by case, worked out by hand from the facts about it."""

import pickle

import numpy as np
import pytest

from course.sim.vliw import LIMITS, SCRATCH, VLEN, Fault, Run, encode, run

TOP = 2**32 - 1


def fast(program, memory, **options):
    """Run a program on the fast core."""
    return encode(program).run(memory, **options)


@pytest.fixture(params=[run, fast], ids=["interpreter", "fast core"])
def execute(request):
    """Both ways to run a program."""
    return request.param


def holding(values: dict[int, int]) -> list[int]:
    """Return a scratch with these words, the others zero."""
    scratch = [0] * SCRATCH
    for word, value in values.items():
        scratch[word] = value
    return scratch


def vectors(**starts: list[int]) -> list[int]:
    """Return a scratch with vectors at 8 (a), 16 (b) and 24 (c)."""
    scratch = [0] * SCRATCH
    for name, values in starts.items():
        first = {"a": 8, "b": 16, "c": 24}[name]
        scratch[first : first + VLEN] = values
    return scratch


def test_the_sizes_of_the_machine():
    assert (VLEN, SCRATCH) == (8, 1536)
    assert LIMITS == {
        "alu": 12, "valu": 6, "load": 2, "store": 2, "flow": 1, "debug": 64,
    }  # fmt: skip


# -- arithmetic ----------------------------------------------------------------------

WORDS = [
    ("+", 2, 3, 5),
    ("+", TOP, 1, 0),
    ("+", TOP, TOP, 4294967294),
    ("-", 5, 3, 2),
    ("-", 3, 5, 4294967294),
    ("-", 0, TOP, 1),
    ("*", 6, 7, 42),
    ("*", 65536, 65536, 0),
    ("*", TOP, TOP, 1),
    ("*", 0x9E3779B9, 0x85EBCA6B, 0xC10EDA53),
    ("//", 7, 2, 3),
    ("//", TOP, 1, TOP),
    ("//", 1, TOP, 0),
    ("cdiv", 7, 2, 4),
    ("cdiv", 8, 2, 4),
    ("cdiv", 0, 5, 0),
    ("cdiv", TOP, TOP, 1),
    ("cdiv", TOP, 2, 2147483648),
    ("^", 0b1100, 0b1010, 0b0110),
    ("&", 0b1100, 0b1010, 0b1000),
    ("|", 0b1100, 0b1010, 0b1110),
    ("<<", 1, 31, 2147483648),
    ("<<", 3, 31, 2147483648),
    ("<<", 1, 32, 0),
    ("<<", TOP, 33, 0),
    ("<<", TOP, TOP, 0),
    ("<<", 5, 0, 5),
    (">>", 2147483648, 31, 1),
    (">>", TOP, 32, 0),
    (">>", TOP, TOP, 0),
    (">>", TOP, 4, 268435455),
    ("%", 7, 3, 1),
    ("%", 7, TOP, 7),
    ("%", TOP, 10, 5),
    ("<", 1, 2, 1),
    ("<", 2, 2, 0),
    ("<", TOP, 0, 0),  # words have no sign
    ("<", 0, 2147483648, 1),
    ("==", 4, 4, 1),
    ("==", 4, 5, 0),
]


@pytest.mark.parametrize(("op", "a", "b", "word"), WORDS)
def test_words(execute, op, a, b, word):
    done = execute([{"alu": [(op, 2, 0, 1)]}], [], scratch=holding({0: a, 1: b}))
    assert done.scratch == holding({0: a, 1: b, 2: word})
    lanes = vectors(a=[a] * 4 + [1] * 4, b=[b] * 4 + [1] * 4)
    done = execute([{"valu": [(op, 32, 8, 16)]}], [], scratch=lanes)
    assert done.scratch[32:36] == [word] * 4
    assert done.scratch[:32] == lanes[:32]
    assert not any(done.scratch[40:])


@pytest.mark.parametrize("op", ["//", "cdiv", "%"])
def test_nothing_is_divided_by_zero(execute, op):
    program = [{}, {"alu": [("+", 9, 9, 9), (op, 2, 0, 1)]}]
    with pytest.raises(Fault, match="division by zero") as fault:
        execute(program, [], scratch=holding({0: 5}))
    assert (fault.value.pc, fault.value.engine, fault.value.slot) == (1, "alu", 1)
    lanes = vectors(a=[5] * 8, b=[1] * 7 + [0])
    with pytest.raises(Fault, match=r"pc 0, valu slot 0: .*division by zero"):
        execute([{"valu": [(op, 32, 8, 16)]}], [], scratch=lanes)


def test_multiply_add_wraps_in_each_lane(execute):
    scratch = vectors(
        a=[2, TOP, 65536, 0, 1, 1, 1, TOP],
        b=[3, 2, 65536, 9, 1, 1, 1, TOP],
        c=[4, 5, 7, 11, TOP, 0, 2, TOP],
    )
    done = execute([{"valu": [("multiply_add", 32, 8, 16, 24)]}], [], scratch=scratch)
    assert done.scratch[32:40] == [10, 3, 7, 11, 0, 1, 3, 0]


def test_vbroadcast_copies_one_word_to_eight(execute):
    done = execute([{"valu": [("vbroadcast", 10, 3)]}], [], scratch=holding({3: 7}))
    assert done.scratch[9:19] == [0, *[7] * 8, 0]


def test_const_and_add_imm_take_any_number_modulo_2_to_the_32(execute):
    program = [
        {
            "load": [("const", 0, -1), ("const", 1, 2**40 + 5)],
            "flow": [("add_imm", 2, 3, -2)],
        }
    ]
    done = execute(program, [], scratch=holding({3: 1}))
    assert done.scratch[:4] == [TOP, 5, TOP, 1]


# -- the order of reads and writes ----------------------------------------------------


def test_all_reads_come_before_all_writes(execute):
    swap = [{"alu": [("+", 0, 1, 2), ("+", 1, 0, 2)]}]
    done = execute(swap, [], scratch=holding({0: 3, 1: 4}))
    assert done.scratch[:2] == [4, 3]


def test_a_bundle_does_not_see_its_own_results(execute):
    program = [{"load": [("const", 0, 5)], "alu": [("+", 1, 0, 0)]}]
    assert execute(program, []).scratch[:2] == [5, 0]


@pytest.mark.parametrize(
    ("bundle", "word"),
    [
        ({"load": [("const", 5, 1), ("const", 5, 2)]}, 2),
        ({"load": [("const", 5, 1)], "flow": [("add_imm", 5, 0, 3)]}, 3),
        ({"flow": [("add_imm", 5, 0, 3)], "load": [("const", 5, 1)]}, 1),
        ({"valu": [("vbroadcast", 0, 9)], "load": [("const", 5, 1)]}, 1),
        ({"load": [("const", 5, 1)], "valu": [("vbroadcast", 0, 9)]}, 0),
    ],
)
def test_of_two_writes_the_later_in_dict_and_list_order_wins(execute, bundle, word):
    assert execute([bundle], []).scratch[5] == word


def test_of_two_stores_the_later_wins_lane_by_lane(execute):
    scratch = vectors(a=list(range(10, 18)))
    scratch[0], scratch[1], scratch[2] = 0, 3, 99
    vector_last = [{"store": [("store", 1, 2), ("vstore", 0, 8)]}]
    assert execute(vector_last, [0] * 9, scratch=scratch).memory == [
        10, 11, 12, 13, 14, 15, 16, 17, 0,
    ]  # fmt: skip
    word_last = [{"store": [("vstore", 0, 8), ("store", 1, 2)]}]
    assert execute(word_last, [0] * 9, scratch=scratch).memory == [
        10, 11, 12, 99, 14, 15, 16, 17, 0,
    ]  # fmt: skip


def test_a_load_beside_a_store_sees_the_old_word(execute):
    program = [{"store": [("store", 0, 1)], "load": [("load", 2, 0)]}]
    done = execute(program, [7], scratch=holding({1: 8}))
    assert (done.memory, done.scratch[2]) == ([8], 7)


def test_a_vector_may_be_written_over_the_one_it_is_made_of(execute):
    scratch = vectors(a=list(range(8)))
    done = execute([{"valu": [("+", 9, 8, 8)]}], [], scratch=scratch)
    assert done.scratch[8:17] == [0, 0, 2, 4, 6, 8, 10, 12, 14]


# -- memory ---------------------------------------------------------------------------


def test_loads_and_stores(execute):
    memory = list(range(100, 120))
    scratch = holding({0: 2, 1: 5, 40: 7, 41: 19, 42: 0})
    program = [
        {"load": [("load", 10, 0), ("vload", 20, 1)]},
        {"load": [("load_offset", 50, 40, 0), ("load_offset", 50, 40, 1)]},
        {"load": [("load_offset", 50, 40, 2)], "store": [("vstore", 0, 20)]},
    ]
    done = execute(program, memory, scratch=scratch)
    assert done.scratch[10] == 102
    assert done.scratch[20:28] == [105, 106, 107, 108, 109, 110, 111, 112]
    assert done.scratch[50:53] == [107, 119, 100]
    assert done.memory[:11] == [100, 101, 105, 106, 107, 108, 109, 110, 111, 112, 110]
    assert memory == list(range(100, 120))  # a run works on a copy
    assert done.slots == {"alu": 0, "valu": 0, "load": 5, "store": 1, "flow": 0}


@pytest.mark.parametrize(
    ("bundle", "address"),
    [
        ({"load": [("load", 1, 0)]}, 12),
        ({"load": [("load", 1, 0)]}, TOP),
        ({"load": [("vload", 1, 0)]}, 5),
        ({"load": [("load_offset", 4, 0, 0)]}, 12),
        ({"store": [("store", 0, 1)]}, 12),
        ({"store": [("vstore", 0, 1)]}, 5),
    ],
)
def test_memory_ends_where_it_ends(execute, bundle, address):
    [(engine, _)] = bundle.items()
    with pytest.raises(Fault) as fault:
        execute([{}, bundle], [0] * 12, scratch=holding({0: address}))
    assert (fault.value.pc, fault.value.engine, fault.value.slot) == (1, engine, 0)
    assert f"address {address}" in str(fault.value)
    last = 12 - (VLEN if address == 5 else 1)
    execute([bundle], [0] * 12, scratch=holding({0: last}))


def test_there_need_be_no_memory(execute):
    assert execute([], []) == Run([], [0] * SCRATCH, 0, dict.fromkeys(
        ("alu", "valu", "load", "store", "flow"), 0), "end", 0, [])  # fmt: skip
    with pytest.raises(Fault, match="outside memory"):
        execute([{"load": [("vload", 0, 0)]}], [])


@pytest.mark.parametrize("memory", [[-1], [2**32], ["1"], [1.5], [None]])
def test_memory_holds_words(execute, memory):
    with pytest.raises(ValueError, match="memory holds something outside"):
        execute([], memory)


def test_memory_may_be_an_array(execute):
    program = [{"store": [("store", 0, 1)]}]
    done = execute(program, np.array([3, 4], np.uint32), scratch=holding({1: 9}))
    assert done.memory == [9, 4]
    assert {type(word) for word in done.memory + done.scratch} == {int}


# -- flow -----------------------------------------------------------------------------


def test_select_takes_the_first_unless_the_condition_is_zero(execute):
    program = [
        {"flow": [("select", 10, 0, 2, 3)]},
        {"flow": [("select", 11, 1, 2, 3)]},
    ]
    done = execute(program, [], scratch=holding({0: 0, 1: TOP, 2: 20, 3: 30}))
    assert done.scratch[10:12] == [30, 20]
    scratch = vectors(a=[0, 1, 2, 0, 0, TOP, 0, 1], b=[1] * 8, c=[2] * 8)
    done = execute([{"flow": [("vselect", 32, 8, 16, 24)]}], [], scratch=scratch)
    assert done.scratch[32:40] == [2, 1, 1, 2, 2, 1, 2, 1]


def test_a_jump_costs_its_slot_and_no_more(execute):
    program = [{"flow": [("jump", 2)]}, {"load": [("const", 0, 1)]}, {"alu": []}]
    done = execute(program, [], record=True)
    assert (done.cycles, done.path, done.scratch[0]) == (2, (0, 2), 0)


def test_a_relative_jump_counts_from_the_next_bundle(execute):
    skip = [{"flow": [("cond_jump_rel", 0, 1)]}, {"alu": []}, {"load": []}]
    assert execute(skip, [], scratch=holding({0: 1}), record=True).path == (0, 2)
    assert execute(skip, [], record=True).path == (0, 1, 2)
    nowhere = [{"flow": [("cond_jump_rel", 0, 0)]}, {"alu": []}]
    assert execute(nowhere, [], scratch=holding({0: 1}), record=True).path == (0, 1)


def test_a_loop_by_hand(execute):
    program = [
        {"load": [("const", 0, 5), ("const", 1, 1)]},
        {"alu": [("-", 0, 0, 1), ("+", 2, 2, 0)]},
        {"flow": [("cond_jump", 0, 1)]},
    ]
    done = execute(program, [])
    assert (done.scratch[2], done.cycles) == (5 + 4 + 3 + 2 + 1, 1 + 5 * 2)
    assert done.slots == {"alu": 10, "valu": 0, "load": 2, "store": 0, "flow": 5}


def test_a_condition_is_read_before_the_bundle_writes_it(execute):
    program = [
        {"alu": [("-", 0, 0, 1)], "flow": [("cond_jump", 0, 2)]},
        {"load": [("const", 5, 1)]},
    ]
    assert execute(program, [], scratch=holding({0: 1, 1: 1})).scratch[5] == 0


def test_jump_indirect_takes_the_pc_from_scratch(execute):
    program = [{"flow": [("jump_indirect", 0)]}, {"alu": []}, {"alu": []}]
    assert execute(program, [], scratch=holding({0: 2}), record=True).path == (0, 2)


@pytest.mark.parametrize("target", [2, 3, 10**30])
def test_a_jump_past_the_last_bundle_ends_the_program(execute, target):
    done = execute([{"flow": [("jump", target)]}, {"alu": []}], [])
    assert (done.cycles, done.ended, done.pc) == (1, "end", 2)


@pytest.mark.parametrize(
    "slot", [("jump", -1), ("cond_jump", 0, -(10**30)), ("cond_jump_rel", 0, -3)]
)
def test_nothing_jumps_before_the_first_bundle(execute, slot):
    program = [{"alu": []}, {"flow": [slot]}]
    with pytest.raises(Fault, match=r"pc 1, flow slot 0: .* leads to a negative pc"):
        execute(program, [], scratch=holding({0: 1}))
    if slot[0] != "jump":
        assert execute(program, []).cycles == 2  # the condition does not hold


def test_halt_ends_after_its_bundle(execute):
    program = [{"flow": [("halt",)], "load": [("const", 0, 5)]}, {"alu": []}]
    done = execute(program, [])
    assert (done.scratch[0], done.cycles, done.ended, done.pc) == (5, 1, "halt", 1)


def test_a_pause_stops_only_where_it_is_asked_to(execute):
    program = [
        {"flow": [("pause",)], "load": [("const", 0, 5)]},
        {"flow": [("trace_write", 0)]},
    ]
    through = execute(program, [])
    assert (through.cycles, through.ended, through.traced) == (2, "end", [5])
    first = execute(program, [], pauses=True)
    assert (first.cycles, first.ended, first.pc, first.traced) == (1, "pause", 1, [])
    rest = execute(program, [], scratch=first.scratch, pc=first.pc, pauses=True)
    assert (rest.cycles, rest.ended, rest.traced) == (1, "end", [5])


def test_trace_write_and_coreid(execute):
    program = [{"flow": [("trace_write", 0)]}, {"flow": [("coreid", 0)]}] * 2
    done = execute(program, [], scratch=holding({0: 6}))
    assert (done.traced, done.scratch[0]) == ([6, 0], 0)


# -- cycles ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bundle", "cycles"),
    [
        ({}, 0),
        ({"alu": []}, 1),
        ({"debug": []}, 0),
        ({"debug": [("compare", 0, "zero")]}, 0),
        ({"debug": [("compare", 0, "zero")], "store": []}, 1),
        ({"alu": [("+", 0, 0, 0)] * 12, "valu": [("+", 0, 0, 0)] * 6}, 1),
    ],
)
def test_a_bundle_costs_a_cycle_if_it_names_an_engine(execute, bundle, cycles):
    done = execute([bundle], [], expected={"zero": 0}, record=True)
    assert (done.cycles, len(done.path), len(done.use)) == (cycles,) * 3


def test_use_counts_the_slots_of_each_cycle(execute):
    program = [
        {"load": [("const", 0, 0)] * 2, "debug": [("compare", 0, "x")]},
        {},
        {"alu": [("+", 1, 1, 1)] * 3, "flow": [("add_imm", 2, 2, 1)]},
    ]
    done = execute(program, [], record=True)
    assert (done.path, done.use) == ((0, 2), ((0, 0, 2, 0, 0), (3, 0, 0, 0, 1)))
    assert execute(program, []).use is None


def test_a_program_that_never_ends_is_stopped(execute):
    program = [{}, {"flow": [("jump", 0)]}]
    with pytest.raises(Fault, match="pc 1: still running after 1,000 cycles") as fault:
        execute(program, [], limit=1000)
    assert (fault.value.engine, fault.value.slot) == (None, None)
    with pytest.raises(Fault, match="after 1,000,000 cycles"):
        execute(program, [])
    assert execute([{"alu": []}] * 5, [], limit=5).cycles == 5
    with pytest.raises(Fault, match="pc 4: still running after 4 cycles"):
        execute([{"alu": []}] * 5, [], limit=4)


# -- debug ----------------------------------------------------------------------------


def test_debug_slots_compare_with_what_is_expected(execute):
    scratch = vectors(a=list(range(8)))
    keys = [("lane", n) for n in range(8)]
    program = [
        {"debug": [("compare", 9, "one"), ("vcompare", 8, keys)]},
        {"load": [("const", 9, 4)], "debug": [("compare", 9, "one")]},
        {"debug": [("compare", 9, "one")]},
    ]
    expected = {"one": 1, **{key: n for n, key in enumerate(keys)}}
    assert execute(program[:2], [], scratch=scratch, expected=expected).cycles == 1
    with pytest.raises(Fault) as fault:
        execute(program, [], scratch=scratch, expected=expected)
    assert str(fault.value) == (
        "pc 2, debug slot 0: ('compare', 9, 'one'): scratch 9 holds 4, "
        "expected 'one' = 1"
    )
    assert execute(program, [], scratch=scratch).cycles == 1  # nothing is expected


def test_the_lane_that_differs_is_named(execute):
    keys = list("abcdefgh")
    expected = dict.fromkeys(keys, 0) | {"f": 3}
    with pytest.raises(Fault, match=r"scratch 13 holds 0, expected 'f' = 3"):
        execute([{"debug": [("vcompare", 8, keys)]}], [], expected=expected)


@pytest.mark.parametrize("value", [-1, 2**32, 2**70, 0.5, "0", None, float("inf")])
def test_what_no_word_can_be_is_never_met(execute, value):
    with pytest.raises(Fault, match="holds 0, expected 'k' ="):
        execute([{"debug": [("compare", 0, "k")]}], [], expected={"k": value})


def test_a_value_must_be_expected_by_the_name(execute):
    with pytest.raises(Fault, match="no value is expected by the name 'k'"):
        execute([{"debug": [("compare", 0, "k")]}], [], expected={})


# -- what cannot be executed ----------------------------------------------------------

REFUSED = [
    ({"alu": [("+", 0, 0, 0)] * 13}, "alu", 12, "13 slots in one bundle; alu has 12"),
    ({"flow": [("halt",)] * 2}, "flow", 1, "2 slots in one bundle; flow has 1"),
    ({"load": [("const", 0, 1)] * 3}, "load", 2, "load has 2"),
    ({"store": [("store", 0, 1)] * 3}, "store", 2, "store has 2"),
    ({"valu": [("+", 0, 0, 0)] * 7}, "valu", 6, "valu has 6"),
    ({"debug": [("compare", 0, 1)] * 65}, "debug", 64, "debug has 64"),
    ({"fpu": []}, "fpu", None, "no such engine"),
    ({"alu": 5}, "alu", None, "5 is no list of slots"),
    ({"alu": [("add", 0, 0, 0)]}, "alu", 0, "unknown operation 'add'"),
    ({"alu": [(["+"], 0, 0, 0)]}, "alu", 0, "unknown operation ['+']"),
    ({"load": [("vbroadcast", 0, 0)]}, "load", 0, "unknown operation 'vbroadcast'"),
    ({"alu": [("multiply_add", 0, 0, 0, 0)]}, "alu", 0, "unknown operation"),
    ({"alu": ["+"]}, "alu", 0, "is no tuple"),
    ({"alu": [()]}, "alu", 0, "is no tuple"),
    ({"alu": ((), ())}, "alu", None, "is no list of slots"),
    ({"alu": [("+", 0, 0)]}, "alu", 0, "operands (dest, a, b)"),
    ({"alu": [("+", 0, 0, 1536)]}, "alu", 0, "b is scratch 1536, outside 0 to 1535"),
    ({"alu": [("+", -1, 0, 0)]}, "alu", 0, "dest is scratch -1,"),
    ({"alu": [("+", "x", 0, 0)]}, "alu", 0, "dest is 'x', not a whole number"),
    ({"alu": [("+", 1.0, 0, 0)]}, "alu", 0, "dest is 1.0, not a whole number"),
    ({"valu": [("+", 0, 1529, 0)]}, "valu", 0, "a8 is scratch 1529 to 1536,"),
    ({"load": [("load_offset", 1530, 0, 6)]}, "load", 0, "dest is scratch 1536,"),
    ({"load": [("load_offset", 0, 1530, 6)]}, "load", 0, "addr is scratch 1536,"),
    ({"debug": [("vcompare", 0, ["k"])]}, "debug", 0, "needs a list of 8 keys"),
    ({"debug": [("compare", 0, ["k"])]}, "debug", 0, "cannot be the key of a value"),
    ([("+", 0, 0, 0)], None, None, "is no dict of engines and slots"),
]


@pytest.mark.parametrize(("bundle", "engine", "slot", "words"), REFUSED)
def test_what_cannot_be_executed_is_refused(execute, bundle, engine, slot, words):
    program = [{"alu": []}, bundle]
    with pytest.raises(Fault) as fault:
        execute(program, [])
    assert (fault.value.pc, fault.value.engine, fault.value.slot) == (1, engine, slot)
    assert words in str(fault.value)


def test_a_mistake_that_nothing_comes_to_is_no_fault(execute):
    program = [{"flow": [("halt",)]}, {"fpu": 5}, 5]
    assert execute(program, []).cycles == 1


def test_the_first_fault_of_a_bundle_is_named(execute):
    scratch = holding({6: TOP, 7: 3})
    bundle = {
        "alu": [("+", 0, 0, 0), ("//", 0, 7, 7)],
        "load": [("load", 6, 7), ("load", 0, 6)],  # this one leaves memory
        "store": [("store", 1536, 0)],
    }
    with pytest.raises(Fault, match=r"pc 0, load slot 1: .* address 4294967295 is out"):
        execute([bundle], [0] * 9, scratch=scratch)
    bundle = {"store": bundle["store"], "load": bundle["load"]}
    with pytest.raises(Fault, match=r"pc 0, store slot 0: .* addr is scratch 1536"):
        execute([bundle], [0] * 9, scratch=scratch)


def test_slots_may_be_lists(execute):
    program = [{"load": [["const", 0, 3]]}, {"valu": [["vbroadcast", 8, 0]]}] * 2
    assert execute(program, []).scratch[8:16] == [3] * 8


def test_the_last_words_of_scratch_can_be_used(execute):
    program = [
        {"load": [("const", 1535, 3)]},
        {"valu": [("vbroadcast", 1528, 1535)]},
        {"load": [("load_offset", 1500, 1500, 35)]},
    ]
    done = execute(program, [1, 2, 3, 4])
    assert done.scratch[1528:] == [3, 3, 3, 3, 3, 3, 3, 4]


def test_numbers_of_numpy_are_numbers(execute):
    program = [{"load": [("const", np.int64(2), np.uint32(7))]}]
    assert execute(program, []).scratch[2] == 7


def test_a_run_begins_where_it_is_told(execute):
    with pytest.raises(ValueError, match="cannot begin at pc -1"):
        execute([], [], pc=-1)
    with pytest.raises(ValueError, match="scratch has 1536 words, not 3"):
        execute([], [], scratch=[0, 0, 0])
    done = execute([{"alu": []}] * 3, [], pc=2, record=True)
    assert done.path == (2,)
    assert execute([{"alu": []}], [], pc=9).pc == 1


def test_a_fault_travels_between_processes():
    fault = pickle.loads(pickle.dumps(Fault(3, "alu", 1, "division by zero")))
    assert str(fault) == "pc 3, alu slot 1: division by zero"
    assert (fault.pc, fault.engine, fault.slot) == (3, "alu", 1)


def test_an_encoded_program_travels_between_processes():
    encoded = pickle.loads(pickle.dumps(encode([{"load": [("const", 0, 9)]}])))
    assert encoded.run([]).scratch[0] == 9
