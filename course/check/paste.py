"""Values and calls as short text that can be pasted into a cell."""

import dataclasses
import math
from collections import deque
from collections.abc import Iterable
from itertools import islice

import numpy as np

ROOM = 76
_STEPS = ((80, 400), (24, 60), (8, 36), (5, 20), (3, 14), (2, 10))


def text(value: object, room: int = ROOM) -> str:
    """Return `value` as Python text of at most `room` characters.

    What does not fit is shortened inside out, so that the shape stays visible.
    Addresses never show, and a `__repr__` that raises is survived.

    >>> text({"size": 4, "path": "a/b"})
    "{'size': 4, 'path': 'a/b'}"
    >>> text(list(range(1000)), 30)
    '[0, 1, 2, 3, 4, 5, 6, 7, ...]'
    >>> text(np.array([1.5, 2.0], dtype=np.float32))
    'np.array([1.5, 2.0], dtype=np.float32)'
    """
    drawn = ""
    for items, chars in _STEPS:
        drawn = _draw(value, items, chars, 6)
        if len(drawn) <= room:
            return drawn
    return drawn[: room - 3] + "..."


def call_text(f: object, args: tuple, kw: dict, room: int = ROOM) -> str:
    """Return the call `f(*args, **kw)` as text of at most `room` characters.

    >>> call_text(sorted, ([3, 1],), {"reverse": True})
    'sorted([3, 1], reverse=True)'
    """
    named = name(f)
    for items, chars in _STEPS:
        words = [_draw(arg, items, chars, 6) for arg in args]
        words += [f"{key}={_draw(arg, items, chars, 6)}" for key, arg in kw.items()]
        drawn = f"{named}({', '.join(words)})"
        if len(drawn) <= room:
            return drawn
    return drawn[: room - 4] + "...)"


def name(f: object) -> str:
    """Return the name a reader knows `f` by.

    >>> name(str.upper), name("text".upper), name(lambda: 0)
    ('str.upper', 'str.upper', 'lambda')
    """
    named = getattr(f, "__qualname__", None) or getattr(f, "__name__", None)
    if not isinstance(named, str):
        inner = getattr(f, "func", None)  # functools.partial
        return name(inner) if inner is not None else type(f).__name__
    return named.rsplit("<locals>.", 1)[-1].strip("<>")


def one_line(words: object, room: int = 160) -> str:
    """Return `words` as one line of at most `room` characters.

    >>> one_line("a\\n   b")
    'a b'
    """
    try:
        line = " ".join(str(words).split())
    except Exception:
        line = f"<{type(words).__name__}>"
    return line if len(line) <= room else line[: room - 3] + "..."


def _draw(value: object, items: int, chars: int, depth: int) -> str:
    kind = type(value)
    if kind in (list, tuple, set, frozenset, dict, deque):
        return _draw_container(value, items, chars, depth)
    if kind in (str, bytes, bytearray):
        return _draw_string(value, chars)
    if kind is np.ndarray:
        return _draw_array(value, items, chars, depth)
    if kind is float and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, type) or (callable(value) and hasattr(value, "__name__")):
        return name(value)
    try:
        if dataclasses.is_dataclass(value):
            return _draw_fields(value, items, chars, depth)
        drawn = repr(value)
    except Exception:
        drawn = ""
    if not isinstance(drawn, str) or not drawn or " at 0x" in drawn:
        drawn = f"<{kind.__name__}>"
    return _cut(" ".join(drawn.split()), chars)


def _draw_string(value: str | bytes | bytearray, chars: int) -> str:
    if len(value) > chars:
        dots = "..." if isinstance(value, str) else b"..."
        head = (chars - 3) // 2
        value = value[:head] + dots + value[len(value) - (chars - 3 - head) :]
    return repr(value)


def _cut(drawn: str, chars: int) -> str:
    if len(drawn) <= chars + 3:
        return drawn
    tail = drawn[-1] if drawn[-1] in "'\")>]}" else ""
    return drawn[: max(chars - 3, 1)] + "..." + tail


def _draw_fields(value: object, items: int, chars: int, depth: int) -> str:
    if depth == 0:
        return "..."
    fields = [field.name for field in dataclasses.fields(value) if field.repr]
    words = [
        f"{field}={_draw(getattr(value, field, None), items, chars, depth - 1)}"
        for field in fields[:items]
    ]
    if len(fields) > items:
        words.append("...")
    return f"{type(value).__qualname__.rsplit('.', 1)[-1]}({', '.join(words)})"


def _draw_container(value: Iterable, items: int, chars: int, depth: int) -> str:
    kind = type(value)
    if depth == 0:
        return "..."
    if kind is dict:
        words = [
            f"{_draw(k, items, chars, depth - 1)}: {_draw(v, items, chars, depth - 1)}"
            for k, v in islice(value.items(), items)
        ]
    else:
        chosen: Iterable = islice(value, items)
        if kind in (set, frozenset) and len(value) <= 10_000:
            chosen = islice(_in_order(value), items)
        words = [_draw(one, items, chars, depth - 1) for one in chosen]
    if len(value) > items:
        words.append("...")
    body = ", ".join(words)
    if kind is list:
        return f"[{body}]"
    if kind is tuple:
        return f"({body},)" if len(value) == 1 else f"({body})"
    if kind is deque:
        return f"deque([{body}])"
    if kind is frozenset:
        return f"frozenset({{{body}}})" if value else "frozenset()"
    if kind is set and not value:
        return "set()"
    return f"{{{body}}}"


def _in_order(values: Iterable) -> list:
    """Sort where the values allow it, so that a message is the same every time."""
    try:
        return sorted(values)
    except Exception:
        return sorted(values, key=lambda one: (type(one).__name__, text(one)))


def _draw_array(value: np.ndarray, items: int, chars: int, depth: int) -> str:
    if value.size > items * 4 or value.dtype.kind in "VOMm":
        shape = "x".join(map(str, value.shape)) or "scalar"
        return f"<{shape} array of {value.dtype}>"
    body = _draw(value.tolist(), items, chars, depth)
    usual = value.dtype in (np.dtype(np.int64), np.dtype(np.float64), np.dtype(bool))
    if value.dtype.kind in "US" or (usual and value.size):
        return f"np.array({body})"
    return f"np.array({body}, dtype=np.{value.dtype.name})"
