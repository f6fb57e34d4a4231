"""Dependences, bounds and the scheduler: scheduled programs do what the written did."""

import doctest
import itertools
import random

import pytest

from course.sim.vliw import (
    LIMITS,
    SCRATCH,
    VLEN,
    builder,
    critical_path,
    dependences,
    effects,
    ops,
    run,
    schedule,
    scheduler,
    sequential,
    slot_bound,
)

SAFE = ("+", "-", "*", "^", "&", "|", "<<", ">>", "<", "==")
# Words 0-7 point into the lower half of memory, 8-15 into the upper half, the words
# behind them hold anything.
DATA, HALF = range(16, 64), 40


def random_ops(rng: random.Random, count: int) -> list[tuple]:
    """Return straight-line ops of every engine that cannot fail."""
    return [_random_op(rng) for _ in range(count)]


def _random_op(rng: random.Random) -> tuple:
    def word() -> int:
        return rng.choice(DATA)

    def vector() -> int:
        return rng.randrange(DATA.start, DATA.stop - VLEN + 1)

    half = rng.randrange(2)
    pointer = rng.randrange(8) + 8 * half
    region = rng.choice(("", f"half {half}"))
    kind = rng.randrange(15)
    if kind < 3:
        return "alu", (rng.choice(SAFE), word(), word(), word())
    if kind == 3:
        return "alu", (rng.choice(("//", "%", "cdiv")), word(), word(), pointer)
    if kind < 6:
        return "valu", (rng.choice(SAFE), vector(), vector(), vector())
    if kind == 6:
        return "valu", ("multiply_add", vector(), vector(), vector(), vector())
    if kind == 7:
        return "valu", ("vbroadcast", vector(), word())
    if kind == 8:
        value = rng.randrange(1, HALF - VLEN) + HALF * half
        return "load", ("const", pointer, value)
    if kind == 9:
        lane = rng.randrange(VLEN)
        slot = ("load_offset", vector(), 8 * half, lane)
        return "load", slot, region
    if kind == 10:
        slot = rng.choice((("load", word(), pointer), ("vload", vector(), pointer)))
        return "load", slot, region
    if kind < 13:
        slot = rng.choice((("store", pointer, word()), ("vstore", pointer, vector())))
        return "store", slot, region
    slots = (
        ("select", word(), word(), word(), word()),
        ("vselect", vector(), vector(), vector(), vector()),
        ("add_imm", word(), word(), rng.randrange(-9, 9)),
        ("trace_write", word()),
    )
    return "flow", rng.choice(slots)


def start(rng: random.Random) -> dict:
    scratch = [rng.choice((rng.getrandbits(32), rng.getrandbits(3))) for _ in DATA]
    lower = [rng.randrange(1, HALF - VLEN) for _ in range(8)]
    upper = [HALF + rng.randrange(1, HALF - VLEN) for _ in range(8)]
    filled = [*lower, *upper, *scratch]
    return {
        "memory": [rng.getrandbits(32) for _ in range(2 * HALF)],
        "scratch": [*filled, *([0] * (SCRATCH - len(filled)))],
    }


@pytest.mark.parametrize("seed", range(8))
def test_scheduled_programs_are_equal_to_sequential_ones(seed):
    rng = random.Random(seed)
    for _ in range(150):
        made = random_ops(rng, rng.randrange(1, 60))
        given = start(rng)
        wanted = run(sequential(made), **given)
        priorities = (None, [rng.random() for _ in made])
        for priority in priorities:
            program = schedule(made, priority, eager=rng.choice((0, 0.1, 9)))
            done = run(program, **given)
            assert done.memory == wanted.memory, made
            assert done.scratch == wanted.scratch, made
            assert (done.slots, done.traced) == (wanted.slots, wanted.traced)
            assert slot_bound(made).total <= done.cycles <= wanted.cycles
            assert critical_path(made)[0] <= done.cycles


def test_every_wait_is_kept_and_bundles_are_legal():
    rng = random.Random(5)
    made = random_ops(rng, 400)
    program = schedule(made)
    left: dict = {}
    for place, (engine, slot, *_) in enumerate(made):
        left.setdefault((engine, slot), []).append(place)
    started = {}
    for cycle, bundle in enumerate(program):
        for engine, slots in bundle.items():
            assert len(slots) <= LIMITS[engine]
            for slot in slots:
                started[left[engine, slot].pop(0)] = cycle
    assert len(started) == len(made)
    for wait in dependences(made):
        assert started[wait.after] - started[wait.before] >= wait.cycles


ADD = ("alu", ("+", 20, 21, 22))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (ADD, ("alu", ("+", 23, 20, 20)), (1, "RAW")),
        (("alu", ("+", 23, 20, 20)), ADD, (0, "WAR")),
        (ADD, ("load", ("const", 20, 1)), (1, "WAW")),
        (ADD, ("alu", ("+", 20, 20, 22)), (1, "RAW")),
        (("valu", ("+", 13, 40, 48)), ("alu", ("+", 0, 20, 1)), (1, "RAW")),
        (("store", ("store", 1, 2)), ("load", ("load", 3, 4)), (1, "memory")),
        (("load", ("load", 3, 4)), ("store", ("store", 1, 2)), (0, "memory")),
        (("store", ("store", 1, 2)), ("store", ("store", 1, 2)), (0, "memory")),
        (("store", ("store", 1, 2), "a"), ("load", ("load", 3, 4), "b"), None),
        (("store", ("store", 1, 2), "a"), ("load", ("load", 3, 4)), (1, "memory")),
        (("store", ("store", 1, 2)), ("load", ("load", 3, 4), "b"), (1, "memory")),
        (("load", ("load", 3, 4)), ("load", ("load", 5, 4)), None),
        (ADD, ("alu", ("+", 23, 21, 22)), None),
        (ADD, ("debug", ("compare", 20, "key")), (1, "RAW")),
        (("debug", ("vcompare", 16, [0] * 8)), ADD, (0, "WAR")),
    ],
)
def test_what_waits_for_what(first, second, expected):
    found = [(wait.cycles, wait.kind) for wait in dependences([first, second])]
    assert found == ([expected] if expected else [])


def test_a_gather_lane_touches_one_word_of_each_vector():
    assert effects("load", ("load_offset", 8, 16, 7)).writes == (15,)
    assert effects("load", ("const", 8, 99)).memory == ""
    assert effects("store", ("vstore", 3, 8)).reads == (3, *range(8, 16))
    assert effects("flow", ("halt",)).reads == ()
    with pytest.raises(ValueError, match="unknown operation"):
        effects("alu", ("plus", 1, 2, 3))


@pytest.mark.parametrize("slot", [("jump", 0), ("halt",), ("cond_jump", 1, 0)])
def test_only_straight_line_code_is_scheduled(slot):
    with pytest.raises(ValueError, match=f"op 1 is a {slot[0]}"):
        schedule([ADD, ("flow", slot)])


def test_nothing_is_scheduled_to_nothing():
    assert schedule([]) == []
    assert critical_path([]) == (0, [])
    assert (slot_bound([]).total, slot_bound([]).engine) == (0, "")


def test_the_bound_shows_its_arithmetic():
    made = [ADD] * 13 + [("load", ("load", 1, 2))] * 5 + [("debug", ("compare", 1, 2))]
    bound = slot_bound(made)
    assert (bound.total, bound.engine) == (3, "load")
    assert str(bound).splitlines() == [
        "alu         13 slots / 12 a cycle =       2 cycles",
        "load         5 slots /  2 a cycle =       3 cycles  <- the bound",
    ]


def test_the_critical_path_is_a_chain_of_waits():
    made = random_ops(random.Random(1), 200)
    length, path = critical_path(made)
    waits = {(wait.before, wait.after): wait.cycles for wait in dependences(made)}
    steps = [waits[pair] for pair in itertools.pairwise(path)]
    assert length == 1 + sum(steps)


def test_independent_work_fills_the_slots_and_a_chain_does_not():
    wide = [("alu", ("+", 20 + n, 0, 1)) for n in range(24)]
    assert len(schedule(wide)) == 2
    chain = [("alu", ("+", 20 + n, 19 + n, 1)) for n in range(24)]
    assert len(schedule(chain)) == 24


@pytest.mark.parametrize("module", [ops, scheduler, builder])
def test_the_examples_in_docstrings_run(module):
    found = doctest.testmod(module)
    assert (found.failed, found.attempted > 0) == (0, True)
