"""The machine in plain Python: what every other way to run a program must agree with.

A program is decoded first: each slot becomes a function that reads what the slot reads
and returns what it writes, and a place where that goes. A cycle is then three steps:
call all functions, write the scratch words, write the memory words. So no slot sees
what another one writes in the same cycle, and where two write one word the later wins.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from course.sim.vliw.isa import (
    ARITHMETIC,
    ENGINES,
    MASK,
    SCRATCH,
    VLEN,
    Fault,
    Program,
    Run,
    decode,
    jumped_before_the_start,
    ran_too_long,
    refusal,
    slot_use,
    starting_pc,
    starting_scratch,
    words,
)

# Three places behind the scratch words, where no operand can reach.
_NOWHERE = SCRATCH  # takes what a slot returns that writes no scratch word
_NEXT = SCRATCH + 1  # the pc that comes next
_ENDED = SCRATCH + 2  # "" while the program runs, then how it ended

LIMIT = 1_000_000  # cycles that a program may take where nothing else is said


class _Refused(Exception):
    """A slot cannot do what it is asked to do."""


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
    its slot. Debug slots are checked against `expected`, and skipped without it.
    `record` asks for the path and the use of slots. Raises Fault for what the machine
    cannot execute and for a program that takes more than `limit` cycles, ValueError
    for words that are none.

    >>> double = [{"load": [("load", 1, 0)]}, {"alu": [("+", 1, 1, 1)]},
    ...           {"store": [("store", 0, 1)]}]
    >>> done = run(double, [21])
    >>> done.memory, done.cycles, done.slots["alu"]
    ([42], 3, 1)
    """
    pc = starting_pc(pc)
    mem = list(words(memory, "memory"))
    regs = [*starting_scratch(scratch), None, pc, ""]
    stores: list[tuple[int | slice, object]] = []
    traced: list[int] = []
    reader = _Reader(regs, mem, stores, traced, pauses, expected)
    numbers, distinct = decode(program, reader.read)
    steps = [(cost, _step(parts, regs), parts) for cost, parts in distinct]
    path: list[int] = []
    end = len(program)
    while pc < end and not regs[_ENDED]:
        cost, step, parts = steps[numbers[pc]]
        if cost:
            if len(path) == limit:
                raise ran_too_long(pc, limit)
            path.append(pc)
        regs[_NEXT] = pc + 1
        try:
            step()
        except (_Refused, ZeroDivisionError, IndexError):
            raise _fault(program, pc, parts, regs, mem, expected) from None
        if stores:
            for place, value in stores:
                mem[place] = value
            stores.clear()
        if regs[_NEXT] < 0:
            raise jumped_before_the_start(pc, program[pc]["flow"][0])
        pc = regs[_NEXT]
    return Run(
        memory=mem,
        scratch=regs[:SCRATCH],
        cycles=len(path),
        slots=_slots(program, numbers, path),
        ended=regs[_ENDED] or "end",
        pc=min(pc, end),
        traced=traced,
        path=tuple(path) if record else None,
        use=slot_use(program, path) if record else None,
    )


def _step(parts: list, regs: list) -> Callable[[], None]:
    """Return a function that executes the slots of a bundle, all but their stores."""
    if len(parts) == 1:  # nobody else's reads to wait for
        [(only_place, only_read)] = parts

        def step() -> None:
            regs[only_place] = only_read()

        return step

    places, reads = [place for place, _ in parts], [read for _, read in parts]

    def step_together() -> None:
        values = [read() for read in reads]
        for place, value in zip(places, values, strict=True):
            regs[place] = value

    return step_together


class _Reader:
    """Makes the functions of slots, all of which read the same machine."""

    def __init__(
        self,
        regs: list,
        mem: list[int],
        stores: list,
        traced: list[int],
        pauses: bool,
        expected: Mapping[object, int] | None,
    ) -> None:
        self.regs, self.mem, self.stores, self.traced = regs, mem, stores, traced
        self.pauses, self.expected = pauses, expected

    def read(
        self, engine: str, slot: tuple, operands: dict
    ) -> tuple[int | slice, Callable[[], object]]:
        """Return where a slot writes, and the function that returns what."""
        op, given = slot[0], list(operands.values())
        if engine == "alu":
            return self._alu(op, *given)
        if engine == "valu" and op in ARITHMETIC:
            return self._valu(op, *given)
        return getattr(self, f"_{op}")(*given)

    # -- arithmetic ------------------------------------------------------------------

    def _alu(self, op: str, dest: int, a: int, b: int):
        regs, function = self.regs, ARITHMETIC[op]
        return dest, lambda: function(regs[a], regs[b]) & MASK

    def _valu(self, op: str, dest: int, a: int, b: int):
        regs, function = self.regs, ARITHMETIC[op]
        a, b = _vector(a), _vector(b)
        return _vector(dest), lambda: [
            value & MASK for value in map(function, regs[a], regs[b])
        ]

    def _vbroadcast(self, dest: int, src: int):
        regs = self.regs
        return _vector(dest), lambda: [regs[src]] * VLEN

    def _multiply_add(self, dest: int, a: int, b: int, c: int):
        regs = self.regs
        a, b, c = _vector(a), _vector(b), _vector(c)
        return _vector(dest), lambda: [
            (x * y + z) & MASK
            for x, y, z in zip(regs[a], regs[b], regs[c], strict=True)
        ]

    # -- memory ----------------------------------------------------------------------

    def _load(self, dest: int, addr: int):
        regs, mem = self.regs, self.mem
        return dest, lambda: mem[regs[addr]]

    def _load_offset(self, dest: int, addr: int, lane: int):
        return self._load(dest + lane, addr + lane)

    def _vload(self, dest: int, addr: int):
        regs, mem = self.regs, self.mem
        last = len(mem) - VLEN

        def read() -> list[int]:
            where = regs[addr]
            if where > last:
                raise _Refused
            return mem[where : where + VLEN]

        return _vector(dest), read

    def _const(self, dest: int, value: int):
        word = value & MASK
        return dest, lambda: word

    def _store(self, addr: int, src: int):
        regs, stores, size = self.regs, self.stores, len(self.mem)

        def read() -> None:
            where = regs[addr]
            if where >= size:
                raise _Refused
            stores.append((where, regs[src]))

        return _NOWHERE, read

    def _vstore(self, addr: int, src: int):
        regs, stores, last = self.regs, self.stores, len(self.mem) - VLEN
        src = _vector(src)

        def read() -> None:
            where = regs[addr]
            if where > last:
                raise _Refused
            stores.append((_vector(where), regs[src]))

        return _NOWHERE, read

    # -- flow ------------------------------------------------------------------------

    def _select(self, dest: int, cond: int, a: int, b: int):
        regs = self.regs
        return dest, lambda: regs[a] if regs[cond] else regs[b]

    def _vselect(self, dest: int, cond: int, a: int, b: int):
        regs = self.regs
        cond, a, b = _vector(cond), _vector(a), _vector(b)
        return _vector(dest), lambda: [
            x if choice else y
            for choice, x, y in zip(regs[cond], regs[a], regs[b], strict=True)
        ]

    def _add_imm(self, dest: int, a: int, value: int):
        regs = self.regs
        return dest, lambda: (regs[a] + value) & MASK

    def _jump(self, pc: int):
        return _NEXT, lambda: pc

    def _jump_indirect(self, addr: int):
        regs = self.regs
        return _NEXT, lambda: regs[addr]

    def _cond_jump(self, cond: int, pc: int):
        regs = self.regs
        return _NEXT, lambda: pc if regs[cond] else regs[_NEXT]

    def _cond_jump_rel(self, cond: int, offset: int):
        regs = self.regs
        return _NEXT, lambda: regs[_NEXT] + offset if regs[cond] else regs[_NEXT]

    def _halt(self):
        return _ENDED, lambda: "halt"

    def _pause(self):
        return (_ENDED, lambda: "pause") if self.pauses else (_NOWHERE, lambda: None)

    def _trace_write(self, src: int):
        regs, traced = self.regs, self.traced
        return _NOWHERE, lambda: traced.append(regs[src])

    def _coreid(self, dest: int):
        return dest, lambda: 0  # there is one core

    # -- debug -----------------------------------------------------------------------

    def _compare(self, src: int, key: object):
        return self._agree(src, (key,))

    def _vcompare(self, src: int, keys: tuple):
        return self._agree(src, keys)

    def _agree(self, src: int, keys: tuple):
        regs, expected = self.regs, self.expected
        if expected is None:
            return _NOWHERE, lambda: None

        def read() -> None:
            for lane, key in enumerate(keys):
                if key not in expected or regs[src + lane] != expected[key]:
                    raise _Refused

        return _NOWHERE, read


def _vector(first: int) -> slice:
    return slice(first, first + VLEN)


def _fault(program, pc, parts, regs, mem, expected) -> Fault:
    """Return the fault of the first slot of a bundle that cannot be executed."""
    slots = [
        (engine, number, slot)
        for engine, found in program[pc].items()
        for number, slot in enumerate(found)
    ]
    for (engine, number, slot), (_, read) in zip(slots, parts, strict=True):
        try:
            read()
        except (_Refused, ZeroDivisionError, IndexError):
            reason = refusal(engine, slot, regs, mem, expected or {})
            return Fault(pc, engine, number, reason)
    raise AssertionError("a bundle failed and then did not")


def _slots(program: Program, numbers: list[int], path: list[int]) -> dict[str, int]:
    """Return how many slots each engine executed; bundles of one number are alike."""
    used = dict.fromkeys(ENGINES, 0)
    example = dict(zip(numbers, program, strict=True))
    for number, times in Counter(numbers[pc] for pc in path).items():
        for engine, slots in example[number].items():
            if engine in used:
                used[engine] += times * len(slots)
    return used
