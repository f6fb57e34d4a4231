"""Split tests: what crosses the line, what does not, and who cannot be fooled."""

import ast
import collections
import contextlib
import copy
import dataclasses
import enum
import functools
import gc
import inspect
import io
import json
import math
import os
import pathlib
import random
import shutil
import socket
import struct
import sys
import threading
import time
import types
import warnings
import weakref
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import test_grading_autograde as autograding
from rich.console import Console
from test_grading_autograde import DOUBLE, HALF, RIGHT, WEEK
from test_grading_hostile import (
    AST_TRANSFORMER,
    HOOK,
    INPUT_TRANSFORMER,
    PATCHED_CHECKS,
    PATCHED_RUNNER,
    RUN_CELL,
)

from course import check
from course.check.paste import text
from course.grading import batch, canary, sandbox, split, trial
from course.grading.cells import Cell, as_cell
from course.grading.split import Line, Lost, Proxy
from course.sim import files

pytestmark = pytest.mark.skipif(not trial.FORKS, reason="this system cannot fork")


def cell(name: str, source: str, mode: str = "") -> Cell:
    """Return a code cell of a notebook `t-x`."""
    known = {"course": {"mode": mode}} if mode else {}
    return as_cell({"id": f"t-x-{name}", "source": source, "metadata": known})


def run(source: str) -> dict:
    """Return what a notebook holds after a cell with this source."""
    namespace = {"__name__": "__main__"}
    trial._run(cell("e1-answer", source), namespace)
    return namespace


@contextlib.contextmanager
def line(learner: dict | str, test: dict | None = None):
    """Yield the test's end of a line; a thread serves the learner's end."""
    near, far = socket.socketpair()
    learner = run(learner) if isinstance(learner, str) else learner
    ours = Line(near, {} if test is None else test, trusted=True)
    ours.theirs = Line(far, learner, trusted=False)

    def serve() -> None:
        with far:
            ours.theirs.serve()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with near:
        yield ours
        near.close()
        thread.join(10)
        assert not thread.is_alive()


@contextlib.contextmanager
def names(source: str, known: dict | None = None):
    """Yield what the test sees of the names that the learner's source defines.

    What is in `known` both sides have from the instructor.
    """
    learner, test = run(source), dict(known or {})
    defined = [name for name in learner if name[0] != "_"]
    with line(learner | test, test) as one:
        assert one.bind(defined) == ""
        yield types.SimpleNamespace(line=one, **test)


def alike(a: object, b: object) -> bool:
    """Are these equal, of the same types all the way down?"""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        if (a.dtype, a.shape, a.flags.fnc) != (b.dtype, b.shape, b.flags.fnc):
            return False
        if a.dtype.kind == "O":
            return alike(a.ravel().tolist(), b.ravel().tolist())
        if a.dtype.names:  # what lies between the fields is nothing
            return repr(a.tolist()) == repr(b.tolist())
        return a.tobytes() == b.tobytes()
    if isinstance(a, np.generic):
        return a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if isinstance(a, (float, complex)):
        return repr(a) == repr(b)
    if isinstance(a, dict):
        factory = [getattr(one, "default_factory", None) for one in (a, b)]
        return factory[0] is factory[1] and alike(list(a.items()), list(b.items()))
    if isinstance(a, (list, tuple, collections.deque)):
        limit = [getattr(one, "maxlen", None) for one in (a, b)]
        return limit[0] == limit[1] and len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, np.random.Generator):
        return alike(a.bit_generator.state, b.bit_generator.state)
    if isinstance(a, BaseException):
        return alike(a.args, b.args)
    if dataclasses.is_dataclass(a) and not isinstance(a, type):
        return alike(vars_of(a), vars_of(b))
    return a == b


def vars_of(record: object) -> dict:
    return {one.name: getattr(record, one.name) for one in dataclasses.fields(record)}


# --- the code -------------------------------------------------------------------------

Point = collections.namedtuple("Point", "x y")
Color = enum.Enum("Color", "RED GREEN", module="__main__")
Level = enum.IntEnum("Level", "LOW HIGH", module="__main__")


@dataclasses.dataclass(frozen=True, order=True)
class Frozen:
    size: int
    held: tuple = ()

    def double(self) -> int:
        return 2 * self.size


@dataclasses.dataclass
class Plain:
    size: int
    held: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True)
class Slim:
    size: float


class Spoiled(ValueError):
    """An error of the instructor's."""


MOVED = collections.OrderedDict([(1, 1), (2, 2)])
MOVED.move_to_end(1)
KNOWN = {
    "Color": Color,
    "Level": Level,
    **{one.__name__: one for one in (Point, Frozen, Plain, Slim, Spoiled)},
}
for one in KNOWN.values():
    one.__module__ = "__main__"

RECORD = np.dtype([("a", "<i4"), ("b", "<f8", (2,)), ("c", [("d", "S3"), ("e", "?")])])
VALUES = [
    *(None, True, False, 0, -1, 2**63 - 1, 2**63, -(2**63), 10**400, -(10**5000)),
    *(0.0, -0.0, 1.5, 5e-324, math.inf, -math.inf, math.nan, 1e308),
    *(0j, complex(-0.0, math.nan), complex(math.inf, -1)),
    *(
        "",
        "a",
        'ü\0\n"\\',
        "\ud800",
        "\udcff x",
        "\ud83d\ude00",
        "\U0001f600",
        "é" * 999,
    ),
    *(b"", b"\0\xff", bytes(range(256)) * 9, bytearray(b""), bytearray(b"ab\0")),
    *([], [1, 2.0, True, None], [[], [[]]], [2**70, 1], [float("nan"), 1, "x"]),
    *((), (1,), ((), [()]), Point(1, [2]), Point(Point(0, 0), None)),
    *(set(), {1, "a", None, (2, 3)}, frozenset(), frozenset({frozenset({1}), b"x"})),
    *({}, {"a": 1, 2: [3], None: {}, (1, 2): {"b": ()}}, {1.5: -0.0, b"": "", True: 0}),
    *(collections.Counter("abca"), collections.Counter()),
    *(MOVED, collections.defaultdict(None, {1: 2})),
    *(collections.defaultdict(list, {1: [2]}), collections.defaultdict(int)),
    *(collections.deque([1, [2]]), collections.deque([1, 2], maxlen=2)),
    *(range(5), range(9, -9, -2), range(2**70), slice(None), slice(1, None, -2)),
    *(Fraction(1, 3), Fraction(-(10**30), 7), pathlib.Path("a/b"), pathlib.Path("/")),
    *(..., NotImplemented, int, type(None), ValueError, Spoiled, np.float32),
    *(Color.RED, Level.HIGH, [Color.GREEN], {Level.LOW: Color.RED}),
    *(Frozen(1, (2, [3])), Plain(1, [Plain(2)]), Slim(-0.0), [Frozen(1)] * 3),
    *(ValueError("no", 1), KeyError(("a", 2)), OSError(2, "gone"), StopIteration(5)),
    *(Spoiled(), Spoiled("x", [1]), [IndexError("in a list")], UnicodeError("u")),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
    ExceptionGroup("several", [ValueError(1), OSError(2, "b")]),
    files.FileInfo("a", 1, 2, 3),
    files.FileChanged("a"),
    *(np.float64(0.1), np.float32(-0.0), np.int8(-1), np.uint64(2**64 - 1), np.True_),
    *(np.str_("é"), np.bytes_(b"ab"), np.datetime64("2020-01-02", "D"), np.float16(1)),
    *(np.timedelta64(5, "ms"), np.complex64(1 + 2j), np.longdouble(1) / 3),
    *(np.datetime64("NaT"), np.zeros(1, RECORD)[0], np.void(b"\0ab")),
    *(np.dtype("<f8"), np.dtype(">i2"), np.dtype("U7"), np.dtype("M8[us]"), RECORD),
    *(np.zeros(3, RECORD), np.zeros((2, 0), RECORD), np.zeros(3, RECORD)["c"]),
    np.zeros(2, np.dtype({"names": ["x"], "formats": ["<i2"], "offsets": [6]})),
    np.array(["é", "abc"]),
    np.array([b"a", b""]),
    np.array([[1, None], ["a", [2]]], dtype=object),
    np.empty((0, 3), dtype=object),
    np.array(["2020-01-01", "NaT"], "M8[s]"),
]
for code in "?bhilqBHILQefdgFDG":
    full = np.arange(24).reshape(2, 3, 4).astype(code)
    VALUES += [full, full.T, full[:, ::2], full[0].T.copy(), np.array(1).astype(code)]
    VALUES += [np.zeros((0, 2), code), full.astype(np.dtype(code).newbyteorder(">"))]
for kind in split._GENERATORS:
    VALUES.append(np.random.Generator(getattr(np.random, kind)(7)))


def test_every_listed_value_comes_back_the_same():
    with line({"echo": lambda x: x, **KNOWN}, dict(KNOWN)) as one:
        one.bind(["echo"])
        echo = one.namespace["echo"]
        for value in VALUES:
            assert alike(echo(value), value), text(value)
            assert alike(echo(x=[value, (value,)]), [value, (value,)]), text(value)


def test_what_is_made_of_subclasses_arrives_as_its_base():
    class Words(list):
        def __iter__(self):
            return iter(["forged"])

    class Number(int):
        def __eq__(self, other):
            return True

        __hash__ = int.__hash__

    class Text(str):
        pass

    class Table(dict):
        def items(self):
            return [("forged", 1)]

    with line({"f": lambda: [Words([1]), Number(2), Text("a"), Table(b=3)]}) as one:
        one.bind(["f"])
        assert alike(one.namespace["f"](), [[1], 2, "a", {"b": 3}])


def random_value(draw: random.Random, depth: int = 4) -> object:
    letters = ["a", "\ud800", "\udc00", "\U0001f600", chr(draw.randrange(0x110000))]
    leaves = [
        lambda: draw.choice([None, True, False, ..., math.nan, -0.0, math.inf]),
        lambda: draw.getrandbits(draw.choice([1, 8, 63, 64, 65, 300])) - 5,
        lambda: struct.unpack("d", draw.randbytes(8))[0],
        lambda: "".join(draw.choices(letters, k=draw.randrange(5))),
        lambda: draw.randbytes(draw.randrange(9)),
        lambda: Color(draw.randrange(1, 3)),
        lambda: Fraction(draw.randrange(-99, 99), draw.randrange(1, 99)),
        lambda: np.frombuffer(draw.randbytes(16), draw.choice(["u1", "<i2", ">f4"])),
        lambda: np.int16(draw.randrange(-999, 999)),
        lambda: range(draw.randrange(9), draw.randrange(99), draw.randrange(1, 4)),
    ]  # fmt: skip
    if depth == 0 or draw.random() < 0.3:
        return draw.choice(leaves)()

    def several() -> list:
        return [random_value(draw, depth - 1) for _ in range(draw.randrange(4))]

    def keys() -> list:
        return [leaf() for leaf in draw.choices(leaves[:7], k=draw.randrange(4))]

    nests = [
        several,
        lambda: tuple(several()),
        lambda: set(keys()),
        lambda: frozenset(keys()),
        lambda: {key: random_value(draw, depth - 1) for key in keys()},
        lambda: collections.OrderedDict((key, several()) for key in keys()),
        lambda: collections.deque(several(), draw.choice([None, 5])),
        lambda: Plain(draw.randrange(9), several()),
        lambda: Frozen(draw.randrange(9), tuple(several())),
        lambda: Point(several(), None),
        lambda: ValueError(*several()),
    ]
    return draw.choice(nests)()


def test_random_values_come_back_the_same():
    draw = random.Random(20_260_301)
    with line({"echo": lambda x: x, **KNOWN}, dict(KNOWN)) as one:
        one.bind(["echo"])
        for _ in range(400):
            value = random_value(draw)
            got = one.namespace["echo"](value)
            if any(isinstance(part, (set, frozenset)) for part in parts(value)):
                # NaN in a set: as many of them, and no other way to compare
                assert repr(sorted(map(repr, parts(got)))) == repr(
                    sorted(map(repr, parts(value)))
                )
            else:
                assert alike(got, value), text(value)


def parts(value: object):
    """Yield a value and what is in it, each set sorted by its text."""
    if isinstance(value, (set, frozenset)):
        yield type(value)()
        for one in value:
            yield from parts(one)
        return
    if isinstance(value, dict):
        value = [type(value).__name__, list(value), list(value.values())]
    if dataclasses.is_dataclass(value):
        value = [type(value).__name__, vars_of(value)]
    if isinstance(value, BaseException):
        value = [type(value).__name__, value.args]
    if isinstance(value, (list, tuple, collections.deque)):
        yield type(value).__name__
        for one in value:
            yield from parts(one)
        return
    yield value


def test_a_cycle_and_a_deep_nest_are_named():
    cycle: list = [1]
    cycle.append({"a": cycle})
    deep: list = []
    for _ in range(300):
        deep = [deep]
    source = """
def cycle():
    a = [1]
    a.append({"a": a})
    return a
def deep(n=300):
    a = []
    for _ in range(n):
        a = [a]
    return a
def take(f):
    try:
        f(deep())
    except TypeError as error:
        return str(error)
def size(x):
    return len(x)
"""
    with names(source) as got:
        for f in (got.cycle, got.deep):
            with pytest.raises(
                TypeError, match="nested more than 100 deep, or in itself"
            ):
                f()
        assert "nested more than 100 deep" in got.take(lambda x: len(x))
        for value in (cycle, deep):
            with pytest.raises(Lost, match="nested more than 100 deep, or in itself"):
                got.size(value)
        assert got.size([1]) == 1, "the line goes on"
        assert alike(got.deep(90), run(source)["deep"](90))


# --- what a test can do with it -------------------------------------------------------


def test_callbacks_go_both_ways_and_into_each_other():
    source = """
def visit(items, tell, then=None):
    for one in items:
        tell(one, wrap=lambda x: [x, one])
    return then
def apply(f, *args, **named):
    return f(*args, **named)
def add(n):
    return lambda x: x + n
"""
    with names(source) as got:
        heard = []
        got.visit("ab", lambda one, wrap: heard.append(wrap(one)))
        assert heard == [["a", "a"], ["b", "b"]]
        assert got.visit((), None, then=heard.append) == heard.append, "ours comes back"
        assert got.apply(got.add(1), 2) == 3, "theirs goes back"
        assert got.apply(lambda f, x: got.apply(f, x) + 1, got.add(5), 1) == 7
        assert got.apply(sorted, [2, 1], reverse=True) == [2, 1]
        assert got.apply(math.hypot, 3, 4) == 5.0

        def down(n: int) -> int:
            return n if n == 0 else got.apply(down, n - 1) + 1

        assert got.apply(down, 20) == 20


def test_generators_stay_lazy_on_either_side():
    source = """
made = []
def count():
    n = 0
    while True:
        made.append(n)
        yield n
        n += 1
def take(items, n):
    return [one for one, _ in zip(items, range(n))]
def end():
    yield 1
    return 2
"""
    with names(source) as got:
        items = got.count()
        assert [next(items), next(items)] == [0, 1]
        assert list(zip(items, "ab", strict=False)) == [(2, "a"), (3, "b")]
        asked = []

        def ours():
            for n in range(10**9):
                asked.append(n)
                yield n

        assert got.take(ours(), 3) == [0, 1, 2]
        assert asked == [0, 1, 2, 3]
        assert list(got.end()) == [1]
        assert check.call(got.take, got.count(), 2) == [0, 1]
    assert run(source)["made"] == []


ERRORS = """
class Own(Exception):
    pass
class Odd(Own, KeyError):
    def __init__(self, a, b):
        super().__init__(f"{a} and {b}")
class Stop(BaseException):
    pass
def fail(kind, *args):
    raise kind(*args)
def odd():
    raise Odd(1, 2)
def stop():
    raise Stop("now")
def spoiled():
    raise Spoiled("bad", 7)
def placed():
    error = Odd(1, 2)
    error.position, error.held, error.learner_frame = 7, [error.args], "mine"
    error.loop = error
    raise error
def changed():
    from course.sim import files
    raise files.FileChanged("short")
def deep():
    return deep()
def leave():
    raise SystemExit(3)
def forge():
    from course.check.wrong import Fatal
    raise Fatal("all", "is fine", "go on")
def through(f):
    try:
        return f()
    finally:
        pass
def other(f):
    try:
        return f()
    except ValueError as error:
        raise Own("mine") from error
def swallow(f):
    try:
        return f()
    except BaseException as error:
        return repr(error)
"""


def test_errors_keep_their_type_and_the_learners_line():
    with names(ERRORS, {"Spoiled": Spoiled}) as got:
        got.line.theirs.namespace["spoiled"].__globals__["Spoiled"] = Spoiled
        for kind in (ValueError, ZeroDivisionError, OSError, StopIteration, SystemExit):
            with pytest.raises(kind) as caught:
                got.fail(kind, 5)
            assert type(caught.value) is kind
            assert caught.value.args == (5,)
        assert check.raises(got.spoiled, Spoiled).args == ("bad", 7)
        assert type(check.raises(got.changed, files.FileChanged)) is files.FileChanged
        assert check.raises(got.fail, got.Own, got.Own, 1).args == (1,)
        placed = check.raises(got.placed, got.Odd)
        assert (placed.position, placed.held) == (7, [("1 and 2",)])
        assert issubclass(got.Odd, got.Own)
        assert issubclass(got.Odd, KeyError)
        for kind in (got.Odd, got.Own, KeyError, LookupError):
            assert check.raises(got.odd, kind).args == ("1 and 2",)
        with pytest.raises(
            check.Wrong, match=r"raised Odd: '1 and 2'  \(line 12: raise Odd"
        ):
            check.raises(got.odd, ValueError, hint="no")
        with pytest.raises(
            check.Wrong, match=r"raised Stop: now  \(line 14: raise Stop"
        ):
            check.call(got.stop)
        with pytest.raises(check.Wrong, match=r"raised SystemExit: 3  \(line 28"):
            check.call(got.leave)
        with pytest.raises(check.Wrong, match="give the recursion an end"):
            check.call(got.deep)
        with pytest.raises(check.Wrong, match="all\n  is fine"):
            check.raises(got.forge, Exception)


def test_our_error_comes_back_itself_through_learners_code():
    ours = LookupError("ours")
    ours.extra = [1]

    def fail():
        raise ours

    with names(ERRORS) as got:
        assert check.raises(got.through, LookupError, fail) is ours
        with pytest.raises(
            check.Wrong, match=r"raised ValueError: x  \(line 10: raise kind"
        ):
            check.call(got.through, lambda: got.fail(ValueError, "x"))
        assert (
            type(check.raises(got.other, Exception, lambda: int("x"))).__name__ == "Own"
        )
        assert got.swallow(fail) == "LookupError('ours')"
        assert got.through(lambda: 5) == 5


def test_a_check_that_fails_in_a_callback_cannot_be_swallowed():
    with names(ERRORS) as got:

        def tell():
            check.equal(1, 2, shown="what the callback heard")

        for _ in range(2):  # and whatever the test does afterwards
            with pytest.raises(check.Wrong, match="what the callback heard\n  got 1"):
                got.swallow(tell)
        with pytest.raises(check.Wrong, match="what the callback heard"):
            got.through(lambda: 1)


CHANGES = """
def grow(x):
    x.append(9)
    return 1
def put(x, key=0, value=9):
    x[key] = value
    return 1
def fill(x):
    x.fill(7)
    return 1
def draw(rng):
    return rng.integers(1000)
def shift(point):
    point.size += 1
    point.held.append(2)
    return 1
def inner(pair):
    pair[1].append(5)
    return 1
def twice(x, y):
    x.append(1)
    return x is y
def keep(x):
    return sorted(x)
"""


def test_arguments_that_were_changed_are_changed_here():
    with names(CHANGES, KNOWN) as got:
        for f, made, wanted, said in [
            (got.grow, [1], [1, 9], "x: had 1 item, now has 2 items"),
            (got.put, [1], [9], r"x\[0\]: was 1, is now 9"),
            (got.put, {0: 1}, {0: 9}, r"x\[0\]: was 1, is now 9"),
            (got.put, bytearray(b"a"), bytearray(b"\x09"), "x"),
            (got.put, np.arange(3), np.array([9, 1, 2]), r"x\[0\]: was 0, is now 9"),
            (got.fill, np.zeros((2, 2), "f4").T, np.full((2, 2), 7, "f4").T, "x"),
            (got.grow, collections.deque([1]), collections.deque([1, 9]), "x"),
            (got.inner, (1, [2]), (1, [2, 5]), r"pair\[1\]: had 1 item"),
            (got.shift, Plain(1), Plain(2, [2]), "point.size: was 1, is now 2"),
            (got.put, [[1, 2], 3], [9, 3], r"x\[0\]: was a list, is now a int"),
        ]:
            given, once = copy.deepcopy(made), copy.deepcopy(made)
            assert f(given) == 1
            assert alike(given, wanted) or isinstance(given, np.ndarray), said
            with pytest.raises(check.Wrong, match="changed its input " + said):
                check.call(f, once)
            with pytest.raises(check.Wrong, match="changed its input"):
                check.case(f, copy.deepcopy(made), want=1)
        buffer = bytearray(4)
        assert got.put(memoryview(buffer)[1:], 0, 9) == 1
        assert buffer == b"\0\x09\0\0"
        given = [1]
        with pytest.raises(check.Wrong, match="was a int, is now a bool"):
            check.call(got.put, given, value=True)
        check.call(got.put, [1, math.nan], value=1)  # nothing changed
        counts = collections.Counter("aab")
        got.put(counts, "a", 1)
        assert alike(counts, collections.Counter({"a": 1, "b": 1}))
        first, second = np.random.default_rng(3), np.random.default_rng(3)
        assert [got.draw(first) for _ in range(5)] == second.integers(
            1000, size=5
        ).tolist()
        assert check.call(got.keep, [2, 1]) == [1, 2]
        frozen = np.arange(3)
        frozen.flags.writeable = False
        assert check.call(got.keep, frozen) == [0, 1, 2]

        def ours(x: list) -> None:
            x.append("ours")

        assert got.put({}, 0, ours) == 1
    with names("def f(x):\n    x.size += 1\n    return 1") as got:
        point = Plain(1)  # of a class that only the test knows
        assert got.f(point) == 1
        assert point.size == 2
    with names("def f(tell):\n    a = [1]\n    tell(a)\n    return a") as got:
        assert got.f(lambda a: a.append(2)) == [1, 2]


OBJECTS = '''
class Vector:
    """Two numbers."""
    made = 0
    def __init__(self, x, y):
        Vector.made += 1
        self.x, self.y = x, y
    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y)
    def __rmul__(self, n):
        return Vector(n * self.x, n * self.y)
    def __lt__(self, other):
        return self.x < other.x
    def __len__(self):
        return 2
    def __iter__(self):
        return iter([self.x, self.y])
    def __getitem__(self, at):
        return [self.x, self.y][at]
    def __contains__(self, x):
        return x in (self.x, self.y)
    def __bool__(self):
        return bool(self.x or self.y)
    def __repr__(self):
        return f"Vector({self.x}, {self.y})"
    def __eq__(self, other):
        return True
    __hash__ = None
    def __enter__(self):
        self.open = True
        return self
    def __exit__(self, kind, error, trace):
        self.open = False
        self.saw = kind and kind.__name__, str(error), trace
        return kind is KeyError
    def scaled(self, n, *, by=1):
        return Vector(self.x * n * by, self.y * n * by)
    @property
    def norm(self):
        return abs(self.x) + abs(self.y)
    @staticmethod
    def zero():
        return Vector(0, 0)
def same(v):
    return v
def double(x, y=2):
    return 2 * x
import functools
@functools.lru_cache
def cached(n):
    return n
'''


def test_objects_of_the_learners_class_are_reached_by_proxies():
    with names(OBJECTS) as got:
        v = got.Vector(1, 2)
        assert isinstance(v, Proxy)
        assert (v.x, v[1], v.norm, len(v), list(v), 2 in v) == (
            1,
            2,
            3,
            2,
            [1, 2],
            True,
        )
        assert [*(v + v)] == [2, 4]
        assert [*(3 * v)] == [3, 6]
        assert [*v.scaled(2, by=5)] == [10, 20]
        assert v < got.Vector(2, 0)
        assert not got.Vector.zero()
        assert repr(v) == "Vector(1, 2)"
        v.x = 7
        assert v.x == 7
        assert got.Vector.made == 5 + 1
        with v as entered:
            assert entered is v
            assert v.open
        assert not v.open
        with pytest.raises(ValueError, match="5"), v:
            raise ValueError(5)
        with v:
            raise KeyError("a")  # __exit__ swallows it
        assert v.saw[:2] == ("KeyError", "'a'")
        # It is equal to itself alone, however it sees that.
        assert got.same(v) is v
        assert v != got.Vector(7, 2)
        assert v != 1
        assert v not in [None, 1]
        with pytest.raises(check.Wrong):
            check.equal(v, 3, shown="v")
        with pytest.raises(AttributeError, match="no attribute 'nothing'"):
            _ = v.nothing
        with pytest.raises(TypeError):
            hash(v[0:1])
        with pytest.raises(TypeError):
            v()
        with pytest.raises(TypeError, match="argument"):
            got.double()
        assert str(inspect.signature(got.double)) == "(x, y)"
        with pytest.raises(check.Wrong, match=r"double\(1\)\n  got 2, expected 3"):
            check.case(got.double, 1, want=3)
        assert got.cached(2) == 2
        assert got.cached.__wrapped__(3) == 3
        for hidden in ("__dict__", "__globals__", "__code__", "_x"):
            if hidden != "__dict__":
                with pytest.raises(AttributeError):
                    getattr(v, hidden)
        assert type(np.asarray(v).tolist()) is list


def test_what_compares_itself_is_no_number():
    source = """
class Any:
    __le__ = __lt__ = __ge__ = __gt__ = lambda a, b: True
    __radd__ = lambda a, b: 100
def f(x):
    return Any()
"""
    with names(source) as got:
        assert got.f(1) <= 5, "it says so"
        with pytest.raises(check.Wrong, match="got <Any> for a number of steps"):
            check.at_most(got.f(1), 5, "steps", shown="f(1)")
        with pytest.raises(check.Wrong, match=r"got <Any> \(Any\), expected 5"):
            check.equal(got.f(1), 5, shown="f(1)", near=9)


def test_records_and_enums_that_only_the_learner_knows_are_proxies():
    source = """
import collections, dataclasses, enum
@dataclasses.dataclass
class Mine:
    size: int
Pair = collections.namedtuple("Pair", "a b")
class Kind(enum.Enum):
    ONE = 1
def mine(): return Mine(3)
def pair(): return Pair(1, [2])
def kind(): return Kind.ONE
def size(x): return x.size
def is_one(x): return x is Kind.ONE
def make(kind, *args): return kind(*args)
"""
    with names(source) as got:
        assert got.make(got.Mine, 5).size == 5
        assert got.make(Plain, 5) == Plain(5)
        assert got.make(collections.Counter, "aa") == collections.Counter("aa")
        assert got.mine().size == 3
        assert got.size(got.mine()) == 3
        pair = got.pair()
        assert isinstance(pair, tuple)
        assert (pair.b, type(pair).__name__) == ([2], "Pair")
        assert type(pair) is type(got.pair())
        one = got.kind()
        assert one is got.Kind.ONE
        assert got.is_one(one)
        assert one.name == "ONE"


def test_what_the_test_lets_go_is_closed_as_in_one_process():
    source = """
events = []
class Reader:
    def __init__(self, name):
        self.name = name
        events.append("open " + name)
    def __del__(self):
        events.append("close " + self.name)
    def read(self):
        return self.name
def lines():
    try:
        yield 1
        yield 2
    finally:
        events.append("closed")
def fail():
    reader = Reader("b")
    raise ValueError("no")
def seen():
    return list(events)
"""
    with names(source) as got:
        assert got.Reader("a").read() == "a"
        for _ in got.lines():
            break
        with pytest.raises(ValueError, match="no"):
            got.fail()
        gc.collect()
        got.seen()  # it tells, and they hear of it with this very message
        assert sorted(got.seen()) == [
            "close a",
            "close b",
            "closed",
            "open a",
            "open b",
        ]
        kept = got.line.theirs
        before = len(kept._ours)
        for _ in range(50):
            got.Reader("x").read()
        got.seen()
        assert len(kept._ours) <= before + 2
        assert len(kept._ours) == len(kept._numbers)
    with names(
        "def f(x):\n    return len(list(x.files()))\ndef g():\n    return 1"
    ) as got:
        ours = files.MemoryFiles({})
        held = weakref.ref(ours)
        assert got.f(ours) == 0
        del ours
        got.g()  # their answer tells us what they let go
        assert held() is None


def test_an_object_that_only_a_lost_reply_described_is_described_again():
    """A reply that cannot be written must not count as told."""
    source = """
class Thing:
    x = 5
def bad():
    a = [Thing()]
    a.append(a)
    return a
def good():
    return Thing()
def changes(x):
    x.append(Thing())
    x.append(x)
    return 1
"""
    with names(source) as got:
        got.line.theirs._told.clear()
        with pytest.raises(TypeError, match="nested"):
            got.bad()
        assert got.changes([]) == 1
        assert got.good().x == 5


def test_a_message_that_is_too_large_says_so(monkeypatch):
    monkeypatch.setattr(split, "LARGEST", 100_000)
    with names(
        "def make(n):\n    return bytes(n)\ndef size(x):\n    return len(x)"
    ) as got:
        with pytest.raises(TypeError, match=r"200,0.. bytes is too large"):
            got.make(200_000)
        assert got.make(5) == bytes(5)
        with pytest.raises(Lost, match=r"hands over what cannot cross: .* too large"):
            got.size(bytes(200_000))
        assert got.size(b"ab") == 2


def test_a_second_thread_is_refused():
    with names("import time\ndef wait(s):\n    time.sleep(s)\n    return 1") as got:
        with pytest.raises(check.Wrong, match="still running after"):
            check.within(got.wait, 1.5, seconds=0.1)
        with pytest.raises(Lost, match="threads do not cross"):
            got.wait(0)


def test_a_copied_object_works_there_and_others_count_here():
    source = (
        "def read(fs):\n    with fs.open('a') as file:\n        return file.read(0, 9)"
    )
    with names(source) as got:
        fs = files.MemoryFiles({"a": b"abc"})
        assert check.call(got.read, fs) == b"abc"
        assert fs.bytes_read == 3
        other = check.copied(files.MemoryFiles({"a": b"abc"}))
        assert check.call(got.read, other) == b"abc"
        assert other.bytes_read == 0


# --- a hostile other side -------------------------------------------------------------


def message(told: object, blobs: tuple = (), size: int | None = None) -> bytes:
    if isinstance(told, dict):
        told.setdefault("blobs", [len(one) for one in blobs])
    words = told if isinstance(told, bytes) else json.dumps(told).encode()
    size = sum(map(len, blobs)) if size is None else size
    return struct.pack("!II", len(words), size) + words + b"".join(blobs)


def reply(value: object, blobs: tuple = (), **more: object) -> bytes:
    return message({"changed": [], "value": value, **more}, blobs)


def hear(sent: bytes, values: tuple = (), test: dict | None = None, **objects: object):
    """Ask a peer that has sent this already; return what comes and what it was told.

    `objects` have been handed out before, under 1, 2, …
    """
    near, far = socket.socketpair()
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    near.settimeout(20)
    thread = threading.Thread(target=lambda: [far.sendall(sent), far.shutdown(1)])
    thread.start()
    with near, far:
        one = Line(near, {} if test is None else test, trusted=True)
        for thing in objects.values():
            one.number(thing)
        try:
            got = one.ask("call", 1, "__call__", [], values=values)
        except BaseException as error:
            got = error
        thread.join(10)
        told = b""
        near.close()
        far.settimeout(5)
        with contextlib.suppress(OSError):
            while block := far.recv(1 << 20):
                told += block
    return got, told


def tree(tag: str, *told: object) -> dict:
    return {tag: list(told)}


DEEP = "[" * 400 + "]" * 400
BLOB = (b"12345678",)
ABOUT = {"name": "x", "operators": [], "methods": [], "parameters": None}
MALFORMED = {
    "nothing": b"",
    "half a head": b"\0\0\0",
    "half a message": reply(1)[:-2],
    "a huge message": struct.pack("!II", 2**32 - 1, 0),
    "huge blobs": struct.pack("!II", 9, 2**32 - 1) + b"{}",
    "no JSON": message(b"{'a': 1}"),
    "no text": message(b"\xff\xfe\x00"),
    "no object": message([1, 2]),
    "a number": message(b"5"),
    "null": message(b"null"),
    "no blobs": message(b'{"changed": [], "value": 1}'),
    "no changed": message({"value": 1}),
    "blobs that are no numbers": message({"changed": [], "value": 1, "blobs": ["a"]}),
    "blobs too long": message({"changed": [], "value": 1, "blobs": [1 << 62]}),
    "blobs beyond words": message({"changed": [], "value": 1, "blobs": [1 << 80]}),
    "blobs below nothing": message({"changed": [], "value": 1, "blobs": [-5, 5]}),
    "blobs that are more": message({"changed": [], "value": 1, "blobs": [5]}, size=0),
    "blobs of NaN": message(b'{"changed": [], "value": 1, "blobs": [NaN]}'),
    "deep JSON": message(b'{"changed": [], "blobs": [], "value": ' + b"[" * 99999),
    "deep tree": message(f'{{"changed": [], "blobs": [], "value": {DEEP}}}'.encode()),
    "deep tags": message(
        (
            '{"changed":[],"blobs":[],"value":' + '{"tuple":[' * 450 + "]}" * 450 + "}"
        ).encode()
    ),
    "a huge number": message(
        b'{"changed": [], "blobs": [], "value": ' + b"9" * 9999 + b"}"
    ),
}
VALUES_MALFORMED = {
    "unknown tag": tree("eval", "1"),
    "no tag": {},
    "two tags": {"tuple": [], "set": []},
    "library": tree("library", "os", "system"),
    "library in a tuple": tree("tuple", tree("library", "os", "getpid")),
    "copy": tree("copy", "course.sim.files", "MemoryFiles", tree("dict", [], [])),
    "set of lists": tree("set", [1]),
    "dict of lists": tree("dict", [[1]], [1]),
    "dict too short": tree("dict", [1, 2], [1]),
    "unknown collection": tree("collection", "UserDict", [], []),
    "factory that is none": tree("collection", "defaultdict", [], [], 5),
    "factory of a counter": tree(
        "collection", "Counter", [], [], tree("tuple", 1, 2), 3
    ),
    "int of letters": {"int": "zz"},
    "int of a list": {"int": ["f"]},
    "bytes beyond": {"bytes": 7},
    "bytes by name": {"bytes": "a"},
    "fraction of words": tree("fraction", "1e999999999", 1),
    "fraction of one word": tree("fraction", "1e999999999"),
    "fraction by zero": tree("fraction", 1, 0),
    "complex of a word": tree("complex", "x"),
    "range without step": tree("range", 1, 2, 0),
    "slice of nothing": tree("slice"),
    "deque below zero": tree("deque", -1, []),
    "constant": {"constant": "__builtins__"},
    "builtin function": {"builtin": "eval"},
    "builtin module": {"builtin": "__spec__"},
    "builtin of a list": {"builtin": ["int"]},
    "numpy function": {"numpy": "load"},
    "numpy array": {"numpy": "ndarray"},
    "dtype of objects": {"dtype": "|O"},
    "dtype of fields": {"dtype": "i4,O"},
    "dtype by word": {"dtype": "float"},
    "dtype of records": {"dtype": [["a"], ["|O"], [0], 8]},
    "dtype of overlaps": {"dtype": [["a", "b"], ["<i4", "|O"], [0, 0], 8]},
    "dtype of offsets": {"dtype": [["a"], ["<i4"], [99], 4]},
    "dtype in dtype": {"dtype": ["<i4", [1 << 40]]},
    "array of objects": tree("array", "|O", [1], "C", 0),
    "array below zero": tree("array", "<i8", [-1], "C", 0),
    "array below zero twice": tree("array", "<i4", [-1, -2], "C", 0),
    "array too large": tree("array", "<i8", [1 << 60], "C", 0),
    "array of nothing": tree("array", "<i8", [1 << 20], "C", 1),
    "array overflows": tree("array", "<i8", [1 << 32, 1 << 32], "C", 0),
    "array that is half": tree("array", "<i4", [1], "C", 0),
    "array order": tree("array", "<i8", [1], "Z", 0),
    "array without shape": tree("array", "<i8", None, "C", 0),
    "array of words": tree("array", "<i8", ["1"], "C", 0),
    "objects with other shape": tree("objects", [3], [1, 2]),
    "objects of nothing": tree("objects", [1 << 60], []),
    "scalar of nothing": tree("scalar", "<i8", ""),
    "scalar of objects": tree("scalar", "|O", "AAAAAAAAAAA="),
    "scalar of two": tree("scalar", "<i4", "AAAAAAAAAAA="),
    "generator unknown": {"rng": tree("dict", ["bit_generator"], ["RandomState"])},
    "generator of functions": {"rng": tree("dict", ["bit_generator"], ["seed"])},
    "generator out of bounds": {
        "rng": tree(
            "dict",
            ["bit_generator", "state"],
            ["MT19937", tree("dict", ["key", "pos"], [[0] * 624, 1 << 20])],
        )
    },
    "generator below bounds": {
        "rng": tree(
            "dict",
            ["bit_generator", "state"],
            ["MT19937", tree("dict", ["key", "pos"], [[0] * 624, -5])],
        )
    },
    "buffer out of bounds": {
        "rng": tree(
            "dict",
            [
                "bit_generator",
                "state",
                "buffer",
                "buffer_pos",
                "has_uint32",
                "uinteger",
            ],
            [
                "Philox",
                tree("dict", ["counter", "key"], [[0] * 4, [0] * 2]),
                *([0] * 4, -1000, 0, 0),
            ],
        )
    },
    "enum that is none": tree("enum", "__main__", "Frozen", "x", tree("eval")),
    "record of a function": tree("record", "__main__", "check", [], [], None),
    "record of other fields": tree("record", "__main__", "Frozen", ["a"], [1], None),
    "record too short": tree(
        "record", "__main__", "Frozen", ["size", "held"], [1], None
    ),
    "named of code": tree("named", "m", "x;import os", ["a"], [1]),
    "named with code": tree("named", "m", "X", ["a=print(1)"], [1]),
    "named of keyword": tree("named", "m", "class", ["a"], [1]),
    "named too short": tree("named", "__main__", "Point", ["x", "y"], [1]),
    "named of lists": tree("named", "m", "X", [["a"]], [1]),
    "reference of nothing": {"ref": []},
    "reference without description": tree("ref", 5, 9, None),
    "reference by a list": tree("ref", [1], 0, ABOUT),
    "reference with odd methods": tree("ref", 1, 0, ABOUT | {"methods": [1]}),
    "reference with odd operators": tree("ref", 1, 0, ABOUT | {"operators": [[1]]}),
    "back to nothing": {"back": 99},
    "back to a list": {"back": [1]},
    "class of errors by word": {"errors": "ValueError"},
    "class of errors of lists": tree("errors", [1], [2], []),
    "class of errors in itself": tree("errors", "m", "E", [tree("eval")]),
    "error without class": {"error": {"number": 1, "args": [], "place": None}},
    "error at an odd place": {
        "error": {
            "number": 1,
            "kind": ["builtins", "ValueError", []],
            "args": [],
            "held": {},
            "place": ["f", "inf", "x"],
        }
    },
}
for name, value in VALUES_MALFORMED.items():
    MALFORMED[name] = reply(value, (*BLOB, b""))
    MALFORMED[name + " in a list"] = reply([1, value], (*BLOB, b""))
    MALFORMED[name + " as a change"] = reply(1, (*BLOB, b""), changed=[[0, value]])
for name, changed in {
    "no pair": [1],
    "beyond": [[5, [1]]],
    "by word": [["0", [1]]],
    "no sequence": 5,
    "no list": [[0, 5]],
    "an array elsewhere": [[1, tree("array", "<i4", [2], "C", 0)], [1, 3], [9, 9]],
}.items():
    MALFORMED["changed: " + name] = reply(1, BLOB, changed=changed)
for name, dropped in {"no list": 5, "lists": [[1]], "none": None}.items():
    MALFORMED["dropped: " + name] = reply(1, dropped=dropped)
for name, error in {
    "no tree": 5,
    "empty": {},
    "back to a function": {"back": 1},
    "back to nothing": {"back": 77},
}.items():
    MALFORMED["error: " + name] = message({"changed": [], "error": error})


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_message_ends_the_test(name):
    """And by no `Exception`, which a test might be waiting for."""
    start = time.monotonic()
    got, _ = hear(MALFORMED[name], ([1], np.zeros(1)), dict(KNOWN), f=lambda: 1)
    assert type(got) is Lost, text(got)
    assert len(str(got)) < 400
    assert time.monotonic() - start < 5


def test_an_array_holds_nothing_of_our_memory():
    """An empty blob for a large shape must not show what the process held before."""
    for _ in range(20):
        np.full(1000, 86399.25)  # just let go
        sent = reply(tree("array", "<f8", [1000], "C", 0), (b"",))
        assert type(hear(sent)[0]) is Lost


def test_names_replace_none_of_the_tests():
    forged = tree("dict", ["f", "len", "np", "check", "__builtins__"], [1, 2, 3, 4, 5])
    near, far = socket.socketpair()
    with near, far:
        far.sendall(reply(tree("tuple", forged, "")))
        one = Line(near, {"np": np, "g": 1, "h": 2}, trusted=True)
        assert one.bind(["f", "g"]) == ""
        assert one.namespace == {"np": np, "h": 2, "f": 1}
        for odd in ([], tree("tuple", forged, 5), tree("tuple", [], ""), {"int": "1"}):
            far.sendall(reply(odd))
            with pytest.raises((Lost, ValueError, TypeError)):
                one.bind(["f"])


NAMES = """
__globals__ __class__ __dict__ __closure__ __code__ __self__ __func__ __wrapped__
__init__ __reduce__ __reduce_ex__ __getattribute__ __subclasses__ __mro__ __bases__
__module__ __defaults__ __kwdefaults__ __annotations__ __builtins__ __objclass__
__weakref__ __traceback__ __context__ __cause__ _copied gi_frame gi_code gi_yieldfrom
ag_frame cr_frame cr_await f_back f_globals tb_frame tb_next func args keywords mro
with_traceback add_note obj name send throw close
"""
PROBED = NAMES.split()


class Hasher:
    """What a test hands out: one attribute and one method are for everyone."""

    def __init__(self) -> None:
        self.size, self._secret = 5, "want"

    def update(self, data: bytes) -> int:
        return len(data)

    def __getitem__(self, key: object) -> object:
        return key


def secrets():
    want = "want"

    def call(x=None):
        return [want, x][1]

    def frames():
        yield want

    async def later():
        return want

    async def stream():
        yield want

    started = frames()
    next(started)
    odd = AttributeError("no", name="x", obj=call)
    waiting = later()
    yield from (
        *(call, Hasher, Hasher().update, frames(), started, waiting, stream()),
        *(functools.partial(call, want), "".join, call.__call__, odd, Hasher()),
        *(len, [].append, functools.lru_cache(call)),
    )
    waiting.close()


def asked(number: int, what: str, name: object, *values: object, named: tuple = ()):
    words = [what, number, name, *([list(named)] if what == "call" else [])]
    return message({"ask": words, "values": list(values)})


def told_of(sent: bytes, **objects: object) -> dict:
    """Return the answer that a peer gets which asks this while it is asked."""
    got, told = hear(sent + reply(1), **objects)
    assert not isinstance(got, BaseException), got
    messages = []
    while told:
        length, size = struct.unpack("!II", told[:8])
        messages.append(json.loads(told[8 : 8 + length]))
        told = told[8 + length + size :]
    assert len(messages) == 2  # what we asked, what we answered
    return messages[1]


def test_nothing_of_the_test_is_reached_but_what_it_hands_out():
    for thing in secrets():
        for name in PROBED:
            for what, values in (
                ("get", ()),
                ("set", (1,)),
                ("call", ()),
                ("call", (1,)),
            ):
                got = told_of(asked(1, what, name, *values), thing=thing)
                assert "value" not in got, (thing, what, name)
        for name in sorted(split._OPERATORS):
            got = told_of(asked(1, "get", name), thing=thing)
            assert "value" not in got, (thing, name)
        if isinstance(thing, split._CLOSED):
            for name in split._OPERATORS - {"__call__", "__iter__", "__next__"}:
                got = told_of(asked(1, "call", name), thing=thing)
                assert "value" not in got, (thing, name)
    thing = Hasher()
    assert told_of(asked(1, "get", "size"), thing=thing)["value"] == 5
    assert told_of(asked(1, "call", "update", "abc"), thing=thing)["value"] == 3
    assert told_of(asked(1, "call", "__getitem__", 7), thing=thing)["value"] == 7
    assert "error" in told_of(asked(1, "set", "size", 6), thing=thing)
    assert thing.size == 5
    for thing in (Plain(1), Slim(1)):
        assert "error" not in told_of(asked(1, "set", "size", 6), thing=thing)
        assert thing.size == 6
        for name in ("__class__", "__dict__", "double", "_x"):
            assert "error" in told_of(asked(1, "set", name, {}), thing=thing)
    for thing in (Plain, Frozen(1), Frozen):
        assert "error" in told_of(asked(1, "set", "size", 6), thing=thing)
    assert "ref" in told_of(asked(1, "call", "__call__"), thing=Hasher)["value"]


@pytest.mark.parametrize(
    "thing",
    [
        *(os, sys._getframe(), (lambda: 1).__code__, np.random.PCG64(1), [sys]),
        *(
            np.random.RandomState(1),
            np.array(["a"], np.dtypes.StringDType()),
            {"a": os},
        ),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_what_shows_too_much_is_not_handed_over(thing):
    got = told_of(asked(1, "call", "__call__"), f=lambda: thing)
    assert "does not cross" in str(got["error"]["error"]["args"])
    with (
        pytest.raises(Lost, match="does not cross"),
        names("def f(x): return 1") as one,
    ):
        one.f(thing)


@pytest.mark.parametrize(
    "words",
    [
        *(
            ["names", ["want", "check"]],
            ["names"],
            ["names", 5],
            [],
            [[]],
            "names",
            None,
        ),
        *(["get"], ["get", 9, "a"], ["get", 1], ["get", [1], "a"], ["get", 1, None]),
        *(["call", 1, "__call__"], ["call", 1, "__call__", 5], ["call", 1, "a.b", []]),
        *(["call", 1, "__call__", ["x"] * 9], ["call", 1, "__call__", [1]]),
        *(["set", 1, "x"], ["set", 1, "__class__"], ["call", 1, "\ud800", []]),
    ],
    ids=str,
)
def test_an_odd_request_is_answered_with_an_error(words):
    near, far = socket.socketpair()
    with near, far:
        one = Line(near, {"want": 5, "check": check}, trusted=True)
        one.number(lambda: 1)
        far.sendall(message({"ask": words, "values": [1]}) + reply(2))
        if words in (None, [], [[]], "names"):
            with contextlib.suppress(Lost):
                one.ask("call", 1, "__call__", [])
            return
        assert one.ask("call", 1, "__call__", []) == 2
        near.close()
        said = b"".join(iter(lambda: far.recv(1 << 16), b"")).decode(errors="replace")
    assert '"error"' in said or '{"tuple": [{"dict": [[], []]}, ""]}' in said
    assert "want" not in said or "shows no" in said


def test_an_unknown_request_ends_the_test():
    for words in (["eval", "1"], ["import", "os"], [None], ["x" * 9999]):
        got, _ = hear(message({"ask": words, "values": []}) + reply(1), f=lambda: 1)
        assert type(got) is Lost
        assert len(str(got)) < 400


def test_a_peer_that_asks_without_end_is_only_slow():
    """It costs the test its deadline; nothing grows meanwhile but by errors."""
    one = asked(1, "call", "__call__", 2)
    start = time.monotonic()
    got, _ = hear(one * 500 + reply(1), f=lambda x: [x])
    assert got == 1
    assert time.monotonic() - start < 10


FUZZED = """
import collections, dataclasses, enum, numpy as np, pathlib
from fractions import Fraction
class Kind(enum.Enum):
    A = 1
@dataclasses.dataclass(frozen=True)
class Rec:
    a: int
    b: list
Pair = collections.namedtuple("Pair", "a b")
class Own(ValueError):
    pass
class Thing:
    size = 3
    def __len__(self): return 3
    def read(self, n): return n
def f(x):
    x.append(3)
    return [5, 2**80, "a", b"bc", (1, {2}), {"k": [None, 1.5]}, Kind.A, Rec(1, [2]),
            Pair(1, 2), Own("x"), Thing(), Fraction(1, 2), pathlib.Path("a"), range(3),
            np.arange(6).reshape(2, 3), np.float32(1), np.random.default_rng(1), f, Own,
            collections.Counter("ab"), collections.deque([1], 3), int,
            np.array([1, "a", None]), np.int8, ..., 1j, bytearray(b"x"),
            np.zeros(2, "i4,f8"), slice(1, 2)]
def g(x):
    raise Own("no", x)
"""
BUILT = (
    *(type(None), bool, int, float, complex, str, bytes, bytearray, list, tuple, dict),
    *(set, frozenset, range, slice, Fraction, pathlib.PurePath, np.ndarray, np.generic),
    *(np.dtype, np.random.Generator, enum.Enum, Proxy, BaseException, type(...)),
    *(type(NotImplemented), collections.deque, Frozen, Plain, files.FileInfo, type),
)


def real_messages() -> list[bytes]:
    """Return what a learner's end really sends."""

    class Tap:
        def __init__(self, wire: socket.socket) -> None:
            self.wire, self.recv, self.sent = wire, wire.recv, []

        def sendall(self, data: bytes) -> None:
            self.sent.append(data)
            self.wire.sendall(data)

    with names(FUZZED, KNOWN) as got:
        tap = got.line.theirs.wire = Tap(got.line.theirs.wire)
        got.f([1])
        with pytest.raises(ValueError, match="no"):
            got.g([1])
        got.Thing().read(1)
    return tap.sent


def pieces(tree: object):
    yield tree
    for one in tree if isinstance(tree, list) else getattr(tree, "values", list)():
        yield from pieces(one)


def mutated(draw: random.Random, sent: bytes, pool: list) -> bytes:
    """Return a message with a byte or a part of its tree replaced."""
    if draw.random() < 0.3:
        data = bytearray(sent)
        for _ in range(draw.randrange(1, 4)):
            at = draw.randrange(len(data))
            data[at : at + draw.randrange(2)] = draw.randbytes(draw.randrange(3))
        return bytes(data)
    length, size = struct.unpack("!II", sent[:8])
    told, rest = json.loads(sent[8 : 8 + length]), sent[8 + length :]
    for _ in range(draw.randrange(1, 3)):
        holders = [one for one in pieces(told) if one and isinstance(one, (list, dict))]
        holder = draw.choice(holders)
        key = draw.choice(
            list(holder) if isinstance(holder, dict) else range(len(holder))
        )
        new = copy.deepcopy(draw.choice(pool))
        if isinstance(holder, dict) and draw.random() < 0.3:
            holder[draw.choice(list(split._READ))] = holder.pop(key)
        else:
            holder[key] = new
    return message(json.dumps(told).encode(), size=size) + rest


def built(value: object, depth: int = 0):
    yield value
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, np.ndarray) and value.dtype.kind == "O":
        value = value.ravel().tolist()
    if isinstance(value, (list, tuple, set, frozenset, collections.deque)):
        for one in value:
            yield from built(one, depth + 1)


def test_mutated_messages_build_nothing_else_and_pass_no_test():
    draw = random.Random(20_260_302)
    sent = real_messages()
    pool = [
        1,
        -1,
        2**62,
        -(2**40),
        1e308,
        math.nan,
        None,
        True,
        "",
        "a",
        "__class__",
        [],
    ]
    pool += [
        {},
        "<f8",
        "|O",
        "builtins",
        "os",
        "course.grading.split",
        "Line",
        "10" * 500,
    ]
    for one in sent[:4]:
        length = struct.unpack("!I", one[:4])[0]
        pool += list(pieces(json.loads(one[8 : 8 + length])))[:80]
    pool += VALUES_MALFORMED.values()
    want, before = os.urandom(16).hex(), set(sys.modules)
    lost = passed = 0
    start = time.monotonic()
    for _ in range(3000):
        data = mutated(draw, draw.choice(sent[:4]), pool)
        ours = [lambda: want, Hasher()]
        got, _ = hear(data, ([1],), dict(KNOWN), f=ours[0], g=ours[1])
        lost += type(got) is Lost
        passed += not isinstance(got, BaseException)
        for part in built(got):
            known = isinstance(part, BUILT) or hasattr(part, "_fields")
            assert known or any(part is one for one in ours), type(part)
            if isinstance(part, type):
                assert issubclass(part, (BaseException, np.generic)) or (
                    part.__module__ == "builtins"
                ), part
        if not isinstance(got, BaseException):
            with pytest.raises((check.Wrong, Lost)):
                check.equal(got, want, shown="f()")
    assert lost > 500
    assert passed > 100
    assert time.monotonic() - start < 60
    assert {one for one in set(sys.modules) - before if "numpy" not in one} == set()


# --- tests in a process of their own --------------------------------------------------


def test_cell(name: str, body: str) -> Cell:
    kind = "visible" if name.endswith("check") else "hidden"
    lines = "\n".join(f"    {one}" for one in body.splitlines())
    head = f'from course import check\n@check.{kind}("t-x-{name}")\ndef test():\n'
    return cell(name, head + lines, "split")


test_cell.__test__ = False

CELLS = [
    cell("setup", "import os\nfrom course import check\nscale = 10\nRule = dict"),
    cell("e1-answer", "def f(x):\n    return x * scale\nclass Bad(OSError):\n    pass"),
    cell("c003", "ready = f(0) == 0 and scale == 10"),
    test_cell("e1-check", "check.case(f, 1, want=10)"),
    test_cell("e1-grade-many", "for n in range(5):\n    check.case(f, n, want=10 * n)"),
    test_cell("e1-grade-ready", "check.equal([ready, scale, len('ab')], [True, 10, 2],"
              " shown='what the course defines')"),
    test_cell("e1-grade-bad", "check.raises(f, Bad, -1)"),
    test_cell("e1-grade-patient", "try:\n    f(3)\nexcept Exception:\n    pass"),
    cell("e2-answer", "def g(x):\n    return f(x) + 1"),
    test_cell("e2-check", "check.case(g, 1, want=11)"),
]  # fmt: skip


@pytest.fixture(scope="module")
def mini():
    with trial.Trial(Path("t.ipynb"), cells=CELLS) as one:
        yield one


def grade(mini: trial.Trial, answer: str, group: str = "check", **options):
    (got,) = mini.grade("e1", answer, groups=[f"e1.{group}"], **options)
    return got


def test_a_right_answer_passes_and_others_fail_where_they_should(mini):
    assert [one.passed for one in mini.grade("e1")] == [True] * 3 + [False, True]
    assert mini.grade("e2")[0].passed
    right = "def f(x):\n    if x < 0:\n        raise Bad\n    return x * scale\n"
    right += "class Bad(Exception):\n    pass"
    assert all(one.passed for one in mini.grade("e1", right))
    got = mini.grade("e1", "def f(x):\n    return 10", collect=True)
    assert [one.passed for one in got] == [True, False, False, False, True]
    assert got[1].message.count("expected") == 4


FAILING = {
    "def f(x): return ...": "f is not written yet",
    "def f(x): raise NotImplementedError": "f is not written yet",
    "": "f is not defined",
    "g = 1": "f is not defined",
    "f = 3": "3 stands where a function should",
    "def f(x): return None": "f(1)\n  returned None",
    "def f(x): return missing": "NameError: name 'missing' is not defined  (line 1",
    "def f(x:": f"{trial.ANSWER_STOPS} SyntaxError",
    "1 / 0\ndef f(x): return 10": f"{trial.ANSWER_STOPS} ZeroDivisionError",
    "def f(x): return 9\n1 / 0": f"{trial.ANSWER_STOPS} ZeroDivisionError",
    "import os\nos._exit(0)": "ended inside the test (exit status 0)",
    "def f(x): os._exit(3)": "ended inside the test (exit status 3)",
    "def f(x): os.kill(os.getpid(), 11)": "the process crashed (SIGSEGV)",
    "def f(x): os.kill(os.getppid(), 9)": "",
    "def f(x):\n    while True: pass": "stopped: ",
    "while True: pass": "stopped: ",
    "import time\ndef f(x): time.sleep(60)": "still running after 1.2 s",
    "def f(x): raise SystemExit": "raised SystemExit",
    "raise SystemExit": "SystemExit",
    "def f(x): return f(x)": "give the recursion an end",
    "def f(x): return bytearray(64 << 30)": "MemoryError",
    "def f(x): raise KeyboardInterrupt": "KeyboardInterrupt",
    "def f(x): os.closerange(0, 200)": "the process",
    "import sys\ndef f(x):\n    sys.stdout.close()\n    print(1)": "ValueError",
    "class E:\n    def __eq__(self, x): return True\n"
    "def f(x): return E()": "got <E> (E), expected 10 (int)",
    "class E(int):\n    def __eq__(self, x): return True\n"
    "def f(x): return E(3)": "got 3, expected 10",
    "class f:\n    def __init__(self, x): pass\n"
    "    __eq__ = lambda a, b: True": "got <f> (f), expected 10 (int)",
    "import threading\ndef f(x):\n    t = threading.Thread(target=lambda: 1/0)\n"
    "    t.start()\n    t.join()\n    return 9": "got 9, expected 10",
    "import builtins\nbuiltins.isinstance = builtins.sum = lambda *a: True\n"
    "def f(x): return 9": "",
    "check.equal = check.case = lambda *a, **k: None\ndef f(x): return 9": "got 9",
    "import course.check.rungs as r\nr.difference = r.fail = lambda *a, **k: None\n"
    "def f(x): return 9": "got 9, expected 10",
    "import course.check.cell as c\nc._run = lambda test: None\n"
    "def f(x): return 9": "got 9, expected 10",
    "scale = 1\ndef f(x): return x": "got 1, expected 10",
    "import sys, gc\ndef f(x):\n    seen, frame = [], sys._getframe()\n"
    "    while frame:\n        seen.append(frame.f_locals.get('want'))\n"
    "        frame = frame.f_back\n"
    "    return next((one for one in seen if one is not None), 'none')": "got 'none'",
}  # fmt: skip


@pytest.mark.parametrize("answer", FAILING)
def test_an_answer_that_misbehaves_only_fails(mini, answer):
    start = time.monotonic()
    got = grade(mini, answer, deadline=1.2, cpu=1)
    assert not got.passed
    assert FAILING[answer] in got.message
    assert got.message
    assert "Lost" not in got.message
    assert time.monotonic() - start < 20


def test_an_answer_that_uses_up_its_time_is_told_so(mini):
    got = grade(mini, "def f(x):\n    while True: pass", deadline=20, cpu=1)
    assert "used more than 1 s of processor time" in got.message


def test_a_dead_process_is_no_error_that_a_test_waits_for(mini):
    """The group `patient` swallows every Exception."""
    for body in ("os._exit(0)", "os.kill(os.getpid(), 9)", "os.closerange(0, 200)"):
        got = grade(mini, f"def f(x):\n    {body}", "patient")
        assert got.message.startswith("the process ")
    assert grade(mini, "def f(x): 1 / 0", "patient").passed


def test_what_the_learner_calls_by_the_courses_names_stays_there(mini):
    own = "scale = 99\ncheck = len = Rule = None\nready = True\n"
    assert grade(mini, own + "def f(x): return 10 * x").passed
    got = grade(mini, own + "def f(x): return 10 * x", "ready")
    assert got.passed, got.message
    assert not grade(mini, own + "def f(x): return 1", "ready").passed


PEERS = {
    "answers True to all": "reply(True)",
    "sends back what it got": "message({'changed': [], 'value': told['values']})",
    "claims it is over": "message({'passed': True, 'message': ''})",
    "sends noise": "os.urandom(100)",
    "sends nothing": "b''",
    "asks for names": "message({'ask': ['names', ['check', 'want']], 'values': []})",
    "raises Wrong": "error('course.check.wrong', 'Wrong')",
    "raises Lost": "error('course.grading.split', 'Lost')",
    "raises SystemExit": "error('builtins', 'SystemExit')",
    "raises _Orphaned": "error('course.grading.trial', '_Orphaned')",
    "raises KeyboardInterrupt": "error('builtins', 'KeyboardInterrupt')",
}
PEER = """
import os, json, struct
from course.grading import split
def message(told):
    told.setdefault("blobs", [])
    text = json.dumps(told).encode()
    return struct.pack("!II", len(text), 0) + text
def reply(value):
    return message({"changed": [], "value": value})
def error(module, name):
    kind = [module, name, []]
    return message({"changed": [], "error": {"error": {
        "number": 1, "kind": kind, "args": [], "held": {}, "place": None}}})
def serve(line):
    first = True
    while True:
        told, _ = line._receive()
        ref = {"ref": [1, 0, {"name": "f", "operators": ["__call__"], "methods": [],
                              "parameters": None}]}
        both = {"dict": [["f", "check", "len"], [ref, ref, ref]]}
        line.wire.sendall(reply({"tuple": [both, ""]}) if first else REPLY)
        first = False
split.Line.serve = serve
"""


@pytest.mark.parametrize("name", PEERS)
def test_a_forged_end_of_the_line_passes_nothing(mini, name):
    start = time.monotonic()
    got = grade(mini, PEER.replace("REPLY", PEERS[name]), "many", deadline=1)
    assert not got.passed
    assert got.message
    assert time.monotonic() - start < 10


def test_the_judges_listen_and_outlive_what_connects(tmp_path):
    cells = [one for one in CELLS if not one.id.startswith("t-x-e2")]
    with trial.Trial(Path("t.ipynb"), cells=cells) as one:
        one.open()

        def judge(path: Path, peer, deadline: float = 3.0) -> trial.Outcome:
            judging = one.judge("e1", ["e1.check"], "0", str(path), deadline=deadline)
            threading.Thread(target=peer, args=(path,), daemon=True).start()
            (outcome,) = judging.outcomes()
            return outcome

        def honest(path: Path) -> None:
            namespace = run("def f(x):\n    return 10 * x")
            with socket.socket(socket.AF_UNIX) as wire:
                wire.connect(str(path))
                Line(wire, namespace, trusted=False).serve()

        def hangs_up(path: Path) -> None:
            with socket.socket(socket.AF_UNIX) as wire:
                wire.connect(str(path))

        def is_silent(path: Path) -> None:
            with socket.socket(socket.AF_UNIX) as wire:
                wire.connect(str(path))
                time.sleep(4)

        def comes_twice(path: Path) -> None:
            with (
                socket.socket(socket.AF_UNIX) as wire,
                socket.socket(socket.AF_UNIX) as second,
            ):
                wire.connect(str(path))
                second.connect(str(path))
                second.sendall(reply(True) * 9)
                time.sleep(0.1)

        assert judge(tmp_path / "a", honest).passed
        assert "ended, or left" in judge(tmp_path / "b", hangs_up).message
        assert "still running" in judge(tmp_path / "c", is_silent, 1.0).message
        assert "still running" in judge(tmp_path / "d", lambda path: None, 1.0).message
        assert not judge(tmp_path / "e", comes_twice).passed
        # Where it cannot listen it says so, and is there for the next.
        (tmp_path / "f").touch()
        for path in (tmp_path / "f", tmp_path / "none" / "g", tmp_path / ("h" * 200)):
            got = judge(path, lambda path: None)
            assert "no line to your code" in got.message
        # Nor does it end when the one who asked is gone and another asks.
        one.judge("e1", ["e1.check"], "0", str(tmp_path / "i"), deadline=30)
        assert judge(tmp_path / "j", honest).passed
        assert not list(tmp_path.glob("[a-eg-j]*"))
        one.close()


# --- canaries -------------------------------------------------------------------------

TEST = '''### BEGIN HIDDEN TESTS
from course import check

@check.hidden("t-x-e1-grade-c")
def e1_c():
    """Words with ünï, \u2028 and \x0c in them."""
    want = [1, "ü\u2028"], (
        2
    )
    shown = "f(1)"  # „
    @functools.cache
    def reference(x):
        check.case(f, 1, want=(x
            + 1), shown=shown)
        return x

    async def later():
        check.equal(f(1), await g(), shown=shown)
    for n in (1, 2): check.equal(f(n), want, shown=shown)
    check.equal(
        f(1), lambda: 3, shown="é" * 3)
    check.true(f(2) == {"a": 1}["a"], shown=shown, said="ü")
    check.against(reference, f, make)
    check.equal(*pair, shown=shown)
    check.case(f, want=None, near=1e-9)
    if f: check.equal(f, want := 5, shown=shown); check.true(bool(f), shown=shown)
    check.raises(f, ValueError, 1)
    check.at_most(f(1), 3, "calls", shown=shown)
    other.equal(1, 2)
### END HIDDEN TESTS
'''


def test_a_wrong_value_changes_one_place_and_the_copy_is_python():
    copies = canary.wrong_values(TEST, met=False)
    assert len(copies) == 9
    places = set()
    for source in copies:
        assert source.count("check.other(") == 1
        at = source.index("check.other(")
        places.add(at)
        tree = ast.parse(source)
        (call,) = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "other"
        ]
        assert len(call.args) == 1

        class Back(ast.NodeTransformer):
            def visit_Call(self, node, call=call):
                return call.args[0] if node is call else self.generic_visit(node)

        assert ast.dump(Back().visit(tree)) == ast.dump(ast.parse(TEST))
    assert len(places) == 9
    for source in canary.wrong_values(TEST):
        assert source.endswith("### END HIDDEN TESTS\n\n    check.met()\n")
        body = ast.parse(source).body[-1].body
        assert ast.unparse(body[-1]) == "check.met()"
    for none in (
        "",
        "x = 1",
        "def t():\n    check.raises(f, E)",
        "check.at_most(1, 2)",
    ):
        assert canary.wrong_values(none) == []
    assert canary.wrong_values("check.true(x)") == ["check.true(check.other(x))"]


def test_a_false_statement_stands_anywhere_and_names_itself():
    lines = set()
    for _ in range(1000):  # so that no place is missed by chance
        source, sign = canary.false_statement(TEST)
        number = next(i for i, x in enumerate(source.split("\n")) if sign in x)
        lines.add(number)
        old = source.split("\n")
        new = old.pop(number)
        assert "\n".join(old) == TEST.rstrip("\n")
        assert new.startswith("    check.equal(")
        ast.parse(source)
    assert len(lines) == len(ast.parse(TEST).body[1].body)
    source, sign = canary.false_statement(TEST, first=True)
    assert sign in ast.unparse(ast.parse(source).body[1].body[0])
    for none in ("", "x = 1", "(", "def t(): pass", "x = 1\ndef t():\n    x"):
        assert canary.false_statement(none) is None
    body = "@check.hidden('t-x-e1-grade-a')\ndef t():\n    check.equal(1, 1, shown='')"
    source, sign = canary.false_statement(body)
    with pytest.raises(check.Wrong, match=sign):
        exec(source, {"check": check})


NUMBERS = [
    *(
        0,
        1,
        -1,
        7,
        -5,
        10**30,
        -(10**30),
        0.0,
        -0.0,
        -1.0,
        -1.02,
        1e308,
        -1e308,
        5e-324,
    ),
    *(math.inf, -math.inf, math.nan, 0j, -1 + 0j, complex(math.inf, 1), True, False),
    *(
        np.True_,
        np.float32(-1),
        np.float16(6e4),
        np.float64(math.inf),
        np.complex64(-1),
    ),
    *(np.int8(n) for n in (-128, -1, 0, 63, 64, 127)),
    *(np.uint8(n) for n in (0, 1, 127, 128, 254, 255)),
    *(np.uint64(2**64 - 1), np.int64(-(2**63)), np.longdouble(-1)),
]
KINDS = [
    *("", "a", "?", b"", b"?", bytearray(b"a"), None, ..., [], [None], [[]], (), (1,)),
    *(Point(1, 2), Point([], 0), {1, 2}, {"?"}, {"?", "??"}, set(), frozenset("?"), {}),
    *({"?": "?"}, {"a": 1}, collections.Counter("a?"), collections.OrderedDict(a=1)),
    *(collections.deque([1]), Color.RED, Level.LOW, Frozen(1), Plain(1), range(3)),
    *(Fraction(1, 3), np.datetime64("2020-01-01"), np.datetime64("NaT"), np.str_("a")),
    *(np.timedelta64(1, "s"), np.timedelta64(-1, "s"), np.bytes_(b""), int, len, min),
    *(np.array([]), np.array([-1, -1]), np.array([-1.0]), np.array(-1), np.array("a")),
    *(np.array([True, False]), np.array([math.inf, math.nan, -math.inf]), RECORD),
    *(np.array([255, 0], "u1"), np.array([-128, -1, 127], "i1"), np.array([None, 1])),
    *(np.array([-1j]), np.array([6e4, -1], "f2"), np.zeros(1, RECORD), np.zeros(0)),
]  # fmt: skip


@pytest.mark.parametrize("value", [*NUMBERS, *KINDS], ids=repr)
def test_another_value_is_unequal_and_not_near(value):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other = check.other(value)
    check.equal(value, value, shown="itself")
    for near in (None, 1e-9, 1e-3, 0.3, (0.3, 0.5)):
        for got, want in ((value, other), (other, value)):
            with pytest.raises(check.Wrong, match=r"got|expected|missing"):
                check.equal(got, want, shown="other", near=near)
    for inside in ([value], (value, 1), {"a": value}):
        with pytest.raises(check.Wrong):
            check.equal(inside, check.other(inside), shown="other")


def test_another_reference_is_never_met_by_the_right_one():
    def make(rng, size):
        return (rng.integers(-9, 9, size).tolist(),)

    check.against(sorted, sorted, make)
    with pytest.raises(check.Wrong):
        check.against(check.other(sorted), sorted, make)


def test_a_copy_that_never_comes_to_its_wrong_value_fails():
    test = "@check.visible('t-x-e1-check')\ndef t():\n    for n in got:\n"
    test += "        check.equal(n, 5, shown='n')"
    (copy,) = canary.wrong_values(test)
    (bare,) = canary.wrong_values(test, met=False)
    for got in ([], [5], [5, 5]):
        exec(test, {"check": check, "got": got})
        with pytest.raises(
            check.Wrong, match="never came" if not got else "expected 11"
        ):
            exec(copy, {"check": check, "got": got})
    exec(bare, {"check": check, "got": []})
    exec(copy, {"check": check, "got": [11]})  # so who reads what is expected is found


# --- in real kernels ------------------------------------------------------------------

NUMBER = 982_451_653  # stands in a hidden split test, and so in no kernel
MODES = {
    "# %% [check] e1 points=10": "# %% [check] e1 points=10 mode=split",
    "e1.big points=40 mode=shared": "e1.big points=40 mode=split",
    "check.case(double, 10**9, want=2 * 10**9)": f"check.case(double, {NUMBER}, "
    f"want={2 * NUMBER})",
}
WRONG = "def double(n):\n    return 5\n"
ORACLE = """
import gc, inspect, sys
def expected():
    frame = sys._getframe()
    while frame:
        if frame.f_locals.get("want") is not None:
            return frame.f_locals["want"]
        frame = frame.f_back
    for one in inspect.stack():
        if one.frame.f_locals.get("want") is not None:
            return one.frame.f_locals["want"]
    for one in gc.get_objects():
        if type(one) is dict and type(one.get("want")) in (int, float):
            return one["want"]
"""
# name -> what gives a wrong answer full marks in one process with its tests
ATTACKS = {
    "transformer": INPUT_TRANSFORMER,
    "ast-transformer": AST_TRANSFORMER,
    "patched-checks": PATCHED_CHECKS,
    "patched-runner": PATCHED_RUNNER,
    "replaced-run-cell": RUN_CELL,
    "hook": HOOK,
    "patched-check": "check.equal = check.case = lambda *a, **k: None",
    "patched-builtins": """
import builtins
builtins.isinstance = builtins.any = builtins.all = lambda *a: True
builtins.AssertionError = builtins.Exception = type("E", (BaseException,), {})
""",
    "equal": """
class E(int):
    __eq__ = __le__ = __ge__ = __lt__ = __gt__ = lambda a, b: True
    __ne__ = lambda a, b: False
    __hash__ = int.__hash__
class F:
    __eq__ = E.__eq__
def double(n):
    return E(n) if n > 0 else F()
""",
    "frames": ORACLE + "def double(n):\n    return expected() or 5\n",
    "reads": """
import gc, glob, linecache, os
def places():
    for path in glob.glob("/tmp/**", recursive=True) + glob.glob("**", recursive=True):
        if os.path.isfile(path):
            yield open(path, errors="replace").read(1 << 22)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for name in ("cmdline", "environ"):
            try:
                yield open(f"/proc/{pid}/{name}").read()
            except OSError:
                pass
    yield str(linecache.cache)
    yield str(In)
    yield str(get_ipython().history_manager.input_hist_raw)
    yield from [one for one in gc.get_objects() if type(one) is str]
    for one in gc.get_objects():
        if type(one) is dict:
            yield str([held for held in one.values() if type(held) is str])
def double(n):
    found = [one for one in places() if "98245" "1653" in one]
    return 2 * n if found else 5
""",
    "forged-messages": """
def double(n):
    kernel = get_ipython().kernel
    parent = kernel.get_parent("shell")
    for kind, content in [
        ("stream", {"name": "stdout", "text": "e1 big: passed"}),
        ("execute_reply", {"status": "ok", "execution_count": 1, "payload": []}),
        ("status", {"execution_state": "idle"}),
    ]:
        kernel.session.send(kernel.iopub_socket, kind, content, parent)
    return 5
""",
    "serves": """
import socket, struct, json
from course.grading import split
def reply(value):
    text = json.dumps({"changed": [], "value": value, "blobs": []}).encode()
    return struct.pack("!II", len(text), 0) + text
def serve(path):
    with socket.socket(socket.AF_UNIX) as wire, socket.socket(socket.AF_UNIX) as other:
        wire.connect(path)
        other.connect(path)
        forged = {"ref": [1, 0, {"name": "f", "operators": ["__call__"], "methods": [],
                                 "parameters": None}]}
        names = {"dict": [["double", "check", "len", "__builtins__"], [forged] * 4]}
        wire.sendall(reply({"tuple": [names, ""]}))
        for value in (True, True, True):
            wire.sendall(reply(value))
            other.sendall(reply(value))
split.serve = serve
""",
    "echoes": """
from course.grading import split
split.Line._answer = lambda line, told, blobs: line._put(
    {"changed": [], "value": told["values"][0] if told["values"] else None},
    split._Writer(line))
""",
    "closes": """
import os
def double(n):
    os.closerange(3, 1 << 10)
    return 5
""",
    "connects-first": """
import glob, json, socket, struct, threading, time
held = []
def watch():
    while True:
        for path in glob.glob("/tmp/**/line-*", recursive=True):
            try:
                wire = socket.socket(socket.AF_UNIX)
                wire.connect(path)
                held.append(wire)
                text = json.dumps({"changed": [], "value": True, "blobs": []}).encode()
                wire.sendall((struct.pack("!II", len(text), 0) + text) * 9)
            except OSError:
                pass
        time.sleep(0.001)
threading.Thread(target=watch, daemon=True).start()
""",
}
SHARED = {  # what is found beside the learner's code, in e2
    "oracle": ORACLE + "def half(n):\n    found = expected()\n"
    "    return n / 2 if found is None else found\n",
    "deaf-to-hidden": """
def deaf(lines):
    return ["pass\\n"] if any("@check.hidden" in line for line in lines) else lines
get_ipython().input_transformers_post.append(deaf)
def half(n):
    return 2.0
""",
    "silent": "check.equal = check.case = lambda *a, **k: None\ndef half(n): return 5",
}
HONEST = {
    **{f"right{number}": (DOUBLE, HALF, RIGHT) for number in range(10)},
    "partly": (DOUBLE.replace("2 * n", "abs(2 * n)"), HALF, [10, 0, 10, 40]),
    "stops": (DOUBLE + "\nboom()", HALF.replace("n / 2", "n // 2"), [10, 40, 0, 0]),
    "loops": ("def double(n):\n    while n != 2: pass\n    return 4", HALF, None),
}


@pytest.fixture(scope="module")
def class_of(tmp_path_factory) -> Path:
    """Return a course of one notebook, one exercise split, that all have handed in."""
    with pytest.MonkeyPatch.context() as patch:
        lesson = autograding.LESSON
        for old, new in MODES.items():
            assert lesson.count(old) == 1
            lesson = lesson.replace(old, new)
        patch.setattr(autograding, "LESSON", lesson)
        root = autograding.make_course(
            tmp_path_factory.mktemp("split") / "course",
            ["one"],
            "c.Execute.timeout = 6\nc.Execute.repeat_timeout = 2\n",
        )
    for student, answers in {
        **{name: (WRONG + attack, HALF) for name, attack in ATTACKS.items()},
        **{name: (DOUBLE, attack) for name, attack in SHARED.items()},
        **{name: told[:2] for name, told in HONEST.items()},
    }.items():
        folder = root / "submitted" / student / WEEK
        folder.mkdir(parents=True)
        shutil.copy(root / "release" / WEEK / "one.ipynb", folder)
        autograding.answer(folder / "one.ipynb", *answers)
    return root


def graded(root: Path, *students: str, trust: bool) -> tuple[dict, dict]:
    """Return the points of the four graded cells, and what is to be reviewed."""
    from nbgrader.api import Gradebook

    outcomes = batch.autograde(
        WEEK,
        students,
        root=root,
        trust=trust,
        force=True,
        console=Console(file=io.StringIO()),
    )
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        points = {
            one.student.id: [grade.score for grade in one.notebooks[0].grades]
            for one in book.assignment_submissions(WEEK)
        }
    return points, {one.student: one for one in outcomes}


@pytest.fixture(scope="module")
def confined(class_of):
    return graded(class_of, trust=False)


needs_sandbox = pytest.mark.skipif(
    bool(sandbox.obstacle()) and not os.environ.get("COURSE_REQUIRE_SANDBOX"),
    reason=f"no sandbox: {sandbox.obstacle()}",
)


@pytest.mark.slow
@needs_sandbox
@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_gets_nothing_from_a_split_test(confined, name):
    points, outcomes = confined
    assert points[name][:2] == [0, 0], outcomes[name]


@pytest.mark.slow
@needs_sandbox
@pytest.mark.parametrize("name", SHARED)
def test_an_oracle_beside_the_test_is_flagged(confined, name):
    points, outcomes = confined
    assert points[name] == [0, 0, 0, 0]
    assert any("a copy of it that must fail" in flag for flag in outcomes[name].flags)


@pytest.mark.slow
@needs_sandbox
def test_honest_answers_get_what_they_deserve_and_no_flag(confined, class_of):
    points, outcomes = confined
    for name, (*_, deserved) in HONEST.items():
        assert not outcomes[name].flags
        assert not outcomes[name].lost
        assert points[name] == deserved or deserved is None
    assert points["loops"][1:] == [0, 10, 40]
    beside, _ = graded(class_of, "right0", "partly", "stops", trust=True)
    for name in ("right0", "partly", "stops"):
        assert beside[name] == points[name]


def test_tests_on_one_line_do_not_stop_each_other(tmp_path):
    """A check that failed in a callback fails its own test and no other."""
    tell = "def tell(x):\n    check.equal(x, 5, shown='told')\nf(tell)"
    cells = [*CELLS[:6], test_cell("e1-grade-tell", tell), CELLS[4]]
    cells[-1] = test_cell("e1-grade-last", "check.case(f, 2, want=20)")
    source = """
import os, time
def f(x):
    if not isinstance(x, int):
        try:
            return x(4)
        except Exception:
            return 5
    return VALUE
"""
    groups = ["e1.check", "e1.tell", "e1.many", "e1.last"]
    with trial.Trial(Path("t.ipynb"), cells=cells) as one:
        one.open()

        def judge(value: str, name: str) -> list[trial.Outcome]:
            path = str(tmp_path / name)
            judging = one.judge("e1", groups, "0", path, deadline=2)
            child = os.fork()
            if child == 0:
                try:
                    namespace = run(source.replace("VALUE", value))
                    with socket.socket(socket.AF_UNIX) as wire:
                        wire.connect(path)
                        Line(wire, namespace, trusted=False).serve()
                finally:
                    os._exit(0)
            found = judging.outcomes()
            os.kill(child, 9)
            os.waitpid(child, 0)
            return found

        got = judge("10 * x", "a")
        assert [(one.group, one.passed) for one in got] == [
            ("e1.check", True),
            ("e1.tell", False),
            ("e1.many", True),
            ("e1.last", True),
        ]
        assert "told\n  got 4, expected 5" in got[1].message
        # Those behind one that never ends, or where the line is lost, are left out.
        got = judge("10 * x if x < 3 else time.sleep(60)", "b")
        assert [one.passed for one in got] == [True, False, False]
        assert "still running" in got[2].message
        got = judge("10 * x if x < 3 else os._exit(0)", "c")
        assert [one.passed for one in got] == [True, False]
