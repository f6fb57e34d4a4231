"""Write a program with names: scratch words, constants, labels, a readable listing."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from course.sim.vliw.isa import MASK, SCRATCH, VLEN, operands
from course.sim.vliw.ops import Op

_JUMPS = {"jump", "cond_jump"}  # those that a label may stand in


class Builder:
    """A program in the making: one slot after the other, and who owns which scratch.

    `ops` is the list so far, for `schedule` and the bounds. Addresses are plain ints,
    so slots are the machine's own tuples.

    >>> make = Builder()
    >>> x, one = make.alloc("x"), make.const(1)
    >>> make.add("alu", "+", x, x, one)
    >>> make.program()
    [{'load': [('const', 1, 1)]}, {'alu': [('+', 0, 0, 1)]}]
    >>> print(make.listing())
       0  load  const 1 = 1
       1  alu   x = x + 1
    """

    def __init__(self, size: int = SCRATCH) -> None:
        self.ops: list[Op] = []
        self.size = size
        self._live: dict[int, tuple[str, int]] = {}  # address -> name, words
        self._named: dict[int, tuple[str, int]] = {}  # the last owner, for listings
        self._pool: dict[tuple[int, int], int] = {}  # (value, words) -> address
        self._labels: dict[str, int] = {}

    def alloc(self, name: str, words: int = 1) -> int:
        """Return the address of free scratch `words` in a row, the lowest there are.

        Raises ValueError, which says what is live, when no gap is long enough.
        """
        if words < 1:
            raise ValueError(f"{name!r} needs at least one word, not {words}")
        for start, stop in self._gaps():
            if stop - start >= words:
                self._live[start] = (name, words)
                for at, (_, size) in list(self._named.items()):
                    if at < start + words and start < at + size:
                        del self._named[at]  # a former owner of some of these words
                self._named[start] = (name, words)
                return start
        raise ValueError(self._overflow(name, words))

    def vector(self, name: str) -> int:
        """Return the address of a free vector."""
        return self.alloc(name, VLEN)

    def free(self, *addresses: int) -> None:
        """Give words back; raises ValueError for what `alloc` has not given out.

        Constants stay for as long as the program.
        """
        for address in addresses:
            if address not in self._live:
                raise ValueError(f"nothing that is live begins at scratch {address}")
            if address in self._pool.values():
                raise ValueError(f"scratch {address} is a constant, which stays")
            del self._live[address]

    def const(self, value: int) -> int:
        """Return the address of a word that holds `value`, loaded once.

        Where it is first asked for, it costs a load slot; where a loop or a jump could
        skip that, ask for it before.
        """
        return self._constant(value & MASK, 1)

    def vconst(self, value: int) -> int:
        """Return the address of a vector whose lanes hold `value`, made once."""
        return self._constant(value & MASK, VLEN)

    def _constant(self, value: int, words: int) -> int:
        if (value, words) not in self._pool:
            source = self._constant(value, 1) if words > 1 else None
            address = self.alloc(f"{'v' * (words > 1)}{value}", words)
            self._pool[value, words] = address
            if source is None:
                self.add("load", "const", address, value)
            else:
                self.add("valu", "vbroadcast", address, source)
        return self._pool[value, words]

    def add(self, engine: str, *slot: object, region: str = "") -> None:
        """Append one slot; raises ValueError if the engine cannot execute it.

        The target of jump and cond_jump may be the name of a label. `region` names the
        part of memory that a load or store touches, see `Op`.
        """
        jumps = engine == "flow" and slot[:1] and slot[0] in _JUMPS
        operands(engine, (*slot[:-1], 0) if jumps and _named(slot) else slot)
        self.ops.append(Op(engine, slot, region))

    def label(self, name: str) -> None:
        """Name the place of the next slot; raises ValueError for a name in use."""
        if name in self._labels:
            raise ValueError(f"there is a label {name!r} already")
        self._labels[name] = len(self.ops)

    def program(self) -> list[dict[str, list[tuple]]]:
        """Return the program, a slot in each bundle, with labels turned into pcs.

        Raises ValueError for a label that is nowhere.
        """
        return [{op.engine: [self._resolved(op)]} for op in self.ops]

    def _resolved(self, op: Op) -> tuple:
        if op.engine != "flow" or op.slot[0] not in _JUMPS or not _named(op.slot):
            return op.slot
        if op.slot[-1] not in self._labels:
            known = ", ".join(self._labels) or "none"
            raise ValueError(f"there is no label {op.slot[-1]!r}; there are: {known}")
        return (*op.slot[:-1], self._labels[op.slot[-1]])

    @property
    def live(self) -> dict[str, int]:
        """The words of each name that is allocated now, the largest first."""
        found: Counter[str] = Counter()
        for name, words in self._live.values():
            found[name] += words
        return dict(found.most_common())

    def listing(self, program: Iterable[Mapping] | None = None) -> str:
        """Return a program (this one, if none is given) as text with names.

        A name is the last owner of its words, so reused words show the newest name.
        """
        lines = []
        bundles = self.program() if program is None else list(program)
        places: dict[int, list[str]] = {}
        if program is None:
            for name, at in self._labels.items():
                places.setdefault(at, []).append(f"{name}:")
        for pc, bundle in enumerate(bundles):
            lines += places.get(pc, [])
            slots = [(engine, slot) for engine in bundle for slot in bundle[engine]]
            for number, (engine, slot) in enumerate(slots):
                at = "" if number else pc
                lines.append(f"{at:>4}  {engine:<5} {self._words(engine, slot)}")
            if not slots:
                lines.append(f"{pc:>4}")
        return "\n".join(lines + places.get(len(bundles), []))

    def _words(self, engine: str, slot: Sequence) -> str:
        if engine == "debug":
            return f"{slot[0]} {self._name(slot[1])} with {slot[2]}"
        given = operands(engine, tuple(slot))
        lane = given.pop("lane", 0)
        texts = {
            key: str(value)
            if key in ("value", "offset", "pc")
            else self._name(value + lane, VLEN if key.endswith("8") else 1)
            for key, value in given.items()
        }
        dest = next((texts.pop(key) for key in ("dest", "dest8") if key in texts), None)
        op, rest = slot[0], list(texts.values())
        if engine in ("alu", "valu") and len(rest) == 2:
            return f"{dest} = {rest[0]} {op} {rest[1]}"
        if op == "multiply_add":
            return f"{dest} = {rest[0]} * {rest[1]} + {rest[2]}"
        if op == "const":
            return f"const {dest} = {rest[0]}"
        if engine == "load":
            return f"{dest} = memory[{rest[0]}]"
        if engine == "store":
            return f"memory[{rest[0]}] = {rest[1]}"
        return f"{dest} = {op} {' '.join(rest)}" if dest else " ".join([op, *rest])

    def _name(self, address: int, words: int = 1) -> str:
        for start, (name, size) in self._named.items():
            if start <= address < start + size:
                first = address - start
                if (first, words) == (0, size):
                    return name
                last = f":{first + words}" if words > 1 else ""
                return f"{name}[{first}{last}]"
        return f"s{address}" + (f":{address + words}" if words > 1 else "")

    def _gaps(self) -> Iterable[tuple[int, int]]:
        at = 0
        for start in sorted(self._live):
            if start > at:
                yield at, start
            at = start + self._live[start][1]
        if at < self.size:
            yield at, self.size

    def _overflow(self, name: str, words: int) -> str:
        taken = sum(size for _, size in self._live.values())
        widest = max((stop - start for start, stop in self._gaps()), default=0)
        pooled = set(self._pool.values())
        owners: Counter[str] = Counter()
        for at, (owner, size) in self._live.items():
            owners["constants" if at in pooled else owner] += size
        live = ", ".join(f"{owner} {size}" for owner, size in owners.most_common(12))
        more = f", and {len(owners) - 12} more" if len(owners) > 12 else ""
        return (
            f"no room for {name!r} ({words} words): {taken:,} of {self.size:,} are "
            f"taken and the longest gap has {widest}; live: {live}{more}"
        )


def _named(slot: Sequence) -> bool:
    return isinstance(slot[-1], str)
