"""State that changes with time: a clock you set, and how a heap collects garbage."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np


class Conflict(Exception):
    """The same idempotency key came with a different request."""


class Abort(Exception):
    """A transaction cannot commit, because another one changed the same key."""


class Clock:
    """A clock that stands still until somebody sets `now`; call it to read it.

    >>> clock = Clock(5.0)
    >>> clock.now += 1.5
    >>> clock()
    6.5
    """

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


@dataclass(frozen=True, slots=True)
class Garbage:
    """What a heap of deadlines holds while keys are written again and again."""

    live: int
    entries: list[int] = field(repr=False)  # in the heap, after each write
    copied: int  # entries moved by all rebuilds together

    @property
    def most(self) -> int:
        """Return the largest number of entries that the heap ever had."""
        return max(self.entries)


def heap_garbage(live: int, writes: int, factor: float | None) -> Garbage:
    """Count the entries of a heap while `live` keys are written `writes` times.

    Each write leaves the key's old entry behind as garbage. As soon as the heap has
    more than `factor * live` entries, it is rebuilt from the live ones; with None it
    never is.

    >>> heap_garbage(10, 1000, None).most, heap_garbage(10, 1000, 2.0).most
    (1010, 20)
    """
    entries, size, copied = [], live, 0
    for _ in range(writes):
        size += 1
        if factor is not None and size > factor * live:
            size = live
            copied += live
        entries.append(size)
    return Garbage(live, entries, copied)


def lanes(
    times: Iterable[float], read: Callable[[float], Mapping[str, object]]
) -> dict[str, list[tuple[float, float, str]]]:
    """Return for each key the spans (from, until, value) in which `read(t)` saw it.

    `times` are equally spaced; what is seen at one of them counts until the next.
    None and a missing key mean that nothing was seen.

    >>> lanes(range(4), lambda t: {"a": "x" if t else None})
    {'a': [(1, 4, 'x')]}
    """
    times = list(times)
    step = times[1] - times[0]
    found: dict[str, list[tuple[float, float, str]]] = {}
    for t in times:
        for key, value in read(t).items():
            spans = found.setdefault(key, [])
            if value is None:
                continue
            if spans and spans[-1][1:] == (t, str(value)):
                spans[-1] = (spans[-1][0], t + step, str(value))
            else:
                spans.append((t, t + step, str(value)))
    return found


def bank_day(
    names: list[str], events: int, rng: np.random.Generator
) -> list[tuple[int, str, str, str, int]]:
    """Return random events (t, kind, account, other account, amount in cents).

    Half of them are transfers; an "accepted" one is to be accepted at once.
    """
    kinds = ["deposit", "pay", "transfer", "accepted"]
    day = []
    for t in np.cumsum(rng.integers(1, 9, events)).tolist():
        one, other = rng.choice(names, 2, replace=False).tolist()
        kind = str(rng.choice(kinds, p=[0.3, 0.2, 0.35, 0.15]))
        day.append((t, kind, one, other, int(rng.integers(1, 90))))
    return day
