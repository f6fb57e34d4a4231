"""What the machine is: its sizes, its operations and what it refuses to run."""

import operator
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
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


def _last(name: str) -> int | None:
    """Return the last scratch word that an operand may name; None if it names none."""
    if name in (*_NUMBERS, "key", "keys"):
        return None
    return SCRATCH - VLEN if name.endswith("8") else SCRATCH - 1


_FORMS = {
    engine: {op: [(name, _last(name)) for name in names.split()] for op, names in ops}
    for engine, ops in ((engine, ops.items()) for engine, ops in OPERANDS.items())
}


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
    if not isinstance(slot, (tuple, list)) or not slot:
        raise ValueError(f"{slot!r} is no tuple of an operation and its operands")
    form = _FORMS[engine].get(slot[0]) if isinstance(slot[0], str) else None
    if form is None:
        known = " ".join(OPERANDS[engine])
        raise ValueError(f"unknown operation {slot[0]!r}; {engine} knows {known}")
    if len(slot) - 1 != len(form):
        names = ", ".join(name for name, _ in form)
        raise ValueError(f"{slot!r} does not have the operands ({names})")
    found = {}
    for (name, _), value in zip(form, slot[1:], strict=True):
        if name == "keys":
            value = _keys(slot)
        elif name == "key":
            _name(slot, value)
        elif type(value) is not int:
            value = _number(slot, name, value)
        found[name] = value
    lane = found.get("lane", 0)  # it chooses a word behind each of the two others
    for name, last in form:
        if last is not None and not 0 <= found[name] + lane <= last:
            raise _outside(slot, name, found[name] + lane)
    return found


def _outside(slot: Slot, name: str, first: int) -> ValueError:
    last = f" to {first + VLEN - 1}" if name.endswith("8") else ""
    return ValueError(
        f"{slot!r}: {name} is scratch {first}{last}, outside 0 to {SCRATCH - 1}"
    )


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


def costs(bundle: Bundle) -> int:
    """Return the cycles of a bundle: 1 if it names an engine other than debug."""
    return int(isinstance(bundle, dict) and len(bundle) > ("debug" in bundle))


def examine(bundle: Bundle) -> Iterator[tuple]:
    """Yield (engine, number, slot, operands) of each slot in order, up to a mistake.

    A mistake is (engine, number, slot, reason), with None for what it is not about.
    """
    if not isinstance(bundle, dict):
        yield None, None, None, f"{bundle!r} is no dict of engines and slots"
        return
    for engine, slots in bundle.items():
        if engine not in LIMITS:
            yield engine, None, None, f"no such engine; there are {' '.join(LIMITS)}"
            return
        most = LIMITS[engine]
        if type(slots) is not list:
            yield engine, None, None, f"{slots!r} is no list of slots"
            return
        if len(slots) > most:
            reason = f"{len(slots)} slots in one bundle; {engine} has {most}"
            yield engine, most, None, reason
            return
        for number, slot in enumerate(slots):
            try:
                given = operands(engine, slot)
            except ValueError as error:
                yield engine, number, slot, str(error)
                return
            yield engine, number, slot, given


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
    widths = {
        pc: tuple(len(program[pc].get(engine, ())) for engine in ENGINES)
        for pc in set(path)
    }
    return tuple(widths[pc] for pc in path)
