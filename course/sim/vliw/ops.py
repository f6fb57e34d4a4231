"""What slots read and write, which must wait for which, two bounds, live words."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from course.sim.vliw.isa import LIMITS, VLEN, operands

_NUMBERS = {"value", "offset", "lane", "pc", "key", "keys"}  # no scratch words
_CONTROL = {"jump", "jump_indirect", "cond_jump", "cond_jump_rel", "halt", "pause"}


class Op(NamedTuple):
    """One slot of a program in the order it was written: an engine and its tuple.

    `region` names the part of memory that a load or store touches. Parts of different
    names are taken not to overlap; "" may be anywhere.

    >>> Op("alu", ("+", 2, 0, 1)).region
    ''
    """

    engine: str
    slot: tuple
    region: str = ""


@dataclass(frozen=True, slots=True)
class Effects:
    """The scratch words a slot reads and writes, and what it does to memory.

    `memory` is "load", "store" or "".
    """

    reads: tuple[int, ...]
    writes: tuple[int, ...]
    memory: str = ""


def effects(engine: str, slot: tuple) -> Effects:
    """Return what a slot reads and writes; raises ValueError if it is none.

    >>> effects("alu", ("+", 2, 0, 1))
    Effects(reads=(0, 1), writes=(2,), memory='')
    >>> effects("load", ("load_offset", 8, 16, 3))
    Effects(reads=(19,), writes=(11,), memory='load')
    """
    given = operands(engine, slot)
    reads: list[int] = []
    writes: list[int] = []
    for name, first in given.items():
        if name not in _NUMBERS:
            start = first + given.get("lane", 0)
            words = range(start, start + (VLEN if name.endswith("8") else 1))
            (writes if name.startswith("dest") else reads).extend(words)
    memory = engine if engine in ("load", "store") and slot[0] != "const" else ""
    return Effects(tuple(reads), tuple(writes), memory)


class Wait(NamedTuple):
    """`after` may not start before `cycles` have passed since `before` started.

    Both are places in the list of ops. `kind` is "RAW", "WAR", "WAW" (scratch) or
    "memory". With 0 cycles both may stand in one bundle.
    """

    before: int
    after: int
    cycles: int
    kind: str


def dependences(ops: Iterable[Op | tuple]) -> list[Wait]:
    """Return which op must wait for which earlier one, and why.

    A read waits a cycle for the write before it (RAW), a write a cycle for another
    (WAW). A write may share the bundle of a read before it (WAR): reads come first.
    Of a word only the last write and the reads since then count; older ones follow.
    Raises ValueError for a jump, halt or pause: only straight-line code has one order.

    >>> dependences([("load", ("const", 0, 7)), ("alu", ("+", 1, 0, 0))])
    [Wait(before=0, after=1, cycles=1, kind='RAW')]
    >>> dependences([("alu", ("+", 1, 0, 0)), ("load", ("const", 0, 7))])
    [Wait(before=0, after=1, cycles=0, kind='WAR')]
    """
    found: list[Wait] = []
    writer: dict[int, int] = {}  # word -> the op that wrote it last
    readers: dict[int, list[int]] = {}  # word -> the ops that read it since
    known: dict[tuple, Effects] = {}
    memory = _Memory()
    traced = -1  # the last trace_write
    for after, op in enumerate(itertools.starmap(Op, ops)):
        if op.engine == "flow" and op.slot[0] in _CONTROL:
            raise ValueError(f"op {after} is a {op.slot[0]}: only straight-line code")
        does = known.get(op[:2]) if op.engine != "debug" else None
        if does is None:
            does = effects(op.engine, op.slot)
            if op.engine != "debug":  # whose keys may be lists
                known[op[:2]] = does
        waits: dict[int, tuple[int, str]] = {}
        for word in does.writes:
            if word in writer:
                waits[writer[word]] = (1, "WAW")
            for reader in readers.get(word, ()):
                waits.setdefault(reader, (0, "WAR"))
        for word in does.reads:
            if word in writer:
                waits[writer[word]] = (1, "RAW")
        if does.memory:
            for before, cycles in memory.touch(after, does.memory, op.region):
                if waits.get(before, (-1, ""))[0] < cycles:
                    waits[before] = (cycles, "memory")
        if op.slot[0] == "trace_write":
            if traced >= 0:
                waits[traced] = (1, "memory")
            traced = after
        found += [Wait(before, after, *why) for before, why in sorted(waits.items())]
        for word in does.reads:
            readers.setdefault(word, []).append(after)
        for word in does.writes:
            writer[word] = after
            readers[word] = []
    return found


class _Memory:
    """The order of loads and stores, region by region."""

    def __init__(self) -> None:
        self.last_store: dict[str, int] = {}
        self.loads: dict[str, list[int]] = {}  # since that store

    def touch(self, op: int, kind: str, region: str) -> list[tuple[int, int]]:
        """Return (earlier op, cycles to wait) and remember this one."""
        names = {"", region} if region else {*self.last_store, *self.loads, ""}
        stores = [(self.last_store[n], n) for n in names if n in self.last_store]
        if kind == "load":
            self.loads.setdefault(region, []).append(op)
            return [(before, 1) for before, _ in stores]
        # Stores keep their order within a bundle, and a load there sees the old word.
        waits = [(before, 0) for before, _ in stores]
        waits += [(load, 0) for name in names for load in self.loads.get(name, ())]
        self.last_store[region] = op
        for name in names if not region else {region}:
            self.loads[name] = []
        return waits


@dataclass(frozen=True, slots=True)
class Bound:
    """How many cycles the slots alone take, whatever the order: see `slot_bound`.

    `slots` are counts and `cycles` the least cycles, both by engine.
    """

    slots: dict[str, int]
    cycles: dict[str, int]

    @property
    def total(self) -> int:
        """The bound in cycles: that of the engine with the most work."""
        return max(self.cycles.values(), default=0)

    @property
    def engine(self) -> str:
        """The engine that sets the bound ("" for an empty program)."""
        return max(self.cycles, key=self.cycles.__getitem__, default="")

    def __str__(self) -> str:
        lines = [
            f"{engine:<5} {count:>8,} slots / {LIMITS[engine]:>2} a cycle"
            f" = {self.cycles[engine]:>7,} cycles"
            + ("  <- the bound" if engine == self.engine else "")
            for engine, count in self.slots.items()
        ]
        return "\n".join(lines)


def slot_bound(ops: Iterable[Op | tuple]) -> Bound:
    """Return the least cycles that each engine needs for its share of `ops`.

    Debug slots cost nothing and are left out. The bound holds for these slots in any
    order; another method for the same task has other slots, and another bound.

    >>> print(slot_bound([("load", ("const", word, 0)) for word in range(5)]))
    load         5 slots /  2 a cycle =       3 cycles  <- the bound
    """
    counts = dict.fromkeys(LIMITS, 0)
    for engine, *_ in ops:
        counts[engine] += 1
    slots = {name: n for name, n in counts.items() if n and name != "debug"}
    return Bound(slots, {name: -(-n // LIMITS[name]) for name, n in slots.items()})


def heights(count: int, waits: Sequence[Wait]) -> list[int]:
    """Return for each of `count` ops the cycles from its start to the end of all.

    >>> heights(2, [Wait(0, 1, 1, "RAW")])
    [2, 1]
    """
    found = [1] * count
    for wait in sorted(waits, key=lambda wait: -wait.after):
        found[wait.before] = max(found[wait.before], found[wait.after] + wait.cycles)
    return found


def critical_path(ops: Sequence[Op | tuple]) -> tuple[int, list[int]]:
    """Return the cycles of the longest chain of waits, and the ops on it in order.

    >>> critical_path([("load", ("const", 0, 7)), ("alu", ("+", 1, 0, 0))])
    (2, [0, 1])
    """
    waits = dependences(ops)
    high = heights(len(ops), waits)
    if not high:
        return 0, []
    follows: dict[int, list[Wait]] = {}
    for wait in waits:
        follows.setdefault(wait.before, []).append(wait)
    path = [high.index(max(high))]
    while True:
        here = path[-1]
        chain = (
            wait.after
            for wait in follows.get(here, ())
            if high[wait.after] + wait.cycles == high[here]
        )
        following = next(chain, None)
        if following is None:
            return max(high), path
        path.append(following)


def live_words(program: Sequence[Mapping[str, Sequence[tuple]]]) -> list[int]:
    """Return for each bundle the scratch words that hold what is still to be read.

    Counted at the start of the bundle; what is overwritten before it is read does not
    count. Raises ValueError for a jump, halt or pause.

    >>> live_words([{"load": [("const", 0, 7)]}, {"alu": [("+", 1, 0, 0)]}])
    [0, 1]
    """
    live: set[int] = set()
    counts = []
    for pc in reversed(range(len(program))):
        does = []
        for engine, slots in program[pc].items():
            for slot in slots:
                if engine == "flow" and slot[0] in _CONTROL:
                    raise ValueError(f"pc {pc} is a {slot[0]}: only straight-line code")
                does.append(effects(engine, slot))
        live.difference_update(*(each.writes for each in does))
        live.update(*(each.reads for each in does))
        counts.append(len(live))
    return counts[::-1]
