"""Answers to notebook 9 of week 1: wrong ones that must die, unusual ones that pass."""

import hashlib
import json
import threading
import zlib
from collections import Counter, OrderedDict, deque

from course.ops.proof import edited, right, wrong
from course.sim import review, web

# -- e1: the review ----------------------------------------------------------------


@wrong("e1.half", because="precision 0.0")
@wrong("e1.most", because="name only what you can show")
@wrong("e1.all", because="places for 6")
def review_text__everything():
    size = len(review.REQUEST.splitlines())
    return "\n".join(
        f"{line} {kind}: maybe" for line in range(1, size + 1) for kind in review.KINDS
    )


@wrong("e1.half", because="recall 1.00")
def review_text__every_line_with_its_kind_and_two_more():
    found = ("17 collision", "44 race", "63 recency", "76 durability", "106 tie")
    rest = [f"{line} {kind}" for line in range(20, 38) for kind in ("leak", "race")]
    return ":\n".join([*found, "119 notify", *rest]) + ":"


@wrong("e1.half", because="recall 0.17")
def review_text__the_first_thing():
    return "17 collision: 32 bits"


@wrong("e1.half", because="precision 0.00")
def review_text__right_lines_wrong_kinds():
    kinds = ("leak", "notify", "tie", "recency", "race", "deadline")
    lines = (17, 44, 63, 76, 106, 119)
    pairs = zip(lines, kinds, strict=True)
    return "\n".join(f"{line} {kind}: here" for line, kind in pairs)


@wrong("e1.half", because="precision 0.00")
def review_text__three_lines_off():
    return (
        "12 collision:\n53 race:\n67 recency:\n80 durability:\n"
        "109 tie:\n123 notify:\n102 tie:"
    )


@wrong("e1.most", because="F1 0.67")
@wrong("e1.all", because="has 3 of 6")
def review_text__three_of_six():
    return "17 collision: x\n44 race: x\n106 tie: x"


@wrong("e1.most", because="F1 0.67")
def review_text__four_and_two_false():
    return "17 collision:\n44 race:\n106 tie:\n63 recency:\n23 leak:\n80 leak:"


@wrong("e1.all", because="names 7 places")
def review_text__one_false_alarm():
    return """
    17 collision: x
    44 race: x
    63 recency: x
    76 durability: x
    106 tie: x
    119 notify: x
    112 deadline: the deadline is computed once, which is right
    """


@wrong("e1.all", because="names 7 places")
def review_text__one_of_them_twice():
    return """
    17 collision: x
    44 race: x
    50 race: x
    63 recency: x
    76 durability: x
    106 tie: x
    119 notify: x
    """


@wrong("e1.all", because="has 5 of 6")
def review_text__one_overlooked():
    return """
    17 collision: x
    44 race: x
    63 recency: x
    76 durability: x
    106 tie: x
    """


@right("e1")
def review_text__neighbouring_lines():
    return """In the order of the file:
    39 collision: the name under which a picture is kept
    50 race: entered after the lock was given back
    62 recency: overwritten in its old place
    78 durability: too late
      105 tie: heap of tuples
    121 notify: only when empty

    Otherwise nice work."""


@wrong("e1.check", because="is of no kind")
def review_text__own_words():
    return "17 hashing: 32 bits"


@wrong("e1.check", because="is not in lines")
def review_text__beyond_the_end():
    return "1700 race: here"


@wrong("e1.check", because="names nothing")
def review_text__praise():
    return "Looks good to me"


@wrong("e1.check", because="is not text")
@wrong("e1.half", because="is not text")
@wrong("e1.most", because="is not text")
@wrong("e1.all", because="is not text")
def review_text__a_set():
    return {(17, "collision")}


# -- e2: the suite -----------------------------------------------------------------


@wrong("e2.fair", because="does nothing")
@wrong("e2.items", because="rejects 0")
@wrong("e2.wakes", because="rejects 0")
@wrong("e2.ends", because="rejects 0")
@wrong("e2.all", because="rejects 0")
def test_queue__asserts_nothing(make, on):
    on.start(make(1).put, "a")


@wrong("e2.items", because="rejects [12],")
@wrong("e2.wakes", because="rejects 0")
@wrong("e2.ends", because="rejects 0")
def test_queue__the_example(make, on):
    line = make(2)
    for item in "ab":
        assert on.start(line.put, item).said() == "returned None"
    assert [on.start(line.get).said() for _ in "ab"] == ["returned 'a'", "returned 'b'"]


@wrong("e2.fair", because="right queue")
@wrong("e2.items", because="right queue")
@wrong("e2.wakes", because="right queue")
@wrong("e2.ends", because="right queue")
def test_queue__rejects_all(make, on):
    raise AssertionError("all wrong")


@wrong("e2.fair", because="right queue: Each sleeper")
def test_queue__who_waits_longest_is_first(make, on):
    line = make(1)
    first, second = on.start(line.get), on.start(line.get)
    on.start(line.put, "a")
    assert (first.said(), second.said()) == ("returned 'a'", "waiting")


@wrong("e2.fair", because="right queue: Two conditions")
def test_queue__words_of_errors(make, on):
    line = make(1)
    late = on.start(line.get, timeout=1)
    on.advance(1)
    assert str(late._error) == ""


@wrong("e2.fair", because="right queue")
def test_queue__looks_inside(make, on):
    line = make(1)
    on.start(line.put, "a")
    assert list(line.items) == ["a"]


@wrong("e2.fair", because="still running")
@wrong("e2.items", because="still running")
@wrong("e2.wakes", because="still running")
@wrong("e2.ends", because="still running")
def test_queue__hangs(make, on):
    threading.Event().wait()


@wrong("e2.wakes", because="rejects [012],")
def test_queue__never_wakes_early(make, on):
    line = make(1)
    taker = on.start(line.get)
    assert taker.said() == "waiting"
    on.start(line.put, "a")
    assert taker.said() == "returned 'a'"
    on.start(line.put, "b")
    giver = on.start(line.put, "c")
    assert giver.said() == "waiting"
    on.start(line.get)
    assert giver.said() == "returned None"


@wrong("e2.ends", because="rejects [012],")
def test_queue__closes_with_one_asleep(make, on):
    line = make(1)
    taker = on.start(line.get)
    on.start(line.close)
    assert taker.said() == "raised Closed"
    line = make(1)
    late = on.start(line.get, timeout=2)
    on.advance(2)
    assert late.said() == "raised TimeoutError"


@wrong("e2.items", because="rejects [012],")
def test_queue__full_but_never_timed_out(make, on):
    line = make(1)
    on.start(line.put, "a")
    giver = on.start(line.put, "b")
    assert giver.said() == "waiting"
    assert on.start(line.get).said() == "returned 'a'"
    assert on.start(line.get).said() == "returned 'b'"


@wrong("e2.all", because="rejects 1[0-8],")
def test_queue__most_of_them(make, on):
    """Passes the groups, where one of four may be missed, and misses rarer ones."""

    def one(capacity, *steps):
        line, calls = make(capacity), []
        for step in steps:
            if isinstance(step, (int, float)):
                on.advance(step)
            elif step[0] == "wake":
                on.wake(calls[step[1]])
            elif step[0] == "burst":
                with on.burst():
                    for name, *args in step[1:]:
                        calls.append(on.start(getattr(line, name), *args))
            else:
                name, *args = step
                calls.append(on.start(getattr(line, name), *args))
        return [call.said() for call in calls], len(line)

    ok = "returned None"
    said, size = one(2, ("put", 1), ("put", 2), ("put", 3, 4), ("wake", 2), 4, ("get",))
    assert said == [ok, ok, "raised TimeoutError", "returned 1"]
    assert size == 1
    said, size = one(
        1, ("put", 1), ("put", 2), ("get",), ("get",), ("get",), ("close",)
    )
    assert said == [ok, ok, "returned 1", "returned 2", "raised Closed", ok]
    said, _ = one(2, ("get",), ("get",), ("burst", ("put", 1), ("put", 2)))
    assert sorted(said) == sorted(["returned 1", "returned 2", ok, ok])
    said, _ = one(
        1, ("get",), ("wake", 0), ("put", 1), ("put", 2), ("put", 3), ("get",)
    )
    assert said == ["returned 1", ok, ok, "waiting", "returned 2"][:3] + said[3:]
    assert "returned 2" in said
    said, _ = one(1, ("get",), ("get",), ("get",), ("close",))
    assert said == ["raised Closed"] * 3 + [ok]
    said, _ = one(1, ("put", 1), ("close",), ("get",), ("put", 2))
    assert said == [ok, ok, "returned 1", "raised Closed"]
    said, _ = one(1, ("get", 6), 2, ("wake", 0), 2, ("wake", 0), 2)
    assert said == ["raised TimeoutError"]


@right("e2")
def test_queue__by_lists(make, on):
    """Plays each scene as a list of calls, and compares what all of them said."""
    ok = "returned None"

    def play(capacity, *steps):
        line, calls, lengths = make(capacity), [], []

        def call(words):
            name, *args = words.split(" ")
            args = [None if one == "None" else float(one) for one in args]
            calls.append(on.start(getattr(line, name), *args))

        for step in steps:
            if isinstance(step, tuple):
                with on.burst():
                    for words in step:
                        call(words)
            elif step.startswith("after"):
                on.advance(float(step.split()[1]))
            elif step.startswith("wake"):
                on.wake(calls[int(step.split()[1])])
            else:
                call(step)
            lengths.append(len(line))
        return [one.said() for one in calls], lengths

    got, want, late = "returned 1.0", "returned 2.0", "raised TimeoutError"
    for steps, said, lengths in (
        (["put 1", "put 2", "put 3", "get"], [ok, ok, ok, got], [1, 2, 2, 2]),
        (["put 1", "put 2", "put 3"], [ok, ok, "waiting"], None),
        (["put None", "put 2", "get", "get"], [ok, ok, ok, want], [1, 2, 1, 0]),
        (["get 0", "put 1 0", "put 2", "put 3 0"], [late, ok, ok, late], None),
        (["get 3", "wake 0", "after 2", "wake 0", "after 1"], [late], None),
        (["get 3", "wake 0", "after 2", "wake 0", "put 1"], [got, ok], None),
        (["put 1", "put 1", "put 2 3", "wake 2", "after 2"], [ok, ok, "waiting"], None),
        (
            ["put 1", "put 1", "put 2 3", "wake 2", "after 3", "get", "get"],
            [ok, ok, late, got, got],
            [1, 2, 2, 2, 2, 1, 0],
        ),
        (["get", "get", ("put 1", "put 1")], [got, got, ok, ok], None),
        (["put 1", "put 1", "put 2", "put 2", ("get", "get")], [ok] * 4 + [got] * 2, 0),
        (["get", "get", "close", "put 1"], ["raised Closed"] * 2 + [ok], None),
        (["put 1", "close", "get", "get"], [ok, ok, got, "raised Closed"], None),
        (
            ["put 1", "put 1", "put 2", "put 2", "close"],
            [ok, ok, "raised Closed", "raised Closed", ok],
            None,
        ),
    ):
        told, sizes = play(2, *steps)
        if steps[-1] == "put 1" and "close" in steps:
            assert told.pop() == "raised Closed"
        assert told == said, (steps, told)
        assert not lengths or sizes == lengths, (steps, sizes)


@wrong("e2.check", because="right queue")
def test_queue__wants_more_room(make, on):
    line = make(1)
    assert [on.start(line.put, n).said() for n in range(2)] == ["returned None"] * 2


@wrong("e2.check", because="Backwards")
def test_queue__counts_only(make, on):
    line = make(2)
    on.start(line.put, "a")
    assert len(line) == 1


# -- e3: the screen, "copies" ------------------------------------------------------

edited(
    "e3.rule",
    "copies: equal sizes are equal",
    old="        for alike in split(list(sizes), sizes.get):\n"
    "            size = sizes[alike[0]]\n",
    new="        return sorted(map(sorted, split(list(sizes), sizes.get)))\n"
    "        for alike in split(list(sizes), sizes.get):\n"
    "            size = sizes[alike[0]]\n",
    because="equal means every byte",
)
edited(
    "e3.rule",
    "copies: the beginning tells",
    old="found += split(group, lambda name, size=size: content(name, size))",
    new="found += split(group, lambda name, size=size: content(name, min(size, head)))",
    because="equal means every byte",
)
edited(
    "e3.edges",
    "copies: a damaged object ends it",
    old="contextlib.suppress(OSError)",
    new="contextlib.suppress(KeyError)",
    because="leave that object out",
)
edited(
    "e3.edges",
    "copies: damaged objects are alike",
    old="                with contextlib.suppress(OSError):\n"
    "                    groups[key(name)].append(name)\n",
    new="                try:\n"
    "                    groups[key(name)].append(name)\n"
    "                except OSError:\n"
    "                    groups[None].append(name)\n",
    because="leave that object out",
)
edited(
    "e3.edges",
    "copies: a damaged object spoils its size",
    old="                with contextlib.suppress(OSError):\n"
    "                    groups[key(name)].append(name)\n",
    new="                try:\n"
    "                    groups[key(name)].append(name)\n"
    "                except OSError:\n"
    "                    return []\n",
    because="leave that object out",
)
edited(
    "e3.edges",
    "copies: empty objects are nothing",
    old="            size = sizes[alike[0]]\n",
    new="            size = sizes[alike[0]]\n            if not size:\n"
    "                continue\n",
    because="objects of 0 bytes",
)
edited(
    "e3.edges",
    "copies: a checksum is proof",
    old="            return seen.digest()\n",
    new="            import zlib\n\n"
    "            return zlib.crc32(store.read(name, 0, min(most, length)))\n",
    because="no proof",
)
edited(
    "e3.edges",
    "copies: groups in any order",
    old="        return sorted(map(sorted, found))\n",
    new="        return list(map(sorted, found))\n",
    because="groups sorted",
)
edited(
    "e3.edges",
    "copies: names in any order",
    old="        return sorted(map(sorted, found))\n",
    new="        return sorted(found)\n",
    because="sorted in each group|order",
)
edited(
    "e3.edges",
    "copies: groups of one",
    old="if len(group) > 1]",
    new="if len(group) > 0]",
    because="two or more|expected",
)
edited(
    "e3.rule",
    "copies: too much at once",
    old="most, head = 4096, 512",
    new="most, head = 8192, 512",
    because="at most 4,096",
)
edited(
    "e3.cost",
    "copies: reads everything",
    old="        for alike in split(list(sizes), sizes.get):\n",
    new="        for name in sizes:\n            content(name, sizes[name])\n"
    "        for alike in split(list(sizes), sizes.get):\n",
    because="do not read it",
)
edited(
    "e3.cost",
    "copies: no first piece",
    old="            if size > head:\n",
    new="            if size > 1 << 40:\n",
    because="read that far",
)
edited(
    "e3.cost",
    "copies: reads whole objects three times",
    old="            for group in candidates:\n",
    new="            for group in candidates:\n"
    "                [content(name, size) for name in group * 2]\n",
    because="read a whole object once",
)


@right("e3")
class Screen__copies_piece_by_piece:
    """Compares all objects of one size side by side, a piece at a time."""

    problem = "copies"

    @staticmethod
    def solve(store):
        sizes = store.sizes()
        waiting = [[n for n in sizes if sizes[n] == size] for size in {*sizes.values()}]
        waiting = [(0, group) for group in waiting]
        found = []
        while waiting:
            at, group = waiting.pop()
            if len(group) < 2:
                continue
            size = sizes[group[0]]
            if at >= size:
                found.append(sorted(group))
                continue
            parts = {}
            for name in group:
                try:
                    piece = store.read(name, at, min(4096, size - at))
                except OSError:
                    continue
                parts.setdefault(piece, []).append(name)
            waiting += [(at + 4096, part) for part in parts.values()]
        return sorted(found)


@wrong("e3.check", because="is none of")
@wrong("e3.rule", because="none of")
@wrong("e3.edges", because="none of")
@wrong("e3.cost", because="none of")
class Screen__another_question:
    problem = "words"

    @staticmethod
    def solve(*given):
        return []


@wrong("e3.check", because="example of copies")
class Screen__finds_nothing:
    problem = "copies"

    @staticmethod
    def solve(store):
        return []


# -- e3: the screen, "frames" ------------------------------------------------------


def _frames(samples, n, flaw=""):
    """Return the calls seen in n looks in a row, with one flaw, or none."""
    if n < 1 and flaw != "any n":
        raise ValueError(n)
    going, found = [], []  # going: [path, index of the first look, looks, last time]

    def end(depth):
        while len(going) > depth:
            path, index, looks, last = going.pop()
            enough = looks > n if flaw == "more than n" else looks >= n
            if enough:
                found.append((index, len(path), path, samples[index][0], last))

    for index, (time, stack) in enumerate(samples):
        if flaw == "skips empty" and not stack:
            continue
        if flaw == "walks back":
            for one, _ in samples[:index]:
                if one > time:
                    raise ValueError("times fall")
        same = 0
        while same < min(len(going), len(stack)):
            path = going[same][0]
            if flaw == "last name" and path[-1] == stack[same]:
                going[same][0] = tuple(stack[: same + 1])
            elif path[-1] != stack[same]:
                break
            same += 1
        if flaw == "by position":
            same = min(len(going), len(stack))
            for at in range(same):
                path = tuple(stack[: at + 1])
                if going[at][0][-1] != stack[at]:
                    if going[at][2] >= n:
                        old = going[at]
                        begun = samples[old[1]][0]
                        found.append((old[1], len(old[0]), old[0], begun, old[3]))
                    going[at] = [path, index, 0, time]
        if flaw == "ends at the next":
            for one in going[same:]:
                one[3] = time
        end(same)
        for one in going:
            one[2] += 1
            one[3] = time
        for depth in range(same, len(stack)):
            if flaw == "no recursion" and stack[depth] in stack[:depth]:
                break
            going.append([tuple(stack[: depth + 1]), index, 1, time])
    if flaw != "the last stay open":
        end(0)
    if flaw == "by time":
        found.sort(key=lambda one: (one[3], one[2]))
    elif flaw != "by end":
        found.sort()
    if flaw == "one row":
        seen = {}
        for one in found:
            seen.setdefault(one[2], one)
        found = list(seen.values())
    return [(path, first, last) for _, _, path, first, last in found]


def _frames_in_total(samples, n):
    """Count all looks of a path, in a row or not."""
    if n < 1:
        raise ValueError(n)
    looks, first, last = Counter(), {}, {}
    for index, (time, stack) in enumerate(samples):
        for depth in range(len(stack)):
            path = tuple(stack[: depth + 1])
            looks[path] += 1
            first.setdefault(path, (index, depth, time))
            last[path] = time
    kept = sorted((p for p in looks if looks[p] >= n), key=first.__getitem__)
    return [(path, first[path][2], last[path]) for path in kept]


@right("e3")
class Screen__frames:
    problem = "frames"

    @staticmethod
    def solve(samples, n):
        return _frames(samples, n)


@right("e3")
class Screen__frames_by_paths:
    """Keeps a dict of the paths that are going on."""

    problem = "frames"

    @staticmethod
    def solve(samples, n):
        if n < 1:
            raise ValueError("n must be at least 1")
        going, rows = {}, []
        for time, stack in samples:
            paths = [tuple(stack[:depth]) for depth in range(1, len(stack) + 1)]
            going = {path: going[path] for path in paths if path in going}
            for path in paths:
                if path not in going:
                    going[path] = [path, time, time, 0]
                    rows.append(going[path])
                going[path][2] = time
                going[path][3] += 1
        return [tuple(row[:3]) for row in rows if row[3] >= n]


@wrong("e3.rule", because="all names down to it")
@wrong("e3.edges", because="the inner ones are new")
class Screen__frames_by_last_name:
    problem = "frames"

    @staticmethod
    def solve(samples, n):
        return _frames(samples, n, "by position")


@wrong("e3.rule", because="count the looks in a row")
class Screen__frames_more_than_n:
    problem = "frames"

    @staticmethod
    def solve(samples, n):
        return _frames(samples, n, "more than n")


@wrong("e3.rule", because="in a row")
@wrong("e3.edges", because="ends a call")
class Screen__frames_in_total:
    problem = "frames"

    @staticmethod
    def solve(samples, n):
        return _frames_in_total(samples, n)


@wrong("e3.edges", because="ends a call")
class Screen__frames_skips_empty:
    problem = "frames"

    @staticmethod
    def solve(samples, n):
        return _frames(samples, n, "skips empty")


@wrong("e3.edges", because="its own name")
class Screen__frames_no_recursion:
    problem = "frames"

    @staticmethod
    def solve(samples, n):
        return _frames(samples, n, "no recursion")


@wrong("e3.rule", because="solve")
class Screen__frames_end_at_the_next_look:
    problem = "frames"

    @staticmethod
    def solve(samples, n):
        return _frames(samples, n, "ends at the next")


@wrong("e3.rule", because="solve")
class Screen__frames_the_last_stay_open:
    problem = "frames"

    @staticmethod
    def solve(samples, n):
        return _frames(samples, n, "the last stay open")


@wrong("e3.edges", because="not by its time")
class Screen__frames_sorted_by_time:
    problem = "frames"

    @staticmethod
    def solve(samples, n):
        return _frames(samples, n, "by time")


@wrong("e3.rule", because="order|expected")
class Screen__frames_in_order_of_their_ends:
    problem = "frames"

    @staticmethod
    def solve(samples, n):
        return _frames(samples, n, "by end")


@wrong("e3.edges", because="ends a call")
class Screen__frames_one_row_for_each_path:
    problem = "frames"

    @staticmethod
    def solve(samples, n):
        return _frames(samples, n, "one row")


@wrong("e3.edges", because="ValueError")
class Screen__frames_any_n:
    problem = "frames"

    @staticmethod
    def solve(samples, n):
        return _frames(samples, n, "any n")


@wrong("e3.cost", because="one pass")
class Screen__frames_walks_back:
    problem = "frames"

    @staticmethod
    def solve(samples, n):
        return _frames(samples, n, "walks back")


# -- e3: the screen, "seats" -------------------------------------------------------


def _seats(requests, flaw=""):
    """Answer the requests, with one flaw, or none."""
    answered, holds, sold, answers = {}, {}, set(), []
    for request in requests:
        kind, time, key, seat, who = request[:5]
        said = (kind, *request[3:])
        if flaw == "the time counts":
            said = request
        elif flaw == "the kind does not count":
            said = request[3:5]
        elif flaw == "the seconds do not count":
            said = (kind, seat, who)
        old = answered.get(key)
        if flaw == "walks back":
            old = next(
                (
                    (a, (one[0], *one[3:]))
                    for one, a in zip(requests, answers, strict=False)
                    if one[2] == key
                ),
                None,
            )
        if old is not None and flaw != "twice":
            if flaw == "refused is tried again" and old[0] == "no":
                pass
            elif old[1] != said and flaw != "no conflict":
                answers.append("conflict")
                if flaw == "a conflict takes the key":
                    answered[key] = old[0], said
                continue
            else:
                answers.append(old[0])
                if flaw == "a repeat renews" and kind == "hold":
                    holds[seat] = who, time + request[5]
                continue
        owner, end = holds.get(seat, ("", 0))
        alive = time <= end if flaw == "the end is in" else time < end
        alive = alive and bool(owner)
        if kind == "hold":
            good = not alive or owner == who
            if flaw == "no renewal":
                good = not alive
            if flaw != "sold seats are free":
                good = good and seat not in sold
            if good:
                until = time + request[5]
                if flaw == "never earlier" and alive:
                    until = max(until, end)
                if flaw == "the first end counts" and alive:
                    until = end
                holds[seat] = who, until
        else:
            good = owner == who and alive and seat not in sold
            if flaw == "anybody may buy":
                good = alive and seat not in sold
            if flaw == "an old hold buys":
                good = owner == who and seat not in sold
            if flaw == "sold twice":
                good = owner == who and alive
            if good:
                sold.add(seat)
        answers.append("ok" if good else "no")
        answered[key] = answers[-1], said
    return answers


@right("e3")
class Screen__seats:
    problem = "seats"

    @staticmethod
    def solve(requests):
        return _seats(requests)


@right("e3")
class Screen__seats_by_a_desk:
    """An object for the desk, with one method for each kind; a sale never ends."""

    problem = "seats"

    @staticmethod
    def solve(requests):
        held, first = {}, {}

        def hold(time, seat, who, seconds):
            owner, end = held.get(seat, (who, -1))
            if end is None or (time < end and owner != who):
                return "no"
            held[seat] = who, time + seconds
            return "ok"

        def buy(time, seat, who):
            owner, end = held.get(seat, ("", -1))
            if end is None or owner != who or end <= time:
                return "no"
            held[seat] = who, None
            return "ok"

        def answer(kind, time, key, *rest):
            if key not in first:
                act = {"hold": hold, "buy": buy}[kind]
                first[key] = (kind, rest), act(time, *rest)
            request, said = first[key]
            return said if request == (kind, rest) else "conflict"

        return [answer(*request) for request in requests]


@wrong("e3.edges", because="over at t . s")
class Screen__seats_the_end_is_in:
    problem = "seats"

    @staticmethod
    def solve(requests):
        return _seats(requests, "the end is in")


@wrong("e3.rule", because="solve")
@wrong("e3.edges", because="first answer")
class Screen__seats_a_repeat_renews:
    problem = "seats"

    @staticmethod
    def solve(requests):
        return _seats(requests, "a repeat renews")


@wrong("e3.rule", because="solve")
class Screen__seats_twice:
    problem = "seats"

    @staticmethod
    def solve(requests):
        return _seats(requests, "twice")


@wrong("e3.edges", because="first answer")
class Screen__seats_refused_is_tried_again:
    problem = "seats"

    @staticmethod
    def solve(requests):
        return _seats(requests, "refused is tried again")


@wrong("e3.edges", because="conflict")
class Screen__seats_no_conflict:
    problem = "seats"

    @staticmethod
    def solve(requests):
        return _seats(requests, "no conflict")


@wrong("e3.edges", because="conflict")
class Screen__seats_a_conflict_takes_the_key:
    problem = "seats"

    @staticmethod
    def solve(requests):
        return _seats(requests, "a conflict takes the key")


@wrong("e3.edges", because="first answer|conflict")
class Screen__seats_the_time_counts:
    problem = "seats"

    @staticmethod
    def solve(requests):
        return _seats(requests, "the time counts")


@wrong("e3.edges", because="conflict")
class Screen__seats_the_kind_does_not_count:
    problem = "seats"

    @staticmethod
    def solve(requests):
        return _seats(requests, "the kind does not count")


@wrong("e3.edges", because="conflict")
class Screen__seats_the_seconds_do_not_count:
    problem = "seats"

    @staticmethod
    def solve(requests):
        return _seats(requests, "the seconds do not count")


@wrong("e3.edges", because="holding again")
class Screen__seats_no_renewal:
    problem = "seats"

    @staticmethod
    def solve(requests):
        return _seats(requests, "no renewal")


@wrong("e3.edges", because="holding again")
class Screen__seats_never_earlier:
    problem = "seats"

    @staticmethod
    def solve(requests):
        return _seats(requests, "never earlier")


@wrong("e3.edges", because="holding again")
class Screen__seats_the_first_end_counts:
    problem = "seats"

    @staticmethod
    def solve(requests):
        return _seats(requests, "the first end counts")


@wrong("e3.edges", because="sold seat")
class Screen__seats_sold_seats_are_free:
    problem = "seats"

    @staticmethod
    def solve(requests):
        return _seats(requests, "sold seats are free")


@wrong("e3.rule", because="one's own")
class Screen__seats_anybody_may_buy:
    problem = "seats"

    @staticmethod
    def solve(requests):
        return _seats(requests, "anybody may buy")


@wrong("e3.edges", because="over at")
class Screen__seats_an_old_hold_buys:
    problem = "seats"

    @staticmethod
    def solve(requests):
        return _seats(requests, "an old hold buys")


@wrong("e3.edges", because="sold seat")
class Screen__seats_sold_twice:
    problem = "seats"

    @staticmethod
    def solve(requests):
        return _seats(requests, "sold twice")


@wrong("e3.cost", because="one pass")
class Screen__seats_walks_back:
    problem = "seats"

    @staticmethod
    def solve(requests):
        return _seats(requests, "walks back")


# -- e4: the crawler ---------------------------------------------------------------

edited(
    "e4.order",
    "depth first",
    old="            record = self._fetched(self._waiting[0])\n",
    new="            self._waiting.rotate(1)\n"
    "            record = self._fetched(self._waiting[0])\n",
    because="in the order in which links were found",
)
edited(
    "e4.order",
    "any host that ends alike",
    old="if web.host(one) == self._home)",
    new="if web.host(one).endswith(self._home))",
    because="this host alone",
)
edited(
    "e4.order",
    "any URL that contains the host",
    old="if web.host(one) == self._home)",
    new="if self._home in one)",
    because="this host alone",
)
edited(
    "e4.order",
    "fragments are pages",
    old="else map(web.without_fragment, reply.links)",
    new="else reply.links",
    because="fragments",
)
edited(
    "e4.order",
    "the seed keeps its fragment",
    old="deque([web.without_fragment(seed)])",
    new="deque([seed])",
    because="fragments",
)
edited(
    "e4.order",
    "known pages wait again",
    old="[one for one in new if one not in self._found]",
    new="[one for one in new if one not in self._pages]",
    because="one fetch for each page|in the order",
)
edited(
    "e4.order",
    "one silent page ends the crawl",
    old="        except web.FetchError:\n            return url, None, None, []\n",
    new="        except KeyError:\n            return url, None, None, []\n",
    because="FetchError",
)
edited(
    "e4.order",
    "a page that fails is no page",
    old="        self._pages[url] = name\n        if name is None:\n",
    new="        if name is not None:\n            self._pages[url] = name\n"
    "        if name is None:\n",
    because="a page that fails is a page",
)
edited(
    "e4.order",
    "every status is a page",
    old="        if reply.status != 200:\n            return url, None, None, []\n",
    new="",
    because="whether they have a name",
)
edited(
    "e4.order",
    "a failed page is tried again",
    old="        if reply.status != 200:\n            return url, None, None, []\n",
    new="        if reply.status != 200:\n            reply = self._site.fetch(url)\n"
    "        if reply.status != 200:\n            return url, None, None, []\n",
    because="one fetch for each page|whether they",
)
edited(
    "e4.order",
    "fetches at once",
    old="        self.compact()  # whatever was torn is gone, and the log is open\n",
    new="        self.compact()\n        self.run(1)\n",
    because="run fetches",
)
edited(
    "e4.order",
    "done too early",
    old="        return not self._waiting\n",
    new="        return len(self._waiting) < 2\n",
    because="run",
)
edited(
    "e4.texts",
    "links of known texts are followed",
    old="links = [] if name in self._names else map",
    new="links = [] if name in () else map",
    because="adds no links",
)
edited(
    "e4.texts",
    "known means kept",
    old="links = [] if name in self._names else map",
    new="links = [] if name in self._texts else map",
    because="adds no links",
)
edited(
    "e4.texts",
    "a known text is no use",
    old="        self._texts.move_to_end(name)\n",
    new="",
    because="each page that has a text uses it",
)
edited(
    "e4.texts",
    "the freshest leaves",
    old="self._texts.popitem(last=False)",
    new="self._texts.popitem(last=True)",
    because="the stalest leaves",
)
edited(
    "e4.texts",
    "one too many",
    old="if len(self._texts) > self._capacity:",
    new="if len(self._texts) > self._capacity + 1:",
    because="texts",
)
edited(
    "e4.texts",
    "an empty text is none",
    old="        if reply.status != 200:\n",
    new="        if reply.status != 200 or not reply.text:\n",
    because="pages",
)
edited(
    "e4.texts",
    "names by the builtin hash",
    old="        name = named(reply.text)\n",
    new="        name = str(hash(reply.text))\n",
    because="pages",
)
edited(
    "e4.crash",
    "applies before the record is safe, and takes the page off at once",
    old="            record = self._fetched(self._waiting[0])\n"
    '            self._append(framed("page", *record))\n'
    "            self._apply(*record)\n",
    new='            self._append(framed("page", self._waiting[0], None, None, []))\n'
    "            record = self._fetched(self._waiting[0])\n"
    '            self._append(framed("page", *record))\n'
    "            self._apply(*record)\n",
    because="crash|raised",
)
edited(
    "e4.crash",
    "records are not synced",
    old="        self._log.flush()\n        self._log.fsync()\n",
    new="        self._log.flush()\n",
    because="a record is durable",
)
edited(
    "e4.crash",
    "records are not flushed",
    old="        self._log.flush()\n        self._log.fsync()\n",
    new="        self._log.fsync()\n",
    because="a record is durable",
)
edited(
    "e4.crash",
    "compacts in place",
    old='self._path + ".tmp"\n',
    new="self._path\n",
    because="a record is durable",
)
edited(
    "e4.crash",
    "the new journal is not synced",
    old="            file.flush()\n            file.fsync()\n",
    new="            file.flush()\n",
    because="a record is durable",
)
edited(
    "e4.crash",
    "the folder is not synced",
    old="        self._fs.fsync_dir(os.path.dirname(self._path))\n",
    new="",
    because="a record is durable",
)
edited(
    "e4.crash",
    "goes on writing to the old journal",
    old='        self.close()\n        self._log = self._fs.open(self._path, "ab")\n',
    new="        if self._log is None:\n"
    '            self._log = self._fs.open(self._path, "ab")\n',
    because="a record is durable",
)
edited(
    "e4.crash",
    "the old journal stays open",
    old='        self.close()\n        self._log = self._fs.open(self._path, "ab")\n',
    new='        self._log = self._fs.open(self._path, "ab")\n',
    because="still open",
)
edited(
    "e4.crash",
    "a restart forgets what is kept",
    old="        self._texts = OrderedDict(texts)\n",
    new="",
    because="texts|raised",
)
edited(
    "e4.crash",
    "a restart forgets which texts were seen",
    old="        self._names = {*self._pages.values()} - {None}\n",
    new="",
    because="pages",
)
edited(
    "e4.crash",
    "a restart forgets the order of use",
    old="        self._texts = OrderedDict(texts)\n",
    new="        self._texts = OrderedDict(reversed(texts))\n",
    because="texts",
)
edited(
    "e4.crash",
    "the temporary file must not exist",
    old='self._fs.open(temporary, "wb")',
    new='self._fs.open(temporary, "xb")',
    because="FileExistsError",
)
edited(
    "e4.crash",
    "starts with an empty journal",
    old="        self.compact()  # whatever was torn is gone, and the log is open\n",
    new='        self._fs.open(path, "wb").close()\n        self.compact()\n',
    because="a record is durable",
)
edited(
    "e4.torn",
    "appends behind a torn tail",
    old="        self.compact()  # whatever was torn is gone, and the log is open\n",
    new="        self._size = self._least = 0\n"
    '        self._log = self._fs.open(path, "ab")\n',
    because="torn tail|cut at byte|where .* records are whole",
)
edited(
    "e4.torn",
    "a torn journal is thrown away",
    old="        for kind, *fields in records(self._journal()):\n",
    new="        data = self._journal()\n"
    "        whole = sum(len(framed(*one)) for one in records(data)) == len(data)\n"
    "        for kind, *fields in records(data) if whole else []:\n",
    because="replay every record|fetched",
)


@wrong("e4.torn", because="the first record that is not whole|checksum|raised")
class Crawler__plain_lines:
    """Journals lines without a checksum, and reads what it can."""

    def __init__(self, seed, site, path, capacity, fs):
        _lines(self, seed, site, path, capacity, fs, checked=False)

    def run(self, most=None):
        return _lines_run(self, most)

    def pages(self):
        return list(self.done.items())

    def texts(self):
        return list(self.kept.items())

    def compact(self):
        _lines_compact(self)

    def close(self):
        pass


edited(
    "e4.bounds",
    "a picture for each page",
    old="            if self._size > 2 * self._least + 4096:\n",
    new="            if most is None or self._size:\n",
    because="times the bytes",
)
edited(
    "e4.bounds",
    "never compacts on its way",
    old="            if self._size > 2 * self._least + 4096:\n",
    new="            if self._size > 1 << 60:\n",
    because="compact when the journal|bytes",
)
edited(
    "e4.bounds",
    "keeps every text",
    old="        self._names.add(name)\n",
    new="        self._names.add(name)\n"
    "        self._all = [*getattr(self, '_all', []), text]\n",
    because="keep the texts of the store alone",
)
edited(
    "e4.bounds",
    "what was replayed does not count",
    old="        self.compact()  # whatever was torn is gone, and the log is open\n",
    new="        self._size = self._least = 0\n"
    "        data = self._journal()\n"
    "        whole = sum(len(framed(*one)) for one in records(data)) == len(data)\n"
    "        if whole and data:\n"
    '            self._log = self._fs.open(path, "ab")\n'
    "        else:\n"
    "            self.compact()\n",
    because="what was replayed counts too",
)


def _lines(self, seed, site, path, capacity, fs, checked=True):
    """Start a crawler that journals lines, each (if checked) with its CRC-32."""
    self.site, self.path, self.capacity, self.fs = site, path, capacity, fs
    self.home, self.checked = web.host(seed), checked
    self.done, self.kept = {}, OrderedDict()
    self.queue = deque([web.without_fragment(seed)])
    self.length = 0
    try:
        lines = fs.read_bytes(path).split(b"\n")
    except FileNotFoundError:
        lines = []
    for line in lines[:-1]:
        crc, _, text = line.partition(b" ")
        if checked and crc != b"%08x" % zlib.crc32(text):
            break
        verb, *rest = json.loads(text)
        if verb == "page":
            _lines_apply(self, *rest)
        elif verb == "done":
            self.done[rest[0]] = rest[1]
        elif verb == "keep":
            self.kept[rest[0]] = rest[1]
        else:
            self.queue = deque(rest[0])
    _lines_compact(self)


def _lines_row(*values):
    text = json.dumps(values, ensure_ascii=False).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _lines_apply(self, url, name, text, links):
    assert self.queue[0] == url
    self.queue.popleft()
    self.done[url] = name
    self.queue.extend(links)
    if name is not None:
        self.kept[name] = text
        self.kept.move_to_end(name)
        while len(self.kept) > self.capacity:
            self.kept.popitem(last=False)


def _lines_run(self, most):
    while self.queue and most != 0:
        most = None if most is None else most - 1
        url, name, text, links = self.queue[0], None, None, []
        try:
            reply = self.site.fetch(url)
        except OSError:
            reply = None
        if reply is not None and reply.status == 200:
            text = reply.text
            name = hashlib.sha256(text.encode()).hexdigest()
            if name not in self.done.values():
                for link in map(web.without_fragment, reply.links):
                    known = link in self.done or link in self.queue or link in links
                    if web.host(link) == self.home and not known:
                        links.append(link)
        row = _lines_row("page", url, name, text, links)
        with self.fs.open(self.path, "ab") as file:
            file.write(row)
            file.flush()
            file.fsync()
        self.length += len(row)
        _lines_apply(self, url, name, text, links)
        if self.length > 3 * self.least + 3000:
            _lines_compact(self)
    return not self.queue


def _lines_compact(self):
    rows = [_lines_row("done", *pair) for pair in self.done.items()]
    rows += [_lines_row("keep", *pair) for pair in self.kept.items()]
    rows.append(_lines_row("wait", list(self.queue)))
    with self.fs.open(self.path + ".tmp", "wb") as file:
        for row in rows:
            file.write(row)
        file.flush()
        file.fsync()
    self.fs.replace(self.path + ".tmp", self.path)
    self.fs.fsync_dir(self.path.rpartition("/")[0])
    self.length = self.least = sum(map(len, rows))


@right("e4")
class Crawler__checked_lines:
    """Journals a line for each page, opened anew each time; lists for sets."""

    def __init__(self, seed, site, path, capacity, fs):
        _lines(self, seed, site, path, capacity, fs)

    def run(self, most=None):
        return _lines_run(self, most)

    def pages(self):
        return list(self.done.items())

    def texts(self):
        return list(self.kept.items())

    def compact(self):
        _lines_compact(self)

    def close(self):
        pass


edited(
    "e4",
    "stores the text with every record",
    old="        text = None if name in self._texts else reply.text\n",
    new="        text = reply.text\n",
)


@wrong("e4.check", because="its pages")
class Crawler__without_a_journal:
    """Crawls well, and remembers nothing."""

    def __init__(self, seed, site, path, capacity, fs):
        self.site, self.capacity = site, capacity
        self.queue, self.done, self.kept = deque([seed]), {}, OrderedDict()
        self.home, self.path, self.fs = web.host(seed), path, fs
        self.length, self.least = 0, 1 << 60
        fs.open(path, "wb").close()

    def run(self, most=None):
        return _lines_run(self, most)

    def pages(self):
        return list(self.done.items())

    def texts(self):
        return list(self.kept.items())

    def compact(self):
        pass

    def close(self):
        pass
