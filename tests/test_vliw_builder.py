"""The builder: names, constants, labels and what it refuses."""

import pytest

from course.sim.vliw import SCRATCH, VLEN, Builder, run, schedule


def test_words_are_reused_and_never_shared():
    make = Builder(size=40)
    first, second = make.vector("a"), make.vector("b")
    third = make.alloc("c")
    assert (first, second, third) == (0, 8, 16)
    make.free(second)
    assert make.alloc("d", 3) == 8
    assert make.vector("e") == 17
    assert make.live == {"a": 8, "e": 8, "d": 3, "c": 1}


def test_an_overflow_says_what_is_live():
    make = Builder(size=32)
    make.vector("keys")
    make.vector("keys")
    make.const(5)
    row = make.alloc("row", 7)
    make.alloc("rest", 8)
    make.free(row)
    with pytest.raises(ValueError, match="no room for 'node'") as caught:
        make.vector("node")
    assert str(caught.value) == (
        "no room for 'node' (8 words): 25 of 32 are taken and the longest gap has 7; "
        "live: keys 16, rest 8, constants 1"
    )


def test_all_of_scratch_can_be_had():
    make = Builder()
    for n in range(SCRATCH // VLEN):
        make.vector(f"v{n}")
    with pytest.raises(ValueError, match="and 180 more"):
        make.alloc("one")


def test_constants_are_loaded_once():
    make = Builder()
    assert make.const(7) == make.const(7) != make.const(8)
    assert make.vconst(7) == make.vconst(7) != make.const(7)
    assert make.const(-1) == make.const(2**32 - 1)
    assert [op.engine for op in make.ops] == ["load", "load", "valu", "load"]
    done = run(make.program(), [])
    assert done.scratch[make.vconst(7) : make.vconst(7) + VLEN] == [7] * VLEN


def test_what_is_not_live_or_a_constant_cannot_be_freed():
    make = Builder()
    make.vector("a")
    with pytest.raises(ValueError, match="begins at scratch 3"):
        make.free(3)
    with pytest.raises(ValueError, match="constant"):
        make.free(make.const(3))
    with pytest.raises(ValueError, match="at least one word"):
        make.alloc("nothing", 0)


def test_labels_become_pcs_and_a_loop_runs():
    make = Builder()
    total, left = make.alloc("total"), make.alloc("left")
    minus = make.const(-1)
    make.add("load", "const", left, 5)
    make.label("again")
    make.add("alu", "+", total, total, left)
    make.add("alu", "+", left, left, minus)
    make.add("flow", "cond_jump", left, "again")
    make.add("flow", "jump", "end")
    make.add("load", "const", total, 0)
    make.label("end")
    done = run(make.program(), [])
    assert done.scratch[total] == 5 + 4 + 3 + 2 + 1
    assert done.cycles == 2 + 3 * 5 + 1
    assert make.listing().splitlines()[2:] == [
        "again:",
        "   2  alu   total = total + left",
        "   3  alu   left = left + 4294967295",
        "   4  flow  cond_jump left 2",
        "   5  flow  jump 7",
        "   6  load  const total = 0",
        "end:",
    ]


def test_a_label_that_is_nowhere_and_one_that_is_twice():
    make = Builder()
    make.label("here")
    make.add("flow", "jump", "there")
    with pytest.raises(ValueError, match="no label 'there'; there are: here"):
        make.program()
    with pytest.raises(ValueError, match="label 'here' already"):
        make.label("here")


@pytest.mark.parametrize(
    ("engine", "slot"),
    [("alu", ("plus", 0, 1, 2)), ("load", ("vload", SCRATCH - 7, 0)), ("load", ())],
)
def test_a_slot_that_cannot_be_executed_is_refused_at_once(engine, slot):
    make = Builder()
    with pytest.raises(ValueError):  # noqa: PT011
        make.add(engine, *slot)
    assert make.ops == []


def test_a_listing_names_vectors_lanes_and_the_newest_owner():
    make = Builder()
    old = make.vector("old")
    make.free(old)
    a, b, at = make.vector("a"), make.vector("b"), make.alloc("at")
    make.add("valu", "multiply_add", b, a, a, b)
    make.add("load", "load_offset", a, b, 3, region="ring")
    make.add("load", "vload", a, at)
    make.add("store", "vstore", at, a + 4)
    make.add("flow", "vselect", a, b, a, b)
    make.add("flow", "add_imm", at, at, 8)
    make.add("debug", "compare", at, "sum")
    make.add("alu", "+", 100, a, at)
    make.add("valu", "vbroadcast", a, at)
    assert make.listing().splitlines() == [
        "   0  valu  b = a * a + b",
        "   1  load  a[3] = memory[b[3]]",
        "   2  load  a = memory[at]",
        "   3  store memory[at] = a[4:12]",
        "   4  flow  a = vselect b a b",
        "   5  flow  at = add_imm at 8",
        "   6  debug compare at with sum",
        "   7  alu   s100 = a[0] + at",
        "   8  valu  a = vbroadcast at",
    ]
    packed = schedule(make.ops[4:6])
    assert make.listing(packed).splitlines() == [
        "   0  flow  a = vselect b a b",
        "   1  flow  at = add_imm at 8",
    ]
    assert make.listing([{}]) == "   0"
