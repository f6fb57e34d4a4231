"""Tasks that need other tasks: a graph to run in slow motion, and its timetable.

`Graph` makes functions that take simulated seconds, fail when they should, and notice
when they are called too early or too often. It is a scene for `web.SlowMotion`, which
moves the clock. `schedule` computes when workers run which task, rolling or in waves.
"""

import heapq
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from course.sim.web import Span


class TaskError(Exception):
    """A call of a task that fails, as its graph says."""


class Graph:
    """Tasks by name, each with the names of those it needs.

    `delays` are simulated seconds for one call (1.0 if not named), `failures` how many
    of its first calls raise TaskError. A right runner calls a task that failed up to
    `retries` times again. Afterwards `calls` counts the calls of each task, and `early`
    lists those that were called before all they need was done.

    >>> graph = Graph({"a": [], "b": ["a"]})
    >>> tasks = graph.tasks()
    >>> tasks["b"](), graph.early, graph.calls
    ('b is done', ['b'], Counter({'b': 1}))
    """

    unit = "tasks"

    def __init__(
        self,
        needs: Mapping[str, Sequence[str]],
        *,
        delays: Mapping[str, float] | None = None,
        failures: Mapping[str, int] | None = None,
        retries: int = 0,
    ) -> None:
        self.needs = {name: tuple(needed) for name, needed in needs.items()}
        self.delays = dict(delays or {})
        self.failures = dict(failures or {})
        self.retries = retries
        self.calls: Counter[str] = Counter()
        self.early: list[str] = []
        self._done: set[str] = set()
        self._lock = threading.Lock()

    @classmethod
    def seeded(
        cls,
        rng: np.random.Generator,
        tasks: int = 20,
        *,
        slow: float = 0.0,
        failing: float = 0.0,
        retries: int = 0,
    ) -> "Graph":
        """Return a random graph, its names in no order that would help.

        A share of `slow` takes ten times as long; `failing` raises once at least, and
        some of these once too often for `retries`.

        >>> graph = Graph.seeded(np.random.default_rng(2), 4)
        >>> sorted(graph.needs)
        ['t0', 't1', 't2', 't3']
        """
        names = [f"t{number}" for number in rng.permutation(tasks)]
        needs: dict[str, list[str]] = {}
        for number, name in enumerate(names):
            few = min(number, int(rng.integers(0, 4)))
            before = names[max(0, number - 8) : number]
            needs[name] = rng.choice(before, min(few, len(before)), False).tolist()
        order = rng.permutation(names).tolist()
        delays = {name: round(float(rng.uniform(0.5, 1.5)), 3) for name in names}
        delays |= {n: 10 * delays[n] for n in names if rng.random() < slow}
        failures = {
            name: int(rng.integers(1, retries + 2))
            for name in names
            if rng.random() < failing
        }
        ordered = {name: needs[name] for name in order}
        return cls(ordered, delays=delays, failures=failures, retries=retries)

    def tasks(
        self, wait: Callable[[str], object] | None = None
    ) -> dict[str, Callable[[], str]]:
        """Return a function for each task; a call first waits, if `wait` is given."""
        return {name: self._task(name, wait) for name in self.needs}

    def _task(
        self, name: str, wait: Callable[[str], object] | None
    ) -> Callable[[], str]:
        def call() -> str:
            with self._lock:
                self.calls[name] += 1
                nth = self.calls[name]
                if not self._done.issuperset(self.needs[name]):
                    self.early.append(name)
            if wait is not None:
                wait(name)
            if nth <= self.failures.get(name, 0):
                raise TaskError(f"{name}, call {nth}")
            with self._lock:
                self._done.add(name)
            return f"{name} is done"

        return call

    def delay(self, name: str) -> float:
        """Return how many simulated seconds a call takes."""
        return self.delays.get(name, 1.0)

    def seconds(self) -> dict[str, float]:
        """Return how many simulated seconds a call of each task takes."""
        return {name: self.delay(name) for name in self.needs}

    def due(self, answered: Sequence[str]) -> int:
        """Return how many tasks are ready or run, after these calls have ended."""
        calls = Counter(answered)
        ended = {name: n > self.failures.get(name, 0) for name, n in calls.items()}
        done = {name for name, well in ended.items() if well}
        over = done | {name for name, n in calls.items() if n > self.retries}
        return sum(
            done.issuperset(needed)
            for name, needed in self.needs.items()
            if name not in over
        )

    def bars(self, spans: Sequence[Span]) -> list[tuple[str, int, float, float]]:
        """Return (name, lane, start, stop) of each call; "×" marks one that fails."""
        calls: Counter[str] = Counter()
        found = []
        for span in spans:
            calls[span.url] += 1
            failed = calls[span.url] <= self.failures.get(span.url, 0)
            name = f"{span.url} ×" if failed else span.url
            found.append((name, span.lane, span.start, span.stop))
        return found


def schedule(graph: Graph, workers: int, waves: bool = False) -> list[Span]:
    """Return when each call of a task runs, and in which worker's lane.

    Rolling: a free worker takes the task that has been ready longest, and calls it
    again at once when it fails. In waves: all that is ready ends before more starts.

    >>> graph = Graph({"a": [], "b": [], "c": ["a"]}, delays={"b": 5, "c": 3})
    >>> max(span.stop for span in schedule(graph, 2))
    5.0
    >>> max(span.stop for span in schedule(graph, 2, waves=True))
    8.0
    """
    spans: list[Span] = []
    done: set[str] = set()
    waiting = [name for name, needed in graph.needs.items() if not needed]
    known, now = set(waiting), 0.0
    running: list[tuple[float, int, str]] = []
    free = list(range(workers))
    while waiting or running:
        while waiting and free:
            name, lane, start = waiting.pop(0), heapq.heappop(free), now
            fails = graph.failures.get(name, 0)
            for _ in range(min(fails, graph.retries) + 1):
                spans.append(Span(name, lane, start, start + graph.delay(name)))
                start = spans[-1].stop
            heapq.heappush(running, (start, lane, name))
        now, lane, name = heapq.heappop(running)
        heapq.heappush(free, lane)
        if graph.failures.get(name, 0) <= graph.retries:
            done.add(name)
        if waves and (waiting or running):
            continue
        fresh = [n for n in graph.needs if n not in known and done >= {*graph.needs[n]}]
        waiting += fresh
        known.update(fresh)
    return spans
