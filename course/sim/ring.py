"""A router's lookups on a consistent-hash ring: the workload of the kernel ladder.

256 keys are looked up 8 times on a ring of 1,023 points. Round r mixes each key anew,
`k = mix(k + r + previous owner)`, where the previous owner is 0 at first, and the
owner of the key is that of the first point that is not below it; past the last point
the ring begins again. What comes out are the owners of all rounds and the last keys.

The sizes are known when a kernel is built, the words in memory are not. Memory is a
header of sizes and addresses (HEADER names its words), the points in ascending order,
their owners, the keys, the outputs (round after round), and FREE words for the kernel.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from course.sim.vliw.isa import ARITHMETIC, MASK

KEYS, ROUNDS, POINTS, FREE = 256, 8, 1023, 4096

HEADER = ("rounds", "keys", "points", "POINT", "OWNER", "KEY", "OUT", "SPARE")
POINT_AT = len(HEADER)
OWNER_AT = POINT_AT + POINTS
KEY_AT = OWNER_AT + POINTS
OUT_AT = KEY_AT + KEYS
SPARE_AT = OUT_AT + ROUNDS * KEYS
WORDS = SPARE_AT + FREE

# The steps of `mix`: k op number, or k op1 (k op2 number) where there are two.
MIX = (
    ("+", 0xDB7BE190),
    ("^", ">>", 17),
    ("*", 0xE06FE589),
    ("+", 0x998186BB),
    ("^", ">>", 12),
    ("*", 0x866C22EB),
    ("+", "<<", 3),
    ("^", ">>", 17),
)


@dataclass(frozen=True)
class Ring:
    """Sorted, distinct points, the owner of each, and keys to look up; all words."""

    points: tuple[int, ...]
    owners: tuple[int, ...]
    keys: tuple[int, ...]

    def memory(self) -> list[int]:
        """Return the memory that a kernel starts with: WORDS words, outputs zero."""
        sizes = [ROUNDS, KEYS, POINTS]
        header = [*sizes, POINT_AT, OWNER_AT, KEY_AT, OUT_AT, SPARE_AT]
        empty = [0] * (ROUNDS * KEYS + FREE)
        return [*header, *self.points, *self.owners, *self.keys, *empty]


def mix(k: int) -> int:
    """Return a word in which each bit depends on all bits of `k`; no two meet.

    >>> hex(mix(0)), hex(mix(1))
    ('0x9525f8a6', '0xe01799b0')
    """
    for op, *rest in MIX:
        right = rest[0] if len(rest) == 1 else ARITHMETIC[rest[0]](k, rest[1])
        k = ARITHMETIC[op](k, right) & MASK
    return k


def fresh(rng: np.random.Generator, clustered: bool = False) -> Ring:
    """Return a ring and keys that nobody has seen; owners may be any words.

    Points are spread evenly, or, `clustered`, packed around what the first round looks
    up, some of them on it: a kernel that guesses a place from the key's size, or
    compares the wrong way where both are equal, fails there.
    """
    keys = rng.integers(0, 2**32, KEYS)
    points: set[int] = set()
    if clustered:
        sought = [mix(int(key)) for key in keys]
        for key in sought[: KEYS // 2]:
            points.add(key)
        centres = rng.choice(sought, 4 * POINTS)
        near = (centres + rng.integers(-8, 9, 4 * POINTS)) % 2**32
        candidates = near.tolist()
    else:
        candidates = rng.integers(0, 2**32, 2 * POINTS).tolist()
    for point in candidates:
        if len(points) == POINTS:
            break
        points.add(point)
    return Ring(
        points=tuple(sorted(points)),
        owners=tuple(rng.integers(0, 2**32, POINTS).tolist()),
        keys=tuple(keys.tolist()),
    )


def oracle(ring: Ring) -> tuple[list[int], list[int]]:
    """Return the owners, round after round, and the last keys, without a machine."""
    keys, owners, found = list(ring.keys), [0] * KEYS, []
    for number in range(ROUNDS):
        for j in range(KEYS):
            keys[j] = mix((keys[j] + number + owners[j]) & MASK)
            place = bisect_left(ring.points, keys[j])
            owners[j] = ring.owners[place if place < POINTS else 0]
        found += owners
    return found, keys


def results(memory: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return what a kernel left in memory, in the form of `oracle`."""
    return (
        list(memory[OUT_AT : OUT_AT + ROUNDS * KEYS]),
        list(memory[KEY_AT : KEY_AT + KEYS]),
    )


def scalar_program() -> list[dict[str, list[tuple]]]:
    """Return the start of the ladder: one slot a cycle, unrolled, no vectors.

    Each lookup halves the ring ten times: `place` grows by half the rest where the
    point there is below the key.

    >>> len(scalar_program())
    135455
    """
    program: list[dict[str, list[tuple]]] = []
    constants: dict[int, int] = {}
    k, owner, place, t, address, one_key = range(6)

    def emit(engine: str, *slot: object) -> None:
        program.append({engine: [slot]})

    def constant(value: int) -> int:
        """Return a scratch word that holds a value, which is loaded at first use."""
        if value not in constants:
            constants[value] = 6 + len(constants)
            emit("load", "const", constants[value], value)
        return constants[value]

    for j in range(KEYS):
        emit("load", "const", one_key, KEY_AT + j)
        emit("load", "load", k, one_key)
        for number in range(ROUNDS):
            if number:  # in round 0 both the number and the previous owner are 0
                emit("alu", "+", k, k, constant(number))
                emit("alu", "+", k, k, owner)
            for op, *rest in MIX:
                if len(rest) == 1:
                    emit("alu", op, k, k, constant(rest[0]))
                else:
                    emit("alu", rest[0], t, k, constant(rest[1]))
                    emit("alu", op, k, k, t)
            half = (POINTS + 1) // 2
            emit("load", "load", t, constant(POINT_AT + half - 1))
            emit("alu", "<", t, t, k)
            emit("alu", "*", place, t, constant(half))
            while half > 1:
                half //= 2
                emit("alu", "+", address, place, constant(POINT_AT + half - 1))
                emit("load", "load", t, address)
                emit("alu", "<", t, t, k)
                if half > 1:
                    emit("alu", "*", t, t, constant(half))
                emit("alu", "+", place, place, t)
            emit("alu", "%", place, place, constant(POINTS))  # past the last: the first
            emit("alu", "+", address, place, constant(OWNER_AT))
            emit("load", "load", owner, address)
            emit("load", "const", address, OUT_AT + number * KEYS + j)
            emit("store", "store", address, owner)
        emit("store", "store", one_key, k)
    return program
