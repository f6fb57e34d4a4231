"""Run random programs on our machine and on the take-home's own; report differences.

    python benchmarks/upstream_vliw.py [CLONE] [--programs N] [--seed N]

CLONE is a folder with a clone of github.com/anthropics/original_performance_takehome,
given here or as UPSTREAM_TAKEHOME. Nothing of it is copied: its `problem.py` is loaded
from where it is. Without a clone the comparison is skipped, and the reason is printed.

Memory, scratch, cycles and what trace_write wrote must agree, at each pause and at the
end. Where one machine stops with an error the other must too, except where ours is
stricter than upstream's and says so (see STRICTER). Ends with

    result: programs=… agreed=… both_refused=… stricter=… differ=…
"""

import argparse
import importlib.util
import os
import random
import sys
from pathlib import Path
from types import ModuleType

from course.sim.vliw import LIMITS, SCRATCH, VLEN, Fault, run

HERE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE / "tests"))
from vliw_programs import Case, random_case  # noqa: E402 - it stands beside the tests

CYCLES = 40  # that a program may take

# What upstream lets pass and ours refuses, by words of our fault: a negative scratch
# address or pc counts from the end there, and the form of a slot is not looked at. It
# also passes over debug slots that are not compared, and does not count them.
STRICTER = (
    "outside 0 to", "leads to a negative pc", "not a whole number", "is no tuple",
    "is no list of slots", "needs a list of", "cannot be the key",
)  # fmt: skip


class Upstream:
    """Everything that this script assumes about upstream's `problem.py`.

    `Machine(memory, program, debug_info, n_cores=, value_trace=)` with attributes
    `mem`, `cycle`, `cores`, `enable_pause` and `enable_debug`; each core with
    `scratch`, `pc`, `trace_buf` and `state`, whose name is RUNNING, PAUSED or STOPPED;
    `run()` goes on after a pause, `step(bundle, core)` executes one bundle, and
    `alu(core, op, dest, a, b)` leaves its result in `scratch_write`.
    """

    def __init__(self, clone: Path) -> None:
        self.module = load(clone / "problem.py")
        missing = [
            name
            for name in ("Machine", "DebugInfo", "VLEN", "N_CORES", "SCRATCH_SIZE")
            if not hasattr(self.module, name)
        ]
        if missing:
            sys.exit(f"{clone}/problem.py has no {', '.join(missing)}")
        sizes = self.module.VLEN, self.module.N_CORES, self.module.SCRATCH_SIZE
        if sizes != (VLEN, 1, SCRATCH):
            sys.exit(f"upstream has other sizes than ours: {sizes}")
        limits = getattr(self.module, "SLOT_LIMITS", LIMITS)
        if dict(limits) != LIMITS:
            sys.exit(f"upstream has other limits than ours: {limits}")

    def run(self, case: Case, pauses: bool, checked: bool) -> list[tuple] | str:
        """Return the state at each pause and at the end, or the error it ended with."""
        machine = self.module.Machine(
            case.memory[:],
            case.program,
            self.module.DebugInfo({}),
            n_cores=1,
            value_trace=case.expected,
        )
        machine.enable_pause, machine.enable_debug = pauses, checked
        core = machine.cores[0]
        core.scratch[:] = case.scratch
        self._stop_after(machine, case.limit)
        self._shift_little(machine)
        found = []
        try:
            while core.state.name != "STOPPED":
                machine.run()
                found.append(
                    (
                        machine.mem[:],
                        core.scratch[:],
                        machine.cycle,
                        core.trace_buf[:],
                    )
                )
        except Exception as error:  # whatever it raises is what we want to know
            return f"{type(error).__name__}: {error}"
        return found

    @staticmethod
    def _stop_after(machine: object, limit: int) -> None:
        """Make a machine raise once it would go on after `limit` cycles."""
        step = machine.step

        def counted(bundle: dict, core: object) -> None:
            if machine.cycle >= limit and any(name != "debug" for name in bundle):
                raise TimeoutError("too many cycles")
            step(bundle, core)

        machine.step = counted

    @staticmethod
    def _shift_little(machine: object) -> None:
        """Spare Python the gigabytes of a shift whose low 32 bits are known: zeros."""
        alu = machine.alu

        def shifted(core: object, op: str, dest: int, a: int, b: int) -> None:
            if op == "<<" and core.scratch[a] and core.scratch[b] > 4096:
                machine.scratch_write[dest] = 0
            else:
                alu(core, op, dest, a, b)

        machine.alu = shifted


def load(file: Path) -> ModuleType:
    """Import a module from a file."""
    spec = importlib.util.spec_from_file_location("upstream_problem", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ours(case: Case, pauses: bool, checked: bool) -> list[tuple] | Fault:
    """Return what `Upstream.run` returns, from our machine."""
    found = []
    memory, scratch, pc, cycles, traced = case.memory, case.scratch, 0, 0, []
    try:
        while True:
            done = run(
                case.program,
                memory,
                scratch=scratch,
                pc=pc,
                limit=case.limit - cycles,
                pauses=pauses,
                expected=case.expected if checked else None,
            )
            memory, scratch, pc = done.memory, done.scratch, done.pc
            cycles, traced = cycles + done.cycles, traced + done.traced
            found.append((memory, scratch, cycles, traced))
            if done.ended != "pause":
                return found
    except Fault as fault:
        return fault


def ours_is_stricter(fault: Fault) -> bool:
    """Return whether a fault is one that upstream may pass over."""
    return fault.engine == "debug" or any(words in str(fault) for words in STRICTER)


def main() -> None:
    """Print each difference and the closing line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clone", nargs="?", default=os.environ.get("UPSTREAM_TAKEHOME"))
    parser.add_argument("--programs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    if not told.clone or not Path(told.clone, "problem.py").exists():
        where = f"no problem.py in {told.clone}" if told.clone else "no clone was named"
        print(f"skipped: {where}; give the folder of a clone of the take-home")
        return
    upstream, rng = Upstream(Path(told.clone)), random.Random(told.seed)
    agreed = refused = stricter = differ = 0
    for number in range(told.programs):
        case = random_case(rng, limit=CYCLES)
        pauses, checked = rng.random() < 0.5, rng.random() < 0.7
        mine, theirs = ours(case, pauses, checked), upstream.run(case, pauses, checked)
        if isinstance(mine, Fault) and isinstance(theirs, str):
            refused += 1
        elif mine == theirs:
            agreed += 1
        elif isinstance(mine, Fault) and ours_is_stricter(mine):
            stricter += 1
        else:
            differ += 1
            said = ["ran" if isinstance(one, list) else one for one in (mine, theirs)]
            print(f"program {number}: ours: {said[0]}; upstream: {said[1]}")
            print(f"    {case.program}")
    print(
        f"result: programs={told.programs} agreed={agreed} both_refused={refused} "
        f"stricter={stricter} differ={differ}"
    )
    sys.exit(1 if differ else 0)


if __name__ == "__main__":
    main()
