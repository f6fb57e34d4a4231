"""The first difference between two values, found without asking either of them.

A learner's `__eq__` never decides. Values are taken apart by the builtin type
they are made of (`list.__getitem__`, `dict.items`, `int.__index__`, …) and the
pieces are compared; objects of other classes are compared field by field.
"""

import collections
import dataclasses
import enum
import math
import sys
import types
from dataclasses import dataclass

import numpy as np

from course.check.paste import text

Near = float | tuple[float, float] | None
_ROOM = 60
_LAZY = (
    types.GeneratorType, map, filter, zip, range, reversed, enumerate,
    type({}.keys()), type({}.values()), type({}.items()), type(iter([])),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two values part (`[2]['size']`), what was found, what to try."""

    where: str
    said: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.said}" if self.where else self.said


def difference(
    got: object, want: object, near: Near = None, ordered: bool = False
) -> Difference | None:
    """Return the first difference between `got` and `want`, or None.

    Types come first: `True` is not `1`, `1.0` is not `1`, a list is no tuple. An
    object of a subclass counts as its builtin base. With `near`, numbers of any
    type may differ by `near * max(1, |want|)`; a pair `(relative, absolute)` sets
    both. NaN equals NaN. The order of dict keys matters only if `ordered`.

    >>> difference([1, {"size": 4}], [1, {"size": 5}])
    Difference(where="[1]['size']", said='got 4, expected 5', hint='')
    >>> difference(0.1 + 0.2, 0.3, near=1e-9) is None
    True
    >>> print(difference(True, 1))
    got True (bool), expected 1 (int)
    """
    return _Comparison(near, ordered).differ(got, want, "")


def changed(before: object, after: object) -> Difference | None:
    """Return the first difference in plain data; other objects count as the same.

    >>> print(changed([3, 1], [1, 3]))
    [0]: was 3, is now 1
    """
    return _Comparison(None, True, watch=True).differ(after, before, "")


def holds_data(value: object) -> bool:
    """Is `value` something that `changed` looks into?

    >>> holds_data([1]), holds_data(7), holds_data(len)
    (True, False, False)
    """
    if isinstance(value, (np.ndarray, bytearray)) or _is_dataclass(value):
        return True
    return _base(value) in _CONTAINERS


class _Comparison:
    def __init__(self, near: Near, ordered: bool, watch: bool = False) -> None:
        self.near = near
        self.ordered = ordered
        self.watch = watch  # was/is wording, and only plain data counts
        # The pairs compared so far, held so that no id is used twice.
        self.seen: dict[tuple[int, int], tuple[object, object]] = {}

    def differ(self, got: object, want: object, where: str) -> Difference | None:
        if got is want and self.watch:
            return None
        if self.near is not None and _is_number(got) and _is_number(want):
            return self._numbers(got, want, where)
        if isinstance(want, np.generic):
            return self._scalar(got, want, where)
        if isinstance(want, np.ndarray):
            return self._arrays(got, want, where)
        if isinstance(want, enum.Enum):
            same = type(got) is type(want) and got.name == want.name
            return None if same else self._said(got, want, where)
        base = _base(want)
        if base is None:
            return self._objects(got, want, where)
        if _base(got) is not base:
            return self._types(got, want, where)
        if base in _CONTAINERS and self._met(got, want):
            return None
        return _COMPARE[base](self, got, want, where)

    def _met(self, got: object, want: object) -> bool:
        """Was this pair compared before, or is it being compared (a cycle)?"""
        pair = (id(got), id(want))
        if pair in self.seen:
            return True
        self.seen[pair] = (got, want)
        return False

    # -- leaves ----------------------------------------------------------------

    def _said(
        self, got: object, want: object, where: str, hint: str = ""
    ) -> Difference:
        had, should = text(got, _ROOM), text(want, _ROOM)
        if had == should and type(got) is not type(want):
            return self._types(got, want, where)
        if self.watch:
            return Difference(where, f"was {should}, is now {had}", hint)
        return Difference(where, f"got {had}, expected {should}", hint)

    def _types(self, got: object, want: object, where: str) -> Difference:
        had, should = _kind_name(got), _kind_name(want)
        if self.watch:
            return Difference(where, f"was a {should}, is now a {had}")
        hint = ""
        base = _base(want)
        if isinstance(got, _LAZY) and base in (list, tuple, set, frozenset, dict):
            hint = f"wrap the result: {base.__name__}(...)"
        elif isinstance(got, np.generic) and base in (int, float, bool, complex, str):
            hint = f"turn NumPy's number into Python's: {base.__name__}(...)"
        elif isinstance(want, np.ndarray):
            hint = "return a NumPy array: np.array(...)"
        elif base is not None and base is not type(None):
            hint = f"return a value of type {should}"
        said = (
            f"got {text(got, _ROOM)} ({had}), expected {text(want, _ROOM)} ({should})"
        )
        return Difference(where, said, hint)

    def _exact(self, got: object, want: object, where: str) -> Difference | None:
        base = _base(want)
        ours, theirs = _plain(base, want), _plain(base, got)
        if ours == theirs or (ours != ours and theirs != theirs):
            return None
        return self._said(theirs, ours, where)

    def _numbers(self, got: object, want: object, where: str) -> Difference | None:
        a, b = _number(got), _number(want)
        if a == b or (a != a and b != b):
            return None
        relative, absolute = _tolerance(self.near)
        try:
            gap = abs(a - b)
            allowed = max(relative * abs(b), absolute)
        except OverflowError:
            return self._said(got, want, where)
        if gap <= allowed and abs(b) != float("inf"):
            return None
        return Difference(
            where,
            f"got {text(a, _ROOM)}, expected {text(b, _ROOM)} "
            f"(off by {gap:.3g}, allowed {allowed:.3g})",
        )

    def _strings(self, got: object, want: object, where: str) -> Difference | None:
        base = _base(want)
        ours, theirs = _plain(base, want), _plain(base, got)
        if ours == theirs:
            return None
        if max(len(ours), len(theirs)) <= 48:
            return self._said(theirs, ours, where)
        at = next(
            (i for i, (a, b) in enumerate(zip(theirs, ours, strict=False)) if a != b),
            min(len(ours), len(theirs)),
        )
        around = slice(max(0, at - 12), at + 20)
        unit = "character" if base is str else "byte"
        lengths = (
            f"; lengths {len(theirs)} and {len(ours)}"
            if len(theirs) != len(ours)
            else ""
        )
        had, should = text(theirs[around], 50), text(ours[around], 50)
        words = f"was {should}, is now {had}" if self.watch else (
            f"got ...{had}..., expected ...{should}..."
        )  # fmt: skip
        return Difference(where, f"{words} (from {unit} {at}{lengths})")

    # -- containers ------------------------------------------------------------

    def _sequences(self, got: object, want: object, where: str) -> Difference | None:
        base = _base(want)
        ours, theirs = _plain(base, want), _plain(base, got)
        first = None
        for i, (a, b) in enumerate(zip(theirs, ours, strict=False)):
            first = self.differ(a, b, f"{where}{_step(want, i)}")
            if first:
                break
        if len(theirs) != len(ours):
            return self._lengths(theirs, ours, where, first)
        if first and not self.watch and len(ours) > 1 and _same_items(theirs, ours):
            whole = Difference("", self._said(theirs, ours, "").said)
            short = max(len(text(one, 500)) for one in (theirs, ours)) <= _ROOM
            return Difference(
                where,
                f"right items, wrong order: {whole if short else first}",
                first.hint or "sort the result, or keep the order of the input",
            )
        return first

    def _lengths(
        self, theirs: list, ours: list, where: str, first: Difference | None
    ) -> Difference:
        if self.watch:
            return Difference(
                where, f"had {_count(len(ours))}, now has {_count(len(theirs))}"
            )
        missing, extra = _surplus(ours, theirs), _surplus(theirs, ours)
        said = f"{_count(len(theirs))}, expected {len(ours):,}"
        if missing and not extra:
            said += f"; missing {text(missing[0], _ROOM)}"
        elif extra and not missing:
            again = any(freeze(extra[0]) == freeze(one) for one in ours)
            word = "repeated" if again else "unexpected"
            said += f"; {word} {text(extra[0], _ROOM)}"
        elif first:
            said += f"; {first}"
        elif len(theirs) < len(ours):
            said += f"; missing {text(ours[len(theirs)], _ROOM)}"
        else:
            said += f"; unexpected {text(theirs[len(ours)], _ROOM)}"
        return Difference(where, f"got {said}", first.hint if first else "")

    def _dicts(self, got: object, want: object, where: str) -> Difference | None:
        ours = {freeze(k): (k, v) for k, v in dict.items(want)}
        theirs = {freeze(k): (k, v) for k, v in dict.items(got)}
        for frozen, (key, _) in ours.items():
            if frozen not in theirs and not self._opaque(key):
                return self._membership(where, "key", key, True, dict.keys(got))
        for frozen, (key, _) in theirs.items():
            if frozen not in ours and not self._opaque(key):
                return self._membership(where, "key", key, False, dict.keys(want))
        for frozen, (key, value) in ours.items():
            if frozen not in theirs:
                continue
            step = f"{where}[{text(key, 40)}]"
            found = self.differ(theirs[frozen][1], value, step)
            if found:
                return found
        if self.ordered and ours.keys() == theirs.keys() and [*ours] != [*theirs]:
            return self._said(list(dict.keys(got)), list(dict.keys(want)), where)
        return None

    def _sets(self, got: object, want: object, where: str) -> Difference | None:
        base = _base(want)
        ours = {freeze(one): one for one in _plain(base, want)}
        theirs = {freeze(one): one for one in _plain(base, got)}
        for frozen in sorted(ours.keys() - theirs.keys(), key=repr):
            if not self._opaque(ours[frozen]):
                return self._membership(
                    where, "item", ours[frozen], True, theirs.values()
                )
        for frozen in sorted(theirs.keys() - ours.keys(), key=repr):
            if not self._opaque(theirs[frozen]):
                return self._membership(
                    where, "item", theirs[frozen], False, ours.values()
                )
        return None

    def _opaque(self, one: object) -> bool:
        """While watching, is `one` no plain data, so that its copy may differ?"""
        return self.watch and _base(one) is None

    def _membership(
        self, where: str, noun: str, one: object, missing: bool, others: object
    ) -> Difference:
        drawn = text(one, _ROOM)
        twin = next(
            (o for o in others if text(o, _ROOM) == drawn or _alike(o, one)), one
        )
        note = ""
        if twin is not one:
            note = f"; there is {text(twin, _ROOM)} ({_kind_name(twin)})"
            drawn += f" ({_kind_name(one)})"
        if self.watch:
            word = "lost" if missing else "gained"
            return Difference(where, f"{word} the {noun} {drawn}{note}")
        word = "missing" if missing else "unexpected"
        return Difference(where, f"{word} {noun} {drawn}{note}")

    # -- NumPy -----------------------------------------------------------------

    def _scalar(self, got: object, want: np.generic, where: str) -> Difference | None:
        if isinstance(got, np.generic) and got.dtype.kind == want.dtype.kind:
            return self._arrays(np.asarray(got), np.asarray(want), where)
        if isinstance(got, np.ndarray):
            return self._types(got, want, where)
        return self.differ(got, want.item(), where)

    def _arrays(self, got: object, want: np.ndarray, where: str) -> Difference | None:
        if type(got) is not np.ndarray and not isinstance(got, np.memmap):
            return self._types(got, want, where)
        ours, theirs = np.asarray(want), np.asarray(got)
        a, b = theirs.dtype, ours.dtype
        loose = self.near is not None and a.kind in "iufc" and b.kind in "iufc"
        if a.kind != b.kind and not loose:
            return Difference(
                where,
                f"got an array of {a}, expected {b}",
                f"set the dtype: np.asarray(result, dtype=np.{b.name})",
            )
        if theirs.shape != ours.shape:
            word = "had" if self.watch else "got"
            return Difference(
                where, f"{word} shape {theirs.shape}, expected {ours.shape}"
            )
        if b.names:
            return self._records(theirs, ours, where)
        if b.kind == "V":  # bfloat16 and its kin are kind V and compare as floats
            if a != b:
                return Difference(where, f"got an array of {a}, expected {b}")
            try:
                theirs, ours = theirs.astype(np.float64), ours.astype(np.float64)
            except (TypeError, ValueError):
                same = theirs.tobytes() == ours.tobytes()
                return None if same else self._said(got, want, where)
        if b.kind == "O":
            for at in np.ndindex(ours.shape):
                found = self.differ(theirs[at], ours[at], where + _index(at))
                if found:
                    return found
            return None
        return self._values(theirs, ours, where)

    def _records(
        self, got: np.ndarray, want: np.ndarray, where: str
    ) -> Difference | None:
        if got.dtype.names != want.dtype.names:
            return Difference(
                where, f"got fields {got.dtype.names}, expected {want.dtype.names}"
            )
        for field in want.dtype.names:
            found = self._arrays(got[field], want[field], f"{where}[{field!r}]")
            if found:
                return found
        return None

    def _values(
        self, got: np.ndarray, want: np.ndarray, where: str
    ) -> Difference | None:
        with np.errstate(all="ignore"):
            same = (got == want) | ((got != got) & (want != want))
            if self.near is not None and want.dtype.kind in "iufc":
                relative, absolute = _tolerance(self.near)
                wide = np.result_type(got, want, np.float64)
                a, b = got.astype(wide), want.astype(wide)
                allowed = np.maximum(relative * np.abs(b), absolute)
                same |= (np.abs(a - b) <= allowed) & np.isfinite(b)
        same = np.asarray(same)
        if same.all():
            return None
        at = tuple(int(i) for i in np.argwhere(~same)[0])
        wrong = int(same.size - same.sum())
        a, b = got[at].item(), want[at].item()
        said = f"was {text(b, 40)}, is now {text(a, 40)}" if self.watch else (
            f"got {text(a, 40)}, expected {text(b, 40)}"
        )  # fmt: skip
        if same.size > 1:
            said += f" ({wrong:,} of {same.size:,} values differ)"
        return Difference(where + _index(at), said)

    # -- other objects -----------------------------------------------------------

    def _objects(self, got: object, want: object, where: str) -> Difference | None:
        kind = type(want)
        fields = _state(want)
        if self.watch and not _is_dataclass(want):
            return None
        alike = type(got) is kind or (
            _is_dataclass(got)
            and _is_dataclass(want)
            and type(got).__name__ == kind.__name__
        )
        if not alike:
            return self._types(got, want, where)
        if fields is None:
            same = got is want or (_from_library(kind) and bool(got == want))
            return None if same else self._said(got, want, where)
        if self._met(got, want):
            return None
        theirs = _state(got)
        for field, value in fields.items():
            if field not in theirs:
                return Difference(where, f"the {kind.__name__} has no field {field}")
            found = self.differ(theirs[field], value, f"{where}.{field}")
            if found:
                return found
        more = [field for field in theirs if field not in fields]
        return Difference(where, f"unexpected field {more[0]}") if more else None


# -- taking values apart -------------------------------------------------------


def _base(value: object) -> type | None:
    """Return the builtin type that `value` is made of, or None."""
    kind = type(value)
    if kind in _BASES:
        return kind
    if issubclass(kind, (np.generic, enum.Enum)) and not issubclass(kind, float):
        return None
    return next((base for base in _BASES if issubclass(kind, base)), None)


def _plain(base: type, value: object) -> object:
    """Return what `value` holds as exactly `base`, past any overridden method."""
    if type(value) is base:
        return list(value) if base is collections.deque else value
    return _PLAIN[base](value)


_PLAIN = {
    bool: bool,
    int: int.__int__,
    float: float.__float__,
    complex: complex.__complex__,
    str: str.__str__,
    bytes: lambda value: bytes(memoryview(value)),
    bytearray: lambda value: bytearray(memoryview(value)),
    list: lambda value: list.__getitem__(value, slice(None)),
    tuple: lambda value: tuple.__getitem__(value, slice(None)),
    dict: lambda value: dict(dict.items(value)),
    set: lambda value: set(set.__iter__(value)),
    frozenset: lambda value: frozenset(frozenset.__iter__(value)),
    collections.deque: lambda value: list(collections.deque.__iter__(value)),
    type(None): lambda value: value,
}
_BASES = tuple(_PLAIN)  # bool before int: it is one
_CONTAINERS = {list, tuple, dict, set, frozenset, collections.deque}
_COMPARE = {
    **dict.fromkeys(_BASES, _Comparison._exact),
    **dict.fromkeys((str, bytes, bytearray), _Comparison._strings),
    **dict.fromkeys((list, tuple, collections.deque), _Comparison._sequences),
    **dict.fromkeys((set, frozenset), _Comparison._sets),
    dict: _Comparison._dicts,
}


def freeze(value: object) -> object:
    """Return a stand-in for `value` that hashes and compares by type and content.

    >>> freeze(1) == freeze(True), freeze([1, {2}]) == freeze([1, {2}])
    (False, True)
    """
    if isinstance(value, np.ndarray):
        return ("array", value.shape, value.dtype.kind, freeze(value.tolist()))
    base = _base(value)
    if base is None:
        return _freeze_object(value)
    plain = _plain(base, value)
    if base in (list, tuple, collections.deque):
        return (base.__name__, tuple(freeze(one) for one in plain))
    if base in (set, frozenset):
        return ("set", frozenset(freeze(one) for one in plain))
    if base is dict:
        return ("dict", frozenset((freeze(k), freeze(v)) for k, v in plain.items()))
    if plain != plain:
        return (base.__name__, "nan")
    return (base.__name__, bytes(plain) if base is bytearray else plain)


def _freeze_object(value: object) -> object:
    if isinstance(value, np.generic):
        return freeze(value.item())
    fields = None if isinstance(value, enum.Enum) else _state(value)
    if fields is not None:
        parts = tuple((key, freeze(one)) for key, one in sorted(fields.items()))
        return (type(value).__name__, parts)
    if _from_library(type(value)) and type(value).__hash__ is not None:
        return (type(value).__name__, value)
    return ("id", id(value))


def _state(value: object) -> dict[str, object] | None:
    """Return the fields of an instance of a class written in Python, or None."""
    kind = type(value)
    if _is_dataclass(value):
        names = [field.name for field in dataclasses.fields(kind)]
        return {name: getattr(value, name) for name in names if hasattr(value, name)}
    if _from_library(kind) or issubclass(kind, (type, types.FunctionType)):
        return None
    slots = [
        slot
        for one in kind.__mro__
        for slot in _slots(one)
        if slot not in ("__dict__", "__weakref__")
    ]
    if not slots and not hasattr(value, "__dict__"):
        return None
    found = {slot: getattr(value, slot) for slot in slots if hasattr(value, slot)}
    found.update(getattr(value, "__dict__", {}))
    return found or None


def _slots(kind: type) -> tuple[str, ...]:
    slots = vars(kind).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _is_dataclass(value: object) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _from_library(kind: type) -> bool:
    """Is `kind` from Python itself or NumPy, so that its `==` can be trusted?"""
    home = str(kind.__module__)
    if home.split(".")[0] not in {*sys.stdlib_module_names, "numpy"} - {"__main__"}:
        return False
    written_in_c = not kind.__flags__ & 1 << 9  # Py_TPFLAGS_HEAPTYPE
    return written_in_c or getattr(sys.modules.get(home), kind.__name__, 0) is kind


def _is_number(value: object) -> bool:
    if isinstance(value, np.generic):
        return value.dtype.kind in "iufc"
    return _base(value) in (int, float, complex)


def _number(value: object) -> int | float | complex:
    if isinstance(value, np.generic):
        return value.item()
    return _plain(_base(value), value)


def _tolerance(near: Near) -> tuple[float, float]:
    return near if isinstance(near, tuple) else (near, near)


# -- words -----------------------------------------------------------------------


def _kind_name(value: object) -> str:
    kind = type(value)
    numpy = isinstance(value, (np.generic, np.ndarray))
    return f"np.{kind.__name__}" if numpy else kind.__name__


def _count(n: int) -> str:
    return f"{n:,} item" if n == 1 else f"{n:,} items"


def _index(at: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, at))}]" if at else ""


def _step(want: object, i: int) -> str:
    fields = getattr(type(want), "_fields", None)
    return f".{fields[i]}" if fields and i < len(fields) else f"[{i}]"


def _same_items(a: list, b: list) -> bool:
    return not _surplus(a, b)


def _surplus(a: list, b: list) -> list:
    """Return the items that `a` has more often than `b`, in the order of `a`."""
    try:
        left = collections.Counter(freeze(one) for one in b)
        more = []
        for one in a:
            frozen = freeze(one)
            if left[frozen]:
                left[frozen] -= 1
            else:
                more.append(one)
        return more
    except (TypeError, RecursionError):
        return [*a, *b]


def _alike(a: object, b: object) -> bool:
    """Would Python call these plain values equal (1, 1.0 and True)?"""
    bases = _base(a), _base(b)
    if not all(base in (bool, int, float, complex) for base in bases):
        return False
    return _plain(bases[0], a) == _plain(bases[1], b)


def other(value: object) -> object:
    """Return something of the kind of `value` that is surely not equal to it.

    Nor is it near: numbers differ by their own size and more. Of a function, one that
    returns such things.

    >>> other(3), other("a"), other([1, 2]), other(True)
    (7, 'a?', [1, 2, 2], False)
    """
    if isinstance(value, (bool, np.bool_)):
        return type(value)(not value)
    if isinstance(value, (int, float, complex, np.number)):
        return _other_number(value)
    if isinstance(value, (str, bytes)):
        return value + (b"?" if isinstance(value, bytes) else "?")
    if isinstance(value, tuple) and hasattr(value, "_replace") and value:
        return value._replace(**{value._fields[0]: other(value[0])})
    if isinstance(value, (list, tuple)):
        return type(value)([*value, value[-1] if value else None])
    if isinstance(value, (set, frozenset, dict)):
        new = "?"
        while new in value:
            new += "?"
        return value | ({new: new} if isinstance(value, dict) else {new})
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc" and value.size:
        return ~value if value.dtype.kind == "b" else _other_number(value)
    if callable(value):
        return lambda *args, **named: other(value(*args, **named))
    return object()


def _other_number(value: object) -> object:
    """Return a number, or an array of numbers, far from `value` and of its type."""
    if isinstance(value, np.timedelta64):
        return value + (abs(value) + 1) if value == value else type(value)(0)
    if isinstance(value, (np.integer, np.ndarray)) and value.dtype.kind in "iu":
        most = np.iinfo(value.dtype).max
        found = np.where(value > most // 2, 0, most).astype(value.dtype)
    elif isinstance(value, (np.generic, np.ndarray)):
        with np.errstate(all="ignore"):
            found = np.asarray(value + (1 + abs(value)), value.dtype)
            found = np.where(np.isfinite(value), found, value.dtype.type(0))
    elif isinstance(value, int):
        return value + 1 + abs(value)
    else:
        finite = math.isfinite(abs(value))
        return value + (1 + abs(value)) if finite else type(value)(0)
    return found if isinstance(value, np.ndarray) else found[()]
