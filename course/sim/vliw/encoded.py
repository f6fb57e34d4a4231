"""Programs as arrays: decoded once, then run many times by the fast core."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from course.sim.vliw.interpreter import LIMIT
from course.sim.vliw.isa import (
    ENGINES,
    MASK,
    Fault,
    Program,
    Run,
    decode,
    jumped_before_the_start,
    ran_too_long,
    refusal,
    starting_pc,
    starting_scratch,
    words,
)


@dataclass(frozen=True, eq=False)
class Encoded:
    """A program that the fast core can run; `encode` makes it.

    `bundles` (a pc each) are numbers of bundles; those that are alike share one. Bundle
    n is the slots `order[starts[n]:starts[n + 1]]`, and costs `costs[n]` cycles. Each
    slot is the number of a row: `rows` (int64, 5 columns) are operations and operands,
    `slots` the same in words. `widths` (bundles, engines) count slots; `keys` are the
    names that debug slots compare with.
    """

    bundles: np.ndarray
    starts: np.ndarray
    costs: np.ndarray
    order: np.ndarray
    rows: np.ndarray
    slots: list[tuple[str, tuple]]
    widths: np.ndarray
    keys: list

    def run(
        self,
        memory: Sequence[int],
        *,
        scratch: Sequence[int] | None = None,
        pc: int = 0,
        limit: int = LIMIT,
        pauses: bool = False,
        expected: Mapping[object, int] | None = None,
        record: bool = False,
    ) -> Run:
        """Execute the program as `course.sim.vliw.run` does, word for word, but faster.

        The first call in a process loads the fast core, and compiles it where no
        earlier process could keep the result.
        """
        from course.sim.vliw import core

        mem_words, scratch_words = words(memory, "memory"), starting_scratch(scratch)
        values = self._values(expected)
        end = len(self.bundles)
        start = min(starting_pc(pc), end)
        path, traced = np.empty(0, np.int64), np.empty(0, np.int64)
        while True:
            mem = np.array(mem_words, np.int64)
            regs = np.array(scratch_words, np.int64)
            visits = np.zeros(len(self.costs), np.int64)
            ending, pc, at, cycles, count = core.execute(
                self.bundles, self.starts, self.costs, self.order, self.rows,
                regs, mem, values, start, min(limit, 2**62), bool(pauses),
                expected is not None, visits, path, traced,
            )  # fmt: skip
            if ending == core.TOO_LONG:
                raise ran_too_long(pc, limit)
            if ending == core.BEFORE_START:
                raise jumped_before_the_start(pc, self._flow_slot(pc))
            if ending == core.FAULT:
                raise self._fault(pc, at, regs, mem, expected or {})
            if count == len(traced) and (not record or cycles == len(path)):
                break
            # Now it is known how much there is to write down: once more, with room.
            traced = np.empty(count, np.int64)
            path = np.empty(cycles if record else 0, np.int64)
        used = visits @ self.widths
        use = self.widths[self.bundles[path]].tolist()
        return Run(
            memory=mem.tolist(),
            scratch=regs.tolist(),
            cycles=cycles,
            slots=dict(zip(ENGINES, used.tolist(), strict=True)),
            ended={core.END: "end", core.HALT: "halt", core.PAUSE: "pause"}[ending],
            pc=min(pc, end),
            traced=traced.tolist(),
            path=tuple(path.tolist()) if record else None,
            use=tuple(map(tuple, use)) if record else None,
        )

    def _values(self, expected: Mapping[object, int] | None) -> np.ndarray:
        """Return the expected words in the order of the keys; -1 where none can fit."""
        found = np.full(len(self.keys), -1, np.int64)
        for number, key in enumerate(self.keys):
            value = (expected or {}).get(key, -1)
            if 0 <= value <= MASK and value == int(value):
                found[number] = int(value)
        return found

    def _slots(self, pc: int) -> list[tuple[str, tuple]]:
        first, last = self.starts[self.bundles[pc] : self.bundles[pc] + 2]
        return [self.slots[row] for row in self.order[first:last]]

    def _flow_slot(self, pc: int) -> tuple:
        return next(slot for engine, slot in self._slots(pc) if engine == "flow")

    def _fault(self, pc, at, scratch, memory, expected) -> Fault:
        """Return the fault of a slot, given by its place in `order`."""
        slots = self._slots(pc)
        within = at - self.starts[self.bundles[pc]]
        engine, slot = slots[within]
        number = sum(other == engine for other, _ in slots[:within])
        return Fault(
            pc, engine, number, refusal(engine, slot, scratch, memory, expected)
        )


def encode(program: Program) -> Encoded:
    """Return a program as arrays for the fast core.

    Raises Fault for a bundle that the machine cannot execute, as `run` does.

    >>> program = encode([{"load": [("const", 0, 7)]}, {"alu": [("+", 1, 0, 0)]}])
    >>> done = program.run(memory=[])
    >>> done.scratch[1], done.cycles
    (14, 2)
    """
    from course.sim.vliw.core import ALU, OTHERS, VALU

    operations = {"alu": ALU, "valu": VALU | OTHERS}
    rows: list[tuple] = []
    slots: list[tuple[str, tuple]] = []
    keys: list = []
    end = len(program)

    def make(engine: str, slot: tuple, operands: dict) -> int:
        """Append the row of a slot, and return its number."""
        op = slot[0]
        if engine == "debug":
            src, named = operands.values()
            given = [src, len(keys)]
            keys.extend(named if op == "vcompare" else [named])
        else:
            given = [_reachable(name, n, end) for name, n in operands.items()]
        rows.append(
            (operations.get(engine, OTHERS)[op], *given, *[0] * (4 - len(given)))
        )
        slots.append((engine, slot))
        return len(rows) - 1

    numbers, distinct = decode(program, make)
    count = len(distinct)
    lengths = np.array([len(parts) for _, parts in distinct], np.int64)
    order = np.array([row for _, parts in distinct for row in parts], np.int64)
    columns = len(ENGINES) + 1  # the last is debug's, which no result counts
    engine_of = np.array([_column(engine) for engine, _ in slots], np.int64)
    places = np.repeat(np.arange(count), lengths) * columns + engine_of[order]
    widths = np.bincount(places, minlength=count * columns).reshape(count, columns)
    return Encoded(
        bundles=np.array(numbers, np.int64),
        starts=np.concatenate([[0], np.cumsum(lengths)]),
        costs=np.array([cost for cost, _ in distinct], np.int64),
        order=order,
        rows=np.array(rows, np.int64).reshape(-1, 5),
        slots=slots,
        widths=widths[:, :-1].copy(),
        keys=keys,
    )


def _column(engine: str) -> int:
    return ENGINES.index(engine) if engine in ENGINES else len(ENGINES)


def _reachable(name: str, number: int, end: int) -> int:
    """Return an operand so that it fits a column and does what it did.

    Values lose all but their low 32 bits. A jump past the last of `end` bundles ends
    the program and one before the first is a fault, no matter by how far.
    """
    if name == "value":
        return number & MASK
    if name == "pc":
        return max(-1, min(number, end))
    if name == "offset":
        return max(-1 - end, min(number, end + 1))
    return number
