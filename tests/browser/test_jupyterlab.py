"""What a learner sees: the home page, a notebook that runs, Validate's answer."""

import json
import shutil
from pathlib import Path

import pytest

from course import syllabus
from course.ops.lab import HOME

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HERE = Path(__file__).resolve().parents[2]
# Some cell ran, and none is running or waiting.
RESTS = """() => {
    const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')];
    const said = prompts.map(p => p.textContent);
    return said.some(t => /\\[\\d+\\]/.test(t)) && !said.some(t => t.includes('*'));
}"""


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a private copy of this course: what is built, and nothing else."""
    folder = tmp_path / "course"
    (folder / "lessons").mkdir(parents=True)
    for name in ("nbgrader_config.py", "lessons/course.toml"):
        shutil.copy(HERE / name, folder / name)
    for name in ("source", "release", "docs"):
        shutil.copytree(HERE / name, folder / name)
    monkeypatch.setenv("COURSE_ROOT", str(folder))
    return folder


def first(course: Path) -> str:
    """Return the path in work/ of the first notebook of the course."""
    one = next(one for week in syllabus.weeks(course) for one in week.notebooks)
    return f"work/{one.week}/{one.name}.ipynb"


def open_notebook(page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.wait_for_selector("text=| Idle", timeout=60_000)


def run_all(page, notebook: Path) -> list[dict]:
    """Run all cells, save, and return the code cells of the file."""
    page.click(".lm-MenuBar-item:has-text('Run')")
    page.click(".lm-Menu-itemLabel:text-is('Run All Cells')")
    page.wait_for_function(RESTS, timeout=120_000)
    with page.expect_response(saved):
        page.keyboard.press("Control+s")
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def saved(response) -> bool:
    return response.request.method == "PUT" and "/api/contents/" in response.url


def validate(page) -> str:
    """Press nbgrader's Validate button and return what its dialog says."""
    page.click(".jp-Toolbar :text('Validate')")
    page.wait_for_selector(".jp-Dialog-content :text-matches('Validation')")
    return page.inner_text(".jp-Dialog-content")


def role(cell: dict) -> str:
    return cell["metadata"].get("course", {}).get("role", "")


def test_home_page_leads_to_the_next_notebook(course, lab, page, picture):
    page.goto(lab(course)(HOME))
    page.wait_for_selector("h1:has-text('Your desk')")
    page.screenshot(path=picture("home"))
    rooms = page.locator(".jp-DirListing-itemText").all_inner_texts()
    assert "work" in rooms
    assert not {"source", "release", "lessons"} & set(rooms)
    page.click("h3 a")
    name = Path(first(course)).name
    page.wait_for_selector(f".lm-TabBar-tab:has-text('{name}')")
    page.wait_for_selector(".jp-Toolbar :text('Validate')")
    assert page.locator(".jp-Dialog").count() == 0
    assert page.locator(".jp-toastContainer :text-matches('.+')").count() == 0


def test_released_notebook_runs_up_to_the_first_stub(course, lab, page, picture):
    address = lab(course)
    notebook = course / first(course)
    open_notebook(page, address(first(course)))
    cells = run_all(page, notebook)
    page.screenshot(path=picture("run"))

    stub = next(i for i, cell in enumerate(cells) if role(cell) == "answer")
    failed = [
        (i, output["ename"], output["evalue"])
        for i, cell in enumerate(cells)
        for output in cell["outputs"]
        if output["output_type"] == "error"
    ]
    ((where, name, message),) = failed  # JupyterLab stops at the first
    assert where > stub
    assert role(cells[where]) == "check"
    assert name in ("Wrong", "Fatal")
    figures = [
        output["data"]["image/png"]
        for cell in cells[:stub]
        for output in cell["outputs"]
        if "image/png" in output.get("data", {})
    ]
    assert figures
    image = page.locator(".jp-OutputArea-output img").first
    image.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    page.screenshot(path=picture("figure"))
    assert image.evaluate("image => image.complete && image.naturalWidth > 100")
    assert len(image.get_attribute("alt") or "") >= 20

    said = validate(page)
    page.screenshot(path=picture("validate"))
    assert "failed" in said
    assert message.splitlines()[1].strip() in said


def test_solved_notebook_passes_validate(course, lab, page, picture):
    address = lab(course)
    shutil.copy(course / first(course).replace("work", "source", 1), course / "solved")
    (course / "solved").replace(course / first(course))
    open_notebook(page, address(first(course)))
    said = validate(page)
    page.screenshot(path=picture("solved"))
    assert "Success" in said


def test_terminal_knows_the_course_command(course, lab, page, picture):
    page.goto(lab(course)(HOME))
    page.wait_for_selector("h1:has-text('Your desk')")
    page.click(".lm-MenuBar-item:has-text('File')")
    page.hover(".lm-Menu-itemLabel:text-is('New')")
    page.click(".lm-Menu-itemLabel:text-is('Terminal')")
    page.wait_for_selector(".jp-Terminal .xterm-screen")
    page.wait_for_timeout(1000)
    page.keyboard.type("course home > said; pwd >> said\n")
    for _ in range(100):
        if (course / "said").exists() and len((course / "said").read_text()) > 1:
            break
        page.wait_for_timeout(100)
    page.screenshot(path=picture("terminal"))
    page.wait_for_timeout(500)
    assert (course / "said").read_text() == f"{course / HOME}\n{course}\n"
