"""Mutants change one thing each, only in the solution, and keep their names."""

import ast
from pathlib import Path

import pytest

from course.errors import CourseError
from course.ops.mutants import mutants, survivors

CELL = '''
LIMIT = 3

def f(names: list[str], *, most: int = 4) -> list[str]:
    """Return 1 thing."""
    ### BEGIN SOLUTION
    """Not 2 of them."""
    found: dict[int, str] = {}
    for at in range(len(names) - 1):
        name = names[at + 1:]
        if not name or at == 0 and most:
            continue
        if name.kind == "dir":
            raise ValueError(f"bad {at}", "words stay")
        try:
            found["key"] += min(name, 7, key=len)
        except (OSError, ValueError):
            break
        assert found, "message 5"
    while True:
        yield [x for x in found if x > 2]
        return sorted(found, reverse=True)
    ### END SOLUTION
'''


def names(cell: str = CELL) -> list[str]:
    return [one.id for one in mutants("e1", cell)]


def test_every_mutant_is_valid_differs_and_has_its_own_name():
    found = mutants("e1", CELL)
    texts = {ast.dump(ast.parse(one.source)) for one in found}
    assert len(texts) == len(found) == len({one.id for one in found})
    assert ast.dump(ast.parse(CELL)) not in texts
    assert mutants("e1", CELL) == found


@pytest.mark.parametrize(
    "wanted",
    [
        "Sub->Add: `for at in range(len(names) - 1):`",
        "range bound 1 +1: `for at in range(len(names) - 1):`",
        "1->2: `name = names[at + 1:]`",
        "lower bound removed: `name = names[at + 1:]`",
        "lower bound -1: `name = names[at + 1:]`",
        "Not removed: `if not name or at == 0 and most:`",
        "condition negated: `if not name or at == 0 and most:`",
        "And->Or: `if not name or at == 0 and most:`",
        "Eq->NotEq: `if not name or at == 0 and most:`",
        "continue->break: `continue`",
        "break->continue: `break`",
        "'dir'->other text: `if name.kind == \"dir\":`",
        'raise deleted: `raise ValueError(f"bad {at}", "words stay")`',
        "'key'->other text: `found[\"key\"] += min(name, 7, key=len)`",
        'augmented->plain: `found["key"] += min(name, 7, key=len)`',
        'Add->Sub: `found["key"] += min(name, 7, key=len)`',
        'min->max: `found["key"] += min(name, 7, key=len)`',
        'key= removed: `found["key"] += min(name, 7, key=len)`',
        "except body->raise: `except (OSError, ValueError):`",
        "except body->pass: `except (OSError, ValueError):`",
        "OSError not caught: `except (OSError, ValueError):`",
        "True->False: `while True:`",
        "yield None: `yield [x for x in found if x > 2]`",
        "filter removed `x > 2`: `yield [x for x in found if x > 2]`",
        "statement deleted: `yield [x for x in found if x > 2]`",
        "return None: `return sorted(found, reverse=True)`",
        "sorted->list: `return sorted(found, reverse=True)`",
        "reverse= removed: `return sorted(found, reverse=True)`",
        'statement deleted: `assert found, "message 5"`',
    ],
)
def test_each_kind_of_change_is_made(wanted):
    assert f"e1 {wanted}" in names()


def test_signatures_annotations_docstrings_and_words_stay():
    for one in mutants("e1", CELL):
        for kept in (
            "LIMIT = 3",
            "def f(names: list[str], *, most: int=4) -> list[str]:",
            "'Return 1 thing.'",
            "'Not 2 of them.'",
        ):
            assert kept in one.source.replace('"""', "'"), one.id
        assert "words stay_" not in one.source
        assert "message 5_" not in one.source


def test_names_do_not_depend_on_where_a_line_stands():
    assert names("\n\n# more\n" + CELL) == names()


def test_the_same_change_twice_in_a_line_is_numbered():
    got = names("def f(a, b):\n    return a < 1 and b < 1")
    assert "e1 Lt->LtE: `return a < 1 and b < 1`" in got
    assert "e1 Lt->LtE: `return a < 1 and b < 1` (2)" in got


def test_a_broken_reference_is_an_error():
    with pytest.raises(CourseError, match="reference of e1 is not Python: line 1"):
        mutants("e1", "def f(:")


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "01_x.survivors.toml"
    file.write_text(text)
    return file


def test_survivors_are_read_with_their_lines(tmp_path):
    assert survivors(tmp_path / "none.toml") == []
    file = write(
        tmp_path,
        '[[survivor]]\nmutant = "e1 a"\nreason = "r"\n\n'
        '[[survivor]]\nmutant = "e1 b"\nreason = "s"\n',
    )
    assert [(s.mutant, s.reason, s.line) for s in survivors(file)] == [
        ("e1 a", "r", 1),
        ("e1 b", "s", 5),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[survivor]]\nmutant = "a"\n', ":1: a survivor has"),
        ('[[survivor]]\nmutant = "a"\nreason = " "\n', ":1: a survivor has"),
        ('[[survivor]]\nmutant="a"\nreason="r"\n' * 2, ":4: a is listed twice"),
        ("[[survivor]\n", "is not valid TOML"),
    ],
)
def test_a_survivor_without_a_reason_is_an_error(tmp_path, text, said):
    with pytest.raises(CourseError, match=said):
        survivors(write(tmp_path, text))
