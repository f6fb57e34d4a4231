"""Grade a class twice in one run: stock `nbgrader autograde`, then `course autograde`.

    python benchmarks/autograde.py [--quick] [--workers N]

The class hands in every built notebook of the first week, in a fixed mix: all answers
right, the first half right, all wrong, none written. Stock nbgrader gets an empty
configuration. Both start from the same gradebook, and their scores must agree. Looping
submissions are graded afterwards and reported apart. Ends with

    result: ratio=… overhead_s=… peak_mb=…

`ratio` is stock's wall time over ours, starting the program included; `overhead_s` is
our time for one notebook beyond the execution of its cells, as Jupyter timed them;
`peak_mb` is the most memory that our processes held together, a page that several of
them share counted once.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path

import psutil

HERE = Path(__file__).resolve().parent.parent
WEEK = "week1_coding"
MIX = ("right", "partly", "wrong", "unwritten")
SOLUTION = re.compile(r"### BEGIN SOLUTION.*?### END SOLUTION", re.DOTALL)


def submission(name: str, kind: str) -> dict:
    """Return the released notebook with its answers filled in."""
    released = json.loads((HERE / "release" / WEEK / name).read_text("utf-8"))
    solved = json.loads((HERE / "source" / WEEK / name).read_text("utf-8"))
    answers = {
        cell["id"]: text(cell)
        for cell in solved["cells"]
        if cell["metadata"].get("nbgrader", {}).get("solution")
        and cell["cell_type"] == "code"
    }
    written = list(answers) if kind in ("right", "wrong", "loop") else []
    if kind == "partly":
        written = list(answers)[: len(answers) // 2]
    for cell in released["cells"]:
        if cell["id"] in written:
            body = {"wrong": "return []", "loop": "while True: pass"}.get(kind)
            answer = answers[cell["id"]]
            cell["source"] = SOLUTION.sub(body, answer) if body else answer
    return released


def text(cell: dict) -> str:
    """Return the source of a cell."""
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def make(folder: Path, kinds: list[str], config: str) -> None:
    """Make a course that a class of these kinds has handed in."""
    (folder / "lessons").mkdir(parents=True)
    shutil.copy(HERE / "lessons" / "course.toml", folder / "lessons")
    (folder / "nbgrader_config.py").write_text(config)
    for room in ("source", "release"):
        shutil.copytree(HERE / room / WEEK, folder / room / WEEK)
    for number, kind in enumerate(kinds):
        room = folder / "submitted" / f"{kind}{number:02}" / WEEK
        room.mkdir(parents=True)
        for file in (HERE / "release" / WEEK).glob("*.ipynb"):
            (room / file.name).write_text(json.dumps(submission(file.name, kind)))


class Peak(threading.Thread):
    """Watches the memory of a process and all that it started."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.process, self.bytes = psutil.Process(pid), 0

    def run(self) -> None:
        """Look once a second until the process has ended: it costs time to look."""
        while self.process.is_running():
            held = 0
            for one in self._tree():
                with contextlib.suppress(psutil.Error):
                    full = one.memory_full_info()
                    held += getattr(full, "pss", full.rss)
            self.bytes = max(self.bytes, held)
            time.sleep(1)

    def _tree(self) -> list[psutil.Process]:
        try:
            return [self.process, *self.process.children(recursive=True)]
        except psutil.Error:
            return []


def timed(folder: Path, *command: str) -> tuple[float, int]:
    """Run a command in a course; return its seconds and its peak of memory."""
    environment = os.environ | {"COURSE_ROOT": str(folder)}
    start = time.monotonic()
    running = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    peak = Peak(running.pid)
    peak.start()
    _, said = running.communicate()
    seconds = time.monotonic() - start
    if running.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{said.decode()[-2000:]}")
    return seconds, peak.bytes


def scores(folder: Path) -> dict[str, dict[str, float]]:
    """Return each student's score for each graded cell."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
        return {
            one.student.id: {
                grade.name: grade.score for nb in one.notebooks for grade in nb.grades
            }
            for one in book.assignment_submissions(WEEK)
        }


def executing(file: Path) -> float:
    """Return the seconds that Jupyter saw the cells of a run notebook execute."""
    total = 0.0
    for cell in json.loads(file.read_text("utf-8"))["cells"]:
        seen = cell["metadata"].get("execution", {})
        ends = [seen.get("iopub.execute_input"), seen.get("iopub.status.idle")]
        if all(ends):
            start, end = (datetime.fromisoformat(one) for one in ends)
            total += (end - start).total_seconds()
    return total


def main() -> None:
    """Print what both took, and the closing line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="8 submissions, not 40")
    parser.add_argument("--workers", type=int, default=2 * (os.cpu_count() or 1))
    told = parser.parse_args()
    kinds = list(MIX) * (2 if told.quick else 10)
    ours_config = (HERE / "nbgrader_config.py").read_text("utf-8")
    workers = ("--workers", str(told.workers))
    with tempfile.TemporaryDirectory() as folder:
        stock, ours, slow = (Path(folder, name) for name in ("stock", "ours", "slow"))
        make(stock, kinds, "c = get_config()\n")
        make(ours, kinds, ours_config)
        timed(ours, "course", "gradebook")
        shutil.copy(ours / "gradebook.db", stock)
        notebooks = len(list((ours / "source" / WEEK).glob("*.ipynb"))) * len(kinds)
        print(
            f"{len(kinds)} submissions, {notebooks} notebooks, {told.workers} workers"
        )
        theirs, _ = timed(stock, "nbgrader", "autograde", WEEK)
        print(
            f"stock nbgrader   {theirs:6.1f} s  {theirs / notebooks:5.2f} s a notebook"
        )
        mine, peak = timed(ours, "course", "autograde", WEEK, *workers)
        print(f"course autograde {mine:6.1f} s  {mine / notebooks:5.2f} s a notebook")
        before, after = scores(stock), scores(ours)
        differ = [name for name in before if before[name] != after.get(name)]
        print(f"scores differ for {len(differ)} of {len(before)} submissions {differ}")
        spent = [
            json.loads(note.read_text("utf-8"))["seconds"]
            for note in (ours / ".course" / "class" / WEEK).glob("*.json")
        ]
        bare = [executing(file) for file in ours.glob("autograded/*/*/*.ipynb")]
        if not any(bare):
            sys.exit("the run notebooks do not say how long their cells took")
        print(f"cells alone      {sum(bare) / notebooks:5.2f} s a notebook")
        overhead = (sum(spent) - sum(bare)) / notebooks
        if not told.quick:
            make(slow, ["loop"] * 2, ours_config)
            shutil.copy(ours / "gradebook.db", slow)
            loops, _ = timed(slow, "course", "autograde", WEEK, *workers)
            print(f"2 looping ones   {loops:6.1f} s")
    print(
        f"result: ratio={theirs / mine:.2f} overhead_s={overhead:.2f} "
        f"peak_mb={peak / 1e6:.0f}"
    )
    sys.exit(1 if differ else 0)


if __name__ == "__main__":
    main()
