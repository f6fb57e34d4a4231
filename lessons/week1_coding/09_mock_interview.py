"""Week 1, notebook 9: a mock of the coding rounds, and how they are scored."""

# %% [md] title
# # Sit the coding rounds, before it counts
#
# By the end of this notebook you have reviewed a pull request against a hidden key,
# written tests that were graded by what they catch, sat a 45-minute screen, and
# built a crawler that survives `kill -9` at every file operation.

# %% [md] able
# ## You will be able to
#
# * **review** a hundred lines of somebody's concurrent code and name the defects without crying wolf
# * **test** blocking code without one sleep, so that wrong versions fail and right ones of any form pass
# * **run** your own interview: ask, start simple, watch the clock, and judge yourself as an interviewer would

# %% [map]
# ## Map

# %% [md] asked
# ## Where this is asked
#
# A 45- or 60-minute live screen: about 10 minutes to understand, 25 to 35 to write, 10
# to 15 for follow-ups. A 75- to 90-minute onsite that joins two or three known parts.
# A review or a test-writing round, more and more often: code is cheap, judgement is not.
#
# This is the last notebook of the week. It teaches review, testing and the protocol, and no
# new data structure. A crawler's threads, politeness and robots rules stay in the
# notebook on crawlers.

# %% [setup]
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable

from course import check, desk, viz, widgets
from course.sim import review, stage, storage, web
from course.study import interview, sitting
from course.viz import mock as draw

desk.open("w1-mock")

# %% [md] library-intro
# In these rounds you may use the standard library. Import what you like in your answers;
# these modules are at hand already:

# %% library
import contextlib
import functools
import hashlib
import itertools
import json
import os
import re
import struct
import zlib

# %% [md] four-traits
# ## 1 · What is scored
#
# Interviewers write a verdict on five steps: Strong Hire, Hire, Lean Hire, Lean No Hire,
# No Hire. They justify it with what they *saw*, and in a coding round that is four traits:
#
# | trait | seen as |
# |---|---|
# | clarify | asks what the question leaves open, before writing |
# | simple first | has something right early, and improves it |
# | edge cases and failure | names what breaks, unasked: empty, equal, crash, limit |
# | clean code and performance | names, small functions, a cost that is stated and true |
#
# Nobody sees what you thought. So in exercise 5 you judge your own round by evidence, first alone, then
# with the rubric, and look at the gap.

# %% [md] honest
# ### How this notebook hides things
#
# The key of the review, the wrong queues and the tests of the screen stand in hidden cells: they are
# not on this page, and not in what a class receives back until it is graded. If you study alone,
# they are on your disk, because your own machine grades you. Nobody stops you from
# looking, and then the number you get measures nothing. It is the same with the
# clock and with the draw of a question.

# %% [md] review-order
# ## 2 · Read code that others wrote
#
# Reading from the first line to the last finds typing mistakes. The defects of this week sit
# *between* lines. A better order:
#
# 1. The description: what does it promise? Each promise is a question to the code.
# 2. The shared state: which fields do several threads, or two lives of a process, touch?
# 3. For each of them: every read and every write. Same lock? One step?
# 4. Every wait: who wakes it, in which cases?
# 5. Every file: what is there after a stop at this line?
# 6. Every comparison and key: what if two are equal?
#
# Then the rest. Style comes last, and rarely blocks a merge.

# %% [md] kinds-intro
# ### Eight kinds of defects
#
# Each is a mistake that a notebook of this week was about. You name defects by these words:

# %% kinds
for kind, meaning in review.KINDS.items():
    print(f"{kind:11}{meaning}")

# %% [md] worked-intro
# ### A worked example
#
# Below is a small class, as plain text with line numbers. It holds three defects of three
# kinds. Read it in the order above and write down line and kind, *before* you go on.

# %% worked
print(review.numbered(review.WORKED))

# %% [md] worked-read
# 1. **Promise**: at most `most` in a window, for several users at once; `save` keeps it.
# 2. **Shared**: `self.taken`. It is read in line 10 without the lock and written in 15 with it. Two threads of one user both see one free place, both pass line 12: **race**, at 10 to 15.
# 3. **Waits**: none.
# 4. **Files**: line 21 opens, line 24 closes. If line 22 raises, nobody closes: **leak**. Line 23 gives the new name to bytes that are still in the program's buffer: **durability**.
# 5. **Comparisons**: `<` in line 11. A download exactly `window` ago no longer counts. That fits the promise: no defect, and naming it costs you.

# %% [md] f1
# ### How a review is scored
#
# Who names two lines and is right has not found the third. Who names every line has found them all, and
# nobody reads such a review. Two shares, and a mean that is
# pulled to the smaller one:
#
# * **precision** = right ones / all that you named
# * **recall** = right ones / all that there are
# * **F1** = 2 · precision · recall / (precision + recall)
#
# A place is right if its kind is right and its line is one of the lines involved, or next to one.


# %% score
PLANTED = {"race": range(10, 16), "leak": range(21, 25), "durability": range(23, 24)}
SUSPECTS = [(23, "durability"), (12, "race"), (11, "tie"), (21, "leak")]
SUSPECTS += [(9, "deadline")]
SUSPECTS += [(line, kind) for line in (2, 5, 6) for kind in review.KINDS][:15]


def score(named: list[tuple[int, str]]) -> tuple[float, float, float]:
    """Return precision, recall and F1 of a review of the worked example."""
    found = {
        kind
        for line, kind in named
        if kind in PLANTED and min(abs(line - n) for n in PLANTED[kind]) <= 1
    }
    precision, recall = len(found) / len(named), len(found) / len(PLANTED)
    both = precision + recall
    return precision, recall, 2 * precision * recall / both if both else 0.0


# %% [md] guess-all-intro
# A reviewer of the worked example lists places by suspicion. Places 1, 2 and 4 of the list are
# right. Afraid to miss something, the reviewer names all 20.

# %% guess-all
widgets.predict("all", "What is the F1 of this review, in percent?", unit="%")

# %% [md] all-intro
# Here is what it comes to, and where to stop:

# %% all
widgets.reveal(
    "all",
    100 * score(SUSPECTS)[2],
    explain="All three are found, but seventeen alarms are false.",
)


def reviewer(named: int = 4) -> dict:
    rows = [score(SUSPECTS[:count]) for count in range(1, len(SUSPECTS) + 1)]
    precision, recall, f1 = map(list, zip(*rows, strict=True))
    return {"named": named, "precision": precision, "recall": recall, "f1": f1}


widgets.explore(
    reviewer,
    draw.review_curves,
    question="Where would you stop, if each false alarm cost a colleague an hour?",
    alt="Precision falls and recall rises in steps as more places are named; F1 has "
    "its peak at four places and falls steadily after it.",
    named=(1, 20, 1),
)

# %% [md] request-intro
# ### The pull request
#
# "Scale pictures for web pages: each one once, in the background, kept for reuse." It passes its
# tests, and its author wants to ship it today. Pictures come from users. Read it in the order of this section.

# %% request
print(review.numbered(review.REQUEST))

# %% [md] listed-intro
# A review is text. This is how yours is read; what is no finding is a comment:


# %% listed
def listed(text: str) -> list[tuple[int, str]]:
    """Return the findings (line, kind) of a review."""
    found = re.findall(r"^\s*(\d+)\s+([a-z]+):", text, re.MULTILINE)
    return [(int(line), kind) for line, kind in found]


print(listed("12 race: two threads pass the check"))


# %% [card] e1 minutes=20 core
# Review the pull request
#
# Six defects are planted, each of another kind. `review_text()` returns your
# review: one finding a line, `line kind: what happens`, such as `12 race: two threads
# pass the check`. A finding is right if the kind is right and the line is
# involved, or next to one that is. Graded by F1: at least 0.5, at least 0.8, and all six
# without a false alarm. Some lines look odd and are right.

# %% [hand] e1
# **By hand.** Of the worked example, this review names three places, and all are right:
#
# ```
# 12 race: two threads of one user pass the check before either writes
# 21 leak: the file stays open if the write raises
# 23 durability: renamed before the bytes are flushed and synced
# ```


# %% [answer] e1
def review_text() -> str:
    """Return a review: a line of text for each defect, `line kind: what happens`."""
    ### BEGIN SOLUTION
    return """
     17 collision: a 32-bit checksum stands for the picture. Users send the pictures, so
        two that share it can be made, and one user gets the other's.
     44 race: nobody has the lock between the look into running and the entry in line
        50, so two threads both find nothing, and both scale.
     63 recency: writing over an entry is use, but it stays where it was in the order.
     76 durability: the new name is given before the bytes are synced. After a power cut
        the file can be empty, and the old one is gone.
    106 tie: two jobs that are due at one time are compared themselves, and dicts cannot
        be: TypeError. A counter between the two settles it.
    119 notify: take makes room each time, but wakes a producer only when it took the
        last job. The others sleep on beside a free place.
    """
    ### END SOLUTION


# %% [look] e1
lines = review.REQUEST.splitlines()
told = viz.attempt(lambda: listed(review_text()))
viz.show(
    lambda: draw.findings(lines, told if isinstance(told, list) else []),
    alt="The lines of the pull request as a strip of grey bars, and below them the "
    "places that your review names, with their kinds.",
)

# %% [check] e1 points=1
text = check.call(review_text)
check.true(isinstance(text, str), shown="review_text()", said="is not text")
found = listed(text)
example = "a finding begins with its line and kind: 12 race: two threads pass …"
check.true(bool(found), shown="review_text()", said="names nothing", hint=example)
for number, kind in found:
    shown = f"the finding '{number} {kind}: …'"
    known = ", ".join(review.KINDS)
    check.true(kind in review.KINDS, shown=shown, said="is of no kind", hint=known)
    size = len(review.REQUEST.splitlines())
    check.true(1 <= number <= size, shown=shown, said=f"is not in lines 1 to {size}")

# %% [grade] e1.half points=4 mode=split
# F1 of at least 0.5.

# %% [grade] e1.most points=5 mode=split
# F1 of at least 0.8.

# %% [grade] e1.all points=3 mode=split
# All six, and no false alarm.

# %% [hints] e1
# nudge: Take one field at a time, such as `running`, and mark each line that reads or writes it. Which two of them belong together?
#
# idea: Go through the six questions of the reading order, one pass each. Each of the first pass over locks, waits, files, comparisons and names yields at least one defect; two of the eight kinds do not occur.
#
# outline: Look at what identifies a picture; at what stands between looking for a running job and entering one; at what counts as use; at the order of the last steps of a save; at what a heap compares; and at when a producer hears that there is room.

# %% [md] tests-that-kill
# ## 3 · Tests that catch what reading misses
#
# A test suite is good if it **kills**: if wrong versions fail it. And it must be *fair*: a right
# version of any form passes. With code that blocks there is one more trap. A test that sleeps to see
# whether a call still waits is slow, and sometimes lies.
#
# So you test on a **stage**. Each call runs in a thread of its own until it ends or waits;
# only then the next one moves. Time stands still until you move it. That a call
# waits is then a fact that you can read off, not a guess.

# %% [md] stage-words
# | with `on`, a stage | it does |
# |---|---|
# | `call = on.start(queue.get, timeout=3)` | runs it until it ends or waits |
# | `call.said()` | `"waiting"`, `"returned 'a'"`, `"raised TimeoutError"` |
# | `on.advance(3)` | lets three seconds pass |
# | `on.wake(call)` | ends a wait early, though nobody notified (allowed) |
# | `with on.burst():` | calls started inside come before those whom they wake |
#
# Here is the queue of the notebook on queues, written for a stage: locks and conditions
# come from it, and so does the time. This one is right.


# %% right-queue
class RightQueue:
    """First in, first out, at most `capacity` items; see the promises below."""

    def __init__(self, capacity: int, on: stage.Stage) -> None:
        self.capacity, self.now = capacity, on.now
        self.items, self.closed = deque(), False
        self.changed = on.condition()

    def put(self, item: object, timeout: float | None = None) -> None:
        with self.changed:
            self._wait(lambda: self.closed or len(self.items) < self.capacity, timeout)
            if self.closed:
                raise stage.Closed
            self.items.append(item)
            self.changed.notify_all()

    def get(self, timeout: float | None = None) -> object:
        with self.changed:
            self._wait(lambda: self.closed or self.items, timeout)
            if not self.items:
                raise stage.Closed
            self.changed.notify_all()
            return self.items.popleft()


# %% [md] right-queue-more
# The rest of it. The deadline is computed once, and each round waits for what remains:


# %% right-queue-rest
class Queue(RightQueue):
    """The rest: waiting, closing, and the length."""

    def _wait(self, ready, timeout: float | None) -> None:
        end = None if timeout is None else self.now() + timeout
        while not ready():
            left = None if end is None else end - self.now()
            if left is not None and left <= 0:
                raise TimeoutError
            self.changed.wait(left)

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def __len__(self) -> int:
        return len(self.items)


# %% [md] scene-intro
# A scene: the queue has room for one. A consumer waits, is woken early, waits on. A producer
# comes, then two more.

# %% scene
with stage.Stage() as scene:
    line = Queue(1, scene)
    taker = scene.start(line.get)
    scene.wake(taker)
    scene.start(line.put, "a")
    scene.start(line.put, "b")
    late = scene.start(line.put, "c", timeout=2)
    scene.advance(2)
    print("the taker", taker.said(), "and the last producer", late.said())

viz.show(
    draw.lanes(scene.history),
    alt="Four calls as rows, step by step: get waits, is woken and waits on, returns "
    "a once put a ran; put b returns; put c waits and raises TimeoutError at 2 s.",
)

# %% [md] promises
# ### What the queue promises
#
# 1. Items come out in the order in which they went in; any item, `None` too.
# 2. Never more than `capacity` items, `len(queue)` tells how many. A `put` that timed out has put nothing.
# 3. Nobody waits beside what they wait for: not beside an item, not beside a free place, whoever was woken early, in whatever order calls come.
# 4. With `timeout`, a call raises `TimeoutError` after that many seconds: not sooner, not later, early wake-ups or not. 0 does not wait.
# 5. After `close()`, `put` raises `Closed` and `get` delivers what is left, then raises `Closed`. Whoever waits hears of it at once.
#
# Not promised: *which* of several waiting calls is served first.

# %% [md] guess-kills-intro
# Here is a suite that tests the example of a textbook: put two, get two, in order. And here are
# four wrong queues, each one line away from the right one. Predict how many it kills.

# %% guess-kills
widgets.predict("kills", "Of four wrong queues, the example kills …?", unit="queues")


# %% [md] kills-intro
# Each wrong queue breaks another promise: 1, 2, 4 and 5.


# %% kills
class Backwards(Queue):
    def get(self, timeout: float | None = None) -> object:
        self.items.reverse()
        return super().get(timeout)


class Roomy(Queue):
    def __init__(self, capacity: int, on: stage.Stage) -> None:
        super().__init__(capacity + 1, on)


class Patient(Queue):
    def _wait(self, ready, timeout: float | None) -> None:
        super()._wait(ready, None)


class Deaf(Queue):
    def close(self) -> None:
        self.closed = True


# %% [md] example-suite-intro
# A suite gets `make(capacity)`, which builds a queue, and the stage on which it plays. It raises
# `AssertionError` if the queue breaks a promise.


# %% example-suite
def example_suite(make, on: stage.Stage) -> None:
    line = make(2)
    for item in "ab":
        assert on.start(line.put, item).said() == "returned None"
    assert [on.start(line.get).said() for _ in "ab"] == ["returned 'a'", "returned 'b'"]


def verdict(suite, kind: type) -> str:
    with stage.Stage() as on:
        try:
            suite(lambda capacity: kind(capacity, on), on)
        except NotImplementedError:
            return "not written yet"
        except Exception:
            return "rejected"
    return "accepted"


WRONG = (Backwards, Roomy, Patient, Deaf)
widgets.reveal(
    "kills",
    sum(verdict(example_suite, kind) == "rejected" for kind in WRONG),
    explain="It never fills the queue, never waits, never closes.",
)

# %% [md] recipe
# ### From a promise to a test
#
# For each promise ask: what is the *smallest scene* in which breaking it shows? "Not later than its
# deadline, early wake-ups or not" needs one waiting call, one `wake` before
# the deadline, and `advance` to it. If a version starts its time anew, it still waits.
#
# Then check your suite as you check code: break `Queue` in one place yourself, run, and see
# the suite fail. And ask of each `assert` whether a right queue of another form could
# break it: several waiting calls may be served in any order.

# %% [card] e2 minutes=20 core
# Test a queue
#
# `test_queue(make, on)` raises `AssertionError` if the queues that
# `make(capacity)` builds break one of the five promises, and returns for right ones of any form.
# Direct them with `on`, the stage, and never sleep. Twelve wrong queues are waiting, each with one
# mistake (and some rarer ones), and three right ones of other forms. Capacities are 1 or more.

# %% [hand] e2
# **By hand.** Promise 2, "a `put` that timed out has put nothing": fill a queue of 1, start
# `put("b", timeout=1)`, `advance(1)`: it says `raised TimeoutError`. Then `get` gives what was there,
# `len` is 0, and another `get` waits.


# %% [answer] e2
def test_queue(make: Callable, on: stage.Stage) -> None:
    """Raise AssertionError unless `make(capacity)` builds queues as promised."""
    ### BEGIN SOLUTION

    def now(call: Callable, *args: object, **options: object) -> str:
        return on.start(call, *args, **options).said()

    # 1, 2: order, any item, capacity
    line = make(2)
    assert [now(line.put, item) for item in (None, 0)] == ["returned None"] * 2
    on.start(line.put, "c")
    assert len(line) == 2, "it is full, and who waits does not count"
    said = [now(line.get) for _ in range(3)]
    assert said == ["returned None", "returned 0", "returned 'c'"]

    # 3: nobody sleeps beside an item, or beside a free place
    for item in "ab":
        now(line.put, item)
    givers = [on.start(line.put, item) for item in "cd"]
    with on.burst():
        for _ in "ab":
            on.start(line.get)
    assert [one.said() for one in givers] == ["returned None"] * 2, "a place for each"
    line = make(2)
    takers = [on.start(line.get) for _ in "ab"]
    with on.burst():
        for item in "ab":
            on.start(line.put, item)
    assert {one.said() for one in takers} == {"returned 'a'", "returned 'b'"}

    # 2, 4, 5: how waits end, on an empty queue (get) and on a full one (put)
    for held in ([], ["a"]):
        line = make(1)
        for item in held:
            now(line.put, item)
        wait = functools.partial(line.put, "b") if held else line.get
        assert now(wait, timeout=0) == "raised TimeoutError"
        late = on.start(wait, timeout=5)
        for seconds in (2, 2):
            on.advance(seconds)
            on.wake(late)
            assert late.said() == "waiting", "woken early, and its time is not over"
        on.advance(1)
        assert late.said() == "raised TimeoutError", "a deadline stays where it is"
        asleep = [on.start(wait) for _ in range(3)]
        assert now(line.close) == "returned None"
        assert [one.said() for one in asleep] == ["raised Closed"] * 3
        assert now(line.put, "c") == "raised Closed"
        drained = [now(line.get) for _ in range(len(held) + 1)]
        left = [f"returned {item!r}" for item in held]
        assert drained == [*left, "raised Closed"], "who timed out put nothing"
    ### END SOLUTION


# %% [look] e2
QUEUES = (Queue, *WRONG)
viz.beside(
    viz.attempt(lambda: [verdict(test_queue, kind) for kind in QUEUES]),
    ["accepted"] + ["rejected"] * len(WRONG),
    draw.verdicts([kind.__name__ for kind in QUEUES]),
    alt="Five queues as rows, with what your suite says and what it should: the first "
    "is accepted, Backwards, Roomy, Patient and Deaf are rejected.",
    height=2.6,
)

# %% [check] e2 points=1
with stage.Stage() as on:
    check.within(
        test_queue,
        lambda capacity: Queue(capacity, on),
        on,
        none_ok=True,
        shown="test_queue(the right queue)",
        hint="judge only what is promised",
    )
with stage.Stage() as on:
    check.raises(
        test_queue,
        AssertionError,
        lambda capacity: Backwards(capacity, on),
        on,
        shown="test_queue(Backwards)",
        hint="start puts and gets on the stage, and compare what they said",
    )

# %% [grade] e2.fair points=2 mode=shared
# Three right queues of other forms are accepted; one that does nothing is not.

# %% [grade] e2.items points=4 mode=shared
# Of four queues that break promises 1 and 2, at least three are rejected, and a
# right one is not.

# %% [grade] e2.wakes points=4 mode=shared
# Of four queues that break promise 3, at least three are rejected, and a right one
# is not.

# %% [grade] e2.ends points=4 mode=shared
# Of four queues that break promises 4 and 5, at least three are rejected, and a
# right one is not.

# %% [grade] e2.all points=3 mode=shared
# All twelve are rejected, and seven rarer ones; a right one is not.

# %% [hints] e2
# nudge: Write the five promises down the margin. Which of them does no line of your suite touch?
#
# idea: One helper that starts a call and returns what it said makes most scenes two lines long. The scenes that kill most have somebody waiting while something else happens.
#
# outline: Order and odd items, with a producer that waits for room. Timeouts of 0 and of several seconds, woken early on the way, on both ends, and what they leave. Two takers and a burst of two puts; two givers and a burst of two gets. Close with three asleep on either side, with items left, and puts after it.

# %% [md] screen-protocol
# ## 4 · The 45-minute screen
#
# The interviewer shows a question and says nothing else. What you ask is answered. When you are
# stuck, there is a nudge, and a note of it. Then come follow-ups, each harder. So:
#
# | minutes | you |
# |---|---|
# | 0–10 | repeat the question in your words; ask what is open; a small example; say the cost of a first idea |
# | 10–35 | write the simple version, talking; run the example; then improve |
# | 35–45 | edge cases aloud, cost, follow-ups |
#
# Asking costs nothing and is scored. A hint costs a little. Silence costs most.

# %% [md] ask-well
# ### What to ask
#
# Good questions come from a list that you carry with you. For any input, go through: **empty**, **one**, **equal**
# (two alike: times, keys, contents), **huge**, **wrong** (who reports errors, and how), **order** (of the input,
# of the result), **end** (is a limit in or out?), **again** (the same thing twice).
#
# Then state what you assume and go on. Of these, three to five matter for any question, and the
# tests of edge cases are made of just those.

# %% [md] rehearse-intro
# A rehearsal, with a question that you will not get. "Return the k words that occur most often." Eight
# words of the list, eight questions:

# %% rehearse
print("""empty   no words at all: an empty list?
one     k is 1, or larger than the number of words
equal   two words as often: which comes first?
huge    do the words fit into memory, or do they stream?
wrong   k below 0: ValueError?
order   most frequent first?
end     exactly k, or all that tie with the k-th?
again   'The' and 'the': one word?""")

# %% [md] draw-intro
# ### Draw your question
#
# Put in your name. One of three questions falls to you, the same each time. Take it, whatever it
# is. When you run the cell after that, your time begins: 45 minutes.

# %% draw
NAME = "type your name here"
print("Your question is called:", interview.draw(NAME))

# %% [md] begin-intro
# The clock goes on while you work. It and what you ask are in the log of your course folder, so they
# survive a restart of the kernel; nothing that is graded depends on them. `begin` takes up
# an open sitting, or starts one.

# %% begin
SCREEN_PLAN = {"understood": 10, "written": 25, "followed up": 10}
screen_time = sitting.Sitting.begin("screen", SCREEN_PLAN)
talk = interview.Interview(interview.draw(NAME), screen_time)
widgets.clock(screen_time)

# %% [md] question-intro
# The question, and only the question:

# %% question
talk.question()

# %% [md] ask-intro
# Ask in words, as often as you like; each answer is noted. If nothing comes to your mind,
# `talk.ask()` names a point that is open.

# %% ask
talk.ask("what if it is empty?")
screen_time.stage("understood")

# %% [card] e3 minutes=45 core
# The screen
#
# Solve the question that you drew. Put its name into `problem`, and the function into `solve`:
# `given` holds the arguments that the question names. Helper functions and classes are
# welcome in the cell. Only the example is checked until you submit, as in a real
# screen; what the question leaves open, you find out by asking. Edge cases are tested.

# %% [hand] e3
# **By hand.** Work out the example of your question on paper first, step by step, and one
# more of your own with two equal things in it. If you cannot do it by hand, ask again: you have not
# understood it yet, and ten minutes are there for that.


# %% [answer] e3
class Screen:
    """My answer: which question I drew, and what solves it."""

    problem = "copies"  # put the name of your question here

    @staticmethod
    def solve(*given: object) -> list:
        """Return what the question asks for."""
        ### BEGIN SOLUTION
        (store,) = given
        sizes = store.sizes()
        most, head = 4096, 512  # bytes: of one request, and of the first piece

        def content(name: str, length: int) -> bytes:
            """Read so many first bytes, and return what stands for them."""
            seen = hashlib.sha256()
            for start in range(0, length, most):
                seen.update(store.read(name, start, min(most, length - start)))
            return seen.digest()

        def split(names: list[str], key: Callable[[str], object]) -> list[list[str]]:
            """Return the groups of two or more with one key, without the damaged."""
            groups = defaultdict(list)
            for name in names:
                with contextlib.suppress(OSError):
                    groups[key(name)].append(name)
            return [group for group in groups.values() if len(group) > 1]

        found = []
        for alike in split(list(sizes), sizes.get):
            size = sizes[alike[0]]
            candidates = [alike]
            if size > head:
                candidates = split(alike, lambda name: content(name, head))
            for group in candidates:
                found += split(group, lambda name, size=size: content(name, size))
        return sorted(map(sorted, found))
        ### END SOLUTION


# %% [look] e3
example, expected = interview.example(Screen.problem)
viz.beside(
    viz.attempt(lambda: list(Screen.solve(*example))),
    expected,
    draw.written,
    alt="What your function returns for the example of the question, one line an item, "
    "beside what the question says.",
    height=1.5,
)

# %% [check] e3 points=2
known = list(interview.QUESTIONS)
shown = "Screen.problem"
check.true(Screen.problem in known, shown=shown, said=f"is none of {known}")
given, want = interview.example(Screen.problem)
shown = f"Screen.solve, the example of {Screen.problem}"
check.case(Screen.solve, *given, want=want, shown=shown)

# %% [grade] e3.rule points=10 mode=split
# The rule of the question, on many random inputs.

# %% [grade] e3.edges points=8 mode=split
# What the question leaves open, and an interviewer answers.

# %% [grade] e3.cost points=5 mode=shared
# What it reads, or how its time grows.

# %% [hints] e3
# nudge: Ask the interviewer: `talk.hint()`. The first hint is a question.
#
# idea: `talk.hint()` again. The second one names the structure.
#
# outline: `talk.hint()` once more: the third one names the parts. Each is noted, and the debrief counts them.

# %% [md] after-screen
# ### After the screen
#
# Run this cell once for each follow-up, and answer it aloud; then `screen_time.finish()`. Read
# what you did not ask: there, a guess of yours is now in the code. For a second sitting on another
# day, draw under another name.

# %% after
screen_time.stage("written")
talk.follow_up()
talk.debrief()
print("minutes:", {name: round(took) for name, took in screen_time.times().items()})

# %% [md] onsite
# ## 5 · The onsite: parts that you know, joined
#
# "Write a crawler for one host. Store each text once. The process may be killed at any
# moment: start it again, and it goes on." Nothing in it is new. What is scored is how the parts
# meet: which facts are *the* state, in what order things happen, and what you can say about
# every moment between two lines.
#
# One idea carries it. **All change goes through records.** First make a record of what
# happened, then make it durable, then *apply* it to the memory. A restart applies the
# same records with the same function. So memory after a crash is memory before it.

# %% [md] recap
# ### The journal, once more
#
# A record is framed by its length and checksum, as in the notebook on caches. You may
# use these two in the onsite: `framed` makes a record of plain values, `records` gives back
# all whole records from the beginning of some bytes.

# %% frames
FRAME = struct.Struct(">II")  # length and CRC-32 of the payload


def framed(*values: object) -> bytes:
    """Return one record: JSON of `values` behind its frame."""
    payload = json.dumps(values).encode()
    return FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def records(data: bytes) -> list[list]:
    """Return the values of each record, up to the first that is not whole."""
    found, at = [], 0
    while at + FRAME.size <= len(data):
        length, checksum = FRAME.unpack_from(data, at)
        payload = data[at + FRAME.size :][:length]
        if not payload or len(payload) < length or zlib.crc32(payload) != checksum:
            break
        found.append(json.loads(payload))
        at += FRAME.size + length
    return found


# %% [md] steps-intro
# ### A worked example
#
# A job has six costly steps, one after the other. Its journal holds the result of each. It is
# nearly right.


# %% steps
class Steps:
    """A job whose costly results are journaled; a new one goes on where it stopped."""

    def __init__(self, costly, path: str, fs: storage.Storage) -> None:
        self.results, self.costly = [], costly
        try:
            data = fs.read_bytes(path)
        except FileNotFoundError:
            data = b""
        for (result,) in records(data):
            self._apply(result)
        self.log = fs.open(path, "ab")

    def run(self, steps: int = 6) -> list[int]:
        while len(self.results) < steps:
            result = self.costly(len(self.results))
            self.log.write(framed(result))
            self.log.flush()
            self.log.fsync()
            self._apply(result)
        return self.results

    def _apply(self, result: int) -> None:
        self.results.append(result)


# %% [md] guess-states-intro
# Run it on the disk that remembers every state a crash can leave. For each state, start a
# new job, run it to its end, and then start a third on what that one left. Does a third job
# ever have to do work again?

# %% guess-states
widgets.predict(
    "again",
    "Does the third job do steps again, after a crash and a run that ended?",
    options=["never", "after some crashes", "after every crash"],
)

# %% [md] states-intro
# The third job should find all six results:


# %% states
def lives(job, disk: storage.CrashDisk) -> list[tuple[int, int, bool]]:
    """Return for each crash: operations before it, work after it, well at the end."""
    marks = []
    for crash in disk.crashes():
        then, asked, later = storage.CrashDisk(crash.files), [], []
        job(asked.append, then)
        job(later.append, then.copy())
        marks.append((crash.done, len(asked), not later))
    return marks


def six_steps(note, disk: storage.CrashDisk) -> None:
    Steps(lambda number: note(number) or number * number, "job/log", disk).run()


first = storage.CrashDisk()
six_steps(id, first)
marks = lives(six_steps, first)
widgets.reveal(
    "again",
    "after some crashes" if not all(well for *_, well in marks) else "never",
    explain="A torn record stays, and what is appended behind it is never read.",
)
viz.show(
    draw.crashes(marks, 6, "steps done"),
    alt="Crashes along the file operations: a staircase of dots falls from six steps "
    "to none, with a cross at each edge; a row of dots stays at six to the end.",
)

# %% [md] states-read
# The staircase is right: a crash costs at most the one step whose record was not yet safe. Two
# things are wrong. The **crosses** are crashes that tear a record: the second job stops
# reading there, and then *appends behind the tear*. The **row on top** is a journal that is gone: nobody
# synced the folder, so its *name* was never safe.
#
# A start that rewrites the journal, in the four steps of the notebook on caches
# (temporary file; flush and fsync; replace; fsync of the folder), cures both. First
# start, restart and compaction are then one case.

# %% [md] question-onsite
# ### The question
#
# `Crawler(seed, site, path, capacity, fs)` makes or reads the journal at `path`. It fetches
# nothing yet.
#
# * `run(most)` fetches up to `most` more pages (`None`: all), and returns whether all are done. Breadth first: pages in the order in which their links were found.
# * A page is a URL `without_fragment`, on the same `host` as the seed. Links are absolute. Each page is fetched once, also one that fails: a status other than 200, or `web.FetchError`.
# * `pages()` lists `(url, name)` in the order of fetching: `name` is `named(text)`, or `None` if it failed.
# * A text that was seen on an earlier page adds no links. So a trap of equal pages ends.

# %% [md] question-texts
# * `texts()` lists `(name, text)`, stalest first: the `capacity` texts used last. A page that has a text uses it, new or not; one that left and comes back is stored again.
# * The record of a page is durable before the next page is fetched.
# * `compact()` rewrites the journal as short as it can be; `run` does it by itself, so that all writing stays below 4 times the records, and the journal below 4 times a compacted one plus 16 KiB.
# * `close()` closes the journal.
# * Memory: the texts that are kept, and a few words a page. `OrderedDict` is welcome.


# %% naming
def named(text: str) -> str:
    """Return the name under which a text is stored: SHA-256, 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


# %% [md] small-site-intro
# A site to try it on. It has two pages of one text, a page that does not exist, another
# host, and a page that fails:

# %% small-site
ROOT = "http://site.test"
LINKS = {
    "/": ["/a", "/b#top", "/a", "http://site.test.evil.test/"],
    "/a": ["/c", "/"],
    "/b": ["/copy", "/d"],
    "/c": ["/gone", "/copy"],
    "/copy": ["/never"],
    "/d": ["/broken", "/c"],
    "/never": [],
    "/broken": [],
}


def small_site() -> web.Site:
    """Return a fresh site of eight pages, where /copy has the text of /a."""
    links = {
        ROOT + page: [link if "//" in link else ROOT + link for link in found]
        for page, found in LINKS.items()
    }
    texts = {ROOT + page: f"text of {page}" for page in LINKS}
    texts[ROOT + "/copy"] = texts[ROOT + "/a"]
    return web.Site(links, texts=texts, failures={ROOT + "/broken": [None]})


# %% [md] onsite-clock-intro
# 75 minutes, with the mark of a plan at each stage. `onsite_time.stage("designed")`
# notes that you are there, `onsite_time.finish()` stops the clock. When you are ready:

# %% onsite-clock
ONSITE_PLAN = {"designed": 15, "crawls": 15, "survives": 25, "bounded": 10, "told": 10}
onsite_time = sitting.Sitting.begin("onsite", ONSITE_PLAN)
widgets.clock(onsite_time)

# %% [card] e4 minutes=75 stretch
# The crawler that survives
#
# Write `Crawler` as the question says. After a crash at any file operation, and with any
# tail of the journal torn, a new `Crawler` that runs to its end gives the same `pages()` and `texts()`
# as one that was never disturbed, and fetches no page that is in the journal. A crash may hit
# the restart too, and the compaction.

# %% [hand] e4
# **By hand.** `small_site()`, capacity 2. Fetched: `/`, `/a`, `/b`, `/c`, `/copy`, `/d`, `/gone`,
# `/broken`. `/copy` has the text of `/a`, so `/never` is not found. Texts used, in this order: `/`, `/a`, `/b`,
# `/c`, `/a` again (it had left), `/d`. Kept: those of `/a` and `/d`, `/a` the staler.


# %% [answer] e4
class Crawler:
    """Crawl the host of `seed`, each page once, and go on after any crash."""

    def __init__(
        self, seed: str, site: web.Site, path: str, capacity: int, fs: storage.Storage
    ) -> None:
        """Make the journal at `path`, or take up what it holds; fetch nothing yet."""
        ### BEGIN SOLUTION
        self._site, self._path, self._capacity, self._fs = site, path, capacity, fs
        self._home = web.host(seed)
        self._pages: dict[str, str | None] = {}  # what was fetched, in order
        self._waiting = deque([web.without_fragment(seed)])
        self._found = set(self._waiting)  # every page that is fetched or waits
        self._names: set[str] = set()
        self._texts: OrderedDict[str, str] = OrderedDict()  # stalest first
        self._log: storage.File | None = None
        for kind, *fields in records(self._journal()):
            (self._restore if kind == "state" else self._apply)(*fields)
        self.compact()  # whatever was torn is gone, and the log is open
        ### END SOLUTION

    def run(self, most: int | None = None) -> bool:
        """Fetch up to `most` more pages (None: all); return whether all are done."""
        ### BEGIN SOLUTION
        for _ in itertools.count() if most is None else range(most):
            if not self._waiting:
                break
            record = self._fetched(self._waiting[0])
            self._append(framed("page", *record))
            self._apply(*record)
            if self._size > 2 * self._least + 4096:
                self.compact()
        return not self._waiting
        ### END SOLUTION

    def pages(self) -> list[tuple[str, str | None]]:
        """Return (url, name of its text, or None) in the order of fetching."""
        ### BEGIN SOLUTION
        return list(self._pages.items())
        ### END SOLUTION

    def texts(self) -> list[tuple[str, str]]:
        """Return (name, text) of the texts that are kept, stalest first."""
        ### BEGIN SOLUTION
        return list(self._texts.items())
        ### END SOLUTION

    def compact(self) -> None:
        """Replace the journal, durably, by the shortest one for the same state."""
        ### BEGIN SOLUTION
        state = list(self._pages.items()), list(self._waiting), self.texts()
        data, temporary = framed("state", *state), self._path + ".tmp"
        with self._fs.open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            file.fsync()
        self._fs.replace(temporary, self._path)
        self._fs.fsync_dir(os.path.dirname(self._path))
        self.close()
        self._log = self._fs.open(self._path, "ab")
        self._size = self._least = len(data)
        ### END SOLUTION

    def close(self) -> None:
        """Close the journal."""
        ### BEGIN SOLUTION
        if self._log is not None:
            self._log.close()

    def _journal(self) -> bytes:
        try:
            return self._fs.read_bytes(self._path)
        except FileNotFoundError:
            return b""

    def _append(self, record: bytes) -> None:
        """Make a record durable."""
        self._log.write(record)
        self._log.flush()
        self._log.fsync()
        self._size += len(record)

    def _fetched(self, url: str) -> tuple[str, str | None, str | None, list[str]]:
        """Fetch a page: its url, the name of its text, the text if new, new links."""
        try:
            reply = self._site.fetch(url)
        except web.FetchError:
            return url, None, None, []
        if reply.status != 200:
            return url, None, None, []
        name = named(reply.text)
        text = None if name in self._texts else reply.text
        links = [] if name in self._names else map(web.without_fragment, reply.links)
        new = dict.fromkeys(one for one in links if web.host(one) == self._home)
        return url, name, text, [one for one in new if one not in self._found]

    def _apply(
        self, url: str, name: str | None, text: str | None, links: list[str]
    ) -> None:
        """Take in what happened: the only way in which a crawl changes."""
        self._waiting.popleft()
        self._waiting += links
        self._found.update(links)
        self._pages[url] = name
        if name is None:
            return
        self._names.add(name)
        if text is not None:
            self._texts[name] = text
        self._texts.move_to_end(name)
        if len(self._texts) > self._capacity:
            self._texts.popitem(last=False)

    def _restore(self, pages: list, waiting: list, texts: list) -> None:
        """Take in a state that compact wrote."""
        self._pages = dict(pages)
        self._waiting = deque(waiting)
        self._found = {*self._pages, *waiting}
        self._names = {*self._pages.values()} - {None}
        self._texts = OrderedDict(texts)
        ### END SOLUTION


# %% [look] e4
def crawl(site: web.Site, disk: storage.CrashDisk) -> tuple[list, list]:
    crawler = Crawler(ROOT + "/", site, "box/journal", 2, fs=disk)
    crawler.run()
    return crawler.pages(), crawler.texts()


def crash_everywhere() -> list[tuple[int, int, bool]]:
    disk, found = storage.CrashDisk(), []
    wanted = crawl(small_site(), disk)
    for crash in disk.crashes():
        site = small_site()
        got = crawl(site, storage.CrashDisk(crash.files))
        found.append((crash.done, site.fetches.total(), got == wanted))
    return found


crashed = viz.attempt(crash_everywhere)
viz.show(
    lambda: draw.crashes(crashed if isinstance(crashed, list) else [], len(LINKS)),
    alt="Crashes along the file operations of a crawl: pages fetched after each fall "
    "from eight to none in steps; dots end as an undisturbed crawl, crosses do not.",
)

# %% [check] e4 points=2
site, disk = small_site(), storage.CrashDisk()
shown = "Crawler(seed, small_site(), 'box/journal', 2)"
crawler = check.call(Crawler, ROOT + "/", site, "box/journal", 2, fs=disk, shown=shown)
check.equal(site.fetches.total(), 0, shown=f"pages fetched by {shown}")
check.equal(crawler.run(3), False, shown="run(3)")
check.equal(crawler.run(), True, shown="run() after it")
order = ["/", "/a", "/b", "/c", "/copy", "/d", "/gone", "/broken"]
pages = crawler.pages()
check.equal([url for url, _ in pages], [ROOT + one for one in order], shown="pages()")
failed = [url for url, name in pages if name is None]
check.equal(failed, [ROOT + "/gone", ROOT + "/broken"], shown="pages without a text")
kept = [(named(f"text of {one}"), f"text of {one}") for one in ("/a", "/d")]
check.equal(crawler.texts(), kept, shown="texts()", hint="see by hand")
crawler.close()
again = Crawler(ROOT + "/", site, "box/journal", 2, fs=disk)
check.equal(again.run(), True, shown="run() of a second Crawler on the same journal")
check.equal(again.pages(), pages, shown="its pages()")
check.equal(site.fetches.total(), 8, shown="pages fetched by both")

# %% [grade] e4.order points=6 mode=split
# Random sites: the order, the host, fragments, failures, `run` in portions.

# %% [grade] e4.texts points=6 mode=split
# Texts seen before, traps, which texts are kept at several capacities.

# %% [grade] e4.crash points=9 mode=split
# A crash after every file operation, with every outcome; crashes of crashed lives.

# %% [grade] e4.torn points=6 mode=split
# The journal cut at every byte, or with junk behind it; then used on.

# %% [grade] e4.bounds points=5 mode=shared
# Bytes written, the size of the journal, memory.

# %% [hints] e4
# nudge: For the moment between any two lines of your loop: which facts are only in memory, and can a new process find them again?
#
# idea: One record for each page holds everything that the page changed: its name, its text if that is new, its new links. One method applies a record to the memory, while crawling and while replaying.
#
# outline: Start: empty state with the seed waiting; replay; rewrite the journal as one record of the whole state, with the four steps; open it for appending. Loop: fetch the first that waits, without removing it; make the record; write, flush, sync; apply, which removes it, adds links, moves or stores the text and throws out the stalest. When the journal is a multiple of the last state plus a constant, rewrite.

# %% [md] verdict-intro
# ## 6 · The verdict
#
# Look at your screen as if it were somebody else's. For each trait there must be something that you can
# point at: a question in the log, a line of code, a minute on the clock. "I thought of it" is
# not evidence.
#
# Give each trait a step from 1 (No Hire) to 5 (Strong Hire) *now*, and write them into the next cell. Then
# write exercise 5. Only then open the rubric below it, mark again, and fill in the second row.

# %% my-marks
TRAITS = ("clarify", "simple first", "failure thinking", "clean and fast")
BEFORE = (None, None, None, None)  # 1 No Hire … 5 Strong Hire, before the rubric
AFTER = (None, None, None, None)  # the same, after reading it

# %% [essay] e5 points=10 rubric=verdict minutes=10 stretch
# Write your own scorecard
#
# In at most 200 words, about the screen of exercise 3 (or the onsite), as the interviewer who
# has to defend it: for each of the four traits one step of the five and the evidence, quoted or with the
# minute; then the overall verdict, which is not the mean; the one thing that would move it
# up a step; and what you do about it before the next mock. Write before you read the rubric.

# %% [rubric] verdict
# **A strong answer contains**
#
# * evidence for each trait that somebody else could check: a question asked, a line of code, a minute, a failing case found by the candidate
# * a verdict that follows from the evidence, and says which trait decided; a missed edge case with data loss outweighs fine names
# * both sides: what went well is named too, without apology
# * one concrete change ("state the cost before I write", "ask about equal keys first"), with when and how it is practised
#
# **Red flags**: adjectives in place of evidence ("good communication"); the mean of four numbers; every trait the same step; blame on the clock or the question; a resolution such as "practise more".
#
# **Levels**
#
# * 0–2: a feeling about how it went, or a retelling of the code
# * 3–5: marks for the traits, evidence for one or two of them
# * 6–8: evidence for all four, a verdict that follows from it, and a next step
# * 9–10: says what decided, what was seen only after the tests ran, and a step up that is specific enough to fail

# %% [md] anchors
# <details><summary>The rubric of a screen: open it when your scorecard is written</summary>
#
# | trait | No Hire | Lean Hire | Strong Hire |
# |---|---|---|---|
# | clarify | writes at once | asks about the input | asks what decides the design, restates the answers |
# | simple first | nothing runs at half time | simple version, late | runs by minute 20, then better |
# | failure thinking | none unasked | one or two edges when asked | names and tests them unasked, says what is given up |
# | clean and fast | one long block, cost unknown | readable, cost after asking | small parts, right cost stated early |
#
# **No Hire** overall: the example fails. **Lean No Hire**: works with hints, breaks on what was never asked.
# **Hire**: right, with edges, little help. **Strong Hire**: the interviewer learnt something.
#
# </details>

# %% [md] gap-intro
# The gap between the two rows, once both are filled in. In which trait are you too kind to
# yourself, in which too hard?

# %% gap
if None in BEFORE + AFTER:
    print("Fill in BEFORE and AFTER, two cells above the scorecard, to see the gap.")
else:
    viz.show(
        draw.calibration(TRAITS, BEFORE, AFTER),
        alt="Four traits as rows, on a scale of five steps: a circle for your mark "
        "before the rubric, a diamond for the one after, joined where they differ.",
    )

# %% [md] aloud
# ## Say it out loud
#
# Rehearse in 90 seconds, standing up: "I first say back what I heard, and ask what is open: empty,
# equal, huge, wrong, order, end, again. I take the simplest thing that is right, run the
# example, then say what it costs and what I would improve. For state that must survive, all change
# goes through records: make it durable, then apply it, and replay with the same function. When I
# review, I read promises, shared state, waits, files, comparisons, in this order, and I name only what I can
# show to break."

# %% [md] follow
# ## Follow-ups
#
# 1. One of your three findings is wrong, and the author says so. What do you do?
# 2. A suite kills all twelve wrong queues. What does that say about the thirteenth?
# 3. Two crawlers share a host. Which records leave the process, and which need a lease?
# 4. `fsync` fails. May you fetch the next page? What does the journal hold now?
# 5. Two texts differ in a date only. What would you compare, and where is it stored?
# 6. The frontier has a billion URLs. What stays in memory, and what is a false "already seen" worth?
# 7. Prove that your crawler loses no page: what is the invariant, and which line keeps it?

# %% [md] deeper
# ## Go deeper
#
# * A. Bacchelli, C. Bird, *Expectations, Outcomes, and Challenges of Modern Code Review*, ICSE 2013: what reviews find, and what people think they find
# * R. DeMillo, R. Lipton, F. Sayward, *Hints on Test Data Selection: Help for the Practicing Programmer*, IEEE Computer 1978: why a test should be judged by the wrong programs that it kills
# * M. Najork, A. Heydon, *High-Performance Web Crawling*, in: Handbook of Massive Data Sets, 2002: content-seen tests, checkpoints, and frontiers on disk

# %% [review]
# ## Review cards
#
# Q: In which order do you read a pull request with shared state?
# A: Promises, shared fields with all their reads and writes, waits and who wakes them, files and what a stop leaves, comparisons and keys; style last.
#
# Q: Why is F1 of a review low when every line is named?
# A: Recall is 1, but precision is the number of defects over the number of names, and F1 is pulled to the smaller of the two.
#
# Q: What makes a test of blocking code deterministic?
# A: Calls move one at a time, time moves only when the test says so, and that a call waits is read off, not slept for.
#
# Q: When is a test unfair?
# A: When a right version of another form fails it: because it judges an order, a message or a structure that nobody promised.
#
# Q: Name the eight words to ask about any input.
# A: Empty, one, equal, huge, wrong, order, end, and again: the same thing twice.
#
# Q: What is the order of fetch, record and memory in a crawler that survives?
# A: Fetch without removing the page from the frontier; write the record and make it durable; apply it to the memory; only then fetch the next.
#
# Q: Why does replay call the same function as the crawl?
# A: Then the state after a restart is the state before it by construction, and a rule exists once.
#
# Q: Why rewrite the journal at each start?
# A: A torn tail is gone, nothing is appended behind it, and first start, restart and compaction are one case.
