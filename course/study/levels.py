"""Levels that open one after the other, for a build against the clock.

    room = Room("build", {"level 1": 12, …}, builds.scenario, builds.play)
    room.open(1, Level1)      # the clock, and what level 1 asks for
    room.run(1, Level1)       # plays its example; when it is right, level 2 opens

What was reached stands in the study log, so it outlives the kernel. While grading
nothing is shown or noted, and nothing graded depends on any of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import ipywidgets
from IPython.display import display, publish_display_data

from course import viz, widgets
from course.study.sitting import Sitting, attempts
from course.viz import page

CHOOSE = "Set scenario and seed in the answer cell of level 1 and run it: "
WAITS = (
    "When you press the button, the clock starts and level 1 appears here. "
    "(Where buttons do not work, type `room.begin(Level1)` in a cell of your own, "
    "then run this one again.)"
)


class Step(Protocol):
    """One call of an example, `str(step)` as one types it, and what it returns."""

    want: object


class Room:
    """The levels of one build; each class carries the `scenario` and `seed` chosen.

    `scenario(name, seed)` returns an object with a `title` and `levels`, each of which
    has a `title`, a `text` in Markdown and an `example` of Steps.
    """

    def __init__(
        self,
        name: str,
        plan: Mapping[str, float],
        scenario: Callable[[str, int], Any],
        play: Callable[[tuple[Step, ...], Callable[[], object]], list[str]],
    ) -> None:
        """Prepare a room; the stages of the plan begin with one for each level."""
        self.name, self.plan = name, dict(plan)
        self._scenario, self._play = scenario, play
        self._stages = list(plan)
        self._sittings: dict[str, Sitting] = {}
        self._latest: dict[int, type] = {}

    def open(self, number: int, build: type) -> None:
        """Show what a level asks for, if the level before was passed.

        Level 1 comes with the clock, or with the button that starts it.
        """
        if viz.inert() or not page.in_notebook():
            return
        try:
            told = self._scenario(build.scenario, build.seed)
        except (ValueError, AttributeError) as error:
            _say(f"{CHOOSE}{error}.")
            return
        level, sitting = told.levels[number - 1], self.sitting(build)
        steps = "\n".join(f"{step}  # {step.want!r}" for step in level.example)
        words = f"### {told.title}, level {number}: {level.title}\n\n{level.text}"
        words += f"\n\nFor example, on a new object:\n\n```python\n{steps}\n```"
        if number == 1:
            place = f"level-1-{id(build)}"
            _say(words if sitting else f"**{told.title}.** {WAITS}", name=place)

            def begin() -> Sitting:
                _say(words, name=place, again=True)
                return self.begin(build)

            widgets.clock(sitting or begin)
        elif sitting and self._stages[number - 2] in sitting.reached():
            _say(words)
        else:
            _say(
                f"**Level {number} is closed.** It opens when the example of level "
                f"{number - 1} is right: run its look cell, then this one again."
            )

    def example(self, number: int, build: type) -> tuple[Step, ...]:
        """Return the example of a level; () where none was chosen or it is closed."""
        try:
            steps = self._scenario(build.scenario, build.seed).levels[number - 1]
        except (ValueError, AttributeError):
            return ()
        return steps.example if self._is_open(number, build) else ()

    def expected(self, number: int, build: type) -> list[str]:
        """Return what each step of the example should return, as text."""
        return [repr(step.want) for step in self.example(number, build)]

    def run(self, number: int, build: type) -> list[str]:
        """Return what each step of the example returns, as text; note what passed."""
        self._latest[number] = build
        below = self._latest.get(number - 1)
        if below and any(
            one.__name__ == below.__name__ and one is not below for one in build.__mro__
        ):
            print(
                f"{build.__name__} stands on an older {below.__name__}: "
                "run its answer cell again"
            )
        said = self._play(self.example(number, build), build)
        sitting = self.sitting(build)
        if sitting and said and said == self.expected(number, build):
            sitting.stage(self._stages[number - 1])
            minute = sitting.reached().get(self._stages[number - 1])
            if minute is not None:
                print(f"{self._stages[number - 1]} passed at minute {minute:.0f}")
        return said

    def begin(self, build: type) -> Sitting:
        """Start the clock, if it does not run: what the button does."""
        name = self._name(build)
        self._sittings[name] = Sitting.begin(name, self.plan)
        return self._sittings[name]

    def sitting(self, build: type) -> Sitting | None:
        """Return the latest sitting of the chosen scenario and seed, if any."""
        name = self._name(build)
        if name not in self._sittings:
            before = attempts(name, self.plan)
            if not before:
                return None
            self._sittings[name] = before[-1]
        return self._sittings[name]

    def times(self, build: type) -> dict[str, float]:
        """Return the minutes that each stage took; empty where no clock ran."""
        sitting = self.sitting(build)
        return sitting.times() if sitting else {}

    def reached(self, build: type) -> dict[str, float]:
        """Return the minute at which each stage was reached, as `times` does."""
        sitting = self.sitting(build)
        return sitting.reached() if sitting else {}

    def stop(self, build: type) -> None:
        """Show the button that ends the sitting, if one runs."""
        sitting = self.sitting(build)
        if viz.inert() or not page.in_notebook() or not sitting or not sitting.open:
            return
        button = ipywidgets.Button(description="Stop the clock")

        def end(_: object) -> None:
            sitting.finish()
            button.description = f"Stopped at {sitting.elapsed():.0f} min"
            button.disabled = True

        button.on_click(end)
        display(button)

    def _is_open(self, number: int, build: type) -> bool:
        if viz.inert():
            return False
        sitting = self.sitting(build)
        before = self._stages[: number - 1][-1:]
        return bool(sitting) and all(one in sitting.reached() for one in before)

    def _name(self, build: type) -> str:
        chosen = getattr(build, "scenario", None), getattr(build, "seed", None)
        return f"{self.name} {chosen[0]} {chosen[1]}"


def _say(words: str, *, name: str | None = None, again: bool = False) -> None:
    """Show Markdown; under a name, `again` replaces what stood there."""
    transient = {"display_id": name} if name else None
    data = {"text/markdown": words, "text/plain": words}
    publish_display_data(data, transient=transient, update=again)
