"""The front door: a home page that says what is next, and JupyterLab opened on it."""

import json
import os
import sys
from pathlib import Path

from course import paths, syllabus

HOME = "home.md"
# What a learner has no use for; an instructor sees it all. Hidden from the file
# browser only: a link still opens, a terminal still lists.
HIDDEN = [
    *("__pycache__", "*.pyc", "*~", "*.egg-info", "*.db", "*.lock", "*.log"),
    *("*.toml", "*.yml", "Makefile", "nbgrader_config.py", "autograded"),
    *("benchmarks", "build", "course", "grader_tests", "lessons", "release"),
    *("source", "submitted", "tests"),
]
# nbgrader's tools for a class. Without an exchange folder they open error boxes.
CLASS_TOOLS = ("assignment-list", "course-list", "create-assignment", "formgrader")
EXCHANGE_TOOLS = ("assignment-list", "course-list")


def open_lab(extra: list[str], *, instructor: bool = False) -> None:
    """Replace this process by JupyterLab, opened on the home page.

    `extra` are options of JupyterLab's own, such as `--port 9000`; they come last,
    so they win.
    """
    root = paths.root()
    write_home()
    environment = os.environ | {
        # so that `course` is found in a terminal and after a `!` in a notebook
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "JUPYTER_CONFIG_PATH": os.pathsep.join(
            [str(_settings(root, instructor)), *_existing("JUPYTER_CONFIG_PATH")]
        ),
    }
    command = [sys.executable, "-m", "jupyterlab", *options(root, instructor), *extra]
    os.chdir(root)
    sys.stdout.flush()
    os.execve(sys.executable, command, environment)


def options(root: Path, instructor: bool) -> list[str]:
    """Return what JupyterLab is told on its command line."""
    told = [
        f"--ServerApp.root_dir={root}",
        f"--LabApp.default_url=/lab/tree/{HOME}",
        "--ServerApp.log_level=WARN",
        "--LabApp.log_level=WARN",
        "--LabApp.news_url=",
    ]
    if os.name == "posix" and os.geteuid() == 0:
        told.append("--allow-root")
    if not instructor:
        told.append(f"--ContentsManager.hide_globs={HIDDEN!r}")
    return told


def _existing(variable: str) -> list[str]:
    return [path for path in os.environ.get(variable, "").split(os.pathsep) if path]


def _settings(root: Path, instructor: bool) -> Path:
    """Write JupyterLab's defaults for this course; the user's own settings win."""
    hidden = EXCHANGE_TOOLS if instructor else CLASS_TOOLS
    disabled = {f"@jupyter/nbgrader:{tool}": True for tool in hidden}
    if not instructor:  # it asks the package index for news, and learners have a lock
        disabled["@jupyterlab/extensionmanager-extension"] = True
    defaults = {
        "@jupyterlab/apputils-extension:notification": {
            "fetchNews": "false",
            "checkForUpdates": False,
        },
        "@jupyterlab/docmanager-extension:plugin": {
            "defaultViewers": {"markdown": "Markdown Preview"},
        },
    }
    folder = root / ".course" / ("instructor" if instructor else "learner")
    (folder / "labconfig").mkdir(parents=True, exist_ok=True)
    for name, data in (
        ("page_config", {"disabledExtensions": disabled}),
        ("default_setting_overrides", defaults),
    ):
        (folder / "labconfig" / f"{name}.json").write_text(json.dumps(data, indent=1))
    return folder


def write_home() -> Path:
    """Write home.md from the syllabus, work/ and the results so far."""
    root = paths.root()
    page = root / HOME
    text = home(root)
    if not page.exists() or page.read_text("utf-8") != text:
        page.write_text(text, "utf-8")
    return page


def home(root: Path) -> str:
    """Return the home page as Markdown."""
    weeks = syllabus.weeks(root)
    notebooks = [one for week in weeks for one in week.notebooks]
    results = _results(root)
    parts = [
        "# Your desk",
        _next(root, notebooks, results),
        "## The loop",
        _loop(notebooks),
        "## Where you stand",
        _board(root, weeks, results),
        "## When something is odd",
        ODD,
    ]
    return "\n\n".join(parts) + "\n"


ODD = """\
* A locked cell is gone or changed: nothing is lost, grading puts it back and says so.
* A notebook is beyond repair: rename it, then `course start` copies a fresh one.
* Anything else: `course doctor` says what is missing here and what to type.

More: [the learner's guide](docs/learner.md)"""


def _next(root: Path, notebooks: list, results: dict) -> str:
    todo = [one for one in notebooks if not results.get(f"{one.week}/{one.name}")]
    if not notebooks:
        return "No notebook is released yet."
    if not todo:
        return "Every notebook is graded. The board below says where points remain."
    one = todo[0]
    link = f"work/{one.week}/{one.name}.ipynb"
    title = f"{one.title}"
    if not (root / link).exists():
        return f"**Next: {title}.** Type `course start` in a terminal to get it."
    return (
        f"### Next: [{title}]({link})\n\n"
        f"About {one.minutes} minutes. Open it, read, and run each cell with "
        "**Shift+Enter**."
    )


def _loop(notebooks: list) -> str:
    one = notebooks[0] if notebooks else None
    target = f"{one.week}/{one.name.split('_')[0]}" if one else "WEEK/NN"
    return f"""\
1. **Answer** an exercise in the notebook, run its cell, and see the result drawn.
2. **Check** it: `%check e1` in any cell lists every failure of exercise 1 at once.
3. **Grade** it: `course grade {target}` in a terminal (*File → New → Terminal*)
   runs the hidden tests, shows your points and links the feedback here.

The **Validate** button above a notebook runs its visible tests from a clean start.
Grading changes nothing in `work/`, and you may grade as often as you like."""


def _board(root: Path, weeks: list, results: dict) -> str:
    heads = ("Week", "Notebook", "Minutes", "Points", "Feedback")
    lines = ["<table align=left>", _row("th", heads)]
    for week in weeks:
        for one in week.notebooks:
            result = results.get(f"{one.week}/{one.name}", {})
            link = f'<a href="work/{one.week}/{one.name}.ipynb">{one.title}</a>'
            cells = (
                week.title,
                link,
                one.minutes,
                _points(result),
                _page(root, result),
            )
            lines.append(_row("td", cells))
    return "\n".join([*lines, "</table>", "<br clear=all>"])


def _row(tag: str, cells: tuple) -> str:
    inside = "".join(f"<{tag} align=left>{cell}</{tag}>" for cell in cells)
    return f"<tr>{inside}</tr>"


def _results(root: Path) -> dict:
    """Return the last results by `week/notebook`; none where nothing was graded."""
    try:
        return json.loads((root / ".course" / "results.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _points(result: dict) -> str:
    if not result:
        return "not graded yet"
    filled = round(10 * result["score"] / result["max_score"])
    bar = "■" * filled + "□" * (10 - filled)
    return f"{bar} {result['score']:g} of {result['max_score']:g}"


def _page(root: Path, result: dict) -> str:
    page = result.get("feedback", "")
    return f'<a href="{page}">open</a>' if page and (root / page).exists() else "–"
