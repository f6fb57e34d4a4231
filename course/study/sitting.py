"""A timed sitting: when it began, when each stage was reached, how much time is left.

    sitting = Sitting.begin("build", {"level 1": 12, "level 2": 18})
    sitting.stage("level 1")
    sitting.times()                     # {"level 1": 9.5}: minutes that it took

Each step is a line of the study log, so a sitting survives a restart of the kernel.
Time runs on meanwhile: it is the clock on the wall that an interview goes by.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Mapping

from course import viz
from course.study import log

_EVENT = "sitting"
_MINUTE = 60.0


class Sitting:
    """One attempt at something that is timed, with a plan: stage -> minutes.

    >>> now = iter([0, 300, 600, 900])
    >>> sitting = Sitting("demo", {"read": 5, "write": 10}, clock=lambda: next(now))
    >>> sitting.stage("read")
    >>> sitting.times(), sitting.elapsed(), sitting.left()
    ({'read': 5.0}, 10.0, 0.0)
    """

    def __init__(
        self,
        name: str,
        plan: Mapping[str, float],
        *,
        number: int = 1,
        clock: Callable[[], float] = time.time,
        started: float | None = None,
    ) -> None:
        """Start attempt `number` now, or say when it `started`; the log hears nothing.

        `clock` returns seconds. Raises ValueError for a plan without minutes.
        """
        if not plan or not all(0 < minutes < math.inf for minutes in plan.values()):
            raise ValueError("a plan gives each stage its minutes, more than 0")
        self.name, self.plan, self.number = name, dict(plan), number
        self._clock = clock
        self._started = clock() if started is None else started
        self._reached: dict[str, float] = {}
        self._finished: float | None = None

    @classmethod
    def begin(
        cls,
        name: str,
        plan: Mapping[str, float],
        *,
        again: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> Sitting:
        """Return the open sitting of this name, or begin one.

        One that is finished stays in the log, and the next is a second attempt; with
        `again` an open one is left as it is, too. While grading nothing is read or
        written.
        """
        before = attempts(name, plan, clock=clock)
        if before and not again and before[-1].open:
            return before[-1]
        number = before[-1].number + 1 if before else 1
        sitting = cls(name, plan, number=number, clock=clock)
        sitting._record("begin", sitting._started)
        return sitting

    @property
    def open(self) -> bool:
        """Whether it has not been finished."""
        return self._finished is None

    def stage(self, name: str) -> None:
        """Note that a stage of the plan was reached now; only the first time counts.

        Raises ValueError for a stage that the plan does not have.
        """
        if name not in self.plan:
            raise ValueError(f"stage {name!r} is none of {', '.join(self.plan)}")
        if self.open and name not in self._reached:
            self._reached[name] = self._clock()
            self._record("stage", self._reached[name], stage=name)

    def finish(self) -> None:
        """Stop the clock; what comes later does not count."""
        if self.open:
            self._finished = self._clock()
            self._record("finish", self._finished)

    def elapsed(self) -> float:
        """Return the minutes since the beginning, until now or until the finish."""
        end = self._clock() if self._finished is None else self._finished
        return self._minutes(end)

    def left(self) -> float:
        """Return the minutes left of the whole plan, less than 0 when it is over."""
        return sum(self.plan.values()) - self.elapsed()

    def marks(self) -> dict[str, float]:
        """Return for each stage the minute by which the plan wants it reached."""
        return dict(
            zip(self.plan, itertools.accumulate(self.plan.values()), strict=True)
        )

    def reached(self) -> dict[str, float]:
        """Return the minute at which each stage was reached, in that order."""
        stages = sorted(self._reached.items(), key=lambda pair: pair[1])
        return {name: self._minutes(moment) for name, moment in stages}

    def times(self) -> dict[str, float]:
        """Return the minutes that each stage took since the one reached before it."""
        reached = self.reached()
        before = [0.0, *reached.values()]
        return {
            name: minute - start
            for (name, minute), start in zip(reached.items(), before, strict=False)
        }

    def _minutes(self, moment: float) -> float:
        return max(0.0, moment - self._started) / _MINUTE

    def _record(self, step: str, moment: float, **facts: object) -> None:
        if not viz.inert():
            about = {"name": self.name, "number": self.number, "at": moment}
            log.record(_EVENT, step=step, **about, **facts)

    def _apply(self, event: dict) -> None:
        """Take in one line of the log about this attempt."""
        moment = float(event["at"])
        if event["step"] == "finish":
            self._finished = moment
        elif event["step"] == "stage" and event["stage"] in self.plan:
            self._reached.setdefault(event["stage"], moment)


def attempts(
    name: str, plan: Mapping[str, float], *, clock: Callable[[], float] = time.time
) -> list[Sitting]:
    """Return all attempts of this name in the study log, oldest first.

    Lines that are damaged are passed over; while grading there are none.
    """
    found: dict[int, Sitting] = {}
    for event in [] if viz.inert() else log.events():
        if event["event"] != _EVENT or event.get("name") != name:
            continue
        try:
            number, moment = int(event["number"]), float(event["at"])
            if event["step"] == "begin":
                found.setdefault(
                    number,
                    Sitting(name, plan, number=number, clock=clock, started=moment),
                )
            elif number in found:
                found[number]._apply(event)
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
    return [found[number] for number in sorted(found)]
