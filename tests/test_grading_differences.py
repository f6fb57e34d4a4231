"""Stock nbgrader beside ours: one test for each row of the table in the manual.

The same submissions of one small course are graded three times: by nbgrader without any
settings, by nbgrader with this course's settings, and by `course autograde`. (What runs
unconfined in the first of them is harmless.)
"""

import io
import json
import logging
import multiprocessing
import os
import re
import shutil
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import nbformat
import pytest
import test_grading_clean as pages
from nbconvert.exporters import HTMLExporter
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from rich.console import Console
from test_grading_autograde import DOUBLE, E1, HALF, NOTHING, RIGHT, WEEK, answer, edit
from test_grading_autograde import make_course as make
from test_grading_hostile import (
    DISPLAYHOOK,
    DISPLAYHOOK_MUCH,
    FRAMES,
    HOOK,
    KNOWS_HALF,
    SPLIT,
    WRONG,
    WRONG_HALF,
)
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from course.grading import batch, clean, gradebook, guard, sandbox
from course.grading.execute import Execute

pytestmark = [
    pytest.mark.slow,
    # SQLAlchemy's, about how nbgrader uses it
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),
    pytest.mark.skipif(
        bool(sandbox.obstacle()) and not os.environ.get("COURSE_REQUIRE_SANDBOX"),
        reason=f"no sandbox: {sandbox.obstacle()}",
    ),
]

HERE = Path(__file__).resolve().parent.parent
SCRIPT = "<script>alert(1)</script>"
FORMULA = f"The area is $\\pi r^2$. {SCRIPT}"
QUIET = Console(file=io.StringIO())
# Tells what a kernel sees, and leaves a file behind.
PROBE = """
import json, os
seen = {name: os.environ.get(name) for name in ("OPENBLAS_NUM_THREADS",
        "PYTHONHASHSEED", "GRADER_TOKEN")}
seen |= {"folder": os.getcwd(), "source": os.path.exists(SOURCE)}
open("left.txt", "w").close()
print("seen", json.dumps(seen))
"""
# A helper of the answer that is still at work when a test is over.
NOISE = """
import sys
print("careful", file=sys.stderr)
def double(n):
    get_ipython().events.register(
        "post_run_cell", lambda result: print("careful", file=sys.stderr)
    )
    return 2 * n
"""


# With tests of mode=split, a cell that draws, and one that tries something.
DRAWN = SPLIT.replace(
    "# %% [hints] e1",
    '# %% [look] e1\nprint("drawn", double(21))\n\n'
    '# %% trial\nprint("tried", double(4))\n\n# %% [hints] e1',
)


def right(folder: Path, root: Path, double: str = DOUBLE, half: str = HALF) -> None:
    answer(folder / "one.ipynb", double, half)


def writes(double: str = DOUBLE, half: str = HALF) -> Callable:
    return partial(right, double=double, half=half)


def deleted(folder: Path, root: Path) -> None:
    def change(nb, cells):
        nb.cells.remove(cells["e1-check"])
        for name in ("e1-grade-big", "e2-check", "e2-grade-odd"):
            cells[name].metadata = {}

    right(folder, root, WRONG)
    edit(folder / "one.ipynb", change)


def twice(folder: Path, root: Path) -> None:
    def change(nb, cells):
        nb.cells.append(json.loads(json.dumps(cells["e1-check"])))

    right(folder, root)
    edit(folder / "one.ipynb", change)


def linked(folder: Path, root: Path) -> None:
    right(folder, root)
    (folder / "notes.txt").symlink_to(root / "source" / WEEK / "one.ipynb")


def hides(folder: Path, root: Path) -> None:
    right(folder, root, "import pandocfilters\n" + DOUBLE)
    (folder / "pandocfilters.py").write_text("print('mine')")


def renamed(folder: Path, root: Path) -> None:
    right(folder, root)
    shutil.copy(root / "release" / WEEK / "two.ipynb", folder)
    (folder / "one.ipynb").rename(folder / "one (1).ipynb")


def cut(folder: Path, root: Path) -> None:
    (folder / "one.ipynb").write_text('{"cells": [')


def untimely(folder: Path, root: Path) -> None:
    right(folder, root)
    (folder / "timestamp.txt").write_text("soon")


def probes(folder: Path, root: Path) -> None:
    source = str(root / "source" / WEEK / "one.ipynb")
    right(folder, root, PROBE.replace("SOURCE", repr(source)) + DOUBLE)


def shows(folder: Path, root: Path) -> None:
    right(folder, root)
    edit(
        folder / "one.ipynb",
        lambda nb, _: nb.cells.append(nbformat.v4.new_markdown_cell(FORMULA)),
    )


SENT = {
    "apart": writes(half=FRAMES + KNOWS_HALF),
    "canary": writes(HOOK + WRONG, WRONG_HALF),
    "cut": cut,
    "deleted": deleted,
    "dies": writes(half="import os\ndef half(n):\n    os._exit(0)"),
    "hides": hides,
    "honest": right,
    "linked": linked,
    "noisy": writes(NOISE),
    "probes": probes,
    "renamed": renamed,
    "shows": shows,
    "untimely": untimely,
    "value": writes(DISPLAYHOOK),
    "value-much": writes(half=DISPLAYHOOK_MUCH),
}


@dataclass
class Side:
    """One way to grade: its course, its settings, what it logged, its points."""

    root: Path
    config: Config
    log: str = ""
    points: dict[str, list] = field(default_factory=dict)
    outcomes: dict[str, batch.Outcome] = field(default_factory=dict)

    def convert(self, student="*", step=Autograde, exclude: str = "") -> str:
        """Run one step of nbgrader for this student, or for all; return the log."""
        said = io.StringIO()
        log = logging.Logger("nbgrader", logging.INFO)
        log.addHandler(logging.StreamHandler(said))
        place = CourseDirectory(
            config=self.config,
            root=str(self.root),
            course_id="frontier_lab",
            student_id=student,
            student_id_exclude=exclude,
            assignment_id=WEEK,
            log=log,
        )
        try:
            step(coursedir=place, config=self.config, log=log).start()
        except Exception as error:
            log.error("ended: %r", error)
        return said.getvalue()

    def graded(self) -> dict[str, list]:
        """Return the points of each graded cell; None where nothing was graded."""
        from nbgrader.api import Gradebook

        with Gradebook(f"sqlite:///{self.root / 'gradebook.db'}") as book:
            return {
                one.student.id: [
                    grade.auto_score
                    for nb in one.notebooks
                    for grade in nb.grades
                    if nb.name == "one"
                ]
                for one in book.assignment_submissions(WEEK)
            }

    def ran(self, student: str) -> Path:
        return self.root / "autograded" / student / WEEK

    def hand_in(self, student: str, change: Callable) -> None:
        folder = self.root / "submitted" / student / WEEK
        folder.mkdir(parents=True)
        shutil.copy(self.root / "release" / WEEK / "one.ipynb", folder)
        change(folder, self.root)


@contextmanager
def started(act: Callable, *args: object):
    """Let a process of its own do something, and kill it."""
    process = multiprocessing.get_context("fork").Process(target=act, args=args)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


@pytest.fixture(scope="module")
def sides(tmp_path_factory) -> dict[str, Side]:
    """Grade the same class three times."""
    place = tmp_path_factory.mktemp("differences")
    root = make(place / "ours", ["one", "two"], lesson=DRAWN)
    gradebook.ensure(root)
    for name in ("stock", "plain"):
        shutil.copytree(root, place / name)
    loader = PyFileConfigLoader("nbgrader_config.py", path=[str(root)])
    found = {
        "stock": Side(place / "stock", Config()),
        "plain": Side(place / "plain", loader.load_config()),
        "ours": Side(root, loader.load_config()),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADER_TOKEN", "secret")
        for side in found.values():
            for student, change in SENT.items():
                side.hand_in(student, change)
        found["stock"].log = found["stock"].convert()
        for student in (
            "hides",
            "honest",
            "linked",
            "cut",
            "renamed",
            "untimely",
            "value",
        ):
            found["plain"].log += found["plain"].convert(student)
        outcomes = batch.autograde(WEEK, root=root, console=QUIET)
    found["ours"].outcomes = {one.student: one for one in outcomes}
    for side in found.values():
        side.points = side.graded()
    return found


# --- one test a row -----------------------------------------------------------------

ROWS: dict[str, Callable[[dict[str, Side]], None]] = {}
# Row -> tests elsewhere that show more of it.
MORE = {
    "A notebook that is no JSON, empty, NaN, over 50 MB, nested over 100 levels, or "
    "over 3000 cells": [
        "test_grading_guard.py::test_a_broken_notebook_is_refused_alone_with_its_reason",
        "test_grading_guard.py::test_huge_files_are_not_read",
    ],
    "A link, hard link, device or FIFO in the submitted folder, hidden files included; "
    "a name with control characters; more than 1000 files, 8 levels or 200 MB": [
        "test_grading_guard.py::test_no_link_and_no_device_is_opened",
        "test_grading_guard.py::test_a_name_that_could_do_harm_is_left_out_and_escaped",
        "test_grading_guard.py::test_five_thousand_files_do_not_crowd_out_the_rest",
        "test_grading_guard.py::test_deep_folders_end_somewhere",
        "test_grading_guard.py::test_a_huge_total_is_cut",
    ],
    "Grader killed half-way": [
        "test_grading_batch.py::test_really_killed_a_rerun_gives_the_same",
        "test_grading_batch.py::test_killed_at_any_step_a_rerun_mends_it",
    ],
    "Seconds for one cell": [
        "test_grading_autograde.py::test_a_loop_costs_its_own_cells_only"
    ],
    "Feedback page": [
        "test_grading_clean.py::test_only_what_is_listed_is_markup_on_a_whole_page"
    ],
}


def row(first_cell: str) -> Callable:
    """Return a decorator that makes a function the test of this row."""

    def add(test: Callable) -> Callable:
        ROWS[first_cell] = test
        return test

    return add


@row("Test cell deleted, or its metadata lost")
def _(sides):
    assert sides["stock"].points["deleted"] == [None] * 4
    assert "for student 'deleted'" not in sides["stock"].log
    assert sides["ours"].points["deleted"] == [0, 0, 10, 40]  # the first was wrong
    repairs = sides["ours"].outcomes["deleted"].repairs["one"]
    assert repairs == ["e1 check: was missing; put back"]


@row(
    "A link, hard link, device or FIFO in the submitted folder, hidden files included; "
    "a name with control characters; more than 1000 files, 8 levels or 200 MB"
)
def _(sides):
    stock, plain, ours = sides.values()
    source = (ours.root / "source" / WEEK / "one.ipynb").read_bytes()
    assert (stock.ran("linked") / "notes.txt").read_bytes() == source
    assert not (ours.ran("linked") / "notes.txt").exists()
    assert ours.outcomes["linked"].flags[0].startswith("notes.txt -> ")
    assert "linked/week1_demo was refused: notes.txt -> " in plain.log
    assert not plain.ran("linked").exists()
    limits = guard.Limits()
    assert (limits.files, limits.depth, limits.total) == (1000, 8, 200_000_000)

    def waits(folder: Path, root: Path) -> None:
        right(folder, root)
        os.mkfifo(folder / "timestamp.txt")

    for side in (stock, plain):
        side.hand_in("waits", waits)
        side.ran("waits").mkdir(parents=True)  # then the time is compared
    with started(stock.convert, "waits") as process:
        process.join(3)
        assert process.is_alive()
    assert "waits/week1_demo was refused: timestamp.txt: it is a FIFO" in (
        plain.convert("waits")
    )


@row(
    "A notebook that is no JSON, empty, NaN, over 50 MB, nested over 100 levels, or "
    "over 3000 cells"
)
def _(sides):
    stock, plain, ours = sides.values()
    assert stock.points["cut"] == [None] * 4
    assert "JSONDecodeError" in stock.log
    assert not stock.ran("cut").exists()
    assert ours.points["cut"] == NOTHING
    assert "not valid JSON" in ours.outcomes["cut"].trouble["one"]
    assert "cut/week1_demo was refused: one.ipynb: the file is not valid" in plain.log
    most = (guard.MAX_BYTES, guard.MAX_DEPTH, guard.MAX_CELLS)
    assert most == (50_000_000, 100, 3000)


@row("A `timestamp.txt` that holds no date and time")
def _(sides):
    stock, plain, ours = sides.values()
    assert "untimely" not in stock.points
    assert "ParserError" in stock.log
    assert ours.points["untimely"] == RIGHT
    told = "timestamp.txt: it holds no date and time"
    assert ours.outcomes["untimely"].flags == [told]
    assert f"untimely/week1_demo was refused: {told}" in plain.log


@row("Notebook renamed")
def _(sides):
    stock, plain, ours = sides.values()
    for side in (stock, plain):
        assert side.points["renamed"] == NOTHING
        assert re.search("No submitted file: .*/renamed/.*/one.ipynb", side.log)
    assert ours.points["renamed"] == RIGHT
    told = ours.outcomes["renamed"].repairs["one"]
    assert told == ["taken from one (1).ipynb"]


@row("Grader killed half-way")
def _(sides):
    stock, _, ours = sides.values()
    again = partial(batch.autograde, WEEK, ["killed"], root=ours.root, console=QUIET)
    for side, grades, half_way in (
        (stock, partial(stock.convert, "killed"), "autograded/killed/*/one.ipynb"),
        (ours, again, ".course/grading-*/killed/autograded/killed/*/one.ipynb"),
    ):
        side.hand_in("killed", writes("import time\ntime.sleep(3)\n" + DOUBLE))
        with started(grades) as process:
            end = time.monotonic() + 30
            while not list(side.root.glob(half_way)) and time.monotonic() < end:
                time.sleep(0.05)
            process.kill()
    assert "Skipping existing assignment" in stock.convert("killed")
    assert stock.graded()["killed"] == [None] * 4
    assert again()[0].score == 100
    assert ours.graded()["killed"] == RIGHT


@row("Copied cell with a grade_id twice")
def _(sides):
    stock, _, ours = sides.values()
    for side in (stock, ours):
        side.hand_in("twice", twice)
        side.hand_in("zoe", right)
    known = ",".join((*SENT, "killed", "waits"))
    assert "ended: " in stock.convert(exclude=known)
    assert "zoe" not in stock.graded()
    batch.autograde(WEEK, ["twice", "zoe"], root=ours.root, console=QUIET)
    graded = ours.graded()
    assert graded["twice"] == graded["zoe"] == RIGHT


@row("stderr in a test cell (warnings, progress bars)")
def _(sides):
    stock, _, ours = sides.values()
    assert stock.points["noisy"] == NOTHING
    assert ours.points["noisy"] == RIGHT
    assert "careful" in (ours.ran("noisy") / "one.ipynb").read_text()


@row("A test cell evaluates to a number")
def _(sides):
    stock, plain, ours = sides.values()
    assert stock.points["value"] == RIGHT  # though the answer is wrong
    assert stock.points["value-much"] == [10, 40, None, None]
    assert "cannot be greater than maximum points" in stock.log
    assert plain.points["value"] == ours.points["value"] == [0, 0, 10, 40]
    assert ours.points["value-much"] == E1


@row("Kernel dies")
def _(sides):
    stock, _, ours = sides.values()
    assert stock.points["dies"] == [None] * 4
    assert "DeadKernelError" in stock.log
    assert not stock.ran("dies").exists()
    assert ours.points["dies"] == E1
    assert "the kernel died in" in (ours.ran("dies") / "one.ipynb").read_text()


@row("Seconds for one cell")
def _(sides):
    from nbgrader import preprocessors

    assert preprocessors.Execute(config=sides["stock"].config).timeout == 30
    ours = Execute(config=sides["ours"].config)
    limits = (ours.timeout, ours.repeat_timeout, ours.notebook_timeout)
    assert limits == (15, 5, 180)


@row("Tests switched off, in a way that a canary finds")
def _(sides):
    assert sides["stock"].points["canary"] == RIGHT
    assert sides["ours"].points["canary"] == NOTHING
    flags = sides["ours"].outcomes["canary"].flags
    assert "a copy of it that must fail; its tests count 0" in flags[0]


@row(
    "A file beside the notebook that hides a module (`json.py`, `numpy.so`), unless "
    "the release ships it"
)
def _(sides):
    stock, plain, ours = sides.values()
    assert "mine\\n" in (stock.ran("hides") / "one.ipynb").read_text()
    assert ours.points["hides"] == RIGHT
    assert "mine" not in (ours.ran("hides") / "one.ipynb").read_text()
    assert ours.outcomes["hides"].flags[0].startswith("pandocfilters.py: ")
    assert "hides/week1_demo was refused: pandocfilters.py: " in plain.log


@row(
    "A student's name that is more than letters, digits and `_ . @ + -` (spaces inside)"
)
def _(sides):
    stock, _, ours = sides.values()
    name = "<b>eve</b>\n".replace("/", "")
    for side in (stock, ours):
        side.hand_in(name, right)
        side.hand_in("zed", right)
    try:
        said = stock.convert(
            exclude=",".join((*SENT, "killed", "waits", "twice", "zoe"))
        )
        assert "ended: " in said
        assert "zed" not in stock.graded()
        outcomes = batch.autograde(WEEK, [name, "zed"], root=ours.root, console=QUIET)
    finally:
        for side in (stock, ours):
            shutil.rmtree(side.root / "submitted" / name)
    assert [one.score for one in outcomes if not one.lost] == [100]
    assert name not in ours.graded()
    assert ours.graded()["zed"] == RIGHT


def seen(side: Side) -> dict[str, object]:
    """Return what the probing notebook printed."""
    nb = nbformat.read(side.ran("probes") / "one.ipynb", 4)
    texts = [
        out.get("text", "") for cell in nb.cells for out in cell.get("outputs", ())
    ]
    return json.loads(next(text for text in texts if "seen" in text).split(" ", 1)[1])


@row("Tests of `mode=split`")
def _(sides):
    """The second answer looks for the expected value, and has none of its own."""
    assert sides["stock"].points["apart"] == RIGHT
    assert sides["ours"].points["apart"] == E1
    assert sides["ours"].outcomes["apart"].flags == []


@row(
    "Cells that only draw (`look`), and experiments of the lesson of which no answer "
    "and no test mentions a name"
)
def _(sides):
    stock, _, ours = sides.values()
    for printed in ("drawn 42", "tried 8"):
        assert f"{printed}\\n" in (stock.ran("honest") / "one.ipynb").read_text()
        assert printed not in (ours.ran("honest") / "one.ipynb").read_text()


@row("Kernel")
def _(sides):
    stock, ours = seen(sides["stock"]), seen(sides["ours"])
    assert stock["source"] is True
    assert stock["GRADER_TOKEN"] == "secret"
    assert ours["source"] is False
    assert ours["GRADER_TOKEN"] is None
    assert (ours["OPENBLAS_NUM_THREADS"], ours["PYTHONHASHSEED"]) == ("1", "0")


@row("Working folder while running")
def _(sides):
    stock, _, ours = sides.values()
    assert seen(stock)["folder"] == str(stock.ran("probes"))
    assert (stock.ran("probes") / "left.txt").exists()
    assert seen(ours)["folder"] == "/notebook"
    assert [file.name for file in ours.ran("probes").iterdir()] == ["one.ipynb"]


@row('"Checksum has changed" warnings on tests with hidden parts')
def _(sides):
    warning = "Attribute 'checksum' for cell m1-one-e1-grade-big has changed!"
    with_tests = [name for name in SENT if name not in ("cut", "deleted", "untimely")]
    assert sides["stock"].log.count(warning) >= len(with_tests) - 1  # one is renamed
    assert "Sanitizing" in sides["plain"].log
    assert "checksum" not in sides["plain"].log


@row("Feedback page")
def _(sides):
    html = {}
    for name in ("stock", "ours"):
        side = sides[name]
        said = side.convert("shows", GenerateFeedback)
        page = side.root / "feedback" / "shows" / WEEK / "one.html"
        assert page.exists(), said
        html[name] = page.read_text("utf-8")
    compare(html["stock"], html["ours"])


@row("formgrader's page of a submission")
def _(sides):
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(FORMULA)])
    stock = HTMLExporter(
        template_name="formgrade", extra_template_basedirs=[clean.TEMPLATES[1]]
    )
    compare(pages.page("formgrade", nb, stock), pages.page("formgrade", nb))


def compare(stock: str, ours: str) -> None:
    """Compare two pages that show FORMULA."""
    mathjax = r'<script[^>]* src="[^"]*mathjax|MathJax\.js'
    assert SCRIPT in stock
    assert "$\\pi r^2$" in stock
    assert re.search(mathjax, stock, re.IGNORECASE)
    assert SCRIPT not in ours
    assert "<math" in ours
    assert not re.search(mathjax, ours, re.IGNORECASE)
    assert not re.search(r'<(script|link|img)[^>]*(src|href)="https?:', ours)


@pytest.mark.parametrize("case", ROWS, ids=list(ROWS))
def test_difference(case, sides):
    ROWS[case](sides)


def test_every_row_of_the_manual_has_a_test_and_every_test_a_row():
    manual = (HERE / "docs" / "instructor.md").read_text("utf-8")
    _, _, text = manual.partition("## Differences from stock nbgrader\n")
    lines = [line for line in text.partition("\n## ")[0].splitlines() if "|" in line]
    cells = [line.strip("| ").split(" | ")[0] for line in lines[2:]]
    assert sorted(cells) == sorted(ROWS)
    assert set(MORE) <= set(ROWS)
    for name in (name for names in MORE.values() for name in names):
        file, _, test = name.partition("::")
        assert f"\ndef {test}(" in (HERE / "tests" / file).read_text("utf-8"), name
