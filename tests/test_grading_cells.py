"""Which cells of a notebook run when it is graded."""

import pytest

from course.grading.cells import Cell, left_out

ANSWER = "def double(n):\n    return 2 * n"


def cells(*texts: str, answer: str = ANSWER, test: str = "double(2)") -> list[Cell]:
    """Return plain cells with these texts, then an answer and its test."""
    found = [
        Cell(f"c{n}", "code", "", "", 0.0, text) for n, text in enumerate(texts, 1)
    ]
    found.append(Cell("answer", "answer", "e1", "", 0.0, answer))
    found.append(Cell("test", "grade", "e1", "e1.all", 1.0, test))
    return found


def test_an_experiment_is_left_out():
    assert left_out(cells("print(3)", "seconds = 3", "double(4)")) == {"c1", "c2", "c3"}


def test_cells_that_draw_are_left_out():
    assert left_out([Cell("l", "look", "e1", "", 0.0, "rows = double(2)")]) == {"l"}


@pytest.mark.parametrize(
    "text",
    [
        "size = 3",
        "size: int = 3",
        "import numpy as size",
        "from shutil import disk_usage as size",
        "def size(): pass",
        "class size: pass",
        "for size in range(3): pass",
        "with open('x') as size: pass",
        "if (size := 3): pass",
        "def make():\n    global size\n    size = 3\nmake()",
        "try:\n    size = 3\nexcept ValueError:\n    pass",
        "match 3:\n    case size: pass",
    ],
)
@pytest.mark.parametrize(
    "mention",
    [
        "def double(n): return n + size",
        "def double(n):\n    def inner(): return size\n    return inner()",
        "class A:\n    now = size",
        "double = lambda n, by=size: by * n",
        "@size\ndef double(n): return n",
        "def double(n): return [size for _ in range(n)]",
        "def double(n): return f'{size}'",
        "import inspect\ndouble = getattr(inspect, 'size')",
    ],
)
def test_what_an_answer_mentions_is_run(text, mention):
    assert left_out(cells("print(3)", text, answer=mention)) == {"c1"}


@pytest.mark.parametrize(
    "mention",
    [
        "def double(size): return 2 * size",
        "def double(n):\n    size = n\n    return size",
        "def double(n): return n.size",
        "def double(n):\n    # by size\n    return n",
        'def double(n):\n    """Return it, twice its size."""\n    return n',
    ],
)
def test_a_name_of_its_own_is_no_mention(mention):
    assert left_out(cells("size = 3", answer=mention)) == {"c1"}


def test_what_a_test_mentions_is_run():
    assert left_out(cells("print(3)", "size = 3", test="double(size)")) == {"c1"}


def test_what_a_cell_that_runs_mentions_is_run_too():
    found = left_out(cells("A = 1", "B = A", "C = B", "D = C", test="double(C)"))
    assert found == {"c4"}


def test_a_cell_that_may_change_a_value_is_run():
    texts = ("rows = []", "rows.append(3)", "more = rows", "print(4)")
    assert left_out(cells(*texts, test="double(rows)")) == {"c4"}


def test_constants_functions_classes_and_modules_are_not_changed():
    texts = (
        *("import math", "SIZE = 3", "def half(n): pass", "class Row: pass"),
        "Rows = list[Row]",
        "print(math.pi, SIZE, half(3), Row(), Rows())",
    )
    test = "double(math, SIZE, half, Row, Rows)"
    assert left_out(cells(*texts, test=test)) == {"c6"}


@pytest.mark.parametrize(
    "answer",
    [
        "def double(n): return eval('size')",
        "def double(n): return globals()['si' + 'ze']",
        "import __main__\ndef double(n): return getattr(__main__, 'si' + 'ze')",
        "double = __import__('__main__')",
        "%%time\ndouble = 3",
        "def double(n",
        "x = 1\0",
        "(" * 5000,
        "-" * 100_000 + "1",
        "a" + ".a" * 100_000,
        "\ud800",
    ],
)
def test_where_any_name_may_be_mentioned_everything_runs(answer):
    assert left_out(cells("size = 3", "print(3)", answer=answer)) == set()


def test_magics_and_star_imports_of_the_lesson_run():
    assert left_out(cells("%matplotlib inline", "print(3)")) == set()
    assert left_out(cells("from math import *", "print(3)")) == set()


def test_a_learners_own_cell_always_runs_with_all_it_needs():
    own = Cell("mine", "own", "", "", 0.0, "import sys\nsys.setrecursionlimit(size)")
    assert left_out([*cells("size = 3", "print(3)"), own]) == {"c2"}
