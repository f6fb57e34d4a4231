"""Every exercise of every chosen notebook: its grader tells right from wrong.

`course audit` prints the same as a table.
"""

from course.ops.proof import Bench, busy

LOAD = 30  # gradings beside busy processes, without one flake


def show(problems: list[str]) -> str:
    return "\n".join(problems)


def test_reference_passes(bench: Bench, exercise: str):
    problems = bench.check_reference(exercise)
    assert not problems, show(problems)


def test_stub_fails(bench: Bench, exercise: str):
    problems = bench.check_stub(exercise)
    assert not problems, show(problems)


def test_named_answers_are_judged_rightly(bench: Bench, exercise: str):
    problems = bench.check_file(exercise)
    for said in bench.each(bench.judge, bench.cases(exercise)):
        problems += said
    assert not problems, show(problems)


def test_mutants_die(bench: Bench, exercise: str):
    every = bench.mutants(exercise)
    lives = bench.each(lambda mutant: bench.lives(exercise, mutant), every)
    living = [mutant for mutant, alive in zip(every, lives, strict=True) if alive]
    _, problems = bench.check_mutants(exercise, living)
    assert not problems, show(problems)


def test_reference_never_flakes_under_load(bench: Bench, exercise: str):
    with busy():
        problems = bench.check_load(exercise, LOAD)
    assert not problems, show(problems)
