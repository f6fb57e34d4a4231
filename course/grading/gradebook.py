"""The gradebook: nbgrader's database, made from `source/`, ignored by git.

It is built beside and renamed into place, so there is never half of one. The
state of `source/` it was built from stands inside the file (SQLite's own
`user_version`), so the two cannot be separated. One that holds grades is never
overwritten: it is set aside.
"""

import hashlib
import io
import logging
import os
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from course import fastimport, paths  # noqa: F401 - fastimport before nbgrader
from course.errors import CourseError

try:
    import fcntl
except ImportError:  # Windows has none: there, do not grade twice at once
    fcntl = None

_held: set[Path] = set()


def ensure(root: Path | None = None, say: Callable[[str], Any] = print) -> Path:
    """Return the path of a gradebook that fits `source/`; build it where needed.

    Does nothing, in a few milliseconds, when it is there and `source/` is as it
    was. `say` gets one sentence when an older one with grades is set aside.
    Raises CourseError when `source/` is empty or nbgrader cannot read it.
    """
    root = root or paths.root()
    file = root / "gradebook.db"
    if _version(file) == fingerprint(root):
        return file
    with locked(root):
        wanted = fingerprint(root)
        if _version(file) == wanted:  # another process was faster
            return file
        with tempfile.TemporaryDirectory(dir=_state(root), prefix="gradebook-") as new:
            built = _build(root, Path(new))
            with closing(sqlite3.connect(built)) as db:
                db.execute(f"PRAGMA user_version = {wanted}")
                db.commit()
            if file.exists():
                _set_aside(file, say)
            os.replace(built, file)
    return file


def fingerprint(root: Path) -> int:
    """Return a 31-bit number that changes with any notebook in `source/`.

    Raises CourseError when there is none.
    """
    digest = hashlib.sha256()
    files = sorted((root / "source").glob("*/*.ipynb"))
    if not files:
        raise CourseError(f"{root / 'source'} holds no notebooks", cure="course build")
    for file in files:
        digest.update(f"{file.parent.name}/{file.name}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return int.from_bytes(digest.digest()[:4], "big") >> 1 or 1


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Keep every other process of this course from writing grades meanwhile.

    May be nested. Raises CourseError when another process holds it.
    """
    if fcntl is None or root in _held:
        yield
        return
    with open(_state(root) / "grade.lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CourseError(
                "another `course grade` is running in this folder",
                cure="wait for it to end, then type the same again",
            ) from None
        _held.add(root)
        try:
            yield
        finally:
            _held.discard(root)


def _state(root: Path) -> Path:
    folder = root / ".course"
    folder.mkdir(exist_ok=True)
    return folder


def _version(file: Path) -> int | None:
    if not file.is_file():
        return None
    try:
        with closing(sqlite3.connect(file)) as db:
            return db.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error:
        return None


def _set_aside(file: Path, say: Callable[[str], Any]) -> None:
    """Rename a gradebook that holds grades, or that cannot be read."""
    try:
        with closing(sqlite3.connect(file)) as db:
            count = db.execute("SELECT count(*) FROM submitted_assignment").fetchone()[
                0
            ]
    except sqlite3.Error:
        count = -1
    if count == 0:
        return
    number, kept = 1, file.with_name(f"gradebook-{date.today()}.db")
    while kept.exists():
        number += 1
        kept = file.with_name(f"gradebook-{date.today()}-{number}.db")
    os.rename(file, kept)
    held = "could not be read" if count < 0 else "holds grades of the older version"
    say(
        f"source/ has changed, so gradebook.db was built anew. The old one {held}: "
        f"it is kept as {kept.name}."
    )


def _build(root: Path, folder: Path) -> Path:
    """Run nbgrader's generate step for every week, into `folder`."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config.loader import PyFileConfigLoader

    file = folder / "gradebook.db"
    heard = io.StringIO()
    log = logging.Logger("course.gradebook", logging.WARNING)
    log.addHandler(logging.StreamHandler(heard))
    for week in sorted({one.parent.name for one in root.glob("source/*/*.ipynb")}):
        config = PyFileConfigLoader(paths.MARKER, path=[str(root)]).load_config()
        place = CourseDirectory(
            config=config,
            root=str(root),
            assignment_id=week,
            release_directory=str(folder / "release"),
            db_url=f"sqlite:///{file}",
            log=log,
        )
        step = GenerateAssignment(coursedir=place, config=config, log=log)
        try:
            with _programs_of_this_python():
                step.start()
        except Exception as error:
            raise CourseError(
                f"nbgrader could not read source/{week}: {error}\n{heard.getvalue()}",
                cure="course build, then type the same again",
            ) from error
    return file


@contextmanager
def _programs_of_this_python() -> Iterator[None]:
    """Let nbgrader find `alembic`, which it runs, where no environment is active."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before
