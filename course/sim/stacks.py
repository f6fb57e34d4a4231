"""A program that is known to the nanosecond, and a profiler that looks at it.

`web_service` makes up what a server did: which call stack it was in, from when to
when. `sample` looks at it now and then, as a sampling profiler does, and `perf_script`
writes those looks down as the Linux profiler perf would. So what a profile claims can
be compared with the truth, which no real program offers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

Stack = tuple[str, ...]
Sample = tuple[int, Stack]

MS = 1_000_000  # nanoseconds

# What one request does: the stack, and how long it stays there on average, in ms.
_REQUEST: tuple[tuple[str, float], ...] = (
    ("main serve read", 1.5),
    ("main serve parse_json", 3.0),
    ("main serve authorize sha256", 2.5),
    ("main serve query send", 0.7),
    ("main serve query wait_rows", 8.0),
    ("main serve query decode_rows", 4.0),
    ("main serve render", 1.0),
    ("main serve render node", 1.6),
    ("main serve render node node", 2.0),
    ("main serve render node node escape", 3.0),
    ("main serve render node", 0.8),
    ("main serve log write", 1.2),
    ("main poll", 2.5),
)
_COLLECT = 0.25  # ms that the garbage collector interrupts
_PAUSE = 5.0  # ms between two of its visits, on average


@dataclass(frozen=True, slots=True)
class Run:
    """What a program did: it was in `stacks[i]` from `edges[i]` to `edges[i + 1]`.

    `edges` are times in nanoseconds (int64), one more than there are stacks.
    """

    edges: np.ndarray
    stacks: tuple[Stack, ...]

    @property
    def duration(self) -> int:
        """From the first edge to the last, in nanoseconds."""
        return int(self.edges[-1] - self.edges[0])

    def at(self, times: np.ndarray) -> list[Stack]:
        """Return the stack at each of `times` (ns); those outside the run are empty.

        >>> run = Run(np.array([0, 5, 9]), (("main",), ("main", "read")))
        >>> run.at(np.array([0, 5, 8, 9]))
        [('main',), ('main', 'read'), ('main', 'read'), ()]
        """
        places = np.searchsorted(self.edges, times, side="right") - 1
        inside = (places >= 0) & (places < len(self.stacks))
        return [
            self.stacks[place] if ok else ()
            for place, ok in zip(places.tolist(), inside.tolist(), strict=True)
        ]

    def on_top(self) -> dict[str, int]:
        """Return for each function the time, in ns, in which it was the innermost.

        >>> Run(np.array([0, 5, 9]), (("main",), ("main", "read"))).on_top()
        {'main': 5, 'read': 4}
        """
        spent: dict[str, int] = {}
        for stack, time in zip(self.stacks, np.diff(self.edges).tolist(), strict=True):
            spent[stack[-1]] = spent.get(stack[-1], 0) + time
        return spent


def web_service(requests: int = 300, seed: int = 4) -> Run:
    """Return a made-up server's run: the same work in each request, uneven times.

    Now and then a garbage collector interrupts whatever runs, for a quarter of a
    millisecond.

    >>> run = web_service(3)
    >>> run.stacks[0], run.duration // 1_000_000 > 50
    (('main', 'serve', 'read'), True)
    """
    rng = np.random.default_rng(seed)
    stacks: list[Stack] = []
    lengths: list[int] = []

    def spend(stack: Stack, time: float) -> None:
        stacks.append(stack)
        lengths.append(max(1, round(time * MS)))

    until_pause = rng.exponential(_PAUSE)
    for _ in range(requests):
        for names, mean in _REQUEST:
            stack, left = tuple(names.split()), mean * rng.gamma(4.0) / 4.0
            while left > until_pause:
                spend(stack, until_pause)
                spend((*stack, "gc"), _COLLECT)
                left -= until_pause
                until_pause = rng.exponential(_PAUSE)
            until_pause -= left
            spend(stack, left)
    edges = np.concatenate([[0], np.cumsum(lengths)])
    return Run(edges.astype(np.int64), tuple(stacks))


def sample(run: Run, every: int = MS, *, most: int | None = None) -> list[Sample]:
    """Return (time, stack) every `every` nanoseconds from the start of `run`.

    `most` limits their number.

    >>> sample(web_service(1), every=2_000_000, most=2)
    [(0, ('main', 'serve', 'read')), (2000000, ('main', 'serve', 'parse_json'))]
    """
    times = np.arange(run.edges[0], run.edges[-1], every)[:most]
    return list(zip(times.tolist(), run.at(times), strict=True))


def perf_script(
    samples: Sequence[Sample], *, comm: str = "web worker", pid: int = 4711
) -> Iterator[str]:
    """Yield the lines in which `perf script` would report `samples`.

    >>> for line in perf_script([(1_500_000, ("main", "read"))]):
    ...     print(line)
    web worker 4711/4712 [001]     0.001500:     250000 cpu-clock:
        55a1c06133a9 read+0x21 (/srv/bin/web)
        55a1c0b4a79f main+0xa8 (/srv/bin/web)
    <BLANKLINE>
    """
    for time, stack in samples:
        yield (
            f"{comm} {pid}/{pid + 1} [001] {time / 1e9:12.6f}:     250000 cpu-clock:"
        )
        for name in reversed(stack):
            address = 0x55A1C0000000 + _place(name)
            yield f"    {address:012x} {name}+0x{address % 251:x} (/srv/bin/web)"
        yield ""


def _place(name: str) -> int:
    """Return a made-up address, the same for a name in every process."""
    place = 0
    for letter in name.encode():
        place = (place * 131 + letter) % 0xFFFFFF
    return place
