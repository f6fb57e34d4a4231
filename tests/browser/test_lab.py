"""What a learner sees: the home page, a notebook that runs, Validate's answer."""

import json
import shutil
from pathlib import Path

import pytest

from course.ops import lab as room

pytestmark = pytest.mark.browser


def release(course: Path) -> list[Path]:
    """Copy the released notebooks to work/ and return the copies."""
    shutil.copytree(course / "release", course / "work", dirs_exist_ok=True)
    return sorted((course / "work").glob("*/*.ipynb"))


def run_all(page, address: str, notebook: Path) -> list[dict]:
    """Open a notebook, run all of it, save it, and return its code cells."""
    page.goto(address)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.wait_for_selector('[title*="Idle"], [data-status="idle"]', state="attached")
    before = notebook.stat().st_mtime_ns
    page.click('.lm-MenuBar-item:has-text("Run")')
    page.click('.lm-Menu-item:has-text("Run All Cells"):visible >> nth=0')
    page.wait_for_function(IDLE, timeout=120_000)
    page.keyboard.press("Control+s")
    for _ in range(100):
        if notebook.stat().st_mtime_ns != before:
            break
        page.wait_for_timeout(100)
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


# Every prompt that started has a number, and the kernel rests.
IDLE = """() => {
    const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')];
    const said = prompts.map(p => p.textContent);
    return said.some(t => /\\[\\d+\\]/.test(t)) && !said.some(t => t.includes('*'));
}"""


def test_home_page_leads_to_the_next_notebook(built_minicourse, lab, page, picture):
    first = release(built_minicourse)[0]
    page.goto(lab(built_minicourse)(room.HOME))
    page.wait_for_selector("h1:has-text('Your desk')")
    page.screenshot(path=picture("home"))
    rooms = page.locator(".jp-DirListing-itemText").all_inner_texts()
    assert "work" in rooms
    assert not {"source", "release", "lessons"} & set(rooms)
    page.click("h3 a")
    page.wait_for_selector(f".lm-TabBar-tab:has-text('{first.name}')")
    page.wait_for_selector(".jp-Toolbar :text('Validate')")
    assert page.locator(".jp-Dialog").count() == 0
