"""Programs as arrays: decoded once, then run many times by the fast core."""

import contextlib
import marshal
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from course.sim.vliw.interpreter import LIMIT
from course.sim.vliw.isa import (
    ENGINES,
    MASK,
    Bundle,
    Fault,
    Program,
    Run,
    Slot,
    costs,
    examine,
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
    n costs `costs[n]` cycles, has `widths[n]` slots (one number for each of ENGINES),
    and is made of the rows from `starts[n]` to `starts[n + 1]`. A row of `rows` (int64,
    5 columns) is an operation and its operands; `slots` has the same in words, or
    (engine, number, reason) for a mistake. `keys` are what debug slots compare with.
    """

    bundles: np.ndarray
    starts: np.ndarray
    costs: np.ndarray
    widths: np.ndarray
    rows: np.ndarray
    slots: list[tuple]
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
                self.bundles, self.starts, self.costs, self.rows,
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
            value = (expected or {}).get(key)
            with contextlib.suppress(TypeError, ValueError, OverflowError):
                if value == int(value) and 0 <= value <= MASK:
                    found[number] = int(value)
        return found

    def _slots(self, pc: int) -> list[tuple]:
        first, last = self.starts[self.bundles[pc] : self.bundles[pc] + 2]
        return self.slots[first:last]

    def _flow_slot(self, pc: int) -> tuple:
        return next(slot for engine, slot in self._slots(pc) if engine == "flow")

    def _fault(self, pc, at, scratch, memory, expected) -> Fault:
        """Return the fault of a slot, given by its row."""
        slots = self._slots(pc)
        within = at - self.starts[self.bundles[pc]]
        engine, what, *reason = slots[within]
        if reason:
            return Fault(pc, engine, what, *reason)
        number = sum(other == engine for other, *_ in slots[:within])
        return Fault(
            pc, engine, number, refusal(engine, what, scratch, memory, expected)
        )


def encode(program: Program) -> Encoded:
    """Return a program as arrays for the fast core.

    A mistake in a bundle is found when the program comes to it, as by `run`.

    >>> program = encode([{"load": [("const", 0, 7)]}, {"alu": [("+", 1, 0, 0)]}])
    >>> done = program.run(memory=[])
    >>> done.scratch[1], done.cycles
    (14, 2)
    """
    made = _Rows(len(program))
    numbers = [made.bundle(bundle) for bundle in program]
    return Encoded(
        bundles=np.array(numbers, np.int64),
        starts=np.array(made.starts),
        costs=np.array(made.costs, np.int64),
        widths=np.array(made.widths, np.int64).reshape(-1, len(ENGINES)),
        rows=np.array(made.rows).reshape(-1, 5),
        slots=made.slots,
        keys=made.keys,
    )


class _Rows:
    """Collects the rows of a program's bundles; those that are alike share theirs."""

    def __init__(self, end: int) -> None:
        from course.sim.vliw.core import ALU, MISTAKE, OTHERS, VALU

        self.end = end
        self.numbers = {"alu": ALU, "valu": VALU | OTHERS}
        self.others, self.mistake = OTHERS, MISTAKE
        self.starts = array("q", [0])
        self.costs: list[int] = []
        self.widths: list[list[int]] = []
        self.rows = array("q")
        self.slots: list[tuple] = []
        self.keys: list = []
        self.known: dict[bytes, int] = {}

    def bundle(self, bundle: Bundle) -> int:
        """Return the number of a bundle."""
        try:
            alike = marshal.dumps(bundle, 2)  # the same bytes for the same bundle only
        except ValueError:  # something in it is not Python's own, such as NumPy's int
            return self._add(bundle)
        if alike not in self.known:
            self.known[alike] = self._add(bundle)
        return self.known[alike]

    def _add(self, bundle: Bundle) -> int:
        width = dict.fromkeys(ENGINES, 0)
        for engine, number, slot, given in examine(bundle):
            if isinstance(given, str):
                row = [self.mistake]
                self.slots.append((engine, number, given))
            else:
                row = self._row(engine, slot, given)
                self.slots.append((engine, slot))
                if engine in width:
                    width[engine] += 1
            self.rows.extend(row + [0] * (5 - len(row)))
        self.starts.append(len(self.slots))
        self.costs.append(costs(bundle))
        self.widths.append(list(width.values()))
        return len(self.costs) - 1

    def _row(self, engine: str, slot: Slot, given: dict) -> list[int]:
        number = self.numbers.get(engine, self.others)[slot[0]]
        if engine == "debug":
            src, keys = given.values()
            first = len(self.keys)
            self.keys.extend(keys if slot[0] == "vcompare" else [keys])
            return [number, src, first]
        if engine in ("load", "flow"):  # the others have only scratch addresses
            return [number, *(_reachable(*one, self.end) for one in given.items())]
        return [number, *given.values()]


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
