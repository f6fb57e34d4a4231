"""Print the proof of the graders as a table, and say in one line whether it holds.

What is proved and unchanged since is remembered in `.course/proof-cache.json`, which
git ignores: a machine trusts only what it has proved itself.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from course import paths, syllabus
from course.errors import CourseError
from course.ops.proof import Bench, Proof, prove


def audit(
    target: str | None = None,
    everything: bool = False,
    load: int = 0,
    jobs: int = 2,
) -> int:
    """Prove the graders of `target` (a week, a notebook, by default every notebook).

    Exercises proved on this machine and unchanged since are taken from memory, unless
    `everything` asks for all of them anew. `load` gradings of each reference run
    beside busy processes, always anew. Returns 0 if everything holds, else 1.
    """
    console = Console()
    if target is None:
        notebooks = [one for week in syllabus.weeks() for one in week.notebooks]
    else:
        notebooks = syllabus.resolve(target)
    memory = Memory(paths.root())
    proofs, remembered = [], 0
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=console,
        transient=True,
    ) as progress:
        for notebook in notebooks:
            try:
                bench = Bench(notebook, jobs=jobs)
            except CourseError as error:
                target = f"{notebook.week}/{notebook.name}"
                proofs.append(Proof(target, "", problems=[str(error)]))
                continue
            with bench:
                for exercise in bench.exercises:
                    known = None if everything or load else memory.get(bench, exercise)
                    if known is None:
                        known = _watched(progress, bench, exercise, load)
                        memory.put(bench, exercise, known)
                        if not console.is_terminal:
                            # A log shows no bar, so it gets a line for each exercise.
                            print(
                                f"{bench.target} {exercise}: {known.seconds:.0f} s, "
                                f"{len(known.problems)} problems",
                                flush=True,
                            )
                    else:
                        remembered += 1
                    proofs.append(known)
    console.print(_table(proofs))
    told = set()
    for proof in proofs:
        for problem in proof.problems:
            if problem not in told:
                where = f"{proof.notebook} {proof.exercise}".strip()
                said = Text(f"{where}: {problem}", "red")
                console.print(said, soft_wrap=True)
            told.add(problem)
    if remembered:
        console.print(
            f"\n{remembered} of {len(proofs)} exercises are unchanged since this "
            "machine proved them; course audit --all proves them anew",
            soft_wrap=True,
        )
    failed = {proof.notebook for proof in proofs if proof.problems}
    if not load:  # whose seconds tell nothing of the next proof
        whole = [one for one in proofs if one.notebook not in failed]
        Record(paths.root()).write(whole)
    print(summary(proofs))
    return int(not proofs or any(proof.problems for proof in proofs))


def summary(proofs: Iterable[Proof]) -> str:
    """Return the line that closes every audit.

    >>> summary([Proof("w/n", "e1", 2, 2, 1, 1, 9, 8, 1)])[:50]
    'audit: 1 exercises, 2/2 wrong answers killed, 1/1 '
    """
    proofs = [proof for proof in proofs if proof.exercise]

    def add(word: str) -> int:
        return sum(getattr(proof, word) for proof in proofs)

    return (
        f"audit: {len(proofs)} exercises, "
        f"{add('killed')}/{add('wrong')} wrong answers killed, "
        f"{add('accepted')}/{add('right')} variants accepted, "
        f"{add('dead')}/{add('mutants')} mutants killed, "
        f"{add('survivors')} survivors explained"
    )


def _watched(progress: Progress, bench: Bench, exercise: str, load: int) -> Proof:
    task = progress.add_task(f"{bench.target} {exercise}", total=None)
    try:
        return prove(
            bench,
            exercise,
            load=load,
            total=lambda steps: progress.update(task, total=steps),
            step=lambda: progress.advance(task),
        )
    finally:
        progress.remove_task(task)


def _table(proofs: list[Proof]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("notebook")
    table.add_column("exercise")
    for name in (
        "wrong\nkilled",
        "right\naccepted",
        "mutants\nkilled",
        "survivors\nexplained",
        "seconds",
    ):
        table.add_column(name, justify="right")
    for proof in proofs:
        week, _, name = proof.notebook.partition("/")
        table.add_row(
            f"{week}/{name.partition('_')[0]}",
            proof.exercise or "–",
            f"{proof.killed}/{proof.wrong}",
            f"{proof.accepted}/{proof.right}",
            f"{proof.dead}/{proof.mutants}",
            str(proof.survivors),
            f"{proof.seconds:.1f}",
            style="red" if proof.problems else None,
        )
    return table


class Memory:
    """Proofs that held, by a digest of all they depend on; `root` is the course.

    A file that cannot be read or written is no error: everything is proved anew.
    """

    def __init__(self, root: Path) -> None:
        self.file = root / ".course" / "proof-cache.json"
        try:
            self._known = dict(json.loads(self.file.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            self._known = {}

    def get(self, bench: Bench, exercise: str) -> Proof | None:
        """Return the proof of an unchanged exercise, or None."""
        try:
            entry = self._known[f"{bench.target} {exercise}"]
            if entry["key"] == bench.key(exercise):
                return Proof(**entry["proof"])
        except (CourseError, LookupError, TypeError):
            pass
        return None

    def put(self, bench: Bench, exercise: str, proof: Proof) -> None:
        """Remember a proof that holds, forget one that does not."""
        name = f"{bench.target} {exercise}"
        self._known.pop(name, None)
        if not proof.problems:
            key = bench.key(exercise)
            self._known[name] = {"key": key, "proof": asdict(proof)}
        try:
            self.file.parent.mkdir(exist_ok=True)
            new = self.file.with_suffix(".new")
            new.write_text(json.dumps(self._known, indent=1), "utf-8")
            new.replace(self.file)
        except OSError:
            return


class Record:
    """What `course audit` found to hold last, in `grader_tests/proved.json`.

    It is committed, and it only orders work: a notebook that differs from its record
    is proved by every test run, the others in turn.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.file = root / "grader_tests" / "proved.json"
        try:
            self._known = dict(json.loads(self.file.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            self._known = {}

    def digest(self, target: str) -> str:
        """Return a digest of a notebook, its named answers and its survivors."""
        proofs = self.root / "grader_tests"
        files = (
            self.root / "source" / f"{target}.ipynb",
            proofs / f"{target}.py",
            proofs / f"{target}.survivors.toml",
        )
        texts = [file.read_bytes() if file.exists() else b"" for file in files]
        return hashlib.sha256(b"\0".join(texts)).hexdigest()[:16]

    def seconds(self, target: str) -> float | None:
        """Return how long the proof of an unchanged notebook took, else None."""
        entry = self._known.get(target, {})
        same = entry.get("digest") == self.digest(target)
        return float(entry["seconds"]) if same else None

    def choose(
        self, targets: list[str], day: int, budget: float
    ) -> tuple[list[str], list[str]]:
        """Return the notebooks to prove on a day of the year, and those left out.

        Changed ones are always proved; of the rest as many as fit in `budget` seconds,
        beginning each day with another.
        """
        known = {target: self.seconds(target) for target in targets}
        rest = [target for target in targets if known[target] is not None]
        turn = day % len(rest) if rest else 0
        chosen = {target for target in targets if known[target] is None}
        for target in rest[turn:] + rest[:turn]:
            budget -= known[target]
            if budget < 0:
                break
            chosen.add(target)
        left = [target for target in targets if target not in chosen]
        return [target for target in targets if target in chosen], left

    def write(self, proofs: list[Proof]) -> None:
        """Record proofs that hold: of each notebook those of all its exercises."""
        if not proofs:
            return
        for target in {proof.notebook for proof in proofs}:
            took = sum(one.seconds for one in proofs if one.notebook == target)
            self._known[target] = {
                "digest": self.digest(target),
                "seconds": max(1, round(took)),
            }
        text = json.dumps(self._known, indent=2, sort_keys=True) + "\n"
        self.file.parent.mkdir(exist_ok=True)
        self.file.write_text(text, "utf-8")
