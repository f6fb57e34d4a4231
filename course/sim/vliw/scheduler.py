"""A list scheduler: straight-line ops in, bundles out."""

import heapq
from collections.abc import Iterable, Sequence

from course.sim.vliw.isa import LIMITS
from course.sim.vliw.ops import Op, dependences, heights


def sequential(ops: Iterable[Op | tuple]) -> list[dict[str, list[tuple]]]:
    """Return a program of one slot a bundle, in the order of `ops`.

    >>> sequential([("load", ("const", 0, 7)), ("alu", ("+", 1, 0, 0))])
    [{'load': [('const', 0, 7)]}, {'alu': [('+', 1, 0, 0)]}]
    """
    return [{engine: [tuple(slot)]} for engine, slot, *_ in ops]


def schedule(
    ops: Iterable[Op | tuple],
    priority: Sequence[float] | None = None,
    *,
    eager: float = 0.0,
) -> list[dict[str, list[tuple]]]:
    """Pack straight-line `ops` into bundles that give the same result in fewer cycles.

    Cycle by cycle, each engine takes the most urgent ops whose waits are over.
    `priority` has a number for each op, the largest first; without it the op with the
    longest chain of waits behind it is the most urgent. `eager` is taken off for each
    op written before, so that early work is finished and frees what it holds. Slots
    keep their order within a bundle. Raises ValueError for a jump, halt or pause.

    Source: Gibbons and Muchnick, "Efficient instruction scheduling for a pipelined
    architecture", 1986.

    >>> schedule([("load", ("const", 0, 7)), ("load", ("const", 1, 8)),
    ...           ("alu", ("+", 2, 0, 1))])
    [{'load': [('const', 0, 7), ('const', 1, 8)]}, {'alu': [('+', 2, 0, 1)]}]
    """
    ops = [Op(*op) for op in ops]
    waits = dependences(ops)
    if priority is None:
        priority = heights(len(ops), waits)
    urgent = [value - eager * place for place, value in enumerate(priority)]
    behind: list[list[tuple[int, int]]] = [[] for _ in ops]
    missing = [0] * len(ops)  # waits that are not over
    for wait in waits:
        behind[wait.before].append((wait.after, wait.cycles))
        missing[wait.after] += 1

    ready: dict[str, list[tuple[float, int]]] = {engine: [] for engine in LIMITS}
    coming: dict[int, list[int]] = {0: []}  # cycle -> ops that may start then
    earliest = [0] * len(ops)
    for place, count in enumerate(missing):
        if not count:
            coming[0].append(place)

    cycles: list[list[int]] = []  # the ops of each cycle
    left = len(ops)
    while left:
        now = len(cycles)
        for place in coming.pop(now, ()):
            heapq.heappush(ready[ops[place].engine], (-urgent[place], place))
        taken: list[int] = []
        free = dict(LIMITS)
        moved = True
        while moved:  # an op that is taken may let others into its own bundle
            moved = False
            for engine, heap in ready.items():
                while heap and free[engine]:
                    _, place = heapq.heappop(heap)
                    free[engine] -= 1
                    taken.append(place)
                    moved = True
                    for after, wait in behind[place]:
                        earliest[after] = max(earliest[after], now + wait)
                        missing[after] -= 1
                        if missing[after]:
                            continue
                        if earliest[after] == now:
                            item = (-urgent[after], after)
                            heapq.heappush(ready[ops[after].engine], item)
                        else:
                            coming.setdefault(earliest[after], []).append(after)
        left -= len(taken)
        cycles.append(sorted(taken))

    program = []
    for taken in cycles:
        bundle: dict[str, list[tuple]] = {}
        for place in taken:
            bundle.setdefault(ops[place].engine, []).append(tuple(ops[place].slot))
        program.append(bundle)
    return program
