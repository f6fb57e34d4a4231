"""A producer, a consumer and the queue between them, in simulated milliseconds."""

from collections import deque
from dataclasses import dataclass

MADE, USED, REST = 2, 4, 150  # ms to make an item, to use one, between two bursts
BURST, BURSTS = 100, 6  # items of a burst, number of bursts


@dataclass(frozen=True, slots=True)
class Backlog:
    """`depth[t]` items wait at millisecond t; `age` is how long each one waited (ms).

    `held` is how many milliseconds the producer stood still because of a full queue.
    """

    depth: list[int]
    age: list[int]
    held: int


def backlog(use: int = USED, capacity: int | None = None) -> Backlog:
    """Simulate bursts of items that take `MADE` ms to make and `use` ms to use.

    With a `capacity` the producer stands still while the queue is full; without one
    it never does.

    >>> max(backlog(use=8).depth) > 300, max(backlog(use=8, capacity=10).depth)
    (True, 10)
    """
    waiting: deque[int] = deque()
    depth, age = [], []
    made = held = busy = ready = 0
    now, total = 0, BURST * BURSTS
    while len(age) < total:
        if made < total and now >= ready:
            if capacity is None or len(waiting) < capacity:
                waiting.append(now)
                made += 1
                ready = now + MADE + (REST if made % BURST == 0 else 0)
            else:
                held += 1
        if waiting and now >= busy:
            age.append(now - waiting.popleft())
            busy = now + use
        depth.append(len(waiting))
        now += 1
    return Backlog(depth, age, held)
