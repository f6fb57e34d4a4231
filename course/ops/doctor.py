"""Say what this machine has and lacks for the course, and what to type about it."""

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from rich.console import Console
from rich.text import Text

from course import paths
from course.errors import CourseError
from course.ops import install

ROOM_NEEDED = 2  # GB: the environment takes about half, grading the rest
MARKS = {"ok": ("✓", "green"), "note": ("·", "yellow"), "bad": ("✗", "red")}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: `state` is "ok", "note" or "bad"."""

    state: str
    about: str
    said: str
    cure: str = ""


def report() -> int:
    """Print every finding with its cure; return 1 if one of them is bad."""
    console = Console(highlight=False)
    found = list(examine(paths.root()))
    for one in found:
        mark, colour = MARKS[one.state]
        console.print(Text(f"{mark} {one.about:<11}", colour), Text(one.said))
        if one.cure:
            console.print(Text(f"{'':13} try: {one.cure}", "dim"))
    return int(any(one.state == "bad" for one in found))


def examine(root: Path) -> Iterator[Finding]:
    """Return the findings about this machine and the course folder `root`."""
    looks = (_python, _packages, _disk, _fonts, _browser, _built, _gradebook, _sandbox)
    for look in looks:
        yield look(root)


def _python(root: Path) -> Finding:
    wrong = install.complaint(sys.version_info[:2])
    said = f"{platform.python_version()} in {sys.prefix}"
    if wrong:
        return Finding("bad", "Python", said, wrong.split("try: ", 1)[1])
    if sys.platform == "win32":
        cure = "install the course inside WSL (wsl --install)"
        return Finding("bad", "Python", f"{said}, on Windows: no fork", cure)
    return Finding("ok", "Python", said)


def _packages(root: Path) -> Finding:
    """Compare what is installed with requirements.lock."""
    other, count = [], 0
    for name, version in locked(root / "requirements.lock"):
        try:
            have = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # only some Pythons or the tests need it
        count += 1
        if have != version:
            other.append(f"{name} {have} (locked: {version})")
    missing = _missing()
    if missing:
        said = f"missing: {', '.join(missing)}"
        return Finding("bad", "packages", said, "rm -rf .venv, then make lab")
    if other:
        said = f"{len(other)} differ from requirements.lock: {', '.join(other[:3])}"
        cure = "pip install -c requirements.lock -e ."
        return Finding("note", "packages", said, cure)
    return Finding("ok", "packages", f"{count} as in requirements.lock")


def locked(lock: Path) -> list[tuple[str, str]]:
    """Return the (name, version) pairs of a lock file; none if it is missing."""
    text = lock.read_text("utf-8") if lock.exists() else ""
    return re.findall(r"^([A-Za-z0-9._-]+)==(\S+)$", text, flags=re.MULTILINE)


def _missing() -> list[str]:
    """Return what the course requires and this Python lacks."""
    missing = []
    for line in metadata.requires("frontier-lab-course") or ():
        if "extra ==" in line:
            continue
        name = re.match(r"[A-Za-z0-9._-]+", line)[0]
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
    return missing


def _disk(root: Path) -> Finding:
    free = shutil.disk_usage(root).free / 1e9
    if free < ROOM_NEEDED:
        said = f"{free:.1f} GB free, {ROOM_NEEDED} GB wanted"
        return Finding("bad", "disk", said, "make room; feedback/ can be made again")
    if not os.access(root, os.W_OK):
        return Finding(
            "bad", "disk", f"{root} cannot be written", f"chown -R $USER {root}"
        )
    return Finding("ok", "disk", f"{free:.0f} GB free")


def _fonts(root: Path) -> Finding:
    from matplotlib import font_manager

    count = len(font_manager.fontManager.ttflist)
    if not count:
        cure = "pip install --force-reinstall matplotlib"
        return Finding("bad", "fonts", "matplotlib finds no font", cure)
    return Finding("ok", "fonts", f"{count} known to matplotlib")


def _browser(root: Path) -> Finding:
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path:
        return Finding("ok", "Chromium", f"{path} (the browser tests use it)")
    said = "not found; only the browser tests need it, and they skip"
    return Finding("note", "Chromium", said, "sudo apt-get install chromium")


def _built(root: Path) -> Finding:
    from course.ops.build import build

    try:
        report = build(check=True)
    except CourseError as error:
        return Finding("bad", "release", error.message.splitlines()[0], error.cure)
    if report.ok:
        return Finding("ok", "release", "as the lessons say")
    said = f"{str(report).splitlines()[0]}"
    return Finding("bad", "release", said, "course build")


def _gradebook(root: Path) -> Finding:
    book = root / "gradebook.db"
    if not book.exists():
        said = "not built yet; the first grading builds it"
        return Finding("note", "gradebook", said, "course gradebook")
    return Finding(
        "ok", "gradebook", f"{book.name}, {book.stat().st_size / 1e6:.1f} MB"
    )


def _sandbox(root: Path) -> Finding:
    from course.grading import confine, sandbox

    if why := sandbox.obstacle():
        said = f"none: {why}; your own work can be graded, strangers' is refused"
        return Finding("note", "sandbox", said, sandbox.cure())
    walls = "bubblewrap, limits"
    if platform.machine() in confine.MACHINES:
        walls += ", a filter of system calls"
    return Finding(
        "ok", "sandbox", f"{walls}: nbgrader autograde confines every kernel"
    )
