"""Random programs for the VLIW machine: every engine and operation, legal and not."""

from dataclasses import dataclass, field
from random import Random

from course.sim.vliw import LIMITS, SCRATCH, VLEN
from course.sim.vliw.isa import OPERANDS

MEMORY = 48  # words
_EDGES = (0, 1, 2, 7, 8, 31, 32, 33, 2**16, 2**31, 2**32 - 2, 2**32 - 1)
_NEAR = 56  # operands are mostly below this, so that slots meet in the same words
# Words 0 to 15 start as addresses, the next 16 are not 0. Most slots read their
# addresses and divisors there and write elsewhere, so that most programs can run on.
_ADDRESSES, _DIVISORS, _REST = 0, 16, 32
_DIVIDING = ("//", "cdiv", "%")


@dataclass
class Case:
    """A program and what it starts from."""

    program: list[dict]
    memory: list[int]
    scratch: list[int]
    expected: dict = field(default_factory=dict)
    limit: int = 40


def random_case(rng: Random, broken: float = 0.15, limit: int = 40) -> Case:
    """Return a small program; that share of them has something no machine executes.

    The others can still fail while they run: divide by zero, leave memory, jump to a
    negative pc, differ from the expected value, or never end.
    """
    scratch = [0] * SCRATCH
    for word in [*range(_NEAR + VLEN), *range(SCRATCH - 16, SCRATCH)]:
        scratch[word] = _word(rng)
    for word in range(_DIVISORS):
        scratch[word] = rng.randint(0, MEMORY - VLEN)
    for word in range(_DIVISORS, _REST):
        scratch[word] = scratch[word] or 3
    memory = [_word(rng) for _ in range(MEMORY)]
    count = rng.randint(1, 10)
    program = [_bundle(rng, count) for _ in range(count)]
    if rng.random() < broken:
        _break(rng, program)
    expected = {("word", n): scratch[n] for n in range(SCRATCH)}
    return Case(program, memory, scratch, expected, limit)


def _word(rng: Random) -> int:
    """Return an address, a number at an edge, or any word."""
    kind = rng.random()
    if kind < 0.6:
        return rng.randint(0, MEMORY - VLEN)
    return rng.choice(_EDGES) if kind < 0.8 else rng.getrandbits(32)


def _bundle(rng: Random, count: int) -> dict:
    engines = [engine for engine in LIMITS if rng.random() < 0.4]
    rng.shuffle(engines)
    bundle = {}
    for engine in engines:
        most = min(LIMITS[engine], 4) if rng.random() < 0.9 else LIMITS[engine]
        ops = list(OPERANDS[engine])
        bundle[engine] = [
            _slot(rng, engine, _operation(rng, ops), count)
            for _ in range(rng.randint(0, most))
        ]
    return bundle


def _operation(rng: Random, ops: list[str]) -> str:
    op = rng.choice(ops)
    if op in ("halt", "jump", "jump_indirect") and rng.random() < 0.4:
        return rng.choice(ops)  # those that end a program early: a little rarer
    return op


def _slot(rng: Random, engine: str, op: str, count: int) -> tuple:
    given = []
    for name in OPERANDS[engine][op].split():
        if name == "value":
            given.append(rng.choice((-1, 5, 2**32 + 3, *_EDGES)))
        elif name == "lane":
            given.append(rng.randrange(VLEN))
        elif name == "pc":
            given.append(rng.randint(0, count + 1) if rng.random() < 0.97 else -2)
        elif name == "offset":
            given.append(rng.randint(-3, 3))
        elif name == "key":
            given.append(("word", given[0]))
        elif name == "keys":
            given.append([("word", given[0] + lane) for lane in range(VLEN)])
        elif rng.random() < 0.97:
            given.append(_place(rng, name, op))
        else:
            given.append(rng.randrange(SCRATCH - 16, SCRATCH - VLEN + 1))
    if engine == "debug" and rng.random() < 0.05:
        given[1] = "missing" if op == "compare" else [*given[1][:-1], "missing"]
    return (op, *given)


def _place(rng: Random, name: str, op: str) -> int:
    """Return a scratch address for an operand."""
    if rng.random() < 0.01:
        return rng.randrange(_NEAR)
    if name == "addr" and op != "jump_indirect":
        return _ADDRESSES + rng.randrange(VLEN)
    if (name in ("b", "b8") and op in _DIVIDING) or name in ("src", "src8"):
        return _DIVISORS + rng.randrange(VLEN)
    return rng.randrange(_REST if name.startswith("dest") else 0, _NEAR)


def _break(rng: Random, program: list[dict]) -> None:
    """Change one bundle into one that no machine executes."""
    bundle = rng.choice(program)
    engine = rng.choice(list(LIMITS))
    op = rng.choice([op for op, names in OPERANDS[engine].items() if names])
    slot = _slot(rng, engine, op, len(program))
    spoiled = rng.choice(
        (
            (op,),
            (*slot, 1),
            ("nothing", 1, 2, 3),
            (op, -1, *slot[2:]),
            (op, SCRATCH, *slot[2:]),
            (op, "5", *slot[2:]),
            (op, [5], *slot[2:]),
            (op, 5.0, *slot[2:]),
            (*slot[:-1], 5.0),
            (*slot[:-1], SCRATCH - 4),
            ("vcompare", 5, ["one", "two"]),
            (),
            None,
            "none",
        )
    )
    if rng.random() < 0.2:
        bundle[engine] = [slot] * (LIMITS[engine] + 1)
    elif rng.random() < 0.1:
        bundle["gpu"] = [slot]
    else:
        found = bundle.setdefault(engine, [])
        del found[LIMITS[engine] - 1 :]
        found.insert(rng.randint(0, len(found)), spoiled)
