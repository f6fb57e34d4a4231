"""Requests that wait to be served: the record of one, and small seeded simulations."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

SIZES = ("all alike", "random", "a few very long")
_COUNT = 40_000  # requests in one run
_FIXED, _EACH, _LARGEST = 20.0, 1.0, 32  # ms for a batch, ms for a request, requests


@dataclass(frozen=True, slots=True)
class Request:
    """One request that waits; the smaller its `priority`, the more urgent it is.

    `arrived` and `deadline` are seconds, `tokens` is what it costs to run. Only
    requests for the same `model` can run together; a `tenant` pays for it.
    """

    name: str
    priority: float = 0.0
    arrived: float = 0.0
    deadline: float = math.inf
    tokens: int = 1
    tenant: str = ""
    model: str = ""
    payload: object = field(default=None, compare=False)


def latencies(busy: float, sizes: str = "random", seed: int = 1) -> np.ndarray:
    """Return the time each request spends, in mean service times, first come first.

    One server is `busy` that share of the time; `sizes` is one of SIZES. Arrivals are
    random (Poisson). Raises ValueError unless 0 < busy < 1.

    >>> float(np.round(latencies(0.5, "all alike").mean(), 1))
    1.5
    """
    if not 0 < busy < 1:
        raise ValueError(f"busy must lie between 0 and 1, not {busy}")
    rng = np.random.default_rng(seed)
    gaps = rng.exponential(1 / busy, _COUNT)
    if sizes == "all alike":
        work = np.ones(_COUNT)
    elif sizes == "random":
        work = rng.exponential(1, _COUNT)
    else:  # one in twenty takes twenty times as long as the others
        work = np.where(rng.random(_COUNT) < 0.05, 20.0, 1.0)
        work /= 0.95 + 0.05 * 20
    # The wait is how far the work lies ahead of the clock since it last caught up.
    ahead = np.concatenate([[0.0], np.cumsum(work[:-1] - gaps[1:])])
    return ahead - np.minimum.accumulate(ahead) + work


def batch_latencies(
    patience: float, per_second: float, seed: int = 1
) -> tuple[np.ndarray, float]:
    """Return each request's latency in ms and the mean size of a batch.

    A server takes a batch when it is full or its oldest request has waited
    `patience` ms. A batch costs a fixed time and a little for each request.
    """
    rng = np.random.default_rng(seed)
    arrived = np.cumsum(rng.exponential(1000 / per_second, _COUNT // 4))
    taken, free_at, sizes = 0, 0.0, []
    latency = np.empty(len(arrived))
    while taken < len(arrived):
        last = min(taken + _LARGEST, len(arrived)) - 1
        start = max(free_at, min(arrived[taken] + patience, arrived[last]))
        stop = int(np.searchsorted(arrived, start, side="right"))
        stop = max(min(stop, taken + _LARGEST), taken + 1)
        free_at = start + _FIXED + _EACH * (stop - taken)
        latency[taken:stop] = free_at - arrived[taken:stop]
        sizes.append(stop - taken)
        taken = stop
    return latency, float(np.mean(sizes))


def slots(
    lengths: Sequence[int], places: int, continuous: bool
) -> list[tuple[int, int, int]]:
    """Return (place, first step, last step + 1) of each request, in their order.

    A static batch starts when the one before is done to its last request; with
    `continuous`, a place is filled again as soon as it falls free.

    >>> slots([1, 3, 1], 2, False)
    [(0, 0, 1), (1, 0, 3), (0, 3, 4)]
    >>> slots([1, 3, 1], 2, True)
    [(0, 0, 1), (1, 0, 3), (0, 1, 2)]
    """
    free = [0] * places
    found = []
    for number, length in enumerate(lengths):
        if continuous:
            place = free.index(min(free))
        else:
            place = number % places
            if place == 0:
                free = [max(free)] * places
        found.append((place, free[place], free[place] + length))
        free[place] += length
    return found


def rush(urgent_every: float = 1.1, patient_every: float = 8.0) -> list[Request]:
    """Return the arrivals of 200 s: many urgent requests, a few patient ones.

    Serving one takes a second, so the urgent ones alone nearly fill the server.
    """
    streams = (("urgent", 0, urgent_every), ("patient", 10, patient_every))
    found = [
        Request(f"{kind} {n}", priority=level, arrived=n * every)
        for kind, level, every in streams
        for n in range(int(200 / every))
    ]
    return sorted(found, key=lambda req: req.arrived)


def serve(queue: object, arrivals: Sequence[Request]) -> list[tuple[Request, float]]:
    """Run `arrivals` through a queue of one server, a second each: (request, wait).

    Stops at the last arrival, so a request may be left that was never served.
    """
    found, now, coming = [], 0.0, list(arrivals)
    while coming:
        while coming and coming[0].arrived <= now:
            queue.submit(coming.pop(0))
        req = queue.pop(now)
        if req is not None:
            found.append((req, now - req.arrived))
            now += 1.0
        elif coming:
            now = coming[0].arrived
    return found
