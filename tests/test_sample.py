"""The sample submission, graded for real: what `make grade` shows on a fresh clone."""

import io
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from course.grading import autograde

HERE = Path(__file__).resolve().parent.parent
NAME = "01_file_deduplication"

pytestmark = pytest.mark.slow

# What examples/answers/ gets, exercise by exercise, group by group.
EXPECTED = {
    "e1": {"check": 2, "links": 4, "identity": 0, "faults": 0, "shape": 3},
    "e2": {"check": 2, "short": 3, "memory": 2, "changes": 3},
    "e3": {"check": 3, "exact": 6, "pruned": 0, "collisions": 0, "bytes": 0, "hard": 3},
    "e7": {"essay": None},
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """Return the graded sample and what was printed, from a copy of this course."""
    root = tmp_path_factory.mktemp("sample") / "course"
    (root / "lessons").mkdir(parents=True)
    for name in ("nbgrader_config.py", "lessons/course.toml"):
        shutil.copy(HERE / name, root / name)
    for name in ("source", "release"):
        shutil.copytree(HERE / name, root / name)
    work = root / "build" / "sample"
    subprocess.run([sys.executable, HERE / "examples/sample.py", work], check=True)
    text = io.StringIO()
    result = autograde.grade(
        f"week1_coding/{NAME.split('_')[0]}",
        "sample",
        work=work,
        root=root,
        console=Console(file=text, width=100),
    )
    return result.notebooks[0], text.getvalue()


def test_each_group_gets_its_points(sample):
    graded, _ = sample
    assert graded.trouble == ""
    for exercise in graded.exercises:
        points = {group.name: group.points for group in exercise.groups}
        assert points == EXPECTED.get(exercise.id, dict.fromkeys(points, 0))


def test_the_deleted_check_came_back(sample):
    graded, text = sample
    assert graded.repairs == ("e2 check: was missing; put back",)
    assert "repaired: e2 check" in text


def test_the_table_names_each_failure_and_where_to_look(sample):
    graded, text = sample
    for group in graded.groups:
        if group.message and "not written yet" not in group.message:
            assert group.message.splitlines()[0][:60] in text
            assert f"in cell {group.cell_id}" in text
    assert text.count("not written yet") == 3
    assert f"feedback/sample/week1_coding/{NAME}.html" in text
