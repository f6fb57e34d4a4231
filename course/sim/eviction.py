"""What a cache of a given size would have hit, under four rules of eviction.

A workload is an array of key numbers in the order of the requests. Each rule gives
its share of hits for several capacities. The curve of "least recently used" comes
from reuse distances (Mattson and others, 1970), so no such cache is built here.
"""

import functools
import heapq
from collections import Counter, deque
from collections.abc import Callable, Sequence

import numpy as np

WORKLOADS = ("popular keys", "popular keys and a scan", "a loop")
LOOP = 100  # distinct keys of the loop


def workload(name: str, requests: int = 4000, seed: int = 0) -> np.ndarray:
    """Return the requests of one of WORKLOADS as key numbers.

    *popular keys*: the key of rank r is asked for in proportion to 1/r. *…and a scan*:
    in between, somebody reads 400 keys once, four times over. *a loop*: 100 keys in
    the same order, again and again. Raises ValueError for another name.
    """
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, 1001)
    if name == "a loop":
        return np.arange(requests) % LOOP
    popular = rng.choice(1000, size=requests, p=weights / weights.sum())
    if name == "popular keys":
        return popular
    if name == "popular keys and a scan":
        parts = np.array_split(popular, 5)
        scans = [10_000 + 400 * i + np.arange(400) for i in range(4)]
        pieces = [piece for pair in zip(parts, scans, strict=False) for piece in pair]
        return np.concatenate([*pieces, parts[-1]])
    raise ValueError(f"workload must be one of {', '.join(WORKLOADS)}, not {name!r}")


@functools.lru_cache(maxsize=8)
def curves(name: str, capacities: tuple[int, ...]) -> dict[str, list[float]]:
    """Return the share of hits of each rule on a workload, one for each capacity."""
    keys = workload(name).tolist()
    rules: dict[str, Callable[[list[int], int], int]] = {
        "best possible": _belady,
        "LFU": _least_frequent,
        "FIFO": _first_in,
    }
    distances = reuse_distances(keys)
    found = {
        "LRU": [sum(d < size for d in distances) / len(keys) for size in capacities]
    }
    for rule, hits in rules.items():
        found[rule] = [hits(keys, size) / len(keys) for size in capacities]
    return found


def reuse_distances(keys: Sequence[int]) -> list[float]:
    """Return, for each request, how many other keys came since its key's last one.

    An LRU cache of that many entries, or fewer, misses. A first request is infinitely
    far.

    >>> reuse_distances([7, 8, 8, 7])
    [inf, inf, 0, 1]
    """
    order: list[int] = []  # most recent first
    found = []
    for key in keys:
        if key in order:
            distance = order.index(key)
            del order[distance]
        else:
            distance = float("inf")
        order.insert(0, key)
        found.append(distance)
    return found


def _first_in(keys: Sequence[int], capacity: int) -> int:
    """Count the hits of a cache that drops what came in first."""
    held, order, hits = set(), deque(), 0
    for key in keys:
        if key in held:
            hits += 1
            continue
        if len(held) == capacity:
            held.remove(order.popleft())
        held.add(key)
        order.append(key)
    return hits


def _least_frequent(keys: Sequence[int], capacity: int) -> int:
    """Count the hits of a cache that drops what was asked for least often so far."""
    asked, held, hits = Counter(), set(), 0
    heap: list[tuple[int, int, int]] = []  # (times asked, when, key), some outdated
    for now, key in enumerate(keys):
        asked[key] += 1
        if key in held:
            hits += 1
        else:
            while len(held) == capacity:
                times, _, victim = heapq.heappop(heap)
                if victim in held and times == asked[victim]:
                    held.remove(victim)
            held.add(key)
        heapq.heappush(heap, (asked[key], now, key))
    return hits


def _belady(keys: Sequence[int], capacity: int) -> int:
    """Count the hits of a cache that drops what is needed furthest in the future.

    No rule can do better (L. Belady, 1966); none but this one knows the future.
    """
    upcoming: dict[int, int] = {}
    then = [0] * len(keys)
    for now in range(len(keys) - 1, -1, -1):
        then[now] = upcoming.get(keys[now], len(keys))
        upcoming[keys[now]] = now
    held: dict[int, int] = {}
    heap: list[tuple[int, int]] = []
    hits = 0
    for now, key in enumerate(keys):
        if key in held:
            hits += 1
        else:
            while len(held) == capacity:
                next_use, victim = heapq.heappop(heap)
                if held.get(victim) == -next_use:
                    del held[victim]
        held[key] = then[now]
        heapq.heappush(heap, (-then[now], key))
    return hits
