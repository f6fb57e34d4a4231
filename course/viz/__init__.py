"""Pictures: data in, Figure out; one style sheet, five colours by role.

Black is the learner's own result, vermilion a limit or a fault, blue compute, purple
memory, grey the baseline; a label or a shape always says the same as the colour.
`show` is the one way to put a figure into a notebook.

Matplotlib is imported when the first figure is asked for, so that a notebook which
is only graded never waits for it.
"""

from course.viz.page import inert, show

LEARNER = "#000000"
LIMIT = "#d55e00"
COMPUTE = "#5790fc"
MEMORY = "#832db6"
BASELINE = "#717581"

_DRAWING = ("attempt", "bars", "beside", "figure", "label_lines", "use_style")

__all__ = [
    "BASELINE",
    "COMPUTE",
    "LEARNER",
    "LIMIT",
    "MEMORY",
    "inert",
    "show",
    *_DRAWING,
]


def __getattr__(name: str) -> object:
    if name not in _DRAWING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from course.viz import drawing

    return getattr(drawing, name)
