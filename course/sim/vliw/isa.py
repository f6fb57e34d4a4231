"""What the machine is: its sizes, its operations and what it refuses to run."""

import operator
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

VLEN = 8  # words in a vector
SCRATCH = 1536  # words of scratch
LIMITS = {"alu": 12, "valu": 6, "load": 2, "store": 2, "flow": 1, "debug": 64}
ENGINES = ("alu", "valu", "load", "store", "flow")  # debug is no part of the machine
MASK = 2**32 - 1

Slot = tuple
Bundle = dict[str, list[Slot]]
Program = list[Bundle]

# A shift by 32 or more leaves nothing, which is what the low 32 bits of Python's
# unbounded result would hold, without making it.
ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "cdiv": lambda a, b: (a + b - 1) // b,
    "^": operator.xor,
    "&": operator.and_,
    "|": operator.or_,
    "<<": lambda a, b: a << b if b < 32 else 0,
    ">>": operator.rshift,
    "%": operator.mod,
    "<": operator.lt,
    "==": operator.eq,
}

# The operands of each operation, in their order. `dest` is the scratch word that is
# written; `value`, `offset`, `lane` and `pc` are plain numbers; `key` and `keys` name
# expected values; every other word names a scratch word that is read. A name that ends
# in 8 stands for the first of 8 scratch words in a row.
OPERANDS: dict[str, dict[str, str]] = {
    "alu": dict.fromkeys(ARITHMETIC, "dest a b"),
    "valu": {
        **dict.fromkeys(ARITHMETIC, "dest8 a8 b8"),
        "vbroadcast": "dest8 src",
        "multiply_add": "dest8 a8 b8 c8",
    },
    "load": {
        "load": "dest addr",
        "load_offset": "dest addr lane",
        "vload": "dest8 addr",
        "const": "dest value",
    },
    "store": {"store": "addr src", "vstore": "addr src8"},
    "flow": {
        "select": "dest cond a b",
        "vselect": "dest8 cond8 a8 b8",
        "add_imm": "dest a value",
        "jump": "pc",
        "jump_indirect": "addr",
        "cond_jump": "cond pc",
        "cond_jump_rel": "cond offset",
        "halt": "",
        "pause": "",
        "trace_write": "src",
        "coreid": "dest",
    },
    "debug": {"compare": "src key", "vcompare": "src8 keys"},
}
_NUMBERS = ("value", "offset", "lane", "pc")


class Fault(Exception):
    """What the machine refuses to do; says at which pc, engine and slot, and why.

    `slot` counts from 0 within its engine. `engine` and `slot` are None where the
    whole bundle is meant.

    >>> print(Fault(3, "alu", 0, "division by zero"))
    pc 3, alu slot 0: division by zero
    """

    def __init__(
        self, pc: int, engine: str | None, slot: int | None, reason: str
    ) -> None:
        super().__init__(pc, engine, slot, reason)
        self.pc, self.engine, self.slot, self.reason = pc, engine, slot, reason

    def __str__(self) -> str:
        where = f"pc {self.pc}"
        if self.engine is not None:
            where += f", {self.engine}"
        if self.slot is not None:
            where += f" slot {self.slot}"
        return f"{where}: {self.reason}"


@dataclass(frozen=True)
class Run:
    """What a run left behind.

    `memory` and `scratch` are words, `cycles` is what it cost, `slots` the slots that
    each engine executed. `ended` is "end" (past the last bundle), "halt" or "pause",
    and `pc` the bundle that would come next. `traced` are the words of trace_write.
    Where a record was asked for, `path` is the pc of each cycle and `use` the slots of
    each cycle, one number for each of ENGINES.
    """

    memory: list[int]
    scratch: list[int]
    cycles: int
    slots: dict[str, int]
    ended: str
    pc: int
    traced: list[int]
    path: tuple[int, ...] | None = None
    use: tuple[tuple[int, ...], ...] | None = None


def operands(engine: str, slot: Slot) -> dict[str, object]:
    """Return a slot's operands by the names that OPERANDS gives them.

    Raises ValueError for a slot that the engine cannot execute, with the reason.

    >>> operands("valu", ("*", 16, 0, 8))
    {'dest8': 16, 'a8': 0, 'b8': 8}
    """
    if not isinstance(slot, tuple) or not slot:
        raise ValueError(f"{slot!r} is no tuple of an operation and its operands")
    names = OPERANDS[engine].get(slot[0]) if isinstance(slot[0], str) else None
    if names is None:
        known = " ".join(OPERANDS[engine])
        raise ValueError(f"unknown operation {slot[0]!r}; {engine} knows {known}")
    expected = names.split()
    if len(slot) - 1 != len(expected):
        raise ValueError(f"{slot!r} does not have the operands ({', '.join(expected)})")
    found = dict(zip(expected, slot[1:], strict=True))
    for name in found:
        if name == "keys":
            found[name] = _keys(slot)
        elif name == "key":
            _name(slot, found[name])
        else:
            found[name] = _number(slot, name, found[name])
    for name, first in found.items():
        if name in _NUMBERS or name in ("key", "keys"):
            continue
        size = VLEN if name.endswith("8") else 1
        if "lane" in found:  # it chooses a word behind each of the two others
            first += found["lane"]
        if not 0 <= first <= SCRATCH - size:
            last = f" to {first + size - 1}" if size > 1 else ""
            raise ValueError(
                f"{slot!r}: {name} is scratch {first}{last}, outside 0 to {SCRATCH - 1}"
            )
    return found


def _number(slot: Slot, name: str, value: object) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise ValueError(f"{slot!r}: {name} is {value!r}, not a whole number") from None


def _keys(slot: Slot) -> tuple:
    keys = slot[2]
    if not isinstance(keys, (list, tuple)) or len(keys) != VLEN:
        raise ValueError(f"{slot!r} needs a list of {VLEN} keys")
    for key in keys:
        _name(slot, key)
    return tuple(keys)


def _name(slot: Slot, key: object) -> None:
    try:
        hash(key)
    except TypeError:
        raise ValueError(f"{slot!r}: {key!r} cannot be the key of a value") from None


def decode(
    program: Sequence[Bundle],
    make: Callable[[str, Slot, dict[str, object]], object],
) -> tuple[list[int], list[tuple[int, list]]]:
    """Return the number of each bundle, and what those that differ are made of.

    That is the cycles it costs and, in the order of its slots, what `make(engine, slot,
    operands)` returned; it is asked once for equal slots of an engine. Raises Fault for
    the first bundle that the machine cannot execute, whether or not the program would
    reach it.
    """
    numbers: list[int] = []
    distinct: list[tuple[int, list]] = []
    known: dict[tuple, int] = {}
    made: dict[tuple, object] = {}
    for pc, bundle in enumerate(program):
        if not isinstance(bundle, dict):
            raise Fault(pc, None, None, f"{bundle!r} is no dict of engines and slots")
        try:  # most bundles of a long program have been there before
            alike = tuple([(engine, *slots) for engine, slots in bundle.items()])
            number = known.get(alike)
        except TypeError:  # something in it has no hash, or is no list
            alike = number = None
        if number is None:
            number = len(distinct)
            distinct.append(_decoded(pc, bundle, make, made))
            if alike is not None:
                known[alike] = number
        numbers.append(number)
    return numbers, distinct


def _decoded(pc: int, bundle: Bundle, make: Callable, made: dict) -> tuple[int, list]:
    """Return what a bundle costs and is made of; `made` is what there is of before."""
    cost, parts = 0, []
    for engine, slots in bundle.items():
        if engine not in LIMITS:
            engines = " ".join(LIMITS)
            raise Fault(pc, engine, None, f"no such engine; there are {engines}")
        if not isinstance(slots, (list, tuple)):
            raise Fault(pc, engine, None, f"{slots!r} is no list of slots")
        if len(slots) > LIMITS[engine]:
            reason = f"{len(slots)} slots in one bundle; {engine} has {LIMITS[engine]}"
            raise Fault(pc, engine, LIMITS[engine], reason)
        if engine != "debug":
            cost = 1
        for place, slot in enumerate(slots):
            try:
                parts.append(made[engine, slot])
            except (KeyError, TypeError):  # a new slot, or one that has no hash
                try:
                    part = make(engine, slot, operands(engine, slot))
                except ValueError as error:
                    raise Fault(pc, engine, place, str(error)) from None
                parts.append(part)
                if engine != "debug":
                    made[engine, slot] = part
    return cost, parts


def words(values: Sequence[int], what: str) -> array:
    """Return a copy of some words; raises ValueError where one is none."""
    try:
        return array("I", values)
    except (TypeError, OverflowError):
        raise ValueError(f"{what} holds something outside 0 to {MASK}") from None


def starting_pc(pc: int) -> int:
    """Return where a run begins; raises ValueError for a negative pc."""
    if pc < 0:
        raise ValueError(f"a run cannot begin at pc {pc}")
    return pc


def starting_scratch(scratch: Sequence[int] | None) -> array:
    """Return the scratch that a run begins with: zeros, or a copy of what is given."""
    found = words([0] * SCRATCH if scratch is None else scratch, "scratch")
    if len(found) != SCRATCH:
        raise ValueError(f"scratch has {SCRATCH} words, not {len(found)}")
    return found


def refusal(
    engine: str,
    slot: Slot,
    scratch: Sequence[int],
    memory: Sequence[int],
    expected: Mapping[object, int],
) -> str:
    """Return why a slot that is well formed cannot be executed in this state."""
    given = operands(engine, slot)
    if engine == "debug":
        return f"{slot!r}: {_difference(given, scratch, expected)}"
    if engine in ("alu", "valu"):
        return f"{slot!r}: division by zero"
    where = int(scratch[given["addr"] + given.get("lane", 0)])
    last = f" to {where + VLEN - 1}" if slot[0] in ("vload", "vstore") else ""
    return f"{slot!r}: address {where}{last} is outside memory, 0 to {len(memory) - 1}"


def _difference(
    given: dict[str, object], scratch: Sequence[int], expected: Mapping[object, int]
) -> str:
    keys = given["keys"] if "keys" in given else (given["key"],)
    start = given["src8"] if "keys" in given else given["src"]
    for lane, key in enumerate(keys):
        have = int(scratch[start + lane])
        if key not in expected:
            return f"no value is expected by the name {key!r}"
        if have != expected[key]:
            break
    return f"scratch {start + lane} holds {have}, expected {key!r} = {expected[key]!r}"


def jumped_before_the_start(pc: int, slot: Slot) -> Fault:
    """Return the fault of a jump to a negative pc."""
    return Fault(pc, "flow", 0, f"{slot!r} leads to a negative pc")


def ran_too_long(pc: int, limit: int) -> Fault:
    """Return the fault of a program that needs more cycles than it may have."""
    return Fault(pc, None, None, f"still running after {limit:,} cycles")


def slot_use(program: Sequence[Bundle], path: Sequence[int]) -> tuple:
    """Return the slots of each cycle on a path, one number for each of ENGINES."""
    widths = [
        tuple(len(bundle.get(engine, ())) for engine in ENGINES) for bundle in program
    ]
    return tuple(widths[pc] for pc in path)
