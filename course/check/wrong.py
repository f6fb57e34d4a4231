"""The one failure a check reports, and the switch that collects failures."""

from collections.abc import Iterator
from contextlib import contextmanager

NEXT = "run the call above in a new cell and follow the values"


class Wrong(AssertionError):
    """A rung of the ladder broke: the call, what it did, what to try next.

    >>> print(Wrong("double(3)", "got 5, expected 6", "return 2 * n"))
    double(3)
      got 5, expected 6
      try: return 2 * n
    """

    def __init__(self, call: str, said: str, hint: str = "") -> None:
        super().__init__(call, said, hint)
        self.call, self.said, self.hint = call, said, hint or NEXT

    def __str__(self) -> str:
        return f"{self.call}\n  {self.said}\n  try: {self.hint}"

    def _render_traceback_(self) -> list[str]:
        """Return what Jupyter prints instead of a traceback: the three lines."""
        return str(self).splitlines()


class Fatal(Wrong):
    """Nothing after it can be judged: the answer is missing or a stub."""


class Failed:
    """Stands for a value that a failed call did not deliver while collecting."""

    def __repr__(self) -> str:
        return "<no value: the call before failed>"


FAILED = Failed()
_lists: list[list[Wrong]] = []


@contextmanager
def collect() -> Iterator[list[Wrong]]:
    """Record failures in the list it yields instead of raising the first one.

    >>> with collect() as wrongs:
    ...     for n in (1, 2):
    ...         _ = fail(Wrong(f"f({n})", f"got {n}, expected {n + 1}"))
    >>> [wrong.call for wrong in wrongs]
    ['f(1)', 'f(2)']
    """
    wrongs: list[Wrong] = []
    _lists.append(wrongs)
    try:
        yield wrongs
    finally:
        _lists.pop()


def collecting() -> list[Wrong] | None:
    """Return the list of the innermost `collect()`, or None outside one."""
    return _lists[-1] if _lists else None


def fail(wrong: Wrong) -> Failed:
    """Raise `wrong`, or record it inside `collect()` and return `FAILED`."""
    wrongs = collecting()
    if wrongs is None or isinstance(wrong, Fatal):
        raise wrong
    wrongs.append(wrong)
    return FAILED
