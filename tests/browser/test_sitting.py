"""A timed sitting: the button starts the clock and shows the first level in place."""

import json
import shutil
from pathlib import Path

import nbformat
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HERE = Path(__file__).resolve().parents[2]
CELL = """
from course.sim import builds
from course.study.levels import Room

room = Room("build", {"level 1": 12, "level 2": 18}, builds.scenario, builds.play)

class Level1:
    scenario, seed = "bank", 3

room.open(1, Level1)
"""


def test_the_button_starts_the_clock_and_shows_the_level(
    tmp_path, monkeypatch, lab, page, picture
):
    course = tmp_path / "course"
    (course / "lessons").mkdir(parents=True)
    for name in ("nbgrader_config.py", "lessons/course.toml"):
        shutil.copy(HERE / name, course / name)
    for name in ("source", "release", "docs"):
        shutil.copytree(HERE / name, course / name)
    monkeypatch.setenv("COURSE_ROOT", str(course))
    address = lab(course)
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(CELL.strip())],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    (course / "work").mkdir(exist_ok=True)
    nbformat.write(book, course / "work" / "sitting.ipynb")

    page.goto(address("work/sitting.ipynb"))
    page.wait_for_selector("text=| Idle")
    page.click(".lm-MenuBar-item:has-text('Run')")
    page.click(".lm-Menu-itemLabel:text-is('Run All Cells')")
    page.wait_for_selector("text=When you press the button")
    page.click("button:has-text('Begin: the clock starts')")
    page.wait_for_selector("h3:has-text('A bank, level 1: Accounts')")
    page.wait_for_selector("text=30 minutes left; next: level 1, by minute 12.")
    assert page.locator("text=When you press the button").count() == 0
    page.screenshot(path=picture("begun"))
    log = (course / ".course" / "log.jsonl").read_text("utf-8").splitlines()
    (begun,) = [e for e in map(json.loads, log) if e["event"] == "sitting"]
    assert (begun["step"], begun["name"]) == ("begin", "build bank 3")
