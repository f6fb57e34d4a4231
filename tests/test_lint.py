"""Each rule finds the one lesson that breaks it, and leaves the good one alone."""

import ast
import json
from pathlib import Path

import pytest

from course.ops.build import build
from course.ops.doubts import doubts
from course.ops.lesson import Finding
from course.ops.lint import lint

WEEK = "week1_demo"
TARGET = f"{WEEK}/01"
CARD = "# %% [card] e1 minutes=20 core\n"
FIGURE = """# %% [md] before-figure
# Look at how fast it grows.

# %% figure
fig, ax = viz.figure()
viz.show(fig, alt="The running sum grows as a parabola.")

# %% [card] e1 minutes=20 core
"""


@pytest.fixture
def script(minicourse: Path) -> Path:
    """Return the path of a lesson without findings."""
    path = minicourse / "lessons" / WEEK / "01_sums.py"
    change(path, CARD, FIGURE)
    return path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text, old
    path.write_text(text.replace(old, new, 1), "utf-8")


def rules(target: str | None = TARGET) -> set[str]:
    return {finding.rule for finding in lint(target)}


def test_a_good_lesson_has_no_findings(script: Path) -> None:
    assert lint(TARGET) == []
    build()
    assert lint(TARGET) == []


def test_findings_say_where_and_what_to_do(script: Path) -> None:
    change(script, "Two small functions", "Two small functions! And")
    assert [str(finding) for finding in lint(TARGET)] == [
        f"lessons/{WEEK}/01_sums.py:3 [md title] exclamation: an exclamation mark: "
        "'osing any Two small functions!'\n"
        "  try: end the sentence with a full stop"
    ]


WORDS = "word " * 130
LINES = "".join(f"    a{n} = {n}\n" for n in range(30))
CODE = "# %%\nfresh_{0} = {0}\n\n"
# The rule, what stands in the good lesson, what breaks just this rule there.
BREAKS = [
    ("lesson", "[setup]", "[setpu]"),
    ("prose-length", "# Two small functions", f"# {WORDS}\n# Two small functions"),
    ("prose-length", "# nudge: What is", f"# nudge: {WORDS} What is"),
    ("prose-length", "# A colleague sums", f"# {WORDS} A colleague sums"),
    ("task-length", "# The list stays", f"# {WORDS[:420]} The list stays"),
    ("code-length", "steps = [", "if 1:\n" + LINES + "steps = ["),
    ("code-length", "check.case(exact, [0.1]", LINES.replace("    ", "") + "\n" * 2
     + "check.case(exact, [0.1]"),
    ("code-length", '    """Return the sum of', f'    """A.\n\n{LINES}    Return the'),
    ("setup-length", "import math\n", "import math\n\n" + "import os  # noqa\n" * 8),
    ("line-length", "steps = [", f"long = '{WORDS[:90]}'\nsteps = ["),
    ("code-run", "# %% [md] between\n# The next one has two edges.\n",
     "".join(CODE.format(n) for n in range(3))
     + "".join(f"# %% [md]\n# Look.\n\n{CODE.format(n)}" for n in range(3, 9))),
    ("introduced", "# %% [md] between",
     "".join(f"# %% [md]\n# A.\n\n{CODE.format(n)}{CODE.format(n + 9)}"
             for n in range(3)) + "# %% [md] between"),
    ("exercise-order", "# %% [essay] e3", "# %% [essay] e7"),
    ("exercise-order", "# %% [hand] e2", "# %% [look] e2\nprint(1)\n\n# %% [hand] e2"),
    ("exercise-order", "# %% [md] between", "# %% [look] e3\nprint()\n\n# %% [md] x"),
    ("exercise-order", "# %% [md] between", "# %% [hand] e4\n# One.\n\n# %% [md] x"),
    ("exercise-parts", "# %% [hand] e1\n", "# %% [md]\n"),
    ("exercise-parts", "# %% [look] e4\n", "# %% loose\n"),
    ("core-minutes", "# %% [card] e2 minutes=20", "# %% [card] e2 minutes=2"),
    ("core-minutes", "# %% [card] e2 minutes=20", "# %% [card] e2 minutes=62"),
    ("points-total", "[check] e1 points=5", "[check] e1 points=6"),
    ("hints-code", "# idea: Keep one", "# idea:\n# ```python\n# x = 1\n# ```\n# Keep"),
    ("hints-code", "# idea: Keep one", "# idea: running_total_of_all += number, keep"),
    ("stub", "def total(numbers: list[float])", "def total(numbers, start=0)"),
    ("stub", '    """Return the correctly rounded sum of `numbers`.\n\n'
     '    >>> exact([0.1] * 10)\n    1.0\n    """\n', "    start = 0\n"),
    ("stub", "    ### BEGIN SOLUTION\n    return math.fsum",
     "### BEGIN SOLUTION\n    return math.fsum"),
    ("stub", "    ### BEGIN SOLUTION\n    return math.fsum",
     "    if (\n    ### BEGIN SOLUTION\n    0): pass\n    return math.fsum"),
    ("unproven", "check.case(exact, [1e16, 1.0, -1e16], want", "print(exact, want"),
    ("bound-twice", "steps\n", "steps\n\n# %% [md]\n# Again.\n\n# %%\nsteps = 3\n"
     "\n# %% [md]\n# Again.\n\n# %%\nprint(steps)\n"),
    ("bound-twice", "steps\n", "steps\n\n\ndef total(x):\n    return x\n"),
    ("bound-twice", "steps\n", "steps\nn_runs += 1\n"),
    ("builtin", "steps\n", "steps\nsum = 3\n"),
    ("builtin", "steps\n", "steps\n\n\ndef show_it(list):\n    return list\n"),
    ("exclamation", "# nudge: What is the sum", "# nudge: Think! What is the sum"),
    ("magic", "steps\n", "steps\nget_ipython()\n"),
    ("alt", "viz.show(fig, alt=", "viz.show(fig, tla="),
    ("alt", "The running sum grows as a parabola.", "A curve."),
    ("alt", "steps\n", "steps\nplt.show()\n"),
    ("opening", "# # Add numbers", "# Add numbers"),
    ("opening", "## You will be able to", "## What comes"),
    ("opening", "# * say why order matters for floats\n", ""),
    ("opening", "# %% [map]\n", "# %% [md]\n"),
    ("opening", "## Where this is asked", "## Where"),
    ("figure-first", FIGURE, CARD),
    ("close", "## Say it out loud", "## Say it"),
    ("close", "## Follow-ups", "## More"),
    ("close", "## Go deeper", "## Links"),
    ("links", "# * [Floating", "# https://a.b https://c.d https://e.f\n# * [Floating"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "old", "new"), BREAKS)
def test_each_rule_finds_what_breaks_it(
    script: Path, rule: str, old: str, new: str
) -> None:
    change(script, old, new)
    found = lint(TARGET)
    assert {finding.rule for finding in found} == {rule}, found
    for finding in found:
        assert finding.file.startswith(f"lessons/{WEEK}/01_sums")
        assert finding.cure


FINE = [
    ("Two small functions", "Two functions, `a!` and $n!$ and ![alt](x.png), a != b"),
    (
        "steps\n",
        "steps\nfig, ax = 1, 2\n\n# %% [md]\n# B.\n\n# %%\nfig, ax = 3, 4\nfig\n",
    ),
    ("steps\n", "steps\nimport math\n"),
    ("steps\n", "steps\n\n\nclass Row:\n    id: int = 0\n    type = 'x'\n"),
    ("# nudge: What is", "# nudge: See ![a](b.png), `x!`. What is"),
]


@pytest.mark.parametrize(("old", "new"), FINE)
def test_what_only_looks_like_a_fault(script: Path, old: str, new: str) -> None:
    change(script, old, new)
    assert lint(TARGET) == []


def test_too_few_core_exercises(script: Path) -> None:
    change(script, "rubric=order minutes=20 core", "rubric=order minutes=20 stretch")
    change(script, "# %% [card] e2 minutes=20", "# %% [card] e2 minutes=40")
    assert rules() == {"core-count"}


def test_core_minutes_follow_the_course_file(script: Path, minicourse: Path) -> None:
    change(script, "# %% [card] e2 minutes=20", "# %% [card] e2 minutes=45")
    assert rules() == {"core-minutes"}
    change(minicourse / "lessons/course.toml", "minutes = 60", "minutes = 90")
    assert rules() == set()


@pytest.mark.parametrize(
    "test",
    [
        "f(2)",
        "print(check.rng())\nf(2)",
        "if f(2) == 4:\n    check.true(f(3), shown='', said='')",
        "while f(2):\n    check.case(f, 2, want=4)",
        "for x in []:\n    check.case(f, x, want=4)",
        "def helper():\n    check.case(f, 2, want=4)",
        "lambda: check.case(f, 2, want=4)",
        "if not callable(f):\n    return\ncheck.case(f, 2, want=4)",
        "try:\n    check.case(f, 2, want=4)\nexcept Exception:\n    pass",
        "try:\n    check.case(f, 2, want=4)\nexcept:\n    print('hm')",
        "try:\n    assert f(2) == 4\nexcept (ValueError, AssertionError):\n    pass",
        "with contextlib.suppress(AssertionError):\n    check.case(f, 2, want=4)",
        "assert (f(2) == 4, 'four')",
        "assert True\nf(2)",
        "assert f(2) == f(2)",
        "check.equal(f(2), f(2))",
        "check.true(True, shown='f(2)', said='')\nf(2)",
        "check.case(g, 2, want=4)",
        "f = 3\ncheck.case(f, 2, want=4)",
    ],
)
def test_a_test_that_can_pass_unseen_is_doubted(test: str) -> None:
    assert list(doubts(ast.parse(test), {"f"}))


@pytest.mark.parametrize(
    "test",
    [
        "check.case(f, 2, want=4)",
        "assert f(2) == 4",
        "for x in range(9):\n    check.case(f, x, want=2 * x)",
        "if f(9) > 1:\n    assert f(1) == 2\nelse:\n    assert f(0) == 0",
        "with files.folder() as root:\n    check.case(f, root, want=4)",
        "def helper():\n    check.case(f, 2, want=4)\nhelper()",
        "def run():\n    return f(2)\ncheck.within(run)",
        "try:\n    check.case(f, 2, want=4)\nfinally:\n    print()",
        "try:\n    f(2)\nexcept Exception as e:\n    raise AssertionError from e"
        "\ncheck.case(f, 2, want=4)",
        "got = check.call(f, 2)\ncheck.equal(got, 4, shown='f(2)')",
        "assert [check.case(f, x, want=x) for x in (1, 2)]",
    ],
)
def test_a_test_that_must_check_is_not_doubted(test: str) -> None:
    assert not list(doubts(ast.parse(test), {"f"}))


def notebook(root: Path, tree: str) -> Path:
    return root / tree / WEEK / "01_sums.ipynb"


def edit(path: Path, cell_id: str, **changes: object) -> None:
    content = json.loads(path.read_text("utf-8"))
    cell = next(cell for cell in content["cells"] if cell["id"] == cell_id)
    for key, value in changes.items():
        if isinstance(value, dict):
            cell["metadata"]["nbgrader"] |= value
        else:
            cell[key] = value
    path.write_text(json.dumps(content), "utf-8")


SOURCES = {
    "m1-sums-e1-answer": "running_total_of_all += number",
    "m1-sums-e1-grade-edges": "check.case(total, [1, -1, 2], want=2)",
    "m1-sums-e2-grade-edges": "check.raises(clip, ValueError, 1, 5, 0)",
    "m1-sums-e3-rubric": "Red flag: blames a race condition at once.",
    "m1-sums-e3-essay": "Rounding makes floating-point addition not associative.",
    "m1-sums-title": "### END MARK SCHEME",
}


@pytest.mark.parametrize("cell_id", SOURCES)
def test_leaks_into_release(script: Path, minicourse: Path, cell_id: str) -> None:
    build()
    edit(notebook(minicourse, "release"), cell_id, source=SOURCES[cell_id])
    found = {finding.rule for finding in lint(TARGET)}
    assert found - {"metadata"} == {"leak"}


def test_metadata_and_outputs(script: Path, minicourse: Path) -> None:
    build()
    release = notebook(minicourse, "release")
    edit(release, "m1-sums-e1-check", source="pass")
    assert rules() == {"metadata"}
    edit(release, "m1-sums-e1-check", nbgrader={"grade_id": "other"})
    assert rules() == {"metadata"}
    release.unlink()
    build()
    source = notebook(minicourse, "source")
    edit(source, "m1-sums-e1-check", nbgrader={"schema_version": 99})
    assert rules() == {"metadata"}
    source.unlink()
    build()
    edit(source, "m1-sums-running", execution_count=7)
    assert rules() == {"outputs"}
    source.write_text("{")
    assert rules() == {"metadata"}


def test_files_that_do_not_belong(script: Path, minicourse: Path) -> None:
    change(
        minicourse / "lessons" / WEEK / "02_words.py",
        "# %% [card] e1 minutes=20 core\n",
        FIGURE,
    )
    build()
    assert lint() == []
    (minicourse / "release" / WEEK / "README.md").write_text("hello")
    assert lint() == []
    (minicourse / "source" / WEEK / "rubric.txt").write_text("strong")
    (minicourse / "release" / "loose.ipynb").write_text("{}")
    (minicourse / "lessons" / WEEK / "03_draft.py").write_text("")
    assert [(f.rule, f.file) for f in lint()] == [
        ("unlisted", f"lessons/{WEEK}/03_draft.py"),
        ("forbidden-file", "release/loose.ipynb"),
        ("forbidden-file", f"source/{WEEK}/rubric.txt"),
    ]
    assert {f.rule for f in lint(WEEK)} == {"forbidden-file", "unlisted"}


def test_a_missing_lesson_is_a_finding(minicourse: Path) -> None:
    (minicourse / "lessons" / WEEK / "01_sums.py").unlink()
    found = lint(TARGET)
    assert [finding.rule for finding in found] == ["missing"]
    assert isinstance(found[0], Finding)
