"""Prove that the graders of a notebook tell right answers from wrong ones.

Adding a wrong answer
=====================
A wrong answer is one small function in `grader_tests/<week>/<notebook>.py`. It is named
after the definition in the answer cell that it replaces, then `__`, then what is wrong:

    from course.ops.proof import edited, right, wrong

    @wrong("e1.links", because="symbolic link")
    def walk_files__follows_links(root, *, on_error=None):
        ...

It must fail in the group `links` of exercise `e1` (`e1.check` is the visible check).
The message of that failure must match `because`, a regular expression (letter case does
not matter): an answer that fails for a misspelt name proves nothing. Say in `because`
what a learner should be told. Stack several `@wrong` on one function when it must fail
in several groups.

An unusual answer that is right must pass the check and every group:

    @right("e1")
    def walk_files__pathlib(root, *, on_error=None):
        ...

Only the definition of that name is replaced; the rest of the reference's answer cell
stays, and inside the function its own long name means the short one. A class works the
same. Imports, constants and helper functions at the top of the file come along where
they are used. Where the reference is long and the mistake is short, edit its text:

    edited("e3.bytes", "head only", old="ends(head, tail)", new="ends(head, head)",
           because="tail")

`old` must occur exactly once in the answer cell. Without `because`, and with `e3` in
place of `e3.bytes`, the edited answer is a right one.

Mutants of the reference are made by themselves (`course.ops.mutants`). One that no test
can kill, because it makes no difference, is listed with its reason in
`grader_tests/<week>/<notebook>.survivors.toml`:

    [[survivor]]
    mutant = "e1 Lt->LtE: `while low < high:`"
    reason = "low == high leaves nothing to look at"

Then type `course audit <week>/<NN>`.
"""

import ast
import contextlib
import hashlib
import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from course import paths, syllabus
from course.errors import CourseError
from course.grading import canary
from course.grading.cells import read_cells
from course.grading.trial import ANSWER_STOPS, Outcome, Trial
from course.ops.mutants import Mutant, Survivor, mutants, survivors

SEEDS = ("0", "1", "2")  # a verdict must not hang on the numbers that are drawn
CELL_BUDGET = 10.0  # processor seconds that the reference may use in one test cell
_MISHAP = re.compile(r"NameError|SyntaxError|is not defined|not written yet")


def wrong(where: str, *, because: str) -> Callable:
    """Mark a definition as a wrong answer that must fail in `where`, `because` of it.

    `where` is a group (`e1.links`) or the visible check (`e1.check`).
    """
    return lambda answer: answer


def right(where: str) -> Callable:
    """Mark a definition as an unusual right answer to the exercise `where`."""
    return lambda answer: answer


def edited(where: str, label: str, *, old: str, new: str, because: str = "") -> None:
    """Name an answer that is the reference with the text `old` replaced by `new`.

    With `because` it is a wrong answer, as in `wrong`; without, a right one.
    """


@dataclass(frozen=True, slots=True)
class Case:
    """One named answer; a right one has no `group` and no `because`."""

    name: str
    exercise: str
    group: str
    because: str
    answer: str
    place: str

    @property
    def wrong(self) -> bool:
        """Whether this answer must fail."""
        return bool(self.group)


# --- the proof file ------------------------------------------------------------------


class _Mistake(Exception):
    """What is wrong with one line of a proof file."""


def cases(file: Path, trial: Trial) -> list[Case]:
    """Return the named answers of a proof file, in its order.

    Raises CourseError that lists every mistake with its line: an unknown exercise,
    group or function, a reason that is empty, a text to edit that is not there once.
    """
    try:
        text = file.read_text("utf-8")
        tree = ast.parse(text)
    except FileNotFoundError:
        raise CourseError(
            f"{file} is missing: its notebook has no wrong answers",
            cure="python -m pydoc course.ops.proof   says how to write one",
        ) from None
    except SyntaxError as error:
        raise CourseError(
            f"{file}:{error.lineno}: {error.msg}", cure="mend that line"
        ) from None
    lines = text.splitlines()
    helpers = [node for node in tree.body if not _marks(node)]
    found: list[Case] = []
    mistakes = []
    for node in tree.body:
        for mark in _marks(node):
            try:
                case = _case(file, lines, helpers, node, mark, trial)
                if (case.name, case.group) in [(c.name, c.group) for c in found]:
                    raise _Mistake(f"{case.name} is there twice")
                found.append(case)
            except _Mistake as mistake:
                mistakes.append(f"{file}:{mark.lineno}: {mistake}")
    if mistakes:
        raise CourseError("\n".join(mistakes), cure="mend these lines")
    return found


def _marks(node: ast.stmt) -> list[ast.expr]:
    """Return the wrong(...), right(...) and edited(...) that belong to a statement."""
    if isinstance(node, ast.Expr):
        return [node.value] if _called(node.value) == "edited" else []
    decorators = getattr(node, "decorator_list", [])
    return [one for one in decorators if _called(one) in ("wrong", "right")]


def _called(node: ast.expr) -> str:
    func = node.func if isinstance(node, ast.Call) else node
    return getattr(func, "id", getattr(func, "attr", ""))


def _case(
    file: Path,
    lines: list[str],
    helpers: list[ast.stmt],
    node: ast.stmt,
    mark: ast.expr,
    trial: Trial,
) -> Case:
    if not isinstance(mark, ast.Call):
        raise _Mistake(f'write @{_called(mark)}("e1…") with what it is about')
    kind = _called(mark)
    names = {"wrong": ["where"], "right": ["where"], "edited": ["where", "label"]}[kind]
    try:
        words = dict(zip(names, map(ast.literal_eval, mark.args), strict=True))
        words |= {k.arg: ast.literal_eval(k.value) for k in mark.keywords}
        allowed = {
            "wrong": ["because"],
            "right": [],
            "edited": ["because", "new", "old"],
        }
        if set(words) - set(names) - set(allowed[kind]):
            raise ValueError
        if not all(isinstance(word, str) for word in words.values()):
            raise ValueError
    except ValueError:
        raise _Mistake(f"{kind}(…) takes plain strings, as pydoc shows") from None
    where, because = words["where"], words.get("because", "")
    exercise, _, group = where.partition(".")
    if exercise not in trial.exercises:
        raise _Mistake(
            f"no exercise {exercise!r}; there are {', '.join(trial.exercises)}"
        )
    fails = kind == "wrong" or (kind == "edited" and bool(group or because))
    if fails:
        have = trial.groups(exercise)
        if where not in have:
            raise _Mistake(f"no group {where!r}; there are {', '.join(have)}")
        _valid_reason(because)
    elif group:
        raise _Mistake(f"a right answer passes every group: write {exercise!r}")
    reference = trial.reference(exercise)
    if kind == "edited":
        name, answer = words["label"], _edit(reference, words, exercise)
    else:
        name = node.name
        answer = _substitute(reference, lines, helpers, node, exercise)
    place = f"{file}:{mark.lineno}"
    return Case(name, exercise, where if fails else "", because, answer, place)


def _valid_reason(because: str) -> None:
    if not because.strip():
        raise _Mistake("because is empty: say what the failure must tell")
    try:
        pattern = re.compile(because, re.IGNORECASE)
    except re.error as error:
        raise _Mistake(f"because is not a regular expression: {error}") from None
    if pattern.search(""):
        raise _Mistake(f"because={because!r} matches every message")


def _edit(reference: str, words: dict[str, str], exercise: str) -> str:
    if not {"old", "new"} <= set(words):
        raise _Mistake("edited(…) needs old= and new=")
    times = reference.count(words["old"]) if words["old"] else 0
    if times != 1:
        raise _Mistake(
            f"old={words['old']!r} occurs {times} times in the answer of {exercise}, "
            "not once"
        )
    answer = reference.replace(words["old"], words["new"])
    try:
        ast.parse(answer)
    except SyntaxError as error:
        raise _Mistake(f"the edited answer is not Python: {error.msg}") from None
    return answer


def _substitute(
    reference: str,
    lines: list[str],
    helpers: list[ast.stmt],
    node: ast.stmt,
    exercise: str,
) -> str:
    """Return the reference with one definition replaced, and what it needs before."""
    tree = ast.parse(reference)
    defined = {one.name: one for one in tree.body if hasattr(one, "name")}
    ends = [match.start() for match in re.finditer("__", node.name)]
    name = next((node.name[:at] for at in ends if node.name[:at] in defined), None)
    if name is None:
        have = ", ".join(f"{one}__…" for one in defined) or "nothing"
        raise _Mistake(
            f"{node.name} replaces nothing that {exercise} defines; name it {have}"
        )
    kept = [one for one in node.decorator_list if one not in _marks(node)]
    text = [f"@{ast.unparse(one)}" for one in kept]
    text += lines[node.lineno - 1 : node.end_lineno]
    new = re.sub(rf"\b{node.name}\b", name, "\n".join(text))
    old = defined[name]
    first = min([old.lineno, *(one.lineno for one in old.decorator_list)])
    cell = reference.splitlines()
    cell[first - 1 : old.end_lineno] = new.splitlines()
    futures = [
        one.end_lineno
        for one in tree.body
        if isinstance(one, ast.ImportFrom) and one.module == "__future__"
    ]
    at = max(futures, default=0)
    cell[at:at] = _needed(lines, helpers, node)
    return "\n".join(cell) + "\n"


def _needed(lines: list[str], helpers: list[ast.stmt], node: ast.stmt) -> list[str]:
    """Return the lines of the helpers that `node` uses, directly or not."""
    wanted, chosen = _names(node), []
    for helper in reversed(helpers):
        module = getattr(helper, "module", None)
        if module in ("course.ops.proof", "__future__"):
            continue
        if _binds(helper) & wanted:
            wanted |= _names(helper)
            chosen.append(helper)
    found = []
    for helper in reversed(chosen):
        above = getattr(helper, "decorator_list", [])
        first = min([helper.lineno, *(one.lineno for one in above)])
        found += lines[first - 1 : helper.end_lineno]
    return found


def _names(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _binds(node: ast.stmt) -> set[str]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {(one.asname or one.name).partition(".")[0] for one in node.names}
    if hasattr(node, "name"):
        return {node.name}
    return {
        one.id
        for one in ast.walk(node)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    }


# --- the bench -----------------------------------------------------------------------


@dataclass(slots=True)
class Proof:
    """What was found about one exercise; it holds when `problems` is empty."""

    notebook: str
    exercise: str
    wrong: int = 0
    killed: int = 0
    right: int = 0
    accepted: int = 0
    mutants: int = 0
    dead: int = 0
    survivors: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


class Bench:
    """Everything needed to prove one notebook; `jobs` gradings run at once.

    Each method returns the problems it found, so an empty list is the good news. Use
    it as a context manager. Raises CourseError when the notebook is not built.
    """

    def __init__(self, notebook: syllabus.Notebook, *, jobs: int = 2) -> None:
        root = paths.root()
        self.target = f"{notebook.week}/{notebook.name}"
        self.source = root / "source" / f"{self.target}.ipynb"
        self.release = root / "release" / f"{self.target}.ipynb"
        self.file = root / "grader_tests" / f"{self.target}.py"
        self.listed = self.file.with_suffix(".survivors.toml")
        self.trial = Trial(self.source, copies=jobs)
        self.exercises = self.trial.exercises
        self._jobs = jobs
        self._stubs = Trial(self.release)
        self._pool = ThreadPoolExecutor(jobs)
        self._cases: list[Case] | None = None
        self._pace: dict[str, list[Outcome]] = {}

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *error) -> None:
        self._pool.shutdown(cancel_futures=True)
        self.trial.close()

    def cases(self, exercise: str) -> list[Case]:
        """Return the named answers to an exercise; CourseError as in `cases`."""
        if self._cases is None:
            self._cases = cases(self.file, self.trial)
        return [case for case in self._cases if case.exercise == exercise]

    def survivors(self, exercise: str) -> list[Survivor]:
        """Return the mutants of an exercise that may live."""
        listed = survivors(self.listed)
        return [one for one in listed if one.mutant.split(" ")[0] == exercise]

    def each(self, work: Callable, items: Iterable) -> Iterator:
        """Yield `work(item)` for every item, in order, several at once."""
        return self._pool.map(work, items)

    def check_reference(self, exercise: str) -> list[str]:
        """The reference passes the check and every group, whatever the seed."""
        found = []
        for seed in SEEDS:
            outcomes = self.trial.grade(exercise, seed=seed, deadline=60)
            self._pace.setdefault(exercise, outcomes)
            for one in outcomes:
                if not one.passed:
                    said = _quote(one.message)
                    found.append(
                        f"the reference fails {one.group}, seed {seed}: {said}"
                    )
                elif one.cpu > CELL_BUDGET:
                    found.append(
                        f"the reference needs {one.cpu:.1f} s of processor time in "
                        f"{one.group}; a test cell may take {CELL_BUDGET:g} s"
                    )
            if found:
                break
        return found

    def check_stub(self, exercise: str) -> list[str]:
        """What a learner receives fails the check and every group."""
        outcomes = self.trial.grade(exercise, self._stubs.reference(exercise))
        return [f"the stub passes {one.group}" for one in outcomes if one.passed]

    def check_values(self, exercise: str) -> list[str]:
        """Every value that a shared test expects decides something.

        A copy with one of them made wrong fails the reference. Grading runs such copies
        as canaries: one that passes would call every learner a cheat.
        """
        copies: dict[str, tuple[str, str]] = {}
        cells = []
        for cell in read_cells(self.source):
            cells.append(cell)
            if not cell.tests or cell.exercise != exercise or cell.mode == "split":
                continue
            for source in canary.wrong_values(cell.source, met=False):
                group = f"{cell.group} with a wrong value {len(copies)}"
                copies[group] = _first_change(cell.source, source)
                cells.append(replace(cell, group=group, source=source))
        if not copies:
            return []
        limits = self._limits(exercise, least=3)
        with Trial(self.source, only=[exercise], cells=cells) as trial:
            outcomes = trial.grade(exercise, groups=list(copies), **limits)
        found = []
        for one in outcomes:
            if one.passed:
                number, line = copies[one.group]
                group = one.group.partition(" ")[0]
                found.append(
                    f"the value in line {number} of {group} is never compared: {line}"
                )
        return found

    def check_file(self, exercise: str) -> list[str]:
        """There is at least one wrong answer, and nothing in the file is mistaken."""
        if any(case.wrong for case in self.cases(exercise)):
            return []
        return [f"{self.file}: no wrong answer to {exercise} is written"]

    def judge(self, case: Case) -> list[str]:
        """A wrong answer fails where and because it should; a right one passes."""
        for seed in SEEDS:
            said = self._judge(case, seed)
            if said:
                return [f"{case.place}: {case.name} {said} (seed {seed})"]
        return []

    def _judge(self, case: Case, seed: str) -> str:
        groups = self.trial.groups(case.exercise)
        if not case.wrong:
            outcomes = self.trial.grade(
                case.exercise, case.answer, seed, deadline=60, cpu=60
            )
            failed = [one for one in outcomes if not one.passed]
            return "is right, but " + _fails(failed) if failed else ""
        limits = self._limits(case.exercise, least=3)
        (one,) = self.trial.grade(
            case.exercise, case.answer, seed, groups=[case.group], **limits
        )
        if one.passed:
            others = [group for group in groups if group != case.group]
            outcomes = self.trial.grade(
                case.exercise, case.answer, seed, groups=others, **limits
            )
            failed = [other for other in outcomes if not other.passed]
            told = f"it {_fails(failed)}" if failed else "it passes every group"
            return f"passes {case.group}; {told}"
        if ANSWER_STOPS in one.message or _MISHAP.search(one.message):
            return f"fails by a mishap, not by its idea: {_quote(one.message)}"
        if not re.search(case.because, one.message, re.IGNORECASE):
            return (
                f"fails {case.group}, but not because of {case.because!r}: "
                f"{_quote(one.message)}"
            )
        return ""

    def mutants(self, exercise: str) -> list[Mutant]:
        """Return the mutants of the reference's answer to an exercise."""
        return mutants(exercise, self.trial.reference(exercise))

    def lives(self, exercise: str, mutant: Mutant) -> bool:
        """Return whether a mutant passes the check and every group."""
        limits = self._limits(exercise, least=1)
        pace = sorted(self._paces(exercise), key=lambda one: one.cpu)
        outcomes = self.trial.grade(
            exercise,
            mutant.source,
            groups=[one.group for one in pace],
            stop=True,
            **limits,
        )
        return all(one.passed for one in outcomes)

    def check_mutants(
        self, exercise: str, living: list[Mutant]
    ) -> tuple[int, list[str]]:
        """Every living mutant is listed and every listed mutant lives.

        Returns the number of explained survivors, and the problems.
        """
        listed = {one.mutant: one for one in self.survivors(exercise)}
        every = {one.id for one in self.mutants(exercise)}
        alive = {one.id for one in living}
        found = [
            f"no test notices the mutant {one.id} (line {one.line} of the answer); "
            f"add a test, or list it in {self.listed.name} with the reason"
            for one in living
            if one.id not in listed
        ]
        for name, one in listed.items():
            if name not in alive:
                why = "dies now" if name in every else "does not exist any more"
                found.append(f"{self.listed}:{one.line}: {name} {why}: remove it")
        return len(alive & set(listed)), found

    def check_load(self, exercise: str, times: int) -> list[str]:
        """The reference passes `times` times, with new seeds, beside busy processes.

        Every tenth grading begins with a fresh process and another order of sets.
        """
        chunks = [min(10, times - at) for at in range(0, times, 10)]
        found = self.each(lambda count: self._repeat(exercise, count), chunks)
        return [said for chunk in found for said in chunk]

    def _repeat(self, exercise: str, times: int) -> list[str]:
        found = []
        order = str(secrets.randbelow(1 << 32))
        with Trial(self.source, only=[exercise], hashseed=order) as trial:
            for _ in range(times):
                seed = secrets.token_hex(4)
                for one in trial.grade(exercise, seed=seed, deadline=120, cpu=60):
                    if not one.passed:
                        found.append(
                            f"flake: the reference fails {one.group} under load, seed "
                            f"{seed}, PYTHONHASHSEED {order}: {_quote(one.message)}"
                        )
        return found

    def _paces(self, exercise: str) -> list[Outcome]:
        if exercise not in self._pace:
            self._pace[exercise] = self.trial.grade(exercise, deadline=60)
        return self._pace[exercise]

    def _limits(self, exercise: str, least: float) -> dict[str, float]:
        """Return the limits of an answer that may loop for ever.

        Processor time decides; the wall only ends answers that wait.
        """
        paces = self._paces(exercise)
        return {
            "cpu": max(least, 20 * max(one.cpu for one in paces)),
            "deadline": max(8.0, 20 * max(one.seconds for one in paces)),
        }

    def key(self, exercise: str) -> str:
        """Return a digest of all that a proof of this exercise depends on."""
        trial = self.trial
        cells = [*trial.before(exercise), *trial.cells(exercise)]
        parts = [
            sys.version,
            *(json.dumps(asdict(cell)) for cell in cells),
            trial.reference(exercise),
            self._stubs.reference(exercise),
            *(json.dumps(asdict(case)) for case in self.cases(exercise)),
            *(f"{one.mutant}\n{one.reason}" for one in self.survivors(exercise)),
            _engine(),
        ]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _engine() -> str:
    """Return a digest of the code of this package that verdicts depend on."""
    package = Path(__file__).resolve().parents[1]
    files = [package / "desk.py"]
    for name in ("cells", "trial", "split", "canary"):
        files.append(package / "grading" / f"{name}.py")
    files += [package / "ops" / name for name in ("proof.py", "mutants.py")]
    for folder in ("check", "sim", "viz", "widgets"):
        files += sorted((package / folder).rglob("*.py"))
    texts = [file.read_bytes() for file in files if file.exists()]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()


def prove(
    bench: Bench,
    exercise: str,
    *,
    load: int = 0,
    total: Callable[[int], None] = lambda steps: None,
    step: Callable[[], None] = lambda: None,
) -> Proof:
    """Prove one exercise: reference, stub, named answers, mutants; then under load.

    `total` is told the number of steps when it is known, `step` is called at each.
    Mistakes that end the proof early (a reference that fails) are in its problems.
    """
    proof = Proof(bench.target, exercise)
    start = time.monotonic()
    try:
        proof.problems += bench.check_reference(exercise)
        if not proof.problems:
            _prove_answers(bench, exercise, proof, total, step)
            if load and not proof.problems:
                with busy():
                    proof.problems += bench.check_load(exercise, load)
    except CourseError as error:
        proof.problems.append(error.message)
    proof.seconds = time.monotonic() - start
    return proof


def _prove_answers(
    bench: Bench,
    exercise: str,
    proof: Proof,
    total: Callable[[int], None],
    step: Callable[[], None],
) -> None:
    proof.problems += bench.check_stub(exercise)
    proof.problems += bench.check_values(exercise)
    changed = bench.mutants(exercise)
    proof.mutants = len(changed)
    named = []
    try:
        proof.problems += bench.check_file(exercise)
        named = bench.cases(exercise)
    except CourseError as error:
        proof.problems.append(error.message)
    total(len(named) + len(changed))
    for case, said in zip(named, bench.each(bench.judge, named), strict=True):
        step()
        proof.problems += said
        if case.wrong:
            proof.wrong += 1
            proof.killed += not said
        else:
            proof.right += 1
            proof.accepted += not said
    living = []
    verdicts = bench.each(lambda one: bench.lives(exercise, one), changed)
    for mutant, lives in zip(changed, verdicts, strict=True):
        step()
        if lives:
            living.append(mutant)
    proof.dead = len(changed) - len(living)
    proof.survivors, said = bench.check_mutants(exercise, living)
    proof.problems += said


@contextlib.contextmanager
def busy(processes: int | None = None) -> Iterator[None]:
    """Keep every core occupied (or `processes` of them) for as long as this is open."""
    code = "import os, sys\nwhile str(os.getppid()) == sys.argv[1]: sum(range(10**6))"
    count = processes or os.cpu_count() or 2
    hogs = [
        subprocess.Popen([sys.executable, "-c", code, str(os.getpid())])
        for _ in range(count)
    ]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def _first_change(old: str, new: str) -> tuple[int, str]:
    """Return the number of the first line in which two texts differ, and the old line.

    >>> _first_change("a\\nb\\nc", "a\\n(b)\\nc")
    (2, 'b')
    """
    pairs = zip(old.split("\n"), new.split("\n"), strict=False)
    for number, (before, after) in enumerate(pairs, 1):
        if before != after:
            return number, before.strip()
    return 0, ""


def _fails(outcomes: list[Outcome]) -> str:
    names = ", ".join(one.group for one in outcomes)
    return f"fails {names}: {_quote(outcomes[0].message)}"


def _quote(message: str) -> str:
    """Return a message on one line, shortened.

    >>> _quote("f(1)\\n  got 1, expected 2\\n  try: add one")
    '"f(1) / got 1, expected 2 / try: add one"'
    """
    flat = " / ".join(line.strip() for line in message.splitlines() if line.strip())
    return f'"{flat[:400]}{"…" if len(flat) > 400 else ""}"'
