"""What the learner works on: copies of the release in `work/`, and theirs alone."""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from course import paths, syllabus
from course.errors import CourseError

RECORD = "started.json"  # in .course/: which release each copy was started from


@dataclass(frozen=True, slots=True)
class Started:
    """One notebook of `work/`: `state` is "new", "kept", or "older".

    "older" means that the release has changed since this copy was made from it;
    `beside` is where the new release was put, when that was asked for.
    """

    notebook: syllabus.Notebook
    path: Path
    state: str
    beside: Path | None = None

    def __str__(self) -> str:
        name = f"work/{self.notebook.week}/{self.path.name}"
        if self.state == "new":
            return f"new    {name}"
        if self.state == "kept":
            return f"there  {name}"
        if self.beside:
            return f"there  {name}; the new release is {self.beside.name}"
        return (
            f"there  {name}; the release is newer, and grading uses its tests.\n"
            f"  try: course start {self.notebook.week} --new   "
            "puts the new release beside yours"
        )


def start(
    week: str | None = None, *, new: bool = False, root: Path | None = None
) -> list[Started]:
    """Copy released notebooks to `work/` where there is none of that name.

    `week` is any target, None means every week. Nothing in `work/` is ever
    written over: with `new`, a newer release goes beside the learner's copy as
    `<name>.new.ipynb`, if there is none yet. Raises CourseError when a notebook
    was not released.
    """
    root = root or paths.root()
    every = [one for known in syllabus.weeks(root) for one in known.notebooks]
    chosen = syllabus.resolve(week, root) if week else every
    record = _record(root)
    started = []
    for notebook in chosen:
        name = f"{notebook.week}/{notebook.name}"
        release = root / "release" / f"{name}.ipynb"
        if not release.is_file():
            raise CourseError(f"release/{name}.ipynb is missing", cure="course build")
        now = hashlib.sha256(release.read_bytes()).hexdigest()
        copy = root / "work" / f"{name}.ipynb"
        if _copy(release, copy):
            record[name] = now
            started.append(Started(notebook, copy, "new"))
        elif record.setdefault(name, now) == now:
            started.append(Started(notebook, copy, "kept"))
        else:
            beside = copy.with_name(f"{notebook.name}.new.ipynb") if new else None
            if beside:
                _copy(release, beside)
            started.append(Started(notebook, copy, "older", beside))
    for folder in {notebook.week for notebook in chosen}:
        for file in (root / "release" / folder).glob("**/*"):
            inside = file.relative_to(root / "release")
            if file.is_file() and file.suffix != ".ipynb":
                _copy(file, root / "work" / inside)
    write(root / ".course" / RECORD, json.dumps(record, indent=1, sort_keys=True))
    return started


def write(file: Path, text: str) -> None:
    """Put `text` into `file` at once: a reader sees the old text or the new one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    scratch.write_text(text, "utf-8")
    os.replace(scratch, file)


def _copy(source: Path, target: Path) -> bool:
    """Copy unless `target` exists, whole or not at all; say whether it was copied."""
    if target.exists():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    shutil.copyfile(source, scratch)
    try:
        os.link(scratch, target)  # unlike a rename, never over a file made meanwhile
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        os.rename(scratch, target)
        return True
    finally:
        scratch.unlink(missing_ok=True)
    return True


def _record(root: Path) -> dict[str, str]:
    try:
        record = json.loads((root / ".course" / RECORD).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
