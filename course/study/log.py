"""The study log: one JSON line per event in `.course/log.jsonl`, only ever appended.

It belongs to the learner, is ignored by git and goes nowhere. A log that cannot be
written or read never disturbs a notebook.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from course import paths
from course.errors import CourseError

_current: list[str] = []


def place() -> Path:
    """Return the log's path: in the course folder, or else in the working folder."""
    try:
        folder = paths.root()
    except CourseError:
        folder = Path.cwd()
    return folder / ".course" / "log.jsonl"


def begin(notebook: str) -> None:
    """Note that the notebook with this key is open: its key goes with each event."""
    _current[:] = [notebook]
    record("open")


def record(event: str, **facts: object) -> bool:
    """Append an event with its time and notebook; return whether that worked.

    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = open(f"{folder}/nbgrader_config.py", "w").close()
    ...     os.environ["COURSE_ROOT"] = folder
    ...     ok = record("guess", name="floor", value=40)
    ...     events()[-1]["value"], ok
    (40, True)
    >>> del os.environ["COURSE_ROOT"]
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    notebook = _current[0] if _current else None
    line = {"time": now, "event": event, "notebook": notebook, **facts}
    try:
        text = json.dumps(line, default=str, ensure_ascii=False) + "\n"
        file = place()
        file.parent.mkdir(exist_ok=True)
        # One write to a file opened for appending: lines of two kernels never mix.
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(handle, text.encode("utf-8", "replace"))
        finally:
            os.close(handle)
    except (OSError, ValueError, TypeError, RecursionError):
        return False
    return True


def events() -> list[dict]:
    """Return all events, oldest first; lines that are damaged are passed over."""
    try:
        lines = place().read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict) and "event" in event:
            found.append(event)
    return found
