"""A mock interview: one question is shown, and everything else only when asked for.

`draw(name)` picks one of the questions of `QUESTIONS`. An `Interview` shows it, answers
what you ask about it, gives hints one by one and rising follow-ups, reminds you of the
time and notes each reveal, as an interviewer would. It judges nothing.
"""

import hashlib
import textwrap
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from course import viz
from course.study import log
from course.study.sitting import Sitting


@dataclass(frozen=True, slots=True)
class Point:
    """Something the question leaves open: what it is about, and the answer.

    `words` are beginnings of words by which a candidate's question is recognised.
    """

    topic: str
    words: tuple[str, ...]
    answer: str


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a screen, with what an interviewer has in the notes."""

    title: str
    statement: str
    example: str
    points: tuple[Point, ...]
    hints: tuple[str, ...]
    follow_ups: tuple[str, ...]


COPIES = Question(
    title="Copies in a store that bills each byte",
    statement="""A backup store bills every byte that you read. `store.sizes()` gives a
dict {name: size in bytes}. `store.read(name, start, length)` gives a piece of that
object; it refuses more than 4,096 bytes at once with ValueError.

Write solve(store). It returns the groups of names whose contents are equal, as
lists: names sorted in each group, groups sorted. It reads as little as it can:
never an object that can have no copy, and of an object that differs from all others
in its first piece, that piece at most.""",
    example="""contents  a: b"xyz"   b: b"xyz"   c: b"xyw"   d: b"a longer one"
solve(store) == [["a", "b"]], and nothing of d was read""",
    points=(
        Point(
            "empty objects",
            ("empty", "zero", "0 b", "nothing in"),
            "Objects of 0 bytes are copies of each other, and need no reading.",
        ),
        Point(
            "damaged objects",
            ("damag", "fail", "error", "unread", "permission", "except", "oserror"),
            "read may raise OSError for a damaged object. Leave that object out and go "
            "on with the others.",
        ),
        Point(
            "what equal means",
            ("hash", "equal", "collision", "identical", "same content", "proof", "sha"),
            "Equal means every byte. SHA-256 counts as proof here, a 32-bit checksum "
            "does not; say why.",
        ),
        Point(
            "objects without a copy",
            ("unique", "alone", "single", "without a copy", "one member"),
            "Only groups of two or more are listed.",
        ),
        Point(
            "memory",
            ("memory", "large", "big", "ram", "how many", "size of"),
            "An object may be larger than memory: keep no more than a piece of it.",
        ),
    ),
    hints=(
        "Which facts do you have before you read a single byte?",
        "Split in three steps: by size, then by a first piece, then by everything. "
        "Each step only looks at groups that still have two members.",
        "One helper reads an object in pieces of at most 4,096 bytes into a hash; one "
        "helper splits a group by a function of the name.",
    ),
    follow_ups=(
        "The store charges per request as well as per byte. What changes?",
        "A thousand objects of one size differ only in their last byte. What would you "
        "read first?",
        "Objects change while you run. What can you still promise?",
    ),
)

FRAMES = Question(
    title="Spans that stay",
    statement="""A tracer looks at a running request now and then and notes the open
spans, outermost first: (time, ["serve", "query"]). A glitch may show in one look only.

Write solve(samples, n). It returns the calls that were seen in at least n looks in a
row, as (path, first, last): path is the tuple of names from the outermost span down to
the call itself; first and last are the times of the first and the last look of the row.
Sort by first look, outer calls before inner ones.""",
    example="""samples  (0, ["a"])  (1, ["a", "b"])  (2, ["a", "b"])  (3, ["a", "c"])
solve(samples, 2) == [(("a",), 0, 3), (("a", "b"), 1, 2)]""",
    points=(
        Point(
            "which call is which",
            (
                "same call",
                "which call",
                "identity",
                "parent",
                "outer",
                "ancest",
                "position",
            ),
            "A call goes on while all names from the outermost down to it stay. When "
            "an outer one changes, the inner ones are new calls, whatever their names.",
        ),
        Point(
            "gaps",
            ("gap", "again", "come back", "comes back", "disappear", "return"),
            "One look without it ends a call. When it comes back it is another one.",
        ),
        Point(
            "recursion",
            ("recurs", "twice", "itself", "nested"),
            "A span may be inside one of its own name. They are different calls.",
        ),
        Point(
            "equal times",
            ("time", "order", "sorted", "duplicate"),
            "Times never fall. Two looks may carry one time, and are two looks.",
        ),
        Point(
            "the end, and odd input",
            ("end", "last", "open", "finish", "invalid", "negative", "zero", "empty"),
            "What is open in the last look ends there. A stack may be empty. For n "
            "below 1 raise ValueError.",
        ),
    ),
    hints=(
        "What do two neighbouring looks have in common, and what does that tell?",
        "Keep the calls that are open now, as a list that grows and shrinks at its "
        "inner end. The common beginning goes on; the rest ends; the new names begin.",
        "Remember for each open call its first time, its last time and how many looks "
        "have seen it. When it ends, keep it if that is n or more.",
    ),
    follow_ups=(
        "The looks come as an endless stream. What do you keep, and when may you say "
        "that a call counted?",
        "Two threads are traced at once, their looks mixed. What changes?",
        "How long may a call have lasted that was seen in exactly n looks?",
    ),
)

SEATS = Question(
    title="A reservation book that hears things twice",
    statement="""A booking desk handles requests one after the other, in the order of
their times. There are two kinds:

  ("hold", time, key, seat, who, seconds)   keep a seat for somebody for a while
  ("buy", time, key, seat, who)             turn a living hold of one's own into a sale

The network delivers some requests twice: a request with a key that was there before
gets the first answer again, and changes nothing.

Write solve(requests). It returns one answer for each: "ok" or "no".""",
    example="""("hold", 0, "k1", "7A", "ann", 60)   "ok"
("hold", 5, "k2", "7A", "bob", 60)   "no"
("hold", 6, "k1", "7A", "ann", 60)   "ok", said before
("buy",  9, "k3", "7A", "ann")       "ok\"""",
    points=(
        Point(
            "when a hold ends",
            ("end", "expire", "boundary", "exact", "until", "inclusive"),
            "A hold made at t for s seconds is alive before t + s, and over at it.",
        ),
        Point(
            "holding again",
            ("again", "renew", "extend", "own", "already hold", "twice"),
            "Who holds a seat may hold it again under a new key: ok, and the end "
            "counts from then. It may come earlier than before.",
        ),
        Point(
            "sold seats",
            ("sold", "bought", "after a sale", "sale"),
            "A sold seat is sold: every later hold or buy is answered no, to its owner "
            "as well.",
        ),
        Point(
            "one key, two requests",
            ("key", "differ", "conflict", "reuse", "payload", "mismatch"),
            "The same key with another request (anything but the time differs) is "
            'answered "conflict" and changes nothing; the key keeps its first meaning.',
        ),
        Point(
            "refused requests",
            ("refus", "no again", "retry", "fail", "repeat"),
            "The first answer is said again, even a no whose reason is gone by now.",
        ),
    ),
    hints=(
        "What must you look at before you look at the seat?",
        "Two dicts: what was answered to each key, and to which request; and who has "
        "each seat until when. A sale is a hold that never ends, or a set of its own.",
        "Nobody has to remove an expired hold: compare its end with the time of the "
        "request when somebody asks for the seat.",
    ),
    follow_ups=(
        "The dict of keys grows for ever. When may you forget one?",
        "Two desks serve one room. Where does each of your dicts live now?",
        "The machine stops after the sale and before the answer. What happens when the "
        "request comes again?",
    ),
)

QUESTIONS = {"copies": COPIES, "frames": FRAMES, "seats": SEATS}


def draw(name: str) -> str:
    """Return the question that falls to `name`, the same each time.

    >>> draw("Ada") == draw("Ada"), draw("Ada") in QUESTIONS
    (True, True)
    """
    digest = hashlib.sha256(name.encode()).digest()
    return sorted(QUESTIONS)[digest[0] % len(QUESTIONS)]


class Store:
    """Objects by name, read in pieces, as the question "copies" has them.

    >>> store = Store({"a": b"xyz"})
    >>> store.read("a", 1, 2), store.bytes_read
    (b'yz', 2)
    """

    def __init__(
        self, contents: Mapping[str, bytes], damaged: Collection[str] = ()
    ) -> None:
        self._contents, self._damaged = dict(contents), set(damaged)
        self.bytes_read = 0

    def sizes(self) -> dict[str, int]:
        """Return the size of each object in bytes."""
        return {name: len(data) for name, data in self._contents.items()}

    def read(self, name: str, start: int, length: int) -> bytes:
        """Return a piece; ValueError above 4,096 bytes, OSError for a damaged one."""
        if not 0 <= length <= 4096:
            raise ValueError(f"at most 4,096 bytes at once, not {length}")
        if name in self._damaged:
            raise OSError(f"{name} cannot be read")
        piece = self._contents[name][start : start + length]
        self.bytes_read += len(piece)
        return piece


def example(name: str) -> tuple[tuple, list]:
    """Return the arguments of a question's example, and what they give."""
    if name == "copies":
        contents = {"a": b"xyz", "b": b"xyz", "c": b"xyw", "d": b"a longer one"}
        return (Store(contents),), [["a", "b"]]
    if name == "frames":
        samples = [(0, ["a"]), (1, ["a", "b"]), (2, ["a", "b"]), (3, ["a", "c"])]
        return (samples, 2), [(("a",), 0, 3), (("a", "b"), 1, 2)]
    if name == "seats":
        hold = ("hold", 0, "k1", "7A", "ann", 60)
        return (
            [
                hold,
                ("hold", 5, "k2", "7A", "bob", 60),
                ("hold", 6, *hold[2:]),
                ("buy", 9, "k3", "7A", "ann"),
            ],
        ), ["ok", "no", "ok", "ok"]
    raise ValueError(f"no question {name!r}: {', '.join(QUESTIONS)}")


class Interview:
    """One sitting with one question; `reveals` lists (kind, words) as they came.

    With a `sitting` it reminds of the time, and takes up what was revealed in that
    attempt before the kernel was restarted.

    >>> talk = Interview("seats")
    >>> talk.ask("is a hold over exactly at its end?")
    A hold made at t for s seconds is alive before t + s, and over at it.
    >>> talk.hint()
    What must you look at before you look at the seat?
    (hint 1 of 3)
    >>> [kind for kind, _ in talk.reveals]
    ['ask', 'hint']
    """

    def __init__(self, name: str, sitting: Sitting | None = None) -> None:
        if name not in QUESTIONS:
            raise ValueError(f"no question {name!r}: {', '.join(QUESTIONS)}")
        self.name = name
        self._question, self._sitting = QUESTIONS[name], sitting
        self._about: dict[str, object] = {"question": name}
        self.reveals: list[tuple[str, str]] = []
        if sitting is not None:
            self._about |= {"sitting": sitting.name, "number": sitting.number}
            self.reveals += self._before()

    def _before(self) -> list[tuple[str, str]]:
        """Return the reveals of this attempt that the study log holds."""
        return [
            (str(event["kind"]), str(event["words"]))
            for event in ([] if viz.inert() else log.events())
            if event["event"] == "reveal"
            and {"kind", "words"} <= set(event)
            and self._about.items() <= event.items()
        ]

    def question(self) -> None:
        """Print the question and its example, and nothing else."""
        print(self._question.title, self._question.statement, sep="\n\n", end="\n\n")
        print(textwrap.indent(self._question.example, "    "))

    def ask(self, words: str = "") -> None:
        """Print the answer to your question about the question.

        Without words it names a point that is open, as interviewers rarely do.
        """
        told = [topic for kind, topic in self.reveals if kind == "ask"]
        left = [one for one in self._question.points if one.topic not in told]
        if not words:
            self._note("nudge", left[0].topic if left else "nothing")
            print(f"open: {left[0].topic}" if left else "nothing is open any more")
            return
        low = words.lower()
        found = max(
            self._question.points,
            key=lambda one: sum(word in low for word in one.words),
        )
        if not any(word in low for word in found.words):
            self._note("unanswered", words)
            print("That is yours to decide: say what you assume, and go on.")
            return
        self._note("ask", found.topic)
        print(found.answer)

    def hint(self) -> None:
        """Print the next hint."""
        self._next("hint", self._question.hints)

    def follow_up(self) -> None:
        """Print the next follow-up question; each is harder than the last."""
        self._next("follow_up", self._question.follow_ups)

    def debrief(self) -> None:
        """Print what was asked, what stayed open, and what was given away."""
        kinds = [kind for kind, _ in self.reveals]
        told = {topic for kind, topic in self.reveals if kind == "ask"}
        for point in self._question.points:
            print("asked     " if point.topic in told else "not asked ", point.topic)
        for kind, word in (("hint", "hints"), ("nudge", "points named for you")):
            print(f"{word}: {kinds.count(kind)}")

    def _next(self, kind: str, texts: tuple[str, ...]) -> None:
        number = sum(one == kind for one, _ in self.reveals)
        if number == len(texts):
            print("that was the last one")
            return
        print(texts[number])
        self._note(kind, texts[number])
        print(f"({kind.replace('_', '-')} {number + 1} of {len(texts)})")

    def _note(self, kind: str, words: str) -> None:
        self.reveals.append((kind, words))
        if not viz.inert():
            log.record("reveal", **self._about, kind=kind, words=words)
        if self._sitting is not None:
            whole = sum(self._sitting.plan.values())
            print(f"[{self._sitting.elapsed():.0f} of {whole:g} minutes]")
