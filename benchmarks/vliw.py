"""Time the VLIW machine: a naive interpreter, ours, and the fast core, in one run.

    python benchmarks/vliw.py [--quick]

The naive interpreter is the peer: it looks at each slot with `match` whenever it is
executed, and refuses what ours refuses. All three run the same programs, from the same
words, and must agree on memory, scratch and cycles:

* a kernel of 1,000 cycles whose bundles use every slot of every engine;
* the scalar start of the ring ladder, unrolled, where each bundle is executed once;
* a scalar loop of about 150,000 cycles.

Times are the best of several runs; the fast core's are without encoding, which is shown
apart. A second process says what the first call costs where nothing has been
compiled before. Ends with

    result: kernel_ms=… baseline_ms=… reference_cycles=… bound_cycles=… scalar_cycles=…

`kernel_ms` and `baseline_ms` are the fast core's for the first two programs,
`reference_cycles` is what the ladder's reference kernel takes, `bound_cycles` the least
that its method's slots can take, and `scalar_cycles` what the ladder starts from.
"""

import argparse
import importlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from course.sim import ring
from course.sim.vliw import LIMITS, SCRATCH, VLEN, Fault, encode, run

HERE = Path(__file__).resolve().parent.parent
REFERENCE = HERE / "grader_tests" / "week3_performance" / "ring_reference.py"
WORDS = 2**32

# -- the peer -------------------------------------------------------------------------


class Naive:
    """An interpreter that decodes each slot each time, with the same strict errors."""

    def __init__(self, program: list, memory: list[int], scratch: list[int]) -> None:
        self.program, self.memory, self.scratch = program, memory[:], scratch[:]
        self.pc, self.cycles, self.halted = 0, 0, False
        self.at: tuple = ()

    def run(self) -> "Naive":
        """Run to the end."""
        while not self.halted and self.pc < len(self.program):
            self.step(self.program[self.pc])
        return self

    def step(self, bundle: dict) -> None:
        """Execute a bundle: read everything, then write."""
        here, self.pc = self.pc, self.pc + 1
        self.scratch_writes: dict[int, int] = {}
        self.memory_writes: dict[int, int] = {}
        for engine, slots in bundle.items():
            if engine not in LIMITS or len(slots) > LIMITS[engine]:
                raise Fault(here, engine, None, "no such engine, or too many slots")
            for number, slot in enumerate(slots):
                self.at = here, engine, number
                match engine:
                    case "alu":
                        self.alu(*slot)
                    case "valu":
                        self.valu(slot)
                    case "load":
                        self.load(slot)
                    case "store":
                        self.store(slot)
                    case "flow":
                        self.flow(slot)
        for place, word in self.scratch_writes.items():
            self.scratch[place] = word
        for place, word in self.memory_writes.items():
            self.memory[place] = word
        if any(engine != "debug" for engine in bundle):
            self.cycles += 1

    def get(self, place: int) -> int:
        """Return a scratch word."""
        if not 0 <= place < SCRATCH:
            raise Fault(*self.at, f"scratch {place} is outside 0 to {SCRATCH - 1}")
        return self.scratch[place]

    def put(self, place: int, word: int) -> None:
        """Write a scratch word at the end of the cycle."""
        if not 0 <= place < SCRATCH:
            raise Fault(*self.at, f"scratch {place} is outside 0 to {SCRATCH - 1}")
        self.scratch_writes[place] = word % WORDS

    def address(self, place: int) -> int:
        """Return an address if it is one."""
        if not 0 <= place < len(self.memory):
            raise Fault(*self.at, f"address {place} is outside memory")
        return place

    def alu(self, op: str, dest: int, a: int, b: int) -> None:
        x, y = self.get(a), self.get(b)
        match op:
            case "+":
                word = x + y
            case "-":
                word = x - y
            case "*":
                word = x * y
            case "//" | "cdiv" | "%":
                if y == 0:
                    raise Fault(*self.at, "division by zero")
                word = {"//": x // y, "cdiv": -(-x // y), "%": x % y}[op]
            case "^":
                word = x ^ y
            case "&":
                word = x & y
            case "|":
                word = x | y
            case "<<":
                word = x << y if y < 32 else 0
            case ">>":
                word = x >> y
            case "<":
                word = int(x < y)
            case "==":
                word = int(x == y)
            case _:
                raise Fault(*self.at, f"unknown operation {op!r}")
        self.put(dest, word)

    def valu(self, slot: tuple) -> None:
        match slot:
            case ("vbroadcast", dest, src):
                for lane in range(VLEN):
                    self.put(dest + lane, self.get(src))
            case ("multiply_add", dest, a, b, c):
                for lane in range(VLEN):
                    product = self.get(a + lane) * self.get(b + lane)
                    self.put(dest + lane, product + self.get(c + lane))
            case (op, dest, a, b):
                for lane in range(VLEN):
                    self.alu(op, dest + lane, a + lane, b + lane)
            case _:
                raise Fault(*self.at, f"unknown slot {slot!r}")

    def load(self, slot: tuple) -> None:
        match slot:
            case ("load", dest, addr):
                self.put(dest, self.memory[self.address(self.get(addr))])
            case ("load_offset", dest, addr, lane):
                place = self.address(self.get(addr + lane))
                self.put(dest + lane, self.memory[place])
            case ("vload", dest, addr):
                for lane in range(VLEN):
                    place = self.address(self.get(addr) + lane)
                    self.put(dest + lane, self.memory[place])
            case ("const", dest, value):
                self.put(dest, value)
            case _:
                raise Fault(*self.at, f"unknown slot {slot!r}")

    def store(self, slot: tuple) -> None:
        match slot:
            case ("store", addr, src):
                self.memory_writes[self.address(self.get(addr))] = self.get(src)
            case ("vstore", addr, src):
                for lane in range(VLEN):
                    place = self.address(self.get(addr) + lane)
                    self.memory_writes[place] = self.get(src + lane)
            case _:
                raise Fault(*self.at, f"unknown slot {slot!r}")

    def flow(self, slot: tuple) -> None:
        match slot:
            case ("select", dest, cond, a, b):
                self.put(dest, self.get(a) if self.get(cond) else self.get(b))
            case ("vselect", dest, cond, a, b):
                for lane in range(VLEN):
                    chosen = a if self.get(cond + lane) else b
                    self.put(dest + lane, self.get(chosen + lane))
            case ("add_imm", dest, a, value):
                self.put(dest, self.get(a) + value)
            case ("jump", pc):
                self.pc = pc
            case ("jump_indirect", addr):
                self.pc = self.get(addr)
            case ("cond_jump", cond, pc):
                self.pc = pc if self.get(cond) else self.pc
            case ("cond_jump_rel", cond, offset):
                self.pc += offset if self.get(cond) else 0
            case ("halt",):
                self.halted = True
            case ("pause",) | ("trace_write", _):
                pass
            case ("coreid", dest):
                self.put(dest, 0)
            case _:
                raise Fault(*self.at, f"unknown slot {slot!r}")


# -- the programs ---------------------------------------------------------------------


def full_kernel(rng: random.Random, cycles: int = 1000) -> tuple[list, list[int]]:
    """Return a program that uses every slot of every engine, and a scratch for it.

    Its arithmetic means nothing. The first words of scratch are addresses and are never
    written, so that all loads and stores stay in memory.
    """
    ops = ("+", "-", "*", "^", "&", "|", "<<", ">>", "<", "==")

    def vector() -> int:
        return rng.randrange(2, SCRATCH // VLEN) * VLEN

    def word() -> int:
        return rng.randrange(2 * VLEN, SCRATCH)

    def lanes() -> tuple:
        if rng.random() < 0.3:
            return ("multiply_add", vector(), vector(), vector(), vector())
        return (rng.choice(ops), vector(), vector(), vector())

    program = [
        {
            "alu": [(rng.choice(ops), word(), word(), word()) for _ in range(12)],
            "valu": [lanes() for _ in range(6)],
            "load": [
                ("vload", vector(), rng.randrange(VLEN)),
                ("load", word(), rng.randrange(VLEN)),
            ],
            "store": [
                ("vstore", rng.randrange(VLEN), vector()),
                ("store", rng.randrange(VLEN), word()),
            ],
            "flow": [("vselect", vector(), vector(), vector(), vector())],
        }
        for _ in range(cycles)
    ]
    addresses = [rng.randrange(ring.WORDS - VLEN) for _ in range(2 * VLEN)]
    rest = [rng.getrandbits(32) for _ in range(SCRATCH - len(addresses))]
    return program, addresses + rest


def loop(times: int = 18_750) -> list:
    """Return a scalar loop that mixes a counter into a word: 8 cycles each time."""
    return [
        {"load": [("const", 0, times)]},
        {"load": [("const", 1, 1)]},
        {"load": [("const", 2, 17)]},
        {"alu": [("+", 3, 3, 0)]},
        {"alu": [("*", 3, 3, 4)]},
        {"alu": [(">>", 5, 3, 2)]},
        {"alu": [("^", 3, 3, 5)]},
        {"load": [("load", 6, 7)]},
        {"alu": [("^", 3, 3, 6)]},
        {"alu": [("-", 0, 0, 1)]},
        {"flow": [("cond_jump", 0, 3)]},
    ]


# -- measuring ------------------------------------------------------------------------


def best(work: Callable[[], object], times: int) -> float:
    """Return the least milliseconds that the work took."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return 1000 * min(found)


def compare(name: str, program: list, memory: list[int], scratch, times: int) -> float:
    """Print one line of the table; return the milliseconds of the fast core."""
    zeros = [0] * SCRATCH
    peer = Naive(program, memory, scratch or zeros).run()
    ours = run(program, memory, scratch=scratch)
    encoded = encode(program)
    assert ours == encoded.run(memory, scratch=scratch)
    assert (peer.memory, peer.scratch) == (ours.memory, ours.scratch)
    assert peer.cycles == ours.cycles
    naive = best(lambda: Naive(program, memory, scratch or zeros).run(), times)
    slow = best(lambda: run(program, memory, scratch=scratch), times)
    encoding = best(lambda: encode(program), times)
    fast = best(lambda: encoded.run(memory, scratch=scratch), 20 * times)
    print(
        f"{name:<17} {ours.cycles:>7,} {naive:>8.1f} {slow:>8.1f} {naive / slow:>6.1f}x"
        f" {encoding:>9.1f} {fast:>9.2f} {naive / fast:>7,.0f}x"
    )
    return fast


def first_call() -> tuple[float, float]:
    """Return the seconds to encode and run a program in a new process.

    The first number is where nothing was compiled before, the second where it was.
    """
    code = (
        "import time, course.sim.vliw as vliw; start = time.perf_counter();"
        "vliw.encode([{'alu': []}]).run([]); print(time.perf_counter() - start)"
    )
    found = []
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"NUMBA_CACHE_DIR": folder}
        for _ in range(2):
            said = subprocess.run(
                [sys.executable, "-c", code],
                env=environment,
                cwd=HERE,
                check=True,
                capture_output=True,
            )
            found.append(float(said.stdout))
    return found[0], found[1]


def reference() -> tuple[int, int] | None:
    """Return the cycles of the ladder's last rung, and the bound of its method.

    Without the reference, says so and returns None. Its module has RUNGS, the plan of
    each rung in order, and makes of a plan the program (`build`) and bound (`bound`).
    """
    if not REFERENCE.exists():
        print(f"no reference kernel: {REFERENCE.relative_to(HERE)} is not there")
        return None
    sys.path.insert(0, str(REFERENCE.parent))
    ladder = importlib.import_module(REFERENCE.stem)
    name, plan = list(ladder.RUNGS.items())[-1]
    encoded = encode(ladder.build(plan))
    for seed in range(4):
        data = ring.fresh(np.random.default_rng(seed), clustered=seed % 2 == 1)
        done = encoded.run(data.memory())
        assert ring.results(done.memory) == ring.oracle(data), f"seed {seed}"
    print(f"reference kernel: {name}, {done.cycles:,} cycles on 4 fresh rings")
    return done.cycles, ladder.bound(plan).total


def main() -> None:
    """Print the table and the closing line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    times = 3 if parser.parse_args().quick else 10
    memory = ring.fresh(np.random.default_rng(1)).memory()
    print("milliseconds           cycles    naive     ours  ratio    encode      fast")
    kernel, scratch = full_kernel(random.Random(1))
    kernel_ms = compare("full bundles", kernel, memory, scratch, times)
    scalar = ring.scalar_program()
    baseline_ms = compare("unrolled scalar", scalar, memory, None, times)
    compare("scalar loop", loop(), memory, None, times)
    compiled, kept = first_call()
    print(f"first call: {compiled:.1f} s to compile, {kept:.1f} s where that was kept")
    cycles, bound = reference() or ("none", "none")
    print(
        f"result: kernel_ms={kernel_ms:.2f} baseline_ms={baseline_ms:.2f} "
        f"reference_cycles={cycles} bound_cycles={bound} scalar_cycles={len(scalar)}"
    )


if __name__ == "__main__":
    main()
