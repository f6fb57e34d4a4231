"""Where the rooms of the course stand on this disk."""

import os
from pathlib import Path

from course.errors import CourseError

MARKER = "nbgrader_config.py"


def root() -> Path:
    """Return the course folder: `COURSE_ROOT`, or the nearest one above that
    holds `nbgrader_config.py`, or the checkout this package is imported from.

    Raises CourseError when none of these is a course folder.
    """
    named = os.environ.get("COURSE_ROOT")
    if named:
        places = [Path(named)]
    else:
        here = Path.cwd()
        places = [here, *here.parents, Path(__file__).resolve().parent.parent]
    for place in places:
        if (place / MARKER).is_file():
            return place.resolve()
    raise CourseError(
        f"no course folder here: {places[0]} has no {MARKER}",
        cure="cd to the folder that holds README.md and nbgrader_config.py",
    )
