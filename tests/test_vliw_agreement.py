"""The interpreter and the fast core give the same answer to every program."""

import subprocess
import sys
from collections import Counter
from random import Random

import pytest
from vliw_programs import Case, random_case

from course.sim.vliw import Fault, encode, run
from course.sim.vliw.isa import OPERANDS

PROGRAMS = 10_000


def both(case: Case, **options) -> tuple:
    """Return what the two ways to run a program say: a Run or the words of a Fault."""
    options |= {"limit": case.limit, "scratch": case.scratch}

    def slow():
        return run(case.program, case.memory, **options)

    def fast():
        return encode(case.program).run(case.memory, **options)

    return answer(slow), answer(fast)


def answer(start):
    """Return a Run, or all that a Fault says."""
    try:
        return start()
    except Fault as fault:
        return fault.pc, fault.engine, fault.slot, str(fault)


def options_of(rng: Random, case: Case) -> dict:
    """Return some options of a run."""
    found = {"pauses": rng.random() < 0.5, "record": rng.random() < 0.5}
    if rng.random() < 0.7:
        found["expected"] = case.expected
    if rng.random() < 0.1:
        found["pc"] = rng.randint(0, len(case.program) + 1)
    return found


def kind(said: tuple) -> str:
    """Return what a fault is about."""
    for words in (
        "division by zero",
        "outside memory",
        "still running",
        "negative pc",
        "is expected by the name",
        ", expected ",
        "outside 0 to 1535",
        "unknown operation",
        "slots in one bundle",
        "no such engine",
        "does not have the operands",
        "not a whole number",
        "is no tuple",
        "needs a list of",
    ):
        if words in said[3]:
            return words
    raise AssertionError(f"a fault of an unknown kind: {said}")


def test_ten_thousand_random_programs():
    rng = Random(20261125)
    executed, faults, endings = Counter(), Counter(), Counter()
    for number in range(PROGRAMS):
        case = random_case(rng)
        options = options_of(rng, case)
        slow, fast = both(case, **options)
        assert slow == fast, f"program {number}: {case.program} {options}"
        if isinstance(slow, tuple):
            faults[kind(slow)] += 1
            continue
        endings[slow.ended] += 1
        for pc in slow.path or ():
            for engine, slots in case.program[pc].items():
                executed.update((engine, slot[0]) for slot in slots)
    never = [
        (engine, op)
        for engine, ops in OPERANDS.items()
        for op in ops
        if executed[engine, op] < 20
    ]
    assert not never
    assert len(faults) == 14
    assert min(faults.values()) >= 10, faults
    assert min(endings[name] for name in ("end", "halt", "pause")) >= 200, endings


def test_a_paused_run_goes_on_where_it_stopped():
    rng = Random(7)
    resumed = 0
    for _ in range(500):
        case = random_case(rng, broken=0)
        whole, _ = both(case)
        pieces, pc, cycles = [], 0, 0
        if isinstance(whole, tuple):
            continue
        memory, scratch = case.memory, case.scratch
        while True:
            part = Case(case.program, memory, scratch)
            slow, fast = both(part, pauses=True, pc=pc)
            assert slow == fast
            pieces += slow.traced
            cycles += slow.cycles
            memory, scratch, pc = slow.memory, slow.scratch, slow.pc
            if slow.ended != "pause":
                break
            resumed += 1
        assert (memory, scratch, pieces) == (whole.memory, whole.scratch, whole.traced)
        assert cycles == whole.cycles
    assert resumed > 20


def test_the_fast_core_is_loaded_only_when_it_is_used():
    code = "import sys, course.sim.vliw; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("writable", [True, False])
def test_machine_code_is_kept_beside_the_package_or_not_at_all(monkeypatch, writable):
    from course.sim.vliw import core

    asked = []
    monkeypatch.setattr(core.os, "access", lambda folder, mode: writable)
    monkeypatch.setattr(
        core.numba, "njit", lambda cache: asked.append(cache) or (lambda found: found)
    )
    assert core._compiled(abs) is abs
    assert asked == [writable]


def test_an_encoded_program_does_not_follow_later_changes():
    program = [{"alu": [("//", 0, 1, 2)]}, {"alu": [("+", 0, 1, 2)]}]
    encoded = encode(program)
    program[0]["alu"][0] = ("+", 0, 1, 2)
    with pytest.raises(Fault, match="'//'"):
        encoded.run([])


def test_a_float_is_no_number_though_it_equals_one():
    program = [{"alu": [("+", 4, 0, 0)]}, {"alu": [("+", 4.0, 0, 0)]}]
    slow, fast = both(Case(program, [], [0] * 1536))
    assert slow == fast
    assert slow[0] == 1
    assert "dest is 4.0, not a whole number" in slow[3]


def test_a_hundred_thousand_bundles_are_encoded_and_agree():
    rng = Random(3)
    ops = list(OPERANDS["alu"])[:3]
    program = [
        {"alu": [(rng.choice(ops), *(rng.randrange(99) for _ in "dab"))]}
        for _ in range(100_000)
    ]
    scratch = [rng.getrandbits(32) for _ in range(1536)]
    assert run(program, [], scratch=scratch) == encode(program).run([], scratch=scratch)
