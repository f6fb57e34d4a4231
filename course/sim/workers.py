"""Three kinds of work to time: one by one, by threads, by processes.

The functions stand in a module, because a process of a pool finds its work by name.
"""

import hashlib
import multiprocessing
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor

JOBS = 4
_DATA = bytes(8 << 20)


def wait(_: int) -> int:
    """Stand still, as when another computer has to answer."""
    time.sleep(0.08)
    return 0


def count(_: int) -> int:
    """Compute in Python: the interpreter's lock is held all the time."""
    total = 0
    for n in range(900_000):
        total += n
    return total


def digest(_: int) -> int:
    """Compute in C: hashlib gives the interpreter's lock back meanwhile."""
    for _round in range(5):
        hashlib.sha256(_DATA).digest()
    return 0


KINDS = {"wait for a reply": wait, "count in Python": count, "hash in C": digest}


def measure() -> dict[str, dict[str, float]]:
    """Return seconds for `JOBS` jobs of each kind: one by one, threads, processes.

    The pools are started and warm before the clock runs.

    >>> sorted(KINDS)
    ['count in Python', 'hash in C', 'wait for a reply']
    """
    seconds: dict[str, dict[str, float]] = {kind: {} for kind in KINDS}
    for kind, work in KINDS.items():
        start = time.perf_counter()
        for job in range(JOBS):
            work(job)
        seconds[kind]["one by one"] = time.perf_counter() - start
    with ThreadPoolExecutor(JOBS) as pool:
        _time(seconds, "threads", pool)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(JOBS, mp_context=context) as pool:
        list(pool.map(wait, range(2 * JOBS)))
        _time(seconds, "processes", pool)
    return seconds


def _time(seconds: dict[str, dict[str, float]], how: str, pool: Executor) -> None:
    for kind, work in KINDS.items():
        start = time.perf_counter()
        list(pool.map(work, range(JOBS)))
        seconds[kind][how] = time.perf_counter() - start


def speedup(threads: int, locked: float, cores: int) -> float:
    """Return how many times faster `threads` finish than one does.

    `locked` is the share of the time in which a job holds the interpreter's lock.
    The rest runs side by side on `cores`; the locked share of all jobs never does
    (G. Amdahl, 1967).

    >>> speedup(4, 1.0, 8), speedup(4, 0.0, 8), speedup(4, 0.0, 2)
    (1.0, 4.0, 2.0)
    """
    return 1 / (locked + (1 - locked) / min(threads, cores))
