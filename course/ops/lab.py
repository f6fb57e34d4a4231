"""The front door: a home page that says what is next, and JupyterLab opened on it."""

import json
import os
import sys
from html import escape
from pathlib import Path
from urllib.parse import quote

from course import paths, syllabus
from course.syllabus import Notebook, Week

HOME = "home.md"
# What a learner has no use for; an instructor sees it all. Hidden from the file
# browser only: a link still opens, a terminal still lists.
HIDDEN = [
    *("__pycache__", "*.pyc", "*~", "*.egg-info", "*.db", "*.lock", "*.log"),
    *("*.toml", "*.yml", "Makefile", "nbgrader_config.py", "autograded"),
    *("benchmarks", "build", "course", "grader_tests", "lessons", "release"),
    *("source", "submitted", "tests"),
]
# nbgrader's tools for a class, without which its menu is empty. Those that need an
# exchange folder open error boxes where there is none.
EXCHANGE_TOOLS = ("assignment-list", "course-list")
CLASS_TOOLS = (*EXCHANGE_TOOLS, "create-assignment", "formgrader", "menu")


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
    print("Opening JupyterLab. Ctrl-C, twice, ends it.", flush=True)
    os.execve(sys.executable, command, environment)


def options(root: Path, instructor: bool) -> list[str]:
    """Return what JupyterLab is told on its command line."""
    shell = [os.environ.get("SHELL") or "sh"]
    told = [
        f"--ServerApp.root_dir={root}",
        f"--LabApp.default_url=/lab/tree/{HOME}",
        # the address is still printed, what a learner cannot act on is not
        "--ServerApp.log_level=ERROR",
        "--LabApp.log_level=ERROR",
        "--KernelManager.transport_encryption=auto",
        # not a login shell: that would forget where `course` is
        f"--ServerApp.terminado_settings=shell_command={shell!r}",
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


def _next(root: Path, notebooks: list[Notebook], results: dict) -> str:
    """Lead to the first notebook without a grade, else to one with points left."""

    def left(one: Notebook) -> float:
        result = results[f"{one.week}/{one.name}"]
        return result["max"] - result["score"] - result["manual"]

    new = [one for one in notebooks if f"{one.week}/{one.name}" not in results]
    open_ = [one for one in notebooks if one not in new and left(one) > 0]
    if not new and not open_:
        return "Every point is yours." if notebooks else "No notebook is here yet."
    one = (new or open_)[0]
    link = f"work/{one.week}/{one.name}.ipynb"
    if not (root / link).exists():
        return f"**Next: {one.title}.** Type `course start` in a terminal to get it."
    if not new:
        return f"### Go on: [{one.title}]({link})\n\n{left(one):g} points are left."
    return (
        f"### Next: [{one.title}]({link})\n\n"
        f"About {one.minutes} minutes. Open it, read, and run each cell with "
        "**Shift+Enter**."
    )


def _loop(notebooks: list[Notebook]) -> str:
    one = notebooks[0] if notebooks else None
    target = f"{one.week}/{one.name.split('_')[0]}" if one else "WEEK/NN"
    return f"""\
1. **Answer** an exercise in the notebook, run its cell, and see the result drawn.
2. **Check** it: `%check e1` in any cell lists every failure of exercise 1 at once.
3. **Grade** it: `course grade {target}` in a terminal (*File → New → Terminal*)
   runs the hidden tests, shows your points and links the feedback here.

The **Validate** button above a notebook runs its visible tests from a clean start.
Grading changes nothing in `work/`, and you may grade as often as you like."""


def _board(root: Path, weeks: list[Week], results: dict) -> str:
    heads = ("Week", "Notebook", "Minutes", "Points", "Feedback")
    lines = ["<table align=left>", _row("th", heads)]
    for week in weeks:
        for one in week.notebooks:
            result = results.get(f"{one.week}/{one.name}", {})
            title = _link(root, f"work/{one.week}/{one.name}.ipynb", one.title)
            page = _link(root, result["feedback"], "open") if result else "–"
            cells = (escape(week.title), title, f"{one.minutes}", _points(result), page)
            lines.append(_row("td", cells))
    return "\n".join([*lines, "</table>", "<br clear=all>"])


def _row(tag: str, cells: tuple[str, ...]) -> str:
    inside = "".join(f"<{tag} align=left>{cell}</{tag}>" for cell in cells)
    return f"<tr>{inside}</tr>"


def _results(root: Path) -> dict[str, dict]:
    """Return the last result of each notebook by `week/name`, as grading left it."""
    needed = {"score", "max", "manual", "feedback"}
    try:
        text = (root / ".course" / "results.json").read_text("utf-8")
        return {
            f"{week}/{name}": result
            for week, results in json.loads(text).items()
            for name, result in results.items()
            if needed <= result.keys()
        }
    except (OSError, ValueError, AttributeError):  # never graded, or edited by hand
        return {}


def _points(result: dict) -> str:
    if not result:
        return "not graded yet"
    score, most = result["score"], result["max"]
    filled = int(10 * score / most) if most else 0
    waiting = f", {result['manual']:g} wait for a reader" if result["manual"] else ""
    return f"{'■' * filled}{'□' * (10 - filled)} {score:g} of {most:g}{waiting}"


def _link(root: Path, path: str, text: str) -> str:
    """Return HTML: a link to a file of the course, or the bare text without one."""
    if not path or not (root / path).is_file():
        return escape(text)
    return f'<a href="{quote(path)}">{escape(text)}</a>'
