"""The fast core: the loop of the machine, compiled by Numba when it is first imported.

It is the interpreter's twin over arrays, and is only called by `encoded.py`. Words are
held as int64, so that a difference may be negative and a product may overflow before
its low 32 bits are taken: they are right all the same.
"""

import os
from pathlib import Path

import numba
import numpy as np

from course.sim.vliw.isa import ARITHMETIC, MASK, OPERANDS, VLEN

# An operation's number: those of `alu` first, the same again for `valu`, then the rest.
ALU = {op: number for number, op in enumerate(ARITHMETIC)}
VALU = {op: number + len(ALU) for op, number in ALU.items()}
_NAMES = [op for engine in OPERANDS for op in OPERANDS[engine] if op not in ARITHMETIC]
OTHERS = {op: number + 2 * len(ALU) for number, op in enumerate(_NAMES)}

_VALU, _OTHERS = len(ALU), 2 * len(ALU)
_ADD, _SUB, _MUL, _XOR, _AND, _OR = (ALU[op] for op in "+-*^&|")
_DIV, _CDIV, _MOD = (ALU[op] for op in ("//", "cdiv", "%"))
_LEFT, _RIGHT, _LESS, _EQUAL = (ALU[op] for op in ("<<", ">>", "<", "=="))
_VBROADCAST, _MULTIPLY_ADD = OTHERS["vbroadcast"], OTHERS["multiply_add"]
_LOAD, _LOAD_OFFSET = OTHERS["load"], OTHERS["load_offset"]
_VLOAD, _CONST = OTHERS["vload"], OTHERS["const"]
_STORE, _VSTORE = OTHERS["store"], OTHERS["vstore"]
_SELECT, _VSELECT, _ADD_IMM = OTHERS["select"], OTHERS["vselect"], OTHERS["add_imm"]
_JUMP, _JUMP_INDIRECT = OTHERS["jump"], OTHERS["jump_indirect"]
_COND_JUMP, _COND_JUMP_REL = OTHERS["cond_jump"], OTHERS["cond_jump_rel"]
_HALT, _PAUSE, _COREID = OTHERS["halt"], OTHERS["pause"], OTHERS["coreid"]
_TRACE_WRITE = OTHERS["trace_write"]
_COMPARE, _VCOMPARE = OTHERS["compare"], OTHERS["vcompare"]
MISTAKE = 2 * len(ALU) + len(OTHERS)  # a slot that cannot be executed

# How a run ended.
END, HALT, PAUSE, FAULT, BEFORE_START, TOO_LONG = range(6)


def _compiled(function):
    """Return a function as machine code, which takes about two seconds.

    The code is kept beside this file for the next process, if that folder can be
    written, and nowhere else: a grader must not load what a submission may have left
    in a folder for everybody.
    """
    keep = os.access(Path(__file__).parent, os.W_OK)
    return numba.njit(cache=keep)(function)


@_compiled
def _arithmetic(op, a, b):
    """Return a word; the caller has made sure that nothing is divided by zero."""
    if op == _ADD:
        return (a + b) & MASK
    if op == _SUB:
        return (a - b) & MASK
    if op == _MUL:
        return (a * b) & MASK
    if op == _XOR:
        return a ^ b
    if op == _AND:
        return a & b
    if op == _OR:
        return a | b
    if op == _LEFT:
        return (a << b) & MASK if b < 32 else 0
    if op == _RIGHT:
        return a >> b if b < 32 else 0
    if op == _LESS:
        return 1 if a < b else 0
    if op == _EQUAL:
        return 1 if a == b else 0
    if op == _DIV:
        return a // b
    if op == _CDIV:
        return (a + b - 1) // b
    return a % b


@_compiled
def execute(
    bundles, starts, costs, rows, scratch, memory, expected, pc, limit,
    pauses, checked, visits, path, traced,
):  # fmt: skip
    """Run from `pc`, changing scratch and memory; return how it ended and where.

    The arrays of the program are those of `Encoded`; `expected` are the values of its
    keys. `visits` counts the cycles of each bundle. `path` and `traced` take as many of
    the first cycles and traced words as they have room for. Returns (ending, pc, row,
    cycles, words traced).
    """
    into = np.empty(128, np.int64)  # the scratch words that a cycle writes, and what
    value = np.empty(128, np.int64)
    mem_into = np.empty(2 * VLEN, np.int64)
    mem_value = np.empty(2 * VLEN, np.int64)
    size = len(memory)
    cycles = 0
    words_traced = 0
    end = len(bundles)
    while pc < end:
        bundle = bundles[pc]
        if costs[bundle]:
            if cycles == limit:
                return TOO_LONG, pc, 0, cycles, words_traced
            visits[bundle] += 1
            if cycles < len(path):
                path[cycles] = pc
            cycles += 1
        written = 0
        mem_written = 0
        following = pc + 1
        ending = END
        for at in range(starts[bundle], starts[bundle + 1]):
            op = rows[at, 0]
            dest = rows[at, 1]
            a = rows[at, 2]
            b = rows[at, 3]
            if op < _VALU:
                right = scratch[b]
                if right == 0 and op in (_DIV, _CDIV, _MOD):
                    return FAULT, pc, at, cycles, words_traced
                into[written] = dest
                value[written] = _arithmetic(op, scratch[a], right)
                written += 1
            elif op < _OTHERS:
                op -= _VALU
                if op in (_DIV, _CDIV, _MOD):
                    for lane in range(VLEN):
                        if scratch[b + lane] == 0:
                            return FAULT, pc, at, cycles, words_traced
                for lane in range(VLEN):
                    into[written + lane] = dest + lane
                    value[written + lane] = _arithmetic(
                        op, scratch[a + lane], scratch[b + lane]
                    )
                written += VLEN
            elif op == _MULTIPLY_ADD:
                c = rows[at, 4]
                for lane in range(VLEN):
                    product = scratch[a + lane] * scratch[b + lane]
                    into[written] = dest + lane
                    value[written] = (product + scratch[c + lane]) & MASK
                    written += 1
            elif op == _VBROADCAST:
                for lane in range(VLEN):
                    into[written] = dest + lane
                    value[written] = scratch[a]
                    written += 1
            elif op in (_LOAD, _LOAD_OFFSET):
                where = scratch[a + b]
                if where >= size:
                    return FAULT, pc, at, cycles, words_traced
                into[written] = dest + b
                value[written] = memory[where]
                written += 1
            elif op == _VLOAD:
                where = scratch[a]
                if where > size - VLEN:
                    return FAULT, pc, at, cycles, words_traced
                for lane in range(VLEN):
                    into[written] = dest + lane
                    value[written] = memory[where + lane]
                    written += 1
            elif op == _CONST:
                into[written] = dest
                value[written] = a
                written += 1
            elif op in (_STORE, _VSTORE):
                lanes = 1 if op == _STORE else VLEN
                where = scratch[dest]
                if where > size - lanes:
                    return FAULT, pc, at, cycles, words_traced
                for lane in range(lanes):
                    mem_into[mem_written] = where + lane
                    mem_value[mem_written] = scratch[a + lane]
                    mem_written += 1
            elif op in (_SELECT, _VSELECT):
                c = rows[at, 4]
                for lane in range(1 if op == _SELECT else VLEN):
                    chosen = b if scratch[a + lane] else c
                    into[written] = dest + lane
                    value[written] = scratch[chosen + lane]
                    written += 1
            elif op == _ADD_IMM:
                into[written] = dest
                value[written] = (scratch[a] + b) & MASK
                written += 1
            elif op == _JUMP:
                following = dest
            elif op == _JUMP_INDIRECT:
                following = scratch[dest]
            elif op == _COND_JUMP:
                if scratch[dest]:
                    following = a
            elif op == _COND_JUMP_REL:
                if scratch[dest]:
                    following += a
            elif op == _HALT:
                ending = HALT
            elif op == _PAUSE:
                if pauses:
                    ending = PAUSE
            elif op == _TRACE_WRITE:
                if words_traced < len(traced):
                    traced[words_traced] = scratch[dest]
                words_traced += 1
            elif op == _COREID:
                into[written] = dest
                value[written] = 0
                written += 1
            elif op == MISTAKE:
                return FAULT, pc, at, cycles, words_traced
            elif checked:  # _COMPARE, _VCOMPARE: `a` is the first key's number
                for lane in range(1 if op == _COMPARE else VLEN):
                    if scratch[dest + lane] != expected[a + lane]:
                        return FAULT, pc, at, cycles, words_traced
        for at in range(written):
            scratch[into[at]] = value[at]
        for at in range(mem_written):
            memory[mem_into[at]] = mem_value[at]
        if following < 0:
            return BEFORE_START, pc, 0, cycles, words_traced
        pc = following
        if ending != END:
            return ending, pc, 0, cycles, words_traced
    return END, pc, 0, cycles, words_traced
