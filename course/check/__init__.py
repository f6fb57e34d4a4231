"""Checks that teach: each failure names the call, what it did, what to try next.

    @check.visible("w1-dedup-e1-check", points=3)
    def e1_check():
        check.case(double, 3, want=6, hint="twice the number")

A test climbs the ladder (defined? a stub? raised? returned something? type and
shape? input untouched? the example? edges? random against a reference? cost?) and
stops at the first broken rung. NumPy and the standard library are all it needs.
"""

from course.check.cell import hidden, met, other, rng, seed, visible
from course.check.rungs import (
    against,
    at_most,
    call,
    case,
    copied,
    cpu_seconds,
    equal,
    raises,
    true,
    within,
)
from course.check.wrong import Wrong, collect

__all__ = [
    "Wrong",
    "against",
    "at_most",
    "call",
    "case",
    "collect",
    "copied",
    "cpu_seconds",
    "equal",
    "hidden",
    "met",
    "other",
    "raises",
    "rng",
    "seed",
    "true",
    "visible",
    "within",
]
