"""Choose which notebooks this run proves, and say which it does not."""

import datetime
import os

import pytest

from course import paths, syllabus
from course.errors import CourseError
from course.grading.cells import read_cells
from course.grading.trial import FORKS
from course.ops.audit import Record
from course.ops.proof import Bench

BUDGET = 8 * 60.0  # seconds for notebooks that did not change
LEFT = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--prove-all",
        action="store_true",
        help="prove the graders of every notebook, changed or not",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "bench" not in metafunc.fixturenames:
        return
    config = metafunc.config
    notebooks = {
        f"{one.week}/{one.name}": one
        for week in syllabus.weeks()
        for one in week.notebooks
    }
    chosen, left = list(notebooks), []
    if not config.getoption("--prove-all"):
        day = datetime.date.today().timetuple().tm_yday
        chosen, left = Record(paths.root()).choose(chosen, day, BUDGET)
    config.stash[LEFT] = left
    pairs, names = [], []
    for target in chosen:
        try:
            cells = read_cells(paths.root() / "source" / f"{target}.ipynb")
            exercises = [cell.exercise for cell in cells if cell.role == "answer"]
        except CourseError:
            exercises = ["not-built"]
        for exercise in exercises:
            pairs.append((notebooks[target], exercise))
            names.append(f"{target}-{exercise}")
    metafunc.parametrize(
        ("bench", "exercise"), pairs, indirect=["bench"], ids=names, scope="session"
    )


@pytest.fixture(scope="session")
def bench(request: pytest.FixtureRequest):
    """The bench of one notebook; pytest runs all its tests before the next one's."""
    if not FORKS:
        pytest.skip("the graders are proved in forked processes: Linux, macOS, WSL")
    with Bench(request.param, jobs=min(2, os.cpu_count() or 1)) as one:
        yield one


def pytest_terminal_summary(terminalreporter) -> None:
    left = terminalreporter.config.stash.get(LEFT, [])
    if left:
        terminalreporter.section("graders not proved this time")
        for target in left:
            terminalreporter.line(f"{target}: unchanged since it was proved")
        terminalreporter.line("all of them:  pytest grader_tests --prove-all")
