"""The study log: one line of JSON for each thing that a learner did."""

import json
import time
from pathlib import Path

FILE = Path(".course", "log.jsonl")


def note(event: dict, folder: Path | None = None) -> None:
    """Append `event` (plain values) with its time to the log in `folder`.

    A log that cannot be written never disturbs a notebook: the event is dropped.
    """
    file = (folder or Path.cwd()) / FILE
    line = json.dumps({"at": round(time.time(), 3), **event}, default=str)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as log:
            log.write(line + "\n")
    except OSError:
        return


def events(folder: Path | None = None) -> list[dict]:
    """Return the events of the log in `folder`, oldest first; broken lines left out."""
    try:
        lines = ((folder or Path.cwd()) / FILE).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    found = []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            found.append(event)
    return found
