"""The ladder: what counts as equal, what a message says, what a test cell survives."""

import asyncio
import collections
import dataclasses
import doctest
import enum
import importlib
import logging
import os
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from course import check
from course.check.compare import changed, difference, freeze
from course.check.paste import call_text, text
from course.check.wrong import Fatal


@pytest.mark.parametrize("name", ["cell", "compare", "paste", "rungs", "wrong"])
def test_the_examples_in_docstrings_run(name):
    module = importlib.import_module(f"course.check.{name}")
    assert doctest.testmod(module).failed == 0


# -- what counts as equal ------------------------------------------------------------


class Always(list):
    """A list that claims to equal everything."""

    __hash__ = None

    def __eq__(self, other):
        return True

    def __iter__(self):
        return iter([1, 2, 3])

    def __len__(self):
        return 3


class AlwaysInt(int):
    def __eq__(self, other):
        return True

    def __hash__(self):
        return 1


class Anything:
    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0


@dataclasses.dataclass(frozen=True, slots=True)
class Info:
    path: str
    size: int


@dataclasses.dataclass
class Sly:
    size: int = dataclasses.field(compare=False)

    def __eq__(self, other):
        return True


class Node:
    def __init__(self, value, after=None):
        self.value, self.after = value, after

    def __eq__(self, other):
        return True

    __hash__ = object.__hash__


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


Pair = collections.namedtuple("Pair", "left right")
NAN = float("nan")
f32, f64 = np.float32, np.float64

EQUAL = [
    (1, 1),
    (0.0, -0.0),
    (NAN, NAN),
    ([NAN, 1.0], [NAN, 1.0]),
    (complex(NAN, 1), complex(NAN, 1)),
    (None, None),
    ("a", "a"),
    (b"a", b"a"),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ({1, 2}, {2, 1}),
    ({(1, "a")}, {(1, "a")}),
    (collections.Counter("aab"), {"a": 2, "b": 1}),
    (collections.defaultdict(list, {"a": [1]}), {"a": [1]}),
    (collections.deque([1, 2]), collections.deque([1, 2])),
    (Pair(1, 2), (1, 2)),
    (Info("a", 1), Info("a", 1)),
    (Node(1, Node(2)), Node(1, Node(2))),
    (np.arange(3), np.arange(3)),
    (np.arange(3, dtype=np.int32), np.arange(3, dtype=np.int64)),
    (np.array([NAN, 1]), np.array([NAN, 1])),
    (np.array([]), np.array([])),
    (np.array(["a", "b"]), np.array(["a", "b"])),
    (np.array([None, [1]], dtype=object), np.array([None, [1]], dtype=object)),
    (
        np.array(["2024-01-01", "NaT"], "M8[D]"),
        np.array(["2024-01-01", "NaT"], "M8[D]"),
    ),
    (2.0, f64(2.0)),
    (f64(2.0), 2.0),
    (f32(0.5), f32(0.5)),
    (Colour.RED, Colour.RED),
    (Path("a/b"), Path("a/b")),
    (range(3), range(3)),
    (int, int),
    (np.dtype("f4"), np.dtype("f4")),
]

DIFFERENT = [
    (True, 1, "got True (bool), expected 1 (int)"),
    (1, True, "got 1 (int), expected True (bool)"),
    (1.0, 1, "got 1.0 (float), expected 1 (int)"),
    (1, 1.0, "got 1 (int), expected 1.0 (float)"),
    ("1", 1, "got '1' (str), expected 1 (int)"),
    (b"a", "a", "got b'a' (bytes), expected 'a' (str)"),
    (None, 0, "got None (NoneType), expected 0 (int)"),
    (0, None, "got 0 (int), expected None (NoneType)"),
    ((1, 2), [1, 2], "got (1, 2) (tuple), expected [1, 2] (list)"),
    ({1: "a"}, {True: "a"}, "missing key True (bool); there is 1 (int)"),
    ({1.0}, {1}, "missing item 1 (int); there is 1.0 (float)"),
    (np.int64(3), 3, "got np.int64(3) (np.int64), expected 3 (int)"),
    (np.bool_(True), True, "got np.True_ (np.bool), expected True (bool)"),
    (f64(2.5), 2, "got np.float64(2.5) (np.float64), expected 2 (int)"),
    (NAN, 0.0, 'got float("nan"), expected 0.0'),
    ([1, 2, 3], [1, 2, 4], "[2]: got 3, expected 4"),
    ([{"size": 4}], [{"size": 5}], "[0]['size']: got 4, expected 5"),
    ([1, 2], [1, 2, 3], "got 2 items, expected 3; missing 3"),
    ([1, 1, 2], [1, 2], "got 3 items, expected 2; repeated 1"),
    ([1, 9, 2], [1, 2], "got 3 items, expected 2; unexpected 9"),
    ([9], [1, 2], "got 1 item, expected 2; [0]: got 9, expected 1"),
    ([2, 1], [1, 2], "right items, wrong order: got [2, 1], expected [1, 2]"),
    ({"a": 1}, {"a": 1, "b": 2}, "missing key 'b'"),
    ({"a": 1, "b": 2}, {"a": 1}, "unexpected key 'b'"),
    ({1, 2}, {1}, "unexpected item 2"),
    (Info("a", 1), Info("a", 2), ".size: got 1, expected 2"),
    (Sly(1), Sly(2), ".size: got 1, expected 2"),
    (Node(1, Node(2)), Node(1, Node(3)), ".after.value: got 2, expected 3"),
    (Always([7]), [7, 8], "got 1 item, expected 2; missing 8"),
    ([Always()], [[1]], "[0]: got 0 items, expected 1; missing 1"),
    (AlwaysInt(3), 4, "got 3, expected 4"),
    ({AlwaysInt(3): 0}, {4: 0}, "missing key 4"),
    (Anything(), 4, "got <Anything> (Anything), expected 4 (int)"),
    ([Anything()], [None], "[0]: got <Anything> (Anything), expected None (NoneType)"),
    (Anything(), np.arange(2), "got <Anything> (Anything), expected np.array([0, 1])"),
    (Colour.RED, Colour.BLUE, "got <Colour.RED: 1>, expected <Colour.BLUE: 2>"),
    (1, Colour.RED, "got 1, expected <Colour.RED: 1>"),
    (Pair(1, 2), Pair(1, 3), ".right: got 2, expected 3"),
    (Path("a"), Path("b"), "got PosixPath('a'), expected PosixPath('b')"),
    (np.arange(3), [0, 1, 2], "(np.ndarray), expected [0, 1, 2] (list)"),
    ([0, 1], np.arange(2), "got [0, 1] (list), expected np.array([0, 1])"),
    (np.zeros((2, 3)), np.zeros((3, 2)), "got shape (2, 3), expected (3, 2)"),
    (np.zeros(2), np.zeros(2, int), "got an array of float64, expected int64"),
    (np.zeros(2, bool), np.zeros(2, int), "got an array of bool, expected int64"),
    (
        np.array([[1, 2], [3, 5]]),
        np.array([[1, 2], [3, 4]]),
        "[1, 1]: got 5, expected 4 (1 of 4 values differ)",
    ),
    (np.ma.array([1, 2], mask=[0, 1]), np.array([1, 2]), "MaskedArray"),
    (np.array([1.0, NAN]), np.array([NAN, 1.0]), "(2 of 2 values differ)"),
    (np.array([[1], None], dtype=object), np.array([[2], None], dtype=object), "[0]"),
    (range(3), [0, 1, 2], "got range(0, 3) (range), expected [0, 1, 2] (list)"),
]


@pytest.mark.parametrize(("got", "want"), EQUAL)
def test_equal_values_have_no_difference(got, want):
    assert difference(got, want) is None


@pytest.mark.parametrize(("got", "want", "said"), DIFFERENT)
def test_different_values_say_where(got, want, said):
    assert said in str(difference(got, want))


def test_near_allows_other_number_types_and_the_stated_gap_only():
    assert difference(1, 1.0, near=0) is None
    assert difference(np.int64(3), 3, near=0) is None
    assert difference(True, 1, near=1)
    assert difference(0.3000001, 0.3, near=1e-6) is None
    assert "(off by 0.1, allowed 0.001)" in str(difference(1.1, 1.0, near=1e-3))
    assert difference([1.0, {"a": 2.0}], [1.0, {"a": 2.0 + 1e-9}], near=1e-6) is None
    assert difference(NAN, NAN, near=0) is None
    assert difference(NAN, 1.0, near=1e9)
    assert difference(float("inf"), 1e308, near=1e-6)
    assert difference(1e308, float("inf"), near=1e-6)
    assert difference(10**400, 1.0, near=1e-6)
    assert difference("a", "b", near=1)


def test_near_as_a_pair_tells_tiny_scales_apart():
    assert difference(0.0, 1e-9, near=1e-6) is None
    assert difference(0.0, 1e-9, near=(1e-6, 0.0))
    small = np.array([1e-9, 2e-9])
    assert difference(np.zeros(2), small, near=(1e-6, 0.0))
    assert difference(small * (1 + 1e-9), small, near=(1e-6, 0.0)) is None


def test_near_on_arrays():
    want = np.array([1.0, 100.0, NAN, np.inf])
    gap = np.array([1e-5, 0, 0, 0])
    assert difference(want + np.roll(gap, 1), want, near=1e-6) is None
    assert difference(want + gap, want, near=1e-6)
    assert difference(np.zeros(4), want, near=1e9)
    assert difference(np.array([1, 2]), np.array([1.0, 2.0]), near=0) is None
    assert difference(np.array([True]), np.array([1.0]), near=0)
    assert difference(np.array([200], np.uint8), np.array([10], np.uint8), near=0.1)


def test_dict_order_counts_only_when_asked():
    ab, ba = {"a": 1, "b": 2}, {"b": 2, "a": 1}
    assert difference(ab, ba) is None
    assert "got ['a', 'b'], expected ['b', 'a']" in str(
        difference(ab, ba, ordered=True)
    )


def test_a_property_that_makes_new_lists_is_compared_each_time():
    class Fresh:
        __slots__ = ("_n",)

        def __init__(self, n):
            self._n = n

        @property
        def __dict__(self):
            return {"values": [self._n]}

    got, want = [Fresh(n) for n in range(500)], [Fresh(n) for n in range(500)]
    want[-1] = Fresh(-1)
    assert "[499]" in str(difference(got, want))


def test_cycles_end():
    a, b = [1], [1]
    a.append(a)
    b.append(b)
    assert difference(a, b) is None
    c = [2]
    c.append(c)
    assert difference(a, c)


def test_a_class_that_pretends_to_come_from_the_library_is_not_trusted():
    Fake = type("Fake", (Anything,), {"__module__": "decimal"})
    one, other = Fake(), Fake()
    one.a, other.a = 1, 2
    assert str(difference(one, other)) == ".a: got 1, expected 2"


def test_long_texts_are_shown_around_the_difference():
    got = "x" * 1000 + "A" + "y" * 1000
    said = str(difference(got, got.replace("A", "B")))
    assert "from character 1000" in said
    assert "A" in said
    assert "B" in said
    assert len(said) < 160


def test_a_difference_deep_in_large_data_stays_short():
    want = {f"k{i}": list(range(1000)) for i in range(100)}
    got = {key: list(value) for key, value in want.items()}
    got["k77"][900] = -1
    assert str(difference(got, want)) == "['k77'][900]: got -1, expected 900"
    got["k77"] = list(range(10**5))
    assert len(str(difference(got, want))) < 200


def test_structured_and_foreign_dtypes():
    dtype = [("x", "i4"), ("y", "f8")]
    a, b = np.zeros(2, dtype), np.zeros(2, dtype)
    assert difference(a, b) is None
    b["y"][1] = 1
    assert "['y'][1]: got 0.0, expected 1.0" in str(difference(a, b))


def test_freeze_of_equal_plain_values_is_equal():
    assert freeze({"a": [1, (2,)]}) == freeze({"a": [1, (2,)]})
    assert freeze(NAN) == freeze(float("nan"))
    assert freeze(Info("a", 1)) == freeze(Info("a", 1))
    assert freeze([1]) != freeze((1,))


def test_changed_looks_at_data_only():
    assert changed([1, object()], [1, object()]) is None
    assert changed({object(): 1}, {object(): 1}) is None
    assert str(changed([1, 2], [1])) == "had 2 items, now has 1 item"
    assert str(changed({"a": 1}, {"a": 1, "b": 2})) == "gained the key 'b'"
    assert str(changed(np.zeros(2), np.ones(2))).startswith("[0]: was 0.0, is now 1.0")


# -- the call as text ------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        *([], (1,), {}, set(), {1, 2}, "it's", b"\x00", 1e300, -0.0, True, None),
        frozenset({1}),
        collections.deque([1]),
        float("inf"),
        [{"a": (1, [2])}],
        np.array([0.1, 0.2]),
        np.array([1, 2], dtype=np.uint8),
        np.array([[True]]),
        np.zeros((0, 2)),
        Info("a", 1),
    ],
)
def test_text_can_be_pasted(value):
    names = {"np": np, "deque": collections.deque, "Info": Info}
    again = eval(text(value), names)
    assert (
        difference(np.asarray(again).reshape(np.shape(value)), np.asarray(value))
        is (None)
        if isinstance(value, np.ndarray)
        else difference(again, value) is None
    )


def test_text_never_shows_an_address_and_survives_a_bad_repr():
    class Bad:
        def __repr__(self):
            raise RuntimeError

    @dataclasses.dataclass
    class Linked:
        after: object

        def __getattribute__(self, name):
            if name == "after" and object.__getattribute__(self, name) is None:
                raise RuntimeError
            return object.__getattribute__(self, name)

    loop = Linked(1)
    loop.after = loop
    assert text(loop).startswith("Linked(after=Linked(after=")
    assert text(Linked(None)) == "<Linked>"
    assert text(Info("a" * 500, 1), 40) == "Info(path='aaaaa...aaaaaa', size=1)"
    assert text(Bad()) == "<Bad>"
    assert text(object()) == "<object>"
    assert text(np.random.default_rng(0)) == "<Generator>"
    assert text([test_text_can_be_pasted]) == "[test_text_can_be_pasted]"
    assert len(text("x" * 10**7)) <= 76
    assert len(text(dict.fromkeys(range(10**5), "y" * 50))) <= 76
    assert len(text(np.zeros((300, 300)))) <= 76


def test_call_text_fits_the_line():
    assert call_text(sorted, ([3, 1],), {}) == "sorted([3, 1])"
    assert len(call_text(sorted, (list(range(10**5)),), {"key": str})) <= 76


# -- the rungs -------------------------------------------------------------------------


def lines(rung, *args, **kw):
    """Return the three lines of the failure that a rung must raise."""
    with pytest.raises(check.Wrong) as caught:
        rung(*args, **kw)
    found = str(caught.value).splitlines()
    assert len(found) == 3
    assert found[2].startswith("  try: ")
    return [found[0], found[1].strip(), found[2].removeprefix("  try: ")]


def stub(n):
    raise NotImplementedError


def dots(n): ...


def ellipsis(n):
    return ...


def test_the_ladder_of_one_call():
    def boom(n):
        return [][n]

    assert lines(check.call, stub, 1)[:2] == ["stub(1)", "stub is not written yet"]
    assert lines(check.call, ellipsis, 1)[1] == "ellipsis is not written yet"
    assert lines(check.call, dots, 1)[1] == "returned None"
    assert lines(check.call, None, 1)[1] == "None stands where a function should"
    said = lines(check.call, boom, 1)
    assert said[0] == "boom(1)"
    assert "raised IndexError: list index out of range" in said[1]
    assert "return [][n]" in said[1]
    assert check.call(dots, 1, none_ok=True) is None
    assert check.call(len, [1, 2]) == 2
    assert lines(check.call, sys.exit, 3)[1] == "raised SystemExit: 3"


def test_a_message_with_many_lines_stays_one_line():
    def boom():
        raise ValueError("a\nb\n" + "c" * 1000)

    assert len(lines(check.call, boom)[1]) < 300


def test_a_changed_input_is_named():
    def sort_it(values):
        values.sort()
        return values

    said = lines(check.case, sort_it, [3, 1], want=[1, 3])
    assert said[1] == "changed its input values[0]: was 3, is now 1"
    check.case(sort_it, [3, 1], want=[1, 3], changes=True)

    def scale(array):
        array *= 2
        return array

    assert "changed its input array[0]" in lines(check.call, scale, np.ones(2))[1]


def test_arguments_that_cannot_be_copied_are_let_be():
    assert check.call(lambda lock, it: list(it), threading.Lock(), iter([1])) == [1]


def test_case_and_hints():
    assert lines(check.case, max, [1, 2], want=1, hint="smallest") == [
        "max([1, 2])",
        "got 2, expected 1",
        "smallest",
    ]
    said = lines(check.case, lambda n: (i for i in range(n)), 2, want=[0, 1])
    assert said[2] == "wrap the result: list(...)"
    check.case(dots, 1, want=None)
    assert lines(check.case, abs, 1, want=None)[1].startswith("got 1 (int)")


def test_raises():
    assert str(check.raises(int, ValueError, "x"))
    assert "raised TypeError" in lines(check.raises, int, ValueError, [])[1]
    assert "returned 7" in lines(check.raises, int, ValueError, "7")[1]
    # NotImplementedError is a RuntimeError, but a stub is no answer.
    assert lines(check.raises, stub, RuntimeError, 1)[1] == "stub is not written yet"
    assert lines(check.raises, stub, Exception, 1)[1] == "stub is not written yet"


def test_against_reports_a_small_failure():
    def make(rng, size):
        return (rng.integers(0, 50, size).tolist(),)

    def drops_duplicates(values):
        return sorted(set(values))

    check.against(sorted, sorted, make)
    said = lines(check.against, sorted, drops_duplicates, make)
    assert len(eval(said[0].removeprefix("drops_duplicates"))) <= 4
    assert "expected" in said[1]

    sizes = []
    check.against(sorted, sorted, lambda r, n: sizes.append(n) or ([],), largest=7)
    assert sizes[0] == 0
    assert max(sizes) == 7
    assert sizes == sorted(sizes)
    assert len(sizes) == 200


def test_against_keeps_the_reference_from_a_mutated_input():
    def drain(values):
        return [values.pop() for _ in range(len(values))][::-1]

    def make(rng, size):
        return (list(range(size)),)

    assert "changed its input values" in lines(check.against, list, drain, make)[1]
    check.against(list, drain, make, changes=True)


def test_against_shows_the_call_as_told():
    def make(rng, size):
        return (size,)

    said = lines(
        check.against, lambda n: n, lambda n: 0, make, shown=lambda n: f"f({n})"
    )
    assert said[0] == "f(1)"
    with pytest.raises(TypeError, match="must return a tuple"):
        check.against(len, len, lambda rng, size: [])


def test_at_most_and_true():
    check.at_most(3, 3, "reads", shown="f()")
    assert lines(check.at_most, 4, 3, "reads", shown="f()")[1] == (
        "4 reads, at most 3 allowed (1.33 times the limit)"
    )
    assert "nan" in lines(check.at_most, NAN, 3, "reads", shown="f()")[1]
    assert lines(check.at_most, 1, 0, "reads", shown="f()")[1] == (
        "1 reads, at most 0 allowed"
    )
    measured = [9, 4, 3, 1]
    check.at_most(lambda: measured.pop(0), 3, "times", shown="f()")
    assert measured == [1]  # the third time it was within the limit
    for measured, said in (([9, 8, 7, 1], "7 times"), ([10, 1], "10 times")):
        got = lines(check.at_most, lambda m=measured: m.pop(0), 3, "times", shown="f()")
        assert (got[1].split(",")[0], measured) == (said, [1])
    assert "for a number" in lines(check.at_most, lambda: "0", 3, "x", shown="f()")[1]
    check.true(np.bool_(True), shown="x", said="y")
    assert lines(check.true, False, shown="x", said="is off")[1] == "is off"
    with pytest.raises(TypeError):
        check.true(Anything(), shown="x", said="y")


def test_within_ends_a_hang():
    start = time.monotonic()
    said = lines(check.within, threading.Event().wait, 30, seconds=0.05)
    assert said[1] == "still running after 0.05 s"
    assert time.monotonic() - start < 5
    assert check.within(len, [1]) == 1
    assert "raised ZeroDivisionError" in lines(check.within, divmod, 1, 0)[1]
    assert lines(check.within, stub, 1)[1] == "stub is not written yet"


def test_collect_gathers_every_failure_and_drops_what_follows_from_one():
    with check.collect() as wrongs:
        check.case(max, [1, 2], want=1)
        check.equal(check.call(dots, 1), 3, shown="dots(1)")
        check.case(max, [1, 2], want=2)
        check.case(max, [1, 3], want=1)

        @check.visible("w1-x-e1-check")
        def test():
            value = check.call(dots, 2)
            check.at_most(len(value), 1, "items", shown="dots(2)")

        @check.visible("w1-x-e2-check")
        def other():
            check.case(stub, 1, want=1)
            check.case(stub, 2, want=1)

    assert [wrong.call for wrong in wrongs] == [
        "max([1, 2])",
        "dots(1)",
        "max([1, 3])",
        "dots(2)",
        "stub(1)",
    ]
    assert isinstance(wrongs[-1], Fatal)
    with pytest.raises(check.Wrong):
        check.case(max, [1, 2], want=1)


# -- a test cell -----------------------------------------------------------------------


def run(body, grade_id="w1-x-e1-grade-links", kind=check.hidden):
    kind(grade_id, points=1)(body)


def failing(body, **kw):
    with pytest.raises(check.Wrong) as caught:
        run(body, **kw)
    return str(caught.value)


def test_passing_prints_one_line_and_binds_none(capfd):
    @check.visible("w1-dedup-e1-check", points=3)
    def e1_check():
        print("printed by the answer")

    assert e1_check is None
    run(lambda: print("not shown"))
    out, err = capfd.readouterr()
    assert out.splitlines() == [
        "printed by the answer",
        "e1 check: passed",
        "e1 links: passed (hidden inputs: seed 0)",
    ]
    assert err == ""


def noisy():
    warnings.warn("careful", stacklevel=1)
    np.float64(1) / np.array([0.0])
    np.log(np.float64(-1))
    print("bar 50 %", file=sys.stderr)
    print("raw", file=sys.__stderr__)
    OLD_HANDLER.error("logged")
    logging.getLogger("x").error("last resort")
    os.write(2, b"written to the descriptor\n")
    subprocess.run([sys.executable, "-c", "import sys; sys.stderr.write('child')"])
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()


OLD_HANDLER = logging.getLogger("made earlier")


def test_noise_on_stderr_costs_nothing(capfd):
    handler = logging.StreamHandler(sys.stderr)
    OLD_HANDLER.addHandler(handler)
    try:
        run(noisy)
        run(noisy, kind=check.visible)
        out, err = capfd.readouterr()
        assert err == ""
        assert len(out.splitlines()) == 2

        def fails():
            noisy()
            check.equal(1, 2, shown="f()")

        assert "got 1, expected 2" in failing(fails)
        out, err = capfd.readouterr()
        assert err == ""
        for word in (
            "bar 50 %",
            "raw",
            "logged",
            "descriptor",
            "child",
            "a thread died",
        ):
            assert word in out
    finally:
        OLD_HANDLER.removeHandler(handler)
    print("back", file=sys.stderr)
    os.write(2, b"again")
    assert capfd.readouterr().err == "back\nagain"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_left_behind_dies_in_silence(capfd):
    go = threading.Event()
    hook = threading.excepthook

    def late():
        go.wait()
        raise ValueError("late")

    threads = []

    def body():
        threads.append(threading.Thread(target=late, daemon=True))
        threads[0].start()

    run(body)
    try:
        go.set()
        threads[0].join()
        assert capfd.readouterr().err == ""
    finally:
        threading.excepthook = hook


def test_a_missing_name_says_what_to_run():
    said = failing(lambda: walk_files("a"))  # noqa: F821
    assert said.splitlines()[1].strip() == "walk_files is not defined"
    assert "run the cells above" in said


def test_an_error_in_the_answer_shows_its_line_and_not_the_test():
    def answer(values):
        return values["secret"]

    def body():
        hidden_data = {"public": 1}
        answer(hidden_data)

    said = failing(body)
    assert said.startswith("answer(...)")
    assert 'return values["secret"]' in said
    assert "hidden_data" not in said
    assert "hidden_data" not in failing(lambda: 1 / len([]))


def test_a_builtin_that_was_rebound_is_named():
    source = "def body():\n    return sum([1, 2])\n"
    own = {"sum": 5}
    exec(source, own)
    said = failing(own["body"])
    assert "del sum" in said


def test_exit_and_recursion_and_interrupt():
    def forever(n):
        return forever(n + 1)

    assert "exit" in failing(lambda: sys.exit(0))
    assert "RecursionError" in failing(lambda: forever(0))
    assert "RecursionError" in failing(lambda: check.call(forever, 0))

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(stop)
    with pytest.raises(KeyboardInterrupt):
        run(lambda: check.call(stop))
    check.visible("w1-x-e1-check")(lambda: None)  # nothing is left behind

    def cancelled():
        raise asyncio.CancelledError

    assert "CancelledError" in failing(cancelled)


def test_the_stand_in_for_a_failed_value_passes_nothing():
    from course.check.wrong import FAILED

    assert "got <no value" in lines(check.case, lambda: FAILED, want=1)[1]
    with pytest.raises(TypeError):
        check.at_most(FAILED, 1, "reads", shown="f()")


def test_wrong_hangs_on_to_no_other_error():
    def group():
        raise ExceptionGroup("many", [ValueError("a")])

    for body in (group, lambda: check.call(group)):
        with pytest.raises(check.Wrong) as caught:
            run(body)
        assert caught.value.__context__ is None
        assert caught.value.__cause__ is None


def test_numbers_follow_from_seed_and_grade_id_alone(monkeypatch):
    def draws(kind, grade_id):
        found = []
        run(
            lambda: found.extend(
                [check.rng().integers(1000, size=2).tolist() for _ in range(2)]
            ),
            kind=kind,
            grade_id=grade_id,
        )
        return found

    monkeypatch.delenv("COURSE_SEED", raising=False)
    plain = draws(check.hidden, "w1-dedup-e1-grade-links")
    assert plain == [[573, 145], [14, 67]]
    assert plain == draws(check.hidden, "w1-dedup-e1-grade-links")
    assert plain != draws(check.hidden, "w1-dedup-e1-grade-edges")
    seen = draws(check.visible, "w1-dedup-e1-check")
    monkeypatch.setenv("COURSE_SEED", "1a2b3c4d")
    assert plain != draws(check.hidden, "w1-dedup-e1-grade-links")
    assert seen == draws(check.visible, "w1-dedup-e1-check")
    assert check.seed() == "1a2b3c4d"


def test_a_failure_is_pickled_whole():
    import pickle

    wrong = check.Wrong("f()", "got 1", "x")
    assert str(pickle.loads(pickle.dumps(wrong))) == str(wrong)


# -- in a real kernel ------------------------------------------------------------------


@pytest.mark.slow
def test_a_kernel_shows_three_lines_and_no_hidden_source():
    nbclient = pytest.importorskip("nbclient")
    import nbformat

    cells = [
        "from course import check\nimport logging\nlogging.basicConfig()",
        "def double(n):\n    return values[n]\nvalues = [1]",
        """
        ### BEGIN HIDDEN TESTS
        from course import check
        @check.hidden("w1-x-e1-grade-edges", points=5)
        def e1_edges():
            top_secret = 41
            check.case(double, 7, want=top_secret + 1, hint="twice the number")
        ### END HIDDEN TESTS
        """,
        """
        @check.visible("w1-x-e1-check", points=5)
        def e1_check():
            import asyncio, warnings, os, sys, threading
            warnings.warn("noise"); os.write(2, b"noise"); logging.error("noise")
            print("noise", file=sys.stderr)
            thread = threading.Thread(target=lambda: 1 / 0)
            thread.start(); thread.join()
        """,
        """
        @check.hidden("w1-x-e1-grade-group", points=5)
        def e1_group():
            top_secret = 41
            raise ExceptionGroup("several", [ValueError("one")])
        """,
    ]
    book = nbformat.v4.new_notebook()
    book.cells = [nbformat.v4.new_code_cell(textwrap.dedent(c).strip()) for c in cells]
    client = nbclient.NotebookClient(book, kernel_name="python3", allow_errors=True)
    client.execute()
    (error,) = book.cells[2].outputs
    assert error.output_type == "error"
    assert error.ename == "Wrong"
    assert error.evalue.splitlines() == error.traceback
    assert error.traceback[0] == "double(7)"
    assert "raised IndexError" in error.traceback[1]
    assert "return values[n]" in error.traceback[1]
    assert error.traceback[2] == "  try: twice the number"
    assert "top_secret" not in str(book.cells[2].outputs)
    assert [(o.output_type, o.get("name")) for o in book.cells[3].outputs] == [
        ("stream", "stdout")
    ]
    assert book.cells[3].outputs[0].text == "e1 check: passed\n"
    (error,) = book.cells[4].outputs
    assert error.output_type == "error"
    assert "top_secret" not in str(error)
    assert len(error.traceback) == 3
