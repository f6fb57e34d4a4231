"""The proof accepts good graders and names every kind of broken proof."""

import json
import re
import sys
import time
from pathlib import Path

import pytest

from course import syllabus
from course.errors import CourseError
from course.grading import trial
from course.ops import audit as audits
from course.ops.audit import Memory, Record, audit, summary
from course.ops.proof import Bench, Proof, busy, cases, prove

pytestmark = pytest.mark.skipif(not trial.FORKS, reason="this system cannot fork")

# Since Python 3.12 sum() of floats keeps what rounding loses; a plain sum does not.
HEAD = (  # one line, because messages count lines
    "from functools import reduce; from operator import add; "
    "from course.ops.proof import wrong, right, edited\n"
)
GOOD = {
    "e1": """
START = 1

def longer(n):
    return START + n

@wrong("e1.edges", because="expected 0")
def total__starts_at_one(numbers):
    return longer(sum(numbers)) if not numbers else sum(numbers)

@wrong("e1.check", because="expected 9")
@wrong("e1.random", because="expected")
def total__last(numbers):
    return numbers[-1] if numbers else 0

@right("e1")
def total__reduce(numbers):
    if not numbers:
        return 0
    return total__reduce(numbers[:-1]) + reduce(max, numbers[-1:])
""",
    "e2": """
edited("e2.edges", "no error", old="if low > high:", new="if False:", because="Value")
edited("e2", "other way", old="max(low, min(high, x))", new="min(high, max(low, x))")
""",
    "e4": """
@wrong("e4.tiny", because="expected 1.0")
def exact__plain(numbers):
    return float(reduce(add, numbers, 0))
""",
}
SURVIVOR = """
[[survivor]]
mutant = "e2 Gt->GtE: `if low > high:`"
reason = "the lesson does not say what an empty range is"
"""


@pytest.fixture
def course(built_minicourse: Path) -> Path:
    """The tiny course, built, whose first notebook has a proof that holds."""
    folder = built_minicourse / "grader_tests" / "week1_demo"
    folder.mkdir(parents=True)
    (folder / "01_sums.py").write_text(HEAD + "".join(GOOD.values()))
    (folder / "01_sums.survivors.toml").write_text(SURVIVOR)
    return built_minicourse


def proof_file(course: Path) -> Path:
    return course / "grader_tests" / "week1_demo" / "01_sums.py"


def write(course: Path, text: str) -> None:
    proof_file(course).write_text(HEAD + text)


def bench() -> Bench:
    return Bench(syllabus.resolve("week1_demo/01")[0])


def problems(exercise: str) -> str:
    with bench() as one:
        return "\n".join(prove(one, exercise).problems)


def test_a_good_grader_is_proved(course, capsys):
    assert audit("week1_demo/01") == 0
    said = capsys.readouterr().out
    assert re.search(r"week1_demo/01 +e1 +3/3 +1/1 +7/7 +0 +\d", said)
    last = (
        "audit: 3 exercises, 5/5 wrong answers killed, 2/2 variants accepted, "
        "13/14 mutants killed, 1 survivors explained"
    )
    assert said.splitlines()[-1] == last
    # The second time all of it comes from memory, and the line is the same.
    start = time.monotonic()
    assert audit("week1_demo/01") == 0
    said = capsys.readouterr().out
    assert "3 of 3 exercises are unchanged" in said
    assert said.splitlines()[-1] == last
    assert time.monotonic() - start < 5


def test_memory_forgets_what_changed_and_what_failed(course):
    memory = Memory(course)
    with bench() as one:
        held = prove(one, "e4")
        memory.put(one, "e4", held)
        assert Memory(course).get(one, "e4") == held
    write(course, GOOD["e4"].replace("float(", "0 + float("))
    with bench() as one:
        assert memory.get(one, "e4") is None
        memory.put(one, "e4", Proof(one.target, "e4", problems=["no"]))
        assert Memory(course).get(one, "e4") is None
    memory.file.write_text("{broken")
    assert Memory(course)._known == {}


BROKEN = {
    "a wrong answer that is right": (
        '@wrong("e4.tiny", because="1.0")\n'
        "def exact__fine(numbers):\n    return math.fsum(numbers)",
        r"01_sums.py:2: exact__fine passes e4.tiny; it passes every group",
    ),
    "fails elsewhere": (
        '@wrong("e4.check", because="1.0")\n'
        "def exact__rounds(numbers):\n    return round(reduce(add, numbers), 3)",
        r"exact__rounds passes e4.check; it fails e4.tiny: \"exact\(\[1e\+?16",
    ),
    "fails for another reason": (
        '@wrong("e4.tiny", because="negative")\n'
        "def exact__zero(numbers):\n    return 0.0",
        r"fails e4.tiny, but not because of 'negative': .*got 0.0, expected 1.0",
    ),
    "misspelt name": (
        '@wrong("e4.tiny", because="exact")\n'
        "def exact__typo(numbers):\n    return smu(numbers)",
        r"exact__typo fails by a mishap.*NameError: name 'smu'",
    ),
    "a stub": (
        '@wrong("e4.tiny", because="exact")\n'
        "def exact__stub(numbers):\n    raise NotImplementedError",
        r"exact__stub fails by a mishap.*not written yet",
    ),
    "a definition that does not run": (
        '@wrong("e4.tiny", because="exact")\n'
        "def exact__late(numbers=1 / 0):\n    return 0",
        r"exact__late fails by a mishap.*ZeroDivisionError",
    ),
    "a right answer that fails": (
        GOOD["e4"]
        + '\n@right("e4")\ndef exact__sum(numbers):\n    return reduce(add, numbers)',
        r"exact__sum is right, but fails e4.check, e4.tiny: \"exact",
    ),
    "no wrong answer": (
        '@right("e4")\ndef exact__same(numbers):\n    return math.fsum(numbers)',
        r"01_sums.py: no wrong answer to e4 is written",
    ),
    "hangs": (
        '@wrong("e4.tiny", because="processor time")\n'
        "def exact__hangs(numbers):\n    while len(numbers) == 3: pass\n"
        "    return math.fsum(numbers)",
        "",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_proof_says_what_happened(course, case):
    text, said = BROKEN[case]
    write(course, text)
    got = problems("e4")
    assert re.search(said, got) if said else not got, got


MISTAKES = {
    '@wrong("e9.tiny", because="x")\ndef exact__a(n): ...': "2: no exercise 'e9'",
    '@wrong("e4.huge", because="x")\ndef exact__a(n): ...': (
        "2: no group 'e4.huge'; there are e4.check, e4.tiny"
    ),
    '@wrong("e4", because="x")\ndef exact__a(n): ...': "2: no group 'e4'",
    '@wrong("e4.tiny", because="x")\ndef sum__a(n): ...': (
        "2: sum__a replaces nothing that e4 defines; name it exact__…"
    ),
    '@wrong("e4.tiny", because=" ")\ndef exact__a(n): ...': "2: because is empty",
    '@wrong("e4.tiny", because=".*")\ndef exact__a(n): ...': "matches every message",
    '@wrong("e4.tiny", because="(")\ndef exact__a(n): ...': "not a regular expression",
    '@wrong("e4.tiny", because=3)\ndef exact__a(n): ...': "2: wrong.* plain strings",
    '@wrong("e4.tiny")\ndef exact__a(n): ...': "2: because is empty",
    "@wrong\ndef exact__a(n): ...": "2: write @wrong",
    '@right("e4.tiny")\ndef exact__a(n): ...': "2: a right answer passes every group",
    '@right("e4")\ndef exact__a(n): ...\n@right("e4")\ndef exact__a(n): ...': (
        "4: exact__a is there twice"
    ),
    'edited("e2.edges", "l", old="low", new="", because="x")': (
        "2: old='low' occurs [2-9]"
    ),
    'edited("e2.edges", "l", old="zzz", new="", because="x")': "2: old='zzz' occurs 0",
    'edited("e2.edges", "l", old="if low > high:", new="if", because="x")': (
        "2: the edited answer is not Python"
    ),
    'edited("e2.edges", "l", because="x")': "2: edited.* needs old= and new=",
    "def f(:": "2: invalid syntax",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_in_the_proof_file_is_named_with_its_line(course, text):
    write(course, text)
    with bench() as one, pytest.raises(CourseError) as error:
        cases(one.file, one.trial)
    assert re.search(f"01_sums.py:{MISTAKES[text]}", str(error.value)) or re.search(
        MISTAKES[text], str(error.value)
    )


def test_a_missing_proof_file_is_a_problem(course):
    proof_file(course).unlink()
    assert "has no wrong answers" in problems("e1")


def test_survivors_must_be_listed_live_and_exist(course):
    listed = proof_file(course).with_suffix(".survivors.toml")
    listed.unlink()
    assert "no test notices the mutant e2 Gt->GtE: `if low > high:`" in problems("e2")
    listed.write_text(
        SURVIVOR
        + '[[survivor]]\nmutant = "e2 Gt->LtE: `if low > high:`"\nreason = "x"\n'
        + '[[survivor]]\nmutant = "e2 Lt->LtE: `if low > high:`"\nreason = "x"\n'
    )
    got = problems("e2")
    assert "toml:5: e2 Gt->LtE: `if low > high:` dies now: remove it" in got
    assert "toml:8: e2 Lt->LtE: `if low > high:` does not exist any more" in got
    assert "no test notices" not in got


def edit_source(course: Path, cell_id: str, old: str, new: str) -> None:
    file = course / "source" / "week1_demo" / "01_sums.ipynb"
    notebook = json.loads(file.read_text())
    for cell in notebook["cells"]:
        if cell["id"] == cell_id:
            text = "".join(cell["source"])
            assert old in text
            cell["source"] = text.replace(old, new)
    file.write_text(json.dumps(notebook))


def test_a_grader_that_fails_the_reference_or_passes_the_stub_is_found(course):
    edit_source(course, "m1-sums-e4-grade-tiny", "want=1.0", "want=2.0")
    assert "the reference fails e4.tiny, seed 0" in problems("e4")
    edit_source(course, "m1-sums-e1-check", "check.case(total", "check.case(sum")
    assert "the stub passes e1.check" in problems("e1")
    edit_source(course, "m1-sums-running", "steps = ", "steps = missing + ")
    got = problems("e1")
    assert "cell m1-sums-running, before e1, fails: NameError" in got


def test_an_expected_value_that_decides_nothing_is_found(course):
    with bench() as one:
        assert [one.check_values(e) for e in one.exercises] == [[], [], []]
    edit_source(
        course,
        "m1-sums-e2-grade-inner",
        "check.case(clip, 3, 0, 5, want=3)",
        "want = 9\n    want = 3\n    check.case(clip, 3, 0, 5, want=want)\n"
        "    for n in ():\n        check.equal(n, 5, shown='n')",
    )
    got = [one for one in problems("e2").splitlines() if "never compared" in one]
    assert [one.partition(" of ")[2] for one in got] == [
        "e2.inner is never compared: want = 9",
        "e2.inner is never compared: check.equal(n, 5, shown='n')",
    ]
    # A test that runs apart has no canaries.
    edit_source(
        course,
        "m1-sums-e1-grade-edges",
        "check.case(total, [-5], want=-5)",
        "want = 1\n    want = -5\n    check.case(total, [-5], want=want)",
    )
    with bench() as one:
        assert one.check_values("e1") == []


def test_a_test_that_depends_on_its_seed_is_found_under_load(course):
    edit_source(
        course,
        "m1-sums-e1-grade-random",
        "rng = check.rng()",
        "rng = check.rng()\n    assert check.seed() in '012'",
    )
    with bench() as one:
        assert not one.check_reference("e1")
        with busy(1):
            (said, *_) = one.check_load("e1", 2)
    assert said.startswith("flake: the reference fails e1.random under load, seed ")


def test_a_notebook_that_is_not_built_fails_the_audit(minicourse, capsys):
    assert audit("week1_demo/02") == 1
    said = capsys.readouterr().out
    assert "02_words.ipynb is missing" in said
    assert said.splitlines()[-1].startswith("audit: 0 exercises, 0/0 wrong")


def test_audit_records_what_it_proved(course, capsys, monkeypatch):
    only = syllabus.resolve("week1_demo/01")
    week = syllabus.Week("week1_demo", "m1", "Demo", tuple(only))
    monkeypatch.setattr(audits.syllabus, "weeks", lambda: [week])
    assert audit() == 0
    capsys.readouterr()
    record = Record(course)
    assert record.seconds("week1_demo/01_sums") >= 1
    assert record.choose(["week1_demo/01_sums"], 3, 60) == (["week1_demo/01_sums"], [])
    assert record.choose(["week1_demo/01_sums"], 3, 0) == ([], ["week1_demo/01_sums"])
    write(course, "")
    assert record.seconds("week1_demo/01_sums") is None
    assert record.choose(["week1_demo/01_sums"], 3, 0) == (["week1_demo/01_sums"], [])


def test_the_rest_takes_turns(tmp_path, monkeypatch):
    record = Record(tmp_path)
    times = {"a": 10.0, "b": 10.0, "c": 10.0, "new": None}
    monkeypatch.setattr(record, "seconds", times.get)
    got = [record.choose(list(times), day, 20) for day in range(3)]
    assert got == [
        (["a", "b", "new"], ["c"]),
        (["b", "c", "new"], ["a"]),
        (["a", "c", "new"], ["b"]),
    ]


def test_the_closing_line_counts_exercises_only():
    held = Proof("w/n", "e1", 2, 2, 1, 1, 9, 8, 1)
    assert summary([held, Proof("w/m", "", problems=["not built"])]) == (
        "audit: 1 exercises, 2/2 wrong answers killed, 1/1 variants accepted, "
        "8/9 mutants killed, 1 survivors explained"
    )


def test_a_proof_file_can_be_imported(course):
    code = compile(proof_file(course).read_text(), "proof", "exec")
    names: dict = {}
    exec(code, names)
    assert names["total__last"]([1, 2]) == 2
    assert sys.modules["course.ops.proof"].wrong("e1.x", because="y")(len) is len
