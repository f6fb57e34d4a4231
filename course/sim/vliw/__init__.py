"""A simulated VLIW SIMD machine, its programs, and what helps to write them.

A program is a list of bundles; a bundle is a dict from engine to slots, all of which
are executed in one cycle:

>>> from course.sim.vliw import run
>>> done = run([{"load": [("const", 0, 7), ("const", 1, 2)]},
...             {"alu": [("+", 2, 0, 1), ("*", 3, 0, 1)]}], memory=[])
>>> done.scratch[:4], done.cycles
([7, 2, 9, 14], 2)

All reads of a cycle happen before all its writes. Words have 32 bits, without sign, and
wrap. The machine executes the instruction format of Anthropic's open-sourced
performance take-home (2026) and gives the same results and cycle counts; it refuses
more, and says at which pc, engine and slot.
"""

from course.sim.vliw.builder import Builder
from course.sim.vliw.encoded import Encoded, encode
from course.sim.vliw.interpreter import run
from course.sim.vliw.isa import LIMITS, SCRATCH, VLEN, Fault, Run
from course.sim.vliw.ops import (
    Bound,
    Effects,
    Op,
    Wait,
    critical_path,
    dependences,
    effects,
    heights,
    live_words,
    slot_bound,
)
from course.sim.vliw.scheduler import schedule, sequential

__all__ = [
    "LIMITS",
    "SCRATCH",
    "VLEN",
    "Bound",
    "Builder",
    "Effects",
    "Encoded",
    "Fault",
    "Op",
    "Run",
    "Wait",
    "critical_path",
    "dependences",
    "effects",
    "encode",
    "heights",
    "live_words",
    "run",
    "schedule",
    "sequential",
    "slot_bound",
]
