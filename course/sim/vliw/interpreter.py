"""The machine in plain Python: what every other way to run a program must agree with.

A cycle has three steps. The slots of a bundle read what they need and note what they
will write; then the scratch words are written, in the order of the notes; then the
memory words. So no slot sees what another one writes in the same cycle, and where two
write the same word the later wins.

The engines do not look for mistakes one by one: they only make sure that no mistake
goes unnoticed. Once something is wrong, `_fault` finds out in which slot, and why.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import add, index, mul

from course.sim.vliw.isa import (
    ARITHMETIC,
    ENGINES,
    LIMITS,
    MASK,
    SCRATCH,
    VLEN,
    Bundle,
    Fault,
    Program,
    Run,
    Slot,
    examine,
    jumped_before_the_start,
    operands,
    ran_too_long,
    refusal,
    slot_use,
    starting_pc,
    starting_scratch,
    words,
)

LIMIT = 1_000_000  # cycles that a program may take where nothing else is said
_LAST = SCRATCH - VLEN  # the last scratch word at which a vector can begin


class _Refused(Exception):
    """Something cannot be executed."""


# What a bundle raises that cannot be executed: above, or by Python itself where a slot
# has the wrong form, an address has no word, or something is divided by zero.
_TROUBLE = (
    _Refused, ArithmeticError, AttributeError, LookupError, TypeError, ValueError,
)  # fmt: skip


def run(
    program: Program,
    memory: Sequence[int],
    *,
    scratch: Sequence[int] | None = None,
    pc: int = 0,
    limit: int = LIMIT,
    pauses: bool = False,
    expected: Mapping[object, int] | None = None,
    record: bool = False,
) -> Run:
    """Execute a program on a copy of the memory's words, from `pc` to its end.

    A run begins with the `scratch` given, or zeros. With `pauses` it ends at a pause,
    and can go on from the result's memory, scratch and pc; without, a pause only takes
    its slot. Debug slots are compared with `expected` where it is given. `record` asks
    for the path and the use of slots. Raises Fault at the first slot that cannot be
    executed and for a program that takes more than `limit` cycles, ValueError for words
    that are none.

    >>> double = [{"load": [("load", 1, 0)]}, {"alu": [("+", 1, 1, 1)]},
    ...           {"store": [("store", 0, 1)]}]
    >>> done = run(double, [21])
    >>> done.memory, done.cycles, done.slots["alu"]
    ([42], 3, 1)
    """
    state = _State(
        list(words(memory, "memory")), list(starting_scratch(scratch)), starting_pc(pc)
    )
    engines = _engines(state, pauses, expected)
    memory_words, scratch_words = state.memory, state.scratch
    writes, stores = state.writes, state.stores
    used = dict.fromkeys(LIMITS, 0)
    path: list[int] = []
    cycles, end = 0, len(program)
    while pc < end and not state.ended:
        bundle = program[pc]
        state.pc = pc + 1
        try:
            parts = bundle.items()
            if len(parts) > ("debug" in bundle):  # some other engine is named
                if cycles == limit:
                    raise ran_too_long(pc, limit)
                cycles += 1
                if record:
                    path.append(pc)
            for engine, slots in parts:
                most, execute = engines[engine]
                count = len(slots)
                if count > most or type(slots) is not list:
                    raise _Refused
                used[engine] += count
                execute(slots)
        except _TROUBLE:
            raise _fault(pc, bundle, engines, state, expected or {}) from None
        for place, value in writes:
            scratch_words[place] = value
        writes.clear()
        if stores:
            for place, value in stores:
                memory_words[place] = value
            stores.clear()
        if state.pc < 0:
            raise jumped_before_the_start(pc, bundle["flow"][0])
        pc = state.pc
    return Run(
        memory=state.memory,
        scratch=state.scratch,
        cycles=cycles,
        slots={engine: used[engine] for engine in ENGINES},
        ended=state.ended or "end",
        pc=min(pc, end),
        traced=state.traced,
        path=tuple(path) if record else None,
        use=slot_use(program, path) if record else None,
    )


@dataclass(slots=True)
class _State:
    """What slots read and change; what they write waits until all have read."""

    memory: list[int]
    scratch: list[int]
    pc: int  # of the next bundle
    ended: str = ""
    traced: list[int] = field(default_factory=list)
    writes: list[tuple[int | slice, object]] = field(default_factory=list)  # to scratch
    stores: list[tuple[int | slice, object]] = field(default_factory=list)  # to memory


def _engines(
    state: _State, pauses: bool, expected: Mapping[object, int] | None
) -> dict[str, Callable[[list[Slot]], None]]:
    """Return what executes the slots of each engine, or raises one of _TROUBLE.

    The `|` of some numbers is negative if one of them is, and fails where one is not
    whole: so both are asked at once.
    """
    memory, scratch, write = state.memory, state.scratch, state.writes.append
    arithmetic = ARITHMETIC

    def word(place: int) -> int:
        if place < 0:
            raise _Refused
        return scratch[place]

    def write_vector(dest: int, values: list[int]) -> None:
        if dest > _LAST or len(values) != VLEN:  # too short: read past the last word
            raise _Refused
        write((slice(dest, dest + VLEN), values))

    def alu(slots: list[Slot]) -> None:
        for op, dest, a, b in slots:
            if (dest | a | b) < 0 or dest >= SCRATCH:
                raise _Refused
            write((dest, arithmetic[op](scratch[a], scratch[b]) & MASK))

    def valu(slots: list[Slot]) -> None:
        for slot in slots:
            match slot:
                case op, dest, a, b:
                    lanes = map(
                        arithmetic[op], scratch[a : a + VLEN], scratch[b : b + VLEN]
                    )
                    found = [value & MASK for value in lanes]
                    if (dest | a | b) < 0 or dest > _LAST or len(found) != VLEN:
                        raise _Refused
                    write((slice(dest, dest + VLEN), found))
                case "multiply_add", dest, a, b, c:
                    if (dest | a | b | c) < 0:
                        raise _Refused
                    x, y = scratch[a : a + VLEN], scratch[b : b + VLEN]
                    sums = map(add, map(mul, x, y), scratch[c : c + VLEN])
                    write_vector(dest, [value & MASK for value in sums])
                case "vbroadcast", dest, src:
                    if (dest | src) < 0:
                        raise _Refused
                    write_vector(dest, [scratch[src]] * VLEN)
                case _:
                    raise _Refused

    def load(slots: list[Slot]) -> None:
        for slot in slots:
            match slot:
                case "const", dest, value:
                    if not 0 <= index(dest) < SCRATCH:
                        raise _Refused
                    write((dest, index(value) & MASK))
                case "load", dest, addr:
                    if (dest | addr) < 0 or dest >= SCRATCH:
                        raise _Refused
                    write((dest, memory[scratch[addr]]))
                case "load_offset", dest, addr, lane:
                    load([("load", dest + lane, addr + lane)])
                case "vload", dest, addr:
                    if (dest | addr) < 0:
                        raise _Refused
                    where = scratch[addr]
                    write_vector(dest, memory[where : where + VLEN])
                case _:
                    raise _Refused

    def store(slots: list[Slot]) -> None:
        for op, addr, src in slots:
            if (addr | src) < 0:
                raise _Refused
            where = scratch[addr]
            if op == "store" and where < len(memory):
                state.stores.append((where, scratch[src]))
            elif op == "vstore" and where <= len(memory) - VLEN and src <= _LAST:
                vector = scratch[src : src + VLEN]
                state.stores.append((slice(where, where + VLEN), vector))
            else:
                raise _Refused

    def flow(slots: list[Slot]) -> None:
        for slot in slots:
            match slot:
                case "select", dest, cond, a, b:
                    if (dest | cond | a | b) < 0 or dest >= SCRATCH:
                        raise _Refused
                    x, y = scratch[a], scratch[b]
                    write((dest, x if scratch[cond] else y))
                case "vselect", dest, cond, a, b:
                    if (dest | cond | a | b) < 0:
                        raise _Refused
                    choices = scratch[cond : cond + VLEN]
                    x, y = scratch[a : a + VLEN], scratch[b : b + VLEN]
                    lanes = zip(choices, x, y, strict=True)
                    write_vector(dest, [x if c else y for c, x, y in lanes])
                case "add_imm", dest, a, value:
                    if (dest | a) < 0 or dest >= SCRATCH:
                        raise _Refused
                    write((dest, (scratch[a] + index(value)) & MASK))
                case "jump", pc:
                    state.pc = index(pc)
                case "jump_indirect", addr:
                    state.pc = word(addr)
                case "cond_jump", cond, pc:
                    pc = index(pc)
                    state.pc = pc if word(cond) else state.pc
                case "cond_jump_rel", cond, offset:
                    offset = index(offset)
                    state.pc += offset if word(cond) else 0
                case ("halt",):
                    state.ended = "halt"
                case ("pause",):
                    state.ended = "pause" if pauses else ""
                case "trace_write", src:
                    state.traced.append(word(src))
                case "coreid", dest:
                    if not 0 <= index(dest) < SCRATCH:
                        raise _Refused
                    write((dest, 0))  # there is one core
                case _:
                    raise _Refused

    def debug(slots: list[Slot]) -> None:
        for slot in slots:
            start, keys = operands("debug", slot).values()
            if expected is None:
                continue
            for lane, key in enumerate(keys if slot[0] == "vcompare" else [keys]):
                if key not in expected or scratch[start + lane] != expected[key]:
                    raise _Refused

    found = alu, valu, load, store, flow, debug
    return {f.__name__: (LIMITS[f.__name__], f) for f in found}


def _fault(
    pc: int,
    bundle: Bundle,
    engines: dict[str, Callable],
    state: _State,
    expected: Mapping[object, int],
) -> Fault:
    """Return the fault of the first slot of a bundle that cannot be executed."""
    for engine, number, slot, given in examine(bundle):
        if isinstance(given, str):
            return Fault(pc, engine, number, given)
        _, execute = engines[engine]
        try:
            execute([slot])
        except _TROUBLE:
            reason = refusal(engine, slot, state.scratch, state.memory, expected)
            return Fault(pc, engine, number, reason)
    raise AssertionError(f"pc {pc}: {bundle!r} was refused for no reason")
