"""The reference of the ring-lookup ladder: a kernel for each rung, up to the fastest.

It answers the ladder notebook, so it is never shipped to a learner. `RUNGS` names the
passes in their order; `build(plan)` makes the program of one.

The fastest kernel looks a key up in three steps:

* five levels of binary search among 31 points that stand in scratch, 8 copies each.
  The point of a level depends on the bits before: a tree of selects, where those that
  choose between constants are multiply_adds (low + bit * difference) and the others
  are vselects, so that valu and flow share the work;
* a node of 7 points, one vload a key. The rank is the number of points below the key.
  Scalar compares put their results where lane and point are swapped, so that the sums
  over the points are vector adds;
* a leaf, one vload a key: an owner, the differences to the next three, and the three
  points between them. The owner is the first one plus the differences of the points
  below the key.

Nodes and leaves are built while the first lookups run.

It takes 2,262 cycles. Its slots alone need 2,198 (alu; load 2,195, valu 2,164, flow
2,074), so in no order could they take fewer. Another method could, and no bound is
proved for all methods.

What the last steps are worth, each taken back on its own:

* 2,565 with rows that stand 8 words apart, and rooms that fit: alu has too much to do,
  its bound is 2,539;
* 2,898 with all selects on valu; 3,571 with neither multiply_add nor folded constants;
* 2,639 or 2,980 where 32 or 16 lookups are scheduled together and end before the next
  ones begin.

What did not help:

* the longest chain first and nothing else: 2,271; program order alone: 2,301; a larger
  weight for program order: 2,269 at 0.012, 2,290 at 0.03, 2,299 at 0.06;
* keys of all 32 groups in scratch: 2,293 and 2,337, as less room was left for nodes and
  leaves. With fewer there is less choice: 2,280 with 16 groups, 2,380 with 12, 2,650
  with 8;
* three larger rooms for the upper levels: 2,263; a sixth room for leaves, with 16
  groups: 2,285, where five take 2,280;
* less room of one kind: 2,285 and 2,389 with three and two for the upper levels, 2,297
  with two for nodes, 2,314 and 2,523 with four and three for leaves, 2,292 and 2,432
  with eight and four addresses parked;
* to make the leaves in the order of the ring: an early version took 2,306, as the rooms
  of its first lookups lay where points waited to be made into leaves. Now the points
  that were loaded first become leaves first.

The numbers of the last plan come from a random search, which changed one to three at a
time and kept what was no slower and right: 181 plans took it from 2,309 to 2,262. Small
changes move it by up to 40 cycles, as they decide which words a room gets, and so which
lookups wait for the leaves to be built.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from course.sim import ring
from course.sim.vliw import VLEN, Bound, Builder, Op, schedule, slot_bound

Program = list[dict[str, list[tuple]]]

GROUPS = ring.KEYS // VLEN
TOP = 5  # levels of the search whose points stand in scratch
NODES, LEAVES = 2**TOP, 2 ** (TOP + 3)
NODE_AT = ring.SPARE_AT
LEAF_AT = NODE_AT + NODES * VLEN
(_, C0), _, (_, C1), (_, C2), _, (_, C3), (_, _, SHIFT), _ = ring.MIX


@dataclass(frozen=True)
class Plan:
    """How a kernel is made.

    `search` is "gather" (ten levels by load_offset), "cached" (five, below five levels
    in scratch) or "tree". `reduced` folds constants and uses multiply_add; `flow` puts
    selects on the flow engine; `shingled` loads the rows of a node or leaf one word
    apart. `window` lookups are scheduled together (0: all). The rest says how many
    lookups can be in each phase at once, and how much program order counts against
    the longest chain of waits.
    """

    search: str = "gather"
    reduced: bool = False
    flow: bool = False
    shingled: bool = False
    window: int = 1
    active: int = 32  # groups whose keys are in scratch
    mixes: int = 4
    tops: int = 4
    temps: int = 4  # vectors for the selects of one lookup
    parked: int = 8  # addresses of nodes and leaves
    nodes: int = 2
    leaves: int = 2
    blocks: int = 4  # pairs of leaves in the making
    eager: float = 0.0


_FLIGHT = Plan(window=16, active=16, tops=8, eager=0.05)
_TREE = replace(_FLIGHT, search="tree", tops=4)
_REDUCED = replace(_TREE, reduced=True)
_FLOW = replace(_REDUCED, flow=True)
_ALL = replace(_FLOW, window=0, eager=0.01)

RUNGS: dict[str, Plan] = {
    "one vector, gathered": Plan(),
    "16 vectors in flight": _FLIGHT,
    "5 levels in scratch": replace(_FLIGHT, search="cached"),
    "nodes and leaves": _TREE,
    "strength reduction": _REDUCED,
    "selects on flow": _FLOW,
    "all rounds, skewed": _ALL,
    "balanced by the bound": replace(
        _ALL,
        shingled=True,
        active=20,
        mixes=2,
        tops=4,
        temps=4,
        parked=16,
        nodes=3,
        leaves=5,
        blocks=4,
        eager=0.006,
    ),
}


def build(plan: Plan) -> Program:
    """Return the program of a plan."""
    return Kernel(plan).program()


def bound(plan: Plan) -> Bound:
    """Return the slot-count bound of a plan's method."""
    return Kernel(plan).bound()


def packed_scalar() -> Program:
    """Return the scalar baseline, each lookup packed for itself."""
    slots = [
        Op(engine, slot)
        for bundle in ring.scalar_program()
        for engine, (slot,) in bundle.items()
    ]
    program, start = [], 0
    for place, op in enumerate(slots):
        if op.slot[0] == "store":
            program += schedule(slots[start : place + 1])
            start = place + 1
    return program


class Place(NamedTuple):
    """Words with the addresses of a group's keys and its outputs of this round.

    `ends` is the vector of the latter where the group is the last one in it.
    """

    key: int
    out: int
    ends: int | None


class Kernel:
    """The ops of a plan, in the order of the lookups; `starts` is where each begins."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.make = Builder()
        self.add = self.make.add
        self.starts: list[int] = []
        self.zero = self.make.alloc("zero")
        self.vectors: dict[int, int] = {}
        self._pools()
        self._addresses()
        if plan.search != "gather":
            upper = self._upper_points()
            self._top_tables(upper)
        if plan.search == "cached":
            self.make.free(*upper)
        if plan.reduced:
            self._mix_constants()
        if plan.search == "tree":
            self._build_tree(upper)
            self._leaf_pool()
        if plan.reduced:
            self._round_constants()
        self._lookups()

    def program(self) -> Program:
        """Return the ops packed, as many lookups at once as the plan says."""
        ops, window = self.make.ops, self.plan.window
        cuts = self.starts[::window] if window else []
        program = []
        for first, last in itertools.pairwise([0, *cuts, len(ops)]):
            program += schedule(ops[first:last], eager=self.plan.eager)
        return program

    def bound(self) -> Bound:
        """Return the slot-count bound of the method."""
        return slot_bound(self.make.ops)

    # -- words and vectors

    def word(self, value: int) -> int:
        """Return a word with a constant, made by the flow engine, which has time."""
        at = self.make.alloc("constant")
        self.add("flow", "add_imm", at, self.zero, value & ring.MASK)
        return at

    def spread(self, word: int) -> int:
        """Return a new vector with a word in each lane."""
        at = self.make.vector("constant")
        self.add("valu", "vbroadcast", at, word)
        return at

    def vector(self, value: int) -> int:
        """Return the vector of a constant, made once."""
        value &= ring.MASK
        if value not in self.vectors:
            word = self.word(value)
            self.vectors[value] = self.spread(word)
            self.make.free(word)
        return self.vectors[value]

    def valu(self, op: str, dest: int, a: int, b: int) -> None:
        """Add a vector operation."""
        self.add("valu", op, dest, a, b)

    def mad(self, dest: int, a: int, b: int, c: int, spare: int | None = None) -> None:
        """Add dest = a * b + c; without multiply_add it takes a spare vector."""
        if self.plan.reduced:
            self.add("valu", "multiply_add", dest, a, b, c)
        else:
            spare = dest if spare is None else spare
            self.valu("*", spare, a, b)
            self.valu("+", dest, spare, c)

    def choose(self, dest: int, bit: int, high: int, low: int) -> None:
        """Add dest = high if bit else low; overwrites high where valu does it."""
        if self.plan.flow:
            self.add("flow", "vselect", dest, bit, high, low)
        else:
            self.valu("-", high, high, low)
            self.mad(dest, high, bit, low, spare=high)

    # -- before the first lookup

    def _pools(self) -> None:
        make, plan = self.make, self.plan
        self.keys = [make.vector("key") for _ in range(plan.active)]
        self.mixes = [make.vector("mix") for _ in range(plan.mixes)]
        self.tops = [
            [make.vector("top") for _ in range(TOP + plan.temps)]
            for _ in range(plan.tops)
        ]

    def _node_pools(self) -> None:
        make, plan = self.make, self.plan
        self.parked = [make.vector("address") for _ in range(plan.parked)]
        rows = 2 * VLEN - 1 if plan.shingled else VLEN * VLEN
        self.nodes = [
            (make.alloc("node", rows), [make.vector("below") for _ in range(7)])
            for _ in range(plan.nodes)
        ]

    def _leaf_pool(self) -> None:
        make, plan = self.make, self.plan
        rows = 2 * VLEN - 1 if plan.shingled else VLEN * VLEN
        self.leaves = [
            (make.alloc("leaf", rows), [make.vector("owner") for _ in range(3)])
            for _ in range(plan.leaves)
        ]

    def _addresses(self) -> None:
        """Make what the first loads need, and where keys and outputs are."""
        make, add = self.make, self.add
        eight = make.const(VLEN)
        self.vectors[VLEN] = self.spread(eight)
        self.steps = make.vector("steps")  # 0, 8, 16 …
        for lane in range(1, VLEN):
            add("alu", "+", self.steps + lane, self.steps + lane - 1, eight)
        self.vectors[ring.KEYS] = self.spread(make.const(ring.KEYS))
        key_at = self.spread(make.const(ring.KEY_AT))
        self.valu("+", key_at, key_at, self.steps)
        self.places: dict[int, Place] = {}
        for wave in range(0, GROUPS, self.plan.active):
            end = min(wave + self.plan.active, GROUPS)
            for first in range(wave, end, VLEN):
                groups = range(first, min(first + VLEN, end))
                key_at = self._place(groups, key_at)

    def _place(self, groups: range, key_at: int) -> int:
        """Say where the keys and outputs of up to 8 groups are.

        `key_at` has the addresses of the keys of these groups; returns a vector with
        those of the groups that follow.
        """
        out_at, following = self.make.vector("out at"), key_at
        self.valu("+", out_at, key_at, self.vectors[ring.KEYS])  # behind the keys
        for lane, group in enumerate(groups):
            ends = out_at if group == groups[-1] else None
            self.places[group] = Place(key_at + lane, out_at + lane, ends)
        if groups[-1] + 1 < GROUPS:
            following = self.make.vector("key at")
            self.valu("+", following, key_at, self.vector(VLEN * len(groups)))
        return following

    def _upper_points(self) -> list[int]:
        """Load the last 8 points of each of 32 blocks; the last one is an upper one."""
        make, add = self.make, self.add
        at = []
        start = self.spread(make.const(ring.POINT_AT + 24))
        add("valu", "multiply_add", start, self.steps, self.vector(4), start)
        found = []
        for block in range(NODES):
            if block % VLEN == 0:
                if at:
                    start = make.vector("address")
                    self.valu("+", start, at[-1], self.vector(ring.KEYS))
                at.append(start)
            found.append(make.vector("points"))
            where = at[block // VLEN] + block % VLEN
            add("load", "vload", found[-1], where, region="ring")
        make.free(*at)
        return found

    def _top_tables(self, upper: Sequence[int]) -> None:
        """Make the vectors of the five upper levels.

        A path is a number whose bits are the turns, the first one the highest. The
        tables hold, for the later turns, what the earlier ones are multiplied with.
        """

        def point(level: int, path: int) -> int:
            return upper[(2 * path + 1) * 2 ** (TOP - 1 - level) - 1] + VLEN - 1

        def minus(a: int, b: int) -> int:
            at = self.make.alloc("difference")
            self.add("alu", "-", at, a, b)
            differences.append(at)
            return at

        differences: list[int] = []
        spread = self.spread
        self.table0 = spread(point(0, 0))
        self.table1 = (spread(point(1, 0)), spread(point(1, 1)))
        self.table2, self.table3, self.table4 = [], [], []
        for turn1 in range(2):
            low, high = point(2, turn1), point(2, 2 + turn1)
            self.table2.append((spread(low), spread(minus(high, low))))
        for turn2 in range(2):
            for turn1 in range(2):
                low, high = (point(3, 4 * t + 2 * turn1 + turn2) for t in range(2))
                self.table3.append((spread(low), spread(minus(high, low))))
        for turn3 in range(2):
            for turn2 in range(2):
                late = 2 * turn2 + turn3
                low, high = point(4, late), point(4, 8 + late)
                low1, high1 = point(4, 4 + late), point(4, 12 + late)
                by0, by1 = minus(high, low), minus(low1, low)
                both = minus(minus(high1, low1), by0)
                self.table4.append([spread(at) for at in (low, by0, by1, both)])
        self.make.free(*differences)

    def _mix_constants(self) -> None:
        for value in (17, C1, C2, 12, C3 * (1 + 2**SHIFT), C0, 2, 16):
            self.vector(value)

    def _round_constants(self) -> None:
        """Make C0 plus the number of the round, for each round."""
        self.round_constants = [self.vector(C0)]
        one = self.vector(1)
        for _ in range(1, ring.ROUNDS):
            self.round_constants.append(self.make.vector("constant"))
            self.valu("+", self.round_constants[-1], self.round_constants[-2], one)

    def _build_tree(self, upper: Sequence[int]) -> None:
        """Write 32 nodes of 7 points and 256 leaves to memory, 8 points at a time.

        The points that are in scratch already come first, so that their words are free
        for the lookups that begin meanwhile.
        """
        make = self.make
        last_points = make.alloc("last points of nodes", NODES)
        pairs = [make.alloc("leaf pair", 2 * VLEN) for _ in range(self.plan.blocks)]
        owners = [make.vector("owners") for _ in range(self.plan.blocks)]
        room = list(zip(pairs, owners, strict=True))
        self._leaf_pairs(range(3, LEAVES // 2, 4), room, upper, last_points)
        make.free(*upper)
        self._node_pools()
        others = [number for number in range(LEAVES // 2) if number % 4 < 3]
        self._leaf_pairs(others, room, None, last_points)
        make.free(*pairs, *owners, last_points)
        for value in (4, 32, 64, 128, 512):  # no lookup needs them
            if value in self.vectors:
                make.free(self.vectors.pop(value))

    def _leaf_pairs(
        self,
        numbers: Sequence[int],
        room: Sequence[tuple[int, int]],
        upper: Sequence[int] | None,
        last_points: int,
    ) -> None:
        """Write the pairs of leaves with these numbers, and the nodes above them."""
        make, add = self.make, self.add
        first, apart = numbers[0], 4 if upper else 1
        point_at = self._lanes(ring.POINT_AT, apart)
        owner_at = self._lanes(ring.OWNER_AT + VLEN * first, apart)
        even_at = self._lanes(LEAF_AT + 2 * VLEN * first, 2 * apart)
        odd_at = self._lanes(LEAF_AT + 2 * VLEN * first + VLEN, 2 * apart)
        node_at = self._lanes(NODE_AT, 1)
        nodes = [make.vector("node row") for _ in range(2)]
        for nth, number in enumerate(numbers):
            even, own = room[nth % len(room)]
            odd = even + VLEN
            block, quarter = number // 4, number % 4
            lane = (number - first) // apart % VLEN
            # A leaf: an owner, three differences, three points.
            if upper:
                points = upper[block]
                self._copy(even + 4, points, 3)
                self._copy(last_points + block, points + 3)
            else:
                points = even + 4
                add("load", "vload", points, point_at + lane, region="ring")
                node = nodes[block % 2] + 2 * quarter
                self._copy(node, points + 3)
                self._copy(node + 1, points + 7)
            self._copy(odd + 4, points + 4, 3)
            add("load", "vload", own, owner_at + lane, region="ring")
            if number == LEAVES // 2 - 1:  # past the last point the ring begins again
                add("load", "load", own + 7, make.const(ring.OWNER_AT), region="ring")
            for leaf, start in ((even, own), (odd, own + 4)):
                self._copy(leaf, start)
                for n in range(1, 4):
                    add("alu", "-", leaf + n, start + n, start + n - 1)
            add("store", "vstore", even_at + lane, even, region="leaf")
            add("store", "vstore", odd_at + lane, odd, region="leaf")
            if quarter == 2:
                node = nodes[block % 2]
                self._copy(node + 6, last_points + block)
                add("store", "vstore", node_at + block % VLEN, node, region="node")
                if block % VLEN == VLEN - 1:
                    self.valu("+", node_at, node_at, self.vector(64))
            if lane == VLEN - 1 - (apart == 1):  # the last one of eight that is used
                step = VLEN * VLEN * apart
                self.valu("+", point_at, point_at, self.vector(step))
                self.valu("+", owner_at, owner_at, self.vector(step))
                self.valu("+", even_at, even_at, self.vector(2 * step))
                self.valu("+", odd_at, odd_at, self.vector(2 * step))
        make.free(*nodes, point_at, owner_at, even_at, odd_at, node_at)

    def _lanes(self, base: int, scale: int) -> int:
        """Return a vector of addresses, 8 * scale apart from each other."""
        word = self.word(base)
        at = self.spread(word)
        self.add("valu", "multiply_add", at, self.steps, self.vector(scale), at)
        self.make.free(word)
        return at

    def _copy(self, dest: int, source: int, count: int = 1) -> None:
        for n in range(count):
            self.add("alu", "+", dest + n, source + n, self.zero)

    # -- the lookups

    def _lookups(self) -> None:
        """Look up the keys of some groups in all rounds, then those of the others."""
        active = self.plan.active
        for wave in range(0, GROUPS, active):
            for number in range(ring.ROUNDS):
                for group in range(wave, min(wave + active, GROUPS)):
                    self._lookup(number, group, len(self.starts))

    def _lookup(self, number: int, group: int, nth: int) -> None:
        plan = self.plan
        self.starts.append(len(self.make.ops))
        key = self.keys[group % plan.active]
        mine = self.tops[nth % plan.tops]
        place = self.places[group]
        if number == 0:
            self.add("load", "vload", key, place.key, region=f"keys {group}")
            self._first(key, number)
        self._mix(key, self.mixes[nth % plan.mixes])
        if plan.search == "tree":
            bits, temps = mine[:TOP], mine[TOP:]
            self._top(key, bits, temps)
            address = self.parked[nth % plan.parked]
            self._node_address(bits, address)
            self._node(key, address, self.nodes[nth % plan.nodes])
            owner = self._leaf(key, address, self.leaves[nth % plan.leaves])
        else:
            owner = self._gathered(key, mine)
        if number + 1 < ring.ROUNDS:
            self._first(key, number + 1)
            self.valu("+", key, key, owner)
        self.add("store", "vstore", place.out, owner, region=f"out {number} {group}")
        if place.ends:  # all of them have stored this round: to the next
            self.valu("+", place.ends, place.ends, self.vector(ring.KEYS))
        if number + 1 == ring.ROUNDS:
            self.add("store", "vstore", place.key, key, region=f"keys {group}")

    def _first(self, key: int, number: int) -> None:
        """Add the round and the first number of the mix to the key."""
        if self.plan.reduced:
            self.valu("+", key, key, self.round_constants[number])
        else:
            self.valu("+", key, key, self.vector(number))
            self.valu("+", key, key, self.vector(C0))

    def _mix(self, key: int, temp: int) -> None:
        """Mix the key, but for the first number, which is in it already."""

        def fold(shift: int) -> None:
            self.valu(">>", temp, key, self.vector(shift))
            self.valu("^", key, key, temp)

        fold(17)
        self.mad(key, key, self.vector(C1), self.vector(C2))
        fold(12)
        if self.plan.reduced:  # k * c + ((k * c) << 3)
            self.valu("*", key, key, self.vector(C3 * (1 + 2**SHIFT)))
        else:
            self.valu("*", key, key, self.vector(C3))
            self.valu("<<", temp, key, self.vector(SHIFT))
            self.valu("+", key, key, temp)
        fold(17)

    def _top(self, key: int, bits: Sequence[int], temps: Sequence[int]) -> None:
        """Find the bits of the five upper levels."""
        free = list(temps)  # the one that is free for longest comes first
        bit0, bit1, bit2, bit3, bit4 = bits

        def turn(bit: int, point: int) -> None:
            self.valu("<", bit, point, key)

        def chosen(bit: int, high: int, low: int) -> int:
            self.choose(low, bit, high, low)
            free.append(high)
            return low

        def linear(low: int, by0: int) -> int:
            at = free.pop(0)
            self.mad(at, bit0, by0, low)
            return at

        def level3(turn2: int) -> int:
            low, high = (linear(*self.table3[2 * turn2 + n]) for n in range(2))
            return chosen(bit1, high, low)

        def level4(turn3: int) -> int:
            found = []
            for turn2 in range(2):
                low, by0, by1, both = self.table4[2 * turn3 + turn2]
                at, slope = linear(low, by0), linear(by1, both)
                self.mad(at, slope, bit1, at, spare=slope)
                free.append(slope)
                found.append(at)
            return chosen(bit2, found[1], found[0])

        turn(bit0, self.table0)
        at = free.pop(0)
        if self.plan.flow:
            self.choose(at, bit0, self.table1[1], self.table1[0])
        else:
            self.valu("-", at, self.table1[1], self.table1[0])
            self.mad(at, at, bit0, self.table1[0])
        turn(bit1, at)
        free.append(at)
        low, high = (linear(*self.table2[n]) for n in range(2))
        at = chosen(bit1, high, low)
        turn(bit2, at)
        free.append(at)
        low = level3(0)
        at = chosen(bit2, level3(1), low)
        turn(bit3, at)
        free.append(at)
        low = level4(0)
        at = chosen(bit3, level4(1), low)
        turn(bit4, at)

    def _node_address(self, bits: Sequence[int], address: int) -> None:
        """Turn five bits into the address of the node behind them."""
        first, *others, last = bits
        for bit in others:
            self.mad(first, first, self.vector(2), bit)
        self.mad(first, first, self.vector(2 * VLEN), self.vector(NODE_AT))
        self.mad(address, last, self.vector(VLEN), first)

    def _node(self, key: int, address: int, room: tuple[int, list[int]]) -> None:
        """Turn the address of a node into that of the leaf behind it.

        Shingled rows stand one word apart: each load overwrites all but the first
        word of the row before. So the first words end up side by side, as a vector.
        """
        rows, below = room
        shingled = self.plan.shingled
        for lane in range(VLEN):
            row = rows + lane * (1 if shingled else VLEN)
            self.add("load", "vload", row, address + lane, region="node")
            for n in range(shingled, 7):
                self.add("alu", "<", below[n] + lane, row + n, key + lane)
        if shingled:
            self.valu("<", below[0], rows, key)
        eight = self.vector(VLEN)
        to_leaf = self.vector(LEAF_AT - VLEN * NODE_AT)
        if self.plan.reduced:
            self.mad(address, address, eight, to_leaf)
        else:
            self.valu("*", address, address, eight)
            self.valu("+", address, address, to_leaf)
        for into, other in ((0, 1), (2, 3), (4, 5), (0, 6), (2, 4), (0, 2)):
            self.valu("+", below[into], below[into], below[other])
        self.mad(address, below[0], eight, address, spare=below[0])

    def _leaf(self, key: int, address: int, room: tuple[int, list[int]]) -> int:
        """Return where the owner of the key stands."""
        rows, parts = room
        shingled = self.plan.shingled
        for lane in range(VLEN):
            row = rows + lane * (1 if shingled else VLEN)
            self.add("load", "vload", row, address + lane, region="leaf")
            for n in range(3):
                self.add("alu", "<", parts[n] + lane, row + 4 + n, key + lane)
            for n in range(3):
                part = parts[n] + lane
                self.add("alu", "*", part, part, row + 1 + n)
            if not shingled:
                self.add("alu", "+", parts[0] + lane, parts[0] + lane, row)
        if shingled:
            self.valu("+", parts[0], parts[0], rows)
        self.valu("+", parts[1], parts[1], parts[2])
        self.valu("+", parts[0], parts[0], parts[1])
        return parts[0]

    def _gathered(self, key: int, room: Sequence[int]) -> int:
        """Return where the owner stands, found by gathering a point a level."""
        bits, temps = room[:TOP], room[TOP:]
        place, at, point = bits[0], temps[0], temps[1]
        half = (ring.POINTS + 1) // 2
        if self.plan.search == "cached":
            self._top(key, bits, temps)
            for bit in bits[1:]:
                self.mad(place, place, self.vector(2), bit)
            half //= 2**TOP
            self.valu("*", place, place, self.vector(2 * half))
        else:
            self.valu("^", place, place, place)
        while half:
            self.valu("+", at, place, self.vector(ring.POINT_AT + half - 1))
            for lane in range(VLEN):
                self.add("load", "load_offset", point, at, lane, region="ring")
            self.valu("<", point, point, key)
            self.mad(place, point, self.vector(half), place, spare=point)
            half //= 2
        self.valu("%", place, place, self.vector(ring.POINTS))
        self.valu("+", at, place, self.vector(ring.OWNER_AT))
        owner = temps[2]
        for lane in range(VLEN):
            self.add("load", "load_offset", owner, at, lane, region="ring")
        return owner
